"""The POS "F1" of XTREME: seqeval 0.0.12 over bare tags, where a run of equal tags is one span.

It is not token accuracy. This version of seqeval made the numbers in google-research/xtreme evaluate_test.py; tags that begin with
S (SCONJ, SYM) are spans of their own, each.
"""

from collections.abc import Sequence

from xbench import spans
from xbench.scorer import Ratio, Scorer, span_ratios


def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
    """F1, precision and recall per sentence. A prediction shorter than its reference is filled up with O.

    Raises:
        ValueError: If a prediction has more tags than its reference.
    """
    return span_ratios(spans.count(spans.Tags.from_strings(references), spans.Tags.from_strings(predictions), spans.SEQEVAL_0_0_12))


SCORER = Scorer(version="seqeval-0.0.12-1", score=score)
