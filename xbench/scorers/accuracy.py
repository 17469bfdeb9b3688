"""Accuracy: one label an example, right or wrong. Labels are compared as strings, as google-research/xtreme evaluate.py does."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Accuracy per example: 0/1 or 1/1."""
    import pyarrow.compute as pc  # see xbench.spans

    right = pc.equal(pa.array(references, pa.large_string()), pa.array(predictions, pa.large_string()))
    return {"accuracy": (right.to_numpy(zero_copy_only=False).astype(np.float64), np.ones(len(references)))}


SCORER = Scorer(version="1", score=score)
