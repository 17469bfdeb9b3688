"""Simulations that show whether the statistics keep their promises: `python -m tests.calibration` writes docs/calibration.md.

Each gate is a function that returns rows of (what, figure, lowest, highest allowed). The naive variants are there as positive controls: a
simulation in which they do not fail could not tell a right method from a wrong one.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from xbench.stats import families, power, resampling
from xbench.stats.ratios import Sums, contrast, seeds_and_items

DIFFERENCE = np.array([[1.0, -1.0]])
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


def seeds(simulations: int, items: int = 2_000) -> list[Figure]:
    """G5: A/A of recipes whose runs differ by chance."""
    found = []
    for sd in (0.0, 0.4, 0.8, 2.0):
        for count in (2, 3, 5):
            rng, both, only = np.random.default_rng([5, int(10 * sd), count]), [], []
            weights = np.array([1.0, -1.0])[:, None, None] / count * np.ones((2, count, 1))
            for _ in range(simulations):
                rate = 0.8 + rng.normal(0, sd / 100, 2 * count)
                right = (0.6 * rng.random(items)[:, None] + 0.4 * rng.random((items, 2 * count)) < rate).astype(float)
                sums = Sums(right, np.ones_like(right))
                both.append(float(seeds_and_items(sums, weights, matched=False).p[0]))
                only.append(float(contrast(sums, weights.reshape(1, -1)).p[0]))
            wide = slack(0.05, simulations, 2.5)
            high = 0.08 if count == 2 else 0.07
            found.append(Figure("G5 seeds", f"sd {sd} points, {count} seeds, seeds and items", rejected(both), 0.0, high + wide / 2))
            if sd >= 0.8:
                found.append(Figure("G5 seeds", f"control: sd {sd} points, {count} seeds, items alone", rejected(only), 0.10, 1.0))
    return found


def many(simulations: int) -> list[Figure]:
    """G6: 40 null effects with correlation .5; then ten real ones among them."""
    rng, any_holm, false_share, too_many = np.random.default_rng(6), 0, 0.0, 0
    for _ in range(simulations):
        z = np.sqrt(0.5) * rng.normal() + np.sqrt(0.5) * rng.normal(size=40)
        any_holm += bool((families.holm(2 * stats.norm.sf(np.abs(z))) <= 0.05).any())
        real = z + np.where(np.arange(40) < 10, 3.5, 0.0)
        found = families.benjamini_hochberg(2 * stats.norm.sf(np.abs(real))) <= 0.05
        false_share += found[10:].sum() / max(1, found.sum())
        too_many += families.effects(stats.norm.sf(real), 0.025) > 10
    high = 0.05 + slack(0.05, simulations, 2.0)
    return [
        Figure("G6 families", "Holm, 40 nulls: any false finding", any_holm / simulations, 0.0, high),
        Figure("G6 families", "Benjamini-Hochberg, 10 of 40 real: share of false findings", false_share / simulations, 0.0, high),
        Figure("G6 families", "partial conjunction: more effects claimed than there are", too_many / simulations, 0.0, high),
    ]


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
    """Bootstrap and randomisation, which are computed another way, at n = 300."""
    found = []
    for metric in ("accuracy", "F1 of spans"):
        rng, shifted, swapped = np.random.default_rng([8, METRICS.index(metric)]), [], []
        for _ in range(simulations):
            sums = pair(metric, rng, 300)
            observed = contrast(sums, DIFFERENCE).value
            shifted.append(float(resampling.shift_p(observed, resampling.bootstrap(sums, DIFFERENCE, 500, rng))[0]))
            one, two = (Sums(sums.numerator[:, [i]], sums.denominator[:, [i]]) for i in (0, 1))
            swapped.append(float(resampling.randomisation(one, two, 500, rng)[0]))
        wide = slack(0.05, simulations, 2.5) + 0.005
        found.append(Figure("resampling", f"shifted bootstrap, {metric}, n = 300, at .05", rejected(shifted), 0.05 - wide, 0.05 + wide))
        found.append(Figure("resampling", f"randomisation, {metric}, n = 300, at .05", rejected(swapped), 0.05 - wide - 0.01, 0.05 + wide))
    return found


GATES: dict[str, Callable[[int], list[Figure]]] = {
    "type_one": type_one, "coverage": coverage, "clusters": clusters, "seeds": seeds, "many": many, "found_effects": found_effects,
    "confirmation": confirmation,
}  # fmt: skip
SIMULATIONS = {
    "type_one": 2_000,
    "coverage": 2_000,
    "clusters": 1_000,
    "seeds": 2_000,
    "many": 1_000,
    "found_effects": 2_000,
    "confirmation": 1_000,
}


def main() -> None:
    """Run every gate and write docs/calibration.md."""
    lines = [
        "# Calibration of the statistics",
        "",
        "Written by `python -m tests.calibration`; the same gates are the slow tests of tests/test_calibration.py. Simulated A/A comparisons unless said",
        "otherwise; a control is a wrong method that must fail, which shows that the simulation can tell. Over seeds and items the level is kept and not",
        "used up where runs hardly differ: a variance of three runs is allowed to be no smaller than that of the items.",
        "",
        "| gate | what | simulations | figure | allowed |",
        "|---|---|---|---|---|",
    ]
    bad = 0
    for name, gate in GATES.items():
        for f in gate(SIMULATIONS[name]):
            bad += not f.ok
            mark = "" if f.ok else " **outside**"
            lines.append(f"| {f.gate} | {f.what} | {SIMULATIONS[name]:,} | {f.value:.4f}{mark} | {f.low:.3f} to {f.high:.3f} |")
            sys.stderr.write(lines[-1] + "\n")
    (Path(__file__).parent.parent / "docs" / "calibration.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
