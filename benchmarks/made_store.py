"""A made-up store of any size: a full grid of models, intermediate tasks, targets, languages and seeds, every example stored.

    python benchmarks/made_store.py FOLDER [--languages 12 --intermediates 10 --targets 9 --models 2 --seeds 3 --examples 7015]

Whether an item is answered depends on how hard it is (shared by all systems), on the language, on what the intermediate task changed for
the target, and on the seed. Every score is the sum over its outcomes. The numbers mean nothing; names say so (`made-up-…`).
"""

import argparse
import datetime
import hashlib
import re
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from xbench import store
from xbench.scorer import load_scorer
from xbench.task import load_task

TARGETS = ("panx", "udpos", "xnli", "pawsx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
INTERMEDIATES = ("none", "mnli", "squad1", "hellaswag", "qqp", "cosmosqa", "ccg", "csqa", "anli-plus", "all9", "mlm")
LANGUAGES = ("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
SIZES = (118_000_000, 278_000_000, 560_000_000, 3_480_000_000)


def peak() -> float:
    """The most memory that this process had, MiB; what it was forked from does not count."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]


def digest(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def make(root: Path, languages: int, intermediates: int, targets: int, models: int, seeds: int, examples: int) -> int:
    """Write the store; the number of outcomes."""
    rng = np.random.default_rng(0)
    codes, total = LANGUAGES[:languages], 0
    names = pa.array([f"{i:06d}" for i in range(examples)])
    for target in TARGETS[:targets]:
        task = load_task(target)
        metric, scorer = task.metric, load_scorer(task.scorers[0]).signature
        hard = rng.normal(0, 1, (len(codes), examples))
        level = rng.normal(0.8, 0.4, len(codes))
        for model in range(models):
            for intermediate in INTERMEDIATES[: intermediates + 1]:
                changed = 0.0 if intermediate == "none" else rng.normal(0.02, 0.1) + rng.normal(0, 0.05, len(codes))
                for seed in range(seeds):
                    ability = level + 0.2 * model + changed + rng.normal(0, 0.03, len(codes))
                    right = rng.random((len(codes), examples)) < 1 / (1 + np.exp(2 * hard - 2 * ability[:, None]))
                    size = SIZES[model % len(SIZES)]
                    tables = run_tables(f"made-up-{model}", size, intermediate, target, seed, codes, right, names, metric, scorer)
                    for table, rows in tables.items():
                        store.write(root, table, rows, tables["run"]["run_id"][0].as_py())
                    total += right.size
    return total


def run_tables(
    model: str, parameters: int, intermediate: str, target: str, seed: int, codes: tuple[str, ...], right: np.ndarray, names: pa.Array,
    metric: str, scorer: str,
) -> dict[str, pa.Table]:  # fmt: skip
    """One run, its outcomes and scores; the run last."""
    run_id = digest(model, intermediate, target, seed)[:24]
    shared = {"run_id": run_id, "model": model, "intermediate": intermediate, "target": target, "train_language": "en", "seed": seed}
    number, length = right.shape

    def same(value: object, rows: int) -> pa.Array:
        return pa.array([value]).take(pa.array(np.zeros(rows, dtype=np.int64)))

    rows = number * length
    outcomes = {
        **{c: same(v, rows) for c, v in shared.items()},
        "language": pa.array(codes).take(pa.array(np.repeat(np.arange(number), length))),
        "split": same("test", rows),
        "example_id": names.take(pa.array(np.tile(np.arange(length), number))),
        "cluster_id": names.take(pa.array(np.tile(np.arange(length), number))),
        "metric": same(metric, rows),
        "scorer": same(scorer, rows),
        "numerator": pa.array(right.ravel().astype(np.float64)),
        "denominator": pa.array(np.ones(rows)),
    }
    scores = [
        {
            **shared, "language": code, "split": "test", "metric": metric, "scorer": scorer, "dataset_revision": "made up",
            "value": float(own.mean()), "n": length, "evidence": "outcomes",
        }
        for code, own in zip(codes, right, strict=True)
    ]  # fmt: skip
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    run = {
        **shared, "kind": "run", "model_revision": "1", "parameters": parameters, "target_revision": "made up",
        "intermediate_revision": "none" if intermediate == "none" else "made up", "recipe": "{}", "recipe_id": "made-up",
        "stack": "xbench", "source": "made up", "source_version": "1", "relationship": "first party", "trained_examples": 1,
        "packages": "{}", "hardware": "none", "started": when, "finished": when,
    }  # fmt: skip
    return {"outcome": pa.table(outcomes), "score": pa.Table.from_pylist(scores), "run": pa.Table.from_pylist([run])}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for name, value in (("languages", 12), ("intermediates", 10), ("targets", 9), ("models", 2), ("seeds", 3), ("examples", 7015)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = vars(parser.parse_args())
    begun = time.perf_counter()
    total = make(given.pop("folder"), **given)
    print(f"{total:,} outcomes in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
