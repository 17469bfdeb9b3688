"""ExplainaBoard reports: the overall metrics of a system on a data set, in each of the three shapes that were in use.

Reports often name neither system nor data set nor language: say them with --set.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import Options, Row, mapping, read_json
from xbench.errors import DataError

SUFFIXES = (".json",)
EXAMPLE = "reports/report.json, with --set model=… --set target=… --set language=en"
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "ExplainaBoard report", "scorer": "explainaboard"}
_METRICS = {
    "Accuracy": "accuracy", "F1": "f1", "F1ScoreQA": "f1", "ExactMatch": "exact_match", "ExactMatchQA": "exact_match",
    "SeqCorrectCount": "correct",
}  # fmt: skip


_MARKS = (b'"metric_names"', b'"metric_configs"', b'"source_tokenizer"', b'"analysis_levels"')


def recognises(path: Path, head: bytes) -> bool:
    return b'"task_name"' in head and any(mark in head for mark in _MARKS)


def read(path: Path, options: Options) -> Iterator[Row]:
    content = mapping(read_json(path), str(path))
    dataset = content.get("dataset_name")
    said = {
        "model": content.get("system_name"),
        "target": f"explainaboard/{dataset}" if dataset and dataset != "dataset_name" else None,
        "language": content.get("target_language") or content.get("source_language") or content.get("language"),
        "split": content.get("dataset_split"),
    }
    found = list(_metrics(mapping(content["results"], f"{path}: results")["overall"], ""))
    if not found:
        raise DataError(f"{path}: results.overall has no metric")
    for name, value in found:
        yield {**said, "at": f"results.overall.{name}", "metric": _METRICS.get(name, name), "value": value}


def _metrics(overall: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Objects with a `value`, at any depth: overall is a list of metrics, an object of them, or one of levels of these."""
    if isinstance(overall, list):
        for entry in overall:
            yield from _metrics(entry, name)
    elif isinstance(overall, dict) and "value" in overall:
        yield str(overall.get("metric_name") or name), overall["value"]
    elif isinstance(overall, dict):
        for key, entry in overall.items():
            yield from _metrics(entry, key)
