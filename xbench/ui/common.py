"""What the pages share: which store and snapshot is shown, choices that live in the address bar, tables, charts, downloads.

A page is a function `page(source)`. It asks `source.snapshot` for rows, never the store itself; whatever takes longer than a page may goes
through `wait`. Text from data reaches the browser as table cells, st.text or `plain`, never as markdown.
"""

import atexit
import gc
import io
import os
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import streamlit as st

from xbench import background, serving
from xbench.errors import StoreError, XbenchError
from xbench.hashes import short_hash
from xbench.languages import both
from xbench.languages import labelled as had_labels
from xbench.tables import as_text, decimal
from xbench.ui import stores
from xbench.ui.lazily import alt
from xbench.version import __version__

# Blue, vermilion and grey of Okabe and Ito: told apart by colour-blind readers; shapes and words say it too.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
MOST_OPTIONS = 500  # that a list offers to choose from
_SETTLED = 9  # digits of percent that the order of a sum does not change
_WHOLE = 20  # rows of a table that is shown without a bar to scroll it
COLOURS = {"helps": BLUE, "hurts": ORANGE, "higher": BLUE, "lower": ORANGE, "unresolved": GREY, "equivalent": "#009E73"}
SHAPES = {"helps": "triangle-up", "hurts": "triangle-down", "higher": "triangle-up", "lower": "triangle-down", "unresolved": "circle",
          "equivalent": "square"}  # fmt: skip


Chart: TypeAlias = "dict[str, Any] | alt.TopLevelMixin"


@dataclass(frozen=True, slots=True)
class Source:
    """What the app shows.

    Attributes:
        root: The store.
        snapshot: Its content that is shown.
        newest: Whether that is all there is by now.
        published: Whether it is the shipped published numbers, for want of a store with a run in it.
    """

    root: Path
    snapshot: serving.Snapshot
    newest: bool
    published: bool


@st.cache_resource(show_spinner=False)
def _frozen() -> bool:
    """Once: Streamlit may collect garbage after every run of a page; what is here by now stays, and to look through it takes longer."""
    gc.freeze()
    atexit.register(gc.unfreeze)
    return True


def open_source() -> Source:
    """The store of XBENCH_STORE or ./results at the snapshot of the address, or the newest; published numbers when it holds no run.

    A store that cannot be read is an error on the page, not a traceback.
    """
    try:
        server, newest, published = stores.newest()
    except (XbenchError, OSError) as error:
        st.error(f"The store cannot be opened.\n\n{plain(error)}")
        st.caption("`xbench status` and `xbench audit` say more. Name another store by the environment variable XBENCH_STORE.")
        st.stop()
        raise  # not reached: st.stop ends the page
    if st.session_state.get("root", server.root) != server.root:  # the first run has come: what was shown are the published numbers
        before = st.session_state.pop("snapshot", None)
        if st.query_params.get("snapshot") == before:
            st.query_params.pop("snapshot", None)
    st.session_state["root"] = server.root
    wanted = st.query_params.get("snapshot") or st.session_state.get("snapshot") or newest.id
    shown = newest
    if wanted != newest.id:
        try:
            shown = server.at(wanted)
        except StoreError as error:
            # Kept: a page that completes itself runs again, and by then the address says what is shown instead.
            st.session_state["lost"] = (
                f"This link is to snapshot {plain(wanted)}, which is not to be had; shown is {newest.id}.\n\n{plain(error)}",
                newest.id,
            )
    said, instead = st.session_state.get("lost", ("", None))
    if instead == shown.id:
        st.error(said)
    else:
        st.session_state.pop("lost", None)
    st.session_state["snapshot"] = shown.id
    _address("snapshot", shown.id)
    _frozen()
    return Source(server.root, shown, shown.id == newest.id, published)


def uploads() -> bool:
    """Whether results may be added through the app: only where the server was started with XBENCH_UPLOADS=1."""
    return os.environ.get("XBENCH_UPLOADS") == "1"


def header(source: Source, title: str, about: str = "") -> None:
    """Title, one sentence on what the page answers, and what is shown."""
    st.title(title)
    if about:
        st.markdown(about)
    if source.published:
        st.info(
            "No results in this store yet: these are published numbers that ship with xbench, each with its source. "
            "Run `xbench run` (or `make quickstart`) to make your own."
        )
    if not source.newest:
        st.warning(f"You look at snapshot {source.snapshot.id}. The store has grown since; numbers here stay as they were.")
        if st.button("Show the newest"):
            st.session_state.pop("snapshot", None)
            st.query_params.pop("snapshot", None)
            st.rerun()


def footer(source: Source) -> None:
    """Where the numbers come from."""
    what = "published numbers" if source.published else f"store {plain(source.root)}"
    st.divider()
    st.caption(f"xbench {__version__} · {what} · snapshot {source.snapshot.id} · the address of this page shows the same again")


def rows(source: Source, text: str, values: Sequence[Any] = ()) -> pd.DataFrame:
    """`Snapshot.rows`, a copy to be changed at will; an unreadable file is an error on the page."""
    try:
        return source.snapshot.rows(text, values).copy(deep=False)
    except XbenchError as error:
        st.error(plain(error))
        st.stop()
        raise  # not reached


def wait(source: Source, what: str, key: Hashable, compute: background.Compute) -> Any | None:
    """The result of something slow; None while it is computed, with a line that says so, on a page that completes itself.

    Args:
        source: The source.
        what: For the reader: what is computed.
        key: Of `Snapshot.later`.
        compute: Of `Snapshot.later`.
    """
    try:
        found, ready = source.snapshot.now(key, compute)
    except XbenchError as error:
        st.error(plain(error))
        return None
    if not ready:
        _again(source, what, key, compute)
        return None
    return found


@st.fragment(run_every=1.0)
def _again(source: Source, what: str, key: Hashable, compute: background.Compute) -> None:
    if source.snapshot.later(key, compute).done():
        st.rerun(scope="app")
    st.caption(f"⏳ {what}: being computed from all stored examples; this page completes itself.")


def plain(text: object) -> str:
    """Text from data, with nothing in it that markdown would take for markup."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", str(text))


def _address(key: str, value: str | Sequence[str] | None) -> None:
    """Write a choice to the address bar, if it is another than there."""
    if value in (None, "", []):
        if key in st.query_params:
            del st.query_params[key]
        return
    wanted = [value] if isinstance(value, str) else list(value or ())
    if st.query_params.get_all(key) != wanted:
        st.query_params[key] = wanted


def pick(label: str, options: Sequence[str], key: str, default: str | None = None, say: Callable[[str], str] = str, **more: Any) -> str:
    """One of some options; part of the address unless it is the default, so that a link shows the same."""
    state = f"pick-{key}"
    _restore(state, key, options, options[0] if default is None or default not in options else default)
    value: str = st.selectbox(label, options, key=state, format_func=say, **more)
    _address(key, value)
    _say_lost(state, key)
    return value


def pick_of_many(label: str, options: Sequence[str], key: str, default: str | None = None) -> str:
    """As `pick`; of more than a list can offer, after typing a part of it."""
    if len(options) <= MOST_OPTIONS:
        return pick(label, options, key, default)
    part = typed(f"{label} contains", f"find_{key}")
    meant = [v for v in options if part.lower() in v.lower()]
    if not meant:
        st.warning(f"No {label.lower()} contains {plain(part)}.")
    linked = [v for v in options[MOST_OPTIONS:] if v == st.query_params.get(key) and not part]  # a link may lead beyond the first
    return pick(label, [*(meant or options)[:MOST_OPTIONS], *linked], key, default)


def _restore(state: str, key: str, options: Sequence[str], usual: str) -> None:
    """Set a choice to what the address says, or to the usual one."""
    if st.session_state.get(state) in options:
        return
    asked = st.query_params.get(key)
    if state not in st.session_state and asked is not None and asked not in options:  # else it went with another choice
        st.session_state[f"lost-{state}"] = [asked], usual
    st.session_state[state] = asked if asked in options else usual


def _say_lost(state: str, key: str) -> None:
    """For as long as nothing else is chosen: what the address asked for that is not there."""
    asked, instead = st.session_state.get(f"lost-{state}", ([], None))
    if asked and st.session_state[state] == instead:
        st.warning(f"The address asks for {plain(key)} {', '.join(map(plain, asked))}, which is not there.")
    elif asked:
        del st.session_state[f"lost-{state}"]


def switch(label: str, options: Sequence[str], key: str, help_text: str | None = None) -> str:
    """As `pick`, for few options that are all seen at once."""
    state = f"pick-{key}"
    _restore(state, key, options, options[0])
    value = st.radio(label, options, key=state, horizontal=True, help=help_text)
    chosen = str(value)
    _address(key, None if chosen == options[0] else chosen)
    _say_lost(state, key)
    return chosen


def picks(label: str, options: Sequence[str], key: str, default: Sequence[str] = (), say: Callable[[str], str] = str) -> list[str]:
    """Any of some options; part of the address unless it is the default. Nothing chosen is an empty list, which filters mean as all."""
    state = f"picks-{key}"
    if state not in st.session_state:
        asked = dict.fromkeys(st.query_params.get_all(key))
        there = [v for v in asked if v in options] or [v for v in default if v in options]
        if lost := [v for v in asked if v not in options]:
            st.session_state[f"lost-{state}"] = lost, there
        st.session_state[state] = there
    else:
        st.session_state[state] = [v for v in st.session_state[state] if v in options]
    chosen: list[str] = st.multiselect(label, options, key=state, format_func=say)
    _address(key, None if list(chosen) == list(default) else chosen)
    _say_lost(state, key)
    return chosen


def tick(label: str, key: str, *, default: bool, help_text: str | None = None) -> bool:
    """Yes or no; part of the address unless it is the default."""
    state = f"tick-{key}"
    if state not in st.session_state:
        st.session_state[state] = st.query_params.get(key, "yes" if default else "no") == "yes"
    value = bool(st.checkbox(label, key=state, help=help_text))
    _address(key, None if value == default else "yes" if value else "no")
    return value


def typed(label: str, key: str, **more: Any) -> str:
    """A text that is part of the address."""
    state = f"typed-{key}"
    if state not in st.session_state:
        st.session_state[state] = st.query_params.get(key, "")
    value = str(st.text_input(label, key=state, **more))
    _address(key, value)
    return value


def link(label: str, page: str, **query: str) -> None:
    """A button that leads to another page of the app, with what it shall show."""
    if st.button(label, key=f"to-{page}-{label}", icon=":material/arrow_forward:"):
        from xbench.ui import shell

        st.switch_page(shell.listed()[page], query_params=query)


def compare_query(
    source: Source, base: dict[str, str], column: dict[str, str], intermediate: tuple[str, str], language: str, printed: str | None
) -> dict[str, str]:
    """What the address of page `compare` says to show one intermediate task against its baseline, with the examples of one language.

    `intermediate`: with its revision. `printed`: the languages that a printed mean is over.
    """
    there = columns(source)
    for field, value in column.items():
        there = there[there[field] == value]
    there = there[there["language_set"].isna() if printed is None else there["language_set"] == printed]
    if there.empty:
        return {}
    systems = systems_of(source, int(there["column_id"].iloc[0]))
    own = systems[(systems[list(base)] == pd.Series(base)).all(axis=1)]
    found = {"language": language, "target": str(there["label"].iloc[0])}
    name, revision = intermediate
    after = (own["intermediate"] == name) & (own["intermediate_revision"] == revision)
    for key, chosen in (("a", after), ("b", own["intermediate"] == "none")):
        labels = own.loc[chosen, "label"]
        if len(labels):
            found[key] = str(labels.iloc[0])
    return found


def systems_of(source: Source, column_id: int) -> pd.DataFrame:
    """The systems that have a number in a column of table `col`, with their labels."""

    def made() -> pd.DataFrame:
        found = rows(
            source,
            "SELECT * FROM system WHERE system_id IN (SELECT system_id FROM cell WHERE column_id = ?) ORDER BY system_id",
            [column_id],
        )
        return found.assign(label=system_labels(found))

    held: pd.DataFrame = source.snapshot.kept(("systems of", column_id), made)
    return held.copy(deep=False)


def table(
    data: pd.DataFrame,
    *,
    percent: Iterable[str] = (),
    small: Iterable[str] = (),
    wide: Iterable[str] = (),
    names: Iterable[str] = (),
    **more: Any,
) -> Any:
    """A table whose `percent` columns are percent or points with one digit, `small` ones have three that count; `wide` are long texts.

    `names` are as wide as the longest: Streamlit looks at the first ten.
    """
    percent = [c for c in percent if c in data]
    data = data.assign(**{c: data[c].astype(float).round(_SETTLED) for c in percent})
    config: dict[str, Any] = dict.fromkeys(percent, st.column_config.NumberColumn(format="%.1f"))
    config |= dict.fromkeys(small, st.column_config.NumberColumn(format="%.3g"))  # no p is 0.000
    config |= dict.fromkeys(wide, st.column_config.TextColumn(width="large"))
    config |= {c: st.column_config.TextColumn(width=24 + 7 * max(map(len, data[c]), default=0)) for c in names}
    if len(data) <= _WHOLE:  # Streamlit shows ten: of ten languages the mean would be out of sight
        more = {"height": "content", **more}
    return st.dataframe(
        data, hide_index=True, width="stretch", placeholder="–", column_config={c: v for c, v in config.items() if c in data}, **more
    )


def chart(drawn: Chart, said: str, **more: Any) -> Any:
    """A chart, with what it shows in words for those who do not see it."""
    return st.vega_lite_chart(_spec(drawn), width="stretch", alt=said, **more)


def picture(source: Source, data: pd.DataFrame, make: Callable[..., Any], *more: Any) -> dict[str, Any]:
    """A chart that Altair makes of some rows (`make(data, *more)`), made once: see `_spec` for why."""
    mark = (str(data.to_dict("list")), *map(str, more))
    made: dict[str, Any] = source.snapshot.kept((make.__module__, make.__qualname__, *mark), lambda: make(data, *more).to_dict())
    return made


def _spec(drawn: Chart) -> dict[str, Any]:
    """As Vega-Lite. Altair checks every part of a chart against a schema, which takes longer than all else on a page: pages write dicts."""
    spec: dict[str, Any] = drawn if isinstance(drawn, dict) else drawn.to_dict()
    # The chart as a whole has its words in `alt`; Vega's names for every mark would be read out one by one.
    made: dict[str, Any] = _silent(spec)
    return made


def _settled(part: Any) -> Any:
    """Numbers without what only the order of a sum has changed: a half is shown as tables.decimal shows it."""
    if isinstance(part, dict):
        return {k: _settled(v) for k, v in part.items()}
    if isinstance(part, list):
        return [_settled(p) for p in part]
    return float(f"{part:.12g}") if isinstance(part, float) else part


def _silent(part: Any) -> Any:
    """The same with marks that have no names of their own."""
    if isinstance(part, list):
        return [_silent(p) for p in part]
    if not isinstance(part, dict):
        return part
    found = {k: _settled(v) if k in ("data", "datasets") else _silent(v) for k, v in part.items()}
    if "mark" in found:
        mark = found["mark"]
        found["mark"] = {"aria": False, **(mark if isinstance(mark, dict) else {"type": mark})}
    return found


def download(data: pd.DataFrame, name: str, caption: str = "", drawn: "Chart | None" = None, small: Iterable[str] = ()) -> None:
    """What is on screen as CSV, Parquet, LaTeX (`small` as for `table`), and a chart as SVG and PNG; made when asked for."""
    with st.popover("Download"):
        for label, ending, mime, make in (
            ("CSV", "csv", "text/csv", lambda: _csv(data)),
            ("Parquet", "parquet", "application/vnd.apache.parquet", lambda: _parquet(data)),
            ("LaTeX", "tex", "application/x-tex", lambda: _latex(data, caption or name, small)),
        ):
            st.download_button(label, make, f"{name}.{ending}", mime, key=f"download-{name}-{ending}", on_click="ignore")
        if drawn is not None:
            for label, ending, mime in (("Chart as SVG", "svg", "image/svg+xml"), ("Chart as PNG", "png", "image/png")):

                def image(ending: str = ending) -> bytes:
                    return _image(drawn, ending)

                st.download_button(label, image, f"{name}.{ending}", mime, key=f"download-{name}-{ending}", on_click="ignore")


def _texts(data: pd.DataFrame) -> pd.DataFrame:
    """Names that a spreadsheet would take for formulas begin with a quote."""
    columns = data.select_dtypes(include=["object", "string"]).columns
    found = data.assign(**{c: data[c].map(lambda v: as_text(v) if isinstance(v, str) else v) for c in columns})
    return found.rename(columns=lambda c: as_text(str(c)))


def _csv(data: pd.DataFrame) -> bytes:
    return _texts(data).to_csv(index=False).encode("utf-8")


def _parquet(data: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    data.to_parquet(out, index=False)
    return out.getvalue()


def _latex(data: pd.DataFrame, caption: str, small: Iterable[str] = ()) -> bytes:
    """A booktabs table of what is on screen."""
    from xbench.wording import escape, p_value

    def cell(column: str, value: Any) -> str:
        if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
            return "--"
        if column in ("p", "adjusted p") and isinstance(value, float):
            return escape(p_value(value))
        if column in small:
            return f"{value:.3g}"
        return decimal(value) if isinstance(value, float) else escape(str(value))

    columns = "".join("r" if pd.api.types.is_numeric_dtype(t) else "l" for t in data.dtypes)
    names = [str(c) for c in data.columns]
    lines = [" & ".join(map(cell, names, line)) + r" \\" for line in data.itertuples(index=False)]
    head = " & ".join(map(escape, names)) + r" \\"
    return "\n".join(
        ["% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering", f"\\begin{{tabular}}{{{columns}}}", "\\toprule", head,
         "\\midrule", *lines, "\\bottomrule", "\\end{tabular}", f"\\caption{{{escape(caption)}}}", "\\end{table}", ""]
    ).encode("utf-8")  # fmt: skip


def _image(drawn: Chart, ending: str) -> bytes:
    import vl_convert

    spec = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "background": "white", **_spec(drawn)}
    if spec.get("width") == "container":
        spec["width"] = 900
    if ending == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode("utf-8")
    return bytes(vl_convert.vegalite_to_png(spec, scale=2))


def columns(source: Source, split: str = "test") -> pd.DataFrame:
    """Table `col` of one split with a label for each, made once; not to be changed."""

    def made() -> pd.DataFrame:
        found = source.snapshot.columns(split).copy(deep=False)
        found["label"] = column_labels(found) if len(found) else pd.Series(dtype=str)
        return found

    held: pd.DataFrame = source.snapshot.kept(("columns", split), made)
    return held


def column_labels(found: pd.DataFrame) -> "pd.Series[str]":
    """What makes one column of numbers comparable, in words; the data's revision where there are several of a target."""
    several = found.groupby("target")["dataset_revision"].transform("nunique") > 1
    short = found["target"] + " · " + found["metric"] + " (" + found["scorer"] + ")"
    if "language_set" in found:  # means that sources printed are in a column of their own
        short = short.where(found["language_set"].isna(), short + " · means as printed")
        printed = found["language_set"].notna() & (found.assign(short=short).groupby("short")["target"].transform("size") > 1)
        short = short.where(~printed, short + " over " + found["language_set"].fillna(""))
    return short.where(~several, short + " · data " + found["dataset_revision"].map(brief))


def brief(revision: str) -> str:
    """A revision in few characters that still tell it from others; page Provenance has it whole."""
    return revision if len(revision) <= 16 else short_hash({"revision": revision}, 6)


def labelled(data: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the language of each row had labels in training, of one of two systems at least."""
    other = data["against_train_language"] if "against_train_language" in data else data["train_language"]
    trained = [both(one, None if pd.isna(two) else two) for one, two in zip(data["train_language"], other, strict=True)]
    seen = [had_labels(code, train) for code, train in zip(data["language"], trained, strict=True)]
    return pd.Series(seen, index=data.index, dtype=bool)


def intermediates(found: pd.DataFrame) -> "pd.Series[str]":
    """The intermediate task of each row, with its revision where there are several of one."""
    several = found.groupby("intermediate")["intermediate_revision"].transform("nunique") > 1
    return found["intermediate"].where(~several, found["intermediate"] + " (" + found["intermediate_revision"].map(brief) + ")")


def system_labels(found: pd.DataFrame) -> "pd.Series[str]":
    """Systems in as few words as tell them apart: model and intermediate, and of the other fields those in which they differ."""
    direct = found["intermediate"] == "none"
    after = (" after " + found["intermediate"]).mask(found["intermediate"] == "unknown", " · intermediate task unknown")
    label = found["model"] + after.where(~direct, "")
    for field in (
        "train_language",
        "source",
        "model_revision",
        "recipe_label",
        "stack",
        "source_version",
        "intermediate_revision",
        "recipe_id",
        "relationship",
        "kind",
        "development",
    ):
        if not label.duplicated().any():
            break
        if field in found:
            differs = found.groupby(label)[field].transform("nunique") > 1
            said = ("development data " if field == "development" else "") + found[field].astype(str)
            label = label.where(~differs, label + " · " + said)
    return label
