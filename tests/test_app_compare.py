"""The pages about differences, run by streamlit's own test harness: compare, languages, scale."""

import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.conftest import Writer
from tests.test_comparing import answers, put
from xbench import share
from xbench.ui import common, flips

PAGES = ["compare", "languages", "scale"]


def settle(app: AppTest) -> AppTest:
    """Draw again until nothing is computed in the background any more."""
    end = time.monotonic() + 60
    while any(c.value.startswith("⏳") for c in app.caption):
        assert time.monotonic() < end, "still computing"
        time.sleep(0.2)
        app.run()
    assert not app.exception
    return app


def draw(monkeypatch: pytest.MonkeyPatch, root: Path, page: str, **address: str) -> AppTest:
    st.cache_resource.clear()
    monkeypatch.setenv("XBENCH_STORE", str(root))
    code = f"from xbench.ui import common\nfrom xbench.ui.pages import {page}\nsource = common.open_source()\n{page}.page(source)\n"
    app = AppTest.from_string(code, default_timeout=60)
    for key, value in address.items():
        app.query_params[key] = value
    return settle(app.run())


def choice(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(s for s in app.selectbox if s.label == label)


def html(app: AppTest) -> str:
    return "".join(str(e.proto.body) for e in app.get("html"))


def said(app: AppTest) -> str:
    return " ".join(m.value for m in app.markdown).replace("\\", "")


@pytest.fixture
def paired(tmp_path: Path) -> Path:
    """Two intermediate tasks with a direct baseline in two seeds, in a trained language and three others."""
    for seed in (0, 1):
        put(tmp_path, "none", seed, {c: answers(10 * seed + i, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))})
        put(tmp_path, "intents", seed, {c: answers(10 * seed + i + 4, 0.9) for i, c in enumerate(("en", "ar", "de", "hi"))})
        put(tmp_path, "mini-ner", seed, {c: answers(10 * seed + i + 4, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))})
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_without_a_store_the_published_numbers_are_shown(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, tmp_path / "none", page)
    assert "published numbers" in app.info[0].value
    assert not app.error
    if page == "languages":
        assert "no difference by language" in app.warning[0].value
    elif page == "compare":
        assert "only averages are" in app.warning[0].value
    else:
        assert "xlm-roberta-large" in set(app.dataframe[0].value["model"])


@pytest.mark.parametrize("page", PAGES)
def test_a_store_with_one_system_says_what_to_do(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6)})
    app = draw(monkeypatch, tmp_path, page)
    assert "xbench run" in app.info[0].value
    assert not app.dataframe


@pytest.mark.parametrize("page", PAGES)
def test_a_store_of_averages_is_shown_as_averages(page: str, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("none", 0.5), ("intents", 0.6)):
        writer.add(name, "mini-ner", 0, {"en": value, "de": value}, metric="f1", scorer="span-f1-1", evidence="aggregate")
    app = draw(monkeypatch, writer.root, page)
    assert not app.error
    assert len(app.dataframe) > 0
    if page == "compare":
        assert "higher in 2 and lower in 0 of 2 languages" in said(app)
        assert "f1 over examples is not known" in app.warning[0].value


def test_two_systems_language_by_language(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "compare")
    assert (choice(app, "First").value, choice(app, "Against").value) == ("m after intents", "m")
    table = app.dataframe[0].value.set_index("language")
    assert list(table.index) == ["ar", "de", "en (trained)", "hi", "zero-shot mean"]
    assert set(table["verdict"]) == {"helps"}
    assert (table["low"] < table["delta"]).all() and (table["delta"] < table["high"]).all()
    assert {"direct %", "after %", "p", "adjusted p", "detectable", "n", "seeds"} <= set(table.columns)
    assert "helps in 3 of 3 languages (ar de hi)" in said(app)
    assert {m.label: m.value for m in app.metric}["helped"] == "3"


def test_the_baseline_follows_the_first_system_and_any_two_can_be_chosen(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "compare", a="m after mini-ner")
    assert choice(app, "Against").value == "m"
    choice(app, "Against").set_value("m after intents").run()
    settle(app)
    table = app.dataframe[0].value.set_index("language")
    assert {"first %", "second %"} <= set(table.columns)
    assert set(table["verdict"]) == {"lower"}
    assert {m.label: m.value for m in app.metric}["lower"] == "3"


def test_families_and_scripts(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "compare", by="script")
    assert app.dataframe[0].value["script"].tolist() == ["Arabic", "Devanagari", "Latin", "zero-shot mean"]
    app = draw(monkeypatch, paired, "compare", by="family")
    assert "Afro-Asiatic: Semitic" in app.dataframe[0].value["family"].tolist()


def test_examples_on_which_they_disagree(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "compare", language="ar", seed="1")
    one, two = answers(15, 0.9), answers(11, 0.6)
    counts = {m.label: m.value for m in app.metric}
    assert int(counts["the first is better"]) == (one > two).sum()
    assert int(counts["the second is better"]) == (one < two).sum()
    assert int(counts["both right"]) + int(counts["both wrong alike"]) == (one == two).sum()
    assert html(app).count("<tr>") == 1 + (one != two).sum()
    example = next(i for i in range(200) if one[i] > two[i])
    app.text_input[0].set_value(f"{example}").run()
    settle(app)
    assert html(app).count("<tr>") == 1 + sum(str(example) in str(i) for i in range(200) if one[i] != two[i])


def test_a_sentence_that_one_alone_mined_is_a_disagreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten with a translation, of which the first finds five; beyond them it names two that have none, the second three others."""
    gold = np.arange(10)
    mined = {"target": "bucc2018", "metric": "f1", "scorer": "mining-f1-1", "train_language": "none"}
    for name, right, wrong in (("none", gold < 8, [20, 21, 22]), ("intents", gold < 5, [30, 31])):
        below, ids = np.r_[1.0 + right, np.ones(len(wrong))], np.r_[gold, wrong]
        put(tmp_path, name, 0, {"de": np.r_[2.0 * right, np.zeros(len(wrong))]}, below=below, ids=ids, **mined)
    counts = {m.label: m.value for m in draw(monkeypatch, tmp_path, "compare", language="de").metric}
    assert [counts[f"the {side} is better"] for side in ("first", "second")] == ["3", "5"]
    assert (counts["both right"], counts["both wrong alike"]) == ("5", "2")


def test_the_better_of_two_answers_is_not_called_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the points against a quarter; the address is as it once was."""
    for name, first in (("none", 1), ("intents", 2)):
        put(tmp_path, name, 0, {"de": np.array([first, 1, 4, 0] * 20)}, below=np.full(80, 4.0))
    app = draw(monkeypatch, tmp_path, "compare", flips="only the first is right")
    assert choice(app, "Which").value == "the first is better"
    assert app.query_params["flips"] in ("the first is better", ["the first is better"])
    assert not app.warning and html(app).count("<tr>") == 1 + 20


def test_why_two_systems_cannot_be_paired_and_their_plain_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6)})
    put(tmp_path, "intents", 0, {"de": answers(5, 0.5, 150)})
    app = draw(monkeypatch, tmp_path, "compare")
    assert "tested on different examples" in app.warning[0].value.replace("\\", "")
    table = app.dataframe[0].value
    assert table["difference, untested"].tolist() == [pytest.approx(100 * (answers(5, 0.5, 150).mean() - answers(0, 0.6).mean()))]


def test_text_from_data_is_never_markup_and_has_its_own_direction() -> None:
    found = pd.DataFrame(
        {
            "example_id": ["<b>1"],
            "text": ["<script>x</script> سلام"],
            "reference": ["A B"],
            "first": ["A C"],
            "second": [None],
            "won": [True],
        }
    )
    drawn = flips.as_html(found)
    assert "<script" not in drawn and "&lt;script&gt;" in drawn and "&lt;b&gt;1" in drawn
    assert drawn.count('dir="auto"') == 6
    assert "A <u><b>C</b></u>" in drawn and "no answer" in drawn


def test_languages_against_what_is_known_of_them(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "languages")
    assert choice(app, "Intermediate task").options == ["intents", "mini-ner", "all of them"]
    table = app.dataframe[0].value.set_index("language")
    assert table["family"]["ar"] == "Afro-Asiatic: Semitic"
    assert 0 < table["syntactic"]["de"] < table["syntactic"]["hi"] < 1
    assert table["CC-100 GiB"]["ar"] == 28.0
    gap = app.dataframe[2].value
    row = gap[(gap["intermediate"] == "none") & (gap["language"] == "de")].iloc[0]
    expected = [answers(10 * s, 0.6).mean() - answers(10 * s + 2, 0.6).mean() for s in (0, 1)]
    assert row["gap"] == pytest.approx(100 * sum(expected) / 2)
    choice(app, "Intermediate task").set_value("all of them").run()
    assert set(settle(app).dataframe[0].value["intermediate"]) == {"intents", "mini-ner"}


def test_a_gap_is_within_a_run(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hindi is in the first run alone, in which English is worse."""
    for seed, english in enumerate((0.6, 0.9, 0.9)):
        for name in ("none", "intents"):
            hindi = {"hi": 0.5} if seed == 0 else {}
            writer.add(name, "mini-pos", seed, {"en": english, "de": english - 0.1, **hindi}, scorer="token-accuracy-1")
    gap = draw(monkeypatch, writer.root, "languages").dataframe[-1].value
    found = gap[gap["language"] == "hi"]
    assert found[["en %", "gap", "seeds"]].round(6).to_numpy().tolist() == [[60, 10, 1], [60, 10, 1]]
    assert gap["gap"].round(6).unique().tolist() == [10]


def test_gaps_of_steps_selected_on_other_development_data_are_apart(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has no direct baseline on its data: none is drawn beside it."""
    for developed, names in {"x": ("none", "intents"), "y": ("intents",), "z": ("none", "intents")}.items():
        for name in names:
            german = {"x": 0.5, "y": 0.6, "z": 0.7}[developed] + 0.1 * (name == "intents")
            of = {"target_revision": f"r dev {developed}", "selection": "target-languages"}
            writer.add(name, "mini-nli", 0, {"de": german, "en": 0.9}, **of)
    drawn: list[dict[str, Any]] = []
    chart = common.chart
    monkeypatch.setattr(common, "chart", lambda spec, *given, **more: (drawn.append(spec), chart(spec, *given, **more)))
    gap = draw(monkeypatch, writer.root, "languages").dataframe[-1].value
    assert gap[["intermediate", "gap"]].round(6).to_numpy().tolist() == [
        ["intents · dev x", 30], ["intents · dev y", 20], ["intents · dev z", 10], ["none · dev x", 40], ["none · dev z", 20]
    ]  # fmt: skip
    (data,) = drawn[-1]["datasets"].values()
    assert sorted((r["intermediate"], r["system"], round(r["gap"])) for r in data) == [
        ("intents · dev x", "after", 30), ("intents · dev x", "direct", 40), ("intents · dev y", "after", 20),
        ("intents · dev z", "after", 10), ("intents · dev z", "direct", 20),
    ]  # fmt: skip


def test_what_is_known_of_languages_is_of_languages_that_exist() -> None:
    folder = share.folder("data")
    known = set(pd.read_csv(folder / "languages.csv", keep_default_na=False)["language"])
    distances = pd.read_csv(folder / "language_distance.csv", keep_default_na=False, na_values=[""])
    assert len(distances) == len(known) * (len(known) - 1) and set(distances["language"]) == set(distances["other"]) == known
    both = distances.merge(
        distances.rename(columns={"language": "other", "other": "language"}), on=["language", "other"], suffixes=("", "_back")
    )
    for name in ("syntactic", "phonological", "inventory", "featural", "geographic"):
        assert distances[name].dropna().between(0, 1).all()
        assert both[name].equals(both[f"{name}_back"])
    sizes = pd.read_csv(folder / "pretraining_size.csv", keep_default_na=False).set_index("language")
    assert set(sizes.index) <= known and "wo" not in sizes.index  # none is not zero
    assert sizes["gib"][["en", "sw"]].tolist() == [300.8, 1.6]


def test_scale_says_what_is_lacking(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw(monkeypatch, paired, "scale")
    assert "one size only" in app.info[0].value
    assert app.dataframe[0].value["intermediate"].tolist() == ["intents", "mini-ner"]


def test_scale_compares_sizes(paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (0, 1):
        put(
            paired, "none", seed, {c: answers(90 + seed + i, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))}, model="l", parameters=99
        )
        put(
            paired,
            "intents",
            seed,
            {c: answers(70 + seed + i, 0.6) for i, c in enumerate(("en", "ar", "de", "hi"))},
            model="l",
            parameters=99,
        )
    app = draw(monkeypatch, paired, "scale", intermediates="intents")
    assert not app.info
    assert app.dataframe[0].value["parameters"].tolist() == [10, 99]
    differences = app.dataframe[1].value
    assert differences["sizes"].tolist() == ["l - m"]
    assert differences["verdict"].tolist() == ["shrinks"]


def test_scale_says_over_how_many_languages_a_mean_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smaller of two models has no Hindi, so that what sets one against the other has none either."""
    for seed, (i, name) in product((0, 1), enumerate(("none", "intents"))):
        right = {c: answers(9 * seed + 3 * i + j, 0.5 + 0.3 * i) for j, c in enumerate(("de", "hi"))}
        put(tmp_path, name, seed, right, model="l", parameters=99)
        put(tmp_path, name, seed, {"de": right["de"]})
    app = draw(monkeypatch, tmp_path, "scale")
    assert app.dataframe[0].value["languages"].tolist() == ["1 of 1", "2 of 2"]
    assert app.dataframe[1].value["languages"].tolist() == ["1 of 2"]


def test_scale_calls_a_mean_as_printed_what_it_is(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    of: dict[str, Any] = {"kind": "external", "source": "a paper", "metric": "f1", "scorer": "unknown", "language_set": "ar de en"}
    for model, parameters in (("m", 10), ("l", 99)):
        for name, value in (("none", 0.5), ("intents", 0.7)):
            writer.add(name, "mini-ner", None, {"mul": value}, model=model, parameters=parameters, **of)
    app = draw(monkeypatch, writer.root, "scale")
    drawn = app.get("vega_lite_chart")[0].proto.spec
    assert "zero-shot" not in drawn
    assert "mean as printed over ar de en, points" in drawn
    assert app.dataframe[0].value["mean"].tolist() == ["mean as printed over ar de en"] * 2


def test_what_is_shown_first_has_languages_and_a_printed_mean_is_called_one(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """mlqa is before xnli by name, and has but one printed mean."""
    of: dict[str, Any] = {"kind": "external", "source": "a paper", "scorer": "unknown"}
    for name, value in (("none", 0.5), ("intents", 0.6)):
        writer.add(name, "mlqa", None, {"mul": value}, language_set="de en", metric="f1", **of)
        writer.add(name, "xnli", None, {"de": value, "en": value}, **of)
    writer.add("unknown", "xnli", None, {"de": 0.4, "en": 0.4}, **of)
    for page in ("languages", "compare", "scale"):
        app = draw(monkeypatch, writer.root, page)
        (box,) = [b for b in app.selectbox if b.label == "Target and metric"]
        assert box.value == "xnli · accuracy (unknown)"
    app = draw(monkeypatch, writer.root, "compare")
    assert "m · intermediate task unknown" in next(b.options for b in app.selectbox if b.label == "First")
    app = draw(monkeypatch, writer.root, "compare", target="mlqa · f1 (unknown) · means as printed")
    assert any("by the mean that the source printed, untested: the first is higher" in m.value.replace("\\", "") for m in app.markdown)
