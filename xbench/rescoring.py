"""`xbench rescore`: measure stored predictions again, where a scorer has changed or a task has a new one. Old numbers stay."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from xbench import plugins, store
from xbench.errors import PluginError, XbenchError
from xbench.hashes import tested_revision
from xbench.listing import Listing
from xbench.scorer import Scorer, load_scorer
from xbench.scoring import KEY, Answers, score_rows
from xbench.task import TASKS, load_task


@dataclass(slots=True)
class Rescored:
    """What was done: (run, target, scorer) that are new, how many there were already, how many failed, and why.

    Attributes:
        absent: How many runs are of each task that is not here: of elsewhere, or removed. With nothing to score them by, none has failed.
    """

    new: list[tuple[str, str, str]] = field(default_factory=list)
    kept: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    absent: Counter[str] = field(default_factory=Counter)


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
        known = set(plugins.names(TASKS))
        runs = con.execute(
            "SELECT DISTINCT run_id, target FROM prediction WHERE ? IS NULL OR target = ? ORDER BY target, run_id", [target, target]
        ).fetchall()
        for number, (run_id, name) in enumerate(runs):
            tick(number, len(runs))
            if name.partition("@")[0] not in known:
                done.absent[name] += 1
                continue
            try:
                _rescore_run(con, listed, run_id, name, done)
            except PluginError as error:
                done.problems.append(f"run {run_id} ({name}): {error}")
        tick(len(runs), len(runs))
        return done
    finally:
        con.close()


def _rescore_run(con: duckdb.DuckDBPyConnection, listed: Listing, run_id: str, name: str, done: Rescored) -> None:
    # A scorer is written outcome first, score last: one without its score was cut off and is made again.
    # Asked of the files: what was taken over from a run that is retracted is in no view, and is there again when that is let in.
    query = f"SELECT DISTINCT scorer, language, split FROM ({store.source(con, listed, 'score', [run_id])}) WHERE run_id = ?"
    there = set(con.execute(query, [run_id]).fetchall())
    query = "SELECT DISTINCT language, split FROM prediction WHERE run_id = ?"
    parts = con.execute(query, [run_id]).fetchall()
    # By language, as a later version of a run that was ingested has more of them, beside scores that it took from the one before.
    missing = []
    for scorer in map(load_scorer, load_task(name).scorers):
        lacking = {(language, split) for language, split in parts if (scorer.signature, language, split) not in there}
        if lacking:
            missing.append((scorer, lacking))
        else:
            done.kept += 1
    answers = _answers(con, run_id) if missing else []
    for scorer, lacking in missing:
        try:
            _score_run(con, listed, run_id, name, scorer, [one for one in answers if one[:2] in lacking])
        except (XbenchError, ValueError) as error:
            done.failed += 1
            done.problems.append(f"run {run_id} ({name}): {error.line if isinstance(error, XbenchError) else error}")
        else:
            done.new.append((run_id, name, scorer.signature))


def _answers(con: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str, Answers]]:
    """What a run said, by language and split."""
    rows = con.execute(
        "SELECT language, split, list(example_id ORDER BY example_id), list(cluster_id ORDER BY example_id), "
        "list(reference ORDER BY example_id), list(prediction ORDER BY example_id) FROM prediction WHERE run_id = ? "
        "GROUP BY ALL ORDER BY ALL",
        [run_id],
    ).fetchall()
    return [(language, split, Answers(*columns)) for language, split, *columns in rows]


def _score_run(
    con: duckdb.DuckDBPyConnection, listed: Listing, run_id: str, name: str, scorer: Scorer, answers: list[tuple[str, str, Answers]]
) -> None:
    (first,) = con.execute(f"SELECT {', '.join(KEY)}, kind, target_revision FROM run WHERE run_id = ?", [run_id]).fetchall()
    *values, kind, revision = first
    key = dict(zip(KEY, values, strict=True))
    if kind == "run":  # what others call a revision is theirs
        revision = tested_revision(revision)
    made = [score_rows(key, language, split, said, [scorer], revision) for language, split, said in answers]
    # Where some were measured before, their file stays; one that was replaced by a compaction is not looked at again.
    file = listed.free("score", f"{name}.{run_id}.{scorer.signature}")
    store.write(listed.root, "outcome", pa.concat_tables([outcome for outcome, _ in made]), file)
    store.write(listed.root, "score", pa.concat_tables([score for _, score in made], promote_options="permissive"), file)
