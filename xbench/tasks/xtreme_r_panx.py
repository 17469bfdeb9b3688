"""PAN-X as XTREME-R has it: panx and eight more languages."""

from xbench.corpus import Corpus
from xbench.readers import IOB2
from xbench.tasks import _xtreme
from xbench.tasks.panx import SOURCES

TASK = Corpus(
    folder="panx",
    family="tagging",
    languages=_xtreme.PANX_R,
    sources=SOURCES,
    published={("en", "train"): 20_000, ("en", "dev"): 10_000},
).task(
    labels=IOB2,
    metric="f1",
    scorers=("span-f1", "span-f1-strict"),
    suites=("xtreme-r",),
    group="tagging",
    licence="ODC-BY (text: CC-BY-SA-3.0, Wikipedia)",
    source="https://github.com/afshinrahimi/mmner",
    about="PAN-X with the languages of XTREME-R",
)
