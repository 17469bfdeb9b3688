"""Examples to model inputs: token ids, and where in them a label belongs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from transformers import PreTrainedTokenizerBase

from xbench.errors import DataError
from xbench.task import Choice, Classified, Example, Plain, Question, Tagged, Translation

IGNORE = -100  # cross entropy's own mark for positions without a label
_T = TypeVar("_T")
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
    once = Once()
    tagged: list[tuple[int, Tagged]] = []
    questions: list[tuple[int, Question]] = []
    texts: list[tuple[int, str, str | None, int]] = []
    for row, example in enumerate(examples):
        if isinstance(example, Tagged):
            tagged.append((row, example))
        elif isinstance(example, Question):
            questions.append((row, example))
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
    pieces = [piece for some in _stretches(tagged) for piece in _tagged(tokenizer, some, max_length, once)]
    pieces += [piece for some in _stretches(questions) for piece in _questions(tokenizer, some, max_length, doc_stride, once)]
    return pieces + [
        Piece(row, ids, choice=number)
        for (row, _, _, number), ids in zip(texts, _ids(tokenizer, [t[1:3] for t in texts], max_length, once), strict=True)
    ]


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


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str | None]], max_length: int, once: Once) -> list[tuple[int, ...]]:
    """Token ids of texts and pairs of texts, in order."""
    found: list[tuple[int, ...]] = [()] * len(texts)
    for paired in (False, True):
        for rows in _stretches([i for i, (_, pair) in enumerate(texts) if (pair is not None) is paired]):
            seconds = [texts[i][1] for i in rows] if paired else None
            encoded = tokenizer([texts[i][0] for i in rows], seconds, truncation=True, max_length=max_length)["input_ids"]
            for i, ids in zip(rows, encoded, strict=True):
                found[i] = once.all(ids)
    return found


def _tagged(tokenizer: PreTrainedTokenizerBase, examples: Sequence[tuple[int, Tagged]], max_length: int, once: Once) -> Iterator[Piece]:
    """Word by word, first subword labelled (Hu et al. 2020); a sentence over `max_length` goes on in the next piece.

    A lone word-boundary mark is not taken for the first subword: XLM-R's pieces begin most Chinese words with one, and a tag
    read off a mark that holds no character of the word is close to chance (google-research/xtreme#84).
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
            kept = own or [unknown]  # a word of characters that the normaliser drops still has its label
            if len(kept) > room:
                raise DataError(
                    f"example {example.example_id}: word {word + 1} has {len(kept)} subwords, more than max_length {max_length}"
                )
            if len(ids) + len(kept) > room:
                yield Piece(row, once.all((bos, *ids, eos)), once.all(words))
                ids, words = [], []
            words.append((len(ids) + 1 + (len(kept) > 1 and kept[0] == mark != unknown), word))
            ids += kept
        yield Piece(row, once.all((bos, *ids, eos)), once.all(words))


def _questions(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[tuple[int, Question]], max_length: int, doc_stride: int | None, once: Once
) -> Iterator[Piece]:
    """Question and context as a pair; the context is cut at `max_length`, or goes on in further pieces.

    Where the whole answer is not in a piece, or there is none, the first position (CLS) is the answer (Devlin et al. 2019, section 4.3).

    Raises:
        DataError: If the question leaves no room for the context, or less than the stride.
    """
    more = {} if doc_stride is None else {"stride": doc_stride, "return_overflowing_tokens": True}
    asked = [example.question for _, example in examples]
    for (_, example), alone in zip(examples, tokenizer(asked, [""] * len(asked))["input_ids"], strict=True):
        room = max_length - len(alone)
        if room <= (doc_stride or 0):
            stride = "" if doc_stride is None else f", doc_stride is {doc_stride}"
            raise DataError(f"example {example.example_id}: its question leaves {room} of {max_length} subwords for the context{stride}")
    contexts = [example.context for _, example in examples]
    encoded = tokenizer(asked, contexts, truncation="only_second", max_length=max_length, return_offsets_mapping=True, **more)
    whose = encoded.get("overflow_to_sample_mapping", range(len(examples)))
    for number, (which, ids, mapping) in enumerate(zip(whose, encoded["input_ids"], encoded["offset_mapping"], strict=True)):
        row, example = examples[which]
        parts = encoded.sequence_ids(number)
        offsets = once.all((a, b) if part == 1 and b > a else None for part, (a, b) in zip(parts, mapping, strict=True))
        yield Piece(row, once.all(ids), span=_span(example, offsets), offsets=offsets)


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
