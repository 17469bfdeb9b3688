"""inspect_ai logs: .json, or .eval (a zip), with the scores of their samples where these make the printed metric.

A task keeps the name inspect/TASK. Its language is the end of its name, or an argument that is surely one. Its other arguments and what
was set beside them are the recipe. Logs that did not succeed, or ran on a part of the data set, are refused.
"""

import zipfile
import zlib
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import Options, Row, load, mapping, number, parse_json, read_json
from xbench.errors import DataError
from xbench.languages import known, normal

SUFFIXES = (".eval", ".json")
EXAMPLE = "logs/2026-02-24T11-23-20+00-00_xcopa_ENiBTeoX.eval"
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "inspect_ai"}
_METRICS = ("accuracy", "mean", "f1", "exact_match")  # not: std, var, stderr
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}  # inspect_ai/scorer/_metric.py: correct, incorrect, partial, no answer
_LANGUAGE = ("language", "lang", "languages")  # arguments of tasks; of some it is a programming language
# What a GenerateConfig says of how requests are made, not of what is asked (model/_generate_config.py); headers may hold secrets.
REQUESTS = (
    "max_retries", "timeout", "attempt_timeout", "max_connections", "adaptive_connections", "cache_prompt", "extra_headers", "cache",
    "batch",
)  # fmt: skip
_LARGEST = 256 << 20  # bytes of one member
_ZSTD = 93  # how inspect_ai compresses since 0.3.206


def recognises(path: Path, head: bytes) -> bool:
    zipped, said = head[:2] == b"PK", b'"status"' in head and b'"eval"' in head
    return (zipped or said) and (zipped if path.suffix == ".eval" else said)


def read(path: Path, options: Options) -> Iterator[Row]:
    log = _zipped(path) if path.suffix == ".eval" else mapping(read_json(path), str(path))
    about, results = mapping(log["eval"], f"{path}: eval"), log.get("results")
    if log.get("status") != "success" or not results:
        raise DataError(f"{path}: the run ended with status {log.get('status')!r}, expected 'success'")
    size = about["dataset"].get("samples")
    limit = about.get("config", {}).get("limit")
    epochs = about.get("config", {}).get("epochs") or 1
    asked = max((size or 0) * epochs, results.get("total_samples") or 0)
    if results["completed_samples"] < asked:  # limited, chosen by id, or in error
        limited = f" (limit {limit})" if limit is not None else ""
        raise DataError(f"{path}: ran on {results['completed_samples']} of {asked} samples{limited}")
    version = str(about.get("packages", {}).get("inspect_ai", "unknown"))
    arguments = about.get("task_args") or {}
    target, language = load("lm-eval").split_name(about["task"].split("/")[-1])
    spoken, rest = _languages(arguments)
    recipe = rest | _conditions(about, log.get("plan") or {})
    for score in results["scores"]:
        metrics = score["metrics"]
        for name in _METRICS:
            if name not in metrics:
                continue
            row = {
                "at": f"results.scores.{score['name']}.{name}",
                "model": about["model"],
                "model_revision": load("lm-eval").revision({}, about.get("model_args") or {}),
                "target": f"inspect/{target}",
                "language": language,
                **spoken,
                "metric": name,
                "scorer": _scorer(score),
                "dataset_revision": f"task version {about['task_version']}" if about.get("task_version") else None,
                "recipe": recipe or None,
                "source_version": version,
                "stack": f"inspect_ai {version}",
                "value": metrics[name]["value"],
                "n": score.get("scored_samples") or results["completed_samples"] // epochs,
            }
            stderr = number(mapping(metrics.get("stderr", {}), str(path)).get("value"))
            table = _outcomes(log, score["name"])
            shown = number(row["value"])
            if table is not None and shown is not None and abs(sum(table["numerator"].to_pylist()) / table.num_rows - shown) < 1e-6:
                row |= {"outcomes": table, "n": None}
            yield row | ({"stderr": stderr, "stderr_kind": "inspect_ai over samples"} if stderr is not None else {})


def _conditions(about: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """What was set beside the task: limits, a solver in place of its own, the model's arguments, and generation.

    Of generation the plan goes before the model.
    """
    limits = {key: value for key, value in about.get("config", {}).items() if key.endswith("_limit")}
    loaded = load("lm-eval").conditions(about.get("model_args") or {})
    found = {**limits, "solver": about.get("solver"), "solver_args": about.get("solver_args"), "model_args": loaded}
    for config in (about.get("model_generate_config"), plan.get("config")):
        found |= {key: value for key, value in (config or {}).items() if value is not None and key not in REQUESTS}
    return {key: value for key, value in found.items() if value not in (None, {})}


def _languages(arguments: dict[str, Any]) -> tuple[Row, dict[str, Any]]:
    """The language that the arguments name, or those of a mean; and the other arguments.

    `all` is every language of mgsm, which is no code (and Allar), and every programming language of core_bench: neither says which.
    """
    rest = {key: value for key, value in arguments.items() if value or key not in _LANGUAGE}
    for key in _LANGUAGE:
        given = rest.get(key)
        codes = given if isinstance(given, list) else [given]
        if given and all(isinstance(code, str) and _code(code) for code in codes):
            said = {"language": codes[0]} if len(codes) == 1 else {"language": "mul", "language_set": codes}
            return said, {k: v for k, v in rest.items() if k != key}
    return {}, rest


def _code(text: str) -> bool:
    """Whether a text is surely a language: one of three letters only if it has a code of two (all, any and cpp are codes as well)."""
    return known(text) and (len(text) != 3 or len(normal(text)) == 2)


def _scorer(score: dict[str, Any]) -> str:
    """The scorer; which of its values, if it gives several; and how epochs were reduced, if not to their mean."""
    parts = ["inspect", score["scorer"], score["name"] if score["name"] != score["scorer"] else "", score.get("reducer") or "mean"]
    return " ".join(part for part in parts if part not in ("", "mean"))


def _outcomes(log: dict[str, Any], scorer: str) -> pa.Table | None:
    """The mean over epochs of each sample's score; None where a sample has none that is a share."""
    values: dict[str, list[float]] = {}
    for sample in log.get("samples") or []:
        value = (sample.get("scores") or {}).get(scorer, {}).get("value")
        share = _LETTERS.get(value) if isinstance(value, str) else float(value) if isinstance(value, bool) else number(value)
        if share is None or not 0 <= share <= 1:
            return None
        values.setdefault(str(sample["id"]), []).append(share)
    return adapter.outcomes(list(values), [sum(v) / len(v) for v in values.values()]) if values else None


def _zipped(path: Path) -> dict[str, Any]:
    """header.json, and the samples' scores from summaries.json, where inspect keeps them short."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = {name: _member(archive, name, path) for name in ("header.json", "summaries.json") if name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if "header.json" not in found:
        raise DataError(f"{path}: no header.json: the run did not end")
    log = mapping(found["header.json"], str(path))
    return {**log, "samples": found.get("summaries.json") or []}


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    info = archive.getinfo(name)
    if info.file_size > _LARGEST:
        raise DataError(f"{path}: {name} has more than {_LARGEST:,} bytes")
    if info.compress_type == _ZSTD:
        return parse_json(_unpacked(archive, info), f"{path}!{name}")
    with archive.open(name) as handle:
        return parse_json(handle.read(_LARGEST + 1), f"{path}!{name}")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What is in a member of zstd, which zipfile reads from Python 3.14 on; unpacked to no more bytes than it is said to have."""
    stored = copy(info)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    del stored.CRC  # it is of what is unpacked
    with archive.open(stored) as handle:
        try:
            content: bytes = pa.CompressedInputStream(handle, "zstd").read(info.file_size + 1)
        except OSError as error:
            raise zipfile.BadZipFile(f"{info.filename}: {error}") from error
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"{info.filename} is not the {info.file_size:,} bytes that it is said to be")
    return content
