"""What the XTREME tasks share: language lists (google-research/xtreme evaluate.py) and how rows of the hub become examples.

The hub's google/xtreme holds all nine tasks; its configurations are named as in its data set card.
"""

from collections.abc import Callable, Mapping
from typing import Any

from xbench.hub import Convert, Hub
from xbench.task import Classified, Question, Split, Tagged, Translation

REPOSITORY = "google/xtreme"
XNLI = tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split())
PAWSX = tuple("de en es fr ja ko zh".split())
UDPOS = tuple("af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh".split())
PANX = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh".split()
)
XQUAD = tuple("ar de el en es hi ru th tr vi zh".split())
MLQA = tuple("ar de en es hi vi zh".split())
TYDIQA = tuple("ar bn en fi id ko ru sw te".split())
BUCC = tuple("de fr ru zh".split())
TATOEBA = tuple(sorted(set(PANX) - {"en", "ms", "my", "yo"}))
# What XTREME-R adds (evaluate.py, XTREME_R_TASK2LANGS).
UDPOS_R = tuple(sorted((*UDPOS, "lt", "pl", "ro", "uk", "wo")))
PANX_R = tuple(sorted((*PANX, "az", "gu", "lt", "pa", "pl", "qu", "ro", "uk")))
XQUAD_R = tuple(sorted((*XQUAD, "ro")))
TATOEBA_R = tuple(sorted((*TATOEBA, "az", "lt", "pl", "ro", "uk")))

# ISO 639-1 to the codes of LASER's Tatoeba files (utils_preprocess.py, tatoeba_preprocess).
ISO3 = dict(
    pair.split("=")
    for pair in (
        "af=afr ar=ara bg=bul bn=ben de=deu el=ell es=spa et=est eu=eus fa=pes fi=fin fr=fra he=heb hi=hin hu=hun id=ind it=ita ja=jpn "
        "jv=jav ka=kat kk=kaz ko=kor ml=mal mr=mar nl=nld pt=por ru=rus sw=swh ta=tam te=tel th=tha tl=tgl tr=tur ur=urd vi=vie zh=cmn "
        "az=aze lt=lit pl=pol uk=ukr ro=ron"
    ).split()
)

# Lines of LASER's files; all others have 1,000.
_SHORT = {"jv": 205, "ka": 746, "kk": 575, "ml": 687, "sw": 390, "ta": 307, "te": 234, "th": 548}
TATOEBA_SIZES = {(code, "test"): _SHORT.get(code, 1_000) for code in ISO3}

# The hub names the udpos configurations by language.
UD_NAMES = dict(
    pair.split("=")
    for pair in (
        "af=Afrikaans ar=Arabic bg=Bulgarian de=German el=Greek en=English es=Spanish et=Estonian eu=Basque fa=Persian fi=Finnish "
        "fr=French he=Hebrew hi=Hindi hu=Hungarian id=Indonesian it=Italian ja=Japanese kk=Kazakh ko=Korean mr=Marathi nl=Dutch "
        "pt=Portuguese ru=Russian ta=Tamil te=Telugu th=Thai tl=Tagalog tr=Turkish ur=Urdu vi=Vietnamese yo=Yoruba zh=Chinese"
    ).split()
)
_PARTS = {"train": "train", "dev": "validation", "test": "test"}


def xtreme_hub(configuration: Callable[[str, Split], str | None], convert: Convert, parts: Mapping[Split, str] | None = None) -> Hub:
    """A task of google/xtreme.

    Args:
        configuration: (language, split) -> name of the configuration; None where there is none.
        convert: Row -> example.
        parts: Our split -> the hub's, where the names differ from train, validation, test.
    """

    def place(language: str, split: Split) -> tuple[str | None, str] | None:
        name, part = configuration(language, split), (parts or _PARTS).get(split)
        return None if name is None or part is None else (name, part)

    return Hub(repository=REPOSITORY, place=place, convert=convert)


def tagged(column: str) -> Convert:
    """Tokens and class numbers, whose names stand in the features."""

    def convert(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Tagged:
        names = features[column].feature.names
        return Tagged(str(number), str(number), tuple(row["tokens"]), tuple(names[i] for i in row[column]))

    return convert


def pair(
    text: str, other: str, label: str, cluster: Callable[[int], str], names: Mapping[str, str] | None = None, row_id: str | None = None
) -> Convert:
    """A pair of texts; a class number is turned into its name."""

    def convert(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Classified | None:
        value = row[label]
        if isinstance(value, int):
            if value < 0:  # the hub's mark for no gold label
                return None
            value = features[label].names[value]
        number = int(row[row_id]) if row_id else number
        return Classified(str(number), cluster(number), row[text], row[other], (names or {}).get(value, value))

    return convert


def question(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Question:
    """SQuAD's fields; each question is its own cluster.

    The hub's XTREME has paragraphs and answers without the white space around them, and places counted with it (google/xtreme, xtreme.py;
    for SQuAD alone huggingface/datasets#2586 put this right): an answer is where it stands nearest to the place that is said.
    """
    context, answers = str(row["context"]), tuple(row["answers"]["text"])
    start = int(row["answers"]["answer_start"][0]) if answers else -1
    if answers and not context.startswith(answers[0], start):
        places = [found for found in (context.rfind(answers[0], 0, start + len(answers[0])), context.find(answers[0], start)) if found >= 0]
        start = min(places, key=lambda place: abs(place - start), default=start)
    return Question(str(row["id"]), str(row["id"]), row["question"], context, answers, start)


def translation(row: Mapping[str, Any], number: int, features: Mapping[str, Any]) -> Translation:
    """Source is the foreign sentence, target the English one."""
    return Translation(str(number), str(number), row["target_sentence"], row["source_sentence"])
