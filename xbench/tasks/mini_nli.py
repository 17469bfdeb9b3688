"""Natural language inference, three labels, on the pairs of data/mini."""

from xbench.task import Task
from xbench.tasks import _mini

TASK = Task(
    family="classification",
    languages=_mini.LANGUAGES,
    labels=("entailment", "neutral", "contradiction"),
    metric="accuracy",
    scorers=("accuracy",),
    load=_mini.pairs("nli", "premise", "hypothesis"),
    revision=_mini.revision("nli"),
    licence=_mini.LICENCE,
    source=_mini.SOURCE,
    about="does the premise entail, contradict or leave open the hypothesis",
)
