"""Every Eval Ever records, 0.2 and 0.3: JSON, or JSON lines (as EuroEval writes them), with their samples where these lie beside them.

The format has no field for language, seed or intermediate task. `xbench export --format eee` puts them into score_details.details, keys
xbench_COLUMN, and they are read from there; else the language is EuroEval's own list, or the end of the evaluation's name.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import COLUMNS, LESS, Options, Row, load, mapping, number, read_json, read_lines
from xbench.errors import DataError
from xbench.languages import known, named, normal

SUFFIXES = (".json", ".jsonl")
EXAMPLE = "data/COLLECTION/DEVELOPER/MODEL/98ea850e-7019-4728-a558-8b1819ec47c2.json"
COMPANIONS = ("*_samples.jsonl",)
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "relationship": "other"}
PREFIX = "xbench_"
_NUMBERS = ("seed", "parameters", "n")
# Libraries whose results the project's own converters write, with the metric in evaluation_description (every_eval_ever/converters).
_CONVERTED = ("lm_eval", "helm", "inspect_ai")
_DESCRIBED = re.compile(r"(\S+)(?: \(filter: (.+)\))?")
_METRICS = {"acc": "accuracy"}
_NAMES = {name: short for short, name in _METRICS.items()}
_SPREADS = ("std", "stderr", "var", "bootstrap_stderr")  # metrics of inspect_ai that are no scores
_UNSCALED = "not said; --set unit=fraction, or percent, says it"


def recognises(path: Path, head: bytes) -> bool:
    return b'"schema_version"' in head and b'"evaluation_id"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    records = [(0, read_json(path))] if path.suffix == ".json" else read_lines(path)
    for line, record in records:
        yield from _record(mapping(record, str(path)), path, f"{line}." if line else "", options)


def _record(record: dict[str, Any], path: Path, at: str, options: Options) -> Iterator[Row]:
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
    beside = _languages(library)
    if name == "euroeval":
        said, beside = _of_euroeval(record["model_info"], library, said, beside)
    details = record.get("detailed_evaluation_results") or {}
    samples = path.parent / Path(str(details["file_path"]).replace("\\", "/")).name if details.get("file_path") else None
    examples = _samples(samples) if samples is not None and samples.is_file() else {}
    rows = [_result(result, name, beside, examples, path, options) for result in record["evaluation_results"]]
    _tell_apart(rows, [str(result["evaluation_name"]) for result in record["evaluation_results"]])
    for index, row in enumerate(_with_errors(rows)):
        if row is not None:
            yield {**said, **row, "at": f"{at}evaluation_results[{index}]"}


def _result(result: dict[str, Any], library: str, beside: Row, examples: dict[str, pa.Table], path: Path, options: Options) -> Row:
    """A score; `beside` is what is said of all of a record: language, split and recipe. What xbench wrote itself goes before it."""
    data, metric, score = (mapping(result[key], f"{path}: {key}") for key in ("source_data", "metric_config", "score_details"))
    details = mapping(score.get("details") or {}, f"{path}: details")
    ours = {k.removeprefix(PREFIX): v for k, v in details.items() if k.startswith(PREFIX)}
    name = str(data.get("dataset_name") or result["evaluation_name"]).replace("-", "_")
    target, language = load("lm-eval").split_name(name)
    code = beside.get("language")
    if code is not None and not (language and known(code) and normal(code) == normal(language)):  # life-in-the-uk is in English
        target, language = name, code
    called, scorer = _metric(result, metric, details, library)
    row: Row = {
        "target": f"eee/{target}",
        "language": language,
        "language_set": beside.get("language_set"),
        "split": beside.get("split")
        or adapter.hub_split(data.get("hf_split"), options)
        or (details.get("split") if library == "helm" else None),
        "metric": called,
        "scorer": scorer,
        "value": score["score"],
        "unit": None if (unit := _unit(metric)) == _UNSCALED and "unit" in options.settings else unit,
        "lower_is_better": metric.get("lower_is_better") or called in LESS or called in _SPREADS or called.endswith("_stderr"),
        "n": data.get("samples_number"),
        "recipe": _recipe(result) or None,
    }
    uncertainty = score.get("uncertainty") or {}
    error = uncertainty.get("standard_error") or {}
    if number(error.get("value")) is not None:
        row |= {"stderr": error["value"], "stderr_kind": str(error.get("method") or "unknown")}
    elif library == "euroeval" and (limits := uncertainty.get("confidence_interval")):
        # So many standard errors over the fits on each side of the score (aggregate_scores in src/euroeval/scores.py).
        half = (limits["upper"] - limits["lower"]) / 2
        fits = uncertainty.get("num_samples", "several")
        row |= {"stderr": half / load("euroeval").QUANTILE, "stderr_kind": f"EuroEval over {fits} fits"}
    for key in (result.get("evaluation_result_id"), result["evaluation_name"]):
        table = examples.get(str(key))
        if table is not None and abs(sum(table["numerator"].to_pylist()) / table.num_rows - float(score["score"])) < 1e-6:
            row |= {"outcomes": table, "n": None}
    row |= {k: (int(v) if k in _NUMBERS else v) for k, v in ours.items() if k in COLUMNS or k == "run_id"}
    return {**row, "recipe": _both(row["recipe"], beside.get("recipe"))}


def _metric(result: dict[str, Any], metric: dict[str, Any], details: dict[str, Any], library: str) -> tuple[str, str | None]:
    """The metric, and what else two scores of it differ in: as the scheme has it, or in the words of the one that wrote the record."""
    if said := metric.get("metric_id") or metric.get("metric_name"):
        return str(said), None
    name, described = str(result["evaluation_name"]), str(metric.get("evaluation_description"))
    if library == "euroeval":  # it names the metric where others name the evaluation
        return name.removeprefix("test_"), None
    if library not in _CONVERTED or not (match := _DESCRIBED.fullmatch(described)):
        return "score", None
    more = match[2] and f"filter {match[2]}"
    if library == "helm" and details.get("perturbation"):
        more = f"perturbation {details['perturbation']}"
    if library == "inspect_ai" and " for scorer " in name:
        more = f"scorer {name.rpartition(' for scorer ')[2]}"
    return _METRICS.get(match[1], match[1]), f"{library} {more}" if more else None


def _with_errors(rows: list[Row]) -> Iterator[Row | None]:
    """The rows; of `acc_stderr` beside `acc`, which is no score, the number goes to the other one's row, and there is none."""
    scores = {(row["target"], row["language"], row["scorer"], row["metric"]): row for row in rows}
    for row in rows:
        key = row["target"], row["language"], row["scorer"]
        error = scores.get((*key, f"{_NAMES.get(row['metric'], row['metric'])}_stderr"))
        if error is not None and "stderr" not in row:
            row |= {"stderr": error["value"], "stderr_kind": "unknown"}
        of = row["metric"].removesuffix("_stderr")
        yield None if of != row["metric"] and (*key, _METRICS.get(of, of)) in scores else row


def _tell_apart(rows: list[Row], names: list[str]) -> None:
    """Language and task where a record says the data set's name throughout, and the rest in the evaluation's (Arabic, German).

    One such name may be another word (Bench is a language of Ethiopia); two or more of a data set that are languages with a code of two
    letters are taken for what they are. What is still one cell under two names, the names tell apart.
    """
    codes = [code if row["language"] is None and (code := _code(name)) else None for row, name in zip(rows, names, strict=True)]
    for target in {row["target"] for row in rows}:
        named = [place for place, row in enumerate(rows) if row["target"] == target and codes[place]]
        if len({codes[place] for place in named}) > 1:
            for place in named:
                rows[place]["language"] = codes[place]
    cells: dict[tuple[Any, ...], set[str]] = {}
    keys = [tuple(row[c] for c in ("target", "language", "split", "metric", "scorer")) for row in rows]
    for key, name in zip(keys, names, strict=True):
        cells.setdefault(key, set()).add(name)
    for row, key, name in zip(rows, keys, names, strict=True):
        if len(cells[key]) > 1 and "run_id" not in row:
            row["target"] = f"{row['target']}:{name}"


def _code(name: str) -> str | None:
    try:
        code = normal(named(name))
    except (LookupError, DataError):
        return None
    return code if len(code) == 2 else None


def _unit(metric: dict[str, Any]) -> str:
    """Fraction or percent, as the record says; other scales are no fraction, and are refused as such."""
    unit, bounds = metric.get("metric_unit"), (number(metric.get("min_score")), number(metric.get("max_score")))
    if unit in ("percent", "percentage", "%") or bounds in ((0, 100), (-100, 100)):
        return "percent"
    if unit in ("proportion", "fraction") and bounds in ((0, 1), (-1, 1), (None, None)):
        return "fraction"
    if unit is None and (bounds in ((0, 1), (-1, 1)) or metric.get("score_type") == "binary"):
        return "fraction"
    return _UNSCALED if (unit, *bounds) == (None, None, None) else f"{unit or 'a scale'} from {bounds[0]} to {bounds[1]}"


def _languages(library: dict[str, Any]) -> Row:
    """EuroEval: a JSON list as text; of one language, of it and its forms (nb, nn and no), or of several that the score is over."""
    said = mapping(library.get("additional_details") or {}, "eval_library").get("languages")
    try:
        codes = json.loads(said) if isinstance(said, str) else said
    except ValueError:
        codes = [said]
    if not isinstance(codes, list) or not codes:
        return {}
    found: Row = load("euroeval").of_languages(codes)
    return found


def _recipe(result: dict[str, Any]) -> dict[str, Any]:
    """How a result says that answers were made."""
    config = result.get("generation_config") or {}
    return {**_told(config.get("additional_details") or {}), **_told(config.get("generation_args") or {})}


def _told(said: Any) -> Any:
    """What an object says, at every depth: neither what it leaves open nor how requests were made (as inspect_ai calls that)."""
    if not isinstance(said, dict):
        return said
    away = {"execution_command", *load("inspect-ai").REQUESTS}
    found = {key: _told(value) for key, value in said.items() if key not in away}
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _of_euroeval(model: dict[str, Any], library: dict[str, Any], said: Row, beside: Row) -> tuple[Row, Row]:
    """What EuroEval says of a run beside its scores (src/euroeval/eee_utils.py): revision, size, training and conditions."""
    euroeval = load("euroeval")
    about = model.get("additional_details") or {}
    kind = {"encoder": False, "generative": True}.get(str(about.get("model_type")))  # since 18; before, `generative` alone
    generative = {"false": False, "true": True}.get(str(about.get("generative")).lower()) if kind is None else kind
    more: Row = {**euroeval.of_model(str(said["model"]))[0], "parameters": euroeval.of_size(about)}
    if generative is not None and "language" in beside:
        more |= euroeval.of_training(generative, beside)
    conditions = euroeval.of_conditions(mapping(library.get("additional_details") or {}, "eval_library"), generative)
    return {**said, **more}, {**beside, **conditions}


def _both(said: Any, beside: dict[str, Any] | None) -> Any:
    """The recipe that a result says and what is said beside it of its run; what the result says, as an object or its JSON, wins."""
    try:
        own = json.loads(said) if isinstance(said, str) else said
    except ValueError:
        return said
    return {**(beside or {}), **own} if isinstance(own, dict) else said or beside


def _samples(path: Path) -> dict[str, pa.Table]:
    """The examples by the id of their result, or its name."""
    values: dict[str, dict[str, float]] = {}
    for _, line in read_lines(path):
        share = number(line["evaluation"].get("score"))
        if share is None or not 0 <= share <= 1:
            return {}
        values.setdefault(str(line.get("evaluation_result_id") or line["evaluation_name"]), {})[str(line["sample_id"])] = share
    return {name: adapter.outcomes(list(found), list(found.values())) for name, found in values.items()}
