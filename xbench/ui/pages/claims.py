"""Published claims held against the store: verdict, evidence, and the study that would settle each."""

import pandas as pd
import streamlit as st

from xbench import claiming
from xbench.tables import many
from xbench.ui import common

TITLE, ORDER, SECTION = "Claims", 50, "Evidence"
_MARKS = {"supported": "✔", "contradicted": "✘", "unresolved": "?", "not testable": "–"}


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "What papers say about intermediate training, and what the numbers of this store say to it.")
    found: list[claiming.Judged] | None = common.wait(source, "The verdict on each claim", ("claims",), claiming.judge)
    if found is None:
        return
    table = pd.DataFrame(
        {
            "verdict": [f"{_MARKS[j.verdict]} {j.verdict}" for j in found],
            "claim": [j.claim.claim for j in found],
            "cells missing": [len(j.missing) for j in found],
        }
    )
    common.table(table, wide=["claim"])
    st.caption(
        "supported: all evidence that it takes is there and lies where the claim says. contradicted: some lies elsewhere. "
        "unresolved: it does not decide, or some is not there. "
        "not testable: there is none; claims about recipes need two seeds or more."
    )
    common.download(table, "claims", f"Published claims. xbench snapshot {source.snapshot.id}.")
    names = [j.claim.name for j in found]
    _one(found[names.index(common.pick("Claim", names, "claim", say=lambda n: n.replace("-", " ")))])


def _one(chosen: claiming.Judged) -> None:
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
        common.table(evidence, percent=("points", "low", "high"))
    else:
        st.info("The store has no evidence for or against it.")
    if chosen.missing:
        cells = pd.DataFrame(chosen.missing, columns=["model", "intermediate", "target", "seeds there"])
        st.markdown(f"**What would settle it**: {many(len(cells), 'cell')} with {many(chosen.claim.seeds, 'seed')} each")
        common.table(cells)
        studies = claiming.studies(chosen.claim.claim, chosen.missing, chosen.claim.seeds, chosen.made)
        for number, study in enumerate(studies, 1):
            end = f"-{number}" if len(studies) > 1 else ""
            name = f"{chosen.claim.name}{end}.yaml"
            st.download_button(f"Download study file{end.replace('-', ' ')}", study, name, "application/yaml", on_click="ignore")
