"""UD part-of-speech tagging as XTREME-R has it: udpos and five more languages, those from Universal Dependencies 2.7."""

from xbench.corpus import Corpus
from xbench.readers import UPOS
from xbench.tasks import _xtreme
from xbench.tasks.udpos import NOTES, RULES, SCORERS, WITHOUT_DEV, sources

TASK = Corpus(
    folder="udpos",
    family="tagging",
    languages=_xtreme.UDPOS_R,
    sources=sources(lambda language: "2.5" if language in _xtreme.UDPOS else "2.7"),
    published={("en", "train"): 21_253, ("en", "dev"): 3_974},
    without_dev=WITHOUT_DEV,
    notes=(*NOTES, "XTREME-R's own training script leaves wo out; evaluate.py wants it"),
).task(
    labels=UPOS,
    metric="f1",
    scorers=SCORERS,
    rules=RULES,
    suites=("xtreme-r",),
    group="tagging",
    licence="each treebank has its own, see its README",
    source="https://universaldependencies.org, releases 2.5 and 2.7",
    about="UD-POS with the languages of XTREME-R",
)
