"""What to run next: the seeds and cells that would settle the most open comparisons for the least compute."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from xbench import comparing, store
from xbench.contrasts import ALPHA, Row
from xbench.pairing import DIRECT
from xbench.stats import power

FIRST_LOOK = 3  # seeds an arm before anything can be said about a recipe
_ARM = ("model", "model_revision", "target", "train_language", "recipe_id", "stack")


@dataclass(slots=True)
class Step:
    """One comparison and what would settle it.

    Attributes:
        row: The comparison as it stands.
        why: What is lacking.
        seeds: How many each arm needs in all; 0 where no number of seeds would do.
        cells: (intermediate, seed) still to run, those of earlier steps left out.
        seconds: What they take, by the runs there are; None where none was timed.
        assumed: Whether the variance between seeds was taken from other comparisons.
    """

    row: Row
    why: str
    seeds: int
    cells: list[tuple[str, int]] = field(default_factory=list)
    seconds: float | None = None
    assumed: bool = False


def resolve(root: Path | duckdb.DuckDBPyConnection, most_seeds: int = 10, **where: Any) -> list[Step]:
    """Open comparisons of intermediate tasks with their baselines, in the order in which it pays to settle them.

    Every step counts what the steps before it leave to run, so a baseline is paid for once; the next step is always the one that costs
    least. Comparisons that not even `most_seeds` seeds would settle come last, with what they need instead. Only our own runs can be
    repeated: results from elsewhere are left out.

    Args:
        root: The store.
        most_seeds: As many as one is willing to train an arm.
        where: {column of the view result: value}.

    Raises:
        StoreError: If the store cannot be read.
    """
    with store.reading(root) as con:
        rows = comparing.compare(con, by="mean", **where)
        seeds, seconds, own = _runs(con)
    open_ = [r for r in rows if r["verdict"] in ("unresolved", "not testable") or r["scope"] == "these runs"]
    steps = [_step(r, rows, most_seeds) for r in open_ if (r["model"], r["recipe_id"], r["stack"]) in own]
    todo, done, planned = [s for s in steps if s.seeds], [], set[tuple[Any, ...]]()
    while todo:
        for step in todo:
            step.cells, step.seconds = _cost(step, seeds, seconds, planned)
        todo.sort(key=lambda s: (math.inf if s.seconds is None else s.seconds, len(s.cells), s.row["target"], s.row["intermediate"]))
        first = todo.pop(0)
        planned |= {(*_arm(first.row), *cell) for cell in first.cells}
        done.append(first)
    return [*done, *(s for s in steps if not s.seeds)]


def resolved(root: Path | duckdb.DuckDBPyConnection, most_seeds: int = 10, **where: Any) -> tuple[list[Step], dict[str, str]]:
    """`resolve`, and the `studies` of its steps."""
    with store.reading(root) as con:
        steps = resolve(con, most_seeds, **where)
        return steps, studies(con, steps)


def _arm(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[c] for c in _ARM)


def _runs(
    con: duckdb.DuckDBPyConnection,
) -> tuple[dict[tuple[Any, ...], set[int]], dict[tuple[Any, ...], float], set[tuple[str, str, str]]]:
    """Seeds there are, and seconds a run, of each arm and intermediate; and the conditions under which we run ourselves."""
    found = con.execute(
        f"SELECT {', '.join(_ARM)}, intermediate, list(DISTINCT seed), median(epoch(finished) - epoch(started)) FROM run "
        "WHERE kind = 'run' GROUP BY ALL"
    ).fetchall()
    seeds = {row[:-2]: set(row[-2]) for row in found}
    seconds = {row[:-2]: float(row[-1]) for row in found}
    return seeds, seconds, {(r[0], r[4], r[5]) for r in found}


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
    parts = power.Components(r["variance_items"], between, min(single, r["variance_items"]), 1, 2, r["clusters"])
    needed = parts.needed(r["delta"], ALPHA / (r["family"] or 1))
    if needed.seeds is None or needed.seeds > most:
        return Step(r, _out_of_reach(r, needed.seeds, needed.items), 0, assumed=True)
    return Step(r, "one seed", max(needed.seeds, 2), assumed=True)


def _out_of_reach(r: Row, seeds: int | None, items: int | None) -> str:
    lacking = "more items, no number of seeds" if seeds is None else f"{seeds} seeds"
    more = f" or {items / r['clusters']:.1f} times the items" if items and items > r["clusters"] else ""
    return f"needs {lacking}{more}: the difference seen is small against {100 * r['detectable']:.1f} points"


def _cost(
    step: Step, there: Mapping[tuple[Any, ...], set[int]], seconds: Mapping[tuple[Any, ...], float], planned: set[tuple[Any, ...]]
) -> tuple[list[tuple[str, int]], float | None]:
    arm = _arm(step.row)
    cells = []
    for intermediate in (DIRECT, step.row["intermediate"]):
        held = there.get((*arm, intermediate), set())
        other = there.get((*arm, step.row["intermediate"] if intermediate == DIRECT else DIRECT), set())
        wanted = sorted(held | other)[: step.seeds]  # seeds that one arm has already are the first to be matched
        wanted += [s for s in range(step.seeds + len(wanted)) if s not in wanted][: step.seeds - len(wanted)]
        cells += [(intermediate, s) for s in wanted if s not in held and (*arm, intermediate, s) not in planned]
    timed = [seconds.get((*arm, i)) for i, _ in cells]
    known = [t for t in timed if t is not None]
    if not cells:
        return [], 0.0
    return cells, None if not known else sum(t if t is not None else sum(known) / len(known) for t in timed)


def studies(root: Path | duckdb.DuckDBPyConnection, steps: Sequence[Step]) -> dict[str, str]:
    """Study files (YAML) for the steps that have cells, one a model, target and recipe: {file name: text}.

    A study is a grid, and what the store holds already is not run again; the recipe is that of the stored runs, so the new ones join them.
    """
    groups: dict[tuple[Any, ...], list[Step]] = {}
    for step in steps:
        if step.cells:
            groups.setdefault(_arm(step.row), []).append(step)
    with store.reading(root) as con:
        recipes = dict(con.execute("SELECT recipe_id, any_value(recipe) FROM run WHERE kind = 'run' GROUP BY recipe_id").fetchall())
    found = {}
    for i, (arm, own) in enumerate(groups.items(), 1):
        model, _, target, language, recipe_id, _ = arm
        content = {
            "about": f"Settles {target} after {', '.join(dict.fromkeys(s.row['intermediate'] for s in own))}.",
            "models": [model],
            "intermediates": [DIRECT, *dict.fromkeys(s.row["intermediate"] for s in own)],
            "targets": [target if language == "en" else f"{target}@{language}"],
            "seeds": sorted({seed for s in own for _, seed in s.cells}),
            "recipe": json.loads(recipes[recipe_id]),
        }
        found[f"resolve-{i}-{target}.yaml"] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return found


__all__ = ["FIRST_LOOK", "Step", "resolve", "studies"]
