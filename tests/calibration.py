"""Simulations that show whether the statistics keep their promises: `python -m tests.calibration` writes docs/calibration.md.

Each gate is a function that returns rows of (what, figure, lowest, highest allowed). The naive variants are there as positive controls: a
simulation in which they do not fail could not tell a right method from a wrong one.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import stats

from xbench.stats import families, pooling, power, ranking, resampling
from xbench.stats.ratios import Estimate, Sums, all_pairs, contrast, differences, moments

DIFFERENCE = np.array([[1.0, -1.0]])
INTERACTION = np.array([[1.0, -1.0, -1.0, 1.0]])
METRICS = ("accuracy", "F1 of spans", "POS accuracy", "F1 of answers")


@dataclass(frozen=True)
class Figure:
    gate: str
    what: str
    value: float
    low: float
    high: float

    @property
    def ok(self) -> bool:
        return self.low <= self.value <= self.high


def pair(metric: str, rng: np.random.Generator, n: int, shift: float = 0.0) -> Sums:
    """Two systems of one quality (but for `shift`) on n items that are hard or easy for both."""
    easy = rng.random(n)[:, None]
    if metric == "accuracy":
        right = (0.7 * easy + 0.3 * rng.random((n, 2)) < 0.5 + np.array([shift, 0.0])).astype(float)
        return Sums(right, np.ones((n, 2)))
    if metric == "F1 of answers":
        return Sums(np.clip(1.2 * easy + 0.4 * (rng.random((n, 2)) - 0.5), 0, 1), np.ones((n, 2)))
    if metric == "F1 of spans":
        gold = rng.poisson(1.5, n)[:, None]
        right = rng.binomial(gold, np.clip(0.55 + 0.3 * easy, 0, 1), (n, 2))
        return Sums(2.0 * right, (gold + right + rng.poisson(0.4, (n, 2))).astype(float))
    tokens = rng.integers(3, 40, n)[:, None]
    return Sums(rng.binomial(tokens, 0.7 + 0.25 * easy, (n, 2)).astype(float), np.broadcast_to(tokens, (n, 2)).astype(float))


def rejected(p: list[float], level: float = 0.05) -> float:
    return float((np.array(p) <= level).mean())


def slack(rate: float, simulations: int, sigmas: float) -> float:
    """So many Monte Carlo standard errors."""
    return sigmas * float(np.sqrt(rate * (1 - rate) / simulations))


def type_one(simulations: int, sizes: tuple[int, ...] = (100, 1_000, 5_000), sigmas: float = 2.0) -> list[Figure]:
    """G1: A/A, how often p is at most .05 and .01."""
    found = []
    for metric in METRICS:
        for n in sizes:
            rng = np.random.default_rng([1, METRICS.index(metric), n])
            p = [float(contrast(pair(metric, rng, n), DIFFERENCE).p[0]) for _ in range(simulations)]
            high = max(0.065, 0.05 + slack(0.05, simulations, sigmas)) if n == 100 else 0.05 + slack(0.05, simulations, sigmas)
            found.append(
                Figure("G1 type I", f"{metric}, n = {n}, at .05", rejected(p), 0.05 - slack(0.05, simulations, sigmas + (n == 100)), high)
            )
            found.append(
                Figure("G1 type I", f"{metric}, n = {n}, at .01", rejected(p, 0.01), 0.0, max(0.015, 0.01 + slack(0.01, simulations, 2.5)))
            )
    return found


def coverage(simulations: int, sizes: tuple[int, ...] = (100, 1_000)) -> list[Figure]:
    """G3: how often the interval holds the difference in a population of 100,000 items."""
    found = []
    for metric in METRICS:
        rng = np.random.default_rng([3, METRICS.index(metric)])
        whole = pair(metric, rng, 100_000)
        truth = float(whole.scores[0] - whole.scores[1])
        for n in sizes:
            inside = dict.fromkeys((0.80, 0.95, 0.99), 0)
            for _ in range(simulations):
                rows = rng.integers(100_000, size=n)
                estimate = contrast(Sums(whole.numerator[rows], whole.denominator[rows]), DIFFERENCE)
                for level in inside:
                    low, high = estimate.interval(level)
                    inside[level] += low[0] <= truth <= high[0]
            for level, count in inside.items():
                wide = slack(level, simulations, 2.5) + (0.012 if n == 100 else 0.002)
                found.append(
                    Figure(
                        "G3 coverage", f"{metric}, n = {n}, {level:.0%} interval", count / simulations, level - wide, min(1.0, level + wide)
                    )
                )
    return found


def clusters(simulations: int, languages: int = 15, items: int = 1_000) -> list[Figure]:
    """G4: parallel languages, a hardness of each item for each system that all its translations share."""
    rng, shared, alone = np.random.default_rng(4), [], []
    weights = np.concatenate([np.full(languages, 1 / languages), np.full(languages, -1 / languages)])[None, :]
    each = np.concatenate([np.eye(languages), -np.eye(languages)], axis=1)
    for _ in range(simulations):
        hard = rng.normal(0, 1.2, (items, 2))
        right = (rng.normal(0, 1, (items, 2, languages)) + hard[:, :, None] < 0.8).reshape(items, -1).astype(float)
        sums = Sums(right, np.ones_like(right))
        mean = contrast(sums, weights)
        shared.append(float(mean.p[0]))
        naive = float(np.sqrt((contrast(sums, each).se ** 2).sum()) / languages)
        alone.append(float(2 * stats.norm.sf(abs(mean.value[0]) / naive)))
    wide = slack(0.05, simulations, 2.5)
    return [
        Figure("G4 clusters", f"{languages} parallel languages, mean, clustered", rejected(shared), 0.05 - wide, 0.05 + wide),
        Figure("G4 clusters", "control: languages taken for independent", rejected(alone), 0.15, 1.0),
    ]


def over_seeds(right: np.ndarray, arms: tuple[int, ...], weights: np.ndarray) -> Estimate:
    """Runs of accuracy side by side, so many for each arm, compared over items and seeds."""
    (found,) = moments([Sums(right, np.ones((len(right), 1)))], np.ones((1, 1)))
    ends = np.cumsum((0, *arms))
    return differences(found, [range(a, b) for a, b in pairwise(ends)], weights)


def seeds(simulations: int, items: int = 2_000) -> list[Figure]:
    """G5: A/A of recipes whose runs differ by chance; unequal numbers of runs, two sizes of model, items that are hard for one arm alone."""
    found = []
    for sd in (0.0, 0.4, 0.8, 2.0):
        for arms, own in (
            ((2, 2), 0.0),
            ((3, 3), 0.0),
            ((5, 5), 0.0),
            ((2, 5), 0.0),
            ((3, 5), 0.0),
            ((3, 3, 3, 3), 0.0),
            ((3, 3), 0.15),
            ((5, 5), 0.15),
        ):
            rng, both, only = np.random.default_rng([5, int(10 * sd), int(100 * own), *arms]), [], []
            signs = DIFFERENCE if len(arms) == 2 else INTERACTION
            weights = np.concatenate([np.full(n, w / n) for n, w in zip(arms, signs[0], strict=True)])[None, :]
            for _ in range(simulations):
                rate = 0.8 + rng.normal(0, sd / 100, sum(arms))
                hard = 0.6 * rng.random(items)[:, None] + np.repeat(rng.normal(0, own, (items, len(arms))), arms, axis=1)
                right = (hard + 0.4 * rng.random((items, sum(arms))) < rate).astype(float)
                both.append(float(over_seeds(right, arms, signs).p[0]))
                only.append(float(contrast(Sums(right, np.ones((items, 1))), weights).p[0]))
            wide = slack(0.05, simulations, 2.5)
            high = 0.08 if min(arms) == 2 else 0.07
            what = " against ".join(str(n) for n in arms) + " seeds" if len(arms) == 2 else "difference of differences, 3 seeds"
            what += ", items hard for one arm" if own else ""
            found.append(Figure("G5 seeds", f"sd {sd} points, {what}, seeds and items", rejected(both), 0.03 - wide / 2, high + wide / 2))
            if sd >= (2.0 if own else 0.8):  # where items vary more, seeds matter less
                found.append(Figure("G5 seeds", f"control: sd {sd} points, {what}, items alone", rejected(only), 0.15, 1.0))
    return found


def many(simulations: int) -> list[Figure]:
    """G6: 40 null effects with correlation .5; then ten real ones among them."""
    rng, any_holm, any_max, naive, false_share, too_many = np.random.default_rng(6), 0, 0, 0, 0.0, 0
    law = np.sqrt(0.5) * rng.normal(size=(20_000, 1)) + np.sqrt(0.5) * rng.normal(size=(20_000, 40))
    for _ in range(simulations):
        z = np.sqrt(0.5) * rng.normal() + np.sqrt(0.5) * rng.normal(size=40)
        p = 2 * stats.norm.sf(np.abs(z))
        naive += bool((p <= 0.05).any())
        any_holm += bool((families.holm(p) <= 0.05).any())
        any_max += bool((families.max_t(z, law)[0] <= 0.05).any())
        real = z + np.where(np.arange(40) < 10, 3.5, 0.0)
        found = families.benjamini_hochberg(2 * stats.norm.sf(np.abs(real))) <= 0.05
        false_share += found[10:].sum() / max(1, found.sum())
        too_many += families.effects(stats.norm.sf(real), 0.025) > 10
    high = 0.05 + slack(0.05, simulations, 2.0)
    return [
        Figure("G6 families", "Holm, 40 nulls: any false finding", any_holm / simulations, 0.0, high),
        Figure("G6 families", "max-T, 40 nulls: any false finding", any_max / simulations, 0.05 - slack(0.05, simulations, 2.5), high),
        Figure("G6 families", "control: unadjusted, 40 nulls: any false finding", naive / simulations, 0.30, 1.0),
        Figure("G6 families", "Benjamini-Hochberg, 10 of 40 real: share of false findings", false_share / simulations, 0.0, high),
        Figure("G6 families", "partial conjunction: more effects claimed than there are", too_many / simulations, 0.0, high),
    ]


def joint(simulations: int, languages: int = 10, items: int = 400) -> list[Figure]:
    """G6: max-T and its joint intervals on the engine's own bootstrap, parallel languages."""
    rng, any_false, inside = np.random.default_rng(61), 0, 0
    for _ in range(simulations):
        hard = rng.normal(0, 1.0, (items, 2))
        right = (rng.normal(0, 1, (items, 2, languages)) + hard[:, :, None] < 0.5).astype(float)
        blocks = [Sums(right[:, :, i], np.ones((items, 1))) for i in range(languages)]
        drawn = resampling.bootstrap(blocks, 600, rng).astype(float)
        drawn = drawn[:, 0] - drawn[:, 1]
        seen = np.array([b.scores[0] - b.scores[1] for b in blocks])
        se = drawn.std(axis=1, ddof=1)
        p, quantile = families.max_t(seen / se, ((drawn - seen[:, None]) / se[:, None]).T)
        any_false += bool((p <= 0.05).any())
        inside += bool((np.abs(seen) <= quantile(0.95) * se).all())
    wide = slack(0.05, simulations, 2.5) + 0.005
    return [
        Figure(
            "G6 families",
            f"max-T by the bootstrap, {languages} parallel languages: any false finding",
            any_false / simulations,
            0.05 - wide,
            0.05 + wide,
        ),
        Figure("G6 families", "its joint intervals hold all differences", inside / simulations, 0.95 - wide, 0.95 + wide),
    ]


def rank_limits(simulations: int, items: int = 1_000) -> list[Figure]:
    """Rank intervals of eight systems, some of them equal: how often any true rank lies outside; ranks 1..8 by score are the control."""
    rates = np.array([0.80, 0.80, 0.79, 0.77, 0.77, 0.77, 0.74, 0.70])
    best = np.array([1 + (rates > r).sum() for r in rates])
    worst = np.array([len(rates) - (rates < r).sum() for r in rates])
    rng, outside, naive = np.random.default_rng(62), 0, 0
    for _ in range(simulations):
        right = (0.6 * rng.random(items)[:, None] + 0.4 * rng.random((items, 8)) < rates).astype(float)
        estimate = over_seeds(right, (1,) * 8, all_pairs(8))
        found = ranking.ranks(right.mean(axis=0), estimate)
        outside += bool(((found.best > best) | (found.worst < worst)).any())
        bare = 1 + np.argsort(np.argsort(-right.mean(axis=0)))
        naive += bool(((bare < best) | (bare > worst)).any())
    return [
        Figure(
            "ranks", "eight systems: any true rank outside its interval", outside / simulations, 0.0, 0.05 + slack(0.05, simulations, 2.0)
        ),
        Figure("ranks", "control: bare ranks 1 to 8 contradict the true order", naive / simulations, 0.15, 1.0),
    ]


def new_languages(simulations: int, languages: int = 9) -> list[Figure]:
    """Intervals over languages: effects of their own, noise of their own and noise they share; the control takes them for independent."""
    rng, mean, alone, one = np.random.default_rng(63), 0, 0, 0
    for _ in range(simulations):
        effects, new = rng.normal(0, 0.02, languages), rng.normal(0, 0.02)
        values = effects + rng.normal(0, 0.01, languages) + rng.normal(0, 0.012)
        found = pooling.across(values, np.full(languages, 0.01**2 + 0.012**2), 0.01**2 / languages + 0.012**2, 200)
        mean += found.low <= 0 <= found.high
        one += found.predict_low <= new <= found.predict_high
        limits = stats.ttest_1samp(values, 0).confidence_interval()
        alone += limits.low <= 0 <= limits.high
    return [
        Figure("languages", "random effect: the interval holds the mean of all languages", mean / simulations, 0.93, 0.98),
        Figure("languages", "prediction interval holds the effect in a new language", one / simulations, 0.93, 0.995),
        Figure("languages", "control: languages taken for independent", alone / simulations, 0.0, 0.90),
    ]


def uniform(simulations: int, resamples: int = 9_999) -> list[Figure]:
    """G2: p of nearly continuous metrics is uniform, by three methods; the largest deviation of its distribution function."""
    found = []
    for metric in ("F1 of spans", "F1 of answers"):
        for n, methods in ((300, ("delta", "bootstrap", "randomisation")), (1_000, ("delta",)), (5_000, ("delta",))):
            rng = np.random.default_rng([2, METRICS.index(metric), n])
            p: dict[str, list[float]] = {m: [] for m in methods}
            for _ in range(simulations):
                sums = pair(metric, rng, n)
                estimate = contrast(sums, DIFFERENCE)
                p["delta"].append(float(estimate.p[0]))
                if len(methods) > 1:
                    drawn = resampling.bootstrap([sums], resamples, rng)[0]
                    p["bootstrap"].append(float(resampling.Law(drawn[0] - drawn[1]).shift_p(estimate.value[0])))
                    p["randomisation"].append(resampling.randomisation(sums.take([0]), sums.take([1]), resamples, rng))
            for method, values in p.items():
                test = stats.kstest(values, "uniform")
                found.append(
                    Figure(
                        "G2 uniform p",
                        f"{method}, {metric}, n = {n}: largest deviation",
                        float(test.statistic),
                        0.0,
                        1.63 / np.sqrt(simulations),
                    )
                )
    return found


def found_effects(simulations: int) -> list[Figure]:
    """G7: a planted difference is found as often as the formula says, and the smallest detectable one in 80 % of cases."""
    rng, p, se, values = np.random.default_rng(7), [], [], []
    for _ in range(simulations):
        estimate = contrast(pair("accuracy", rng, 5_010, 0.006), DIFFERENCE)
        p.append(float(estimate.p[0]))
        se.append(float(estimate.se[0]))
        values.append(float(estimate.value[0]))
    wanted = power.power(float(np.mean(values)), float(np.mean(se)), 5_009)
    detectable = power.detectable(float(np.mean(se)), 5_009)
    at = power.power(detectable, float(np.mean(se)), 5_009)
    wide = max(0.03, slack(wanted, simulations, 2.5))
    return [
        Figure(
            "G7 power",
            f"planted {100 * np.mean(values):.2f} points, n = 5,010: found (formula {wanted:.3f})",
            rejected(p),
            wanted - wide,
            wanted + wide,
        ),
        Figure("G7 power", f"smallest detectable {100 * detectable:.2f} points: power by the formula", at, 0.799, 0.801),
    ]


def confirmation(simulations: int) -> list[Figure]:
    """Bootstrap and randomisation, which are computed another way, at n = 300; and the rule of sacrebleu's bootstrap, which is one-sided."""
    found = []
    for metric in ("accuracy", "F1 of spans"):
        rng, shifted, swapped, theirs = np.random.default_rng([8, METRICS.index(metric)]), [], [], []
        for _ in range(simulations):
            sums = pair(metric, rng, 300)
            observed = float(contrast(sums, DIFFERENCE).value[0])
            drawn = resampling.bootstrap([sums], 500, rng)[0].astype(float)
            shifted.append(float(resampling.Law(drawn[0] - drawn[1]).shift_p(observed)))
            swapped.append(resampling.randomisation(sums.take([0]), sums.take([1]), 500, rng))
            spread = np.abs(drawn[0] - drawn[1])
            theirs.append((1 + (spread - spread.mean() > abs(observed)).sum()) / 501)
        wide = slack(0.05, simulations, 2.5) + 0.005
        found.append(Figure("resampling", f"shifted bootstrap, {metric}, n = 300, at .05", rejected(shifted), 0.05 - wide, 0.05 + wide))
        found.append(Figure("resampling", f"randomisation, {metric}, n = 300, at .05", rejected(swapped), 0.05 - wide - 0.01, 0.05 + wide))
        found.append(Figure("resampling", f"control: the rule of sacrebleu's paired bootstrap, {metric}", rejected(theirs), 0.075, 1.0))
    return found


GATES: dict[str, Callable[[int], list[Figure]]] = {
    "type_one": type_one, "uniform": uniform, "coverage": coverage, "clusters": clusters, "seeds": seeds, "many": many, "joint": joint,
    "rank_limits": rank_limits, "new_languages": new_languages, "found_effects": found_effects, "confirmation": confirmation,
}  # fmt: skip
SIMULATIONS = {
    "type_one": 2_000, "uniform": 2_000, "coverage": 2_000, "clusters": 1_000, "seeds": 2_000, "many": 1_000, "joint": 1_000,
    "rank_limits": 2_000, "new_languages": 2_000, "found_effects": 2_000, "confirmation": 1_000,
}  # fmt: skip
# One cell in twenty of these may fall outside by chance: their limits are two Monte Carlo standard errors.
BY_CHANCE = {"type_one": 2, "coverage": 2, "uniform": 1}
# Gates that are arithmetic, not simulation: which tests they are.
EXACT = {
    "G8 exact arithmetic": "tests/test_resampling.py -k enumeration or exact or equal_clusters",
    "G9 scipy and statsmodels": "tests/test_stats.py tests/test_resampling.py tests/test_multiplicity.py -k scipy or statsmodels or ttest or t_test or numpys or binomial or welch",
    "G10 sacrebleu": "tests/test_resampling.py -k sacrebleu",
    "G11 seqeval": "tests/test_spans.py",
    "G12 invariances": "tests/test_stats.py tests/test_resampling.py tests/test_comparing.py -k invariances or chunk or order or parts or precision or identical",
    "G13 directions": "tests/test_stats.py tests/test_comparing.py -k invariances or a_against_b or one_seed",
    "G14 missing": "tests/test_comparing.py tests/test_multiplicity.py tests/test_placing.py -k reason or refused or averages or nothing or cannot or adjusted or identical",
}


def exact() -> list[tuple[str, str, int, int]]:
    """Run the tests that are gates: (gate, tests, passed, failed)."""
    found = []
    for gate, arguments in EXACT.items():
        files, _, chosen = arguments.partition(" -k ")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files.split(), *(["-k", chosen] if chosen else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
        count = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
        found.append((gate, files.replace("tests/", ""), count.get("passed", 0), count.get("failed", 0) + count.get("error", 0)))
    return found


def _timed(name: str) -> tuple[str, list[Figure], float]:
    started = time.process_time()
    return name, GATES[name](SIMULATIONS[name]), time.process_time() - started


def main() -> None:
    """Run every gate and write docs/calibration.md."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    lines = [
        "# Calibration of the statistics",
        "",
        "Written by `python -m tests.calibration`; the same gates are the slow tests of tests/test_calibration.py, with a smoke part in every run. Simulated",
        "A/A comparisons unless said otherwise; a control is a wrong method that must fail, which shows that the simulation can tell. With limits of two",
        "Monte Carlo standard errors one figure in twenty may fall outside by chance.",
        "",
        "| gate | what | simulations | figure | allowed |",
        "|---|---|---|---|---|",
    ]
    bad, seconds = 0, 0.0
    with ProcessPoolExecutor(2) as pool:
        for name, figures, spent in pool.map(_timed, GATES):
            seconds += spent
            outside = [f for f in figures if not f.ok]
            bad += len(outside) > BY_CHANCE.get(name, 0)
            for f in figures:
                mark = "" if f.ok else " **outside**"
                lines.append(f"| {f.gate} | {f.what} | {SIMULATIONS[name]:,} | {f.value:.4f}{mark} | {f.low:.3f} to {f.high:.3f} |")
            sys.stderr.write(f"{name}: {len(figures)} figures, {len(outside)} outside, {spent:.0f} s\n")
    lines += [
        "",
        "Gates that are arithmetic, not simulation, are tests of the default run:",
        "",
        "| gate | tests in | passed | failed |",
        "|---|---|---|---|",
    ]
    for gate, files, passed, failed in exact():
        bad += failed > 0 or passed == 0
        lines.append(f"| {gate} | {files} | {passed} | {failed} |")
    lines += ["", f"CPU time of the simulations: {seconds / 60:.0f} minutes."]
    (Path(__file__).parent.parent / "docs" / "calibration.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
