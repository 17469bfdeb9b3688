"""Which runs are taken out of a store, since when, and why: what `xbench retract` wrote down.

    STORE/retraction/YYYYMMDDTHHMMSSZ-HASH.json   one step: {"made": …, "because": …, "back": …, "runs": […]}

A step is written whole and never changed; to take it back is another one. Of each run the last step that names it counts. The files of its
rows stay as they are, and `every_run` shows it still.
"""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xbench import places
from xbench.errors import StoreError
from xbench.hashes import short_hash
from xbench.listing import RETRACTED, inside, write_format
from xbench.readers import from_json

FOLDER = "retraction"
OF_RETRACTION = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}\.json")
_RUN_ID = re.compile(r"[0-9a-f]{24}")
_END = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_APART = 1e-3  # seconds between two steps, so that they have an order whatever the clock does


@dataclass(frozen=True, slots=True)
class Step:
    """What one file says.

    Attributes:
        made: Seconds since 1970; later than that of every step that was there.
        name: Of the file, without its ending. It holds a hash of all that is said.
        because: The reason.
        back: Whether these runs count again from here on.
        runs: Their ids, sorted.
    """

    made: float
    name: str
    because: str
    back: bool
    runs: tuple[str, ...]


def steps(root: Path) -> list[Step]:
    """All steps of a store, in order.

    Raises:
        StoreError: If what one says cannot be read: without it nobody knows which runs count.
    """
    names = [name for name in inside(root / FOLDER) if OF_RETRACTION.fullmatch(name)]
    return sorted((step(root / FOLDER / name) for name in names), key=lambda one: (one.made, one.name))


def retracted(of: Iterable[Step]) -> dict[str, Step]:
    """The runs that are taken out, with the step by which they are."""
    last = {run: one for one in of for run in one.runs}
    return {run: one for run, one in last.items() if not one.back}


def out_of(root: Path) -> dict[str, Step]:
    """The runs that are taken out of a store now, with the step by which they are.

    Raises:
        StoreError: As `steps`.
    """
    return retracted(steps(root))


def add(root: Path, runs: Iterable[str], because: str, *, back: bool) -> Step:
    """Write a step down: from here on these runs do not count, or do again.

    Raises:
        StoreError: If it cannot be written, or what is there cannot be read.
    """
    write_format(root, RETRACTED)  # first: a version that does not look for steps must not read the store from here on
    before = steps(root)
    made = max([time.time(), *(one.made + _APART for one in before[-1:])])
    ordered = sorted(runs)
    said: dict[str, Any] = {"made": made, "because": because, "back": back, "runs": ordered}
    name = f"{datetime.fromtimestamp(made, UTC):%Y%m%dT%H%M%SZ}-{_hash(said)}"
    content = (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()
    path = root / FOLDER / f"{name}.json"
    try:
        if not places.create(path, content):
            raise StoreError(f"{path} is there already, with other content", ["see to it: xbench verify"])
    except OSError as error:
        raise places.unwritable(path, error) from error
    write_format(root, RETRACTED)  # a compaction that began before may have written its own meanwhile
    return Step(made, name, because, back, tuple(ordered))


def step(path: Path) -> Step:
    """What a file says.

    Raises:
        StoreError: If it cannot be read, or says something else than what was written.
    """
    try:
        said = from_json(path.read_bytes())
        made, because, back, runs = said["made"], said["because"], said["back"], said["runs"]
        if not (
            isinstance(made, float) and 0 <= made < _END and isinstance(because, str) and because.isprintable() and isinstance(back, bool)
        ):
            raise ValueError("made is no time, because no text of one line, or back not true or false")
        if not (isinstance(runs, list) and runs and all(isinstance(run, str) and _RUN_ID.fullmatch(run) for run in runs)):
            raise ValueError("runs are not ids of runs")
        if _hash(said) != path.stem.partition("-")[2]:
            raise ValueError("the hash in its name is of other content")
    except (OSError, ValueError, LookupError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise StoreError(f"{path} cannot be read, and without it nobody knows which runs count", [said]) from error
    return Step(made, path.stem, because, back, tuple(runs))


def _hash(said: dict[str, Any]) -> str:
    return short_hash({key: said[key] for key in ("made", "because", "back", "runs")}, 12)
