"""Wide tables: CSV, TSV or Parquet with a column a language (or a task), one line a system.

Target, metric, intermediate and source stand in columns of their own or are said with --set. Numbers over 1 make a table one of percent.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from xbench import grids, headings
from xbench.adapter import Note, Options, Row, read_text
from xbench.errors import DataError

SUFFIXES = (".csv", ".parquet", ".tsv")
EXAMPLE = "table.csv: model,en,de,sw with --set target=xnli --set metric=accuracy --set intermediate=none --set source=…"


def recognises(path: Path, head: bytes) -> bool:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return _fits(list(pq.read_schema(path).names))
        except (pa.ArrowException, OSError):
            return False
    lines = head.decode("utf-8-sig", "replace").splitlines()[:1]
    return bool(lines) and _fits(lines[0].split("\t" if path.suffix == ".tsv" else ","))


def _fits(header: list[str]) -> bool:
    names = [name.strip().strip('"') for name in header]
    return "value" not in map(str.lower, names) and headings.is_header(headings.understood([names]))


def read(path: Path, options: Options) -> Iterator[Row | Note]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        lines = [["" if v in (None, "-") else str(v) for v in row.values()] for row in table.to_pylist()]
        header = list(table.column_names)
        yield from grids.read(headings.understood([header]), [(f"row {i}", line) for i, line in enumerate(lines, 1)], options.settings)
        return
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    try:
        cells = [(str(reader.line_num), ["" if cell.strip() == "-" else cell.strip() for cell in line]) for line in reader if line]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: cannot be read as CSV: {error}") from error
    try:
        yield from grids.read(headings.understood([header]), cells, options.settings)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
