"""`xbench verify --repair`: what cannot be relied on is set aside in STORE/quarantine, whole, and never deleted.

The file that marks runs as complete goes first, so a kill between two moves leaves rows that no reader sees, and another repair goes on
from there.
"""

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xbench import places
from xbench.compacting import GRACE, without
from xbench.errors import StoreError, few
from xbench.listing import FOLDER, PREFIX, RECENT, SORTING, compaction_of, newest
from xbench.retractions import FOLDER as RETRACTIONS
from xbench.tables import many
from xbench.verifying import verify
from xbench.verifying.problems import CELL, OF_FILE, OF_RUN, QUARANTINE, File, Problem, Verified

_ROUNDS = 5  # what is set aside may leave something else alone, but not again and again
_OWN = re.compile(r"\.seed\d+\.[0-9a-f]{24}\.parquet$")  # in the name of a file of xbench run
_NAMED = 12  # runs in a line


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that was set aside: which it was, where it is now, and why."""

    file: str
    to: str
    why: str


@dataclass(slots=True)
class Mended:
    """What was done.

    Attributes:
        after: What is there now.
        moved: The files that were set aside.
        left: What was not, and why.
        do: What brings back the runs that are missing now, and of which nothing is to be done.
    """

    after: Verified
    moved: list[Moved] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    do: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Gone:
    """What was set aside with its row in table run: the runs as that says, and those of which it cannot be read, by file.

    Of a run: kind, identity, version, source and version of that, model, target; of one without its row, model and target. Those that
    were run here are known by the name of their file; that there are some is enough.
    """

    runs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    unread: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    own: bool = False


@dataclass(slots=True)
class _Plan:
    """The files to set aside with the reason for each, the compacted files that no longer count, and what has to stay.

    Of the files `harmless` are those that no reader sees, unless a writer finishes before they are moved.
    """

    files: dict[str, str] = field(default_factory=dict)
    harmless: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)


def repair(root: Path, *, deep: bool = False, tick: Callable[[int, int], None] = lambda done, total: None) -> Mended:
    """Set aside every file that cannot be relied on; may be killed and called again.

    Args:
        root: The store.
        deep: As for `xbench.verifying.verify`.
        tick: Likewise.

    Raises:
        StoreError: If the store is not on a file system of this machine, is not there, or a file cannot be moved.
    """
    if places.is_remote(root):
        raise StoreError(
            f"{root} cannot be repaired from here: an object store copies and deletes, and a kill between the two leaves both",
            ["copy the store to a folder, repair that, and copy it back"],
        )
    mended, gone = Mended(verify(root, deep=deep, tick=tick)), _Gone()
    for _ in range(_ROUNDS):
        plan = _plan(mended.after)
        mended.left = plan.left
        if not plan.files and not plan.lost:
            break
        before, first = mended.after, len(mended.moved)
        _move(mended, plan)
        _remember(before, {moved.file for moved in mended.moved[first:]} | {f"run/{name}.parquet" for name in plan.lost}, gone)
        mended.after = verify(root, deep=deep, tick=tick)
    mended.do = _advice(mended.after, gone)
    return mended


def _remember(found: Verified, files: Iterable[str], gone: _Gone) -> None:
    """Enter the runs of files that are not there any more."""
    for shown in sorted(file for file in files if file.startswith("run/")):
        numbers = [file.number for file in found.files if file.shown == shown]
        rows = found.ledger.execute(
            "SELECT run_id, c.kind, identity, version, source, source_version, h.model, h.target FROM claim AS c JOIN held AS h "
            "USING (file, run_id) WHERE list_contains(?::INTEGER[], file)",
            [numbers],
        ).fetchall()
        gone.runs |= {run: tuple(said) for run, *said in rows}
        if not rows and _OWN.search(shown):
            gone.own = True
        elif not rows:
            beside = [file.number for file in found.files if file.path.name == Path(shown).name]
            named = found.ledger.execute(
                "SELECT DISTINCT run_id, model, target FROM held WHERE list_contains(?, file) AND run_id IS NOT NULL ORDER BY ALL", [beside]
            ).fetchall()
            gone.unread[shown] = {run: (model, target) for run, model, target in named}


def _advice(after: Verified, gone: _Gone) -> list[str]:
    """What brings back what is missing now.

    A version of which a newer one is there is not to be ingested again: it would be the newest, with numbers that were withdrawn.
    """
    there = {run for (run,) in after.ledger.execute("SELECT run_id FROM claim").fetchall()}
    newest = dict(after.ledger.execute("SELECT identity, max(version) FROM claim WHERE identity IS NOT NULL GROUP BY ALL").fetchall())
    again: dict[str, list[str]] = {}
    older: Counter[str] = Counter()
    own = gone.own
    for run, (kind, identity, version, source, its_version, model, target) in sorted(gone.runs.items(), key=lambda item: item[1][2] or 0):
        said = f"{source} ({its_version})"
        if run in there:
            continue
        if kind == "run":
            own = True
        elif version <= newest.get(identity, 0):
            older[said] += 1
        else:
            again.setdefault(said, []).append(f"{model} on {target} (version {version})")
    unread = {file: {run: said for run, said in runs.items() if run not in there} for file, runs in gone.unread.items()}
    unread = {file: runs for file, runs in unread.items() if runs or not gone.unread[file]}
    do = ["xbench run STUDY makes the cells again that are missing now"] if own else []
    alone = ", and of the same files nothing else" if older else ""
    do += [f"ingest again what {source} says of {few(runs, _NAMED)}{alone}" for source, runs in sorted(again.items())]
    do += [
        f"nothing is to be done for {many(count, 'run')} of {source}: a newer version is there, and ingested again the older "
        "would replace it"
        for source, count in sorted(older.items())
    ]
    for file, runs in sorted(unread.items()):
        names = few(list(dict.fromkeys(f"{model} on {target}" for model, target in runs.values())), _NAMED) or "nobody knows which"
        do.append(
            f"{file} cannot be read: whether its runs ({names}) were the newest versions is not known; ingest their sources again only "
            "where xbench history has no newer version, as what is ingested would replace it"
        )
    return do


def _plan(found: Verified) -> _Plan:
    plan = _Plan()
    for problem in found.problems:
        if problem.kind in OF_FILE:
            _add_file(found, plan, problem)
        elif problem.kind == "leftover":
            _add_harmless(found, plan, problem)
    _add_broken(found, plan)
    alone = {problem.file: problem for problem in found.problems if problem.kind == "orphan"}
    for file in _left_alone(found, plan):
        if file.shown in alone:
            _add_harmless(found, plan, alone[file.shown])
        else:
            plan.files.setdefault(file.shown, "its runs are set aside")
    for file in _without_a_score(found):
        if file.shown in alone:
            _add_harmless(found, plan, alone[file.shown])
    plan.left = list(dict.fromkeys(plan.left))
    return plan


def _why(problem: Problem) -> str:
    return f"{problem.kind}: {problem.found}; expected {problem.expected}"


def _add_file(found: Verified, plan: _Plan, problem: Problem) -> None:
    if problem.file.startswith((f"{FOLDER}/", f"{RETRACTIONS}/")):
        what = "files" if problem.file.startswith(f"{FOLDER}/") else "runs"
        plan.left.append(f"{problem.file}: {problem.kind}, but without it nobody knows which {what} count: {problem.do}")
    elif problem.file.count("/") == 1:
        _add_write(found, plan, problem)


def _add_write(found: Verified, plan: _Plan, problem: Problem) -> None:
    """A file that cannot be read, and what was written with it: the same names in the other tables."""
    name = Path(problem.file).name
    if os.path.lexists(found.root / problem.file):  # a link to nothing is moved as well
        plan.files[problem.file] = _why(problem)
    if name.startswith(PREFIX):
        plan.lost.add(name.removesuffix(".parquet"))
    for file in found.files:
        if file.path.name == name:
            plan.files.setdefault(file.shown, f"was written with {problem.file}, which is {problem.kind}")


def _add_harmless(found: Verified, plan: _Plan, problem: Problem) -> None:
    """What no reader needs, unless it was so new when it was listed that its writer may be about to finish."""
    path = found.root / problem.file
    wait = GRACE if _of_compaction(path) else RECENT  # seconds; a compaction writes one file after another
    try:
        written = path.stat().st_mtime
    except FileNotFoundError:
        return  # its writer has finished
    if _of_compaction(path):
        written = max(written, _sorted_last(found.root))
    if found.began - written < wait:
        plan.left.append(f"{problem.file}: {problem.kind}, but not {wait // 60} minutes old: it may be of a write under way")
    elif problem.file not in plan.files:
        plan.files[problem.file] = _why(problem)
        plan.harmless.add(problem.file)


def _of_compaction(path: Path) -> bool:
    return path.parent.name == FOLDER or path.name.removeprefix(".").startswith(PREFIX)


def _sorted_last(root: Path) -> float:
    """When a compaction that has not ended was last seen at work, in the folder that it has until it does."""
    times = [0.0]
    for room in (root / FOLDER).glob(f"{SORTING}*"):
        with suppress(FileNotFoundError):  # it has ended
            times += [path.stat().st_mtime for path in (room, *room.rglob("*"))]
    return max(times)


def _finished(found: Verified, file: str) -> bool:
    """Whether the writer of a file that no reader saw has come to its end since: then it is one that readers see, or is gone."""
    path = found.root / file
    if not path.exists():
        return True
    if _of_compaction(path):
        return compaction_of(path.name) <= newest(found.root).number
    listed = {path, *(other.path for other in found.files)}
    return any(other.is_file() and other not in listed for other in (found.root / table / path.name for table in ("run", "score")))


def _add_broken(found: Verified, plan: _Plan) -> None:
    twice, runs = _twice(found)
    for problem in found.problems:
        if problem.file in twice:  # with whatever else is wrong with it
            if problem.kind == "contract":
                _add_harmless(found, plan, problem)
        elif problem.kind in OF_RUN and not (problem.runs and runs.issuperset(problem.runs)):  # of these it is seen afterwards
            _add_runs(found, plan, problem)


def _add_runs(found: Verified, plan: _Plan, problem: Problem) -> None:
    """All files of the runs that a problem is about, if they have no rows of other runs."""
    if any(file.shown == problem.file and file.lost for file in found.files):
        _add_write(found, plan, problem)  # its columns are not those of its table, so whose rows they are is not known
        return
    runs = problem.runs or _runs_of(found, problem.file)
    if not runs:
        plan.left.append(f"{problem.file}: {problem.kind} in a file of several runs: ingest its source into a new store")
    for run in runs:
        files = [found.files[row[0]] for row in found.ledger.execute("SELECT DISTINCT file FROM held WHERE run_id = ?", [run]).fetchall()]
        shared = [file.shown for file in files if not _runs_of(found, file.shown) and file.shown not in plan.files]
        if shared:
            said = (
                f"run {run}: {problem.kind}, but {', '.join(sorted(shared))} has rows of other runs too: ingest its source into a new store"
            )
            plan.left.append(said)
            continue
        for file in files:
            plan.files.setdefault(file.shown, f"run {run}: {_why(problem)}")


def _runs_of(found: Verified, shown: str) -> tuple[str, ...]:
    """The run that a file is of; nothing if it is of several, or of none that is known."""
    query = "SELECT DISTINCT run_id FROM held WHERE file = ? LIMIT 2"
    for file in found.files:
        if file.shown == shown:
            runs = [row[0] for row in found.ledger.execute(query, [file.number]).fetchall()]
            return tuple(run for run in runs if run is not None) if len(runs) == 1 else ()
    return ()


def _twice(found: Verified) -> tuple[set[str], set[str]]:
    """Files of an interrupted write, and copies: each row of a run that is there is in another file too; and the runs of these rows."""
    query = """
        SELECT file, list(run_id) FROM (SELECT file, run_id, sum(count) AS n FROM held SEMI JOIN claim USING (run_id) GROUP BY ALL)
        LEFT JOIN (SELECT file, run_id, sum(count) AS elsewhere FROM twice GROUP BY ALL) USING (file, run_id)
        GROUP BY file HAVING bool_and(coalesce(n = elsewhere, false))
    """
    rows = found.ledger.execute(query).fetchall()
    return {found.files[number].shown for number, _ in rows}, {run for _, runs in rows for run in runs}


def _left_alone(found: Verified, plan: _Plan) -> list[File]:
    """Files without a row of a run that stays. None, if which runs stay is not known: a file of them cannot be opened."""
    if any(file.lost and file.table == "run" and file.shown not in plan.files for file in found.files):
        return []
    staying = [file.number for file in found.files if file.table == "run" and file.shown not in plan.files]
    query = """
        SELECT DISTINCT file FROM held WHERE tbl <> 'run' AND file NOT IN (
            SELECT file FROM held WHERE run_id IN (SELECT run_id FROM held WHERE tbl = 'run' AND list_contains(?::INTEGER[], file))
        ) ORDER BY file
    """
    return [found.files[row[0]] for row in found.ledger.execute(query, [staying]).fetchall()]


def _without_a_score(found: Verified) -> list[File]:
    """Files of outcomes without one score that they make."""
    query = (
        "SELECT DISTINCT file FROM share WHERE file NOT IN (SELECT h.file FROM share AS h JOIN score USING (" + CELL + ")) ORDER BY file"
    )
    return [found.files[row[0]] for row in found.ledger.execute(query).fetchall()]


def _move(mended: Mended, plan: _Plan) -> None:
    """Say what is moved before it is: after a kill the list names more than there is beside it, never less."""
    found, root = mended.after, mended.after.root
    plan.files = {file: why for file, why in plan.files.items() if file not in plan.harmless or not _finished(found, file)}
    lost = plan.lost | {Path(file).name.removesuffix(".parquet") for file in plan.files if Path(file).name.startswith(PREFIX)}
    counting = {name for names in newest(root).files.values() for name in names}
    if lost & counting:
        without(root, lost & counting)  # from here on no reader looks for them
        # Their runs may be there again, from the files that they were made of: what the others are is seen in the next round.
        plan.files = {file: why for file, why in plan.files.items() if Path(file).name.removesuffix(".parquet") in lost}
    if not plan.files:
        return
    folder = root / QUARANTINE / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    listed: list[dict[str, Any]] = [
        asdict(Moved(file, f"{QUARANTINE}/{folder.name}/{file}", why)) for file, why in sorted(plan.files.items())
    ]
    with places.whole(folder / "moved.json") as new:
        new.write_text(json.dumps(listed, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    for file, why in sorted(plan.files.items(), key=lambda item: (not item[0].startswith("run/"), item[0])):
        if file in plan.harmless and _finished(found, file):
            continue
        places.move(root / file, folder / file)
        mended.moved.append(Moved(file, f"{QUARANTINE}/{folder.name}/{file}", why))
