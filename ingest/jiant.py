"""jiant run folders: val_metrics.json, one entry a task and language, with args.json beside it.

Scores are of the validation sets, which for XQuAD, TyDiQA and Tatoeba are XTREME's test sets. Scales are mixed: questions are in percent,
everything else is a fraction. `aggregated` is left out: it is a mean that takes in the training task. Model and intermediate task stand
only in the path: say --path-template or --set.

test_preds.p is a pickle, and opening one runs what is in it: with --allow-pickle and --references its XNLI and PAWS-X predictions are
scored example by example against XTREME's gold labels; otherwise it is not opened.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import Options, Row, answers, mapping, outcomes, read_json, read_text
from xbench.errors import DataError

EXAMPLE = "runs/xlm-roberta-large/mnli/1/ with --path-template '{model}/{intermediate}/{seed}'"
FOLDERS = True
UNSAID = {"source": "jiant", "stack": "jiant", "scorer": "jiant", "split": "dev"}
_TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
_PLAIN = {"squad_v1": "squad1", "squad_v2": "squad2", "hellaswag": "hellaswag", "mnli": "mnli"}  # English tasks by our names
_TESTED = ("xquad", "tydiqa", "tatoeba")  # there is no other set: jiant validates on what XTREME tests on
_PERCENT = ("xquad", "mlqa", "tydiqa", "squad1", "squad2")
# jiant/tasks/lib/xnli.py and pawsx.py, LABELS: predictions are their indices.
_LABELS = {"xnli": ("contradiction", "entailment", "neutral"), "pawsx": ("0", "1")}
# Names that jiant gives, and ours. Not: losses, thresholds, counts, and means of two metrics.
_METRICS = {
    "acc": "accuracy", "f1": "f1", "F1": "f1", "precision": "precision", "recall": "recall", "exact": "exact_match",
    "exact_match": "exact_match",
}  # fmt: skip


def recognises(path: Path, head: bytes) -> bool:
    return (path / "val_metrics.json").is_file()


def read(path: Path, options: Options) -> Iterator[Row]:
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
                "split": "test" if target in _TESTED else "dev",
                "unit": "percent" if target in _PERCENT else "fraction",
            }
    if options.allow_pickle and (path / "test_preds.p").is_file():
        for row in _predicted(path / "test_preds.p", options):
            yield {**row, "seed": seed if isinstance(seed, int) and seed >= 0 else None}


def _predicted(path: Path, options: Options) -> Iterator[Row]:
    """The predicted classes of {task: {preds, guids}} (jiant/proj/main/components/evaluate.py, write_preds) against gold labels."""
    import torch

    from xbench import submission
    from xbench.scorer import load_scorer
    from xbench.scoring import Answers
    from xbench.task import load_task

    if options.references is None:
        raise DataError(f"{path}: holds predictions without gold labels; say where these are with --references")
    for name, entry in torch.load(path, map_location="cpu", weights_only=False).items():
        target, language = _task(name)
        if target not in _LABELS:
            continue
        task = load_task(target)
        gold = options.references / target / f"test-{language}.tsv"
        references = read_text(gold).split()
        predictions = [_LABELS[target][int(index)] for index in entry["preds"]]
        if len(references) != len(predictions):
            raise DataError(f"{path}: {name} has {len(predictions)} predictions, {gold} has {len(references)} labels")
        ids = [str(i) for i in range(len(references))]
        said = submission.clustered(task, language, Answers(ids, ids, references, predictions))
        scorer = load_scorer(task.scorers[0])
        for metric, (above, below) in scorer.score(references, predictions, language).items():
            yield {
                "at": f"test_preds.p: {name}",
                "target": target,
                "language": language,
                "split": "test",
                "metric": metric,
                "scorer": scorer.signature,
                "outcomes": outcomes(ids, above.tolist(), below.tolist(), said.cluster_ids),
                "answers": answers(ids, said.cluster_ids, references, predictions),
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
