"""Archives give what their folders give; one that leads elsewhere, or is larger than it may be, is refused."""

import io
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.test_ingest import write
from xbench import ingesting, unpacking
from xbench.errors import DataError


def archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as packed_tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                packed_tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_archives_give_what_their_folders_give(tmp_path: Path, ending: str) -> None:
    content = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper").read_bytes()
    report = ingesting.ingest([archive(tmp_path / f"r{ending}", {"x/a.csv": content, "x/b.bin": b"x"})], tmp_path / "s")
    assert (report.cells, report.unknown, report.refusals) == ({"new": 1}, 1, [])
    assert ingesting.ingest([tmp_path / "a.csv"], tmp_path / "s").cells == {"identical": 1}
    bad = archive(tmp_path / f"b{ending}", {"x/a.csv": content.replace(b"0.5", b"5")})
    assert str(ingesting.ingest([bad], tmp_path / "s").refusals[0]).startswith(f"{bad}!/x/a.csv:2: column 'value'")


@pytest.mark.parametrize("name", ["../out.csv", "/out.csv", "x/../../out.csv", "C:\\out.csv", "..\\out.csv"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_members_that_lead_out_of_an_archive_refuse_it(tmp_path: Path, name: str, ending: str) -> None:
    (tmp_path / "in").mkdir()
    path = archive(tmp_path / "in" / f"r{ending}", {name: b"x"})
    report = ingesting.ingest([path], tmp_path / "s")
    assert "leads out of its folder" in str(report.refusals[0])
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", path.name]


def test_bombs_links_and_damage_refuse_an_archive(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "b.zip", {"a.csv": b"0" * (300 << 20)})
    assert "unpacks to more than" in str(ingesting.ingest([bomb], tmp_path / "s").refusals[0])
    with tarfile.open(tmp_path / "l.tar", "w") as packed:
        info = tarfile.TarInfo("a.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    assert "is a link or a device" in str(ingesting.ingest([tmp_path / "l.tar"], tmp_path / "s").refusals[0])
    (tmp_path / "d.zip").write_bytes(bomb.read_bytes()[:-40])
    (tmp_path / "d.tar.gz").write_bytes(b"\x1f\x8b\x08 nothing")
    for name in ("d.zip", "d.tar.gz"):
        assert "cannot be unpacked" in str(ingesting.ingest([tmp_path / name], tmp_path / "s").refusals[0])


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_folders_and_headers_of_an_archive_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """They take time and memory without a byte of content."""
    folders = tmp_path / f"f{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(folders, "w") as packed:
            for i in range(40):
                packed.mkdir(str(i))
    else:
        with tarfile.open(folders, "w:gz") as tar:
            for i in range(40):
                info = tarfile.TarInfo(str(i))
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
        with tarfile.open(tmp_path / "h.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
            info = tarfile.TarInfo("a.csv")
            info.pax_headers = {"comment": "x" * (5 << 20)}
            tar.addfile(info)
        assert "has a header of 5,243,392 bytes" in str(ingesting.ingest([tmp_path / "h.tar.gz"], tmp_path / "s").refusals[0])
    unpacking.unpack(folders, tmp_path)
    monkeypatch.setattr(unpacking, "MOST_FILES", 39)
    with pytest.raises(DataError, match="holds more than 39 files"):
        unpacking.unpack(folders, tmp_path)


@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz"])
def test_a_tar_archive_is_unpacked_however_it_is_packed(tmp_path: Path, packing: Any) -> None:
    """Its name need not say how."""
    content = {f"x/{i}.bin": random.Random(i).randbytes(i << 12) for i in range(40)}
    with tarfile.open(tmp_path / "a.tar", f"w:{packing}") as tar:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    (tmp_path / "to").mkdir()
    unpacking.unpack(tmp_path / "a.tar", tmp_path / "to")
    assert {p.relative_to(tmp_path / "to").as_posix(): p.read_bytes() for p in (tmp_path / "to").rglob("*.bin")} == content


def test_archives_in_archives_and_links_are_left_alone(tmp_path: Path) -> None:
    content = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper").read_bytes()
    inner = archive(tmp_path / "in.zip", {"a.csv": content})
    outer = archive(tmp_path / "out.zip", {"in.zip": inner.read_bytes(), "b.csv": content})
    report = ingesting.ingest([outer], tmp_path / "s")
    assert (report.cells, report.unknown) == ({"new": 1}, 1)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "back").symlink_to(tmp_path / "loop")
    (tmp_path / "loop" / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert "holds no file" in str(ingesting.ingest([tmp_path / "loop"], tmp_path / "s").refusals[0])
