"""Hugging Face model cards: the model-index in the YAML head of a README.md.

XTREME's configurations (PAN-X.de, udpos.German, …) are its tasks; other data sets keep the name hf/DATASET. Which language a model was
trained in, the index does not say. A value over 1 is taken for percent.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import LESS, Options, Row, number, read_text
from xbench.errors import DataError
from xbench.languages import known, normal

SUFFIXES = (".md",)
EXAMPLE = "org__model/README.md"
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "Hugging Face model card", "relationship": "first party"}
_TARGETS = {"PAN-X": "panx", "udpos": "udpos", "XNLI": "xnli", "PAWS-X": "pawsx", "XQuAD": "xquad", "MLQA": "mlqa", "tydiqa": "tydiqa",
            "bucc18": "bucc2018", "tatoeba": "tatoeba"}  # fmt: skip
# Data sets whose configurations are languages, of three letters too; elsewhere wic, nli or sts is a task, not Wichita, Grangali or Ssi.
_BY_LANGUAGE = re.compile(r"common_voice|masakha|afrisenti|afrixnli|americas_nli|nusax|wikiann", re.IGNORECASE)
_PLACE = re.compile(r"[a-z]{2,3}([-_]([A-Za-z]{2}|[A-Za-z]{4}|\d{3}))+")  # of fleurs: pt_br is Portuguese in Brazil, not Breton
_SPREAD = re.compile(r"\s*([-+.\deE]+)\s*%?\s*(?:±|\+-|\+/-)\s*([.\d]+)\s*%?\s*")


def recognises(path: Path, head: bytes) -> bool:
    if not head.startswith((b"---\n", b"---\r\n")):
        return False
    if b"model-index:" in head:
        return True
    with path.open("rb") as handle:  # a long list of languages may go before it
        return b"\nmodel-index:" in handle.read(1 << 20).split(b"\n---", 1)[0]


def read(path: Path, options: Options) -> Iterator[Row]:
    import yaml

    try:
        content = yaml.safe_load(re.split(r"\r?\n---", read_text(path), maxsplit=1)[0].removeprefix("---"))
    except yaml.YAMLError as error:
        raise DataError(f"{path}: its head is not YAML: {str(error).splitlines()[0]}") from error
    said = content.get("language") or []
    spoken = {normal(code) for code in ([said] if isinstance(said, str) else said) if isinstance(code, str) and known(code)}
    for index, model in enumerate(content["model-index"]):
        for place, result in enumerate(model["results"]):
            data = result["dataset"]
            target, language = _task(data, spoken)
            for metric in result["metrics"]:
                name = str(metric["type"]).lower().replace(" ", "_")
                yield {
                    "at": f"model-index[{index}].results[{place}].{metric['type']}",
                    "model": model["name"],
                    "target": target,
                    "language": language,
                    "split": data.get("split"),
                    "dataset_revision": data.get("revision"),
                    "metric": name,
                    "lower_is_better": name in LESS,
                    "relationship": "third party" if metric.get("verified") is True else "first party",
                    **value(metric["value"]),
                }


def value(given: Any) -> Row:
    """A number, or the text of one with its spread."""
    match = _SPREAD.fullmatch(given) if isinstance(given, str) else None
    score = number(match.group(1)) if match else number(given)
    if score is None:
        return {"value": given}
    row: Row = {"value": score, "unit": "percent" if score > 1 else "fraction"}
    return row | ({"stderr": match.group(2), "stderr_kind": "unknown spread"} if match else {})


def _task(data: dict[str, Any], spoken: set[str]) -> tuple[str, str | None]:
    """The task of a data set and its configuration, and the language; `spoken` are those that the card gives the model."""
    config, name = str(data.get("config") or data.get("args") or ""), str(data["type"])
    base, _, rest = config.partition(".")
    if name.endswith("xtreme") and base in _TARGETS:
        pair = rest.replace(".", "/")  # MLQA: context and question
        return _TARGETS[base], pair if known(pair) else _named(rest)
    if name.endswith("universal_dependencies"):  # cs_pdt: a treebank, not Plautdietsch
        code = config.partition("_")[0]
        return f"hf/{name}", code if known(code) else None
    code = config if _PLACE.fullmatch(config) else re.split(r"[._/]", config)[-1]
    sure = len(code) != 3 or _BY_LANGUAGE.search(name)
    return f"hf/{name}", code if known(code) and (sure or normal(code) in spoken) else None


def _named(text: str) -> str | None:
    import langcodes

    try:
        return langcodes.find(text).to_tag()
    except LookupError:
        return None
