"""What can be said of numbers without their examples, and no more: published tables and other aggregates.

Every function states what it assumes. None gives a paired p, which needs the examples.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from xbench.stats.ratios import Floats, unseen
from xbench.stats.resampling import mcnemar

FEWEST_LANGUAGES = 6  # with five the smallest two-sided p of a sign test is .0625


@dataclass(frozen=True, slots=True)
class Bounds:
    """What two accuracies on the same items allow.

    Attributes:
        delta: First less second.
        se: Standard error if the two were independent: too large when both find the same items hard.
        low, high: Interval with it, 95 %.
        p_bound: Its p: an upper bound as far as right answers go together.
        p_smallest, p_largest: Exact McNemar p over every number of disagreements that the two accuracies allow.
    """

    delta: float
    se: float
    low: float
    high: float
    p_bound: float
    p_smallest: float
    p_largest: float


def wilson(value: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) interval of one accuracy on n independent items."""
    interval = scipy.stats.binomtest(round(value * n), n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def two_accuracies(first: float, second: float, n: int, rounding: float = 0.0) -> Bounds:
    """Two accuracies on the same n items, known as numbers only.

    The systems disagree on at least n |a - b| items and on at most n min(2 - a - b, a + b); the p of McNemar's test lies between those
    of the two.

    Args:
        first: Of the first system, a fraction.
        second: Of the second.
        n: Items.
        rounding: Half a unit of the last digit printed, as a fraction; widens the interval at both ends.
    """
    delta = first - second
    se = float(np.sqrt((first * (1 - first) + second * (1 - second)) / n))
    half = float(scipy.stats.norm.ppf(0.975)) * se
    below = above = half + 2 * rounding
    most = int(np.floor(n * min(2 - first - second, first + second) + 1e-9))
    # What rounding leaves open is taken the worse way: the smallest difference with as many more disagreements as are split evenly.
    small, large = (round(n * max(0.0, abs(delta) + by)) for by in (-2 * rounding, 2 * rounding))
    even = max(0, (most - small) // 2)
    ends = mcnemar(large, 0)[0], mcnemar(small + even, even)[0]
    if se > 0:
        p = float(2 * scipy.stats.norm.sf(max(0.0, abs(delta) - 2 * rounding) / se))
    else:  # all right or all wrong: every item shows the same, which is counted as in ratios.Estimate
        share, p = float(unseen(n, 0.95)), max(ends)
        below, above = (share * abs(delta - end) + 2 * rounding for end in (-1, 1))
    return Bounds(delta, se, delta - below, delta + above, p, min(ends), max(ends))


@dataclass(frozen=True, slots=True)
class Welch:
    """Difference of two means over runs, on this test set."""

    delta: float
    se: float
    df: float
    low: float
    high: float
    p: float


def welch(means: tuple[float, float], deviations: tuple[float, float], runs: tuple[int, int]) -> Welch:
    """Welch's t test from means and standard deviations (n - 1) over runs: new seeds, the test set as it is.

    Raises:
        ValueError: With fewer than two runs.
    """
    if min(runs) < 2:
        raise ValueError(f"{runs[0]} and {runs[1]} runs; two each are needed")
    parts = np.array(deviations) ** 2 / np.array(runs)
    se = float(np.sqrt(parts.sum()))
    delta = means[0] - means[1]
    if se == 0:
        return Welch(delta, 0.0, min(runs) - 1.0, delta, delta, float(delta == 0))
    df = float(parts.sum() ** 2 / (parts**2 / (np.array(runs) - 1)).sum())
    half = float(scipy.stats.t.ppf(0.975, df)) * se
    return Welch(delta, se, df, delta - half, delta + half, float(2 * scipy.stats.t.sf(abs(delta) / se, df)))


@dataclass(frozen=True, slots=True)
class Typical:
    """Whether two trained systems differ in a typical language: not whether their recipes do, as all languages share one training."""

    languages: int
    up: int
    down: int
    p_sign: float
    p_wilcoxon: float


def typical_language(deltas: Floats) -> Typical:
    """Sign test and Wilcoxon's signed-rank test over languages.

    Args:
        deltas: One for each language.

    Raises:
        ValueError: With fewer than six languages, which cannot reach .05.
    """
    if len(deltas) < FEWEST_LANGUAGES:
        raise ValueError(f"{len(deltas)} languages; fewer than {FEWEST_LANGUAGES} cannot reach .05 two-sided")
    up, down = int((deltas > 0).sum()), int((deltas < 0).sum())
    sign = mcnemar(up, down)[0]
    wilcoxon = float(scipy.stats.wilcoxon(deltas, method="auto").pvalue) if up + down else 1.0
    return Typical(len(deltas), up, down, sign, wilcoxon)
