"""Training end to end on a tiny random model: every task family, resuming, sharing, equal results to the bit."""

import hashlib
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import some_slow
from xbench import board, cli, executors, keyed, scorer, scoring, store, study
from xbench.corpus import mixture
from xbench.errors import ModelError, PluginError, StudyError
from xbench.executors import local
from xbench.recipe import Phase, Recipe, Selection
from xbench.task import Choice, Part, left_out, load_task
from xbench.train import stages

RECIPE = {
    "frozen_layers": 1,
    "max_length": 64,
    "target": {"epochs": 1, "max_examples": 48},
    "intermediate": {"epochs": 1, "max_examples": 48},
}


def write_study(folder: Path, tiny: Path, **change: Any) -> Path:
    content = {
        "about": "test", "models": [str(tiny)], "intermediates": ["none", "mini-pos"], "targets": ["mini-ner", "mini-retrieval"],
        "seeds": [0, 1], "recipe": RECIPE, **change,
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def unplaced(problems: Iterable[str]) -> list[str]:
    """Problems of a study file without their lines, which all have."""
    problems = list(problems)
    assert all(re.match(r"line \d+, ", problem) for problem in problems)
    return [problem.partition(", ")[2] for problem in problems]


def run(path: Path, root: Path, progress: executors.Progress = executors.SILENT) -> int:
    todo, resolved = executors.lay_out(study.load_study(path))
    return executors.run(todo, resolved, root, progress, executors.Options(threads=1))


def digests(root: Path) -> dict[str, str]:
    return {
        f"{table}/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest()
        for table in ("prediction", "outcome", "score")
        for p in (root / table).glob("*.parquet")
    }


def test_end_to_end(tiny_model: Path, tmp_path: Path) -> None:
    """Two seeds, with and without an intermediate task: every table is filled, deltas exist, scores are sums of outcomes."""
    path = write_study(tmp_path, tiny_model)
    assert run(path, tmp_path / "store") == 8
    con = store.connect(tmp_path / "store")
    n = {t: con.execute(f"SELECT count(*) FROM {t}").fetchall()[0][0] for t in store.TABLES}
    # mini-ner: 10 languages x 100 and 100 English dev; mini-retrieval: 9 x 100; 4 runs each
    assert n["run"] == 8
    assert n["prediction"] == 4 * (10 * 100 + 100) + 4 * 9 * 100
    assert n["outcome"] == 3 * 4 * (10 * 100 + 100) + 4 * 9 * 100  # F1, precision and recall; accuracy
    unequal = con.execute("""
        SELECT count(*) FROM score JOIN (
            SELECT run_id, language, split, metric, scorer, sum(numerator) / sum(denominator) AS again, count(*) AS n
            FROM outcome GROUP BY ALL) AS o USING (run_id, language, split, metric, scorer)
        WHERE value <> again OR score.n <> o.n""").fetchall()[0][0]
    assert unequal == 0
    assert {r["status"] for r in board.query(con, "transfer_delta")} == {"paired"}
    # No training, so the direct retrieval baseline does not depend on the seed, and says so.
    direct = board.query(con, "result", {"target": "mini-retrieval", "intermediate": "none"})
    assert {r["trained_examples"] for r in direct} == {0}
    assert len({(r["language"], r["value"]) for r in direct}) == 9
    trained = board.query(con, "run", {"target": "mini-ner", "intermediate": "mini-pos"})
    assert {r["trained_examples"] for r in trained} == {96}
    said = con.execute(
        "SELECT intermediate, seed, string_agg(prediction, '|' ORDER BY language, example_id) FROM prediction "
        "WHERE target = 'mini-ner' GROUP BY ALL"
    ).fetchall()
    assert len({text for _, _, text in said}) == 4, "a seed or an intermediate changes nothing"
    con.close()
    assert not (tmp_path / "store" / "checkpoints").exists()


@pytest.mark.parametrize("targets", [["mini-ner"], pytest.param(["mini-ner", "mini-retrieval"], marks=pytest.mark.slow)])
def test_two_runs_are_equal_to_the_bit_and_a_second_does_nothing(tiny_model: Path, tmp_path: Path, targets: list[str]) -> None:
    path = write_study(tmp_path, tiny_model, targets=targets, seeds=[3])
    assert run(path, tmp_path / "a") == run(path, tmp_path / "b") == 2 * len(targets)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(digests(tmp_path / "a")) == 6 * len(targets)
    assert run(path, tmp_path / "a") == 0


def test_names_and_seeds_are_checked_whatever_else_is_wrong_each_with_its_line(tmp_path: Path) -> None:
    """A round each: the keys first, without the seeds; then these, without a line."""
    path = tmp_path / "study.yaml"
    path.write_text(
        """about: x
models: [m, m]
intermediates:
  - none
  - mini-poss
  - bucc2018
  - none
targets: [mini-ner, mnli, mini-ner]
seeds: [-1, 0, 0]
recipe:
  tasks: {intents@en: {epochs: 2}}
  colour: red
"""
    )
    own = [
        "line 2, models: 'm' is listed twice",
        "line 7, intermediates: 'none' is listed twice",
        "line 8, targets: 'mini-ner' is listed twice",
        "line 9, seeds: -1 is negative",
        "line 9, seeds: 0 is listed twice",
        "line 5, intermediates: no tasks entry is called 'mini-poss'",
        "line 6, intermediates: bucc2018 has no training data",
        "line 8, targets: mnli has no test data; it serves as intermediate task only",
        "line 11, recipe.tasks: intents@en is called intents: it is trained in en anyway",
    ]
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert [p.split("; there are")[0] for p in caught.value.problems] == ["line 12, recipe.colour: there is no such key", *own]
    path.write_text(path.read_text().replace("  colour: red\n", ""))
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert [p.split("; there are")[0] for p in caught.value.problems] == own


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise KeyError('mine')", "mini-pos: scorer token-accuracy-1 failed on 'en'; {}:8: KeyError: 'mine'"),
        ("return {'f2': (ones, ones)}", "mini-pos: task mini-pos counts metric 'accuracy', which none of its scorers gives: f2"),
        (
            "raise ValueError('no tags')",
            "mini-pos, gold answers: scorer token-accuracy-1 cannot read the answers in 'en': {}:8: ValueError: no tags",
        ),
        (
            "return {'accuracy': (2 * ones, ones)}",
            "mini-pos: scorer token-accuracy-1 gave no ratios on 'en'; {}: accuracy: numerator 2.0 and denominator 1.0 of example 1 of 20, wrong in 20 of them; expected 0 <= numerator <= denominator",
        ),
    ],
)
def test_what_cannot_be_scored_is_said_before_anything_is_trained(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    """It was said of the first cell, hours later."""
    folder = shutil.copytree(scorer.SCORERS, tmp_path / "scorers")
    (folder / "token_accuracy.py").write_text(f"""import numpy as np

from xbench.scorer import Scorer


def _score(references, predictions, language):
    ones = np.ones(len(references))
    {line}


SCORER = Scorer(version="1", score=_score)
""")
    monkeypatch.setattr(scorer, "SCORERS", folder)
    monkeypatch.setattr(scoring, "SCORERS", folder)
    monkeypatch.setattr(stages, "train", lambda *a: pytest.fail("it was trained"))
    path = write_study(tmp_path, tiny_model, intermediates=["none", "mini-nli"], targets=["mini-ner", "mini-pos", "mini-qa"], seeds=[0])
    with pytest.raises(PluginError, match="nothing was trained") as caught:
        run(path, tmp_path / "store")
    assert list(caught.value.problems) == [said.format(folder / "token_accuracy.py")]
    assert not list((tmp_path / "store").glob("*/*.parquet"))
    planned = CliRunner().invoke(cli.app, ["run", str(path), "--store", str(tmp_path / "store"), "--dry-run"])
    assert (planned.exit_code, "nothing was trained" in str(planned.exception), " cells, " in planned.stdout) == (1, True, True)


def test_what_another_runner_has_finished_is_not_replaced(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one makes other bytes on another machine; replaced one by one, its files would stand beside those of the first."""
    from xbench.train import cells

    path = write_study(tmp_path, tiny_model, intermediates=["none"], targets=["mini-ner"], seeds=[0])
    root = tmp_path / "store"
    run(path, root)
    (file,) = (root / "run").glob("*.parquet")
    there = {p: p.stat().st_mtime_ns for p in root.glob("*/*.parquet")}
    todo, resolved = executors.lay_out(study.load_study(path))
    (cell,) = todo.cells
    item = executors.Item(cell.run_id, "cell", cell.label, cell.model)
    made, real = [], cells.run_cell

    def meanwhile(*given: Any) -> Any:
        made.append(real(*given))
        aside.rename(file)
        return made[-1]

    monkeypatch.setattr(cells, "run_cell", meanwhile)
    aside = file.rename(tmp_path / "aside")
    executors.working.Worker(todo, resolved, root, executors.Options(threads=1)).do(item)
    assert len(made) == 1
    executors.working.Worker(todo, resolved, root, executors.Options(threads=1)).do(item)
    assert len(made) == 1
    assert {p: p.stat().st_mtime_ns for p in root.glob("*/*.parquet")} == there


@pytest.mark.parametrize("target", some_slow(["mini-pos", "mini-nli", "mini-paraphrase", "mini-qa", "intents"], ["mini-nli", "mini-qa"]))
def test_every_family_trains_and_predicts(tiny_model: Path, tmp_path: Path, target: str) -> None:
    path = write_study(tmp_path, tiny_model, targets=[target], intermediates=["none"], seeds=[0])
    assert run(path, tmp_path / "store") == 1
    (row,) = [r for r in board.leaderboard(tmp_path / "store") if r["metric"] in ("accuracy", "f1")]
    assert row["complete"]
    assert 0 <= row["value"] <= 1


def test_frozen_or_not_the_pretrained_encoder_is_the_same(tiny_model: Path) -> None:
    """Cutting the encoder changes no vector: against transformers' own forward pass."""
    import torch

    from xbench.train import loop, models
    from xbench.train.encoder import SplitEncoder
    from xbench.train.encoding import encode_texts
    from xbench.train.heads import mean_pool

    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    pieces = encode_texts(tokenizer, ["The ferry leaves at seven.", "Short.", "图书馆下午六点关门。"], 64)
    whole = []
    with torch.no_grad():
        for piece in pieces:
            ids = torch.tensor([piece.ids])
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids))
            whole.append(mean_pool(out.last_hidden_state, torch.ones_like(ids))[0])
    for frozen in (None, 0, 1, 3):
        encoder = SplitEncoder(model, frozen, torch.device("cpu"))
        vectors = loop.embed(pieces, encoder, encoder.trunk().eval(), None, lambda _: None)
        torch.testing.assert_close(vectors, torch.stack(whole), atol=1e-5, rtol=1e-4)


def test_training_learns(tiny_model: Path) -> None:
    """On its own training sentences a tiny model gets far above the majority class: gradients reach trunk and head."""
    import torch

    from xbench.recipe import Phase
    from xbench.scorer import load_scorer
    from xbench.task import load_task
    from xbench.train import heads, loop, majority, models, objectives
    from xbench.train.encoder import SplitEncoder
    from xbench.train.encoding import encode

    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    task = load_task("mini-pos")
    examples = list(task.examples("en", "train"))[:60]
    pieces = encode(tokenizer, examples, 64)
    encoder = SplitEncoder(model, None, torch.device("cpu"))
    phase = Phase(epochs=25, batch_size=8, learning_rate=5e-3, head_learning_rate=1e-2, dropout=0.0)
    torch.manual_seed(0)
    trained = loop.Trained(encoder.trunk(), heads.Head(task, encoder.hidden_size, phase.dropout))
    objective = objectives.Supervised(task, examples, pieces, trained.head)
    loop.fit(loop.Plan("learns", [objective], [1.0], phase, objectives.passes([60], phase), 0), encoder, trained.trunk, lambda _: None)

    def accuracy(predictions: list[str]) -> float:
        n, d = load_scorer("token-accuracy").score([heads.reference(e) for e in examples], predictions, "en")["accuracy"]
        return float(n.sum() / d.sum())

    learnt = accuracy(loop.predict(task, examples, pieces, encoder, trained, lambda _: None))
    assert learnt > 0.8 > 2 * accuracy(majority.predict(task, examples, examples))


def test_controls(tiny_model: Path, tmp_path: Path) -> None:
    path = write_study(
        tmp_path,
        tiny_model,
        models=[f"random-init:{tiny_model}", "majority-class"],
        intermediates=["none"],
        targets=["mini-pos"],
        seeds=[0],
    )
    assert run(path, tmp_path / "store") == 2
    rows = {r["model"]: r for r in board.leaderboard(tmp_path / "store")}
    assert rows["majority-class"]["parameters"] == 0
    con = store.connect(tmp_path / "store")
    tags = con.execute("SELECT DISTINCT unnest(string_split(prediction, ' ')) FROM prediction WHERE model = 'majority-class'").fetchall()
    con.close()
    assert tags == [("NOUN",)]


def test_long_sentences_are_tagged_in_pieces(tiny_model: Path) -> None:
    from xbench.task import Tagged
    from xbench.train import models
    from xbench.train.encoding import encode

    _, tokenizer = models.load(models.resolve(str(tiny_model)))
    words = tuple(["the", "ferry", "to", "Crete"] * 20)
    pieces = encode(tokenizer, [Tagged("a", "a", words, ("X",) * 80)], 24)
    assert len(pieces) > 3
    assert all(len(p.ids) <= 24 for p in pieces)
    assert [w for p in pieces for _, w in p.words] == list(range(80))
    # A word of more subwords than a piece has, or than a hundred, is one unknown word, as in jiant (tasks/lib/udpos.py): the web has such words.
    for long, length in (("Donaudampfschifffahrtsgesellschaftskapitän" * 3, 10), ("=-" * 80, 256)):
        assert len(tokenizer(long, add_special_tokens=False)["input_ids"]) > min(length, 100)
        (piece,) = encode(tokenizer, [Tagged("a", "a", ("the", long, "ferry"), ("X", "Y", "Z"))], length)
        assert piece.words[1:] == ((piece.words[1][0], 1), (piece.words[1][0] + 1, 2))
        assert piece.ids[piece.words[1][0]] == tokenizer.unk_token_id
    assert len(encode(tokenizer, [Tagged("a", "a", ("=-" * 40,), ("X",))], 256)[0].ids) > 42  # and is read where it is not


def _run_in_child(path: str, root: str) -> None:
    todo, resolved = executors.lay_out(study.load_study(Path(path)))
    executors.run(todo, resolved, Path(root), options=executors.Options(threads=1, every=0.05))


def check_kills(tiny: Path, tmp_path: Path, wanted: int, seeds: list[int], intermediates: list[str]) -> int:
    """kill -9 at random moments, at start, in training, evaluation and writing; the store then equals an undisturbed one.

    Each child is forked from a server that has imported everything, so that most moments are moments of work. Returned is how many began
    from a state within a training.
    """
    phase = {"epochs": 3, "max_examples": 64}
    path = write_study(
        tmp_path,
        tiny,
        intermediates=intermediates,
        seeds=seeds,
        recipe={**RECIPE, "frozen_layers": None, "target": phase, "intermediate": phase},
    )
    run(path, tmp_path / "undisturbed")
    root = tmp_path / "killed"
    context = local.context()
    rng, kills, gone_on = random.Random(wanted), 0, 0
    for _ in range(20 * wanted):
        whole = store.complete_runs(root)
        stamps = {p: p.stat().st_mtime_ns for p in root.rglob("*.parquet")}
        child = context.Process(target=_run_in_child, args=(str(path), str(root)))
        child.start()
        if kills < wanted and kills % 4 == 0:  # however slow the machine is, some are killed within a training
            _wait_for_a_state(child, root)
            child.join(rng.uniform(0.0, 0.2))
        else:
            child.join(rng.uniform(0.5, 5.0) if kills < wanted else None)
        killed = child.exitcode is None
        child.kill()
        child.join()
        kills += killed
        gone_on += bool(list((root / "checkpoints").glob("*.step.safetensors")))
        assert killed or child.exitcode == 0
        assert store.complete_runs(root) >= whole
        kept = {p for p in stamps if any(i in p.name for i in whole)}
        assert all(p.stat().st_mtime_ns == stamps[p] for p in kept), "a complete run was written again"
        if not killed and kills < wanted:  # it came to its end: once more from the beginning
            assert digests(root) == digests(tmp_path / "undisturbed")
            shutil.rmtree(root)
        elif not killed:
            break
    assert kills == wanted
    assert gone_on, "no kill fell into a training"
    assert digests(root) == digests(tmp_path / "undisturbed")
    assert not (root / "checkpoints").exists()
    assert not [p for p in root.rglob("*.tmp") if not p.name.startswith(".")]
    return gone_on


def _wait_for_a_state(child: BaseProcess, root: Path) -> None:
    """Until a training has left a state to go on from, or there is nothing more to train."""
    while child.exitcode is None and not list((root / "checkpoints").glob("*.step.safetensors")):
        child.join(0.02)


def test_kill_and_resume(tiny_model: Path, tmp_path: Path) -> None:
    assert check_kills(tiny_model, tmp_path, 1, [0], ["none", "mini-pos"]) > 0


@pytest.mark.slow
def test_fifty_kills(tiny_model: Path, tmp_path: Path, fault: Callable[..., None]) -> None:
    gone_on = check_kills(tiny_model, tmp_path, 50, [0, 1], ["none", "mini-pos", "intents-mlm"])
    fault("kill -9", f"a study of 12 cells, at random moments; {gone_on} begun again within a training", "50 kills")


_KILLED_IN_SAVING = """
import os, signal, sys
from pathlib import Path
import torch
from xbench.train import saving

def half(tensors, path, metadata):
    Path(path).with_name(".tmp2QIKDP").write_bytes(b"half")  # safetensors 0.8 names it so
    os.kill(os.getpid(), signal.SIGKILL)

saving.save_file = half
saving.save(Path(sys.argv[1]), {"a": torch.zeros(3)})
"""


def test_what_a_kill_leaves_of_a_state_goes_with_the_next_run(tiny_model: Path, tmp_path: Path) -> None:
    path = write_study(tmp_path, tiny_model, intermediates=["none"], targets=["mini-ner"], seeds=[0])
    todo, _ = executors.lay_out(study.load_study(path))
    checkpoints = tmp_path / "s" / "checkpoints"
    checkpoints.mkdir(parents=True)
    state = checkpoints / f"{todo.stages[0].stage_id}.step.safetensors"
    ended = subprocess.run([sys.executable, "-c", _KILLED_IN_SAVING, str(state)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(checkpoints.rglob(".tmp*"))
    run(path, tmp_path / "s")
    assert not checkpoints.exists()


def test_a_shared_stage_is_trained_once(tiny_model: Path, tmp_path: Path) -> None:
    path = write_study(
        tmp_path, tiny_model, intermediates=["none", "mini-pos"], targets=["mini-pos", "mini-ner", "mini-retrieval"], seeds=[0]
    )
    todo, resolved = executors.lay_out(study.load_study(path))
    # none > pos (also the intermediate), none > ner, pos > ner: 3 trainings for 5 cells that would need 1 + 1 + 2 + 1
    assert len(todo.cells) == 5
    assert [(s.task, s.parent.task if s.parent else None) for s in todo.stages] == [
        ("mini-pos", None), ("mini-ner", None), ("mini-ner", "mini-pos"),
    ]  # fmt: skip
    seen: list[str] = []
    executors.run(
        todo,
        resolved,
        tmp_path / "s",
        executors.Progress(lambda c, d: None, lambda what, done, total: seen.append(what) if done == total else None),
    )
    assert sorted(w for w in seen if w.startswith("train")) == ["train mini-ner", "train mini-pos", "train mini-pos > mini-ner"]


def test_a_model_that_nothing_has_says_what_was_tried() -> None:
    from xbench.train import models

    with pytest.raises(ModelError) as caught:
        models.resolve("nobody/nothing")
    assert [p.split(":")[0] for p in caught.value.problems] == ["local folder", "Hugging Face cache", "Hugging Face hub", "pip package"]


def test_study_files_list_every_problem(tiny_model: Path, tmp_path: Path) -> None:
    path = write_study(tmp_path, tiny_model, seeds=[1, 1, -2], targets=["mini-ner", "xnlii"], intermediates=["none", "mini-retrieval"])
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert [p.split(":")[0] for p in unplaced(caught.value.problems)] == ["seeds", "seeds", "intermediates", "targets"]
    path.write_text(
        "about: x\nmodels: [m]\nintermediates: [none]\ntargets: [mini-ner]\nseeds: [0]\nrecipe: {frozen_layer: 3}\ncolour: red\n"
    )
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert caught.value.problems == (
        "line 6, recipe.frozen_layer: there is no such key; did you mean 'frozen_layers'?",
        "line 7, colour: there is no such key; there are about, models, intermediates, targets, seeds, recipe, compute",
    )
    path.write_text(
        "about: x\nmodels: [m, n]\nintermediates: [none]\ntargets: [mini-ner]\nseeds: [0]\nrecipe: {base: jiant, retrieval_layer: {m: 3}}\n"
    )
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert caught.value.problems == ("line 6, recipe.retrieval_layer: says nothing of model n",)
    path.write_text("about: x\nmodels: [m]\nintermediates: [none]\ntargets: [mini-ner]\nseeds: [0]\nrecipe: jiantt\n")
    with pytest.raises(StudyError, match="no recipes entry is called 'jiantt'; there are: jiant, xtreme"):
        study.load_study(path)
    for broken, said in (
        ("about: x\nmodels: [", "line 2: expected the node content, but found '<stream end>' (while parsing a flow node)"),
        ("about: " + "[" * 3_000, "recursion"),
        ("about: \udcff", "codec"),
        ("a: 2020-13-45", "month must be in"),
        ("- 1", "of about"),
    ):
        path.write_bytes(broken.encode(errors="surrogateescape"))
        with pytest.raises(StudyError) as caught:
            study.load_study(path)
        assert str(path) in str(caught.value) and said in str(caught.value)


def test_what_is_wrong_in_a_study_file_is_said_with_its_line_what_was_found_and_what_expected(tmp_path: Path) -> None:
    """It was pydantic's own text; of a key that stood twice the last one won without a word."""
    path = tmp_path / "study.yaml"
    path.write_text(
        """about: x
models: m
intermediate: [none]
targets: [mini-ner, mini-poss]
seeds: [a]
recipe:
  base: jiant
  retrieval_layer: x
  target: &phase {learning_rate: fast, selection: {evry: 3}, lora: [1]}
  tasks: {mini-ner: {epoch: 3, batch_size: -1}}
  precision: float16
  max_length: 64
  precision: float64
compute: {compile: maybe, compile: often}
seeds: [0.5]
""",
        encoding="utf-8",
    )
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert str(path) in caught.value.headline
    *own, task = caught.value.problems
    assert task.startswith("line 4, targets: no tasks entry is called 'mini-poss'; there are: ")
    assert task.endswith("; did you mean 'mini-pos'?")
    assert own == [
        "line 13, recipe.precision: it stands on line 11 too",
        "line 14, compute.compile: it stands on line 14 too",
        "line 15, seeds: it stands on line 5 too",
        "line 2, models: found 'm', expected a list",
        "intermediates: it is missing",
        "line 15, seeds.0: found 0.5, expected a whole number",
        "line 9, recipe.target.learning_rate: found 'fast', expected a number",
        "line 9, recipe.target.selection.evry: there is no such key; did you mean 'every'?",
        "line 9, recipe.target.lora: found [1], expected a mapping",
        "line 10, recipe.tasks.mini-ner.batch_size: found -1, expected greater than or equal to 1",
        "line 10, recipe.tasks.mini-ner.epoch: there is no such key; did you mean 'epochs'?",
        "line 8, recipe.retrieval_layer: found 'x', expected a whole number or a mapping",
        "line 13, recipe.precision: found 'float64', expected 'float32' or 'bfloat16'",
        "line 14, compute.compile: found 'often', expected true or false",
        "line 3, intermediate: there is no such key; did you mean 'intermediates'?",
    ]


def test_what_is_found_in_a_study_file_is_cut_and_what_is_expected_is_in_words(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "about: 7\nmodels: [m]\nintermediates: [none]\ntargets: []\nseeds: [0]\n"
        f"recipe: {{max_length: {'x' * 200}, target: {{selection: {{on: dev}}}}}}\n"
    )
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert [p for p in caught.value.problems if "no cell" not in p] == [
        "line 1, about: found 7, expected text",
        "line 4, targets: found [], expected at least one",
        f"line 6, recipe.max_length: found '{'x' * 79}, expected a whole number",
        "line 6, recipe.target.selection.on: found 'dev', expected 'train-language' or 'target-languages'",
    ]
    with pytest.raises(StudyError, match="is not YAML that can be read") as caught:
        study.load_study(tmp_path)
    assert "Is a directory" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "recipe", "said"),
    [
        ({}, {"frozen_layers": 4}, "recipe.frozen_layers is 4, and {model} has 3 layers"),
        (
            {"targets": ["mini-retrieval"]},
            {"frozen_layers": 1, "retrieval_layer": 0},
            "recipe.retrieval_layer: {model}: layer 0 is asked for",
        ),
        ({"targets": ["mini-retrieval"]}, {"frozen_layers": 1, "retrieval_layer": 4}, "there are 3 layers, of which 1 are frozen"),
        (
            {"intermediates": ["none", "names"]},
            {"intermediate": {"alignment_layer": 5}},
            "alignment_layer of names: {model}: layer 5 is asked",
        ),
        (
            {"intermediates": ["none", "names"]},
            {"frozen_layers": 2, "intermediate": {"alignment_layer": 2}},
            "alignment_layer of names: {model}: layer 2 is asked for, and no layer up to it is trained",
        ),
        ({}, {"target": {"lora": {"layers": [0, 7]}}}, "lora.layers of mini-ner: {model}: 7; trained are layers 0 to 2"),
        (
            {"intermediates": ["none", "names"]},
            {"intermediate": {"alignment_layer": 1, "lora": {"layers": [2, 1]}}},
            "alignment_layer of names: {model}: layer 1 is asked for, and no layer up to it is trained; lower lora.layers, or ask for",
        ),
        (
            {"targets": ["mini-retrieval"]},
            {"frozen_layers": 2, "retrieval_layer": 2},
            "recipe.retrieval_layer after mini-pos: {model}: layer 2 is asked for, and no layer up to it is trained; lower frozen_layers, or",
        ),
    ],
)
def test_layers_that_a_model_does_not_have_are_known_before_training(
    change: dict[str, Any], recipe: dict[str, Any], said: str, tiny_model: Path, tmp_path: Path
) -> None:
    """The weights are not loaded for it."""
    path = write_study(tmp_path, tiny_model, **{"targets": ["mini-ner"], **change}, recipe={"frozen_layers": None, **recipe})
    with pytest.raises(StudyError) as caught:
        executors.lay_out(study.load_study(path))
    assert said.format(model=tiny_model) in str(caught.value)


def test_what_is_read_or_aligned_has_to_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every delta of retrieval below what is trained was 0, and alignment there ended in torch, with adapters and in mixtures too."""
    mixed = mixture(Part("names"), Part("mini-pos"), about="x")
    monkeypatch.setattr(study, "load_task", lambda name: mixed if name == "mixed" else load_task(name))

    def refused(intermediates: list[str], frozen: int | None, layer: int, lora: dict[str, Any] | None = None, aligned: int = -1) -> int:
        recipe = {"frozen_layers": frozen, "retrieval_layer": layer, "intermediate": {"lora": lora, "alignment_layer": aligned}}
        grid = {"about": "x", "models": ["m"], "intermediates": intermediates, "targets": ["mini-retrieval", "mini-ner"], "seeds": [0]}
        return len(study.too_deep(study.Study.model_validate({**grid, "recipe": recipe}), "m", 3))

    several = ["none", "mini-pos", "intents"]
    assert [refused(several, frozen, 2) for frozen in (None, 0, 1, 2)] == [0, 0, 0, 2]
    assert [refused(several, 3, layer) for layer in (3, -1)] == [2, 2]
    assert [refused(["none"], 2, 2), refused(several, None, 0), refused(several, 0, 0)] == [0, 0, 2]
    assert [refused(several, None, 1, {"layers": layers}) for layers in (None, [0, 2], [1], [2, 1])] == [0, 0, 2, 2]
    assert [refused(several, 1, layer, {}) for layer in (1, 2)] == [2, 0]
    assert [refused(several, None, 0, {}), refused(several, None, -1, {"layers": [2]})] == [2, 0]
    for name in ("names", "mixed"):
        assert [refused([name], None, -1, {"layers": [1]}, aligned) for aligned in (0, 1, 2, -1)] == [1, 1, 0, 0]


def test_all_that_keeps_a_study_from_being_run_is_said_at_once(tiny_model: Path, tmp_path: Path) -> None:
    """Models that are not there came one by one, then layers, then data."""
    models, tasks = [str(tiny_model), "no/such", "nor/this"], {"mini-pos": {"epochs": 2}, "mini-nosuch": {"epochs": 1}}
    path = write_study(tmp_path, tiny_model, models=models, targets=["mini-ner", "panx"], recipe={"frozen_layers": 4})
    with pytest.raises(StudyError, match="the study cannot be run") as caught:
        executors.lay_out(study.load_study(path))
    begin = [
        "model 'no/such' was not found; ",
        "model 'nor/this' was",
        "the study asks for layers",
        "the data of this study is not all here; ",
    ]
    assert [p.startswith(b) for p, b in zip(caught.value.problems, begin, strict=True)] == [True] * 4
    path = write_study(tmp_path, tiny_model, seeds=["a"], intermediates=["nope"], recipe={"tasks": tasks})
    with pytest.raises(StudyError, match="is not a valid study") as caught:
        study.load_study(path)
    assert [p.split(" ")[0] for p in unplaced(caught.value.problems)] == ["seeds.0:", "intermediates:", "recipe.tasks:"]
    assert "'mini-nosuch'" in caught.value.problems[-1]


def test_words_of_a_study_file_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    """`on` was read as true, so that a selection on target languages could not be written as docs/training.md has it."""
    path = tmp_path / "study.yaml"
    path.write_text("[on, off, no, Yes, y, true, True, FALSE, 1e-5, -.5E+3, 2.e1, 1.0e-5, 12, 0x1f, e5, 1e, ~]")
    found, _, _ = keyed.read(path)
    assert found == ["on", "off", "no", "Yes", "y", True, True, False, 1e-5, -500.0, 20.0, 1e-5, 12, 31, "e5", "1e", None]
    path.write_text(
        "about: x\nmodels: [m]\nintermediates: [none]\ntargets: [udpos]\nseeds: [0]\n"
        "recipe: {base: jiant, retrieval_layer: {m: 1, no: 2}, target: {learning_rate: 1e-5, selection: {every: 10, on: target-languages}}}\n"
    )
    recipe = study.load_study(path).recipe
    assert recipe.target.selection is not None
    assert (recipe.target.selection.on, recipe.target.learning_rate, recipe.layer("no")) == ("target-languages", 1e-5, 2)


def test_anchors_of_a_study_file(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("targets: &t [udpos]\nintermediates: *t\nrecipe: {<<: {a: 1}}")
    assert keyed.read(path)[0] == {"targets": ["udpos"], "intermediates": ["udpos"], "recipe": {"a": 1}}
    for one, line in (("*a{}", "[{}]"), ("k: *a{}", "{{{}}}"), ("*a{}", "{{<<: [{}]}}")):
        bomb = [line.format(", ".join([one.format(i)] * 10)) for i in range(9)]
        path.write_text("\n".join(["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {text}" for i, text in enumerate(bomb, 1))]))
        with pytest.raises(StudyError, match="it stands for more than 100,000 values"):
            keyed.read(path)
    path.write_text("a: &a {k: 1, k: 2}\nb: *a\nc: {<<: {d: 1}, <<: {e: 2}}\nd: {1: x, '1': y}")
    said, _, twice = keyed.read(path)  # what is written once is said once, and two merges are both taken
    assert said == {"a": {"k": 2}, "b": {"k": 2}, "c": {"d": 1, "e": 2}, "d": {1: "x", "1": "y"}}
    assert twice == ["line 1, a.k: it stands on line 1 too"]
    path.write_text("a: 1\nb: &b\n  c: *b")
    with pytest.raises(StudyError, match="line 3: an anchor within itself"):
        keyed.read(path)


def test_what_a_study_says_of_a_base_recipe_leaves_the_rest_of_it(tiny_model: Path, tmp_path: Path) -> None:
    """`tasks: {xquad: {epochs: 3}}` over jiant had 256 subwords, no stride and batches of 32."""

    def over(base: str, **change: Any) -> Recipe:
        tasks = ["xquad", "udpos", "udpos@de", "panx"]
        return study.load_study(write_study(tmp_path, tiny_model, targets=tasks, recipe={"base": base, **change})).recipe

    jiant, xtreme = over("jiant"), over("xtreme")
    found = over("jiant", tasks={"xquad": {"epochs": 3}, "udpos@de": {"batch_size": 8}, "mini-ner": {"warmup": 0.2}})
    assert found.phase("target", "xquad") == jiant.phase("target", "xquad").model_copy(update={"epochs": 3})
    assert found.phase("target", "udpos@de") == jiant.phase("target", "udpos").model_copy(update={"batch_size": 8})
    assert found.tasks.items() > {name: fields for name, fields in jiant.tasks.items() if name != "xquad"}.items()
    assert found.tasks["mini-ner"] == {"warmup": 0.2}
    found = over("jiant", target={"selection": {"every": 500}})
    assert jiant.target.selection is not None
    assert found.target.selection == jiant.target.selection.model_copy(update={"every": 500})
    assert found.intermediate == jiant.intermediate
    assert over("jiant", target={"selection": None}).target.selection is None
    # A share of warm-up takes the place of steps that only the base says.
    change = {"tasks": {"xquad": {"warmup": 0.3}, "panx": {"warmup": 0.2}, "mini-ner": {"warmup": 0.1, "warmup_steps": 7}}}
    found = over("xtreme", target={"warmup": 0.4}, **change)
    assert [(p.warmup, p.warmup_steps) for p in (found.target, found.intermediate)] == [(0.4, None), (0.1, 0)]
    for which in ("target", "intermediate"):
        warm = [found.phase(which, name) for name in ("xquad", "panx", "mini-ner", "squad1")]  # type: ignore[arg-type]
        assert [(p.warmup, p.warmup_steps) for p in warm[:3]] == [(0.3, None), (0.2, None), (0.1, 7)]
        assert warm[3].warmup_steps == xtreme.phase("target", "squad1").warmup_steps == 500
    assert found.phase("target", "panx").selection == xtreme.phase("target", "panx").selection


def test_what_a_task_does_not_take_from_the_phases_has_to_be_said(tiny_model: Path, tmp_path: Path) -> None:
    """A step for one task was selected on other examples by another metric than in the phase, without a word; what is stored is still read."""

    def load(recipe: dict[str, Any]) -> Recipe:
        return study.load_study(write_study(tmp_path, tiny_model, targets=["mini-ner", "panx"], recipe=recipe)).recipe

    phase = {"warmup_steps": 9, "selection": {"metric": "mean", "examples": 50, "every": 100}, "lora": {"rank": 2}}
    special = {"warmup": 0.1, "selection": {"every": 10}, "lora": {"alpha": 2}}
    given = {"frozen_layers": 1, "target": phase, "tasks": {"mini-ner": special}}
    with pytest.raises(StudyError) as caught:
        load(given)
    assert unplaced(caught.value.problems) == [
        "recipe.tasks: mini-ner: selection has to say examples, metric too: they are not taken from the phases",
        "recipe.tasks: mini-ner: lora has to say rank too: they are not taken from the phases",
        "recipe.tasks: mini-ner: warmup has no effect beside the warmup_steps of a phase; say warmup_steps: null too",
    ]
    stored = Recipe.model_validate(given)
    assert Recipe.model_validate_json(stored.canonical) == stored
    assert Recipe.model_validate_json(stored.canonical).recipe_id == stored.recipe_id
    whole = study.Study(about="x", models=["m"], intermediates=["none"], targets=["mini-ner"], seeds=[0], recipe=stored)
    assert study.Study.model_validate(whole.model_dump(mode="json")) == whole
    said = {"warmup": 0.1, "warmup_steps": None, "selection": {"every": 10, "examples": 5, "metric": "mean"}, "lora": {"rank": 3}}
    assert load({**given, "tasks": {"mini-ner": said}}).phase("target", "mini-ner").warmup_steps is None
    assert load({"target": {"selection": {"every": 100}}, "tasks": {"mini-ner": {"selection": None, "warmup": 0.2}}})
    # Over a base the rest is that of the target phase.
    jiant = load({"base": "jiant"}).target
    assert jiant.selection is not None
    change = {"mini-ner": {"selection": {"every": 10}, "lora": {"rank": 1}}, "panx": {"selection": {"every": 20}}}
    found = load({"base": "jiant", "target": {"selection": {"patience": 7}, "lora": {"dropout": 0.1}}, "tasks": change})
    for name, every in (("mini-ner", 10), ("panx", 20)):
        assert found.phase("target", name).selection == jiant.selection.model_copy(update={"patience": 7, "every": every})
    lora = found.phase("target", "mini-ner").lora
    assert lora is not None
    assert (lora.rank, lora.dropout) == (1, 0.1)


def test_what_would_have_no_effect_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """Two names of one training would be two systems; a length of a phase would change ids and nothing else."""
    tasks = {"intermediates": ["none", "intents@en"], "targets": ["mini-ner@en"]}
    path = write_study(tmp_path, tiny_model, **tasks, recipe={**RECIPE, "tasks": {"mini-ner@en": {"epochs": 2}}})
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert [p.split(":")[0] for p in unplaced(caught.value.problems)] == ["intermediates", "targets", "recipe.tasks"]
    assert "intents@en is called intents" in caught.value.problems[0]
    for field in ("max_length", "doc_stride"):
        path = write_study(tmp_path, tiny_model, recipe={**RECIPE, "target": {field: 30}})
        with pytest.raises(StudyError, match=f"target: {field} can be said of the whole recipe or of single tasks"):
            study.load_study(path)


def test_a_mixture_has_no_length_of_its_own(tiny_model: Path, tmp_path: Path) -> None:
    """It changed the id of the recipe and nothing that is trained."""
    special = {"best3": {"max_length": 60, "doc_stride": 9, "epochs": 1}, "mini-multi": {"doc_stride": None}, "squad2": {"max_length": 60}}
    path = write_study(tmp_path, tiny_model, intermediates=["none", "best3", "mini-multi"], recipe={"tasks": special})
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert unplaced(caught.value.problems) == [
        "recipe.tasks: best3: max_length and doc_stride can be said of its parts (mnli, squad2, hellaswag), not of a mixture",
        "recipe.tasks: mini-multi: doc_stride can be said of its parts (intents, mini-pos, mini-nli), not of a mixture",
    ]


def test_a_selection_that_cannot_be_made_is_known_before_training(tiny_model: Path, tmp_path: Path) -> None:
    """TyDiQA's development set is its test set, MNLI has no test languages to select on, names have no labels."""
    choice = {"selection": {"every": 5}}
    tasks = {"intermediates": ["none", "mnli", "names", "mnli-mlm"], "targets": ["mini-ner", "tydiqa", "tatoeba"]}
    path = write_study(tmp_path, tiny_model, **tasks, recipe={"target": choice, "intermediate": choice})
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert unplaced(caught.value.problems) == [
        "intermediates: names: selection needs a part with labels; selection: null takes the last step",
        "targets: tydiqa: selection: tydiqa has no development data; selection: null takes the last step",
    ]
    other = {"selection": {"every": 5, "on": "target-languages"}}
    special = {"names": {"selection": None}, "tydiqa": {"selection": None}}
    path = write_study(tmp_path, tiny_model, **tasks, recipe={"target": other, "intermediate": other, "tasks": special})
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert unplaced(caught.value.problems) == [
        f"intermediates: {name}: selection on target-languages: mnli has no test languages" for name in ("mnli", "mnli-mlm")
    ]


def test_the_majority_of_choices() -> None:
    from xbench.train import majority

    task = load_task("xcopa")
    right = [Choice(str(i), str(i), "text", ("a", "b"), label) for i, label in enumerate(("0", "1", "1"))]
    assert majority.predict(task, right, right[:1]) == ["1"]


def test_a_task_is_not_its_own_intermediate(tiny_model: Path, tmp_path: Path) -> None:
    path = write_study(tmp_path, tiny_model, intermediates=["mini-ner"], targets=["mini-ner"])
    with pytest.raises(StudyError, match="no cell is left"):
        study.load_study(path)
    # Nor one that is trained in another language, on what it is tested on there.
    other = ["intents@de", "intents@de+es+fr"]
    todo, _ = executors.lay_out(
        study.load_study(write_study(tmp_path, tiny_model, intermediates=["none", *other], targets=["intents", "mini-ner"]))
    )
    assert {(c.intermediate, c.target) for c in todo.cells} == {("none", "intents"), *((i, "mini-ner") for i in ("none", *other))}
    path = write_study(tmp_path, tiny_model, intermediates=other, targets=["intents", "intents@fr"])
    with pytest.raises(StudyError, match="a task is not its own intermediate, in whatever language"):
        study.load_study(path)
    # Of XTREME-R a task is XTREME's in more languages.
    assert left_out("panx@de", "xtreme-r-panx") == left_out("panx@de", "panx") == left_out("xtreme-r-panx", "panx") != ""
    # Nor as a part of a mixture: mini-multi has seen English sentences that intents@de is tested on, and of intents what intents trains on.
    mixed = {"intermediates": ["none", "mini-multi", "intents-mlm", "commands-mlm"], "targets": ["intents", "intents@de"]}
    todo, _ = executors.lay_out(study.load_study(write_study(tmp_path, tiny_model, **mixed)))
    assert [(c.intermediate, c.task_name) for c in todo.cells if c.seed == 0] == [
        ("none", "intents@en"), ("none", "intents@de"), ("mini-multi", "intents@en"), ("intents-mlm", "intents@en"),
        ("commands-mlm", "intents@en"), ("commands-mlm", "intents@de"),
    ]  # fmt: skip
    path = write_study(tmp_path, tiny_model, intermediates=["mini-multi", "intents@es"], targets=["intents@de"])
    with pytest.raises(StudyError) as caught:
        study.load_study(path)
    assert caught.value.problems[0].split(": ")[1].split("; ") == [
        "intents, a part of mini-multi, is trained on what intents@de may be tested on",
        "a task is not its own intermediate, in whatever language it is trained",
    ]


@pytest.mark.parametrize("change", [{"seeds": [5]}, {"recipe": {**RECIPE, "max_length": 65}}, {"intermediates": ["mini-nli"]}])
def test_ids_depend_on_key_and_conditions(tiny_model: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    base = {"intermediates": ["mini-pos"], "targets": ["mini-ner"], "seeds": [0]}
    ids = []
    for extra in ({}, {}, change):
        todo, _ = executors.lay_out(study.load_study(write_study(tmp_path, tiny_model, **{**base, **extra})))
        ids.append(todo.cells[0].run_id)
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("path", sorted((Path(__file__).parent.parent / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    """They can be checked without data or models; phang2020 has what the paper has."""
    found = study.load_study(path)
    assert found.about
    if path.stem == "phang2020":
        assert len(found.targets) == 9
        assert {"anli-plus", "mnli", "qqp", "squad2", "squad1", "hellaswag", "ccg", "cosmosqa", "csqa"} < set(found.intermediates)
        assert found.models == ["xlm-roberta-large", "xlm-roberta-base"]
        # jiant's scripts, as in studies/recipes/jiant.yaml
        phase = found.recipe.phase("target", "udpos")
        assert (phase.epochs, phase.batch_size, phase.learning_rate, found.recipe.lengths("xquad")) == (10, 32, 1e-5, (384, 128))
        assert [found.recipe.layer(m) for m in found.models] == [14, 8]


@pytest.mark.parametrize("name", ["jiant", "xtreme"])
def test_a_task_of_xtreme_r_is_trained_as_that_of_xtreme(name: str, tiny_model: Path, tmp_path: Path) -> None:
    """xtreme-r-xquad had 128 subwords and no stride."""
    for task in ("xquad", "udpos", "panx", "tatoeba"):
        again = f"xtreme-r-{task}"
        recipe = study.load_study(write_study(tmp_path, tiny_model, targets=[task, again], recipe=name)).recipe
        assert recipe.phase("target", again) == recipe.phase("target", task) != recipe.target
        assert recipe.lengths(again) == recipe.lengths(task)
        assert load_task(again).selected_on == load_task(task).selected_on


def test_the_step_of_a_mixture_is_selected_by_the_mean_over_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part in three languages counts as much as one in one: ((.9 + .6 + .3) / 3 + .2) / 2."""
    from xbench.train import heads, stages

    scores = {("mini-nli", "de"): 0.9, ("mini-nli", "en"): 0.6, ("mini-nli", "fi"): 0.3, ("mini-pos", "en"): 0.2}
    parts, objectives = [], []
    for name in ("mini-nli", "mini-pos"):
        task = replace(load_task(name), languages=tuple(code for part, code in scores if part == name))
        objectives.append(stages.Supervised(task, [], [], object.__new__(heads.Head)))
        parts.append(stages.Material(Part(name), task, [], []))
    monkeypatch.setattr(stages, "_development", lambda bench, task, languages, wanted: [(code, [], []) for code in languages])
    monkeypatch.setattr(stages.loop, "predict", lambda *_: [])
    monkeypatch.setattr(stages, "_scores", lambda task, references, said, language: {task.metric: scores[task.name, language]})
    phase = Phase(selection=Selection(on="target-languages", every=1))
    judge, _ = stages._judge(SimpleNamespace(encoder=lambda: None), parts, objectives, phase)
    assert judge is not None
    assert judge(None) == pytest.approx(((0.9 + 0.6 + 0.3) / 3 + 0.2) / 2)
