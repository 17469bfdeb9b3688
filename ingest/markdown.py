"""Markdown files: every pipe table whose headings are languages or XTREME's tasks.

A comment `<!-- xbench {"target": "xnli"} -->` before a table, as `xbench export` writes it, says what its cells leave open; --set says it
for all, --set table=2 which of several is meant, and --set section=2 which part of one.
"""

import html
import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path

from xbench import grids
from xbench.adapter import Note, Options, Row, mapping, parse_json, read_text

SUFFIXES = (".markdown", ".md")
EXAMPLE = "README.md, with --set target=xquad --set metric='f1 / exact_match' --set intermediate=none --set source=…"
_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?")
_AWAY = {code: code + 0xE000 for code in range(128)}  # into private use, which no printable text has
_BACK = {away: code for code, away in _AWAY.items()}
_SAID = re.compile(r"<!--\s*xbench\s+(\{.*\})\s*-->")


def recognises(path: Path, head: bytes) -> bool:
    """A file with a table that has scores: not every README is of results."""
    if b"model-index:" in head.split(b"\n---", 1)[0]:
        return False
    with path.open("rb") as handle:
        lines = handle.read(1 << 20).decode("utf-8-sig", "replace").splitlines()
    return any(_SAID.match(line) for line in lines) or any(
        grids.holds_scores([_cells(line) for _, line in _rows(lines, number)]) for number in range(1, len(lines)) if _is_rule(lines, number)
    )


def read(path: Path, options: Options) -> Iterator[Row | Note]:
    lines = read_text(path).splitlines()
    said: dict[str, str] = {}
    found = []
    for number in range(len(lines)):
        if match := _SAID.fullmatch(lines[number].strip()):
            said = mapping(parse_json(match.group(1).encode(), f"{path}:{number + 1}"), f"{path}:{number + 1}")
        if number > 0 and _is_rule(lines, number):
            rows = _rows(lines, number)
            found.append(grids.grid(path, number, [_raw(line) for _, line in rows], [(str(at), _cells(line)) for at, line in rows], said))
            said = {}
    yield from grids.rows(path, found, options.settings)


def _is_rule(lines: Sequence[str], number: int) -> bool:
    """Whether a line stands between the headings and the rows of a table."""
    return "|" in lines[number] and "|" in lines[number - 1] and _RULE.fullmatch(lines[number].strip()) is not None


def _rows(lines: Sequence[str], rule: int) -> list[tuple[int, str]]:
    """The rows of a table, its headings first, and the number of the line of each."""
    body = takewhile(lambda line: "|" in line[1], enumerate(islice(lines, rule + 1, None), rule + 2))
    return [(rule, lines[rule - 1]), *body]


def _cells(line: str) -> list[str]:
    return [_plain(cell) for cell in _raw(line)]


def _raw(line: str) -> list[str]:
    inner = re.sub(r"^\||\|$", "", line.strip())
    return re.split(r"(?<!\\)\|", inner)


def _plain(cell: str) -> str:
    """Without emphasis, code, links, escapes, and the marks that stand for significance or ties; a dash alone is an empty cell."""
    text = re.sub(r"^\s*\\\((.*)\\\)\s*$", r"\1", cell)  # a cell that is math
    text = re.sub(r"\\([!-/:-@\[-`{-~])", lambda match: match.group(1).translate(_AWAY), text)  # what is escaped is no markup
    # Each expression stops at the next beginning of what it looks for, so that no text takes longer than in proportion to its length.
    text = re.sub(r"<sup>(?:(?!<sup>).)*?</sup>|\[\^[^\[\]\s]+\]", "", text)  # a mark, or a reference to a footnote
    text = re.sub(r"(?<=\d)<(?:br|sub)\b[^<>]*>(?=\d)", " ", text)  # two numbers, not one
    text = re.sub(r"\[([^\[\]]*)\]\((?:[^()\[]|\([^()]*\))*\)|<[^<>]*>", lambda match: match.group(1) or "", text.strip())
    text = re.sub(r"\*\*|__|`|~~", "", text).strip().rstrip("†‡").strip()
    text = re.sub(r"^([*_])(.+)\1$", r"\2", text)
    return "" if text == "-" else html.unescape(text).translate(_BACK)
