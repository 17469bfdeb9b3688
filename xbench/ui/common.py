"""What the pages share: which store is shown, its rows, filters that live in the address bar."""

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from xbench import board, comparing, ingesting, placing, share
from xbench.errors import XbenchError
from xbench.places import place
from xbench.tables import as_text
from xbench.version import __version__


@dataclass(frozen=True, slots=True)
class Source:
    """What the app shows: a store, and whether it is the shipped published numbers for want of one."""

    root: Path
    published: bool

    @property
    def stamp(self) -> float:
        """Changes when a run is added: the caches below are kept until then."""
        folder = self.root / "run"
        return folder.stat().st_mtime if folder.is_dir() else 0.0


def open_source() -> Source:
    """The store of XBENCH_STORE or ./results; the published numbers when that holds no run."""
    root = place(os.environ.get("XBENCH_STORE", "results"))
    if any((root / "run").glob("*.parquet")):
        return Source(root, False)
    return Source(Path(_published_store()), True)


@st.cache_resource
def _published_store() -> str:
    folder = tempfile.mkdtemp(prefix="xbench-published-")
    ingesting.ingest([share.folder("data") / "published"], Path(folder))
    return folder


@st.cache_data(show_spinner="reading the store")
def _frame(root: str, stamp: float, view: str) -> pd.DataFrame:
    rows = {
        "leaderboard": board.leaderboard,
        "transfer_summary": board.deltas,
        "transfer_mean": board.mean_deltas,
        "suite_mean": board.averages,
        "suite_task_score": board.task_scores,
        "compare": comparing.compare,
        "standings": placing.standings,
    }[view](place(root))
    return pd.DataFrame(rows)


def frame(source: Source, view: str) -> pd.DataFrame:
    """All test rows of a view; an unreadable store is an error on the page, not a traceback."""
    try:
        return _frame(str(source.root), source.stamp, view)
    except XbenchError as error:
        st.error(str(error))
        st.stop()
        raise  # not reached: st.stop ends the page


def header(source: Source, title: str) -> None:
    """Title, and what is shown."""
    st.title(title)
    if source.published:
        st.info(
            "No results in this store yet: these are published numbers that ship with xbench, each with its source. "
            "Run `xbench run` (or `make quickstart`) to make your own."
        )


def plain(text: object) -> str:
    """Text from data, with nothing in it that markdown would take for markup."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", str(text))


def pick(label: str, options: Sequence[str], key: str) -> str:
    """A choice that is part of the address, so that a link shows the same table."""
    chosen = st.query_params.get(key)
    index = options.index(chosen) if chosen in options else 0
    value: str = st.selectbox(label, options, index=index)
    st.query_params[key] = value
    return value


def download(data: pd.DataFrame, name: str) -> None:
    """The rows on screen as CSV; names that a spreadsheet would take for formulas begin with a quote."""
    texts = data.select_dtypes(include=["object", "string"]).columns
    data = data.assign(**{c: data[c].map(lambda v: as_text(v) if isinstance(v, str) else v) for c in texts})
    st.download_button("Download CSV", data.to_csv(index=False), f"{name}.csv", "text/csv")


def column_labels(rows: pd.DataFrame) -> "pd.Series[str]":
    """What makes one column of numbers comparable, in words; the data's revision where there are several of a target."""
    several = rows.groupby("target")["dataset_revision"].transform("nunique") > 1
    plain = rows["target"] + " · " + rows["metric"] + " (" + rows["scorer"] + ")"
    if "basis" in rows:  # means that sources printed are in a column of their own
        plain = plain.where(rows["basis"] == "languages", plain + " · means as printed")
    return plain.where(~several, plain + " · data " + rows["dataset_revision"])


def footer(source: Source) -> None:
    """Where the numbers come from."""
    what = "published numbers" if source.published else f"store {source.root}"
    st.caption(f"xbench {__version__} · {what}")
