"""What to run next: the seeds and cells that would settle the most open comparisons for the least compute."""

import contextlib
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml
from pydantic import ValidationError

from xbench import claiming, comparing, store
from xbench.contrasts import ALPHA, Row
from xbench.errors import DataError, PluginError
from xbench.hashes import developed_on, tested_revision
from xbench.pairing import COLUMN, DIRECT, SYSTEM
from xbench.recipe import PhaseName, Recipe
from xbench.scorer import load_scorer
from xbench.stats import power
from xbench.study import data_revision, stack_version
from xbench.tables import percent
from xbench.task import load_task, not_run, study_target

FIRST_LOOK = 3  # seeds an arm before anything can be said about a recipe
# What the arms of a comparison agree in besides seeds, and what a run made now has in its place.
_ARM = ("target", "dataset_revision", *(c for c in SYSTEM if not c.startswith("intermediate")))


@dataclass(slots=True)
class Step:
    """One comparison and what would settle it.

    Attributes:
        row: The comparison as it stands, with `developed`: the revision of the development data of target languages that its steps were
            selected on, if any.
        why: What is lacking.
        seeds: How many each arm needs in all; 0 where no number of seeds would do.
        cells: (intermediate, seed) still to run, those of earlier steps left out.
        seconds: What they take, by the runs there are, without the trainings of intermediate tasks, which targets share; None where no run
            was timed.
        assumed: Whether the variance between seeds was taken from other comparisons.
        now: What runs made now are of, where that is another model revision, data, recipe or xbench than the row's: they do not join
            its runs, and both arms are run anew; of other data of the intermediate task alone, that arm.
        wanted: The seeds of both arms, those that are there too.
    """

    row: Row
    why: str
    seeds: int
    cells: list[tuple[str, int]] = field(default_factory=list)
    seconds: float | None = None
    assumed: bool = False
    now: Mapping[str, str] = field(default_factory=dict)
    wanted: list[int] = field(default_factory=list)

    def system(self, intermediate: str, *, now: bool = True) -> tuple[str, ...]:
        """What the runs of an arm agree in: those that would be made now, or those that are compared."""
        of = {**self.row, **(self.now if now else {})}
        return (*(of[c] for c in _ARM), intermediate, DIRECT if intermediate == DIRECT else of["intermediate_revision"], of["developed"])


def resolve(root: Path | duckdb.DuckDBPyConnection, most_seeds: int = 10, **where: Any) -> list[Step]:
    """Open comparisons of intermediate tasks with their baselines, in the order in which it pays to settle them.

    Every step counts what the steps before it leave to run, so a baseline is paid for once; the next step is always the one that costs
    least. Comparisons that not even `most_seeds` seeds would settle come last, with what they need instead. Only our own runs can be
    repeated: results from elsewhere are left out. So are comparisons that have been made anew under what this machine has now.

    Args:
        root: The store.
        most_seeds: As many as one is willing to train an arm.
        where: {column of the view result: value}.

    Raises:
        StoreError: If the store cannot be read.
    """
    with store.reading(root) as con:
        rows = comparing.compare(con, by="mean", **where)
        held = _runs(con)
        recipes = _recipes(con)
    own, there, here = {system[: len(_ARM)] for system in held}, {_key(r) for r in rows}, _Here(recipes, held)
    open_ = [r for r in rows if r["verdict"] in ("unresolved", "not testable") or r["scope"] == "these runs"]
    open_ = [r for r in open_ if tuple(r[c] for c in _ARM) in own]
    open_ = [r | {"developed": min(here.developed(r), default="")} for r in open_]
    anew = [_key({**r, **here.changes(r)}) for r in open_]
    steps = [here.placed(_step(r, rows, most_seeds)) for r, now in zip(open_, anew, strict=True) if now == _key(r) or now not in there]
    todo, done, planned = [s for s in steps if s.seeds], [], set[tuple[Any, ...]]()
    while todo:
        for step in todo:
            _cost(step, held, planned)
        todo.sort(key=lambda s: (math.inf if s.seconds is None else s.seconds, len(s.cells), s.row["target"], s.row["intermediate"]))
        first = todo.pop(0)
        if unscored := _unscored(first, held):
            first.why += f"; {unscored} run(s) are not scored by {first.row['scorer']} yet: xbench rescore"
        planned |= {(first.system(i), seed) for i, seed in first.cells}
        done.append(first)
    return [*done, *(s for s in steps if not s.seeds)]


def resolved(root: Path | duckdb.DuckDBPyConnection, most_seeds: int = 10, **where: Any) -> tuple[list[Step], dict[str, str]]:
    """`resolve`, and the `studies` of its steps."""
    with store.reading(root) as con:
        steps = resolve(con, most_seeds, **where)
        return steps, studies(con, steps)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[c] for c in (*COLUMN, *SYSTEM))


@dataclass(slots=True)
class _Held:
    """The runs of one system: the metrics and scorers of each seed, and how long they took."""

    seeds: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


def _runs(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], _Held]:
    """Our own runs, by what they agree in besides the seed."""
    columns = [{"dataset_revision": "target_revision"}.get(c, c) for c in (*_ARM, "intermediate", "intermediate_revision")]
    at = columns.index("target_revision")
    found: dict[tuple[str, ...], _Held] = {}
    for *system, seed, seconds, scored in con.execute(
        f"SELECT {', '.join(columns)}, seed, epoch(finished) - epoch(started), scored FROM run LEFT JOIN (SELECT run_id, "
        "list(DISTINCT (metric, scorer)) AS scored FROM score WHERE split = 'test' GROUP BY run_id) USING (run_id) WHERE kind = 'run'"
    ).fetchall():
        developed, system[at] = developed_on("run", system[at]), tested_revision(system[at])
        held = found.setdefault((*system, developed), _Held())
        held.seeds.setdefault(seed, set()).update(scored or ())
        held.seconds.append(seconds)
    return found


def _recipes(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(con.execute("SELECT recipe_id, any_value(recipe) FROM run WHERE kind = 'run' GROUP BY recipe_id").fetchall())


class _Here:
    """What `xbench run` would make runs of now. Data and models that are not on this machine are taken to be as they were."""

    def __init__(self, recipes: Mapping[str, str], held: Mapping[tuple[str, ...], _Held]) -> None:
        self.recipes = recipes
        self._developed: dict[tuple[str, ...], set[str]] = {}
        for *system, developed in held:
            self._developed.setdefault(tuple(system), set()).add(developed)
        self._known: dict[tuple[str, ...], str | None] = {}

    def developed(self, row: Row) -> set[str]:
        """The revisions of development data that the steps of the runs of both arms were selected on."""
        arm = tuple(row[c] for c in _ARM)
        direct, after = (DIRECT, DIRECT), (row["intermediate"], row["intermediate_revision"])
        return {revision for one in (direct, after) for revision in self._developed.get((*arm, *one), ())}

    def changes(self, row: Row) -> dict[str, str]:
        """The fields of a row that runs made now differ in, with their values."""
        data = self._data("target", _study_target(row), row["recipe_id"])
        now = {
            "source_version": stack_version(),
            "recipe_id": self._recipe(row["recipe_id"]),
            "model_revision": self._model(row["model"], row["recipe_id"]) or row["model_revision"],
            "dataset_revision": tested_revision(data or row["dataset_revision"]),
            "intermediate_revision": self._data("intermediate", row["intermediate"], row["recipe_id"]) or row["intermediate_revision"],
            "developed": row["developed"] if data is None else developed_on("run", data),
        }
        return {c: value for c, value in now.items() if value != row[c]}

    def placed(self, step: Step) -> Step:
        """The step with what its new runs are of, or with why there can be none."""
        step.now = self.changes(step.row)
        if step.seeds and (problem := self._problem(step.row) or self._selected(step.row | step.now)):
            step.why, step.seeds = problem, 0
        elif step.seeds and step.now:
            one = step.now.keys() == {"intermediate_revision"}
            these, anew = (f"those of {step.row['intermediate']}", "that arm") if one else ("these", "both arms")
            changed = " and ".join(_said(step.row, c, v) for c, v in step.now.items())
            step.why += f"; new runs do not join {these}, {changed}: {anew} anew"
        if step.seeds and (absent := self._absent(step.row)):
            step.why += f"; the data of {' and '.join(absent)} is not here (--data-dir), so whether new runs join is not known"
        return step

    def _absent(self, row: Row) -> list[str]:
        """The tasks of a comparison whose data cannot be read, so that its revision is taken to be as it was."""
        tasks: tuple[tuple[PhaseName, str], ...] = (("target", _study_target(row)), ("intermediate", row["intermediate"]))
        return [name for phase, name in tasks if name != DIRECT and self._data(phase, name, row["recipe_id"]) is None]

    def _selected(self, new: Row) -> str:
        """What keeps new runs from being compared with those of their systems that are there: runs of one are told apart by seed alone."""
        others = self.developed(new) - {new["developed"]}
        there, here = (", ".join(d or "unknown" for d in sorted(found)) for found in (others, {new["developed"]}))
        said = f"its steps were selected on development data {there}, here is {here}"
        return f"cannot be run: {said}, and runs of both are not compared" if others else ""

    def _problem(self, row: Row) -> str:
        """What keeps new runs from being compared at all."""
        if why := not_run(row["intermediate"], row["target"], row["train_language"]):
            return f"cannot be run: {why}"
        try:
            self._read(row["recipe_id"])
        except ValidationError as error:
            return f"cannot be run: this xbench does not take the recipe ({error.errors()[0]['msg']})"
        scorers = [load_scorer(name).signature for name in load_task(_study_target(row)).scorers]
        return "" if row["scorer"] in scorers else f"scored by {row['scorer']}, new runs by {scorers[0]}: xbench rescore comes first"

    def _read(self, recipe_id: str) -> Recipe:
        return Recipe.model_validate_json(self.recipes[recipe_id])

    def _recipe(self, recipe_id: str) -> str:
        try:
            return self._read(recipe_id).recipe_id
        except ValidationError:
            return recipe_id

    def _data(self, phase: PhaseName, name: str, recipe_id: str) -> str | None:
        key = (phase, name, recipe_id)
        if key not in self._known:
            self._known[key] = None
            with contextlib.suppress(DataError, PluginError, ValidationError):
                self._known[key] = data_revision(load_task(name), self._read(recipe_id).phase(phase, name))
        return self._known[key]

    def _model(self, name: str, recipe_id: str) -> str | None:
        try:
            key = ("model", name, self._read(recipe_id).classifier)
        except ValidationError:
            return None
        if key not in self._known:
            self._known[key] = _model_here(*key[1:])
        return self._known[key]


def _model_here(name: str, classifier: str) -> str | None:
    from xbench.train import models

    return models.revision_here(name, classifier)


def _said(row: Row, column: str, now: str) -> str:
    return {
        "source_version": f"which are of xbench {row['source_version']} and not {now}",
        "recipe_id": f"of which this xbench reads the recipe as {now}",
        "model_revision": f"which are of {row['model']} at {row['model_revision']} and not {now}",
        "dataset_revision": f"which are on other data of {row['target']}",
        "intermediate_revision": f"which are on other data of {row['intermediate']}",
        "developed": "which were selected on other development data",
    }[column]


def _study_target(row: Mapping[str, Any]) -> str:
    return study_target(row["target"], row["train_language"])


def _step(r: Row, rows: Sequence[Row], most: int) -> Step:
    reason = r["status"].removeprefix("not testable: ")
    if reason.startswith("no direct baseline"):
        return Step(r, "no direct baseline", FIRST_LOOK)
    if reason == "the direct baseline has other seeds":
        return Step(r, reason, FIRST_LOOK)
    if r["status"] != "tested":
        return Step(r, reason, 0)
    if r["seeds"] < 2:
        return _one_seed(r, rows, most)
    if r["seeds_needed"] is None or r["seeds_needed"] > most:
        return Step(r, _out_of_reach(r, r["seeds_needed"], r["items_needed"]), 0)
    return Step(r, "too few seeds", max(r["seeds_needed"], r["seeds"] + 1))


def _one_seed(r: Row, rows: Sequence[Row], most: int) -> Step:
    """The variances between seeds and of single runs are those of other comparisons of the target, if there are any."""
    same = [o for o in rows if o["status"] == "tested" and o["seeds"] > 1 and o["target"] == r["target"]]
    if not same:
        return Step(r, "one seed", FIRST_LOOK)
    between, single = (sum(o[c] * o["seeds"] for o in same) / len(same) for c in ("variance_seeds", "variance_runs"))
    parts = power.Components(r["variance_items"], between, min(single, r["variance_items"]), 1, 2, r["clusters"], r["item_df"])
    needed = parts.needed(r["delta"], ALPHA / (r["family"] or 1))
    if needed.seeds is None or needed.seeds > most:
        return Step(r, _out_of_reach(r, needed.seeds, needed.items), 0, assumed=True)
    return Step(r, "one seed", max(needed.seeds, 2), assumed=True)


def _out_of_reach(r: Row, seeds: int | None, items: int | None) -> str:
    lacking = "more items, no number of seeds" if seeds is None else f"{seeds} seeds"
    more = f" or {items / r['clusters']:.1f} times the items" if items and items > r["clusters"] else ""
    small = "" if r["detectable"] is None else f": the difference seen is small against {percent(r['detectable'])} points"
    return f"needs {lacking}{more}{small}"


def _cost(step: Step, held: Mapping[tuple[str, ...], _Held], planned: set[tuple[Any, ...]]) -> None:
    """Fill in which cells a step has left, and what they take."""
    arms = (DIRECT, step.row["intermediate"])
    there = [held.get(step.system(i), _Held()).seeds.keys() for i in arms]
    either = [*sorted(there[0] & there[1]), *sorted(there[0] ^ there[1])]  # seeds that one arm has are the first to be matched
    step.wanted = sorted([*either, *(s for s in range(step.seeds + len(either)) if s not in either)][: step.seeds])
    step.cells = [
        (i, s) for i, own in zip(arms, there, strict=True) for s in step.wanted if s not in own and (step.system(i), s) not in planned
    ]
    timed = [statistics.median(t) if (t := _times(step, i, held)) else None for i, _ in step.cells]
    known = [t for t in timed if t is not None]
    step.seconds = sum(t if t is not None else sum(known) / len(known) for t in timed) if known or not timed else None


def _unscored(step: Step, held: Mapping[tuple[str, ...], _Held]) -> int:
    """Runs that are there, so that they are not made again, and have no score that could be compared."""
    rule = (step.row["metric"], step.row["scorer"])
    there = [held[step.system(i)].seeds for i in (DIRECT, step.row["intermediate"]) if step.system(i) in held]
    return sum(s in own and rule not in own[s] for own in there for s in step.wanted)


def _times(step: Step, intermediate: str, held: Mapping[tuple[str, ...], _Held]) -> list[float]:
    systems = (step.system(intermediate), step.system(intermediate, now=False))
    return next((held[s].seconds for s in systems if s in held), [])


def studies(root: Path | duckdb.DuckDBPyConnection, steps: Sequence[Step]) -> dict[str, str]:
    """Study files (YAML) for the steps that have cells: {file name: text}.

    A study is a grid, and what the store holds already is not run again: steps of one model, target and recipe that want the same seeds
    are one study, so that together they run the cells of the steps and no others. Recipe and way of computing are those of the stored runs.
    """
    groups: dict[tuple[Any, ...], list[Step]] = {}
    for step in steps:
        if step.cells:
            groups.setdefault((*step.system(DIRECT), *step.wanted), []).append(step)
    found = {}
    with store.reading(root) as con:
        for i, own in enumerate(groups.values(), 1):
            row = own[0].row
            content = {
                "about": f"Settles {row['target']} after {', '.join(dict.fromkeys(s.row['intermediate'] for s in own))}.",
                "models": [row["model"]],
                "intermediates": [DIRECT, *dict.fromkeys(s.row["intermediate"] for s in own)],
                "targets": [_study_target(row)],
                "seeds": sorted({seed for s in own for _, seed in s.cells}),
                **json.loads(claiming.made_with(con, **{c: row[c] for c in ("model", "recipe_id", "target")})),
            }
            found[f"resolve-{i}-{row['target']}.yaml"] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return found


__all__ = ["FIRST_LOOK", "Step", "resolve", "resolved", "studies"]
