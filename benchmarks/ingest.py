"""Ingest of MTEB's results against mteb's own `load_results` on the same folder, in one run: seconds, ratio and peak memory.

    python benchmarks/ingest.py FOLDER [--mteb PYTHON] [--jobs 2]

FOLDER is embeddings-benchmark/results (or a part of it) with its `results/` inside. PYTHON is the interpreter of an environment with mteb;
mteb reads with only_main_score, as its leaderboard does. Ours writes a store; then a new process opens that and ranks all models on every
task. Wall-clock seconds, since both wait for files and ours uses several processes; memory is the largest sum over the processes at one
time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
start = time.perf_counter()
con = store.connect(Path(sys.argv[1]))
rows = con.execute(
    "SELECT target, model, rank() OVER (PARTITION BY target ORDER BY avg(value) DESC) FROM score GROUP BY target, model"
).fetchall()
print(time.perf_counter() - start, len(rows))
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


def measured(python: str, code: str, *arguments: str) -> tuple[float, float, str]:
    """Seconds, peak MiB and what was printed."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        start = time.perf_counter()
        process = subprocess.Popen([python, script.name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - start
    if process.returncode or process.stdout is None:
        raise SystemExit(f"{python} ended with {process.returncode}")
    return seconds, peak / 1024, process.stdout.read().strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mteb")
    parser.add_argument("--jobs", default="2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak, said = measured(sys.executable, OURS, str(given.folder), folder, given.jobs)
        print(f"ours, {given.jobs} processes: {seconds:.1f} s, {peak:.0f} MiB in all processes ({said})")
        again, _, _ = measured(sys.executable, OURS, str(given.folder), folder, given.jobs)
        print(f"the same again, nothing new: {again:.1f} s")
        size = sum(p.stat().st_size for p in Path(folder).rglob("*.parquet"))
        ranks = sorted(float(measured(sys.executable, RANK, folder)[2].split()[0]) for _ in range(5))
        print(f"store of {size / 1e6:.1f} MB: opened and all models ranked on every task in {ranks[0]:.2f} to {ranks[-1]:.2f} s")
    if given.mteb:
        theirs, most, said = measured(given.mteb, THEIRS, str(given.folder))
        print(f"mteb load_results: {theirs:.1f} s, {most:.0f} MiB ({said}); ours is {theirs / seconds:.1f} times as fast")
        print(json.dumps({"ours_s": seconds, "mteb_s": theirs, "ours_mib": peak, "mteb_mib": most}))


if __name__ == "__main__":
    main()
