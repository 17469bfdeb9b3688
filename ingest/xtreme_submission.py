"""XTREME submission folders: TASK/test-LANGUAGE.tsv and .json, scored against --references, example by example.

As `xbench score` does for one folder. Whose predictions they are must be said (--set model=…).
"""

from collections.abc import Iterator
from pathlib import Path

from xbench import submission
from xbench.adapter import Options, Row
from xbench.errors import DataError

EXAMPLE = "predictions/ with --references labels/ --set model=xlm-roberta-large"
FOLDERS = True
UNSAID = {"intermediate": "unknown", "source": "submission"}


def recognises(path: Path, head: bytes) -> bool:
    return submission.is_submission(path)


def read(path: Path, options: Options) -> Iterator[Row]:
    if options.references is None:
        raise DataError(f"{path}: holds predictions of an XTREME submission; say where the gold labels are with --references")
    yield from submission.rows(options.references, path)
