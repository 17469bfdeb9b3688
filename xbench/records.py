"""Our own shape of a task's data: JSON lines or Parquet with the fields of the family's example."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from xbench.errors import DataError, meant
from xbench.formats import Reader, objects, whole
from xbench.task import KINDS, Split, misfit


def own_shape(family: str) -> Reader:
    """Our own shape, as JSON lines or Parquet: the fields of the family's example; `id` and `cluster` may be left out (its number)."""
    kind = KINDS[family]
    types = get_type_hints(kind)
    fields = tuple(types)[2:]  # without those of every example, which have other names here

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
            if wrong := [said for f in fields if (said := misfit(f, values[f], types[f]).replace("a tuple of", "a list of"))]:
                problems.append(f"{path}:{number}: {'; '.join(wrong)}")
                continue
            given = row.get("id"), row.get("cluster")  # null is as good as none
            if "" in given:
                problems.append(f"{path}:{number}: {' and '.join(k for k in ('id', 'cluster') if row.get(k) == '')} cannot be empty")
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
