"""Labelled spans in tag sequences, exactly as the field's reference scorers see them, for a whole corpus at once.

Rules:
    SEQEVAL_DEFAULT: seqeval 1.2.2 without a mode, which is conlleval.pl's reading: an I-X without a B-X opens a span.
    IOB2_STRICT: seqeval 1.2.2, mode='strict', scheme=IOB2: a span is a B-X and the I-X that follow it, nothing else.
    SEQEVAL_0_0_12: the version behind XTREME's published POS numbers; it reads bare tags as their own type.

seqeval reads a corpus as one sequence with an O after each sentence. Only tags without a type (`X`, `_`, a lone letter) can tell
that from reading sentence by sentence: their span may then begin in an earlier sentence. What a scorer reports is the corpus; a span
counts for the sentence in which it ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]
_START, _END = 1, 2


class _Rows(dict[str, int]):
    """Gives every new key the next number."""

    def __missing__(self, key: str) -> int:
        self[key] = row = len(self)
        return row


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a corpus, dictionary-coded.

    Attributes:
        codes: Row of `vocabulary` for each token, sentence after sentence, integer, shape (tokens,).
        lengths: Tokens of each sentence, int64, shape (sentences,).
        vocabulary: The distinct tags, each a non-empty text.

    Raises:
        ValueError: If a tag is empty.
    """

    codes: npt.NDArray[np.integer]
    lengths: Ints
    vocabulary: tuple[str, ...]

    def __post_init__(self) -> None:
        """Every tag begins with its letter."""
        if "" in self.vocabulary:
            raise ValueError("a tag is empty")

    @classmethod
    def from_lists(cls, sentences: Sequence[Sequence[str]]) -> "Tags":
        """From one list of tags a sentence, as seqeval takes them."""
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        rows = _Rows()
        # One dictionary look-up a tag, straight into bytes, is quicker than handing the strings to Arrow or numpy.
        try:
            codes: npt.NDArray[np.integer] = np.frombuffer(bytes(map(rows.__getitem__, chain.from_iterable(sentences))), np.uint8)
        except ValueError:  # more than 256 different tags
            codes = np.fromiter(map(rows.__getitem__, chain.from_iterable(sentences)), np.int32, int(lengths.sum()))
        return cls(codes, lengths, tuple(rows))

    @classmethod
    def from_strings(cls, sentences: Sequence[str] | pa.Array | pa.ChunkedArray) -> "Tags":
        """From one string a sentence, tags separated by single spaces; an empty string has no tag."""
        import pyarrow.compute as pc  # here, as whoever opens a store looks at the scorers, and does not score

        column = sentences if isinstance(sentences, pa.Array | pa.ChunkedArray) else pa.array(sentences, pa.large_string())
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        parts = pc.split_pattern(column, " ")
        lengths = pc.list_value_length(parts).to_numpy(zero_copy_only=False).astype(np.int64)
        tags = parts.flatten()
        empty = pc.equal(column, "").to_numpy(zero_copy_only=False)
        if empty.any():  # "" splits into one empty tag
            tags = tags.filter(pc.not_equal(tags, ""))
            lengths[empty] = 0
        coded = tags.dictionary_encode()
        if len(tags) != lengths.sum() or "" in coded.dictionary.to_pylist():
            raise ValueError("a sentence holds two spaces in a row, or one at its beginning or end")
        return cls(coded.indices.to_numpy(zero_copy_only=False), lengths, tuple(coded.dictionary.to_pylist()))

    @classmethod
    def from_arrow(cls, column: pa.Array | pa.ChunkedArray) -> "Tags":
        """From a column of lists of tags, dictionary-coded or plain, as Parquet holds them."""
        import pyarrow.compute as pc

        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        tags = column.flatten()
        coded = tags if pa.types.is_dictionary(tags.type) else tags.dictionary_encode()
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(coded.indices.to_numpy(zero_copy_only=False), lengths, tuple(coded.dictionary.to_pylist()))


@dataclass(frozen=True, slots=True)
class Rule:
    """How tags become spans.

    Attributes:
        split: Tag -> (its letter, its type).
        strict: Only B opens a span, and only I of the same type goes on with it.
    """

    split: Callable[[str], tuple[str, str]]
    strict: bool = False


def _split_default(tag: str) -> tuple[str, str]:
    return tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"


def _split_strict(tag: str) -> tuple[str, str]:
    if tag[0] not in "BIO":
        raise ValueError(f"{tag!r} is not an IOB2 tag")
    return tag[0], tag[1:].strip("-") or "_"


def _split_0_0_12(tag: str) -> tuple[str, str]:
    return tag[0], tag.rsplit("-", maxsplit=1)[-1]


SEQEVAL_DEFAULT = Rule(_split_default)
IOB2_STRICT = Rule(_split_strict, strict=True)
SEQEVAL_0_0_12 = Rule(_split_0_0_12)


@dataclass(frozen=True, slots=True)
class Counts:
    """Spans of each sentence: found in both, predicted, and gold; int64, shape (sentences,)."""

    true_positives: Ints
    predicted: Ints
    gold: Ints


def count(gold: Tags, predicted: Tags, rule: Rule, *, isolated: bool = False) -> Counts:
    """Count the spans of each sentence.

    Args:
        gold: What is right.
        predicted: The same sentences; one that is shorter than its gold sentence is filled up with O.
        rule: How tags become spans.
        isolated: Read each sentence as if it were alone (see the module's text on tags without a type).

    Raises:
        ValueError: If the numbers of sentences differ, a sentence has more predicted than gold tags, or a tag is not of the rule.
    """
    codes, lengths, vocabulary = _joined(gold, predicted)
    if not len(lengths):
        nothing = np.zeros(0, dtype=np.int64)
        return Counts(nothing, nothing, nothing)
    tables = _tables(vocabulary, rule)
    slots = np.cumsum(lengths + 1) - 1  # where the O after each sentence stands
    inside = np.ones(int(slots[-1]) + 1, dtype=bool)
    inside[slots] = False
    sides = [_spans(side, inside, slots, tables, rule.strict, isolated) for side in codes]
    marks = [np.zeros(len(inside), dtype=bool) for _ in sides]
    for mark, (_, ends, _) in zip(marks, sides, strict=True):
        mark[ends] = True
    # No two spans of one side end at the same token, so the spans that end where one of the other side does are pairs, in order.
    (starts, ends, line), (other_starts, other_ends, other_line) = sides
    paired, other_paired = marks[1][ends], marks[0][other_ends]
    at = ends[paired]
    same = (starts[paired] == other_starts[other_paired]) & (tables.kind[line[at - 1]] == tables.kind[other_line[at - 1]])
    hits = np.zeros(len(inside), dtype=bool)
    hits[at[same]] = True
    begins = np.concatenate([[0], slots[:-1] + 1])
    return Counts(*(np.add.reduceat(mark, begins, dtype=np.int64) for mark in (hits, marks[1], marks[0])))


def equal_tags(gold: Tags, predicted: Tags) -> tuple[Ints, Ints]:
    """(tags that are equal, tags) of each sentence; a missing predicted tag is wrong.

    Raises:
        ValueError: If the numbers of sentences differ, or a sentence has more predicted than gold tags.
    """
    (ours, theirs), lengths, _ = _joined(gold, predicted, fill="")
    right = np.concatenate([[0], np.cumsum(ours == theirs)])
    ends = np.cumsum(lengths)
    return right[ends] - right[ends - lengths], lengths


@dataclass(frozen=True, slots=True)
class _Tables:
    """Answers for every pair (tag before, tag), looked up instead of computed; `outside` and `initial` are codes of no tag given."""

    flags: Flags
    kind: Ints
    size: int
    types: int
    outside: int
    initial: int

    @property
    def lookup(self) -> bytes:
        """The flags as a table for bytes.translate."""
        return self.flags.tobytes().ljust(256, b"\0")


def _tables(vocabulary: Sequence[str], rule: Rule) -> _Tables:
    known = [rule.split(tag) for tag in vocabulary]
    parts = [*known, rule.split("O"), ("O", "")]  # seqeval begins with prev_tag 'O' and prev_type ''
    types = {kind: row for row, kind in enumerate(sorted({kind for _, kind in parts}))}
    flag = _strict_flag if rule.strict else _default_flag
    flags = np.array([[flag(before, after) for after in parts] for before in parts], dtype=np.uint8)
    size = len(parts)
    return _Tables(flags.ravel(), np.array([types[kind] for _, kind in parts], np.int64), size, len(types), size - 2, size - 1)


def _default_flag(before: tuple[str, str], after: tuple[str, str]) -> int:
    """Whether a span starts at `after`, and whether one ends before it: seqeval's start_of_chunk and end_of_chunk."""
    (p, p_kind), (t, kind) = before, after
    starts = t in "BS" or (p in "ESO" and t in "EI") or (t not in "O." and p_kind != kind)
    ends = p in "ES" or (p in "BI" and t in "BSO") or (p not in "O." and p_kind != kind)
    return _START * starts | _END * ends


def _strict_flag(before: tuple[str, str], after: tuple[str, str]) -> int:
    (p, p_kind), (t, kind) = before, after
    goes_on = t == "I" and p in "BI" and p_kind == kind
    return _START * (t == "B") | _END * (not goes_on)


def _spans(
    codes: npt.NDArray[np.integer], inside: npt.NDArray[np.bool_], slots: Ints, tables: _Tables, strict: bool, isolated: bool
) -> tuple[Ints, Ints, npt.NDArray[np.integer]]:
    """(first token, one past the last token) of every span in order of their ends, and the codes, with an O after each sentence."""
    small = tables.size <= 16  # a pair of codes is one byte, and bytes.translate looks bytes up faster than anything
    line: npt.NDArray[np.integer] = np.full(len(inside), tables.outside, dtype=np.uint8 if small else np.int32)
    line[inside] = codes
    pair = np.empty_like(line)
    pair[:1] = tables.initial
    pair[1:] = line[:-1]
    if isolated:
        pair[slots[:-1] + 1] = tables.initial
    pair *= tables.size
    pair += line
    flags = np.frombuffer(pair.tobytes().translate(tables.lookup), np.uint8) if small else tables.flags[pair]
    starts = np.flatnonzero((flags & _START).view(bool))  # as bool: several times as fast
    ends = np.flatnonzero((flags >= _END).view(bool))
    if strict:
        return starts, ends[np.searchsorted(ends, starts, side="right")], line
    if len(starts) != len(ends) or (starts >= ends).any() or (starts[1:] < ends[:-1]).any():
        # Spans that end without having started: seqeval lets them begin where the last one did.
        row = np.searchsorted(starts, ends, side="left") - 1
        starts = np.where(row >= 0, starts[row], 0) if len(starts) else np.zeros_like(ends)
        if isolated:
            sentence = np.searchsorted(slots, ends, side="left")
            starts = np.maximum(starts, np.concatenate([[0], slots[:-1] + 1])[sentence])
    return starts, ends, line


def _joined(
    gold: Tags, predicted: Tags, fill: str = "O"
) -> tuple[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]], Ints, tuple[str, ...]]:
    """Codes of both sides over one vocabulary and the same lengths: missing predicted tags are `fill`."""
    if len(gold.lengths) != len(predicted.lengths):
        raise ValueError(f"{len(gold.lengths)} gold sentences, {len(predicted.lengths)} predicted")
    vocabulary = tuple(dict.fromkeys((*gold.vocabulary, *predicted.vocabulary, fill)))
    row = {tag: i for i, tag in enumerate(vocabulary)}
    move = np.array([row[tag] for tag in predicted.vocabulary], dtype=np.int32)
    theirs: npt.NDArray[np.integer] = move[predicted.codes] if len(move) else predicted.codes
    missing = gold.lengths - predicted.lengths
    if missing.any():
        long = np.flatnonzero(missing < 0)
        if len(long):
            shown = "; ".join(f"sentence {i}: {predicted.lengths[i]} predicted tags for {gold.lengths[i]} tokens" for i in long[:5])
            raise ValueError(f"{len(long)} sentence(s) have more tags than tokens: {shown}")
        theirs = np.insert(theirs, np.repeat(np.cumsum(predicted.lengths), missing), row[fill])
    return (gold.codes, theirs), gold.lengths, vocabulary
