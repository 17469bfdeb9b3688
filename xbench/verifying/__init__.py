"""`xbench verify`: whether a store is whole: every file read, every rule of the contracts asked, every score made again from its outcomes.

Files are read one at a time, and small ones looked at together; what has to be compared between them (ids, sums, counts, never texts) is
kept in a DuckDB of its own. Nothing is changed, and nothing stops it: what cannot be read is a problem like the others. `xbench.mending`
sets aside what is found.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from xbench.listing import existing
from xbench.verifying.across import compare
from xbench.verifying.files import list_files
from xbench.verifying.predictions import rescore
from xbench.verifying.problems import AGAIN, BOUND, KINDS, LEDGER, OF_FILE, OF_RUN, RERUN, Problem, Verified, reader
from xbench.verifying.reading import check_files

Tick = Callable[[int, int], None]


def verify(root: Path, *, deep: bool = False, tick: Tick = lambda done, total: None) -> Verified:
    """Check a store.

    Args:
        root: The store.
        deep: Also make the outcomes again from the predictions, where the scorer is there in the version that made them.
        tick: Told how many files are done, of how many.

    Raises:
        StoreError: If there is no store.
    """
    found = Verified(existing(root), reader(root), reader())
    found.ledger.execute(LEDGER)
    list_files(found)
    check_files(found, tick)
    compare(found)
    if deep:
        rescore(found)
    found.problems = list(_as_repaired(found))
    tick(len(found.files), len(found.files))
    found.problems.sort(key=lambda p: (list(KINDS).index(p.kind), p.table, p.file, p.rows))
    return found


def _as_repaired(found: Verified) -> Iterator[Problem]:
    """The problems; where a repair would leave the files, as they have rows of other runs too, none is recommended."""
    if not any(problem.kind in OF_RUN for problem in found.problems):  # as mostly: then no file need be looked up
        yield from found.problems
        return
    going = {Path(problem.file).name for problem in found.problems if problem.kind in OF_FILE}  # with all their runs
    query = "SELECT file FROM held GROUP BY file HAVING count(DISTINCT run_id) > 1"
    several = [number for (number,) in found.ledger.execute(query).fetchall() if found.files[number].path.name not in going]
    known = {found.files[number].shown for number in several if not found.files[number].lost}
    asked = sorted({run for problem in found.problems if problem.kind in OF_RUN for run in problem.runs})
    query = "SELECT DISTINCT run_id FROM held WHERE list_contains(?::INTEGER[], file) AND list_contains(?::VARCHAR[], run_id)"
    bound = {run for (run,) in found.ledger.execute(query, [several, asked]).fetchall()} if asked else set()
    for problem in found.problems:
        left = not bound.isdisjoint(problem.runs) if problem.runs else problem.file in known
        yield replace(problem, do=BOUND) if left and problem.kind in OF_RUN and problem.do in (AGAIN, RERUN) else problem
