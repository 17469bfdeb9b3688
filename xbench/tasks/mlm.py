"""Masked language modelling on plain text of XTREME's forty languages, as part of a mixture (Devlin et al. 2019).

The user gives the text: mlm/LANGUAGE.txt, a text a line. All languages are drawn from as one set.
"""

from xbench.corpus import Corpus, Source
from xbench.formats import plain_text
from xbench.tasks import _xtreme

TASK = Corpus(
    folder="mlm",
    family="mlm",
    languages=_xtreme.PANX,
    sources=(Source(("mlm/{language}.txt",), plain_text, splits=("train",)),),
    has_dev=False,
).task(
    metric="",
    scorers=(),
    licence="that of the user's text",
    source="the user's data folder",
    about="masked language modelling in forty languages; part of a mixture",
)
