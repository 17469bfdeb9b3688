"""The process beside the app: what it computes, what it raises, and what happens when either side is killed."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from tests.conftest import Writer
from xbench import background, serving, store
from xbench.errors import PluginError, StoreError

ROOT = Path(__file__).parent.parent


# What another process shall find by name is at the top level of a module.
def refuse(con: duckdb.DuckDBPyConnection) -> None:
    raise PluginError("no such thing", ["one", "two"])


def stumble(con: duckdb.DuckDBPyConnection) -> None:
    raise ZeroDivisionError("by accident")


def talk(con: duckdb.DuckDBPyConnection) -> int:
    sys.stdout.write("what a library may print\n")
    return os.getpid()


def die(con: duckdb.DuckDBPyConnection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def opened(writer: Writer) -> tuple[Path, str]:
    writer.add("none", "mini-pos", 0, {"en": 0.9, "de": 0.5}, scorer="token-accuracy-1")
    con = store.connect(writer.root)
    try:
        return writer.root, store.snapshot(con)
    finally:
        con.close()


def ask(worker: background.Worker, opened: tuple[Path, str], compute: background.Compute) -> Any:
    return worker.submit(*opened, compute).result(60)


def test_it_answers_from_the_snapshot_that_was_asked_for(opened: tuple[Path, str], writer: Writer) -> None:
    worker = background.Worker()
    count = partial(background.tables, queries={"runs": "SELECT count(*) AS n FROM run"})
    assert ask(worker, opened, count)["runs"]["n"].tolist() == [1]
    writer.add("none", "mini-pos", 1, {"en": 0.9}, scorer="token-accuracy-1")
    assert ask(worker, opened, count)["runs"]["n"].tolist() == [1], "a run that came later"
    assert ask(worker, opened, talk) != os.getpid(), "another process"


def test_errors_come_back_as_they_were_or_as_what_cannot_be_computed(opened: tuple[Path, str]) -> None:
    worker = background.Worker()
    with pytest.raises(PluginError) as caught:
        ask(worker, opened, refuse)
    assert (caught.value.headline, caught.value.problems) == ("no such thing", ("one", "two"))
    with pytest.raises(StoreError, match="ZeroDivisionError: by accident"):
        ask(worker, opened, stumble)
    with pytest.raises(StoreError, match="was never at snapshot"):
        ask(worker, (opened[0], "0123456789ab"), talk)


def test_a_killed_process_is_said_once_and_the_next_call_has_another(opened: tuple[Path, str]) -> None:
    worker = background.Worker()
    with pytest.raises(background.WorkerError, match="reload the page"):
        ask(worker, opened, die)
    assert ask(worker, opened, talk) > 0
    shown = serving.Snapshot(opened[0])
    with pytest.raises(background.WorkerError):
        shown.now("key", die, patience=60)
    assert not shown.asked("key"), "so that it is computed again when asked again"


def test_a_process_that_cannot_be_started_is_said_and_started_when_it_can(
    opened: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, start, refusals = background.Worker(), background._start, [OSError(12, "Cannot allocate memory")]

    def starting() -> "subprocess.Popen[bytes]":
        if refusals:
            raise refusals.pop()
        return start()

    monkeypatch.setattr(background, "_start", starting)
    with pytest.raises(background.WorkerError, match=r"cannot be started: .*Cannot allocate memory"):
        ask(worker, opened, talk)
    assert not worker.busy
    assert ask(worker, opened, talk) > 0


def test_an_error_is_told_once_and_results_are_let_go_of(opened: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away for a moment (a share, a disk) was away for good; results were kept without a bound."""
    root, _ = opened
    snapshot = serving.Snapshot(root)
    count = partial(background.tables, queries={"runs": "SELECT count(*) AS n FROM run"})
    away = root.with_name("away")
    root.rename(away)
    with pytest.raises(StoreError):
        snapshot.now("runs", count, 60)
    away.rename(root)
    found, ready = snapshot.now("runs", count, 60)
    assert ready
    assert found["runs"]["n"].tolist() == [1]
    assert snapshot.asked("runs")
    assert snapshot.now("runs", count, 0)[0] is found
    monkeypatch.setattr(serving, "_MOST_BYTES", 1 << 20)
    many = partial(background.tables, queries={"t": "SELECT range AS n FROM range(20000)"})
    for number in range(12):
        snapshot.later(("many", number), many).result(60)
    wait = time.monotonic() + 10
    while snapshot._jobs and time.monotonic() < wait:  # the last one is put away by the thread that made it
        time.sleep(0.01)
    assert not snapshot._jobs
    assert 20000 * 8 < snapshot._bytes <= 1 << 20
    assert not snapshot.asked(("many", 0))
    assert snapshot.asked(("many", 11))


def test_it_ends_with_the_process_that_started_it(opened: tuple[Path, str]) -> None:
    """Killed with -9 the app cannot say goodbye; the other must not compute on for nobody."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.test_background import talk\nfrom xbench import background\n"
        f"print(background.Worker().submit(Path({str(opened[0])!r}), {opened[1]!r}, talk).result(60), flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        beside = int(app.stdout.readline())
        assert psutil.pid_exists(beside)
        app.kill()
    for _ in range(200):
        if not psutil.pid_exists(beside) or psutil.Process(beside).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("it goes on")


_SPILLING = """
import os, stat, sys
from pathlib import Path
from xbench import background, places
for _ in range(2):
    con = places.database()
    background.bound(con, Path("store"), "60MB")
    con.execute("CREATE TEMP TABLE t AS SELECT i, hash(i)::VARCHAR || hash(i + 1)::VARCHAR s FROM range(2000000) r(i)")
    spill = Path(con.execute("SELECT current_setting('temp_directory')").fetchone()[0])
    about = spill.parent.stat()
    assert sum(path.stat().st_size for path in spill.iterdir()) > 2**20
    assert about.st_uid == os.getuid() and stat.S_IMODE(about.st_mode) == 0o700, about
    print(spill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")
def test_what_needs_more_memory_is_in_files_that_nobody_else_reads_and_that_go(tmp_path: Path) -> None:
    """Anyone could make /tmp/xbench-spill-PID first, and all could read what DuckDB put there."""
    folder = tmp_path / "it's [a] folder"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", _SPILLING], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    used = done.stdout.splitlines()
    assert len(set(used)) == 2, "a folder for each database"
    assert all(Path(spill).is_relative_to(folder) for spill in used)
    assert list(folder.iterdir()) == []


def spill(con: duckdb.DuckDBPyConnection) -> str:
    return str(con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])


def test_a_killed_process_leaves_no_folder_of_its_own(opened: tuple[Path, str]) -> None:
    worker = background.Worker()
    try:
        assert Path(ask(worker, opened, spill)).is_relative_to(background._spill())
    finally:
        worker.close()
