"""Does transfer change with model size? Deltas of models of different sizes against one another, example by example."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby, pairwise, product
from typing import Any

import duckdb
import numpy as np

from xbench import contrasts, pairing, store
from xbench.contrasts import MEAN, UNKNOWN, Quantity, Row, untested
from xbench.languages import UNSAID, zero_shot
from xbench.pairing import DIRECT, Column, Runs, Store, System
from xbench.stats.ratios import Floats, Sums, differences, moments

FEWEST_SIZES = 4  # for a slope; with fewer the differences are the table
_SAME = tuple(f for f in pairing.SYSTEM if f not in ("model", "model_revision"))


def interactions(root: Store, margin: float | None = None, **where: Any) -> list[Row]:
    """How the zero-shot transfer delta of an intermediate task differs between model sizes.

    A contrast is (large after the intermediate - large direct) - (small after it - small direct), paired by seed and example; neighbours in
    size, and the largest against the smallest; where several models have one size, each of them. With four sizes or more also the slope of
    the delta per doubling of the parameters.

    Args:
        root: The store, or a connection to it.
        margin: As in `comparing.Asked`; of a slope per doubling.
        where: {column of the view result: value}; those on systems choose rows once all are adjusted, where all the models meet them.

    Returns:
        Rows as of `comparing.compare`, with level `interaction` or `slope`; model is `larger - smaller` or how many models there are,
        p_adjusted by Holm over the rows of a target and intermediate, verdict grows, shrinks, unresolved or equivalent.
    """
    where, later = pairing.parted(where, (f for f in _SAME if not f.startswith("intermediate")))
    with store.reading(root) as con:
        return [r for column in pairing.columns(con, where) for r in _column(con, column, later, margin)]


def _column(con: duckdb.DuckDBPyConnection, column: Column, later: Mapping[str, Any], margin: float | None) -> list[Row]:
    """All rows of a column whose models after the intermediate task all meet the conditions `later`."""
    groups: dict[tuple[str, ...], list[tuple[Runs, Runs]]] = {}
    baselines = pairing.counterparts(column, pairing.TO_DIRECT)
    for system, runs in column.systems.items():
        if system.intermediate == DIRECT:
            continue
        for direct in baselines(system):
            groups.setdefault(system.values(_SAME), []).append((runs, column.systems[direct]))
    met = pairing.meeting(con, [asdict(s) for s in column.systems], later, column.key)
    shown = {System(**s) for s in met}
    # A group is of one intermediate task: where none of it is shown, there is nothing to compute.
    return [r for found in groups.values() if any(f[0].system in shown for f in found) for r in _group(con, column, found, shown, margin)]


def _group(
    con: duckdb.DuckDBPyConnection, column: Column, found: Sequence[tuple[Runs, Runs]], shown: Container[System], margin: float | None
) -> list[Row]:
    """One intermediate task under the same conditions, at several sizes; rows of the systems that are `shown`."""
    sized = sorted((f for f in found if f[0].parameters), key=lambda f: (f[0].parameters or 0, f[0].system.model))
    sizes = [list(of_size) for _, of_size in groupby(range(len(sized)), key=lambda i: sized[i][0].parameters)]
    if len(sizes) < 2:
        return []
    names = [f[0].system.model for f in sized]
    asked: list[tuple[str, str, list[int], Floats]] = []
    for small, large in [*pairwise(sizes), *([(sizes[0], sizes[-1])] if len(sizes) > 2 else [])]:
        for a, b in product(small, large):
            asked.append(("interaction", f"{names[b]} - {names[a]}", [b, a], np.array([1.0, -1.0, -1.0, 1.0])))
    if len(sizes) >= FEWEST_SIZES:
        logs = np.log2([float(f[0].parameters or 0) for f in sized])
        slope = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()
        asked.append(("slope", f"{len(sized)} models, per doubling", list(range(len(sized))), np.column_stack([slope, -slope]).ravel()))
    rows = [_row(con, column, sized, *one) for one in asked]
    tested = [r for r in rows if r["status"] == "tested"]
    shapes = [
        (4 if row["level"] == "interaction" else 2 * len(sized), float(np.abs(weights).sum()) / 2)
        for row, (*_, weights) in zip(rows, asked, strict=True)
        if row["status"] == "tested"
    ]
    contrasts.adjust(tested)
    contrasts.decide(tested, ("grows", "shrinks"), margin, shapes)
    return [row for row, (_, _, which, _) in zip(rows, asked, strict=True) if all(sized[i][0].system in shown for i in which)]


def _row(
    con: duckdb.DuckDBPyConnection,
    column: Column,
    sized: Sequence[tuple[Runs, Runs]],
    level: str,
    name: str,
    which: list[int],
    weights: Floats,
) -> Row:
    arms = [runs for i in which for runs in sized[i]]
    system = arms[0].system
    head = {**column.key, **{f: getattr(system, f) for f in pairing.SYSTEM}, "model": name, "model_revision": "", "against": DIRECT}
    head |= dict.fromkeys((*pairing.AGAINST, "margin", "p_equivalent"))  # the second systems are as many as the models
    quantity = Quantity(level, MEAN, ())
    if not all(a.stored for a in arms):
        return {**head, **untested("only averages are known", quantity)}
    paired = pairing.pair(arms, same_seeds=True)
    if paired.problem:
        return {**head, **untested(paired.problem.replace("the direct baseline has", "the runs have"), quantity)}
    runs = [r for own in paired.runs for r in own]
    panel = pairing.load_panel(con, column, sorted(runs))
    blocks, different = panel.common(runs)
    if doubled := panel.doubled(runs):
        return {**head, **untested("; ".join(doubled), quantity)}
    if different or not blocks:
        return {
            **head,
            **untested(f"the runs were tested on different examples ({'; '.join(different) or 'no common language'})", quantity),
        }

    def counted(code: str) -> bool:
        return zero_shot(code, system.train_language) and column.counts(code)

    languages = [b.language for b in blocks if counted(b.language)]
    if not languages:
        return {**head, **untested(UNKNOWN if system.train_language in UNSAID else "no zero-shot language", quantity)}
    counts: list[Sums] = contrasts.taken(blocks, runs)
    shares = np.array([[float(b.language in languages) / len(languages) for b in blocks]])
    try:
        (found,) = moments(counts, shares, panel.clusters)
    except ValueError:
        return {**head, **untested(contrasts.too_few([b.language for b in blocks], counts, languages), quantity)}
    seeds = len(paired.runs[0])
    places = [list(range(i * seeds, (i + 1) * seeds)) for i in range(len(arms))]
    row = contrasts.numbers(differences(found, places, weights[None, :]), seeds, found.clusters)
    n = sum(b.count(runs) for b in blocks if b.language in languages)
    whole = len(languages) + sum(map(counted, panel.lacking(runs)))
    row |= {"n": n, "languages": len(languages), "languages_in_any": whole}
    return {**head, "level": level, "language": contrasts.mean_of(paired), **row}


__all__ = ["FEWEST_SIZES", "System", "interactions"]
