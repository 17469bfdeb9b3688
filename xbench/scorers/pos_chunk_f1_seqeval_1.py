"""The POS "F1" that google-research/xtreme evaluate.py gives under seqeval 1.2.2.

This version drops the first letter of a bare tag, so CCONJ and SCONJ are one type, and X is none. Numbers made with an unpinned
seqeval are of this kind; they are not comparable with those of pos-chunk-f1.
"""

from collections.abc import Sequence

from xbench import spans
from xbench.scorer import Ratio, Scorer, span_ratios


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """F1, precision and recall per sentence. A prediction shorter than its reference is filled up with O.

    Raises:
        ValueError: If a prediction has more tags than its reference.
    """
    return span_ratios(spans.count(spans.Tags.from_strings(references), spans.Tags.from_strings(predictions), spans.SEQEVAL_DEFAULT))


SCORER = Scorer(version="seqeval-1.2.2-1", score=score)
