"""jiant run folders: val_metrics.json, one entry a task and language, with args.json beside it.

Scores are of the validation sets. Scales are mixed: questions are in percent, everything else is a fraction. `aggregated` is left out: it
is a mean that takes in the training task. Model and intermediate task stand only in the path: say --path-template or --set.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import Options, Row, mapping, read_json
from xbench.errors import DataError

EXAMPLE = "runs/xlm-roberta-large/mnli/1/ with --path-template '{model}/{intermediate}/{seed}'"
FOLDERS = True
UNSAID = {"source": "jiant", "stack": "jiant", "scorer": "jiant", "split": "dev"}
_TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
_PLAIN = {"squad_v1": "squad1", "squad_v2": "squad2", "hellaswag": "hellaswag", "mnli": "mnli"}  # English tasks by our names
_PERCENT = ("xquad", "mlqa", "tydiqa", "squad1", "squad2")
# Names that jiant gives, and ours. Not: losses, thresholds, counts, and means of two metrics.
_METRICS = {
    "acc": "accuracy", "f1": "f1", "F1": "f1", "precision": "precision", "recall": "recall", "exact": "exact_match",
    "exact_match": "exact_match",
}  # fmt: skip


def recognises(path: Path, head: bytes) -> bool:
    return (path / "val_metrics.json").is_file()


def read(path: Path, options: Options) -> Iterator[Row]:
    pickles = sorted(p.name for p in path.glob("*_preds.p"))
    if pickles and options.allow_pickle:
        raise DataError(
            f"{path}: {', '.join(pickles)} hold no gold labels to score against; leave --allow-pickle out to read val_metrics.json"
        )
    seed = None
    if (path / "args.json").is_file():
        seed = mapping(read_json(path / "args.json"), str(path / "args.json")).get("seed")
    file = path / "val_metrics.json"
    for name, entry in mapping(read_json(file), str(file)).items():
        if name == "aggregated":
            continue
        target, language = _task(name)
        if target == options.settings.get("intermediate"):
            continue  # the intermediate task's own validation
        for key, value in _scores(mapping(entry, f"{file}: {name}")["metrics"]):
            yield {
                "at": f"val_metrics.json: {name}.{key}",
                "target": target,
                "language": language,
                "seed": seed if isinstance(seed, int) and seed >= 0 else None,
                "metric": _METRICS[key],
                "value": value,
                "unit": "percent" if target in _PERCENT else "fraction",
            }


def _scores(metrics: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    minor = metrics.get("minor")
    for key, value in (minor if isinstance(minor, dict) else {"acc": metrics["major"]}).items():
        if key in _METRICS:
            yield key, value


def _task(name: str) -> tuple[str, str]:
    """`xnli_de`; `mlqa_ar_de` is context and question; a task without language is English."""
    base, *codes = name.split("_")
    if base in _TARGETS and codes:
        return base, "/".join(codes)
    return _PLAIN.get(name, name), "en"
