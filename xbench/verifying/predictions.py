"""From the predictions: outcomes are what the scorers make of them."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from xbench import places, scoring
from xbench.errors import PluginError, XbenchError
from xbench.listing import parquet
from xbench.scorer import Scorer, load_scorer
from xbench.task import load_task
from xbench.verifying.problems import RERUN, TOLERANCE, File, Problem, Verified

_Shares = dict[tuple[str, str], tuple[float, float]]  # by example and metric


def rescore(found: Verified) -> None:
    """Outcomes are what the scorers make of the predictions; a scorer that is gone, or has another version, is not asked."""
    for file in found.files:
        if file.table != "prediction" or file.lost:
            continue
        runs = found.ledger.execute(
            "SELECT run_id, target, train_language FROM held WHERE file = ? AND run_id IN (SELECT run_id FROM claim) ORDER BY ALL",
            [file.number],
        ).fetchall()
        for run, target, train_language in runs:
            try:
                scorers = {s.signature: s for s in map(load_scorer, load_task(f"{target}@{train_language}").scorers)}
            except XbenchError:  # a task of elsewhere
                continue
            with places.local(file.path) as path:
                _rescore_run(found, file, path, run, scorers)


def _rescore_run(found: Verified, file: File, path: Path, run: str, scorers: Mapping[str, Scorer]) -> None:
    with places.reader() as con:
        answers = con.execute(
            "SELECT language, split, list(example_id ORDER BY example_id), list(cluster_id ORDER BY example_id), "
            "list(reference ORDER BY example_id), list(prediction ORDER BY example_id) "
            f"FROM {parquet([path])} WHERE run_id = ? GROUP BY ALL ORDER BY ALL",
            [run],
        ).fetchall()
        there = _stored(found, run)
        for language, split, *given in answers:
            asked = [scorers[signature] for signature in sorted(there.get((language, split), {}).keys() & scorers.keys())]
            if not asked:
                continue
            made: list[pa.Table] = []
            key = dict.fromkeys(scoring.KEY, "")
            for scorer in asked:
                try:
                    made.append(scoring.score_rows(key, language, split, scoring.Answers(*given), [scorer], "")[0])
                except ValueError as error:
                    said = f"predictions in {language} ({split}) that cannot be scored: {error}", "answers that a scorer reads"
                    found.problems.append(Problem("outcome differs", "prediction", file.shown, f"run {run}", *said, RERUN, (run,)))
                except PluginError as error:
                    said = error.line, "outcomes of the predictions in each language"
                    do = "see to the scorer, and verify again: nothing says that the file is wrong"
                    found.problems.append(Problem("no access", "prediction", file.shown, f"run {run}", *said, do))
            wrong = _unlike(pa.concat_tables(made), there[language, split]) if made else []
            if wrong:
                said = (
                    f"{len(wrong)} outcomes in {language} ({split}), such as that of example {wrong[0]}",
                    "what the scorer makes of the predictions",
                )
                found.problems.append(Problem("outcome differs", "outcome", file.shown, f"run {run}", *said, RERUN, (run,)))


def _stored(found: Verified, run: str) -> dict[tuple[str, str], dict[str, _Shares]]:
    """The outcomes of a run, by language and split, and scorer."""
    files = found.ledger.execute("SELECT DISTINCT file FROM held WHERE tbl = 'outcome' AND run_id = ?", [run]).fetchall()
    stored: dict[tuple[str, str], dict[str, _Shares]] = {}
    for (number,) in files:
        with places.local(found.files[number].path) as path, places.reader() as con:
            query = f"SELECT language, split, scorer, example_id, metric, numerator, denominator FROM {parquet([path])} WHERE run_id = ?"
            for language, split, scorer, example, metric, above, below in con.execute(query, [run]).fetchall():
                stored.setdefault((language, split), {}).setdefault(scorer, {})[example, metric] = (above, below)
    return stored


def _unlike(made: pa.Table, stored: Mapping[str, _Shares]) -> list[str]:
    """Examples whose outcomes are not the same."""
    wrong: dict[str, None] = {}
    columns = ("scorer", "example_id", "metric", "numerator", "denominator")
    kept = {(scorer, metric) for scorer, shares in stored.items() for _, metric in shares}
    for scorer, example, metric, above, below in zip(*(made[c].to_pylist() for c in columns), strict=True):
        if (scorer, metric) not in kept:
            continue  # a metric that came later
        there = stored[scorer].get((example, metric))
        if there is None or abs(there[0] - above) > TOLERANCE or abs(there[1] - below) > TOLERANCE:
            wrong[example] = None
    return list(wrong)
