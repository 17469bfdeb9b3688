"""How much there is to compute: subwords to train on and to predict, from a sample of each data set; and how long that takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xbench.study import Cell, Plan, Stage
from xbench.task import Part, Split, Task, load_task

if TYPE_CHECKING:
    from xbench.train.models import Resolved

_SAMPLE = 100  # examples of a language and split that are encoded
_BACKWARD = 3  # a training step takes about as long as three forward passes


@dataclass(frozen=True, slots=True)
class Tokens:
    """Subwords of one item, without padding."""

    trained: int = 0
    predicted: int = 0

    @property
    def cost(self) -> int:
        """In forward passes of a subword."""
        return _BACKWARD * self.trained + self.predicted

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.trained + other.trained, self.predicted + other.predicted)


class Estimator:
    """Counts the subwords of a plan's items; each data set is read and sampled once."""

    def __init__(self, plan: Plan, resolved: "Mapping[str, Resolved]") -> None:
        self.recipe = plan.study.recipe
        self.resolved = resolved
        self._sizes: dict[tuple[str, str, str, Split], tuple[int, float]] = {}
        self._tokenizers: dict[str, Any] = {}

    def stage(self, stage: Stage) -> Tokens:
        """Of one training."""
        if self.resolved[stage.model].folder is None:
            return Tokens()
        phase = self.recipe.phase(stage.phase, stage.task)
        task, counts, means = load_task(stage.task), list[int](), list[float]()
        parts = task.parts or (Part(stage.task),)
        for part in parts:
            one = load_task(part.task) if task.parts else task
            sizes = [self._size(stage.model, one, language, "train") for language in one.training_languages]
            every = sum(count for count, _ in sizes)
            counts.append(min(every, phase.max_examples or every, part.cap or every))
            means.append(sum(count * length for count, length in sizes) / max(every, 1))
        if not sum(counts):
            return Tokens()
        from xbench.train.stages import shares

        # As many steps as all parts together make, each on a part that is drawn.
        drawn = zip(shares(parts, counts, task.sampling, task.temperature), means, strict=True)
        return Tokens(trained=round(sum(counts) * phase.epochs * sum(share * mean for share, mean in drawn)))

    def cell(self, cell: Cell, shared: Iterable[str]) -> Tokens:
        """Of one cell: its predictions, and the training of its target unless that is a shared stage."""
        if self.resolved[cell.model].folder is None:
            return Tokens()
        task = load_task(cell.task_name)
        predicted = sum(round(count * length) for count, length in (self._size(cell.model, task, *part) for part in task.predicted))
        own = cell.encoder is not None and task.trains and cell.encoder.stage_id not in set(shared)
        return Tokens(predicted=predicted) + (self.stage(cell.encoder) if own and cell.encoder else Tokens())

    def _size(self, model: str, task: Task, language: str, split: Split) -> tuple[int, float]:
        """Examples, and mean subwords of one."""
        key = (model, task.name, language, split)
        if key not in self._sizes:
            from xbench.train import models
            from xbench.train.encoding import encode, encode_texts

            examples = task.examples(language, split)
            sample = [examples[i * len(examples) // _SAMPLE] for i in range(_SAMPLE)] if len(examples) > _SAMPLE else list(examples)
            if model not in self._tokenizers:  # most of the time that counting takes
                self._tokenizers[model] = models.tokenizer(self.resolved[model])
            tokenizer = self._tokenizers[model]
            length, stride = self.recipe.lengths(task.name)
            if task.family == "mining":
                pieces = encode_texts(tokenizer, [getattr(e, "text", "") for e in sample], length)
            else:
                pieces = encode(tokenizer, sample, length, stride, self.recipe.prefix(model), self.recipe.tagging)
            self._sizes[key] = (len(examples), sum(len(p.ids) for p in pieces) / max(len(sample), 1))
        return self._sizes[key]


def in_words(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def short(count: float) -> str:
    """A number of subwords for people."""
    for size, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count:.0f}"
