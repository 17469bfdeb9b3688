"""compact changes no answer, whatever interrupts it, whoever reads or writes meanwhile; what it replaced goes when it may."""

import errno
import functools
import multiprocessing
import os
import re
import shutil
import threading
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

from tests.conftest import some_slow
from tests.test_verify import cut_off, ingested, merged, old, one, own
from xbench import background, cli, compacting, listing, mending, places, sealing, serving, store, verifying
from xbench.contracts import TABLES
from xbench.errors import StoreError
from xbench.listing import Listing
from xbench.verifying.problems import Verified

VIEWS = (*TABLES, *(f"every_{table}" for table in TABLES), "leaderboard", "transfer_delta", "history")
FORK = multiprocessing.get_context("fork")


def _six(root: Path) -> None:
    _seeds(root)
    own(root, 0, "intents")
    ingested(root)


def _seeds(root: Path) -> None:
    for seed in range(3):
        own(root, seed)


@pytest.fixture
def root(tmp_path: Path, templates: Callable[..., Path]) -> Path:
    return templates(tmp_path / "store", "six", _six)


def answers(root: Path, at: str | None = None, views: Sequence[str] = VIEWS) -> dict[str, Any]:
    """Every row of views, in whatever order, and the snapshot."""
    con = store.connect(root, at)
    found = {view: sorted(map(repr, con.execute(f"SELECT * FROM {view}").fetchall())) for view in views}
    return {**found, "snapshot": store.snapshot(con)}


def count(root: Path) -> int:
    return sum(len(Listing(root).files(table)) for table in TABLES)


def test_a_folder_with_the_name_of_a_column_is_none(root: Path, tmp_path: Path) -> None:
    """Readers of Parquet take a folder `KEY=VALUE` for a column of that name, which would replace the one in the files."""
    before = answers(root)
    odd = tmp_path / "seed=7" / "model=x" / "run_id=y" / "written=9" / "name=z" / "tbl=score" / "into=u" / "union_by_name" / "it's"
    odd.parent.mkdir(parents=True)
    root.rename(odd)
    assert answers(odd) == before
    assert verifying.verify(odd).problems == []
    compacting.compact(odd, grace=3600)
    for _ in range(2):  # what was replaced is there, and then it is not
        assert answers(odd) == before
        assert answers(odd, before["snapshot"]) == before
        assert verifying.verify(odd).problems == []
        compacting.compact(odd, grace=0)
    assert count(odd) == 4


def test_answers_stay_and_files_become_few(root: Path) -> None:
    before = answers(root)
    done = compacting.compact(root)
    assert (done.number, done.runs, done.before, done.after, done.waiting) == (1, 6, 20, 4, 20)
    assert done.rows == sum(len(before[f"every_{table}"]) for table in TABLES)
    assert answers(root) == before
    assert verifying.verify(root, deep=True).problems == []
    assert Listing(root).whole() == set(TABLES)
    again = compacting.compact(root)  # nothing to do, and not yet time to delete
    assert (again.number, again.deleted, again.waiting, again.before, again.after) == (1, 0, 20, 4, 4)
    assert 3500 < again.wait <= 3600
    assert compacting.compact(root, grace=0).deleted == 20
    assert answers(root) == before
    assert len(list(root.glob("*/*.parquet"))) == 5  # one of each table, and the names
    assert verifying.verify(root, deep=True).problems == []


@pytest.mark.parametrize("compacted", [False, True])
def test_rows_of_some_runs_are_those_of_the_table_from_few_files(root: Path, compacted: bool) -> None:
    if compacted:
        compacting.compact(root, grace=0)
        own(root, 7)
    shown = serving.Snapshot(root)
    con = shown.cursor()
    runs = [row[0] for row in con.execute("SELECT run_id FROM run ORDER BY run_id").fetchall()]
    listed = Listing(root)
    for table in TABLES:
        for chosen in (runs[:2], runs[-1:], runs, []):
            whole = f"SELECT * FROM {table} WHERE list_contains(?, run_id)"
            narrow = f"SELECT * FROM {shown.of_runs(table, chosen)}"
            assert sorted(map(repr, con.execute(narrow).fetchall())) == sorted(map(repr, con.execute(whole, [chosen]).fetchall()))
        opened = listed.files_of(con, table, runs[:2])
        for path in opened:
            assert path.name.startswith(("compacted.", "ingest.")) or path.stem.rsplit(".", 1)[1] in runs[:2]
        assert listed.files_of(con, table, ["no such run"]) == []


def test_very_many_files_are_read_in_lots(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answers(root)
    monkeypatch.setattr(listing, "LOT", 2)
    copy = shutil.copytree(root, root.with_name("in groups"))
    assert compacting.compact(root).after == 4
    assert compacting.compact(copy, rows=45).after > 4
    for path in (root, copy):
        assert answers(path) == before
        assert verifying.verify(path).problems == []


def test_what_is_written_later_is_seen_and_compacted_in_its_turn(root: Path) -> None:
    compacting.compact(root)
    compacting.compact(root, grace=0)
    own(root, 7)
    ingested(root, ("a",), 0.5)  # a second version of a run that lies in a compacted file
    before = answers(root)
    assert any("'0.5'" in row or "0.5," in row for row in before["score"])
    done = compacting.compact(root)
    assert (done.number, done.before, done.after) == (2, 12, 4)  # the small file of before is written anew
    assert answers(root) == before
    assert compacting.compact(root, grace=0).deleted == 8 + 4 + 2  # writers' files, compacted files, what compaction 1 said
    assert answers(root) == before
    assert {p.name for p in (root / "compaction").iterdir()} == {"000002.json", Listing(root).compaction.names}


def test_large_files_stay_and_tasks_are_not_mixed_without_need(root: Path) -> None:
    done = compacting.compact(root, rows=45)
    before = answers(root)
    assert done.after > 4
    con = duckdb.connect()
    for table in ("prediction", "outcome"):
        for path in Listing(root).files(table):
            rows, tasks = con.execute(f"SELECT count(*), count(DISTINCT target) FROM '{path}'").fetchall()[0]
            assert rows <= 45
            assert tasks == 1 or rows <= 45 // 2
    compacting.compact(root, grace=0)
    names = set(Listing(root).compaction.files["outcome"])
    for seed in (8, 9):
        own(root, seed)
    before = answers(root)
    compacting.compact(root, rows=45)
    kept = names & set(Listing(root).compaction.files["outcome"])
    assert kept  # what is over half full is left as it is
    assert answers(root) == before
    assert verifying.verify(root).problems == []


def test_snapshots_of_before_open_afterwards(tmp_path: Path) -> None:
    root, seen = tmp_path / "store", []
    for seed in range(4):
        own(root, seed)
        for table in TABLES:
            for path in (root / table).glob(f"*seed{seed}*"):
                os.utime(path, (1_700_000_000 + seed, 1_700_000_000 + seed))
        con = store.connect(root)
        seen.append((store.snapshot(con), answers(root)))
    compacting.compact(root)
    for cleared in (False, True):
        if cleared:
            compacting.compact(root, grace=0)
        for snapshot, then in seen:
            assert answers(root, snapshot) == then
    own(root, 9)
    compacting.compact(root, grace=0)
    own(root, 10)
    assert answers(root, seen[1][0]) == seen[1][1]
    assert answers(root, "000000000000")["every_run"] == []
    with pytest.raises(StoreError, match="never at snapshot ffffffffffff"):
        store.connect(root, "ffffffffffff")


STEPS = ("whole", "create", "unlink")


def interrupted(root: Path, at: int, act: Callable[[], None], grace: float) -> int:
    """Compact, and do something at the `at`th step that changes the disk, or just before the one after; how many steps there were."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            act()

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*given: Any, **named: Any) -> Any:
            step()
            out = function(*given, **named)
            step()
            return out

        return inner

    class Whole:
        def __init__(self, path: Path) -> None:
            self.inner = whole(path)

        def __enter__(self) -> Path:
            step()
            return self.inner.__enter__()

        def __exit__(self, *error: Any) -> Any:
            step()
            out = self.inner.__exit__(*error)
            step()
            return out

    whole = places.whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "whole", Whole)
        patch.setattr(places, "create", watched(places.create))
        patch.setattr(os, "link", watched(os.link))
        patch.setattr(compacting, "_remove", lambda paths: [watched(path.unlink)(missing_ok=True) for path in paths])
        compacting.compact(root, grace=grace)
    return steps


def killed(root: Path, at: int, grace: float) -> bool:
    """The same in a process that is killed there, as kill -9 does; whether it was."""
    child = FORK.Process(target=interrupted, args=(root, at, lambda: os.kill(os.getpid(), 9), grace))
    child.start()
    child.join()
    return child.exitcode == -9


@pytest.fixture
def small(tmp_path: Path, templates: Callable[..., Path]) -> Path:
    return templates(tmp_path / "small", "seeds", _seeds)


@pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_and_after_every_step(small: Path, tmp_path: Path, stride: int, fault: Callable[..., None]) -> None:
    root = small
    before = answers(root, views=TABLES)
    total = interrupted(shutil.copytree(root, tmp_path / "whole"), 0, lambda: None, 3600)
    assert total > 15
    for at in range(1, total + 1, stride):
        copy = shutil.copytree(root, tmp_path / f"kill{at}")
        assert killed(copy, at, 3600)
        assert answers(copy, views=TABLES) == before, at
        assert verifying.verify(copy).whole, at
        compacting.compact(copy)  # whatever the first has left
        assert count(copy) == 4
        shutil.rmtree(copy)
    if stride == 1:
        fault("kill -9", "compaction, before and after every write", f"{total} kills")


def test_killed_while_it_deletes(small: Path, tmp_path: Path, fault: Callable[..., None]) -> None:
    root = small
    compacting.compact(root)
    before = answers(root, views=TABLES)
    total = interrupted(shutil.copytree(root, tmp_path / "whole"), 0, lambda: None, 0)
    assert total == 2 * 12
    for at in range(1, total + 1, 3):
        copy = shutil.copytree(root, tmp_path / f"kill{at}")
        assert killed(copy, at, 0)
        assert answers(copy, views=TABLES) == before, at
        compacting.compact(copy, grace=0)
        assert answers(copy, views=TABLES) == before
        assert len(list(copy.glob("*/*.parquet"))) == 5
        shutil.rmtree(copy)
    fault("kill -9", "compaction, while it deletes what was replaced", f"{len(range(1, total + 1, 3))} kills")


@pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_no_room_at_any_step(small: Path, tmp_path: Path, stride: int, fault: Callable[..., None]) -> None:
    root = small
    before = answers(root, views=TABLES)
    files = sorted(p for p in root.rglob("*.parquet"))

    def full() -> None:
        raise OSError(28, "No space left on device")

    total = interrupted(shutil.copytree(root, tmp_path / "whole"), 0, lambda: None, 3600)
    for at in range(1, total + 1, stride):
        copy = shutil.copytree(root, tmp_path / f"full{at}")
        with pytest.raises(StoreError, match=r"was not compacted(.|\n)*No space left on device"):
            interrupted(copy, at, full, 3600)
        assert {copy / p.relative_to(root) for p in files} <= set(copy.rglob("*.parquet"))
        assert answers(copy, views=TABLES) == before, at
        compacting.compact(copy)
        compacting.compact(copy, grace=0)
        assert answers(copy, views=TABLES) == before, at
        assert count(copy) == len(list(copy.glob("*/*.parquet"))) - 1 == 4
        shutil.rmtree(copy)
    if stride == 1:
        fault("disk full", "compaction, at every write", f"{total} times", said="was not compacted: nothing is lost")


def test_where_no_compaction_can_be_named_nothing_of_it_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On file systems without hard links each call left one more set of files."""

    def without_links(*given: Any) -> None:
        raise OSError(95, "Operation not supported")

    files = sorted(root.rglob("*.parquet"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", without_links)
        for _ in range(2):
            with pytest.raises(StoreError, match=r"was not compacted(.|\n)*Operation not supported.*has no hard links"):
                compacting.compact(root)
            assert sorted(root.rglob("*.parquet")) == files and verifying.verify(root).problems == []
    compacting.compact(root, grace=0)
    compacting.compact(root, grace=0)
    own(root, 9)
    path = Listing(root).files("score")[0]
    path.write_bytes(path.read_bytes()[:-40])
    files = sorted(root.rglob("*.parquet"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", without_links)
        with pytest.raises(StoreError, match=r"could not be written\n.*Operation not supported\n.*has no hard links"):
            mending.repair(root)
    assert sorted(root.rglob("*.parquet")) == files
    assert mending.repair(root).after.problems == []


def test_files_of_a_compaction_under_way_are_no_duplicates(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began after `xbench verify` had listed what counts."""
    listing_of = verifying.files._listing

    def then(found: Verified) -> Any:
        listed = listing_of(found)
        compacting.compact(root)
        return listed

    monkeypatch.setattr(verifying.files, "_listing", then)
    found = verifying.verify(root)
    assert found.problems == []
    assert len(found.files) == 20


def test_of_two_at_once_one_counts(root: Path, fault: Callable[..., None]) -> None:
    before = answers(root)
    together = threading.Barrier(2)
    commit, said = listing.commit, []

    def late(*given: Any) -> bool:
        together.wait()
        return commit(*given)

    def work() -> None:
        try:
            compacting.compact(root)
        except StoreError as error:
            said.append(str(error))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "commit", late)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(said) == 1
    assert "was quicker" in said[0]
    assert answers(root) == before
    assert Listing(root).uncounted == {table: [] for table in TABLES}
    fault("two at once", "compactions of one store", "1 time", said="another compaction was quicker")


@pytest.mark.parametrize("where", ["NFS", "S3"])
def test_a_compaction_whose_answer_is_lost_counts(
    where: str, root: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., None]
) -> None:
    """The system asks again, is told that the file is there, and tells that to us: link(2) as EEXIST, botocore as 412."""
    before, place = answers(root), root

    def lost(make: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*given: Any, **options: Any) -> Any:
            found = make(*given, **options)
            if where == "NFS" or options.get("mode") == "create":
                raise FileExistsError(errno.EEXIST, "File exists")
            return found

        return inner

    if where == "NFS":
        monkeypatch.setattr(os, "link", lost(os.link))
    else:
        place = pytest.importorskip("upath").UPath("memory://lost")
        place.fs.put(f"{root}/", str(place), recursive=True)
        monkeypatch.setattr(type(place.fs), "pipe_file", lost(type(place.fs).pipe_file))
    try:
        assert compacting.compact(place).number == 1
        assert answers(place, views=VIEWS)["leaderboard"] == before["leaderboard"]
        assert count(place) == 4
        assert not places.create(place / "compaction" / "000001.json", b"of another")
    finally:
        if place is not root:
            place.fs.rm(str(place), recursive=True)
    fault("answer lost", f"compaction, of the file by which it counts, {where}", "1 time")


def test_a_run_that_is_written_again_counts_once(root: Path) -> None:
    """Two identical runs at once: the slower one writes its files again after the compaction of the quicker one's."""
    before = answers(root)
    compacting.compact(root)
    compacting.compact(root, grace=0)
    own(root, 0)
    assert answers(root) == before
    assert verifying.verify(root).problems == []
    assert compacting.compact(root, grace=0).deleted == 4
    assert answers(root) == before


def test_an_open_reader_is_told_when_its_files_are_gone(root: Path) -> None:
    con = store.connect(root)
    compacting.compact(root)
    assert con.execute("SELECT count(*) FROM run").fetchall() == [(6,)]  # what it listed is there still
    compacting.compact(root, grace=0)
    with pytest.raises(duckdb.IOException, match=r"No files found|annot open|No such file"):
        con.execute("SELECT count(*) FROM run").fetchall()


def test_damaged_and_incomplete_files_are_left(root: Path) -> None:
    flipped = one(root, "outcome")
    content = bytearray(flipped.read_bytes())
    content[40] ^= 1
    flipped.write_bytes(content)
    one(root, "run", "*seed1*").unlink()
    done = compacting.compact(root)
    assert len(done.left) == 4
    assert sum("its bytes are not those that were written" in said for said in done.left) == 1
    assert sum("rows of a run that is not complete" in said for said in done.left) == 3
    assert count(root) == 4 + 4
    assert flipped.exists()
    assert {p.kind for p in verifying.verify(root).problems} >= {"content", "orphan"}


def test_files_with_columns_of_another_version_are_left(root: Path) -> None:
    run, score = one(root, "run"), one(root, "score", "ingest.*")
    for path, chosen in ((run, "*, 12.5::DOUBLE AS carbon_g"), (score, "* REPLACE (value::DECIMAL(9, 4) AS value)")):
        con = duckdb.connect()
        con.register("given", con.sql(f"SELECT {chosen} FROM {listing.parquet([path])}").to_arrow_table())
        con.execute(f"COPY (FROM given) TO '{path}' (FORMAT parquet, {sealing.option()})")
        sealing.seal(path)
    before = answers(root)
    kept = {path: path.read_bytes() for path in (run, score)}
    done = compacting.compact(root, grace=0)
    said = "; ".join(done.left)
    assert f"run/{run.name}: columns that this xbench does not know or take: column 'carbon_g': unknown" in said
    assert f"score/{score.name}: columns" in said and "column 'value': is decimal128(9, 4), expected double" in said
    assert len(done.left) == 6  # and the other three of the run, and the outcomes of that score
    compacting.compact(root, grace=0)
    assert {path: path.read_bytes() for path in kept} == kept
    assert answers(root) == before


def test_a_damaged_file_without_a_checksum_gets_none(root: Path) -> None:
    path = one(root, "run")
    made = pq.read_table(path).replace_schema_metadata(None)
    pq.write_table(made, path, compression="none", use_dictionary=False, store_schema=False)
    whole = path.read_bytes()
    spots = [found.start() for found in re.finditer(re.escape((5).to_bytes(8, "little")), whole)]
    for place in spots:
        path.write_bytes(whole[:place] + b"\4" + whole[place + 1 :])
        if pq.read_table(path)["trained_examples"].to_pylist() == [4]:
            break
    else:
        raise AssertionError("no such number")
    for _ in range(2):
        done = compacting.compact(root, grace=0)
        assert f"run/{path.name}: its bytes are not those that were written; see xbench verify" in done.left
    assert ("content", f"run/{path.name}") in {(p.kind, p.file) for p in verifying.verify(root).problems}
    path.write_bytes(whole)
    assert compacting.compact(root).left == []


def test_an_unreadable_file_stops_it_and_nothing_changes(root: Path) -> None:
    path = one(root, "score")
    path.write_bytes(path.read_bytes()[:50])
    files = sorted(p.name for p in root.rglob("*.parquet"))
    with pytest.raises(StoreError, match="xbench verify says which"):
        compacting.compact(root)
    assert sorted(p.name for p in root.rglob("*.parquet")) == files


@pytest.mark.parametrize(
    ("table", "damage"),
    some_slow(
        [(table, damage) for damage in ("lost", "flipped", "cut") for table in TABLES],
        quick=[("score", "flipped"), ("outcome", "lost")],
    ),
)
def test_a_damaged_compacted_file_is_found_and_set_aside(root: Path, table: str, damage: str, fault: Callable[..., None]) -> None:
    compacting.compact(root, rows=45)
    compacting.compact(root, grace=0)
    own(root, 20)
    total = len(store.complete_runs(root))
    path = max(Listing(root).files(table)[:-1], key=lambda p: p.name)
    if damage == "lost":
        path.unlink()
        with pytest.raises(StoreError, match="lacks 1 files that compaction"):
            store.connect(root)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    found = verifying.verify(root)
    assert not found.whole
    assert any(p.file == f"{table}/{path.name}" for p in found.problems)
    old(root)
    mended = mending.repair(root)
    earlier = {("uncounted", f"{t}/{name}.parquet") for t, names in Listing(root).uncounted.items() for name in names}
    assert {(p.kind, p.file) for p in mended.after.problems} <= earlier  # what compaction 1 made of these runs is still there
    left = store.complete_runs(root)
    assert 1 <= len(left) < total
    for seed in range(3):  # what was set aside may be written again, and is seen
        own(root, seed)
    own(root, 0, "intents")
    ingested(root)
    assert len(store.complete_runs(root)) == total
    assert verifying.verify(root).whole
    fault("damaged file", f"compacted, table {table}: {damage}", "1 file", said="verify names it, --repair sets it aside")


TWO_EACH = ("ad", "be", "cf")


def spread(root: Path, grace: float) -> list[str]:
    """Three ingests of two runs each, which are in three compacted files: a and b, c and d, e and f; the names of these."""
    take(root)
    compacting.compact(root, rows=6)
    compacting.compact(root, rows=6, grace=grace)
    old(root)
    return [path.name for path in Listing(root).files("run")]


def take(root: Path) -> None:
    for models in TWO_EACH:
        ingested(root, tuple(models))


def rows(root: Path) -> int:
    """How many runs a reader sees, of ingests as of `spread`; no row is there twice, and no run lacks some."""
    with store.reading(root) as con:
        found = {
            table: con.execute(f"SELECT count(*), count(DISTINCT (run_id, language)) FROM {table}").fetchall()[0] for table in TABLES[1:]
        }
        runs = con.execute("SELECT count(*) FROM run").fetchall()[0][0]
    assert found == {"prediction": (3 * runs, runs), "outcome": (3 * runs, runs), "score": (2 * runs, 2 * runs)}
    return int(runs)


def repaired(root: Path) -> list[int]:
    """Repair a store; how many runs a reader sees at each step, and so after a kill there."""
    seen: list[int] = []

    def looked(act: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*given: Any) -> Any:
            done = act(*given)
            seen.append(rows(root))
            return done

        return inner

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create", "move"):
            patch.setattr(places, name, looked(getattr(places, name)))
        assert mending.repair(root).after.problems == []
    return seen


def same(root: Path, before: dict[str, Any]) -> bool:
    return answers(root, views=TABLES) == {key: before[key] for key in (*TABLES, "snapshot")}


@pytest.mark.parametrize(("table", "grace"), some_slow([(t, g) for t in TABLES for g in (3600, 0)], quick=[("outcome", 0)]))
def test_a_damaged_file_of_several_ingests_takes_no_others_along(
    tmp_path: Path, table: str, grace: float, fault: Callable[..., None]
) -> None:
    """At no step of the repair, so after no kill, a row is there twice or a run in part; what was replaced is there, or deleted."""
    root = tmp_path / "store"
    groups = spread(root, grace)
    assert len(groups) == 3
    before = answers(root, views=TABLES)
    path = root / table / groups[1]
    path.write_bytes(path.read_bytes()[:-40])
    seen = repaired(root)
    assert seen == [6 if grace else 4] * 5  # the compaction, and four files that are set aside
    if not grace:  # there is nothing to take c and d from
        take(root)
        old(root)
    assert same(root, before)
    # What was saved, or taken again, is not there twice when that, or another file, is lost.
    [path for path in Listing(root).files("score") if path.name.startswith(listing.PREFIX)][-1].unlink()
    assert mending.repair(root).after.problems == []
    assert rows(root) == (6 if grace else 4)
    take(root)
    assert same(root, before)
    compacting.compact(root, grace=0)
    assert same(root, before)
    assert verifying.verify(root, deep=True).problems == []
    fault("damaged file", f"compacted, runs of several ingests, table {table}{', replaced files are there' if grace else ''}", "1 file")


@pytest.mark.parametrize("lost", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_ingest_of_which_a_part_was_lost_does_not_come_back_beside_what_was_taken_again(tmp_path: Path, lost: int) -> None:
    """Of what was replaced some is left: its files of table run are deleted first."""
    root = tmp_path / "store"
    groups = spread(root, 3600)
    before = answers(root, views=TABLES)
    for path in (root / "run").glob("ingest.*"):
        path.unlink()
    for group in groups[:lost]:
        (root / "score" / group).unlink()
        assert set(repaired(root)) == {4}
        take(root)
        old(root)
        assert same(root, before)


def scored_again(root: Path) -> None:
    """As `xbench rescore` does with runs of our own: files of outcomes and scores without a row of table run."""
    for table in ("outcome", "score"):
        for path in sorted((root / table).glob("mini-nli.none.seed*")):
            made = pq.read_table(path)
            made = made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows))
            store.write(root, table, made, f"mini-nli.{path.stem.rpartition('.')[2]}.other-1")


def check_damage_loses_nothing(root: Path, paths: Sequence[Path]) -> None:
    """One file after the other is damaged and repaired, and the store compacted again."""
    before = answers(root)
    for path in paths:
        path.write_bytes(path.read_bytes()[:-40])
        assert mending.repair(root).after.problems == []
        assert answers(root) == before
    for _ in range(2):
        compacting.compact(root, grace=0)
        assert answers(root) == before


@pytest.mark.parametrize("table", ["run", "outcome"])
def test_within_the_hour_scores_of_rescoring_count_again_with_their_runs(small: Path, table: str) -> None:
    scored_again(small)
    before = answers(small)
    compacting.compact(small, grace=0)
    assert answers(small) == before
    check_damage_loses_nothing(small, Listing(small).files(table)[:1])
    path = Listing(small).files(table)[0]
    path.write_bytes(path.read_bytes()[:-40])
    assert mending.repair(small).after.problems == [] and answers(small)["score"] == []


def test_within_the_hour_scores_of_rescoring_count_again_beside_their_runs(small: Path) -> None:
    """The runs are in other compacted files."""
    compacting.compact(small, rows=45)
    scored_again(small)
    before = answers(small)
    compacting.compact(small, rows=45)
    files = [path for path in Listing(small).files("outcome") if ".000002-" in path.name]
    assert len(files) == 2 and len(Listing(small).files("run")) == 2  # the runs are in those of before
    assert answers(small) == before
    check_damage_loses_nothing(small, files)
    assert verifying.verify(small).problems == []


def test_what_was_added_to_runs_that_count_again_stays(small: Path) -> None:
    """Their compacted file is lost, and they are there again, from the files it was made of: then what else is wrong is seen."""
    compacting.compact(small)
    scored_again(small)
    before = answers(small, views=VIEWS)
    (small / "run" / ".x.parquet.0123.tmp").write_bytes(b"PAR1")
    old(small)
    Listing(small).files("run")[0].write_bytes(b"PAR1")
    mended = mending.repair(small)
    assert mended.after.problems == [] and not any("other-1" in moved.file for moved in mended.moved)
    assert {view: answers(small, views=VIEWS)[view] for view in VIEWS} == {view: before[view] for view in VIEWS}


def named_anew(root: Path, names: Sequence[str]) -> None:
    """Compacted files that do not count get a name under which they do, as docs/reliability.md says."""
    for name in names:
        (root / name).rename(root / name.replace("compacted.", ""))


def test_a_repair_is_undone(root: Path) -> None:
    for table in ("outcome", "score"):  # of a run of elsewhere, which verify knows by its numbers
        made = pq.read_table(one(root, table, "ingest.*"))
        made = made.filter(pc.equal(made["language"], "fr"))
        store.write(
            root, table, made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows)), "again"
        )
    compacting.compact(root, grace=0)
    compacting.compact(root, grace=0)
    before = answers(root)
    path = Listing(root).files("outcome")[0]
    kept = path.read_bytes()
    path.write_bytes(kept[:-40])
    moved = mending.repair(root).moved
    assert len(moved) == 4 and store.complete_runs(root) == set()
    for those in moved:
        (root / those.to).rename(root / those.file)
    path.write_bytes(kept)  # from a copy
    files = [those.file for those in sorted(moved, key=lambda those: those.file)]
    written = [own(root, seed) for seed in (10, 11, 12)]
    for waiting in (12, 0):  # no compaction deletes them, and no repair takes them away
        done = compacting.compact(root, grace=0)
        assert [said.split(":")[0] for said in done.left] == [f for t in TABLES for f in files if f.startswith(f"{t}/")]
        assert done.waiting == waiting
        old(root)
        mended = mending.repair(root)
        assert [(p.kind, p.file) for p in mended.after.problems] == [("uncounted", file) for file in files]
        assert mended.moved == [] and not mended.after.whole and len(store.complete_runs(root)) == 3
    named_anew(root, files)
    assert verifying.verify(root, deep=True).problems == []
    compacting.compact(root, grace=0)
    compacting.compact(root, grace=0)
    assert verifying.verify(root, deep=True).problems == []
    runs = [name.rpartition(".")[2] for name in written]
    then = answers(root, views=TABLES)
    assert {t: [row for row in then[t] if not any(run in row for run in runs)] for t in TABLES} == {t: before[t] for t in TABLES}
    assert len(then["run"]) == len(before["run"]) + 3


@pytest.mark.parametrize("lost", ["json", "folder"])
def test_compacted_files_without_the_word_that_they_count_stay(root: Path, lost: str) -> None:
    compacting.compact(root, grace=0)
    compacting.compact(root, grace=0)
    before = answers(root, views=TABLES)
    files = sorted(path.relative_to(root).as_posix() for table in TABLES for path in Listing(root).files(table))
    if lost == "json":
        (root / "compaction" / "000001.json").unlink()
    else:
        shutil.rmtree(root / "compaction")
    for seed in (10, 11, 12):
        own(root, seed)
    old(root)
    mended = mending.repair(root)
    assert mended.moved == [] and [(p.kind, p.file) for p in mended.after.problems] == [("uncounted", file) for file in files]
    for _ in range(3):
        compacting.compact(root, grace=0)
    assert [(p.kind, p.file) for p in verifying.verify(root).problems] == [("uncounted", file) for file in files]
    named_anew(root, files)
    assert verifying.verify(root).problems == []
    then = answers(root, views=TABLES)
    assert all(set(before[table]) < set(then[table]) for table in TABLES) and len(then["run"]) == len(before["run"]) + 3


def test_what_two_compacted_copies_of_a_store_had_is_told_apart(root: Path, tmp_path: Path) -> None:
    """Under another name all that both have would be there twice, which nothing mends."""
    shutil.copytree(root, tmp_path / "other")
    compacting.compact(root, grace=0)
    compacting.compact(root, grace=0)
    written = [own(tmp_path / "other", seed).rpartition(".")[2] for seed in (10, 11)]
    compacting.compact(tmp_path / "other", grace=0)
    compacting.compact(tmp_path / "other", grace=0)
    total = len(store.complete_runs(root))
    merged(root, tmp_path / "other")
    found = verifying.verify(root).problems
    assert [p.kind for p in found] == ["uncounted"] * 4
    for problem in found:
        assert problem.rows == f"runs {', '.join(sorted(written))}" and problem.do.startswith("leave its name")
        assert problem.found.endswith(
            f"beside {total if problem.table in ('run', 'score') else len(answered(root))} that are elsewhere too"
        )
    old(root)
    assert mending.repair(root).moved == []


def answered(root: Path) -> set[str]:
    with store.reading(root) as con:
        return {run for (run,) in con.execute("SELECT DISTINCT run_id FROM prediction").fetchall()}


def test_what_says_which_files_count_is_checked(root: Path) -> None:
    compacting.compact(root)
    said = root / "compaction" / "000001.json"
    kept = said.read_bytes()
    said.write_bytes(b'{"made": 1}')
    with pytest.raises(StoreError, match="nobody knows which files"):
        store.connect(root)
    assert ("unreadable", "compaction") in {(p.kind, p.file) for p in verifying.verify(root).problems}
    said.write_bytes(kept)
    names = Listing(root).names
    content = bytearray(names.read_bytes())
    content[20] ^= 1
    names.write_bytes(content)
    assert verifying.verify(root).problems[0].file in ("compaction", f"compaction/{names.name}")
    assert not verifying.verify(root).whole


@pytest.mark.parametrize("name", ["notes.json", "000009_1.json", "000001_1.json", "0000010.json"])
def test_a_foreign_file_beside_what_says_which_files_count_is_none_of_them(small: Path, name: str) -> None:
    foreign = small / "compaction" / name
    foreign.parent.mkdir()
    foreign.write_text('{"a": 1}')
    before = answers(small, views=TABLES)
    compacting.compact(small, grace=0)
    compacting.compact(small, grace=0)
    assert answers(small, views=TABLES) == before
    found = verifying.verify(small)
    assert [(p.kind, p.file) for p in found.problems] == [("foreign", f"compaction/{name}")]
    assert mending.repair(small).moved == [] and foreign.read_text() == '{"a": 1}'


def test_a_damaged_list_of_what_was_replaced_stays(root: Path) -> None:
    """Without it the store could not be opened."""
    compacting.compact(root)
    before, names = answers(root), Listing(root).names
    content = bytearray(names.read_bytes())
    content[content.rindex(b"DuckDB")] ^= 1  # who wrote it, which nobody reads
    names.write_bytes(content)
    old(root)
    mended = mending.repair(root)
    assert [(p.kind, p.file) for p in mended.after.problems] == [("content", f"compaction/{names.name}")]
    assert mended.moved == [] and len(mended.left) == 1
    assert answers(root) == before


def test_what_an_interrupted_compaction_left_is_named_and_set_aside(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(root, 8)
    compacting.compact(root)
    before = answers(root)
    own(root, 9)
    own(root, 10)
    own(root, 11)

    def killed(*given: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(listing, "commit", killed)
        patch.setattr(compacting, "_remove", lambda paths: None)
        with pytest.raises(KeyboardInterrupt):
            compacting.compact(root)
    folder = root / "compaction"
    (folder / ".000002.json.0123.tmp").write_bytes(b"{")
    (folder / ".sorting-0123").mkdir()
    (folder / ".sorting-0123" / "lot.0.parquet").write_bytes(b"PAR1")
    (folder / "notes.txt").write_text("mine")
    names = [path.name for path in folder.glob("000002-*.parquet")]
    lot, temporary = folder / ".sorting-0123" / "lot.0.parquet", "run/.compacted.000002-01234567.000.parquet.0123.tmp"
    (root / temporary).write_bytes(b"PAR1")
    left = {temporary, *(f"compaction/{name}" for name in (".000002.json.0123.tmp", ".sorting-0123", *names))}
    left |= {path.relative_to(root).as_posix() for path in root.glob("*/compacted.000002-*")}
    found = verifying.verify(root)
    assert {p.file for p in found.problems if p.kind == "leftover"} == left and len(left) == 8
    assert {p.file for p in found.problems if p.kind == "foreign"} == {"compaction/notes.txt"} and found.whole
    for age, sorts, moved in (
        (1800, False, set()),
        (7200, True, set()),
        (7200, False, left),
    ):  # longer than the ten minutes of other writers
        for path in [*root.glob("*/.*/*"), *root.glob("*/*"), *root.glob("*/.*")]:
            os.utime(path, (time.time() - age * (path != lot or not sorts),) * 2)
        assert {m.file for m in mending.repair(root).moved} == moved
    assert {p.kind for p in verifying.verify(root).problems} == {"foreign"}
    shown = answers(root)
    assert set(before["run"]) < set(shown["run"]) and len(shown["run"]) == len(before["run"]) + 3


def test_of_a_run_and_its_copy_one_is_kept(root: Path) -> None:
    ingested(root, ("z",))
    for table in ("outcome", "score"):  # as `xbench rescore` adds to a run
        path = one(root, table)
        made = pq.read_table(path)
        name = f"mini-nli.{path.stem.rpartition('.')[2]}.other-1"
        store.write(root, table, made.set_column(made.column_names.index("scorer"), "scorer", pa.array(["other-1"] * made.num_rows)), name)
    before = answers(root)
    files = sorted(root.glob("*/*.parquet"))
    for path in files:
        for name in (f"{path.stem} (1).parquet", f"Copy of {path.name}"):
            shutil.copy2(path, path.with_name(name))
    old(root)
    mended = mending.repair(root)
    assert mended.after.problems == [] and mended.left == []
    assert sorted(root.glob("*/*.parquet")) == files and len(mended.moved) == 2 * len(files)
    assert answers(root, views=VIEWS) == before


def test_what_is_there_twice_is_left_as_it_is(root: Path) -> None:
    name = cut_off(root)
    done = compacting.compact(root)
    assert done.left == [
        f"{table}/{name}.parquet: rows that another file has too; see xbench verify" for table in sorted(set(TABLES) - {"run"})
    ]
    old(root)
    assert mending.repair(root).after.problems == []
    assert len(store.complete_runs(root)) == 9


@pytest.mark.parametrize("compacted", [False, True])
def test_copies_are_left_beside_what_they_are_copies_of(root: Path, *, compacted: bool) -> None:
    """In one file with it none could be set aside: a run was counted twice for ever."""
    runs, whole = len(store.complete_runs(root)), answers(root, views=VIEWS)
    some = [one(root, "run"), one(root, "score")]
    kept = [path.read_bytes() for path in some]
    if compacted:
        compacting.compact(root, grace=0)
    for path, content in zip(some, kept, strict=True):
        path.with_name(f"Copy of {path.name}").write_bytes(content)
    done = compacting.compact(root)
    for path in some:
        assert f"{path.parent.name}/Copy of {path.name}: rows that another file has too; see xbench verify" in done.left
    assert {p.kind for p in verifying.verify(root).problems} == {"contract"}, "keys that are there twice"
    old(root)
    mended = mending.repair(root)
    assert (mended.after.problems, mended.left, len(mended.moved)) == ([], [], 2)
    assert len(store.complete_runs(root)) == runs and answers(root, views=VIEWS) == whole
    assert compacting.compact(root).left == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": 4}', "this xbench reads formats 1 to 3"),
        ('{"format": "2"}', "where {\"format\": N} was expected"),
        ("[]", "where {\"format\": N} was expected"),
        ('{"format": 0}', "where {\"format\": N} was expected"),
        ("{", "cannot be read"),
    ],
)  # fmt: skip
def test_a_store_of_another_format_is_neither_read_nor_written(root: Path, content: str, said: str, fault: Callable[..., None]) -> None:
    (root / "store.json").write_text(content)
    for action in (lambda: store.connect(root), lambda: own(root, 5), lambda: compacting.compact(root)):
        with pytest.raises(StoreError, match=re.escape(said)):
            action()
    assert "unreadable" in {p.kind for p in verifying.verify(root).problems}
    fault("another format", f"store.json holds {content}", "read, write, compact", said=said)


def test_very_many_files_are_spoken_of(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Listing(root).advice == ""
    monkeypatch.setattr(listing, "MANY", 10)
    assert Listing(root).advice == f"20 small files make {root} slow to open: xbench compact --store {root} makes them few"
    (tmp_path / "given.csv").write_text("model,intermediate,target,language,metric,value,source\nm,none,xnli,de,accuracy,0.5,paper\n")
    out = CliRunner().invoke(cli.app, ["ingest", "external-results", str(tmp_path / "given.csv"), "--store", str(root)])
    assert "22 small files" in out.stdout
    compacting.compact(root)
    assert Listing(root).advice == ""


def test_formats(root: Path) -> None:
    assert listing.check_format(root) == 1
    (root / "store.json").unlink()  # of xbench 0.1 and 0.2
    before = answers(root)
    compacting.compact(root)
    assert listing.check_format(root) == 2
    own(root, 5)
    assert listing.check_format(root) == 2
    assert len(answers(root)["run"]) == len(before["run"]) + 1


def test_the_name_is_kept_for_compactions(root: Path) -> None:
    rows = store.connect(root).sql("SELECT * FROM every_run LIMIT 1").to_arrow_table()
    with pytest.raises(StoreError, match="is kept for compactions"):
        store.write(root, "run", rows, "compacted.mine")


def test_the_command(root: Path) -> None:
    run = CliRunner()
    out = run.invoke(cli.app, ["compact", "--store", str(root), "--dry-run"])
    assert "would make 20 files into 4" in out.stdout
    assert not (root / "compaction").exists()
    out = run.invoke(cli.app, ["compact", "--store", str(root)])
    assert out.exit_code == 0
    assert "made 20 files into 4" in out.stdout
    assert "20 replaced files" in out.stdout
    assert f"xbench compact --store {root}" in out.stdout
    out = run.invoke(cli.app, ["compact", "--store", str(root), "--grace", "0"])
    assert "deleted 20 files" in out.stdout
    assert "nothing to compact: 4 files" in out.stdout
    out = run.invoke(cli.app, ["compact", "--store", str(root / "none")])
    assert out.exit_code == 1
    assert "there is no store" in str(out.exception)


def test_the_command_that_deletes_what_was_replaced_is_the_one_that_does(root: Path) -> None:
    run = CliRunner()
    out = run.invoke(cli.app, ["compact", "--store", str(root), "--grace", "0"])
    assert f"to delete them, now:\n    xbench compact --store {root} --grace 0\n" in out.stdout
    out = run.invoke(cli.app, ["compact", "--store", str(root), "--grace", "0"])
    assert "deleted 20 files" in out.stdout and "replaced files" not in out.stdout


@pytest.mark.parametrize("ahead", [86400.0, 260 * 365 * 86400.0])
def test_what_a_clock_that_was_ahead_replaced_is_deleted(small: Path, monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    with monkeypatch.context() as clock:
        clock.setattr(listing.time, "time", lambda now=time.time: now() + ahead)
        assert compacting.compact(small).waiting == 12
    path = next((small / "compaction").glob("*.json"))
    assert listing.newest(small).made > time.time() + ahead - 600
    assert compacting.compact(small).deleted == 0, "the file says when it was"
    os.utime(path, (time.time() + ahead, time.time() + ahead))
    assert compacting.compact(small, dry_run=True).wait == 0
    assert compacting.compact(small).deleted == 12


def test_an_app_that_is_open_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_LOOK_AGAIN", 0.0)
    server = serving.Server(root)
    query = "SELECT count(*) AS n FROM score"
    first = server.newest()
    before = first.rows(query)["n"][0]
    ask = functools.partial(background.tables, queries={"n": query})
    assert first.later("first", ask).result(60)["n"]["n"][0] == before
    compacting.compact(root)
    deadline = time.monotonic() + 60
    while server.newest() is first and time.monotonic() < deadline:
        time.sleep(0.05)
    compacting.compact(root, grace=0)
    assert server.newest().id == first.id
    assert server.newest().rows("SELECT count(*) AS n FROM outcome")["n"][0] > 0
    assert server.at(first.id).rows(query)["n"][0] == before
    assert server.newest().later("second", ask).result(60)["n"]["n"][0] == before


def test_an_app_that_is_open_shows_what_is_scored_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`xbench rescore` adds scores to runs that are there: the snapshot stays."""
    monkeypatch.setattr(serving, "_LOOK_AGAIN", 0.0)
    server = serving.Server(root)
    first = server.newest()
    ask = functools.partial(background.tables, queries={"n": "SELECT count(DISTINCT scorer) AS n FROM score"})
    scorers = first.later("scorers", ask).result(60)["n"]["n"][0]
    scores = pq.read_table(one(root, "score")).to_pylist()
    store.write(root, "score", pa.Table.from_pylist([{**row, "scorer": "later-1"} for row in scores]), "later")
    deadline = time.monotonic() + 60
    while server.newest() is first and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.newest().id == first.id
    assert "later-1" in set(server.newest().columns()["scorer"])
    assert server.newest().later("scorers", ask).result(60)["n"]["n"][0] == scorers + 1


@pytest.fixture
def remote(bucket: str, small: Path) -> Iterator[Any]:
    place: Any = places.place(f"{bucket}/compacted")
    for path in small.rglob("*"):
        if path.is_file():
            (place / str(path.relative_to(small))).write_bytes(path.read_bytes())
    yield place
    place.fs.rm(str(place), recursive=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_on_s3(remote: Any, small: Path) -> None:
    before = answers(small)
    assert not places.create(remote / "store.json", b"x")
    done = compacting.compact(remote)
    assert (done.number, done.after) == (1, 4)
    then = answers(remote)
    assert {v: then[v] for v in VIEWS} == {v: before[v] for v in VIEWS}
    assert compacting.compact(remote, grace=0).deleted == 12
    assert answers(remote) == before
    assert answers(remote, before["snapshot"])["run"] == before["run"]
