"""What there is to read: files, folders that an adapter takes whole, and what is in archives."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import NamedTuple

from xbench import adapter, unpacking
from xbench.adapter import Options
from xbench.errors import DataError
from xbench.rows import Refusal

_NUMBER = re.compile("([0-9]+)")


class Document(NamedTuple):
    """A file or folder that an adapter takes whole.

    Attributes:
        path: Where it is; a text, as there may be very many.
        shown: Its name in messages.
        format_name: Its adapter, where that is known.
        asked_for: Whether it was named itself, not found in a folder.
        size: Bytes of a file; None of a folder.
    """

    path: str
    shown: str
    format_name: str | None
    asked_for: bool
    size: int | None


@dataclass(frozen=True, slots=True)
class _Search:
    options: Options
    format_name: str | None
    whole: bool  # whether the adapter that was named takes folders
    refusals: list[Refusal]
    stack: ExitStack


def documents(
    paths: Iterable[Path], options: Options, format_name: str | None, refusals: list[Refusal], stack: ExitStack
) -> Iterator[Document]:
    """The documents of files, folders and archives.

    Args:
        paths: Where to look.
        options: For the adapters.
        format_name: The adapter, if it is known.
        refusals: Takes what cannot be read.
        stack: Keeps what archives hold, until it is closed.
    """
    whole = format_name is not None and adapter.takes_folders(format_name, options.folder)
    search = _Search(options, format_name, whole, refusals, stack)
    for path in paths:
        if not path.exists():
            refusals.append(Refusal(str(path), "", "", f"{path}: does not exist"))
            continue
        empty = True
        for document in _inside(search, path, str(path), asked_for=True):
            empty = False
            yield document
        if empty and path.is_dir():
            refusals.append(Refusal(str(path), "", "", f"{path}: holds no file"))


def _inside(search: _Search, path: Path, shown: str, *, packed: bool = False, asked_for: bool = False) -> Iterator[Document]:
    """The documents of a path, folders and archives opened; archives in archives are not, as there is no end to them."""
    if not packed and unpacking.is_archive(path):
        yield from _unpacked(search, path, shown, asked_for)
    elif path.is_dir():
        known = adapter.recognised(path, search.options, folders=True)
        if known is not None and (not search.whole or known == search.format_name):
            yield Document(str(path), shown, known, asked_for, None)
        else:
            yield from _in_folder(search, path, shown, packed)
    elif not path.is_file():  # a pipe gives what it holds once, and whoever opens it waits for that
        search.refusals.append(Refusal(shown, "", "", f"{shown}: is neither a file nor a folder; save what it gives to a file"))
    else:
        yield Document(str(path), shown, search.format_name, asked_for, path.stat().st_size)


def _in_folder(search: _Search, path: Path, shown: str, packed: bool) -> Iterator[Document]:
    for entry in _entries(search, path, shown):
        name = f"{shown}/{entry.name}"
        if entry.is_dir() or (not packed and entry.name.lower().endswith(unpacking.ENDINGS) and not search.whole):
            yield from _inside(search, Path(entry.path), name, packed=packed)
        elif not search.whole:
            yield Document(entry.path, name, search.format_name, False, _size(entry))


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # gone since: reading it says so
        return 0


def _unpacked(search: _Search, path: Path, shown: str, asked_for: bool) -> Iterator[Document]:
    folder = Path(search.stack.enter_context(tempfile.TemporaryDirectory()))
    try:
        unpacking.unpack(path, folder)
    except DataError as error:
        search.refusals.append(Refusal(shown, "", "", str(error).replace(str(path), shown)))
        return
    for document in _inside(search, folder, f"{shown}!", packed=True, asked_for=asked_for):
        yield document._replace(shown=f"{shown}!/{Path(document.path).relative_to(folder).as_posix()}")


def _entries(search: _Search, path: Path, shown: str) -> list[os.DirEntry[str]]:
    """What of a folder is looked at: not what is hidden, a companion of other files, or a link to a folder, which may lead back."""
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: _in_order(entry.name))
    except OSError as error:
        search.refusals.append(Refusal(shown, "", "", f"{shown}: cannot be read: {error.strerror}"))
        return []
    companion = _companion(search.options.folder)
    return [
        entry
        for entry in entries
        if (not entry.name.startswith(".") or entry.name == ".eval_results")
        and (entry.is_dir(follow_symlinks=False) or (entry.is_file() and not companion(entry.name)))
    ]


def _in_order(name: str) -> tuple[list[str | int], str]:
    """To sort names by: v9 before v10, as the later of two files that say other things of the same is the one that counts."""
    return [int(part) if place % 2 else part for place, part in enumerate(_NUMBER.split(name))], name


@cache
def _companion(folder: Path | None) -> Callable[[str], object]:
    """Whether a name is one of a companion of other files."""
    return re.compile("|".join(translate(pattern) for pattern in adapter.companions(folder)) or "(?!)").match
