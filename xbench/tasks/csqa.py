"""CommonsenseQA as intermediate task: five choices that need common sense (Talmor et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

from xbench.corpus import Corpus, Source
from xbench.formats import choices
from xbench.hub import Hub
from xbench.task import Choice


def _options(row: Mapping[str, Any]) -> Sequence[str]:
    return [str(choice["text"]) for choice in row["question"]["choices"]]


def _label(row: Mapping[str, Any]) -> str:
    return str([choice["label"] for choice in row["question"]["choices"]].index(row["answerKey"]))


def _convert(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Choice:
    place = list(row["choices"]["label"]).index(row["answerKey"])
    return Choice(str(number), str(number), row["question"], tuple(row["choices"]["text"]), str(place))


TASK = Corpus(
    folder="csqa",
    family="choice",
    languages=(),
    sources=(
        Source(
            ("csqa/{split}_rand_split.jsonl",),
            choices(lambda row: str(row["question"]["stem"]), _options, _label, ("question", "answerKey")),
            splits=("train", "dev"),
            languages=("en",),
        ),
    ),
    hub=Hub(
        repository="tau/commonsense_qa",
        place=lambda language, split: (None, "train" if split == "train" else "validation") if language == "en" else None,
        convert=_convert,
    ),
    published={("en", "train"): 9_741, ("en", "dev"): 1_221},
).task(
    labels=("0", "1", "2", "3", "4"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="MIT",
    source="https://www.tau-nlp.org/commonsenseqa",
    about="CommonsenseQA, English; intermediate",
)
