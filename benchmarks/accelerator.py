"""Training and inference of an XLM-R-large-shaped encoder with random weights through our own loops, on whatever device is here.

    python benchmarks/accelerator.py [--layers 24 --hidden 1024] [--peak-tflops 989] [--micro-tokens 4096 16384 65536] [--compile]

Sentences have the lengths of a treebank (log-normal, mean 30 subwords, at most 128), tagged at random. Prints real subwords a second
(padding is not counted), peak memory, and the share of the device's peak that useful arithmetic makes up: 6 operations a parameter and
subword in training, 2 in inference, embeddings not counted. bfloat16 on an accelerator, float32 on a processor.
"""

import argparse
import time

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from xbench.recipe import Compute, Phase
from xbench.task import Tagged, Task
from xbench.train import heads, loop, objectives
from xbench.train.encoder import SplitEncoder
from xbench.train.encoding import Piece

LABELS = tuple("ABCDEFGHIJKLMNOPQ")


def pieces(count: int, vocabulary: int) -> tuple[list[Tagged], list[Piece]]:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3.2, 0.6, count).astype(int), 3, 126)
    found, examples = [], []
    for row, length in enumerate(lengths):
        ids = (0, *(int(i) for i in rng.integers(5, vocabulary, length)), 2)
        words = tuple((i + 1, i) for i in range(length))
        found.append(Piece(row, ids, words))
        examples.append(Tagged(str(row), str(row), ("w",) * length, tuple(LABELS[i % 17] for i in range(length))))
    return examples, found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--vocabulary", type=int, default=250002)
    parser.add_argument("--sentences", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--micro-tokens", type=int, nargs="+", default=[4096, 16384, 65536])
    parser.add_argument("--peak-tflops", type=float, help="Of the device in bfloat16, without sparsity.")
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = XLMRobertaConfig(
        vocab_size=given.vocabulary, hidden_size=given.hidden, num_hidden_layers=given.layers, num_attention_heads=given.hidden // 64,
        intermediate_size=4 * given.hidden, max_position_embeddings=514, pad_token_id=1,
    )  # fmt: skip
    task = Task(
        family="tagging", languages=("en",), labels=LABELS, metric="accuracy", scorers=("token-accuracy",), load=lambda language, split: [],
        revision=lambda: "random", licence="none", source="random", about="random tags", name="random",
    )  # fmt: skip
    examples, found = pieces(given.sentences, given.vocabulary)
    subwords = sum(len(p.ids) for p in found)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"processor, {torch.get_num_threads()} thread(s)"
    print(f"{name}; {given.layers} layers of {given.hidden}; {len(found)} sentences, {subwords} subwords")
    body = sum(p.numel() for p in XLMRobertaModel(config, add_pooling_layer=False).encoder.parameters())

    def report(what: str, seconds: float, passes: int) -> None:
        rate = subwords / seconds
        peak = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if device.type == "cuda" else ""
        useful = passes * body * rate
        share = f", {100 * useful / (given.peak_tflops * 1e12):.1f} % of peak" if given.peak_tflops else ""
        print(f"  {what}: {rate:,.0f} subwords/s, {useful / 1e12:.2f} TFLOP/s{peak}{share}", flush=True)

    for micro in given.micro_tokens:
        for recompute in (False, True):
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            encoder = SplitEncoder(XLMRobertaModel(config, add_pooling_layer=False).eval(), None, device, micro)
            encoder.precision = torch.bfloat16 if device.type == "cuda" else None
            trunk, head = encoder.trunk(), heads.Head(task, given.hidden, 0.1)
            phase = Phase(epochs=1, batch_size=given.batch, learning_rate=1e-5, head_learning_rate=1e-5)
            objective = objectives.Supervised(task, examples, found, head)
            compute = Compute(micro_tokens=micro, gradient_checkpointing=recompute, compile=given.compile)
            plan = loop.Plan("benchmark", [objective], [1.0], phase, objectives.passes([len(found)], phase), 0, compute)
            start = time.perf_counter()
            loop.fit(plan, encoder, trunk, lambda _: None)
            if device.type == "cuda":
                torch.cuda.synchronize()
            report(f"training, {micro} subwords at once{', recomputed' if recompute else ''}", time.perf_counter() - start, 6)
        start = time.perf_counter()
        loop.predict(task, examples, found, encoder, loop.Trained(trunk, head), lambda _: None)
        report(f"inference, {micro} subwords at once", time.perf_counter() - start, 2)


if __name__ == "__main__":
    main()
