"""Runs into the store: what belongs to them first, their rows in table `run` last, and nothing beside it that an interrupted write left."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from xbench import listing, places, store
from xbench.contracts import LAST_FIRST
from xbench.errors import StoreError
from xbench.listing import Listing


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Let nobody else compare claims with the store and write them meanwhile; False where there are no locks."""
    if places.is_remote(root):
        yield False
        return
    with places.locked(root / ".ingest.lock") as locked:
        yield locked


def write_runs(root: Path, tables: Mapping[str, pa.Table], name: str, *, only: bool = True) -> None:
    """Write the rows of some runs as a file a table, the last of which marks them complete.

    Args:
        root: The store.
        tables: Their rows, by table.
        name: Of the files.
        only: Whether nobody else writes these runs under another name now.

    Raises:
        ContractError: If rows break a contract.
        StoreError: If a file cannot be written, or another write may be about to complete these runs.
    """
    _remove_interrupted(root, name, sorted(tables["run"]["run_id"].to_pylist()), only=only)
    for table in reversed(LAST_FIRST):
        if tables[table].num_rows:
            store.write(root, table, tables[table], name)


def _remove_interrupted(root: Path, name: str, runs: list[str], *, only: bool) -> None:
    """Remove rows of runs that are about to be written, from files of a write that was ended before these runs were complete.

    Nobody sees them so far, and they would be there twice: with a claim that `xbench score` and `xbench ingest` name differently, or with
    what `xbench rescore` added before the row in table `run` was lost. A file of the same name is replaced anyway.
    """
    listed = Listing(root)
    left = [
        listed.root / table / f"{file}.parquet"
        for table in ("outcome", "prediction", "score")
        for file in set(listed.loose[table]).difference(listed.loose["run"], [name])
    ]
    if not left:
        return
    with places.reader(root) as con:
        held = _holding(con, left, runs)
        if not held:
            return
        # Asked after the files were listed: what has been completed meanwhile is not in the way.
        complete = store.source(con, Listing(root), "run")
        query = f"SELECT {_PLACE} FROM {listing.parquet(held, 'filename = true')} GROUP BY filename "
        query += f"HAVING NOT bool_or(run_id IN (SELECT run_id FROM ({complete})))"
        stale = [root / table / file for table, file in listing.read(con, query)]
    if not only and any(time.time() - path.stat().st_mtime < listing.RECENT for path in stale):
        raise StoreError(
            f"{root} has rows of these runs from another ingest, which is under way or was ended less than {listing.RECENT // 60} minutes "
            "ago",
            ["let it finish, or wait, and give the same command again: what is complete is kept"],
        )
    for path in stale:
        places.remove(path)


_PLACE = "parse_path(filename)[-2], parse_filename(filename)"


def _holding(con: duckdb.DuckDBPyConnection, paths: Sequence[Path], runs: Sequence[str]) -> list[Path]:
    """Files with rows of some runs. One that cannot be read is passed over: no reader does, and what is to be written took long to make."""
    query = f"SELECT DISTINCT {_PLACE} FROM {listing.parquet(paths, 'filename = true')} WHERE run_id IN (SELECT unnest(?::VARCHAR[]))"
    try:
        return [paths[0].parent.parent / table / file for table, file in listing.read(con, query, [runs])]
    except StoreError:
        middle = len(paths) // 2
        return [path for half in (paths[:middle], paths[middle:]) for path in _holding(con, half, runs)] if middle else []
