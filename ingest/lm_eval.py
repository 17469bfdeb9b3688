"""lm-evaluation-harness: results_TIME.json, with the examples of samples_TASK_TIME.jsonl where they lie beside it.

A task keeps the name lm-eval/TASK: a prompted model is not a fine-tuned one. Its language is the end of its name, in some data sets the
middle, or that of the data set; that of a group is `mul` where its tasks have several. BLEU and its like are in percent, or refused where
it is not sure how they were made. Runs over a part of the examples (--limit) are refused.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import adapter
from xbench.adapter import LESS, Note, Options, Row, is_development, mapping, number, read_json, read_lines, tail, unit_said
from xbench.errors import DataError
from xbench.languages import known, locale, named, normal

SUFFIXES = (".json",)
EXAMPLE = "results/org__model/results_2026-01-21T03-44-18.458309.json"
COMPANIONS = ("samples_*.jsonl",)
UNSAID = {"intermediate": "unknown", "train_language": "none", "source": "lm-evaluation-harness"}
_METRICS = {"acc": "accuracy"}
# What of a prompt two runs of one model may differ in, beside the number of examples.
_PROMPT = ("chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn")
# Of --model_args (lm_eval/models at 4e7e0d4; inspect_ai/model/_providers at 499e615) what names the model, addresses and keys, and how
# the work is spread and requests are made, which changes no score.
_NO_CONDITIONS = re.compile(
    r"pretrained|model|model_id|deployment_id|peft|delta|path|engine|load|revision|subfolder|ckpt_step"
    r"|(.*_)?(url|headers?|timeout|verify_certificate|ca_cert_path|trust_remote_code)|((auth|access|hf)_)?token|.*(key|secret|credential).*"
    r"|.*(batch|device|parallel|memory|mem_|offload|concurrent|retries|num_nodes|swap_space).*|tokenized_requests|[td]p_.*"
    r"|(use|logits)_cache|enable_prefix_caching|use_accelerate|(cache|download)_dir"
    r"|host|port|location|(.*_)?project(_id)?|(aws_)?region(_name)?|scopes|use_adc|http_client|stream(ing)?|retry_delay|disable_retry"
    r"|service_tier|background|cache_ttl|max_connections"
)
_AGREE = 1e-6
# What stands after the results of a file that has not the name of one: of the harness before 0.4, and since.
_LATER = re.compile(rb'"(num_fewshot|model_args|upper_git_hash|model_name_sanitized)"\s*:')
# The scale of a metric, by "TASK METRIC AGGREGATION" (lm_eval/api/metrics.py and lm_eval/tasks at 4e7e0d4). sacrebleu gives percent, as do
# squad_v2 and the metrics of TruthfulQA; but chrF was a fraction before sacrebleu 2, which files before lm-eval 0.4 may be of.
_PERCENT = re.compile(
    r"\S+ (bleu|chrf|ter) \1|\S+ bleu old|\S+ (bleu|rouge[12L])_(max|diff|avg) .*|\S+ smoothed_bleu_4 .*"
    r"|(squad_?v?2|scrolls_\w+(?= em )) .*|\S*eq_?bench\S* (eqbench|percent_parseable) .*",
    re.DOTALL,
)
_FRACTION = re.compile(
    r"\S+ (acc|acc_\w+|\w+_acc|exact_match) .*|\S+ rouge\w+ .*\brouge\w+_agg\b.*"  # those use evaluate's ROUGE
    r"|(cnn_dailymail|evalita|longbench|careqa|med|meqsum|mimic|mts_dialog|olaph)\S* (bleu|rouge\w+) (mean|nanmean)"
    r"|ru_(entity|relation)_definition chrf mean",
    re.DOTALL,
)
_EITHER = re.compile(r"\S+ \w*(bleu(?!rt)|chrf|rouge|meteor).*|scrolls_.*", re.DOTALL)
# Data sets whose configurations are languages, some of three letters.
_BY_LANGUAGE = re.compile(r"masakhane/(?!ntrex).*|Davlan/(NaijaRC|nollysenti)|jumelet/multiblimp|keramjan/ulut|(CohereForAI/Global-MMLU)")
# xwinograd_jp, INCLUDE's, and those of csebuetnlp/xlsum that go by no name of theirs, or by one with a script.
CALLED = {
    "jp": "ja", "north_macedonian": "mk", "pidgin": "pcm", "scottish_gaelic": "gd", "chinese_simplified": "zh-Hans",
    "chinese_traditional": "zh-Hant", "serbian_cyrillic": "sr-Cyrl", "serbian_latin": "sr-Latn",
}  # fmt: skip
# Tasks that end in a word, not in a language (lm_eval/tasks at 4e7e0d4; the last is EuroEval's). flores_ca is into Catalan and out of it.
_WORDS = re.compile(
    r".*lsat_ar|polemo2_in|pisa_ch|.*_yes_no|.*blimp_.*|flan_held_in|evalita-mp_(sa|te)|csatqa_li|\w+mmlu_(management|philosophy)_ar|flores_.."
    r"|life_in_the_uk"
)
_SUFFIX = re.compile(r"(?P<base>.+?)_(?P<code>[a-z]{2}|[a-z]{3}_[A-Z][a-z]{3})(?:[_-](?P<second>[a-z]{2}))?")
# Data sets of two languages, of a question and its context or of a translation, also where the second might be a region (en_et: Ethiopia).
_PAIRED = re.compile(r"mlqa(_.*)?|.*(europarl|flores|iwslt|mtnt|ntrex|opus|tatoeba|wmt).*|(.*_)?(phrases|ted|translation)(_.*)?")
# Tasks with the language in the middle: as a locale (ES_LA is Latin America's Spanish), by its name, and with a script.
_MIDDLE = (
    re.compile(r"(mmmlu)_([a-z]{2})_[a-z]{2}(_.+|)"),
    re.compile(r"(include_base_44)_(north_macedonian|[a-z]{4,})(_.+|)"),
    re.compile(r"(xlsum)_([a-z]{4,}(?:_[a-z]{4,})?)(_prompt_\d|)"),
    re.compile(r"(global_piqa_[a-z]+_[a-z]+)_([a-z]{3}_[a-z]{4})(_.+|)"),
)


def recognises(path: Path, head: bytes) -> bool:
    if b'"results"' not in head or b'"config_general"' in head:
        return False
    return path.name.startswith("results") or (re.match(rb'\s*\{\s*"results"\s*:', head) is not None and bool(_LATER.search(tail(path))))


def read(path: Path, options: Options) -> Iterator[Row | Note]:
    content = mapping(read_json(path), str(path))
    config = content.get("config") or {}
    if config.get("limit") is not None:
        raise DataError(f"{path}: was run with --limit {config['limit']}: scores over a part of the examples")
    given = _arguments(config.get("model_args"))
    version = str(content.get("lm_eval_version") or content.get("git_hash") or "unknown")
    said = {
        "model": _model(content, given),
        "model_revision": revision(config, given),
        "parameters": config.get("model_num_parameters"),
        "source_version": version,
        "stack": f"lm-eval {version}",
    }
    conditions = {key: content[key] for key in _PROMPT if content.get(key)} | _conditions(config, given)
    configs = content.get("configs") or {}
    groups = {name: parts for name, parts in (content.get("group_subtasks") or {}).items() if parts}
    shown = content.get("n-shot") or _listed_shots(content, config)
    for task, metrics in _results(content["results"], path).items():
        samples = content.get("n-samples", {}).get(task, {})
        if samples.get("effective") != samples.get("original"):
            raise DataError(f"{path}: {task} was run on {samples['effective']} of {samples['original']} examples")
        target, language = _split(task, configs)
        means = _means(task, groups, configs) if task in groups and language is None else {}
        parts = (_parts(task, groups) if task in groups else None) or {task}
        ways: dict[str, set[str]] = {}
        for name in metrics:
            ways.setdefault(name.partition(",")[0], set()).add(name.partition(",")[2] or "none")
        beside = path.with_name(path.name.replace("results", f"samples_{task}", 1)).with_suffix(".jsonl")
        found = _samples(beside, ways) if path.name.startswith("results") and beside.is_file() else None
        joined = False
        shots = _shots(task, parts, shown, config)
        split = "dev" if all(_on_development_data(configs.get(part) or {}) for part in parts) else None
        for name, value in metrics.items():
            metric, _, way = name.partition(",")
            if metric.strip() in ("", "alias", "sample_len", "name") or metric.endswith("_stderr"):  # "" is a group without a mean
                continue
            row = {
                **said,
                "at": f"results.{task}.{name}",
                "target": f"lm-eval/{target}",
                "language": language,
                "split": split,
                "metric": _METRICS.get(metric, metric),
                "scorer": f"lm-eval {way or 'none'}",
                "dataset_revision": f"task version {content['versions'][task]}" if task in content.get("versions", {}) else None,
                "recipe": ({"num_fewshot": shots} if shots is not None else {}) | conditions or None,
                "seed": config.get("fewshot_seed") if shots else None,  # without examples it chooses nothing
                "value": value,
                "n": samples.get("effective"),
                **means,
                "unit": _unit(parts, metric, configs, options),
                "lower_is_better": metric in LESS or content.get("higher_is_better", {}).get(task, {}).get(metric) is False,
            }
            stderr = number(metrics.get(f"{metric}_stderr,{way}" if way else f"{metric}_stderr"))
            if stderr is not None:
                row |= {"stderr": stderr, "stderr_kind": "lm-eval over examples"}
            table = _outcomes((found or {}).get((metric, way or "none")), number(value), row["unit"], samples.get("effective"))
            if table is not None:
                row["outcomes"], joined = table, True
            yield row
        if found is not None and not joined:
            kept = "its scores are stored without them"
            yield Note(f"the examples in {beside.name} make none of the printed scores of {task}: {kept}")


def _results(given: Any, path: Path) -> dict[str, Any]:
    """The scores by task.

    Raises:
        DataError: If they are a list, as of BigScience's fork: an entry a task, prompt and metric.
    """
    if isinstance(given, list) and any(isinstance(one, dict) and "prompt_name" in one for one in given):
        raise DataError(f"{path}: results are a list of tasks and prompts, as BigScience's fork of the harness writes them: not read")
    return mapping(given, f"{path}: results")


def _arguments(given: Any) -> dict[str, Any]:
    """--model_args or --gen_kwargs, which files have as a text or as an object."""
    return given if isinstance(given, dict) else dict(re.findall(r"\b(\w++)=([^,]+)", str(given or "")))


def conditions(given: dict[str, Any]) -> dict[str, Any]:
    """What of the arguments that a model was loaded with two runs of it may differ in."""
    return {key: value for key, value in given.items() if value is not None and not _NO_CONDITIONS.fullmatch(key)}


def _conditions(config: dict[str, Any], given: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What of --model_args and --gen_kwargs two runs of one model may differ in, as texts."""
    # gpt-neox, which alone gives the iteration, has all settings of the training there.
    asked = {} if "iteration" in given else conditions(given)
    both = {"model_args": asked, "gen_kwargs": _arguments(config.get("gen_kwargs"))}
    said = {name: {key: str(value) for key, value in values.items() if value is not None} for name, values in both.items()}
    return {name: values for name, values in said.items() if values}


def _shots(task: str, parts: set[str], shots: dict[str, Any], config: dict[str, Any]) -> Any:
    """How many examples a prompt has; of a group that does not say it, as its tasks do, a list where they differ."""
    said = sorted({shots[one] for one in ({task} if task in shots else parts) if shots.get(one) is not None})
    return said[0] if len(said) == 1 else said or config.get("num_fewshot")


def _listed_shots(content: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The shots of each task where num_fewshot is a list, as in Stability AI's fork: in the order of `versions`, not of `results`.

    There tasks of one kind of request stand together (lm_eval/evaluator.py at effdbea).
    """
    listed, versions = config.get("num_fewshot"), content.get("versions") or {}
    return dict(zip(versions, listed, strict=True)) if isinstance(listed, list) and len(listed) == len(versions) else {}


def _on_development_data(config: dict[str, Any]) -> bool:
    """Whether a task is tested on development data: where it has no test split, the harness takes the other (lm_eval/api/task.py)."""
    return is_development(config.get("test_split") or config.get("validation_split"))


def revision(config: dict[str, Any], given: dict[str, Any]) -> str | None:
    """The commit if a file says it, or what was asked for; with a checkpoint in a folder of its own, or of gpt-neox.

    Where the arguments ask for one, `model_revision` may still be the default, main.
    """
    said = config.get("model_sha") or given.get("revision") or config.get("model_revision")
    if said is None and given.get("iteration") is not None:
        return f"iteration {given['iteration']}"
    folder = given.get("subfolder")
    return f"{said or 'unknown'}/{folder}" if folder else said


def _unit(tasks: Iterable[str], metric: str, configs: dict[str, Any], options: Options) -> str | None:
    """The unit of a metric of a task, or of those that a group is a mean over; None: a fraction, unless the user says otherwise."""
    found = set()
    for task in tasks:
        listed = configs.get(task, {}).get("metric_list") or ()
        entry = next((one for one in listed if re.search(rf"\b{re.escape(metric)}\b", str(one.get("metric")))), None)
        how = "old" if not configs else "unknown" if entry is None else entry.get("aggregation", metric)
        said = f"{task} {metric} {how}"
        open_ = unit_said(options) if _EITHER.fullmatch(said) else None
        found.add("percent" if _PERCENT.fullmatch(said) else "fraction" if _FRACTION.fullmatch(said) else open_)
    return found.pop() if len(found) == 1 else unit_said(options)


def _model(content: dict[str, Any], given: dict[str, Any]) -> str | None:
    if content.get("model_name"):
        return str(content["model_name"])
    # In the order of lm_eval/loggers/evaluation_tracker.py: an adapter or a difference goes before the model that it was put on.
    return next((str(given[key]) for key in ("peft", "delta", "pretrained", "model", "path", "engine") if given.get(key)), None)


def _means(group: str, groups: dict[str, list[str]], configs: dict[str, Any]) -> Row:
    """`mul` for a group over several languages, and which, if all its tasks say theirs."""
    said = {_split(task, configs)[1] for task in _parts(group, groups)}
    codes = sorted(code for code in said if code is not None)
    return {"language": "mul", "language_set": "unknown" if None in said else codes} if len(codes) > 1 else {}


def _parts(group: str, groups: dict[str, list[str]]) -> set[str]:
    """The tasks of a group, and of the groups in it."""
    tasks, waiting = set[str](), [group]
    while waiting:
        name = waiting.pop()
        if name not in tasks:
            tasks.add(name)
            waiting += groups.get(name, [])
    return tasks - groups.keys()


def _split(task: str, configs: dict[str, Any]) -> tuple[str, str | None]:
    config = configs.get(task, {})
    return split_name(task, config.get("dataset_name"), config.get("dataset_path"))


def split_name(task: str, dataset: Any = None, path: Any = None) -> tuple[str, str | None]:
    """Task and language of `xnli_sw`, `belebele_arb_Arab`, `mlqa_ar_de`; where the name says none, that of the data set's configuration."""
    return _by_name(task) or _by_configuration(task, dataset, path)


def _by_name(task: str) -> tuple[str, str] | None:
    """What the name says.

    `mt` beside a language is machine translation, not Maltese: lambada_openai_mt_de is in German, xnli_eu_mt in Basque. Other two codes are
    two languages, and refused where they may be a locale (hi_in) of what is not known to be _PAIRED.
    """
    for pattern in _MIDDLE:
        if (match := pattern.fullmatch(task)) and (code := _code(match[2])):
            return match[1] + match[3], code
    match = None if _WORDS.fullmatch(task) else _SUFFIX.fullmatch(task)
    if not match or not (code := _code(match["code"])):
        return None
    base, second = match["base"], match["second"]
    if second is None:
        return base, code
    if second == "mt":
        return task, code
    if not known(second):
        return None
    if code == "mt":
        return f"{base}_mt", second
    return None if locale(code, second) and not _PAIRED.fullmatch(base) else (base, f"{code}/{second}")


def _by_configuration(task: str, dataset: Any, path: Any) -> tuple[str, str | None]:
    """What the configuration of a data set says.

    Three letters without a script are a language only where the configurations are languages, and what such tasks name in the middle is no
    part of theirs (`afrixnli_amh_prompt_1` is afrixnli_prompt_1): mmlu_pro is not in Old Provençal.
    """
    by_language = _BY_LANGUAGE.fullmatch(str(path))
    code = _code(dataset) if re.fullmatch(r"[a-z]{2}|[a-z]{3}_[A-Za-z][a-z]{3}" + "|[a-z]{3}" * bool(by_language), str(dataset)) else None
    if code and by_language and not by_language[2]:  # tasks of Global-MMLU keep the names under which they were always stored
        parts = task.split("_")
        if named_at := [place for place, part in enumerate(parts) if place and known(part) and normal(part) == normal(code)]:
            del parts[named_at[-1]]  # afrixnli_en_direct_eng: the prompt is English in every language
        task = "_".join(parts)
    return task, code


def _code(said: str) -> str | None:
    """The code of `jp`, `acm_arab` or `kazakh`."""
    code = CALLED.get(said, said).replace("_", "-")
    if known(code):
        return code
    try:
        return named(code) if code.isalpha() and len(code) > 3 else None
    except LookupError:
        return None


_Values = list[tuple[str, str, float]]  # of a metric: the example, its document and its value, in the metric's own unit


def _samples(path: Path, ways: dict[str, set[str]]) -> dict[tuple[str, str], _Values]:
    """The examples by metric and filter. Their hash is the same for every model; a document that is there twice is counted on.

    The hash of a translation is another one, but its number in a parallel data set is that of the original: they are one cluster.

    Args:
        path: A line an example; its values stand beside the rest under the names of the metrics, which newer files list.
        ways: The filters under which each metric is printed. Where it is one, the lines of older files, which name none, are of that.
    """
    values: dict[tuple[str, str], _Values] = {}
    seen: dict[tuple[str, str], int] = {}
    for _, line in read_lines(path):
        way, document = str(line.get("filter", "")), str(line.get("doc_hash") or line["doc_id"])
        count = seen[way, document] = seen.get((way, document), 0) + 1
        for metric in ways.keys() & line.keys():
            value = number(line.get(metric) if not isinstance(line.get(metric), bool) else int(line[metric]))
            of = way or (next(iter(ways[metric])) if len(ways[metric]) == 1 else "")
            if value is not None and of:
                example = document if count == 1 else f"{document}#{count}"
                values.setdefault((metric, of), []).append((example, str(line.get("doc_id", document)), value))
    return values


def _outcomes(found: _Values | None, shown: float | None, unit: str | None, whole: int | None) -> pa.Table | None:
    """The examples of a score if they are as many as it is over, and it is their mean; of some metrics it is not."""
    scale = 100 if unit == "percent" else 1
    if not found or shown is None or (whole is not None and len(found) != whole):
        return None
    examples, documents, values = zip(*found, strict=True)
    if not all(0 <= value <= scale * (1 + _AGREE) for value in values):  # sacrebleu's 100 may be 100 and a bit
        return None
    if abs(sum(values) / len(values) - shown) >= _AGREE * scale:
        return None
    return adapter.outcomes(examples, [min(value / scale, 1.0) for value in values], clusters=documents)
