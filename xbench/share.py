"""Where the files that ship with xbench are: schemas/, data/, studies/, ingest/.

In a checkout (and an editable install) they stand beside the package; a wheel carries them as `xbench/_share/`.
"""

import os
from pathlib import Path

import platformdirs

from xbench.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The shipped folder `name`, for reading.

    Raises:
        DataError: If neither a checkout nor an installed wheel has it.
    """
    for base in (_PACKAGE / "_share", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise DataError(f"xbench was installed without its folder {name!r}; reinstall it")


def cache_folder() -> Path:
    """The user's cache, for converted models and fetched packages: XBENCH_CACHE, or the platform's own place."""
    return Path(os.environ.get("XBENCH_CACHE") or platformdirs.user_cache_dir("xbench"))
