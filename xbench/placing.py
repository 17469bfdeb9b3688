"""All against all: rank intervals and tiers from tests of every pair in a column. Filters come after, so they move nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import duckdb
import numpy as np

from xbench import contrasts, keeping, pairing, store
from xbench.contrasts import Quantity, Row, rounded
from xbench.pairing import Block, Column, Panel, Store, System
from xbench.stats import ranking
from xbench.stats.ratios import all_pairs, differences

Over = Literal["all", "zero-shot"]
# Filters on systems, which must not change who takes part in the tests.
_SHOWN = ("model", "intermediate", "train_language", "source", "stack")


def standings(root: Store, *, over: Over = "all", cache: bool = True, **where: Any) -> list[Row]:
    """Every system of every column: mean over languages with its interval, the limits of its rank, its tier.

    Args:
        root: The store, or a connection to it.
        over: Mean over all languages, or over the zero-shot ones.
        cache: Whether to take rows that were kept for the same scores.
        where: {column of the view result: value}; those about systems choose rows after ranking, the others columns before.

    Returns:
        Rows, best first in each column: the fields of the system, value, low, high, rank_low, rank_high, tier, systems (how many were
        ranked), seeds, languages, scope, status (`ranked`, or why not).

    Raises:
        StoreError: As `comparing.compare`.
    """
    with store.reading(root) as con:
        found = []
        for column in pairing.columns(con, {c: v for c, v in where.items() if c not in _SHOWN}):
            key = ["standings", column.key, over, pairing.content(con, column)]

            def compute(column: Column = column) -> list[Row]:
                return _ranked(con, column, over)

            found += keeping.kept(key, compute) if cache else compute()
        return [r for r in found if all(r[c] == where[c] for c in _SHOWN if where.get(c) is not None)]


def pairs(root: Store, *, over: Over = "all", **where: Any) -> list[Row]:
    """Every pair of ranked systems of every column: difference, interval, p, and p adjusted over all pairs of the column (Holm)."""
    with store.reading(root) as con:
        return [r for column in pairing.columns(con, where) for r in _pairs(con, column, over)]


def _measured(con: duckdb.DuckDBPyConnection, column: Column, over: Over) -> tuple[list[System], Any, dict[System, str]]:
    """The systems that can be ranked, their estimates, and why the others cannot."""
    why: dict[System, str] = {}
    stored = []
    for system, held in column.systems.items():
        if not held.stored:
            why[system] = "averages only"
        elif held.doubled:
            why[system] = f"more than one run of seed {held.doubled[0]}"
        else:
            stored.append(system)
    if not stored:
        return [], None, why
    runs = sorted(r for s in stored for r in column.systems[s].by_seed.values())
    panel = pairing.load_panel(con, column, runs)
    if not panel.blocks:
        return [], None, {**why, **dict.fromkeys(stored, "no example is stored")}
    blocks, chosen = _support(panel, column, stored)
    for system in stored:
        if system not in chosen:
            why[system] = "other languages or other examples than most"
    languages = [b.language for b in blocks]
    train = {s.train_language for s in chosen}
    counted = tuple(code for code in languages if over == "all" or code not in train)
    if not counted:
        return [], None, {**why, **dict.fromkeys(chosen, "no zero-shot language")}
    try:
        order, (found,) = contrasts.Measured(panel).moments(blocks, [Quantity("mean", over, counted)])
    except ValueError as error:
        return [], None, {**why, **dict.fromkeys(chosen, f"too little data: {error}")}
    place = {run: i for i, run in enumerate(order)}
    arms = [[place[r] for r in column.systems[s].by_seed.values()] for s in chosen]
    return chosen, (found, arms, counted), why


def _support(panel: Panel, column: Column, systems: Sequence[System]) -> tuple[list[Block], list[System]]:
    """The languages and examples on which most systems can be compared: first the most languages, then the most systems."""
    held: dict[System, frozenset[int]] = {}
    for s in systems:
        runs = set(column.systems[s].by_seed.values())
        held[s] = frozenset(i for i, b in enumerate(panel.blocks) if runs <= set(b.runs))
    counts: Mapping[frozenset[int], int] = {h: sum(h <= other for other in held.values()) for h in held.values()}
    best = max(counts, key=lambda h: (len(h), counts[h], [-i for i in sorted(h)]))
    return [panel.blocks[i] for i in sorted(best)], [s for s in systems if best <= held[s]]


def _ranked(con: duckdb.DuckDBPyConnection, column: Column, over: Over) -> list[Row]:
    chosen, measured, why = _measured(con, column, over)
    rows = []
    if chosen:
        found, arms, languages = measured
        single = differences(found, arms, np.eye(len(arms)))
        ranks = ranking.ranks(single.value, differences(found, arms, all_pairs(len(arms))))
        low, high = single.interval()
        for i, system in enumerate(chosen):
            seeds = len(arms[i])
            rows.append(
                _head(column, system)
                | {
                    "value": rounded(single.value[i]),
                    "low": rounded(max(0.0, low[i])),
                    "high": rounded(min(1.0, high[i])),
                    "rank_low": int(ranks.best[i]),
                    "rank_high": int(ranks.worst[i]),
                    "tier": int(ranks.tier[i]),
                    "systems": len(chosen),
                    "seeds": seeds,
                    "languages": len(languages),
                    "scope": "recipe" if seeds > 1 else "these runs",
                    "status": "ranked",
                }
            )
        rows.sort(key=lambda r: (-r["value"], r["model"], r["intermediate"]))
    empty = dict.fromkeys(("value", "low", "high", "rank_low", "rank_high", "tier", "systems", "seeds", "languages", "scope"))
    return rows + [{**_head(column, s), **empty, "status": f"not ranked: {reason}"} for s, reason in why.items()]


def _pairs(con: duckdb.DuckDBPyConnection, column: Column, over: Over) -> list[Row]:
    chosen, measured, _ = _measured(con, column, over)
    if not chosen:
        return []
    found, arms, _ = measured
    estimate = differences(found, arms, all_pairs(len(arms)))
    adjusted = ranking.ranks(found.scores[[a[0] for a in arms]], estimate).p
    low, high = estimate.interval()
    rows = []
    for k, (i, j) in enumerate(zip(*np.triu_indices(len(arms), 1), strict=True)):
        other = chosen[j]
        rows.append(
            _head(column, chosen[i])
            | {f"against_{f}": getattr(other, f) for f in pairing.SYSTEM}
            | {
                "delta": rounded(estimate.value[k]),
                "low": rounded(low[k]),
                "high": rounded(high[k]),
                "p": rounded(estimate.p[k]),
                "p_adjusted": rounded(adjusted[i, j]),
                "family": len(estimate.value),
            }
        )
    return rows


def _head(column: Column, system: System) -> Row:
    return {**column.key, **{f: getattr(system, f) for f in pairing.SYSTEM}, "parameters": column.systems[system].parameters}
