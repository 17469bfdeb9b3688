"""Long tables: CSV with one score a row.

Row shape: the columns that xbench.ingesting.COLUMNS names, in any order; model, intermediate, target, language, metric, value
and source must be there. `value` is a fraction between 0 and 1. `intermediate` is `none` for a direct baseline.
"""

import csv
from pathlib import Path
from typing import Any

from xbench.errors import DataError

suffixes = (".csv",)
_NUMBERS = {"value": float, "stderr": float, "n": int, "seed": int, "parameters": int}


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of `path`; empty cells are None.

    Raises:
        DataError: If a line has the wrong number of cells, or a number is none; all lines at once.
    """
    problems: list[str] = []
    rows: list[dict[str, Any]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle, strict=True)
            header = next(reader, [])
            for cells in reader:
                if len(cells) != len(header):
                    problems.append(f"{path}:{reader.line_num}: {len(cells)} cells, the header has {len(header)}")
                    continue
                rows.append(_row(path, reader.line_num, dict(zip(header, cells, strict=True)), problems))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    if problems:
        raise DataError(f"{path} is refused", problems[:50])
    return rows


def _row(path: Path, line: int, cells: dict[str, str], problems: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, text in cells.items():
        cell = text.strip()
        try:
            row[column] = (_NUMBERS[column](cell) if column in _NUMBERS else cell) if cell else None
        except ValueError:
            problems.append(f"{path}:{line}: column {column!r} is {cell!r}, expected {_NUMBERS[column].__name__}")
    return row
