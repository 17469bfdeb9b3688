"""`xbench score`: an XTREME submission folder and its references, scored into the store.

Folders hold TASK/test-LANGUAGE.tsv (or .json for questions, .jsonl for xcopa), as google-research/xtreme evaluate.py reads them. A task
that the submission leaves out is skipped; inside a task every language must be there.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from xbench import adapter, writing
from xbench.adapter import Row
from xbench.corpus import file_hash
from xbench.errors import DataError, XbenchError
from xbench.gathering import tables
from xbench.hashes import folder_hash
from xbench.readers import from_json
from xbench.rows import Refusal
from xbench.scorer import load_scorer
from xbench.scoring import KEY, Answers, score_rows
from xbench.task import Task, all_tasks, base_task
from xbench.versions import Batch, compare, pack

UNKNOWN = "unknown"
_ENDINGS = {"qa": "json", "choice": "jsonl"}
_SHOWN = 20  # problems named for each file


@dataclass(frozen=True, slots=True)
class System:
    """What a submission says of its system; all of it goes into the run's key. An unknown source_version becomes the folder's hash."""

    model: str
    intermediate: str = UNKNOWN
    model_revision: str = UNKNOWN
    train_language: str = "en"
    seed: int | None = None
    recipe: str = UNKNOWN
    stack: str = UNKNOWN
    source: str = "submission"
    source_version: str = UNKNOWN


@dataclass(slots=True)
class Scored:
    """What came of one task: how many languages and examples, or why not; `notes` are worth knowing but did not stop it."""

    task: str
    folder: str
    run_id: str = ""
    languages: int = 0
    examples: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def score(references: Path, predictions: Path, root: Path, system: System, suite: str = "xtreme") -> list[Scored]:
    """Score every task that both folders hold, and store runs, predictions, outcomes and scores.

    Args:
        references: Folder with the gold labels.
        predictions: Folder with the submission.
        root: The store.
        system: Whose predictions they are.
        suite: xtreme or xtreme-r: which version of a task its folder is taken for.

    Returns:
        One entry a task of the suite that is in `predictions`; those with problems are not stored.

    Raises:
        DataError: If there is no such suite, or a folder does not exist or holds no task of it.
        StoreError: If the store cannot be read, or nothing can be written there.
    """
    suites = sorted({name for task in all_tasks() for name in task.suites})
    if suite not in suites:
        raise DataError(f"no suite {suite!r}; there are {', '.join(suites)}")
    for folder in (references, predictions):
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder")
    if system.source_version == UNKNOWN:  # two submissions of one name are two sources, and are never averaged
        system = replace(system, source_version=_version(predictions))
    done = []
    for task in all_tasks():
        name = base_task(task.name)
        if suite not in task.suites or not (predictions / name).is_dir():
            continue
        result = Scored(task.name, name)
        done.append(result)
        if not (references / name).is_dir():
            result.problems.append(f"{references / name} does not exist")
            continue
        _score_task(task, references / name, predictions / name, root, system, result)
    if not done:
        names = sorted(base_task(t.name) for t in all_tasks() if suite in t.suites)
        raise DataError(f"{predictions} has no folder of a task of {suite}; they are {', '.join(names)}")
    return done


def _version(folder: Path) -> str:
    """That of a submission: two of one name are two sources, and are never averaged."""
    return f"sha256:{folder_hash(folder, file_hash)[:16]}"


@dataclass(slots=True)
class _Read:
    """The answers of a submission to one task, by language; the hashes of gold labels and predictions."""

    answers: dict[str, Answers]
    revision: str
    digest: str
    problems: list[str]
    notes: list[str]


def _read(task: Task, references: Path, predictions: Path) -> _Read:
    ending = _ENDINGS.get(task.family, "tsv")
    found = _Read({}, "", "", [], [])
    gold_hash, given_hash = hashlib.sha256(), hashlib.sha256()
    for language in task.languages:
        gold, given = (folder / f"test-{language}.{ending}" for folder in (references, predictions))
        missing = [f"{path} does not exist" for path in (gold, given) if not path.is_file()]
        if missing:
            found.problems += missing
            continue
        gold_hash.update(f"{language}\0{file_hash(gold)}\n".encode())
        given_hash.update(f"{language}\0{file_hash(given)}\n".encode())
        try:
            found.answers[language] = clustered(task, language, _READERS[task.family](gold, given))
        except DataError as error:
            found.problems += [*error.problems[:_SHOWN]] or [str(error)]
            continue
        if not found.answers[language].example_ids:
            found.problems.append(f"{gold} and {given} are empty")
        found.notes += _odd(task, language, found.answers[language])
    found.revision, found.digest = f"sha256:{gold_hash.hexdigest()[:16]}", given_hash.hexdigest()
    return found


def is_submission(folder: Path, suite: str = "xtreme") -> bool:
    """Whether a folder holds a file of a submission where it belongs: TASK/test-LANGUAGE.ENDING."""
    inside = {entry.name for entry in folder.iterdir()}
    return any(
        (folder / name / f"test-{language}.{_ENDINGS.get(task.family, 'tsv')}").is_file()
        for task in all_tasks()
        if suite in task.suites and (name := base_task(task.name)) in inside
        for language in task.languages
    )


def rows(references: Path, predictions: Path, suite: str = "xtreme", only: str | None = None) -> Iterator[Row]:
    """The rows of a submission, as adapters give them: every task, language and metric with its examples.

    Raises:
        DataError: If anything in it cannot be scored; all problems at once.
    """
    problems: list[str] = []
    version = _version(predictions)
    for task in all_tasks():
        name = base_task(task.name)
        if suite not in task.suites or only not in (None, task.name) or not (predictions / name).is_dir():
            continue
        if not (references / name).is_dir():
            problems.append(f"{references / name} does not exist")
            continue
        found = _read(task, references / name, predictions / name)
        problems += found.problems
        if not found.problems:
            for row in _rows(task, found, f"{predictions / name}", problems):
                yield {"source_version": version, **row}
    if problems:
        raise DataError(f"{predictions} cannot be scored whole", problems)


def _rows(task: Task, found: _Read, folder: str, problems: list[str]) -> Iterator[Row]:
    for language, said in found.answers.items():
        answered = adapter.answers(said.example_ids, said.cluster_ids, said.references, said.predictions)
        key: dict[str, Any] = dict.fromkeys(KEY, "")
        for scorer in task.scorers:
            try:
                outcome, _ = score_rows({**key, "seed": None}, language, "test", said, [load_scorer(scorer)], found.revision)
            except ValueError as error:
                if scorer == task.scorers[0]:
                    problems.append(f"{folder}, {language}: {error}")
                    break
                found.notes.append(f"{language}: not scored with {scorer}: {error.__cause__ or error}")
                continue
            for metric in dict.fromkeys(outcome["metric"].to_pylist()):
                part = outcome.filter(pc.equal(outcome["metric"], metric))
                yield {
                    "at": f"{task.name}/{language}",
                    "target": task.name,
                    "language": language,
                    "split": "test",
                    "metric": metric,
                    "scorer": load_scorer(scorer).signature,
                    "dataset_revision": found.revision,
                    "outcomes": part.select(["example_id", "cluster_id", "numerator", "denominator"]),
                    "answers": answered,
                }


def _score_task(task: Task, references: Path, predictions: Path, root: Path, system: System, result: Scored) -> None:
    found = _read(task, references, predictions)
    result.problems, result.notes = found.problems, found.notes
    if result.problems:
        return
    said = {c: v for c, v in asdict(system).items() if v is not None}
    given = ({**adapter.UNSAID, **said, **row} for row in _rows(task, found, str(predictions), result.problems))
    refusals: list[Refusal] = []
    batch = Batch(pack(tables(list(given), str(predictions), found.digest, refusals)))
    result.problems += [str(refusal) for refusal in refusals]
    if result.problems:
        return
    # OWNER/NAME would lead into a folder, where nobody looks.
    intermediate = re.sub(r'[\x00-\x1f/\\:*?"<>|]', "-", system.intermediate)
    name = f"{task.name}.{intermediate[:40]}.submission.{batch.tables['run']['run_id'][0].as_py()}"
    with writing.alone(root) as alone:
        fresh, compared = compare(batch, (root,))
        if compared.cells["retracted"]:
            result.notes.append("this run is retracted, and not written again: `xbench retract` says why")
        try:
            if fresh["run"].num_rows:
                writing.write_runs(root, fresh, name, only=alone)
        except XbenchError as error:
            result.problems.append(str(error))
            return
    result.run_id, result.languages = str(batch.tables["run"]["run_id"][0]), len(found.answers)
    result.examples = sum(len(answers.example_ids) for answers in found.answers.values())


def clustered(task: Task, language: str, said: Answers) -> Answers:
    """Cluster ids as the task has them: rows that belong together, shared across languages only where the items are translations."""
    ids = said.cluster_ids if task.by_paragraph else said.example_ids
    if task.rows_a_cluster > 1:
        ids = [str(row // task.rows_a_cluster) for row in range(len(ids))]
    return replace(said, cluster_ids=ids if task.parallel else [f"{language}/{i}" for i in ids])


def _odd(task: Task, language: str, said: Answers) -> list[str]:
    """Questions without an answer, and predictions outside the label set (no row number, in retrieval): they score as wrong."""
    if task.family == "qa":
        without = sum(p is None for p in said.predictions)
        return [f"{language}: {without} of {len(said.predictions)} question(s) have no answer, by their ids"] if without else []
    if task.family == "mining":
        return []
    given = [p or "" for p in said.predictions]
    labels = [tag for p in given if p for tag in p.split(" ")] if task.family == "tagging" else given
    known = set(task.labels)
    odd = [label for label in labels if not (label.isdecimal() if task.family == "retrieval" else label in known)]
    return [f"{language}: {len(odd)} prediction(s) outside the label set, the first {odd[0]!r}"] if odd else []


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig") as handle:
            return [line.strip() for line in handle]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}") from error


def _labels(gold: Path, given: Path) -> Answers:
    """One label a line, as read_label; an empty line is a label too."""
    references, predictions = _lines(gold), _lines(given)
    if len(references) != len(predictions):
        raise DataError(f"{given} has {len(predictions)} lines, {gold} has {len(references)}")
    ids = [str(i) for i in range(len(references))]
    return Answers(ids, ids, references, predictions)


def _tags(gold: Path, given: Path) -> Answers:
    """One tag a line, an empty line after each sentence, as read_tag; two empty lines make an empty sentence."""
    sides = []
    for path in (gold, given):
        lines = _lines(path)
        spaced = [f"{path}:{n}: {line!r} is not one tag" for n, line in enumerate(lines, 1) if " " in line or "\t" in line]
        if spaced:
            raise DataError(f"{path} does not hold one tag a line", spaced)
        sentences: list[list[str]] = [[]]
        for line in lines:
            if line:
                sentences[-1].append(line)
            else:
                sentences.append([])
        sides.append(sentences if sentences[-1] else sentences[:-1])
    references, predictions = sides
    if len(references) != len(predictions):
        raise DataError(f"{given} has {len(predictions)} sentences, {gold} has {len(references)}")
    unequal = [
        f"{given}: sentence {i}: {len(p)} tags, {len(r)} in {gold.parent.name}/{gold.name} of the references"
        for i, (r, p) in enumerate(zip(references, predictions, strict=True))
        if len(r) != len(p)
    ]
    if unequal:
        raise DataError(f"{given} and {gold} differ in length in {len(unequal)} sentence(s)", unequal)
    ids = [str(i) for i in range(len(references))]
    return Answers(ids, ids, [" ".join(s) for s in references], [" ".join(s) for s in predictions])


def _questions(gold: Path, given: Path) -> Answers:
    """SQuAD JSON against {id: answer}, the paragraph as cluster; a question without an answer has none, other answers are ignored."""
    content, answers = _json(gold), _json(given)
    articles = content.get("data") if isinstance(content, dict) else content
    if not isinstance(articles, list) or not isinstance(answers, dict):
        raise DataError(f"{gold if not isinstance(articles, list) else given} is not as expected: SQuAD's data, or {{id: answer}}")
    ids, paragraphs, references, problems = [], [], [], []
    try:
        for a, article in enumerate(articles):
            for p, qa in ((p, qa) for p, paragraph in enumerate(article.get("paragraphs", [])) for qa in paragraph.get("qas", [])):
                texts = [str(answer["text"]) for answer in qa.get("answers", [])]
                if not texts:
                    problems.append(f"{gold}: question {qa.get('id')!r} has no accepted answer")
                ids.append(str(qa["id"]))
                paragraphs.append(f"{a}-{p}")
                references.append(json.dumps(texts, ensure_ascii=False))
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{gold} is not SQuAD's data: question {len(ids)}: {type(error).__name__} {error}") from error
    problems += [f"{given}: answer to {i!r} is not a text" for i, a in answers.items() if not isinstance(a, str)]
    repeated = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
    problems += [f"{gold}: question {i!r} occurs twice" for i in repeated]
    if problems or not ids:
        raise DataError(f"{gold} and {given} cannot be scored", problems or [f"{gold} has no question"])
    return Answers(ids, paragraphs, references, [answers.get(i) for i in ids])


def _pairs(gold: Path, given: Path) -> Answers:
    """`source<TAB>target` a line; the example is the source sentence, so that pairs of one sentence stay together."""
    sides: list[dict[str, set[str]]] = []
    problems = []
    for path in (gold, given):
        found: dict[str, set[str]] = {}
        for number, line in enumerate(_lines(path), 1):
            cells = line.split("\t")
            if len(cells) != 2 or not all(cells) or any(" " in c for c in cells):
                problems.append(f"{path}:{number}: expected source id<TAB>target id, found {line!r}")
            else:
                found.setdefault(cells[0], set()).add(cells[1])
        sides.append(found)
    if problems:
        raise DataError(f"{gold} and {given} cannot be scored", problems)
    ids = sorted({*sides[0], *sides[1]})
    texts = [[" ".join(sorted(side.get(i, ()))) for i in ids] for side in sides]
    return Answers(ids, ids, texts[0], texts[1])


def _choices(gold: Path, given: Path) -> Answers:
    """One object with a field `label` a line."""
    sides = []
    for path in (gold, given):
        try:
            sides.append([str(from_json(line)["label"]) for line in _lines(path) if line])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is not one object with a field label a line: {type(error).__name__} {error}") from error
    if len(sides[0]) != len(sides[1]):
        raise DataError(f"{given} has {len(sides[1])} lines, {gold} has {len(sides[0])}")
    ids = [str(i) for i in range(len(sides[0]))]
    return Answers(ids, ids, sides[0], sides[1])


def _json(path: Path) -> Any:
    try:
        return from_json(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error


_READERS: Mapping[str, Callable[[Path, Path], Answers]] = {
    "classification": _labels,
    "retrieval": _labels,
    "tagging": _tags,
    "qa": _questions,
    "mining": _pairs,
    "choice": _choices,
}


def problems(done: Sequence[Scored]) -> list[str]:
    """Every problem of every task."""
    return [p for result in done for p in result.problems]
