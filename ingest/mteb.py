"""MTEB results: MODEL/REVISION/TASK.json in every shape since its first release; the main score of each subset.

A task keeps the name mteb/TASK: MTEB's XNLI is average precision over pairs, and its XQuAD and MLQA are retrieval. Model, revision and
experiment come from the path, parameters from model_meta.json beside the file.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from xbench.adapter import Block, Options, Row, mapping, number, read_json
from xbench.errors import DataError

SUFFIXES = (".json",)
EXAMPLE = "results/intfloat__multilingual-e5-small/fd1525a9/XNLI.json"
COMPANIONS = ("model_meta.json", "run_settings.jsonl")
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "mteb", "scorer": "mteb"}
# What a main score is, where the file gives it no name (mteb/tasks, metadata.main_score, of the tasks that share data with XTREME).
_MAIN = {
    "XNLI": "max_ap", "XNLIV2": "max_ap", "PawsXPairClassification": "max_ap", "Tatoeba": "f1", "BUCC": "f1", "BUCC.v2": "f1",
    "XQuADRetrieval": "ndcg_at_10", "MLQARetrieval": "ndcg_at_10", "BelebeleRetrieval": "ndcg_at_10",
}  # fmt: skip
# Otherwise the first of these that equals the main score in every subset.
_NAMES = (
    "accuracy",
    "f1",
    "max_ap",
    "similarity_ap",
    "cosine_ap",
    "ap",
    "ndcg_at_10",
    "map",
    "cosine_spearman",
    "spearman",
    "v_measure",
    "lrap",
)
# Where the files before 1.11 keep it (mteb/results/task_result.py, the conversion of old results).
_OLD = (("main_score",), ("cos_sim", "ap"), ("cos_sim", "spearman"), ("f1",), ("accuracy",), ("ndcg_at_10",), ("map",), ("v_measure",))
_OLD_MAIN = {
    "PawsXPairClassification": (("max", "ap"), ("cos_sim", "ap")), "XNLI": (("max", "ap"), ("cos_sim", "ap")),
    "MassiveIntentClassification": (("accuracy",),), "MassiveScenarioClassification": (("accuracy",),),
    "AmazonReviewsClassification": (("accuracy",),),
}  # fmt: skip
_ABOUT = ("evaluation_time", "dataset_revision", "mteb_version", "mteb_dataset_name", "dataset_version", "kg_co2_emissions")
_LANGUAGE = re.compile(r"default|[a-z]{2,3}([_-][A-Za-z]{2,4}){0,5}")


def recognises(path: Path, head: bytes) -> bool:
    return head.lstrip()[:1] == b"{" and (b'"mteb_version"' in head or b'"mteb_dataset_name"' in head)


def read(path: Path, options: Options) -> Iterator[Block]:
    content = mapping(read_json(path), str(path))
    said = _of_path(path)
    version = str(content.get("mteb_version") or "unknown")
    task = content.get("task_name") or content.get("mteb_dataset_name")
    if not isinstance(task, str) or not task:
        raise DataError(f"{path}: no task_name")
    said |= {
        "dataset_revision": content.get("dataset_revision"),
        "source_version": version,
        "stack": f"mteb {version}" if version != "unknown" else "mteb",
    }
    found = list(_new(content, path) if "scores" in content else _old(content, task, path))
    name = _MAIN.get(task) or next(
        (n for n in _NAMES if found and all(n in scores and scores[n] == scores["main_score"] for *_, scores in found)), "main_score"
    )
    said["metric"] = name
    plain = f"mteb/{task}"
    targets = [plain if _is_language(subset) else f"{plain}:{subset}" for _, _, subset, *_ in found]
    for (target, split), rows in groupby(zip(targets, found, strict=True), lambda row: (row[0], row[1][1])):
        block = [row for _, row in rows]
        languages = [_language(*codes) for *_, codes, _ in block]
        yield Block(
            {**said, "target": target, **_split(split, said["dataset_revision"])},
            {
                "at": [at for at, *_ in block],
                "value": [scores.get("main_score") for *_, scores in block],
                "language": [code for code, _ in languages],
                "language_set": [several for _, several in languages],
            },
        )


def _of_path(path: Path) -> Row:
    """Model and revision stand in the path: MODEL/REVISION/TASK.json, or MODEL/REVISION/experiments/HOW/TASK.json."""
    return _of_folder(path.parent).copy()


@lru_cache(maxsize=256)
def _of_folder(folder: Path) -> Row:
    how = None
    if len(folder.parts) > 3 and folder.parent.name == "experiments":
        how, folder = folder.name, folder.parent.parent
    if "__" not in folder.parent.name:
        return {}
    row: Row = {"model": folder.parent.name.replace("__", "/", 1), "model_revision": folder.name, **_meta(folder)}
    return row if how is None else {**row, "recipe": {"experiment": how}}


def _meta(folder: Path) -> Row:
    path = folder / "model_meta.json"
    if not path.is_file():
        return {}
    count = mapping(read_json(path), str(path)).get("n_parameters")
    return {"parameters": int(count)} if isinstance(count, int | float) and count > 0 else {}


_Found = tuple[str, str, str, tuple[str, ...], dict[str, Any]]


def _new(content: dict[str, Any], path: Path) -> Iterator[_Found]:
    """Since 1.11: scores.SPLIT is a list of subsets."""
    for split, subsets in mapping(content["scores"], f"{path}: scores").items():
        for index, scores in enumerate(subsets):
            languages = tuple(map(str, scores.get("languages") or ()))
            yield f"scores.{split}[{index}]", split, str(scores.get("hf_subset", "default")), languages, scores


def _old(content: dict[str, Any], task: str, path: Path) -> Iterator[_Found]:
    """Before: splits at the top, under them subsets named by language, or the metrics themselves."""
    splits = {key: value for key, value in content.items() if key not in _ABOUT and isinstance(value, dict)}
    if not splits:
        raise DataError(f"{path}: neither scores nor splits")
    for split, inside in splits.items():
        subsets = {key: value for key, value in inside.items() if isinstance(value, dict) and not _is_metrics(key)}
        for subset, scores in subsets.items() or {"default": inside}.items():
            languages = re.split(r"[-_]", subset) if subset != "default" else []
            if len(languages) == 2 and languages[1].isupper():  # a region, zh-CN
                languages = [subset]
            yield f"{split}.{subset}", split, subset, tuple(languages), {**scores, "main_score": _old_main(scores, task)}


def _is_metrics(key: str) -> bool:
    return key in ("cos_sim", "dot", "euclidean", "manhattan", "max", "cosine", "similarity")


def _old_main(scores: dict[str, Any], task: str) -> float | None:
    for way in (*_OLD_MAIN.get(task, ()), *_OLD):
        value: Any = scores
        for key in way:
            value = value.get(key) if isinstance(value, dict) else None
        if number(value) is not None:
            return number(value)
    return None


def _split(name: str, revision: Any) -> Row:
    """MTEB also tests on splits called train, devtest, default, …: data of its own, which the revision then names."""
    if name in ("test", "dev", "validation", "val"):
        return {"split": name}
    return {"split": "test", "dataset_revision": f"{revision or 'unknown'}, split {name}"}


@lru_cache(maxsize=4096)
def _language(*codes: str) -> tuple[str | None, list[str] | None]:
    """One language, a pair of two, or the languages of a mean over more."""
    several = list(dict.fromkeys(codes))
    if len(several) <= 2:
        return "/".join(several) or None, None
    return "mul", several


@lru_cache(maxsize=4096)
def _is_language(subset: str) -> bool:
    return _LANGUAGE.fullmatch(subset) is not None
