"""ANLI+: SNLI, MultiNLI and the three rounds of Adversarial NLI as one set under one head (jiant guides/tasks/task_specific.md).

All examples in one set, drawn without regard to where they come from, is proportional sampling. Pairs without a gold label are left out.
"""

from collections.abc import Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import joined, pairs_jsonl
from xbench.task import Split
from xbench.tasks.mnli import JSONL

_ROUNDS = {"e": "entailment", "n": "neutral", "c": "contradiction"}


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "train" if split == "train" else "dev_matched"}


TASK = Corpus(
    folder="anli-plus",
    family="classification",
    languages=(),
    sources=(
        Source(
            (
                "snli_1.0/snli_1.0_{split}.jsonl",
                "multinli_1.0/multinli_1.0_{file}.jsonl",
                *(f"anli_v1.0/R{number}/{{split}}.jsonl" for number in (1, 2, 3)),
            ),
            joined(
                {
                    "snli": JSONL,
                    "multinli": JSONL,
                    "": pairs_jsonl("context", "hypothesis", "label", row_id="uid", labels=_ROUNDS),
                }
            ),
            splits=("train", "dev"),
            languages=("en",),
            names=_file,
        ),
    ),
    notes=("jiant counts 1,104,934 training pairs, from memory and unverified",),
).task(
    labels=("entailment", "neutral", "contradiction"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="SNLI CC-BY-SA-4.0, MultiNLI OANC and others, ANLI CC-BY-NC-4.0",
    source="https://github.com/facebookresearch/anli",
    about="SNLI + MultiNLI + ANLI, English inference; intermediate",
)
