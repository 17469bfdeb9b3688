"""What the app's database may touch, whatever it is asked; what the code never does."""

import ast
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Writer
from xbench import places, serving

ROOT = Path(__file__).parent.parent


@pytest.fixture
def snapshot(writer: Writer) -> serving.Snapshot:
    writer.add("none", "mini-pos", 0, {"en": 0.9, "de": 0.5}, scorer="token-accuracy-1")
    return serving.Snapshot(writer.root)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM '{outside}'",
        "SELECT * FROM read_text('{root}/../outside.csv')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{outside}.copy'",
        "EXPORT DATABASE '{outside}.folder'",
        "ATTACH '{outside}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '64GB'",
        "RESET lock_configuration",
    ],
)
def test_the_database_of_the_app_opens_nothing_outside_the_store(snapshot: serving.Snapshot, query: str) -> None:
    outside = snapshot.root.parent / "outside.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    before = sorted(outside.parent.iterdir())
    with pytest.raises(duckdb.Error):
        snapshot.cursor().execute(query.format(outside=outside, root=snapshot.root)).fetchall()
    assert sorted(outside.parent.iterdir()) == before


def test_a_store_named_by_a_relative_path_or_a_link_is_read(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.add("none", "mini-pos", 0, {"en": 0.9, "de": 0.5}, scorer="token-accuracy-1")
    monkeypatch.chdir(writer.root.parent)
    (writer.root.parent / "it's linked").symlink_to(writer.root)
    for name in (writer.root.name, f"./{writer.root.name}", "it's linked"):
        assert len(serving.Snapshot(Path(name)).rows("SELECT * FROM score")) == 2


# Where a call is allowed, and why it is no danger.
_ALLOWED = {
    ("pickle.loads", "xbench/background.py"): "from our own process, through a pipe",
    ("pickle.loads", "xbench/executors/local.py"): "made a line before",
    ("torch.load", "ingest/jiant.py"): "only with --allow-pickle",
}
_NEVER = {
    "pickle.loads", "pickle.load", "torch.load", "eval", "exec", "os.system", "os.popen", "marshal.loads", "shelve.open",
    "yaml.load", "yaml.safe_load",  # the safe one makes more of aliases than memory holds
    "pickle.Unpickler", "dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "pd.read_pickle", "pandas.read_pickle",
}  # fmt: skip
_RISKY = {
    "shell": "False",
    "trust_remote_code": "False",
    "allow_pickle": "False",
    "weights_only": "True",
}  # where it is said, what it must be


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    found = set()
    for path in [ROOT / "app.py", *(p for folder in ("xbench", "ingest") for p in (ROOT / folder).rglob("*.py"))]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in _NEVER:
                found.add((called, name))
            for keyword in node.keywords:
                said = ast.unparse(keyword.value)
                safe = said == _RISKY.get(keyword.arg or "", said) or (called, name) in _ALLOWED
                assert safe, f"{name}:{node.lineno}: {keyword.arg}={said}"
    assert found == set(_ALLOWED), "a call that runs what it reads, or one that is gone from here"


def test_no_database_fetches_an_extension() -> None:
    """DuckDB by itself downloads one for an address that it does not know."""
    for path in [ROOT / "app.py", *(p for folder in ("xbench", "ingest") for p in (ROOT / folder).rglob("*.py"))]:
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        assert ("duckdb.connect" in calls) == (path.relative_to(ROOT).as_posix() == "xbench/places.py"), path
    con = places.database()
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert con.execute(f"SELECT current_setting('{setting}')").fetchall() == [(False,)]
    for address in ("s3://bucket/x.parquet", "http://127.0.0.1:9/x.parquet"):
        with pytest.raises(duckdb.Error, match="requires the extension httpfs to be loaded"):
            con.execute(f"SELECT * FROM read_parquet('{address}')")
