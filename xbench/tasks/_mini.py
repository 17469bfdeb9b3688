"""The parallel set of data/mini: one file a split and language, test items translated by hand (data/SOURCES.md)."""

from collections.abc import Callable
from pathlib import Path

from xbench import share
from xbench.errors import DataError
from xbench.readers import content_hash, read_conllu, read_jsonl
from xbench.task import Classified, Question, Split, Tagged, Translation

LANGUAGES = ("ar", "cs", "de", "en", "es", "fi", "hi", "sw", "tr", "zh")
LICENCE = "CC0-1.0"
SOURCE = "data/mini (xbench)"


def file(kind: str, language: str, split: Split) -> Path:
    """The file of one part.

    Raises:
        DataError: If the set has no such language, or no such split in it: only English has train and dev.
    """
    if language not in LANGUAGES or (language != "en" and split != "test"):
        raise DataError(f"data/mini has no {split} split in {language!r}; train and dev are English, test is {', '.join(LANGUAGES)}")
    return share.folder("data") / "mini" / kind / f"{split}.{language}.{'conllu' if kind == 'tagged' else 'jsonl'}"


def revision(kind: str) -> Callable[[], str]:
    """A function that hashes every file of `kind`."""
    return lambda: content_hash((share.folder("data") / "mini" / kind).iterdir())


def tagged(column: str) -> Callable[[str, Split], list[Tagged]]:
    """A loader of the tagged sentences, labelled by `column`: upos or ner."""

    def load(language: str, split: Split) -> list[Tagged]:
        return [Tagged(s.sentence_id, s.sentence_id, s.tokens, getattr(s, column)) for s in read_conllu(file("tagged", language, split))]

    return load


def translations(language: str, split: Split) -> list[Translation]:
    """The tagged test sentences as English-foreign pairs, in the order of the English file."""
    foreign = {s.sentence_id: s.text for s in read_conllu(file("tagged", language, split))}
    english = read_conllu(file("tagged", "en", split))
    lost = sorted(foreign.keys() ^ {s.sentence_id for s in english})
    if lost:
        raise DataError(f"data/mini/tagged: {language} and en do not have the same {split} sentences", lost)
    return [Translation(s.sentence_id, s.sentence_id, s.text, foreign[s.sentence_id]) for s in english]


def pairs(kind: str, first: str, second: str) -> Callable[[str, Split], list[Classified]]:
    """A loader of labelled sentence pairs, in fields `first` and `second`."""

    def load(language: str, split: Split) -> list[Classified]:
        rows = read_jsonl(file(kind, language, split), ("id", first, second, "label"))
        return [Classified(r["id"], r["id"], r[first], r[second], r["label"]) for r in rows]

    return load


def questions(language: str, split: Split) -> list[Question]:
    """The questions; they are resampled by paragraph, the same in every language."""
    rows = read_jsonl(file("qa", language, split), ("id", "paragraph", "context", "question", "answer"))
    return [Question(r["id"], r["paragraph"], r["question"], r["context"], (r["answer"],), r["context"].find(r["answer"])) for r in rows]
