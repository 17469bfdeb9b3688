"""A process beside the app for what takes longer than a page may, so that nobody who turns pages waits for the processor.

One process for all stores, started when it is first needed and ended when it had nothing to do for a while. It gets calls and sends results
through pipes that only the two hold. `python -m xbench.background` is the process itself.
"""

import atexit
import contextlib
import os
import pickle
import queue
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import duckdb
import psutil

from xbench import contracts, listing, places, store
from xbench.errors import StoreError, XbenchError

if TYPE_CHECKING:
    import pandas as pd

_IDLE = 180.0  # seconds after which the process ends
_MEMORY = "300MB"  # of its database
_MOST_OPEN = 2  # stores, or contents of one
_LENGTH = struct.Struct("<Q")

Compute = Callable[[duckdb.DuckDBPyConnection], Any]
Call = tuple[str, str, Compute]  # store, snapshot, what to compute from a connection to it


class WorkerError(StoreError):
    """The process ended before it had a result: asked again, another one tries."""


class Worker:
    """Computes one thing after another, in the order in which they are asked for; safe for any number of threads."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Call, Future[Any]] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        atexit.register(self.close)

    def submit(self, root: Path, snapshot: str, compute: Compute) -> "Future[Any]":
        """The result of a function of a connection to a store at a snapshot.

        Args:
            root: The store.
            snapshot: As of xbench.store.snapshot.
            compute: A function at the top level of a module, or a functools.partial of one: it is called in another process.

        Returns:
            What it gives. It raises what the function raised where that is an XbenchError, and WorkerError when the process ended.
        """
        future: Future[Any] = Future()
        with self._lock:
            self._waiting.put(((str(root), snapshot, compute), future))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._serve, name="xbench-background", daemon=True)
                self._thread.start()
        return future

    @property
    def busy(self) -> bool:
        """Whether what is asked now has to wait for something else."""
        return self._waiting.unfinished_tasks > 0

    def close(self) -> None:
        """End the process, in the middle of whatever it is; what is asked from now on never comes."""
        with self._lock:
            self._closed = True
            thread, process = self._thread, self._process
        if process is not None:
            process.kill()
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _serve(self) -> None:
        try:
            while not self._closed:
                try:
                    asked = self._waiting.get(timeout=_IDLE)
                except queue.Empty:
                    with self._lock:
                        if self._waiting.empty():
                            self._thread = None
                            return
                    continue
                if asked is None:
                    return
                try:
                    with self._lock:
                        if self._closed:
                            return
                        if self._process is None or self._process.poll() is not None:
                            self._process = _start()
                            atexit.unregister(self.close)
                            atexit.register(self.close)  # the last is the first to be done: then the folder goes that it writes to
                        process = self._process
                except OSError as error:  # no memory, or no more processes, for now
                    asked[1].set_exception(
                        WorkerError(f"the process that computes this cannot be started: {error}; reload the page to try again")
                    )
                else:
                    _answer(process, *asked)
                finally:
                    self._waiting.task_done()
        finally:
            if self._process is not None:
                _stop(self._process)
                self._process = None


def _start() -> "subprocess.Popen[bytes]":
    # A child of fork would take over locks of threads that it does not have; multiprocessing's spawn would run the app's script again.
    command = [sys.executable, "-m", "xbench.background"]
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path, "TMPDIR": _spill()}
    )


def _stop(process: "subprocess.Popen[bytes]") -> int:
    process.kill()
    with process:
        return process.wait()


def _answer(process: "subprocess.Popen[bytes]", call: Call, future: "Future[Any]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        _send(process.stdin, call)
        good, result = _receive(process.stdout)
    except (OSError, EOFError):
        future.set_exception(WorkerError(f"the process that computes this ended (status {_stop(process)}); reload the page to try again"))
        return
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to the one who asked
        future.set_exception(error)
        return
    if good:
        future.set_result(result)
    else:
        future.set_exception(result)


def _send(pipe: IO[bytes], thing: Any) -> None:
    data = pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from our own process, through a pipe that nobody else holds


_DATABASES = count()


@lru_cache(maxsize=1)
def _spill() -> str:
    folder = tempfile.mkdtemp(prefix="xbench-spill-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def bound(con: duckdb.DuckDBPyConnection, root: Path, memory: str) -> None:
    """Let a database take no more memory than that, and open no file outside the store, whatever it is asked; none of it can be undone.

    What needs more memory goes through files that only this user can read, gone with the process. A store on another machine is read
    through a file system of Python's, which DuckDB's limits do not know: there only the store's own views name files.
    """
    spill = f"{_spill()}/{next(_DATABASES)}"  # DuckDB gives the files of each database the same names
    con.execute(f"SET memory_limit = '{memory}'; SET temp_directory = {listing.quoted(spill)}")
    if not places.is_remote(root):
        parts = [root, *(root / name for name in (*contracts.TABLES, listing.FOLDER))]  # each may be a link
        paths = {spill} | {str(path) for part in parts for path in (part, part.absolute(), part.resolve())}
        # Both a path and what stands for it where *, ? and [ would be wildcards are compared with these.
        folders = ", ".join(listing.quoted(f"{path}/") for path in sorted({*paths, *map(listing.escaped, paths)}))
        con.execute(f"SET allowed_directories = [{folders}]; SET enable_external_access = false; SET lock_configuration = true")


def tables(con: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> "dict[str, pd.DataFrame]":
    """The answers to some queries, for `Worker.submit`: {name: rows}."""
    return {name: con.execute(text).df() for name, text in queries.items()}


class _Stores:
    """Connections to the contents that were asked for last."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Any, ...], duckdb.DuckDBPyConnection] = OrderedDict()

    def cursor(self, root: str, snapshot: str) -> duckdb.DuckDBPyConnection:
        folder = places.place(root)
        key = (root, snapshot, *listing.stamp(folder))  # what an earlier compaction said is there may be gone, and scores have come
        if key not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            con = store.connect(folder, at=snapshot, pinned=True)
            con.execute("SET threads = 1")
            bound(con, folder, _MEMORY)
            self._open[key] = con
        self._open.move_to_end(key)
        return self._open[key].cursor()


def _end_with(parent: int) -> None:
    """End when the app does, in the middle of whatever it is."""
    while os.getppid() == parent and psutil.pid_exists(parent):  # Windows gives no other parent to an orphan
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Answer calls until the other side is gone."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(10)  # readers go first
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    ask, tell = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints shall not end up between results
    stores = _Stores()
    while True:
        try:
            root, snapshot, compute = _receive(ask)
        except EOFError:
            return
        try:
            with contextlib.closing(stores.cursor(root, snapshot)) as con:
                said = (True, compute(con))
        except XbenchError as error:
            said = (False, type(error)(error.headline, error.problems))
        except duckdb.Error as error:
            said = (False, store.unreadable(error))
        except MemoryError:
            said = (False, StoreError("there is not enough memory to compute this"))
        except Exception as error:  # noqa: BLE001 - the one who asked shall hear of it
            said = (False, StoreError("this could not be computed", [f"{type(error).__name__}: {error}"]))
        _send(tell, said)


if __name__ == "__main__":
    main()
