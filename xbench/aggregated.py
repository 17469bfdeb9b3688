"""Systems of which only numbers are known: what two published scores allow to say, and no more."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np

from xbench.contrasts import ALPHA, PRINTED, UNKNOWN, Quantity, Row, mean_of, rounded, support, untested
from xbench.languages import UNSAID, called, zero_shot
from xbench.pairing import Column, Paired, absent
from xbench.stats import aggregates, families

_ROUNDING = 0.0005  # published tables are rounded to a tenth of a point
SEEDS = "new seeds, this test set"  # the scope of Welch's test


def rows(
    con: duckdb.DuckDBPyConnection,
    column: Column,
    trained: str,
    paired: Paired,
    by: str = "language",
    groups: Mapping[str, str] | None = None,
    adjust: str = "holm",
) -> list[Row]:
    """A row a language, or set of languages of which sources printed the mean, and one for the mean over the zero-shot languages.

    Accuracies with a number of items get the interval that holds if the two are independent (too wide where they find the same items hard)
    and the range of McNemar's p over all ways in which they may disagree; a verdict only if the largest is significant after adjustment.
    Two runs or more get Welch's test over seeds, for this test set; the mean over six languages or more a test of the typical language.
    What not every run has a number for is not tested.

    Args:
        con: From xbench.store.connect.
        column: Which numbers.
        trained: The training language of both systems (see `languages.both`).
        paired: The runs of both.
        by: What the rows are besides the mean: languages; `family` or `script`, by the `groups` of languages; or nothing else (`mean`).
        groups: {language: its family or script}.
        adjust: Of p over the languages; `max-t` takes examples, and is Holm's here.
    """
    if paired.problem:
        return [untested(paired.problem)]
    values = _values(con, column, [r for own in paired.runs for r in own])
    if not any(all(r in held for own in paired.runs for r in own) for held in values.values()):
        return [untested("the sources have numbers for different languages")]
    several = sum(bool(languages) for _, languages in values) > 1
    every = [
        _row(column, Quantity(PRINTED if over else "language", called(code, over, several=several), (code,)), held, paired)
        for (code, over), held in values.items()
    ]
    for level in ("language", PRINTED):  # a printed mean asks the languages' question again
        _decide([r for r in every if r["level"] == level], adjust)
    unseen = [r for r in every if r["level"] == "language" and zero_shot(r["language"], trained) and column.counts(r["language"])]
    found = every if by == "language" else [r for r in every if r["level"] == PRINTED and by == "mean"]
    if trained in UNSAID:
        return [*found, untested(UNKNOWN)]
    if groups is not None:
        of = [groups.get(r["language"], "unknown") for r in unseen]
        found = [_mean([r for r, g in zip(unseen, of, strict=True) if g == name], by, name, paired) for name in sorted(set(of))]
    if unseen:
        found = [*found, _mean(unseen, "mean", mean_of(paired), paired)]
    why = "only means that sources printed are known" if any(r["level"] == PRINTED for r in every) else "no zero-shot language"
    return found or [untested(why)]


# A number of a run, and of how many items it is.
_Value = tuple[float, int | None]


def _values(con: duckdb.DuckDBPyConnection, column: Column, runs: list[str]) -> dict[tuple[str, str], dict[str, _Value]]:
    """{(language, or `mul` and the languages that a printed mean is over): {run id: its number}}."""
    found: dict[tuple[str, str], dict[str, _Value]] = {}
    for language, languages, run, value, n in con.execute(
        "SELECT language, coalesce(language_set, ''), run_id, value, n FROM score WHERE split = 'test' AND metric = ? AND scorer = ? "
        "AND dataset_revision = ? AND list_contains(?, run_id) ORDER BY ALL",
        [column.metric, column.scorer, column.dataset_revision, runs],
    ).fetchall():
        found.setdefault((language, languages), {})[run] = value, n
    return found


def _row(column: Column, what: Quantity, held: dict[str, _Value], paired: Paired) -> Row:
    lacking = {r for own in paired.runs for r in own} - held.keys()
    if lacking:
        return untested(absent(paired, lacking), what)
    one, two = ([held[r] for r in own] for own in paired.runs)
    sizes = {None if column.mined else n for _, n in (*one, *two)}  # what is mined differs on the same data
    return _number(column, what, [v for v, _ in one], [v for v, _ in two], sizes, paired)


def _seeds(paired: Paired) -> int | None:
    """How many seeds each system has at least; None where that is not known."""
    return None if any(None in own for own in paired.seeds) else min(map(len, paired.seeds))


def _number(column: Column, what: Quantity, one: list[float], two: list[float], sizes: set[int | None], paired: Paired) -> Row:
    """The numbers of the runs of both, which are of so many items; None where that is not known."""
    means = [float(np.mean(v)) for v in (one, two)]
    row = untested("only averages are known", what)
    row |= {"value": rounded(means[0]), "against_value": rounded(means[1]), "languages": 1}
    if len(known := sorted(n for n in sizes if n is not None)) > 1:  # so there is no difference to show, either
        return row | {"status": f"not testable: not comparable, {' and '.join(map(str, known))} examples"}
    row["delta"] = rounded(means[0] - means[1])
    runs, seeds = min(len(one), len(two)), _seeds(paired)
    if runs > 1 and len(set(one)) == len(set(two)) == 1:  # as rounded: no spread is seen, which does not mean that there is none
        row |= {"low": rounded(row["delta"] - 2 * _ROUNDING), "high": rounded(row["delta"] + 2 * _ROUNDING), "seeds": seeds}
        row |= {"scope": SEEDS, "status": "not testable: the runs of each system print the same number, so their spread is not known"}
    elif runs > 1:
        found = aggregates.welch(
            (means[0], means[1]),
            (float(np.std(one, ddof=1)), float(np.std(two, ddof=1))),
            (len(one), len(two)),
        )
        row |= _numbers(found.low, found.high, found.p, found.df) | {"seeds": seeds, "scope": SEEDS}
        row |= {"p_adjusted": found.p, "status": "averages only: Welch over seeds, this test set"}
    elif len(one) != len(two):
        row["status"] = f"not testable: only averages are known, of {len(one)} and {len(two)} run(s): one run says nothing of how runs vary"
    elif what.level == PRINTED:  # the items of languages are often translations of each other, and each language counts the same
        row["status"] = "not testable: the spread of a mean over languages is not known, only averages are"
    elif column.metric == "accuracy" and known and None not in sizes:
        bounds = aggregates.two_accuracies(means[0], means[1], known[0], _ROUNDING)
        row |= _numbers(bounds.low, bounds.high, bounds.p_bound, None) | {"n": known[0], "seeds": seeds, "scope": "these runs"}
        row["status"] = f"averages only: p of McNemar between {bounds.p_smallest:.2g} and {bounds.p_largest:.2g}"
        row["p_adjusted"] = bounds.p_largest  # adjusted below: what holds at worst
    elif column.metric != "accuracy":
        row["status"] = f"not testable: the spread of {column.metric} over examples is not known, only averages are"
    return row


def _decide(rows: list[Row], adjust: str) -> None:
    """Adjust what holds at worst over the languages; a verdict only where that is significant."""
    with_p = [r for r in rows if r["p_adjusted"] is not None]
    adjusted = families.ADJUSTMENTS["holm" if adjust == "max-t" else adjust]
    for row, p in zip(with_p, adjusted(np.array([r["p_adjusted"] for r in with_p], dtype=np.float64)), strict=True):
        row |= {"p_adjusted": rounded(p), "family": 1 if adjust == "none" else len(with_p)}
        unknown = "unresolved" if row["scope"] == SEEDS else "not testable"
        row["verdict"] = unknown if p > ALPHA else "higher" if row["delta"] > 0 else "lower"


def _numbers(low: float, high: float, p: float, df: float | None) -> dict[str, Any]:
    return {"low": rounded(low), "high": rounded(high), "p": rounded(p), "df": None if df is None else rounded(df)}


def _mean(rows: list[Row], level: str, name: str, paired: Paired) -> Row:
    """Over the languages without labels that every run has, of those that there are in any."""
    whole, unseen = len(rows), [r for r in rows if r["delta"] is not None]
    row = untested("only averages are known", Quantity(level, name, ()))
    row["seeds"] = _seeds(paired)
    if not unseen:
        return row
    deltas = np.array([r["delta"] for r in unseen])
    row |= {
        "value": rounded(np.mean([r["value"] for r in unseen])),
        "against_value": rounded(np.mean([r["against_value"] for r in unseen])),
        "languages_in_any": whole,
        "delta": rounded(deltas.mean()), "languages": len(deltas), "up": int((deltas > 0).sum()), "down": int((deltas < 0).sum()),
    }  # fmt: skip
    if len(deltas) >= aggregates.FEWEST_LANGUAGES:
        typical = aggregates.typical_language(deltas)
        row["status"] = (
            f"averages only: up in {typical.up} and down in {typical.down} of {typical.languages} languages (sign test "
            f"p = {typical.p_sign:.2g}): about these trained systems in a typical language, not recipes, as languages share a training"
        )
    partial = support(row)
    return row | ({"status": f"{row['status']}; {partial}"} if partial else {})
