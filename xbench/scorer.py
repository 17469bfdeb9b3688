"""What a scorer is: references and predictions in, a numerator and a denominator per example out. One file each in scorers/.

A metric is a ratio of two sums, `sum(numerator) / sum(denominator)` over examples, so any subset of examples is a WHERE
clause and any resampling of them needs no second look at the text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xbench import plugins
from xbench.spans import Counts, Rule, Tags, count

SCORERS = Path(__file__).parent / "scorers"
Ratio = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """One scoring rule.

    Attributes:
        version: Grows whenever a number can change; stored with every number as `NAME-VERSION`.
        score: (references, predictions, language), the first two of shape (examples,), written as in schemas/prediction.sql, all
            of one language -> {metric: (numerator, denominator)}, each float64 of shape (examples,), 0 <= numerator <= denominator.
        name: Its file's name; filled in when it is loaded.
    """

    version: str
    score: Callable[[Sequence[str], Sequence[str], str], Mapping[str, Ratio]]
    name: str = ""

    @property
    def signature(self) -> str:
        """What the contracts call `scorer`."""
        return f"{self.name}-{self.version}"


def span_ratios(counts: Counts) -> dict[str, Ratio]:
    """F1, precision and recall as ratios of sums over sentences."""
    right, predicted, gold = (x.astype(np.float64) for x in (counts.true_positives, counts.predicted, counts.gold))
    return {"f1": (2 * right, predicted + gold), "precision": (right, predicted), "recall": (right, gold)}


def span_scorer(rule: Rule, version: str) -> Scorer:
    """F1, precision and recall over the spans of `rule`. A prediction shorter than its reference is filled up with O.

    Its `score` raises ValueError if a prediction has more tags than its reference, or a tag is not of the rule.
    """

    def score(references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, Ratio]:
        return span_ratios(count(Tags.from_strings(references), Tags.from_strings(predictions), rule))

    return Scorer(version=version, score=score)


def load_scorer(name: str) -> Scorer:
    """The scorer of file scorers/NAME.py.

    Raises:
        PluginError: If there is none; the message lists those that exist. Or if its file is broken.
    """
    return replace(plugins.part(SCORERS, name, "SCORER", Scorer), name=name)
