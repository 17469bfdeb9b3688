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


def selects(folder: Path) -> dict[str, str]:
    """The SQL files of a folder, by the names of their views."""
    names = plugins.names(folder, ".sql")
    return {name.replace("-", "_"): plugins.path(folder, name, ".sql").read_text(encoding="utf-8") for name in names}


def define_views(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str]) -> None:
    """Create a view from each SELECT, in whatever order their references need; several at once, as each is bound on its own.

    In the place of a view there is first an empty table with its columns, and the view only when those that need it are there: whatever
    is bound over a view binds all that is under it again.

    Raises:
        StoreError: If a view is not valid SQL, or refers to something that does not exist.
    """
    with ThreadPoolExecutor(2) as pool:
        last_first = list(reversed(_outlines(con, selects, pool)))
        list(pool.map(partial(_fill_in, con), last_first, [selects[name] for name in last_first]))


def outline(name: str, columns: Columns) -> str:
    """A statement that puts an empty table in the place of a view, for others to be bound over."""
    return f"CREATE TABLE {name} ({', '.join(f'{_quoted(column)} {kind}' for column, kind in columns)})"


def view(name: str, select: str) -> str:
    """Statements that put a view in the place of its outline, at once for whoever is bound over either meanwhile."""
    return f"BEGIN; DROP TABLE {name}; CREATE VIEW {name} AS {select}; COMMIT"


def _outlines(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str], pool: ThreadPoolExecutor) -> list[str]:
    """Find out the columns of each view, and outline it; the views in that order, each after those that it needs."""
    words = {name: set(re.findall(r"\w+", re.sub("--.*", "", select))) for name, select in selects.items()}
    waiting, made = dict(selects), list[str]()
    while waiting:
        ready = [name for name in waiting if not words[name] & (waiting.keys() - {name})]
        for some in (ready, list(waiting)):  # all, where the words misled or something does not exist
            said = dict(zip(some, pool.map(partial(_outline, con), some, [waiting[name] for name in some]), strict=True))
            found = [name for name, why in said.items() if why is None]
            if found:
                made += found
                break
        else:
            raise StoreError("views refer to tables that do not exist", [f"{name}: {why}" for name, why in said.items()])
        for name in found:
            del waiting[name]
    return made


def _outline(con: duckdb.DuckDBPyConnection, name: str, select: str) -> str | None:
    """Outline a view, unless its SELECT refers to what is not there: then what is said of it."""
    with con.cursor() as cursor:  # a connection does one thing at a time
        try:
            described = cursor.execute(f"DESCRIBE {select}").fetchall()
        except duckdb.CatalogException as error:
            return str(error)
        except duckdb.Error as error:
            raise StoreError(f"view {name!r} is not valid", [str(error)]) from error
        cursor.execute(outline(name, tuple((column, kind) for column, kind, *_ in described)))
    return None


def _fill_in(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    with con.cursor() as cursor:
        cursor.execute(view(name, select))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
