"""`xbench audit`: what in a store is likely to be wrong or easily misread. One check is one file of audits/.

A check is a SELECT over tables and views whose column `finding` says what was found; its other columns name the rows. Its first comment is
`-- SEVERITY: TITLE` (error, warning or note), its second `-- do: WHAT TO DO`. A row whose `finding` is NULL is none.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from xbench import plugins, store
from xbench.errors import PluginError, meant

AUDITS = Path(__file__).parent / "audits"
SEVERITIES = ("error", "warning", "note")
_LAST = re.compile(r";(?=(?:\s|--[^\n]*(?:\n|\Z))*\Z)")  # a semicolon with nothing but comments after it
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
    """Every finding of every check, errors first; a check that cannot be run is an error too, and silences no other.

    Args:
        root: The store.
        only: Name of one check.

    Raises:
        PluginError: If there is no such check, or the only one cannot be run.
        StoreError: If the store cannot be opened.
    """
    found, failed = _all(root, only)
    if failed and only is not None:
        raise PluginError("the check cannot be run", list(failed.values()))
    advice = "mend the file of the check, or the file of the store that it names; the other checks were run"
    found += [Finding(name, "error", "a check that cannot be run", advice, {}, why) for name, why in failed.items()]
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.check))


def _all(root: Path | duckdb.DuckDBPyConnection, only: str | None = None) -> tuple[list[Finding], dict[str, str]]:
    """The findings of the checks that can be run; and of the others, by name, `FILE:LINE: why not`."""
    names = plugins.names(AUDITS, ".sql")
    if only is not None and only not in names:
        raise PluginError(f"no check is called {only!r}; there are: {', '.join(names)}{meant(only, names)}")
    found: list[Finding] = []
    failed: dict[str, str] = {}
    with store.reading(root) as con:
        for name in names if only is None else [only]:
            try:
                found += _run(con, name)
            except PluginError as error:
                failed[name] = error.headline
    return found, failed


def _run(con: duckdb.DuckDBPyConnection, name: str) -> list[Finding]:
    file = plugins.path(AUDITS, name, ".sql")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{file}: cannot be read: {error}") from error
    head = _HEAD.match(text)
    if head is None:
        raise PluginError(f"{file}:1: expected '-- error|warning|note: title' and '-- do: advice' on top")
    above = "\n" * head.group().count("\n")  # DuckDB counts lines as the file has them
    try:
        result = con.execute(f"SELECT * FROM ({above}{_LAST.sub(' ', text[head.end() :])}\n) ORDER BY ALL")
        columns = [d[0] for d in result.description or []]
        rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    except duckdb.Error as error:
        raise PluginError(plugins.told_of_sql(error, file)) from error
    if "finding" not in columns:
        raise PluginError(f"{file}: column `finding` is missing; its SELECT has {', '.join(columns)}")
    severity, title = head.group(1), head.group(2)
    advice = " ".join(line.removeprefix("-- ") for line in head.group(3).splitlines())
    return [
        Finding(name, severity, title, advice, {c: v for c, v in row.items() if c != "finding" and v is not None}, str(row["finding"]))
        for row in rows
        if row["finding"] is not None
    ]
