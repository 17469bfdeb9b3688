"""Ratios of sums over clusters, and the delta method: every difference of interest from one influence matrix.

A column is one score (a system in a language): sum(numerator) / sum(denominator) over clusters. The influence of cluster c on a column is
(numerator_c - score * denominator_c) / sum(denominator); the sum over clusters of products of influences estimates the covariance of
the columns, whatever clusters share (Liang and Zeger 1986; Miller 2024, arXiv 2411.00640, for evaluations). A cluster without examples in a
column has influence 0 there, so languages with other items are independent and parallel ones are not, as they should be.

`moments` makes from the counts of all systems what every comparison of them needs; `differences` makes the comparisons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating] | npt.NDArray[np.integer]
_ROWS = 1 << 16  # clusters at a time: bounds the memory beside the counts themselves
_NO_SPREAD = 1e-28  # the variance of equal scores, but for rounding
_ROUNDING = 1e-14  # a variance, or a difference, below this share of its terms is what is left of a subtraction of equal numbers


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts of one language: numerators and denominators of each system, of shape (rows, systems).

    Attributes:
        numerator: Any number type.
        denominator: Likewise; or of shape (rows, 1), the same for all systems. 0 where a row has no example of a system.
        rows: The cluster of each row, ascending, each at most once; row i is cluster i if not given.
    """

    numerator: Numbers
    denominator: Numbers
    rows: Ints | None = None

    @property
    def systems(self) -> int:
        """How many."""
        return int(self.numerator.shape[1])

    @property
    def cluster_of_row(self) -> Ints:
        """Shape (rows,)."""
        return np.arange(len(self.numerator)) if self.rows is None else self.rows

    @property
    def totals(self) -> tuple[Floats, Floats]:
        """Sums of numerators and denominators, each of shape (systems,)."""
        above = self.numerator.sum(axis=0, dtype=np.float64)
        return above, np.broadcast_to(self.denominator.sum(axis=0, dtype=np.float64), above.shape)

    @property
    def scores(self) -> Floats:
        """The ratio of each column, shape (systems,); 0 where there is nothing to divide by."""
        above, below = self.totals
        return above / np.where(below > 0, below, 1.0)

    @property
    def clusters(self) -> Ints:
        """Clusters with examples of each system, shape (systems,)."""
        return np.broadcast_to(np.count_nonzero(self.denominator, axis=0), (self.systems,))

    @property
    def too_small(self) -> npt.NDArray[np.bool_]:
        """Whether there are fewer than two clusters of a system, so that nothing can be said of its spread, shape (systems,)."""
        if len(self.numerator) < 2:
            return np.ones(self.systems, dtype=bool)
        return (self.clusters < 2) & (self.totals[1] > 0)  # over nothing (no span, gold or predicted) a score is 0, without spread

    def counted(self) -> "Sums":
        """Without the rows in which no system has something to count, as of a sentence without a span; all of them where no row has."""
        there = self.denominator.any(axis=1)
        if there.all() or not there.any():
            return self
        return Sums(self.numerator[there], self.denominator[there], self.cluster_of_row[there])

    def take(self, systems: Sequence[int] | Ints) -> "Sums":
        """The same rows for some of the systems."""
        below = self.denominator if self.denominator.shape[1] == 1 else self.denominator[:, systems]
        return Sums(self.numerator[:, systems], below, self.rows)


def influence(sums: Sums) -> Floats:
    """The influence of each cluster on each score, shape (rows, systems), with the factor C / (C - 1) for few clusters in it.

    Raises:
        ValueError: If a system has fewer than two clusters.
    """
    scores, scale = _scores_and_scale(sums)
    return _influence(sums, scores, scale, slice(None))


def _scores_and_scale(sums: Sums) -> tuple[Floats, Floats]:
    (above, below), count = sums.totals, sums.clusters
    nothing, lacking = below <= 0, sums.too_small
    if lacking.any():
        raise ValueError(f"columns {np.flatnonzero(lacking).tolist()} have fewer than two clusters")
    below, count = np.where(nothing, 1.0, below), np.where(nothing, 2, count)
    return above / below, np.where(nothing, 0.0, np.sqrt(count / (count - 1)) / below)


def _influence(sums: Sums, scores: Floats, scale: Floats, rows: slice) -> Floats:
    out: Floats = sums.denominator[rows] * -scores
    out += sums.numerator[rows]
    out *= scale
    return out


@dataclass(frozen=True, slots=True)
class Part:
    """Clusters of a quantity that weigh alike in it.

    Attributes:
        share: What they count in the quantity; the shares of all its parts add up to 1.
        scores: Shape (systems,): what they add to each score, as far as all clusters of a language show the same.
        covariance: Shape (systems, systems): what they add to that of the scores.
        full: How many of them have something to count in every system.
        partial: Shape (systems, clusters): whether there is something to count, of those that have it in some systems and not in others.
    """

    share: float
    scores: Floats
    covariance: Floats
    full: int
    partial: npt.NDArray[np.bool_]

    @property
    def clusters(self) -> int:
        """How many have something to count in any system."""
        return self.full + int(self.partial.any(axis=0).sum())

    def counted(self, arms: Sequence[Sequence[int]], weights: Floats) -> Floats:
        """How many have something to count in a run of an arm that has weight, shape (contrasts,)."""
        size = self.partial.shape[1]
        if not size:
            return np.full(len(weights), float(self.full))
        present = np.stack([self.partial[list(runs)].any(axis=0) for runs in arms])
        absent = (~present).astype(np.float32)  # sums of ones are exact up to 2^24
        neither = absent @ absent.T
        taking_part = weights != 0
        first, last = taking_part.argmax(axis=1), len(arms) - 1 - taking_part[:, ::-1].argmax(axis=1)
        lacking = neither[first, last].astype(np.float64)
        for k in np.flatnonzero(taking_part.sum(axis=1) > 2):
            lacking[k] = size - np.count_nonzero(present[taking_part[k]].any(axis=0))
        found: Floats = self.full + size - lacking
        return found

    def take(self, systems: Sequence[int]) -> "Part":
        """The same clusters for some of the systems, in this order."""
        own = list(systems)
        return Part(self.share, self.scores[own], self.covariance[np.ix_(own, own)], self.full, self.partial[own])


@dataclass(frozen=True, slots=True)
class Moments:
    """What all comparisons of several systems on one quantity (a language, a mean over languages) need.

    Attributes:
        scores: Shape (systems,).
        covariance: Shape (systems, systems): of the scores, over new items.
        parts: What the covariance is the sum of: one for a language; in a mean a cluster is in the part of the language with the fewest
            clusters among those in which it has something to count in any system, as in a mean it is in small languages that a cluster
            weighs most.
    """

    scores: Floats
    covariance: Floats
    parts: tuple[Part, ...]

    @property
    def clusters(self) -> int:
        """How many have something to count in any system."""
        return sum(p.clusters for p in self.parts)

    def take(self, systems: Sequence[int]) -> "Moments":
        """The same for some of the systems, in this order."""
        return _whole(self.scores[list(systems)], tuple(p.take(systems) for p in self.parts))


def moments(blocks: Sequence[Sums], shares: Floats, clusters: int | None = None) -> list[Moments]:
    """Scores and covariances of single languages and of means over languages, all systems at once.

    Args:
        blocks: One for each language, over the same systems; equal cluster numbers are the same cluster.
        shares: Shape (quantities, languages): what each language counts in each quantity; a single 1 is one
            language, 1/L each the mean of them.
        clusters: How many cluster numbers there are; the largest and one if not given.

    Returns:
        One for each row of `shares`.

    Raises:
        ValueError: If a system has fewer than two clusters in a language that counts.
    """
    total = clusters or 1 + max((int(b.cluster_of_row.max(initial=-1)) for b in blocks), default=-1)
    systems = blocks[0].systems if len(blocks) else 0
    blocks = [b.counted() for b in blocks]  # of a cluster that is shared, a language in which it is empty is not the smallest
    several = np.flatnonzero((shares != 0).sum(axis=1) > 1)
    used = [b for b in range(len(blocks)) if shares[:, b].any()]
    # Influences of clusters that several languages share are added up before they are multiplied: (quantities, shared clusters, systems).
    position, shared = _shared(blocks, used, total)
    joint = np.zeros((len(several), shared, systems))
    present = np.zeros((len(several), shared, max((blocks[b].denominator.shape[1] for b in used), default=1)), dtype=bool)
    scores = np.zeros((len(blocks), systems))
    parts: list[dict[int, Part]] = [{} for _ in shares]
    for b in used:
        block, share = blocks[b], shares[:, b]
        scores[b], scale = _scores_and_scale(block)
        places, there = position[block.cluster_of_row], block.denominator != 0
        common, own = np.zeros((systems, systems)), np.zeros((systems, systems))
        for start in range(0, len(block.numerator), _ROWS):
            rows = slice(start, start + _ROWS)
            values, where = _influence(block, scores[b], scale, rows), places[rows]
            inside = where >= 0
            if not inside.all():
                own += values[~inside].T @ values[~inside]
                values, where = values[inside], where[inside]
            common += values.T @ values
            place: slice | Ints = slice(None) if len(where) == shared else where  # ascending: then it is all of them
            for at in np.flatnonzero(share[several]):
                joint[at, place] += share[several[at]] * values
                present[at, place] |= there[rows][inside]
        alone = _counted(there[places < 0], systems) if len(several) else (0, np.zeros((systems, 0), dtype=bool))
        for q in np.flatnonzero(share):
            if q in several:
                parts[q][b] = Part(0.0, np.zeros(systems), share[q] ** 2 * own, *alone)
            else:
                parts[q][b] = Part(share[q], share[q] * scores[b], share[q] ** 2 * (own + common), *_counted(there, systems))
    for q, values, there in zip(several, joint, present, strict=True):
        parts[q] = _parts(blocks, position, shares[q], scores, parts[q], values, there)
    return [_whole(s @ scores, tuple(own.values())) for s, own in zip(shares, parts, strict=True)]


def _whole(scores: Floats, parts: tuple[Part, ...]) -> Moments:
    return Moments(scores, parts[0].covariance if len(parts) == 1 else np.sum([p.covariance for p in parts], axis=0), parts)


def _counted(there: npt.NDArray[np.bool_], systems: int) -> tuple[int, npt.NDArray[np.bool_]]:
    """Of whether a cluster has something to count, shape (clusters, systems) or (clusters, 1): `full` and `partial` of a part."""
    every = there.all(axis=1)
    partial = there[~every & there.any(axis=1)].T if there.shape[1] > 1 else np.zeros((systems, 0), dtype=bool)
    return int(every.sum()), np.ascontiguousarray(partial)


def _parts(
    blocks: Sequence[Sums], position: Ints, share: Floats, scores: Floats, own: dict[int, Part], joint: Floats, there: npt.NDArray[np.bool_]
) -> dict[int, Part]:
    """The parts of a mean over languages.

    Args:
        blocks: As in `moments`.
        position: From `_shared`.
        share: Shape (languages,).
        scores: Shape (languages, systems).
        own: {language: of the clusters that are in no other}.
        joint: Shape (shared clusters, systems): their influences on the mean.
        there: Likewise, or (shared clusters, 1): whether they have something to count.
    """
    systems = joint.shape[1]
    home = np.full(len(joint), -1)
    rows = {b: position[blocks[b].cluster_of_row] for b in own}
    nothing = {b: not blocks[b].denominator.any() for b in own}
    for b in sorted(own, key=lambda b: (nothing[b], len(rows[b]), b), reverse=True):
        home[rows[b][rows[b] >= 0]] = b
    weight, added = np.zeros(len(blocks)), np.zeros_like(scores)
    for b, where in rows.items():
        of = np.bincount(np.where(where < 0, b, home[where]) if len(home) else np.full(len(where), b), minlength=len(blocks)) / len(where)
        weight += share[b] * of
        added += share[b] * of[:, None] * scores[b]
    order = np.argsort(home, kind="stable")
    ends = np.searchsorted(home, np.arange(len(blocks) + 1), sorter=order)
    found = {}
    for b, alone in own.items():
        inside = order[ends[b] : ends[b + 1]]
        values, counted = (joint, there) if len(inside) == len(joint) else (joint[inside], there[inside])
        full, partial = _counted(counted, systems)
        found[b] = Part(
            weight[b], added[b], alone.covariance + values.T @ values, alone.full + full, np.concatenate([alone.partial, partial], axis=1)
        )
    return {b: p for b, p in found.items() if p.share > 0}


def _shared(blocks: Sequence[Sums], used: Sequence[int], total: int) -> tuple[Ints, int]:
    """Numbers for the clusters that are in more than one of the languages used, -1 for the others; and how many there are."""
    seen = np.zeros(total, dtype=np.int32)
    for b in used:
        seen[blocks[b].cluster_of_row] += 1
    position = np.full(total, -1, dtype=np.int64)
    shared = np.flatnonzero(seen > 1)
    position[shared] = np.arange(len(shared))
    return position, len(shared)


def combine(found: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """A mean over quantities that share no cluster (tasks), for the same systems."""
    weights = np.asarray(shares, dtype=np.float64)
    parts = [
        Part(w * p.share, w * p.scores, w**2 * p.covariance, p.full, p.partial)
        for w, m in zip(weights, found, strict=True)
        for p in m.parts
    ]
    return _whole(np.einsum("p,ps->s", weights, np.stack([m.scores for m in found])), tuple(parts))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Linear combinations of scores.

    Where nothing varies (`se` is 0: every cluster shows the same difference, or none) p and interval are those of counting: were the
    true value 0, or the limit, a share of the clusters would be as far as can be the other way, and that none of them is among those
    seen has the probability (1 - share) ** clusters. With right and wrong answers that is the exact sign test, and Clopper and Pearson's
    interval. In a mean over parts the shares of which are not as their clusters, those are counted that there would be if all
    weighed as much as the heaviest: by the convexity of the logarithm no way to spread the others over the parts is more probable.

    Attributes:
        value, se: Shape (contrasts,).
        df: Degrees of freedom of the t distribution, likewise.
        items, seeds, cells: Variances that `se` is made of, likewise: over new items, between runs, and the noise of single runs, which
            is in both. Where arms have different numbers of runs, what they would be if each had as many as the smallest.
        item_df: Degrees of freedom of that over items, likewise.
        clusters: With something to count in the runs of the contrast, likewise.
        even: As many of the weight of the heaviest, likewise.
        down, up: How far from what they show clusters may be at most, likewise: 1 each for a difference of 0.
    """

    value: Floats
    se: Floats
    df: Floats
    items: Floats
    seeds: Floats
    cells: Floats
    item_df: Floats
    clusters: Floats
    even: Floats
    down: Floats
    up: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence limits at `level`."""
        half = scipy.stats.t.ppf(0.5 + level / 2, self.df) * self.se
        share = unseen(self.even, level)
        low, high = (np.where(self.se > 0, half, share * far) for far in (self.down, self.up))
        return self.value - low, self.value + high

    @property
    def p(self) -> Floats:
        """Two-sided p against 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.value) / self.se
            counted = 2 * (1 - np.abs(self.value) / np.where(self.value > 0, self.down, self.up)) ** self.even
        found: Floats = np.where(self.se > 0, 2 * scipy.stats.t.sf(t, self.df), np.minimum(1.0, counted))
        return np.where((self.value == 0) & (self.se == 0), 1.0, found)

    @property
    def p_up(self) -> Floats:
        """One-sided p against a difference of 0 or less."""
        return np.where(self.value > 0, self.p / 2, 1 - self.p / 2)


def unseen(clusters: npt.ArrayLike, level: float) -> Floats:
    """The largest share of all clusters of which none need be among those seen, at `level` (two-sided)."""
    with np.errstate(divide="ignore"):
        share: Floats = 1 - ((1 - level) / 2) ** (1 / np.asarray(clusters, dtype=np.float64))
    return share


def contrast(sums: Sums, weights: Floats) -> Estimate:
    """Differences, means, differences of means: `weights` of shape (contrasts, systems) times the scores, over new items.

    Raises:
        ValueError: As `influence`, for the systems that have weight.
    """
    used = (weights != 0).any(axis=0)
    kept, inner = sums.take(np.flatnonzero(used)), weights[:, used]
    own = influence(kept) @ inner.T
    variance = (own**2).sum(axis=0)
    there = np.broadcast_to(kept.denominator != 0, kept.numerator.shape)
    clusters = np.array([there[:, w != 0].any(axis=1).sum() for w in inner], dtype=np.float64)
    value, nothing = inner @ kept.scores, np.zeros(len(weights))
    least, most = _range(weights)
    return Estimate(
        value, np.sqrt(variance), clusters - 1, variance, nothing, nothing, clusters - 1, clusters, clusters, value - least, most - value
    )


def differences(found: Moments, arms: Sequence[Sequence[int]], weights: Floats) -> Estimate:
    """Differences of recipes, over new items and, where every arm of a difference has two runs or more, over new seeds too.

    The variance is that between the runs of each arm, plus that over items of what the runs of an arm have in common: the variance over
    items (delta method on the means over runs) less the noise of single runs, which is in the first already, at least 0. That is the
    two-way form of Cameron, Gelbach and Miller (2011) with the noise of single runs estimated within items, as in analysis of variance,
    so that what makes an item hard for every run is not taken off. Runs of an arm that tie in score, though not on every item, are taken
    to vary by the noise of single runs, which is the least that runs vary by. t with Satterthwaite's degrees of freedom; two arms of
    equally many runs are taken to vary alike over seeds, which two or three runs cannot refute and which t on equal numbers forgives.

    Args:
        found: Systems are single runs.
        arms: The runs of each arm.
        weights: Shape (differences, arms), such as [[1, -1]].

    Returns:
        Arrays of shape (differences,).
    """
    mean = np.zeros((len(arms), len(found.scores)))
    for a, runs in enumerate(arms):
        mean[a, list(runs)] = 1 / len(runs)
    counts = np.array([len(runs) for runs in arms])
    square = weights**2
    scores = mean @ found.scores
    between = mean @ found.covariance @ mean.T
    items = ((weights @ between) * weights).sum(axis=1)
    items = np.where(items > _ROUNDING * (square @ np.diag(between)), items, 0.0)
    clusters = np.stack([p.counted(arms, weights) for p in found.parts])
    item_df = _satterthwaite(found, weights @ mean, clusters, items)
    alone = np.array([_noise(found.covariance[np.ix_(r, r)]) for r in map(list, arms)])
    own = np.array([found.scores[list(r)].var(ddof=1) / len(r) if len(r) > 1 else 0.0 for r in arms])
    own = np.where(own < _NO_SPREAD, alone, own)  # runs of one score by chance: no draw that t knows of
    seeds, cells = square @ own, square @ alone
    over_seeds = np.array([(counts[w != 0] > 1).all() for w in weights], dtype=bool)
    seeds, cells = np.where(over_seeds, seeds, 0.0), np.where(over_seeds, cells, 0.0)
    common = np.maximum(items - cells, 0.0)
    total = common + seeds
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = square * own
        seed_df = parts.sum(axis=1) ** 2 / (parts**2 / np.maximum(counts - 1, 1)).sum(axis=1)
        for k, w in enumerate(weights):
            taking_part = counts[w != 0]
            if len(taking_part) == 2 and taking_part[0] == taking_part[1]:
                # An arm all runs of which are one has no say.
                seed_df[k] = (taking_part[0] - 1) * max(1, np.count_nonzero(own[w != 0]))
        df = np.where(seeds > 0, total**2 / (seeds**2 / seed_df + common**2 / item_df), item_df)
    # Runs that are all alike say nothing about seeds, but there are no more degrees of freedom than runs either when nothing varies.
    df = np.where(over_seeds & (total == 0), counts.max() - 1.0, df)
    value = weights @ scores
    value = np.where(np.abs(value) > _ROUNDING * (np.abs(weights) @ np.abs(scores)), value, 0.0)
    share = np.array([p.share for p in found.parts])[:, None]
    shown = np.stack([weights @ mean @ p.scores for p in found.parts]) / share
    if len(set(counts)) > 1:
        fewest = np.array([counts[w != 0].min() for w in weights])
        seeds, cells = (np.where(over_seeds, square @ (v * counts) / fewest, 0.0) for v in (own, alone))
        items = np.where(over_seeds, common + cells, items)
    least, most = _range(weights)
    even = np.round((clusters / share).min(axis=0), 9)  # shares that add up to 1 but for rounding are 1
    return Estimate(
        value, np.sqrt(total), df, items, seeds, cells, item_df, clusters.sum(axis=0), even, (shown - least).max(axis=0),
        (most - shown).max(axis=0),
    )  # fmt: skip


def _satterthwaite(found: Moments, weights: Floats, clusters: Floats, items: Floats) -> Floats:
    """Degrees of freedom of the variance over items, shape (contrasts,): those of the parts that it comes from.

    Args:
        found: As in `differences`.
        weights: Shape (contrasts, systems).
        clusters: Shape (parts, contrasts).
        items: Shape (contrasts,): the variance.
    """
    alone = np.maximum(clusters - 1, 1.0)
    every: Floats = np.maximum(clusters.sum(axis=0) - 1, 1.0)
    if len(found.parts) == 1:
        return every
    own = np.maximum([((weights @ p.covariance) * weights).sum(axis=1) for p in found.parts], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = own.sum(axis=0) ** 2 / (own**2 / alone).sum(axis=0)
    return np.where(items > 0, df, every)


def _range(weights: Floats) -> tuple[Floats, Floats]:
    """The least and the most that a cluster may show, as every score is from 0 to 1."""
    return np.minimum(weights, 0).sum(axis=1), np.maximum(weights, 0).sum(axis=1)


def _noise(covariance: Floats) -> float:
    """Of the mean of runs: what is in single runs alone, shape (runs, runs) in; what runs have in common is between them too."""
    runs = len(covariance)
    if runs < 2:
        return 0.0
    alone = float(np.trace(covariance))
    noise = alone / runs - (float(covariance.sum()) - alone) / (runs * (runs - 1))
    return noise / runs if noise > _ROUNDING * alone else 0.0


def all_pairs(systems: int) -> Floats:
    """Weights of every pair (first less second), shape (systems * (systems - 1) / 2, systems), in the order of numpy's triu_indices."""
    first, second = np.triu_indices(systems, 1)
    out = np.zeros((len(first), systems))
    out[np.arange(len(first)), first], out[np.arange(len(first)), second] = 1.0, -1.0
    return out
