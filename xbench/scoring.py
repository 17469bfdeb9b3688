"""From predictions to rows of the contracts: outcomes by example, scores by language, for one language and split of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xbench import plugins
from xbench.errors import PluginError, XbenchError
from xbench.scorer import SCORERS, Ratio, Scorer

_SLACK = 1e-9  # by which the rounding of sums may take a numerator over its denominator
KEY = ("run_id", "model", "intermediate", "target", "train_language", "seed")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a run said about the examples of one language and split.

    Attributes:
        example_ids, cluster_ids, references: As in schemas/prediction.sql, shape (examples,).
        predictions: Likewise; None where the system gave none, which scores 0.
    """

    example_ids: Sequence[str]
    cluster_ids: Sequence[str]
    references: Sequence[str]
    predictions: Sequence[str | None]


def ratio(numerator: npt.NDArray[np.float64], denominator: npt.NDArray[np.float64]) -> float:
    """The sum of one over the sum of the other; 0 over nothing is 0, as seqeval, scikit-learn and so XTREME have it."""
    below = float(denominator.sum())
    return float(numerator.sum()) / below if below > 0 else 0.0


def prediction_rows(key: Mapping[str, Any], language: str, split: str, answers: Answers) -> pa.Table:
    """Rows of table prediction."""
    return _table(key, language, split, answers, reference=answers.references, prediction=list(answers.predictions))


def score_rows(
    key: Mapping[str, Any], language: str, split: str, answers: Answers, scorers: Sequence[Scorer], dataset_revision: str
) -> tuple[pa.Table, pa.Table]:
    """Rows of tables outcome and score under each of the scorers.

    Args:
        key: Values of KEY.
        language: Of the examples.
        split: Of the examples.
        answers: References and predictions, at least one.
        scorers: Rules to measure with.
        dataset_revision: As in schemas/score.sql.

    Raises:
        ValueError: If a scorer cannot read the answers, naming it, its file and line.
        PluginError: If a scorer fails otherwise, or gives something else than `Scorer.score` promises.
    """
    given = [p is not None for p in answers.predictions]
    said = [p or "" for p in answers.predictions]
    outcomes, scores = [], []
    for scorer in scorers:
        for metric, (numerator, denominator) in _scored(scorer, answers.references, said, language).items():
            right = numerator if all(given) else numerator * np.array(given)
            rule = {"metric": metric, "scorer": scorer.signature}
            outcomes.append(_table(key, language, split, answers, **rule, numerator=right, denominator=denominator))
            where = {**key, "language": language, "split": split}
            value = ratio(right, denominator)
            scores.append({**where, **rule, "dataset_revision": dataset_revision, "value": value, "n": len(given), "evidence": "outcomes"})
    return pa.concat_tables(outcomes), pa.Table.from_pylist(scores)


def _scored(scorer: Scorer, references: Sequence[str], said: Sequence[str], language: str) -> Mapping[str, Ratio]:
    try:
        found = scorer.score(references, said, language)
    except XbenchError:
        raise
    except ValueError as error:
        told = plugins.told(error, _file(scorer))
        raise ValueError(f"scorer {scorer.signature} cannot read the answers in {language!r}: {told}") from error
    except Exception as error:
        raise PluginError(f"scorer {scorer.signature} failed on {language!r}", [plugins.told(error, _file(scorer))]) from error
    wrong = [] if isinstance(found, Mapping) and found else [f"gave {found!r:.60}, expected metrics"]
    ratios: dict[str, Ratio] = {}
    for metric, pair in found.items() if not wrong else ():
        made = _ratio_of(pair, len(references))
        if isinstance(made, str):
            wrong.append(f"{metric}: {made}")
        else:
            ratios[metric] = made
    if wrong:
        raise PluginError(f"scorer {scorer.signature} gave no ratios on {language!r}", [f"{_file(scorer)}: {one}" for one in wrong])
    return ratios


def _ratio_of(pair: Any, count: int) -> Ratio | str:
    """Numerators and denominators of `count` examples, as float64; or what keeps what a scorer gave from being these."""
    shapes = [getattr(part, "shape", type(part).__name__) for part in pair] if isinstance(pair, tuple) else type(pair).__name__
    if shapes != [(count,)] * 2:
        return f"gave {shapes}, expected numerator and denominator of shape ({count},)"
    kinds = [np.asarray(part).dtype for part in pair]
    if any(kind.kind not in "biuf" for kind in kinds):
        return f"gave {kinds[0]} and {kinds[1]} as numerator and denominator, expected float64"
    above, below = (np.asarray(part, dtype=np.float64) for part in pair)
    right = (above >= 0) & (above <= below * (1 + _SLACK)) & np.isfinite(below)  # false of what is not a number
    if not right.all():
        first = int(right.argmin())
        return (
            f"numerator {above[first]} and denominator {below[first]} of example {first + 1} of {count}, wrong in {count - right.sum()} of "
            "them; expected 0 <= numerator <= denominator"
        )
    return np.minimum(above, below), below


def _file(scorer: Scorer) -> Path:
    return plugins.path(SCORERS, scorer.name).resolve() if scorer.name in plugins.names(SCORERS) else Path(scorer.name)


def _table(key: Mapping[str, Any], language: str, split: str, answers: Answers, **columns: Any) -> pa.Table:
    """One row an example; what is one value becomes a column of it."""
    count = len(answers.example_ids)
    values = {**key, "language": language, "split": split, "example_id": answers.example_ids, "cluster_id": answers.cluster_ids, **columns}
    types = {"seed": pa.int64(), "reference": pa.string(), "prediction": pa.string()}
    arrays = {}
    for name, value in values.items():
        if isinstance(value, str | int) or value is None:
            arrays[name] = pa.nulls(count, pa.int64()) if value is None else pa.repeat(pa.scalar(value), count)
        else:
            arrays[name] = pa.array(value, types.get(name))
    return pa.table(arrays)
