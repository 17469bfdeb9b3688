"""Many tests at once: adjusted p, and in how many languages there is an effect."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p: Floats) -> Floats:
    """Holm (1979): controls the chance of any false finding, under any dependence. NaN is no test and stays NaN."""
    return _stepwise(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p: Floats) -> Floats:
    """Benjamini and Hochberg (1995): controls the share of false findings, for independent or positively dependent tests."""
    return _stepwise(p, lambda ordered: _up(ordered * len(ordered) / np.arange(1, len(ordered) + 1)))


def benjamini_yekutieli(p: Floats) -> Floats:
    """Benjamini and Yekutieli (2001): the same under any dependence."""
    return _stepwise(
        p, lambda ordered: _up(ordered * len(ordered) * (1 / np.arange(1, len(ordered) + 1)).sum() / np.arange(1, len(ordered) + 1))
    )


def max_t(t: Floats, replicates: npt.NDArray[np.floating]) -> tuple[Floats, Callable[[float], float]]:
    """Adjusted p from the joint law of all tests (single step; Westfall and Young 1993): sharper than Holm where tests go together.

    Args:
        t: Shape (tests,): differences divided by their standard errors.
        replicates: Shape (resamples, tests): resampled differences less the observed ones, divided by the same standard errors.

    Returns:
        Adjusted p, (1 + hits) / (1 + resamples); and a function from a level to the half width, in standard errors, of intervals that
        hold all true differences at once.
    """
    largest = np.abs(replicates).max(axis=1)
    ordered = np.sort(largest)
    hits = len(ordered) - np.searchsorted(ordered, np.abs(t) * (1 - 1e-9), side="left")
    return (1 + hits) / (1 + len(ordered)), lambda level: float(np.quantile(ordered, level))


def partial_conjunction(p: Floats) -> Floats:
    """P for `at least u of the n effects are there`, u = 1..n, under any dependence (Dror et al. 2017, TACL 5, Bonferroni form).

    Args:
        p: One-sided p of n tests, without NaN.

    Returns:
        Shape (n,), not falling; the number of entries at most alpha is the number of effects that can be claimed.
    """
    ordered = np.sort(p)
    return np.minimum(np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)), 1.0)


def effects(p: Floats, alpha: float = 0.05) -> int:
    """In how many of the tests there is an effect, at confidence 1 - alpha."""
    return int((partial_conjunction(p) <= alpha).sum())


def _up(values: Floats) -> Floats:
    return np.minimum.accumulate(values[::-1])[::-1]


def _stepwise(p: Floats, adjust: Callable[[Floats], Floats]) -> Floats:
    out = np.full(len(p), np.nan)
    there = np.flatnonzero(~np.isnan(p))
    order = there[np.argsort(p[there], kind="stable")]
    out[order] = np.minimum(adjust(p[order]), 1.0)
    return out


ADJUSTMENTS: dict[str, Callable[[Floats], Floats]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
    "by": benjamini_yekutieli,
    "none": lambda p: p.copy(),
}
