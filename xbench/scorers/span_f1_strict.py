"""Micro F1, precision and recall over spans in strict IOB2: seqeval 1.2.2 with mode="strict" and scheme=IOB2.

A span is a B-X and the I-X after it; an I-X without its B-X is no span.
"""

from xbench.scorer import span_scorer
from xbench.spans import IOB2_STRICT

SCORER = span_scorer(IOB2_STRICT, "iob2-1")
