"""Rows of a source become rows of the contracts: checked, grouped by what they claim, named by content.

Two hashes: a run's `identity` is over all that a source says of a system and its conditions, its `run_id` over that and its numbers. So
the same file gives the same ids at any time, a changed number gives another run of the same identity, and another source another
identity.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from xbench.adapter import OF_RUN, REQUIRED, RUN, SOURCE, Block, Row
from xbench.cells import EMPTY, KEY, LONGEST, Cells, Problem, Refused, checked, language, printable, shown, text, whole
from xbench.hashes import canonical_json, short_hash

_RELATIONS = ("first party", "third party", "collaborative", "other")
# A run's own facts, that say nothing of which claim it is.
_FACTS = ("parameters",)
_OF_RUN = (*RUN, *SOURCE)
_CLAIM = tuple(sorted(c for c in _OF_RUN if c not in _FACTS))
_RECIPE = _OF_RUN.index("recipe")
_STORED = tuple(c for c in _OF_RUN if c not in ("dataset_revision", "intermediate_revision"))
_OTHERWISE = frozenset({"seed", "parameters", "recipe"})  # what of a run is not a plain text
CELL = ("language", "language_set", "split", "metric", "scorer", "value", "n", "stderr", "stderr_kind")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row, or a whole file, that is not stored. `expected` groups refusals: it says the rule, without the row's own words."""

    path: str
    at: str
    column: str
    expected: str
    found: str = ""

    def __str__(self) -> str:
        if not self.column:
            return self.expected
        place = f"{self.path}:{self.at}" if self.at else self.path
        return f"{place}: column {self.column!r} {f'is {self.found}, ' if self.found else ''}{self.expected}"


@dataclass(slots=True)
class Tables:
    """Contract rows of some runs.

    Attributes:
        runs: A row a run.
        sizes: How many scores each of them has, shape (runs,).
        scores: The columns of CELL and `evidence`, shape (sum of sizes,) each, run after run.
        outcomes, predictions: Their examples.
        exported_as: The ids of the runs of another store that they come from, where they say so.
    """

    runs: list[Row] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    scores: dict[str, list[Any]] = field(default_factory=lambda: {column: [] for column in (*CELL, "evidence")})
    outcomes: list[pa.Table] = field(default_factory=list)
    predictions: list[pa.Table] = field(default_factory=list)
    exported_as: dict[str, str] = field(default_factory=dict)

    def join(self, other: "Tables") -> None:
        """Take the rows of another."""
        self.runs += other.runs
        self.sizes += other.sizes
        for column, values in self.scores.items():
            values.extend(other.scores[column])
        self.outcomes += other.outcomes
        self.predictions += other.predictions
        self.exported_as |= other.exported_as


def tables(rows: Iterable[Row | Block], path: str, digest: str, refusals: list[Refusal]) -> Tables:
    """What of `rows` can be stored; the others become refusals.

    Args:
        rows: As xbench.adapter.read gives them.
        path: For messages.
        digest: SHA-256 of the file.
        refusals: Added to.
    """
    refused = Refused()
    claims: dict[tuple[Any, ...], list[tuple[Row, Cells]]] = {}
    for said, cells in _grouped(rows):
        run, problems = _checked_run(said)
        good = checked(cells, problems, refused)
        if good.numbers:
            claims.setdefault(tuple(map(run.__getitem__, _CLAIM)), []).append((run, good))
    refusals += [Refusal(path, at, *problem) for at, problem in refused]
    found = Tables()
    for parts in sorted(claims.values(), key=_begins):
        runs, cells = _as_one(parts)
        keys = _keys(cells)
        if len(set(keys)) < len(keys):
            kept = _unique(keys, runs, cells, path, refusals)
            runs, keys, cells = [runs[place] for place in kept], [keys[place] for place in kept], cells.only(kept)
        if keys:
            _add(found, runs[0], keys, cells, digest)
    return found


def _begins(parts: list[tuple[Row, Cells]]) -> int:
    return min(cells.numbers[0] for _, cells in parts)


# Grouping.


def _grouped(rows: Iterable[Row | Block]) -> Iterator[tuple[tuple[Any, ...], Cells]]:
    """Rows that say the same of their run, as columns, in the order of the file."""
    groups: dict[Any, tuple[tuple[Any, ...], Cells, dict[int, Row]]] = {}
    count = 0
    for given in rows:
        said = _said_of_run(given.said if isinstance(given, Block) else given)
        try:
            _, cells, waiting = groups.get(said) or groups.setdefault(said, (said, Cells(), {}))
        except TypeError:  # a value that cannot be a key is no text or number either
            _, cells, waiting = groups.setdefault(object(), (said, Cells(), {}))
        if isinstance(given, Block):
            same = {column: [value] * len(given) for column, value in given.said.items() if column not in OF_RUN}
            cells.extend(range(count + 1, count + len(given) + 1), {**same, **given.columns})
            count += len(given)
        else:
            count += 1
            waiting[count] = given
    for said, cells, waiting in groups.values():
        if waiting:
            columns = set[Any]().union(*waiting.values()).difference(OF_RUN)
            cells.extend(list(waiting), {column: [row.get(column) for row in waiting.values()] for column in columns})
        yield said, cells if len(waiting) in (0, len(cells.numbers)) else cells.only(_order(cells.numbers))


def _order(keys: Sequence[Any]) -> list[int]:
    return sorted(range(len(keys)), key=keys.__getitem__)


def _as_one(parts: list[tuple[Row, Cells]]) -> tuple[list[Row], Cells]:
    """The rows of a claim in the order of the file, each with its run: what they say of that may differ in the facts."""
    runs: list[Row] = []
    if len(parts) == 1:
        run, cells = parts[0]
        return [run] * len(cells.numbers), cells
    every = Cells()
    for run, cells in parts:
        every.extend(cells.numbers, cells.columns)
        runs += [run] * len(cells.numbers)
    order = _order(every.numbers)
    return [runs[place] for place in order], every.only(order)


# What is said of a run.


def _said_of_run(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row says of its run; a recipe that is an object as JSON."""
    said = tuple(map(given.get, _OF_RUN))
    recipe = said[_RECIPE]
    if not isinstance(recipe, Mapping):
        return said
    try:
        as_text = canonical_json(recipe)
    except (ValueError, TypeError, RecursionError):
        as_text = ""
    return (*said[:_RECIPE], as_text, *said[_RECIPE + 1 :])


def _checked_run(said: tuple[Any, ...]) -> tuple[Row, list[Problem]]:
    """A run in the contract's terms, and what is wrong with it."""
    run: Row = dict(zip(_OF_RUN, said, strict=True))
    problems: list[Problem] = []
    for column, value in run.items():
        problem = None
        if value.__class__ is str and value and column not in _OTHERWISE and printable(value) == value:
            continue  # as nearly all are
        if column in ("seed", "parameters"):
            run[column], problem = whole(column, value)
        elif column == "recipe":
            run[column], problem = _recipe(value)
        elif column == "intermediate_revision" and value is None:
            run[column] = "none" if run["intermediate"] == "none" else "unknown"
        elif value is None and column in REQUIRED:
            problem = column, EMPTY, ""
        else:
            run[column], problem = text(column, value)
        if problem is not None:
            problems.append(problem)
    if not problems:
        _check_run_terms(run, problems)
    return run, problems


def _check_run_terms(run: Row, problems: list[Problem]) -> None:
    run["relationship"] = run["relationship"].replace("_", " ")
    if run["relationship"] not in _RELATIONS:
        problems.append(("relationship", f"expected one of {', '.join(_RELATIONS)}", shown(run["relationship"])))
    if run["intermediate"] == run["target"]:
        problems.append(("intermediate", "expected another task than the target, or none", shown(run["intermediate"])))
    if run["train_language"] not in ("unknown", "none"):
        run["train_language"], problem = language("train_language", run["train_language"])
        if problem is not None:
            problems.append(problem)


def _recipe(value: Any) -> tuple[str, Problem | None]:
    """Canonical JSON: of an object as it is, of words as their text."""
    if isinstance(value, str) and (found := _canonical(value)):
        return found, None
    return "", ("recipe", f"expected JSON, or a printable text of at most {LONGEST} characters", shown(value))


@lru_cache(maxsize=1024)
def _canonical(recipe: str) -> str:
    if recipe.lstrip().startswith("{"):
        try:
            said = json.loads(recipe)
            if isinstance(said, Mapping):
                return canonical_json(said)
        except (ValueError, RecursionError):
            pass
    return canonical_json({"text": recipe}) if printable(recipe) else ""


# Rows of the contracts.


def _keys(cells: Cells) -> list[tuple[str, ...]]:
    return list(zip(*(cells.columns[column] for column in KEY), strict=True))


def _unique(keys: list[tuple[str, ...]], runs: list[Row], cells: Cells, path: str, refusals: list[Refusal]) -> list[int]:
    """One row a cell: of equal ones the first, of unequal ones none."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    kept, at = [], cells.column("at")
    for key, several in places.items():
        values = {cells.columns["value"][place] for place in several}
        if len(values) == 1:
            kept.append(several[0])
            continue
        run = runs[several[0]]
        said = f"{len(values)} different values for {' '.join(key[:3])} of {run['model']} on {run['target']}"
        refusals += [Refusal(path, str(at[place] or ""), "value", f"expected one value a cell, there are {said}", "") for place in several]
    return kept


def _add(found: Tables, run: Row, keys: list[tuple[str, ...]], cells: Cells, digest: str) -> None:
    """A run and its scores, each with its key."""
    identity = identity_of(run)
    if len(keys) > 1 and keys != sorted(keys):
        cells = cells.only(_order(keys))
    columns = {column: cells.column(column) for column in CELL}
    given = cells.column("outcomes")
    examples = list(map(digest_of, given)) if "outcomes" in cells.columns else given
    run_id = run_id_of(identity, columns, examples)
    row = {column: run[column] for column in _STORED}
    row |= {
        "run_id": run_id, "kind": "external", "identity": identity, "version": 1, "source_sha256": digest,
        "target_revision": run["dataset_revision"], "intermediate_revision": run["intermediate_revision"],
        "recipe_id": recipe_id_of(run["recipe"]),
    }  # fmt: skip
    found.runs.append(row)
    found.sizes.append(len(cells.numbers))
    for column, values in columns.items():
        found.scores[column] += values
    found.scores["evidence"] += ["aggregate" if table is None else "outcomes" for table in given]
    if "outcomes" in cells.columns or "answers" in cells.columns:
        _add_examples(found, row, cells)
    for theirs in cells.columns.get("run_id", ()):
        if theirs:
            found.exported_as[run_id] = str(theirs)


def _add_examples(found: Tables, run: Row, cells: Cells) -> None:
    key = {column: run[column] for column in ("run_id", "model", "intermediate", "target", "train_language", "seed")}
    answered: set[tuple[str, str]] = set()
    of = zip(*(cells.column(column) for column in (*KEY, "outcomes", "answers")), strict=True)
    for code, split, metric, scorer, outcomes, answers in of:
        where = {**key, "language": code, "split": split}
        if outcomes is not None:
            found.outcomes.append(_with(outcomes, {**where, "metric": metric, "scorer": scorer}))
        if answers is not None and (code, split) not in answered:
            answered.add((code, split))
            found.predictions.append(_with(answers, where))


def identity_of(run: Mapping[str, Any]) -> str:
    """The identity of a run: of what it says in the terms of `xbench.adapter`, where `dataset_revision` is the target's."""
    return _hash({"claim": {column: run[column] for column in _CLAIM}})


def run_id_of(identity: str, columns: Mapping[str, list[Any]], examples: list[str | None]) -> str:
    """The id of a run: of its identity and its scores in the order of KEY, each with what stands for its examples (`digest_of`)."""
    return _hash({"identity": identity, "scores": _content(columns, examples)})


def _content(columns: Mapping[str, list[Any]], examples: list[str | None]) -> list[Row]:
    """The cells as objects, their keys sorted."""
    return [
        {
            "examples": digest, "language": code, "language_set": several, "metric": metric, "n": n, "scorer": scorer, "split": split,
            "stderr": stderr, "stderr_kind": kind, "value": value,
        }
        for digest, (code, several, split, metric, scorer, value, n, stderr, kind) in zip(
            examples, zip(*(columns[column] for column in CELL), strict=True), strict=True
        )
    ]  # fmt: skip


def _hash(content: Row) -> str:
    """24 hex digits of the SHA-256 of an object's canonical JSON; its keys are sorted."""
    return hashlib.sha256(orjson.dumps(content)).hexdigest()[:24]


@lru_cache(maxsize=4096)
def recipe_id_of(recipe: str) -> str:
    """As of our own runs (xbench/recipe.py), so that a recipe has one id wherever it comes from."""
    return short_hash(json.loads(recipe), 12)


def _with(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    for name, value in columns.items():
        kind = pa.int64() if name == "seed" else pa.string()
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    return table


def digest_of(table: pa.Table | None) -> str | None:
    """What stands for the examples of a score, in any order; None where only the score is known."""
    if table is None:
        return None
    lines = sorted("\t".join(map(str, example.values())) for example in table.to_pylist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def by_reason(refusals: Iterable[Refusal]) -> Iterator[tuple[str, int]]:
    """Rules and how many rows broke them, most often broken first."""
    counts: dict[str, int] = {}
    for refusal in refusals:
        name = f"column {refusal.column!r}: {refusal.expected}" if refusal.column else refusal.expected.splitlines()[0]
        counts[name] = counts.get(name, 0) + 1
    yield from sorted(counts.items(), key=lambda item: (-item[1], item[0]))
