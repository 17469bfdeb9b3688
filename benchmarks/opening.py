"""What opening a store costs by how many runs it holds, before and after `xbench compact`.

    python benchmarks/opening.py FOLDER [--runs 10 1000 10000 100000]

Every run has 13 scores and 52 outcomes, in three files of its own as a runner writes them. Seconds are of new processes, the second of two
(so the files are in the system's cache): opening, counting the complete runs, the leaderboard of all scores, and deltas of one task. With
each goes the memory of the process at its most.
"""

import argparse
import datetime
import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from made_store import INTERMEDIATES, LANGUAGES, TARGETS, digest, peak

from xbench import compacting, contracts, store
from xbench.scorer import load_scorer
from xbench.task import load_task

_ITEMS = 4  # outcomes a score
MOST = 10_000  # runs that are read as they were written: these take 8 GiB already


def write(root: Path, number: int) -> None:
    """The files of one run. Not through the store's own writer: to check and sync 300,000 files takes an hour."""
    target, rest = TARGETS[number % len(TARGETS)], number // len(TARGETS)
    intermediate, rest = INTERMEDIATES[rest % len(INTERMEDIATES)], rest // len(INTERMEDIATES)
    model, seed = f"made-up-{rest // 3:04d}", rest % 3
    task = load_task(target)
    scorer = load_scorer(task.scorers[0]).signature
    run_id = digest(model, intermediate, target, seed)[:24]
    shared = {"run_id": run_id, "model": model, "intermediate": intermediate, "target": target, "train_language": "en", "seed": seed}
    scored = {**shared, "split": "test", "metric": task.metric, "scorer": scorer}
    codes = LANGUAGES[:13]
    right = [[(int(digest(run_id, code, item)[:4], 16) % 10 < 7) * 1.0 for item in range(_ITEMS)] for code in codes]
    outcomes = [
        {**scored, "language": code, "example_id": f"{item}", "cluster_id": f"{item}", "numerator": own[item], "denominator": 1.0}
        for code, own in zip(codes, right, strict=True)
        for item in range(_ITEMS)
    ]
    scores = [
        {**scored, "language": code, "dataset_revision": "made up", "value": sum(own) / _ITEMS, "n": _ITEMS, "evidence": "outcomes"}
        for code, own in zip(codes, right, strict=True)
    ]
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    run = {
        **shared, "kind": "run", "model_revision": "1", "parameters": 118_000_000, "target_revision": "made up",
        "intermediate_revision": "none" if intermediate == "none" else "made up", "recipe": "{}", "recipe_id": "made-up",
        "stack": "xbench", "source": "made up", "source_version": "1", "relationship": "first party", "trained_examples": 1,
        "packages": "{}", "hardware": "none", "started": when, "finished": when,
    }  # fmt: skip
    for table, rows in (("outcome", outcomes), ("score", scores), ("run", [run])):
        kinds = contracts.schema(table)
        given = pa.Table.from_pylist(rows, schema=pa.schema([f for f in kinds if f.name in rows[0]]))
        pq.write_table(given, root / table / f"{run_id}.parquet", compression="zstd")


def _part(given: tuple[Path, int, int, int]) -> None:
    root, first, runs, step = given
    for number in range(first, runs, step):
        write(root, number)


def make(root: Path, runs: int) -> None:
    for table in ("outcome", "score", "run"):
        (root / table).mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(2) as pool:
        pool.map(_part, [(root, first, runs, 2) for first in range(2)])


def look(root: Path) -> None:
    """In a process of its own: what each question takes."""
    took, last = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        took[name] = time.perf_counter() - last
        last = time.perf_counter()

    con = store.connect(root)
    lap("open")
    con.execute("SELECT count(*) FROM run").fetchall()
    lap("runs")
    con.execute("SELECT * FROM leaderboard").fetchall()
    lap("leaderboard")
    con.execute("SELECT * FROM transfer_delta WHERE target = 'panx'").fetchall()
    lap("deltas")
    took["mib"] = peak()
    print(json.dumps(took))


def measured(root: Path) -> dict[str, float]:
    command = [sys.executable, __file__, str(root), "--look"]
    outs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(2)]
    return outs[-1]


def told(said: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f} s" if name != "mib" else f"{value:.0f} MiB" for name, value in said.items())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 1000, 10_000, 100_000])
    parser.add_argument("--look", action="store_true")
    given = parser.parse_args()
    if given.look:
        look(given.folder)
        return
    for runs in given.runs:
        root = given.folder / str(runs)
        if not root.exists():
            make(root, runs)
        print(f"{runs:,} runs")
        if not list((root / "compaction").glob("*.json")):
            if runs <= MOST:
                print(f"  as written   {told(measured(root))}", flush=True)
            begun = time.perf_counter()
            done = compacting.compact(root)
            most = peak()
            print(
                f"  compacting   {time.perf_counter() - begun:.1f} s, {done.before:,} files into {done.after:,}, "
                f"{done.bytes_before / 1e6:.1f} MB into {done.bytes_after / 1e6:.1f}, {most:.0f} MiB", flush=True,
            )  # fmt: skip
            print(f"  old ones there {told(measured(root))}", flush=True)
            begun = time.perf_counter()
            compacting.compact(root, grace=0)
            print(f"  deleting     {time.perf_counter() - begun:.1f} s", flush=True)
        print(f"  compacted    {told(measured(root))}", flush=True)


if __name__ == "__main__":
    main()
