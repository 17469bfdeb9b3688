"""F1, precision and recall of mined sentence pairs (BUCC 2018), by source sentence.

google-research/xtreme evaluate.py, bucc_f1: sets of pairs, so a pair that is given twice counts once. Reference and prediction of a source
sentence are the ids of its translations, separated by spaces, empty where there is none.
"""

from collections.abc import Sequence

import numpy as np

from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """F1, precision and recall per source sentence: 2 x right pairs / (predicted + gold pairs), and so on."""
    rows = [(set(r.split()), set(p.split())) for r, p in zip(references, predictions, strict=True)]
    right, predicted, gold = (
        np.fromiter(values, np.float64, len(rows))
        for values in ((len(r & p) for r, p in rows), (len(p) for _, p in rows), (len(r) for r, _ in rows))
    )
    return {"f1": (2 * right, predicted + gold), "precision": (right, predicted), "recall": (right, gold)}


SCORER = Scorer(version="1", score=score)
