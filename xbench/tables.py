"""How rows are printed: for people with rich, for programs as JSON (a list of flat objects) or CSV."""

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, TypeVar

from rich import box
from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.table import Table

_WIDE = 160  # characters, where there is no terminal to fit
_WORD = 24  # so long may a word be that is never broken
Row = Mapping[str, Any]
R = TypeVar("R", bound=Row)
# Text of data and paths is printed as it is: neither [markup], nor :emoji:, nor folded.
LOG = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
Form = Literal["text", "json", "csv"]


def emit(rows: Sequence[Row], form: Form, columns: Sequence[str] = ()) -> None:
    """Write rows to stdout as JSON or CSV.

    Args:
        rows: The first has every column.
        form: json or csv.
        columns: Those of CSV where there are no rows: it is a header alone then.
    """
    if form == "json":
        clean = [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()} for row in rows]
        sys.stdout.write(json.dumps(clean, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows([{k: as_text(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows])
        sys.stdout.write(text.getvalue())


def many(count: int, noun: str) -> str:
    """`1 cell`, `2 cells`, `2 families`."""
    return f"{count:,} {noun if count == 1 else noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def as_text(cell: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "", left: int = 1) -> None:
    """Print a table for people; the first `left` columns are left-aligned, the others right.

    What does not fit is folded between words and numbers. If that is not enough, a terminal shows a block of lines a row, and a file or
    pipe has longer lines.
    """
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False, width=None if terminal else _WIDE)
    console.print(title, style="bold", soft_wrap=True)
    cells = [[name, *(row[i] for row in rows)] for i, name in enumerate(columns)]
    for padding in (1, 0):
        between = 2 + (2 * padding + 1) * (len(columns) - 1)  # and at the sides
        widths = _widths(cells, console.width - between)
        if sum(widths) + between <= console.width or not terminal:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, padding))
            for i, (name, width) in enumerate(zip(columns, widths, strict=True)):
                table.add_column(_folded(name, width), justify="left" if i < left else "right", overflow="fold", width=width)
            for row in rows:
                table.add_row(*map(_folded, row, widths))
            console.width = max(console.width, sum(widths) + between)
            console.print(table)
            break
    else:
        _show_blocks(console, columns, rows)
    if note:
        console.print(note, style="dim")
        console.print()


def _show_blocks(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Every row as lines of column and value; what is empty is left out."""
    console.print()
    for row in rows:
        lines = [(name, cell) for name, cell in zip(columns, row, strict=True) if cell] or [("", "")]
        widths = _widths([[name for name, _ in lines], [cell for _, cell in lines]], console.width - 2)
        grid = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            grid.add_column(overflow="fold", width=width)
        for i, line in enumerate(lines):
            grid.add_row(*map(_folded, line, widths), style="bold" if i == 0 else "")
        console.print(grid)
        console.print()


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns of cells that come to `room` at most, or the least at which no number or word is broken."""
    widths = [max(map(cell_len, cells)) for cells in columns]
    least = [max(min(cell_len(part), _WORD) for cell in cells for part in _parts(cell)) for cells in columns]
    while sum(widths) > room and widths != least:
        widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _folded(cell: str, width: int) -> str:
    """A cell in lines of at most `width`."""
    if cell_len(cell) <= width:
        return cell
    lines = [""]
    for word in _words(cell):
        space = " " if lines[-1] else ""
        parts = [word] if cell_len(word) <= width else [piece for part in _parts(word) for piece in chop_cells(part, width)]
        for part in parts:
            if cell_len(lines[-1] + space + part) <= width:
                lines[-1] += space + part
            else:
                lines.append(part)
            space = ""
    return "\n".join(lines)


def _words(cell: str) -> list[str]:
    """What stands between spaces; an interval is one word."""
    return re.findall(r"\[[-+.\d]+, [-+.\d]+\]|\S+", cell)


def _parts(cell: str) -> list[str]:
    """Words, and the words of long names; at least one."""
    return [part for word in _words(cell) for part in re.split(r"(?<=\w[-/_+])(?=[^\W\d])", word)] or [""]


def percent(value: float | None, digits: int = 1) -> str:
    """A stored fraction as percent, `-` where there is none."""
    return "-" if value is None or not math.isfinite(value) else decimal(100 * value, digits)


def points(value: float | None, spread: float | None = None) -> str:
    """A stored difference in points with its sign, and the standard deviation over seeds where there is one."""
    if value is None or not math.isfinite(value):
        return "-"
    return signed(value) + (f" ±{percent(spread)}" if spread is not None and math.isfinite(spread) else "")


def signed(value: float) -> str:
    """A fraction in points with its sign; what only the rounding of sums has left is +0.0, not -0.0."""
    return f"{_rounded(100 * value, 1):+}"


def decimal(value: float, digits: int = 1) -> str:
    """A number with so many digits after the point, as the app shows it: browsers take halves away from zero."""
    return str(_rounded(value, digits))


def _rounded(value: float, digits: int) -> Decimal:
    exact = Decimal(round(float(value), max(9, digits))) + 0  # without what the order of a sum has left, which is no -0.0
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def apart(rows: Sequence[Row], usual: Sequence[str], more: Sequence[str], beside: Sequence[str] = ()) -> list[str]:
    """The columns that tell rows apart: the usual ones that differ, and of `more` those without which two rows would have one name.

    Args:
        rows: Of which no two are the same in all these columns.
        usual: Columns that are named wherever they differ.
        more: Columns that are named where that is not enough.
        beside: Columns that are shown anyway.
    """
    found = [c for c in usual if len({r[c] for r in rows}) > 1]
    for column in more:
        if len({tuple(r[c] for c in (*beside, *found)) for r in rows}) == len(rows):
            break
        if len({r[column] for r in rows}) > 1:
            found.append(column)
    return found


def grouped(rows: Sequence[R], columns: Sequence[str]) -> list[list[R]]:
    """The rows that agree in `columns`, together, in the order in which the groups first appear."""
    groups: dict[tuple[Any, ...], list[R]] = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in columns), []).append(row)
    return list(groups.values())
