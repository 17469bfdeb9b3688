"""HELM run folders: run_spec.json, stats.json and per_instance_stats.json.

A scenario keeps the name helm/SCENARIO:ARGUMENTS. Only scores of unperturbed instances that lie between 0 and 1 by nature are read; a
folder over a sample of the instances (max_eval_instances) says so in its recipe, where prompt and decoding are too: the name of a run does
not have all of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import Options, Row, mapping, read_json
from xbench.errors import DataError

EXAMPLE = "runs/v1/xnli:language=sw,model=org_model/"
FOLDERS = True
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "HELM"}
_METRICS = (
    "exact_match", "quasi_exact_match", "prefix_exact_match", "quasi_prefix_exact_match", "f1_score", "classification_macro_f1",
    "classification_micro_f1", "f1_set_match", "iou_set_match", "exact_set_match", "math_equiv", "rouge_l",
    "squad_exact_match_score", "squad_f1_score",
)  # fmt: skip
_LANGUAGE = ("language", "lang", "langs")
_ALWAYS = ("method", "max_train_instances", "max_eval_instances", "num_train_trials")  # of adapter_spec, also where it is the default
_MODEL = ("model", "model_deployment")
# What else adapter_spec says where nothing was set, and old files do not (AdapterSpec in helm/benchmark/adaptation/adapter_spec.py).
_DEFAULTS = {
    "global_prefix": "", "global_suffix": "", "instructions": "", "input_prefix": "Input: ", "input_suffix": "\n",
    "reference_prefix": "A. ", "reference_suffix": "\n", "chain_of_thought_prefix": "", "chain_of_thought_suffix": "\n",
    "output_prefix": "Output: ", "output_suffix": "\n", "instance_prefix": "\n", "substitutions": [], "num_outputs": 5, "num_trials": 1,
    "sample_train": True, "temperature": 1, "max_tokens": 100, "stop_sequences": [], "multi_label": False,
}  # fmt: skip


def recognises(path: Path, head: bytes) -> bool:
    return (path / "run_spec.json").is_file() and (path / "stats.json").is_file()


def read(path: Path, options: Options) -> Iterator[Row]:
    spec = mapping(read_json(path / "run_spec.json"), str(path / "run_spec.json"))
    arguments = mapping(spec["scenario_spec"].get("args") or {}, f"{path}: scenario_spec.args")
    adaption = mapping(spec["adapter_spec"], f"{path}: adapter_spec")
    scenario = spec["name"].split(":")[0].split(",")[0].split("-model=")[0]
    if "dataset" not in arguments and (named := re.search(r"[:,]dataset=([^,]+)", spec["name"])):  # of commonsense it stands only there
        arguments = {**arguments, "dataset": named[1]}
    rest = ",".join(f"{k}={v}" for k, v in sorted(arguments.items()) if k not in _LANGUAGE)
    said = {
        "model": adaption.get("model") or adaption.get("model_deployment"),
        "target": f"helm/{scenario}:{rest}" if rest else f"helm/{scenario}",
        "language": next((str(arguments[k]) for k in _LANGUAGE if arguments.get(k)), None) or _of_metrics(spec),
        "stack": "HELM",
        "recipe": {k: v for k, v in adaption.items() if k in _ALWAYS or (k not in _MODEL and v is not None and v != _DEFAULTS.get(k))},
    }
    instances = path / "per_instance_stats.json"
    outcomes = _outcomes(read_json(instances)) if instances.is_file() else {}
    stats = read_json(path / "stats.json")
    if not isinstance(stats, list):
        raise DataError(f"{path / 'stats.json'}: expected a list")
    if not any(stat["name"]["name"] in _METRICS for stat in stats):
        raise DataError(f"{path / 'stats.json'}: has none of the metrics that are read: {', '.join(_METRICS)}")
    for index, stat in enumerate(stats):
        name = stat["name"]
        if name["name"] not in _METRICS or name.get("perturbation") or name.get("sub_split") or not stat.get("count"):
            continue
        row = {
            **said,
            "at": f"stats.json[{index}]",
            "metric": name["name"],
            "scorer": "HELM",
            "split": name.get("split"),
            "value": stat["mean"],
        }
        table = outcomes.get((name["name"], name.get("split", "test")))
        if table is not None and abs(sum(table["numerator"].to_pylist()) / table.num_rows - stat["mean"]) < 1e-6:
            row["outcomes"] = table
        yield row


def _of_metrics(spec: dict[str, Any]) -> str | None:
    """The language in which the answers are compared, where it is one: that of SEA-HELM's tydiqa stands only there."""
    said = {str((metric.get("args") or {}).get("language") or "") for metric in spec.get("metric_specs") or []} - {""}
    return said.pop() if len(said) == 1 else None


def _outcomes(instances: Any) -> dict[tuple[str, str], pa.Table]:
    """Examples by metric and split; the mean over trials of each."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for instance in instances:
        if instance.get("perturbation"):
            continue
        for stat in instance["stats"]:
            name = stat["name"]
            if name["name"] in _METRICS and not name.get("perturbation") and not name.get("sub_split") and stat.get("count"):
                found = values.setdefault((name["name"], name.get("split", "test")), {})
                found.setdefault(str(instance["instance_id"]), []).append(float(stat["mean"]))
    return {key: adapter.outcomes(list(found), [sum(v) / len(v) for v in found.values()]) for key, found in values.items()}
