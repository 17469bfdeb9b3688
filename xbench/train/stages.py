"""From a stage of a plan to a training: which data, which objectives, how many steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from xbench.errors import DataError, StudyError
from xbench.recipe import Phase, Selection
from xbench.scorer import load_scorer
from xbench.study import Stage, lineage, unchanged
from xbench.task import Example, Part, Sampling, Split, Task, load_task
from xbench.train import heads, loop, models
from xbench.train.encoder import Trunk
from xbench.train.encoding import Piece
from xbench.train.objectives import Alignment, Masked, Objective, Supervised, passes, vocabulary

if TYPE_CHECKING:
    from xbench.train.cells import Workbench

NO_HEAD = ("mixture", "mlm", "alignment")  # families after which nothing but the encoder is left


@dataclass(slots=True)
class Material:
    """The training data of one part."""

    part: Part
    task: Task
    examples: Sequence[Example]
    pieces: Sequence[Piece]

    @property
    def groups(self) -> int:
        """What batches are counted in: pieces, but for choices and translations, of which several make one."""
        return len({p.example for p in self.pieces}) if self.task.family in ("choice", "alignment") else len(self.pieces)

    @property
    def size(self) -> int:
        """Groups that count in sampling and in the number of steps: all, or as many as the cap."""
        return self.groups if self.part.cap is None else min(self.groups, self.part.cap)


def shares(parts: Sequence[Part], sizes: Sequence[int], sampling: Sampling, temperature: float = 1.0) -> list[float]:
    """The probability with which each part is drawn for a step, times its weight.

    `proportional` to its size, `uniform`, or `temperature`: proportional to size to the power 1/T (jiant, TemperatureMultiTaskSampler).
    """
    power = {"proportional": 1.0, "uniform": 0.0, "temperature": 1 / temperature}[sampling]
    raw = [part.weight * size**power for part, size in zip(parts, sizes, strict=True)]
    return [value / sum(raw) for value in raw]


def training(bench: "Workbench", task: Task, phase: Phase) -> tuple[list[Example], list[Piece]]:
    """The training set of one task, thinned to `max_examples` evenly; of tasks in all their languages those together."""
    languages = task.training_languages
    examples: list[Example] = []
    pieces: list[Piece] = []
    for language in languages:
        own, encoded = bench.data(task, language, "train")
        pieces += [p.shifted(len(examples)) for p in encoded] if examples else encoded
        examples += own
    limit = phase.max_examples
    if limit is None or limit >= len(examples):
        return examples, pieces
    keep = {i * len(examples) // limit for i in range(limit)}
    return examples, [p for p in pieces if p.example in keep]


def materials(bench: "Workbench", stage: Stage, phase: Phase) -> list[Material]:
    """The data of a stage: one part, or those of a mixture."""
    task = load_task(stage.task)
    parts = task.parts or (Part(stage.task),)
    tasks = [task if not task.parts else load_task(p.task) for p in parts]
    return [Material(part, one, *training(bench, one, phase)) for part, one in zip(parts, tasks, strict=True)]


def steps(found: Sequence[Material], phase: Phase) -> int:
    """Steps of a training on these parts."""
    return passes([m.size for m in found], phase)


def examples_seen(bench: "Workbench", stage: Stage | None) -> int:
    """Examples in gradient steps over all stages up to `stage`, if none is ended early."""
    seen = 0
    for s in lineage(stage):
        phase = bench.phase(s)
        found = materials(bench, s, phase)
        alone = len(found) == 1 and found[0].task.family not in NO_HEAD
        seen += phase.epochs * (len({p.example for p in found[0].pieces}) if alone else sum(m.size for m in found))
    return seen


def train(bench: "Workbench", stage: Stage, trunk: Trunk, report: loop.Tick | None = None) -> loop.Trained:
    """Train a stage from `trunk`, which is changed.

    Raises:
        StudyError: If its recipe selects on development data that there is none of.
        DataError: If its data is no longer what the study was planned for.
        XbenchError: If the loss is no longer finite.
    """
    phase, task = bench.phase(stage), load_task(stage.task)
    seed = loop.stage_seed(stage.seed, *(s.task for s in lineage(stage)))
    found = materials(bench, stage, phase)
    unchanged(stage.task, phase, stage.data_revision)
    torch.manual_seed(seed)
    objectives = [_objective(bench, m, trunk, phase) for m in found]
    total = steps(found, phase)
    judge, also = _judge(bench, found, objectives, phase)
    plan = loop.Plan(
        name=stage.task,
        objectives=objectives,
        shares=shares([m.part for m in found], [m.size for m in found], task.sampling, task.temperature),
        phase=phase,
        total=total,
        seed=seed,
        compute=bench.compute,
        saver=bench.saver(stage),
        judge=judge,
        also=also,
    )
    tick = report or bench.ticker(f"train {' > '.join(s.task for s in lineage(stage))}", total)
    loop.fit(plan, bench.encoder(), trunk, tick)
    alone = objectives[0].head if len(objectives) == 1 else None
    return loop.Trained(trunk, alone if isinstance(alone, heads.Head) else None)


def head(bench: "Workbench", task: Task, phase: Phase) -> heads.Head:
    """A new head."""
    return heads.Head(task, bench.encoder().hidden_size, phase.dropout, bench.recipe.classifier).to(bench.device)


def _objective(bench: "Workbench", m: Material, trunk: Trunk, phase: Phase) -> Objective:
    encoder = bench.encoder()
    if m.task.family == "mlm":
        table, weights = encoder.words(trunk), models.word_head(bench.model)
        on_top = heads.MaskedWords(encoder.hidden_size, len(table), table.shape[1], weights, encoder.norm_eps)
        return Masked(m.task.name, m.pieces, vocabulary(bench.tokenizer, len(table)), on_top, pretrained=weights is not None)
    if m.task.family == "alignment":
        return Alignment(m.task.name, m.pieces, phase, bench.depth(phase.alignment_layer))
    return Supervised(m.task, m.examples, m.pieces, head(bench, m.task, phase))


def _judge(
    bench: "Workbench", found: Sequence[Material], objectives: Sequence[Objective], phase: Phase
) -> tuple[loop.Judge | None, list[tuple[int, ...]]]:
    """What selection maximises: the mean over the labelled parts of their metric on development data; and the inputs it needs."""
    wanted = phase.selection
    if wanted is None:
        return None, []
    looks = []
    for m, objective in zip(found, objectives, strict=True):
        if isinstance(objective, Supervised):
            tested = [code for code in m.task.languages if code not in m.task.without_dev]
            languages = [m.task.train_language] if wanted.on == "train-language" else tested
            looks.append((m.task, objective, _development(bench, m.task, languages, wanted)))
    if not looks:
        raise StudyError(f"{', '.join(m.task.name for m in found)}: selection needs a part with labels")

    def judge(trunk: Trunk) -> float:
        values = []
        for task, objective, sets in looks:
            assert isinstance(objective.head, heads.Head)
            trained = loop.Trained(trunk, objective.head)
            own = []
            for language, examples, pieces in sets:
                said = loop.predict(task, examples, pieces, bench.encoder(), trained, lambda _: None)
                metrics = task.selected_on if wanted.metric == "mean" and task.selected_on else (task.metric,)
                scores = _scores(task, [heads.reference(e) for e in examples], said, language)
                own.append(sum(scores[metric] for metric in metrics) / len(metrics))
            values += [sum(own) / len(own)] if own else []
        return sum(values) / len(values)

    return judge, [p.ids for _, _, sets in looks for _, _, pieces in sets for p in pieces]


def _scores(task: Task, references: Sequence[str], predictions: Sequence[str], language: str) -> dict[str, float]:
    """The metrics of all scorers of a task, where two have one of the same name that of the first; 0 where it is not defined."""
    found: dict[str, float] = {}
    for scorer in map(load_scorer, task.scorers):
        for metric, (numerator, denominator) in scorer.score(references, predictions, language).items():
            found.setdefault(metric, float(numerator.sum() / denominator.sum()) if denominator.sum() else 0.0)
    return found


def _development(
    bench: "Workbench", task: Task, languages: Sequence[str], wanted: Selection
) -> list[tuple[str, list[Example], list[Piece]]]:
    split: Split = "dev"
    sets, problems = [], []
    for language in languages:
        try:
            examples, pieces = bench.data(task, language, split)
        except DataError as error:
            problems += [f"{language}: {problem}" for problem in error.problems or [error.headline]]
            continue
        count = min(wanted.examples or len(examples), len(examples))
        kept = range(count) if wanted.subset == "first" else [i * len(examples) // count for i in range(count)]
        row = {old: new for new, old in enumerate(kept)}
        sets.append((language, [examples[i] for i in kept], [p.moved(row[p.example]) for p in pieces if p.example in row]))
    if problems:
        raise StudyError(f"the recipe selects on development data of {task.name} that cannot be had", problems)
    return sets
