"""Hugging Face model cards: the model-index in the YAML head of a README.md.

XTREME's configurations (PAN-X.de, udpos.German, …) are its tasks; other data sets keep the name hf/DATASET. Which language a model was
trained in, the index does not say; nor, often, on which split it was tested. A value over 1 is percent. One up to 1 beside others over 1
may be either, and is refused; but all that MTEB writes into a card is percent.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import LESS, Options, Row, hub_split, load, number, parse_yaml, read_text
from xbench.languages import known, named, normal

SUFFIXES = (".md",)
EXAMPLE = "org__model/README.md"
UNSAID = {
    "intermediate": "unknown", "train_language": "unknown", "source": "Hugging Face model card", "relationship": "first party",
    "split": "not said; --set split=test, or dev, says it",  # as such it is refused: automatic cards have the scores of development data
}  # fmt: skip
_TARGETS = {"PAN-X": "panx", "udpos": "udpos", "XNLI": "xnli", "PAWS-X": "pawsx", "XQuAD": "xquad", "MLQA": "mlqa", "tydiqa": "tydiqa",
            "bucc18": "bucc2018", "tatoeba": "tatoeba"}  # fmt: skip
# Data sets whose configurations are languages, of three letters too; elsewhere wic, nli or sts is a task, not Wichita, Grangali or Ssi.
_BY_LANGUAGE = re.compile(r"common_voice|masakha|afrisenti|afrixnli|americas_nli|nusax|wikiann", re.IGNORECASE)
_PLACE = re.compile(r"[a-z]{2,3}([-_]([A-Za-z]{2}|[A-Za-z]{4}|\d{3}))+")  # of fleurs: pt_br is Portuguese in Brazil, not Breton
_PAIRED = re.compile(r"^mteb/|bucc|tatoeba", re.IGNORECASE)  # data sets whose configurations may be two languages
_PAIR = re.compile(r"([a-z]{2}|[a-z]{3}|[a-z]{3}_[A-Z][a-z]{3})-([a-z]{2}|[a-z]{3}|[a-z]{3}_[A-Z][a-z]{3})")
_LENGTHS = frozenset({"gen_len"})  # in tokens, of what transformers generated
_NO_SHARES = LESS | _LENGTHS
_UNSURE = "fraction or percent: --set unit says which"
_SPREAD = re.compile(r"\s*([-+.\deE]+)\s*+%?\s*+(?:±|\+-|\+/-)\s*([.\d]+)\s*+%?\s*")


def recognises(path: Path, head: bytes) -> bool:
    if not head.startswith((b"---\n", b"---\r\n")):
        return False
    if b"model-index:" in head:
        return True
    with path.open("rb") as handle:  # a long list of languages may go before it
        return b"\nmodel-index:" in handle.read(1 << 20).split(b"\n---", 1)[0]


def read(path: Path, options: Options) -> Iterator[Row]:
    content = parse_yaml(re.split(r"\r?\n---", read_text(path), maxsplit=1)[0].removeprefix("---"), str(path))
    said = content.get("language") or []
    spoken = {normal(code) for code in ([said] if isinstance(said, str) else said) if isinstance(code, str) and known(code)}
    results = [
        (f"model-index[{index}].results[{place}]", model["name"], result)
        for index, model in enumerate(content["model-index"])
        for place, result in enumerate(model["results"])
    ]
    percent = _percent([result for _, _, result in results])
    for at, model, result in results:
        data = result["dataset"]
        target, language = _task(data, spoken, options)
        for metric in result["metrics"]:
            name = _name(metric)
            yield {
                "at": f"{at}.{metric['type']}",
                "model": model,
                "target": target,
                "language": language,
                "split": hub_split(data.get("split"), options),
                "dataset_revision": data.get("revision"),
                "recipe": _shots(data),
                "metric": name,
                "lower_is_better": name in LESS,
                "relationship": "third party" if metric.get("verified") is True else "first party",
                **value(metric["value"]),
                **_unit(metric, result, percent, options),
            }


def _name(metric: dict[str, Any]) -> str:
    return str(metric["type"]).lower().replace(" ", "_")


def _shots(data: dict[str, Any]) -> dict[str, Any] | None:
    """How many examples were shown: args are a configuration, or the settings of the Open LLM Leaderboard."""
    args = data.get("args")
    return {"num_few_shot": args["num_few_shot"]} if isinstance(args, dict) and args.get("num_few_shot") is not None else None


def _of_mteb(result: dict[str, Any]) -> bool:
    data = result["dataset"]
    return str(data["type"]).startswith("mteb/") or str(data.get("name")).startswith("MTEB ")


def _large(result: dict[str, Any]) -> set[str]:
    """The metrics of a result whose numbers are over 1, and so percent."""
    given = [(_name(metric), value(metric["value"])["value"]) for metric in result["metrics"]]
    return {name for name, score in given if name not in _NO_SHARES and isinstance(score, float) and abs(score) > 1}


def _percent(results: list[dict[str, Any]]) -> set[str]:
    """The metrics that are percent somewhere in a card; and MTEB, if it wrote such."""
    return {"MTEB" if _of_mteb(result) else name for result in results for name in _large(result)}


def _unit(metric: dict[str, Any], result: dict[str, Any], percent: set[str], options: Options) -> Row:
    """The unit of a number up to 1, by what stands beside it: in its result, or under its metric in another; of one over 1 it is known."""
    name = _name(metric)
    if name in _LENGTHS:
        return {"unit": "a length"}
    if _of_mteb(result) and "MTEB" in percent:
        return {"unit": "percent"}
    return unit(value(metric["value"]), name not in LESS and (bool(_large(result)) or name in percent), options)


def unit(score: Row, beside: bool, options: Options) -> Row:
    """The unit of a number up to 1, where it may be either if there are numbers over 1 beside it; of one over 1 it is known."""
    if score.get("unit") != "fraction" or score["value"] == 0:
        return {}
    if "unit" in options.settings:
        return {"unit": None}
    return {"unit": _UNSURE} if beside else {}


def value(given: Any) -> Row:
    """A number, or the text of one with its spread."""
    match = _SPREAD.fullmatch(given) if isinstance(given, str) else None
    score = number(match.group(1)) if match else number(given)
    if score is None:
        return {"value": given}
    row: Row = {"value": score, "unit": "percent" if abs(score) > 1 else "fraction"}
    return row | ({"stderr": match.group(2), "stderr_kind": "unknown spread"} if match else {})


def _task(data: dict[str, Any], spoken: set[str], options: Options) -> tuple[str, str | None]:
    """The task of a data set and its configuration, and the language; `spoken` are those that the card gives the model."""
    config, name = str(data.get("config") or data.get("args") or ""), str(data["type"])
    base, _, rest = config.partition(".")
    if name.endswith("xtreme") and base in _TARGETS:
        pair = rest.replace(".", "/")  # MLQA: context and question
        return _TARGETS[base], pair if known(pair) else _named(rest)
    if name.endswith("universal_dependencies"):  # cs_pdt: a treebank, not Plautdietsch
        code = config.partition("_")[0]
        return f"hf/{name}", code if known(code) else None
    if two := _PAIR.fullmatch(config):
        first, second = (part.replace("_", "-") for part in two.groups())
        if len(first) == len(second) and known(first) and known(second):
            if _PAIRED.search(name):
                return f"hf/{name}", f"{first}/{second}"
            if len(first) == 2 and not known(config):  # refused as it stands, if the user does not say which pair it is
                return f"hf/{name}", None if "/" in options.settings.get("language", "") else config
    if called := load("lm-eval").CALLED.get(config):
        return f"hf/{name}", called
    code = config if _PLACE.fullmatch(config) else re.split(r"[._/]", config)[-1]
    sure = len(code) != 3 or _BY_LANGUAGE.search(name)
    return f"hf/{name}", code if known(code) and (sure or normal(code) in spoken) else None


def _named(text: str) -> str | None:
    try:
        return named(text)
    except LookupError:
        return None
