"""Ingest: good rows in once, bad ones refused with file, row and column; the shipped published numbers re-add."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from tests.conftest import Writer
from xbench import adapter, board, cli, compacting, documents, exporting, gathering, ingesting, rescoring, rows, share, store, verifying
from xbench.adapter import Block, Options
from xbench.errors import DataError, StoreError
from xbench.versions import Batch, pack

HEADER = "model,intermediate,target,language,metric,value,source\n"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_published_numbers_add_up_to_the_averages_their_sources_print(tmp_path: Path) -> None:
    """Goldens: the `avg` columns of google-deepmind/xquad README.md, of the R3F paper's Table 3 and of fairseq's XLM-R README.

    R3F itself is left out: the source prints 81.2, its own row gives 81.3. XQuAD's README averages Romanian in, which XTREME, and so the
    leaderboard, has not.
    """
    ingesting.ingest([share.folder("data") / "published"], tmp_path)
    key = ("target", "metric", "model", "recipe_label")
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for r in board.scores(tmp_path):
        if r["language"] != "mul":
            found.setdefault(tuple(r[c] for c in key), {})[r["language"]] = r["value"]
    held = {tuple(r[c] for c in key): r for r in board.leaderboard(tmp_path) if r["basis"] == "languages"}
    printed = {
        ("xquad", "f1", "bert-base-multilingual-cased", "zero-shot from SQuAD v1.1"): (65.2, 12),
        ("xquad", "f1", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (77.2, 12),
        ("xnli", "accuracy", "xlm-roberta-base", "fine-tuning"): (76.2, 15),
        ("xnli", "accuracy", "xlm-roberta-large", "fine-tuning"): (80.9, 15),
        ("xnli", "accuracy", "xlm-roberta-large", "R4F"): (81.4, 15),
        ("xnli", "accuracy", "microsoft/infoxlm-large", "fine-tuning"): (81.4, 15),
        ("mlqa", "f1", "bert-base-multilingual-cased", "zero-shot from SQuAD v1.1"): (57.7, 7),
        ("mlqa", "f1", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (70.7, 7),
        ("mlqa", "exact_match", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (52.7, 7),
    }
    for which, (average, languages) in printed.items():
        own = found[which]
        assert (round(100 * sum(own.values()) / len(own), 1), len(own)) == (average, languages), which
        covered = [value for code, value in own.items() if (which[0], code) != ("xquad", "ro")]
        assert held[which]["value"] == pytest.approx(sum(covered) / len(covered))
        assert (held[which]["languages"], held[which]["complete"]) == (len(covered), True)
    con = store.connect(tmp_path)
    assert con.execute("SELECT count(*) FROM run WHERE source = '' OR source_sha256 IS NULL OR kind <> 'external'").fetchall() == [(0,)]
    con.close()


def test_ingesting_twice_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper", "m,none,xnli,fr,accuracy,0.6,paper")
    first = ingesting.ingest([path], tmp_path / "s")
    files = {p: p.read_bytes() for p in (tmp_path / "s").rglob("*.parquet")}
    second = ingesting.ingest([path], tmp_path / "s")
    assert (first.cells, first.runs, second.cells, second.runs) == ({"new": 2}, 1, {"identical": 2}, 0)
    assert files == {p: p.read_bytes() for p in (tmp_path / "s").rglob("*.parquet")}


def current(root: Path) -> dict[str, float]:
    con = store.connect(root)
    try:
        return dict(con.execute("SELECT language, value FROM score").fetchall())
    finally:
        con.close()


def test_a_changed_value_is_a_new_version_and_the_old_one_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "s"
    old = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper", "m,none,xnli,fr,accuracy,0.6,paper")
    new = write(tmp_path / "b.csv", "m,none,xnli,de,accuracy,0.55,paper")
    ingesting.ingest([old], root)
    report = ingesting.ingest([new], root)
    assert report.cells == {"changed": 1}
    assert [(c.language, c.old, c.new) for c in report.changes] == [("de", 0.5, 0.55)]
    assert current(root) == {"de": 0.55, "fr": 0.6}  # what the correction does not repeat stays
    found = [
        (r["language"], r["version"], r["current"], r["value"], r["carried_from"] is not None)
        for r in board.history(root, ("version", "language"))
    ]
    assert found == [("de", 1, False, 0.5, False), ("fr", 1, False, 0.6, False), ("de", 2, True, 0.55, False), ("fr", 2, True, 0.6, True)]
    for path in (old, new):  # both are known: in whatever order they come again, nothing changes
        assert ingesting.ingest([path], root).runs == 0
    assert current(root) == {"de": 0.55, "fr": 0.6}


def test_the_file_of_a_carried_number_is_the_one_that_has_it(tmp_path: Path) -> None:
    """`xbench history` had the hash of the file that corrects another language beside it."""
    root = tmp_path / "s"
    old = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper", "m,none,xnli,fr,accuracy,0.6,paper")
    files = [old, *(write(tmp_path / f"{value}.csv", f"m,none,xnli,de,accuracy,{value},paper") for value in (0.55, 0.57))]
    for path in files:
        ingesting.ingest([path], root)
    first, second, third = (ingesting._digest(path) for path in files)
    found = [(r["language"], r["version"], r["source_sha256"]) for r in board.history(root, ("language", "version"))]
    assert found == [("de", 1, first), ("de", 2, second), ("de", 3, third), ("fr", 1, first), ("fr", 2, first), ("fr", 3, first)]
    for path in (root / "run").glob("*.parquet"):
        if pq.read_table(path)["version"].to_pylist() == [1]:
            path.unlink()
    assert [r["source_sha256"] for r in board.history(root, ("version",), language="fr")] == [None, None]


def test_numbers_that_count_again_are_of_no_version_that_another_has_replaced(tmp_path: Path) -> None:
    """.70, .71 and .70 again: the first file was "of a version that another has replaced", though all of its numbers were those that count."""
    root = tmp_path / "s"
    first = write(tmp_path / "a.csv", *(f"m,none,xnli,{code},accuracy,{value},paper" for code, value in (("de", 0.7), ("fr", 0.6))))
    second = write(tmp_path / "b.csv", "m,none,xnli,de,accuracy,.71,paper", "m,none,xnli,fr,accuracy,.6,paper")
    third = write(tmp_path / "c.csv", "m,none,xnli,de,accuracy,.7,paper")
    for path in (first, second, third):
        ingesting.ingest([path], root)
    report = ingesting.ingest([first], root)
    assert (report.cells, report.older) == ({"identical": 2}, [])
    ((run,),) = seen(root, "SELECT run_id FROM run")
    report = ingesting.ingest([second], root)
    assert (report.cells, report.runs) == ({"identical": 1, "older": 1}, 0)
    assert [(c.language, c.old, c.new, c.run) for c in report.older] == [("de", 0.7, 0.71, run)]
    (tmp_path / "all").mkdir()
    exporting.export(root, "csv", tmp_path / "all" / "x.csv")
    assert ingesting.ingest([tmp_path / "all"], root).cells == {"identical": 2}
    done = CliRunner().invoke(cli.app, ["ingest", "external-results", str(second), "--store", str(root)], env={"COLUMNS": "200"})
    assert "of a version that another has replaced: nothing is written" in done.stdout
    (line,) = [line.split() for line in done.stdout.splitlines() if "70.00" in line]
    assert line == ["m", "none", "xnli", "de", "accuracy", "paper", "70.00", "71.00", run[:12]]
    assert "give them a source_version of their own" in done.stdout
    done = CliRunner().invoke(cli.app, ["ingest", "external-results", str(second), "--store", str(root), "--json"])
    (found,) = json.loads(done.stdout)
    assert [(c["language"], c["old"], c["new"]) for c in found["replaced"]] == [("de", 0.7, 0.71)]


def test_a_new_version_beside_runs_of_our_own(tmp_path: Path, writer: Writer) -> None:
    """Runs of our own have no identity, and count for no version, however many there are."""
    for seed in range(3):
        for value in ("0.5", "0.7"):
            ingesting.ingest([write(tmp_path / f"{value}.csv", f"m,none,xnli,de,accuracy,{value},paper")], writer.root)
        assert [row["value"] for row in board.leaderboard(writer.root) if row["source"] == "paper"] == [0.7]
        writer.add("none", "mini-ner", seed, {"de": 0.25})


def test_versions_in_one_ingest_follow_the_order_of_the_files(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.csv", f"m,none,xnli,de,accuracy,0.{i},paper") for i in (1, 2, 3)]
    report = ingesting.ingest(paths, tmp_path / "s")
    assert (report.cells, current(tmp_path / "s")) == ({"new": 1, "changed": 2}, {"de": 0.3})
    assert [v["version"] for v in board.history(tmp_path / "s", ("version",))] == [1, 2, 3]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("flush", [1, 200_000])
def test_version_9_of_a_table_is_read_before_version_10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, flush: int) -> None:
    """By the letters of their names it was the other way round, and the older number counted; which one does, nothing said."""
    monkeypatch.setattr(ingesting, "_FLUSH_ROWS", flush)
    folder = tmp_path / "files"
    folder.mkdir()
    for version, value in ((9, 0.7), (10, 0.71)):
        write(folder / f"table-v{version}.csv", f"m,none,xnli,de,accuracy,{value},paper", "m,none,xnli,fr,accuracy,.6,paper")
    given = Path(shutil.make_archive(str(tmp_path / "x"), "zip", folder)) if packed else folder
    within = f"{given}{'!' if packed else ''}/table-v"
    for dry_run in (True, False):
        report = ingesting.ingest([given], tmp_path / "s", dry_run=dry_run)
        (note,) = report.notes
        assert note.startswith(
            f"{within}10.csv: 1 score is not the same as in {within}9.csv, and this file counts. Of files that are given"
        )
    assert current(tmp_path / "s") == {"de": 0.71, "fr": 0.6}
    assert ingesting.ingest([given], tmp_path / "s").notes == []
    third = write(tmp_path / "b.csv", "m,none,xnli,de,accuracy,.72,paper")
    assert ingesting.ingest([third], tmp_path / "s").notes == [], "the other one is of an earlier ingest"
    one, two = folder / "table-v9.csv", folder / "table-v10.csv"
    (note,) = ingesting.ingest([two, one], tmp_path / "t").notes
    assert note.startswith(f"{one}: 1 score is not the same as in {two}, and this")


def test_names_are_read_in_the_order_of_their_numbers() -> None:
    names = ["v10", "v9b", "v9", "v9.10", "v9.9", "9", "a", "", "10", "09", "v"]
    assert sorted(names, key=documents._in_order) == ["", "09", "9", "10", "a", "v", "v9", "v9.9", "v9.10", "v9b", "v10"]


def test_examples_are_carried_with_their_score(tmp_path: Path) -> None:
    def log(language: str, *right: int) -> Path:
        path = tmp_path / f"{language}-{sum(right)}.json"
        predictions = [{"text": f"{i}", "true_label": "a", "predicted_label": "a" if r else "b"} for i, r in enumerate(right)]
        about = {"system_name": "m", "dataset_name": "d", "language": language}
        path.write_text(json.dumps({"user_defined_metadata_configs": about, "predictions": predictions}), encoding="utf-8")
        return path

    root = tmp_path / "s"
    ingesting.ingest([log("de", 1, 0), log("fr", 1, 1)], root)
    ingesting.ingest([log("de", 0, 0)], root)
    con = store.connect(root)
    for table in ("outcome", "prediction"):
        assert con.execute(f"SELECT language, count(*) FROM {table} GROUP BY ALL ORDER BY ALL").fetchall() == [("de", 2), ("fr", 2)]
    rows = con.execute("SELECT language, sum(numerator) / sum(denominator) FROM outcome GROUP BY ALL ORDER BY ALL").fetchall()
    assert rows == con.execute("SELECT language, value FROM score ORDER BY ALL").fetchall() == [("de", 0.0), ("fr", 1.0)]
    con.close()


def test_several_sources_stand_side_by_side(tmp_path: Path) -> None:
    """X-STILTs' rows as two papers print them: protocol of the published tables in data/published."""
    write(tmp_path / "a.csv", "x,none,panx,mul,f1,0.640,RemBERT paper", "x,none,panx,mul,f1,0.647,mT5 README")
    ingesting.ingest([tmp_path / "a.csv"], tmp_path / "s")
    found = board.history(tmp_path / "s", ("value",), target="panx")
    assert [(r["value"], r["source"], r["current"]) for r in found] == [(0.64, "RemBERT paper", True), (0.647, "mT5 README", True)]


def test_a_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "s"
    ingesting.ingest([write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper")], root)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    path = write(
        tmp_path / "b.csv", "m,none,xnli,de,accuracy,0.6,paper", "m,none,xnli,fr,accuracy,0.6,paper", "m,none,xnli,es,accuracy,7,paper"
    )
    report = ingesting.ingest([path], root, dry_run=True)
    assert (report.cells, len(report.refusals)) == ({"changed": 1, "new": 1}, 1)
    assert before == {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_delta_within_one_source(tmp_path: Path) -> None:
    lines = ("m,none,xnli,de,accuracy,0.5,paper", "m,mnli,xnli,de,accuracy,0.6,paper", "m,squad,xnli,de,accuracy,0.6,other")
    ingesting.ingest([write(tmp_path / "a.csv", *lines)], tmp_path / "s")
    found = {r["intermediate"]: (r["delta"], r["status"]) for r in board.deltas(tmp_path / "s")}
    assert found["mnli"] == (pytest.approx(0.1), "paired")
    assert found["squad"] == (None, "no direct baseline")


def test_printed_means_have_deltas_of_their_own_and_no_part_in_means_over_languages(tmp_path: Path) -> None:
    header = HEADER.replace("source", "language_set,source")
    lines = ("m,none,xnli,mul,accuracy,0.7,de fr,p", "m,mnli,xnli,mul,accuracy,0.72,fr de,p", "m,squad1,xnli,mul,accuracy,0.8,de es,p",
             "m,none,xnli,de,accuracy,0.5,,p", "m,none,xnli,fr,accuracy,0.6,,p")  # fmt: skip
    ingesting.ingest([write(tmp_path / "a.csv", *lines, header=header)], tmp_path / "s")
    deltas = {r["intermediate"]: (r["language_set"], r["delta"]) for r in board.deltas(tmp_path / "s")}
    assert deltas == {"mnli": ("de fr", pytest.approx(0.02)), "squad1": ("de es", None)}
    means = {(r["intermediate"], r["basis"]): (r["value"], r["languages"]) for r in board.leaderboard(tmp_path / "s")}
    assert means["none", "languages"] == (pytest.approx(0.55), 2)
    assert means["none", "printed mean"] == (0.7, 2)
    keys = {r["task_key"] for r in board.leaderboard(tmp_path / "s")}
    assert len(keys) == 3  # languages, and the means over two sets


MEANS = HEADER.replace("source", "language_set,source")


def means(root: Path) -> dict[str, tuple[float, int]]:
    """What readers see of each printed mean: its value and version."""
    con = store.connect(root)
    try:
        return {
            over: (value, version) for over, value, version in con.execute("SELECT language_set, value, version FROM result").fetchall()
        }
    finally:
        con.close()


def test_printed_means_over_other_languages_are_other_numbers(tmp_path: Path) -> None:
    """In one file, in the next one and in one that corrects one of them; what is not repeated stays."""
    root = tmp_path / "s"
    first = write(tmp_path / "a.csv", *(f"m,none,xnli,mul,accuracy,{v},{o},paper" for v, o in ((0.7, "de fr"), (0.8, "de"))), header=MEANS)
    report = ingesting.ingest([first], root)
    assert (report.cells, report.refusals) == ({"new": 2}, [])
    report = ingesting.ingest([write(tmp_path / "b.csv", "m,none,xnli,mul,accuracy,0.6,fr,paper", header=MEANS)], root)
    assert (report.cells, report.changes) == ({"new": 1}, [])
    report = ingesting.ingest([write(tmp_path / "c.csv", "m,none,xnli,mul,accuracy,0.81,de,paper", header=MEANS)], root)
    assert [(c.language_set, c.old, c.new) for c in report.changes] == [("de", 0.8, 0.81)]
    assert means(root) == {"de fr": (0.7, 3), "fr": (0.6, 3), "de": (0.81, 3)}
    assert [(r["language_set"], r["languages"]) for r in board.leaderboard(root)] == [("de", 1), ("de fr", 2), ("fr", 1)]
    assert not verifying.verify(root).problems
    twice = write(tmp_path / "d.csv", *(f"m,none,xnli,mul,accuracy,{v},fr de,paper" for v in (0.1, 0.2)), header=MEANS)
    (one, _) = ingesting.ingest([twice], root, dry_run=True).refusals
    assert "2 different values for mul over de fr test accuracy of m on xnli" in str(one)


def test_a_mean_of_unknown_languages_is_the_one_whose_languages_are_said(tmp_path: Path) -> None:
    root = tmp_path / "s"

    def ingest(name: str, *said: tuple[float, str]) -> dict[str, int]:
        lines = [f"m,none,xnli,mul,accuracy,{value},{over},paper" for value, over in said]
        return dict(ingesting.ingest([write(tmp_path / name, *lines, header=MEANS)], root).cells)

    ingest("a.csv", (0.7, ""))
    assert ingest("b.csv", (0.7, "de fr")) == {"changed": 1}  # more is known of the same number
    assert means(root) == {"de fr": (0.7, 2)}
    assert ingest("a.csv", (0.7, "")) == {"identical": 1}
    assert ingest("d.csv", (0.72, "")) == {"changed": 1}
    assert means(root) == {"unknown": (0.72, 3)}
    assert ingest("e.csv", (0.7, "de fr"), (0.8, "de")) == {"new": 2}  # which of two it is nobody knows
    assert means(root) == {"unknown": (0.72, 4), "de fr": (0.7, 4), "de": (0.8, 4)}
    root = tmp_path / "other"
    ingest("b.csv", (0.7, "de fr"))
    assert ingest("a.csv", (0.7, "")) == {"identical": 1}  # and less is said of it


def test_headings_may_be_in_capitals_and_an_unknown_table_is_told_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "Model,Intermediate,Target,Language,Metric,Value,Source,Unit\nm,none,xnli,de,accuracy,50,paper,percent\n", encoding="utf-8"
    )
    report = ingesting.ingest([tmp_path / "a.csv"], tmp_path / "s")
    assert (report.cells, report.refusals) == ({"new": 1}, [])
    (tmp_path / "b.csv").write_text("Model;en;de\nm;81,4;71,1\n", encoding="utf-8")
    (refused,) = ingesting.ingest([tmp_path / "b.csv"], tmp_path / "s").refusals
    assert "b.csv: no adapter knows this format" in str(refused)
    assert str(refused).endswith(
        "those with columns language and value, or with languages or tasks as headings, apart by commas; found 'Model;en;de'"
    )


def test_every_problem_is_named_and_good_rows_are_kept(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", "m,none,xnli,de,accuracy,0.5,paper")
    bad = write(
        tmp_path / "bad.csv", "m,none,xnli,de,accuracy,57.5,paper2", ",none,xnli,de,accuracy,0.5,paper2", "m,none,xnli,fr,accuracy,nan,paper2",
        "m,none,xnli,jp,accuracy,0.5,paper2", "m,none,xnli,es,accuracy,0.5,paper2",
    )  # fmt: skip
    report = ingesting.ingest([bad, good, tmp_path / "none.csv", write(tmp_path / "x.txt")], tmp_path / "s")
    said = "\n".join(map(str, report.refusals))
    for part in (
        "bad.csv:2: column 'value' is '57.5', expected a fraction between 0 and 1; for percent say so", "bad.csv:3: column 'model' is empty",
        "bad.csv:4: column 'value' is 'nan'", "none.csv: does not exist", "x.txt: no adapter knows this format",
        "bad.csv:5: column 'language' is 'jp', expected a language code: JP is a country, its language is 'ja'",
    ):  # fmt: skip
        assert part in said
    assert len(report.refusals) == 6
    assert report.cells == {"new": 2}
    ingesting.write_refusals(report, tmp_path / "r.csv")
    assert len(list(csv.reader((tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()))) == 7
    assert dict(rows.by_reason(report.refusals))["column 'value': expected a number"] == 1


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="has no pipes with a name")
def test_a_pipe_is_refused_and_the_file_beside_it_is_read(tmp_path: Path) -> None:
    """`<(…)` lost its first byte, and a pipe that nobody wrote to was waited for without end."""
    read, written = os.pipe()
    os.write(written, f"{HEADER}m,none,xnli,de,accuracy,.5,paper\n".encode())
    os.close(written)
    try:
        given = [Path(f"/dev/fd/{read}"), write(tmp_path / "a.csv", "n,none,xnli,de,accuracy,.5,paper")]
        report = ingesting.ingest(given, tmp_path / "s", "long")
        assert [str(refusal) for refusal in report.refusals] == [
            f"{given[0]}: is neither a file nor a folder; save what it gives to a file"
        ]
        assert report.runs == 1
        assert os.read(read, 10) == HEADER[:10].encode()
    finally:
        os.close(read)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("m,none,xnli,de,accuracy,a lot,paper", "a.csv:2: column 'value' is 'a lot', expected a number"),
        ("m,none,xnli,de,accuracy,0.5", "a.csv:2: 6 cells, the header has 7"),
        ("m,xnli,xnli,de,accuracy,0.5,p", "a.csv:2: column 'intermediate' is 'xnli', expected another task than the target, or none"),
        ("m,none,xnli,de,accuracy,-0.1,p", "column 'value' is '-0.1', expected a fraction between 0 and 1"),
        ("m,none,xnli,de,mcc,-1.1,p", "column 'value' is '-1.1', expected a fraction between -1 and 1; for percent say so"),
        ("m,none,xnli,de,accuracy,inf,p", "column 'value' is 'inf', expected a fraction"),
        ("m,none,xnli,de/fr/es,accuracy,0.1,p", "a pair is two codes with one slash"),
        ("m\u0007,none,xnli,de,accuracy,0.1,p", "column 'model' is 'm\\x07', expected a printable text"),
    ],
)
def test_lines_that_are_wrong(tmp_path: Path, line: str, said: str) -> None:
    report = ingesting.ingest([write(tmp_path / "a.csv", line)], tmp_path / "s")
    assert said in "\n".join(map(str, report.refusals))
    assert not report.cells
    assert not list((tmp_path / "s").rglob("*.parquet"))


@pytest.mark.parametrize(
    "metric", ["mcc", "cosine_spearman", "Pearson", "kendall_tau", "cohen_kappa", "matthews_correlation", "main_score"]
)
def test_correlations_may_be_below_0(metric: str, tmp_path: Path) -> None:
    """They were refused, and the mean over languages was that of the better ones."""
    lines = [f"m,none,xnli,{code},{metric},{value},p" for code, value in (("de", -0.1), ("fr", 0.5), ("hi", -1))]
    report = ingesting.ingest([write(tmp_path / "a.csv", *lines)], tmp_path / "s")
    assert (report.refusals, report.cells["new"]) == ([], 3)
    with store.connect(tmp_path / "s") as con:
        found = con.execute("SELECT language, value FROM score ORDER BY ALL").fetchall()
        (mean,) = con.execute("SELECT value FROM leaderboard").fetchall()
    assert found == [("de", -0.1), ("fr", 0.5), ("hi", -1.0)]
    assert mean[0] == pytest.approx(-0.2)
    assert verifying.verify(tmp_path / "s").problems == []
    percent = write(tmp_path / "b.csv", f"m,none,xnli,es,{metric},-12.5,p")
    report = ingesting.ingest([percent], tmp_path / "s", options=Options(settings={"unit": "percent"}))
    assert report.refusals == []
    out = tmp_path / "out"
    out.mkdir()
    exporting.export(tmp_path / "s", "eee", out)
    again = ingesting.ingest([out], tmp_path / "s")
    assert (again.refusals, again.cells["identical"]) == ([], 4)


def test_a_recipe_with_half_a_character_is_refused(tmp_path: Path) -> None:
    """Found by fuzzing: JSON may say a half of a surrogate pair, which no UTF-8 can hold."""
    header = HEADER.strip() + ",recipe\n"
    lines = ('m,none,xnli,de,accuracy,0.5,p,"{""a"": ""\\ud800""}"', 'm,none,xnli,fr,accuracy,0.5,p,"{""a"": ""\\ud83d\\ude00""}"')
    report = ingesting.ingest([write(tmp_path / "a.csv", *lines, header=header)], tmp_path / "s")
    assert "a.csv:2: column 'recipe'" in str(report.refusals[0])
    ingesting.write_refusals(report, tmp_path / "refused.csv")
    assert "ud800" in (tmp_path / "refused.csv").read_text(encoding="utf-8")
    assert report.cells == {"new": 1}


def test_unknown_columns_and_two_values_for_one_cell(tmp_path: Path) -> None:
    report = ingesting.ingest([write(tmp_path / "a.csv", "m,none,t,de,f1,0.5,p,red", header=HEADER.strip() + ",colour\n")], tmp_path / "s")
    assert "column 'colour' is unknown" in str(report.refusals[0])
    lines = ("m,none,xnli,de,accuracy,0.5,paper", "m,none,xnli,deu,accuracy,0.6,paper", "m,none,xnli,fr,accuracy,0.6,paper")
    report = ingesting.ingest([write(tmp_path / "a.csv", *lines, lines[2])], tmp_path / "s")
    assert [r.at for r in report.refusals] == ["2", "3"]
    assert "2 different values for de test accuracy of m on xnli" in str(report.refusals[0])
    assert report.cells == {"new": 1}


def made(*given: adapter.Row | Block) -> tuple[list[str], dict[str, list[Any]], list[str]]:
    """Ids of runs, columns of scores, and refusals."""
    refusals: list[rows.Refusal] = []
    found = gathering.tables(given, "a", "0" * 64, refusals)
    return [run["run_id"] for run in found.runs], found.scores, [f"{refusal.at} {refusal}" for refusal in refusals]


OF_RUN = {**adapter.UNSAID, "model": "m", "intermediate": "none", "target": "xnli", "metric": "accuracy", "source": "p"}


def test_files_that_are_checked_together_are_as_each_alone() -> None:
    """Refused rows, rows of several runs in turn, blocks beside rows: each file keeps its own numbers, runs and refusals."""
    files: list[list[adapter.Row | Block]] = [
        [{**OF_RUN, "language": "de", "value": 0.5}, {**OF_RUN, "model": "other", "language": "xx", "value": 0.5},
         {**OF_RUN, "language": "fr", "value": 2.0}, {**OF_RUN, "model": "other", "language": "es", "value": 0.25}],
        [Block(OF_RUN, {"language": ["sw", "xx"], "value": [0.5, 0.5]}), {**OF_RUN, "language": "de", "value": 0.75}],
        [{**OF_RUN, "model": "", "language": "de", "value": 0.5}],
        [{**OF_RUN, "language": "de", "value": 0.5}],
    ]  # fmt: skip
    gathered = gathering.Gathering()
    for number, given in enumerate(files):
        assert gathered.add(given, f"file {number}", str(number) * 64) == sum(len(one) if isinstance(one, Block) else 1 for one in given)
    together, refusals = gathered.tables()
    runs: list[adapter.Row] = []
    values: list[Any] = []
    for number, given in enumerate(files):
        alone: list[rows.Refusal] = []
        found = gathering.tables(given, f"file {number}", str(number) * 64, alone)
        assert refusals[number] == alone
        runs += found.runs
        values += found.scores["value"]
    assert (together.runs, together.scores["value"]) == (runs, values)
    assert [[refusal.at for refusal in of_file] for of_file in refusals] == [["row 2", "row 3"], ["row 2"], ["row 1"], []]


def test_a_block_without_rows_is_nothing(tmp_path: Path) -> None:
    source = "SUFFIXES = ('.none',)\ndef recognises(path, head):\n    return True\ndef read(path, options):\n"
    body = "    from xbench.adapter import Block\n    yield Block({'model': 'm'}, {'value': [], 'language': []})\n"
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "empty.py").write_text(f'"""Nothing."""\n{source}{body}')
    (tmp_path / "a.none").write_text("a")
    report = ingesting.ingest([tmp_path / "a.none"], tmp_path / "s", options=adapter.Options(folder=tmp_path / "adapters"))
    assert [str(refusal) for refusal in report.refusals] == [f"{tmp_path / 'a.none'}: has no scores that empty reads"]


@pytest.mark.parametrize(
    "content", [b'{"a": "\xc3\xa9\xc3\xa9 NaN", "b": [NaN, -Infinity, Infinity]}', b'{"b": [NaN, -Infinity, Infinity]}']
)
def test_numbers_that_json_lacks(content: bytes) -> None:
    found = [adapter.number(value) for value in adapter.parse_json(content, "a")["b"]]
    assert repr(found) == "[nan, -inf, inf]"


class _Shape(msgspec.Struct):
    b: list[Any]
    c: Any = "unsaid"


@pytest.mark.parametrize(
    ("content", "b", "c"),
    [
        ('{"a": [1, {"b": 2}], "b": [0.5]}', "[0.5]", "unsaid"),
        ('{"a": NaN, "b": [NaN, -0.5]}', "[nan, -0.5]", "unsaid"),
        ('{"a": "is NaN", "b": [NaN, -Infinity, Infinity], "c": 3}', "[nan, -inf, inf]", 3),
        ('{"b": [-Infinity]}', "[-inf]", "unsaid"),
    ],
)
def test_the_wanted_part_of_a_json_file(tmp_path: Path, content: str, b: str, c: object) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    found = adapter.shaped_json(path, _Shape)
    assert (repr([adapter.number(value) for value in found.b]), found.c) == (b, c)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"b": [0.5]', r"a\.json:1:12: not JSON"),
        ('{"b": [0.5, NaN]', r"a\.json: not JSON"),
        ('{"b": {"x": 1}}', r"a\.json: Expected `array`, got `object` - at `\$\.b`"),
        ('{"b": {"x": NaN}}', r"a\.json: Expected `array`, got `object` - at `\$\.b`"),
        ("[]", r"a\.json: Expected `object`, got `array`"),
        ("{}", r"a\.json: Object missing required field `b`"),
        ('{"b": ["\udcff"]}', r"a\.json:1:\d+: not JSON: .*UTF-8"),
    ],
)
def test_a_json_file_without_the_wanted_part(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(DataError, match=said):
        adapter.shaped_json(path, _Shape)


def test_a_standard_error_of_minus_nothing_is_nothing() -> None:
    """Else runs that differ in it alone would be two."""
    rows = [{**OF_RUN, "language": "de", "value": 0.5, "stderr": stderr, "stderr_kind": "bootstrap"} for stderr in (0.0, "-0.0", -0.0)]
    ids = [made(row)[0] for row in rows]
    assert ids[0] == ids[1] == ids[2]


def test_a_block_is_as_many_rows() -> None:
    columns = {
        "language": ["de", "fr", "xx", None, "de", "mul", "es", "sw"],
        "value": [0.5, "0.25", 0.5, 0.5, 0.5, 0.1, 7, None],
        "language_set": [None, None, None, None, None, ["deu", "fr"], None, None],
        "n": [10, "20", None, 5, 10, None, None, 3],
        "at": [f"row {i}" for i in range(8)],
        "colour": [None, None, None, None, None, None, None, "red"],
    }
    flat = [{**OF_RUN, **{c: values[i] for c, values in columns.items() if values[i] is not None}} for i in range(8)]
    assert made(*flat) == made(Block(OF_RUN, columns))
    parts = [{c: values[a:b] for c, values in columns.items()} for a, b in ((0, 3), (3, 8))]
    assert made(*flat) == made(Block(OF_RUN, parts[0]), *flat[3:]) == made(*flat[:3], Block(OF_RUN, parts[1]))
    ids, scores, refusals = made(*flat)
    assert (len(ids), scores["language"], scores["value"]) == (1, ["de", "fr", "mul"], [0.5, 0.25, 0.1])
    assert [said.split(" a:")[0] for said in refusals] == ["row 2", "row 3", "row 6", "row 7", "row 7"]


@pytest.mark.parametrize("columns", [{}, {"value": [0.5], "language": ["de", "fr"]}, {"value": [0.5], "model": ["m"]}])
def test_a_block_of_several_lengths_or_runs_is_none(columns: dict[str, list[Any]]) -> None:
    with pytest.raises(ValueError, match="a block"):
        Block(OF_RUN, columns)


@pytest.mark.parametrize(("column", "value"), [("unit", ["percent"]), ("stderr_kind", 2**70), ("stderr_kind", ["x"])])
def test_what_is_no_text_is_refused(column: str, value: object) -> None:
    row = {**OF_RUN, "language": "de", "value": 0.5, "stderr": 0.1, column: value}
    ids, _, refusals = made(row)
    assert (ids, len(refusals), f"column {column!r} is" in refusals[0]) == ([], 1, True)


def test_what_less_is_better_of_is_refused_and_selection_is_one_of_three(tmp_path: Path) -> None:
    """In tables they are words."""
    header = "model,intermediate,target,language,metric,value,source,lower_is_better,selection\n"
    said = ("true,", "False,target-languages", ",dev", "maybe,", ",")
    path = write(tmp_path / "a.csv", *(f"m{i},none,xnli,de,score,0.5,paper,{word}" for i, word in enumerate(said)), header=header)
    report = ingesting.ingest([path], tmp_path / "s")
    assert [(r.at, r.column) for r in report.refusals] == [("2", "metric"), ("4", "selection"), ("5", "lower_is_better")]
    con = store.connect(tmp_path / "s")
    assert con.execute("SELECT model, selection FROM run ORDER BY 1").fetchall() == [("m1", "target-languages"), ("m4", None)]
    assert con.execute("SELECT model, zero_shot FROM leaderboard ORDER BY 1").fetchall() == [("m1", None), ("m4", 0.5)]
    con.close()


def test_what_is_said_with_set_fills_what_a_file_leaves_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "xnli,de,accuracy,50,", "xnli,fr,accuracy,60,named", header="target,language,metric,value,source\n")
    settings = {"model": "m", "intermediate": "none", "source": "said", "unit": "percent"}
    ingesting.ingest([path], tmp_path / "s", options=Options(settings=settings))
    con = store.connect(tmp_path / "s")
    assert con.execute("SELECT language, value, source FROM result ORDER BY 1").fetchall() == [("de", 0.5, "said"), ("fr", 0.6, "named")]
    con.close()
    with pytest.raises(DataError, match="there is no column colour"):
        ingesting.ingest([path], tmp_path / "s", options=Options(settings={"colour": "red"}))


def test_what_is_said_and_no_row_leaves_open_is_told(tmp_path: Path) -> None:
    """`--set model=m` of a file that has a column of models stores none of them under m."""
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.csv", "a,none,xnli,de,accuracy,0.5,paper", "b,none,xnli,de,accuracy,0.5,paper")
    write(folder / "b.csv", "M,none,xnli,fr,accuracy,0.5,paper", "c,none,xnli,fr,accuracy,0.5,")
    report = ingesting.ingest([folder], tmp_path / "s", options=Options(settings={"model": "m", "source": "p", "unit": "fraction"}))
    assert sorted(report.notes) == [
        f"{folder}/a.csv: model=m is of no use: every row says its model itself, such as 'a'",
        f"{folder}/a.csv: source=p is of no use: every row says its source itself, such as 'paper'",
    ], "in b.csv one row is of M, and one is silent on its source"


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_goes_while_it_is_read_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """A small one before it is read at all, a large one before it is hashed."""
    path = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper")
    other = write(tmp_path / "b.csv", "m,none,xnli,fr,accuracy,0.5,paper")
    if large:
        monkeypatch.setattr(adapter, "_SMALL", 0)
    place, name = (ingesting, "_digest") if large else (adapter, "hold")
    real = getattr(place, name)

    def gone(file: Path, *rest: Any) -> Any:
        if file == path:
            file.unlink()
        return real(file, *rest)

    monkeypatch.setattr(place, name, gone)
    report = ingesting.ingest([path, other], tmp_path / "s")
    assert "No such file" in str(report.refusals[0])
    assert report.cells == {"new": 1}


def test_several_processes_give_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether all is read here, all by the other process, or some by each."""
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(120):
        write(folder / f"{i:03}.csv", f"m{i},none,xnli,de,accuracy,0.5,paper", f"m{i},none,xnli,xx,accuracy,0.5,paper")
    monkeypatch.setattr(ingesting, "_BATCH_FILES", 7)
    monkeypatch.setattr(ingesting, "_AHEAD", 2)
    here: list[str] = []
    real, take = ingesting._read_document, ingesting._read_here
    monkeypatch.setattr(ingesting, "_read_document", lambda document, *rest: (here.append(document.path), real(document, *rest))[1])
    stores = []
    for way, jobs in (("here", 1), ("there", 2), ("both", 2)):
        here.clear()
        monkeypatch.setattr(ingesting, "_read_here", take if way == "both" else lambda *given: False)
        root, seen = tmp_path / way, list[int]()
        report = ingesting.ingest([folder], root, jobs=jobs, progress=lambda done, of: seen.append(done))  # noqa: B023
        assert (report.cells, len(report.refusals), seen[-1]) == ({"new": 120}, 120, 120)
        assert [r.path for r in report.refusals] == sorted(r.path for r in report.refusals)
        assert len(set(here)) == len(here)
        assert {"here": len(here) == 120, "there": not here, "both": len(here) > 0}[way]
        stores.append({p.relative_to(root): p.read_bytes() for p in root.rglob("*.parquet")})
    assert stores[0] == stores[1] == stores[2]


def test_a_file_is_read_once_for_all_that_is_asked_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper")
    content = path.read_bytes()
    assert adapter.hold(path, len(content)) == content
    path.write_bytes(content[:-3])
    assert adapter.read_bytes(path) == content
    assert adapter.recognised(path, Options()) == "long"
    assert adapter.read_bytes(Path(path)) == content[:-3]  # another Path asks anew
    assert adapter.hold(path, len(content)) == content[:-3]  # what has another size by now is read whole
    assert adapter.hold(path, 1 << 30) is None
    assert adapter.read_bytes(path) == content[:-3]
    path.unlink()
    with pytest.raises(DataError, match="cannot be read: No such file"):
        adapter.hold(path, len(content))


def test_a_store_of_an_older_version_opens(tmp_path: Path) -> None:
    """Columns that came later are NULL, and new files go beside the old ones."""
    root = tmp_path / "s"
    ingesting.ingest([write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper")], root)
    for table, later in (("run", ["identity", "version"]), ("score", ["language_set", "carried_from"])):
        (path,) = (root / table).glob("*.parquet")
        pq.write_table(pq.read_table(path).drop_columns(later), path)
    assert current(root) == {"de": 0.5}
    ingesting.ingest([write(tmp_path / "b.csv", "m,none,xnli,fr,accuracy,0.6,paper")], root)
    assert current(root) == {"de": 0.5, "fr": 0.6}
    (path,) = [p for p in (root / "score").glob("*.parquet") if pq.read_table(p)["language"].to_pylist() == ["de"]]
    pq.write_table(pq.read_table(path).drop_columns(["value"]), path)
    (other,) = [p for p in (root / "score").glob("*.parquet") if p != path]
    other.unlink()
    with pytest.raises(StoreError, match="column 'value' is missing"):
        store.connect(root)


def three(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [write(folder / f"{i}.csv", f"m{i},none,xnli,de,accuracy,0.{i},paper") for i in (1, 2, 3)]


def held(root: Path) -> tuple[list[Any], int, list[Any]]:
    """What readers see, how many rows the files have, and what `xbench verify` says."""
    con = store.connect(root)
    seen = con.execute("SELECT model, value FROM result ORDER BY ALL").fetchall()
    (every,) = con.execute("SELECT count(*) FROM stored_score").fetchall()[0]
    con.close()
    return seen, every, verifying.verify(root).problems


WHOLE = ([("m1", 0.1), ("m2", 0.2), ("m3", 0.3)], 3, [])


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Path], Path], None]:
    """An ingest that ends before it writes table run."""

    def end(paths: list[Path], root: Path) -> None:
        def stop(root: Path, table: str, rows: pa.Table, name: str) -> Path:
            if table == "run":
                raise KeyboardInterrupt
            return write(root, table, rows, name)

        write = store.write
        with monkeypatch.context() as patch:
            patch.setattr(store, "write", stop)
            with pytest.raises(KeyboardInterrupt):
                ingesting.ingest(paths, root)

    return end


@pytest.mark.parametrize("later", [slice(0, 3), slice(0, 2), slice(0, 1)])
def test_what_an_interrupted_ingest_left_is_not_there_twice(
    tmp_path: Path, ended: Callable[[list[Path], Path], None], later: slice
) -> None:
    """Whether the next one brings more runs, the same, or fewer."""
    paths, root = three(tmp_path / "files"), tmp_path / "s"
    ended(paths[:2], root)
    assert held(root)[:2] == ([], 2)
    ingesting.ingest(paths[later], root)
    assert held(root)[0] == WHOLE[0][later]
    ingesting.ingest(paths, root)
    assert held(root) == WHOLE


def test_without_locks_what_may_be_under_way_is_left(
    tmp_path: Path, ended: Callable[[list[Path], Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(self: FileLock) -> None:
        raise NotImplementedError

    paths, root = three(tmp_path / "files"), tmp_path / "s"
    monkeypatch.setattr(FileLock, "acquire", no_lock)
    ended(paths[:2], root)
    with pytest.raises(StoreError, match="is under way or was ended less than 10 minutes ago"):
        ingesting.ingest(paths, root)
    assert held(root)[:2] == ([], 2)
    (left,) = (root / "score").glob("*.parquet")
    os.utime(left, (0, left.stat().st_mtime - 601))
    ingesting.ingest(paths, root)
    assert held(root) == WHOLE


def test_two_ingests_at_once_write_a_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would compare with the store before either has written."""
    compare, paths = ingesting.compare, three(tmp_path / "files")

    def slow(*given: Any) -> Any:
        found = compare(*given)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(ingesting, "compare", slow)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda given: ingesting.ingest(given, tmp_path / "s"), (paths, paths[1:])))
    assert held(tmp_path / "s") == WHOLE


def test_kills_lose_nothing_and_leave_nothing_half(tmp_path: Path, fault: Callable[..., None]) -> None:
    """Ended at any moment, and begun again until it ends by itself: the store holds what an undisturbed ingest makes."""
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(60):
        write(folder / f"{i:03}.csv", *(f"m{i},none,xnli,{code},accuracy,0.5{i},paper" for code in ("de", "fr", "es")))
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom xbench import ingesting\ningesting._FLUSH_ROWS = 25\ningesting._BATCH_FILES = 7\n"
        "print('reading', flush=True)\ningesting.ingest([Path(sys.argv[1])], Path(sys.argv[2]))\n",
        encoding="utf-8",
    )
    rng, kills, seen = random.Random(0), 0, 0
    for attempt in range(60):
        process = subprocess.Popen([sys.executable, str(script), str(folder), str(tmp_path / "killed")], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(rng.uniform(0.02, 0.3 + attempt / 4))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.stdout.close()
        if process.wait() == 0:
            break
        now = len(store.complete_runs(tmp_path / "killed"))
        assert now >= seen  # what was complete stays
        seen = now
    ingesting.ingest([folder], tmp_path / "whole")
    assert kills >= 2
    assert process.returncode == 0
    select = "SELECT * FROM result JOIN run USING (run_id) ORDER BY ALL"
    found = []
    for name in ("killed", "whole"):
        con = store.connect(tmp_path / name)
        found.append(con.execute(select).fetchall())
        con.close()
    assert len(found[0]) == 180
    assert found[0] == found[1]
    fault("kill -9", "an ingest of 60 files, at random moments", f"{kills} kills")


def test_tasks_that_are_nearly_ones_of_xbench_are_said(tmp_path: Path) -> None:
    names = ("xnlii", "ner", "PAWS-X", "xnli", "belebele", "lm-eval/xnli", "snli")
    cells = [("none", name) for name in names] + [("None", "xnli"), ("mnlii@de", "xnli"), ("intents@de+es", "xnli"), ("ocnli", "xnli")]
    path = write(tmp_path / "a.csv", *(f"m,{intermediate},{target},de,accuracy,0.5,p" for intermediate, target in cells))
    done = CliRunner().invoke(cli.app, ["ingest", "external-results", str(path), "--store", str(tmp_path / "s"), "--json"])
    assert done.exit_code == 0, "results elsewhere are of tasks that xbench does not have"
    (found,) = json.loads(done.stdout)
    assert (found["new"], found["misspelt"]) == (
        len(cells),
        {"target": {"PAWS-X": ["pawsx"], "ner": ["panx"], "xnlii": ["xnli"]}, "intermediate": {"None": ["none"], "mnlii@de": ["mnli"]}},
    )
    assert "xbench: 3 targets are no tasks of xbench: PAWS-X (did you mean pawsx?), ner (did you mean panx?), xnlii (" in done.stderr
    report = ingesting.Report(targets=Counter(f"xnli{letter}" for letter in "abcdefgh"))
    assert report.doubts()[0].endswith("xnlie (did you mean xnli?) and 3 more")
    assert ingesting.Report(targets=Counter(["xnlii"])).doubts() == ["1 target is no task of xbench: xnlii (did you mean xnli?)"]


def test_a_file_that_says_less_takes_nothing_away(tmp_path: Path) -> None:
    """A number that is repeated without its items, error or languages, beside one that changed, keeps them; in any order, any number of times."""
    root = tmp_path / "s"
    header = "model,intermediate,target,language,language_set,metric,value,n,stderr,source\n"
    more = ("m,none,xnli,de,,accuracy,.5,100,,p", "m,none,xnli,fr,,accuracy,.6,200,.02,p", "m,none,xnli,mul,de fr,accuracy,.55,,,p")
    less = ("m,none,xnli,de,,accuracy,.51,,,p", "m,none,xnli,fr,,accuracy,.6,,,p", "m,none,xnli,mul,,accuracy,.55,,,p")
    first, second = write(tmp_path / "1.csv", *more, header=header), write(tmp_path / "2.csv", *less, header=header)
    third = write(tmp_path / "3.csv", "m,none,xnli,de,,accuracy,.52,,,p", header=header)
    ingesting.ingest([first], root)
    assert ingesting.ingest([second], root).cells == {"identical": 2, "changed": 1}
    kept = [("fr", None, 0.6, 200, 0.02, True), ("mul", "de fr", 0.55, None, None, True)]
    query = "SELECT language, language_set, value, n, stderr, carried_from IS NOT NULL FROM score ORDER BY ALL"
    with store.connect(root) as con:
        assert con.execute(query).fetchall() == [("de", None, 0.51, None, None, False), *kept]
    assert ingesting.ingest([second], root).cells == {"identical": 3}
    ingesting.ingest([third], root)
    for path in (second, first, third):
        assert ingesting.ingest([path], root).runs == 0
    with store.connect(root) as con:
        assert con.execute(query).fetchall() == [("de", None, 0.52, None, None, False), *kept]
    assert verifying.verify(root).problems == []


def test_a_number_without_examples_takes_none_away(tmp_path: Path) -> None:
    root, log = tmp_path / "s", tmp_path / "fr.json"
    predictions = [{"text": f"{i}", "true_label": "a", "predicted_label": label} for i, label in enumerate("ab")]
    about = {"system_name": "m", "dataset_name": "d", "language": "fr"}
    log.write_text(json.dumps({"user_defined_metadata_configs": about, "predictions": predictions}), encoding="utf-8")
    ingesting.ingest([log], root)
    ((source, scorer),) = {(r["source"], r["scorer"]) for r in board.scores(root)}
    header = "model,intermediate,target,train_language,source,scorer,language,metric,value\n"
    lines = [f"m,unknown,explainaboard/d,unknown,{source},{scorer},{code},accuracy,{value}" for code, value in (("fr", 0.5), ("de", 0.7))]
    assert ingesting.ingest([write(tmp_path / "x.csv", *lines, header=header)], root).cells == {"identical": 1, "new": 1}
    with store.connect(root) as con:
        assert con.execute("SELECT language, n, evidence FROM score ORDER BY ALL").fetchall() == [
            ("de", None, "aggregate"), ("fr", 2, "outcomes")
        ]  # fmt: skip
        for table in ("outcome", "prediction"):
            assert con.execute(f"SELECT language, count(*) FROM {table} GROUP BY ALL").fetchall() == [("fr", 2)]
    assert verifying.verify(root).problems == []


def test_what_is_measured_is_not_said_for_all_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,,paper", "m,none,xnli,fr,accuracy,,paper")
    with pytest.raises(DataError, match="value: what is measured is not said for all rows at once"):
        ingesting.ingest([file], tmp_path / "s", options=Options(settings={"value": "0.7"}))
    report = ingesting.ingest([file], tmp_path / "s")
    assert {(r.column, r.expected) for r in report.refusals} == {("value", "is empty")}
    over = write(tmp_path / "b.csv", "m,none,xnli,de,accuracy,170,paper")
    (refusal,) = ingesting.ingest([over], tmp_path / "s", options=Options(settings={"unit": "percent"})).refusals
    assert refusal.expected == "expected percent between 0 and 100"


def test_languages_of_a_mean_and_of_training_have_one_spelling(tmp_path: Path) -> None:
    header = "model,intermediate,target,train_language,language,language_set,metric,value,source\n"
    lines = ("m,none,xnli,deu+en,mul,deu ger fra,accuracy,.5,p", "m,mnli,xnli,en+de,mul,fr de,accuracy,.6,p")
    ingesting.ingest([write(tmp_path / "a.csv", *lines, header=header)], tmp_path / "s")
    with store.connect(tmp_path / "s") as con:
        found = con.execute("SELECT train_language, language_set, status FROM transfer_delta").fetchall()
    assert found == [("de+en", "de fr", "paired")]


def test_small_percent_are_no_fractions(tmp_path: Path) -> None:
    """.7 % of F1 beside 65.3 and 71: it was stored as 70 % while the others were refused. One slip among fractions takes no other along."""
    header = "model,intermediate,target,language,metric,value,source\n"
    lines = [f"m,none,xquad,{code},{metric},{value},p" for code, metric, value in (
        ("de", "f1", 65.3), ("es", "f1", 0.7), ("hi", "f1", 71), ("de", "accuracy", 0.7), ("es", "accuracy", 0.6), ("hi", "accuracy", 6),
    )]  # fmt: skip
    path = tmp_path / "scores.csv"
    path.write_text(header + "\n".join(lines))
    report = ingesting.ingest([path], tmp_path / "store")
    hint = "; for percent say so: a column unit, or --set unit=percent"
    assert [str(r).removeprefix(f"{path}:") for r in report.refusals] == [
        f"2: column 'value' is '65.3', expected a fraction between 0 and 1{hint}",
        f"3: column 'value' is 0.7, expected a fraction between 0 and 1, and most numbers of its metric in this file are over 1{hint}",
        f"4: column 'value' is '71', expected a fraction between 0 and 1{hint}",
        f"7: column 'value' is '6', expected a fraction between 0 and 1{hint}",
    ]
    with store.connect(tmp_path / "store") as con:
        assert con.execute("SELECT metric, language, value FROM score ORDER BY ALL").fetchall() == [
            ("accuracy", "de", 0.7), ("accuracy", "es", 0.6),
        ]  # fmt: skip
    ingesting.ingest([path], tmp_path / "percent", options=Options(settings={"unit": "percent"}))
    with store.connect(tmp_path / "percent") as con:
        assert con.execute("SELECT count(*), min(value) FROM score WHERE metric = 'f1'").fetchall() == [(3, 0.007)]


def test_metrics_of_which_less_is_better_are_refused_by_name(tmp_path: Path) -> None:
    """A table of word error rates was stored, and the worst system led the leaderboard."""
    table = tmp_path / "wer.md"
    table.write_text("| model | de | fr |\n|---|---|---|\n| good | 5.1 | 6.2 |\n| bad | 50.1 | 62.0 |\n")
    said = {"target": "asr", "metric": "WER", "intermediate": "none", "source": "p"}
    report = ingesting.ingest([table], tmp_path / "s", options=Options(settings=said))
    assert len(report.refusals) == 4
    assert {r.expected.partition(";")[0] for r in report.refusals} == {"expected one of which more is better"}
    header = "model,intermediate,target,language,metric,value,lower_is_better,source\n"
    path = tmp_path / "a.csv"
    path.write_text(f"{header}m,none,t,de,loss,0.5,,p\nm,none,t,fr,loss,0.5,false,p\nm,none,t,hi,f1,0.5,,p\n")
    report = ingesting.ingest([path], tmp_path / "s")
    assert [(r.at, r.column) for r in report.refusals] == [("2", "metric")]
    assert report.cells == {"new": 2}


def take(root: Path, *given: adapter.Row) -> dict[str, int]:
    """As a file with these rows is ingested: cells by what they are to the store. Afterwards it is whole."""
    refusals: list[rows.Refusal] = []
    report = ingesting.Report()
    writer = ingesting._Writer(root, (root,), report)
    writer.add(Batch(pack(gathering.tables(given, "a", "0" * 64, refusals))))
    writer.flush()
    assert not refusals
    if report.runs:
        assert verifying.verify(root, deep=True).problems == []
    return dict(report.cells)


def examined(right: list[int], *said: str, **columns: Any) -> adapter.Row:
    """A score with its examples; with predictions, if they are said."""
    ids = [f"e{i}" for i in range(len(right))]
    answers = {"answers": adapter.answers(ids, ids, ["entailment"] * len(ids), said)} if said else {}
    return {**OF_RUN, "language": "fr", "scorer": "theirs", "outcomes": adapter.outcomes(ids, right), **answers, **columns}


def test_what_was_measured_on_predictions_goes_with_them(tmp_path: Path) -> None:
    """`xbench rescore` adds scores of its own, which a new version would carry beside other predictions."""
    root = tmp_path / "s"
    old, new = examined([1, 0], "entailment", "neutral"), examined([1, 1], "entailment", "entailment")
    beside = examined([1, 0], "entailment", "neutral", language="de")
    take(root, old, beside)
    rescoring.rescore(root)
    assert take(root, new) == {"changed": 1}
    query = "SELECT language, scorer, value, carried_from IS NULL FROM score ORDER BY ALL"
    carried = [("de", "accuracy-1", 0.5, False), ("de", "theirs", 0.5, False)]
    with store.connect(root) as con:
        assert con.execute(query).fetchall() == [*carried, ("fr", "theirs", 1.0, True)]
    assert len(rescoring.rescore(root).new) == 1
    with store.connect(root) as con:
        assert con.execute(query).fetchall() == [*carried, ("fr", "accuracy-1", 1.0, True), ("fr", "theirs", 1.0, True)]
    assert (take(root, old, beside), take(root, new)) == ({"older": 1, "identical": 1}, {"identical": 1})
    again = {**new, "outcomes": None, "value": 0.9}  # another number for the same predictions
    assert take(root, again) == {"changed": 1}
    with store.connect(root) as con:
        assert con.execute(query).fetchall() == [*carried, ("fr", "accuracy-1", 1.0, False), ("fr", "theirs", 0.9, True)]


def seen(root: Path, query: str) -> list[tuple[Any, ...]]:
    with store.connect(root) as con:
        return con.execute(query).fetchall()


def test_what_a_file_adds_to_known_numbers_is_a_new_version(tmp_path: Path) -> None:
    """What is known of a system beside its numbers is in no id of these: a mean that is not zero-shot went on being one."""
    root, query = tmp_path / "s", "SELECT version, selection, parameters, s.value, s.carried_from FROM run JOIN score AS s USING (run_id)"
    silent = {**OF_RUN, "language": "fr", "value": 0.5, "n": 10}
    less = {column: value for column, value in silent.items() if column != "n"}
    said = {**less, "selection": "target-languages", "parameters": 7}
    other, changed = {**less, "selection": "train-language"}, {**silent, "value": 0.6}
    take(root, silent)
    ((first,),) = seen(root, "SELECT run_id FROM run")
    assert take(root, said) == {"changed": 1}
    assert seen(root, query) == [(2, "target-languages", 7, 0.5, first)]
    assert seen(root, "SELECT zero_shot FROM leaderboard") == [(None,)]
    assert (take(root, said), take(root, silent), take(root, less)) == ({"identical": 1}, {"identical": 1}, {"identical": 1})
    assert take(root, other) == {"changed": 1}
    assert seen(root, query) == [(3, "train-language", 7, 0.5, first)]
    assert (take(root, said), take(root, other)) == ({"older": 1}, {"identical": 1})
    assert take(root, changed) == {"changed": 1}  # it is silent, which takes nothing away
    assert [row[:4] for row in seen(root, query)] == [(4, "train-language", 7, 0.6)]
    for again in (other, silent, said, changed):
        take(root, again)
    assert len(seen(root, "SELECT * FROM every_run")) == 4
    compacting.compact(root, grace=0)
    assert verifying.verify(root).problems == []


def test_files_of_one_ingest_that_differ_in_what_they_say_of_a_system_alone(tmp_path: Path) -> None:
    header = HEADER.strip() + ",selection\n"
    silent = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,.5,p,", header=header)
    said = write(tmp_path / "b.csv", "m,none,xnli,de,accuracy,.5,p,target-languages", header=header)
    for name, paths, version in (("s", [silent, said], 2), ("t", [said, silent], 1)):
        ingesting.ingest(paths, tmp_path / name)
        assert seen(tmp_path / name, "SELECT version, selection FROM run") == [(version, "target-languages")]


def test_rows_of_one_claim_have_one_selection(tmp_path: Path) -> None:
    header = HEADER.strip() + ",selection,parameters\n"
    lines = [f"m,none,xnli,{code},accuracy,.5,p,{word}" for code, word in (("de", "last step,"), ("fr", "train-language,"), ("es", ",9"))]
    path = write(tmp_path / "a.csv", *lines, header=header)
    report = ingesting.ingest([path], tmp_path / "s")
    expected = "expected one selection for all of m on xnli, there are last step and train-language"
    assert [str(refusal) for refusal in report.refusals] == [
        f"{path}:2: column 'selection' is 'last step', {expected}", f"{path}:3: column 'selection' is 'train-language', {expected}"
    ]  # fmt: skip
    assert (report.cells, current(tmp_path / "s")) == ({"new": 1}, {"es": 0.5})
    ingesting.ingest([write(tmp_path / "b.csv", *lines[1:], header=header)], tmp_path / "t")  # one of them is silent
    assert seen(tmp_path / "t", "SELECT selection, parameters FROM run") == [("train-language", 9)]


def test_other_examples_of_one_mean_are_a_new_version(tmp_path: Path) -> None:
    root = tmp_path / "s"
    old, new = examined([1, 0]), examined([0, 1])
    for row, status in (
        (old, "new"),
        (new, "changed"),
        (new, "identical"),
        (old, "older"),
        ({**new, "outcomes": None, "value": 0.5}, "identical"),
    ):
        assert take(root, row) == {status: 1}
    assert seen(root, "SELECT example_id, numerator FROM outcome ORDER BY ALL") == [("e0", 0.0), ("e1", 1.0)]


def test_predictions_that_come_later_are_a_new_version(tmp_path: Path) -> None:
    """Rescored, compacted and read again in any order, the store is whole; other predictions with the same score come in the place of them."""
    root, query = tmp_path / "s", "SELECT example_id, prediction FROM prediction ORDER BY ALL"
    bare, said, other = examined([1, 0]), examined([1, 0], "entailment", "neutral"), examined([1, 0], "entailment", "contradiction")
    beside = {**bare, "language": "de"}
    take(root, bare, beside)
    assert take(root, said) == {"changed": 1}
    assert seen(root, query) == [("e0", "entailment"), ("e1", "neutral")]
    assert (take(root, said), take(root, bare, beside)) == ({"identical": 1}, {"identical": 2})
    rescoring.rescore(root)
    assert take(root, other) == {"changed": 1}
    assert seen(root, query) == [("e0", "entailment"), ("e1", "contradiction")]
    scores = "SELECT language, scorer, value FROM score ORDER BY ALL"
    assert seen(root, scores) == [("de", "theirs", 0.5), ("fr", "theirs", 0.5)]
    rescoring.rescore(root)
    compacting.compact(root, grace=0)
    assert seen(root, scores) == [("de", "theirs", 0.5), ("fr", "accuracy-1", 0.5), ("fr", "theirs", 0.5)]
    assert [take(root, row) for row in (said, other, bare)] == [{"older": 1}, {"identical": 1}, {"identical": 1}]
    assert len(seen(root, "SELECT * FROM every_run")) == 3


def test_a_name_has_one_spelling(tmp_path: Path) -> None:
    """Composed and decomposed letters look the same: they were two systems. The ids of names that were in that spelling stay."""
    ids = [made({**OF_RUN, "model": name, "language": "de", "value": 0.5})[0] for name in ("mod\u00e8le", "mode\u0300le")]
    assert ids == [["440fb60e126fc872a0baed2d"]] * 2


@pytest.mark.parametrize(
    ("column", "ids", "clusters", "said"),
    [
        ("outcomes", ["e", ""], ["e", "f"], "is 1 of 2 without, expected example_id for each example"),
        ("outcomes", ["e", None], ["e", "f"], "is 1 of 2 without, expected example_id for each example"),
        ("outcomes", ["e", "f"], ["", None], "is 2 of 2 without, expected cluster_id for each example"),
        ("outcomes", ["e", "e"], ["e", "f"], "is 2 examples with 1 ids, expected examples, each once"),
        ("outcomes", [], [], "expected one or more examples"),
        ("answers", ["e", ""], ["e", "f"], "is 1 of 2 without, expected example_id for each example"),
        ("answers", ["e", "f"], ["e", ""], "is 1 of 2 without, expected cluster_id for each example"),
        ("answers", ["e", "e"], ["e", "f"], "is 2 examples with 1 ids, expected examples, each once"),
    ],
)
def test_examples_without_a_name_of_their_own_are_refused(column: str, ids: list[Any], clusters: list[Any], said: str) -> None:
    """They broke the contract of a table, so that nothing of all files was stored and no file was named."""
    count = len(ids)
    tables = {
        "outcomes": adapter.outcomes(ids, [1.0] * count, clusters=clusters),
        "answers": adapter.answers(ids, clusters, ["a"] * count, ["a"] * count),
    }
    good = {**OF_RUN, "language": "de", "value": 1.0}
    _, scores, refusals = made(good, {**good, "language": "fr", column: tables[column]})
    assert (scores["language"], len(refusals)) == (["de"], 1)
    assert refusals[0].endswith(f"column {column!r} {said}")


def test_predictions_without_a_reference_are_refused() -> None:
    row = {**OF_RUN, "language": "de", "value": 1.0, "answers": adapter.answers(["e"], ["e"], [None], ["a"])}  # type: ignore[list-item]
    assert made(row)[2][0].endswith("column 'answers' is 1 of 1 without, expected a reference for each example")


def test_examples_have_one_id_however_an_adapter_makes_their_table(tmp_path: Path) -> None:
    """They are stored as the contract has them, and verified by that."""
    plain = adapter.outcomes(["1", "2"], [1, 0])
    table = pa.table({"denominator": [1, 1], "numerator": [1, 0], "cluster_id": [1, 2], "example_id": [1, 2]})
    assert rows.digest_of(table) == rows.digest_of(plain)
    assert take(tmp_path / "s", {**OF_RUN, "language": "de", "outcomes": table}) == {"new": 1}
    assert take(tmp_path / "s", {**OF_RUN, "language": "de", "outcomes": plain}) == {"identical": 1}
