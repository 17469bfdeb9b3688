"""Masked language modelling on the commands of `intents` in fifteen languages, labels left out: text that every installation has."""

from xbench.errors import DataError
from xbench.task import Classified, Plain, Split, Task
from xbench.tasks import intents


def load(language: str, split: Split) -> list[Plain]:
    """The sentences that `intents` trains on in a language, but for those that it is tested on: no encoder shall have seen them.

    Raises:
        DataError: If it is not training data that is asked for.
    """
    if split != "train":
        raise DataError("commands-mlm has training data only")
    found = intents.trained_in(language).examples(language, "train")
    other = next(code for code in intents.LANGUAGES if code != language)  # which one is no matter: all is test data then
    tested = {e.text for trained in (language, other) for e in intents.load(language, "test", trained)}
    return [Plain(e.example_id, e.cluster_id, e.text) for e in found if isinstance(e, Classified) and e.text not in tested]


def revision() -> str:
    """As of `intents`; the text is less than what it trains on."""
    return f"{intents.revision()} untested"


TASK = Task(
    family="mlm",
    languages=intents.LANGUAGES,
    metric="",
    scorers=(),
    load=load,
    revision=revision,
    has_dev=False,
    licence=intents.TASK.licence,
    source=intents.TASK.source,
    about="masked language modelling on commands in fifteen languages; intermediate",
)
