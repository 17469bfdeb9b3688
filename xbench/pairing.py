"""Which runs can be compared, and their counts side by side: examples are matched by id, in SQL.

A column is what scores must agree in to be compared at all (target, metric, scorer, dataset revision, split). A system is what was trained,
under its conditions; its runs differ in the seed alone.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from xbench import board
from xbench.errors import StoreError
from xbench.hashes import developed_on
from xbench.languages import MANY
from xbench.stats.ratios import Floats, Ints, Sums

COLUMN = ("target", "metric", "scorer", "dataset_revision")
SYSTEM = (
    "model", "model_revision", "intermediate", "intermediate_revision", "train_language", "recipe_id", "stack", "source", "source_version",
    "relationship", "kind",
)  # fmt: skip
AGAINST = tuple(f"against_{f}" for f in SYSTEM)  # of the second system, in rows about two
# In which systems may differ that have the same model, intermediate task and training language, and columns of numbers of one target;
# then their second systems.
CONDITIONS = (
    "source", "stack", "source_version", "relationship", "kind", "model_revision", "recipe_id", "intermediate_revision", "scorer",
    "dataset_revision",
    *AGAINST,
)  # fmt: skip
# What conditions may ask of a system beside the fields of SYSTEM.
_ABOUT = ("parameters", "recipe_label", "selection", "comparability_key")
# What goes with a field: two models have two revisions, two sources two versions.
_FOLLOWS = {
    "model": ("model_revision",),
    "intermediate": ("intermediate_revision",),
    "source": ("source_version", "relationship", "kind", "stack", "recipe_id"),
    "stack": ("recipe_id",),
}
DIRECT = "none"
TO_DIRECT = {"intermediate": DIRECT}  # what a transfer delta compares with: the same system but for the intermediate task
Store = Path | duckdb.DuckDBPyConnection  # a folder, or a connection to one


@dataclass(frozen=True, slots=True)
class System:
    """What was trained, and how: the fields of SYSTEM."""

    model: str
    model_revision: str
    intermediate: str
    intermediate_revision: str
    train_language: str
    recipe_id: str
    stack: str
    source: str
    source_version: str
    relationship: str
    kind: str

    def values(self, fields: Iterable[str]) -> tuple[str, ...]:
        """The values of some fields."""
        return tuple(getattr(self, f) for f in fields)


@dataclass(frozen=True, slots=True)
class Runs:
    """A system on one column: {seed: run id}, and what is known beside.

    Attributes:
        system: Which.
        by_seed: A seed of None means that the source does not say.
        stored: Whether every example of every run is stored.
        parameters: Of the encoder, where known.
        doubled: Seeds of which there is more than one run.
        selected: Whether the step that counts was selected on target languages in any run, which is not zero-shot.
        developed: The revisions of the development data that it was selected on there.
    """

    system: System
    by_seed: dict[int | None, str]
    stored: bool
    parameters: int | None
    doubled: tuple[int | None, ...] = ()
    selected: bool = False
    developed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    """One comparable column of numbers, and all systems that have any in it.

    Attributes:
        target, metric, scorer, dataset_revision: Which.
        systems: Those systems.
        covered: The languages that the task covers, which alone count in means; none of a task that xbench does not know.
        mined: Whether examples are what gold or the system names, so that two systems have different ones on the same data. A sentence
            that neither names adds nothing, above or below.
    """

    target: str
    metric: str
    scorer: str
    dataset_revision: str
    systems: dict[System, Runs] = field(compare=False)
    covered: tuple[str, ...] = ()
    mined: bool = False

    @property
    def key(self) -> dict[str, str]:
        """The fields of COLUMN."""
        return {c: getattr(self, c) for c in COLUMN}

    def counts(self, language: str) -> bool:
        """Whether a language counts in means; of a task that xbench does not know, all do."""
        return not self.covered or language in self.covered


def columns(con: duckdb.DuckDBPyConnection, where: Mapping[str, Any]) -> list[Column]:
    """The columns of the store that meet the conditions, with their systems; without `metric`, those that count for their target.

    Args:
        con: From xbench.store.connect.
        where: {column of the view result: value}; None is no condition.

    Raises:
        StoreError: If a condition is not a column of the view, or not of its type.
    """
    known = [d[0] for d in con.execute("SELECT * FROM result LIMIT 0").description or []]
    conditions = {c: v for c, v in where.items() if v is not None}
    unknown = sorted(set(conditions) - set(known))
    if unknown:
        raise StoreError(f"results have no column {', '.join(unknown)}; they have {', '.join(known)}")
    names = [*COLUMN, *SYSTEM, "seed", "run_id"]
    text = (
        # a mean that a source printed beside its examples takes nothing from them
        f"SELECT {', '.join(names)}, target_revision, max(parameters), "
        f"coalesce(bool_and(evidence = 'outcomes') FILTER (WHERE language <> '{MANY}'), false), "
        "coalesce(bool_or(selection = 'target-languages'), false) FROM result WHERE split = 'test'"
        + "".join(f' AND "{c}" = ?' for c in conditions)
        + " GROUP BY ALL ORDER BY ALL"
    )
    tasks = "SELECT target, family, list(language ORDER BY language) FROM task_language GROUP BY ALL"
    covered = {target: (tuple(codes), family == "mining") for target, family, codes in con.execute(tasks).fetchall()}
    found: dict[tuple[str, ...], Column] = {}
    for row in board.fetched(con, text, list(conditions.values())):
        key, system = row[: len(COLUMN)], System(*row[len(COLUMN) : len(COLUMN) + len(SYSTEM)])
        seed, run_id, revision, parameters, stored, selected = row[-6:]
        column = found.setdefault(key, Column(key[0], key[1], key[2], key[3], {}, *covered.get(key[0], ())))
        old = column.systems.get(system, Runs(system, {}, True, parameters))
        doubled = (*old.doubled, seed) if seed in old.by_seed else old.doubled
        by_seed = {**old.by_seed, seed: run_id}
        developed = old.developed | ({developed_on(system.kind, revision)} - {""})
        column.systems[system] = Runs(system, by_seed, old.stored and stored, parameters, doubled, old.selected or selected, developed)
    return _that_count(con, list(found.values()), asked="metric" in conditions)


def parted(where: Mapping[str, Any], shared: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Conditions in two: those that choose what is compared, and those that choose rows of it once families are adjusted and ranks given.

    The latter are about systems, and languages. All others choose columns, or runs: what there is then is all there is (`seed`).

    Args:
        where: {column of the view result: value}; None is no condition.
        shared: Fields that all systems have in common that are adjusted together: conditions on them cut no family, and leave less to read.
    """
    given, about = {c: v for c, v in where.items() if v is not None}, {*SYSTEM, *_ABOUT, "language"} - {*shared}
    return {c: v for c, v in given.items() if c not in about}, {c: v for c, v in given.items() if c in about}


def meeting(
    con: duckdb.DuckDBPyConnection,
    rows: Iterable[dict[str, Any]],
    where: Mapping[str, Any],
    of: Mapping[str, str] | None = None,
    sides: Sequence[str] = ("",),
) -> list[dict[str, Any]]:
    """The rows whose systems meet conditions.

    Args:
        con: From xbench.store.connect.
        rows: With the fields of SYSTEM.
        where: {column of the view result: value}, of systems; what rows do not say themselves, a test score of the system must.
        of: The fields of COLUMN that the score must have.
        sides: What stands before the fields in a row, once for each of its systems.
    """
    said, asked = ({c: v for c, v in where.items() if (c in SYSTEM) is own} for own in (True, False))
    met: set[tuple[Any, ...]] | None = None
    if asked:
        conditions = {**asked, **(of or {})}
        text = f"SELECT DISTINCT {', '.join(SYSTEM)} FROM result WHERE split = 'test'" + "".join(f' AND "{c}" = ?' for c in conditions)
        met = set(board.fetched(con, text, list(conditions.values())))

    def meets(row: Mapping[str, Any], side: str) -> bool:
        return all(row[side + c] == v for c, v in said.items()) and (met is None or tuple(row[side + f] for f in SYSTEM) in met)

    return [row for row in rows if all(meets(row, side) for side in sides)]


def content(con: duckdb.DuckDBPyConnection, column: Column) -> list[Any]:
    """What the rows of a column follow from: a run's id stands for its conditions, its scores and a sum over its outcomes for its examples.

    What of a run its id does not say is said beside: its size, how the step was selected elsewhere, whether there is another of its seed,
    and whether its examples are taken, which conditions on scores decide. Only the runs that take part: conditions such as a model leave
    others out of the column. The id of a run of ours is the same in two stores, and its scores may be, where other examples are right.
    """
    systems = sorted(
        (sorted(h.by_seed.values()), h.stored, h.selected, h.parameters, h.doubled, sorted(h.developed)) for h in column.systems.values()
    )
    runs = sorted(run for of_one, *_ in systems for run in of_one)
    scores = con.execute(
        "SELECT run_id, language, value, n, evidence FROM score WHERE split = 'test' AND target = ? AND metric = ? AND scorer = ? "
        "AND dataset_revision = ? AND list_contains(?, run_id) ORDER BY ALL",
        [*column.key.values(), runs],
    ).fetchall()
    # In no order, as that of the rows changes nothing; a sum, as of a row that is there twice nothing would be left in an exclusive or.
    examples = con.execute(
        "SELECT count(*), sum(hash(run_id, language, example_id, cluster_id, numerator, denominator)) FROM outcome WHERE split = 'test' "
        "AND target = ? AND metric = ? AND scorer = ? AND run_id IN (SELECT unnest(?::VARCHAR[]))",
        [column.target, column.metric, column.scorer, runs],
    ).fetchall()
    return [scores, examples, systems, column.covered, column.mined]


def _that_count(con: duckdb.DuckDBPyConnection, found: list[Column], *, asked: bool) -> list[Column]:
    """Without a metric asked for: the target's own metric by its own scorer, where there is one; else all."""
    if asked:
        return found
    official = board.official_scorers()
    main = dict(con.execute("SELECT DISTINCT target, metric FROM task_language").fetchall())

    def counts(c: Column) -> bool:
        return c.metric == main.get(c.target) and c.scorer in official.get(c.target, ())

    counted = {c.target for c in found if counts(c)}
    return [c for c in found if c.target not in counted or counts(c)]


def fixed_fields(change: Iterable[str]) -> list[str]:
    """The fields of a system that must agree where those of `change` differ: with a model goes its revision, with a source its version."""
    free = {f for c in change for f in (c, *_FOLLOWS.get(c, ()))}
    return [f for f in SYSTEM if f not in free]


def counterparts(column: Column, change: Mapping[str, str]) -> Callable[[System], list[System]]:
    """What gives for a system those that agree with it in everything but the fields of `change`, which have those values."""
    fixed = fixed_fields(change)
    found: dict[tuple[str, ...], list[System]] = {}
    for system in column.systems:
        if all(getattr(system, f) == v for f, v in change.items()):
            found.setdefault(system.values(fixed), []).append(system)
    return lambda first: found.get(first.values(fixed), [])


@dataclass(frozen=True, slots=True)
class Paired:
    """The runs of two or more arms that are compared.

    Attributes:
        seeds: Of each run of an arm.
        runs: {arm: run ids}, in the order of the seeds.
        problem: Why there is nothing to compare, or empty.
        selected: Whether the step that counts was selected on target languages in any arm, which is not zero-shot.
    """

    seeds: tuple[tuple[int | None, ...], ...]
    runs: tuple[tuple[str, ...], ...]
    problem: str = ""
    selected: bool = False


def absent(paired: Paired, runs: Container[str]) -> str:
    """That a language is not in these runs, of the two arms of a pair."""
    said = []
    for name, seeds, own in zip(("first", "second"), paired.seeds, paired.runs, strict=True):
        without = [shown_seed(seed) for seed, run in zip(seeds, own, strict=True) if run in runs]
        said += [f"seeds {' '.join(without)} of the {name}"] if without else []
    return f"not in every run: {', '.join(said)}"


def shown_seed(seed: int | None) -> str:
    """A seed as it is printed."""
    return "?" if seed is None else str(seed)


def pair(arms: Sequence[Runs], *, same_seeds: bool) -> Paired:
    """Choose the runs of several systems that are compared.

    Args:
        arms: The systems.
        same_seeds: Whether only equal seeds will do, as for a transfer delta; otherwise all runs are compared that systems have, as
            where they are ranked: runs of one seed have no more in common than others. Of averages alone, those of the seeds that all
            have, if there are any: two tables of the same seeds are compared number by number.
    """
    doubled = [f"{a.system.intermediate}, seed {a.doubled[0]}" for a in arms if a.doubled]
    if doubled:
        return Paired((), (), f"more than one run of the same system and seed ({'; '.join(doubled)})")
    if len(developed := frozenset[str]().union(*(a.developed for a in arms))) > 1:
        return Paired((), (), f"their steps were selected on different development data ({', '.join(sorted(developed))})")
    selected = any(a.selected for a in arms)
    common = in_order(set.intersection(*(set(a.by_seed) for a in arms)))
    if same_seeds and not common:
        return Paired((), (), "the direct baseline has other seeds")
    shared = common and (same_seeds or not all(a.stored for a in arms))
    ordered = [common if shared else in_order(a.by_seed) for a in arms]
    runs = tuple(tuple(a.by_seed[s] for s in own) for a, own in zip(arms, ordered, strict=True))
    return Paired(tuple(map(tuple, ordered)), runs, selected=selected)


def in_order(seeds: Iterable[int | None]) -> list[int | None]:
    """Seeds as runs are put in order by them; one that is not known is the last."""
    return sorted(seeds, key=lambda s: (s is None, s))


@dataclass(frozen=True, slots=True)
class Block:
    """The counts of one language, of all runs that were tested on the same examples in it.

    Attributes:
        language: Which.
        runs: In the order of the columns of `sums`.
        sums: Of what is mined a source sentence that a run did not name is there with nothing to count.
        examples: Of each run; None of what is mined, as it differs.
        twice: The runs in which an example is there twice.
    """

    language: str
    runs: tuple[str, ...]
    sums: Sums
    examples: int | None
    twice: frozenset[str] = frozenset()

    def count(self, runs: Sequence[str]) -> int:
        """The examples of these runs; of what is mined, those that gold or any of them names."""
        if self.examples is not None:
            return self.examples
        return int(self.of(runs).denominator.any(axis=1).sum())

    def of(self, runs: Sequence[str]) -> Sums:
        """The counts of these runs, in this order."""
        return self.sums.take([self.runs.index(r) for r in runs])


@dataclass(frozen=True, slots=True)
class Panel:
    """All counts of a column, a block a language; where runs were tested on different examples, a block for each set of them."""

    blocks: tuple[Block, ...]
    clusters: int

    def common(self, runs: Iterable[str]) -> tuple[list[Block], list[str]]:
        """The blocks that hold all these runs, and the languages that all have but on different examples, with the counts."""
        wanted = set(runs)
        good = [b for b in self.blocks if wanted <= set(b.runs)]
        there: dict[str, set[str]] = {}
        for b in self.blocks:
            there.setdefault(b.language, set()).update(b.runs)
        done = {b.language for b in good}
        bad = []
        for language in sorted(code for code, held in there.items() if wanted <= held and code not in done):
            sizes = sorted({b.count(b.runs) for b in self.blocks if b.language == language and wanted & set(b.runs)})
            bad.append(f"{language}: {', '.join(map(str, sizes))} examples, not the same ones")
        return good, bad

    def doubled(self, runs: Iterable[str]) -> list[str]:
        """The languages in which an example of these runs is there twice; of other runs of the panel it is no matter."""
        wanted = set(runs)
        return [f"{b.language}: an example is there twice" for b in self.blocks if b.twice & wanted]

    def lacking(self, runs: Iterable[str]) -> dict[str, set[str]]:
        """The languages that some of these runs were tested in and others not, with those that were not."""
        wanted = set(runs)
        there: dict[str, set[str]] = {}
        for b in self.blocks:
            there.setdefault(b.language, set()).update(wanted & set(b.runs))
        return {language: wanted - held for language, held in sorted(there.items()) if held and held < wanted}


def load_panel(con: duckdb.DuckDBPyConnection, column: Column, runs: Sequence[str]) -> Panel:
    """Read the counts of these runs in this column.

    Clusters are numbered in the order of their ids, so the order of rows in the store changes nothing.
    """
    numbers = list(range(len(runs)))
    con.execute("CREATE OR REPLACE TEMP TABLE wanted AS SELECT unnest(?) AS run_id, unnest(?) AS number", [list(runs), numbers])
    con.execute(
        # fsum: a plain sum of fractions may differ in its last digit from one call to the next. A sum of hashes, as of an example that is
        # there twice nothing would be left in an exclusive or.
        "CREATE OR REPLACE TEMP TABLE counted AS SELECT language, number, cluster_id, fsum(numerator) AS above, "
        "fsum(denominator) AS below, count(*) AS examples, count(DISTINCT example_id) AS different, "
        "sum(hash(example_id, cluster_id)) AS mark "
        "FROM outcome JOIN wanted USING (run_id) WHERE target = ? AND split = 'test' AND metric = ? AND scorer = ? GROUP BY ALL",
        [column.target, column.metric, column.scorer],
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT cluster_id, row_number() OVER (ORDER BY cluster_id) - 1 AS cluster "
        "FROM (SELECT DISTINCT cluster_id FROM counted)"
    )
    sets = con.execute(
        "SELECT language, mark, max(examples), list(number ORDER BY number), list(number) FILTER (examples > different) FROM ("
        f"SELECT language, number, {'0' if column.mined else 'sum(mark)'} AS mark, sum(examples)::BIGINT AS examples, "
        "sum(different)::BIGINT AS different FROM counted GROUP BY language, number) "
        f"GROUP BY language, mark{'' if column.mined else ', examples'} ORDER BY language, min(number)"
    ).fetchall()
    blocks = []
    for language, _, examples, numbers, twice in sets:
        table = con.execute(
            f"SELECT cluster, {'number, ' if column.mined else ''}above, below FROM counted JOIN numbered USING (cluster_id) "
            "WHERE language = ? AND list_contains(?, number) ORDER BY number, cluster",
            [language, numbers],
        ).fetchnumpy()
        clusters, above, below = _dense(table, numbers) if column.mined else _as_columns(table, len(numbers))
        same = bool((below == below[:, :1]).all())
        sums = Sums(above, below[:, :1] if same else below, clusters)
        own = tuple(runs[i] for i in numbers)
        blocks.append(Block(language, own, sums, None if column.mined else examples, frozenset(runs[i] for i in twice or ())))
    total = con.execute("SELECT count(*) FROM numbered").fetchall()[0][0]
    con.execute("DROP TABLE wanted; DROP TABLE counted; DROP TABLE numbered")
    return Panel(tuple(blocks), total)


def _as_columns(table: Mapping[str, Any], runs: int) -> tuple[Ints, Floats, Floats]:
    """The clusters, and above and below as (clusters, runs), of runs that all have the same clusters."""
    above, below = (np.ascontiguousarray(np.asarray(table[c], dtype=np.float64).reshape(runs, -1).T) for c in ("above", "below"))
    return np.asarray(table["cluster"], dtype=np.int64).reshape(runs, -1)[0], above, below


def _dense(table: Mapping[str, Any], numbers: Sequence[int]) -> tuple[Ints, Floats, Floats]:
    """The same of runs that do not; where one has nothing there is nothing to count."""
    clusters, rows = np.unique(np.asarray(table["cluster"], dtype=np.int64), return_inverse=True)
    place = rows, np.searchsorted(numbers, table["number"])
    above, below = np.zeros((2, len(clusters), len(numbers)))
    above[place], below[place] = table["above"], table["below"]
    return clusters, above, below
