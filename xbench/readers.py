"""Readers of the file formats that tasks stand on. Each names the file and the line of everything that is wrong."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbench.errors import DataError

UPOS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
IOB2 = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
_MISC_NER = re.compile(r"(?:^|\|)NER=([^|]+)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a CoNLL-U file: syntactic words with their tags; `ner` is O where the file has none."""

    sentence_id: str
    text: str
    tokens: tuple[str, ...]
    upos: tuple[str, ...]
    ner: tuple[str, ...]


def read_conllu(path: Path) -> list[Sentence]:
    """Read a CoNLL-U file (universaldependencies.org/format.html); names stand in MISC as `NER=B-PER`.

    Multiword-token ranges (1-2) and empty nodes (1.1) are skipped, as XTREME's utils_preprocess.py does.

    Raises:
        DataError: If the file is missing or a line is not CoNLL-U; all lines at once.
    """
    problems: list[str] = []
    sentences = []
    for number, block in _blocks(_text(path)):
        comments = dict(line[1:].split("=", 1) for line in block if line.startswith("#") and "=" in line)
        meta = {key.strip(): value.strip() for key, value in comments.items()}
        rows = []
        for offset, line in enumerate(block):
            if line.startswith("#"):
                continue
            cells = line.split("\t")
            if len(cells) != 10:
                problems.append(f"{path}:{number + offset}: {len(cells)} tab-separated columns, expected 10")
            elif cells[0].isdigit():
                rows.append(cells)
            elif not re.fullmatch(r"\d+[-.]\d+", cells[0]):
                problems.append(f"{path}:{number + offset}: column ID is {cells[0]!r}, expected a number or a range")
        if rows:
            ner = tuple(found[1] if (found := _MISC_NER.search(c[9])) else "O" for c in rows)
            tokens = tuple(c[1] for c in rows)
            text = meta.get("text", " ".join(tokens))
            sentences.append(Sentence(meta.get("sent_id", f"line-{number}"), text, tokens, tuple(c[3] for c in rows), ner))
    if problems or not sentences:
        raise DataError(f"{path} is not a CoNLL-U file", problems[:50] or ["it has no sentence"])
    return sentences


def read_jsonl(path: Path, fields: Sequence[str]) -> list[dict[str, str]]:
    """Read a file of one JSON object a line, each with exactly the string fields `fields`.

    Raises:
        DataError: If the file is missing, or lines are not as expected; all lines at once.
    """
    problems: list[str] = []
    rows = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            problems.append(f"{path}:{number}: not JSON: {error}")
            continue
        if not isinstance(row, dict) or sorted(row) != sorted(fields) or not all(isinstance(v, str) for v in row.values()):
            problems.append(f"{path}:{number}: expected an object with the string fields {', '.join(fields)}")
            continue
        rows.append(row)
    if problems or not rows:
        raise DataError(f"{path} cannot be read", problems[:50] or ["it is empty"])
    return rows


def content_hash(paths: Iterable[Path]) -> str:
    """`sha256:` and 16 hex digits over the names and bytes of `paths`, in the order of their names.

    Raises:
        DataError: If there is no file.
    """
    digest, any_file = hashlib.sha256(), False
    for path in sorted(paths, key=lambda p: p.name):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        any_file = True
    if not any_file:
        raise DataError("no data file to take the revision from")
    return f"sha256:{digest.hexdigest()[:16]}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}") from error


def _blocks(text: str) -> Iterable[tuple[int, list[str]]]:
    """(number of the first line, lines) of every stretch of lines between blank lines."""
    block: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            block.append(line.rstrip("\r"))
        elif block:
            yield number - len(block), block
            block = []
