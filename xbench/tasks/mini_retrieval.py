"""For each English test sentence of data/mini, find its translation among all of them; no target training."""

from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="retrieval",
    languages=tuple(code for code in _mini.LANGUAGES if code != "en"),
    metric="accuracy",
    scorers=("accuracy",),
    load=_mini.translations,
    revision=_mini.revision("tagged"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="nearest neighbour from English to X, all items as candidates",
)
