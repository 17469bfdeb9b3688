"""Between files: keys that are there twice, rows without their run, runs without their rows, scores that their outcomes do not make."""

import numpy as np

from xbench import contracts, scoring, store
from xbench.contracts import TABLES
from xbench.listing import INGESTED, PREFIX, ingested, parquet
from xbench.verifying.problems import AGAIN, CELL, KEY, RERUN, TOLERANCE, Problem, Verified, few_at_once, lost

_TWICE = "xbench verify --repair sets this file aside, if all its rows are in others too"

_APART = (
    "no repair tells which is the newer: ingest both sources into a new store, the older first; or copy the two stores again, apart, and "
    "ingest what xbench export makes of the newer into the older (docs/hosting.md)"
)


def compare(found: Verified) -> None:
    """Hold against each other what the files were found to have."""
    for check in (
        _duplicates,
        _same_version,
        _orphans,
        _carried,
        _keys,
        _without_scores,
        _without_outcomes,
        _without_predictions,
        _without_score,
        _recompute,
    ):
        check(found)


def _path(found: Verified, number: int) -> str:
    return found.files[number].shown


def _duplicates(found: Verified) -> None:
    """A key is there once. Only runs that several files have rows of are looked into.

    Where a write was interrupted and another one has written its runs whole, the file to blame is the one without their rows in table run;
    of a whole write and its copies, those under another name than it was given.
    """
    marked = {file.path.name for file in found.files if file.table == "run"}
    for table in TABLES:
        several = "SELECT run_id FROM held WHERE tbl = ? AND run_id IS NOT NULL GROUP BY run_id HAVING count(DISTINCT file) > 1"
        files = found.ledger.execute(f"SELECT DISTINCT file FROM held WHERE tbl = ? AND run_id IN ({several})", [table, table]).fetchall()
        if not files:
            continue
        by_name = {found.files[number].path.name: number for (number,) in files}
        given = parquet([found.files[number].path for (number,) in files], "filename = true")
        given = f"({contracts.whole(table, store.column_names(found.ledger, given), given, beside='filename')})"
        key = contracts.rules(table).key
        double = found.ledger.execute(
            f"SELECT run_id, names, count(*) FROM (SELECT {key}, list_sort(list(DISTINCT parse_filename(filename))) AS names FROM {given} "
            f"WHERE run_id IN ({several}) GROUP BY {key} HAVING count(DISTINCT filename) > 1) GROUP BY ALL ORDER BY ALL",
            [table],
        ).fetchall()
        for run, names, count in double:
            said = f"duplicate key: {count} rows are in {', '.join(names)}", "each key in one file"
            kept = [name for name in names if name in marked]
            if len(kept) in (0, len(names)):
                kept = [name for name in names if _is_named_by_writer(found, by_name[name], run)]
            left = [by_name[name] for name in names if name not in kept] if kept else []
            for number in left:
                found.ledger.execute("INSERT INTO twice VALUES (?, ?, ?)", [number, run, count])
            for number in left or [by_name[names[-1]]]:
                do = _TWICE if left else AGAIN
                found.problems.append(Problem("contract", table, _path(found, number), f"run {run}", *said, do, (run,)))


def _is_named_by_writer(found: Verified, number: int, run: str) -> bool:
    """Whether the name of a file is the one that its rows are written under."""
    name = found.files[number].name
    if name.startswith(INGESTED):
        runs = found.ledger.execute("SELECT list_sort(list(DISTINCT run_id)) FROM claim WHERE name = ?", [name]).fetchall()[0][0]
        return name == ingested(runs or [])
    query = "SELECT target, NULL FROM held WHERE file = ? UNION SELECT h.target, scorer FROM held AS h JOIN {} USING (file) WHERE file = ?"
    said = [row for table in ("share", "score") for row in found.ledger.execute(query.format(table), [number, number]).fetchall()]
    ends = tuple(f".{run}.{scorer}" if scorer else f".{run}" for _, scorer in said)
    return name.startswith(PREFIX) or (name.startswith(tuple(str(target) for target, _ in said)) and name.endswith(ends))


def _same_version(found: Verified) -> None:
    """A version of a claim is one run. Two are of stores that were copied together, or of two ingests at one moment."""
    query = """
        SELECT list_sort(list(DISTINCT run_id)) AS runs, version, any_value(c.source || ' (' || source_version || ')'),
            any_value(h.model || ' on ' || h.target)
        FROM claim AS c JOIN held AS h USING (file, run_id) WHERE identity IS NOT NULL
        GROUP BY identity, version HAVING count(DISTINCT run_id) > 1 ORDER BY runs
    """
    for runs, version, source, system in found.ledger.execute(query).fetchall():
        said = f"each is version {version} of what {source} says of {system}", f"one run; of these readers see {runs[-1]} at most"
        found.problems.append(Problem("same version", "run", "", f"runs {', '.join(runs)}", *said, _APART, tuple(runs)))


def _orphans(found: Verified) -> None:
    gone = lost(found, "run")
    query = """
        SELECT file, count(DISTINCT run_id) FILTER (WHERE NOT there), coalesce(sum(count) FILTER (WHERE NOT there), 0), bool_and(NOT there),
            min(run_id) FILTER (WHERE NOT there)
        FROM (SELECT *, run_id IN (SELECT run_id FROM claim) AS there FROM held WHERE tbl <> 'run')
        GROUP BY file HAVING NOT bool_and(there) ORDER BY file
    """
    for number, runs, count, all_of_it, first in found.ledger.execute(query).fetchall():
        file = found.files[number]
        if file.name in gone:
            continue
        which = f"run {first}" if runs == 1 else f"{runs} runs"
        do = "nothing; xbench verify --repair sets it aside" if all_of_it else "nothing; the file has rows of other runs too"
        said = f"{count} rows of {which}, not in table run", "the row in table run, which is written last"
        found.problems.append(Problem("orphan", file.table, file.shown, which, *said, do))


def _carried(found: Verified) -> None:
    """Numbers that name a version before theirs, where all runs are known and it is not among them."""
    if lost(found, "run"):
        return
    query = """
        SELECT file, run_id, origin, sum(count)::BIGINT FROM carried
        WHERE origin NOT IN (SELECT run_id FROM claim) AND run_id IN (SELECT run_id FROM claim) GROUP BY ALL ORDER BY ALL
    """
    for number, run, origin, count in found.ledger.execute(query).fetchall():
        said = f"{count} scores carried from run {origin}, not in table run", "the version that said them first"
        do = "nothing; where it was set aside, it is in STORE/quarantine"
        found.problems.append(Problem("carried", "score", _path(found, number), f"run {run}", *said, do))


def _keys(found: Verified) -> None:
    """What rows repeat of their run is what it says."""
    differs = [f"h.{c} IS DISTINCT FROM r.{c}" for c in KEY]
    differs.append("(h.tbl = 'score' AND h.revision IS DISTINCT FROM r.revision)")
    shown = ", ".join(f"h.{c}, r.{c}" for c in (*KEY, "revision"))
    query = f"""
        SELECT h.file, h.run_id, h.count, {shown} FROM held AS h JOIN held AS r ON r.run_id = h.run_id AND r.tbl = 'run'
        WHERE h.tbl <> 'run' AND ({" OR ".join(differs)}) ORDER BY ALL
    """
    for number, run, count, *values in found.ledger.execute(query).fetchall():
        pairs = [(name, *values[2 * i : 2 * i + 2]) for i, name in enumerate((*KEY, "dataset_revision"))]
        wrong = [pair for pair in pairs if pair[1] != pair[2] and (pair[0] != "dataset_revision" or found.files[number].table == "score")]
        said = ", ".join(f"{c} {a!r}" for c, a, _ in wrong), ", ".join(f"{c} {b!r}" for c, _, b in wrong) + ", as its row in table run says"
        file = found.files[number]
        found.problems.append(Problem("identity", file.table, file.shown, f"{count} rows of run {run}", *said, AGAIN, (run,)))


def _without_scores(found: Verified) -> None:
    gone = lost(found, "score")
    scored = "SELECT run_id FROM held WHERE tbl = 'score' AND run_id IS NOT NULL"
    query = f"SELECT file, name, run_id FROM claim WHERE run_id NOT IN ({scored}) ORDER BY 2, 3"
    for number, name, run in found.ledger.execute(query).fetchall():
        if name not in gone:
            said = "no row in table score", "one or more scores"
            found.problems.append(Problem("incomplete", "run", _path(found, number), f"run {run}", *said, RERUN, (run,)))


def _without_outcomes(found: Verified) -> None:
    gone = lost(found, "outcome")
    query = f"""
        SELECT file, run_id, count(*), min(language), any_value(metric) FROM score ANTI JOIN share USING ({CELL})
        WHERE run_id IN (SELECT run_id FROM claim) GROUP BY file, run_id ORDER BY ALL
    """
    for number, run, count, language, metric in found.ledger.execute(query).fetchall():
        if found.files[number].name not in gone:
            said = f"{count} scores without outcomes, such as {metric} in {language}", "outcomes, as their column evidence says"
            found.problems.append(Problem("incomplete", "score", _path(found, number), f"run {run}", *said, RERUN, (run,)))


def _without_predictions(found: Verified) -> None:
    """Of our own runs every example is stored; of ingested ones what the source gave."""
    gone = lost(found, "prediction")
    query = """
        SELECT any_value(c.file), any_value(c.name), run_id, language, split, max(s.n), coalesce(max(a.n), 0) FROM claim AS c
        JOIN score AS s USING (run_id) LEFT JOIN (SELECT run_id, language, split, sum(n) AS n FROM answer GROUP BY ALL) AS a
        USING (run_id, language, split) WHERE c.kind = 'run' GROUP BY run_id, language, split HAVING max(s.n) <> coalesce(max(a.n), 0)
        ORDER BY ALL
    """
    for number, name, run, language, split, n, there in found.ledger.execute(query).fetchall():
        if name not in gone:
            said = f"{there} predictions in {language} ({split})", f"{n}, the examples of its scores"
            found.problems.append(Problem("incomplete", "run", _path(found, number), f"run {run}", *said, RERUN, (run,)))


def _without_score(found: Verified) -> None:
    """Outcomes of a run that is there, but not their score: of a rescoring that was cut off, or the score is lost."""
    gone, marked = lost(found, "score"), {file.name for file in found.files if file.table in ("run", "score")}
    query = f"""
        SELECT file, run_id, count(*), min(language), any_value(metric) FROM share ANTI JOIN score USING ({CELL})
        WHERE run_id IN (SELECT run_id FROM claim) GROUP BY file, run_id ORDER BY ALL
    """
    for number, run, count, language, metric in found.ledger.execute(query).fetchall():
        file = found.files[number]
        if file.name in gone:
            continue
        found_here, expected = f"outcomes of {count} scores that are not there, such as {metric} in {language}", "their scores"
        if file.name in marked:
            found.problems.append(Problem("incomplete", "outcome", file.shown, f"run {run}", found_here, expected, RERUN, (run,)))
        else:
            do = "nothing; xbench rescore makes both again, or xbench verify --repair sets it aside"
            found.problems.append(Problem("orphan", "outcome", file.shown, f"run {run}", found_here, expected, do))


def _recompute(found: Verified) -> None:
    """Every score is the ratio of what its outcomes sum to, and counts them."""
    query = f"""
        SELECT s.file, {CELL}, value, s.n AS n, list(above) AS above, list(below) AS below, sum(h.n)::BIGINT AS there
        FROM score AS s JOIN share AS h USING ({CELL}) WHERE run_id IN (SELECT run_id FROM claim) GROUP BY ALL ORDER BY ALL
    """
    for row in few_at_once(found.ledger, query):
        found.scores += 1
        value = scoring.ratio(np.array(row["above"]), np.array(row["below"]))
        file, run = found.files[row["file"]], row["run_id"]
        where = f"run {run}, {row['metric']} ({row['scorer']}) in {row['language']} ({row['split']})"
        if row["value"] is None or not abs(value - row["value"]) <= TOLERANCE:
            said = f"{row['value']!r}", f"{value!r}, which its {row['there']} outcomes make"
            found.problems.append(Problem("score differs", "score", file.shown, where, *said, RERUN, (run,)))
        if row["n"] != row["there"]:
            said = f"n = {row['n']}", f"{row['there']}, the number of its outcomes"
            found.problems.append(Problem("identity", "score", file.shown, where, *said, RERUN, (run,)))
