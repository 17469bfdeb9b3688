"""Comparisons of stored runs: numbers worked again from the outcomes with scipy, and every reason for which nothing is tested."""

import datetime
import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats
from typer.testing import CliRunner

import xbench
from tests.conftest import RUN, Writer, run_id
from xbench import cli, comparing, contrasts, hashes, ingesting, keeping, over_tasks, pairing, placing, scales, store, telling, wording
from xbench.errors import XbenchError
from xbench.stats import resampling
from xbench.stats.ratios import Sums
from xbench.tables import grouped

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SCORER = "token-accuracy-1"


def put(
    root: Path,
    intermediate: str,
    seed: int,
    right: dict[str, np.ndarray],
    target: str = "mini-pos",
    metric: str = "accuracy",
    scorer: str = SCORER,
    also: dict[str, dict[str, np.ndarray]] | None = None,
    shuffle: bool = False,
    below: np.ndarray | dict[str, np.ndarray] | None = None,
    ids: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    **change: Any,
) -> None:
    """One run with outcomes: right answers by language, the same item ids in every language; `also` are further metrics.

    Denominators are 1, or `below` (of all languages, or by language); ids are numbers from 0, or `ids`; clusters are the ids, or `clusters`.
    """
    run = {**RUN, "intermediate": intermediate, "target": target, "seed": seed, "started": WHEN, "finished": WHEN, **change}
    run["run_id"] = run_id(f"{intermediate}{target}{seed}{change}")
    shared = {c: run[c] for c in ("run_id", "model", "intermediate", "target", "train_language", "seed")}
    outcomes, scores = [], []
    for name, by_language in {metric: right, **(also or {})}.items():
        rule = {**shared, "split": "test", "metric": name, "scorer": scorer}
        for language, values in by_language.items():
            named = list(range(len(values)) if ids is None else ids)
            under = np.ones(len(values)) if below is None else below[language] if isinstance(below, dict) else below
            outcomes += [
                {**rule, "language": language, "example_id": str(i), "cluster_id": str(c), "numerator": float(v), "denominator": float(d)}
                for i, c, v, d in zip(
                    named,
                    named if clusters is None else clusters,
                    values,
                    under,
                    strict=True,
                )
            ]
            value = float(np.sum(values) / np.sum(under))
            scores.append(
                {
                    **rule,
                    "language": language,
                    "dataset_revision": hashes.tested_revision(str(run["target_revision"])),
                    "value": value,
                    "n": len(values),
                    "evidence": "outcomes",
                }
            )
    if shuffle:
        np.random.default_rng(1).shuffle(outcomes)
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
    assert rows["de"]["p_adjusted"] == pytest.approx(3 * ordered[0])
    assert (rows["de"]["verdict"], rows["hi"]["verdict"]) == ("helps", "unresolved")
    assert {r["scope"] for r in rows.values()} == {"these runs"}
    said = comparing.sentence(list(rows.values()))
    assert said.startswith("helps in 1 of 2 languages (de); unresolved in 1; one seed: this says that the trained systems differ")


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


def test_every_reason_for_no_test_is_given(tmp_path: Path) -> None:
    put(tmp_path, "intents", 0, {"de": answers(0, 0.5)})
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: no direct baseline under the same conditions"
    assert row["verdict"] == "not testable"
    put(tmp_path, "none", 1, {"de": answers(0, 0.5)})
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: the direct baseline has other seeds"
    put(tmp_path, "none", 0, {"de": answers(0, 0.5, 150)})
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: the runs were tested on different examples (de: 150, 200 examples, not the same ones)"
    assert comparing.compare(tmp_path / "empty") == []
    other = tmp_path / "languages"
    put(other, "none", 0, {"de": answers(0, 0.5)})
    put(other, "intents", 0, {"hi": answers(0, 0.5)})
    (row,) = comparing.compare(other)
    assert (
        row["status"] == "not testable: no direct baseline under the same conditions"
        or "no language is there in every run" in row["status"]
    )
    few = tmp_path / "few"
    put(few, "none", 0, {"de": answers(0, 0.5, 1)})
    put(few, "intents", 0, {"de": answers(1, 0.5, 1)})
    assert all(r["status"].startswith("not testable: too little data: fewer than two clusters in ") for r in comparing.compare(few))


def test_two_runs_of_one_seed_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.5)})
    assert {r["status"] for r in comparing.compare(tmp_path)} == {"tested"}
    # The last by its id stands for the seed: with the first before it, what was kept would be taken.
    first = run_id("intentsmini-pos0{}")
    other = next(name for name in map(str, range(99)) if run_id(f"intentsmini-pos0{ ({'hardware': name}) }") < first)
    put(tmp_path, "intents", 0, {"de": answers(2, 0.5)}, hardware=other)
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: more than one run of the same system and seed (intents, seed 0)"


def test_an_example_that_is_stored_twice_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.5)})
    for file in list((tmp_path / "outcome").glob("*.parquet")):
        (tmp_path / "outcome" / f"again-{file.name}").write_bytes(file.read_bytes())
    (row,) = comparing.compare(tmp_path)
    assert row["status"] == "not testable: de: an example is there twice"


def test_averages_allow_no_more_than_they_do(writer: Writer) -> None:
    """statistics of numbers alone: the interval of independent systems, McNemar's p over every way to disagree, the typical language."""
    table: dict[str, Any] = {"source": "a table", "kind": "external"}
    languages = ("de", "es", "fi", "hi", "sw", "tr", "zh")
    writer.add("none", "mini-pos", None, dict.fromkeys(languages, 0.5), scorer="unknown", n=400, **table)
    writer.add("intents", "mini-pos", None, {**dict.fromkeys(languages, 0.53), "de": 0.9}, scorer="unknown", n=400, **table)
    rows = {r["language"]: r for r in comparing.compare(writer.root)}
    assert rows["de"]["verdict"] == "higher"  # certain, however the two disagree
    assert rows["es"]["verdict"] == "not testable"
    assert rows["es"]["status"].startswith("averages only: p of McNemar between ")
    half = 1.959964 * np.sqrt((0.5 * 0.5 + 0.53 * 0.47) / 400) + 0.001
    assert (rows["es"]["low"], rows["es"]["high"]) == pytest.approx((0.03 - half, 0.03 + half), abs=1e-6)
    mean = rows[comparing.MEAN]
    assert mean["verdict"] == "not testable"
    assert "up in 7 and down in 0 of 7 languages (sign test p = 0.016)" in mean["status"]


def test_averages_over_seeds_have_welchs_test(writer: Writer) -> None:
    table: dict[str, Any] = {"source": "a table", "kind": "external", "evidence": "aggregate"}
    values = {"none": (0.50, 0.52, 0.51), "intents": (0.56, 0.55, 0.58)}
    for intermediate, scores in values.items():
        for seed, value in enumerate(scores):
            writer.add(intermediate, "mini-ner", seed, {"de": value}, metric="f1", scorer="unknown", **table)
    row = next(r for r in comparing.compare(writer.root) if r["language"] == "de")
    reference = stats.ttest_ind(values["intents"], values["none"], equal_var=False)
    assert row["p"] == pytest.approx(reference.pvalue, rel=1e-6)
    assert (row["verdict"], row["scope"]) == ("higher", "new seeds, this test set")


def test_a_system_is_as_well_known_as_its_run_of_which_least_is(writer: Writer) -> None:
    """Of one of its seeds there is a number alone: of both then numbers are compared, by Welch's test (scipy)."""
    values = {"none": (0.5, answers(0, 0.52)), "intents": (0.6, answers(1, 0.65))}
    for name, (number, right) in values.items():
        writer.add(name, "mini-pos", 0, {"de": number}, scorer=SCORER, evidence="aggregate", n=200)
        put(writer.root, name, 1, {"de": right})
    row = next(r for r in comparing.compare(writer.root) if r["language"] == "de")
    reference = stats.ttest_ind(*([number, right.mean()] for number, right in values.values()), equal_var=False)
    assert row["status"] == "averages only: Welch over seeds, this test set" and row["p"] == pytest.approx(reference.pvalue, rel=1e-6)


_TABLE: dict[str, Any] = {"source": "a table", "kind": "external", "evidence": "aggregate", "metric": "f1", "scorer": "unknown"}


def test_a_printed_mean_is_no_language(tmp_path: Path) -> None:
    """It is no independent evidence of as many items: the languages of a test set are translations. Of two there are two, in the sentence too."""
    lines = [
        f"m,{intermediate},xnli,{language},{over},accuracy,{value},5000,paper\n"
        for intermediate, value in (("none", 0.5), ("intents", 0.6))
        for language, over in (("de", ""), ("hi", ""), ("mul", "de hi"), ("mul", "de es hi"))
    ]
    (tmp_path / "a.csv").write_text("model,intermediate,target,language,language_set,metric,value,n,source\n" + "".join(lines))
    ingesting.ingest([tmp_path / "a.csv"], tmp_path / "s")
    found = comparing.compare(tmp_path / "s")
    assert [(r["level"], r["language"], r["family"]) for r in found if r["level"] != "mean"] == [
        ("language", "de", 2), ("language", "hi", 2), ("printed mean", "mul over de es hi", None), ("printed mean", "mul over de hi", None)
    ]  # fmt: skip
    assert comparing.sentence(found).startswith("is higher in 2 of 2 languages (de hi)")
    printed = [r for r in found if r["level"] == "printed mean"]
    assert [(r["delta"], r["p"], r["verdict"]) for r in printed] == [(pytest.approx(0.1), None, "not testable")] * 2
    assert comparing.sentence(printed) == "not testable: the spread of a mean over languages is not known, only averages are"


def test_a_mean_that_a_source_printed_takes_nothing_from_its_examples(tmp_path: Path) -> None:
    for name, values in (("none", answers(0, 0.5)), ("intents", answers(1, 0.7))):
        put(tmp_path, name, 0, {"de": values})
    before = comparing.compare(tmp_path)
    for path in sorted((tmp_path / "score").iterdir()):
        rows = [
            r | {"language": "mul", "language_set": "de hi", "n": None, "evidence": "aggregate"} for r in pq.read_table(path).to_pylist()
        ]
        store.write(tmp_path, "score", pa.Table.from_pylist(rows), f"{path.stem}-printed")
    assert {r["status"] for r in before} == {"tested"}
    assert comparing.compare(tmp_path, cache=False) == before == comparing.compare(tmp_path, evidence="outcomes")
    # What was kept is no answer to a question that leaves the examples out.
    alone = comparing.compare(tmp_path, language_set="de hi")
    assert {r["language"] for r in alone} == {"de", "mul", comparing.MEAN}
    assert alone == comparing.compare(tmp_path, language_set="de hi", cache=False)
    assert "tested" not in {r["status"] for r in alone}


def test_what_is_mined_is_compared_on_all_that_either_names(tmp_path: Path) -> None:
    """Sixty sentences have a translation; each system names some of them, and some that have none. Bootstrap over sentences, by numpy."""
    sentences = np.arange(100)
    gold, named = sentences < 60, {}
    for name, right, wrong in (("none", slice(0, 30), slice(90, 98)), ("intents", slice(10, 55), slice(95, 99))):
        named[name] = np.isin(sentences, np.r_[sentences[right], sentences[wrong]])
        there = gold | named[name]
        above, below = 2.0 * (gold & named[name]), 1.0 * gold + named[name]
        mined = {"metric": "f1", "scorer": "mining-f1-1", "below": below[there], "ids": sentences[there]}
        put(tmp_path, name, 0, {"de": above[there]}, target="bucc2018", train_language="none", **mined)
    single, mean = comparing.compare(tmp_path)

    def f1(name: str, some: np.ndarray) -> np.ndarray:
        return 2 * (gold & named[name])[some].sum(-1) / (gold[some].sum(-1) + named[name][some].sum(-1))

    assert single["delta"] == pytest.approx(f1("intents", sentences) - f1("none", sentences))
    assert (single["status"], mean["status"]) == ("tested", "tested")
    assert (single["n"], single["clusters"]) == (69, 69)
    drawn = np.random.default_rng(0).integers(0, 100, (20_000, 100))
    assert (single["high"] - single["low"]) / 2 == pytest.approx(1.96 * np.std(f1("intents", drawn) - f1("none", drawn)), rel=0.08)
    assert {r["status"] for r in placing.standings(tmp_path)} == {"ranked"}
    # Averages alone are of other numbers of sentences too, on the same data.
    for name, value, n in (("none", 0.5, 68), ("intents", 0.6, 64)):
        Writer(tmp_path / "averages").add(name, "bucc2018", None, {"de": value}, n=n, train_language="none", **_TABLE)
    row = comparing.compare(tmp_path / "averages")[0]
    assert (row["delta"], row["status"]) == (
        pytest.approx(0.1),
        "not testable: the spread of f1 over examples is not known, only averages are",
    )


def test_languages_that_a_task_does_not_cover_are_in_no_mean(tmp_path: Path) -> None:
    """As in every view: mini-pos has no French."""
    for model, parameters in (("m", 10), ("l", 20)):
        for target in ("mini-pos", "mini-ner"):
            scored = {"target": target} if target == "mini-pos" else {"target": target, "metric": "f1", "scorer": "span-f1-1"}
            change = {**scored, "model": model, "parameters": parameters}
            put(tmp_path, "none", 0, {"de": answers(0, 0.6), "hi": answers(1, 0.6), "fr": answers(2, 0.9)}, **change)
            put(tmp_path, "intents", 0, {"de": answers(3, 0.8), "hi": answers(4, 0.8), "fr": answers(5, 0.1)}, **change)
    found = {r["language"]: r for r in comparing.compare(tmp_path, model="m", target="mini-pos")}
    delta = np.mean([answers(3, 0.8) - answers(0, 0.6), answers(4, 0.8) - answers(1, 0.6)])
    mean = found[comparing.MEAN]
    assert (mean["delta"], mean["languages"], mean["languages_in_any"]) == (pytest.approx(delta), 2, 2)
    assert found["fr"]["verdict"] == "hurts"
    (view,) = xbench.open_store(tmp_path).sql("FROM transfer_mean WHERE model = 'm' AND target = 'mini-pos'").df().to_dict("records")
    assert (view["delta"], view["languages"]) == (pytest.approx(delta), 2)
    families = comparing.compare(tmp_path, by="family", model="m", target="mini-pos")
    assert sum(r["languages"] for r in families if r["level"] == "family") == 2
    (tasks,) = over_tasks.over_tasks(tmp_path, model="m")
    assert tasks["delta"] == pytest.approx(delta)
    (size,) = scales.interactions(tmp_path, target="mini-pos")
    assert (size["languages"], size["n"]) == (2, 400)
    writer = Writer(tmp_path / "averages")
    for name, values in (("none", {"de": 0.6, "fr": 0.9}), ("intents", {"de": 0.8, "fr": 0.1})):
        writer.add(name, "mini-ner", None, values, **_TABLE)
    assert next(r for r in comparing.compare(writer.root) if r["level"] == "mean")["delta"] == pytest.approx(0.2)


def test_printed_means_over_other_languages_are_not_subtracted(writer: Writer) -> None:
    for intermediate, languages, mean in (("none", "de hi", 0.5), ("intents", "de es", 0.7)):
        writer.add(intermediate, "mini-ner", None, {"mul": mean}, language_set=languages, **_TABLE)
    (row,) = comparing.compare(writer.root)
    assert (row["delta"], row["status"]) == (None, "not testable: the sources have numbers for different languages")
    writer.add("none", "mini-ner", None, {"mul": 0.5}, target_revision="2", dataset_revision="2", language_set="de hi", **_TABLE)
    writer.add("intents", "mini-ner", None, {"mul": 0.6}, target_revision="2", dataset_revision="2", language_set="de hi", **_TABLE)
    (row,) = comparing.compare(writer.root, dataset_revision="2")
    assert row["delta"] == pytest.approx(0.1)


def test_averages_are_of_the_runs_that_are_paired(writer: Writer) -> None:
    """Seeds 1 and 2 are those that both have; a second run of one of them is refused, as is a baseline of other seeds."""
    values = {"none": {0: 0.10, 1: 0.50, 2: 0.52}, "intents": {1: 0.60, 2: 0.63, 7: 0.99}, "mini-nli": {8: 0.6, 9: 0.61}}
    for intermediate, by_seed in values.items():
        for seed, value in by_seed.items():
            lacking = (intermediate, seed) == ("intents", 2)
            writer.add(intermediate, "mini-ner", seed, {"de": value, **({} if lacking else {"es": value})}, **_TABLE)
    rows = {(r["intermediate"], r["language"]): r for r in comparing.compare(writer.root)}
    row = rows["intents", "de"]
    reference = stats.ttest_ind([0.60, 0.63], [0.50, 0.52], equal_var=False)
    assert (row["delta"], row["p"]) == pytest.approx((0.615 - 0.51, reference.pvalue))
    assert (row["seed_list"], row["seeds"]) == ("1 2", 2)
    assert rows["intents", "es"]["status"] == "not testable: not in every run: seeds 2 of the first"
    mean = rows["intents", comparing.MEAN]
    assert mean["delta"] == row["delta"]
    assert mean["status"].endswith("; mean over 1 of 2 languages")
    assert rows["mini-nli", comparing.MEAN]["status"] == "not testable: the direct baseline has other seeds"
    writer.add("intents", "mini-ner", 1, {"de": 0.9}, hardware="another machine", **_TABLE)
    (row,) = comparing.compare(writer.root, intermediate="intents")
    assert row["status"] == "not testable: more than one run of the same system and seed (intents, seed 1)"


def test_averages_that_do_not_vary_have_no_verdict(writer: Writer) -> None:
    """As printed, to a tenth of a point: either mean may be off by .0005, and that seeds change nothing is not known."""
    for seed in (0, 1, 2):
        writer.add("none", "mini-ner", seed, {"de": 0.1}, **_TABLE)
        writer.add("intents", "mini-ner", seed, {"de": 0.3}, **_TABLE)
    row = comparing.compare(writer.root)[0]
    assert (row["low"], row["high"]) == pytest.approx((0.199, 0.201))
    assert (row["p"], row["verdict"]) == (None, "not testable")
    assert row["status"] == "not testable: the runs of each system print the same number, so their spread is not known"


def test_averages_of_a_metric_without_a_known_spread_are_not_tested(writer: Writer) -> None:
    table: dict[str, Any] = {"source": "a table", "kind": "external"}
    writer.add("none", "mini-ner", None, {"de": 0.5}, metric="f1", scorer="unknown", **table)
    writer.add("intents", "mini-ner", None, {"de": 0.6}, metric="f1", scorer="unknown", **table)
    row = comparing.compare(writer.root)[0]
    assert row["delta"] == pytest.approx(0.1)
    assert row["status"] == "not testable: the spread of f1 over examples is not known, only averages are"


def test_a_against_b_and_models_against_each_other(tmp_path: Path) -> None:
    values = {("none", "m"): 0.5, ("intents", "m"): 0.7, ("mini-ner", "m"): 0.6, ("none", "large"): 0.8}
    for i, ((intermediate, model), rate) in enumerate(values.items()):
        put(tmp_path, intermediate, 0, {"de": answers(i, rate, 400)}, model=model)
    rows = comparing.compare(tmp_path, {"intermediate": "intents"}, {"intermediate": "mini-ner"})
    assert {(r["intermediate"], r["against"]) for r in rows} == {("intents", "mini-ner")}
    assert rows[0]["p"] == pytest.approx(stats.ttest_rel(answers(1, 0.7, 400), answers(2, 0.6, 400)).pvalue, rel=1e-9)
    assert rows[0]["verdict"] == "higher"
    (row, _) = comparing.compare(tmp_path, {"model": "large"}, {"model": "m"})
    assert (row["model"], row["against"]) == ("large", "model=m")
    assert row["delta"] == pytest.approx(answers(3, 0.8, 400).mean() - answers(0, 0.5, 400).mean())
    with pytest.raises(XbenchError, match="size is no field of a system"):
        comparing.compare(tmp_path, {"size": "large"})


def test_runs_of_other_seeds_are_compared_where_no_delta_is_asked_for(tmp_path: Path) -> None:
    for seed in (0, 1):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5)})
        put(tmp_path, "none", 10 + seed, {"de": answers(10 + seed, 0.7)}, model="large")
    row = comparing.compare(tmp_path, {"model": "large"}, {"model": "m"})[0]
    assert (row["seed_list"], row["against_seed_list"], row["scope"]) == ("10 11", "0 1", "recipe")


def test_a_seed_that_both_have_leaves_no_other_run_out(tmp_path: Path) -> None:
    """As where they are ranked, for one task and over tasks; of averages in two tables those of the same seeds are compared."""
    for target in ("mini-pos", "mini-ner"):
        for seed in (0, 1, 2):
            put(tmp_path, "intents", seed, {"de": answers(seed, 0.6)}, target=target)
            put(tmp_path, "mini-nli", 2 + seed, {"de": answers(10 + seed, 0.5)}, target=target)
    row = comparing.compare(tmp_path, {"intermediate": "intents"}, {"intermediate": "mini-nli"}, target="mini-pos")[0]
    assert (row["seed_list"], row["against_seed_list"], row["scope"]) == ("0 1 2", "2 3 4", "recipe")
    (ranked,) = placing.pairs(tmp_path, target="mini-pos")
    assert [row[c] for c in ("delta", "low", "high", "p", "seeds")] == [ranked[c] for c in ("delta", "low", "high", "p", "seeds")]
    (tasks,) = over_tasks.over_tasks(tmp_path, {"intermediate": "intents"}, {"intermediate": "mini-nli"})
    means = [np.mean([answers(first + seed, rate).mean() for seed in (0, 1, 2)]) for first, rate in ((0, 0.6), (10, 0.5))]
    assert (tasks["status"], tasks["seeds"], tasks["delta"]) == ("tested", 3, pytest.approx(means[0] - means[1]))


def test_a_mean_over_tasks_against_direct_is_of_the_seeds_of_both(tmp_path: Path) -> None:
    for target in ("mini-pos", "mini-retrieval"):
        for name, seeds in (("none", (0, 1, 2)), ("intents", (1, 2, 3))):
            for seed in seeds:
                put(tmp_path, name, seed, {"de": answers(seed, 0.5)}, target=target)
    (row,) = over_tasks.over_tasks(tmp_path)
    assert (row["seeds"], row["delta"], row["status"]) == (2, 0, "tested")


def test_groups_of_languages(tmp_path: Path) -> None:
    direct = {code: answers(i, 0.5) for i, code in enumerate(("en", "de", "es", "hi", "zh"))}
    after = {code: answers(10 + i, 0.6) for i, code in enumerate(("en", "de", "es", "hi", "zh"))}
    put(tmp_path, "none", 0, direct)
    put(tmp_path, "intents", 0, after)
    rows = {r["language"]: r for r in comparing.compare(tmp_path, by="script")}
    assert list(rows) == ["Devanagari", "Han", "Latin", comparing.MEAN]
    d = (after["de"] + after["es"] - direct["de"] - direct["es"]) / 2
    assert rows["Latin"]["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=1e-9)
    assert rows["Latin"]["n"] == 400
    assert rows["Latin"]["clusters"] == 200


def test_filters_do_not_change_a_family(tmp_path: Path) -> None:
    for i, name in enumerate(("none", "intents", "mini-ner", "mini-nli")):
        put(tmp_path, name, 0, {"de": answers(i, 0.5 + 0.03 * i)})
    whole = [r for r in comparing.compare(tmp_path) if r["intermediate"] == "mini-ner"]
    alone = comparing.compare(tmp_path, {"intermediate": "mini-ner"})
    assert alone == whole
    assert comparing.compare(tmp_path, intermediate="mini-ner") == whole
    mean = alone[-1]
    assert mean["family"] == 3
    p = sorted(r["p"] for r in comparing.compare(tmp_path) if r["level"] == "mean")
    assert min(r["p_adjusted"] for r in comparing.compare(tmp_path) if r["level"] == "mean") == pytest.approx(min(1, 3 * p[0]))


def test_a_doubled_example_of_another_model_is_no_matter(tmp_path: Path) -> None:
    """With `model` its runs are not read; without, they are, and move nothing."""
    for model in ("m", "other"):
        put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, model=model)
        put(tmp_path, "intents", 0, {"de": answers(1, 0.9)}, model=model)
    again = {run_id(f"{name}mini-pos0{ ({'model': 'other'}) }") for name in ("none", "intents")}
    for file in [f for f in (tmp_path / "outcome").glob("*.parquet") if any(run in f.name for run in again)]:
        (file.parent / f"again-{file.name}").write_bytes(file.read_bytes())
    rows = comparing.compare(tmp_path)
    assert [r for r in rows if r["model"] == "m"] == comparing.compare(tmp_path, model="m")
    assert [(r["model"], r["status"]) for r in rows] == [
        ("m", "tested"), ("m", "tested"), ("other", "not testable: de: an example is there twice")
    ]  # fmt: skip
    ranked = {(r["model"], r["intermediate"]): r["status"] for r in placing.standings(tmp_path)}
    assert {ranked[m] for m in (("m", "none"), ("m", "intents"))} == {"ranked"}
    assert {ranked[m] for m in (("other", "none"), ("other", "intents"))} == {"not ranked: de: an example is there twice"}


def test_copies_of_other_examples_are_other_examples(tmp_path: Path) -> None:
    """One three times, or two of which one is there twice: as many rows, and other systems keep their test."""
    put(tmp_path, "none", 0, {"de": answers(0, 0.6, 3)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.6, 3)})
    put(tmp_path, "mini-ner", 0, {"de": np.ones(1)}, ids=np.array([2]))
    put(tmp_path, "mini-nli", 0, {"de": np.array([1.0, 0.0])}, ids=np.array([1, 2]))
    for path in (tmp_path / "outcome").glob("*.parquet"):
        rows = pq.read_table(path)
        for again in range({"mini-ner": 2, "mini-nli": 1}.get(rows["intermediate"][0].as_py(), 0)):
            store.write(tmp_path, "outcome", rows.slice(0, 1), f"again-{again}-{path.stem}")
    found = {r["intermediate"]: r["status"] for r in comparing.compare(tmp_path)}
    assert found.pop("intents") == "tested"
    assert all("de: an example is there twice" in status for status in found.values()) and len(found) == 2


def test_spans_that_another_model_alone_finds_are_no_evidence(tmp_path: Path) -> None:
    """The systems of m have spans in the first 20 sentences, those of the other model in all 30: p of m is of its 20, read with it or not."""
    right = {"none": answers(0, 0.5, 30), "intents": answers(1, 0.6, 30)}
    for model, count in (("m", 20), ("other", 30)):
        below = (np.arange(30) < count).astype(float)
        for name, values in right.items():
            f1: dict[str, Any] = {"target": "mini-ner", "metric": "f1", "scorer": "span-f1-seqeval-default-1", "below": below}
            put(tmp_path, name, 0, {"de": values * below, "hi": values[::-1] * below}, model=model, **f1)
    rows = [r for r in comparing.compare(tmp_path) if r["model"] == "m"]
    assert rows == comparing.compare(tmp_path, model="m")
    assert rows[0]["p"] == pytest.approx(stats.ttest_rel(right["intents"][:20], right["none"][:20]).pvalue, rel=1e-9)
    assert {r["clusters"] for r in rows} == {20}


def test_contrasts_with_two_second_systems_are_two(tmp_path: Path) -> None:
    """The second is there on two revisions of its data, one worse and one better: a table, a family and a sentence each."""
    for seed in (0, 1):
        for i, (name, rate, revision) in enumerate((("intents", 0.5, "i"), ("mini-ner", 0.1, "a"), ("mini-ner", 0.9, "b"))):
            right = {code: answers(100 * i + 10 * seed + k, rate) for k, code in enumerate(("de", "hi"))}
            for target, scorer in (("mini-pos", SCORER), ("mini-retrieval", "accuracy-1")):
                put(tmp_path, name, seed, right, target=target, scorer=scorer, intermediate_revision=revision)
    pair = ({"intermediate": "intents"}, {"intermediate": "mini-ner"})
    rows = comparing.compare(tmp_path, *pair, target="mini-pos")
    groups = grouped(rows, comparing.CONTRAST)
    assert [(own[0]["against_intermediate_revision"], len(own)) for own in groups] == [("a", 3), ("b", 3)]
    assert [comparing.sentence(own) for own in groups] == ["is higher in 2 of 2 languages (de hi)", "is lower in 2 of 2 languages (de hi)"]
    assert {(r["level"], r["family"]) for r in rows} == {("language", 2), ("mean", 1)}
    assert [set(r) - set(comparing.COLUMNS) for r in rows] == [set(contrasts.HIDDEN) - set(comparing.COLUMNS)] * 6
    averages = over_tasks.over_tasks(tmp_path, *pair, suite="tasks")
    assert [(r["against_intermediate_revision"], r["family"], r["verdict"]) for r in averages] == [("a", 1, "higher"), ("b", 1, "lower")]
    text = CliRunner().invoke(cli.app, ["compare", "intents", "mini-ner", "--store", str(tmp_path), "--target", "mini-pos"]).stdout
    for revision in "ab":
        assert f"mini-pos after intents against mini-ner (intermediate revision {revision}): accuracy, m, seeds: 2" in text
    text = CliRunner().invoke(cli.app, ["compare", "intents", "mini-ner", "--store", str(tmp_path), "--by", "task", "--json"]).stdout
    assert [r["against_intermediate_revision"] for r in json.loads(text)] == ["a", "b"] * 3


def test_resampling_confirms(tmp_path: Path) -> None:
    direct, after = {"de": answers(0, 0.6), "hi": answers(1, 0.6)}, {"de": answers(3, 0.8), "hi": answers(4, 0.62)}
    put(tmp_path, "none", 0, direct)
    put(tmp_path, "intents", 0, after)
    rows = {r["language"]: r for r in comparing.compare(tmp_path, confirm=True)}
    for code in ("de", "hi"):
        b, c = int((after[code] > direct[code]).sum()), int((after[code] < direct[code]).sum())
        assert rows[code]["p_mcnemar_exact"] == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)
        assert rows[code]["p_randomisation"] == pytest.approx(rows[code]["p_mcnemar_exact"], abs=0.02)
        more, fewer = np.triu_indices(201)[0], 200 - np.triu_indices(201)[1]  # every way to draw 200: items gained, items lost
        law = stats.multinomial(200, [b / 200, c / 200, 1 - (b + c) / 200]).pmf(np.stack([more, fewer, 200 - more - fewer], axis=1))
        exact = law[np.abs(more - fewer - (b - c)) >= abs(b - c)].sum()  # a tie is a hit, so it is a little above the p of t
        assert rows[code]["p_bootstrap"] == pytest.approx(exact, abs=0.02)
        assert rows[code]["bootstrap_low"] == pytest.approx(rows[code]["low"], abs=0.01)
        assert rows[code]["p_max_t"] >= rows[code]["p_bootstrap"] - 0.002
    assert rows[comparing.MEAN]["p_bootstrap"] == pytest.approx(rows[comparing.MEAN]["p"], abs=0.02)
    assert comparing.compare(tmp_path, confirm=True, cache=False) == list(rows.values())  # the same digits again
    joint = comparing.compare(tmp_path, adjust="max-t")
    assert joint[0]["p_adjusted"] == rows["de"]["p_max_t"]
    assert (joint[0]["low"], joint[0]["high"]) == (rows["de"]["all_low"], rows["de"]["all_high"])


@pytest.mark.parametrize("parts", [1, 3])
def test_ties_are_hits_in_means_over_seeds(tmp_path: Path, parts: int) -> None:
    """Seven items, two seeds an arm: the exact law of the bootstrap, by enumeration, has mass exactly as far as the difference seen."""
    rng = np.random.default_rng(2)
    right = {(name, seed): (rng.random(7) < 0.6) * rng.integers(1, parts + 1, 7) / parts for name in ("none", "intents") for seed in (0, 1)}
    for (name, seed), values in right.items():
        put(tmp_path, name, seed, {"de": values})
    row = comparing.compare(tmp_path, confirm=True)[0]
    law, probability = resampling.bootstrap_law(Sums(np.stack([right[k] for k in right], axis=1), np.ones((7, 1))))
    away = np.abs(law @ [-0.5, -0.5, 0.5, 0.5] - row["delta"]) - abs(row["delta"])
    assert probability[np.abs(away) < 1e-9].sum() > 0.05
    exact = probability[away > -1e-9].sum()
    assert row["p_bootstrap"] == row["p_max_t"] == pytest.approx(exact, abs=0.02)  # four standard errors of 10,000 resamples


def test_a_margin_tells_equal_from_unknown(tmp_path: Path) -> None:
    same = answers(0, 0.6, 2_000)
    nearly = same.copy()
    nearly[:4] = 1 - nearly[:4]
    put(tmp_path, "none", 0, {"de": same})
    put(tmp_path, "intents", 0, {"de": nearly})
    assert comparing.compare(tmp_path)[0]["verdict"] == "unresolved"
    row = comparing.compare(tmp_path, margin=0.01)[0]
    assert row["verdict"] == "equivalent"
    assert row["p_equivalent"] < 0.001
    with pytest.raises(XbenchError, match=r"margin 5 is not above 0 and below 1 \(100 points\)"):
        comparing.compare(tmp_path, margin=5)


def test_results_are_kept_until_the_scores_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, root = tmp_path / "kept", tmp_path / "store"
    monkeypatch.setattr(keeping, "folder", lambda: folder)
    put(root, "none", 0, {"de": answers(0, 0.6)})
    put(root, "intents", 0, {"de": answers(1, 0.6)})
    first = comparing.compare(root)
    with monkeypatch.context() as patch:
        patch.setattr(comparing, "_column", lambda *_: pytest.fail("computed again"))
        assert comparing.compare(root) == first
    for file in folder.glob("*.json"):
        file.write_text("{damaged")
    assert comparing.compare(root) == first
    put(root, "none", 1, {"de": answers(2, 0.6)})
    put(root, "intents", 1, {"de": answers(3, 0.6)})
    assert comparing.compare(root)[0]["seeds"] == 2
    assert not list(folder.glob(".*.tmp"))
    monkeypatch.setattr(keeping, "_MOST", 2)
    comparing.compare(root, by="script")
    assert len(list(folder.glob("*.json"))) == 2
    monkeypatch.setattr(keeping, "folder", lambda: root / "run" / next((root / "run").iterdir()).name)  # a file: nothing can be kept in it
    assert comparing.compare(root)[0]["seeds"] == 2


def test_of_two_stores_with_the_same_runs_and_scores_each_has_its_own_test(tmp_path: Path) -> None:
    """The id of a run of ours is of its conditions: another machine may have got other examples right, and as many."""
    for name, after in (("a", range(26)), ("b", range(14, 40))):
        direct, right = (np.isin(np.arange(40), list(of)).astype(float) for of in (range(16), after))
        put(tmp_path / name, "none", 0, {"de": direct})
        put(tmp_path / name, "intents", 0, {"de": right})
        (row,) = (r for r in comparing.compare(tmp_path / name) if r["language"] == "de")
        assert row["delta"] == 0.25
        assert row["p"] == pytest.approx(stats.ttest_rel(right, direct).pvalue, rel=1e-9)
        placed = {r["intermediate"]: r["low"] for r in placing.standings(tmp_path / name)}
        assert placed == {r["intermediate"]: r["low"] for r in placing.standings(tmp_path / name, cache=False)}


def test_sizes_are_those_of_the_store(tmp_path: Path) -> None:
    """What a source says of a model's size is no condition of its run, which has the same id with and without."""
    for name, size in (("a", "100"), ("b", "")):
        lines = [f"m,{i},xnli,de,accuracy,{value},5000,paper,{size}\n" for i, value in (("none", 0.5), ("intents", 0.6))]
        (tmp_path / f"{name}.csv").write_text("model,intermediate,target,language,metric,value,n,source,parameters\n" + "".join(lines))
        ingesting.ingest([tmp_path / f"{name}.csv"], tmp_path / name)
        for rows in (comparing.compare(tmp_path / name), placing.standings(tmp_path / name)):
            assert {r["parameters"] for r in rows} == {int(size) if size else None}
    assert comparing.compare(tmp_path / "a")[0]["run_ids"] == comparing.compare(tmp_path / "b")[0]["run_ids"]


def test_identical_runs_are_no_difference(tmp_path: Path) -> None:
    same = {"de": answers(0, 0.6), "hi": answers(1, 0.6)}
    put(tmp_path, "none", 0, same)
    put(tmp_path, "intents", 0, same)
    for row in comparing.compare(tmp_path, confirm=True):
        assert (row["delta"], row["p"], row["verdict"]) == (0, 1, "unresolved")
        most = stats.binomtest(0, row["clusters"]).proportion_ci(0.95, "exact").high
        assert (row["low"], row["high"]) == (pytest.approx(-most), pytest.approx(most))
        assert row["p_bootstrap"] == 1
        if row["level"] == "mean":
            assert row["new_language_low"] == row["low"] and row["predict_high"] == row["high"]


def test_a_few_items_that_agree_show_neither_difference_nor_equality(tmp_path: Path) -> None:
    """Five that all differ (sign test .0625), and twenty that do not: of a hundred items one may."""
    put(tmp_path, "none", 0, {"de": np.zeros(5), "hi": np.ones(20), "sw": np.zeros(6), "ur": np.zeros(4)})
    put(tmp_path, "intents", 0, {"de": np.ones(5), "hi": np.ones(20), "sw": np.ones(6), "ur": np.array([1, 1, 1, 0.9])})
    for adjust in ("none", "max-t"):
        rows = {r["language"]: r for r in comparing.compare(tmp_path, margin=0.01, adjust=adjust)}
        assert {code: rows[code]["verdict"] for code in ("de", "hi")} == {"de": "unresolved", "hi": "unresolved"}
    assert rows["ur"]["verdict"] == "unresolved" and rows["ur"]["p_max_t"] == 0.125  # which no swap of four goes below
    rows = {r["language"]: r for r in comparing.compare(tmp_path, adjust="none")}
    assert (rows["de"]["p"], rows["sw"]["p"]) == (0.0625, 0.03125)
    assert (rows["sw"]["verdict"], rows["de"]["items_needed"], rows["sw"]["family"]) == ("helps", 6, 1)
    assert (rows["de"]["detectable"], rows["de"]["power"]) == (None, 0)  # not even five of five
    assert rows["hi"]["detectable"] == pytest.approx(stats.beta.ppf(0.8, 6, 15))
    rows = {r["language"]: r for r in comparing.compare(tmp_path)}  # Holm: 2^-7 is the first below .05 / 4
    assert (rows["sw"]["verdict"], rows["sw"]["power"], rows["de"]["items_needed"]) == ("unresolved", 0, 8)
    assert rows["hi"]["detectable"] == pytest.approx(stats.beta.ppf(0.8, 8, 13))


def test_what_could_have_been_found_is_what_would_have_had_a_verdict(tmp_path: Path) -> None:
    """The noncentral t (scipy) at the share of the level that a language has of Holm's; at .05 itself without adjustment."""
    right = {seed: {c: answers(10 * seed + i, 0.6, 300) for i, c in enumerate(("de", "hi", "sw"))} for seed in (1, 2)}
    put(tmp_path, "none", 0, right[1])
    put(tmp_path, "intents", 0, right[2])
    for adjust, level in (("holm", 0.05 / 3), ("none", 0.05)):
        row = next(r for r in comparing.compare(tmp_path, adjust=adjust) if r["language"] == "hi")
        se = (right[2]["hi"] - right[1]["hi"]).std(ddof=1) / np.sqrt(300)
        t = stats.t.isf(level / 2, 299)
        for effect, found in ((row["detectable"], 0.8), (row["delta"], row["power"])):
            law = stats.nct(299, effect / se)
            assert law.sf(t) + law.cdf(-t) == pytest.approx(found, abs=1e-4)


def test_what_else_is_stored_moves_no_p(tmp_path: Path) -> None:
    """Five spans that one finds and the other does not (sign test .0625), before and after a system that sees spans everywhere is stored."""
    gold = np.arange(1000) < 5
    name: dict[str, Any] = {"metric": "f1", "scorer": "span-f1-seqeval-default-1", "target": "mini-ner"}
    put(tmp_path, "none", 0, {"de": 0 * gold}, below=1 * gold, **name)
    put(tmp_path, "intents", 0, {"de": 2 * gold}, below=2 * gold, **name)
    put(tmp_path, "mini-nli", 0, {"de": 0 * gold}, below=1 + gold, **name)
    rows = comparing.compare(tmp_path, {"intermediate": "intents"})
    for row in rows:
        assert (row["p"], row["clusters"], row["verdict"]) == (0.0625, 5, "unresolved")
        assert (row["detectable"], row["power"]) == (None, 0)
    said = wording.explanation(rows, "holm")[-1]
    assert said.startswith("No true difference would have been found: 5 clusters are too few.") and "100" not in said
    assert wording.latex(rows, "").count(r" & - \\") == 2


def test_nothing_right_and_nothing_wrong(tmp_path: Path) -> None:
    """One class only: no spread, and a difference that is certain on these items."""
    put(tmp_path, "none", 0, {"de": np.zeros(50)})
    put(tmp_path, "intents", 0, {"de": np.ones(50)})
    row = comparing.compare(tmp_path, confirm=True)[0]
    p = stats.binomtest(50, 50).pvalue
    assert (row["delta"], row["p"], row["verdict"], row["p_max_t"]) == (1, pytest.approx(p), "helps", pytest.approx(p))


def test_numbers_on_other_numbers_of_examples_are_not_comparable(writer: Writer) -> None:
    table: dict[str, Any] = {"source": "a table", "kind": "external", "scorer": "unknown"}
    writer.add("none", "mini-pos", None, {"de": 0.5}, n=400, **table)
    writer.add("intents", "mini-pos", None, {"de": 0.9}, n=380, **table)
    assert comparing.compare(writer.root)[0]["status"] == "not testable: not comparable, 380 and 400 examples"


def test_five_runs_have_an_order(tmp_path: Path) -> None:
    for seed in range(5):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5)})
        put(tmp_path, "intents", seed, {"de": answers(10 + seed, 0.8)})
    row = comparing.compare(tmp_path, confirm=True)[0]
    assert row["violation"] == 0
    assert row["violation_upper"] < 0.5
    text = CliRunner().invoke(cli.app, ["compare", "--confirm", "--store", str(tmp_path)]).stdout
    assert "order violated, over runs" in text


def test_a_language_that_is_too_small_leaves_the_others_tested(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5), "hi": answers(1, 0.5, 1), "zh": answers(2, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(3, 0.9), "hi": answers(4, 0.5, 1), "zh": answers(5, 0.5)})
    rows = {r["language"]: r for r in comparing.compare(tmp_path)}
    assert rows["de"]["verdict"] == "helps"
    assert rows["de"]["family"] == 2
    for code in ("hi", comparing.MEAN):
        assert rows[code]["status"] == "not testable: too little data: fewer than two clusters in hi"
    by_script = {r["language"]: r["status"] for r in comparing.compare(tmp_path, by="script")}
    assert [by_script[s] for s in ("Latin", "Han")] == ["tested", "tested"]
    assert "too little data" in by_script["Devanagari"]


def test_a_language_that_a_run_lacks_is_named_and_the_mean_says_so(tmp_path: Path) -> None:
    """hi is not in the run of seed 2 after the intermediate, so it takes no part; nor may it leave without a word."""
    for model, parameters in (("m", 10), ("large", 20)):
        for target in ("mini-pos", "mini-ner"):
            for seed in (0, 1, 2):
                for place, (intermediate, rate) in enumerate((("none", 0.5), ("intents", 0.8))):
                    codes = ("de", "es", "en") if (seed, intermediate) == (2, "intents") else ("de", "es", "hi", "en")
                    right = {code: answers(100 * place + 10 * seed + i, rate) for i, code in enumerate(codes)}
                    put(tmp_path, intermediate, seed, right, target=target, model=model, parameters=parameters)
    asked = {"model": "m", "target": "mini-pos"}
    rows = comparing.compare(tmp_path, **asked)
    assert [r["language"] for r in rows] == ["de", "en", "es", "hi", comparing.MEAN]
    assert rows[3]["status"] == "not testable: not in every run: seeds 2 of the first"
    assert (rows[4]["status"], rows[4]["languages"], rows[4]["languages_in_any"]) == ("tested", 2, 3)
    assert rows[0]["family"] == 3
    assert comparing.sentence(rows).endswith("not testable in 1; mean over 2 of 3 languages")
    by_script = {r["language"]: r for r in comparing.compare(tmp_path, by="script", **asked)}
    assert by_script["Devanagari"]["status"] == rows[3]["status"]
    assert by_script["Latin"]["status"] == "tested"
    (size,) = scales.interactions(tmp_path, target="mini-pos")
    assert (size["status"], size["languages"], size["languages_in_any"]) == ("tested", 2, 3)
    (tasks,) = over_tasks.over_tasks(tmp_path, suite="tasks", model="m")
    assert tasks["language"] == "2 of 2 tasks: mini-ner (2 of 3 languages) mini-pos (2 of 3 languages)"
    text = CliRunner().invoke(cli.app, ["compare", "--by", "size", "--target", "mini-pos", "--store", str(tmp_path)]).stdout
    assert text.count("mean over 2 of 3") == 3


def test_a_language_that_is_too_small_leaves_the_others_their_joint_law(tmp_path: Path) -> None:
    """The digits are those of a store without that language; its row says why, in LaTeX too."""
    right = {"none": {"de": answers(0, 0.5), "zh": answers(2, 0.5)}, "intents": {"de": answers(3, 0.9), "zh": answers(5, 0.5)}}
    for name, own in right.items():
        put(tmp_path / "two", name, 0, own)
        put(tmp_path / "three", name, 0, {**own, "hi": answers(1, 0.5, 1)})
    columns = ("language", "low", "high", "p", "p_adjusted", "p_max_t", "p_bootstrap", "p_randomisation", "p_mcnemar", "verdict", "status")
    for options in ({"adjust": "max-t"}, {"confirm": True}):
        two, three = (comparing.compare(tmp_path / n, **options) for n in ("two", "three"))  # type: ignore[arg-type]
        found = {r["language"]: [r[c] for c in columns] for r in three}
        for row in two[:2]:
            assert found[row["language"]] == [row[c] for c in columns]
        assert two[0]["verdict"] == "helps"
        assert found["hi"][-2:] == ["not testable", "not testable: too little data: fewer than two clusters in hi"]
    done = CliRunner().invoke(cli.app, ["compare", "intents", "--adjust", "max-t", "--latex", "--store", str(tmp_path / "three")])
    assert "too little data" in done.stdout


@pytest.mark.parametrize("others", [False, True])
def test_sentences_with_nothing_to_count_move_nothing(others: bool, tmp_path: Path) -> None:
    """Of 200 parallel sentences 8 have a span in hi: the mean is as uncertain as if the others were not stored in hi.

    Nor do spans that a third system finds there make them count between two that find none.
    """
    f1: dict[str, Any] = {"metric": "f1", "scorer": "span-f1-seqeval-default-1", "target": "mini-ner"}
    spans = {"none": [0, 0, 1, 0, 0, 1, 0, 0], "intents": [1, 1, 1, 0, 1, 1, 0, 1]}
    for stored in (8, 200):
        for seed, (name, found) in enumerate(spans.items()):
            right = {"de": answers(seed, 0.8), "hi": np.array([*found, *[0] * (stored - 8)])}
            put(tmp_path / str(stored), name, 0, right, below={"de": np.ones(200), "hi": np.repeat([1, 0], [8, stored - 8])}, **f1)
    if others:
        put(tmp_path / "200", "mini-nli", 0, {"de": answers(2, 0.8), "hi": answers(3, 0.1)}, **f1)
    few, many = (comparing.compare(tmp_path / str(n), {"intermediate": "intents"}, confirm=True) for n in (8, 200))
    alike = ("delta", "se", "df", "low", "high", "p", "clusters", *(c for c in contrasts.CONFIRMED if c not in ("all_low", "all_high")))
    assert [[r[c] for c in alike] for r in few] == [[r[c] for c in alike] for r in many]
    assert few[-1]["df"] < 30


def test_a_language_beside_the_mean_that_is_too_small_takes_nothing_from_the_mean(tmp_path: Path) -> None:
    for seed in (0, 1):
        for place, name in enumerate(("none", "intents")):
            right = {code: answers(100 * place + 10 * seed + i, 0.5 + 0.3 * place) for i, code in enumerate(("de", "hi", "sw"))}
            put(tmp_path / "without", name, seed, right)
            put(tmp_path / "with", name, seed, {**right, "en": np.ones(1)})
    without, small = (comparing.compare(tmp_path / n)[-1] for n in ("without", "with"))
    assert small["effects_up"] == 2
    assert [small[c] for c in contrasts.SPREAD] == [without[c] for c in contrasts.SPREAD]


def test_what_an_uneven_mean_needs_counts_the_clusters_that_weigh_less() -> None:
    """Two items of one language and eight of another all differ: .5 ** 4 * 2 = .125, as four that weigh alike. Six such are .031: 6 * 10 / 4."""
    row = {"delta": 1.0, "se": 0.0, "df": 9.0, "even": 4.0, "clusters": 10, "family": 1, "verdict": "unresolved"}
    contrasts.need(row)
    assert row["items_needed"] == 15


def test_no_difference_above_the_largest_would_have_been_found(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": np.array([2, 1])}, below=np.array([8, 5]))
    put(tmp_path, "intents", 0, {"de": np.array([4, 3])}, below=np.array([8, 5]))
    row = comparing.compare(tmp_path)[0]
    assert (row["status"], row["verdict"], row["detectable"]) == ("tested", "unresolved", None)


def test_a_system_with_one_span_leaves_the_others_tested(tmp_path: Path) -> None:
    """One sentence with a span says nothing about spread: of that system alone."""
    only = np.eye(1, 200, 3)[0]
    f1: dict[str, Any] = {"metric": "f1", "scorer": "span-f1-seqeval-default-1", "target": "mini-ner"}
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, **f1)
    put(tmp_path, "intents", 0, {"de": answers(1, 0.9)}, **f1)
    put(tmp_path, "mini-nli", 0, {"de": only}, below=only, **f1)
    rows = {(r["intermediate"], r["language"]): r for r in comparing.compare(tmp_path)}
    assert rows["intents", "de"]["p"] == pytest.approx(stats.ttest_rel(answers(1, 0.9), answers(0, 0.5)).pvalue)
    assert [rows["intents", code]["verdict"] for code in ("de", comparing.MEAN)] == ["helps", "helps"]
    assert rows["mini-nli", "de"]["status"] == "not testable: too little data: fewer than two clusters in de"
    assert {r["intermediate"]: r["status"] for r in placing.standings(tmp_path)} == {
        "intents": "ranked",
        "none": "ranked",
        "mini-nli": "not ranked: too little data: fewer than two clusters in de",
    }


def test_groups_have_joint_intervals_too(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5), "hi": answers(1, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(3, 0.9), "hi": answers(4, 0.5)})
    for row in comparing.compare(tmp_path, by="script", adjust="max-t"):
        if row["level"] == "script":
            assert row["low"] == row["all_low"] < row["delta"] < row["high"]
            assert row["p_adjusted"] == row["p_max_t"]


def test_order_of_files_and_rows_changes_no_digit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {(i, s): {c: rng.random(300) for c in ("de", "hi")} for i in ("none", "intents") for s in (0, 1)}
    for (intermediate, seed), right in values.items():
        put(tmp_path / "a", intermediate, seed, right, target="mini-qa", metric="f1")
    for (intermediate, seed), right in reversed(values.items()):
        put(tmp_path / "b", intermediate, seed, dict(reversed(right.items())), target="mini-qa", metric="f1", shuffle=True)
    assert comparing.compare(tmp_path / "a", cache=False, confirm=True) == comparing.compare(tmp_path / "b", cache=False, confirm=True)


def test_the_command_and_the_function_give_the_same_rows(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6), "en": answers(1, 0.6)})
    put(tmp_path, "intents", 0, {"de": answers(3, 0.8), "en": answers(4, 0.6)})
    done = CliRunner().invoke(cli.app, ["compare", "--store", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    frame = xbench.compare(tmp_path)
    assert [r["p"] for r in json.loads(done.stdout)] == pytest.approx(frame["p"].tolist())
    of = xbench.compare(tmp_path, "model=m,intermediate=none", "intents")
    assert of["delta"].tolist() == pytest.approx((-frame["delta"]).tolist())
    text = CliRunner().invoke(cli.app, ["compare", "--store", str(tmp_path), "--target", "mini-pos"]).stdout
    assert "mini-pos after intents: accuracy, m, seeds: 1" in text
    assert "helps in 1 of 1 language (de)" in text


@pytest.mark.parametrize(
    ("languages", "by", "said"),
    [
        (("de",), "language", "unresolved in 1 language"),
        (("de", "hi"), "language", "unresolved in all 2 languages"),
        (("de",), "family", "unresolved in 1 family"),
        (("de", "hi"), "script", "unresolved in all 2 scripts"),
    ],
)
def test_one_language_is_said_as_one(languages: tuple[str, ...], by: comparing.By, said: str, tmp_path: Path) -> None:
    for moved, name in enumerate(("none", "intents")):
        put(tmp_path, name, 0, {code: np.roll(answers(0, 0.5), moved) for code in languages})
    rows = comparing.compare(tmp_path, by=by)
    assert comparing.sentence(rows).startswith(f"{said}; one seed")
    over = "1 language" if len(languages) == 1 else "2 languages"
    assert f" over the {over} of the mean." in wording.explanation(rows, "holm")[2]


def test_what_is_kept_for_one_model_is_not_given_for_another(tmp_path: Path) -> None:
    recipe_of = {"m": 0.7, "n": 0.3}
    for model, rate in recipe_of.items():
        for name, right in {"none": 0.5, "intents": rate}.items():
            for seed in range(2):
                put(tmp_path, name, seed, {"de": answers(seed + int(100 * right), right, 200)}, model=model)
    for _ in range(2):
        for model in recipe_of:
            assert {r["model"] for r in comparing.compare(tmp_path, model=model)} == {model}
            assert {r["model"] for r in placing.standings(tmp_path, model=model)} == {model}
        assert {r["model"] for r in comparing.compare(tmp_path)} == {"m", "n"}


@pytest.mark.parametrize("trained", ["de+en", "unknown"])
def test_the_zero_shot_mean_is_over_no_language_that_was_trained_on(trained: str, tmp_path: Path) -> None:
    root, values = tmp_path, {"none": {}, "intents": {}}
    for place, code in enumerate(("de", "en", "hi")):
        values["none"][code], values["intents"][code] = answers(place, 0.5), answers(10 + place, 0.7)
    for model, parameters in (("m", 10), ("large", 20)):
        for intermediate, right in values.items():
            for target in ("mini-pos", "mini-ner"):
                put(root, intermediate, 0, right, target=target, train_language=trained, model=model, parameters=parameters)
    expected = values["intents"]["hi"].mean() - values["none"]["hi"].mean()
    asked = {"model": "m", "target": "mini-pos"}
    rows = comparing.compare(root, by="mean", **asked)
    rows += [*over_tasks.over_tasks(root, suite="tasks", model="m"), *scales.interactions(root, target="mini-pos")]
    ranks = placing.standings(root, over="zero-shot", target="mini-pos")
    if trained == "unknown":
        assert [r["status"].count("the training language is not known") for r in rows] == [1, 2, 1]
        assert {r["status"] for r in ranks} == {"not ranked: the training language is not known"}
    else:
        assert [r["languages"] for r in rows] == [1, None, 1]
        assert [r["delta"] for r in rows] == pytest.approx([expected, expected, 0])
        assert {r["languages"] for r in ranks} == {1}
        assert comparing.sentence(comparing.compare(root, **asked)).count(" of 1 language ") == 1


@pytest.mark.parametrize("arm", ["none", "intents"])
def test_a_mean_is_not_called_zero_shot_where_the_step_was_selected_on_target_languages(arm: str, tmp_path: Path) -> None:
    """The same tests over the same languages, under a name that does not say what they are not."""
    for folder, ways in (("a", {}), ("b", {arm: "target-languages"})):
        for seed in range(3):
            for i, (name, rate) in enumerate((("none", 0.4), ("intents", 0.8))):
                right = {code: answers(100 * k + 10 * i + seed, rate) for k, code in enumerate(("en", "de", "hi"))}
                put(tmp_path / folder, name, seed, right, selection=ways.get(name, "train-language"))
    plain, selected = ({r["language"]: r for r in comparing.compare(tmp_path / folder)} for folder in "ab")
    assert (list(plain)[-1], list(selected)[-1]) == ("zero-shot mean", "mean, not zero-shot")
    for c in ("delta", "low", "high", "p", "verdict", "languages", "up"):
        assert plain["zero-shot mean"][c] == selected["mean, not zero-shot"][c], c
    status = {r["intermediate"]: r["status"] for r in placing.standings(tmp_path / "b", over="zero-shot")}
    assert status.pop(arm) == "not ranked: its step was selected on target languages, which is not zero-shot"
    assert list(status.values()) == ["ranked"]
    assert {r["status"] for r in placing.standings(tmp_path / "b")} == {"ranked"}


def test_averages_of_what_was_selected_on_target_languages_are_not_called_zero_shot(writer: Writer) -> None:
    roots = []
    for folder, way in (("a", None), ("b", "target-languages")):
        own = Writer(writer.root / folder)
        for name, value in (("none", 0.4), ("intents", 0.6)):
            own.add(name, "xnli", None, {"de": value, "hi": value}, selection=way, **_TABLE)
        roots.append(own.root)
    said = [next(r for r in comparing.compare(root) if r["level"] == "mean") for root in roots]
    assert [r["language"] for r in said] == ["zero-shot mean", "mean, not zero-shot"]
    assert [r["delta"] for r in said] == [pytest.approx(0.2)] * 2


def test_averages_are_zero_shot_where_no_language_was_trained_on(writer: Writer) -> None:
    table: dict[str, Any] = {"source": "a table", "kind": "external", "scorer": "unknown"}
    for trained in ("de+en", "unknown"):
        for intermediate, value in (("none", 0.5), ("intents", 0.6)):
            writer.add(intermediate, "mini-pos", None, {"de": value, "en": value, "hi": value}, train_language=trained, **table)
    means = {r["train_language"]: r for r in comparing.compare(writer.root, by="mean") if r["level"] == "mean"}
    assert means["de+en"]["languages"] == 1
    assert means["unknown"]["delta"] is None
    assert "the training language is not known" in means["unknown"]["status"]


def test_a_title_says_in_which_language_the_target_was_trained() -> None:
    from xbench.wording import title

    row = {"target": "t", "intermediate": "i", "against": "none", "metric": "f1", "model": "m", "seeds": 3, "train_language": "pt"}
    assert title([row]) == "t, trained in pt, after i: f1, m, seeds: 3"
    assert title([{**row, "train_language": "en"}]) == "t after i: f1, m, seeds: 3"


def test_printed_means_over_other_languages_are_not_compared(writer: Writer) -> None:
    printed = {"kind": "external", "source": "paper", "n": 5000}
    writer.add("none", "xnli", None, {"mul": 0.7}, language_set="de fr es", **printed)
    writer.add("intents", "xnli", None, {"mul": 0.6}, language_set="de fr", **printed)
    (row,) = comparing.compare(writer.root)
    assert (row["delta"], row["status"]) == (None, "not testable: the sources have numbers for different languages")
    writer.add("intents", "mlqa", None, {"mul": 0.6}, language_set="de fr", **printed)
    writer.add("none", "mlqa", None, {"mul": 0.5}, language_set="de fr", **printed)
    (row,) = comparing.compare(writer.root, target="mlqa")
    assert row["delta"] == pytest.approx(0.1)


def test_runs_that_views_keep_apart_are_not_compared(tmp_path: Path) -> None:
    """What a source measured and what it quotes; steps selected on other development data: as `transfer_delta` has it."""
    quoted = Writer(tmp_path / "quoted")
    said: dict[str, Any] = {"kind": "external", "source": "a paper", "evidence": "aggregate", "n": 5000}
    quoted.add("none", "mini-ner", None, {"de": 0.50}, relationship="third party", **said)
    quoted.add("intents", "mini-ner", None, {"de": 0.60}, **said)
    (row,) = comparing.compare(quoted.root)
    assert (row["relationship"], row["status"]) == ("first party", "not testable: no direct baseline under the same conditions")
    quoted.add("none", "mini-ner", None, {"de": 0.52}, **said)
    row = comparing.compare(quoted.root)[0]
    assert row["delta"] == pytest.approx(0.08), "against what it measured, not against what it quotes"
    developed = tmp_path / "developed"
    for seed in (0, 1, 2):
        put(developed, "none", seed, {"de": answers(seed, 0.5)}, target_revision="r dev a", selection="target-languages")
        put(developed, "intents", seed, {"de": answers(seed + 9, 0.8)}, target_revision="r dev b", selection="target-languages")
    (row,) = comparing.compare(developed)
    assert row["status"] == "not testable: their steps were selected on different development data (a, b)"
    with store.connect(developed) as con:
        assert con.execute("SELECT DISTINCT status FROM transfer_delta").fetchall() == [("no direct baseline",)]
    assert {r["status"] for r in placing.standings(developed)} == {"ranked"}, "systems are ranked whatever they were selected on"
    put(developed, "none", 3, {"de": answers(3, 0.5)}, target_revision="r dev c", selection="target-languages")
    why = {r["intermediate"]: r["status"] for r in placing.standings(developed)}
    assert why["none"] == "not ranked: the steps of its runs were selected on different development data"


def averages(root: Path, name: str, values: dict[str, list[float]], sizes: list[int], **change: Any) -> None:
    """A run a seed of which only averages are known, on test sets of these sizes."""
    for seed, n in enumerate(sizes):
        own = {code: numbers[seed] for code, numbers in values.items()}
        Writer(root).add(name, "mini-ner", seed, own, kind="external", source="a paper", evidence="aggregate", n=n, **change)


def test_averages_on_test_sets_of_other_sizes_are_not_compared(tmp_path: Path) -> None:
    codes = ("ar", "cs", "de", "es", "fi", "hi", "sw")
    averages(tmp_path, "none", {code: [0.60, 0.61, 0.62] for code in codes}, [100] * 3)
    averages(tmp_path, "intents", {code: [0.70, 0.72, 0.71] for code in codes}, [5000] * 3)
    *single, mean = comparing.compare(tmp_path)
    assert {(r["status"], r["delta"], r["verdict"]) for r in single} == {
        ("not testable: not comparable, 100 and 5000 examples", None, "not testable")
    }
    assert (mean["delta"], mean["up"]) == (None, None), "and are counted by no sign test"
    averages(tmp_path / "mixed", "none", {"de": [0.60, 0.61]}, [100, 200])
    averages(tmp_path / "mixed", "intents", {"de": [0.70, 0.72]}, [100, 200])
    assert comparing.compare(tmp_path / "mixed")[0]["verdict"] == "not testable"


def test_averages_over_seeds_in_words(tmp_path: Path) -> None:
    """What Welch's test leaves open is unresolved and no language less."""
    averages(tmp_path, "none", {"de": [0.60, 0.61, 0.62], "hi": [0.60, 0.65, 0.57], "ru": [0.60, 0.57, 0.67]}, [100] * 3)
    averages(tmp_path, "intents", {"de": [0.70, 0.72, 0.71], "hi": [0.60, 0.57, 0.67], "ru": [0.601, 0.65, 0.571]}, [100] * 3)
    rows = comparing.compare(tmp_path)
    assert {r["language"]: r["verdict"] for r in rows[:3]} == {"de": "higher", "hi": "unresolved", "ru": "unresolved"}
    said = comparing.sentence(rows)
    assert said.startswith("is higher in 1 of 3 languages (de); unresolved in 2;")
    assert said.endswith("by averages alone: about new seeds on this test set, not about new items")


def test_one_number_against_several_runs_is_no_test(tmp_path: Path) -> None:
    said: dict[str, Any] = {"kind": "external", "source": "a paper", "evidence": "aggregate", "n": 5000}
    Writer(tmp_path).add("none", "mini-ner", None, {"de": 0.50}, model="x", **said)
    for seed, value in enumerate((0.70, 0.60, 0.42)):
        Writer(tmp_path).add("none", "mini-ner", seed, {"de": value}, model="y", **said)
    row = comparing.compare(tmp_path, {"model": "y"}, {"model": "x"})[0]
    assert (row["verdict"], row["p"], row["seeds"]) == ("not testable", None, None)
    assert row["status"].startswith("not testable: only averages are known, of 3 and 1 run(s)")


def test_means_of_steps_selected_on_target_languages_say_so_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for target in ("mini-pos", "mini-nli"):
        for model, size in (("a", 10), ("b", 100)):
            for seed in (0, 1, 2):
                of: dict[str, Any] = {"target": target, "model": model, "parameters": size, "selection": "target-languages"}
                of["scorer"] = "token-accuracy-1" if target == "mini-pos" else "accuracy-1"
                put(tmp_path, "none", seed, {"de": answers(seed, 0.5), "en": answers(seed + 50, 0.5)}, **of)
                put(tmp_path, "intents", seed, {"de": answers(10 + seed, 0.8), "en": answers(10 + seed, 0.8)}, **of)
    (mean,) = over_tasks.over_tasks(tmp_path, suite="tasks", model="a")
    assert mean["status"] == "tested" and mean["language"] == "2 of 2 tasks, not zero-shot: mini-nli mini-pos"
    options = dict.fromkeys(("target", "model", "source", "metric", "intermediate", "margin"))
    for by in ("task", "size", "source"):
        telling.compare(tmp_path, "text", None, by, latex=False, explain=False, adjust="holm", confirm=False, cache=False, **options)
        told = capsys.readouterr().out
        lines = [line for line in told.splitlines() if "helps" in line or "unresolved" in line]
        assert lines and all("not zero-shot" in line for line in lines), told


def test_the_largest_t_is_explained_as_what_it_is(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5), "hi": answers(seed + 3, 0.5)})
        put(tmp_path, "intents", seed, {"de": answers(seed + 6, 0.8), "hi": answers(seed + 9, 0.8)})
    said = "\n".join(wording.explanation(comparing.compare(tmp_path, adjust="max-t"), "max-t"))
    assert "de, hi: interval and p from the bootstrap over items, by the largest t of these" in said
    assert "So their verdicts are about these trained systems on new items, not about the recipes." in said
    assert "Interval and p of the zero-shot mean: delta method." in said and "One seed" not in said
    assert "So the verdict of the zero-shot mean is about the recipes" in said


def test_between_sizes_the_first_system_keeps_its_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("en", "de"):
        for model, size in (("a", 10), ("b", 100)):
            for seed in (0, 1):
                of: dict[str, Any] = {"model": model, "parameters": size, "train_language": language}
                put(tmp_path, "none", seed, {"hi": answers(seed, 0.5)}, **of)
                put(tmp_path, "intents", seed, {"hi": answers(seed + 9, 0.5)}, **of)
    options = dict.fromkeys(("target", "model", "source", "metric", "intermediate", "margin"))
    words, rest = ["intents,train_language=de"], {"latex": False, "explain": False, "adjust": "holm", "confirm": False, "cache": False}
    telling.compare(tmp_path, "json", words, "size", **rest, **options)
    rows = json.loads(capsys.readouterr().out)
    assert [(r["model"], r["train_language"]) for r in rows] == [("a", "de"), ("b", "de"), ("b - a", "de")]


def test_flat_tables_name_means_as_printed_and_no_two_rows_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stood under "mean over the zero-shot languages" as they are, and a language beside the mean, in each metric, under one name."""
    said: dict[str, Any] = {"kind": "external", "source": "a paper", "evidence": "aggregate", "scorer": "unknown"}
    for name, value in (("none", 0.70), ("intents", 0.72)):
        Writer(tmp_path).add(name, "xnli", None, {"mul": value}, language_set="de en fr", **said)
        for metric in ("accuracy", "f1"):
            Writer(tmp_path).add(name, "elsewhere", None, {"de": value}, metric=metric, **said)
    options = dict.fromkeys(("target", "model", "source", "metric", "intermediate", "margin"))
    telling.compare(tmp_path, "text", None, "task", latex=False, explain=False, adjust="holm", confirm=False, cache=False, **options)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("intents")]
    assert sum("xnli, mean as printed" in line for line in lines) == 1
    names = [re.split(r"\s[+-]\d|\snot testable", line)[0] for line in lines]
    assert len(set(names)) == len(names), lines


def test_latex_marks_the_training_language_and_says_that_p_is_adjusted(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"en": answers(0, 0.6), "de": answers(1, 0.6)})
    put(tmp_path, "intents", 0, {"en": answers(2, 0.9), "de": answers(3, 0.9)})
    table = wording.latex(comparing.compare(tmp_path), "")
    assert "$p$, adjusted" in table
    assert "en (trained) & " in table
    assert "de & " in table


def test_systems_are_not_held_against_each_other_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a store of thousands that took as many times as long as there are systems."""
    same = dict.fromkeys(pairing.SYSTEM, "x")
    systems = [pairing.System(**{**same, "model": str(i), "intermediate": name}) for i in range(50) for name in ("none", "a", "none ")]
    column = pairing.Column("t", "accuracy", "s", "r", {s: pairing.Runs(s, {}, True, None) for s in systems})
    looked: list[pairing.System] = []
    values = pairing.System.values
    monkeypatch.setattr(pairing.System, "values", lambda self, fields: (looked.append(self), values(self, fields))[1])
    others = pairing.counterparts(column, {"intermediate": "none"})
    assert [others(s) for s in systems] == [[systems[3 * (i // 3)]] for i in range(150)]
    assert len(looked) == 50 + 150
    others = pairing.counterparts(column, {"model": "7"})
    assert others(systems[1]) == [systems[22]] and others(pairing.System(**same)) == []


@pytest.mark.parametrize("against", [{"intermediate": "none"}, {"model": "l"}, {"intermediate": "mini-ner"}])
def test_conditions_on_what_two_systems_agree_in_move_nothing(tmp_path: Path, against: dict[str, str]) -> None:
    """Which is what pages of the app ask, so as not to read the whole store."""
    for i, (model, name) in enumerate(itertools.product(("m", "l", "xl"), ("none", "intents", "mini-ner"))):
        for seed in (0, 1):
            put(tmp_path, name, seed, {c: answers(20 * i + seed, 0.6 + i / 50) for c in ("en", "de")}, model=model)
    first = {"model": "m", "intermediate": "intents"}
    shared = {f: v for f, v in first.items() if f in pairing.fixed_fields(against)}
    rows = comparing.compare(tmp_path, first, against, cache=False)
    assert len(rows) == 3
    assert {r["status"] for r in rows} == {"tested"}
    assert comparing.compare(tmp_path, first, against, cache=False, **shared) == rows


def test_examples_of_a_cluster_are_one_draw(tmp_path: Path) -> None:
    """Fifty paragraphs of four questions that go together: the reference is the t test on the means of paragraphs."""
    rng = np.random.default_rng(0)
    direct, after = (np.repeat(rng.random(50) < rate, 4).astype(float) for rate in (0.5, 0.7))
    flipped = rng.random(200) < 0.1
    after[flipped] = 1 - after[flipped]
    for name, right in (("none", direct), ("intents", after)):
        put(tmp_path, name, 0, {"de": right}, clusters=np.arange(200) // 4)
    row = comparing.compare(tmp_path)[0]
    reference = stats.ttest_rel(after.reshape(50, 4).mean(axis=1), direct.reshape(50, 4).mean(axis=1))
    assert row["p"] == pytest.approx(reference.pvalue, rel=1e-9)
    limits = reference.confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((limits.low, limits.high), rel=1e-9)
    assert (row["n"], row["clusters"]) == (200, 50)


def test_a_second_system_differs_in_all_that_is_said(tmp_path: Path) -> None:
    for i, (name, train) in enumerate(itertools.product(("none", "intents"), ("en", "de"))):
        put(tmp_path, name, 0, {"hi": answers(i, 0.5)}, train_language=train)
    first, second = ({"intermediate": n, "train_language": t} for n, t in (("intents", "de"), ("none", "en")))
    rows = comparing.compare(tmp_path, first, second)
    assert [(r["language"], r["against_intermediate"], r["against_train_language"]) for r in rows] == [
        ("hi", "none", "en"), (comparing.MEAN, "none", "en"),
    ]  # fmt: skip


def test_p_of_averages_is_adjusted_over_languages(tmp_path: Path) -> None:
    averages(tmp_path, "none", {"de": [0.60, 0.61, 0.62], "hi": [0.60, 0.65, 0.57]}, [100] * 3)
    averages(tmp_path, "intents", {"de": [0.70, 0.72, 0.71], "hi": [0.60, 0.57, 0.67]}, [100] * 3)
    row = next(r for r in comparing.compare(tmp_path) if r["language"] == "de")
    p = stats.ttest_ind([0.70, 0.72, 0.71], [0.60, 0.61, 0.62], equal_var=False).pvalue
    assert (row["p"], row["p_adjusted"], row["family"]) == (pytest.approx(p), pytest.approx(2 * p), 2)
