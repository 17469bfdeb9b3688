"""A store on S3, against a server on this machine: run by two workers, killed, read, opened by the command line and another writer."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xbench import board, executors, places, store
from xbench.errors import StoreError
from xbench.executors import Options, tracking

# In a process of its own: what happens to this one's threads, warnings and descriptors in other tests shall not end it. It ends with its input.
_SERVER = """
import sys
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    log = tmp_path_factory.mktemp("moto") / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        assert port, log.read_text()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        found: Any = places.place("s3://bucket/store")
        try:
            found.fs.mkdir("bucket")
        except OSError as error:
            raise AssertionError(f"the server ended with {server.poll()}: {log.read_text()}") from error
        yield "s3://bucket"
        assert server.poll() is None, log.read_text()
        server.kill()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_study_on_s3(bucket: str, tiny_model: Path, tmp_path: Path) -> None:
    from tests.test_executors import laid_out

    given = laid_out(tmp_path, tiny_model, targets=["mini-ner"])
    local = tmp_path / "store"
    executors.run(*given, local, options=Options(threads=1))
    root = places.place(f"{bucket}/store")
    assert not store.complete_runs(root)
    assert executors.run(*given, root, options=Options(threads=1, workers=2, every=0.5, keep="encoders")) == 2
    assert executors.run(*given, root, options=Options(threads=1, keep="encoders")) == 0
    for table in ("prediction", "outcome", "score"):
        names = sorted(p.name for p in (root / table).glob("*.parquet"))
        assert names == sorted(p.name for p in (local / table).glob("*.parquet"))
        assert all((root / table / n).read_bytes() == (local / table / n).read_bytes() for n in names)
    assert {r["state"] for r in tracking.status(root)} == {"done"}
    assert board.leaderboard(root) == board.leaderboard(local)
    # a third target starts from the encoder that was kept there
    seen: list[str] = []
    more = laid_out(tmp_path, tiny_model, targets=["mini-ner", "mini-nli"])
    executors.run(*more, root, executors.Progress(report=lambda what, done, total: seen.append(what)), Options(threads=1))
    assert "train mini-pos > mini-nli" in seen
    assert "train mini-pos" not in seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_line_takes_such_a_place(bucket: str, capfd: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    from xbench.cli import app

    out = CliRunner().invoke(app, ["leaderboard", "--store", f"{bucket}/store", "--json"])
    assert out.exit_code == 0, out.output
    assert "mini-ner" in out.stdout
    out = CliRunner().invoke(app, ["status", f"{bucket}/store"])
    assert "done" in out.stdout


def test_files_are_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file.txt"
    with places.whole(path) as new:
        new.write_text("one")
    error = ValueError("in the middle")
    with contextlib.suppress(ValueError), places.whole(path) as new:
        new.write_text("two")
        raise error
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_protocol_that_nothing_knows() -> None:
    pytest.importorskip("upath")
    with pytest.raises(StoreError, match="a store at nosuch://x needs a library"):
        places.place("nosuch://x")
