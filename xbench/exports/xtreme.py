"""An XTREME submission folder: TASK/test-LANGUAGE.tsv, .json or .jsonl, from the stored predictions of one system.

Of every task one run must be left by the conditions (--model, --intermediate, --seed, …). evaluate.py and `xbench score` read it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from xbench.errors import DataError
from xbench.exporting import Selection, write_whole
from xbench.task import Task, Translation, all_tasks


def write(selection: Selection, output: Path | None) -> str:
    """Into the folder `output`.

    Raises:
        DataError: If there is none, nothing of XTREME is stored, several runs of a task meet the conditions, or the data is not here
            whose order the files have.
    """
    if output is None:
        raise DataError("xtreme is a folder of files; say where to with --output FOLDER")
    runs: dict[str, set[str]] = {}
    for row in selection.rows():
        runs.setdefault(row["target"], set()).add(row["run_id"])
    tasks = [task for task in all_tasks() if "xtreme" in task.suites and task.name in runs]
    problems = [
        f"{t.name}: {len(runs[t.name])} runs; say --model, --intermediate, --seed or --source" for t in tasks if len(runs[t.name]) > 1
    ]
    if problems or not tasks:
        raise DataError("a submission is one system's", problems or ["no task of XTREME meets the conditions"])
    files = 0
    for task in tasks:
        (run_id,) = runs[task.name]
        ((kind,),) = selection.con.execute("SELECT kind FROM run WHERE run_id = ?", [run_id]).fetchall()
        for language in task.languages:
            found = selection.con.execute(
                "SELECT example_id, prediction FROM prediction WHERE run_id = ? AND language = ? AND split = 'test'", [run_id, language]
            ).fetchall()
            if not found:
                raise DataError(f"{task.name} {language}: the store holds no predictions of run {run_id}, only scores")
            places = _places(task, language, [row[0] for row in found], kind == "run")
            ending, text = _file(task, sorted(found, key=lambda row: places[row[0]]))
            write_whole(output / task.name / f"test-{language}.{ending}", text.encode("utf-8"))
            files += 1
    return f"{files} files of {len(tasks)} tasks in {output}\n"


def _places(task: Task, language: str, ids: Sequence[str], ours: bool) -> dict[str, int]:
    """Where the files have each id. Ids that are numbers are rows; of others the order is in the data alone.

    So is that of our own Tatoeba runs: their ids are lines of LASER's files, and XTREME has the English side in the order of its texts
    (google-research/xtreme utils_preprocess.py, tatoeba_preprocess).
    """
    if task.family in ("qa", "mining"):
        return {name: row for row, name in enumerate(sorted(ids))}
    by_text = ours and task.family == "retrieval"
    if not by_text and all(name.isdecimal() for name in ids):
        return {name: int(name) for name in ids}
    examples = task.examples(language, "test")
    if by_text:
        examples = sorted(examples, key=lambda e: e.english.strip() if isinstance(e, Translation) else "")
    places = {e.example_id: row for row, e in enumerate(examples)}
    lost = [name for name in ids if name not in places]
    if lost:
        raise DataError(
            f"{task.name} {language}: {len(lost)} example(s) are not in the data here, and the order of the file is theirs", lost[:20]
        )
    return places


def _file(task: Task, found: list[tuple[str, str | None]]) -> tuple[str, str]:
    if task.family == "qa":
        return "json", json.dumps({i: p for i, p in found if p is not None}, ensure_ascii=False)
    if task.family == "choice":
        return "jsonl", "".join(json.dumps({"label": p}) + "\n" for _, p in found)
    if task.family == "tagging":
        return "tsv", "".join("".join(f"{tag}\n" for tag in (p or "").split(" ") if tag) + "\n" for _, p in found)
    if task.family == "mining":
        return "tsv", "".join(f"{i}\t{other}\n" for i, p in found for other in (p or "").split(" ") if other)
    return "tsv", "".join(f"{p}\n" for _, p in found)
