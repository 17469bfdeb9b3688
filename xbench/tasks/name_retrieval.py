"""For each English name of a country or language, find the same in X among all of them; no target training.

The items are not those of `names`. Names that are written the same in both languages are left out, so candidates differ by language.
"""

from xbench.task import Task
from xbench.tasks import _names

TASK = Task(
    family="retrieval",
    languages=_names.LANGUAGES,
    metric="accuracy",
    scorers=("accuracy",),
    load=_names.load,
    revision=_names.revision,
    has_dev=False,
    licence=_names.LICENCE,
    source=_names.SOURCE,
    about="nearest neighbour from an English name to X, all held-out items as candidates",
)
