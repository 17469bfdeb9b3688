"""What sharing saves: a study as one run against the same cells one by one, each in a process and a store of its own.

    python benchmarks/sharing.py [--study quickstart] [--seeds 1]

Both train and predict the same cells; one by one each cell trains its own intermediate task, encodes its own data and computes its own
frozen layers. The stored scores must be equal. Wall-clock seconds of the processes, CPU seconds in brackets, one thread.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from xbench import store, study, task


def run(content: dict, folder: Path, name: str, root: Path) -> tuple[float, float]:
    """Wall-clock and CPU seconds."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "xbench", "run", str(path), "--store", str(root), "--threads", "1"]
    out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if out.returncode:
        raise SystemExit(out.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def scores(root: Path) -> set:
    con = store.connect(root)
    try:
        return set(con.execute("SELECT intermediate, target, seed, language, split, metric, round(value, 12) FROM score").fetchall())
    finally:
        con.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--study", default="quickstart")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    content = yaml.safe_load(study.find_study(given.study).read_text(encoding="utf-8"))
    content["seeds"] = content["seeds"][: given.seeds]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wall, cpu = run(content, folder, "whole", folder / "whole")
        cells = [(i, t, s) for s in content["seeds"] for i in content["intermediates"] for t in content["targets"] if not task.same(i, t)]
        print(f"one run of {len(cells)} cells: {wall:.0f} s ({cpu:.0f} CPU)", flush=True)
        walls = cpus = 0.0
        found = set()
        for number, (intermediate, target, seed) in enumerate(cells):
            one = {**content, "intermediates": [intermediate], "targets": [target], "seeds": [seed]}
            took = run(one, folder, f"cell-{number}", folder / f"cell-{number}")
            walls, cpus = walls + took[0], cpus + took[1]
            found |= scores(folder / f"cell-{number}")
        print(f"one by one: {walls:.0f} s ({cpus:.0f} CPU); sharing is {walls / wall:.1f} times as fast (CPU {cpus / cpu:.1f})")
        whole = scores(folder / "whole")
        print(f"scores that differ: {len(whole ^ found)} of {len(whole)}")


if __name__ == "__main__":
    main()
