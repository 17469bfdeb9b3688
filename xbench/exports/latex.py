"""LaTeX tables (booktabs): systems down, languages across, best in bold; a comment carries what ingest needs to read them back."""

from pathlib import Path

from xbench import printed
from xbench.exporting import Selection, to_file

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def write(selection: Selection, output: Path | None) -> str:
    """As LaTeX, or into `output`."""
    parts = ["% needs \\usepackage{booktabs}\n"]
    for table in printed.tables(selection):
        columns = "l" * table.labels + "r" * (len(table.header) - table.labels)
        lines = [
            f"% xbench {printed.comment(table)}",
            "\\begin{table}",
            "\\centering",
            f"\\begin{{tabular}}{{{columns}}}",
            "\\toprule",
            " & ".join(map(_text, table.header)) + r" \\",
            "\\midrule",
        ]
        for (labels, cells), tied in zip(table.lines, table.tied, strict=True):
            names = [_text(label) for label in labels]
            names[0] += "$^{\\dagger}$" if tied else ""
            numbers = ["--" if c is None else f"\\textbf{{{c.text}}}" if c.best else c.text for c in cells]
            lines.append(" & ".join([*names, *numbers]) + r" \\")
        lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{_text(printed.caption(table, selection))}}}", "\\end{table}", ""]
        parts.append("\n".join(lines))
    return to_file("\n".join(parts), output, f"{len(parts) - 1} tables")


def _text(label: str) -> str:
    if label == "-":
        return "{-}"  # a dash alone is an empty cell
    return "".join(_SPECIAL.get(character, character) for character in label)
