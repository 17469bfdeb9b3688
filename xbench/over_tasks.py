"""Differences over several tasks: the mean over the targets two systems share, and the averages of a suite such as XTREME.

Test sets of different tasks share no item, but the runs of one seed share the intermediate checkpoint: the variance over seeds is that of
the means over tasks, seed by seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from xbench import contrasts, pairing, store
from xbench.contrasts import Quantity, Row, rounded, untested
from xbench.languages import UNSAID, both, zero_shot
from xbench.pairing import TO_DIRECT, Block, Column, Store, System
from xbench.stats.ratios import Moments, combine, differences, moments
from xbench.tables import grouped

EXACT_MATCH = "exact_match"


@dataclass(frozen=True, slots=True)
class Average:
    """What is averaged: tasks, each over its languages and, for questions, over exact match and F1.

    Attributes:
        name: Of the average.
        scorers: {target: the scorer that counts, or None where xbench has none}; None for whatever the two systems share.
        zero_shot: Whether the training language is left out.
    """

    name: str
    scorers: Mapping[str, str | None] | None
    zero_shot: bool


def over_tasks(
    root: Store,
    first: Mapping[str, str] | None = None,
    against: Mapping[str, str] | None = None,
    suite: str | None = None,
    margin: float | None = None,
    **where: Any,
) -> list[Row]:
    """Mean differences over tasks, one row a pair of systems and average.

    Args:
        root: The store, or a connection to it.
        first: As in `comparing.compare`.
        against: Likewise.
        suite: Only this average (`xtreme`, `xtreme: tagging`, `tasks`); all that have a task in the store if not given.
        margin: As in `comparing.Asked`.
        where: {column of the view result: value}; those on what the first system is choose rows once all are adjusted. With a metric
            there is the plain `tasks` alone, as a suite has its own.

    Returns:
        Rows as of `comparing.compare`, with level `tasks`, target the name of the average, language how many tasks of how many took part
        and which, and whether a step was selected on target languages (`not zero-shot`); p_adjusted by Holm over the pairs with one
        baseline. Averages of a suite count every language and official scorers; the plain `tasks` is the zero-shot mean by the main metric
        of every target that the two share. Where both have a target by several scorers, or on several revisions of its data, there is no
        test: none of them is chosen, nor are they pooled.
    """
    change = dict(against or TO_DIRECT)
    where, later = pairing.parted(where, pairing.fixed_fields(change))
    first = {**{c: v for c, v in later.items() if c in pairing.SYSTEM}, **(first or {})}
    with store.reading(root) as con:
        columns = pairing.columns(con, where)
        averages = [a for a in _averages(con) if suite in (None, a.name) and (a.scorers is None or where.get("metric") is None)]
        metrics = ("accuracy", "f1", EXACT_MATCH) if any(a.scorers is not None for a in averages) else ()
        every = [c for m in metrics for c in pairing.columns(con, {**where, "metric": m})]
        found = []
        for average in averages:
            used = columns if average.scorers is None else every
            wanted, others = _pairs(used, first, change)
            rows = [_row(con, used, *pair, average, change) for pair in (*wanted, *others)]
            _adjust([r for r in rows if r], change, margin)
            found += [r for r in rows[: len(wanted)] if r]
        return pairing.meeting(con, found, later)


def _averages(con: duckdb.DuckDBPyConnection) -> list[Average]:
    found = [Average("tasks", None, zero_shot=True)]
    rows = con.execute("SELECT suite, rule, task_group, target, scorer FROM suite_task ORDER BY ALL").fetchall()
    groups: dict[str, dict[str, str | None]] = {}
    for suite, rule, group, target, scorer in rows:
        if rule == "official":
            groups.setdefault(suite, {})[target] = scorer
            groups.setdefault(f"{suite}: {group}", {})[target] = scorer
    return [*found, *(Average(name, scorers, zero_shot=False) for name, scorers in groups.items())]


def _pairs(
    columns: Sequence[Column], first: Mapping[str, str], change: Mapping[str, str]
) -> tuple[list[tuple[System, System]], list[tuple[System, System]]]:
    """The pairs asked for, and the others with the same baselines, which are adjusted together with them."""
    found: dict[tuple[System, System], None] = {}
    for column in columns:
        others = pairing.counterparts(column, change)
        for system in column.systems:
            if any(getattr(system, f) != v for f, v in change.items()):
                found |= {(system, other): None for other in others(system)}
    wanted = [p for p in found if all(getattr(p[0], f) == v for f, v in first.items())]
    baselines = {b for _, b in wanted}
    return wanted, [p for p in found if p[1] in baselines and p not in wanted]


def _row(
    con: duckdb.DuckDBPyConnection, columns: Sequence[Column], one: System, two: System, average: Average, change: Mapping[str, str]
) -> Row | None:
    head = {
        "target": average.name, "metric": "mean", "scorer": "official" if average.scorers else "main", "dataset_revision": "",
        **{f: getattr(one, f) for f in pairing.SYSTEM}, "parameters": None,
        "against": ", ".join(v if f == "intermediate" else f"{f}={v}" for f, v in change.items()),
        **{f"against_{f}": getattr(two, f) for f in pairing.SYSTEM}, "margin": None, "p_equivalent": None,
    }  # fmt: skip
    there: dict[str, list[Column]] = {}
    for column in columns:
        stored = one in column.systems and two in column.systems and column.systems[one].stored and column.systems[two].stored
        if stored and (average.scorers is None or average.scorers.get(column.target) == column.scorer):
            there.setdefault(column.target, []).append(column)
    # An intermediate task is not its own target: a system lacks it for good.
    choices = {t: _counting(con, t, c, official=average.scorers is not None) for t, c in sorted(there.items())}
    choices = {t: c for t, c in choices.items() if c}
    if len(choices) < 2:
        return None
    expected = len(average.scorers) if average.scorers else len(choices)
    selected = any(c.systems[s].selected for some in choices.values() for own in some for c in own for s in (one, two))
    counted = f"{len(choices)} of {expected} tasks{contrasts.SELECTED if selected else ''}"
    quantity = Quantity("tasks", f"{counted}: {' '.join(choices)}", ())
    if ambiguous := [f"{t}: {_different(c)}" for t, c in choices.items() if len(c) > 1]:
        return {**head, **untested("; ".join(ambiguous), quantity)}
    parts = {t: own for t, (own,) in choices.items()}
    to_direct = change == TO_DIRECT
    paired = [(t, pairing.pair([c.systems[one], c.systems[two]], same_seeds=to_direct)) for t, own in parts.items() for c in own]
    problems = dict.fromkeys(f"{t}: {p.problem}" for t, p in paired if p.problem)
    if problems:
        return {**head, **untested("; ".join(problems), quantity)}
    # The mean of a run over tasks is that of its seed, so a seed has to be there in every task; of both, as in each task.
    whole = [set.intersection(*(set(c.systems[s].by_seed) for own in parts.values() for c in own)) for s in (one, two)]
    seeds = [pairing.in_order(own & whole[1 - i] if to_direct else own) for i, own in enumerate(whole)]
    if not all(seeds):
        return {**head, **untested("no seed is there in every task", quantity)}
    measured = [_task(con, own, (one, two), seeds, average) for own in parts.values()]
    reasons = [m for m in measured if isinstance(m, str)]
    if reasons:
        return {**head, **untested("; ".join(reasons), quantity)}
    taken = [m for m in measured if not isinstance(m, str)]
    found = combine([m for m, _ in taken], [1 / len(parts)] * len(parts))
    named = " ".join(f"{target}{partial}" for target, (_, partial) in zip(parts, taken, strict=True))
    first, second = map(len, seeds)
    estimate = differences(found, [range(first), range(first, first + second)], contrasts.PAIR)
    row = contrasts.numbers(estimate, min(first, second), found.clusters)
    row |= {"value": rounded(found.scores[:first].mean()), "against_value": rounded(found.scores[first:].mean()), "languages": None}
    return {**head, "level": "tasks", "language": f"{counted}: {named}", **row}


def _counting(con: duckdb.DuckDBPyConnection, target: str, columns: list[Column], *, official: bool) -> list[list[Column]]:
    """The columns of a target that count: its metric and, in a suite, exact match beside the F1 of answers.

    Several where there are several to choose from, each of one scorer and revision of the data.
    """
    found = con.execute("SELECT DISTINCT family, metric FROM task_language WHERE target = ?", [target]).fetchall()
    family, metric = found[0] if found else ("", "")
    if not official:
        return [[c] for c in columns if c.metric == metric] or [[c] for c in columns]
    wanted = {metric, EXACT_MATCH} if family == "qa" else {metric}
    sets: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        if column.metric in wanted:
            sets.setdefault((column.scorer, column.dataset_revision), []).append(column)
    return [own for own in sets.values() if len(own) == len(wanted)]


def _different(choices: Sequence[Sequence[Column]]) -> str:
    """Why none of several columns of a target is taken: what they differ in. As `ambiguous` in the view suite_task_score."""
    values = {f: dict.fromkeys(getattr(own[0], f) for own in choices) for f in ("metric", "scorer", "dataset_revision")}
    said = [f"{f.replace('_', ' ')} {' or '.join(v)}" for f, v in values.items() if len(v) > 1]
    return f"ambiguous, {', '.join(said)}"


def _task(
    con: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    arms: tuple[System, System],
    seeds: Sequence[Sequence[int | None]],
    average: Average,
) -> tuple[Moments, str] | str:
    """The moments of one task, runs of the first system before those of the second, and of how many languages; or why there are none."""
    one, two = arms
    blocks: list[Block] = []
    lacking: set[str] = set()
    marks, clusters = set(), 0
    orders: list[list[str]] = []
    for column in columns:
        runs = [column.systems[s].by_seed[seed] for s, own in zip(arms, seeds, strict=True) for seed in own]
        panel = pairing.load_panel(con, column, runs)
        own, different = panel.common(runs)
        if doubled := panel.doubled(runs):
            return f"{column.target}: {doubled[0]}"
        if different or not own:
            return f"{column.target}: other examples ({'; '.join(different) or 'no common language'})"
        lacking |= panel.lacking(runs).keys()
        clusters = max(clusters, panel.clusters)
        marks.add(tuple((b.language, b.examples) for b in own))
        blocks += own
        orders += [runs] * len(own)
    if len(marks) > 1:
        return f"{columns[0].target}: its metrics were measured on different examples"
    languages, trained = [b.language for b in blocks], both(one.train_language, two.train_language)
    expected = set(columns[0].covered)

    def in_mean(code: str) -> bool:
        return columns[0].counts(code) and zero_shot(code, trained) if average.zero_shot else code in expected

    counted = [code for code in languages if in_mean(code)]
    if not average.zero_shot and set(counted) < expected:
        return f"{columns[0].target}: {len(set(counted))} of {len(expected)} languages"
    if not counted:
        return f"{columns[0].target}: {contrasts.UNKNOWN if trained in UNSAID else 'no zero-shot language'}"
    whole = len(set(counted)) + sum(in_mean(code) for code in lacking if average.zero_shot)
    counts = [contrasts.taken([b], runs)[0] for b, runs in zip(blocks, orders, strict=True)]
    shares = np.array([[float(code in counted) / len(counted) for code in languages]])
    try:
        return moments(counts, shares, clusters)[0], f" ({len(set(counted))} of {whole} languages)" if len(set(counted)) < whole else ""
    except ValueError:
        return f"{columns[0].target}: {contrasts.too_few(languages, counts, counted)}"


def _adjust(rows: Sequence[Row], change: Mapping[str, str], margin: float | None) -> None:
    for own in grouped([r for r in rows if r["status"] == "tested"], pairing.AGAINST):
        contrasts.adjust(own)
        contrasts.decide(own, contrasts.words(change), margin)
