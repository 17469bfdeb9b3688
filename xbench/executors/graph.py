"""What is to be done, in which order: shared trainings first, then the cells that stand on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xbench.study import Cell, Plan, Stage, lineage

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work for one worker.

    Attributes:
        item_id: run_id of a cell, stage_id of a shared training.
        kind: Which of the two.
        label: For people.
        model: It is for; a worker keeps what it has of one model.
        needs: Items that must be done before.
    """

    item_id: str
    kind: Literal["cell", "stage"]
    label: str
    model: str
    needs: tuple[str, ...] = ()


def shared_stages(plan: Plan) -> list[Stage]:
    """The stages that something else starts from: the parents, and the encoders that retrieval evaluates."""
    above = {s.stage_id for cell in plan.cells for s in lineage(cell.encoder)[:-1]}
    above |= {c.encoder.stage_id for c in plan.cells if c.encoder and c.encoder.task not in (c.target, c.task_name)}
    return [s for s in plan.stages if s.stage_id in above]


def items(plan: Plan, missing: Iterable[Cell], checkpoints: Path) -> list[Item]:
    """The work that is left, each item after those it needs; trainings whose encoder is on disk are done."""
    shared = {s.stage_id: s for s in shared_stages(plan)}
    found: dict[str, Item] = {}
    for cell in missing:
        needs: list[str] = []
        for stage in lineage(cell.encoder):
            if stage.stage_id not in shared:
                continue
            if (checkpoints / f"{stage.stage_id}.safetensors").is_file():
                continue
            label = f"train {' > '.join(s.task for s in lineage(stage))}, seed {stage.seed}"
            found.setdefault(stage.stage_id, Item(stage.stage_id, "stage", label, stage.model, tuple(needs)))
            needs.append(stage.stage_id)
        found[cell.run_id] = Item(cell.run_id, "cell", cell.label, cell.model, tuple(needs))
    return list(found.values())


def still_needed(plan: Plan, missing: Iterable[Cell]) -> set[str]:
    """The shared stages that cells which are missing still stand on."""
    shared = {s.stage_id for s in shared_stages(plan)}
    return {s.stage_id for cell in missing for s in lineage(cell.encoder)} & shared
