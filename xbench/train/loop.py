"""Training and prediction: one task, one encoder, top to bottom."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xbench.errors import XbenchError
from xbench.recipe import Phase
from xbench.task import Example, Task
from xbench.train import heads
from xbench.train.encoder import SplitEncoder, Trunk, batches
from xbench.train.encoding import Piece

Tick = Callable[[int], None]  # told how many examples were done
_LENGTH_POOL = 32  # batches whose examples are sorted by length together: little padding, still random order


@dataclass(slots=True)
class Trained:
    """A fine-tuned system."""

    trunk: Trunk
    head: heads.Head


def stage_seed(seed: int, *parts: str) -> int:
    """A seed of its own for each stage, so that two stages of one run do not share their randomness."""
    text = "/".join([str(seed), *parts])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def train(
    task: Task,
    examples: Sequence[Example],
    pieces: Sequence[Piece],
    encoder: SplitEncoder,
    trunk: Trunk,
    phase: Phase,
    seed: int,
    tick: Tick,
) -> Trained:
    """Fine-tune `trunk` and a new head on `examples`; AdamW, linear warm-up and decay.

    Raises:
        XbenchError: If the loss is no longer finite.
    """
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    head = heads.Head(task, encoder.hidden_size, phase.dropout).to(encoder.device)
    encoder.prepare([p.ids for p in pieces])
    steps_per_epoch = math.ceil(len(pieces) / phase.batch_size)
    optimizer = _optimizer(trunk, head, phase)
    schedule = _schedule(optimizer, phase, steps_per_epoch * phase.epochs)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    trunk.train()
    head.train()
    for epoch in range(phase.epochs):
        for rows in _shuffled([len(p.ids) for p in pieces], phase.batch_size, order):
            chunk = [pieces[r] for r in rows]
            inputs, mask = encoder.batch([p.ids for p in chunk])
            loss = head.loss(head(trunk(inputs, mask), mask), heads.targets(task, examples, chunk, mask.shape[1]).to(encoder.device))
            if not torch.isfinite(loss):
                raise XbenchError(f"training {task.name} diverged: the loss is {loss.item()} in epoch {epoch + 1}; lower learning_rate")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, phase.clip)
            optimizer.step()
            schedule.step()
            tick(len(rows))
    trunk.eval()
    head.eval()
    return Trained(trunk, head)


@torch.no_grad()
def predict(
    task: Task, examples: Sequence[Example], pieces: Sequence[Piece], encoder: SplitEncoder, trained: Trained, tick: Tick
) -> list[str]:
    """Predictions of all examples, whatever their languages, in one pass sorted by length."""
    scores: list[Tensor | None] = [None] * len(pieces)
    for rows, hidden, mask in _passes(pieces, encoder, trained.trunk, tick):
        out = trained.head(hidden, mask).cpu()
        for i, row in enumerate(rows):
            size = len(pieces[row].ids)
            scores[row] = out[i, :, :size] if task.family == "qa" else out[i, :size] if task.family == "tagging" else out[i]
    return heads.decode(task, examples, pieces, [s for s in scores if s is not None])


@torch.no_grad()
def embed(pieces: Sequence[Piece], encoder: SplitEncoder, trunk: Trunk, depth: int | None, tick: Tick) -> Tensor:
    """Mean-pooled vectors, (pieces, hidden), after `depth` layers of the trunk (None: all)."""
    out = torch.empty((len(pieces), encoder.hidden_size))
    for rows, hidden, mask in _passes(pieces, encoder, trunk, tick, depth):
        out[rows] = heads.mean_pool(hidden, mask).cpu()
    return out


def _passes(
    pieces: Sequence[Piece], encoder: SplitEncoder, trunk: Trunk, tick: Tick, depth: int | None = None
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """(rows, hidden states, mask) of each batch, shortest first: hardly any padding."""
    encoder.prepare([p.ids for p in pieces])
    order = sorted(range(len(pieces)), key=lambda r: (len(pieces[r].ids), pieces[r].ids, r))
    for stretch in batches([len(pieces[r].ids) for r in order], encoder.token_budget):
        rows = [order[s] for s in stretch]
        inputs, mask = encoder.batch([pieces[r].ids for r in rows])
        yield rows, trunk(inputs, mask, depth), mask
        tick(len(rows))


def _shuffled(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Batches of one epoch: random order, neighbours in length together, the order of the batches random again."""
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = batch_size * _LENGTH_POOL
    found = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lambda row: lengths[row])
        found += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    return [found[i] for i in torch.randperm(len(found), generator=generator).tolist()]


def _optimizer(trunk: Trunk, head: heads.Head, phase: Phase) -> torch.optim.Optimizer:
    """AdamW; weight decay not for biases and norms."""
    groups = []
    for module, rate in ((trunk, phase.learning_rate), (head, phase.head_learning_rate)):
        for decay in (True, False):
            own = [p for p in module.parameters() if p.requires_grad and (p.ndim > 1) == decay]
            if own:
                groups.append({"params": own, "lr": rate, "weight_decay": phase.weight_decay if decay else 0.0})
    return torch.optim.AdamW(groups, eps=1e-8, fused=True)


def _schedule(optimizer: torch.optim.Optimizer, phase: Phase, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    warm = max(1, round(steps * phase.warmup))
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
