"""The contracts of schemas/: what each table of the store holds, and whether rows are as they say."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from xbench import places, plugins, share

TABLES = ("run", "prediction", "outcome", "score")
LAST_FIRST = ("run", "score", "outcome", "prediction")  # against the order in which they are written: what a listed row needs is listed too
_KEYS = ("PRIMARY KEY", "UNIQUE")  # a contract has one of them
_SHOWN = 5  # offending rows named for each broken constraint


def create(con: duckdb.DuckDBPyConnection, table: str, described: bool = True) -> None:
    """Create the empty table of contract `table` in `con`, with or without its comments (which take longer than the rest)."""
    text = plugins.path(share.folder("schemas"), table, ".sql").read_text(encoding="utf-8")
    con.execute(text if described else text.partition("COMMENT ON")[0])


@dataclass(frozen=True, slots=True)
class Rules:
    """What a contract asks of its rows.

    Attributes:
        columns: The name and type of each column, and whether it may be NULL.
        constraints: Kind, text, columns and expression of each constraint, as DuckDB has them.
        broken: For each constraint but the key, what is true of a row that breaks it.
        key: The columns of the key: a row has all its values or lacks the same ones, as NULL is a value like others.
        order: How stored rows lie: what is asked of a store is mostly asked by task and model; the key makes the order total.
    """

    columns: tuple[tuple[str, str, bool], ...]
    constraints: tuple[tuple[str, str, list[str], str | None], ...]
    broken: tuple[str, ...]
    key: str
    order: tuple[str, ...]


def rules(table: str) -> Rules:
    """What contract `table` asks."""
    if table not in _RULES:
        con = places.database()
        try:
            learn(con)
        finally:
            con.close()
    return _RULES[table]


_RULES: dict[str, Rules] = {}


def learn(con: duckdb.DuckDBPyConnection) -> None:
    """Find out what all contracts ask, once a process, with a connection that is there: to begin another takes as long.

    The connection is left as it was.
    """
    if _RULES:
        return
    con.execute("BEGIN")
    try:
        for table in TABLES:
            create(con, table, described=False)
        constraints = con.execute(
            "SELECT table_name, constraint_type, constraint_text, constraint_column_names, expression FROM duckdb_constraints()"
        ).fetchall()
        found = {}
        for table in TABLES:
            asked = tuple(row[1:] for row in constraints if row[0] == table)
            names = next(names for kind, _, names, _ in asked if kind in _KEYS)
            key = ", ".join(f'"{column}"' for column in names)
            broken = tuple(_broken(*one) for one in asked if one[0] not in _KEYS)
            described = con.execute(f"DESCRIBE {table}").fetchall()  # duckdb_columns() would bind every view of DuckDB's own
            columns = tuple((name, kind, null == "YES") for name, kind, null, *_ in described)
            found[table] = Rules(columns, asked, broken, key, ("target", "model", *names))
    finally:
        con.execute("ROLLBACK")
    _RULES.update(found)


def _broken(kind: str, text: str, columns: list[str], expression: str | None) -> str:
    """What is true of the rows of `numbered` that break a constraint."""
    listed = ", ".join(f'"{c}"' for c in dict.fromkeys(columns))
    if kind == "NOT NULL":
        return f"{listed} IS NULL"
    if kind == "CHECK":
        return f"NOT ({expression})"
    return f"({listed}) IN (SELECT ({listed}) FROM numbered GROUP BY ALL HAVING count(*) > 1)"


def whole(table: str, given: Iterable[str], source: str, beside: str = "") -> str:
    """A SELECT of all columns of a contract from what has some of them; the others are NULL. `beside`: a column that comes first."""
    there = set(given)
    chosen = (f'"{name}"::{kind} AS "{name}"' if name in there else f'NULL::{kind} AS "{name}"' for name, kind, _ in rules(table).columns)
    return f"SELECT {', '.join([*([beside] if beside else []), *chosen])} FROM {source}"


def problems(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> list[str]:
    """What is wrong with rows by the contract of a table: nothing, its columns, or every broken constraint.

    Where nothing is wrong with the columns, view `whole` of the connection has the rows with all columns of the contract.
    """
    found = column_problems(table, rows)
    if found:
        return found
    return [] if follow(con, table, rows) else _row_problems(con, table, rows)


def follow(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, beside: str = "") -> bool:
    """Whether rows whose columns are those of a contract break none of its rules.

    Args:
        con: Has a view `whole` afterwards, of the rows with all columns of the contract.
        table: One of TABLES.
        rows: What to look at.
        beside: A column that comes first in `whole`; rows that differ in it may have one key.
    """
    con.register("given", rows)
    con.execute(f"CREATE TEMP VIEW whole AS {whole(table, rows.column_names, 'given', beside)}")
    # One look at all the rules: to ask an index for each row whether its key is there already takes longer than all the rest.
    asked = rules(table)
    key = f"{beside}, {asked.key}" if beside else asked.key
    broken, keys = con.execute(
        f"SELECT count(*) FILTER (WHERE {' OR '.join(asked.broken)}), count(DISTINCT ({key})) FROM whole"
    ).fetchall()[0]
    return not broken and keys == rows.num_rows


_ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC")}


def schema(table: str) -> pa.Schema:
    """The Arrow types of the columns of a contract."""
    return pa.schema([(name, _ARROW[kind]) for name, kind, _ in rules(table).columns])


def column_problems(table: str, rows: pa.Table) -> list[str]:
    """What is wrong with the names and types of columns by the contract of a table."""
    wanted = schema(table)
    required = [name for name, _, nullable in rules(table).columns if not nullable]
    found = [f"column {c!r}: unknown; table {table!r} has {', '.join(wanted.names)}" for c in rows.column_names if c not in wanted.names]
    found += [f"column {c!r}: given twice" for c in sorted({c for c in rows.column_names if rows.column_names.count(c) > 1})]
    found += [f"column {c!r}: missing" for c in required if c not in rows.column_names]
    if not found:
        for field in rows.schema:
            expected = wanted.field(field.name).type
            if not _fits(field.type, expected):
                found.append(f"column {field.name!r}: is {field.type}, expected {expected}")
    return found


def _fits(given: pa.DataType, expected: pa.DataType) -> bool:
    """Whether every value of type `given` can be stored as `expected` unchanged."""
    if pa.types.is_dictionary(given):
        return _fits(given.value_type, expected)
    if pa.types.is_null(given) or given == expected:
        return True
    if pa.types.is_string(expected):
        return bool(pa.types.is_large_string(given) or pa.types.is_string_view(given))
    if pa.types.is_int64(expected):
        return bool(pa.types.is_integer(given) and not pa.types.is_uint64(given))
    if pa.types.is_float64(expected):
        return bool(pa.types.is_float32(given))
    if pa.types.is_timestamp(expected):
        return bool(pa.types.is_timestamp(given) and given.tz is not None)
    return False


def _row_problems(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> list[str]:
    """Every broken constraint with its first rows (counted from 0), read off the contract itself."""
    con.register("given_numbered", rows.append_column("row_number", pa.array(range(rows.num_rows), pa.int64())))
    numbered = whole(table, rows.column_names, "given_numbered", beside="row_number")
    con.execute(f"CREATE TEMP TABLE numbered AS {numbered}")
    found = []
    for kind, text, columns, expression in rules(table).constraints:
        names = list(dict.fromkeys(columns))
        listed = ", ".join(f'"{c}"' for c in names)
        broken = _broken(kind, text, columns, expression)
        offending = con.execute(f"SELECT row_number, {listed} FROM numbered WHERE {broken} ORDER BY row_number").fetchall()
        if offending:
            shown = "; ".join(
                f"row {row[0]}: " + ", ".join(f"{c} = {v!r}" for c, v in zip(names, row[1:], strict=True)) for row in offending[:_SHOWN]
            )
            label = "duplicate key" if kind in _KEYS else "column " + ", ".join(repr(c) for c in names)
            found.append(f"{label}: {len(offending)} row(s) break {text}: {shown}")
    return found
