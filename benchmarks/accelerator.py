"""Training and inference of an XLM-R-large-shaped encoder with random weights through our own loops, on whatever device is here.

    python benchmarks/accelerator.py [--peak-tflops 989] [--batch 32 2048] [--micro-tokens 16384 65536] [--compile]

Sentences have the lengths of a treebank (log-normal, mean 30 subwords, at most 128), tagged at random. Prints real subwords a second
(padding is not counted), peak memory, and the share of the device's peak that useful arithmetic makes up: 6 operations a parameter and
subword in training, 2 in inference, embeddings not counted. bfloat16 on an accelerator, float32 on a processor. What happens once (the
context, the choice of kernels, compiling) happens before the clock starts: two steps of each setting are trained first.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from xbench.recipe import Compute, Phase
from xbench.task import Tagged, Task
from xbench.train import heads, loop, objectives
from xbench.train.encoder import SplitEncoder
from xbench.train.encoding import Piece

LABELS = tuple("ABCDEFGHIJKLMNOPQ")
TASK = Task(
    family="tagging", languages=("en",), labels=LABELS, metric="accuracy", scorers=("token-accuracy",), load=lambda language, split: [],
    revision=lambda: "random", licence="none", source="random", about="random tags", name="random",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One line of the report."""

    what: str
    rate: float  # subwords a second
    flops: float  # useful operations a second
    memory: int | None  # bytes at most, where the device counts them


def pieces(count: int, vocabulary: int) -> tuple[list[Tagged], list[Piece]]:
    """Sentences and what the encoder reads of them."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3.2, 0.6, count).astype(int), 3, 126)
    found, examples = [], []
    for row, length in enumerate(lengths):
        ids = (0, *(int(i) for i in rng.integers(5, vocabulary, length)), 2)
        words = tuple((i + 1, i) for i in range(length))
        found.append(Piece(row, ids, words))
        examples.append(Tagged(str(row), str(row), ("w",) * length, tuple(LABELS[i % 17] for i in range(length))))
    return examples, found


def measured(given: argparse.Namespace, device: torch.device) -> Iterator[Measured]:
    """Each setting in turn; two steps of it go before, which are not timed."""
    config = XLMRobertaConfig(
        vocab_size=given.vocabulary, hidden_size=given.hidden, num_hidden_layers=given.layers, num_attention_heads=given.hidden // 64,
        intermediate_size=4 * given.hidden, max_position_embeddings=514, pad_token_id=1,
    )  # fmt: skip
    examples, found = pieces(given.sentences, given.vocabulary)
    model = XLMRobertaModel(config, add_pooling_layer=False).eval()
    body = sum(p.numel() for p in model.encoder.parameters())
    encoder = SplitEncoder(model, None, device)
    encoder.precision = None if device.type == "cpu" else torch.bfloat16
    subwords = sum(len(p.ids) for p in found)

    def timed(what: str, passes: int, batch: int, run: Callable[[int], object]) -> Measured:
        run(min(len(found), 2 * batch))
        if device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        run(len(found))
        if device.type == "cuda":
            torch.cuda.synchronize()
        rate = subwords / (time.perf_counter() - start)
        return Measured(what, rate, passes * body * rate, torch.cuda.max_memory_allocated() if device.type == "cuda" else None)

    ways = itertools.product(given.batch, given.micro_tokens, (False, True), (False, True) if given.compile else (False,))
    for batch, micro, recompute, compiled in ways:
        phase = Phase(epochs=1, batch_size=batch, learning_rate=1e-5, head_learning_rate=1e-5)
        compute = Compute(micro_tokens=micro, gradient_checkpointing=recompute, compile=compiled)

        def fit(count: int, phase: Phase = phase, compute: Compute = compute) -> None:
            trunk, head = encoder.trunk(), heads.Head(TASK, given.hidden, 0.1)
            objective = objectives.Supervised(TASK, examples[:count], found[:count], head)
            plan = loop.Plan("benchmark", [objective], [1.0], phase, objectives.passes([count], phase), 0, compute)
            loop.fit(plan, encoder, trunk, lambda _: None)

        said = f"{', recomputed' if recompute else ''}{', compiled' if compiled else ''}"
        yield timed(f"training, {batch} sentences a step, {micro} subwords at once{said}", 6, batch, fit)
    trained = loop.Trained(encoder.trunk(), heads.Head(TASK, given.hidden, 0.1).to(device))
    for micro in given.micro_tokens:
        encoder.token_budget = micro

        def predict(count: int) -> None:
            loop.predict(TASK, examples[:count], found[:count], encoder, trained, lambda _: None)

        yield timed(f"inference, {micro} subwords at once", 2, max(given.batch), predict)


def options(given: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--vocabulary", type=int, default=250002)
    parser.add_argument("--sentences", type=int, default=8192)
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 2048])
    parser.add_argument("--micro-tokens", type=int, nargs="+", default=[16384, 65536])
    parser.add_argument("--peak-tflops", type=float, help="Of the device in bfloat16, without sparsity.")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args(given)


def main() -> None:
    given = options()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"processor, {torch.get_num_threads()} thread(s)"
    print(f"{name}; {given.layers} layers of {given.hidden}; {given.sentences} sentences")
    for line in measured(given, device):
        memory = "" if line.memory is None else f", {line.memory / 2**30:.1f} GiB"
        share = f", {100 * line.flops / (given.peak_tflops * 1e12):.1f} % of peak" if given.peak_tflops else ""
        print(f"  {line.what}: {line.rate:,.0f} subwords/s, {line.flops / 1e12:.2f} TFLOP/s{memory}{share}", flush=True)


if __name__ == "__main__":
    main()
