"""Tables as people print them: systems down, languages or tasks across; read from CSV, markdown and LaTeX alike.

A heading (xbench.headings) is a column of the long shape (model, seed, …), a language by its code or name, a mean (avg) over the languages
of the row, or a task (then the cell is a mean over its languages). A cell is a number, two numbers for two metrics (F1 / EM), a number with
its spread, or a hole. In markdown and LaTeX a line of one cell is the title of the section that follows, one that begins with # counts
something else, and languages or tasks may stand down, with systems across, or the metrics of one system.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from xbench.adapter import Note, Row, Unread
from xbench.errors import DataError
from xbench.headings import HOLES, Heading, counted, height, hint, is_header, measured, metrics_of, of_rows, understood
from xbench.languages import MANY, normal
from xbench.task import all_tasks

_NO_COLUMNS = ("means", "headings", "section")  # though a comment before a table may say them
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_SPREAD = re.compile(r"([+-]?{0})\s*+%?\s*+(?:_?\s*+±\s*({0})%?|\(\s*±\s*({0})%?\s*\))".format(r"(?:\d+[.,])?\d+|[.,]\d+"))
_LOOKS = re.compile(r"[${}]|\\(?:mathbf|mathit|textbf|textit|underline|bm|boldsymbol)(?![A-Za-z])")
_CONTINUED = re.compile(r"(?:\+|[-\u2013\u2212] |w/o?[\W_])\s*[^\W\d]")
_MARKS = " ^*†‡§¶∗⋆"  # after a number: significance, ties, notes
_COUNT = re.compile(r"#\s?[a-z]")
_SCORE = re.compile(r"\d{1,3}([.,]\d+|\s?%)")  # as it looks beside counts of sentences
_Line = tuple[str, Sequence[str]]  # where a line stands, and its cells


def read(
    headings: Sequence[Heading], lines: Sequence[_Line], settings: Mapping[str, str], *, for_people: bool = False
) -> Iterator[Row | Note]:
    """The scores of a table.

    Args:
        headings: What its columns are.
        lines: Where each line stands, and its cells, without markup; one without a name is empty.
        settings: What is said of all rows (metric: one, or two with a slash; means: computed, where means follow from the languages;
            headings: those that hold scores, with commas between them, if not all that look like it; section: the only one that is read,
            counted from 1).
        for_people: Whether a line of one cell is the title of a section, one that begins with # counts something, and another that has
            too few or too many cells is refused alone: a file for programs is cut off there.

    Raises:
        DataError: If no heading is a language or task, or one is not understood, or two say the same, or the task of a row does not have
            its language, or rows of several sections have the same labels.
    """
    headings, whole = _chosen(headings, lines, settings)
    if for_people:
        lines, notes = _without_counts(headings, lines)
        lines, more = _sections(headings, lines, settings)
        yield from notes + more + _continued(headings, lines)
    scored = [index for index, heading in enumerate(headings) if heading.scored]
    lines = [(at, [_bare(cell) if index in scored else cell for index, cell in enumerate(cells)]) for at, cells in lines]
    shown = [cells[i] for _, cells in lines for i in scored if i < len(cells)]
    unit = settings.get("unit") or ("percent" if any("%" in cell for cell in shown) or _over_one(shown) else "fraction")
    for at, cells in lines:
        if len(cells) == len(headings):
            yield from _scores(at, headings, cells, {**settings, "unit": unit}, whole)
        elif for_people:
            yield Unread(f"{len(cells)} cells, the header has {len(headings)}", at)
        else:
            raise DataError(f"{at}: {len(cells)} cells, the header has {len(headings)}")


def _scores(at: str, headings: Sequence[Heading], cells: Sequence[str], settings: Mapping[str, str], whole: bool) -> Iterator[Row]:
    """The scores of a line; `whole`: whether its languages are all that its means are over."""
    said: Row = {heading.name: cell for heading, cell in zip(headings, cells, strict=True) if heading.kind == "column" and cell}
    there = [(heading, cell) for heading, cell in zip(headings, cells, strict=True) if heading.scored and cell.lower() not in HOLES]
    for heading, cell in there:
        row = {**said, "at": f"{at}, {heading.text}", "unit": settings["unit"]}
        if heading.kind == "language":
            row["language"] = heading.name
        elif heading.kind == "mean":
            if settings.get("means") == "computed":
                continue
            over = sorted({other.name for other, _ in there if other.kind == "language" and other.target == heading.target})
            row |= {"language": MANY, "language_set": over if whole else "unknown"}
        else:
            row = {"language": settings.get("language") or MANY, **row, "target": heading.name}
        if heading.target:
            row["target"] = heading.target
        target = str(row.get("target") or settings.get("target") or "")
        called = str(row.pop("metric", "") or heading.metric or settings.get("metric", ""))
        metrics = [called] if settings.get("means") == "computed" else _metrics(called, target)
        if heading.kind == "task" and len(metrics) > 1 and "/" not in cell:  # the pair is that of other tasks
            metrics = _metrics("", target)
        yield from _cell(cell, row, metrics)


def _without_counts(headings: Sequence[Heading], lines: Sequence[_Line]) -> tuple[Sequence[_Line], list[Note]]:
    """The lines that are of systems: what is counted (`# langs.`) stands right below the headings."""
    away = list(takewhile(lambda line: len(line[1]) > 1 and _COUNT.match(line[1][0]), lines))
    notes = [f"the row {cells[0]!r} is none of a system: left out" for _, cells in away]
    if beside := dict.fromkeys(text for heading in headings if heading.scored for text in heading.beside):
        notes.append(f"nothing is stored of what else stands over its headings: {', '.join(map(repr, beside))}")
    return lines[len(away) :], [Note(text) for text in notes]


def _sections(headings: Sequence[Heading], lines: Sequence[_Line], settings: Mapping[str, str]) -> tuple[Sequence[_Line], list[Note]]:
    """The rows of the section that is asked for, or of all with a note on what their titles say, which nothing stores.

    Raises:
        DataError: If there is no such section; or rows of several have the same labels, so that only the titles tell them apart.
    """
    found: list[tuple[str, list[_Line]]] = [("before the first title", [])]
    for at, cells in lines:
        if len(cells) == 1 < len(headings):
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
        return found[int(number) - 1][1], []
    if not any(len(cells) == 1 < len(headings) for _, cells in lines):
        return lines, []
    named = [index for index, heading in enumerate(headings) if heading.kind == "column"]
    labels = [{tuple(cells[i] for i in named if i < len(cells)) for _, cells in rows} for _, rows in found]
    if twice := sorted(" ".join(label) for label, count in Counter(label for one in labels for label in one).items() if count > 1):
        raise DataError(f"{', '.join(twice)}: in several sections of the table; say which with --set section=NUMBER{listed}")
    said = f"of the titles of its sections nothing is stored; where they matter, --set section=NUMBER reads one by itself{listed}"
    return [row for _, rows in found for row in rows], [Note(said)]


def _continued(headings: Sequence[Heading], lines: Sequence[_Line]) -> list[Note]:
    """A note on rows such as `+ MNLI`, which mean the row above with something more or less, and are read by their own words alone."""
    named = [index for index, heading in enumerate(headings) if heading.name in ("model", "intermediate")]
    found = [cells[i] for _, cells in lines for i in named if i < len(cells) and _CONTINUED.match(cells[i])]
    said = f"stored by that name alone, not as the row above with it or without: {', '.join(map(repr, dict.fromkeys(found)))}"
    return [Note(said)] if found else []


def _bare(cell: str) -> str:
    """A cell of scores without what is only about its looks, and without marks after a number."""
    text = _LOOKS.sub("", cell).replace("\\pm", "±").replace("+/-", "±")
    text = re.sub(r"\\(?:d?dagger|ast|star)(?![A-Za-z])", "*", text).strip()
    return text.rstrip(_MARKS) if text.lstrip("+-.,")[:1].isdigit() else text


def _chosen(headings: Sequence[Heading], lines: Sequence[_Line], settings: Mapping[str, str]) -> tuple[Sequence[Heading], bool]:
    """What the columns are where settings choose among them, and whether all that look like languages are among them."""
    every = list(headings)
    for index in (i for i, heading in enumerate(headings) if not heading.text):
        if not any(cells[index] for _, cells in lines if index < len(cells) > 1):  # a bar too many at the end
            every[index] = replace(headings[index], kind="ignored")
    found = _only(settings["headings"], every) if "headings" in settings else every
    odd = [f"{heading.text!r}{hint(heading.text)}" for heading in found if heading.kind == "unknown"]
    if not any(heading.kind in ("language", "task") for heading in found):
        raise DataError("no heading is a language code or a task")
    if odd:
        left = _choice(heading.text for heading in found if heading.scored)
        raise DataError(f"heading {', '.join(odd)}: neither a column, nor a language, nor a task of XTREME; {left} leaves the others out")
    if "headings" not in settings:
        if settings.get("means") != "computed":  # as xbench writes tables, whose languages have scores
            _check_languages(found, lines, settings)
        if not any(heading.kind == "language" for heading in found):  # a mean over tasks follows from them
            found = [replace(heading, kind="ignored") if heading.kind == "mean" else heading for heading in found]
    same = Counter((h.kind, h.name, h.target, h.metric) for h in found if h.scored)
    if twice := [h.text for h in found if h.scored and same[h.kind, h.name, h.target, h.metric] > 1]:
        left = _choice(twice[:1]) if len(set(twice)) > 1 else "a name of its own for each"
        raise DataError(f"headings {', '.join(map(repr, twice))} are of the same scores; {left}, and so on, says which are read")
    return found, all(now == was for was, now in zip(every, found, strict=True) if was.kind == "language")


def _only(wanted: str, headings: Sequence[Heading]) -> list[Heading]:
    """What headings are where only some of them hold scores; the rest is left out, unless it says something of the row."""
    names = [name.strip() for name in wanted.split(",")]
    there = [heading.text for heading in headings if heading.scored]
    if lacking := [repr(name) for name in names if name not in there]:
        raise DataError(f"--set headings: no heading {', '.join(lacking)} is a language, a mean or a task; there are {', '.join(there)}")
    return [heading if heading.kind == "column" or heading.text in names else replace(heading, kind="ignored") for heading in headings]


def _choice(headings: Iterable[str]) -> str:
    return f"--set headings='{', '.join(headings)}'"


def _check_languages(headings: Sequence[Heading], lines: Sequence[_Line], settings: Mapping[str, str]) -> None:
    """A code that the task does not have is often another word: `lg` counts languages in a table of XNLI, which has no Luganda."""
    odd: dict[int, str] = {}
    for _, cells in lines:
        said = {heading.name: cell for heading, cell in zip(headings, cells, strict=False) if heading.kind == "column"}
        for index, heading in enumerate(headings[: len(cells)]):
            target = heading.target or said.get("target") or settings.get("target") or ""
            has = _covered().get(target)
            if not has or heading.kind != "language" or cells[index].lower() in HOLES:
                continue
            parts = normal(heading.name).split("/")
            if not has.issuperset(parts if len(parts) == 1 else {*parts} - {"en"}):  # retrieval is out of English
                odd[index] = target
    if odd:
        scored = [index for index, heading in enumerate(headings) if heading.scored]
        raise DataError(
            f"heading {', '.join(f'{headings[index].text!r}: no language of {target}' for index, target in sorted(odd.items()))}; "
            f"{_choice(headings[i].text for i in scored if i not in odd)} leaves it out, "
            f"{_choice(headings[i].text for i in scored)} takes it for one"
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a file.

    Attributes:
        at: The line where it begins.
        headings: What its columns are.
        lines: Its rows, their cells without markup.
        said: What a comment before it says; empty where there is none.
        turned: Whether languages or tasks stand down; then a line is one of its columns, which its first cell heads.
    """

    at: int
    headings: Sequence[Heading]
    lines: Sequence[_Line]
    said: Mapping[str, str]
    turned: bool = False


def grid(path: Path, at: int, raws: Sequence[Sequence[str]], lines: Sequence[_Line], said: Mapping[str, str]) -> Grid:
    """A table for people.

    Args:
        path: The file.
        at: The line where the table begins.
        raws: All its rows, the headings too.
        lines: The same without markup, and where each stands.
        said: What a comment before it says.

    Raises:
        DataError: If systems stand across, and a row has not as many cells as there are.
    """
    cells = [line for _, line in lines]
    count = max(height(cells), 1)
    headings, body = understood(cells[:count]), [(place, row(raw, line)) for raw, (place, line) in zip(raws, lines, strict=True)][count:]
    if said or is_header(headings) or not _head_down(cells):
        return Grid(at, headings, body, said)
    rows = [(place, line) for place, line in body if len(line) > 1]  # titles of groups of languages say nothing of systems
    if odd := [f"line {place} has {len(line)}" for place, line in rows if len(line) != len(headings)]:
        raise DataError(f"{path}:{at}: expected {len(headings)} cells, as in the first line; {', '.join(odd)}")
    across = [[line[i] for _, line in rows] for i in range(len(headings))]
    systems = [(f"{at}, {h.text}", [h.text, *column]) for h, column in zip(headings[1:], across[1:], strict=True)]
    return Grid(at, understood([["model", *across[0]]]), systems, said, turned=True)


def holds_scores(lines: Sequence[Sequence[str]]) -> bool:
    """Whether a table for people, from all its lines without markup, looks like one of scores."""
    return height(lines) > 0 or _head_down(lines)


def _head_down(lines: Sequence[Sequence[str]]) -> bool:
    """Whether languages or tasks stand down, with scores beside them: counts of sentences have no decimals."""
    rows = [cells for cells in lines[1:] if len(cells) > 1]
    scored = [i for i, heading in enumerate(lines[0]) if i and not counted(heading)]
    cells = [row[i] for row in rows for i in scored if i < len(row) and row[i].lower() not in HOLES]
    return of_rows(row[0] for row in rows) and 2 * sum(bool(_SCORE.search(cell)) for cell in cells) > len(cells)


def rows(path: Path, grids: Sequence[Grid], settings: Mapping[str, str]) -> Iterator[Row | Note]:
    """The scores of the tables of a file: of all that comments explain, else of the only one, or of the one that settings choose.

    Raises:
        DataError: If there is none with scores, or there are several and nothing says which.
    """
    scored = [grid for grid in grids if grid.said or (is_header(grid.headings) and not grid.turned)]
    scored = scored or [grid for grid in grids if grid.turned]
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
            said = {**settings, **grid.said}
            for row in _turned(grid, said) if grid.turned else read(grid.headings, grid.lines, said, for_people=True):
                if isinstance(row, Unread):
                    yield row
                elif isinstance(row, Note):
                    yield Note(f"table of line {grid.at}: {row.text}")
                else:
                    yield {**{column: value for column, value in grid.said.items() if column not in _NO_COLUMNS}, **row}
        except DataError as error:
            raise DataError(f"{path}:{grid.at}: {error}") from error


def _turned(grid: Grid, settings: Mapping[str, str]) -> Iterator[Row | Note]:
    """The scores of a table with languages or tasks down: its columns are systems, or metrics of the model that is said.

    Metrics may be in several units, where the table says so. Beside them a column that is neither metric nor count may be anything: it is
    refused, unless the user chose it as one of several systems.

    Raises:
        DataError: If there is such a column, or metrics of a model that is not said, or in units that are not.
    """
    columns = [cells[0] for _, cells in grid.lines if any(cells)]
    picked = "headings" in settings
    if picked and set(chosen := [name.strip() for name in settings["headings"].split(",")]) <= {*columns}:
        settings = {key: value for key, value in settings.items() if key != "headings"}
    else:
        chosen = [name for name in columns if measured(name) is not None or not counted(name)]
        if away := [repr(name) for name in columns if name not in chosen]:
            yield Note(f"{', '.join(away)}: no scores of a system, left out")
    of = {name: measured(name) for name in chosen}
    if picked and None in of.values():  # systems, one of which may be called as a metric is
        of = dict.fromkeys(of)
    metrics = [repr(name) for name, metric in of.items() if metric is not None]
    if metrics and (odd := [repr(name) for name, metric in of.items() if metric is None]):
        left = _choice(name for name, metric in of.items() if metric is not None)
        raise DataError(f"column {', '.join(odd)}: beside the metric {metrics[0]}, neither a metric nor a count; {left} leaves it out")
    if metrics and not settings.get("model"):
        raise DataError(f"columns {', '.join(metrics)} are metrics, and no column is a system; --set model=… says of which they are")
    lines = [(at, cells) for at, cells in grid.lines if cells[0] in of]
    if not metrics:
        yield from read(grid.headings, lines, settings, for_people=True)
        return
    if "unit" not in settings and (several := _units([cells for _, cells in lines])):
        raise DataError(several)
    for at, cells in lines:
        said = {**settings, "metric": of[cells[0]] or settings.get("metric", "")}
        yield from read(grid.headings, [(at, ["", *cells[1:]])], said, for_people=True)


def _over_one(cells: Iterable[str]) -> bool:
    """Whether a cell begins with a number over 1, or below -1: none of fractions does."""
    return any(abs(float(number.replace(",", "."))) > 1 for cell in cells for number in _NUMBER.findall(cell)[:1])


def _units(columns: Sequence[Sequence[str]]) -> str:
    """That nothing says whether columns (a heading, then cells) are all in percent, where some have numbers over 1 and others do not."""
    over: dict[bool, list[str]] = {}
    for heading, *cells in columns:
        shown = [bare for cell in cells if _NUMBER.search(bare := _bare(cell))]
        if shown and "%" not in "".join((heading, *cells)):
            over.setdefault(_over_one(shown), []).append(repr(heading))
    if len(over) < 2:
        return ""
    what = "--set unit=percent, or fraction, says what they are"
    return f"numbers of column {', '.join(over[True])} are over 1, and those of {', '.join(over[False])} are not; {what}"


def _listed(grids: Sequence[Grid]) -> str:
    lines = [f"table={number}: line {grid.at}, {' | '.join(h.text for h in grid.headings)[:80]}" for number, grid in enumerate(grids, 1)]
    return "".join(f"\n    {line}" for line in lines)


def row(raws: Sequence[str], cells: Sequence[str]) -> Sequence[str]:
    """The cells of a row, `raws` with their markup; one whose only text is no number has it alone: it heads those below."""
    text = "".join(cells) if sum(bool(raw.strip()) for raw in raws) == 1 else ""
    return [text] if text and not text[0].isdigit() else cells


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


def _metrics(said: str, target: str) -> list[str]:
    return metrics_of(said) or [_defaults().get(target, "")]


@lru_cache(maxsize=1)
def _defaults() -> dict[str, str]:
    return {task.name: task.metric for task in all_tasks()}


@lru_cache(maxsize=1)
def _covered() -> dict[str, frozenset[str]]:
    """The languages of the tasks that have some."""
    return {task.name: frozenset(map(normal, task.languages)) for task in all_tasks() if task.languages}
