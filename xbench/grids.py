"""Tables as people print them: systems down, languages or tasks across; read from CSV, markdown and LaTeX alike.

A heading is a column of the long shape (model, seed, …), a language by its code or name, a mean (avg) over the languages of the row, or a
task (then the cell is a mean over its languages). A cell is a number, two numbers for two metrics (F1 / EM), a number with its spread, or a
hole. In markdown and LaTeX a line of one cell is the title of the section that follows.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from xbench import share
from xbench.adapter import COLUMNS, Note, Row
from xbench.errors import DataError
from xbench.languages import MANY, known, named, normal
from xbench.task import CALLED, all_tasks

_HOLES = frozenset({"", "-", "--", "---", "–", "—", "n/a", "na", "n.a.", "none"})
_MEANS = frozenset({"avg", "avg.", "average", "mean", "all"})
_NO_COLUMNS = ("means", "headings", "section")  # though a comment before a table may say them
_SCORED = ("language", "mean", "task")  # kinds of headings
_MODELS = frozenset({"", "model", "models", "system", "method", "name"})
_IGNORED = frozenset({"rank", "#", "link", "paper", "date", "url", "reference", "ref", "code", "note", "notes"})
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_SPREAD = re.compile(r"([+-]?{0})\s*%?\s*(?:_?\s*±\s*({0})%?|\(\s*±\s*({0})%?\s*\))".format(r"(?:\d+[.,])?\d+|[.,]\d+"))
_LOOKS = re.compile(r"[${}]|\\(?:mathbf|mathit|textbf|textit|underline|bm|boldsymbol)(?![A-Za-z])")
_MARKS = " ^*†‡§¶∗⋆"  # after a number: significance, ties, notes
_SHORT = frozenset({"pos", "ner"})  # tasks, though ISO 639-3 has languages of these codes
_LANGUAGE = re.compile(r"{0}(/{0})?".format(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*"))
_Kind = tuple[str, str]  # what a heading is, and of what
_Line = tuple[str, Sequence[str]]  # where a line stands, and its cells
_METRICS = {"em": "exact_match", "exact match": "exact_match", "acc": "accuracy", "acc.": "accuracy", "accuracy": "accuracy", "f1": "f1"}


def read(header: Sequence[str], lines: Sequence[_Line], settings: Mapping[str, str], *, titles: bool = False) -> Iterator[Row | Note]:
    """The scores of a table.

    Args:
        header: The headings, without markup.
        lines: Where each line stands, and its cells, without markup; one without a name is empty.
        settings: What is said of all rows (metric: one, or two with a slash; means: computed, where means follow from the languages;
            headings: those that hold scores, with commas between them, if not all that look like it; section: the only one that is read,
            counted from 1).
        titles: Whether a line of one cell is the title of a section.

    Raises:
        DataError: If no heading is a language or task, or one is not understood, or the task of a row does not have its language, or rows
            of several sections have the same labels.
    """
    kinds, whole = _understood(header, lines, settings)
    if titles:
        lines, note = _sections(kinds, lines, settings)
        if note:
            yield note
    scored = [index for index, (kind, _) in enumerate(kinds) if kind in _SCORED]
    lines = [(at, [_bare(cell) if index in scored else cell for index, cell in enumerate(cells)]) for at, cells in lines]
    shown = [float(n.replace(",", ".")) for _, cells in lines for i in scored if i < len(cells) for n in _NUMBER.findall(cells[i])[:1]]
    signed = any("%" in cells[i] for _, cells in lines for i in scored if i < len(cells))
    unit = settings.get("unit") or ("percent" if signed or any(value > 1 for value in shown) else "fraction")
    for at, cells in lines:
        if len(cells) != len(header):
            raise DataError(f"{at}: {len(cells)} cells, the header has {len(header)}")
        said: Row = {name: cell for (kind, name), cell in zip(kinds, cells, strict=True) if kind == "column" and cell}
        there = sorted(kinds[i][1] for i in scored if kinds[i][0] == "language" and cells[i].lower() not in _HOLES)
        for index in scored:
            kind, name = kinds[index]
            if cells[index].lower() in _HOLES or (kind == "mean" and settings.get("means") == "computed"):
                continue
            row = {**said, "at": f"{at}, {header[index]}", "unit": unit}
            if kind == "language":
                row["language"] = name
            elif kind == "mean":
                row |= {"language": MANY, "language_set": there if whole else "unknown"}
            else:
                row = {"language": settings.get("language") or MANY, **row, "target": name}
            target = str(row.get("target") or settings.get("target") or "")
            metrics = _metrics(str(row.pop("metric", "") or _heading_metric(header[index]) or settings.get("metric", "")), target)
            if kind == "task" and len(metrics) > 1 and "/" not in cells[index]:  # the pair is that of other tasks
                metrics = _metrics("", target)
            yield from _cell(cells[index], row, metrics)


def _sections(kinds: Sequence[_Kind], lines: Sequence[_Line], settings: Mapping[str, str]) -> tuple[Sequence[_Line], Note | None]:
    """The rows of the section that is asked for, or of all with a note on what their titles say, which nothing stores.

    Raises:
        DataError: If there is no such section; or rows of several have the same labels, so that only the titles tell them apart.
    """
    found: list[tuple[str, list[_Line]]] = [("before the first title", [])]
    for at, cells in lines:
        if len(cells) == 1 < len(kinds):
            above, rows = found[-1]
            nested = not rows and len(found) > 1
            found[-1 if nested else len(found) :] = [(f"{above}; {cells[0]}" if nested else f"line {at}, {cells[0]}", [])]
        else:
            found[-1][1].append((at, cells))
    found = found if found[0][1] else found[1:]
    listed = "".join(
        f"\n    section={number}: {title} ({len(rows)} row{'s' * (len(rows) != 1)})" for number, (title, rows) in enumerate(found, 1)
    )
    if "section" in settings:
        number = settings["section"]
        if not number.isdecimal() or not 1 <= int(number) <= len(found):
            raise DataError(f"--set section={number}: expected 1 to {len(found)}{listed}")
        return found[int(number) - 1][1], None
    if not any(len(cells) == 1 < len(kinds) for _, cells in lines):
        return lines, None
    labels = [{tuple(c for (kind, _), c in zip(kinds, cells, strict=False) if kind == "column") for _, cells in rows} for _, rows in found]
    if twice := sorted(" ".join(label) for label, count in Counter(label for one in labels for label in one).items() if count > 1):
        raise DataError(f"{', '.join(twice)}: in several sections of the table; say which with --set section=NUMBER{listed}")
    said = f"of the titles of its sections nothing is stored; where they matter, --set section=NUMBER reads one by itself{listed}"
    return [row for _, rows in found for row in rows], Note(said)


def _bare(cell: str) -> str:
    """A cell of scores without what is only about its looks, and without marks after a number."""
    text = _LOOKS.sub("", cell).replace("\\pm", "±").replace("+/-", "±")
    text = re.sub(r"\\(?:d?dagger|ast|star)(?![A-Za-z])", "*", text).strip()
    return text.rstrip(_MARKS) if text[:1].isdigit() else text


def _understood(header: Sequence[str], lines: Sequence[_Line], settings: Mapping[str, str]) -> tuple[Sequence[_Kind], bool]:
    """The kinds of the headings, and whether all that look like languages are among them."""
    every = [_kind(name, index) for index, name in enumerate(header)]
    for index in (i for i, name in enumerate(header) if not name.strip()):
        if not any(cells[index] for _, cells in lines if index < len(cells) > 1):  # a bar too many at the end
            every[index] = ("ignored", "")
    kinds = _only(settings["headings"], header, every) if "headings" in settings else every
    odd = [f"{header[index]!r}{_hint(header[index])}" for index, (kind, _) in enumerate(kinds) if kind == "unknown"]
    if not any(kind in ("language", "task") for kind, _ in kinds):
        raise DataError("no heading is a language code or a task")
    if odd:
        left = _choice(header[index] for index, (kind, _) in enumerate(kinds) if kind in _SCORED)
        raise DataError(f"heading {', '.join(odd)}: neither a column, nor a language, nor a task of XTREME; {left} leaves the others out")
    if "headings" not in settings:
        if settings.get("means") != "computed":  # as xbench writes tables, whose languages have scores
            _check_languages(header, kinds, lines, settings)
        if not any(kind == "language" for kind, _ in kinds):  # a mean over tasks follows from them
            kinds = [("ignored", "") if kind == "mean" else (kind, name) for kind, name in kinds]
    return kinds, all(now == was for was, now in zip(every, kinds, strict=True) if was[0] == "language")


def _only(wanted: str, header: Sequence[str], kinds: Sequence[_Kind]) -> list[_Kind]:
    """What headings are where only some of them hold scores; the rest is left out, unless it says something of the row."""
    names = [name.strip() for name in wanted.split(",")]
    there = [heading.strip() for heading, (kind, _) in zip(header, kinds, strict=True) if kind in _SCORED]
    if lacking := [repr(name) for name in names if name not in there]:
        raise DataError(f"--set headings: no heading {', '.join(lacking)} is a language, a mean or a task; there are {', '.join(there)}")
    return [
        kind if kind[0] == "column" or heading.strip() in names else ("ignored", "") for heading, kind in zip(header, kinds, strict=True)
    ]


def _choice(headings: Iterable[str]) -> str:
    return f"--set headings='{', '.join(heading.strip() for heading in headings)}'"


def _check_languages(header: Sequence[str], kinds: Sequence[_Kind], lines: Sequence[_Line], settings: Mapping[str, str]) -> None:
    """A code that the task does not have is often another word: `lg` counts languages in a table of XNLI, which has no Luganda."""
    odd: dict[int, str] = {}
    for _, cells in lines:
        said = {name: cell for (kind, name), cell in zip(kinds, cells, strict=False) if kind == "column"}
        target = said.get("target") or settings.get("target") or ""
        has = _covered().get(target)
        for index, (kind, name) in enumerate(kinds[: len(cells)]):
            if not has or kind != "language" or cells[index].lower() in _HOLES:
                continue
            parts = normal(name).split("/")
            if not has.issuperset(parts if len(parts) == 1 else {*parts} - {"en"}):  # retrieval is out of English
                odd[index] = target
    if odd:
        scored = [index for index, (kind, _) in enumerate(kinds) if kind in _SCORED]
        raise DataError(
            f"heading {', '.join(f'{header[index]!r}: no language of {target}' for index, target in sorted(odd.items()))}; "
            f"{_choice(header[i] for i in scored if i not in odd)} leaves it out, {_choice(header[i] for i in scored)} takes it for one"
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a file: where it is, its cells without markup, and what a comment before it says (an empty one is none)."""

    at: int
    header: Sequence[str]
    lines: Sequence[_Line]
    said: Mapping[str, str]


def rows(path: Path, grids: Sequence[Grid], settings: Mapping[str, str]) -> Iterator[Row | Note]:
    """The scores of the tables of a file: of all that comments explain, else of the only one, or of the one that settings choose.

    Raises:
        DataError: If there is none with scores, or there are several and nothing says which.
    """
    scored = [grid for grid in grids if grid.said or is_header(grid.header)]
    if "table" in settings:
        number = settings["table"]
        if not number.isdecimal() or not 1 <= int(number) <= len(scored):
            raise DataError(f"{path}: --set table={number}: expected 1 to {len(scored)}{_listed(scored)}")
        scored = [scored[int(number) - 1]]
    elif len(scored) > 1 and not all(grid.said for grid in scored):
        raise DataError(f"{path} has {len(scored)} tables that may hold scores; say which with --set table=NUMBER{_listed(scored)}")
    if not scored:
        raise DataError(f"{path}: has no table whose headings are languages or tasks")
    for grid in scored:
        try:
            for row in read(grid.header, grid.lines, {**settings, **grid.said}, titles=True):
                if isinstance(row, Note):
                    yield Note(f"table of line {grid.at}: {row.text}")
                else:
                    yield {**{column: value for column, value in grid.said.items() if column not in _NO_COLUMNS}, **row}
        except DataError as error:
            raise DataError(f"{path}:{grid.at}: {error}") from error


def _listed(grids: Sequence[Grid]) -> str:
    lines = [f"table={number}: line {grid.at}, {' | '.join(grid.header)[:80]}" for number, grid in enumerate(grids, 1)]
    return "".join(f"\n    {line}" for line in lines)


def row(raws: Sequence[str], cells: list[str]) -> list[str]:
    """The cells of a row, `raws` with their markup; one whose only text is no number has it alone: it heads those below."""
    text = "".join(cells) if sum(bool(raw.strip()) for raw in raws) == 1 else ""
    return [text] if text and not text[0].isdigit() else cells


def is_header(headings: Sequence[str]) -> bool:
    """Whether two headings or more are languages or tasks: `id` and `no` alone are common words for other things."""
    return sum(_kind(heading, index)[0] in ("language", "task") for index, heading in enumerate(headings)) > 1


def _cell(cell: str, row: Row, metrics: list[str]) -> Iterator[Row]:
    parts = [part.strip() for part in cell.split("/")]
    if len(parts) > len(metrics):
        raise DataError(f"{row['at']}: {cell!r} holds {len(parts)} numbers; say which metrics they are, as --set metric='f1 / exact_match'")
    for part, metric in zip(parts, metrics, strict=False):
        spread = _SPREAD.fullmatch(part)
        value = (spread.group(1) if spread else part.rstrip("%").strip()).replace(",", ".")
        if value.startswith("+"):
            row = {**row, "unit": "a difference"}  # as such it is refused
        yield {**row, "metric": metric, "value": value} | (_spread(spread) if spread else {})


def _spread(found: re.Match[str]) -> Row:
    return {"stderr": (found[2] or found[3]).replace(",", "."), "stderr_kind": "unknown spread"}


def _kind(heading: str, index: int) -> _Kind:
    """What a heading is, and of what."""
    text = heading.strip()
    plain = text.lower()
    if plain in COLUMNS:
        return "column", plain
    if (plain in _MODELS and index == 0) or plain in ("model", "system"):
        return "column", "model"
    if plain in _MEANS:
        return "mean", MANY
    if plain in _IGNORED:
        return "ignored", ""
    base = re.sub(r"\([^()]*\)|\b(em|f1|acc\.?)\b|/", "", plain).strip()
    if base not in _SHORT and _LANGUAGE.fullmatch(text) and known(text):
        return "language", text
    if _tasks().get(base):
        return "task", _tasks()[base]
    if index and plain in _named():
        return "language", _named()[plain]
    return ("column", "model") if index == 0 else ("unknown", "")


def _hint(heading: str) -> str:
    """What to write in the place of a heading that may be a language in another spelling."""
    text = heading.strip()
    try:
        code = text.lower() if _LANGUAGE.fullmatch(text.lower()) and known(text.lower()) else normal(named(text))
    except (LookupError, DataError):
        return ""
    return f" (if it is the language, write {code!r})"


@lru_cache(maxsize=1)
def _named() -> dict[str, str]:
    """Codes of languages by their names in lower case, of data/languages.csv."""
    lines = csv.DictReader((share.folder("data") / "languages.csv").read_text(encoding="utf-8").splitlines())
    return {line["name"].lower(): line["language"] for line in lines}


def _heading_metric(heading: str) -> str:
    """`XQuAD (EM / F1)` says what its cells hold."""
    return " / ".join(re.findall(r"\b(em|f1|acc\.?)\b", heading.lower()))


def _metrics(said: str, target: str) -> list[str]:
    names = [_METRICS.get(part.strip().lower(), part.strip()) for part in said.split("/") if part.strip()]
    return names or [_defaults().get(target, "")]


@lru_cache(maxsize=1)
def _defaults() -> dict[str, str]:
    return {task.name: task.metric for task in all_tasks()}


@lru_cache(maxsize=1)
def _covered() -> dict[str, frozenset[str]]:
    """The languages of the tasks that have some."""
    return {task.name: frozenset(map(normal, task.languages)) for task in all_tasks() if task.languages}


@lru_cache(maxsize=1)
def _tasks() -> dict[str, str]:
    return {**{task.name: task.name for task in all_tasks() if task.suites}, **CALLED}
