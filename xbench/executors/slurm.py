"""Workers as Slurm jobs, by submitit: each item a job; the store and its checkpoints are on shared storage."""

import os
import stat
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from xbench import places
from xbench.errors import StudyError
from xbench.executors.drive import WorkerDiedError
from xbench.executors.graph import Item
from xbench.executors.local import sendable
from xbench.executors.working import Job, work

_LOOK = 1.0  # seconds between two looks at the jobs
_PAUSE = 30.0  # after a job that was not taken
_AT_ONCE = 64


class SlurmPool:
    """Jobs. `resources` are submitit's parameters (timeout_min, slurm_partition, gpus_per_node); `cluster: local` runs them here.

    `folder` is where jobs and their results pass as pickles: STORE/slurm, or `slurm` here where the store is in an object store.
    """

    def __init__(self, job: Job) -> None:
        try:
            import submitit
        except ImportError as error:
            raise StudyError("the executor slurm needs submitit: pip install 'xbench[slurm]'") from error
        self.job = job
        self.refused = submitit.core.utils.FailedJobError
        self.size = job.options.workers or _AT_ONCE
        parameters: dict[str, Any] = dict(job.options.resources)
        usual = Path("slurm") if "://" in job.root else Path(job.root) / "slurm"
        folder = _own(Path(str(parameters.pop("folder", usual))).expanduser())
        try:
            self.executor = submitit.AutoExecutor(folder=folder, cluster=parameters.pop("cluster", "slurm"))
            self.executor.update_parameters(**{"name": "xbench", "timeout_min": 24 * 60, **parameters})
        except (RuntimeError, ValueError, NameError, TypeError, AssertionError) as error:  # submitit asserts types
            raise StudyError(
                "the executor slurm cannot be set up; --resource takes submitit's parameters, cluster=local runs the jobs here",
                str(error).splitlines(),
            ) from error
        self.under_way: list[tuple[Any, Item]] = []
        self.not_taken: list[tuple[Item, Exception]] = []

    def submit(self, item: Item) -> None:
        """Queue a job; one that Slurm does not take has failed, and is begun again like one that died."""
        try:
            self.under_way.append((self.executor.submit(_task, self.job, item), item))
        except (self.refused, OSError) as error:  # a time-out of its controller passes
            self.not_taken.append((item, WorkerDiedError(f"no job could be submitted: {_first_line(error)}")))
            time.sleep(_PAUSE)

    def wait(self) -> tuple[Item, Exception | None]:
        """Look at the jobs until one has ended."""
        if self.not_taken:
            return self.not_taken.pop()
        while True:
            for entry in self.under_way:
                job, item = entry
                if job.done():
                    self.under_way.remove(entry)
                    try:
                        error: Exception | None = job.result()
                    except Exception as gone:  # noqa: BLE001 - whatever ended the job: a time limit, the node, kill -9
                        return item, WorkerDiedError(f"job {job.job_id} ended in state {job.state}: {_first_line(gone) or 'no result'}")
                    return item, error
            time.sleep(_LOOK)

    def __enter__(self) -> "SlurmPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for job, _ in self.under_way:
            job.cancel()


def _own(folder: Path) -> Path:
    """A folder, made if absent, in which nobody else can put a file, nor a folder in its place: who can has us run what they write.

    Raises:
        StudyError: If it is not.
        WriteError: If it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise places.unwritable(folder, error) from error
    folder = folder.resolve()  # a link is followed now, and not again
    if sys.platform == "win32":
        return folder
    above = [(path, {os.getuid(), 0}, stat.S_ISVTX) for path in folder.parents]  # who can rename one of them puts another in its place
    for path, owners, harmless in ((folder, {os.getuid()}, 0), *above):
        about = path.stat()
        others = stat.S_IWOTH | (0 if _alone_in(about.st_gid) else stat.S_IWGRP)
        if about.st_uid in owners and (about.st_mode & harmless or not about.st_mode & others):
            continue
        why = "others may write to it" if about.st_uid in owners else "it belongs to someone else"
        raise StudyError(
            f"jobs cannot pass through {folder}, as whoever can write there has them run anything: {path}: {why}",
            ["name a new folder in one that is yours alone, on storage that the jobs share: --resource folder=PATH"],
        )
    return folder


def _alone_in(group: int) -> bool:
    """Whether a group is that of this user alone, as many systems give everybody one."""
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        name, found = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return os.getuid() != 0 and found.gr_name == name and set(found.gr_mem) <= {name}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def _task(job: Job, item: Item) -> Exception | None:
    try:
        work(job.sharing(_at_once(job.options.workers or _AT_ONCE)), item)
    except Exception as error:  # noqa: BLE001 - given back, so that it is not taken for a job that died
        return sendable(error)
    return None


def _at_once(workers: int) -> int:
    """How many jobs share the memory of this node: one, where it says how much is its own; otherwise by processors. All, without Slurm."""
    if not os.environ.get("SLURM_JOB_ID"):  # submitit's executor `local`
        return workers
    if os.environ.get("SLURM_MEM_PER_NODE") or os.environ.get("SLURM_MEM_PER_CPU"):
        return 1
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("SLURM_CPUS_ON_NODE") or "1"))
