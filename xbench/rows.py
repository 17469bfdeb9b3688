"""Rows of a source become rows of the contracts: checked one by one, grouped by what they claim, named by content.

Two hashes: a run's `identity` is over all that a source says of a system and its conditions, its `run_id` over that and its numbers. So
the same file gives the same ids at any time, a changed number gives another run of the same identity, and another source another
identity.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from xbench.adapter import COLUMNS, PASSING, REQUIRED, RUN, SOURCE, Row, number
from xbench.errors import DataError
from xbench.languages import MANY, normal
from xbench.recipe import canonical_json, short_hash
from xbench.scoring import ratio

_SPLITS = {"dev": "dev", "test": "test", "val": "dev", "valid": "dev", "validation": "dev", "development": "dev"}
_RELATIONS = ("first party", "third party", "collaborative", "other")
_UNITS = {"fraction": 1, "percent": 100}
# A run's own facts, that say nothing of which claim it is.
_FACTS = ("parameters",)
_CELL = ("language", "language_set", "split", "metric", "scorer", "value", "n", "stderr", "stderr_kind")
_ROUNDING = 1e-9  # how far over 1 a computed fraction may be
_AGREE = 1e-6  # how far a printed score may be from that of its examples
_LONGEST = 500  # characters of a name


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
    """Contract rows of some runs; `exported_as` has the ids of the runs of another store that they come from, where they say so."""

    runs: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    outcomes: list[pa.Table] = field(default_factory=list)
    predictions: list[pa.Table] = field(default_factory=list)
    exported_as: dict[str, str] = field(default_factory=dict)


def tables(rows: Iterable[Row], path: str, digest: str, refusals: list[Refusal]) -> Tables:
    """What of `rows` can be stored; the others become refusals.

    Args:
        rows: As xbench.adapter.read gives them.
        path: For messages.
        digest: SHA-256 of the file.
        refusals: Added to.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    runs: dict[tuple[Any, ...], _Run] = {}  # rows of a run say the same of it, and are many
    for count, given in enumerate(rows, 1):
        said = _said_of_run(given)
        try:
            run = runs.get(said) or runs.setdefault(said, _checked_run(said))
        except TypeError:  # a value that cannot be a key is no text or number either
            run = _checked_run(said)
        problems = list(run.problems)
        row = _checked_cell(given, run.columns, problems)
        if problems:
            at = str(given.get("at", f"row {count}"))
            refusals += [Refusal(path, at, *problem) for problem in problems]
            continue
        groups.setdefault(run.key, []).append(row)
    found = Tables()
    for members in groups.values():
        _add(found, _unique(members, path, refusals), digest)
    return found


_Problem = tuple[str, str, str]  # column, what was expected, what was found


@dataclass(frozen=True, slots=True)
class _Run:
    """What rows say of their run in the contract's terms, what is wrong with that, and what tells it from other runs."""

    columns: Row
    problems: list[_Problem]
    key: tuple[Any, ...]


_OF_RUN = (*RUN, *SOURCE)
_KEY = (*(c for c in RUN if c not in _FACTS), *SOURCE)
_RECIPE = _OF_RUN.index("recipe")
_KNOWN = frozenset({*COLUMNS, *PASSING})
_OF_CELL = ("language", "split", "metric", "scorer")
_AS_GIVEN = ("value", "stderr", "stderr_kind", "language_set", *PASSING)


def _said_of_run(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row says of its run; a recipe that is an object as JSON."""
    said = tuple(map(given.get, _OF_RUN))
    recipe = said[_RECIPE]
    if not isinstance(recipe, Mapping):
        return said
    try:
        text = canonical_json(recipe)
    except (ValueError, TypeError, RecursionError):
        text = ""
    return (*said[:_RECIPE], text, *said[_RECIPE + 1 :])


def _checked_run(said: tuple[Any, ...]) -> _Run:
    problems: list[_Problem] = []
    run: Row = dict(zip(_OF_RUN, said, strict=True))
    for column, value in run.items():
        if column in ("seed", "parameters"):
            run[column] = _whole(column, value, problems)
        elif column == "recipe":
            run[column] = _recipe(value, problems)
        elif column == "intermediate_revision" and value is None:
            run[column] = "none" if run["intermediate"] == "none" else "unknown"
        elif value is None and column in REQUIRED:
            problems.append((column, _EMPTY, ""))
        else:
            run[column] = _text(column, value, problems)
    if not problems:
        _check_run_terms(run, problems)
    return _Run({**dict.fromkeys(_CELL), **run}, problems, tuple(run[c] for c in _KEY))


def _check_run_terms(run: Row, problems: list[_Problem]) -> None:
    run["relationship"] = run["relationship"].replace("_", " ")
    if run["relationship"] not in _RELATIONS:
        problems.append(("relationship", f"expected one of {', '.join(_RELATIONS)}", _shown(run["relationship"])))
    if run["intermediate"] == run["target"]:
        problems.append(("intermediate", "expected another task than the target, or none", _shown(run["intermediate"])))
    try:
        if run["train_language"] not in ("unknown", "none"):
            run["train_language"] = "+".join(normal(code) for code in run["train_language"].split("+"))
    except DataError as error:
        problems.append(_no_language("train_language", error, run["train_language"]))


def _checked_cell(given: Mapping[str, Any], run: Row, problems: list[_Problem]) -> Row:
    """The row in the contract's terms; what is wrong with it is added to the problems."""
    if not given.keys() <= _KNOWN:
        unknown = sorted(str(column) for column in given.keys() - _KNOWN)
        problems += [(column, f"is unknown; known are {', '.join(COLUMNS)}", "") for column in unknown]
    row = run.copy()
    for column in _OF_CELL:
        value = given.get(column)
        if value.__class__ is str and (text := _printable(value)):
            row[column] = text
        elif value is None and column in REQUIRED:
            problems.append((column, _EMPTY, ""))
        else:
            row[column] = _text(column, value, problems)
    if given.get("value") is None and "outcomes" not in given:
        problems.append(("value", _EMPTY, ""))
    if "n" in given:
        row["n"] = _whole("n", given["n"], problems)
    if problems:
        return row
    for column in _AS_GIVEN:
        if column in given:
            row[column] = given[column]
    _check_terms(row, problems)
    _check_numbers(row, problems)
    return row


_EMPTY = "is empty; if the file does not say it, --set does"


def _text(column: str, value: Any, problems: list[_Problem]) -> Any:
    if isinstance(value, str) and (text := _printable(value)):
        return text
    problems.append((column, f"expected a printable text of at most {_LONGEST} characters", _shown(value)))
    return value


@lru_cache(maxsize=4096)
def _printable(value: str) -> str:
    """Without white space around it; empty if it is too long, or has what cannot be printed."""
    return value.strip() if len(value) <= _LONGEST and value.isprintable() else ""


def _whole(column: str, value: Any, problems: list[_Problem]) -> int | None:
    if value is None:
        return None
    whole = number(value)
    if whole is None or not whole.is_integer() or not (1 if column == "n" else 0) <= whole < 2**63:
        problems.append((column, "expected a whole number" + (" above 0" if column == "n" else ""), _shown(value)))
        return None
    return int(value) if isinstance(value, int | str) and str(value).strip().isdigit() else int(whole)


def _check_terms(row: Row, problems: list[_Problem]) -> None:
    split = _SPLITS.get(row["split"].lower())
    if split is None:
        problems.append(("split", f"expected one of {', '.join(_SPLITS)}", _shown(row["split"])))
    row["split"] = split
    try:
        row["language"] = normal(row["language"])
    except DataError as error:
        problems.append(_no_language("language", error, row["language"]))
        return
    several = row.get("language_set")
    if row["language"] != MANY:
        if several is not None:
            problems.append(("language_set", f"is only for a mean over languages (language {MANY})", ""))
        return
    codes = several.split() if isinstance(several, str) else several if isinstance(several, list | tuple) else ["unknown"]
    try:
        row["language_set"] = " ".join(sorted(normal(str(code)) for code in codes)) if list(codes) != ["unknown"] else "unknown"
    except DataError as error:
        problems.append(_no_language("language_set", error, several))


def _no_language(column: str, error: DataError, found: object) -> _Problem:
    """The suggestion of the error, if it has one, beside what was found."""
    return column, f"expected a language code: {re.split('; |: ', error.headline, maxsplit=1)[-1]}", _shown(found)


def _check_numbers(row: Row, problems: list[_Problem]) -> None:
    unit = row.pop("unit", "fraction")
    if unit not in _UNITS:
        problems.append(("unit", f"expected {' or '.join(_UNITS)}", _shown(unit)))
        return
    if row.pop("lower_is_better", None) is True:
        problems.append(("metric", "expected one of which more is better", _shown(row["metric"])))
        return
    if "outcomes" in row:
        _from_outcomes(row, unit, problems)
    value = row["value"] if row.pop("exactly", False) else _fraction(row, "value", unit)
    if value is None or math.isnan(value):
        problems.append(("value", "expected a number", _shown(row["value"])))
    elif not 0 <= value <= 1 + _ROUNDING:
        hint = "; for percent say so: a column unit, or --set unit=percent" if unit == "fraction" and 1 < value <= 100 else ""
        problems.append(("value", f"expected a fraction between 0 and 1{hint}", _shown(row["value"])))
    else:
        row["value"] = min(value, 1.0)
    if row.get("stderr") is None:
        row["stderr_kind"] = None
        return
    stderr = _fraction(row, "stderr", unit)
    if stderr is None or not (math.isfinite(stderr) and stderr >= 0):
        problems.append(("stderr", "expected a number of 0 or more", _shown(row["stderr"])))
    row["stderr"] = stderr
    row["stderr_kind"] = row.get("stderr_kind") or "unknown"


def _fraction(row: Mapping[str, Any], column: str, unit: str) -> float | None:
    """A number as a fraction; percent in decimal arithmetic, so that 54.8 is 0.548 and not 0.5479999999999999."""
    value = number(row[column])
    if value is None or unit == "fraction" or not math.isfinite(value):
        return value
    return float(Decimal(repr(value)) / _UNITS[unit])


def _from_outcomes(row: Row, unit: str, problems: list[_Problem]) -> None:
    """A score with its examples is what they make; a printed one must agree."""
    table: pa.Table = row["outcomes"]
    ids = table["example_id"].to_pylist()
    above, below = (table[c].to_numpy() for c in ("numerator", "denominator"))
    if not ids or len(set(ids)) < len(ids):
        problems.append(("outcomes", "expected one or more examples, each once", f"{len(ids)} examples with {len(set(ids))} ids"))
    elif not (math.isfinite(above.sum()) and math.isfinite(below.sum()) and (above >= 0).all() and (above <= below).all()):
        problems.append(("outcomes", "expected shares between 0 and 1 for each example", ""))
    else:
        computed = ratio(above, below)
        said = _fraction(row, "value", unit) if row.get("value") is not None else computed
        if said is None or not abs(said - computed) <= _AGREE:
            problems.append(("value", f"expected {computed:.6g}, which its {len(ids)} examples make", _shown(row["value"])))
        row["n"] = len(ids)
        row["value"], row["exactly"] = computed, True


def _recipe(value: Any, problems: list[_Problem]) -> str:
    """Canonical JSON: of an object as it is, of words as their text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            said = json.loads(value)
            if isinstance(said, Mapping):
                return canonical_json(said)
        except (ValueError, RecursionError):
            pass
    if isinstance(value, str) and _printable(value):
        return canonical_json({"text": value})
    problems.append(("recipe", f"expected JSON, or a printable text of at most {_LONGEST} characters", _shown(value)))
    return ""


def _unique(members: list[Row], path: str, refusals: list[Refusal]) -> list[Row]:
    """One row a cell: equal ones are one, of unequal ones none is stored."""
    cells: dict[tuple[str, ...], list[Row]] = {}
    for row in members:
        cells.setdefault((row["language"], row["split"], row["metric"], row["scorer"]), []).append(row)
    kept = []
    for key, rows in cells.items():
        values = sorted({row["value"] for row in rows})
        if len(values) == 1:
            kept.append(rows[0])
            continue
        said = f"{len(values)} different values for {' '.join(key[:3])} of {rows[0]['model']} on {rows[0]['target']}"
        refusals += [Refusal(path, str(row.get("at", "")), "value", f"expected one value a cell, there are {said}", "") for row in rows]
    return kept


def _add(found: Tables, members: list[Row], digest: str) -> None:
    """A run and its scores, from the rows that agree in everything but the cell."""
    if not members:
        return
    first = members[0]
    said = {c: first[c] for c in _KEY}
    identity = _hash({"claim": said})
    members.sort(key=lambda m: (m["language"], m["split"], m["metric"], m["scorer"]))
    cells = [{c: m[c] for c in _CELL} for m in members]
    content = [{**cell, "examples": _digest(m)} for cell, m in zip(cells, members, strict=True)]
    run_id = _hash({"identity": identity, "scores": content})
    run = {c: first[c] for c in (*RUN, *SOURCE) if c not in ("dataset_revision", "intermediate_revision")}
    run |= {
        "run_id": run_id, "kind": "external", "identity": identity, "version": 1, "source_sha256": digest,
        "target_revision": first["dataset_revision"], "intermediate_revision": first["intermediate_revision"],
        "recipe_id": _recipe_id(first["recipe"]),
    }  # fmt: skip
    found.runs.append(run)
    key = {"run_id": run_id, **{c: first[c] for c in ("model", "intermediate", "target", "train_language", "seed")}}
    answered: set[tuple[str, str]] = set()
    for m, cell in zip(members, cells, strict=True):
        evidence = "outcomes" if "outcomes" in m else "aggregate"
        found.scores.append({**key, **cell, "dataset_revision": first["dataset_revision"], "evidence": evidence})
        where = {**key, "language": m["language"], "split": m["split"]}
        if "outcomes" in m:
            found.outcomes.append(_with(m["outcomes"], {**where, "metric": m["metric"], "scorer": m["scorer"]}))
        if "answers" in m and (m["language"], m["split"]) not in answered:
            answered.add((m["language"], m["split"]))
            found.predictions.append(_with(m["answers"], where))
        if m.get("run_id"):
            found.exported_as[run_id] = str(m["run_id"])


def _hash(content: Row) -> str:
    """24 hex digits of the SHA-256 of an object's canonical JSON."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]


@lru_cache(maxsize=4096)
def _recipe_id(recipe: str) -> str:
    """As of our own runs (xbench/recipe.py), so that a recipe has one id wherever it comes from."""
    return short_hash(json.loads(recipe), 12)


def _with(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    for name, value in columns.items():
        kind = pa.int64() if name == "seed" else pa.string()
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    return table


def _digest(row: Mapping[str, Any]) -> str | None:
    """What stands for the examples of a score, in any order; None where only the score is known."""
    if "outcomes" not in row:
        return None
    lines = sorted("\t".join(map(str, example.values())) for example in row["outcomes"].to_pylist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def by_reason(refusals: Iterable[Refusal]) -> Iterator[tuple[str, int]]:
    """Rules and how many rows broke them, most often broken first."""
    counts: dict[str, int] = {}
    for refusal in refusals:
        name = f"column {refusal.column!r}: {refusal.expected}" if refusal.column else refusal.expected.splitlines()[0]
        counts[name] = counts.get(name, 0) + 1
    yield from sorted(counts.items(), key=lambda item: (-item[1], item[0]))
