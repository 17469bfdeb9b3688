"""Where a store lies: a folder, or a place that fsspec knows, such as s3://bucket/path. Files appear there whole or not at all."""

import contextlib
import errno
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from xbench.errors import ContractError, StoreError, WriteError

if TYPE_CHECKING:
    import duckdb


def place(text: str | Path) -> Path:
    """A path from what the user wrote: `PROTOCOL://…` of another machine is a UPath, which does what a Path does; all else a Path.

    Raises:
        StoreError: If the protocol's library is not installed, or the path is not UTF-8: DuckDB opens no such file.
    """
    if str(text) != (said := readable(str(text))):
        raise StoreError(f"a store cannot be at {said}: this is not UTF-8")
    protocol, separated, rest = str(text).partition("://")
    if not separated:
        return Path(text).expanduser() if str(text).startswith("~/") else Path(text)
    if protocol in ("file", "local"):
        return Path(unquote(rest) if protocol == "file" else rest)
    try:
        from upath import UPath

        # Listings are never kept: other workers write to the same place.
        found: Any = UPath(str(text), use_listings_cache=False)
        found.fs  # noqa: B018 - asks for the protocol's library now, not in the middle of a run
    except (ImportError, ValueError) as error:
        raise StoreError(f"a store at {text} needs a library: pip install 'xbench[s3]'", [str(error)]) from error
    return found  # type: ignore[no-any-return]


def readable(text: str) -> str:
    """A text as UTF-8 can hold it: names of files, and JSON, may have what it cannot."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_remote(path: Path) -> bool:
    """Whether the path is not one of this machine's file system."""
    return not isinstance(path, Path)


def database(*paths: Path, **config: int) -> "duckdb.DuckDBPyConnection":
    """A DuckDB in memory that can read what lies at these places; an address that it does not know is an error, not a download.

    Left to itself it fetches an extension for every `s3://` that no file system was registered for, and loads what it fetched.

    Args:
        paths: Stores, or files.
        config: More of DuckDB's settings.
    """
    import duckdb

    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, **config})
    for system in {id(path.fs): path.fs for path in paths if is_remote(path)}.values():  # type: ignore[attr-defined]
        con.register_filesystem(system)
    return con


_KEPT: dict[Any, "duckdb.DuckDBPyConnection"] = {}


@contextmanager
def kept(**config: int) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection to a database that is kept, one for each of these settings: to begin one takes longer than to read a small file.

    Kept for the process, as what was forked has none of its threads and locks; never after an error of its own, which may leave it unfit.
    """
    key = (os.getpid(), *sorted(config.items()))
    if key not in _KEPT:
        _KEPT[key] = database(**config)
    con = _KEPT[key].cursor()
    try:
        yield con
    except ContractError:  # of the rows
        raise
    except BaseException:
        _KEPT.pop(key, None)
        raise
    finally:
        con.close()


@contextmanager
def reader(*paths: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection to ask files something with, which sets nothing and makes nothing but what is temporary.

    Of the file systems of this machine one database serves all. It keeps nothing of files, which may be others by the next question.
    """
    with database(*paths) if any(map(is_remote, paths)) else kept(enable_external_file_cache=False) as con:
        yield con


def remove(path: Path) -> None:
    """Delete this one file, if it is there. `unlink` of a UPath takes `*`, `?` and `[` for patterns, and deletes all that fit them."""
    if not is_remote(path):
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        path.fs.rm_file(str(path))  # type: ignore[attr-defined]


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Keep a lock that is this file, on this machine's own file systems: others wait for it. False where there are no locks.

    Raises:
        WriteError: If the system does not let it be made.
    """
    from filelock import FileLock

    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        held = True
    except NotImplementedError:  # some file systems of clusters have none
        held = False
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        yield held
    finally:
        lock.release()


# What to do about the commonest errors of the system, by number.
_ADVICE = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "make room and give the same command again: what was complete is there, what was not is redone",
) | dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "let this user write to that folder, or choose another one")

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


def unwritable(path: Path, error: Exception, advice: str = "") -> WriteError:
    """That a file could not be written, why, and what to do (`advice`, or what goes with the error); nothing of it is there."""
    number = error.errno if isinstance(error, OSError) else None
    said = " ".join(str(error).split())
    if number is None:  # a library says it in words
        number = next((n for n in _ADVICE if os.strerror(n).lower() in said.lower()), None)
    advice = advice or _ADVICE.get(number or 0, "")
    return WriteError(f"{path} could not be written", [said, *([advice] if advice else [])])


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A new file to be written; after the block it is at `path`, replacing what was there, or, after an error, it never was.

    On a file system by fsync and rename within the folder; in an object store by one upload.

    Raises:
        WriteError: If the system does not let it be written.
    """
    try:
        with _whole(path) as new:
            yield new
    except OSError as error:
        raise unwritable(path, error) from error


def _beside(path: Path) -> Path:
    """A temporary name for a file, which says which it is where that is not too long for a name."""
    said = f".{path.name}" if len(os.fsencode(path.name)) <= 200 else ""
    return path.with_name(f"{said}.{uuid.uuid4().hex}.tmp")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    if is_remote(path):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / path.name
            yield local
            path.fs.put_file(str(local), str(path))  # type: ignore[attr-defined]
        return
    if path.is_dir():  # `.` has no name to write beside
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def create(path: Path, content: bytes) -> bool:
    """Write a small file, whole, unless there is another one of that name; whether it is there. Of several who try, one does.

    Where an answer is lost, NFS and S3 are asked again, and say of the file that was just made that it was there. So who tries has to write
    what nobody else does: the one that is there is known by its content.

    Raises:
        WriteError: If the file system has no hard links, by which that is done.
    """
    if is_remote(path):
        try:
            path.fs.pipe_file(str(path), content, mode="create")  # type: ignore[attr-defined]
        except FileExistsError:
            return path.read_bytes() == content
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            if path.read_bytes() != content:
                return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            advice = "its file system has no hard links: copy the store to one that has, and back if need be"
            raise unwritable(path, error, advice) from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


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
