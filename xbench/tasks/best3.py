"""The three intermediate tasks that Phang et al. (2020) found best, at once: MNLI, SQuAD 2.0 and HellaSwag (abstract, version 2)."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    Part("mnli"),
    Part("squad2"),
    Part("hellaswag"),
    sampling="proportional",
    about="MNLI, SQuAD 2.0 and HellaSwag at once; intermediate",
)
