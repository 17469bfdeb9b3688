"""MultiNLI machine-translated into XNLI's languages, all at once, as intermediate task (Conneau et al. 2018, translate-train).

The files are XNLI's own translations, XNLI-MT-1.0; put other translations of the same form in their place to use those.
`train_language` is `mul`, ISO 639-2 for multiple languages.
"""

from xbench.corpus import Corpus, Source
from xbench.formats import joined, pairs_table
from xbench.tasks import _xtreme
from xbench.tasks.xnli import NAMES

TASK = Corpus(
    folder="mnli-translated",
    family="classification",
    languages=(),
    train_language="mul",
    sources=(
        Source(
            tuple(f"XNLI-MT-1.0/multinli/multinli.train.{code}.tsv" for code in _xtreme.XNLI),
            joined({"multinli.train.": pairs_table("premise", "hypo", "label", labels=NAMES)}),
            splits=("train",),
            languages=("mul",),
        ),
    ),
    has_dev=False,
    published={("mul", "train"): 392_702 * len(_xtreme.XNLI)},
).task(
    labels=("entailment", "neutral", "contradiction"),
    metric="accuracy",
    scorers=("accuracy",),
    licence="CC-BY-NC-4.0",
    source="https://github.com/facebookresearch/XNLI",
    about="MultiNLI in fifteen languages by machine translation; intermediate",
)
