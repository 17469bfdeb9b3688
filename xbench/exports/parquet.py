"""Long Parquet: one score a row, every column with its type."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xbench.adapter import COLUMNS
from xbench.errors import DataError
from xbench.exporting import Selection, write_whole

_TYPES = {"parameters": pa.int64(), "seed": pa.int64(), "n": pa.int64(), "value": pa.float64(), "stderr": pa.float64()}


def write(selection: Selection, output: Path | None) -> str:
    """Into `output`.

    Raises:
        DataError: If there is none.
    """
    if output is None:
        raise DataError("parquet is no text; say where to with --output FILE")
    rows = selection.rows()
    schema = pa.schema([(column, _TYPES.get(column, pa.string())) for column in (*COLUMNS, "run_id")])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), buffer, compression="zstd")
    write_whole(output, buffer.getvalue())
    return f"{len(rows)} scores in {output}\n"
