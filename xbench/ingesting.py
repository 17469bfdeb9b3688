"""`xbench ingest`: results made elsewhere, read by the adapters of ingest/, into the store.

Files are read in worker processes, in batches; a batch is compared with what the store holds and written whole. What is stored already
changes nothing, a changed number becomes a new version, and what is refused leaves everything else stored.
"""

import csv
import gc
import hashlib
import re
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from xbench import adapter, listing, places, writing
from xbench.adapter import Options
from xbench.documents import Document, documents
from xbench.errors import DataError, XbenchError, few
from xbench.gathering import Gathering
from xbench.hashes import folder_hash
from xbench.rows import Refusal
from xbench.tables import many
from xbench.task import nearly
from xbench.versions import Batch, Change, Packed, compare, pack

_BATCH_FILES = 400  # files read by a process at a time, or
_BATCH_BYTES = 8 << 20
_FOLDER_BYTES = 512 << 10  # what a folder that is read whole is taken for
_AHEAD = 16  # batches that wait for each other process, so that it goes on while this one writes
_FLUSH_ROWS = 200_000  # rows that are written at once
_FIRST_LINE = 300  # characters of it that a message shows
_NAMED = 5  # misspelt tasks that a sentence names
_ALONE = 50  # fewer files than this are not worth other processes


@dataclass(slots=True)
class Report:
    """What came of an ingest: cells by what they are to the store, and everything that was refused."""

    files: Counter[str] = field(default_factory=Counter)  # by adapter
    unknown: int = 0  # files of folders and archives that no adapter knows
    cells: Counter[str] = field(default_factory=Counter)  # new, changed, identical, older, retracted
    targets: Counter[str] = field(default_factory=Counter)  # rows by task
    intermediates: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    changes: list[Change] = field(default_factory=list)
    older: list[Change] = field(default_factory=list)  # of versions that others have replaced: not written
    after_retracted: int = 0  # runs that are the next version of a claim of which one is retracted
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what of files that were read could not be used

    def misspelt(self) -> dict[str, dict[str, list[str]]]:
        """Targets and intermediates that are no tasks of xbench and nearly some, with these: all names are stored, slips of the pen too."""
        said = {"target": (self.targets, ()), "intermediate": (self.intermediates, ("none",))}
        return {c: {name: near for name in sorted(names) if (near := nearly(name, known))} for c, (names, known) in said.items()}

    def doubts(self) -> list[str]:
        """What to say of misspelt(): a sentence a column, with the first few names."""
        found = []
        for column, names in self.misspelt().items():
            shown = few([f"{name} (did you mean {' or '.join(near)}?)" for name, near in names.items()], _NAMED)
            what = f"{len(names)} {column}s are no tasks" if len(names) > 1 else f"1 {column} is no task"
            found += [f"{what} of xbench: {shown}"] if names else []
        return found


def ingest(
    paths: Iterable[Path],
    root: Path,
    format_name: str | None = None,
    options: Options | None = None,
    *,
    template: str | None = None,
    dry_run: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Read files, folders and archives into the store.

    Args:
        paths: What to read; of folders and archives, everything in them that an adapter knows.
        root: The store; made if absent.
        format_name: The adapter, if the files shall not be recognised one by one.
        options: For the adapters.
        template: Where in the end of a path columns stand, as `{model}/{seed}/val_metrics.json`.
        dry_run: Compare, and write nothing.
        jobs: Processes that read files, this one among them. For more than one a script must be one that can be imported
            (`if __name__ == "__main__"`).
        progress: Called with the numbers of files read, and found so far.

    Returns:
        What came of it. Rows that were refused are in `refusals`; all others are stored.

    Raises:
        DataError: If the template or a setting is none.
        PluginError: If there is no such adapter.
    """
    options = options or Options()
    unknown = sorted(set(options.settings) - {*adapter.COLUMNS, *adapter.OTHER_SETTINGS})
    if unknown:
        raise DataError(f"there is no column {', '.join(unknown)}; there are {', '.join((*adapter.COLUMNS, *adapter.OTHER_SETTINGS))}")
    if measured := sorted(set(options.settings) & adapter.MEASURED):
        raise DataError(f"{', '.join(measured)}: what is measured is not said for all rows at once, each row has its own")
    if format_name is not None:
        adapter.load(format_name, options.folder)
    pattern = _template(template) if template else None
    report = Report()
    paths = list(paths)
    with ExitStack() as stack:
        found = 0

        def counted() -> Iterator[Document]:
            nonlocal found
            for document in documents(paths, options, format_name, report.refusals, stack):
                found += 1
                yield document

        target = Path(stack.enter_context(tempfile.TemporaryDirectory())) if dry_run else root
        writer = _Writer(target, (root, target) if dry_run else (root,), report)
        done = 0
        names: dict[str, str] = {}  # by hash
        for parsed in _parsed(counted(), options, pattern, jobs):
            report.refusals += parsed.refusals
            report.notes += parsed.notes
            report.files.update(parsed.files)
            report.unknown += parsed.unknown
            for name, digest in parsed.names:
                names.setdefault(digest, name)
            writer.add(Batch(parsed.packed))
            done += parsed.read
            if progress:
                progress(done, found)
        writer.flush()
    report.notes += _about_versions(report, names, writer.files)
    if report.unknown and not report.files:
        where = ", ".join(map(str, paths))
        files = f"{report.unknown} file{'s' if report.unknown > 1 else ''}"
        said = f"{where}: nothing is read, and no adapter knows {files} of it; --format tries one, `xbench adapters` lists them"
        report.refusals.append(Refusal(where, "", "", said))
    report.refusals = [Refusal(*map(places.readable, (r.path, r.at, r.column, r.expected, r.found))) for r in report.refusals]
    report.notes = list(map(places.readable, report.notes))
    return report


def _about_versions(report: Report, names: Mapping[str, str], files: Counter[tuple[str, str]]) -> Iterator[str]:
    """What to know of claims that were stored before.

    Args:
        report: So far.
        names: Of files that were given, by their hashes.
        files: How many numbers changed between two files, by their hashes, old and new.
    """
    for (old, new), count in files.items():
        if old in names and new in names:
            yield (
                f"{names[new]}: {'1 score is' if count == 1 else f'{count} scores are'} not the same as in {names[old]}, and this file "
                "counts. Of files that are given at once the later one does: give them in the order in which they appeared"
            )
    if scores := report.cells["retracted"]:
        yield (
            f"{many(scores, 'score')} of runs that are retracted: not written. `xbench retract` lists them with the reasons; --undo lets "
            "them count again"
        )
    if runs := report.after_retracted:
        yield f"{many(runs, 'run')} of claims of which a version is retracted (`xbench retract` lists them): new numbers, which count"


def write_refusals(report: Report, path: Path) -> None:
    """All refusals as CSV: path, place, column, rule, what was found."""
    from xbench import tables

    with places.whole(path) as new, new.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "at", "column", "expected", "found"])
        writer.writerows([[tables.as_text(cell) for cell in (r.path, r.at, r.column, r.expected, r.found)] for r in report.refusals])


# Reading files.


def _template(text: str) -> re.Pattern[str]:
    """A path with {column} in it, as a regular expression for the end of a path."""
    parts = re.split(r"\{(\w*)\}", text.strip("/"))
    columns = parts[1::2]
    wrong = [c for c in columns if c and c not in adapter.COLUMNS] + [c for c in set(columns) if c and columns.count(c) > 1]
    if wrong or not any(columns):
        raise DataError(f"--path-template {text!r}: expected {{column}} in it, each once, of {', '.join(adapter.COLUMNS)}")
    pieces = [re.escape(p) if i % 2 == 0 else (f"(?P<{p}>[^/]+?)" if p else "[^/]+?") for i, p in enumerate(parts)]
    return re.compile("(?:^|/)" + "".join(pieces) + "$")


@dataclass(slots=True)
class _Parsed:
    """What a process made of some documents."""

    read: int
    packed: Packed
    files: Counter[str]  # by adapter
    unknown: int
    refusals: list[Refusal]
    notes: list[str]
    names: list[tuple[str, str]]  # of files as they are shown, with their hashes


def _parsed(found: Iterator[Document], options: Options, template: re.Pattern[str] | None, jobs: int) -> Iterator[_Parsed]:
    """Every document, in order, read while others are still looked for: here, and in other processes if there are enough for that.

    This process reads what the others are not about to; so it waits neither for them to start nor for a full queue.
    """
    first = list(islice(found, _ALONE))
    batches = _batches(chain(first, found))
    if jobs <= 1 or len(first) < _ALONE:
        yield from (_read_batch(batch, options, template) for batch in batches)
        return
    # Spawned, as these are begun without waiting for them; and forked ones would have threads of others in them.
    with ProcessPoolExecutor(jobs - 1, mp_context=get_context("spawn")) as pool:
        waiting: deque[_Waiting] = deque()
        try:
            for batch in batches:
                waiting.append(_Waiting(batch, pool.submit(_read_batch, batch, options, template)))
                if sum(not one.done() for one in waiting) > _AHEAD * (jobs - 1):
                    _read_here(waiting, options, template)
                yield from _in_turn(waiting)
            while waiting:
                if not _read_here(waiting, options, template):
                    yield waiting.popleft().result()
                yield from _in_turn(waiting)
        except BrokenProcessPool as error:
            said = "a process that read files was ended, perhaps for want of memory; what is stored stays; run again with --jobs 1"
            raise DataError(said) from error
        finally:
            for one in waiting:
                one.future.cancel()


def _read_here(waiting: "deque[_Waiting]", options: Options, template: re.Pattern[str] | None) -> bool:
    """Read the first of the batches that no other process has begun, if there is one."""
    mine = next((one for one in waiting if one.parsed is None and one.future.cancel()), None)
    if mine is None:
        return False
    mine.parsed = _read_batch(mine.batch, options, template)
    return True


def _in_turn(waiting: "deque[_Waiting]") -> Iterator[_Parsed]:
    while waiting and waiting[0].done():
        yield waiting.popleft().result()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A batch whose turn has not come: under way in another process, or taken back and read here."""

    batch: Sequence[Document]
    future: Future[_Parsed]
    parsed: _Parsed | None = None

    def done(self) -> bool:
        return self.parsed is not None or self.future.done()

    def result(self) -> _Parsed:
        return self.future.result() if self.parsed is None else self.parsed


def _batches(found: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in found:
        batch.append(document)
        size += _FOLDER_BYTES if document.size is None else document.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unrecognised(document: Document) -> str:
    """What is said of a file that was asked for and that no adapter knows."""
    path = Path(document.path)
    said = f"{document.shown}: no adapter knows this format; --format tries one, `xbench adapters` lists them"
    if path.suffix not in (".csv", ".tsv"):
        return said
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = lines.readline(_FIRST_LINE).strip()
    known = f"columns language and value, or with languages or tasks as headings, apart by {'commas' if path.suffix == '.csv' else 'tabs'}"
    return f"{said}. Of tables, those with {known}; found {first!r}"


def _read_batch(documents: Sequence[Document], options: Options, template: re.Pattern[str] | None) -> _Parsed:
    gathered = Gathering()
    files: Counter[str] = Counter()
    unknown = read = 0
    said: list[Refusal | int] = []  # in the order of the documents: why one is not read, or how manieth of those that are
    collecting = gc.isenabled()
    gc.disable()  # it would go through all the rows again and again, and there are no cycles among them
    try:
        for document in documents:
            try:
                name = _read_document(document, options, template, gathered)
            except (XbenchError, OSError) as error:
                said.append(Refusal(document.shown, "", "", str(error).replace(document.path, document.shown)))
                continue
            if name is None:
                unknown += not document.asked_for
                if document.asked_for:
                    said.append(Refusal(document.shown, "", "", _unrecognised(document)))
                continue
            said.append(read)
            read += 1
            files[name] += 1
        tables, refused = gathered.tables()
        refusals = list(chain.from_iterable(refused[one] if isinstance(one, int) else [one] for one in said))
        return _Parsed(len(documents), pack(tables), files, unknown, refusals, gathered.notes, gathered.files)
    finally:
        if collecting:
            gc.enable()


def _read_document(document: Document, options: Options, template: re.Pattern[str] | None, gathered: Gathering) -> str | None:
    """Gather what a document says; its adapter, if there is one."""
    path = Path(document.path)
    content = adapter.hold(path, document.size) if document.size is not None else None
    name = document.format_name or adapter.recognised(path, options)
    if name is None:
        return None
    columns = {}
    if template is not None:
        match = template.search(document.shown)
        if match is None:
            raise DataError(f"{document.shown}: does not end as --path-template says")
        columns = match.groupdict()
    digest = _digest(path) if content is None else hashlib.sha256(content).hexdigest()
    if not gathered.add(adapter.read(path, name, _with_settings(options, columns)), document.shown, digest):
        raise DataError(f"{document.shown}: has no scores that {name} reads")
    return name


def _with_settings(options: Options, said: dict[str, Any]) -> Options:
    return Options(options.references, options.allow_pickle, {**options.settings, **said}, options.folder) if said else options


def _digest(path: Path) -> str:
    """SHA-256 of a file; of a folder over the names and contents of its files."""
    if not path.is_file():
        return folder_hash(path, _digest)
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# Writing batches.


class _Writer:
    """Gathers batches, and writes what is new in them to the store."""

    def __init__(self, root: Path, seen: tuple[Path, ...], report: Report) -> None:
        self.root, self.seen, self.report = root, seen, report
        self.pending = Batch()
        self.files: Counter[tuple[str, str]] = Counter()  # as of Compared

    def add(self, batch: Batch) -> None:
        """A batch in which the identity of an earlier one comes again waits until that is stored: it is a version of it."""
        for part in batch.apart():
            if self.pending.identities & part.identities:
                self.flush()
            self.pending.join(part)
            if self.pending.rows >= _FLUSH_ROWS:
                self.flush()

    def flush(self) -> None:
        """Compare with the store and write: run rows last, since they mark the others complete."""
        batch, self.pending = self.pending, Batch()
        if not batch.rows:
            return
        with writing.alone(self.root) as alone:
            fresh, compared = compare(batch, self.seen)
            self.report.cells.update(compared.cells)
            self.report.targets.update(compared.targets)
            self.report.intermediates.update(compared.intermediates)
            self.report.changes += compared.changes
            self.report.older += compared.older
            self.report.after_retracted += compared.after_retracted
            self.files += compared.files
            self.report.runs += fresh["run"].num_rows
            if not fresh["run"].num_rows:
                return
            name = listing.ingested(sorted(fresh["run"]["run_id"].to_pylist()))
            writing.write_runs(self.root, fresh, name, only=alone)
