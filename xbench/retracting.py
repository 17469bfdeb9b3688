"""`xbench retract`: results are taken out of what counts, with the reason, and can be let in again. Nothing is deleted.

A slip at an ingest (a wrong model or language), a paper that was withdrawn, a run on the wrong data: the runs stay in `every_run` and in
`history`, and are in no other view. Of an ingested claim the version before counts again, and what later versions took over from a
retracted one goes with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from xbench import board, contracts, retractions, store
from xbench.board import Row
from xbench.errors import StoreError, meant
from xbench.listing import Listing

_SEEN = ("source", "source_version", "model", "intermediate", "target", "train_language", "seed", "version")
_AMONG = "WHERE list_contains(?::VARCHAR[], r.run_id)"
_VERSIONS = """
SELECT run_id, identity, version FROM every_run
WHERE identity IN (SELECT identity FROM every_run WHERE list_contains(?::VARCHAR[], run_id))
"""
_CARRIED = """
SELECT count(*) FROM ({scores}) WHERE list_contains(?::VARCHAR[], carried_from) AND list_contains(?::VARCHAR[], run_id)
"""


@dataclass(slots=True)
class Retracted:
    """What came of it.

    Attributes:
        runs: Of table run, those whose state changes: run_id, source, source_version, model, intermediate, target, train_language, seed,
            version, and their number of scores.
        already: How many of the runs that meet the conditions were in that state.
        again: The runs that count from here on, as a version after them is taken out; in the same form.
        replaced: The runs that do not count any more, as a version after them is let in again.
        behind: How many of the runs that are let in again do not count nevertheless, as a version after them stands.
        reasons: Why those were out that are let in again, with how many of them.
        carried: How many scores of other runs go, as they were taken over from these, or come back.
        step: The name of the step; empty if nothing was written.
    """

    runs: list[Row]
    already: int = 0
    again: list[Row] = field(default_factory=list)
    replaced: list[Row] = field(default_factory=list)
    behind: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    carried: int = 0
    step: str = ""


def retract(root: Path, where: Mapping[str, str], because: str, *, back: bool = False, dry_run: bool = False) -> Retracted:
    """Take the runs out that meet all conditions, in every version; or let them in again.

    Args:
        root: The store.
        where: {column of table run: value}; of `run_id` its first digits do.
        because: The reason, for whoever asks what became of a number.
        back: Let them count again.
        dry_run: Say what would be done, and write nothing.

    Raises:
        StoreError: If there is no reason or no condition, a column or value is not known, no run meets them, or the step cannot be written.
    """
    because = " ".join(because.split())
    problems = [] if because else ["a reason is needed (--because): it is all that is told of these results from here on"]
    problems += [] if because.isprintable() else ["the reason has characters that cannot be printed (--because)"]
    known = [name for name, _, _ in contracts.rules("run").columns]
    problems += [f"there is no column {name} of runs{meant(name, known)}" for name in where if name not in known]
    problems += [] if where else ["say which runs, as FIELD=VALUE, such as source=arXiv:2005.13013 or run_id=1a2b3c"]
    if problems:
        raise StoreError("nothing is changed", problems)
    with store.reading(root) as con:
        found, reasons = _chosen(con, where), dict(con.execute("SELECT run_id, because FROM retracted").fetchall())
        out = reasons.keys()
        changing = [row for row in found if (row["run_id"] in out) == back]
        runs = {row["run_id"] for row in changing}
        versions = con.execute(_VERSIONS, [sorted(runs)]).fetchall()
        before, after = (_counting(versions, gone) for gone in (out, out - runs if back else out | runs))
        again, replaced = (_asked(con, _AMONG, [sorted(some)]) if some else [] for some in (after - before - runs, before - after - runs))
        scores = store.source(con, Listing(root), "score")  # some are not even in stored_score while they are out
        ((carried,),) = con.execute(_CARRIED.format(scores=scores), [sorted(runs), sorted(after - runs)]).fetchall()
    result = Retracted(changing, len(found) - len(changing), again, replaced, carried=carried)
    if back:
        result.behind = len({run for run, _, _ in versions} & runs - after)
        result.reasons.update(reasons[run] for run in runs)
    if changing and not dry_run:
        result.step = retractions.add(root, runs, because, back=back).name
    return result


def listed(root: Path) -> list[Row]:
    """The runs that are retracted, the last ones first: since when, why, which, and how many scores each has."""
    with store.reading(root) as con:
        return _asked(con, "JOIN retracted AS t USING (run_id)", [], ("made", "because"), "t.made DESC, ")


def _chosen(con: duckdb.DuckDBPyConnection, where: Mapping[str, str]) -> list[Row]:
    """Runs of every version, retracted or not."""
    said = dict(where)
    if "run_id" in said:
        said["run_id"] = board.whole_id(con, said["run_id"])
    condition = " AND ".join(f'r."{name}" = ?' for name in said)
    found = _asked(con, f"WHERE {condition}", list(said.values()))
    if not found:
        raise StoreError(f"no run has {' '.join(f'{k}={v}' for k, v in where.items())}", board.unheard_of(con, said))
    return found


def _asked(con: duckdb.DuckDBPyConnection, which: str, values: list[Any], more: Sequence[str] = (), first: str = "") -> list[Row]:
    """Runs of every version, with their number of scores.

    Args:
        con: The open store.
        which: A join or a condition.
        values: Of its ?.
        more: Columns of view `retracted` beside, where it is joined.
        first: What they are sorted by before anything else, with a comma after it.
    """
    chosen = [*(f"t.{name}" for name in more), "r.run_id", *(f"r.{name}" for name in _SEEN), "coalesce(n.scores, 0)"]
    found = board.fetched(
        con,
        f"SELECT {', '.join(chosen)} FROM every_run AS r "
        f"LEFT JOIN (SELECT run_id, count(*) AS scores FROM every_score GROUP BY ALL) AS n USING (run_id) {which} "
        f"ORDER BY {first}r.source, r.source_version, r.target, r.model, r.intermediate, r.train_language, r.seed, r.version, r.run_id",
        values,
    )
    return [dict(zip((*more, "run_id", *_SEEN, "scores"), row, strict=True)) for row in found]


def _counting(versions: Iterable[tuple[str, str, int]], out: Set[str]) -> set[str]:
    """Of (run id, identity, version) the newest of each identity that is not out."""
    newest: dict[str, tuple[int, str]] = {}
    for run, identity, version in versions:
        if run not in out:
            newest[identity] = max(newest.get(identity, (version, run)), (version, run))
    return {run for _, run in newest.values()}
