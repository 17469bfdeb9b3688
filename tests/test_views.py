"""Views, row by row, against numbers worked by hand (written as sums beside them)."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Writer
from xbench import board, serving, store, template
from xbench.task import all_tasks, base_task, load_task
from xbench.ui import common


def rows(root: Path, view: str, **where: Any) -> list[dict[str, Any]]:
    con = store.connect(root)
    try:
        return board.query(con, view, where)
    finally:
        con.close()


@pytest.fixture
def two_seeds(writer: Writer) -> Writer:
    """Target mini-ner, trained in English; intermediate intents; seeds 0 and 1."""
    writer.add("none", "mini-ner", 0, {"en": 0.80, "de": 0.60, "hi": 0.40})
    writer.add("none", "mini-ner", 1, {"en": 0.82, "de": 0.64, "hi": 0.42})
    writer.add("intents", "mini-ner", 0, {"en": 0.81, "de": 0.63, "hi": 0.30})
    writer.add("intents", "mini-ner", 1, {"en": 0.80, "de": 0.65, "hi": 0.36})
    return writer


def test_result_is_score_with_the_conditions_of_its_run(two_seeds: Writer) -> None:
    found = rows(two_seeds.root, "result", intermediate="none", seed=1, language="de")
    assert len(found) == 1
    assert (found[0]["value"], found[0]["recipe_id"], found[0]["source"], found[0]["kind"]) == (0.64, "rec", "xbench", "run")


def test_direct_holds_the_baselines_only(two_seeds: Writer) -> None:
    found = rows(two_seeds.root, "direct")
    assert sorted((r["language"], r["seed"], r["value"]) for r in found) == [
        ("de", 0, 0.60), ("de", 1, 0.64), ("en", 0, 0.80), ("en", 1, 0.82), ("hi", 0, 0.40), ("hi", 1, 0.42),
    ]  # fmt: skip


def test_delta_subtracts_the_baseline_of_the_same_seed(two_seeds: Writer) -> None:
    found = {(r["language"], r["seed"]): r for r in rows(two_seeds.root, "transfer_delta")}
    worked = {
        ("en", 0): 0.81 - 0.80, ("en", 1): 0.80 - 0.82, ("de", 0): 0.63 - 0.60,
        ("de", 1): 0.65 - 0.64, ("hi", 0): 0.30 - 0.40, ("hi", 1): 0.36 - 0.42,
    }  # fmt: skip
    assert {k: r["delta"] for k, r in found.items()} == pytest.approx(worked)
    assert {r["status"] for r in found.values()} == {"paired"}
    baselines = {(r["language"], r["seed"]): r["run_id"] for r in rows(two_seeds.root, "direct")}
    assert {k: r["direct_run_id"] for k, r in found.items()} == baselines


def test_summary_is_mean_and_sample_deviation_over_seeds(two_seeds: Writer) -> None:
    found = {r["language"]: r for r in rows(two_seeds.root, "transfer_summary")}
    # de: deltas .03 and .01; mean .02; sample sd = sqrt(((.01)^2 + (.01)^2) / 1) = .0141421...
    assert found["de"]["delta"] == pytest.approx(0.02)
    assert found["de"]["delta_sd"] == pytest.approx(0.0002**0.5)
    # hi: -.10 and -.06; en: +.01 and -.02
    assert found["hi"]["delta"] == pytest.approx(-0.08)
    assert (found["hi"]["delta_min"], found["hi"]["delta_max"]) == pytest.approx((-0.10, -0.06))
    assert [(found[x]["seeds"], found[x]["seeds_up"], found[x]["seeds_down"]) for x in ("de", "en", "hi")] == [
        (2, 2, 0),
        (2, 1, 1),
        (2, 0, 2),
    ]
    assert found["de"]["value"] == pytest.approx((0.63 + 0.65) / 2)
    assert found["de"]["direct_value"] == pytest.approx((0.60 + 0.64) / 2)
    assert found["de"]["n"] == 100


def test_mean_leaves_the_training_language_out(two_seeds: Writer) -> None:
    (found,) = rows(two_seeds.root, "transfer_mean")
    # seed 0: (.03 - .10) / 2 = -.035; seed 1: (.01 - .06) / 2 = -.025
    assert found["delta"] == pytest.approx(-0.03)
    assert found["delta_sd"] == pytest.approx((2 * 0.005**2) ** 0.5)
    assert (found["languages"], found["languages_up"], found["languages_down"], found["seeds"]) == (2, 1, 1, 2)
    assert found["languages_expected"] == 9  # mini-ner has ten languages, English among them


def test_mean_over_seeds_uses_seeds_that_cover_the_same_languages(two_seeds: Writer) -> None:
    two_seeds.add("none", "mini-ner", 2, {"en": 0.8, "de": 0.6})
    two_seeds.add("intents", "mini-ner", 2, {"en": 0.8, "de": 0.9})
    (found,) = rows(two_seeds.root, "transfer_mean")
    assert found["seeds"] == 2
    assert found["delta"] == pytest.approx(-0.03)


def test_revisions_of_an_intermediate_are_not_averaged_together(writer: Writer) -> None:
    from xbench.task import load_task

    codes = load_task("mlqa").languages
    rule: dict[str, Any] = {"scorer": "mlqa-1"}
    for seed in (0, 1):
        for metric in ("f1", "exact_match"):
            writer.add("none", "mlqa", seed, dict.fromkeys(codes, 0.5), metric=metric, **rule)
            for revision, value in (("a", 0.6), ("b", 0.8)):
                writer.add("intents", "mlqa", seed, dict.fromkeys(codes, value), metric=metric, intermediate_revision=revision, **rule)
    after = {"intermediate": "intents", "metric": "f1"}
    said = {r["intermediate_revision"]: (r["delta"], r["seeds"]) for r in rows(writer.root, "transfer_mean", **after)}
    assert said == {"a": (pytest.approx(0.1), 2), "b": (pytest.approx(0.3), 2)}
    for view, count in (("transfer_summary", 14), ("leaderboard", 2), ("language_score", 14)):
        found = rows(writer.root, view, **after)
        assert len(found) == count, view
        values = {(r["intermediate_revision"], round(r["value"], 9)) for r in found}
        assert (values, {r["seeds"] for r in found}) == ({("a", 0.6), ("b", 0.8)}, {2}), view
    tasks = rows(writer.root, "suite_task_score", suite="xtreme", rule="official", intermediate="intents")
    assert [(r["value"], r["complete"], r["ambiguous"]) for r in sorted(tasks, key=lambda r: r["value"])] == [
        (pytest.approx(0.6), True, False), (pytest.approx(0.8), True, False),
    ]  # fmt: skip
    for view, mean in (("group_mean", "available_mean"), ("suite_mean", "available_mean")):
        found = rows(writer.root, view, suite="xtreme", rule="official", intermediate="intents")
        assert {r["intermediate_revision"]: r[mean] for r in found} == {"a": pytest.approx(0.6), "b": pytest.approx(0.8)}, view


def test_no_baseline_is_not_zero(writer: Writer) -> None:
    writer.add("intents", "mini-ner", 0, {"de": 0.5})
    (found,) = rows(writer.root, "transfer_delta")
    assert (found["delta"], found["direct_value"], found["status"]) == (None, None, "no direct baseline")
    (summary,) = rows(writer.root, "transfer_summary")
    assert (summary["delta"], summary["seeds"], summary["seeds_without_baseline"], summary["status"]) == (None, 0, 1, "no direct baseline")
    assert rows(writer.root, "transfer_mean") == []


def test_a_baseline_of_another_seed_is_named_not_used(writer: Writer) -> None:
    writer.add("none", "mini-ner", 7, {"de": 0.4})
    writer.add("intents", "mini-ner", 0, {"de": 0.5})
    (found,) = rows(writer.root, "transfer_delta")
    assert (found["delta"], found["status"]) == (None, "direct baseline has other seeds")


@pytest.mark.parametrize(
    "change",
    [
        {"model_revision": "2"}, {"recipe_id": "other"}, {"stack": "jiant"}, {"source": "a paper"}, {"source_version": "v2"}, {"train_language": "de"},
        {"metric": "f1"}, {"scorer": "accuracy-2"}, {"dataset_revision": "r2"}, {"split": "dev"}, {"model": "m2"}, {"relationship": "third party"},
        {"target_revision": "r dev s"},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_any_other_condition_that_differs_forbids_the_subtraction(writer: Writer, change: dict[str, Any]) -> None:
    writer.add("none", "mini-ner", 0, {"hi": 0.4}, **change)
    writer.add("intents", "mini-ner", 0, {"hi": 0.5})
    (found,) = rows(writer.root, "transfer_delta")
    assert found["status"] == "no direct baseline"
    assert found["delta"] is None


def test_what_a_source_measured_and_what_it_quotes_are_two(writer: Writer) -> None:
    """One paper's own pair, .6 after .5, and a pair that it quotes, .72 after .7: two deltas, and nothing is averaged over both."""
    for relationship, direct, after in (("first party", 0.5, 0.6), ("third party", 0.7, 0.72)):
        claim: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate", "relationship": relationship}
        writer.add("none", "mini-ner", None, {"de": direct}, **claim)
        writer.add("intents", "mini-ner", None, {"de": after}, **claim)
    worked = {"first party": pytest.approx(0.1), "third party": pytest.approx(0.02)}
    for view in ("transfer_delta", "transfer_summary", "transfer_mean"):
        found = rows(writer.root, view)
        assert len(found) == 2, view
        assert {r["relationship"]: r["delta"] for r in found} == worked, view
    assert [(r["seeds"], r["seeds_up"], r["seeds_down"]) for r in rows(writer.root, "transfer_summary")] == [(1, 1, 0)] * 2
    for view in ("leaderboard", "language_score"):
        assert sorted(r["value"] for r in rows(writer.root, view)) == [0.5, 0.6, 0.7, 0.72], view
    snapshot = serving.Snapshot(writer.root)
    cells = snapshot.rows("SELECT relationship, intermediate, value FROM cell JOIN system USING (system_id)").itertuples(
        index=False, name=None
    )
    assert set(cells) == {
        ("first party", "none", 0.5), ("first party", "intents", 0.6), ("third party", "none", 0.7), ("third party", "intents", 0.72),
    }  # fmt: skip


def test_what_was_run_here_and_what_came_back_with_another_number_are_two(writer: Writer) -> None:
    """Whoever sends a file with .9 for seed 0 of our runs moves no average of them, and voids no difference: it is a row of its own."""
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {"de": 0.5}, metric="f1")
        writer.add("intents", "mini-ner", seed, {"de": 0.6}, metric="f1")
    writer.add("intents", "mini-ner", 0, {"de": 0.9}, metric="f1", kind="external")
    for view in ("leaderboard", "language_score", "task_score"):
        found = {(r["kind"], r["intermediate"]): (r["value"], r["seeds"]) for r in rows(writer.root, view)}
        assert found == {("run", "none"): (0.5, 2), ("run", "intents"): (0.6, 2), ("external", "intents"): (0.9, 1)}, view
    deltas = [(r["kind"], r["seed"], r["delta"], r["status"]) for r in rows(writer.root, "transfer_delta")]
    assert sorted(deltas) == [
        ("external", 0, None, "no direct baseline"), ("run", 0, pytest.approx(0.1), "paired"), ("run", 1, pytest.approx(0.1), "paired"),
    ]  # fmt: skip
    (mean,) = rows(writer.root, "transfer_mean")
    assert (mean["kind"], mean["delta"], mean["seeds"]) == ("run", pytest.approx(0.1), 2)
    found = serving.Snapshot(writer.root).rows("SELECT kind, intermediate, value FROM cell JOIN system USING (system_id)")
    assert set(found.itertuples(index=False, name=None)) == {("run", "none", 0.5), ("run", "intents", 0.6), ("external", "intents", 0.9)}


def test_steps_selected_on_other_development_data_are_systems_of_the_app(writer: Writer) -> None:
    """.9 and .5 were one cell of .7 over two seeds, where the view `leaderboard` has two rows."""
    for seed, (dev, value) in enumerate((("x", 0.9), ("y", 0.5))):
        writer.add("none", "mini-pos", seed, {"de": value}, target_revision=f"r dev {dev}", selection="target-languages")
        writer.add("none", "mini-retrieval", seed, {"de": 0.6})
    found = {(r["target"], r["target_revision"]): r["value"] for r in rows(writer.root, "leaderboard")}
    assert found == {("mini-pos", "r dev x"): 0.9, ("mini-pos", "r dev y"): 0.5, ("mini-retrieval", "r"): 0.6}
    snapshot = serving.Snapshot(writer.root)
    cells = snapshot.rows("SELECT target, development, value, seeds FROM cell JOIN system USING (system_id) JOIN col USING (column_id)")
    assert sorted(cells.itertuples(index=False, name=None)) == [
        ("mini-pos", 1, 0.9, 1),
        ("mini-pos", 2, 0.5, 1),
        ("mini-retrieval", 1, 0.6, 2),
    ]
    assert common.system_labels(snapshot.systems()).tolist() == ["m · development data 1", "m · development data 2"]


def test_of_several_baselines_of_one_seed_none_counts(writer: Writer) -> None:
    """What is no task has no revision: a source that gives it two leaves two baselines, .4 and .7, and no way to choose."""
    for revision, value in (("a", 0.4), ("b", 0.7)):
        writer.add("none", "mini-ner", 0, {"de": value}, intermediate_revision=revision)
    writer.add("none", "mini-ner", 1, {"de": 0.5}, intermediate_revision="a")
    for seed in (0, 1):
        writer.add("intents", "mini-ner", seed, {"de": 0.6})
    found = {r["seed"]: (r["delta"], r["direct_value"], r["status"]) for r in rows(writer.root, "transfer_delta")}
    assert found == {0: (None, None, "more than one direct baseline of this seed"), 1: (pytest.approx(0.1), 0.5, "paired")}
    assert len(rows(writer.root, "transfer_delta")) == 2
    (summary,) = rows(writer.root, "transfer_summary")
    assert (summary["delta"], summary["seeds"], summary["seeds_without_baseline"]) == (pytest.approx(0.1), 1, 1)


def test_a_seed_counts_once(writer: Writer) -> None:
    """Two runs of one system and seed: which of them is seed 0 is not known, so seed 1 alone counts."""
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {"de": 0.5, "hi": 0.5})
        writer.add("intents", "mini-ner", seed, {"de": 0.6, "hi": 0.7})
    writer.add("intents", "mini-ner", 0, {"de": 0.9}, hardware="another machine")
    writer.add("intents", "mini-ner", 0, {"de": 0.8}, hardware="another machine", metric="f1")  # another column
    found = sorted(
        (r["language"], r["seed"], r["value"], r["delta"], r["status"]) for r in rows(writer.root, "transfer_delta", metric="accuracy")
    )
    several = "more than one run of this seed"
    assert found == [
        ("de", 0, 0.6, None, several), ("de", 0, 0.9, None, several), ("de", 1, 0.6, pytest.approx(0.1), "paired"),
        ("hi", 0, 0.7, pytest.approx(0.2), "paired"), ("hi", 1, 0.7, pytest.approx(0.2), "paired"),
    ]  # fmt: skip
    assert {r["language"]: r["seeds"] for r in rows(writer.root, "transfer_summary", metric="accuracy")} == {"de": 1, "hi": 2}
    (mean,) = rows(writer.root, "transfer_mean", metric="accuracy")
    assert (mean["delta"], mean["seeds"], mean["languages"]) == (pytest.approx(0.15), 1, 2)
    (f1,) = rows(writer.root, "transfer_delta", metric="f1")
    assert f1["status"] == "no direct baseline"


def test_printed_means_over_other_languages_do_not_pair(writer: Writer) -> None:
    for intermediate, languages, value in (
        ("none", "de hi", 0.4),
        ("none", "de es", 0.7),
        ("intents", "de hi", 0.5),
        ("mini-nli", "hi", 0.6),
    ):
        writer.add(intermediate, "mini-ner", 0, {"mul": value}, kind="external", source="p", language_set=languages, evidence="aggregate")
    found = {r["intermediate"]: (r["delta"], r["status"]) for r in rows(writer.root, "transfer_delta")}
    assert found == {"intents": (pytest.approx(0.5 - 0.4), "paired"), "mini-nli": (None, "no direct baseline")}
    assert len(rows(writer.root, "transfer_delta")) == 2


def test_of_several_printed_means_that_over_most_languages_counts_for_the_task(writer: Writer) -> None:
    """All languages of mlqa in both metrics, against more that are not all: F1 .6 and exact match .4 make .5."""
    printed: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate"}
    for metric, mean in (("f1", 0.6), ("exact_match", 0.4)):
        writer.add("none", "mlqa", 0, {"mul": mean}, metric=metric, language_set="ar de en es hi vi zh", **printed)
    others = "ar de en es hi tr ru fr"  # more, and not all
    for metric, over in (("f1", "ar de"), ("exact_match", "unknown"), ("f1", others), ("exact_match", others)):
        writer.add("none", "mlqa", 0, {"mul": 0.9}, metric=metric, language_set=over, **printed)
    (found,) = rows(writer.root, "task_score")
    assert (found["value"], found["languages"], found["complete"], found["metrics"]) == (pytest.approx(0.5), 7, True, "exact_match + f1")
    # Without all languages: three in both metrics, against two in both and five in one.
    for metric, over, mean in (
        ("f1", "ar de en", 0.5),
        ("exact_match", "ar de en", 0.3),
        ("f1", "ar de", 0.9),
        ("exact_match", "ar de", 0.9),
    ):
        writer.add("mlm", "mlqa", 0, {"mul": mean}, metric=metric, language_set=over, **printed)
    writer.add("mlm", "mlqa", 0, {"mul": 0.9}, metric="f1", language_set="ar de en es hi", **printed)
    (found,) = rows(writer.root, "task_score", intermediate="mlm")
    assert (found["value"], found["languages"], found["complete"]) == (pytest.approx(0.4), 3, False)


def test_a_printed_mean_over_every_language_comes_before_english_alone(writer: Writer) -> None:
    """Papers give English and the average: XNLI .9 and .8; F1 .8 and .6 beside exact match .7 and .4."""
    printed: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate", "scorer": "unknown"}
    for target, metric, english, mean in (("xnli", "accuracy", 0.9, 0.8), ("mlqa", "f1", 0.8, 0.6), ("mlqa", "exact_match", 0.7, 0.4)):
        writer.add("none", target, None, {"en": english}, metric=metric, **printed)
        every = " ".join(sorted(load_task(target).languages))
        writer.add("none", target, None, {"mul": mean}, metric=metric, language_set=every, **printed)
    found = {r["target"]: (r["value"], r["languages"], r["complete"]) for r in rows(writer.root, "task_score")}
    assert found == {"xnli": (pytest.approx(0.8), 15, True), "mlqa": (pytest.approx(0.5), 7, True)}


def test_f1_and_exact_match_over_other_languages_have_no_mean(writer: Writer) -> None:
    """In numbers of languages, of a printed mean beside one in English, and where one has no language without labels."""
    codes = load_task("mlqa").languages
    rule: dict[str, Any] = {"scorer": "mlqa-1"}
    writer.add("none", "mlqa", 0, dict.fromkeys(codes, 0.6), metric="f1", **rule)
    writer.add("none", "mlqa", 1, {"en": 0.3, "de": 0.2}, metric="exact_match", **rule)
    printed: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate", "scorer": "unknown"}
    writer.add("mlm", "mlqa", None, {"en": 0.8}, metric="f1", **printed)
    writer.add("mlm", "mlqa", None, {"mul": 0.4}, metric="exact_match", language_set=" ".join(sorted(codes)), **printed)
    found = rows(writer.root, "task_score")
    assert [(r["value"], r["zero_shot"], r["gap"], r["complete"], r["metrics"]) for r in found] == [
        (None, None, None, False, "exact_match + f1")
    ] * 2
    writer.add("intents", "mlqa", 0, {"de": 0.6}, metric="f1", **rule)
    writer.add("intents", "mlqa", 1, {"en": 0.4}, metric="exact_match", **rule)
    (one,) = rows(writer.root, "task_score", intermediate="intents")
    assert (one["value"], one["zero_shot"], one["gap"]) == (pytest.approx(0.5), None, None)
    writer.add("mini-nli", "mlqa", 0, {"en": 0.9, "de": 0.8}, metric="f1", **rule)
    writer.add("mini-nli", "mlqa", 1, {"de": 0.4, "hi": 0.2}, metric="exact_match", **rule)
    (one,) = rows(writer.root, "task_score", intermediate="mini-nli")
    assert (one["value"], one["zero_shot"], one["gap"]) == (pytest.approx(0.575), pytest.approx(0.55), None)


def test_retrieval_that_was_trained_in_none_is_of_the_system_that_was_trained_elsewhere(writer: Writer) -> None:
    """As data/published/retrieval-jiant.csv has it; what needs training is of no system that was trained."""
    needs_none = ("bucc2018", "tatoeba")
    for task in all_tasks():
        for metric in ((task.metric, "exact_match") if task.family == "qa" else (task.metric,)) if "xtreme" in task.suites else ():
            for trained in ("en", "de") if task.name not in needs_none else ("none",):
                said: dict[str, Any] = {"metric": metric, "train_language": trained, "kind": "external", "source": "p", "scorer": "unknown"}
                writer.add("none", task.name, None, dict.fromkeys(task.languages, 0.5 if trained == "en" else 0.3), **said)
    found = {r["train_language"]: r for r in rows(writer.root, "suite_mean", suite="xtreme", rule="official")}
    assert {code: (r["tasks"], r["task_mean"]) for code, r in found.items()} == {
        "en": (9, pytest.approx((7 * 0.5 + 2 * 0.3) / 9)),
        "de": (9, pytest.approx(0.3)),
    }
    assert {code: r["tasks_zero_shot"] for code, r in found.items()} == {"en": 9, "de": 7}  # retrieval is over de, not over en
    groups = rows(writer.root, "group_mean", suite="xtreme", rule="official", task_group="retrieval")
    assert {g["train_language"]: g["value"] for g in groups} == {"en": pytest.approx(0.3), "de": pytest.approx(0.3)}
    # Alone it stays as it is stored, and beside the same task, stored as trained in en, too.
    of_none = said | {"metric": "accuracy", "train_language": "none"}
    writer.add("mlm", "tatoeba", None, {"de": 0.4}, **of_none)
    writer.add("mlm", "xnli", None, {"de": 0.4}, **of_none)
    (alone,) = rows(writer.root, "suite_task_score", suite="xtreme", rule="official", intermediate="mlm", target="xnli")
    assert alone["train_language"] == "none"
    writer.add("mlm", "tatoeba", None, {"de": 0.4}, **of_none | {"train_language": "en"})
    both = rows(writer.root, "suite_task_score", suite="xtreme", rule="official", intermediate="mlm")
    assert sorted((r["target"], r["train_language"], r["ambiguous"]) for r in both) == [
        ("tatoeba", "en", False), ("tatoeba", "none", False), ("xnli", "none", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        {"dataset_revision": "r2"}, {"target_revision": "r2"}, {"scorer": "s-2"}, {"metric": "f1"}, {"split": "dev"}, {"train_language": "fr"},
        {"model_revision": "2"}, {"intermediate_revision": "2"}, {"recipe_id": "other"}, {"stack": "other"}, {"source_version": "2"},
        {"relationship": "third party"}, {"kind": "external"},
    ],
    ids="+".join,
)  # fmt: skip
def test_a_mean_over_seeds_is_of_one_system_and_column(other: dict[str, Any], writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.4}, n=100)
    writer.add("none", "mini-ner", 1, {"de": 0.5}, n=90)
    writer.add("none", "mini-ner", 2, {"de": 0.9}, n=80, **other)
    found = [(r["value"], r["seeds"], r["n"]) for r in rows(writer.root, "language_score")]
    assert sorted(found) == [(pytest.approx(0.45), 2, 90), (0.9, 1, 80)]


def test_a_task_on_several_revisions_is_not_in_what_is_available(writer: Writer) -> None:
    for revision, value in (("r", 0.4), ("r2", 0.6)):
        right = dict.fromkeys(load_task("tatoeba").languages, value)
        writer.add("none", "tatoeba", 0, right, dataset_revision=revision, target_revision=revision)
    writer.add("none", "bucc2018", 0, dict.fromkeys(load_task("bucc2018").languages, 0.9), metric="f1", scorer="mining-f1-1")
    (group,) = rows(writer.root, "group_mean", suite="xtreme", rule="official", task_group="retrieval")
    (suite,) = rows(writer.root, "suite_mean", suite="xtreme", rule="official")
    for row in (group, suite):
        assert (row["available_mean"], row["tasks"], row["targets"]) == (pytest.approx(0.9), 1, "bucc2018 tatoeba")


def test_unknown_seeds_pair_with_unknown_seeds(writer: Writer) -> None:
    writer.add("none", "mini-ner", None, {"de": 0.4}, kind="external", source="p")
    writer.add("intents", "mini-ner", None, {"de": 0.5}, kind="external", source="p")
    (found,) = rows(writer.root, "transfer_delta")
    assert found["delta"] == pytest.approx(0.1)


def test_leaderboard_averages_languages_of_seed_means_with_support(two_seeds: Writer) -> None:
    found = {r["intermediate"]: r for r in rows(two_seeds.root, "leaderboard")}
    # none: en (.80 + .82)/2 = .81, de .62, hi .41; mean .61333; zero-shot (.62 + .41)/2
    assert found["none"]["value"] == pytest.approx((0.81 + 0.62 + 0.41) / 3)
    assert found["none"]["zero_shot"] == pytest.approx(0.515)
    # over seeds: seed 0 mean .6, seed 1 mean 1.88/3
    assert found["none"]["seed_sd"] == pytest.approx(abs(0.6 - 1.88 / 3) / 2**0.5)
    assert (found["none"]["languages"], found["none"]["languages_expected"], found["none"]["complete"]) == (3, 10, False)
    assert (found["none"]["seeds"], found["none"]["n"]) == (2, 300)


@pytest.mark.parametrize(("selection", "zero_shot"), [("last step", 0.5), ("train-language", 0.5), ("target-languages", None), (None, 0.5)])
def test_what_was_selected_on_target_languages_is_not_zero_shot(selection: str | None, zero_shot: float | None, writer: Writer) -> None:
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {"en": 0.8, "de": 0.6, "hi": 0.4}, selection=selection)
    (found,) = rows(writer.root, "leaderboard")
    assert found["zero_shot"] == (None if zero_shot is None else pytest.approx(zero_shot))
    assert (found["selection"], found["value"]) == (selection, pytest.approx(0.6))


@pytest.mark.parametrize("side", ["none", "intents"])
def test_a_mean_with_one_run_that_was_selected_on_target_languages_is_not_called_zero_shot(side: str, writer: Writer) -> None:
    for seed in (0, 1):
        for intermediate, value in (("none", 0.5), ("intents", 0.6)):
            selection = "target-languages" if (intermediate, seed) == (side, 1) else "train-language"
            writer.add(intermediate, "mini-ner", seed, {"en": 0.8, "de": value, "hi": value}, selection=selection)
        writer.add("mini-nli", "mini-pos", seed, {"de": 0.7}, selection="last step")
        writer.add("none", "mini-pos", seed, {"de": 0.5}, selection=None)
    found = {r["target"]: (r["mean"], r["selection"], r["delta"]) for r in rows(writer.root, "transfer_mean")}
    assert found == {
        "mini-ner": ("mean, not zero-shot", "target-languages", pytest.approx(0.1)),
        "mini-pos": ("zero-shot mean", "last step", pytest.approx(0.2)),
    }
    assert {r["selection"] for r in rows(writer.root, "transfer_summary", target="mini-ner")} == {"target-languages"}
    board = {r["intermediate"]: (r["zero_shot"], r["selection"]) for r in rows(writer.root, "leaderboard", target="mini-ner")}
    other = "intents" if side == "none" else "none"
    assert board == {
        side: (None, "target-languages"),
        other: (pytest.approx({"none": 0.5, "intents": 0.6}[other]), "train-language"),
    }


@pytest.mark.parametrize(("trained", "zero_shot", "labelled"), [("de+en", 0.4, 0.7), ("unknown", None, None), ("none", 0.6, None)])
def test_no_language_that_was_trained_on_is_zero_shot(
    trained: str, zero_shot: float | None, labelled: float | None, writer: Writer
) -> None:
    """Of several training languages none is zero-shot; where they are unknown, it is unknown which are; without training, all are."""
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {"en": 0.8, "de": 0.6, "hi": 0.4}, train_language=trained)
        writer.add("intents", "mini-ner", seed, {"en": 0.8, "de": 0.8, "hi": 0.5}, train_language=trained)
    (found,) = rows(writer.root, "leaderboard", intermediate="none")
    assert (found["zero_shot"], found["trained"]) == (pytest.approx(zero_shot), pytest.approx(labelled))
    means = {m["languages"]: (m["delta"], m["languages_expected"], m["languages_up"]) for m in rows(writer.root, "transfer_mean")}
    # hi alone: .1, one of the eight others of mini-ner's ten; all three: (0 + .2 + .1) / 3
    assert means == {"de+en": {1: (pytest.approx(0.1), 8, 1)}, "unknown": {}, "none": {3: (pytest.approx(0.1), 10, 2)}}[trained]
    gaps = [g["gap"] for g in rows(writer.root, "language_gap", intermediate="none", seed=0)]
    assert gaps == ([pytest.approx((0.8 + 0.6) / 2 - 0.4)] if trained == "de+en" else [])


def test_language_score_is_the_mean_over_seeds(two_seeds: Writer) -> None:
    found = {(r["intermediate"], r["language"]): r for r in rows(two_seeds.root, "language_score")}
    assert len(found) == 6
    assert found["none", "en"]["value"] == pytest.approx((0.80 + 0.82) / 2)
    assert found["none", "en"]["seed_sd"] == pytest.approx(0.02 / 2**0.5)
    assert (found["intents", "hi"]["value"], found["intents", "hi"]["seeds"], found["intents", "hi"]["n"]) == (pytest.approx(0.33), 2, 100)


def test_leaderboard_is_complete_when_every_language_is_there(writer: Writer) -> None:
    from xbench.task import load_task

    writer.add("none", "mini-ner", 0, dict.fromkeys(load_task("mini-ner").languages, 0.5))
    writer.add("none", "not-a-task-of-ours", 0, {"de": 0.5})
    found = {r["target"]: r for r in rows(writer.root, "leaderboard")}
    assert (found["mini-ner"]["complete"], found["mini-ner"]["value"]) == (True, 0.5)
    assert (found["not-a-task-of-ours"]["complete"], found["not-a-task-of-ours"]["languages_expected"]) == (False, None)


def test_averages_are_over_the_languages_of_the_task(writer: Writer) -> None:
    """Ten languages are not all ten of mini-ner, if one of them is another: it counts neither in the value nor in the support."""
    from xbench.task import load_task

    nine = [code for code in load_task("mini-ner").languages if code != "sw"]
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {**dict.fromkeys(nine, 0.5), "ru": 0.9}, metric="f1")
        writer.add("intents", "mini-ner", seed, {**dict.fromkeys(nine, 0.6), "ru": 0.2}, metric="f1")
    table: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate"}
    writer.add("none", "mini-ner", None, {"mul": 0.7}, language_set=" ".join(sorted([*nine, "ru"])), **table)
    writer.add("none", "mini-ner", None, {"mul": 0.7}, language_set=" ".join(sorted([*nine, "sw"])), stack="other", **table)
    found = rows(writer.root, "leaderboard", intermediate="none")
    assert [(r["value"], r["languages"], r["complete"]) for r in found if r["source"] == "xbench"] == [(0.5, 9, False)]
    assert {(r["stack"], r["languages"], r["complete"]) for r in found if r["source"] == "p"} == {
        ("xbench", 10, False),
        ("other", 10, True),
    }
    assert [r["complete"] for r in rows(writer.root, "task_score", source="xbench")] == [False, False]
    assert [(r["status"], r["languages"]) for r in rows(writer.root, "coverage", intermediate="none")] == [("partial", 9)]
    (mean,) = rows(writer.root, "transfer_mean")
    # eight zero-shot languages, each up by .1
    assert (mean["delta"], mean["languages"], mean["languages_up"], mean["languages_down"]) == (pytest.approx(0.1), 8, 8, 0)


def test_seeds_with_as_many_other_languages_do_not_mix(writer: Writer) -> None:
    """de and hi in two seeds, de and fi in one: the mean and its spread are over the two."""
    for seed, other, gain in ((0, "hi", 0.1), (1, "hi", 0.3), (2, "fi", 0.9)):
        writer.add("none", "mini-ner", seed, {"de": 0.0, other: 0.0})
        writer.add("intents", "mini-ner", seed, {"de": gain, other: gain})
    # In a seed that the mean leaves out one of its languages falls: both rise in the seeds that it is over.
    writer.add("none", "mini-ner", 3, {"de": 0.5})
    writer.add("intents", "mini-ner", 3, {"de": 0.4})
    (mean,) = rows(writer.root, "transfer_mean")
    assert (mean["delta"], mean["seeds"], mean["languages"]) == (pytest.approx(0.2), 2, 2)
    assert (mean["languages_up"], mean["languages_down"]) == (2, 0)
    (found,) = rows(writer.root, "leaderboard", intermediate="intents")
    assert found["seed_sd"] == pytest.approx(0.02**0.5)  # of .1 and .3


def test_the_halves_of_two_runs_are_no_whole(writer: Writer) -> None:
    """Every language is in some run and none has all: the mean is there, and is not complete. One run that has all makes it so."""
    codes = load_task("mini-ner").languages
    for seed, own in ((0, codes[:5]), (1, codes[5:]), (1, codes[:5])):
        writer.add(
            "none", "mini-ner", seed, dict.fromkeys(own, 0.5 + seed / 10), study=json.dumps({"languages": len(own), "first": own[0]})
        )
    (found,) = rows(writer.root, "leaderboard")
    assert (found["languages"], found["languages_expected"], found["complete"], found["seeds"]) == (10, 10, False, 1)
    assert found["value"] == pytest.approx((5 * 0.55 + 5 * 0.6) / 10)
    writer.add("none", "mini-ner", 2, dict.fromkeys(codes, 0.5))
    assert [(r["languages"], r["complete"]) for r in rows(writer.root, "leaderboard")] == [(10, True)]


def test_two_runs_of_one_seed_are_one_seed_in_the_spread(writer: Writer) -> None:
    """Seed 0 has .4 and .6, so .5; seed 1 has .9: the spread is of .5 and .9, not of the four scores of seed 0 as if they were languages."""
    for seed, name, value in ((0, "a", 0.4), (0, "b", 0.6), (1, "a", 0.9)):
        writer.add("none", "mini-ner", seed, {"de": value, "hi": value}, study=json.dumps({"name": name}))
    (found,) = rows(writer.root, "leaderboard")
    assert (found["seed_sd"], found["seeds"], found["languages"]) == (pytest.approx(0.4 / 2**0.5), 2, 2)


def test_of_several_training_languages_all_are_there_or_there_is_no_mean_of_them(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.6, "hi": 0.4}, train_language="de+en")
    writer.add("none", "mini-pos", 0, {"de": 0.6, "en": 0.8, "hi": 0.4}, train_language="de+en")
    found = {r["target"]: (r["trained"], r["zero_shot"]) for r in rows(writer.root, "leaderboard")}
    assert found == {"mini-ner": (None, 0.4), "mini-pos": (pytest.approx(0.7), 0.4)}


def test_examples_that_are_unknown_of_a_language_are_not_counted_as_none(writer: Writer) -> None:
    aggregate: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate"}
    name = writer.add("none", "mini-ner", None, {"de": 0.6, "hi": 0.4}, **aggregate)
    assert [r["n"] for r in rows(writer.root, "leaderboard")] == [200]
    (path,) = (writer.root / "score").glob(f"*{name}*.parquet")
    table = pq.read_table(path)
    place = table.column_names.index("n")
    pq.write_table(table.set_column(place, table.field(place), pa.array([100, None], pa.int64())), path)
    assert [r["n"] for r in rows(writer.root, "leaderboard")] == [None]


def test_a_run_without_a_baseline_says_nothing_about_the_delta(writer: Writer) -> None:
    """Seed 1 has no direct baseline: neither its fewer examples nor how it was selected are those of the delta, which is of seed 0."""
    writer.add("none", "mini-ner", 0, {"de": 0.5}, selection="train-language")
    writer.add("intents", "mini-ner", 0, {"de": 0.6}, selection="train-language")
    writer.add("intents", "mini-ner", 1, {"de": 0.9}, selection="target-languages", n=7)
    (found,) = rows(writer.root, "transfer_summary")
    assert (found["delta"], found["seeds"], found["seeds_without_baseline"]) == (pytest.approx(0.1), 1, 1)
    assert (found["n"], found["selection"]) == (100, "train-language")
    writer.add("mini-pos", "mini-ner", 1, {"de": 0.9}, selection="target-languages", n=7)
    (found,) = rows(writer.root, "transfer_summary", intermediate="mini-pos")
    assert (found["delta"], found["n"], found["selection"]) == (None, 7, "target-languages")


def test_rows_that_tie_have_an_order(writer: Writer) -> None:
    """Two systems that differ in the recipe alone, and have one value."""
    for recipe in ("b", "c", "a"):
        writer.add("none", "mini-ner", 0, {"de": 0.5, "hi": 0.5}, recipe_id=recipe)
    assert [r["recipe_id"] for r in board.leaderboard(writer.root)] == ["a", "b", "c"]
    assert [r["recipe_id"] for r in board.scores(writer.root, language="hi")] == ["a", "b", "c"]


def test_languages_that_rise_in_one_seed_and_fall_in_another_are_neither(writer: Writer) -> None:
    for seed, de, hi, fr in ((0, 0.1, -0.1, 0.2), (1, -0.1, -0.2, 0.3)):
        writer.add("none", "mini-ner", seed, dict.fromkeys(("de", "hi", "fi"), 0.5))
        writer.add("intents", "mini-ner", seed, {"de": 0.5 + de, "hi": 0.5 + hi, "fi": 0.5 + fr})
    (mean,) = rows(writer.root, "transfer_mean")
    assert (mean["languages"], mean["languages_up"], mean["languages_down"]) == (3, 1, 1)


def test_language_gap_is_within_a_run(two_seeds: Writer) -> None:
    found = {(r["intermediate"], r["language"], r["seed"]): r["gap"] for r in rows(two_seeds.root, "language_gap")}
    assert len(found) == 8
    assert found["none", "hi", 1] == pytest.approx(0.82 - 0.42)
    assert found["intents", "de", 0] == pytest.approx(0.81 - 0.63)


def test_coverage_lists_what_is_missing(two_seeds: Writer) -> None:
    two_seeds.add("none", "intents", 0, {"de": 0.5})
    two_seeds.add("mini-pos", "intents", 0, {"de": 0.5})
    two_seeds.add("intents@de", "mini-ner", 0, {"de": 0.5})  # and never intents: it is its own
    found = {(r["intermediate"], r["target"]): (r["status"], r["seeds"], r["languages"]) for r in rows(two_seeds.root, "coverage")}
    assert found == {
        ("none", "mini-ner"): ("partial", 2, 3),
        ("intents", "mini-ner"): ("partial", 2, 3),
        ("intents@de", "mini-ner"): ("partial", 1, 1),
        ("mini-pos", "mini-ner"): ("missing", 0, 0),
        ("none", "intents"): ("partial", 1, 1),
        ("mini-pos", "intents"): ("partial", 1, 1),
    }


def test_coverage_has_no_mixture_before_a_part_of_it_in_another_language(writer: Writer) -> None:
    writer.add("mini-multi", "mini-ner", 0, {"de": 0.5})
    writer.add("mini-pos", "intents", 0, {"de": 0.5}, train_language="de")

    def found() -> set[tuple[str, str]]:
        return {(r["intermediate"], r["target"]) for r in rows(writer.root, "coverage")}

    assert found() == {("mini-multi", "mini-ner"), ("mini-pos", "mini-ner"), ("mini-pos", "intents")}
    writer.add("mini-multi", "intents", 0, {"de": 0.5}, train_language="de")  # as it was once planned
    assert found() == {("mini-multi", "mini-ner"), ("mini-pos", "mini-ner"), ("mini-pos", "intents")}
    writer.add("mini-pos", "intents", 0, {"de": 0.5})
    assert found() == {("mini-multi", "mini-ner"), ("mini-pos", "mini-ner"), ("mini-pos", "intents"), ("mini-multi", "intents")}
    missing = next(r for r in rows(writer.root, "coverage") if (r["intermediate"], r["target"]) == ("mini-multi", "intents"))
    assert (missing["status"], missing["seeds"]) == ("missing", 0)


def test_coverage_has_a_mixture_before_a_part_of_it_where_no_language_is_said(writer: Writer) -> None:
    table: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate", "train_language": "unknown"}
    writer.add("mini-multi", "intents", None, {"de": 0.5}, **table)
    found = {(r["intermediate"], r["target"]): (r["status"], r["languages"]) for r in rows(writer.root, "coverage")}
    assert found == {("mini-multi", "intents"): ("partial", 1)}


def test_names_of_one_task_are_told_alike_in_views_and_in_python(writer: Writer) -> None:
    names = ["udpos", "udpos@de", "xtreme-r-udpos", "xtreme-r-udpos@de", "of-xtreme-r-udpos", "xtreme-r", "intents@de+es"]
    with store.reading(writer.root) as con:
        said = [row[0] for row in con.execute("SELECT base_task(unnest(?))", [names]).fetchall()]
    assert said == [base_task(name) for name in names] == [*["udpos"] * 4, "of-xtreme-r-udpos", "xtreme-r", "intents"]


def test_the_halves_of_two_systems_are_no_whole(writer: Writer) -> None:
    """Five languages under one recipe with two seeds, the other five under another: half of it is there, as the leaderboard says."""
    from xbench.task import load_task

    codes = load_task("mini-pos").languages
    assert len(codes) == 10
    for seed in (0, 1):
        writer.add("none", "mini-pos", seed, dict.fromkeys(codes[:5], 0.5))
    for seed in (2, 3, 4):
        writer.add("none", "mini-pos", seed, dict.fromkeys(codes[5:9], 0.5), recipe_id="other")
    writer.add("none", "mini-pos", 5, dict.fromkeys(codes[5:], 0.5), recipe_id="other")
    assert [(r["languages"], r["complete"]) for r in rows(writer.root, "leaderboard")] == [(5, False)] * 2
    assert [(r["status"], r["languages"], r["seeds"]) for r in rows(writer.root, "coverage")] == [("partial", 5, 2)]


@pytest.mark.parametrize("view", sorted(p.stem for p in template.VIEWS.glob("*.sql")))
def test_every_view_says_what_a_row_means_and_opens_on_nothing(view: str, tmp_path: Path) -> None:
    assert (template.VIEWS / f"{view}.sql").read_text(encoding="utf-8").startswith("-- One row a")
    assert rows(tmp_path, view) == []


def test_asking_again_gives_the_same_numbers_to_the_bit(writer: Writer) -> None:
    """Averages are taken in a fixed order: a sum of floats must not depend on which thread came first."""
    for seed in range(3):
        for intermediate in ("none", "intents"):
            writer.add(
                intermediate, "mini-ner", seed, {code: (7 * i + 3 * seed + len(intermediate)) / 97 for i, code in enumerate("abcdefghij")}
            )
    for view in ("leaderboard", "language_score", "transfer_summary", "transfer_mean"):
        first = sorted(map(str, rows(writer.root, view)))
        assert all(sorted(map(str, rows(writer.root, view))) == first for _ in range(4))


def xtreme(
    writer: Writer, target: str, scorer: str, value: float, languages: list[str] | None = None, metric: str = "accuracy", **more: Any
) -> None:
    """The same value in every language of a task, English 0.1 higher."""
    from xbench.task import load_task

    codes = languages or list(load_task(target).languages)
    values = {code: value + 0.1 * (code == "en") for code in codes}
    writer.add("none", target, 0, values, metric=metric, scorer=scorer, **more)


def test_a_task_score_is_the_mean_of_exact_match_and_f1_for_questions(writer: Writer) -> None:
    xtreme(writer, "tydiqa", "squad-1", 0.5, metric="f1")
    xtreme(writer, "mlqa", "mlqa-1", 0.5, metric="f1")
    xtreme(writer, "mlqa", "mlqa-1", 0.3, metric="exact_match")
    xtreme(writer, "pawsx", "accuracy-1", 0.7, ["de", "en"])
    found = {r["target"]: r for r in rows(writer.root, "task_score")}
    assert (found["tydiqa"]["value"], found["tydiqa"]["complete"], found["tydiqa"]["metrics"]) == (None, False, "f1")  # half of it
    # mlqa, 7 languages with English 0.1 higher: F1 (7 x 0.5 + 0.1) / 7, EM (7 x 0.3 + 0.1) / 7
    assert found["mlqa"]["value"] == pytest.approx(((3.5 + 0.1) / 7 + (2.1 + 0.1) / 7) / 2)
    assert found["mlqa"]["zero_shot"] == pytest.approx((0.5 + 0.3) / 2)
    assert found["mlqa"]["gap"] == pytest.approx(0.1)
    assert found["mlqa"]["complete"]
    assert (found["pawsx"]["languages"], found["pawsx"]["languages_expected"], found["pawsx"]["complete"]) == (2, 7, False)
    assert found["pawsx"]["value"] == pytest.approx((0.7 + 0.8) / 2)


def test_group_and_suite_means_are_given_only_when_complete(writer: Writer) -> None:
    xtreme(writer, "bucc2018", "mining-f1-1", 0.6, metric="f1")
    xtreme(writer, "tatoeba", "accuracy-1", 0.4)
    xtreme(writer, "xnli", "accuracy-1", 0.7)
    xtreme(writer, "pawsx", "accuracy-1", 0.8, ["de", "en"])
    groups = {g["task_group"]: g for g in rows(writer.root, "group_mean", suite="xtreme", rule="official")}
    assert groups["retrieval"]["value"] == pytest.approx((0.6 + 0.4) / 2)
    # pawsx lacks five languages, so there is no mean, only what is there: xnli (15 x 0.7 + 0.1) / 15, pawsx (0.8 + 0.9) / 2
    assert (groups["classification"]["value"], groups["classification"]["tasks"], groups["classification"]["tasks_expected"]) == (
        None,
        1,
        2,
    )
    assert groups["classification"]["available_mean"] == pytest.approx((10.6 / 15 + 0.85) / 2)
    (suite,) = rows(writer.root, "suite_mean", suite="xtreme", rule="official")
    assert (suite["task_mean"], suite["group_mean"], suite["tasks"], suite["tasks_expected"]) == (None, None, 3, 9)
    assert suite["targets"] == "bucc2018 pawsx tatoeba xnli"


def test_two_data_revisions_of_a_task_make_an_average_ambiguous(writer: Writer) -> None:
    xtreme(writer, "bucc2018", "mining-f1-1", 0.6, metric="f1")
    xtreme(writer, "tatoeba", "accuracy-1", 0.4)
    xtreme(writer, "tatoeba", "accuracy-1", 0.5, dataset_revision="other")
    (group,) = rows(writer.root, "group_mean", suite="xtreme", rule="official")
    assert (group["value"], group["tasks"]) == (None, 1)


def test_the_rule_decides_which_scorer_counts(writer: Writer) -> None:
    xtreme(writer, "udpos", "pos-chunk-f1-seqeval-0.0.12-1", 0.5, metric="f1")
    xtreme(writer, "udpos", "pos-chunk-f1-seqeval-1-seqeval-1.2.2-1", 0.6, metric="f1")
    xtreme(writer, "udpos", "token-accuracy-1", 0.9)
    found = {r["rule"]: r for r in rows(writer.root, "suite_task_score", suite="xtreme")}
    assert {rule: round(r["zero_shot"], 12) for rule, r in found.items()} == {"official": 0.5, "seqeval-1.2.2": 0.6}
    # a source that does not name its scorer takes part as it is
    xtreme(writer, "panx", "unknown", 0.3, metric="f1", source="a table")
    assert {r["rule"] for r in rows(writer.root, "suite_task_score", suite="xtreme", target="panx")} == {"official", "seqeval-1.2.2"}


def test_keys_of_comparability(writer: Writer) -> None:
    """Each condition makes another key; what is measured makes another column; seeds, models and intermediates do not."""
    same: dict[str, Any] = {"target": "mini-ner", "seed": 0, "values": {"de": 0.4}}
    variants: dict[str, dict[str, Any]] = {
        "base": {}, "seed": {"seed": 1}, "model": {"model": "other"}, "source": {"source": "other"},
        "scorer": {"scorer": "s-2"}, "metric": {"metric": "f1"}, "split": {"split": "dev"}, "revision": {"dataset_revision": "r2", "target_revision": "r2"},
        "target": {"target": "mini-pos"},
        "recipe": {"recipe_id": "other"}, "stack": {"stack": "other"}, "train_language": {"train_language": "de"},
    }  # fmt: skip
    keys = {}
    for name, change in variants.items():
        said = {**same, **change}
        run = writer.add("none", said.pop("target"), said.pop("seed"), said.pop("values"), **said)
        con = store.connect(writer.root)
        keys[name] = con.execute("SELECT task_key, comparability_key FROM result WHERE run_id = ?", [run]).fetchone()
        con.close()
    measured, trained = ("scorer", "metric", "split", "revision", "target"), ("recipe", "stack", "train_language")
    assert all(keys[name] == keys["base"] for name in ("seed", "model", "source"))
    assert len({keys[name][0] for name in ("base", *measured)}) == 6
    assert {keys[name][0] for name in trained} == {keys["base"][0]}
    assert len({keys[name][1] for name in ("base", *measured, *trained)}) == 9


def test_a_zero_shot_mean_over_fewer_parts_is_none(writer: Writer) -> None:
    """Means as printed have no zero-shot part: three tasks of nine, or one of two in a group, are not the whole."""
    said: dict[str, Any] = {"kind": "external", "source": "a paper", "evidence": "aggregate", "scorer": "unknown"}
    for task in all_tasks():
        for metric in ((task.metric, "exact_match") if task.family == "qa" else (task.metric,)) if "xtreme" in task.suites else ():
            if task.name in ("xnli", "pawsx", "udpos"):
                writer.add("none", task.name, None, dict.fromkeys(task.languages, 0.5), metric=metric, **said)
            else:
                writer.add("none", task.name, None, {"mul": 0.7}, metric=metric, language_set=" ".join(sorted(task.languages)), **said)
    (suite,) = rows(writer.root, "suite_mean", suite="xtreme", rule="official")
    assert suite["task_mean"] == pytest.approx((3 * 0.5 + 6 * 0.7) / 9) and suite["task_mean_zero_shot"] is None
    assert (suite["tasks"], suite["tasks_zero_shot"]) == (9, 3)
    groups = {g["task_group"]: g["zero_shot"] for g in rows(writer.root, "group_mean", suite="xtreme", rule="official")}
    assert groups == {"classification": pytest.approx(0.5), "qa": None, "retrieval": None, "tagging": None}


def test_questions_are_not_averaged_over_f1_of_some_languages_and_exact_match_of_others(writer: Writer) -> None:
    codes = load_task("mlqa").languages
    said: dict[str, Any] = {"kind": "external", "source": "a paper", "evidence": "aggregate", "scorer": "unknown"}
    writer.add("none", "mlqa", None, dict.fromkeys(codes, 0.6) | {"en": 0.8}, metric="f1", **said)
    writer.add("none", "mlqa", None, {"mul": 0.42}, metric="exact_match", language_set=" ".join(sorted(codes)), **said)
    (found,) = rows(writer.root, "task_score")
    assert (found["zero_shot"], found["gap"]) == (None, None)  # those of F1 alone
    writer.add("intents", "mlqa", None, {"en": 0.8}, metric="f1", **said)
    for metric, value in (("f1", 0.60), ("exact_match", 0.42)):
        writer.add("intents", "mlqa", None, {"mul": value}, metric=metric, language_set=" ".join(sorted(codes)), **said)
    (found,) = rows(writer.root, "task_score", intermediate="intents")
    assert (found["value"], found["complete"]) == (pytest.approx(0.51), True)


def test_a_task_score_is_as_complete_as_its_metric_that_is_least(writer: Writer) -> None:
    codes = load_task("mlqa").languages
    writer.add("none", "mlqa", 0, dict.fromkeys(codes, 0.6), metric="f1", scorer="mlqa-1")
    writer.add("none", "mlqa", 1, dict.fromkeys(codes, 0.6), metric="f1", scorer="mlqa-1")
    writer.add("none", "mlqa", 0, dict.fromkeys(codes[:5], 0.4), metric="exact_match", scorer="mlqa-1")
    (found,) = rows(writer.root, "task_score")
    assert (found["complete"], found["languages"], found["seeds"]) == (False, 5, 1)


def test_development_scores_cover_no_cell(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, dict.fromkeys(load_task("mini-ner").languages, 0.5), split="dev")
    assert [r["status"] for r in rows(writer.root, "coverage")] == ["missing"]


def test_a_transfer_mean_is_over_most_languages_rather_than_most_seeds(writer: Writer) -> None:
    for seed, codes in ((0, ("de", "hi")), (1, ("de",)), (2, ("de",))):
        writer.add("none", "mini-ner", seed, dict.fromkeys(codes, 0.5))
        writer.add("intents", "mini-ner", seed, dict.fromkeys(codes, 0.6 + 0.1 * seed))
    (mean,) = rows(writer.root, "transfer_mean")
    assert (mean["languages"], mean["seeds"], mean["delta"]) == (2, 1, pytest.approx(0.1))


def test_a_gap_takes_all_training_languages(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.6, "hi": 0.4}, train_language="de+en")
    assert rows(writer.root, "language_gap") == []


@pytest.mark.parametrize("change", [{"model_revision": "b"}, {"recipe_id": "B"}, {"train_language": "de"}, {"intermediate_revision": "b"}])
def test_two_systems_are_not_ambiguous(change: dict[str, str], writer: Writer) -> None:
    for own in ({}, change):
        xtreme(writer, "tatoeba", "accuracy-1", 0.4, **own)
    found = rows(writer.root, "suite_task_score", suite="xtreme", rule="official")
    assert [r["ambiguous"] for r in found] == [False, False]


def test_support_is_that_of_the_least(writer: Writer) -> None:
    for seed, n in ((0, 100), (1, 60)):
        for name in ("none", "intents"):
            writer.add(name, "mini-ner", seed, {"de": 0.5}, n=n)
    for view, count in (("leaderboard", 2), ("language_score", 2), ("transfer_summary", 1)):
        assert [r["n"] for r in rows(writer.root, view)] == [60] * count
    assert rows(writer.root, "transfer_summary")[0]["seed_known"] is True


def test_unknown_seeds_are_said_to_be_unknown(writer: Writer) -> None:
    for name, value in (("none", 0.4), ("intents", 0.5)):
        writer.add(name, "mini-ner", None, {"de": value}, kind="external", source="p")
    assert rows(writer.root, "transfer_summary")[0]["seed_known"] is False
