"""`xbench export`: the rows of a store for elsewhere. One format is one file of exports/ with `write(selection, output)`.

It gives text: all of it, or where there is an output, a word on what is there now.

What a format can carry comes back through `xbench ingest external-results` as the same rows: csv, parquet and eee carry every column,
markdown and latex the means over seeds at the digits shown, xtreme the predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from xbench import board, places, plugins, store
from xbench.adapter import COLUMNS
from xbench.errors import DataError, PluginError, WriteError, XbenchError, meant
from xbench.hashes import developed_on

EXPORTS = Path(__file__).parent / "exports"
_EXPECTED = "expected write(selection, output), which returns text"
# What DuckDB says of a format's own SELECT; the rest of it may be a damaged store.
_OF_SQL = (duckdb.ParserException, duckdb.SyntaxException, duckdb.BinderException, duckdb.CatalogException)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is exported.

    Attributes:
        con: The open store.
        where: {column of view result: value} that every row meets.
        snapshot: Stands for the store's content; see xbench.store.snapshot.
        digits: Of percent in tables for people.
    """

    con: duckdb.DuckDBPyConnection
    where: Mapping[str, Any]
    snapshot: str
    digits: int

    def rows(self) -> list[Row]:
        """One row a score with the columns that adapters give, and the run's id; recipes as JSON.

        Raises:
            DataError: If no row meets the conditions.
        """
        said = {column: value for column, value in self.where.items() if value is not None}
        taken = {"recipe": "u.recipe", "run_id": "r.run_id", "relationship": "u.relationship", "selection": "u.selection"}
        chosen = ", ".join(f"{taken.get(c, f'r.{c}')} AS {c}" for c in (*COLUMNS, "run_id"))
        conditions = " AND ".join(f'r."{column}" = ?' for column in said) or "true"
        found = self.con.execute(
            f"SELECT {chosen} FROM result AS r JOIN run AS u USING (run_id) WHERE {conditions} "
            "ORDER BY r.target, r.model, r.intermediate, r.seed, r.run_id, r.metric, r.scorer, r.split, r.language, r.language_set",
            list(said.values()),
        )
        columns = [d[0] for d in found.description or []]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        if not rows:
            conditions = ", ".join(f"{c}={v}" for c, v in said.items()) or "this: the store is empty"
            raise DataError(f"no score meets {conditions}", board.unheard_of(self.con, said))
        return rows

    def told_apart(self, columns: Sequence[str]) -> list[Row]:
        """As `rows`, for formats that say no more of a system than these columns: what the views keep apart shall not become one there.

        Raises:
            DataError: If runs of ours and ingested ones, or steps selected on different development data, would be one system.
        """
        rows = self.rows()
        runs = {run: beside for run, *beside in self.con.execute("SELECT run_id, kind, target_revision FROM run").fetchall()}
        found: dict[tuple[Any, ...], tuple[Row, set[str], set[str]]] = {}
        for row in rows:
            _, kinds, developed = found.setdefault(tuple(row[c] for c in columns), (row, set(), set()))
            kind, revision = runs[row["run_id"]]
            kinds.add(kind)
            developed.add(developed_on(kind, revision))
        problems: list[str] = []
        for row, kinds, developed in found.values():
            name = f"{row['target']}: {row['model']} after {row['intermediate']}"
            if len(kinds) > 1:
                problems.append(f"{name}, run here and ingested: --kind run or --kind external takes one of them")
            if len(developed) > 1:
                said = f"selected on different development data ({', '.join(sorted(developed))})"
                problems.append(f"{name}, {said}: take one with xbench.export(…, target_revision=…)")
        if problems:
            raise DataError("systems that are not the same would be one in this format", list(dict.fromkeys(problems)))
        return rows


def names() -> list[str]:
    """The formats there are."""
    return plugins.names(EXPORTS)


def export(root: Path, format_name: str, output: Path | None, digits: int = 1, **where: Any) -> str:
    """Write rows of a store in a format.

    Args:
        root: The store.
        format_name: One of names().
        output: File or folder; None gives back text, for formats that are text.
        digits: Digits after the point of percent, in tables for people.
        where: {column of view result: value}; None is no condition.

    Returns:
        The text, or what was written, in words.

    Raises:
        PluginError: If there is no such format, or it is broken.
        DataError: If no row meets the conditions, or the format needs an output.
        StoreError: If the store cannot be read, or there is no such column.
    """
    if format_name not in names():
        raise PluginError(f"no export format is called {format_name!r}; there are: {', '.join(names())}{meant(format_name, names())}")
    module = plugins.load(EXPORTS, format_name)
    if not callable(write := getattr(module, "write", None)):
        said = f"its write is of type {type(write).__name__}" if hasattr(module, "write") else "there is no write in it"
        raise _broken(format_name, f"{module.__file__}: {said}")
    with store.reading(root) as con:
        board.query(con, "result", {c: v for c, v in where.items() if v is not None} | {"target": "\0"})  # names an unknown column
        selection = Selection(con, where, store.snapshot(con), digits)
        try:
            result = write(selection, output)
        except (XbenchError, OSError, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, duckdb.Error) and not isinstance(error, _OF_SQL):
                raise
            raise _broken(format_name, plugins.failure(module, "write", error)) from error
    if not isinstance(result, str):
        raise _broken(format_name, f"{plugins.place(module, 'write')}: write returned {type(result).__name__}")
    return result


def _broken(name: str, said: str) -> PluginError:
    return PluginError(f"export format {name!r} is broken", [f"{said}; {_EXPECTED}"])


def to_file(text: str, output: Path | None, what: str) -> str:
    """The text itself, or a word on the file that holds it now.

    Raises:
        DataError: If the file cannot be written.
    """
    if output is None:
        return text
    write_whole(output, text.encode("utf-8"))
    return f"{what} in {output}\n"


def write_whole(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        with places.whole(path) as new:
            new.write_bytes(content)
    except WriteError as error:
        raise DataError(f"{path} cannot be written", list(error.problems)) from error
