"""What the command line and the app ask of a store: rows of views, in the order in which people read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from xbench import contracts, languages, store
from xbench.errors import StoreError, meant, suggested
from xbench.scorer import load_scorer
from xbench.task import all_tasks, nearly

Row = dict[str, Any]
_FEW = 8  # values that are named where none is like the one asked for
PARTS = ("precision", "recall")  # metrics that are looked at beside F1, not instead of it


def query(con: duckdb.DuckDBPyConnection, view: str, where: Mapping[str, Any] | None = None, order: Sequence[str] = ()) -> list[Row]:
    """Rows of a view as dictionaries.

    Args:
        con: From xbench.store.connect.
        view: A table or view.
        where: {column: value}; None values are not a condition.
        order: Columns to sort by, `-` before one for descending. Rows that are equal in them are in the order of all other columns: a store
            that was compacted says the same in the same order.

    Raises:
        StoreError: If a file cannot be read, or a column does not exist.
    """
    conditions = {c: v for c, v in (where or {}).items() if v is not None}
    columns = [d[0] for d in execute(con, f"SELECT * FROM {view} LIMIT 0", []).description or []]
    unknown = sorted({*conditions, *(o.removeprefix("-") for o in order)} - set(columns))
    if unknown:
        raise StoreError(f"view {view!r} has no column {', '.join(unknown)}; it has {', '.join(columns)}")
    text = f"SELECT * FROM {view}"
    if conditions:
        text += " WHERE " + " AND ".join(f'"{c}" = ?' for c in conditions)
    if order:
        rest = [c for c in columns if not {c, f"-{c}"} & set(order)]
        text += " ORDER BY " + ", ".join(f'"{o.removeprefix("-")}"' + (" DESC" if o.startswith("-") else "") for o in [*order, *rest])
    return [dict(zip(columns, row, strict=True)) for row in fetched(con, text, list(conditions.values()))]


def columns(root: Path | duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """The columns of a view, of which there may be no row."""
    with store.reading(root) as con:
        return [d[0] for d in execute(con, f"SELECT * FROM {view} LIMIT 0", []).description or []]


def leaderboard(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Test scores averaged over languages, best first within a target and metric; complete averages before partial ones."""
    return _rows(
        root,
        "leaderboard",
        {"split": "test", **where},
        ("target", "metric", "scorer", "dataset_revision", "-complete", "-value", "model", "intermediate", "intermediate_revision"),
    )


def scores(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Test scores by language, mean over seeds."""
    return _rows(
        root,
        "language_score",
        {"split": "test", **where},
        ("target", "metric", "scorer", "dataset_revision", "language", "model", "intermediate", "intermediate_revision"),
    )


def deltas(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Seed-matched differences from the direct baseline by language."""
    return _rows(
        root,
        "transfer_summary",
        {"split": "test", **where},
        ("target", "metric", "dataset_revision", "model", "recipe_id", "intermediate", "intermediate_revision", "language"),
    )


def mean_deltas(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Seed-matched differences from the direct baseline, averaged over the zero-shot languages."""
    order = ("target", "metric", "model", "recipe_id", "intermediate", "intermediate_revision")
    return _rows(root, "transfer_mean", {"split": "test", **where}, order)


def history(root: Path | duckdb.DuckDBPyConnection, order: Sequence[str] = (), **where: Any) -> list[Row]:
    """Every claim of the cells that meet the conditions: all sources, all versions."""
    return _rows(root, "history", where, order)


# An example with what it adds to the scores: of the scorer and metric that count for the task, or the first there are.
_EXAMPLES = """
    WITH p AS (SELECT language, split, example_id, reference, prediction FROM every_prediction WHERE run_id = $run),
    o AS (SELECT language, split, example_id, metric, scorer, numerator, denominator FROM every_outcome WHERE run_id = $run),
    rules AS (SELECT DISTINCT metric, scorer FROM o),
    rule AS (SELECT metric, scorer FROM rules ORDER BY (metric, scorer) = ($metric, $scorer) DESC, metric, scorer LIMIT 1)
    SELECT language, split, example_id, reference, prediction, metric, scorer, numerator, denominator
    FROM p FULL JOIN (SELECT * FROM o SEMI JOIN rule USING (metric, scorer)) USING (language, split, example_id)
    WHERE ($language IS NULL OR language = $language) AND ($split IS NULL OR split = $split)
    ORDER BY split DESC, language, try_cast(example_id AS BIGINT), example_id
"""


def predictions(root: Path, run: str, language: str | None = None, split: str | None = None) -> list[Row]:
    """The examples of a run: reference, prediction, and what each adds to the score that counts for its task.

    Args:
        root: The store.
        run: Its id, or as many of the first digits as tell it from others.
        language: Only this one.
        split: Likewise.

    Returns:
        Rows with language, split, example_id, reference and prediction (None where only outcomes are stored), metric, scorer, numerator and
        denominator (None where no scorer has measured it); none of them if the run is an average without examples.

    Raises:
        StoreError: If no run, or more than one, has this id.
    """
    with store.reading(root) as con:
        run_id = whole_id(con, run)
        ((target,),) = con.execute("SELECT target FROM every_run WHERE run_id = ?", [run_id]).fetchall()
        task = next((t for t in all_tasks() if t.name == target and t.scorers), None)
        rule = {"metric": task.metric, "scorer": load_scorer(task.scorers[0]).signature} if task else {"metric": "", "scorer": ""}
        found = con.execute(_EXAMPLES, {"run": run_id, **rule, "language": language, "split": split})
        names = [d[0] for d in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def whole_id(con: duckdb.DuckDBPyConnection, run: str) -> str:
    """The id of a run of which the first digits are known.

    Raises:
        StoreError: If none begins like that, or several do.
    """
    found = [name for (name,) in con.execute("SELECT run_id FROM every_run WHERE starts_with(run_id, ?) ORDER BY ALL", [run]).fetchall()]
    if len(found) != 1:
        raise StoreError(f"{len(found) or 'no'} runs have an id that begins with {run!r}", found[:_FEW])
    return str(found[0])


def coverage(root: Path, **where: Any) -> list[Row]:
    """What of the grid is there."""
    return _rows(root, "coverage", where, ("model", "target", "intermediate"))


def averages(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Means over the tasks of a suite, complete ones first, best first."""
    return _rows(root, "suite_mean", {"split": "test", **where}, ("suite", "rule", "-tasks", "-task_mean", "model", "intermediate"))


def group_averages(root: Path | duckdb.DuckDBPyConnection, **where: Any) -> list[Row]:
    """Means over the tasks of a group."""
    return _rows(root, "group_mean", {"split": "test", **where}, ("suite", "rule", "model", "intermediate", "task_group"))


def task_groups(root: Path | duckdb.DuckDBPyConnection) -> list[str]:
    """The groups that suites divide their tasks into."""
    with store.reading(root) as con:
        return [name for (name,) in fetched(con, "SELECT DISTINCT task_group FROM suite_task ORDER BY ALL", [])]


def task_scores(root: Path, **where: Any) -> list[Row]:
    """The scores that take part in the averages of a suite."""
    return _rows(
        root, "suite_task_score", {"split": "test", **where}, ("suite", "rule", "target", "-complete", "-value", "model", "intermediate")
    )


def unheard_of(root: Path | duckdb.DuckDBPyConnection, where: Mapping[str, Any]) -> list[str]:
    """Conditions that nothing can meet, for what was most likely meant: values that neither the store has nor xbench knows.

    Args:
        root: The store.
        where: {column: value}; what is no text is no name, and columns of views alone are not looked at.

    Returns:
        A sentence each.
    """
    tables = {name: f"every_{table}" for table in ("score", "run") for name, _, _ in contracts.rules(table).columns}
    asked = {column: value for column, value in where.items() if isinstance(value, str) and column in tables}
    if not asked:
        return []
    tasks = {t.name for t in all_tasks()}
    known = {"target": tasks, "intermediate": tasks | {"none"}, "split": {"dev", "test"}}
    found = []
    with store.reading(root) as con:
        for column, value in asked.items():
            there = {str(v) for (v,) in fetched(con, f'SELECT DISTINCT "{column}" FROM {tables[column]}', [])}
            names = there | known.get(column, set())
            trained = value.partition("@")[0] if column in known else value
            if not names.isdisjoint((value, trained)) or (column == "language" and languages.known(value)):
                continue
            few = f"; there is {', '.join(sorted(there))}" if 0 < len(there) <= _FEW else ""
            of_tasks = column in ("target", "intermediate")
            is_none = "is no task, and not in the store" if of_tasks else "is not in the store"
            task = suggested(nearly(value, sorted(there))) if of_tasks else ""
            found.append(f"{column} {value!r} {is_none}{task or meant(value, names) or few}")
    return found


def refuse_unheard(root: Path | duckdb.DuckDBPyConnection, where: Mapping[str, Any]) -> None:
    """Refuse conditions under which nothing was found because of what they name; those that only nothing meets are none of these.

    Raises:
        StoreError: With a sentence a condition.
    """
    if problems := unheard_of(root, where):
        raise StoreError("nothing was found, and this is not known", problems)


def official_scorers() -> dict[str, set[str]]:
    """{target: the scorers shown for it unless others are asked for}: the one that counts, of other sources XTREME's and `unknown`."""
    return {t.name: {load_scorer(t.scorers[0]).signature, "unknown", "xtreme evaluate.py"} for t in all_tasks() if t.scorers}


def _rows(root: Path | duckdb.DuckDBPyConnection, view: str, where: Mapping[str, Any], order: Sequence[str]) -> list[Row]:
    with store.reading(root) as con:
        return query(con, view, where, order)


def fetched(con: duckdb.DuckDBPyConnection, text: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """All rows of a query to a store.

    Raises:
        StoreError: If a value is not of the type of its column, or a file cannot be read: of some that is found out when rows are fetched.
    """
    found = execute(con, text, values)
    try:
        return found.fetchall()
    except duckdb.Error as error:
        raise store.unreadable(error) from error


def execute(con: duckdb.DuckDBPyConnection, text: str, values: list[Any]) -> duckdb.DuckDBPyConnection:
    """Ask a store.

    Raises:
        StoreError: If a value is not of the type of its column, or a file cannot be read.
    """
    try:
        return con.execute(text, values)
    except duckdb.ConversionException as error:
        if not values:
            raise store.unreadable(error) from error
        raise StoreError("a condition is not of the type of its column", [str(error).splitlines()[0]]) from error
    except duckdb.Error as error:
        raise store.unreadable(error) from error
