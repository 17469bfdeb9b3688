"""SQuAD 2.0 as intermediate task: some questions have no answer in their paragraph (Rajpurkar et al. 2018)."""

from xbench.corpus import Corpus, Source
from xbench.formats import squad_json
from xbench.hub import Hub
from xbench.tasks import _xtreme

TASK = Corpus(
    folder="squad2",
    family="qa",
    languages=(),
    sources=(
        Source(("squad/{split}-v2.0.json",), squad_json(), splits=("train", "dev"), languages=("en",)),
        Source(("squad2/{split}-v2.0.json",), squad_json(), splits=("train", "dev"), languages=("en",)),
    ),
    hub=Hub(
        repository="rajpurkar/squad_v2",
        place=lambda language, split: (None, "train" if split == "train" else "validation") if language == "en" else None,
        convert=_xtreme.question,
    ),
    published={("en", "train"): 130_319, ("en", "dev"): 11_873},
).task(
    labels=("no-answer",),  # the head may say so
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad2",),
    licence="CC-BY-SA-4.0",
    source="https://rajpurkar.github.io/SQuAD-explorer",
    about="SQuAD 2.0, English questions, some without an answer; intermediate",
)
