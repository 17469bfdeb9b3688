"""XCOPA: choosing the cause or the effect in eleven languages, trained on English COPA (Ponti et al. 2020; Roemmele et al. 2011).

XTREME-R trains on Social IQa first; that is an intermediate task of its own and is not part of this one.
"""

from collections.abc import Mapping
from typing import Any

from xbench.corpus import Corpus, Source
from xbench.formats import choices
from xbench.task import Split

LANGUAGES = tuple("et ht id it qu sw ta th tr vi zh".split())
_FIELDS = ("premise", "question", "choice1", "choice2", "label")


def _text(row: Mapping[str, Any]) -> str:
    """XTREME-R's input (third_party/run_xcopa.py): premise and question; the question is English in every language."""
    return f"{row['premise']} What was the {row['question']}?"


_READ = choices(_text, lambda row: (row["choice1"], row["choice2"]), lambda row: str(row["label"]), _FIELDS)


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "val" if split == "dev" else split}


TASK = Corpus(
    folder="xcopa",
    family="choice",
    parallel=True,
    languages=LANGUAGES,
    sources=(
        Source(("xcopa/data/{language}/{file}.{language}.jsonl",), _READ, splits=("dev", "test"), names=_file),
        Source(("COPA/{file}.jsonl",), _READ, splits=("train", "dev"), languages=("en",), names=_file),
        Source(("xcopa/{file}-{language}.jsonl",), _READ, names=_file),
    ),
    published={("en", "train"): 400, ("en", "dev"): 100} | {(code, "test"): 500 for code in LANGUAGES},
    notes=("XTREME-R's prepared test files have label 0 everywhere: a placeholder",),
).task(
    labels=("0", "1"),
    metric="accuracy",
    scorers=("accuracy",),
    suites=("xtreme-r",),
    group="classification",
    licence="CC-BY-4.0",
    source="https://github.com/cambridgeltl/xcopa",
    about="XCOPA, cause or effect; XTREME-R",
)
