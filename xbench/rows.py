"""What a row says of its run, in the terms of the contracts; the ids of runs, which are made of content.

Two hashes: a run's `identity` is over all that a source says of a system and its conditions, its `run_id` over that and its numbers. So
the same file gives the same ids at any time, a changed number gives another run of the same identity, and another source another
identity.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import add, itemgetter
from typing import Any

import orjson
import pyarrow as pa

from xbench.adapter import REQUIRED, RUN, SOURCE, Row
from xbench.cells import EMPTY, LONGEST, Problem, language, printable, shown, text, whole
from xbench.hashes import canonical_json, short_hash

_SELECTIONS = ("last step", "train-language", "target-languages")
_RELATIONS = ("first party", "third party", "collaborative", "other")
# A run's own facts, that say nothing of which claim it is.
FACTS = ("parameters", "selection")
_OF_RUN = (*RUN, *SOURCE)
_CLAIM = tuple(sorted(c for c in _OF_RUN if c not in FACTS))
claim_of = itemgetter(*_CLAIM)
_RECIPE = _OF_RUN.index("recipe")
_OTHERWISE = ("parameters", "intermediate_revision", "seed", "recipe")  # what of a run is not a plain text, or may be missing
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


def said_of_run(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row says of its run; a recipe that is an object as JSON."""
    said = tuple(map(given.get, _OF_RUN))
    recipe = said[_RECIPE]
    if recipe.__class__ is str or not isinstance(recipe, Mapping):
        return said
    try:
        as_text = canonical_json(recipe)
    except (ValueError, TypeError, RecursionError):
        as_text = ""
    return (*said[:_RECIPE], as_text, *said[_RECIPE + 1 :])


_CHECKED = tuple(column for column in _OF_RUN if column != "selection")  # which is one of few words
_texts_of = itemgetter(*(_OF_RUN.index(column) for column in _CHECKED if column not in _OTHERWISE))
# Texts of runs that have passed: nearly all are said over and over.
_PASSED: set[str] = set()
_MOST = 100_000


def checked_run(said: tuple[Any, ...]) -> tuple[Row, list[Problem]]:
    """A run in the contract's terms, and what is wrong with it.

    Args:
        said: As of `said_of_run`.
    """
    run: Row = dict(zip(_OF_RUN, said, strict=True))
    problems: list[Problem] = []
    for column, value in [(column, run[column]) for column in (_OTHERWISE if _passed(said) else _CHECKED)]:
        problem = None
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
            if run[column] == value and problem is None:
                _PASSED.add(value)
        if problem is not None:
            problems.append(problem)
    if not problems:
        _check_run_terms(run, problems)
    return run, problems


def _passed(said: tuple[Any, ...]) -> bool:
    """Whether all that must be texts are, as they should be."""
    if len(_PASSED) > _MOST:
        _PASSED.clear()
    try:
        return _PASSED.issuperset(_texts_of(said))
    except TypeError:  # what cannot be looked up is no text
        return False


def _check_run_terms(run: Row, problems: list[Problem]) -> None:
    if run["selection"] not in (None, *_SELECTIONS):
        problems.append(("selection", f"expected one of {', '.join(_SELECTIONS)}, or nothing", shown(run["selection"])))
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


_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character: JSON may say one, and no UTF-8 can


@lru_cache(maxsize=1024)
def _canonical(recipe: str) -> str:
    if recipe.lstrip().startswith("{"):
        try:
            said = json.loads(recipe)
            if isinstance(said, Mapping):
                found = canonical_json(said)
                return "" if _SURROGATE.search(found) else found
        except (ValueError, RecursionError):
            pass
    return canonical_json({"text": recipe}) if printable(recipe) else ""


def identity_of(run: Mapping[str, Any]) -> str:
    """The identity of a run: of what it says in the terms of `xbench.adapter`, where `dataset_revision` is the target's."""
    return _hash(orjson.dumps({"claim": dict(zip(_CLAIM, claim_of(run), strict=True))}))


def run_id_of(identity: str, scores: Iterable[bytes]) -> str:
    """The id of a run: of its identity and its scores.

    Args:
        identity: As of `identity_of`.
        scores: As of `hashed`, in the order of cells.KEY; at least one.
    """
    return _hash(b'{"identity":"%b","scores":[%b}]}' % (identity.encode(), b"},".join(scores)))


def id_with(run_id: str, beside: Iterable[Any]) -> str:
    """The id of a version that is there for what it says beside its numbers: FACTS, and what stands for its predictions."""
    return _hash(orjson.dumps({"run": run_id, "beside": list(beside)}))


def hashed(columns: Mapping[str, list[Any]], examples: list[str | None]) -> list[bytes]:
    """What the id of a run says of each of its scores: their canonical JSON, up to the last brace.

    Args:
        columns: Those of CELL, shape (scores,) each.
        examples: What stands for the examples of each (`digest_of`).
    """
    if len(_SAID) > _MOST:
        _SAID.clear()
    values = orjson.dumps(columns["value"])[1:-1].split(b",")  # `value` comes last among the sorted keys
    beside = zip(examples, *(columns[name] for name in _BEFORE_VALUE[1:]), strict=True)
    repeated = all(columns[name].count(None) == len(values) for name in ("n", "stderr"))
    return list(map(add, map(_SAID.__getitem__ if repeated else _before_value, beside), values))


_BEFORE_VALUE = ("examples", *sorted(column for column in CELL if column != "value"))


def _before_value(said: tuple[Any, ...]) -> bytes:
    return orjson.dumps(dict(zip(_BEFORE_VALUE, said, strict=True)))[:-1] + b',"value":'


class _Said(dict[tuple[Any, ...], bytes]):
    """What stands before a value: without numbers among it, sources repeat it over and over."""

    def __missing__(self, said: tuple[Any, ...]) -> bytes:
        made = self[said] = _before_value(said)
        return made


_SAID = _Said()


def _hash(content: bytes) -> str:
    """24 hex digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(content).hexdigest()[:24]


@lru_cache(maxsize=4096)
def recipe_id_of(recipe: str) -> str:
    """As of our own runs (xbench/recipe.py), so that a recipe has one id wherever it comes from."""
    return short_hash(json.loads(recipe), 12)


_EXAMPLE = pa.schema([("example_id", pa.string()), ("cluster_id", pa.string()), ("numerator", pa.float64()), ("denominator", pa.float64())])


def digest_of(table: pa.Table | None) -> str | None:
    """What stands for the examples of a score, in any order; None where only the score is known."""
    if table is None:
        return None
    lines = sorted("\t".join(map(str, example.values())) for example in table.select(_EXAMPLE.names).cast(_EXAMPLE).to_pylist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def by_reason(refusals: Iterable[Refusal]) -> Iterator[tuple[str, int]]:
    """Rules and how many rows broke them, most often broken first."""
    counts: dict[str, int] = {}
    for refusal in refusals:
        name = f"column {refusal.column!r}: {refusal.expected}" if refusal.column else refusal.expected.splitlines()[0]
        counts[name] = counts.get(name, 0) + 1
    yield from sorted(counts.items(), key=lambda item: (-item[1], item[0]))
