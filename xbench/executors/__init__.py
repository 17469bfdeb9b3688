"""Running a plan: which cells are still to do, in which order, who does them, and what is left on disk."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xbench import store
from xbench.errors import StudyError
from xbench.executors import tracking
from xbench.executors.drive import Failure, Pool, drive
from xbench.executors.graph import CHECKPOINTS, Item, items, shared_stages, still_needed
from xbench.executors.working import Job, Options, Report, Worker, lay_out
from xbench.places import is_remote, remove
from xbench.study import Cell, Plan

if TYPE_CHECKING:
    from xbench.train.models import Resolved

# What workers elsewhere must share; they may be in other folders.
_FOLDERS = ("XBENCH_DATA_DIR", "XBENCH_CACHE", "HF_HOME", "HF_HUB_CACHE")
_ENVIRONMENT = ("HF_HUB_OFFLINE", "OMP_WAIT_POLICY")


@dataclass(frozen=True, slots=True)
class Progress:
    """Told what happens: `cell` when one is begun and done, `report` in between, `item` when any is done, `failed` when one is given up."""

    cell: Callable[[Cell, bool], None] = lambda cell, done: None
    report: Report = lambda what, done, total: None
    failed: Callable[[Failure], None] = lambda failure: None
    item: Callable[[Item], None] = lambda item: None


SILENT = Progress()


def missing(todo: Plan, root: Path) -> list[Cell]:
    """The cells of the plan that the store does not hold whole, in the plan's order."""
    there = store.complete_runs(root)
    return [cell for cell in todo.cells if cell.run_id not in there]


def check_scorers(cells: Iterable[Cell]) -> None:
    """That the scorers of the targets of cells work, and measure what counts; no model is needed.

    Raises:
        PluginError: With every target of which they do not.
    """
    from xbench.train.cells import rehearse

    rehearse(dict.fromkeys(cell.task_name for cell in cells))


def run(
    todo: Plan,
    resolved: dict[str, "Resolved"],
    root: Path,
    progress: Progress = SILENT,
    options: Options | None = None,
    name: str = "study",
) -> int:
    """Run the missing cells; each is stored when it is done.

    May be killed at any moment, each process on its own, and called again: stored cells are not redone, trainings that were under way
    go on from their last state. A cell that fails does not keep the others from being run.

    Args:
        todo: From `lay_out`.
        resolved: From `lay_out`.
        root: The store.
        progress: Told what happens.
        options: How to run.
        name: Of the study, for `xbench status`.

    Returns:
        How many cells were run.

    Raises:
        PluginError: Before anything is trained, if the scorers of a target do not work.
        StudyError: At the end, with every item that failed and why.
    """
    options = options or Options()
    cells = {c.run_id: c for c in missing(todo, root)}
    keep = tracking.begin(root, name, todo, options.keep if cells else None)
    done = set[str]()

    def begun(item: Item) -> None:
        if item.item_id in cells:
            progress.cell(cells[item.item_id], False)

    def ended(item: Item) -> None:
        progress.item(item)
        if item.item_id in cells:
            done.add(item.item_id)
            progress.cell(cells[item.item_id], True)
        _drop(todo, root, name, still_needed(todo, [c for i, c in cells.items() if i not in done]), keep)

    def given_up(failure: Failure) -> None:
        tracking.give_up(root, failure.item, failure.error, failure.tries)
        progress.failed(failure)

    work = items(todo, cells.values(), root / CHECKPOINTS)
    if not work:
        _drop(todo, root, name, set(), keep)  # what a run that was killed at its end has left
        _sweep(todo, root, name)
        return 0
    check_scorers(cells.values())
    with _pool(todo, resolved, root, options, progress.report) as pool:
        failures = drive(work, pool, options.retries, begun, ended, given_up)
    _sweep(todo, root, name)  # not before: the other workers write their states
    if failures:
        raise StudyError(
            f"{len(failures)} of {len(work)} item(s) failed; what was complete is stored, and the same command tries the rest again",
            [f"{f.item.label}: {f.error}" for f in failures],
        )
    return len(done)


def _pool(todo: Plan, resolved: dict[str, "Resolved"], root: Path, options: Options, report: Report) -> Pool:
    job = Job(
        todo.study.model_dump(mode="json"),
        str(root if is_remote(root) else root.absolute()),
        {
            **{k: os.environ[k] for k in _ENVIRONMENT if k in os.environ},
            **{k: str(Path(os.environ[k]).expanduser().absolute()) for k in _FOLDERS if os.environ.get(k)},
        },
        options,
    )
    if options.executor == "ray":
        from xbench.executors.ray import RayPool

        return RayPool(job)
    if options.executor == "slurm":
        from xbench.executors.slurm import SlurmPool

        return SlurmPool(job)
    if (options.workers or 1) > 1:
        from xbench.executors.local import Processes

        return Processes(job, report)
    from xbench.executors.local import Here

    return Here(Worker(todo, resolved, root, options), report)


def _drop(todo: Plan, root: Path, name: str, needed: set[str], keep: str) -> None:
    """Remove what is kept of the shared stages that nothing needs any more, this study or another, as far as the policy says."""
    if keep == "all":
        return
    endings = (".head", ".step", *([""] if keep == "none" else []))
    stages = [s.stage_id for s in shared_stages(todo) if s.stage_id not in needed]
    there = [(s, path) for s in stages for e in endings if (path := root / CHECKPOINTS / f"{s}{e}.safetensors").is_file()]
    others = tracking.wanted(root, todo, name) if there else tracking.Wanted()
    for stage, path in there:
        if stage not in others.needed:
            remove(path)


# The state of a training, and what a process writes a file of a stage to.
_FILE = re.compile(r"(?P<state>[0-9a-f]{24})\.step\.safetensors|\.(?P<part>[0-9a-f]{24})\..*\.tmp")


def _sweep(todo: Plan, root: Path, name: str) -> None:
    """Remove the states of trainings that no study will go on with, what killed processes left of files, and the folder if it is empty.

    A state is left alone as long as a cell that was asked for lacks it, whichever study that is of, and all that a living worker may write.
    """
    folder = root / CHECKPOINTS
    try:
        files = list(folder.iterdir())  # before the studies are read: one that is begun later has said so before it writes
    except (FileNotFoundError, NotADirectoryError):  # which UPath makes of what is not there
        return
    wanted = tracking.wanted(root, todo, name)
    for path in files if wanted.known else ():
        said = _FILE.fullmatch(path.name)
        if said is None or (said["state"] or said["part"]) in wanted.busy | wanted.needed:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove(path)
    if wanted.known and not wanted.busy and not is_remote(folder):
        with contextlib.suppress(OSError):  # it is not empty, or another runner was quicker
            folder.rmdir()


__all__ = ["SILENT", "Failure", "Options", "Progress", "lay_out", "missing", "run"]
