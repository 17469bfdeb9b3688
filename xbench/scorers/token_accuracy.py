"""True token accuracy of tagging: right tags / tags, with the sentence as the example.

XTREME publishes another number for POS (seqeval chunk F1 over bare tags, pos-chunk-f1); this one is plain accuracy.
"""

from collections.abc import Sequence

import numpy as np

from xbench import spans
from xbench.scorer import Ratio, Scorer


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Token accuracy per sentence: right tags / tags. A tag that is missing in the prediction is wrong.

    Raises:
        ValueError: If a prediction has more tags than its reference.
    """
    right, total = spans.equal_tags(spans.Tags.from_strings(references), spans.Tags.from_strings(predictions))
    return {"accuracy": (right.astype(np.float64), total.astype(np.float64))}


SCORER = Scorer(version="1", score=score)
