"""Every Eval Ever records, 0.2 and 0.3: JSON, or JSON lines (as EuroEval writes them), with their samples where these lie beside them.

The format has no field for language, seed or intermediate task. `xbench export --format eee` puts them into score_details.details, keys
xbench_COLUMN, and they are read from there; else the language is EuroEval's own list, or the end of the evaluation's name.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import COLUMNS, Options, Row, load, mapping, number, read_json, read_lines
from xbench.errors import DataError
from xbench.languages import known, normal

SUFFIXES = (".json", ".jsonl")
EXAMPLE = "data/COLLECTION/DEVELOPER/MODEL/98ea850e-7019-4728-a558-8b1819ec47c2.json"
COMPANIONS = ("*_samples.jsonl",)
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "relationship": "other"}
PREFIX = "xbench_"
_NUMBERS = ("seed", "parameters", "n")


def recognises(path: Path, head: bytes) -> bool:
    return b'"schema_version"' in head and b'"evaluation_id"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    records = [(0, read_json(path))] if path.suffix == ".json" else read_lines(path)
    for line, record in records:
        yield from _record(mapping(record, str(path)), path, f"{line}." if line else "")


def _record(record: dict[str, Any], path: Path, at: str) -> Iterator[Row]:
    version = str(record["schema_version"])
    if not version.startswith(("0.2", "0.3")):
        raise DataError(f"{path}: schema_version is {version!r}, expected 0.2 or 0.3")
    source, library = mapping(record["source_metadata"], str(path)), mapping(record.get("eval_library") or {}, str(path))
    name, release = str(library.get("name") or "unknown"), str(library.get("version") or "unknown")
    said = {
        "model": record["model_info"]["id"],
        "source": source.get("source_name") or source["source_organization_name"],
        "source_version": release,
        "relationship": source.get("evaluator_relationship"),
        "stack": f"{name} {release}" if name != "unknown" else None,
    }
    shared = _languages(library)
    ours = _euroeval(library) if name == "euroeval" else None
    details = record.get("detailed_evaluation_results") or {}
    samples = path.parent / Path(str(details["file_path"]).replace("\\", "/")).name if details.get("file_path") else None
    examples = _samples(samples) if samples is not None and samples.is_file() else {}
    for index, result in enumerate(record["evaluation_results"]):
        row = _result(result, shared, examples, path, euroeval=ours is not None)
        if ours is not None and row["metric"] == "score":  # its records name the metric where others name the evaluation
            row["metric"] = str(result["evaluation_name"]).removeprefix("test_")
        yield {**said, **row, **(ours or {}), "at": f"{at}evaluation_results[{index}]"}


def _result(result: dict[str, Any], shared: str | None, examples: dict[str, pa.Table], path: Path, *, euroeval: bool) -> Row:
    data, metric, score = (mapping(result[key], f"{path}: {key}") for key in ("source_data", "metric_config", "score_details"))
    details = mapping(score.get("details") or {}, f"{path}: details")
    ours = {k.removeprefix(PREFIX): v for k, v in details.items() if k.startswith(PREFIX)}
    name = str(data.get("dataset_name") or result["evaluation_name"]).replace("-", "_")
    target, language = load("lm-eval").split_name(name)
    if shared is not None and not (language and known(shared) and normal(shared) == normal(language)):  # life-in-the-uk is in English
        target, language = name, shared
    row: Row = {
        "target": f"eee/{target}",
        "language": language,
        "split": data.get("hf_split"),
        "metric": metric.get("metric_id") or metric.get("metric_name") or "score",
        "value": score["score"],
        "unit": _unit(metric),
        "lower_is_better": metric.get("lower_is_better"),
        "n": data.get("samples_number"),
    }
    uncertainty = score.get("uncertainty") or {}
    error = uncertainty.get("standard_error") or {}
    if number(error.get("value")) is not None:
        row |= {"stderr": error["value"], "stderr_kind": str(error.get("method") or "unknown")}
    elif euroeval and (limits := uncertainty.get("confidence_interval")):
        # So many standard errors over the fits on each side of the score (aggregate_scores in src/euroeval/scores.py).
        half = (limits["upper"] - limits["lower"]) / 2
        fits = uncertainty.get("num_samples", "several")
        row |= {"stderr": half / load("euroeval").QUANTILE, "stderr_kind": f"EuroEval over {fits} fits"}
    for key in (result.get("evaluation_result_id"), result["evaluation_name"]):
        table = examples.get(str(key))
        if table is not None and abs(sum(table["numerator"].to_pylist()) / table.num_rows - float(score["score"])) < 1e-6:
            row |= {"outcomes": table, "n": None}
    return {**row, **{k: (int(v) if k in _NUMBERS else v) for k, v in ours.items() if k in COLUMNS or k == "run_id"}}


def _unit(metric: dict[str, Any]) -> str:
    """Fraction or percent, as the record says; other scales are no fraction, and are refused as such."""
    low, high = number(metric.get("min_score")), number(metric.get("max_score"))
    if metric.get("metric_unit") in ("percent", "percentage", "%") or (low == 0 and high == 100):
        return "percent"
    if metric.get("metric_unit") in (None, "proportion", "fraction") and (low, high) in ((0, 1), (None, None)):
        return "fraction"
    return f"{metric.get('metric_unit') or 'a scale'} from {low} to {high}"


def _languages(library: dict[str, Any]) -> str | None:
    """EuroEval: a JSON list as text; of one language, or of several that the score is over."""
    said = mapping(library.get("additional_details") or {}, "eval_library").get("languages")
    try:
        codes = json.loads(said) if isinstance(said, str) else said
    except ValueError:
        codes = [said]
    return str(codes[0]) if isinstance(codes, list) and len(codes) == 1 else None


def _euroeval(library: dict[str, Any]) -> Row:
    """What EuroEval says of a run beside its scores (src/euroeval/eee_utils.py): the split, and whether examples were shown."""
    said = mapping(library.get("additional_details") or {}, "eval_library")
    row: Row = {"split": "dev"} if str(said.get("validation_split")).lower() == "true" else {}
    return row if said.get("few_shot") is None else {**row, "recipe": {"few_shot": str(said["few_shot"]).lower() == "true"}}


def _samples(path: Path) -> dict[str, pa.Table]:
    """The examples by the id of their result, or its name."""
    values: dict[str, dict[str, float]] = {}
    for _, line in read_lines(path):
        share = number(line["evaluation"].get("score"))
        if share is None or not 0 <= share <= 1:
            return {}
        values.setdefault(str(line.get("evaluation_result_id") or line["evaluation_name"]), {})[str(line["sample_id"])] = share
    return {name: adapter.outcomes(list(found), list(found.values())) for name, found in values.items()}
