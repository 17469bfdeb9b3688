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
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

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
_claim = itemgetter(*_CLAIM)
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


class Gathering:
    """Rows of any number of files, checked together: what is done once for all of them takes a fraction of the time."""

    def __init__(self) -> None:
        self._files: list[tuple[str, str]] = []  # path and digest
        self._first: list[int] = []  # the number of the first row of each file, from 1 over all of them
        self._parts: list[_Part] = []
        self._cells = Cells()
        self._count = 0  # rows so far

    def add(self, rows: Iterable[Row | Block], path: str, digest: str) -> int:
        """Take the rows of one more file, as xbench.adapter.read gives them.

        Args:
            rows: If this raises, nothing of the file is taken.
            path: For messages.
            digest: SHA-256 of the file.

        Returns:
            How many there were.
        """
        given = list(rows)
        before = self._count
        self._files.append((path, digest))
        self._first.append(before + 1)
        groups: dict[Any, tuple[tuple[Any, ...], dict[int, Row]]] = {}
        for one in given:
            if isinstance(one, Block):
                same = {column: [value] * len(one) for column, value in one.said.items() if column not in OF_RUN}
                self._take(_said_of_run(one.said), range(self._count + 1, self._count + len(one) + 1), {**same, **one.columns})
                self._count += len(one)
                continue
            self._count += 1
            said = _said_of_run(one)
            try:
                _, waiting = groups.get(said) or groups.setdefault(said, (said, {}))
            except TypeError:  # a value that cannot be a key is no text or number either
                _, waiting = groups.setdefault(object(), (said, {}))
            waiting[self._count] = one
        for said, waiting in groups.values():
            columns = set[Any]().union(*waiting.values()).difference(OF_RUN)
            self._take(said, list(waiting), {column: [row.get(column) for row in waiting.values()] for column in columns})
        return self._count - before

    def _take(self, said: tuple[Any, ...], numbers: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        begin = len(self._cells.numbers)
        self._cells.extend(numbers, columns)
        self._parts.append(_Part(len(self._files) - 1, said, begin, begin + len(numbers)))

    def tables(self) -> tuple[Tables, list[list[Refusal]]]:
        """What of the rows can be stored; and for each file what cannot."""
        refused, refusals = Refused(), [list[Refusal]() for _ in self._files]
        runs = []
        for part in self._parts:
            run, problems = _checked_run(part.said)
            runs.append(run)
            if problems:
                for place in range(part.begin, part.end):
                    refused.add(self._cells, place, *problems)
        owners = self._owners()
        cells = checked(self._cells, refused)
        for number, at, problem in refused:
            file = self._parts[owners[number]].file
            refusals[file].append(Refusal(self._files[file][0], at or f"row {number - self._first[file] + 1}", *problem))
        found = _Found(cells)
        for file, several in groupby(self._good(cells, owners), key=lambda part: part[0]):
            claims: dict[tuple[Any, ...], list[tuple[Row, int, int]]] = {}
            for _, place, begin, end in several:
                run = runs[place]
                claims.setdefault(_claim(run), []).append((run, begin, end))
            path, digest = self._files[file]
            for parts in sorted(claims.values(), key=lambda parts: min(cells.numbers[begin] for _, begin, _ in parts)):
                found.add(parts, path, digest, refusals[file])
        return found.tables(), refusals

    def _owners(self) -> list[int]:
        """The part of each row by its number."""
        owners = [0] * (self._count + 1)
        for place, part in enumerate(self._parts):
            numbers = self._cells.numbers[part.begin : part.end]
            if numbers[-1] - numbers[0] == len(numbers) - 1:  # they rise
                owners[numbers[0] : numbers[-1] + 1] = [place] * len(numbers)
            else:
                for number in numbers:
                    owners[number] = place
        return owners

    def _good(self, cells: Cells, owners: list[int]) -> Iterator[tuple[int, int, int, int]]:
        """File, part and span of the rows that are left, part by part."""
        if len(cells.numbers) == self._count:
            for place, part in enumerate(self._parts):
                yield part.file, place, part.begin, part.end
            return
        begin = 0
        for place, several in groupby(cells.numbers, key=owners.__getitem__):
            end = begin + sum(1 for _ in several)
            yield self._parts[place].file, place, begin, end
            begin = end


class _Part(NamedTuple):
    """Rows of a file that say the same of their run, and where they stand among all rows."""

    file: int
    said: tuple[Any, ...]
    begin: int
    end: int


def tables(rows: Iterable[Row | Block], path: str, digest: str, refusals: list[Refusal]) -> Tables:
    """What of the rows of one file can be stored; the others become refusals. See Gathering."""
    gathering = Gathering()
    gathering.add(rows, path, digest)
    found, refused = gathering.tables()
    refusals += refused[0]
    return found


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


_texts_of = itemgetter(*(_OF_RUN.index(column) for column in _OF_RUN if column not in _OTHERWISE))
# Texts of runs that have passed: nearly all are said over and over.
_PASSED: set[str] = set()
_MOST = 100_000


def _checked_run(said: tuple[Any, ...]) -> tuple[Row, list[Problem]]:
    """A run in the contract's terms, and what is wrong with it."""
    run: Row = dict(zip(_OF_RUN, said, strict=True))
    problems: list[Problem] = []
    for column, value in run.items() if not _passed(said) else [(column, run[column]) for column in _OTHERWISE]:
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


class _Found:
    """Tables in the making, from rows that are checked."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._columns = {column: cells.column(column) for column in CELL}
        self._given = cells.column("outcomes")
        self._keys = list(zip(*(self._columns[column] for column in KEY), strict=True))
        examples = list(map(digest_of, self._given)) if "outcomes" in cells.columns else self._given
        self._rows = list(zip(*self._columns.values(), examples, strict=True))
        self._places: list[int] = []  # of all rows, run after run
        self._made = Tables()

    def add(self, parts: list[tuple[Row, int, int]], path: str, digest: str, refusals: list[Refusal]) -> None:
        """The rows of a claim, in one part or several, which may differ in the facts of their run: those of the first row count."""
        run, begin, end = parts[0]
        places: Sequence[int] = range(begin, end)
        if len(parts) > 1:
            places = sorted(chain.from_iterable(range(begin, end) for _, begin, end in parts), key=self._cells.numbers.__getitem__)
        keys = list(map(self._keys.__getitem__, places))
        if len(set(keys)) < len(keys):
            places = self._once(places, run, path, refusals)
            if not places:
                return
            keys = list(map(self._keys.__getitem__, places))
        if len(parts) > 1:
            run = next(run for run, begin, end in parts if begin <= places[0] < end)
        if keys != sorted(keys):
            places = sorted(places, key=self._keys.__getitem__)
        identity = identity_of(run)
        run_id = _run_id(identity, map(self._rows.__getitem__, places))
        row = {
            **run,
            "run_id": run_id, "kind": "external", "identity": identity, "version": 1, "source_sha256": digest,
            "target_revision": run["dataset_revision"], "intermediate_revision": run["intermediate_revision"],
            "recipe_id": recipe_id_of(run["recipe"]),
        }  # fmt: skip
        self._made.runs.append(row)
        self._made.sizes.append(len(places))
        self._places += places
        columns = self._cells.columns
        if "outcomes" in columns or "answers" in columns:
            _add_examples(self._made, row, self._cells.only(places))
        if "run_id" in columns and (theirs := next(filter(None, map(columns["run_id"].__getitem__, reversed(places))), None)):
            self._made.exported_as[run_id] = str(theirs)

    def _once(self, places: Sequence[int], run: Row, path: str, refusals: list[Refusal]) -> list[int]:
        """One row a cell: of equal ones the first, of unequal ones none."""
        by_key: dict[tuple[str, ...], list[int]] = {}
        for place in places:
            by_key.setdefault(self._keys[place], []).append(place)
        kept, at = [], self._cells.column("at")
        for key, several in by_key.items():
            values = {self._columns["value"][place] for place in several}
            if len(values) == 1:
                kept.append(several[0])
                continue
            where = f"{' '.join(key[:3])} of {run['model']} on {run['target']}"
            said = f"expected one value a cell, there are {len(values)} different values for {where}"
            refusals += [Refusal(path, str(at[place] or ""), "value", said, "") for place in several]
        return kept

    def tables(self) -> Tables:
        """All that was added."""
        columns = {**self._columns, "evidence": ["aggregate" if table is None else "outcomes" for table in self._given]}
        if self._places != list(range(len(self._keys))):
            columns = {column: list(map(values.__getitem__, self._places)) for column, values in columns.items()}
        self._made.scores = columns
        return self._made


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
    return _hash({"claim": dict(zip(_CLAIM, _claim(run), strict=True))})


def run_id_of(identity: str, columns: Mapping[str, list[Any]], examples: list[str | None]) -> str:
    """The id of a run: of its identity and its scores in the order of KEY, each with what stands for its examples (`digest_of`)."""
    return _run_id(identity, zip(*(columns[column] for column in CELL), examples, strict=True))


def _run_id(identity: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """As run_id_of, from rows of the columns of CELL and what stands for the examples; the keys of each are sorted."""
    scores = [
        {
            "examples": digest, "language": code, "language_set": several, "metric": metric, "n": n, "scorer": scorer, "split": split,
            "stderr": stderr, "stderr_kind": kind, "value": value,
        }
        for code, several, split, metric, scorer, value, n, stderr, kind, digest in rows
    ]  # fmt: skip
    return _hash({"identity": identity, "scores": scores})


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
