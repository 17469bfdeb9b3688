"""Independent confirmation of the delta method: paired bootstrap, approximate randomisation, and McNemar's test.

One weight matrix serves all systems and all languages that share items, so they are resampled together; languages that share none are
resampled apart. A resample is a vector of how often each cluster is drawn, and a score is a ratio of two products with it, so a
bootstrap is a matrix product. Where few clusters differ, equal ones are drawn together (multinomial): the same law, far fewer draws.

Counts are added up exactly (whole numbers in 24 or 53 bits, fractions rounded to 2^-32), so neither the chunk nor the number of threads
changes a digit.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import scipy

from xbench.stats.ratios import Floats, Sums

Precision = type[np.float32] | type[np.float64]
Reals = npt.NDArray[np.floating]
_CELLS = 1 << 21  # of the weight matrix at a time: bounds the memory; the draws do not depend on it
_DRAWS = 32  # resamples drawn in one call
_COLLAPSE = 16  # drawing a group of equal clusters costs as much as drawing so many clusters
_FEW_COLUMNS = 16  # more columns hardly ever have equal rows
_GRID = 2.0**32
_EXACT_32, _EXACT_64 = 2.0**24, 2.0**53
_ENUMERATE = 12  # so many clusters that differ have all their swaps tried


def bootstrap(blocks: Sequence[Sums], resamples: int, rng: np.random.Generator) -> Reals:
    """Bootstrap replicates of the scores of all systems in all languages, clusters drawn with replacement.

    Args:
        blocks: One for each language, over the same systems; equal cluster numbers are the same cluster.
        resamples: How many.
        rng: Decides the draws; a generator in the same state that has spawned as often gives the same replicates.

    Returns:
        Shape (languages, systems, resamples), in single precision where all counts are exact in it; 0 where a replicate has nothing to
        divide by. Means over languages and differences of systems are means and differences of these.
    """
    groups = _together(blocks)
    out: Reals | None = None
    for (languages, clusters), stream in zip(groups, rng.spawn(len(groups)), strict=True):
        scores = _resampled([blocks[i] for i in languages], clusters, resamples, stream)
        if out is None:
            shape = (len(blocks), blocks[0].systems, resamples)
            out = np.empty(shape, dtype=scores.dtype)
        elif scores.dtype == np.float64 and out.dtype != np.float64:
            out = out.astype(np.float64)
        out[languages] = scores
    assert out is not None
    return out


def _together(blocks: Sequence[Sums]) -> list[tuple[list[int], npt.NDArray[np.int64]]]:
    """Languages that share clusters, directly or through others, and the clusters of each such group."""
    groups: list[tuple[list[int], npt.NDArray[np.int64]]] = []
    for i, block in enumerate(blocks):
        languages, clusters = [i], np.sort(block.cluster_of_row)
        rest = []
        for group in groups:
            if np.array_equal(group[1], clusters):
                languages = [*group[0], *languages]
            elif np.intersect1d(group[1], clusters, assume_unique=True).size:
                languages, clusters = [*group[0], *languages], np.union1d(group[1], clusters)
            else:
                rest.append(group)
        groups = [*rest, (languages, clusters)]
    return sorted(groups, key=lambda g: g[0][0])


def _resampled(blocks: Sequence[Sums], clusters: npt.NDArray[np.int64], resamples: int, rng: np.random.Generator) -> Reals:
    """Replicates of one group of languages: (languages, systems, resamples)."""
    n, systems = len(clusters), blocks[0].systems
    columns = np.zeros((n, len(blocks) * systems + sum(b.denominator.shape[1] for b in blocks)))
    below: list[slice] = []
    at = len(blocks) * systems
    for i, block in enumerate(blocks):
        rows = np.searchsorted(clusters, block.cluster_of_row)
        columns[rows, i * systems : (i + 1) * systems] = block.numerator
        below.append(slice(at, at + block.denominator.shape[1]))
        columns[rows, below[-1]] = block.denominator
        at = below[-1].stop
    columns, exact = _exactly(columns)
    constant = [s.stop - s.start == 1 and bool((columns[:, s] == columns[:1, s]).all() and columns[0, s.start]) for s in below]
    multiplicity, columns = _collapsed(columns)
    out = np.empty((len(blocks), systems, resamples), dtype=exact)
    table = np.ascontiguousarray(columns.T, dtype=exact)
    if all(constant):
        table = table[: len(blocks) * systems]
    start = 0
    for counts in _counts(n, multiplicity, resamples, rng, exact):
        stop = start + len(counts)
        sums: Reals = np.matmul(table, counts.T)
        for i, s in enumerate(below):
            divisor = np.asarray(n * columns[:1, s], dtype=exact) if constant[i] else sums[s]
            with np.errstate(invalid="ignore", divide="ignore"):
                np.divide(sums[i * systems : (i + 1) * systems], divisor, out=out[i, :, start:stop])
            if not constant[i]:
                np.nan_to_num(out[i, :, start:stop], copy=False)
        start = stop
    return out


def _exactly(columns: Floats) -> tuple[Floats, Precision]:
    """The columns, and the precision in which every sum of n draws of them is exact."""
    most = len(columns) * max(1.0, float(np.abs(columns).max(initial=0.0)))
    if (columns == columns.astype(np.int64)).all():
        return columns, np.float32 if most < _EXACT_32 else np.float64
    return (np.round(columns * _GRID) / _GRID if most * _GRID < _EXACT_64 else columns), np.float64


def _collapsed(columns: Floats) -> tuple[npt.NDArray[np.int64] | None, Floats]:
    """Groups of equal rows, their sizes and one row of each, where drawing groups is cheaper than drawing rows."""
    if columns.shape[1] > _FEW_COLUMNS or len(columns) < _COLLAPSE:
        return None, columns
    codes = np.zeros(len(columns), dtype=np.int64)
    for column in columns.T:
        values, inverse = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(values) + inverse, return_inverse=True)[1]
        if codes.max() >= len(columns) // _COLLAPSE:
            return None, columns
    _, first, sizes = np.unique(codes, return_index=True, return_counts=True)
    return sizes, columns[first]


def _counts(
    n: int, multiplicity: npt.NDArray[np.int64] | None, resamples: int, rng: np.random.Generator, precision: Precision
) -> Iterator[Reals]:
    """How often each cluster, or group of equal clusters, is drawn: (some resamples, clusters) at a time."""
    width = n if multiplicity is None else len(multiplicity)
    chunk = max(1, min(resamples, _CELLS // width))
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        if multiplicity is not None:
            yield rng.multinomial(n, multiplicity / n, size=rows).astype(precision)
            continue
        counts = np.empty((rows, n), dtype=precision)
        for at in range(0, rows, _DRAWS):
            drawn = rng.integers(n, size=(min(_DRAWS, rows - at), n), dtype=np.uint32)
            for i, row in enumerate(drawn):
                counts[at + i] = np.bincount(row, minlength=n)
        yield counts


def bootstrap_law(sums: Sums) -> tuple[Floats, Floats]:
    """The exact law of the bootstrap for few clusters, by every way to draw them.

    Returns:
        Replicates of the scores, shape (outcomes, systems), and their probabilities, shape (outcomes,).

    Raises:
        ValueError: With more than 10 clusters.
    """
    n = len(sums.numerator)
    if n > 10:  # 92,378 outcomes at 10
        raise ValueError(f"{n} clusters; the law is enumerated up to 10")
    counts = np.array([np.bincount(drawn, minlength=n) for drawn in itertools.combinations_with_replacement(range(n), n)], dtype=np.float64)
    below = np.broadcast_to(sums.denominator, sums.numerator.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = (counts @ sums.numerator.astype(np.float64)) / (counts @ below.astype(np.float64))
    return replicates, scipy.stats.multinomial(n, np.full(n, 1 / n)).pmf(counts)


def resolution(replicates: Reals) -> float:
    """How far replicates of `bootstrap`, or means and differences of them, may be from one another that are equal but for rounding."""
    return 4 * max(float(np.finfo(replicates.dtype).eps), 1 / _GRID)


class Law:
    """The distribution of bootstrap replicates.

    Args:
        replicates: Shape (..., resamples); scores, means of them over languages, differences of systems.
        slack: What is this near is a tie: the `resolution` of what `bootstrap` gave, before anything was made of it in another precision.
            That of `replicates` if not given.
    """

    def __init__(self, replicates: Reals, slack: float | None = None) -> None:
        self._slack = resolution(replicates) if slack is None else slack
        self._ordered = np.sort(replicates, axis=-1)  # faster than partitions: whole rows are sorted by vector instructions

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """The percentile interval, shape (...) each; linear between order statistics, as numpy.quantile."""
        last = self._ordered.shape[-1] - 1
        ends = []
        for quantile in ((1 - level) / 2, (1 + level) / 2):
            k = int(quantile * last)
            below, above = (self._ordered[..., min(i, last)].astype(np.float64) for i in (k, k + 1))
            ends.append(below + (quantile * last - k) * (above - below))
        return ends[0], ends[1]

    def shift_p(self, observed: npt.ArrayLike) -> Floats:
        """Two-sided p by the shifted bootstrap: how often a replicate is as far from the observed value as that is from 0.

        (1 + hits) / (1 + resamples), so never 0 (Davison and Hinkley 1997, section 4.2.5).

        Args:
            observed: Shape (...).
        """
        values = np.asarray(observed, dtype=np.float64)
        size = self._ordered.shape[-1]
        rows, flat = self._ordered.reshape(-1, size), values.ravel()
        hits = np.empty(len(flat))
        for i, (row, value) in enumerate(zip(rows, flat, strict=True)):
            far = abs(value) - self._slack  # values that are equal but for rounding are ties, and ties are hits
            hits[i] = size if far <= 0 else size - row.searchsorted(value + far) + row.searchsorted(value - far, side="right")
        out: Floats = ((1 + hits) / (1 + size)).reshape(values.shape)
        return out


def randomisation(first: Sums, second: Sums, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided p of approximate randomisation: in each cluster the two systems are swapped or not (Yeh 2000; Riezler and Maxwell 2005).

    Clusters in which both have the same counts play no part. With at most 12 that differ all swaps are tried and p is exact.

    Args:
        first: Clusters x runs of one system; what is tested is the mean of their scores.
        second: As many runs of the other, swapped with those of the first all at once.
        resamples: How many swaps of all clusters.
        rng: Decides.

    Returns:
        (1 + hits) / (1 + resamples) with ties as hits; or hits / swaps.
    """
    runs = first.systems
    one, two = (np.hstack([s.numerator, np.broadcast_to(s.denominator, s.numerator.shape)]).astype(np.float64) for s in (first, second))
    observed = abs(float(first.scores.mean() - second.scores.mean()))
    total, differs = (one + two).sum(axis=0), (one != two).any(axis=1)
    if not differs.any():
        return 1.0
    half, precision = _exactly((one - two)[differs])

    def as_far(swapped: Floats) -> npt.NDArray[np.bool_]:
        with np.errstate(invalid="ignore", divide="ignore"):
            better = (total[:runs] + swapped[:, :runs]) / (total[runs:] + swapped[:, runs:])
            worse = (total[:runs] - swapped[:, :runs]) / (total[runs:] - swapped[:, runs:])
        found: npt.NDArray[np.bool_] = np.abs(np.nan_to_num(better - worse).mean(axis=1)) >= observed - 1e-12
        return found

    if len(half) <= _ENUMERATE:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(half))))
        return float(as_far(signs @ half).mean())
    multiplicity, kept = _collapsed(half)
    hits, chunk = 0, max(1, min(resamples, _CELLS // len(kept)))
    table = kept.astype(precision)
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        if multiplicity is None:
            # whole words of 64 bits a row: what is drawn must not depend on the chunk
            words = rng.integers(2**64 - 1, size=(rows, (len(half) + 63) // 64), dtype=np.uint64, endpoint=True)
            signs = 2.0 * np.unpackbits(words.view(np.uint8), axis=1)[:, : len(half)] - 1.0
        else:
            signs = 2.0 * rng.binomial(multiplicity, 0.5, size=(rows, len(multiplicity))) - multiplicity
        hits += int(as_far(np.matmul(signs.astype(precision), table).astype(np.float64)).sum())
    return (1 + hits) / (1 + resamples)


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """Exact and mid-p McNemar on the discordant pairs: the sign-flip law without resampling (Fagerland et al. 2013)."""
    n, k = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0, 1.0
    twice = 2 * float(scipy.stats.binom.cdf(k, n, 0.5))
    return min(1.0, twice), min(1.0, twice - float(scipy.stats.binom.pmf(k, n, 0.5)))
