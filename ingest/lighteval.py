"""lighteval: results/MODEL/results_TIME.json.

A task keeps the name lighteval/TASK. Runs over a part of the examples (max_samples) are refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import LESS, Options, Row, load, mapping, number, read_json
from xbench.errors import DataError

SUFFIXES = (".json",)
EXAMPLE = "results/org/model/results_2026-05-05T10-00-00.000000.json"
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "lighteval", "scorer": "lighteval"}
_METRICS = {"acc": "accuracy", "em": "exact_match"}


def recognises(path: Path, head: bytes) -> bool:
    return b'"config_general"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    content = mapping(read_json(path), str(path))
    general = mapping(content["config_general"], f"{path}: config_general")
    if general.get("max_samples") is not None:
        raise DataError(f"{path}: was run with max_samples {general['max_samples']}: scores over a part of the examples")
    model = general.get("model_name") or mapping(general.get("model_config", {}), str(path)).get("model_name")
    version = str(general.get("lighteval_sha") or "unknown")
    split_name = load("lm-eval").split_name
    tasks = mapping(content.get("config_tasks") or {}, f"{path}: config_tasks")
    for key, metrics in mapping(content["results"], f"{path}: results").items():
        parts = [part for part in key.split("|") if part]
        shots = parts.pop() if len(parts) > 1 and parts[-1].isdecimal() else None
        if parts[-1] == "all" or parts[-1].endswith("_average"):
            continue
        target, language = split_name(parts[-1].replace(":", "_"))
        better = _directions(tasks.get(key) or tasks.get(key.rpartition("|")[0]) or {})
        for metric, value in mapping(metrics, f"{path}: {key}").items():
            if metric.endswith("_stderr"):
                continue
            row = {
                "at": f"results.{key}.{metric}",
                "model": model,
                "model_revision": general.get("model_sha"),
                "target": f"lighteval/{target}",
                "language": language,
                "metric": _METRICS.get(metric, metric),
                "dataset_revision": f"task version {content['versions'][key]}" if key in content.get("versions", {}) else None,
                "recipe": {"num_fewshot": int(shots)} if shots else None,
                "source_version": version,
                "stack": f"lighteval {version[:12]}",
                "value": value,
                "lower_is_better": not better.get(metric, metric not in LESS),
            }
            stderr = number(metrics.get(f"{metric}_stderr"))
            yield row | ({"stderr": stderr, "stderr_kind": "lighteval over examples"} if stderr is not None else {})


def _directions(config: dict[str, Any]) -> dict[str, bool]:
    """{metric: whether more is better}, as a task's configuration says (lighteval metrics/utils/metric_utils.py); a group has several."""
    found: dict[str, bool] = {}
    for metric in config.get("metrics") or config.get("metric") or ():
        if not isinstance(metric, dict):  # an old file has the names alone
            continue
        names, better = metric["metric_name"], metric["higher_is_better"]
        for name in [names] if isinstance(names, str) else names:
            # With parameters a group is renamed, `edit_distance:strip=True`, and its directions are not.
            found[name] = bool(better.get(name, better.get(name.partition(":")[0], True)) if isinstance(better, dict) else better)
    return found
