"""What comparisons print: a table a contrast, one line a contrast, or ranks."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from xbench import board, comparing, contrasts, over_tasks, pairing, placing, scales, store, wording
from xbench.comparing import TO_DIRECT
from xbench.contrasts import Row
from xbench.errors import StoreError
from xbench.tables import LOG, Form, apart, emit, grouped, percent, points, show, signed
from xbench.wording import interval, needs, p_value, title, trained

# What tells systems apart beside their intermediate task: what is said where it differs, and what only where that is not enough.
_USUAL = ("model", "train_language", "recipe_id", "source")
_MORE = ("stack", "source_version", "relationship", "kind", "model_revision", "intermediate_revision")
BY = ("language", "family", "script", "task", "size", "source")
_NOTE = """\
percent and points with 95 % intervals; adjusted: p of a language over the languages ({adjust}), of a mean over the contrasts
with the same baseline (holm); MDE: smallest true difference found with 80 % power; needs: what would find one as large as
that seen; {made}. How a number was made: --explain
"""
_DELTA = "delta method clustered by item, with two seeds or more items and seeds together"
_MAX_T = "p and joint intervals of languages by the bootstrap, over items alone; of means by the delta method"
_MEANS = f"""\
points with 95 % intervals; adjusted: p over the contrasts with the same baseline (holm){{sizes}}; MDE: smallest true difference found
with 80 % power; {_DELTA}
"""
_SIZES = ",\nof interactions and slopes over those of an intermediate task and target"
_AVERAGES = """\
averages only: the interval is that of independent systems, too wide where both find the same items hard; p of McNemar's test lies in the
range over all ways in which the two may disagree, and there is a verdict only if the largest is significant after adjustment

"""
_RANKS = """\
rank: from 1 + how many are significantly better to n less how many are significantly worse (all pairs of a column, holm); a tier begins
with the first that is significantly worse than the best of the tier above; both are over the whole column, whatever rows are shown
"""
_PAIRS = "points with 95 % intervals; adjusted: p over all pairs of a column (holm), whatever rows are shown\n"


def conditions(words: Sequence[str] | None) -> list[dict[str, str]]:
    """Systems as they are written on the command line: a bare name is an intermediate task, `field=value,field=value` anything else.

    Raises:
        StoreError: With more than two, or a field that is said twice.
    """
    if len(words or []) > 2:
        raise StoreError("one system is compared with its direct baseline, two with each other; for more of them there is --all")
    found, problems = [], []
    for word in words or []:
        parts = [part.partition("=") for part in word.split(",")]
        said = [(field if equals else "intermediate", value if equals else field) for field, equals, value in parts]
        problems += [f"{word}: {f} is said twice" for f in dict.fromkeys(f for f, _ in said) if sum(g == f for g, _ in said) > 1]
        found.append(dict(said))
    if problems:
        raise StoreError("nothing was compared", problems)
    return found


def compare(root: Path, form: Form, systems: Sequence[str] | None, by: str, *, latex: bool, explain: bool, **options: Any) -> None:
    """Compare what was asked for and print it."""
    if by not in BY:
        raise StoreError(f"--by {by!r} is none of {', '.join(BY)}")
    rows_of_means = by not in ("language", "family", "script")
    unusual = {"--latex": latex, "--explain": explain, "--adjust": options["adjust"] != "holm", "--confirm": options["confirm"]}
    problems = [
        f"{name} goes with --by language, family and script, not with --by {by}" for name in unusual if rows_of_means and unusual[name]
    ]
    problems += [f"{name} prints text, not what --{form} asks for" for name in ("--latex", "--explain") if form != "text" and unusual[name]]
    problems += ["--latex prints tables alone, not what --explain asks for"] if latex and explain else []
    if problems:
        raise StoreError("nothing was compared", problems)
    given = conditions(systems)
    first, against = (given[0] if given else None), (given[1] if len(given) > 1 else None)
    if against:  # of which there is nothing, there are rows that say so
        board.refuse_unheard(root, {c: v for c, v in against.items() if c in pairing.SYSTEM})
    asked = {**options, **(first or {})}
    if not rows_of_means:
        rows = comparing.compare(root, first, against, by=cast(comparing.By, by), **options)
        _contrasts(root, form, rows, asked, latex=latex, explain=explain)
        return
    where = {k: options[k] for k in ("target", "model", "source", "metric", "intermediate") if options.get(k) is not None}
    with store.reading(root) as con:
        rows = comparing.compare(con, first, against, by="mean", **options)
        if by == "task":
            rows += over_tasks.over_tasks(con, first, against, margin=options["margin"], **where)
            _flat(root, rows, form, ("target", "model"), "by task", asked)
        elif by == "size":
            rows.sort(key=lambda r: (r["target"], r["intermediate"], r["parameters"] or 0))
            of_all = {k: v for k, v in (first or {}).items() if k not in ("model", "model_revision")}  # rows are of several models
            between = scales.interactions(con, margin=options["margin"], **{**where, **of_all})
            if form == "text" and not between:
                LOG.print("no intermediate task was run at two sizes under the same conditions: nothing to compare between sizes")
            rows += between
            _flat(root, rows, form, ("target", "model"), "by size of the model", asked)
        else:
            rows.sort(key=lambda r: (r["target"], r["metric"], r["model"], r["intermediate"], r["source"]))
            _flat(root, rows, form, ("target", "source", "model"), "by source", asked)


def _contrasts(root: Path, form: Form, rows: Sequence[Row], asked: Mapping[str, Any], *, latex: bool, explain: bool) -> None:
    """A table a contrast."""
    groups = grouped(rows, comparing.CONTRAST)
    every = [own[0] for own in groups]
    if not rows:
        _nothing(root, asked)
    if form != "text":
        emit(rows, form, comparing.COLUMNS)
    elif latex and rows:
        con = store.connect(root)
        try:
            sys.stdout.write("\n".join(wording.latex(own, store.snapshot(con), every, asked["adjust"]) for own in groups))
        finally:
            con.close()
    elif rows:
        for own in groups:
            _contrast(own, title(own, every), asked, explain=explain)
        sys.stdout.write(_NOTE.format(adjust=asked["adjust"], made=_MAX_T if asked["adjust"] == "max-t" else _DELTA))


def _contrast(rows: Sequence[Row], heading: str, options: Mapping[str, Any], *, explain: bool) -> None:
    if len(rows) == 1 and rows[0]["delta"] is None:
        sys.stdout.write(f"{heading}\n  {rows[0]['status']}\n\n")
        return
    columns, cells = _columns(rows)
    show(heading, columns, [cells(r) for r in rows], comparing.sentence(rows))
    if any("McNemar" in r["status"] for r in rows):
        sys.stdout.write(_AVERAGES)
    if options.get("confirm"):
        _confirmed(rows)
    if explain:
        sys.stdout.write("".join(f"  {line}\n" for line in wording.explanation(rows, options["adjust"])) + "\n")


def _nothing(root: Path, asked: Mapping[str, Any]) -> None:
    board.refuse_unheard(root, asked)
    LOG.print(f"nothing to compare in {root}: no two systems that differ as asked; `xbench coverage` says what is there")


def _columns(rows: Sequence[Row]) -> tuple[list[str], Callable[[Row], list[str]]]:
    """Columns that have something to say, and the cells of a row."""
    direct = rows[0]["against"] == TO_DIRECT["intermediate"]
    lacking = any(needs(r) for r in rows)
    equal = any(r["p_equivalent"] is not None for r in rows)

    def cells(r: Row) -> list[str]:
        known = [wording.named(r), percent(r["against_value"]), interval(r) if r["delta"] is not None else "", *_p(r), _mde(r)]
        extra = ([needs(r)] if lacking else []) + ([p_value(r["p_equivalent"])] if equal else [])
        return [*known, "" if r["n"] is None else str(r["n"]), *extra, _verdict(r)]

    names = [str(rows[0]["level"]), "direct" if direct else "against", "delta, 95 % interval", "p", "adjusted", "MDE", "n"]
    return [*names, *(["needs"] if lacking else []), *(["p equal"] if equal else []), "verdict"], cells


def _p(r: Row) -> tuple[str, str]:
    return p_value(r["p"]), p_value(r["p_adjusted"])


def _mde(r: Row) -> str:
    return "" if r["detectable"] is None else percent(r["detectable"])


def _verdict(r: Row) -> str:
    if r["status"].startswith("averages only") and r["level"] != "mean":
        return f"{r['verdict']} ({r['status']})"
    partial = contrasts.support(r)
    return str(r["status"] if r["status"] != "tested" else f"{r['verdict']} ({partial})" if partial else r["verdict"])


def _confirmed(rows: Sequence[Row]) -> None:
    tested = [r for r in rows if r["p_bootstrap"] is not None]
    if not tested:
        return
    lines, ordered = [], any(r["violation_upper"] is not None for r in tested)
    for r in tested:
        mcnemar = ", ".join(p_value(r[c]) for c in ("p_mcnemar", "p_mcnemar_exact") if r[c] is not None)
        limits = f"{points(r['delta'])} [{signed(r['bootstrap_low'])}, {signed(r['bootstrap_high'])}]"
        tests = [p_value(r["p_bootstrap"]), p_value(r["p_randomisation"]), mcnemar, p_value(r["p_max_t"])]
        order = "" if r["violation_upper"] is None else f"{r['violation']:.2f} (at most {r['violation_upper']:.2f})"
        lines.append([str(r["language"]), limits, *tests, *([order] if ordered else [])])
    heads = ["delta, bootstrap interval", "p bootstrap", "p randomisation", "p McNemar (mid, exact)", "p max-T"]
    heads += ["order violated, over runs"] if ordered else []
    show("by resampling, unadjusted but for max-T: these runs on new items, seeds as they are", [str(rows[0]["level"]), *heads], lines)


def _flat(root: Path, rows: Sequence[Row], form: Form, left: Sequence[str], heading: str, asked: Mapping[str, Any]) -> None:
    """One line a contrast."""
    if not rows:
        _nothing(root, asked)
    if form != "text":
        emit(rows, form, comparing.COLUMNS)
    if not rows or form != "text":
        return
    beside = ("intermediate", "target", "train_language", "against")
    several = list(dict.fromkeys(["target", *apart(rows, left, (*pairing.CONDITIONS, "metric", "language", "level"), beside)]))
    if any(r["against"] != TO_DIRECT["intermediate"] for r in rows):
        several.append("against")

    equal = any(r["p_equivalent"] is not None for r in rows)

    def cells(r: Row) -> list[str]:
        suite = "" if r["target"] == "tasks" else f"{r['target']}, all languages: "
        names = [f"{suite}mean of {r['language']}" if c == "target" and r["level"] == "tasks" else str(r[c]) for c in several]
        if r["level"] != "tasks":
            said = ", mean as printed" if r["level"] == contrasts.PRINTED else contrasts.SELECTED if contrasts.not_zero_shot(r) else ""
            names[several.index("target")] += trained(r) + said
        names = [str(r["intermediate"]), *names]
        extra = [p_value(r["p_equivalent"])] if equal else []
        return [*names, interval(r) if r["delta"] is not None else "", *_p(r), _mde(r), *extra, str(r["seeds"] or ""), _verdict(r)]

    columns = ["after", *(c.replace("_", " ") for c in several), "delta, 95 % interval", "p", "adjusted", "MDE"]
    columns += [*(["p equal"] if equal else []), "seeds", "verdict"]
    show(f"mean over the zero-shot languages, {heading}", columns, [cells(r) for r in rows], left=len(several) + 1)
    sys.stdout.write(_MEANS.format(sizes=_SIZES if any(r["level"] in ("interaction", "slope") for r in rows) else ""))


def everyone(root: Path, form: Form, over: placing.Over, *, with_pairs: bool, cache: bool, **where: Any) -> None:
    """All against all: rank intervals and tiers, a table a column; `with_pairs` gives the tests of all pairs instead."""
    asked = {**where, "over": over}
    rows = placing.pairs(root, **asked) if with_pairs else placing.standings(root, cache=cache, **asked)
    if not rows:
        board.refuse_unheard(root, where)
        LOG.print(f"no {'two systems that can be ranked' if with_pairs else 'test score'} in {root}; `xbench coverage` says what is there")
    if form != "text":
        emit(rows, form, placing.PAIR if with_pairs else placing.STANDING)
    if not rows or form != "text":
        return
    for own in grouped(rows, ("target", "metric", "scorer", "dataset_revision")):
        systems = [{c: r[c] for c in pairing.SYSTEM} for r in own]
        if with_pairs:
            systems += [{c: r[f"against_{c}"] for c in pairing.SYSTEM} for r in own]
        several = apart([dict(s) for s in {tuple(s.items()) for s in systems}], _USUAL, _MORE, ("intermediate",))
        heading = f"{own[0]['target']}: {own[0]['metric']} ({own[0]['scorer']}), mean over {over} languages"
        if with_pairs:
            lines = [[*_sides(r, several), interval(r), *_p(r), f"{r['seeds']}, {r['against_seeds']}", r["scope"]] for r in own]
            show(heading, ["", "against", "delta, 95 % interval", "p", "adjusted", "seeds", "about"], lines, left=2)
        else:
            names = ["rank", "tier", *several, "intermediate", "score, 95 % interval", "seeds", "languages", ""]
            about = next((f"; ranks of {'recipes' if r['scope'] == 'recipe' else 'these runs'}" for r in own if r["scope"]), "")
            show(heading + about, names, [_standing(r, several) for r in own], left=3 + len(several))
    sys.stdout.write(_PAIRS if with_pairs else _RANKS)


def _standing(r: Row, several: Sequence[str]) -> list[str]:
    rank = "" if r["rank_low"] is None else f"{r['rank_low']}-{r['rank_high']}"
    value = "" if r["value"] is None else f"{percent(r['value'])} [{percent(r['low'])}, {percent(r['high'])}]"
    ranked = str(r["status"]) if r["status"] != "ranked" else "no other to test it against" if r["systems"] == 1 else ""
    names = [str(r[c]) for c in (*several, "intermediate")]
    return [rank, str(r["tier"] or ""), *names, value, str(r["seeds"] or ""), str(r["languages"] or ""), ranked]


def _sides(row: Row, several: Sequence[str]) -> list[str]:
    return [" / ".join(str(row[side + c]) for c in ("intermediate", *several)) for side in ("", "against_")]
