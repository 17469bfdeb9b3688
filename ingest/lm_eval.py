"""lm-evaluation-harness: results_TIME.json, with the examples of samples_TASK_TIME.jsonl where they lie beside it.

A task keeps the name lm-eval/TASK: a prompted model is not a fine-tuned one. Its language is the end of its name, or that of the data
set; that of a group is `mul` where its tasks have several. Runs over a part of the examples (--limit) are refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import LESS, Options, Row, mapping, number, read_json, read_lines
from xbench.errors import DataError
from xbench.languages import known

SUFFIXES = (".json",)
EXAMPLE = "results/org__model/results_2026-01-21T03-44-18.458309.json"
COMPANIONS = ("samples_*.jsonl",)
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "lm-evaluation-harness"}
_METRICS = {"acc": "accuracy"}
# What of a prompt two runs of one model may differ in, beside the number of examples.
_PROMPT = ("chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn")
_AGREE = 1e-6
# Tasks that end in a word, not in a language (lm_eval/tasks at 4e7e0d4; the last is EuroEval's).
_WORDS = re.compile(r".*lsat_ar|polemo2_in|pisa_ch|.*_yes_no|.*blimp_.*|life_in_the_uk")
_SUFFIX = re.compile(r"(?P<base>.+?)_(?P<code>[a-z]{2}|[a-z]{3}_[A-Z][a-z]{3})(?:_(?P<second>[a-z]{2}))?")


def recognises(path: Path, head: bytes) -> bool:
    return path.name.startswith("results") and b'"config_general"' not in head and b'"results"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    content = mapping(read_json(path), str(path))
    config = content.get("config") or {}
    if config.get("limit") is not None:
        raise DataError(f"{path}: was run with --limit {config['limit']}: scores over a part of the examples")
    version = str(content.get("lm_eval_version") or content.get("git_hash") or "unknown")
    said = {
        "model": _model(content, config),
        "model_revision": config.get("model_sha") or config.get("model_revision"),
        "parameters": config.get("model_num_parameters"),
        "source_version": version,
        "stack": f"lm-eval {version}",
    }
    prompt = {key: content[key] for key in _PROMPT if content.get(key)}
    configs = content.get("configs") or {}
    groups = {name: parts for name, parts in (content.get("group_subtasks") or {}).items() if parts}
    for task, metrics in mapping(content["results"], f"{path}: results").items():
        samples = content.get("n-samples", {}).get(task, {})
        if samples.get("effective") != samples.get("original"):
            raise DataError(f"{path}: {task} was run on {samples['effective']} of {samples['original']} examples")
        target, language = split_name(task, configs.get(task, {}).get("dataset_name"))
        means = _means(task, groups, configs) if task in groups and language is None else {}
        beside = path.with_name(path.name.replace("results", f"samples_{task}", 1)).with_suffix(".jsonl")
        examples = _samples(beside) if beside.is_file() else {}
        shots = content.get("n-shot", {}).get(task)
        for name, value in metrics.items():
            metric, _, way = name.partition(",")
            if metric.strip() in ("", "alias", "sample_len", "name") or metric.endswith("_stderr"):  # "" is a group without a mean
                continue
            row = {
                **said,
                "at": f"results.{task}.{name}",
                "target": f"lm-eval/{target}",
                "language": language,
                "metric": _METRICS.get(metric, metric),
                "scorer": f"lm-eval {way or 'none'}",
                "dataset_revision": f"task version {content['versions'][task]}" if task in content.get("versions", {}) else None,
                "recipe": ({"num_fewshot": shots} if shots is not None else {}) | prompt or None,
                "seed": config.get("fewshot_seed") if shots else None,  # without examples it chooses nothing
                "value": value,
                "n": samples.get("effective"),
                **means,
                "lower_is_better": metric in LESS or content.get("higher_is_better", {}).get(task, {}).get(metric) is False,
            }
            stderr = number(metrics.get(f"{metric}_stderr,{way}" if way else f"{metric}_stderr"))
            if stderr is not None:
                row |= {"stderr": stderr, "stderr_kind": "lm-eval over examples"}
            table = examples.get((metric, way or "none"))
            shown = number(value)
            if table is not None and shown is not None and abs(sum(table["numerator"].to_pylist()) / table.num_rows - shown) < _AGREE:
                row["outcomes"] = table  # otherwise the metric is no mean over examples
            yield row


def _model(content: dict[str, Any], config: dict[str, Any]) -> str | None:
    if content.get("model_name"):
        return str(content["model_name"])
    given = config.get("model_args")
    if not isinstance(given, dict):
        given = dict(re.findall(r"(\w+)=([^,]+)", str(given or "")))
    # In the order of lm_eval/loggers/evaluation_tracker.py: an adapter or a difference goes before the model that it was put on.
    return next((str(given[key]) for key in ("peft", "delta", "pretrained", "model", "path", "engine") if given.get(key)), None)


def _means(group: str, groups: dict[str, list[str]], configs: dict[str, Any]) -> Row:
    """`mul` for a group over several languages, and which, if all its tasks say theirs."""
    tasks, waiting = set[str](), [group]
    while waiting:
        name = waiting.pop()
        if name not in tasks:
            tasks.add(name)
            waiting += groups.get(name, [])
    said = {split_name(task, configs.get(task, {}).get("dataset_name"))[1] for task in tasks - groups.keys()}
    codes = sorted(code for code in said if code is not None)
    return {"language": "mul", "language_set": "unknown" if None in said else codes} if len(codes) > 1 else {}


def split_name(task: str, dataset: Any = None) -> tuple[str, str | None]:
    """Task and language of `xnli_sw`, `belebele_arb_Arab`, `mlqa_ar_de`; where the name says none, that of the data set's configuration.

    Three letters without a script are not taken for a language: mmlu_pro is not in Old Provençal. `mt` beside a language is machine
    translation, not Maltese: lambada_openai_mt_de is in German, xnli_eu_mt in Basque.
    """
    match = None if _WORDS.fullmatch(task) else _SUFFIX.fullmatch(task)
    if match and known(match["code"].replace("_", "-")) and (match["second"] is None or known(match["second"])):
        if match["second"] == "mt":
            return task, match["code"]
        if match["second"] and match["code"] == "mt":
            return f"{match['base']}_mt", match["second"]
        code = match["code"].replace("_", "-")
        return match["base"], f"{code}/{match['second']}" if match["second"] else code
    if isinstance(dataset, str) and re.fullmatch(r"[a-z]{2}|[a-z]{3}_[A-Z][a-z]{3}", dataset) and known(dataset.replace("_", "-")):
        return task, dataset.replace("_", "-")
    return task, None


def _samples(path: Path) -> dict[tuple[str, str], pa.Table]:
    """The examples by metric and filter. Their hash is the same for every model; a document that is there twice is counted on."""
    values: dict[tuple[str, str], list[tuple[str, float]]] = {}
    seen: dict[tuple[str, str], int] = {}
    for _, line in read_lines(path):
        way, document = str(line.get("filter", "none")), str(line.get("doc_hash") or line["doc_id"])
        count = seen[way, document] = seen.get((way, document), 0) + 1
        for metric in line.get("metrics") or []:
            value = number(line.get(metric) if not isinstance(line.get(metric), bool) else int(line[metric]))
            if value is not None and 0 <= value <= 1:
                values.setdefault((metric, way), []).append((document if count == 1 else f"{document}#{count}", value))
    return {key: adapter.outcomes([i for i, _ in found], [v for _, v in found]) for key, found in values.items()}
