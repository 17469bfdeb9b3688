"""SQuAD v1.1 exact match and token F1 (Rajpurkar et al. 2016).

English normalisation for every language, as XTREME does for XQuAD and TyDiQA (google-research/xtreme
third_party/evaluate_squad.py): lower case, no ASCII punctuation, no a/an/the, white space collapsed; the best over the
accepted answers.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from xbench.scorer import Ratio, Scorer

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """`text` as SQuAD compares it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def token_f1(answer: str, prediction: str) -> float:
    """F1 over the bags of white-space tokens of two normalised texts; 0 when they share none."""
    gold, found = normalise(answer).split(), normalise(prediction).split()
    shared = sum((Counter(gold) & Counter(found)).values())
    return 2 * shared / (len(gold) + len(found)) if shared else 0.0


def score(references: Sequence[str], predictions: Sequence[str]) -> dict[str, Ratio]:
    """Exact match and F1 per question; a reference is a JSON list of accepted answers."""
    exact, f1 = np.zeros(len(references)), np.zeros(len(references))
    for row, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
        answers: list[str] = json.loads(reference)
        exact[row] = max(normalise(a) == normalise(prediction) for a in answers)
        f1[row] = max(token_f1(a, prediction) for a in answers)
    ones = np.ones(len(references))
    return {"f1": (f1, ones), "exact_match": (exact, ones)}


SCORER = Scorer(version="1", score=score)
