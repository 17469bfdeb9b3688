"""All against all, over tasks, and between model sizes: worked again from the stored answers."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.conftest import Writer, some_slow
from tests.test_comparing import answers, put
from xbench import cli, comparing, over_tasks, pairing, placing, scales, store, wording
from xbench.errors import StoreError
from xbench.task import load_task


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Three systems far apart and two that are not, in two languages."""
    for i, (name, rate) in enumerate({"none": 0.9, "intents": 0.7, "mini-ner": 0.71, "mini-nli": 0.4}.items()):
        put(tmp_path, name, 0, {"de": answers(2 * i, rate, 400), "hi": answers(2 * i + 1, rate, 400)})
    return tmp_path


def test_ranks_have_limits_and_tiers(four: Path) -> None:
    rows = {r["intermediate"]: r for r in placing.standings(four)}
    assert next(iter(rows)) == "none"
    assert [rows[n]["rank_low"] for n in ("none", "mini-nli")] == [1, 4]
    for name in ("intents", "mini-ner"):
        assert (rows[name]["rank_low"], rows[name]["rank_high"], rows[name]["tier"]) == (2, 3, 2)
    assert rows["mini-nli"]["tier"] == 3
    both = (answers(0, 0.9, 400) + answers(1, 0.9, 400)) / 2
    limits = stats.ttest_1samp(both, 0).confidence_interval()
    assert (rows["none"]["low"], rows["none"]["high"]) == pytest.approx((limits.low, limits.high), rel=1e-9)


def test_one_system_is_the_first_of_one_and_no_test_is_claimed(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    (row,) = placing.standings(tmp_path)
    assert (row["rank_low"], row["rank_high"], row["tier"], row["systems"], row["status"]) == (1, 1, 1, 1, "ranked")
    assert placing.pairs(tmp_path) == []
    (row,) = placing.overall(tmp_path, [{"target": "mini-pos"}])
    assert (row["rank_low"], row["rank_high"], row["systems"]) == (1, 1, 1)
    told = CliRunner().invoke(cli.app, ["compare", "--all", "--store", str(tmp_path)])
    assert "no other to test it against" in told.stdout
    told = CliRunner().invoke(cli.app, ["compare", "--all", "--pairs", "--store", str(tmp_path)])
    assert (told.exit_code, told.stdout) == (0, "")


def test_ranks_are_explained_as_they_are_printed_and_not_where_there_are_none(four: Path) -> None:
    """None is better than the first and three are worse: its rank is 1-1, which is not `from 0 to 3`."""
    ranks = CliRunner().invoke(cli.app, ["compare", "--all", "--store", str(four)]).stdout
    assert "1-1" in ranks
    assert "rank: from 1 + how many are significantly better to n less how many are significantly worse" in ranks
    pairs = CliRunner().invoke(cli.app, ["compare", "--all", "--pairs", "--store", str(four)]).stdout
    assert "adjusted: p over all pairs of a column (holm)" in pairs
    assert "rank" not in pairs


def test_one_single_run_makes_all_ranks_about_these_runs(tmp_path: Path) -> None:
    for seed in range(3):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.9)})
        put(tmp_path, "intents", seed, {"de": answers(10 + seed, 0.5)})
    assert [(r["scope"], r["seeds"]) for r in placing.standings(tmp_path)] == [("recipe", 3)] * 2
    put(tmp_path, "mini-ner", 0, {"de": answers(20, 0.7)})
    assert [(r["scope"], r["seeds"]) for r in placing.standings(tmp_path)] == [("these runs", n) for n in (3, 1, 3)]
    pairs = {(r["intermediate"], r["against_intermediate"]): (r["scope"], r["seeds"], r["against_seeds"]) for r in placing.pairs(tmp_path)}
    assert pairs == {
        ("intents", "mini-ner"): ("these runs", 3, 1),
        ("intents", "none"): ("recipe", 3, 3),
        ("mini-ner", "none"): ("these runs", 1, 3),
    }
    assert {r["scope"] for r in placing.overall(tmp_path, [{"target": "mini-pos"}])} == {"these runs"}
    told = CliRunner().invoke(cli.app, ["compare", "--all", "--store", str(tmp_path)])
    assert "mean over all languages; ranks of these runs" in told.stdout
    told = CliRunner().invoke(cli.app, ["compare", "--all", "--pairs", "--store", str(tmp_path)])
    assert "3, 1   these runs" in told.stdout


def test_ranks_do_not_move_when_rows_are_filtered(four: Path) -> None:
    whole = placing.standings(four)
    assert placing.standings(four, intermediate="mini-ner") == [r for r in whole if r["intermediate"] == "mini-ner"]
    assert placing.standings(four, model="m", cache=False) == whole


def test_pairs_are_adjusted_over_all_of_them(four: Path) -> None:
    rows = placing.pairs(four)
    assert len(rows) == 6
    assert {r["family"] for r in rows} == {6}
    row = next(r for r in rows if {r["intermediate"], r["against_intermediate"]} == {"intents", "none"})
    d = sum(answers(2 + k, 0.7, 400) - answers(k, 0.9, 400) for k in (0, 1)) / 2
    assert row["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=1e-9)


def test_what_cannot_be_ranked_says_why(four: Path, writer: Writer) -> None:
    put(four, "mini-qa", 0, {"de": answers(50, 0.5, 400)})
    put(four, "mini-paraphrase", 0, {"de": answers(51, 0.5, 300), "hi": answers(52, 0.5, 300)})
    why = {r["intermediate"]: r["status"] for r in placing.standings(four)}
    assert why["mini-qa"] == why["mini-paraphrase"] == "not ranked: other languages or other examples than the 4 that are ranked"
    assert why["none"] == "ranked"
    writer.add("none", "mini-pos", None, {"de": 0.5}, source="a table", kind="external", scorer="unknown")
    assert [r["status"] for r in placing.standings(writer.root)] == ["not ranked: averages only"]


def test_languages_that_more_than_half_share_are_ranked(four: Path) -> None:
    """A system with more languages than the others is ranked among them, on theirs; one with fewer does not pull the others down to its own."""
    put(four, "mini-qa", 0, {"de": answers(50, 0.5, 400), "hi": answers(51, 0.5, 400), "zh": answers(52, 0.5, 400)})
    put(four, "mini-paraphrase", 0, {"de": answers(53, 0.5, 400)})
    rows = {r["intermediate"]: r for r in placing.standings(four)}
    assert {n: r["languages"] for n, r in rows.items() if r["status"] == "ranked"} == dict.fromkeys(
        ("none", "intents", "mini-ner", "mini-nli", "mini-qa"), 2
    )
    assert rows["mini-paraphrase"]["status"] == "not ranked: other languages or other examples than the 5 that are ranked"


def test_languages_that_the_task_does_not_cover_do_not_count(tmp_path: Path) -> None:
    """As in all means of views; of a task that xbench does not know all count."""
    values = {name: {c: answers(10 * i + k, 0.5) for k, c in enumerate(("de", "fr"))} for i, name in enumerate(("none", "intents"))}
    for target in ("mini-pos", "another"):
        for name, right in values.items():
            put(tmp_path, name, 0, right, target=target)
    put(tmp_path, "mini-ner", 0, {"fr": answers(30, 0.9)})
    rows = {(r["target"], r["intermediate"]): r for r in placing.standings(tmp_path)}
    for name, right in values.items():
        assert (rows["mini-pos", name]["value"], rows["mini-pos", name]["languages"]) == (pytest.approx(right["de"].mean()), 1)
        assert rows["another", name]["value"] == pytest.approx((right["de"].mean() + right["fr"].mean()) / 2)
    assert rows["mini-pos", "mini-ner"]["status"].startswith("not ranked: other languages")
    overall = placing.overall(tmp_path, [{"target": t, "metric": "accuracy"} for t in ("mini-pos", "another")])
    assert [r["languages"] for r in overall] == [3, 3]


def test_without_a_majority_the_most_systems_are_ranked(tmp_path: Path) -> None:
    for i, (name, codes) in enumerate(
        {"none": "de hi", "intents": "de hi", "mini-ner": "zh en sw", "mini-nli": "fr", "mini-qa": "ru"}.items()
    ):
        put(tmp_path, name, 0, {c: answers(10 * i + k, 0.5) for k, c in enumerate(codes.split())})
    assert {r["intermediate"] for r in placing.standings(tmp_path) if r["status"] == "ranked"} == {"none", "intents"}


def test_runs_with_other_examples_each_are_not_ranked(tmp_path: Path) -> None:
    for seed, items in enumerate((200, 150)):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5, items)})
    (row,) = placing.standings(tmp_path)
    assert row["status"] == "not ranked: its runs have no language with the same examples"


def test_zero_shot_ranks_leave_the_training_language_out(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"en": answers(0, 0.9), "de": answers(1, 0.5)})
    put(tmp_path, "intents", 0, {"en": answers(2, 0.2), "de": answers(3, 0.6)})
    assert [r["intermediate"] for r in placing.standings(tmp_path)] == ["none", "intents"]
    assert [r["intermediate"] for r in placing.standings(tmp_path, over="zero-shot")] == ["intents", "none"]


def test_mean_over_tasks_is_taken_seed_by_seed(tmp_path: Path) -> None:
    """Two targets with other items: variances of items add up, those of seeds are of the mean over tasks."""
    values = {}
    for t, target in enumerate(("mini-pos", "mini-retrieval")):
        for seed in (0, 1, 2):
            for i, name in enumerate(("none", "intents")):
                values[target, name, seed] = answers(100 * t + 10 * i + seed, 0.5 + 0.1 * i + 0.02 * seed * i, 300)
                put(
                    tmp_path,
                    name,
                    seed,
                    {"de": values[target, name, seed]},
                    target=target,
                    scorer="token-accuracy-1" if t == 0 else "accuracy-1",
                )
    (row,) = over_tasks.over_tasks(tmp_path)
    assert row["language"] == "2 of 2 tasks: mini-pos mini-retrieval"
    means = {
        n: np.array([np.mean([values[t, n, s].mean() for t in ("mini-pos", "mini-retrieval")]) for s in range(3)])
        for n in ("none", "intents")
    }
    assert row["delta"] == pytest.approx(means["intents"].mean() - means["none"].mean())
    items = 0.0
    for t in ("mini-pos", "mini-retrieval"):
        d = np.mean([values[t, "intents", s] for s in range(3)], axis=0) - np.mean([values[t, "none", s] for s in range(3)], axis=0)
        items += d.var(ddof=1) / 300 / 4
    seeds = sum(m.var(ddof=1) / 3 for m in means.values())
    cells = 0.0  # residuals of item by run within each arm and task
    for t in ("mini-pos", "mini-retrieval"):
        for name in ("none", "intents"):
            arm = np.stack([values[t, name, s] for s in range(3)], axis=1)
            residual = arm - arm.mean(axis=1, keepdims=True) - arm.mean(axis=0) + arm.mean()
            cells += (residual**2).sum() / (299 * 2) / 300 / 3 / 4
    assert row["se"] ** 2 == pytest.approx(seeds + max(items - cells, 0), rel=1e-9)
    assert row["verdict"] in ("helps", "unresolved")


def test_a_mean_over_tasks_takes_no_data_revision_for_another(tmp_path: Path) -> None:
    """XNLI is there on two revisions, one without a difference and one with 60 points: neither is chosen, and they are not pooled."""
    languages = {t: load_task(t).languages for t in ("pawsx", "xnli")}

    def runs(target: str, revision: str, rates: dict[str, float]) -> None:
        for i, (name, rate) in enumerate(rates.items()):
            right = {code: answers(100 * i + k, rate, 12) for k, code in enumerate(languages[target])}
            put(tmp_path, name, 0, right, target=target, scorer="accuracy-1", target_revision=revision)

    for target in languages:
        runs(target, "r1", {"none": 0.5, "intents": 0.5})
    runs("xnli", "r2", {"intents": 0.8})  # which has no baseline on r2: there is nothing to choose
    assert {r["status"] for r in over_tasks.over_tasks(tmp_path, suite="xtreme")} == {"tested"}
    runs("xnli", "r2", {"none": 0.2})
    rows = over_tasks.over_tasks(tmp_path)
    assert {r["target"] for r in rows} == {"tasks", "xtreme", "xtreme: classification"}
    assert {r["status"] for r in rows} == {"not testable: xnli: ambiguous, dataset revision r1 or r2"}
    assert {(r["delta"], r["p_adjusted"], r["verdict"]) for r in rows} == {(None, None, "not testable")}
    con = store.connect(tmp_path)
    found = con.execute("SELECT DISTINCT target, ambiguous FROM suite_task_score WHERE suite = 'xtreme' ORDER BY ALL").fetchall()
    con.close()
    assert found == [("pawsx", False), ("xnli", True)], "as the view has it"


def test_exact_match_and_f1_of_one_task_are_of_one_revision(tmp_path: Path) -> None:
    """As in the view task_score: F1 on r1 and exact match on r2 are no score of XQuAD."""
    for target in ("xquad", "tydiqa"):
        for i, name in enumerate(("none", "intents")):
            right = {code: answers(10 * i + k, 0.5, 6) for k, code in enumerate(load_task(target).languages)}
            apart = target == "xquad"
            also = None if apart else {"exact_match": right}
            put(tmp_path, name, 0, right, target=target, metric="f1", scorer="squad-1", also=also, target_revision="r1")
            if apart:
                put(tmp_path, name, 0, right, target=target, metric="exact_match", scorer="squad-1", target_revision="r2")
    assert {r["target"] for r in over_tasks.over_tasks(tmp_path)} == {"tasks"}


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of three sizes, an intermediate on two revisions, one in one language, and another source; in part on a second target."""
    root = tmp_path_factory.mktemp("varied")
    on_a, on_b, on_n = ({"intermediate_revision": r} for r in "abn")
    said = {
        "source": "other",
        "stack": "s",
        "recipe_id": "r",
        "source_version": "2",
        "relationship": "third party",
        "selection": "last step",
    }
    runs: list[tuple[str, str, str, dict[str, Any]]] = [
        ("none", "de hi", "mini-pos", {}), ("intents", "de hi", "mini-pos", on_a), ("intents", "de hi", "mini-pos", on_b),
        ("mini-nli", "hi", "mini-pos", on_n), ("none", "de hi", "mini-pos", said), ("intents", "de hi", "mini-pos", on_a | said),
    ]  # fmt: skip
    for model, size, revision in (("large", 20, "1"), ("larger", 40, "2")):
        change = {"model": model, "parameters": size, "model_revision": revision}
        runs += [("none", "de hi", "mini-pos", change), ("intents", "de hi", "mini-pos", on_a | change)]
    runs += [(name, codes, "mini-retrieval", change) for name, codes, _, change in runs[:4]]
    for i, (name, codes, target, change) in enumerate(runs):
        right = {code: answers(10 * i + k, 0.4 + 0.02 * (i % 7), 40) for k, code in enumerate(codes.split())}
        put(root, name, 0, right, target=target, scorer="token-accuracy-1" if target == "mini-pos" else "accuracy-1", **change)
    return root


_ONE_COLUMN = [{"target": "mini-pos", "metric": "accuracy"}, {"target": "mini-retrieval", "metric": "accuracy"}]
_ASKED: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "direct": comparing.compare,
    "intermediate": partial(comparing.compare, against={"intermediate": "mini-nli"}),
    "model": partial(comparing.compare, against={"model": "m"}),
    "source": partial(comparing.compare, against={"source": "other"}),
    "tasks": over_tasks.over_tasks,
    "standings": placing.standings,
    "pairs": placing.pairs,
    "overall": lambda con, **where: placing.overall(con, [{**c, **where} for c in _ONE_COLUMN]),
    "sizes": scales.interactions,
}
# These choose which runs there are, and so what is compared.
_OF_RUNS = {"run_id", "seed", "version", "split", "value", "n", "evidence", "language_set", "trained_examples"}
_OF_COLUMNS = {"target", "metric", "scorer", "dataset_revision", "task_key", "comparability_key"}


_FEW = ("model_revision", "intermediate", "source", "language")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("asked", some_slow(list(_ASKED), ["direct", "tasks", "pairs", "sizes"]))
def test_no_condition_moves_a_family_a_verdict_or_a_rank(varied: Path, asked: str, every: bool) -> None:
    """The rows that a condition on any column of the view `result` leaves are those of the whole, to the digit."""
    con, function = store.connect(varied), _ASKED[asked]
    names = {d[0] for d in con.execute("SELECT * FROM result LIMIT 0").description or []} - _OF_RUNS
    names -= _OF_COLUMNS if asked in ("tasks", "overall") else set()  # of what the average is
    whole = function(con)
    assert len(whole) > 2
    # A row about sizes is about two models, and neither that nor one about tasks is about a language; one about tasks does not say how large
    # its model is, and one about a pair says it of the first alone.
    unsaid = {"sizes": {*pairing.SYSTEM, "language"}, "tasks": {"language", "parameters"}, "pairs": {"parameters"}}
    own = {*whole[0]} - unsaid.get(asked, set())
    for name in sorted(names if every else _FEW):
        values = con.execute(f"SELECT DISTINCT {name} FROM result WHERE {name} IS NOT NULL ORDER BY ALL").fetchall()
        for (value,) in values if every else values[:1]:
            rows = function(con, **{name: value})
            assert all(r in whole for r in rows), (name, value)
            if name in own:
                sides = (name, f"against_{name}") if asked == "pairs" else (name,)
                assert rows == [r for r in whole if all(r.get(side, value) == value for side in sides)], (name, value)
    con.close()


def test_two_runs_of_one_seed_are_in_no_mean_over_tasks(tmp_path: Path) -> None:
    for target, scorer in (("mini-pos", "token-accuracy-1"), ("mini-retrieval", "accuracy-1")):
        for name in ("none", "intents"):
            put(tmp_path, name, 0, {"de": answers(0, 0.5)}, target=target, scorer=scorer)
    put(tmp_path, "intents", 0, {"de": answers(2, 0.9)}, hardware="another machine")
    (row,) = over_tasks.over_tasks(tmp_path)
    assert row["status"] == "not testable: mini-pos: more than one run of the same system and seed (intents, seed 0)"


def test_an_average_of_a_suite_wants_every_language(tmp_path: Path) -> None:
    for i, name in enumerate(("none", "intents")):
        right = {"de": answers(i, 0.5), "ja": answers(i, 0.5)}  # ja is no language of XNLI
        put(tmp_path, name, 0, right, target="xnli", scorer="accuracy-1")
        put(tmp_path, name, 0, {"de": answers(i, 0.5)}, target="pawsx", scorer="accuracy-1")
    rows = {r["target"]: r for r in over_tasks.over_tasks(tmp_path)}
    assert rows["tasks"]["status"] == "tested"
    assert rows["xtreme"]["status"] == "not testable: pawsx: 1 of 7 languages; xnli: 1 of 15 languages"
    assert rows["xtreme"]["language"].startswith("2 of 9 tasks")


def test_questions_count_exact_match_and_f1_with_their_common_items(tmp_path: Path) -> None:
    """The average of a suite takes the mean of both; they rise and fall with the same paragraphs."""
    scorer = "squad-1"
    both: dict[str, np.ndarray] = {}
    for target in ("xquad", "tydiqa"):
        languages = load_task(target).languages
        for i, name in enumerate(("none", "intents")):
            f1 = {code: np.random.default_rng(len(code) + i + 7 * k).random(50) for k, code in enumerate(languages)}
            exact = {code: (v > 0.5).astype(float) for code, v in f1.items()}
            put(tmp_path, name, 0, f1, target=target, metric="f1", scorer=scorer, also={"exact_match": exact})
            if target == "xquad":
                both[name] = np.mean([(f1[c] + exact[c]) / 2 for c in languages], axis=0)
            else:
                both[name + "2"] = np.mean([(f1[c] + exact[c]) / 2 for c in languages], axis=0)
    row = next(r for r in over_tasks.over_tasks(tmp_path) if r["target"] == "xtreme: qa")
    assert row["status"] == "tested", row["status"]
    variance = sum((both["intents" + k] - both["none" + k]).var(ddof=1) / 50 / 4 for k in ("", "2"))
    assert row["se"] == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_a_few_items_that_agree_need_more_between_sizes(tmp_path: Path) -> None:
    """An item may show 2 either way: were nothing true, one of three would be at -2 where the others show 1."""
    for model, parameters, after in (("small", 10, 0.0), ("large", 20, 1.0)):
        put(tmp_path, "none", 0, {"de": np.zeros(8)}, model=model, parameters=parameters)
        put(tmp_path, "intents", 0, {"de": np.full(8, after)}, model=model, parameters=parameters)
    (row,) = scales.interactions(tmp_path)
    assert (row["delta"], row["verdict"]) == (1, "unresolved")
    assert row["p"] == pytest.approx(2 * (2 / 3) ** 8)
    assert row["items_needed"] == next(n for n in range(1, 99) if 2 * (2 / 3) ** n <= 0.05)
    # What an item shows is 2 or nothing: six of eight that show it are the fewest that are found.
    assert row["power"] == pytest.approx(stats.binom.sf(5, 8, 0.5))
    assert stats.binom.sf(5, 8, row["detectable"] / 2) == pytest.approx(0.8)


def test_interaction_between_model_sizes(tmp_path: Path) -> None:
    rates = {("small", "none"): 0.5, ("small", "intents"): 0.6, ("large", "none"): 0.6, ("large", "intents"): 0.9}
    right = {k: answers(i, r, 500) for i, (k, r) in enumerate(rates.items())}
    for (model, name), values in right.items():
        put(tmp_path, name, 0, {"de": values, "en": values}, model=model, parameters=10 if model == "small" else 1_000)
    (row,) = scales.interactions(tmp_path)
    d = right["large", "intents"] - right["large", "none"] - right["small", "intents"] + right["small", "none"]
    assert row["delta"] == pytest.approx(d.mean())
    assert row["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=1e-9)
    assert (row["model"], row["verdict"]) == ("large - small", "grows")
    for size, model in ((50, "medium"), (200, "bigger")):
        for i, name in enumerate(("none", "intents")):
            put(tmp_path, name, 0, {"de": answers(20 + i + size, 0.6 + 0.1 * i, 500)}, model=model, parameters=size)
    rows = scales.interactions(tmp_path, intermediate="intents")
    assert [r["level"] for r in rows] == ["interaction"] * 4 + ["slope"]
    logs = np.log2([10, 50, 200, 1_000])
    deltas = {r["model"]: r["delta"] for r in comparing.compare(tmp_path, by="mean")}
    slope = np.polyfit(logs, [deltas[m] for m in ("small", "medium", "bigger", "large")], 1)[0]
    assert rows[-1]["delta"] == pytest.approx(slope)
    done = CliRunner().invoke(cli.app, ["compare", "--by", "size", "--store", str(tmp_path)])
    assert "large - small" in done.stdout


def test_equal_sizes_are_no_step(tmp_path: Path) -> None:
    """Two models of each of two sizes: every small one against every large one, and no slope, which wants four sizes."""
    for i, (model, size) in enumerate({"a": 10, "b": 10, "c": 100, "d": 100}.items()):
        for k, name in enumerate(("none", "intents")):
            put(tmp_path, name, 0, {"de": answers(10 * i + k, 0.5)}, model=model, parameters=size)
    rows = scales.interactions(tmp_path)
    assert [(r["model"], r["level"], r["family"]) for r in rows] == [(m, "interaction", 4) for m in ("c - a", "d - a", "c - b", "d - b")]
    for model in ("e", "f"):
        put(tmp_path, "none", 0, {"de": answers(60, 0.5)}, model=model, parameters=1_000)
        put(tmp_path, "intents", 0, {"de": answers(61, 0.5)}, model=model, parameters=1_000)
    steps = [r["model"] for r in scales.interactions(tmp_path)]
    assert steps[4:] == ["e - c", "f - c", "e - d", "f - d", "e - a", "f - a", "e - b", "f - b"]


def test_the_commands(four: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(cli.app, ["compare", *words, "--store", str(four)])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    assert "2-3    2      mini-ner" in run("--all")
    assert len(json.loads(run("--all", "--pairs", "--json"))) == 6
    assert "mini-pos after intents against mini-ner: accuracy, m, seeds: 1" in run("intents", "mini-ner")
    told = run("intents", "--explain", "--confirm")
    assert "One seed: the verdict is about these two trained systems on new items." in told
    assert "gain in at least 0 and a loss in at least 2 of 2 languages" in told
    assert "p McNemar (mid, exact)" in told
    assert "mean over the zero-shot languages, by task" in run("--by", "task")
    assert "by source" in run("--by", "source")
    assert "equivalent" in run("intents", "mini-ner", "--margin", "10")
    for bad, message in (
        (["a", "b", "c"], "one system is compared with its direct baseline"),
        (["--by", "moon"], "is none of language, family, script, task, size, source"),
        (["--by", "task", "--latex"], "--latex goes with --by language, family and script, not with --by task"),
        (["--by", "size", "--adjust", "bh", "--confirm"], "--adjust goes with --by language"),
        (["--explain", "--csv"], "--explain prints text, not what --csv asks for"),
        (["--latex", "--explain", "--json"], "--latex prints tables alone"),
        (["--adjust", "luck"], "adjustment 'luck' is none of holm, bh, by, none, max-t"),
    ):
        done = CliRunner().invoke(cli.app, ["compare", *bad, "--store", str(four)])
        assert done.exit_code != 0
        assert message in str(done.exception)


def test_latex_is_escaped_and_names_the_store(four: Path) -> None:
    text = CliRunner().invoke(cli.app, ["compare", "intents", "--latex", "--store", str(four)]).stdout
    assert text.startswith("\\begin{table}\n\\centering\n\\begin{tabular}{lrrrrr}\n\\toprule")
    assert "de & " in text and r"\textbf{$-" in text
    assert r"Store " in text
    assert wording.escape(r"50% of a_b & {c} < \d") == r"50\% of a\_b \& \{c\} \textless{} \textbackslash{}d"


def test_overall_ranks_are_of_the_mean_over_tasks(tmp_path: Path) -> None:
    """Single runs: the variance of the mean is that of the items of both tasks, and a pair is decided as over_tasks decides it."""
    tasks = {"mini-pos": "token-accuracy-1", "mini-retrieval": "accuracy-1"}
    values = {}
    for t, (target, scorer) in enumerate(tasks.items()):
        for i, name in enumerate(("none", "intents", "mini-nli")):
            values[target, name] = answers(100 * t + i, 0.8 - 0.2 * (i == 1), 500)
            put(tmp_path, name, 0, {"de": values[target, name]}, target=target, scorer=scorer)
    put(tmp_path, "mini-qa", 0, {"de": answers(7, 0.99, 500)})  # in one of the tasks alone
    columns = [{"target": t, "metric": "accuracy", "scorer": s} for t, s in tasks.items()]
    rows = placing.overall(tmp_path, columns, cache=False)
    assert {r["intermediate"] for r in rows} == {"none", "intents", "mini-nli"}
    assert rows[-1]["intermediate"] == "intents"
    assert [(r["rank_low"], r["rank_high"], r["tier"]) for r in rows] == [(1, 2, 1), (1, 2, 1), (3, 3, 2)]
    for row in rows:
        own = [values[t, row["intermediate"]] for t in tasks]
        assert row["value"] == pytest.approx(np.mean([v.mean() for v in own]))
        half = stats.norm.ppf(0.975) * np.sqrt(sum(v.var(ddof=1) / 500 for v in own) / 4)
        assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.01)
    assert placing.overall(tmp_path, columns) == placing.overall(tmp_path, columns), "kept"


def test_overall_takes_one_column_of_each_task(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    column = {"target": "mini-pos", "metric": "accuracy"}
    with pytest.raises(StoreError, match="mini-pos is there more than once"):
        placing.overall(tmp_path, [column, column])
    with pytest.raises(StoreError, match="0 are"):
        placing.overall(tmp_path, [column, {"target": "mini-ner"}])


def test_zero_shot_ranks_are_not_lost_with_the_training_language(tmp_path: Path) -> None:
    """Three of five systems were tested in English too, which does not count: all five have the same zero-shot languages."""
    for i in range(5):
        for seed in (0, 1):
            right = {"de": answers(100 * i + seed, 0.5), "hi": answers(100 * i + seed + 7, 0.5)}
            put(tmp_path, "none", seed, right | ({"en": answers(100 * i + seed + 9, 0.9)} if i < 3 else {}), model=f"m{i}")
    rows = placing.standings(tmp_path, over="zero-shot")
    assert {r["status"] for r in rows} == {"ranked"} and {r["systems"] for r in rows} == {5}
    over_all = placing.standings(tmp_path)
    assert sorted(r["model"] for r in over_all if r["status"] == "ranked") == ["m0", "m1", "m2"]


def test_models_of_unknown_size_are_not_the_smallest(tmp_path: Path) -> None:
    for i, (model, size) in enumerate((("small", 10), ("large", 20), ("mystery", None))):
        for k, name in enumerate(("none", "intents")):
            put(tmp_path, name, 0, {"de": answers(10 * i + k, 0.5)}, model=model, parameters=size)
    assert [r["model"] for r in scales.interactions(tmp_path)] == ["large - small"]


def test_a_mean_over_tasks_takes_seeds_that_are_there_in_every_task(tmp_path: Path) -> None:
    for seed, (target, scorer) in enumerate((("mini-pos", "token-accuracy-1"), ("mini-retrieval", "accuracy-1"))):
        for k, name in enumerate(("none", "intents")):
            put(tmp_path, name, seed, {"de": answers(k, 0.5)}, target=target, scorer=scorer)
    (row,) = over_tasks.over_tasks(tmp_path)
    assert row["status"] == "not testable: no seed is there in every task"


def test_exact_match_and_f1_are_averaged_over_the_same_examples(tmp_path: Path) -> None:
    for target in ("xquad", "tydiqa"):
        codes = load_task(target).languages
        for i, name in enumerate(("none", "intents")):
            exact = {c: answers(i, 0.5, 6 if target == "xquad" else 8) for c in codes}
            right = {c: answers(i, 0.5, 8) for c in codes}
            put(tmp_path, name, 0, right, target=target, metric="f1", scorer="squad-1", also={"exact_match": exact})
    row = next(r for r in over_tasks.over_tasks(tmp_path) if r["target"] == "xtreme: qa")
    assert row["status"] == "not testable: xquad: its metrics were measured on different examples"


def test_a_mean_over_tasks_says_which_examples_cannot_be_compared(tmp_path: Path) -> None:
    for target, scorer, items in (("mini-pos", "token-accuracy-1", (20, 20)), ("mini-retrieval", "accuracy-1", (20, 30))):
        for k, name in enumerate(("none", "intents")):
            put(tmp_path, name, 0, {"de": answers(k, 0.5, items[k])}, target=target, scorer=scorer)
    (row,) = over_tasks.over_tasks(tmp_path)
    assert row["status"].startswith("not testable: mini-retrieval: other examples (de")
