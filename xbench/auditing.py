"""`xbench audit`: what in a store is likely to be wrong or easily misread. One check is one file of audits/.

A check is a SELECT over tables and views whose column `finding` says what was found; its other columns name the rows. Its first comment is
`-- SEVERITY: TITLE` (error, warning or note), its second `-- do: WHAT TO DO`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from xbench import plugins, store
from xbench.errors import PluginError, StoreError, meant

AUDITS = Path(__file__).parent / "audits"
SEVERITIES = ("error", "warning", "note")
_HEAD = re.compile(r"-- (error|warning|note): (.+)\n-- do: ((?:.+)(?:\n-- .+)*)\n")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        check: Name of the check.
        severity: error (cannot be right), warning (is probably wrong or misleads), note (is worth knowing).
        title, advice: What the check looks for, and what to do about it.
        rows: The columns that name the rows.
        text: What was found.
    """

    check: str
    severity: str
    title: str
    advice: str
    rows: dict[str, Any]
    text: str


def audit(root: Path | duckdb.DuckDBPyConnection, only: str | None = None) -> list[Finding]:
    """Every finding of every check, errors first.

    Args:
        root: The store.
        only: Name of one check.

    Raises:
        PluginError: If there is no such check, or one has no proper head.
        StoreError: If a file of the store cannot be read.
    """
    names = plugins.names(AUDITS, ".sql")
    if only is not None and only not in names:
        raise PluginError(f"no check is called {only!r}; there are: {', '.join(names)}{meant(only, names)}")
    found: list[Finding] = []
    with store.reading(root) as con:
        for name in names if only is None else [only]:
            found += _run(con, name)
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.check))


def _run(con: duckdb.DuckDBPyConnection, name: str) -> list[Finding]:
    text = plugins.path(AUDITS, name, ".sql").read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None:
        raise PluginError(f"audits/{name}.sql: expected '-- error|warning|note: title' and '-- do: advice' on top")
    try:
        result = con.execute(f"SELECT * FROM ({text[head.end() :]}) ORDER BY ALL")
        columns = [d[0] for d in result.description or []]
        rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    except duckdb.Error as error:
        raise StoreError(f"check {name!r} failed", [" ".join(str(error).split())]) from error
    severity, title = head.group(1), head.group(2)
    advice = " ".join(line.removeprefix("-- ") for line in head.group(3).splitlines())
    return [
        Finding(name, severity, title, advice, {c: v for c, v in row.items() if c != "finding" and v is not None}, str(row["finding"]))
        for row in rows
    ]
