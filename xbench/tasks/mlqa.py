"""MLQA: extractive question answering in seven languages, trained on English SQuAD 1.1 (Lewis et al. 2020).

Context and question are in one language. Parallel questions share their id, which is the cluster.
"""

from xbench.corpus import Corpus, Source
from xbench.formats import squad_json
from xbench.task import Split
from xbench.tasks import _xtreme
from xbench.tasks.xquad import SQUAD

# facebookresearch/MLQA README: development and test questions.
_SIZES = {
    "en": 11_590, "de": 4_517, "es": 5_254, "ar": 5_335, "zh": 5_137, "vi": 5_495, "hi": 4_918,
}  # fmt: skip
_PARTS: dict[Split, str] = {"train": "train", "dev": "validation", "test": "test"}


def _question(article: int, paragraph: int, question: str) -> str:
    return question


TASK = Corpus(
    folder="mlqa",
    family="qa",
    parallel=True,
    languages=_xtreme.MLQA,
    sources=(
        Source(SQUAD.paths, SQUAD.read, splits=("train",), languages=("en",)),
        Source(
            ("mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json",), squad_json(_question), splits=("dev", "test")
        ),
    ),
    hub=_xtreme.xtreme_hub(
        lambda language, split: f"MLQA.{language}.{language}" if split != "train" else "SQuAD" if language == "en" else None,
        _xtreme.question,
        _PARTS,
    ),
    published={("en", "train"): 87_599, ("en", "dev"): 1_148} | {(code, "test"): size for code, size in _SIZES.items()},
    notes=("zh predictions must not be de-tokenised by BERT's get_final_text: F1 falls to 19 (yuwfan/FILTER#2)",),
).task(
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("mlqa", "squad"),
    suites=("xtreme", "xtreme-r"),
    group="qa",
    licence="CC-BY-SA-3.0",
    source="https://github.com/facebookresearch/MLQA",
    about="MLQA, questions and contexts in one language; XTREME",
)
