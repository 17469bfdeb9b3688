"""Markdown files: every pipe table whose headings are languages or XTREME's tasks; as READMEs print them, and `xbench export` writes them.

A comment `<!-- xbench {"target": "xnli"} -->` before a table says what its cells leave open; --set says it for all.
"""

import html
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from xbench import grids
from xbench.adapter import Options, Row, read_text
from xbench.errors import DataError

EXAMPLE = "README.md, with --set target=xquad --set metric='f1 / exact_match' --set intermediate=none --set source=…"
_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?")
_SAID = re.compile(r"<!--\s*xbench\s+(\{.*\})\s*-->")


def recognises(path: Path, head: bytes) -> bool:
    """A file with a table that has scores: not every README is of results."""
    if path.suffix not in (".md", ".markdown") or b"model-index:" in head.split(b"\n---", 1)[0]:
        return False
    with path.open("rb") as handle:
        lines = handle.read(1 << 20).decode("utf-8-sig", "replace").splitlines()
    return any(_SAID.match(line) for line in lines) or any(
        _RULE.fullmatch(rule.strip()) and "|" in rule and grids.is_header(_cells(header)) for header, rule in pairwise(lines)
    )


def read(path: Path, options: Options) -> Iterator[Row]:
    lines = read_text(path).splitlines()
    said: dict[str, str] = {}
    why = "has no pipe table"
    tables = 0
    for number in range(len(lines)):
        if match := _SAID.fullmatch(lines[number].strip()):
            said = json.loads(match.group(1))
        if number == 0 or not _RULE.fullmatch(lines[number].strip()) or "|" not in lines[number] or "|" not in lines[number - 1]:
            continue
        header, body = _cells(lines[number - 1]), []
        for below in range(number + 1, len(lines)):
            if "|" not in lines[below]:
                break
            body.append((str(below + 1), _cells(lines[below])))
        try:
            found = list(grids.read(header, body, {**said, **options.settings}))
        except DataError as error:
            if said or grids.is_header(header):
                raise DataError(f"{path}:{number}: {error}") from error
            why = f"has no table of scores: {error}"
            continue
        tables += 1
        for row in found:
            yield {**{c: v for c, v in said.items() if c != "means"}, **row}
        said = {}
    if not tables:
        raise DataError(f"{path}: {why}")


def _cells(line: str) -> list[str]:
    inner = re.sub(r"^\||\|$", "", line.strip())
    return [_plain(cell) for cell in re.split(r"(?<!\\)\|", inner)]


def _plain(cell: str) -> str:
    """Without emphasis, code, links, escapes, and the marks that stand for significance or ties."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|<[^>]*>", lambda match: match.group(1) or "", cell.strip())
    text = re.sub(r"(?<!\\)(\*\*|__|`|~~)", "", text).strip().rstrip("†‡").strip()
    text = re.sub(r"^([*_])(.+)(?<!\\)\1$", r"\2", text)
    return html.unescape(re.sub(r"\\([\\|*_`~])", r"\1", text))
