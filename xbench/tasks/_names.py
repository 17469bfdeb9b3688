"""Names of countries and languages in many languages: pairs of words that mean the same, from CLDR (pip package language_data)."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata

from xbench.errors import DataError
from xbench.task import Split, Translation

LANGUAGES = ("ar", "cs", "de", "el", "es", "fi", "fr", "hi", "ko", "pl", "pt", "ru", "sw", "tr", "vi", "zh")
LICENCE = "Unicode-3.0 (CLDR)"
SOURCE = "pip package language_data"
_TERRITORIES = (
    "AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN CO CR CU "
    "CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FM FR GA GB GD GE GH GM GN GQ GR GT GW GY HN HR HT HU ID IE IL IN IQ "
    "IR IS IT JM JO JP KE KG KH KI KM KN KP KR KW KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MR MT MU "
    "MV MW MX MY MZ NA NE NG NI NL NO NP NR NZ OM PA PE PG PH PK PL PT PW PY QA RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN "
    "SO SR SS ST SV SY SZ TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VC VE VN VU WS YE ZA ZM ZW "
).split()
_LANGUAGES = (
    "aa ab af ak am ar as av ay az ba be bg bm bn bo br bs ca ce co cs cv cy da de dv dz ee el en eo es et eu fa ff fi fo fr "
    "fy ga gd gl gn gu gv ha he hi hr ht hu hy ia id ig is it ja jv ka ki kk kl km kn ko ks ku kw ky la lb lg ln lo lt lv mg "
    "mi mk ml mn mr ms mt my nb ne nl nn ny oc om or os pa pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr "
    "st su sv sw ta te tg th ti tk tn to tr tt ug uk ur uz vi wo xh yi yo zh zu "
).split()
_HELD_OUT = 40  # of a hundred items, those that only the test set has


@cache
def _name(code: str, territory: bool, language: str) -> str:
    from langcodes import Language

    if territory:
        return Language.make(territory=code).territory_name(language)
    return Language.get(code, normalize=False).language_name(language)


def load(language: str, split: Split) -> Sequence[Translation]:
    """Pairs of names, English first; an item is in the same split in every language. Names that are the same in both are left out.

    Raises:
        DataError: If there is no such language, or no such split.
    """
    if language not in LANGUAGES or split == "dev":
        raise DataError(f"names have no {split} split in {language!r}; train and test are {', '.join(LANGUAGES)}")
    found = []
    for territory, codes in ((True, _TERRITORIES), (False, _LANGUAGES)):
        for code in codes:
            item = f"{'territory' if territory else 'language'}-{code}"
            held_out = int(hashlib.sha256(item.encode()).hexdigest(), 16) % 100 < _HELD_OUT
            english, foreign = _name(code, territory, "en"), _name(code, territory, language)
            if held_out == (split == "test") and english.casefold() != foreign.casefold():
                found.append(Translation(item, item, english, foreign))
    return found


def revision() -> str:
    """The version of the package, and of the choice of items."""
    return f"language_data=={metadata.version('language_data')} 1"
