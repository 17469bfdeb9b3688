"""What `xbench verify` finds, and what it keeps while it looks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from xbench import places

# What each kind of problem means for a reader of the store; what one sees is right with those of HARMLESS.
KINDS = {
    "unreadable": "cannot be read, and stops every command that reads the table",
    "no access": "not given to this process, or whole and yet not read; nothing says that the file is wrong",
    "content": "its bytes are not those that were written",
    "schema": "of another version of xbench",
    "contract": "rows that break the contract of their table",
    "identity": "names, ids and counts that do not follow from what they stand for",
    "same version": "several runs that are one version of one claim: readers see that with the greatest id, which is chance",
    "score differs": "scores that are not what their outcomes make",
    "outcome differs": "outcomes that are not what their predictions make",
    "incomplete": "runs without what they should have",
    "uncounted": "runs that are only in compacted files that do not count, so that no reader sees them",
    "orphan": "rows of an interrupted write, without the run or score that they are for",
    "carried": "numbers taken over from an earlier version that is not there any more; they stay what they are",
    "leftover": "of an interrupted write, which no reader sees",
    "foreign": "not a file of xbench, which no reader sees",
}
HARMLESS = ("orphan", "carried", "leftover", "foreign")
OF_FILE = ("unreadable", "content")  # kinds for which a repair sets aside all files of a write
OF_RUN = ("contract", "identity", "score differs", "outcome differs", "incomplete")  # kinds for which it does all files of a run
QUARANTINE = "quarantine"
AGAIN = "xbench verify --repair sets its files aside; then xbench run STUDY makes the cell again, or it says what to ingest"
RERUN = "xbench verify --repair sets the run aside; then xbench run STUDY makes it again, or it says what to ingest"
BOUND = (
    "no repair sets it aside, as its files have rows of other runs too: take them from a copy of the store, or ingest the sources into a "
    "new one; where two stores were copied together, copy them again, apart (docs/hosting.md)"
)
CELL = "run_id, language, split, metric, scorer"
KEY = ("model", "intermediate", "target", "train_language", "seed")
TOLERANCE = 1e-12
_BATCH = 20_000  # rows that are in Python at once

# `file` has the names of the files, and the runs that are named in them. What is compared between files: `held` has which runs each has
# rows of, `claim` the runs of table run, `share` the sums over outcomes, `twice` how many rows of an interrupted write are in another file
# too, `carried` the versions that scores say they are taken over from.
LEDGER = """
CREATE TABLE file (file INTEGER, name VARCHAR, named VARCHAR);
CREATE TABLE held (file INTEGER, tbl VARCHAR, run_id VARCHAR, model VARCHAR, intermediate VARCHAR, target VARCHAR, train_language VARCHAR,
    seed BIGINT, revision VARCHAR, count BIGINT);
CREATE TABLE claim (file INTEGER, name VARCHAR, run_id VARCHAR, kind VARCHAR, identity VARCHAR, version BIGINT, source VARCHAR,
    source_version VARCHAR);
CREATE TABLE share (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, above DOUBLE,
    below DOUBLE, n BIGINT);
CREATE TABLE score (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, value DOUBLE, n BIGINT);
CREATE TABLE answer (file INTEGER, run_id VARCHAR, language VARCHAR, split VARCHAR, n BIGINT);
CREATE TABLE twice (file INTEGER, run_id VARCHAR, count BIGINT);
CREATE TABLE carried (file INTEGER, run_id VARCHAR, origin VARCHAR, count BIGINT);
CREATE TABLE digest (run_id VARCHAR, language VARCHAR, split VARCHAR, metric VARCHAR, scorer VARCHAR, digest VARCHAR);
"""


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
        """Whether all that readers of the store see is right nevertheless."""
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
        ledger: The tables of LEDGER.
        reader: Reads the files.
        began: When the files were listed, or a little before, seconds since 1970.
    """

    root: Path
    ledger: duckdb.DuckDBPyConnection
    reader: duckdb.DuckDBPyConnection
    problems: list[Problem] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    rows: int = 0
    scores: int = 0
    began: float = field(default_factory=time.time)

    @property
    def whole(self) -> bool:
        """Whether all that readers see is as it was written."""
        return all(problem.harmless for problem in self.problems)


def reader(*paths: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, which can read what lies there."""
    con = places.database(*paths)
    con.execute("SET TimeZone = 'UTC'")
    return con


def lost(found: Verified, table: str) -> set[str]:
    """Names of the writes whose file of a table has rows that are not known: what seems to be missing was in it."""
    return {file.name for file in found.files if file.lost and file.table == table}


def few_at_once(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries, few at once; the connection may be used meanwhile."""
    cursor = con.cursor()
    # A cursor has no views of the Arrow rows of its connection, so the rows are kept as a table for the time.
    con.execute(f"CREATE OR REPLACE TABLE asked AS {query}")
    try:
        result = cursor.execute("SELECT * FROM asked ORDER BY rowid")
        names = [d[0] for d in result.description or []]
        while batch := result.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(names, row, strict=True))
    finally:
        cursor.close()
