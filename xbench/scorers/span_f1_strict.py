"""Micro F1, precision and recall over spans in strict IOB2: seqeval 1.2.2 with mode="strict" and scheme=IOB2.

A span is a B-X and the I-X after it; an I-X without its B-X is no span.
"""

from collections.abc import Sequence

from xbench import spans
from xbench.scorer import Ratio, Scorer, span_ratios


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """F1, precision and recall per sentence. A prediction shorter than its reference is filled up with O.

    Raises:
        ValueError: If a prediction has more tags than its reference, or a tag is not IOB2.
    """
    return span_ratios(spans.count(spans.Tags.from_strings(references), spans.Tags.from_strings(predictions), spans.IOB2_STRICT))


SCORER = Scorer(version="iob2-1", score=score)
