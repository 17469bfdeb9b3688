"""Every check finds what it is for, says where and what to do, and is silent on a store without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.conftest import Writer
from xbench import auditing, cli, ingesting, plugins, store
from xbench.errors import PluginError
from xbench.task import load_task

NAMES = plugins.names(auditing.AUDITS, ".sql")


def clean(writer: Writer) -> None:
    for seed in (0, 1):
        writer.add("none", "mini-pos", seed, {"de": 0.70 + seed / 100, "fr": 0.6, "es": 0.5})
        writer.add("intents", "mini-pos", seed, {"de": 0.72 + seed / 100, "fr": 0.61, "es": 0.5})


def _pair(writer: Writer) -> None:
    key = writer.add("none", "xquad", 0, {"de": 0.5}, metric="f1")
    rows = pq.read_table(writer.root / "score" / f"{key}.parquet").to_pylist()
    rows += [{**row, "metric": "exact_match", "value": 0.6} for row in rows]
    store.write(writer.root, "score", pa.Table.from_pylist(rows), key)


def _nan(writer: Writer) -> None:
    key = writer.add("none", "t", 0, {"de": 0.5})
    path = writer.root / "score" / f"{key}.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("value"), "value", pa.array([float("nan")])), path)


def _means(writer: Writer) -> None:
    writer.add("none", "t", None, {"de": 0.5, "fr": 0.6}, kind="external", source="p")
    writer.add("none", "t", None, {"mul": 0.6}, kind="external", source="p", language_set="de fr")


FAULTS: dict[str, tuple[Callable[[Writer], object], str]] = {
    "another-number": (
        lambda w: [w.add("none", "t", 0, {"de": v, "fr": 0.6}, kind=kind) for kind, v in (("run", 0.5), ("external", 0.9))],
        "de, seed 0: 50.00 here, 90.00 from elsewhere",
    ),
    "impossible-metric-pair": (_pair, "exact match 60.00 is above F1 50.00"),
    "accuracy-at-chance": (
        lambda w: w.add("none", "xnli", 0, {"en": 0.8, "de": 0.335, "sw": 0.33, "fr": 0.1}, n=5010), "above 1/3 in 3 of 4 languages: de fr sw",
    ),
    "zero-f1": (lambda w: w.add("none", "panx", 0, {"de": 0.0, "fr": 0.0}, metric="f1"), "f1 is 0 in all 2 languages"),
    "wrong-scale": (lambda w: w.add("none", "t", 0, {"de": 0.0071, "fr": 0.0082}), "no score of this run is above 0.82 %"),
    "mixed-revisions": (
        lambda w: [w.add("none", "t", s, {"de": 0.5}, dataset_revision=r, target_revision=r) for s, r in ((0, "r1"), (1, "r2"))], "2 revisions: r1, r2",
    ),
    "mixed-scorers": (lambda w: [w.add("none", "t", s, {"de": 0.5}, scorer=f"s-{s}") for s in (0, 1)], "2 scorers: s-0, s-1"),
    "unequal-languages": (lambda w: [w.add("none", "t", 0, {"de": 0.5}), w.add("a", "t", 0, {"de": 0.5, "fr": 0.4})], "averages over 1, 2 languages"),
    "duplicates": (
        lambda w: [w.add("none", "t", None, {"de": 0.5, "fr": 0.4, "es": 0.3}, kind="external", source=s) for s in ("p", "q")], "agree in all 3 languages",
    ),
    "not-a-number": (_nan, "value is nan"),
    "idle-seeds": (lambda w: [w.add("none", "t", s, {"de": 0.5, "fr": 0.4, "es": 0.3}) for s in (3, 4)], "seeds 3, 4 give the same 3 numbers"),
    "missing-baseline": (lambda w: w.add("a", "t", 7, {"de": 0.5}), "1 of 1 cells have no delta: no direct baseline"),
    "shared-data": (lambda w: w.add("mnli", "xnli", 0, {"de": 0.7}), "XNLI is trained on MNLI"),
    "mean-disagrees": (_means, "printed 60.0, its 2 languages make 55.00"),
    "other-protocol": (
        lambda w: [w.add("none", "xnli", 0, {"de": 0.7}), w.add("unknown", "mteb/XNLI", None, {"de": 0.8}, kind="external", metric="max_ap")],
        "mteb/XNLI (max_ap), xnli (accuracy)",
    ),
    "other-spelling": (
        lambda w: w.add("none", "PAWS-X", None, {"de": 0.7, "fr": 0.6}, kind="external", metric="Acc."), "PAWS-X is pawsx and Acc. is accuracy (2 scores)",
    ),
}  # fmt: skip


def test_every_check_is_tested() -> None:
    assert sorted(FAULTS) == NAMES


@pytest.mark.parametrize(
    ("intermediate", "target", "found"),
    [
        ("anli-plus", "xnli", "MNLI, on which XNLI is trained, is part of ANLI+"),
        (
            "squad2",
            "xtreme-r-xquad",
            "XQuAD is trained on SQuAD 1.1, all of which SQuAD 2.0 contains; its paragraphs come from SQuAD's development set",
        ),
        ("all9", "xtreme-r-xquad", "its part squad1: XQuAD is trained on SQuAD 1.1, and its paragraphs come from SQuAD's development set"),
        ("mini-multi-capped", "mini-nli", "the mixture contains the task"),
        ("mini-multi", "mini-ner", "its part mini-pos: one set of English training sentences, tagged twice"),
        ("xquad", "mlqa", "both are trained on SQuAD 1.1"),
        ("udpos", "xtreme-r-udpos", "the same task"),
        ("intents@de", "intents", "the same task in another language, whose test sentences come from the same templates"),
    ],
)
def test_data_is_shared_by_parts_of_mixtures_and_by_the_tasks_of_both_suites(
    intermediate: str, target: str, found: str, writer: Writer
) -> None:
    writer.add("none", target, 0, {"de": 0.5})
    writer.add(intermediate, target, 0, {"de": 0.5})
    assert found in {f.text for f in auditing.audit(writer.root) if f.check == "shared-data"}


def test_a_clean_store_has_no_finding(tmp_path: Path) -> None:
    clean(Writer(tmp_path))
    assert auditing.audit(tmp_path) == []
    assert auditing.audit(tmp_path / "none") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_check_finds_its_fault_and_says_what_to_do(name: str, tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    clean(writer)
    fault, said = FAULTS[name]
    fault(writer)
    found = auditing.audit(tmp_path, name)
    assert len(found) == 1, found
    assert said in found[0].text
    assert found[0].rows
    assert found[0].severity in auditing.SEVERITIES
    assert len(found[0].advice) > 20


def test_another_spelling_is_no_other_protocol(writer: Writer) -> None:
    for target in ("pawsx", "PAWS-X"):
        writer.add("none", target, 0, {"de": 0.7})
    assert [f.check for f in auditing.audit(writer.root)] == ["other-spelling"]


def test_a_check_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no check is called 'x'; there are: accuracy-at-chance"):
        auditing.audit(tmp_path, "x")


def test_a_bad_check_is_named_with_its_file_and_silences_no_other(writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were `KeyError: 'finding'` and the first of them alone."""
    writer.add("none", "t", 0, {"de": 0.5})
    folder = tmp_path / "audits"
    folder.mkdir()
    monkeypatch.setattr(auditing, "AUDITS", folder)
    head = "-- note: a title\n-- do: what is\n-- to be done\n"
    for name, text in {
        "good": f"{head}SELECT model, CASE language WHEN 'de' THEN 'German' END AS finding FROM result",
        "null": f"{head}SELECT model, NULL AS finding FROM result; -- nothing;\n  -- at all",
        "column": f"{head}SELECT model, seed FROM result",
        "header": "-- hint: a title\nSELECT 1 AS finding",
        "sql": f"{head}SELECT model,\n    colour AS finding FROM result",
    }.items():
        (folder / f"{name}.sql").write_text(text)
    (folder / "text.sql").write_bytes(b"\xff")
    bad = {
        "column": f"{folder}/column.sql: column `finding` is missing; its SELECT has model, seed",
        "header": f"{folder}/header.sql:1: expected '-- error|warning|note: title' and '-- do: advice' on top",
        "sql": f'{folder}/sql.sql:5: Binder Error: Referenced column "colour" not found in FROM clause!',
        "text": f"{folder}/text.sql: cannot be read: 'utf-8' codec can't decode byte 0xff",
    }
    found = auditing.audit(writer.root)
    assert [(f.check, f.severity) for f in found] == [*((name, "error") for name in bad), ("good", "note")]
    assert [f.text.startswith(said) for f, said in zip(found, bad.values(), strict=False)] == [True] * 4
    assert (found[-1].text, found[-1].advice) == ("German", "what is to be done")
    assert auditing.audit(writer.root, "null") == []
    for name, said in bad.items():
        with pytest.raises(PluginError) as caught:
            auditing.audit(writer.root, name)
        assert (caught.value.headline, len(caught.value.problems)) == ("the check cannot be run", 1)
        assert caught.value.problems[0].startswith(said)
    done = CliRunner().invoke(cli.app, ["audit", "--store", str(writer.root), "--json"])
    assert (done.exit_code, "German" in done.stdout, all(f"{name}.sql" in done.output + str(done.exception) for name in bad)) == (
        1,
        True,
        True,
    )
    assert CliRunner().invoke(cli.app, ["audit", "--store", str(writer.root), "--check", "good"]).exit_code == 0


def test_means_over_classes_are_no_impossible_f1(writer: Writer, tmp_path: Path) -> None:
    """Of two classes with precision .9 and .6, recall .3 and .95 (F1 .45 and .7355) the means are .75, .625 and .5928: below both."""

    def card(root: Path, target: str, f1: float) -> list[auditing.Finding]:
        for metric, value in (("f1", f1), ("precision", 0.75), ("recall", 0.625)):
            Writer(root).add("none", target, None, {"de": value}, metric=metric, kind="external", source="a card")
        with store.connect(root) as con:
            (run,) = con.execute("SELECT min(run_id) FROM run").fetchone() or ("",)
        for table in ("run", "score"):  # one run with three metrics
            for file in (root / table).glob("*.parquet"):
                rows = [row | {"run_id": run} for row in pq.read_table(file).to_pylist()]
                pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(file)), file)
        for file in sorted((root / "run").glob("*.parquet"))[1:]:
            file.unlink()
        return auditing.audit(root, "impossible-metric-pair")

    assert card(tmp_path / "macro", "a/classifier", (0.45 + 0.7355) / 2) == []
    assert "F1 70.00 is above the mean" in card(tmp_path / "above", "a/classifier", 0.70)[0].text
    assert "F1 59.28 is below" in card(tmp_path / "spans", "mini-ner", 0.5928)[0].text


def test_languages_that_an_average_is_not_over_do_not_make_it_another(writer: Writer) -> None:
    whole = dict.fromkeys(load_task("xnli").languages, 0.7)
    writer.add("none", "xnli", 0, whole)
    writer.add("mnli", "xnli", 0, whole | {"it": 0.7})
    assert auditing.audit(writer.root, "unequal-languages") == []
    writer.add("none", "xnli", 0, {"en": 0.8, "de": 0.7}, model="a")
    writer.add("none", "xnli", 0, {"sw": 0.6, "ur": 0.6}, model="b")
    assert auditing.audit(writer.root, "unequal-languages")[0].text == "averages over 2, 15 languages, 3 different sets"


def test_a_printed_mean_is_held_against_its_own_languages(writer: Writer) -> None:
    said: dict[str, Any] = {"kind": "external", "source": "a paper"}
    for code, value in (("en", 0.8), ("de", 0.7)):
        writer.add("none", "xnli", None, {code: value}, **said)
    writer.add("none", "xnli", None, {"mul": 0.75}, language_set="de en", **said)
    writer.add("none", "xnli", None, {"mul": 0.78}, language_set="de en", relationship="third party", **said)
    assert auditing.audit(writer.root, "mean-disagrees") == []
    for code, value in (("en", 0.81), ("de", 0.71)):
        writer.add("none", "xnli", None, {code: value}, relationship="third party", **said)
    assert auditing.audit(writer.root, "mean-disagrees")[0].text == "printed 78.0, its 2 languages make 76.00"


def test_a_mean_from_before_a_correction_is_called_so(tmp_path: Path) -> None:
    for name, cells in (("1", "de,.7 fr,.6 mul,.65"), ("2", "de,.8 fr,.6")):
        file = tmp_path / f"{name}.csv"
        lines = [
            f"m,none,xnli,{language},{'de fr' if language == 'mul' else ''},accuracy,{value},p"
            for language, value in (c.split(",") for c in cells.split())
        ]
        file.write_text("\n".join(["model,intermediate,target,language,language_set,metric,value,source", *lines]) + "\n", encoding="utf-8")
        ingesting.ingest([file], tmp_path / "s")
    (found,) = auditing.audit(tmp_path / "s", "mean-disagrees")
    assert found.text == "printed 65.0, its 2 languages make 70.00: printed before a correction, which has no mean"


@pytest.mark.parametrize(
    ("sizes", "mean", "finding"),
    [
        ((2325, 83), 0.8, []),  # lm-eval's xwinograd: en and fr; (2325 * 0.807 + 83 * 0.604) / 2408
        ((2325, 83), 0.7055, []),  # the plain mean
        ((2325, 83), 0.79, ["printed 79.0, its 2 languages make 70.55"]),
        ((2325, None), 0.8, ["printed 80.0, its 2 languages make 70.55"]),
    ],
)
def test_a_printed_mean_may_be_weighted_by_size(sizes: tuple[int, int | None], mean: float, finding: list[str], writer: Writer) -> None:
    said: dict[str, Any] = {"kind": "external", "source": "lm-eval"}
    for (code, value), n in zip((("en", 0.807), ("fr", 0.604)), sizes, strict=True):
        writer.add("none", "lm-eval/xwinograd", None, {code: value}, n=n, **said)
    writer.add("none", "lm-eval/xwinograd", None, {"mul": mean}, language_set="en fr", **said)
    assert [found.text for found in auditing.audit(writer.root, "mean-disagrees")] == finding


def test_a_correlation_below_0_is_a_number(tmp_path: Path) -> None:
    Writer(tmp_path).add("none", "mini-nli", None, {"de": -0.2, "fr": 0.4}, metric="mcc", kind="external", source="p", evidence="aggregate")
    assert auditing.audit(tmp_path, "not-a-number") == []
