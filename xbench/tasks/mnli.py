"""MultiNLI as intermediate task: three-way inference in English (Williams et al. 2018)."""

from collections.abc import Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import pairs_jsonl, pairs_table
from xbench.hub import Hub
from xbench.task import Split
from xbench.tasks import _xtreme


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "train" if split == "train" else "dev_matched"}


JSONL = pairs_jsonl("sentence1", "sentence2", "gold_label", row_id="pairID", drop="-")

TASK = Corpus(
    folder="mnli",
    family="classification",
    languages=(),
    sources=(
        Source(("multinli_1.0/multinli_1.0_{file}.jsonl",), JSONL, splits=("train", "dev"), languages=("en",), names=_file),
        Source(
            ("MNLI/{file}.tsv",),
            pairs_table("sentence1", "sentence2", "gold_label"),
            splits=("train", "dev"),
            languages=("en",),
            names=_file,
        ),
    ),
    hub=Hub(
        repository="nyu-mll/glue",
        place=lambda language, split: ("mnli", "train" if split == "train" else "validation_matched") if language == "en" else None,
        convert=_xtreme.pair("premise", "hypothesis", "label", str),
    ),
    published={("en", "train"): 392_702, ("en", "dev"): 9_815},
    notes=("xnli trains on the same sentences",),
).task(
    labels=("entailment", "neutral", "contradiction"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="OANC and others, see the corpus",
    source="https://cims.nyu.edu/~sbowman/multinli",
    about="MultiNLI, English inference; intermediate",
)
