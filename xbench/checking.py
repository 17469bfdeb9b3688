"""A sentence such as `squad1 > none on tydiqa for xlm-roberta-large by 2` held against the evidence of a store."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from xbench import claiming, comparing, contrasts, over_tasks, store
from xbench.claiming import Claim, Evidence, Judged
from xbench.contrasts import PRINTED, Row
from xbench.errors import DataError, StoreError, meant
from xbench.languages import MANY, normal
from xbench.pairing import DIRECT
from xbench.tables import grouped
from xbench.task import all_tasks, left_out, load_task, not_run

GRAMMAR = "A (>|<|=|helps|hurts) [B] on TARGET [in LANGUAGE] [for MODEL] [by POINTS] [within POINTS]"
_SIGNS = {">": ">", "<": "<", "=": "=", "helps": ">", "hurts": "<", "beats": ">", "equals": "="}
_PREPOSITIONS = ("on", "in", "for", "by", "within")
_WITHIN = 1.0  # points: what `=` means if the sentence does not say
_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence taken apart; points as fractions."""

    first: str
    sign: str
    second: str
    target: str
    language: str | None
    model: str | None
    by: float | None
    within: float


def parse(text: str, intermediates: Collection[str] = (), measured: Mapping[str, Collection[str]] | None = None) -> Sentence:
    """Take a sentence apart.

    Args:
        text: The sentence.
        intermediates: What goes for an intermediate task beside the tasks there are: published results are of others, too.
        measured: And for a target, with languages that go for its own.

    Raises:
        StoreError: With everything that cannot be read, and the grammar.
    """
    words = text.split()
    sign = _SIGNS.get(words[1]) if len(words) > 1 else None
    if sign is None:
        raise StoreError(f"{text!r} is not a claim that can be checked", [f"the form is: {GRAMMAR}"])
    rest = words[2:]
    second = rest.pop(0) if rest and rest[0] not in _PREPOSITIONS else DIRECT
    rest = [w for before, w in zip(["", *rest], rest, strict=False) if not (w in ("point", "points") and _points(before) is not None)]
    found = dict(zip(rest[::2], rest[1::2], strict=False))
    problems = [f"{w!r} is not one of {', '.join(_PREPOSITIONS)}" for w in found if w not in _PREPOSITIONS]
    problems += [f"{w!r} is said twice" for w in found if rest[::2].count(w) > 1]
    problems += [f"nothing follows {rest[-1]!r}"] if len(rest) % 2 else []
    problems += [f"{second!r} is on both sides"] if words[0] == second else []
    language, problem = _language(found.get("in"))
    problems += [*problem, *_names((words[0], second), found.get("on"), language, intermediates, measured or {})]
    points: dict[str, float | None] = {"by": None, "within": None}
    for word, sign_of in (("by", "<>"), ("within", "=")):
        if word not in found:
            continue
        points[word] = _points(found[word])
        if points[word] is None:
            problems.append(f"{word} {found[word]!r} is not a number of points from 0 to 100")
        if sign not in sign_of:
            problems.append(f"{word!r} goes with {' and '.join(sign_of)}, not with {words[1]!r}")
    if problems:
        raise StoreError(f"{text!r} is not a claim that can be checked", [*problems, f"the form is: {GRAMMAR}"])
    within, target = points["within"], found["on"].replace(":", ": ")
    within = _WITHIN / 100 if within is None else within
    return Sentence(words[0], sign, second, target, language, found.get("for"), points["by"], within)


def _language(said: str | None) -> tuple[str | None, list[str]]:
    """A language as the store spells it, and what is wrong with it."""
    try:
        return None if said is None else normal(said), []
    except DataError as error:
        return said, [str(error)]


def _points(text: str) -> float | None:
    """Points as a fraction; None if that is no size."""
    try:
        size = float(text) / 100
    except ValueError:
        return None
    return size if 0 <= size <= 1 else None


def _names(
    pair: tuple[str, str],
    target: str | None,
    language: str | None,
    intermediates: Collection[str],
    measured: Mapping[str, Collection[str]],
) -> list[str]:
    """What of the names does not exist, or not together."""
    tasks = {t.name for t in all_tasks()}
    names, known = {*tasks, *measured}, {*tasks, *intermediates, DIRECT}
    suites = {s for t in all_tasks() for s in t.suites}
    targets = {*names, *suites, "tasks", *(f"{s}:{t.group}" for s in suites for t in all_tasks() if t.group)}
    problems = [f"{n!r} is no task{meant(n, known)}" for n in pair if n not in known and n.partition("@")[0] not in known]
    if target is None:
        problems.append("no target: `on TASK`, or `on xtreme` for the mean of its tasks")
    elif target not in targets:
        problems.append(f"{target!r} is no target{meant(target, targets)}")
    elif language is not None and target not in names:
        problems.append(f"in {language!r}: {target!r} is a mean over tasks, each over its languages; name one task")
    elif language is not None:
        covered = {*measured.get(target, ()), *(load_task(target).languages if target in tasks else ())}
        if language not in covered:
            problems.append(f"in {language!r}: {target!r} is tested in {' '.join(sorted(covered - {MANY}))}")
    return problems


def check(root: Path, text: str) -> Judged:
    """Judge a sentence on the evidence of a store; for all its models if none is named.

    Raises:
        StoreError: If the sentence or the store cannot be read.
    """
    with store.reading(root) as con:
        intermediates = {str(v) for (v,) in con.execute("SELECT DISTINCT intermediate FROM run").fetchall()}
        measured = dict(con.execute("SELECT target, list(DISTINCT language) FROM score GROUP BY target").fetchall())
        said = parse(text, intermediates, measured)
        models = claiming.models_called(con, (said.model,) if said.model else ())
        there = claiming.models_called(con, ())
        targets = (said.target,)
        members = con.execute(
            "SELECT DISTINCT target FROM suite_task WHERE suite = ? OR suite || ': ' || task_group = ? ORDER BY target", [said.target] * 2
        ).fetchall()
        if members:
            targets = tuple(row[0] for row in members)
        own = [m for (m,) in con.execute("SELECT DISTINCT model FROM run WHERE kind = 'run' ORDER BY model").fetchall()]
        named = (said.model,) if said.model else tuple(own or models)  # models of others are not what one would run on
        cells = [(m, i, t) for m in named for i in dict.fromkeys((DIRECT, said.first, said.second)) for t in targets if not left_out(i, t)]
        runs = not any(not_run(i, t) for _, i, t in cells)  # else one of the arms could not be had
        missing, made = claiming.missing_cells(con, cells, _SEEDS, said.language) if runs else ((), ())
        rows = [r for model in models for r in _rows(con, said, model)]
    whole = {r["model"] for r in rows if r["status"] == "tested" and not claiming.less(r)}
    every = [(r, _evidence(said, r, under)) for r, under in zip(rows, claiming.told_apart(rows), strict=True)]
    evidence = tuple(_part(one, r, targets, whole) if claiming.less(r) else one for r, one in every)
    arms = tuple(dict.fromkeys((DIRECT, said.first, said.second)))
    # A study has all of them: what is there is not run again, but for what this machine has other data of, which would join nothing.
    known = dict(made)
    made = tuple(
        (of, json.dumps({**json.loads(known.get(of, "{}")), "intermediates": [i for i in arms if not left_out(i, of[1])]}))
        for of in dict.fromkeys((model, target) for model, _, target, _ in missing)
    )
    unheard = f"no run in the store is of {said.model}{meant(said.model, there)}" if said.model and not models else ""
    # What `=` means is said where the sentence does not.
    shown = text if said.sign != "=" or "within" in text.split() else f"{text} within {_WITHIN:g} point"
    claim = Claim("check", shown, "", named, arms, targets, ((said.first, said.second),), False, _SEEDS, unheard, "")
    return Judged(claim, claiming.verdict(evidence), evidence, missing, made)


def _rows(con: duckdb.DuckDBPyConnection, said: Sentence, model: str) -> list[Row]:
    """The contrasts in question; with `none` first, the sentence is turned round."""
    first, second = ({"intermediate": said.first}, {"intermediate": said.second})
    if said.first == DIRECT:
        first, second = second, first
    average = over_tasks.over_tasks(con, first, second, suite=said.target, model=model)
    rows: list[Row] = average or comparing.compare(con, first, second, model=model, target=said.target)
    if not average and said.language:
        each = grouped(rows, comparing.CONTRAST)
        some = [own for own in each if any(r["level"] != PRINTED for r in own)]  # what is known by means alone is of no language
        rows = [_in(said.language, own) for own in some or each]
    elif not average:
        rows = [r for r in rows if r["level"] == "mean"] or [r for r in rows if r["level"] == PRINTED]
    if said.first == DIRECT:
        rows = [r | _turned(r) for r in rows]
    return rows


def _in(language: str, rows: Sequence[Row]) -> Row:
    """The row of a contrast that is about a language; that one cannot be tested at all has one row, which says why."""
    whole = len(rows) == 1 and rows[0]["level"] == "mean"
    nothing = contrasts.untested(f"not tested in {language}", contrasts.Quantity("language", language, ()))
    return next((r for r in rows if r["language"] == language), rows[0] if whole else {**rows[0], **nothing})


def _seeds(r: Row) -> str:
    known = r["seeds"] is not None or r["delta"] is None
    return f"{r['seeds'] or 'no'} seed(s)" if known else "unknown seeds"


def _turned(r: Row) -> dict[str, Any]:
    if r["delta"] is None:
        return {}
    return {"delta": -r["delta"], "low": None if r["high"] is None else -r["high"], "high": None if r["low"] is None else -r["low"]}


def _part(found: Evidence, r: Row, targets: Sequence[str], whole: Collection[str]) -> Evidence:
    """A mean that is less than what is asked for is shown and no test; a model that has no other one is left without evidence."""
    lacking = " ".join(t for t in targets if r["level"] == "tasks" and t not in r["language"].split())
    said = [contrasts.support(r) if r["status"] == "tested" else "", f"without {lacking}" if lacking else ""]
    said += ["selected on target languages, which is not zero-shot"] if contrasts.not_zero_shot(r) else []
    text = "; ".join([found.evidence, *filter(None, said)])
    return replace(found, evidence=text, decides=r["model"] not in whole, verdict="not testable", p=math.nan)


def _evidence(said: Sentence, r: Row, under: str) -> Evidence:
    over = {PRINTED: r["language"].replace(MANY, "mean as printed", 1), "tasks": r["language"].partition(":")[0]}.get(
        r["level"], r["language"]
    )
    source = f", {r['source']}" if r["source"] != "xbench" else ""
    where = f"{r['target']}, {over}{source}"
    label = f"{said.first} less {said.second}: {where}, {r['model']}{under}, {_seeds(r)}"
    if r["status"] != "tested":
        return Evidence(f"{label}: {r['status']}", r["delta"], r["low"], r["high"], True, "not testable")
    if r["scope"] != "recipe":
        label += ": these two trained systems; about the recipes one seed says nothing"
        return Evidence(label, r["delta"], r["low"], r["high"], True, "not testable")
    row: dict[str, Any] = {"evidence": label, "value": r["delta"], "low": r["low"], "high": r["high"], "df": r["df"]}
    if said.by is not None:
        row["size"] = said.by if said.sign == ">" else -said.by
    elif said.sign == "=":
        row |= {"above": -said.within, "below": said.within}
    else:
        row |= {"above": 0.0} if said.sign == ">" else {"below": 0.0}
    return claiming.weigh(row)
