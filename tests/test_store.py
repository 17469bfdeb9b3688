"""The store: whole or not at all, any number of files, nothing half seen."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xbench
from tests.conftest import Writer, some_slow
from tests.test_contracts import GOOD
from xbench import binding, board, cli, columns, compacting, places, sealing, serving, store, template, verifying
from xbench.errors import StoreError


def count(root: Path, table: str) -> int:
    con = store.connect(root)
    try:
        return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
    finally:
        con.close()


def test_a_folder_that_does_not_exist_is_an_empty_store(tmp_path: Path) -> None:
    assert [count(tmp_path / "none", t) for t in store.TABLES] == [0, 0, 0, 0]


def test_one_file(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    assert (count(writer.root, "run"), count(writer.root, "score")) == (1, 1)


_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xbench import store

def look(_):
    con = store.connect(Path(sys.argv[1]))
    try:
        return con.execute("SELECT count(*) FROM suite_mean").fetchall()
    finally:
        con.close()

with ThreadPoolExecutor(8) as pool:
    print(set(map(str, pool.map(look, range(8)))))
"""


def test_the_first_sessions_of_a_process_come_at_once(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _AT_ONCE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("{'[(0,)]'}\n", 0), ended.stderr


@pytest.mark.parametrize("files", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_thousands_of_files(writer: Writer, files: int) -> None:
    import pyarrow.parquet as pq

    writer.add("none", "mini-ner", 0, {"de": 0.5})
    for table in ("run", "score"):  # copies with an id of their own, written directly: the store itself would take minutes
        rows = pq.read_table(next((writer.root / table).glob("*.parquet")))
        at = rows.schema.get_field_index("run_id")
        for i in range(1, files):
            pq.write_table(rows.set_column(at, "run_id", pa.array([f"{i:024x}"])), writer.root / table / f"{i}.parquet")
    started = time.monotonic()
    assert count(writer.root, "score") == files
    assert time.monotonic() - started < 60  # a guard against opening costs that grow faster than the files, not a benchmark


def test_rows_of_a_run_without_its_run_row_are_not_seen(tmp_path: Path) -> None:
    for table in ("prediction", "outcome", "score"):
        store.write(tmp_path, table, pa.Table.from_pylist([GOOD[table]]), "half")
    assert [count(tmp_path, t) for t in store.TABLES] == [0, 0, 0, 0]
    store.write(tmp_path, "run", pa.Table.from_pylist([GOOD["run"]]), "half")
    assert [count(tmp_path, t) for t in store.TABLES] == [1, 1, 1, 1]


def test_where_files_say_that_their_runs_are_complete_none_is_looked_for(tmp_path: Path) -> None:
    a, b = ({**GOOD["score"], "run_id": x * 24} for x in "ab")
    store.write(tmp_path, "score", pa.Table.from_pylist([a]), "one")
    store.write(tmp_path, "run", pa.Table.from_pylist([{**GOOD["run"], "run_id": "a" * 24}]), "one")
    assert (looks(tmp_path), count(tmp_path, "score")) == (False, 1)
    store.write(tmp_path, "score", pa.Table.from_pylist([a, b]), "one")  # of which the file of runs has one
    assert (looks(tmp_path), count(tmp_path, "score")) == (True, 1)
    store.write(tmp_path, "score", pa.Table.from_pylist([a]), "one")
    store.write(tmp_path, "score", pa.Table.from_pylist([b]), "two")  # of which there is none
    assert (looks(tmp_path), count(tmp_path, "score")) == (True, 1)
    store.write(tmp_path, "run", pa.Table.from_pylist([{**GOOD["run"], "run_id": "b" * 24}]), "two")
    assert (looks(tmp_path), count(tmp_path, "score")) == (False, 2)


def test_what_another_program_leaves_in_a_file_of_its_runs_does_not_count(tmp_path: Path) -> None:
    store.write(tmp_path, "run", pa.Table.from_pylist([{**GOOD["run"], "run_id": "a" * 24}]), "one")
    made = [{**GOOD["score"], "run_id": "a" * 24, "language": code} for code in ("de", "hi")]
    path = store.write(tmp_path, "score", pa.Table.from_pylist(made), "one")
    whole, rows = path.read_bytes(), pq.read_table(path)
    said = {key.decode(): value.decode() for key, value in rows.schema.metadata.items()}
    assert len(said) == 3
    other = pa.Table.from_pylist([made[0], {**made[1], "run_id": "c" * 24}], schema=rows.schema)  # as many rows
    con = duckdb.connect()
    con.register("given", other.replace_schema_metadata(None))
    pairs = ", ".join(f"{key}: '{value}'" for key, value in said.items())
    for write in (
        lambda: pq.write_table(other, path),
        lambda: con.execute(f"COPY given TO '{path}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{pairs}}})"),
    ):
        write()
        assert pq.read_schema(path).metadata.keys() >= rows.schema.metadata.keys()
        assert (looks(tmp_path), count(tmp_path, "score"), sealing.intact(path)) == (True, 1, False)
    path.write_bytes(whole)
    assert (looks(tmp_path), count(tmp_path, "score")) == (False, 2)
    assert sealing.runs(path) == said["xbench_runs"].encode()
    for content in (b"", b"PAR1", b"\xff" * 20, whole[-9:], whole[-400:], whole[:-1]):  # nothing to be understood
        path.write_bytes(content)
        assert sealing.runs(path) is None


def looks(root: Path) -> bool:
    """Whether a reader of scores looks into table run."""
    con = store.connect(root)
    try:
        return "SEMI" in str(con.execute("EXPLAIN SELECT value FROM every_score").fetchall()[0][1])
    finally:
        con.close()


def test_equal_rows_in_any_order_are_equal_files(tmp_path: Path) -> None:
    rows = [{**GOOD["score"], "language": x} for x in ("de", "hi", "ar")]
    first = store.write(tmp_path, "score", pa.Table.from_pylist(rows), "a")
    second = store.write(tmp_path, "score", pa.Table.from_pylist(rows[::-1]), "b")
    assert first.read_bytes() == second.read_bytes()


def test_coded_rows_are_stored_as_plain_ones_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{**GOOD["score"], "language": code, "run_id": run * 24} for run in "ba" for code in ("hi", "de")]
    said[1] |= {"stderr": None, "stderr_kind": None}
    rows = pa.Table.from_pylist(said)
    narrow = pa.array([0.5, 0.25, 1, 0], pa.float32())  # a contract takes these too
    rows = rows.set_column(rows.column_names.index("value"), "value", narrow)
    kinds = pa.schema([pa.field(f.name, pa.dictionary(pa.int32(), f.type) if f.type == pa.string() else f.type) for f in rows.schema])
    plain = store.write(tmp_path, "score", rows, "plain")
    monkeypatch.setattr(columns, "_SOON", 0)
    coded = store.write(tmp_path, "score", rows.cast(kinds), "coded")
    assert pq.ParquetFile(coded).metadata.created_by.startswith("parquet-cpp-arrow")  # so the two are not written in one way
    assert pq.read_table(coded).equals(pq.read_table(plain))
    assert pq.read_schema(coded) == pq.read_schema(plain)
    assert sealing.intact(coded)
    again = store.write(tmp_path, "score", rows.cast(kinds).take([3, 1, 0, 2]), "again")
    assert again.read_bytes() == coded.read_bytes()


def test_a_rejected_write_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = store.write(tmp_path, "score", pa.Table.from_pylist([GOOD["score"]]), "a")
    before = path.read_bytes()
    with pytest.raises(store.ContractError):
        store.write(tmp_path, "score", pa.Table.from_pylist([{**GOOD["score"], "value": 9.0}]), "a")
    assert path.read_bytes() == before
    assert [p.name for p in (tmp_path / "score").iterdir()] == ["a.parquet"]


def test_a_file_left_by_a_killed_writer_is_not_read(tmp_path: Path) -> None:
    store.write(tmp_path, "run", pa.Table.from_pylist([GOOD["run"]]), "a")
    (tmp_path / "run" / ".b.parquet.0123.tmp").write_bytes(b"PAR1 half of it")
    assert count(tmp_path, "run") == 1


def test_odd_folder_names(tmp_path: Path) -> None:
    for name in ("it's", "a [b] c", "ünïcode 语", "star*"):
        store.write(tmp_path / name, "run", pa.Table.from_pylist([GOOD["run"]]), "a")
        assert count(tmp_path / name, "run") == 1


@pytest.mark.parametrize("name", ["it's", "a [b] c", "star*", "q?", "seed=7"])
def test_the_app_opens_odd_folders(tmp_path: Path, name: str) -> None:
    """Its database may open nothing outside of them."""
    writer = Writer(tmp_path / name)
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    assert serving.Snapshot(writer.root).rows("SELECT value FROM score")["value"].tolist() == [0.5]


def test_the_app_opens_tables_that_are_links(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "store")
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    (tmp_path / "elsewhere").mkdir()
    for table in ("run", "score"):
        (writer.root / table).rename(tmp_path / "elsewhere" / table)
        (writer.root / table).symlink_to(tmp_path / "elsewhere" / table)
    snapshot = serving.Snapshot(writer.root)
    assert snapshot.rows("SELECT value FROM score")["value"].tolist() == [0.5]
    with pytest.raises(StoreError, match="Permission"):
        snapshot.rows("SELECT * FROM read_csv(?)", ["/etc/passwd"])


def test_a_name_that_is_no_text_is_one_clear_error(writer: Writer) -> None:
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    next((writer.root / "score").iterdir()).rename(writer.root / "score" / os.fsdecode(b"\xff.parquet"))
    for read in (store.connect, compacting.compact):
        with pytest.raises(StoreError, match=r"names are not UTF-8.*\n.*\\udcff\.parquet"):
            read(writer.root)
    assert [(p.kind, p.harmless) for p in verifying.verify(writer.root).problems] == [("unreadable", False)]


@pytest.mark.parametrize("closed", ["", "run", "score", "compaction"])
def test_a_folder_that_may_not_be_looked_into_is_not_empty(writer: Writer, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    """Without one of its folders a store would show other numbers, or none."""
    writer.add("none", "mini-ner", 0, {"de": 0.5})

    def listdir(path: Path) -> list[str]:
        if path == writer.root / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    def exists(path: Path) -> bool:
        if path == writer.root and not closed:
            raise PermissionError(13, "Permission denied", str(path))
        return here(path)

    real, here = os.listdir, Path.exists
    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(StoreError, match=r"cannot be looked into\n.*Permission denied"):
        store.connect(writer.root)
    if closed:
        (problem,) = verifying.verify(writer.root).problems
        assert (problem.kind, problem.harmless) == ("no access", False)


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bad.parquet").write_bytes(b"not parquet at all, but long enough to be looked at")
    with pytest.raises(StoreError, match=r"bad\.parquet"):
        board.leaderboard(tmp_path)


def test_a_name_of_a_column_that_is_no_text_is_one_clear_error(writer: Writer) -> None:
    """Found by fuzzing: DuckDB reads such a file, and its bindings then raise what is no error of DuckDB."""
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    path = next((writer.root / "score").glob("*.parquet"))
    path.write_bytes(path.read_bytes().replace(b"carried_from", b"\xffarried_from"))
    with pytest.raises(StoreError, match="not UTF-8: `xbench verify` says which"):
        store.connect(writer.root)
    found = verifying.verify(writer.root)
    assert path.name in str([problem for problem in found.problems if problem.kind == "unreadable"])


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        store.connect(tmp_path / "x")


def test_a_view_with_an_error_is_named(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "b.sql").write_text("-- One row a b.\nSELECT * FROM a")
    (tmp_path / "a.sql").write_text("-- One row a a.\nSELECT 1 AS x")
    con = duckdb.connect()
    binding.define_views(con, binding.selects(tmp_path), tmp_path)
    assert con.execute("SELECT x FROM b").fetchall() == [(1,)]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "d.sql").write_text("SELECT 2 AS e")  # each names the other as a column, and one needs the other
    (tmp_path / "mine" / "e.sql").write_text("SELECT e AS d FROM f")
    (tmp_path / "mine" / "f.sql").write_text("SELECT * FROM d")
    con = duckdb.connect()
    binding.define_views(con, binding.selects(tmp_path / "mine"), tmp_path / "mine")
    assert con.execute("SELECT d FROM e").fetchall() == [(2,)]
    (tmp_path / "c.sql").write_text("SELECT * FROM nowhere")
    with pytest.raises(StoreError, match=r"/c\.sql:1: .*nowhere"):
        binding.define_views(duckdb.connect(), binding.selects(tmp_path), tmp_path)
    (tmp_path / "c.sql").write_text("SELEC 1")
    with pytest.raises(StoreError, match=r"/c\.sql:1: Parser Error"):
        binding.define_views(duckdb.connect(), binding.selects(tmp_path), tmp_path)


def test_views_that_are_not_one_select_are_all_named(tmp_path: Path) -> None:
    """The store was called damaged, or its user got a traceback."""
    import duckdb

    (tmp_path / "good.sql").write_text("SELECT 1 AS a; -- it may end so")
    (tmp_path / "open.sql").write_text("SELECT 2 AS a -- or so")
    con = duckdb.connect()
    binding.define_views(con, binding.selects(tmp_path), tmp_path)
    assert con.execute("SELECT * FROM good UNION ALL SELECT * FROM open").fetchall() == [(1,), (2,)]
    bad = {
        "comment": ("-- One row a thing.\n", ": no statements, expected one SELECT"),
        "empty": ("", ": no statements, expected one SELECT"),
        "not-good": ("-- One row.\nSELEC 1", ":2: Parser Error"),
        "twice": ("SELECT 1 AS a, 2 AS A", ": two columns are called a"),
        "two": ("SELECT 1 AS a; SELECT 2 AS b", ": 2 statements, expected one SELECT"),
    }
    for name, (text, _) in bad.items():
        (tmp_path / f"{name}.sql").write_text(text)
    with pytest.raises(StoreError, match="views are not valid") as caught:
        binding.define_views(duckdb.connect(), binding.selects(tmp_path), tmp_path)
    for problem, (name, (_, said)) in zip(sorted(caught.value.problems), bad.items(), strict=True):
        assert problem.startswith(f"{tmp_path / name}.sql{said}")
    (tmp_path / "bytes.sql").write_bytes(b"\xff")
    with pytest.raises(StoreError, match=r"/bytes\.sql: cannot be read: 'utf-8'"):
        binding.selects(tmp_path)


_WRITER = """
import sys
from pathlib import Path
import pyarrow as pa
from tests.conftest import run_id
from tests.test_contracts import GOOD
from xbench import store
root, who, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for i in range(n):
    key = {"run_id": run_id(f"{who}-{i}")}
    for table in ("prediction", "outcome", "score", "run"):
        store.write(root, table, pa.Table.from_pylist([{**GOOD[table], **key}]), key["run_id"])
"""


@pytest.mark.parametrize("runs", [3, pytest.param(15, marks=pytest.mark.slow)])
def test_writers_and_readers_at_once(tmp_path: Path, runs: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), str(w), str(runs)], env=environment) for w in range(3)]
    seen = [0]
    while any(w.poll() is None for w in writers):
        con = store.connect(tmp_path)
        whole, scores = con.execute("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM score)").fetchall()[0]
        con.close()
        assert scores >= seen[-1] or whole >= seen[-1]
        seen.append(whole)
    assert [w.returncode for w in writers] == [0, 0, 0]
    assert seen == sorted(seen)
    assert [count(tmp_path, t) for t in store.TABLES] == [3 * runs] * 4


@pytest.mark.parametrize(
    ("table", "where"), some_slow([("run", 8), ("run", 60), ("score", 8), ("score", 60)], quick=[("run", 8), ("score", 60)])
)
def test_a_damaged_file_ends_every_command_with_one_message(
    table: str, where: int, writer: Writer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for intermediate in ("none", "intents"):
        writer.add(intermediate, "mini-ner", 0, {"de": 0.4, "hi": 0.5})
    path = next((writer.root / table).glob("*.parquet"))
    content = path.read_bytes()
    path.write_bytes(content[:where] + b"\xff" * 12 + content[where + 12 :])  # DuckDB says nothing of the file, and has no word for it
    for command in ("compare", "claims", "leaderboard", "delta", "coverage", "averages"):
        monkeypatch.setattr("sys.argv", ["xbench", command, "--store", str(writer.root)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert ended.value.code == 1
        assert said.startswith("xbench: the store cannot be read; a file of it is damaged or foreign: `xbench verify` says which")
    monkeypatch.setattr("sys.argv", ["xbench", "verify", str(writer.root)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert path.name in capsys.readouterr().out


def whole(con: Any) -> dict[str, Any]:
    """The views, their columns, and the rows of every table and view."""
    names = [name for (name,) in con.execute("SELECT table_name FROM information_schema.tables ORDER BY ALL").fetchall()]
    return {
        "views": con.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL").fetchall(),
        "columns": con.execute("SELECT table_name, column_name, data_type FROM information_schema.columns ORDER BY ALL").fetchall(),
        **{name: sorted(map(repr, con.execute(f"FROM {name}").fetchall())) for name in names},
    }


def test_views_that_are_copied_are_those_that_were_bound(writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first session and later ones, also at once; whatever has become of the file they are copied from; after a view has changed."""
    for seed in range(2):
        writer.add("none", "mini-ner", seed, {"en": 0.5, "de": 0.4})
        writer.add("mini-pos", "mini-ner", seed, {"en": 0.6, "de": 0.5})
    cache = tmp_path / "cache"
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path / "file"))
    with store.connect(writer.root) as con:
        bound = whole(con)
    assert len(bound["transfer_delta"]) == 4
    assert len(bound["language"]) > 50
    monkeypatch.setenv("XBENCH_CACHE", str(cache))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: whole(store.connect(writer.root)), range(4)):
            assert found == bound
    (file,) = (cache / "views").iterdir()
    good = file.read_bytes()
    middle = len(good) // 2
    for damaged in (b"", good[:middle], b"PAR1" * 999, good[:5000] + bytes(3000) + good[8000:], good[:middle] + bytes(middle)):
        file.write_bytes(damaged)
        with store.connect(writer.root) as con:
            assert whole(con) == bound
    views = Path(shutil.copytree(template.VIEWS, tmp_path / "views"))
    (views / "direct.sql").write_text((views / "direct.sql").read_text().replace("'none'", "'mini-pos'"))
    monkeypatch.setattr(template, "VIEWS", views)
    monkeypatch.setattr(template, "_MOST", 1)
    for _ in range(2):
        with store.connect(writer.root) as con:
            assert con.execute("SELECT count(*), any_value(intermediate) FROM direct").fetchall() == [(4, "mini-pos")]
    assert [path != file for path in (cache / "views").iterdir()] == [True]


def test_a_view_cannot_take_the_name_of_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was said that a file of the store is damaged."""
    (tmp_path / "score.sql").write_text("SELECT 1 AS one")
    monkeypatch.setattr(template, "VIEWS", tmp_path)
    with pytest.raises(StoreError, match="a view has the name of a table") as caught:
        store.connect(tmp_path / "s")
    assert list(caught.value.problems) == [f"{tmp_path / 'score.sql'}: there is a table score"]


def test_a_place_that_cannot_be_reached_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each library of an object store has errors of its own; they were tracebacks."""
    root = places.place("memory://nobody/here")

    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("Unable to locate\ncredentials")

    monkeypatch.setattr(type(root), "exists", refused)
    with pytest.raises(StoreError, match=r"memory://nobody/here cannot be reached") as caught:
        store.connect(root)
    assert caught.value.problems[0] == "RuntimeError: Unable to locate credentials"


def test_from_python_a_misspelt_store_or_condition_is_no_empty_answer(tmp_path: Path, writer: Writer) -> None:
    nowhere = tmp_path / "nowhere"
    asked: list[Callable[[], object]] = [
        lambda: xbench.open_store(nowhere), lambda: xbench.compare(nowhere), lambda: xbench.audit(nowhere),
        lambda: xbench.standings(nowhere), lambda: xbench.rescore(nowhere), lambda: xbench.export(nowhere, "csv"),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(StoreError, match="there is no store at"):
            ask()
    writer.add("none", "mini-ner", 0, {"de": 0.5})
    for ask, said in (
        (lambda: xbench.compare(writer.root, by="task"), "by 'task' is none of language, family, script, mean"),
        (lambda: xbench.standings(writer.root, over="none"), "over 'none' is none of all, zero-shot"),
        (lambda: xbench.compare(writer.root, None, {"intermediate": "mini-poss"}), "mini-poss"),
        (lambda: xbench.compare(writer.root, "none", "mini-poss"), "mini-poss"),
        (
            lambda: xbench.compare(writer.root, ["none"]),
            r"a system is a text as on the command line, or \{field: value\}, and not \['none'\]",
        ),
        (lambda: xbench.compare(writer.root, margin="1"), r"margin '1' is not above 0 and below 1"),
        (lambda: xbench.compare(writer.root, target=3), "a condition is not of the type of its column"),
    ):
        with pytest.raises(StoreError, match=said):
            ask()
    for ask in (lambda: xbench.compare(writer.root, target="mini-nerr"), lambda: xbench.standings(writer.root, target="mini-nerr")):
        with pytest.raises(StoreError, match="mini-ner"):
            ask()


def test_a_reader_keeps_nothing_of_files_and_nothing_of_others(tmp_path: Path) -> None:
    """One database serves the process: a file that was written again at the same moment is read again, and tables are each one's own."""
    path = tmp_path / "x.parquet"
    for value in (1, 2):
        pq.write_table(pa.table({"x": [value] * 10_000}), path)
        os.utime(path, (1e9, 1e9))
        with places.reader(tmp_path) as con, places.reader() as other:
            assert con.execute(f"SELECT DISTINCT x FROM read_parquet('{path}')").fetchall() == [(value,)]
            con.execute("CREATE TEMP TABLE kept AS SELECT 1")
            with pytest.raises(duckdb.CatalogException):
                other.execute("FROM kept")
    with pytest.raises(duckdb.CatalogException), places.reader() as con:
        con.execute("FROM kept")


def test_a_forked_process_has_a_reader_of_its_own(tmp_path: Path) -> None:
    with places.reader(tmp_path) as con:
        con.execute("SELECT count(*) FROM range(1000000)").fetchall()
    child = os.fork()
    if not child:
        try:
            with places.reader(tmp_path) as con:
                os._exit(con.execute("SELECT 7").fetchall()[0][0])
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
