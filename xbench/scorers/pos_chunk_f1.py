"""The POS "F1" of XTREME: seqeval 0.0.12 over bare tags, where a run of equal tags is one span.

It is not token accuracy. This version of seqeval made the numbers in google-research/xtreme evaluate_test.py; tags that begin with
S (SCONJ, SYM) are spans of their own, each.
"""

from xbench.scorer import span_scorer
from xbench.spans import SEQEVAL_0_0_12

SCORER = span_scorer(SEQEVAL_0_0_12, "seqeval-0.0.12-1")
