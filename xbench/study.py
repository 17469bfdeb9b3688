"""From a study file to a plan: which cells, and which training stages they share.

A study file is YAML: models x intermediates x targets x seeds under one recipe. A cell is one run; a stage is one
fine-tuning. Stages are named by content, so `none -> mini-pos` trained as a target is the same stage as mini-pos
trained as an intermediate, when both phases of the recipe agree, and is trained once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xbench import keyed, plugins, share
from xbench.errors import DataError, PluginError, StudyError, XbenchError
from xbench.hashes import DEV, short_hash
from xbench.places import readable
from xbench.recipe import Compute, Lora, Phase, PhaseName, Recipe, Selection, unreachable
from xbench.task import UNTESTED, UNTRAINED, Task, faults_named, left_out, load_task
from xbench.version import __version__

DIRECT = "none"
STACK = "xbench"
_PHASES: tuple[PhaseName, ...] = ("intermediate", "target")
_PARTS: dict[str, type[BaseModel]] = {"selection": Selection, "lora": Lora}
_LONGEST = 255  # bytes of the name of a file
_READABLE = 150  # bytes that are left of what would be longer
Data = dict[tuple[PhaseName, str], str]  # the revision of the data of each task, in each phase


class Study(BaseModel):
    """A study file.

    Attributes:
        about: One line for people.
        models: Names for xbench.train.models.resolve.
        intermediates: Task names; `none` is the direct baseline. `NAME@LANGUAGE` trains in another language than English.
        targets: Task names, likewise. A task is not its own intermediate, in whatever language it is trained, nor part of one in another
            language: such cells are left out.
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
        """Name of its files in the store: readable, as far as names can be that long, and unique by the id."""
        target = self.target if self.train_language == "en" else self.task_name
        readable = f"{target}.{self.intermediate}.seed{self.seed}".encode()
        if len(readable) + len(f".{self.run_id}.parquet") > _LONGEST:
            readable = readable[:_READABLE]
        return f"{readable.decode(errors='ignore')}.{self.run_id}"


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
    if path.name != (said := readable(path.name)):  # the store says what it is called
        raise StudyError(f"a study cannot be called {said}: this is not UTF-8")
    content, places, problems = keyed.read(path)
    if not isinstance(content, dict):
        raise StudyError(f"{path} is not a mapping of {', '.join(Study.model_fields)}")
    content = {**content, "recipe": _recipe(content.get("recipe", {}), places, problems)}
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        problems += [*keyed.told(error, content, places, _model), *_listed(content, places)]
        raise StudyError(f"{path} is not a valid study", problems) from error
    problems += _problems(study, places)
    if problems:
        raise StudyError(f"{path} cannot be planned", problems)
    return study


def _recipe(given: Any, places: dict[keyed.Keys, str], problems: list[str]) -> Any:
    """A recipe as a study file gives it, with what it is based on filled in.

    Args:
        given: What the file says.
        places: Where the keys of the study stand; those of the recipe that is named are added.
        problems: What is wrong is added.
    """
    name = given if isinstance(given, str) else given.get("base") if isinstance(given, dict) else None
    if name is None:
        return given
    own = {key: value for key, value in given.items() if key != "base"} if isinstance(given, dict) else {}
    try:
        path = plugins.path(share.folder("studies") / "recipes", str(name), ".yaml")
    except PluginError as error:
        problems.append(f"recipe: {error}")
        return own
    base, there, twice = keyed.read(path)
    if not isinstance(base, dict):
        raise StudyError(f"{path} is not a mapping of {', '.join(Recipe.model_fields)}")
    problems += [f"recipe {name}: {problem}" for problem in twice]
    for keys, place in there.items():
        places.setdefault(("recipe", *keys), f"{place} of {path}")
    return _based(base, own)


def _based(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A recipe over another one.

    What a task says is over the other one's entry of the task, or of TASK for TASK@LANGUAGE, and its selection and adapters where there are
    none, over those of the target phase.
    """
    tasks = dict(_mapping(base.get("tasks")))
    phases = [(_mapping(base.get(which)), _mapping(own.get(which))) for which in _PHASES]
    target = _over(*phases[-1])
    for name, fields in _mapping(own.get("tasks")).items():
        under = _mapping(tasks.get(name, tasks.get(str(name).partition("@")[0])))
        shared = {part: target[part] for part in _PARTS if isinstance(_mapping(fields).get(part), dict) and target.get(part) is not None}
        steps = [before["warmup_steps"] for before, now in phases if "warmup_steps" in before and "warmup_steps" not in now]
        shared |= {"warmup_steps": steps[0]} if steps and "warmup" in _mapping(fields) else {}
        tasks[name] = shared | {field: value for field, value in under.items() if value is not None or field not in shared}
    return _over({**base, "tasks": tasks}, own)


def _over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged at every level, all else is replaced; a share of warm-up takes the place of steps."""
    found = {**base, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            found[key] = _over(base[key], value)
    if "warmup" in own and "warmup_steps" not in own and base.get("warmup_steps") is not None:
        found["warmup_steps"] = None
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_MODELS: dict[str | int, type[BaseModel]] = {
    "recipe": Recipe, "compute": Compute, "intermediate": Phase, "target": Phase, "tasks": Phase, "selection": Selection, "lora": Lora,
}  # fmt: skip


def _model(keys: keyed.Keys) -> type[BaseModel]:
    """What the mapping at these keys of a study is read as."""
    return next((_MODELS[key] for key in reversed(keys) if key in _MODELS), Study)


def _listed(content: Mapping[str, Any], places: Mapping[keyed.Keys, str]) -> list[str]:
    """What is wrong with single values in the lists of a study, and names of tasks in its recipe, whatever else is."""
    problems = []
    for field in ("models", "intermediates", "targets", "seeds"):
        values = found if isinstance(found := content.get(field), list) else []
        seen: set[str | float] = set()
        for row, value in enumerate(values):
            if not isinstance(value, str | int | float):
                continue
            at = _at(places, (field, row), field)
            if value in seen:
                problems.append(f"{at}: {value!r} is listed twice")
            seen.add(value)
            if field == "seeds" and isinstance(value, int) and value < 0:
                problems.append(f"{at}: {value} is negative")
    return problems + [
        f"{_at(places, keys, field)}: {problem}" for field, keys, name in _named(content) for problem in _of_name(field, name)[1]
    ]


def _named(content: Mapping[str, Any]) -> list[tuple[str, keyed.Keys, str]]:
    """(field, its keys, name) of every task that a study names; `none` is none."""
    fields = [(field, values) for field in ("intermediates", "targets") if isinstance(values := content.get(field), list)]
    found: list[tuple[str, keyed.Keys, Any]] = [(field, (field, row), name) for field, names in fields for row, name in enumerate(names)]
    special = _mapping(_mapping(content.get("recipe")).get("tasks"))
    found += [("recipe.tasks", ("recipe", "tasks", name), name) for name in special]
    return [one for one in found if isinstance(one[2], str) and one[::2] != ("intermediates", DIRECT)]


def _of_name(field: str, name: str) -> tuple[Task | None, list[str]]:
    """The task of that name, None where there is none or its file is broken, and why it cannot stand in a field."""
    try:
        task = load_task(name)
    except XbenchError as error:
        return None, [" ".join((error.headline, *error.problems))]
    problems = []
    if task.name != name:  # two names for one training would be two systems
        problems.append(f"{name} is called {task.name}: it is trained in {task.train_language} anyway")
    if field == "intermediates" and not task.trains:
        problems.append(f"{name} {UNTRAINED}")
    if field == "targets" and not task.tested:
        problems.append(f"{name} {UNTESTED}")
    return task, problems


def _at(places: Mapping[keyed.Keys, str], keys: keyed.Keys, field: str) -> str:
    return f"{places[keys]}, {field}" if keys in places else field


def _problems(study: Study, places: Mapping[keyed.Keys, str]) -> list[str]:
    content = {field: getattr(study, field) for field in ("models", "intermediates", "targets", "seeds")}
    content["recipe"] = {"tasks": study.recipe.tasks}
    problems = _listed(content, places)
    for field, keys, name in _named(content):
        task, _ = _of_name(field, name)
        if task is None:
            continue
        problems += [f"{_at(places, keys, field)}: {name}: {problem}" for problem in _selecting(study.recipe, field, task)]
        special = study.recipe.tasks[name] if field == "recipe.tasks" and task.parts else {}
        if lengths := [key for key in ("max_length", "doc_stride") if key in special]:
            parts = ", ".join(part.task for part in task.parts)
            problems.append(
                f"{_at(places, keys, field)}: {name}: {' and '.join(lengths)} can be said of its parts ({parts}), not of a mixture"
            )
    problems += _half_said(study.recipe, places)
    layers = study.recipe.retrieval_layer
    unsaid = [model for model in study.models if isinstance(layers, dict) and model not in layers]
    at = _at(places, ("recipe", "retrieval_layer"), "recipe.retrieval_layer")
    problems += [f"{at}: says nothing of model {model}" for model in unsaid]
    why = [left_out(i, t) for i in study.intermediates for t in study.targets]
    if not problems and all(why):
        problems.append(f"no cell is left: {'; '.join(dict.fromkeys(why))}")
    return problems


def _half_said(recipe: Recipe, places: Mapping[keyed.Keys, str]) -> list[str]:
    """Where a task says so much that one may take the rest to be as in the phases, and it is not."""
    problems, phases = [], (recipe.intermediate, recipe.target)
    for name, fields in recipe.tasks.items():
        at = _at(places, ("recipe", "tasks", name), "recipe.tasks")
        for part, model in _PARTS.items():
            own, beside = fields.get(part), [getattr(phase, part) for phase in phases]
            usual = {key: info.default for key, info in model.model_fields.items() if own is not None and key not in own}
            unsaid = [key for key, value in usual.items() if any(one is not None and getattr(one, key) != value for one in beside)]
            if unsaid:
                problems.append(f"{at}: {name}: {part} has to say {', '.join(unsaid)} too: they are not taken from the phases")
        if "warmup" in fields and "warmup_steps" not in fields and any(phase.warmup_steps is not None for phase in phases):
            problems.append(f"{at}: {name}: warmup has no effect beside the warmup_steps of a phase; say warmup_steps: null too")
    return problems


def too_deep(study: Study, model: str, layers: int) -> list[str]:
    """What of a study asks for layers that a model does not have, or that its recipe freezes or leaves as they are.

    Args:
        study: A checked study.
        model: Name of the model.
        layers: How many it has.
    """
    recipe, frozen = study.recipe, study.recipe.frozen_layers or 0
    if frozen > layers:
        return [f"recipe.frozen_layers is {frozen}, and {model} has {layers} layers"]
    problems: dict[str, None] = {}
    phases: tuple[tuple[PhaseName, list[str]], ...] = (("intermediate", study.intermediates), ("target", study.targets))
    retrieves = not all(load_task(name).trains for name in study.targets)
    for which, name in ((which, name) for which, names in phases for name in names if name != DIRECT):
        task, phase = load_task(name), recipe.phase(which, name)
        asked, changed = {}, {}
        if not task.trains:
            asked["recipe.retrieval_layer"] = recipe.layer(model)
        elif which == "intermediate" and retrieves:
            changed[f"recipe.retrieval_layer after {name}"] = recipe.layer(model)
        if "alignment" in (task.family, *(load_task(part.task).family for part in task.parts)):
            asked[f"alignment_layer of {name}"] = changed[f"alignment_layer of {name}"] = phase.alignment_layer
        said = [(key, unreachable(layer, layers, frozen)) for key, layer in asked.items()]
        said += [(key, _untrained(recipe, phase, layer, layers)) for key, layer in changed.items()]
        problems |= {f"{key}: {model}: {problem}": None for key, problem in said if problem}
        outside = [n for n in (phase.lora and task.trains and phase.lora.layers) or () if not frozen <= n < layers]
        if outside:
            problems[f"lora.layers of {name}: {model}: {', '.join(map(str, outside))}; trained are layers {frozen} to {layers - 1}"] = None
    return list(problems)


def _untrained(recipe: Recipe, phase: Phase, layer: int, layers: int) -> str:
    """Why a training leaves a hidden layer that there is as it was; empty where it changes it. Layer n is what layers 0 to n - 1 make."""
    if unreachable(layer, layers, recipe.frozen_layers or 0):
        return ""
    what, begin = "frozen_layers", recipe.frozen_layers  # None: the embeddings are trained
    if phase.lora is not None:
        begin = begin or 0
        if phase.lora.layers is not None:
            what, begin = "lora.layers", min(phase.lora.layers, default=layers)
    layer = layers if layer == -1 else layer
    if begin is None or layer > begin:
        return ""
    return f"layer {layer} is asked for, and no layer up to it is trained; lower {what}, or ask for a higher layer"


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
    pairs = [(i, t) for i in study.intermediates for t in study.targets if not left_out(i, t)]
    cells = [
        _cell(study, tasks[target], model, revisions[model], intermediate, data, seed)
        for model in study.models
        for seed in study.seeds
        for intermediate, target in pairs
    ]
    return Plan(study, tuple(cells))


def data_revision(task: Task, phase: Phase) -> str:
    """The revision of all data that a training with evaluation reads.

    Raises:
        DataError: If some of it is not there.
    """
    selects = task.trains and phase.selection is not None and phase.selection.on == "target-languages"
    with faults_named(task):
        more, found = task.dev_revision() if selects else "", task.version()
    if not (isinstance(more, str) and isinstance(found, str) and found.strip()):
        odd = found if isinstance(more, str) else more
        raise DataError(f"the revision of task {task.name} is {odd!r}, expected a text that is not empty")
    return f"{found}{DEV}{more}" if more else found


def unchanged(task: str, phase: Phase, planned: str) -> None:
    """That a task's data is still what a plan was made for: what is stored under its revision has to be of it.

    Raises:
        DataError: If it is not, or no longer there.
    """
    if (found := data_revision(load_task(task), phase)) != planned:
        raise DataError(f"the data of {task} changed while the study ran: planned was {planned}, now it is {found}; run it again")


def _cell(study: Study, target: Task, model: str, revision: str, intermediate: str, data: Data, seed: int) -> Cell:
    recipe_id = study.recipe.of(model).recipe_id
    origin = _origin(model, revision, recipe_id, stack_version())
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
    said = {**key, "recipe_id": recipe_id, "source_version": stack_version()}
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
