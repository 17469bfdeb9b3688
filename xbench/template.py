"""What an open store has whatever is in it: outlines of its tables, the views of views/ over them, tables of data/ and tasks/, a macro.

To bind the views takes most of the time in which a store is opened. They are bound once, in a database that is kept in the user's cache by
what it is made from, and copied from it: a copy is not bound.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from xbench import binding, contracts, places, share
from xbench.contracts import TABLES
from xbench.errors import StoreError, WriteError
from xbench.listing import quoted

VIEWS = Path(__file__).parent / "views"
_MOST = 20  # files that are kept, of other versions and other tasks
# Tasks of a suite that xbench does not score (google-research/xtreme evaluate.py, XTREME_R_TASK2LANGS).
_NOT_HERE = (("xtreme-r", "retrieval", "lareqa"), ("xtreme-r", "retrieval", "mewslix"))

# Tables that are files of data/, with their columns: told, as to find them out takes longer than to read. What is empty is not known.
# language: data/languages.csv. language_distance: both ways of every pair.
_GIVEN: dict[str, tuple[str, dict[str, str]]] = {
    "language": ("languages", dict.fromkeys(("language", "name", "family", "script"), "VARCHAR")),
    "language_distance": (
        "language_distance",
        dict.fromkeys(("language", "other"), "VARCHAR")
        | dict.fromkeys(("syntactic", "phonological", "inventory", "featural", "geographic"), "DOUBLE"),
    ),
    "pretraining_size": (
        "pretraining_size",
        {"language": "VARCHAR", "corpus": "VARCHAR", "gib": "DOUBLE", "million_tokens": "BIGINT"},
    ),
    "shared_data": ("shared_data", dict.fromkeys(("intermediate", "target", "what"), "VARCHAR")),
}
# Of what tasks/ says. task_labels: how many labels each classification task has. task_language: what each task covers. task_part: what a
# mixture is of, and the language in which that is trained. suite_task: which tasks make up the average of a suite, and the scorer whose
# number counts there under each rule; no scorer where xbench has none, so that such an average is never complete.
_OF_TASKS = {
    "task_labels": {"target": "VARCHAR", "family": "VARCHAR", "labels": "INTEGER"},
    "task_language": dict.fromkeys(("target", "family", "language", "metric"), "VARCHAR"),
    "task_part": dict.fromkeys(("task", "part", "train_language"), "VARCHAR"),
    "suite_task": dict.fromkeys(("suite", "rule", "task_group", "target", "scorer"), "VARCHAR"),
}
_BASE_TASK = "CREATE MACRO base_task(name) AS regexp_replace(split_part(name, '@', 1), '^{}', '')"  # as xbench.task.base_task
# A row a step of xbench.retractions and run: when it was taken out (or back in), and why. Filled where a store is opened.
_RETRACTION = "CREATE TABLE retraction (step VARCHAR, made TIMESTAMP WITH TIME ZONE, run_id VARCHAR, because VARCHAR, back BOOLEAN)"

Content = tuple[Any, ...]
"""All that a template is made from."""


def content() -> Content:
    """It, as it is now: files of data/ by name and time, the others by what they say."""
    from xbench.task import XTREME_R, all_tasks

    tasks = all_tasks()
    labels = [(task.name, task.family, str(len(task.labels) or (2 if task.family == "choice" else 0))) for task in tasks]
    languages = [(task.name, task.family, code, task.metric) for task in tasks for code in task.languages]
    trained = {task.name: task.train_language for task in tasks}
    named = [(task.name, part.task.partition("@")) for task in tasks for part in task.parts]
    parts = [(name, base, language or trained[base]) for name, (base, _, language) in named]
    rows = (tuple(row for row in labels if row[2] != "0"), tuple(languages), tuple(parts), _suite_rows())
    files = [share.folder("data") / f"{file}.csv" for file, _ in _GIVEN.values()]
    selects = binding.selects(VIEWS)
    tables = {f"{kind}{table}" for table in TABLES for kind in ("", "every_", "stored_")} | {*_GIVEN, *_OF_TASKS, "retraction"}
    if taken := sorted(selects.keys() & tables):
        raise StoreError("a view has the name of a table", [f"{VIEWS / f'{name}.sql'}: there is a table {name}" for name in taken])
    times = tuple((str(file), file.stat().st_mtime_ns) for file in files)
    return tuple(selects.items()), rows, times, f"{_BASE_TASK.format(XTREME_R)}; {_RETRACTION}"


def define(con: duckdb.DuckDBPyConnection, made_from: Content) -> None:
    """Put it all into a database in memory that has nothing yet; a cache that cannot be written, or is damaged, costs time, nothing else.

    Args:
        con: Closed afterwards. Views may take the place of its tables `stored_…`, `every_…` and TABLES.
        made_from: From `content`.

    Raises:
        StoreError: If a view is not valid SQL, or refers to something that does not exist.
    """
    said = repr((duckdb.__version__, [contracts.rules(table).columns for table in TABLES], made_from))
    path = share.cache_folder() / "views" / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.duckdb"
    with con:
        if not (_copied(con, path) or (_keep(path, made_from) and _copied(con, path))):
            _build(con, made_from)


def _copied(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether it could be copied from a file, which may not be there, or be damaged."""
    try:
        con.execute(f"ATTACH {quoted(path)} AS template (READ_ONLY)")
        con.execute("COPY FROM DATABASE template TO memory; DETACH template")
    except duckdb.Error:
        with contextlib.suppress(duckdb.Error):
            con.execute("DETACH template")
        return False
    return True


def _keep(path: Path, made_from: Content) -> bool:
    """Make the file, whole or not at all, and drop the oldest of many; whether that could be done."""
    try:
        # In a database of its own: into the store's, another thread may have put the runs already.
        with places.database() as con, places.whole(path) as new:
            con.execute(f"ATTACH {quoted(new)} AS template (BLOCK_SIZE 16384, STORAGE_VERSION 'latest')")
            _build(con, made_from)
            con.execute("COPY FROM DATABASE memory TO template; DETACH template")
        for old in sorted(path.parent.glob("*.duckdb"), key=lambda p: p.stat().st_mtime)[:-_MOST]:
            old.unlink(missing_ok=True)
    except (WriteError, OSError, duckdb.Error):
        return False
    return True


def _build(con: duckdb.DuckDBPyConnection, made_from: Content) -> None:
    views, rows, files, first = made_from
    con.execute(first)
    for table in TABLES:
        columns = tuple((name, kind) for name, kind, _ in contracts.rules(table).columns)
        con.execute("; ".join(binding.outline(f"{name}{table}", columns) for name in ("stored_", "every_", "")))
    with ThreadPoolExecutor(1) as beside:
        given = beside.submit(_define_given, con.cursor(), [path for path, _ in files])
        _define_tasks(con, rows)
        binding.define_views(con, dict(views), VIEWS)
        given.result()


def _define_given(con: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Tables that no view needs; the connection is closed afterwards."""
    with con:
        for (table, (_, types)), file in zip(_GIVEN.items(), files, strict=True):
            read = f"read_csv({quoted(file)}, header = true, auto_detect = false, columns = {types})"
            con.execute(f"CREATE TABLE {table} AS SELECT * FROM {read}")


def _define_tasks(con: duckdb.DuckDBPyConnection, rows: Sequence[Sequence[tuple[str | None, ...]]]) -> None:
    for (name, columns), some in zip(_OF_TASKS.items(), rows, strict=True):
        # As lists, not as an Arrow table: to look at one, DuckDB imports pandas, which takes longer than all the rest.
        chosen = ", ".join(f"unnest(?::VARCHAR[])::{kind} AS {column}" for column, kind in columns.items())
        con.execute(f"CREATE TABLE {name} AS SELECT {chosen}", [list(values) for values in zip(*some, strict=True)] or [[]] * len(columns))


@cache
def _suite_rows() -> tuple[tuple[str | None, ...], ...]:
    from xbench.scorer import load_scorer
    from xbench.task import all_tasks

    tasks = [t for t in all_tasks() if t.suites]
    rules = sorted({rule for task in tasks for rule, _ in task.rules} | {"official"})
    signature: Callable[[str], str] = cache(lambda name: load_scorer(name).signature)  # tasks share a few, each looked for in its folder
    rows = [
        (suite, rule, str(task.group), task.name, signature(dict(task.rules).get(rule, task.scorers[0])))
        for task in tasks
        for suite in task.suites
        for rule in rules
    ]
    return (*rows, *((suite, rule, group, target, None) for suite, group, target in _NOT_HERE for rule in rules))
