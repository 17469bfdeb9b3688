"""Running a plan: which cells are still to do, in which order, and how their rows reach the store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from xbench import store
from xbench.study import Cell, Plan, Stage, Study, lineage, plan

if TYPE_CHECKING:
    from xbench.train.models import Resolved

Report = Callable[[str, int, int], None]
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class Progress:
    """Told what happens: `cell` when one is begun and done, `report` in between."""

    cell: Callable[[Cell, bool], None]
    report: Report


SILENT = Progress(lambda cell, done: None, lambda what, done, total: None)


def lay_out(study: Study) -> tuple[Plan, dict[str, "Resolved"]]:
    """The plan of a study and the models it names, resolved (which downloads or converts those that are not here yet).

    Raises:
        ModelError: If a model cannot be found.
        DataError: If the data of a task is not there.
    """
    from xbench.train import models

    resolved = {name: models.resolve(name) for name in study.models}
    return plan(study, {name: model.revision for name, model in resolved.items()}), resolved


def missing(todo: Plan, root: Path) -> list[Cell]:
    """The cells of the plan that the store does not hold whole, in the plan's order."""
    there = store.complete_runs(root)
    return [cell for cell in todo.cells if cell.run_id not in there]


def run_local(todo: Plan, resolved: dict[str, "Resolved"], root: Path, progress: Progress = SILENT, threads: int | None = None) -> int:
    """Run the missing cells in this process, one after the other; each is stored when it is done.

    May be killed at any moment and called again: stored cells are not redone, a cell that was under way is.

    Args:
        todo: From `lay_out`.
        resolved: From `lay_out`.
        root: The store.
        progress: Told what happens.
        threads: Threads for torch; results are equal to the bit only for equal numbers of threads.

    Returns:
        How many cells were run.
    """
    import torch

    from xbench.train.cells import Workbench, run_cell

    if threads:
        torch.set_num_threads(threads)
    cells = missing(todo, root)
    shared = frozenset(s.stage_id for s in _parents(todo))
    for name, model in resolved.items():
        bench = Workbench(model, todo.study.recipe, root / CHECKPOINTS, shared, progress.report)
        for cell in (c for c in cells if c.model == name):
            progress.cell(cell, False)
            tables = run_cell(bench, cell, _now(), _now)
            for table in ("prediction", "outcome", "score", "run"):  # run last: it marks the cell complete
                store.write(root, table, tables[table], cell.file_name)
            progress.cell(cell, True)
    _drop_checkpoints(root / CHECKPOINTS, shared)
    return len(cells)


def _drop_checkpoints(folder: Path, stages: frozenset[str]) -> None:
    """Remove the checkpoints of these stages, and what a killed run left of them; those of other plans stay."""
    for path in folder.glob("*"):
        if path.name.split(".")[0] in stages:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _parents(todo: Plan) -> list[Stage]:
    """The stages that something else starts from: the parents, and the encoders that retrieval evaluates."""
    ends = {cell.encoder.stage_id for cell in todo.cells if cell.encoder and cell.encoder.task == cell.target}
    above = {s.stage_id for cell in todo.cells for s in lineage(cell.encoder)[:-1]}
    return [s for s in todo.stages if s.stage_id in above or s.stage_id not in ends]


def _now() -> datetime:
    return datetime.now(UTC)
