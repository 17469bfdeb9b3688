"""Scores of a run, column by column: in the contract's terms, or refused with the reason.

A check is asked once for each text, since a source repeats few of them over many rows.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, partial
from itertools import compress
from typing import Any

import pyarrow as pa

from xbench.adapter import COLUMNS, DEVELOPMENT, LESS, PASSING, REQUIRED, Row, least, number
from xbench.errors import DataError
from xbench.languages import MANY, normal

Problem = tuple[str, str, str]  # column, what was expected, what was found
NAMES = ("language", "split", "metric", "scorer")
KEY = (*NAMES, "language_set")  # of a score in its run
PERCENT = "; for percent say so: a column unit, or --set unit=percent"  # what to do about a number that is no fraction
EMPTY = "is empty; if the file does not say it, --set does"
_SPLITS = {"test": "test"} | dict.fromkeys(DEVELOPMENT, "dev")
_UNITS = {"fraction": 1, "percent": 100}
_KNOWN = frozenset({*COLUMNS, *PASSING})
_BY_ROW = ("unit", "lower_is_better", "outcomes", "answers", "stderr")  # a number with one of these beside it is looked at in its row
_ROUNDING = 1e-9  # how far over 1 a computed fraction may be
_AGREE = 1e-6  # how far a printed score may be from that of its examples
LONGEST = 500  # characters of a name


@dataclass(slots=True)
class Cells:
    """Rows of some runs.

    Attributes:
        numbers: Which rows they are; no number comes twice.
        columns: A list a column that some row says something in, as long as `numbers`; None where a row is silent.
    """

    numbers: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)

    def extend(self, numbers: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        """Take more rows; of columns that they lack, or that were not there before, nothing is said."""
        if not self.numbers and not self.columns:  # the first ones, and mostly the only ones
            self.columns = {column: list(values) or [None] * len(numbers) for column, values in columns.items()}
            self.numbers += numbers
            return
        for column in columns.keys() - self.columns.keys():
            self.columns[column] = [None] * len(self.numbers)
        for column, values in self.columns.items():
            values.extend(columns.get(column) or [None] * len(numbers))
        self.numbers += numbers

    def column(self, name: str) -> list[Any]:
        """A column, also one in which nothing is said."""
        return self.columns.get(name) or [None] * len(self.numbers)

    def row(self, place: int) -> Row:
        """What one row says."""
        return {column: values[place] for column, values in self.columns.items() if values[place] is not None}

    def at(self, place: int) -> str | None:
        """Where in its file a row stands, if it says so."""
        said = self.columns["at"][place] if "at" in self.columns else None
        return str(said) if said is not None else None

    def only(self, places: Iterable[int]) -> "Cells":
        """The rows at these places, in this order."""
        chosen = list(places)
        return Cells([self.numbers[i] for i in chosen], {c: [values[i] for i in chosen] for c, values in self.columns.items()})


class Refused:
    """Rows that are not stored, by their number: where each says that it stands, and its problems in the order of the checks."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[str | None, list[Problem]]] = {}

    def add(self, cells: Cells, place: int, *problems: Problem) -> None:
        """Refuse a row for one more reason."""
        self._rows.setdefault(cells.numbers[place], (cells.at(place), []))[1].extend(problems)

    def without(self, cells: Cells) -> Cells:
        """The rows that are not refused."""
        if not self._rows:
            return cells
        kept = [row not in self._rows for row in cells.numbers]
        if all(kept):
            return cells
        return Cells(list(compress(cells.numbers, kept)), {c: list(compress(values, kept)) for c, values in cells.columns.items()})

    def __iter__(self) -> Iterator[tuple[int, str | None, Problem]]:
        for row, (at, problems) in sorted(self._rows.items()):
            for problem in problems:
                yield row, at, problem


def checked(cells: Cells, refused: Refused) -> Cells:
    """Those rows that can be stored, in the contract's terms.

    Args:
        cells: As adapters give them, of any number of files.
        refused: Takes the others; some may be in it already.
    """
    _check_said(cells, refused)
    cells = refused.without(cells)
    if not cells.numbers:
        return cells
    _check_terms(cells, refused)
    _check_directions(cells, refused)
    _check_numbers(cells, refused)
    return refused.without(cells)


def _check_said(cells: Cells, refused: Refused) -> None:
    """Only known columns, texts where texts belong, and what must be there."""
    columns = cells.columns
    for unknown in () if columns.keys() <= _KNOWN else sorted(columns.keys() - _KNOWN, key=str):
        for place, value in enumerate(columns[unknown]):
            if value is not None:
                refused.add(cells, place, (str(unknown), f"is unknown; known are {', '.join(COLUMNS)}", ""))
    for column in NAMES:
        columns[column] = _each(cells, cells.column(column), _TEXT_OF[column], _TEXTS, refused)
    if "value" not in columns or None in columns["value"]:
        examples = cells.column("outcomes")
        for place, value in enumerate(cells.column("value")):
            if value is None and examples[place] is None:
                refused.add(cells, place, ("value", "is empty", ""))
    if "n" in columns:
        columns["n"] = _each(cells, columns["n"], partial(whole, "n"), {}, refused)


_Made = tuple[Any, Problem | None]  # a value in the contract's terms, or what is wrong with it
# Texts that a check has passed, and what it made of them: a source says the same few over and over.
_TEXTS: dict[str, str] = {}
_SPLIT: dict[str, str] = {}
_LANGUAGE: dict[str, str] = {}
_MOST = 100_000


def _each(cells: Cells, values: list[Any], check: Callable[[Any], _Made], passed: dict[str, str], refused: Refused) -> list[Any]:
    """The values as `check` makes them, asked once for each text: other values may be equal and not the same (1 and True)."""
    if len(passed) > _MOST:
        passed.clear()
    found: list[Any]
    try:
        found = list(map(passed.get, values))
    except TypeError:  # what cannot be looked up is no text
        found = [None] * len(values)
    if None not in found:
        return found
    for place, made in enumerate(found):
        if made is None:
            value = values[place]
            found[place], problem = check(value)
            if problem is not None:
                refused.add(cells, place, problem)
            elif value.__class__ is str:
                passed[value] = found[place]
    return found


def _text(column: str, value: Any) -> _Made:
    if value is None and column in REQUIRED:
        return None, (column, EMPTY, "")
    return text(column, value)


_TEXT_OF = {column: partial(_text, column) for column in NAMES}


def text(column: str, value: Any) -> _Made:
    """A text without white space around it."""
    if isinstance(value, str) and (found := printable(value)):
        return found, None
    return value, (column, f"expected a printable text of at most {LONGEST} characters", shown(value))


@lru_cache(maxsize=4096)
def printable(value: str) -> str:
    """Without white space around it, in one spelling (NFC); empty if it is too long, or has what cannot be printed."""
    if len(value) > LONGEST or not value.isprintable():
        return ""
    return value.strip() if value.isascii() else unicodedata.normalize("NFC", value.strip())


def whole(column: str, value: Any) -> _Made:
    """A whole number, if there is one."""
    if value is None or (value.__class__ is int and 0 < value < 2**63):
        return value, None
    found = number(value)
    if found is None or not found.is_integer() or not (1 if column == "n" else 0) <= found < 2**63:
        return None, (column, "expected a whole number" + (" above 0" if column == "n" else ""), shown(value))
    return int(value) if isinstance(value, int | str) and str(value).strip().isdigit() else int(found), None


def _check_terms(cells: Cells, refused: Refused) -> None:
    columns = cells.columns
    columns["split"] = _each(cells, columns["split"], _split, _SPLIT, refused)
    columns["language"] = _each(cells, columns["language"], partial(language, "language"), _LANGUAGE, refused)
    several = cells.column("language_set")
    if MANY not in columns["language"] and several.count(None) == len(several):
        return
    made = list[str | None](several)
    for place, (code, codes) in enumerate(zip(columns["language"], several, strict=True)):
        if code == MANY or codes is not None:
            made[place], problem = _languages(code, codes)
            if problem is not None:
                refused.add(cells, place, problem)
    columns["language_set"] = made


def _split(value: str) -> _Made:
    split = _SPLITS.get(value.lower())
    return split, None if split else ("split", f"expected one of {', '.join(_SPLITS)}", shown(value))


def language(column: str, value: str) -> _Made:
    """A language code in its one spelling; of several that were trained in, with a plus, each once, in one order. None if it is none."""
    try:
        return "+".join(sorted(set(map(normal, value.split("+"))))) if column == "train_language" else normal(value), None
    except DataError as error:
        return None, no_language(column, error, value)


def _languages(code: str | None, several: Any) -> _Made:
    """The languages that a mean is over."""
    if code is None:
        return None, None
    if code != MANY:
        return None, ("language_set", f"is only for a mean over languages (language {MANY})", "") if several is not None else None
    codes = several.split() if isinstance(several, str) else several if isinstance(several, list | tuple) else ["unknown"]
    if list(codes) in ([], ["unknown"]):
        return "unknown", None
    try:
        return " ".join(sorted({normal(str(code)) for code in codes})), None
    except DataError as error:
        return None, no_language("language_set", error, several)


def no_language(column: str, error: DataError, found: object) -> Problem:
    """The suggestion of the error, if it has one, beside what was found."""
    return column, f"expected a language code: {re.split('; |: ', error.headline, maxsplit=1)[-1]}", shown(found)


def _check_directions(cells: Cells, refused: Refused) -> None:
    """More must be better; of a metric that goes the other way by its name, a row has to say so."""
    metrics = cells.columns["metric"]
    less = LESS.intersection(map(str.casefold, {metric for metric in metrics if isinstance(metric, str)}))
    said = cells.column("lower_is_better")
    for place, metric in enumerate(metrics) if less else ():
        if isinstance(metric, str) and metric.casefold() in less and said[place] is None:
            problem = "expected one of which more is better; if more of this one is, a column lower_is_better says false"
            refused.add(cells, place, ("metric", problem, shown(metric)))


def _check_numbers(cells: Cells, refused: Refused) -> None:
    """Fractions between 0 and 1, of correlations between -1 and 1.

    A number between 0 and 1, with nothing beside it that says more, is as it should be.
    """
    columns = cells.columns
    beside = [columns[column] for column in _BY_ROW if column in columns]
    values = columns["value"] = cells.column("value")
    odd = [place for place, value in enumerate(values) if not (value.__class__ is float and 0.0 <= value <= 1.0)]
    if beside:
        odd = sorted({*odd, *(place for place, said in enumerate(zip(*beside, strict=True)) if any(one is not None for one in said))})
    if "stderr_kind" in columns:
        errors = cells.column("stderr")
        columns["stderr_kind"] = [kind if error is not None else None for kind, error in zip(columns["stderr_kind"], errors, strict=True)]
    columns |= {column: cells.column(column) for column in ("n", "stderr", "stderr_kind") if odd}
    for place in odd:
        row = cells.row(place)
        problems: list[Problem] = []
        _check_row(row, problems)
        if problems:
            refused.add(cells, place, *problems)
        for column in ("value", "n", "stderr", "stderr_kind"):
            columns[column][place] = row.get(column)
        if row.get("language") == MANY:  # of which language each example is, nothing says: they make the mean, and are not kept
            for column in {"outcomes", "answers"} & columns.keys():
                columns[column][place] = None


def _check_row(row: Row, problems: list[Problem]) -> None:
    unit = row.get("unit", "fraction")
    if not isinstance(unit, str) or unit not in _UNITS:
        problems.append(("unit", f"expected {' or '.join(_UNITS)}", shown(unit)))
        return
    less = str(row.get("lower_is_better")).strip().lower()  # True, or the word in a table
    if less not in ("none", "", "true", "false"):
        problems.append(("lower_is_better", "expected true or false", shown(row["lower_is_better"])))
        return
    if less == "true":
        problems.append(("metric", "expected one of which more is better", shown(row["metric"])))
        return
    problems += (problem for column in ("outcomes", "answers") if column in row for problem in _of_examples(column, row[column]))
    computed = _from_outcomes(row, unit, problems) if "outcomes" in row else None
    value = computed if computed is not None else _fraction(row, "value", unit)
    low = 0.0 if "outcomes" in row else least(row.get("metric"))
    if value is None or math.isnan(value):
        problems.append(("value", "expected a number", shown(row.get("value"))))
    elif not low - _ROUNDING * (low < 0) <= value <= 1 + _ROUNDING:
        hint = PERCENT if unit == "fraction" and 1 < abs(value) <= 100 and value >= 100 * low else ""
        expected = f"percent between {100 * low:.0f} and 100" if unit == "percent" else f"a fraction between {low:.0f} and 1"
        problems.append(("value", f"expected {expected}{hint}", shown(row["value"])))
    else:
        row["value"] = max(low, min(value, 1.0))
    if row.get("stderr") is None:
        row["stderr_kind"] = None
        return
    stderr = _fraction(row, "stderr", unit)
    if stderr is None or not (math.isfinite(stderr) and stderr >= 0):
        problems.append(("stderr", "expected a number of 0 or more", shown(row["stderr"])))
    row["stderr"] = abs(stderr) if stderr is not None else None  # 0.0 for -0.0, which ids would tell apart
    row["stderr_kind"] = row.get("stderr_kind") or "unknown"
    _, problem = text("stderr_kind", row["stderr_kind"])
    if problem is not None:
        problems.append(problem)


def _fraction(row: Mapping[str, Any], column: str, unit: str) -> float | None:
    """A number as a fraction; percent in decimal arithmetic, so that 54.8 is 0.548 and not 0.5479999999999999."""
    value = number(row.get(column))
    if value is None or unit == "fraction" or not math.isfinite(value):
        return value
    return float(Decimal(repr(value)) / _UNITS[unit])


def _of_examples(column: str, table: pa.Table) -> Iterator[Problem]:
    """What is wrong with the ids of examples, and their references."""
    ids = table["example_id"].to_pylist()
    if len(set(ids)) < len(ids):
        yield column, "expected examples, each once", f"{len(ids)} examples with {len(set(ids))} ids"
    for name in ("example_id", "cluster_id"):
        if without := sum(value is None or value == "" for value in table[name].to_pylist()):
            yield column, f"expected {name} for each example", f"{without} of {len(ids)} without"
    if column == "answers" and (without := table["reference"].null_count):
        yield column, "expected a reference for each example", f"{without} of {len(ids)} without"


def _from_outcomes(row: Row, unit: str, problems: list[Problem]) -> float | None:
    """A score with its examples is what they make; a printed one must agree."""
    from xbench.scoring import ratio

    table: pa.Table = row["outcomes"]
    if not table.num_rows:
        problems.append(("outcomes", "expected one or more examples", ""))
        return None
    above, below = (table[c].to_numpy() for c in ("numerator", "denominator"))
    if not (math.isfinite(above.sum()) and math.isfinite(below.sum()) and (above >= 0).all() and (above <= below).all()):
        problems.append(("outcomes", "expected shares between 0 and 1 for each example", ""))
        return None
    computed = ratio(above, below)
    said = _fraction(row, "value", unit) if row.get("value") is not None else computed
    if said is None or not abs(said - computed) <= _AGREE:
        problems.append(("value", f"expected {computed:.6g}, which its {table.num_rows} examples make", shown(row["value"])))
    row["n"] = table.num_rows
    row["value"] = computed
    return computed


def shown(value: Any) -> str:
    """A value in a message, cut if it is long."""
    found = repr(value)
    return found if len(found) <= 60 else f"{found[:57]}..."
