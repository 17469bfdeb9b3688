"""What of the grid is there, partial or missing, and what to run next: a study file for it."""

import json
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from xbench import claiming, planning
from xbench.tables import many
from xbench.task import not_run, study_target
from xbench.ui import common

TITLE, ORDER, SECTION = "Coverage", 60, "Evidence"
_COLOURS = {"complete": "#0072B2", "partial": "#E69F00", "missing": "#bdbdbd", "unknown task": "#CC79A7"}
_MARKS = {"complete": "✔", "partial": "◐", "missing": "–", "unknown task": "?"}
_MOST = 3_000  # cells that a chart can show
_SEEDS = 3  # of the study that fills what is missing, as planning.FIRST_LOOK


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "Which cells of model × intermediate task × target are there, and which to run next.")
    found = common.rows(source, "SELECT model, count(*) AS systems, count(DISTINCT intermediate) AS tasks FROM system GROUP BY ALL "
                                 "ORDER BY tasks DESC, systems DESC, model")  # fmt: skip
    if found.empty:
        st.warning("The store has no run yet. `xbench run` makes some, `xbench ingest external-results` brings results made elsewhere.")
        return
    model = common.pick_of_many("Model", found["model"].tolist(), "model")
    cells = common.rows(source, "SELECT * FROM coverage WHERE model = ? ORDER BY target, intermediate", [model])
    counts = cells["status"].value_counts()
    for place, status in zip(st.columns(4), _COLOURS, strict=True):
        place.metric(status, int(counts.get(status, 0)))
    if len(cells) <= _MOST:
        common.chart(_grid(cells), "; ".join(f"{r['target']} after {r['intermediate']}: {r['status']}" for r in cells.to_dict("records")))
    else:
        st.info(f"{len(cells):,} cells are too many for a chart; the table has them.")
    wanted = common.picks("Status", list(_COLOURS), "status")
    shown = cells[cells["status"].isin(wanted)] if wanted else cells
    table = shown[["intermediate", "target", "status", "seeds", "languages", "languages_expected"]]
    common.table(table.rename(columns={"languages_expected": "of"}))
    common.download(shown, "coverage", f"Coverage of {model}. xbench snapshot {source.snapshot.id}.")
    _fill(source, model, cells)
    _next(source, model)


def _grid(cells: pd.DataFrame) -> dict[str, Any]:
    """Targets down, intermediate tasks across; a mark and a colour for each status."""
    data = cells.assign(mark=cells["status"].map(_MARKS) + " " + cells["seeds"].astype(str))
    names = list(_COLOURS)
    return {
        "data": {"values": data[["intermediate", "target", "status", "mark", "seeds", "languages"]].to_dict("records")},
        "encoding": {
            "x": {"field": "intermediate", "type": "nominal", "title": "intermediate task", "axis": {"orient": "top", "labelAngle": -40}},
            "y": {"field": "target", "type": "nominal", "title": None, "axis": {"labelFlush": False}},
            "tooltip": [{"field": c, "type": "nominal"} for c in ("intermediate", "target", "status", "seeds", "languages")],
        },
        "layer": [
            {
                "mark": {"type": "rect", "opacity": 0.85, "stroke": "white"},
                "encoding": {
                    "color": {
                        "field": "status", "type": "nominal", "title": None, "legend": {"orient": "bottom"},
                        "scale": {"domain": names, "range": [_COLOURS[n] for n in names]},
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11},
                "encoding": {
                    "text": {"field": "mark", "type": "nominal"},
                    "color": {"condition": {"test": "datum.status === 'complete'", "value": "white"}, "value": "#1a1a1a"},
                },
            },
        ],
        "height": {"step": 28},
    }  # fmt: skip


def _fill(source: common.Source, model: str, cells: pd.DataFrame) -> None:
    """A study for what is missing: a grid, of which what is stored is not run again."""
    missing = cells[cells["status"].isin(["missing", "partial"])]
    if missing.empty:
        return
    st.subheader("What would fill it")
    recipes = common.rows(
        source, "SELECT recipe FROM run WHERE kind = 'run' AND model = ? GROUP BY recipe ORDER BY count(*) DESC, recipe LIMIT 1", [model]
    )["recipe"].tolist()
    # New runs join those of the same training language: that of most under the recipe, else of most there are.
    languages = common.rows(
        source,
        "SELECT target, train_language FROM run WHERE model = ? GROUP BY target, train_language QUALIFY row_number() OVER (PARTITION "
        "BY target ORDER BY count(*) FILTER (WHERE kind = 'run' AND recipe = ?) DESC, count(*) DESC, train_language) = 1",
        [model, recipes[0] if recipes else None],
    )
    trained_in: dict[str, str] = dict(languages.itertuples(index=False))
    wanted = [
        (model, r["intermediate"], study_target(r["target"], trained_in[r["target"]]), int(r["seeds"]))
        for r in missing.to_dict("records")
        if not not_run(r["intermediate"], r["target"], trained_in[r["target"]])
    ]
    said = f"Missing or partial: {many(len(missing), 'cell')}"
    if not wanted:
        st.caption(f"{said}. No study can fill it: xbench has no such tasks, or no training data of theirs in the language of these runs.")
        return
    under = (
        "the recipe of most of its runs, which the new ones join" if recipes else "jiant's hyper-parameters, as it has no runs made here"
    )
    some = f", of which {len(wanted):,} can be run here" if len(wanted) < len(missing) else ""
    st.caption(f"{said}{some}. The study has them with {_SEEDS} seeds under {under}. `xbench run FILE --dry-run` says what it would take.")
    made = [((model, cell[2]), json.dumps({"recipe": json.loads(recipe)})) for recipe in recipes for cell in wanted]
    (study,) = claiming.studies(f"Fills what is missing of {model}.", wanted, _SEEDS, made)
    st.download_button("Download study file", study, "fill.yaml", "application/yaml", on_click="ignore")


def _next(source: common.Source, model: str) -> None:
    """The seeds and cells that would settle open comparisons for the least compute."""
    st.subheader("What would settle most")

    found = common.wait(source, "What to run next", ("resolve", model), partial(planning.resolved, model=model))
    if found is None:
        return
    steps, studies = found
    if not steps:
        st.caption("No comparison of our own runs is open, or there is none: results from elsewhere cannot be repeated here.")
        return
    table = pd.DataFrame(
        {
            "target": [s.row["target"] for s in steps],
            "after": [s.row["intermediate"] for s in steps],
            "lacks": [s.why for s in steps],
            "runs": pd.array([len(s.cells) if s.seeds else None for s in steps], dtype="Int64"),
            "minutes": [None if s.seconds is None else s.seconds / 60 for s in steps],
        }
    )
    common.table(table, percent=["minutes"], wide=["lacks"])
    st.caption("In the order in which it pays: a step counts what those before it leave to run; last, what no run would settle.")
    for name, text in studies.items():
        st.download_button(f"Download {name}", text, name, "application/yaml", key=f"study-{name}", on_click="ignore")
