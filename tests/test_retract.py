"""Retracted runs are in no view but their history, as if they had never been written; let in again, everything is as it was."""

import datetime
import errno
import json
import multiprocessing
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.conftest import RUN, Writer
from tests.test_verify import own
from xbench import (
    adapter,
    board,
    cli,
    compacting,
    gathering,
    hashes,
    ingesting,
    listing,
    mending,
    places,
    rescoring,
    retracting,
    retractions,
    serving,
    store,
    verifying,
    writing,
)
from xbench.errors import StoreError, WriteError
from xbench.executors import tracking
from xbench.versions import Batch, compare, pack

FORK = multiprocessing.get_context("fork")
VIEWS = sorted(path.stem for path in (Path(store.__file__).parent / "views").glob("*.sql"))
TABLES = ("run", "score", "outcome", "prediction")
HEADER = "model,intermediate,target,language,metric,value,n,source\n"


def answers(root: Path, names: tuple[str, ...] | list[str], at: str | None = None) -> dict[str, list[Any]]:
    """All rows of views and tables, sorted, as text: some columns have no order."""
    con = store.connect(root, at)
    try:
        return {name: sorted(map(repr, con.execute(f"SELECT * FROM {name}").fetchall())) for name in names}
    finally:
        con.close()


def every(root: Path) -> dict[str, list[Any]]:
    return answers(root, [*TABLES, *(name for name in VIEWS if name not in ("history", "retracted"))])


def given(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def take(root: Path, path: Path) -> ingesting.Report:
    report = ingesting.ingest([path], root)
    assert not report.refusals
    return report


def values(root: Path) -> dict[str, float]:
    return {r["language"]: r["value"] for r in board.scores(root)}


def invoke(root: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, ["retract", *words, "--store", str(root)])
    return done.exit_code, done.output if done.exception is None or done.exit_code == 0 else f"{done.output}{done.exception}"


@pytest.mark.parametrize("compacted", [False, True])
def test_it_is_as_if_the_runs_had_never_been_written(compacted: bool, tmp_path: Path) -> None:
    whole, without = Writer(tmp_path / "whole"), Writer(tmp_path / "without")
    for writer in (whole, without):
        for seed in (0, 1):
            own(writer.root, seed)
        writer.add("none", "xnli", None, {"de": 0.5, "en": 0.7}, kind="external", source="paper")
    for seed in (0, 1):
        own(whole.root, seed, "intents")
    whole.add("squad1", "xnli", None, {"de": 0.6, "en": 0.7}, kind="external", source="paper")
    if compacted:
        compacting.compact(whole.root, grace=0)
    before, expected = every(whole.root), every(without.root)
    assert before != expected

    done = retracting.retract(whole.root, {"intermediate": "intents"}, "trained on the test set")
    assert [(r["intermediate"], r["scores"] > 0) for r in done.runs] == [("intents", True)] * 2
    retracting.retract(whole.root, {"intermediate": "squad1"}, "withdrawn")
    assert every(whole.root) == expected
    said = {r["run_id"]: r["because"] for r in retracting.listed(whole.root)}
    assert sorted(said.values()) == ["trained on the test set", "trained on the test set", "withdrawn"]
    told = {r["intermediate"]: (r["current"], r["retracted"]) for r in board.history(whole.root)}
    assert told == {
        "none": (True, None), "intents": (False, "trained on the test set"), "squad1": (False, "withdrawn")
    }  # fmt: skip
    assert len(answers(whole.root, ["every_run"])["every_run"]) == 6

    retracting.retract(whole.root, {"intermediate": "intents"}, "it was not", back=True)
    retracting.retract(whole.root, {"intermediate": "squad1"}, "it was not", back=True)
    assert every(whole.root) == before and retracting.listed(whole.root) == []


def test_the_version_before_counts_again_and_what_was_taken_over_goes(tmp_path: Path) -> None:
    root, path = tmp_path / "s", tmp_path / "given.csv"
    take(root, given(path, "m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper"))
    take(root, given(path, "m,none,xnli,de,accuracy,0.60,100,paper"))  # fr is taken over
    whole = every(root)
    assert values(root) == {"de": 0.6, "fr": 0.4}
    first, second = (r["run_id"] for r in sorted(store_runs(root), key=lambda r: r["version"]))

    done = retracting.retract(root, {"run_id": first[:10]}, "a slip")
    assert (len(done.runs), done.again, done.carried) == (1, [], 1)
    assert values(root) == {"de": 0.6}
    retracting.retract(root, {"run_id": first}, "no slip", back=True)
    assert every(root) == whole

    done = retracting.retract(root, {"run_id": second}, "a slip")
    assert [r["run_id"] for r in done.again] == [first] and done.carried == 0
    assert values(root) == {"de": 0.5, "fr": 0.4}
    done = retracting.retract(root, {"run_id": second}, "no slip", back=True)
    assert [r["run_id"] for r in done.replaced] == [first]
    assert every(root) == whole

    done = retracting.retract(root, {"source": "paper"}, "withdrawn")
    assert (len(done.runs), done.again) == (2, []) and values(root) == {}
    done = retracting.retract(root, {"source": "paper"}, "not withdrawn", back=True)
    assert (len(done.runs), done.replaced) == (2, []) and every(root) == whole


def test_what_was_said_before_a_retracted_version_comes_back_by_a_file_of_it_alone(tmp_path: Path) -> None:
    """Of three versions the middle one is a slip in de, which the third took over."""
    root, path = tmp_path / "s", tmp_path / "given.csv"
    de, fr = ("m,none,xnli,{},accuracy,{},100,paper".format(*cell) for cell in (("de", 0.5), ("fr", 0.4)))
    take(root, given(path, de, fr))
    take(root, given(path, de.replace("0.5", "0.6")))
    take(root, given(path, fr.replace("0.4", "0.45")))
    assert values(root) == {"de": 0.6, "fr": 0.45}
    (slip,) = (r["run_id"] for r in store_runs(root) if r["version"] == 2)
    code, said = invoke(root, f"run_id={slip}", "--because", "a slip")
    assert code == 0
    assert (
        "1 score that later versions took over go with them; a file of what versions before said of these alone brings that in again"
        in said
    )
    assert values(root) == {"fr": 0.45}
    take(root, given(path, de, fr))  # the first version, which says of fr what was replaced since
    assert values(root) == {"fr": 0.45}
    take(root, given(path, de))
    assert values(root) == {"de": 0.5, "fr": 0.45}


def store_runs(root: Path) -> list[dict[str, Any]]:
    con = store.connect(root)
    try:
        found = con.execute("SELECT run_id, version FROM every_run").fetchall()
        return [{"run_id": run, "version": version} for run, version in found]
    finally:
        con.close()


def test_examples_go_with_the_scores_that_were_taken_over(tmp_path: Path) -> None:
    """Outcomes and predictions of a language that a version has from one that is retracted; those of its own stay."""
    one, two = (digit * 24 for digit in "ab")
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for version, run in enumerate((one, two), 1):
        key = {"run_id": run, "model": RUN["model"], "intermediate": "none", "target": "xnli", "train_language": "en", "seed": 0}
        cell = {**key, "split": "test", "metric": "accuracy", "scorer": "accuracy-1"}
        more = {"dataset_revision": "r", "value": 0.5, "n": 2, "evidence": "outcomes"}
        scores = [{**cell, **more, "language": c, "carried_from": one if (c, run) == ("fr", two) else None} for c in ("de", "fr")]
        examples = [{"language": c, "example_id": str(i), "cluster_id": str(i)} for c in ("de", "fr") for i in range(2)]
        of_source = {"kind": "external", "source": "p", "identity": "c" * 24, "version": version}
        rows: dict[str, list[dict[str, Any]]] = {
            "prediction": [{**key, **e, "split": "test", "reference": "x", "prediction": "y"} for e in examples],
            "outcome": [{**cell, **e, "numerator": float(e["example_id"]), "denominator": 1.0} for e in examples],
            "score": scores,
            "run": [{**RUN, **key, "started": when, "finished": when, **of_source}],
        }
        for table, content in rows.items():
            store.write(tmp_path, table, pa.Table.from_pylist(content), run)
    retracting.retract(tmp_path, {"run_id": one}, "a slip")
    con = store.connect(tmp_path)
    try:
        for table in ("score", "outcome", "prediction"):
            found = con.execute(f"SELECT DISTINCT run_id, language FROM {table}").fetchall()
            assert found == [(two, "de")], table
    finally:
        con.close()


def test_what_is_retracted_is_not_ingested_again(tmp_path: Path) -> None:
    root, path = tmp_path / "s", tmp_path / "given.csv"
    wrong = ("m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper")
    take(root, given(path, *wrong))
    retracting.retract(root, {"source": "paper"}, "a slip")
    empty = every(root)
    report = take(root, path)
    assert (report.cells, report.runs) == ({"retracted": 2}, 0) and every(root) == empty
    assert report.notes == [
        "2 scores of runs that are retracted: not written. `xbench retract` lists them with the reasons; --undo lets them count again"
    ]
    said = CliRunner().invoke(cli.app, ["ingest", "external-results", str(path), "--store", str(root)])
    assert said.exit_code == 0 and re.search(r"of a run that is retracted +2\b", said.output)
    said = CliRunner().invoke(cli.app, ["ingest", "external-results", str(path), "--store", str(root), "--json", "--dry-run"])
    assert json.loads(said.stdout)[0]["retracted"] == 2

    # Other numbers of the same source count, are told, take nothing over, and are the next version: no two may be one.
    report = take(root, given(path, "m,none,xnli,de,accuracy,0.55,100,paper"))
    assert (report.cells, report.runs) == ({"new": 1}, 1) and values(root) == {"de": 0.55}
    assert report.notes == ["1 run of claims of which a version is retracted (`xbench retract` lists them): new numbers, which count"]
    assert sorted(r["version"] for r in store_runs(root)) == [1, 2]
    assert [p.kind for p in verifying.verify(root).problems] == []

    # A correction of it compares with that, and has nothing of the first.
    take(root, given(path, "m,none,xnli,de,accuracy,0.56,100,paper", "m,none,xnli,it,accuracy,0.3,100,paper"))
    take(root, given(path, "m,none,xnli,it,accuracy,0.31,100,paper"))
    assert values(root) == {"de": 0.56, "it": 0.31}
    latest = max(store_runs(root), key=lambda r: r["version"])
    assert latest["version"] == 4
    # Without the version from which the newest has German, there is none, and the first that says it again counts.
    third = next(r["run_id"] for r in store_runs(root) if r["version"] == 3)
    retracting.retract(root, {"run_id": third}, "a slip")
    assert values(root) == {"it": 0.31}
    take(root, given(path, "m,none,xnli,de,accuracy,0.57,100,paper"))
    assert values(root) == {"de": 0.57, "it": 0.31}


def versions(root: Path) -> dict[int, str]:
    return {r["version"]: r["run_id"] for r in store_runs(root)}


def test_the_same_file_brings_nothing_back_whatever_it_was_beside(tmp_path: Path) -> None:
    """Ids of versions that say less than the one before are made of the rest: they are others where that one is retracted too."""
    one, two, three = (tmp_path / f"{name}.csv" for name in "123")
    for retracted, left in (({"source": "paper"}, {}), (None, {"de": 0.6})):
        root = tmp_path / f"s{len(left)}"
        take(root, given(one, "m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper"))
        take(root, given(two, "m,none,xnli,de,accuracy,0.50,,paper", "m,none,xnli,fr,accuracy,0.45,,paper"))
        take(root, given(three, "m,none,xnli,de,accuracy,0.60,100,paper"))
        retracting.retract(root, retracted or {"run_id": versions(root)[2]}, "a slip")
        assert values(root) == left
        assert take(root, two).cells == {"retracted": 2} and values(root) == left
        assert take(root, three).cells == ({"identical": 1} if left else {"retracted": 1}) and values(root) == left
    # Less of it brings nothing back either; one number more is a claim of its own.
    root = tmp_path / "s0"
    assert take(root, given(one, "m,none,xnli,fr,accuracy,0.40,100,paper")).cells == {"retracted": 1}
    assert take(root, given(one, "m,none,xnli,fr,accuracy,0.40,100,paper", "m,none,xnli,it,accuracy,0.3,100,paper")).cells == {"new": 2}
    assert values(root) == {"fr": 0.4, "it": 0.3}


def export(root: Path, path: Path) -> str:
    done = CliRunner().invoke(cli.app, ["export", "--store", str(root), "--format", "csv", "-o", str(path)])
    assert done.exit_code == 0, done.output
    return path.read_text(encoding="utf-8")


def test_an_export_that_was_corrected_counts(tmp_path: Path) -> None:
    """With the column run_id in it, by which what came from here is known."""
    root, path, copy = tmp_path / "s", tmp_path / "given.csv", tmp_path / "copy.csv"
    lines = ("m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper")
    take(root, given(path, *lines))
    text = export(root, copy)
    other = tmp_path / "other"  # nothing retracted: another model is another claim
    take(other, path)
    copy.write_text(text.replace("\nm,", "\nm2,"), encoding="utf-8")
    assert take(other, copy).cells == {"new": 2}
    assert {(r["model"], r["value"]) for r in board.scores(other)} == {("m", 0.5), ("m", 0.4), ("m2", 0.5), ("m2", 0.4)}

    retracting.retract(root, {"source": "paper"}, "a slip")
    copy.write_text(text, encoding="utf-8")
    assert take(root, copy).cells == {"retracted": 2} and values(root) == {}
    copy.write_text(text.replace(",0.5,", ",0.55,"), encoding="utf-8")
    assert take(root, copy).cells == {"new": 2} and values(root) == {"de": 0.55, "fr": 0.4}


def test_an_export_of_what_was_taken_over_says_that_it_is_retracted(tmp_path: Path) -> None:
    root, path, copy = tmp_path / "s", tmp_path / "given.csv", tmp_path / "copy.csv"
    take(root, given(path, "m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper"))
    take(root, given(path, "m,none,xnli,fr,accuracy,0.45,100,paper"))
    export(root, copy)
    retracting.retract(root, {"run_id": versions(root)[1]}, "a slip")
    assert take(root, copy).cells == {"identical": 1, "retracted": 1} and values(root) == {"fr": 0.45}


def test_what_stands_behind_a_later_version_is_told(tmp_path: Path) -> None:
    root, path = tmp_path / "s", tmp_path / "given.csv"
    take(root, given(path, "m,none,xnli,de,accuracy,0.50,100,paper", "m,none,xnli,fr,accuracy,0.40,100,paper"))
    retracting.retract(root, {"model": "m"}, "misread")
    take(root, given(path, "m,none,xnli,de,accuracy,0.55,100,paper"))
    retracting.retract(root, {"version": "2"}, "withdrawn")
    done = retracting.retract(root, {"model": "m"}, "all well", back=True, dry_run=True)
    assert (len(done.runs), done.behind, dict(done.reasons)) == (2, 1, {"misread": 1, "withdrawn": 1})
    code, output = invoke(root, "model=m", "--undo", "--because", "all well")
    assert code == 0 and "1 run retracted as: misread\n" in output and "1 run retracted as: withdrawn\n" in output
    assert "1 run of them in no view nevertheless: a later version stands, and has what it has\n" in output
    assert values(root) == {"de": 0.55}


def claim(root: Path, *cells: dict[str, Any]) -> None:
    """A version with examples, as an adapter gives them."""
    refused: list[Any] = []
    base = {**adapter.UNSAID, "model": "m", "intermediate": "none", "target": "xnli", "metric": "accuracy", "source": "paper", "seed": 1}
    made = gathering.tables([{**base, **cell} for cell in cells], "file", hashes.short_hash({"of": repr(cells)}, 64), refused)
    fresh, _ = compare(Batch(pack(made)), (root,))
    assert not refused and fresh["run"].num_rows == 1
    writing.write_runs(root, fresh, f"ingest.{len(store_runs(root)) if root.exists() else 0}")


def measured(*predicted: str) -> dict[str, Any]:
    ids = [f"e{i}" for i in range(len(predicted))]
    right = [float(one == "entailment") for one in predicted]
    return {"outcomes": adapter.outcomes(ids, right), "answers": adapter.answers(ids, ids, ["entailment"] * len(ids), list(predicted))}


def test_retracted_predictions_do_not_come_back_under_a_later_version(tmp_path: Path) -> None:
    claim(tmp_path, {"language": "fr", **measured("entailment", "neutral", "entailment")})
    claim(tmp_path, {"language": "fr", "metric": "f1", "value": 0.6}, {"language": "de", "value": 0.5})
    assert len(answers(tmp_path, ["prediction"])["prediction"]) == 3
    retracting.retract(tmp_path, {"run_id": versions(tmp_path)[1]}, "leaked")
    assert answers(tmp_path, ["prediction", "outcome"]) == {"prediction": [], "outcome": []}
    claim(tmp_path, {"language": "de", "value": 0.55})
    assert answers(tmp_path, ["prediction", "outcome"]) == {"prediction": [], "outcome": []}
    assert rescoring.rescore(tmp_path).new == []
    assert {(r["language"], r["metric"]): r["value"] for r in board.scores(tmp_path)} == {("de", "accuracy"): 0.55, ("fr", "f1"): 0.6}


def test_own_predictions_stay_where_another_score_goes(tmp_path: Path) -> None:
    claim(tmp_path, {"language": "fr", "metric": "f1", "value": 0.6})
    claim(tmp_path, {"language": "fr", **measured("entailment", "neutral", "entailment")})
    whole = every(tmp_path)
    retracting.retract(tmp_path, {"run_id": versions(tmp_path)[1]}, "misread")
    now = every(tmp_path)
    assert (now["prediction"], now["outcome"]) == (whole["prediction"], whole["outcome"]) and len(whole["prediction"]) == 3
    assert [(r["metric"], r["value"]) for r in board.scores(tmp_path)] == [("accuracy", 2 / 3)]


def test_what_is_hidden_is_not_measured_twice(tmp_path: Path) -> None:
    """A score that goes with a retracted run is there again when that is let in: `xbench rescore` must not have made it meanwhile."""
    claim(tmp_path, {"language": "fr", "scorer": "accuracy-1", **measured("entailment", "neutral", "entailment")})
    claim(tmp_path, {"language": "fr", "metric": "f1", **measured("entailment", "neutral", "entailment")})
    whole = every(tmp_path)
    retracting.retract(tmp_path, {"run_id": versions(tmp_path)[1]}, "misread")
    assert len(answers(tmp_path, ["prediction"])["prediction"]) == 3
    assert rescoring.rescore(tmp_path).new == []
    retracting.retract(tmp_path, {"run_id": versions(tmp_path)[1]}, "not misread", back=True)
    assert every(tmp_path) == whole


def test_a_format_that_was_lowered_meanwhile_is_found(tmp_path: Path) -> None:
    own(tmp_path, 0)
    retracting.retract(tmp_path, {"kind": "run"}, "a slip")
    (tmp_path / "store.json").write_text('{"format": 2}\n')  # by a compaction that had asked before
    (problem,) = verifying.verify(tmp_path).problems
    assert (problem.kind, problem.file, problem.expected) == ("schema", "store.json", '{"format": 3}')
    retracting.retract(tmp_path, {"kind": "run"}, "no slip", back=True)
    assert listing.check_format(tmp_path) == 3 and verifying.verify(tmp_path).problems == []


def test_a_snapshot_of_before_shows_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, path = tmp_path / "s", tmp_path / "given.csv"
    ids, shown = [], []

    def note() -> None:
        con = store.connect(root)
        ids.append(store.snapshot(con))
        con.close()
        shown.append(every(root))

    monkeypatch.setattr(time, "time", lambda: 1.8e9)  # a clock that stands still, ahead of the files
    take(root, given(path, "m,none,xnli,de,accuracy,0.50,100,paper"))
    note()
    retracting.retract(root, {"source": "paper"}, "a slip")
    note()
    retracting.retract(root, {"source": "paper"}, "no slip", back=True)
    note()
    retracting.retract(root, {"source": "paper"}, "a slip after all")
    note()
    assert len(set(ids)) == 4
    for snapshot, rows in zip(ids, shown, strict=True):
        assert answers(root, list(rows), at=snapshot) == rows
    assert [shown[0] == shown[2], shown[1] == shown[3], shown[0] == shown[1]] == [True, True, False]
    compacting.compact(root, grace=0)
    for snapshot, rows in zip(ids, shown, strict=True):
        assert answers(root, list(rows), at=snapshot) == rows
    assert [step.because for step in retractions.steps(root)] == ["a slip", "no slip", "a slip after all"]
    with pytest.raises(StoreError, match="never at snapshot"):
        store.connect(root, at="0123456789ab")


def test_an_open_app_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tmp_path)
    writer.add("none", "xnli", 0, {"de": 0.5})
    stamp, server = listing.stamp(tmp_path), serving.Server(tmp_path)
    monkeypatch.setattr(serving, "_LOOK_AGAIN", 0.0)
    assert len(server.newest().rows("SELECT * FROM cell")) == 1
    retracting.retract(tmp_path, {"target": "xnli"}, "a slip")
    assert listing.stamp(tmp_path) != stamp
    for _ in range(200):
        if not len(server.newest().rows("SELECT * FROM cell")):
            break
        time.sleep(0.05)
    assert len(server.newest().rows("SELECT * FROM cell")) == 0


def test_a_run_of_ours_is_not_trained_again(tmp_path: Path) -> None:
    run = own(tmp_path, 0).split(".")[-1]
    (tmp_path / "study").mkdir()
    cell = {"run_id": run, "label": "a cell", "model": "m"}
    (tmp_path / "study" / "s.json").write_text(json.dumps({"name": "s", "study": {"about": ""}, "cells": [cell]}))
    assert [row["state"] for row in tracking.status(tmp_path)] == ["done"]
    retracting.retract(tmp_path, {"run_id": run}, "a slip")
    assert store.is_complete(tmp_path, run) and run in store.complete_runs(tmp_path)
    assert [row["state"] for row in tracking.status(tmp_path)] == ["retracted"]
    assert CliRunner().invoke(cli.app, ["status", "--store", str(tmp_path)]).output == "study s: 1 retracted\n"
    assert rescoring.rescore(tmp_path).kept == 0  # what does not count is not measured again


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["target=xnli"], "a reason is needed (--because)"),
        (["target=xnli", "--because", "  "], "a reason is needed (--because)"),
        (["target=xnli", "--because", "a\x1b[31m slip"], "characters that cannot be printed"),
        (["--because", "x"], "nothing: a run is said as FIELD=VALUE, such as run_id=1a2b3c"),
        (["targt=xnli", "--because", "x"], "there is no column targt of runs; did you mean 'target'?"),
        (["xnli", "--because", "x"], "xnli: a run is said as FIELD=VALUE"),
        (["target=xnli", "target=panx", "--because", "x"], "target: said more than once"),
        (["target=xnlj", "--because", "x"], "target 'xnlj' is no task, and not in the store; did you mean 'xnli'?"),
        (["run_id=zz", "--because", "x"], "no runs have an id that begins with 'zz'"),
        (["seed=x", "--because", "x"], "a condition is not of the type of its column"),
        (["source=a' OR '1'='1", "--because", "x"], "no run has source=a' OR '1'='1"),
        (["--undo"], "nothing: a run is said as FIELD=VALUE"),
    ],
)
def test_what_is_not_understood_changes_nothing(words: list[str], said: str, tmp_path: Path) -> None:
    Writer(tmp_path).add("none", "xnli", 0, {"de": 0.5})
    code, output = invoke(tmp_path, *words)
    assert code != 0 and said in output
    assert not (tmp_path / "retraction").exists()


def test_the_command(tmp_path: Path) -> None:
    run = Writer(tmp_path).add("none", "xnli", 0, {"de": 0.5, "en": 0.6}, source="paper")
    assert invoke(tmp_path) == (0, f"nothing in {tmp_path} is retracted\n")
    code, output = invoke(tmp_path, "source=paper", "--because", "a  slip", "--dry-run")
    assert code == 0 and "would be retracted (1 run, 2 scores)" in output and not (tmp_path / "retraction").exists()
    code, output = invoke(tmp_path, "source=paper", "--because", "a  slip")
    assert code == 0 and output.startswith("retracted (1 run, 2 scores)") and run[:12] in output
    assert invoke(tmp_path, "source=paper", "--because", "again") == (0, "1 run is retracted already\n")
    code, output = invoke(tmp_path)
    assert re.match(r"retracted \d{4}-\d\d-\d\d \d\d:\d\d UTC: a slip \(1 run, 2 scores\)\n", output)
    (row,) = json.loads(invoke(tmp_path, "--json")[1])
    assert (row["run_id"], row["because"], row["scores"]) == (run, "a slip", 2)
    told = CliRunner().invoke(cli.app, ["history", "target=xnli", "language=de", "--store", str(tmp_path)]).output
    assert "retracted" in told and told.endswith("retracted: a slip\n")
    (row,) = json.loads(invoke(tmp_path, "source=paper", "--because", "no", "--undo", "--json")[1])
    assert row["run_id"] == run and retractions.OF_RETRACTION.fullmatch(f"{row['step']}.json")
    assert len(board.scores(tmp_path)) == 2
    assert invoke(tmp_path, "source=paper", "--because", "no", "--undo") == (0, "1 run is not retracted\n")


def interrupted(root: Path, at: int, end: Callable[[], None]) -> int:
    """Retract, and before the system call `at` of those that write (1 is the first) do what `end` does; how many there were."""
    calls = 0

    def watched(inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                end()
            return inner(*args, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("link", "fsync", "replace", "unlink", "mkdir"):
            patch.setattr(os, name, watched(getattr(os, name)))
        patch.setattr(places.uuid, "uuid4", watched(uuid.uuid4))
        retracting.retract(root, {"intermediate": "none"}, "a slip")
    return calls


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("killed", [True, False])
def test_it_is_done_whole_or_not_at_all(killed: bool, tmp_path: Path, fault: Callable[..., None]) -> None:
    root = tmp_path / "s"
    for intermediate in ("none", "intents"):
        own(root, 0, intermediate)
    seen, said = ["score", "every_run"], []
    before = answers(root, seen)
    total = interrupted(whole := shutil.copytree(root, tmp_path / "whole"), 0, lambda: None)
    after = answers(whole, seen)
    assert total > 8 and before["score"] != after["score"]
    for at in range(1, total + 1):
        copy = shutil.copytree(root, tmp_path / f"copy{at}")
        if killed:
            child = FORK.Process(target=interrupted, args=(copy, at, lambda: os.kill(os.getpid(), 9)))
            child.start()
            child.join()
            assert child.exitcode == -9
        else:
            try:
                interrupted(copy, at, full)
            except WriteError as error:
                said.append(str(error))
        found = answers(copy, seen)
        assert found in (before, after) and verifying.verify(copy).whole, at
        done = retracting.retract(copy, {"intermediate": "none"}, "a slip")
        assert (len(done.runs), done.already) == ((1, 0) if found == before else (0, 1))
        assert answers(copy, seen) == after
    assert killed or said
    assert all(re.search(r"(store|retraction/.*)\.json could not be written", one) for one in said)
    how = ("kill -9", f"{total} kills", "") if killed else ("disk full", f"{total} times", "names the file that could not be written")
    fault(how[0], "retract, before every call that writes", how[1], said=how[2])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _told_otherwise(path: Path) -> None:
    path.write_text(path.read_text().replace("a slip", "a trick"))


def _set(field: str, value: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "JSONDecodeError"),
        (_told_otherwise, "the hash in its name is of other content"),
        (_set("made", "now"), "made is no time"),
        (_set("made", 1e300), "made is no time"),
        (_set("made", float("nan")), "made is no time"),
        (_set("back", 0), "back not true or false"),
        (_set("because", None), "because no text"),
        (_set("because", "a\x1b[31m slip"), "because no text"),
        (_set("runs", []), "runs are not ids of runs"),
        (_set("runs", ["a"]), "runs are not ids of runs"),
        (lambda path: path.write_text("[]"), "TypeError"),
        (lambda path: path.write_text("{}"), "KeyError"),
    ],
)  # fmt: skip
def test_a_damaged_step_stops_every_reader_and_is_named(damage: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    own(tmp_path, 0)
    retracting.retract(tmp_path, {"kind": "run"}, "a slip")
    (path,) = (tmp_path / "retraction").iterdir()
    damage(path)
    with pytest.raises(StoreError) as raised:
        store.connect(tmp_path)
    assert f"{path} cannot be read, and without it nobody knows which runs count" in str(raised.value) and said in str(raised.value)
    with pytest.raises(StoreError, match="nobody knows which runs count"):
        retractions.add(tmp_path, ["a" * 24], "x", back=False)
    (problem,) = verifying.verify(tmp_path).problems
    assert (problem.kind, problem.file) == ("unreadable", f"retraction/{path.name}") and said in problem.found
    mended = mending.repair(tmp_path)
    assert mended.moved == [] and "nobody knows which runs count" in mended.left[0] and path.exists()


def test_other_files_beside_the_steps_are_named_and_harmless(tmp_path: Path) -> None:
    own(tmp_path, 0)
    retracting.retract(tmp_path, {"kind": "run"}, "a slip")
    (tmp_path / "retraction" / ".x.json.0.tmp").write_text("{")  # of a write that was killed
    (tmp_path / "retraction" / "notes.txt").write_text("why")
    assert values(tmp_path) == {}
    assert {(p.kind, p.file) for p in verifying.verify(tmp_path).problems} == {
        ("leftover", "retraction/.x.json.0.tmp"),
        ("foreign", "retraction/notes.txt"),
    }


def test_versions_that_know_nothing_of_it_refuse_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Writer(tmp_path).add("none", "xnli", 0, {"de": 0.5})
    assert listing.check_format(tmp_path) == 1
    retracting.retract(tmp_path, {"target": "xnli"}, "a slip")
    assert listing.check_format(tmp_path) == 3
    compacting.compact(tmp_path)
    assert listing.check_format(tmp_path) == 3
    monkeypatch.setattr(listing, "FORMAT", 2)  # as of a version of before
    with pytest.raises(StoreError, match="this xbench reads formats 1 to 2"):
        store.connect(tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_on_s3(bucket: str) -> None:
    root: Any = places.place(f"{bucket}/retracted")
    Writer(root).add("none", "xnli", 0, {"de": 0.5})
    retracting.retract(root, {"target": "xnli"}, "a slip")
    assert values(root) == {} and [r["because"] for r in retracting.listed(root)] == ["a slip"]
    retracting.retract(root, {"target": "xnli"}, "no slip", back=True)
    assert values(root) == {"de": 0.5}
