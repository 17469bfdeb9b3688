"""`xbench rescore`: measure stored predictions again, where a scorer has changed or a task has a new one. Old numbers stay."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from xbench import store
from xbench.errors import PluginError, XbenchError
from xbench.hashes import tested_revision
from xbench.listing import Listing
from xbench.scorer import Scorer, load_scorer
from xbench.scoring import KEY, Answers, score_rows
from xbench.task import load_task


@dataclass(slots=True)
class Rescored:
    """What was done: (run, target, scorer) that are new, how many there were already, and runs that could not be scored."""

    new: list[tuple[str, str, str]] = field(default_factory=list)
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def rescore(root: Path, target: str | None = None, tick: Callable[[int, int], None] = lambda done, total: None) -> Rescored:
    """Score every run that has predictions under each scorer of its task that it lacks; may be killed and called again.

    Args:
        root: The store.
        target: Only runs of this target.
        tick: Told how many runs are done, of how many.

    Raises:
        StoreError: If the store cannot be read.
    """
    listed = Listing(root)  # before: a file that another one writes meanwhile is not in it, and is written again under its name
    con = store.connect(root)
    try:
        done = Rescored()
        runs = con.execute(
            "SELECT DISTINCT run_id, target FROM prediction WHERE ? IS NULL OR target = ? ORDER BY target, run_id", [target, target]
        ).fetchall()
        for number, (run_id, name) in enumerate(runs):
            tick(number, len(runs))
            try:
                _rescore_run(con, listed, run_id, name, done)
            except (PluginError, ValueError) as error:
                done.problems.append(f"run {run_id} ({name}): {error}")
        tick(len(runs), len(runs))
        return done
    finally:
        con.close()


def _rescore_run(con: duckdb.DuckDBPyConnection, listed: Listing, run_id: str, name: str, done: Rescored) -> None:
    # A scorer is written outcome first, score last: one without its score was cut off and is made again.
    query = "SELECT DISTINCT scorer, language, split FROM score WHERE run_id = ?"
    there = set(con.execute(query, [run_id]).fetchall())
    query = "SELECT DISTINCT language, split FROM prediction WHERE run_id = ?"
    parts = con.execute(query, [run_id]).fetchall()
    # By language, as a later version of a run that was ingested has more of them, beside scores that it took from the one before.
    missing = {}
    for scorer in map(load_scorer, load_task(name).scorers):
        lacking = {(language, split) for language, split in parts if (scorer.signature, language, split) not in there}
        if lacking:
            missing[scorer.signature] = (scorer, lacking)
        else:
            done.kept += 1
    if missing:
        _score_run(con, listed, run_id, name, list(missing.values()))
        done.new += [(run_id, name, signature) for signature in missing]


def _score_run(
    con: duckdb.DuckDBPyConnection, listed: Listing, run_id: str, name: str, missing: list[tuple[Scorer, set[tuple[str, str]]]]
) -> None:
    (first,) = con.execute(f"SELECT {', '.join(KEY)}, kind, target_revision FROM run WHERE run_id = ?", [run_id]).fetchall()
    *values, kind, revision = first
    key = dict(zip(KEY, values, strict=True))
    if kind == "run":  # what others call a revision is theirs
        revision = tested_revision(revision)
    rows = con.execute(
        "SELECT language, split, list(example_id ORDER BY example_id), list(cluster_id ORDER BY example_id), "
        "list(reference ORDER BY example_id), list(prediction ORDER BY example_id) FROM prediction WHERE run_id = ? "
        "GROUP BY ALL ORDER BY ALL",
        [run_id],
    ).fetchall()
    for scorer, lacking in missing:
        outcomes, scores = [], []
        for language, split, ids, clusters, references, predictions in rows:
            if (language, split) not in lacking:
                continue
            outcome, score = score_rows(key, language, split, Answers(ids, clusters, references, predictions), [scorer], revision)
            outcomes.append(outcome)
            scores.append(score)
        # Where some were measured before, their file stays; one that was replaced by a compaction is not looked at again.
        file = listed.free("score", f"{name}.{run_id}.{scorer.signature}")
        try:
            store.write(listed.root, "outcome", pa.concat_tables(outcomes), file)
            store.write(listed.root, "score", pa.concat_tables(scores, promote_options="permissive"), file)
        except XbenchError as error:
            raise ValueError(str(error)) from error
