"""LaTeX tables: every tabular whose headings are languages or XTREME's tasks, with booktabs or plain.

A comment `% xbench {"target": "xnli"}` before a table, as `xbench export` writes it, says what its cells leave open; --set says it for
all, and --set table=2 which of several is meant.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from xbench import grids
from xbench.adapter import Options, Row, mapping, parse_json, read_text

SUFFIXES = (".tex",)
EXAMPLE = "table.tex, with --set target=xnli --set intermediate=none --set source=…"
# Each expression stops at the next beginning of what it looks for, so that no text takes longer than in proportion to its length.
_BEGIN = re.compile(r"\\begin\{(tabular[x*]?|longtable)\}(?:\[[^\[\]]*\])?(?:\{[^{}]*\})?\s*\{(?:[^{}]|\{[^{}]*\})*\}")
_SAID = re.compile(r"^%\s*xbench\s+(\{.*\})\s*$", re.MULTILINE)
_RULES = re.compile(
    r"\\(toprule|midrule|bottomrule|hline|addlinespace)(\[[^\[\]]*\])?|\\c(mid)?rule(\([^()]*\))?\{[^{}]*\}|\\cline\{[^{}]*\}"
)
_MARKUP = re.compile(r"\\(?:textbf|underline|textit|emph|mathbf|texttt|textsc|text|bm)\s*\{([^{}]*)\}")


def recognises(path: Path, head: bytes) -> bool:
    """A file with a table that has scores."""
    with path.open("rb") as handle:
        text = handle.read(1 << 20).decode("utf-8-sig", "replace")
    return _SAID.search(text) is not None or any(
        grids.is_header(cells) for _, begin, end in _tables(text) for _, cells in list(_lines(text[begin:end], 1))[:1]
    )


def read(path: Path, options: Options) -> Iterator[Row]:
    text = read_text(path)
    found, start = [], 0
    for table, begin, end in _tables(text):
        comments = _SAID.findall(text[start:table])
        said = mapping(parse_json(comments[-1].encode(), str(path)), str(path)) if comments else {}
        start = end
        first = text.count("\n", 0, begin) + 1
        lines = [(at, cells) for at, cells in _lines(text[begin:end], first) if any(cells)]
        if lines:
            found.append(grids.Grid(first, lines[0][1], lines[1:], said))
    yield from grids.rows(path, found, options.settings)


def _tables(text: str) -> Iterator[tuple[int, int, int]]:
    """(where it begins, where its rows begin, where they end) of each table."""
    after, unclosed = 0, set[str]()
    for match in _BEGIN.finditer(text):
        name = match.group(1)
        if match.start() < after or name in unclosed:
            continue
        end = text.find(f"\\end{{{name}}}", match.end())
        if end < 0:
            unclosed.add(name)
        else:
            after = end
            yield match.start(), match.end(), end


def _lines(body: str, first: int) -> Iterator[tuple[str, list[str]]]:
    at = first
    for line in re.split(r"\\\\(?:\[[^\[\]]*\])?", body):
        content = re.sub(r"(?<!\\)%.*", "", line)
        place = at + line[: len(line) - len(line.lstrip())].count("\n")
        at += line.count("\n")
        yield str(place), [_plain(cell) for cell in re.split(r"(?<!\\)&", _RULES.sub("", content))]


def _plain(cell: str) -> str:
    """Without macros and the marks that stand for significance or ties; a dash alone is an empty cell."""
    text = re.sub(r"\$\^\{?[^$]*?\}?\$|\\textsuperscript\s*\{[^{}]*\}", "", cell)  # a mark in superscript
    text = re.sub(r"\\[hv]?phantom\s*\{[^{}]*\}", "", text)
    text = text.replace(r"\textbackslash{}", "\0").replace(r"\textasciitilde{}", "\1").replace(r"\textasciicircum{}", "\2")
    for _ in range(4):  # macros in macros
        text = _MARKUP.sub(r"\1", text)
    text = re.sub(r"\{\\(?:bf|it|em|bfseries|itshape)\s+([^{}]*)\}", r"\1", text).replace("\\pm", "±").replace("~", " ")
    text = re.sub(r"(?<!\\)\$", "", text)
    if text.strip() == "-":
        return ""
    text = re.sub(r"(?<!\\)[{}]", "", text)
    return re.sub(r"\\([_%&#${}])", r"\1", text).replace("\0", "\\").replace("\1", "~").replace("\2", "^").strip()
