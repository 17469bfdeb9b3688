"""From a study file to a plan: which cells, and which training stages they share.

A study file is YAML: models x intermediates x targets x seeds under one recipe. A cell is one run; a stage is one
fine-tuning. Stages are named by content, so `none -> mini-pos` trained as a target is the same stage as mini-pos
trained as an intermediate, when both phases of the recipe agree, and is trained once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xbench import plugins, share
from xbench.errors import DataError, PluginError, StudyError, XbenchError
from xbench.hashes import short_hash
from xbench.recipe import Compute, Phase, PhaseName, Recipe
from xbench.task import Task, load_task
from xbench.version import __version__

DIRECT = "none"
STACK = "xbench"
DEV = " dev "  # before the revision of development data in other languages
Data = dict[tuple[PhaseName, str], str]  # the revision of the data of each task, in each phase


class Study(BaseModel):
    """A study file.

    Attributes:
        about: One line for people.
        models: Names for xbench.train.models.resolve.
        intermediates: Task names; `none` is the direct baseline. `NAME@LANGUAGE` trains in another language than English.
        targets: Task names, likewise. A task is not its own intermediate: such cells are left out.
        seeds: Each is a run of its own.
        recipe: Hyper-parameters; in a file also the name of a shipped recipe, or a mapping whose `base` is one.
        compute: How it is computed, which is no part of any key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    models: list[str] = Field(min_length=1)
    intermediates: list[str] = Field(min_length=1)
    targets: list[str] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    recipe: Recipe = Recipe()
    compute: Compute = Compute()

    @property
    def study_id(self) -> str:
        """12 hex digits that stand for the study."""
        return short_hash(self.model_dump(mode="json"), 12)


@dataclass(frozen=True, slots=True)
class Stage:
    """One fine-tuning: `task` trained from `parent` (None: the pretrained encoder), identified by `stage_id`."""

    stage_id: str
    model: str
    parent: "Stage | None"
    task: str
    phase: PhaseName
    seed: int
    data_revision: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: everything that identifies its results, and the stage whose encoder it evaluates.

    `encoder` is the last trained stage: the target's own, the intermediate's for retrieval, None when nothing is trained.
    """

    run_id: str
    model: str
    model_revision: str
    intermediate: str
    intermediate_revision: str
    target: str
    target_revision: str
    train_language: str
    seed: int
    encoder: Stage | None

    @property
    def task_name(self) -> str:
        """The target with the language it is trained in, as load_task takes it."""
        return f"{self.target}@{self.train_language}"

    @property
    def label(self) -> str:
        """For progress and messages."""
        target = self.target if self.train_language == "en" else self.task_name
        return f"{self.intermediate} -> {target}, seed {self.seed}"

    @property
    def file_name(self) -> str:
        """Name of its files in the store: readable, and unique by the id."""
        target = self.target if self.train_language == "en" else self.task_name
        return f"{target}.{self.intermediate}.seed{self.seed}.{self.run_id}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study comes to: its cells in the order in which they are run."""

    study: Study
    cells: tuple[Cell, ...]

    @property
    def stages(self) -> list[Stage]:
        """Every training stage, parents first, each once."""
        found: dict[str, Stage] = {}
        for cell in self.cells:
            for stage in lineage(cell.encoder):
                found.setdefault(stage.stage_id, stage)
        return list(found.values())


def lineage(stage: Stage | None) -> list[Stage]:
    """The stages that lead to `stage`, first one first."""
    return [] if stage is None else [*lineage(stage.parent), stage]


def find_study(name: str) -> Path:
    """The study file: a path, or the name of a shipped study.

    Raises:
        StudyError: If it is neither; the message lists the shipped ones.
    """
    if Path(name).is_file():
        return Path(name)
    try:
        return plugins.path(share.folder("studies"), name, ".yaml")
    except PluginError as error:
        raise StudyError(f"{name!r} is no study file, and {error}") from error


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises:
        StudyError: With every problem of the file at once.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise StudyError(f"{path} is not YAML that can be read", [" ".join(str(error).split())]) from error
    if not isinstance(content, dict):
        raise StudyError(f"{path} is not a mapping of about, models, intermediates, targets, seeds, recipe, compute")
    try:
        study = Study.model_validate({**content, "recipe": _recipe(content.get("recipe", {}))})
    except ValidationError as error:
        raise StudyError(
            f"{path} is not a valid study", [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (given: {e['input']!r})" for e in error.errors()]
        ) from error
    problems = _problems(study)
    if problems:
        raise StudyError(f"{path} cannot be planned", problems)
    return study


def _recipe(given: Any) -> Any:
    """A recipe as a study file gives it, with what it is based on filled in; one level of mappings is merged, lists are replaced.

    Raises:
        StudyError: If it names a recipe that is not shipped.
    """
    name = given if isinstance(given, str) else given.get("base") if isinstance(given, dict) else None
    if name is None:
        return given
    try:
        base: dict[str, Any] = yaml.safe_load(
            plugins.path(share.folder("studies") / "recipes", str(name), ".yaml").read_text(encoding="utf-8")
        )
    except PluginError as error:
        raise StudyError(f"recipe: {error}") from error
    for key, value in given.items() if isinstance(given, dict) else ():
        if key != "base":
            base[key] = {**base[key], **value} if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return base


def _problems(study: Study) -> list[str]:
    problems = []
    for field in ("models", "intermediates", "targets", "seeds"):
        values: Sequence[Any] = getattr(study, field)
        problems += [f"{field}: {value!r} is listed twice" for value in sorted({v for v in values if values.count(v) > 1})]
    problems += [f"seeds: {seed} is negative" for seed in study.seeds if seed < 0]
    for field, names in (("intermediates", study.intermediates), ("targets", study.targets), ("recipe.tasks", list(study.recipe.tasks))):
        for name in names:
            if field == "intermediates" and name == DIRECT:
                continue
            try:
                task = load_task(name)
            except XbenchError as error:
                problems.append(f"{field}: {error}")
                continue
            if task.name != name:  # two names for one training would be two systems
                problems.append(f"{field}: {name} is called {task.name}: it is trained in {task.train_language} anyway")
            if field == "intermediates" and not task.trains:
                problems.append(f"{field}: {name} has no training data")
            problems += [f"{field}: {name}: {problem}" for problem in _selecting(study.recipe, field, task)]
            if field == "targets" and (not task.languages or task.family in ("mixture", "mlm", "alignment")):
                problems.append(f"{field}: {name} has no test data; it serves as intermediate task only")
    layers = study.recipe.retrieval_layer
    unsaid = [model for model in study.models if isinstance(layers, dict) and model not in layers]
    problems += [f"recipe.retrieval_layer: says nothing of model {model}" for model in unsaid]
    if not problems and not any(i != t for i in study.intermediates for t in study.targets):
        problems.append("no cell is left: a task is not its own intermediate")
    return problems


def _selecting(recipe: Recipe, field: str, task: Task) -> list[str]:
    """What keeps the training of a task from selecting a step as its recipe wants."""
    wanted = recipe.phase("target" if field == "targets" else "intermediate", task.name).selection
    if wanted is None or field == "recipe.tasks" or not task.trains:
        return []
    labelled = [one for one in ([load_task(part.task) for part in task.parts] or [task]) if one.family not in ("mlm", "alignment")]
    if not labelled:
        return ["selection needs a part with labels; selection: null takes the last step"]
    problems = [
        f"selection: {one.name} has no development data; selection: null takes the last step" for one in labelled if not one.has_dev
    ]
    without = [one.name for one in labelled if one.has_dev and not one.languages and wanted.on == "target-languages"]
    return problems + [f"selection on target-languages: {name} has no test languages" for name in without]


def plan(study: Study, revisions: dict[str, str]) -> Plan:
    """Lay out the cells of `study`.

    Args:
        study: A checked study.
        revisions: {model name: revision}, as resolved on this machine.

    Returns:
        Cells ordered so that those which share an intermediate checkpoint follow one another.

    Raises:
        DataError: Naming every task whose data is not there, and where it was looked for.
    """
    tasks = {name: load_task(name) for name in dict.fromkeys((*study.intermediates, *study.targets)) if name != DIRECT}
    data: Data = {("intermediate", DIRECT): DIRECT}
    problems: dict[str, None] = {}
    phases: tuple[tuple[PhaseName, list[str]], ...] = (("intermediate", study.intermediates), ("target", study.targets))
    for phase, name in ((phase, name) for phase, names in phases for name in names if name != DIRECT):
        try:
            data[phase, name] = data_revision(tasks[name], study.recipe.phase(phase, name))
        except DataError as error:
            problems |= dict.fromkeys([f"{name}: {p}" for p in error.problems] or [f"{name}: {error}"])
    if problems:
        raise DataError("the data of this study is not all here; `xbench data check` says what is", list(problems))
    cells = [
        _cell(study, tasks[target], model, revisions[model], intermediate, data, seed)
        for model in study.models
        for seed in study.seeds
        for intermediate in study.intermediates
        for target in study.targets
        if intermediate != target
    ]
    return Plan(study, tuple(cells))


def data_revision(task: Task, phase: Phase) -> str:
    """The revision of all data that a training with evaluation reads.

    Raises:
        DataError: If some of it is not there.
    """
    selects = task.trains and phase.selection is not None and phase.selection.on == "target-languages"
    more = task.dev_revision() if selects else ""
    return f"{task.revision()}{DEV}{more}" if more else task.revision()


def unchanged(task: str, phase: Phase, planned: str) -> None:
    """That a task's data is still what a plan was made for: what is stored under its revision has to be of it.

    Raises:
        DataError: If it is not, or no longer there.
    """
    if (found := data_revision(load_task(task), phase)) != planned:
        raise DataError(f"the data of {task} changed while the study ran: planned was {planned}, now it is {found}; run it again")


def tested_revision(target_revision: str) -> str:
    """Of the data that a run of ours read, the revision of what it is tested on: how its step was selected makes no other column."""
    return target_revision.partition(DEV)[0]


def _cell(study: Study, target: Task, model: str, revision: str, intermediate: str, data: Data, seed: int) -> Cell:
    origin = _origin(model, revision, study.recipe.recipe_id, stack_version())
    parent = None if intermediate == DIRECT else _stage(study, origin, None, intermediate, "intermediate", data, seed)
    encoder = _stage(study, origin, parent, target.name, "target", data, seed) if target.trains else parent
    key: dict[str, Any] = {
        "model": model,
        "model_revision": revision,
        "intermediate": intermediate,
        "intermediate_revision": data["intermediate", intermediate],
        "target": target.name.partition("@")[0],
        "target_revision": data["target", target.name],
        "train_language": target.train_language,
        "seed": seed,
    }
    said = {**key, "recipe_id": study.recipe.recipe_id, "source_version": stack_version()}
    return Cell(run_id=run_id_of(said), encoder=encoder, **key)


def run_id_of(run: Mapping[str, Any]) -> str:
    """The id of one of our own runs, from its row of table run."""
    origin = _origin(run["model"], run["model_revision"], run["recipe_id"], run["source_version"])
    return short_hash(origin | {name: run[name] for name in _CELL}, 24)


_CELL = ("intermediate", "intermediate_revision", "target", "target_revision", "train_language", "seed")


def _origin(model: str, revision: str, recipe_id: str, version: str) -> dict[str, Any]:
    return {"model": model, "model_revision": revision, "recipe_id": recipe_id, "stack": f"{STACK} {version}"}


def _stage(study: Study, origin: dict[str, Any], parent: Stage | None, task: str, phase: PhaseName, data: Data, seed: int) -> Stage:
    settings = study.recipe.phase(phase, task).said()
    # The name of the phase is left out on purpose: equal settings are the same training.
    content = {
        **origin,
        "parent": parent.stage_id if parent else None,
        "task": task,
        "data": data[phase, task],
        "settings": settings,
        "seed": seed,
    }
    return Stage(short_hash(content, 24), str(origin["model"]), parent, task, phase, seed, data[phase, task])


def stack_version() -> str:
    """Results of one minor version are comparable: a change that moves numbers raises it."""
    return ".".join(__version__.split(".")[:2])
