"""MTEB results: MODEL/REVISION/TASK.json in every shape since its first release; the main score of each subset.

A task keeps the name mteb/TASK: MTEB's XNLI is average precision over pairs, and its XQuAD and MLQA are retrieval. Model, revision and
experiment come from the path, parameters from model_meta.json beside the file.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from xbench.adapter import Block, Options, Row, mapping, number, read_json, shaped_json, tail
from xbench.errors import DataError
from xbench.languages import known

SUFFIXES = (".json",)
ASKED_FIRST = True
EXAMPLE = "results/intfloat__multilingual-e5-small/fd1525a9/XNLI.json"
COMPANIONS = ("model_meta.json", "run_settings.jsonl")
UNSAID = {"intermediate": "unknown", "train_language": "unknown", "source": "mteb", "scorer": "mteb"}
# What a main score is, where the file gives it no name (mteb/tasks, metadata.main_score, of the tasks that share data with XTREME).
_MAIN = {
    "XNLI": "max_ap", "XNLIV2": "max_ap", "PawsXPairClassification": "max_ap", "Tatoeba": "f1", "BUCC": "f1", "BUCC.v2": "f1",
    "XQuADRetrieval": "ndcg_at_10", "MLQARetrieval": "ndcg_at_10", "BelebeleRetrieval": "ndcg_at_10",
}  # fmt: skip


class _Metrics(Struct, gc=False):
    """Otherwise the first of these that equals the main score in every subset."""

    accuracy: Any = UNSET
    f1: Any = UNSET
    max_ap: Any = UNSET
    similarity_ap: Any = UNSET
    cosine_ap: Any = UNSET
    ap: Any = UNSET
    ndcg_at_10: Any = UNSET
    map: Any = UNSET
    cosine_spearman: Any = UNSET
    spearman: Any = UNSET
    v_measure: Any = UNSET
    lrap: Any = UNSET


class _Scores(_Metrics, gc=False):
    """What is read of the scores of a subset."""

    main_score: Any = None
    hf_subset: Any = "default"
    languages: Any = None
    mteb_version: Any = None


class _File(Struct, gc=False):
    """What is read of a file; `scores` of those since 1.11."""

    task_name: Any = None
    mteb_dataset_name: Any = None
    mteb_version: Any = None
    dataset_revision: Any = None
    scores: dict[str, list[_Scores]] | UnsetType = UNSET


# Where the files before 1.11 keep it (mteb/results/task_result.py, the conversion of old results).
_OLD = (("main_score",), ("cos_sim", "ap"), ("cos_sim", "spearman"), ("f1",), ("accuracy",), ("ndcg_at_10",), ("map",), ("v_measure",))
_OLD_MAIN = {
    "PawsXPairClassification": (("max", "ap"), ("cos_sim", "ap")), "XNLI": (("max", "ap"), ("cos_sim", "ap")),
    "MassiveIntentClassification": (("accuracy",),), "MassiveScenarioClassification": (("accuracy",),),
    "AmazonReviewsClassification": (("accuracy",),),
}  # fmt: skip
_ABOUT = ("evaluation_time", "dataset_revision", "mteb_version", "mteb_dataset_name", "dataset_version", "kg_co2_emissions")
_LANGUAGE = re.compile(r"default|(?!en-ext)[a-z]{2,3}([_-][A-Za-z]{2,4}){0,5}")  # en-ext: more of English (AmazonCounterfactual)
_SCRIPTS = re.compile(r"[a-z]{2,3}_[A-Z][a-z]{3}(-[a-z]{2,3}_[A-Z][a-z]{3})?")
_MARK = re.compile(rb'"mteb_(version|dataset_name)"')
_CALLED = {"cmo-Hans": "cmn-Hans", "cmo-Hant": "cmn-Hant"}  # Chinese in MTEB's MASSIVE tasks; cmo is Central Mnong


def recognises(path: Path, head: bytes) -> bool:
    # In old files the scores may come first, and those of many languages fill the head.
    return head.lstrip()[:1] == b"{" and bool(_MARK.search(head) or _MARK.search(tail(path)))


def read(path: Path, options: Options) -> Iterator[Block]:
    content = shaped_json(path, _File)
    said = _of_path(path)
    version = str(content.mteb_version or "unknown")
    task = content.task_name or content.mteb_dataset_name
    if not isinstance(task, str) or not task:
        raise DataError(f"{path}: no task_name")
    parts = list(_old(mapping(read_json(path), str(path)), task, path) if content.scores is UNSET else _new(content.scores))
    every = [scores for *_, several in parts for scores in several]
    said["metric"] = _MAIN.get(task) or _main(every)
    for split, at, subsets, languages, several in parts:
        said |= of_split(split, content.dataset_revision)
        values = [scores.main_score for scores in several]
        versions = tuple([str(scores.mteb_version or version) for scores in several])
        codes, sets = _languages(languages)
        for target, made_with, start, end in _targets(task, subsets, languages, versions):
            stack = f"mteb {made_with}" if made_with != "unknown" else "mteb"
            yield Block(
                {**said, "target": target, "source_version": made_with, "stack": stack},
                {"at": at[start:end], "value": values[start:end], "language": codes[start:end], "language_set": sets[start:end]},
            )


def _main(every: list[_Scores]) -> str:
    """The first of the usual metrics that equals the main score in every subset."""
    if every:
        first, *others = every
        for name in _Metrics.__struct_fields__:
            if getattr(first, name) == first.main_score and all(getattr(scores, name) == scores.main_score for scores in others):
                return name
    return "main_score"


def _of_path(path: Path) -> Row:
    """Model and revision stand in the path: MODEL/REVISION/TASK.json, or MODEL/REVISION/experiments/HOW/TASK.json."""
    return _of_folder(os.path.dirname(path)).copy()  # noqa: PTH120  # a text is found again sooner than a Path


@lru_cache(maxsize=256)
def _of_folder(name: str) -> Row:
    how, folder = None, Path(name)
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


_Codes = tuple[Any, ...]  # what a file says of the languages of a subset
_Found = tuple[str, list[str], tuple[str, ...], tuple[_Codes, ...], list[_Scores]]  # of a split: where, subset, languages, metrics of each


def _new(scores: dict[str, list[_Scores]]) -> Iterator[_Found]:
    """Since 1.11: scores.SPLIT is a list of subsets."""
    for split, subsets in scores.items():
        yield (
            split,
            _places(split, len(subsets)),
            tuple([str(scores.hf_subset) for scores in subsets]),
            tuple([tuple(scores.languages or ()) for scores in subsets]),
            subsets,
        )


@lru_cache(maxsize=4096)
def _places(split: str, count: int) -> list[str]:
    return [f"scores.{split}[{index}]" for index in range(count)]


def _old(content: dict[str, Any], task: str, path: Path) -> Iterator[_Found]:
    """Before: splits at the top, under them subsets named by language, or the metrics themselves."""
    splits = {key: value for key, value in content.items() if key not in _ABOUT and isinstance(value, dict)}
    if not splits:
        raise DataError(f"{path}: neither scores nor splits")
    for split, inside in splits.items():
        subsets = {key: value for key, value in inside.items() if isinstance(value, dict) and not _is_metrics(key)} or {"default": inside}
        yield (
            split,
            [f"{split}.{subset}" for subset in subsets],
            tuple(subsets),
            tuple(map(in_name, subsets)),
            [convert({**scores, "main_score": _old_main(scores, task)}, _Scores) for scores in subsets.values()],
        )


def in_name(subset: str) -> _Codes:
    """The languages in the name of a subset."""
    if _SCRIPTS.fullmatch(subset):  # acm_Arab-acm_Arab
        return tuple(part.replace("_", "-") for part in subset.split("-"))
    languages = re.split(r"[-_]", subset) if subset != "default" else []
    region = len(languages) == 2 and languages[1].isupper()  # zh-CN
    return (subset,) if region else tuple(languages)


def _is_metrics(key: str) -> bool:
    return key in ("cos_sim", "dot", "euclidean", "manhattan", "max", "cosine", "similarity", "v_measures")


def _old_main(scores: dict[str, Any], task: str) -> float | None:
    for way in (*_OLD_MAIN.get(task, ()), *_OLD):
        value: Any = scores
        for key in way:
            value = value.get(key) if isinstance(value, dict) else None
        if number(value) is not None:
            return number(value)
    return None


def of_split(name: str, revision: Any) -> Row:
    """MTEB also tests on splits called train, devtest, default, …: data of its own, which the revision then names."""
    if name in ("test", "dev", "validation", "val"):
        return {"split": name, "dataset_revision": revision}
    return {"split": "test", "dataset_revision": f"{revision or 'unknown'}, split {name}"}


# The files of a task name the same subsets in the same languages, model after model.
@lru_cache(maxsize=1 << 13)
def _languages(several: tuple[_Codes, ...]) -> tuple[list[str | None], list[list[str] | None]]:
    """Of each subset its one language, or pair of two; or mul, and the languages of a mean over more."""
    every = [list(dict.fromkeys(_CALLED.get(str(code), str(code)) for code in codes)) for codes in several]
    return ["mul" if len(codes) > 2 else "/".join(codes) or None for codes in every], [codes if len(codes) > 2 else None for codes in every]


@lru_cache(maxsize=1 << 13)
def _targets(
    task: str, subsets: tuple[str, ...], languages: tuple[_Codes, ...], versions: tuple[str, ...]
) -> list[tuple[str, str, int, int]]:
    """Task, with the name of the subset unless this is a language; version; and the span of the subsets in turn that share both."""
    found, start = [], 0
    names = [f"mteb/{task}" if _is_language(*one) else f"mteb/{task}:{one[0]}" for one in zip(subsets, languages, strict=True)]
    for (target, version), same in groupby(zip(names, versions, strict=True)):
        end = start + len(list(same))
        found.append((target, version, start, end))
        start = end
    return found


@lru_cache(maxsize=1 << 13)
def _is_language(subset: str, codes: _Codes) -> bool:
    """Whether the name of a subset is one of languages, scripts and regions, or as the file calls these: `day_span_time_qs` is not."""
    if not _LANGUAGE.fullmatch(subset):
        return False
    given = {part for code in codes for part in re.split("[-_]", str(code).lower())}
    return subset == "default" or all(part.lower() in given or known(part) or known(f"en-{part}") for part in re.split("[-_]", subset))
