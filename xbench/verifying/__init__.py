"""`xbench verify`: whether a store is whole: every file read, every rule of the contracts asked, every score made again from its outcomes.

Files are read one at a time, and small ones looked at together; what has to be compared between them (ids, sums, counts, never texts) is
kept in a DuckDB of its own. Nothing is changed, and nothing stops it: what cannot be read is a problem like the others. `xbench.mending`
sets aside what is found.
"""

from collections.abc import Callable
from pathlib import Path

from xbench.listing import existing
from xbench.verifying.across import compare
from xbench.verifying.files import list_files
from xbench.verifying.predictions import rescore
from xbench.verifying.problems import KINDS, LEDGER, Verified, reader
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
    tick(len(found.files), len(found.files))
    found.problems.sort(key=lambda p: (list(KINDS).index(p.kind), p.table, p.file, p.rows))
    return found
