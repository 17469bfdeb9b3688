"""Heat maps of transfer deltas: colour where the evidence resolves them, grey where it does not, nothing where there is no baseline."""

import json
from typing import Any

import pandas as pd

from xbench.tables import signed

MARKS = {"helps": "▲", "hurts": "▼", "higher": "▲", "lower": "▼", "equivalent": "="}  # higher and lower are of averages alone
# Whether a cell is coloured at all, in the order in which they are drawn.
RESOLVED, UNRESOLVED, UNTESTED, ABSENT = "resolved", "unresolved", "not testable", "no baseline"
_WHITE_TEXT = 0.6  # of the scale's end
_TEXT = "bandwidth('x') < 34 ? replace(datum.label, /[-+.0-9]/g, '') : datum.label"  # on a phone the mark alone: numbers would overlap


def kind(status: object, verdict: object, *, pending: bool) -> str:
    """How a cell is drawn, from the status of its delta and the verdict of its test."""
    if status != "paired":
        return ABSENT
    if verdict in MARKS:
        return RESOLVED
    return UNRESOLVED if verdict == "unresolved" or pending else UNTESTED


def heat(data: pd.DataFrame, x: str, x_title: str, x_order: list[str], y_order: list[str], tooltip: list[str]) -> dict[str, Any]:
    """A map of intermediate tasks by `x`, as a Vega-Lite specification.

    Args:
        data: Columns intermediate, `x`, points, kind (as of `kind`), label and those of the tooltip; a row a cell.
        x: The column across.
        x_title: Its title.
        x_order: Its values in order.
        y_order: Intermediate tasks in order.
        tooltip: Columns that are shown when one points at a cell.

    Returns:
        A chart with a selection `cell` of a single cell.
    """
    limit = max(1.0, float(data.loc[data["kind"] != ABSENT, "points"].abs().max() or 0))
    angle = 0 if sum(map(len, x_order)) < 45 else -40  # on a phone there is room for no more letters
    across = {
        "field": x,
        "type": "nominal",
        "title": x_title,
        "sort": x_order,
        "axis": {"labelAngle": angle, "orient": "top", "labelLimit": 120, "labelOverlap": "greedy" if angle == 0 else False},
    }
    down = {"field": "intermediate", "type": "nominal", "title": None, "sort": y_order, "axis": {"labelLimit": 220, "labelFlush": False}}
    colour = {
        "field": "points", "type": "quantitative", "title": "points",
        "scale": {"scheme": "blueorange", "domain": [-limit, limit], "domainMid": 0, "reverse": True},
        "legend": {"orient": "bottom", "gradientLength": 160, "gradientOpacity": 1, "direction": "horizontal"},
    }  # fmt: skip

    def layer(which: str, mark: dict[str, Any], **encoding: Any) -> dict[str, Any]:
        return {"transform": [{"filter": f"datum.kind === {json.dumps(which)}"}], "mark": mark, "encoding": encoding}

    layers = [
        # White below the pale ones, so that they are pale on a dark page too.
        layer(UNTESTED, {"type": "rect", "color": "white", "stroke": "#bbbbbb", "strokeWidth": 0.5}),
        layer(UNTESTED, {"type": "rect", "opacity": 0.4}, color=colour),
        layer(UNRESOLVED, {"type": "rect", "color": "#d4d4d4", "stroke": "white", "strokeWidth": 0.5}),
        layer(RESOLVED, {"type": "rect", "stroke": "white", "strokeWidth": 0.5}, color=colour),
        layer(ABSENT, {"type": "text", "text": "∅", "color": "#8a8a8a", "fontSize": 11}),
    ]
    for which in (RESOLVED, UNRESOLVED, UNTESTED):
        weight, style = "bold" if which == RESOLVED else "normal", "italic" if which == UNTESTED else "normal"
        strong = f"abs(datum.points) > {_WHITE_TEXT * limit}" if which == RESOLVED else "false"
        layers.append(
            layer(
                which,
                {"type": "text", "fontSize": 11, "fontWeight": weight, "fontStyle": style, "text": {"expr": _TEXT}},
                color={"condition": {"test": strong, "value": "white"}, "value": "#1a1a1a"},
            )
        )
    layers.append({
        "mark": {"type": "rect", "opacity": 0.001, "color": "#888888", "cursor": "pointer"},
        "encoding": {"tooltip": [{"field": c, "type": "nominal", **_format(data[c])} for c in tooltip]},
        "params": [{"name": "cell", "select": {"type": "point", "fields": ["intermediate", x], "on": "click", "clear": False}}],
    })  # fmt: skip
    return {
        "data": {"values": _records(data)}, "encoding": {"x": across, "y": down}, "layer": layers, "height": {"step": 30},
        "width": "container",
    }  # fmt: skip


def _format(values: "pd.Series[Any]") -> dict[str, str]:
    return (
        {"format": "+.1f", "formatType": "number"}
        if values.name == "points"
        else {"format": ".1f", "formatType": "number"}
        if values.name == "direct"
        else {}
    )


def _records(data: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: no NaN."""
    clean = data.astype(object).where(data.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in clean.to_dict("records")]


def label(points: float, verdict: object) -> str:
    """A delta in points with the mark of its verdict."""
    return f"{signed(points / 100)}{MARKS.get(str(verdict), '')}" if pd.notna(points) else ""
