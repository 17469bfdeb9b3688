"""A store on S3, against a server on this machine: run by workers of every executor, read, opened by the command line and another writer."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from typer.testing import CliRunner

from tests.conftest import Writer
from xbench import compacting, executors, ingesting, places, store
from xbench.cli import app
from xbench.errors import StoreError
from xbench.executors import Options, tracking
from xbench.study import Cell


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("workers", "executor"), [(1, "local"), *(pytest.param(2, name, marks=pytest.mark.slow) for name in ("local", "ray", "slurm"))]
)
def test_a_study_on_s3(bucket: str, tiny_model: Path, tmp_path: Path, workers: int, executor: Literal["local", "ray", "slurm"]) -> None:
    from tests.test_executors import laid_out

    if executor != "local":
        pytest.importorskip({"ray": "ray", "slurm": "submitit"}[executor])
    resources = {"cluster": "local", "timeout_min": 10, "folder": str(tmp_path / "slurm")} if executor == "slurm" else {}
    small = {"epochs": 1, "max_examples": 16}
    recipe = {"frozen_layers": 1, "max_length": 64, "target": small, "intermediate": small}
    given = laid_out(tmp_path, tiny_model, targets=["mini-retrieval"], recipe=recipe)
    local = tmp_path / "store"
    executors.run(*given, local, options=Options(threads=1))
    root = places.place(f"{bucket}/{executor}{workers}")
    assert not store.complete_runs(root)
    options = Options(threads=1, workers=workers, every=0.5, keep="encoders", executor=executor, resources=resources)
    assert executors.run(*given, root, options=options) == 2
    assert executors.run(*given, root, options=Options(threads=1, keep="encoders")) == 0
    for table in ("prediction", "outcome", "score"):
        names = sorted(p.name for p in (root / table).glob("*.parquet"))
        assert names == sorted(p.name for p in (local / table).glob("*.parquet"))
        assert all((root / table / n).read_bytes() == (local / table / n).read_bytes() for n in names)
    assert {r["state"] for r in tracking.status(root)} == {"done"}
    if workers == 2:  # a third target starts from the encoder that was kept there
        seen: list[str] = []
        more = laid_out(tmp_path, tiny_model, targets=["mini-retrieval", "mini-nli"], recipe=recipe)
        for place in (root, local):
            executors.run(*more, place, executors.Progress(report=lambda what, done, total: seen.append(what)), Options(threads=1))
            assert ("train mini-pos" in seen) == (place == local)  # where it was not kept
        assert "train mini-pos > mini-nli" in seen
    out = CliRunner().invoke(app, ["leaderboard", "--store", str(root), "--json"])
    assert out.exit_code == 0, out.output
    assert json.loads(out.stdout) == json.loads(CliRunner().invoke(app, ["leaderboard", "--store", str(local), "--json"]).stdout) != []
    out = CliRunner().invoke(app, ["status", str(root)])
    assert "done" in out.stdout
    assert isinstance(CliRunner().invoke(app, ["leaderboard", "--store", f"{bucket}/stroe"]).exception, StoreError)


def test_places_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (str(tmp_path / "a b"), f"file://{tmp_path}/a%20b", f"local://{tmp_path}/a b", "~/a b"):
        found = places.place(text)
        assert found == tmp_path / "a b"
        assert not places.is_remote(found)
    assert places.place("~x") == Path("~x")


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with places.whole(path) as new:
        new.write_text("one")
    assert path.read_text() == "one"
    assert not places.create(path, b"two")


def test_a_run_with_long_names_can_be_stored(tmp_path: Path) -> None:
    """Forty languages of intermediate and target make 287 bytes. What fits has the name that it always had."""
    cell = Cell("0" * 24, "m", "1", "", "1", "panx", "1", "+".join(["xx"] * 40), 0, None)
    room = 255 - len(f"{cell.task_name}..seed0.{cell.run_id}.parquet")
    fits = replace(cell, intermediate="é" * (room // 2) + "x" * (room % 2))
    assert fits.file_name == f"{fits.task_name}.{fits.intermediate}.seed0.{cell.run_id}"
    long = [replace(fits, run_id=f"{i:024}", intermediate=f"{fits.intermediate}{i}") for i in range(2)]
    for one in (fits, *long):
        with places.whole(tmp_path / f"{one.file_name}.parquet") as new:
            new.write_bytes(b"")
    assert len({one.file_name for one in long}) == 2
    assert all(one.file_name.startswith("panx@xx+xx") and one.file_name.endswith(one.run_id) for one in long)


def test_files_are_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file.txt"
    with places.whole(path) as new:
        new.write_text("one")
    error = ValueError("in the middle")
    with contextlib.suppress(ValueError), places.whole(path) as new:
        new.write_text("two")
        raise error
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_protocol_that_nothing_knows() -> None:
    pytest.importorskip("upath")
    with pytest.raises(StoreError, match="a store at nosuch://x needs a library"):
        places.place("nosuch://x")


@pytest.fixture
def far() -> Iterator[Any]:
    """A place that is not of this machine, and takes no time."""
    place: Any = pytest.importorskip("upath").UPath("memory://places")
    yield place
    place.fs.rm(str(place), recursive=True)


def test_one_file_is_removed_whatever_its_name(far: Any, tmp_path: Path) -> None:
    for folder in (far, tmp_path):
        names = ["a[1]", "a1", "b*", "bc", "d?", "de", "f"]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
        for name in ("a[1]", "b*", "d?", "f", "never there"):
            places.remove(folder / name)
        assert sorted(path.name for path in folder.iterdir()) == ["a1", "bc", "de"]


def test_a_store_with_a_pattern_for_a_name_leaves_its_neighbour_alone(far: Any) -> None:
    """The same study in both: files are named by content."""
    from xbench.executors.graph import Item

    one, other = far / "exp[1]", far / "exp1"
    for root in (one, other):
        for seed in range(3):
            Writer(root).add("none", "mini-ner", seed, {"de": 0.5})
        tracking.Tracker(root, Item("i" * 24, "cell", "label", "m"))
    kept = {path: far.fs.cat_file(path) for path in far.fs.find(str(other))}
    tracking.Tracker(one, Item("i" * 24, "cell", "label", "m")).done()
    compacting.compact(one)
    assert compacting.compact(one, grace=0).deleted == 6
    assert {path: far.fs.cat_file(path) for path in far.fs.find(str(other))} == kept
    assert tracking.status(one) == [] and [row["label"] for row in tracking.status(other)] == ["label"]
    assert len(store.complete_runs(one)) == len(store.complete_runs(other)) == 3


def test_a_store_elsewhere_takes_a_second_ingest(far: Any, tmp_path: Path) -> None:
    head, said = "model,intermediate,target,language,metric,value,source,seed\n", ",none,xnli,de,accuracy,.5,paper,1\n"
    for models, cells in (("a", {"new": 1}), ("b", {"new": 1}), ("ab", {"identical": 2})):
        (tmp_path / "s.csv").write_text(head + "".join(model + said for model in models))
        assert ingesting.ingest([tmp_path / "s.csv"], far / "store").cells == cells
    (tmp_path / "s.csv").write_text(head + "a" + said.replace(".5", ".6"))
    assert ingesting.ingest([tmp_path / "s.csv"], far / "store").cells == {"changed": 1}
    assert len(store.complete_runs(far / "store")) == 2
