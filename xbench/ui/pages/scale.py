"""Does transfer change with the size of the encoder?"""

from functools import partial

import pandas as pd
import streamlit as st

from xbench import comparing, contrasts, pairing, scales
from xbench.languages import called
from xbench.ui import common, deltas
from xbench.ui.lazily import alt

TITLE = "Scale"
ORDER = 40
SECTION = "Transfer"
_SAME = [f for f in pairing.SYSTEM if f not in ("model", "model_revision", "intermediate", "intermediate_revision")]
_OF = {"model_revision": "model", "intermediate_revision": "intermediate"}


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "The mean over languages of what an intermediate task changes, against the number of parameters.")
    column = deltas.choose_column(source, transfer=True)
    if column is None:
        st.info(deltas.NO_TRANSFER)
        return
    systems = common.systems_of(source, column.column_id)
    tasks = sorted(systems.loc[systems["intermediate"] != pairing.DIRECT, "intermediate"].unique())
    chosen = common.picks("Intermediate tasks (none chosen: all)", tasks, "intermediates")
    data = deltas.compared(source, column, {}, comparing.TO_DIRECT, "mean")
    if data is None:
        return
    shown = data[data["intermediate"].isin(chosen or tasks)] if not data.empty else data
    if shown.empty:
        st.warning("No intermediate task has a number here that could be set against a direct baseline.")
        return
    _sizes(source, shown, column)
    if shown.loc[shown["delta"].notna()].dropna(subset=["parameters"])["parameters"].nunique() > 1:
        _interactions(source, column, chosen or tasks)


def _sizes(source: common.Source, data: pd.DataFrame, column: deltas.Column) -> None:
    """A point a model and intermediate task, and what is lacking."""
    mean = data["language"].mask(data["level"] == contrasts.PRINTED, called(deltas.PRINTED, column.language_set, several=True))
    data = data.assign(parameters=pd.to_numeric(data["parameters"]), conditions=_conditions(data), mean=mean)
    drawn_of = data[data["delta"].notna() & (data["parameters"] > 0)]
    _lacking(data, drawn_of)
    if not drawn_of.empty:
        x = alt.X(
            "parameters:Q",
            title="parameters of the encoder (log)",
            axis=alt.Axis(format=".3~s"),
            scale=alt.Scale(type="log", nice=False, padding=25),
        )
        one = drawn_of["intermediate"].nunique() == 1
        drawn = common.picture(source, drawn_of, _drawn, x, one)
        common.chart(drawn, f"Difference by model, {_mean(drawn_of)}: {deltas.in_words(drawn_of, 'model')}")
    table = deltas.numbers(data.assign(language=data["model"]), "model", "after", "direct").drop(columns="n")
    table.insert(1, "parameters", data["parameters"].astype("Int64"))
    table.insert(0, "intermediate", data["intermediate"])
    table.insert(11, "languages", deltas.support(data))
    if (data["mean"] != comparing.MEAN).any():  # of some at least
        table["mean"] = data["mean"]
    table["status"] = data["status"]
    if data["conditions"].nunique() > 1:
        table["conditions"] = data["conditions"]
    table = table.sort_values(["intermediate", "parameters"])
    deltas.show(table)
    st.caption(f"{deltas.LEGEND} languages: that the mean is over, of those that are in any of the runs.")
    said = f"{_mean(data).capitalize()}: difference to the direct baseline on {column.label}, by model. Points, 95 % intervals."
    common.download(table, "scale", said, drawn if not drawn_of.empty else None)


def _drawn(data: pd.DataFrame, x: "alt.X", labels: bool) -> deltas.Drawn:
    return deltas.facets(deltas.scatter(data, "parameters", x, f"{_mean(data)}, points", "model", "mean", labels=labels), data)


def _mean(data: pd.DataFrame) -> str:
    """What these numbers are, if they are all one."""
    return str(data["mean"].iloc[0]) if data["mean"].nunique() == 1 else "mean"


def _conditions(data: pd.DataFrame) -> "pd.Series[str]":
    """Where training conditions differ, or one model or intermediate task has several revisions, which a row is of."""
    fields = [f for f in _SAME if data[f].nunique() > 1]
    fields += [revision for revision, name in _OF.items() if data.groupby(name)[revision].nunique().max() > 1]
    if not fields:
        return pd.Series("", index=data.index)
    return data[fields].astype(str).agg(", ".join, axis=1)


def _lacking(data: pd.DataFrame, drawn_of: pd.DataFrame) -> None:
    """Why there is no trend to see, if there is none."""
    unknown = sorted(data.loc[data["parameters"].isna(), "model"].unique())
    if unknown:
        st.caption(f"Left out of the chart, as their number of parameters is not known: {common.plain(', '.join(unknown))}.")
    none = sorted(data.loc[data["delta"].isna(), "model"].unique())
    if none:
        st.caption(f"Without a difference for some intermediate task: {common.plain(', '.join(none))}; the table says why.")
    sizes = drawn_of["parameters"].nunique()
    if sizes == 0:
        st.info("No model here has both a known size and a difference to its direct baseline.")
    elif sizes == 1:
        count = int(drawn_of["parameters"].iloc[0])
        st.info(
            f"There is one size only: {common.plain(', '.join(sorted(drawn_of['model'].unique())))}, {count:,} parameters. A trend "
            "takes two or more: add an encoder of another size to `models` of the study and run it again."
        )


def _interactions(source: common.Source, column: deltas.Column, tasks: list[str]) -> None:
    """How the differences of models of different sizes differ, example by example."""
    compute = partial(scales.interactions, **column.where)
    st.subheader("Does the difference change with size?")
    rows = common.wait(source, "The comparison of sizes", ("interactions", column), compute)
    if rows is None:
        return
    data = deltas.in_points(rows, column)
    data = data[data["intermediate"].isin(tasks)] if not data.empty else data
    if data.empty:
        st.info("No two sizes were trained on the same intermediate task under the same conditions (recipe, stack, source, language).")
        return
    table = pd.DataFrame(
        {
            "intermediate": data["intermediate"], "sizes": data["model"], "what": data["level"], "points": data["delta"],
            "low": data["low"], "high": data["high"], "p": data["p"], "adjusted p": data["p_adjusted"],
            "detectable": data["detectable"], "languages": deltas.support(data), "seeds": data["seeds"].astype("Int64"),
            "verdict": data["verdict"], "status": data["status"],
        }
    )  # fmt: skip
    if (conditions := _conditions(data)).nunique() > 1:
        table["conditions"] = conditions
    common.table(table, percent=("points", "low", "high", "detectable"), small=("p", "adjusted p"))
    st.caption(
        "interaction: the difference that the intermediate task makes to the first model, less the one it makes to the second, paired by "
        f"seed and example. slope, with {scales.FEWEST_SIZES} sizes or more: points per doubling of the parameters. adjusted: Holm, over "
        "the rows of an intermediate task. unresolved is not the same as no effect."
    )
    common.download(table, "scale-interactions", f"Differences between model sizes on {column.label}. Points, 95 % intervals.")
