"""Accuracy: one label an example, right or wrong. Labels are compared as strings, as google-research/xtreme evaluate.py does."""

from collections.abc import Sequence

import numpy as np

from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str]) -> dict[str, Ratio]:
    """Accuracy per example: 0/1 or 1/1."""
    right = np.fromiter((r == p for r, p in zip(references, predictions, strict=True)), np.float64, len(references))
    return {"accuracy": (right, np.ones(len(references)))}


SCORER = Scorer(version="1", score=score)
