"""Which files of a store count: those that writers wrote, and those that compactions made of them.

    STORE/TABLE/NAME.parquet                      written by a run or an ingest, never changed
    STORE/TABLE/compacted.NNNNNN-HASH.GG.parquet  rows of many of them, written by compaction NNNNNN
    STORE/compaction/NNNNNN.json                  says which compacted files count; the highest number is the one that counts
    STORE/compaction/NNNNNN-HASH.parquet          the names that the compacted files stand for
    STORE/store.json                              the format, which versions of before refuse that would read the store wrongly

A compaction's JSON file is written last, and only if no other has taken its number: before it nothing has happened, after it all has. Files
that are replaced stay for a while beside those that replace them, for readers that listed them before, and do not count any more.
"""

import contextlib
import json
import os
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Any

import duckdb

from xbench import places, sealing
from xbench.contracts import LAST_FIRST, TABLES
from xbench.errors import StoreError
from xbench.hashes import short_hash
from xbench.readers import from_json

FOLDER = "compaction"
PREFIX = "compacted."  # of the files of a compaction; writers must not use it
SORTING = ".sorting-"  # of the folders in which compactions sort
OF_COMPACTION = re.compile(r"[0-9]{6}(\.json|-[0-9a-f]{8}\.parquet)")  # what compactions write into FOLDER
INGESTED = "ingest."  # of the files of an ingest
MANY = 1000  # files: from here on opening a store takes seconds
LOT = 2000  # files read at once: DuckDB keeps some 80 kB for each
_LOOKED_AT = 200  # files: to look at the footers of more takes longer than it saves
RECENT = 600  # seconds for which rows without a run may be of one that is being written
# One of them is in every store.
_OF_A_STORE = (*TABLES, FOLDER, "store.json", "study", "running", "failed", "checkpoints", "quarantine")
COMPACTED, RETRACTED = 2, 3  # formats of a store: 1 has what writers wrote alone, 2 may have compactions, 3 runs that are taken out
FORMAT = RETRACTED  # the newest one


@dataclass(frozen=True, slots=True)
class Compaction:
    """What `STORE/compaction/NNNNNN.json` says.

    Attributes:
        number: 1 for the first; 0 where there was none.
        made: When it was written, seconds since 1970.
        files: By table, the names of the compacted files that count, without their ending.
        names: The file that lists what they stand for: `tbl`, `name` and, for table `run`, `written` (seconds since 1970, of the file),
            `run_id` and `into` (the compacted file). Empty where there was no compaction.
    """

    number: int = 0
    made: float = 0.0
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: str = ""


@dataclass(frozen=True, slots=True)
class Stranded:
    """The runs of a compacted file that does not count: those in no file that does, and those that are elsewhere too.

    The second are in a file that counts, or in another one that does not. Neither, where the file cannot be read.
    """

    lost: frozenset[str]
    elsewhere: frozenset[str]


class Listing:
    """The files of a store that count at one moment, by table; looked for once.

    A file that a writer finishes meanwhile is not in it, or is in it without its run, whose row is written last: such rows are not seen.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ranges: dict[str, dict[str, tuple[str, str]]] = {}
        check_format(root)
        self.compaction = newest(root)
        # Of a run that is in the list all else is there already, and so are the outcomes of a score.
        there = {table: _names(root / table) for table in LAST_FIRST}
        compacted = {name for files in self.compaction.files.values() for name in files}
        loose = {table: [name for name in names if not name.startswith(PREFIX)] for table, names in there.items()}
        self.replaced = self._replaced(loose)
        self.loose = {table: [name for name in names if name not in self.replaced[table]] for table, names in loose.items()}
        self.uncounted = {t: [n for n in names if n.startswith(PREFIX) and n not in compacted] for t, names in there.items()}
        self.missing = {t: sorted(set(names) - set(there[t])) for t, names in self.compaction.files.items() if set(names) - set(there[t])}

    def files(self, table: str) -> list[Path]:
        """The files of a table.

        Raises:
            StoreError: If one that a compaction wrote is not there.
        """
        if table in self.missing:
            raise StoreError(
                f"{self.root / table} lacks {len(self.missing[table])} files that compaction {self.compaction.number} wrote",
                [f"{table}/{name}.parquet" for name in self.missing[table]]
                + ["let a copy that is under way end; else put them back: xbench verify --repair sets aside what was written with them"],
            )
        return [self.root / table / f"{name}.parquet" for name in (*self.compaction.files.get(table, ()), *self.loose[table])]

    def files_of(self, con: duckdb.DuckDBPyConnection, table: str, runs: Sequence[str]) -> list[Path]:
        """Those that can have rows of some runs, by the least and the greatest run id that their footers state; looked for once a table.

        Where each run has files of its own, a question about two of them then opens two files, and not thousands.
        """
        paths = self.files(table)
        if not paths or not runs:
            return []
        if table not in self._ranges:
            query = (
                "SELECT file_name, min(stats_min_value), max(stats_max_value), bool_and(stats_min_value IS NOT NULL AND stats_max_value "
                f"IS NOT NULL) FROM parquet_metadata({several(paths)}) WHERE path_in_schema = 'run_id' GROUP BY file_name"
            )
            self._ranges[table] = {name: (low, high) for name, low, high, known in con.execute(query).fetchall() if known}
        ranges = self._ranges[table]
        return [p for p in paths if str(p) not in ranges or any(ranges[str(p)][0] <= run <= ranges[str(p)][1] for run in runs)]

    def whole(self) -> set[str]:
        """Tables without a row of an incomplete run: each file says that it is of the same runs as the file of that name in table `run`.

        Of the others it is not known: a file may be of fewer runs than that, of an interrupted write, or of another program.
        """
        paths = {table: self.files(table) for table in TABLES}
        every = list(chain.from_iterable(paths.values()))
        if not 0 < len(every) <= _LOOKED_AT or places.is_remote(self.root):
            return set()
        said = {path: sealing.runs(path) for path in every}
        runs = {path.name: said[path] for path in paths["run"]}
        return {t for t, files in paths.items() if all(said[p] is not None and said[p] == runs.get(p.name) for p in files)}

    def free(self, table: str, name: str) -> str:
        """This name for a file, or one like it: not that of a file that is there, nor of one that was replaced, which would not count."""
        taken = set(self.loose[table])
        if self.compaction.names:
            with places.reader(self.root) as con:
                query = f"SELECT name FROM {parquet([self.names])} WHERE tbl = ? AND starts_with(name, ?)"
                taken |= {row[0] for row in read(con, query, [table, name])}
        return next(one for one in chain([name], (f"{name}.{number}" for number in count(2))) if one not in taken)

    @property
    def advice(self) -> str:
        """What to do about very many small files; empty where there are not."""
        many = sum(map(len, self.loose.values()))
        if many <= MANY:
            return ""
        return f"{many:,} small files make {self.root} slow to open: xbench compact{option(self.root)} makes them few"

    @cached_property
    def stranded(self) -> dict[str, list[str]]:
        """Of the compacted files that do not count those with a run that no file of the table has that counts, or that cannot be read.

        What later compactions replaced is not among them, nor what an interrupted one left: files that count have all their runs. These
        were put back after a repair, or the file is lost that said that they count.
        """
        return {table: list(names) for table, names in self.runs_stranded.items()}

    @cached_property
    def runs_stranded(self) -> dict[str, dict[str, Stranded]]:
        """By table and name the runs of `stranded` files."""
        found: dict[str, dict[str, set[str]]] = {table: {} for table in TABLES}
        counted: dict[str, set[str]] = {}
        for table in (table for table, names in self.uncounted.items() if names):
            there = set(self.compaction.files.get(table, ())) - set(self.missing.get(table, ()))
            counting = [self.root / table / f"{name}.parquet" for name in (*sorted(there), *self.loose[table])]
            with places.reader(self.root) as con:
                held = counted[table] = set().union(*(_runs(con, counting[first : first + LOT]) for first in range(0, len(counting), LOT)))
                for name in self.uncounted[table]:
                    path = self.root / table / f"{name}.parquet"
                    runs = _runs(con, [path])
                    if not (runs and runs <= held) and path.exists():  # a compaction that gave way removes its own
                        found[table][name] = runs

        def told(table: str, name: str, runs: set[str]) -> Stranded:
            others = counted[table].union(*(more for other, more in found[table].items() if other != name))
            return Stranded(frozenset(runs - counted[table]), frozenset(runs & others))

        return {table: {name: told(table, name, runs) for name, runs in names.items()} for table, names in found.items()}

    @cached_property
    def names(self) -> Path:
        """The file with the names that the compacted files stand for."""
        return self.root / FOLDER / self.compaction.names

    def _replaced(self, loose: Mapping[str, list[str]]) -> dict[str, set[str]]:
        """Of the files that are there those whose rows are in compacted ones."""
        found: dict[str, set[str]] = {table: set() for table in TABLES}
        if not self.compaction.names or not any(loose.values()):
            return found
        with places.reader(self.root) as con:
            for table, names in loose.items():
                query = f"SELECT DISTINCT name FROM {parquet([self.names])} WHERE tbl = ? AND name IN (SELECT unnest(?::VARCHAR[]))"
                found[table] = {row[0] for row in read(con, query, [table, names])}
        return found


def option(root: Path) -> str:
    """What a command that is shown says of the store, with a space before it; nothing of ./results."""
    return "" if root == Path("results") else f" --store {shlex.quote(str(root))}"


def check_folder(root: Path) -> bool:
    """Whether there is a store; a folder that is not there is an empty one.

    Raises:
        StoreError: If it is a file, or may not be asked.
    """
    try:
        if not root.exists():
            return False
        if not root.is_dir():
            raise StoreError(f"{root} is a file; a store is a folder")
    except OSError as error:
        raise StoreError(f"{root} cannot be looked into", [str(error), "see to permissions and disk"]) from error
    except StoreError:
        raise
    except Exception as error:  # each library of an object store has errors of its own
        if not places.is_remote(root):
            raise
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise StoreError(f"{root} cannot be reached", [said, "docs/training.md says which variables have address and keys"]) from error
    return True


def existing(root: Path) -> Path:
    """A store that is to be read, as it was given: a misspelt name is not an empty store.

    Raises:
        StoreError: If there is none.
    """
    if not check_folder(root):
        raise StoreError(f"there is no store at {root} (--store); `xbench run` or `xbench ingest external-results` makes one")
    names = {name for name in inside(root) if not name.startswith(".")}
    if names and names.isdisjoint(_OF_A_STORE):
        raise StoreError(f"{root} is no store: it has none of {', '.join(f'{name}/' for name in TABLES)}")
    return root


def inside(folder: Path) -> list[str]:
    """The names in a folder, sorted; none if there is no folder.

    Raises:
        StoreError: If it may not be looked into: a folder that is taken for empty would change every number.
    """
    try:
        if places.is_remote(folder):
            return sorted(path.name for path in folder.iterdir())
        return sorted(os.listdir(folder))  # noqa: PTH208 - names alone, of folders with 100,000 files
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{folder} cannot be looked into", [str(error), "see to permissions and disk"]) from error


def _names(folder: Path) -> list[str]:
    names = inside(folder)
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        wrong = [repr(name) for name in names if not name.isascii() and re.search("[\ud800-\udfff]", name)]
        raise StoreError(f"{folder} has files whose names are not UTF-8: rename them, or move them away", wrong) from error
    return [name.removesuffix(".parquet") for name in names if name.endswith(".parquet") and not name.startswith(".")]


def stamp(root: Path) -> tuple[Any, ...]:
    """Changes whenever a run or a score is added or a run taken out, and with every compaction."""
    number = -1
    with contextlib.suppress(StoreError):  # whoever opens it hears of it
        number = newest(root).number
    folders = [root / table for table in ("run", "score", "retraction")]
    if places.is_remote(root):
        return (number, *(tuple(_names(folder)) for folder in folders))
    times: list[int | None] = []
    for folder in folders:
        try:
            times.append(folder.stat().st_mtime_ns)
        except OSError:
            times.append(None)
    return (number, *times)


def ingested(runs: Sequence[str]) -> str:
    """The name of the files in which an ingest writes these runs, sorted: equal for equal ones."""
    return f"{INGESTED}{short_hash({'runs': runs}, 24)}"


def stem_of(name: str) -> str:
    """What the names of all files of a compaction begin with, but for its JSON file."""
    return name.removeprefix(PREFIX).partition(".")[0]


def compaction_of(name: str) -> int:
    """The number of the compaction that a file is of, by its name."""
    digits = name.removeprefix(PREFIX)[:6]
    return int(digits) if digits.isdigit() else 1 << 60


def newest(root: Path) -> Compaction:
    """The compaction that counts.

    Raises:
        StoreError: If what it says cannot be read.
    """
    folder = root / FOLDER
    found = [name for name in inside(folder) if name.endswith(".json") and OF_COMPACTION.fullmatch(name)]
    if not found:
        return Compaction()
    path = folder / found[-1]
    try:
        said = from_json(path.read_bytes())
        files = {table: tuple(map(str, said["files"][table])) for table in TABLES}
        return Compaction(int(path.name.removesuffix(".json")), float(said["made"]), files, str(said["names"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StoreError(
            f"{path} cannot be read, and without it nobody knows which files of {root} count", [f"{type(error).__name__}: {error}"]
        ) from error


def describe(compaction: Compaction) -> bytes:
    """What is written for a compaction."""
    files = {table: list(compaction.files.get(table, ())) for table in TABLES}
    said = {"made": compaction.made, "files": files, "names": compaction.names}
    return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()


def commit(root: Path, files: Mapping[str, Iterable[str]], names: str, number: int) -> bool:
    """Let a compaction count, unless its number was taken meanwhile; whether it does."""
    write_format(root, COMPACTED)
    told = {table: tuple(sorted(files.get(table, ()))) for table in TABLES}
    compaction = Compaction(number, time.time(), told, names)
    return places.create(root / FOLDER / f"{number:06d}.json", describe(compaction))


def check_format(root: Path) -> int:
    """The format of a store; one that says nothing is of format 1.

    Raises:
        StoreError: If it is of a format that this version does not know.
    """
    path = root / "store.json"
    try:
        said: Any = from_json(path.read_bytes())
    except FileNotFoundError:
        return 1
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read", [f"{type(error).__name__}: {error}"]) from error
    number = said.get("format") if isinstance(said, dict) else None
    if not isinstance(number, int) or number < 1:
        raise StoreError(f'{path} says {said!r}, where {{"format": N}} was expected, N from 1 to {FORMAT}')
    if number > FORMAT:
        raise StoreError(
            f"{root} is of format {number}, and this xbench reads formats 1 to {FORMAT}", ["a newer xbench wrote it: pip install -U xbench"]
        )
    return number


def write_format(root: Path, number: int) -> None:
    """Say of which format a store is, unless it says that or a later one already.

    Raises:
        StoreError: As `check_format`.
    """
    path = root / "store.json"
    if path.exists() and check_format(root) >= number:
        return
    with places.whole(path) as new:
        new.write_text(json.dumps({"format": number}) + "\n", encoding="utf-8")


def _runs(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> set[str]:
    """The runs that files have rows of, as far as they can be read."""
    if not paths:
        return set()
    try:
        return {run for (run,) in con.execute(f"SELECT DISTINCT run_id FROM {parquet(paths)}").fetchall()}
    except (duckdb.Error, OSError, ValueError, RuntimeError):
        half = len(paths) // 2
        return _runs(con, paths[:half]) | _runs(con, paths[half:]) if half else set()


def opened(root: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB that can read the files of a store."""
    return places.database(root)


def quoted(path: Path | str) -> str:
    """A path as an SQL string: view definitions cannot take bound parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def several(paths: Iterable[Path]) -> str:
    """Paths as an SQL list of strings in which *, ? and [ are no wildcards."""
    return f"[{', '.join(quoted(escaped(path)) for path in paths)}]"


def escaped(path: Path | str) -> str:
    """A pattern for one path alone."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def parquet(paths: Iterable[Path], *options: str) -> str:
    """A table function over Parquet files: their columns by name, and none from folders called `KEY=VALUE`, which would replace them."""
    said = ", ".join((several(paths), "union_by_name = true", "hive_partitioning = false", *options))
    return f"read_parquet({said})"


def read(con: duckdb.DuckDBPyConnection, query: str, values: list[Any] | None = None) -> list[Any]:
    """Rows of a query on files of compactions or on footers.

    Raises:
        StoreError: If they cannot be read.
    """
    try:
        return con.execute(query, values or []).fetchall()
    except duckdb.Error as error:
        raise StoreError("files of the store cannot be read; `xbench verify` says which", [" ".join(str(error).split())]) from error
