"""What could have been found: minimum detectable effect, power, and how much more data an open question needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
_NODES, _HALVES = np.polynomial.legendre.leggauss(64)
_SHARES, _WEIGHTS = (_NODES + 1) / 2, _HALVES / 2  # Gauss and Legendre's, from 0 to 1
MOST_SEEDS = 1_000  # more than anybody trains: then seeds are not what is lacking


def detectable(se: float, df: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that a two-sided t test at `alpha` finds with probability `power`, in the unit of `se`.

    With many degrees of freedom (quantile of 1 - alpha/2 plus quantile of power) x se (Card et al. 2020); more with few, where `se` itself
    is uncertain.
    """
    t, spread = scipy.stats.t.ppf(1 - alpha / 2, df), _spread(df)
    return float(scipy.optimize.brentq(lambda shift: _beyond(t, shift, spread) - power, 0.0, t * spread[-1] + 9)) * se


def power(effect: float, se: float, df: float, alpha: float = 0.05) -> float:
    """Probability that a true difference `effect` is found by such a test; `se` is above 0."""
    return _beyond(scipy.stats.t.ppf(1 - alpha / 2, df), abs(effect) / se, _spread(df))


def _spread(df: float) -> Floats:
    """What estimated standard errors are of the true one, at the nodes of _SHARES: roots of chi-square over df."""
    found: Floats = np.sqrt(2 * scipy.special.gammaincinv(df / 2, _SHARES) / df)
    return found


def _beyond(t: float, shift: float, spread: Floats) -> float:
    """P(|T| > t) of a noncentral t, by its definition; scipy's is NaN here and there in the tails."""
    return float(_WEIGHTS @ (scipy.special.ndtr(shift - t * spread) + scipy.special.ndtr(-shift - t * spread)))


def detectable_by_count(clusters: float, alpha: float = 0.05, power: float = 0.8, most: float = 1.0) -> float | None:
    """The same where no spread was seen: `most` for the share of clusters that must show it for the exact sign test, all of them one way.

    `most` is what a cluster can show at most, either way. None where the clusters are so few that the test finds nothing, even if all do.
    """
    fewest = _fewest(1.0, alpha)
    return most * float(scipy.special.betaincinv(fewest, clusters - fewest + 1, power)) if clusters >= fewest else None


def power_by_count(effect: float, clusters: float, alpha: float = 0.05, most: float = 1.0) -> float:
    """Probability that this test finds a difference of `effect`, of which a share of the clusters show `most`, all of them one way."""
    fewest = _fewest(1.0, alpha)
    return float(scipy.special.betainc(fewest, clusters - fewest + 1, min(1.0, abs(effect) / most))) if clusters >= fewest else 0.0


def needed_by_count(effect: float, alpha: float = 0.05, most: float = 1.0) -> int | None:
    """How many clusters that all show `effect` it takes to find it (`ratios.Estimate.p`); None for 0."""
    return _fewest(effect / most, alpha) if effect else None


def _fewest(effect: float, alpha: float) -> int:
    return int(np.ceil(np.log(alpha / 2) / -np.log1p(abs(effect)) - 1e-9))


@dataclass(frozen=True, slots=True)
class Needed:
    """What would find a difference as large as the one seen, if it is true.

    Attributes:
        seeds: Runs an arm on the same items; None when no number of seeds is enough.
        items: Clusters under the same number of seeds; None when no number of items is enough.
    """

    seeds: int | None
    items: int | None


@dataclass(frozen=True, slots=True)
class Components:
    """The variances of a difference with `seeds` runs an arm, and `arms` arms, tested on `clusters` clusters.

    Attributes:
        items, between, cells, item_df: As in ratios.Estimate (its `seeds` is `between` here).
        seeds, arms, clusters: What they were measured with.
    """

    items: float
    between: float
    cells: float
    seeds: int
    arms: int
    clusters: int
    item_df: float

    def parts(self, seeds: int, share_of_items: float = 1.0) -> tuple[float, float]:
        """Expected variances over items and between runs with other numbers of them; their sum is that of the difference.

        Noise of items that the runs of an arm have in common shrinks with the items alone, that of single runs with both, that of seeds
        with the seeds alone.
        """
        more = self.seeds / seeds
        common = max(0.0, self.items - self.cells)
        over_seeds = max(0.0, self.between - self.cells)
        return common / share_of_items, more * (over_seeds + self.cells / share_of_items)

    def needed(self, effect: float, alpha: float = 0.05, wanted: float = 0.8) -> Needed:
        """Seeds and items that would find `effect` with the power wanted, each with the other as it is."""
        if effect == 0:
            return Needed(None, None)

        def finds(seeds: int, share: float) -> bool:
            items, over = self.parts(seeds, share)
            total = items + over
            if total == 0:
                return True
            df = total**2 / (items**2 / max(1.0, (self.item_df + 1) * share - 1) + over**2 / max(1.0, self.arms * (seeds - 1.0)))
            return power(effect, float(np.sqrt(total)), df, alpha) >= wanted

        seeds = _smallest(lambda n: finds(n, 1.0), max(2, self.seeds), MOST_SEEDS)
        items = _smallest(lambda n: finds(self.seeds, n / self.clusters), 2, 10_000 * self.clusters)
        return Needed(seeds, items)


def _smallest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number from `low` to `high` that is enough, which all larger ones then are too; None if not even `high` is."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def equivalent(value: float, se: float, df: float, margin: float, clusters: float, most: float = 1.0) -> float:
    """P of two one-sided tests that the true difference lies within +-margin (Schuirmann 1987).

    Where no spread was seen, that none of `clusters` is among those that a difference of the margin takes, each of `most` at most (see
    `ratios.Estimate`).
    """
    if se == 0:
        nearest = abs(value)
        return float((max(most - margin, 0.0) / (most - nearest)) ** clusters) if nearest < margin else 1.0
    return float(max(scipy.stats.t.sf((value + margin) / se, df), scipy.stats.t.sf((margin - value) / se, df)))
