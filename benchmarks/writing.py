"""Write throughput: outcomes through the store's own writer against pandas, pyarrow and DuckDB writing the same tables as zstd Parquet.

    python benchmarks/writing.py FOLDER [--runs 30] [--examples 7015]

A run is examples x 12 languages outcomes, its scores and its row, as a training leaves them. Ours checks every row against the contract,
sorts, adds a checksum, syncs each file and renames it; the peers do none of that. Rows are made beforehand; each way is a process.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from made_store import INTERMEDIATES, LANGUAGES, SIZES, TARGETS, peak, run_tables

from xbench import contracts, store
from xbench.scorer import load_scorer
from xbench.task import load_task

Write = Callable[[Path, str, pa.Table, str], Any]


def runs(number: int, examples: int) -> list[dict[str, pa.Table]]:
    """The tables of so many runs: half of the items hard for everyone, as real ones are."""
    names = pa.array([f"{i:06d}" for i in range(examples)])
    rng = np.random.default_rng(0)
    found = []
    for i in range(number):
        target, intermediate = TARGETS[i % len(TARGETS)], INTERMEDIATES[i % len(INTERMEDIATES)]
        task = load_task(target)
        right = rng.random((12, examples)) < rng.uniform(0.3, 0.9, (12, 1))
        found.append(
            run_tables(
                f"made-up-{i}", SIZES[0], intermediate, target, i, LANGUAGES[:12], right, names, task.metric,
                load_scorer(task.scorers[0]).signature,
            )
        )  # fmt: skip
    return found


def with_store(root: Path, table: str, rows: pa.Table, name: str) -> None:
    store.write(root, table, rows, name)


def with_pyarrow(root: Path, table: str, rows: pa.Table, name: str) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, root / table / f"{name}.parquet", compression="zstd")


def with_pandas(root: Path, table: str, rows: Any, name: str) -> None:
    rows.to_parquet(root / table / f"{name}.parquet", compression="zstd", index=False)


def with_duckdb(root: Path, table: str, rows: pa.Table, name: str) -> None:
    import duckdb

    duckdb.sql(f"COPY (FROM rows) TO '{root / table / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")


WAYS: dict[str, Write] = {"xbench": with_store, "pandas": with_pandas, "pyarrow": with_pyarrow, "duckdb": with_duckdb}


def one(way: str, root: Path, number: int, examples: int) -> dict[str, float]:
    made: list[dict[str, Any]] = list(runs(number, examples))
    if way == "pandas":
        made = [{table: rows.to_pandas() for table, rows in tables.items()} for tables in made]
    names = [str(tables["run"]["run_id"][0]) for tables in made]
    for table in contracts.TABLES:
        (root / table).mkdir(parents=True)
    write = WAYS[way]
    before, cpu, begun = peak(), time.process_time(), time.perf_counter()
    for name, tables in zip(names, made, strict=True):
        for table, rows in tables.items():
            write(root, table, rows, name)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    size = sum(f.stat().st_size for f in (root / "outcome").glob("*.parquet"))
    return {"seconds": seconds, "cpu": cpu, "bytes": size / (number * examples * 12), "more": peak() - before}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--examples", type=int, default=7015)
    parser.add_argument("--way", choices=WAYS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(one(given.way, given.folder, given.runs, given.examples)))
        return
    outcomes = given.runs * given.examples * 12
    ours = 0.0
    for way in WAYS:
        root = given.folder / way
        shutil.rmtree(root, ignore_errors=True)
        command = [sys.executable, __file__, str(root), "--runs", str(given.runs), "--examples", str(given.examples), "--way", way]
        said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        ours = ours or said["seconds"]
        print(
            f"{way:8} {outcomes:,} outcomes of {given.runs} runs in {said['seconds']:.1f} s ({said['cpu']:.1f} CPU): "
            f"{outcomes / said['seconds']:,.0f} a second, {said['bytes']:.2f} bytes an outcome, {said['more']:.0f} MiB more; "
            f"ours takes {ours / said['seconds']:.1f} times that",
            flush=True,
        )


if __name__ == "__main__":
    main()
