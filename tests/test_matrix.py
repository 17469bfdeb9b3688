"""Every variant of intermediate training on a tiny random encoder: it trains, hands on its encoder, predicts every language, is stored."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import some_slow
from xbench import board, executors, store, study, verifying
from xbench.errors import DataError, StudyError
from xbench.executors import Options
from xbench.recipe import Recipe
from xbench.task import load_task

SMALL = {"epochs": 1, "batch_size": 8, "max_examples": 40}
RECIPE: dict[str, Any] = {"frozen_layers": 1, "max_length": 64, "intermediate": SMALL, "target": SMALL}
# Of each value of `intermediate` that the paper has, one on embedded data: single, several at once, with masked words, other languages.
INTERMEDIATES = [
    "intents", "mini-nli", "mini-qa", "mini-multi", "mini-multi-uniform", "mini-multi-temperature", "mini-multi-capped",
    "intents-mlm", "commands-mlm", "names", "intents@de", "intents@de+es+fr", "intents@ar+cs+de+es+fi+hi+tr+zh",
]  # fmt: skip
SOME = ["mini-multi-temperature", "intents@de+es+fr"]
RECIPES: dict[str, dict[str, Any]] = {
    "everything trained": {"frozen_layers": None},
    "low rank": {"intermediate": {**SMALL, "lora": {"rank": 2, "layers": [2]}}},
    "aligned at a layer": {"intermediate": {**SMALL, "alignment_layer": 2, "temperature": 0.1}},
    "selected": {"target": {**SMALL, "selection": {"every": 2, "examples": 20}}},
    "first subword": {"classifier": "first", "tagging": "first"},
    "pooler": {"classifier": "pooler"},
    "half precision": {"precision": "bfloat16"},
}


def results(tiny: Path, folder: Path, compute: dict[str, Any] | None = None, **grid: Any) -> list[dict[str, Any]]:
    content = {
        "about": "matrix", "models": [str(tiny)], "intermediates": ["none"], "targets": ["mini-ner", "name-retrieval"], "seeds": [0],
        "recipe": RECIPE, "compute": compute or {}, **grid,
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    todo, resolved = executors.lay_out(study.load_study(path))
    executors.run(todo, resolved, folder / "store", options=Options(threads=1, keep="encoders"))
    con = store.connect(folder / "store")
    try:
        return board.query(con, "result", {"split": "test"})
    finally:
        con.close()


@pytest.mark.parametrize(
    ("intermediates", "targets"),
    [(SOME, ["mini-ner"]), pytest.param(INTERMEDIATES, ["mini-ner", "name-retrieval"], marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_every_intermediate(tiny_model: Path, tmp_path: Path, intermediates: list[str], targets: list[str]) -> None:
    rows = results(tiny_model, tmp_path, intermediates=["none", *intermediates], targets=targets)
    for target in targets:
        languages = {"mini-ner": 10, "name-retrieval": 16}[target]
        for intermediate in ("none", *intermediates):
            own = [r for r in rows if (r["target"], r["intermediate"]) == (target, intermediate) and r["metric"] in ("f1", "accuracy")]
            assert len({r["language"] for r in own}) == languages, (target, intermediate)
    encoders = [file.read_bytes() for file in (tmp_path / "store" / "checkpoints").glob("*.safetensors")]
    assert len(encoders) == len(set(encoders)) == len(intermediates), "two intermediates leave the same encoder"


@pytest.mark.parametrize("way", some_slow(list(RECIPES), ["low rank", "selected"]))
def test_every_kind_of_recipe(tiny_model: Path, tmp_path: Path, way: str) -> None:
    intermediate = "names" if way == "aligned at a layer" else "mini-nli"
    targets = ["mini-ner", "mini-nli" if intermediate == "names" else "mini-paraphrase"]
    rows = results(tiny_model, tmp_path, intermediates=["none", intermediate], targets=targets, recipe={**RECIPE, **RECIPES[way]})
    assert {(r["intermediate"], r["target"]) for r in rows} == {(i, t) for i in ("none", intermediate) for t in targets}
    assert {r["selection"] for r in rows} == {"train-language" if way == "selected" else "last step"}


def test_how_it_is_computed_is_said_and_changes_no_id(tiny_model: Path, tmp_path: Path) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    other.mkdir()
    one = results(tiny_model, plain, targets=["mini-ner"])
    two = results(tiny_model, other, {"micro_tokens": 64, "gradient_checkpointing": True}, targets=["mini-ner"])
    assert {r["run_id"] for r in one} == {r["run_id"] for r in two}
    for a, b in zip(one, two, strict=True):
        assert a["value"] == pytest.approx(b["value"], abs=0.1)
    con = store.connect(other / "store")
    (hardware, said) = con.execute("SELECT hardware, study FROM run").fetchall()[0]
    con.close()
    assert "micro_tokens 64, gradient_checkpointing True" in hardware
    assert yaml.safe_load(said)["about"] == "matrix"


def pawsx(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> Path:
    """The folder of the task's data, which is all of these lines; in them {} is the language."""
    data = folder / "data" / "pawsx"
    data.mkdir(parents=True)
    for language in ("de", "en", "es", "fr", "ja", "ko", "zh"):
        for split in ("train", "dev", "test"):
            (data / f"{split}-{language}.tsv").write_text(lines.replace("{}", language))
    monkeypatch.setenv("XBENCH_DATA_DIR", str(folder / "data"))
    return data


def test_selection_on_target_languages_is_not_zero_shot(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row says so, the leaderboard has no zero-shot mean for it, and without such data there is one clear error."""
    pawsx(tmp_path, monkeypatch, "the river {}\tthe mill\t1\nit was cold\tat night\t0\n" * 6)
    chosen = {"selection": {"every": 1, "on": "target-languages"}}
    rows = results(tiny_model, tmp_path, targets=["pawsx"], recipe={**RECIPE, "target": {**SMALL, **chosen}})
    assert {r["selection"] for r in rows} == {"target-languages"}
    (row,) = board.leaderboard(tmp_path / "store")
    assert row["zero_shot"] is None
    assert row["value"] is not None
    assert row["selection"] == "target-languages"
    # It stands in one column with what was not selected so: the test data is the same.
    assert {r["dataset_revision"] for r in rows} == {load_task("pawsx").revision()}
    assert not verifying.verify(tmp_path / "store").problems
    with pytest.raises(StudyError, match="development data of mini-ner that cannot be had"):
        results(tiny_model, tmp_path, targets=["mini-ner"], recipe={**RECIPE, "target": {**SMALL, **chosen}})


def test_selection_is_on_the_target_languages_that_have_development_data(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kazakh, Thai, Tagalog and Yoruba have none in UD 2.5: the planner wanted it, and nothing could be selected on the 29 others."""
    data, task = tmp_path / "data" / "udpos", load_task("udpos")
    data.mkdir(parents=True)
    monkeypatch.setenv("XBENCH_DATA_DIR", str(tmp_path / "data"))
    for language in task.languages:
        for split in (
            ("train", "dev", "test") if language == "en" else ("dev", "test") if language not in ("kk", "th", "tl", "yo") else ("test",)
        ):
            (data / f"{split}-{language}.tsv").write_text(f"the\tDET\n{language}\tNOUN\n\nit\tPRON\nwas\tAUX\n\n" * 4)
    chosen = {**RECIPE, "target": {**SMALL, "selection": {"every": 1, "on": "target-languages"}}}
    rows = results(tiny_model, tmp_path, targets=["udpos"], recipe=chosen)
    assert {r["selection"] for r in rows} == {"target-languages"}
    assert {r["language"] for r in rows} == {*task.languages}
    (data / "dev-de.tsv").unlink()
    with pytest.raises(DataError) as caught:
        results(tiny_model, tmp_path, targets=["udpos"], recipe=chosen)
    assert [p.partition(":")[0] for p in caught.value.problems] == ["udpos"]
    assert "de dev: none of " in str(caught.value)


@pytest.mark.parametrize("phase", ["target", "intermediate"])
def test_development_data_that_only_a_selection_reads_is_in_its_ids(phase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other German development data is another run where the step is selected on it, in whichever phase, and none where it is not."""
    folder = pawsx(tmp_path, monkeypatch, "a\tb\t1\nc\td\t0\n")
    tasks = (
        {"intermediates": ["none"], "targets": ["pawsx"]} if phase == "target" else {"intermediates": ["pawsx"], "targets": ["mini-ner"]}
    )

    def ids(on: str | None) -> list[str]:
        recipe = Recipe.model_validate({phase: {"selection": on and {"on": on}}})
        found = study.plan(study.Study(about="x", models=["m"], seeds=[0], recipe=recipe, **tasks), {"m": "1"})  # type: ignore[arg-type]
        return [*(c.run_id for c in found.cells), *(s.stage_id for s in found.stages)]

    before = {on: ids(on) for on in (None, "train-language", "target-languages")}
    (folder / "dev-de.tsv").write_text("a\tb\t0\nc\td\t1\n")
    assert {on for on, own in before.items() if ids(on) == own} == {None, "train-language"}
    assert not set(ids("target-languages")) & set(before["target-languages"])
    (folder / "dev-de.tsv").unlink()
    assert ids("train-language") == before["train-language"]
    with pytest.raises(DataError) as caught:  # before anything is trained
        ids("target-languages")
    assert "de dev: none of " in str(caught.value)


def test_encoded_development_data_is_that_of_the_files(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large set is encoded once for all runs: once more when its file changes, though the revision of the task does not say so."""
    from xbench.train import encoded, models

    folder = pawsx(tmp_path, monkeypatch, "the river\tthe mill\t1\nit was\tat night\t0\n")
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoded, "_WORTH", 1)
    model, task = models.resolve(str(tiny_model)), load_task("pawsx")

    def pieces() -> list[Any]:
        return encoded.encoded(model, models.tokenizer(model), Recipe(), task, "de", "dev", task.examples("de", "dev"))

    first = pieces()
    assert pieces() == first
    (folder / "dev-de.tsv").write_text("at night\tit was\t1\nthe mill\tthe river\t0\n")
    assert [p.ids for p in pieces()] != [p.ids for p in first]
    for file in (tmp_path / "cache" / "encoded").glob("*.arrow"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match="arrow cannot be read: remove it, and it is made again"):
        pieces()
