"""Tatoeba: for each English sentence, the nearest of up to 1,000 sentences of another language (Artetxe and Schwenk 2019). No training.

The id of a sentence is its line in LASER's files, from 0, which is also XTREME's label.
"""

from collections.abc import Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import parallel_text
from xbench.task import Split
from xbench.tasks import _xtreme


def _code(language: str, split: Split) -> Mapping[str, str] | None:
    return {"code": _xtreme.ISO3[language]} if language in _xtreme.ISO3 else None


SOURCES = tuple(
    Source((f"{folder}/tatoeba.{{code}}-eng.{{code}}", f"{folder}/tatoeba.{{code}}-eng.eng"), parallel_text, splits=("test",), names=_code)
    for folder in ("tatoeba", "LASER/data/tatoeba/v1", "LASER-main/data/tatoeba/v1")
)
NOTES = (
    "XTREME's prepared English side is sorted, so its line numbers are not the labels (google-research/xtreme#21, #61); use LASER's files",
    "layer and pooling are part of the key: the published layer is not the script's (google-research/xtreme PR#104)",
)

TASK = Corpus(
    folder="tatoeba",
    family="retrieval",
    languages=_xtreme.TATOEBA,
    sources=SOURCES,
    hub=_xtreme.xtreme_hub(lambda language, split: f"tatoeba.{_xtreme.ISO3[language]}", _xtreme.translation, {"test": "validation"}),
    has_dev=False,
    published=_xtreme.TATOEBA_SIZES,
    notes=NOTES,
).task(
    metric="accuracy",
    scorers=("accuracy",),
    suites=("xtreme",),
    group="retrieval",
    licence="CC-BY-2.0-FR",
    source="https://github.com/facebookresearch/LASER, data/tatoeba/v1",
    about="Tatoeba, finding a translation; XTREME",
)
