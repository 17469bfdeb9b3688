"""Many tests, many languages, ranks, and numbers without examples: against scipy, statsmodels, deepsig and by hand."""

import numpy as np
import pytest
from scipy import stats

from xbench.stats import aggregates, dominance, families, pooling, ranking

RNG = np.random.default_rng


def test_adjusted_p_against_scipy_statsmodels_and_by_hand() -> None:
    from statsmodels.stats.multitest import multipletests

    p = RNG(10).random(30) ** 3
    assert families.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))
    assert families.benjamini_yekutieli(p) == pytest.approx(stats.false_discovery_control(p, method="by"))
    for ours, theirs in ((families.holm, "holm"), (families.benjamini_hochberg, "fdr_bh"), (families.benjamini_yekutieli, "fdr_by")):
        assert ours(p) == pytest.approx(multipletests(p, method=theirs)[1], rel=1e-12)
    # Holm by hand: .001 x 4, then .02 x 3, .03 x 2 (not below .06), .9
    assert families.holm(np.array([0.02, 0.03, 0.001, 0.9])) == pytest.approx([0.06, 0.06, 0.004, 0.9])
    with_hole = families.holm(np.array([0.02, np.nan, 0.001]))
    assert with_hole[[0, 2]] == pytest.approx([0.02, 0.002])
    assert np.isnan(with_hole[1])  # what is no test does not count
    assert families.holm(np.array([])).shape == (0,)


def test_max_t_is_exact_for_equal_and_for_independent_tests() -> None:
    """Tests that are one and the same need no adjustment; independent ones need Sidak's 1 - (1 - p)^k."""
    z = RNG(0).normal(size=(200_000, 5))
    equal, _ = families.max_t(np.array([2.0, 2.0]), z[:, [0, 0]])
    assert equal == pytest.approx(2 * stats.norm.sf(2.0), abs=0.002)
    t = np.array([3.0, 2.5, 2.0, 1.0, 0.0])
    found, quantile = families.max_t(t, z)
    assert found == pytest.approx(1 - (1 - 2 * stats.norm.sf(t)) ** 5, abs=0.004)
    assert quantile(0.95) == pytest.approx(stats.norm.isf((1 - 0.95**0.2) / 2), abs=0.02)
    by_hand, _ = families.max_t(np.array([1.5, -0.5]), np.array([[1.0, -2.0], [0.1, 0.2], [-1.5, 0.0]]))
    assert by_hand == pytest.approx([3 / 4, 3 / 4])  # largest: 2, .2, 1.5; a tie is a hit


def test_partial_conjunction_by_hand() -> None:
    """Dror et al. 2017: (n - u + 1) x u-th smallest, not falling."""
    p = np.array([0.001, 0.01, 0.02, 0.5])
    assert families.partial_conjunction(p) == pytest.approx([0.004, 0.03, 0.04, 0.5])
    assert families.effects(p) == 3


def pairs(p: dict[tuple[int, int], float], n: int) -> np.ndarray:
    return np.array([p.get((i, j), 1.0) for i, j in zip(*np.triu_indices(n, 1), strict=True)])


def test_ranks_by_hand() -> None:
    """Five systems: 0 better than 3 and 4, 1 better than 4, nothing else apart."""
    scores = np.array([0.9, 0.88, 0.86, 0.8, 0.7])
    found = ranking.ranks(scores, pairs({(0, 3): 0.001, (0, 4): 0.0001, (1, 4): 0.002}, 5))
    assert found.best.tolist() == [1, 1, 1, 2, 3]
    assert found.worst.tolist() == [3, 4, 5, 5, 5]
    assert found.tier.tolist() == [1, 1, 1, 2, 2]
    order = np.array([3, 1, 4, 0, 2])
    moved = {
        (int(np.where(order == i)[0][0]), int(np.where(order == j)[0][0])): p
        for (i, j), p in {(0, 3): 0.001, (0, 4): 0.0001, (1, 4): 0.002}.items()
    }
    again = ranking.ranks(scores[order], pairs({(min(k), max(k)): v for k, v in moved.items()}, 5))
    assert again.best.tolist() == found.best[order].tolist()
    assert again.tier.tolist() == found.tier[order].tolist()


def test_a_pair_that_cannot_be_tested_is_not_told_apart() -> None:
    found = ranking.ranks(np.array([0.9, 0.5]), np.array([np.nan]))
    assert (found.best.tolist(), found.worst.tolist(), found.tier.tolist()) == ([1, 1], [2, 2], [1, 1])


def test_random_effects_against_statsmodels() -> None:
    """Paule-Mandel with Hartung-Knapp: statsmodels.stats.meta_analysis.combine_effects(method_re='iterated', use_t=True)."""
    from statsmodels.stats.meta_analysis import combine_effects

    values = np.array([0.021, 0.035, -0.004, 0.012, 0.050, 0.003, 0.028])
    variances = np.array([0.009, 0.012, 0.010, 0.015, 0.011, 0.008, 0.014]) ** 2
    reference = combine_effects(values, variances, method_re="iterated", use_t=True)
    found = pooling.random_effects(values, variances)
    assert found.tau**2 == pytest.approx(reference.tau2, rel=1e-4)
    assert (found.value, found.se) == pytest.approx((reference.mean_effect_re, reference.sd_eff_w_re_hksj), rel=1e-4)
    low, high = reference.conf_int(use_t=True)[3]
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)
    assert found.i2 == pytest.approx(reference.i2, rel=1e-6)
    with pytest.raises(ValueError, match="two estimates"):
        pooling.random_effects(values[:1], variances[:1])


def test_independent_languages_of_equal_noise_are_a_one_sample_t_test() -> None:
    values, noise = np.array([0.02, 0.05, -0.01, 0.03, 0.08]), 0.0001
    found = pooling.across(values, np.full(5, noise), noise / 5, 1e9)
    limits = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high), rel=1e-9)
    assert found.tau == pytest.approx(np.sqrt(values.var(ddof=1) - noise))
    assert found.i2 == pytest.approx(1 - noise / values.var(ddof=1))
    assert found.down == 0.2


def test_noise_that_languages_share_widens_the_interval_and_is_no_difference_between_them() -> None:
    values = np.array([0.030, 0.034, 0.031, 0.029])
    found = pooling.across(values, np.full(4, 0.01**2), 0.0095**2, 10)  # nearly all of the noise is common
    assert found.tau == 0
    assert found.se == pytest.approx(0.0095)  # never narrower than for these languages
    assert found.df == 10


def test_coverage_over_languages() -> None:
    """200 simulations of nine languages with effects of their own and noise they share: the mean of all languages is inside 90 to 99 %."""
    rng, inside, naive = RNG(5), 0, 0
    for _ in range(400):
        own, shared, effect = rng.normal(0, 0.01, 9), rng.normal(0, 0.015), rng.normal(0, 0.02, 9)
        values = own + shared + effect
        found = pooling.across(values, np.full(9, 0.01**2 + 0.015**2), 0.01**2 / 9 + 0.015**2, 50)
        inside += found.low <= 0 <= found.high
        t = stats.ttest_1samp(values, 0).confidence_interval()
        naive += t.low <= 0 <= t.high
    assert 0.90 <= inside / 400 <= 0.99
    assert naive / 400 < 0.85  # the control: languages as if they were independent


def test_violation_ratio_against_deepsig() -> None:
    """deepsig 1.2.8, deepsig.aso.compute_violation_ratio with dt = 1e-5, run once; its integral is a sum, ours is exact."""
    a, b = np.array([0.71, 0.74, 0.69, 0.73, 0.75, 0.70]), np.array([0.70, 0.72, 0.71, 0.68, 0.735])
    assert dominance.violation(a, b) == pytest.approx(0.0, abs=1e-4)
    assert dominance.violation(b, a) == pytest.approx(0.999994285673469, abs=1e-4)
    c, d = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([0.45, 0.62, 0.69, 0.81, 0.85])
    assert dominance.violation(c, d) == pytest.approx(0.08929295310343116, abs=1e-4)
    assert dominance.violation(c, c) == 0.5
    order = dominance.almost_stochastic_order(c + 0.3, d, RNG(0))
    assert order.upper < 0.5
    with pytest.raises(ValueError, match="1 and 5 runs; at least 5"):
        dominance.almost_stochastic_order(np.array([8.0]), c, RNG(0))  # deep-significance #16 calls one run against five better


def test_wilson_against_statsmodels() -> None:
    from statsmodels.stats.proportion import proportion_confint

    assert aggregates.wilson(0.81, 200) == pytest.approx(proportion_confint(162, 200, method="wilson"), rel=1e-9)


def test_two_accuracies_bound_every_possible_p() -> None:
    """70 and 60 of 100: every way to disagree, by brute force over the discordant counts."""
    found = aggregates.two_accuracies(0.70, 0.60, 100)
    ways = [stats.binomtest(b, b + c, 0.5).pvalue for b in range(101) for c in range(101) if b - c == 10 and b <= 40 and c <= 30]
    assert (found.p_smallest, found.p_largest) == pytest.approx((min(ways), max(ways)))
    assert found.se == pytest.approx(np.sqrt((0.21 + 0.24) / 100))
    assert found.p_bound == pytest.approx(2 * stats.norm.sf(0.1 / found.se))
    rounded = aggregates.two_accuracies(0.70, 0.60, 100, rounding=0.0005)
    assert rounded.high - rounded.low == pytest.approx(found.high - found.low + 0.002)
    assert aggregates.two_accuracies(0.5, 0.5, 10).p_largest == 1
    all_of_it = aggregates.two_accuracies(1.0, 0.0, 3)  # of three items nothing follows, though nothing varies
    least = stats.binomtest(3, 3).proportion_ci(0.95, "exact").low
    assert (all_of_it.p_bound, all_of_it.low, all_of_it.high) == (0.25, pytest.approx(2 * least - 1), 1)


def test_welch_against_scipy() -> None:
    found = aggregates.welch((0.71, 0.66), (0.012, 0.02), (3, 5))
    reference = stats.ttest_ind_from_stats(0.71, 0.012, 3, 0.66, 0.02, 5, equal_var=False)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-9)
    with pytest.raises(ValueError, match="two each"):
        aggregates.welch((0.7, 0.6), (0.0, 0.1), (1, 3))


def test_typical_language_needs_six() -> None:
    deltas = np.array([0.01, 0.02, 0.03, 0.005, 0.04, 0.015, -0.002])
    found = aggregates.typical_language(deltas)
    assert (found.up, found.down) == (6, 1)
    assert found.p_sign == pytest.approx(stats.binomtest(6, 7).pvalue)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(deltas).pvalue)
    with pytest.raises(ValueError, match="cannot reach"):
        aggregates.typical_language(deltas[:5])


def test_what_languages_share_is_no_spread_between_them() -> None:
    """Of the variance of four means .05 / 3 is seen, .01 is noise of each and .006 of that is shared: see pooling.across."""
    found = pooling.across(np.array([0, 0.1, 0.2, 0.3]), np.full(4, 0.01), 0.007, 50)
    assert found.tau**2 == pytest.approx(0.05 / 3 - (0.01 - 0.006))
    assert found.se**2 == pytest.approx(0.007 + found.tau**2 / 4)


def test_violation_of_order_with_runs_of_unequal_number() -> None:
    """Quantile functions of [0, 2] and [1, 1, 4], by hand: -1, -1, +1, -2 over sixths 2, 1, 1, 2, squared, where the first is below."""
    assert dominance.violation(np.array([0.0, 2.0]), np.array([1.0, 1.0, 4.0])) == pytest.approx(11 / 12)


def test_the_bound_of_a_violation_is_above_it() -> None:
    one, two = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([0.45, 0.62, 0.69, 0.81, 0.85])
    order = dominance.almost_stochastic_order(one, two, np.random.default_rng(0))
    assert 0 < order.violation < order.upper < 1
    turned = dominance.almost_stochastic_order(two, one, np.random.default_rng(0))
    assert turned.upper == 1 > turned.violation == pytest.approx(1 - order.violation)


def test_six_languages_are_enough_for_a_typical_one() -> None:
    found = aggregates.typical_language(np.array([0.01, 0.02, 0.03, 0.005, 0.04, 0.015]))
    assert (found.up, found.p_sign) == (6, pytest.approx(stats.binomtest(6, 6).pvalue))
