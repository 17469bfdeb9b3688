"""BUCC 2018: finding the translations in a comparable corpus of English and four languages (Zweigenbaum et al. 2018).

No training. XTREME's development set is BUCC's sample, its test set BUCC's training part, both with gold pairs.
"""

from collections.abc import Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import comparable_corpus
from xbench.task import Split
from xbench.tasks import _xtreme


def _file(language: str, split: Split) -> Mapping[str, str]:
    return {"file": "sample" if split == "dev" else "training"}


TASK = Corpus(
    folder="bucc2018",
    family="mining",
    languages=_xtreme.BUCC,
    sources=(
        Source(
            tuple(f"bucc2018/{{language}}-en/{{language}}-en.{{file}}.{end}" for end in ("{language}", "en", "gold")),
            comparable_corpus,
            splits=("dev", "test"),
            names=_file,
        ),
        Source(
            tuple(f"bucc2018/{{language}}-en.{{split}}.{end}" for end in ("{language}", "en", "gold")),
            comparable_corpus,
            splits=("dev", "test"),
        ),
    ),
    notes=(
        "XTREME's download script deletes the gold pairs of the test set; BUCC's training-gold archive has them",
        "sentences that occur twice: XTREME drops them, jiant counts every pair (recipe: retrieval_duplicates)",
        "layer and pooling decide the number; XTREME's script and paper disagree on them (google-research/xtreme PR#104)",
    ),
).task(
    metric="f1",
    scorers=("mining-f1",),
    suites=("xtreme",),
    group="retrieval",
    licence="free for research, see the site",
    source="https://comparable.lisn.upsaclay.fr/bucc2018",
    about="BUCC 2018, mining translations; XTREME",
)
