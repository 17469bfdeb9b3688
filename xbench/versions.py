"""Versions of claims: what of a batch the store knows, what is new, and what says something else than before."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, groupby, repeat
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from xbench import columns, contracts, places, retractions, scoring, store
from xbench.cells import KEY, NAMES
from xbench.listing import Listing
from xbench.rows import CELL, FACTS, Tables, digest_of, hashed, id_with, run_id_of

_EMPTY = ("run", "score", "outcome", "prediction")


@dataclass(frozen=True, slots=True)
class Change:
    """A cell of a batch beside what the newest version (`run`) held of it: `old`, None if it has no such cell; `new` is given."""

    model: str
    intermediate: str
    target: str
    language: str
    language_set: str | None
    split: str
    metric: str
    source: str
    old: float | None
    new: float
    run: str


@dataclass(slots=True)
class Compared:
    """Cells of a batch by what they are to the store, target and intermediate; changed and older ones.

    To the store a cell is new, changed, identical, older (of a version that another one has replaced) or retracted (of a run that is).
    """

    cells: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)
    intermediates: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    older: list[Change] = field(default_factory=list)
    files: Counter[tuple[str, str]] = field(default_factory=Counter)  # changed numbers by the files' hashes, old and new
    after_retracted: int = 0  # runs that are written, and are the next version of a claim of which one is retracted


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
        runs = self.tables["run"].select(["run_id", "identity", *FACTS]).to_pylist()
        if len(self.identities) == len(runs):
            yield self
            return
        parts: list[list[int]] = []
        seen: dict[str, int] = {}
        contents: set[tuple[Any, ...]] = set()
        for row, run in enumerate(runs):
            content = tuple(run.values())
            if content in contents:  # two files with the same
                continue
            contents.add(content)
            part = seen[run["identity"]] = seen.get(run["identity"], -1) + 1
            if part == len(parts):
                parts.append([])
            parts[part].append(row)
        for rows in parts:
            yield self._of(rows)

    def _of(self, rows: Sequence[int]) -> "Batch":
        """The part of these rows of table run; of a run that is there several times (with equal scores) one copy."""
        part = Batch()
        runs = self.tables["run"].take(rows)
        run_ids = runs["run_id"].to_pylist()
        part.tables = {name: runs if name == "run" else _first(name, table, run_ids) for name, table in self.tables.items()}
        part.exported_as = {run: self.exported_as[run] for run in run_ids if run in self.exported_as}
        part.identities = set(part.tables["run"]["identity"].to_pylist())
        return part


def compare(batch: Batch, roots: Sequence[Path]) -> tuple[dict[str, pa.Table], Compared]:
    """What of a batch is to be written, and what each of its cells is to the stores.

    A run whose numbers are all there already is not written again. One with a new or a changed number is, with the next version, and with
    what it does not repeat of the version before: cells that it has not, and what it says less of than is known (no examples, n or standard
    error, of which languages a mean is); but not what was measured on predictions in the place of which it has others. Its id is of what it
    adds. One that adds no number, but says more of its system or has predictions that were not known, has all scores of the version before.

    Args:
        batch: Every identity at most once.
        roots: Stores whose runs are known.

    Returns:
        The rows to write, by table, and the comparison.
    """
    con = places.database(*roots)
    try:
        con.execute("SET TimeZone = 'UTC'")
        for table in batch.tables:
            con.register(f"given_{table}", batch.tables[table])
        for table in ("run", "score"):
            _known(con, roots, table)
        gone = sorted({run for root in roots for run in retractions.out_of(root)})
        con.register("retracted", pa.table({"run_id": columns.texts(gone)}))
        exported = pa.table({"run_id": columns.texts(list(batch.exported_as)), "theirs": columns.texts(list(batch.exported_as.values()))})
        found = Compared()
        for column, counts in (("target", found.targets), ("intermediate", found.intermediates)):
            counts.update(dict(con.execute(f"SELECT {column}, count(*) FROM given_score GROUP BY ALL").fetchall()))
        known = con.execute("SELECT count(*) FROM given_run WHERE identity IN (SELECT identity FROM known_run)").fetchall()[0][0]
        if not known and not batch.exported_as:  # as on the way into a new store: no number need be looked up
            found.cells["new"] = batch.tables["score"].num_rows
            return batch.tables, found
        con.register("exported", exported)
        con.execute(_NEWEST)
        for table in _EXAMPLES:
            _compare_examples(con, roots, table, "newest")
        con.execute(_MATCH)
        own, beside = _own_ids(con), _ids_beside(con)
        for name, ids in (("own", own), ("beside", beside)):
            con.register(name, pa.table({"run_id": columns.texts(list(ids)), "id": columns.texts(list(ids.values()))}))
        con.execute(_ITSELF)
        _compare_examples(con, roots, "prediction", "itself")
        con.execute(_COMPARE)
        found.cells.update(dict(con.execute("SELECT status, count(*) FROM compared GROUP BY status").fetchall()))
        found.changes = _changes(con, "c.status = 'changed' AND c.old <> s.value")
        found.older = _changes(con, "c.status = 'older'") if found.cells["older"] else []
        if found.changes:
            files = con.execute(
                "SELECT k.source_sha256, r.source_sha256, count(*) FROM compared AS c JOIN given_run AS r USING (run_id) "
                "JOIN known_run AS k ON k.run_id = c.origin WHERE c.status = 'changed' AND c.old <> c.value GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            found.files.update({(old, new): count for old, new, count in files})
        versions = dict(
            con.execute(
                "SELECT c.run_id, coalesce(max(k.version), 0) + 1 FROM (SELECT run_id FROM compared WHERE status IN ('new', 'changed') "
                "UNION FROM bare) AS c JOIN given_run AS r USING (run_id) LEFT JOIN known_run AS k USING (identity) GROUP BY c.run_id"
            ).fetchall()
        )
        fresh = {name: _of_runs(table, list(versions)) for name, table in batch.tables.items()}
        if gone and versions:
            query = (
                "SELECT count(*) FROM given_run WHERE list_contains(?::VARCHAR[], run_id) "
                "AND identity IN (SELECT identity FROM known_run JOIN retracted USING (run_id))"
            )
            found.after_retracted = con.execute(query, [list(versions)]).fetchall()[0][0]
        numbers = columns.numbers([versions[run] for run in fresh["run"]["run_id"].to_pylist()], pa.int64())
        position = fresh["run"].column_names.index("version")
        fresh["run"] = fresh["run"].set_column(position, "version", numbers)
        if any(version > 1 for version in versions.values()):
            _leave_out(con, fresh)
            _carry(con, roots, fresh)
            _complete(con, fresh)
    finally:
        con.close()
    return fresh, found


def _changes(con: duckdb.DuckDBPyConnection, which: str) -> list[Change]:
    """The cells of table `compared` that meet a condition, beside the newest version."""
    query = (
        "SELECT s.model, s.intermediate, s.target, s.language, s.language_set, s.split, s.metric, r.source, c.old, s.value, n.run_id "
        f"FROM compared AS c JOIN given_score AS s ON {_same('s', 'c')} JOIN given_run AS r ON r.run_id = s.run_id "
        f"JOIN newest AS n USING (identity) WHERE {which} ORDER BY ALL"
    )
    return [Change(*row) for row in con.execute(query).fetchall()]


def _own_ids(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The ids of runs without the cells that say less than is known: {id of all they say: id of the rest}; of no rest there is none."""
    rest = con.execute(
        f"SELECT s.run_id, r.identity, s.evidence, {', '.join(f's.{c}' for c in CELL)} "
        "FROM given_score AS s JOIN given_run AS r USING (run_id) "
        f"ANTI JOIN poorer AS p ON {_same('s', 'p')} WHERE s.run_id IN (SELECT run_id FROM poorer) "
        f"ORDER BY s.run_id, {', '.join(f's.{c}' for c in KEY)}"
    ).fetchall()
    found = {}
    for (run, identity), group in groupby(rest, lambda row: row[:2]):
        own = [dict(zip(("evidence", *CELL), row[2:], strict=True)) for row in group]
        examples = [_digest(con, run, row) if row["evidence"] == "outcomes" else None for row in own]
        found[run] = run_id_of(identity, hashed({c: [row[c] for row in own] for c in CELL}, examples))
    return found


def _digest(con: duckdb.DuckDBPyConnection, run: str, cell: Mapping[str, Any]) -> str | None:
    return digest_of(
        con.execute(
            "SELECT example_id, cluster_id, numerator, denominator FROM given_outcome WHERE run_id = ? AND "
            + " AND ".join(f"{c} = ?" for c in NAMES),
            [run, *(cell[c] for c in NAMES)],
        ).to_arrow_table()
    )


def _ids_beside(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The ids of runs that are known, with what they say beside their numbers, if that is something."""
    said = con.execute(f"""
        SELECT g.run_id, p.digest, {", ".join(f"g.{fact}" for fact in FACTS)} FROM newest AS n JOIN given_run AS g ON g.run_id = n.given
        LEFT JOIN (
            SELECT run_id, sha256(string_agg(example, chr(10) ORDER BY example)) AS digest FROM (
                SELECT run_id, to_json([language, split, example_id, cluster_id, reference, prediction])::VARCHAR AS example
                FROM given_prediction WHERE run_id IN (SELECT given FROM newest)
            ) GROUP BY run_id
        ) AS p ON p.run_id = g.run_id
    """).fetchall()
    return {run: id_with(run, beside) for run, *beside in said if any(one is not None for one in beside)}


def _leave_out(con: duckdb.DuckDBPyConnection, fresh: dict[str, pa.Table]) -> None:
    """Take away the cells that say nothing that is not known, and of runs that have no others the predictions that are known."""
    for name, cell in (("score", _same("g", "p")), ("outcome", f"({_of('g', 'run_id')}) = ({_of('p', 'run_id')})")):
        fresh[name] = _selected(con, fresh[name], f"SELECT g.* FROM written AS g ANTI JOIN repeated AS p ON {cell}")
    added = "run_id NOT IN (FROM bare) OR (run_id, language, split) IN (FROM predicted)"
    fresh["prediction"] = _selected(con, fresh["prediction"], f"FROM written WHERE {added}")


def _complete(con: duckdb.DuckDBPyConnection, fresh: dict[str, pa.Table]) -> None:
    """Give runs the ids of what they add, and what the version before says of its system and they do not."""
    facts = ", ".join(f"coalesce(g.{fact}, n.{fact}) AS {fact}" for fact in FACTS)
    query = f"SELECT g.* REPLACE ({facts}) FROM written AS g LEFT JOIN newest AS n ON n.given = g.run_id"
    fresh["run"] = _selected(con, fresh["run"], query)
    query = (
        "SELECT g.* REPLACE (coalesce(b.id, o.id, g.run_id) AS run_id) FROM written AS g LEFT JOIN own AS o USING (run_id) "
        "LEFT JOIN (FROM beside WHERE run_id IN (FROM bare)) AS b USING (run_id)"
    )
    for name, table in fresh.items():
        fresh[name] = _selected(con, table, query)


def _selected(con: duckdb.DuckDBPyConnection, table: pa.Table, query: str) -> pa.Table:
    """What a query makes of a table, which it calls `written`, with the same columns."""
    con.register("written", table)
    found = con.sql(query).to_arrow_table().cast(table.schema)
    con.unregister("written")
    return found


def _carry(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], fresh: dict[str, pa.Table]) -> None:
    """Add what a new version does not repeat of the one before: a file that corrects one language leaves the others as they are."""
    for name in ("run", "prediction"):
        con.register(f"fresh_{name}", fresh[name])
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


def _of(alias: str, run: str) -> str:
    """The columns that name a cell of a run, but the languages of a printed mean, which are NULL of others."""
    return ", ".join(f"{alias}.{column}" for column in (run, *NAMES))


def _same(one: str, two: str, run: str = "run_id", languages: str = "language_set") -> str:
    """A condition: a score of alias `one` is that of alias `two`, whose run and languages are in the columns named."""
    return f"({_of(one, 'run_id')}) = ({_of(two, run)}) AND {one}.language_set IS NOT DISTINCT FROM {two}.{languages}"


# Of each table, the rows of the version before that belong to a carried cell; a printed mean has no examples.
_REST = {
    "score": f"JOIN carried AS k ON {_same('o', 'k', 'old_run_id')}",
    "outcome": f"JOIN carried AS k ON ({_of('o', 'run_id')}) = ({_of('k', 'old_run_id')})",
    "prediction": """JOIN (SELECT DISTINCT run_id, old_run_id, language, split FROM carried) AS k
        ON (o.run_id, o.language, o.split) = (k.old_run_id, k.language, k.split)
        ANTI JOIN fresh_prediction AS g ON (g.run_id, g.language, g.split) = (k.run_id, k.language, k.split)
        ANTI JOIN lost_prediction AS l ON (l.run_id, l.language, l.split) = (k.old_run_id, k.language, k.split)""",
}
# Scores of predictions in the place of which there are others are made again by `xbench rescore`.
_CARRIED = f"""
CREATE TEMP TABLE carried AS
SELECT f.run_id, {_of("c", "run_id AS old_run_id")}, c.language_set
FROM current AS c JOIN fresh_run AS f ON f.run_id = c.given
ANTI JOIN (FROM compared AS p ANTI JOIN repeated AS q ON {_same("p", "q")}) AS g
    ON g.run_id = f.run_id AND {_same("c", "g", "old_run_id", "old_language_set")}
LEFT JOIN (
    FROM newest_prediction WHERE held AND NOT equal AND (run_id, language, split) IN (SELECT run_id, language, split FROM fresh_prediction)
) AS n ON (n.run_id, n.language, n.split) = (c.given, c.language, c.split)
LEFT JOIN repeated AS q ON {_same("q", "c", "given")}
WHERE c.evidence = 'aggregate' OR n.run_id IS NULL OR q.run_id IS NOT NULL
"""


def _says_more(fact: str) -> str:
    """A condition: what a run says is not what the newest version says, nor what it said itself when it was stored."""
    return f"({_contradicts(fact)} AND NOT coalesce(list_contains(i.{fact}, g.{fact}), false))"


def _contradicts(fact: str) -> str:
    """A condition: what a run says is not what the newest version says."""
    return f"(g.{fact} IS NOT NULL AND g.{fact} IS DISTINCT FROM n.{fact})"


def _alone(scores: str) -> str:
    """A SELECT of the printed means that are the only one of their run and metric."""
    chosen = "given, split, metric, scorer, any_value(language_set) AS language_set"
    return f"SELECT {chosen} FROM {scores} WHERE language = 'mul' GROUP BY ALL HAVING count(*) = 1"


_NEWEST = f"""
CREATE TEMP TABLE newest AS
SELECT identity, any_value(g.run_id) AS given, arg_max(k.run_id, (k.version, k.run_id)) AS run_id,
    {", ".join(f"arg_max_null(k.{fact}, (k.version, k.run_id)) AS {fact}" for fact in FACTS)}
FROM known_run AS k JOIN given_run AS g USING (identity) WHERE k.run_id NOT IN (FROM retracted) GROUP BY identity
"""
# A cell is compared with the newest version of its identity; one that was exported from a run of this store, with that run's. A mean whose
# languages are not known is the one of the other version, if each has one; else it is a number beside the others.
_MATCH = f"""
CREATE TEMP TABLE current AS
SELECT r.identity, r.given, s.* FROM known_score AS s JOIN newest AS r USING (run_id)
WHERE s.carried_from IS NULL OR s.carried_from NOT IN (FROM retracted);
CREATE TEMP TABLE lost_prediction AS
SELECT run_id, language, split FROM (
    SELECT s.*, coalesce(s.carried_from IN (FROM retracted), false) AS gone FROM known_score AS s JOIN newest USING (run_id)
) GROUP BY ALL HAVING {store.LOSES_PREDICTIONS};
CREATE TEMP TABLE origin AS
SELECT e.run_id AS given, s.* FROM known_score AS s JOIN exported AS e ON s.run_id = e.theirs
JOIN given_run AS g ON g.run_id = e.run_id AND {" AND ".join(f"g.{c} IS NOT DISTINCT FROM s.{c}" for c in scoring.KEY[1:])}
WHERE s.run_id IN (SELECT run_id FROM known_run);
CREATE TEMP TABLE meant AS
SELECT given, split, metric, scorer, h.language_set AS held
FROM ({_alone("(SELECT run_id AS given, * FROM given_score)")}) AS g JOIN ({_alone("current")}) AS h USING (given, split, metric, scorer)
WHERE g.language_set <> h.language_set AND 'unknown' IN (g.language_set, h.language_set);
CREATE TEMP TABLE matched AS
SELECT {_of("s", "run_id")}, s.language_set, s.value, c.run_id AS old_run_id, c.language_set AS old_language_set, c.value AS old,
    coalesce(c.carried_from, c.run_id) AS origin,
    coalesce(o.value = s.value, false) AS exported,
    coalesce(o.value = s.value AND (o.run_id IN (FROM retracted) OR coalesce(o.carried_from IN (FROM retracted), false)), false) AS gone,
    coalesce(NOT p.equal, false) AS otherwise,  -- predicted
    coalesce(
        c.value = s.value  -- and nothing is said that was not known
        AND (s.language_set IS NOT DISTINCT FROM c.language_set OR s.language_set = 'unknown')
        AND (s.n IS NULL OR s.n = c.n) AND (s.stderr IS NULL OR s.stderr = c.stderr)
        AND (s.evidence = 'aggregate' OR c.evidence = 'outcomes')
        AND NOT (s.evidence = 'aggregate' AND c.evidence = 'outcomes' AND coalesce(p.held AND NOT p.equal, false))
        AND NOT (s.evidence = 'outcomes' AND c.evidence = 'outcomes' AND NOT x.equal),
        false
    ) AS known,
    (s.n, s.stderr, s.language_set, s.evidence) IS DISTINCT FROM (c.n, c.stderr, c.language_set, c.evidence) AS other
FROM given_score AS s
LEFT JOIN meant AS m ON s.language = 'mul' AND (m.given, m.split, m.metric, m.scorer) = (s.run_id, s.split, s.metric, s.scorer)
LEFT JOIN current AS c ON ({_of("c", "given")}) = ({_of("s", "run_id")})
    AND c.language_set IS NOT DISTINCT FROM coalesce(m.held, s.language_set)
LEFT JOIN newest_outcome AS x ON ({_of("x", "run_id")}) = ({_of("s", "run_id")})
LEFT JOIN newest_prediction AS p ON (p.run_id, p.language, p.split) = (s.run_id, s.language, s.split)
LEFT JOIN origin AS o ON ({_of("o", "given")}) = ({_of("s", "run_id")}) AND o.language_set IS NOT DISTINCT FROM s.language_set;
CREATE TEMP TABLE poorer AS
SELECT {_of("m", "run_id")}, m.language_set FROM matched AS m WHERE known AND other AND NOT exported AND old_run_id <> run_id;
"""
_ITSELF = """
CREATE TEMP TABLE itself AS
SELECT given, run_id FROM (SELECT given, given AS run_id FROM newest UNION FROM own UNION FROM exported)
WHERE run_id IN (SELECT run_id FROM known_run)
"""
# A run that was written without the cells that say less goes by the id of the others; one that was written for what it says beside its
# numbers, by that of both. `bare`: those that are to be written for that. Numbers that came back to what they were are those that count,
# whichever version a file was; not beside predictions or facts that do not count. `said_before`: runs that say nothing but what one that is
# retracted says; whoever says something else as well makes a claim of his own, which counts.
_COMPARE = f"""
CREATE TEMP TABLE said_before AS
SELECT DISTINCT s.run_id FROM given_score AS s JOIN (SELECT run_id, count(*) AS cells FROM given_score GROUP BY ALL) AS n USING (run_id)
JOIN given_run AS g USING (run_id) JOIN known_run AS k ON k.identity = g.identity AND k.run_id IN (FROM retracted)
JOIN known_score AS h ON ({_of("h", "run_id")}) = ({", ".join(("k.run_id", *(f"s.{c}" for c in NAMES)))})
    AND h.language_set IS NOT DISTINCT FROM s.language_set AND h.value = s.value
GROUP BY s.run_id, k.run_id, n.cells HAVING count(*) = n.cells;
CREATE TEMP TABLE compared AS
SELECT m.* EXCLUDE (exported, other, otherwise),
    CASE
        WHEN NOT known AND m.run_id IN (FROM said_before) THEN 'retracted'
        WHEN exported THEN 'identical'
        WHEN old_run_id IN (m.run_id, coalesce(o.id, m.run_id)) OR (known AND old_run_id = b.id) THEN 'identical'
        WHEN known AND NOT otherwise AND m.run_id NOT IN (
            SELECT given FROM newest AS n JOIN given_run AS g ON g.run_id = n.given WHERE {" OR ".join(map(_contradicts, FACTS))}
        ) THEN 'identical'
        WHEN m.run_id IN (SELECT run_id FROM known_run) OR o.id IN (SELECT run_id FROM known_run) OR b.id IN (SELECT run_id FROM known_run)
            THEN 'older'
        WHEN old IS NULL THEN 'new'
        WHEN known THEN 'identical'
        ELSE 'changed'
    END AS status
FROM matched AS m LEFT JOIN own AS o USING (run_id) LEFT JOIN beside AS b USING (run_id);
UPDATE compared SET status = CASE
    WHEN run_id IN (SELECT run_id FROM compared WHERE status IN ('new', 'changed')) THEN 'new' ELSE 'retracted' END
WHERE gone AND NOT known;
CREATE TEMP TABLE predicted AS
SELECT run_id, language, split FROM newest_prediction AS p
ANTI JOIN (FROM itself_prediction WHERE equal) AS i USING (run_id, language, split)
ANTI JOIN (FROM compared WHERE NOT known) AS c USING (run_id, language, split)
WHERE NOT p.equal;
CREATE TEMP TABLE bare AS
SELECT run_id FROM (
    FROM (SELECT run_id FROM predicted)
    UNION SELECT g.run_id FROM newest AS n JOIN given_run AS g ON g.run_id = n.given
    LEFT JOIN (
        SELECT given, {", ".join(f"list(k.{fact}) AS {fact}" for fact in FACTS)}
        FROM itself JOIN known_run AS k USING (run_id) GROUP BY given
    ) AS i ON i.given = g.run_id
    WHERE {" OR ".join(map(_says_more, FACTS))}
) ANTI JOIN (FROM compared WHERE status IN ('new', 'changed', 'retracted')) USING (run_id)
WHERE run_id IN (SELECT run_id FROM beside WHERE id NOT IN (SELECT run_id FROM known_run));
UPDATE compared SET status = 'changed' WHERE status IN ('identical', 'older') AND known AND run_id IN (FROM bare);
CREATE TEMP TABLE repeated AS
FROM poorer UNION SELECT {_of("c", "run_id")}, c.language_set FROM compared AS c WHERE run_id IN (FROM bare);
"""


# What makes two examples the same, and what they are examples of.
_EXAMPLES = {
    "outcome": (NAMES, ("example_id", "cluster_id", "numerator", "denominator")),
    "prediction": (("language", "split"), ("example_id", "cluster_id", "reference", "prediction")),
}


def _compare_examples(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], table: str, pairs: str) -> None:
    """`PAIRS_TABLE`: where given runs have examples, whether the stored run beside each has some too (held), and whether all are equal.

    Args:
        con: To ask.
        roots: The stores.
        table: One of examples.
        pairs: A table of given runs and stored ones.
    """
    of, example = (", ".join(names) for names in _EXAMPLES[table])
    asked = con.execute(f"SELECT DISTINCT run_id FROM {pairs} WHERE given IN (SELECT run_id FROM given_{table})").fetchall()
    parts = _sources(con, roots, table, [run for (run,) in asked])
    con.execute(f"""
        CREATE TEMP TABLE {pairs}_{table} AS
        SELECT run_id, {of}, bool_or(least < 0) AS held, bool_and(total = 0) AS equal FROM (
            SELECT run_id, {of}, min(side) AS least, max(side) AS most, sum(side) AS total FROM (
                SELECT given AS run_id, {of}, {example}, 1 AS side FROM {pairs} AS p JOIN given_{table} AS g ON g.run_id = p.given
                UNION ALL
                SELECT given, {of}, {example}, -1 FROM {pairs} JOIN (
                    {" UNION ALL ".join(parts) or f"SELECT * FROM given_{table} LIMIT 0"}
                ) USING (run_id)
            ) GROUP BY run_id, {of}, {example}
        ) GROUP BY run_id, {of} HAVING bool_or(most > 0)
    """)


def _known(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], table: str) -> None:
    """`known_TABLE`: the rows of all the stores, or none."""
    parts = _sources(con, roots, table)
    con.execute(f"CREATE VIEW known_{table} AS {' UNION ALL '.join(parts) or f'SELECT * FROM given_{table} LIMIT 0'}")


def _sources(con: duckdb.DuckDBPyConnection, roots: Sequence[Path], table: str, runs: Sequence[str] | None = None) -> list[str]:
    """A SELECT for each store that has rows of the table; of these runs, if any are named."""
    listings = [Listing(root) for root in roots]
    return [store.source(con, listed, table, runs) for listed in listings if listed.files(table)]


def _of_runs(table: pa.Table, run_ids: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc

    if table.num_rows == 0 or not run_ids:
        return table.slice(0, 0)
    return table.filter(pc.is_in(table["run_id"], value_set=columns.texts(run_ids)))


def _first(name: str, table: pa.Table, run_ids: Sequence[str]) -> pa.Table:
    """The rows of these runs, each once by its key."""
    rows = _of_runs(table, run_ids)
    if not rows.num_rows:
        return rows
    with places.reader() as con:
        con.register("given", rows)
        return con.sql(f"SELECT DISTINCT ON ({contracts.rules(name).key}) * FROM given").to_arrow_table().cast(rows.schema)


def _scores(packed: Packed) -> pa.Table:
    """Rows of table score: a text of their run stands once a run, with the place of each row's run beside it."""
    schema, runs = _schema("score"), packed.runs
    which = np.repeat(np.arange(runs.num_rows, dtype=np.int32), packed.sizes)
    found = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        of_run = "target_revision" if name == "dataset_revision" else name
        if name in packed.scores:
            found.append(packed.scores[name])
        elif name in CELL or of_run not in runs.column_names:
            found.append(columns.column([None] * len(which), kind))
        elif pa.types.is_dictionary(kind):
            found.append(columns.repeated(which, runs[of_run].chunk(0)))
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
