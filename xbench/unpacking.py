"""Archives, unpacked with limits: nothing is written outside the folder given, and nothing larger than allowed."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Any

from xbench.errors import DataError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MOST_BYTES = 8 << 30
MOST_FILES = 500_000
MOST_TIMES = 200  # times its packed size, above the first MiB: what real results reach stays far below, bombs are far above
_SLACK = 1 << 20
_CHUNK = 1 << 20
_HEADER = 16 << 10  # of a member: two long paths are half of it, and Pythons before 3.11.10 take the square of its length to read it
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
    written = members = 0
    try:
        for name, source in _members(path):
            members += 1
            if members > MOST_FILES:
                raise DataError(f"{path} holds more than {MOST_FILES:,} files")
            if source is None:
                continue
            target = into / _safe(path, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(source), target.open("xb") as sink:
                while chunk := source.read(_CHUNK):
                    written += len(chunk)
                    if written > most:
                        raise DataError(f"{path} unpacks to more than {most:,} bytes from {path.stat().st_size:,}: not unpacked")
                    sink.write(chunk)
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be unpacked: {type(error).__name__} {error}") from error


def _members(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Each member's name and content; None for a folder."""
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.flag_bits & 1:
                    raise DataError(f"{path}: {info.filename!r} is encrypted")
                yield info.filename, None if info.filename.endswith("/") else archive.open(info)
        return
    with _unpacked(path) as stream:
        limited = _Limited(path, stream)
        with tarfile.open(fileobj=limited, mode="r:") as packed:  # type: ignore[call-overload]
            for member in packed:
                packed.members = []  # it keeps them all
                source = packed.extractfile(member) if member.isreg() else None
                if source is None and not member.isdir():
                    raise DataError(f"{path}: {member.name!r} is a link or a device, expected files alone")
                limited.most = _CHUNK
                yield member.name, source
                limited.most = _HEADER


def _unpacked(path: Path) -> IO[bytes]:
    """The bytes of a tar archive, however it is packed."""
    with path.open("rb") as handle:
        head = handle.read(6)
    packing: Any = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7": lzma}.get(head[:2])
    return path.open("rb") if packing is None else packing.open(path)


class _Limited:
    """A file of which not too much is read at once: tarfile asks for headers as long as they say they are."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self.stream, self.most = path, stream, _HEADER
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if size > self.most:
            raise DataError(f"{self.path} has a header of {size:,} bytes, expected {self.most:,} at most: not unpacked")
        return self.stream.read(size)


def _safe(path: Path, name: str) -> Path:
    """A member's place below the folder; a name that leads out of it is refused."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise DataError(f"{path}: member {name!r} leads out of its folder: not unpacked")
    return Path(*parts)
