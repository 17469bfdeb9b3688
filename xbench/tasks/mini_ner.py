"""Names of persons, places and organisations (IOB2), on the sentences of data/mini."""

from xbench.readers import IOB2
from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="tagging",
    languages=_mini.LANGUAGES,
    labels=IOB2,
    metric="f1",
    scorers=("span-f1",),
    load=_mini.tagged("ner"),
    revision=_mini.revision("tagged"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="PER, LOC and ORG names in parallel sentences",
)
