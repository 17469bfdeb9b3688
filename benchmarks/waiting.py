"""How torch's threads wait, with the processors alone and beside busy processes: `xbench run` against itself.

    python benchmarks/waiting.py [STUDY] [--busy 1] [--limit 600]

The peers are OpenMP's default, where a thread that waits stays awake for a while, and one thread. Each run is a process of its own with an
empty store; seconds are those of the clock, for whoever waits for a study, and of the processor in brackets.
"""

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

WAYS = {
    "two or more threads, passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "the same, OpenMP's default": {"OMP_WAIT_POLICY": ""},  # said to be nothing, so that xbench says nothing
    "one thread": {"OMP_NUM_THREADS": "1"},
}


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """As many processes that use a processor all the time."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds(study: str, limit: float, environment: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "xbench", "run", study, "--store", store]
        begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        try:
            subprocess.run(command, env={**os.environ, **environment}, check=True, stderr=subprocess.DEVNULL, timeout=limit)
        except subprocess.TimeoutExpired:
            return f"more than {limit:.0f} s"
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        return f"{time.perf_counter() - begun:.1f} s ({used:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("study", nargs="?", default="quickstart")
    parser.add_argument("--busy", type=int, default=1)
    parser.add_argument("--limit", type=float, default=600)
    given = parser.parse_args()
    for count in (0, given.busy):
        with busy(count):
            for way, environment in WAYS.items():
                print(f"beside {count} busy processes, {way}: {seconds(given.study, given.limit, environment)}", flush=True)


if __name__ == "__main__":
    main()
