"""What could have been found: minimum detectable effect, power, and how much more data an open question needs."""

import numpy as np
from scipy import stats


def detectable(se: float, df: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that a two-sided test at `alpha` finds with probability `power` (Card et al. 2020).

    In the unit of `se`; (t quantile of 1 - alpha/2 plus normal quantile of power) x se.
    """
    return float((stats.t.ppf(1 - alpha / 2, df) + stats.norm.ppf(power)) * se)


def power(effect: float, se: float, df: float, alpha: float = 0.05) -> float:
    """Probability that a true difference `effect` is found."""
    if se == 0:
        return 1.0 if effect else alpha
    t = stats.t.ppf(1 - alpha / 2, df)
    return float(stats.norm.sf(t - abs(effect) / se) + stats.norm.cdf(-t - abs(effect) / se))


def items_needed(effect: float, se: float, items: int, alpha: float = 0.05, wanted: float = 0.8) -> int:
    """How many items would settle a difference of this size, if only items vary; 0 effect needs infinitely many: -1."""
    if effect == 0:
        return -1
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(wanted)
    return int(np.ceil(items * (z * se / effect) ** 2))


def equivalent(value: float, se: float, df: float, margin: float) -> float:
    """P of two one-sided tests that the true difference lies within +-margin (Schuirmann 1987)."""
    if se == 0:
        return 0.0 if abs(value) < margin else 1.0
    return float(max(stats.t.sf((value + margin) / se, df), stats.t.sf((margin - value) / se, df)))
