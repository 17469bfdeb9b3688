"""Masked language modelling on the commands of `intents` in fifteen languages, labels left out: text that every installation has."""

from xbench.errors import DataError
from xbench.task import Classified, Plain, Split, Task
from xbench.tasks import intents


def load(language: str, split: Split) -> list[Plain]:
    """The sentences that `intents` trains on in a language.

    Raises:
        DataError: If it is not training data that is asked for.
    """
    if split != "train":
        raise DataError("commands-mlm has training data only")
    found = intents.trained_in(language).examples(language, "train")
    return [Plain(e.example_id, e.cluster_id, e.text) for e in found if isinstance(e, Classified)]


TASK = Task(
    family="mlm",
    languages=intents.LANGUAGES,
    metric="",
    scorers=(),
    load=load,
    revision=intents.TASK.revision,
    has_dev=False,
    licence=intents.TASK.licence,
    source=intents.TASK.source,
    about="masked language modelling on commands in fifteen languages; intermediate",
)
