"""Averages, claims, coverage, provenance, audit and uploads, run by streamlit's own test harness or by their functions."""

import hashlib
import io
import json
import pickle
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st

from tests.conftest import Writer
from tests.test_app import choose, draw, settle, two_means
from tests.test_claims import recipe
from tests.test_comparing import answers, put
from xbench import board, retracting, store, study
from xbench.errors import XbenchError
from xbench.task import load_task
from xbench.ui import common
from xbench.ui.pages import add

CSV = (
    "model,intermediate,target,language,metric,value,unit,source\nm,none,xnli,de,accuracy,{},percent,a paper\n"
    "m,none,xnli,fr,accuracy,71.5,percent,a paper\n"
)


def test_averages_give_a_mean_only_when_complete(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, value in (("bucc2018", 0.6), ("tatoeba", 0.4)):
        task = load_task(target)
        scorer = {"bucc2018": "mining-f1-1", "tatoeba": "accuracy-1"}[target]
        writer.add("none", target, 0, dict.fromkeys(task.languages, value), metric=task.metric, scorer=scorer)
    app = draw(monkeypatch, writer.root, "averages")
    table = app.dataframe[0].value
    assert table["complete tasks"].tolist() == ["2/9"]
    assert table["mean of tasks %"].isna().all()
    assert table["available mean %"].tolist() == [pytest.approx(50)]
    assert app.dataframe[1].value["score %"].tolist() == [pytest.approx(60)]
    assert choose(app, "Task", "tatoeba").dataframe[1].value["score %"].tolist() == [pytest.approx(40)]


def test_averages_do_not_know_over_how_many_languages_a_mean_was_printed(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    of: dict[str, Any] = {"kind": "external", "evidence": "aggregate", "scorer": "unknown"}
    writer.add("none", "xnli", None, {"mul": 0.7}, source="a", language_set=" ".join(load_task("xnli").languages), **of)
    writer.add("none", "xnli", None, {"mul": 0.6}, source="b", language_set="unknown", **of)
    assert draw(monkeypatch, writer.root, "averages").dataframe[1].value["languages"].tolist() == ["15/15", "?/15"]


def test_averages_by_task_tell_revisions_apart_and_say_that_none_counts(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    languages = load_task("xnli").languages
    for revision, value in (("d1", 0.9), ("d2", 0.5)):
        values = dict.fromkeys(languages, value)
        writer.add("none", "xnli", 0, values, dataset_revision=revision, target_revision=revision)
    app = draw(monkeypatch, writer.root, "averages")
    table = app.dataframe[1].value
    assert table[["dataset revision", "score %", "ambiguous"]].round(6).to_numpy().tolist() == [["d1", 90, True], ["d2", 50, True]]
    assert [f"{gap:.1f}" for gap in table["gap to the training language"]] == ["0.0", "0.0"]
    assert any("nothing says which counts" in c.value for c in app.caption)
    assert "0/9" in app.dataframe[0].value["complete tasks"].tolist()


def test_claims_show_evidence_and_the_study_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe(tmp_path, {"none": 0.5, "intents": 0.7})
    app = choose(draw(monkeypatch, tmp_path, "claims"), "Claim", "sequence-labelling-helps-at-every-size")
    assert not app.exception
    assert "Verdict: unresolved" in app.text[1].value, "one cell of many"
    assert app.dataframe[1].value["evidence"].iloc[0] == "mini-pos after intents, m: helps"
    assert len(app.dataframe[2].value) == 40


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The study files that buttons offer, by label."""
    found: dict[str, str] = {}
    button = st.download_button

    def record(label: str, data: Any, *given: Any, **more: Any) -> bool:
        if "study" in label:
            found[label] = data
        return button(label, data, *given, **more)

    monkeypatch.setattr(st, "download_button", record)
    return found


def planned(text: str, folder: Path) -> study.Study:
    """A study as it is loaded from its file."""
    path = folder / "fill.yaml"
    path.write_text(text, encoding="utf-8")
    return study.load_study(path)


def test_coverage_shows_what_is_missing_and_a_study_that_can_be_planned(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, offered: dict[str, str]
) -> None:
    writer.add("none", "mini-pos", 0, dict.fromkeys(load_task("mini-pos").languages, 0.5), scorer="token-accuracy-1")
    writer.add("intents", "mini-ner", 0, {"de": 0.5}, metric="f1", scorer="span-f1-seqeval-default-1")
    app = draw(monkeypatch, writer.root, "coverage")
    assert not app.exception
    table = app.dataframe[0].value.set_index(["intermediate", "target"])["status"].to_dict()
    assert table == {
        ("none", "mini-pos"): "complete", ("intents", "mini-ner"): "partial", ("none", "mini-ner"): "missing",
        ("intents", "mini-pos"): "missing",
    }  # fmt: skip
    assert [m.value for m in app.metric] == ["1", "1", "2", "0"]
    asked = planned(offered["Download study file"], tmp_path)
    assert (asked.intermediates, asked.targets, [*asked.seeds]) == (["none", "intents"], ["mini-ner", "mini-pos"], [0, 1, 2])


def test_coverage_leaves_out_of_its_study_what_is_no_task_here(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, offered: dict[str, str]
) -> None:
    """x-stilts and their-task are known from papers alone; tatoeba has no training data, and mnli is tested in no language."""
    of: dict[str, Any] = {"kind": "external", "source": "p", "evidence": "aggregate"}
    writer.add("x-stilts", "mini-pos", None, {"de": 0.5}, **of)
    app = draw(monkeypatch, writer.root, "coverage")
    assert not offered
    assert any(c.value.startswith("Missing or partial: 1 cell. No study can fill it") for c in app.caption)
    for target in ("their-task", "mnli"):
        writer.add("none", target, None, {"de": 0.5}, **of)
    for intermediate in ("intents", "tatoeba"):
        writer.add(intermediate, "mini-pos", None, {"de": 0.5}, **of)
    app = draw(monkeypatch, writer.root, "coverage")
    asked = planned(offered["Download study file"], tmp_path)
    assert (asked.intermediates, asked.targets) == (["none", "intents"], ["mini-pos"])
    assert any(c.value.startswith("Missing or partial: 10 cells, of which 2 can be run here.") for c in app.caption)


def test_coverage_asks_for_the_training_language_of_the_runs_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offered: dict[str, str]
) -> None:
    """There is German training data of intents, and none of mini-pos."""
    for target in ("intents", "mini-pos"):
        recipe(tmp_path, {"none": 0.5, "mini-ner": 0.6}, target, train_language="de")
    Writer(tmp_path).add("none", "mini-nli", None, {"de": 0.5}, kind="external", source="p", train_language="unknown")
    Writer(tmp_path).add("none", "mini-retrieval", None, {"de": 0.5}, kind="external", source="p", train_language="none")
    app = draw(monkeypatch, tmp_path, "coverage")
    assert planned(offered["Download study file"], tmp_path).targets == ["intents@de", "mini-nli", "mini-retrieval"]
    assert any(c.value.startswith("Missing or partial: 8 cells, of which 6 can be run here.") for c in app.caption)


def test_coverage_goes_where_a_link_leads_among_very_many(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "MOST_OPTIONS", 2)
    for name in ("bert", "e5", "mt5", "xlm-r"):
        writer.add("none", "mini-pos", 0, {"de": 0.5}, model=name)
    app = draw(monkeypatch, writer.root, "coverage", model="xlm-r")
    assert [(b.value, b.options) for b in app.selectbox if b.label == "Model"] == [("xlm-r", ["bert", "e5", "xlm-r"])]
    assert not app.warning
    (part,) = app.text_input
    app = settle(part.set_value("mt").run())
    assert [(b.value, b.options) for b in app.selectbox if b.label == "Model"] == [("mt5", ["mt5"])]


def test_provenance_recomputes_a_score_and_shows_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.6), "hi": answers(1, 0.4)})
    app = draw(monkeypatch, tmp_path, "provenance", target="mini-pos", model="m", intermediate="none", language="hi")
    assert not app.exception
    assert [b.value for b in app.selectbox][:4] == ["mini-pos", "m", "none", "hi"]
    again = app.dataframe[2].value
    assert again["verdict"].tolist() == ["same"]
    assert again["stored %"].iloc[0] == pytest.approx(again["from examples %"].iloc[0])
    fields = app.dataframe[1].value.set_index("field")["value"]
    assert fields["model"] == "m"
    assert len(fields["run id"]) == 24


def test_provenance_goes_where_a_link_leads_among_very_many(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "MOST_OPTIONS", 2)
    for name in ("bert", "e5", "mt5", "xlm-r"):
        writer.add("none", "mini-pos", 0, {"de": 0.5}, model=name)
    app = draw(monkeypatch, writer.root, "provenance", model="xlm-r")
    assert [b.value for b in app.selectbox if b.label == "Model"] == ["xlm-r"]
    assert not app.warning
    (part,) = app.text_input
    app = settle(part.set_value("5").run())
    assert [b.options for b in app.selectbox if b.label == "Model"] == [["e5", "mt5"]]
    (part,) = app.text_input
    assert settle(part.set_value("nope").run()).warning[0].value == "No model contains nope."


def test_provenance_keeps_every_version_of_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (60.0, 61.0):
        add.take([("a.csv", CSV.format(value).encode())], tmp_path, None, dry_run=False)
    app = draw(monkeypatch, tmp_path, "provenance", target="xnli", language="de")
    table = app.dataframe[0].value
    assert dict(zip(table["version"], table["score %"].round(6), strict=True)) == {1: 60.0, 2: 61.0}
    assert dict(zip(table["version"], table["current"], strict=True)) == {1: False, 2: True}
    assert (table["kind"] == "external").all()


def test_provenance_says_what_is_retracted_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (60.0, 61.0):
        add.take([("a.csv", CSV.format(value).encode())], tmp_path, None, dry_run=False)
    con = store.connect(tmp_path)
    ((run,),) = con.execute("SELECT run_id FROM run").fetchall()
    con.close()
    retracting.retract(tmp_path, {"run_id": run}, "a slip: *61*")
    app = draw(monkeypatch, tmp_path, "provenance", target="xnli", language="de", run=run)
    table = app.dataframe[0].value
    assert dict(zip(table["version"], table["current"], strict=True)) == {1: True, 2: False}
    assert table["retracted"].fillna("").tolist() == ["a slip: *61*", ""]
    (said,) = (error.value for error in app.error)
    assert re.match(r"Retracted since \d{4}-\d\d-\d\d, and in no view but this page: a slip: \*61\*$", said.replace("\\", ""))
    retracting.retract(tmp_path, {"source": "a paper"}, "withdrawn")  # both versions, so that no other page has the cell
    app = draw(monkeypatch, tmp_path, "provenance", target="xnli", language="fr", model="m")
    assert app.dataframe[0].value["retracted"].tolist() == ["a slip: *61*", "withdrawn"]
    assert [b.value for b in app.selectbox][:4] == ["xnli", "m", "none", "fr"]


def test_provenance_of_a_carried_number_is_the_file_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = CSV.format(60.0).encode()
    add.take([("a.csv", content)], tmp_path, None, dry_run=False)
    add.take([("b.csv", CSV.format(61.0).rpartition("m,")[0].encode())], tmp_path, None, dry_run=False)
    app = draw(monkeypatch, tmp_path, "provenance", target="xnli", language="fr")
    assert app.dataframe[0].value["source_sha256"].tolist() == [hashlib.sha256(content).hexdigest()] * 2
    assert any(f"from run {app.dataframe[0].value['run_id'][1]} it has" in caption.value for caption in app.caption)


def test_audit_shows_findings_with_what_to_do(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.add("intents", "mini-pos", 0, {"de": 0.6}, scorer="token-accuracy-1")  # without a baseline
    app = draw(monkeypatch, writer.root, "audit")
    assert not app.exception
    assert any(t.value.startswith("What to do: ") for t in app.text)
    assert sum(int(m.value) for m in app.metric) == sum(len(d.value) for d in app.dataframe)


def test_uploads_are_off_unless_the_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XBENCH_UPLOADS", raising=False)
    app = draw(monkeypatch, tmp_path / "none", "add")
    assert "takes no uploads" in app.error[0].value
    assert not app.get("file_uploader")
    monkeypatch.setenv("XBENCH_UPLOADS", "1")
    assert draw(monkeypatch, tmp_path / "none", "add").get("file_uploader")


def test_an_upload_is_compared_first_then_stored_and_nothing_twice(tmp_path: Path) -> None:
    files = [("../../etc/results.csv", CSV.format(60.0).encode())]
    assert add.take(files, tmp_path / "s", None, dry_run=True).cells["new"] == 2
    assert not (tmp_path / "s").exists()
    assert add.take(files, tmp_path / "s", None, dry_run=False).cells["new"] == 2
    assert add.take(files, tmp_path / "s", None, dry_run=False).cells == {"identical": 2}
    changed = add.take([("b.csv", CSV.format(61.0).encode())], tmp_path / "s", None, dry_run=True)
    assert [(c.old, c.new) for c in changed.changes] == [(pytest.approx(0.6), pytest.approx(0.61))]
    con = store.connect(tmp_path / "s")
    assert len(board.query(con, "score")) == 2
    con.close()


def test_an_upload_says_what_is_refused_and_takes_what_its_file_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "| Model | en | de |\n|---|---|---|\n| A | 80.0 | 70.0 |\n| Zero-shot | | |\n| B | 81.0 | ? |\n"
    monkeypatch.setenv("XBENCH_UPLOADS", "1")
    upload = io.BytesIO(content.encode())
    upload.name = "table.md"
    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: [upload])
    app = draw(monkeypatch, tmp_path / "store", "add")
    assert "no score could be read" in app.error[0].value
    assert not any("new to the store" in info.value for info in app.info), "nothing could be read; that nothing is new says another thing"
    assert "4 x column 'target': is empty; if the file does not say it, --set does" in app.text[1].value
    assert str(tempfile.gettempdir()) not in str(app.dataframe[0].value.to_dict())
    fields = {box.label: box for box in app.text_input}
    assert fields.keys() >= {"target", "metric", "intermediate", "source", "model", "section", "headings", "split"}
    assert not fields.keys() & {"value", "n", "stderr"}
    for column, value in {"target": "xnlii", "metric": " accuracy ", "intermediate": "none", "source": "a paper"}.items():
        fields[column].set_value(value)
    app = settle(app.button[0].click().run())
    assert not app.error
    assert [m.value for m in app.metric] == ["3", "0", "0", "0", "1"]
    assert common.plain("1 target is no task of xbench: xnlii (did you mean xnli?)") == app.warning[0].value
    assert "table of line 1" in app.warning[1].value.replace("\\", "")
    assert app.text[1].value == "1 x column 'value': expected a number"
    app = settle(next(b for b in app.button if b.label == "Add 3 rows to the store").click().run())
    assert app.success[0].value.startswith("3 new and 0 changed rows are stored")
    with store.reading(tmp_path / "store") as con:
        assert con.execute("SELECT DISTINCT target, metric, source FROM result").fetchall() == [("xnlii", "accuracy", "a paper")]


class Evil:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (Path.touch, (Path("evil-was-here"),))


def test_hostile_uploads_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.csv", CSV.format(1))
        archive.writestr("zeros.csv", b"0" * (300 << 20))
    for name, content in {
        "preds.p": pickle.dumps(Evil()),
        "bomb.zip": bomb.read_bytes(),
        "x.csv": b"\xff\xfe\x00" * 99,
        "y.json": b"[" * 10_000,
    }.items():
        report = add.take([(name, content)], tmp_path / "s", None, dry_run=False)
        assert not report.cells["new"], name
        assert report.refusals or report.unknown, name
    assert not (tmp_path / "s").exists()
    assert not list(tmp_path.glob("evil*"))
    assert not list(tmp_path.parent.glob("outside.csv"))
    with pytest.raises(XbenchError, match="20 MB"):
        add.take([("big.csv", b"0" * (add.LARGEST + 1))], tmp_path / "s", None, dry_run=True)
    assert add.safe("..\\..\\.bashrc<b>") == "bashrc_b_"
    assert add.safe("...") == "upload"


def test_sign_in_keeps_every_page_from_those_who_are_not_signed_in(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.add("none", "mini-pos", 0, {"de": 0.5}, scorer="token-accuracy-1")
    monkeypatch.setenv("XBENCH_SIGN_IN", "1")
    app = draw(monkeypatch, writer.root, "leaderboard")
    assert not app.dataframe
    assert not app.selectbox
    assert "needs [auth]" in app.error[0].value  # nothing is drawn either where signing in is not set up
    monkeypatch.delenv("XBENCH_SIGN_IN")
    assert draw(monkeypatch, writer.root, "leaderboard").dataframe


def test_the_settings_that_ship_are_safe() -> None:
    import tomllib

    settings = tomllib.loads((Path(__file__).parent.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["maxUploadSize"] <= 20
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"


def test_no_p_is_nothing_on_screen_and_in_tables_to_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (0, 1, 2):
        put(tmp_path, "none", seed, {c: answers(10 * seed + i, 0.5, 1000) for i, c in enumerate(("en", "de", "hi"))})
        put(tmp_path, "intents", seed, {c: answers(10 * seed + i + 5, 0.9, 1000) for i, c in enumerate(("en", "de", "hi"))})
    app = draw(monkeypatch, tmp_path, "compare")
    table = app.dataframe[0].value
    assert 0 < table["p"].min() < 0.0005
    formats = json.loads(app.dataframe[0].proto.columns)
    assert {formats[c]["type_config"]["format"] for c in ("p", "adjusted p")} == {"%.3g"}
    data = pd.DataFrame(
        {"p": [0.0004, 0.0294, None], "adjusted p": [0.0612, 1.0, None], "syntactic": [0.347, 0.5, None], "low": [1.0, 2.0, 3.0]}
    )
    lines = [line for line in common._latex(data, "", small=["syntactic"]).decode().splitlines() if line.endswith(r"\\")]
    assert lines[1:] == [r"\textless{}.001 & .061 & 0.347 & 1.0 \\", r".029 & 1 & 0.5 & 2.0 \\", r"-- & -- & -- & 3.0 \\"]
    detail = draw(monkeypatch, tmp_path, "transfer", cell="intents → de").text[0].value
    assert "adjusted p <.001: helps" in detail


def test_audit_says_that_no_finding_is_of_a_severity(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.add("intents", "mini-pos", 0, {"de": 0.5}, scorer="token-accuracy-1")
    app = draw(monkeypatch, writer.root, "audit", severity="error")
    assert app.metric[0].value == "0"
    assert app.info[0].value == "No finding is of that severity."


def test_where_a_number_comes_from_where_there_is_none(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.add("none", "mini-pos", 0, {"de": 0.5}, scorer="token-accuracy-1")
    writer.add("none", "mini-nli", 0, {"de": 0.5}, scorer="accuracy-1", model="other")
    app = draw(monkeypatch, writer.root, "leaderboard")
    said = [i.value for i in app.info]
    assert (said, len(app.dataframe)) == (["This system has no score in this task. Choose another of the two."], 1)
    (systems,) = [b for b in app.selectbox if b.label == "System"]
    assert systems.index is not None
    assert len(settle(systems.select_index(1 - systems.index).run()).dataframe) == 2


def test_printed_means_over_other_languages_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = two_means(tmp_path)
    app = draw(monkeypatch, root, "compare")
    assert app.dataframe[0].value["delta"].tolist() == [pytest.approx(5)]
    assert "by the mean that the source printed, untested\\: the first is higher" in app.markdown[1].value
    app = draw(monkeypatch, root, "provenance", language="mul", intermediate="mlm")
    assert app.dataframe[0].value["mean over"].tolist() == ["de fr", "de es fr"]


def test_a_page_that_is_broken_says_so_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took all pages with it; so did one with an underscore in its name, and a second first page."""
    from xbench.ui import pages, shell

    whole = "TITLE, ORDER, SECTION = 'Mine', 0, 'Results'\n\n\ndef page(source):\n    pass\n"
    for name, text in (("my_own.py", whole), ("zz_syntax.py", "x = ("), ("zz_less.py", "TITLE = 'Less'\n"), ("zz_late.py", "1 / 0\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(shell, "PAGES", tmp_path)
    monkeypatch.setattr(pages, "__path__", [str(tmp_path)])
    found = {name: shell._module(name) for name in ("my-own", "zz-syntax", "zz-less", "zz-late")}
    assert [(m.TITLE, m.SECTION) for m in found.values()] == [
        ("Mine", "Results"), ("zz-syntax", "Broken"), ("zz-less", "Broken"), ("zz-late", "Broken")
    ]  # fmt: skip
    written: list[str] = []
    monkeypatch.setattr(shell.st, "text", written.append)
    for name in ("zz-syntax", "zz-less", "zz-late"):
        found[name].page(None)
    assert written[0].startswith(f"{tmp_path / 'zz_syntax.py'}:1: SyntaxError")
    assert written[1] == f"{tmp_path / 'zz_less.py'}: expected ORDER = int, SECTION = str, page = function"
    assert written[2] == f"{tmp_path / 'zz_late.py'}:1: ZeroDivisionError: division by zero"
