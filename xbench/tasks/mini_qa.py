"""Extractive question answering in the SQuAD manner, on the paragraphs of data/mini."""

from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="qa",
    languages=_mini.LANGUAGES,
    metric="f1",
    selected_on=("f1", "exact_match"),
    scorers=("squad",),
    load=_mini.questions,
    revision=_mini.revision("qa"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="the answer is a stretch of the paragraph",
)
