"""One cell from encoder to rows: train what is not trained yet, predict every language, score."""

import json
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from xbench import mining, places, scoring
from xbench.errors import DataError, PluginError, StudyError
from xbench.hashes import tested_revision
from xbench.recipe import Compute, Phase, Recipe, unreachable
from xbench.scorer import load_scorer
from xbench.study import STACK, Cell, Stage, lineage, unchanged
from xbench.task import Example, Split, Task, Translation, load_task
from xbench.train import heads, loop, majority, mined, models, saving, stages
from xbench.train.encoded import encoded
from xbench.train.encoder import SplitEncoder, Trunk, memory
from xbench.train.encoding import Piece, encode_texts, separator
from xbench.version import __version__

Report = Callable[[str, int, int], None]  # (what is done, done so far, in all)
Keep = Literal["none", "encoders", "all"]


@dataclass(slots=True)
class Workbench:
    """One model with everything that its cells share: frozen states, encoded examples, trained stages.

    Attributes:
        model: The resolved model.
        recipe: Hyper-parameters.
        checkpoints: Folder for the encoders of stages that further stages start from, and for trainings under way.
        shared: Ids of the stages whose encoders are to be kept there.
        compute: How to compute.
        keep: `all` keeps the systems of all stages, heads included.
        every: Seconds between two states of a training under way.
        workers: How many processes share this machine's memory.
        threads: For torch, in all of this process; its own choice if None.
    """

    model: models.Resolved
    recipe: Recipe
    checkpoints: Path
    shared: frozenset[str]
    report: Report
    compute: Compute = field(default_factory=Compute)
    keep: Keep = "none"
    every: float = saving.EVERY
    workers: int = 1
    threads: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    _encoder: SplitEncoder | None = None
    _tokenizer: Any = None
    _data: dict[tuple[str, str, Split], tuple[Sequence[Example], list[Piece]]] = field(default_factory=dict)
    _trained: dict[str, loop.Trained] = field(default_factory=dict)
    _vectors: dict[tuple[int, tuple[str, ...]], npt.NDArray[np.float32]] = field(default_factory=dict)
    _vectors_of: str | None = None
    _retriever: Any = None

    def __post_init__(self) -> None:
        if self.threads:
            torch.set_num_threads(self.threads)

    def encoder(self) -> SplitEncoder:
        """The split encoder, loaded when first needed."""
        if self._encoder is None:
            model, self._tokenizer = models.load(self.model)
            room = memory() // self.workers
            self._encoder = SplitEncoder(
                model,
                self.recipe.frozen_layers,
                self.device,
                self.compute.inference_tokens,
                room,
                separator(self._tokenizer),
                models.pooler(self.model, model.config.hidden_size) if self.recipe.classifier == "pooler" else None,
            )
            if self.recipe.precision == "bfloat16":
                self._encoder.precision = torch.bfloat16
        return self._encoder

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        self.encoder()
        return self._tokenizer

    def data(self, task: Task, language: str, split: Split) -> tuple[Sequence[Example], list[Piece]]:
        """Examples and their encoding, made once."""
        key = (task.name, language, split)
        if key not in self._data:
            encoder = self.encoder()
            examples = task.examples(language, split)
            pieces = encoded(self.model, self._tokenizer, self.recipe, task, language, split, examples)
            self._data[key] = (examples, pieces)
            if task.family != "mlm":
                encoder.prepare([p.ids for p in pieces], lambda d, n: self.report(f"frozen layers {task.name} {language}", d, n))
        return self._data[key]

    def phase(self, stage: Stage) -> Phase:
        """The hyper-parameters of a stage."""
        return self.recipe.phase(stage.phase, stage.task)

    def depth(self, layer: int) -> int | None:
        """Layers of the trunk that lead to a hidden layer of the model; None for the last.

        Raises:
            StudyError: If that layer is frozen, or there is none of that number.
        """
        encoder = self.encoder()
        if problem := unreachable(layer, encoder.layers, encoder.frozen_layers):
            raise StudyError(f"{self.model.name}: {problem}")
        return None if layer in (-1, encoder.layers) else layer - encoder.frozen_layers

    def trained(self, stage: Stage) -> loop.Trained:
        """The system after `stage`: from its checkpoint, or trained from its parent's encoder."""
        if stage.stage_id not in self._trained:
            self._trained.clear()  # one system at a time: a cell asks for its stage once
            self._trained[stage.stage_id] = self._stored(stage) or self._train(stage)
        return self._trained[stage.stage_id]

    def saver(self, stage: Stage) -> saving.Saver:
        """Keeps the state of a stage's training."""
        return saving.Saver(self.checkpoints / f"{stage.stage_id}.step.safetensors", self.every)

    def _stored(self, stage: Stage) -> loop.Trained | None:
        task, on_top = load_task(stage.task), saving.found(self._head_file(stage), str(self.device))
        if on_top is None and task.family not in stages.NO_HEAD:
            return None
        encoder = saving.found(self.checkpoint(stage), str(self.device))
        if encoder is None:
            return None
        trunk = self.encoder().trunk(encoder[0]).eval()
        if on_top is None:
            return loop.Trained(trunk, None)
        head = stages.head(self, task, self.phase(stage))
        head.load_state_dict(on_top[0])
        return loop.Trained(trunk, head.eval())

    def _train(self, stage: Stage) -> loop.Trained:
        trained = stages.train(self, stage, self.trunk(stage.parent))
        if stage.stage_id in self.shared or self.keep == "all":
            if trained.head is not None:
                saving.save(self._head_file(stage), trained.head.state_dict())
            saving.save(self.checkpoint(stage), trained.trunk.state_dict())  # last: it marks the stage as done
            places.remove(self.saver(stage).path)
        return trained

    def finished(self, stage: Stage) -> None:
        """The cell of this stage is stored: the state of its training has served."""
        places.remove(self.saver(stage).path)

    def ticker(self, what: str, total: int) -> loop.Tick:
        """Reports `what` as it is told that more of it is done."""
        done = 0

        def tick(count: int) -> None:
            nonlocal done
            done += count
            self.report(what, done, total)

        return tick

    def trunk(self, stage: Stage | None) -> Trunk:
        """The encoder after `stage` (None: pretrained), from its checkpoint where there is one."""
        if stage is None:
            return self.encoder().trunk().eval()
        kept = saving.found(self.checkpoint(stage), str(self.device))
        return self.encoder().trunk(kept[0] if kept else self.trained(stage).trunk.state_dict()).eval()

    def vectors(self, task: Task, stage: Stage | None, texts: tuple[str, ...], *, keep: bool = True) -> npt.NDArray[np.float32]:
        """Vectors of a task's texts under the encoder after `stage`; kept while the stage stays the same, unless `keep` is False."""
        of = stage.stage_id if stage else ""
        if of != self._vectors_of:
            self._vectors, self._vectors_of, self._retriever = {}, of, self.trunk(stage)
        encoder, recipe = self.encoder(), self.recipe
        length, _ = recipe.lengths(task.name)
        if (length, texts) in self._vectors:
            return self._vectors[length, texts]
        pieces = encode_texts(self._tokenizer, [recipe.prefix(self.model.name) + t for t in texts], length)
        vectors: npt.NDArray[np.float32] = loop.embed(
            pieces,
            encoder,
            self._retriever,
            self.depth(recipe.layer(self.model.name)),
            self.ticker("embed for retrieval", len(pieces)),
            pooling=recipe.retrieval_pooling,
            special_tokens=recipe.retrieval_special_tokens,
            keep=keep,
        ).numpy()
        if keep:
            self._vectors[length, texts] = vectors
        return vectors

    def checkpoint(self, stage: Stage) -> Path:
        """Where the encoder of a shared stage is kept."""
        return self.checkpoints / f"{stage.stage_id}.safetensors"

    def _head_file(self, stage: Stage) -> Path:
        return self.checkpoints / f"{stage.stage_id}.head.safetensors"


def run_cell(bench: Workbench, cell: Cell, study: str, started: datetime, now: Callable[[], datetime]) -> dict[str, pa.Table]:
    """Train, predict and score one cell; `study` is the study that asks for it, as JSON.

    Returns:
        {table: rows} for prediction, outcome, score and run, as the contracts want them.

    Raises:
        DataError: If the target's data is no longer what the study was planned for.
    """
    task = load_task(cell.task_name)
    parts = task.predicted
    predicted = _predict(bench, cell, task, parts)
    unchanged(task.name, bench.recipe.phase("target", task.name), cell.target_revision)
    key = {
        "run_id": cell.run_id,
        "model": cell.model,
        "intermediate": cell.intermediate,
        "target": cell.target,
        "train_language": cell.train_language,
        "seed": cell.seed,
    }
    tables: dict[str, list[pa.Table]] = {"prediction": [], "outcome": [], "score": []}
    scorers = [load_scorer(name) for name in task.scorers]
    for (language, split), (examples, answers) in zip(parts, predicted, strict=True):
        said = scoring.Answers(
            [e.example_id for e in examples], [e.cluster_id for e in examples], [heads.reference(e) for e in examples], answers
        )
        outcome, score = scoring.score_rows(key, language, split, said, scorers, tested_revision(cell.target_revision))
        tables["prediction"].append(scoring.prediction_rows(key, language, split, said))
        tables["outcome"].append(outcome)
        tables["score"].append(score)
    run = key | _conditions(bench, cell) | {"study": study, "started": started, "finished": max(now(), started)}  # clocks are set back
    return {name: pa.concat_tables(rows) for name, rows in tables.items()} | {"run": pa.Table.from_pylist([run])}


_REHEARSED = 20  # examples that every scorer is tried on


def rehearse(targets: Iterable[str]) -> None:
    """Score the gold answers of a few examples of each target: what is wrong with a scorer is said before anything is trained.

    Raises:
        PluginError: With every target whose scorers fail, give no ratios, or do not measure the metric that counts.
    """
    problems = []
    for name in targets:
        task = load_task(name)
        language, split = task.predicted[0]
        try:
            examples = task.examples(language, split)[:_REHEARSED]
        except DataError:
            continue  # that cell will say so, and keep no other from being run
        gold = [heads.reference(e) for e in examples]
        said = [json.loads(g)[0] for g in gold] if task.family == "qa" else gold
        answers = scoring.Answers([e.example_id for e in examples], [e.cluster_id for e in examples], gold, said)
        try:
            _, score = scoring.score_rows(
                {**dict.fromkeys(scoring.KEY, ""), "seed": 0}, language, split, answers, [load_scorer(s) for s in task.scorers], ""
            )
            _measured(task, score)
        except PluginError as error:
            problems.append(f"{task.name}: {error.line}")
        except ValueError as error:
            problems.append(f"{task.name}, gold answers: {error}")
    if problems:
        raise PluginError("nothing was trained: what would be predicted could not be scored", list(dict.fromkeys(problems)))


def _measured(task: Task, score: pa.Table) -> None:
    if task.metric not in (measured := sorted(set(score["metric"].to_pylist()))):
        raise PluginError(f"task {task.name} counts metric {task.metric!r}, which none of its scorers gives: {', '.join(measured)}")


def _conditions(bench: Workbench, cell: Cell) -> dict[str, Any]:
    trained = bench.model.folder is not None
    ways = {p.selection.on for p in map(bench.phase, lineage(cell.encoder)) if p.selection} if trained else set()
    versions = {name: metadata.version(name) for name in ("torch", "transformers")}
    return {
        "kind": "run",
        "model_revision": cell.model_revision,
        "parameters": bench.encoder().parameters if trained else 0,
        "target_revision": cell.target_revision,
        "intermediate_revision": cell.intermediate_revision,
        "recipe": bench.recipe.canonical,
        "recipe_id": bench.recipe.recipe_id,
        "selection": "target-languages" if "target-languages" in ways else "train-language" if ways else "last step",
        "stack": STACK,
        "source": STACK,
        "source_version": ".".join(__version__.split(".")[:2]),
        "relationship": "first party",
        "trained_examples": stages.examples_seen(bench, cell.encoder) if trained else 0,
        "packages": json.dumps({"python": platform.python_version(), "xbench": __version__, **versions}, sort_keys=True),
        "hardware": hardware(bench.device, bench.compute),
    }


def hardware(device: torch.device, compute: Compute) -> str:
    """The accelerator's name, or the processor's architecture and the threads used; and how it was computed, where not as usual."""
    name = f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} thread(s)"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    unusual = [f"{k} {v}" for k, v in compute.model_dump().items() if v != Compute.model_fields[k].default]
    return ", ".join([name, *unusual])


def _predict(bench: Workbench, cell: Cell, task: Task, parts: Sequence[tuple[str, Split]]) -> list[tuple[Sequence[Example], list[str]]]:
    if bench.model.folder is None:
        training = task.examples(task.train_language, "train")
        given = [task.examples(language, split) for language, split in parts]
        return [(examples, majority.predict(task, training, examples)) for examples in given]
    if task.family == "retrieval":
        return [_retrieve(bench, task, cell.encoder, language, split) for language, split in parts]
    if task.family == "mining":
        pairs = {code: mined.mine(bench, task, cell.encoder, code) for code in task.languages}
        return [pairs[code][split] for code, split in parts]
    assert cell.encoder is not None
    trained = bench.trained(cell.encoder)
    every: list[Example] = []
    pieces: list[Piece] = []
    sizes = []
    for language, split in parts:
        examples, own = bench.data(task, language, split)
        pieces += [p.shifted(len(every)) for p in own]
        every += examples
        sizes.append(len(examples))

    tick = bench.ticker(f"predict {cell.label}", len(pieces))
    answers = loop.predict(task, every, pieces, bench.encoder(), trained, tick)
    out: list[tuple[Sequence[Example], list[str]]] = []
    for size in sizes:
        start = sum(len(e) for e, _ in out)
        out.append((every[start : start + size], answers[start : start + size]))
    return out


def _retrieve(bench: Workbench, task: Task, stage: Stage | None, language: str, split: Split) -> tuple[Sequence[Example], list[str]]:
    """For each English sentence the id of its nearest neighbour by cosine among all sentences of the language."""
    examples = task.examples(language, split)
    pairs = [e for e in examples if isinstance(e, Translation)]
    queries = bench.vectors(task, stage, tuple(e.english for e in pairs))
    candidates = bench.vectors(task, stage, tuple(e.foreign for e in pairs))
    nearest = mining.nearest(queries, candidates)
    return examples, [pairs[i].example_id for i in nearest]
