"""What is around the pages: the list of them, the store, the footer."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import streamlit as st

from xbench import plugins
from xbench.ui import stores

if TYPE_CHECKING:
    from xbench.ui import common  # which takes long to import: the store is opened meanwhile

PAGES = Path(__file__).parent / "pages"


# What a page is made of, and of which kind each is.
_PARTS: tuple[tuple[str, type], ...] = (("TITLE", str), ("ORDER", int), ("SECTION", str), ("page", FunctionType))


@cache
def modules() -> dict[str, ModuleType | SimpleNamespace]:
    """The pages by name, in the order in which they are listed; one whose file is broken says so in its place, and is the last."""
    return dict(sorted(((name, _module(name)) for name in plugins.names(PAGES)), key=lambda item: item[1].ORDER))


def _module(name: str) -> ModuleType | SimpleNamespace:
    file = plugins.path(PAGES, name)
    try:
        found = import_module(f"xbench.ui.pages.{file.stem}")
        wrong = [f"{part} = {kind.__name__}" for part, kind in _PARTS if not isinstance(getattr(found, part, None), kind)]
        if not wrong:
            return found
        said = f"{file}: expected {', '.join(wrong)}"
    except Exception as error:  # noqa: BLE001  # whatever its code does: the other pages are none the worse
        said = plugins.told(error, file)

    def page(source: "common.Source") -> None:
        st.title(name)
        st.error("This page cannot be drawn.")
        st.text(said)

    return SimpleNamespace(TITLE=name, ORDER=sys.maxsize, SECTION="Broken", page=page)


def listed() -> dict[str, Any]:
    """The pages as Streamlit knows them, by name; the first of them is the one without a name in the address."""
    from xbench.ui import common

    shown = {name: module for name, module in modules().items() if name != "add" or common.uploads()}
    first = next(iter(shown))
    return {
        name: st.Page(partial(_draw, module.page), title=module.TITLE, url_path=name, default=name == first)
        for name, module in shown.items()
    }


def run() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="xbench", layout="wide")  # icons by name come from a font server elsewhere
    if not _signed_in():
        return
    stores.begin()
    sections: dict[str, list[Any]] = {}
    for name, page in listed().items():
        sections.setdefault(modules()[name].SECTION, []).append(page)
    st.navigation(sections).run()


def _signed_in() -> bool:
    """Whether pages may be drawn: always, unless XBENCH_SIGN_IN=1 asks for Streamlit's own sign-in (OpenID Connect)."""
    if os.environ.get("XBENCH_SIGN_IN") != "1":
        return True
    try:
        if st.user.is_logged_in:
            return True
    except AttributeError:  # there is no section [auth] in secrets.toml, so nobody can sign in
        st.error("This server asks for sign-in (XBENCH_SIGN_IN=1) and has no way to it: secrets.toml needs [auth], see docs/hosting.md.")
        return False
    st.title("xbench")
    st.write("Results here are for those who are signed in.")
    if st.button("Sign in", type="primary"):
        st.login()
    return False


# Python runs one thread at a time: pages that take turns are all done sooner than pages that are drawn by halves.
_TURNS = threading.BoundedSemaphore(2)


def _draw(page: "Callable[[common.Source], None]") -> None:
    from xbench.ui import common

    with _TURNS:
        with st.spinner("Opening the store …") if stores.opening() else nullcontext():
            source = common.open_source()
        page(source)
        common.footer(source)
