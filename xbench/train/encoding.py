"""Examples to model inputs: token ids, and where in them a label belongs."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from transformers import PreTrainedTokenizerBase

from xbench.errors import DataError
from xbench.task import Choice, Classified, Example, Plain, Question, Tagged, Translation

IGNORE = -100  # cross entropy's own mark for positions without a label
_T = TypeVar("_T")
_AT_ONCE = 2048  # texts: what the tokenizer holds of each is many times what is kept
# Both as in jiant (tasks/lib/udpos.py, proj/main/write_task_configs.py) and XTREME's scripts (utils_preprocess.py, run_squad.py).
_LONGEST_WORD = 100  # subwords: one with more (an address, a row of dashes) is read as an unknown word
_LONGEST_QUESTION = 64  # subwords: the rest is cut off
Tagging = Literal["character", "first"]


class Once(dict[Any, Any]):
    """Equal numbers and pairs of numbers as one object: a set of a hundred thousand questions takes a tenth of the memory."""

    def __missing__(self, value: Any) -> Any:
        self[value] = value
        return value

    def all(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """The values, each as the object that stands for it."""
        return tuple(map(self.__getitem__, values))


@dataclass(frozen=True, slots=True)
class Piece:
    """One model input. An example is one piece, but for sentences that are too long, which are several.

    Attributes:
        example: Row of its example.
        ids: Token ids with special tokens.
        words: tagging: (position of its first subword, row of the word) for each word in the piece.
        span: qa: (first, last) position of the answer; (0, 0) when it was cut off.
        starts: qa: (first, last) position at which an answer may start: no other piece has more of the context around them.
        offsets: qa: characters of the context that each position covers, None outside the context.
        choice: choice: which of its example's choices it holds.
    """

    example: int
    ids: tuple[int, ...]
    words: tuple[tuple[int, int], ...] = ()
    span: tuple[int, int] = (0, 0)
    offsets: tuple[tuple[int, int] | None, ...] = ()
    choice: int = 0
    starts: tuple[int, int] = (0, 0)

    def moved(self, example: int) -> "Piece":
        """The same piece of another row."""
        return replace(self, example=example)

    def shifted(self, by: int) -> "Piece":
        """The same piece, its row so much further down."""
        return replace(self, example=self.example + by)


def encode(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    max_length: int,
    doc_stride: int | None = None,
    prefix: str = "",
    tagging: Tagging = "character",
) -> list[Piece]:
    """Encode examples of one family, in order; `doc_stride`, `tagging` and (of translations) `prefix` as in the recipe.

    Raises:
        DataError: If a question leaves no room for its context.
    """
    once = Once()
    tagged: list[tuple[int, Tagged]] = []
    questions: list[tuple[int, Question]] = []
    texts: list[tuple[int, str, str | None, int]] = []
    choices: list[tuple[int, str, str | None, int]] = []
    for row, example in enumerate(examples):
        if isinstance(example, Tagged):
            tagged.append((row, example))
        elif isinstance(example, Question):
            questions.append((row, example))
        elif isinstance(example, Classified):
            texts.append((row, example.text, example.pair or None, 0))
        elif isinstance(example, Choice):
            choices += [(row, example.text, choice, number) for number, choice in enumerate(example.choices)]
        elif isinstance(example, Plain):
            texts.append((row, example.text, None, 0))
        elif isinstance(example, Translation):
            texts += [(row, prefix + example.english, None, 0), (row, prefix + example.foreign, None, 1)]
        else:
            raise TypeError(f"{type(example).__name__} is encoded by encode_texts")
    pieces = [piece for some in _stretches(tagged) for piece in _tagged(tokenizer, some, max_length, tagging, once)]
    pieces += [piece for some in _stretches(questions) for piece in _questions(tokenizer, some, max_length, doc_stride, once)]
    for several, end in ((texts, True), (choices, False)):
        encoded = _ids(tokenizer, [t[1:3] for t in several], max_length, once, cut_end=end)
        pieces += [Piece(row, ids, choice=number) for (row, _, _, number), ids in zip(several, encoded, strict=True)]
    return pieces


def _stretches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """As many as the tokenizer is given at once, which is much faster than one by one."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def separator(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token after which the second text of a pair is of type 1; None of tokenizers that know no types, as XLM-R's."""
    return tokenizer.sep_token_id if any(tokenizer("a", "b").get("token_type_ids", ())) else None


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[Piece]:
    """Encode plain texts, one piece each, cut at `max_length`."""
    return [Piece(row, ids) for row, ids in enumerate(_ids(tokenizer, [(text, None) for text in texts], max_length, Once()))]


def _ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str | None]], max_length: int, once: Once, *, cut_end: bool = True
) -> list[tuple[int, ...]]:
    """Token ids of texts and pairs of texts, in order; the longer of two is cut, at its end or at its begin."""
    found: list[tuple[int, ...]] = [()] * len(texts)
    side, tokenizer.truncation_side = tokenizer.truncation_side, "right" if cut_end else "left"
    try:
        for paired in (False, True):
            for rows in _stretches([i for i, (_, pair) in enumerate(texts) if (pair is not None) is paired]):
                seconds = [texts[i][1] for i in rows] if paired else None
                encoded = tokenizer([texts[i][0] for i in rows], seconds, truncation=True, max_length=max_length)["input_ids"]
                for i, ids in zip(rows, encoded, strict=True):
                    found[i] = once.all(ids)
    finally:
        tokenizer.truncation_side = side
    return found


def _tagged(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[tuple[int, Tagged]], max_length: int, tagging: Tagging, once: Once
) -> Iterator[Piece]:
    """Word by word, first subword labelled (Hu et al. 2020); a sentence over `max_length` goes on in the next piece.

    With `tagging` character a lone word-boundary mark is not taken for the first subword: XLM-R's pieces begin most Chinese words with
    one, and a tag read off a mark that holds no character of the word is close to chance (google-research/xtreme#84), at least where
    lower layers are frozen.
    """
    backend: Any = tokenizer
    # RoBERTa's subwords tell the begin of a word by the space before it, which words on their own have not.
    bytewise = type(backend.backend_tokenizer.pre_tokenizer).__name__ == "ByteLevel"
    said = [[f" {token}" for token in example.tokens] if bytewise else list(example.tokens) for _, example in examples]
    encoded = tokenizer(said, is_split_into_words=True, add_special_tokens=False)
    bos, eos = tokenizer.cls_token_id, tokenizer.sep_token_id
    mark = tokenizer.convert_tokens_to_ids("Ġ" if bytewise else "▁")
    unknown, room = tokenizer.unk_token_id, max_length - 2
    for number, ((row, example), found) in enumerate(zip(examples, encoded["input_ids"], strict=True)):
        subwords: list[list[int]] = [[] for _ in example.tokens]
        for word, subword in zip(encoded.word_ids(number), found, strict=True):
            subwords[word].append(subword)
        ids: list[int] = []
        words: list[tuple[int, int]] = []
        for word, own in enumerate(subwords):
            # A word of characters that the normaliser drops still has its label.
            kept = own if 0 < len(own) <= min(_LONGEST_WORD, room) else [unknown]
            if len(ids) + len(kept) > room:
                yield Piece(row, once.all((bos, *ids, eos)), once.all(words))
                ids, words = [], []
            words.append((len(ids) + 1 + (tagging == "character" and len(kept) > 1 and kept[0] == mark != unknown), word))
            ids += kept
        yield Piece(row, once.all((bos, *ids, eos)), once.all(words))


def _questions(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[tuple[int, Question]], max_length: int, doc_stride: int | None, once: Once
) -> Iterator[Piece]:
    """Question and context as a pair; the context is cut at `max_length`, or goes on in further pieces, each `doc_stride` subwords later.

    Where the whole answer is not in a piece, or there is none, the first position (CLS) is the answer (Devlin et al. 2019, section 4.3).

    Raises:
        DataError: If the question leaves no room for the context.
    """
    asked = _shortened(tokenizer, [example.question for _, example in examples])
    alike: dict[int, list[int]] = {}  # by the room that is left: what pieces share is said once a call
    for i, alone in enumerate(tokenizer(asked, [""] * len(asked))["input_ids"]):
        room = max_length - len(alone)
        if room <= 0:
            raise DataError(f"example {examples[i][1].example_id}: its question leaves {room} of {max_length} subwords for the context")
        alike.setdefault(0 if doc_stride is None else room, []).append(i)
    made: list[list[Piece]] = [[] for _ in examples]
    for room, rows in alike.items():
        more = {} if doc_stride is None else {"stride": max(0, room - doc_stride), "return_overflowing_tokens": True}
        encoded = tokenizer(
            [asked[i] for i in rows],
            [examples[i][1].context for i in rows],
            truncation="only_second",
            max_length=max_length,
            return_offsets_mapping=True,
            **more,
        )
        whose = encoded.get("overflow_to_sample_mapping", range(len(rows)))
        for number, (which, ids, mapping) in enumerate(zip(whose, encoded["input_ids"], encoded["offset_mapping"], strict=True)):
            row, example = examples[rows[which]]
            parts = encoded.sequence_ids(number)
            told = [(a, b) if part == 1 and b > a else None for part, (a, b) in zip(parts, mapping, strict=True)]
            offsets = once.all(_whole(example.context, told))
            place = (parts.index(1), len(parts) - 1 - parts[::-1].index(1)) if 1 in parts else (0, 0)
            made[rows[which]].append(Piece(row, once.all(ids), span=_span(example, offsets), offsets=offsets, starts=place))
    for pieces in made:
        room = pieces[0].starts[1] - pieces[0].starts[0] + 1
        yield from _parted(pieces, min(doc_stride or room, room), once)


def _whole(context: str, offsets: list[tuple[int, int] | None]) -> list[tuple[int, int] | None]:
    """Offsets that end where their last letter does: of one that they compose, normalisers tell its first code point only."""
    if unicodedata.is_normalized("NFC", context):
        return offsets
    limit = len(context)
    for i, place in reversed(list(enumerate(offsets))):
        if place is not None:
            begin, stop = place
            while stop < limit and _length(context[begin : stop + 1]) == _length(context[begin:stop]):
                stop += 1
            offsets[i], limit = (begin, stop), begin
    return offsets


def _length(text: str) -> int:
    """In composed characters."""
    return len(unicodedata.normalize("NFC", text))


def _shortened(tokenizer: PreTrainedTokenizerBase, questions: Sequence[str]) -> list[str]:
    """Questions without what is beyond their 64th subword."""
    encoded = tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [
        question if len(offsets) <= _LONGEST_QUESTION else question[: offsets[_LONGEST_QUESTION - 1][1]]
        for question, offsets in zip(questions, encoded, strict=True)
    ]


def _parted(pieces: Sequence[Piece], step: int, once: Once) -> Iterator[Piece]:
    """Pieces of one context, each `step` subwords after the one before, whose `starts` are all of theirs: each is left to one piece.

    It is the one in which the smaller of the contexts before and after it is largest, plus a hundredth of the piece's length; of equals the
    first (run_squad.py of BERT, _check_is_max_context).
    """
    if len(pieces) == 1:
        yield pieces[0]
        return
    lengths = np.array([last - first + 1 for first, last in (p.starts for p in pieces)])
    begins = np.arange(len(pieces)) * step
    at = np.arange(begins[-1] + lengths[-1])
    before, after = at - begins[:, None], (begins + lengths - 1)[:, None] - at
    owner = np.where((before >= 0) & (after >= 0), np.minimum(before, after) + 0.01 * lengths[:, None], -1.0).argmax(0)
    for number, (piece, begin) in enumerate(zip(pieces, begins, strict=True)):
        (own,) = np.nonzero(owner == number)
        first = piece.starts[0]
        starts = (int(own[0] - begin) + first, int(own[-1] - begin) + first) if len(own) else (1, 0)  # none
        yield replace(piece, starts=once[starts])


def _span(example: Question, offsets: Sequence[tuple[int, int] | None]) -> tuple[int, int]:
    """First and last position of the answer; that of CLS where the piece holds a part of it only, or nothing."""
    if not example.answers:
        return (0, 0)
    begin, stop = example.start, example.start + len(example.answers[0])
    inside = [(i, *o) for i, o in enumerate(offsets) if o is not None]
    covered = [(i, a, b) for i, a, b in inside if a < stop and b > begin]
    if not covered:
        return (0, 0)
    (first, start, _), (last, _, end) = covered[0], covered[-1]
    cut_before = covered[0] == inside[0] and example.context[begin:start].strip()
    cut_after = covered[-1] == inside[-1] and example.context[end:stop].strip()
    return (0, 0) if cut_before or cut_after else (first, last)
