"""What a task is: where its examples come from, in which languages, and how it is scored. One file each in tasks/."""

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, repeat, zip_longest
from numbers import Integral
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from xbench import plugins, share
from xbench.errors import DataError, PluginError, XbenchError, meant
from xbench.languages import MANY, UNSAID, normal

TASKS = Path(__file__).parent / "tasks"
_SCORERS = Path(__file__).parent / "scorers"  # xbench.scorer imports numpy
Family = Literal["tagging", "classification", "choice", "qa", "retrieval", "mining", "mlm", "alignment", "mixture"]
Group = Literal["classification", "tagging", "qa", "retrieval"]
Sampling = Literal["proportional", "uniform", "temperature"]
Split = Literal["train", "dev", "test"]
# What tables call XTREME's tasks.
CALLED = {
    "pos": "udpos", "ner": "panx", "pan-x": "panx", "wikiann": "panx", "wikiann ner": "panx", "wikiann-ner": "panx", "paws-x": "pawsx",
    "tydi": "tydiqa", "tydiqa-goldp": "tydiqa", "tydi qa": "tydiqa", "tydiqa-gp": "tydiqa", "bucc": "bucc2018",
}  # fmt: skip
XTREME_R = "xtreme-r-"  # before the names of tasks that have more languages there than in XTREME
UNTESTED, UNTRAINED = "has no test data; it serves as intermediate task only", "has no training data"
_NEAR = 0.8  # of difflib's ratio: xnlii is near xnli, snli is not near mnli


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence with one label a token."""

    example_id: str
    cluster_id: str
    tokens: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classified:
    """A text, or a pair of texts, with one label. `pair` is empty for a single text."""

    example_id: str
    cluster_id: str
    text: str
    pair: str
    label: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A text with several continuations or answers, of which one is right; `label` is its row in `choices`, as text."""

    example_id: str
    cluster_id: str
    text: str
    choices: tuple[str, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer is a stretch of its context; `start` is the character offset of `answers[0]`.

    A question that the context does not answer (SQuAD 2.0) has no answers, and `start` is -1.
    """

    example_id: str
    cluster_id: str
    question: str
    context: str
    answers: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Translation:
    """An English sentence (the query) and its translation (the candidate that should be found)."""

    example_id: str
    cluster_id: str
    english: str
    foreign: str


@dataclass(frozen=True, slots=True)
class Unaligned:
    """A sentence of one side of a comparable corpus; `gold` names its translations on the other side, often none."""

    example_id: str
    cluster_id: str
    text: str
    english: bool
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """Text without labels, for masked language modelling."""

    example_id: str
    cluster_id: str
    text: str


Example = Tagged | Classified | Choice | Question | Translation | Unaligned | Plain
KINDS: Mapping[str, type[Any]] = {
    "tagging": Tagged, "classification": Classified, "choice": Choice, "qa": Question, "retrieval": Translation, "mining": Unaligned,
    "mlm": Plain, "alignment": Translation,
}  # fmt: skip
"""The examples of each family; a mixture has none of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    """One task of a mixture: `weight` multiplies its share; `cap` bounds the size that counts in proportional sampling."""

    task: str
    weight: float = 1.0
    cap: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is there of one language and split of a task.

    Attributes:
        state: `ok`; `warning`: usable, but read `notes`; `missing`; `broken`.
        examples, expected: How many there are, and how many were published (None: not known).
        path, size, sha256: Where it was read; bytes and hash of the file, or of the files together.
        notes: What is wrong, or worth knowing.
    """

    language: str
    split: Split
    state: Literal["ok", "warning", "missing", "broken"]
    examples: int | None = None
    expected: int | None = None
    path: str = ""
    size: int | None = None
    sha256: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task.

    Attributes:
        family: Decides the head, the loss and the shape of its examples.
        languages: Test languages, in the spelling of xbench.languages; the training language among them where it has test data, which
            `language_gap` needs; none for a task that serves as intermediate only.
        labels: The label set, in the order of the classifier's outputs; of tagging without white space; empty for qa and retrieval.
        metric: The metric that ranks systems; one that a scorer of `scorers` gives.
        scorers: Names in scorers/; the first one gives the number that counts in rankings and averages.
        selected_on: Metrics of `scorers` whose mean a selection by `metric: mean` maximises; none: `metric` alone.
        load: (language, split) -> examples, in a fixed order. Raises DataError when the data is not there.
        revision: Identifies the data, by content or by pinned version.
        dev_revision: Likewise the development data in other languages than that of training, which only a selection on target languages
            reads; empty where `revision` says it too.
        parallel: Whether a cluster id names the same item in every language (translations of each other).
        rows_a_cluster: In files without ids, how many rows in a row make a cluster.
        by_paragraph: Whether the questions about a paragraph make a cluster; otherwise each is one.
        has_dev: Whether there are examples for choices besides those that are reported.
        without_dev: Test languages that have none all the same; a selection on target languages is on the others.
        published: How many examples there are by (language, split), as published.
        notes: Traps of the data that a user should know of.
        trained_in: Language -> the same task with training and development data in it; None where there is no such data.
        labels_of: Reads the label set off the data, where it is not known beforehand; `labels` is filled from it when it is there.
        files: (language, split) -> what its examples are read from, for messages.
        check: The task itself -> what is there of its data and whether it is as published, for `xbench data check`; None where the data
            ships.
        licence, source, about: For `xbench tasks` and the documentation.
        train_language: Language of its training labels.
        rules: (name, scorer) of departures from the official scorer under which averages are given too.
        suites: Benchmarks that count it in their average: xtreme, xtreme-r.
        group: The group of tasks it belongs to there.
        parts, sampling: mixture: the tasks that are trained at once, each with its own head, and how examples are drawn.
        temperature: mixture: T of sampling by size to the power 1/T.
        name: Its file's name; filled in when it is loaded.
    """

    family: Family
    languages: tuple[str, ...]
    labels: tuple[str, ...] = ()
    metric: str
    scorers: tuple[str, ...]
    selected_on: tuple[str, ...] = ()
    load: Callable[[str, Split], Sequence[Example]]
    revision: Callable[[], str]
    licence: str
    source: str
    about: str
    dev_revision: Callable[[], str] = lambda: ""
    train_language: str = "en"
    parallel: bool = False
    rows_a_cluster: int = 1
    by_paragraph: bool = False
    has_dev: bool = True
    without_dev: tuple[str, ...] = ()
    published: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trained_in: Callable[[str], "Task"] | None = None
    labels_of: Callable[[], tuple[str, ...]] | None = None
    files: Callable[[str, Split], Sequence[Path]] = lambda language, split: ()
    check: "Callable[[Task], Sequence[Held]] | None" = None
    rules: tuple[tuple[str, str], ...] = ()
    suites: tuple[str, ...] = ()
    group: Group | None = None
    parts: tuple[Part, ...] = ()
    sampling: Sampling = "proportional"
    temperature: float = 1.0
    name: str = ""

    @property
    def trains(self) -> bool:
        """Whether the task has target training; retrieval evaluates the encoder as it is (Hu et al. 2020, section 3)."""
        return self.family not in ("retrieval", "mining")

    @property
    def tested(self) -> bool:
        """Whether the task can be a target."""
        return bool(self.languages) and self.family not in ("mixture", "mlm", "alignment")

    @property
    def training_languages(self) -> tuple[str, ...]:
        """The languages whose training data a stage on the task uses: all, where no labels are learnt."""
        return (self.family in ("mlm", "alignment") and self.languages) or (self.train_language,)

    @property
    def predicted(self) -> list[tuple[str, Split]]:
        """(language, split) of all that a run predicts: every test set, and development data before it where there is any."""
        found: list[tuple[str, Split]] = [(language, "test") for language in self.languages]
        if self.has_dev and (self.trains or self.family == "mining"):
            found = [(code, "dev") for code in ((self.train_language,) if self.trains else self.languages)] + found
        return found

    def version(self) -> str:
        """The revision of its data, and of what is learnt from it where that has changed since: in the ids of all that is trained on it."""
        found = self.revision()
        # Pairs that share a text were negatives of each other.
        return f"{found} twins apart" if self.family == "alignment" and isinstance(found, str) else found

    def examples(self, language: str, split: Split) -> Sequence[Example]:
        """The examples of one language and split, checked: what passes here, a run trains on, scores and stores.

        Raises:
            DataError: If they cannot be had, there are none, they are not of the family or of its types, ids repeat or are empty, or a
                label is outside `labels`; all problems at once, equal ones as one.
        """
        with faults_named(self):
            found = self.load(language, split)
        where = ", ".join([f"task {self.name}, {language} {split}", *map(str, self.files(language, split)[:1])])
        if not (hasattr(found, "__len__") and hasattr(found, "__iter__")):
            raise DataError(f"{where}: load gave {type(found).__name__}, expected a list of examples")
        places: dict[str, list[str]] = {}  # of each problem
        for said, place in self._problems(found):
            places.setdefault(said, []).append(place)
        if not len(found):
            raise DataError(f"{where}: 1 problem(s)", ["no examples"])
        if places:
            told = [f"{at[0]}{f' and {len(at) - 1} more' if at[1:] else ''}: {said}" for said, at in places.items()]
            raise DataError(f"{where}: {sum(map(len, places.values()))} problem(s)", told[:50])
        return found

    def _problems(self, found: Sequence[Any]) -> Iterator[tuple[str, str]]:
        """(what is wrong, where) of examples; the first is `example 1`, as lines are counted."""
        kind, labels = KINDS[self.family], frozenset(self.labels)
        types = get_type_hints(kind)
        others = [name for name, wanted in types.items() if wanted is not str]
        texts = attrgetter(*types.keys() - others)
        seen: set[str] = set()
        for number, example in enumerate(found, 1):
            if not isinstance(example, kind):
                yield f"a {type(example).__name__}, expected {kind.__name__}, as family {self.family} has it", f"example {number}"
                continue
            asked = others if {*map(type, texts(example))} == {str} else types  # of hundreds of thousands most have nothing but texts
            if unfit := [said for name in asked if (said := misfit(name, getattr(example, name), types[name]))]:
                yield from ((said, f"example {number}") for said in unfit)
                continue
            wrong = [(f"id {example.example_id!r} occurs twice", "")] if example.example_id in seen else []
            seen.add(example.example_id)
            wrong += self._wrong(example, labels)
            for said, at in wrong:
                yield said, f"example {number} (id {example.example_id!r}){at}"

    def _wrong(self, example: Any, labels: frozenset[str]) -> list[tuple[str, str]]:
        """(what is wrong, where in it) of an example whose fields are of their types."""
        wrong = [] if example.example_id and example.cluster_id else [("id and cluster cannot be empty", "")]
        if isinstance(example, Tagged):
            if not example.tokens or len(example.tokens) != len(example.labels):
                wrong.append((f"{len(example.tokens)} tokens, {len(example.labels)} labels", ""))
            if not labels.issuperset(example.labels):
                pairs = zip(example.tokens, example.labels, strict=False)
                wrong += [(self._no_label(label), f", token {token!r}") for token, label in pairs if label not in labels]
        elif isinstance(example, Classified | Choice):
            if example.label not in labels:
                wrong.append((self._no_label(example.label), ""))
            if isinstance(example, Choice) and len(example.choices) != len(labels):
                wrong.append((f"{len(example.choices)} choices, {len(labels)} labels", ""))
        elif isinstance(example, Question):
            if example.answers and not (example.start >= 0 and example.context.startswith(example.answers[0], example.start)):
                wrong.append((f"answer {example.answers[0]!r} is not at character {example.start} of the context", ""))
        elif isinstance(example, Unaligned) and any(len(name.split()) != 1 for name in (example.example_id, *example.gold)):
            wrong.append(("an id with white space, which stands between the ids of several translations", ""))
        return wrong

    def _no_label(self, label: str) -> str:
        return f"label {label!r} is not one of {' '.join(self.labels)}"


_EXPECTED = {str: "a text", int: "a whole number", bool: "True or False"}


def misfit(name: str, value: Any, wanted: Any) -> str:
    """What is wrong with the value of a field of an example; empty where it is of the type that is wanted, as get_type_hints gives it."""
    if isinstance(wanted, type):
        fits = isinstance(value, Integral if wanted is int else wanted)  # numpy's too, as readers over pandas give them
        good = fits and (wanted is bool or not isinstance(value, bool))
    else:
        good = isinstance(value, tuple) and all(map(isinstance, value, repeat(str)))
    return "" if good else f"{name} is {value!r:.60}, expected {_EXPECTED.get(wanted, 'a tuple of texts')}"


def load_task(name: str) -> Task:
    """The task of file tasks/NAME.py; `NAME@LANGUAGE` is the same task trained in another language than its own.

    `NAME@LANGUAGE+LANGUAGE` is trained in several at once (Turc et al. 2021) and has no test data: it serves as intermediate.

    Raises:
        PluginError: If there is none; the message lists those that exist. Or if it is not trained in that language, or its file is broken.
    """
    base, _, language = name.partition("@")
    if "+" in language:
        return _together(name, base, tuple(language.split("+")))
    task = _of_file(base)
    if language and (language,) != task.training_languages:
        if task.trained_in is None:
            said = f"has training data in {task.train_language} only, not in {language!r}"
            if len(task.training_languages) > 1:
                said = f"is trained in all its languages at once, not in {language!r} alone"
            raise PluginError(f"task {base!r} {said}")
        task = replace(task.trained_in(language), name=name)
    else:
        task = replace(task, name=base)
    if task.labels_of is not None:
        with faults_named(task), contextlib.suppress(DataError):  # without data a task can still be shown; its examples raise this again
            task = replace(task, labels=task.labels_of())
    return task


def left_out(intermediate: str, target: str) -> str:
    """Why no study has this cell: what a task is trained on in one language, it may be tested on from another. Empty where it may have it.

    A part of a mixture that is the target's own training, in its language, has seen nothing that is tested. Of XTREME-R a task is XTREME's
    in more languages.
    """
    base = base_task(target)
    if base_task(intermediate) == base:
        return "a task is not its own intermediate, in whatever language it is trained"
    with contextlib.suppress(PluginError):  # of what is no task here, no parts are known
        for part in _of_file(intermediate).parts:
            if base_task(part.task) == base and trained(part.task) != trained(target):
                return f"{part.task}, a part of {intermediate}, is trained on what {target} may be tested on"
    return ""


def base_task(name: str) -> str:
    """Equal for names of one task, in whatever languages it is trained or tested: as the folders of XTREME's and XTREME-R's data have it.

    In views and audits there is a macro of this name that does the same (xbench/template.py).
    """
    return name.partition("@")[0].removeprefix(XTREME_R)


def covers(target: str, language: str) -> bool:
    """Whether a language counts in means of a target; of what is no task here, all do."""
    languages: tuple[str, ...] = ()
    with contextlib.suppress(PluginError):
        languages = load_task(target).languages
    return not languages or language in languages


def trained(name: str) -> str:
    """The language that a task of this name is trained in."""
    base, _, language = name.partition("@")
    return language or _of_file(base).train_language


def study_target(target: str, language: str) -> str:
    """A target as a study names it that is trained in a language, where it can be."""
    if language not in ("en", "none", *UNSAID) and "+" not in language:  # in several, a task is no target
        with contextlib.suppress(PluginError):
            return load_task(f"{target}@{language}").name
    return target


def not_run(intermediate: str, target: str, language: str | None = None) -> str:
    """Why no study of this xbench has a cell; empty where one may have it.

    Args:
        intermediate: An intermediate task, or `none`.
        target: A task, by the name that results have.
        language: That the results which it is to be compared with were trained in; the task's own if not given.
    """
    named = target if language is None else study_target(target, language)
    try:
        tested, trains = load_task(named).tested, intermediate == "none" or load_task(intermediate).trains
    except PluginError as error:
        return error.headline
    if not tested or not trains:
        return f"{target} {UNTESTED}" if not tested else f"{intermediate} {UNTRAINED}"
    if language not in (None, "none", *UNSAID) and trained(named) != language:
        return f"{target} has no training data in {language}"
    return left_out(intermediate, named)


@contextlib.contextmanager
def faults_named(task: Task) -> Iterator[None]:
    """An error that comes out of the code of a task's own file is a DataError with file and line; errors of xbench stay what they are.

    Raises:
        DataError: In its place.
    """
    try:
        yield
    except XbenchError:
        raise
    except Exception as error:
        file = plugins.path(TASKS, task.name.partition("@")[0]).resolve()
        if f"{file}:" not in (said := plugins.told(error, file)):
            raise
        raise DataError(f"the data of task {task.name} cannot be had", [said]) from error


def _together(name: str, base: str, codes: tuple[str, ...]) -> Task:
    """One task trained in several languages: their training sets one after the other, ids by language."""
    if len(set(codes)) < len(codes):
        raise PluginError(f"task {name!r} names a language twice")
    tasks = {code: load_task(f"{base}@{code}") for code in codes}
    first = tasks[codes[0]]

    def load(language: str, split: Split) -> Sequence[Example]:
        if language != MANY or split == "test":
            raise DataError(f"{name} has no {split} split in {language!r}: it serves as intermediate task only")
        every = [
            [replace(e, example_id=f"{code}:{e.example_id}", cluster_id=f"{code}:{e.cluster_id}") for e in task.examples(code, split)]
            for code, task in tasks.items()
        ]
        if split == "train":
            return list(chain.from_iterable(every))
        # In turns, so that the first ones, which some recipes select a step on, are of all languages.
        return [e for together in zip_longest(*every) for e in together if e is not None]

    return replace(
        first,
        name=name,
        load=load,
        languages=(),
        train_language=MANY,
        revision=lambda: " ".join(f"{code}={task.revision()}" for code, task in tasks.items()) + " in turns",
        trained_in=None,
        files=lambda language, split: (),
        check=None,
        suites=(),
    )


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task of tasks/, by name. No data is read: every store that is opened asks for them.

    Raises:
        PluginError: If files are broken, naming each.
    """
    return tuple(plugins.every(_of_file, plugins.names(TASKS)))


def _of_file(name: str) -> Task:
    task = plugins.part(TASKS, name, "TASK", Task)
    problems = [
        (value, f"{field} is {value!r}, expected a tuple of texts")
        for field in ("languages", "labels", "scorers", "selected_on", "suites", "notes")
        if not isinstance(value := getattr(task, field), tuple) or not all(isinstance(one, str) for one in value)
    ]
    named: list[tuple[str, str, Sequence[str]]] = [("family", task.family, get_args(Family))]
    if name == "none" or {"@", "+"} & set(name):
        problems.append((name, f"{name!r} is no name of a task: none is the direct baseline, NAME@LANGUAGE another training language"))
    if not problems:
        problems += _incomplete(task)
        scorers = plugins.names(_SCORERS)
        named += [("scorer", one, scorers) for one in (*task.scorers, *(scorer for _, scorer in task.rules))]
        named += [("task", part.task.partition("@")[0], plugins.names(TASKS)) for part in task.parts]
    problems += [
        (one, f"no {what} is called {one!r}; there are: {', '.join(known)}{meant(one, known)}")
        for what, one, known in named
        if one not in known
    ]
    if problems:
        file = plugins.path(TASKS, name)
        raise PluginError(f"{file} is no task that can be used", [f"{_place(file, one)}: {problem}" for one, problem in problems])
    return replace(task, name=name)


def _incomplete(task: Task) -> Iterator[tuple[str, str]]:
    """What a run would stumble over after it has trained: a text to look for in the file, and what is wrong."""
    for code in dict.fromkeys((*task.languages, *task.without_dev, task.train_language)):
        if problem := _misspelt(code):
            yield code, problem
    if twice := [code for code in dict.fromkeys(task.languages) if task.languages.count(code) > 1]:
        yield twice[0], f"languages names {' '.join(twice)} more than once"
    if task.languages and not task.scorers and task.family not in ("mlm", "alignment"):
        yield "scorers", "scorers is empty, and there are languages to score"
    if not task.labels and task.labels_of is None and task.family in ("tagging", "classification", "choice"):
        yield "labels", f"family {task.family} needs labels, and there are none"
    if twice := [label for label in dict.fromkeys(task.labels) if task.labels.count(label) > 1]:
        yield twice[0], f"labels names {' '.join(twice)} more than once"
    # A sentence's labels are stored as one text, with spaces between them; a cell of a table has none around it.
    for label in task.labels:
        if label.split() != [label] and (task.family == "tagging" or label.strip() != label or not label):
            yield label, f"label {label!r} has white space" if label.strip() else "a label is empty"


def _misspelt(code: str) -> str:
    """What is wrong with the code of a language; empty where it is the one spelling of it."""
    if code == MANY or code in _in_table():
        return ""
    try:
        right = normal(code)
    except DataError as error:
        return str(error)
    return "" if code == right else f"language {code!r} is written {right!r}"


@cache
def _in_table() -> frozenset[str]:
    """The codes of data/languages.csv: to look others up takes langcodes, which is most of the time in which a store is opened."""
    lines = (share.folder("data") / "languages.csv").read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition(",")[0] for line in lines[1:])


def _place(file: Path, value: object) -> str:
    """A file, and the first of its lines that has a text as a literal."""
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return f"{file}" + next((f":{n}" for n, line in lines if f'"{value}"' in line or f"'{value}'" in line), "")


def nearly(name: str, known: Sequence[str] = ()) -> list[str]:
    """The tasks that a name may mean which is none of them: another spelling, a common name, a slip of the pen; most likely first.

    Args:
        name: Of a target or intermediate. One with a slash says whose protocol it follows, and is no task of xbench.
        known: What goes for a task beside those there are.
    """
    tasks = {_letters(task): task for task in (*(t.name for t in all_tasks()), *known)}
    base = name.partition("@")[0]
    if base in tasks.values() or "/" in name:
        return []
    if called := CALLED.get(base.lower()) or tasks.get(_letters(base)):
        return [called]
    return [tasks[one] for one in difflib.get_close_matches(_letters(base), tasks, cutoff=_NEAR)]


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
