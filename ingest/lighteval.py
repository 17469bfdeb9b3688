"""lighteval: results/MODEL/results_TIME.json.

A task keeps the name lighteval/TASK, without its language. Runs over a part of the examples (max_samples) are refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import LESS, Options, Row, is_development, load, mapping, number, read_json, unit_said
from xbench.errors import DataError
from xbench.languages import known

SUFFIXES = (".json",)
EXAMPLE = "results/org/model/results_2026-05-05T10-00-00.000000.json"
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "lighteval", "scorer": "lighteval"}
_METRICS = {"acc": "accuracy", "em": "exact_match"}
# A multilingual task is NAME_LANGUAGE[_FORMULATION][:SUBSET], with a language of three letters. Without a formulation it is one of these
# (tasks/multilingual/tasks at 3fd1526): other names may end in three letters that are a language by chance.
_LANGUAGE = re.compile(r"(?P<base>.+?)_(?P<code>[a-z]{3}(?:_[A-Z][a-z]{3})?)(?P<how>_(?:mcf|cf|hybrid))?(?P<rest>:.+)?")
_GENERATED = frozenset({
    "acva", "afri_mgsm", "arcd", "chegeka", "chinese_squad", "cmath", "cmrc2018", "community_boolq", "community_triviaqa",
    "dengue_filipino", "faquad", "fquadv2", "germanquad", "indicqa", "kenswquad", "mgsm", "mintaka", "mkqa", "mlqa", "sber_squad", "squad",
    "thaiqa", "tico19", "tquadv2", "tydiqa", "xquad",
})  # fmt: skip
_PAIR = re.compile(r"(flores200):([a-z]{3}_[A-Z][a-z]{3})-([a-z]{3}_[A-Z][a-z]{3})")
_CALLED = {"hti": "ht"}  # Haitian in utils/language.py; hti is Hoti
# Ends of names that are no languages: Kyrgyz is not Kongo (kg), lener_br is in Portuguese, and AAE is African American English.
_WORDS = re.compile(r"lextreme:.*|twitterAAE:.*")
_KYRGYZ = re.compile(r"(kyrgyz_evals:.+?)(_kg)?")


def recognises(path: Path, head: bytes) -> bool:
    return b'"config_general"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    content = mapping(read_json(path), str(path))
    general = mapping(content["config_general"], f"{path}: config_general")
    if general.get("max_samples") is not None:
        raise DataError(f"{path}: was run with max_samples {general['max_samples']}: scores over a part of the examples")
    given = general.get("model_config")
    config = given if isinstance(given, dict) else {}
    model, how = general.get("model_name") or config.get("model_name"), _conditions(config)
    version = str(general.get("lighteval_sha") or "unknown")
    tasks = mapping(content.get("config_tasks") or {}, f"{path}: config_tasks")
    for key, metrics in mapping(content["results"], f"{path}: results").items():
        parts = [part for part in key.split("|") if part]
        shots = parts.pop() if len(parts) > 1 and parts[-1].isdecimal() else None
        if parts[-1] == "all" or parts[-1].endswith("_average"):
            continue
        target, language = _split(parts[-1])
        task = tasks.get(key) or tasks.get(key.rpartition("|")[0]) or {}
        better = _directions(task)
        splits = task.get("evaluation_splits") or ()
        split = "dev" if splits and all(map(is_development, splits)) else None
        for metric, value in mapping(metrics, f"{path}: {key}").items():
            if metric.endswith("_stderr"):
                continue
            row = {
                "at": f"results.{key}.{metric}",
                "model": model,
                "model_revision": general.get("model_sha"),
                "target": f"lighteval/{target}",
                "language": language,
                "split": split,
                "metric": _METRICS.get(metric, metric),
                "dataset_revision": f"task version {content['versions'][key]}" if key in content.get("versions", {}) else None,
                "recipe": ({"num_fewshot": int(shots)} if shots else {}) | how or None,
                "source_version": version,
                "stack": f"lighteval {version[:12]}",
                "value": value,
                "unit": _unit(metric, task, options),
                "lower_is_better": not better.get(metric, metric not in LESS),
            }
            stderr = number(metrics.get(f"{metric}_stderr"))
            yield row | ({"stderr": stderr, "stderr_kind": "lighteval over examples"} if stderr is not None else {})


def _conditions(config: dict[str, Any]) -> dict[str, Any]:
    """What of the prompts, the generation and the precision a model's configuration sets, but what is a default everywhere.

    That is a temperature of 0 (models/model_input.py), and `auto`, the model's own precision, which is null elsewhere.
    """
    found = dict(config.get("generation_parameters") or {})
    found |= {key: config.get(key) for key in ("system_prompt", "override_chat_template", "dtype", "quantization", "kv_cache_dtype")}
    found["model_loading_kwargs"] = load("lm-eval").conditions(config.get("model_loading_kwargs") or {})
    return {key: value for key, value in found.items() if value not in (None, "", "auto", {}) and (key, value) != ("temperature", 0)}


def _split(task: str) -> tuple[str, str | None]:
    """Task and language of `xnli_fra_mcf` (xnli_mcf in French), `afri_mmlu_swa_cf:law`, `flores200:deu_Latn-eng_Latn`, `xcopa:sw`."""
    if match := _PAIR.fullmatch(task):
        target, *pair = match.groups()
        return target, "/".join(code.replace("_", "-") for code in pair)
    if match := _KYRGYZ.fullmatch(task):
        return match[1].replace(":", "_"), "ky"
    if _WORDS.fullmatch(task):
        return task.replace(":", "_"), None
    match = _LANGUAGE.fullmatch(task)
    if match and (match["how"] or match["base"] in _GENERATED):
        code = _CALLED.get(match["code"], match["code"]).replace("_", "-")
        if known(code):
            return f"{match['base']}{match['how'] or ''}{match['rest'] or ''}".replace(":", "_"), code
    found: tuple[str, str | None] = load("lm-eval").split_name(task.replace(":", "_"))
    return found


def _unit(metric: str, config: dict[str, Any], options: Options) -> str | None:
    """Percent of sacrebleu, and of the bootstrapped ROUGE of four kinds at once; a single one is a fraction (metrics/metrics.py)."""
    name = metric.partition(":")[0]
    if name in ("bleu", "chrf", "chrf++"):
        return "percent"
    if not name.startswith("rouge"):
        return None
    for listed in config.get("metrics") or config.get("metric") or ():
        names = listed.get("metric_name") if isinstance(listed, dict) else None
        if name == names or (isinstance(names, list) and name in names):
            return "fraction" if name == names else "percent"
    return unit_said(options)


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
