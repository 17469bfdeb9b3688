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
class Moments:
    """What all comparisons of several systems on one quantity (a language, a mean over languages) need.

    Attributes:
        scores: Shape (systems,).
        covariance: Shape (systems, systems): of the scores, over new items.
        clusters: How many clusters there are in it, with something to count in any system.
    """

    scores: Floats
    covariance: Floats
    clusters: int


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
    several = np.flatnonzero((shares != 0).sum(axis=1) > 1)
    used = [b for b in range(len(blocks)) if shares[:, b].any()]
    # Influences of clusters that several languages share are added up before they are multiplied: (quantities, shared clusters, systems).
    position, shared = _shared(blocks, used, total)
    joint = np.zeros((len(several), shared, systems))
    scores = np.zeros((len(shares), systems))
    covariance = np.zeros((len(shares), systems, systems))
    counted = np.zeros((len(several), total), dtype=bool)
    there_in = np.zeros(len(shares), dtype=np.int64)
    for b in used:
        block, share = blocks[b], shares[:, b]
        block_scores, scale = _scores_and_scale(block)
        there = block.cluster_of_row[(block.denominator != 0).any(axis=1)]
        common, own = np.zeros((systems, systems)), np.zeros((systems, systems))
        for start in range(0, len(block.numerator), _ROWS):
            rows = slice(start, start + _ROWS)
            values, where = _influence(block, block_scores, scale, rows), position[block.cluster_of_row[rows]]
            inside = where >= 0
            if not inside.all():
                own += values[~inside].T @ values[~inside]
                values, where = values[inside], where[inside]
            common += values.T @ values
            place: slice | Ints = slice(None) if len(where) == shared else where  # ascending: then it is all of them
            for at in np.flatnonzero(share[several]):
                joint[at, place] += share[several[at]] * values
        for q in np.flatnonzero(share):
            scores[q] += share[q] * block_scores
            covariance[q] += share[q] ** 2 * (own if q in several else own + common)
            there_in[q] = len(there)
        counted[np.ix_(share[several] != 0, there)] = True
    there_in[several] = counted.sum(axis=1)
    for q, values in zip(several, joint, strict=True):
        covariance[q] += values.T @ values
    return [Moments(s, c, int(n)) for s, c, n in zip(scores, covariance, there_in, strict=True)]


def _shared(blocks: Sequence[Sums], used: Sequence[int], total: int) -> tuple[Ints, int]:
    """Numbers for the clusters that are in more than one of the languages used, -1 for the others; and how many there are."""
    seen = np.zeros(total, dtype=np.int32)
    for b in used:
        seen[blocks[b].cluster_of_row] += 1
    position = np.full(total, -1, dtype=np.int64)
    shared = np.flatnonzero(seen > 1)
    position[shared] = np.arange(len(shared))
    return position, len(shared)


def combine(parts: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """A mean over quantities that share no cluster (tasks), for the same systems."""
    weights = np.asarray(shares, dtype=np.float64)
    return Moments(
        np.einsum("p,ps->s", weights, np.stack([p.scores for p in parts])),
        np.einsum("p,pst->st", weights**2, np.stack([p.covariance for p in parts])),
        sum(p.clusters for p in parts),
    )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Linear combinations of scores.

    Where nothing varies (`se` is 0: every cluster shows the same difference, or none) p and interval are those of counting: were the
    true value 0, or the limit, a share of the clusters would be as far as can be the other way, and that none of them is among those
    seen has the probability (1 - share) ** clusters. With right and wrong answers that is the exact sign test, and Clopper and Pearson's
    interval.

    Attributes:
        value, se: Shape (contrasts,).
        df: Degrees of freedom of the t distribution, likewise.
        items, seeds, cells: Variances that `se` is made of, likewise: over new items, between runs, and the noise of single runs, which
            is in both.
        clusters: With something to count, likewise.
        least, most: What a cluster may show, likewise: -1 and 1 for a difference.
    """

    value: Floats
    se: Floats
    df: Floats
    items: Floats
    seeds: Floats
    cells: Floats
    clusters: Floats
    least: Floats
    most: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence limits at `level`."""
        half = scipy.stats.t.ppf(0.5 + level / 2, self.df) * self.se
        share = unseen(self.clusters, level)
        low, high = (np.where(self.se > 0, half, share * np.abs(self.value - end)) for end in (self.least, self.most))
        return self.value - low, self.value + high

    @property
    def p(self) -> Floats:
        """Two-sided p against 0."""
        end = np.where(self.value > 0, self.least, self.most)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.value) / self.se
            counted = 2 * (end / (end - self.value)) ** self.clusters
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
    nothing = np.zeros(len(weights))
    return Estimate(inner @ kept.scores, np.sqrt(variance), clusters - 1, variance, nothing, nothing, clusters, *_range(weights))


def differences(found: Moments, arms: Sequence[Sequence[int]], weights: Floats) -> Estimate:
    """Differences of recipes, over new items and, where every arm of a difference has two runs or more, over new seeds too.

    The variance is that between the runs of each arm, plus that over items of what the runs of an arm have in common: the variance over
    items (delta method on the means over runs) less the noise of single runs, which is in the first already, at least 0. That is the
    two-way form of Cameron, Gelbach and Miller (2011) with the noise of single runs estimated within items, as in analysis of variance,
    so that what makes an item hard for every run is not taken off. t with Satterthwaite's degrees of freedom; two arms of equally many
    runs are taken to vary alike over seeds, which two or three runs cannot refute and which t on equal numbers forgives.

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
    items = np.einsum("ka,ab,kb->k", weights, between, weights)
    items = np.where(items > _ROUNDING * (square @ np.diag(between)), items, 0.0)
    cells = square @ np.array([_noise(found.covariance[np.ix_(r, r)]) for r in map(list, arms)])
    own = np.array([found.scores[list(r)].var(ddof=1) / len(r) if len(r) > 1 else 0.0 for r in arms])
    own[own < _NO_SPREAD] = 0.0
    seeds = square @ own
    over_seeds = np.array([(counts[w != 0] > 1).all() for w in weights], dtype=bool)
    seeds, cells = np.where(over_seeds, seeds, 0.0), np.where(over_seeds, cells, 0.0)
    common = np.maximum(items - cells, 0.0)
    total = common + seeds
    item_df = np.full(len(weights), found.clusters - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = square * own
        seed_df = parts.sum(axis=1) ** 2 / (parts**2 / np.maximum(counts - 1, 1)).sum(axis=1)
        for k, w in enumerate(weights):
            taking_part = counts[w != 0]
            if len(taking_part) == 2 and taking_part[0] == taking_part[1]:
                # An arm that does not vary at all has no say.
                seed_df[k] = (taking_part[0] - 1) * max(1, np.count_nonzero(own[w != 0]))
        df = np.where(seeds > 0, total**2 / (seeds**2 / seed_df + common**2 / item_df), item_df)
    # Runs that are all alike say nothing about seeds, but there are no more degrees of freedom than runs either when nothing varies.
    df = np.where(over_seeds & (total == 0), counts.max() - 1.0, df)
    value = weights @ scores
    value = np.where(np.abs(value) > _ROUNDING * (np.abs(weights) @ np.abs(scores)), value, 0.0)
    clusters = np.full(len(weights), float(found.clusters))
    return Estimate(value, np.sqrt(total), np.maximum(df, 1.0), items, seeds, cells, clusters, *_range(weights))


def _range(weights: Floats) -> tuple[Floats, Floats]:
    """The least and the most that a cluster may show, as every score is from 0 to 1."""
    return np.minimum(weights, 0).sum(axis=1), np.maximum(weights, 0).sum(axis=1)


def _noise(covariance: Floats) -> float:
    """Of the mean of runs: what is in single runs alone, shape (runs, runs) in; what runs have in common is between them too."""
    runs = len(covariance)
    if runs < 2:
        return 0.0
    alone = float(np.trace(covariance))
    return max(0.0, alone / runs - (float(covariance.sum()) - alone) / (runs * (runs - 1))) / runs


def all_pairs(systems: int) -> Floats:
    """Weights of every pair (first less second), shape (systems * (systems - 1) / 2, systems), in the order of numpy's triu_indices."""
    first, second = np.triu_indices(systems, 1)
    out = np.zeros((len(first), systems))
    out[np.arange(len(first)), first], out[np.arange(len(first)), second] = 1.0, -1.0
    return out
