"""SQuAD 1.1 as intermediate task: extractive question answering in English (Rajpurkar et al. 2016)."""

from xbench.corpus import Corpus
from xbench.hub import Hub
from xbench.tasks import _xtreme
from xbench.tasks.xquad import SIZES, SQUAD

TASK = Corpus(
    folder="squad1",
    family="qa",
    languages=(),
    sources=(SQUAD,),
    hub=Hub(
        repository="rajpurkar/squad",
        place=lambda language, split: (None, "train" if split == "train" else "validation") if language == "en" else None,
        convert=_xtreme.question,
    ),
    published=SIZES,
    notes=("xquad and mlqa train on the same questions",),
).task(
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad",),
    licence="CC-BY-SA-4.0",
    source="https://rajpurkar.github.io/SQuAD-explorer",
    about="SQuAD 1.1, English questions; intermediate",
)
