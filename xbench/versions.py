"""Versions of claims: what of a batch the store knows, what is new, and what says something else than before."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, repeat
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from xbench import columns, contracts, store
from xbench.listing import Listing
from xbench.rows import CELL, Tables

_EMPTY = ("run", "score", "outcome", "prediction")


@dataclass(frozen=True, slots=True)
class Change:
    """A cell whose number is not what the store held."""

    model: str
    intermediate: str
    target: str
    language: str
    split: str
    metric: str
    source: str
    old: float
    new: float


@dataclass(slots=True)
class Compared:
    """Cells of a batch by what they are to the store (new, changed, identical, older) and by task; each changed number."""

    cells: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Packed:
    """Contract rows of some runs on the way from process to process: a fraction of the memory of lists, and nothing there twice.

    Attributes:
        runs, outcomes, predictions: Tables of the contracts.
        sizes: How many scores each run has, shape (runs,).
        scores: Their columns, run after run; not those that all of them have from their run, or leave empty.
        exported_as: As of xbench.rows.Tables.
    """

    runs: pa.Table
    sizes: list[int]
    scores: dict[str, pa.Array]
    outcomes: pa.Table
    predictions: pa.Table
    exported_as: dict[str, str]


def pack(made: Tables) -> Packed:
    """The rows as Arrow has them."""
    schema, kinds = _schema("run"), _schema("score")
    runs = [columns.column([run.get(name) for run in made.runs], kind) for name, kind in zip(schema.names, schema.types, strict=True)]
    said = {name: values for name, values in made.scores.items() if not columns.silent(values)}
    return Packed(
        pa.Table.from_arrays(runs, schema=schema),
        made.sizes,
        {name: columns.column(values, kinds.field(name).type) for name, values in said.items()},
        _joined("outcome", made.outcomes),
        _joined("prediction", made.predictions),
        made.exported_as,
    )


class Batch:
    """Contract rows of many runs, as Arrow tables; join() takes those of another batch."""

    def __init__(self, packed: Packed | None = None) -> None:
        self.tables: dict[str, pa.Table]
        self.exported_as: dict[str, str] = {}
        self.identities: set[str] = set()
        if packed is None:
            self.tables = {name: columns.empty(_schema(name)) for name in _EMPTY}
        else:
            self.tables = {"run": packed.runs, "score": _scores(packed), "outcome": packed.outcomes, "prediction": packed.predictions}
            self.exported_as = packed.exported_as
            self.identities = set(packed.runs["identity"].to_pylist())

    @property
    def rows(self) -> int:
        """Of the largest table."""
        return max(int(table.num_rows) for table in self.tables.values())

    def join(self, other: "Batch") -> None:
        """Take the rows of another packed batch."""
        self.tables = {name: pa.concat_tables([table, other.tables[name]]) for name, table in self.tables.items()}
        self.exported_as |= other.exported_as
        self.identities |= other.identities

    def apart(self) -> Iterator["Batch"]:
        """Parts in which every identity is there once, in order: where two files of a batch claim the same, the later is a version."""
        runs = self.tables["run"].select(["run_id", "identity"]).to_pylist()
        if len(self.identities) == len(runs):
            yield self
            return
        parts: list[list[int]] = []
        seen: dict[str, int] = {}
        ids: set[str] = set()
        for row, run in enumerate(runs):
            if run["run_id"] in ids:  # two files with the same content
                continue
            ids.add(run["run_id"])
            part = seen[run["identity"]] = seen.get(run["identity"], -1) + 1
            if part == len(parts):
                parts.append([])
            parts[part].append(row)
        for rows in parts:
            yield self._of([runs[row]["run_id"] for row in rows])

    def _of(self, run_ids: Sequence[str]) -> "Batch":
        """The part of these runs; of a run that is there several times (with equal rows) one copy."""
        part = Batch()
        part.tables = {name: _first(name, table, run_ids) for name, table in self.tables.items()}
        part.exported_as = {run: self.exported_as[run] for run in run_ids if run in self.exported_as}
        part.identities = set(part.tables["run"]["identity"].to_pylist())
        return part


def compare(batch: Batch, roots: Sequence[Path]) -> tuple[dict[str, pa.Table], Compared]:
    """What of a batch is to be written, and what each of its cells is to the stores.

    A run whose numbers are all there already is not written again. One with a new or a changed number is, with the next version, and with
    what it does not repeat of the version before.

    Args:
        batch: Every identity at most once.
        roots: Stores whose runs are known.

    Returns:
        The rows to write, by table, and the comparison.
    """
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'")
        for table in ("run", "score"):
            con.register(f"given_{table}", batch.tables[table])
            _known(con, roots, table)
        exported = pa.table({"run_id": columns.texts(list(batch.exported_as)), "theirs": columns.texts(list(batch.exported_as.values()))})
        found = Compared()
        found.targets.update(dict(con.execute("SELECT target, count(*) FROM given_score GROUP BY target").fetchall()))
        known = con.execute("SELECT count(*) FROM given_run WHERE identity IN (SELECT identity FROM known_run)").fetchall()[0][0]
        if not known and not batch.exported_as:  # as on the way into a new store: no number need be looked up
            found.cells["new"] = batch.tables["score"].num_rows
            return batch.tables, found
        con.register("exported", exported)
        con.execute(_COMPARE)
        found.cells.update(dict(con.execute("SELECT status, count(*) FROM compared GROUP BY status").fetchall()))
        found.changes = [
            Change(*row)
            for row in con.execute(
                "SELECT s.model, s.intermediate, s.target, s.language, s.split, s.metric, r.source, c.old, s.value FROM compared AS c "
                "JOIN given_score AS s USING (run_id, language, split, metric, scorer) JOIN given_run AS r USING (run_id) "
                "WHERE c.status = 'changed' AND c.old <> s.value ORDER BY ALL"
            ).fetchall()
        ]
        versions = dict(
            con.execute(
                "SELECT c.run_id, coalesce(max(k.version), 0) + 1 FROM (SELECT DISTINCT run_id FROM compared WHERE status IN "
                "('new', 'changed')) AS c JOIN given_run AS r USING (run_id) LEFT JOIN known_run AS k USING (identity) GROUP BY c.run_id"
            ).fetchall()
        )
        fresh = {name: _of_runs(table, list(versions)) for name, table in batch.tables.items()}
        numbers = columns.numbers([versions[run] for run in fresh["run"]["run_id"].to_pylist()], pa.int64())
        position = fresh["run"].column_names.index("version")
        fresh["run"] = fresh["run"].set_column(position, "version", numbers)
        if any(version > 1 for version in versions.values()):
            _carry(con, roots, fresh)
    finally:
        con.close()
    return fresh, found


def _carry(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], fresh: dict[str, pa.Table]) -> None:
    """Add what a new version does not repeat of the one before: a file that corrects one language leaves the others as they are."""
    con.register("fresh_run", fresh["run"])
    con.register("given_prediction", fresh["prediction"])
    con.execute(_CARRIED)
    for name, rest in _REST.items():
        columns = fresh[name].column_names
        parts = _sources(con, roots, name)
        if not parts:
            continue
        replaced = {"run_id": "k.run_id", "carried_from": "coalesce(o.carried_from, o.run_id)"}
        chosen = ", ".join(f"{replaced.get(c, f'o.{c}')} AS {c}" for c in columns)
        query = f"SELECT {chosen} FROM ({' UNION ALL '.join(parts)}) AS o {rest}"
        fresh[name] = pa.concat_tables([fresh[name], con.sql(query).to_arrow_table().cast(fresh[name].schema)])


# Of each table, the rows of the version before that belong to a carried cell.
_CELL = "(o.run_id, o.language, o.split, o.metric, o.scorer) = (k.old_run_id, k.language, k.split, k.metric, k.scorer)"
_REST = {
    "score": f"JOIN carried AS k ON {_CELL}",
    "outcome": f"JOIN carried AS k ON {_CELL}",
    "prediction": """JOIN (SELECT DISTINCT run_id, old_run_id, language, split FROM carried) AS k
        ON (o.run_id, o.language, o.split) = (k.old_run_id, k.language, k.split)
        ANTI JOIN given_prediction AS g ON (g.run_id, g.language, g.split) = (k.run_id, k.language, k.split)""",
}
_CARRIED = """
CREATE TEMP TABLE carried AS
SELECT f.run_id, c.run_id AS old_run_id, c.identity, c.language, c.split, c.metric, c.scorer
FROM current AS c JOIN fresh_run AS f USING (identity)
ANTI JOIN given_score AS g ON g.run_id = f.run_id AND (g.language, g.split, g.metric, g.scorer) = (c.language, c.split, c.metric, c.scorer)
"""


# A cell is compared with the newest version of its identity; one that was exported from a run of this store, with that run's.
_COMPARE = """
CREATE TEMP TABLE current AS
SELECT r.identity, s.* FROM known_score AS s
JOIN (
    SELECT identity, arg_max(run_id, (version, run_id)) AS run_id FROM known_run
    WHERE identity IN (SELECT identity FROM given_run) GROUP BY identity
) AS r USING (run_id);
CREATE TEMP TABLE origin AS
SELECT e.run_id AS given, s.* FROM known_score AS s JOIN exported AS e ON s.run_id = e.theirs
WHERE s.run_id IN (SELECT run_id FROM known_run);
CREATE TEMP TABLE compared AS
SELECT s.run_id, s.language, s.split, s.metric, s.scorer, c.value AS old,
    CASE
        WHEN o.value = s.value THEN 'identical'
        WHEN c.value IS NULL THEN 'new'
        WHEN c.run_id = s.run_id THEN 'identical'
        WHEN s.run_id IN (SELECT run_id FROM known_run) THEN 'older'
        WHEN c.value = s.value AND c.language_set IS NOT DISTINCT FROM s.language_set  -- and nothing is said that was not known
            AND (s.n IS NULL OR s.n = c.n) AND (s.stderr IS NULL OR s.stderr = c.stderr)
            AND (s.evidence = 'aggregate' OR c.evidence = 'outcomes') THEN 'identical'
        ELSE 'changed'
    END AS status
FROM given_score AS s
JOIN given_run AS r USING (run_id)
LEFT JOIN current AS c USING (identity, language, split, metric, scorer)
LEFT JOIN origin AS o ON o.given = s.run_id
    AND (o.language, o.split, o.metric, o.scorer) = (s.language, s.split, s.metric, s.scorer);
"""


def _known(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], table: str) -> None:
    """`known_TABLE`: the rows of all the stores, or none."""
    parts = _sources(con, roots, table)
    con.execute(f"CREATE VIEW known_{table} AS {' UNION ALL '.join(parts) or f'SELECT * FROM given_{table} LIMIT 0'}")


def _sources(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], table: str) -> list[str]:
    """A SELECT for each store that has rows of the table."""
    listings = [Listing(root) for root in roots]
    return [store.source(con, listed, table) for listed in listings if listed.files(table)]


def _of_runs(table: pa.Table, run_ids: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc

    if table.num_rows == 0 or not run_ids:
        return table.slice(0, 0)
    return table.filter(pc.is_in(table["run_id"], value_set=columns.texts(run_ids)))


def _first(name: str, table: pa.Table, run_ids: Sequence[str]) -> pa.Table:
    """The rows of these runs, each once by its key."""
    rows = _of_runs(table, run_ids)
    con = duckdb.connect()
    try:
        contracts.create(con, name, described=False)
        con.register("given", rows)
        con.execute(f"INSERT OR IGNORE INTO {name} BY NAME SELECT * FROM given")
        return con.sql(f"SELECT * FROM {name}").to_arrow_table().cast(rows.schema) if rows.num_rows else rows
    finally:
        con.close()


def _scores(packed: Packed) -> pa.Table:
    """Rows of table score: a text of their run stands once a run, with the place of each row's run beside it."""
    schema, runs = _schema("score"), packed.runs
    places = np.repeat(np.arange(runs.num_rows, dtype=np.int32), packed.sizes)
    found = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        of_run = "target_revision" if name == "dataset_revision" else name
        if name in packed.scores:
            found.append(packed.scores[name])
        elif name in CELL or of_run not in runs.column_names:
            found.append(columns.column([None] * len(places), kind))
        elif pa.types.is_dictionary(kind):
            found.append(columns.repeated(places, runs[of_run].chunk(0)))
        else:
            of_runs = map(repeat, runs[of_run].to_pylist(), packed.sizes)
            found.append(columns.column(list(chain.from_iterable(of_runs)), kind))
    return pa.Table.from_arrays(found, schema=schema)


def _joined(name: str, parts: list[pa.Table]) -> pa.Table:
    schema = _schema(name)
    return pa.concat_tables([part.select(schema.names) for part in parts]).cast(schema) if parts else columns.empty(schema)


@cache
def _schema(name: str) -> pa.Schema:
    """The Arrow types of a contract; of the scores, which repeat their texts over and over, with each text once."""
    schema = contracts.schema(name)
    if name != "score":
        return schema
    return pa.schema([(f.name, pa.dictionary(pa.int32(), f.type) if pa.types.is_string(f.type) else f.type) for f in schema])
