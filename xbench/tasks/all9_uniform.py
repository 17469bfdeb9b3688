"""The nine intermediate tasks of Phang et al. (2020) at once, each drawn as often as the others."""

from xbench.corpus import mixture
from xbench.task import Part

TASK = mixture(
    *(Part(name) for name in ("anli-plus", "mnli", "qqp", "squad2", "squad1", "hellaswag", "ccg", "cosmosqa", "csqa")),
    sampling="uniform",
    about="the nine intermediate tasks of Phang et al. at once, drawn equally often; intermediate",
)
