"""True token accuracy of tagging: right tags / tags, with the sentence as the example.

XTREME publishes another number for POS (seqeval chunk F1 over bare tags); this one is plain accuracy.
"""

from collections.abc import Sequence

import numpy as np

from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str]) -> dict[str, Ratio]:
    """Token accuracy per sentence: right tags / tags. A tag that is missing in the prediction is wrong.

    Raises:
        ValueError: If a prediction has more tags than its reference.
    """
    right, total = np.zeros(len(references)), np.zeros(len(references))
    for row, (reference, prediction) in enumerate(zip(references, predictions, strict=True)):
        gold, tags = reference.split(" "), prediction.split(" ")
        if len(tags) > len(gold):
            raise ValueError(f"example {row}: {len(tags)} predicted tags for {len(gold)} tokens")
        right[row] = sum(g == t for g, t in zip(gold, tags, strict=False))
        total[row] = len(gold)
    return {"accuracy": (right, total)}


SCORER = Scorer(version="1", score=score)
