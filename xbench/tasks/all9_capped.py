"""The nine intermediate tasks of Phang et al. (2020) at once, in proportion to their sizes, of which 40,000 examples count at most.

The cap is ours: HellaSwag, the fourth smallest, is just below it. Which cap the paper used for its multi-task rows is not known to us.
"""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    *(Part(name, cap=40_000) for name in ("anli-plus", "mnli", "qqp", "squad2", "squad1", "hellaswag", "ccg", "cosmosqa", "csqa")),
    sampling="proportional",
    about="the nine intermediate tasks of Phang et al. at once, sizes capped; intermediate",
)
