"""Cosmos QA as intermediate task: reading between the lines, four choices (Huang et al. 2019)."""

from collections.abc import Mapping
from typing import Any

from xbench.corpus import Corpus, Source
from xbench.formats import choices
from xbench.hub import Hub
from xbench.task import Choice, Split

_ANSWERS = ("answer0", "answer1", "answer2", "answer3")


def _text(row: Mapping[str, Any]) -> str:
    return f"{row['context']} {row['question']}"


def _options(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[a]) for a in _ANSWERS)


def _convert(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Choice:
    return Choice(str(number), str(number), _text(row), _options(row), str(row["label"]))


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "train" if split == "train" else "valid"}


_READ = choices(_text, _options, lambda row: str(row["label"]), ("context", "question", *_ANSWERS, "label"))

TASK = Corpus(
    folder="cosmosqa",
    family="choice",
    languages=(),
    sources=tuple(
        Source((f"cosmosqa/{{file}}{suffix}",), _READ, splits=("train", "dev"), languages=("en",), names=_file)
        for suffix in (".csv", ".jsonl")
    ),
    hub=Hub(
        repository="allenai/cosmos_qa",
        place=lambda language, split: (None, "train" if split == "train" else "validation") if language == "en" else None,
        convert=_convert,
    ),
    published={("en", "train"): 25_262, ("en", "dev"): 2_985},
).task(
    labels=("0", "1", "2", "3"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="CC-BY-4.0",
    source="https://wilburone.github.io/cosmos",
    about="Cosmos QA, English reading comprehension; intermediate",
)
