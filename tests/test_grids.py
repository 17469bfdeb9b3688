"""Tables of papers and READMEs with what people put into them: macros, marks, spreads, sections, names of languages."""

from pathlib import Path

import pytest

from tests.test_adapters import TABLE, said, table
from xbench import ingesting
from xbench.adapter import Options

XNLI = {"target": "xnli", **TABLE}


def latex(header: str, *lines: str) -> str:
    body = "".join(line if line.endswith("\n") else f"{line} \\\\\n" for line in lines)
    return f"\\begin{{tabular}}{{lrr}}\n\\toprule\n{header} \\\\ \\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"XLM-R\textsubscript{base}", "XLM-R_base"),
        (r"E5$_{\mathrm{\text{large}}}$", "E5_large"),
        (r"\rowcolor{gray!20} mBERT~\cite{devlin}", "mBERT"),
        (r"\rowcolor[gray]{.9}\textsc{mT5} \citep[see][]{xue} (ours)\footnotemark[1]", "mT5 (ours)"),
        (r"XLM\dagger", "XLM"),
        (r"XLM$^{\ddagger}$\footnote{In {its} paper.}", "XLM"),
        (r"\textcolor{blue}{\textbf{XLM}}", "XLM"),
        (r"\citet{lample2019cross}", "lample2019cross"),
        (r"{\bf XLM}~\textit{(MLM)}", "XLM (MLM)"),
        (r"\multicolumn{1}{l|}{XLM}", "XLM"),
        (r"\ours", r"\ours"),
    ],
)
def test_a_name_is_what_latex_prints_without_citations_notes_and_colours(written: str, name: str, tmp_path: Path) -> None:
    found, refused = said("a.tex", latex("Model & en & de", f"{written} & 80.0 & 70.0"), tmp_path, "model", "value", **XNLI)
    assert (found, refused) == ([(name, 0.7), (name, 0.8)], [])


def test_macros_that_are_not_known_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text(latex("Model & en & de", r"\ours{} & 80.0 & \best{70.0}"), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.tex"], tmp_path / "s", options=Options(settings=XNLI))
    assert report.notes == [rf"{tmp_path / 'a.tex'}: what stands for \ours is not known: names have the macro itself"]
    assert [str(r) for r in report.refusals] == [rf"{tmp_path / 'a.tex'}:4, de: column 'value' is '\\best70.0', expected a number"], (
        "what it prints beside or in place of the number is not known"
    )


def test_cells_over_several_rows_and_columns(tmp_path: Path) -> None:
    lines = (
        r"\multirow{2}{*}{A} & mnli & 80.0 & 70.0", "& qqp & 81.0 & 71.0", r"B & none & \multicolumn{2}{c}{60.0}",
        r"% C & none & 1.0 & 1.0 \\" + "\n", r"& none & 50.0 & 40.0", r"D & none & \multicolumn{2}{c}{--}",
    )  # fmt: skip
    content = latex("Model & intermediate & en & de", *lines)
    found, refused = said("a.tex", content, tmp_path, "model", "intermediate", "value", target="xnli", source="p")
    assert found == [("A", "mnli", 0.7), ("A", "mnli", 0.8), ("A", "qqp", 0.71), ("A", "qqp", 0.81)]
    assert "'over 2 columns: 60.0', expected a number" in refused[0]
    assert all("column 'model' is empty" in said for said in refused[1:])
    assert len(refused) == 3


@pytest.mark.parametrize(
    ("cell", "value", "spread"),
    [
        ("77.5 (±0.2)", 0.775, 0.002), ("77.5±0.2", 0.775, 0.002), ("77.5 +/- 0.2", 0.775, 0.002), ("77,5 ± 0,2", 0.775, 0.002),
        ("$77.5_{\\pm 0.2}$", 0.775, 0.002), ("$77.5 \\pm 0.2$", 0.775, 0.002), ("$\\mathbf{77.5}_{\\pm .2}$", 0.775, 0.002),
        ("71.2*", 0.712, None), ("71.2†", 0.712, None), ("$71.2^{*}$", 0.712, None), ("$71.2^\\dagger$", 0.712, None),
        ("(±0.3)", None, None), ("77.5 (0.3)", None, None), ("*", None, None), ("$71.2_{1}$", None, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("file", ["a.md", "a.tex"])
def test_a_number_with_marks_or_its_spread(file: str, cell: str, value: float | None, spread: float | None, tmp_path: Path) -> None:
    content = table("Model | en | de", f"A | 70.0 | {cell}") if file == "a.md" else latex("Model & en & de", f"A & 70.0 & {cell}")
    found, refused = said(file, content, tmp_path, "language", "value", "stderr", "stderr_kind", **XNLI)
    kind = None if spread is None else "unknown spread"
    assert [row for row in found if row[0] == "de"] == ([] if value is None else [("de", value, spread, kind)])
    assert [", de: column 'value' is" in one for one in refused] == [True] * (value is None)


@pytest.mark.parametrize(
    ("file", "cell", "value", "spread"),
    [
        ("a.tex", r"77.5\std{0.2}", 0.775, 0.002), ("a.tex", r"77.5\textsubscript{\scriptsize$\pm$0.2}", 0.775, 0.002),
        ("a.tex", r"\underline{77.5}", 0.775, None), ("a.tex", r"\cellcolor{gray!20}\textbf{77.5}$^*$", 0.775, None),
        ("a.tex", r"77.5\textsubscript{2}", None, None), ("a.md", "**77.5**<sub>±0.2</sub>", 0.775, 0.002),
        ("a.md", r"\( 77.5_{±0.2} \)", 0.775, 0.002),
    ],
)  # fmt: skip
def test_a_number_as_one_of_them_writes_it(file: str, cell: str, value: float | None, spread: float | None, tmp_path: Path) -> None:
    test_a_number_with_marks_or_its_spread(file, cell, value, spread, tmp_path)


@pytest.mark.parametrize("file", ["a.md", "a.tex"])
def test_rows_of_several_sections_are_one_table_only_where_nothing_is_merged(file: str, tmp_path: Path) -> None:
    """As in the READMEs of ERNIE-M and the paper of XLM-R, where zero-shot and translate-train have rows of the same name."""

    def content(second: str) -> str:
        if file == "a.md":
            rows = ("**Zero-shot** | | ", "A | 80.0 | 70.0", "_Translate-train_ | |", f"{second} | 81.0 | 75.0")
            return table("Model | en | de", *rows)
        titles = [rf"\multicolumn{{3}}{{c}}{{\textit{{{title}}}}}" for title in ("Zero-shot", "Translate-train")]
        return latex("Model & en & de", titles[0], "A & 80.0 & 70.0", rf"\midrule {titles[1]}", f"{second} & 81.0 & 75.0")

    found, refused = said(file, content("A"), tmp_path / "1", "value", **XNLI)
    first, second = ("line 3, Zero-shot", "line 5, Translate-train") if file == "a.md" else ("line 4, Zero-shot", "line 6, Translate-train")
    assert not found
    assert f"A: in several sections of the table; say which with --set section=NUMBER\n    section=1: {first} (1 row)\n" in refused[0]
    found, refused = said(file, content("A"), tmp_path / "2", "value", section="2", train_language="en+de", **XNLI)
    assert (found, refused) == ([(0.75,), (0.81,)], [])
    assert f"section=3: expected 1 to 2\n    section=1: {first}" in said(file, content("A"), tmp_path / "3", section="3", **XNLI)[1][0]
    (tmp_path / file).write_text(content("B"), encoding="utf-8")
    report = ingesting.ingest([tmp_path / file], tmp_path / "s", options=Options(settings=XNLI))
    assert (report.cells, report.refusals) == ({"new": 4}, [])
    assert "of the titles of its sections nothing is stored" in report.notes[0]
    assert f"section=2: {second} (1 row)" in report.notes[0]


def test_languages_may_go_by_their_names(tmp_path: Path) -> None:
    found, refused = said("a.md", table("Model | German | swahili | Avg | ", "A | 80.0 | 60.0 | 70.0 | "), tmp_path / "1", "language", "language_set", **XNLI)  # fmt: skip
    assert (found, refused) == ([("de", None), ("mul", "de sw"), ("sw", None)], [])
    _, refused = said("a.md", table("Model | de | sw | Luganda | EN", "A | 80 | 60 | 70 | 1"), tmp_path / "2", **XNLI)
    assert "heading 'Luganda' (if it is the language, write 'lg'), 'EN' (if it is the language, write 'en'): neither" in refused[0]
    _, refused = said("a.md", table("Model | German | Haitian Creole", "A | 80.0 | 60.0"), tmp_path / "3", **XNLI)
    assert "heading 'Haitian Creole': no language of xnli" in refused[0]


def test_a_title_is_one_in_tables_for_people_only(tmp_path: Path) -> None:
    _, refused = said("a.csv", "model,en,de\nA,0.8,0.7\nB", tmp_path / "1", **XNLI)
    assert "3: 1 cells, the header has 3" in refused[0], "the file is cut off"
    (tmp_path / "a.md").write_text(table("Model | en | de", "A | 80.0 | 70.0", "* ours | |"), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.md"], tmp_path / "s", options=Options(settings=XNLI))
    assert report.cells == {"new": 2}
    assert "\n    section=1: before the first title (1 row)\n    section=2: line 4, * ours (0 rows)" in report.notes[0]
