"""Tables of papers and READMEs with what people put into them: macros, marks, spreads, sections, names of languages."""

from pathlib import Path

import pytest

from tests.test_adapters import TABLE, rows, said, table
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


def test_a_column_without_a_heading_is_of_models_or_has_to_be_empty(tmp_path: Path) -> None:
    found, refused = said("a.md", table(" | en | de", "A | 80.0 | 70.0"), tmp_path / "1", "model", "value", **XNLI)
    assert (found, refused) == ([("A", 0.7), ("A", 0.8)], [])
    _, refused = said("a.md", table("Model | en | | de", "A | 80.0 | 5.0 | 70.0"), tmp_path / "2", **XNLI)
    assert "heading '': neither a column, nor a language" in refused[0]


def test_a_mean_alone_is_no_choice(tmp_path: Path) -> None:
    found, refused = said("a.md", table("Model | en | de | avg", "A | 80.0 | 70.0 | 75.0"), tmp_path, headings="avg", **XNLI)
    assert not found and "no heading is a language code or a task" in refused[0]


TASKS = (
    r"\multirow{2}{*}{Model} & \multicolumn{2}{c}{Sentence pair} & \multicolumn{2}{c}{Structured} & \multicolumn{1}{c}{QA}",
    r"\cmidrule(lr){2-3}\cmidrule(lr){4-5} & XNLI & PAWS-X & POS & NER & XQuAD",
    r"\midrule Metrics & Acc. & Acc. & F1 & F1 & EM / F1",
    r"\# langs. & 15 & 7 & 33 & 40 & 11",
    r"\multicolumn{6}{c}{\textit{Cross-lingual zero-shot transfer}}",
    "mBERT & 65.4 & 81.9 & 70.3 & 62.2 & 49.4 / 64.5",
)


def test_headings_in_several_rows_groups_over_tasks_over_metrics(tmp_path: Path) -> None:
    """The shape of the tables of XTREME (arXiv 2003.11080, table 2, whose numbers these are but for the order of the last two) and mT5."""
    (tmp_path / "a.tex").write_text(latex(*TASKS), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.tex"], tmp_path / "s", options=Options(settings=TABLE))
    assert [str(r) for r in report.refusals] == []
    assert "the row '# langs.' is none of a system: left out" in report.notes[0]
    assert "nothing is stored of what else stands over its headings: 'Sentence pair', 'Structured', 'QA'" in report.notes[1]
    assert rows(tmp_path / "s", "model", "target", "metric", "round(100 * value, 1)") == [
        ("mBERT", "panx", "f1", 62.2), ("mBERT", "pawsx", "accuracy", 81.9), ("mBERT", "udpos", "f1", 70.3), ("mBERT", "xnli", "accuracy", 65.4),
        ("mBERT", "xquad", "exact_match", 49.4), ("mBERT", "xquad", "f1", 64.5),
    ]  # fmt: skip


def test_headings_in_several_rows_tasks_over_languages(tmp_path: Path) -> None:
    content = latex(
        r"& & \multicolumn{3}{c}{XNLI} & \multicolumn{2}{|c}{\textbf{PAWS-X}}", r"Model & intermediate & en & sw & Avg & en & Korean",
        r"A & mnli & 80.0 & 60.0 & 70.0 & 90.0 & 75.0", r"A & none & 79.0 & -- & 69.0 & 89.0 & 74.0",
    )  # fmt: skip
    found, refused = said("a.tex", content, tmp_path, "intermediate", "target", "language", "language_set", "value", source="p")
    assert refused == []
    assert found == [
        ("mnli", "pawsx", "en", None, 0.9), ("mnli", "pawsx", "ko", None, 0.75), ("mnli", "xnli", "en", None, 0.8),
        ("mnli", "xnli", "mul", "en sw", 0.7), ("mnli", "xnli", "sw", None, 0.6), ("none", "pawsx", "en", None, 0.89),
        ("none", "pawsx", "ko", None, 0.74), ("none", "xnli", "en", None, 0.79), ("none", "xnli", "mul", "en", 0.69),
    ]  # fmt: skip
    _, refused = said("b.tex", content.replace("Korean", "sw"), tmp_path / "2", source="p")
    assert "heading 'PAWS-X sw': no language of pawsx; --set headings='XNLI en, XNLI sw, XNLI Avg, PAWS-X en' leaves it out" in refused[0]


def test_headings_in_several_rows_languages_over_metrics(tmp_path: Path) -> None:
    content = latex(r"Model & \multicolumn{2}{c}{en} & \multicolumn{2}{c}{de}", "& F1 & EM & F1 & EM", "A & 80.0 & 70.0 & 60.0 & 50.0")
    found, refused = said("a.tex", content, tmp_path, "language", "metric", "value", target="xquad", **TABLE)
    assert refused == []
    assert found == [("de", "exact_match", 0.5), ("de", "f1", 0.6), ("en", "exact_match", 0.7), ("en", "f1", 0.8)]


def test_a_mean_under_languages_over_metrics_is_over_each_language_once(tmp_path: Path) -> None:
    heads = r"Model & \multicolumn{2}{c}{en} & \multicolumn{2}{c}{de} & \multicolumn{2}{c}{avg}"
    content = latex(heads, "& F1 & EM & F1 & EM & F1 & EM", "A & 80.0 & 70.0 & 60.0 & 50.0 & 70.0 & 60.0")
    found, refused = said("a.tex", content, tmp_path, "language", "language_set", "metric", "value", target="xquad", **TABLE)
    assert refused == []
    assert [row for row in found if row[0] == "mul"] == [("mul", "de en", "exact_match", 0.6), ("mul", "de en", "f1", 0.7)]


@pytest.mark.parametrize("cell", [".85", "8.5e-1", "0.85", ".85*"])
def test_fractions_may_be_written_without_a_nought_or_with_an_exponent(cell: str, tmp_path: Path) -> None:
    """One such cell made percent of a whole table."""
    found, refused = said("a.md", table("Model | en | de", f"A | 0.70 | {cell}"), tmp_path, "language", "value", **XNLI)
    assert (found, refused) == ([("de", 0.85), ("en", 0.7)], [])


def test_headings_that_only_what_is_not_known_tells_apart_are_refused_until_some_are_chosen(tmp_path: Path) -> None:
    content = latex(r"& \multicolumn{2}{c}{Dev} & \multicolumn{2}{c}{Test}", "Model & en & de & en & de", "A & 80.0 & 70.0 & 60.0 & 50.0")
    found, refused = said("a.tex", content, tmp_path / "1", **XNLI)
    assert found == []
    assert "headings 'Dev en', 'Dev de', 'Test en', 'Test de' are of the same scores; --set headings='Dev en', and so on" in refused[0]
    found, refused = said("a.tex", content, tmp_path / "2", "language", "value", headings="Test en, Test de", **XNLI)
    assert (found, refused) == ([("de", 0.5), ("en", 0.6)], [])


def test_a_first_row_of_scores_is_none_of_headings(tmp_path: Path) -> None:
    """Whatever is said of the system, and where it has no scores."""
    content = table("model | target | en | de", "A | xquad | - | -", "B | xquad | 80.0 | 70.0")
    found, refused = said("a.md", content, tmp_path / "1", "model", "value", intermediate="none", source="p", metric="f1")
    assert (found, refused) == ([("B", 0.7), ("B", 0.8)], [])
    found, refused = said("a.md", table("Model | en | de", "A | OOM | OOM", "B | 80.0 | 70.0"), tmp_path / "2", "value", **XNLI)
    assert (found, len(refused)) == ([(0.7,), (0.8,)], 2)
    assert "column 'value' is 'OOM', expected a number" in refused[0]


@pytest.mark.parametrize("file", ["a.md", "a.tex"])
def test_languages_may_stand_down(file: str, tmp_path: Path) -> None:
    lines = ("Language", "mBERT", "XLM-R"), ("English", "80.0", r"\textbf{85.0}"), ("sw", "-", "65.0"), ("avg", "-", "75.0")
    if file == "a.md":
        content = table(*(" | ".join(line).replace(r"\textbf{85.0}", "**85.0**") for line in lines))
    else:
        content = latex(*(" & ".join(line) for line in lines))
    found, refused = said(file, content, tmp_path / "1", "model", "language", "language_set", "value", **XNLI)
    assert refused == []
    assert found == [("XLM-R", "en", None, 0.85), ("XLM-R", "mul", "en sw", 0.75), ("XLM-R", "sw", None, 0.65), ("mBERT", "en", None, 0.8)]
    short = content.replace("| sw | - | 65.0 |", "| sw | 65.0 |").replace("sw & - & 65.0", "sw & 65.0")
    _, refused = said(file, short, tmp_path / "2", **XNLI)
    assert f"expected 3 cells, as in the first line; line {4 if file == 'a.md' else 5} has 2" in refused[0]
    counts = table("Language | Sentences | Words", "English | 800 | 9000", "sw | 70 | 650")
    both = content + "\n" + counts if file == "a.md" else content + latex("Language & Sentences", "English & 800", "sw & 70")
    assert said(file, both, tmp_path / "3", "value", **XNLI)[0] == [(0.65,), (0.75,), (0.8,), (0.85,)], "what is counted is no score"


def test_a_table_with_languages_across_goes_before_one_with_languages_down(tmp_path: Path) -> None:
    content = table("Language | Hours | WER", "English | 80.5 | 9.5", "sw | 7.5 | 6.5") + "\n" + table("Model | en | sw", "A | 80.0 | 60.0")
    assert said("a.md", content, tmp_path, "value", **XNLI) == ([(0.6,), (0.8,)], [])


METRICS = [  # headings of tables in READMEs and papers, the metrics that are stored, and the cells of a language
    ("F1 | NormEM | EM | SoftEM", {"f1": 0.911, "NormEM": 0.836, "exact_match": 0.832, "SoftEM": 0.9}, "0.911 | 0.836 | 0.832 | 0.900"),
    ("Accuracy | F1-Score", {"accuracy": 0.96, "f1": 0.95}, "96% | 0.95"),  # each in a unit of its own
    ("F1 (%) | EM | n", {"f1": 0.911, "exact_match": 0.7}, "91.1 | 0.7 | 1190"),
    ("# | Support | Rank | Precision | macro F1 ↑ | Avg.", {"precision": 0.5, "macro F1": 0.4}, "1 | 900 | - | 0.5 | 0.4 | 0.45"),
    ("Score", {"f1": 0.5}, "0.5"),
]


@pytest.mark.parametrize("file", ["a.md", "a.tex"])
@pytest.mark.parametrize(("columns", "expected", "cells"), METRICS)
def test_metrics_across_with_languages_down_are_no_systems(
    file: str, columns: str, expected: dict[str, float], cells: str, tmp_path: Path
) -> None:
    lines = [f"Language | {columns}", f"English | {cells}", f"Italian | {cells}"]
    in_latex = [line.replace(" | ", " & ").replace("%", r"\%").replace("#", r"\#").replace("↑", r"$\uparrow$") for line in lines]
    content = table(*lines) if file == "a.md" else latex(*in_latex)
    model = {"model": "m", "target": "squad", **TABLE}
    found, refused = said(file, content, tmp_path / "1", "model", "language", "metric", "value", **model, metric="f1")
    assert (found, refused) == ([("m", language, metric, expected[metric]) for language in ("en", "it") for metric in sorted(expected)], [])
    _, refused = said(file, content, tmp_path / "2", target="squad", **TABLE)
    assert len(refused) == 1
    assert "are metrics, and no column is a system; --set model=… says of which they are" in refused[0]


def test_units_that_nothing_says_are_not_guessed_column_by_column(tmp_path: Path) -> None:
    """An exact match of 0.4 % beside an F1 of 3.1 was one of 40 %."""
    content, model = table("Language | F1 | EM", "en | 3.1 | 0.4", "de | 2.0 | 0.0"), {"model": "m", "target": "squad", **TABLE}
    found, refused = said("a.md", content, tmp_path / "1", **model)
    assert found == []
    assert "numbers of column 'F1' are over 1, and those of 'EM' are not; --set unit=percent, or fraction, says what they are" in refused[0]
    found, refused = said("a.md", content, tmp_path / "2", "metric", "language", "value", **model, unit="percent")
    assert (found, refused) == ([("exact_match", "de", 0.0), ("exact_match", "en", 0.004), ("f1", "de", 0.02), ("f1", "en", 0.031)], [])


def test_a_system_that_is_called_as_a_metric_is_can_be_chosen(tmp_path: Path) -> None:
    content = table("Language | mBERT | COMET", "en | 0.80 | 0.70", "de | 0.60 | 0.50")
    _, refused = said("a.md", content, tmp_path / "1", **XNLI)
    assert "column 'mBERT': beside the metric 'COMET', neither a metric nor a count" in refused[0]
    found, refused = said("a.md", content, tmp_path / "2", "model", "language", "value", **XNLI, headings="mBERT, COMET")
    assert (found, refused) == ([("COMET", "de", 0.5), ("COMET", "en", 0.7), ("mBERT", "de", 0.6), ("mBERT", "en", 0.8)], [])


def test_tables_of_correlations_below_0_may_be_percent(tmp_path: Path) -> None:
    content = table("Model | en | de", "m | -18.2 | 0.3")
    found, refused = said("a.md", content, tmp_path, "language", "value", **{**XNLI, "metric": "mcc"})
    assert (found, refused) == ([("de", 0.003), ("en", -0.182)], [])


def test_what_is_counted_or_averaged_beside_systems_is_no_system(tmp_path: Path) -> None:
    content = table("Language | mBERT | XLM-R | Sentences | Avg", "English | 0.80 | 0.85 | 1190 | 0.825", "sw | 0.60 | 0.65 | 1190 | 0.625")
    (tmp_path / "a.md").write_text(content, encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.md"], tmp_path / "s", options=Options(settings=XNLI))
    assert (report.cells, report.refusals) == ({"new": 4}, [])
    assert report.notes == [f"{tmp_path / 'a.md'}: table of line 1: 'Sentences', 'Avg': no scores of a system, left out"]
    assert set(rows(tmp_path / "s", "model", "value")) == {("mBERT", 0.8), ("mBERT", 0.6), ("XLM-R", 0.85), ("XLM-R", 0.65)}


def test_beside_metrics_a_column_of_another_kind_is_refused_until_some_are_chosen(tmp_path: Path) -> None:
    content = table("Language | F1 | Baseline | EM", "English | 0.80 | 0.70 | 0.60", "Italian | 0.75 | 0.65 | 0.55")
    model = {"model": "m", "target": "squad", **TABLE}
    _, refused = said("a.md", content, tmp_path / "1", **model)
    assert "column 'Baseline': beside the metric 'F1', neither a metric nor a count; --set headings='F1, EM' leaves it out" in refused[0]
    found, refused = said("a.md", content, tmp_path / "2", "metric", "value", **model, headings="F1, EM")
    assert (found, refused) == ([("exact_match", 0.55), ("exact_match", 0.6), ("f1", 0.75), ("f1", 0.8)], [])
    assert said("a.md", content, tmp_path / "3", "metric", "language", **model, headings="F1")[0] == [("f1", "en"), ("f1", "it")]
    systems = table("Language | mBERT | XLM-R", "English | 0.80 | 0.70", "Italian | 0.75 | 0.65")
    for place, chosen in enumerate(("XLM-R", "Italian", "Portuguese")):
        found, refused = said("a.md", systems, tmp_path / f"s{place}", "value", target="squad", metric="f1", **TABLE, headings=chosen)
        assert [value for (value,) in found] == [[0.65, 0.7], [0.65, 0.75], []][place]
        assert len(refused) == (place == 2)


def test_a_row_with_too_few_cells_is_refused_alone(tmp_path: Path) -> None:
    for file, content, at in (
        ("a.md", table("Model | en | de", "A | 80.0", "B | 81.0 | 71.0"), 3), ("a.tex", latex("Model & en & de", "A & 80.0", "B & 81.0 & 71.0"), 4),
    ):  # fmt: skip
        found, refused = said(file, content, tmp_path / file, "model", "value", **XNLI)
        assert found == [("B", 0.71), ("B", 0.81)]
        assert len(refused) == 1
        assert refused[0].endswith(f"{file}:{at}: 2 cells, the header has 3")


def test_cells_with_lines_of_their_own(tmp_path: Path) -> None:
    content = latex(
        r"\begin{tabular}[c]{@{}l@{}}Model \\ name\end{tabular} & \makecell{en \\} & \thead[b]{de}",
        r"\begin{tabular}{@{}c@{}}XLM-R\\ \textbf{base}\end{tabular} & 80.0 & \shortstack{70.0\\ {\tiny $\pm$0.2}}",
        r"\makecell[l]{mBERT \\ \textit{(\textbf{ours})}} & 60.0 & 50.0",
    )  # fmt: skip
    found, refused = said("a.tex", content, tmp_path, "model", "language", "value", "stderr", **XNLI)
    assert refused == []
    assert found == [("XLM-R base", "de", 0.7, 0.002), ("XLM-R base", "en", 0.8, None), ("mBERT (ours)", "de", 0.5, None), ("mBERT (ours)", "en", 0.6, None)]  # fmt: skip


MACROS = r"""
\newcommand{\ours}{\textsc{\xlmr}$_{\text{ours}}$}
\newcommand\xlmr{XLM-R\xspace}
\newcommand*{\best}[1]{\textbf{#1}}
\renewcommand{\score}[2]{#1$_{\pm #2}$}
\def\both#1#2{#1 & #2}
\newcommand{\defaulted}[2][x]{#1#2}
% \newcommand{\mbert}{wrong}
"""


def test_macros_that_the_file_defines_are_what_they_stand_for(tmp_path: Path) -> None:
    lines = (
        r"\ours & \best{80.0} & 70.0", r"\xlmr base & \score{60.0}{0.2} & \best{\score{50.0}{.3}}", r"\mbert & \both{40.0}{30.0}",
        r"\defaulted{A} & 20.0 & 10.0", r"\best & 1.0 & 2.0",
    )  # fmt: skip
    (tmp_path / "a.tex").write_text(MACROS + latex("Model & en & de", *lines), encoding="utf-8")
    report = ingesting.ingest([tmp_path / "a.tex"], tmp_path / "s", options=Options(settings=XNLI))
    assert rows(tmp_path / "s", "model", "value", "stderr") == [
        ("XLM-R base", 0.5, 0.003), ("XLM-R base", 0.6, 0.002), ("XLM-R_ours", 0.7, None), ("XLM-R_ours", 0.8, None),
        (r"\best", 0.01, None), (r"\best", 0.02, None), (r"\defaultedA", 0.1, None), (r"\defaultedA", 0.2, None),
        (r"\mbert", 0.3, None), (r"\mbert", 0.4, None),
    ]  # fmt: skip
    assert report.notes == [rf"{tmp_path / 'a.tex'}: what stands for \best, \defaultedA, \mbert is not known: names have the macro itself"]


def test_macros_that_stand_for_one_another_are_no_bomb(tmp_path: Path) -> None:
    bomb = r"\newcommand{\aa}{" + r"\bb" * 60 + r"}\newcommand{\bb}{" + r"\aa" * 60 + "}"
    found, refused = said("a.tex", bomb + latex("Model & en & de", r"\aa & 80.0 & 70.0"), tmp_path, **XNLI)
    assert found == []
    assert "the macros of the file make more than" in refused[0]
