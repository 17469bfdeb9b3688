"""Tatoeba as XTREME-R has it: tatoeba and five more languages."""

from xbench.corpus import Corpus
from xbench.tasks import _xtreme
from xbench.tasks.tatoeba import NOTES, SOURCES

TASK = Corpus(
    folder="tatoeba",
    family="retrieval",
    languages=_xtreme.TATOEBA_R,
    sources=SOURCES,
    has_dev=False,
    published=_xtreme.TATOEBA_SIZES,
    notes=NOTES,
).task(
    metric="accuracy",
    scorers=("accuracy",),
    suites=("xtreme-r",),
    group="retrieval",
    licence="CC-BY-2.0-FR",
    source="https://github.com/facebookresearch/LASER, data/tatoeba/v1",
    about="Tatoeba with the languages of XTREME-R",
)
