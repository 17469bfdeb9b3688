"""XQuAD: extractive question answering in eleven languages, trained on English SQuAD 1.1 (Artetxe et al. 2020)."""

from xbench.corpus import Corpus, Source
from xbench.formats import squad_json
from xbench.task import Split
from xbench.tasks import _xtreme

NOTES = (
    "there is no development set: choices are made on SQuAD 1.1's",
    "after the intermediate squad1 it trains twice on the same questions",
)
SQUAD = Source(("squad/{split}-v1.1.json",), squad_json(), splits=("train", "dev"), languages=("en",))
SOURCES = (SQUAD, Source(("xquad/xquad.{language}.json",), squad_json(), splits=("test",)))
SIZES: dict[tuple[str, str], int] = {("en", "train"): 87_599, ("en", "dev"): 10_570}
_PARTS: dict[Split, str] = {"train": "train", "dev": "validation", "test": "validation"}  # XQuAD's only split is called validation

TASK = Corpus(
    folder="xquad",
    family="qa",
    parallel=True,
    by_paragraph=True,
    languages=_xtreme.XQUAD,
    sources=SOURCES,
    hub=_xtreme.xtreme_hub(
        lambda language, split: f"XQuAD.{language}" if split == "test" else "SQuAD" if language == "en" else None, _xtreme.question, _PARTS
    ),
    published=SIZES | {(code, "test"): 1_190 for code in _xtreme.XQUAD},
    notes=NOTES,
).task(
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad",),
    suites=("xtreme",),
    group="qa",
    licence="CC-BY-SA-4.0",
    source="https://github.com/google-deepmind/xquad",
    about="XQuAD, professional translations of SQuAD; XTREME",
)
