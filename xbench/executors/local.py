"""Workers on this machine: this process itself, or several of its children."""

import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Mapping
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from types import TracebackType

from xbench.errors import XbenchError
from xbench.executors.drive import WorkerDiedError
from xbench.executors.graph import Item
from xbench.executors.working import Job, Report, Worker, work

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection

    Context = SpawnContext
else:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext

    Context = SpawnContext | ForkServerContext


_KILLED = ": killed, as the system does where memory runs out; fewer --workers leave more to each"


class Here:
    """This process does one item at a time."""

    size = 1

    def __init__(self, worker: Worker, report: Report) -> None:
        self.worker = worker
        self.report = report
        self.items: deque[Item] = deque()

    def submit(self, item: Item) -> None:
        """Note it."""
        self.items.append(item)

    def wait(self) -> tuple[Item, Exception | None]:
        """Do it."""
        item = self.items.popleft()
        try:
            self.worker.do(item, self.report)
        except Exception as error:  # noqa: BLE001 - the others are still to be run; it is reported at the end
            return item, error
        return item, None

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


class Processes:
    """Child processes, each with a pipe; one that dies is replaced."""

    def __init__(self, job: Job, report: Report) -> None:
        self.job = job
        self.report = report
        self.size = job.options.workers or 1
        self.context = context()
        self.idle: list[tuple[BaseProcess, Connection]] = []
        self.busy: dict[Connection, tuple[BaseProcess, Item]] = {}
        self.devices = _devices()
        self.device_of: dict[BaseProcess, str] = {}

    def submit(self, item: Item) -> None:
        """Give it to a child that has nothing to do, or to a new one."""
        process, pipe = self.idle.pop() if self.idle else self._start()
        try:
            pipe.send(item)
        except (BrokenPipeError, OSError):  # it died idle
            process, pipe = self._start()
            pipe.send(item)
        self.busy[pipe] = (process, item)

    def wait(self) -> tuple[Item, Exception | None]:
        """Wait for the first child to say that it is done, or to die."""
        while True:
            for pipe in wait(list(self.busy)):
                assert isinstance(pipe, Connection)
                process, item = self.busy[pipe]
                try:
                    said = pipe.recv()
                except (EOFError, OSError):
                    del self.busy[pipe]
                    process.join()
                    return item, WorkerDiedError(f"the worker ended with {process.exitcode}{_KILLED if process.exitcode == -9 else ''}")
                if isinstance(said, tuple):
                    self.report(*said)
                    continue
                del self.busy[pipe]
                self.idle.append((process, pipe))
                return item, said

    def _start(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self.context.Pipe()
        taken = [self.device_of.get(process) for process in (*(p for p, _ in self.idle), *(p for p, _ in self.busy.values()))]
        device = min(self.devices, key=taken.count, default=None)
        process = self.context.Process(target=serve, args=(self.job, theirs, device, dict(os.environ)), daemon=True)
        process.start()
        theirs.close()
        if device is not None:
            self.device_of[process] = device
        return process, ours

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process, pipe in [*self.idle, *((process, pipe) for pipe, (process, _) in self.busy.items())]:
            pipe.close()
            if kind is not None:
                process.terminate()
            process.join(10)


def context() -> Context:
    """How children begin: forked from a server that has imported what a training needs, which takes each of them seconds otherwise.

    The server has no CUDA and no threads of torch. Fork is not safe in the libraries of other systems: there each child begins anew.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["xbench.executors.working", "xbench.train.cells"])
    return forking


def _devices() -> list[str]:
    """The accelerators that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    from xbench.train.encoder import accelerators

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return given.split(",") if given else [str(number) for number in range(accelerators())]


def serve(job: Job, pipe: Connection, device: str | None, environment: Mapping[str, str]) -> None:
    """A child: takes items from the pipe until it is closed; sends (what, done, total) on the way and None or an error at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    os.environ.update(environment)  # a server that this is forked from has that of when it began
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device  # before torch looks

    def tell(said: object) -> None:
        try:
            pipe.send(said)
        except OSError:  # the parent is gone: nobody wants the rest, and what is begun goes on from its last state
            os._exit(1)

    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        error: Exception | None = None
        try:
            work(job, item, lambda what, done, total: tell((what, done, total)))
        except Exception as caught:  # noqa: BLE001 - sent to who asked
            error = sendable(caught)
        tell(error)


def sendable(error: Exception) -> Exception:
    """The error, or one with its text where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made here a moment ago
    except Exception:  # noqa: BLE001 - whatever pickle raises
        return XbenchError(f"{type(error).__name__}: {error}")
    return error
