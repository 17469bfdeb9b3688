"""Views from a folder of SQL files, each over whichever others it names."""

import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb

from xbench import plugins
from xbench.errors import StoreError

Columns = tuple[tuple[str, str], ...]
"""Of a view: the name and type of each."""


def selects(folder: Path) -> dict[str, str]:
    """The SQL files of a folder, by the names of their views.

    Raises:
        StoreError: If one cannot be read, naming it.
    """
    return {name.replace("-", "_"): _text(_file(folder, name)) for name in plugins.names(folder, ".sql")}


def define_views(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str], folder: Path) -> None:
    """Create a view from each SELECT, in whatever order their references need; several at once, as each is bound on its own.

    In the place of a view there is first an empty table with its columns, and the view only when those that need it are there: whatever
    is bound over a view binds all that is under it again.

    Args:
        con: Where they are created.
        selects: What `selects(folder)` gave.
        folder: Where they are from, for messages.

    Raises:
        StoreError: If files are no valid SELECT each, or refer to something that does not exist, naming them and the line.
    """
    with ThreadPoolExecutor(2) as pool:
        last_first = list(reversed(_outlines(con, selects, folder, pool)))
        list(pool.map(partial(_fill_in, con), last_first, [selects[name] for name in last_first]))


def outline(name: str, columns: Columns) -> str:
    """A statement that puts an empty table in the place of a view, for others to be bound over."""
    return f"CREATE TABLE {name} ({', '.join(f'{_quoted(column)} {kind}' for column, kind in columns)})"


def view(name: str, select: str) -> str:
    """Statements that put a view in the place of its outline, at once for whoever is bound over either meanwhile."""
    return f"BEGIN; DROP TABLE {name}; CREATE VIEW {name} AS {select}\n; COMMIT"


def _outlines(con: duckdb.DuckDBPyConnection, selects: Mapping[str, str], folder: Path, pool: ThreadPoolExecutor) -> list[str]:
    """Find out the columns of each view, and outline it; the views in that order, each after those that it needs."""
    words = {name: set(re.findall(r"\w+", re.sub("--.*", "", select))) for name, select in selects.items()}
    waiting, made = dict(selects), list[str]()
    outlined = partial(_outline, con, folder)
    while waiting:
        ready = [name for name in waiting if not words[name] & (waiting.keys() - {name})]
        for some in (ready, list(waiting)):  # all, where the words misled or something does not exist
            said = dict(zip(some, pool.map(outlined, some, [waiting[name] for name in some]), strict=True))
            if wrong := [problem.why for problem in said.values() if problem and not problem.absent]:
                raise StoreError("views are not valid", wrong)
            found = [name for name, problem in said.items() if not problem]
            if found:
                made += found
                break
        else:
            raise StoreError("views refer to what does not exist", [problem.why for problem in said.values() if problem])
        for name in found:
            del waiting[name]
    return made


class _Problem(NamedTuple):
    """Why a view could not be outlined; absent: as it refers to what is not there, or not yet."""

    why: str
    absent: bool = False


def _outline(con: duckdb.DuckDBPyConnection, folder: Path, name: str, select: str) -> _Problem | None:
    """Outline a view, or say why not."""
    file = _file(folder, name)
    with con.cursor() as cursor:  # a connection does one thing at a time
        try:
            if (count := len(cursor.extract_statements(select))) != 1:
                return _Problem(f"{file}: {count or 'no'} statements, expected one SELECT")
            described = cursor.execute(f"DESCRIBE {select}").fetchall()
        except duckdb.CatalogException as error:
            return _Problem(plugins.told_of_sql(error, file), absent=True)
        except duckdb.Error as error:
            return _Problem(plugins.told_of_sql(error, file))
        times = Counter(column.lower() for column, *_ in described)
        if twice := [column for column, count in times.items() if count > 1]:
            return _Problem(f"{file}: two columns are called {', '.join(twice)}")
        cursor.execute(outline(name, tuple((column, kind) for column, kind, *_ in described)))
    return None


def _file(folder: Path, name: str) -> Path:
    return plugins.path(folder, name.replace("_", "-"), ".sql")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file}: cannot be read: {error}") from error


def _fill_in(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    with con.cursor() as cursor:
        cursor.execute(view(name, select))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
