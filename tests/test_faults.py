"""What goes wrong on real machines: many at once, full and read-only disks, clocks set back, losses that are no number, no memory.

Each test notes what it did with the fixture `fault`; `python -m tests.faults` makes the table of docs/reliability.md of that.
"""

import datetime
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Writer, some_slow
from tests.test_training import digests, run, write_study
from tests.test_verify import own
from xbench import columns, compacting, executors, ingesting, store, study, verifying
from xbench.errors import StoreError, StudyError, XbenchError
from xbench.executors import local, tracking
from xbench.train import loop

FORK = multiprocessing.get_context("fork")
PREPARED = local.context()
Note = Callable[..., None]


# Many at once.


def write_until(root: Path, first: int, until: float, out: Any) -> None:
    seed = first
    while time.time() < until:
        own(root, seed)
        seed += 1
    out.put(seed - first)


def read_until(root: Path, until: float, out: Any) -> None:
    """Whole runs only, each once, and never fewer than before."""
    most, looks = 0, 0
    while time.time() < until:
        con = store.connect(root)
        runs = dict(con.execute("SELECT run_id, count(*) FROM run GROUP BY ALL").fetchall())
        wrong = [f"run {run} {n}" for run, n in runs.items() if n != 1]
        for table, size in {"prediction": 20, "outcome": 20, "score": 2}.items():
            rows = con.execute(f"SELECT run_id, count(*) FROM {table} GROUP BY ALL").fetchall()
            wrong += [f"{table} of {run}: {n}" for run, n in rows if n != size]
            wrong += [f"{table}: {len(rows)} runs of {len(runs)}"] if len(rows) != len(runs) else []
        con.close()
        if len(runs) < most:
            wrong.append(f"{len(runs)} runs after {most}")
        if wrong:
            out.put(wrong[:5])
            return
        most, looks = max(most, len(runs)), looks + 1
    out.put(looks)


def check_crowd(root: Path, writers: int, readers: int, seconds: float, note: Note) -> None:
    """Writers and readers, and one who compacts; at the end every run is there once and whole."""
    own(root, 0)
    wrote, looked = FORK.Queue(), FORK.Queue()
    until = time.time() + seconds
    crowd = [FORK.Process(target=write_until, args=(root, 1_000_000 * (n + 1), until, wrote)) for n in range(writers)]
    crowd += [FORK.Process(target=read_until, args=(root, until, looked)) for _ in range(readers)]
    for process in crowd:
        process.start()
    compactions, pause = 0, min(seconds / 5, 20)
    while time.time() < until:
        time.sleep(pause)
        compacting.compact(root)
        compactions += 1
    written = [wrote.get(timeout=300) for _ in range(writers)]
    looks = [looked.get(timeout=300) for _ in range(readers)]
    for process in crowd:
        process.join()
    assert all(isinstance(n, int) and n > 0 for n in looks), looks
    assert len(store.complete_runs(root)) == sum(written) + 1
    compacting.compact(root)
    compacting.compact(root, grace=0)
    assert len(store.complete_runs(root)) == sum(written) + 1
    assert verifying.verify(root).problems == []
    note(
        "many at once", f"{writers} writers, {readers} readers and a compaction now and then, {seconds / 60:.1f} minutes",
        f"{sum(written)} runs, {sum(looks)} looks, {compactions} compactions",
    )  # fmt: skip


def test_writers_and_readers_go_on(tmp_path: Path, fault: Note) -> None:
    check_crowd(tmp_path / "store", 2, 2, 5, fault)


@pytest.mark.slow
def test_eight_writers_and_four_readers_for_ten_minutes(tmp_path: Path, fault: Note) -> None:
    check_crowd(tmp_path / "store", 8, 4, 600, fault)


def run_here(path: str, root: str) -> None:
    run(Path(path), Path(root))


def test_two_identical_runs_at_once(tiny_model: Path, tmp_path: Path, fault: Note) -> None:
    path = write_study(tmp_path, tiny_model, targets=["mini-ner"], seeds=[0])
    run(path, tmp_path / "one")
    twins = [PREPARED.Process(target=run_here, args=(str(path), str(tmp_path / "two"))) for _ in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert [twin.exitcode for twin in twins] == [0, 0]
    assert digests(tmp_path / "two") == digests(tmp_path / "one")
    found = verifying.verify(tmp_path / "two", deep=True)
    assert found.problems == []
    fault("two at once", "xbench run of one study into one store, twice", f"{len(store.complete_runs(tmp_path / 'two'))} runs")


# Disks.


def limited(action: Callable[..., object], given: tuple[Any, ...], size: int, out: Any) -> None:
    """In a process that cannot write a file beyond `size` bytes: the write fails as on a full disk, in the middle of a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        action(*given)
        out.put("")
    except XbenchError as error:
        out.put(str(error))
    except BaseException as error:  # noqa: BLE001 - what is no error of ours has no message for the user
        out.put(f"TRACEBACK {error!r}")


def in_child(context: Any, action: Callable[..., object], given: tuple[Any, ...], size: int) -> str:
    out = context.Queue()
    child = context.Process(target=limited, args=(action, given, size, out))
    child.start()
    said = out.get(timeout=120)
    child.join()
    return str(said)


def ingest(path: Path, root: Path) -> None:
    ingesting.ingest([path], root)


@pytest.mark.parametrize("soon", some_slow([columns._SOON, 0], [0]), ids=["a database writes", "Arrow writes the scores"])
def test_a_disk_that_fills_during_an_ingest(tmp_path: Path, fault: Note, monkeypatch: pytest.MonkeyPatch, soon: int) -> None:
    monkeypatch.setattr(columns, "_SOON", soon)
    file, rows = tmp_path / "given.csv", 0
    head = "model,intermediate,target,language,metric,value,source\n"
    lines = [f"m{i},none,xnli,{code},accuracy,0.{i:03},paper\n" for i in range(200) for code in ("de", "fr")]
    file.write_text(head + "".join(lines), encoding="utf-8")
    refused = 0
    for size in (1, 100, 1000, 2000, 4000, 8000, 16_000):
        root = tmp_path / f"store{size}"
        said = in_child(FORK, ingest, (file, root), size)
        refused += bool(said)
        assert "TRACEBACK" not in said
        assert not said or "too large" in said or "No space" in said or "write" in said.lower(), said
        rows = len(store.complete_runs(root)) if root.exists() else 0
        assert rows in (0, 200)
        assert not root.exists() or verifying.verify(root).whole
        ingest(file, root)
        assert len(store.complete_runs(root)) == 200
        assert verifying.verify(root).whole
    assert refused >= 3
    fault("disk full", "ingest, at seven sizes of file", f"{refused} times", said="names the file that could not be written")


@pytest.mark.parametrize("sizes", [(3000,), pytest.param((200, 3000, 12_000), marks=pytest.mark.slow)])
def test_a_disk_that_fills_during_a_run(tiny_model: Path, tmp_path: Path, sizes: tuple[int, ...], fault: Note) -> None:
    path = write_study(tmp_path, tiny_model, seeds=[0], targets=["mini-ner"])
    run(path, tmp_path / "undisturbed")
    refused = 0
    for size in sizes:
        root = tmp_path / f"store{size}"
        said = in_child(PREPARED, run, (path, root), size)
        refused += bool(said)
        assert "TRACEBACK" not in said
        found = verifying.verify(root)
        assert found.whole, found.problems
        run(path, root)
        assert digests(root) == digests(tmp_path / "undisturbed")
    assert refused >= max(1, len(sizes) - 1)
    fault(
        "disk full",
        f"xbench run, at limits of {', '.join(map(str, sizes))} bytes a file",
        f"{refused} times",
        said="names the cell, and the same command goes on",
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder whose parents anybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="xbench-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(action: Callable[..., object], given: tuple[Any, ...], out: Any) -> None:
    if os.geteuid() == 0:  # what is read-only to others is not to root
        os.setgid(65534)
        os.setuid(65534)
    try:
        out.put(repr(action(*given)))
    except XbenchError as error:
        out.put(str(error))
    except BaseException as error:  # noqa: BLE001
        out.put(f"TRACEBACK {error!r}")


def test_a_read_only_store(open_folder: Path, fault: Note) -> None:
    root = open_folder / "store"
    own(root, 0)
    for seed in range(1, 4):
        own(root, seed)
    for path in (root, *root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def ask(action: Callable[..., object], *given: Any) -> str:
        out = FORK.Queue()
        child = FORK.Process(target=as_nobody, args=(action, given, out))
        child.start()
        said = out.get(timeout=60)
        child.join()
        return str(said)

    try:
        assert len(eval(ask(store.complete_runs, root))) == 4  # noqa: S307 - a set of ids that this test made
        assert "problems=[]" in ask(verifying.verify, root)
        for said in (ask(own, root, 9), ask(compacting.compact, root)):
            assert "TRACEBACK" not in said
            assert "Permission denied" in said
            assert str(root) in said
    finally:
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert verifying.verify(root).problems == []
    fault("read-only folder", "read, verify; write, compact", "4 commands", said="reads; else names the file: Permission denied")


# Clocks.


def test_a_clock_that_is_set_back(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Note) -> None:
    from xbench.executors import working

    class Clock(datetime.datetime):
        times = 0

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Clock":
            Clock.times += 1
            return cls.fromtimestamp(2_000_000_000 - 3600 * Clock.times, tz)

    path = write_study(tmp_path, tiny_model, seeds=[0], targets=["mini-ner"])
    monkeypatch.setattr(working, "datetime", Clock)
    root = tmp_path / "store"
    assert run(path, root) == 2
    assert Clock.times >= 4
    con = store.connect(root)
    assert con.execute("SELECT count(*) FROM run WHERE started <= finished").fetchall() == [(2,)]
    con.close()
    assert verifying.verify(root).problems == []
    fault("clock set back", "by an hour at every look, during a run", f"{Clock.times} looks")


def test_files_of_a_clock_that_was_set_back(tmp_path: Path, fault: Note) -> None:
    """The order of writing is lost, the content is not: the newest snapshot opens, and no link shows another one's runs."""
    root, snapshots = tmp_path / "store", []
    for seed in range(4):
        name = own(root, seed)
        os.utime(root / "run" / f"{name}.parquet", (2_000_000_000 - 1000 * seed,) * 2)
        con = store.connect(root)
        snapshots.append((store.snapshot(con), store.complete_runs(root)))
        con.close()
    for snapshot, runs in snapshots:
        try:
            con = store.connect(root, snapshot)
        except StoreError as error:
            assert "was never at snapshot" in str(error)  # noqa: PT017
            assert len(runs) < 4
            continue
        assert {row[0] for row in con.execute("SELECT run_id FROM run").fetchall()} == runs
        con.close()
    fault("clock set back", "between the writes of four runs", "4 snapshots", said="older ones: was never at snapshot")


# Training.


def fails(path: Path, root: Path) -> str:
    with pytest.raises(StudyError) as caught:
        run(path, root)
    return str(caught.value)


def test_a_loss_that_is_no_number(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Note) -> None:
    path = write_study(tmp_path, tiny_model, seeds=[0], intermediates=["none"], targets=["mini-ner", "mini-pos"])
    root = tmp_path / "store"
    step = loop._State.step

    def spoilt(self: Any, losses: Iterator[Any]) -> None:
        step(self, (loss * float("nan") for loss in losses) if "mini-ner" in self.plan.name else losses)

    with monkeypatch.context() as patch:
        patch.setattr(loop._State, "step", spoilt)
        said = fails(path, root)
    assert "diverged: the loss is nan in step 1; lower learning_rate" in said
    assert len(store.complete_runs(root)) == 1  # the other cell is run
    assert {r["state"] for r in tracking.status(root)} == {"done", "failed"}
    assert run(path, root) == 1
    assert verifying.verify(root).problems == []
    fault("loss that is NaN", "one cell of two", "1 cell", said="diverged: … lower learning_rate; the other cell is run")


@pytest.mark.parametrize("kind", some_slow(["python", "torch", "processor"], ["torch"]))
def test_no_memory(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, fault: Note) -> None:
    path = write_study(tmp_path, tiny_model, seeds=[0], intermediates=["none"], targets=["mini-ner", "mini-pos"])
    root, fit = tmp_path / "store", loop.fit

    def starved(plan: Any, *given: Any, **named: Any) -> Any:
        if "mini-ner" in plan.name:
            if kind == "python":
                raise MemoryError
            if kind == "torch":
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
            torch.empty(1 << 60)  # which no machine has
        return fit(plan, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "fit", starved)
        said = fails(path, root)
    assert "there was not enough memory for" in said
    assert "compute.micro_tokens" in said
    assert len(store.complete_runs(root)) == 1
    assert run(path, root) == 1
    assert verifying.verify(root).problems == []
    fault(
        "out of memory", f"in training, as {kind} says it", "1 cell of 2", said="there was not enough memory for …; compute.micro_tokens …"
    )


def test_without_an_accelerator(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Note) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = write_study(tmp_path, tiny_model, seeds=[0], intermediates=["none"], targets=["mini-ner"])
    assert run(path, tmp_path / "store") == 1
    con = store.connect(tmp_path / "store")
    hardware = con.execute("SELECT DISTINCT hardware FROM run").fetchall()
    con.close()
    assert len(hardware) == 1
    assert "cuda" not in hardware[0][0].lower()
    fault("CUDA absent", "xbench run", "1 run", said="on the processor, which the run says as its hardware")
    assert executors.missing(study.plan(study.load_study(path), {str(tiny_model): "x"}), tmp_path / "store")


def test_foreign_files_are_passed_over_or_named(writer: Writer, fault: Note) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    own(writer.root, 0)
    (writer.root / "score" / "notes.txt").write_text("mine")
    assert verifying.verify(writer.root).whole
    assert len(store.complete_runs(writer.root)) == 1
    pq.write_table(pa.table({"a": [1]}), writer.root / "run" / "other.parquet")
    found = verifying.verify(writer.root)
    assert ("contract", "run/other.parquet") in {(p.kind, p.file) for p in found.problems}
    (writer.root / "run" / "other.parquet").write_bytes(b"PK\x03\x04 no parquet at all")
    with pytest.raises(StoreError, match=r"other\.parquet"):
        store.connect(writer.root)
    fault("foreign file", "text, Parquet of other columns, no Parquet", "3 files", said="passed over, or named with what it lacks")
