"""Results of comparisons, kept by content: computed again only when the scores behind them are others."""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from xbench import share
from xbench.version import __version__

Row = dict[str, Any]
_MODULES = ("aggregated", "comparing", "contrasts", "languages", "pairing", "placing")
_MOST = 2_000  # results that are kept; then the ones unused for longest go


def folder() -> Path:
    """Where results are kept."""
    return share.cache_folder() / "comparisons"


def kept(content: Any, compute: Callable[[], list[Row]]) -> list[Row]:
    """The rows for this content: those kept from an earlier call, or computed now and kept.

    A folder that cannot be written, or a damaged file in it, costs time and nothing else.

    Args:
        content: All that the rows depend on, as JSON.
        compute: Makes them; only JSON types.
    """
    text = json.dumps([__version__, _code(), content], sort_keys=True, default=str)
    path = folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
        os.utime(path)
    except (OSError, ValueError):
        rows = compute()
        _keep(path, rows)
    return rows


@cache
def _code() -> str:
    """The code that makes rows out of scores: other code, other results."""
    here = Path(__file__).parent
    files = sorted([*(here / "stats").glob("*.py"), *(here / f"{m}.py" for m in _MODULES)])
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def _keep(path: Path, rows: list[Row]) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(rows), encoding="utf-8")
        temporary.replace(path)
        files = sorted(path.parent.glob("*.json"), key=lambda p: p.stat().st_mtime)
        for old in files[:-_MOST]:
            old.unlink(missing_ok=True)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
