"""Is a difference real? One system against another, above all every intermediate task against its direct baseline.

Runs are paired by seed and conditions, examples by id. With one seed the question that can be answered is whether these two trained systems
differ on new items; with two seeds or more, whether the recipes do, on new items and with new seeds. Families: the languages of a contrast;
and the contrasts that share a baseline, for their means over languages. Both are taken whole before rows are filtered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import duckdb
import numpy as np

from xbench import aggregated, contrasts, keeping, pairing, store
from xbench.contrasts import ALPHA, MEAN, Quantity, Row, rounded
from xbench.errors import StoreError
from xbench.languages import both, labelled
from xbench.pairing import TO_DIRECT, Column, Store, System
from xbench.stats import families
from xbench.tables import many

By = Literal["language", "family", "script", "mean"]
ADJUSTMENTS = (*families.ADJUSTMENTS, "max-t")
CONTRAST = (*pairing.COLUMN, *pairing.SYSTEM, "against", *pairing.AGAINST)  # rows that agree in these are one contrast
_RUNS = ("seed_list", "against_seed_list", "run_ids", "against_run_ids")
COLUMNS = (
    *pairing.COLUMN, *pairing.SYSTEM, "parameters", "against", *pairing.AGAINST, *contrasts.untested(""), "margin", "p_equivalent", *_RUNS
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared.

    Attributes:
        first: {field of pairing.SYSTEM: value} of the first system; {} is every system that has a second one.
        against: The fields in which the second differs, with its values; all others agree.
        by: What a row is: a language, a family or script of languages (means over the zero-shot languages in it), or their mean alone;
            where a step was selected on target languages the same means are called contrasts.NOT_ZERO_SHOT.
        adjust: For the languages of a contrast: holm, bh, by, none; or max-t, which takes p and joint
            intervals from the bootstrap, over items alone.
        margin: A difference smaller than this, as a fraction, does not matter: unresolved differences are tested for that.
        confirm: Whether to add bootstrap, randomisation and McNemar's test.
    """

    first: Mapping[str, str]
    against: Mapping[str, str]
    by: By = "language"
    adjust: str = "holm"
    margin: float | None = None
    confirm: bool = False

    def __post_init__(self) -> None:
        """Refuse what does not exist, all at once."""
        problems = [f"{f} is no field of a system" for f in (*self.first, *self.against) if f not in pairing.SYSTEM]
        if self.adjust not in ADJUSTMENTS:
            problems.append(f"adjustment {self.adjust!r} is none of {', '.join(ADJUSTMENTS)}")
        if self.margin is not None and not (isinstance(self.margin, int | float) and 0 < self.margin < 1):
            problems.append(f"margin {self.margin!r} is not above 0 and below 1 (100 points)")
        if self.by not in get_args(By):
            problems.append(f"by {self.by!r} is none of {', '.join(get_args(By))}")
        if problems:
            unknown = any(f not in pairing.SYSTEM for f in (*self.first, *self.against))
            raise StoreError(f"fields are {', '.join(pairing.SYSTEM)}" if unknown else "nothing was compared", problems)

    @property
    def label(self) -> str:
        """The second system, in as few words as say it."""
        return ", ".join(v if f == "intermediate" else f"{f}={v}" for f, v in self.against.items())


def compare(
    root: Store,
    first: Mapping[str, str] | None = None,
    against: Mapping[str, str] | None = None,
    *,
    by: By = "language",
    adjust: str = "holm",
    margin: float | None = None,
    confirm: bool = False,
    cache: bool = True,
    **where: Any,
) -> list[Row]:
    """Compare systems: a row a language (or group), and one for the mean over the zero-shot languages.

    Args:
        root: The store, or a connection to it.
        first: As in Asked.
        against: Likewise; the direct baseline if not given.
        by: Likewise.
        adjust: Likewise.
        margin: Likewise.
        confirm: Likewise.
        cache: Whether to take rows that were kept for the same scores.
        where: {column of the view result: value}; None is no condition. Without `metric`, the metric that counts for the target. Those on
            what the first system is (`intermediate`), and on `language`, choose rows once all are adjusted.

    Returns:
        Rows with the fields of both systems (those of the second after `against_`, None where there is none), value, against_value,
        delta, low, high (95 %), p, p_adjusted (over `family` tests), detectable (80 % power), power, n, clusters, languages (of a mean:
        over how many, of the languages_in_any that any of the runs has), seeds, scope (`recipe` or `these runs`), verdict (helps, hurts,
        unresolved, equivalent, not testable; higher and lower when it is not the direct baseline) and status (`tested`, or why not).
        Fractions, as in the store.

    Raises:
        StoreError: If a file cannot be read, a condition is not a column, or an option does not exist.
    """
    where, later = pairing.parted(where, pairing.fixed_fields(against or TO_DIRECT))
    language = later.pop("language", None)
    only = {c: v for c, v in later.items() if c in pairing.SYSTEM}
    asked = Asked({**only, **(first or {})}, against or TO_DIRECT, by, adjust, margin, confirm)
    with store.reading(root) as con:
        found = []
        groups = dict(con.execute(f"SELECT language, {by} FROM language ORDER BY ALL").fetchall()) if by in ("family", "script") else None
        for column in pairing.columns(con, where):
            key = [column.key, pairing.content(con, column), asked.first, asked.against, by, groups, adjust, margin, confirm]

            def compute(column: Column = column) -> list[Row]:
                return _column(con, column, asked, groups)

            rows = keeping.kept(key, compute) if cache else compute()
            found += pairing.meeting(con, rows, later, column.key)
        return [r for r in found if language in (None, r["language"])]


def _column(con: duckdb.DuckDBPyConnection, column: Column, asked: Asked, groups: Mapping[str, str] | None) -> list[Row]:
    """All contrasts of one column."""
    others = pairing.counterparts(column, asked.against)
    nobody: Sequence[System | None] = (None,)
    pairs: list[tuple[System, System | None]] = [
        (system, other)
        for system in column.systems
        if any(getattr(system, f) != v for f, v in asked.against.items())
        for other in others(system) or nobody
    ]
    chosen = [_meets(a, asked) for a, _ in pairs]
    if not any(chosen):
        return []
    baselines = {b for (_, b), c in zip(pairs, chosen, strict=True) if c}
    # Whole families: of the others, those that can be tested and so have a p to adjust over.
    pairs = [p for p, c in zip(pairs, chosen, strict=True) if c or (p[1] in baselines and _both_stored(column, p))]
    wanted = {r for pair in pairs for s in pair if s and column.systems[s].stored for r in column.systems[s].by_seed.values()}
    measured = contrasts.Measured(pairing.load_panel(con, column, sorted(wanted)))
    found = [_contrast(con, column, a, b, measured, asked, groups) for a, b in pairs]
    _means(pairs, found, asked)
    return [row for (a, _), rows in zip(pairs, found, strict=True) if _meets(a, asked) for row in rows]


def _meets(system: System, asked: Asked) -> bool:
    return all(getattr(system, f) == v for f, v in asked.first.items())


def _both_stored(column: Column, pair: tuple[System, System | None]) -> bool:
    return pair[1] is not None and column.systems[pair[0]].stored and column.systems[pair[1]].stored


def _contrast(
    con: duckdb.DuckDBPyConnection,
    column: Column,
    first: System,
    second: System | None,
    measured: contrasts.Measured,
    asked: Asked,
    groups: Mapping[str, str] | None,
) -> list[Row]:
    one = column.systems[first]
    two = column.systems[second] if second else None
    head = {
        **column.key, **{f: getattr(first, f) for f in pairing.SYSTEM}, "parameters": one.parameters, "against": asked.label,
        **{f"against_{f}": getattr(second, f, None) for f in pairing.SYSTEM},
    }  # fmt: skip
    if two is None:
        what = "direct baseline" if asked.against == TO_DIRECT else asked.label
        row = contrasts.untested(f"no {what} under the same conditions") | {"margin": asked.margin, "p_equivalent": None}
        return [{**head, **row, **_provenance(pairing.Paired((), ()))}]
    paired = pairing.pair([one, two], same_seeds=asked.against == TO_DIRECT)
    stored = one.stored and two.stored
    trained = both(one.system.train_language, two.system.train_language)
    if stored:
        rows = _stored(column, trained, paired, measured, asked, groups)
    else:
        rows = aggregated.rows(con, column, trained, paired, asked.by, groups, asked.adjust)
    for row in rows:
        row |= {"margin": asked.margin, "p_equivalent": None}
    _family(rows, asked)
    return [{**head, **row, **_provenance(paired)} for row in rows]


def _provenance(paired: pairing.Paired) -> Row:
    """Which runs a row stands on, and in which order."""
    runs, against = (" ".join(own) for own in paired.runs) if paired.runs else ("", "")
    seeds, others = (" ".join(map(pairing.shown_seed, own)) for own in paired.seeds) if paired.seeds else ("", "")
    return dict(zip(_RUNS, (seeds, others, runs, against), strict=True))


def _stored(
    column: Column, trained: str, paired: pairing.Paired, measured: contrasts.Measured, asked: Asked, groups: Mapping[str, str] | None
) -> list[Row]:
    """Both have their examples stored; `trained` is the training language of both."""
    if paired.problem:
        return [contrasts.untested(paired.problem)]
    panel = measured.panel
    runs = {r for own in paired.runs for r in own}
    blocks, different = panel.common(runs)
    doubled = panel.doubled(runs)
    problems = [*(f"the runs were tested on different examples ({d})" for d in different[:1]), *doubled[:1]]
    if different or doubled:
        more = len(different) + len(doubled) - len(problems)
        return [contrasts.untested("; ".join(problems) + (f"; and {more} more language(s)" if more else ""))]
    if not blocks:
        return [contrasts.untested("no language is there in every run")]
    lacking = panel.lacking(runs)
    there = {b.language for b in blocks}
    codes = sorted(there | lacking.keys())
    whole = contrasts.quantities(codes, trained, groups, asked.by, contrasts.mean_of(paired), column.counts)
    quantities = [replace(q, languages=held) for q in whole if (held := tuple(c for c in q.languages if c in there))]
    rows = contrasts.test(measured, blocks, quantities, paired) if quantities else []
    tested = [(r, q) for r, q in zip(rows, quantities, strict=True) if r["status"] == "tested"]
    if (asked.confirm or asked.adjust == "max-t") and tested:
        counted = {code for _, q in tested for code in q.languages}
        contrasts.confirm([b for b in blocks if b.language in counted], [r for r, _ in tested], [q for _, q in tested], paired)
    return _completed(rows, whole, there, {code: pairing.absent(paired, without) for code, without in lacking.items()})


def _completed(rows: Sequence[Row], whole: Sequence[Quantity], there: Collection[str], lacking: Mapping[str, str]) -> list[Row]:
    """A row for all that could be asked, in its order: of what is in no language that every run has, that there is no test."""
    tested = iter(rows)
    found = []
    for quantity in whole:
        if any(code in there for code in quantity.languages):
            row = next(tested)
        else:
            reasons = dict.fromkeys(lacking[code] for code in quantity.languages)
            row = contrasts.untested("; ".join(reasons) or contrasts.UNKNOWN, quantity)
        found.append(row | {"languages_in_any": len(quantity.languages) or None})
    return found


def _family(rows: Sequence[Row], asked: Asked) -> None:
    """Adjust p over the languages, or groups, of one contrast and say what follows."""
    single = [r for r in rows if r["level"] != "mean" and r["status"] == "tested"]
    if not single:
        return
    p = np.array([r["p"] for r in single])
    if asked.adjust == "max-t":
        adjusted = np.array([r["p_max_t"] for r in single])
        for row in single:  # another question, and an interval that goes with it
            row |= {"scope": "these runs", "p": row["p_bootstrap"], "low": row["all_low"], "high": row["all_high"]}
    else:
        adjusted = families.ADJUSTMENTS[asked.adjust](p)
    for row, value in zip(single, adjusted, strict=True):
        row |= {"p_adjusted": rounded(value), "family": 1 if asked.adjust == "none" else len(single)}
    _verdicts(single, asked)


def _means(pairs: Sequence[tuple[System, System | None]], found: Sequence[Sequence[Row]], asked: Asked) -> None:
    """Adjust the p of the means over all contrasts with one baseline, by Holm."""
    by_baseline: dict[System | None, list[Row]] = {}
    for (_, baseline), rows in zip(pairs, found, strict=True):
        by_baseline.setdefault(baseline, []).extend(r for r in rows if r["level"] == "mean" and r["status"] == "tested")
    for means in by_baseline.values():
        contrasts.adjust(means)
        _verdicts(means, asked)


def _verdicts(rows: Sequence[Row], asked: Asked) -> None:
    contrasts.decide(rows, contrasts.words(asked.against), asked.margin)


def sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the rows of one contrast come to, in plain words."""
    single = [r for r in rows if r["level"] != "mean" and not labelled(r["language"], contrasts.trained_in(r))]
    single = [r for r in single if r["level"] != contrasts.PRINTED] or single
    tested = [r for r in single if r["status"] == "tested" or r["verdict"] in ("higher", "lower", "unresolved")]
    if not tested:
        means = [r for r in rows if r["status"] == "tested"]
        partial = means and contrasts.support(means[0])
        return f"{means[0]['verdict']} on average{f'; {partial}' if partial else ''}" if means else str(rows[0]["status"]) if rows else ""
    what = many(len(tested), tested[0]["level"])
    names = {v: [r["language"] for r in tested if r["verdict"] == v] for v in ("helps", "hurts", "higher", "lower", "equivalent")}
    open_ = [r for r in tested if r["verdict"] == "unresolved"]
    verbs = {"higher": "is higher", "lower": "is lower", "equivalent": "makes no difference that matters"}
    said = [f"{verbs.get(v, v)} in {len(codes)} of {what} ({' '.join(codes)})" for v, codes in names.items() if codes]
    if open_:
        said.append(f"unresolved in {len(open_)}" if said else f"unresolved in {'all ' if len(tested) > 1 else ''}{what}")
    if len(tested) < len(single):
        said.append(f"not testable in {len(single) - len(tested)}")
    said += [contrasts.support(r) for r in rows if r["level"] == "mean" and contrasts.support(r)]
    if tested[0]["scope"] == "these runs":
        why = "one seed" if tested[0]["seeds"] == 1 else "over items alone"
        said.append(f"{why}: this says that the trained systems differ, not that the recipes do")
    elif tested[0]["scope"] == aggregated.SEEDS:
        said.append("by averages alone: about new seeds on this test set, not about new items")
    return "; ".join(said)


__all__ = ["ADJUSTMENTS", "ALPHA", "COLUMNS", "CONTRAST", "MEAN", "TO_DIRECT", "Asked", "By", "compare", "sentence"]
