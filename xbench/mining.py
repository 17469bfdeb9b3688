"""Exact bitext mining (BUCC2018) and nearest-neighbour search (Tatoeba) on sentence vectors.

Follows `third_party/utils_retrieve.py` of google-research/xtreme: `similarity_search` for Tatoeba; `mine_bitext` with retrieval `max`,
`read_candidate2score`, `bucc_optimize` and `bucc_extract` for BUCC2018. The margin is that of Artetxe & Schwenk 2019,
"Margin-based Parallel Corpus Mining with Multilingual Sentence Embeddings", section 3.

Vectors are arrays with one row a sentence. Scores and cosines have no unit. Rows are numbered from 0.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import faiss
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Margin: TypeAlias = Literal["ratio", "distance", "absolute"]
ScoredPair: TypeAlias = tuple[str, str, float]
"""Source id, target id, margin score."""

BLOCK = 4096
"""Rows and columns of the block of cosines held at a time: 64 MiB."""
GROUP = 32
"""Cosines of which only the maximum is compared first."""
FEW = 32
"""Neighbours up to which one pass over the blocks serves both directions."""
GATHERED_BYTES = 8 * 2**20
"""Neighbours' vectors gathered at a time."""


@dataclass(frozen=True)
class Candidates:
    """Mined pairs of rows, best first, each row in one pair at most.

    Attributes:
        score: (m,) margin of each pair, descending.
        source: (m,) row of the source sentence.
        target: (m,) row of the target sentence.
    """

    score: Doubles
    source: Indices
    target: Indices


def normalised(vectors: npt.ArrayLike) -> Floats:
    """Rows scaled to length 1, as `faiss.normalize_L2` but in a copy. Rows of zeros stay as they are.

    Args:
        vectors: (n, d) finite numbers, n and d at least 1.

    Returns:
        (n, d) float32, a new array.

    Raises:
        ValueError: not two dimensions, empty, or a number that is not finite in float32.
    """
    with np.errstate(over="ignore"):  # what does not fit in float32 is refused below
        rows: Floats = np.array(vectors, dtype=np.float32, order="C")
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"vectors must be a non-empty array of two dimensions (sentences, features), not of shape {rows.shape}")
    if not np.isfinite((rows.min(), rows.max())).all():
        raise ValueError(f"vectors of shape {rows.shape} have numbers that are not finite in float32")
    faiss.normalize_L2(rows)
    return rows


def _both(left: npt.ArrayLike, right: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both arrays normalised; ValueError unless their rows are of one length."""
    x, y = normalised(left), normalised(right)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"vectors of both sides must be of one length, not of shapes {x.shape} and {y.shape}")
    return x, y


def nearest(queries: npt.ArrayLike, candidates: npt.ArrayLike) -> Indices:
    """The nearest candidate of each query by Euclidean distance between normalised vectors; of equally near ones the first.

    The search is exact. Source: `similarity_search` in `third_party/utils_retrieve.py`, where XTREME's queries are the English sentences
    of Tatoeba and the candidates those of the other language.

    Args:
        queries: (n, d) finite numbers.
        candidates: (m, d) finite numbers.

    Returns:
        (n,) rows of `candidates`.

    Raises:
        ValueError: an array that is not of two dimensions, empty or not finite; rows of different length.
    """
    x, y = _both(queries, candidates)
    found: Indices = faiss.knn(x, y, 1, faiss.METRIC_L2)[1][:, 0]
    return found


def _keep_best(cosine: Floats, rows: Indices, block: Floats, first: int) -> None:
    """Bring the k best of each line up to date with a block of new columns; what a line holds is replaced only by what is greater.

    A group of columns is looked into only if its maximum is greater than the least a line holds, which after the first blocks is rare.

    Args:
        cosine: (n, k) best so far, descending; overwritten.
        rows: (n, k) their columns; overwritten.
        block: (n, w) new columns, w a multiple of GROUP.
        first: column of the block's first.
    """
    n, k = cosine.shape
    grouped = block.reshape(n, GROUP, -1)  # group g: columns g, g + groups, g + 2 * groups, ...
    groups = grouped.shape[2]
    tops, least = grouped.max(axis=1), cosine[:, -1]
    line, group = np.nonzero(tops > least[:, None])
    if len(line) > k * n and k < groups:  # many, as at first: the k groups with the highest maxima hold the k best
        high = np.argpartition(tops, -k, axis=1)[:, -k:]
        least = np.maximum(least, np.nextafter(np.take_along_axis(tops, high[:, :1], axis=1)[:, 0], np.float32(-np.inf)))
        line, group = np.repeat(np.arange(n), k), high.ravel()
    inside = grouped[line, :, group]
    at, place = np.nonzero(inside > least[line, None])
    value, column, line = inside[at, place], first + place * groups + group[at], line[at]
    found = np.bincount(line, minlength=n)
    changed = np.flatnonzero(found)
    if not len(changed):
        return
    slot = (np.cumsum(found > 0) - 1)[line], k + np.arange(len(line)) - (np.cumsum(found) - found)[line]
    values = np.full((len(changed), k + found.max()), -np.inf, dtype=np.float32)
    columns = np.zeros(values.shape, dtype=np.int64)
    values[:, :k], columns[:, :k] = cosine[changed], rows[changed]
    values[slot], columns[slot] = value, column
    best = np.argsort(-values, axis=1, kind="stable")[:, :k]
    cosine[changed], rows[changed] = np.take_along_axis(values, best, axis=1), np.take_along_axis(columns, best, axis=1)


def _padded(length: int) -> int:
    """The next multiple of GROUP."""
    return -(-length // GROUP) * GROUP


def _neighbours(x: Floats, y: Floats, k: int) -> tuple[Indices, Indices]:
    """The k nearest rows by inner product, exact: rows of `y` for `x` (n, min(k, m)) and of `x` for `y` (m, min(k, n)).

    Every product is computed once and serves both directions, in blocks of BLOCK by BLOCK; with many neighbours faiss is faster.
    """
    n, m = len(x), len(y)
    if min(k, max(n, m)) > FEW:
        return faiss.knn(x, y, min(k, m), faiss.METRIC_INNER_PRODUCT)[1], faiss.knn(y, x, min(k, n), faiss.METRIC_INNER_PRODUCT)[1]
    cosine_x, rows_x = np.full((n, min(k, m)), -np.inf, dtype=np.float32), np.zeros((n, min(k, m)), dtype=np.int64)
    cosine_y, rows_y = np.full((m, min(k, n)), -np.inf, dtype=np.float32), np.zeros((m, min(k, n)), dtype=np.int64)
    room = np.empty((min(BLOCK, _padded(n)), min(BLOCK, _padded(m))), dtype=np.float32)
    for i in range(0, n, BLOCK):
        for j in range(0, m, BLOCK):
            high, wide = min(BLOCK, n - i), min(BLOCK, m - j)
            block = room[: _padded(high), : _padded(wide)]
            block[high:] = block[:, wide:] = -np.inf
            np.matmul(x[i : i + high], y[j : j + wide].T, out=block[:high, :wide])
            _keep_best(cosine_x[i : i + high], rows_x[i : i + high], block[:high], j)
            _keep_best(cosine_y[j : j + wide], rows_y[j : j + wide], block[:, :wide].T, i)
    return rows_x, rows_y


def _cosines(x: Floats, y: Floats, rows: Indices) -> Floats:
    """Inner product of each row of `x` (n, d) with its neighbours `rows` (n, k) of `y`: (n, k). Rounded alike in both directions."""
    cosines = np.empty(rows.shape, dtype=np.float32)
    step = max(1, GATHERED_BYTES // (4 * y.shape[1] * rows.shape[1]))
    for start in range(0, len(x), step):
        block = slice(start, start + step)
        np.vecdot(x[block, None, :], y[rows[block]], out=cosines[block])
    return cosines


def _margins(cosines: Floats, means: Floats, margin: Margin) -> Floats:
    """Margin from cosine and mean of the neighbourhood, both (n, k)."""
    if margin == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):  # neighbours that are all zeros: not a number, left out by `mine`
            return np.divide(cosines, means, dtype=np.float32)
    return cosines - means if margin == "distance" else cosines


def mine(source: npt.ArrayLike, target: npt.ArrayLike, k: int = 4, margin: Margin = "ratio") -> Candidates:
    """Mine pairs of translations with scores relative to each sentence's neighbourhood.

    Exact search for the k nearest neighbours by cosine in both directions; the margin of each pair found is its cosine over (`ratio`), less
    (`distance`) or regardless of (`absolute`) the mean of both sentences' mean cosines with their neighbours. Each sentence of either side
    proposes its best pair; from the best to the worst a pair is taken if both its sentences are still free. Pairs with a score of 0 or less
    are left out. Source: `mine_bitext` with retrieval `max` and threshold 0 in `third_party/utils_retrieve.py`.

    Proposals with exactly equal scores are taken in the order source rows, then target rows. The reference sorts with numpy's quicksort,
    whose order among equals is undefined. Scores are float32 and differ from the reference's by about 1e-6 at most: its means
    over neighbours come from matrix products, whose rounding varies with the number of threads; here each cosine is computed pair by pair.

    Args:
        source: (n, d) finite numbers, one row for each distinct sentence.
        target: (m, d) finite numbers, likewise.
        k: neighbours, at least 1; a side with fewer rows gives as many as it has.
        margin: `ratio` as XTREME, `distance` or `absolute`.

    Returns:
        at most min(n, m) pairs.

    Raises:
        ValueError: an array that is not of two dimensions, empty or not finite; rows of different length; k or margin out of range.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if margin not in {"ratio", "distance", "absolute"}:
        raise ValueError(f"margin must be ratio, distance or absolute, not {margin!r}")
    x, y = _both(source, target)
    rows_x, rows_y = _neighbours(x, y, k)
    cosines_x, cosines_y = _cosines(x, y, rows_x), _cosines(y, x, rows_y)
    mean_x, mean_y = cosines_x.mean(axis=1), cosines_y.mean(axis=1)
    half = np.float32(0.5)
    best_x, score_x = _best(rows_x, _margins(cosines_x, (mean_x[:, None] + mean_y[rows_x]) * half, margin))
    best_y, score_y = _best(rows_y, _margins(cosines_y, (mean_y[:, None] + mean_x[rows_y]) * half, margin))
    score = np.concatenate((score_x, score_y)).astype(np.float64)
    sources = np.concatenate((np.arange(len(x)), best_y))
    targets = np.concatenate((best_x, np.arange(len(y))))
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > 0]
    taken = order[_one_to_one(sources[order], targets[order], len(x), len(y))]
    return Candidates(score[taken], sources[taken], targets[taken])


def _best(rows: Indices, scores: Floats) -> tuple[Indices, Floats]:
    """The candidate of the highest score in each line, and that score: (n,) each from (n, k)."""
    at = scores.argmax(axis=1)[:, None]
    return np.take_along_axis(rows, at, axis=1)[:, 0], np.take_along_axis(scores, at, axis=1)[:, 0]


def _one_to_one(sources: Indices, targets: Indices, n: int, m: int) -> Indices:
    """Positions of the pairs taken when each, in order, is taken if both its rows are free; n and m rows."""
    used_source, used_target = bytearray(n), bytearray(m)
    taken = []
    for position, (i, j) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        if not (used_source[i] or used_target[j]):
            used_source[i] = used_target[j] = 1
            taken.append(position)
    return np.array(taken, dtype=np.int64)


def unique(texts: Sequence[str]) -> tuple[Indices, Indices]:
    """Distinct texts in order of first occurrence, compared as they are. XTREME mines each distinct sentence once.

    Source: `text_load_unify` and `unique_embeddings` in `third_party/utils_retrieve.py`; there the vector of a repeated sentence is that of
    its last occurrence, which is the same where equal texts have equal vectors.

    Args:
        texts: n texts.

    Returns:
        (u,) position of the first occurrence of each distinct text, and (n,) number of each text among the distinct ones.
    """
    numbers: dict[str, int] = {}
    inverse = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), dtype=np.int64, count=len(texts))
    return np.unique(inverse, return_index=True)[1].astype(np.int64), inverse


def _ids(texts: Sequence[str], ids: Sequence[str], side: str, *, expand: bool) -> list[list[str]]:
    """Ids of each distinct text; those of a text that occurs more than once, stripped, all (expand) or none."""
    if len(texts) != len(ids):
        raise ValueError(f"{side}: {len(texts)} texts but {len(ids)} ids")
    stripped = [text.strip() for text in texts]
    found: dict[str, list[str]] = {}
    for text, one in zip(stripped, ids, strict=True):
        found.setdefault(text, []).append(one)
    return [found[stripped[i]] if expand or len(found[stripped[i]]) == 1 else [] for i in unique(texts)[0].tolist()]


def pairs(
    candidates: Candidates,
    source_texts: Sequence[str],
    source_ids: Sequence[str],
    target_texts: Sequence[str],
    target_ids: Sequence[str],
    duplicates: Literal["drop", "expand"],
) -> list[ScoredPair]:
    """Mined pairs as ids. Candidates count the distinct texts of each side as `unique` does.

    Texts are compared without white space at their ends. Those that occur more than once are left out (`drop`: `read_candidate2score` in
    `third_party/utils_retrieve.py` of XTREME) or stand for all their ids (`expand`: `get_preds_from_accumulator` of
    `Bucc2018EvaluationScheme` in `jiant/tasks/evaluate/core.py` of jiant). A pair of ids found twice keeps its place and the higher score.

    Args:
        candidates: what `mine` found between the distinct texts.
        source_texts: n texts, repetitions included.
        source_ids: their n ids.
        target_texts: m texts, likewise.
        target_ids: their m ids.
        duplicates: `drop` or `expand`.

    Returns:
        source id, target id and score, in the order of the candidates.

    Raises:
        ValueError: not as many ids as texts, a candidate beyond the distinct texts, or another word for `duplicates`.
    """
    if duplicates not in {"drop", "expand"}:
        raise ValueError(f"duplicates must be drop or expand, not {duplicates!r}")
    sources = _ids(source_texts, source_ids, "source", expand=duplicates == "expand")
    targets = _ids(target_texts, target_ids, "target", expand=duplicates == "expand")
    for side, rows, known in (("source", candidates.source, sources), ("target", candidates.target, targets)):
        if rows.size and not 0 <= rows.min() <= rows.max() < len(known):
            raise ValueError(f"{side}: candidates have rows {rows.min()} to {rows.max()}, but there are {len(known)} distinct texts")
    found: dict[tuple[str, str], float] = {}
    for score, i, j in zip(candidates.score.tolist(), candidates.source.tolist(), candidates.target.tolist(), strict=True):
        for pair in ((a, b) for a in sources[i] for b in targets[j]):
            found[pair] = max(score, found.get(pair, score))
    return [(a, b, score) for (a, b), score in found.items()]


def best_threshold(scored_pairs: Sequence[ScoredPair], gold: Collection[tuple[str, str]]) -> float:
    """The score at which to cut for the best F1 against gold pairs; of equally good cuts the highest.

    The threshold lies halfway between the last score taken and the next. Where all pairs are taken it is the last score; the reference,
    `bucc_optimize` in `third_party/utils_retrieve.py`, raises IndexError there. Pairs with equal scores are in the order given; a cut
    between two such gives their score, at which `extract` takes both.

    Args:
        scored_pairs: source id, target id and finite score, no pair of ids twice.
        gold: pairs of source id and target id.

    Returns:
        the threshold; 0.0 where no pair is correct.
    """
    correct = set(gold)
    score = np.array([s for _, _, s in scored_pairs], dtype=np.float64)
    hit = np.array([(a, b) in correct for a, b, _ in scored_pairs], dtype=bool)
    if not hit.any():
        return 0.0
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(hit[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / len(correct)
    # The reference's formula in its order, so that equally good cuts round alike; no hit yet: 0 over 1.
    f1 = 2 * precision * recall / np.where(hits > 0, precision + recall, 1.0)
    cut = int(f1.argmax())
    return float(score[cut] + score[min(cut + 1, len(score) - 1)]) / 2


def extract(scored_pairs: Iterable[ScoredPair], threshold: float) -> list[tuple[str, str]]:
    """Pairs with a score of at least the threshold, in order. Source: `bucc_extract` in `third_party/utils_retrieve.py`.

    Args:
        scored_pairs: source id, target id and score.
        threshold: the lowest score to take, as from `best_threshold`.

    Returns:
        source id and target id.
    """
    return [(a, b) for a, b, score in scored_pairs if score >= threshold]
