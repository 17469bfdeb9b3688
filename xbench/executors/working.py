"""One item done by one worker, whichever executor sent it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xbench import store, writing
from xbench.errors import DataError, ModelError, StudyError, XbenchError
from xbench.executors.graph import CHECKPOINTS, Item, shared_stages
from xbench.executors.tracking import Tracker
from xbench.hashes import canonical_json
from xbench.places import place
from xbench.study import Plan, Study, plan, too_deep

if TYPE_CHECKING:
    from xbench.train.cells import Workbench
    from xbench.train.models import Resolved

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a study is run.

    Attributes:
        threads: Threads for torch in each worker; results are equal to the bit only for equal numbers of threads.
        workers: Workers at once, on this machine spread over its accelerators; None: one here, elsewhere as many as there is room for.
        keep: Which checkpoints stay when nothing in the study needs them any more: none, the encoders of shared stages, or all systems.
        every: Seconds between two states of a training under way.
        retries: How often an item is begun again when its worker died.
        executor: Where the workers are.
        resources: What each worker is given, in the executor's own terms (ray: num_cpus, num_gpus; slurm: submitit's parameters).
    """

    threads: int | None = None
    workers: int | None = None
    keep: Literal["none", "encoders", "all"] = "none"
    every: float = 60.0
    retries: int = 2
    executor: Literal["local", "ray", "slurm"] = "local"
    resources: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a worker needs to know besides the item, as plain data."""

    study: dict[str, Any]
    root: str
    environment: dict[str, str]
    options: Options

    def sharing(self, workers: int) -> "Job":
        """The same where so many workers share the memory of a machine."""
        return replace(self, options=replace(self.options, workers=workers))


class Worker:
    """Does items of one study; keeps the plan, and one model at a time with what its cells share."""

    def __init__(self, todo: Plan, resolved: dict[str, "Resolved"], root: Path, options: Options) -> None:
        self.todo = todo
        self.resolved = resolved
        self.root = root
        self.options = options
        self.cells = {c.run_id: c for c in todo.cells}
        self.stages = {s.stage_id: s for s in todo.stages}
        self.shared = frozenset(s.stage_id for s in shared_stages(todo))
        self.study = canonical_json(todo.study.model_dump(mode="json"))
        self._bench: Workbench | None = None

    def do(self, item: Item, report: Report = lambda what, done, total: None) -> None:
        """Do one item and store what it gives; what it is about and how far it is stands in the store meanwhile."""
        tracker = Tracker(self.root, item)
        try:
            self._do(item, tracker, report)
        finally:
            tracker.leave()

    def _do(self, item: Item, tracker: Tracker, report: Report) -> None:
        def both(what: str, done: int, total: int) -> None:
            tracker.report(what, done, total)
            report(what, done, total)

        bench = self._workbench(item.model, both)
        try:
            if item.kind == "stage" and bench.model.folder is not None:  # a control trains nothing
                bench.trained(self.stages[item.item_id])
            elif item.kind == "cell":
                self._cell(bench, item.item_id)
        except Exception as error:
            if _out_of_memory(error):
                self._bench = None  # with whatever it held
                short = XbenchError(f"there was not enough memory for {item.label}; {_LESS_MEMORY}", [" ".join(str(error).split())])
                tracker.failed(str(short))
                raise short from error
            tracker.failed(f"{type(error).__name__}: {error}")
            raise
        tracker.done()

    def _cell(self, bench: "Workbench", run_id: str) -> None:
        from xbench.train.cells import run_cell

        cell = self.cells[run_id]
        if not store.is_complete(self.root, run_id):
            tables = run_cell(bench, cell, self.study, datetime.now(UTC), lambda: datetime.now(UTC))
            # Another runner of the same study may have been quicker: what is complete is never replaced, file by file under its readers.
            if not store.is_complete(self.root, run_id):
                writing.write_runs(self.root, tables, cell.file_name)
        if cell.encoder is not None:
            bench.finished(cell.encoder)

    def _workbench(self, model: str, report: Report) -> "Workbench":
        from xbench.train.cells import Workbench

        if self._bench is None or self._bench.model.name != model:
            self._bench = Workbench(
                self.resolved[model],
                self.todo.study.recipe.of(model),
                self.root / CHECKPOINTS,
                self.shared,
                report,
                compute=self.todo.study.compute,
                keep=self.options.keep,
                every=self.options.every,
                workers=self.options.workers or 1,
                threads=self.options.threads,
            )
        self._bench.report = report
        return self._bench


_LESS_MEMORY = (
    "in the study file, compute.micro_tokens takes fewer subwords at once in training, compute.inference_tokens in prediction, and "
    "compute.gradient_checkpointing keeps less of each; results change by rounding, and with micro_tokens by what dropout draws"
)


def _out_of_memory(error: Exception) -> bool:
    """Of Python, of an accelerator, or of the processor's allocator, which torch tells as a RuntimeError."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )


def lay_out(study: Study) -> tuple[Plan, dict[str, "Resolved"]]:
    """The plan of a study and the models it names, resolved (which downloads or converts those that are not here yet).

    Raises:
        ModelError: If a model cannot be found.
        StudyError: If the recipe asks for layers that a model does not have, or that are not trained, or of several of these together.
        DataError: If the data of a task is not there.
    """
    from xbench.train import models

    resolved: dict[str, Resolved] = {}
    errors: list[XbenchError] = []
    for name in study.models:
        try:
            resolved[name] = models.resolve(name)
        except ModelError as error:
            errors.append(error)
    known = {name: count for name, model in resolved.items() if (count := models.layers(model)) is not None}
    if problems := [problem for name, count in known.items() for problem in too_deep(study, name, count)]:
        errors.append(StudyError("the study asks for layers that a model does not have, or that are not trained", problems))
    try:
        classifier = study.recipe.classifier
        todo = plan(study, {name: models.revision(resolved[name], classifier) if name in resolved else "" for name in study.models})
    except DataError as error:
        errors.append(error)
    if len(errors) > 1:
        raise StudyError("the study cannot be run", [e.line for e in errors])
    if errors:
        raise errors[0]
    return todo, resolved


_WORKERS: dict[str, Worker] = {}  # of this process: a process that serves one study lays it out once


def work(job: Job, item: Item, report: Report = lambda what, done, total: None) -> None:
    """Do one item in whatever process this is."""
    key = repr(job)
    if key not in _WORKERS:
        _WORKERS.clear()
        os.environ.update(job.environment)
        todo, resolved = lay_out(Study.model_validate(job.study))
        _WORKERS[key] = Worker(todo, resolved, place(job.root), job.options)
    _WORKERS[key].do(item, report)
