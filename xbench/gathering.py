"""Rows of many files become rows of the contracts: checked together, grouped by what they claim.

What is done once for all files of a batch takes a fraction of the time that it takes for each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from xbench.adapter import OF_RUN, Block, Note, Row, Unread
from xbench.cells import KEY, PERCENT, Cells, Refused, checked, shown
from xbench.rows import (
    CELL,
    FACTS,
    Refusal,
    Tables,
    checked_run,
    claim_of,
    digest_of,
    hashed,
    identity_of,
    recipe_id_of,
    run_id_of,
    said_of_run,
)


class Gathering:
    """Rows of any number of files, checked together."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []  # path and digest
        self._unread: list[list[Refusal]] = []  # of each file
        self._first: list[int] = []  # the number of the first row of each file, from 1 over all of them
        self._parts: list[_Part] = []
        self._cells = Cells()
        self._count = 0  # rows so far
        self.notes: list[str] = []

    def add(self, rows: Iterable[Row | Block | Note], path: str, digest: str) -> int:
        """Take the rows of one more file, as xbench.adapter.read gives them.

        Args:
            rows: If this raises, nothing of the file is taken.
            path: For messages.
            digest: SHA-256 of the file.

        Returns:
            How many there were. Of a file without any there is nothing to say later.
        """
        given, notes, unread = list[Row | Block](), list[str](), list[Refusal]()
        for one in rows:
            if isinstance(one, Unread):
                unread.append(Refusal(path, one.at, "", f"{path}:{one.at}: {one.text}"))
            elif isinstance(one, Note):
                notes.append(f"{path}: {one.text}")
            elif not isinstance(one, Block) or len(one):
                given.append(one)
        if not given and not unread:
            return 0
        self.notes += notes
        before = self._count
        self.files.append((path, digest))
        self._unread.append(unread)
        self._first.append(before + 1)
        groups: dict[Any, tuple[tuple[Any, ...], dict[int, Row]]] = {}
        for one in given:
            if isinstance(one, Block):
                size = len(one)
                same = {column: [value] * size for column, value in one.said.items() if column not in OF_RUN}
                self._take(said_of_run(one.said), range(self._count + 1, self._count + size + 1), {**same, **one.columns})
                self._count += size
                continue
            self._count += 1
            said = said_of_run(one)
            try:
                _, waiting = groups.get(said) or groups.setdefault(said, (said, {}))
            except TypeError:  # a value that cannot be a key is no text or number either
                _, waiting = groups.setdefault(object(), (said, {}))
            waiting[self._count] = one
        for said, waiting in groups.values():
            columns = set[Any]().union(*waiting.values()).difference(OF_RUN)
            self._take(said, list(waiting), {column: [row.get(column) for row in waiting.values()] for column in columns})
        return self._count - before + len(unread)

    def _take(self, said: tuple[Any, ...], numbers: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
        begin = len(self._cells.numbers)
        self._cells.extend(numbers, columns)
        self._parts.append(_Part(len(self.files) - 1, said, begin, begin + len(numbers)))

    def tables(self) -> tuple[Tables, list[list[Refusal]]]:
        """What of the rows can be stored; and for each file what cannot."""
        refused, refusals = Refused(), [list(unread) for unread in self._unread]
        runs = []
        for part in self._parts:
            run, problems = checked_run(part.said)
            runs.append(run)
            if problems:
                for place in range(part.begin, part.end):
                    refused.add(self._cells, place, *problems)
        owners = self._owners()
        cells = self._fractions(checked(self._cells, refused), owners, refused)
        for number, at, problem in refused:
            file = self._parts[owners[number]].file
            refusals[file].append(Refusal(self.files[file][0], at or f"row {number - self._first[file] + 1}", *problem))
        found = _Found(cells)
        for file, several in groupby(self._good(cells, owners), key=itemgetter(0)):
            every = [(runs[place], begin, end) for _, place, begin, end in several]
            path, digest = self.files[file]
            for parts in _claims(every, cells.numbers) if len(every) > 1 else [every]:
                found.add(parts, path, digest, refusals[file])
        return found.tables(), refusals

    def _fractions(self, cells: Cells, owners: list[int], refused: Refused) -> Cells:
        """Without numbers up to 1 that say no unit where most of their metric and file are over 1: percent, as those must be."""
        over = [number for number, _, (_, expected, _) in refused if expected.endswith(PERCENT)]
        if not over:
            return cells
        place_of = {number: place for place, number in enumerate(self._cells.numbers)}
        metrics = self._cells.column("metric")
        above = Counter((self._parts[owners[number]].file, metrics[place_of[number]]) for number in over)
        silent: dict[tuple[int, Any], list[int]] = {}
        said = zip(cells.numbers, cells.column("metric"), cells.column("unit"), strict=True)
        for place, (number, metric, unit) in enumerate(said):
            if unit is None and (key := (self._parts[owners[number]].file, metric)) in above:
                silent.setdefault(key, []).append(place)
        for key, places in silent.items():
            for place in places if len(places) < above[key] else ():
                expected = f"expected a fraction between 0 and 1, and most numbers of its metric in this file are over 1{PERCENT}"
                refused.add(cells, place, ("value", expected, shown(cells.columns["value"][place])))
        return refused.without(cells)

    def _owners(self) -> list[int]:
        """The part of each row by its number."""
        owners = [0] * (self._count + 1)
        for place, part in enumerate(self._parts):
            numbers = self._cells.numbers[part.begin : part.end]
            if numbers[-1] - numbers[0] == len(numbers) - 1:  # they rise
                owners[numbers[0] : numbers[-1] + 1] = [place] * len(numbers)
            else:
                for number in numbers:
                    owners[number] = place
        return owners

    def _good(self, cells: Cells, owners: list[int]) -> Iterator[tuple[int, int, int, int]]:
        """File, part and span of the rows that are left, part by part."""
        begin = 0
        for place, count in Counter(map(owners.__getitem__, cells.numbers)).items():  # a part's rows lie together
            yield self._parts[place].file, place, begin, begin + count
            begin += count


def _claims(every: list[tuple[Row, int, int]], numbers: Sequence[int]) -> list[list[tuple[Row, int, int]]]:
    """Parts of a file that make the same claim, each group where its first row stands."""
    found: dict[tuple[Any, ...], list[tuple[Row, int, int]]] = {}
    for part in every:
        found.setdefault(claim_of(part[0]), []).append(part)
    return sorted(found.values(), key=lambda parts: min(numbers[begin] for _, begin, _ in parts))


class _Part(NamedTuple):
    """Rows of a file that say the same of their run, and where they stand among all rows."""

    file: int
    said: tuple[Any, ...]
    begin: int
    end: int


class _Found:
    """Tables in the making, from rows that are checked."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._columns = {column: cells.column(column) for column in CELL}
        self._given = cells.column("outcomes")
        self._keys = list(zip(*(self._columns[column] for column in KEY), strict=True))
        examples = list(map(digest_of, self._given)) if "outcomes" in cells.columns else self._given
        self._hashed = hashed(self._columns, examples)
        self._places: list[int] = []  # of all rows, run after run
        self._made = Tables()

    def add(self, parts: list[tuple[Row, int, int]], path: str, digest: str, refusals: list[Refusal]) -> None:
        """The rows of a claim, in one part or several, which may differ in the facts of their run: of each the first one said counts."""
        parts = self._of_one_selection(parts, path, refusals)
        if not parts:
            return
        run, begin, end = parts[0]
        places: Sequence[int] = range(begin, end)
        if len(parts) > 1:
            places = sorted(chain.from_iterable(range(begin, end) for _, begin, end in parts), key=self._cells.numbers.__getitem__)
            keys = list(map(self._keys.__getitem__, places))
        else:
            keys = self._keys[begin:end]
        if len(set(keys)) < len(keys):
            places = self._once(places, run, path, refusals)
            if not places:
                return
            keys = list(map(self._keys.__getitem__, places))
        if len(parts) > 1:
            run = self._with_facts(parts, set(places))
        if keys != sorted(keys):
            places = sorted(places, key=self._keys.__getitem__)
        identity = identity_of(run)
        run_id = run_id_of(identity, map(self._hashed.__getitem__, places))
        row = {
            **run,
            "run_id": run_id, "kind": "external", "identity": identity, "version": 1, "source_sha256": digest,
            "target_revision": run["dataset_revision"], "intermediate_revision": run["intermediate_revision"],
            "recipe_id": recipe_id_of(run["recipe"]),
        }  # fmt: skip
        self._made.runs.append(row)
        self._made.sizes.append(len(places))
        self._places += places
        columns = self._cells.columns
        if "outcomes" in columns or "answers" in columns:
            _add_examples(self._made, row, self._cells.only(places))
        if "run_id" in columns and (theirs := next(filter(None, map(columns["run_id"].__getitem__, reversed(places))), None)):
            self._made.exported_as[run_id] = str(theirs)

    def _of_one_selection(self, parts: list[tuple[Row, int, int]], path: str, refusals: list[Refusal]) -> list[tuple[Row, int, int]]:
        """The parts, but those that say which step counts where others say another one."""
        words = {run["selection"] for run, _, _ in parts} - {None}
        if len(words) < 2:
            return parts
        at = self._cells.column("at")
        for run, begin, end in parts:
            if run["selection"] is not None:
                said = f"expected one selection for all of {run['model']} on {run['target']}, there are {' and '.join(sorted(words))}"
                refusals += [Refusal(path, str(one or ""), "selection", said, shown(run["selection"])) for one in at[begin:end]]
        return [part for part in parts if part[0]["selection"] is None]

    def _with_facts(self, parts: list[tuple[Row, int, int]], places: Set[int]) -> Row:
        """What the parts that have rows at these places say of their run."""
        runs = [run for run, begin, end in parts if not places.isdisjoint(range(begin, end))]
        return {**runs[0], **{fact: next((run[fact] for run in runs if run[fact] is not None), None) for fact in FACTS}}

    def _once(self, places: Sequence[int], run: Row, path: str, refusals: list[Refusal]) -> list[int]:
        """One row a cell: of equal ones the first, of unequal ones none."""
        by_key: dict[tuple[Any, ...], list[int]] = {}
        for place in places:
            by_key.setdefault(self._keys[place], []).append(place)
        kept, at = [], self._cells.column("at")
        for key, several in by_key.items():
            values = {self._columns["value"][place] for place in several}
            if len(values) == 1:
                kept.append(several[0])
                continue
            over = f" over {key[4]}" if key[4] else ""
            where = f"{key[0]}{over} {' '.join(key[1:3])} of {run['model']} on {run['target']}"
            said = f"expected one value a cell, there are {len(values)} different values for {where}"
            refusals += [Refusal(path, str(at[place] or ""), "value", said, "") for place in several]
        return kept

    def tables(self) -> Tables:
        """All that was added."""
        columns = {**self._columns, "evidence": ["aggregate"] * len(self._given)}
        if "outcomes" in self._cells.columns:
            columns["evidence"] = ["aggregate" if table is None else "outcomes" for table in self._given]
        if self._places != list(range(len(self._keys))):
            columns = {column: list(map(values.__getitem__, self._places)) for column, values in columns.items()}
        self._made.scores = columns
        return self._made


def _add_examples(found: Tables, run: Row, cells: Cells) -> None:
    key = {column: run[column] for column in ("run_id", "model", "intermediate", "target", "train_language", "seed")}
    answered: set[tuple[str, str]] = set()
    of = zip(*(cells.column(column) for column in (*KEY, "outcomes", "answers")), strict=True)
    for code, split, metric, scorer, _, outcomes, answers in of:
        where = {**key, "language": code, "split": split}
        if outcomes is not None:
            found.outcomes.append(_with(outcomes, {**where, "metric": metric, "scorer": scorer}))
        if answers is not None and (code, split) not in answered:
            answered.add((code, split))
            found.predictions.append(_with(answers, where))


def _with(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    for name, value in columns.items():
        kind = pa.int64() if name == "seed" else pa.string()
        table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    return table


def tables(rows: Iterable[Row | Block | Note], path: str, digest: str, refusals: list[Refusal]) -> Tables:
    """What of the rows of one file can be stored; the others become refusals. See Gathering."""
    gathering = Gathering()
    gathering.add(rows, path, digest)
    found, refused = gathering.tables()
    refusals += chain.from_iterable(refused)
    return found
