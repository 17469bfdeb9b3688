"""Bootstrap, randomisation and McNemar's test against scipy, sacrebleu and every possible draw."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.test_stats import PAIR, RNG, accuracy, ner, one
from xbench.stats import resampling
from xbench.stats.ratios import Sums, moments


def replicates(sums: Sums, resamples: int, seed: int) -> np.ndarray:
    """Of the difference of the first two systems."""
    drawn = resampling.bootstrap([sums], resamples, RNG(seed))[0].astype(float)
    return np.asarray(drawn[0] - drawn[1])


def halves(sums: Sums) -> tuple[Sums, Sums]:
    return sums.take([0]), sums.take([1])


def test_bootstrap_delta_method_and_scipy_agree_on_micro_f1() -> None:
    sums = ner(RNG(1), 400, (0.8, 0.7))
    found, drawn = one(sums), replicates(sums, 4_000, 2)
    # the spread of 4,000 replicates has a Monte Carlo error of 1.1 %; the delta method is off by O(1/n)
    assert drawn.std() == pytest.approx(found.se[0], rel=0.06)

    def difference(rows: np.ndarray) -> float:
        n, d = sums.numerator[rows], sums.denominator[rows]
        return float(n[:, 0].sum() / d[:, 0].sum() - n[:, 1].sum() / d[:, 1].sum())

    reference = stats.bootstrap(
        (np.arange(400),), lambda rows: difference(rows.astype(int)), n_resamples=2_000, vectorized=False, method="percentile", rng=RNG(3)
    )
    assert drawn.std() == pytest.approx(reference.standard_error, rel=0.08)
    low, high = resampling.Law(drawn).interval()
    assert [float(low), float(high)] == pytest.approx(list(reference.confidence_interval), abs=0.12 * found.se[0])
    # on the same replicates the ends are scipy's to the bit
    same = resampling.Law(reference.bootstrap_distribution).interval()
    assert [float(x) for x in same] == pytest.approx(list(reference.confidence_interval), rel=1e-14)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99, 1.0])
def test_interval_is_numpys_quantile(level: float) -> None:
    values = RNG(0).normal(size=(3, 777))
    low, high = resampling.Law(values).interval(level)
    assert low == pytest.approx(np.quantile(values, (1 - level) / 2, axis=1), rel=1e-12)
    assert high == pytest.approx(np.quantile(values, (1 + level) / 2, axis=1), rel=1e-12)


def test_shift_p_by_hand() -> None:
    """Replicates at a distance from .3 of at least .3, ties among them: -.1, 0, .6, .7 of eight; (1 + 4) / (1 + 8)."""
    law = resampling.Law(np.array([0.3, 0.6, 0.0, 0.1, 0.5, -0.1, 0.7, 0.2]))
    assert float(law.shift_p(0.3)) == pytest.approx(5 / 9)
    assert float(law.shift_p(0.0)) == 1


@pytest.mark.parametrize("n", [4, 6])
def test_bootstrap_law_against_enumeration(n: int) -> None:
    """All n^n samples of n items, each equally likely."""
    sums = ner(RNG(4), n, (0.9, 0.5))
    sums = Sums(sums.numerator, sums.denominator + 1)  # no sample without a span
    rows = np.array(list(itertools.product(range(n), repeat=n)))
    above, below = sums.numerator[rows].sum(axis=1), sums.denominator[rows].sum(axis=1)
    brute = above[:, 0] / below[:, 0] - above[:, 1] / below[:, 1]
    values, probability = resampling.bootstrap_law(sums)
    exact = values[:, 0] - values[:, 1]
    assert probability.sum() == pytest.approx(1, abs=1e-12)
    # the whole law, value by value
    for value in np.unique(brute.round(12)):
        assert probability[np.abs(exact - value) < 1e-11].sum() == pytest.approx((np.abs(brute - value) < 1e-11).mean(), abs=1e-12)
    drawn = replicates(sums, 20_000, 5)
    assert drawn.mean() == pytest.approx(brute.mean(), abs=4 * brute.std() / np.sqrt(20_000))
    assert drawn.var() == pytest.approx(brute.var(), rel=0.05)
    assert np.abs(drawn[:, None] - np.unique(exact.round(12))).min(axis=1).max() < 1e-6
    with pytest.raises(ValueError, match="enumerated up to 10"):
        resampling.bootstrap_law(ner(RNG(4), 11, (0.9, 0.5)))


def test_drawing_equal_clusters_together_is_the_same_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right and wrong answers have four kinds of rows: the multinomial has the mean and spread of drawing row by row."""
    rng = RNG(6)
    sums = accuracy(rng.random(500) < 0.7, rng.random(500) < 0.6)
    together = replicates(sums, 20_000, 7)
    assert resampling._collapsed(np.hstack([sums.numerator, sums.denominator]))[0] is not None
    monkeypatch.setattr(resampling, "_FEW_COLUMNS", 0)
    alone = replicates(sums, 20_000, 7)
    assert together.mean() == pytest.approx(alone.mean(), abs=4 * alone.std() / np.sqrt(10_000))
    assert together.std() == pytest.approx(alone.std(), rel=0.03)


@pytest.mark.parametrize("kind", ["rows", "groups", "fractions"])
def test_replicates_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    rng = RNG(6)
    sums = ner(rng, 50, (0.8, 0.7)) if kind != "groups" else accuracy(rng.random(200) < 0.7, rng.random(200) < 0.6)
    if kind == "fractions":
        sums = Sums(rng.random((50, 2)), np.ones((50, 1)))
    one_, two = halves(sums)
    whole, p = replicates(sums, 300, 7), resampling.randomisation(one_, two, 300, RNG(8))
    monkeypatch.setattr(resampling, "_CELLS", 357)
    monkeypatch.setattr(resampling, "_DRAWS", 3)
    assert (replicates(sums, 300, 7) == whole).all()  # to the bit
    assert resampling.randomisation(one_, two, 300, RNG(8)) == p


_THREADS = """
import numpy as np
from tests.test_stats import RNG, ner
from xbench.contrasts import rounded
from xbench.stats import ratios, resampling
from xbench.stats.ratios import Sums, all_pairs, differences, moments
blocks = [ner(RNG(s), 3_000, (0.8, 0.7, 0.75, 0.6)) for s in (1, 2)]
blocks.append(Sums(RNG(3).random((3_000, 4)), np.ones((3_000, 1))))
drawn = resampling.bootstrap(blocks, 200, RNG(0))
print(drawn.tobytes().hex()[-2_000:], float(drawn.sum()))
for found in moments(blocks, np.vstack([np.eye(3), np.full((1, 3), 1 / 3)])):
    e = differences(found, [[0], [1], [2], [3]], all_pairs(4))
    print([rounded(x) for x in (*e.value, *e.se, *e.p)])
"""


def test_threads_change_no_digit() -> None:
    """The same program with one thread of the linear algebra and with two."""
    told = [
        subprocess.run(
            [sys.executable, "-c", _THREADS], env={**os.environ, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n}, capture_output=True, text=True,
            check=True, cwd=Path(__file__).parent.parent,
        ).stdout
        for n in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert len(told[0]) > 2_000


def test_order_of_languages_and_systems_changes_nothing_but_the_order() -> None:
    blocks = [ner(RNG(s), 60, (0.8, 0.7, 0.6)) for s in (1, 2)]
    there = resampling.bootstrap(blocks, 50, RNG(0))
    back = resampling.bootstrap([b.take([2, 1, 0]) for b in blocks[::-1]], 50, RNG(0))
    assert (back[::-1, ::-1] == there).all()


def test_parallel_languages_are_drawn_together_and_others_apart() -> None:
    """Two languages with the same answers to the same items move as one; with other item numbers they do not."""
    sums = ner(RNG(9), 100, (0.8,))
    together = resampling.bootstrap([sums, sums], 200, RNG(0))
    assert (together[0] == together[1]).all()
    apart = resampling.bootstrap([sums, Sums(sums.numerator, sums.denominator, np.arange(100, 200))], 200, RNG(0))
    assert abs(np.corrcoef(apart[0, 0], apart[1, 0])[0, 1]) < 0.3
    partly = resampling.bootstrap([sums, Sums(sums.numerator, sums.denominator, np.arange(50, 150))], 2_000, RNG(0)).mean(axis=0)[0]
    (expected,) = moments([sums, Sums(sums.numerator, sums.denominator, np.arange(50, 150))], np.array([[0.5, 0.5]]))
    assert partly.std() == pytest.approx(np.sqrt(expected.covariance[0, 0]), rel=0.12)  # 150 clusters, drawn as one set


def test_languages_are_drawn_together_that_a_third_one_joins() -> None:
    """Two languages have no item in common, and a third has half of either's: covariances as by the delta method, 0 and about a half."""
    blocks = [ner(RNG(s), 100, (0.8,)) for s in (1, 2)]
    halves_of = [np.vstack([b.numerator[50:] if k == 0 else b.numerator[:50] for k, b in enumerate(blocks)])]
    halves_of.append(np.vstack([b.denominator[50:] if k == 0 else b.denominator[:50] for k, b in enumerate(blocks)]))
    blocks = [blocks[0], Sums(blocks[1].numerator, blocks[1].denominator, np.arange(100, 200)), Sums(*halves_of, np.arange(50, 150))]
    drawn = np.corrcoef(resampling.bootstrap(blocks, 4_000, RNG(0))[:, 0])
    pairs = [(0, 1), (0, 2), (1, 2)]
    *single, first, second, third = moments(blocks, np.vstack([np.eye(3), *(np.eye(3)[list(p)].sum(axis=0) for p in pairs)]))
    alone = [m.covariance[0, 0] for m in single]
    for (i, j), both in zip(pairs, (first, second, third), strict=True):
        expected = (both.covariance[0, 0] - alone[i] - alone[j]) / 2 / np.sqrt(alone[i] * alone[j])
        assert drawn[i, j] == pytest.approx(expected, abs=4 / np.sqrt(4_000))
    assert min(drawn[0, 2], drawn[1, 2]) > 0.3


@pytest.mark.parametrize("items", [40, 400])
@pytest.mark.parametrize("few", [0, 16])
def test_as_many_are_drawn_as_there_are(items: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that is always right is so in every resample, whether rows are drawn or groups of equal ones."""
    monkeypatch.setattr(resampling, "_FEW_COLUMNS", few)
    drawn = resampling.bootstrap([accuracy(np.ones(items), np.arange(items) % 2)], 50, RNG(0))[0]
    assert (drawn[0] == 1).all() and drawn[1].std() > 0


def test_a_resample_without_anything_to_count_is_0() -> None:
    """One of three sentences has a span, which is found: 1 where it is drawn, (2 / 3) ** 3 of the time it is not; never, where none has."""
    spans = np.array([[1, 0], [0, 0], [0, 0]])
    drawn = resampling.bootstrap([Sums(spans, spans)], 4_000, RNG(0))[0]
    assert set(drawn[0]) == {0, 1} and (drawn[1] == 0).all()
    assert (drawn[0] == 0).mean() == pytest.approx(8 / 27, abs=4 * np.sqrt(8 / 27 * 19 / 27 / 4_000))
    assert (resampling.bootstrap([Sums(np.zeros((3, 2)), np.zeros((3, 1)))], 10, RNG(0)) == 0).all()
    answers, beside = resampling.bootstrap([Sums(np.ones((3, 2)), np.ones((3, 1))), Sums(spans, spans)], 4_000, RNG(0))
    assert (answers == 1).all() and (beside == drawn).all(), "one language has as many everywhere, the other has not"


def test_counts_are_added_up_exactly() -> None:
    """Of four million tokens each one system has one more: more than single precision holds. A third beside whole numbers likewise."""
    tokens = 1 << 22
    right = RNG(0).integers(tokens, size=(50, 1))
    drawn = resampling.bootstrap([Sums(np.hstack([right + 1, right]), np.full((50, 1), tokens))], 100, RNG(1))[0]
    assert drawn[0] - drawn[1] == pytest.approx(1 / tokens, rel=1e-6)
    whole = Sums(np.ones((50, 1)), np.ones((50, 1)))
    for third in (Sums(np.full((50, 1), 1 / 3), np.ones((50, 1)), np.arange(50, 100)), Sums(np.full((50, 1), 1 / 3), np.ones((50, 1)))):
        assert resampling.bootstrap([whole, third], 10, RNG(1))[1].astype(float) == pytest.approx(1 / 3, rel=1e-9)


def test_randomisation_is_exact_where_few_clusters_differ() -> None:
    """All 2^10 swaps by brute force, equal to 1e-12."""
    sums = ner(RNG(8), 10, (0.9, 0.4))
    a, b = halves(sums)
    observed = abs(a.scores[0] - b.scores[0])
    hits = 0
    for flips in itertools.product((False, True), repeat=10):
        swap = np.array(flips)[:, None]
        n = [np.where(swap, x, y).sum() for x, y in ((b.numerator, a.numerator), (a.numerator, b.numerator))]
        d = [np.where(swap, x, y).sum() for x, y in ((b.denominator, a.denominator), (a.denominator, b.denominator))]
        hits += abs(n[0] / d[0] - n[1] / d[1]) >= observed - 1e-12
    assert resampling.randomisation(a, b, 100, RNG(9)) == pytest.approx(hits / 2**10, abs=1e-12)


def test_p_by_resampling_is_never_0() -> None:
    """(1 + hits) / (1 + resamples), Phipson and Smyth 2010: no swap of 40 items in which one system is right each time is as far."""
    first, second = (Sums(values, np.ones((40, 1))) for values in (np.ones((40, 1)), RNG(10).random((40, 1)) / 10))
    assert resampling.randomisation(first, second, 99, RNG(11)) == pytest.approx(1 / 100)


def test_randomisation_against_scipy() -> None:
    """Mean of paired differences: permutation_test with permutation_type='samples', within 4 Monte Carlo standard errors."""
    values = RNG(10).random((80, 2)) ** np.array([1.0, 1.25])
    first, second = (Sums(values[:, [i]], np.ones((80, 1))) for i in (0, 1))
    p = resampling.randomisation(first, second, 20_000, RNG(11))
    reference = stats.permutation_test(
        (values[:, 0], values[:, 1]), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", n_resamples=20_000,
        vectorized=True, rng=RNG(12),
    ).pvalue  # fmt: skip
    assert p == pytest.approx(reference, abs=4 * np.sqrt(2 * p * (1 - p) / 20_000))


def test_randomisation_swaps_all_runs_at_once() -> None:
    """Two runs an arm: the sign-flip test of the mean over runs, item by item, exact over 2^9."""
    values = RNG(13).random((9, 4))
    p = resampling.randomisation(Sums(values[:, :2], np.ones((9, 1))), Sums(values[:, 2:], np.ones((9, 1))), 10, RNG(0))
    d = values[:, :2].mean(axis=1) - values[:, 2:].mean(axis=1)
    signs = np.array(list(itertools.product((-1, 1), repeat=9)))
    assert p == pytest.approx((np.abs(signs @ d) >= abs(d.sum()) - 1e-12).mean(), abs=1e-12)


class Ratio:
    """A metric for sacrebleu: numerator over denominator, summed over items."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def _extract_corpus_statistics(self, hypotheses: Any, references: Any) -> np.ndarray:
        return self.rows

    def _compute_score_from_stats(self, sums: Any) -> SimpleNamespace:
        return SimpleNamespace(score=float(sums[0] / sums[1]))

    def _aggregate_and_compute(self, rows: Any) -> SimpleNamespace:
        return self._compute_score_from_stats(np.asarray(rows).sum(axis=0))


def sacrebleus(sums: Sums) -> tuple[float, float]:
    """P of sacrebleu 2.6's approximate randomisation and of its bootstrap, on our counts."""
    from sacrebleu import significance

    rows = [np.stack([sums.numerator[:, i], np.broadcast_to(sums.denominator, sums.numerator.shape)[:, i]], axis=1) for i in (0, 1)]
    metric = Ratio(rows[1])
    baseline = {"ratio": (rows[0], SimpleNamespace(score=float(sums.scores[0])))}
    given: Any = (baseline, "other", ["x"] * len(rows[0]), None, {"ratio": metric})
    swap = significance._paired_ar_test(*given, n_samples=4_000, seed=1)[1]["ratio"].p_value
    boot = significance._paired_bs_test(*given, n_samples=4_000, seed=1)[1]["ratio"].p_value
    assert swap is not None and boot is not None
    return swap, boot


def test_randomisation_against_sacrebleu_and_its_bootstrap_is_one_sided() -> None:
    """Its `>` and our `>=` agree where nothing ties; its bootstrap gives half of a two-sided p when p is small (documented difference)."""
    sums = ner(RNG(14), 300, (0.80, 0.755))
    sums = Sums(sums.numerator + RNG(15).random(sums.numerator.shape) * 1e-3, sums.denominator)  # no ties
    swap, boot = sacrebleus(sums)
    a, b = halves(sums)
    ours = resampling.randomisation(a, b, 20_000, RNG(16))
    assert 0.005 < ours < 0.2
    assert ours == pytest.approx(swap, abs=4 * np.sqrt(ours * (1 - ours) * (1 / 4_000 + 1 / 20_000)))
    shifted = float(resampling.Law(replicates(sums, 20_000, 17)).shift_p(float(sums.scores[0] - sums.scores[1])))
    assert 1.5 < shifted / boot < 2.8


@pytest.mark.parametrize(("b", "c"), [(5, 12), (0, 6), (30, 30), (1, 0), (0, 0)])
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    exact, mid = resampling.mcnemar(b, c)
    assert exact == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0)
    assert mid <= exact


def test_mcnemar_against_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    for b, c in ((5, 12), (3, 3), (40, 22)):
        assert resampling.mcnemar(b, c)[0] == pytest.approx(mcnemar([[50, b], [c, 30]], exact=True).pvalue)
    # mid-p of 5 against 12: exact less the point probability (Fagerland et al. 2013)
    assert resampling.mcnemar(5, 12)[1] == pytest.approx(2 * stats.binom.cdf(5, 17, 0.5) - stats.binom.pmf(5, 17, 0.5))
    assert resampling.mcnemar(30, 30)[1] == pytest.approx(1)


def test_exact_mcnemar_is_exact_randomisation() -> None:
    right = np.array([[1, 0]] * 7 + [[0, 1]] * 2 + [[1, 1]] * 20 + [[0, 0]] * 5, dtype=float)
    a, b = halves(Sums(right, np.ones((34, 1))))
    assert resampling.randomisation(a, b, 10, RNG(0)) == pytest.approx(resampling.mcnemar(7, 2)[0], abs=1e-12)
    twelve = halves(accuracy(np.ones(12), np.zeros(12)))
    assert resampling.randomisation(*twelve, 10, RNG(0)) == pytest.approx(stats.binomtest(12, 12).pvalue, abs=1e-12)


def test_identical_systems_are_not_told_apart() -> None:
    sums = ner(RNG(18), 40, (0.8,))
    both = Sums(sums.numerator[:, [0, 0]], sums.denominator[:, [0, 0]])
    assert resampling.randomisation(*halves(both), 100, RNG(0)) == 1
    law = resampling.Law(replicates(both, 100, 0))
    assert float(law.shift_p(0.0)) == 1
    assert [float(x) for x in law.interval()] == [0, 0]
    assert one(both, PAIR).p[0] == 1
