"""Each constraint of each contract rejects a row that breaks only it, and names the column."""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.conftest import RUN, run_id
from xbench import contracts, store
from xbench.errors import ContractError

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
KEY = {
    "run_id": run_id("x"), "model": "m", "intermediate": "none", "target": "t", "train_language": "en", "language": "de", "seed": 0, "split": "test",
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "run": {**RUN, "run_id": run_id("x"), "intermediate": "none", "target": "t", "seed": 0, "source_sha256": "a" * 64, "started": WHEN, "finished": WHEN, "identity": None, "version": None, "selection": "last step", "study": "{}"},
    "prediction": {**KEY, "example_id": "e", "cluster_id": "c", "reference": "A", "prediction": "B"},
    "outcome": {
        **KEY, "example_id": "e", "cluster_id": "c", "metric": "accuracy", "scorer": "s-1", "numerator": 1.0, "denominator": 2.0,
    },
    "score": {
        **KEY, "metric": "accuracy", "scorer": "s-1", "dataset_revision": "r", "value": 0.5, "n": 2, "stderr": 0.1, "stderr_kind": "k",
        "evidence": "outcomes", "language_set": None, "carried_from": None,
    },
}  # fmt: skip
# What breaks each CHECK, by the columns that it is about (as duckdb_constraints() lists them).
BREAKS: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {
    ("run", ("kind", "seed")): {"seed": None},
    ("run", ("kind", "started", "finished")): {"finished": WHEN - datetime.timedelta(seconds=1)},
    ("run", ("intermediate", "target")): {"intermediate": "t"},
    ("run", ("kind",)): {"kind": "other"},
    ("run", ("relationship",)): {"relationship": "friend"},
    ("run", ("recipe",)): {"recipe": "{not json"},
    ("run", ("packages",)): {"packages": "{not json"},
    ("run", ("source_sha256",)): {"source_sha256": "abc"},
    ("run", ("identity",)): {"kind": "external", "identity": "no hex", "version": 1},
    ("run", ("version",)): {"kind": "external", "identity": run_id("i"), "version": 0},
    ("run", ("kind", "identity")): {"identity": run_id("i")},
    ("run", ("kind", "version")): {"version": 1},
    ("score", ("language_set",)): {"language": "mul", "language_set": "", "evidence": "aggregate"},
    ("score", ("carried_from",)): {"carried_from": "no hex"},
    ("score", ("language", "language_set")): {"language_set": "de fr"},
    ("score", ("language", "evidence")): {"language": "mul", "language_set": "de fr"},
    ("outcome", ("numerator", "denominator")): {"numerator": 3.0},
    ("score", ("stderr", "stderr_kind")): {"stderr_kind": None},
    ("score", ("evidence", "n")): {"n": None},
    ("score", ("evidence",)): {"evidence": "hearsay"},
    ("score", ("value",)): {"value": 50.0},
    ("score", ("value", "evidence")): {"value": -0.1},
}


def constraints() -> list[Any]:
    con = duckdb.connect()
    for table in store.TABLES:
        contracts.create(con, table)
    found = con.execute("SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints()").fetchall()
    return [
        pytest.param(t, k, tuple(dict.fromkeys(c)), id=f"{t}-{k}-{'-'.join(dict.fromkeys(c))}")
        for t, k, c in found
        if k not in ("PRIMARY KEY", "UNIQUE")
    ]


def broken(table: str, kind: str, columns: tuple[str, ...]) -> dict[str, Any]:
    if kind == "NOT NULL":
        return {columns[0]: None}
    if (table, columns) in BREAKS:
        return BREAKS[table, columns]
    (column,) = columns
    if column == "run_id":
        return {column: "no hex"}
    if column == "split":
        return {column: "train"}
    return {column: -1 if isinstance(GOOD[table][column], int | float) else ""}


def write(tmp_path: Path, table: str, *rows: dict[str, Any]) -> Path:
    return store.write(tmp_path, table, pa.Table.from_pylist(list(rows)), "file")


@pytest.mark.parametrize("table", store.TABLES)
def test_good_row_is_kept_as_it_is(table: str, tmp_path: Path) -> None:
    path = write(tmp_path, table, GOOD[table])
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    (row,) = con.execute(f"SELECT {', '.join(GOOD[table])} FROM read_parquet(?)", [str(path)]).fetchall()
    assert list(row) == list(GOOD[table].values())


@pytest.mark.parametrize(("table", "kind", "columns"), constraints())
def test_every_constraint_rejects_and_names_its_column(table: str, kind: str, columns: tuple[str, ...], tmp_path: Path) -> None:
    bad = {**GOOD[table], **broken(table, kind, columns)}
    with pytest.raises(ContractError) as caught:
        write(tmp_path, table, GOOD[table] | _other_key(table), bad)
    named = [p for p in caught.value.problems if p.startswith("column " + ", ".join(repr(c) for c in columns))]
    assert named, caught.value.problems
    assert "row 1" in named[0]
    assert not list((tmp_path).rglob("*.parquet"))


def _other_key(table: str) -> dict[str, Any]:
    return {"run_id": run_id("y")} if table == "run" else {"language": "fr"}


@pytest.mark.parametrize("table", store.TABLES)
def test_duplicate_key_is_rejected(table: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"duplicate key: 2 row\(s\) break (PRIMARY KEY|UNIQUE)"):
        write(tmp_path, table, GOOD[table], GOOD[table])


def test_printed_means_are_told_apart_by_what_they_are_over(tmp_path: Path) -> None:
    mean = {**GOOD["score"], "language": "mul", "evidence": "aggregate"}
    write(tmp_path, "score", {**mean, "language_set": "de fr"}, {**mean, "language_set": "de"}, {**mean, "language_set": "unknown"})
    with pytest.raises(ContractError, match=r"duplicate key: 2 row\(s\)"):
        write(tmp_path, "score", {**mean, "language_set": "de fr"}, {**mean, "language_set": "de"}, {**mean, "language_set": "de fr"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1])
@pytest.mark.parametrize("column", ["value"])
def test_scores_outside_the_fractions_are_rejected(column: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="column 'value'"):
        write(tmp_path, "score", {**GOOD["score"], column: value})


@pytest.mark.parametrize("column", ["numerator", "denominator"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_outcomes_must_be_finite_and_not_negative(column: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=f"column '{column}'"):
        write(tmp_path, "outcome", {**GOOD["outcome"], column: value})


@pytest.mark.parametrize("table", store.TABLES)
def test_unknown_missing_and_wrongly_typed_columns_are_named_together(table: str, tmp_path: Path) -> None:
    row = {**GOOD[table], "colour": "red"}
    del row["model"]
    with pytest.raises(ContractError) as caught:
        write(tmp_path, table, row)
    assert [p.split(":")[0] for p in caught.value.problems] == ["column 'colour'", "column 'model'"]
    with pytest.raises(ContractError, match=r"column 'seed': is string, expected int64"):
        write(tmp_path, table, {**GOOD[table], "seed": "0"})
    with pytest.raises(ContractError, match=r"column 'model': is int64, expected string"):
        write(tmp_path, table, {**GOOD[table], "model": 3})


def test_a_text_that_looks_like_a_number_is_not_one(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"column 'value': is string, expected double"):
        write(tmp_path, "score", {**GOOD["score"], "value": "0.5"})


def test_all_broken_rows_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    rows = [{**GOOD["score"], "language": f"l{i}", "value": 2.0} for i in range(9)]
    with pytest.raises(ContractError, match=r"9 row\(s\) break .*row 0: .*row 4: value = 2.0$"):
        write(tmp_path, "score", *rows)


def test_external_runs_may_leave_out_what_a_source_does_not_say(tmp_path: Path) -> None:
    unsaid = ("seed", "started", "finished", "parameters", "trained_examples", "packages", "hardware", "source_sha256")
    row = {k: v for k, v in GOOD["run"].items() if k not in unsaid} | {"kind": "external", "identity": run_id("i"), "version": 1}
    assert write(tmp_path, "run", row).is_file()


@pytest.mark.parametrize("table", store.TABLES)
def test_every_column_and_table_is_described(table: str) -> None:
    con = duckdb.connect()
    contracts.create(con, table)
    assert con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = ?", [table]).fetchall()[0][0]
    assert not con.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND comment IS NULL", [table]).fetchall()
