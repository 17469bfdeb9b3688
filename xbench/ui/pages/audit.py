"""What in the store is likely to be wrong or easily misread, and what to do about it."""

import pandas as pd
import streamlit as st

from xbench import auditing
from xbench.ui import common

TITLE, ORDER, SECTION = "Audit", 80, "Evidence"
_MARKS = {"error": "✘", "warning": "▲", "note": "●"}
_MOST = 500


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "What in this store is likely to be wrong or easily misread, and what to do about it.")
    found: list[auditing.Finding] | None = common.wait(source, "The audit", ("audit",), auditing.audit)
    if found is None:
        return
    counts = {s: sum(f.severity == s for f in found) for s in auditing.SEVERITIES}
    for place, (severity, number) in zip(st.columns(3), counts.items(), strict=True):
        place.metric(f"{_MARKS[severity]} {severity}s", number)
    if not found:
        st.success("No check found anything.")
        return
    wanted = common.picks("Severity", list(auditing.SEVERITIES), "severity")
    checks: dict[str, list[auditing.Finding]] = {}
    for f in found:
        if not wanted or f.severity in wanted:
            checks.setdefault(f.check, []).append(f)
    if not checks:
        st.info("No finding is of that severity.")
        return
    for name, own in checks.items():
        with st.expander(f"{_MARKS[own[0].severity]} {common.plain(own[0].title)}: {len(own)}", expanded=len(checks) == 1):
            st.text(f"What to do: {own[0].advice}")
            shown = pd.DataFrame([{"found": f.text, **f.rows} for f in own[:_MOST]])
            common.table(shown, wide=["found"])
            if len(own) > _MOST:
                st.caption(f"The first {_MOST} of {len(own)}; `xbench audit --check {name} --json` has all.")
    every = pd.DataFrame([{"check": f.check, "severity": f.severity, "found": f.text, **f.rows} for own in checks.values() for f in own])
    common.download(every, "audit", f"Audit. xbench snapshot {source.snapshot.id}.")
