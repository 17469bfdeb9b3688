"""One cell from encoder to rows: train what is not trained yet, predict every language, score."""

import json
import platform
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from safetensors.torch import load_file, save_file

from xbench import mining, scoring
from xbench.recipe import Phase, Recipe
from xbench.scorer import load_scorer
from xbench.study import STACK, Cell, Stage, lineage
from xbench.task import Example, Part, Split, Task, Translation, load_task
from xbench.train import heads, loop, majority, mined, mixing, models
from xbench.train.encoder import SplitEncoder, Trunk
from xbench.train.encoding import Piece, encode, encode_texts
from xbench.version import __version__

Report = Callable[[str, int, int], None]  # (what is done, done so far, in all)


@dataclass(slots=True)
class Workbench:
    """One model with everything that its cells share: frozen states, encoded examples, trained stages.

    Attributes:
        model: The resolved model.
        recipe: Hyper-parameters.
        checkpoints: Folder for the encoders of stages that further stages start from.
        shared: Ids of the stages to be kept there.
    """

    model: models.Resolved
    recipe: Recipe
    checkpoints: Path
    shared: frozenset[str]
    report: Report
    device: torch.device = field(default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    _encoder: SplitEncoder | None = None
    _tokenizer: Any = None
    _data: dict[tuple[str, str, Split], tuple[Sequence[Example], list[Piece]]] = field(default_factory=dict)
    _trained: dict[str, loop.Trained] = field(default_factory=dict)
    _vectors: dict[tuple[str, ...], npt.NDArray[np.float32]] = field(default_factory=dict)
    _vectors_of: str | None = None
    _retriever: Any = None

    def encoder(self) -> SplitEncoder:
        """The split encoder, loaded when first needed."""
        if self._encoder is None:
            model, self._tokenizer = models.load(self.model)
            self._encoder = SplitEncoder(model, self.recipe.frozen_layers, self.device)
        return self._encoder

    def data(self, task: Task, language: str, split: Split) -> tuple[Sequence[Example], list[Piece]]:
        """Examples and their encoding, made once."""
        key = (task.name, language, split)
        if key not in self._data:
            self.encoder()
            examples = task.examples(language, split)
            self._data[key] = (examples, encode(self._tokenizer, examples, self.recipe.max_length, self.recipe.doc_stride))
            self.encoder().prepare(
                [p.ids for p in self._data[key][1]], lambda d, n: self.report(f"frozen layers {task.name} {language}", d, n)
            )
        return self._data[key]

    def training(self, task: Task, phase: Phase) -> tuple[Sequence[Example], list[Piece]]:
        """The training set of one task, thinned to `max_examples` evenly; of masked language modelling all languages together."""
        languages = task.languages if task.family == "mlm" else (task.train_language,)
        examples: list[Example] = []
        pieces: list[Piece] = []
        for language in languages:
            own, encoded = self.data(task, language, "train")
            pieces += [_shifted(p, len(examples)) for p in encoded] if examples else encoded
            examples += own
        limit = phase.max_examples
        if limit is None or limit >= len(examples):
            return examples, pieces
        keep = {i * len(examples) // limit for i in range(limit)}
        return examples, [p for p in pieces if p.example in keep]

    def phase(self, stage: Stage) -> Phase:
        """The hyper-parameters of a stage."""
        return self.recipe.phase("intermediate" if stage.phase == "intermediate" else "target", stage.task)

    def trained(self, stage: Stage) -> loop.Trained:
        """The system after `stage`, trained from its parent's encoder if it is not at hand."""
        if stage.stage_id not in self._trained:
            self._trained.clear()  # one system at a time: a cell asks for its stage once
            trained = self._train(stage, load_task(stage.task), self.phase(stage))
            if stage.stage_id in self.shared:
                self._save(stage, trained.trunk)
            self._trained[stage.stage_id] = trained
        return self._trained[stage.stage_id]

    def _train(self, stage: Stage, task: Task, phase: Phase) -> loop.Trained:
        seed = loop.stage_seed(stage.seed, *(s.task for s in lineage(stage)))
        what = f"train {' > '.join(s.task for s in lineage(stage))}"
        if task.family in ("mixture", "mlm"):
            materials = self.materials(task, phase)
            trunk = self.trunk(stage.parent)
            words = None
            if any(m.task.family == "mlm" for m in materials):
                words = mixing.vocabulary(self._tokenizer, len(self.encoder().words(trunk)))
            tick = self.ticker(what, mixing.steps(materials, phase))
            return mixing.train(task, materials, self.encoder(), trunk, phase, seed, tick, words)
        examples, pieces = self.training(task, phase)
        tick = self.ticker(what, len(pieces) * phase.epochs)
        return loop.train(task, examples, pieces, self.encoder(), self.trunk(stage.parent), phase, seed, tick)

    def materials(self, task: Task, phase: Phase) -> list[mixing.Material]:
        """The data of all parts of a mixture."""
        parts = [(part, load_task(part.task)) for part in task.parts] or [(Part(task.name), task)]
        return [mixing.Material(part, own, *self.training(own, phase)) for part, own in parts]

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
        path = self.checkpoint(stage)
        if not path.is_file():
            return self.encoder().trunk(self.trained(stage).trunk.state_dict()).eval()
        return self.encoder().trunk(load_file(path, device=str(self.device))).eval()

    def vectors(self, stage: Stage | None, texts: tuple[str, ...], *, keep: bool = True) -> npt.NDArray[np.float32]:
        """Vectors of texts under the encoder after `stage`, for retrieval; kept while the stage stays the same, unless `keep` is False."""
        of = stage.stage_id if stage else ""
        if of != self._vectors_of:
            self._vectors, self._vectors_of, self._retriever = {}, of, self.trunk(stage)
        if texts in self._vectors:
            return self._vectors[texts]
        encoder, recipe = self.encoder(), self.recipe
        pieces = encode_texts(self._tokenizer, [recipe.retrieval_prefix + t for t in texts], recipe.max_length)
        vectors: npt.NDArray[np.float32] = loop.embed(
            pieces,
            encoder,
            self._retriever,
            None if recipe.retrieval_layer == -1 else recipe.retrieval_layer - encoder.frozen_layers,
            self.ticker("embed for retrieval", len(pieces)),
            pooling=recipe.retrieval_pooling,
            special_tokens=recipe.retrieval_special_tokens,
            keep=keep,
        ).numpy()
        if keep:
            self._vectors[texts] = vectors
        return vectors

    def checkpoint(self, stage: Stage) -> Path:
        """Where the encoder of a shared stage is kept."""
        return self.checkpoints / f"{stage.stage_id}.safetensors"

    def examples_seen(self, stage: Stage | None) -> int:
        """Examples in gradient steps over all stages up to `stage`."""
        seen = 0
        for s in lineage(stage):
            task, phase = load_task(s.task), self.phase(s)
            if task.family in ("mixture", "mlm"):
                seen += phase.epochs * sum(m.size for m in self.materials(task, phase))
            else:
                seen += phase.epochs * len({p.example for p in self.training(task, phase)[1]})
        return seen

    def _save(self, stage: Stage, trunk: Trunk) -> None:
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        temporary = self.checkpoints / f"{stage.stage_id}.{uuid.uuid4().hex}.tmp"
        save_file({k: v.contiguous() for k, v in trunk.state_dict().items()}, temporary)
        temporary.replace(self.checkpoint(stage))


def run_cell(bench: Workbench, cell: Cell, started: datetime, now: Callable[[], datetime]) -> dict[str, pa.Table]:
    """Train, predict and score one cell.

    Returns:
        {table: rows} for prediction, outcome, score and run, as the contracts want them.
    """
    task = load_task(cell.task_name)
    parts: list[tuple[str, Split]] = [(language, "test") for language in task.languages]
    if task.has_dev and (task.trains or task.family == "mining"):
        parts = [(code, "dev") for code in (task.languages if task.family == "mining" else (task.train_language,))] + parts
    predicted = _predict(bench, cell, task, parts)
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
        outcome, score = scoring.score_rows(key, language, split, said, scorers, cell.target_revision)
        tables["prediction"].append(scoring.prediction_rows(key, language, split, said))
        tables["outcome"].append(outcome)
        tables["score"].append(score)
    run = key | _conditions(bench, cell) | {"started": started, "finished": now()}
    return {name: pa.concat_tables(rows) for name, rows in tables.items()} | {"run": pa.Table.from_pylist([run])}


def _conditions(bench: Workbench, cell: Cell) -> dict[str, Any]:
    trained = bench.model.folder is not None
    versions = {name: metadata.version(name) for name in ("torch", "transformers")}
    return {
        "kind": "run",
        "model_revision": cell.model_revision,
        "parameters": bench.encoder().parameters if trained else 0,
        "target_revision": cell.target_revision,
        "intermediate_revision": cell.intermediate_revision,
        "recipe": bench.recipe.canonical,
        "recipe_id": bench.recipe.recipe_id,
        "stack": STACK,
        "source": STACK,
        "source_version": ".".join(__version__.split(".")[:2]),
        "relationship": "first party",
        "trained_examples": bench.examples_seen(cell.encoder) if trained else 0,
        "packages": json.dumps({"python": platform.python_version(), "xbench": __version__, **versions}, sort_keys=True),
        "hardware": hardware(bench.device),
    }


def hardware(device: torch.device) -> str:
    """The accelerator's name, or the processor's architecture and the threads used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} thread(s)"


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
        pieces += [_shifted(p, len(every)) for p in own]
        every += examples
        sizes.append(len(examples))

    tick = bench.ticker(f"predict {cell.label}", len(pieces))
    answers = loop.predict(task, every, pieces, bench.encoder(), trained, tick)
    out: list[tuple[Sequence[Example], list[str]]] = []
    for size in sizes:
        start = sum(len(e) for e, _ in out)
        out.append((every[start : start + size], answers[start : start + size]))
    return out


def _shifted(piece: Piece, by: int) -> Piece:
    return replace(piece, example=piece.example + by)


def _retrieve(bench: Workbench, task: Task, stage: Stage | None, language: str, split: Split) -> tuple[Sequence[Example], list[str]]:
    """For each English sentence the id of its nearest neighbour by cosine among all sentences of the language."""
    examples = task.examples(language, split)
    pairs = [e for e in examples if isinstance(e, Translation)]
    queries = bench.vectors(stage, tuple(e.english for e in pairs))
    candidates = bench.vectors(stage, tuple(e.foreign for e in pairs))
    nearest = mining.nearest(queries, candidates)
    return examples, [pairs[i].example_id for i in nearest]
