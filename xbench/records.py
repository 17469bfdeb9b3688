"""Our own shape of a task's data: JSON lines or Parquet with the fields of the family's example."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from xbench.errors import DataError, meant
from xbench.formats import Reader, objects, whole
from xbench.task import Choice, Classified, Plain, Question, Split, Tagged, Translation, Unaligned

_FIELDS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "tagging": (Tagged, ("tokens", "labels")),
    "classification": (Classified, ("text", "pair", "label")),
    "choice": (Choice, ("text", "choices", "label")),
    "qa": (Question, ("question", "context", "answers", "start")),
    "retrieval": (Translation, ("english", "foreign")),
    "mining": (Unaligned, ("text", "english", "gold")),
    "mlm": (Plain, ("text",)),
}


def own_shape(family: str) -> Reader:
    """Our own shape, as JSON lines or Parquet: the fields of the family's example; `id` and `cluster` may be left out (its number)."""
    kind, fields = _FIELDS[family]

    def read(files: Sequence[Path], language: str, split: Split) -> list[Any]:
        (path,) = files
        problems: list[str] = []
        rows = _parquet(path, fields) if path.suffix == ".parquet" else objects(path, fields, problems)
        found: list[Any] = []
        for number, row in rows:
            odd = [f"{key!r} is not read; did you mean {near!r}?" for key in row if (near := _misspelt(key)) and near not in row]
            if odd:
                problems.append(f"{path}:{number}: field {', '.join(odd)}")
                continue
            values = {f: tuple(row[f]) if isinstance(row[f], list) else row[f] for f in fields}
            wrong = [f for f in fields if not _fits(f, values[f])]
            if wrong:
                problems.append(f"{path}:{number}: field {', '.join(wrong)} has the wrong type")
                continue
            given = row.get("id"), row.get("cluster")  # null is as good as none
            name = str(len(found) if given[0] is None else given[0])
            found.append(kind(name, name if given[1] is None else str(given[1]), **values))
        return whole(path, found, problems)

    return read


@cache
def _misspelt(key: str) -> str:
    """The optional field that a name which is none stands for: without it examples would be numbered, and each a cluster of its own."""
    if key in ("id", "cluster"):
        return ""
    return "id" if key.lower() in ("id", "example_id") else "cluster" if meant(key.lower(), ["cluster"]) else ""


def _fits(field: str, value: Any) -> bool:
    if field in ("tokens", "labels", "choices", "answers", "gold"):
        return isinstance(value, tuple) and all(isinstance(v, str) for v in value)
    if field == "start":
        return isinstance(value, int)
    return isinstance(value, str) or (field == "english" and isinstance(value, bool))


def _parquet(path: Path, fields: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    missing = [f for f in fields if f not in table.column_names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; it has {', '.join(table.column_names)}")
    yield from enumerate(table.to_pylist(), 1)
