"""Span scoring against seqeval, its peer, in one run: seconds, ratio and peak memory on generated IOB2 tags.

    python benchmarks/span_f1.py [sentences]

Both are given Python strings; ours also yields the counts of every sentence, which seqeval does not.
"""

import random
import resource
import sys
import time

from seqeval.metrics import f1_score

from xbench.scorer import load_scorer

TAGS = ["O", "O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def main(sentences: int) -> None:
    rng = random.Random(0)
    gold = [[rng.choice(TAGS) for _ in range(12)] for _ in range(sentences)]
    noisy = [[t if rng.random() < 0.9 else rng.choice(TAGS) for t in s] for s in gold]
    texts = [" ".join(s) for s in gold], [" ".join(s) for s in noisy]
    started = time.process_time()
    numerator, denominator = load_scorer("span-f1").score(*texts, "en")["f1"]
    ours = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    reference = f1_score(gold, noisy)
    theirs = time.process_time() - started
    print(f"{sentences * 12} tokens; F1 ours {numerator.sum() / denominator.sum():.12f}, seqeval {reference:.12f}")
    print(
        f"CPU seconds: ours {ours:.2f}, seqeval {theirs:.2f}, ratio {theirs / ours:.1f}; peak memory until ours was done {memory:.0f} MiB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 83_000)
