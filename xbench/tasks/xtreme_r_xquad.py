"""XQuAD as XTREME-R has it: xquad and Romanian."""

from xbench.corpus import Corpus
from xbench.tasks import _xtreme
from xbench.tasks.xquad import NOTES, SIZES, SOURCES

TASK = Corpus(
    folder="xquad",
    family="qa",
    parallel=True,
    by_paragraph=True,
    languages=_xtreme.XQUAD_R,
    sources=SOURCES,
    published=SIZES | {(code, "test"): 1_190 for code in _xtreme.XQUAD_R},
    notes=NOTES,
).task(
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad",),
    suites=("xtreme-r",),
    group="qa",
    licence="CC-BY-SA-4.0",
    source="https://github.com/google-deepmind/xquad",
    about="XQuAD with Romanian, as in XTREME-R",
)
