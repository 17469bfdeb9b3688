"""Readers of the file formats that tasks stand on. Each names the file and the line of everything that is wrong."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbench.errors import DataError

UPOS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
IOB2 = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
_MISC_NER = re.compile(r"(?:^|\|)NER=([^|]+)")
_NUMBER = re.compile("[0-9]{1,9}")


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

    Multiword-token ranges (1-2) and empty nodes (1.1) are skipped; XTREME keeps the former in place of their words (read_conllu_fused).

    Raises:
        DataError: If the file is missing or a line is not CoNLL-U; all lines at once.
    """
    problems: list[str] = []
    sentences = []
    for number, block in blocks(contents(path)):
        comments = dict(line[1:].split("=", 1) for line in block if line.startswith("#") and "=" in line)
        meta = {key.strip(): value.strip() for key, value in comments.items()}
        rows = []
        for offset, line in enumerate(block):
            if line.startswith("#"):
                continue
            cells = line.split("\t")
            if len(cells) != 10:
                problems.append(f"{path}:{number + offset}: {len(cells)} tab-separated columns, expected 10")
            elif _NUMBER.fullmatch(cells[0]):
                rows.append(cells)
            elif not re.fullmatch(r"[0-9]{1,9}[-.][0-9]{1,9}", cells[0]):
                problems.append(f"{path}:{number + offset}: column ID is {cells[0]!r}, expected a number or a range")
        if rows:
            ner = tuple(found[1] if (found := _MISC_NER.search(c[9])) else "O" for c in rows)
            tokens = tuple(c[1] for c in rows)
            text = meta.get("text", " ".join(tokens))
            sentences.append(Sentence(meta.get("sent_id", f"line-{number}"), text, tokens, tuple(c[3] for c in rows), ner))
    if problems or not sentences:
        raise DataError(f"{path} is not a CoNLL-U file", problems[:50] or [f"{path}: it has no sentence"])
    return sentences


# How XTREME's converter ranks the tags of words that stand equally high in the tree (third_party/ud-conversion-tools/conllu_to_conll.py).
_PRECEDENCE = {
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}
_PRECEDENCE_ELSEWHERE = "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT"


def read_conllu_fused(path: Path, language: str) -> list[Sentence]:
    """Read a CoNLL-U file with every multiword token in place of its words, as XTREME's converter does.

    The multiword token takes the tag of its head: the word with the fewest ancestors in the graph of basic and enhanced
    dependencies, and among several the one whose tag comes first in a list that depends on the language (lib/conll.py,
    _choose_spanhead_from_heuristics). The converter stops at a tag that is not in its list; here such a tag comes last.

    Raises:
        DataError: As read_conllu.
    """
    read_conllu(path)  # every problem of the file at once
    ranks = {tag: i for i, tag in enumerate(_PRECEDENCE.get(language, _PRECEDENCE_ELSEWHERE).split())}
    sentences = []
    for number, block in blocks(contents(path)):
        rows = [line.split("\t") for line in block if not line.startswith("#")]
        words = {int(c[0]): c for c in rows if _NUMBER.fullmatch(c[0])}
        if not words:
            continue
        forms, gone = {i: c[1] for i, c in words.items()}, set()
        depth = _depths(words) if any("-" in c[0] for c in rows) else {}
        for cells in rows:
            if "-" in cells[0] and "." not in cells[0]:
                first, last = map(int, cells[0].split("-"))
                span = [i for i in words if first <= i <= last]
                if not span:
                    raise DataError(
                        f"{path} is not a CoNLL-U file", [f"{path}:{number}: no word of {cells[0]} is in the sentence that begins here"]
                    )
                highest = [i for i in span if depth[i] == min(depth[j] for j in span)]
                head = min(highest, key=lambda i: (ranks.get(words[i][3], len(ranks)), i))
                forms[head] = cells[1]
                gone |= set(span) - {head}
        kept = [i for i in words if i not in gone]
        name = next((line.split("=", 1)[1].strip() for line in block if re.match(r"# sent_id *=", line)), f"line-{number}")
        tokens = tuple(forms[i] for i in kept)
        sentences.append(Sentence(name, " ".join(tokens), tokens, tuple(words[i][3] for i in kept), ("O",) * len(kept)))
    return sentences


def _depths(words: dict[int, list[str]]) -> dict[int, int]:
    """How many nodes lie above each word, the root among them, over basic and enhanced dependencies."""
    above: dict[int, set[int]] = {}
    for i, cells in words.items():
        heads = {int(cells[6])} if _NUMBER.fullmatch(cells[6]) else set()
        heads |= {int(pair.split(":")[0]) for pair in cells[8].split("|") if _NUMBER.fullmatch(pair.split(":")[0])}
        above[i] = heads
    depths = {}
    for i in words:
        seen: set[int] = set()
        waiting = list(above[i])
        while waiting:
            head = waiting.pop()
            if head not in seen:
                seen.add(head)
                waiting += above.get(head, ())
        depths[i] = len(seen - {i})
    return depths


def read_jsonl(path: Path, fields: Sequence[str]) -> list[dict[str, str]]:
    """Read a file of one JSON object a line, each with exactly the string fields `fields`.

    Raises:
        DataError: If the file is missing, or lines are not as expected; all lines at once.
    """
    problems: list[str] = []
    rows = []
    for number, line in enumerate(contents(path).splitlines(), 1):
        try:
            row = from_json(line)
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


def from_json(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: If it is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def contents(path: Path) -> str:
    """What a UTF-8 file holds, without a byte order mark.

    Raises:
        DataError: If it does not exist, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def blocks(text: str) -> Iterable[tuple[int, list[str]]]:
    """(number of the first line, lines) of every stretch of lines between blank lines."""
    block: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            block.append(line.rstrip("\r"))
        elif block:
            yield number - len(block), block
            block = []
