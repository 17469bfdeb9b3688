"""What pages about differences share: which column of numbers is looked at, and rows of `xbench.compare` as tables and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import pandas as pd

from xbench import comparing, contrasts, pairing, wording
from xbench.languages import MANY, called
from xbench.tables import signed
from xbench.ui import common
from xbench.ui.lazily import alt

Drawn: TypeAlias = "alt.LayerChart | alt.FacetChart"
COLOURS = {**common.COLOURS, "not testable": common.GREY}
SHAPES = {**common.SHAPES, "not testable": "cross"}
POINTS = ("value", "against_value", "delta", "low", "high", "detectable")  # fractions in the store
PRINTED = "mean as printed"
NO_TRANSFER = (
    "Nothing here was trained on an intermediate task, so there is no transfer to show. `xbench run` makes such runs with their direct "
    "baselines; `xbench ingest external-results` brings results made elsewhere."
)
LEGEND = (
    "Points with 95 % intervals by the delta method: clustered by item, and with two seeds or more over items and seeds together. "
    "adjusted: p of a language over the languages, of a mean over the contrasts with the same baseline (Holm). detectable: the smallest "
    "true difference that would have been found with 80 % power. unresolved is not the same as no effect."
)


# What systems agree in that differ in the intermediate task alone.
CONDITIONS = tuple(f for f in pairing.SYSTEM if f not in ("intermediate", "intermediate_revision"))
# The columns in which a system has its direct baseline.
_PAIRED = (
    f"SELECT DISTINCT c.column_id FROM (SELECT a.system_id, b.system_id AS direct FROM system AS a JOIN system AS b "
    f"USING ({', '.join(CONDITIONS)}) WHERE a.intermediate <> ? AND b.intermediate = ?) AS p JOIN cell AS c USING (system_id) "
    "JOIN cell AS d ON (d.column_id, d.language, d.system_id) = (c.column_id, c.language, p.direct)"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers that can be compared: a row of table `col`."""

    column_id: int
    label: str
    target: str
    metric: str
    scorer: str
    dataset_revision: str
    language_set: str | None

    @property
    def where(self) -> dict[str, Any]:
        """As conditions of xbench.compare."""
        return {**{f: getattr(self, f) for f in pairing.COLUMN}, "language_set": self.language_set}


def choose_column(source: common.Source, *, transfer: bool) -> Column | None:
    """The column that the reader picks; None if there is none.

    Args:
        source: The source.
        transfer: Whether only columns are offered in which a system has an intermediate task; else those with two systems or more.
            The first that is shown has a direct baseline, too, if any has, and languages rather than printed means alone.
    """
    usual, offered = source.snapshot.kept(("offered", transfer), lambda: _offered(source, transfer=transfer))
    if not offered:
        return None
    found: Column = offered[common.pick("Target and metric", list(offered), "target", usual)]
    return found


def _offered(source: common.Source, *, transfer: bool) -> tuple[str | None, dict[str, Column]]:
    """The label that is shown first, and all columns by label."""
    found = common.columns(source)
    text = "SELECT DISTINCT column_id FROM cell JOIN system USING (system_id) WHERE intermediate <> ?"
    after = found["column_id"].isin(common.rows(source, text, [pairing.DIRECT])["column_id"])
    paired = found["column_id"].isin(common.rows(source, _PAIRED, [pairing.DIRECT, pairing.DIRECT])["column_id"])
    usual: dict[bool, str] = {}  # by whether it is of printed means
    offered: dict[str, Column] = {}
    for row in found.assign(paired=paired)[after if transfer else found["systems"] > 1].to_dict("records"):
        printed = row["language_set"]
        target, metric, scorer, revision = (str(row[f]) for f in pairing.COLUMN)
        label = str(row["label"])
        offered[label] = Column(int(row["column_id"]), label, target, metric, scorer, revision, None if pd.isna(printed) else str(printed))
        if row["paired"]:
            usual.setdefault(bool(pd.notna(printed)), label)
    return usual.get(False, usual.get(True)), offered


def compared(
    source: common.Source, column: Column, first: Mapping[str, str], against: Mapping[str, str], by: comparing.By
) -> pd.DataFrame | None:
    """Rows of xbench.compare in points; None while they are computed."""
    # What both systems agree in, all that is adjusted together agrees in: the rest of the store need not be looked at.
    shared: dict[str, Any] = {f: first[f] for f in pairing.fixed_fields(against) if f in first}
    compute = partial(comparing.compare, first=first, against=against, by=by, **column.where, **shared)
    key = ("compare", column, tuple(sorted(first.items())), tuple(sorted(against.items())), by)
    rows = common.wait(source, "The comparison", key, compute)
    return None if rows is None else in_points(rows, column)


def in_points(rows: Sequence[Mapping[str, Any]], column: Column) -> pd.DataFrame:
    """Rows as a table: percent and points where the store has fractions."""
    data = pd.DataFrame(list(rows))
    if data.empty:
        return data
    data = data.assign(**{c: (100 * pd.to_numeric(data[c])).round(9) + 0.0 for c in POINTS})
    data = data.assign(**{c: pd.to_numeric(data[c]) for c in ("p", "p_adjusted", "n", "seeds")})
    if column.language_set is None:  # means that were printed are in a column of their own
        return data[data["level"] != contrasts.PRINTED].reset_index(drop=True)
    own = data["language"].isin([called(MANY, column.language_set, several=several) for several in (False, True)])
    return data[own | (data["level"] != contrasts.PRINTED)].assign(language=data["language"].mask(own, PRINTED)).reset_index(drop=True)


def _grid() -> "alt.Axis":
    """Which an axis with a constant on it, the line of zero, would lose."""
    return alt.Axis(grid=True)


def verdict_colour(data: pd.DataFrame) -> "alt.Color":
    """The colour of a verdict; only those that are there are in the legend."""
    held = [v for v in COLOURS if v in set(data["verdict"])]
    return alt.Color("verdict:N", scale=alt.Scale(domain=held, range=[COLOURS[v] for v in held]), title=None)


def verdict_shape(data: pd.DataFrame) -> "alt.Shape":
    """The shape of a verdict, which says the same as its colour."""
    held = [v for v in SHAPES if v in set(data["verdict"])]
    return alt.Shape("verdict:N", scale=alt.Scale(domain=held, range=[SHAPES[v] for v in held]), title=None)


def drawable(data: pd.DataFrame, *more: str) -> pd.DataFrame:
    """The rows that have a difference, with what charts need of them."""
    columns = ["language", "intermediate", "delta", "low", "high", "verdict", "status", *more]
    return data.loc[data["delta"].notna(), list(dict.fromkeys(columns))]


def zero(axis: str) -> "alt.Chart":
    """The line of no difference, as a layer without data; `axis` is x or y."""
    rule = alt.Chart().mark_rule(strokeDash=[4, 4], color=common.GREY)
    drawn: alt.Chart = rule.encode(x=alt.datum(0)) if axis == "x" else rule.encode(y=alt.datum(0))
    return drawn


def forest(data: pd.DataFrame, title: str, name: str = "language", order: Sequence[str] | None = None) -> Drawn:
    """A line a language or group: the difference and its interval around 0, in the order given, or as they come with the mean last."""
    shown = drawable(data, name)
    names = list(order or _mean_last(shown[name]))
    y = alt.Y(f"{name}:N", sort=names, title=None, axis=alt.Axis(labelLimit=320), scale=alt.Scale(padding=0.6))
    base = alt.Chart().encode(y=y, color=verdict_colour(shown))  # the data is the whole chart's, so that it can be divided into facets
    lines = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q", title=title, axis=_grid()), x2="high:Q")
    )
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("delta:Q", title=title, axis=_grid()), shape=verdict_shape(shown), tooltip=_tooltip(name)
    )
    return alt.layer(zero("x"), lines, dots, data=shown).properties(height=26 * shown[name].nunique() + 40)


def scatter(data: pd.DataFrame, field: str, x: "alt.X", title: str, name: str, *said: str, labels: bool) -> Drawn:
    """The difference against something of the language or model, with intervals; `labels` writes the names beside the points.

    `said` are further columns that one sees when pointing at a point.
    """
    shown = drawable(data, name, field, *said)
    base = alt.Chart().encode(x=x, color=verdict_colour(shown))
    rules = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, opacity=0.7)
    lines = rules.encode(y=alt.Y("low:Q", title=title, axis=_grid()), y2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=alt.Y("delta:Q", title=title, axis=_grid()),
        shape=verdict_shape(shown),
        tooltip=[*_tooltip(name, field), *(f"{s}:N" for s in said)],
    )
    texts = [base.mark_text(align="left", dx=7, dy=-7).encode(y="delta:Q", text=f"{name}:N")] if labels else []
    return alt.layer(zero("y"), lines, dots, *texts, data=shown).properties(height=320 if labels else 180)


def facets(drawn: Drawn, data: pd.DataFrame, width: int = 210) -> Drawn:
    """The chart once for each intermediate task, side by side, if there are several."""
    if data["intermediate"].nunique() < 2:
        return drawn
    return drawn.properties(width=width).facet(facet=alt.Facet("intermediate:N", title=None), columns=3)


def numbers(data: pd.DataFrame, name: str, first: str, second: str) -> pd.DataFrame:
    """What is said of each language or group, for a table."""
    return pd.DataFrame(
        {
            name: data["language"], f"{second} %": data["against_value"], f"{first} %": data["value"], "delta": data["delta"],
            "low": data["low"], "high": data["high"], "p": data["p"], "adjusted p": data["p_adjusted"], "detectable": data["detectable"],
            "n": data["n"].astype("Int64"), "seeds": data["seeds"].astype("Int64"), "verdict": data["verdict"],
        }
    )  # fmt: skip


def support(data: pd.DataFrame) -> list[str]:
    """Over how many languages each mean is, of those that are in any of its runs; empty where none is known."""
    return [f"{own:.0f} of {whole:.0f}" if own and whole else "" for own, whole in data[["languages", "languages_in_any"]].fillna(0).values]


def marked(data: pd.DataFrame) -> pd.DataFrame:
    """Rows for people: a language that counts in no mean says why."""
    columns = ["language", "level", "target", "train_language", "against_train_language"]
    told = data[columns].astype(object).where(data[columns].notna(), None)
    names = [wording.named(dict(zip(columns, row, strict=True))) for row in told.itertuples(index=False)]
    return data.assign(language=names)


def show(data: pd.DataFrame) -> None:
    """A table of `numbers`."""
    percent = [c for c in map(str, data.columns) if c in ("delta", "low", "high", "detectable") or c.endswith(" %")]
    common.table(data, percent=percent, small=("p", "adjusted p"), names=[str(data.columns[0])])


def in_words(data: pd.DataFrame, name: str = "language") -> str:
    """The points of a chart, for those who do not see it."""
    shown = data[data["delta"].notna()]
    said = [f"{line[name]} {signed(line['delta'] / 100)} {line['verdict']}" for _, line in shown.head(60).iterrows()]
    left = f"; and {len(shown) - 60} more" if len(shown) > 60 else ""
    return "; ".join(said) + left


def _mean_last(names: "pd.Series[str]") -> list[str]:
    found = [str(n) for n in names.unique()]
    means = (comparing.MEAN, contrasts.NOT_ZERO_SHOT)
    return [*sorted(n for n in found if n not in means), *(n for n in found if n in means)]


def _tooltip(name: str, *more: str) -> list[Any]:
    numbers = [alt.Tooltip(f"{c}:Q", format="+.1f") for c in ("delta", "low", "high")]
    return [f"{name}:N", "intermediate:N", *(alt.Tooltip(f"{m}:Q", format=".3~s") for m in more), *numbers, "verdict:N", "status:N"]
