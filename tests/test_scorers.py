"""Scorers against the field's own: seqeval, scikit-learn, and SQuAD's examples worked by hand."""

import json
import random
import warnings
from typing import Any

import numpy as np
import pytest

from tests.conftest import run_id
from xbench import plugins, scoring
from xbench.errors import PluginError
from xbench.scorer import SCORERS, Scorer, load_scorer
from xbench.task import all_tasks, load_task

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def corpus(rng: random.Random, sentences: int) -> tuple[list[list[str]], list[list[str]]]:
    gold = [[rng.choice(TAGS) for _ in range(rng.randrange(1, 15))] for _ in range(sentences)]
    noisy = [[t if rng.random() < 0.7 else rng.choice(TAGS) for t in s] for s in gold]
    return gold, noisy


def test_mined_pairs_are_scored_as_bucc_f1() -> None:
    """google-research/xtreme evaluate.py, bucc_f1: 3 pairs predicted, 4 gold, 1 right."""
    gold, mined = ["x1", "", "x4", "x5", "x6"], ["x1 x2", "x3", "", "", ""]
    found = load_scorer("mining-f1").score(gold, mined, "de")
    assert {m: float(n.sum() / d.sum()) for m, (n, d) in found.items()} == pytest.approx({"precision": 1 / 3, "recall": 1 / 4, "f1": 2 / 7})


@pytest.mark.parametrize("name", ["span-f1", "span-f1-strict"])
def test_span_metrics_are_those_of_seqeval(name: str) -> None:
    """Goldens: seqeval 1.2.2 f1_score, precision_score and recall_score, over random tags full of invalid transitions."""
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    mode = {"mode": "strict", "scheme": IOB2} if name == "span-f1-strict" else {}
    for seed in range(5):
        gold, noisy = corpus(random.Random(seed), 400)
        found = load_scorer(name).score([" ".join(s) for s in gold], [" ".join(s) for s in noisy], "en")
        for metric, reference in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
            numerator, denominator = found[metric]
            assert numerator.sum() / denominator.sum() == pytest.approx(reference(gold, noisy, **mode), abs=1e-12)


def test_span_f1_by_hand() -> None:
    score = load_scorer("span-f1").score
    # gold: PER(0,1), LOC(3); predicted: PER(0), I-PER goes on; LOC(3) -> both spans right
    n, d = score(["B-PER I-PER O B-LOC", "O O", "B-ORG"], ["I-PER I-PER O B-LOC", "O O", "O"], "en")["f1"]
    assert n.tolist() == [4, 0, 0]
    assert d.tolist() == [4, 0, 1]
    # a shorter prediction is filled up with O
    n, d = score(["B-PER I-PER B-LOC"], ["B-PER I-PER"], "en")["f1"]
    assert (n[0], d[0]) == (2, 3)
    with pytest.raises(ValueError, match="sentence 0: 2 predicted tags for 1 tokens"):
        score(["O"], ["O O"], "en")
    with pytest.raises(ValueError, match="'NOUN' is not an IOB2 tag"):
        load_scorer("span-f1-strict").score(["O"], ["NOUN"], "en")


def test_token_accuracy_is_sklearn_accuracy_over_tokens() -> None:
    from sklearn.metrics import accuracy_score

    gold, noisy = corpus(random.Random(9), 300)
    n, d = load_scorer("token-accuracy").score([" ".join(s) for s in gold], [" ".join(s) for s in noisy], "en")["accuracy"]
    flat = [[t for s in x for t in s] for x in (gold, noisy)]
    assert n.sum() / d.sum() == pytest.approx(accuracy_score(*flat), abs=1e-15)
    assert d.sum() == len(flat[0])


def test_binary_f1_is_that_of_sklearn() -> None:
    from sklearn.metrics import f1_score

    rng = random.Random(4)
    for labels in ("0001", "011"):  # precision is above recall, and below
        gold, said = ([rng.choice(some) for _ in range(200)] for some in ("001", labels))
        assert gold.count("1") != said.count("1")
        n, d = load_scorer("binary-f1").score(gold, said, "en")["f1"]
        assert n.sum() / d.sum() == pytest.approx(f1_score(gold, said, pos_label="1"), abs=1e-15)


def test_accuracy_compares_strings() -> None:
    n, d = load_scorer("accuracy").score(["1", "0", "a"], ["1", "1.0", "a"], "en")["accuracy"]
    assert n.tolist() == [1, 0, 1]
    assert d.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("answers", "prediction", "exact", "f1"),
    [
        # The examples and rules of the SQuAD v1.1 evaluation (Rajpurkar et al. 2016), worked by hand.
        (["the Denver Broncos"], "Denver Broncos!", 1, 1),
        (["Denver Broncos"], "the Carolina Panthers", 0, 0),
        (["gold medal in 1952"], "a medal in 1952", 0, 2 * 1.0 * 0.75 / 1.75),  # 3 shared of 3 predicted and 4 gold
        (["Saint Paul", "St. Paul"], "st paul", 1, 1),
        (["x"], "", 0, 0),
        (["北京"], "北京市", 0, 0),  # no segmentation: one token against another
    ],
)
def test_squad(answers: list[str], prediction: str, exact: float, f1: float) -> None:
    found = load_scorer("squad").score([json.dumps(answers)], [prediction], "en")
    assert found["exact_match"][0][0] == exact
    assert found["f1"][0][0] == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answers", "prediction", "exact", "f1"),
    [
        # evaluate-v2.0.py of the SQuAD explorer (Rajpurkar et al. 2018), get_raw_scores and compute_f1, worked by hand.
        ([""], "", 1, 1),
        ([""], "the", 1, 1),  # nothing once normalised
        ([""], "cold", 0, 0),
        (["cold"], "", 0, 0),
        (["the", "cold"], "", 0, 0),  # an accepted answer that normalises to nothing is left out
        (["gold medal in 1952"], "a medal in 1952", 0, 2 * 1.0 * 0.75 / 1.75),
    ],
)
def test_squad2(answers: list[str], prediction: str, exact: float, f1: float) -> None:
    (name,) = load_task("squad2").scorers
    found = load_scorer(name).score([json.dumps(answers)], [prediction], "en")
    assert found["exact_match"][0][0] == exact
    assert found["f1"][0][0] == pytest.approx(f1)


@pytest.mark.parametrize("name", plugins.names(SCORERS))
def test_every_scorer_keeps_its_promises(name: str) -> None:
    scorer = load_scorer(name)
    qa = any(name in task.scorers for task in all_tasks() if task.family == "qa")
    references = [json.dumps(["x y"]), json.dumps(["z"])] if qa else ["B-PER O", "B-LOC"]
    right = ["x y", "z"] if qa else references
    assert scorer.signature == f"{name}-{scorer.version}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric, (n, d) in scorer.score(references, right, "en").items():
            assert metric
            assert n.shape == d.shape == (2,)
            assert n.dtype == d.dtype == np.float64
            assert n.tolist() == d.tolist()  # everything right is 1
        assert all(len(n) == len(d) == 0 for n, d in scorer.score([], [], "en").values())
        reverse = scorer.score(references[::-1], right[::-1], "en")
        for metric, (n, d) in scorer.score(references, right, "en").items():
            assert (reverse[metric][0][::-1] == n).all()
            assert (reverse[metric][1][::-1] == d).all()
    with pytest.raises(ValueError):  # noqa: PT011 numpy's, pyarrow's or our own words
        scorer.score(references, right[:1], "en")


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (lambda references, predictions, language: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda references, predictions, language: {}, "gave {}, expected metrics"),
        (lambda references, predictions, language: 0.5, "gave 0.5, expected metrics"),
        (lambda references, predictions, language: {"f1": 0.5}, "f1: gave float, expected numerator and denominator of shape (2,)"),
        (lambda references, predictions, language: {"f1": (np.ones(3), np.ones(2))}, "f1: gave [(3,), (2,)], expected"),
        (
            lambda *_: {"f1": (np.array(["1", "0"]), np.ones(2))},
            "f1: gave <U1 and float64 as numerator and denominator, expected float64",
        ),
        (
            lambda *_: {"f1": (np.ones(2), np.array([1, 0.5]))},
            "f1: numerator 1.0 and denominator 0.5 of example 2 of 2, wrong in 1 of them",
        ),
        (lambda *_: {"f1": (np.array([np.nan, 0]), np.ones(2))}, "f1: numerator nan and denominator 1.0 of example 1 of 2"),
        (lambda *_: {"f1": (np.ones(2), np.array([1, np.inf]))}, "denominator inf of example 2"),
        (lambda *_: {"f1": (np.array([-1.0, 0]), np.ones(2))}, "numerator -1.0 and denominator 1.0 of example 1"),
    ],
)
def test_a_scorer_that_is_broken_is_named(score: Any, said: str) -> None:
    """Errors of Arrow about columns came of it, after the training."""
    answers = scoring.Answers(["1", "2"], ["1", "2"], ["a", "b"], ["a", "b"])
    key = dict(zip(scoring.KEY, ("r", "m", "none", "t", "en", 0), strict=True))
    with pytest.raises(PluginError, match="scorer mine-1") as caught:
        scoring.score_rows(key, "de", "test", answers, [Scorer(version="1", score=score, name="mine")], "r")
    assert said in caught.value.problems[0]


def test_numbers_of_any_kind_are_a_ratio() -> None:
    """Of whole numbers and truth values nothing is lost; a sum may be rounded up to more than its whole."""
    answers = scoring.Answers(["1", "2"], ["1", "2"], ["a", "b"], ["a", "b"])
    key = dict(zip(scoring.KEY, (run_id("r"), "m", "none", "t", "en", 0), strict=True))
    for above, below in (
        (np.array([True, False]), np.ones(2)),
        (np.array([1, 0]), np.array([1, 1], dtype=np.float32)),
        (np.array([1 + 2e-16 * 2, 0.0]), np.ones(2)),
    ):
        made = Scorer(version="1", score=lambda *_, r=(above, below): {"accuracy": r}, name="mine")
        outcome, score = scoring.score_rows(key, "de", "test", answers, [made], "r")
        assert outcome["numerator"].to_pylist() == [1.0, 0.0]
        assert score["value"].to_pylist() == [0.5]


def test_nothing_to_count_is_no_hit() -> None:
    assert scoring.ratio(np.zeros(3), np.zeros(3)) == 0


def test_answers_that_a_scorer_cannot_read_are_told_with_the_scorer_and_its_line() -> None:
    """It was `no tags`, of whichever scorer."""
    answers = scoring.Answers(["1"], ["1"], ["NOUN"], ["NOUN"])
    key = dict(zip(scoring.KEY, ("r", "m", "none", "t", "en", 0), strict=True))
    with pytest.raises(
        ValueError, match=r"scorer span-f1-strict-iob2-1 cannot read the answers in 'de': .*span_f1_strict\.py: ValueError: "
    ):
        scoring.score_rows(key, "de", "test", answers, [load_scorer("span-f1-strict")], "r")
    with pytest.raises(ValueError, match=r"scorer mlqa-1 cannot read the answers in 'sw': .*mlqa\.py:\d+: ValueError: MLQA has no rule"):
        scoring.score_rows(key, "sw", "test", answers, [load_scorer("mlqa")], "r")
