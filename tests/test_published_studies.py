"""The shipped studies that need published data, run whole: a dozen examples of our own in every set, a tiny encoder for the large ones."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import some_slow
from tests.test_matrix import results
from xbench import store, study, verifying
from xbench.task import Task, load_task

STUDIES = Path(__file__).parent.parent / "studies"
WORDS = "the river was cold last night and the old mill stood by the water".split()
SOME = {  # what runs by default: the parts in which the paper's study is unlike all others
    "phang2020": {"intermediates": ["none", "all9", "mnli-mlm"], "targets": ["tydiqa", "bucc2018"]},
    "scales": {"intermediates": ["none", "best3"], "targets": ["udpos"]},
    "source-language": {"intermediates": ["none", "pawsx@de+fr+ko"], "targets": ["panx@de"]},
}


def example(task: Task, i: int) -> dict[str, Any]:
    """A row of our own shape, of the kind that the task wants."""
    words = [WORDS[(3 * i + j) % len(WORDS)] for j in range(5)]
    text, other = " ".join(words), " ".join(WORDS[(5 * i + j) % len(WORDS)] for j in range(4))
    label = task.labels[i % len(task.labels)] if task.labels else ""
    if task.family == "tagging":
        tags = ["B-PER", "I-PER", "O", "O", "B-LOC"] if "O" in task.labels else [label or "N"] * 5
        return {"tokens": words, "labels": tags}
    if task.family == "qa":
        return {"question": other, "context": text, "answers": [words[2]], "start": len(" ".join(words[:2])) + 1}
    if task.family == "mining":  # the first half is English
        return {"text": text, "english": True, "gold": []} if i < 6 else {"text": other, "english": False, "gold": [str(i - 6)]}
    return {
        "classification": {"text": text, "pair": other, "label": label},
        "choice": {"text": text, "choices": [f"{other} {word}" for word in WORDS[: len(task.labels)]], "label": label},
        "retrieval": {"english": f"{text} {i}", "foreign": other},
        "mlm": {"text": f"{text} {other}"},
    }[task.family]


def published(folder: Path, names: set[str]) -> None:
    """TASK/SPLIT-LANGUAGE.jsonl for all that the tasks, and the parts of mixtures, read."""
    for name in names:
        base, _, languages = name.partition("@")
        for task in [load_task(f"{base}@{code}" if code else base) for code in languages.split("+")]:
            if task.parts:
                published(folder, {part.task for part in task.parts})
            for held in task.check(task) if task.check else ():
                path = folder / base / f"{held.split}-{held.language}.jsonl"
                path.parent.mkdir(exist_ok=True)
                rows = [{"id": str(i), "cluster": str(i), **example(task, i)} for i in range(12)]
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def run(name: str, tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **some: list[str]) -> study.Study:
    content = yaml.safe_load((STUDIES / f"{name}.yaml").read_text(encoding="utf-8")) | some
    content |= {"models": [str(tiny_model)], "seeds": [0]}
    content["recipe"] |= {"retrieval_layer": -1, "max_length": 64}
    (folder / "data").mkdir()
    monkeypatch.setenv("XBENCH_DATA_DIR", str(folder / "data"))
    published(folder / "data", {*content["intermediates"], *content["targets"]} - {"none"})
    results(tiny_model, folder, **content)
    return study.load_study(folder / "study.yaml")


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "whole"])
@pytest.mark.parametrize("name", some_slow(list(SOME), ["phang2020"]))
def test_it_runs_to_its_deltas(name: str, whole: bool, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell trains, predicts every language, is scored and stored; each intermediate has its delta on each target."""
    done = run(name, tiny_model, tmp_path, monkeypatch, **({} if whole else SOME[name]))
    with store.reading(tmp_path / "store") as con:
        found = set(con.execute("SELECT DISTINCT target, train_language, intermediate FROM transfer_delta").fetchall())
        languages = dict(con.execute("SELECT target, count(DISTINCT language) FROM score WHERE split = 'test' GROUP BY target").fetchall())
    pairs = {(t, i) for t in done.targets for i in done.intermediates if i not in ("none", t)}
    assert {(target if code == "en" else f"{target}@{code}", i) for target, code, i in found} == pairs
    assert languages == {t.split("@")[0]: len(load_task(t.split("@")[0]).languages) for t in done.targets}
    assert not verifying.verify(tmp_path / "store").problems
