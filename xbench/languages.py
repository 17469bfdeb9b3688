"""Language codes in one spelling: BCP 47, the shortest code, a script only where it is not the usual one.

`deu`, `ger`, `deu-Latn` and `de` are all `de`; `cmn-Hans` is `zh`; `srp-Latn` is `sr-Latn`. A pair (a bitext, a question in another
language than its context) is two codes with a slash, in the order of its source: `et/en`. A mean over languages is `mul`.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from xbench.errors import DataError

MANY = "mul"  # ISO 639-2: multiple languages; here a mean that a source printed without its parts
UNSAID = ("unknown", MANY)  # of a training language: which languages had labels is not known
# langcodes follows CLDR, which says fil for what ISO 639-1, XTREME and most data sets call tl.
_CALLED = {"fil": "tl"}
# Retired into another code, or taken for all of a larger language by CLDR, but told apart by data sets that have both: kzj and dtp
# (Tatoeba); twi and aka (FLORES-200), fat beside them; mup and raj (IndicGenBench); zai and zap (BibleNLP).
_KEPT = {"kzj": "kzj", "twi": "tw", "tw": "tw", "fat": "fat", "mup": "mup", "zai": "zai"}
_NAMED = {"fante": "fat", "malvi": "mup", "isthmus zapotec": "zai"}  # of these
# How some sources write the usual script of a language: MTEB says jpn-Hira and kor-Hang.
_SAME_SCRIPT = {("ja", "Hira"): "Jpan", ("ko", "Hang"): "Kore"}
_LONGEST = 35  # characters: BCP 47 (RFC 5646, 4.4.1)
_LONGEST_NAME = 100


@lru_cache(maxsize=65536)
def normal(code: str) -> str:
    """The one spelling of a language code, or of two with a slash between them.

    Raises:
        DataError: If it is no language; the message proposes what may be meant.
    """
    if "/" in code:
        parts = [normal(part) for part in code.split("/")]
        if len(parts) != 2:
            raise DataError(f"language {code!r}: a pair is two codes with one slash")
        return parts[0] if parts[0] == parts[1] else "/".join(parts)
    return _one(code)


def pair(first: str, second: str) -> str:
    """Two languages as one value, in this order; one code where both are the same."""
    return normal(f"{first}/{second}")


def known(code: str) -> bool:
    """Whether `code` is a language, or a pair of two."""
    try:
        normal(code)
    except DataError:
        return False
    return True


def shared(codes: Sequence[str]) -> str | None:
    """That one of several languages which all of them are: `no` of nb, nn and no, `pt` of pt and pt-PT; None if there is none."""
    from langcodes.data_dicts import MACROLANGUAGES

    every = {normal(code) for code in codes} if all(map(known, codes)) else set()
    found = {MACROLANGUAGES.get(base, base) for base in (code.partition("-")[0] for code in every)}
    return found.pop() if len(found) == 1 and found <= every else None


def labelled(code: str, train_language: str) -> bool:
    """Whether a language is the one that had labels in training, or of several one of them."""
    return code in train_language.split("+")


def zero_shot(code: str, train_language: str) -> bool:
    """Whether a language is known to have had no labels in training.

    Args:
        code: The language.
        train_language: That of the training, of several with a plus between them; `none` is no training.
    """
    return code != MANY and train_language not in UNSAID and not labelled(code, train_language)


def both(first: str, second: str | None) -> str:
    """The training languages of two systems as of one, whose labels are those of either; not known if one of them is not."""
    for one in (first, second):
        if one in UNSAID:
            return one
    return "+".join(dict.fromkeys("+".join(filter(None, (first, second))).split("+")))


def _one(code: str) -> str:
    import langcodes

    text = code.strip()
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST):
        raise DataError(f"language {code[:_LONGEST]!r} is unknown; expected ISO 639-1, ISO 639-3 or BCP 47")
    try:
        standard = langcodes.standardize_tag(text, macro=True)
        valid = langcodes.tag_is_valid(text)
    except ValueError:  # LanguageTagError is one
        valid = False
    if not valid:
        raise DataError(f"language {text!r} is unknown{_suggestion(text)}")
    language = langcodes.Language.get(standard, normalize=False)
    if not (language.language or "").isalpha():  # und, or a region alone
        raise DataError(f"language {code!r} is none; expected ISO 639-1, ISO 639-3 or BCP 47")
    if language.extlangs:  # `est-eng` parses as a dialect, and is a pair
        raise DataError(f"language {code!r} is unknown; a pair of languages is written {code.replace('-', '/')!r}")
    if (parts := re.fullmatch(r"([a-z]{2,3})[-_]([a-z]{2})", text)) and _spoken(parts[2]) == parts[2] != parts[1]:
        first, second = parts.groups()
        raise DataError(
            f"language {code!r} is a pair or a region; the pair is written '{first}/{second}', the region '{first}-{second.upper()}'"
        )
    base = _KEPT.get(re.split("[-_]", text)[0].lower()) or _CALLED.get(language.language or "und", language.language or "und")
    script = _SAME_SCRIPT.get((base, language.script or ""), language.script)
    usual = langcodes.Language.get(base, normalize=False).maximize().script
    return "-".join(part for part in (base, None if script == usual else script, language.territory, *(language.variants or [])) if part)


def locale(code: str, region: str) -> bool:
    """Whether two codes may be a language and where it is spoken (pt br), and not two languages.

    A region that has the code of its own language stands for that (en de); `es la` is the Spanish of Latin America, not of Laos.
    """
    import langcodes

    place = langcodes.Language.get(f"{code}-{region.upper()}")
    return (code, region) == ("es", "la") or (_spoken(region) != region and place.speaking_population() > 0)


def called(language: str, over: str | None, *, several: bool) -> str:
    """A language; a mean over others by what it is over, where there are several."""
    return f"{language} over {over}" if over and several else language


def _spoken(country: str) -> str | None:
    """The language of a country: `de` of DE, and of CH."""
    import langcodes

    return langcodes.Language.get(f"und-{country.upper()}").maximize().language


def named(name: str) -> str:
    """The tag of the language that goes by a name, as langcodes has it.

    Raises:
        LookupError: If none does.
    """
    import langcodes

    # Its trie of names reads beyond the end (SystemError), and takes quadratic time.
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise LookupError(f"{name[:_LONGEST_NAME]!r} is no name")
    return _NAMED.get(name.strip().casefold()) or langcodes.find(name).to_tag()


def _suggestion(text: str) -> str:
    """What may be meant: the language of a country's code (jp: ja), or the one of that name."""
    if len(text) == 2 and text.isalpha():
        likely = _spoken(text)
        if likely not in (None, "und", "en"):
            return f"; {text.upper()} is a country, its language is {normal(str(likely))!r}"
    try:
        return f"; did you mean {normal(named(text))!r}?"
    except LookupError:
        return "; expected ISO 639-1, ISO 639-3 or BCP 47"
