"""What sits on the encoder for each task family, its loss, and how its outputs become predictions as stored."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from xbench.task import Example, Question, Tagged, Task, Unaligned
from xbench.train.encoding import IGNORE, Piece

NO_ANSWER = "no-answer"  # in the label set of a qa task whose questions may have none


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens of each row: (batch, length, hidden) -> (batch, hidden)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def first(piece: Piece) -> Sequence[int]:
    """The position of a piece that stands for all of it: the first."""
    return (0,)


def marked(positions: Sequence[Sequence[int]], mask: Tensor) -> Tensor:
    """True at the positions of each row, in the shape of the mask, (batch, length)."""
    out = torch.zeros(mask.shape, dtype=torch.bool)
    for row, chosen in enumerate(positions):
        out[row, list(chosen)] = True
    return out.to(mask.device)


def _first_subwords(piece: Piece) -> Sequence[int]:
    return [position for position, _ in piece.words]


class Head(nn.Module):
    """Dropout and one linear layer: over tokens (tagging; qa, without dropout) or over one vector a text (classification, choice).

    That vector is the mean over the subwords; or, with `classifier` first, the first one's after a further layer with tanh; with pooler
    what the encoder's pooler makes of the first one, after that layer.
    """

    def __init__(self, task: Task, hidden_size: int, dropout: float, classifier: str = "mean") -> None:
        super().__init__()
        self.family = task.family
        self.dropout = nn.Dropout(dropout)
        one = self.family in ("classification", "choice")  # vector a text
        self.pools = one and classifier == "pooler"
        self.dense = nn.Linear(hidden_size, hidden_size) if one and classifier != "mean" else None
        if self.dense is not None:
            nn.init.normal_(self.dense.weight, std=0.02)
            nn.init.zeros_(self.dense.bias)
        self.linear = nn.Linear(hidden_size, {"qa": 2, "choice": 1}.get(task.family, len(task.labels)))
        self.choices = len(task.labels)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    @property
    def positions(self) -> Callable[[Piece], Sequence[int]] | None:
        """Which positions of a piece the predictions depend on; None: all."""
        if self.family == "tagging":
            return _first_subwords
        return first if self.dense is not None else None

    def forward(self, hidden: Tensor, mask: Tensor, pooler: nn.Module | None = None) -> Tensor:
        """Scores.

        Args:
            hidden: States of the encoder, (batch, length, hidden).
            mask: 1 for tokens and 0 for padding, (batch, length).
            pooler: The encoder's, where `classifier` is pooler.

        Returns:
            (batch, length, labels) for tagging, (batch, labels) for classification, (batch, 2, length) for qa, (batch,) for choice.
        """
        if self.pools:
            assert pooler is not None
            hidden = torch.tanh(pooler(hidden[:, :1]))
        out: Tensor
        if self.family in ("classification", "choice"):
            if self.dense is None:
                out = self.linear(self.dropout(mean_pool(hidden, mask)))
            else:
                out = self.linear(self.dropout(torch.tanh(self.dense(self.dropout(hidden[:, 0])))))
            return out.squeeze(-1) if self.family == "choice" else out
        if self.family == "qa":
            out = self.linear(hidden)
            return out.transpose(1, 2).masked_fill(mask[:, None, :] == 0, torch.finfo(out.dtype).min)
        out = self.linear(self.dropout(hidden))
        return out

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Sum of the cross entropy over the labelled positions; divide by `labelled` for the mean."""
        if self.family == "choice":  # the choices of an example follow one another
            scores = scores.view(-1, self.choices)
        elif self.family in ("tagging", "qa"):
            scores, targets = scores.flatten(0, 1), targets.flatten()
        return nn.functional.cross_entropy(scores.float(), targets, ignore_index=IGNORE, reduction="sum")


def labelled(targets: Tensor) -> int:
    """How many labels there are in the targets of a batch."""
    return int((targets != IGNORE).sum())


def targets(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], length: int) -> Tensor:
    """What the head should say: (batch, length) for tagging, (batch,) for classification, (batch, 2) for qa, (examples,) for choice."""
    code = {label: i for i, label in enumerate(task.labels)}
    if task.family == "choice":
        return torch.tensor([code[_label(examples[piece.example])] for piece in pieces if piece.choice == 0])
    if task.family == "qa":
        return torch.tensor([piece.span for piece in pieces])
    if task.family == "classification":
        return torch.tensor([code[_label(examples[piece.example])] for piece in pieces])
    out = np.full((len(pieces), length), IGNORE)
    for row, piece in enumerate(pieces):
        example = examples[piece.example]
        assert isinstance(example, Tagged)
        out[row, [position for position, _ in piece.words]] = [code[example.labels[word]] for _, word in piece.words]
    return torch.from_numpy(out)


def decode(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], scores: Sequence[Tensor], max_answer: int = 30) -> list[str]:
    """Predictions as the contract writes them, one an example, from the scores of each piece (without padding)."""
    if task.family == "classification":
        return [task.labels[int(s.argmax())] for s in scores]
    if task.family == "choice":
        given = torch.stack([s.reshape(()) for s in scores]).view(-1, len(task.labels))
        return [task.labels[int(row.argmax())] for row in given]
    if task.family == "qa":
        return _answers(task, examples, pieces, scores, max_answer)
    tags: list[list[str]] = [[] for _ in examples]
    for piece, score in zip(pieces, scores, strict=True):
        best = score.argmax(-1).tolist()
        tags[piece.example] += [task.labels[best[position]] for position, _ in piece.words]
    return [" ".join(t) for t in tags]


def reference(example: Example) -> str:
    """The gold answer of an example as the contract writes it."""
    import json

    if isinstance(example, Tagged):
        return " ".join(example.labels)
    if isinstance(example, Question):
        return json.dumps(list(example.answers) or [""], ensure_ascii=False)  # no answer: the empty one is right
    if isinstance(example, Unaligned):
        return " ".join(example.gold)
    return _label(example)


def _label(example: Example) -> str:
    label = getattr(example, "label", None)
    return label if isinstance(label, str) else example.example_id


def _answers(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], scores: Sequence[Tensor], max_answer: int) -> list[str]:
    """The best stretch over all pieces of each question; nothing where the task knows unanswerable questions and CLS scores higher.

    The score of no answer is the lowest over the pieces, as in the common SQuAD 2.0 post-processing (transformers, run_qa).
    """
    best: list[tuple[float, str]] = [(float("-inf"), "")] * len(examples)
    nothing = [float("inf")] * len(examples)
    for piece, score in zip(pieces, scores, strict=True):
        row = piece.example
        best[row] = max(best[row], _answer(examples[row], piece, score, max_answer), key=lambda found: found[0])
        nothing[row] = min(nothing[row], float(score[0, 0] + score[1, 0]))
    may_refuse = NO_ANSWER in task.labels
    return ["" if may_refuse and none > value else text for (value, text), none in zip(best, nothing, strict=True)]


def _answer(example: Example, piece: Piece, scores: Tensor, max_answer: int) -> tuple[float, str]:
    """Score and text of the best stretch of the context of at most `max_answer` subwords: highest start + end score."""
    assert isinstance(example, Question)
    inside = torch.tensor([o is not None for o in piece.offsets])
    start, end = scores[0].clone(), scores[1].clone()
    start[~inside] = end[~inside] = float("-inf")
    start[: piece.starts[0]] = start[piece.starts[1] + 1 :] = float("-inf")
    total = start[:, None] + end[None, :]
    allowed = torch.ones_like(total, dtype=torch.bool).triu().tril(max_answer - 1)
    total[~allowed] = float("-inf")
    value = total.max()
    first, last = divmod(int(total.argmax()), len(piece.offsets))
    begin, stop = piece.offsets[first], piece.offsets[last]
    return float(value), example.context[begin[0] : stop[1]] if begin and stop else ""


class MaskedWords(nn.Module):
    """The head of masked language modelling: dense, GELU, norm, then the input embeddings as output layer (Devlin et al. 2019).

    With `weights` it is the pretrained one (xbench.train.models.word_head).
    """

    def __init__(
        self,
        hidden_size: int,
        vocabulary: int,
        embedding_size: int | None = None,
        weights: Mapping[str, Tensor] | None = None,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, embedding_size or hidden_size)
        self.norm = nn.LayerNorm(embedding_size or hidden_size, eps=eps)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)
        if weights is not None:
            self.load_state_dict(dict(weights))

    def loss(self, hidden: Tensor, words: Tensor, embeddings: Tensor) -> Tensor:
        """Sum of the cross entropy over the chosen positions.

        Args:
            hidden: States at the chosen positions, (chosen, hidden).
            words: What stood there, (chosen,).
            embeddings: Input embeddings, (vocabulary, hidden).
        """
        states = self.norm(nn.functional.gelu(self.dense(hidden)))
        return nn.functional.cross_entropy(nn.functional.linear(states, embeddings, self.bias).float(), words, reduction="sum")
