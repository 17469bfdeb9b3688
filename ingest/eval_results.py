"""Hugging Face .eval_results/*.yaml: a list of scores with their data set, in a model's repository.

The model is that of the repository: the folder's name where it has the form org__model, else say --set model=… and --set language=…
What MTEB writes of a task is percent, in a file TASK.yaml: scores of TASK_SUBSET_SPLIT, and of TASK for the mean over these.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from xbench.adapter import Options, Row, load, parse_yaml, read_text
from xbench.languages import MANY, known

SUFFIXES = (".yaml", ".yml")
EXAMPLE = "org__model/.eval_results/xnli.yaml"
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "Hugging Face eval results", "metric": "score"}
_MTEB = "Obtained using MTEB v"  # its notes on a task (mteb/results/task_result.py); those on a benchmark, a fraction, have no version
# And split: both may have lines.
_SUBSET = re.compile(r"(default|(?!en-ext)[a-z]{2,3}(?:[-_][A-Za-z]{2,4}){0,5}|.{1,500})_([a-z][\w.]{0,500})")


def recognises(path: Path, head: bytes) -> bool:
    return path.parent.name == ".eval_results"


def read(path: Path, options: Options) -> Iterator[Row]:
    content = parse_yaml(read_text(path), str(path))
    folder = path.parent.parent.name
    index, entries = load("model-index"), content if isinstance(content, list) else [content]
    scores = [index.value(entry["value"]) for entry in entries]
    parts = [_part(str(entry["dataset"].get("task_id")), path.stem) if _by_mteb(entry) else None for entry in entries]
    percent = any(score.get("unit") == "percent" for score, part in zip(scores, parts, strict=True) if part is None)
    for place, (entry, score, part) in enumerate(zip(entries, scores, parts, strict=True)):
        data, source = entry["dataset"], entry.get("source") or {}
        said = _of_mteb(data, part, parts) if part else {**_task(data), **index.unit(score, percent, options)}
        yield {
            "at": f"[{place}]",
            "model": folder.replace("__", "/", 1) if "__" in folder else None,
            "source": source.get("name") or source.get("url"),
            "relationship": "third party" if entry.get("verify_token") or entry.get("verifyToken") else "first party",
            **score,
            **said,
        }


def _task(data: dict[str, Any]) -> Row:
    task = str(data.get("task_id") or "")
    target, language = load("lm-eval").split_name(task) if task else ("", None)
    return {"target": _target(data, target), "language": language, "dataset_revision": data.get("revision")}


def _target(data: dict[str, Any], task: str) -> str:
    return "/".join(part for part in ("hf", data["id"], task) if part)


def _by_mteb(entry: dict[str, Any]) -> bool:
    return str(entry.get("notes") or (entry.get("source") or {}).get("name")).startswith(_MTEB)


class _Part(NamedTuple):
    """What a score of MTEB is of; no subset and no split where it is the mean."""

    task: str
    subset: str = ""
    split: str = ""


def _part(name: str, file: str) -> _Part:
    task = file if name == file or name.startswith(f"{file}_") else name.partition("_")[0]
    match = _SUBSET.fullmatch(name[len(task) + 1 :])
    return _Part(task, *match.groups()) if match else _Part(name)


def _language(part: _Part) -> str | None:
    """The language, or pair, that a subset is called by."""
    codes = "/".join(dict.fromkeys(load("mteb").in_name(part.subset)))
    return codes if known(codes) else None


def _of_mteb(data: dict[str, Any], part: _Part, parts: list[_Part | None]) -> Row:
    """What a score of MTEB says, `parts` being those of the file: of a mean the one language, or all that it is over."""
    over = [part] if part.split else [other for other in parts if other and other.task == part.task and other.split]
    languages = {_language(other) for other in over}
    codes = sorted(filter(None, languages))
    row: Row = {"language": MANY, "language_set": None if None in languages else codes or None}
    if len(languages) == 1:
        row = {"language": languages.pop()}
    named = part.subset not in ("", "default") and row["language"] is None
    splits = "+".join(sorted({other.split for other in over}))
    row |= load("mteb").of_split(splits, data.get("revision")) if splits else {"dataset_revision": data.get("revision")}
    return {**row, "target": _target(data, f"{part.task}:{part.subset}" if named else part.task), "unit": "percent"}
