"""XTREME submission folders: TASK/test-LANGUAGE.tsv and .json, scored against --references, example by example.

As `xbench score` does for one folder. Whose predictions they are must be said (--set model=…).
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from xbench import plugins
from xbench.adapter import Options, Row
from xbench.errors import DataError
from xbench.task import TASKS

EXAMPLE = "predictions/ with --references labels/ --set model=xlm-roberta-large"
FOLDERS = True
UNSAID = {"intermediate": "unknown", "source": "submission"}


def recognises(path: Path, head: bytes) -> bool:
    # As most folders: to load all tasks takes longer than to read many a folder, and to make a Path of each entry too.
    if _names().isdisjoint(os.listdir(path)):  # noqa: PTH208
        return False
    from xbench import submission

    return submission.is_submission(path)


@cache
def _names() -> frozenset[str]:
    """What the folders of a submission are called."""
    return frozenset(name.removeprefix("xtreme-r-") for name in plugins.names(TASKS))


def read(path: Path, options: Options) -> Iterator[Row]:
    if options.references is None:
        raise DataError(f"{path}: holds predictions of an XTREME submission; say where the gold labels are with --references")
    from xbench import submission

    yield from submission.rows(options.references, path)
