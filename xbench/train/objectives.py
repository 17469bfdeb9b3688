"""What a stage learns: each objective has its data, its head and its loss, and can be trained alone or beside others."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xbench.errors import DataError
from xbench.recipe import Phase
from xbench.task import Example, Task
from xbench.train import heads
from xbench.train.encoder import Ids, SplitEncoder, Trunk, batches
from xbench.train.encoding import Piece

_LENGTH_POOL = 32  # batches whose examples are sorted by length together: little padding, still random order
_MASKED = 0.15  # share of the subwords that are predicted (Devlin et al. 2019, section 3.1)


class Objective(ABC):
    """One task in training.

    Attributes:
        name: The task's, for messages.
        head: What is trained on top of the encoder; dropped with the stage but for the last one of a cell.
        pieces: The model inputs.
        groups: Rows of the pieces that must be in one batch; a batch is counted in groups.
        whole_vocabulary: Whether words that are in no input get gradients too.
        pretrained: Whether the head is the model's own, and so learns at the rate of the encoder.
    """

    whole_vocabulary = False
    pretrained = False

    def __init__(self, name: str, head: nn.Module, pieces: Sequence[Piece], groups: list[list[int]]) -> None:
        self.name = name
        self.head = head
        self.pieces = pieces
        self.groups = groups
        self.lengths = [max(len(pieces[r].ids) for r in group) for group in groups]

    @property
    def inputs(self) -> list[Ids]:
        """All model inputs."""
        return [p.ids for p in self.pieces]

    @abstractmethod
    def losses(self, rows: Sequence[int], encoder: SplitEncoder, trunk: Trunk, micro_tokens: int | None) -> Iterator[Tensor]:
        """The loss of a batch in parts that add up to it, one for each forward pass of at most `micro_tokens` padded subwords."""

    def batches(self, batch_size: int, seed: int) -> Iterator[list[int]]:
        """Rows of pieces of each batch, pass after pass, each in another order."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            for chosen in shuffled(self.lengths, batch_size, generator):
                yield [row for group in chosen for row in self.groups[group]]


class Supervised(Objective):
    """Cross entropy on labels, spans or choices."""

    def __init__(self, task: Task, examples: Sequence[Example], pieces: Sequence[Piece], head: heads.Head) -> None:
        super().__init__(task.name, head, pieces, units(task, pieces))
        self.task = task
        self.examples = examples

    def losses(self, rows: Sequence[int], encoder: SplitEncoder, trunk: Trunk, micro_tokens: int | None) -> Iterator[Tensor]:
        """Each part is the sum over its labels, divided by the labels of the whole batch."""
        parts = self._parts(rows, micro_tokens)
        said = [heads.targets(self.task, self.examples, part, max(len(p.ids) for p in part)) for part in parts]
        count = sum(heads.labelled(t) for t in said)
        for part, wanted in zip(parts, said, strict=True):
            inputs, mask = encoder.batch([p.ids for p in part])
            head: Any = self.head
            yield head.loss(head(trunk(inputs, mask), mask, trunk.pooler), wanted.to(encoder.device)) / count

    def _parts(self, rows: Sequence[int], micro_tokens: int | None) -> list[list[Piece]]:
        pieces = [self.pieces[r] for r in rows]
        if micro_tokens is None:
            return [pieces]
        sets = units(self.task, pieces)
        sets.sort(key=lambda rows: max(len(pieces[r].ids) for r in rows))
        lengths = [len(rows) * max(len(pieces[r].ids) for r in rows) for rows in sets]
        return [[pieces[r] for i in chosen for r in sets[i]] for chosen in batches(lengths, micro_tokens)]


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


class Masked(Objective):
    """Masked language modelling (Devlin et al. 2019). The frozen part runs anew each time: a text is masked differently each time."""

    whole_vocabulary = True  # the output layer is the table of embeddings: every word is a negative example

    def __init__(self, name: str, pieces: Sequence[Piece], words: Vocabulary, head: heads.MaskedWords, *, pretrained: bool = False) -> None:
        super().__init__(name, head, pieces, [[row] for row in range(len(pieces))])
        self.words = words
        self.pretrained = pretrained

    def losses(self, rows: Sequence[int], encoder: SplitEncoder, trunk: Trunk, micro_tokens: int | None) -> Iterator[Tensor]:
        """Each part is the sum over its masked subwords, divided by those of the whole batch; masks follow torch's own generator."""
        pieces = sorted((self.pieces[r] for r in rows), key=lambda p: len(p.ids)) if micro_tokens else [self.pieces[r] for r in rows]
        parts = batches([len(p.ids) for p in pieces], micro_tokens) if micro_tokens else [list(range(len(pieces)))]
        given = [encoder.padded([pieces[r].ids for r in part]) for part in parts]
        made = [masked(ids, mask, self.words) for ids, mask in given]
        count = sum(int(chosen.sum()) for _, chosen in made)
        if not count:
            raise DataError("a batch of masked language modelling holds special tokens only; is the text empty?")
        head: Any = self.head
        for (ids, mask), (changed, at) in zip(given, made, strict=True):
            there = mask.to(encoder.device)
            hidden = trunk(encoder.below(changed.to(encoder.device), there), there)
            chosen = at.flatten().nonzero().squeeze(1)  # found on the processor: an accelerator would be waited for
            states, words = hidden.flatten(0, 1)[chosen.to(encoder.device)], ids.flatten()[chosen].to(encoder.device)
            yield head.loss(states, words, encoder.words(trunk)) / count


def masked(ids: Tensor, mask: Tensor, words: Vocabulary) -> tuple[Tensor, Tensor]:
    """Choose 15 % of the subwords; of these 80 % become the mask, 10 % a random subword, 10 % stay.

    Args:
        ids: Token ids, (batch, length), on the CPU.
        mask: 1 for tokens and 0 for padding, likewise.
        words: The vocabulary; special tokens are never chosen.

    Returns:
        The changed ids, and which positions were chosen; one at least, when there is one that can be.
    """
    special = torch.isin(ids, torch.tensor(sorted(words.special)))
    can = (mask == 1) & ~special
    luck = torch.rand(ids.shape).masked_fill(~can, 2.0)
    chosen = luck < _MASKED
    if not chosen.any() and can.any():
        chosen = luck == luck.min()
    fate = torch.rand(ids.shape)
    other = torch.randint(words.size, ids.shape)
    changed = torch.where(chosen & (fate < 0.8), torch.full_like(ids, words.mask), ids)
    return torch.where(chosen & (fate >= 0.9), other, changed), chosen


class Alignment(Objective):
    """Translations are drawn together: contrastive loss over the pairs of a batch, in both directions (InfoNCE, van den Oord et al. 2018).

    A pair is two pieces of one example, English first. The other pairs of the batch are its negatives, so a batch is never split; but not
    those that share a text with it: the French and the German for one word are no counter-examples of each other.
    """

    def __init__(self, name: str, pieces: Sequence[Piece], phase: Phase, depth: int | None) -> None:
        pairs: dict[int, list[int]] = {}
        for row, piece in enumerate(pieces):
            pairs.setdefault(piece.example, []).append(row)
        super().__init__(name, nn.Identity(), pieces, list(pairs.values()))
        self.temperature = phase.temperature
        self.depth = depth

    def losses(self, rows: Sequence[int], encoder: SplitEncoder, trunk: Trunk, micro_tokens: int | None) -> Iterator[Tensor]:
        """The mean of both directions."""
        del micro_tokens
        sides = [self._vectors(rows[side::2], encoder, trunk) for side in (0, 1)]
        yield contrastive(sides[0], sides[1], self.temperature, self.alike(rows).to(encoder.device))

    def alike(self, rows: Sequence[int]) -> Tensor:
        """Which pairs of a batch share a text with which, (pairs, pairs); rows as of `losses`."""
        found = torch.zeros(len(rows) // 2, len(rows) // 2, dtype=torch.bool)
        for side in (0, 1):
            texts = [self.pieces[r].ids for r in rows[side::2]]
            number = {text: n for n, text in enumerate(texts)}
            same = torch.tensor([number[text] for text in texts])
            found |= same[:, None] == same[None, :]
        return found

    def _vectors(self, rows: Sequence[int], encoder: SplitEncoder, trunk: Trunk) -> Tensor:
        inputs, mask = encoder.batch([self.pieces[r].ids for r in rows])
        return heads.mean_pool(trunk(inputs, mask, self.depth), mask)


def contrastive(left: Tensor, right: Tensor, temperature: float, alike: Tensor) -> Tensor:
    """Cross entropy of each row's own partner among the rows that are not like it, by cosine over temperature; mean over both directions.

    Args:
        left: (pairs, hidden).
        right: Likewise; row i is the translation of row i of `left`.
        temperature: Cosines are divided by it.
        alike: (pairs, pairs), symmetric: which rows are no negatives of each other.
    """
    cosines = nn.functional.normalize(left.float(), dim=-1) @ nn.functional.normalize(right.float(), dim=-1).T
    own = torch.arange(len(left), device=left.device)
    scaled = (cosines / temperature).masked_fill(alike & (own[:, None] != own[None, :]), -math.inf)
    return (nn.functional.cross_entropy(scaled, own) + nn.functional.cross_entropy(scaled.T, own)) / 2


def units(task: Task, pieces: Sequence[Piece]) -> list[list[int]]:
    """Rows of the pieces that must be in one batch: all choices of an example, otherwise each piece alone."""
    if task.family != "choice":
        return [[row] for row in range(len(pieces))]
    found: dict[int, list[int]] = {}
    for row, piece in enumerate(pieces):
        found.setdefault(piece.example, []).append(row)
    return list(found.values())


def shuffled(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Batches of one pass: random order, neighbours in length together, the order of the batches random again."""
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = batch_size * _LENGTH_POOL
    found = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lambda row: lengths[row])
        found += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    return [found[i] for i in torch.randperm(len(found), generator=generator).tolist()]


def passes(sizes: Sequence[int], phase: Phase) -> int:
    """Steps in all: the sum over the parts of epochs x batches in a pass (jiant, SimpleAPIMultiTaskConfigurator)."""
    return sum(phase.epochs * math.ceil(size / phase.batch_size) for size in sizes)
