"""An XTREME submission folder: TASK/test-LANGUAGE.tsv, .json or .jsonl, from the stored predictions of one system.

Of every task one run must be left by the conditions (--model, --intermediate, --seed, …). evaluate.py and `xbench score` read it.
"""

import json
from pathlib import Path

from xbench.errors import DataError
from xbench.exporting import Selection, write_whole
from xbench.task import Task, all_tasks


def write(selection: Selection, output: Path | None) -> str:
    """Into the folder `output`.

    Raises:
        DataError: If there is none, nothing of XTREME is stored, or several runs of a task meet the conditions.
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
        for language in task.languages:
            found = selection.con.execute(
                "SELECT example_id, prediction FROM prediction WHERE run_id = ? AND language = ? AND split = 'test'", [run_id, language]
            ).fetchall()
            if not found:
                raise DataError(f"{task.name} {language}: the store holds no predictions of run {run_id}, only scores")
            ending, text = _file(task, sorted(found, key=lambda row: _place(row[0])))
            write_whole(output / task.name / f"test-{language}.{ending}", text.encode("utf-8"))
            files += 1
    return f"{files} files of {len(tasks)} tasks in {output}\n"


def _place(example_id: str) -> tuple[int, str]:
    """Ids that are numbers in their order, as the files have them."""
    return (int(example_id), "") if example_id.isdecimal() else (-1, example_id)


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
