"""All nine intermediate tasks of Phang et al. (2020) at once, each with its own head, drawn in proportion to their sizes.

Proportional sampling without a cap is jiant's default; which sampling the paper used for its multi-task rows is not known to us.
"""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    *(Part(name) for name in ("anli-plus", "mnli", "qqp", "squad2", "squad1", "hellaswag", "ccg", "cosmosqa", "csqa")),
    sampling="proportional",
    about="the nine intermediate tasks of Phang et al. at once; intermediate",
)
