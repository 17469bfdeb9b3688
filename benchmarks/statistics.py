"""Statistics against their peers, in one run: CPU seconds on one thread, ratio, peak memory.

    python benchmarks/statistics.py [--explainaboard DIR] [--large]

DIR is a checkout of neulab/ExplainaBoard, whose own confidence interval is then run too. Every measurement is the best of three in a
process of its own (the slow ones: once). All work from counts in memory, but for seqeval, which has to start from tags.

- 40 parallel languages x 10 systems x 5,000 items, all 45 pairs and their macro means: delta method; bootstrap of 10,000 with intervals
  and p, beside the plain product of two float32 matrices of that size
- one pair, 5,000 items, 10,000 resamples: against scipy.stats.bootstrap (percentile, batches of 100, the fastest way it has)
- micro-F1 of names, 10,000 sentences, 1,000 resamples: against ExplainaBoard, which gives two unpaired intervals, and against scoring every
  resample again with seqeval (3 resamples, multiplied)
- --large: 1,000,000 items x 40 languages x 20 systems, all 190 pairs
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from xbench.stats.ratios import Sums, all_pairs, differences, moments
from xbench.stats.resampling import Law, bootstrap

LANGUAGES, SYSTEMS, ITEMS, RESAMPLES = 40, 10, 5_000, 10_000
SENTENCES, F1_RESAMPLES, RERUNS = 10_000, 1_000, 3
ONCE = ("scipy", "explainaboard", "seqeval", "large")
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def answers() -> list[Sums]:
    rng = np.random.default_rng(0)
    hard = rng.random((ITEMS, 1))
    one = np.ones((ITEMS, 1), np.uint8)
    quality = 0.5 + 0.02 * np.arange(SYSTEMS)
    return [Sums((0.6 * hard + 0.4 * rng.random((ITEMS, SYSTEMS)) < quality).astype(np.uint8), one) for _ in range(LANGUAGES)]


def delta() -> Callable[[], float]:
    blocks = answers()
    shares = np.vstack([np.eye(LANGUAGES), np.full((1, LANGUAGES), 1 / LANGUAGES)])

    def call() -> float:
        arms, weights = [[i] for i in range(SYSTEMS)], all_pairs(SYSTEMS)
        found = [differences(m, arms, weights) for m in moments(blocks, shares)]
        ends = found[-1].interval()
        for estimate in found:
            _ = estimate.p, estimate.interval()
        return float((ends[1] - ends[0]).mean() / 2)

    return call


def resampled() -> Callable[[], float]:
    blocks = answers()
    first, second = np.triu_indices(SYSTEMS, 1)

    def call() -> float:
        drawn = bootstrap(blocks, RESAMPLES, np.random.default_rng(1))
        seen = np.stack([b.scores for b in blocks])
        half = 0.0
        for quantity in range(LANGUAGES + 1):
            scores, value = (drawn[quantity], seen[quantity]) if quantity < LANGUAGES else (drawn.mean(axis=0), seen.mean(axis=0))
            law = Law(scores[first] - scores[second])
            low, high = law.interval()
            law.shift_p(value[first] - value[second])
            half = float((high - low).mean() / 2)
        return half

    return call


def gemm() -> Callable[[], float]:
    rng = np.random.default_rng(0)
    rows = 400
    weights = rng.poisson(1.0, (rows, ITEMS)).astype(np.float32)
    table = np.ascontiguousarray(np.hstack([b.numerator for b in answers()]).T, dtype=np.float32)

    def call() -> float:
        for _ in range(RESAMPLES // rows):
            table @ weights.T
        return 0.0

    return call


def one_pair() -> np.ndarray:
    return np.stack([s.numerator for s in answers()])[0, :, :2].astype(float)


def ours_pair() -> Callable[[], float]:
    values = one_pair()
    sums = Sums(values, np.ones((ITEMS, 1)))

    def call() -> float:
        drawn = bootstrap([sums], RESAMPLES, np.random.default_rng(2))[0]
        low, high = Law(drawn[0] - drawn[1]).interval()
        return float(high - low) / 2

    return call


def scipys() -> Callable[[], float]:
    from scipy import stats

    values = one_pair()

    def difference(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return x.mean(axis=axis) - y.mean(axis=axis)

    def call() -> float:
        found = stats.bootstrap(
            (values[:, 0], values[:, 1]), difference, paired=True, vectorized=True, n_resamples=RESAMPLES, method="percentile", batch=100,
            rng=np.random.default_rng(2),
        )  # fmt: skip
        return float(found.confidence_interval.high - found.confidence_interval.low) / 2

    return call


def tags() -> tuple[list[list[str]], list[list[list[str]]]]:
    rng = np.random.default_rng(0)
    shares = [0.7, 0.06, 0.06, 0.05, 0.04, 0.05, 0.04]
    lengths = rng.integers(5, 20, SENTENCES)
    gold = [rng.choice(len(TAGS), n, p=shares) for n in lengths]
    systems = [[np.where(rng.random(len(g)) < right, g, rng.choice(len(TAGS), len(g), p=shares)) for g in gold] for right in (0.88, 0.90)]
    return [[TAGS[c] for c in g] for g in gold], [[[TAGS[c] for c in g] for g in s] for s in systems]


def counts() -> Sums:
    from xbench.spans import SEQEVAL_DEFAULT, Tags, count

    gold, systems = tags()
    found = [count(Tags.from_lists(gold), Tags.from_lists(s), SEQEVAL_DEFAULT) for s in systems]
    return Sums(np.stack([2.0 * c.true_positives for c in found], 1), np.stack([c.predicted + c.gold for c in found], 1).astype(float))


def ours_f1() -> Callable[[], float]:
    sums = counts()

    def call() -> float:
        drawn = bootstrap([sums], F1_RESAMPLES, np.random.default_rng(3))[0]
        low, high = Law(drawn[0] - drawn[1]).interval()
        return float(high - low) / 2

    return call


def explainaboards(checkout: Path) -> Callable[[], float]:
    """Its class SeqF1Score, without the packages that the rest of it needs."""
    for name, folder in (("explainaboard", ""), ("explainaboard.metrics", "metrics"), ("explainaboard.analysis", "analysis")):
        module = types.ModuleType(name)
        module.__path__ = [str(checkout / "explainaboard" / folder)]
        sys.modules[name] = module
    features = types.ModuleType("explainaboard.analysis.feature_funcs")
    features.cap_feature = str  # of words, which no span statistic uses
    sys.modules[features.__name__] = features
    from explainaboard.metrics.f1_score import SeqF1ScoreConfig

    gold, systems = tags()
    metric = SeqF1ScoreConfig().to_metric()
    stats = [metric.calc_stats_from_data(gold, s) for s in systems]

    def call() -> float:
        (low, high), _ = (metric.calc_confidence_interval(s, 0.05, F1_RESAMPLES) for s in stats)
        return (high - low) / 2

    return call


def seqevals() -> Callable[[], float]:
    from seqeval.metrics import f1_score

    gold, systems = tags()
    rng = np.random.default_rng(3)

    def call() -> float:
        for _ in range(RERUNS):
            rows = rng.integers(SENTENCES, size=SENTENCES)
            chosen = [gold[i] for i in rows]
            for system in systems:
                f1_score(chosen, [system[i] for i in rows])
        return float("nan")

    return call


def large() -> Callable[[], float]:
    items, systems = 1_000_000, 20
    rng = np.random.default_rng(0)
    hard = rng.random((items, 1), dtype=np.float32)
    one = np.ones((items, 1), np.uint8)
    blocks = []
    for _ in range(LANGUAGES):
        block = np.empty((items, systems), np.uint8)
        for start in range(0, items, 100_000):
            part = slice(start, start + 100_000)
            block[part] = hard[part] + rng.random((100_000, systems), dtype=np.float32) < 1.0
        blocks.append(Sums(block, one))
    shares = np.vstack([np.eye(LANGUAGES), np.full((1, LANGUAGES), 1 / LANGUAGES)])

    def call() -> float:
        found = [differences(m, [[i] for i in range(systems)], all_pairs(systems)) for m in moments(blocks, shares)]
        low, high = found[-1].interval()
        return float((high - low).mean() / 2)

    return call


def one(what: str, checkout: Path | None) -> None:
    call = {
        "delta": delta, "bootstrap": resampled, "gemm": gemm, "pair": ours_pair, "scipy": scipys, "f1": ours_f1, "seqeval": seqevals,
        "large": large, "explainaboard": lambda: explainaboards(checkout),
    }[what]()  # fmt: skip
    data = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for _ in range(1 if what in ONCE else 3):
        started = time.process_time()
        value = call()
        seconds.append(time.process_time() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": min(seconds), "half": value, "data": data, "peak": peak}))


def run(what: str, checkout: Path | None) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", __file__, "--one", what, *(["--explainaboard", str(checkout)] if checkout else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def line(name: str, row: dict[str, float], seconds: float | None = None, note: str = "") -> None:
    took = row["seconds"] if seconds is None else seconds
    print(f"{name:44}{took:12.4f}{row['half']:12.6f}{row['peak']:10.0f}{row['data']:10.0f}  {note}")


def main(checkout: Path | None, *, with_large: bool) -> None:
    print(f"{'':44}{'CPU s':>12}{'half width':>12}{'peak MiB':>10}{'of data':>10}")
    plain, ours, found = run("gemm", None), run("bootstrap", None), run("delta", None)
    line("all pairs: delta method", found)
    line("all pairs: bootstrap, 10,000", ours, note=f"{ours['seconds'] / plain['seconds']:.2f} x the product alone")
    line("  the product alone (float32)", plain)
    ours, theirs = run("pair", None), run("scipy", None)
    line("one pair: bootstrap, 10,000", ours, note=f"{theirs['seconds'] / ours['seconds']:.0f} times as fast as scipy")
    line("  scipy.stats.bootstrap", theirs)
    ours, again = run("f1", None), run("seqeval", None)
    whole = again["seconds"] * F1_RESAMPLES / RERUNS
    line("micro-F1: bootstrap, 1,000", ours)
    line("  seqeval, every resample again", again, whole, f"ours {whole / ours['seconds']:,.0f} times as fast")
    if checkout:
        theirs = run("explainaboard", checkout)
        line("  ExplainaBoard, two intervals", theirs, note=f"ours {theirs['seconds'] / ours['seconds']:.0f} times as fast")
    if with_large:
        line("1,000,000 x 40 x 20: delta method", run("large", None))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--explainaboard", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--one")
    given = parser.parse_args()
    if given.one:
        one(given.one, given.explainaboard)
    else:
        main(given.explainaboard, with_large=given.large)
