"""CCG supertagging as intermediate task: the categories of CCGbank (Hockenmaier and Steedman 2007).

Its licence is LDC's, so nothing downloads it. The label set is what the files use; what development data alone has is hardly predicted.
"""

import contextlib

from xbench.corpus import Corpus, Source
from xbench.errors import DataError
from xbench.formats import supertags, tagged_tsv
from xbench.task import Tagged

CORPUS = Corpus(
    folder="ccg",
    family="tagging",
    languages=(),
    sources=(
        Source(("ccg/{split}.stagged",), supertags, splits=("train", "dev"), languages=("en",)),
        Source(("ccg/{split}.tsv",), tagged_tsv, splits=("train", "dev"), languages=("en",)),
    ),
    notes=("jiant counts 1,363 labels and 38,015 training sentences (the latter from memory)",),
)


def _labels() -> tuple[str, ...]:
    found = list(CORPUS.load("en", "train"))
    with contextlib.suppress(DataError):  # that it is missing or broken is said where it is used
        found += CORPUS.load("en", "dev")
    return tuple(sorted({label for e in found if isinstance(e, Tagged) for label in e.labels}))


TASK = CORPUS.task(
    labels_of=_labels,
    metric="accuracy",
    scorers=("token-accuracy",),
    licence="LDC2005T13",
    source="https://catalog.ldc.upenn.edu/LDC2005T13",
    about="CCG supertags, English; intermediate",
)
