"""Where a store lies: a folder, or a place that fsspec knows, such as s3://bucket/path. Files appear there whole or not at all."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbench.errors import StoreError

if TYPE_CHECKING:
    import duckdb


def place(text: str | Path) -> Path:
    """A path from what the user wrote: `PROTOCOL://…` is a UPath, which does what a Path does; all else a Path.

    Raises:
        StoreError: If the protocol's library is not installed.
    """
    if "://" not in str(text):
        return Path(text)
    try:
        from upath import UPath

        # Listings are never kept: other workers write to the same place.
        found: Any = UPath(str(text), use_listings_cache=False)
        found.fs  # noqa: B018 - asks for the protocol's library now, not in the middle of a run
    except (ImportError, ValueError) as error:
        raise StoreError(f"a store at {text} needs a library: pip install 'xbench[s3]'", [str(error)]) from error
    return found  # type: ignore[no-any-return]


def is_remote(path: Path) -> bool:
    """Whether the path is not one of this machine's file system."""
    return not isinstance(path, Path)


def register(con: "duckdb.DuckDBPyConnection", path: Path) -> None:
    """Let a connection read what lies at `path`."""
    if is_remote(path):
        con.register_filesystem(path.fs)  # type: ignore[attr-defined]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A new file to be written; after the block it is at `path`, replacing what was there, or, after an error, it never was.

    On a file system by fsync and rename within the folder; in an object store by one upload.
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / path.name
            yield local
            path.fs.put_file(str(local), str(path))  # type: ignore[attr-defined]
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def move(path: Path, to: Path) -> None:
    """Take a file of this machine to another folder of the same file system: at any moment it is at one of the two places, whole.

    Raises:
        StoreError: If it cannot be moved.
    """
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        path.replace(to)
    except OSError as error:
        raise StoreError(f"{path} cannot be moved to {to}", [str(error)]) from error
    _sync_folder(to.parent)
    _sync_folder(path.parent)


@contextmanager
def local(path: Path) -> Iterator[Path]:
    """A file of this machine with what is at `path`: itself, or a copy for the time of the block."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        path.fs.get_file(str(path), str(copy))  # type: ignore[attr-defined]
        yield copy


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can (Windows cannot open a folder)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
