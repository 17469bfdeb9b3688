"""Ratios of sums over clusters, and the delta method: every difference of interest from one influence matrix.

A column is one score (a system in a language): sum(numerator) / sum(denominator) over clusters. The influence of cluster c on a column is
(numerator_c - score * denominator_c) / sum(denominator); the sum over clusters of products of influences estimates the covariance of
the columns, whatever clusters share (Liang and Zeger 1986; Miller 2024, arXiv 2411.00640, for evaluations). A cluster without examples in a
column has influence 0 there, so languages with other items are independent and parallel ones are not, as they should be.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Numerators and denominators, each of shape (clusters, columns); 0 where a cluster has no example in a column."""

    numerator: Floats
    denominator: Floats

    @property
    def scores(self) -> Floats:
        """The ratio of each column, shape (columns,); NaN where there is nothing to divide by."""
        below = self.denominator.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(below > 0, self.numerator.sum(axis=0) / below, np.nan)

    @property
    def clusters(self) -> npt.NDArray[np.int64]:
        """Clusters with examples in each column, shape (columns,)."""
        found: npt.NDArray[np.int64] = np.count_nonzero(self.denominator > 0, axis=0)
        return found


def influence(sums: Sums) -> Floats:
    """The influence of each cluster on each score, shape (clusters, columns), with the factor C / (C - 1) for few clusters in it.

    Raises:
        ValueError: If a column has no denominator, or fewer than two clusters.
    """
    below = sums.denominator.sum(axis=0)
    count = sums.clusters
    if (below <= 0).any() or (count < 2).any():
        raise ValueError(
            f"columns {np.flatnonzero((below <= 0) | (count < 2)).tolist()} have fewer than two clusters, or nothing to divide by"
        )
    found: Floats = (sums.numerator - sums.scores * sums.denominator) / below * np.sqrt(count / (count - 1))
    return found


@dataclass(frozen=True, slots=True)
class Estimate:
    """Linear combinations of scores.

    Attributes:
        value, se: Shape (contrasts,).
        df: Degrees of freedom of the t distribution, likewise.
    """

    value: Floats
    se: Floats
    df: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence limits at `level`."""
        half = stats.t.ppf(0.5 + level / 2, self.df) * self.se
        return self.value - half, self.value + half

    @property
    def p(self) -> Floats:
        """Two-sided p against 0; 1 where neither value nor spread is anything but 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.value) / self.se
        found: Floats = 2 * stats.t.sf(t, self.df)
        return np.where((self.value == 0) & (self.se == 0), 1.0, found)


def contrast(sums: Sums, weights: Floats) -> Estimate:
    """Differences, means, differences of means: `weights` of shape (contrasts, columns) times the scores.

    Raises:
        ValueError: As `influence`, for the columns that have weight.
    """
    used = (weights != 0).any(axis=0)
    kept = Sums(sums.numerator[:, used], sums.denominator[:, used])
    own = influence(kept) @ weights[:, used].T
    se = np.sqrt((own**2).sum(axis=0))
    clusters = np.array([((kept.denominator[:, w != 0] > 0).any(axis=1)).sum() for w in weights[:, used]], dtype=np.float64)
    return Estimate(weights[:, used] @ kept.scores, se, clusters - 1)


def seeds_and_items(sums: Sums, weights: Floats, *, matched: bool) -> Estimate:
    """A difference of two recipes, over new seeds and new items at once.

    The variance is that of items (delta method on the means over seeds), plus that of seeds, less that of single cells, which is in both
    (Cameron, Gelbach and Miller 2011, two-way form), at least the larger of the two; t with Satterthwaite's degrees of freedom.

    Args:
        sums: Columns are seeds x parts, ordered by arm, then seed, then part (a language).
        weights: Shape (arms, seeds, parts): what a column counts in the difference; +1/seeds and -1/seeds times the weight of the part.
        matched: Whether seed s of one arm belongs to seed s of the other; then differences are taken first.

    Returns:
        One estimate, arrays of length 1.

    Raises:
        ValueError: With fewer than two seeds in an arm, or not two arms.
    """
    arms, seeds, parts = weights.shape
    if arms != 2 or seeds < 2:
        raise ValueError(f"{arms} arm(s) with {seeds} seed(s); two arms with two seeds or more are needed")
    flat = weights.reshape(1, -1)
    items = contrast(sums, flat)
    by_seed = (weights * sums.scores.reshape(arms, seeds, parts)).sum(axis=2) * seeds  # (arms, seeds): the arm's part of the difference
    if matched:
        seed_variance, seed_df = by_seed.sum(axis=0).var(ddof=1) / seeds, seeds - 1.0
    else:
        each = by_seed.var(axis=1, ddof=1) / seeds
        seed_variance = float(each.sum())
        # Both arms are taken to vary alike, which two or three seeds cannot refute; an arm that does not vary at all has no say.
        seed_df = float((seeds - 1) * max(1, np.count_nonzero(each)))
    per_cell = influence(sums).reshape(-1, arms, seeds, parts) * weights
    cells = per_cell.sum(axis=3)  # (clusters, arms, seeds)
    cells = cells.sum(axis=1) if matched else cells.reshape(len(cells), -1)
    cell_variance = float((cells**2).sum())
    item_variance = float(items.se[0] ** 2)
    total = max(item_variance + seed_variance - cell_variance, item_variance, seed_variance)
    if total == 0:
        return Estimate(items.value, np.zeros(1), np.array([seed_df]))
    df = total**2 / (seed_variance**2 / seed_df + item_variance**2 / items.df[0])
    return Estimate(items.value, np.array([np.sqrt(total)]), np.array([max(df, 1.0)]))
