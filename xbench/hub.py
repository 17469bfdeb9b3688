"""Data sets of the Hugging Face hub, through `datasets`: from its cache, or downloaded, always at one pinned commit.

A repository is pinned when it is first used: the commit is written to CACHE/hub-revisions.json and used from then on, on this machine,
until that line is removed; it is part of every result's data revision.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbench import places, share
from xbench.errors import DataError
from xbench.task import Example, Split

Convert = Callable[[Mapping[str, Any], int, Mapping[str, Any]], Example | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A data set on the hub.

    Attributes:
        repository: As `google/xtreme`.
        place: (language, split) -> (configuration, split) there; None where it has nothing for them.
        convert: (row, its number, features) -> example; None leaves the row out.
    """

    repository: str
    place: Callable[[str, Split], tuple[str | None, str] | None]
    convert: Convert

    def load(self, language: str, split: Split) -> Sequence[Example]:
        """The examples of one language and split.

        Raises:
            DataError: If the hub has none, or cannot be reached and the cache does not hold them.
        """
        import datasets

        place = self.place(language, split)
        if place is None:
            raise DataError(f"{self.repository} on the hub has no {split} data in {language!r}")
        configuration, part = place
        commit = self._commit()
        try:
            rows = datasets.load_dataset(self.repository, configuration, split=part, revision=commit)
        except Exception as error:
            raise DataError(f"{self.repository} ({configuration}, {part}) at {commit[:12]} cannot be had: {_said(error)}") from error
        try:
            found = [self.convert(row, number, rows.features) for number, row in enumerate(rows)]
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"{self.repository} ({configuration}, {part}): a row is not as expected: {_said(error)}") from error
        return [e for e in found if e is not None]

    def revision(self) -> str:
        """Repository and commit.

        Raises:
            DataError: If it was never used here and the hub cannot be reached.
        """
        return f"{self.repository}@{self._commit()}"

    def cached(self, language: str, split: Split) -> bool:
        """Whether it is pinned here and has such data; `xbench data check` downloads nothing else."""
        return self.repository in _pins() and self.place(language, split) is not None

    def _commit(self) -> str:
        if (pinned := _pins().get(self.repository)) is not None:
            return pinned
        newest = self._newest()
        path = share.cache_folder() / "hub-revisions.json"
        with places.locked(path.with_name(f".{path.name}.lock")):  # several runs may pin at once
            pins = {self.repository: newest, **_pins()}  # the first stays
            with places.whole(path) as half:
                half.write_text(json.dumps(pins, indent=1, sort_keys=True), encoding="utf-8")
        return pins[self.repository]

    def _newest(self) -> str:
        from huggingface_hub import HfApi

        if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise DataError(f"{self.repository} was never used here, and HF_HUB_OFFLINE forbids to look for it")
        try:
            commit = HfApi().dataset_info(self.repository, timeout=20).sha
        except Exception as error:
            raise DataError(f"the Hugging Face hub cannot be asked for {self.repository}: {_said(error)}") from error
        return str(commit)


def _pins() -> dict[str, str]:
    path = share.cache_folder() / "hub-revisions.json"
    if not path.is_file():
        return {}
    try:
        pins = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON; remove it to pin the newest commits again") from error
    if not isinstance(pins, dict):
        raise DataError(f"{path} is no JSON object of commits by repository; remove it to pin the newest commits again")
    return {str(k): str(v) for k, v in pins.items()}


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
