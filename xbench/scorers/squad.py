"""SQuAD v1.1 exact match and token F1 (Rajpurkar et al. 2016).

English normalisation for every language, as XTREME does for XQuAD and TyDiQA (google-research/xtreme
third_party/evaluate_squad.py): lower case, no ASCII punctuation, no a/an/the, white space collapsed; the best over the
accepted answers.
"""

import re
import string
from collections.abc import Sequence

from xbench import answers
from xbench.scorer import Ratio, Scorer

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(texts: Sequence[str]) -> list[str]:
    """The texts as SQuAD compares them."""
    return [" ".join(t.split()) for t in answers.in_one_pass(texts, lambda s: _ARTICLES.sub(" ", s.lower().translate(_PUNCTUATION)))]


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Exact match and F1 per question; a reference is a JSON list of accepted answers."""
    return answers.score(references, predictions, normalise)


SCORER = Scorer(version="1", score=score)
