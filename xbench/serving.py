"""The store as the app reads it: one content at a time, one connection for everybody, each answer computed once.

A `Snapshot` is the store at one content. It holds the scores as a small star, so that any filter is one quick scan:

    system   system_id, the fields of pairing.SYSTEM, development (1, or more where steps of one task were selected on several versions of
             its development data), parameters, recipe_label, selection (target-languages where that of any run is)
    run_system  run_id, system_id, alone (whether the system has no other run of the target)
    col      column_id, the fields of pairing.COLUMN, split, language_set (NULL, or the languages of means that sources printed), family,
             task_group, languages_expected, whole (of printed means: whether they are over these), counts (whether it is the number that
             counts for its target), systems (how many have it)
    cell     system_id, column_id, language, value (mean over seeds), seed_sd, seeds, n, stored (every example of every run)
    uneven   system_id, column_id, languages: those of each run of the systems of which not every run has the same in a column

and all views of views/ beside. What takes longer than a page may (tests over all
examples) is computed in a process beside: see xbench.background.
"""

import functools
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from xbench import background, board, listing, pairing, store
from xbench.errors import XbenchError
from xbench.hashes import DEV

if TYPE_CHECKING:
    import pandas as pd  # a third of a second, and a store is opened without it

_MOST_ANSWERS = 1000  # kept for each snapshot
_MOST_BYTES = 200 << 20  # of them
_MEMORY = "800MB"  # of the database; what needs more goes through the disk
_MOST_SNAPSHOTS = 3  # open at once
_LOOK_AGAIN = 2.0  # seconds after which the store is looked at again for new runs
_SYSTEM = ", ".join(pairing.SYSTEM)
_WORKER = background.Worker()


class Snapshot:
    """A store at one content; safe for any number of threads.

    Attributes:
        root: The store.
        id: As of xbench.store.snapshot.
        compaction: The number of the compaction that said which files are read: the next one may delete them.
        shows: Is another one when anything is shown that was not, or is read from other files.
        opened: Seconds it took to open.
    """

    def __init__(self, root: Path, at: str | None = None) -> None:
        """Open it.

        Raises:
            StoreError: If it cannot be read, or was never at snapshot `at`.
        """
        begun = time.perf_counter()
        self.root = root
        self.compaction = listing.newest(root).number
        self._con = store.connect(root, at, pinned=True)
        self._listed = listing.Listing(root)
        try:
            background.bound(self._con, root, _MEMORY)
            self.id = store.snapshot(self._con)
            _star(self._con)
            # Scores that `xbench rescore` adds are of runs that are there already.
            self.shows = (self.id, self.compaction, self._con.execute("SELECT count(*) FROM cell").fetchall()[0][0])
        except duckdb.Error as error:
            raise store.unreadable(error) from error
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Event] = {}
        self._bytes = 0
        self._lock = threading.Lock()
        self._jobs: dict[Hashable, Future[Any]] = {}
        self.opened = time.perf_counter() - begun

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of one's own to the same tables, for what takes one (such as xbench.compare)."""
        return self._con.cursor()

    def rows(self, text: str, values: Sequence[Any] = ()) -> "pd.DataFrame":
        """The answer to a query, computed once; not to be changed.

        Args:
            text: SQL with ? for whatever comes from a reader: names are our own, values are bound.
            values: Of the ?.

        Raises:
            StoreError: If a file of the store cannot be read.
        """

        def made() -> "pd.DataFrame":
            cursor = self.cursor()
            try:
                return cursor.execute(text, list(values)).df()
            except duckdb.Error as error:
                raise store.unreadable(error) from error
            finally:
                cursor.close()

        found: pd.DataFrame = self.kept((text, _frozen(values)), made)
        return found

    def of_runs(self, table: str, runs: Sequence[str]) -> str:
        """What stands for a table in a query, with the rows of some complete runs alone: quick in a store of many files.

        Raises:
            StoreError: If a file of the store cannot be read.
        """

        def made() -> str:
            cursor = self.cursor()
            try:
                wanted = ", ".join(map(listing.quoted, runs)) or "NULL"
                return f"({store.source(cursor, self._listed, table, runs)} WHERE run_id IN ({wanted}))"
            finally:
                cursor.close()

        found: str = self.kept(("of runs", table, *runs), made)
        return found

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What follows from this snapshot and `key` alone, made once, however many ask at the same time; not to be changed."""
        while True:
            with self._lock:
                if key in self._answers:
                    self._answers.move_to_end(key)
                    return self._answers[key][0]
                there = self._making.get(key)
                if there is None:
                    mine = self._making[key] = threading.Event()
            if there is None:
                break
            there.wait()  # somebody else makes it; where that fails, the next one tries
        try:
            made = make()
            with self._lock:
                self._keep(key, made)
            return made
        finally:
            with self._lock:
                del self._making[key]
            mine.set()

    def _keep(self, key: Hashable, made: Any) -> None:
        """Keep an answer, and let go of those unused for longest where there are too many; the lock is held."""
        size = _size(made)
        self._answers[key] = (made, size)
        self._bytes += size
        while len(self._answers) > 1 and (len(self._answers) > _MOST_ANSWERS or self._bytes > _MOST_BYTES):
            self._bytes -= self._answers.popitem(last=False)[1][1]

    def later(self, key: Hashable, compute: background.Compute) -> "Future[Any]":
        """The result of something slow, computed once, in a process beside, one at a time in the order in which it was asked for.

        Args:
            key: What it is.
            compute: Makes it from a connection to this snapshot; see background.Worker.
        """
        with self._lock:
            if (found := self._answers.get(_Slow(key))) is not None:
                self._answers.move_to_end(_Slow(key))
                done: Future[Any] = Future()
                done.set_result(found[0])
                return done
            if (known := self._jobs.get(key)) is not None:
                return known
            job = self._jobs[key] = _WORKER.submit(self.root, self.id, compute)
        job.add_done_callback(functools.partial(self._done, key))
        return job

    def _done(self, key: Hashable, job: "Future[Any]") -> None:
        """Keep a result as what is made here is kept, as long as there is room; an error until it is told, once: it may pass."""
        if job.exception() is None:
            with self._lock:
                self._jobs.pop(key, None)
                self._keep(_Slow(key), job.result())

    def asked(self, key: Hashable) -> bool:
        """Whether it was asked for before."""
        with self._lock:
            return key in self._jobs or _Slow(key) in self._answers

    def now(self, key: Hashable, compute: background.Compute, patience: float = 0.1) -> tuple[Any, bool]:
        """(result, True), or (None, False) where it takes longer than `patience` seconds: ask again.

        Raises:
            XbenchError: What `compute` raised.
        """
        # Only the first who asks waits, and only if it is begun at once: the others would, each time, for as long as it takes.
        waited = self.asked(key) or _WORKER.busy
        job = self.later(key, compute)
        try:
            return job.result(0 if waited else patience), True
        except TimeoutError:
            return None, False
        except XbenchError:
            with self._lock:
                self._jobs.pop(key, None)
            raise

    def systems(self) -> "pd.DataFrame":
        """Table `system`."""
        return self.rows("SELECT * FROM system ORDER BY system_id")

    def columns(self, split: str = "test") -> "pd.DataFrame":
        """Table `col`: those that count first, then those that most systems have."""
        return self.rows("SELECT * FROM col WHERE split = ? ORDER BY counts DESC, systems DESC, column_id", [split])


class Server:
    """The newest snapshot of a store, and those that links name; a store may grow meanwhile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: OrderedDict[str, Snapshot] = OrderedDict()
        self._newest: Snapshot | None = None
        self._stamp: tuple[Any, ...] = ()
        self._looked = 0.0
        self._lock = threading.Lock()
        self._opening: threading.Lock = threading.Lock()

    def newest(self) -> Snapshot:
        """The store as it is. Where it has grown, as it was until the new content is open (some seconds in a large store).

        Raises:
            StoreError: If it cannot be read.
        """
        if self._newest is not None and time.monotonic() - self._looked < _LOOK_AGAIN:
            return self._newest
        stamp = listing.stamp(self.root)
        with self._lock:
            self._looked = time.monotonic()
            known = self._newest
        if known is not None:
            if stamp != self._stamp and not self._opening.locked():
                threading.Thread(target=self._renew, args=(stamp,), daemon=True).start()
            return known
        self._renew(stamp, quiet=False)
        assert self._newest is not None
        return self._newest

    def at(self, snapshot: str) -> Snapshot:
        """The store as it was at a snapshot.

        Raises:
            StoreError: If it never was.
        """
        newest = self.newest()
        if snapshot == newest.id:
            return newest
        with self._lock:
            if snapshot in self._open:
                self._open.move_to_end(snapshot)
                return self._open[snapshot]
        return self._keep(Snapshot(self.root, snapshot))

    def _renew(self, stamp: tuple[Any, ...], *, quiet: bool = True) -> None:
        with self._opening:
            if self._newest is not None and stamp == self._stamp:
                return
            try:
                fresh = Snapshot(self.root)
            except XbenchError:
                if quiet:  # a file is being copied in, say: what was open stays
                    return
                raise
            known = self._newest
            if known is not None and fresh.compaction != known.compaction:
                with self._lock:  # what is open reads files that will be gone
                    self._open.clear()
            if known is None or fresh.shows != known.shows:
                self._newest = self._keep(fresh)
            self._stamp = stamp

    def _keep(self, snapshot: Snapshot) -> Snapshot:
        with self._lock:
            self._open[snapshot.id] = snapshot
            while len(self._open) > _MOST_SNAPSHOTS:
                self._open.popitem(last=False)
        return snapshot


def _frozen(values: Sequence[Any]) -> Hashable:
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)


class _Slow(NamedTuple):
    """The key of an answer that `Snapshot.later` gave, which is no key of `Snapshot.kept`."""

    key: Hashable


def _size(made: Any) -> int:
    """About what it takes: texts are mostly shared."""
    import pandas as pd

    if isinstance(made, pd.DataFrame):
        return 1000 + int(made.memory_usage(deep=False).sum())
    if isinstance(made, Mapping):
        return 100 + sum(100 + _size(value) for value in made.values())
    return 100 + sum(map(_size, made)) if isinstance(made, list | tuple) else 50


def _star(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables system, run_system, col, cell and uneven."""
    # Steps selected on several versions of a task's development data are several systems; which of one task goes with which of another
    # nothing says.
    developed = f"CASE kind WHEN 'run' THEN split_part(target_revision, '{DEV}', 2) ELSE '' END"
    several = con.execute(f"SELECT coalesce(bool_or({developed} <> ''), false) FROM run").fetchall()[0][0]
    number = f"dense_rank() OVER (PARTITION BY {_SYSTEM}, target ORDER BY {developed})::INTEGER" if several else "1"
    runs = f"(SELECT *, {number} AS development FROM run)"
    con.execute(
        f"CREATE TABLE system AS SELECT (row_number() OVER (ORDER BY {_SYSTEM}, development))::INTEGER AS system_id, * "
        f"FROM (SELECT {_SYSTEM}, development, any_value(parameters) AS parameters, "
        "any_value(coalesce(json_extract_string(recipe, '$.text'), recipe_id)) AS recipe_label, "
        "coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection)) AS selection "
        f"FROM {runs} GROUP BY ALL)"
    )
    con.execute(
        "CREATE TABLE run_system AS SELECT run_id, system_id, count(*) OVER (PARTITION BY system_id, target) = 1 AS alone "
        f"FROM {runs} JOIN system USING ({_SYSTEM}, development)"
    )
    key = "target, metric, scorer, dataset_revision, split, language_set"
    con.execute(
        f"CREATE TABLE col AS SELECT (row_number() OVER (ORDER BY {key}))::INTEGER AS column_id, * "
        f"FROM (SELECT DISTINCT {key} FROM stored_score SEMI JOIN run_system USING (run_id))"
    )
    numbered = (
        "FROM stored_score AS s JOIN run_system USING (run_id) "
        "JOIN col AS c ON (s.target, s.metric, s.scorer, s.dataset_revision, s.split) = "
        "(c.target, c.metric, c.scorer, c.dataset_revision, c.split) AND s.language_set IS NOT DISTINCT FROM c.language_set"
    )
    # Most of what is ingested has one run a system and task: nothing to average, which is most of the time it would take.
    con.execute(
        "CREATE TABLE cell AS SELECT * FROM (SELECT system_id, column_id, s.language, s.value, NULL::DOUBLE AS seed_sd, "
        "(s.seed IS NOT NULL)::INTEGER AS seeds, s.n, s.evidence = 'outcomes' AS stored "
        f"{numbered} WHERE alone UNION ALL "
        "SELECT system_id, column_id, s.language, avg(s.value ORDER BY s.value), stddev_samp(s.value ORDER BY s.value), "
        "count(DISTINCT s.seed)::INTEGER, min(s.n), bool_and(s.evidence = 'outcomes') "
        f"{numbered} WHERE NOT alone GROUP BY ALL) ORDER BY column_id, system_id"
    )
    con.execute(
        # A sum of hashes is equal for equal languages, and quicker than to list them.
        f"CREATE TABLE uneven AS WITH by_run AS (SELECT system_id, column_id, run_id, sum(hash(s.language)) AS which {numbered} "
        "WHERE NOT alone GROUP BY ALL), several AS (SELECT system_id, column_id FROM by_run GROUP BY ALL HAVING min(which) < max(which)) "
        f"SELECT system_id, column_id, list(s.language ORDER BY s.language) AS languages {numbered} "
        "SEMI JOIN several USING (system_id, column_id) GROUP BY system_id, column_id, run_id"
    )
    main = list(itertools.chain.from_iterable([t, s] for t, held in board.official_scorers().items() for s in sorted(held)))
    con.execute(
        "CREATE TEMP TABLE official AS SELECT unnest(?::VARCHAR[]) AS target, unnest(?::VARCHAR[]) AS scorer", [main[::2], main[1::2]]
    )
    con.execute(
        "CREATE OR REPLACE TABLE col AS WITH known AS (SELECT target, any_value(family) AS family, any_value(metric) AS metric, "
        "count(*)::INTEGER AS languages_expected, list(language ORDER BY language) AS covered FROM task_language GROUP BY target), "
        "held AS (SELECT column_id, count(DISTINCT system_id)::INTEGER AS systems, count(DISTINCT language)::INTEGER AS languages "
        "FROM cell GROUP BY ALL), groups AS (SELECT target, any_value(task_group) AS task_group FROM suite_task GROUP BY ALL) "
        "SELECT c.*, coalesce(k.family, 'other') AS family, coalesce(g.task_group, 'other') AS task_group, "
        # Of a task that xbench does not know, all languages that any system has, or that its source says the mean is over.
        "coalesce(k.languages_expected, len(string_split(c.language_set, ' ')), h.languages)::INTEGER AS languages_expected, "
        "c.language_set <> 'unknown' AND coalesce(list_sort(string_split(c.language_set, ' ')) = k.covered, true) AS whole, "
        "k.target IS NOT NULL AS known, "
        "c.language_set IS NULL AND (k.target IS NULL OR (c.metric = k.metric AND o.target IS NOT NULL)) AS counts, h.systems, h.languages "
        "FROM col AS c JOIN held AS h USING (column_id) LEFT JOIN known AS k USING (target) LEFT JOIN groups AS g USING (target) "
        "LEFT JOIN official AS o ON (o.target, o.scorer) = (c.target, c.scorer)"
    )
    con.execute("DROP TABLE official")
