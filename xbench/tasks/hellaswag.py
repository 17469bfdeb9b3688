"""HellaSwag as intermediate task: which of four continuations of a text is the right one (Zellers et al. 2019)."""

from collections.abc import Mapping
from typing import Any

from xbench.corpus import Corpus, Source
from xbench.formats import choices
from xbench.hub import Hub
from xbench.task import Choice, Split

_FIELDS = ("ctx_a", "ctx_b", "endings", "label")


def _endings(row: Mapping[str, Any]) -> list[str]:
    """The unfinished sentence is part of each choice, as in jiant (tasks/lib/hellaswag.py)."""
    return [f"{row['ctx_b']} {ending}".strip() for ending in row["endings"]]


def _convert(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Choice:
    return Choice(str(number), str(number), row["ctx_a"], tuple(_endings(row)), str(row["label"]))


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "train" if split == "train" else "val"}


TASK = Corpus(
    folder="hellaswag",
    family="choice",
    languages=(),
    sources=(
        Source(
            ("hellaswag/hellaswag_{file}.jsonl",),
            choices(lambda row: str(row["ctx_a"]), _endings, lambda row: str(row["label"]), _FIELDS),
            splits=("train", "dev"),
            languages=("en",),
            names=_file,
        ),
    ),
    hub=Hub(
        repository="Rowan/hellaswag",
        place=lambda language, split: (None, "train" if split == "train" else "validation") if language == "en" else None,
        convert=_convert,
    ),
    published={("en", "train"): 39_905, ("en", "dev"): 10_042},
).task(
    labels=("0", "1", "2", "3"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="MIT",
    source="https://rowanzellers.com/hellaswag",
    about="HellaSwag, finishing a text in English; intermediate",
)
