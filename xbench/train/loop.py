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
    head: heads.Head | None  # None after a mixture, which serves as intermediate only


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
    groups = units(task, pieces)
    steps = Steps(task.name, trunk, [head], phase, math.ceil(len(groups) / phase.batch_size) * phase.epochs)
    for _ in range(phase.epochs):
        for rows in shuffled(unit_lengths(groups, pieces), phase.batch_size, order):
            chunk = [pieces[r] for group in rows for r in groups[group]]
            steps.take(supervised_loss(task, head, examples, chunk, encoder, trunk))
            tick(len(chunk))
    trunk.eval()
    head.eval()
    return Trained(trunk, head)


def supervised_loss(
    task: Task, head: heads.Head, examples: Sequence[Example], chunk: Sequence[Piece], encoder: SplitEncoder, trunk: Trunk
) -> Tensor:
    """The loss of one batch of a labelled task."""
    inputs, mask = encoder.batch([p.ids for p in chunk])
    return head.loss(head(trunk(inputs, mask), mask), heads.targets(task, examples, chunk, mask.shape[1]).to(encoder.device))


def units(task: Task, pieces: Sequence[Piece]) -> list[list[int]]:
    """Rows of the pieces that must be in one batch: all choices of an example, otherwise each piece alone."""
    if task.family != "choice":
        return [[row] for row in range(len(pieces))]
    found: dict[int, list[int]] = {}
    for row, piece in enumerate(pieces):
        found.setdefault(piece.example, []).append(row)
    return list(found.values())


def unit_lengths(groups: Sequence[Sequence[int]], pieces: Sequence[Piece]) -> list[int]:
    """Length of the longest piece of each unit."""
    return [max(len(pieces[r].ids) for r in group) for group in groups]


class Steps:
    """Optimiser and schedule over a trunk and its heads; `take` makes one step."""

    def __init__(self, name: str, trunk: Trunk, on_top: Sequence[torch.nn.Module], phase: Phase, total: int) -> None:
        self.name = name
        self.clip = phase.clip
        self.optimizer = _optimizer(trunk, on_top, phase)
        self.schedule = _schedule(self.optimizer, phase, total)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.done = 0
        for module in (trunk, *on_top):
            module.train()

    def take(self, loss: Tensor) -> None:
        """One step of gradient descent.

        Raises:
            XbenchError: If the loss is not finite.
        """
        self.done += 1
        if not torch.isfinite(loss):
            raise XbenchError(f"training {self.name} diverged: the loss is {loss.item()} in step {self.done}; lower learning_rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        self.schedule.step()


@torch.no_grad()
def predict(
    task: Task, examples: Sequence[Example], pieces: Sequence[Piece], encoder: SplitEncoder, trained: Trained, tick: Tick
) -> list[str]:
    """Predictions of all examples, whatever their languages, in one pass sorted by length."""
    head = trained.head
    if head is None:
        raise XbenchError(f"{task.name} was trained as part of a mixture and has no head to predict with")
    scores: list[Tensor | None] = [None] * len(pieces)
    for rows, hidden, mask in _passes(pieces, encoder, trained.trunk, tick):
        out = head(hidden, mask).cpu()
        for i, row in enumerate(rows):
            size = len(pieces[row].ids)
            scores[row] = out[i, :, :size] if task.family == "qa" else out[i, :size] if task.family == "tagging" else out[i]
    return heads.decode(task, examples, pieces, [s for s in scores if s is not None])


@torch.no_grad()
def embed(
    pieces: Sequence[Piece],
    encoder: SplitEncoder,
    trunk: Trunk,
    depth: int | None,
    tick: Tick,
    *,
    pooling: str = "mean",
    special_tokens: bool = True,
    keep: bool = True,
) -> Tensor:
    """Pooled vectors, (pieces, hidden), after `depth` layers of the trunk (None: all).

    Args:
        pieces: Plain texts, each with one special token at either end.
        encoder: The frozen part.
        trunk: The trained part.
        depth: Layers of the trunk to run.
        tick: Told how many are done.
        pooling: `mean` over the subwords, or `cls`.
        special_tokens: Whether the two special tokens take part in the mean.
        keep: Whether the frozen part's outputs are kept for the next system; not for a corpus that would fill the memory.
    """
    out = torch.empty((len(pieces), encoder.hidden_size))
    for rows, hidden, mask in _passes(pieces, encoder, trunk, tick, depth, keep=keep):
        pooled = hidden[:, 0] if pooling == "cls" else heads.mean_pool(hidden, mask if special_tokens else _without_special(mask))
        out[rows] = pooled.cpu()
    return out


def _without_special(mask: Tensor) -> Tensor:
    """The mask without the first and the last token of each row; a text of no subword keeps its first special token."""
    plain = mask.clone()
    lengths = mask.sum(1)
    plain[:, 0] = 0
    plain[torch.arange(len(mask)), lengths - 1] = 0
    plain[lengths <= 2, 0] = 1
    return plain


def _passes(
    pieces: Sequence[Piece], encoder: SplitEncoder, trunk: Trunk, tick: Tick, depth: int | None = None, *, keep: bool = True
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """(rows, hidden states, mask) of each batch, shortest first: hardly any padding."""
    if keep:
        encoder.prepare([p.ids for p in pieces])
    order = sorted(range(len(pieces)), key=lambda r: (len(pieces[r].ids), pieces[r].ids, r))
    for stretch in batches([len(pieces[r].ids) for r in order], encoder.token_budget):
        rows = [order[s] for s in stretch]
        ids = [pieces[r].ids for r in rows]
        inputs, mask = encoder.batch(ids) if keep else encoder.fresh(ids)
        yield rows, trunk(inputs, mask, depth), mask
        tick(len(rows))


def shuffled(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Batches of one epoch: random order, neighbours in length together, the order of the batches random again."""
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = batch_size * _LENGTH_POOL
    found = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lambda row: lengths[row])
        found += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    return [found[i] for i in torch.randperm(len(found), generator=generator).tolist()]


def _optimizer(trunk: Trunk, on_top: Sequence[torch.nn.Module], phase: Phase) -> torch.optim.Optimizer:
    """AdamW; weight decay not for biases and norms."""
    groups = []
    for module, rate in ((trunk, phase.learning_rate), *((head, phase.head_learning_rate) for head in on_top)):
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
