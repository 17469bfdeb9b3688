"""Views from a folder of SQL files, each over whichever others it names."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

from xbench import plugins
from xbench.errors import StoreError

Columns = tuple[tuple[str, str], ...]
"""Of a view: the name and type of each."""


def define_views(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create a view from each SQL file of `folder`, in whatever order their references need; several at once, as each is bound on its own.

    In the place of a view there is first an empty table with its columns, and the view only when those that need it are there: whatever
    is bound over a view binds all that is under it again.

    Raises:
        StoreError: If a view is not valid SQL, or refers to something that does not exist.
    """
    names = plugins.names(folder, ".sql")
    selects = {name.replace("-", "_"): plugins.path(folder, name, ".sql").read_text(encoding="utf-8") for name in names}
    key = tuple(selects.items())
    with ThreadPoolExecutor(2) as pool:
        if key in _OUTLINES:
            con.execute("; ".join(outline(name, columns) for name, columns in _OUTLINES[key].items()))
        else:
            _OUTLINES[key] = _outlines(con, selects, pool)
        last_first = list(reversed(_OUTLINES[key]))
        list(pool.map(partial(_fill_in, con), last_first, [selects[name] for name in last_first]))


def outline(name: str, columns: Columns) -> str:
    """A statement that puts an empty table in the place of a view, for others to be bound over."""
    return f"CREATE TABLE {name} ({', '.join(f'{_quoted(column)} {kind}' for column, kind in columns)})"


def view(name: str, select: str) -> str:
    """Statements that put a view in the place of its outline, at once for whoever is bound over either meanwhile."""
    return f"BEGIN; DROP TABLE {name}; CREATE VIEW {name} AS {select}; COMMIT"


# Of views by their texts: each, after those that it needs, with its columns. Kept, as a process may open many stores, and tables always
# have the columns of their contracts.
_OUTLINES: dict[tuple[tuple[str, str], ...], dict[str, Columns]] = {}


def _outlines(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str], pool: ThreadPoolExecutor) -> dict[str, Columns]:
    """Find them, and create their tables."""
    words = {name: set(re.findall(r"\w+", re.sub("--.*", "", select))) for name, select in selects.items()}
    waiting, made = dict(selects), dict[str, Columns]()
    while waiting:
        ready = [name for name in waiting if not words[name] & (waiting.keys() - {name})]
        for some in (ready, list(waiting)):  # all, where the words misled or something does not exist
            said = dict(zip(some, pool.map(partial(_outline, con), some, [waiting[name] for name in some]), strict=True))
            found = {name: columns for name, (columns, _) in said.items() if columns}
            if found:
                made |= found
                break
        else:
            raise StoreError("views refer to tables that do not exist", [f"{name}: {why}" for name, (_, why) in said.items()])
        for name in found:
            del waiting[name]
    return made


def _outline(con: duckdb.DuckDBPyConnection, name: str, select: str) -> tuple[Columns, str]:
    """Outline a view: its columns, or what is said if its (SELECT) refers to what is not there."""
    with con.cursor() as cursor:  # a connection does one thing at a time
        try:
            described = cursor.execute(f"DESCRIBE {select}").fetchall()
        except duckdb.CatalogException as error:
            return (), str(error)
        except duckdb.Error as error:
            raise StoreError(f"view {name!r} is not valid", [str(error)]) from error
        columns = tuple((column, kind) for column, kind, *_ in described)
        cursor.execute(outline(name, columns))
    return columns, ""


def _fill_in(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    with con.cursor() as cursor:
        cursor.execute(view(name, select))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
