"""`xbench run` and `xbench status`: what they print while a study runs, and about it."""

import json
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from xbench import retractions
from xbench.errors import StudyError
from xbench.listing import Listing, option
from xbench.tables import LOG, Form, emit, many, show

if TYPE_CHECKING:
    from xbench.executors import Failure, Options
    from xbench.executors.estimating import Tokens
    from xbench.executors.graph import Item
    from xbench.study import Cell, Plan
    from xbench.train.models import Resolved

_STATES = ("done", "retracted", "running", "failed", "stopped", "missing")
_STATUS = ("study", "state", "label", "model", "what", "progress", "seconds", "attempts", "error", "item_id")


def resources(given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; numbers become numbers.

    Raises:
        StudyError: If one has no `=`.
    """
    wrong = [text for text in given if not text.partition("=")[0] or "=" not in text]
    if wrong:
        raise StudyError("--resource takes NAME=VALUE", [f"{text!r} has no {'=' if '=' not in text else 'name'}" for text in wrong])
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def run_study(name: str, root: Path, options: "Options", form: Form, *, dry_run: bool) -> None:
    """Plan a study; print the plan, or run what is missing of it."""
    # Before torch is loaded, which reads it then: threads that wait awake keep those that they wait for off a shared processor.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from xbench import executors, study
    from xbench.executors import tracking

    path = study.find_study(name)
    loaded = study.load_study(path)
    with LOG.status("finding models and data"):
        todo, resolved = executors.lay_out(loaded)
        missing = executors.missing(todo, root)
        notice = _without_baseline(todo, root)
    if notice:
        LOG.print(notice)
    if dry_run or form != "text":
        _print_plan(todo, resolved, root, missing, form)
        if dry_run:
            executors.check_scorers(missing)
            return
    there, where = len(todo.cells) - len(missing), option(root)
    for model in resolved.values():
        LOG.print(f"model {model.name}: {model.origin}, revision {model.revision}")
    LOG.print(f"study {path.stem}: {many(len(todo.cells), 'cell')}, {there} already in {root}, {len(missing)} to run")
    if gone := retractions.out_of(root).keys() & {cell.run_id for cell in todo.cells}:
        LOG.print(f"retracted, and not run again: {many(len(gone), 'cell')} of them; `xbench retract{where}` says why")
    if missing and (busy := tracking.at_work(root, todo)):
        LOG.print(f"another xbench run is at work on {len(busy)} of them: {'; '.join(busy)}")
        LOG.print("what both begin is done twice, with the same result; to wait instead, stop this one and run it again later")
    try:
        done = _with_bars(todo, resolved, root, missing, options, path.stem)
    except KeyboardInterrupt:
        LOG.print(f"stopped: what is done is in {root}, and the same command goes on from there")
        sys.exit(130)  # as a shell has it: 128 and the number of the signal
    LOG.print(f"{many(done, 'cell')} run and stored in {root}" if done else "nothing to do: every cell is in the store")
    shown = f"XBENCH_STORE={shlex.quote(str(root))} " if where else ""
    if advice := Listing(root).advice:
        LOG.print(advice)
    LOG.print(f"next:  xbench compare{where}   |   xbench leaderboard{where}   |   {shown}streamlit run app.py")


def _without_baseline(todo: "Plan", root: Path) -> str:
    """What to know of a study without direct baselines; empty where it has them."""
    from xbench import executors, study

    if study.DIRECT in todo.study.intermediates:
        return ""
    direct = study.plan(
        todo.study.model_copy(update={"intermediates": [study.DIRECT]}), {cell.model: cell.model_revision for cell in todo.cells}
    )
    wanted = {(c.model, c.task_name, c.seed) for c in todo.cells}
    baselines = [c for c in direct.cells if (c.model, c.task_name, c.seed) in wanted]
    lacking = {c.run_id for c in executors.missing(direct, root)}
    return (
        f"note: intermediates lack {study.DIRECT}, so this study trains no direct baseline, and without one there is no delta; "
        f"{root} has {sum(c.run_id not in lacking for c in baselines)} of the {len(baselines)} baselines"
    )


def _costs(todo: "Plan", resolved: "dict[str, Resolved]") -> "tuple[dict[str, Tokens], dict[str, Tokens]]":
    """Subwords of each cell and of each shared training."""
    from xbench.executors.estimating import Estimator
    from xbench.executors.graph import shared_stages

    estimator, shared = Estimator(todo, resolved), shared_stages(todo)
    ids = [s.stage_id for s in shared]
    return {c.run_id: estimator.cell(c, ids) for c in todo.cells}, {s.stage_id: estimator.stage(s) for s in shared}


def _print_plan(todo: "Plan", resolved: "dict[str, Resolved]", root: Path, missing: "Sequence[Cell]", form: Form) -> None:
    from xbench import study
    from xbench.executors.estimating import Tokens, in_words, short
    from xbench.executors.graph import CHECKPOINTS, items

    with LOG.status("counting subwords"):
        cells, stages = _costs(todo, resolved)
    left = {c.run_id for c in missing}
    rows = [
        {
            "model": c.model,
            "intermediate": c.intermediate,
            "target": c.task_name if c.train_language != "en" else c.target,
            "seed": c.seed,
            "stored": c.run_id not in left,
            "trains": len(study.lineage(c.encoder)),
            "trained_tokens": cells[c.run_id].trained,
            "predicted_tokens": cells[c.run_id].predicted,
            "run_id": c.run_id,
        }
        for c in todo.cells
    ]
    if form != "text":
        emit(rows, form)
        return
    text = [[short(v) if k.endswith("_tokens") and isinstance(v, int) else str(v) for k, v in row.items()] for row in rows]
    show("plan", [name.replace("_", " ") for name in rows[0]], text, left=3)
    trainings = sum(len(study.lineage(c.encoder)) for c in todo.cells)
    todo_tokens = sum(({**cells, **stages}[i.item_id] for i in items(todo, missing, root / CHECKPOINTS)), Tokens())
    sys.stdout.write(
        f"{many(len(rows), 'cell')}, {len(missing)} to run; {many(len(todo.stages), 'training')} in place of {trainings}: {len(stages)} of "
        f"them shared\nabout {short(todo_tokens.trained)} subwords to train on (epochs counted) and {short(todo_tokens.predicted)} to "
        "predict are left, by samples of the data\n"
    )
    rate = _rate(todo, root, cells)
    if rate and missing:
        sys.stdout.write(
            f"at the speed of what is stored ({many(len(rows) - len(missing), 'cell')}): about {in_words(todo_tokens.cost * rate)}\n"
        )


def _rate(todo: "Plan", root: Path, costs: "dict[str, Tokens]") -> float | None:
    """Seconds a forward pass of one subword took in the cells that are stored; None before the first."""
    from xbench import store

    con = store.connect(root)
    try:
        found = dict(con.execute("SELECT run_id, epoch(finished) - epoch(started) FROM run WHERE kind = 'run'").fetchall())
    finally:
        con.close()
    own = [(found[c.run_id], costs[c.run_id].cost) for c in todo.cells if c.run_id in found]
    total = sum(cost for _, cost in own)
    return sum(seconds for seconds, _ in own) / total if total else None


class _Remaining:
    """How long the rest will take, by what the items that are done have cost."""

    def __init__(self, costs: "dict[str, Tokens]", todo: set[str]) -> None:
        self.costs = costs
        self.start = time.monotonic()
        self.left = sum(costs[i].cost for i in todo if i in costs)
        self.spent = 0

    def done(self, item: "Item") -> None:
        """One more."""
        cost = self.costs[item.item_id].cost if item.item_id in self.costs else 0
        self.spent, self.left = self.spent + cost, self.left - cost

    def __str__(self) -> str:
        from xbench.executors.estimating import in_words

        if not self.spent or self.left <= 0:
            return ""
        return f", about {in_words((time.monotonic() - self.start) * self.left / self.spent)} left"


def _with_bars(todo: "Plan", resolved: "dict[str, Resolved]", root: Path, missing: "Sequence[Cell]", options: "Options", name: str) -> int:
    from xbench import executors
    from xbench.executors.graph import CHECKPOINTS, items

    if not missing:
        return executors.run(todo, resolved, root, options=options, name=name)
    with LOG.status("counting subwords"):
        cells, stages = _costs(todo, resolved)
    remaining = _Remaining({**cells, **stages}, {i.item_id for i in items(todo, missing, root / CHECKPOINTS)})
    said = TextColumn("{task.description}", markup=False)
    columns = (said, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=LOG, disable=not LOG.is_terminal, transient=True) as bars:
        whole = bars.add_task("cells", total=len(missing), left="")
        part = bars.add_task("", total=None, left="")
        count = 0

        def cell(current: "Cell", done: bool) -> None:
            nonlocal count
            if done:
                count += 1
                bars.advance(whole)
                if not LOG.is_terminal:
                    LOG.print(f"stored {current.label} ({count} of {len(missing)}{remaining})")

        def item(done: "Item") -> None:
            remaining.done(done)
            bars.update(whole, left=str(remaining).removeprefix(", "))

        def report(what: str, done: int, of: int) -> None:
            bars.update(part, description=what, completed=done, total=of)

        def failed(failure: "Failure") -> None:
            LOG.print(f"failed {failure.item.label}: {failure.error.splitlines()[0]}", style="red")

        return executors.run(todo, resolved, root, executors.Progress(cell, report, failed, item), options, name)


def status(root: Path, study: str | None, form: Form, *, every: bool) -> None:
    """Where the studies of a store stand."""
    from xbench import study as studies
    from xbench.executors import tracking

    rows = tracking.status(root, studies.load_study(studies.find_study(study)) if study else None)
    if not rows:
        LOG.print(f"no study was begun in {root}; `xbench run STUDY{option(root)}` begins one")
    if form != "text":
        emit(rows, form, _STATUS)
        return
    for name in dict.fromkeys(r["study"] for r in rows):
        own = [r for r in rows if r["study"] == name]
        counts = Counter(r["state"] for r in own)
        title = f"study {name}" if name else "shared trainings"
        sys.stdout.write(f"{title}: {', '.join(f'{counts[s]} {s}' for s in _STATES if counts[s])}\n")
        shown = [r for r in own if every or r["state"] in ("running", "failed", "stopped")]
        if shown:
            show("", ["state", "what", "step", "since", "tries", "error"], [_line(r) for r in shown], left=6)


def _line(row: dict[str, Any]) -> list[str]:
    from xbench.executors.estimating import in_words

    step = row["what"] + (f" {100 * row['progress']:.0f} %" if row["progress"] is not None else "")
    error = row["error"].splitlines()[0] if row["error"] else ""
    return [
        row["state"],
        row["label"],
        step,
        in_words(row["seconds"]) if row["seconds"] is not None else "",
        str(row["attempts"] or ""),
        error,
    ]
