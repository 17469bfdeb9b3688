"""Spans against seqeval itself, sentence by sentence, on tags of every kind; and the POS numbers of two seqevals."""

import json
import random
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xbench.scorer import load_scorer
from xbench.spans import IOB2_STRICT, SEQEVAL_DEFAULT, Counts, Tags, count

GOLDEN = Path(__file__).parent / "golden"
TYPES = ["PER", "LOC", "日本", "a-b"]
ODD = ["NOUN", "SCONJ", "CCONJ", "X", ".", "_", "é", "B-", "-", "I--", "O-PER", "B", "I", "E", "S"]


def tag(rng: random.Random, letters: str, odd: float) -> str:
    if rng.random() < odd:
        return rng.choice(ODD)
    letter = rng.choice(letters)
    return "O" if letter == "O" else f"{letter}-{rng.choice(TYPES)}"


def corpus(seed: int, sentences: int, letters: str, odd: float, shortest: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and noisy tags; empty sentences, sentences of O alone, and transitions that no scheme allows among them."""
    rng = random.Random(seed)
    gold = [[tag(rng, letters, odd) for _ in range(max(shortest, rng.choice((0, 1, 2, 4, 8, 15))))] for _ in range(sentences)]
    gold = [["O"] * len(s) if rng.random() < 0.05 else s for s in gold]
    return gold, [[t if rng.random() < 0.7 else tag(rng, letters, odd) for t in s] for s in gold]


def mismatches(found: Counts, gold: list[set[object]], predicted: list[set[object]]) -> int:
    wanted = np.array([(len(a & b), len(b), len(a)) for a, b in zip(gold, predicted, strict=True)])
    return int((np.stack([found.true_positives, found.predicted, found.gold], axis=1) != wanted).any(axis=1).sum())


@pytest.mark.parametrize(("letters", "odd"), [("BIO", 0.0), ("BIESO", 0.0), ("BIESO", 0.3), ("O", 0.9)])
def test_default_is_seqeval_sentence_by_sentence(letters: str, odd: float) -> None:
    """100,000 sentences in all four: IOB2, IOBES, mixed with bare and malformed tags, nearly bare. Reference: seqeval 1.2.2."""
    from seqeval.metrics.sequence_labeling import get_entities

    gold, noisy = corpus(1, 25_000, letters, odd)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of tags that are no NE tag
        a, b = ([set(get_entities(s)) for s in side] for side in (gold, noisy))
        whole = [set(get_entities(side)) for side in (gold, noisy)]
    tags = Tags.from_lists(gold), Tags.from_lists(noisy)
    assert mismatches(count(*tags, SEQEVAL_DEFAULT, isolated=True), a, b) == 0
    # The corpus read as one sequence, which is what seqeval's f1_score does.
    found = count(*tags, SEQEVAL_DEFAULT)
    sums = found.true_positives.sum(), found.predicted.sum(), found.gold.sum()
    assert sums == (len(whole[0] & whole[1]), len(whole[1]), len(whole[0]))


def strict(sentences: int) -> int:
    from seqeval.scheme import IOB2, Entities

    gold, noisy = corpus(2, sentences, "BIO", 0.0, shortest=1)
    a, b = ([{(e.tag, e.start, e.end) for e in found} for found in Entities(side, IOB2, suffix=False).entities] for side in (gold, noisy))
    return mismatches(count(Tags.from_lists(gold), Tags.from_lists(noisy), IOB2_STRICT), a, b)


def test_strict_is_seqeval_sentence_by_sentence() -> None:
    assert strict(10_000) == 0


@pytest.mark.slow
def test_strict_is_seqeval_on_100_000_sentences() -> None:
    assert strict(100_000) == 0


def test_all_ways_in_give_the_same_counts() -> None:
    gold, noisy = corpus(3, 500, "BIO", 0.1)
    wanted = count(Tags.from_lists(gold), Tags.from_lists(noisy), SEQEVAL_DEFAULT)
    columns = [pa.array(side, pa.list_(pa.string())) for side in (gold, noisy)]
    coded = [pa.ListArray.from_arrays(c.offsets, pa.array(c.flatten()).dictionary_encode()) for c in columns]
    for pair in (
        [Tags.from_strings([" ".join(s) for s in side]) for side in (gold, noisy)],
        [Tags.from_arrow(c) for c in columns],
        [Tags.from_arrow(c) for c in coded],
        [Tags.from_arrow(pa.chunked_array([c.slice(0, 100), c.slice(100)])) for c in coded],
    ):
        found = count(pair[0], pair[1], SEQEVAL_DEFAULT)
        for field in ("true_positives", "predicted", "gold"):
            assert (getattr(found, field) == getattr(wanted, field)).all()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="1 gold sentences, 2 predicted"):
        count(Tags.from_lists([["O"]]), Tags.from_lists([["O"], ["O"]]), SEQEVAL_DEFAULT)
    with pytest.raises(
        ValueError, match=r"2 sentence\(s\) have more tags than tokens: sentence 0: 2 predicted tags for 1 tokens; sentence 2"
    ):
        count(Tags.from_lists([["O"], ["O"], []]), Tags.from_lists([["O", "O"], ["O"], ["O"]]), SEQEVAL_DEFAULT)
    for wrong in ("O  O", "B-PER ", " O"):
        for others in ([], [""]):
            with pytest.raises(ValueError, match="two spaces in a row, or one at its beginning or end"):
                Tags.from_strings([*others, "O", wrong])
    for tags in (Tags.from_lists, lambda sentences: Tags.from_arrow(pa.array(sentences))):
        with pytest.raises(ValueError, match="a tag is empty"):
            tags([["O"], ["B-PER", ""]])


@pytest.mark.parametrize(("name", "version"), [("pos-chunk-f1", "0.0.12"), ("pos-chunk-f1-seqeval-1", "1.2.2")])
def test_pos_chunk_f1_is_that_of_its_seqeval(name: str, version: str) -> None:
    """400 random corpora of bare tags; goldens: tests/golden/README.md."""
    from tests import submission

    goldens = json.loads((GOLDEN / "pos_chunks.json").read_text(encoding="utf-8"))[version]
    assert len(goldens) == 400
    for index, wanted in enumerate(goldens):
        gold, predicted = submission.pos_corpus(index)
        found = load_scorer(name).score([" ".join(s) for s in gold], [" ".join(s) for s in predicted], "en")
        values = [n.sum() / d.sum() if d.sum() else 0.0 for n, d in (found[m] for m in ("f1", "precision", "recall"))]
        assert values == pytest.approx(wanted, abs=1e-12), index


@pytest.mark.parametrize("scorer", ["squad", "mlqa"])
@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "hi", "vi", "zh"])
def test_answers_are_scored_as_by_the_reference(scorer: str, language: str) -> None:
    """10,000 questions a language, every value equal to the bit; goldens: tests/golden/README.md."""
    from tests import fuzz

    wanted = json.loads((GOLDEN / "answers.json").read_text(encoding="utf-8"))[scorer][language]
    accepted, predictions = fuzz.answers(language, 10_000)
    found = load_scorer(scorer).score([json.dumps(a) for a in accepted], predictions, language)
    assert found["exact_match"][0].sum() == wanted["exact_match"]
    assert found["f1"][0].sum() == pytest.approx(wanted["f1"], abs=1e-9)
    assert fuzz.digest(found["exact_match"][0], found["f1"][0]) == wanted["sha256"]
