"""Independent confirmation of the delta method: paired bootstrap, approximate randomisation, and McNemar's test.

One weight matrix serves all columns, so systems and parallel languages are resampled together.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import stats

from xbench.stats.ratios import Sums

Floats = npt.NDArray[np.float64]
_CHUNK = 256  # resamples at a time: bounds the memory; the draws do not depend on it


def bootstrap(sums: Sums, weights: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Bootstrap replicates of contrasts, clusters drawn with replacement.

    Args:
        sums: Clusters x columns.
        weights: Contrasts x columns.
        resamples: How many.
        rng: Decides the draws; the same state gives the same replicates.

    Returns:
        Shape (resamples, contrasts); NaN where a replicate has nothing to divide by.
    """
    used = (weights != 0).any(axis=0)
    above, below, kept = sums.numerator[:, used], sums.denominator[:, used], weights[:, used]
    out = np.empty((resamples, len(weights)))
    at = 0
    for counts in _counts(len(above), resamples, rng):
        with np.errstate(invalid="ignore", divide="ignore"):
            out[at : at + len(counts)] = ((counts @ above) / (counts @ below)) @ kept.T
        at += len(counts)
    return out


def _counts(clusters: int, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each cluster is drawn: (up to _CHUNK, clusters) at a time."""
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        drawn = rng.integers(clusters, size=(rows, clusters))
        flat = drawn + clusters * np.arange(rows)[:, None]
        yield np.bincount(flat.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def shift_p(observed: Floats, replicates: Floats) -> Floats:
    """Two-sided p by the shifted bootstrap: how often a replicate is as far from the observed value as that is from 0.

    (1 + hits) / (1 + resamples), so never 0 (Davison and Hinkley 1997, section 4.2.5).
    """
    hits = (np.abs(replicates - observed) >= np.abs(observed) * (1 - 1e-12)).sum(axis=0)
    out: Floats = (1 + hits) / (1 + len(replicates))
    return out


def randomisation(first: Sums, second: Sums, resamples: int, rng: np.random.Generator) -> Floats:
    """Two-sided p of approximate randomisation: in each cluster the two systems are swapped or not (Yeh 2000; Riezler and Maxwell 2005).

    Args:
        first: Clusters x columns of one system.
        second: The same columns of the other.
        resamples: How many swaps of all clusters.
        rng: Decides.

    Returns:
        Shape (columns,); (1 + hits) / (1 + resamples) with ties as hits.
    """
    observed = np.abs(first.scores - second.scores)
    hits = np.zeros(len(observed))
    difference = [(a - b) for a, b in ((first.numerator, second.numerator), (first.denominator, second.denominator))]
    total = [a.sum(axis=0) + b.sum(axis=0) for a, b in ((first.numerator, second.numerator), (first.denominator, second.denominator))]
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        signs = rng.integers(2, size=(rows, len(first.numerator))).astype(np.float64) * 2 - 1
        above, below = (signs @ d for d in difference)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.abs((total[0] + above) / (total[1] + below) - (total[0] - above) / (total[1] - below))
        hits += (found >= observed - 1e-12).sum(axis=0)
    out: Floats = (1 + hits) / (1 + resamples)
    return out


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """Exact and mid-p McNemar on the discordant pairs: the sign-flip law without resampling (Fagerland et al. 2013)."""
    n, k = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0, 1.0
    exact = min(1.0, 2 * float(stats.binom.cdf(k, n, 0.5)))
    return exact, min(1.0, exact - float(stats.binom.pmf(k, n, 0.5)))
