"""Suites: means over the tasks of XTREME and of its groups, each only when complete, with its support."""

import pandas as pd
import streamlit as st

from xbench.ui import common

TITLE, ORDER, SECTION = "averages", 99, "x"


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, "Averages")
    rows = common.frame(source, "suite_mean")
    if rows.empty:
        st.warning("The store has no score of a task of XTREME. `xbench tasks` lists the suites, `xbench score` reads a submission.")
        return
    suite = common.pick("Suite", sorted(rows["suite"].unique()), "suite")
    rule = common.pick("Scorers", sorted(rows.loc[rows["suite"] == suite, "rule"].unique()), "rule")
    shown = rows[(rows["suite"] == suite) & (rows["rule"] == rule)]
    tasks = common.frame(source, "suite_task_score")
    tasks = tasks[(tasks["suite"] == suite) & (tasks["rule"] == rule)]
    table = pd.DataFrame(
        {
            "model": shown["model"],
            "intermediate": shown["intermediate"],
            "recipe": shown["recipe_label"],
            "mean of tasks %": 100 * shown["task_mean"].astype(float),
            "zero-shot %": 100 * shown["task_mean_zero_shot"].astype(float),
            "mean of groups %": 100 * shown["group_mean"].astype(float),
            "complete tasks": [f"{a}/{b}" for a, b in zip(shown["tasks"], shown["tasks_expected"], strict=True)],
            "source": shown["source"],
            "source version": shown["source_version"],
        }
    )
    number = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(table, hide_index=True, width="stretch", column_config={c: number for c in table.columns if c.endswith("%")})
    st.caption(
        "A mean is given only when every task is there in every language; complete tasks is its support. Mean of tasks is XTREME's "
        "all_task, mean of groups is another number. zero-shot leaves the training language out of every task."
    )
    st.subheader("By task")
    parts = pd.DataFrame(
        {
            "model": tasks["model"],
            "intermediate": tasks["intermediate"],
            "task": tasks["target"],
            "group": tasks["task_group"],
            "score %": 100 * tasks["value"].astype(float),
            "zero-shot %": 100 * tasks["zero_shot"].astype(float),
            "gap to the training language": 100 * tasks["gap"].astype(float),
            "languages": [f"{a}/{b}" for a, b in zip(tasks["languages"], tasks["languages_expected"], strict=True)],
            "metrics": tasks["metrics"],
            "scorer": tasks["scorer"],
            "source": tasks["source"],
        }
    )
    columns = dict.fromkeys(("score %", "zero-shot %", "gap to the training language"), number)
    st.dataframe(parts, hide_index=True, width="stretch", column_config=columns)
    common.download(shown, "averages")
