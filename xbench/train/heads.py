"""What sits on the encoder for each task family, its loss, and how its outputs become predictions as stored."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xbench.task import Example, Question, Tagged, Task
from xbench.train.encoding import IGNORE, Piece


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens of each row: (batch, length, hidden) -> (batch, hidden)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


class Head(nn.Module):
    """Dropout and one linear layer: over tokens (tagging, qa) or over the mean of a text (classification)."""

    def __init__(self, task: Task, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.family = task.family
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden_size, 2 if task.family == "qa" else len(task.labels))
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Scores: (batch, length, labels) for tagging, (batch, labels) for classification, (batch, 2, length) for qa."""
        if self.family == "classification":
            out: Tensor = self.linear(self.dropout(mean_pool(hidden, mask)))
            return out
        out = self.linear(self.dropout(hidden))
        if self.family == "qa":
            return out.transpose(1, 2).masked_fill(mask[:, None, :] == 0, torch.finfo(out.dtype).min)
        return out

    def loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy over the labelled positions."""
        if self.family == "tagging":
            return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        if self.family == "qa":
            return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
        return nn.functional.cross_entropy(scores, targets)


def targets(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], length: int) -> Tensor:
    """What the head should say: (batch, length) for tagging, (batch,) for classification, (batch, 2) for qa."""
    code = {label: i for i, label in enumerate(task.labels)}
    if task.family == "qa":
        return torch.tensor([piece.span for piece in pieces])
    if task.family == "classification":
        return torch.tensor([code[_label(examples[piece.example])] for piece in pieces])
    out = torch.full((len(pieces), length), IGNORE)
    for row, piece in enumerate(pieces):
        example = examples[piece.example]
        assert isinstance(example, Tagged)
        for position, word in piece.words:
            out[row, position] = code[example.labels[word]]
    return out


def decode(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], scores: Sequence[Tensor], max_answer: int = 30) -> list[str]:
    """Predictions as the contract writes them, one an example, from the scores of each piece (without padding)."""
    if task.family == "classification":
        return [task.labels[int(s.argmax())] for s in scores]
    if task.family == "qa":
        return [_answer(examples[p.example], p, s, max_answer) for p, s in zip(pieces, scores, strict=True)]
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
        return json.dumps(list(example.answers), ensure_ascii=False)
    return _label(example)


def _label(example: Example) -> str:
    label = getattr(example, "label", None)
    return label if isinstance(label, str) else example.example_id


def _answer(example: Example, piece: Piece, scores: Tensor, max_answer: int) -> str:
    """The best stretch of the context of at most `max_answer` subwords: highest start + end score."""
    assert isinstance(example, Question)
    inside = torch.tensor([o is not None for o in piece.offsets])
    start, end = scores[0].clone(), scores[1].clone()
    start[~inside] = end[~inside] = float("-inf")
    total = start[:, None] + end[None, :]
    allowed = torch.ones_like(total, dtype=torch.bool).triu().tril(max_answer - 1)
    total[~allowed] = float("-inf")
    first, last = divmod(int(total.argmax()), len(piece.offsets))
    begin, stop = piece.offsets[first], piece.offsets[last]
    return example.context[begin[0] : stop[1]] if begin and stop else ""
