"""Is a delta real? One intermediate task against its direct baseline: every language with its interval, and what it comes to."""

import altair as alt
import pandas as pd
import streamlit as st

from xbench import comparing
from xbench.ui import common

TITLE, ORDER, SECTION = "compare", 99, "x"

# Blue, vermilion and grey of Okabe and Ito: told apart by colour-blind readers; the shape says it too.
_COLOURS = {"helps": "#0072B2", "hurts": "#D55E00", "unresolved": "#999999"}
_SHAPES = {"helps": "triangle-up", "hurts": "triangle-down", "unresolved": "circle"}


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, "Compare")
    rows = common.frame(source, "compare")
    if rows.empty:
        st.warning(
            "The store has no result after an intermediate task, so there is nothing to compare. `xbench coverage` lists what is missing."
        )
        return
    rows["contrast"] = rows["target"] + " after " + rows["intermediate"]
    pairs = rows.groupby(["target", "intermediate"])
    for column in ("model", "metric", "train_language", "recipe_id", "dataset_revision", "source"):
        rows["contrast"] += (" · " + rows[column].astype(str)).where(pairs[column].transform("nunique") > 1, "")
    chosen = common.pick("Target after intermediate", sorted(rows["contrast"].unique()), "contrast")
    shown = rows[rows["contrast"] == chosen]
    tested = shown[shown["status"] == "tested"]
    if tested.empty:
        st.warning(str(shown["status"].iloc[0]))
        return
    records = [{str(k): v for k, v in row.items()} for row in shown.to_dict("records")]
    st.markdown(f"**{comparing.sentence(records)}**")
    st.altair_chart(_forest(tested), width="stretch")
    adjusted = tested["p_adjusted"].astype(float).fillna(tested["p"].astype(float))
    table = pd.DataFrame(
        {
            "language": tested["language"],
            "direct %": 100 * tested["against_value"].astype(float),
            "delta": 100 * tested["delta"].astype(float),
            "low": 100 * tested["low"].astype(float),
            "high": 100 * tested["high"].astype(float),
            "p": adjusted,
            "detectable": 100 * tested["detectable"].astype(float),
            "examples": tested["n"].astype(int),
            "seeds": tested["seeds"].astype(int),
            "verdict": tested["verdict"],
        }
    )
    number = st.column_config.NumberColumn(format="%.1f")
    columns = {
        **dict.fromkeys(("direct %", "delta", "low", "high", "detectable"), number),
        "p": st.column_config.NumberColumn(format="%.3f"),
    }
    st.dataframe(table, hide_index=True, width="stretch", column_config=columns)
    st.caption(
        "Points against the direct baseline, with 95 % intervals by the delta method: clustered by item, and with two seeds or more over "
        "items and seeds together. p of a language is adjusted over the languages, that of the "
        "mean over the contrasts with the same baseline (Holm). detectable: the "
        "smallest true difference that would have been found with 80 % power. unresolved is not the same as no effect."
    )
    common.download(shown.drop(columns="contrast"), "compare")


def _forest(tested: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """A line a language: the delta and its interval around 0, the mean at the end."""
    data = pd.DataFrame(
        {
            "language": tested["language"],
            "delta": 100 * tested["delta"].astype(float),
            "low": 100 * tested["low"].astype(float),
            "high": 100 * tested["high"].astype(float),
            "verdict": tested["verdict"],
        }
    )
    order = [*sorted(set(data["language"]) - {comparing.MEAN}), comparing.MEAN]
    colour = alt.Color("verdict:N", scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())), title=None)
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values())), title=None)
    base = alt.Chart(data).encode(y=alt.Y("language:N", sort=order, title=None), color=colour)
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title="points against the direct baseline"), x2="high:Q")
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x="delta:Q", shape=shape, tooltip=["language", "delta", "low", "high", "verdict"]
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4], color="#777777").encode(x="x:Q")
    return alt.layer(zero, lines, dots).properties(height=28 * len(data) + 40)
