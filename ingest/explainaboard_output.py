"""ExplainaBoard system outputs: the label or answer of every example, scored here.

A data set keeps the name explainaboard/DATASET: it is cut and tokenised in its own way. An example's id is a hash of its text, so that
systems are compared on the same examples whatever their order.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xbench import adapter
from xbench.adapter import Options, Row, mapping, read_json
from xbench.errors import DataError

SUFFIXES = (".json",)
EXAMPLE = "system_outputs/mt5base/xnli/test-de_7213.json"
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "ExplainaBoard system output"}
_INPUTS = ("text1", "text2", "text", "question", "context", "premise", "hypothesis", "sentence")


def recognises(path: Path, head: bytes) -> bool:
    return b'"user_defined_metadata_configs"' in head


def read(path: Path, options: Options) -> Iterator[Row]:
    from xbench.scorer import load_scorer

    content = mapping(read_json(path), str(path))
    about = mapping(content["user_defined_metadata_configs"], f"{path}: user_defined_metadata_configs")
    language = about.get("language") or about.get("target_language")
    examples = content["predictions"]
    ids = _ids(examples)
    if "predicted_answers" in examples[0]:
        rule = "squad"
        references = [json.dumps(_texts(e["answers"]), ensure_ascii=False) for e in examples]
        predictions = [(_texts(e["predicted_answers"]) or [""])[0] for e in examples]
    elif "predicted_label" in examples[0] and not isinstance(examples[0]["predicted_label"], list):
        rule = "accuracy"
        references, predictions = ([str(e[key]) for e in examples] for key in ("true_label", "predicted_label"))
    else:
        raise DataError(f"{path}: expected predicted_label or predicted_answers in each prediction")
    scorer = load_scorer(rule)
    said = {
        "model": about.get("system_name"),
        "target": f"explainaboard/{about['dataset_name']}",
        "language": language,
        "scorer": scorer.signature,
        "answers": adapter.answers(ids, ids, references, predictions),
    }
    for metric, (above, below) in scorer.score(references, predictions, str(language)).items():
        yield {**said, "at": metric, "metric": metric, "outcomes": adapter.outcomes(ids, above.tolist(), below.tolist())}


def _texts(answers: Any) -> list[str]:
    found = answers["text"] if isinstance(answers, dict) else answers
    return [found] if isinstance(found, str) else [str(text) for text in found]


def _ids(examples: Sequence[dict[str, Any]]) -> list[str]:
    """16 hex digits over the inputs of an example; equal ones are counted on."""
    counts: dict[str, int] = {}
    ids = []
    for example in examples:
        text = "\0".join(str(example[key]) for key in _INPUTS if key in example)
        name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        counts[name] = counts.get(name, 0) + 1
        ids.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
    return ids
