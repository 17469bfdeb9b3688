"""Lexical alignment as intermediate task: English names of countries and languages and the same in sixteen languages, drawn together.

The contrastive loss on word pairs at a chosen layer (`alignment_layer`, `temperature` in the recipe). Its target is `name-retrieval`.
"""

from xbench.task import Task
from xbench.tasks import _names

TASK = Task(
    family="alignment",
    languages=_names.LANGUAGES,
    metric="",
    scorers=(),
    load=_names.load,
    revision=_names.revision,
    has_dev=False,
    licence=_names.LICENCE,
    source=_names.SOURCE,
    about="lexical alignment on translated names; intermediate",
)
