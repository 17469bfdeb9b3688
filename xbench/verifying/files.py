"""Which files a store has, and what is there that is none of them."""

from pathlib import Path

from xbench import places, retractions, sealing
from xbench.contracts import LAST_FIRST, TABLES
from xbench.errors import StoreError
from xbench.listing import FOLDER, OF_COMPACTION, PREFIX, RETRACTED, SORTING, Listing, check_format, compaction_of, inside, stem_of
from xbench.verifying.problems import AGAIN, QUARANTINE, File, Problem, Verified
from xbench.version import __version__

_TEMPORARY = "temporary name", "no write was interrupted", "nothing; xbench verify --repair sets it aside"
_STRANDED = (
    "a compacted file that does not count, with runs that no file has that counts",
    "a file that the newest compaction names",
    "give it a name that does not begin with compacted., the same in every table, and it counts; or move it away",
)
_MIXED = (
    "leave its name, under another one rows would be there twice: xbench export what the store has that it came from and ingest that here "
    "(docs/hosting.md), or make these runs again; then move it away"
)
_FEW = 4  # runs that are named
_UNFINISHED = "of a compaction that was never finished", "one that counts", "nothing; xbench verify --repair sets it aside"


def list_files(found: Verified) -> None:
    """Names are looked for as `Listing` does: what is written meanwhile is then an orphan, never a run or score that lacks something."""
    listed = _listing(found)
    if listed is None:
        return
    there = {table: inside(found.root / table) for table in LAST_FIRST}
    for table in TABLES:
        folder = found.root / table
        if folder.exists() and not folder.is_dir():
            found.problems.append(Problem("unreadable", table, table, "", "is a file", "a folder of Parquet files", "move it away"))
            continue
        for name in there[table]:
            _list_file(found, listed, table, folder / name)
    _list_compactions(found, listed)
    _list_retractions(found)
    if listed.compaction.names:
        _check_names(found, listed)
    for table, names in listed.missing.items():
        for name in names:
            expected, do = "what a compaction wrote", f"put it back, or {AGAIN}"
            found.problems.append(Problem("unreadable", table, f"{table}/{name}.parquet", "all", "is not there", expected, do))
    for path in (found.root / name for name in inside(found.root) if name not in (*TABLES, QUARANTINE, FOLDER)):
        if path.is_dir() and any(name.endswith(".parquet") for name in inside(path)):
            given, expected = f"a table that xbench {__version__} does not know", f"the tables {', '.join(TABLES)}"
            do = "verify it with the xbench that wrote it, or a newer one"
            found.problems.append(Problem("schema", path.name, path.name, "", given, expected, do))


def _listing(found: Verified) -> Listing | None:
    """Which files count; None if that is not known: then there is no telling what readers would see, and no file is looked at."""
    try:
        return Listing(found.root)
    except StoreError as error:
        said = error.line
        do = "see to it: no command reads the store without it"
        kind = "no access" if isinstance(error.__cause__, OSError) else "unreadable"
        found.problems.append(Problem(kind, "", FOLDER, "all", said, "a word on which files count", do))
        return None


def _list_file(found: Verified, listed: Listing, table: str, path: Path) -> None:
    name, shown = path.name.removesuffix(".parquet"), f"{table}/{path.name}"
    if path.name.endswith(".tmp") or path.name.startswith("tmp_"):
        found.problems.append(Problem("leftover", table, shown, "", *_TEMPORARY))
    elif not path.name.endswith(".parquet") or path.name[0] == ".":
        said = "is not a Parquet file by its name", "NAME.parquet", "nothing; move it away if it is not yours"
        found.problems.append(Problem("foreign", table, shown, "", *said))
    elif not path.is_file():
        said = "is a link to nothing" if path.is_symlink() else "is no file", "a Parquet file", "move it away"
        found.problems.append(Problem("unreadable", table, shown, "all", *said))
    elif name.startswith(PREFIX) and name not in listed.compaction.files.get(table, ()):
        if name in listed.stranded[table]:
            found.problems.append(_stranded(listed, table, name))
        # Those that came after the listing are of a compaction under way; those of earlier ones go with what they were made of.
        elif name in listed.uncounted[table] and compaction_of(name) > listed.compaction.number:
            found.problems.append(Problem("leftover", table, shown, "", *_UNFINISHED))
    elif name not in listed.replaced[table]:
        found.files.append(File(len(found.files), table, path))


def _stranded(listed: Listing, table: str, name: str) -> Problem:
    """A compacted file that does not count. Under another name it does, unless some of it would then be there twice."""
    runs = listed.runs_stranded[table][name]
    kind, shown = "uncounted", f"{table}/{name}.parquet"
    said, expected, do = _STRANDED
    if not runs.lost:
        return Problem(kind, table, shown, "all", f"{said}, as far as it can be read", expected, "put it back from a copy, or move it away")
    own = [listed.runs_stranded[t].get(name) for t in TABLES if name in listed.uncounted[t]]
    if all(one is not None and not one.elsewhere for one in own):
        return Problem(kind, table, shown, "all", said, expected, do)
    few = sorted(runs.lost)[:_FEW]
    which = f"{len(runs.lost)} runs, such as {few[0]}" if len(runs.lost) > _FEW else f"run{'s' * (len(few) > 1)} {', '.join(few)}"
    return Problem(kind, table, shown, which, f"{said}, beside {len(runs.elsewhere)} that are elsewhere too", expected, _MIXED)


def _list_compactions(found: Verified, listed: Listing) -> None:
    """What an interrupted compaction left where they are written down. What earlier ones said goes with what they were made of."""
    names = inside(found.root / FOLDER)
    stranded = {stem_of(name) for files in listed.stranded.values() for name in files}
    for name in names:
        shown, number = f"{FOLDER}/{name}", name[:6]
        if name.endswith(".tmp"):
            found.problems.append(Problem("leftover", "", shown, "", *_TEMPORARY))
        elif name.startswith(SORTING):
            found.problems.append(Problem("leftover", "", shown, "", *_UNFINISHED))
        elif not OF_COMPACTION.fullmatch(name):
            said = "is not of a compaction by its name", "NNNNNN.json and its list", "nothing; move it away if it is not yours"
            found.problems.append(Problem("foreign", "", shown, "", *said))
        elif (
            int(number) > listed.compaction.number and f"{number}.json" not in names and stem_of(name) not in stranded
        ):  # one that came meanwhile has both
            found.problems.append(Problem("leftover", "", shown, "", *_UNFINISHED))


def _list_retractions(found: Verified) -> None:
    """What says which runs are taken out."""
    names = inside(found.root / retractions.FOLDER)
    if any(map(retractions.OF_RETRACTION.fullmatch, names)) and check_format(found.root) < RETRACTED:
        wrong, expected = "versions of before read a store in which runs are retracted, and show them", f'{{"format": {RETRACTED}}}'
        found.problems.append(Problem("schema", "", "store.json", "", wrong, expected, "write that into it"))
    for name in names:
        shown = f"{retractions.FOLDER}/{name}"
        if name.endswith(".tmp"):
            found.problems.append(Problem("leftover", "", shown, "", *_TEMPORARY))
        elif not retractions.OF_RETRACTION.fullmatch(name):
            said = "is not of a retraction by its name", "a time and a hash, and .json", "nothing; move it away if it is not yours"
            found.problems.append(Problem("foreign", "", shown, "", *said))
        else:
            try:
                retractions.step(found.root / shown)
            except StoreError as error:
                kind = "no access" if isinstance(error.__cause__, OSError) else "unreadable"
                do = "take it from a copy of the store: no command reads the store while it is like this"
                found.problems.append(Problem(kind, "", shown, "all", error.problems[0], "what xbench retract wrote", do))


def _check_names(found: Verified, listed: Listing) -> None:
    """The file that says what a compaction replaced."""
    shown = f"{FOLDER}/{listed.compaction.names}"
    try:
        with places.local(listed.names) as path:
            whole = sealing.intact(path)
    except OSError as error:
        found.problems.append(Problem("no access", "", shown, "all", str(error), "a file that can be read", "see to permissions and disk"))
        return
    if whole is not True:
        said = "the checksum in its footer is that of other bytes" if whole is False else "no checksum", "the bytes that were written"
        do = "take it from a copy of the store: it says which files were replaced, and which runs a snapshot had"
        found.problems.append(Problem("content", "", shown, "any", *said, do))
