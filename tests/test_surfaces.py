"""One question asked in several ways has one answer: on the command line, in Python, in exports and in the app."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.conftest import Writer
from tests.test_comparing import SCORER, answers, put
from xbench import checking, comparing, contrasts, over_tasks, placing, scales, tables, telling, wording
from xbench.errors import StoreError
from xbench.languages import both
from xbench.stats import power
from xbench.ui import common, deltas, maps

TABLE: dict[str, Any] = {"source": "a table", "kind": "external", "scorer": "accuracy-1", "evidence": "aggregate"}


def printed(*words: str, root: Path) -> str:
    from xbench import cli

    found = CliRunner().invoke(cli.app, [*words, "--store", str(root)])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_mean_of_two_systems_is_over_languages_that_neither_was_trained_in(tmp_path: Path) -> None:
    """It left out the training language of the first alone, so that each of two systems was worse than the other."""
    codes = ("de", "en", "hi", "tr")
    values = {}
    for train in ("de", "en"):
        for seed in range(3):
            values[train, seed] = {c: answers(7 * seed + i, 0.9 if c == train else 0.5) for i, c in enumerate(codes)}
            put(tmp_path, "none", seed, values[train, seed], train_language=train)
    one, other = ({"train_language": t} for t in ("de", "en"))
    (mean,) = comparing.compare(tmp_path, one, other, by="mean")
    (turned,) = comparing.compare(tmp_path, other, one, by="mean")
    expected = [np.mean([values[t, s][c].mean() for s in range(3) for c in ("hi", "tr")]) for t in ("de", "en")]
    assert (mean["value"], mean["against_value"]) == pytest.approx(expected)
    assert (mean["delta"], mean["p"], mean["languages"]) == (pytest.approx(-turned["delta"]), pytest.approx(turned["p"]), 2)
    (pair,) = placing.pairs(tmp_path, over="zero-shot")
    assert abs(pair["delta"]) == pytest.approx(abs(mean["delta"]))
    rows = comparing.compare(tmp_path, one, other)
    assert [wording.named(r) for r in rows] == ["de (trained)", "en (trained)", "hi", "tr", "zero-shot mean"]
    assert comparing.sentence(rows).endswith("in all 2 languages")
    assert common.labelled(pd.DataFrame(rows)).tolist() == [True, True, False, False, False]
    for seed in range(3):
        put(tmp_path, "none", seed, {c: answers(seed, 0.5) for c in codes}, target="mini-ner", train_language="de")
        put(tmp_path, "none", seed, {c: answers(seed, 0.9 if c == "en" else 0.5) for c in codes}, target="mini-ner")
    (tasks,) = over_tasks.over_tasks(tmp_path, one, other, suite="tasks")
    assert tasks["delta"] == pytest.approx(mean["delta"] / 2)  # on the second task they are equal in hi and tr
    for seed in range(3):
        put(tmp_path, "none", seed, values["en", seed], train_language="unknown")
    for pair_of in ((one, {"train_language": "unknown"}), ({"train_language": "unknown"}, one)):
        (row,) = comparing.compare(tmp_path, *pair_of, by="mean", target="mini-pos")
        assert row["status"] == f"not testable: {contrasts.UNKNOWN}"


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("en", None, "en"), ("en", "en", "en"), ("en", "de", "en+de"), ("en", "none", "en+none"), ("de+en", "en+fr", "de+en+fr"),
        ("en", "unknown", "unknown"), ("mul", "en", "mul"),
    ],
)  # fmt: skip
def test_training_languages_of_two(first: str, second: str | None, found: str) -> None:
    assert both(first, second) == found


def averages(root: Path) -> dict[tuple[str, int], dict[str, float]]:
    """Averages of two systems on a task in seven languages, three seeds each."""
    writer, rng, values = Writer(root), np.random.default_rng(3), {}
    for name, level in (("none", 0.6), ("mnli", 0.66)):
        for seed in range(3):
            values[name, seed] = {c: round(level + 0.01 * rng.standard_normal(), 3) for c in ("de", "en", "es", "hi", "cs", "tr", "zh")}
            writer.add(name, "mini-nli", seed, values[name, seed], parameters=1000, **TABLE)
    return values


def test_averages_are_asked_for_by_mean_and_by_family(tmp_path: Path) -> None:
    """Every way of asking had a row a language, which stood under the heading of a mean."""
    values = averages(tmp_path)
    unseen = ("de", "es", "hi", "cs", "tr", "zh")
    delta = {c: np.mean([values["mnli", s][c] - values["none", s][c] for s in range(3)]) for c in unseen}
    (mean,) = comparing.compare(tmp_path, by="mean")
    assert (mean["language"], mean["delta"], mean["languages"], mean["seeds"]) == (
        comparing.MEAN, pytest.approx(np.mean(list(delta.values()))), 6, 3,
    )  # fmt: skip
    rows = {r["language"]: r for r in comparing.compare(tmp_path, by="script")}
    assert {r["level"] for r in rows.values()} == {"script", "mean"}
    assert {name: r["languages"] for name, r in rows.items()} == {"Latin": 4, "Devanagari": 1, "Han": 1, comparing.MEAN: 6}
    assert rows["Latin"]["delta"] == pytest.approx(np.mean([delta[c] for c in ("cs", "de", "es", "tr")]))
    assert printed("compare", "--by", "size", root=tmp_path).count("mnli") == 1
    (evidence,) = checking.check(tmp_path, "mnli > none on mini-nli").evidence
    assert evidence.evidence.startswith("mnli less none: mini-nli, zero-shot mean, a table, m, 3 seed(s)")


def test_words_beside_averages_are_of_what_was_done(tmp_path: Path) -> None:
    values = averages(tmp_path)
    text = printed("compare", root=tmp_path)
    assert "seeds and items" not in text and "McNemar" not in text
    p = {
        c: stats.ttest_ind(*([values[n, s][c] for s in range(3)] for n in ("mnli", "none")), equal_var=False).pvalue
        for c in ("de", "en", "es", "hi", "cs", "tr", "zh")
    }
    alone = {r["language"]: r["p_adjusted"] for r in comparing.compare(tmp_path, adjust="none") if r["level"] == "language"}
    assert alone == pytest.approx(p)
    bh = dict(zip(p, stats.false_discovery_control(list(p.values())), strict=True))
    assert {r["language"]: r["p_adjusted"] for r in comparing.compare(tmp_path, adjust="bh") if r["level"] == "language"} == pytest.approx(
        bh
    )
    latex = wording.latex(rows := comparing.compare(tmp_path), "")
    for row in rows:
        assert f"${tables.signed(row['delta'])}$" in latex or rf"\textbf{{${tables.signed(row['delta'])}$}}" in latex
    assert "Welch over seeds" in latex
    single = tmp_path / "one"
    writer = Writer(single)
    for name, value in (("none", 0.6), ("mnli", 0.8)):
        writer.add(name, "mini-nli", None, {"de": value}, **{**TABLE, "n": 400})
    (row,) = [r for r in comparing.compare(single) if r["level"] == "language"]
    assert row["seeds"] is None, "of how many seeds a number without one is the mean is not known"
    text = printed("compare", root=single)
    assert "McNemar" in text and "one seed" not in text
    assert "unknown seeds" in printed("check", "mnli > none on mini-nli in de", root=single)
    for name, value in (("none", 0.6), ("mnli", 0.8)):
        Writer(tmp_path / "en").add(name, "mini-nli", None, {"en": value}, **{**TABLE, "n": 400})
    (row,) = comparing.compare(tmp_path / "en", by="mean")
    assert row["status"] == "not testable: no zero-shot language"


def test_captions_say_what_their_intervals_are(tmp_path: Path) -> None:
    for seed in range(3):
        for i, name in enumerate(("none", "intents")):
            put(tmp_path, name, seed, {c: answers(10 * i + seed + k, 0.5 + 0.2 * i) for k, c in enumerate(("de", "hi"))})
    assert "intervals: each of its row alone" in printed("compare", "--latex", root=tmp_path)
    joint = printed("compare", "--latex", "--adjust", "max-t", root=tmp_path)
    assert "intervals: those of languages hold together, over items alone" in joint
    assert "\nfamily & baseline" in printed("compare", "--latex", "--by", "family", root=tmp_path)


def two_tasks(root: Path) -> None:
    """A gain of nothing on two tasks of one suite, in all their languages."""
    from xbench.task import load_task

    for target, scorer in (("pawsx", "accuracy-1"), ("xnli", "accuracy-1")):
        for seed in range(4):
            for i, name in enumerate(("none", "intents")):
                right = {c: answers(100 * seed + 10 * i + k, 0.5, 150) for k, c in enumerate(load_task(target).languages)}
                put(root, name, seed, right, target=target, scorer=scorer)


def test_averages_over_tasks_have_names_and_a_margin(tmp_path: Path) -> None:
    """Three averages were called alike, and none was tested for a difference that is too small to matter."""
    two_tasks(tmp_path)
    text = " ".join(printed("compare", "--by", "task", "--margin", "10", root=tmp_path).split())
    assert "mean of 2 of 2 tasks: pawsx xnli" in text
    assert "xtreme, all languages: mean" in text and "xtreme: classification, all languages: mean" in text
    assert "p equal" in text
    for row in over_tasks.over_tasks(tmp_path, margin=0.1):
        half = stats.t.sf((0.1 - abs(row["delta"])) / row["se"], row["df"])
        assert (row["margin"], row["p_equivalent"]) == (0.1, pytest.approx(half))
        assert row["verdict"] == ("equivalent" if half <= 0.05 else "unresolved")
    assert {r["p_equivalent"] for r in over_tasks.over_tasks(tmp_path)} == {None}
    assert [r["target"] for r in over_tasks.over_tasks(tmp_path, metric="accuracy")] == ["tasks"]


def test_sizes_have_a_margin(tmp_path: Path) -> None:
    for model, size in (("m", 1000), ("l", 4000)):
        for seed in range(4):
            for i, name in enumerate(("none", "intents")):
                right = {"de": answers(100 * seed + 10 * i + len(model), 0.5, 300)}
                put(tmp_path, name, seed, right, model=model, parameters=size)
    (row,) = scales.interactions(tmp_path, margin=0.5)
    assert row["p_equivalent"] == pytest.approx(stats.t.sf((0.5 - abs(row["delta"])) / row["se"], row["df"]))
    assert row["verdict"] == "equivalent"
    assert "of interactions and slopes over those of an intermediate task" in printed("compare", "--by", "size", root=tmp_path)
    assert "interactions" not in printed("compare", "--by", "task", root=tmp_path)


def test_equivalence_by_counting_knows_what_a_cluster_can_show() -> None:
    """Of 40 clusters none shows anything: were .2 of the most that each can show true, one at least would with 1 - .8 ** 40."""
    assert power.equivalent(0.0, 0.0, 1.0, 0.2, 40) == pytest.approx(0.8**40)
    assert power.equivalent(0.0, 0.0, 1.0, 0.2, 40, most=2.0) == pytest.approx(0.9**40)
    assert power.equivalent(0.0, 0.0, 1.0, 0.8, 10.5, most=0.6) == 0, "no cluster can show as much"


def test_a_language_that_a_task_does_not_cover_says_that_it_is_in_no_mean(tmp_path: Path) -> None:
    for i, name in enumerate(("none", "intents")):
        right = {code: answers(10 * i + k, 0.5) for k, code in enumerate(("de", "en", "fr"))}
        put(tmp_path, name, 0, right)
        put(tmp_path, name, 0, right, target="theirs")
    rows = comparing.compare(tmp_path, target="mini-pos")
    assert [wording.named(r) for r in rows] == ["de", "en (trained)", "fr (in no mean)", "zero-shot mean"]
    assert deltas.marked(pd.DataFrame(rows))["language"].tolist() == [wording.named(r) for r in rows]
    assert "fr (in no mean)" in printed("compare", "--target", "mini-pos", root=tmp_path)
    assert [wording.named(r) for r in comparing.compare(tmp_path, target="theirs")] == ["de", "en (trained)", "fr", "zero-shot mean"]


def test_what_tells_evidence_apart_is_said(tmp_path: Path) -> None:
    for name in ("A", "B"):
        for seed in range(2):
            for i, arm in enumerate(("none", "intents")):
                put(tmp_path, arm, seed, {"de": answers(10 * i + seed, 0.5)}, recipe_id=name)
    found = [e.evidence for e in checking.check(tmp_path, "intents > none on mini-pos").evidence]
    assert found == [f"intents less none: mini-pos, zero-shot mean, m, recipe id {name}, 2 seed(s)" for name in ("A", "B")]
    text = printed("claims", "sequence-labelling-helps-at-every-size", root=tmp_path)
    assert "mini-pos after intents, m, recipe id A: helps" in text and "m, recipe id B: helps" in text
    assert "PAN-X F1, XLM-R: 65.4" in text and "+65.4" not in text, "a level is no difference"


@pytest.mark.parametrize(
    ("value", "shown", "signed"),
    [
        (0.8125, "81.3", "+81.3"), (0.6075, "60.8", "+60.8"), (0.6075 - 1e-15, "60.8", "+60.8"), (-0.0025, "-0.3", "-0.3"),
        (-0.0004, "-0.0", "-0.0"), (-1e-17, "0.0", "+0.0"), (0.6065, "60.6", "+60.6"), (1.0, "100.0", "+100.0"), (0.12345, "12.3", "+12.3"),
    ],
)  # fmt: skip
def test_halves_are_shown_as_browsers_show_them(value: float, shown: str, signed: str) -> None:
    """Number.prototype.toFixed(1) of 81.25 is 81.3 (ECMA-262: of two nearest the larger), of 60.65, which is a little less, 60.6."""
    assert tables.percent(value) == shown
    assert tables.signed(value) == signed
    assert maps.label(100 * value, "") == signed


def test_an_export_shows_the_digits_and_seeds_that_the_scores_have(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    values = {"de": (0.61, 0.6, 0.625, 0.595), "fi": (0.5825, 0.6025, 0.6275, 0.6175)}
    for seed in range(4):
        writer.add("none", "mini-nli", seed, {code: own[seed] for code, own in values.items()})
    writer.add("none", "mini-nli", 4, {"de": 0.6075})
    text = printed("export", "--format", "markdown", root=tmp_path)
    scores = {r["language"]: r["value"] for r in json.loads(printed("scores", "--json", root=tmp_path))}
    assert tables.percent(scores["fi"]) == "60.8"
    assert "60.8" in text and "60.7" not in text
    assert "mean over 4 to 5 seeds" in text


def test_what_is_said_twice_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    with pytest.raises(StoreError) as caught:
        telling.conditions(["mini-pos,intents", "model=a,model=b"])
    assert list(caught.value.problems) == ["mini-pos,intents: intermediate is said twice", "model=a,model=b: model is said twice"]
    with pytest.raises(StoreError) as caught:
        checking.check(tmp_path, "intents > none on mini-ner on mini-pos in de")
    assert "'on' is said twice" in caught.value.problems


def test_explanations_are_true_of_what_was_tested(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.5)})
    said = wording.explanation(comparing.compare(tmp_path, scorer=SCORER), "holm")
    assert "Examples are matched by id: all runs were tested on the same data." in said
