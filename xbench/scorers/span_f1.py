"""Micro F1 over labelled spans, by the rule of seqeval's default mode and conlleval.pl.

An I-X without a B-X opens a span, a change of type ends one (seqeval 1.2.2, metrics/sequence_labeling.py, start_of_chunk and
end_of_chunk).

A sentence gives numerator 2 x true positives and denominator predicted + gold spans, so that the ratio of sums is F1.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xbench.scorer import Ratio, Scorer

Codes = npt.NDArray[np.int64]


def spans(tags: Sequence[str], lengths: Codes) -> Codes:
    """The spans of all sentences at once.

    Args:
        tags: Tags `O`, `B-TYPE` or `I-TYPE` of all sentences, one after the other, shape (tokens,).
        lengths: Tokens of each sentence, shape (sentences,), summing to the number of tags.

    Returns:
        Shape (spans, 4): sentence, first token, last token, code of the type.

    Raises:
        ValueError: If a tag is none of the three.
    """
    vocabulary = sorted(set(tags))
    lookup = {tag: code for code, tag in enumerate(vocabulary)}
    codes = np.fromiter(map(lookup.__getitem__, tags), np.int64, len(tags))
    bad = [t for t in vocabulary if t != "O" and t[:2] not in ("B-", "I-")]
    if bad:
        raise ValueError(f"not an IOB tag: {', '.join(bad)}")
    prefix = np.array([t[0] for t in vocabulary], dtype="U1")[codes]
    types = {t: i for i, t in enumerate(sorted({v[2:] for v in vocabulary}))}
    kind = np.array([types[v[2:]] for v in vocabulary], dtype=np.int64)[codes]
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    inside = prefix != "O"
    first = np.ones(len(codes), dtype=bool)
    first[1:] = sentence[1:] != sentence[:-1]
    breaks = first.copy()  # a span that is open before token i cannot go on into it
    breaks[1:] |= ~inside[:-1] | (kind[1:] != kind[:-1])
    starts = np.flatnonzero(inside & (breaks | (prefix == "B")))
    ends_here = np.ones(len(codes), dtype=bool)
    ends_here[:-1] = first[1:] | ~inside[1:] | (kind[1:] != kind[:-1]) | (prefix[1:] == "B")
    ends = np.flatnonzero(inside & ends_here)
    return np.stack([sentence[starts], starts, ends, kind[starts]], axis=1)


def _keys(found: Codes, tokens: int) -> Codes:
    """One number a span that says where it starts, where it ends and its type (of fewer than a thousand)."""
    return (found[:, 1] * (tokens + 1) + found[:, 2]) * 1_000 + found[:, 3]


def score(references: Sequence[str], predictions: Sequence[str]) -> dict[str, Ratio]:
    """Span F1 per sentence. A prediction shorter than its reference is filled up with O.

    Raises:
        ValueError: If a prediction has more tags than its reference, or a tag is not IOB.
    """
    gold = [r.split(" ") for r in references]
    found = [p.split(" ") for p in predictions]
    for row, (g, p) in enumerate(zip(gold, found, strict=True)):
        if len(p) > len(g):
            raise ValueError(f"example {row}: {len(p)} predicted tags for {len(g)} tokens")
        p.extend(["O"] * (len(g) - len(p)))
    lengths = np.fromiter(map(len, gold), np.int64, len(gold))
    # One call for both, so that a type has one code: predictions follow the references as further sentences.
    both = spans([t for s in (*gold, *found) for t in s], np.concatenate([lengths, lengths]))
    n, tokens = len(gold), int(lengths.sum())
    in_gold, predicted = both[both[:, 0] < n], both[both[:, 0] >= n] - np.array([n, tokens, tokens, 0])
    hits = predicted[np.isin(_keys(predicted, tokens), _keys(in_gold, tokens)), 0]
    true_positives = np.bincount(hits, minlength=n)
    total = np.bincount(in_gold[:, 0], minlength=n) + np.bincount(predicted[:, 0], minlength=n)
    return {"f1": (2.0 * true_positives.astype(np.float64), total.astype(np.float64))}


SCORER = Scorer(version="seqeval-default-1", score=score)
