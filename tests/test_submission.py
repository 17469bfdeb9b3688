"""A whole XTREME submission: every number and every average as google-research/xtreme's own evaluate.py gives them; rescoring."""

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import xbench
from tests import submission as made
from xbench import adapter, board, compacting, ingesting, listing, reports, rescoring, scorer, store, submission, verifying, writing
from xbench.errors import DataError
from xbench.gathering import tables
from xbench.rows import Refusal
from xbench.task import load_task
from xbench.versions import Batch, compare, pack

GOLDEN = json.loads((Path(__file__).parent / "golden" / "submission.json").read_text(encoding="utf-8"))
RULES = {"official": "seqeval-0.0.12", "seqeval-1.2.2": "seqeval-1.2.2"}
# google-research/xtreme evaluate_test.py at 838c13b, and a run of evaluate.py with seqeval 0.0.12 and 1.2.2 on its mock_test_data.
MOCK = {
    "all_task": 62.17319850507246, "classification": 41.04761904761905, "tagging": 63.862698495741725, "qa": 80.37568011593986,
    "retrieval": 54.30555555555556, "pawsx": 51.42857142857143, "xnli": 30.666666666666668, "panx": 57.50793650793652, "bucc2018": 55.0,
    "tatoeba": 53.611111111111114, "xquad": (77.27272727272727 + 79.9586776859504) / 2, "mlqa": (57.142857142857146 + 81.76870748299321) / 2,
    "tydiqa": (88.88888888888889 + 97.22222222222223) / 2, "udpos": 70.21746048354693,
}  # fmt: skip
MOCK_UDPOS_1_2_2 = 70.39805810699043
NAME = submission.System("somebody/model", source="a paper")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("submission")
    made.write(path)
    return path


@pytest.fixture(scope="module")
def scored(folder: Path) -> Path:
    done = submission.score(folder / "labels", folder / "predictions", folder / "store", NAME)
    assert not submission.problems(done)
    assert {d.task: d.languages for d in done} == {task: len(languages) for task, languages in made.LANGUAGES.items()}
    return folder / "store"


def test_every_language_is_as_evaluate_py_has_it(scored: Path) -> None:
    con = store.connect(scored)
    compared = 0
    for task, metric, rule, language, value in con.execute("SELECT target, metric, scorer, language, value FROM score").fetchall():
        if rule.startswith(("token-accuracy", "span-f1-strict")) or (task == "mlqa" and rule.startswith("squad")):
            continue  # rules that evaluate.py does not have
        golden = GOLDEN["seqeval-1.2.2" if rule.startswith("pos-chunk-f1-seqeval-1-") else "seqeval-0.0.12"]["tasks"][task][metric]
        assert 100 * value == pytest.approx(golden[language], abs=1e-9), (task, metric, language)
        compared += 1
    assert compared == 442  # 9 tasks, their languages, their metrics, udpos twice


def averages(root: Path, rule: str) -> dict[str, float]:
    (row,) = board.averages(root, suite="xtreme", rule=rule)
    groups = board.group_averages(root, suite="xtreme", rule=rule)
    tasks = board.task_scores(root, suite="xtreme", rule=rule)
    found = {"all_task": row["task_mean"]} | {g["task_group"]: g["value"] for g in groups} | {t["target"]: t["value"] for t in tasks}
    return {name: 100 * value for name, value in found.items()}


@pytest.mark.parametrize("rule", RULES)
def test_every_average_is_as_evaluate_py_has_it(scored: Path, rule: str) -> None:
    golden = GOLDEN[RULES[rule]]
    found = averages(scored, rule)
    for name in ("all_task", "classification", "tagging", "qa", "retrieval"):
        assert found[name] == pytest.approx(golden[name], abs=1e-9)
    for name, values in golden["tasks"].items():
        assert found[name] == pytest.approx(values["avg_metric"], abs=1e-9)


def test_the_output_of_evaluate_py_has_its_averages(tmp_path: Path) -> None:
    """Which it holds itself, and which follow from its languages."""
    golden = GOLDEN["seqeval-0.0.12"]
    (tmp_path / "scores.json").write_text(json.dumps({"all_task": golden["all_task"], **golden["tasks"]}), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "scores.json"], tmp_path / "s", options=adapter.Options(settings={"model": "m"}))
    assert not report.refusals
    found = averages(tmp_path / "s", "official")
    for name in ("all_task", "classification", "tagging", "qa", "retrieval"):
        assert found[name] == pytest.approx(golden[name], abs=1e-9)
    assert all("xtreme evaluate.py" in scorers for scorers in board.official_scorers().values()), "so that the board shows what is averaged"


def test_averages_over_tasks_and_over_groups_are_two_numbers(scored: Path) -> None:
    (row,) = board.averages(scored, suite="xtreme", rule="official")
    groups = [GOLDEN["seqeval-0.0.12"][g] for g in ("classification", "tagging", "qa", "retrieval")]
    assert 100 * row["group_mean"] == pytest.approx(sum(groups) / 4, abs=1e-9)
    assert row["group_mean"] != row["task_mean"]
    # Zero-shot: every task without English, by hand from the goldens.
    means = []
    for values in GOLDEN["seqeval-0.0.12"]["tasks"].values():
        metrics = [m for m in ("exact_match", "f1", "accuracy") if m in values]
        own = [[v for code, v in values[m].items() if code != "en"] for m in metrics]
        means.append(sum(sum(v) / len(v) for v in own) / len(own))
    assert 100 * row["task_mean_zero_shot"] == pytest.approx(sum(means) / 9, abs=1e-9)


def official(task: str) -> str:
    return scorer.load_scorer(load_task(task).scorers[0]).signature


def changed(folder: Path, tmp_path: Path, task: str, change: Callable[[Path], object]) -> tuple[submission.Scored, Path]:
    """The task of the submission alone, its German predictions changed; what came of it, and the store."""
    shutil.copytree(folder / "predictions" / task, tmp_path / "predictions" / task)
    change(next((tmp_path / "predictions" / task).glob("test-de.*")))
    (done,) = submission.score(folder / "labels", tmp_path / "predictions", tmp_path / "s", NAME)
    return done, tmp_path / "s"


@pytest.mark.parametrize("task", ["pawsx", "panx", "bucc2018", "xquad"])
def test_a_byte_order_mark_is_no_part_of_the_first_label(folder: Path, tmp_path: Path, task: str) -> None:
    done, root = changed(folder, tmp_path, task, lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()))
    assert not done.problems
    metric = "f1" if "f1" in GOLDEN["seqeval-0.0.12"]["tasks"][task] else "accuracy"
    (row,) = board.scores(root, target=task, language="de", metric=metric, scorer=official(task))
    assert 100 * row["value"] == pytest.approx(GOLDEN["seqeval-0.0.12"]["tasks"][task][metric]["de"], abs=1e-9)


@pytest.mark.parametrize(("task", "clusters"), [("xquad", ["0-0", "0-1", "1-0"]), ("mlqa", None)])
def test_questions_about_a_paragraph_of_xquad_are_one_cluster(folder: Path, tmp_path: Path, task: str, clusters: list[str] | None) -> None:
    """Its paragraphs are translations of each other, of four questions each here; those of MLQA are joined by the question."""
    _, root = changed(folder, tmp_path, task, lambda path: None)
    found = xbench.open_store(root).sql("SELECT DISTINCT cluster_id, example_id FROM outcome WHERE language = 'de' ORDER BY ALL").fetchall()
    assert len(found) == 12
    assert sorted({c for c, _ in found}) == (clusters or sorted(e for _, e in found))
    if task == "xquad":
        assert load_task("xtreme-r-xquad").by_paragraph


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        # As XTREME's own Tatoeba run prints them; evaluate.py gives 0 for all.
        ("tatoeba", lambda p: p.write_text("[1]\n" * 20), "de: 20 prediction(s) outside the label set, the first '[1]'"),
        ("xquad", lambda p: p.write_text('{"of another language": "a"}'), "de: 12 of 12 question(s) have no answer, by their ids"),
    ],
)
def test_what_scores_zero_for_its_form_is_said(
    folder: Path, tmp_path: Path, task: str, change: Callable[[Path], object], said: str
) -> None:
    done, _ = changed(folder, tmp_path, task, change)
    assert not done.problems
    assert said in done.notes


@pytest.mark.parametrize("task", ["pawsx", "panx", "bucc2018"])
def test_a_language_without_examples_is_refused(folder: Path, tmp_path: Path, task: str) -> None:
    shutil.copytree(folder / "labels" / task, tmp_path / "labels" / task)
    shutil.copytree(folder / "predictions" / task, tmp_path / "predictions" / task)
    for side in ("labels", "predictions"):
        (tmp_path / side / task / "test-de.tsv").write_text("")
    (done,) = submission.score(tmp_path / "labels", tmp_path / "predictions", tmp_path / "s", NAME)
    (problem,) = done.problems
    assert problem.endswith("test-de.tsv are empty")


@pytest.mark.parametrize(
    "gold",
    [["x"], [{"paragraphs": [{"qas": [{"answers": [{"text": "a"}]}]}]}], [{"paragraphs": [{"qas": [{"id": "1", "answers": None}]}]}]],
)
def test_gold_questions_of_another_shape_are_named(folder: Path, tmp_path: Path, gold: object) -> None:
    shutil.copytree(folder / "labels" / "xquad", tmp_path / "labels" / "xquad")
    shutil.copytree(folder / "predictions" / "xquad", tmp_path / "predictions" / "xquad")
    (tmp_path / "labels" / "xquad" / "test-de.json").write_text(json.dumps({"data": gold}))
    (done,) = submission.score(tmp_path / "labels", tmp_path / "predictions", tmp_path / "s", NAME)
    (problem,) = done.problems
    assert "test-de.json is not SQuAD's data: question 0: " in problem


@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag")
def test_a_tag_that_strict_iob2_cannot_read_leaves_the_official_score(folder: Path, tmp_path: Path) -> None:
    """jiant's writer puts the text of a token where a tag belongs; seqeval's default mode, and so evaluate.py, scores it."""

    def change(path: Path) -> None:
        path.write_text("▁Haus\n" + path.read_text().split("\n", 1)[1])

    done, root = changed(folder, tmp_path, "panx", change)
    assert not done.problems
    assert "de: not scored with span-f1-strict: '▁Haus' is not an IOB2 tag" in done.notes
    assert "de: 1 prediction(s) outside the label set, the first '▁Haus'" in done.notes
    from seqeval.metrics import f1_score

    gold, given = (
        [s.split("\n") for s in (side / "panx" / "test-de.tsv").read_text().strip("\n").split("\n\n")]
        for side in (folder / "labels", tmp_path / "predictions")
    )
    (row,) = board.scores(root, target="panx", language="de", metric="f1", scorer=official("panx"))
    assert row["value"] == pytest.approx(f1_score(gold, given), abs=1e-12)
    assert not board.scores(root, target="panx", language="de", scorer=scorer.load_scorer("span-f1-strict").signature)


@pytest.mark.skipif("XTREME_MOCK" not in os.environ, reason="XTREME_MOCK: folder mock_test_data of google-research/xtreme")
def test_the_mock_submission_of_xtreme(tmp_path: Path) -> None:
    mock = Path(os.environ["XTREME_MOCK"])
    submission.score(mock / "labels", mock / "predictions", tmp_path, NAME)
    found = averages(tmp_path, "official")
    assert found == pytest.approx(MOCK, abs=1e-9)
    assert averages(tmp_path, "seqeval-1.2.2")["udpos"] == pytest.approx(MOCK_UDPOS_1_2_2, abs=1e-9)


def test_scoring_again_changes_nothing(folder: Path, scored: Path) -> None:
    before = {p: p.read_bytes() for p in scored.rglob("*.parquet")}
    xbench.score(folder / "labels", folder / "predictions", "somebody/model", root=scored, source="a paper")
    assert {p: p.read_bytes() for p in scored.rglob("*.parquet")} == before


def test_a_submission_is_printed_without_those_that_were_there(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the same model and source: a row had no name, and was that of the direct baseline."""
    shutil.copytree(folder / "predictions" / "pawsx", tmp_path / "first" / "pawsx")
    shutil.copytree(folder / "labels" / "pawsx", tmp_path / "second" / "pawsx")
    for given, intermediate in (("first", "none"), ("second", "mnli")):
        system = submission.System("m", intermediate=intermediate, source="a paper")
        reports.score(folder / "labels", tmp_path / given, tmp_path / "store", system, "xtreme", "text")
        assert [line.split()[:2] for line in capsys.readouterr().out.splitlines() if "pawsx" in line] == [["pawsx", "accuracy"]]
    reports.score(folder / "labels", tmp_path / "second", tmp_path / "store", system, "xtreme", "json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["intermediate"], row["value"]) == ("mnli", 1.0)


def test_scores_are_sums_over_outcomes(scored: Path) -> None:
    con = store.connect(scored)
    off = con.execute(
        "SELECT count(*) FROM score JOIN (SELECT run_id, language, metric, scorer, sum(numerator) AS above, sum(denominator) AS below FROM outcome "
        "GROUP BY ALL) USING (run_id, language, metric, scorer) WHERE abs(value - CASE WHEN below > 0 THEN above / below ELSE 0 END) > 1e-12"
    ).fetchall()
    assert off == [(0,)]


def test_all_problems_are_named_and_good_tasks_are_kept(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "predictions"
    shutil.copytree(folder / "predictions", broken)
    (broken / "panx" / "test-de.tsv").unlink()
    (broken / "panx" / "test-fr.tsv").unlink()
    for name, line in (("xnli/test-en.tsv", "entailment\n"), ("bucc2018/test-de.tsv", "de-1\ten-1\ten-2\n")):
        (broken / name).write_text((broken / name).read_text(encoding="utf-8") + line, encoding="utf-8")
    lines = (broken / "udpos" / "test-fi.tsv").read_text().split("\n")
    (broken / "udpos" / "test-fi.tsv").write_text("\n".join(lines[1:]))
    (broken / "xquad" / "test-en.json").write_text("{")
    (broken / "pawsx" / "test-de.tsv").write_text("2\n" * 20)
    shutil.rmtree(broken / "tydiqa")
    done = {d.task: d for d in submission.score(folder / "labels", broken, tmp_path / "s", NAME)}
    assert "tydiqa" not in done  # left out, as evaluate.py allows
    assert [p.removeprefix(str(broken)) for p in done["panx"].problems] == [
        "/panx/test-de.tsv does not exist", "/panx/test-fr.tsv does not exist",
    ]  # fmt: skip
    assert "31 lines" in done["xnli"].problems[0]
    assert ":27: expected source id<TAB>target id" in done["bucc2018"].problems[0]
    assert "sentence 0: 13 tags, 14 in" in done["udpos"].problems[0]
    assert "is not JSON" in done["xquad"].problems[0]
    assert done["pawsx"].notes == ["de: 20 prediction(s) outside the label set, the first '2'"]  # scored, as wrong
    con = store.connect(tmp_path / "s")
    assert {r[0] for r in con.execute("SELECT target FROM run").fetchall()} == {"mlqa", "pawsx", "tatoeba"}
    (row,) = board.averages(tmp_path / "s", suite="xtreme", rule="official")
    assert (row["task_mean"], row["tasks"], row["tasks_expected"]) == (None, 3, 9)
    with pytest.raises(DataError, match="is not a folder"):
        submission.score(folder / "labels", tmp_path / "none", tmp_path / "s", NAME)
    with pytest.raises(DataError, match="no suite 'xtrem'; there are xtreme, xtreme-r"):
        submission.score(folder / "labels", folder / "predictions", tmp_path / "s", NAME, "xtrem")
    with pytest.raises(DataError, match="has no folder of a task of xtreme"):
        submission.score(folder / "labels", folder, tmp_path / "s", NAME)


def test_an_answer_that_is_missing_scores_zero_even_where_nothing_is_right(tmp_path: Path) -> None:
    """evaluate_squad.py: an unanswered question gets 0, also where the accepted answer normalises to nothing."""
    for side in ("labels", "predictions"):
        for language in made.LANGUAGES["xquad"]:
            path = tmp_path / side / "xquad" / f"test-{language}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            questions = [{"id": i, "question": "?", "answers": [{"text": "The", "answer_start": 0}]} for i in ("a", "b")]
            gold = {"data": [{"paragraphs": [{"context": "The", "qas": questions}]}], "version": "1.1"}
            path.write_text(json.dumps(gold if side == "labels" else {"a": ""}))
    submission.score(tmp_path / "labels", tmp_path / "predictions", tmp_path / "s", NAME)
    con = store.connect(tmp_path / "s")
    found = con.execute("SELECT example_id, numerator FROM outcome WHERE metric = 'exact_match' AND language = 'en' ORDER BY 1").fetchall()
    assert found == [("a", 1.0), ("b", 0.0)]
    assert con.execute("SELECT count(*) FROM prediction WHERE prediction IS NULL").fetchall() == [(11,)]


@pytest.mark.parametrize("intermediate", ["nyu-mll/glue", "..", "a\\b", "x" * 300])
def test_an_intermediate_task_of_any_name_is_seen(tmp_path: Path, intermediate: str) -> None:
    for side in ("labels", "predictions"):
        (tmp_path / side / "pawsx").mkdir(parents=True)
        for language in load_task("pawsx").languages:
            (tmp_path / side / "pawsx" / f"test-{language}.tsv").write_text("0\n1\n")
    given = tmp_path / "labels", tmp_path / "predictions", tmp_path / "s", submission.System("m", intermediate=intermediate)
    (done,) = submission.score(*given)
    assert not done.problems
    con = store.connect(tmp_path / "s")
    assert con.execute("SELECT run_id, intermediate FROM run").fetchall() == [(done.run_id, intermediate)]
    assert con.execute("SELECT count(*) FROM score").fetchall() == [(7,)]
    assert verifying.verify(tmp_path / "s").problems == []


def pairs(folder: Path, right: int = 4) -> tuple[Path, Path]:
    """A submission to pawsx alone, with six items a language: its gold labels, and its predictions."""
    for side, said in (("labels", "1\n" * 6), ("predictions", "1\n" * right + "0\n" * (6 - right))):
        (folder / side / "pawsx").mkdir(parents=True)
        for language in load_task("pawsx").languages:
            (folder / side / "pawsx" / f"test-{language}.tsv").write_text(said)
    return folder / "labels", folder / "predictions"


def cut_off(monkeypatch: pytest.MonkeyPatch, write: Callable[[], object]) -> None:
    """A write that ends before it writes table run."""
    real = store.write

    def stop(root: Path, table: str, rows: pa.Table, name: str) -> Path:
        if table == "run":
            raise KeyboardInterrupt
        return real(root, table, rows, name)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            write()


@pytest.mark.parametrize("order", ["score, then ingest", "ingest, then score"])
def test_what_an_interrupted_write_left_is_not_there_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """`xbench score` and `xbench ingest` make the same runs of a submission, and name their files differently."""
    labels, predictions = pairs(tmp_path)
    root, settings = tmp_path / "s", {"model": "m", "intermediate": "none"}
    ways: dict[str, Callable[[], object]] = {
        "score": lambda: submission.score(labels, predictions, root, submission.System("m", intermediate="none")),
        "ingest": lambda: ingesting.ingest([predictions], root, options=adapter.Options(labels, settings=settings)),
    }
    first, second = order.split(", then ")
    cut_off(monkeypatch, ways[first])
    ways[second]()
    with store.reading(root) as con:
        assert con.execute("SELECT count(*), count(DISTINCT language) FROM stored_score").fetchall() == [(7, 7)]
        assert (
            con.execute("SELECT count(*) FROM stored_outcome").fetchall()
            == con.execute("SELECT count(*) FROM stored_prediction").fetchall()
        )
        assert con.execute("SELECT count(*) FROM stored_outcome").fetchall() == [(42,)]
    assert verifying.verify(root).problems == []


def test_two_that_score_at_once_make_two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would compare with the store before either has written."""
    real, root = submission.compare, tmp_path / "s"

    def slow(*given: Any) -> Any:
        found = real(*given)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(submission, "compare", slow)
    system = submission.System("m", intermediate="none", source_version="1")
    given = [pairs(tmp_path / str(right), right) for right in (3, 5)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda folders: submission.score(*folders, root, system), given))
    with store.reading(root) as con:
        assert con.execute("SELECT version FROM every_run ORDER BY 1").fetchall() == [(1,), (2,)]
        assert con.execute("SELECT count(*) FROM score").fetchall() == [(7,)]


def test_rescore_adds_what_a_new_version_measures_and_keeps_the_old(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "s"
    submission.score(folder / "labels", folder / "predictions", root, NAME)
    assert rescoring.rescore(root).new == []
    real = scorer.load_scorer

    def changed(name: str) -> scorer.Scorer:
        from dataclasses import replace

        found = real(name)
        return replace(found, version="2") if name == "accuracy" else found

    monkeypatch.setattr(rescoring, "load_scorer", changed)
    done = xbench.rescore(root)
    assert sorted((target, rule) for _, target, rule in done.new) == [(t, "accuracy-2") for t in ("pawsx", "tatoeba", "xnli")]
    assert not done.problems
    con = store.connect(root)
    both = con.execute("SELECT scorer, count(*), sum(value) FROM score WHERE target = 'xnli' GROUP BY 1 ORDER BY 1").fetchall()
    assert [b[:2] for b in both] == [("accuracy-1", 15), ("accuracy-2", 15)]
    assert both[0][2] == both[1][2]
    assert rescoring.rescore(root).new == []  # once is enough


def test_a_scorer_that_fails_is_counted_and_keeps_no_other_from_scoring(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`of 4 pairs 4 were up to date`, it said, and that a run could not be scored, by whichever scorer."""
    from dataclasses import replace

    def broken(references: list[str], predictions: list[str], language: str) -> Any:
        raise ValueError("no tags")

    root = tmp_path / "s"
    submission.score(folder / "labels", folder / "predictions", root, NAME)
    real = scorer.load_scorer
    changes: dict[str, dict[str, Any]] = {"span-f1": {"version": "2", "score": broken}, "span-f1-strict": {"version": "2"}}
    monkeypatch.setattr(rescoring, "load_scorer", lambda name: replace(real(name), **changes.get(name, {})))
    done = rescoring.rescore(root, "panx")
    assert [rule for _, _, rule in done.new] == ["span-f1-strict-2"]
    assert (done.kept, done.failed) == (0, 1)
    assert "scorer span-f1-2 cannot read the answers in 'af': " in done.problems[0]
    with pytest.raises(DataError, match="what could is stored"):
        reports.rescore(root, "panx", "text")
    assert "0 run(s) scored anew; of 2 pairs of a run and a scorer 1 were up to date, 1 failed" in capsys.readouterr().out


def test_rescore_after_a_kill_between_outcome_and_score(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "s"
    submission.score(folder / "labels", folder / "predictions", root, NAME)
    for path in (root / "score").glob("xnli.*"):
        path.unlink()
    for path in (root / "outcome").glob("xnli.*"):
        path.unlink()
    real = store.write

    def killed(where: Path, table: str, rows: object, name: str) -> Path:
        if table == "score":
            raise KeyboardInterrupt
        return real(where, table, rows, name)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        rescoring.rescore(root)
    monkeypatch.setattr(store, "write", real)
    assert [rule for _, _, rule in rescoring.rescore(root).new] == ["accuracy-1"]
    con = store.connect(root)
    assert con.execute("SELECT count(*) FROM outcome WHERE target = 'xnli'").fetchall() == [(450,)]


def put(root: Path, *scores: adapter.Row) -> None:
    """A run as `xbench ingest` writes it."""
    said = {**adapter.UNSAID, "model": "m", "intermediate": "none", "target": "xnli", "metric": "accuracy", "source": "paper", "seed": 1}
    refused: list[Refusal] = []
    given: list[adapter.Row | adapter.Block] = [{**said, "split": "test", **row} for row in scores]
    fresh, _ = compare(Batch(pack(tables(given, "f", "a" * 64, refused))), (root,))
    assert not refused
    writing.write_runs(root, fresh, listing.ingested(sorted(fresh["run"]["run_id"].to_pylist())))


def examples(right: int) -> adapter.Row:
    """Two of them, with what was said of them."""
    answers = adapter.answers(["1", "2"], ["1", "2"], ["neutral"] * 2, ["neutral"] * right + ["entailment"] * (2 - right))
    return {"outcomes": adapter.outcomes(["1", "2"], [1] * right + [0] * (2 - right)), "answers": answers}


def test_rescore_keeps_the_revision_that_a_source_gives(tmp_path: Path) -> None:
    """Of our runs what stands after ` dev ` is about the selection of a step."""
    put(tmp_path, {"language": "de", "scorer": "theirs", "dataset_revision": "v2 dev split as test", **examples(1)})
    assert len(rescoring.rescore(tmp_path).new) == 1
    with store.reading(tmp_path) as con:
        assert con.execute("SELECT DISTINCT dataset_revision FROM score").fetchall() == [("v2 dev split as test",)]
    assert verifying.verify(tmp_path).problems == []


def test_runs_of_tasks_that_are_not_here_are_counted_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("m", "n"):
        put(tmp_path, {"model": model, "target": "belebele", "language": "de", **examples(1)})
    put(tmp_path, {"language": "de", "scorer": "theirs", **examples(1)})
    done = rescoring.rescore(tmp_path)
    assert (len(done.new), done.problems, done.absent) == (1, [], {"belebele": 2})
    for target in (None, "belebele"):
        reports.rescore(tmp_path, target, "text")
        assert capsys.readouterr().err == "xbench: no task here: belebele (2 runs)\n"


@pytest.mark.parametrize(
    ("languages", "both"),
    [("de fr", ""), ("ar bg de el es fr hi ru", ""), ("de fr es", "es")],  # by few languages, by many, and by some of those that have two
)
def test_a_run_whose_languages_had_several_scorers_is_whole_when_it_is_compacted_with_what_rescoring_added(
    tmp_path: Path, languages: str, both: str
) -> None:
    given = []
    for number, language in enumerate(languages.split()):
        if number % 2 == 0:
            given.append({"language": language, "scorer": "accuracy-1", **examples(1)})
        if number % 2 == 1 or language in both.split():
            given.append({"language": language, "scorer": "theirs", "value": 0.5, "answers": examples(1)["answers"]})
    put(tmp_path, *given)
    for model in "bcd":  # files enough to be worth a compaction
        put(tmp_path, {"model": model, "language": "de", "value": 0.5})
    assert len(rescoring.rescore(tmp_path).new) == 1
    assert verifying.verify(tmp_path).problems == []
    compacting.compact(tmp_path)
    assert compacting.compact(tmp_path, grace=0).number
    assert verifying.verify(tmp_path).problems == []


def test_rescore_measures_languages_that_came_later(tmp_path: Path) -> None:
    """A later version of an ingested run has the predictions of one language more, beside the scores that it takes from the one before."""
    root = tmp_path / "s"

    def scores() -> list[tuple[str, float]]:
        with store.reading(root) as con:
            return con.execute("SELECT language, value FROM score WHERE scorer = 'accuracy-1' ORDER BY ALL").fetchall()

    put(root, {"language": "de", **examples(1)})
    assert len(rescoring.rescore(root).new) == 1
    put(root, {"language": "fr", **examples(2)})
    assert scores() == [("de", 0.5)]
    assert len(rescoring.rescore(root).new) == 1
    assert scores() == [("de", 0.5), ("fr", 1.0)]
    assert (rescoring.rescore(root).new, rescoring.rescore(root).kept) == ([], 1)
    assert verifying.verify(root, deep=True).problems == []
    # A file of that name may stand for one in a compacted file, which is read in its place.
    compacting.compact(root)
    compacting.compact(root, grace=0)
    with store.reading(root) as con:
        file = f"xnli.{con.execute('SELECT run_id FROM run').fetchall()[0][0]}.accuracy-1"
    assert listing.Listing(root).free("score", file) == f"{file}.2"


def test_the_tasks_of_xtreme_r_are_tasks_of_their_own(tmp_path: Path) -> None:
    """The folders are named as in XTREME; the languages, and so the task, are another."""
    from xbench.task import load_task

    for side, label in (("labels", 1), ("predictions", 0)):
        (tmp_path / side / "xcopa").mkdir(parents=True)
        (tmp_path / side / "tatoeba").mkdir()
        for language in load_task("xcopa").languages:
            rows = [json.dumps({"label": 1}), json.dumps({"label": label})]
            (tmp_path / side / "xcopa" / f"test-{language}.jsonl").write_text("\n".join(rows) + "\n")
        for language in load_task("xtreme-r-tatoeba").languages:
            (tmp_path / side / "tatoeba" / f"test-{language}.tsv").write_text("0\n1\n")
    done = submission.score(tmp_path / "labels", tmp_path / "predictions", tmp_path / "s", NAME, "xtreme-r")
    assert not submission.problems(done)
    assert {d.task: d.languages for d in done} == {"xcopa": 11, "xtreme-r-tatoeba": 41}
    found = {r["target"]: r["value"] for r in board.task_scores(tmp_path / "s", suite="xtreme-r", rule="official")}
    assert found == {"xcopa": 0.5, "xtreme-r-tatoeba": 1.0}
    assert board.task_scores(tmp_path / "s", suite="xtreme") == []
    (row,) = board.averages(tmp_path / "s", suite="xtreme-r", rule="official")
    assert (row["task_mean"], row["tasks"], row["tasks_expected"]) == (None, 2, 10)
