"""Almost stochastic order of two sets of runs (del Barrio et al. 2018; Dror et al. 2019, P19-1266): an extra for many seeds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
FEWEST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """How far the first is from being better at every quantile.

    Attributes:
        violation: 0: better at every quantile; .5: neither; 1: worse at every quantile.
        upper: Upper confidence bound of it (95 %); below .5 the first is almost stochastically dominant.
    """

    violation: float
    upper: float


def violation(first: Floats, second: Floats) -> float:
    """Share of the squared distance of the quantile functions that lies where the second is above the first; .5 if equal."""
    n, m = len(first), len(second)
    # Both quantile functions are steps; between all places where either steps they are constant.
    edges = np.unique(np.concatenate([np.arange(n + 1) / n, np.arange(m + 1) / m]))
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    gap = np.sort(first)[np.minimum((middle * n).astype(int), n - 1)] - np.sort(second)[np.minimum((middle * m).astype(int), m - 1)]
    square = gap**2 * width
    return float(square[gap < 0].sum() / square.sum()) if square.sum() > 0 else 0.5


def almost_stochastic_order(first: Floats, second: Floats, rng: np.random.Generator, resamples: int = 1_000) -> Order:
    """Whether the runs of the first system are almost always better than those of the second.

    Args:
        first: Scores of at least five runs of the system that may be better.
        second: Likewise of the other.
        rng: For the bootstrap of the bound.
        resamples: How many.

    Raises:
        ValueError: With fewer than five runs: from one run against five the method says `better` (deep-significance #16).
    """
    n, m = len(first), len(second)
    if min(n, m) < FEWEST_RUNS:
        raise ValueError(f"{n} and {m} runs; at least {FEWEST_RUNS} each are needed")
    found = violation(first, second)
    scale = np.sqrt(n * m / (n + m))
    drawn = [violation(first[rng.integers(n, size=n)], second[rng.integers(m, size=m)]) for _ in range(resamples)]
    deviation = float(np.std(scale * (np.array(drawn) - found)))
    upper = found + deviation / scale * float(scipy.stats.norm.ppf(0.95))
    return Order(found, float(min(max(upper, 0.0), 1.0)))
