"""Micro F1, precision and recall over labelled spans, by the rule of seqeval's default mode and conlleval.pl.

A sentence gives 2 x true positives over predicted + gold spans for F1, so that the ratio of sums is F1; true positives over predicted
spans for precision, and over gold spans for recall. Tags outside the label set are read as seqeval reads them.
"""

from collections.abc import Sequence

from xbench import spans
from xbench.scorer import Ratio, Scorer, span_ratios


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """Span F1, precision and recall per sentence. A prediction shorter than its reference is filled up with O.

    Raises:
        ValueError: If a prediction has more tags than its reference.
    """
    return span_ratios(spans.count(spans.Tags.from_strings(references), spans.Tags.from_strings(predictions), spans.SEQEVAL_DEFAULT))


SCORER = Scorer(version="seqeval-default-1", score=score)
