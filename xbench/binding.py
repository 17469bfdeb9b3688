"""Views from a folder of SQL files, each over whichever others it names."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

from xbench import plugins
from xbench.errors import StoreError


def define_views(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create a view from each SQL file of `folder`, in whatever order their references need; several at once, as each is bound on its own.

    A view is first one of no rows with its columns, and all its own only when those that need it are: whatever is bound over a view
    binds all that is under it again.

    Raises:
        StoreError: If a view is not valid SQL, or refers to something that does not exist.
    """
    names = plugins.names(folder, ".sql")
    selects = {name.replace("-", "_"): plugins.path(folder, name, ".sql").read_text(encoding="utf-8") for name in names}
    key = tuple(selects.items())
    with ThreadPoolExecutor(2) as pool:
        if key in _OUTLINES:
            con.execute("; ".join(f"CREATE VIEW {name} AS {outline}" for name, outline in _OUTLINES[key].items()))
        else:
            _OUTLINES[key] = _outlines(con, selects, pool)
        last_first = list(reversed(_OUTLINES[key]))
        list(pool.map(partial(_define_view, con), last_first, [selects[name] for name in last_first]))


# Of views by their texts: each, after those that it needs, with a (SELECT) of no rows that has its columns. Kept, as a process may open
# many stores, and tables always have the columns of their contracts.
_OUTLINES: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}


def _outlines(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str], pool: ThreadPoolExecutor) -> dict[str, str]:
    """Find them, and create their views."""
    words = {name: set(re.findall(r"\w+", re.sub("--.*", "", select))) for name, select in selects.items()}
    waiting, made = dict(selects), dict[str, str]()
    while waiting:
        ready = [name for name in waiting if not words[name] & (waiting.keys() - {name})]
        for some in (ready, list(waiting)):  # all, where the words misled or something does not exist
            said = dict(zip(some, pool.map(partial(_outline, con), some, [waiting[name] for name in some]), strict=True))
            found = {name: outline for name, (outline, _) in said.items() if outline}
            if found:
                made |= found
                break
        else:
            raise StoreError("views refer to tables that do not exist", [f"{name}: {why}" for name, (_, why) in said.items()])
        for name in found:
            del waiting[name]
    return made


def _outline(con: duckdb.DuckDBPyConnection, name: str, select: str) -> tuple[str, str]:
    """Create a view of no rows with the columns of a (SELECT): what it selects, or what is said if that refers to what is not there."""
    with con.cursor() as cursor:  # a connection does one thing at a time
        try:
            described = cursor.execute(f"DESCRIBE {select}").fetchall()
        except duckdb.CatalogException as error:
            return "", str(error)
        except duckdb.Error as error:
            raise StoreError(f"view {name!r} is not valid", [str(error)]) from error
        chosen = ", ".join('NULL::{} AS "{}"'.format(kind, column.replace('"', '""')) for column, kind, *_ in described)
        outline = f"SELECT {chosen} WHERE false"
        cursor.execute(f"CREATE VIEW {name} AS {outline}")
    return outline, ""


def _define_view(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    with con.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE VIEW {name} AS {select}")
