"""One file: whether it can be read, is what was written, and follows its contract; what other files are to be held against."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from xbench import contracts, places, rows, sealing, study
from xbench.listing import INGESTED, PREFIX, ingested, parquet
from xbench.verifying.problems import AGAIN, CELL, KEY, File, Problem, Verified, few_at_once, reader
from xbench.version import __version__

_SCORERS = 8  # of one run: more are not tried in all their combinations
_ID = re.compile(r"[0-9a-f]{24}")


def check_file(found: Verified, file: File) -> None:
    """Read a file, find what is wrong with it, and enter into the ledger what others are to be held against."""
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
        found.problems.append(Problem("contract", file.table, file.shown, "", problem, f"schemas/{file.table}.sql", AGAIN))
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
        found.problems.append(Problem("contract", file.table, file.shown, "all", problem, f"schemas/{file.table}.sql", AGAIN))
    return bool(problems)


def _enter(found: Verified, file: File) -> None:
    """What is to be compared with other files."""
    con, number = found.ledger, file.number
    tested = f"CASE kind WHEN 'run' THEN split_part(target_revision, '{study.DEV}', 1) ELSE target_revision END"
    revision = {"run": tested, "score": "dataset_revision"}.get(file.table, "NULL")
    con.execute(f"INSERT INTO held SELECT {number}, '{file.table}', run_id, {', '.join(KEY)}, {revision}, count(*) FROM whole GROUP BY ALL")
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
                found.problems.append(Problem("identity", file.table, file.shown, f"{len(runs)} runs", *said, AGAIN))
        return
    named = [part for part in file.name.split(".") if _ID.fullmatch(part)]
    if len(named) != 1:
        return
    others = found.ledger.execute("SELECT run_id, count(*) FROM whole WHERE run_id <> ? GROUP BY run_id ORDER BY 1", named).fetchall()
    for run, count in others:
        said = f"{count} rows of run {run}", f"rows of run {named[0]}, which its name says"
        found.problems.append(Problem("identity", file.table, file.shown, f"run {run}", *said, AGAIN, (named[0], run)))


def _check_runs(found: Verified, file: File) -> None:
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
        found.problems += [
            Problem("identity", file.table, file.shown, f"run {run['run_id']}", *said, AGAIN, (run["run_id"],)) for said in problems
        ]


# Of the rows of a file, those of ingested runs of the same write: what was added later is not in the id of a run.
_SAME_WRITE = "whole AS w JOIN (SELECT DISTINCT run_id, identity FROM claim WHERE name = ? AND kind = 'external') AS c USING (run_id)"


def _digest_outcomes(found: Verified, file: File) -> None:
    """What stands for the examples of each score of an ingested run."""
    columns = ("example_id", "cluster_id", "numerator", "denominator")
    ordered = f"SELECT {CELL}, {', '.join(columns)} FROM {_SAME_WRITE} ORDER BY {CELL}"
    for cell, group in groupby(few_at_once(found.ledger, ordered, [file.name]), lambda row: [row[c] for c in CELL.split(", ")]):
        digest = rows.digest_of(pa.Table.from_pylist([{c: row[c] for c in columns} for row in group]))
        found.ledger.execute("INSERT INTO digest VALUES (?, ?, ?, ?, ?, ?)", [*cell, digest])


def _check_ids(found: Verified, file: File) -> None:
    """The id of an ingested run is a hash of its identity and numbers."""
    if any(other.lost and other.table == "outcome" and other.name == file.name for other in found.files):
        return
    columns = [*rows.CELL, "evidence"]
    ordered = (
        f"SELECT run_id, identity, digest, {', '.join(columns)} FROM {_SAME_WRITE} LEFT JOIN digest AS d "
        f"USING ({CELL}) WHERE carried_from IS NULL ORDER BY {CELL}, language_set"
    )
    for (run, identity), group in groupby(few_at_once(found.ledger, ordered, [file.name]), lambda row: (row["run_id"], row["identity"])):
        own = list(group)
        expected = _id_by(identity, own)
        if expected != run and not (file.name.startswith(PREFIX) and _rescored(run, identity, own)):
            said = f"run_id {run}", f"{expected}, the hash of its identity and numbers"
            found.problems.append(Problem("identity", file.table, file.shown, f"run {run}", *said, AGAIN, (run,)))


def _id_by(identity: str, own: Sequence[Mapping[str, Any]]) -> str:
    """The id of an ingested run, made again from its scores."""
    examples = [row["digest"] if row["evidence"] == "outcomes" else None for row in own]
    return rows.run_id_of(identity, rows.hashed({column: [row[column] for row in own] for column in rows.CELL}, examples))


def _rescored(run: str, identity: str, own: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some of the scorers alone make the id: a compaction brings into one file what rescoring added to the run by the others."""
    scorers = list(dict.fromkeys(row["scorer"] for row in own))
    if not 1 < len(scorers) <= _SCORERS:
        return False
    chosen = chain.from_iterable(combinations(scorers, count) for count in range(1, len(scorers)))
    return any(_id_by(identity, [row for row in own if row["scorer"] in those]) == run for those in chosen)
