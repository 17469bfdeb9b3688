"""Micro F1, precision and recall over labelled spans, by the rule of seqeval's default mode and conlleval.pl.

A sentence gives 2 x true positives over predicted + gold spans for F1, so that the ratio of sums is F1; true positives over predicted
spans for precision, and over gold spans for recall. Tags outside the label set are read as seqeval reads them.
"""

from xbench.scorer import span_scorer
from xbench.spans import SEQEVAL_DEFAULT

SCORER = span_scorer(SEQEVAL_DEFAULT, "seqeval-default-1")
