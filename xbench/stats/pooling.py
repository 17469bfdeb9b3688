"""Effects over languages: for these languages, and for a language that has not been tested."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A mean effect when languages are a sample of languages.

    Attributes:
        value, se, df: The mean, its standard error for new languages, degrees of freedom.
        low, high: 95 % interval of the mean.
        tau: Standard deviation of the true effects between languages.
        i2: Share of the variance between the estimates that is not noise, 0 to 1.
        predict_low, predict_high: Where the true effect in one new language lies, 95 %.
        down: Share of the languages with a negative estimate.
    """

    value: float
    se: float
    df: float
    low: float
    high: float
    tau: float
    i2: float
    predict_low: float
    predict_high: float
    down: float


def across(values: Floats, variances: Floats, mean_variance: float, mean_df: float) -> Pooled:
    """The unweighted mean over languages as a random effect, where languages may share items and training runs.

    The spread s2 of the estimates over L languages shows what differs between them, effects and noise of their own; what it has beyond the
    noise is tau2. Noise that languages share does not show there: c, the mean covariance of two languages, follows from the variance of
    the mean. The variance for new languages is that for these plus tau2 / L, which is s2 / L + c; with independent languages of equal
    noise (c = 0) that is the interval of Hartung and Knapp (2001), t with L - 1. It is never narrower than that for these languages.

    Args:
        values: Estimates, shape (L,), L at least 2.
        variances: Of their noise, shape (L,).
        mean_variance: Of the noise of their mean.
        mean_df: Its degrees of freedom.
    """
    n = len(values)
    if n < 2:
        raise ValueError("effects in two languages at least are needed")
    spread = float(values.var(ddof=1))
    shared = max(0.0, (n**2 * mean_variance - float(variances.sum())) / (n * (n - 1)))
    tau2 = max(0.0, spread - (float(variances.mean()) - shared))
    i2 = tau2 / spread if spread > 0 else 0.0
    own = spread / n
    df = mean_df
    if tau2 > 0:
        df = min(mean_df, (own + shared) ** 2 / (own**2 / (n - 1) + shared**2 / mean_df))
    return _pooled(values, float(values.mean()), mean_variance + tau2 / n, df, tau2, i2)


def random_effects(values: Floats, variances: Floats) -> Pooled:
    """The inverse-variance weighted random-effects mean of independent estimates.

    Between-language variance by Paule and Mandel (1982); standard error by Hartung, Knapp, Sidik and Jonkman, t with L - 1, not smaller
    than without their factor (Jackson et al. 2017). For independent test sets only; the headline stays the unweighted mean.
    """
    n = len(values)
    if n < 2 or (variances <= 0).any():
        raise ValueError("two estimates at least, each with a variance above 0, are needed")

    def excess(tau2: float) -> float:
        w = 1 / (variances + tau2)
        return float((w * (values - np.average(values, weights=w)) ** 2).sum()) - (n - 1)

    high = float(values.var(ddof=1)) + float(variances.max())
    while excess(high) > 0:
        high *= 2
    tau2 = float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-16)) if excess(0.0) > 0 else 0.0
    w = 1 / (variances + tau2)
    mean = float(np.average(values, weights=w))
    factor = max(1.0, float((w * (values - mean) ** 2).sum()) / (n - 1))
    fixed = 1 / variances
    q = float((fixed * (values - np.average(values, weights=fixed)) ** 2).sum())
    return _pooled(values, mean, factor / float(w.sum()), n - 1.0, tau2, max(0.0, 1 - (n - 1) / q) if q > 0 else 0.0)


def _pooled(values: Floats, mean: float, variance: float, df: float, tau2: float, i2: float) -> Pooled:
    half = float(scipy.stats.t.ppf(0.975, df)) * float(np.sqrt(variance))
    # Higgins, Thompson and Spiegelhalter (2009), with L - 1 degrees of freedom.
    wide = float(scipy.stats.t.ppf(0.975, len(values) - 1)) * float(np.sqrt(tau2 + variance))
    return Pooled(
        mean, float(np.sqrt(variance)), df, mean - half, mean + half, float(np.sqrt(tau2)), i2, mean - wide, mean + wide,
        float((values < 0).mean()),
    )  # fmt: skip
