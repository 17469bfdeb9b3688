"""What `xbench claims`, `xbench check` and `xbench plan` print, and the studies they write."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xbench import board, checking, claiming, places, planning
from xbench.claiming import Judged
from xbench.errors import StoreError
from xbench.tables import LOG, Form, apart, emit, points, show, signed

_SHOWN = 12  # missing cells, and pieces of evidence without a number, that are named; --json has all
_OPEN = ("target", "intermediate", "model", "train_language", "recipe_id", "delta", "low", "high", "p_adjusted", "seeds")
_WANTED = ("seeds_wanted", "assumed", "new_runs", "cells", "seconds", "seconds_in_all", "why")


def claims(root: Path, names: Sequence[str] | None, form: Form, study: Path | None) -> None:
    """Every claim with its verdict; with names, all evidence of these."""
    found = claiming.judge(root, names)
    if form != "text":
        emit([row for j in found for row in _rows(j)], form)
    elif names:
        for judged in found:
            _detail(judged)
    else:
        show(
            "claims",
            ["claim", "verdict", "evidence", "cells missing", "name"],
            [[j.claim.claim, j.verdict, _summary(j), str(len(j.missing) or ""), j.claim.name] for j in found],
            "evidence: how many pieces support, contradict or leave open; all of it, and what would settle it: xbench claims NAME",
            left=2,
        )
    if study:
        _write_study(found, study)


def check(root: Path, sentence: str, form: Form, study: Path | None) -> None:
    """The verdict on a sentence."""
    judged = checking.check(root, sentence)
    if form != "text":
        emit(_rows(judged), form)
    else:
        _detail(judged)
    if study:
        _write_study([judged], study)


def _rows(judged: Judged) -> list[dict[str, Any]]:
    """Flat rows: one for the claim, one for each piece of evidence, one for each missing cell."""
    claim = {"name": judged.claim.name, "claim": judged.claim.claim, "source": judged.claim.source}
    empty = dict.fromkeys(("evidence", "value", "low", "high", "decides", "model", "intermediate", "target", "seeds", "seeds_wanted"))
    rows = [{**claim, "kind": "claim", "verdict": judged.verdict, **empty}]
    for e in judged.evidence:
        told = {"evidence": e.evidence, "value": e.value, "low": e.low, "high": e.high, "decides": e.decides}
        rows.append({**claim, "kind": "evidence", "verdict": e.verdict, **empty, **told})
    for model, intermediate, target, seeds in judged.missing:
        cell = {"model": model, "intermediate": intermediate, "target": target, "seeds": seeds, "seeds_wanted": judged.claim.seeds}
        rows.append({**claim, "kind": "missing", "verdict": judged.verdict, **empty, **cell})
    return rows


def _summary(judged: Judged) -> str:
    counts: dict[str, int] = {}
    for e in judged.evidence:
        if e.decides:
            counts[e.verdict] = counts.get(e.verdict, 0) + 1
    return ", ".join(f"{n} {v}" for v, n in sorted(counts.items())) or "none"


def _detail(judged: Judged) -> None:
    claim = judged.claim
    untested = [e for e in judged.evidence if e.decides and e.value is None and e.verdict == "not testable"]
    shown = [e for e in judged.evidence if e not in untested[_SHOWN:]]
    lines = [[e.evidence, _interval(e), e.verdict if e.decides else "(context)"] for e in shown]
    if lines:
        more = len(untested) - _SHOWN
        note = f"and {more} more pieces that are not testable (--json lists them)" if more > 0 else ""
        show(claim.claim, ["evidence", "points, 95 % interval", "alone"], lines, note)
    else:
        sys.stdout.write(f"{claim.claim}\n  no evidence in the store\n")
    sys.stdout.write(f"verdict: {judged.verdict}\n")
    for name, text in (("source", claim.source), ("note", claim.note)):
        if text:
            sys.stdout.write(f"{name}: {text}\n")
    if judged.missing:
        sys.stdout.write(
            f"missing: {len(judged.missing)} cell(s) with fewer than {claim.seeds} seeds that pair; "
            "--study FILE writes a study that runs them\n"
        )
        for model, intermediate, target, seeds in judged.missing[:_SHOWN]:
            sys.stdout.write(f"  {target} after {intermediate}, {model}: {seeds} of {claim.seeds} seeds\n")
        if len(judged.missing) > _SHOWN:
            sys.stdout.write(f"  and {len(judged.missing) - _SHOWN} more (--json lists them)\n")
    sys.stdout.write("\n")


def _interval(e: claiming.Evidence) -> str:
    if e.value is None:
        return ""
    return points(e.value) + (f" [{signed(e.low)}, {signed(e.high)}]" if e.low is not None and e.high is not None else "")


def _write_study(found: Sequence[Judged], path: Path) -> None:
    missing = list(dict.fromkeys(cell for j in found for cell in j.missing))
    if not missing:
        LOG.print("no cell is missing: no study was written; `xbench plan --resolve` says what would settle what is open")
        return
    about = f"Cells that would settle: {'; '.join(j.claim.claim for j in found if j.missing)}"
    made = _made(found)
    # Each claim counts its missing cells under the conditions that suit it best; of one model all are run under those of one claim.
    for number, text in enumerate(claiming.studies(about, missing, max(j.claim.seeds for j in found), made), 1):
        file = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        with places.whole(file) as new:
            new.write_text(text, encoding="utf-8")
        LOG.print(f"wrote {file}: xbench run {shlex.quote(str(file))} --dry-run shows what it would do")


def _made(found: Sequence[Judged]) -> list[tuple[tuple[str, str], str]]:
    """How studies run what all the claims lack: of one target the seeds that any of them asks for."""
    keys: dict[tuple[str, str], dict[str, Any]] = {}
    for judged in found:
        how, usual = dict(judged.made), list(range(judged.claim.seeds))
        for of in dict.fromkeys((model, target) for model, _, target, _ in judged.missing):
            own = {"seeds": usual, **json.loads(how.get(of, "{}"))}
            seeds = {*own["seeds"], *keys.get(of, {}).get("seeds", ())}
            keys[of] = {**keys.get(of, {}), **own, "seeds": sorted(seeds)}
    return [(of, json.dumps(own)) for of, own in keys.items()]


def resolve(root: Path, form: Form, folder: Path | None, most_seeds: int, **where: Any) -> None:
    """What to run next."""
    if most_seeds < planning.FIRST_LOOK:
        raise StoreError(f"--most-seeds {most_seeds}: at least {planning.FIRST_LOOK} are needed for a verdict about a recipe")
    steps = planning.resolve(root, most_seeds, **where)
    rows, total = [], 0.0
    for s in steps:
        total += s.seconds or 0.0
        rows.append(_step_row(s, total))
    if not rows:
        board.refuse_unheard(root, where)
        LOG.print("nothing is open: no comparison of runs made here is unresolved, or there are none (xbench coverage)")
    if form != "text":
        emit(rows, form, (*_OPEN, *_WANTED))
    elif rows:
        several = apart(rows, ("model", "train_language"), ("recipe_id",), ("target", "intermediate"))
        names = ["target", "after", *(c.replace("_", " ") for c in several)]
        show(
            "what would settle the open comparisons, cheapest first",
            [*names, "delta, 95 % interval", "seeds", "wanted", "new runs", "time", "in all", "why it is open"],
            [_step_cells(r, several) for r in rows],
            "wanted: seeds an arm that would find a difference as large as the one seen with 80 % power, after adjustment;\n"
            "* the variance between seeds was taken from other comparisons of the target; runs of earlier lines are not counted again\n"
            "new runs: what `xbench run` of the studies (--studies) would run with this xbench and the data and models of this machine\n"
            "time: by runs that are there, without the trainings of intermediate tasks, which all targets of a seed share",
            left=2 + len(several),
        )
    if folder:
        for name, text in planning.studies(root, steps).items():
            with places.whole(folder / name) as new:
                new.write_text(text, encoding="utf-8")
            LOG.print(f"wrote {folder / name}")


def _step_row(s: planning.Step, total: float) -> dict[str, Any]:
    cells = " ".join(f"{i}:{seed}" for i, seed in s.cells)
    wanted = (s.seeds or None, s.assumed, len(s.cells) if s.seeds else None, cells, s.seconds, total if s.seeds else None, s.why)
    return {**{c: s.row[c] for c in _OPEN}, **dict(zip(_WANTED, wanted, strict=True))}


def _step_cells(r: Mapping[str, Any], several: Sequence[str]) -> list[str]:
    interval = "" if r["low"] is None else f"{points(r['delta'])} [{signed(r['low'])}, {signed(r['high'])}]"
    wanted = "" if r["seeds_wanted"] is None else f"{r['seeds_wanted']}{'*' if r['assumed'] else ''}"
    runs = "" if r["new_runs"] is None else str(r["new_runs"])
    names = [str(r[c]) for c in ("target", "intermediate", *several)]
    return [*names, interval, str(r["seeds"] or ""), wanted, runs, _time(r["seconds"]), _time(r["seconds_in_all"]), str(r["why"])]


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
