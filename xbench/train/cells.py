"""One cell from encoder to rows: train what is not trained yet, predict every language, score."""

import json
import platform
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from safetensors.torch import load_file, save_file

from xbench import scoring
from xbench.recipe import Recipe
from xbench.scorer import load_scorer
from xbench.study import STACK, Cell, Stage, lineage
from xbench.task import Example, Split, Task, Translation, load_task
from xbench.train import heads, loop, majority, models
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
            self._data[key] = (examples, encode(self._tokenizer, examples, self.recipe.max_length))
            self.encoder().prepare(
                [p.ids for p in self._data[key][1]], lambda d, n: self.report(f"frozen layers {task.name} {language}", d, n)
            )
        return self._data[key]

    def training(self, task: Task, which: str) -> tuple[Sequence[Example], list[Piece]]:
        """The training set of one phase, thinned to `max_examples` evenly."""
        limit = self.recipe.phase("intermediate" if which == "intermediate" else "target", task.name).max_examples
        examples, pieces = self.data(task, task.train_language, "train")
        if limit is None or limit >= len(examples):
            return examples, pieces
        keep = {i * len(examples) // limit for i in range(limit)}
        return examples, [p for p in pieces if p.example in keep]

    def trained(self, stage: Stage) -> loop.Trained:
        """The system after `stage`, trained from its parent's encoder if it is not at hand."""
        if stage.stage_id not in self._trained:
            self._trained.clear()  # one system at a time: a cell asks for its stage once
            task = load_task(stage.task)
            phase = self.recipe.phase("intermediate" if stage.phase == "intermediate" else "target", stage.task)
            examples, pieces = self.training(task, stage.phase)
            trunk = self.trunk(stage.parent)
            total, done = len(pieces) * phase.epochs, 0

            def tick(count: int) -> None:
                nonlocal done
                done += count
                self.report(f"train {' > '.join(s.task for s in lineage(stage))}", done, total)

            seed = loop.stage_seed(stage.seed, *(s.task for s in lineage(stage)))
            trained = loop.train(task, examples, pieces, self.encoder(), trunk, phase, seed, tick)
            if stage.stage_id in self.shared:
                self._save(stage, trained.trunk)
            self._trained[stage.stage_id] = trained
        return self._trained[stage.stage_id]

    def trunk(self, stage: Stage | None) -> Trunk:
        """The encoder after `stage` (None: pretrained), from its checkpoint where there is one."""
        if stage is None:
            return self.encoder().trunk().eval()
        path = self.checkpoint(stage)
        if not path.is_file():
            return self.encoder().trunk(self.trained(stage).trunk.state_dict()).eval()
        return self.encoder().trunk(load_file(path, device=str(self.device))).eval()

    def vectors(self, stage: Stage | None, texts: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """Unit vectors of texts under the encoder after `stage`, for retrieval; kept while the stage stays the same."""
        of = stage.stage_id if stage else ""
        if of != self._vectors_of:
            self._vectors, self._vectors_of, self._retriever = {}, of, self.trunk(stage)
        if texts not in self._vectors:
            encoder, layer = self.encoder(), self.recipe.retrieval_layer
            pieces = encode_texts(self._tokenizer, [self.recipe.retrieval_prefix + t for t in texts], self.recipe.max_length)
            done = 0

            def tick(count: int) -> None:
                nonlocal done
                done += count
                self.report("embed for retrieval", done, len(pieces))

            depth = None if layer == -1 else layer - encoder.frozen_layers
            vectors = loop.embed(pieces, encoder, self._retriever, depth, tick).numpy()
            faiss.normalize_L2(vectors)
            self._vectors[texts] = vectors
        return self._vectors[texts]

    def checkpoint(self, stage: Stage) -> Path:
        """Where the encoder of a shared stage is kept."""
        return self.checkpoints / f"{stage.stage_id}.safetensors"

    def examples_seen(self, stage: Stage | None) -> int:
        """Examples in gradient steps over all stages up to `stage`."""
        return sum(
            len({p.example for p in self.training(load_task(s.task), s.phase)[1]})
            * self.recipe.phase("intermediate" if s.phase == "intermediate" else "target", s.task).epochs
            for s in lineage(stage)
        )

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
    task = load_task(cell.target)
    parts: list[tuple[str, Split]] = [(language, "test") for language in task.languages]
    if task.trains and task.has_dev:
        parts.insert(0, (task.train_language, "dev"))
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
        found = [task.examples(language, split) for language, split in parts]
        return [(examples, majority.predict(task, training, examples)) for examples in found]
    if task.family == "retrieval":
        return [_retrieve(bench, task, cell.encoder, language, split) for language, split in parts]
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

    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        bench.report(f"predict {cell.label}", done, len(pieces))

    answers = loop.predict(task, every, pieces, bench.encoder(), trained, tick)
    out: list[tuple[Sequence[Example], list[str]]] = []
    for size in sizes:
        start = sum(len(e) for e, _ in out)
        out.append((every[start : start + size], answers[start : start + size]))
    return out


def _shifted(piece: Piece, by: int) -> Piece:
    return Piece(piece.example + by, piece.ids, piece.words, piece.span, piece.offsets)


def _retrieve(bench: Workbench, task: Task, stage: Stage | None, language: str, split: Split) -> tuple[Sequence[Example], list[str]]:
    """For each English sentence the id of its nearest neighbour by cosine among all sentences of the language."""
    examples = task.examples(language, split)
    pairs = [e for e in examples if isinstance(e, Translation)]
    queries = bench.vectors(stage, tuple(e.english for e in pairs))
    candidates = bench.vectors(stage, tuple(e.foreign for e in pairs))
    index = faiss.IndexFlatIP(candidates.shape[1])
    index.add(candidates)
    nearest = index.search(queries, 1)[1][:, 0]
    return examples, [pairs[i].example_id for i in nearest]
