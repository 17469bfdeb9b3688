"""The majority-class control: what a system that has learnt nothing but label frequencies scores."""

from collections import Counter
from collections.abc import Sequence

from xbench.errors import StudyError
from xbench.task import Choice, Classified, Example, Tagged, Task


def predict(task: Task, training: Sequence[Example], examples: Sequence[Example]) -> list[str]:
    """The most frequent training label (the first in the label set among equals) for every token or example.

    Raises:
        StudyError: If the task has no labels to be the most frequent.
    """
    if not task.labels:
        raise StudyError(f"majority-class needs a label set, which {task.name} ({task.family}) does not have")
    counts = Counter(
        label
        for e in training
        for label in (e.labels if isinstance(e, Tagged) else (e.label,) if isinstance(e, Classified | Choice) else ())
    )
    best = max(task.labels, key=lambda label: (counts[label], -task.labels.index(label)))
    return [" ".join([best] * len(e.tokens)) if isinstance(e, Tagged) else best for e in examples]
