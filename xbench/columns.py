"""Arrow columns from Python lists, straight from buffers: pyarrow's own way imports pandas, which takes longer than a small ingest."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def texts(values: Sequence[str | None]) -> pa.Array:
    """Strings, shape (n,); None is NULL."""
    if None not in values and (joined := "".join(cast(Sequence[str], values))).isascii():  # a character is a byte
        ends = np.zeros(len(values) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, cast(Sequence[str], values)), np.int32, len(values)), out=ends[1:])
        return pa.Array.from_buffers(pa.string(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(joined.encode())])
    encoded = [value.encode() if value is not None else b"" for value in values]
    ends = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, encoded), np.int32, len(encoded)), out=ends[1:])
    buffers = [_there(np.array([value is not None for value in values], bool)), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def coded(values: Sequence[str | None]) -> pa.DictionaryArray:
    """Strings of which there are few, each once, with a number in each place of shape (n,); None is NULL."""
    if values and values[0] is not None and values[0] is values[-1] and values.count(values[0]) == len(values):
        return repeated(np.zeros(len(values), np.int32), texts(values[:1]))
    once = [value for value in dict.fromkeys(values) if value is not None]
    codes: dict[str | None, int] = {None: -1}
    codes.update((value, code) for code, value in enumerate(once))
    found = np.fromiter(map(codes.__getitem__, values), np.int32, len(values))
    return pa.DictionaryArray.from_arrays(_numbers(found, found >= 0, pa.int32()), texts(once))


def numbers(values: Sequence[float | None], kind: pa.DataType) -> pa.Array:
    """Numbers of type int64 or float64, shape (n,); None is NULL."""
    dtype = np.int64 if kind == pa.int64() else np.float64
    if None not in values:
        return _numbers(np.array(values, dtype), np.ones(len(values), bool), kind)
    there = np.array([value is not None for value in values], bool)
    found = np.array([value if value is not None else 0 for value in values], dtype)
    return _numbers(found, there, kind)


def repeated(places: npt.NDArray[np.int32], values: pa.Array) -> pa.DictionaryArray:
    """Strings by their place in `values`, shape (places,)."""
    return pa.DictionaryArray.from_arrays(_numbers(places, np.ones(len(places), bool), pa.int32()), values)


def column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An array of a contract's type, or of strings each of which stands once."""
    if pa.types.is_dictionary(kind):
        return coded(values)
    if silent(values):
        return pa.nulls(len(values), kind)
    return texts(values) if pa.types.is_string(kind) else numbers(values, kind)


_SOON = 10_000  # rows that a database sorts sooner


def in_order(table: pa.Table, names: Sequence[str]) -> pa.Table | None:
    """The rows in the order of columns of coded strings, NULL last, from their codes: a database would compare text with text.

    Columns that are not there are NULL in all rows, and like others that are order nothing.

    Returns:
        None where this cannot be told from codes, or takes no time anyway.
    """
    names = [name for name in names if name in table.column_names and table[name].null_count < table.num_rows]
    if table.num_rows < _SOON or any(not pa.types.is_dictionary(table[name].type) for name in names):
        return None
    table = table.unify_dictionaries().combine_chunks()
    places, most = np.zeros(table.num_rows, np.int64), 1
    for name in names:
        found = table[name].chunk(0)
        texts = found.dictionary.to_pylist()  # what was made by repeated() may be there several times
        rank = {text: place for place, text in enumerate(sorted(set(texts)))}
        ranks = np.array([*(rank[text] for text in texts), len(rank)], np.int64)
        places = places * (len(rank) + 1) + ranks[found.indices.fill_null(len(texts)).to_numpy()]
        most *= len(rank) + 1
    return table.take(pa.array(np.argsort(places, kind="stable"))) if most < 2**63 else None


def silent(values: Sequence[Any]) -> bool:
    """Whether a column says nothing: no value but None."""
    return not values or (values[0] is None and values.count(None) == len(values))


def empty(schema: pa.Schema) -> pa.Table:
    """No rows."""
    return pa.Table.from_batches([], schema)


def _numbers(values: npt.NDArray[Any], there: npt.NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [_there(there), pa.py_buffer(values)])


def _there(there: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    return None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
