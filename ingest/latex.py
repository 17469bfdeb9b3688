"""LaTeX tables: every tabular whose headings are languages or XTREME's tasks, with booktabs or plain.

Headings may stand in several rows, and macros that the file itself defines are replaced by what they say.

A comment `% xbench {"target": "xnli"}` before a table, as `xbench export` writes it, says what its cells leave open; --set says it for
all, --set table=2 which of several is meant, and --set section=2 which part of one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from xbench import grids
from xbench.adapter import Note, Options, Row, mapping, parse_json, read_text
from xbench.errors import DataError
from xbench.headings import Over

SUFFIXES = (".tex",)
EXAMPLE = "table.tex, with --set target=xnli --set intermediate=none --set source=…"
# Each expression stops at the next beginning of what it looks for, so that no text takes longer than in proportion to its length.
_BEGIN = re.compile(r"\\begin\{(tabular[x*]?|longtable)\}(?:\[[^\[\]]*\])?(?:\{[^{}]*\})?\s*\{(?:[^{}]|\{[^{}]*\})*\}")
# Only of single characters is a repetition possessive: of groups Python up to 3.11.4 takes it wrongly (python/cpython#106052).
_GROUP = r"\{([^{}]*+(?:\{[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*\}[^{}]*+)*)\}"
# Cells with lines of their own: a table without & inside another, and what stacks lines.
_STACKED = re.compile(
    r"\\begin\{tabular\}(?:\[[^\[\]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}((?:(?!\\begin\{tabular|\\end\{tabular|(?<!\\)&).)*)\\end\{tabular\}"
    rf"|\\(?:makecell|shortstack|thead|specialcell)\*?(?:\s*\[[^\[\]]*\])?\s*{_GROUP}",
    re.DOTALL,
)
_DEFINED = re.compile(
    rf"\\(?:(?:re)?new|provide)command\*?\s*+\{{?\s*+\\([A-Za-z]{{1,40}})\s*+\}}?\s*+(?:\[(\d)\]\s*+)?{_GROUP}"
    rf"|\\def\s*+\\([A-Za-z]{{1,40}})\s*+((?:#\d)*)\s*+{_GROUP}"
)
_ARGUMENTS = re.compile(rf"\s*{_GROUP}")
_LONGEST = 200  # characters of a macro that stands for a name or a look
_WIDEST = 200  # columns of a cell
_DEEPEST = 5  # macros within macros
_SAID = re.compile(r"^%\s*xbench\s+(\{.*\})\s*$", re.MULTILINE)
_RULES = re.compile(
    r"\\(toprule|midrule|bottomrule|hline|hdashline|addlinespace)(\[[^\[\]]*\])?|\\c(mid)?rule(\([^()]*\))?\{[^{}]*\}"
    r"|\\(cline|cdashline|Xhline|arrayrulecolor)\{[^{}]*\}|\\specialrule(\{[^{}]*\}){3}|\\rowcolors?(\[[^\[\]]*\]|\{[^{}]*\})*"
    r"|\\end(first|last)?(head|foot)(?![A-Za-z])"
)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_OVER = re.compile(r"\s*\\multicolumn\s*\{\s*(\d{1,3})\s*\}\s*\{(?:[^{}]|\{[^{}]*\})*\}")
_DOWN = re.compile(r"\s*\\multirow\s*(?:\[[^\[\]]*\]\s*)?\{\s*(\d{1,3})\s*\}")
_OPTION, _ARGUMENT = r"(?:\s*\[[^\[\]]*\])*", r"\s*\{(?:[^{}]|\{[^{}]*\})*\}"
_MARK = r"\\(?:d?dagger|d?dag|ast|star|S|P|textdagger(?:dbl)?|textasteriskcentered)(?![A-Za-z])"
_LOOKS = (
    "text(?:bf|it|tt|sc|sf|rm|md|up|normal)?|emph|underline|uline|math(?:bf|it|rm|sf|tt)|boldsymbol|bm|mbox|makecell|bf|it|em|sc|rm|tt|sf"
    "|bfseries|itshape|scshape|tiny|scriptsize|footnotesize|small|normalsize|large|centering|xspace"
)
# What a cell holds beside its text, and what stands in its place; the first that fits. Other braces and dollars go, and what a macro that
# is only about looks is about stays.
_MACROS = {
    r"\\textbackslash\{\}": "\\",
    r"\\textasciitilde\{\}": "~",
    r"\\textasciicircum\{\}": "^",
    r"\\\{": "{",
    r"\\\}": "}",
    r"\\\$": "$",
    r"\\(?=[_%&#])": "",
    rf"\$\^\{{?[^$]*?\}}?\$|\\textsuperscript{_ARGUMENT}|\^\{{(?:[\s,*]|{_MARK})*\}}|\^\*|\^?{_MARK}": "",  # marks
    rf"\\footnote(?:mark|text)?(?![A-Za-z]){_OPTION}(?:{_ARGUMENT})?|\\(?:[hv]?phantom|[hv]space\*?|label|ref|tnote){_ARGUMENT}": "",
    rf"\\[A-Za-z]{{0,20}}color(?:box)?{_OPTION}\s*\{{[^{{}}]*\}}|\\rotatebox{_OPTION}\s*\{{[^{{}}]*\}}": "",
    rf"\\multirow{_OPTION}\s*\{{[^{{}}]*\}}{_OPTION}\s*\{{[^{{}}]*\}}{_OPTION}": "",
    r"\\pm(?![A-Za-z])|\\(?:std|sd|stdev|stddev)\s*(?=\{)": "±",
    r"\\textsubscript\s*(?=\{)": "_",
    rf"\\(?:{_LOOKS})(?![A-Za-z])\s*\{{?": "",
    r"~|\\(?:[,;:! ]|quad(?![A-Za-z]))": " ",
    r"\{-\}": "\0",  # a dash that is a name
    r"[{}$]": "",
}
_CITE = re.compile(rf"[~ ]?\\[A-Za-z]{{0,20}}[Cc]ite[A-Za-z]{{0,20}}\*?{_OPTION}\s*\{{([^{{}}]*)\}}")
_ANY = re.compile("|".join(f"({pattern})" for pattern in _MACROS))
_TEXTS = tuple(_MACROS.values())


def recognises(path: Path, head: bytes) -> bool:
    """A file with a table that has scores."""
    with path.open("rb") as handle:
        text = _STACKED.sub(_in_one_line, handle.read(1 << 20).decode("utf-8-sig", "replace"))
    return _SAID.search(text) is not None or any(
        grids.holds_scores([cells for _, _, cells in _lines(text[begin:end], 1)]) for _, begin, end in _tables(text)
    )


def read(path: Path, options: Options) -> Iterator[Row | Note]:
    text = _STACKED.sub(_in_one_line, read_text(path))
    macros = _macros(text)
    found, start = [], 0
    for table, begin, end in _tables(text):
        comments = _SAID.findall(text[start:table])
        said = mapping(parse_json(comments[-1].encode(), str(path)), str(path)) if comments else {}
        start = end
        first = text.count("\n", 0, begin) + 1
        body = _expanded(text[begin:end], macros, f"{path}:{first}")
        lines = [line for line in _lines(body, first) if any(line[2])]
        if lines:
            found.append(grids.grid(path, first, [raws for _, raws, _ in lines], [(at, cells) for at, _, cells in lines], said))
    unknown = set[str]()
    for row in grids.rows(path, found, options.settings):
        yield row
        if isinstance(row, dict) and "\\textbackslash" not in text:
            unknown.update(re.findall(r"\\[A-Za-z]{1,40}", f"{row.get('model')} {row.get('intermediate')}"))
    if unknown:
        yield Note(f"what stands for {', '.join(sorted(unknown)[:10])} is not known: names have the macro itself")


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


def _in_one_line(stacked: re.Match[str]) -> str:
    return "{" + re.sub(r"(?:(?<![ \t])[ \t]++)?\\\\[ \t]*", " ", stacked[1] or stacked[2] or "") + "}"


def _macros(text: str) -> dict[str, tuple[int, str]]:
    """Of those that the file defines without defaults how many arguments each takes, and its text."""
    found = {}
    for match in _DEFINED.finditer(_COMMENT.sub(r"\1", text)):
        name, count, body = (match[1], int(match[2] or 0), match[3]) if match[1] else (match[4], len(match[5]) // 2, match[6])
        if len(body) <= _LONGEST:
            found[name] = count, body.replace("\n", " ")
    return found


def _expanded(body: str, macros: dict[str, tuple[int, str]], place: str) -> str:
    """The rows of a table with what macros stand for, also within others; lines stay where they are.

    Raises:
        DataError: If they stand for more than any table has.
    """
    if not macros:
        return body
    used = re.compile(rf"\\({'|'.join(macros)})(?![A-Za-z])[ \t]*")
    most = 4 * len(body) + 10_000
    for _ in range(_DEEPEST):
        parts, end = list[str](), 0
        for match in used.finditer(body):
            if match.start() >= end:  # else it is within an argument: in the next round
                text, after = _stands_for(match, *macros[match[1]])
                parts += [body[end : match.start()], text]
                end = after
        if not parts:
            break
        body = "".join([*parts, body[end:]])
        if len(body) > most:
            raise DataError(f"{place}: the macros of the file make more than {most:,} characters of this table: they stand for one another")
    return body


def _stands_for(used: re.Match[str], count: int, text: str) -> tuple[str, int]:
    """What stands for a macro and as many arguments, and where they end; the macro itself where there are not as many."""
    body, after, given = used.string, used.end(), list[str]()
    while len(given) < count:
        argument = _ARGUMENTS.match(body, after)
        if argument is None:
            return used[0], used.end()
        given.append(argument[1])
        after = argument.end()
    for number, argument_text in enumerate(given, 1):
        text = text.replace(f"#{number}", argument_text)
    space = " " if "\\xspace" in text and body[after - 1] in " \t" else ""  # else TeX drops it
    return text.replace("\\xspace", "") + space + "\n" * (body.count("\n", used.start(), after) - text.count("\n")), after


def _lines(body: str, first: int) -> Iterator[tuple[str, list[str], list[str]]]:
    """Where each row stands, and its cells, with markup and without."""
    at = first
    down: dict[int, tuple[str, int]] = {}  # what \multirow says for how many more rows, by column
    for line in re.split(r"\\\\\*?(?:\[[^\[\]]*\])?|\\tabularnewline(?![A-Za-z])", _COMMENT.sub(r"\1", body)):
        content = _RULES.sub("", line)
        place = at + content[: len(content) - len(content.lstrip())].count("\n")
        at += line.count("\n")
        cells = list[str]()
        raws = re.split(r"(?<!\\)&", content)
        for raw in raws:
            over, index = _OVER.match(raw), len(cells)
            text = _plain(raw[over.end() :] if over else raw)
            span = min(int(over.group(1)), _WIDEST) if over else 1
            if span > 1 and text.strip("-–—") and (index or text[0].isdigit()) and len(raws) > 1:
                text = Over(text, span)
            if several := _DOWN.match(raw):
                down[index] = text, int(several.group(1))
            above, left = down.get(index, ("", 0))
            cells += [text if raw.strip() or left < 1 else above, *[""] * (span - 1)]
            down[index] = above, left - 1
        yield str(place), raws, cells


def _plain(cell: str) -> str:
    """Without macros and the marks that stand for significance or ties; a dash alone is an empty cell.

    A citation beside a name is none of it; one that stands alone is what the row is called.
    """
    text = _CITE.sub("", cell)
    text = _ANY.sub(lambda found: _TEXTS[(found.lastindex or 1) - 1], text if text.strip("~\n\t {}") else _CITE.sub(r"\1", cell))
    text = " ".join(map(str.strip, text.split("\n"))).strip()
    return "" if text == "-" else text.replace("\0", "-")
