"""Statistics against scipy, brute force, and their own promises under simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from xbench.stats import families, power, resampling
from xbench.stats.ratios import Sums, contrast, influence, seeds_and_items

RNG = np.random.default_rng


def accuracy(first: np.ndarray, second: np.ndarray) -> Sums:
    """Two systems' right and wrong answers to the same items."""
    both = np.stack([first, second], axis=1).astype(float)
    return Sums(both, np.ones_like(both))


def test_accuracy_is_the_paired_t_test() -> None:
    """For plain means the delta method is scipy's ttest_rel, to the last digits: value, p and interval."""
    rng = RNG(0)
    a, b = rng.random(300) < 0.7, rng.random(300) < 0.62
    found = contrast(accuracy(a, b), np.array([[1.0, -1.0]]))
    reference = stats.ttest_rel(a.astype(float), b.astype(float))
    assert found.value[0] == pytest.approx(a.mean() - b.mean(), abs=1e-15)
    assert found.p[0] == pytest.approx(reference.pvalue, rel=1e-10)
    limits = reference.confidence_interval()
    assert [x[0] for x in found.interval()] == pytest.approx([limits.low, limits.high], rel=1e-10)


def f1_counts(rng: np.random.Generator, n: int, quality: float) -> tuple[np.ndarray, np.ndarray]:
    gold = rng.poisson(1.5, n)
    right = rng.binomial(gold, quality)
    predicted = right + rng.poisson(0.4, n)
    return 2.0 * right, (gold + predicted).astype(float)


def ner(rng: np.random.Generator, n: int, quality: tuple[float, float]) -> Sums:
    columns = [f1_counts(rng, n, q) for q in quality]
    return Sums(np.stack([c[0] for c in columns], 1), np.stack([c[1] for c in columns], 1))


def test_bootstrap_delta_method_and_scipy_agree_on_micro_f1() -> None:
    sums = ner(RNG(1), 400, (0.8, 0.7))
    weights = np.array([[1.0, -1.0]])
    found = contrast(sums, weights)
    replicates = resampling.bootstrap(sums, weights, 4_000, RNG(2))
    # the spread of 4,000 replicates has a Monte Carlo error of 1.1 %; the delta method is off by O(1/n)
    assert replicates.std() == pytest.approx(found.se[0], rel=0.06)

    def difference(rows: np.ndarray) -> float:
        n, d = sums.numerator[rows], sums.denominator[rows]
        return float(n[:, 0].sum() / d[:, 0].sum() - n[:, 1].sum() / d[:, 1].sum())

    reference = stats.bootstrap(
        (np.arange(400),), lambda rows: difference(rows.astype(int)), n_resamples=2_000, vectorized=False, method="percentile", rng=RNG(3)
    )
    assert replicates.std() == pytest.approx(reference.standard_error, rel=0.08)
    assert np.quantile(replicates, [0.025, 0.975]) == pytest.approx(list(reference.confidence_interval), abs=0.12 * found.se[0])


def test_bootstrap_law_against_enumeration() -> None:
    """All 4^4 samples of four items, each equally likely: replicates have that mean and variance."""
    sums = ner(RNG(4), 4, (0.9, 0.5))
    sums = Sums(sums.numerator, sums.denominator + 1)  # no sample without a span
    weights = np.array([[1.0, -1.0]])
    law = []
    for rows in itertools.product(range(4), repeat=4):
        n, d = sums.numerator[list(rows)].sum(0), sums.denominator[list(rows)].sum(0)
        law.append(n[0] / d[0] - n[1] / d[1])
    replicates = resampling.bootstrap(sums, weights, 20_000, RNG(5))[:, 0]
    assert replicates.mean() == pytest.approx(np.mean(law), abs=4 * np.std(law) / np.sqrt(20_000))
    assert replicates.var() == pytest.approx(np.var(law), rel=0.05)
    assert set(np.round(replicates, 12)) <= set(np.round(law, 12))


def test_replicates_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = ner(RNG(6), 50, (0.8, 0.7))
    whole = resampling.bootstrap(sums, np.array([[1.0, -1.0]]), 300, RNG(7))
    monkeypatch.setattr(resampling, "_CHUNK", 7)
    assert np.allclose(resampling.bootstrap(sums, np.array([[1.0, -1.0]]), 300, RNG(7)), whole, rtol=0, atol=1e-14)


def test_randomisation_against_all_sign_flips() -> None:
    """The exact p over all 2^10 swaps, within Monte Carlo error of 4 standard deviations."""
    sums = ner(RNG(8), 10, (0.9, 0.4))
    a, b = (Sums(sums.numerator[:, [i]], sums.denominator[:, [i]]) for i in (0, 1))
    observed = abs(a.scores[0] - b.scores[0])
    hits = 0
    for flips in itertools.product((False, True), repeat=10):
        swap = np.array(flips)[:, None]
        n = [np.where(swap, x, y).sum() for x, y in ((b.numerator, a.numerator), (a.numerator, b.numerator))]
        d = [np.where(swap, x, y).sum() for x, y in ((b.denominator, a.denominator), (a.denominator, b.denominator))]
        hits += abs(n[0] / d[0] - n[1] / d[1]) >= observed - 1e-12
    exact = hits / 2**10
    p = resampling.randomisation(a, b, 20_000, RNG(9))[0]
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-4)


@pytest.mark.parametrize(("b", "c"), [(5, 12), (0, 6), (30, 30), (1, 0), (0, 0)])
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    exact, mid = resampling.mcnemar(b, c)
    assert exact == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0)
    assert mid <= exact


def test_adjusted_p_against_scipy_and_by_hand() -> None:
    p = RNG(10).random(30) ** 3
    assert families.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))
    assert families.benjamini_yekutieli(p) == pytest.approx(stats.false_discovery_control(p, method="by"))
    # Holm by hand: .001 x 4, then .02 x 3, .03 x 2 (not below .06), .9
    assert families.holm(np.array([0.02, 0.03, 0.001, 0.9])) == pytest.approx([0.06, 0.06, 0.004, 0.9])
    with_hole = families.holm(np.array([0.02, np.nan, 0.001]))
    assert with_hole[[0, 2]] == pytest.approx([0.02, 0.002])
    assert np.isnan(with_hole[1])  # what is no test does not count


def test_partial_conjunction_by_hand() -> None:
    """Dror et al. 2017: (n - u + 1) x u-th smallest, not falling."""
    p = np.array([0.001, 0.01, 0.02, 0.5])
    assert families.partial_conjunction(p) == pytest.approx([0.004, 0.03, 0.04, 0.5])
    assert families.effects(p) == 3


def test_power_and_detectable_effect_fit_together() -> None:
    effect = power.detectable(0.01, 1e6)
    assert effect == pytest.approx(2.80 * 0.01, rel=1e-3)  # Card et al. 2020: 2.80 standard errors
    assert power.power(effect, 0.01, 1e6) == pytest.approx(0.8, abs=1e-4)
    assert power.items_needed(0.01, 0.01, 1_000) == int(np.ceil(1_000 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2))
    assert power.equivalent(0.0, 0.01, 1e6, 0.03) == pytest.approx(stats.norm.sf(3), rel=1e-3)


def test_invariances() -> None:
    sums = ner(RNG(11), 200, (0.8, 0.75))
    weights = np.array([[1.0, -1.0]])
    found = contrast(sums, weights)
    swapped = contrast(sums, -weights)
    assert (swapped.value, swapped.p) == (pytest.approx(-found.value), pytest.approx(found.p))
    order = RNG(12).permutation(200)
    assert contrast(Sums(sums.numerator[order], sums.denominator[order]), weights).se == pytest.approx(found.se, rel=1e-12)
    same = contrast(Sums(sums.numerator[:, [0, 0]], sums.denominator[:, [0, 0]]), weights)
    assert (same.value[0], same.p[0], same.se[0]) == (0, 1, 0)
    # each item twice in one cluster: the same as once
    twice = contrast(Sums(2 * sums.numerator, 2 * sums.denominator), weights)
    assert twice.se == pytest.approx(found.se, rel=1e-12)
    with pytest.raises(ValueError, match=r"columns \[1\] have fewer than two clusters"):
        influence(Sums(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])))
    # directions: a clearly better system comes out better
    better = contrast(accuracy(RNG(0).random(500) < 0.9, RNG(1).random(500) < 0.6), weights)
    assert better.value[0] > 0
    assert better.p[0] < 1e-6


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
        p.append(contrast(sums, np.array([[1.0, -1.0]])).p[0])
    assert rejections(np.array(p)) == pytest.approx(0.05, abs=0.027)


def parallel(rng: np.random.Generator, items: int, languages: int) -> Sums:
    """A/A in parallel languages: what makes an item hard for one system is shared by its translations."""
    hard = rng.normal(0, 1.2, (items, 2))
    right = rng.normal(0, 1, (items, 2, languages)) + hard[:, :, None] < 0.8
    return Sums(right.reshape(items, -1).astype(float), np.ones((items, 2 * languages)))


def test_parallel_languages_need_clusters_and_the_naive_way_fails() -> None:
    """15 parallel languages, macro mean: clustered near .05; languages taken for independent far above (the positive control)."""
    rng, clustered, naive = RNG(14), [], []
    weights = np.concatenate([np.full(15, 1 / 15), np.full(15, -1 / 15)])[None, :]
    for _ in range(300):
        sums = parallel(rng, 300, 15)
        found = contrast(sums, weights)
        clustered.append(found.p[0])
        each = contrast(sums, np.concatenate([np.eye(15), -np.eye(15)], axis=1))
        alone = found.value[0] / (np.sqrt((each.se**2).sum()) / 15)
        naive.append(2 * stats.norm.sf(abs(alone)))
    assert rejections(np.array(clustered)) == pytest.approx(0.05, abs=0.038)
    assert rejections(np.array(naive)) > 0.15


@pytest.mark.parametrize("matched", [False, True])
@pytest.mark.parametrize("sd", [0.0, 0.8, 2.0])
def test_seeds_and_items_keep_their_level_and_items_alone_do_not(sd: float, matched: bool) -> None:
    """A/A with three seeds an arm whose true accuracies vary by `sd` points: .03 to .08; items alone fail at .8 (the control)."""
    rng, both, items = RNG(15), [], []
    weights = (np.array([1.0, -1.0])[:, None, None] / 3) * np.ones((2, 3, 1))
    for _ in range(400):
        rate = 0.8 + rng.normal(0, sd / 100, 6)
        hard = rng.random(1_500)
        right = (0.6 * hard[:, None] + 0.4 * rng.random((1_500, 6)) < rate).astype(float)
        sums = Sums(right, np.ones_like(right))
        both.append(seeds_and_items(sums, weights, matched=matched).p[0])
        items.append(contrast(sums, weights.reshape(1, -1)).p[0])
    assert rejections(np.array(both)) <= 0.083
    if sd == 2.0:
        assert rejections(np.array(both)) >= 0.017
        assert rejections(np.array(items)) > 0.15


def test_one_seed_is_refused() -> None:
    sums = accuracy(RNG(0).random(50) < 0.5, RNG(1).random(50) < 0.5)
    with pytest.raises(ValueError, match="two arms with two seeds or more"):
        seeds_and_items(sums, np.array([1.0, -1.0]).reshape(2, 1, 1), matched=False)


def test_power_is_as_the_formula_says() -> None:
    """A planted difference, 400 simulations: the share found is within 3 Monte Carlo standard errors of the formula."""
    rng, p, se = RNG(16), [], []
    for _ in range(400):
        luck = rng.random(1_500)
        a, b = luck + rng.normal(0, 0.15, 1_500) < 0.72, luck + rng.normal(0, 0.15, 1_500) < 0.70
        found = contrast(accuracy(a, b), np.array([[1.0, -1.0]]))
        p.append(found.p[0])
        se.append(found.se[0])
    wanted = power.power(0.02, float(np.mean(se)), 1_499)
    assert rejections(np.array(p)) == pytest.approx(wanted, abs=0.085)
