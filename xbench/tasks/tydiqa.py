"""TyDiQA-GoldP: extractive question answering in nine languages, trained on its English part (Clark et al. 2020)."""

from collections.abc import Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import squad_json
from xbench.hub import Hub
from xbench.task import Question, Split
from xbench.tasks import _xtreme

_NAMES = dict(
    pair.split("=") for pair in "ar=arabic bn=bengali en=english fi=finnish id=indonesian ko=korean ru=russian sw=swahili te=telugu".split()
)


def _name(language: str, split: Split) -> Mapping[str, str] | None:
    return {"name": _NAMES[language]} if language in _NAMES else None


def _of(question: str, language: str) -> bool:
    return question.startswith(f"{_NAMES[language]}-")


def _question(article: int, paragraph: int, question: str) -> str:
    return question


class _Hub(Hub):
    """One configuration holds all languages; the language is the first word of the id."""

    def load(self, language: str, split: Split) -> list[Question]:
        return [e for e in super().load(language, split) if isinstance(e, Question) and _of(e.example_id, language)]


TASK = Corpus(
    folder="tydiqa",
    family="qa",
    languages=_xtreme.TYDIQA,
    sources=(
        Source(("tydiqa/tydiqa-goldp-v1.1-train.json",), squad_json(_question, _of), splits=("train",), names=_name),
        # Where XTREME's script moves that file. In its own tydiqa.goldp.LANGUAGE.train.json ids repeat: only their last number is left.
        Source(
            ("tydiqa/tydiqa-goldp-v1.1-train/tydiqa-goldp-v1.1-train.json",), squad_json(_question, _of), splits=("train",), names=_name
        ),
        Source(("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-{name}.json",), squad_json(_question), splits=("test",), names=_name),
        Source(("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json",), squad_json(_question), splits=("test",)),
    ),
    hub=_Hub(
        repository=_xtreme.REPOSITORY,
        place=lambda language, split: None if split == "dev" else ("tydiqa", "train" if split == "train" else "validation"),
        convert=_xtreme.question,
    ),
    published={("en", "train"): 3_696},
    has_dev=False,
    notes=(
        "the test set is TyDiQA-GoldP's development set, so there is none left for choices (google-research/xtreme#95)",
        "the paper counts 634 English questions, the data has 440",
    ),
).task(
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad",),
    suites=("xtreme", "xtreme-r"),
    group="qa",
    licence="Apache-2.0",
    source="https://github.com/google-research-datasets/tydiqa",
    about="TyDiQA-GoldP, questions written in each language; XTREME",
)
