"""Examples to model inputs: token ids, and where in them a label belongs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from xbench.errors import DataError
from xbench.task import Choice, Classified, Example, Plain, Question, Tagged, Translation

IGNORE = -100  # cross entropy's own mark for positions without a label
_AT_ONCE = 2048  # texts: what the tokenizer holds of each is many times what is kept


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
        offsets: qa: characters of the context that each position covers, None outside the context.
        choice: choice: which of its example's choices it holds.
    """

    example: int
    ids: tuple[int, ...]
    words: tuple[tuple[int, int], ...] = ()
    span: tuple[int, int] = (0, 0)
    offsets: tuple[tuple[int, int] | None, ...] = ()
    choice: int = 0

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
) -> list[Piece]:
    """Encode examples of one family, in order; `doc_stride` and (of translations) `prefix` as in the recipe.

    Raises:
        DataError: If a sentence holds a word that alone is longer than `max_length`.
    """
    pieces: list[Piece] = []
    once = Once()
    texts: list[tuple[int, str, str | None, int]] = []  # what is encoded all at once, which is much faster than one by one
    for row, example in enumerate(examples):
        if isinstance(example, Tagged):
            pieces += _tagged(tokenizer, row, example, max_length, once)
        elif isinstance(example, Question):
            pieces += _question(tokenizer, row, example, max_length, doc_stride, once)
        elif isinstance(example, Classified):
            texts.append((row, example.text, example.pair or None, 0))
        elif isinstance(example, Choice):
            texts += [(row, example.text, choice, number) for number, choice in enumerate(example.choices)]
        elif isinstance(example, Plain):
            texts.append((row, example.text, None, 0))
        elif isinstance(example, Translation):
            texts += [(row, prefix + example.english, None, 0), (row, prefix + example.foreign, None, 1)]
        else:
            raise TypeError(f"{type(example).__name__} is encoded by encode_texts")
    return pieces + [
        Piece(row, ids, choice=number)
        for (row, _, _, number), ids in zip(texts, _ids(tokenizer, [t[1:3] for t in texts], max_length, once), strict=True)
    ]


def separator(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token after which the second text of a pair is of type 1; None of tokenizers that know no types, as XLM-R's."""
    return tokenizer.sep_token_id if any(tokenizer("a", "b").get("token_type_ids", ())) else None


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[Piece]:
    """Encode plain texts, one piece each, cut at `max_length`."""
    return [Piece(row, ids) for row, ids in enumerate(_ids(tokenizer, [(text, None) for text in texts], max_length, Once()))]


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str | None]], max_length: int, once: Once) -> list[tuple[int, ...]]:
    """Token ids of texts and pairs of texts, in order."""
    found: list[tuple[int, ...]] = [()] * len(texts)
    for paired in (False, True):
        every = [i for i, (_, pair) in enumerate(texts) if (pair is not None) is paired]
        for start in range(0, len(every), _AT_ONCE):
            rows = every[start : start + _AT_ONCE]
            seconds = [texts[i][1] for i in rows] if paired else None
            encoded = tokenizer([texts[i][0] for i in rows], seconds, truncation=True, max_length=max_length)["input_ids"]
            for i, ids in zip(rows, encoded, strict=True):
                found[i] = once.all(ids)
    return found


def _tagged(tokenizer: PreTrainedTokenizerBase, row: int, example: Tagged, max_length: int, once: Once) -> list[Piece]:
    """Word by word, first subword labelled (Hu et al. 2020); a sentence over `max_length` goes on in the next piece.

    A lone word-boundary mark is not taken for the first subword: XLM-R's pieces begin most Chinese words with one, and a tag
    read off a mark that holds no character of the word is close to chance (google-research/xtreme#84).
    """
    backend: Any = tokenizer
    # RoBERTa's subwords tell the begin of a word by the space before it, which words on their own have not.
    bytewise = type(backend.backend_tokenizer.pre_tokenizer).__name__ == "ByteLevel"
    said = [f" {token}" for token in example.tokens] if bytewise else list(example.tokens)
    encoded = tokenizer([said], is_split_into_words=True, add_special_tokens=False)
    bos, eos = tokenizer.cls_token_id, tokenizer.sep_token_id
    subwords: list[list[int]] = [[] for _ in example.tokens]
    for position, word in enumerate(encoded.word_ids(0)):
        subwords[word].append(encoded["input_ids"][0][position])
    mark = tokenizer.convert_tokens_to_ids("Ġ" if bytewise else "▁")
    room = max_length - 2
    pieces: list[Piece] = []
    ids: list[int] = []
    words: list[tuple[int, int]] = []
    for word, own in enumerate(subwords):
        found = own or [tokenizer.unk_token_id]  # a word of characters that the normaliser drops still has its label
        if len(found) > room:
            raise DataError(f"example {example.example_id}: word {word + 1} has {len(found)} subwords, more than max_length {max_length}")
        if len(ids) + len(found) > room:
            pieces.append(Piece(row, once.all((bos, *ids, eos)), once.all(words)))
            ids, words = [], []
        words.append((len(ids) + 1 + (len(found) > 1 and found[0] == mark != tokenizer.unk_token_id), word))
        ids += found
    return [*pieces, Piece(row, once.all((bos, *ids, eos)), once.all(words))]


def _question(
    tokenizer: PreTrainedTokenizerBase, row: int, example: Question, max_length: int, doc_stride: int | None, once: Once
) -> list[Piece]:
    """Question and context as a pair; the context is cut at `max_length`, or goes on in further pieces.

    Where the whole answer is not in a piece, or there is none, the first position (CLS) is the answer (Devlin et al. 2019, section 4.3).

    Raises:
        DataError: If the question leaves no room for the context, or less than the stride.
    """
    more = {} if doc_stride is None else {"stride": doc_stride, "return_overflowing_tokens": True}
    room = max_length - len(tokenizer(example.question, "")["input_ids"])
    if room <= (doc_stride or 0):
        stride = "" if doc_stride is None else f", doc_stride is {doc_stride}"
        raise DataError(f"example {example.example_id}: its question leaves {room} of {max_length} subwords for the context{stride}")
    encoded = tokenizer(
        [example.question], [example.context], truncation="only_second", max_length=max_length, return_offsets_mapping=True, **more
    )
    pieces = []
    for number, (ids, mapping) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)):
        parts = encoded.sequence_ids(number)
        offsets = once.all((a, b) if part == 1 and b > a else None for part, (a, b) in zip(parts, mapping, strict=True))
        pieces.append(Piece(row, once.all(ids), span=_span(example, offsets), offsets=offsets))
    return pieces


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
