"""Scorers against the field's own: seqeval, scikit-learn, and SQuAD's examples worked by hand."""

import json
import random
import warnings

import numpy as np
import pytest

from xbench import plugins
from xbench.scorer import SCORERS, load_scorer

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def corpus(rng: random.Random, sentences: int) -> tuple[list[list[str]], list[list[str]]]:
    gold = [[rng.choice(TAGS) for _ in range(rng.randrange(1, 15))] for _ in range(sentences)]
    noisy = [[t if rng.random() < 0.7 else rng.choice(TAGS) for t in s] for s in gold]
    return gold, noisy


@pytest.mark.parametrize("seed", range(5))
def test_span_f1_is_seqeval_default(seed: int) -> None:
    """Goldens: seqeval 1.2.2 f1_score and get_entities, over random tags full of invalid transitions."""
    from seqeval.metrics import f1_score
    from seqeval.metrics.sequence_labeling import get_entities

    gold, noisy = corpus(random.Random(seed), 400)
    numerator, denominator = load_scorer("span-f1").score([" ".join(s) for s in gold], [" ".join(s) for s in noisy])["f1"]
    for row, (g, p) in enumerate(zip(gold, noisy, strict=True)):
        a, b = set(get_entities(g)), set(get_entities(p))
        assert (numerator[row], denominator[row]) == (2 * len(a & b), len(a) + len(b)), (g, p)
    assert numerator.sum() / denominator.sum() == pytest.approx(f1_score(gold, noisy), abs=1e-12)


def test_span_f1_by_hand() -> None:
    score = load_scorer("span-f1").score
    # gold: PER(0,1), LOC(3); predicted: PER(0), I-PER goes on; LOC(3) -> both spans right
    n, d = score(["B-PER I-PER O B-LOC", "O O", "B-ORG"], ["I-PER I-PER O B-LOC", "O O", "O"])["f1"]
    assert n.tolist() == [4, 0, 0]
    assert d.tolist() == [4, 0, 1]
    # a shorter prediction is filled up with O
    n, d = score(["B-PER I-PER B-LOC"], ["B-PER I-PER"])["f1"]
    assert (n[0], d[0]) == (2, 3)
    with pytest.raises(ValueError, match="example 0: 2 predicted tags for 1 tokens"):
        score(["O"], ["O O"])
    with pytest.raises(ValueError, match="not an IOB tag: NOUN"):
        score(["O"], ["NOUN"])


def test_token_accuracy_is_sklearn_accuracy_over_tokens() -> None:
    from sklearn.metrics import accuracy_score

    gold, noisy = corpus(random.Random(9), 300)
    n, d = load_scorer("token-accuracy").score([" ".join(s) for s in gold], [" ".join(s) for s in noisy])["accuracy"]
    flat = [[t for s in x for t in s] for x in (gold, noisy)]
    assert n.sum() / d.sum() == pytest.approx(accuracy_score(*flat), abs=1e-15)
    assert d.sum() == len(flat[0])


def test_accuracy_compares_strings() -> None:
    n, d = load_scorer("accuracy").score(["1", "0", "a"], ["1", "1.0", "a"])["accuracy"]
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
    found = load_scorer("squad").score([json.dumps(answers)], [prediction])
    assert found["exact_match"][0][0] == exact
    assert found["f1"][0][0] == pytest.approx(f1)


@pytest.mark.parametrize("name", plugins.names(SCORERS))
def test_every_scorer_keeps_its_promises(name: str) -> None:
    scorer = load_scorer(name)
    references = {"squad": [json.dumps(["a b"]), json.dumps(["c"])]}.get(name, ["B-PER O", "B-LOC"])
    right = {"squad": ["a b", "c"]}.get(name, references)
    assert scorer.signature == f"{name}-{scorer.version}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric, (n, d) in scorer.score(references, right).items():
            assert metric
            assert n.shape == d.shape == (2,)
            assert n.dtype == d.dtype == np.float64
            assert n.tolist() == d.tolist()  # everything right is 1
        reverse = scorer.score(references[::-1], right[::-1])
        for metric, (n, d) in scorer.score(references, right).items():
            assert (reverse[metric][0][::-1] == n).all()
            assert (reverse[metric][1][::-1] == d).all()
    with pytest.raises(ValueError, match="argument 2"):
        scorer.score(references, right[:1])
