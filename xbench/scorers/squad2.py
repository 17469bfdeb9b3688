"""SQuAD 2.0 exact match and token F1 (Rajpurkar et al. 2018): as squad, but where there is no answer, giving none is right under both.

evaluate-v2.0.py of the SQuAD explorer, compute_f1: if either side has no token, F1 is 1 if neither has, else 0.
"""

import json
from collections.abc import Sequence

import numpy as np

from xbench import answers
from xbench.scorer import Ratio, Scorer
from xbench.scorers import squad


def _kept(row: int, reference: str) -> str:
    """The accepted answers that are not nothing once normalised; where none is left, the empty one, as get_raw_scores has it."""
    accepted = answers.accepted(row, reference)
    return json.dumps([a for a, normal in zip(accepted, squad.normalise(accepted), strict=True) if normal] or [""])


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Exact match and F1 per question; a reference is a JSON list of accepted answers, `[""]` where the context has none."""
    found = squad.score([_kept(row, reference) for row, reference in enumerate(references)], predictions, language)
    (f1, ones), exact = found["f1"], found["exact_match"]
    return {"f1": (np.maximum(f1, exact[0]), ones), "exact_match": exact}  # they differ only where both sides are empty


SCORER = Scorer(version="1", score=score)
