"""Mining and search against the definition written out in loops, hand-worked cases, and the script of XTREME where there is one."""

import importlib.util
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from xbench.mining import Candidates, best_threshold, extract, mine, nearest, normalised, pairs, unique


def vectors(n, m, d=16, noise=0.6, seed=0):
    """Two sides whose rows of the same number are translations, in another order on the right."""
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((n, d), dtype=np.float32)
    right = rng.standard_normal((m, d), dtype=np.float32)
    both = min(n, m)
    right[:both] = left[:both] + noise * right[:both]
    return left, right[rng.permutation(m)]


def by_definition(source, target, k=4, margin="ratio"):
    """Artetxe & Schwenk 2019, section 3, in float64: margin of all pairs, candidates among the k nearest of each side, greedy union."""
    x = [[float(v) for v in row] for row in source]
    y = [[float(v) for v in row] for row in target]

    def cosine(a, b):
        norm = sum(v * v for v in a) ** 0.5 * sum(v * v for v in b) ** 0.5
        return sum(u * v for u, v in zip(a, b, strict=True)) / norm if norm else 0.0

    cos = [[cosine(a, b) for b in y] for a in x]

    def neighbours(line):
        return sorted(range(len(line)), key=lambda j: -line[j])[:k]

    forward = [neighbours(line) for line in cos]
    backward = [neighbours([cos[i][j] for i in range(len(x))]) for j in range(len(y))]
    mean_x = [sum(cos[i][j] for j in found) / len(found) for i, found in enumerate(forward)]
    mean_y = [sum(cos[i][j] for i in found) / len(found) for j, found in enumerate(backward)]

    def score(i, j):
        mean = (mean_x[i] + mean_y[j]) / 2
        return {"ratio": cos[i][j] / mean, "distance": cos[i][j] - mean, "absolute": cos[i][j]}[margin]

    proposals = [max((score(i, j), i, j) for j in found) for i, found in enumerate(forward)]
    proposals += [max((score(i, j), i, j) for i in found) for j, found in enumerate(backward)]
    taken, left, right = [], set(), set()
    for s, i, j in sorted(proposals, key=lambda p: -p[0]):
        if i not in left and j not in right and s > 0:
            taken.append((s, i, j))
            left.add(i)
            right.add(j)
    return taken


@pytest.mark.parametrize(("n", "m"), [(1, 7), (7, 1), (2, 3), (3, 2), (4, 4), (19, 25), (40, 33), (64, 64)])
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_mine_equals_definition(n, m, margin):
    source, target = vectors(n, m, seed=n + m)
    expected = by_definition(source, target, margin=margin)
    found = mine(source, target, margin=margin)
    assert set(zip(found.source.tolist(), found.target.tolist(), strict=True)) == {(i, j) for _, i, j in expected}
    np.testing.assert_allclose(found.score, [s for s, _, _ in expected], rtol=1e-5, atol=1e-6)
    assert (found.score.dtype, found.source.dtype, found.target.dtype) == (np.float64, np.int64, np.int64)
    assert (np.diff(found.score) <= 0).all()


def test_mine_one_sentence_each():
    found = mine([[1, 2]], [[2, 1]])
    np.testing.assert_allclose(found.score, [1], rtol=1e-6)
    assert (found.source.tolist(), found.target.tolist()) == ([0], [0])


@pytest.mark.parametrize("k", [1, 2, 9, 1000])
def test_mine_other_neighbourhoods(k):
    source, target = vectors(30, 50, seed=k)
    found = mine(source, target, k=k)
    assert set(zip(found.source.tolist(), found.target.tolist(), strict=True)) == {(i, j) for _, i, j in by_definition(source, target, k)}


def test_mine_in_blocks(monkeypatch):
    """Several blocks, the last ones narrower: against all cosines at once, in float64."""
    monkeypatch.setattr("xbench.mining.BLOCK", 256)
    monkeypatch.setattr("xbench.mining.GATHERED_BYTES", 10_000)
    source, target = vectors(700, 1100, d=24, noise=0.3, seed=5)
    x = source.astype(float) / np.linalg.norm(source.astype(float), axis=1, keepdims=True)
    y = target.astype(float) / np.linalg.norm(target.astype(float), axis=1, keepdims=True)
    cos = x @ y.T
    mean_x, mean_y = np.sort(cos, axis=1)[:, -4:].mean(axis=1), np.sort(cos, axis=0)[-4:].mean(axis=0)
    margins = cos / ((mean_x[:, None] + mean_y) / 2)
    near_x, near_y = cos >= np.sort(cos, axis=1)[:, -4:][:, :1], cos >= np.sort(cos, axis=0)[-4:][0]
    best_x, best_y = np.where(near_x, margins, -1).argmax(axis=1), np.where(near_y, margins, -1).argmax(axis=0)
    proposals = {(i, int(j)) for i, j in enumerate(best_x)} | {(int(i), j) for j, i in enumerate(best_y)}
    left, right, taken = set(), set(), set()
    for i, j in sorted(proposals, key=lambda p: -margins[p]):
        if i not in left and j not in right:
            taken.add((i, j))
            left.add(i)
            right.add(j)
    found = mine(source, target)
    pairs_found = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert set(pairs_found) == taken
    np.testing.assert_allclose(found.score, [margins[p] for p in pairs_found], rtol=1e-5)


def test_mine_repeated_vectors_stay_one_to_one():
    source, target = vectors(30, 30, seed=3)
    source[10:20], target[5:25] = source[0], target[0]
    found = mine(source, target)
    assert len(set(found.source.tolist())) == len(found.source) == len(set(found.target.tolist()))
    assert (found.score > 0).all()


def test_mine_vectors_all_alike():
    found = mine(np.ones((300, 8)), np.ones((200, 8)))  # as from a model that has collapsed
    assert len(set(found.source.tolist())) == len(found.source) == len(set(found.target.tolist()))
    np.testing.assert_allclose(found.score, 1, rtol=1e-6)


def test_mine_neighbours_that_keep_improving(monkeypatch):
    """Rows in the order of rising similarity: each block replaces all that was found before."""
    monkeypatch.setattr("xbench.mining.BLOCK", 160)
    angle = np.linspace(1.5, 0.1, 500)
    target = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    source = np.array([[1.0, 0], [1, 0.02], [0.3, 1]])
    found = mine(source, target, k=3)
    assert set(zip(found.source.tolist(), found.target.tolist(), strict=True)) == {(i, j) for _, i, j in by_definition(source, target, 3)}


def test_mine_leaves_out_scores_of_zero_or_less():
    source = np.eye(3, 4)
    assert mine(source, -source, margin="absolute").source.size == 0
    assert mine(np.zeros((2, 3)), np.zeros((3, 3))).source.size == 0  # 0 over 0


def test_arguments_are_left_as_they_are():
    source, target = vectors(9, 8)
    before = source.copy(), target.copy()
    normalised(source), nearest(source, target), mine(source, target)
    assert (source == before[0]).all() and (target == before[1]).all()


def test_normalised():
    rows = normalised([[3, 4], [0, 0], [1e-3, 0]])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert normalised(np.asfortranarray(np.ones((3, 2)))).flags.c_contiguous


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (30, 40), (1200, 1100)])
def test_nearest_equals_definition(n, m):
    queries, candidates = vectors(n, m, seed=n)
    x, y = (a.astype(float) / np.linalg.norm(a.astype(float), axis=1, keepdims=True) for a in (queries, candidates))
    found = nearest(queries, candidates)
    assert found.dtype == np.int64 and found.tolist() == [int(((y - q) ** 2).sum(axis=1).argmin()) for q in x]


@pytest.mark.parametrize("n", [5, 50])  # faiss searches for 20 queries and more by another way
def test_nearest_takes_the_first_of_equals(n):
    queries = np.eye(8)[np.arange(n) % 8]
    candidates = np.concatenate((np.eye(8)[:4], 2 * np.eye(8), np.eye(8)))
    assert nearest(queries, candidates).tolist() == [i if i < 4 else i + 4 for i in np.arange(n) % 8]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.ones(4), np.ones((2, 4)), r"shape \(4,\)"),
        (np.ones((0, 4)), np.ones((2, 4)), r"shape \(0, 4\)"),
        (np.ones((2, 4)), np.ones((2, 0)), r"shape \(2, 0\)"),
        (np.ones((2, 4)), np.ones((3, 5)), r"\(2, 4\) and \(3, 5\)"),
        (np.ones((2, 4)), np.full((3, 4), np.nan), r"shape \(3, 4\) .* not finite"),
        (np.full((2, 4), 1e300), np.ones((3, 4)), r"shape \(2, 4\) .* not finite"),
    ],
)
def test_vectors_are_checked(source, target, message):
    for function in (mine, nearest):
        with pytest.raises(ValueError, match=message):
            function(source, target)


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        mine(np.ones((2, 2)), np.ones((2, 2)), k=0)
    with pytest.raises(ValueError, match="'cosine'"):
        mine(np.ones((2, 2)), np.ones((2, 2)), margin="cosine")
    found = Candidates(np.array([1.0]), np.array([1]), np.array([0]))
    with pytest.raises(ValueError, match="'keep'"):
        pairs(found, ["a", "b"], ["1", "2"], ["c"], ["3"], "keep")
    with pytest.raises(ValueError, match="source: 2 texts but 1 ids"):
        pairs(found, ["a", "b"], ["1"], ["c"], ["3"], "drop")
    with pytest.raises(ValueError, match=r"source: .* 1 to 1, but there are 1 distinct"):
        pairs(found, ["a", "a"], ["1", "2"], ["c"], ["3"], "drop")


def test_unique():
    first, inverse = unique(["b", "a", "b", "a ", "c", "a"])
    assert first.tolist() == [0, 1, 3, 4] and inverse.tolist() == [0, 1, 0, 2, 3, 1]
    assert [a.dtype for a in unique([])] == [np.int64, np.int64]


def test_pairs_drop_and_expand():
    # Distinct source texts: 0 "a", 1 "b", 2 "b ", 3 "c"; target texts: 0 "x", 1 "y", 2 "z".
    texts = ["a", "b", "b ", "c", "c"], ["s1", "s2", "s3", "s4", "s5"], ["x", "y", "y", "z\n"], ["t1", "t2", "t3", "t4"]
    found = Candidates(np.array([1.5, 1.4, 1.3, 1.2]), np.array([0, 3, 1, 2]), np.array([0, 1, 2, 2]))
    assert pairs(found, *texts, "drop") == [("s1", "t1", 1.5)]
    expected = [("s1", "t1", 1.5), *((s, t, 1.4) for s in ("s4", "s5") for t in ("t2", "t3")), ("s2", "t4", 1.3), ("s3", "t4", 1.3)]
    assert pairs(found, *texts, "expand") == expected  # 1.2 is again s2 and s3 with t4: the higher score stays


SCORED = [("s4", "t4", 0.5), ("s1", "t1", 2.0), ("s3", "t9", 1.0), ("s2", "t2", 1.5)]  # in order: right, right, wrong, right


@pytest.mark.parametrize(
    ("gold", "threshold", "count"),
    [
        ([("s1", "t1")], 1.75, 1),
        ([("s1", "t1"), ("s2", "t2")], 1.25, 2),
        ([("s1", "t1"), ("s2", "t2"), ("s4", "t4")], 0.5, 4),  # F1: 0.5, 0.8, 0.667, 0.857: the last pair too
        ([("s3", "t9"), *((str(i), "") for i in range(20))], 0.75, 3),
        ([("s9", "t9")], 0.0, 4),
        ([], 0.0, 4),
    ],
)
def test_best_threshold_by_hand(gold, threshold, count):
    assert best_threshold(SCORED, gold) == threshold
    assert len(extract(SCORED, threshold)) == count
    assert best_threshold(SCORED, set(gold)) == threshold


def test_best_threshold_corners():
    assert best_threshold([], [("a", "b")]) == 0.0
    assert best_threshold([("a", "b", 1.25)], [("a", "b")]) == 1.25
    # Equal scores stay in order: the cut falls between the two, and `extract` takes both.
    tied = [("a", "b", 1.0), ("c", "d", 1.0), ("e", "f", 0.5)]
    assert best_threshold(tied, [("a", "b")]) == 1.0
    assert best_threshold(tied, [("c", "d")]) == 0.75
    # Equally good cuts, after 1 of 1 and after 2 of 3 pairs with 3 in gold (F1 1/2, 2/3) and later 3 of 6 (2/3): the highest.
    line = [(str(i), "", 10.0 - i) for i in range(7)]
    assert best_threshold(line, [("0", ""), ("2", ""), ("5", "")]) == 7.5


def test_extract_takes_the_threshold_itself():
    assert extract(SCORED, 1.0) == [("s1", "t1"), ("s3", "t9"), ("s2", "t2")]


@pytest.fixture(scope="module")
def reference():
    """Module `third_party/utils_retrieve.py` of the google-research/xtreme checkout that environment variable XTREME_REPO names."""
    path = Path(os.environ.get("XTREME_REPO", "")) / "third_party" / "utils_retrieve.py"
    if not os.environ.get("XTREME_REPO") or not path.is_file():
        pytest.skip("no checkout of google-research/xtreme in XTREME_REPO")
    spec = importlib.util.spec_from_file_location("utils_retrieve", path)
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `is not 'bwd'`
        spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_equal_to_xtreme(reference, tmp_path, margin, capsys):
    source, target = vectors(300, 280, d=32, noise=1.2, seed=8)
    rng = np.random.default_rng(9)
    sides = []
    for side, rows in (("src", source), ("trg", target)):
        texts = [f"{side} {i}" for i in range(len(rows))]
        for i, j in rng.integers(0, len(rows), (25, 2)):
            texts[i] = texts[j] + (" " if i % 5 == 0 else "")  # the mining tells these apart, the map to ids does not
        first, inverse = unique(texts)
        rows[:] = rows[first][inverse]  # equal texts, equal vectors
        ids = [f"{side}-{i:09}" for i in range(len(rows))]
        (tmp_path / f"{side}.txt").write_text("".join(f"{t}\n" for t in texts), encoding="utf-8")
        (tmp_path / f"{side}.id").write_text("".join(f"{t}\n" for t in ids), encoding="utf-8")
        sides.append((rows, texts, ids, first))
    files = [str(tmp_path / name) for name in ("src.txt", "trg.txt", "found.tsv", "src.id", "trg.id")]
    reference.mine_bitext(source.copy(), target.copy(), *files[:3], margin=margin)
    theirs = reference.read_candidate2score(files[2], files[0], files[1], *files[3:])
    gold = {pair for n, pair in enumerate(theirs) if n % 3 and n < len(theirs) // 2}
    with_tabs = {"\t".join(pair) for pair in gold} | {"a\tb"}
    capsys.readouterr()

    (_, source_texts, source_ids, first_x), (_, target_texts, target_ids, first_y) = sides
    found = mine(source[first_x], target[first_y], margin=margin)
    ours = pairs(found, source_texts, source_ids, target_texts, target_ids, "drop")
    assert ours and len(theirs) < len(found.score)  # some were left out
    assert {(a, b): s for a, b, s in ours} == pytest.approx(theirs, rel=2e-6, abs=2e-6)
    assert [s for _, _, s in ours] == pytest.approx(sorted(theirs.values(), reverse=True), rel=2e-6, abs=2e-6)
    threshold, reference_threshold = best_threshold(ours, gold | {("a", "b")}), reference.bucc_optimize(theirs, with_tabs)
    assert threshold == pytest.approx(reference_threshold, rel=2e-6, abs=2e-6)
    assert {"\t".join(pair) for pair in extract(ours, threshold)} == set(reference.bucc_extract(theirs, reference_threshold, None))
    # Given the same scores, the threshold is the same to the last bit.
    assert best_threshold([(a, b, s) for (a, b), s in theirs.items()], gold | {("a", "b")}) == reference_threshold


@pytest.mark.parametrize(("n", "m"), [(5, 40), (300, 280)])
def test_search_equal_to_xtreme(reference, n, m):
    queries, candidates = vectors(n, m, d=32, seed=4)
    candidates[m // 2 :] = candidates[: m - m // 2]
    expected = reference.similarity_search(candidates.copy(), queries.copy(), 32, normalize=True)
    assert (nearest(queries, candidates) == expected[:, 0]).all()
