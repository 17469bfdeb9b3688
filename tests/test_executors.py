"""Executors: the same plan gives the same files wherever its items run; what dies is retried, what fails is named, disk use is bounded."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml

from tests.conftest import some_slow
from xbench import executors, store, study
from xbench.errors import StudyError
from xbench.executors import Options, local, tracking
from xbench.executors.drive import Failure, WorkerDiedError, drive
from xbench.executors.graph import Item
from xbench.recipe import Recipe

RECIPE = {
    "frozen_layers": 1,
    "max_length": 64,
    "target": {"epochs": 2, "max_examples": 48},
    "intermediate": {"epochs": 2, "max_examples": 48},
}
# Parts of the study: all; a training that a target stands on, beside the direct baseline; a target by itself.
PARTS: dict[str, Any] = {"all": {}, "shared": {"targets": ["mini-ner"]}, "alone": {"targets": ["mini-ner"], "intermediates": ["none"]}}


def laid_out(folder: Path, tiny: Path, **change: Any) -> tuple[Any, Any]:
    content = {
        "about": "test", "models": [str(tiny)], "intermediates": ["none", "mini-pos"], "targets": ["mini-ner", "mini-retrieval"],
        "seeds": [0], "recipe": RECIPE, **change,
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return executors.lay_out(study.load_study(path))


def digests(root: Path) -> dict[str, str]:
    return {
        f"{table}/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest()
        for table in ("prediction", "outcome", "score")
        for p in (root / table).glob("*.parquet")
    }


def run(given: tuple[Any, Any], root: Path, **options: Any) -> int:
    return executors.run(*given, root, options=Options(threads=1, **options))


@pytest.fixture(scope="module")
def undisturbed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one process gives."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run(laid_out(folder, tiny_model), folder / "store")
    return digests(folder / "store")


def kill_a_worker(root: Path, killed: list[int]) -> None:
    """Kill -9 the first worker that says it is at work, unless it is this process."""
    until = time.monotonic() + 120
    while time.monotonic() < until and not killed:
        for path in (root / "running").glob("*.json"):
            try:
                pid = json.loads(path.read_text())["pid"]
                if pid != os.getpid():
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    return
            except (OSError, ValueError):
                continue
        time.sleep(0.02)


def check_made(root: Path, cells: int, undisturbed: dict[str, str]) -> None:
    """The files of so many cells are there, as one process gives them."""
    made = digests(root)
    assert made == {name: digest for name, digest in undisturbed.items() if name in made}
    assert len(made) == 3 * cells


def check(tiny: Path, tmp_path: Path, undisturbed: dict[str, str], *, kill: bool = True, part: str = "shared", **options: Any) -> None:
    """Two workers, one of which is killed in the middle, give the files of one; of a part of the study, those of its runs."""
    given, root = laid_out(tmp_path, tiny, **PARTS[part]), tmp_path / "store"
    killed: list[int] = []
    thread = threading.Thread(target=kill_a_worker, args=(root, killed))
    if kill:
        thread.start()
    cells = len(given[0].cells)
    assert run(given, root, workers=2, **options) == cells
    if kill:
        thread.join()
        assert killed
    check_made(root, cells, undisturbed)
    assert not (root / "checkpoints").exists()
    rows = tracking.status(root)
    assert {r["state"] for r in rows} == {"done"}


@pytest.mark.parametrize("part", some_slow(["all", "shared"], ["shared"]))
def test_processes(tiny_model: Path, tmp_path: Path, undisturbed: dict[str, str], part: str) -> None:
    check(tiny_model, tmp_path, undisturbed, part=part)


# Each worker of Ray and of Slurm takes ten seconds to begin: by default there is one to kill, and one to come after it.
@pytest.mark.parametrize("part", some_slow(["shared", "alone"], ["alone"]))
def test_ray(tiny_model: Path, tmp_path: Path, undisturbed: dict[str, str], part: str) -> None:
    pytest.importorskip("ray")
    check(tiny_model, tmp_path, undisturbed, part=part, executor="ray")


@pytest.mark.parametrize("part", some_slow(["shared", "alone"], ["alone"]))
def test_slurm(tiny_model: Path, tmp_path: Path, undisturbed: dict[str, str], part: str) -> None:
    """Through submitit's local executor."""
    pytest.importorskip("submitit")
    resources = {"cluster": "local", "timeout_min": 10}
    check(tiny_model, tmp_path, undisturbed, kill=False, part=part, executor="slurm", resources=resources)


def test_what_fails_is_named_and_the_rest_is_run(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xbench.train import cells

    given, root = laid_out(tmp_path, tiny_model), tmp_path / "store"
    real = cells.run_cell

    def broken(bench: Any, cell: Any, *rest: Any) -> Any:
        if (cell.intermediate, cell.target) == ("none", "mini-ner"):
            raise ValueError("no room left\nin the second line")
        return real(bench, cell, *rest)

    monkeypatch.setattr(cells, "run_cell", broken)
    for attempt in (1, 2):
        with pytest.raises(StudyError) as caught:
            run(given, root)
        assert caught.value.problems == ("none -> mini-ner, seed 0: ValueError: no room left\nin the second line",)
        (row,) = [r for r in tracking.status(root) if r["state"] != "done"]
        assert (row["state"], row["attempts"], row["label"]) == ("failed", attempt, "none -> mini-ner, seed 0")
        assert row["error"].startswith("ValueError: no room left")
    assert len(store.complete_runs(root)) == 3
    monkeypatch.setattr(cells, "run_cell", real)
    assert run(given, root) == 1
    assert {r["state"] for r in tracking.status(root)} == {"done"}
    assert not list((root / "failed").glob("*.json"))


def test_a_cell_that_lost_its_run_is_not_beside_what_rescoring_added(tiny_model: Path, tmp_path: Path) -> None:
    """Under a scorer that was new then, and is the one of the cell now."""
    recipe = {**RECIPE, "target": {"epochs": 1, "max_examples": 8}}
    given, root = laid_out(tmp_path, tiny_model, **PARTS["alone"], recipe=recipe), tmp_path / "store"
    run(given, root)
    made = digests(root)
    for table in ("outcome", "score"):
        (path,) = (root / table).glob("*.parquet")
        path.rename(path.with_name(f"mini-ner.{path.stem.rpartition('.')[2]}.span-f1-1.parquet"))
    (path,) = (root / "run").glob("*.parquet")
    path.unlink()
    damaged = root / "score" / "damaged.parquet"
    damaged.write_text("of another run, which is no reason to lose this one")
    assert run(given, root) == 1
    damaged.unlink()
    assert digests(root) == made


def test_a_training_that_fails_holds_back_what_stands_on_it(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xbench.train import stages

    given, root = laid_out(tmp_path, tiny_model), tmp_path / "store"
    real = stages.train

    def broken(bench: Any, stage: Any, trunk: Any) -> Any:
        if stage.task == "mini-pos":
            raise RuntimeError("out of memory")
        return real(bench, stage, trunk)

    monkeypatch.setattr(stages, "train", broken)
    with pytest.raises(StudyError, match="3 of 5 item") as caught:
        run(given, root)
    assert [p.split(": ", 1)[1] for p in caught.value.problems] == [
        "RuntimeError: out of memory", *["needs 'train mini-pos, seed 0', which failed"] * 2,
    ]  # fmt: skip
    assert len(store.complete_runs(root)) == 2
    states = {(r["label"], r["state"]) for r in tracking.status(root)}
    assert ("train mini-pos, seed 0", "failed") in states


class Scripted:
    """A pool whose workers die or fail as told."""

    def __init__(self, deaths: dict[str, int], size: int = 2) -> None:
        self.size = size
        self.deaths = deaths
        self.order: list[str] = []
        self.under_way: list[Item] = []

    def submit(self, item: Item) -> None:
        self.order.append(item.item_id)
        self.under_way.append(item)
        assert len(self.under_way) <= self.size

    def wait(self) -> tuple[Item, Exception | None]:
        item = self.under_way.pop(0)
        if self.deaths.get(item.item_id, 0):
            self.deaths[item.item_id] -= 1
            return item, WorkerDiedError("killed")
        return item, None

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_the_scheduler() -> None:
    """Needs come first, what dies comes again as often as allowed, and what stands on a failure is held back."""
    work = [Item("s", "stage", "s", "m"), *(Item(i, "cell", i, "m", ("s",)) for i in "ab"), Item("c", "cell", "c", "m")]

    def drove(deaths: dict[str, int], retries: int = 2) -> tuple[list[str], list[str], list[Failure]]:
        pool, ended = Scripted(deaths), list[str]()
        failures = drive(work, pool, retries, lambda item: None, lambda item: ended.append(item.item_id), lambda failure: None)
        return pool.order, ended, failures

    assert drove({}) == (["s", "c", "a", "b"], ["s", "c", "a", "b"], [])
    order, ended, failures = drove({"a": 2})
    assert order.count("a") == 3
    assert sorted(ended) == ["a", "b", "c", "s"]
    assert not failures
    order, ended, failures = drove({"s": 3})
    assert ended == ["c"]
    assert [(f.item.item_id, f.attempted) for f in failures] == [("s", True), ("a", False), ("b", False)]
    work = [Item("s", "stage", "s", "m"), Item("t", "stage", "t", "m", ("s",)), Item("a", "cell", "a", "m", ("s", "t"))]
    assert [f.item.item_id for f in drove({"s": 3})[2]] == ["s", "t", "a"]  # of two that it needs one needs the other


def test_a_worker_that_the_system_kills_is_said_to_be_short_of_memory() -> None:
    from xbench.executors.local import Processes
    from xbench.executors.working import Job

    pool, item = Processes(Job({}, "", {}, Options(workers=1)), lambda what, done, total: None), Item("s", "stage", "s", "m")
    for code, said in ((-9, "the worker ended with -9: killed, as the system does where memory runs out;"), (3, "the worker ended with 3")):
        ours, theirs = pool.context.Pipe()
        theirs.close()
        pool.busy[ours] = (SimpleNamespace(exitcode=code, join=lambda: None), item)  # type: ignore[assignment]
        assert str(pool.wait()[1]).startswith(said)


def test_processes_are_spread_over_the_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that replaces another takes the accelerator that is free."""
    import torch

    from xbench.executors.local import Processes
    from xbench.executors.working import Job

    class Started:
        def __init__(self, target: Any, args: Sequence[Any], daemon: bool) -> None:
            self.device = args[2]

        def start(self) -> None:
            pass

    def devices(visible: str | None, count: int) -> list[Any]:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        pool = Processes(Job({}, "", {}, Options(workers=3)), lambda what, done, total: None)
        monkeypatch.setattr(pool.context, "Process", Started)
        for _ in range(3):
            pool.idle.append(pool._start())
        found = [process.device for process, _ in pool.idle]  # type: ignore[attr-defined]
        del pool.idle[1]
        return [*found, pool._start()[0].device]  # type: ignore[attr-defined]

    assert devices(None, 2) == ["0", "1", "0", "1"]
    assert devices("5,GPU-a1,7", 3) == ["5", "GPU-a1", "7", "GPU-a1"]
    assert devices(None, 0) == [None] * 4


def test_tasks_of_ray_share_the_memory_of_their_node() -> None:
    """As many as have room on it by what is scarcest, not the whole of it for each; of two workers in all there are two at most."""
    from xbench.executors.ray import at_once

    node = {"CPU": 64.0, "GPU": 4.0, "memory": 2.0**38, "node:192.0.2.1": 1.0}
    assert at_once(node, {"CPU": 1.0}, None) == 64
    assert at_once(node, {"CPU": 4.0, "GPU": 0.5}, None) == 8
    assert at_once(node, {"CPU": 1.0, "memory": 2.0**36}, None) == 4
    assert at_once(node, {"CPU": 1.0}, 2) == 2
    assert at_once(node, {}, None) == 64


def test_a_worker_of_ray_knows_how_many_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from xbench.executors import ray, working

    here = SimpleNamespace(get_node_id=lambda: "b", get_assigned_resources=lambda: {"CPU": 2.0})
    nodes = [{"NodeID": n, "Resources": {"CPU": c}} for n, c in (("a", 64.0), ("b", 4.0))]
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: here, nodes=lambda: nodes))
    told: list[int | None] = []
    monkeypatch.setattr(ray, "work", lambda job, item: told.append(job.options.workers))
    for workers in (None, 1):
        ray._task(working.Job({}, "", {}, Options(workers=workers)), Item("s", "stage", "s", "m"))
    assert told == [2, 1]


class FakeRay:
    """As much of Ray as is asked before the first task."""

    def __init__(self, cpus: int = 8) -> None:
        self.cpus = cpus
        self.given: dict[str, Any] = {}
        self.up = False

    def remote(self, **given: Any) -> Any:
        if "bogus" in given:
            raise ValueError("Invalid option keyword bogus\nand more")
        return lambda function: function

    def is_initialized(self) -> bool:
        return self.up

    def init(self, **given: Any) -> None:
        self.given, self.up = given, True

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "a", "Alive": True, "Resources": {"CPU": float(self.given.get("num_cpus") or self.cpus)}}]

    def put(self, job: object) -> object:
        return job

    def shutdown(self) -> None:
        self.up = False


def test_what_ray_has_no_room_for_is_said_instead_of_waited_for(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Two workers of four processors each had two processors in all, and waited for ever; so did those that want a GPU where none is."""
    from xbench.executors import working
    from xbench.executors.ray import RayPool

    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def pool(workers: int | None = None, **resources: Any) -> RayPool:
        monkeypatch.setitem(sys.modules, "ray", FakeRay())
        return RayPool(working.Job({}, "", {}, Options(workers=workers, resources=resources)))

    two = pool(2, num_cpus=4)
    assert (two.ray.given["num_cpus"], two.size) == (8, 2)
    assert pool(num_cpus=4).size == 2
    with pytest.raises(StudyError, match="no room here for a worker with num_cpus=1, num_gpus=1: give less"):
        pool(num_gpus=1)
    with pytest.raises(StudyError, match="Ray does not take these --resource") as caught:
        pool(bogus=1)
    assert caught.value.problems == ("Invalid option keyword bogus",)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert pool(num_gpus=1).size == 1
    assert "no node of the Ray cluster has room for a worker with num_cpus=1, num_gpus=1" in " ".join(capfd.readouterr().err.split())


def test_a_slurm_that_cannot_be_set_up_is_one_error(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    from xbench.executors import working
    from xbench.executors.slurm import SlurmPool

    for resources in ({"cluster": "nope"}, {"cluster": "local", "bogus": 3}, {"cluster": "local", "mem_gb": "bogus"}):
        with pytest.raises(StudyError, match="the executor slurm cannot be set up") as caught:
            SlurmPool(working.Job({}, str(tmp_path), {}, Options(resources=resources)))
        assert any(name in caught.value.problems[0] for name in ("nope", "bogus"))


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions, and no Slurm")
def test_jobs_of_slurm_pass_where_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are pickles: who writes one of them, or puts a folder in the place of theirs, has us run it."""
    pytest.importorskip("submitit")
    from xbench.executors import working
    from xbench.executors.slurm import SlurmPool

    def through(root: Path, **more: str) -> Path:
        pool = SlurmPool(working.Job({}, str(root), {}, Options(resources={"cluster": "local", **more})))
        return Path(pool.executor.folder)

    old = os.umask(0o002)
    try:
        root = tmp_path / "a" / "store"
        root.mkdir(parents=True)
        root.chmod(0o755)
        with pytest.raises(StudyError, match=f"{root.parent}: others may write to it"):  # and name another folder `store`
            through(root)
        root.parent.chmod(0o755)
        folder = through(root)
        assert folder == root / "slurm"
        assert (folder.stat().st_mode & 0o777, root.stat().st_mode & 0o777) == (0o700, 0o755)
        assert through(root) == folder
        (root / "link").symlink_to(folder)  # whoever makes it lead elsewhere comes too late
        assert through(root, folder=str(root / "link")) == folder
        for mode in (0o720, 0o702):
            folder.chmod(mode)
            with pytest.raises(StudyError, match=f"{folder}: others may write to it") as caught:
                through(root)
            assert "--resource folder=PATH" in str(caught.value)
        folder.chmod(0o700)
        for mode, sound in ((0o775, False), (0o1777, True), (0o755, True)):
            root.chmod(mode)
            with contextlib.nullcontext() if sound else pytest.raises(StudyError, match=f"{root}: others may write to it"):
                through(root)
        root.chmod(0o775)
        assert through(root, folder=str(tmp_path / "mine")) == tmp_path / "mine"
        with monkeypatch.context() as patch:  # a group of this user alone, as many systems give everybody one
            patch.setattr("xbench.executors.slurm._alone_in", lambda group: group == root.stat().st_gid)
            assert through(root) == folder
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        with pytest.raises(StudyError, match=f"{folder}: it belongs to someone else"):
            through(root)
    finally:
        os.umask(old)


def test_a_job_that_slurm_does_not_take_is_submitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Socket timed out on send/recv operation` of a busy controller ended the study and cancelled what was under way."""
    import submitit

    from xbench.executors import slurm

    monkeypatch.setattr(slurm, "_PAUSE", 0.0)

    class Done:
        job_id, state = "1", "COMPLETED"

        def done(self) -> bool:
            return True

        def result(self) -> None:
            return None

    class Busy:
        asked = 0

        def submit(self, *given: object) -> Done:
            self.asked += 1
            if self.asked == 2:
                raise submitit.core.utils.FailedJobError("sbatch: error: Socket timed out on send/recv operation")
            return Done()

    pool = slurm.SlurmPool.__new__(slurm.SlurmPool)
    pool.job, pool.size, pool.under_way, pool.not_taken, pool.refused = None, 2, [], [], submitit.core.utils.FailedJobError  # type: ignore[assignment]
    pool.executor = Busy()  # type: ignore[assignment]
    items = [Item(name, "cell", name, "m") for name in "abc"]
    ended: list[str] = []
    failures = drive(items, pool, 1, lambda item: None, lambda item: ended.append(item.item_id), lambda failure: None)
    assert not failures
    assert sorted(ended) == ["a", "b", "c"]
    assert pool.executor.asked == 4


def test_workers_elsewhere_find_the_folders(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is named from here is another one from there."""
    given = laid_out(tmp_path, tiny_model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XBENCH_DATA_DIR", "data")
    pool = executors._pool(*given, tmp_path / "store", Options(workers=2), lambda what, done, total: None)
    assert pool.job.environment["XBENCH_DATA_DIR"] == str(tmp_path / "data")  # type: ignore[attr-defined]


def test_jobs_of_slurm_share_the_memory_of_their_node(monkeypatch: pytest.MonkeyPatch) -> None:
    from xbench.executors.slurm import _at_once

    monkeypatch.setattr(os, "cpu_count", lambda: 32)
    for name in ("SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"):
        monkeypatch.setenv(name, "")
    assert _at_once(64) == 64
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "4")
    assert _at_once(64) == 8
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "2000")
    assert _at_once(64) == 1


def test_the_memory_of_a_container_or_a_job_is_what_it_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control groups of version 2 and 1, a container that does not see the groups around its own, and what a job of Slurm asked for."""
    from xbench.train.encoder import allowed

    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"):
        monkeypatch.setenv(name, "")
    said = tmp_path / "cgroup"
    assert list(allowed(said, tmp_path)) == []
    for path, limit in {
        "a/b/memory.max": "max", "a/memory.max": "3000", "memory/c/memory.limit_in_bytes": "2000", "memory/memory.limit_in_bytes": "9000",
    }.items():  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{limit}\n")
    for text, limits in {
        "0::/a/b\n": [3000], "5:cpu:/c\n4:hugetlb,memory:/c\n": [2000, 9000], "4:memory:/docker/1:2\n": [9000], "0::/\n": [],
    }.items():  # fmt: skip
        said.write_text(text)
        assert list(allowed(said, tmp_path)) == limits
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "2")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "3")
    assert list(allowed(said, tmp_path)) == [6 * 2**20]


def test_whatever_ray_loses_is_tried_again() -> None:
    from xbench.executors.ray import RayPool

    class LostError(Exception):
        pass

    def lost(task: str) -> None:
        raise LostError("the object of the job is gone\nin a second line")

    pool, item = object.__new__(RayPool), Item("s", "stage", "s", "m")
    pool.ray = SimpleNamespace(wait=lambda tasks, num_returns: (tasks, []), get=lost, exceptions=SimpleNamespace(RayError=LostError))
    pool.under_way = {"task": item}
    ended, error = pool.wait()
    assert ended == item
    assert isinstance(error, WorkerDiedError)
    assert str(error) == "LostError: the object of the job is gone"


@pytest.mark.parametrize(("keep", "endings"), some_slow([("none", ()), ("encoders", ("",)), ("all", ("", ".head"))], [("encoders", ("",))]))
def test_what_is_kept(tiny_model: Path, tmp_path: Path, keep: str, endings: tuple[str, ...]) -> None:
    """`encoders`: those that others start from; `all`: every system; the states of trainings are never left."""
    given, root = laid_out(tmp_path, tiny_model), tmp_path / "store"
    run(given, root, keep=keep, every=0)
    shared = [s.stage_id for s in executors.graph.shared_stages(given[0])]
    every = [s.stage_id for s in given[0].stages]
    wanted = {f"{s}{e}.safetensors" for s in (every if keep == "all" else shared) for e in endings}
    assert {p.name for p in (root / "checkpoints").glob("*")} == wanted
    assert (len(shared), len(every)) == (1, 3)
    if keep == "encoders":  # a further target starts from what was kept
        more = laid_out(tmp_path, tiny_model, targets=["mini-ner", "mini-nli"])
        seen: list[str] = []
        executors.run(*more, root, executors.Progress(report=lambda what, done, total: seen.append(what)), Options(threads=1))
        assert "train mini-pos" not in seen
        assert "train mini-pos > mini-nli" in seen


@pytest.mark.parametrize(("keep", "endings"), [("none", []), ("encoders", [""]), ("all", ["", ".head"])])
def test_a_finished_study_that_is_given_again_keeps_what_it_kept(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str, endings: list[str]
) -> None:
    """As the last run that had work was asked to, which may have been killed before it took away the rest."""
    given, root = laid_out(tmp_path, tiny_model), tmp_path / "store"
    (stage,) = executors.graph.shared_stages(given[0])
    monkeypatch.setattr(executors, "drive", lambda *given: [])
    run(given, root, keep="all")
    run(given, root, keep=keep)
    files = {e: state_of(root, stage).with_name(f"{stage.stage_id}{e}.safetensors") for e in ("", ".head", ".step")}
    for path in files.values():
        path.write_bytes(b"")
    monkeypatch.setattr(store, "complete_runs", lambda root: {cell.run_id for cell in given[0].cells})
    for _ in range(2):
        assert run(given, root) == 0
        assert [e for e, path in files.items() if path.exists()] == endings


def test_a_state_that_another_worker_writes_is_left_alone(tiny_model: Path, tmp_path: Path) -> None:
    """What looks like the rest of a killed process goes when all items are done and no living worker has one."""
    given, root = laid_out(tmp_path, tiny_model, intermediates=["none"], targets=["mini-ner", "mini-nli"]), tmp_path / "store"
    (ner, _) = given[0].stages
    state = root / "checkpoints" / f".{ner.stage_id}.step.safetensors.1.tmp"
    there = []

    def item(done: Item) -> None:
        there.append(state.exists())
        state.mkdir(parents=True, exist_ok=True)

    executors.run(*given, root, executors.Progress(item=item), Options(threads=1))
    assert there == [False, True]
    assert not state.exists()
    state.mkdir(parents=True)
    other = tracking.Tracker(root, Item(given[0].cells[0].run_id, "cell", "x", "m"))
    run(given, root)
    assert state.exists()
    other.done()
    run(given, root)
    assert not state.parent.exists()


def state_of(root: Path, stage: Any) -> Path:
    """A state as a killed training leaves it, as far as cleaning up is concerned."""
    path: Path = root / "checkpoints" / f"{stage.stage_id}.step.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_states_that_no_study_goes_on_with_are_not_kept(tiny_model: Path, tmp_path: Path) -> None:
    """Of a study begun under another recipe, of a cell that was stored and of nothing known; not of a study that is still to be ended."""
    root = tmp_path / "store"
    grid: dict[str, Any] = {"intermediates": ["none"], "targets": ["mini-ner"]}
    phase = {"epochs": 1, "max_examples": 16}
    given = laid_out(tmp_path, tiny_model, **grid, recipe={**RECIPE, "target": phase})
    stages = {}
    for number, about in enumerate(("test", "paused", "busy")):  # of other seeds, as equal trainings are one
        plan = laid_out(tmp_path, tiny_model, **grid, about=about, seeds=[number + 1])[0]
        tracking.begin(root, "study", plan)
        stages[number] = (plan.cells[0], state_of(root, plan.stages[0]))
    own, unknown = state_of(root, given[0].stages[0]), state_of(root, given[0].stages[0]).with_name(f"{'ab' * 12}.step.safetensors")
    own.unlink()
    unknown.write_bytes(b"")
    foreign = [
        unknown.with_name(name) for name in ("notes.step.safetensors", f"{'ab' * 12}.safetensors", f"{'ab' * 12}.step.safetensors.bak")
    ]
    for path in foreign:
        path.write_bytes(b"")
    worker = tracking.Tracker(root, Item(stages[2][0].run_id, "cell", "x", "m"))
    run(given, root)
    assert [path.exists() for _, path in stages.values()] == [False, True, True]
    assert (own.exists(), unknown.exists(), [path.exists() for path in foreign]) == (False, False, [True] * 3)
    state_of(root, given[0].stages[0])  # as if killed after its cell was stored and before this was taken away
    earlier_form = stages[0][1]
    earlier_form.write_bytes(b"")
    other = tracking.Tracker(root, Item(stages[0][0].run_id, "cell", "x", "m"))  # someone has gone on with it meanwhile
    run(given, root)
    assert not own.exists()
    assert earlier_form.exists()
    other.done()
    worker.done()
    run(given, root)
    assert [path.exists() for _, path in stages.values()] == [False, True, True]


def test_nothing_is_taken_from_a_worker_of_whom_nothing_is_known(tiny_model: Path, tmp_path: Path) -> None:
    """One of another xbench, or of the same study on other data, whose record is replaced."""
    root = tmp_path / "store"
    given = laid_out(tmp_path, tiny_model, intermediates=["none"], targets=["mini-ner"])
    run(given, root)
    state = state_of(root, given[0].stages[0])
    worker = tracking.Tracker(root, Item("cd" * 12, "cell", "x", "m"))
    run(given, root)
    assert state.exists()
    worker.done()
    run(given, root)
    assert not state.exists()


def test_an_encoder_that_another_study_needs_stays(tiny_model: Path, tmp_path: Path) -> None:
    """Two studies on one store stand on one training: who ends first leaves it, and the other takes it away in the end."""
    root = tmp_path / "store"
    ner = laid_out(tmp_path, tiny_model, intermediates=["mini-pos"], targets=["mini-ner"])
    nli = laid_out(tmp_path, tiny_model, intermediates=["mini-pos"], targets=["mini-nli"])
    encoder = root / "checkpoints" / f"{ner[0].cells[0].encoder.parent.stage_id}.safetensors"
    tracking.begin(root, "nli", nli[0])
    assert executors.run(*ner, root, options=Options(threads=1), name="ner") == 1
    assert encoder.is_file()
    seen: list[str] = []
    executors.run(*nli, root, executors.Progress(report=lambda what, done, total: seen.append(what)), Options(threads=1), "nli")
    assert "train mini-pos" not in seen
    assert "train mini-pos > mini-nli" in seen
    assert not encoder.parent.exists()


@pytest.mark.parametrize("target", ["mini-ner", "mini-retrieval"])
def test_an_encoder_that_goes_while_a_cell_begins_is_trained_again(
    target: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, str]
) -> None:
    """Another process takes it away after it was found to be there and before it is read."""
    from xbench.train import saving

    given, root = laid_out(tmp_path, tiny_model, intermediates=["mini-pos"], targets=[target]), tmp_path / "store"
    real, taken = saving.load, []

    def load(path: Path, device: str = "cpu") -> Any:
        if not taken and path.is_file():
            taken.append(path)
            path.unlink()
        return real(path, device)

    monkeypatch.setattr(saving, "load", load)
    assert executors.run(*given, root, options=Options(threads=1, workers=None)) == 1
    assert [p.name for p in taken] == [f"{given[0].stages[0].stage_id}.safetensors"]
    check_made(root, 1, undisturbed)


def test_status_of_a_worker_that_is_gone(tmp_path: Path) -> None:
    item = Item("ab" * 12, "stage", "train x", "m")
    tracker = tracking.Tracker(tmp_path, item)
    tracker._last = 0.0
    tracker.report("train x", 3, 12)
    (row,) = tracking.status(tmp_path)
    assert (row["state"], row["progress"], row["what"]) == ("running", 0.25, "train x")
    path = tmp_path / "running" / f"{item.item_id}.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "pid": 2**22 + 1}))
    assert tracking.status(tmp_path)[0]["state"] == "stopped"
    path.write_text(json.dumps({**said, "since": 1e9, "beat": 1e9}))  # this process has the number of one that was there before
    assert tracking.status(tmp_path)[0]["state"] == "stopped"
    if sys.platform != "win32":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:  # nobody has asked for its exit code
            time.sleep(0.01)
        path.write_text(json.dumps({**said, "pid": ended.pid, "since": time.time()}))
        assert tracking.status(tmp_path)[0]["state"] == "stopped"
        ended.wait()
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere", "beat": time.time() - 1000}))
    assert tracking.status(tmp_path)[0]["state"] == "stopped"
    tracker.done()
    assert tracking.status(tmp_path) == []


def test_a_worker_that_dies_where_another_failed_before(tmp_path: Path) -> None:
    """The last reason is shown, and both are counted."""
    item = Item("ab" * 12, "stage", "train x", "m")
    tracking.Tracker(tmp_path, item).failed("ValueError: x")
    tracking.give_up(tmp_path, item, "ValueError: x")  # the worker has said so
    assert [(r["attempts"], r["error"]) for r in tracking.status(tmp_path)] == [(1, "ValueError: x")]
    tracking.Tracker(tmp_path, item)
    tracking.give_up(tmp_path, item, "the worker ended with -9")
    assert [(r["attempts"], r["error"]) for r in tracking.status(tmp_path)] == [(2, "the worker ended with -9")]


def test_every_death_of_a_worker_is_a_try(tmp_path: Path) -> None:
    """Three deaths with two retries were one try."""
    item = Item("ab" * 12, "cell", "x", "m")
    pool: Any = SimpleNamespace(size=1, submit=lambda item: None, wait=lambda: (item, WorkerDiedError("killed")))
    (failure,) = drive([item], pool, 2, lambda _: None, lambda _: None, lambda f: tracking.give_up(tmp_path, f.item, f.error, f.tries))
    assert failure.tries == 3
    assert [r["attempts"] for r in tracking.status(tmp_path)] == [3]


def test_an_encoder_that_another_target_stands_on_is_trained_once(tiny_model: Path, tmp_path: Path) -> None:
    """The target of one cell is the intermediate task of another: retrieval evaluates the same encoder."""
    same = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3}
    recipe = {**RECIPE, "intermediate": same, "target": same}
    given, _ = laid_out(tmp_path, tiny_model, targets=["mini-pos", "mini-retrieval"], recipe=recipe)
    (stage,) = given.stages
    assert [c.label for c in given.cells if c.encoder and c.encoder.stage_id == stage.stage_id] == [
        "none -> mini-pos, seed 0",
        "mini-pos -> mini-retrieval, seed 0",
    ]
    assert executors.graph.shared_stages(given) == [stage]


def test_estimates_count_the_subwords(tiny_model: Path, tmp_path: Path) -> None:
    """Of sets smaller than the sample the count is exact."""
    from xbench.executors.estimating import Estimator
    from xbench.task import load_task
    from xbench.train import models
    from xbench.train.encoding import encode

    todo, resolved = laid_out(tmp_path, tiny_model)
    estimator = Estimator(todo, resolved)
    cell = next(c for c in todo.cells if c.target == "mini-ner" and c.intermediate == "none")
    task, tokenizer = load_task("mini-ner"), models.tokenizer(resolved[str(tiny_model)])
    parts = [("en", "dev"), *((code, "test") for code in task.languages)]
    assert task.predicted == parts
    predicted = sum(len(p.ids) for code, split in parts for p in encode(tokenizer, task.examples(code, split), 64))
    found = estimator.cell(cell, [])
    assert found.predicted == pytest.approx(predicted, abs=10)
    train = task.examples("en", "train")
    mean = sum(len(p.ids) for p in encode(tokenizer, train, 64)) / len(train)
    assert found.trained == pytest.approx(2 * 48 * mean, rel=0.1)
    assert found.cost == 3 * found.trained + found.predicted


@pytest.mark.parametrize(
    ("mixture", "drawn"),
    [("mini-multi", 10_000), ("mini-multi-uniform", 14_000), ("mini-multi-temperature", 12_000), ("mini-multi-capped", 8_000)],
)
def test_estimates_of_mixtures_are_of_what_is_drawn(mixture: str, drawn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 600 examples in all (400 with the caps): uniform are a third of each part, at temperature 2 they are as 20 to 10 to 10."""
    from xbench.executors.estimating import Estimator

    sizes = {"intents": (400, 10.0), "mini-pos": (100, 40.0), "mini-nli": (100, 20.0)}
    monkeypatch.setattr(Estimator, "_size", lambda self, model, task, language, split: sizes[task.name])
    plan: Any = SimpleNamespace(study=SimpleNamespace(recipe=Recipe()))
    known: Any = {"m": SimpleNamespace(folder=tmp_path)}
    found = Estimator(plan, known).stage(study.Stage("0", "m", None, mixture, "intermediate", 0, "r"))
    assert found.trained == drawn * Recipe().phase("intermediate", mixture).epochs


def test_a_training_that_was_kept_is_not_counted_again(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from xbench import running
    from xbench.executors.estimating import Estimator, short

    part: dict[str, Any] = {"intermediates": ["mini-pos"]}
    run(laid_out(tmp_path, tiny_model, **part, targets=["mini-ner"]), tmp_path / "store", keep="encoders")
    given = laid_out(tmp_path, tiny_model, **part, targets=["mini-ner", "mini-nli"])
    running.run_study(str(tmp_path / "study.yaml"), tmp_path / "store", Options(), "text", dry_run=True)
    left = Estimator(*given).cell(given[0].cells[1], [])
    assert f"about {short(left.trained)} subwords to train on (epochs counted) and {short(left.predicted)} to" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_children_end_when_their_parent_is_killed(tiny_model: Path, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """kill -9 of the process that hands out the work: nothing of it runs on, nothing is recorded as failed, and a further run completes it."""
    laid_out(tmp_path, tiny_model, targets=["mini-ner"])
    parent = local.context().Process(target=_run_with_children, args=(str(tmp_path / "study.yaml"), str(tmp_path / "store")))
    parent.start()
    running, until, pids = tmp_path / "store" / "running", time.monotonic() + 120, set[int]()
    while time.monotonic() < until and not pids:
        for path in running.glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                pids.add(json.loads(path.read_text())["pid"])
        time.sleep(0.02)
    parent.kill()
    parent.join()
    assert pids
    assert parent.pid not in pids
    until = time.monotonic() + 60
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not list((tmp_path / "store").glob("failed/*.json"))
    run(executors.lay_out(study.load_study(tmp_path / "study.yaml")), tmp_path / "store")
    check_made(tmp_path / "store", 2, undisturbed)


def _run_with_children(path: str, root: str) -> None:
    run(executors.lay_out(study.load_study(Path(path))), Path(root), workers=2)


def test_a_worker_with_nothing_to_report_is_there_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine it was taken for gone while it read a large set, or predicted development data."""
    monkeypatch.setattr(tracking, "_SILENT", 0.4)
    item = Item("ab" * 12, "stage", "train x", "m")
    tracker = tracking.Tracker(tmp_path, item)
    tracker.report("reading", 1, 2)
    path = tmp_path / "running" / f"{item.item_id}.json"
    begun = json.loads(path.read_text())["beat"]
    for _ in range(100):
        time.sleep(0.1)
        if (said := json.loads(path.read_text()))["beat"] > begun + 0.3:
            break
    assert (said["beat"] > begun + 0.3, said["what"], said["done"]) == (True, "reading", 1)
    tracker.done()
    time.sleep(0.3)
    assert not path.exists()
    other = tracking.Tracker(tmp_path, item)
    other.leave()
    last = path.read_text()
    time.sleep(0.3)
    assert path.read_text() == last
