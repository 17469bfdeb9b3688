"""MLQA exact match and token F1 (Lewis et al. 2020): a rule for each of its seven languages.

facebookresearch/MLQA mlqa_evaluation_v1.py, as google-research/xtreme third_party/evaluate_mlqa.py: lower case, no punctuation of any
script, no articles of the language, white-space tokens; in Chinese each ideograph is a token. An oddity of the reference is part of the
published numbers and kept: Arabic loses the letters alif-lam wherever they stand.
"""

import re
import string
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

from xbench import answers
from xbench.scorer import Ratio, Scorer

_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "hi": None,
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
    "zh": None,
}
LANGUAGES = tuple(_ARTICLES)
_IDEOGRAPH = re.compile(r"([\u4e00-\u9fa5])")


@cache
def _punctuation() -> dict[int, None]:
    points = (i for i in range(sys.maxunicode) if unicodedata.category(chr(i)).startswith("P"))
    return dict.fromkeys([*points, *map(ord, string.punctuation)])


def normalise(texts: Sequence[str], language: str) -> list[str]:
    """The texts as MLQA compares them in `language`."""
    articles = _ARTICLES[language]

    def change(text: str) -> str:
        plain = text.lower().translate(_punctuation())
        if articles:
            plain = re.sub(articles, " ", plain)
        return _IDEOGRAPH.sub(r" \1 ", plain) if language == "zh" else plain

    return [" ".join(t.split()) for t in answers.in_one_pass(texts, change)]


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Exact match and F1 per question; a reference is a JSON list of accepted answers.

    Raises:
        ValueError: If `language` is not one of MLQA's seven.
    """
    if language not in _ARTICLES:
        raise ValueError(f"MLQA has no rule for language {language!r}; it has {', '.join(LANGUAGES)}")
    return answers.score(references, predictions, lambda texts: normalise(texts, language))


SCORER = Scorer(version="1", score=score)
