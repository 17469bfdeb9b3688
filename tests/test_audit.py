"""Every check finds what it is for, says where and what to do, and is silent on a store without it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Writer
from xbench import auditing, plugins, store
from xbench.errors import PluginError

NAMES = plugins.names(auditing.AUDITS, ".sql")


def clean(writer: Writer) -> None:
    for seed in (0, 1):
        writer.add("none", "mini-pos", seed, {"de": 0.70 + seed / 100, "fr": 0.6, "es": 0.5})
        writer.add("intents", "mini-pos", seed, {"de": 0.72 + seed / 100, "fr": 0.61, "es": 0.5})


def _pair(writer: Writer) -> None:
    key = writer.add("none", "xquad", 0, {"de": 0.5}, metric="f1")
    rows = pq.read_table(writer.root / "score" / f"{key}.parquet").to_pylist()
    rows += [{**row, "metric": "exact_match", "value": 0.6} for row in rows]
    store.write(writer.root, "score", pa.Table.from_pylist(rows), key)


def _nan(writer: Writer) -> None:
    key = writer.add("none", "t", 0, {"de": 0.5})
    path = writer.root / "score" / f"{key}.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("value"), "value", pa.array([float("nan")])), path)


def _means(writer: Writer) -> None:
    writer.add("none", "t", None, {"de": 0.5, "fr": 0.6}, kind="external", source="p")
    writer.add("none", "t", None, {"mul": 0.6}, kind="external", source="p", language_set="de fr")


FAULTS: dict[str, tuple[Callable[[Writer], object], str]] = {
    "impossible-metric-pair": (_pair, "exact match 60.00 is above F1 50.00"),
    "accuracy-at-chance": (
        lambda w: w.add("none", "xnli", 0, {"en": 0.8, "de": 0.335, "sw": 0.33, "fr": 0.1}, n=5010), "above 1/3 in 3 of 4 languages: de fr sw",
    ),
    "zero-f1": (lambda w: w.add("none", "panx", 0, {"de": 0.0, "fr": 0.0}, metric="f1"), "f1 is 0 in all 2 languages"),
    "wrong-scale": (lambda w: w.add("none", "t", 0, {"de": 0.0071, "fr": 0.0082}), "no score of this run is above 0.82 %"),
    "mixed-revisions": (
        lambda w: [w.add("none", "t", s, {"de": 0.5}, dataset_revision=r, target_revision=r) for s, r in ((0, "r1"), (1, "r2"))], "2 revisions: r1, r2",
    ),
    "mixed-scorers": (lambda w: [w.add("none", "t", s, {"de": 0.5}, scorer=f"s-{s}") for s in (0, 1)], "2 scorers: s-0, s-1"),
    "unequal-languages": (lambda w: [w.add("none", "t", 0, {"de": 0.5}), w.add("a", "t", 0, {"de": 0.5, "fr": 0.4})], "averages over 1, 2 languages"),
    "duplicates": (
        lambda w: [w.add("none", "t", None, {"de": 0.5, "fr": 0.4, "es": 0.3}, kind="external", source=s) for s in ("p", "q")], "agree in all 3 languages",
    ),
    "not-a-number": (_nan, "value is nan"),
    "idle-seeds": (lambda w: [w.add("none", "t", s, {"de": 0.5, "fr": 0.4, "es": 0.3}) for s in (3, 4)], "seeds 3, 4 give the same 3 numbers"),
    "missing-baseline": (lambda w: w.add("a", "t", 7, {"de": 0.5}), "1 of 1 cells have no delta: no direct baseline"),
    "shared-data": (lambda w: w.add("mnli", "xnli", 0, {"de": 0.7}), "XNLI is trained on MNLI"),
    "mean-disagrees": (_means, "printed 60.0, its 2 languages make 55.00"),
    "other-protocol": (
        lambda w: [w.add("none", "xnli", 0, {"de": 0.7}), w.add("unknown", "mteb/XNLI", None, {"de": 0.8}, kind="external", metric="max_ap")],
        "mteb/XNLI (max_ap), xnli (accuracy)",
    ),
    "other-spelling": (
        lambda w: w.add("none", "PAWS-X", None, {"de": 0.7, "fr": 0.6}, kind="external", metric="Acc."), "PAWS-X is pawsx and Acc. is accuracy (2 scores)",
    ),
}  # fmt: skip


def test_every_check_is_tested() -> None:
    assert sorted(FAULTS) == NAMES


def test_a_clean_store_has_no_finding(tmp_path: Path) -> None:
    clean(Writer(tmp_path))
    assert auditing.audit(tmp_path) == []
    assert auditing.audit(tmp_path / "none") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_check_finds_its_fault_and_says_what_to_do(name: str, tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    clean(writer)
    fault, said = FAULTS[name]
    fault(writer)
    found = auditing.audit(tmp_path, name)
    assert len(found) == 1, found
    assert said in found[0].text
    assert found[0].rows
    assert found[0].severity in auditing.SEVERITIES
    assert len(found[0].advice) > 20


def test_another_spelling_is_no_other_protocol(writer: Writer) -> None:
    for target in ("pawsx", "PAWS-X"):
        writer.add("none", target, 0, {"de": 0.7})
    assert [f.check for f in auditing.audit(writer.root)] == ["other-spelling"]


def test_a_check_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no check is called 'x'; there are: accuracy-at-chance"):
        auditing.audit(tmp_path, "x")
