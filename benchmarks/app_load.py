"""The app under load: N sessions on loopback, each doing something every few seconds.

    python benchmarks/app_load.py STORE [--sessions 50] [--seconds 60] [--pause 5] [--same-second]

Speaks Streamlit's own protocol over websockets, so what is measured is the server: from the message that asks to the one that says that the
script has ended, first pages and interactions apart. --same-second opens all sessions at once. A page that shows an error counts as one.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

APP = Path(__file__).parent.parent / "app.py"
PAGES = ("", "transfer", "compare", "languages", "averages", "coverage", "provenance", "claims")


class Session:
    """One reader."""

    def __init__(self, port: int, seed: int) -> None:
        self.port, self.rng = port, random.Random(seed)
        self.pages: dict[str, str] = {}  # url path: page script hash
        self.targets: list[str] = []
        self.errors = self.elements = 0

    async def open(self) -> float:
        """Seconds of the first page."""
        self.socket = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None,
            origin=f"http://127.0.0.1:{self.port}",
        )  # fmt: skip
        return await self.ask("", {})

    async def ask(self, page: str, query: dict[str, str]) -> float:
        """Seconds from asking for a page to the end of its script."""
        message = BackMsg()
        message.rerun_script.query_string = urlencode(query)
        message.rerun_script.page_script_hash = self.pages.get(page, "")
        begun = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        while True:
            said = ForwardMsg()
            said.ParseFromString(await self.socket.recv())
            kind = said.WhichOneof("type")
            if kind == "navigation":
                self.pages = {p.url_pathname: p.page_script_hash for p in said.navigation.app_pages}
            elif kind == "delta":
                element = said.delta.new_element.WhichOneof("type")
                self.elements += element in ("dataframe", "vega_lite_chart", "arrow_data_frame", "arrow_vega_lite_chart")
                self.errors += element == "exception"
                if element == "selectbox" and said.delta.new_element.selectbox.label == "Target and metric":
                    self.targets = list(said.delta.new_element.selectbox.options)
            elif kind == "script_finished":
                return time.perf_counter() - begun

    async def act(self) -> tuple[str, float]:
        """Go somewhere, as people do: another page, or another target on one."""
        page = self.rng.choice(PAGES)
        query = {}
        if page in ("transfer", "compare", "languages") and self.targets:
            query["target"] = self.rng.choice(self.targets)
        elif not page:
            query["mean"] = self.rng.choice(["strict", "available", "common support"])
        return page or "leaderboard", await self.ask(page if page in self.pages else "", query)


async def load(port: int, sessions: int, seconds: float, pause: float, together: bool) -> dict[str, list[float]]:
    """All sessions; {first or name of a page: seconds}."""
    found: dict[str, list[float]] = {"first": []}
    failures: Counter[str] = Counter()
    elements = 0
    end = time.monotonic() + seconds

    async def one(number: int) -> None:
        nonlocal elements
        session = Session(port, number)
        await asyncio.sleep(0 if together else number * pause / sessions)
        try:
            found["first"].append(await session.open())
            while time.monotonic() < end:
                await asyncio.sleep(session.rng.uniform(0.8, 1.2) * pause)
                page, took = await session.act()
                found.setdefault(page, []).append(took)
            failures["exceptions on a page"] += session.errors
        except (OSError, websockets.WebSocketException) as error:
            failures[type(error).__name__] += 1
        elements += session.elements

    await asyncio.gather(*(one(i) for i in range(sessions)))
    print(f"errors: {sum(failures.values())} {dict(failures)}; {elements} tables and charts arrived")
    return found


def serve(store: str) -> tuple[subprocess.Popen, int]:
    """The app on a free port, answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port), "--server.headless", "true",
               "--server.address", "127.0.0.1"]  # fmt: skip
    log = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the server runs
    process = subprocess.Popen(command, env={**os.environ, "XBENCH_STORE": store}, cwd=APP.parent, stdout=log, stderr=log)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the app does not start")


def peak_memory(pid: int) -> float:
    """MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {f"p{q}": round(ordered[min(len(ordered) - 1, int(q / 100 * len(ordered)))], 3) for q in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=5)
    parser.add_argument("--same-second", action="store_true")
    parser.add_argument("--settle", type=float, default=0, help="seconds for the background to finish before the load")
    given = parser.parse_args()
    server, port = serve(given.store)
    try:
        process = psutil.Process(server.pid)
        begun = time.perf_counter()
        cold = asyncio.run(Session(port, 0).open())
        print(f"first page of a new server: {cold:.2f} s after {time.perf_counter() - begun - cold:.2f} s of connecting")
        asyncio.run(walk(port))
        time.sleep(given.settle)
        used = process.cpu_times()
        found = asyncio.run(load(port, given.sessions, given.seconds, given.pause, given.same_second))
        after = process.cpu_times()
        clicks = [v for page, values in found.items() if page != "first" for v in values]
        for name, values in [("first page", found["first"]), ("interactions", clicks), *((p, v) for p, v in found.items() if p != "first")]:
            if values:
                print(f"{name:>14}: {len(values):5} times, " + ", ".join(f"{k} {v:.3f} s" for k, v in quantiles(values).items()))
        cpu = after.user + after.system - used.user - used.system
        peak = peak_memory(server.pid)
        beside = sum(peak_memory(child.pid) for child in process.children())
        print(f"peak memory {peak:.0f} MiB, of the process beside {beside:.0f} MiB; processor {cpu:.0f} s")
        print(
            json.dumps(
                {
                    "cold": cold,
                    "first": quantiles(found["first"]),
                    "clicks": quantiles(clicks or [0.0]),
                    "mib": peak,
                    "mib_beside": beside,
                    "cpu": cpu,
                }
            )
        )
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


async def walk(port: int) -> None:
    """Every page once, so that what is computed in the background begins; it says what each took."""
    session = Session(port, 1)
    await session.open()
    for page in PAGES:
        print(f"{page or 'leaderboard':>14}: {await session.ask(page, {}):.2f} s at first, {await session.ask(page, {}):.2f} s again")


if __name__ == "__main__":
    main()
