"""Systems of which only numbers are known: what two published scores allow to say, and no more."""

from typing import Any

import duckdb
import numpy as np

from xbench.contrasts import ALPHA, MEAN, Quantity, Row, rounded, untested
from xbench.languages import MANY
from xbench.pairing import Column, Runs
from xbench.stats import aggregates, families

_ROUNDING = 0.0005  # published tables are rounded to a tenth of a point


def rows(con: duckdb.DuckDBPyConnection, column: Column, one: Runs, two: Runs) -> list[Row]:
    """A row a language that both have a number for, and one for the mean.

    Accuracies with a number of items get the interval that holds if the two are independent (too wide where they find the same items hard)
    and the range of McNemar's p over all ways in which they may disagree; a verdict only if the largest is significant after adjustment.
    Two runs or more get Welch's test over seeds, for this test set; the mean over six languages or more a test of the typical language.
    """
    values = [_values(con, column, r) for r in (one, two)]
    common = sorted(set(values[0]) & set(values[1]), key=lambda key: (key[0], key[1] or ""))
    if not common:
        return [untested("the sources have numbers for different languages")]
    found = [_language(column, key[0], *(v[key] for v in values)) for key in common]
    _decide(found)
    zero_shot = [r for r in found if r["language"] not in (one.system.train_language, MANY) and r["delta"] is not None]
    return [*found, _mean(zero_shot)] if zero_shot else found


def _values(con: duckdb.DuckDBPyConnection, column: Column, runs: Runs) -> dict[tuple[str, str | None], tuple[list[float], int | None]]:
    """By language, printed means by what they are over too: {(language, language_set): (a number a run, how many examples)}."""
    found = con.execute(
        "SELECT language, language_set, list(value ORDER BY run_id), min(n), max(n) FROM score WHERE split = 'test' AND metric = ? "
        "AND scorer = ? AND dataset_revision = ? AND list_contains(?, run_id) GROUP BY language, language_set",
        [column.metric, column.scorer, column.dataset_revision, list(runs.by_seed.values())],
    ).fetchall()
    return {(language, over): (values, low if low == high else None) for language, over, values, low, high in found}


def _language(column: Column, code: str, one: tuple[list[float], int | None], two: tuple[list[float], int | None]) -> Row:
    means = [float(np.mean(v)) for v, _ in (one, two)]
    row = untested("only averages are known", Quantity("language", code, (code,)))
    row |= {"value": rounded(means[0]), "against_value": rounded(means[1]), "delta": rounded(means[0] - means[1]), "languages": 1}
    runs = min(len(one[0]), len(two[0]))
    if runs > 1:
        found = aggregates.welch(
            (means[0], means[1]),
            (float(np.std(one[0], ddof=1)), float(np.std(two[0], ddof=1))),
            (len(one[0]), len(two[0])),
        )
        row |= _numbers(found.low, found.high, found.p, found.df) | {"seeds": runs, "scope": "new seeds, this test set"}
        row |= {"p_adjusted": found.p, "status": "averages only: Welch over seeds, this test set"}
    elif one[1] and two[1] and one[1] != two[1]:
        row["status"] = f"not testable: not comparable, {one[1]} and {two[1]} examples"
    elif column.metric == "accuracy" and one[1] and two[1]:
        bounds = aggregates.two_accuracies(means[0], means[1], one[1], _ROUNDING)
        row |= _numbers(bounds.low, bounds.high, bounds.p_bound, None) | {"n": one[1], "seeds": 1, "scope": "these runs"}
        row["status"] = f"averages only: p of McNemar between {bounds.p_smallest:.2g} and {bounds.p_largest:.2g}"
        row["p_adjusted"] = bounds.p_largest  # adjusted below: what holds at worst
    elif column.metric != "accuracy":
        row["status"] = f"not testable: the spread of {column.metric} over examples is not known, only averages are"
    return row


def _decide(rows: list[Row]) -> None:
    """Adjust what holds at worst over the languages (Holm); a verdict only where that is significant."""
    with_p = [r for r in rows if r["p_adjusted"] is not None]
    for row, p in zip(with_p, families.holm(np.array([r["p_adjusted"] for r in with_p], dtype=np.float64)), strict=True):
        row |= {"p_adjusted": rounded(p), "family": len(with_p)}
        unknown = "unresolved" if row["scope"] == "new seeds, this test set" else "not testable"
        row["verdict"] = unknown if p > ALPHA else "higher" if row["delta"] > 0 else "lower"


def _numbers(low: float, high: float, p: float, df: float | None) -> dict[str, Any]:
    return {"low": rounded(low), "high": rounded(high), "p": rounded(p), "df": None if df is None else rounded(df)}


def _mean(zero_shot: list[Row]) -> Row:
    deltas = np.array([r["delta"] for r in zero_shot])
    row = untested("only averages are known", Quantity("mean", MEAN, ()))
    row |= {
        "value": rounded(np.mean([r["value"] for r in zero_shot])),
        "against_value": rounded(np.mean([r["against_value"] for r in zero_shot])),
        "delta": rounded(deltas.mean()), "languages": len(deltas), "up": int((deltas > 0).sum()), "down": int((deltas < 0).sum()),
    }  # fmt: skip
    if len(deltas) >= aggregates.FEWEST_LANGUAGES:
        typical = aggregates.typical_language(deltas)
        row["status"] = (
            f"averages only: up in {typical.up} and down in {typical.down} of {typical.languages} languages (sign test "
            f"p = {typical.p_sign:.2g}): about these trained systems in a typical language, not recipes, as languages share a training"
        )
    return row
