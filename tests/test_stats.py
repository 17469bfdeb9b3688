"""The delta method against scipy, arithmetic by hand, and its own promises under simulation."""

import numpy as np
import pytest
from scipy import stats

from xbench.stats import families, power, ratios
from xbench.stats.ratios import Estimate, Sums, all_pairs, combine, contrast, differences, influence, moments

RNG = np.random.default_rng
PAIR = np.array([[1.0, -1.0]])


def accuracy(first: np.ndarray, second: np.ndarray) -> Sums:
    """Two systems' right and wrong answers to the same items."""
    both = np.stack([first, second], axis=1).astype(float)
    return Sums(both, np.ones((len(both), 1)))


def f1_counts(rng: np.random.Generator, n: int, quality: float) -> tuple[np.ndarray, np.ndarray]:
    gold = rng.poisson(1.5, n)
    right = rng.binomial(gold, quality)
    predicted = right + rng.poisson(0.4, n)
    return 2.0 * right, (gold + predicted).astype(float)


def ner(rng: np.random.Generator, n: int, quality: tuple[float, ...]) -> Sums:
    columns = [f1_counts(rng, n, q) for q in quality]
    return Sums(np.stack([c[0] for c in columns], 1), np.stack([c[1] for c in columns], 1))


def one(sums: Sums, weights: np.ndarray = PAIR) -> Estimate:
    """Through the moments, as stored runs are compared."""
    (found,) = moments([sums], np.ones((1, 1)))
    return differences(found, [[i] for i in range(sums.systems)], weights)


def test_accuracy_is_the_paired_t_test() -> None:
    """For plain means the delta method is scipy's ttest_rel, to the last digits: value, p and interval."""
    rng = RNG(0)
    a, b = rng.random(300) < 0.7, rng.random(300) < 0.62
    reference = stats.ttest_rel(a.astype(float), b.astype(float))
    limits = reference.confidence_interval()
    for found in (contrast(accuracy(a, b), PAIR), one(accuracy(a, b))):
        assert found.value[0] == pytest.approx(a.mean() - b.mean(), abs=1e-15)
        assert found.p[0] == pytest.approx(reference.pvalue, rel=1e-10)
        assert [x[0] for x in found.interval()] == pytest.approx([limits.low, limits.high], rel=1e-10)
    up = stats.ttest_rel(a.astype(float), b.astype(float), alternative="greater")
    assert one(accuracy(a, b)).p_up[0] == pytest.approx(up.pvalue, rel=1e-10)


def test_moments_are_the_covariance_of_means_over_shared_and_own_items() -> None:
    """Two languages share 60 items, a third has its own: the mean's variance worked item by item with numpy."""
    rng = RNG(1)
    rows = [np.arange(0, 100), np.arange(40, 140), np.arange(140, 200)]
    blocks = [Sums((rng.random((len(r), 3)) < 0.6).astype(np.uint8), np.ones((len(r), 1), np.uint8), r) for r in rows]
    shares = np.array([[1, 0, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0], [0, 0.5, 0]], dtype=float)
    found = moments(blocks, shares)
    influences = np.zeros((3, 200, 3))
    for i, b in enumerate(blocks):
        n = len(b.numerator)
        influences[i, rows[i]] = (b.numerator - b.numerator.mean(axis=0)) / n * np.sqrt(n / (n - 1))
    for share, m in zip(shares, found, strict=True):
        whole = np.einsum("l,lcs->cs", share, influences)
        assert m.covariance == pytest.approx(whole.T @ whole, rel=1e-12)
        assert m.scores == pytest.approx(share @ np.stack([b.numerator.mean(axis=0) for b in blocks]))
    assert [m.clusters for m in found] == [100, 60, 200, 140, 100]


def test_rows_in_parts_are_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = ner(RNG(2), 500, (0.8, 0.7, 0.6))
    other = Sums(*(x[100:] for x in (ner(RNG(3), 500, (0.8, 0.7, 0.6)).numerator, np.ones((500, 1)))), rows=np.arange(300, 700))
    shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    whole = moments([sums, other], shares)
    monkeypatch.setattr(ratios, "_ROWS", 7)
    for a, b in zip(moments([sums, other], shares), whole, strict=True):
        assert a.covariance == pytest.approx(b.covariance, rel=1e-12)
        assert a.clusters == b.clusters


def test_tasks_without_common_items_add_up() -> None:
    other = ner(RNG(5), 300, (0.6, 0.7))
    blocks = [ner(RNG(4), 200, (0.8, 0.7)), Sums(other.numerator, other.denominator, np.arange(200, 500))]
    first, second, mean = moments(blocks, np.array([[1, 0], [0, 1], [0.5, 0.5]]))
    joined = combine([first, second], [0.5, 0.5])
    assert joined.scores == pytest.approx(mean.scores, rel=1e-14)
    assert joined.covariance == pytest.approx(mean.covariance, rel=1e-12)
    assert joined.clusters == mean.clusters


def test_all_pairs_are_single_contrasts() -> None:
    sums = ner(RNG(6), 300, (0.8, 0.75, 0.7, 0.65))
    found = one(sums, all_pairs(4))
    for k, (i, j) in enumerate(zip(*np.triu_indices(4, 1), strict=True)):
        alone = contrast(sums.take([i, j]), PAIR)
        assert (found.value[k], found.se[k]) == pytest.approx((alone.value[0], alone.se[0]), rel=1e-9)


def test_two_way_variance_by_hand() -> None:
    """Six runs: between runs, plus what of the items the runs of an arm share, each worked with numpy; Satterthwaite by its formula."""
    rng = RNG(7)
    right = (rng.random((400, 1)) * 0.5 + rng.random((400, 6)) * 0.5 < np.array([0.5, 0.55, 0.45, 0.6, 0.62, 0.5])).astype(float)
    (found,) = moments([Sums(right, np.ones((400, 1)))], np.ones((1, 1)))
    estimate = differences(found, [[0, 1, 2], [3, 4, 5]], PAIR)
    d = right[:, :3].mean(axis=1) - right[:, 3:].mean(axis=1)
    items = d.var(ddof=1) / 400
    seeds = sum(right[:, s].mean(axis=0).var(ddof=1) / 3 for s in (slice(0, 3), slice(3, 6)))
    cells = 0.0  # within items: the mean square of the residuals of a two-way analysis of variance, item by run
    for arm in (right[:, :3], right[:, 3:]):
        residual = arm - arm.mean(axis=1, keepdims=True) - arm.mean(axis=0) + arm.mean()
        cells += (residual**2).sum() / (399 * 2) / 400 / 3
    common = max(items - cells, 0)
    assert estimate.se[0] ** 2 == pytest.approx(seeds + common, rel=1e-10)
    assert estimate.df[0] == pytest.approx((seeds + common) ** 2 / (seeds**2 / 4 + common**2 / 399), rel=1e-10)
    assert (estimate.items[0], estimate.seeds[0], estimate.cells[0]) == pytest.approx((items, seeds, cells), rel=1e-10)


def test_unequal_numbers_of_runs_have_welchs_degrees_of_freedom() -> None:
    """Where items hardly vary it is Welch's t test on the means of the runs (scipy)."""
    rng = RNG(8)
    rates = np.array([0.5, 0.62, 0.55, 0.7, 0.52, 0.66, 0.6])
    right = np.stack([rng.permutation(np.arange(20_000) < r * 20_000) for r in rates], axis=1).astype(float)
    (found,) = moments([Sums(right, np.ones((20_000, 1)))], np.ones((1, 1)))
    estimate = differences(found, [[0, 1], [2, 3, 4, 5, 6]], PAIR)
    welch = stats.ttest_ind(rates[:2], rates[2:], equal_var=False)
    assert estimate.p[0] == pytest.approx(welch.pvalue, rel=0.02)
    assert estimate.df[0] == pytest.approx(welch.df, rel=0.02)


def test_what_arms_of_unequal_size_need_is_of_runs_in_each() -> None:
    """Two runs against twenty, on so many items that runs alone vary: n in each have n times less than one in each (numpy's variances).

    That so many find a difference as large is checked against scipy's Welch test of simulated runs.
    """
    rng = RNG(12)
    rates = np.concatenate([0.62 + np.array([-0.02, 0.02]), 0.6 + 0.02 * rng.permutation(np.repeat([-1.0, 1.0], 10))])
    right = (rng.random((4_000, 22)) < rates).astype(float)
    (found,) = moments([Sums(right, np.ones((4_000, 1)))], np.ones((1, 1)))
    estimate = differences(found, [[0, 1], list(range(2, 22))], PAIR)
    one_each = found.scores[:2].var(ddof=1) + found.scores[2:].var(ddof=1)
    assert estimate.seeds[0] == pytest.approx(one_each / 2)
    # Noise of single runs, by the residuals of a two-way analysis of variance: of both arms as of two runs, of items as in new ones.
    arms = right[:, :2], right[:, 2:]
    residuals = [arm - arm.mean(axis=1, keepdims=True) - arm.mean(axis=0) + arm.mean() for arm in arms]
    noise = [(r**2).sum() / (3_999 * (r.shape[1] - 1)) / 4_000 for r in residuals]
    shared = (arms[0].mean(axis=1) - arms[1].mean(axis=1)).var(ddof=1) / 4_000 - noise[0] / 2 - noise[1] / 20
    assert estimate.items[0] == pytest.approx(max(shared, 0) + sum(noise) / 2, rel=1e-9)
    assert estimate.se[0] ** 2 < one_each / 2, "the larger arm is the surer one"
    parts = power.Components(0.0, one_each / 2, 0.0, 2, 2, 4_000, 3_999)
    n = parts.needed(0.04).seeds
    assert n is not None
    spread = np.sqrt([found.scores[:2].var(ddof=1), found.scores[2:].var(ddof=1)])
    drawn = [rng.normal(mean, s, (20_000, n)) for mean, s in zip((0.04, 0.0), spread, strict=True)]
    assert (stats.ttest_ind(*drawn, axis=1, equal_var=False).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.06)


def test_interaction_is_the_difference_of_differences() -> None:
    """Four arms of one run: scipy's one-sample t test of (a - b) - (c - d), item by item."""
    right = (RNG(9).random((500, 4)) < np.array([0.8, 0.6, 0.7, 0.65])).astype(float)
    found = one(Sums(right, np.ones((500, 1))), np.array([[1.0, -1.0, -1.0, 1.0]]))
    reference = stats.ttest_1samp(right @ np.array([1.0, -1.0, -1.0, 1.0]), 0.0)
    assert found.p[0] == pytest.approx(reference.pvalue, rel=1e-9)


def test_one_run_in_an_arm_leaves_items_alone() -> None:
    sums = ner(RNG(10), 300, (0.8, 0.75, 0.7))
    (found,) = moments([sums], np.ones((1, 1)))
    estimate = differences(found, [[0, 1], [2]], PAIR)
    assert estimate.seeds[0] == 0
    assert estimate.df[0] == np.count_nonzero(sums.denominator.any(axis=1)) - 1


def test_power_and_detectable_effect_fit_together() -> None:
    effect = power.detectable(0.01, 1e6)
    assert effect == pytest.approx(2.80 * 0.01, rel=1e-3)  # Card et al. 2020: 2.80 standard errors
    assert power.power(effect, 0.01, 1e6) == pytest.approx(0.8, abs=1e-4)
    assert power.equivalent(0.0, 0.01, 1e6, 0.03, 10) == pytest.approx(stats.norm.sf(3), rel=1e-3)


@pytest.mark.parametrize("runs", [2, 3, 5, 100])
def test_power_with_few_runs_is_that_of_statsmodels(runs: int) -> None:
    """Two arms of runs: the noncentral t, where a normal quantile promises 80 % and keeps 74 (two runs) or 77 (three)."""
    from statsmodels.stats.power import TTestIndPower

    se, df = np.sqrt(2 / runs), 2 * runs - 2
    assert power.detectable(se, df) == pytest.approx(TTestIndPower().solve_power(None, nobs1=runs, alpha=0.05, power=0.8), rel=1e-4)
    for effect in (0.0, 0.2, 1.0):
        assert power.power(effect, se, df) == pytest.approx(TTestIndPower().power(effect, runs, 0.05), abs=1e-4)
    assert power.power(1e9, 1e-9, df) == 1
    assert power.detectable(0.0, df) == 0


@pytest.mark.parametrize("centre", [0.0, 0.7, -0.7, 1.4])
def test_equivalence_is_the_tost_of_statsmodels(centre: float) -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    values = RNG(21).normal(centre, 1, 12)
    p = DescrStatsW(values).ttost_mean(-1, 1)[0]
    se = float(values.std(ddof=1) / np.sqrt(12))
    assert power.equivalent(float(values.mean()), se, 11, 1, 12) == pytest.approx(p, rel=1e-9)


def test_what_would_find_a_difference() -> None:
    """Items alone vary: n (2.8 se / d)^2. Seeds alone vary: as many as the noncentral formula asks for. Nothing finds 0."""
    items = power.Components(0.01**2, 0.0, 0.0, 1, 2, 1_000, 999).needed(0.01)
    assert items.items == pytest.approx(1_000 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2, rel=0.01)
    seeds = power.Components(1e-12, 0.01**2, 0.0, 3, 2, 1_000, 999).needed(0.02)
    assert seeds.seeds is not None
    per_arm = np.sqrt(3 * 0.01**2)  # variance of a difference of single runs
    for count, enough in ((seeds.seeds, True), (seeds.seeds - 1, False)):
        assert (power.power(0.02, per_arm / np.sqrt(count), 2 * (count - 1)) >= 0.8) is enough
    assert seeds.items is None  # no number of items shrinks what seeds vary
    assert power.Components(0.01**2, 0.0, 0.0, 3, 2, 100, 99).needed(0.001).seeds is None  # and the other way round
    assert power.Components(0.01**2, 0.01**2, 0.0, 3, 2, 100, 99).needed(0.0) == power.Needed(None, None)


def test_invariances() -> None:
    sums = ner(RNG(11), 200, (0.8, 0.75))
    found = one(sums)
    swapped = one(sums, -PAIR)
    assert (swapped.value, swapped.p) == (pytest.approx(-found.value), pytest.approx(found.p))
    order = RNG(12).permutation(200)
    assert one(Sums(sums.numerator[order], sums.denominator[order])).se == pytest.approx(found.se, rel=1e-12)
    same = one(Sums(sums.numerator[:, [0, 0]], sums.denominator[:, [0, 0]]))
    assert (same.value[0], same.p[0], same.se[0]) == (0, 1, 0)
    most = stats.binomtest(0, int(same.clusters[0])).proportion_ci(0.95, "exact").high  # a share that none of so many need show
    assert [x[0] for x in same.interval()] == pytest.approx([-most, most], rel=1e-9)
    nothing = contrast(sums, np.zeros((1, 2)))  # a system against itself, where there is nothing to be wrong about
    assert (nothing.value[0], nothing.p[0], [x[0] for x in nothing.interval()]) == (0, 1, [0, 0])
    # each item twice in one cluster: the same as once
    assert one(Sums(2 * sums.numerator, 2 * sums.denominator)).se == pytest.approx(found.se, rel=1e-12)
    with pytest.raises(ValueError, match=r"columns \[1\] have fewer than two clusters"):
        influence(Sums(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])))
    with pytest.raises(ValueError, match=r"columns \[0, 1\] have fewer than two clusters"):
        moments([Sums(np.ones((1, 2)), np.ones((1, 1)))], np.ones((1, 1)))
    # nothing gold, nothing predicted: 0, without spread
    nothing = one(Sums(np.zeros((3, 2)), np.array([[0.0, 2.0], [0.0, 1.0], [0.0, 0.0]])))
    assert (nothing.value[0], nothing.se[0], nothing.p[0]) == (0, 0, 1)
    # directions: a clearly better system comes out better
    better = one(accuracy(RNG(0).random(500) < 0.9, RNG(1).random(500) < 0.6))
    assert better.value[0] > 0
    assert better.p[0] < 1e-6


@pytest.mark.parametrize("n", [2, 3, 5, 6, 40])
def test_where_nothing_varies_it_is_counted(n: int) -> None:
    """All right against all wrong: the sign test and Clopper and Pearson's interval of scipy, where t says p = 0 of two items."""
    found = one(accuracy(np.ones(n), np.zeros(n)))
    reference = stats.binomtest(n, n, 0.5)
    least = reference.proportion_ci(0.95, "exact").low
    assert (found.se[0], found.p[0]) == (0, pytest.approx(reference.pvalue, rel=1e-12))
    assert [x[0] for x in found.interval()] == pytest.approx([2 * least - 1, 1], rel=1e-9)
    assert one(accuracy(np.zeros(n), np.ones(n))).p[0] == found.p[0]
    low, high = one(accuracy(np.ones(n), np.zeros(n)), np.eye(2)).interval()
    assert (low, high) == (pytest.approx([least, 0]), pytest.approx([1, 1 - least]))
    for margin in (0.01, 0.2):  # that of n items none differs, where so many of a hundred do
        none = stats.binom.pmf(0, n, margin)
        assert power.equivalent(0.0, 0.0, n - 1, margin, n) == pytest.approx(none, rel=1e-12)
        assert none < power.equivalent(margin / 2, 0.0, n - 1, margin, n) < 1
    assert power.equivalent(0.2, 0.0, n - 1, 0.2, n) == 1
    found_by = power.detectable_by_count(n)  # six of one kind are the fewest with p <= .05
    assert found_by is None if n < 6 else stats.binom.sf(5, n, found_by) == pytest.approx(0.8)
    assert power.needed_by_count(1.0) == 6
    assert power.needed_by_count(0.0) is None


def test_few_items_that_all_differ_are_no_finding() -> None:
    """Exact: every way in which n items can be right for one of two equal systems alone; by t alone it was .5, .25, .125 and .0625."""
    for n in (2, 3, 4, 5):
        ways = np.array(np.meshgrid(*[[0.0, 1.0]] * n)).reshape(n, -1).T
        assert rejections(np.array([one(accuracy(way, 1 - way)).p[0] for way in ways])) == 0


def test_thousands_of_languages_take_the_memory_of_their_counts() -> None:
    import tracemalloc

    languages, items = 1_000, 200
    right = (RNG(5).random((items, 2)) < 0.5).astype(float)
    blocks = [Sums(right, np.ones((items, 1)), np.arange(n * items, (n + 1) * items)) for n in range(languages)]
    tracemalloc.start()
    found = moments(blocks, np.vstack([np.eye(languages), np.full((1, languages), 1 / languages)]))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {m.clusters for m in found[:-1]} == {items} and found[-1].clusters == languages * items
    assert most < 50e6  # bytes; a mark for each language and cluster would be 200 MB


def test_precision_of_the_counts_does_not_matter() -> None:
    sums = ner(RNG(13), 400, (0.8, 0.75))
    small = Sums(sums.numerator.astype(np.uint8), sums.denominator.astype(np.uint8))
    assert one(small).se == pytest.approx(one(sums).se, rel=1e-13)


def rejections(p: np.ndarray, level: float = 0.05) -> float:
    return float((p <= level).mean())


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_type_one_error_of_the_delta_method(metric: str) -> None:
    """A/A: two systems of one quality, 1,000 items, 600 simulations: .05 +- 3 Monte Carlo standard errors (.009)."""
    rng, p = RNG(13), []
    for _ in range(600):
        if metric == "accuracy":
            a, b = rng.random(1_000) < 0.8, rng.random(1_000) < 0.8
            sums = accuracy(a, b)
        else:
            sums = ner(rng, 1_000, (0.75, 0.75))
        p.append(contrast(sums, PAIR).p[0])
    assert rejections(np.array(p)) == pytest.approx(0.05, abs=0.027)


def test_parallel_languages_need_clusters_and_the_naive_way_fails() -> None:
    """15 parallel languages, macro mean: clustered near .05; languages taken for independent far above (the positive control)."""
    rng, clustered, naive = RNG(14), [], []
    shares = np.vstack([np.eye(15), np.full(15, 1 / 15)])
    for _ in range(300):
        hard = rng.normal(0, 1.2, (300, 2))
        right = rng.normal(0, 1, (300, 2, 15)) + hard[:, :, None] < 0.8
        *each, mean = moments([Sums(right[:, :, i].astype(float), np.ones((300, 1))) for i in range(15)], shares)
        found = differences(mean, [[0], [1]], PAIR)
        clustered.append(found.p[0])
        alone = np.sqrt(sum(differences(m, [[0], [1]], PAIR).se[0] ** 2 for m in each)) / 15
        naive.append(2 * stats.norm.sf(abs(found.value[0]) / alone))
    assert rejections(np.array(clustered)) == pytest.approx(0.05, abs=0.038)
    assert rejections(np.array(naive)) > 0.15


@pytest.mark.parametrize("sd", [0.0, 0.8, 2.0])
def test_seeds_and_items_keep_their_level_and_items_alone_do_not(sd: float) -> None:
    """A/A with three seeds an arm whose true accuracies vary by `sd` points: .03 to .08; items alone fail at 2 (the control)."""
    rng, both, items = RNG(15), [], []
    for _ in range(400):
        rate = 0.8 + rng.normal(0, sd / 100, 6)
        hard = rng.random(1_500)
        right = (0.6 * hard[:, None] + 0.4 * rng.random((1_500, 6)) < rate).astype(float)
        sums = Sums(right, np.ones((1_500, 1)))
        (found,) = moments([sums], np.ones((1, 1)))
        both.append(differences(found, [[0, 1, 2], [3, 4, 5]], PAIR).p[0])
        items.append(contrast(sums, np.array([[1, 1, 1, -1, -1, -1]]) / 3).p[0])
    assert rejections(np.array(both)) <= 0.083
    if sd == 2.0:
        assert rejections(np.array(both)) >= 0.017
        assert rejections(np.array(items)) > 0.15


def test_power_is_as_the_formula_says() -> None:
    """A planted difference, 400 simulations: the share found is within 3 Monte Carlo standard errors of the formula."""
    rng, p, se = RNG(16), [], []
    for _ in range(400):
        luck = rng.random(1_500)
        a, b = luck + rng.normal(0, 0.15, 1_500) < 0.72, luck + rng.normal(0, 0.15, 1_500) < 0.70
        found = contrast(accuracy(a, b), PAIR)
        p.append(found.p[0])
        se.append(found.se[0])
    wanted = power.power(0.02, float(np.mean(se)), 1_499)
    assert rejections(np.array(p)) == pytest.approx(wanted, abs=0.085)


def test_an_arm_that_does_not_vary_has_no_say_in_the_degrees_of_freedom() -> None:
    """Three equal runs (.99 each, whose variance is not 0 in floating point) against three that vary: 2 degrees of freedom for seeds, not 4."""
    same = np.ones(300)
    same[:3] = 0
    right = np.stack([same, same, same, *(np.arange(300) >= k for k in (30, 60, 90))], axis=1).astype(float)
    (found,) = moments([Sums(right, np.ones((300, 1)))], np.ones((1, 1)))
    estimate = differences(found, [[0, 1, 2], [3, 4, 5]], PAIR)
    total = estimate.se[0] ** 2
    common = max(estimate.items[0] - estimate.cells[0], 0)
    assert estimate.df[0] == pytest.approx(total**2 / (estimate.seeds[0] ** 2 / 2 + common**2 / 299))


@pytest.mark.parametrize(
    ("arms", "weights"),
    [([[0, 1, 2], [3, 4]], [1, -1]), ([[0, 1, 2], [3]], [1, -1]), ([[0], [5], [1], [6]], [1, -1, -1, 1])],
    ids=["three runs and two", "three runs and one", "of differences"],
)
def test_rounding_is_no_difference(arms: list[list[int]], weights: list[float]) -> None:
    """Runs of one answer to every item, and another system beside them: the differences are exactly 0 and their p is 1."""
    for items in range(50, 150):
        rng = RNG(items)
        same, other = (rng.random((items, 1)) < 0.9).astype(float), (rng.random((items, 1)) < 0.2).astype(float)
        found = moments([Sums(np.hstack([same] * 5 + [other] * 2), np.ones((items, 1)))] * 3, np.full((1, 3), 1 / 3))[0]
        estimate = differences(found, arms, np.array([weights], dtype=float))
        assert (estimate.value[0], estimate.se[0], estimate.p[0]) == (0, 0, 1)


def apart(rng: np.random.Generator, sizes: tuple[int, ...]) -> tuple[list[Sums], list[np.ndarray]]:
    """Two systems in languages of so many items, none of them in two; and the differences item by item."""
    ends = np.cumsum((0, *sizes))
    scores = [rng.normal(0.5, 0.12, (n, 2)) for n in sizes]
    blocks = [Sums(s, np.ones((n, 1)), np.arange(a, a + n)) for s, n, a in zip(scores, sizes, ends, strict=False)]
    return blocks, [s[:, 0] - s[:, 1] for s in scores]


def test_a_mean_over_languages_without_common_items_is_welchs_test() -> None:
    """Six items and three thousand: scipy's Welch test of the one against the other turned round; as a mean of tasks too."""
    blocks, (few, many) = apart(RNG(30), (6, 3_000))
    reference = stats.ttest_ind(few, -many, equal_var=False)
    first, second, mean = moments(blocks, np.array([[1, 0], [0, 1], [0.5, 0.5]]))
    for found in (mean, combine([first, second], [0.5, 0.5]), mean.take([0, 1])):
        estimate = differences(found, [[0], [1]], PAIR)
        assert (estimate.df[0], estimate.p[0]) == (pytest.approx(reference.df, rel=1e-9), pytest.approx(reference.pvalue, rel=1e-9))
        assert estimate.clusters[0] == 3_006


def test_degrees_of_freedom_where_some_items_are_shared() -> None:
    """Six items in both languages, which carry nearly all the variance, and many in one: Satterthwaite over the two kinds, with numpy."""
    rng = RNG(31)
    few, many = rng.normal(0, 0.12, 6), rng.normal(0, 0.12, 3_000)
    blocks = [Sums(np.stack([0.5 + d, np.full(len(d), 0.5)], 1), np.ones((len(d), 1)), np.arange(len(d))) for d in (few, many)]
    estimate = differences(moments(blocks, np.array([[0.5, 0.5]]))[0], [[0], [1]], PAIR)
    each = [(d - d.mean()) / len(d) * np.sqrt(len(d) / (len(d) - 1)) / 2 for d in (few, many)]
    shared, rest = ((each[0] + each[1][:6]) ** 2).sum(), (each[1][6:] ** 2).sum()
    assert estimate.se[0] ** 2 == pytest.approx(shared + rest, rel=1e-9)
    assert estimate.df[0] == pytest.approx((shared + rest) ** 2 / (shared**2 / 5 + rest**2 / 2_993), rel=1e-9)


def test_clusters_are_those_of_the_runs_compared() -> None:
    """Ten runs that predict spans in other sentences each: the union over the runs of a contrast, sentence by sentence."""
    rng = RNG(32)
    blocks = [Sums(np.zeros((80, 10)), (rng.random((80, 10)) < 0.15).astype(float), np.arange(80)) for _ in range(2)]
    arms, weights = [[0], [3, 9], [2], [4, 1, 5]], np.array([[1, -1, 0, 0], [0, 0, 1, 0], [0, 1, 0, -1], [1, -1, -1, 1], [2, 0, -1, -1.0]])
    single, _, mean = moments(blocks, np.array([[1, 0], [0, 1], [0.5, 0.5]]))
    there = [b.denominator > 0 for b in blocks]
    for found, present in ((single, there[0]), (mean, there[0] | there[1]), (combine([single, mean], [0.5, 0.5]), None)):
        for k, w in enumerate(weights):
            runs = [r for own, v in zip(arms, w, strict=True) if v for r in own]
            count = sum(int(p[:, runs].any(axis=1).sum()) for p in ([present] if present is not None else [there[0], there[0] | there[1]]))
            assert differences(found, arms, weights).clusters[k] == count
            assert (
                present is None or contrast(Sums(np.zeros(present.shape), present * 1.0), np.eye(10)[runs].sum(0)[None]).clusters == count
            )


def test_counting_in_a_mean_over_parts() -> None:
    """Six of six differ in one language and none of three thousand in another: as sure as the six (sign test .031), not as all 3,006."""
    few, many = accuracy(np.ones(6), np.zeros(6)), accuracy(np.ones(3_000), np.ones(3_000))
    (found,) = moments([few, Sums(many.numerator, many.denominator, np.arange(6, 3_006))], np.array([[0.5, 0.5]]))
    estimate = differences(found, [[0], [1]], PAIR)
    assert (estimate.value[0], estimate.se[0]) == (0.5, 0)
    assert stats.binomtest(6, 6).pvalue <= estimate.p[0] <= 3 * stats.binomtest(6, 6).pvalue
    assert differences(found, [[0], [1]], -PAIR).p[0] == estimate.p[0]
    tasks = differences(combine([moments([s], np.ones((1, 1)))[0] for s in (few, many)], [0.5, 0.5]), [[0], [1]], PAIR)
    assert (tasks.even[0], tasks.p[0]) == (estimate.even[0], estimate.p[0]), "a mean over tasks counts as one over languages"
    # Equal parts count as one: all of twice twenty.
    both = [accuracy(np.ones(20), np.zeros(20)), Sums(np.tile([1.0, 0.0], (20, 1)), np.ones((20, 1)), np.arange(20, 40))]
    estimate = differences(moments(both, np.array([[0.5, 0.5]]))[0], [[0], [1]], PAIR)
    assert estimate.p[0] == pytest.approx(stats.binomtest(40, 40).pvalue)


def test_six_that_all_differ_are_six_in_whatever_number_of_languages() -> None:
    """Nine ninths add up to a little more than 1, and six are the fewest that the sign test finds."""
    assert sum([1 / 9] * 9) > 1
    (found,) = moments([accuracy(np.ones(6), np.zeros(6))] * 9, np.full((1, 9), 1 / 9))
    even = differences(found, [[0], [1]], PAIR).even[0]
    assert even == 6 and power.detectable_by_count(even) is not None


def test_where_items_do_not_vary_runs_do() -> None:
    """Runs that are all right, or all wrong, in two languages without a common item: scipy's t test of the three seeds."""
    right = np.tile([1.0, 1.0, 0.0, 0.0, 0.0, 0.0], (20, 1))
    (found,) = moments([Sums(right, np.ones((20, 1)), np.arange(20 * k, 20 * k + 20)) for k in (0, 1)], np.array([[0.5, 0.5]]))
    estimate = differences(found, [[0, 1, 2], [3, 4, 5]], PAIR)
    assert (estimate.items[0], estimate.df[0]) == (0, 2)
    assert estimate.p[0] == pytest.approx(stats.ttest_1samp([1, 1, 0], 0).pvalue, rel=1e-9)
    # Two seeds that are alike have one degree of freedom, as of a paired t test, and not those of forty items.
    assert differences(found, [[0, 1], [3, 4]], PAIR).df[0] == 1


@pytest.mark.parametrize("runs", [2, 3])
def test_runs_that_tie_are_not_without_spread(runs: int) -> None:
    """Recipes of one quality whose runs happen to tie: found no oftener than 5 %; counting, as if items did not vary, found seven in ten."""
    rng, p = RNG(33), []
    law = stats.binom.pmf(np.arange(201), 200, 0.5) ** runs  # that all runs have so many right
    for _ in range(200):
        right = rng.choice(201, 2, p=law / law.sum())
        arms = [np.stack([rng.permutation(np.arange(200) < k) for _ in range(runs)], axis=1) for k in right]
        (found,) = moments([Sums(np.hstack(arms).astype(float), np.ones((200, 1)))], np.ones((1, 1)))
        p.append(differences(found, [range(runs), range(runs, 2 * runs)], PAIR).p[0])
    assert rejections(np.array(p)) <= 0.05


def test_runs_that_are_one_leave_the_items() -> None:
    """Three times the same answers an arm: scipy's paired t test of them, as what runs do not vary by is nothing to add."""
    a, b = RNG(34).random(90) < 0.7, RNG(35).random(90) < 0.6
    (found,) = moments([Sums(np.stack([a] * 3 + [b] * 3, axis=1).astype(float), np.ones((90, 1)))], np.ones((1, 1)))
    estimate = differences(found, [[0, 1, 2], [3, 4, 5]], PAIR)
    assert estimate.p[0] == pytest.approx(stats.ttest_rel(a.astype(float), b.astype(float)).pvalue, rel=1e-9)


def test_what_holm_finds_of_the_smallest_detectable_effect() -> None:
    """One of nine tests has it: at a ninth of the level four in five are found after adjustment; at the level itself, half (the control)."""
    rng, found = RNG(36), {0.05 / 9: 0, 0.05: 0}
    for level in found:
        effect = power.detectable(1.0, 50, level)
        for _ in range(1_000):
            t = (rng.normal(size=9) + effect * (np.arange(9) == 0)) / np.sqrt(rng.chisquare(50, 9) / 50)
            found[level] += families.holm(2 * stats.t.sf(np.abs(t), 50))[0] <= 0.05
    assert 770 <= found[0.05 / 9] <= 850
    assert found[0.05] < 600


def test_power_where_no_spread_was_seen() -> None:
    """The binomial of scipy: six of twenty or more, and never with five."""
    assert power.power_by_count(-0.4, 20) == pytest.approx(stats.binom.sf(5, 20, 0.4))
    assert (power.power_by_count(1.0, 5), power.power_by_count(1.0, 6), power.power_by_count(0.0, 20)) == (0, 1, 0)
