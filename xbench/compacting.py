"""`xbench compact`: many small files into few large ones, while readers read and writers write.

Rows of complete runs are sorted by task, model and key into files of up to ROWS rows, cut between tasks where that can be. Nothing is
locked: the new files do not count before the compaction is written that names them (xbench.listing), which happens at once and for one
compaction of several at most. Before that what they hold is compared with what they replace. What they replace is deleted by a later call,
when nobody who listed it can still be reading it.
"""

import math
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from xbench import contracts, listing, places, sealing, store
from xbench.contracts import TABLES
from xbench.errors import StoreError, WriteError
from xbench.listing import Listing, existing
from xbench.verifying.reading import against_footer

ROWS = 5_000_000  # of a file at most, unless a single run has more; xbench verify has one file in memory at a time
GRACE = 3600  # seconds for which what is replaced stays
_FEW = 2  # files of a table that are not worth being made one

Tick = Callable[[str], None]


@dataclass(slots=True)
class Compacted:
    """What was done.

    Attributes:
        number: Of the compaction that counts now; 0 where there is none.
        runs: How many runs were written into new files.
        rows: How many rows.
        before: How many files counted before.
        after: How many count now.
        bytes_before: Of the files that were replaced.
        bytes_after: Of those that replace them.
        deleted: How many files of an earlier compaction's making were deleted.
        waiting: How many replaced files are still there.
        wait: Seconds until they may be deleted.
        left: Files that were left as they are, and why.
    """

    number: int = 0
    runs: int = 0
    rows: int = 0
    before: int = 0
    after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    deleted: int = 0
    waiting: int = 0
    wait: float = 0.0
    left: list[str] = field(default_factory=list)


def compact(root: Path, *, grace: float = GRACE, rows: int = ROWS, dry_run: bool = False, tick: Tick = lambda said: None) -> Compacted:
    """Make one compaction of all files that are worth it, and delete what an earlier one replaced; may be killed at any moment.

    Args:
        root: The store.
        grace: Seconds after a compaction before what it replaced is deleted: more than the longest that a reader stays open.
        rows: The most rows of a file.
        dry_run: Only say what would be done.
        tick: Told what is being done.

    Raises:
        StoreError: If there is no store, a file cannot be read, the disk is full, or another compaction was quicker.
    """
    existing(root)
    done = Compacted()
    try:
        if not dry_run:
            done.deleted = _clear(root, grace)
        listed = Listing(root)
        done.number = listed.compaction.number
        done.before = done.after = sum(len(listed.files(table)) for table in TABLES)
        with listing.opened(root) as con, _room_for_sorting(con, root, dry_run=dry_run) as room:
            _compact(con, listed, done, rows, room, tick)
        _tell_waiting(root, done, grace)
    except (duckdb.Error, pa.ArrowException, OSError, WriteError) as error:
        said = [" ".join(str(error).split("LINE 1:", maxsplit=1)[0].split()), "where a file is at fault, xbench verify says which"]
        raise StoreError(f"{root} was not compacted: nothing is lost, and what was half written does not count", said) from error
    return done


@contextmanager
def _room_for_sorting(con: duckdb.DuckDBPyConnection, root: Path, *, dry_run: bool) -> Iterator[Path | None]:
    """A folder; more than fits into memory is sorted on the store's disk: if that has no room, the new files would not fit either."""
    con.execute("SET TimeZone = 'UTC'")
    if dry_run:
        yield None
        return
    if not places.is_remote(root):
        (root / listing.FOLDER).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=listing.SORTING, dir=None if places.is_remote(root) else root / listing.FOLDER) as folder:
        con.execute(f"SET temp_directory = {listing.quoted(Path(folder))}")
        try:
            yield Path(folder)
        finally:
            con.close()


def _compact(con: duckdb.DuckDBPyConnection, listed: Listing, done: Compacted, rows: int, room: Path | None, tick: Tick) -> None:
    """`room` is where to sort; None if nothing is to be written."""
    tick("looking at the files")
    chosen = _choose(con, listed, done, rows)
    if all(len(files) <= _FEW for files in chosen.values()):
        return
    con.execute("CREATE TABLE chosen (tbl VARCHAR, name VARCHAR)")
    for table, files in chosen.items():
        con.execute("INSERT INTO chosen SELECT ?, unnest(?::VARCHAR[])", [table, files])
    groups = _group(con, done, rows)
    done.bytes_before = sum((listed.root / t / f"{n}.parquet").stat().st_size for t, names in chosen.items() for n in names)
    kept = {t: [n for n in listed.compaction.files.get(t, ()) if n not in chosen[t]] for t in TABLES}
    if room is None:
        done.after = done.before - sum(map(len, chosen.values())) + groups * len(TABLES)
        return
    stem = f"{listing.PREFIX}{listed.compaction.number + 1:06d}-{uuid.uuid4().hex[:8]}"
    written: dict[str, list[str]] = {table: [] for table in TABLES}

    def made() -> list[Path]:
        files = [listed.root / table / f"{name}.parquet" for table, names in written.items() for name in names]
        return [*files, listed.root / listing.FOLDER / f"{stem.removeprefix(listing.PREFIX)}.parquet"]

    try:
        for table in (t for t in TABLES if chosen[t]):
            tick(f"writing table {table}")
            written[table] += (f"{stem}.{number:03d}" for number in range(groups))
            written[table] = list(_write(con, listed.root, table, room, stem, groups))
        done.bytes_after = sum((listed.root / t / f"{n}.parquet").stat().st_size for t, names in written.items() for n in names)
        for table in (t for t in TABLES if chosen[t]):
            os.utime(room)
            tick(f"comparing table {table}")
            _compare(con, listed.root, table, chosen[table], written[table])
        named = _write_names(con, listed, stem)
        _check_there(listed.root, written)
    except BaseException:
        _remove(made())
        raise
    if not _commit(listed, {table: [*kept[table], *written[table]] for table in TABLES}, named, made()):
        raise StoreError(f"another compaction of {listed.root} was quicker: it counts, and this one has left nothing behind")
    done.number += 1
    done.after = sum(len(Listing(listed.root).files(table)) for table in TABLES)


def _commit(listed: Listing, counting: Mapping[str, list[str]], named: str, made: Iterable[Path]) -> bool:
    """Whether a compaction counts from now on; if it surely does not, what was made for it is removed.

    Args:
        listed: The store without it.
        counting: By table the compacted files that count with it.
        named: The file with the names that these stand for.
        made: What was written for it.
    """
    counts: bool | None = None
    try:
        counts = listing.commit(listed.root, counting, named, listed.compaction.number + 1)
    finally:
        if counts is None and not places.is_remote(listed.root):  # where what was sent may arrive later
            with suppress(StoreError):
                counts = False if listing.newest(listed.root).number <= listed.compaction.number else None
        if counts is False:
            _remove(made)
    return counts


def _choose(con: duckdb.DuckDBPyConnection, listed: Listing, done: Compacted, rows: int) -> dict[str, list[str]]:
    """By table the files that are to be made into few: those of writers whose runs are complete, and compacted ones that are small.

    Compacted files of one name in several tables are of one group of runs, and stay or go together.
    """
    con.execute("CREATE TABLE content (tbl VARCHAR, name VARCHAR, run_id VARCHAR, target VARCHAR, model VARCHAR, n BIGINT)")
    for table in TABLES:
        names = []
        for path in listed.files(table):
            with places.local(path) as local:
                if path.stat().st_size and (why := _why_not(con, table, local)):
                    done.left.append(f"{table}/{path.name}: {why}; see xbench verify")
                    continue
            names.append(path.name.removesuffix(".parquet"))
        for lot in _lots(names):
            con.execute(
                f"INSERT INTO content SELECT '{table}', parse_filename(filename, true), run_id, any_value(target), any_value(model), "
                f"count(*) FROM {_files(listed.root, table, lot, 'filename = true')} GROUP BY ALL"
            )
    # What an interrupted ingest left, if another has written the same runs whole: in one file both could not be told apart.
    con.execute(
        "CREATE TABLE twice AS SELECT DISTINCT c.tbl, c.name FROM content AS c JOIN content AS o ON o.tbl = c.tbl AND o.run_id = c.run_id "
        f"WHERE starts_with(c.name, '{listing.INGESTED}') AND c.name NOT IN (SELECT name FROM content WHERE tbl = 'run') "
        "AND o.name IN (SELECT name FROM content WHERE tbl = 'run')"
    )
    _add_copies(con, listed.root)
    con.execute("CREATE TABLE complete AS SELECT run_id FROM content ANTI JOIN twice USING (tbl, name) WHERE tbl = 'run'")
    # What a rescoring wrote before its scores, if it was cut off: with those of others in one file it would be a fault of the run.
    con.execute(
        "CREATE TABLE unscored AS SELECT tbl, name FROM content WHERE tbl = 'outcome' AND name NOT IN (SELECT name FROM content "
        f"WHERE tbl = 'score') AND NOT starts_with(name, '{listing.PREFIX}') GROUP BY ALL "
        "HAVING bool_and(run_id IN (SELECT run_id FROM complete))"
    )
    con.execute(
        "CREATE TABLE part AS SELECT tbl, name, sum(n) AS n FROM content ANTI JOIN (FROM twice UNION FROM unscored) USING (tbl, name) "
        "GROUP BY ALL HAVING bool_and(run_id IN (SELECT run_id FROM complete))"
    )
    said = {
        "twice": "rows that another file has too; see xbench verify",
        "unscored": "outcomes without their score, or whose score is in a file that is left; see xbench verify",
    }
    waiting = con.execute(
        "SELECT DISTINCT tbl || '/' || name || '.parquet', CASE WHEN (tbl, name) IN (SELECT (tbl, name) FROM twice) THEN 'twice' "
        "WHEN (tbl, name) IN (SELECT (tbl, name) FROM unscored) THEN 'unscored' END FROM content ANTI JOIN part USING (tbl, name) "
        "ORDER BY 1"
    ).fetchall()
    other = "rows of a run that is not complete, or whose own row is in a file that is left"
    done.left += [f"{name}: {said.get(why, other)}" for name, why in waiting]
    large = f"SELECT name FROM part WHERE name LIKE '{listing.PREFIX}%' GROUP BY name HAVING max(n) > {rows // 2}"
    # A group of which one file is not to be used stays as it is.
    broken = [
        name
        for files in listed.compaction.files.values()
        for name in files
        if any(said.split("/", 1)[1].startswith(f"{name}.parquet") for said in done.left)
    ]
    query = f"SELECT tbl, name FROM part WHERE name NOT IN ({large}) AND NOT list_contains(?::VARCHAR[], name) ORDER BY ALL"
    found = con.execute(query, [broken]).fetchall()
    return {table: [name for t, name in found if t == table] for table in TABLES}


def _add_copies(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Put into table `twice` the files with a row whose key another file has too: of copies, in one file, none could be set aside."""
    con.execute(
        "CREATE TABLE numbered AS SELECT row_number() OVER ()::INTEGER AS file, tbl, name FROM (SELECT DISTINCT tbl, name FROM content)"
    )
    for table in TABLES:
        held = f"content ANTI JOIN twice USING (tbl, name) WHERE tbl = '{table}'"
        several = f"SELECT run_id FROM {held} GROUP BY ALL HAVING count(*) > 1"  # as of runs that were rescored
        names = con.execute(f"SELECT DISTINCT name FROM {held} AND run_id IN ({several}) ORDER BY 1").fetchall()
        con.execute("CREATE OR REPLACE TABLE keys (file INTEGER, key UBIGINT)")  # a hash: of two alike by chance both are left
        for lot in _lots([name for (name,) in names]):
            con.execute(
                f"INSERT INTO keys SELECT file, hash({contracts.rules(table).key}) FROM {_files(root, table, lot, 'filename = true')} "
                f"JOIN numbered ON tbl = '{table}' AND name = parse_filename(filename, true) WHERE run_id IN ({several})"
            )
        con.execute(
            "INSERT INTO twice SELECT tbl, name FROM numbered WHERE file IN (SELECT file FROM keys WHERE key IN "
            "(SELECT key FROM keys GROUP BY key HAVING count(DISTINCT file) > 1))"
        )


def _why_not(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> str:
    """Why a file is to be left as it is: a new one would lack what this version does not know, and would vouch for what may be damaged."""
    intact = sealing.intact(path)
    if intact is False or (
        intact is None and any(against_footer(path, con.sql(f"SELECT * FROM {listing.parquet([path])}").to_arrow_table()))
    ):
        return "its bytes are not those that were written"
    broken = contracts.column_problems(table, pq.read_schema(path).empty_table())
    return f"columns that this xbench does not know or take: {'; '.join(broken)}" if broken else ""


def _group(con: duckdb.DuckDBPyConnection, done: Compacted, rows: int) -> int:
    """Table `grouped`, the group of each run: runs of one task together, up to `rows` rows of a table in all; how many groups."""
    con.execute(
        "CREATE TABLE weight AS SELECT run_id, min(target) AS target, min(model) AS model, max(n) AS n, sum(n) AS total FROM "
        "(SELECT tbl, run_id, min(target) AS target, min(model) AS model, sum(n) AS n FROM content JOIN chosen USING (tbl, name) "
        "GROUP BY ALL) GROUP BY run_id"
    )
    done.runs, done.rows = con.execute("SELECT count(*), coalesce(sum(total), 0)::BIGINT FROM weight").fetchall()[0]
    runs = con.execute("SELECT run_id, target, n FROM weight ORDER BY target, model, run_id").fetchall()
    number, held, before, numbers = 0, 0, None, []
    for _, target, n in runs:
        if held and (held + n > rows or (target != before and held > rows // 2)):
            number, held = number + 1, 0
        held, before = held + n, target
        numbers.append(number)
    con.execute(
        "CREATE TABLE grouped AS SELECT unnest(?::VARCHAR[]) AS run_id, unnest(?::INTEGER[]) AS number", [[r[0] for r in runs], numbers]
    )
    return number + 1


def _write(con: duckdb.DuckDBPyConnection, root: Path, table: str, room: Path, stem: str, groups: int) -> Iterator[str]:
    """The new files of a table; of each group only files with rows of it are read: a file of one run once."""
    for number in range(groups):
        names = con.execute(
            "SELECT DISTINCT c.name FROM content AS c JOIN chosen USING (tbl, name) JOIN grouped AS g USING (run_id) "
            "WHERE c.tbl = ? AND g.number = ? ORDER BY 1",
            [table, number],
        ).fetchall()
        if not names:
            continue
        os.utime(room)  # by which xbench.mending sees that this goes on
        low, high = con.execute(
            "SELECT min(target), max(target) FROM weight JOIN grouped USING (run_id) WHERE number = ?", [number]
        ).fetchall()[0]
        source = _gathered(con, root, table, [name for (name,) in names], room)
        # The limits on the task are for DuckDB to pass over row groups; which runs they are says the rest.
        within = f"target BETWEEN {_text(low)} AND {_text(high)} AND run_id IN (SELECT run_id FROM grouped WHERE number = {number})"
        con.execute(f"CREATE OR REPLACE TEMP VIEW part_rows AS SELECT * FROM ({source}) WHERE {within}")
        rows = "SELECT run_id FROM content JOIN chosen USING (tbl, name) JOIN grouped USING (run_id)"
        runs = store.runs_of(con, f"{rows} WHERE tbl = '{table}' AND number = {number}")
        path = root / table / f"{stem}.{number:03d}.parquet"
        store.copy_whole(con, table, "part_rows", path, runs=runs, threads=_threads(con))
        yield f"{stem}.{number:03d}"


def _gathered(con: duckdb.DuckDBPyConnection, root: Path, table: str, names: Sequence[str], room: Path) -> str:
    """A SELECT of the rows of files; of very many files lots are first made into one each, for want of memory to have all open."""
    if len(names) <= listing.LOT:
        return _rows(con, root, table, names)
    _remove(room.glob("lot.*"))
    for number, lot in enumerate(_lots(names)):
        con.execute(f"COPY ({_rows(con, root, table, lot)}) TO {listing.quoted(room / f'lot.{number}.parquet')} (FORMAT parquet)")
    return f"SELECT * FROM {listing.parquet(sorted(room.glob('lot.*')))}"


def _threads(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT greatest(1, current_setting('threads')::INTEGER)").fetchall()[0][0])


def _compare(con: duckdb.DuckDBPyConnection, root: Path, table: str, old: Sequence[str], new: Sequence[str]) -> None:
    """Prove that the new files hold the rows of the old ones, each once.

    Raises:
        StoreError: If they do not.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE digest (side VARCHAR, n BIGINT, total HUGEINT, mixed UBIGINT)")
    for side, names in (("old", old), ("new", new)):
        for lot in _lots(names):
            query = f"SELECT ?, count(*), sum(hash(r)::HUGEINT), bit_xor(hash(r)) FROM ({_rows(con, root, table, lot)}) AS r"
            con.execute(f"INSERT INTO digest {query}", [side])
    read, wrote = con.execute("SELECT sum(n), sum(total), bit_xor(mixed) FROM digest GROUP BY side ORDER BY side DESC").fetchall()
    if read != wrote:
        raise StoreError(
            f"{root} was not compacted, and is as it was: what was written of table {table!r} is not what was read",
            [f"read {read[0]} rows, wrote {wrote[0]}", "the disk or the memory may be at fault: xbench verify"],
        )


def _check_there(root: Path, written: Mapping[str, Sequence[str]]) -> None:
    """What is about to count.

    Raises:
        StoreError: If a file is not there any more.
    """
    paths = [root / table / f"{name}.parquet" for table, names in written.items() for name in names]
    gone = [f"{path.parent.name}/{path.name}" for path in paths if not path.exists()]
    if gone:
        raise StoreError(f"{root} was not compacted, and is as it was: of what was written some was taken away meanwhile", gone)


def _write_names(con: duckdb.DuckDBPyConnection, listed: Listing, stem: str) -> str:
    """The file that says what the compacted files stand for: what the compaction before said, and the files of writers that are new."""
    con.execute('CREATE TABLE before (tbl VARCHAR, name VARCHAR, written DOUBLE, run_id VARCHAR, "into" VARCHAR)')
    if listed.compaction.names:
        con.execute(f"INSERT INTO before BY NAME SELECT * FROM {listing.parquet([listed.names])}")
    loose = "SELECT name FROM chosen WHERE tbl = 'run' AND NOT starts_with(name, ?)"
    fresh = [name for (name,) in con.execute(loose, [listing.PREFIX]).fetchall()]
    con.execute(
        "CREATE TABLE times AS SELECT unnest(?::VARCHAR[]) AS name, unnest(?::DOUBLE[]) AS written",
        [fresh, [(listed.root / "run" / f"{name}.parquet").stat().st_mtime for name in fresh]],
    )
    file = f"{stem.removeprefix(listing.PREFIX)}.parquet"
    query = f"""
        WITH named AS (
            SELECT DISTINCT tbl, name, NULL::DOUBLE AS written, NULL AS run_id, NULL AS "into" FROM chosen
            WHERE tbl <> 'run' AND NOT starts_with(name, '{listing.PREFIX}')
            UNION ALL
            SELECT 'run', name, t.written, c.run_id, '{stem}.' || lpad(g.number::VARCHAR, 3, '0') FROM content AS c
            JOIN times AS t USING (name) JOIN grouped AS g USING (run_id) WHERE c.tbl = 'run'
            UNION ALL
            SELECT b.tbl, b.name, b.written, b.run_id, CASE WHEN b.tbl = 'run' AND g.number IS NOT NULL
                THEN '{stem}.' || lpad(g.number::VARCHAR, 3, '0') ELSE b."into" END
            FROM before AS b LEFT JOIN (SELECT * FROM grouped WHERE run_id IN (SELECT run_id FROM content JOIN chosen USING (tbl, name)
                WHERE tbl = 'run')) AS g USING (run_id)  -- not of a run whose other scores alone came into a new file
        )
        SELECT * FROM named ORDER BY tbl, name, run_id
    """
    _put_names(con, query, listed.root / listing.FOLDER / file)
    return file


def _put_names(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    with places.whole(path) as new:
        con.execute(f"COPY ({query}) TO {listing.quoted(new)} (FORMAT parquet, COMPRESSION zstd, {sealing.option()})")
        sealing.seal(new)


def without(root: Path, lost: set[str]) -> None:
    """A compaction as the newest one, without some compacted files; what they stood for may be written again.

    The files of a writer of which nothing is left in compacted ones count again, as far as they are still there. Those of an ingest may be
    of runs in several compacted files, of which some stay: they do not, as rows would be there twice. Of these the lost runs are taken into
    a compacted file of their own, if the ingest's files are all there and whole; otherwise they are gone, and may be ingested again.

    Args:
        root: The store, on a file system of this machine.
        lost: Names without their ending.

    Raises:
        StoreError: If another compaction was quicker, or a file cannot be read.
    """
    listed = Listing(root)
    now = listed.compaction
    files = {table: [name for name in names if name not in lost] for table, names in now.files.items()}
    stem = f"{now.number + 1:06d}-{uuid.uuid4().hex[:8]}"
    again = f"{listing.PREFIX}{stem}.000"
    with _asking(root) as con:
        con.execute(f"CREATE TABLE names AS SELECT * FROM {listing.parquet([listed.names])}")
        con.execute(f"CREATE TABLE held AS SELECT run_id FROM {_files(root, 'run', files['run']) if files['run'] else 'names LIMIT 0'}")
        con.execute(
            "CREATE TABLE gone AS SELECT name, run_id, bool_and(run_id NOT IN (FROM held)) OVER (PARTITION BY name) AS whole FROM names "
            "WHERE tbl = 'run' QUALIFY run_id NOT IN (FROM held)"
        )
        _take_again(con, listed)
        written = [table for table in TABLES if _write_again(con, root, table, root / table / f"{again}.parquet")]
        _keep_names(con, listed)
        counting = {table: [*names, *([again] if table in written else [])] for table, names in files.items()}
        _free_added(con, listed, counting)
        query = f"""
            SELECT tbl, name, written, run_id, CASE WHEN run_id IN (SELECT run_id FROM taken) THEN '{again}' ELSE "into" END AS "into"
            FROM names WHERE CASE WHEN name IN (SELECT name FROM gone WHERE whole) THEN name IN (SELECT name FROM staying)
                WHEN run_id IS NULL THEN name NOT IN (FROM added)
                ELSE run_id IN (SELECT run_id FROM taken) OR run_id NOT IN (SELECT run_id FROM gone) END
            ORDER BY tbl, name, run_id
        """
        _put_names(con, query, root / listing.FOLDER / f"{stem}.parquet")
    made = [root / listing.FOLDER / f"{stem}.parquet", *(root / table / f"{again}.parquet" for table in written)]
    if not _commit(listed, counting, f"{stem}.parquet", made):
        raise StoreError(f"{root} was compacted meanwhile: try again")


@contextmanager
def _asking(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with listing.opened(root) as con:
        try:
            con.execute("SET TimeZone = 'UTC'")
            yield con
        except duckdb.Error as error:
            raise store.unreadable(error) from error


def _take_again(con: duckdb.DuckDBPyConnection, listed: Listing) -> None:
    """Table `taken`: the names and runs that are lost and are to be read again from the files of an ingest, by table."""
    rows = con.execute("SELECT DISTINCT name, tbl FROM names WHERE name IN (SELECT name FROM gone WHERE NOT whole) ORDER BY ALL").fetchall()
    broken = {name for name, table in rows if _as_written(listed, table, name) is not True}
    chosen = [(name, table) for name, table in rows if name not in broken]
    con.execute(
        "CREATE TABLE taken AS SELECT g.name, g.run_id, c.tbl FROM gone AS g JOIN "
        "(SELECT unnest(?::VARCHAR[]) AS name, unnest(?::VARCHAR[]) AS tbl) AS c USING (name)",
        [[name for name, _ in chosen], [table for _, table in chosen]],
    )


def _as_written(listed: Listing, table: str, name: str) -> bool | None:
    """Whether a file that was replaced is still there, as it was written; None where it has no checksum."""
    path = listed.root / table / f"{name}.parquet"
    return name in listed.replaced[table] and path.stat().st_size > 0 and sealing.intact(path)


def _write_again(con: duckdb.DuckDBPyConnection, root: Path, table: str, path: Path) -> bool:
    """Write the rows of a table that were taken again; whether there are any."""
    names = con.execute("SELECT DISTINCT name FROM taken WHERE tbl = ? ORDER BY ALL", [table]).fetchall()
    if not names:
        return False
    source = _rows(con, root, table, [name for (name,) in names])
    con.execute(f"CREATE OR REPLACE TEMP VIEW part_rows AS SELECT * FROM ({source}) WHERE run_id IN (SELECT run_id FROM taken)")
    runs = store.runs_of(con, "SELECT run_id FROM part_rows")
    if runs:
        store.copy_whole(con, table, "part_rows", path, runs=runs, threads=_threads(con))
    return bool(runs)


def _keep_names(con: duckdb.DuckDBPyConnection, listed: Listing) -> None:
    """Table `staying`: names of which nothing is left that stay nevertheless, as their files have rows of runs that are elsewhere too.

    Of an ingest of which an earlier repair could save a part alone, and which was given again since.
    """
    con.execute("CREATE TABLE staying (name VARCHAR)")
    names = [name for (name,) in con.execute("SELECT DISTINCT name FROM gone WHERE whole ORDER BY ALL").fetchall()]
    there = {table: [name for name in names if _as_written(listed, table, name) is not False] for table in TABLES}
    if not any(there.values()):
        return
    con.execute("INSERT INTO held SELECT run_id FROM taken")
    for lot in _lots(listed.loose["run"]):
        con.execute(f"INSERT INTO held SELECT run_id FROM {_files(listed.root, 'run', lot)}")
    for table in TABLES:
        for lot in _lots(there[table]):
            con.execute(
                "INSERT INTO staying SELECT DISTINCT parse_filename(filename, true) FROM "
                f"{_files(listed.root, table, lot, 'filename = true')} WHERE run_id IN (FROM held)"
            )


def _free_added(con: duckdb.DuckDBPyConnection, listed: Listing, counting: Mapping[str, Sequence[str]]) -> None:
    """Table `added`: names of files with other scores of runs alone (xbench.rescoring) that count again, as they are still there.

    None of their rows is in a file that counts, and all their runs are.
    """
    con.execute("CREATE TABLE added (name VARCHAR)")
    query = "SELECT DISTINCT name, tbl FROM names WHERE name NOT IN (SELECT name FROM names WHERE tbl = 'run') ORDER BY ALL"
    rows = con.execute(query).fetchall()
    unfit = {name for name, table in rows if _as_written(listed, table, name) is False}
    if all(name in unfit for name, _ in rows):
        return
    con.execute(
        "CREATE TABLE there AS SELECT run_id FROM held UNION SELECT run_id FROM taken UNION "
        "SELECT run_id FROM gone WHERE whole AND list_contains(?::VARCHAR[], name) AND name NOT IN (FROM staying)",
        [sorted(listed.replaced["run"])],
    )
    for lot in _lots(listed.loose["run"]):
        con.execute(f"INSERT INTO there SELECT run_id FROM {_files(listed.root, 'run', lot)}")
    for table in TABLES:
        key = contracts.rules(table).key
        same = " AND ".join(f"a.{column} IS NOT DISTINCT FROM b.{column}" for column in key.split(", "))
        for lot in _lots([name for name, tbl in rows if tbl == table and name not in unfit]):
            source = _files(listed.root, table, lot, "filename = true")
            con.execute(f"CREATE OR REPLACE TABLE lot AS SELECT parse_filename(filename, true) AS file, {key} FROM {source}")
            unfit |= {name for (name,) in con.execute("SELECT DISTINCT file FROM lot WHERE run_id NOT IN (FROM there)").fetchall()}
            for others in _lots([*counting[table], *listed.loose[table]]):
                other = f"SELECT {key} FROM {_files(listed.root, table, others)} WHERE run_id IN (SELECT run_id FROM lot)"
                unfit |= {n for (n,) in con.execute(f"SELECT DISTINCT a.file FROM lot AS a JOIN ({other}) AS b ON {same}").fetchall()}
    con.execute("INSERT INTO added SELECT unnest(?::VARCHAR[])", [sorted({name for name, _ in rows} - unfit)])


def _clear(root: Path, grace: float) -> int:
    """Delete what the newest compaction replaced, if it is old enough, and what older ones left; how many files."""
    listed = Listing(root)
    now = listed.compaction
    if not now.number or _age(root, now) < grace:
        return 0
    old = [root / table / f"{name}.parquet" for table, names in listed.replaced.items() for name in sorted(names)]
    # Of compacted files that do not count only those of compactions that are over: a later one may be being written.
    for table, names in listed.uncounted.items():
        gone = (name for name in names if listing.compaction_of(name) <= now.number and name not in listed.stranded[table])
        old += [root / table / f"{name}.parquet" for name in gone]
    folder = root / listing.FOLDER
    there = listing.inside(folder)
    stems = {listing.stem_of(name) for names in listed.stranded.values() for name in names}
    old += [folder / name for name in there if _is_old(name, now) and listing.stem_of(name) not in stems]
    for table in TABLES:  # all that replaces them is there
        listed.files(table)
    _remove(old)
    for path in (folder / name for name in there if name.startswith(listing.SORTING)):  # of a compaction that was killed
        if not places.is_remote(root) and time.time() - path.stat().st_mtime > max(grace, GRACE):
            shutil.rmtree(path, ignore_errors=True)
    return len(old)


def _age(root: Path, now: listing.Compaction) -> float:
    """Seconds since a compaction was made; endless where no clock can be believed.

    One that was made in the future was made by a clock that was ahead. Then its file is asked, whose time a server may have given, and if
    that is ahead by more than clocks of machines differ, what was replaced would stay until then.
    """
    here = time.time()
    if now.made <= here:
        return here - now.made
    age = here - (root / listing.FOLDER / f"{now.number:06d}.json").stat().st_mtime
    return age if age > -GRACE else math.inf


def _is_old(name: str, now: listing.Compaction) -> bool:
    return (
        listing.OF_COMPACTION.fullmatch(name) is not None
        and name not in (now.names, f"{now.number:06d}.json")
        and listing.compaction_of(name) <= now.number
    )


def _tell_waiting(root: Path, done: Compacted, grace: float) -> None:
    listed = Listing(root)
    said = "does not count, and no file that counts has all its runs; see xbench verify"
    done.left += [f"{table}/{name}.parquet: {said}" for table, names in listed.stranded.items() for name in names]
    done.waiting = sum(len(listed.replaced[t]) + len(listed.uncounted[t]) - len(listed.stranded[t]) for t in TABLES)
    if done.waiting:
        done.wait = max(0.0, grace - _age(root, listed.compaction))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        places.remove(path)


def _files(root: Path, table: str, names: Sequence[str], *options: str) -> str:
    return listing.parquet([root / table / f"{name}.parquet" for name in names], *options)


def _rows(con: duckdb.DuckDBPyConnection, root: Path, table: str, names: Sequence[str]) -> str:
    """A SELECT of the rows of files, with all columns of their table's contract."""
    files = _files(root, table, names)
    return contracts.whole(table, store.column_names(con, files), files)


def _lots(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), listing.LOT):
        yield names[first : first + listing.LOT]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
