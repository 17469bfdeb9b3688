"""All against all: rank intervals and tiers from tests of every pair in a column. Filters come after, so they move nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, get_args

import duckdb
import numpy as np

from xbench import contrasts, keeping, pairing, store
from xbench.contrasts import Quantity, Row, rounded
from xbench.errors import StoreError
from xbench.languages import UNSAID, zero_shot
from xbench.pairing import Block, Column, Runs, Store, System
from xbench.stats import ranking
from xbench.stats.ratios import Moments, all_pairs, combine, differences

Over = Literal["all", "zero-shot"]
_UNRANKED = dict.fromkeys(("value", "low", "high", "rank_low", "rank_high", "tier", "systems", "seeds", "scope", "languages"))
_HEAD = (*pairing.COLUMN, *pairing.SYSTEM, "parameters")
STANDING = (*_HEAD, *_UNRANKED, "status")  # the columns of standings
_TEST = ("delta", "low", "high", "p", "p_adjusted", "family", "seeds", "against_seeds", "scope")
PAIR = (*_HEAD, *pairing.AGAINST, *_TEST)  # and of pairs


def _asked(over: str) -> None:
    if over not in get_args(Over):
        raise StoreError(f"over {over!r} is none of {', '.join(get_args(Over))}")


def standings(root: Store, *, over: Over = "all", cache: bool = True, **where: Any) -> list[Row]:
    """Every system of every column: mean over languages with its interval, the limits of its rank, its tier.

    Args:
        root: The store, or a connection to it.
        over: Mean over all languages that the task covers, or over the zero-shot ones; of a task that xbench does not know, over all.
        cache: Whether to take rows that were kept for the same scores.
        where: {column of the view result: value}; those about systems choose rows after ranking, the others columns before.

    Returns:
        Rows, best first in each column: the fields of the system, value, low, high, rank_low, rank_high, tier, systems (how many were
        ranked), seeds, languages, scope (what the ranks are about: `recipe`, or `these runs` as soon as one of the systems has a single
        run), status (`ranked`, or why not).

    Raises:
        StoreError: As `comparing.compare`.
    """
    _asked(over)
    with store.reading(root) as con:
        found = []
        where, later = pairing.parted(where)
        for column in pairing.columns(con, where):
            key = ["standings", column.key, over, pairing.content(con, column)]

            def compute(column: Column = column) -> list[Row]:
                return _ranked(con, column, over)

            found += pairing.meeting(con, keeping.kept(key, compute) if cache else compute(), later, column.key)
        return found


def pairs(root: Store, *, over: Over = "all", **where: Any) -> list[Row]:
    """Every pair of ranked systems of every column: difference, interval, p, p adjusted over all pairs (Holm), seeds and scope.

    Conditions on systems choose, once all are adjusted, the pairs of which both meet them.
    """
    _asked(over)
    with store.reading(root) as con:
        where, later = pairing.parted(where)
        columns = pairing.columns(con, where)
        return [r for c in columns for r in pairing.meeting(con, _pairs(con, c, over), later, c.key, ("", "against_"))]


def _measured(con: duckdb.DuckDBPyConnection, column: Column, over: Over) -> tuple[list[System], Any, dict[System, str]]:
    """The systems that can be ranked, their estimates, and why the others cannot."""
    why = {system: reason for system, held in column.systems.items() if (reason := _unfit(held, over))}
    stored = [system for system in column.systems if system not in why]
    if not stored:
        return [], None, why
    runs = sorted(r for s in stored for r in column.systems[s].by_seed.values())
    panel = pairing.load_panel(con, column, runs)
    if not panel.blocks:
        return [], None, {**why, **dict.fromkeys(stored, "no example is stored")}
    panel = replace(panel, blocks=tuple(b for b in panel.blocks if column.counts(b.language)))
    if not panel.blocks:
        return [], None, {**why, **dict.fromkeys(stored, "no language that the task covers")}
    doubled = {s: languages[0] for s in stored if (languages := panel.doubled(column.systems[s].by_seed.values()))}
    why |= doubled
    stored = [s for s in stored if s not in doubled]
    # Support is of what counts: that a system was not tested in a language which is left out anyway is no matter.
    counting = [b for b in panel.blocks if over == "all" or all(zero_shot(b.language, s.train_language) for s in stored)]
    if not counting:
        return [], None, {**why, **dict.fromkeys(stored, "no zero-shot language")}
    blocks, chosen = _support(counting, column, stored)
    for system in stored:
        if system not in chosen:
            why[system] = f"other languages or other examples than the {len(chosen)} that are ranked"
    if not blocks:
        return [], None, {**why, **dict.fromkeys(chosen, "its runs have no language with the same examples")}
    counted = tuple(b.language for b in blocks)
    blocks, chosen = _large_enough(blocks, column, chosen, why)
    if not chosen:
        return [], None, why
    order, (found,) = contrasts.Measured(panel).moments(blocks, [Quantity("mean", over, counted)])
    place = {run: i for i, run in enumerate(order)}
    arms = [[place[r] for r in column.systems[s].by_seed.values()] for s in chosen]
    return chosen, (found, arms, counted), why


def _unfit(held: Runs, over: Over) -> str:
    """Why a system takes no part, or empty."""
    if not held.stored:
        return "averages only"
    if held.doubled:
        return f"more than one run of seed {held.doubled[0]}"
    if over == "zero-shot" and held.selected:
        return "its step was selected on target languages, which is not zero-shot"
    if len(held.developed) > 1:
        return "the steps of its runs were selected on different development data"
    unknown = over == "zero-shot" and held.system.train_language in UNSAID
    return "the training language is not known" if unknown else ""


def _large_enough(blocks: list[Block], column: Column, systems: list[System], why: dict[System, str]) -> tuple[list[Block], list[System]]:
    """The systems with two clusters or more in every language, and their counts; says why of the others."""
    small = {run: b.language for b in blocks for run, lacking in zip(b.runs, b.sums.too_small, strict=True) if lacking}
    if not small:
        return blocks, systems
    for system in systems:
        lacking = [small[run] for run in column.systems[system].by_seed.values() if run in small]
        if lacking:
            why[system] = f"too little data: fewer than two clusters in {lacking[0]}"
    large = [s for s in systems if s not in why]
    return contrasts.alone(blocks, [r for s in large for r in column.systems[s].by_seed.values()]), large


def _support(blocks: Sequence[Block], column: Column, systems: Sequence[System]) -> tuple[list[Block], list[System]]:
    """The most languages that more than half of the systems were tested in, on the same examples; else those that most of them were."""
    held: dict[System, frozenset[int]] = {}
    for s in systems:
        runs = set(column.systems[s].by_seed.values())
        held[s] = frozenset(i for i, b in enumerate(blocks) if runs <= set(b.runs))
    counts: Mapping[frozenset[int], int] = {h: sum(h <= other for other in held.values()) for h in held.values() if h}
    half = [h for h in counts if 2 * counts[h] > len(systems)]
    best = max(half or counts, key=lambda h: (len(h) if half else 0, counts[h], len(h), [-i for i in sorted(h)]), default=frozenset())
    return [blocks[i] for i in sorted(best)], [s for s in systems if best <= held[s]]


def _ranked(con: duckdb.DuckDBPyConnection, column: Column, over: Over) -> list[Row]:
    chosen, measured, why = _measured(con, column, over)
    rows = []
    if chosen:
        found, arms, languages = measured
        ranked = _placed(found, arms)
        rows = [{**_head(column, s), **r, "languages": len(languages), "status": "ranked"} for s, r in zip(chosen, ranked, strict=True)]
        rows.sort(key=lambda r: (-r["value"], r["model"], r["intermediate"]))
    return rows + [{**_head(column, s), **_UNRANKED, "status": f"not ranked: {reason}"} for s, reason in why.items()]


def _placed(found: Moments, arms: Sequence[Sequence[int]]) -> list[Row]:
    """Value, interval, limits of the rank and tier of each system.

    Args:
        found: Of all runs.
        arms: The runs of each system, as numbers in `found`.
    """
    single = differences(found, arms, np.eye(len(arms)))
    ranks = ranking.ranks(single.value, differences(found, arms, all_pairs(len(arms))))
    low, high = single.interval()
    return [
        {
            "value": rounded(single.value[i]),
            "low": rounded(max(0.0, low[i])),
            "high": rounded(min(1.0, high[i])),
            "rank_low": int(ranks.best[i]),
            "rank_high": int(ranks.worst[i]),
            "tier": int(ranks.tier[i]),
            "systems": len(arms),
            "seeds": len(arm),
            "scope": _scope(arms),
        }
        for i, arm in enumerate(arms)
    ]


def _scope(arms: Sequence[Sequence[int]]) -> str:
    """What tests of these against one another are about."""
    return "recipe" if min(map(len, arms)) > 1 else "these runs"


def overall(root: Store, columns: Sequence[Mapping[str, Any]], *, over: Over = "all", cache: bool = True) -> list[Row]:
    """Systems by their mean over several tasks, with its interval, the limits of its rank, its tier.

    Only systems that are ranked in every one of the columns take part, each with the seeds that it has in all of them. Test sets of
    different tasks count as independent; runs of one seed do not, they share the intermediate checkpoint: the variance between runs is that
    of their means over tasks.

    Args:
        root: The store, or a connection to it.
        columns: For each task {column of the view result: value}, which must be one column of numbers.
        over: As in `standings`.
        cache: As in `standings`.

    Returns:
        Rows as of `standings`, without the fields of a column, and languages are those of all tasks together; none where no system is in
        all of them.

    Raises:
        StoreError: As `comparing.compare`; also if a column is not one, or two are of the same task, which are no independent evidence.
    """
    _asked(over)
    with store.reading(root) as con:
        parts: list[Column] = []
        later: dict[str, Any] = {}
        for where in columns:
            before, about = pairing.parted(where)
            later |= about
            found = pairing.columns(con, before)
            if len(found) != 1:
                raise StoreError(f"a mean over tasks takes one column of numbers each; {len(found)} are {dict(where)}")
            parts += found
        several = sorted({c.target for c in parts if sum(c.target == other.target for other in parts) > 1})
        if several:
            raise StoreError("a mean over tasks takes each task once", [f"{t} is there more than once" for t in several])
        key = ["overall", [c.key for c in parts], over, [pairing.content(con, c) for c in parts]]
        rows = keeping.kept(key, lambda: _overall(con, parts, over)) if cache else _overall(con, parts, over)
        return pairing.meeting(con, rows, later)


def _overall(con: duckdb.DuckDBPyConnection, columns: Sequence[Column], over: Over) -> list[Row]:
    measured = [_measured(con, column, over)[:2] for column in columns]
    shared = [s for s in measured[0][0] if all(s in chosen for chosen, _ in measured)]
    seeds = {s: [k for k in columns[0].systems[s].by_seed if all(k in c.systems[s].by_seed for c in columns)] for s in shared}
    shared = [s for s in shared if seeds[s]]
    if not shared:
        return []
    parts, languages = [], 0
    for column, (chosen, (found, arms, counted)) in zip(columns, measured, strict=True):
        places = {s: dict(zip(column.systems[s].by_seed, arm, strict=True)) for s, arm in zip(chosen, arms, strict=True)}
        order = [places[s][k] for s in shared for k in seeds[s]]
        parts.append(found.take(order))
        languages += len(counted)
    starts = np.cumsum([0, *(len(seeds[s]) for s in shared)])
    arms = [list(range(a, b)) for a, b in pairwise(starts)]
    ranked = _placed(combine(parts, [1 / len(parts)] * len(parts)), arms)
    rows = [
        {
            **{f: getattr(s, f) for f in pairing.SYSTEM},
            "parameters": columns[0].systems[s].parameters,
            **r,
            "languages": languages,
            "status": "ranked",
        }
        for s, r in zip(shared, ranked, strict=True)
    ]
    return sorted(rows, key=lambda r: (-r["value"], r["model"], r["intermediate"]))


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
                "seeds": len(arms[i]),
                "against_seeds": len(arms[j]),
                "scope": _scope([arms[i], arms[j]]),
            }
        )
    return rows


def _head(column: Column, system: System) -> Row:
    return {**column.key, **{f: getattr(system, f) for f in pairing.SYSTEM}, "parameters": column.systems[system].parameters}
