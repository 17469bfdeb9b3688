"""Every adapter gives the rows of its format, on files that we wrote in the real shape and on the real files where they are at hand."""

import json
import os
import tracemalloc
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.adapter_files import CASES, EXPECTED_COLUMNS, Case, eval_log, eval_members, helm_stat, zipped
from xbench import adapter, cli, comparing, ingesting, store
from xbench.adapter import Options
from xbench.errors import DataError

FIXTURES = Path(os.environ.get("XBENCH_FIXTURES", "/nowhere"))  # a folder with sumeval/, mteb/results/ and xtreme/mock_test_data/


def ingest(case: Case, folder: Path) -> tuple[ingesting.Report, Path]:
    start = case.write(folder / "files")
    options = Options(folder / "files" / case.references if case.references else None, settings=case.settings)
    return ingesting.ingest([start], folder / "store", options=options, template=case.template), folder / "store"


def rows(root: Path, *columns: str) -> list[tuple[Any, ...]]:
    con = store.connect(root)
    try:
        return con.execute(f"SELECT {', '.join(columns)} FROM result ORDER BY ALL").fetchall()
    finally:
        con.close()


def test_every_adapter_has_a_case() -> None:
    assert sorted(CASES) == adapter.names()


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_rows_of_a_format_and_reading_again_changes_nothing(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    report, root = ingest(case, tmp_path)
    assert set(report.files) <= {name}
    con = store.connect(root)
    select = f"SELECT {', '.join((*EXPECTED_COLUMNS, *case.more))} FROM result"
    every = con.execute(select).fetchall()
    found = sorted(r[:5] for r in every)
    assert [r[:4] for r in found] == [r[:4] for r in sorted(case.expected)]
    assert [r[4] for r in found] == pytest.approx([r[4] for r in sorted(case.expected)], abs=1e-15)
    for place, (column, value) in enumerate(case.more.items(), len(EXPECTED_COLUMNS)):
        assert {r[place] for r in every} == (value if isinstance(value, set) else {value}), column
    assert con.execute("SELECT count(*) FROM outcome").fetchall() == [(case.examples,)]
    assert con.execute("SELECT count(*) FROM run WHERE source_sha256 IS NULL OR identity IS NULL OR version <> 1").fetchall() == [(0,)]
    con.close()
    said = " | ".join(map(str, report.refusals))
    assert len(report.refusals) == len(case.refused), said
    assert all(part in said for part in case.refused), said
    before = {p: p.read_bytes() for p in root.rglob("*.parquet")}
    report, _ = ingest(case, tmp_path)
    assert set(report.cells) == {"identical"}
    assert {p: p.read_bytes() for p in root.rglob("*.parquet")} == before


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_format_can_be_named_and_has_a_description(name: str, tmp_path: Path) -> None:
    about, example = adapter.summary(name)
    assert about.endswith((".", ","))
    assert example
    if not adapter.takes_folders(name):
        wrong = tmp_path / "x.json"
        wrong.write_text("[1, 2", encoding="utf-8")
        report = ingesting.ingest([wrong], tmp_path / "s", name)
        assert [r.path for r in report.refusals] == [str(wrong)]
        assert not report.cells


def test_examples_of_a_lm_eval_run_are_matched_by_their_hash(tmp_path: Path) -> None:
    _, root = ingest(CASES["lm-eval"], tmp_path)
    con = store.connect(root)
    assert con.execute("SELECT example_id, numerator FROM outcome ORDER BY ALL").fetchall() == [
        ("a", 1.0),
        ("b", 0.0),
        ("b#2", 1.0),
        ("c", 0.0),
    ]
    con.close()


def test_of_several_tables_one_is_chosen(tmp_path: Path) -> None:
    """As in google-deepmind/xquad's README: lengths, F1, EM, under the same headings."""
    path = tmp_path / "README.md"
    head = "| Model | en | de |\n|---|---|---|\n"
    path.write_text(f"{head}| Question | 11.5 | 11.0 |\n\nF1\n\n{head}| mBERT | 83.5 | 70.6 |\n\nEM\n\n{head}| mBERT | 72.2 | 54.0 |\n")
    said = {"target": "xquad", "intermediate": "none", "source": "s"}
    report = ingesting.ingest([path], tmp_path / "s", options=Options(settings=said))
    assert "has 3 tables that may hold scores; say which with --set table=NUMBER\n    table=1: line 1, Model | en | de" in str(
        report.refusals[0]
    )
    for table, metric in (("2", "f1"), ("3", "exact_match")):
        options = Options(settings={**said, "table": table, "metric": metric})
        assert ingesting.ingest([path], tmp_path / "s", options=options).cells == {"new": 2}
    assert rows(tmp_path / "s", "metric", "language", "value") == [
        ("exact_match", "de", 0.54), ("exact_match", "en", 0.722), ("f1", "de", 0.706), ("f1", "en", 0.835),
    ]  # fmt: skip
    report = ingesting.ingest([path], tmp_path / "s", options=Options(settings={**said, "table": "4"}))
    assert "--set table=4: expected 1 to 3" in str(report.refusals[0])


def test_pickles_are_opened_only_on_request(tmp_path: Path) -> None:
    import torch

    case = CASES["jiant"]
    case.write(tmp_path)
    run = tmp_path / "runs" / "xlm-roberta-large" / "mnli" / "3"
    torch.save({"xnli_de": {"preds": [0, 1, 2, 2], "guids": None}, "mlqa_de_de": {"preds": {}}}, run / "test_preds.p")
    (tmp_path / "labels" / "xnli").mkdir(parents=True)
    (tmp_path / "labels" / "xnli" / "test-de.tsv").write_text("contradiction\nentailment\nneutral\nentailment\n", encoding="utf-8")

    def read(**said: Any) -> ingesting.Report:
        return ingesting.ingest([tmp_path / "runs"], tmp_path / "s", options=Options(**said), template=case.template)

    assert read().cells == {"new": 8}
    assert "say where these are with --references" in str(read(allow_pickle=True).refusals[0])
    assert read(allow_pickle=True, references=tmp_path / "labels").cells == {"identical": 8, "new": 1}
    con = store.connect(tmp_path / "s")
    found = con.execute("SELECT language, value, n, seed, scorer FROM result WHERE target = 'xnli' AND split = 'test'").fetchall()
    assert found == [("de", 0.75, 4, 1234, "accuracy-1")]
    assert con.execute("SELECT example_id, prediction FROM prediction ORDER BY ALL").fetchall()[3] == ("3", "neutral")
    con.close()
    mark = tmp_path / "was-opened"
    command = f"touch {mark}".encode()
    (run / "test_preds.p").write_bytes(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + bytes([len(command)]) + command + b"\x85R.")
    assert set(read().cells) <= {"older", "identical"}
    assert not mark.exists()
    assert not ingesting.ingest([run / "test_preds.p"], tmp_path / "s").cells


def test_an_adapter_of_ones_own_goes_before_a_shipped_one(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "long.py").write_text(
        '"""Mine."""\nUNSAID = {"source": "mine", "intermediate": "none"}\ndef recognises(path, head): return path.suffix == ".mine"\n'
        'def read(path, options):\n    yield {"model": path.stem, "target": "t", "language": "de", "metric": "f1", "value": 0.5}\n',
        encoding="utf-8",
    )
    (tmp_path / "a.mine").write_text("", encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.mine"], tmp_path / "s", options=Options(folder=folder))
    assert report.files == {"long": 1}
    assert rows(tmp_path / "s", "model", "source") == [("a", "mine")]


def test_an_adapter_of_many_files_is_asked_first(tmp_path: Path) -> None:
    for name, said in (("a", ""), ("b", "ASKED_FIRST = True\n")):
        text = f'"""Any."""\n{said}def recognises(path, head): return head == b"x"\ndef read(path, options): yield {{}}\n'
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "c.any").write_text("x", encoding="utf-8")
    assert adapter.recognised(tmp_path / "c.any", Options(folder=tmp_path)) == "b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def recognises(path, head) return 1", "{file}:2: SyntaxError: expected ':'"),
        ("import xbench_is_not_this", "{file}:2: ModuleNotFoundError"),
        ("def recognises(path, head): return heed\ndef read(path, options): pass", "{file}:2: NameError: name 'heed' is not defined"),
        ("def recognises(path, head): return True\ndef read(path, options): yield rows", "{file}:3: NameError: name 'rows' is not defined"),
        ("def recognises(path, head): return True\ndef reed(path, options): pass", "({file}) lacks read; it defines recognises, reed"),
    ],
)
def test_an_adapter_that_is_broken_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = _own(tmp_path / "folder", text, "broken")
    (tmp_path / "a.broken").write_text("x", encoding="utf-8")
    for arguments in (
        ["ingest", "external-results", str(tmp_path / "a.broken"), "--dry-run", "--store", str(tmp_path / "s")],
        *([] if "Name" in said else [["adapters"]]),
    ):
        done = CliRunner().invoke(cli.app, [*arguments, "--adapters", str(file.parent)])
        assert (done.exit_code, said.format(file=file) in done.output + str(done.exception)) == (1, True)


def _own(folder: Path, text: str, name: str = "mine") -> Path:
    file = folder / f"{name}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'"""Mine."""\n{text}\n', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("recognises", "said"),
    [
        ("def recognises(path, head):\n    return 1 / 0", "3: ZeroDivisionError: division by zero"),
        ("def recognises(path, head): return 'x' in head", "2: TypeError: a bytes-like object is required, not 'str'"),
        ("def recognises(path, head): return {}['x']", "2: KeyError: 'x'"),
        ("def recognises(path):\n    return True", "2: TypeError: recognises() takes 1 positional argument but 2 were given"),
        ("def recognises(path, head): raise Exception('odd')", "2: Exception: odd"),
    ],
)
def test_an_adapter_that_fails_over_a_file_is_named_where_no_other_knows_it(tmp_path: Path, recognises: str, said: str) -> None:
    """It was passed over without a word, which hid the fault."""
    file = _own(tmp_path / "folder", f"{recognises}\ndef read(path, options): yield {{}}")
    path = tmp_path / "a.foo"
    path.write_text("x", encoding="utf-8")
    (refusal,) = ingesting.ingest([path], tmp_path / "s", options=Options(folder=file.parent)).refusals
    assert str(refusal) == (
        f"{path}: no adapter knows this format; --format tries one, `xbench adapters` lists them\n  - adapter 'mine' failed: {file}:{said}"
    )
    case = CASES["long"]  # which another knows
    report = ingesting.ingest([case.write(tmp_path / "files")], tmp_path / "s", options=Options(folder=file.parent, settings=case.settings))
    assert report.files == {"long": 1}


def test_a_shipped_adapter_may_fail_over_a_foreign_file_but_not_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.foo"
    path.write_text("[1]", encoding="utf-8")
    for fault, told in (("json.loads(head).get('x')", False), ("json.loads(head)['x']", False), ("path.sufix", True), ("1 / 0", True)):
        folder = tmp_path / str(len(fault))
        file = _own(folder, f"import json\ndef recognises(path, head): return {fault}\ndef read(path, options): yield {{}}", "shipped")
        monkeypatch.setattr("xbench.share.folder", lambda _, folder=folder: folder)
        for cached in (adapter.load, adapter._asked):
            cached.cache_clear()
        if told:
            with pytest.raises(DataError, match=rf"adapter 'shipped' failed: {file}:3: "):
                adapter.recognised(path, Options())
        else:
            assert adapter.recognised(path, Options()) is None
    monkeypatch.undo()
    for cached in (adapter.load, adapter._asked):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("def read(path, options):\n    yield {}\n    yield 5", "5: mine.read yielded int, {expected}"),
        ("def read(path, options):\n    yield None", "4: mine.read yielded NoneType, {expected}"),
        ("def read(path, options): return [('model', 'm')]", "3: mine.read yielded tuple, {expected}"),
        ("def read(path, options):\n    pass", "3: mine.read returned NoneType, {expected}"),
        ("def read(path, options): return {'model': 'm'}", "3: mine.read returned dict, {expected}"),
        ("def read(path): yield {}", "3: TypeError: read() takes 1 positional argument but 2 were given"),
    ],
)
def test_what_an_adapter_gives_that_is_no_row_is_no_fault_of_the_file(tmp_path: Path, read: str, said: str) -> None:
    """It was `not as mine files are (AttributeError …, at ?)`."""
    file = _own(tmp_path / "folder", f"def recognises(path, head): return True\n{read}")
    path = tmp_path / "a.foo"
    path.write_text("x", encoding="utf-8")
    (refusal,) = ingesting.ingest([path], tmp_path / "s", "mine", Options(folder=file.parent)).refusals
    expected = "expected an iterable of dictionaries (a row each), Blocks and Notes"
    assert str(refusal) == f"adapter 'mine' is broken\n  - {file}:{said.format(expected=expected)}"


@pytest.mark.skipif(not (FIXTURES / "sumeval").is_dir(), reason="XBENCH_FIXTURES: SumEval's files (microsoft/Litmus)")
def test_every_configuration_of_sumeval(tmp_path: Path) -> None:
    """Counts: microsoft/Litmus SumEval/data/train, counted over its files."""
    report = ingesting.ingest([FIXTURES / "sumeval"], tmp_path)
    assert report.runs == 866
    con = store.connect(tmp_path)
    assert dict(con.execute("SELECT target, count(*) FROM run GROUP BY target").fetchall()) == {
        "xnli": 40,
        "udpos": 400,
        "panx": 400,
        "tydiqa": 26,
    }
    con.close()
    assert report.targets == {"xnli": 600, "udpos": 12_000, "panx": 15_600, "tydiqa": 234}
    (refusal,) = report.refusals
    assert str(refusal).endswith("XNLI_XLMR.masked.json: the scores of 10 of 10 configurations are masked ('x'): refused whole")
    theirs = Counter()
    for path in (FIXTURES / "sumeval").glob("*.json"):
        if "masked" not in path.name:
            for configuration in json.loads(path.read_text(encoding="utf-8")):
                theirs.update((code, value) for code, value in configuration["eval_results"].items())
    assert Counter(rows(tmp_path, "language", "value")) == theirs


@pytest.mark.skipif(not (FIXTURES / "mteb").is_dir(), reason="XBENCH_FIXTURES: some of embeddings-benchmark/results")
def test_all_files_of_mteb(tmp_path: Path) -> None:
    report = ingesting.ingest([FIXTURES / "mteb" / "results"], tmp_path)
    assert not report.refusals
    mine = {
        (t, m, r, s, lang): v for t, m, r, s, lang, v in rows(tmp_path, "target", "model", "model_revision", "split", "language", "value")
    }
    seen = set()
    for path in (FIXTURES / "mteb" / "results").rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        for split, subsets in content.get("scores", {}).items():
            for subset in subsets:
                from xbench.languages import normal

                code = normal("/".join(dict.fromkeys(subset["languages"])))
                key = (
                    f"mteb/{content['task_name']}", path.parts[-3].replace("__", "/"), path.parts[-2], "dev" if split == "validation" else split, code,
                )  # fmt: skip
                assert mine[key] == subset["main_score"], key
                seen.add(key)
    assert len(seen) == 834
    old = sorted((key[0], key[4], round(value, 6)) for key, value in mine.items() if key not in seen)  # files of before 1.11
    assert len(old) == 6
    assert ("mteb/PawsXPairClassification", "fr", 0.517272) in old


@pytest.mark.skipif(not (FIXTURES / "xtreme").is_dir(), reason="XBENCH_FIXTURES: mock_test_data of google-research/xtreme")
def test_xtremes_mock_submission(tmp_path: Path) -> None:
    """Goldens: google-research/xtreme evaluate_test.py, averages in percent."""
    folder = FIXTURES / "xtreme" / "mock_test_data"
    options = Options(folder / "labels", settings={"model": "mock"})
    report = ingesting.ingest([folder / "predictions"], tmp_path, options=options)
    assert not report.refusals
    con = store.connect(tmp_path)
    found = {(t, m, s): v for t, m, s, v in con.execute("SELECT target, metric, scorer, 100 * value FROM leaderboard").fetchall()}
    con.close()
    golden = {
        ("xnli", "accuracy"): 30.666666666666664, ("pawsx", "accuracy"): 51.42857142857143, ("panx", "f1"): 57.50769493085677,
        ("tatoeba", "accuracy"): 53.61111111111111, ("bucc2018", "f1"): 55.0, ("tydiqa", "exact_match"): 88.88888888888889,
    }  # fmt: skip
    for (target, metric), value in golden.items():
        assert any(v == pytest.approx(value, abs=0.006) for (t, m, _), v in found.items() if (t, m) == (target, metric)), (
            target,
            metric,
            found,
        )


def said(path: str, content: object, folder: Path, *columns: str, **settings: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    """What of one file is stored, and what is refused."""
    file = folder / "in" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    report = ingesting.ingest([folder / "in"], folder / "store", options=Options(settings=settings))
    return rows(folder / "store", *columns) if report.cells else [], list(map(str, report.refusals))


def _lm_eval(**results: dict[str, Any]) -> dict[str, Any]:
    return {"results": results, "model_name": "org/m", "config": {}, "lm_eval_version": "0.4.9"}


@pytest.mark.parametrize(
    ("task", "configuration", "expected"),
    [  # the languages are those of lm_eval/tasks/*/README.md at 4e7e0d4
        ("lambada_openai_mt_de", "de", ("lambada_openai_mt", "de")),
        ("arc_challenge_mt_nb", "nb", ("arc_challenge_mt", "nb")),
        ("xnli_eu_mt", "eu_mt", ("xnli_eu_mt", "eu")),
        ("polemo2_in", None, ("polemo2_in", None)),
        ("agieval_lsat_ar", None, ("agieval_lsat_ar", None)),
        ("matreshka_yes_no", None, ("matreshka_yes_no", None)),
        ("pisa_ch", None, ("pisa_ch", None)),
        ("mlqa_ar_de", "mlqa.ar.de", ("mlqa", "ar/de")),
        ("mgsm_en_cot_sw", "sw", ("mgsm_en_cot", "sw")),
        ("flan_held_in", None, ("flan_held_in", None)),
        ("evalita-mp_te", None, ("evalita-mp_te", None)),
        ("csatqa_li", "LI", ("csatqa_li", None)),
        ("egymmlu_management_ar", "management_ar", ("egymmlu_management_ar", None)),
        ("flores_ca", None, ("flores_ca", None)),
        ("catalan_bench_flores_ca-de", "all", ("catalan_bench_flores", "ca/de")),
        ("a_task_hi_in", None, ("a_task_hi_in", None)),
        ("a_task_pt_br", None, ("a_task_pt_br", None)),
        ("a_task_yo_ng", None, ("a_task_yo_ng", None)),
        ("a_task_es_la", None, ("a_task_es_la", None)),
        ("a_task_fr_ca", None, ("a_task_fr_ca", None)),
        ("europarl_de_en", None, ("europarl", "de/en")),
        ("a_task_en_de", None, ("a_task", "en/de")),
        ("mlqa_pro_es_ar", None, ("mlqa_pro", "es/ar")),
        ("phrases_ca_es", None, ("phrases", "ca/es")),
        ("wmt18_en-et", None, ("wmt18", "en/et")),
        ("mtnt2019_fr-en", None, ("mtnt2019", "fr/en")),
        ("a_task", "arb_arab", ("a_task", "arb-arab")),
        ("mmmlu_hi_in", None, ("mmmlu", "hi")),
        ("mmmlu_es_la_anatomy", "ES_LA", ("mmmlu_anatomy", "es")),
        ("include_base_44_kazakh_few_shot_en", None, ("include_base_44_few_shot_en", "kk")),
        ("include_base_44_north_macedonian_stem", "North Macedonian", ("include_base_44_stem", "mk")),
        ("xlsum_pidgin_prompt_1", "pidgin", ("xlsum_prompt_1", "pcm")),
        ("xlsum_es", "spanish", ("xlsum", "es")),
        # configurations of csebuetnlp/xlsum on the hub, of more than one word
        ("xlsum_serbian_latin", None, ("xlsum", "sr-Latn")),
        ("xlsum_serbian_cyrillic_prompt_1", None, ("xlsum_prompt_1", "sr-Cyrl")),
        ("xlsum_chinese_simplified", None, ("xlsum", "zh-Hans")),
        ("xlsum_chinese_traditional", None, ("xlsum", "zh-Hant")),
        ("xlsum_scottish_gaelic", None, ("xlsum", "gd")),
        ("xlsum_spanish_cyrillic", None, ("xlsum_spanish_cyrillic", None)),
        ("global_piqa_parallel_cloze_arb_arab", "arb_arab", ("global_piqa_parallel_cloze", "arb-arab")),
        ("global_piqa_parallel_cloze_fra_latn_cana", "fra_latn_cana", ("global_piqa_parallel_cloze_cana", "fra-latn")),
    ],
)
def test_words_and_places_in_a_name_are_no_languages(task: str, configuration: str | None, expected: tuple[str, str | None]) -> None:
    assert adapter.load("lm-eval").split_name(task, configuration) == expected


def test_the_mean_of_a_group_of_lm_eval_is_of_its_languages(tmp_path: Path) -> None:
    content = _lm_eval(
        xnli={"alias": "xnli", "acc,none": 0.55, "acc_stderr,none": 0.01}, xnli_de={"acc,none": 0.6}, xnli_sw={"acc,none": 0.5},
        tag={"alias": "tag", " ": " "},
    ) | {"group_subtasks": {"xnli": ["xnli_de", "xnli_sw"], "tag": ["xnli"], "xnli_de": [], "xnli_sw": []}}  # fmt: skip
    found, refused = said("results_1.json", content, tmp_path, "language", "language_set", "value", language="en")
    assert (found, refused) == ([("de", None, 0.6), ("mul", "de sw", 0.55), ("sw", None, 0.5)], [])
    both = {f"catalan_bench_flores_{way}": {"acc,none": 0.2} for way in ("ca-en", "en-ca")}
    content = _lm_eval(flores_ca={"acc,none": 0.2}) | {"group_subtasks": {"flores_ca": list(both)}}
    content["results"] |= both
    found, refused = said("results_1.json", content, tmp_path / "translations", "target", "language", "language_set")
    expected = [*(("lm-eval/catalan_bench_flores", pair, None) for pair in ("ca/en", "en/ca")), ("lm-eval/flores_ca", "mul", "ca/en en/ca")]
    assert (found, refused) == (expected, [])


def test_runs_of_lm_eval_that_differ_in_prompt_seed_or_adapter_stand_side_by_side(tmp_path: Path) -> None:
    first = _lm_eval(xnli_de={"acc,none": 0.6}) | {"n-shot": {"xnli_de": 5}, "config": {"fewshot_seed": 1}}
    others = [first | {"config": {"fewshot_seed": 2}}, first | {"chat_template_sha": "c0"}, first | {"fewshot_as_multiturn": True}]
    bare = {"model_name": None, "config": {"model_args": "pretrained=org/m,dtype=float32,peft=org/adapter"}}
    for place, content in enumerate([first, *others, _lm_eval(xnli_de={"acc,none": 0.6}) | bare]):
        found, refused = said(f"results_{place}.json", content, tmp_path, "model", "seed")
        assert not refused
    assert found == [("org/adapter", None), ("org/m", 1), ("org/m", 1), ("org/m", 1), ("org/m", 2)]


def _recipe(folder: Path, content: dict[str, Any], task: str) -> tuple[dict[str, Any] | None, str]:
    """The recipe of a task's run, and its identity."""
    assert not said("results_1.json", content, folder, "value")[1]
    with store.connect(folder / "store") as con:
        ((recipe, identity),) = con.execute("SELECT recipe, identity FROM run WHERE target = ?", [task]).fetchall()
    return json.loads(recipe), identity


def test_a_mean_of_a_group_of_lm_eval_has_the_shots_of_its_tasks(tmp_path: Path) -> None:
    """lm-eval 0.4.9 says n-shot of tasks alone; 5 and 0 were versions of one another."""
    groups = {"xnli": ["xnli_de", "inner"], "inner": ["xnli_sw", "xnli_fr"]}
    for place, (shots, expected) in enumerate([((5, 5, 5), 5), ((0, 0, 0), 0), ((5, 0, 5), [0, 5])]):
        content = _lm_eval(xnli={"acc,none": 0.5}) | {
            "group_subtasks": groups, "n-shot": dict(zip(("xnli_de", "xnli_sw", "xnli_fr"), shots, strict=True)),
        }  # fmt: skip
        assert _recipe(tmp_path / str(place), content, "lm-eval/xnli")[0] == {"num_fewshot": expected}


def test_conditions_of_a_run_of_lm_eval_are_in_its_recipe(tmp_path: Path) -> None:
    plain = _lm_eval(xnli_de={"acc,none": 0.6}) | {"n-shot": {"xnli_de": 5}}
    spread = (
        "pretrained=org/m,device_map=auto,parallelize=True,use_accelerate=True,enable_prefix_caching=True,max_memory_per_gpu=9,"
        "auth_token=x,trust_remote_code=True,batch_size=4"
    )
    for place, (config, recipe) in enumerate([
        ({}, {}),
        ({"model_args": spread, "gen_kwargs": None, "batch_size": 8}, {}),
        ({"model_args": {"pretrained": "org/m", "dtype": None}, "gen_kwargs": {}}, {}),
        ({"model_args": "pretrained=org/m,load_in_4bit=True"}, {"model_args": {"load_in_4bit": "True"}}),
        ({"model_args": {"pretrained": "org/m", "load_in_4bit": True}}, {"model_args": {"load_in_4bit": "True"}}),
        ({"model_args": "add_bos_token=True,kv_cache_dtype=fp8"}, {"model_args": {"add_bos_token": "True", "kv_cache_dtype": "fp8"}}),
        ({"gen_kwargs": "temperature=0.8,do_sample=True"}, {"gen_kwargs": {"temperature": "0.8", "do_sample": "True"}}),
        ({"gen_kwargs": {"temperature": 0.8, "do_sample": True}}, {"gen_kwargs": {"temperature": "0.8", "do_sample": "True"}}),
    ]):  # fmt: skip
        found, identity = _recipe(tmp_path / str(place), plain | {"config": config}, "lm-eval/xnli")
        assert found == {"num_fewshot": 5} | recipe
        assert (identity == "054b835cd9d660dee295c1e0") == (not recipe)  # which it was at 1cd244a, before there were conditions
    neox = {"config": {"model_args": {"iteration": 9, "model": "org/m", "hidden_size": 768}}}
    assert _recipe(tmp_path / "neox", plain | neox, "lm-eval/xnli")[0] == {"num_fewshot": 5}


def test_less_is_better_also_where_an_old_file_of_lm_eval_does_not_say_so(tmp_path: Path) -> None:
    results = {"wikitext": {"bits_per_byte": 0.6}, "crows_pairs_french": {"likelihood_difference": 0.9, "pct_stereotype": 0.6}}
    found, refused = said("results_1.json", _lm_eval(**results), tmp_path, "value", language="en")
    assert not found
    assert len(refused) == 3
    assert all("of which more is better" in one for one in refused)


def test_checkpoints_and_shots_of_an_old_file_of_lm_eval_stand_side_by_side(tmp_path: Path) -> None:
    """The shape of lm_eval before 0.4: no n-shot, no configs, the revision in --model_args; files have any name (EleutherAI/pythia evals)."""
    given = [("pretrained=org/m,revision=step1000", 0, 0.1), ("pretrained=org/m,revision=step2000", 0, 0.2),
             ("pretrained=org/m,revision=step2000", 5, 0.3), ("pretrained=org/m,subfolder=c9", 0, 0.4),
             ({"iteration": 143000, "model": "org/m"}, 0, 0.5)]  # fmt: skip
    (tmp_path / "in").mkdir()
    for place, (arguments, shots, value) in enumerate(given):
        content = {"results": {"xnli_de": {"acc": value, "acc_stderr": 0.01}}, "versions": {"xnli_de": 0},
                   "config": {"model": "hf", "model_args": arguments, "num_fewshot": shots, "limit": None}}  # fmt: skip
        (tmp_path / "in" / f"m_step{place}.json").write_text(json.dumps(content), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "in"], tmp_path / "store")
    assert (report.files, report.cells, report.refusals) == ({"lm-eval": 5}, {"new": 5}, [])
    con = store.connect(tmp_path / "store")
    found = con.execute("SELECT value, model_revision, recipe FROM score JOIN run USING (run_id) ORDER BY value").fetchall()
    con.close()
    assert found == [
        (0.1, "step1000", '{"num_fewshot":0}'), (0.2, "step2000", '{"num_fewshot":0}'), (0.3, "step2000", '{"num_fewshot":5}'),
        (0.4, "unknown/c9", '{"num_fewshot":0}'), (0.5, "iteration 143000", '{"num_fewshot":0}'),
    ]  # fmt: skip


def test_a_checkpoint_that_the_arguments_name_goes_before_the_default_revision(tmp_path: Path) -> None:
    """`model_revision` is `main` and `model_sha` empty in files of lm-eval 0.4 whose model_args name a revision; they replaced each other."""
    for place, asked in enumerate(("exp_0_010", "exp_0_020", None)):
        arguments = "pretrained=org/m" + (f",revision={asked}" if asked else "")
        content = _lm_eval(xnli_de={"acc,none": 0.6}) | {"config": {"model_args": arguments, "model_revision": "main", "model_sha": ""}}
        found, refused = said(f"results_{place}.json", content, tmp_path, "model_revision")
    assert (found, refused) == ([("exp_0_010",), ("exp_0_020",), ("main",)], [])
    content["config"] |= {"model_sha": "abc", "model_args": "pretrained=org/m,revision=exp_0_010"}
    assert said("results.json", content, tmp_path / "sha", "model_revision") == ([("abc",)], [])


def test_a_task_of_lm_eval_without_test_data_was_run_on_development_data(tmp_path: Path) -> None:
    """TaskConfig in lm_eval/api/task.py; null where a task has none of them, and not written at all by earlier versions of 0.4."""
    dev = {"validation_split": "validation"}
    configs = {
        "xnli_de": {"test_split": None, **dev}, "xnli_sw": dev, "pawsx_de": {"test_split": "test", **dev}, "pawsx_fr": {"test_split": None, **dev},
        "xcopa_et": {"test_split": "validation"}, "xstorycloze_gl": {"test_split": None, "validation_split": "test"},
    }  # fmt: skip
    groups = {"xnli": ["xnli_de", "xnli_sw"], "pawsx": ["pawsx_de", "pawsx_fr"], "both": ["xnli_de", "mgsm_sw"]}
    content = _lm_eval(**{task: {"acc,none": 0.5} for task in (*configs, "mgsm_sw", *groups)})
    found, refused = said(
        "results_1.json", content | {"configs": configs, "group_subtasks": groups}, tmp_path, "target", "language", "split"
    )
    assert refused == []
    assert found == [(f"lm-eval/{target}", language, split) for target, language, split in (
        ("both", "mul", "test"), ("mgsm", "sw", "test"), ("pawsx", "de", "test"), ("pawsx", "fr", "dev"), ("pawsx", "mul", "test"),
        ("xcopa", "et", "dev"), ("xnli", "de", "dev"), ("xnli", "mul", "dev"), ("xnli", "sw", "dev"), ("xstorycloze", "gl", "test"),
    )]  # fmt: skip


def test_shots_that_a_fork_of_lm_eval_lists_are_those_of_the_tasks_in_the_order_of_their_versions(tmp_path: Path) -> None:
    """As in Stability-AI/lm-evaluation-harness: results have the tasks of one kind of request together."""
    results = {task: {"acc": 0.5} for task in ("jnli_ja", "xwinograd_ja", "jsquad_ja")}
    content = {"results": results, "versions": {"jnli_ja": 1.1, "jsquad_ja": 1.1, "xwinograd_ja": 1.0},
               "config": {"model_args": "pretrained=org/m", "num_fewshot": [3, 2, 0]}}  # fmt: skip
    columns = "target", "json_extract_string(recipe, '$.num_fewshot')"
    for place, (listed, expected) in enumerate((([3, 2, 0], "320"), ([3, 2], ["[3,2]"] * 3))):
        content["config"] |= {"num_fewshot": listed}
        file = tmp_path / str(place) / "results.json"
        file.parent.mkdir()
        file.write_text(json.dumps(content), encoding="utf-8")
        assert not ingesting.ingest([file], file.parent / "store").refusals
        with store.connect(file.parent / "store") as con:
            found = con.execute(f"SELECT {', '.join(columns)} FROM run ORDER BY 1").fetchall()
        assert found == list(zip(("lm-eval/jnli", "lm-eval/jsquad", "lm-eval/xwinograd"), expected, strict=True))


def test_results_of_bigsciences_fork_are_named(tmp_path: Path) -> None:
    """evaluator.py of bigscience-workshop/lm-evaluation-harness: an entry a task, prompt and metric."""
    entry = {
        "task_name": "xquad.ar",
        "prompt_name": "answer",
        "f1": 0.5,
        "dataset_path": "xquad",
        "dataset_name": "xquad.ar",
        "subset": None,
    }
    _, refused = said("agg.json", {"results": [entry], "config": {"model_args": "pretrained=m", "num_fewshot": 0}}, tmp_path)
    assert refused[0].endswith("results are a list of tasks and prompts, as BigScience's fork of the harness writes them: not read")


def test_nll_is_a_loss_and_eval_a_split_of_development_data(tmp_path: Path) -> None:
    line = "model,intermediate,target,language,metric,value,source,split\n"
    found, refused = said(
        "a.csv", line + "m,none,t,de,nll,0.5,s,test\nm,none,t,de,f1,0.5,s,eval\nm,none,t,fr,f1,0.5,s,evaluation\n", tmp_path, "split"
    )
    assert found == [("dev",), ("dev",)]
    assert ["column 'metric' is 'nll', expected one of which more is better" in one for one in refused] == [True]


@pytest.mark.parametrize(
    ("task", "metric", "listed", "value", "unit", "stored"),
    [  # the scales are those of lm_eval/api/metrics.py, lm_eval/tasks and the functions that they call, at 4e7e0d4
        ("truthfulqa-multi_gen_ca", "bleu_diff", {"aggregation": "mean"}, 0.84, None, 0.0084),
        ("truthfulqa-multi_gen_ca", "bleu_acc", {"aggregation": "mean"}, 0.57, None, 0.57),
        ("truthfulqa_gen", "rougeL_max", None, 0.5, None, 0.005),
        ("flores_ca-de", "bleu", {"aggregation": "bleu"}, 30.5, None, 0.305),
        ("flores_ca-de", "chrf", {}, 0.5, None, 0.005),
        ("wmt20-zh-en", "bleu", None, 0.5, None, 0.005),
        ("wmt20-zh-en", "chrf", None, 0.5, None, None),  # a fraction before sacrebleu 2
        ("wmt20-zh-en", "chrf", None, 0.5, "fraction", 0.5),
        ("my_translations", "bleu", {"aggregation": "mean"}, 0.5, None, None),
        ("my_translations", "bleu", {"aggregation": "mean"}, 0.5, "percent", 0.005),
        ("my_translations", "acc", {"aggregation": "mean"}, 0.5, "percent", 0.5),
        ("meqsum", "bleu", {"aggregation": "nanmean"}, 0.5, None, 0.5),
        ("cabreu", "rouge1", {"aggregation": "<function rouge1_agg at 0x7f>"}, 0.5, None, 0.5),
        ("squadv2", "f1", None, 0.5, None, 0.005),
        ("scrolls_quality", "em", None, 0.5, None, 0.005),
        ("scrolls_qasper", "f1", None, 0.5, None, None),
        ("eqbench_ca", "eqbench", {"aggregation": "mean"}, 40.0, None, 0.4),
        ("code2text_go", "smoothed_bleu_4", {"aggregation": "mean"}, 0.9, None, 0.009),
    ],
)
def test_metrics_of_texts_of_lm_eval_are_in_their_own_unit(
    task: str, metric: str, listed: dict[str, Any] | None, value: float, unit: str | None, stored: float | None, tmp_path: Path
) -> None:
    content = _lm_eval(**{task: {f"{metric},none": value}})
    if listed is not None:
        content["configs"] = {task: {"metric_list": [{"metric": metric, **listed}]}}
    found, refused = said("results_1.json", content, tmp_path, "value", language="de", **({"unit": unit} if unit else {}))
    assert found == ([(pytest.approx(stored, abs=1e-15),)] if stored is not None else [])
    assert len(refused) == (stored is None)
    assert all("--set unit=percent or unit=fraction" in one for one in refused)


def test_the_unit_of_a_group_of_lm_eval_is_that_of_its_tasks(tmp_path: Path) -> None:
    content = _lm_eval(**{name: {"bleu,none": 0.5} for name in ("phrases", "phrases_de", "phrases_es")})
    content["configs"] = {name: {"metric_list": [{"metric": "bleu", "aggregation": "bleu"}]} for name in ("phrases_de", "phrases_es")}
    content["group_subtasks"] = {"phrases": ["phrases_de", "phrases_es"]}
    assert said("results_1.json", content, tmp_path, "value", "language") == ([(0.005, "de"), (0.005, "es"), (0.005, "mul")], [])


def _samples_beside(folder: Path, *lines: dict[str, Any], said: dict[str, Any] | None = None, **metrics: float) -> ingesting.Report:
    """Of the harness of 2024: without the list of metrics, and without a filter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results_1.json").write_text(json.dumps(_lm_eval(xnli_de=metrics) | (said or {})), encoding="utf-8")
    text = "".join(json.dumps({"doc_id": i, "doc_hash": f"h{i}", **line}) + "\n" for i, line in enumerate(lines))
    (folder / "samples_xnli_de_1.jsonl").write_text(text, encoding="utf-8")
    return ingesting.ingest([folder], folder / "store")


def test_examples_of_an_older_lm_eval_are_joined_by_the_names_of_the_metrics(tmp_path: Path) -> None:
    lines = [{"acc": 1.0, "bleu_max": 10.0}, {"acc": 0.0, "bleu_max": 100.00000000000004}]
    report = _samples_beside(tmp_path, *lines, **{"acc,none": 0.5, "bleu_max,none": 55.00000000000002})
    assert not report.refusals
    assert not report.notes
    con = store.connect(tmp_path / "store")
    assert con.execute("SELECT metric, example_id, numerator FROM outcome ORDER BY ALL").fetchall() == [
        ("accuracy", "h0", 1.0), ("accuracy", "h1", 0.0), ("bleu_max", "h0", 0.1), ("bleu_max", "h1", 1.0),
    ]  # fmt: skip
    con.close()


def test_examples_that_cannot_be_joined_are_said(tmp_path: Path) -> None:
    kept = "samples_xnli_de_1.jsonl make none of the printed scores of xnli_de: its scores are stored without them"
    for place, (lines, metrics) in enumerate([
        ([{"acc": 1.0}, {"acc": 1.0}], {"acc,none": 0.5}),
        ([{"exact_match": 1.0}] * 2, {"exact_match,strict": 1.0, "exact_match,flexible": 1.0}),  # of which filter?
        ([{"other": 1.0}], {"acc,none": 0.5}),
    ]):  # fmt: skip
        report = _samples_beside(tmp_path / str(place), *lines, **metrics)
        assert not report.refusals
        assert set(rows(tmp_path / str(place) / "store", "evidence")) == {("aggregate",)}
        assert [note.endswith(kept) for note in report.notes] == [True]
    whole = {"n-samples": {"xnli_de": {"original": 3, "effective": 3}}}  # a file that was cut off agrees by chance
    report = _samples_beside(tmp_path / "cut", {"acc": 1.0}, {"acc": 1.0}, said=whole, **{"acc,none": 1.0})
    assert [note.endswith(kept) for note in report.notes] == [True]
    assert rows(tmp_path / "cut" / "store", "evidence", "n") == [("aggregate", 3)]
    out = CliRunner().invoke(
        cli.app, ["ingest", "external-results", str(tmp_path / "0" / "results_1.json"), "--store", str(tmp_path / "again")]
    )
    assert out.exit_code == 0, out.output
    assert kept in out.stderr


def test_an_item_of_a_parallel_data_set_of_lm_eval_is_one_in_all_languages(tmp_path: Path) -> None:
    """As independent items, which hashes of their translations made of them, they give an interval half as wide."""
    draw = np.random.default_rng(1)
    languages, count, right = ("de", "fr", "sw", "th"), 60, {}
    for model in ("a", "b"):
        easy, folder = draw.random(count) < 0.6, tmp_path / model
        folder.mkdir()
        results = {}
        for language in languages:
            values = (easy ^ (draw.random(count) < 0.1)).astype(float)
            right[model, language] = values
            results[f"xnli_{language}"] = {"acc,none": values.mean()}
            lines = [{"doc_id": i, "doc_hash": f"{language}{i}", "acc": value} for i, value in enumerate(values)]
            (folder / f"samples_xnli_{language}_1.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        (folder / "results_1.json").write_text(json.dumps(_lm_eval(**results) | {"model_name": model}), encoding="utf-8")
    ingesting.ingest([tmp_path / "a", tmp_path / "b"], tmp_path / "store")
    (found,) = (r for r in comparing.compare(tmp_path / "store", {"model": "a"}, {"model": "b"}) if r["level"] == "mean")
    items = np.mean([right["a", language] - right["b", language] for language in languages], axis=0)
    interval = stats.ttest_1samp(items, 0).confidence_interval()
    assert (found["delta"], found["clusters"]) == (pytest.approx(items.mean()), count)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    ("task", "configuration", "path", "expected"),
    [  # lm_eval/tasks at 4e7e0d4
        ("afrixnli_amh_prompt_1", "amh", "masakhane/afrixnli", ("afrixnli_prompt_1", "amh")),
        ("afrixnli_en_direct_eng", "eng", "masakhane/afrixnli", ("afrixnli_en_direct", "eng")),
        ("masakhaner_am_prompt_2", "am", "masakhane/masakhaner-x", ("masakhaner_prompt_2", "am")),
        ("nollysenti_eng_prompt_1", "en", "Davlan/nollysenti", ("nollysenti_prompt_1", "en")),
        ("multiblimp_ukr", "ukr", "jumelet/multiblimp", ("multiblimp", "ukr")),
        ("global_mmlu_full_fil_law", "fil", "CohereForAI/Global-MMLU", ("global_mmlu_full_fil_law", "fil")),
        ("xwinograd_jp", "jp", "Muennighoff/xwinograd", ("xwinograd", "ja")),
        ("wic", "wic", "aps/super_glue", ("wic", None)),
        ("kmmlu_hard_law", "law", "HAERAE-HUB/KMMLU-HARD", ("kmmlu_hard_law", None)),
    ],
)
def test_languages_of_three_letters_of_lm_eval(task: str, configuration: str, path: str, expected: tuple[str, str | None]) -> None:
    assert adapter.load("lm-eval").split_name(task, configuration, path) == expected


@pytest.mark.parametrize(
    ("task", "target", "language"),
    [  # names of huggingface/lighteval at 3fd1526, tasks/multilingual/tasks
        ("xnli_fra_mcf", "xnli_mcf", "fr"),
        ("xnli2.0_ara_cf", "xnli2.0_cf", "ar"),
        ("belebele_fra_Latn_cf", "belebele_cf", "fr"),
        ("xquad_ara", "xquad", "ar"),
        ("mlqa_deu", "mlqa", "de"),
        ("xcopa_hti_cf", "xcopa_cf", "ht"),
        ("afri_mmlu_swa_hybrid:elementary_mathematics", "afri_mmlu_hybrid_elementary_mathematics", "sw"),
        ("mlmm_arc_fra_cf:challenge", "mlmm_arc_cf_challenge", "fr"),
        ("flores200:deu_Latn-eng_Latn", "flores200", "de/en"),
        ("xcopa:sw", "xcopa", "sw"),
        ("kyrgyz_evals:boolq_kg", "kyrgyz_evals_boolq", "ky"),
        ("twitterAAE:aa", None, None),
        ("a_task_fra", None, None),
    ],
)
def test_languages_of_the_multilingual_tasks_of_lighteval(task: str, target: str | None, language: str | None, tmp_path: Path) -> None:
    content = {"config_general": {"model_name": "m"}, "results": {f"lighteval|{task}|0": {"acc": 0.5}}}
    found, refused = said("results.json", content, tmp_path, "target", "language")
    assert found == ([(f"lighteval/{target}", language)] if target else [])
    assert ["'language' is empty" in one for one in refused] == [True] * (not target)


def test_the_split_of_a_task_of_lighteval(tmp_path: Path) -> None:
    """evaluation_splits of LightevalTaskConfig; dev_r1 is ANLI's, devtest the test set of FLORES (huggingface/lighteval at 3fd1526)."""
    splits = {
        "a": ["validation"], "b": ["dev_r1", "dev_r2"], "c": ["devtest"], "d": ["test"], "e": ["validation", "test"], "f": None, "g": ["Valid"], "h": ["eval"],
    }  # fmt: skip
    content = {
        "config_general": {"model_name": "m"},
        "results": {f"lighteval|{name}:de|0": {"acc": 0.5} for name in splits},
        "config_tasks": {f"lighteval|{name}:de": {"evaluation_splits": said} for name, said in splits.items()},
    }
    found, refused = said("results.json", content, tmp_path, "target", "split")
    assert refused == []
    assert {target[-1]: split for target, split in found} == {name: "dev" if name in "abgh" else "test" for name in splits}


def test_metrics_of_texts_of_lighteval_are_in_their_own_unit(tmp_path: Path) -> None:
    """metrics/metrics.py at 3fd1526: sacrebleu's are of 100, so is rouge_t5, which makes four at once; rouge1 alone is a fraction."""
    four = {"metric_name": ["rouge1", "rouge2"], "higher_is_better": {"rouge1": True, "rouge2": True}}
    one = {"metric_name": "rouge1", "higher_is_better": True}
    for file, metrics, given, stored in (
        ("t5", [four], {"bleu": 0.5, "chrf++": 40.0, "bleu_1": 0.5, "rouge1": 0.5}, [0.005, 0.005, 0.4, 0.5]),
        ("one", [one], {"rouge1": 0.5}, [0.5]),
        ("unsaid", [], {"rouge1": 0.5}, []),
    ):
        content = {"config_general": {"model_name": "m"}, "results": {"x:de|0": given}, "config_tasks": {"x:de|0": {"metrics": metrics}}}
        found, refused = said("results.json", content, tmp_path / file, "value")
        assert sorted(value for (value,) in found) == pytest.approx(stored)
        assert ["--set unit=percent or unit=fraction" in said for said in refused] == [True] * (not stored)


def test_scores_that_come_before_the_name_of_an_old_file_of_mteb(tmp_path: Path) -> None:
    subset = {"cos_sim": {"pearson": 0.1, "spearman": 0.2}, "euclidean": {"pearson": 0.1, "spearman": 0.3}}
    content = {"test": {f"{a}-{b}": subset for a, b in permutations(["ar", "de", "en", "es", "fr", "ko"], 2)}}
    about = {"mteb_version": "0.0.2", "mteb_dataset_name": "STS17", "dataset_revision": "9fc3"}
    text = json.dumps(content | about, indent=4)
    assert text.index("mteb_version") > adapter.HEAD
    found, refused = said("org__m/no_revision_available/STS17.json", text, tmp_path, "target", "value")
    assert not refused
    assert set(found) == {("mteb/STS17", 0.2)}


def test_where_no_file_is_known_this_is_said(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    report = ingesting.ingest([tmp_path / "in"], tmp_path / "store")
    assert [str(refusal) for refusal in report.refusals] == [
        f"{tmp_path / 'in'}: nothing is read, and no adapter knows 2 files of it; --format tries one, `xbench adapters` lists them"
    ]
    assert report.unknown == 2
    out = CliRunner().invoke(cli.app, ["ingest", "external-results", str(tmp_path / "in"), "--store", str(tmp_path / "s"), "--dry-run"])
    assert (out.exit_code, "no adapter knows 2 files of it" in out.stderr) == (1, True)


def test_the_language_and_the_answers_of_a_report_of_explainaboard(tmp_path: Path) -> None:
    """data/reports of neulab/ExplainaBoard: those of 2022 have one `language`, and call the metrics of questions F1ScoreQA and ExactMatchQA."""
    overall = {name: {"metric_name": name, "value": value} for name, value in (("F1ScoreQA", 0.7), ("ExactMatchQA", 0.5))}
    content = {
        "task_name": "qa",
        "system_name": "s",
        "dataset_name": "xquad",
        "metric_names": [],
        "language": "ar",
        "results": {"overall": overall},
    }
    found, refused = said("report.json", content, tmp_path, "language", "metric", "value", language="en")
    assert (found, refused) == ([("ar", "exact_match", 0.5), ("ar", "f1", 0.7)], [])


def test_a_record_of_euroeval_as_it_writes_them(tmp_path: Path) -> None:
    """The shape is that of benchmark_result_to_eee_dict, src/euroeval/eee_utils.py at f37841c: no metric_id, two metrics of a data set."""

    def result(metric: str, score: float) -> dict[str, Any]:
        return {
            "evaluation_name": metric,
            "source_data": {"dataset_name": "life-in-the-uk", "source_type": "hf_dataset"},
            "metric_config": {"lower_is_better": False, "score_type": "continuous", "min_score": 0, "max_score": 100},
            "score_details": {
                "score": score,
                "uncertainty": {
                    "confidence_interval": {"lower": score - 1.5, "upper": score + 1.5, "confidence_level": 0.95, "method": "bootstrap"},
                    "num_samples": 10,
                },
            },
        }

    def record(few_shot: str, validation: str, *results: dict[str, Any]) -> dict[str, Any]:
        details = {"dataset": "life-in-the-uk", "languages": '["en"]', "few_shot": few_shot, "validation_split": validation}
        return {
            "schema_version": "0.2.1", "evaluation_id": "life-in-the-uk/org/m/1",
            "source_metadata": {"source_name": "EuroEval", "source_organization_name": "EuroEval", "evaluator_relationship": "third_party"},
            "eval_library": {"name": "euroeval", "version": "17.1.0", "additional_details": details},
            "model_info": {"name": "org/m", "id": "org/m"}, "evaluation_results": list(results),
        }  # fmt: skip

    lines = [
        record("true", "false", result("test_mcc", 60.0), result("test_accuracy", 70.0)),
        record("false", "false", result("test_mcc", 50.0)),
        record("false", "true", result("test_mcc", 40.0)),
    ]
    text = "\n".join(map(json.dumps, lines))
    found, refused = said("euroeval.jsonl", text, tmp_path, "split", "metric", "value", "target", "language")
    assert not refused
    assert found == [
        (*one, "eee/life_in_the_uk", "en")
        for one in (("dev", "mcc", 0.4), ("test", "accuracy", 0.7), ("test", "mcc", 0.5), ("test", "mcc", 0.6))
    ]
    # aggregate_scores in src/euroeval/scores.py gives 1.96 * std(ddof=1) / sqrt(fits) as the radius
    assert set(rows(tmp_path / "store", "round(stderr, 12)", "stderr_kind")) == {(round(0.015 / 1.96, 12), "EuroEval over 10 fits")}


def _eee(
    library: str, *results: tuple[str, str, str, float], low: float | None = 0, high: float | None = 1, **details: str
) -> dict[str, Any]:
    """A record: of each result the data set, the evaluation, the description of the metric, and the score."""
    return {
        "schema_version": "0.3.0", "evaluation_id": "x", "model_info": {"name": "m", "id": "org/m"}, "eval_library": {"name": library, "version": "1"},
        "source_metadata": {"source_name": "s", "source_organization_name": "s", "evaluator_relationship": "third_party"},
        "evaluation_results": [
            {"evaluation_name": name, "source_data": {"dataset_name": data, "source_type": "other"}, "score_details": {"score": score, "details": details},
             "metric_config": {"evaluation_description": about, "lower_is_better": False, "min_score": low, "max_score": high}}
            for data, name, about, score in results
        ],
    }  # fmt: skip


def test_metrics_of_records_that_every_eval_ever_converted(tmp_path: Path) -> None:
    """Descriptions and names as every_eval_ever/converters at 9bce413 writes them: no metric_id, the metric in evaluation_description."""
    columns = ("target", "language", "metric", "scorer", "value", "stderr")
    harness = _eee(
        "lm_eval",
        ("xnli_de", "xnli_de", "acc", 0.5), ("xnli_de", "xnli_de", "acc_norm", 0.5), ("xnli_de", "xnli_de", "acc_stderr", 0.02),
        ("mgsm_de", "mgsm_de/flexible", "exact_match (filter: flexible)", 0.3), ("mgsm_de", "mgsm_de/strict", "exact_match (filter: strict)", 0.2),
        ("xnli_de", "xnli_de", "pct_stereotype", 0.6), ("xnli_de", "xnli_de", "f1_stderr", 0.01),
    )  # fmt: skip
    found, refused = said("a.json", harness, tmp_path / "1", *columns)
    assert found == [
        ("eee/mgsm", "de", "exact_match", "lm_eval filter flexible", 0.3, None),
        ("eee/mgsm", "de", "exact_match", "lm_eval filter strict", 0.2, None),
        ("eee/xnli", "de", "acc_norm", "unknown", 0.5, None),
        ("eee/xnli", "de", "accuracy", "unknown", 0.5, 0.02),
    ]
    assert len(refused) == 2
    assert "'pct_stereotype', expected one of which more is better" in refused[0]
    assert "'f1_stderr', expected" in refused[1], "the error of nothing that is there"
    inspect = _eee(
        "inspect_ai",
        *(("xcopa_et", f"{m} on xcopa_et for scorer {s}", m, v) for s in ("choice", "match") for m, v in (("accuracy", 0.5), ("std", 0.1))),
    )
    found, refused = said("a.json", inspect, tmp_path / "2", *columns[:4])
    assert found == [("eee/xcopa", "et", "accuracy", f"inspect_ai scorer {scorer}") for scorer in ("choice", "match")]
    assert len(refused) == 2
    helm = _eee("helm", ("xnli_sw", "exact_match valid on xnli_sw", "exact_match", 0.5), split="valid", perturbation="")
    helm["evaluation_results"] += _eee(
        "helm", ("xnli_sw", "exact_match valid typos on xnli_sw", "exact_match", 0.4), split="valid", perturbation="typos"
    )["evaluation_results"]
    found, refused = said("a.json", helm, tmp_path / "3", "split", "scorer", "value")
    assert (found, refused) == ([("dev", "helm perturbation typos", 0.4), ("dev", "unknown", 0.5)], [])
    found, refused = said("a.json", _eee("lm_eval", ("x_de", "x_de", "chrf", 0.8), low=None, high=None), tmp_path / "4", "value")
    assert not found
    assert "column 'unit' is 'not said; --set unit=fraction, or percent, says it'" in refused[0]
    record = _eee("lm_eval", ("x_de", "x_de", "chrf", 0.8), low=None, high=None)
    assert said("a.json", record, tmp_path / "5", "value", unit="percent")[0] == [(0.008,)]


def test_languages_that_stand_in_the_name_of_an_evaluation(tmp_path: Path) -> None:
    """As in data/global-mmlu-lite of Every Eval Ever; Law and Bench are languages too, of three letters, and English alone may be a subject."""
    names = ["Global MMLU Lite", "Culturally Agnostic", "Arabic", "German", "Bench"]
    record = _eee("board", *(("global-mmlu-lite", name, f"Global MMLU Lite - {name}", 0.5 + i / 10) for i, name in enumerate(names)))
    found, refused = said("a.json", record, tmp_path / "1", "target", "language", "value")
    assert found == [("eee/global_mmlu_lite", "ar", 0.7), ("eee/global_mmlu_lite", "de", 0.8)]
    assert len(refused) == 3
    assert all("column 'language' is empty" in one for one in refused)
    found, refused = said("a.json", record, tmp_path / "2", "target", "value", language="mul")
    assert not refused
    assert found[2:] == [
        ("eee/global_mmlu_lite:Bench", 0.9),
        ("eee/global_mmlu_lite:Culturally Agnostic", 0.6),
        ("eee/global_mmlu_lite:Global MMLU Lite", 0.5),
    ]
    record = _eee("board", ("exams", "English", "a score", 0.5), ("exams", "Mathematics", "a score", 0.6))
    found, _ = said("a.json", record, tmp_path / "3", "target", "language", language="fr")
    assert found == [("eee/exams:English", "fr"), ("eee/exams:Mathematics", "fr")]


def test_languages_of_euroeval_that_are_one_or_several(tmp_path: Path) -> None:
    """[NORWEGIAN_BOKMÅL, NORWEGIAN_NYNORSK, NORWEGIAN] and [PORTUGUESE, EUROPEAN_PORTUGUESE] of src/euroeval/dataset_configs at f37841c."""
    cases = {
        ("nb", "nn", "no"): ("no", None), ("pt", "pt-pt"): ("pt", None), ("da", "sv"): ("mul", "da sv"), ("hr", "sr"): ("mul", "hr sr"),
    }  # fmt: skip
    for place, (codes, expected) in enumerate(cases.items()):
        record = _eee("euroeval", ("norec", "test_mcc", "", 50.0), high=100)
        record["eval_library"]["additional_details"] = {"languages": json.dumps(codes)}
        assert said("a.json", record, tmp_path / str(place), "language", "language_set") == ([expected], [])
    record["eval_library"]["additional_details"] = {"languages": '["da", "elvish"]'}
    found, refused = said("a.json", record, tmp_path / "unknown", "language")
    assert (found, "column 'language_set' is" in refused[0]) == ([], True)


def test_bits_per_character_of_euroeval_are_refused_also_where_a_record_says_that_more_is_better(tmp_path: Path) -> None:
    """benchmark_result_to_eee_dict in src/euroeval/eee_utils.py writes lower_is_better false, and 0 to 100, for every metric."""
    record = _eee("euroeval", ("angry-tweets", "test_bits_per_character", "", 0.82), ("angry-tweets", "test_mcc", "", 39.5), high=100)
    record["eval_library"]["additional_details"] = {"languages": '["da"]'}
    found, refused = said("a.json", record, tmp_path, "metric", "value")
    assert found == [("mcc", 0.395)]
    assert "'bits_per_character', expected one of which more is better" in refused[0]


def test_the_split_of_a_table_on_the_hub_that_is_called_train(tmp_path: Path) -> None:
    record = _eee("board", ("x_de", "x_de", "a score", 0.5))
    record["evaluation_results"][0]["source_data"]["hf_split"] = "train"
    found, refused = said("a.json", record, tmp_path / "1", "split")
    assert not found
    assert "column 'split' is 'train; if only the hub calls it so, --set split says'" in refused[0]
    assert said("a.json", record, tmp_path / "2", "split", split="test") == ([("test",)], [])


def _card(*results: tuple[str, str, str, float]) -> str:
    said = [
        {
            "task": {"type": "x"},
            "dataset": {"type": data, "name": data, "config": config, "split": "test"},
            "metrics": [{"type": metric, "value": value}],
        }
        for data, config, metric, value in results
    ]
    return f"---\nmodel-index: {json.dumps([{'name': 'm', 'results': said}])}\n---\n"


def test_the_configuration_of_a_card_is_a_language_of_a_country_or_a_pair(tmp_path: Path) -> None:
    """FLEURS calls Brazilian Portuguese pt_br and Swedish sv_se; br is Breton, se Northern Sami."""
    card = _card(
        ("google/fleurs", "pt_br", "accuracy", 0.1), ("google/fleurs", "sv_se", "accuracy", 0.2), ("xtreme", "MLQA.ar.de", "f1", 0.3),
        ("google/fleurs", "es_419", "accuracy", 0.4), ("opus_books", "en-fr", "accuracy", 0.5),
    )  # fmt: skip
    found, refused = said("README.md", card, tmp_path, "value", "language")
    assert found == [(0.1, "pt-BR"), (0.2, "sv-SE"), (0.3, "ar/de"), (0.4, "es-419")]
    assert "column 'language' is 'en-fr', expected a language code: the pair is written 'en/fr'" in refused[0]
    card = _card(("opus_books", "en-fr", "accuracy", 0.5))
    found, refused = said("README.md", card, tmp_path / "1", "language", language="en")
    assert not found
    assert len(refused) == 1, "what is said of a pair is no language of all"
    assert said("README.md", card, tmp_path / "2", "language", language="en/fr") == ([("en/fr",)], [])
    pairs = [("mteb/bucc-bitext-mining", "de-en"), ("mteb/tatoeba-bitext-mining", "sqi-eng"), ("mteb/flores", "ace_Arab-eng_Latn")]
    card = _card(*((name, config, "f1", 0.5) for name, config in pairs))
    found, refused = said("README.md", card, tmp_path / "3", "target", "language")
    assert found == [("hf/mteb/bucc-bitext-mining", "de/en"), ("hf/mteb/flores", "ace-Arab/en"), ("hf/mteb/tatoeba-bitext-mining", "sq/en")]
    assert not refused


def _result_of(name: str, **metrics: float | str) -> dict[str, Any]:
    data = {"type": name, "name": f"MTEB {name}" if name.startswith("BeIR") else name, "config": "de", "split": "test"}
    return {"task": {"type": "x"}, "dataset": data, "metrics": [{"type": metric, "value": value} for metric, value in metrics.items()]}


def test_a_configuration_that_is_a_country_or_a_name_is_the_language_that_lm_eval_takes_it_for(tmp_path: Path) -> None:
    """Muennighoff/xwinograd has jp, csebuetnlp/xlsum names."""
    card = _card(("Muennighoff/xwinograd", "jp", "accuracy", 53.1), ("csebuetnlp/xlsum", "serbian_latin", "rouge1", 30.0))
    assert said("README.md", card, tmp_path, "target", "language") == (
        [("hf/Muennighoff/xwinograd", "ja"), ("hf/csebuetnlp/xlsum", "sr-Latn")],
        [],
    )


def test_a_number_of_a_card_up_to_1_beside_others_over_1_is_percent_only_where_that_is_sure(tmp_path: Path) -> None:
    """All that mteb writes into a card is percent; cards of OPUS-MT have BLEU from 0 to 100 and chr-F from 0 to 1 beside each other."""

    def read(folder: str, *results: dict[str, Any], **settings: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        card = f"---\nmodel-index: {json.dumps([{'name': 'm', 'results': list(results)}])}\n---\n"
        return said("README.md", card, tmp_path / folder, "metric", "value", **settings)

    mteb = _result_of("BeIR/cqadupstack", precision_at_1=28.5, precision_at_100=0.98), _result_of("mteb/x", ap=0.5)
    found, refused = read("mteb", *mteb)
    assert not refused
    assert dict(found) == {"ap": 0.005, "precision_at_1": 0.285, "precision_at_100": 0.0098}
    opus = _result_of("flores_101", bleu=42.5, chrf=0.64)
    found, refused = read("opus", opus)
    assert found == [("bleu", 0.425)]
    assert "column 'unit' is 'fraction or percent: --set unit says which'" in refused[0]
    assert dict(read("fraction", opus, unit="fraction")[0]) == {"bleu": 0.425, "chrf": 0.64}
    assert dict(read("percent", opus, unit="percent")[0]) == {"bleu": 0.425, "chrf": 0.0064}
    weak = _result_of("a", bleu=42.5), _result_of("b", bleu=0.8, zero=0)
    assert read("weak", *weak)[0] == [("bleu", 0.425), ("zero", 0.0)], "the same metric is percent elsewhere in the card"
    trainer = _result_of("a", loss=1.7, gen_len=18.2, accuracy=0.91)
    found, refused = read("trainer", trainer)
    assert found == [("accuracy", 0.91)]
    assert len(refused) == 2, "a loss, and a length in tokens, say nothing of the others"


def _evaluated(*entries: tuple[str, float], **more: Any) -> str:
    data = [{"dataset": {"id": "mteb/x", "task_id": task, "revision": "abc"}, "value": value} | more for task, value in entries]
    return json.dumps(data)  # which is YAML


def test_what_mteb_writes_into_eval_results_is_percent_of_a_subset_and_split_or_a_mean(tmp_path: Path) -> None:
    """_to_hf_benchmark_result in mteb/results/task_result.py at a905523: value is main_score * 100, task_id TASK_SUBSET_SPLIT, or TASK alone."""
    note = "Obtained using MTEB v2.12.0"
    mteb = {"notes": note, "source": {"url": "https://github.com/embeddings-benchmark/mteb/", "name": note}}
    columns = ("target", "language", "language_set", "split", "value", "dataset_revision")

    def read(folder: str, *entries: tuple[str, float], **settings: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        return said(f"org__m/.eval_results/{entries[-1][0]}.yaml", _evaluated(*entries, **mteb), tmp_path / folder, *columns, **settings)

    assert read("1", ("Bible_T_de_test", 0.62), ("Bible_T_zho_Hant-eng_Latn_test", 40.0), ("Bible_T", 20.31)) == (
        [
            ("hf/mteb/x/Bible_T", "de", None, "test", 0.0062, "abc"),
            ("hf/mteb/x/Bible_T", "mul", "de zh-Hant/en", "test", 0.2031, "abc"),
            ("hf/mteb/x/Bible_T", "zh-Hant/en", None, "test", 0.4, "abc"),
        ],
        [],
    )
    assert read("2", ("T_de_test", 50.0), ("T_de_validation", 40.0), ("T", 45.0)) == (
        [
            ("hf/mteb/x/T", "de", None, "dev", 0.4, "abc"),
            ("hf/mteb/x/T", "de", None, "test", 0.45, "abc, split test+validation"),
            ("hf/mteb/x/T", "de", None, "test", 0.5, "abc"),
        ],
        [],
    )
    assert read("3", ("T_default_test_expert", 50.0), ("T", 50.0), language="en")[0] == [
        ("hf/mteb/x/T", "en", None, "test", 0.5, "abc, split test_expert"),
    ], "of one subset alone the mean is that"
    assert read("4", ("T_english_test", 50.0), ("T_pub_type_ru_test", 40.0), ("T_de_test", 30.0), ("T", 40.0), language="en")[0] == [
        ("hf/mteb/x/T", "de", None, "test", 0.3, "abc"),
        ("hf/mteb/x/T", "mul", "unknown", "test", 0.4, "abc"),
        ("hf/mteb/x/T:english", "en", None, "test", 0.5, "abc"),
        ("hf/mteb/x/T:pub_type_ru", "en", None, "test", 0.4, "abc"),
    ]
    text = _evaluated(("MTEB(eng, v2)", 0.62), notes="Obtained using MTEB")  # of a benchmark: push_model_results, model_result.py
    assert said("org__m/.eval_results/MTEB(eng, v2).yaml", text, tmp_path / "5", "value", language="en")[0] == [(0.62,)]
    alone = tmp_path / "org__m" / ".eval_results" / "T.yaml"
    alone.parent.mkdir(parents=True)
    alone.write_text(_evaluated(("T", 45.0), **mteb))
    (row,) = adapter.read(alone, "eval-results", Options())
    assert "language_set" not in row, "over what is not said is no mean over nothing"


def test_a_number_of_eval_results_up_to_1_beside_others_over_1_may_be_either(tmp_path: Path) -> None:
    text = _evaluated(("xnli_de", 71.5), ("xnli_sw", 0.62), ("xnli_ur", 0))
    found, refused = said("org__m/.eval_results/x.yaml", text, tmp_path / "1", "language", "value")
    assert found == [("de", 0.715), ("ur", 0.0)]
    assert ["'fraction or percent: --set unit says which'" in one for one in refused] == [True]
    found, refused = said("org__m/.eval_results/x.yaml", text, tmp_path / "2", "language", "value", unit="percent")
    assert (found, refused) == ([("de", 0.715), ("sw", 0.0062), ("ur", 0.0)], [])
    text = _evaluated(("xnli_de", 0.715), ("xnli_sw", 0.62))
    assert said("org__m/.eval_results/x.yaml", text, tmp_path / "3", "value")[0] == [(0.62,), (0.715,)]


def test_shots_of_a_card_stand_side_by_side(tmp_path: Path) -> None:
    """`args: {num_few_shot: 5}` is what the Open LLM Leaderboard wrote into cards."""
    results = [_result_of("TIGER-Lab/MMLU-Pro", acc=value) for value in (31.2, 28.1, 20.0)]
    for result, arguments in zip(results, ({"num_few_shot": 5}, {"num_few_shot": 0}, {"config": "x"}), strict=True):
        result["dataset"]["args"] = arguments
    card = f"---\nmodel-index: {json.dumps([{'name': 'm', 'results': results}])}\n---\n"
    assert said("README.md", card, tmp_path, "value") == ([(0.2,), (0.281,), (0.312,)], [])
    found = [row["recipe"] for row in adapter.read(tmp_path / "in" / "README.md", "model-index", Options()) if isinstance(row, dict)]
    assert found == [{"num_few_shot": 5}, {"num_few_shot": 0}, "unknown"]


def test_a_split_that_a_card_does_not_say_or_that_is_called_train_is_not_taken_for_test(tmp_path: Path) -> None:
    """Automatic cards have the scores `on the evaluation set`; those for PAN-X.en say split: train of data that nothing was trained on."""
    card = _card(("xtreme", "PAN-X.en", "f1", 0.7))
    for place, (text, word) in enumerate(
        ((card.replace('"test"', '"train"'), "train"), (card.replace(', "split": "test"', ""), "not said"))
    ):
        found, refused = said("README.md", text, tmp_path / f"{place}", "split")
        assert not found
        assert f"column 'split' is '{word}; " in refused[0]
        assert "--set split" in refused[0]
        assert said("README.md", text, tmp_path / f"{place}s", "split", split="dev") == ([("dev",)], [])
    assert said("README.md", card, tmp_path / "2", "split", split="dev") == ([("test",)], []), "what a card says stands"


def test_configurations_of_three_letters_are_tasks_unless_it_is_known_that_they_are_languages(tmp_path: Path) -> None:
    """wic is Wichita, nli Grangali, mrc Maricopa, sts Ssi and pdt Plautdietsch; `lug` of masakhaner is Luganda."""
    tasks = [("super_glue", "wic"), ("klue", "nli"), ("klue", "mrc"), ("klue", "sts")]
    known = [("masakhaner", "lug"), ("mozilla-foundation/common_voice_13_0", "hsb"), ("universal_dependencies", "cs_pdt"), ("xnli", "de")]
    card = _card(*((name, config, "accuracy", 0.5) for name, config in [*tasks, *known]))
    found, refused = said("README.md", card, tmp_path / "1", "target", "language")
    assert found == [
        ("hf/masakhaner", "lg"),
        ("hf/mozilla-foundation/common_voice_13_0", "hsb"),
        ("hf/universal_dependencies", "cs"),
        ("hf/xnli", "de"),
    ]
    assert len(refused) == len(tasks)
    card = _card(("a_corpus", "hsb", "accuracy", 0.5), ("a_corpus", "wic", "accuracy", 0.5)).replace(
        "---\n", "---\nlanguage: [de, hsb]\n", 1
    )
    assert said("README.md", card, tmp_path / "2", "language")[0] == [("hsb",)], "as the card itself says"


def test_lighteval_says_of_which_metrics_less_is_better(tmp_path: Path) -> None:
    """Fields of huggingface/lighteval at 3fd1526, metrics/utils/metric_utils.py and tasks/lighteval_task.py; old files have names alone."""
    distances = {"metric_name": ["edit_similarity", "distance:n=2"], "higher_is_better": {"edit_similarity": True, "distance": False}}
    metrics = [{"metric_name": "bits", "higher_is_better": False}, {"metric_name": "acc", "higher_is_better": True}, distances]
    values = {"bits": 0.5, "acc": 0.6, "edit_similarity": 0.7, "distance:n=2": 0.1}
    for file, config, given, kept in (
        ("new", {"xnli:de|0": {"metrics": metrics}}, values, 2),
        ("old", {"xnli:de": {"metric": metrics}}, values, 2),
        ("older", {"xnli:de": {"metric": ["acc", "word_perplexity"]}}, {"acc": 0.6, "word_perplexity": 0.9}, 1),
    ):
        content = {"config_general": {"model_name": "m"}, "results": {"xnli:de|0": given}, "config_tasks": config}
        found, refused = said("results.json", content, tmp_path / file, "metric")
        assert len(found) == kept, file
        assert len(refused) == len(given) - kept
        assert all("of which more is better" in one for one in refused)


def test_losses_and_error_rates_of_a_card_are_refused(tmp_path: Path) -> None:
    card = _card(("common_voice", "de", "wer", 25.3), ("xtreme", "PAN-X.de", "loss", 0.31), ("xtreme", "PAN-X.de", "f1", 0.8))
    found, refused = said("README.md", card, tmp_path, "metric", "value")
    assert found == [("f1", 0.8)]
    assert len(refused) == 2
    assert all("of which more is better" in one for one in refused)


TABLE = {"intermediate": "none", "source": "a paper"}


def table(header: str, *lines: str) -> str:
    return "\n".join([f"| {header} |", "|---" * (header.count("|") + 1) + "|", *(f"| {line} |" for line in lines), ""])


@pytest.mark.parametrize(
    ("file", "content", "value"),
    [
        ("a.md", table("Model | en | de", "A | 70.0 | 84.1<sup>1</sup>"), 0.841),
        ("a.md", table("Model | en | de[^note-2]", "A[^1] | 70.0 | 84.1*[^3]"), 0.841),
        ("a.md", table("Model | en | de", "A | 70.0 | 84.1<sub>2</sub>"), None),
        ("a.md", table("Model | en | de", "A | 70.0 | 8.1<br>7"), None),
        ("a.md", table("Model | en | de", "A | 70.0 | +2.1"), None),
        ("a.md", table("Model | en | de", "A | 1% | 0.5%"), 0.005),
        ("a.tex", "\\begin{tabular}{lrr}\nModel & en & de \\\\\nA & 70.0 & 84.1\\textsuperscript{1} \\\\\n\\end{tabular}", 0.841),
        ("a.tex", "\\begin{tabular}{lrr}\nModel & en & de \\\\\nA & 70.0 & \\phantom{1}8.1 \\\\\n\\end{tabular}", 0.081),
        ("a.tex", "\\begin{tabular}{lrr}\nModel & en & de \\\\\nA & 70.0 & 81.2$_{1}$ \\\\\n\\end{tabular}", None),
    ],
)
def test_marks_and_second_numbers_of_a_cell_are_no_digits_of_it(file: str, content: str, value: float | None, tmp_path: Path) -> None:
    found, refused = said(file, content, tmp_path, "language", "value", target="xnli", metric="accuracy", **TABLE)
    assert dict(found).get("de") == value
    assert len(refused) == (value is None)


@pytest.mark.parametrize("name", ["+ MNLI", "+MNLI", "- English", "\u2212 English", "w/o NLI", "w/ NLI"])
def test_a_row_that_goes_on_from_the_one_above_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(table("Model | en | de", "XLM-R | 70.0 | 60.0", f"{name} | 71.0 | 61.0", "A+B w/C | 1.5 | 2.5"), encoding="utf-8")
    report = ingesting.ingest([path], tmp_path / "s", options=Options(settings={"target": "xnli", "metric": "accuracy", **TABLE}))
    assert report.notes == [f"{path}: table of line 1: stored by that name alone, not as the row above with it or without: {name!r}"]


def test_a_setting_overrides_neither_comment_nor_heading_of_a_table(tmp_path: Path) -> None:
    comment = '<!-- xbench {"target": "xquad", "metric": "f1", "unit": "fraction"} -->\n'
    content = comment + table("Model | en | de", "A | 0.4 | 0.5")
    found, _ = said("a.md", content, tmp_path / "1", "metric", "value", metric="exact_match", unit="percent", target="mlqa", **TABLE)
    assert found == [("f1", 0.4), ("f1", 0.5)]
    content = table("Model | XNLI (acc) | XQuAD (F1)", "A | 84.1 | 70.2")
    found, _ = said("a.md", content, tmp_path / "2", "target", "metric", "value", metric="accuracy", **TABLE)
    assert found == [("xnli", "accuracy", 0.841), ("xquad", "f1", 0.702)]


def test_the_language_of_a_table_of_tasks_is_the_one_that_is_said(tmp_path: Path) -> None:
    found, _ = said("a.md", table("Model | language | XNLI | pos", "A | de | 84.1 | 70.2"), tmp_path / "1", "target", "language", **TABLE)
    assert found == [("udpos", "de"), ("xnli", "de")]
    found, _ = said("a.md", table("Model | XNLI | ner", "A | 84.1 | 70.2"), tmp_path / "2", "target", "language", language="sw", **TABLE)
    assert found == [("panx", "sw"), ("xnli", "sw")]
    found, _ = said("a.md", table("Model | XNLI | ner", "A | 84.1 | 70.2"), tmp_path / "3", "target", "language", **TABLE)
    assert found == [("panx", "mul"), ("xnli", "mul")]


def test_headings_may_be_pairs_with_scripts_and_a_row_an_average_alone(tmp_path: Path) -> None:
    content = table("Model | en/zh-Hant | ace-Arab/en | avg", "A | 80.0 | 70.0 | 75.0", "B | - | - | 60.0")
    found, refused = said("a.md", content, tmp_path, "value", "language", "language_set", target="x", metric="f1", **TABLE)
    assert not refused
    assert found == [
        (0.6, "mul", "unknown"),
        (0.7, "ace-Arab/en", None),
        (0.75, "mul", "ace-Arab/en en/zh-Hant"),
        (0.8, "en/zh-Hant", None),
    ]


def test_a_code_that_a_task_does_not_have_is_taken_for_a_language_only_where_that_is_said(tmp_path: Path) -> None:
    """As in facebookresearch/XLM's README, where lg is how many languages a model knows; XNLI has no Luganda, and xquad's README has Romanian."""
    content = table("Model | lg | en | de | avg", "A | 15 | 84.0 | 80.0 | 82.0", "B | - | 82.0 | 70.0 | 76.0")
    found, refused = said("a.md", content, tmp_path / "1", "language", target="xnli", **TABLE)
    assert not found
    assert (
        "heading 'lg': no language of xnli; --set headings='en, de, avg' leaves it out, --set headings='lg, en, de, avg' takes"
        in refused[0]
    )
    columns = ("model", "language", "value", "language_set")
    found, refused = said("a.md", content, tmp_path / "2", *columns, target="xnli", headings="en,de", **TABLE)
    assert not refused
    assert found == [("A", "de", 0.8, None), ("A", "en", 0.84, None), ("B", "de", 0.7, None), ("B", "en", 0.82, None)]
    found, _ = said("a.md", content, tmp_path / "3", "value", "language_set", target="xnli", headings="en, de, avg", **TABLE)
    assert (0.82, "unknown") in found, "what a mean is over is not known where a column that may be of it is left out"
    found, refused = said("a.md", content, tmp_path / "4", "language", target="xnli", headings="lg, en", **TABLE)
    assert (found, refused) == ([("en",), ("en",), ("lg",)], [])
    found, refused = said("a.md", content, tmp_path / "5", "language", target="xnli", headings="en, de, Avg", **TABLE)
    assert not found
    assert "no heading 'Avg' is a language, a mean or a task; there are lg, en, de, avg" in refused[0]
    content = table("Model | target | en | lg", "A | masakhaner | 80.0 | 70.0", "B | xnli | 80.0 | -")
    found, refused = said("a.md", content, tmp_path / "6", "language", metric="f1", **TABLE)
    assert (found, refused) == ([("en",), ("en",), ("lg",)], []), "another task may have it, and a hole says nothing"


def test_columns_that_are_not_understood_can_be_left_out(tmp_path: Path) -> None:
    """Headings as in microsoft/unilm's minilm/README.md."""
    content = table("Model | #Layers | Average | en | de", "A | 12 | 66.0 | 70.0 | 62.0")
    found, refused = said("a.md", content, tmp_path / "1", "value", target="mlqa", **TABLE)
    assert not found
    assert (
        "heading '#Layers': neither a column, nor a language, nor a task of XTREME; --set headings='Average, en, de' leaves" in refused[0]
    )
    columns = ("language", "value", "language_set")
    found, refused = said("a.md", content, tmp_path / "2", *columns, target="mlqa", headings="Average, en, de", **TABLE)
    assert not refused
    assert found == [("de", 0.62, None), ("en", 0.7, None), ("mul", 0.66, "de en")]
    comment = '<!-- xbench {"target": "mlqa", "headings": "en"} -->\n'
    found, refused = said("a.md", comment + content, tmp_path / "3", "target", *columns, **TABLE)
    assert (found, refused) == ([("mlqa", "en", 0.7, None)], [])


def test_a_line_under_a_number_is_none_of_its_digits(tmp_path: Path) -> None:
    content = "model,intermediate,target,language,metric,value,source\nA,none,xnli,de,accuracy,0.8_1,s\n"
    assert said("a.csv", content, tmp_path, "value") == ([], [f"{tmp_path}/in/a.csv:2: column 'value' is '0.8_1', expected a number"])


def test_massive_in_chinese_and_more_english_of_mteb(tmp_path: Path) -> None:
    """eval_langs of MassiveIntentClassification and AmazonCounterfactualClassification: zh-CN is cmo-Hans there; en and en-ext are eng-Latn."""
    subsets = [("zh-CN", "cmo-Hans", 0.1), ("zh-TW", "cmo-Hant", 0.2), ("en", "eng-Latn", 0.3), ("en-ext", "eng-Latn", 0.4)]
    scores = [{"main_score": value, "hf_subset": name, "languages": [code]} for name, code, value in subsets]
    content = {"task_name": "T", "mteb_version": "2", "dataset_revision": "r", "scores": {"test": scores}}
    found, refused = said("org__m/rev/T.json", content, tmp_path, "value", "target", "language")
    assert not refused
    assert found == [(0.1, "mteb/T", "zh"), (0.2, "mteb/T", "zh-Hant"), (0.3, "mteb/T", "en"), (0.4, "mteb/T:en-ext", "en")]


def test_a_subset_of_mteb_is_a_language_only_where_its_parts_are(tmp_path: Path) -> None:
    """Names of embeddings-benchmark/mteb: TMD, PubChemSMILESBitextMining, NusaTranslationBitextMining and others."""
    subsets = [
        ("day_span_time_qs", ["eng-Latn"], 0.1, None), ("rel_day_time_qs", ["eng-Latn"], 0.2, None), ("iso-desc", ["eng-Latn"] * 2, 0.3, None),
        ("ind-btk", ["ind-Latn", "btk-Latn"], 0.4, "id/btk"), ("zh-CN", ["cmn-Hans"], 0.5, "zh"), ("cmn_Hant-eng_Latn", ["cmn-Hant", "eng-Latn"], 0.6, "zh-Hant/en"),
        ("de-en", ["deu-Latn", "eng-Latn"], 0.7, "de/en"), ("sr-latn", ["srp-Latn"], 0.8, "sr-Latn"), ("default", ["fra-Latn"], 0.9, "fr"),
    ]  # fmt: skip
    scores = [{"main_score": value, "hf_subset": name, "languages": languages} for name, languages, value, _ in subsets]
    content = {"task_name": "T", "mteb_version": "2.0", "dataset_revision": "r", "scores": {"test": scores}}
    found, _ = said("org__m/r/T.json", content, tmp_path, "value", "target", "language")
    assert found == [
        (value, "mteb/T" if language else f"mteb/T:{name}", language or "en") for name, _, value, language in subsets
    ]  # fmt: skip


def test_each_subset_of_mteb_has_the_version_that_it_was_made_with(tmp_path: Path) -> None:
    """TaskResult of mteb 2 (results/task_result.py at a905523) completes a file: above stands a range then, and in older ones the first version."""

    def read(folder: str, above: str, *subsets: tuple[str, float, str | None]) -> ingesting.Report:
        scores = [
            {"max_ap": value, "main_score": value, "hf_subset": code, "languages": [code]} | ({"mteb_version": own} if own else {})
            for code, value, own in subsets
        ]
        path = tmp_path / folder / "org__m" / "rev" / "XNLI.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"task_name": "XNLI", "mteb_version": above, "dataset_revision": "r", "scores": {"test": scores}}))
        return ingesting.ingest([path], tmp_path / "store")

    first = [("de", 0.61, "2.12.0"), ("fr", 0.62, "2.12.0")]
    assert read("1", "2.12.0", *first).cells == {"new": 2}
    assert read("2", "2.12.0-2.15.4", first[0], ("sw", 0.55, "2.15.4"), first[1]).cells == {"identical": 2, "new": 1}
    assert read("3", "1.29.10", ("el", 0.5, None), ("th", 0.6, "2.12.30")).cells == {"new": 2}
    assert rows(tmp_path / "store", "language", "source_version", "stack") == [
        (code, version, f"mteb {version}")
        for code, version in (("de", "2.12.0"), ("el", "1.29.10"), ("fr", "2.12.0"), ("sw", "2.15.4"), ("th", "2.12.30"))
    ]


def test_scripts_in_the_subsets_of_an_old_file_of_mteb(tmp_path: Path) -> None:
    """Names of subsets in tests/historic_results of mteb at a905523, of BelebeleRetrieval, BibleNLPBitextMining and others; values are ours."""
    subsets = {
        "acm_Arab-acm_Arab": "acm-Arab",
        "aai_Latn-eng_Latn": "aai/en",
        "zho_Hant-eng_Latn": "zh-Hant/en",
        "deu-fra": "de/fr",
        "zh-CN": "zh-CN",
    }
    content = {"mteb_version": "1.7.60", "mteb_dataset_name": "T", "test": {name: {"f1": 0.5} for name in subsets}}
    found, refused = said("org__m/rev/T.json", content, tmp_path, "target", "language")
    assert (found, refused) == ([("mteb/T", code) for code in sorted(subsets.values())], [])


def test_the_v_measures_of_levels_in_an_old_file_of_mteb_are_no_subset(tmp_path: Path) -> None:
    """The shape of CLSClusteringP2P.v2 in tests/historic_results of mteb at a905523; values are ours."""
    content = {
        "mteb_version": "1.8.3", "mteb_dataset_name": "CLSClusteringP2P.v2",
        "test": {"evaluation_time": 3.7, "v_measure": 0.4, "v_measure_std": 0.1, "v_measures": {"Level 0": [0.3, 0.5], "Level 1": [0.4]}},
    }  # fmt: skip
    found, refused = said("org__m/rev/C.json", content, tmp_path, "target", "metric", "value", language="zh")
    assert (found, refused) == ([("mteb/CLSClusteringP2P.v2", "v_measure", 0.4)], [])


def test_what_jiant_calls_validation_is_the_test_set_of_xquad_tydiqa_and_tatoeba(tmp_path: Path) -> None:
    """None has another set in XTREME: XQuAD and Tatoeba have no development data, and TyDiQA's test set is its GoldP development set."""
    tasks = {name: {"metrics": {"major": 0.5, "minor": {"f1": 0.5}}} for name in ("xquad_de", "tydiqa_fi", "mlqa_de_de", "panx_de")}
    tasks["tatoeba_af"] = {"metrics": {"major": 0.5, "minor": {"acc": 0.5}}}
    found, _ = said("val_metrics.json", tasks, tmp_path, "target", "split", model="m", intermediate="none")
    assert found == [("mlqa", "dev"), ("panx", "dev"), ("tatoeba", "test"), ("tydiqa", "test"), ("xquad", "test")]


def test_a_part_of_the_instances_of_helm_is_not_the_whole(tmp_path: Path) -> None:
    spec = {"name": "xnli:model=m", "scenario_spec": {"args": {"language": "sw"}}, "adapter_spec": {"model": "m"}}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "run_spec.json").write_text(json.dumps(spec), encoding="utf-8")
    stats = [helm_stat("exact_match", 0.5), helm_stat("exact_match", 0.9, sub_split="toxic")]
    assert said("stats.json", stats, tmp_path, "value") == ([(0.5,)], [])


def test_the_metrics_of_summaries_on_a_board_are_those_of_its_newest_version(tmp_path: Path) -> None:
    """EuroEval's CHANGELOG, v16.17.0: from BERTScore to ChrF3++. Danish boards: 62.3 / 15.3 until 16.11.0, 32.3 / 35.3 from 16.17.0.dev0 on."""

    def read(task: str, folder: str, *versions: str, **settings: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        head = (
            f"<span>Task Type</span>,{task},<span>hidden</span>\nModel,<a href='https://euroeval.com/datasets/danish#s'>s</a>,s_version\n"
        )
        lines = "".join(f"m{i},40.00 ± 1.00 / 30.00 ± 1.00@@40.00,{version}@@1\n" for i, version in enumerate(versions))
        return said("danish_all.csv", head + lines, tmp_path / folder, "metric", "value", **settings)

    assert read("Summarization", "old", "<9.2.0", "16.11.0")[0] == [
        ("bertscore", 0.4),
        ("bertscore", 0.4),
        ("rouge_l", 0.3),
        ("rouge_l", 0.3),
    ]
    new = [("chrf3pp", 0.4), ("chrf3pp", 0.4), ("chrf4pp", 0.3), ("chrf4pp", 0.3)]
    assert read("Summarization", "new", "16.14.0.dev0", "16.17.0.dev0")[0] == new
    assert read("Simplification", "simple", "17.0.0")[0] == [("meteor", 0.4), ("sari", 0.3)]
    for task, version in (("Summarization", "16.15.0"), ("Summarization", "-"), ("Juggling", "17.0.0")):
        found, refused = read(task, f"{task} {version}", version)
        assert not found
        assert len(refused) == 2
        assert "column 'metric' is empty; if the file does not say it, --set does" in refused[0]
        assert read(task, f"{task} {version} said", version, metric="a / b")[0] == [("a", 0.4), ("b", 0.3)]


def test_data_sets_of_helms_commonsense_stand_side_by_side_and_questions_of_sea_helm_are_read(tmp_path: Path) -> None:
    """get_commonsense_spec in helm's lite_run_specs.py gives its scenarios no arguments; get_tydiqa_spec names its language for the metric alone."""
    specs: list[tuple[str, dict[str, Any], list[dict[str, Any]], str]] = [
        ("commonsense:dataset=hellaswag,method=joint,model=m", {}, [], "exact_match"),
        ("commonsense:dataset=piqa,method=joint,model=m", {}, [], "exact_match"),
        ("tydiqa:model=m", {}, [{"class_name": "M", "args": {}}, {"class_name": "Q", "args": {"language": "id"}}], "squad_f1_score"),
        ("xquad_th:model=m", {"language": "th"}, [], "squad_exact_match_score"),
        ("xsum:model=m", {}, [], "an_unknown_metric"),
    ]
    for name, arguments, metrics, metric in specs:
        folder = tmp_path / "in" / name.replace(":", "-")
        folder.mkdir(parents=True)
        spec = {"name": name, "scenario_spec": {"args": arguments}, "adapter_spec": {"model": "m"}, "metric_specs": metrics}
        (folder / "run_spec.json").write_text(json.dumps(spec), encoding="utf-8")
        (folder / "stats.json").write_text(json.dumps([helm_stat(metric, 0.5), helm_stat("num_references", 4.0)]), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "in"], tmp_path / "store", options=Options(settings={"language": "en"}))
    assert rows(tmp_path / "store", "target", "language") == [
        ("helm/commonsense:dataset=hellaswag", "en"), ("helm/commonsense:dataset=piqa", "en"), ("helm/tydiqa", "id"), ("helm/xquad_th", "th"),
    ]  # fmt: skip
    assert "has none of the metrics that are read: exact_match, " in str(report.refusals[0])


@pytest.mark.parametrize(
    ("arguments", "language", "rest"),
    [  # mgsm, core_bench, mmlu and anima of inspect_evals 0.28.0
        ({"languages": "all", "cot": True}, {}, {"languages": "all", "cot": True}),
        ({"language": "Python"}, {}, {"language": "Python"}),
        ({"language": "EN_US"}, {"language": "EN_US"}, {}),
        ({"languages": ["de"]}, {"language": "de"}, {}),
        ({"languages": ["de", "sw"]}, {"language": "mul", "language_set": ["de", "sw"]}, {}),
        ({"languages": ["English", "de"]}, {}, {"languages": ["English", "de"]}),
        ({"lang": "swh", "language": None}, {"language": "swh"}, {}),
        ({"lang": "cpp"}, {}, {"lang": "cpp"}),
    ],
)
def test_an_argument_of_inspect_is_a_language_only_where_it_surely_is(
    arguments: dict[str, Any], language: dict[str, Any], rest: dict[str, Any], tmp_path: Path
) -> None:
    assert adapter.load("inspect-ai")._languages(arguments) == (language, rest)


def test_what_is_said_of_languages_that_are_not_known_keeps_runs_of_inspect_apart(tmp_path: Path) -> None:
    for place, given in enumerate(("all", "R", ["de", "sw"])):
        log = eval_log()
        log["eval"] |= {"task": "inspect_evals/core_bench", "task_args": {"language": given}}
        found, refused = said(f"{place}.json", log, tmp_path, "language", "language_set")
        assert len(refused) == min(place + 1, 2)
        assert all("column 'language' is empty" in one for one in refused)
    assert found == [("mul", "de sw")]
    found, refused = said("2.json", log, tmp_path, "recipe_id", "value", "n", "evidence", language="mul")
    assert not refused
    assert len({recipe for recipe, *_ in found}) == 3
    assert {tuple(rest) for _, *rest in found} == {(0.75, 4, "aggregate")}, "examples of a mean over languages are of none"


def test_reducers_and_values_of_inspect_stand_side_by_side_and_a_part_without_a_limit_is_refused(tmp_path: Path) -> None:
    log = eval_log()
    log["results"]["scores"] = [
        {"name": name, "scorer": "choice", "reducer": reducer, "metrics": {"accuracy": {"value": value}}}
        for name, reducer, value in (("choice", "mean", 0.5), ("choice", "max", 0.75), ("second", "mean", 0.25))
    ]
    found, refused = said("a.json", log, tmp_path / "1", "scorer", "value")
    assert not refused
    assert found == [("inspect choice", 0.5), ("inspect choice max", 0.75), ("inspect choice second", 0.25)]
    found, refused = said("a.json", eval_log(completed=3), tmp_path / "2", "value")
    assert not found
    assert refused[0].endswith("ran on 3 of 4 samples")


def test_epochs_of_inspect_are_no_examples(tmp_path: Path) -> None:
    """completed_samples counts each epoch of a sample (_eval/score.py at 499e615); scored_samples, where it stands, counts samples."""
    log = eval_log(completed=12)
    log["eval"]["config"]["epochs"], log["results"]["total_samples"] = 3, 12
    for place, (samples, scored) in enumerate(((True, None), (False, None), (False, 4))):
        content = {**log, "samples": log["samples"] * 3 if samples else []}
        if scored:
            content["results"]["scores"][0]["scored_samples"] = scored
        assert said("a.json", content, tmp_path / str(place), "n", "evidence") == ([(4, "outcomes" if samples else "aggregate")], [])


def test_a_zstd_log_of_inspect_that_is_damaged_or_unpacks_to_more_than_it_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.eval"

    def refusal(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(DataError) as refused:
            list(adapter.read(path, "inspect-ai", Options()))
        return str(refused.value)

    whole = zipped(eval_members(), zstd=True)
    directory, start = whole.index(b"PK\1\2"), whole.index(b"\x28\xb5\x2f\xfd")
    packed, size = (int.from_bytes(whole[directory + place :][:4], "little") for place in (20, 24))

    def but(place: int, number: int) -> bytes:
        return whole[: directory + place] + number.to_bytes(4, "little") + whole[directory + place + 4 :]

    unlike = f"{path} is damaged: header.json is not the "
    assert [refusal(but(24, said)) for said in (size - 4, size + 4)] == [
        f"{unlike}{said:,} bytes that it is said to be" for said in (size - 4, size + 4)
    ]
    assert refusal(but(16, 0)).startswith(unlike), "the sum of another content"
    assert refusal(but(20, packed - 4)) == f"{path} is damaged: header.json: Truncated compressed stream"
    assert refusal(whole[:start] + bytes(packed) + whole[start + packed :]).startswith(
        f"{path} is damaged: header.json: ZSTD decompress failed"
    )
    bomb = zipped({"header.json": "0" * (16 << 20)}, zstd=True)
    directory = bomb.index(b"PK\1\2")
    bomb = bomb[: directory + 24] + (1000).to_bytes(4, "little") + bomb[directory + 28 :]
    tracemalloc.start()
    assert refusal(bomb) == f"{unlike}1,000 bytes that it is said to be"
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    monkeypatch.setattr(adapter.load("inspect-ai"), "_LARGEST", size - 1)
    assert refusal(whole) == f"{path}: header.json has more than {size - 1:,} bytes"


@pytest.mark.parametrize(
    ("name", "identities"),
    [  # as they were before conditions were read, at 1cd244a
        ("eee", {"206d7b27f704372b2ff97717", "cf0bf4e7180e945315ef96c7", "dd3ae1435ea5cd48c00156aa"}),
        ("helm", {"0cdeb401c03a1bd669dde3e6"}),
        ("inspect-ai", {"b9b5622d84bfdada46bd008d", "cf4b15574a4fe39094d77aea", "e75b323b077bbcd29ad34a01"}),
        ("lighteval", {"0e4f674fc7dc560d79fce1ab"}),
    ],
)
def test_a_file_that_sets_no_conditions_has_the_identity_that_it_had(name: str, identities: set[str], tmp_path: Path) -> None:
    _, root = ingest(CASES[name], tmp_path)
    con = store.connect(root)
    assert {identity for (identity,) in con.execute("SELECT identity FROM run").fetchall()} == identities
    con.close()


def _recipes(name: str, path: Path) -> list[Any]:
    return [row.get("recipe") for row in adapter.read(path, name, Options()) if isinstance(row, dict)]


def _helm_run(folder: Path, **adaption: Any) -> list[Any]:
    (folder / "run_spec.json").write_text(
        json.dumps({"name": "x:model=m", "scenario_spec": {}, "adapter_spec": {"model": "m", **adaption}})
    )
    (folder / "stats.json").write_text(json.dumps([helm_stat("exact_match", 0.5)]))
    return _recipes("helm", folder)


def test_the_prompt_and_decoding_of_a_run_of_helm_are_its_recipe(tmp_path: Path) -> None:
    """Defaults: AdapterSpec in adaptation/adapter_spec.py at 63754d0. The expanders temperature and output_format_instructions keep a run's name."""
    silent = {"instructions": "", "input_prefix": "Input: ", "temperature": 1.0, "stop_sequences": [], "eval_splits": None, "random": None}
    assert _helm_run(tmp_path, method="generation", model_deployment="together/m", **silent) == [{"method": "generation"}]
    said = {"instructions": "Answer with a letter.\n", "temperature": 0.0, "stop_sequences": ["\n"]}
    assert _helm_run(tmp_path, method="generation", **{**silent, **said}) == [{"method": "generation", **said}]


def test_generation_limits_and_another_solver_are_the_recipe_of_a_log_of_inspect(tmp_path: Path) -> None:
    """Fields of EvalSpec, EvalConfig and EvalPlan in log/_log.py, and of GenerateConfig in model/_generate_config.py, at 499e615."""
    path = tmp_path / "a.json"

    def recipe(plan: dict[str, Any], config: dict[str, Any], **about: Any) -> Any:
        log = eval_log()
        log["eval"] = {**log["eval"], **about, "config": {**log["eval"]["config"], **config}}
        path.write_text(json.dumps({**log, "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": plan}}))
        (found,) = _recipes("inspect-ai", path)
        return found

    nothing = {"max_connections": 4, "max_retries": 8, "temperature": None}
    assert (
        recipe(nothing, {"message_limit": None, "max_samples": 9}, model_generate_config=nothing, solver=None, solver_args=None)
        == "unknown"
    )
    assert recipe({}, {}, model_generate_config={"reasoning_effort": "low"}, task_args={"cot": True}) == {
        "cot": True,
        "reasoning_effort": "low",
    }
    assert recipe({"temperature": 0.0}, {}, model_generate_config={"temperature": 1.0, "seed": 3}) == {"temperature": 0.0, "seed": 3}
    assert recipe({}, {"message_limit": 30}) == {"message_limit": 30}
    assert recipe({}, {}, solver="chain_of_thought", solver_args={"template": "t"}) == {
        "solver": "chain_of_thought",
        "solver_args": {"template": "t"},
    }
    assert recipe({}, {}, solver="chain_of_thought", solver_args={}) == {"solver": "chain_of_thought"}
    # Arguments of model/_providers/hf.py, and of openai.py and google.py, which are about requests alone.
    spread = {"device": "cuda:0", "batch_size": 8, "stream": True, "region_name": "eu", "default_headers": {"x": "y"}, "dtype": None}
    assert recipe({}, {}, model_args=spread) == "unknown"
    loaded = {"load_in_4bit": True, "model_path": "./m"}
    assert recipe({}, {}, model_args={**spread, **loaded}) == {"model_args": loaded}


def test_the_revision_among_the_arguments_of_a_model_of_inspect_keeps_runs_apart(tmp_path: Path) -> None:
    for revision in ("step1", "step2"):
        log = eval_log()
        log["eval"]["model_args"] = {"revision": revision}
        found, _ = said(f"{revision}.json", log, tmp_path, "model_revision")
    assert found == [("step1",), ("step2",)]


def test_generation_and_prompts_are_the_recipe_of_lighteval(tmp_path: Path) -> None:
    """ModelConfig in models/abstract_model.py and GenerationParameters in models/model_input.py of lighteval at 3fd1526."""
    path = tmp_path / "results.json"

    def recipe(**config: Any) -> Any:
        general = {"model_name": "m", "model_config": {"model_name": "m", **config}}
        path.write_text(json.dumps({"config_general": general, "results": {"mgsm:de|5": {"em": 0.5}}}))
        (found,) = _recipes("lighteval", path)
        return found

    silent = {"temperature": 0, "top_p": None, "seed": None, "stop_tokens": None}
    assert recipe(generation_parameters=silent, system_prompt=None, override_chat_template=None) == {"num_fewshot": 5}
    assert recipe(generation_parameters={**silent, "temperature": 1.0, "seed": 0}, system_prompt="You think.", override_chat_template=False) == {
        "num_fewshot": 5, "temperature": 1.0, "seed": 0, "system_prompt": "You think.", "override_chat_template": False,
    }  # fmt: skip
    # dtype of transformers_model.py, of which 4bit and 8bit are values; the defaults of sglang_model.py and vllm_model.py.
    assert (
        recipe(dtype=None) == recipe(dtype="auto", quantization=None, kv_cache_dtype="auto", model_loading_kwargs={}) == {"num_fewshot": 5}
    )
    assert [recipe(dtype=dtype)["dtype"] for dtype in ("bfloat16", "4bit")] == ["bfloat16", "4bit"]
    precise = {"quantization": "fp8", "kv_cache_dtype": "fp8"}
    assert recipe(**precise, model_loading_kwargs={"device_map": "auto"}) == {"num_fewshot": 5, **precise}
    assert recipe(model_loading_kwargs={"load_in_8bit": True})["model_loading_kwargs"] == {"load_in_8bit": True}


def test_the_generation_of_a_record_of_every_eval_ever_is_its_recipe(tmp_path: Path) -> None:
    """generation_config as the converters lm_eval/adapter.py and inspect/adapter.py at 9bce413 write it: additional_details are texts."""
    path = tmp_path / "a.json"

    def recipe(config: dict[str, Any] | None, **details: str) -> Any:
        record = _eee("lm_eval", ("mgsm_de", "mgsm_de", "exact_match", 0.5), **details)
        record["evaluation_results"][0]["generation_config"] = config
        path.write_text(json.dumps(record))
        (found,) = _recipes("eee", path)
        return found

    silent = {"temperature": None, "eval_limits": {"time_limit": None}, "agentic_eval_config": {"available_tools": []}}
    assert recipe(None) == "unknown"
    assert recipe({"generation_args": silent, "additional_details": {"max_retries": "8"}}) == "unknown"
    for shots in ("0", "8"):
        given = {"generation_args": {**silent, "temperature": 0.0, "execution_command": "x"}, "additional_details": {"num_fewshot": shots}}
        assert recipe(given) == {"num_fewshot": shots, "temperature": 0.0}
        assert recipe(given, xbench_recipe="ours") == "ours"


def test_what_euroeval_says_of_a_run_is_in_the_recipe_beside_what_its_results_say(tmp_path: Path) -> None:
    """additional_details as eee_utils.py of EuroEval writes them: scoring_method at 01f251f, use_bits_per_character at f37841c."""
    path = tmp_path / "a.json"

    def row(said: dict[str, str | None], config: dict[str, Any] | None = None, **details: str) -> dict[str, Any]:
        record = _eee("euroeval", ("angry-tweets", "test_mcc", "", 50.0), high=100, **details)
        record["eval_library"]["additional_details"] = {"languages": '["da"]', **said}
        record["evaluation_results"][0]["generation_config"] = config
        path.write_text(json.dumps(record))
        (found,) = adapter.read(path, "eee", Options())
        assert isinstance(found, dict)
        return found

    assert row({"scoring_method": "mcf", "cf_normalization": None, "use_bits_per_character": "false"})["recipe"] == "unknown"
    assert row({"few_shot": "true", "scoring_method": "mcf", "cf_normalization": None})["recipe"] == {"few_shot": True}
    cloze = {"scoring_method": "cf", "cf_normalization": "character"}
    assert row({"few_shot": "false", **cloze})["recipe"] == {"few_shot": False, **cloze}
    assert row({"use_bits_per_character": "true"})["recipe"] == {"use_bits_per_character": True}
    shots = {"few_shot": "true"}
    assert row(shots, {"generation_args": {"temperature": 0.5}})["recipe"] == {"few_shot": True, "temperature": 0.5}
    assert row(shots, xbench_recipe='{"few_shot": 3, "cot": true}')["recipe"] == {"few_shot": 3, "cot": True}
    assert row(shots, xbench_recipe="ours")["recipe"] == "ours"
    assert [row({"validation_split": "true"}, **more)["split"] for more in ({}, {"xbench_split": "validation"})] == ["dev", "validation"]


EUROEVAL = "model", "model_revision", "train_language", "intermediate", "split", "metric", "value"


def test_a_record_of_euroeval_says_what_its_model_was_trained_on(tmp_path: Path) -> None:
    """The shape of EuroEval 18.2: model_type, bounds of -100 and 100 for MCC, and few_shot of encoders, which see no examples."""

    def record(**about: str) -> dict[str, Any]:
        found = _eee("euroeval", ("be-wsc", "test_mcc", "", 7.5), low=-100, high=100)
        found["eval_library"]["additional_details"] = {"languages": '["be"]', "few_shot": "true", "validation_split": "true"}
        found["model_info"] = {"id": "org/m@step1", "additional_details": {"num_model_parameters": "135445755", **about}}
        return found

    for place, (about, training, recipe) in enumerate([
        ({"model_type": "encoder", "generative": "false"}, ("be", "none"), '{"text":"unknown"}'),
        ({"generative": "false"}, ("be", "none"), '{"text":"unknown"}'),
        ({"model_type": "generative", "generative": "true"}, ("none", "unknown"), '{"few_shot":true}'),
        ({}, ("unknown", "unknown"), '{"few_shot":true}'),
    ]):  # fmt: skip
        found, refused = said("a.json", record(**about), tmp_path / str(place), *EUROEVAL)
        assert (found, refused) == ([("org/m", "step1", *training, "dev", "mcc", 0.075)], [])
        with store.connect(tmp_path / str(place) / "store") as con:
            assert con.execute("SELECT parameters, recipe FROM run").fetchall() == [(135445755, recipe)]
    several = record(model_type="encoder")
    several["eval_library"]["additional_details"]["languages"] = '["sv", "da"]'
    assert said("a.json", several, tmp_path / "several", "language", "train_language") == ([("mul", "da+sv")], [])
    small = _eee("board", ("x_de", "x_de", "a score", 0.5), low=-1, high=1)
    assert said("a.json", small, tmp_path / "fraction", "value") == ([(0.5,)], [])


def test_lines_of_scandeval_and_of_euroeval_before_it_wrote_every_eval_ever(tmp_path: Path) -> None:
    """Shapes of BenchmarkResult: ScandEval 13 with raw.test, EuroEval 16.10 with `languages`; before 12, conditions stand in the name.

    The spreads are 1.96 standard errors: scores.py of ScandEval 12.0.0.
    """
    fits = [{"test_mcc": 0.1}] * 10
    old = {"dataset": "scala-da", "dataset_languages": ["da"], "model": "org/m (zero-shot, val)", "results": {"raw": {"test": fits}, "total": {
        "test_mcc": 10.0, "test_mcc_se": 1.96, "train_mcc": 90.0}}}  # fmt: skip
    encoder = old | {"model": "org/e", "num_model_parameters": -1}
    new = {"dataset": "norec", "languages": ["nb", "nn", "no"], "model": "org/m@100B#low", "results": {"raw": fits, "total": {
        "test_mcc": 20.0, "test_mcc_se": float("nan"), "test_bits_per_character": 0.9, "num_failed_instances": 0.0}}, "num_model_parameters": 7,
        "generative": True, "few_shot": False, "validation_split": True, "euroeval_version": "16.10.0"}  # fmt: skip
    text = "\n\n".join(map(json.dumps, (old, encoder, new)))
    found, refused = said(
        "results.jsonl", text, tmp_path, *EUROEVAL, "language", "stderr", "stderr_kind", "source_version", "parameters", "target"
    )
    assert [one.split(": ", 1)[1] for one in refused] == [
        "column 'metric' is 'bits_per_character', expected one of which more is better; if more of this one is, a column lower_is_better says false"
    ]
    over = "EuroEval over 10 fits"
    assert found == [
        ("org/e", "unknown", "da", "none", "test", "mcc", 0.1, "da", pytest.approx(0.01), over, "unknown", None, "euroeval/scala_da"),
        ("org/m", "unknown", "none", "unknown", "dev", "mcc", 0.1, "da", pytest.approx(0.01), over, "unknown", None, "euroeval/scala_da"),
        ("org/m#low", "100B", "none", "unknown", "dev", "mcc", 0.2, "no", None, None, "16.10.0", 7, "euroeval/norec"),
    ]
    with store.connect(tmp_path / "store") as con:
        recipes = con.execute("SELECT model, recipe FROM run ORDER BY model").fetchall()
    assert recipes == [("org/e", '{"text":"unknown"}'), ("org/m", '{"few_shot":false}'), ("org/m#low", '{"few_shot":false}')]


def test_what_is_no_file_of_euroeval_is_said(tmp_path: Path) -> None:
    for name, content, told in (
        ("a.csv", "model,en\nm,0.5\n", "a.csv: no board of EuroEval"),
        (
            "b.jsonl",
            json.dumps(_eee("euroeval", ("norec", "test_mcc", "", 50.0))),
            "b.jsonl:1: a record of Every Eval Ever, which --format eee reads",
        ),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        (refusal,) = ingesting.ingest([tmp_path / name], tmp_path / "s", "euroeval").refusals
        assert told in str(refusal)


def test_the_larger_tasks_of_xtreme_r_are_not_those_of_xtreme(tmp_path: Path) -> None:
    """evaluate.py --xtreme_version xtreme-r writes udpos, panx, tatoeba and xquad under the same names, with more languages."""
    content = {
        "udpos": {"f1": {"de": 80.0, "lt": 70.0}, "avg_f1": 75.0, "avg_metric": 75.0},
        "xnli": {"accuracy": {"de": 60.0}, "avg_accuracy": 60.0, "avg_metric": 60.0},
    }
    found, _ = said("scores.json", content, tmp_path, "target", "language", model="m")
    assert found == [("xnli", "de"), ("xtreme-r-udpos", "de"), ("xtreme-r-udpos", "lt")]


def test_a_table_of_tasks_gives_each_number_its_own_metric_and_leaves_their_mean_out(tmp_path: Path) -> None:
    """`--set metric='f1 / exact_match'` is of the cells with two numbers; accuracies were stored as F1."""
    path = tmp_path / "README.md"
    path.write_text(
        "| Model | XNLI | NER | XQuAD | Avg |\n|---|---|---|---|---|\n| m | 79.2 | 65.4 | 76.6 / 60.8 | 70.0 |\n", encoding="utf-8"
    )
    options = Options(settings={"metric": "f1 / exact_match", "intermediate": "none", "source": "p"})
    rows = [(r["target"], r["metric"], r["value"]) for r in adapter.read(path, "markdown", options)]
    assert rows == [("xnli", "accuracy", "79.2"), ("panx", "f1", "65.4"), ("xquad", "f1", "76.6"), ("xquad", "exact_match", "60.8")]
