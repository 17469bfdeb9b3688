"""What the command line and the app ask of a store: rows of views, in the order in which people read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from xbench import store
from xbench.errors import StoreError
from xbench.scorer import load_scorer
from xbench.task import all_tasks

Row = dict[str, Any]
PARTS = ("precision", "recall")  # metrics that are looked at beside F1, not instead of it


def query(con: duckdb.DuckDBPyConnection, view: str, where: Mapping[str, Any] | None = None, order: Sequence[str] = ()) -> list[Row]:
    """Rows of a view as dictionaries.

    Args:
        con: From xbench.store.connect.
        view: A table or view.
        where: {column: value}; None values are not a condition.
        order: Columns to sort by, `-` before one for descending.

    Raises:
        StoreError: If a file cannot be read, or a column does not exist.
    """
    conditions = {c: v for c, v in (where or {}).items() if v is not None}
    columns = [d[0] for d in _execute(con, f"SELECT * FROM {view} LIMIT 0", []).description or []]
    unknown = sorted({*conditions, *(o.removeprefix("-") for o in order)} - set(columns))
    if unknown:
        raise StoreError(f"view {view!r} has no column {', '.join(unknown)}; it has {', '.join(columns)}")
    text = f"SELECT * FROM {view}"
    if conditions:
        text += " WHERE " + " AND ".join(f'"{c}" = ?' for c in conditions)
    if order:
        text += " ORDER BY " + ", ".join(f'"{o.removeprefix("-")}"' + (" DESC" if o.startswith("-") else "") for o in order)
    found = _execute(con, text, list(conditions.values()))
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def columns(root: Path, view: str) -> list[str]:
    """The columns of a view, of which there may be no row."""
    with store.reading(root) as con:
        return [d[0] for d in _execute(con, f"SELECT * FROM {view} LIMIT 0", []).description or []]


def leaderboard(root: Path, **where: Any) -> list[Row]:
    """Test scores averaged over languages, best first within a target and metric; complete averages before partial ones."""
    return _rows(
        root,
        "leaderboard",
        {"split": "test", **where},
        ("target", "metric", "scorer", "dataset_revision", "-complete", "-value", "model", "intermediate", "intermediate_revision"),
    )


def scores(root: Path, **where: Any) -> list[Row]:
    """Test scores by language, mean over seeds."""
    return _rows(
        root,
        "language_score",
        {"split": "test", **where},
        ("target", "metric", "scorer", "dataset_revision", "language", "model", "intermediate", "intermediate_revision"),
    )


def deltas(root: Path, **where: Any) -> list[Row]:
    """Seed-matched differences from the direct baseline by language."""
    return _rows(
        root,
        "transfer_summary",
        {"split": "test", **where},
        ("target", "metric", "dataset_revision", "model", "recipe_id", "intermediate", "intermediate_revision", "language"),
    )


def mean_deltas(root: Path, **where: Any) -> list[Row]:
    """Seed-matched differences from the direct baseline, averaged over the zero-shot languages."""
    order = ("target", "metric", "model", "recipe_id", "intermediate", "intermediate_revision")
    return _rows(root, "transfer_mean", {"split": "test", **where}, order)


def history(root: Path, order: Sequence[str] = (), **where: Any) -> list[Row]:
    """Every claim of the cells that meet the conditions: all sources, all versions."""
    return _rows(root, "history", where, order)


def coverage(root: Path, **where: Any) -> list[Row]:
    """What of the grid is there."""
    return _rows(root, "coverage", where, ("model", "target", "intermediate"))


def averages(root: Path, **where: Any) -> list[Row]:
    """Means over the tasks of a suite, complete ones first, best first."""
    return _rows(root, "suite_mean", {"split": "test", **where}, ("suite", "rule", "-tasks", "-task_mean", "model", "intermediate"))


def group_averages(root: Path, **where: Any) -> list[Row]:
    """Means over the tasks of a group."""
    return _rows(root, "group_mean", {"split": "test", **where}, ("suite", "rule", "model", "intermediate", "task_group"))


def task_scores(root: Path, **where: Any) -> list[Row]:
    """The scores that take part in the averages of a suite."""
    return _rows(
        root, "suite_task_score", {"split": "test", **where}, ("suite", "rule", "target", "-complete", "-value", "model", "intermediate")
    )


def official_scorers() -> dict[str, set[str]]:
    """{target: the scorers shown for it unless others are asked for}: the one that counts, and `unknown` of other sources."""
    return {t.name: {load_scorer(t.scorers[0]).signature, "unknown"} for t in all_tasks() if t.scorers}


def _rows(root: Path, view: str, where: Mapping[str, Any], order: Sequence[str]) -> list[Row]:
    con = store.connect(root)
    try:
        return query(con, view, where, order)
    finally:
        con.close()


def _execute(con: duckdb.DuckDBPyConnection, text: str, values: list[Any]) -> duckdb.DuckDBPyConnection:
    try:
        return con.execute(text, values)
    except duckdb.ConversionException as error:
        if not values:
            raise store.unreadable(error) from error
        raise StoreError("a condition is not of the type of its column", [str(error).splitlines()[0]]) from error
    except duckdb.Error as error:
        raise store.unreadable(error) from error
