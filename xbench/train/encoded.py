"""Encoded training sets on disk, as Arrow: a large set is tokenised once for all runs, seeds and processes of a machine."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from xbench import places, share
from xbench.errors import DataError, WriteError
from xbench.hashes import short_hash
from xbench.recipe import Recipe
from xbench.task import Example, Split, Task
from xbench.train.encoding import Once, Piece, encode
from xbench.train.models import Resolved

_WORTH = 2000  # examples from which reading is quicker than encoding again
_ROWS = 4096  # that are read at once
_FORM = 4  # raise it when pieces change
_MOST = 16 << 30  # bytes that are kept; then the sets unused for longest go
_NUMBERS = pa.list_(pa.int32())
_SCHEMA = pa.schema(
    [
        ("example", pa.int32()), ("ids", _NUMBERS), ("words", _NUMBERS), ("span", _NUMBERS), ("offsets", _NUMBERS), ("choice", pa.int16()),
        ("starts", _NUMBERS),
    ]
)  # fmt: skip


def encoded(
    model: Resolved, tokenizer: Any, recipe: Recipe, task: Task, language: str, split: Split, examples: Sequence[Example]
) -> list[Piece]:
    """Model inputs of examples; those of large sets are kept in the user's cache under a hash of all that they depend on.

    A folder that cannot be written costs time and nothing else.

    Raises:
        DataError: If a file that was kept is damaged.
    """
    length, stride = recipe.lengths(task.name)
    prefix = recipe.prefix(model.name) if task.family == "alignment" else ""
    if len(examples) < _WORTH:
        return encode(tokenizer, examples, length, stride, prefix, recipe.tagging)
    apart = split == "dev" and language != task.train_language  # what a selection on target languages reads
    key = {
        "form": _FORM, "tokenizer": f"{model.name} {model.revision}", "task": task.name,
        "data": f"{task.revision()} {task.dev_revision()}" if apart else task.revision(), "language": language,
        "split": split, "length": length, "stride": stride, "prefix": prefix, "labels": list(task.labels),
        "tagging": recipe.tagging,
    }  # fmt: skip
    path = share.cache_folder() / "encoded" / f"{short_hash(key, 24)}.arrow"
    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
        if path.is_file():
            return _read(path)
    pieces = encode(tokenizer, examples, length, stride, prefix, recipe.tagging)
    with contextlib.suppress(WriteError, OSError):
        _write(path, pieces)
        _bound(path.parent)
    return pieces


def _bound(folder: Path) -> None:
    """Remove the sets unused for longest, and what killed processes left, until no more is there than may be."""
    held = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process removed it
            about = path.stat()
            held.append((about.st_mtime, about.st_size, path))
    held.sort(reverse=True)
    room = _MOST
    for number, (_, size, path) in enumerate(held):
        room -= size
        if number and room < 0:  # the newest stays, however large
            with contextlib.suppress(OSError):
                path.unlink()


def _write(path: Path, pieces: Sequence[Piece]) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")  # an eighth of the size, read as quickly
    with places.whole(path) as new, pa.OSFile(str(new), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA, options=options) as writer:
        for start in range(0, len(pieces), _ROWS):
            some = pieces[start : start + _ROWS]
            columns = {
                "example": [p.example for p in some],
                "ids": [p.ids for p in some],
                "words": [[n for pair in p.words for n in pair] for p in some],
                "span": [p.span for p in some],
                "offsets": [[n for o in p.offsets for n in (o or (-1, -1))] for p in some],
                "choice": [p.choice for p in some],
                "starts": [p.starts for p in some],
            }
            writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))


def _read(path: Path) -> list[Piece]:
    found: list[Piece] = []
    once = Once()
    try:
        with pa.memory_map(os.fspath(path)) as source, pa.ipc.open_file(source) as opened:
            for number in range(opened.num_record_batches):
                batch = opened.get_batch(number)
                for example, ids, words, span, offsets, choice, starts in zip(
                    *(batch[name].to_pylist() for name in _SCHEMA.names), strict=True
                ):
                    pairs = zip(words[::2], words[1::2], strict=True)
                    covered = (None if a < 0 else (a, b) for a, b in zip(offsets[::2], offsets[1::2], strict=True))
                    place, begins = once[span[0], span[1]], once[starts[0], starts[1]]
                    found.append(Piece(example, once.all(ids), once.all(pairs), place, once.all(covered), choice, begins))
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: remove it, and it is made again", [str(error)]) from error
    return found
