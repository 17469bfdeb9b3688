"""Ingest of MTEB's results against mteb's own `load_results` on the same folder, in one run: seconds, ratio and peak memory.

    python benchmarks/ingest.py FOLDER [--mteb PYTHON] [--jobs 2]

FOLDER is embeddings-benchmark/results (or a part of it) with its `results/` inside. PYTHON is the interpreter of an environment with mteb;
mteb reads with only_main_score, as its leaderboard does. Ours writes a store; then a new process opens that and ranks all models on every
task. All files are read once before: whoever came first would read them from the disk. Seconds by the clock, and of the processor in all
processes: where a machine does other things too, these say more. Memory is the largest sum over the processes at one time.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

OURS = """
import sys
from pathlib import Path
from xbench import ingesting
if __name__ == "__main__":
    report = ingesting.ingest([Path(sys.argv[1]) / "results"], Path(sys.argv[2]), jobs=int(sys.argv[3]))
    print(sum(report.cells.values()), "scores,", sum(report.files.values()), "files,", len(report.refusals), "refused")
"""
RANK = """
import sys, time
from pathlib import Path
from xbench import store
for _ in range(5):  # the first time what a process needs for every store is imported
    start = time.perf_counter()
    con = store.connect(Path(sys.argv[1]))
    opened = time.perf_counter() - start
    con.sql(
        "SELECT target, model, rank() OVER (PARTITION BY target ORDER BY avg(value) DESC) FROM score GROUP BY target, model"
    ).to_arrow_table()
    print(opened, time.perf_counter() - start - opened)
"""
THEIRS = """
import sys
from pathlib import Path
from mteb.cache import ResultCache
cache = ResultCache(cache_path=Path(sys.argv[1]))
found = cache.load_results(require_model_meta=False, include_remote=False, only_main_score=True, validate_and_filter=False)
print(sum(len(m.task_results) for m in found.model_results), "files")
"""


def memory(pid: int) -> int:
    """KiB of a process and all below it, now; what they share counts once (Linux: Pss)."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(p) for p in (task / "children").read_text().split()]
        except OSError:
            continue
    return total


class Seen(NamedTuple):
    """Seconds by the clock and of the processor, peak MiB and what was printed."""

    seconds: float
    cpu: float
    peak: float
    said: str


def processor() -> float:
    """Seconds that all processes used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(python: str, code: str, *arguments: str) -> Seen:
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        start, before = time.perf_counter(), processor()
        process = subprocess.Popen([python, script.name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.5)  # to look takes the time of a processor, and here both have work
        seconds, cpu = time.perf_counter() - start, processor() - before
    if process.returncode or process.stdout is None:
        raise SystemExit(f"{python} ended with {process.returncode}")
    return Seen(seconds, cpu, peak / 1024, process.stdout.read().strip())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mteb")
    parser.add_argument("--jobs", default="2")
    given = parser.parse_args()
    if not (given.folder / "results").is_dir():
        parser.error(f"{given.folder} has no folder `results` in it")
    for path in given.folder.glob("results/**/*.json"):
        path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        ours = measured(sys.executable, OURS, str(given.folder), folder, given.jobs)
        print(f"ours, {given.jobs} processes: {ours.seconds:.1f} s, processor {ours.cpu:.1f} s, {ours.peak:.0f} MiB in all ({ours.said})")
        again = measured(sys.executable, OURS, str(given.folder), folder, given.jobs)
        print(f"the same again, nothing new: {again.seconds:.1f} s, processor {again.cpu:.1f} s")
        size = sum(p.stat().st_size for p in Path(folder).rglob("*.parquet"))
        ranks = [tuple(map(float, line.split())) for line in measured(sys.executable, RANK, folder).said.splitlines()]
        (opened, ranked), *later = ranks
        print(
            f"store of {size / 1e6:.1f} MB: in a new process opened in {opened:.2f} s, all models ranked on every task in {ranked:.2f} s; ",
            end="",
        )
        print(f"after that opened in {min(o for o, _ in later):.2f} s and ranked in {min(r for _, r in later):.2f} s")
    if given.mteb:
        theirs = measured(given.mteb, THEIRS, str(given.folder))
        with tempfile.TemporaryDirectory() as folder:  # before and after: the speed of a shared machine changes by the minute
            after = measured(sys.executable, OURS, str(given.folder), folder, given.jobs)
        seconds, cpu = (ours.seconds + after.seconds) / 2, (ours.cpu + after.cpu) / 2
        print(
            f"mteb load_results: {theirs.seconds:.1f} s, processor {theirs.cpu:.1f} s, {theirs.peak:.0f} MiB ({theirs.said}); "
            f"ours after it: {after.seconds:.1f} s, processor {after.cpu:.1f} s; "
            f"ours is {theirs.seconds / seconds:.1f} times as fast, by the processor {theirs.cpu / cpu:.1f} times"
        )
        print(json.dumps({"ours": ours[:3], "mteb": theirs[:3], "ours after": after[:3]}))


if __name__ == "__main__":
    main()
