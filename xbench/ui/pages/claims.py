"""Published claims held against the store: verdict, evidence, and the study that would settle each."""

import pandas as pd
import streamlit as st

from xbench import claiming
from xbench.errors import XbenchError
from xbench.places import place
from xbench.ui import common

TITLE, ORDER, SECTION = "claims", 99, "x"

_MARKS = {"supported": "✔", "contradicted": "✘", "unresolved": "?", "not testable": "–"}


@st.cache_data(show_spinner="judging the claims")
def _judged(root: str, stamp: float) -> list[claiming.Judged]:
    return claiming.judge(place(root))


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, "Claims")
    try:
        found = _judged(str(source.root), source.stamp)
    except XbenchError as error:
        st.error(str(error))
        return
    table = pd.DataFrame(
        {
            "verdict": [f"{_MARKS[j.verdict]} {j.verdict}" for j in found],
            "claim": [j.claim.claim for j in found],
            "cells missing": [len(j.missing) for j in found],
        }
    )
    st.dataframe(table, hide_index=True, width="stretch", column_config={"claim": st.column_config.TextColumn(width="large")})
    st.caption(
        "supported: all evidence lies where the claim says. contradicted: some lies elsewhere. unresolved: it does not decide. "
        "not testable: there is none; claims about recipes need two seeds or more."
    )
    names = [j.claim.name for j in found]
    chosen = found[names.index(common.pick("Claim", names, "claim"))]
    # Text from claim files and stores is shown as it is, never as markdown.
    st.text(chosen.claim.claim)
    st.text(f"Verdict: {chosen.verdict}\nSource: {chosen.claim.source}" + (f"\n{chosen.claim.note}" if chosen.claim.note else ""))
    if chosen.evidence:
        evidence = pd.DataFrame(
            {
                "evidence": [e.evidence for e in chosen.evidence],
                "points": [None if e.value is None else 100 * e.value for e in chosen.evidence],
                "low": [None if e.low is None else 100 * e.low for e in chosen.evidence],
                "high": [None if e.high is None else 100 * e.high for e in chosen.evidence],
                "alone": [e.verdict if e.decides else "(context)" for e in chosen.evidence],
            }
        )
        number = st.column_config.NumberColumn(format="%.1f")
        st.dataframe(evidence, hide_index=True, width="stretch", column_config=dict.fromkeys(("points", "low", "high"), number))
    else:
        st.info("The store has no evidence for or against it.")
    if chosen.missing:
        cells = pd.DataFrame(chosen.missing, columns=["model", "intermediate", "target", "seeds there"])
        st.markdown(f"**What would settle it**: {len(cells)} cells with {chosen.claim.seeds} seeds each")
        st.dataframe(cells, hide_index=True, width="stretch")
        study = claiming.study(chosen.claim.claim, chosen.missing, chosen.claim.seeds)
        st.download_button("Download study file", study, f"{chosen.claim.name}.yaml", "application/yaml")
