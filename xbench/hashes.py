"""Content as one text, and names made of it: equal content has equal names."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DEV = " dev "  # in the revision of a target, before that of its development data in other languages


def canonical_json(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def short_hash(value: Mapping[str, Any], digits: int) -> str:
    """The first `digits` hex digits of the SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:digits]


def folder_hash(folder: Path, file_hash: Callable[[Path], str]) -> str:
    """SHA-256, in hex digits, over the names and contents of the files of a folder.

    Args:
        folder: With all that is inside.
        file_hash: Stands for the content of a file.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_hash(path)}\n".encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def developed_on(kind: str, target_revision: str) -> str:
    """The part of it that is about the development data of target languages; empty where nothing of ours was selected on them."""
    return target_revision.partition(DEV)[2] if kind == "run" else ""


def tested_revision(target_revision: str) -> str:
    """Of the data that a run of ours read, the revision of what it is tested on: how its step was selected makes no other column."""
    return target_revision.partition(DEV)[0]
