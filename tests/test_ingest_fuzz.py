"""Broken input of every format: one clear refusal or good rows, never a traceback, never half a write."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import guided_fuzz
from tests.adapter_files import CASES, Case
from tests.conftest import some_slow
from xbench import adapter, ingesting
from xbench.adapter import Options
from xbench.errors import XbenchError
from xbench.gathering import tables

ROUNDS = int(os.environ.get("XBENCH_FUZZ_ROUNDS", "30"))  # for each format
SAID = {"model": "m", "intermediate": "none", "source": "s", "language": "de"}
JUNK: list[Any] = [None, True, -1, 1e308, float("nan"), "", "x", "\ud800", [], {}, [[]], {"x": {}}, ["x"] * 3, 2**70, "9" * 5000]


def mutated(value: Any, rng: random.Random) -> Any:
    """One place of a JSON value replaced, dropped or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: mutated(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        if rng.random() < 0.15:
            return value[:place] + value[place + 1 :]
        if rng.random() < 0.15:
            return [*value, value[place]]
        return [*value[:place], mutated(value[place], rng), *value[place + 1 :]]
    return rng.choice(JUNK)


def broken(content: bytes, name: str, rng: random.Random) -> bytes:
    way = rng.randrange(6)
    if way <= 2 and name.endswith(".json"):
        try:
            return json.dumps(mutated(json.loads(content), rng)).encode("utf-8", "surrogatepass")
        except ValueError:
            return content[: rng.randrange(len(content) + 1)]
    if way == 3:
        return content[: rng.randrange(len(content) + 1)]
    if way == 4 and content:
        place = rng.randrange(len(content))
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    place = rng.randrange(len(content) + 1)
    return (
        content[:place]
        + rng.choice([b"\xff\xfe", b"\x00", b'"', b"[" * 3000, b"{", b"\n\n", b",,,,", b"|", b"\\\\", b"&", b"../"])
        + content[place:]
    )


def documents(start: Path, name: str, options: Options) -> list[Path]:
    every = [start, *sorted(start.rglob("*"))]
    if not adapter.takes_folders(name):
        return [p for p in every if p.is_file()]
    return [p for p in every if p.is_dir() and adapter.recognised(p, options, folders=True) == name]


@pytest.mark.parametrize("name", sorted(CASES))
def test_broken_files_of_a_format(name: str, tmp_path: Path) -> None:
    """Reads through adapter and row checks, which is where content is handled; the store takes only what passes them."""
    case = CASES[name]
    rng = random.Random(name)
    for round_ in range(ROUNDS):
        folder = tmp_path / str(round_)
        victim = rng.choice(sorted(case.files))
        files = {k: v if isinstance(v, bytes) else v.encode() for k, v in case.files.items()}
        start = Case({**files, victim: broken(files[victim], victim, rng)}, [], start=case.start).write(folder)
        options = Options(folder / case.references if case.references else None, settings={**SAID, **case.settings})
        for path in documents(start, name, options):
            refusals: list[Any] = []
            try:
                made = tables(adapter.read(path, name, options), str(path), "0" * 64, refusals)
            except XbenchError as error:
                said = str(error)
            else:
                said = str(path)
                assert all(adapter.least(m) <= value <= 1 for m, value in zip(made.scores["metric"], made.scores["value"], strict=True))
                assert all(str(refusal) for refusal in refusals)
            assert path.name in said or str(folder) in said


@pytest.mark.parametrize("name", [n for n in guided_fuzz.readers() if n not in CASES])
def test_broken_files_of_other_readers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of tasks, studies, archives, stores: what `python -m tests.guided_fuzz` does with atheris, some rounds of it without."""
    monkeypatch.setenv("XBENCH_DATA_DIR", "")
    rng = random.Random(name)
    read, starts = guided_fuzz.target(name, tmp_path / "x")
    for _ in range(ROUNDS if name != "store" else ROUNDS // 3):
        start = rng.choice(starts)
        head = b"" if name == "study" else start[:1]
        read(head + broken(start[len(head) :], rng.choice(["x.json", "x"]), rng))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study", b"[" * 100_000),
        ("store-notes", b"\0" + b"[" * 100_000),
        ("store-notes", b"\1" + b"[" * 100_000),
        # A zip with one member, whose name is empty.
        ("archive", b"\0PK\x01\x02" + b"\0" * 42 + b"PK\x05\x06\0\0\0\0\1\0\1\0" + (46).to_bytes(4, "little") + b"\0" * 6),
    ],
    ids=["study", "format", "compaction", "archive"],
)
def test_what_fuzzing_found(name: str, content: bytes, tmp_path: Path) -> None:
    guided_fuzz.target(name, tmp_path / "x")[0](content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300),
    ending=st.sampled_from(["csv", "tsv", "json", "jsonl", "md", "tex", "parquet", "eval", "yaml", "zip", "tar.gz"]),
)
def test_any_bytes_under_any_name(content: bytes, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    report = ingesting.ingest([path], tmp_path / "store", dry_run=True)
    assert report.refusals or report.unknown or report.cells
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("content", [b"[" * 1_000_000, b'{"a":' * 500_000, b'{"mteb_version":' + b"[" * 100_000])
def test_deep_nesting_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    for name in [n for n in adapter.names() if not adapter.takes_folders(n)]:
        report = ingesting.ingest([path], tmp_path / "store", name, dry_run=True)
        assert len(report.refusals) == 1


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as handle:
        handle.truncate(adapter.LARGEST + 1)
    report = ingesting.ingest([path], tmp_path / "store", "mteb")
    assert "more than the 268,435,456 that are read" in str(report.refusals[0])


def test_what_atheris_gives_to_adapters_begins_with_good_files(tmp_path: Path) -> None:
    for name in CASES:
        read, starts = guided_fuzz.target(name, tmp_path / name)
        assert starts
        for start in starts:
            read(start)


@pytest.mark.parametrize("name", ["README.md", ".eval_results/x.yaml"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        # Ten of ten of ten …: 600 bytes that stand for 10 GB.
        (
            ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)), "last: *a9"],
            ":2: cannot be read as YAML: its aliases stand for more than 1,000,000 characters",
        ),
        (["a: &a [*a]"], ":2: cannot be read as YAML: it stands for itself"),
        (["a: b", "c: [d"], ":4: cannot be read as YAML: expected ',' or ']'"),
        (["d: 2024-99-99"], "cannot be read as YAML: month must be in 1..12"),
        (["d: !!bool foo"], "cannot be read as YAML: 'foo'"),
    ],
    ids=["many", "itself", "broken", "date", "bool"],
)
def test_yaml_that_is_refused(tmp_path: Path, name: str, content: list[str], said: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["---", *content, "model-index: []", "---", ""][: None if path.suffix == ".md" else -2]), encoding="utf-8")
    with pytest.raises(XbenchError) as error:
        list(adapter.read(path, "model-index" if path.suffix == ".md" else "eval-results", Options()))
    assert str(error.value).startswith(f"{path}:")
    assert said in str(error.value)


def test_yaml_may_have_aliases_as_libraries_write_them() -> None:
    """yaml.dump names what is there twice."""
    text = "a: &id001 {type: xnli, name: x}\nb: *id001\n"
    assert adapter.parse_yaml(text, "x") == {"a": {"type": "xnli", "name": "x"}, "b": {"type": "xnli", "name": "x"}}
    assert adapter.parse_yaml("", "x") is None


def test_yaml_of_long_numbers_takes_no_longer_than_in_proportion_to_its_length() -> None:
    """In base 60, as YAML 1.1 has it, half a million digits take ten minutes."""
    for sign, tag in (("", ""), ("-", ""), ("", "!!int ")):
        text = sign + ":".join("1" * 500_000)
        assert adapter.parse_yaml(f"a: {tag}{text}", "x") == {"a": text}


_LONG = 200_000
_CARD = """---
model-index:
- name: m
  results:
  - dataset: {type: xtreme, name: x, config: udpos.%s}
    metrics: [{type: accuracy, value: '%s'}]
---
"""
_EVAL = "- dataset: {id: x, task_id: 'xnli_%s'}\n  value: 0.5\n  notes: Obtained using MTEB v2\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", _CARD % ("German", f"1{' ' * _LONG}x")),
        ("README.md", _CARD % ("German", f"1{' ' * _LONG}±1{' ' * _LONG}x")),
        ("README.md", _CARD % ("é" * _LONG, "1")),
        (".eval_results/xnli.yaml", _EVAL % ("a_" * _LONG + "!")),
        ("a.tex", f"\\begin{{tabular}}{{ll}}\nmodel & de \\\\\nm & \\makecell{{1{' ' * _LONG}2}}\n\\end{{tabular}}\n"),
        ("a.md", f"|model|de|\n|--|--|\n|m|1{' ' * _LONG}x|\n"),
        ("results.json", json.dumps({"results": {"xnli_de": {"acc": 0.5}}, "config": {"model": "hf", "model_args": "1" * _LONG}})),
    ],
    ids=["blanks", "spread", "language", "task", "stacked", "cell", "arguments"],
)
def test_no_cell_takes_longer_than_in_proportion_to_its_length(tmp_path: Path, name: str, content: str) -> None:
    """Where this comes back, the test does not end."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    report = ingesting.ingest([path], tmp_path / "store", options=Options(settings=SAID), dry_run=True)
    assert len({refusal.at for refusal in report.refusals}) + report.cells["new"] == 1


@pytest.mark.parametrize(
    ("name", "line"),
    some_slow([
        ("a.md", "["), ("a.md", "<"), ("a.md", "<sup>"), ("a.md", "1<br"), ("a.md", "[a]("), ("a.md", "[a](b(c)"), ("a.md", "\\"), ("a.md", "*_"),
        ("a.tex", r"\begin{tabular}{l}"), ("a.tex", r"\begin{tabular}["), ("a.tex", r"\begin{tabular}{"), ("a.tex", r"\begin{longtable}{l}{x}"),
        ("a.tex", r"\\["), ("a.tex", r"\cmidrule("), ("a.tex", "$^{"), ("a.tex", r"{\bf "), ("a.tex", r"\textbf{"),
        ("a.tex", r"\cite{"), ("a.tex", r"\cite"), ("a.tex", r"\footnote{a"), ("a.tex", r"\color["), ("a.tex", r"\multirow{2}{"),
        ("a.tex", r"\multicolumn{2}{{}"), ("a.tex", r"\textsuperscript{{"), ("a.tex", "^{"), ("a.tex", "~ "), ("a.md", r"\("), ("a.md", "1*"),
    ], [("a.md", "["), ("a.md", "<sup>"), ("a.tex", r"\begin{tabular}["), ("a.tex", "$^{"), ("a.tex", r"\footnote{a"), ("a.tex", r"\\[")]),
)  # fmt: skip
def test_no_text_takes_longer_than_in_proportion_to_its_length(tmp_path: Path, name: str, line: str) -> None:
    """An upload of 1 MB kept an expression busy for eight hours, and with it every page: where this comes back, the test does not end."""
    begin, end = (
        ("", "\n|--|\n| x |")
        if name == "a.md"
        else ("\\begin{tabular}{ll}\nmodel & de \\\\\n", "" if "begin" in line else "\n\\end{tabular}")
    )
    (tmp_path / name).write_text(begin + line * (400_000 // len(line)) + end + "\n", encoding="utf-8")
    adapter.recognised(tmp_path / name, Options())
    with pytest.raises(XbenchError):
        list(adapter.read(tmp_path / name, Path(name).suffix.strip(".").replace("md", "markdown").replace("tex", "latex"), Options()))
