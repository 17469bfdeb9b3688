"""Training and prediction: objectives on one encoder, top to bottom."""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from xbench.errors import XbenchError
from xbench.recipe import Compute, Phase
from xbench.task import Example, Task
from xbench.train import heads, lowrank
from xbench.train.encoder import Ids, SplitEncoder, Trunk, autocast, batches
from xbench.train.encoding import Piece
from xbench.train.objectives import Objective
from xbench.train.saving import Saver, random_state, set_random_state
from xbench.train.trimming import Trimmed

Tick = Callable[[int], None]  # told how much more was done
Judge = Callable[[Trunk], float]  # the number that selection maximises
_T = TypeVar("_T")
_LOOK = 25  # steps between two looks at the loss on an accelerator, where looking waits for it


@dataclass(slots=True)
class Trained:
    """A fine-tuned system."""

    trunk: Trunk
    head: heads.Head | None  # None after anything but a single labelled task, which serves as intermediate only


@dataclass(slots=True)
class Plan:
    """Everything about a training but the encoder.

    Attributes:
        name: For messages.
        objectives: One, or the parts of a mixture.
        shares: Probability with which each is drawn for a step.
        phase: Hyper-parameters, the same for all parts.
        total: Steps in all.
        seed: Orders, draws, masks, dropout and heads follow from it.
        compute: How it is computed.
        saver: Keeps its state; None: a killed training begins anew.
        judge: For selection: what the encoder, with the heads as they are, is worth on development data.
        also: Inputs that are evaluated on the way, for `judge`.
    """

    name: str
    objectives: Sequence[Objective]
    shares: Sequence[float]
    phase: Phase
    total: int
    seed: int
    compute: Compute = field(default_factory=Compute)
    saver: Saver | None = None
    judge: Judge | None = None
    also: Sequence[Ids] = ()


def stage_seed(seed: int, *parts: str) -> int:
    """A seed of its own for each stage, so that two stages of one run do not share their randomness."""
    text = "/".join([str(seed), *parts])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def fit(plan: Plan, encoder: SplitEncoder, trunk: Trunk, tick: Tick) -> None:
    """Fine-tune `trunk` in place, with the heads of the plan's objectives: AdamW, linear warm-up and decay.

    Each step takes one batch of one objective. Goes on from the state that the plan's saver holds, and gives to the bit what an
    uninterrupted training gives on the same device and number of threads.

    Raises:
        XbenchError: If the loss or its gradient is no longer finite.
    """
    for objective in plan.objectives:
        objective.head.to(encoder.device)
        if not objective.whole_vocabulary:
            encoder.prepare(objective.inputs)
    trunk.recompute = plan.compute.gradient_checkpointing
    trimmed = _trim(plan, trunk)
    adapted = lowrank.adapt(trunk, plan.phase.lora, encoder) if plan.phase.lora else None
    state = _State(plan, encoder, trunk)
    state.resume()
    with _compiled(trunk.layers if plan.compute.compile else ()):
        _run(plan, encoder, trunk, state, tick)
    state.finish()
    if adapted is not None:
        adapted.merge()
    if trimmed is not None:
        trimmed.restore(state.decay())
    for module in (trunk, *(o.head for o in plan.objectives)):
        module.eval()


def _run(plan: Plan, encoder: SplitEncoder, trunk: Trunk, state: "_State", tick: Tick) -> None:
    """From where the state is to the last step."""
    if state.done:
        tick(state.done)
    while state.done < plan.total and not state.ended:
        which, rows = state.next_batch()
        objective = plan.objectives[which]
        with autocast(encoder.device, encoder.precision):
            parts = objective.losses(rows, encoder, trunk, plan.compute.micro_tokens)
            state.step(parts)
        tick(1)
        state.look()
        if plan.saver is not None and plan.saver.due():
            state.save()
    if state.done < plan.total:  # ended early
        tick(plan.total - state.done)


@contextmanager
def _compiled(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Layers as torch compiles them, each by itself: what is made for one serves all, and the next training, whose words are others."""
    every = list(layers)
    for layer in every:
        layer.compile(dynamic=True)
    try:
        yield
    finally:
        for layer in every:
            layer._compiled_call_impl = None


def _trim(plan: Plan, trunk: Trunk) -> Trimmed | None:
    if trunk.embeddings is None or plan.phase.lora is not None or any(o.whole_vocabulary for o in plan.objectives):
        return None
    return Trimmed(trunk, (ids for source in (*(o.inputs for o in plan.objectives), plan.also) for ids in source))


class _State:
    """A training under way: optimiser, place in the batches, best weights so far."""

    def __init__(self, plan: Plan, encoder: SplitEncoder, trunk: Trunk) -> None:
        self.plan = plan
        self.encoder = encoder
        self.modules = (trunk, *(o.head for o in plan.objectives))
        self.optimizer = _optimizer(trunk, plan.objectives, plan.phase)
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        phase = plan.phase
        self.warm = max(1, round(plan.total * phase.warmup) if phase.warmup_steps is None else phase.warmup_steps)
        self.done = 0
        self.looks_without_gain = 0
        self.best: tuple[float, int] | None = None
        self.best_weights: list[Tensor] = []
        draw = torch.Generator().manual_seed(plan.seed)
        shares = torch.tensor(plan.shares, dtype=torch.float64)
        self.chosen = torch.multinomial(shares, plan.total, True, generator=draw).tolist()
        self.streams = [o.batches(plan.phase.batch_size, stage_seed(plan.seed, str(i))) for i, o in enumerate(plan.objectives)]
        torch.manual_seed(plan.seed)
        for module in self.modules:
            module.train()

    @property
    def ended(self) -> bool:
        """Whether selection has run out of patience."""
        wanted = self.plan.phase.selection
        return wanted is not None and wanted.patience is not None and self.looks_without_gain >= wanted.patience

    def next_batch(self) -> tuple[int, list[int]]:
        """Which objective, and rows of its pieces."""
        which = self.chosen[self.done]
        return which, next(self.streams[which])

    def rate(self, step: int) -> float:
        """Share of the peak rate in a step, counted from 0."""
        total = self.plan.total
        return min((step + 1) / self.warm, max(0.0, (total - step) / max(1, total - self.warm)))

    def step(self, losses: Iterator[Tensor]) -> None:
        """One step of gradient descent on the sum of the losses."""
        self.optimizer.zero_grad(set_to_none=True)
        total: Any = 0.0
        for loss in losses:
            loss.backward()  # type: ignore[no-untyped-call]
            total = total + loss.detach()
        self.done += 1
        norm = nn.utils.clip_grad_norm_(self.parameters, self.plan.phase.clip)
        looks = self.encoder.device.type == "cpu" or self.done % _LOOK == 0 or self.done == self.plan.total
        for name, value in (("loss", total), ("norm of its gradient", norm)) if looks else ():
            if not torch.isfinite(value):  # a gradient that is not: the loss of the next step, but the last has none
                raise XbenchError(
                    f"training {self.plan.name} diverged: the {name} is {value.item()} in step {self.done}; lower learning_rate"
                )
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * self.rate(self.done - 1)
        self.optimizer.step()

    def look(self) -> None:
        """Selection: every so many steps, and after the last, the development score; the weights of the best are kept."""
        wanted = self.plan.phase.selection
        if wanted is None or self.plan.judge is None or (self.done % wanted.every and self.done < self.plan.total):
            return
        for module in self.modules:
            module.eval()
        value = self.plan.judge(self.modules[0])  # type: ignore[arg-type]
        for module in self.modules:
            module.train()
        if self.best is None or value > self.best[0]:
            self.best, self.looks_without_gain = (value, self.done), 0
            self.best_weights = [p.detach().to("cpu", copy=True) for p in self.parameters]
        else:
            self.looks_without_gain += 1

    def save(self) -> None:
        """Write down everything that the next step depends on."""
        assert self.plan.saver is not None
        tensors = random_state(self.encoder.device)
        for i, p in enumerate(self.parameters):
            tensors[f"weight.{i}"] = p
            tensors |= {f"moment.{i}.{name}": value for name, value in self.optimizer.state.get(p, {}).items()}
        tensors |= {f"best.{i}": value for i, value in enumerate(self.best_weights)}
        about = {"step": self.done, "best": self.best, "looks_without_gain": self.looks_without_gain}
        self.plan.saver.save(tensors, about)

    def resume(self) -> None:
        """Go on from what was written down, if anything was."""
        found = self.plan.saver.load() if self.plan.saver else None
        if found is None:
            return
        tensors, about = found
        with torch.no_grad():
            for i, p in enumerate(self.parameters):
                p.copy_(tensors[f"weight.{i}"])
                names = [n for n in tensors if n.startswith(f"moment.{i}.")]
                if names:
                    state = {n.rsplit(".", 1)[1]: tensors[n].to(p.device) for n in names}
                    self.optimizer.state[p] = state
        self.best_weights = [tensors[f"best.{i}"] for i in range(len(self.parameters)) if f"best.{i}" in tensors]
        self.best = tuple(about["best"]) if about["best"] else None
        self.looks_without_gain = about["looks_without_gain"]
        while self.done < about["step"]:  # the batches that are behind: their order is drawn again, nothing is computed
            self.next_batch()
            self.done += 1
        set_random_state(tensors, self.encoder.device)

    def finish(self) -> None:
        """Leave the state of a long training on disk until its cell is stored; then take the best weights."""
        if self.plan.saver is not None and (self.plan.saver.path.is_file() or self.plan.saver.due()):
            self.save()
        if self.best_weights:
            with torch.no_grad():
                for p, value in zip(self.parameters, self.best_weights, strict=True):
                    p.copy_(value)

    def decay(self) -> float:
        """What weight decay alone has made of a weight of the trunk without gradient, up to the step whose weights count."""
        phase, kept = self.plan.phase, 1.0
        for step in range(self.best[1] if self.best else self.done):
            kept *= 1 - phase.learning_rate * self.rate(step) * phase.weight_decay
        return kept


@torch.no_grad()
def predict(
    task: Task, examples: Sequence[Example], pieces: Sequence[Piece], encoder: SplitEncoder, trained: Trained, tick: Tick
) -> list[str]:
    """Predictions of all examples, whatever their languages, in one pass sorted by length."""
    head = trained.head
    if head is None:
        raise XbenchError(f"{task.name} was trained as part of a mixture and has no head to predict with")
    scores: list[Tensor | None] = [None] * len(pieces)
    for rows, hidden, mask in _passes(pieces, encoder, trained.trunk, tick, uses=head.positions):
        with autocast(encoder.device, encoder.precision):
            out = head(hidden, mask, trained.trunk.pooler)
        out = out.float().cpu()
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
    for rows, hidden, mask in _passes(pieces, encoder, trunk, tick, depth, keep=keep, uses=None if pooling == "mean" else heads.first):
        states = hidden.float()
        pooled = states[:, 0] if pooling == "cls" else heads.mean_pool(states, mask if special_tokens else _without_special(mask))
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
    pieces: Sequence[Piece],
    encoder: SplitEncoder,
    trunk: Trunk,
    tick: Tick,
    depth: int | None = None,
    *,
    keep: bool = True,
    uses: Callable[[Piece], Sequence[int]] | None = None,
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """(rows, hidden states, mask) of each batch, shortest first: hardly any padding.

    The states may be anything at positions that are not among those that `uses` gives of a piece, when it is given.
    """
    if keep:
        encoder.prepare([p.ids for p in pieces])
    order = sorted(range(len(pieces)), key=lambda r: (len(pieces[r].ids), pieces[r].ids, r))

    def given() -> Iterator[tuple[list[int], Tensor, Tensor]]:
        for stretch in batches([len(pieces[r].ids) for r in order], encoder.token_budget):
            rows = [order[s] for s in stretch]
            ids = [pieces[r].ids for r in rows]
            yield (rows, *(encoder.batch(ids) if keep else encoder.fresh(ids)))

    for rows, inputs, mask in ahead(given(), encoder.device):
        wanted = None if uses is None else heads.marked([uses(pieces[r]) for r in rows], mask)
        with autocast(encoder.device, encoder.precision):
            hidden = trunk(inputs, mask, depth, wanted)
        yield rows, hidden, mask
        tick(len(rows))


def ahead(items: Iterator[_T], device: torch.device) -> Iterator[_T]:
    """The items, on an accelerator made by a second thread while the one before is computed."""
    if device.type == "cpu":
        yield from items
        return
    waiting: queue.Queue[Any] = queue.Queue(maxsize=4)
    end, left = object(), threading.Event()

    def hand(item: Any) -> bool:
        while not left.is_set():  # nobody waits any more where what is done with an item has failed: the memory is wanted back
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return True
        return False

    def fill() -> None:
        try:
            if all(map(hand, items)):
                hand(end)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            hand(error)

    threading.Thread(target=fill, daemon=True).start()
    try:
        while (item := waiting.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        left.set()


def _optimizer(trunk: Trunk, objectives: Sequence[Objective], phase: Phase) -> torch.optim.Optimizer:
    """AdamW; weight decay not for biases and norms."""
    groups = []
    on_top = ((o.head, phase.learning_rate if o.pretrained else phase.head_learning_rate) for o in objectives)
    for module, rate in ((trunk, phase.learning_rate), *on_top):
        for decay in (True, False):
            own = [p for p in module.parameters() if p.requires_grad and (p.ndim > 1) == decay]
            if own:
                groups.append({"params": own, "lr": rate, "weight_decay": phase.weight_decay if decay else 0.0})
    return torch.optim.AdamW(groups, eps=1e-8, fused=True)
