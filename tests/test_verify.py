"""verify finds every fault by kind and file, and says nothing of a store without one; repair moves, and never deletes."""

import dataclasses
import datetime
import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.adapter_files import CASES
from tests.conftest import RUN, some_slow
from tests.test_adapters import ingest
from xbench import adapter, cli, compacting, contracts, gathering, listing, mending, places, rows, scoring, sealing, store, study, verifying
from xbench.contracts import TABLES
from xbench.errors import StoreError
from xbench.hashes import short_hash
from xbench.scorer import load_scorer
from xbench.task import load_task
from xbench.verifying.problems import HARMLESS, Verified
from xbench.versions import Batch, compare, pack

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
TARGET = "mini-nli"


def own(root: Path, seed: int, intermediate: str = "none") -> str:
    """A run as `xbench run` writes it: ten examples in two languages."""
    run: dict[str, Any] = {**RUN, "intermediate": intermediate, "target": TARGET, "seed": seed, "recipe": '{"a":1}', "study": "{}"}
    run |= {"recipe_id": short_hash({"a": 1}, 12), "started": WHEN, "finished": WHEN, "selection": "last step"}
    run["run_id"] = study.run_id_of(run)
    key = {c: run[c] for c in scoring.KEY}
    draw = random.Random(f"{seed} {intermediate}")
    scorers = [load_scorer(name) for name in load_task(TARGET).scorers]
    parts: dict[str, list[pa.Table]] = {"prediction": [], "outcome": [], "score": []}
    for language in ("de", "fr"):
        ids = [f"{language}-{i}" for i in range(10)]
        labels = [[draw.choice(["entailment", "neutral"]) for _ in ids] for _ in range(2)]
        answers = scoring.Answers(ids, ids, labels[0], labels[1])
        outcome, score = scoring.score_rows(key, language, "test", answers, scorers, "r")
        for table, made in (
            ("prediction", scoring.prediction_rows(key, language, "test", answers)),
            ("outcome", outcome),
            ("score", score),
        ):
            parts[table].append(made)
    name = f"{TARGET}.{intermediate}.seed{seed}.{run['run_id']}"
    for table, made in parts.items():
        store.write(root, table, pa.concat_tables(made), name)
    store.write(root, "run", pa.Table.from_pylist([run]), name)
    return name


def ingested(root: Path, models: tuple[str, ...] = ("a", "b"), value: float = 0.25, *, examples: bool = True) -> str:
    """Runs as `xbench ingest` writes them: one score with its examples, if these are given too, one without."""
    given: list[adapter.Row | adapter.Block] = []
    for model in models:
        said = {
            **adapter.UNSAID,
            "model": model,
            "intermediate": "none",
            "target": "xnli",
            "metric": "accuracy",
            "source": "paper",
            "seed": 1,
        }
        given.append({**said, "language": "de", "value": value, "stderr": 0.5})
        if not examples:
            continue
        measured = {
            "outcomes": adapter.outcomes(["e1", "e2", "e3"], [1, 0, 0.25]),
            "answers": adapter.answers(["e1", "e2", "e3"], ["e1", "e2", "e3"], ["x"] * 3, ["x", "y", None]),
        }
        given.append({**said, "language": "fr", **measured})
    refused: list[rows.Refusal] = []
    batch = Batch(pack(gathering.tables(given, "file", "a" * 64, refused)))
    assert not refused
    fresh, _ = compare(batch, (root,))
    name = f"ingest.{short_hash({'runs': sorted(fresh['run']['run_id'].to_pylist())}, 24)}"
    for table in ("outcome", "prediction", "score", "run"):
        store.write(root, table, fresh[table], name)
    return name


def _three(root: Path) -> None:
    own(root, 0)
    own(root, 1, "intents")
    ingested(root)


@pytest.fixture
def root(tmp_path: Path, templates: Callable[..., Path]) -> Path:
    return templates(tmp_path / "store", "three", _three)


def data(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.parquet"))


def one(root: Path, table: str, pattern: str = "*seed0*") -> Path:
    return next((root / table).glob(pattern))


def kinds(found: Verified) -> set[tuple[str, str]]:
    return {(problem.kind, problem.file) for problem in found.problems}


def everything(root: Path) -> dict[str, list[Any]]:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return {str(path): con.execute(f"SELECT * FROM {listing.parquet([path])}").fetchall() for path in data(root)}


def contents(root: Path) -> list[str]:
    """What a store consists of, by content, wherever it is; but for the lists of what was moved."""
    return sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file() and p.name != "moved.json")


def rewrite(path: Path, change: Callable[[dict[str, Any]], None], *, extra: int = 0) -> None:
    """Other rows in a file, sealed as if they had been written so: what is left to find is in the rows."""
    made = pq.read_table(path).to_pylist()
    change(made[0])
    con = duckdb.connect()
    con.register("given", pa.Table.from_pylist(made, schema=contracts.schema(path.parent.name)))
    con.execute(f"COPY (SELECT * FROM given) TO '{path}' (FORMAT parquet, {sealing.option()})")
    sealing.seal(path)


def old(root: Path) -> None:
    """As if nothing had been written for a day."""
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (path.stat().st_atime - 86400, path.stat().st_mtime - 86400))


def test_a_clean_store_is_whole(root: Path) -> None:
    found = verifying.verify(root, deep=True)
    assert found.problems == []
    assert (found.whole, len(found.files), found.scores) == (True, 12, 6)
    assert found.rows == sum(pq.read_metadata(path).num_rows for path in data(root))


def test_later_versions_carried_rows_and_rescored_runs_are_whole(root: Path) -> None:
    ingested(root, ("a",), 0.5)
    key = one(root, "run").name.removesuffix(".parquet").rpartition(".")[2]
    name = f"{TARGET}@en.{key}.other-1"
    for table in ("outcome", "score"):
        made = pq.read_table(one(root, table))
        store.write(root, table, made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows)), name)
    found = verifying.verify(root)
    assert found.problems == []
    assert found.scores == 9


def test_a_rescored_run_of_elsewhere_is_whole_when_it_is_compacted_and_a_changed_number_is_not(root: Path) -> None:
    ingested(root, ("a", "b"), 0.5)
    for table in ("outcome", "score"):
        made = pq.read_table(next((root / table).glob("ingest.*")))
        made = made.filter(pc.equal(made["language"], "fr"))
        store.write(
            root, table, made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows)), "again"
        )
    compacting.compact(root, grace=0)
    assert verifying.verify(root).problems == []
    path = next((root / "score").glob("compacted.*"))
    rewrite(path, lambda row: row.update(value=row["value"] / 2))
    assert {problem.kind for problem in verifying.verify(root).problems} & {"identity", "score differs"}


def merged(root: Path, other: Path) -> None:
    """As `cp -Rnp other/. root`."""
    for path in sorted(other.rglob("*")):
        to = root / path.relative_to(other)
        if path.is_file() and not to.exists():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)


def test_two_runs_that_are_one_version_are_named(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "other")
    ingested(root, ("a",), 0.5)
    ingested(tmp_path / "other", ("a",), 0.75)
    merged(root, tmp_path / "other")
    with store.reading(root) as con:
        runs = con.execute("SELECT run_id FROM every_run WHERE version = 2 ORDER BY 1").fetchall()
        assert con.execute("SELECT run_id FROM run WHERE version = 2").fetchall() == [runs[1]], "the other's numbers are hidden"
    (problem,) = verifying.verify(root).problems
    assert (problem.kind, problem.rows) == ("same version", f"runs {runs[0][0]}, {runs[1][0]}")
    assert problem.found == "each is version 2 of what paper (unknown) says of a on xnli" and "into a new store" in problem.do
    assert mending.repair(root).moved == []


def test_no_repair_is_recommended_where_there_is_none(root: Path, tmp_path: Path) -> None:
    """A run that two ingests brought, each among others: neither file can go without the rest of it."""
    (tmp_path / "other").mkdir()
    ingested(root, ("c", "d"))
    ingested(tmp_path / "other", ("c", "e"))
    merged(root, tmp_path / "other")
    found = verifying.verify(root).problems
    assert {problem.kind for problem in found} == {"contract", "identity"}, "keys, and what is counted, twice"
    assert all("no repair" in problem.do and "--repair" not in problem.do for problem in found)
    assert "next:" not in invoke("--store", str(root))[1]
    old(root)
    assert mending.repair(root).moved == []


def test_numbers_taken_over_from_a_version_that_is_gone_are_named_and_harmless(root: Path) -> None:
    name, later = ingested(root, ("c",)), ingested(root, ("c",), 0.5, examples=False)
    (origin,) = pq.read_table(root / "run" / f"{name}.parquet")["run_id"].to_pylist()
    for table in TABLES:
        (root / table / f"{name}.parquet").unlink()
    found = verifying.verify(root)
    assert [(p.kind, p.file, p.found) for p in found.problems] == [
        ("carried", f"score/{later}.parquet", f"1 scores carried from run {origin}, not in table run")
    ]
    assert found.whole and invoke("--store", str(root))[0] == 0 and mending.repair(root).moved == []


def test_an_empty_folder_is_whole_and_no_folder_is_an_error(tmp_path: Path) -> None:
    assert verifying.verify(tmp_path).whole
    with pytest.raises(StoreError, match="no store"):
        verifying.verify(tmp_path / "none")


# With examples, predictions, printed means, several tables a file, standard errors, and none of these.
_VARIED = ["explainaboard-report", "inspect-ai", "latex", "lm-eval", "long", "xtreme-submission"]


@pytest.mark.parametrize("name", some_slow(sorted(CASES), _VARIED))
def test_what_each_adapter_brings_is_whole(tmp_path: Path, name: str) -> None:
    assert verifying.verify(ingest(CASES[name], tmp_path)[1]).problems == []


# Each fault, and what is to be said of it: kind and file.
FAULTS: dict[str, tuple[Callable[[Path], Path | None], str]] = {}


def fault(kind: str) -> Callable[[Callable[[Path], Path | None]], Callable[[Path], Path | None]]:
    def keep(make: Callable[[Path], Path | None]) -> Callable[[Path], Path | None]:
        FAULTS[make.__name__] = (make, kind)
        return make

    return keep


@fault("unreadable")
def truncated(root: Path) -> Path:
    path = one(root, "outcome")
    path.write_bytes(path.read_bytes()[:-100])
    return path


@fault("unreadable")
def empty(root: Path) -> Path:
    path = one(root, "run")
    path.write_bytes(b"")
    return path


@fault("unreadable")
def foreign_content(root: Path) -> Path:
    path = root / "score" / "notes.parquet"
    path.write_text("these are notes and no Parquet file")
    return path


@fault("content")
def another_text(root: Path) -> Path:
    """A prediction is another one in the pages: only the bytes say so."""
    path = one(root, "prediction")
    content = bytearray(path.read_bytes())
    at = content.find(b"neutral")
    content[at + 1] ^= 1
    path.write_bytes(content)
    return path


@fault("leftover")
def leftover(root: Path) -> Path:
    path = root / "run" / ".x.parquet.0123.tmp"
    path.write_bytes(b"PAR1 half of it")
    return path


@fault("foreign")
def foreign_name(root: Path) -> Path:
    path = root / "run" / "README.txt"
    path.write_text("mine")
    return path


@fault("unreadable")
def folder_as_file(root: Path) -> Path:
    path = root / "score" / "x.parquet"
    path.mkdir()
    return path


@fault("unreadable")
def link_to_nothing(root: Path) -> Path:
    path = root / "run" / "x.parquet"
    path.symlink_to(root / "nothing.parquet")
    return path


@fault("contract")
def null(root: Path) -> Path:
    path = one(root, "prediction")
    rewrite(path, lambda row: row.update(reference=None))
    return path


@fault("contract")
def check(root: Path) -> Path:
    path = one(root, "outcome")
    rewrite(path, lambda row: row.update(numerator=-1.0))
    return path


@fault("contract")
def missing_column(root: Path) -> Path:
    path = one(root, "score")
    pq.write_table(pq.read_table(path).drop_columns(["value"]).replace_schema_metadata(), path)  # without the checksum of what it was
    return path


@fault("contract")
def another_type(root: Path) -> Path:
    path = one(root, "score")
    made = pq.read_table(path).replace_schema_metadata()
    pq.write_table(made.set_column(made.column_names.index("value"), "value", pa.array(["x"] * made.num_rows)), path)
    return path


@fault("contract")
def twice(root: Path) -> Path:
    path = one(root, "score")
    shutil.copy(path, path.with_name("z.parquet"))
    return path.with_name("z.parquet")


@fault("orphan")
def orphan(root: Path) -> Path:
    one(root, "run").unlink()
    return one(root, "score")


@fault("orphan")
def half_a_rescoring(root: Path) -> Path:
    return rescored(root, "outcome")


def rescored(root: Path, table: str) -> Path:
    """What `xbench rescore` adds to a run: a file of outcomes, then one of scores."""
    made = pq.read_table(one(root, table))
    key = made["run_id"][0].as_py()
    made = made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows))
    return store.write(root, table, made, f"{TARGET}@en.{key}.other-1")


@fault("incomplete")
def no_scores(root: Path) -> Path:
    one(root, "score").unlink()
    return one(root, "run")


@fault("incomplete")
def no_outcomes(root: Path) -> Path:
    one(root, "outcome").unlink()
    return one(root, "score")


@fault("incomplete")
def no_predictions(root: Path) -> Path:
    one(root, "prediction").unlink()
    return one(root, "run")


@fault("incomplete")
def a_score_is_gone(root: Path) -> Path:
    made = pq.read_table(one(root, "score"))
    store.write(root, "score", made.slice(1), one(root, "score").name.removesuffix(".parquet"))
    return one(root, "outcome")


@fault("score differs")
def another_score(root: Path) -> Path:
    path = one(root, "score")
    rewrite(path, lambda row: row.update(value=row["value"] + 1e-11))
    return path


@fault("score differs")
def another_outcome(root: Path) -> Path:
    path = one(root, "outcome")
    rewrite(path, lambda row: row.update(numerator=1 - row["numerator"]))
    return one(root, "score")


@fault("identity")
def another_count(root: Path) -> Path:
    path = one(root, "score")
    rewrite(path, lambda row: row.update(n=row["n"] + 1))
    return path


@fault("identity")
def another_condition(root: Path) -> Path:
    path = one(root, "run")
    rewrite(path, lambda row: row.update(model_revision="2"))
    return path


@fault("identity")
def another_recipe(root: Path) -> Path:
    path = one(root, "run")
    rewrite(path, lambda row: row.update(recipe='{"a":2}'))
    return path


@fault("identity")
def another_claim(root: Path) -> Path:
    path = one(root, "run", "ingest*")
    rewrite(path, lambda row: row.update(source="another paper"))
    return path


@fault("identity")
def another_number(root: Path) -> Path:
    """A number without examples: the id of its run is of all its numbers."""
    path = one(root, "score", "ingest*")
    rewrite(path, lambda row: row.update(stderr=0.25))
    return path


@fault("identity")
def another_example(root: Path) -> Path:
    path = one(root, "outcome", "ingest*")
    rewrite(path, lambda row: row.update(example_id="e9"))
    return one(root, "score", "ingest*")


@fault("identity")
def another_name(root: Path) -> Path:
    path = one(root, "score")
    return path.rename(path.with_name(one(root, "score", "*seed1*").name.replace("seed1", "seed7")))


@fault("identity")
def another_batch(root: Path) -> Path:
    path = one(root, "run", "ingest*")
    return path.rename(path.with_name(f"ingest.{'0' * 24}.parquet"))


@fault("identity")
def not_as_in_run(root: Path) -> Path:
    path = one(root, "prediction")
    rewrite(path, lambda row: row.update(seed=5))
    return path


@fault("schema")
def newer_column(root: Path) -> Path:
    path = one(root, "score")
    made = pq.read_table(path)
    pq.write_table(made.append_column("mood", pa.array(["good"] * made.num_rows)), path)
    return path


@fault("schema")
def newer_table(root: Path) -> Path:
    (root / "trace").mkdir()
    shutil.copy(one(root, "score"), root / "trace" / "x.parquet")
    return root / "trace"


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(root: Path, name: str) -> None:
    make, kind = FAULTS[name]
    path = make(root)
    assert path is not None
    found = verifying.verify(root)
    assert (kind, path.relative_to(root).as_posix()) in kinds(found)
    assert found.whole == (kind in HARMLESS)
    assert all(p.found and p.expected and p.do for p in found.problems)
    wrong = {p.file for p in found.problems if not p.harmless}
    assert all("seed1" not in file or name == "another_name" for file in wrong)  # what has nothing to do with it is not blamed


def test_predictions_are_scored_again(root: Path) -> None:
    def swap(row: dict[str, Any]) -> None:
        row.update(prediction=row["reference"] if row["prediction"] != row["reference"] else "other")

    rewrite(one(root, "prediction"), swap)
    assert verifying.verify(root).whole
    found = verifying.verify(root, deep=True)
    assert {p.kind for p in found.problems} == {"outcome differs"}
    mended = mending.repair(root, deep=True)
    assert len(mended.moved) == 4 and all("seed0" in moved.file for moved in mended.moved) and mended.after.problems == []


def test_a_scorer_that_fails_is_named_and_its_runs_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(references: Sequence[str], said: Sequence[str], language: str) -> Any:
        raise TypeError("of its own making")

    real = verifying.predictions.load_scorer
    monkeypatch.setattr(verifying.predictions, "load_scorer", lambda name: dataclasses.replace(real(name), score=fail))
    before = contents(root)
    mended = mending.repair(root, deep=True)
    assert mended.moved == [] and contents(root) == before
    assert {(p.kind, p.table) for p in mended.after.problems} == {("no access", "prediction")} and not mended.after.whole
    for problem in mended.after.problems:
        assert all(said in problem.found for said in ("scorer accuracy-1 failed on", "accuracy.py", "TypeError: of its own making"))


def test_all_problems_at_once(root: Path) -> None:
    one(root, "outcome", "*seed1*").write_bytes(b"PAR1")
    rewrite(one(root, "score"), lambda row: row.update(value=0.99))
    leftover(root)
    assert {p.kind for p in verifying.verify(root).problems} == {"unreadable", "score differs", "leftover"}


def test_a_file_that_may_not_be_opened_is_not_blamed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(root)

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(sealing, "intact", refuse)
    mended = mending.repair(root)
    assert {p.kind for p in mended.after.problems} == {"no access"}
    assert mended.moved == [] and contents(root) == before


def test_a_run_that_may_not_be_opened_keeps_its_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, closed = sealing.intact, one(root, "run")
    old(root)
    before = contents(root)

    def refuse(path: Path) -> bool | None:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(sealing, "intact", refuse)
    mended = mending.repair(root)
    assert kinds(mended.after) == {("no access", f"run/{closed.name}")}
    assert mended.moved == [] and contents(root) == before and all(path.exists() for path in data(root))
    assert len(data(root)) == 12


# Flips.


def flips(root: Path, count: int, seed: int) -> Iterator[tuple[Path, bytes]]:
    """So many single-bit flips, each place as likely; the store is as it was after each."""
    draw, files = random.Random(seed), data(root)
    sizes = [path.stat().st_size for path in files]
    for _ in range(count):
        path = draw.choices(files, sizes)[0]
        before = path.read_bytes()
        content = bytearray(before)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        yield path, before
        path.write_bytes(before)


def judged(root: Path, count: int, seed: int) -> dict[str, int]:
    """What becomes of flips: reported, of no effect, or unseen."""
    before = everything(root)
    seen = {"reported": 0, "no effect": 0, "unseen": 0}
    for path, _ in flips(root, count, seed):
        found = verifying.verify(root)
        if any(p.file == path.relative_to(root).as_posix() or p.kind in ("score differs", "identity", "contract") for p in found.problems):
            seen["reported"] += 1
        else:
            seen["no effect" if everything(root) == before else "unseen"] += 1
    return seen


def _two(root: Path) -> None:
    own(root, 0)
    ingested(root, ("a",))


@pytest.fixture
def small(tmp_path: Path, templates: Callable[..., Path]) -> Path:
    return templates(tmp_path / "small", "two", _two)


def check_flips(root: Path, count: int, fault: Callable[..., None]) -> None:
    seen = judged(root, count, 1)
    assert seen["unseen"] == 0
    assert seen["reported"] >= 0.95 * count  # a flip in the word that says where the checksum is makes a file without one
    assert verifying.verify(root).whole
    said = f"{seen['reported']} reported by verify, {seen['no effect']} without effect"
    if count >= 200:
        fault("flipped bit", "anywhere in a store with checksums", f"{count} bits", seen["unseen"], 0, said)


def test_each_flipped_bit_is_reported_or_changes_nothing(small: Path, fault: Callable[..., None]) -> None:
    check_flips(small, 10, fault)


@pytest.mark.slow
def test_two_hundred_flipped_bits(small: Path, fault: Callable[..., None]) -> None:
    check_flips(small, 200, fault)


@pytest.mark.slow
def test_flips_in_files_of_before_there_were_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a checksum some flips are another text or claim in silence: docs/reliability.md has the share."""
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "option", lambda runs="": "ROW_GROUP_SIZE 122880")
        patch.setattr(sealing, "seal", lambda path: None)
        own(tmp_path, 0)
        ingested(tmp_path, ("a",))
    assert verifying.verify(tmp_path).whole
    seen = judged(tmp_path, 200, 2)
    assert seen["unseen"] <= 20, seen


def test_files_that_are_looked_at_together_have_the_faults_that_they_have_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are asked about in one question."""
    for make in (null, check, another_count, twice, another_condition, another_claim, another_number, another_example):
        make(root)
    one(root, "outcome", "*seed1*").write_bytes(b"")
    together = verifying.verify(root).problems
    monkeypatch.setattr(verifying.reading, "_FILES", 1)
    assert verifying.verify(root).problems == together
    assert len({p.file for p in together}) >= 8


@pytest.mark.parametrize("count", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_each_truncation_is_reported(small: Path, count: int, fault: Callable[..., None]) -> None:
    draw = random.Random(3)
    for _ in range(count):
        path = draw.choice(data(small))
        before = path.read_bytes()
        path.write_bytes(before[: draw.randrange(len(before))])
        assert ("unreadable", path.relative_to(small).as_posix()) in kinds(verifying.verify(small))
        path.write_bytes(before)
    if count >= 50:
        fault("truncated file", "at any length", f"{count} files", said="verify names each, and so does every command that reads it")


# Repair.

MENDED = [name for name, (_, kind) in FAULTS.items() if kind not in ("foreign", "schema") and name not in ("another_claim", "another_number", "another_example", "another_batch")]  # fmt: skip


@pytest.mark.parametrize("name", some_slow(MENDED, [*MENDED[::4], "missing_column"]))
def test_repair_sets_aside_and_deletes_nothing(root: Path, name: str) -> None:
    FAULTS[name][0](root)
    old(root)
    before = contents(root)
    mended = mending.repair(root)
    assert mended.moved and mended.after.problems == []
    assert contents(root) == before
    for moved in mended.moved:
        assert os.path.lexists(root / moved.to) and not os.path.lexists(root / moved.file)
    listed = [entry for path in root.glob("quarantine/*/moved.json") for entry in json.loads(path.read_text("utf-8"))]
    assert {entry["file"] for entry in listed} == {moved.file for moved in mended.moved}
    assert all(entry["why"] for entry in listed)
    con = store.connect(root)  # what is left can be read, and the other runs are there
    assert con.execute("SELECT count(*) FROM run").fetchall()[0][0] >= 2
    con.close()


def test_what_is_in_a_file_with_other_runs_stays(root: Path) -> None:
    path = another_number(root)
    before = contents(root)
    mended = mending.repair(root)
    assert mended.moved == [] and any("other runs too" in said for said in mended.left)
    assert contents(root) == before and path.exists()


def test_an_unreadable_file_of_many_runs_takes_its_batch_along(root: Path) -> None:
    path = one(root, "score", "ingest*")
    path.write_bytes(b"")
    mended = mending.repair(root)
    assert sorted(moved.file for moved in mended.moved) == [f"{t}/{path.name}" for t in ("outcome", "prediction", "run", "score")]
    assert mended.after.whole
    ingested(root)  # and again from its source
    assert verifying.verify(root).problems == []


def claims(root: Path) -> list[tuple[int, str, float]]:
    with store.reading(root) as con:
        rows = "SELECT version, language, value FROM run JOIN score USING (run_id) WHERE score.model = 'c' ORDER BY 2"
        return con.execute(rows).fetchall()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def test_repair_asks_to_ingest_again_only_what_no_newer_version_is_there_of(root: Path) -> None:
    first, later = ingested(root, ("c", "d")), ingested(root, ("c",), 0.5)
    before = claims(root)
    cut_short(one(root, "score", f"{first}*"))
    said = invoke("--store", str(root), "--repair")[1]
    assert "next: ingest again what paper (unknown) says of d on xnli (version 1), and of the same files nothing else" in said
    assert "next: nothing is to be done for 1 run of paper (unknown): a newer version is there" in said
    assert "xbench run STUDY" not in said and claims(root) == before
    ingested(root, ("d",))
    assert claims(root) == before and verifying.verify(root).problems == []
    cut_short(one(root, "score", f"{later}*"))
    assert mending.repair(root).do == ["ingest again what paper (unknown) says of c on xnli (version 2)"]


def test_versions_that_are_all_gone_are_to_be_ingested_in_their_order(root: Path) -> None:
    names = [ingested(root, ("c",)), ingested(root, ("c",), 0.5, examples=False)]
    before = claims(root)
    for name in names:
        cut_short(one(root, "score", f"{name}*"))
    assert mending.repair(root).do == ["ingest again what paper (unknown) says of c on xnli (version 1), c on xnli (version 2)"]
    ingested(root, ("c",))
    ingested(root, ("c",), 0.5, examples=False)
    assert claims(root) == before


def test_of_what_cannot_be_read_repair_says_that_it_does_not_know_its_version(root: Path) -> None:
    cut_short(one(root, "run", f"{ingested(root, ('c',))}*"))
    cut_short(one(root, "run", "*seed0*"))
    own_runs, others = mending.repair(root).do
    assert own_runs == "xbench run STUDY makes the cells again that are missing now"
    assert "cannot be read: whether its runs (c on xnli) were the newest versions is not known" in others


def cut_off(root: Path) -> str:
    """What an ingest of two runs that was ended before its runs left where a later one, of three, did not remove it."""
    name = ingested(root, ("c", "d"))
    one(root, "run", f"{name}*").unlink()
    ingested(root, ("c", "d", "e"))
    return name


def test_what_an_interrupted_ingest_left_twice_is_set_aside(root: Path) -> None:
    name = cut_off(root)
    found = verifying.verify(root)
    blamed = {p.file for p in found.problems if "duplicate key" in p.found}
    assert blamed == {f"{table}/{name}.parquet" for table in ("outcome", "prediction", "score")}
    mended = mending.repair(root)
    assert mended.moved == [] and len(mended.left) == 3 and all("not 10 minutes old" in said for said in mended.left)
    old(root)
    before = contents(root)
    mended = mending.repair(root)
    assert {moved.file for moved in mended.moved} == blamed and mended.left == []
    assert mended.after.problems == [] and contents(root) == before
    assert len(store.complete_runs(root)) == 7


def test_what_an_interrupted_ingest_alone_has_stays(root: Path) -> None:
    name = cut_off(root)
    whole = max((root / "score").glob("ingest*"), key=lambda path: pq.read_metadata(path).num_rows)
    made = pq.read_table(whole)
    store.write(root, "score", made.slice(1), whole.name.removesuffix(".parquet"))
    old(root)
    moved = {moved.file for moved in mending.repair(root).moved}
    assert f"outcome/{name}.parquet" in moved and f"score/{name}.parquet" not in moved


def test_of_a_file_and_its_copy_the_run_keeps_its_own(root: Path) -> None:
    path = twice(root)
    old(root)
    mended = mending.repair(root)
    assert [moved.file for moved in mended.moved] == [f"score/{path.name}"] and mended.after.problems == []


def test_what_a_writer_may_be_about_to_finish_stays(root: Path) -> None:
    orphan(root)
    leftover(root)
    mended = mending.repair(root)
    assert mended.moved == [] and len(mended.left) == 4  # three tables of a run, and a temporary file
    old(root)
    assert len(mending.repair(root).moved) == 4


def test_what_was_added_to_a_run_goes_with_it(root: Path) -> None:
    """However new it is: it is of no write under way."""
    added = [rescored(root, which) for which in ("outcome", "score")]
    own_files = [one(root, which) for which in contracts.TABLES]
    one(root, "outcome").write_bytes(b"PAR1")
    mended = mending.repair(root)
    assert {moved.file for moved in mended.moved} == {path.relative_to(root).as_posix() for path in (*own_files, *added)}
    assert mended.left == [] and mended.after.problems == []


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


def test_a_writer_that_finishes_while_repair_looks_keeps_its_run(root: Path, tmp_path: Path) -> None:
    """However old its first files are: what was an orphan is a run when it would be moved."""
    run = one(root, "run")
    run.rename(tmp_path / "held")
    old(root)

    def tick(done: int, total: int) -> None:
        if (tmp_path / "held").exists():
            (tmp_path / "held").rename(run)

    mended = mending.repair(root, tick=tick)
    assert mended.moved == [] and mended.left == [] and mended.after.problems == []
    assert not (root / "quarantine").exists() and len(store.complete_runs(root)) == 4


def test_a_rescoring_that_ends_while_repair_looks_keeps_its_outcomes(root: Path) -> None:
    rescored(root, "outcome")
    old(root)

    def tick(done: int, total: int) -> None:
        if not list((root / "score").glob("*.other-1.parquet")):
            rescored(root, "score")

    mended = mending.repair(root, tick=tick)
    assert (mended.moved, mended.left, mended.after.problems) == ([], [], [])


def test_writers_that_end_while_repair_moves_keep_their_files(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One writes the run of its rows, another gives its file the name under which it counts."""
    run, real = one(root, "run"), places.move
    run.rename(tmp_path / "held")
    old_file = leftover(root)
    new_file = root / "score" / ".y.parquet.0123.tmp"
    new_file.write_bytes(b"PAR1")
    old(root)

    def move(path: Path, to: Path) -> None:
        real(path, to)
        if path == old_file:
            (tmp_path / "held").rename(run)
            new_file.unlink()

    monkeypatch.setattr(places, "move", move)
    mended = mending.repair(root)
    assert [moved.file for moved in mended.moved] == [old_file.relative_to(root).as_posix()] and mended.after.problems == []
    assert len(store.complete_runs(root)) == 4


def test_the_time_that_repair_takes_does_not_make_files_old(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orphan(root)
    leftover(root)
    mended = mending.repair(root, tick=lambda done, total: done or later(monkeypatch, 700))
    assert mended.moved == [] and len(mended.left) == 4


def test_a_rescoring_that_ends_while_files_are_listed_is_no_fault_of_its_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes the outcomes, then the score: whoever lists them in that order sees a score alone."""
    rows = {table: pq.read_table(one(root, table)) for table in ("outcome", "score")}
    real, looked = os.listdir, []

    def slow(folder: Path) -> list[str]:
        found = real(folder)
        looked.append(folder.name)
        if looked.count(folder.name) == 2 and folder.name == "outcome":  # by `Listing`, then by verify
            for table, made in rows.items():
                column = made.column_names.index("scorer")
                name = f"{TARGET}.{made['run_id'][0]}.other-1"
                store.write(root, table, made.set_column(column, "scorer", pa.array(["other-1"] * made.num_rows)), name)
        return found

    monkeypatch.setattr(os, "listdir", slow)
    found = verifying.verify(root)
    assert {p.kind for p in found.problems} <= {"orphan"} and len(found.files) == 12
    assert verifying.verify(root).problems == []


def test_readers_never_see_a_score_without_its_outcomes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: looked.append(folder.name) or real(folder))
    listing.Listing(root)
    assert [name for name in looked if name in contracts.TABLES] == ["run", "score", "outcome", "prediction"]


def test_a_compaction_that_takes_longer_than_leftovers_are_left_keeps_its_files(root: Path) -> None:
    mended = []

    def tick(said: str) -> None:
        last = said == "comparing table score"  # its folder is not as old as the files, as it has come to this table now
        for path in (*root.glob("*/compacted.*"), *(() if last else root.glob("compaction/.*"))):
            os.utime(path, (path.stat().st_atime - 86400, path.stat().st_mtime - 86400))
        if last:
            mended.append(mending.repair(root))

    before = everything(root)
    assert compacting.compact(root, tick=tick).number == 1
    assert [one.moved for one in mended] == [[]] and len(mended[0].left) >= 4
    assert verifying.verify(root).problems == [] and before.items() <= everything(root).items()


def test_what_a_compaction_under_way_has_lost_does_not_count(root: Path) -> None:
    """Set aside by hand, or by a repair of an earlier version."""

    def tick(said: str) -> None:
        if said == "comparing table score":
            next((root / "run").glob("compacted.*")).unlink()

    before = everything(root)
    with pytest.raises(StoreError, match="some was taken away meanwhile"):
        compacting.compact(root, tick=tick)
    assert verifying.verify(root).problems == [] and everything(root) == before


def test_half_a_rescoring_is_no_fault_of_its_run_after_a_compaction(root: Path) -> None:
    path = half_a_rescoring(root)
    said = f"outcome/{path.name}: outcomes without their score, or whose score is in a file that is left; see xbench verify"
    assert compacting.compact(root, grace=0).left == [said]
    assert compacting.compact(root, grace=0).deleted == 12
    assert kinds(verifying.verify(root)) == {("orphan", f"outcome/{path.name}")}
    old(root)
    mended = mending.repair(root)
    assert [moved.file for moved in mended.moved] == [f"outcome/{path.name}"] and mended.after.problems == []
    assert len(store.complete_runs(root)) == 4


def test_what_a_compaction_that_was_killed_left_goes_after_the_hour(root: Path) -> None:
    def tick(said: str) -> None:
        if said == "comparing table score":
            shutil.copytree(root, root.parent / "killed")

    compacting.compact(root, tick=tick)
    killed = root.parent / "killed"
    assert mending.repair(killed).moved == []
    for path in killed.rglob("*"):
        os.utime(path, (path.stat().st_atime - 86400, path.stat().st_mtime - 86400))
    mended = mending.repair(killed)
    assert len(mended.moved) == 5 and mended.after.problems == []  # four files, and the folder in which it sorted


def test_a_compaction_that_ends_while_repair_looks_keeps_its_files(root: Path) -> None:
    """However old they are, as of a machine that slept: from then on readers look for them."""
    slow, before = root.parent / "slow", everything(root)

    def tick(said: str) -> None:
        if said == "comparing table score":
            shutil.copytree(root, slow)

    def ends(done: int, total: int) -> None:
        shutil.copytree(root / "compaction", slow / "compaction", dirs_exist_ok=True)

    compacting.compact(root, tick=tick)
    for path in slow.glob("compaction/.*"):
        shutil.rmtree(path)
    old(slow)
    mended = mending.repair(slow, tick=ends)
    assert mended.moved == [] and mended.after.problems == []
    assert listing.newest(slow).number == 1 and {str(slow / Path(name).relative_to(root)) for name in before} <= everything(slow).keys()


@pytest.mark.parametrize("moments", [(0, 4, 8, 11), pytest.param(tuple(range(12)), marks=pytest.mark.slow)], ids=len)
def test_a_kill_in_the_middle_of_repair(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moments: tuple[int, ...], fault: Callable[..., None]
) -> None:
    another_score(root)
    one(root, "prediction", "*seed1*").write_bytes(b"PAR1")
    leftover(root)
    old(root)
    before = contents(root)
    real, done = places.move, 0
    for killed in moments:
        copy = tmp_path / f"copy{killed}"
        shutil.copytree(root, copy)
        moves = 0

        def move(path: Path, to: Path, killed: int = killed) -> None:
            nonlocal moves
            if moves == killed:
                raise KeyboardInterrupt
            real(path, to)
            moves += 1

        with monkeypatch.context() as patch:
            patch.setattr(places, "move", move)
            try:
                mending.repair(copy)
                done += 1
            except KeyboardInterrupt:
                assert contents(copy) == before
                halves = verifying.verify(copy).problems
                assert not any(p.kind == "incomplete" for p in halves)
        assert mending.repair(copy).after.problems == []
        assert contents(copy) == before
    assert done == sum(killed >= 9 for killed in moments)  # nine moves: four files of two runs each, and what was left over
    if len(moments) == 12:
        fault("kill -9", "verify --repair, before each move", "9 kills")


def test_remote_stores_are_verified_and_not_repaired(root: Path) -> None:
    upath = pytest.importorskip("upath")
    far = upath.UPath("memory://store-to-verify")
    for path in data(root):
        there = far / path.relative_to(root).as_posix()
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(path.read_bytes())
    found = verifying.verify(far)
    assert found.problems == [] and len(found.files) == 12
    with pytest.raises(StoreError, match="cannot be repaired"):
        mending.repair(far)


# The command.


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["verify", *words])
    return result.exit_code, result.output


def test_the_command(root: Path) -> None:
    code, said = invoke("--store", str(root))
    assert code == 0 and "12 files" in said and "6 scores made again" in said and "whole" in said
    another_score(root)
    code, said = invoke("--store", str(root))
    assert code == 1 and "score differs" in said and "--repair" in said
    code, said = invoke("--store", str(root), "--repair")
    assert code == 0 and "set aside" in said and "xbench run STUDY" in said
    assert invoke("--store", str(root))[0] == 0


def test_json_is_a_list_of_flat_rows(root: Path) -> None:
    orphan(root)
    result = CliRunner().invoke(cli.app, ["verify", "--store", str(root), "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and {row["kind"] for row in found} == {"orphan"}
    assert set(found[0]) == {"kind", "table", "file", "rows", "found", "expected", "do", "harmless"}
