"""UD part-of-speech tagging in 33 languages, from Universal Dependencies 2.5, trained on English (Nivre et al. 2018; XTREME)."""

from collections.abc import Callable, Mapping

from xbench.corpus import Corpus, Source
from xbench.formats import tagged_tsv, treebanks
from xbench.readers import UPOS
from xbench.task import Split
from xbench.tasks import _xtreme

# XTREME publishes the first of these numbers; the second is what an unpinned seqeval makes of the same tags.
SCORERS = ("pos-chunk-f1", "pos-chunk-f1-seqeval-1", "token-accuracy")
RULES = (("seqeval-1.2.2", "pos-chunk-f1-seqeval-1"),)
WITHOUT_DEV = ("kk", "th", "tl", "yo")
NOTES = (
    "the published F1 is over runs of equal tags (seqeval 0.0.12), not token accuracy",
    "multiword tokens are one token, as in XTREME; the hub's google/xtreme splits them, so its numbers are of other tokens",
    "kk, th, tl and yo have no development set: choices are made on English",
    "yo is not among the languages that XLM-R was trained on, and ja and zh score low for it (google-research/xtreme#84)",
)


def sources(release: Callable[[str], str]) -> tuple[Source, ...]:
    """Layouts of the treebanks; `release` gives the version of Universal Dependencies for a language."""

    def names(language: str, split: Split) -> Mapping[str, str]:
        return {"release": release(language)}

    return (
        Source(("ud-treebanks-v{release}/*/{language}_*-ud-{split}.conllu",), treebanks, names=names),
        Source(("udpos/{split}-{language}.tsv",), tagged_tsv),
    )


TASK = Corpus(
    folder="udpos",
    family="tagging",
    languages=_xtreme.UDPOS,
    sources=sources(lambda language: "2.5"),
    hub=_xtreme.xtreme_hub(lambda language, split: f"udpos.{_xtreme.UD_NAMES[language]}", _xtreme.tagged("pos_tags")),
    published={("en", "train"): 21_253, ("en", "dev"): 3_974},
    without_dev=WITHOUT_DEV,
    notes=NOTES,
).task(
    labels=UPOS,
    metric="f1",
    scorers=SCORERS,
    rules=RULES,
    suites=("xtreme",),
    group="tagging",
    licence="each treebank has its own, see its README",
    source="https://universaldependencies.org, release 2.5",
    about="UD-POS, 17 universal tags; XTREME",
)
