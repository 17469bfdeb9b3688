"""The POS "F1" that google-research/xtreme evaluate.py gives under seqeval 1.2.2.

This version drops the first letter of a bare tag, so CCONJ and SCONJ are one type, and X is none. Numbers made with an unpinned
seqeval are of this kind; they are not comparable with those of pos-chunk-f1.
"""

from xbench.scorer import span_scorer
from xbench.spans import SEQEVAL_DEFAULT

SCORER = span_scorer(SEQEVAL_DEFAULT, "seqeval-1.2.2-1")
