"""XTREME's evaluate.py: its --output_file, scores of every task and language in percent.

Averages in it are left out: they follow from the languages. Whose scores they are must be said (--set model=…).
"""

from collections.abc import Iterator
from pathlib import Path

from xbench.adapter import Options, Row, mapping, read_json
from xbench.task import all_tasks

SUFFIXES = (".json",)
EXAMPLE = "xtreme-scores.json, with --set model=xlm-roberta-large"
UNSAID = {"intermediate": "unknown", "source": "xtreme evaluate.py", "scorer": "xtreme evaluate.py"}


def recognises(path: Path, head: bytes) -> bool:
    return b'"avg_metric"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    """Groups are numbers, tasks are objects: {metric: {language: score}, avg_METRIC: score}."""
    known = {task.name: set(task.languages) for task in all_tasks()}
    for task, metrics in mapping(read_json(path), str(path)).items():
        if not isinstance(metrics, dict):
            continue
        said = set().union(*(languages for metric, languages in metrics.items() if not metric.startswith("avg_")))
        larger = f"xtreme-r-{task}"  # XTREME-R has more languages under the same name
        target = larger if said & (known.get(larger, set()) - known.get(task, set())) else task if task in known else f"xtreme/{task}"
        for metric, languages in metrics.items():
            if metric.startswith("avg_"):
                continue
            for language, value in mapping(languages, f"{path}: {task}.{metric}").items():
                yield {
                    "at": f"{task}.{metric}.{language}",
                    "target": target,
                    "metric": metric,
                    "language": language,
                    "value": value,
                    "unit": "percent",
                }
