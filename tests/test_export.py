"""What is exported comes back as the same rows; tables for papers are escaped, marked and whole."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.adapter_files import CASES
from tests.conftest import RUN, Writer
from tests.test_adapters import ingest
from tests.test_comparing import answers, put
from xbench import adapter, cli, exporting, ingesting, store
from xbench.adapter import Options
from xbench.errors import DataError, PluginError, StoreError
from xbench.task import load_task
from xbench.tasks._xtreme import ISO3

ENDINGS = {"csv": "csv", "parquet": "parquet", "eee": "", "markdown": "md", "latex": "tex"}
HOSTILE = '=HYPERLINK("x") | <b>&amp; $x_1$ 100% {a} \\ ~^ `c` **d** 漢字'


def everything(root: Path) -> list[tuple[Any, ...]]:
    """All columns that adapters give, of every score."""
    columns = ", ".join(
        {"recipe": "u.recipe", "relationship": "u.relationship", "selection": "u.selection"}.get(c, f"r.{c}") for c in adapter.COLUMNS
    )
    con = store.connect(root)
    try:
        return con.execute(f"SELECT {columns} FROM result AS r JOIN run AS u USING (run_id) ORDER BY ALL").fetchall()
    finally:
        con.close()


def there_and_back(root: Path, folder: Path, name: str, **options: Any) -> Path:
    path = folder / f"out.{ENDINGS[name]}"
    exporting.export(root, name, path, **options)
    report = ingesting.ingest([path], folder / f"again-{name}")
    assert not report.refusals, report.refusals
    return folder / f"again-{name}"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of all kinds: own runs with seeds, pairs, printed means, standard errors, hostile names."""
    folder = tmp_path_factory.mktemp("mixed")
    writer = Writer(folder / "store")
    for seed in (0, 1):
        writer.add("none", "mini-pos", seed, {"de": 1 / 3, "fr": 0.7 + seed / 7}, recipe='{"epochs":3}')
        writer.add("intents", "mini-pos", seed, {"de": 0.1, "fr": 0.2}, selection="target-languages")  # which is not zero-shot
    for name in ("long", "lm-eval", "mteb", "sumeval", "euroeval", "model-index"):
        case = CASES[name]
        options = Options(settings=case.settings)
        ingesting.ingest([case.write(folder / name)], folder / "store", options=options)
    header = "model,intermediate,target,language,language_set,metric,value,source\n"
    (folder / "h.csv").write_text(
        header
        + f'"{HOSTILE.replace(chr(34), chr(34) * 2)}",none,xnli,mul,de fr,accuracy,0.123456789,"+source"\n'
        + "m,none,xnli,mul,de,accuracy,0.25,paper\nm,none,xnli,mul,de fr,accuracy,0.5,paper\n",
        encoding="utf-8",
    )
    assert not ingesting.ingest([folder / "h.csv"], folder / "store").refusals
    return folder / "store"


@pytest.mark.parametrize("name", ["csv", "parquet", "eee"])
def test_formats_that_carry_a_row_give_it_back_to_the_bit(mixed: Path, tmp_path: Path, name: str) -> None:
    again = there_and_back(mixed, tmp_path, name)
    assert everything(again) == everything(mixed)
    # and into the store that they come from, they bring nothing
    report = ingesting.ingest([tmp_path / f"out.{ENDINGS[name]}"], mixed, dry_run=True)
    assert set(report.cells) == {"identical"}


@pytest.mark.parametrize("name", ["markdown", "latex"])
def test_tables_for_people_give_back_what_they_show(tmp_path: Path, name: str) -> None:
    case = CASES["long"]
    _, root = ingest(case, tmp_path)
    (tmp_path / "h.csv").write_text(
        "model,intermediate,target,language,metric,value,source\n" + f'"{HOSTILE.replace(chr(34), chr(34) * 2)}",none,xnli,de,accuracy,0.5,paper\n',
        encoding="utf-8",
    )  # fmt: skip
    ingesting.ingest([tmp_path / "h.csv"], root)
    again = there_and_back(root, tmp_path, name, digits=2)
    index = [adapter.COLUMNS.index(c) for c in ("seed", "n")]

    def shown(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:  # neither seeds nor counts are in a table
        return sorted((tuple(v for i, v in enumerate(r) if i not in index) for r in rows), key=str)

    assert shown(everything(again)) == shown(everything(root))


# What markdown, LaTeX or ingest could take for something else: an empty cell, links, marks, cells, emphasis, macros, escapes of these.
NAMES = [
    "-", "--", r"\-", "{-}", "[a](b)", "![a](b)", r"\[a\](b)", "[x]", "†", "a†", "b ‡", "&dagger;", "a|b", r"a\|b", "|", "$x$", r"\$", "$^{\\dagger}$",
    "**x**", "_x_", "~~x~~", "``", "<sup>1</sup>", "1<br>2", "<!-- x -->", "&amp;", r"\textbf{x}", r"\toprule", r"\end{tabular}", r"a\\b", "50 %", "#", "x^2",
]  # fmt: skip


@pytest.mark.parametrize("name", ["markdown", "latex"])
def test_names_come_back_from_tables(tmp_path: Path, name: str) -> None:
    writer = Writer(tmp_path / "store")
    for number, model in enumerate(NAMES):
        writer.add(model, "mini-pos", 0, {"de": number / 100, "fr": 0.5}, model=model, source="-" if number % 2 else "[a](b)")
    again = there_and_back(writer.root, tmp_path, name)

    def shown(root: Path) -> list[tuple[Any, ...]]:
        with store.reading(root) as con:
            text = "SELECT model, intermediate, source, language, round(value, 9) FROM result ORDER BY ALL"
            return con.execute(text).fetchall()

    assert shown(again) == shown(writer.root)
    assert len(shown(again)) == 2 * len(NAMES)


def test_ties_are_of_the_numbers_that_the_table_shows(tmp_path: Path) -> None:
    """Two systems that are equal over both languages and three seeds are not so in one of them, or in one seed."""
    rates = {"none": (0.3, 0.3), "a": (0.9, 0.5), "b": (0.5, 0.9)}
    for seed in (0, 1, 2):
        for i, (name, (de, hi)) in enumerate(rates.items()):
            put(tmp_path, name, seed, {"de": answers(10 * seed + i, de - seed / 9), "hi": answers(10 * seed + i + 5, hi + seed / 99)})

    def daggers(**where: Any) -> int:
        return exporting.export(tmp_path, "markdown", None, **where).count(" † |")

    assert daggers() == 2 == daggers(seed=0)
    assert CliRunner().invoke(cli.app, ["export", "--format", "markdown", "--store", str(tmp_path)]).stdout.count(" † |") == 2
    assert daggers(language="de") == 0
    for name, rate in (("a", 0.9), ("b", 0.1)):  # mini-pos has no French
        put(tmp_path / "more", name, 0, {"de": answers(0, 0.5), "fr": answers(1, rate)})
    assert "†" not in exporting.export(tmp_path / "more", "markdown", None)
    for name in ("a", "b"):  # of a mean that a source printed there is no test, of the one language behind it there is
        put(tmp_path / "printed", name, 0, {"de": answers(0, 0.5)})
        Writer(tmp_path / "printed").add(
            name, "mini-pos", 1, {"mul": 0.5}, language_set="de hi", evidence="aggregate", scorer="token-accuracy-1"
        )
    assert "mul" in exporting.export(tmp_path / "printed", "markdown", None, seed=1)
    assert exporting.export(tmp_path / "printed", "markdown", None, seed=0, **dict.fromkeys(("language", "target"))).count(" † |") == 2
    for seed, (a, b) in enumerate(((0.9, 0.4), (0.5, 0.8))):
        put(tmp_path / "seeds", "a", seed, {"de": answers(seed, a)})
        put(tmp_path / "seeds", "b", seed, {"de": answers(seed + 5, b)})
    assert [exporting.export(tmp_path / "seeds", "markdown", None, **where).count(" † |") for where in ({}, {"seed": 0})] == [2, 0]


@pytest.mark.parametrize("name", ["markdown", "latex"])
def test_metrics_come_back_from_tables_as_they_are_called(tmp_path: Path, name: str) -> None:
    """A slash stands between two metrics of a table that others made, and acc is short for accuracy there."""
    writer = Writer(tmp_path / "store")
    metrics = ["EM", "acc", "accuracy", "f1 / em", "m/x"]
    for number, metric in enumerate(metrics):
        writer.add("none", "mini-pos", 0, {"de": number / 10}, metric=metric)
    again = there_and_back(writer.root, tmp_path, name)
    with store.reading(again) as con:
        assert con.execute("SELECT metric, value FROM result ORDER BY value").fetchall() == [(m, i / 10) for i, m in enumerate(metrics)]


def test_languages_that_a_task_does_not_cover_are_in_no_mean_of_a_table(tmp_path: Path) -> None:
    """The leaderboard has 60.0 and 70.0; with French it would be 67.5 and 55.0."""
    writer = Writer(tmp_path)
    for name, values in {"none": (0.5, 0.6, 0.7, 0.9), "intents": (0.6, 0.7, 0.8, 0.1)}.items():
        writer.add(name, "mini-nli", 0, dict(zip(("de", "en", "hi", "fr"), values, strict=True)))
    text = exporting.export(tmp_path, "markdown", None)
    lines = [line for line in text.splitlines() if line.startswith("| m ")]
    assert [line.split(" | ")[1] for line in lines] == ["intents", "none"]
    assert [line.split(" | ")[-1].strip(" |") for line in lines] == ["**70.0**", "60.0"]
    assert "Not in the mean, as the task does not cover it: fr." in text
    shown = CliRunner().invoke(cli.app, ["leaderboard", "--store", str(tmp_path), "--json"]).stdout
    assert {r["intermediate"]: r["value"] for r in json.loads(shown)} == {"intents": pytest.approx(0.7), "none": pytest.approx(0.6)}


def test_best_ties_and_holes_in_tables(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    for name, values in {"none": {"de": 0.5, "hi": 0.70001}, "a": {"de": 0.6, "hi": 0.70004}, "b": {"de": 0.6}}.items():
        writer.add(name, "mini-pos", 0, values)
    text = exporting.export(tmp_path, "markdown", None)
    lines = [line for line in text.splitlines() if line.startswith("| m |")]
    assert lines == ["| m | a | **60.0** | **70.0** | **65.0** |", "| m | none | 50.0 | **70.0** | 60.0 |", "| m | b | **60.0** | - | - |"]
    latex = exporting.export(tmp_path, "latex", None)
    assert r"m & b & \textbf{60.0} & -- & -- \\" in latex
    assert re.search(
        r"\\caption\{mini-pos: accuracy \(accuracy-1\), percent, test\. Best in bold\. xbench snapshot [0-9a-f]{12}\.\}", latex
    )


def test_names_cannot_leave_their_cell(mixed: Path, tmp_path: Path) -> None:
    text = exporting.export(mixed, "csv", None, target="xnli")
    assert "\n\"'=HYPERLINK" in text
    latex = exporting.export(mixed, "latex", None, target="xnli")
    assert r"\$x\_1\$ 100\% \{a\} \textbackslash{} \textasciitilde{}\textasciicircum{}" in latex
    assert "<b>" not in exporting.export(mixed, "markdown", None, target="xnli")
    exporting.export(mixed, "eee", tmp_path / "e", target="xnli")
    assert all(p.resolve().is_relative_to((tmp_path / "e").resolve()) for p in (tmp_path / "e").rglob("*"))


def test_a_name_that_is_too_long_for_a_folder_comes_back(writer: Writer, tmp_path: Path) -> None:
    for model in ("m" * 255, "m" * 256):
        writer.add("none", "mini-pos", 0, {"de": 0.5}, model=model)
    again = there_and_back(writer.root, tmp_path, "eee")
    assert everything(again) == everything(writer.root)


def test_every_eval_ever_records_have_the_form_of_its_schema(mixed: Path, tmp_path: Path) -> None:
    """evaleval/every_eval_ever schemas/eval.schema.json 0.3.0: required fields, and details that are texts."""
    exporting.export(mixed, "eee", tmp_path)
    files = list(tmp_path.rglob("*.json"))
    assert files
    for path in files:
        assert re.fullmatch(
            r"data/xbench/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json",
            path.relative_to(tmp_path).as_posix(),
        )
        record = json.loads(path.read_text(encoding="utf-8"))
        required = {
            "schema_version",
            "evaluation_id",
            "retrieved_timestamp",
            "source_metadata",
            "model_info",
            "eval_library",
            "evaluation_results",
        }
        assert required == set(record)
        assert record["source_metadata"]["evaluator_relationship"] in ("first_party", "third_party", "collaborative", "other")
        assert record["model_info"]["additional_details"].keys() >= {"deployment_type", "model_availability"}
        for result in record["evaluation_results"]:
            assert {"evaluation_name", "source_data", "metric_config", "score_details"} <= set(result)
            assert all(isinstance(v, str) for v in result["score_details"]["details"].values())


def test_a_submission_comes_back_with_the_same_scores(tmp_path: Path) -> None:
    case = CASES["xtreme-submission"]
    _, root = ingest(case, tmp_path)
    said = exporting.export(root, "xtreme", tmp_path / "out", model="m")
    assert said == f"22 files of 2 tasks in {tmp_path / 'out'}\n"
    for name, content in case.files.items():
        if name.startswith("predictions/"):
            assert (tmp_path / "out" / name.removeprefix("predictions/")).read_text() == content
    options = Options(tmp_path / "files" / "labels", settings=case.settings)
    report = ingesting.ingest([tmp_path / "out"], root, options=options)
    assert report.cells == {"identical": 22}
    writer = Writer(root)
    writer.add("none", "xnli", 0, {"de": 0.5}, model="n")
    with pytest.raises(DataError, match="holds no predictions of run"):
        exporting.export(root, "xtreme", tmp_path / "o2", model="n")
    with pytest.raises(DataError, match=r"xnli: 2 runs; say --model"):
        exporting.export(root, "xtreme", tmp_path / "o2")


def test_a_submission_is_in_the_order_of_xtremes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Treebanks in their order, not in that of their ids; Tatoeba by the English text, as utils_preprocess.py (tatoeba_preprocess) sorts it."""
    data, root, out = tmp_path / "data", tmp_path / "store", tmp_path / "out"
    monkeypatch.setenv("XBENCH_DATA_DIR", str(data))
    (data / "tatoeba").mkdir(parents=True)
    (data / "ud-treebanks-v2.5" / "x").mkdir(parents=True)
    said = {"udpos": {"s1": "ADV", "s10": "NOUN", "s2": "VERB"}, "tatoeba": {"0": "7", "1": "8", "2": "9"}}
    for task, predictions in said.items():
        languages = load_task(task).languages
        run = Writer(root).add("none", task, 0, dict.fromkeys(languages, 0.5))
        key = {
            "run_id": run,
            "model": RUN["model"],
            "intermediate": "none",
            "target": task,
            "train_language": RUN["train_language"],
            "seed": 0,
        }
        rows = []
        for language in languages:
            if task == "udpos":
                treebank = data / "ud-treebanks-v2.5" / "x" / f"{language}_x-ud-test.conllu"
                treebank.write_text("".join(f"# sent_id = s{i}\n1\ta\t_\tX\t_\t_\t0\troot\t_\t_\n\n" for i in (2, 10, 1)))
            else:
                for side, text in ((ISO3[language], "b\na\nc\n"), ("eng", "two\none\nthree\n")):
                    (data / "tatoeba" / f"tatoeba.{ISO3[language]}-eng.{side}").write_text(text)
            for i, prediction in predictions.items():
                name = f"{language}_x-ud-test/{i}" if task == "udpos" else i
                rows.append(
                    {**key, "language": language, "split": "test", "example_id": name, "cluster_id": name, "prediction": prediction}
                )
        store.write(root, "prediction", pa.Table.from_pylist([{**row, "reference": "X"} for row in rows]), run)
    exporting.export(root, "xtreme", out)
    assert {path.read_text() for path in (out / "udpos").iterdir()} == {"VERB\n\nNOUN\n\nADV\n\n"}
    assert {path.read_text() for path in (out / "tatoeba").iterdir()} == {"8\n9\n7\n"}  # one, three, two
    treebank = data / "ud-treebanks-v2.5" / "x" / "de_x-ud-test.conllu"
    treebank.write_text(treebank.read_text().replace("s10", "s11"))
    with pytest.raises(DataError, match=r"udpos de: 1 example\(s\) are not in the data here"):
        exporting.export(root, "xtreme", tmp_path / "other", target="udpos")


def test_what_cannot_be_exported(mixed: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no export format is called 'pdf'; there are: csv, eee, latex"):
        exporting.export(mixed, "pdf", None)
    with pytest.raises(DataError, match="no score meets target=nothing"):
        exporting.export(mixed, "csv", None, target="nothing")
    with pytest.raises(StoreError, match="has no column colour"):
        exporting.export(mixed, "csv", None, colour="red")
    for name in ("parquet", "eee", "xtreme"):
        with pytest.raises(DataError, match="say where to with --output"):
            exporting.export(mixed, name, None)
    (tmp_path / "f").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        exporting.export(mixed, "csv", tmp_path / "f" / "x.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X = 1", ": there is no write in it"),
        ("write = 'csv'", ": its write is of type str"),
        ("\ndef write(selection, output):\n    return str(1 / 0)", ":3: ZeroDivisionError: division by zero"),
        ("\ndef write(selection):\n    return ''", ":2: TypeError: write() takes 1 positional argument but 2 were given"),
        ("def write(selection, output):\n    return selection.rows()[0]['no']", ":2: KeyError: 'no'"),
        ("def write(selection, output):\n    selection.rows()", ":1: write returned NoneType"),
        ("def write(selection, output): return b'x'", ":1: write returned bytes"),
        ("write = print", ": write returned NoneType"),
    ],
)
def test_a_format_that_is_broken_is_named_with_its_line_and_what_was_expected(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """It was a traceback of ours."""
    writer.add("none", "t", 0, {"de": 0.5})
    monkeypatch.setattr(exporting, "EXPORTS", tmp_path / "formats")
    file = tmp_path / "formats" / "mine.py"
    file.parent.mkdir()
    file.write_text(f"{text}\n")
    with pytest.raises(PluginError) as caught:
        exporting.export(writer.root, "mine", None)
    assert caught.value.headline == "export format 'mine' is broken"
    assert caught.value.problems == (f"{file}{said}; expected write(selection, output), which returns text",)


def test_an_output_that_fails_and_a_refusal_are_no_fault_of_a_format(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.add("none", "t", 0, {"de": 0.5})
    monkeypatch.setattr(exporting, "EXPORTS", tmp_path / "formats")
    (tmp_path / "formats").mkdir()
    for name, raised in (("pipe", BrokenPipeError("pipe")), ("no", DataError("no such thing"))):
        module = "from xbench.errors import DataError\n"
        (tmp_path / "formats" / f"{name}.py").write_text(
            f"{module}def write(selection, output): raise {type(raised).__name__}('{raised}')\n"
        )
        with pytest.raises(type(raised), match=str(raised)):
            exporting.export(writer.root, name, None)
    (tmp_path / "formats" / "sql.py").write_text(
        "def write(selection, output): return selection.con.execute('SELECT x FROM run').fetchone()\n"
    )
    with pytest.raises(PluginError, match=r"sql.py:1: BinderException: Binder Error: Referenced column \"x\" not found"):
        exporting.export(writer.root, "sql", None)


@pytest.mark.parametrize("name", ["markdown", "latex", "eee"])
def test_what_a_format_cannot_tell_apart_is_not_one_in_it(writer: Writer, tmp_path: Path, name: str) -> None:
    """Seed 0 is .5 here and .9 in a file that came back, which made a line of .7; so did steps selected on two versions of the data."""
    writer.add("none", "mini-pos", 0, {"de": 0.5})
    writer.add("none", "mini-pos", 0, {"de": 0.9}, kind="external")
    for dev in ("a", "b"):
        writer.add("intents", "mini-pos", 0, {"de": 0.6}, target_revision=f"r dev {dev}", selection="target-languages")
    with pytest.raises(DataError, match="would be one in this format") as caught:
        exporting.export(writer.root, name, tmp_path / "out")
    assert list(caught.value.problems) == [
        "mini-pos: m after intents, selected on different development data (a, b): take one with xbench.export(…, target_revision=…)",
        "mini-pos: m after none, run here and ingested: --kind run or --kind external takes one of them",
    ]
    said = ["--format", name, "--intermediate", "none", "--kind", "run", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, ["export", "--store", str(writer.root), *said])
    assert done.exit_code == 0, done.output
    assert not ingesting.ingest([tmp_path / "out"], tmp_path / "again", name).refusals
    with store.connect(tmp_path / "again") as con:
        assert con.execute("SELECT value FROM score").fetchall() == [(0.5,)]
    exporting.export(writer.root, name, tmp_path / "out", target_revision="r dev b")
    assert len(exporting.export(writer.root, "csv", None).splitlines()) == 1 + 4


def test_daggers_are_of_the_split_and_scorer_of_their_table(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        put(tmp_path, name, 0, {"de": answers(seed, 0.5)})
        Writer(tmp_path).add(name, "mini-pos", 0, {"de": 0.5 + 0.3 * seed}, split="dev", scorer="token-accuracy-1")
        Writer(tmp_path).add(name, "mini-pos", 0, {"de": 0.5 + 0.3 * seed}, scorer="another-1", evidence="aggregate", n=200)
    assert "†" in exporting.export(tmp_path, "markdown", None, scorer="token-accuracy-1", split="test")
    for where in ({"split": "dev"}, {"scorer": "another-1", "split": "test"}):
        assert "†" not in exporting.export(tmp_path, "markdown", None, **where)


def test_a_table_of_one_language_has_no_mean(tmp_path: Path) -> None:
    Writer(tmp_path).add("none", "mini-pos", 0, {"de": 0.5})
    text = exporting.export(tmp_path, "markdown", None)
    assert "| de |" in text and "avg" not in text
