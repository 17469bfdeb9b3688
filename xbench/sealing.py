"""Parquet files that carry the SHA-256 of their own bytes, so that one flipped bit is seen whatever it means.

Pages have no checksums: a flip may silently be another value. The sum stands among the footer's key-value pairs. It is
over the file with 64 zeros in its place: they are written first, as the sum cannot be known before.

Beside it a file of the store says how many rows it has, and of which runs: two that say the same of their runs are of the same ones, and
neither need be read for that. The rows are counted because programs that change a file may leave in it what it said before.
"""

import hashlib
import mmap
from pathlib import Path

_KEY = "xbench_sha256"
_DIGITS = 64
RUNS = "xbench_runs"
# The key as Parquet's footer (Thrift, compact) has it: a field that is text, its length, itself; then the field and length of the sum.
_MARK = b"\x18" + bytes([len(_KEY)]) + _KEY.encode() + b"\x18" + bytes([_DIGITS])


def room(runs: str = "") -> dict[str, str]:
    """What a file has among its key-value pairs before it is sealed; `runs` is what it says of its runs, if it has such."""
    return {_KEY: "0" * _DIGITS} | ({RUNS: runs} if runs else {})


def option(runs: str = "") -> str:
    """The same for DuckDB's COPY."""
    pairs = ", ".join(f"{key}: '{value}'" for key, value in room(runs).items())
    return f"KV_METADATA {{{pairs}}}"


def seal(path: Path) -> None:
    """Put the sum into a file that was written with room for it.

    Raises:
        ValueError: If there is no room for it.
    """
    with path.open("r+b") as handle, mmap.mmap(handle.fileno(), 0) as content:
        at = _place(content)
        if at is None:
            raise ValueError(f"{path} was not written with room for a checksum")
        content[at : at + _DIGITS] = hashlib.sha256(content).hexdigest().encode()
        content.flush()


def intact(path: Path) -> bool | None:
    """Whether the bytes of a file are those that were written; None where it carries no sum (it is of before 0.2, or from elsewhere)."""
    if path.stat().st_size == 0:
        return None
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_COPY) as content:
        at = _place(content)
        if at is None:
            return None
        said = content[at : at + _DIGITS]
        content[at : at + _DIGITS] = b"0" * _DIGITS
        return hashlib.sha256(content).hexdigest().encode() == said


def _place(content: mmap.mmap) -> int | None:
    """Where the sum stands: the last mark, as the footer ends the file and rows may say anything."""
    found = content.rfind(_MARK)
    return None if found < 0 or found + len(_MARK) + _DIGITS > len(content) else found + len(_MARK)
