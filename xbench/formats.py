"""The raw formats in which the tasks of the field are published, read into examples.

A reader takes the files of one language and split and gives all examples in file order, or one DataError that names file and line
of everything that is wrong. Tab-separated files are read without quoting: a quote in them is a character of the text, and a csv reader
that takes it for a quote joins lines (bozheng-hit/xTune README).
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, TypeVar

from xbench import readers
from xbench.errors import DataError
from xbench.task import Choice, Classified, Plain, Question, Split, Tagged, Translation, Unaligned

T = TypeVar("T")
Reader = Callable[[Sequence[Path], str, Split], Sequence[Any]]
_SHOWN = 50  # problems of one file that are named
UNLABELLED = "no labels: XTREME's download script strips them from test files; give the data as its authors publish it"


def tagged_tsv(files: Sequence[Path], language: str, split: Split) -> list[Tagged]:
    """One token and tag a line, an empty line between sentences: XTREME's panx and udpos, and WikiANN's own `lang:token<TAB>tag`."""
    (path,) = files
    problems: list[str] = []
    sentences: list[Tagged] = []
    for first, block in readers.blocks(readers.contents(path)):
        rows = [line.split("\t") for line in block]
        bad = [
            (i, row) for i, row in enumerate(rows) if len(row) != 2 or row[0] == "-DOCSTART-" or not (tag := row[1].strip()) or " " in tag
        ]
        if bad and all(len(line.split()) == 1 for line in block):
            raise DataError(f"{path} has {UNLABELLED}")
        for i, row in bad:
            several = not problems and len(" ".join(row).split()) > 1  # once is enough
            hint = "; `conll` of xbench.formats reads more columns, and spaces between them" if several else ""
            problems.append(f"{path}:{first + i}: expected token<TAB>tag, found {'<TAB>'.join(row)!r}{hint}")
        if not bad:
            prefix = f"{language}:"
            tokens = tuple(row[0].removeprefix(prefix).strip() or row[0] for row in rows)
            sentences.append(Tagged(str(len(sentences)), str(len(sentences)), tokens, tuple(row[1].strip() for row in rows)))
    return whole(path, sentences, problems)


def conll(token: int = 0, tag: int = -1, separator: str | None = None) -> Reader:
    """A token a line with its tags in columns, an empty line between sentences: CoNLL-2002 and -2003, WNUT, MasakhaNER, MultiCoNER.

    -DOCSTART- is left out, and so are comments: lines on top of a sentence that begin with # and have another number of columns than
    tokens, or a blank after it and a `=` (MultiCoNER's `# id 1 domain=x` has as many). What else has another number of columns than the
    others is refused.
    Tags stay as they are, the IOB1 of CoNLL-2003 too.

    Args:
        token: Column of the token, from 0.
        tag: Column of the tag; -1 is the last one.
        separator: What stands between columns; spaces and tabs if not given. A no-break space is text.
    """

    def cells(line: str) -> list[str]:
        return line.split(separator) if separator else re.split("[ \t]+", line.strip(" \t"))

    def read(files: Sequence[Path], language: str, split: Split) -> list[Tagged]:
        (path,) = files
        problems: list[str] = []
        found: list[Tagged] = []
        wide, since = max(2, *(n + 1 if n >= 0 else -n for n in (token, tag))), 0
        blocks = list(readers.blocks(readers.contents(path)))
        usual = next((len(cells(line)) for _, block in blocks for line in block if not line.startswith(("#", "-DOCSTART-"))), 0)
        for first, block in blocks:
            rows = [(number, cells(line)) for number, line in enumerate(block, first)]
            width = usual if block[-1][0] == "#" else len(rows[-1][1])
            comments = (
                line[0] == "#" and (re.match("# .*=", line) or len(row) != width) for line, (_, row) in zip(block, rows, strict=True)
            )
            top = next((i for i, comment in enumerate(comments) if not comment), len(rows))
            rows = [(number, row) for number, row in rows[top:] if not row[0].startswith("-DOCSTART-")]
            for number, row in rows:
                if not since and len(row) >= wide:
                    wide, since = len(row), number
                if len(row) != wide:
                    as_on = f" as on line {since}" if since else " or more"
                    problems.append(f"{path}:{number}: {len(row)} column(s), expected {wide}{as_on}; found {' '.join(row)!r:.80}")
                elif not row[token].strip() or row[tag].split() != [row[tag].strip()]:
                    problems.append(f"{path}:{number}: token {row[token]!r} and tag {row[tag]!r}, expected one of each")
            if rows and not problems:
                name = str(len(found))
                found.append(Tagged(name, name, tuple(row[token].strip() for _, row in rows), tuple(row[tag].strip() for _, row in rows)))
        return whole(path, found, problems)

    return read


def treebanks(files: Sequence[Path], language: str, split: Split) -> list[Tagged]:
    """UD CoNLL-U files of one language, joined in the order of their names, as XTREME made its udpos data of them.

    A multiword token stands in place of its words and has the tag of the word that heads it; zero-width non-joiners and spaces go;
    sentences whose words are withheld (`_`) are left out (google-research/xtreme scripts/download_data.sh, utils_preprocess.py
    udpos_preprocess, third_party/ud-conversion-tools).
    """
    found: list[Tagged] = []
    problems: list[str] = []
    for path in sorted(files, key=lambda p: p.name):
        try:
            sentences = readers.read_conllu_fused(path, language)
        except DataError as error:
            problems += [*error.problems] or [str(error)]
            continue
        for sentence in sentences:
            withheld = sentence.tokens.count("_")
            if withheld and withheld >= len(sentence.tokens) - 1:
                continue
            tokens = tuple("".join(t.replace("\u200c", "").split(" ")) for t in sentence.tokens)
            name = f"{path.stem}/{sentence.sentence_id}"
            found.append(Tagged(name, name, tokens, sentence.upos))
    if problems:
        raise DataError(f"{len(files)} treebank file(s) of {language!r} {split} cannot be read", problems[:_SHOWN])
    return found


def pairs_tsv(cluster: Callable[[int], str], labels: Mapping[str, str] | None = None) -> Reader:
    """`text<TAB>text<TAB>label` without a header: xnli and pawsx as XTREME prepares them.

    Args:
        cluster: Row -> cluster id: the files carry no id, and rows are parallel across languages.
        labels: Names that stand for a label under another name.
    """

    def read(files: Sequence[Path], language: str, split: Split) -> list[Classified]:
        (path,) = files
        problems, found = [], []
        for number, cells in _rows(path):
            if len(cells) == 2 and number == 1:
                raise DataError(f"{path} has {UNLABELLED}")
            if len(cells) != 3:
                problems.append(f"{path}:{number}: {len(cells)} tab-separated columns, expected text, text, label")
                continue
            label = (labels or {}).get(cells[2].strip(), cells[2].strip())
            found.append(Classified(str(number - 1), cluster(number - 1), cells[0].strip(), cells[1].strip(), label))
        return whole(path, found, problems)

    return read


def pairs_table(
    text: str, pair: str, label: str, *, row_id: str | None = None, cluster: str | None = None, language_column: str | None = None,
    labels: Mapping[str, str] | None = None, short: Literal["refuse", "skip"] = "refuse",
) -> Reader:  # fmt: skip
    """Tab-separated pairs with a header: XNLI-1.0, PAWS-X, the GLUE tasks.

    Args:
        text: Column of the first text.
        pair: Column of the second.
        label: Column of the label.
        row_id: Column of the id; without one it is the number of the row among those kept.
        cluster: Column of the cluster id; without one it is the id.
        language_column: Where a file holds all languages.
        labels: Names that stand for a label under another name.
        short: What to do with rows that lack columns.
    """

    def read(files: Sequence[Path], language: str, split: Split) -> list[Classified]:
        (path,) = files
        wanted = [c for c in (text, pair, label, row_id, cluster, language_column) if c]
        problems: list[str] = []
        found: list[Classified] = []
        for number, row in _table(path, wanted, problems if short == "refuse" else []):
            if language_column and row[language_column] != language:
                continue
            name = row[row_id] if row_id else str(len(found))
            value = row[label].strip()
            group = row[cluster] if cluster else name
            found.append(Classified(name, group, row[text].strip(), row[pair].strip(), (labels or {}).get(value, value)))
            if not value:
                problems.append(f"{path}:{number}: column {label!r} is empty")
        return whole(path, found, problems, f"no row of language {language!r}" if language_column else "it has no row")

    return read


def joined(readers_of: Mapping[str, Reader]) -> Reader:
    """Several files of several formats as one set, in the order given; ids begin with the number of the file.

    Of development data the examples of the files take turns, so that the first ones are of all files.

    Args:
        readers_of: Beginning of a file's name -> how it is read.
    """

    def read(files: Sequence[Path], language: str, split: Split) -> list[Classified]:
        parts: list[list[Classified]] = []
        for number, path in enumerate(files):
            reader = next(r for start, r in readers_of.items() if path.name.startswith(start))
            parts.append(
                [
                    replace(e, example_id=f"{number}-{e.example_id}", cluster_id=f"{number}-{e.cluster_id}")
                    for e in reader([path], language, split)
                ]
            )
        rows = zip_longest(*parts) if split == "dev" else parts
        return [e for row in rows for e in row if e is not None]

    return read


def supertags(files: Sequence[Path], language: str, split: Split) -> list[Tagged]:
    """One sentence a line of `word|POS|supertag` or `word|supertag`, as the C&C tools write CCGbank."""
    (path,) = files
    problems, found = [], []
    for number, line in enumerate(readers.contents(path).split("\n"), 1):
        parts = [token.split("|") for token in line.split()]
        if any(len(p) not in (2, 3) or not all(p) for p in parts):
            problems.append(f"{path}:{number}: expected word|POS|supertag or word|supertag")
        elif parts:
            name = str(number)
            found.append(Tagged(name, name, tuple(p[0] for p in parts), tuple(p[-1] for p in parts)))
    return whole(path, found, problems)


def pairs_jsonl(text: str, pair: str, label: str, *, row_id: str | None, labels: Mapping[str, str] | None = None, drop: str = "") -> Reader:
    """Pairs as JSON lines: SNLI, MultiNLI, ANLI. Rows whose label is `drop` have no gold label and are left out."""

    def read(files: Sequence[Path], language: str, split: Split) -> list[Classified]:
        (path,) = files
        problems: list[str] = []
        found: list[Classified] = []
        for number, row in objects(path, [text, pair, label], problems):
            value = str(row[label])
            if value != drop:
                name = str(row.get(row_id, number) if row_id else number)
                found.append(Classified(name, name, str(row[text]), str(row[pair]), (labels or {}).get(value, value)))
        return whole(path, found, problems)

    return read


def choices(
    text: Callable[[Any], str], options: Callable[[Any], Sequence[str]], label: Callable[[Any], str], fields: Sequence[str]
) -> Reader:
    """Multiple choice, one JSON object a line or a CSV file with a header.

    Args:
        text: A row -> its text.
        options: A row -> its choices.
        label: A row -> the place of the right choice, from 0, as text.
        fields: What a row must have.
    """

    def read(files: Sequence[Path], language: str, split: Split) -> list[Choice]:
        (path,) = files
        problems: list[str] = []
        rows = _csv(path, fields, problems) if path.suffix == ".csv" else objects(path, fields, problems)
        found: list[Choice] = []
        for number, row in rows:
            try:
                found.append(Choice(str(len(found)), str(len(found)), text(row), tuple(options(row)), label(row)))
            except (KeyError, TypeError, ValueError, IndexError) as error:
                problems.append(f"{path}:{number}: not as expected: {type(error).__name__} {error}")
        return whole(path, found, problems)

    return read


def squad_json(
    cluster: Callable[[int, int, str], str] = lambda article, paragraph, question: f"{article}-{paragraph}",
    keep: Callable[[str, str], bool] = lambda question, language: True,
) -> Reader:
    """SQuAD's JSON: SQuAD 1.1 and 2.0, XQuAD, MLQA, TyDiQA-GoldP.

    Args:
        cluster: (row of the article, row of the paragraph, id of the question) -> cluster id. XQuAD's paragraphs are parallel.
        keep: (id of the question, language) -> whether it is of this language, for files that hold several.
    """

    def read(files: Sequence[Path], language: str, split: Split) -> list[Question]:
        (path,) = files
        try:
            content = readers.from_json(readers.contents(path))
            articles = content["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is not SQuAD JSON: {type(error).__name__} {error}") from error
        problems: list[str] = []
        found = []
        for a, p, context, qa in _questions(path, articles, problems):
            name = str(qa["id"])
            if not keep(name, language):
                continue
            try:
                answers = tuple(str(x["text"]) for x in qa["answers"])
                start = int(qa["answers"][0]["answer_start"]) if answers else -1
            except (ValueError, KeyError, TypeError, OverflowError) as error:
                problems.append(f"{path}: question {name!r}: answers are not as expected: {type(error).__name__} {error}")
                continue
            if answers == ("",):
                raise DataError(f"{path} has {UNLABELLED}")
            found.append(Question(name, cluster(a, p, name), qa["question"], context, answers, start))
        return whole(path, found, problems, "it has no question")

    return read


def parallel_text(files: Sequence[Path], language: str, split: Split) -> list[Translation]:
    """Two files with a sentence a line, the foreign one first: LASER's Tatoeba test sets. The id is the line number, from 0."""
    foreign, english = (readers.contents(path).rstrip("\n").split("\n") for path in files)
    if len(foreign) != len(english):
        raise DataError(f"{files[0]} has {len(foreign)} lines, {files[1]} has {len(english)}: they are not parallel")
    empty = [
        f"{p}:{i}: empty line" for p, lines in zip(files, (foreign, english), strict=True) for i, t in enumerate(lines, 1) if not t.strip()
    ]
    if empty:
        raise DataError("a sentence is missing", empty[:_SHOWN])
    return [Translation(str(i), str(i), e.strip(), f.strip()) for i, (f, e) in enumerate(zip(foreign, english, strict=True))]


def comparable_corpus(files: Sequence[Path], language: str, split: Split) -> list[Unaligned]:
    """BUCC 2018: `id<TAB>sentence` of the foreign side and of the English side, and the gold pairs `foreign id<TAB>English id`."""
    sides, problems = [], []
    for path in files[:2]:
        rows: dict[str, str] = {}
        for number, cells in _rows(path):
            if len(cells) != 2 or not cells[1].strip():
                problems.append(f"{path}:{number}: expected id<TAB>sentence")
            elif cells[0] in rows:
                problems.append(f"{path}:{number}: id {cells[0]!r} occurs twice")
            else:
                rows[cells[0]] = cells[1].strip()
        sides.append(rows)
    gold: dict[str, list[str]] = {}
    for number, cells in _rows(files[2]):
        known = len(cells) == 2 and cells[0] in sides[0] and cells[1] in sides[1]
        if not known:
            problems.append(f"{files[2]}:{number}: expected a foreign and an English id of the two files, found {'<TAB>'.join(cells)!r}")
            continue
        gold.setdefault(cells[0], []).append(cells[1])
        gold.setdefault(cells[1], []).append(cells[0])
    found = [
        Unaligned(name, name, sentence, english, tuple(sorted(set(gold.get(name, ())))))
        for english, rows in zip((False, True), sides, strict=True)
        for name, sentence in rows.items()
    ]
    return whole(files[0], found, problems)


def plain_text(files: Sequence[Path], language: str, split: Split) -> list[Plain]:
    """A text a line; empty lines are skipped. Only a line feed ends a line, U+2028 and the like are text."""
    (path,) = files
    lines = [(i, line.strip()) for i, line in enumerate(readers.contents(path).split("\n")) if line.strip()]
    return whole(path, [Plain(f"{language}-{i}", f"{language}-{i}", line) for i, line in lines], [])


def whole(path: Path, found: list[T], problems: Sequence[str], empty: str = "it is empty") -> list[T]:
    """What was found in `path`, unless there are problems or there is nothing: then a DataError with all of them."""
    if problems or not found:
        raise DataError(f"{path} cannot be read", list(problems[:_SHOWN]) or [empty])
    return found


def _questions(path: Path, articles: Any, problems: list[str]) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    """(row of the article, row of the paragraph, context, question) of SQuAD's JSON; what is not so is added to `problems`."""
    for a, article in _each(articles, f"{path}: article", problems):
        for p, paragraph in _each(article.get("paragraphs", []), f"{path}: article {a}, paragraph", problems):
            for q, qa in _each(paragraph.get("qas", []), f"{path}: article {a}, paragraph {p}, question", problems):
                where = f"{path}: article {a}, paragraph {p}, question {qa.get('id', q)!r}"
                missing = [f for f in ("id", "question", "answers") if f not in qa] + ["context"] * ("context" not in paragraph)
                if missing:
                    problems.append(f"{where}: no field {', '.join(missing)}")
                elif not isinstance(qa["question"], str) or not isinstance(paragraph["context"], str):
                    problems.append(f"{where}: question and context must be text")
                else:
                    yield a, p, paragraph["context"], qa


def _each(values: Any, where: str, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list with their places; what is none is added to `problems`."""
    if not isinstance(values, list):
        problems.append(f"{where}s are not a list")
        return
    for i, value in enumerate(values):
        if isinstance(value, dict):
            yield i, value
        else:
            problems.append(f"{where} {i} is not an object")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not empty; only a line feed ends a line, U+0085 and the like are text."""
    for number, line in enumerate(readers.contents(path).split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r").split("\t")


def _table(path: Path, wanted: Sequence[str], problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    rows = _rows(path)
    _, header = next(rows, (1, []))
    missing = [c for c in wanted if c not in header]
    if missing:
        raise DataError(f"{path}:1: no column {', '.join(map(repr, missing))}; it has {', '.join(header)}")
    for number, cells in rows:
        if len(cells) < len(header):
            problems.append(f"{path}:{number}: {len(cells)} tab-separated columns, expected {len(header)}")
            continue
        yield number, dict(zip(header, cells, strict=False))


def objects(path: Path, fields: Sequence[str], problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line of JSON that has `fields`; the others are added to `problems`."""
    for number, line in enumerate(readers.contents(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = readers.from_json(line)
        except ValueError as error:
            problems.append(f"{path}:{number}: not JSON: {error}")
            continue
        missing = [f for f in fields if not isinstance(row, dict) or f not in row]
        if missing:
            there = f"; it has {', '.join(row)}" if isinstance(row, dict) else "; it is not an object"
            problems.append(f"{path}:{number}: no field {', '.join(missing)}{there}")
            continue
        yield number, row


def _csv(path: Path, fields: Sequence[str], problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    table = csv.DictReader(io.StringIO(readers.contents(path), newline=""))
    try:
        missing = [f for f in fields if f not in (table.fieldnames or [])]
        if missing:
            raise DataError(f"{path}:1: no column {', '.join(missing)}; it has {', '.join(table.fieldnames or [])}")
        for row in table:
            if None in row.values() or None in row:
                problems.append(f"{path}:{table.line_num}: expected {len(table.fieldnames or [])} columns")
            else:
                yield table.line_num, row
    except csv.Error as error:
        problems.append(f"{path}:{table.line_num}: not CSV: {error}")
