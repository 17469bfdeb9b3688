"""Exact match and token F1 between answers, over all questions at once.

A rule turns an answer into its normal form; the rest is the same for SQuAD and MLQA: two answers match exactly when their normal
forms are equal, F1 is that of their bags of white-space tokens, and a prediction gets the best over the accepted answers.
"""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from xbench.readers import from_json
from xbench.scorer import Ratio

Normalise = Callable[[Sequence[str]], list[str]]
Ints = npt.NDArray[np.int64]


def in_one_pass(texts: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """Apply `change` to all texts at once, joined by line ends (theirs become spaces), and split again.

    For changes that never add or drop a line end, and to which a line end is white space like any other.
    """
    if not texts:
        return []
    return change("\n".join([t.replace("\n", " ") for t in texts])).split("\n")


def score(references: Sequence[str], predictions: Sequence[str], normalise: Normalise) -> dict[str, Ratio]:
    """Exact match and F1 per question.

    Args:
        references: JSON lists of accepted answers, shape (questions,).
        predictions: The answers given, shape (questions,).
        normalise: The rule.

    Returns:
        {"f1": (value, 1), "exact_match": (0 or 1, 1)}, each of shape (questions,).

    Raises:
        ValueError: If a reference is not a JSON list of texts, or is empty.
    """
    every = [accepted(row, text) for row, text in enumerate(references)]
    if len(every) != len(predictions):
        raise ValueError(f"{len(every)} references, {len(predictions)} predictions")
    counts = np.fromiter(map(len, every), np.int64, len(every))
    normal = normalise([*predictions, *chain.from_iterable(every)])
    given, gold = normal[: len(predictions)], normal[len(predictions) :]
    question = np.repeat(np.arange(len(every)), counts)
    same = np.fromiter((given[q] == g for q, g in zip(question.tolist(), gold, strict=True)), np.float64, len(gold))
    f1 = _token_f1(given, gold, question)
    exact, best = np.zeros(len(every)), np.zeros(len(every))
    np.maximum.at(exact, question, same)
    np.maximum.at(best, question, f1)
    ones = np.ones(len(every))
    return {"f1": (best, ones), "exact_match": (exact, ones)}


def accepted(row: int, text: str) -> list[str]:
    """The accepted answers of a reference; ValueError if it is no JSON list of them."""
    try:
        answers = from_json(text)
    except ValueError as error:
        raise ValueError(f"reference {row} is not a JSON list of answers: {text[:80]!r}") from error
    if not isinstance(answers, list) or not answers or not all(isinstance(a, str) for a in answers):
        raise ValueError(f"reference {row} is not a JSON list of one or more answers: {text[:80]!r}")
    return answers


def _token_f1(given: Sequence[str], gold: Sequence[str], question: Ints) -> npt.NDArray[np.float64]:
    """F1 of each gold answer against the prediction for its question, shape (gold answers,); 0 when they share no token."""
    rows: dict[str, int] = {}
    ours, our_sizes = _coded(given, rows)
    theirs, their_sizes = _coded(gold, rows)
    words = max(1, len(rows))
    # The tokens of a prediction are laid out once for each of its gold answers, so that a pair is a row on both sides.
    begin = np.cumsum(our_sizes) - our_sizes
    sizes = our_sizes[question]
    pairs = np.arange(len(gold))
    offset = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    left = np.repeat(pairs, sizes) * words + ours[np.repeat(begin[question], sizes) + offset]
    right = np.repeat(pairs, their_sizes) * words + theirs
    a, a_times = np.unique(left, return_counts=True)
    b, b_times = np.unique(right, return_counts=True)
    both, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    shared = np.bincount(both // words, np.minimum(a_times[in_a], b_times[in_b]), minlength=len(gold))
    # The order of operations of the reference scorers, so that equal inputs give equal bits.
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = shared / sizes, shared / their_sizes
        f1: npt.NDArray[np.float64] = np.where(shared > 0, 2 * precision * recall / (precision + recall), 0.0)
    return f1


def _coded(texts: Sequence[str], rows: dict[str, int]) -> tuple[Ints, Ints]:
    """(code of every token of all texts, tokens of each text); `rows` grows by the tokens that are new."""
    tokens = [t.split() for t in texts]
    sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
    codes = np.fromiter((rows.setdefault(t, len(rows)) for t in chain.from_iterable(tokens)), np.int64, int(sizes.sum()))
    return codes, sizes
