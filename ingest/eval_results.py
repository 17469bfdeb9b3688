"""Hugging Face .eval_results/*.yaml: a list of scores with their data set, in a model's repository.

The model is that of the repository: the folder's name where it has the form org__model, else say --set model=… and --set language=…
"""

from collections.abc import Iterator
from pathlib import Path

from xbench.adapter import Options, Row, load, read_text
from xbench.errors import DataError

SUFFIXES = (".yaml", ".yml")
EXAMPLE = "org__model/.eval_results/xnli.yaml"
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "Hugging Face eval results", "metric": "score"}


def recognises(path: Path, head: bytes) -> bool:
    return path.parent.name == ".eval_results"


def read(path: Path, options: Options) -> Iterator[Row]:
    import yaml

    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    folder = path.parent.parent.name
    index, names = load("model-index"), load("lm-eval")
    for place, entry in enumerate(content if isinstance(content, list) else [content]):
        data, source = entry["dataset"], entry.get("source") or {}
        task = str(data.get("task_id") or "")
        target, language = names.split_name(task) if task else ("", None)
        yield {
            "at": f"[{place}]",
            "model": folder.replace("__", "/", 1) if "__" in folder else None,
            "target": "/".join(part for part in ("hf", data["id"], target) if part),
            "language": language,
            "dataset_revision": data.get("revision"),
            "source": source.get("name") or source.get("url"),
            "relationship": "third party" if entry.get("verify_token") or entry.get("verifyToken") else "first party",
            **index.value(entry["value"]),
        }
