"""Where the data of a real task comes from: the user's data folder first, then the Hugging Face cache or hub; never a stand-in.

The data folder (`--data-dir`, XBENCH_DATA_DIR) holds the files as their authors publish them, or as XTREME's download script lays them
out, or as JSON lines or Parquet of our own shape: TASK/SPLIT-LANGUAGE.jsonl. A task is read from one place only: as soon as one file of
it is in the data folder, all of it must be.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

from xbench import hub
from xbench.errors import DataError, NotHereError, PluginError
from xbench.formats import Reader
from xbench.records import own_shape
from xbench.task import Choice, Classified, Example, Family, Held, Part, Question, Split, Tagged, Task, load_task

VARIABLE = "XBENCH_DATA_DIR"
_NAMED = 5  # problems of one part that are named
_CLASSIFIED_MINIMUM = 50  # so many equal labels are a placeholder, not chance


def data_dir() -> Path | None:
    """The user's data folder, from the environment so that worker processes see it too.

    Raises:
        DataError: If it is named and is not a folder.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not Path(named).is_dir():
        said = "is not a folder" if Path(named).exists() else "does not exist"
        raise DataError(f"the data folder {named} {said} (--data-dir, {VARIABLE})")
    return Path(named)


@dataclass(frozen=True, slots=True)
class Source:
    """One way in which the files may lie below the data folder.

    Attributes:
        paths: Files that belong together, with {language}, {split} and what `names` gives; `*` matches several.
        read: Turns them into examples.
        splits: What it can give.
        languages: The languages it can give; None: any.
        names: (language, split) -> more values for `paths`; None where this source has nothing for them.
    """

    paths: tuple[str, ...]
    read: Reader
    splits: tuple[Split, ...] = ("train", "dev", "test")
    languages: tuple[str, ...] | None = None
    names: Callable[[str, Split], Mapping[str, str] | None] = lambda language, split: {}

    def wanted(self, language: str, split: Split) -> list[str]:
        """The paths for one language and split; empty when this source has nothing for them."""
        if split not in self.splits or (self.languages is not None and language not in self.languages):
            return []
        if (more := self.names(language, split)) is None:
            return []
        known = {"language": language, "split": split, **more}
        try:
            return [path.format(**known) for path in self.paths]
        except (KeyError, IndexError, ValueError) as error:
            said = f"{type(error).__name__} {error}; placeholders are {', '.join(f'{{{name}}}' for name in known)}"
            raise ValueError(f"paths {', '.join(self.paths)}: {said}") from error

    def files(self, root: Path, language: str, split: Split) -> list[Path]:
        """The files for one language and split; empty unless all are there."""
        groups = [sorted(root.glob(p)) if "*" in p else [root / p] for p in self.wanted(language, split)]
        found = [path for group in groups for path in group]
        return found if all(groups) and found and all(p.is_file() for p in found) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The data of one task.

    Attributes:
        folder: Its folder below the data folder for files of our own shape.
        family: Of its examples.
        languages: Test languages.
        train_language: Language of training and development data.
        sources: Layouts of the data folder, the preferred one first.
        hub: The same on the Hugging Face hub; None where it is not there.
        published: How many examples there are by (language, split), as published.
        parallel: Whether cluster ids are shared by translations; otherwise the language is put before them.
        by_paragraph: Whether the questions about a paragraph make a cluster, where all languages have the paragraphs in one order.
        has_dev: Whether there is development data (retrieval and mining: in every language).
        without_dev: Languages that have none, of a task that has.
        notes: Traps worth knowing, for `xbench data check`.
    """

    folder: str
    family: Family
    languages: tuple[str, ...]
    train_language: str = "en"
    sources: tuple[Source, ...]
    hub: "hub.Hub | None" = None
    published: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    parallel: bool = False
    by_paragraph: bool = False
    has_dev: bool = True
    without_dev: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        odd = {split for _, split in self.published} | {split for source in self.sources for split in source.splits}
        if odd := odd - set(get_args(Split)):
            raise ValueError(f"no split is called {', '.join(sorted(odd))}; there are {', '.join(get_args(Split))}")
        for source in self.sources:  # a placeholder that nothing fills is an error here, not when the files are looked for
            source.wanted(self.train_language, "train")
            source.wanted("".join(self.languages[-1:]), "test")

    def task(self, **fields: Any) -> Task:
        """The task that stands on this data; `fields` are the other fields of Task."""
        return Task(
            family=self.family,
            languages=self.languages,
            train_language=self.train_language,
            load=self.load,
            files=self.files,
            revision=self.revision,
            dev_revision=self.dev_revision,
            check=self.check,
            has_dev=self.has_dev,
            without_dev=self.without_dev,
            parallel=self.parallel,
            by_paragraph=self.by_paragraph,
            published=self.published,
            trained_in=(lambda code: self._trained_in(code).task(**fields)) if self.trains else None,
            notes=self.notes,
            **fields,
        )

    def _trained_in(self, code: str) -> "Corpus":
        if self.family != "mlm":
            return replace(self, train_language=code)
        if code not in self.languages:
            raise PluginError(f"{self.folder} has no text in {code!r}; there are {', '.join(self.languages)}")
        return replace(self, train_language=code, languages=(code,))

    @property
    def trains(self) -> bool:
        """Whether there is training data."""
        return self.family not in ("retrieval", "mining")

    @property
    def parts(self) -> list[tuple[str, Split]]:
        """Every language and split that a run needs; masked language modelling has the text of all its languages, and no test."""
        if self.family == "mlm":
            return [(language, "train") for language in self.languages]
        splits: list[tuple[str, Split]] = [(self.train_language, "train")] if self.trains else []
        if self.has_dev:
            splits += [(language, "dev") for language in ((self.train_language,) if self.trains else self.languages)]
        return splits + [(language, "test") for language in self.languages]

    def load(self, language: str, split: Split) -> Sequence[Example]:
        """The examples of one language and split.

        Raises:
            DataError: If they are not there, naming every place that was looked at; or cannot be read, naming file and line.
        """
        found = self._find(language, split)
        if found:
            source, files = found
            examples = source.read(files, language, split)
        elif self._in_folder() or self.hub is None:
            raise DataError(f"no {split} data of {self.folder} in {language!r}", self._looked(language, split))
        else:
            try:
                examples = self._of_hub(self.hub.load(language, split))
            except DataError as error:
                raise DataError(
                    f"no {split} data of {self.folder} in {language!r}", [*self._looked(language, split), str(error)]
                ) from error
        if not isinstance(examples, Sequence) or not all(isinstance(getattr(e, "cluster_id", None), str) for e in examples):
            return examples  # of a reader in the task's file; Task.examples says what is wrong
        placeholder = placeholder_label(examples, split)
        if placeholder:
            raise DataError(f"{self.folder}, {language} {split}: {placeholder}")
        if self.parallel:
            return examples
        return [replace(e, cluster_id=e.cluster_id and f"{language}/{e.cluster_id}") for e in examples]

    def files(self, language: str, split: Split) -> list[Path]:
        """The files that the examples of one language and split are read from; none where they are those of the hub."""
        found = self._find(language, split)
        return found[1] if found else []

    def _of_hub(self, examples: Sequence[Example]) -> Sequence[Example]:
        """In its rows a paragraph is known by its text alone."""
        if not self.by_paragraph:
            return examples
        numbers: dict[str, str] = {}
        return [replace(e, cluster_id=numbers.setdefault(e.context, str(len(numbers)))) for e in examples if isinstance(e, Question)]

    def revision(self) -> str:
        """The hash of all files that a run reads, or repository and commit on the hub.

        Raises:
            DataError: If some of them are not there, naming each.
        """
        if not self._in_folder():
            problems = self._looked(self.train_language, "train" if self.trains else "test")
            if self.hub is not None:
                try:
                    # Runs whose questions were one by one are others.
                    return f"{self.hub.revision()}{' by paragraph' if self.by_paragraph else ''}"
                except DataError as error:
                    problems.append(str(error))
            raise DataError(f"no data of {self.folder}", problems)
        return self._content(self.parts)

    def dev_revision(self) -> str:
        """The hash of the development files in other languages than that of training; empty on the hub, where the commit says it all.

        Raises:
            DataError: If some of them are not there, naming each.
        """
        codes = [code for code in self.languages if code != self.train_language and code not in self.without_dev]
        return self._content([(code, "dev") for code in codes]) if self._in_folder() else ""

    def _content(self, parts: Sequence[tuple[str, Split]]) -> str:
        digest, missing = hashlib.sha256(), []
        for language, split in parts:
            found = self._find(language, split)
            if not found:
                missing.append(f"{language} {split}: none of {', '.join(self._wanted(language, split))}")
                continue
            for path in found[1]:
                digest.update(f"{language}\0{split}\0{path.name}\0{file_hash(path)}\n".encode())
        if missing:
            raise DataError(f"the data folder {data_dir()} holds {self.folder} in part: {len(missing)} missing", missing)
        return f"sha256:{digest.hexdigest()[:16]}"

    def check(self, task: Task) -> list[Held]:
        """What is there for `task`, part by part, read and checked as a run does it; only a data folder that is none is raised."""
        inside = self._in_folder()
        return look(task, self.parts, lambda language, split: self._at(language, split, inside), self.notes_on)

    def _at(self, language: str, split: Split, inside: bool) -> Held:
        """Where one part lies, unread: `ok`, or `missing`; `inside`: whether any part is in the data folder."""
        base = Held(language=language, split=split, state="ok", expected=self.published.get((language, split)))
        found = self._find(language, split)
        if found is None:
            if inside or self.hub is None or not self.hub.cached(language, split):
                return replace(base, state="missing", notes=tuple(self._looked(language, split)))
            return replace(base, path=f"hub:{self.hub.revision()}")
        files = found[1]
        return replace(
            base,
            path=str(files[0]) + (f" and {len(files) - 1} more" if len(files) > 1 else ""),
            size=sum(p.stat().st_size for p in files),
            sha256=file_hash(files[0]) if len(files) == 1 else hashlib.sha256("".join(map(file_hash, files)).encode()).hexdigest(),
        )

    def notes_on(self, examples: Sequence[Example]) -> Iterator[str]:
        """What a look at the examples tells."""
        quoted = sum(getattr(e, "text", "").startswith('"') and '""' in getattr(e, "text", "") for e in examples)
        if quoted:
            yield f"{quoted} text(s) carry doubled csv quotes, as XTREME's preparation writes them; its own reader keeps them too"
        texts = [getattr(e, "foreign", None) or getattr(e, "context", None) or getattr(e, "text", None) for e in examples]
        empty = sum(t is not None and not str(t).strip() for t in texts)
        if empty:
            yield f"{empty} text(s) are empty"

    def _find(self, language: str, split: Split) -> tuple[Source, list[Path]] | None:
        root = data_dir()
        for source in self._sources() if root else ():
            files = source.files(root, language, split)  # type: ignore[arg-type]
            if files:
                return source, files
        return None

    def _in_folder(self) -> bool:
        return data_dir() is not None and any(self._find(language, split) for language, split in self.parts)

    def _sources(self) -> tuple[Source, ...]:
        own = (Source((f"{self.folder}/{{split}}-{{language}}{suffix}",), own_shape(self.family)) for suffix in (".jsonl", ".parquet"))
        return (*self.sources, *own)

    def _wanted(self, language: str, split: Split) -> list[str]:
        return [" + ".join(paths) for s in self._sources() if (paths := s.wanted(language, split))]

    def _looked(self, language: str, split: Split) -> list[str]:
        root = data_dir()
        if root is None:
            return [f"no data folder is given (--data-dir, {VARIABLE})"]
        wanted = self._wanted(language, split)
        return [f"not in {root}: {', or '.join(wanted)}"] if wanted else [f"there is no {split} data in {language!r}"]


_GIVEN: Mapping[type[Any], Callable[[Any], Any]] = {
    Tagged: attrgetter("tokens"),
    Classified: attrgetter("text", "pair"),
    Choice: attrgetter("text", "choices"),
    Question: attrgetter("question", "context"),
}


def held(task: Task) -> list[Held]:
    """What is there of the data of a task, part by part, read and checked as a run does it.

    Raises:
        DataError: If the data folder is none.
    """
    if task.check:
        return list(task.check(task))
    parts: list[tuple[str, Split]] = [(language, "train") for language in task.training_languages if task.trains]
    parts += [] if task.family in ("mlm", "alignment") else task.predicted
    return look(task, parts, lambda language, split: Held(language=language, split=split, state="ok"))


def look(
    task: Task,
    parts: Sequence[tuple[str, Split]],
    at: Callable[[str, Split], Held],
    notes_on: Callable[[Sequence[Example]], Iterable[str]] = lambda examples: (),
) -> list[Held]:
    """Read and count the parts of a task's data.

    Args:
        task: Its `examples` are what a run reads.
        parts: Languages and splits, training data first.
        at: Where a part lies.
        notes_on: What a look at the examples tells.
    """
    found = []
    trained: dict[str, set[int]] = {}  # what the training data gives, as hashes, by language
    for language, split in parts:
        one = at(language, split)
        if one.state != "missing":
            try:
                examples = task.examples(language, split)
            except DataError as error:
                more = len(error.problems) - _NAMED
                notes = (error.headline, *error.problems[:_NAMED], *([f"and {more} more"] if more > 0 else []))
                found.append(replace(one, state="missing" if isinstance(error, NotHereError) else "broken", notes=notes))
                continue
            count = sum(not getattr(e, "english", False) for e in examples) if task.family == "mining" else len(examples)
            notes = tuple(notes_on(examples))
            if one.expected not in (None, count):
                notes += (f"{count} examples, {one.expected} were published",)
            given = [hash(_GIVEN[type(e)](e)) for e in examples if type(e) in _GIVEN] if split != "dev" else []
            if split == "train":
                trained[language] = set(given)
            elif twice := sum(text in trained.get(language, ()) for text in given):
                notes += (f"{twice} of {count} inputs ({100 * twice / count:.0f} %) stand verbatim in the training data",)
            one = replace(one, state="warning" if notes else "ok", examples=count, notes=notes)
        found.append(one)
    return found


def mixture(*parts: Part, **fields: Any) -> Task:
    """Several tasks trained at once, each with a head of its own; `fields` are the other fields of Task."""

    def load(language: str, split: Split) -> Sequence[Example]:
        raise DataError(f"a mixture of {', '.join(p.task for p in parts)} has no examples of its own; it is an intermediate only")

    def revision() -> str:
        every = [f"{p.task}={load_task(p.task).version()}" for p in parts]
        # How its steps are drawn makes it another mixture; what is as usual is not said, as in ids of before.
        every += [f"{p.task}: weight {p.weight}" for p in parts if p.weight != 1] + [f"{p.task}: cap {p.cap}" for p in parts if p.cap]
        usual = {"sampling": "proportional", "temperature": 1.0}
        every += [f"{name}: {fields[name]}" for name, value in usual.items() if fields.get(name, value) != value]
        return f"sha256:{hashlib.sha256(' '.join(every).encode()).hexdigest()[:16]}"

    return Task(
        family="mixture",
        languages=(),
        metric="",
        scorers=(),
        load=load,
        revision=revision,
        dev_revision=lambda: " ".join(f"{p.task}={found}" for p in parts if (found := load_task(p.task).dev_revision())),
        parts=parts,
        licence="that of its parts",
        source=" + ".join(p.task for p in parts),
        has_dev=False,
        **fields,
    )


def placeholder_label(examples: Sequence[Example], split: Split) -> str:
    """Why labels are not labels: every test item has the same one. Empty when they vary."""
    labels = {label for e in examples if isinstance(label := getattr(e, "label", None), str)}
    if split == "test" and len(examples) >= _CLASSIFIED_MINIMUM and len(labels) == 1:
        return f"all {len(examples)} labels are {labels.pop()!r}: a placeholder for labels that were stripped (google-research/xtreme#24)"
    return ""


def file_hash(path: Path) -> str:
    """SHA-256 of a file; read again only when its size or time has changed.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        stat = path.stat()
        return _hash(str(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


@cache
def _hash(path: str, size: int, changed: int) -> str:  # size and time are the cache's key
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
