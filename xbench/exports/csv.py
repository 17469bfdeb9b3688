"""Long CSV: one score a row, every column; text that a spreadsheet would take for a formula begins with a quote."""

import csv
import io
from pathlib import Path

from xbench.adapter import COLUMNS
from xbench.exporting import Selection, to_file
from xbench.tables import as_text


def write(selection: Selection, output: Path | None) -> str:
    """As CSV, or into `output`."""
    rows = selection.rows()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = (*COLUMNS, "run_id")
    writer.writerow(columns)
    for row in rows:
        values = [row[column] for column in columns]
        writer.writerow(["" if v is None else as_text(v) if isinstance(v, str) else repr(v) for v in values])
    return to_file(text.getvalue(), output, f"{len(rows)} scores")
