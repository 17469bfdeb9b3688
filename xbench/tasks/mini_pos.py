"""Part-of-speech tagging with the 17 universal tags, on the sentences of data/mini."""

from xbench.readers import UPOS
from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="tagging",
    languages=_mini.LANGUAGES,
    labels=UPOS,
    metric="accuracy",
    scorers=("token-accuracy",),
    load=_mini.tagged("upos"),
    revision=_mini.revision("tagged"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="UPOS tags of parallel sentences",
)
