"""F1 of the label `1` among two, as GLUE has it for paraphrases (jiant/tasks/evaluate/core.py, AccAndF1EvaluationScheme)."""

from collections.abc import Sequence

import numpy as np

from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Numerator 2 where both say `1`; denominator how many of the two do. F1 is not defined where neither ever does."""
    ones = [(gold == "1", said == "1") for gold, said in zip(references, predictions, strict=True)]
    gold, said = np.array(ones, np.float64).reshape(-1, 2).T
    return {"f1": (2 * gold * said, gold + said)}


SCORER = Scorer(version="1", score=score)
