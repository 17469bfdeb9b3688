"""Mining translations from a comparable corpus (BUCC 2018): embed both sides, mine, cut at the score that is best on development data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xbench import mining
from xbench.study import Stage
from xbench.task import Example, Split, Task, Unaligned

if TYPE_CHECKING:
    from xbench.train.cells import Workbench


def mine(bench: "Workbench", task: Task, stage: Stage | None, language: str) -> dict[Split, tuple[Sequence[Example], list[str]]]:
    """Development and test set of one language; the threshold is the best one on the development set.

    Returns:
        {split: (examples, predictions)}, one for each foreign sentence that has a translation in the gold pairs or in the mined ones;
        a prediction is the ids of its mined translations, separated by spaces.
    """
    found: dict[Split, tuple[Sequence[Example], list[str]]] = {}
    threshold = 0.0
    splits: tuple[Split, ...] = ("dev", "test")
    for split in splits:
        sentences = [e for e in task.examples(language, split) if isinstance(e, Unaligned)]
        foreign, english = ([e for e in sentences if e.english is side] for side in (False, True))
        scored = _scored(bench, task, stage, foreign, english)
        if split == "dev":
            threshold = mining.best_threshold(scored, {(e.example_id, g) for e in foreign for g in e.gold})
        mined: dict[str, list[str]] = {}
        for source, target in mining.extract(scored, threshold):
            mined.setdefault(source, []).append(target)
        shown = [e for e in foreign if e.gold or e.example_id in mined]
        found[split] = (shown, [" ".join(sorted(mined.get(e.example_id, ()))) for e in shown])
    return found


def _scored(
    bench: "Workbench", task: Task, stage: Stage | None, foreign: Sequence[Unaligned], english: Sequence[Unaligned]
) -> list[mining.ScoredPair]:
    """Mined pairs of ids with their margins, before any threshold."""
    sides = []
    for side in (foreign, english):
        texts = [e.text for e in side]
        first, _ = mining.unique(texts)
        vectors = bench.vectors(task, stage, tuple(texts[i] for i in first), keep=False)
        sides.append((texts, [e.example_id for e in side], vectors))
    (texts, ids, vectors), (other_texts, other_ids, other_vectors) = sides
    candidates = mining.mine(vectors, other_vectors)
    return mining.pairs(candidates, texts, ids, other_texts, other_ids, bench.recipe.retrieval_duplicates)
