"""Several tasks trained at once, each with its own head on one shared trunk; masked language modelling may be one of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xbench.errors import DataError
from xbench.recipe import Phase
from xbench.task import Example, Part, Sampling, Task
from xbench.train import heads, loop
from xbench.train.encoder import SplitEncoder, Trunk
from xbench.train.encoding import Piece

_MASKED = 0.15  # share of the subwords that are predicted (Devlin et al. 2019, section 3.1)


@dataclass(frozen=True, slots=True)
class Material:
    """The training data of one part."""

    part: Part
    task: Task
    examples: Sequence[Example]
    pieces: Sequence[Piece]

    @property
    def size(self) -> int:
        """Examples that count in sampling and in the number of steps: all, or as many as the cap."""
        own = len(loop.units(self.task, self.pieces))
        return own if self.part.cap is None else min(own, self.part.cap)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What masking needs to know of a tokenizer: the mask's id, how many ids there are, which are special."""

    mask: int
    size: int
    special: frozenset[int]


def vocabulary(tokenizer: object, size: int) -> Vocabulary:
    """Read it off a tokenizer; `size` is the number of rows of the embeddings.

    Raises:
        DataError: If the tokenizer has no mask token.
    """
    mask = getattr(tokenizer, "mask_token_id", None)
    if mask is None:
        raise DataError("masked language modelling needs a tokenizer with a mask token, which this model does not have")
    return Vocabulary(mask, size, frozenset(getattr(tokenizer, "all_special_ids", ())))


def shares(materials: Sequence[Material], sampling: Sampling) -> list[float]:
    """The probability with which each part is drawn for a step: in proportion to its size, or the same for all, times its weight."""
    raw = [m.part.weight * (m.size if sampling == "proportional" else 1) for m in materials]
    return [value / sum(raw) for value in raw]


def steps(materials: Sequence[Material], phase: Phase) -> int:
    """Steps in all: the sum over the parts of epochs x batches in a pass (jiant, SimpleAPIMultiTaskConfigurator)."""
    return sum(phase.epochs * math.ceil(m.size / phase.batch_size) for m in materials)


def train(
    mixture: Task,
    materials: Sequence[Material],
    encoder: SplitEncoder,
    trunk: Trunk,
    phase: Phase,
    seed: int,
    tick: loop.Tick,
    words: Vocabulary | None = None,
) -> loop.Trained:
    """Fine-tune `trunk` on all parts: each step takes one batch of one part, drawn at random.

    Args:
        mixture: Gives the sampling and the name in messages.
        materials: One a part.
        encoder: The frozen part.
        trunk: Is trained in place.
        phase: Hyper-parameters, the same for all parts.
        seed: Draws, orders, masks and heads follow from it.
        tick: Told how many batches are done.
        words: Needed when a part is masked language modelling.

    Raises:
        XbenchError: If the loss is no longer finite.
    """
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    on_top: list[heads.Head | heads.MaskedWords] = []
    for m in materials:
        if m.task.family == "mlm":
            assert words is not None
            on_top.append(heads.MaskedWords(encoder.hidden_size, words.size).to(encoder.device))
        else:
            on_top.append(heads.Head(m.task, encoder.hidden_size, phase.dropout).to(encoder.device))
            encoder.prepare([p.ids for p in m.pieces])
    streams = [_endless(m, phase.batch_size, loop.stage_seed(seed, str(i))) for i, m in enumerate(materials)]
    total = steps(materials, phase)
    chosen = torch.multinomial(torch.tensor(shares(materials, mixture.sampling), dtype=torch.float64), total, True, generator=draw)
    taking = loop.Steps(mixture.name, trunk, on_top, phase, total)
    for which in chosen.tolist():
        m, head, chunk = materials[which], on_top[which], next(streams[which])
        if isinstance(head, heads.MaskedWords):
            assert words is not None
            taking.take(_masked_loss(head, chunk, encoder, trunk, words, draw))
        else:
            taking.take(loop.supervised_loss(m.task, head, m.examples, chunk, encoder, trunk))
        tick(1)
    trunk.eval()
    return loop.Trained(trunk, None)


def _endless(material: Material, batch_size: int, seed: int) -> Iterator[list[Piece]]:
    """Batches of one part, pass after pass, each in another order."""
    generator = torch.Generator().manual_seed(seed)
    groups = loop.units(material.task, material.pieces)
    lengths = loop.unit_lengths(groups, material.pieces)
    while True:
        for rows in loop.shuffled(lengths, batch_size, generator):
            yield [material.pieces[r] for group in rows for r in groups[group]]


def masked(ids: Tensor, mask: Tensor, words: Vocabulary, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Choose 15 % of the subwords; of these 80 % become the mask, 10 % a random subword, 10 % stay.

    Args:
        ids: Token ids, (batch, length), on the CPU.
        mask: 1 for tokens and 0 for padding, likewise.
        words: The vocabulary; special tokens are never chosen.
        generator: Decides.

    Returns:
        The changed ids, and which positions were chosen; one at least, when there is one that can be.
    """
    special = torch.isin(ids, torch.tensor(sorted(words.special)))
    can = (mask == 1) & ~special
    luck = torch.rand(ids.shape, generator=generator).masked_fill(~can, 2.0)
    chosen = luck < _MASKED
    if not chosen.any() and can.any():
        chosen = luck == luck.min()
    fate = torch.rand(ids.shape, generator=generator)
    other = torch.randint(words.size, ids.shape, generator=generator)
    changed = torch.where(chosen & (fate < 0.8), torch.full_like(ids, words.mask), ids)
    return torch.where(chosen & (fate >= 0.9), other, changed), chosen


def _masked_loss(
    head: heads.MaskedWords, chunk: Sequence[Piece], encoder: SplitEncoder, trunk: Trunk, words: Vocabulary, generator: torch.Generator
) -> Tensor:
    """The frozen part runs anew: a text is masked differently each time, so there is nothing to keep."""
    ids, mask = encoder.pad_ids([p.ids for p in chunk])
    changed, chosen = masked(ids.cpu(), mask.cpu(), words, generator)
    if not chosen.any():
        raise DataError("a batch of masked language modelling holds special tokens only; is the text empty?")
    hidden = trunk(encoder.below(changed.to(encoder.device), mask), mask)
    chosen = chosen.to(encoder.device)
    return head.loss(hidden[chosen], ids[chosen], encoder.words(trunk))
