"""Markdown tables: systems down, languages across, best in bold; a comment carries what ingest needs to read them back."""

import re
from pathlib import Path

from xbench import printed
from xbench.exporting import Selection, to_file

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "†": "&dagger;", "‡": "&Dagger;"}


def write(selection: Selection, output: Path | None) -> str:
    """As markdown, or into `output`."""
    parts = []
    for table in printed.tables(selection):
        rule = [*["---"] * table.labels, *["---:"] * (len(table.header) - table.labels)]
        lines = [f"<!-- xbench {printed.comment(table)} -->", "", _line(table.header), _line(rule)]
        for (labels, cells), tied in zip(table.lines, table.tied, strict=True):
            names = [_text(label) for label in labels]
            names[0] += " †" if tied else ""
            lines.append(_line([*names, *("-" if c is None else f"**{c.text}**" if c.best else c.text for c in cells)]))
        parts.append("\n".join([*lines, "", _text(printed.caption(table, selection)), ""]))
    return to_file("\n".join(parts), output, f"{len(parts)} tables")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(label: str) -> str:
    """Without what markdown or HTML would take for markup, and ingest for a mark or for an empty cell."""
    if label == "-":
        return "\\-"
    return re.sub(r"[\\|*_`~\[\]&<>†‡]", lambda match: _ENTITIES.get(match.group(), f"\\{match.group()}"), label)
