"""Intermediate task by language: what it changed against the direct baseline of the same seed."""

import altair as alt
import pandas as pd
import streamlit as st

from xbench.languages import MANY
from xbench.ui import common

_SYSTEM = ["model", "model_revision", "dataset_revision", "recipe_id", "stack", "source"]


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, "Transfer map")
    rows = common.frame(source, "transfer_summary")
    if rows.empty:
        st.warning(
            "No run with an intermediate task is in this store, so there is no transfer to show. `xbench run` makes some, "
            "`xbench ingest external-results` brings results made elsewhere."
        )
        return
    rows["column"] = common.column_labels(rows)
    chosen = common.pick("Target and metric", sorted(rows["column"].unique()), "target")
    rows = rows[rows["column"] == chosen]
    for system, group in rows.groupby(_SYSTEM, dropna=False):
        said = dict(zip(_SYSTEM, system if isinstance(system, tuple) else (system,), strict=False))
        st.subheader(f"{common.plain(said['model'])} ({common.plain(said['model_revision'])})")
        st.caption(f"source: {common.plain(said['source'])}")
        _map(group)
        _means(source, group)
    common.download(rows.drop(columns="column"), "transfer")


def _map(group: pd.DataFrame) -> None:
    data = group.assign(
        language=group["language"].replace(MANY, "mean as printed"),
        points=100 * group["delta"].astype(float),
        sd=100 * group["delta_sd"].astype(float),
        direct=100 * group["direct_value"].astype(float),
        label=[f"{100 * d:+.1f}" if pd.notna(d) else "no baseline" for d in group["delta"]],
        agree=[
            f"up in {u}, down in {d} of {s} seeds" for u, d, s in zip(group["seeds_up"], group["seeds_down"], group["seeds"], strict=True)
        ],
    )[["language", "intermediate", "points", "sd", "direct", "label", "agree", "n", "seeds", "status"]]
    limit = max(1.0, float(data["points"].abs().max() or 0))
    base = alt.Chart(data).encode(
        x=alt.X("language:N", title="language", axis=alt.Axis(labelAngle=0)), y=alt.Y("intermediate:N", title=None)
    )
    cells = base.mark_rect().encode(
        color=alt.condition(
            "isValid(datum.points)",
            alt.Color("points:Q", title="points", scale=alt.Scale(scheme="blueorange", domain=[-limit, limit], domainMid=0, reverse=True)),
            alt.value("#cccccc"),
        ),
        tooltip=["language", "intermediate", "points", "sd", "direct", "agree", "n", "seeds", "status"],
    )
    text = base.mark_text(fontSize=12).encode(
        text="label:N", color=alt.condition(f"abs(datum.points) > {0.6 * limit}", alt.value("white"), alt.value("black"))
    )
    st.altair_chart((cells + text).properties(height=alt.Step(44)), width="stretch")
    st.caption(
        "Points against the direct baseline of the same seed, mean over seeds; blue is better, orange worse, grey has no baseline. "
        "Hover for the spread over seeds and the number of test examples. A colour is not a significance test."
    )


def _means(source: common.Source, group: pd.DataFrame) -> None:
    means = common.frame(source, "transfer_mean")
    if means.empty:
        return
    keys = ["target", "metric", "scorer", *_SYSTEM]
    own = means.merge(group[keys].drop_duplicates(), on=keys)
    table = pd.DataFrame(
        {
            "intermediate": own["intermediate"],
            "zero-shot mean, points": 100 * own["delta"].astype(float),
            "± seeds": 100 * own["delta_sd"].astype(float),
            "direct %": 100 * own["direct_value"].astype(float),
            "languages up in every seed": own["languages_up"],
            "down in every seed": own["languages_down"],
            "languages": [
                f"{a}/{int(b) if pd.notna(b) else '?'}" for a, b in zip(own["languages"], own["languages_expected"], strict=True)
            ],
            "seeds": own["seeds"],
        }
    )
    number = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        table, hide_index=True, width="stretch", column_config=dict.fromkeys(("zero-shot mean, points", "± seeds", "direct %"), number)
    )
