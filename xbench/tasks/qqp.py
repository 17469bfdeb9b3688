"""Quora Question Pairs as intermediate task: whether two English questions mean the same (GLUE's split)."""

from xbench.corpus import Corpus, Source
from xbench.formats import pairs_table
from xbench.hub import Hub
from xbench.tasks import _xtreme

TASK = Corpus(
    folder="qqp",
    family="classification",
    languages=(),
    sources=(
        Source(
            ("QQP/{split}.tsv",),
            pairs_table("question1", "question2", "is_duplicate", short="skip"),
            splits=("train", "dev"),
            languages=("en",),
        ),
    ),
    hub=Hub(
        repository="nyu-mll/glue",
        place=lambda language, split: ("qqp", "train" if split == "train" else "validation") if language == "en" else None,
        convert=_xtreme.pair("question1", "question2", "label", str, {"not_duplicate": "0", "duplicate": "1"}),
    ),
    published={("en", "train"): 363_846, ("en", "dev"): 40_430},
    notes=("some rows of GLUE's file are broken off; they are left out, as in the hub's version",),
).task(
    labels=("0", "1"),
    metric="accuracy",
    scorers=("accuracy", "binary-f1"),
    selected_on=("accuracy", "f1"),
    licence="Quora terms of service, non-commercial",
    source="https://gluebenchmark.com",
    about="Quora Question Pairs, English paraphrase; intermediate",
)
