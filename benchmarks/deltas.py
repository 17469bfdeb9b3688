"""Deltas of every (model, intermediate, target, language) from outcomes, example by example: DuckDB through our views, pandas, polars.

    python benchmarks/deltas.py FOLDER [--outcomes 500000000] [--peer-outcomes 10000000]

The stores are made up (as made_store.py makes them, one file a run, then compacted). The question: from the outcomes alone, the score of
every run and language, then the mean over seeds of what each intermediate task changed against the direct baseline. Ours asks the store
with `store.connect`, and then the stored deltas, as the views give them, which must be the same numbers. The peers read the same Parquet
files and do the same with their own group-by and join. Each runs in a process of its own; threads as each takes them.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from made_store import INTERMEDIATES, LANGUAGES, SIZES, TARGETS, peak, run_tables

from xbench import compacting, contracts, store
from xbench.scorer import load_scorer
from xbench.task import load_task

EXAMPLES, SEEDS = 7015, 3
FROM_OUTCOMES = """
    WITH score AS (
        SELECT model, intermediate, target, language, seed, sum(numerator) / sum(denominator) AS value FROM outcome GROUP BY ALL
    )
    SELECT s.model, s.intermediate, s.target, s.language, avg(s.value - b.value) AS delta
    FROM score AS s JOIN score AS b USING (model, target, language, seed)
    WHERE s.intermediate <> 'none' AND b.intermediate = 'none' GROUP BY ALL ORDER BY ALL
"""
STORED = """
    SELECT model, intermediate, target, language, avg(delta) AS delta FROM transfer_delta WHERE status = 'paired' GROUP BY ALL ORDER BY ALL
"""


def _cells(outcomes: int) -> list[tuple[str, str, int, int]]:
    """(target, intermediate, model, seed) of as many runs as it takes; the rest is in more models."""
    runs = -(-outcomes // (EXAMPLES * 12))
    per_model = len(TARGETS) * len(INTERMEDIATES) * SEEDS
    found = [
        (target, intermediate, model, seed)
        for model in range(-(-runs // per_model))
        for target in TARGETS
        for intermediate in INTERMEDIATES
        for seed in range(SEEDS)
    ]
    return found[: -(-runs // SEEDS) * SEEDS]


def _write(given: tuple[Path, list[tuple[str, str, int, int]]]) -> int:
    """Runs without the checks and the syncs of the store's own writer, which are measured elsewhere."""
    root, cells = given
    names = pa.array([f"{i:06d}" for i in range(EXAMPLES)])
    total = 0
    for target, intermediate, model, seed in cells:
        task = load_task(target)
        rng = np.random.default_rng(abs(hash((target, intermediate, model, seed))) % 2**32)
        right = rng.random((12, EXAMPLES)) < rng.uniform(0.3, 0.9, (12, 1))
        tables = run_tables(
            f"made-up-{model}", SIZES[model % len(SIZES)], intermediate, target, seed, LANGUAGES[:12], right, names, task.metric,
            load_scorer(task.scorers[0]).signature,
        )  # fmt: skip
        for table, rows in tables.items():
            kinds = contracts.schema(table)
            kept = pa.schema([field for field in kinds if field.name in rows.column_names])
            pq.write_table(rows.select(kept.names).cast(kept), root / table / f"{rows['run_id'][0].as_py()}.parquet", compression="zstd")
        total += right.size
    return total


def make(root: Path, outcomes: int) -> int:
    for table in ("outcome", "score", "run"):
        (root / table).mkdir(parents=True, exist_ok=True)
    cells = _cells(outcomes)
    with multiprocessing.Pool(2) as pool:
        return sum(pool.map(_write, [(root, cells[part::2]) for part in range(2)]))


def ours(root: Path) -> dict[str, object]:
    begun = time.perf_counter()
    con = store.connect(root)
    opened = time.perf_counter()
    made = con.execute(FROM_OUTCOMES).fetchall()
    counted = time.perf_counter()
    stored = con.execute(STORED).fetchall()
    done = time.perf_counter()
    if [row[:4] for row in made] != [row[:4] for row in stored] or max(abs(a[4] - b[4]) for a, b in zip(made, stored, strict=True)) > 1e-12:
        raise SystemExit("the stored deltas are not those of the outcomes")
    return {
        "open": opened - begun,
        "seconds": counted - opened,
        "stored": done - counted,
        "deltas": len(made),
        "sum": sum(r[4] for r in made),
    }


def _files(root: Path) -> list[str]:
    return sorted(map(str, (root / "outcome").glob("*.parquet")))


_COLUMNS = ["model", "intermediate", "target", "language", "seed", "numerator", "denominator"]


def with_pandas(root: Path) -> dict[str, object]:
    import pandas as pd

    begun = time.perf_counter()
    parts = [pd.read_parquet(file, columns=_COLUMNS) for file in _files(root)]
    rows = pd.concat(parts, ignore_index=True)
    key = ["model", "intermediate", "target", "language", "seed"]
    sums = rows.groupby(key, observed=True)[["numerator", "denominator"]].sum().reset_index()
    sums["value"] = sums["numerator"] / sums["denominator"]
    base = sums[sums["intermediate"] == "none"]
    both = sums[sums["intermediate"] != "none"].merge(base, on=["model", "target", "language", "seed"], suffixes=("", "_direct"))
    both["delta"] = both["value"] - both["value_direct"]
    found = both.groupby(["model", "intermediate", "target", "language"], observed=True)["delta"].mean()
    return {"seconds": time.perf_counter() - begun, "deltas": len(found), "sum": float(found.sum())}


def with_polars(root: Path) -> dict[str, object]:
    import polars as pl

    begun = time.perf_counter()
    key = ["model", "intermediate", "target", "language", "seed"]
    rows = pl.scan_parquet(_files(root)).select(_COLUMNS)
    sums = rows.group_by(key).agg(pl.col("numerator").sum(), pl.col("denominator").sum())
    sums = sums.with_columns((pl.col("numerator") / pl.col("denominator")).alias("value")).collect(engine="streaming").lazy()
    base = sums.filter(pl.col("intermediate") == "none").select("model", "target", "language", "seed", direct="value")
    both = sums.filter(pl.col("intermediate") != "none").join(base, on=["model", "target", "language", "seed"])
    found = (
        both.group_by("model", "intermediate", "target", "language")
        .agg((pl.col("value") - pl.col("direct")).mean().alias("delta"))
        .collect()
    )
    return {"seconds": time.perf_counter() - begun, "deltas": len(found), "sum": float(found["delta"].sum())}


WAYS = {"xbench": ours, "pandas": with_pandas, "polars": with_polars}


def measured(way: str, root: Path) -> dict[str, object]:
    command = [sys.executable, __file__, str(root), "--way", way]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.returncode, "said": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outcomes", type=int, default=500_000_000)
    parser.add_argument("--peer-outcomes", type=int, default=10_000_000)
    parser.add_argument("--way", choices=WAYS)
    given = parser.parse_args()
    if given.way:
        said = WAYS[given.way](given.folder)
        print(json.dumps({**said, "mib": peak()}))
        return
    for size, ways in ((given.peer_outcomes, list(WAYS)), (given.outcomes, ["xbench", "polars"])):
        root = given.folder / str(size)
        if not root.exists():
            begun = time.perf_counter()
            total = make(root, size)
            print(f"{total:,} outcomes written in {time.perf_counter() - begun:.0f} s", flush=True)
            begun = time.perf_counter()
            done = compacting.compact(root)
            took = time.perf_counter() - begun
            compacting.compact(root, grace=0)
            size_of = sum(f.stat().st_size for f in (root / "outcome").iterdir()) / total
            print(
                f"compacted in {took:.0f} s: {done.before:,} files into {done.after:,}, {done.bytes_before / 1e6:,.0f} MB into "
                f"{done.bytes_after / 1e6:,.0f}, {size_of:.2f} bytes an outcome, {peak():,.0f} MiB", flush=True,
            )  # fmt: skip
        for way in ways:
            said = measured(way, root)
            print(
                f"{size:,} {way:<8}",
                ", ".join(f"{k} {v:,.2f}" if isinstance(v, float) else f"{k} {v:,}" for k, v in said.items()),
                flush=True,
            )


if __name__ == "__main__":
    main()
