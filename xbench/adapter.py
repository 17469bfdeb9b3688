"""What an adapter is: one file of ingest/ that knows a format, and the columns of the rows that it gives.

An adapter says `recognises(path, head) -> bool` (head: the first bytes of a file, empty for a folder) and `read(path, options)`, which
yields rows: flat dictionaries of COLUMNS that hold only what the source says, or Blocks of rows that are alike; Notes, and Unread rows. It
may say `SUFFIXES` (the endings of its files: it is asked about no others), `ASKED_FIRST = True` (its files come by the ten thousand),
`UNSAID` (what its rows mean where they are silent), `FOLDERS = True` (it takes whole folders), `COMPANIONS` (names of files beside its own
that hold no scores of their own) and `EXAMPLE` (what such a path looks like). It raises DataError to refuse the whole file.
"""

import csv
import lzma
import os
import pickle
import re
import threading
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import pyarrow as pa

from xbench import plugins, share
from xbench.errors import DataError, PluginError, XbenchError

Row = dict[str, Any]
Shape = TypeVar("Shape")

# What a row says of its run, of its source, and of its score.
RUN = (
    "model", "model_revision", "parameters", "intermediate", "intermediate_revision", "target", "train_language", "seed", "recipe", "stack",
    "dataset_revision", "selection",
)  # fmt: skip
SOURCE = ("source", "source_version", "relationship")
SCORE = ("language", "language_set", "split", "metric", "scorer", "value", "n", "stderr", "stderr_kind")
COLUMNS = (*RUN, *SCORE, *SOURCE)
MEASURED = frozenset({"value", "stderr"})  # which each row has for itself
OF_RUN = frozenset({*RUN, *SOURCE})
# Of use while reading, and not stored: the unit of value, and whether less of it is better (then it is refused); the id in the store that a
# row was exported from; where in the file it stands (for messages); the examples behind it, as tables of `outcomes` and of `answers`.
PASSING = ("unit", "lower_is_better", "run_id", "at", "outcomes", "answers")
# Which table of a markdown or LaTeX file, and which section of it, counted from 1; which of its headings hold scores.
_OF_TABLES = ("table", "section", "headings")
OTHER_SETTINGS = ("unit", *_OF_TABLES)  # that --set takes beside columns
REQUIRED = ("model", "intermediate", "target", "language", "metric", "value", "source")
UNSAID: Mapping[str, str] = {
    "model_revision": "unknown",
    "train_language": "en",
    "dataset_revision": "unknown",
    "recipe": "unknown",
    "stack": "unknown",
    "source_version": "unknown",
    "relationship": "third party",
    "split": "test",
    "scorer": "unknown",
}
# What adapters raise at a file that is not of their format: they take its shape for granted where a check would say no more than this.
_MISSHAPEN = (
    LookupError, TypeError, AttributeError, ValueError, ArithmeticError, AssertionError, OSError, pa.ArrowException, csv.Error,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError,
    RuntimeError, pickle.UnpicklingError,
)  # fmt: skip
# What says that an adapter is broken, whatever it reads.
_BROKEN = (NameError, ImportError, SyntaxError)
_CONTENT = (bool, int, float, str, list, dict, type(None))  # what a file is parsed into
HEAD = 4096  # bytes of a file that recognises() is shown
_SMALL = 8 << 20  # bytes of a file that is held while it is recognised, read and hashed
LARGEST = 256 << 20  # bytes of a file that is read whole: parsed, it takes some ten times as much


@dataclass(slots=True)
class Block:
    """Rows of one run, said at once: as much as so many dictionaries, in a fraction of the time. Who yields one gives it away.

    Attributes:
        said: What all of them say, of COLUMNS and PASSING.
        columns: What differs from row to row, of SCORE and PASSING: a list each, all of one length; None where a row does not say it.

    Raises:
        ValueError: If the lists are of several lengths, or one is of what makes a run.
    """

    said: Row
    columns: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        if len(set(map(len, self.columns.values()))) != 1:
            raise ValueError(f"a block with columns of {', '.join(f'{len(v)} {c}' for c, v in self.columns.items()) or 'nothing'}")
        if not OF_RUN.isdisjoint(self.columns):
            several = sorted(OF_RUN.intersection(self.columns))
            raise ValueError(f"a block over several runs: {', '.join(several)} differ in it")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True)
class Note:
    """What a user is told of a file whose scores are read all the same: what of it could not be used, and why."""

    text: str


@dataclass(frozen=True, slots=True)
class Unread(Note):
    """A row of a file that is refused as no more can be made of it than where it stands; the others are read all the same."""

    at: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says to all adapters.

    Attributes:
        references: Folder with gold labels, for formats that hold predictions alone.
        allow_pickle: Whether files that run code when they are opened may be opened.
        settings: Columns for rows whose file does not say them.
        folder: A folder of more adapters; one of a shipped name takes its place.
    """

    references: Path | None = None
    allow_pickle: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


def names(folder: Path | None = None) -> list[str]:
    """The adapters that ship, and those of a user's own folder.

    Raises:
        PluginError: If `folder` is none.
    """
    if folder is not None and not folder.is_dir():
        raise PluginError(f"{folder} is not a folder of adapters")
    return sorted({*plugins.names(share.folder("ingest")), *(plugins.names(folder) if folder else ())})


@lru_cache(maxsize=256)
def load(name: str, folder: Path | None = None) -> ModuleType:
    """An adapter by name; the user's own goes before a shipped one.

    Raises:
        PluginError: If there is none of that name, or it lacks a part.
    """
    own = folder is not None and name in plugins.names(folder)
    module = plugins.load(folder if own and folder else share.folder("ingest"), name)
    missing = [part for part in ("recognises", "read") if not callable(getattr(module, part, None))]
    if missing or not module.__doc__:
        defined = [part for part, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        said = f"{', '.join(missing)}; it defines {', '.join(defined) or 'nothing'}" if missing else "a docstring"
        raise PluginError(f"adapter {name!r} ({module.__file__}) lacks {said}")
    return module


@lru_cache(maxsize=8)
def companions(folder: Path | None = None) -> tuple[str, ...]:
    """Patterns of the names of files that go with others, and are not read by themselves."""
    return tuple(sorted({pattern for name in names(folder) for pattern in getattr(load(name, folder), "COMPANIONS", ())}))


def takes_folders(name: str, folder: Path | None = None) -> bool:
    """Whether an adapter reads whole folders, not files."""
    return bool(getattr(load(name, folder), "FOLDERS", False))


@lru_cache(maxsize=256)
def _asked(folder: Path | None, folders: bool, suffix: str) -> tuple[tuple[str, ModuleType], ...]:
    """The adapters that may know a file of this ending (or a folder, with `folders`), in the order in which they are asked."""
    every = [(name, load(name, folder)) for name in names(folder) if takes_folders(name, folder) == folders]
    every.sort(key=lambda one: not getattr(one[1], "ASKED_FIRST", False))
    return tuple((name, module) for name, module in every if folders or suffix in getattr(module, "SUFFIXES", (suffix,)))


def recognised(path: Path, options: Options, folders: bool = False) -> str | None:
    """The first adapter that knows this file (or folder, with `folders`), by name after those ASKED_FIRST; None if there is none.

    Raises:
        DataError: If the file cannot be opened; or no adapter knows it, and one of them failed over it that should not.
        PluginError: If an adapter is broken.
    """
    failed: list[str] = []
    head = b"" if folders else _head(path)
    for name, module in _asked(options.folder, folders, "" if folders else os.path.splitext(path)[1]):  # noqa: PTH122
        try:
            if module.recognises(path, head):
                return name
        except _BROKEN as error:
            raise _broken(name, module, error) from error
        except (XbenchError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - what it means is known only when all have been asked
            if not folders and (_is_own(name, options) or not _from_content(error)):
                failed.append(f"adapter {name!r} failed: {plugins.failure(module, 'recognises', error)}")
    if failed:
        raise DataError(f"{path}: no adapter knows this format; --format tries one, `xbench adapters` lists them", failed)
    return None


def _is_own(name: str, options: Options) -> bool:
    """Whether an adapter is the user's, of which we do not know that it stumbles over foreign files alone."""
    return options.folder is not None and name in plugins.names(options.folder)


def _from_content(error: Exception) -> bool:
    """Whether a file of another format may be why an adapter failed."""
    if isinstance(error, AttributeError):
        return isinstance(error.obj, _CONTENT)
    return isinstance(error, (*_MISSHAPEN, RecursionError)) and not isinstance(error, ZeroDivisionError)


def read(path: Path, name: str, options: Options) -> Iterator[Row | Block | Note]:
    """The rows of a file, with what the adapter, the user and convention say where the file does not; a note on what need not be said.

    Raises:
        DataError: If the file is not of this format.
        PluginError: If the adapter is broken, or gives something else than rows.
    """
    module = load(name, options.folder)
    unsaid = _unsaid(module, tuple(options.settings.items()))
    overruled = _Overruled(options.settings)
    try:
        for given in (rows := _rows(module, name, path, options)):
            if isinstance(given, Note):
                yield given
            elif isinstance(given, Block):
                filled = _filled(given, unsaid)
                overruled.look(filled.said)
                yield filled
            elif isinstance(given, dict):
                row = unsaid | _told(given)
                overruled.look(row)
                yield row
            else:
                raise _no_rows(name, _yielding(rows, module), f"yielded {type(given).__name__}")
        yield from overruled.notes()
    except XbenchError:
        raise
    except _BROKEN as error:
        raise _broken(name, module, error) from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deeply to be {name}") from error
    except _MISSHAPEN as error:
        if _is_outside(error):  # it could not be called, or its rows are none: no file is to blame
            raise _broken(name, module, error, "read") from error
        said = f"{type(error).__name__}: {str(error)[:200]}"
        raise DataError(f"{path}: not as {name} files are ({said}, at {_line(error, module)})") from error


def _rows(module: ModuleType, name: str, path: Path, options: Options) -> Iterable[Any]:
    rows = module.read(path, options)
    if isinstance(rows, dict | str | bytes) or not isinstance(rows, Iterable):
        raise _no_rows(name, plugins.place(module, "read"), f"returned {type(rows).__name__}")
    return rows


def _is_outside(error: Exception) -> bool:
    """Whether no code of an adapter was running when an error arose."""
    return all(frame.f_code.co_filename == __file__ for frame, _ in traceback.walk_tb(error.__traceback__))


@lru_cache(maxsize=64)
def _unsaid(module: ModuleType, settings: tuple[tuple[str, str], ...]) -> Row:
    said = {column: value for column, value in settings if column not in _OF_TABLES}
    return {**UNSAID, **getattr(module, "UNSAID", {}), **said}


class _Overruled:
    """What the user said of what makes a run and no row of a file leaves open: the rows that say something else themselves."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = {column: value for column, value in settings.items() if column in OF_RUN}
        self.others: dict[str, Any] = {}  # by column what the first row says

    def look(self, said: Row) -> None:
        """Take the rows of a run, filled as they are."""
        for column, value in list(self.settings.items()):
            own = said.get(column)
            if str(own).casefold() == value.casefold():
                del self.settings[column]  # of use
            else:
                self.others.setdefault(column, own)

    def notes(self) -> Iterator[Note]:
        """What to tell the user."""
        for column, value in self.settings.items():
            if column in self.others:
                yield Note(f"{column}={value} is of no use: every row says its {column} itself, such as {self.others[column]!r}")


def _told(said: Row) -> Row:
    return said if all(said.values()) else {column: value for column, value in said.items() if value is not None and value != ""}


def _filled(block: Block, unsaid: Row) -> Block:
    said = unsaid | _told(block.said)
    filled = {}
    for column, values in block.columns.items():
        otherwise = said.pop(column, None)
        if not all(values) and ("" in values or (otherwise is not None and None in values)):
            filled[column] = [otherwise if v is None or v == "" else v for v in values]
    block.said = said
    if filled:
        block.columns = {**block.columns, **filled}
    return block


def _broken(name: str, module: ModuleType, error: BaseException, part: str = "") -> PluginError:
    return PluginError(f"adapter {name!r} is broken", [plugins.failure(module, part, error)])


def _no_rows(name: str, where: str, did: str) -> PluginError:
    said = f"{where}: {name}.read {did}, expected an iterable of dictionaries (a row each), Blocks and Notes"
    return PluginError(f"adapter {name!r} is broken", [said])


def _yielding(rows: Iterable[Any], module: ModuleType) -> str:
    """Where a generator of an adapter stands."""
    frame = getattr(rows, "gi_frame", None)
    return plugins.place(module, "read") if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _line(error: BaseException, module: ModuleType) -> str:
    """Where in the adapter an error arose."""
    file = Path(str(module.__file__))
    line = plugins.line_of(error, file)
    return "?" if line is None else f"{file.name} line {line}"


# What adapters share.

# Metrics of which less is better, by name: for files that do not say so. From lm_eval/api/metrics.py, lighteval's metrics/metrics.py, and
# what automatic model cards list among the others; the shares of stereotypes of lm_eval/tasks/crows_pairs, and EuroEval's bits.
LESS = frozenset({
    "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "bits_per_character", "pct_stereotype", "likelihood_diff",
    "likelihood_difference", "ppl", "loss", "nll", "wer", "cer", "ter", "mer", "edit_distance", "mse",
    "rmse", "mae", "mape", "brier_score",
})  # fmt: skip


# Of `eval` and `evaluation` the trainers of the hub's cards speak, and xstory_cloze: they mean development data.
DEVELOPMENT = ("dev", "val", "valid", "validation", "development", "eval", "evaluation")
_DEVELOPMENT = re.compile(rf"({'|'.join(DEVELOPMENT)})(?![a-z]).*", re.IGNORECASE)  # dev_r1 of ANLI, but not devtest of FLORES


def is_development(split: object) -> bool:
    """Whether the name of a split that a tool tested on says that it is development data."""
    return _DEVELOPMENT.fullmatch(str(split)) is not None


# Metrics that are correlations, by name: worse than chance is below 0, and to leave it out would make means of the better ones alone.
_CORRELATION = re.compile(r"mcc|matthews|pearson|spearman|kendall|kappa|correlation|main_score")  # the last: MTEB's, whatever it is


def least(metric: object) -> float:
    """The lowest score that there is by a metric: -1 of a correlation, else 0."""
    return -1.0 if _CORRELATION.search(str(metric).casefold()) else 0.0


# The unit of a number that may be a fraction or in percent where neither file nor user says which: it is refused with these words.
_UNSAID_UNIT = "not said here; --set unit=percent or unit=fraction does"


def unit_said(options: Options) -> str:
    """The unit of a number that its file leaves open: the user's, or one that is refused and says what to do."""
    return options.settings.get("unit") or _UNSAID_UNIT


class _Held(threading.local):
    path: Path | None = None
    content = b""


_held = _Held()


def hold(path: Path, size: int) -> bytes | None:
    """Read a small file once for all that is asked of it by this very Path, until the next file is held: it is recognised, read and hashed.

    Args:
        path: A plain file.
        size: Its bytes.

    Returns:
        Its content; None if it is large.

    Raises:
        DataError: If it cannot be read.
    """
    _held.path = None
    if size > _SMALL:
        return None
    content = _content(path, size)
    _held.path, _held.content = path, content
    return content


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most LARGEST bytes.

    Raises:
        DataError: If it is larger, or cannot be read.
    """
    if path is _held.path:
        return _held.content
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if size > LARGEST:
        raise DataError(f"{path} has {size:,} bytes, more than the {LARGEST:,} that are read")
    return _content(path, size)


def _head(path: Path) -> bytes:
    """The first bytes of a file."""
    if path is _held.path:
        return _held.content[:HEAD]
    try:
        with path.open("rb") as handle:
            return handle.read(HEAD)
    except OSError as error:
        raise _unreadable(path, error) from error


def tail(path: Path) -> bytes:
    """The last HEAD bytes of a file, for `recognises`: where the marks of a format may come after the scores.

    Raises:
        OSError: If it cannot be read.
    """
    if path is _held.path:
        return _held.content[-HEAD:]
    with path.open("rb") as handle:
        handle.seek(max(handle.seek(0, os.SEEK_END) - HEAD, 0))
        return handle.read()


_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def _content(path: Path, size: int) -> bytes:
    """What is in a file of so many bytes; in half the time of Path.read_bytes where it is small."""
    try:
        handle = os.open(path, _READ)
        try:
            content = os.read(handle, size + 1)
        finally:
            os.close(handle)
        return content if len(content) == size else path.read_bytes()  # it grows
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror}")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        DataError: If it is not UTF-8; the message says where.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error


def parse_json(content: bytes, where: str) -> Any:
    """JSON, also with the NaN that Python writes.

    Raises:
        DataError: If it is none; the message names line and column.
    """
    import json

    import orjson

    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        read = max(error.pos - len("-Infinity"), 0)  # it counts characters, of which there are no more than bytes
        rest = content[read:]
        if b"NaN" not in rest and b"Infinity" not in rest:
            raise DataError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    # As texts, which number() reads; inside a text this breaks the JSON, and then the slower reader is asked.
    quoted = _quoted(rest)
    for _ in range(2):
        try:
            return orjson.loads(content[:read] + quoted)
        except orjson.JSONDecodeError:
            quoted = quoted.replace(b"Infinity", b'"Infinity"').replace(b'-"Infinity"', b'"-Infinity"')
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}") from error


def _quoted(content: bytes) -> bytes:
    """Each NaN as a text. One letter is found many times as fast as three, and stands for little else in a file of numbers."""
    parts, start, at = [], 0, 0
    while (at := content.find(b"N", at)) >= 0:
        if content.startswith(b"NaN", at):
            parts.append(content[start:at])
            start = at = at + 3
        else:
            at += 1
    parts.append(content[start:])
    return b'"NaN"'.join(parts)


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        DataError: If it is none.
    """
    return parse_json(read_bytes(path), str(path))


def shaped_json(path: Path, shape: type[Shape]) -> Shape:
    """What a msgspec.Struct names of a JSON file: where much else is in it, read in half the time.

    Raises:
        DataError: If it is no JSON, or of another shape.
    """
    import msgspec

    content = read_bytes(path)
    decode = _decoder(cast(Any, shape))
    found: Shape
    try:
        try:
            found = decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            try:
                found = decode(_quoted(content))
            except (msgspec.DecodeError, UnicodeDecodeError):  # the slower way reads more, and says what is wrong
                found = msgspec.convert(parse_json(content, str(path)), shape)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {error}") from error
    return found


@lru_cache(maxsize=64)
def _decoder(shape: Any) -> Callable[[bytes], Any]:
    import msgspec

    return msgspec.json.Decoder(shape).decode


def read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The lines of a JSON lines file with their numbers, one at a time.

    Raises:
        DataError: At the first line that is no JSON.
    """
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if line.strip():
                yield number, parse_json(line, f"{path}:{number}")


_MOST_ALIASED = 1_000_000  # characters and values that aliases may stand for
_NO_VALUES = (ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)  # YAML's, of values that are not what they say


def parse_yaml(text: str, where: str) -> Any:
    """YAML, as the safe loader reads it; its aliases may not stand for more than memory holds, which a few lines of them can.

    Raises:
        DataError: If it is none, or stands for too much; the message names the line.
    """
    import yaml

    left = 2 * len(text) + _MOST_ALIASED  # a value has a character or more

    def count(node: yaml.Node, above: tuple[int, ...]) -> None:
        nonlocal left
        left -= 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if left < 0 or id(node) in above:
            said = "it stands for itself" if left >= 0 else f"its aliases stand for more than {_MOST_ALIASED:,} characters"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=node.start_mark)
        for inner in [] if isinstance(node, yaml.ScalarNode) else node.value:
            for one in inner if isinstance(inner, tuple) else (inner,):
                count(one, (*above, id(node)))

    try:
        loader = _yaml_loader()(text)
        node = loader.get_single_node()
        if node is None:
            return None
        count(node, ())
        return loader.construct_document(node)
    except (yaml.YAMLError, *_NO_VALUES) as error:
        mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error).split("\n")[0]
        raise DataError(f"{where}:{f'{mark.line + 1}:' if mark else ''} cannot be read as YAML: {said}") from error


@lru_cache(maxsize=1)
def _yaml_loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
        return node.value if ":" in node.value else loader.construct_yaml_int(node)  # 1:30 is 90 in YAML 1.1; many digits of it take hours

    Loader.add_constructor("tag:yaml.org,2002:int", whole)
    return Loader


def mapping(value: Any, where: str) -> dict[str, Any]:
    """`value`, which must be a JSON object.

    Raises:
        DataError: If it is something else.
    """
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object, found {type(value).__name__}")
    return value


def number(value: Any) -> float | None:
    """`value` as a float if it is a number or the text of one, else None (so that `N/A` is no standard error)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and "_" in value:  # in Python 81.2_1 is a number
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


_TRAIN = "train; if only the hub calls it so, --set split says"


def hub_split(said: Any, options: Options) -> Any:
    """The split of a data set of the Hugging Face hub; `train`, as it calls the only part of a data set, gives way to what --set says."""
    if str(said).lower() != "train":
        return said
    return None if "split" in options.settings else _TRAIN


def outcomes(
    ids: Sequence[str], numerators: Sequence[float], denominators: Sequence[float] | None = None, clusters: Sequence[str] | None = None
) -> pa.Table:
    """The examples behind a score: its value is sum(numerators) / sum(denominators); denominators are 1 if not given."""
    count = len(ids)
    return pa.table(
        {
            "example_id": pa.array(ids, pa.string()),
            "cluster_id": pa.array(clusters if clusters is not None else ids, pa.string()),
            "numerator": pa.array(numerators, pa.float64()),
            "denominator": pa.array(denominators if denominators is not None else [1.0] * count, pa.float64()),
        }
    )


def answers(ids: Sequence[str], clusters: Sequence[str], references: Sequence[str], predictions: Sequence[str | None]) -> pa.Table:
    """What the gold standard says and what the system predicted, one row an example."""
    columns = {"example_id": ids, "cluster_id": clusters, "reference": references, "prediction": predictions}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def summary(name: str, folder: Path | None = None) -> tuple[str, str]:
    """The first line of an adapter's docstring, and what a path of its format looks like."""
    module = load(name, folder)
    return str(module.__doc__).strip().splitlines()[0], str(getattr(module, "EXAMPLE", ""))
