"""Ingest: good rows in once, bad ones refused with file, row and column; the shipped published numbers re-add."""

from pathlib import Path

import pytest

from xbench import board, ingesting, share, store
from xbench.errors import DataError

HEADER = "model,intermediate,target,language,metric,value,source\n"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_published_numbers_add_up_to_the_averages_their_sources_print(tmp_path: Path) -> None:
    """Goldens: the `avg` columns of google-deepmind/xquad README.md, of the R3F paper's Table 3 and of fairseq's XLM-R README.

    R3F itself is left out: the source prints 81.2, its own row gives 81.3.
    """
    ingesting.ingest([share.folder("data") / "published"], tmp_path)
    found = {(r["target"], r["metric"], r["model"], r["recipe_label"]): r for r in board.leaderboard(tmp_path)}
    printed = {
        ("xquad", "f1", "bert-base-multilingual-cased", "zero-shot from SQuAD v1.1"): (65.2, 12),
        ("xquad", "f1", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (77.2, 12),
        ("xnli", "accuracy", "xlm-roberta-base", "fine-tuning"): (76.2, 15),
        ("xnli", "accuracy", "xlm-roberta-large", "fine-tuning"): (80.9, 15),
        ("xnli", "accuracy", "xlm-roberta-large", "R4F"): (81.4, 15),
        ("xnli", "accuracy", "microsoft/infoxlm-large", "fine-tuning"): (81.4, 15),
        ("mlqa", "f1", "bert-base-multilingual-cased", "zero-shot from SQuAD v1.1"): (57.7, 7),
        ("mlqa", "f1", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (70.7, 7),
        ("mlqa", "exact_match", "xlm-roberta-large", "zero-shot from SQuAD v1.1"): (52.7, 7),
    }
    for key, (average, languages) in printed.items():
        assert round(100 * found[key]["value"], 1) == average, key
        assert found[key]["languages"] == languages
    con = store.connect(tmp_path)
    assert con.execute("SELECT count(*) FROM run WHERE source = '' OR source_sha256 IS NULL OR kind <> 'external'").fetchall() == [(0,)]
    con.close()


def test_ingesting_twice_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper", "m,none,xnli,fr,accuracy,0.6,paper")
    first = ingesting.ingest([path], tmp_path / "s")
    files = {p: p.read_bytes() for p in (tmp_path / "s").rglob("*.parquet")}
    second = ingesting.ingest([path], tmp_path / "s")
    assert (first[0].rows, first[0].runs, first[0].new_runs, second[0].new_runs) == (2, 1, 1, 0)
    assert files == {p: p.read_bytes() for p in (tmp_path / "s").rglob("*.parquet")}


def test_a_changed_value_stands_beside_the_old_one(tmp_path: Path) -> None:
    ingesting.ingest([write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.5,paper")], tmp_path / "s")
    ingesting.ingest([write(tmp_path / "a.csv", "m,none,xnli,de,accuracy,0.6,paper")], tmp_path / "s")
    con = store.connect(tmp_path / "s")
    assert con.execute("SELECT value FROM score ORDER BY value").fetchall() == [(0.5,), (0.6,)]
    con.close()


def test_a_delta_within_one_source(tmp_path: Path) -> None:
    ingesting.ingest(
        [
            write(
                tmp_path / "a.csv",
                "m,none,xnli,de,accuracy,0.5,paper",
                "m,mnli,xnli,de,accuracy,0.6,paper",
                "m,squad,xnli,de,accuracy,0.6,other",
            )
        ],
        tmp_path / "s",
    )
    found = {r["intermediate"]: (r["delta"], r["status"]) for r in board.deltas(tmp_path / "s")}
    assert found["mnli"] == (pytest.approx(0.1), "paired")
    assert found["squad"] == (None, "no direct baseline")


def test_every_problem_is_named_and_good_files_are_kept(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", "m,none,xnli,de,accuracy,0.5,paper")
    bad = write(
        tmp_path / "bad.csv", "m,none,xnli,de,accuracy,57.5,paper", ",none,xnli,de,accuracy,0.5,paper", "m,none,xnli,fr,accuracy,nan,paper",
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        ingesting.ingest([bad, good, tmp_path / "none.csv", write(tmp_path / "x.txt")], tmp_path / "s")
    said = str(caught.value)
    assert "3 file(s) refused; 1 rows of 1 good file(s) are stored" in said
    for part in (
        "bad.csv:2: column 'value' is 57.5, expected a fraction between 0 and 1", "bad.csv:3: column 'model' is empty",
        "bad.csv:4: column 'value' is nan", "none.csv: does not exist", "x.txt: no adapter reads .txt",
    ):  # fmt: skip
        assert part in said
    assert len(store.complete_runs(tmp_path / "s")) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("m,none,xnli,de,accuracy,a lot,paper", "a.csv:2: column 'value' is 'a lot', expected float"),
        ("m,none,xnli,de,accuracy,0.5", "a.csv:2: 6 cells, the header has 7"),
        ("m,none,none,de,accuracy,0.5,paper", "column 'intermediate', 'target'"),
    ],
)
def test_lines_that_are_wrong(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        ingesting.ingest([write(tmp_path / "a.csv", line)], tmp_path / "s")
    assert said in str(caught.value)


def test_unknown_columns_and_duplicates(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'colour' is unknown"):
        ingesting.ingest([write(tmp_path / "a.csv", "m,none,t,de,f1,0.5,p,red", header=HEADER.strip() + ",colour\n")], tmp_path / "s")
    line = "m,none,xnli,de,accuracy,0.5,paper"
    with pytest.raises(DataError, match="duplicate key"):
        ingesting.ingest([write(tmp_path / "a.csv", line, line)], tmp_path / "s")


@pytest.mark.parametrize("name", ingesting.adapters())
def test_every_adapter_has_its_parts(name: str) -> None:
    from xbench import plugins

    module = plugins.load(share.folder("ingest"), name)
    assert module.__doc__
    assert callable(module.read)
    assert all(s.startswith(".") for s in module.suffixes)
