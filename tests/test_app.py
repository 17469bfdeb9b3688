"""The app, run by streamlit's own test harness: leaderboard, transfer map, links, snapshots, stores that are none, empty or broken."""

import functools
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.conftest import Writer, some_slow
from tests.test_comparing import answers, put
from xbench import board, ingesting, serving, share, study
from xbench.scorer import load_scorer
from xbench.task import load_task
from xbench.ui import common, shell, stores

APP = str(Path(__file__).parent.parent / "app.py")
# Streamlit's harness looks through all installed packages for components each time that a page is drawn: half of what that takes.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
PAGES = [name for name in shell.modules() if name != "add"]


def draw(monkeypatch: pytest.MonkeyPatch, root: Path, page: str, **query: str | list[str]) -> AppTest:
    """A page drawn from a store, with what is computed in the background."""
    st.cache_resource.clear()
    monkeypatch.setenv("XBENCH_STORE", str(root))
    if page == "leaderboard":
        app = AppTest.from_file(APP, default_timeout=60)
    else:
        code = f"from xbench.ui import common\nfrom xbench.ui.pages import {page} as p\nsource = common.open_source()\np.page(source)\n"
        app = AppTest.from_string(code, default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    return settle(app.run())


def settle(app: AppTest) -> AppTest:
    for _ in range(120):
        if not any(c.value.startswith("⏳") for c in app.caption):
            return app
        time.sleep(0.5)
        app.run()
    raise AssertionError("the page is never complete")


@pytest.mark.parametrize(("name", "expected"), [(None, "results"), ("", "results"), ("x y", "x y")])
def test_a_store_without_a_name_is_results(name: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XBENCH_STORE", raising=False)
    if name is not None:
        monkeypatch.setenv("XBENCH_STORE", name)
    assert stores.root() == Path(expected)


def said(app: AppTest, key: str) -> str | None:
    """A parameter of the address; a list in older versions of the harness."""
    value = app.query_params.get(key)
    return value[0] if isinstance(value, list) else value


def columns(root: Path, *targets: str) -> list[str]:
    """What the address calls the columns of these tasks; of all of them, if none is named."""
    found = serving.Snapshot(root).columns().sort_values("column_id")
    labels = common.column_labels(found)
    return labels.tolist() if not targets else [x for t in targets for x in labels[found["target"] == t]]


def choose(app: AppTest, label: str, value: str) -> AppTest:
    (box,) = [b for b in app.selectbox if b.label == label]
    return settle(box.set_value(value).run())


@pytest.fixture
def filled(writer: Writer) -> Writer:
    for seed in (0, 1):
        writer.add("none", "mini-ner", seed, {"en": 0.80, "de": 0.60, "hi": 0.40}, metric="f1", scorer="span-f1-seqeval-default-1")
        writer.add(
            "intents", "mini-ner", seed, {"en": 0.81, "de": 0.63 + seed / 100, "hi": 0.30}, metric="f1", scorer="span-f1-seqeval-default-1"
        )
    return writer


@pytest.mark.parametrize("page", some_slow(PAGES, ["leaderboard", "audit"]))
def test_every_page_without_a_store_shows_the_published_numbers_and_says_so(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw(monkeypatch, tmp_path / "none", page)
    assert not app.exception
    assert not app.error
    assert "published numbers" in app.info[0].value
    assert app.title[0].value == shell.modules()[page].TITLE


def test_the_published_numbers_go_with_the_app(tmp_path: Path) -> None:
    code = "from xbench.ui import stores; print(stores.newest()[0].root)"
    own = {"TMPDIR": str(tmp_path), "XBENCH_STORE": str(tmp_path / "none")}
    root = subprocess.run([sys.executable, "-c", code], env={**os.environ, **own}, capture_output=True, text=True, check=True).stdout
    assert Path(root.strip()).parent == tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("page", some_slow(PAGES, ["leaderboard", "compare", "scale"]))
def test_every_page_of_a_tiny_store(page: str, filled: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, filled.root, page)
    assert not app.exception
    assert not app.error


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published") / "store"
    ingesting.ingest([share.folder("data") / "published"], root)
    return root


# The others are much as without a store.
@pytest.mark.parametrize("page", some_slow(PAGES, ["leaderboard", "transfer", "audit"]))
def test_every_page_of_the_published_numbers(page: str, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, published, page)
    assert not app.exception
    assert not app.error
    assert not app.info or "published numbers" not in app.info[0].value, "it is a store like others"
    assert app.dataframe or app.get("vega_lite_chart") or app.warning or app.info or app.markdown, "there is something to see"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cells of the quickstart, each with its languages, examples and seeds; the answers are drawn, not predicted."""
    root = tmp_path_factory.mktemp("quickstart") / "store"
    asked = study.load_study(study.find_study("quickstart"))
    cells = study.plan(asked, dict.fromkeys(asked.models, "r")).cells
    assert len(cells) == 30
    for number, cell in enumerate(cells):
        task = load_task(cell.target)
        languages = [c for c in task.languages if task.family != "retrieval" or c != "en"]
        rate = 0.7 - 0.2 * (cell.intermediate == "mini-pos")
        right = {c: answers(100 * number + i, rate, 100) for i, c in enumerate(languages)}
        put(
            root, cell.intermediate, cell.seed, right, target=cell.target, metric=task.metric, scorer=load_scorer(task.scorers[0]).signature
        )
    return root


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_quickstart(page: str, quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, quickstart, page)
    assert not app.exception
    assert not app.error
    assert not app.info or "published numbers" not in app.info[0].value
    assert app.dataframe or app.get("vega_lite_chart") or app.warning or page == "audit", "there is something to see"


@pytest.mark.parametrize("page", some_slow(PAGES, ["leaderboard", "compare", "provenance"]))
def test_a_broken_store_is_an_error_on_the_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bad.parquet").write_bytes(b"no parquet, however long one looks at it")
    app = draw(monkeypatch, tmp_path, page)
    assert not app.exception
    assert "bad\\.parquet" in app.error[0].value


def test_leaderboard_shows_means_with_their_support(filled: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, filled.root, "leaderboard")
    table = app.dataframe[0].value
    assert table["system"].tolist() == ["m", "m after intents"]
    assert table["mini-ner"].round(6).tolist() == [60.0, round(100 * (0.81 + 0.635 + 0.30) / 3, 6)]
    assert table["languages"].tolist() == ["3/10", "3/10"]
    assert table["best in"].tolist() == ["", ""], "incomplete averages are never the best"


@pytest.fixture
def uneven(writer: Writer) -> Writer:
    """Two systems: one has two languages in two tasks, the other one language less in one of them, and the other task whole."""

    languages = load_task("mini-pos").languages
    for name, values in {"none": dict.fromkeys(languages, 0.5), "intents": {c: 0.7 for c in languages if c != "de"}}.items():
        writer.add(name, "mini-pos", 0, {**values, "en": 0.9}, scorer="token-accuracy-1")
        writer.add(name, "mini-retrieval", 0, dict.fromkeys(load_task("mini-retrieval").languages, 0.2 if name == "none" else 0.1))
    return writer


def test_the_rules_of_means(uneven: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    pos = {"none": (9 * 0.5 + 0.9) / 10, "intents": (8 * 0.7 + 0.9) / 9}
    app = draw(monkeypatch, uneven.root, "leaderboard")
    table = app.dataframe[0].value.set_index("system")
    assert table["mean %"]["m"] == pytest.approx(100 * (pos["none"] + 0.2) / 2)
    assert table["mean %"].isna()["m after intents"], "strict: not every language is there"
    assert table["tasks"].tolist() == ["2/2", "1/2"]
    assert table["mini-pos: languages"].tolist() == ["10/10", "9/10"]
    app = draw(monkeypatch, uneven.root, "leaderboard", mean="available")
    table = app.dataframe[0].value.set_index("system")
    assert table["mean %"]["m after intents"] == pytest.approx(100 * (pos["intents"] + 0.1) / 2)
    assert table["best in"].tolist() == ["", "★ mini-retrieval"], "means over different things have no best"
    app = draw(monkeypatch, uneven.root, "leaderboard", mean="common support")
    table = app.dataframe[0].value.set_index("system")
    # German, which one of the two lacks, counts for neither.
    assert table["mean %"]["m"] == pytest.approx(100 * ((8 * 0.5 + 0.9) / 9 + 0.2) / 2)
    assert "share 18 of 19 cells" in " ".join(c.value for c in app.caption)
    assert table["best in"].tolist() == ["★ mean, ★ mini-pos", "★ mini-retrieval"]


def test_the_halves_of_two_runs_are_no_whole(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every language is in some run and none has all: shown, in no strict mean and never the best, until a run has all that count."""
    languages = load_task("mini-pos").languages
    writer.add("none", "mini-pos", 0, dict.fromkeys(languages, 0.5), scorer="token-accuracy-1")
    for seed, own in enumerate((languages[:6], languages[4:])):
        writer.add("intents", "mini-pos", seed, dict.fromkeys(own, 0.7), scorer="token-accuracy-1")
    table = draw(monkeypatch, writer.root, "leaderboard").dataframe[0].value.set_index("system")
    assert table["mini-pos"].to_dict() == {"m": 50, "m after intents": pytest.approx(70)}
    assert table["best in"].tolist() == ["", ""]
    both = draw(monkeypatch, writer.root, "leaderboard", only_language=list(languages[4:6])).dataframe[0].value.set_index("system")
    assert both["best in"].to_dict() == {"m": "", "m after intents": "★ mini-pos"}, "of the languages asked for each run has all"
    writer.add("intents", "mini-pos", 2, dict.fromkeys(languages, 0.7), scorer="token-accuracy-1")
    table = draw(monkeypatch, writer.root, "leaderboard").dataframe[0].value.set_index("system")
    assert table["best in"].to_dict() == {"m": "", "m after intents": "★ mini-pos"}


def test_two_runs_of_one_seed_are_one_seed_in_the_spread(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in view leaderboard: seed 0 has .4 and .6, so .5; seed 1 has .9."""
    for seed, name, value in ((0, "a", 0.4), (0, "b", 0.6), (1, "a", 0.9)):
        writer.add("none", "mini-ner", seed, {"de": value, "hi": value}, study=json.dumps({"name": name}))
    table = draw(monkeypatch, writer.root, "leaderboard").dataframe[0].value
    assert table["± seeds"].tolist() == [pytest.approx(100 * 0.4 / 2**0.5)]


def test_the_tasks_shown_first_are_those_that_systems_have_all_of(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No task can follow itself, so that with all tasks the direct baseline alone would have a mean."""
    tasks = ("mini-pos", "mini-ner", "mini-retrieval", "intents")
    for name, lacked in {"none": (), "mini-pos": ("mini-pos",), "intents": ("intents",), "mini-nli": tasks[1:]}.items():
        for target in tasks:
            task = load_task(target)
            scorer = load_scorer(task.scorers[0]).signature
            if target not in lacked:
                writer.add(name, target, 0, dict.fromkeys(task.languages, 0.5), metric=task.metric, scorer=scorer)
    app = draw(monkeypatch, writer.root, "leaderboard")
    table = app.dataframe[0].value.set_index("system")
    assert {*tasks} & {*table} == {"mini-ner", "mini-retrieval"}
    assert table["mean %"].to_dict() == {"m": 50, "m after mini-pos": 50, "m after intents": 50}
    assert sum("the largest table" in c.value for c in app.caption) == 1
    app = draw(monkeypatch, writer.root, "leaderboard", column=columns(writer.root))
    assert sorted(app.dataframe[0].value["tasks"]) == ["1/4", "3/4", "3/4", "4/4"]
    assert not any("the largest table" in c.value for c in app.caption)


@pytest.fixture
def lacking(writer: Writer) -> Writer:
    """Three systems in two tasks that are theirs whole, but for the third, which has one of them; and in one that xbench does not know."""
    for name, value in {"none": 0.5, "intents": 0.6, "mini-ner": 0.9}.items():
        writer.add(name, "mini-pos", 0, dict.fromkeys(load_task("mini-pos").languages, value), scorer="token-accuracy-1")
        if name != "mini-ner":
            writer.add(name, "mini-nli", 0, {c: value for c in load_task("mini-nli").languages if c != "fi"})
            writer.add(name, "another", 0, {"de": value, "en": value})
    return writer


def test_a_mean_over_fewer_tasks_is_not_the_best(lacking: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, lacking.root, "leaderboard", mean="available", column=columns(lacking.root, "another", "mini-pos"))
    table = app.dataframe[0].value.set_index("system")["best in"].to_dict()
    assert table == {"m after mini-ner": "★ mini-pos", "m after intents": "★ another", "m": ""}
    app = draw(
        monkeypatch,
        lacking.root,
        "leaderboard",
        mean="available",
        column=columns(lacking.root, "another", "mini-pos"),
        only_intermediate=["none", "intents"],
    )
    assert app.dataframe[0].value["best in"].tolist() == ["★ mean, ★ mini-pos, ★ another", ""]


def test_a_filter_on_languages_that_nobody_has_one_of(lacking: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """mini-nli covers Finnish: a mean over German alone is none over both. Of a task that is not known, what is there is all."""
    app = draw(monkeypatch, lacking.root, "leaderboard", column=columns(lacking.root, "mini-nli", "mini-pos"), only_language=["de", "fi"])
    table = app.dataframe[0].value.set_index("system")
    assert table["mini-nli: languages"].dropna().to_dict() == {"m": "1/2", "m after intents": "1/2"}
    assert (table["mean %"].isna().all(), table["best in"]["m after mini-ner"]) == (True, "★ mini-pos")
    table = (
        draw(monkeypatch, lacking.root, "leaderboard", column=columns(lacking.root, "another", "mini-pos"), only_language=["de", "fi"])
        .dataframe[0]
        .value
    )
    assert table["tasks"].tolist() == ["2/2", "2/2", "1/2"]


def test_a_filter_on_languages_changes_the_scores(uneven: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, uneven.root, "leaderboard", only_language=["en", "hi"])
    table = app.dataframe[0].value.set_index("system")
    assert table["mini-pos"].round(6).to_dict() == {"m after intents": 80.0, "m": 70.0}
    app = draw(monkeypatch, uneven.root, "leaderboard", only_language=["en", "xx", "hi", "en"])
    assert app.dataframe[0].value.set_index("system").equals(table), "a language that is named twice counts once"
    assert [m.value for m in app.multiselect if m.label == "Language"] == [["en", "hi"]]
    assert [w.value for w in app.warning] == ["The address asks for only\\_language xx, which is not there."]
    app = draw(monkeypatch, uneven.root, "leaderboard", only_script=["Devanagari"])
    assert app.dataframe[0].value.set_index("system")["mini-pos"].round(6).to_dict() == {"m after intents": 70.0, "m": 50.0}
    app = draw(monkeypatch, uneven.root, "leaderboard", only_model="nothing like it")
    assert "No system" in app.warning[0].value


def test_languages_that_the_table_of_languages_lacks_can_be_chosen(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task in Hausa could not be filtered by it."""
    writer.add("none", "mini-pos", 0, {"en": 0.5, "de": 0.5})
    writer.add("none", "another", 0, {"en": 0.5, "ha": 0.7})
    column = columns(writer.root, "mini-pos", "another")
    app = draw(monkeypatch, writer.root, "leaderboard", column=column, mean="available", only_language=["ha"])
    assert not app.warning
    assert app.dataframe[0].value.set_index("system")["another"].round(6).to_dict() == {"m": 70.0}
    (choice,) = [m for m in app.multiselect if m.label == "Language"]
    assert "ha" in " ".join(choice.options).split()


def test_evidence_is_asked_of_the_tasks_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a system has elsewhere is no matter."""
    Writer(tmp_path).add("none", "mini-ner", 0, {"de": 0.5}, metric="f1", scorer="unknown", evidence="aggregate")
    put(tmp_path, "none", 0, {"de": answers(0, 0.6)})
    for target, there, lacking in (("mini-pos", "examples stored", "averages only"), ("mini-ner", "averages only", "examples stored")):
        column = columns(tmp_path, target)
        assert len(draw(monkeypatch, tmp_path, "leaderboard", column=column, only_evidence=there).dataframe[0].value) == 1
        app = draw(monkeypatch, tmp_path, "leaderboard", column=column, only_evidence=lacking)
        assert "No system and task meets these filters" in app.warning[0].value


def test_one_task_shows_rank_limits_and_tiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, (name, rate) in enumerate({"none": 0.9, "intents": 0.6, "mini-ner": 0.61}.items()):
        put(tmp_path, name, 0, {"de": answers(i, rate, 400)})
    app = draw(monkeypatch, tmp_path, "leaderboard")
    table = app.dataframe[0].value.set_index("system")
    assert table["rank"].to_dict() == {"m": "1", "m after intents": "2–3", "m after mini-ner": "2–3"}
    assert table["tier"].astype(int).to_dict() == {"m": 1, "m after intents": 2, "m after mini-ner": 2}
    assert (table["low"] < table["mini-pos"]).all()
    assert (table["mini-pos"] < table["high"]).all()
    assert any("makes them ranks of these runs" in c.value for c in app.caption)


def test_a_spread_over_seeds_is_that_of_the_mean(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What German gains from a seed to the next Hindi loses; two of three seeds of one system have Finnish, too, and it alone changes."""
    for seed, (german, hindi) in enumerate(((0.5, 0.7), (0.6, 0.6), (0.7, 0.5))):
        for name, more in {"none": {}, "intents": {"fi": 0.1 + 0.3 * seed} if seed < 2 else {}}.items():
            writer.add(name, "mini-pos", seed, {"de": german, "hi": hindi, **more}, scorer="token-accuracy-1")

    def spread(**address: str) -> list[float]:
        table = draw(monkeypatch, writer.root, "leaderboard", **address).dataframe[0].value.set_index("system")
        return [float(x) for x in table["± seeds"][["m", "m after intents"]]]

    view = {r["intermediate"]: 100 * r["seed_sd"] for r in board.leaderboard(writer.root)}
    assert [view["none"], view["intents"]] == pytest.approx([0, 10 / math.sqrt(2)])
    assert spread() == pytest.approx([view["none"], view["intents"]])
    assert spread(mean="common support") == pytest.approx([0, 0])
    assert spread(only_language="de") == pytest.approx([10, 10])


def test_systems_without_a_mean_are_in_the_order_of_what_they_have(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"none": 0.5, "intents": 0.8, "mini-ner": 0.6}.items():
        writer.add(name, "mini-pos", 0, {"de": value}, scorer="token-accuracy-1")
    assert draw(monkeypatch, writer.root, "leaderboard").dataframe[0].value["mini-pos"].round(6).tolist() == [80, 60, 50]


def test_several_tasks_show_ranks_of_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for t, (target, scorer) in enumerate({"mini-pos": "token-accuracy-1", "mini-retrieval": "accuracy-1"}.items()):
        for i, (name, rate) in enumerate({"none": 0.9, "intents": 0.6, "mini-ner": 0.61}.items()):
            if (target, name) != ("mini-retrieval", "mini-ner"):
                put(tmp_path, name, 0, {"de": answers(10 * t + i, rate, 400)}, target=target, scorer=scorer)
    app = draw(monkeypatch, tmp_path, "leaderboard", mean="available")
    table = app.dataframe[0].value.set_index("system")
    assert table["rank"].dropna().to_dict() == {"m": "1", "m after intents": "2"}, "the third lacks a task"
    assert (table["low"] < table["mean %"]).sum() == (table["mean %"] < table["high"]).sum() == 2
    (tick,) = app.checkbox
    assert "rank" not in settle(tick.uncheck().run()).dataframe[0].value
    assert said(app, "ranks") == "no"


def test_ranks_and_intervals_are_of_the_mean_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three are ranked over two languages; what the third has more, or less, is another mean, and so is one over what all share."""
    for i, (name, rate, codes) in enumerate((("none", 0.5, "de en"), ("intents", 0.6, "de en"), ("mini-ner", 0.7, "de en hi"))):
        put(tmp_path, name, 0, {c: answers(10 * i + k, rate if c != "hi" else 0.05) for k, c in enumerate(codes.split())})
    table = draw(monkeypatch, tmp_path, "leaderboard").dataframe[0].value.set_index("system")
    assert table["tier"].dropna().map(str).tolist() == ["2", "3"], "no fractions"
    assert table["rank"].dropna().index.tolist() == table["low"].dropna().index.tolist() == ["m after intents", "m"]
    assert ((table["low"] < table["mini-pos"]) & (table["mini-pos"] < table["high"]))[["m", "m after intents"]].all()
    table = draw(monkeypatch, tmp_path, "leaderboard", mean="common support").dataframe[0].value
    assert (table["low"] < table["mini-pos"]).all() and table["tier"].notna().all(), "over the two languages it is ranked as well"
    put(tmp_path, "mini-nli", 0, {"en": answers(99, 0.9)})
    app = draw(monkeypatch, tmp_path, "leaderboard", mean="common support")
    assert app.dataframe[0].value[["rank", "tier", "low", "high"]].isna().all(axis=None), "English alone was not ranked"
    assert any("blank beside another mean" in c.value for c in app.caption)


def test_languages_that_a_task_has_not_do_not_count_in_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, (name, rate) in enumerate({"none": 0.5, "intents": 0.8}.items()):
        right = {"de": answers(i, rate), **{c: answers(10 * i + k, 0.99) for k, c in enumerate(("fr", "it", "nl"))}}
        put(tmp_path, name, 0, right)
        put(tmp_path, name, 0, right, target="another", scorer="accuracy-1")
    for task in ("mini-pos", "another"):
        table = draw(monkeypatch, tmp_path, "leaderboard", column=columns(tmp_path, task)).dataframe[0].value
        assert ((table["low"] < table[task]) & (table[task] < table["high"])).all()


def test_a_printed_mean_over_some_languages_of_a_task_is_incomplete(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the view has it; where it is over all, or the task is not known, it is complete."""
    languages = load_task("mini-pos").languages
    of: dict[str, Any] = {"kind": "external", "evidence": "aggregate", "source": "p", "scorer": "unknown"}
    for name, value in (("none", 0.8), ("intents", 0.7)):
        writer.add(name, "mini-pos", None, dict.fromkeys(languages, value), **of)
        for target, over in (("mini-ner", "de en"), ("mini-nli", " ".join(languages)), ("other", "de en"), ("another", "unknown")):
            writer.add(name, target, None, {"mul": value}, language_set=over, **of)
    everything = columns(writer.root)
    table = draw(monkeypatch, writer.root, "leaderboard", column=everything).dataframe[0].value
    assert table["tasks"].tolist() == ["3/5"] * 2 and table["mean %"].isna().all()
    assert {*table["best in"].iloc[0].split(", ")} == {"★ mini-nli", "★ mini-pos", "★ other"}
    assert (table["mini-ner: languages"] == "2/10 as printed").all() and (table["another: languages"] == "? as printed").all()
    assert not {"mini-nli: languages", "other: languages"} & {*table}
    table = draw(monkeypatch, writer.root, "leaderboard", column=everything, mean="common support").dataframe[0].value
    assert table["tasks"].tolist() == ["4/5"] * 2, "of what is not said nothing is known to be common"


Cells = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> list[Cells]:
    """The maps that were drawn last, in their order: {(intermediate, where): cell}."""
    found: list[Cells] = []
    draws, header = common.chart, common.header

    def record(drawn: dict[str, Any], text: str, **more: Any) -> Any:
        rows = drawn["data"]["values"]
        found.append({(r["intermediate"], r.get("language", r.get("target"))): r for r in rows})
        return draws(drawn, text, **more)

    monkeypatch.setattr(common, "header", lambda *given: (found.clear(), header(*given)))
    monkeypatch.setattr(common, "chart", record)
    return found


def test_metrics_that_do_not_count_are_tested_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """The map by target has the metric that ranks systems alone, under the target's name."""
    scorer = load_scorer(load_task("mini-ner").scorers[0]).signature
    for i, (name, rate) in enumerate({"none": 0.5, "intents": 0.9}.items()):
        also = {"recall": {"de": answers(i, rate)}}
        put(tmp_path, name, 0, {"de": answers(i, 0.5)}, "mini-ner", "f1", scorer, also)
    draw(monkeypatch, tmp_path, "transfer")
    assert {where for _, where in charts[0]} == {"mini-ner"}
    draw(monkeypatch, tmp_path, "transfer", target=f"mini-ner · recall ({scorer})")
    assert charts[1]["intents", "de"]["kind"] == "resolved"


def test_transfer_maps_tell_resolved_from_unresolved_and_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6), "hi": answers(1, 0.6)})
    put(tmp_path, "intents", 0, {"de": answers(3, 0.9), "hi": answers(4, 0.6)})
    put(tmp_path, "mini-ner", 1, {"de": answers(5, 0.5)})  # the baseline has another seed
    app = draw(monkeypatch, tmp_path, "transfer", cell="intents → de")
    assert not app.exception
    cells = charts[1]
    assert cells["intents", "de"]["kind"] == "resolved"
    assert cells["intents", "de"]["label"].endswith("▲")
    assert cells["intents", "hi"]["kind"] == "unresolved"
    assert cells["mini-ner", "de"]["kind"] == "no baseline"
    assert cells["mini-ner", "de"]["points"] is None, "a missing baseline is never a delta of zero"
    assert "helps" in app.text[0].value
    table = app.dataframe[0].value
    assert table["seed"].tolist() == [0]
    assert table["delta"].iloc[0] == pytest.approx(table["after %"].iloc[0] - table["direct %"].iloc[0])


def two_means(folder: Path) -> Path:
    """A store of means that a source printed over three languages and over two of them: 5 and 20 points above the baseline."""
    lines = [
        f"m,{intermediate},xnli,mul,{over},accuracy,{value},paper\n"
        for intermediate, values in (("none", (0.5, 0.6)), ("mlm", (0.55, 0.8)))
        for over, value in zip(("de es fr", "de fr"), values, strict=True)
    ]
    (folder / "a.csv").write_text("model,intermediate,target,language,language_set,metric,value,source\n" + "".join(lines))
    ingesting.ingest([folder / "a.csv"], folder / "s")
    return folder / "s"


def test_printed_means_over_other_languages_are_apart_in_the_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    app = draw(monkeypatch, two_means(tmp_path), "transfer", cell="mlm → mean as printed over de fr")
    assert not app.exception
    (by_target,), by_language = (list(c.values()) for c in charts[:2])
    assert (by_target["points"], len(by_language)) == (pytest.approx(5), 2)
    (cell,) = [table.value for table in app.dataframe if "direct %" in table.value]
    assert cell[["direct %", "after %"]].to_numpy().tolist() == [[pytest.approx(60), pytest.approx(80)]]


def test_a_verdict_on_the_one_printed_mean_of_a_pair_is_shown_beside_other_means(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    table: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate", "metric": "f1", "scorer": "unknown"}
    for seed in (0, 1, 2):
        for intermediate, over, mean in (("none", "de fr", 0.5), ("mlm", "de fr", 0.7), ("intents", "de", 0.6)):
            writer.add(intermediate, "mini-ner", seed, {"mul": mean + seed / 1000}, language_set=over, **table)
        writer.add("intents", "mini-ner", seed + 3, {"hi": 0.5}, **table)
    draw(monkeypatch, writer.root, "transfer")
    found = {where: (cell["verdict"], cell["kind"]) for where, cell in charts[1].items()}
    assert found["mlm", "mean as printed over de fr"] == ("higher", "resolved")
    assert charts[1]["mlm", "mean as printed over de fr"]["label"] == "+20.0▲"
    assert found["intents", "mean as printed over de"] == ("not testable", "no baseline")
    assert ("intents", "hi") in found  # a language beside several means keeps its name


def across(app: AppTest) -> str:
    """The title above the first map."""
    return str(json.loads(app.get("vega_lite_chart")[0].proto.spec)["encoding"]["x"]["title"])


def test_without_a_known_training_language_there_is_no_zero_shot_mean(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    of: dict[str, Any] = {"kind": "external", "source": "a paper", "metric": "f1", "scorer": "span-f1-seqeval-default-1"}
    of |= {"train_language": "unknown", "evidence": "aggregate"}
    for name, values in {"none": (0.9, 0.5), "intents": (0.99, 0.6)}.items():
        writer.add(name, "mini-ner", None, dict(zip(("en", "de"), values, strict=True)), **of)
    app = draw(monkeypatch, writer.root, "transfer")
    assert [set(c) for c in charts] == [{("intents", "de"), ("intents", "en")}], "of each language alone"
    assert "no zero-shot mean: the training language is not known" in app.info[0].value
    for name, value in {"none": 0.5, "intents": 0.7}.items():
        writer.add(name, "mini-pos", None, {"mul": value}, language_set="de en", **of)
    app = draw(monkeypatch, writer.root, "transfer")
    assert {cell["mean"] for cell in charts[0].values()} == {"mean as printed over de en"}
    assert len(app.info) == 1


def test_a_mean_as_printed_is_no_zero_shot_mean(writer: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """English is among the languages, and what was trained in."""
    of: dict[str, Any] = {"kind": "external", "source": "a paper", "metric": "f1", "scorer": "unknown", "evidence": "aggregate"}
    for name, value in {"none": 0.5, "intents": 0.7}.items():
        writer.add(name, "mini-ner", None, {"mul": value}, language_set="ar de en", **of)
        writer.add(name, "mini-pos", None, {"de": value}, **of)
    app = draw(monkeypatch, writer.root, "transfer")
    means = {where: cell["mean"] for (_, where), cell in charts[0].items()}
    assert means == {"mini-ner, as printed": "mean as printed over ar de en", "mini-pos": "zero-shot mean"}
    assert across(app) == "target, zero-shot mean, if it says no other"


def test_what_was_selected_on_target_languages_is_said_of_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    for i, name in enumerate(("none", "intents")):
        put(tmp_path, name, 0, {"de": answers(i, 0.5 + i / 5)}, selection="target-languages")
        put(tmp_path, name, 0, {"de": answers(i, 0.5 + i / 5)}, "mini-retrieval", scorer="accuracy-1")
    app = draw(monkeypatch, tmp_path, "transfer")
    means = {where: cell["mean"] for (_, where), cell in charts[0].items()}
    assert means == {"mini-pos, not zero-shot": "mean, not zero-shot", "mini-retrieval": "zero-shot mean"}
    assert "not zero-shot" not in across(app)


def test_a_mean_over_some_of_the_languages_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """Hindi is in the first of three runs alone."""
    for seed in (0, 1, 2):
        for i, (name, rate) in enumerate({"none": 0.6, "intents": 0.9}.items()):
            right = {c: answers(10 * seed + 5 * i + j, rate) for j, c in enumerate(("en", "de", "hi") if seed == 0 else ("en", "de"))}
            put(tmp_path, name, seed, right)
    draw(monkeypatch, tmp_path, "transfer")
    (cell,) = charts[0].values()
    assert (cell["languages"], cell["label"][-2:], cell["seeds"]) == ("1 of 2", "▲*", 3)
    assert cell["points"] == pytest.approx(charts[1]["intents", "de"]["points"])


def test_a_mean_of_averages_is_that_of_the_command_line(writer: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """Two languages in the first seed, one of them in all three."""
    of: dict[str, Any] = {"metric": "f1", "scorer": "span-f1-seqeval-default-1", "evidence": "aggregate"}
    for seed in (0, 1, 2):
        for name, value in {"none": 0.5, "intents": 0.8 if seed else 0.5}.items():
            hindi = {"hi": value - 0.1 * (name == "none")} if seed == 0 else {}
            writer.add(name, "mini-ner", seed, {"en": 0.8, "de": value, **hindi}, **of)
    (mean,) = board.mean_deltas(writer.root)
    assert (mean["delta"], mean["languages"]) == (pytest.approx(0.05), 2)
    draw(monkeypatch, writer.root, "transfer")
    (cell,) = charts[0].values()
    assert (cell["points"], cell["languages"], cell["seeds"], cell["label"]) == (pytest.approx(5), "2", 1, "+5.0")


def test_a_language_that_a_task_has_not_is_none_that_a_mean_lacks(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    """mini-nli is not tested in French: the mean is over both languages that it is tested in."""
    for name, value in {"none": 0.5, "intents": 0.6}.items():
        of = {"kind": "external", "source": "p", "evidence": "aggregate"}
        writer.add(name, "mini-nli", None, dict.fromkeys(("de", "en", "fr", "hi"), value), **of)
        writer.add(name, "mini-pos", None, {"xh": value}, scorer="token-accuracy-1", **of)
    draw(monkeypatch, writer.root, "transfer")
    assert {where: (cell["languages"], cell["label"]) for (_, where), cell in charts[0].items()} == {"mini-nli": ("2", "+10.0")}
    assert ("intents", "fr") in charts[1]


def test_the_examples_that_flipped_are_those_of_the_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6)})
    for i, revision in enumerate(("v1", "v2")):
        put(tmp_path, "intents", 0, {"de": answers(i + 1, 0.9)}, intermediate_revision=revision)
    asked: list[dict[str, str]] = []
    monkeypatch.setattr(common, "link", lambda label, page, **query: asked.append({"page": page, **query}))
    for revision in ("v1", "v2"):
        draw(monkeypatch, tmp_path, "transfer", cell=f"intents ({revision}) → de")
        compare = [query for query in asked if query["page"] == "compare"][-1]
        assert (compare["a"], compare["b"]) == (f"m after intents · {revision}", "m")


def test_a_cell_that_is_not_tested_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """Hindi is in one of two runs; the two systems after mini-ner cannot be paired with the baseline at all."""
    for seed in (0, 1):
        for i, (name, rate) in enumerate({"none": 0.6, "intents": 0.9}.items()):
            put(tmp_path, name, seed, {c: answers(9 * seed + i, rate) for c in (("de", "hi") if seed == 0 else ("de",))})
        put(tmp_path, "mini-ner", seed, {"de": answers(seed, 0.5, 150)})
    app = draw(monkeypatch, tmp_path, "transfer", cell="intents → hi")
    assert app.text[0].value == "not testable: not in every run: seeds 1 of the first, seeds 1 of the second"
    assert charts[1]["intents", "hi"]["status"] == "not in every run: seeds 1 of the first, seeds 1 of the second"
    assert not any("only averages" in c.value for c in app.caption)
    (whole,) = [cell for (name, _), cell in charts[0].items() if name == "mini-ner"]
    for cell in (whole, charts[1]["mini-ner", "de"]):
        assert (cell["kind"], cell["status"][:48]) == ("not testable", "the runs were tested on different examples (de: ")


def test_a_verdict_is_found_whatever_a_revision_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    """One of two revisions alone was scored by recall."""
    scorer = load_scorer(load_task("mini-ner").scorers[0]).signature
    for i, (name, revision) in enumerate((("none", "none"), ("intents", "v1"), ("intents", "v2"))):
        also = {"recall": {"de": answers(i, 0.9 if i else 0.5)}} if revision != "v1" else None
        put(tmp_path, name, 0, {"de": answers(i, 0.5)}, "mini-ner", "f1", scorer, also, intermediate_revision=revision)
    draw(monkeypatch, tmp_path, "transfer", target=f"mini-ner · recall ({scorer})")
    assert charts[1]["intents (v2)", "de"]["verdict"] == "helps"


def test_steps_selected_on_other_development_data_are_other_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]
) -> None:
    for seed in (0, 1):
        for i, (developed, rate) in enumerate({"x": 0.9, "y": 0.5}.items()):
            of = {"target_revision": f"r dev {developed}", "selection": "target-languages"}
            put(tmp_path, "none", seed, {"de": answers(seed, 0.6)}, **of)
            put(tmp_path, "intents", seed, {"de": answers(9 * i + seed + 2, rate)}, **of)
    app = draw(monkeypatch, tmp_path, "transfer", cell="intents · dev y → de")
    means = {m["target_revision"]: 100 * m["delta"] for m in board.mean_deltas(tmp_path)}
    for number, where in enumerate(("mini-pos, not zero-shot", "de")):
        assert set(charts[number]) == {("intents · dev x", where), ("intents · dev y", where)}
        for developed in ("x", "y"):
            cell = charts[number][f"intents · dev {developed}", where]
            assert cell["points"] == pytest.approx(means[f"r dev {developed}"])
            assert cell["status"].startswith("more than one run of the same system and seed"), "as xbench compare says"
    assert app.dataframe[0].value["delta"].mean() == pytest.approx(means["r dev y"])


def test_languages_that_a_task_has_not_and_revisions_of_an_intermediate(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Russian is no language of mini-ner, so no part of its mean; two revisions of an intermediate are two."""
    of: dict[str, Any] = {"metric": "f1", "scorer": "span-f1-seqeval-default-1", "train_language": "de+en"}
    writer.add("none", "mini-ner", 0, {"en": 0.8, "de": 0.6, "hi": 0.4, "ru": 0.9}, **of)
    for revision, value in (("r1", 0.5), ("r2", 0.7)):
        writer.add("intents", "mini-ner", 0, {"en": 0.8, "de": 0.6, "hi": value, "ru": 0.1}, intermediate_revision=revision, **of)
    table = draw(monkeypatch, writer.root, "leaderboard").dataframe[0].value
    assert (table["mini-ner"].round(6).tolist(), table["languages"].tolist()) == ([70.0, round(190 / 3, 6), 60.0], ["3/10"] * 3)
    app = draw(monkeypatch, writer.root, "transfer")
    (cell,) = [b for b in app.selectbox if b.label == "Cell"]
    assert {o for o in cell.options if "trained" in o} == {f"intents (r{i}) → {c} (trained)" for i in (1, 2) for c in ("de", "en")}
    choose(app, "Cell", "intents (r2) → hi")
    assert app.dataframe[0].value["delta"].round(6).tolist() == [30.0]
    app = draw(monkeypatch, writer.root, "languages")
    gap = next(d.value for d in app.dataframe if "gap" in d.value)
    # hi before: (80 + 60) / 2 - 40
    assert gap[(gap["intermediate"] == "none") & (gap["language"] == "hi")]["gap"].round(6).tolist() == [30.0]


def test_averages_alone_are_drawn_pale(filled: Writer, monkeypatch: pytest.MonkeyPatch, charts: list[Cells]) -> None:
    draw(monkeypatch, filled.root, "transfer")
    cells = charts[1]
    # de: +3 and +4 over two seeds; there are no examples to test on
    assert cells["intents", "de"]["points"] == pytest.approx(3.5)
    assert cells["intents", "de"]["kind"] in ("not testable", "unresolved")
    by_target = charts[0]
    assert by_target["intents", "mini-ner"]["points"] == pytest.approx(-3.25)  # hi: -10 twice


def test_a_choice_is_in_the_address_and_the_address_is_a_choice(
    monkeypatch: pytest.MonkeyPatch, filled: Writer, charts: list[Cells]
) -> None:
    filled.add("none", "mini-pos", 0, {"de": 0.5}, scorer="token-accuracy-1")
    filled.add("intents", "mini-pos", 0, {"de": 0.6}, scorer="token-accuracy-1")
    app = draw(monkeypatch, filled.root, "transfer")
    name = "mini-pos · accuracy (token-accuracy-1)"
    choose(app, "Target and metric", name)
    assert said(app, "target") == name
    before = charts[1]
    draw(monkeypatch, filled.root, "transfer", target=name, snapshot=str(said(app, "snapshot")))
    assert charts[1] == before
    app = draw(monkeypatch, filled.root, "transfer", target="no such thing")
    assert app.selectbox[1].value != "no such thing"
    assert app.warning[0].value == "The address asks for target no such thing, which is not there."
    assert not choose(app, "Target and metric", name).warning


def test_a_link_shows_the_same_after_the_store_grew(monkeypatch: pytest.MonkeyPatch, filled: Writer) -> None:
    app = draw(monkeypatch, filled.root, "leaderboard")
    link, before = str(said(app, "snapshot")), app.dataframe[0].value
    time.sleep(0.02)  # files are told apart by when they were written
    filled.add("mini-pos", "mini-ner", 0, {"en": 0.9, "de": 0.9, "hi": 0.9}, metric="f1", scorer="span-f1-seqeval-default-1")
    now = draw(monkeypatch, filled.root, "leaderboard")
    assert len(now.dataframe[0].value) == 3
    then = draw(monkeypatch, filled.root, "leaderboard", snapshot=link)
    assert then.dataframe[0].value.equals(before)
    assert "has grown since" in then.warning[0].value
    unknown = draw(monkeypatch, filled.root, "leaderboard", snapshot="0123456789ab")
    assert "not to be had" in unknown.error[0].value
    assert len(unknown.dataframe[0].value) == 3


def test_an_address_without_its_snapshot_names_the_same_choices_after_the_store_grew(
    filled: Writer, charts: list[Cells], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a compaction of the compaction: what it asks for is named, not counted, as what comes later may come before it."""
    filled.add("none", "mini-pos", 0, {"de": 0.6}, scorer="token-accuracy-1")
    link = columns(filled.root, "mini-pos")
    before = draw(monkeypatch, filled.root, "leaderboard", column=link)
    for name, target in (("none", "a task"), ("none", "mini-pos"), ("intents", "mini-pos")):
        filled.add(name, target, 0, {"de": 0.7}, scorer="token-accuracy-1", model="a model")
    now = draw(monkeypatch, filled.root, "leaderboard", column=link, only_model="m")
    assert {*before.dataframe[0].value} <= {*now.dataframe[0].value} and "a task" not in now.dataframe[0].value
    assert draw(monkeypatch, filled.root, "transfer").selectbox[0].value == "a model", "the first by now"
    app = draw(monkeypatch, filled.root, "transfer", system="m")
    assert app.selectbox[0].value == "m" and not app.warning
    lost = draw(monkeypatch, filled.root, "leaderboard", column=["2"])
    assert lost.warning[0].value == "The address asks for column 2, which is not there."
    lost = draw(monkeypatch, filled.root, "transfer", system="0")
    assert lost.warning[0].value == "The address asks for system 0, which is not there."


def test_the_first_results_come_while_the_app_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody followed a link: the snapshot in the address is of the published numbers, which are no longer shown."""
    app = draw(monkeypatch, tmp_path / "s", "claims")
    assert "published numbers" in app.info[0].value
    Writer(tmp_path / "s").add("none", "mini-pos", 0, {"de": 0.5}, scorer="token-accuracy-1")
    app = settle(app.run())
    assert not app.error and not app.exception
    assert not any("published numbers" in i.value for i in app.info)


def test_what_a_link_lacks_is_said_as_long_as_something_else_is_shown(filled: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, filled.root, "claims", snapshot="0123456789ab")
    first = str(said(app, "snapshot"))
    assert f"shown is {first}." in app.error[0].value
    assert settle(app.run()).error, "a page that completes itself says it again"
    time.sleep(0.02)
    filled.add("mini-pos", "mini-ner", 0, {"en": 0.9}, metric="f1", scorer="span-f1-seqeval-default-1")
    for _ in range(100):
        if any("has grown since" in w.value for w in settle(app.run()).warning):
            break
        time.sleep(0.2)
    assert f"shown is {first}." in app.error[0].value
    (newest,) = [b for b in app.button if b.label == "Show the newest"]
    app = settle(newest.click().run())
    assert said(app, "snapshot") != first and not app.error
    app.query_params["snapshot"] = "0123456789ab"
    assert settle(app.run()).error
    app.query_params["snapshot"] = first
    assert not settle(app.run()).error, "it is there"


def test_names_are_shown_as_they_are(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "<img src=x onerror=alert(1)> **bold** =1+1"
    for intermediate in ("none", "[link](javascript:alert(1))"):
        writer.add(intermediate, "mini-pos", 0, {"de": 0.5}, model=name, scorer="token-accuracy-1")
    for page in ("leaderboard", "transfer"):
        app = draw(monkeypatch, writer.root, page)
        assert not app.exception
        for element in [*app.markdown, *app.caption, *app.subheader]:
            assert "<img" not in element.value
            assert "](javascript" not in element.value


def test_what_is_downloaded_is_what_is_shown() -> None:
    import io

    import pandas as pd

    data = pd.DataFrame({"system": ["=1+1", "a_b & c"], "mean %": [61.25, None], "languages": ["9/10", "10/10"]})
    assert pd.read_csv(io.BytesIO(common._csv(data)))["system"].tolist() == ["'=1+1", "a_b & c"]
    assert common._csv(data.rename(columns={"mean %": '=HYPERLINK("x")'})).startswith(b"system,\"'=HYPERLINK"), "tasks are columns"
    assert pd.read_parquet(io.BytesIO(common._parquet(data))).equals(data)
    latex = common._latex(data, "A caption_").decode()
    assert r"a\_b \& c & -- & 10/10 \\" in latex
    assert r"\caption{A caption\_}" in latex
    spec = {"data": {"values": [{"x": 1, "y": 2}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
    assert common._image(spec, "svg").startswith(b"<svg")
    assert common._image(spec, "png").startswith(b"\x89PNG")
