"""The leaderboard of 1.3 million scores: the view, for all tasks and for one, and the app's tables, against pandas and polars.

    python benchmarks/leaderboard.py FOLDER [--runs 100000]

The store is made up: 100,000 runs of 13 scores, many to a file, as ingest writes them. Each row of the leaderboard is the mean over
languages of the mean over seeds of a system and a task, with the same without the training language. The peers read the same files and
make these columns alone, for all tasks; the view has the spread over seeds, the support and the conditions too. Each runs in a process of
its own; of two times in one process both are given.
"""

import argparse
import datetime
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from made_store import INTERMEDIATES, LANGUAGES, SIZES, TARGETS, digest, peak

from xbench import serving, store
from xbench.scorer import load_scorer
from xbench.task import load_task

SEEDS, CODES = 3, LANGUAGES[:13]  # of which a task covers some; averages are over those
SYSTEM = ["target", "model", "intermediate"]


def make(root: Path, runs: int) -> None:
    """A file a task."""
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    rng = np.random.default_rng(0)
    for i, target in enumerate(TARGETS):
        task = load_task(target)
        own = len(range(i, runs, len(TARGETS)))
        grid = [
            (model, n, seed) for model in range(-(-own // (len(INTERMEDIATES) * SEEDS))) for n in INTERMEDIATES for seed in range(SEEDS)
        ]
        run_rows, score_rows = [], []
        for model, intermediate, seed in grid[:own]:
            name = f"made-up-{model:04d}"
            shared = {
                "run_id": digest(name, intermediate, target, seed)[:24], "model": name, "intermediate": intermediate, "target": target,
                "train_language": "en", "seed": seed,
            }  # fmt: skip
            run_rows.append({
                **shared, "kind": "run", "model_revision": "1", "parameters": SIZES[model % len(SIZES)], "target_revision": "made up",
                "intermediate_revision": "none" if intermediate == "none" else "made up", "recipe": "{}", "recipe_id": "made-up",
                "stack": "xbench", "source": "made up", "source_version": "1", "relationship": "first party", "trained_examples": 1,
                "packages": "{}", "hardware": "none", "started": when, "finished": when,
            })  # fmt: skip
            scored = {
                **shared, "split": "test", "metric": task.metric, "scorer": load_scorer(task.scorers[0]).signature,
                "dataset_revision": "made up", "n": 1000, "evidence": "aggregate",
            }  # fmt: skip
            score_rows += [
                {**scored, "language": code, "value": value} for code, value in zip(CODES, rng.random(len(CODES)).tolist(), strict=True)
            ]
        store.write(root, "score", pa.Table.from_pylist(score_rows), target)
        store.write(root, "run", pa.Table.from_pylist(run_rows), target)


def lap(ask: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = ask()
    return time.perf_counter() - begun, found


def ours(root: Path) -> dict[str, Any]:
    opened, con = lap(lambda: store.connect(root))
    said: dict[str, Any] = {"open": [opened]}
    for name, text in (
        ("one task", "SELECT * FROM leaderboard WHERE target = 'panx' AND split = 'test' ORDER BY value DESC"),
        ("one task, a page", "SELECT * FROM leaderboard WHERE target = 'panx' AND split = 'test' ORDER BY value DESC LIMIT 100"),
        ("every task", "SELECT target, model, intermediate, value, zero_shot FROM leaderboard"),
        ("every task, every column", "SELECT * FROM leaderboard"),
    ):
        laps = [lap(lambda text=text: con.sql(text).to_arrow_table()) for _ in range(2)]
        said[name] = [seconds for seconds, _ in laps]
        rows = laps[-1][1]
    return said | {"rows": len(rows), "sum": float(np.sum(rows["value"].to_numpy()))}


def served(root: Path) -> dict[str, Any]:
    opened, snapshot = lap(lambda: serving.Snapshot(root))
    text = (
        "SELECT system_id, avg(value) AS value, count(*) AS languages FROM cell JOIN col USING (column_id) WHERE target = ? "
        "GROUP BY ALL ORDER BY value DESC"
    )
    con = snapshot.cursor()
    laps = [lap(lambda: con.execute(text, ["panx"]).fetchall())[0] for _ in range(2)]
    return {"open": [opened], "one task": laps}


def covered() -> list[tuple[str, str]]:
    """Each task with each of its languages."""
    return [(target, code) for target in TARGETS for code in load_task(target).languages]


def with_pandas(root: Path) -> dict[str, Any]:
    import pandas as pd

    own = covered()

    def made() -> Any:
        columns = [*SYSTEM, "metric", "scorer", "split", "dataset_revision", "language"]
        rows = pd.read_parquet(root / "score", columns=[*columns, "train_language", "value", "run_id"])
        rows = rows.merge(pd.DataFrame(own, columns=["target", "language"]), on=["target", "language"])
        known = pd.read_parquet(root / "run", columns=["run_id", "model_revision", "recipe_id", "stack", "source"])
        by_language = rows.merge(known, on="run_id").groupby([*columns, "train_language"], observed=True)["value"].mean().reset_index()
        by_language["zero"] = by_language["value"].where(by_language["language"] != by_language["train_language"])
        return by_language.groupby(columns[:-1], observed=True).agg(
            value=("value", "mean"), zero_shot=("zero", "mean"), n=("value", "size")
        )

    laps = [lap(made) for _ in range(2)]
    return {"every task": [s for s, _ in laps], "rows": len(laps[0][1]), "sum": float(laps[0][1]["value"].sum())}


def with_polars(root: Path) -> dict[str, Any]:
    import polars as pl

    columns = [*SYSTEM, "metric", "scorer", "split", "dataset_revision", "language", "train_language"]
    own = covered()

    def made() -> Any:
        known = pl.scan_parquet(root / "run" / "*.parquet").select("run_id", "model_revision", "recipe_id", "stack", "source")
        languages = pl.LazyFrame(own, schema=["target", "language"], orient="row")
        rows = pl.scan_parquet(root / "score" / "*.parquet").select(*columns, "value", "run_id").join(known, on="run_id")
        rows = rows.join(languages, on=["target", "language"])
        by_language = rows.group_by(columns).agg(pl.col("value").mean())
        zero = pl.col("value").filter(pl.col("language") != pl.col("train_language")).mean().alias("zero_shot")
        return by_language.group_by(columns[:-2]).agg(pl.col("value").mean(), zero, pl.len()).collect()

    laps = [lap(made) for _ in range(2)]
    return {"every task": [s for s, _ in laps], "rows": len(laps[0][1]), "sum": float(laps[0][1]["value"].sum())}


WAYS = {"xbench": ours, "xbench's app": served, "pandas": with_pandas, "polars": with_polars}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--way", choices=WAYS)
    given = parser.parse_args()
    root = given.folder / str(given.runs)
    if given.way:
        print(json.dumps(WAYS[given.way](root) | {"mib": peak()}))
        return
    if not root.exists():
        seconds, _ = lap(lambda: make(root, given.runs))
        print(f"made in {seconds:.0f} s: {sum(f.stat().st_size for f in root.rglob('*.parquet')) / 1e6:.0f} MB")
    sums = set()
    for way in WAYS:
        command = [sys.executable, __file__, str(given.folder), "--runs", str(given.runs), "--way", way]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        if "sum" in said:
            sums.add((said["rows"], round(said["sum"], 6)))
        times = "; ".join(f"{name} {' and '.join(f'{s:.2f}' for s in laps)} s" for name, laps in said.items() if isinstance(laps, list))
        print(f"{way:14} {times}; {said['mib']:.0f} MiB", flush=True)
    if len(sums) != 1:
        raise SystemExit(f"the ways differ: {sums}")


if __name__ == "__main__":
    main()
