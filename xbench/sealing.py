"""Parquet files that carry the SHA-256 of their own bytes, so that one flipped bit is seen whatever it means.

Pages have no checksums: a flip may silently be another value. The sum stands among the footer's key-value pairs. It is
over the file with 64 zeros in its place: they are written first, as the sum cannot be known before.

Beside it a file of the store says of which runs it has rows: two that say the same are of the same ones, and neither need be read for
that. Programs that write other rows may copy these pairs, so there is a sum of the footer alone too: it holds where everything in the
file is and how large, which of its columns is from what to what, and who wrote it, and takes no time to make again.
"""

import hashlib
import mmap
import os
from pathlib import Path

_KEY = "xbench_sha256"
_FOOTER = "xbench_footer"
_RUNS = "xbench_runs"
_DIGITS = 64
_ZEROS = b"0" * _DIGITS
_TAIL = 8  # bytes after the footer: its length, and PAR1


def _mark(key: str) -> bytes:
    """A key as Parquet's footer (Thrift, compact) has it: a field that is text, its length, itself; then field and length of the digits."""
    return b"\x18" + bytes([len(key)]) + key.encode() + b"\x18" + bytes([_DIGITS])


def room(runs: str = "") -> dict[str, str]:
    """What a file has among its key-value pairs before it is sealed; `runs` are 64 digits that stand for its runs, if it has such."""
    return {_KEY: "0" * _DIGITS, _FOOTER: "0" * _DIGITS} | ({_RUNS: runs} if runs else {})


def option(runs: str = "") -> str:
    """The same for DuckDB's COPY."""
    pairs = ", ".join(f"{key}: '{value}'" for key, value in room(runs).items())
    return f"KV_METADATA {{{pairs}}}"


def seal(path: Path) -> None:
    """Put the sums into a file that was written with room for them.

    Raises:
        ValueError: If there is no room for them.
    """
    with path.open("r+b") as handle, mmap.mmap(handle.fileno(), 0) as content:
        for key, first in ((_FOOTER, len(content) - _TAIL - _length(content[-_TAIL:])), (_KEY, 0)):
            at = _place(content, key)
            if at is None or first < 0:
                raise ValueError(f"{path} was not written with room for a checksum")
            with memoryview(content) as view, view[first:] as part:
                digest = hashlib.sha256(part).hexdigest()
            content[at : at + _DIGITS] = digest.encode()
        content.flush()


def intact(path: Path) -> bool | None:
    """Whether the bytes of a file are those that were written; None where it carries no sum (it is of before 0.2, or from elsewhere)."""
    if path.stat().st_size == 0:
        return None
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_COPY) as content:
        at = _place(content, _KEY)
        if at is None:
            return None
        said = content[at : at + _DIGITS]
        content[at : at + _DIGITS] = _ZEROS
        return hashlib.sha256(content).hexdigest().encode() == said


def runs(path: Path) -> bytes | None:
    """What a file says of its runs; None if it says nothing, or its footer is not the one that was written with that."""
    try:
        with path.open("rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _TAIL))
            length = _length(handle.read())
            handle.seek(max(0, size - _TAIL - length))
            footer = bytearray(handle.read())
    except OSError:
        return None  # who reads its rows says so
    whole, own, runs = (_place(footer, key) for key in (_KEY, _FOOTER, _RUNS))
    if whole is None or own is None or runs is None:
        return None
    said = bytes(footer[own : own + _DIGITS])
    footer[whole : whole + _DIGITS] = footer[own : own + _DIGITS] = _ZEROS
    return bytes(footer[runs : runs + _DIGITS]) if hashlib.sha256(footer).hexdigest().encode() == said else None


def _length(tail: bytes) -> int:
    """Of the footer, in bytes."""
    return int.from_bytes(tail[:4], "little")


def _place(content: mmap.mmap | bytearray, key: str) -> int | None:
    """Where the digits of a key stand: after its last mark, as the footer ends the file and rows may say anything."""
    mark = _mark(key)
    found = content.rfind(mark)
    return None if found < 0 or found + len(mark) + _DIGITS > len(content) else found + len(mark)
