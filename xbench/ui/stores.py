"""The store that the app shows. It is opened from the moment the first reader comes, while the pages are still imported."""

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import streamlit as st

from xbench import listing, serving, share
from xbench.errors import XbenchError
from xbench.places import place


def root() -> Path:
    """The store of XBENCH_STORE, or ./results where that is not set, or empty, as on the command line.

    Raises:
        XbenchError: If it cannot be one.
    """
    return place(os.environ.get("XBENCH_STORE") or "results")


def newest() -> tuple[serving.Server, serving.Snapshot, bool]:
    """The store, its newest content, and whether it is the published numbers, for want of a run in it.

    Raises:
        XbenchError: If it cannot be opened.
        OSError: If it cannot be looked at.
    """
    there = root()
    published = not any(name.endswith(".parquet") for name in listing.inside(there / "run"))
    server = _server(_published() if published else str(there))
    return server, server.newest(), published


def begin() -> None:
    """Open it in a thread, unless that was done; `newest` waits for it."""
    _begun()


def opening() -> bool:
    """Whether it is not open yet."""
    return _begun().is_alive()


@st.cache_resource(show_spinner=False)
def _begun() -> threading.Thread:
    thread = threading.Thread(target=_open, daemon=True)
    thread.start()
    return thread


def _open() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 10)  # imports would make it wait that long after each of a hundred statements
    try:
        with contextlib.suppress(XbenchError, OSError):  # the page asks again, and says it
            newest()
    finally:
        sys.setswitchinterval(usual)


@st.cache_resource(show_spinner=False)
def _server(folder: str) -> serving.Server:
    return serving.Server(place(folder))


@st.cache_resource(show_spinner=False)
def _published() -> str:
    from xbench import ingesting

    folder = tempfile.mkdtemp(prefix="xbench-published-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ingesting.ingest([share.folder("data") / "published"], Path(folder))
    return folder
