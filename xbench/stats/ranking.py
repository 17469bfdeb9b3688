"""Ranks with their uncertainty: from tests of all pairs, never 1..N alone.

Everything is computed over all systems of a column, so what is shown of it may be filtered without moving a rank.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xbench.stats import families
from xbench.stats.ratios import Estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Of n systems.

    Attributes:
        best, worst: Limits of each rank: 1 + how many are significantly better, n - how many are significantly worse.
        tier: From 1; each begins with the best system that is significantly worse than the first of the tier before, and holds all
            that follow until the next begins.
        p: Shape (n, n), adjusted over all pairs; 1 on the diagonal, NaN where a pair cannot be tested.
    """

    best: Ints
    worst: Ints
    tier: Ints
    p: Floats


def ranks(scores: Floats, pairs: Estimate | Floats, alpha: float = 0.05) -> Ranks:
    """Rank intervals (Mogstad, Romano, Shaikh and Wilhelm 2024) and tiers.

    Args:
        scores: Shape (n,); higher is better.
        pairs: Of all pairs in the order of ratios.all_pairs; or their p, NaN where a pair cannot be tested.
        alpha: Chance that any pair is falsely told apart (Holm over the pairs).
    """
    n = len(scores)
    adjusted = families.holm(np.asarray(pairs.p if isinstance(pairs, Estimate) else pairs, dtype=np.float64))
    p = np.eye(n)
    first, second = np.triu_indices(n, 1)
    p[first, second] = p[second, first] = adjusted
    apart = np.nan_to_num(p, nan=1.0) <= alpha
    better = apart & (scores[:, None] < scores[None, :])  # [i, j]: j is significantly better than i
    tier = np.zeros(n, dtype=np.int64)
    leader, current = -1, 0
    for i in np.lexsort((np.arange(n), -scores)):
        if leader < 0 or better[i, leader]:
            leader, current = int(i), current + 1
        tier[i] = current
    return Ranks(1 + better.sum(axis=1), n - better.sum(axis=0), tier, p)
