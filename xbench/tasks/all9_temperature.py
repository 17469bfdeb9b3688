"""The nine intermediate tasks of Phang et al. (2020) at once, drawn by size to the power 1/2 (T is ours)."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    *(Part(name) for name in ("anli-plus", "mnli", "qqp", "squad2", "squad1", "hellaswag", "ccg", "cosmosqa", "csqa")),
    sampling="temperature",
    temperature=2.0,
    about="the nine intermediate tasks of Phang et al. at once, drawn at temperature 2; intermediate",
)
