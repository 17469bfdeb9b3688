"""Every error that xbench raises on purpose.

XbenchError
├── ContractError    rows that break a table contract of schemas/
├── DataError        a data file that is missing, malformed or not what was pinned
├── StudyError       a study file that cannot be planned
├── ModelError       a model that cannot be found, read or trusted
├── PluginError      an unknown task, scorer, view or ingest format
└── StoreError       a store that cannot be opened or read
"""

import difflib
from collections.abc import Iterable, Sequence


class XbenchError(Exception):
    """Base class: the command line prints its message and exits with 1.

    Args:
        headline: What went wrong, in one line.
        problems: Every single problem found, each naming file, row and column where it has them.
    """

    def __init__(self, headline: str, problems: Sequence[str] = ()) -> None:
        self.headline = headline
        self.problems = tuple(problems)
        super().__init__("\n".join([headline, *(f"  - {p}" for p in self.problems)]))

    @property
    def line(self) -> str:
        """All of it in one line, as one problem among others."""
        return "; ".join([self.headline, *self.problems])


class ContractError(XbenchError):
    """Rows that break a table contract of schemas/."""


class DataError(XbenchError):
    """A data file that is missing, malformed or not what was pinned."""


class NotHereError(DataError):
    """Data that has to be fetched first; the message says how."""


class StudyError(XbenchError):
    """A study file that cannot be planned."""


class ModelError(XbenchError):
    """A model that cannot be found, read or trusted."""


class PluginError(XbenchError):
    """An unknown task, scorer, view or ingest format."""


class StoreError(XbenchError):
    """A store that cannot be opened or read."""


class WriteError(StoreError):
    """A file that could not be written: the disk is full, or the folder may not be written to."""


def few(names: Sequence[str], most: int) -> str:
    """Names in a sentence, the first of very many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def meant(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` for a misspelt name that is near a known one; empty where none is."""
    return suggested(difflib.get_close_matches(str(name).lower(), sorted(set(known)), n=1))


def suggested(close: Sequence[str]) -> str:
    """`; did you mean 'X' or 'Y'?`; empty where there is nothing to suggest."""
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
