"""Long tables: CSV, TSV or Parquet with one score a row, in columns named as `xbench adapters` prints them.

model, intermediate, target, language, metric, value and source must be there (in CSV in capitals or not), or be said with --set. `value`
is a fraction, or percent where a column `unit` says so; `intermediate` is `none` for a direct baseline.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from xbench.adapter import COLUMNS, Options, Row, read_text
from xbench.errors import DataError

SUFFIXES = (".csv", ".parquet", ".tsv")
EXAMPLE = "scores.csv: model,intermediate,target,language,metric,value,source"
_NEEDED = {"language", "value"}  # what tells this shape from a table with a column a language


def recognises(path: Path, head: bytes) -> bool:
    if path.suffix == ".parquet":
        return set(_schema(path)) >= _NEEDED
    first = head.decode("utf-8-sig", "replace").splitlines()[:1]
    return bool(first) and {_name(c.strip().strip('"')) for c in first[0].split("\t" if path.suffix == ".tsv" else ",")} >= _NEEDED


def _name(heading: str) -> str:
    """A column whether it is written with capitals or not."""
    return heading.lower() if heading.lower() in (*COLUMNS, "unit", "lower_is_better") else heading


def read(path: Path, options: Options) -> Iterator[Row]:
    """The rows; a line with too many or too few cells refuses the file, since its columns may have slipped."""
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    text = read_text(path)
    header = [_name(name.strip()) for name in next(_lines(path, text), (0, []))[1]]
    double = sorted({name for name in header if header.count(name) > 1})
    if double or not header:
        raise DataError(f"{path}:1: " + (f"column {', '.join(double)} is there twice" if double else "has no header"))
    slipped = [f"{path}:{at}: {len(c)} cells, the header has {len(header)}" for at, c in _lines(path, text) if len(c) != len(header)]
    if slipped:
        raise DataError(f"{path} is refused", slipped[:50])
    for number, (at, cells) in enumerate(_lines(path, text)):
        if number:
            # A quote keeps spreadsheets from taking a text for a formula, as `xbench export` writes it; it is not part of the text.
            values = [cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell for cell in map(str.strip, cells)]
            yield {**dict(zip(header, values, strict=True)), "at": str(at)}


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines with their numbers; empty ones are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: cannot be read as CSV: {error}") from error


def _schema(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    count = 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            count += 1
            yield {**{c: v for c, v in row.items() if c not in ("outcomes", "answers")}, "at": f"row {count}"}
