"""Columns of Arrow made from lists, and lists that grow into columns."""

import random

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from xbench import columns
from xbench.cells import Cells


@pytest.mark.parametrize("values", [[], ["", "de"], ["ö", "de"], ["a", None, ""], [None, "ö"]])
def test_texts_are_the_same_in_arrow(values: list[str | None]) -> None:
    made = columns.texts(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@pytest.mark.parametrize("values", [[], [0.1, 2.0], [None, 0.5], [1.0, None]])
def test_numbers_are_the_same_in_arrow(values: list[float | None]) -> None:
    assert columns.numbers(values, pa.float64()).equals(pa.array(values, pa.float64()))


@pytest.mark.parametrize("values", [[], ["a"], ["a", "a"], ["a", "b", "a"], [None, None], ["a", None, "a"], ["é", "é"]])
def test_codes_stand_for_their_texts(values: list[str | None]) -> None:
    made = columns.coded(values)
    made.validate(full=True)
    assert made.to_pylist() == values
    assert len(made.dictionary) == len({*values} - {None})


@pytest.mark.parametrize("chunks", [1, 3])
def test_coded_rows_are_sorted_as_the_database_sorts_them(monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
    monkeypatch.setattr(columns, "_SOON", 0)
    drawn = random.Random(chunks)
    words = ["", "a", "B", "aa", "ä", "z", "日本", "\U0001f600", "~"]
    parts = []
    for _ in range(chunks):
        of_runs = columns.texts([drawn.choice(words) for _ in range(20)])  # a text may be there several times
        places = np.array([drawn.randrange(20) for _ in range(200)], np.int32)
        own = columns.coded([drawn.choice([*words, None]) for _ in range(200)])
        parts.append(pa.table({"x": columns.repeated(places, of_runs), "y": own, "n": pa.array(range(200))}))
    given = pa.concat_tables(parts).set_column(2, "n", pa.array(range(200 * chunks)))
    found = columns.in_order(given, ["y", "not there", "x"])
    assert found is not None
    assert found.to_pylist() == duckdb.sql("SELECT * FROM given ORDER BY y, x, n").to_arrow_table().to_pylist()


def test_what_cannot_be_told_from_codes_is_left_to_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    few = pa.table({"x": columns.coded(["b", "a"]), "plain": columns.texts(["b", "a"])})
    assert columns.in_order(few, ["x"]) is None  # too few to be worth it
    monkeypatch.setattr(columns, "_SOON", 0)
    assert columns.in_order(few, ["x"]) is not None
    assert columns.in_order(few, ["x", "plain"]) is None
    many = columns.coded([str(i) for i in range(10_000)])
    assert columns.in_order(pa.table([many] * 5, names="abcde"), list("abcde")) is None  # 10^20 keys are past 63 bits


def test_rows_before_a_column_is_first_said_say_nothing_in_it() -> None:
    cells = Cells()
    cells.extend([1, 2], {})
    cells.extend([3], {"n": [7]})
    assert (cells.numbers, cells.columns) == ([1, 2, 3], {"n": [None, None, 7]})


def test_an_extended_column_is_not_the_list_that_was_given() -> None:
    given, cells = [0.5], Cells()
    cells.extend([1], {"value": given})
    cells.extend([2], {"value": [0.25]})
    assert (given, cells.columns["value"]) == ([0.5], [0.5, 0.25])
