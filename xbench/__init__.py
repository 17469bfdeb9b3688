"""xbench: does training on an intermediate task help a multilingual model, in which languages, and is the evidence good enough?

The public door. Importing it imports neither torch nor duckdb; those come with the first call that needs them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbench.places import place
from xbench.version import __version__

__all__ = ["__version__", "audit", "compare", "export", "ingest", "open_store", "rescore", "run", "score", "standings"]

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from xbench.auditing import Finding
    from xbench.ingesting import Report
    from xbench.rescoring import Rescored
    from xbench.submission import Scored


def open_store(root: str | Path = "results") -> "duckdb.DuckDBPyConnection":
    """Open a store for reading: a DuckDB connection with its tables and views (docs/architecture.md lists them).

    Raises:
        StoreError: If there is no store at `root`, or a file in it cannot be read.
    """
    from xbench import store

    return store.connect(_existing(root))


def run(study: str | Path = "quickstart", root: str | Path = "results", *, threads: int | None = None) -> int:
    """Run what is missing of a study, given as a file or by the name of a shipped one; returns how many cells were run.

    Raises:
        StudyError, ModelError, DataError: Before anything is trained, with every problem at once.
    """
    from xbench import executors
    from xbench.study import find_study, load_study

    path = find_study(str(study))
    plan, models = executors.lay_out(load_study(path))
    return executors.run(plan, models, place(root), options=executors.Options(threads=threads), name=path.stem)


def ingest(*paths: str | Path, root: str | Path = "results", **said: str) -> "Report":
    """Read result files, folders and archives into a store; reading one twice changes nothing, a changed number is a new version.

    Args:
        paths: What to read.
        root: The store.
        said: Columns of rows whose file does not say them (model="xlm-roberta-large").

    Returns:
        What came of it. Rows that were refused are in its `refusals`; all others are stored.
    """
    from xbench import ingesting
    from xbench.adapter import Options

    return ingesting.ingest([Path(p) for p in paths], place(root), options=Options(settings=said))


def audit(root: str | Path = "results") -> "list[Finding]":
    """What in a store is wrong or easily misread, errors first."""
    from xbench import auditing

    return auditing.audit(_existing(root))


def export(root: str | Path, format_name: str, output: str | Path | None = None, **where: Any) -> str:
    """Write rows of a store in a format of xbench.exporting.names(); text comes back where there is no output."""
    from xbench import exporting

    return exporting.export(_existing(root), format_name, Path(output) if output is not None else None, **where)


def score(references: str | Path, predictions: str | Path, model: str, *, root: str | Path = "results", **said: Any) -> "list[Scored]":
    """Score an XTREME submission folder into a store; `said` are further fields of xbench.submission.System, and `suite`.

    Raises:
        DataError: If a folder does not exist or holds no task. What is wrong with single tasks is in what is returned.
    """
    from xbench import submission

    suite = said.pop("suite", "xtreme")
    return submission.score(Path(references), Path(predictions), place(root), submission.System(model, **said), suite)


def rescore(root: str | Path = "results", target: str | None = None) -> "Rescored":
    """Measure stored predictions again under scorers that have changed or are new; old numbers stay."""
    from xbench import rescoring

    return rescoring.rescore(_existing(root), target)


def compare(
    root: str | Path = "results",
    first: "str | Mapping[str, str] | None" = None,
    against: "str | Mapping[str, str] | None" = None,
    **options: Any,
) -> "pd.DataFrame":
    """Systems compared and tested, by default every intermediate task with its direct baseline: a row a language, one for the mean.

    Args:
        root: The store.
        first: The first system, as on the command line ("squad1", "model=...,intermediate=squad1") or as {"intermediate": "squad1"}; all
            that have a second one if not given.
        against: In what the second differs, likewise ("mnli", {"model": ...}); the direct baseline if not given.
        options: by, adjust, margin, confirm, cache of xbench.comparing.compare; and conditions such as target="mini-pos", model=...

    Raises:
        StoreError: If there is no store at `root`, or a condition names what is not known.
    """
    import pandas as pd

    from xbench import board, comparing, pairing

    store = _existing(root)
    one, two = _system(first), _system(against)
    board.refuse_unheard(store, {c: v for c, v in (two or {}).items() if c in pairing.SYSTEM})  # of which there are rows that say so
    return pd.DataFrame(_heard(store, comparing.compare(store, one, two, **options), {**options, **(one or {})}))


def standings(root: str | Path = "results", **options: Any) -> "pd.DataFrame":
    """All systems of each column with the limits of their ranks and their tiers; options as of xbench.placing.standings.

    Raises:
        StoreError: If there is no store at `root`, or a condition names what is not known.
    """
    import pandas as pd

    from xbench.placing import standings as ranked

    store = _existing(root)
    return pd.DataFrame(_heard(store, ranked(store, **options), options))


def _system(said: "str | Mapping[str, str] | None") -> "Mapping[str, str] | None":
    from xbench.errors import StoreError
    from xbench.telling import conditions

    if isinstance(said, str):
        return conditions([said])[0]
    if said is None or isinstance(said, Mapping):
        return said
    raise StoreError(f"a system is a text as on the command line, or {{field: value}}, and not {said!r}")


def _existing(root: str | Path) -> Path:
    """A store that is read: a misspelt name is not an empty store."""
    from xbench import listing

    return listing.existing(place(root))


def _heard(store: Path, rows: list[dict[str, Any]], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows; of none, a misspelt condition is no answer."""
    if not rows:
        from xbench import board

        board.refuse_unheard(store, asked)
    return rows
