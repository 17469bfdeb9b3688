"""`xbench verify`: whether a store is whole: every file read, every rule of the contracts asked, every score made again from its outcomes.

Files are looked at one at a time; what has to be compared between them (ids, sums, counts, never texts) is kept in a DuckDB of its own.
Nothing is changed, and nothing stops it: what cannot be read is a problem like the others. `xbench.mending` sets aside what is found.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from xbench import contracts, places, rows, scoring, sealing, study
from xbench.contracts import TABLES
from xbench.errors import StoreError, XbenchError
from xbench.listing import FOLDER, INGESTED, PREFIX, SORTING, Listing, check_folder, compaction_of, ingested, inside, parquet
from xbench.scorer import Scorer, load_scorer
from xbench.task import load_task
from xbench.version import __version__

# What each kind of problem means for a reader of the store; those of HARMLESS are never seen by one.
KINDS = {
    "unreadable": "cannot be read, and stops every command that reads the table",
    "no access": "not given to this process, or whole and yet not read; nothing says that the file is wrong",
    "content": "its bytes are not those that were written",
    "schema": "of another version of xbench",
    "contract": "rows that break the contract of their table",
    "identity": "names, ids and counts that do not follow from what they stand for",
    "score differs": "scores that are not what their outcomes make",
    "outcome differs": "outcomes that are not what their predictions make",
    "incomplete": "runs without what they should have",
    "orphan": "rows of an interrupted write, without the run or score that they are for",
    "leftover": "of an interrupted write, which no reader sees",
    "foreign": "not a file of xbench, which no reader sees",
}
HARMLESS = ("orphan", "leftover", "foreign")
QUARANTINE = "quarantine"
_TOLERANCE = 1e-12
CELL = "run_id, language, split, metric, scorer"
_KEY = ("model", "intermediate", "target", "train_language", "seed")
_ID = re.compile(r"[0-9a-f]{24}")
_OF_COMPACTION = re.compile(r"\d{6}(\.json|-[0-9a-f]{8}\.parquet)")
_BATCH = 20_000  # rows that are in Python at once
_AGAIN = "xbench verify --repair sets its files aside; then xbench run STUDY makes the cell again, or ingest its source again"
_TEMPORARY = "temporary name", "no write was interrupted", "nothing; xbench verify --repair sets it aside"
_UNFINISHED = "of a compaction that was never finished", "one that counts", "nothing; xbench verify --repair sets it aside"
_TWICE = "xbench verify --repair sets this file aside, if all its rows are in others too"
_RERUN = "xbench verify --repair sets the run aside; then xbench run STUDY makes it again, or ingest its source again"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: One of KINDS.
        table: One of TABLES; empty where it is of none.
        file: Below the store; empty where no one file is to blame.
        rows: Which rows or runs.
        found: What is there.
        expected: What should be.
        do: What to do about it.
        runs: The ids of the runs that cannot be relied on, where they are known.
    """

    kind: str
    table: str
    file: str
    rows: str
    found: str
    expected: str
    do: str
    runs: tuple[str, ...] = ()

    @property
    def harmless(self) -> bool:
        """Whether no reader of the store sees it."""
        return self.kind in HARMLESS


@dataclass(slots=True)
class File:
    """A file of a table.

    Attributes:
        number: Its place in the list.
        table: One of TABLES.
        path: Where it is.
        lost: Whether its rows are not known.
    """

    number: int
    table: str
    path: Path
    lost: bool = False

    @property
    def name(self) -> str:
        """Without its ending; all files of one write have the same."""
        return self.path.name.removesuffix(".parquet")

    @property
    def shown(self) -> str:
        """Below the store."""
        return f"{self.table}/{self.path.name}"


@dataclass(slots=True)
class Verified:
    """What was found.

    Attributes:
        root: The store.
        problems: All of them, in the order of KINDS.
        files: The files with rows.
        rows: How many rows were read.
        scores: How many scores were made again from their outcomes.
        ledger: `held`: which runs each file has rows of; `claim`: the runs of table run.
        reader: Reads the files.
    """

    root: Path
    ledger: duckdb.DuckDBPyConnection
    reader: duckdb.DuckDBPyConnection
    problems: list[Problem] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    rows: int = 0
    scores: int = 0

    @property
    def whole(self) -> bool:
        """Whether all that readers see is as it was written."""
        return all(problem.harmless for problem in self.problems)


Tick = Callable[[int, int], None]


def _reader() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def verify(root: Path, *, deep: bool = False, tick: Tick = lambda done, total: None) -> Verified:
    """Check a store.

    Args:
        root: The store.
        deep: Also make the outcomes again from the predictions, where the scorer is there in the version that made them.
        tick: Told how many files are done, of how many.

    Raises:
        StoreError: If there is no store.
    """
    if not check_folder(root):
        raise StoreError(f"there is no store at {root}")
    found = Verified(root, _reader(), _reader())
    found.ledger.execute(_LEDGER)
    _list_files(found)
    for done, file in enumerate(found.files):
        tick(done, len(found.files))
        _check_file(found, file)
    for check in (_duplicates, _orphans, _keys, _without_scores, _without_outcomes, _without_predictions, _without_score, _recompute):
        check(found)
    if deep:
        _rescore(found)
    tick(len(found.files), len(found.files))
    found.problems.sort(key=lambda p: (list(KINDS).index(p.kind), p.table, p.file, p.rows))
    return found


# Which files there are.

_LEDGER = """
CREATE TABLE held (file INTEGER, tbl VARCHAR, run_id VARCHAR, model VARCHAR, intermediate VARCHAR, target VARCHAR, train_language VARCHAR,
    seed BIGINT, revision VARCHAR, count BIGINT);
CREATE TABLE claim (file INTEGER, name VARCHAR, run_id VARCHAR, kind VARCHAR, identity VARCHAR);
CREATE TABLE share (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, above DOUBLE,
    below DOUBLE, n BIGINT);
CREATE TABLE score (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, value DOUBLE, n BIGINT);
CREATE TABLE answer (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, n BIGINT);
CREATE TABLE twice (file INTEGER, run_id VARCHAR, count BIGINT);
CREATE TABLE digest (run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, digest VARCHAR);
"""


def _list_files(found: Verified) -> None:
    """Runs come first: what is written meanwhile is then an orphan, never a run that lacks something."""
    listed = _listing(found)
    if listed is None:
        return
    for table in TABLES:
        folder = found.root / table
        if folder.exists() and not folder.is_dir():
            found.problems.append(Problem("unreadable", table, table, "", "is a file", "a folder of Parquet files", "move it away"))
            continue
        for name in inside(folder):
            _list_file(found, listed, table, folder / name)
    _list_compactions(found, listed)
    if listed.compaction.names:
        _check_names(found, listed)
    for table, names in listed.missing.items():
        for name in names:
            expected, do = "what a compaction wrote", f"put it back, or {_AGAIN}"
            found.problems.append(Problem("unreadable", table, f"{table}/{name}.parquet", "all", "is not there", expected, do))
    for path in (found.root / name for name in inside(found.root) if name not in (*TABLES, QUARANTINE, FOLDER)):
        if path.is_dir() and any(path.glob("*.parquet")):
            given, expected = f"a table that xbench {__version__} does not know", f"the tables {', '.join(TABLES)}"
            do = "verify it with the xbench that wrote it, or a newer one"
            found.problems.append(Problem("schema", path.name, path.name, "", given, expected, do))


def _listing(found: Verified) -> Listing | None:
    """Which files count; None if that is not known: then there is no telling what readers would see, and no file is looked at."""
    try:
        return Listing(found.root)
    except StoreError as error:
        said = "; ".join([error.headline, *error.problems])
        do = "see to it: no command reads the store without it"
        kind = "no access" if isinstance(error.__cause__, OSError) else "unreadable"
        found.problems.append(Problem(kind, "", FOLDER, "all", said, "a word on which files count", do))
        return None


def _list_file(found: Verified, listed: Listing, table: str, path: Path) -> None:
    name, shown = path.name.removesuffix(".parquet"), f"{table}/{path.name}"
    if path.name.endswith(".tmp") or path.name.startswith("tmp_"):
        found.problems.append(Problem("leftover", table, shown, "", *_TEMPORARY))
    elif not path.name.endswith(".parquet") or path.name[0] == ".":
        said = "is not a Parquet file by its name", "NAME.parquet", "nothing; move it away if it is not yours"
        found.problems.append(Problem("foreign", table, shown, "", *said))
    elif not path.is_file():
        said = "is a link to nothing" if path.is_symlink() else "is no file", "a Parquet file", "move it away"
        found.problems.append(Problem("unreadable", table, shown, "all", *said))
    elif name.startswith(PREFIX) and name not in listed.compaction.files.get(table, ()):
        # Those that came after the listing are of a compaction under way; those of earlier ones go with what they were made of.
        if name in listed.uncounted[table] and compaction_of(name) > listed.compaction.number:
            found.problems.append(Problem("leftover", table, shown, "", *_UNFINISHED))
    elif name not in listed.replaced[table]:
        found.files.append(File(len(found.files), table, path))


def _list_compactions(found: Verified, listed: Listing) -> None:
    """What an interrupted compaction left where they are written down. What earlier ones said goes with what they were made of."""
    names = inside(found.root / FOLDER)
    for name in names:
        shown, number = f"{FOLDER}/{name}", name[:6]
        if name.endswith(".tmp"):
            found.problems.append(Problem("leftover", "", shown, "", *_TEMPORARY))
        elif name.startswith(SORTING):
            found.problems.append(Problem("leftover", "", shown, "", *_UNFINISHED))
        elif not _OF_COMPACTION.fullmatch(name):
            said = "is not of a compaction by its name", "NNNNNN.json and its list", "nothing; move it away if it is not yours"
            found.problems.append(Problem("foreign", "", shown, "", *said))
        elif int(number) > listed.compaction.number and f"{number}.json" not in names:  # one that came meanwhile has both
            found.problems.append(Problem("leftover", "", shown, "", *_UNFINISHED))


def _check_names(found: Verified, listed: Listing) -> None:
    """The file that says what a compaction replaced."""
    shown = f"{FOLDER}/{listed.compaction.names}"
    try:
        with places.local(listed.names) as path:
            whole = sealing.intact(path)
    except OSError as error:
        found.problems.append(Problem("no access", "", shown, "all", str(error), "a file that can be read", "see to permissions and disk"))
        return
    if whole is not True:
        said = "the checksum in its footer is that of other bytes" if whole is False else "no checksum", "the bytes that were written"
        do = "take it from a copy of the store: it says which files were replaced, and which runs a snapshot had"
        found.problems.append(Problem("content", "", shown, "any", *said, do))


# One file.


def _check_file(found: Verified, file: File) -> None:
    content = _read(found, file)
    if content is None:
        file.lost = True
        return
    found.rows += content.num_rows
    if _broken_columns(found, file, content):
        file.lost = True
        return
    content = content.select([name for name in content.column_names if name in contracts.schema(file.table).names])
    for problem in contracts.problems(found.ledger, file.table, content):  # which makes `whole` of the rows
        found.problems.append(Problem("contract", file.table, file.shown, "", problem, f"schemas/{file.table}.sql", _AGAIN))
    _enter(found, file)
    _check_name(found, file)
    if file.table == "run":
        _check_runs(found, file)
    elif file.table == "outcome":
        _digest_outcomes(found, file)
    elif file.table == "score":
        _check_ids(found, file)
    found.ledger.execute("DROP VIEW whole; DROP TABLE IF EXISTS numbered")
    found.ledger.unregister("given")


# What the readers of Parquet raise at bytes that make no sense: names that are no text are a RuntimeError, odd sizes want too much memory.
_DAMAGE = (duckdb.Error, pa.ArrowException, OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError)


def _read(found: Verified, file: File) -> pa.Table | None:
    """All rows and columns, as the views read them. Those of a damaged file too, if they can be: what it says may be told."""
    intact = None
    try:
        with places.local(file.path) as path:
            intact = sealing.intact(path)
            content = found.reader.sql(f"SELECT * FROM {parquet([path])}").to_arrow_table()
            against = ["the checksum in its footer is that of other bytes"] if intact is False else []
            if intact is None:
                against = list(_against_footer(path, content))
    except _DAMAGE as error:
        found.reader.close()
        found.reader = _reader()  # an error may leave the old one of no use
        said = " ".join(str(error).replace(str(file.path), file.path.name).split())
        # A file that this process may not open, or with the very bytes that were written, is not to be blamed, nor set aside.
        if intact or (isinstance(error, OSError) and error.errno is not None):
            do = "see to permissions, disk and memory, and verify again"
            found.problems.append(Problem("no access", file.table, file.shown, "all", said, "a file that can be read", do))
        else:
            found.problems.append(Problem("unreadable", file.table, file.shown, "all", said, "a Parquet file, whole", _AGAIN))
        return None
    for said in against:
        found.problems.append(Problem("content", file.table, file.shown, "any", said, "the bytes that were written", _AGAIN))
    return content


def _against_footer(path: Path, content: pa.Table) -> Iterator[str]:
    """Of a file without a checksum: what the footer says of the rows (how many, least and greatest of each column), and is not so."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    if footer.num_rows != content.num_rows:
        yield f"{content.num_rows} rows where the footer says {footer.num_rows}"
    for place in range(footer.num_columns):
        name = footer.schema.column(place).name
        parts = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
        if name not in content.column_names or not parts or not all(part is not None and part.has_min_max for part in parts):
            continue
        least, greatest = min(part.min for part in parts), max(part.max for part in parts)
        there = pc.min_max(content[name]).as_py()
        # DuckDB cuts long texts: of these the footer has limits.
        cut = max((len(str(value)) for value in (least, greatest)), default=0) >= _CUT
        agrees = least <= there["min"] and there["max"] <= greatest if cut else (least, greatest) == (there["min"], there["max"])
        if not agrees:
            yield f"column {name!r}: from {there['min']!r} to {there['max']!r} where the footer says from {least!r} to {greatest!r}"
        if all(part.has_null_count for part in parts) and sum(part.null_count for part in parts) != content[name].null_count:
            yield f"column {name!r}: {content[name].null_count} NULL where the footer says {sum(part.null_count for part in parts)}"


_CUT = 64  # characters (of up to 4 bytes) from which a text may have been cut


def _broken_columns(found: Verified, file: File, content: pa.Table) -> bool:
    """Whether there are columns that rows of this table cannot be without."""
    known = contracts.schema(file.table).names
    if unknown := [name for name in content.column_names if name not in known]:
        said = f"column{'s' * (len(unknown) > 1)} {', '.join(map(repr, unknown))}, which xbench {__version__} does not know"
        do = "verify it with the xbench that wrote it, or a newer one; this one reads the other columns"
        found.problems.append(Problem("schema", file.table, file.shown, "all", said, f"the columns of schemas/{file.table}.sql", do))
    problems = contracts.column_problems(file.table, content.select([name for name in content.column_names if name in known]))
    for problem in problems:
        found.problems.append(Problem("contract", file.table, file.shown, "all", problem, f"schemas/{file.table}.sql", _AGAIN))
    return bool(problems)


def _enter(found: Verified, file: File) -> None:
    """What is to be compared with other files."""
    con, number = found.ledger, file.number
    revision = {"run": "target_revision", "score": "dataset_revision"}.get(file.table, "NULL")
    con.execute(
        f"INSERT INTO held SELECT {number}, '{file.table}', run_id, {', '.join(_KEY)}, {revision}, count(*) FROM whole GROUP BY ALL"
    )
    if file.table == "run":
        con.execute(f"INSERT INTO claim SELECT {number}, ?, run_id, kind, identity FROM whole", [file.name])
    elif file.table == "outcome":
        con.execute(f"INSERT INTO share SELECT {number}, {CELL}, fsum(numerator), fsum(denominator), count(*) FROM whole GROUP BY ALL")
    elif file.table == "score":
        con.execute(f"INSERT INTO score SELECT {number}, {CELL}, value, n FROM whole WHERE evidence = 'outcomes'")
    else:
        con.execute(f"INSERT INTO answer SELECT {number}, run_id, language, split, count(*) FROM whole GROUP BY ALL")


def _check_name(found: Verified, file: File) -> None:
    """A name with a run's id in it has rows of that run alone; that of a batch is made of the ids of its runs."""
    expected = f"{file.name}.parquet"
    if file.name.startswith(INGESTED):
        if file.table == "run":
            runs = [
                row[0] for row in found.ledger.execute("SELECT DISTINCT run_id FROM whole WHERE run_id IS NOT NULL ORDER BY 1").fetchall()
            ]
            expected = f"{ingested(runs)}.parquet"
            if expected != file.path.name:
                said = f"the name {file.path.name}", f"{expected}, which its {len(runs)} runs make"
                found.problems.append(Problem("identity", file.table, file.shown, f"{len(runs)} runs", *said, _AGAIN))
        return
    named = [part for part in file.name.split(".") if _ID.fullmatch(part)]
    if len(named) != 1:
        return
    others = found.ledger.execute("SELECT run_id, count(*) FROM whole WHERE run_id <> ? GROUP BY run_id ORDER BY 1", named).fetchall()
    for run, count in others:
        said = f"{count} rows of run {run}", f"rows of run {named[0]}, which its name says"
        found.problems.append(Problem("identity", file.table, file.shown, f"run {run}", *said, _AGAIN, (named[0], run)))


def _check_runs(found: Verified, file: File) -> None:
    """Ids of runs and recipes are hashes of what they stand for."""
    for run in _python(found.ledger, "SELECT * EXCLUDE (started, finished) FROM whole"):
        if any(run[c] is None for c in ("run_id", "kind", "recipe")):
            continue  # the contract has said so
        problems = []
        try:
            recipe_id = rows.recipe_id_of(run["recipe"])
        except (ValueError, RecursionError):
            recipe_id = run["recipe_id"]  # no JSON, as the contract has said
        if recipe_id != run["recipe_id"]:
            problems.append((f"recipe_id {run['recipe_id']}", f"{recipe_id}, the hash of its recipe"))
        if run["kind"] == "run":
            own = study.run_id_of(run)
            if own != run["run_id"]:
                problems.append((f"run_id {run['run_id']}", f"{own}, the hash of its key and conditions"))
        else:
            identity = rows.identity_of({**run, "dataset_revision": run["target_revision"]})
            if run["identity"] is not None and identity != run["identity"]:
                problems.append((f"identity {run['identity']}", f"{identity}, the hash of all that it says but the numbers"))
        found.problems += [
            Problem("identity", file.table, file.shown, f"run {run['run_id']}", *said, _AGAIN, (run["run_id"],)) for said in problems
        ]


# Of the rows of a file, those of ingested runs of the same write: what was added later is not in the id of a run.
_SAME_WRITE = "whole AS w JOIN (SELECT DISTINCT run_id, identity FROM claim WHERE name = ? AND kind = 'external') AS c USING (run_id)"


def _digest_outcomes(found: Verified, file: File) -> None:
    """What stands for the examples of each score of an ingested run."""
    columns = ("example_id", "cluster_id", "numerator", "denominator")
    ordered = f"SELECT {CELL}, {', '.join(columns)} FROM {_SAME_WRITE} ORDER BY {CELL}"
    for cell, group in groupby(_python(found.ledger, ordered, [file.name]), lambda row: [row[c] for c in CELL.split(", ")]):
        digest = rows.digest_of(pa.Table.from_pylist([{c: row[c] for c in columns} for row in group]))
        found.ledger.execute("INSERT INTO digest VALUES (?, ?, ?, ?, ?, ?)", [*cell, digest])


def _check_ids(found: Verified, file: File) -> None:
    """The id of an ingested run is a hash of its identity and numbers."""
    if any(other.lost and other.table == "outcome" and other.name == file.name for other in found.files):
        return
    columns = [*rows.CELL, "evidence"]
    ordered = (
        f"SELECT run_id, identity, digest, {', '.join(columns)} FROM {_SAME_WRITE} LEFT JOIN digest AS d "
        f"USING ({CELL}) WHERE carried_from IS NULL ORDER BY {CELL}"
    )
    for (run, identity), group in groupby(_python(found.ledger, ordered, [file.name]), lambda row: (row["run_id"], row["identity"])):
        own = list(group)
        examples = [row["digest"] if row["evidence"] == "outcomes" else None for row in own]
        expected = rows.run_id_of(identity, rows.hashed({column: [row[column] for row in own] for column in rows.CELL}, examples))
        if expected != run:
            said = f"run_id {run}", f"{expected}, the hash of its identity and numbers"
            found.problems.append(Problem("identity", file.table, file.shown, f"run {run}", *said, _AGAIN, (run,)))


def _python(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries, few at once; the connection may be used meanwhile."""
    cursor = con.cursor()
    # A cursor has no views of the Arrow rows of its connection, so the rows are kept as a table for the time.
    con.execute(f"CREATE OR REPLACE TABLE asked AS {query}", list(values) or None)
    try:
        result = cursor.execute("SELECT * FROM asked ORDER BY rowid")
        names = [d[0] for d in result.description or []]
        while batch := result.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(names, row, strict=True))
    finally:
        cursor.close()


# Between files.


def _path(found: Verified, number: int) -> str:
    return found.files[number].shown


def _duplicates(found: Verified) -> None:
    """A key is there once. Only runs that several files have rows of are looked into.

    Where a write was interrupted and another one has written its runs whole, the file to blame is the one without their rows in table run.
    """
    marked = {file.path.name for file in found.files if file.table == "run"}
    for table in TABLES:
        several = "SELECT run_id FROM held WHERE tbl = ? AND run_id IS NOT NULL GROUP BY run_id HAVING count(DISTINCT file) > 1"
        files = found.ledger.execute(f"SELECT DISTINCT file FROM held WHERE tbl = ? AND run_id IN ({several})", [table, table]).fetchall()
        if not files:
            continue
        by_name = {found.files[number].path.name: number for (number,) in files}
        places.register(found.ledger, found.root)
        given = parquet([found.files[number].path for (number,) in files], "filename = true")
        key = contracts.rules(table).key
        double = found.ledger.execute(
            f"SELECT run_id, names, count(*) FROM (SELECT {key}, list_sort(list(DISTINCT parse_filename(filename))) AS names FROM {given} "
            f"WHERE run_id IN ({several}) GROUP BY {key} HAVING count(DISTINCT filename) > 1) GROUP BY ALL ORDER BY ALL",
            [table],
        ).fetchall()
        for run, names, count in double:
            said = f"duplicate key: {count} rows are in {', '.join(names)}", "each key in one file"
            left = [by_name[name] for name in names if name not in marked] if marked.intersection(names) else []
            for number in left:
                found.ledger.execute("INSERT INTO twice VALUES (?, ?, ?)", [number, run, count])
            for number in left or [by_name[names[-1]]]:
                do = _TWICE if left else _AGAIN
                found.problems.append(Problem("contract", table, _path(found, number), f"run {run}", *said, do, (run,)))


def _lost(found: Verified, table: str) -> set[str]:
    """Names of the writes whose file of a table has rows that are not known: what seems to be missing was in it."""
    return {file.name for file in found.files if file.lost and file.table == table}


def _orphans(found: Verified) -> None:
    lost = _lost(found, "run")
    query = """
        SELECT file, count(DISTINCT run_id) FILTER (WHERE NOT there), coalesce(sum(count) FILTER (WHERE NOT there), 0), bool_and(NOT there),
            min(run_id) FILTER (WHERE NOT there)
        FROM (SELECT *, run_id IN (SELECT run_id FROM claim) AS there FROM held WHERE tbl <> 'run')
        GROUP BY file HAVING NOT bool_and(there) ORDER BY file
    """
    for number, runs, count, all_of_it, first in found.ledger.execute(query).fetchall():
        file = found.files[number]
        if file.name in lost:
            continue
        which = f"run {first}" if runs == 1 else f"{runs} runs"
        do = "nothing; xbench verify --repair sets it aside" if all_of_it else "nothing; the file has rows of other runs too"
        said = f"{count} rows of {which}, not in table run", "the row in table run, which is written last"
        found.problems.append(Problem("orphan", file.table, file.shown, which, *said, do))


def _keys(found: Verified) -> None:
    """What rows repeat of their run is what it says."""
    differs = [f"h.{c} IS DISTINCT FROM r.{c}" for c in _KEY]
    differs.append("(h.tbl = 'score' AND h.revision IS DISTINCT FROM r.revision)")
    shown = ", ".join(f"h.{c}, r.{c}" for c in (*_KEY, "revision"))
    query = f"""
        SELECT h.file, h.run_id, h.count, {shown} FROM held AS h JOIN held AS r ON r.run_id = h.run_id AND r.tbl = 'run'
        WHERE h.tbl <> 'run' AND ({" OR ".join(differs)}) ORDER BY ALL
    """
    for number, run, count, *values in found.ledger.execute(query).fetchall():
        pairs = [(name, *values[2 * i : 2 * i + 2]) for i, name in enumerate((*_KEY, "dataset_revision"))]
        wrong = [pair for pair in pairs if pair[1] != pair[2] and (pair[0] != "dataset_revision" or found.files[number].table == "score")]
        said = ", ".join(f"{c} {a!r}" for c, a, _ in wrong), ", ".join(f"{c} {b!r}" for c, _, b in wrong) + ", as its row in table run says"
        file = found.files[number]
        found.problems.append(Problem("identity", file.table, file.shown, f"{count} rows of run {run}", *said, _AGAIN, (run,)))


def _without_scores(found: Verified) -> None:
    lost = _lost(found, "score")
    scored = "SELECT run_id FROM held WHERE tbl = 'score' AND run_id IS NOT NULL"
    query = f"SELECT file, name, run_id FROM claim WHERE run_id NOT IN ({scored}) ORDER BY 2, 3"
    for number, name, run in found.ledger.execute(query).fetchall():
        if name not in lost:
            said = "no row in table score", "one or more scores"
            found.problems.append(Problem("incomplete", "run", _path(found, number), f"run {run}", *said, _RERUN, (run,)))


def _without_outcomes(found: Verified) -> None:
    lost = _lost(found, "outcome")
    query = f"""
        SELECT file, run_id, count(*), min(language), any_value(metric) FROM score ANTI JOIN share USING ({CELL})
        WHERE run_id IN (SELECT run_id FROM claim) GROUP BY file, run_id ORDER BY ALL
    """
    for number, run, count, language, metric in found.ledger.execute(query).fetchall():
        if found.files[number].name not in lost:
            said = f"{count} scores without outcomes, such as {metric} in {language}", "outcomes, as their column evidence says"
            found.problems.append(Problem("incomplete", "score", _path(found, number), f"run {run}", *said, _RERUN, (run,)))


def _without_predictions(found: Verified) -> None:
    """Of our own runs every example is stored; of ingested ones what the source gave."""
    lost = _lost(found, "prediction")
    query = """
        SELECT any_value(c.file), any_value(c.name), run_id, language, split, max(s.n), coalesce(max(a.n), 0) FROM claim AS c
        JOIN score AS s USING (run_id) LEFT JOIN (SELECT run_id, language, split, sum(n) AS n FROM answer GROUP BY ALL) AS a
        USING (run_id, language, split) WHERE c.kind = 'run' GROUP BY run_id, language, split HAVING max(s.n) <> coalesce(max(a.n), 0)
        ORDER BY ALL
    """
    for number, name, run, language, split, n, there in found.ledger.execute(query).fetchall():
        if name not in lost:
            said = f"{there} predictions in {language} ({split})", f"{n}, the examples of its scores"
            found.problems.append(Problem("incomplete", "run", _path(found, number), f"run {run}", *said, _RERUN, (run,)))


def _without_score(found: Verified) -> None:
    """Outcomes of a run that is there, but not their score: of a rescoring that was cut off, or the score is lost."""
    lost, marked = _lost(found, "score"), {file.name for file in found.files if file.table in ("run", "score")}
    query = f"""
        SELECT file, run_id, count(*), min(language), any_value(metric) FROM share ANTI JOIN score USING ({CELL})
        WHERE run_id IN (SELECT run_id FROM claim) GROUP BY file, run_id ORDER BY ALL
    """
    for number, run, count, language, metric in found.ledger.execute(query).fetchall():
        file = found.files[number]
        if file.name in lost:
            continue
        found_here, expected = f"outcomes of {count} scores that are not there, such as {metric} in {language}", "their scores"
        if file.name in marked:
            found.problems.append(Problem("incomplete", "outcome", file.shown, f"run {run}", found_here, expected, _RERUN, (run,)))
        else:
            do = "nothing; xbench rescore makes both again, or xbench verify --repair sets it aside"
            found.problems.append(Problem("orphan", "outcome", file.shown, f"run {run}", found_here, expected, do))


def _recompute(found: Verified) -> None:
    """Every score is the ratio of what its outcomes sum to, and counts them."""
    query = f"""
        SELECT s.file, {CELL}, value, s.n AS n, list(above) AS above, list(below) AS below, sum(h.n)::BIGINT AS there
        FROM score AS s JOIN share AS h USING ({CELL}) WHERE run_id IN (SELECT run_id FROM claim) GROUP BY ALL ORDER BY ALL
    """
    for row in _python(found.ledger, query):
        found.scores += 1
        value = scoring.ratio(np.array(row["above"]), np.array(row["below"]))
        file, run = found.files[row["file"]], row["run_id"]
        where = f"run {run}, {row['metric']} ({row['scorer']}) in {row['language']} ({row['split']})"
        if row["value"] is None or not abs(value - row["value"]) <= _TOLERANCE:
            said = f"{row['value']!r}", f"{value!r}, which its {row['there']} outcomes make"
            found.problems.append(Problem("score differs", "score", file.shown, where, *said, _RERUN, (run,)))
        if row["n"] != row["there"]:
            said = f"n = {row['n']}", f"{row['there']}, the number of its outcomes"
            found.problems.append(Problem("identity", "score", file.shown, where, *said, _RERUN, (run,)))


# From the predictions.


def _rescore(found: Verified) -> None:
    """Outcomes are what the scorers make of the predictions; a scorer that is gone, or has another version, is not asked."""
    for file in found.files:
        if file.table != "prediction" or file.lost:
            continue
        runs = found.ledger.execute(
            "SELECT run_id, target, train_language FROM held WHERE file = ? AND run_id IN (SELECT run_id FROM claim) ORDER BY ALL",
            [file.number],
        ).fetchall()
        for run, target, train_language in runs:
            try:
                scorers = {s.signature: s for s in map(load_scorer, load_task(f"{target}@{train_language}").scorers)}
            except XbenchError:  # a task of elsewhere
                continue
            with places.local(file.path) as path:
                _rescore_run(found, file, path, run, scorers)


def _rescore_run(found: Verified, file: File, path: Path, run: str, scorers: Mapping[str, Scorer]) -> None:
    with duckdb.connect() as con:
        answers = con.execute(
            "SELECT language, split, list(example_id ORDER BY example_id), list(cluster_id ORDER BY example_id), "
            "list(reference ORDER BY example_id), list(prediction ORDER BY example_id) "
            f"FROM {parquet([path])} WHERE run_id = ? GROUP BY ALL ORDER BY ALL",
            [run],
        ).fetchall()
        there = _stored(found, run)
        for language, split, *given in answers:
            asked = [scorers[signature] for signature in sorted(there.get((language, split), {}).keys() & scorers.keys())]
            if not asked:
                continue
            try:
                made, _ = scoring.score_rows(dict.fromkeys(scoring.KEY, ""), language, split, scoring.Answers(*given), asked, "")
            except ValueError as error:
                said = f"predictions in {language} ({split}) that cannot be scored: {error}", "answers that a scorer reads"
                found.problems.append(Problem("outcome differs", "prediction", file.shown, f"run {run}", *said, _RERUN, (run,)))
                continue
            wrong = _unlike(made, there[language, split])
            if wrong:
                said = (
                    f"{len(wrong)} outcomes in {language} ({split}), such as that of example {wrong[0]}",
                    "what the scorer makes of the predictions",
                )
                found.problems.append(Problem("outcome differs", "outcome", file.shown, f"run {run}", *said, _RERUN, (run,)))


_Shares = dict[tuple[str, str], tuple[float, float]]  # by example and metric


def _stored(found: Verified, run: str) -> dict[tuple[str, str], dict[str, _Shares]]:
    """The outcomes of a run, by language and split, and scorer."""
    files = found.ledger.execute("SELECT DISTINCT file FROM held WHERE tbl = 'outcome' AND run_id = ?", [run]).fetchall()
    stored: dict[tuple[str, str], dict[str, _Shares]] = {}
    for (number,) in files:
        with places.local(found.files[number].path) as path, duckdb.connect() as con:
            query = f"SELECT language, split, scorer, example_id, metric, numerator, denominator FROM {parquet([path])} WHERE run_id = ?"
            for language, split, scorer, example, metric, above, below in con.execute(query, [run]).fetchall():
                stored.setdefault((language, split), {}).setdefault(scorer, {})[example, metric] = (above, below)
    return stored


def _unlike(made: pa.Table, stored: Mapping[str, _Shares]) -> list[str]:
    """Examples whose outcomes are not the same."""
    wrong: dict[str, None] = {}
    columns = ("scorer", "example_id", "metric", "numerator", "denominator")
    kept = {(scorer, metric) for scorer, shares in stored.items() for _, metric in shares}
    for scorer, example, metric, above, below in zip(*(made[c].to_pylist() for c in columns), strict=True):
        if (scorer, metric) not in kept:
            continue  # a metric that came later
        there = stored[scorer].get((example, metric))
        if there is None or abs(there[0] - above) > _TOLERANCE or abs(there[1] - below) > _TOLERANCE:
            wrong[example] = None
    return list(wrong)
