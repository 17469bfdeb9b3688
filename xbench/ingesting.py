"""Results made elsewhere: an adapter of ingest/ reads a file, its rows are checked and stored like our own.

An adapter is one file with `suffixes` and `read(path) -> list of rows`, each a flat dictionary of the columns that SOURCE
names. Ids are hashes of key, conditions, source and value, so ingesting a file twice changes nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import plugins, share, store
from xbench.errors import DataError, XbenchError
from xbench.recipe import short_hash

# What a row says of its run, and of its score; `recipe` is free text in a source.
RUN = ("model", "model_revision", "parameters", "intermediate", "target", "train_language", "seed", "target_revision", "recipe", "stack")
SCORE = ("language", "split", "metric", "scorer", "dataset_revision", "value", "n", "stderr", "stderr_kind")
SOURCE = ("source", "source_version", "relationship")
COLUMNS = (*RUN[:7], "dataset_revision", "recipe", "stack", *SOURCE, *(c for c in SCORE if c != "dataset_revision"))
REQUIRED = ("model", "intermediate", "target", "language", "metric", "value", "source")
_UNSAID = {
    "model_revision": "unknown",
    "train_language": "en",
    "dataset_revision": "unknown",
    "recipe": "unknown",
    "stack": "unknown",
    "source_version": "unknown",
    "relationship": "third party",
    "split": "test",
    "scorer": "unknown",
}


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of one file."""

    path: Path
    rows: int
    runs: int
    new_runs: int


def ingest(paths: Iterable[Path], root: Path, format_name: str | None = None) -> list[Ingested]:
    """Read every file (folders: every file in them that an adapter knows) into the store.

    Raises:
        DataError: If a file was refused. All good files are stored all the same; every problem is listed.
    """
    done: list[Ingested] = []
    problems: list[str] = []
    for path in _files(paths, problems):
        try:
            done.append(_ingest_file(path, root, format_name))
        except XbenchError as error:
            problems.append(str(error))
    if problems:
        kept = sum(d.rows for d in done)
        raise DataError(f"{len(problems)} file(s) refused; {kept} rows of {len(done)} good file(s) are stored", problems)
    return done


def _files(paths: Iterable[Path], problems: list[str]) -> list[Path]:
    known = {suffix for name in adapters() for suffix in _adapter(name).suffixes}
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.suffix in known and p.is_file()) if path.is_dir() else [path]
        if not inside or not path.exists():
            problems.append(f"{path}: {'holds no file that an adapter reads' if path.exists() else 'does not exist'}")
            continue
        found += inside
    return found


def adapters() -> list[str]:
    """The names of the adapters."""
    return plugins.names(share.folder("ingest"))


def _adapter(name: str) -> Any:
    return plugins.load(share.folder("ingest"), name)


def _ingest_file(path: Path, root: Path, format_name: str | None) -> Ingested:
    names = [format_name] if format_name else [n for n in adapters() if path.suffix in _adapter(n).suffixes]
    if not names:
        raise DataError(f"{path}: no adapter reads {path.suffix or 'files without ending'}; there are: {', '.join(adapters())}")
    rows: list[dict[str, Any]] = _adapter(names[0]).read(path)
    problems = [p for number, row in enumerate(rows, 2) for p in _row_problems(path, number, row)]
    if problems or not rows:
        raise DataError(f"{path} is refused", problems[:50] or ["it has no rows"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    runs, scores = _tables([{**_UNSAID, **{k: v for k, v in row.items() if v is not None}} for row in rows], digest)
    before = store.complete_runs(root)
    name = f"{path.stem}.{short_hash({'runs': sorted(r['run_id'] for r in runs)}, 24)}"
    score_rows, run_rows = pa.Table.from_pylist(scores), pa.Table.from_pylist(runs)
    try:
        store.write(root, "score", score_rows, name)
        store.write(root, "run", run_rows, name)
    except XbenchError as error:
        raise DataError(f"{path}: {error}") from error
    return Ingested(path, len(scores), len(runs), len({r["run_id"] for r in runs} - before))


def _row_problems(path: Path, number: int, row: Mapping[str, Any]) -> list[str]:
    problems = [f"{path}:{number}: column {c!r} is unknown; known are {', '.join(COLUMNS)}" for c in row if c not in COLUMNS]
    problems += [f"{path}:{number}: column {c!r} is empty" for c in REQUIRED if row.get(c) in (None, "")]
    value = row.get("value")
    if isinstance(value, float) and not 0 <= value <= 1:
        problems.append(f"{path}:{number}: column 'value' is {value}, expected a fraction between 0 and 1")
    return problems


def _tables(rows: list[dict[str, Any]], digest: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Group the rows of one system into a run; its id is a hash of all that the source says of it, its scores included."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        said = {c: row.get(c) for c in (*RUN, *SOURCE) if c != "target_revision"}
        groups.setdefault(short_hash({**said, "dataset_revision": row["dataset_revision"]}, 24), []).append(row)
    runs, scores = [], []
    for key, members in groups.items():
        content = [{c: m.get(c) for c in SCORE} for m in members]
        content.sort(key=lambda m: (m["language"], m["split"], m["metric"], m["scorer"]))
        run_id = short_hash({"key": key, "scores": content}, 24)
        first = members[0]
        recipe = {"text": first["recipe"]}
        run = {c: first.get(c) for c in (*RUN, *SOURCE) if c not in ("recipe", "target_revision")}
        runs.append(
            {
                **run,
                "run_id": run_id,
                "kind": "external",
                "target_revision": first["dataset_revision"],
                "intermediate_revision": "none" if first["intermediate"] == "none" else "unknown",
                "recipe": f'{{"text": {_json(first["recipe"])}}}',
                "recipe_id": short_hash(recipe, 12),
                "source_sha256": digest,
            }
        )
        shared = {c: first.get(c) for c in ("model", "intermediate", "target", "train_language", "seed")}
        scores += [{**shared, **m, "run_id": run_id, "evidence": "aggregate"} for m in content]
    return runs, scores


def _json(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
