"""Suites: means over the tasks of XTREME and of its groups, each only when complete, with its support."""

from functools import partial

import pandas as pd
import streamlit as st

from xbench import background
from xbench.ui import common

TITLE, ORDER, SECTION = "Averages", 5, "Results"
_QUERIES = {
    "means": "SELECT * FROM suite_mean WHERE split = 'test' ORDER BY suite, rule, tasks DESC, task_mean DESC, model, intermediate",
    "tasks": "SELECT * FROM suite_task_score WHERE split = 'test' ORDER BY suite, rule, target, complete DESC, value DESC, model",
}


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(
        source, TITLE, "Means over all tasks of XTREME, as its papers give them: one number a system, only when nothing is missing."
    )
    # The views go through every score there is, which in a large store takes seconds.
    found: dict[str, pd.DataFrame] | None = common.wait(source, "The averages", ("averages",), partial(background.tables, queries=_QUERIES))
    if found is None:
        return
    rows = found["means"]
    if rows.empty:
        st.warning("The store has no score of a task of XTREME. `xbench tasks` lists the suites, `xbench score` reads a submission.")
        return
    left, right = st.columns(2)
    with left:
        suite = common.pick("Suite", sorted(rows["suite"].unique()), "suite")
    with right:
        rule = common.pick("Scorers", sorted(rows.loc[rows["suite"] == suite, "rule"].unique()), "rule")
    shown = rows[(rows["suite"] == suite) & (rows["rule"] == rule)]
    table = pd.DataFrame(
        {
            "system": common.system_labels(shown),
            "mean of tasks %": 100 * shown["task_mean"].astype(float),
            "zero-shot %": 100 * shown["task_mean_zero_shot"].astype(float),
            "mean of groups %": 100 * shown["group_mean"].astype(float),
            "complete tasks": [f"{a}/{b}" for a, b in zip(shown["tasks"], shown["tasks_expected"], strict=True)],
            "available mean %": 100 * shown["available_mean"].astype(float),
            "source": shown["source"],
            "source version": shown["source_version"],
        }
    )
    common.table(table, percent=[c for c in table.columns if c.endswith("%")])
    st.caption(
        "A mean is given only when every task is there in every language; complete tasks is its support. Mean of tasks is XTREME's "
        "all_task, mean of groups is another number. zero-shot leaves the training language out of every task. The available mean is over "
        "whatever is there and cannot be compared."
    )
    common.download(table, "averages", f"{suite}, {rule} scorers. xbench snapshot {source.snapshot.id}.")
    tasks = found["tasks"]
    _by_task(source, tasks[(tasks["suite"] == suite) & (tasks["rule"] == rule)], rule)


def _by_task(source: common.Source, tasks: pd.DataFrame, rule: str) -> None:
    st.subheader("By task")
    target = common.pick("Task", sorted(tasks["target"].unique()), "target")
    tasks = tasks[tasks["target"] == target]
    parts = pd.DataFrame(
        {
            "system": common.system_labels(tasks),
            "group": tasks["task_group"],
            "score %": 100 * tasks["value"].astype(float),
            "zero-shot %": 100 * tasks["zero_shot"].astype(float),
            "gap to the training language": (100 * tasks["gap"].astype(float)).round(9) + 0.0,  # what is left of additions is no -0.0
            "languages": [f"{'?' if pd.isna(a) else a}/{b}" for a, b in zip(tasks["languages"], tasks["languages_expected"], strict=True)],
            "metrics": tasks["metrics"],
            "scorer": tasks["scorer"],
            "source": tasks["source"],
        }
    )
    for field in ("dataset_revision", "target_revision"):
        if tasks[field].nunique() > 1:
            parts[field.replace("_", " ")] = tasks[field]
    if tasks["ambiguous"].any():
        parts["ambiguous"] = tasks["ambiguous"]
    common.table(parts, percent=("score %", "zero-shot %", "gap to the training language"))
    if "ambiguous" in parts:
        st.caption(
            "ambiguous: the system has several scores here, as on several revisions of the data; nothing says which counts, so none does."
        )
    common.download(parts, "averages-by-task", f"{target}, {rule} scorers. xbench snapshot {source.snapshot.id}.")
