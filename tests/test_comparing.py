"""Comparisons of stored runs: numbers worked again from the outcomes with scipy, and every reason for which nothing is tested."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from typer.testing import CliRunner

import xbench
from tests.conftest import RUN, Writer, run_id
from xbench import cli, comparing, store

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SCORER = "token-accuracy-1"


def put(root: Path, intermediate: str, seed: int, right: dict[str, np.ndarray], target: str = "mini-pos", **change: Any) -> None:
    """One run with outcomes: right answers by language, the same item ids in every language."""
    run = {**RUN, "intermediate": intermediate, "target": target, "seed": seed, "started": WHEN, "finished": WHEN, **change}
    run["run_id"] = run_id(f"{intermediate}{target}{seed}{change}")
    shared = {c: run[c] for c in ("run_id", "model", "intermediate", "target", "train_language", "seed")}
    rule = {**shared, "split": "test", "metric": "accuracy", "scorer": SCORER}
    outcomes, scores = [], []
    for language, values in right.items():
        outcomes += [
            {**rule, "language": language, "example_id": str(i), "cluster_id": str(i), "numerator": float(v), "denominator": 1.0}
            for i, v in enumerate(values)
        ]
        value = float(np.mean(values))
        scores.append({**rule, "language": language, "dataset_revision": "r", "value": value, "n": len(values), "evidence": "outcomes"})
    for table, rows in (("outcome", outcomes), ("score", scores), ("run", [run])):
        store.write(root, table, pa.Table.from_pylist(rows), run["run_id"])


def answers(seed: int, rate: float, items: int = 200) -> np.ndarray:
    return (np.random.default_rng(seed).random(items) < rate).astype(float)


def test_one_seed_compares_these_runs_and_says_so(tmp_path: Path) -> None:
    direct, after = (
        {"de": answers(0, 0.6), "hi": answers(1, 0.6), "en": answers(2, 0.9)},
        {"de": answers(3, 0.9), "hi": answers(4, 0.6), "en": answers(5, 0.9)},
    )
    put(tmp_path, "none", 0, direct)
    put(tmp_path, "intents", 0, after)
    rows = {r["language"]: r for r in comparing.compare(tmp_path)}
    assert set(rows) == {"de", "hi", "en", comparing.MEAN}
    for language in ("de", "hi", "en"):
        reference = stats.ttest_rel(after[language], direct[language])
        assert rows[language]["p"] == pytest.approx(reference.pvalue, rel=1e-9)
        limits = reference.confidence_interval()
        assert (rows[language]["low"], rows[language]["high"]) == pytest.approx((limits.low, limits.high), rel=1e-9)
    # the mean over de and hi, item by item, because their items are translations of each other
    difference = (after["de"] + after["hi"] - direct["de"] - direct["hi"]) / 2
    assert rows[comparing.MEAN]["p"] == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, rel=1e-9)
    ordered = sorted(rows[x]["p"] for x in ("de", "hi", "en"))
    assert rows["de"]["p_holm"] == pytest.approx(3 * ordered[0])
    assert (rows["de"]["verdict"], rows["hi"]["verdict"]) == ("helps", "unresolved")
    assert {r["scope"] for r in rows.values()} == {"these runs"}
    said = comparing.sentence(list(rows.values()))
    assert said.startswith("helps in 1 of 2 languages (de); unresolved in 1; one seed: this says that the two trained systems differ")


def test_seeds_widen_the_interval(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.6)})
        put(tmp_path, "intents", seed, {"de": answers(10 + seed, 0.55 + 0.1 * seed)})  # 55, 65, 75 percent
    row = next(r for r in comparing.compare(tmp_path) if r["language"] == "de")
    assert (row["scope"], row["seeds"], row["status"]) == ("recipe", 3, "tested")
    assert row["verdict"] == "unresolved"
    values = [[answers(s, 0.6).mean() for s in range(3)], [answers(10 + s, 0.55 + 0.1 * s).mean() for s in range(3)]]
    assert row["delta"] == pytest.approx(np.mean(values[1]) - np.mean(values[0]))
    # seeds dominate here: the interval is about Welch's on the means of the runs
    welch = stats.ttest_ind(values[1], values[0], equal_var=False).confidence_interval()
    assert row["high"] - row["low"] == pytest.approx(welch.high - welch.low, rel=0.35)


def test_every_reason_for_no_test_is_given(tmp_path: Path, writer: Writer) -> None:
    put(tmp_path, "intents", 0, {"de": answers(0, 0.5)})
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: no direct baseline of the same seed under the same conditions"
    assert row["verdict"] == "not testable"
    put(tmp_path, "none", 0, {"de": answers(0, 0.5, 150)})
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: the runs were tested on different examples (de: 150, 200 examples, not the same ones)"
    writer.add("none", "mini-ner", None, {"de": 0.5}, source="a table", kind="external")
    writer.add("intents", "mini-ner", None, {"de": 0.6}, source="a table", kind="external")
    (row,) = comparing.compare(writer.root)
    assert row["status"] == "not testable: the source gives averages only: no examples are stored"
    assert comparing.compare(tmp_path / "empty") == []


def test_the_command_and_the_function_give_the_same_rows(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6), "en": answers(1, 0.6)})
    put(tmp_path, "intents", 0, {"de": answers(3, 0.8), "en": answers(4, 0.6)})
    done = CliRunner().invoke(cli.app, ["compare", "--store", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    frame = xbench.compare(tmp_path)
    assert [r["p"] for r in json.loads(done.stdout)] == pytest.approx(frame["p"].tolist())
    text = CliRunner().invoke(cli.app, ["compare", "--store", str(tmp_path), "--target", "mini-pos"]).stdout
    assert "mini-pos after intents: accuracy, m, seeds: 1" in text
    assert "helps in 1 of 1 languages (de)" in text
