"""Upload results: what they would change is shown first, then they are added. Only where the server was started with XBENCH_UPLOADS=1."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from xbench import adapter, ingesting, rows
from xbench.adapter import Options
from xbench.errors import XbenchError
from xbench.ui import common, stores

TITLE, ORDER, SECTION = "Add results", 90, "Maintain"
LARGEST = 20 << 20  # bytes a file, whatever the server allows
_DETECT = "detect it"
_MOST = 500
_FEW = 8  # reasons and notes
# What --set says on the command line: first what tables of papers mostly leave open. A number is never said for a whole file.
_FIRST = ("target", "metric", "intermediate", "source", "model", "train_language", "split", "unit", "table", "section", "headings")
_SAYABLE = tuple(c for c in (*adapter.COLUMNS, *adapter.OTHER_SETTINGS) if c not in ("value", "n", "stderr", "stderr_kind"))
_FIELDS = (*_FIRST, *(c for c in _SAYABLE if c not in _FIRST))


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(
        source, TITLE, "Results made elsewhere, in any format that `xbench adapters` lists. What they would change is shown first."
    )
    if not common.uploads():
        st.error("This server takes no uploads. Who runs it can start it with XBENCH_UPLOADS=1.")
        return
    root = stores.root()
    form = common.pick("Format", [_DETECT, *adapter.names()], "format")
    files = st.file_uploader("Files", accept_multiple_files=True)
    settings = _settings()
    if not files:
        st.caption(f"Up to {LARGEST >> 20} MB a file. Nothing in a file is run: pickles are refused, archives are unpacked with limits.")
        return
    given = [(f.name, f.getvalue()) for f in files]
    try:
        report = take(given, root, None if form == _DETECT else form, settings, dry_run=True)
    except XbenchError as error:
        st.error(common.plain(error))
        return
    _show(report)
    new = report.cells["new"] + report.cells["changed"]
    if not sum(report.cells.values()):
        st.error("Nothing in it can be stored: no score could be read, for the reasons above. What is empty can be said in the fields.")
        return
    if not new:
        st.info("Nothing that could be read is new to the store.")
        return
    if st.button(f"Add {new} rows to the store", type="primary"):
        done = take(given, root, None if form == _DETECT else form, settings, dry_run=False)
        st.success(f"{done.cells['new']} new and {done.cells['changed']} changed rows are stored, in {done.runs} runs.")
        st.session_state.pop("snapshot", None)
        st.caption("Every page shows them from its next visit on; links to earlier snapshots show what they showed.")


def _settings() -> dict[str, str]:
    """What the reader says for rows whose file does not say it: the fields that are filled."""
    with st.expander("What the files do not say"), st.form("said"):
        st.caption("As --set does on the command line: for rows that say nothing of it, and never against what a file says.")
        spots = st.columns(4)
        said = {column: spots[place % 4].text_input(column, key=f"set-{column}").strip() for place, column in enumerate(_FIELDS)}
        st.form_submit_button("Read with these")
    return {column: value for column, value in said.items() if value}


def take(
    files: list[tuple[str, bytes]], root: Path, form: str | None, settings: Mapping[str, str] | None = None, *, dry_run: bool
) -> ingesting.Report:
    """Ingest uploaded files through a folder of their own.

    Args:
        files: (name, content); of the name only its last part counts, without what no file name needs.
        root: The store.
        form: The adapter; None to find out.
        settings: Columns for rows whose file does not say them.
        dry_run: Compare, and write nothing.

    Raises:
        XbenchError: If a file is too large, or there is no such adapter or setting.
    """
    large = [f"{name}: {len(content) >> 20} MB" for name, content in files if len(content) > LARGEST]
    if large:
        raise XbenchError(f"a file may have {LARGEST >> 20} MB here; `xbench ingest external-results` takes larger ones", large)
    with tempfile.TemporaryDirectory(prefix="xbench-upload-") as folder:
        paths = []
        for number, (name, content) in enumerate(files):
            own = Path(folder) / str(number)  # two files may have one name
            own.mkdir()
            path = own / safe(name)
            path.write_bytes(content)
            paths.append(path)
        report = ingesting.ingest(paths, root, form, Options(settings=settings or {}), dry_run=dry_run)
        ours = re.compile(rf"{re.escape(folder)}/\d+/")
        report.refusals = [replace(r, path=ours.sub("", r.path), expected=ours.sub("", r.expected)) for r in report.refusals]
        report.notes = [ours.sub("", note) for note in report.notes]
        return report


def safe(name: str) -> str:
    """The last part of a file name, without control characters, separators and leading dots."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\-() ]", "_", last).lstrip(". ")[-120:] or "upload"


def _show(report: ingesting.Report) -> None:
    """What would come of it."""
    for spot, (what, number) in zip(
        st.columns(5),
        {**{k: report.cells[k] for k in ("new", "changed", "identical", "older")}, "refused": len(report.refusals)}.items(),
        strict=True,
    ):
        spot.metric(what, number)
    st.text("Formats: " + (", ".join(f"{name} ({n} files)" for name, n in report.files.items()) or "none could be read"))
    for said in (*report.doubts(), *report.notes[:_FEW]):
        st.warning(common.plain(said))
    if len(report.notes) > _FEW:
        st.caption(f"And {len(report.notes) - _FEW} more such notes.")
    if report.targets:
        common.table(pd.DataFrame(report.targets.items(), columns=["task", "rows"]).head(_MOST))
    for title, found in (("Changed numbers", report.changes), ("Replaced by others: nothing is written; old is what counts", report.older)):
        if found:
            st.subheader(title)
            changes = pd.DataFrame([asdict(c) for c in found[:_MOST]]).astype({"old": float})
            common.table(changes.assign(old=100 * changes["old"], new=100 * changes["new"]), percent=("old", "new"))
    if report.refusals:
        st.subheader("Refused")
        reasons = list(rows.by_reason(report.refusals))
        st.text("\n".join(f"{count} x {reason}" for reason, count in reasons[:_FEW]))
        refused = pd.DataFrame(
            [{"file": r.path, "at": r.at, "column": r.column, "expected": r.expected, "found": r.found} for r in report.refusals[:_MOST]]
        )
        common.table(refused, wide=["expected"])
        if len(report.refusals) > _MOST:
            st.caption(f"The first {_MOST} of {len(report.refusals)}.")
