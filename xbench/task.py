"""What a task is: where its examples come from, in which languages, and how it is scored. One file each in tasks/."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from xbench import plugins
from xbench.errors import DataError

TASKS = Path(__file__).parent / "tasks"
Family = Literal["tagging", "classification", "qa", "retrieval"]
Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence with one label a token."""

    example_id: str
    cluster_id: str
    tokens: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classified:
    """A text, or a pair of texts, with one label. `pair` is empty for a single text."""

    example_id: str
    cluster_id: str
    text: str
    pair: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer is a stretch of its context; `start` is the character offset of `answers[0]`."""

    example_id: str
    cluster_id: str
    question: str
    context: str
    answers: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Translation:
    """An English sentence (the query) and its translation (the candidate that should be found)."""

    example_id: str
    cluster_id: str
    english: str
    foreign: str


Example = Tagged | Classified | Question | Translation


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task.

    Attributes:
        family: Decides the head, the loss and the shape of its examples.
        languages: Test languages, the training language among them unless the family is retrieval.
        labels: The label set, in the order of the classifier's outputs; empty for qa and retrieval.
        metric: The metric that ranks systems; one that a scorer of `scorers` gives.
        scorers: Names in scorers/.
        load: (language, split) -> examples, in a fixed order. Raises DataError when the data is not there.
        revision: Identifies the data, by content or by pinned version.
        licence, source, about: For `xbench tasks` and the documentation.
        train_language: Language of its training labels.
        name: Its file's name; filled in when it is loaded.
    """

    family: Family
    languages: tuple[str, ...]
    labels: tuple[str, ...] = ()
    metric: str
    scorers: tuple[str, ...]
    load: Callable[[str, Split], Sequence[Example]]
    revision: Callable[[], str]
    licence: str
    source: str
    about: str
    train_language: str = "en"
    name: str = ""

    @property
    def trains(self) -> bool:
        """Whether the task has target training; retrieval evaluates the encoder as it is (Hu et al. 2020, section 3)."""
        return self.family != "retrieval"

    def examples(self, language: str, split: Split) -> Sequence[Example]:
        """The examples of one language and split, checked.

        Raises:
            DataError: If there are none, ids repeat, or a label is outside `labels`; all problems at once.
        """
        found = self.load(language, split)
        where = f"task {self.name}, {language} {split}"
        problems = [] if found else ["no examples"]
        seen: set[str] = set()
        for row, example in enumerate(found):
            if example.example_id in seen:
                problems.append(f"row {row}: example id {example.example_id!r} occurs twice")
            seen.add(example.example_id)
            problems += [f"row {row} ({example.example_id}): {p}" for p in self._problems(example)]
        if problems:
            raise DataError(f"{where}: {len(problems)} problem(s)", problems[:50])
        return found

    def _problems(self, example: Example) -> list[str]:
        if isinstance(example, Tagged):
            problems = [f"label {x!r} is not one of {' '.join(self.labels)}" for x in sorted(set(example.labels) - set(self.labels))]
            if not example.tokens or len(example.tokens) != len(example.labels):
                problems.append(f"{len(example.tokens)} tokens, {len(example.labels)} labels")
            return problems
        if isinstance(example, Classified) and example.label not in self.labels:
            return [f"label {example.label!r} is not one of {' '.join(self.labels)}"]
        if isinstance(example, Question) and not example.context[example.start :].startswith(example.answers[0]):
            return [f"answer {example.answers[0]!r} is not at character {example.start} of the context"]
        return []


def load_task(name: str) -> Task:
    """The task of file tasks/NAME.py.

    Raises:
        PluginError: If there is none; the message lists those that exist.
    """
    task: Task = plugins.load(TASKS, name).TASK
    return replace(task, name=name)


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task of tasks/, by name."""
    return tuple(load_task(name) for name in plugins.names(TASKS))
