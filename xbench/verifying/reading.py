"""Files, each by itself: whether it can be read, is what was written, and follows its contract; what others are to be held against."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, combinations, groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from xbench import columns, contracts, hashes, places, rows, sealing, study
from xbench.listing import INGESTED, ingested, parquet
from xbench.verifying.problems import AGAIN, CELL, KEY, File, Problem, Verified, few_at_once, lost, reader
from xbench.version import __version__

_PARTS = 8  # of the scores of one run: more are not tried in all their combinations
_ID = re.compile(r"[0-9a-f]{24}")
_FILES, _ROWS = 400, 1 << 17  # that are looked at together, as a question takes as long for a file of few rows as for many of them


def check_files(found: Verified, tick: Callable[[int, int], None]) -> None:
    """Read all files, find what is wrong with each, and enter into the ledger what others are to be held against.

    Args:
        found: Has the files, those of one table together, and table `run` first.
        tick: Told how many files have been read, of how many.
    """
    names = pa.table(
        {
            "file": columns.numbers([file.number for file in found.files], pa.int64()),
            "name": columns.texts([file.name for file in found.files]),
            "named": columns.texts([_named(file) for file in found.files]),
        }
    )
    found.ledger.register("given", names)
    found.ledger.execute("INSERT INTO file SELECT * FROM given")
    files: list[File] = []
    contents: list[pa.Table] = []
    for done, file in enumerate(found.files):
        tick(done, len(found.files))
        content = _read(found, file)
        found.rows += content.num_rows if content is not None else 0
        if content is None or _broken_columns(found, file, content):
            file.lost = True
            continue
        content = content.select([name for name in content.column_names if name in contracts.schema(file.table).names])
        alike = files and files[0].table == file.table and contents[0].schema.equals(content.schema)
        if files and not (alike and len(files) < _FILES and sum(c.num_rows for c in contents) + content.num_rows <= _ROWS):
            _check(found, files, contents)
            files, contents = [], []
        files.append(file)
        contents.append(content)
    if files:
        _check(found, files, contents)


def _named(file: File) -> str | None:
    """The run whose id is in the name of a file, if there is one."""
    ids = [part for part in file.name.split(".") if _ID.fullmatch(part)] if not file.name.startswith(INGESTED) else []
    return ids[0] if len(ids) == 1 else None


def _check(found: Verified, files: Sequence[File], contents: Sequence[pa.Table]) -> None:
    """Look at the rows of some files of one table, all with the same columns."""
    con, table = found.ledger, files[0].table
    numbers = np.repeat([file.number for file in files], [content.num_rows for content in contents]).tolist()
    content = pa.concat_tables(contents).append_column("file", columns.numbers(numbers, pa.int64()))
    if not contracts.follow(con, table, content, beside="file"):  # which makes `whole` of the rows
        for file, own in zip(files, contents, strict=True):
            with con.cursor() as alone:
                for problem in contracts.problems(alone, table, own):
                    found.problems.append(Problem("contract", table, file.shown, "", problem, f"schemas/{table}.sql", AGAIN))
    _enter(found, table)
    _check_names(found)
    if table == "run":
        _check_batches(found)
        _check_runs(found)
    elif table == "outcome":
        _digest_outcomes(found)
    elif table == "score":
        _check_ids(found)
    con.execute("DROP VIEW whole")
    con.unregister("given")


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
                against = list(against_footer(path, content))
    except _DAMAGE as error:
        found.reader.close()
        found.reader = reader()  # an error may leave the old one of no use
        said = " ".join(str(error).replace(str(file.path), file.path.name).split())
        # A file that this process may not open, or with the very bytes that were written, is not to be blamed, nor set aside.
        if intact or (isinstance(error, OSError) and error.errno is not None):
            do = "see to permissions, disk and memory, and verify again"
            found.problems.append(Problem("no access", file.table, file.shown, "all", said, "a file that can be read", do))
        else:
            found.problems.append(Problem("unreadable", file.table, file.shown, "all", said, "a Parquet file, whole", AGAIN))
        return None
    for said in against:
        found.problems.append(Problem("content", file.table, file.shown, "any", said, "the bytes that were written", AGAIN))
    return content


def against_footer(path: Path, content: pa.Table) -> Iterator[str]:
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
        found.problems.append(Problem("contract", file.table, file.shown, "all", problem, f"schemas/{file.table}.sql", AGAIN))
    return bool(problems)


def _enter(found: Verified, table: str) -> None:
    """What is to be compared with other files."""
    con = found.ledger
    tested = f"CASE kind WHEN 'run' THEN split_part(target_revision, '{hashes.DEV}', 1) ELSE target_revision END"
    revision = {"run": tested, "score": "dataset_revision"}.get(table, "NULL")
    con.execute(f"INSERT INTO held SELECT file, '{table}', run_id, {', '.join(KEY)}, {revision}, count(*) FROM whole GROUP BY ALL")
    if table == "run":
        con.execute(
            "INSERT INTO claim SELECT file, name, run_id, kind, identity, version, source, source_version FROM whole JOIN file USING (file)"
        )
    elif table == "outcome":
        con.execute(f"INSERT INTO share SELECT file, {CELL}, fsum(numerator), fsum(denominator), count(*) FROM whole GROUP BY ALL")
    elif table == "score":
        con.execute(f"INSERT INTO score SELECT file, {CELL}, value, n FROM whole WHERE evidence = 'outcomes'")
        taken = "carried_from IS NOT NULL"
        con.execute(f"INSERT INTO carried SELECT file, run_id, carried_from, count(*) FROM whole WHERE {taken} GROUP BY ALL")
    else:
        con.execute("INSERT INTO answer SELECT file, run_id, language, split, count(*) FROM whole GROUP BY ALL")


def _check_names(found: Verified) -> None:
    """A file with a run's id in its name has rows of that run alone."""
    query = "SELECT file, named, run_id, count(*) FROM whole JOIN file USING (file) WHERE run_id <> named GROUP BY ALL ORDER BY ALL"
    for number, named, run, count in found.ledger.execute(query).fetchall():
        file, said = found.files[number], (f"{count} rows of run {run}", f"rows of run {named}, which its name says")
        found.problems.append(Problem("identity", file.table, file.shown, f"run {run}", *said, AGAIN, (named, run)))


def _check_batches(found: Verified) -> None:
    """The name of a batch is made of the ids of its runs."""
    query = (
        f"SELECT file, list_sort(list(DISTINCT run_id)) FROM whole JOIN file USING (file) WHERE starts_with(name, '{INGESTED}') "
        "GROUP BY file ORDER BY file"
    )
    for number, runs in found.ledger.execute(query).fetchall():
        file, expected = found.files[number], f"{ingested(runs or [])}.parquet"
        if expected != file.path.name:
            said = f"the name {file.path.name}", f"{expected}, which its {len(runs or [])} runs make"
            found.problems.append(Problem("identity", "run", file.shown, f"{len(runs or [])} runs", *said, AGAIN))


def _check_runs(found: Verified) -> None:
    """Ids of runs and recipes are hashes of what they stand for."""
    for run in few_at_once(found.ledger, "SELECT * EXCLUDE (started, finished) FROM whole"):
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
        shown = found.files[run["file"]].shown
        found.problems += [Problem("identity", "run", shown, f"run {run['run_id']}", *said, AGAIN, (run["run_id"],)) for said in problems]


# The rows of ingested runs of the same write: what was added later is not in the id of a run.
_SAME_WRITE = (
    "whole AS w JOIN file USING (file) JOIN (SELECT DISTINCT name, run_id, identity FROM claim WHERE kind = 'external') AS c "
    "USING (name, run_id)"
)


def _digest_outcomes(found: Verified) -> None:
    """What stands for the examples of each score of an ingested run."""
    asked = ("example_id", "cluster_id", "numerator", "denominator")
    ordered = f"SELECT file, {CELL}, {', '.join(asked)} FROM {_SAME_WRITE} ORDER BY file, {CELL}"
    digests = []
    for (_, *cell), group in groupby(few_at_once(found.ledger, ordered), lambda row: [row[c] for c in ("file", *CELL.split(", "))]):
        digests.append([*cell, rows.digest_of(pa.Table.from_pylist([{c: row[c] for c in asked} for row in group]))])
    if digests:
        found.ledger.executemany("INSERT INTO digest VALUES (?, ?, ?, ?, ?, ?)", digests)


def _check_ids(found: Verified) -> None:
    """The id of an ingested run is a hash of its identity and numbers."""
    asked = [*rows.CELL, "evidence"]
    ordered = (
        f"SELECT file, run_id, identity, digest, {', '.join(asked)}, (file, run_id) IN (SELECT file, run_id FROM whole WHERE carried_from "
        f"IS NOT NULL) AS beside FROM {_SAME_WRITE} LEFT JOIN digest AS d "
        f"USING ({CELL}) WHERE carried_from IS NULL ORDER BY file, {CELL}, language_set"
    )
    gone, key = lost(found, "outcome"), ("file", "run_id", "identity")
    for (number, run, identity), group in groupby(few_at_once(found.ledger, ordered), lambda row: [row[c] for c in key]):
        file, own = found.files[number], list(group)
        if file.name in gone:
            continue
        expected = _id_by(identity, own)
        if expected != run and (file.name.startswith(INGESTED) or not _rescored(run, identity, own)):
            said = f"run_id {run}", f"{expected}, the hash of its identity and numbers"
            found.problems.append(Problem("identity", "score", file.shown, f"run {run}", *said, AGAIN, (run,)))


def _id_by(identity: str, own: Sequence[Mapping[str, Any]]) -> str:
    """The id of an ingested run, made again from its scores."""
    examples = [row["digest"] if row["evidence"] == "outcomes" else None for row in own]
    return rows.run_id_of(identity, rows.hashed({column: [row[column] for row in own] for column in rows.CELL}, examples))


def _rescored(run: str, identity: str, own: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some of the scores alone make the id: a compaction brings into one file what rescoring added to the run.

    It adds a scorer to the languages that lack it. So what is left out is tried by scorer, by scorer and the scorers of its languages, and
    by scorer and language. A version that brought predictions and no numbers, only carried ones, has nothing but that.
    """
    if all(row["beside"] and row["evidence"] == "outcomes" for row in own):
        return True
    scorers: dict[str, set[str]] = {}
    for row in own:
        scorers.setdefault(row["language"], set()).add(row["scorer"])
    ways: tuple[Callable[[Mapping[str, Any]], Any], ...] = (
        lambda row: row["scorer"],
        lambda row: (row["scorer"], frozenset(scorers[row["language"]])),
        lambda row: (row["scorer"], row["language"]),
    )
    for way in ways:
        parts = list(dict.fromkeys(map(way, own)))
        if not 1 < len(parts) <= _PARTS:
            continue
        chosen = chain.from_iterable(combinations(parts, count) for count in range(1, len(parts)))
        if any(_id_by(identity, [row for row in own if way(row) in those]) == run for those in chosen):
            return True
    return False
