"""Examples to model inputs: token ids, and where in them a label belongs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from xbench.errors import DataError
from xbench.task import Choice, Classified, Example, Plain, Question, Tagged, Translation

IGNORE = -100  # cross entropy's own mark for positions without a label


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
    texts: list[tuple[int, str, str | None, int]] = []  # what is encoded all at once, which is much faster than one by one
    for row, example in enumerate(examples):
        if isinstance(example, Tagged):
            pieces += _tagged(tokenizer, row, example, max_length)
        elif isinstance(example, Question):
            pieces += _question(tokenizer, row, example, max_length, doc_stride)
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
        for (row, _, _, number), ids in zip(texts, _ids(tokenizer, [t[1:3] for t in texts], max_length), strict=True)
    ]


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[Piece]:
    """Encode plain texts, one piece each, cut at `max_length`."""
    return [Piece(row, ids) for row, ids in enumerate(_ids(tokenizer, [(text, None) for text in texts], max_length))]


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str | None]], max_length: int) -> list[tuple[int, ...]]:
    """Token ids of texts and pairs of texts, in order."""
    found: list[tuple[int, ...]] = [()] * len(texts)
    for paired in (False, True):
        rows = [i for i, (_, pair) in enumerate(texts) if (pair is not None) is paired]
        if rows:
            seconds = [texts[i][1] for i in rows] if paired else None
            encoded = tokenizer([texts[i][0] for i in rows], seconds, truncation=True, max_length=max_length)["input_ids"]
            for i, ids in zip(rows, encoded, strict=True):
                found[i] = tuple(ids)
    return found


def _tagged(tokenizer: PreTrainedTokenizerBase, row: int, example: Tagged, max_length: int) -> list[Piece]:
    """Word by word, first subword labelled (Hu et al. 2020); a sentence over `max_length` goes on in the next piece.

    A lone word-boundary mark is not taken for the first subword: XLM-R's pieces begin most Chinese words with one, and a tag
    read off a mark that holds no character of the word is close to chance (google-research/xtreme#84).
    """
    encoded = tokenizer([list(example.tokens)], is_split_into_words=True, add_special_tokens=False)
    bos, eos = tokenizer.cls_token_id, tokenizer.sep_token_id
    subwords: list[list[int]] = [[] for _ in example.tokens]
    for position, word in enumerate(encoded.word_ids(0)):
        subwords[word].append(encoded["input_ids"][0][position])
    mark = tokenizer.convert_tokens_to_ids("▁")
    room = max_length - 2
    pieces: list[Piece] = []
    ids: list[int] = []
    words: list[tuple[int, int]] = []
    for word, own in enumerate(subwords):
        found = own or [tokenizer.unk_token_id]  # a word of characters that the normaliser drops still has its label
        if len(found) > room:
            raise DataError(f"example {example.example_id}: word {word + 1} has {len(found)} subwords, more than max_length {max_length}")
        if len(ids) + len(found) > room:
            pieces.append(Piece(row, (bos, *ids, eos), tuple(words)))
            ids, words = [], []
        words.append((len(ids) + 1 + (len(found) > 1 and found[0] == mark), word))
        ids += found
    return [*pieces, Piece(row, (bos, *ids, eos), tuple(words))]


def _question(tokenizer: PreTrainedTokenizerBase, row: int, example: Question, max_length: int, doc_stride: int | None) -> list[Piece]:
    """Question and context as a pair; the context is cut at `max_length`, or goes on in further pieces.

    Where the answer is not in a piece, or there is none, the first position (CLS) is the answer (Devlin et al. 2019, section 4.3).

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
        offsets = tuple((a, b) if part == 1 and b > a else None for part, (a, b) in zip(parts, mapping, strict=True))
        pieces.append(Piece(row, tuple(ids), span=_span(example, offsets), offsets=offsets))
    return pieces


def _span(example: Question, offsets: Sequence[tuple[int, int] | None]) -> tuple[int, int]:
    """First and last position of what the piece holds of the answer."""
    if not example.answers:
        return (0, 0)
    begin, stop = example.start, example.start + len(example.answers[0])
    covered = [i for i, o in enumerate(offsets) if o is not None and o[0] < stop and o[1] > begin]
    return (covered[0], covered[-1]) if covered else (0, 0)
