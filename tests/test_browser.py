"""The app in a real browser: every page drawn, nothing asked of another machine, accessible, and what one does with it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Writer, some_slow
from tests.test_comparing import answers, put
from xbench.ui import shell

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
PAGES = [name for name in shell.modules() if name != "add"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HOSTILE = "<img src=x onerror=window.hacked=1> **bold** =1+1"
# Streamlit's frontend, opened at /PAGE, first asks below that path whether the server lies there.
_ITS_OWN_404 = ("/_stcore/health", "/_stcore/host-config")
# Of Streamlit's own frontend, not of ours: the list of pages puts headings between list items, tables are a canvas.
_NOT_OURS = (
    "[data-testid=stDataFrame], [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stSidebarHeader], [data-testid=stSidebarNav]"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two intermediate tasks beside the direct baseline with examples, and a model whose name is an attack."""
    root = tmp_path_factory.mktemp("browser") / "store"
    for seed in (0, 1):
        put(root, "none", seed, {c: answers(10 * seed + i, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))})
        put(root, "intents", seed, {c: answers(10 * seed + i + 4, 0.9) for i, c in enumerate(("en", "ar", "de", "hi"))})
        put(root, "mini-ner", seed, {c: answers(10 * seed + i + 4, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))})
    for intermediate in ("none", "[x](javascript:alert(1))"):
        Writer(root).add(intermediate, "mini-nli", 0, {"de": 0.5, "hi": 0.6}, model=HOSTILE, scorer="accuracy-1", evidence="aggregate")
    return root


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parent.parent
    environment = {**os.environ, "XBENCH_STORE": str(root), "XBENCH_CACHE": str(tmp_path_factory.mktemp("cache"))}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true",
               "--server.address", "127.0.0.1"]  # fmt: skip
    log = tmp_path_factory.mktemp("log") / "streamlit.log"
    with log.open("wb") as out, subprocess.Popen(command, env=environment, cwd=here, stdout=out, stderr=out) as server:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM)
        yield found
        found.close()


class Visit:
    """A reader's window, and everything that went wrong in it."""

    def __init__(self, browser: Any, address: str, viewport: dict[str, int], scheme: str) -> None:
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, accept_downloads=True)
        self.page, self.address = self.context.new_page(), address
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        where = (message.location or {}).get("url", "")
        if message.type == "error" and not where.endswith(_ITS_OWN_404):
            self.problems.append(f"console: {message.text} ({where})")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.problems.append(f"request to another machine: {request.url}")

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.address}/{path}")
        return self.drawn()

    def drawn(self) -> Any:
        """Wait until the page is complete, background and all."""
        page = self.page
        page.wait_for_selector("[data-testid=stAppViewContainer] h1", timeout=60_000)
        end = time.monotonic() + 60
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < end, "the page is never complete"
            page.wait_for_timeout(150)
            busy = page.locator("[data-testid=stApp][data-test-script-state=running]").count() or page.get_by_text("⏳").count()
            quiet = 0 if busy else quiet + 1
        return page

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    found = Visit(browser, address, DESKTOP, "light")
    yield found
    found.close()


def check(browser: Any, address: str, name: str, viewport: dict[str, int], scheme: str) -> None:
    visit = Visit(browser, address, viewport, scheme)
    try:
        page = visit.open("" if name == "leaderboard" else name)
        assert page.locator("h1").first.inner_text() == shell.modules()[name].TITLE
        assert not page.locator("[data-testid=stException]").count()
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} pixels too wide"
        # axe looks at what is seen only: a window as high as the page shows all of it.
        page.set_viewport_size({**viewport, "height": page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")})
        visit.drawn()
        found = axe.Axe().run(page, context={"exclude": [[s] for s in _NOT_OURS.split(", ")]}).response
        serious = [
            f"{v['id']}: {v['help']}: {n['html'][:200]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
            for n in v["nodes"]
        ]
        assert not serious, "\n".join(serious)
        assert not visit.problems, "\n".join(visit.problems)
    finally:
        visit.close()


@pytest.mark.parametrize("name", some_slow(PAGES, ["leaderboard", "compare"]))
def test_page(browser: Any, address: str, name: str) -> None:
    check(browser, address, name, DESKTOP, "light")


@pytest.mark.parametrize(("name", "scheme"), some_slow([(n, s) for n in PAGES for s in ("light", "dark")], [("transfer", "dark")]))
def test_page_on_a_phone(browser: Any, address: str, name: str, scheme: str) -> None:
    check(browser, address, name, PHONE, scheme)


def csv(visit: Visit) -> bytes:
    """The first table of the page, downloaded."""
    page = visit.page
    if not page.get_by_role("button", name="CSV", exact=True).count():  # the list is not open yet
        page.locator("[data-testid=stPopover] button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_a_choice_can_be_shared_and_downloaded(visit: Visit, browser: Any, address: str) -> None:
    page = visit.open("")
    before = csv(visit)
    page.get_by_text("available", exact=True).click()
    page.wait_for_url("**mean=available**")
    visit.drawn()
    link = page.url
    other = Visit(browser, address, DESKTOP, "light")
    other.page.goto(link)
    other.drawn()
    assert other.page.get_by_role("radio", name="available").is_checked()
    assert "Means are over whatever a system has" in other.page.locator("[data-testid=stMain]").inner_text()
    shared = csv(other)
    other.close()
    assert shared != before
    assert shared == csv(visit)


def test_a_cell_of_the_map_can_be_clicked_and_followed(visit: Visit, browser: Any, address: str) -> None:
    page = visit.open("transfer?target=mini-pos+%C2%B7+accuracy+%28token-accuracy-1%29")
    drawn = page.locator("[data-testid=stVegaLiteChart]").nth(1)
    drawn.scroll_into_view_if_needed()
    box = drawn.locator("canvas, svg").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 60)
    page.wait_for_url("**cell=**")
    visit.drawn()
    text = page.locator("[data-testid=stMain]").inner_text()
    assert "95 % interval" in text
    page.get_by_role("button", name="The examples that flipped").click()
    page.wait_for_url("**/compare**")
    visit.drawn()
    assert page.locator("h1").first.inner_text() == "Compare"
    assert not visit.problems


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.open("transfer")
    box = page.get_by_role("combobox").first
    box.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**system=%3Cimg**")


@pytest.mark.parametrize("name", some_slow(["", f"transfer?system={quote(HOSTILE)}", "compare", "provenance", "audit"], ["", "provenance"]))
def test_names_run_nothing(visit: Visit, name: str) -> None:
    page = visit.open(name)
    assert page.evaluate("window.hacked") is None
    assert not page.locator("[data-testid=stMain] a[href^=javascript]").count()
    assert not page.locator("[data-testid=stMain] img[src=x]").count()
    assert not [p for p in visit.problems if "another machine" in p]


@pytest.mark.slow  # by default tests/test_app.py asks the same without a browser
def test_a_link_shows_the_same_after_the_store_grew(visit: Visit, root: Path, browser: Any, address: str) -> None:
    page = visit.open("")
    link, before = page.url, csv(visit)
    put(root, "mini-retrieval", 0, {c: answers(50 + i, 0.95) for i, c in enumerate(("en", "ar", "de", "hi"))})
    time.sleep(2.5)  # the server looks again after two seconds
    later = Visit(browser, address, DESKTOP, "light")
    for _ in range(20):
        later.open("")
        if later.page.url != link:
            break
        time.sleep(0.5)
    assert later.page.url != link
    assert csv(later) != before
    later.page.goto(link)
    later.drawn()
    assert "The store has grown since" in later.page.locator("[data-testid=stMain]").inner_text()
    assert csv(later) == before
    later.close()
