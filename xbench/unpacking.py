"""Archives, unpacked with limits: nothing is written outside the folder given, and nothing larger than allowed."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO

from xbench.errors import DataError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MOST_BYTES = 8 << 30
MOST_FILES = 500_000
MOST_TIMES = 200  # times its packed size, above the first MiB: what real results reach stays far below, bombs are far above
_SLACK = 1 << 20
_CHUNK = 1 << 20
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, zlib.error, lzma.LZMAError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether the name says that `path` is an archive that can be unpacked."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def unpack(path: Path, into: Path) -> None:
    """Unpack the regular files of an archive.

    Args:
        path: .zip or .tar, packed or not.
        into: An empty folder.

    Raises:
        DataError: If it is damaged, has a member outside its folder, a link, a device or an encrypted member, or unpacks to too much.
    """
    most = min(MOST_BYTES, _SLACK + path.stat().st_size * MOST_TIMES)
    written = files = 0
    try:
        for name, source in _members(path):
            target = into / _safe(path, name)
            files += 1
            if files > MOST_FILES:
                raise DataError(f"{path} holds more than {MOST_FILES:,} files")
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(source), target.open("xb") as sink:
                while chunk := source.read(_CHUNK):
                    written += len(chunk)
                    if written > most:
                        raise DataError(f"{path} unpacks to more than {most:,} bytes from {path.stat().st_size:,}: not unpacked")
                    sink.write(chunk)
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be unpacked: {type(error).__name__} {error}") from error


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.flag_bits & 1:
                    raise DataError(f"{path}: {info.filename!r} is encrypted")
                if not info.filename.endswith("/"):
                    yield info.filename, archive.open(info)
        return
    with tarfile.open(path) as packed:
        for member in packed:
            if member.isdir():
                continue
            source = packed.extractfile(member) if member.isreg() else None
            if source is None:
                raise DataError(f"{path}: {member.name!r} is a link or a device, expected files alone")
            yield member.name, source


def _safe(path: Path, name: str) -> Path:
    """A member's place below the folder; a name that leads out of it is refused."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise DataError(f"{path}: member {name!r} leads out of its folder: not unpacked")
    return Path(*parts)
