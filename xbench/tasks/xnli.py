"""XNLI: natural language inference in fifteen languages, trained on English MultiNLI (Conneau et al. 2018).

The three hypotheses of a premise follow one another in the files, in every language, so a premise is a cluster.
"""

from xbench.corpus import Corpus, Source
from xbench.formats import pairs_table, pairs_tsv
from xbench.hub import Hub
from xbench.tasks import _xtreme

NAMES = {"contradictory": "contradiction"}


def premise(row: int) -> str:
    """Row in the file -> cluster."""
    return str(row // 3)


CORPUS = Corpus(
    folder="xnli",
    family="classification",
    parallel=True,
    languages=_xtreme.XNLI,
    sources=(
        Source(
            ("XNLI-1.0/xnli.{split}.tsv",),
            pairs_table("sentence1", "sentence2", "gold_label", cluster="promptID", language_column="language", labels=NAMES),
            splits=("dev", "test"),
        ),
        Source(
            ("XNLI-MT-1.0/multinli/multinli.train.{language}.tsv",),
            pairs_table("premise", "hypo", "label", labels=NAMES),
            splits=("train",),
        ),
        Source(("xnli/{split}-{language}.tsv",), pairs_tsv(premise, NAMES)),
    ),
    hub=Hub(
        repository="facebook/xnli",
        place=lambda language, split: (language, {"train": "train", "dev": "validation", "test": "test"}[split]),
        convert=_xtreme.pair("premise", "hypothesis", "label", premise),
    ),
    published={("en", "train"): 392_702, ("en", "dev"): 2_490} | {(code, "test"): 5_010 for code in _xtreme.XNLI},
    notes=("training data is MultiNLI: xnli after the intermediate mnli trains twice on the same sentences",),
)

TASK = CORPUS.task(
    labels=("entailment", "neutral", "contradiction"),
    metric="accuracy",
    scorers=("accuracy",),
    rows_a_cluster=3,
    suites=("xtreme", "xtreme-r"),
    group="classification",
    licence="CC-BY-NC-4.0",
    source="https://github.com/facebookresearch/XNLI",
    about="XNLI, three-way inference; XTREME",
)
