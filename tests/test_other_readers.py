"""Any reader of Parquet gives the deltas of our views, by what docs/scale.md says of the files and of nothing else of ours.

Numbers that versions took over from each other are of ingested runs, and there are none in this store.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_verify import own
from xbench import compacting, retracting, store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Most of it compacted, what that replaced still there, runs and an unfinished write beside it, some runs retracted, one let in again."""
    path = tmp_path / "store"
    for seed in range(3):
        own(path, seed)
        own(path, seed, "intents")
    compacting.compact(path)
    own(path, 3)
    own(path, 3, "intents")
    name = own(path, 9)
    (path / "run" / f"{name}.parquet").unlink()
    retracting.retract(path, {"seed": "3"}, "a slip")
    retracting.retract(path, {"seed": "0"}, "another")
    retracting.retract(path, {"seed": "0"}, "none", back=True)
    return path


def files(root: Path, table: str) -> list[str]:
    """The rule of docs/scale.md: the files that the newest compaction names, and those of writers that it does not stand for."""
    import pyarrow.parquet as pq

    said = json.loads(max((root / "compaction").glob("*.json")).read_text())
    names = pq.read_table(root / "compaction" / said["names"]).to_pylist()
    replaced = {row["name"] for row in names if row["tbl"] == table}
    loose = [p.stem for p in (root / table).glob("*.parquet") if not p.name.startswith("compacted.") and p.stem not in replaced]
    return [str(root / table / f"{name}.parquet") for name in (*said["files"][table], *loose)]


def counting(root: Path, runs: set[str]) -> set[str]:
    """Without those that are retracted."""
    said = [json.loads(path.read_text()) for path in (root / "retraction").glob("*.json")]
    back = {run: step["back"] for step in sorted(said, key=lambda step: step["made"]) for run in step["runs"]}
    return {run for run in runs if back.get(run, True)}


def stored(root: Path) -> dict[tuple[str, str], float]:
    rows = store.connect(root).execute("SELECT intermediate, language, avg(delta) FROM transfer_delta GROUP BY ALL").fetchall()
    return {(intermediate, language): delta for intermediate, language, delta in rows}


def deltas(sums: list[dict[str, Any]], complete: set[str]) -> dict[tuple[str, str], float]:
    score = {(r["intermediate"], r["language"], r["seed"]): r["above"] / r["below"] for r in sums if r["run_id"] in complete}
    found: dict[tuple[str, str], list[float]] = {}
    for (intermediate, language, seed), value in score.items():
        if intermediate != "none":
            found.setdefault((intermediate, language), []).append(value - score["none", language, seed])
    return {key: sum(values) / len(values) for key, values in found.items()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ray_data(root: Path) -> None:
    ray = pytest.importorskip("ray")
    from ray.data.aggregate import Sum

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        outcomes = ray.data.read_parquet(
            files(root, "outcome"), columns=["run_id", "intermediate", "language", "seed", "numerator", "denominator"]
        )
        key = ["run_id", "intermediate", "language", "seed"]
        sums = outcomes.groupby(key).aggregate(Sum("numerator", alias_name="above"), Sum("denominator", alias_name="below")).take_all()
        complete = {row["run_id"] for row in ray.data.read_parquet(files(root, "run"), columns=["run_id"]).take_all()}
    finally:
        ray.shutdown()
    expected = stored(root)
    assert len(expected) == 2
    assert deltas(sums, counting(root, complete)) == pytest.approx(expected, abs=1e-12)


def test_pyarrow(root: Path) -> None:
    import pyarrow.dataset as ds

    rows = ds.dataset(files(root, "outcome")).to_table(columns=["run_id", "intermediate", "language", "seed", "numerator", "denominator"])
    grouped = rows.group_by(["run_id", "intermediate", "language", "seed"]).aggregate([("numerator", "sum"), ("denominator", "sum")])
    sums = [{**row, "above": row["numerator_sum"], "below": row["denominator_sum"]} for row in grouped.to_pylist()]
    complete = set(ds.dataset(files(root, "run")).to_table(columns=["run_id"])["run_id"].to_pylist())
    assert (len(complete), len(counting(root, complete))) == (8, 6)
    assert deltas(sums, counting(root, complete)) == pytest.approx(stored(root), abs=1e-12)
