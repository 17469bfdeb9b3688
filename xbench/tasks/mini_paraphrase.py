"""Paraphrase or not, with much word overlap in both classes (after PAWS), on the pairs of data/mini."""

from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="classification",
    languages=_mini.LANGUAGES,
    labels=("0", "1"),
    metric="accuracy",
    scorers=("accuracy",),
    load=_mini.pairs("paraphrase", "sentence1", "sentence2"),
    revision=_mini.revision("paraphrase"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="do two sentences with the same words mean the same",
)
