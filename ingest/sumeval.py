"""SumEval (microsoft/Litmus): scores by language of models that were trained on mixtures of languages.

A list of {train_config: {language: examples}, eval_results: {language: score}}. Task and model stand in the file's name. A file with masked
scores ("x") is refused whole: it is a question, not a result.
"""

from collections.abc import Iterator
from pathlib import Path

from xbench.adapter import Options, Row, mapping, read_json
from xbench.errors import DataError

SUFFIXES = (".json",)
EXAMPLE = "SumEval/data/train/XNLI_XLMR.json"
UNSAID = {"intermediate": "none", "source": "microsoft/Litmus SumEval", "relationship": "first party", "stack": "microsoft/Litmus"}
# Names in file names. The data's README names no metric but for XNLI nothing else than accuracy is in use.
_TASKS = {"XNLI": ("xnli", "accuracy"), "UDPOS": ("udpos", "unknown"), "WikiANN": ("panx", "unknown"), "TyDiQA": ("tydiqa", "unknown")}
_MODELS = {"XLMR": "xlm-roberta-large", "TULRv6Large": "tulrv6-large", "TULRv6Base": "tulrv6-base", "TULRv6": "tulrv6"}


def recognises(path: Path, head: bytes) -> bool:
    return head.lstrip()[:1] == b"[" and b'"train_config"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    content = read_json(path)
    parts = path.name.split(".")[0].split("_")
    target, metric = _TASKS.get(parts[0], (None, None))
    if "OOD" in parts and target == "tydiqa":  # trained on TyDiQA, tested on XQuAD
        target, metric = "xquad", "unknown"
    model = next((_MODELS[p] for p in parts if p in _MODELS), None)
    masked = sum(any(isinstance(v, str) for v in mapping(c["eval_results"], str(path)).values()) for c in content)
    if masked:
        raise DataError(f"{path}: the scores of {masked} of {len(content)} configurations are masked ('x'): refused whole")
    for index, configuration in enumerate(content):
        used = {code: count for code, count in mapping(configuration["train_config"], str(path)).items() if count}
        for code, value in configuration["eval_results"].items():
            yield {
                "at": f"[{index}].eval_results.{code}",
                "model": model,
                "target": target,
                "train_language": "+".join(sorted(used)) or "none",
                "recipe": {"train_examples": used, "data": path.name.split(".")[0]},
                "language": code,
                "metric": metric,
                "value": value,
            }
