"""Span scoring against seqeval, its peer, in one run: seconds, ratio and peak memory on generated IOB2 tags.

    python benchmarks/span_f1.py [tokens]

Three ways in: dictionary-coded columns as Parquet holds them, lists of Python strings as seqeval takes them, and one string a sentence as
the prediction table has them. Ours also yields the counts of every sentence, which seqeval does not. Each measurement is the best of
three in a process of its own; CPU seconds, so that other work on the machine counts little.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from xbench.spans import SEQEVAL_DEFAULT, Counts, Tags, count

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
SHARES = [0.7, 0.06, 0.06, 0.05, 0.04, 0.05, 0.04]
LENGTH = 20
WAYS = ("seqeval", "lists", "strings", "coded")


def codes(tokens: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    gold = rng.choice(len(TAGS), size=tokens, p=SHARES)
    return gold, np.where(rng.random(tokens) < 0.9, gold, rng.choice(len(TAGS), size=tokens, p=SHARES))


def prepared(way: str, tokens: int) -> Callable[[], float]:
    """What is measured: from tags in memory to F1."""
    sides = codes(tokens)
    if way == "coded":
        offsets = pa.array(np.arange(0, tokens + 1, LENGTH), pa.int32())
        columns = [
            pa.ListArray.from_arrays(offsets, pa.DictionaryArray.from_arrays(pa.array(side, pa.int8()), pa.array(TAGS))) for side in sides
        ]
        return lambda: f1(count(Tags.from_arrow(columns[0]), Tags.from_arrow(columns[1]), SEQEVAL_DEFAULT))
    lists = [[[TAGS[c] for c in row] for row in side.reshape(-1, LENGTH)] for side in sides]
    if way == "lists":
        return lambda: f1(count(Tags.from_lists(lists[0]), Tags.from_lists(lists[1]), SEQEVAL_DEFAULT))
    if way == "strings":
        texts = [[" ".join(s) for s in side] for side in lists]
        return lambda: f1(count(Tags.from_strings(texts[0]), Tags.from_strings(texts[1]), SEQEVAL_DEFAULT))
    from seqeval.metrics import f1_score

    return lambda: float(f1_score(*lists))


def f1(counts: Counts) -> float:
    return float(2 * counts.true_positives.sum() / (counts.predicted.sum() + counts.gold.sum()))


def one(way: str, tokens: int) -> None:
    call = prepared(way, tokens)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for _ in range(3):
        started = time.process_time()
        value = call()
        seconds.append(time.process_time() - started)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": min(seconds), "f1": value, "data": before, "peak": after}))


def main(tokens: int) -> None:
    found = {}
    for way in WAYS:
        done = subprocess.run([sys.executable, "-W", "ignore", __file__, way, str(tokens)], capture_output=True, text=True, check=True)
        found[way] = json.loads(done.stdout.splitlines()[-1])
    reference = found["seqeval"]
    print(f"{tokens} tokens in sentences of {LENGTH}; F1 of seqeval 1.2.2: {reference['f1']:.15f}")
    print(f"{'':10}{'CPU s':>8}{'ratio':>8}{'peak MiB':>10}{'of it data':>12}{'F1 differs by':>15}")
    for way, row in found.items():
        ratio, off = reference["seconds"] / row["seconds"], abs(row["f1"] - reference["f1"])
        print(f"{way:10}{row['seconds']:8.3f}{ratio:8.1f}{row['peak']:10.0f}{row['data']:12.0f}{off:15.1e}")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WAYS:
        one(sys.argv[1], int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
