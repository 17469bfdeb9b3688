"""Tables of scores for papers and READMEs: what the markdown and LaTeX exports share.

A table is what one task_key holds: systems down, languages across, the mean last. A system's score is the mean over its seeds.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from xbench import placing
from xbench.exporting import Row, Selection
from xbench.languages import MANY
from xbench.tables import percent

# What tells systems apart: columns of the table where they differ in it, said above the table where they do not.
_SYSTEM = (
    "model", "intermediate", "train_language", "model_revision", "recipe", "stack", "source", "source_version", "relationship",
    "intermediate_revision",
)  # fmt: skip
_TABLE = ("target", "metric", "scorer", "split", "dataset_revision")


@dataclass(slots=True)
class Cell:
    """A number as it is shown; `best`: none of its column is shown higher."""

    text: str
    best: bool = False


@dataclass(slots=True)
class Printed:
    """One table.

    Attributes:
        said: What holds for all of it, by column of the long shape; goes into a comment that ingest reads.
        header: Headings: columns that tell systems apart, languages, avg.
        lines: Of each system its labels and its cells; None where there is no number.
        tied: Whether the best system is not significantly better than this one; None where this was not tested.
        seeds: Fewest and most seeds that a system has in a language.
        beside: Languages that the task does not cover, which are in no mean.
    """

    said: dict[str, str]
    header: list[str]
    labels: int
    lines: list[tuple[list[str], list[Cell | None]]] = field(default_factory=list)
    tied: list[bool | None] = field(default_factory=list)
    seeds: tuple[int, int] = (0, 0)
    beside: list[str] = field(default_factory=list)


def tables(selection: Selection) -> Iterator[Printed]:
    """A table for each task, metric, scorer, split and revision of the selection.

    Raises:
        DataError: As of Selection.told_apart.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in selection.told_apart((*_TABLE, *_SYSTEM)):
        groups.setdefault((*(row[c] for c in _TABLE), row["language_set"] if row["language"] == MANY else None), []).append(row)
    for key, rows in groups.items():
        yield _table(selection, dict(zip(_TABLE, key[:-1], strict=True)), rows)


def _table(selection: Selection, key: dict[str, str], rows: Sequence[Row]) -> Printed:
    varying = [c for c in _SYSTEM if len({r[c] for r in rows}) > 1 or c == "model"]
    systems: dict[tuple[str, ...], dict[str, list[float]]] = {}
    seeds: dict[tuple[tuple[str, ...], str], set[Any]] = {}
    for row in rows:
        label = tuple(str(row[c]) for c in varying)
        systems.setdefault(label, {}).setdefault(row["language"], []).append(row["value"])
        seeds.setdefault((label, row["language"]), set()).add(row["seed"])
    languages = sorted({row["language"] for row in rows})
    covered = selection.con.execute("SELECT DISTINCT language FROM task_language WHERE target = ?", [key["target"]]).fetchall()
    counted = [code for code in languages if not covered or code == MANY or (code,) in covered]
    shared = {**key, **{c: rows[0][c] for c in _SYSTEM if c not in varying}}
    header = [*varying, *languages, *(["avg"] if len(counted) > 1 else [])]
    if languages == [MANY]:
        shared["language_set"] = rows[0]["language_set"]
    found = Printed(
        {c: str(v) for c, v in shared.items() if v is not None}, header, len(varying), beside=[c for c in languages if c not in counted]
    )
    means = {label: {code: sum(sorted(v)) / len(v) for code, v in cells.items()} for label, cells in systems.items()}
    own = {label: [cells[code] for code in counted if code in cells] for label, cells in means.items()}
    whole = {label: len(values) == len(counted) for label, values in own.items()}
    for label, cells in means.items():
        if whole[label] and counted:
            cells["avg"] = sum(sorted(own[label])) / len(counted)
    columns = header[len(varying) :]
    shown = {label: [percent(cells[c], selection.digits) if c in cells else "" for c in columns] for label, cells in means.items()}
    order = sorted(shown, key=lambda label: (not whole[label], -sum(own[label]) / (len(own[label]) or 1), label))
    best = [max((float(shown[label][i]) for label in order if shown[label][i]), default=None) for i in range(len(columns))]
    tiers = _tiers(selection, key, rows, varying)
    for label in order:
        texts = shown[label]
        found.lines.append((list(label), [Cell(t, float(t) == top) if t else None for t, top in zip(texts, best, strict=True)]))
        found.tied.append(tiers.get(label))
    counts = [len(s - {None}) for (_, code), s in seeds.items() if code in counted] or [0]
    found.seeds = (min(counts), max(counts))
    return found


def _tiers(selection: Selection, key: dict[str, str], rows: Sequence[Row], varying: list[str]) -> dict[tuple[str, ...], bool]:
    """Which systems the tests put into the first tier: not significantly worse than the best, where every example is stored.

    None where the table has other languages than those that systems are ranked over.
    """
    asked = {c: v for c, v in selection.where.items() if c not in key and v is not None}
    if key["split"] != "test" or not asked.keys().isdisjoint(("language", "language_set")):
        return {}
    languages = {row["language"] for row in rows} - {MANY}  # there is no test of means as printed
    recipes = {r["run_id"]: r for r in rows}
    ids = dict(selection.con.execute("SELECT DISTINCT recipe_id, recipe FROM run").fetchall())
    found: dict[tuple[str, ...], bool] = {}
    standing = placing.standings(selection.con, **{**asked, "target": key["target"], "metric": key["metric"]})
    for rank in standing:
        if rank["scorer"] != key["scorer"] or rank["dataset_revision"] != key["dataset_revision"] or rank["languages"] != len(languages):
            continue
        said = {**rank, "recipe": ids.get(rank["recipe_id"])}
        for row in recipes.values():
            if all(said.get(c, row[c]) == row[c] for c in _SYSTEM):
                found[tuple(str(row[c]) for c in varying)] = rank["tier"] == 1
    return found if sum(found.values()) > 1 else dict.fromkeys(found, False)


def comment(printed: Printed) -> str:
    """What ingest reads back, as JSON."""
    return json.dumps({**printed.said, "unit": "percent", "means": "computed"}, ensure_ascii=False, sort_keys=True).replace(
        "--", "-\\u002d"
    )


def caption(printed: Printed, selection: Selection) -> str:
    """What a table says of itself."""
    low, high = printed.seeds
    over = f", mean over {low if low == high else f'{low} to {high}'} seeds" if high > 1 else ""
    said = printed.said
    beside = f" Not in the mean, as the task does not cover it: {', '.join(printed.beside)}." if printed.beside else ""
    best = f"Best in bold.{beside}"
    tied = " A dagger marks systems that a paired test does not separate from the best." if any(printed.tied) else ""
    what = f"{said['target']}: {said['metric']} ({said['scorer']}), percent, {said['split']}{over}."
    return f"{what} {best}{tied} xbench snapshot {selection.snapshot}."
