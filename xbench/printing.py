"""What each command prints, and the rows behind it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from xbench import board
from xbench.languages import MANY
from xbench.tables import LOG, Form, Row, emit, grouped, percent, points, show

_SAME_SYSTEM = (
    "target",
    "metric",
    "scorer",
    "model",
    "model_revision",
    "train_language",
    "dataset_revision",
    "recipe_id",
    "stack",
    "source",
)


def leaderboard(root: Path, target: str | None, metric: str | None, form: Form) -> None:
    """Mean over languages by system, a table a target."""
    rows = _shown(board.leaderboard(root, target=target, metric=metric), metric, form)
    if form != "text":
        emit(rows, form)
    elif not rows:
        _empty(root)
        return
    for group in grouped(rows, ("target", "metric", "scorer", "dataset_revision", "basis", "language_set")) if form == "text" else []:
        first, models = group[0], {r["model"] for r in group}
        named = (["model"] if len(models) > 1 else []) + (["train_language"] if len({r["train_language"] for r in group}) > 1 else [])
        named += ["recipe_label"] if len({r["recipe_label"] for r in group}) > 1 else []
        show(
            f"{first['target']}: {first['metric']} ({first['scorer']}), test{_revision(group, rows)}"
            + ("" if "model" in named else f", {first['model']}")
            + ("" if first["basis"] == "languages" else ", means as their sources print them"),
            [
                *({"train_language": "trained in"}.get(n, n.removesuffix("_label")) for n in named),
                "intermediate",
                "all languages",
                "zero-shot",
                "languages",
                "seeds",
                "source",
            ],
            [
                [
                    *(r[c] for c in named),
                    r["intermediate"],
                    percent(r["value"]) + (f" ±{100 * r['seed_sd']:.1f}" if r["seed_sd"] is not None else ""),
                    percent(r["zero_shot"]),
                    f"{r['languages'] or '?'}/{r['languages_expected'] or '?'}",
                    str(r["seeds"] or "?"),
                    r["source"],
                ]
                for r in group
            ],
            left=1 + len(named),
        )
    if form == "text":
        sys.stdout.write("percent, mean over languages; ± standard deviation over seeds; zero-shot leaves the training language out\n")


def scores(root: Path, target: str | None, metric: str | None, form: Form) -> None:
    """Scores by language, a table a target and metric: languages down, systems across."""
    rows = _shown(board.scores(root, target=target, metric=metric), metric, form)
    if form != "text":
        emit(rows, form)
        return
    if not rows:
        _empty(root)
    for group in grouped(rows, ("target", "metric", "scorer", "dataset_revision")):
        parts = [c for c in ("model", "train_language", "intermediate", "recipe_label", "source") if len({r[c] for r in group}) > 1] or [
            "model"
        ]
        systems = sorted({tuple(str(r[c]) for c in parts) for r in group})
        cells = {(r["language"], tuple(str(r[c]) for c in parts)): r for r in group}
        lines = [
            [language, *(_score_cell(cells.get((language, s))) for s in systems)] for language in sorted({r["language"] for r in group})
        ]
        first = group[0]
        title = f"{first['target']}: {first['metric']} ({first['scorer']}), test{_revision(group, rows)}, percent ± sd over seeds"
        show(title, ["language", *(" / ".join(s) for s in systems)], lines)


def _score_cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return percent(row["value"]) + (f" ±{100 * row['seed_sd']:.1f}" if row["seed_sd"] is not None else "")


def deltas(root: Path, target: str | None, model: str | None, form: Form) -> None:
    """Difference from the direct baseline, a table a target: languages down, intermediate tasks across."""
    rows = _shown(board.deltas(root, target=target, model=model), None, form)
    if form != "text":
        emit(rows, form)
        return
    if not rows:
        _empty(root)
    means = board.mean_deltas(root, target=target, model=model)
    for group in grouped(rows, _SAME_SYSTEM):
        sources = {(r["source"], r["source_version"]) for r in rows if all(r[c] == group[0][c] for c in ("target", "metric", "model"))}
        where = _revision(group, rows) + (f", {group[0]['source']}" if len(sources) > 1 else "")
        _show_deltas(group, [m for m in means if all(m[c] == group[0][c] for c in _SAME_SYSTEM)], where)


def _show_deltas(group: Sequence[Row], means: Sequence[Row], where: str) -> None:
    first = group[0]
    intermediates = sorted({r["intermediate"] for r in group})
    lines = []
    for language in sorted({r["language"] for r in group}, key=lambda x: (x == first["train_language"], x)):
        own = {r["intermediate"]: r for r in group if r["language"] == language}
        direct = next((r["direct_value"] for r in own.values() if r["direct_value"] is not None), None)
        name = {first["train_language"]: f"{language} (trained)", MANY: "mean as printed"}.get(language, language)
        lines.append(
            [
                name,
                percent(direct),
                *(_delta_cell(own.get(i)) for i in intermediates),
                str(max((r["n"] or 0 for r in own.values()), default=0) or "?"),
            ]
        )
    if means:
        by = {m["intermediate"]: m for m in means}
        lines.append(
            [
                "zero-shot mean",
                percent(next(iter(by.values()))["direct_value"]),
                *(points(by[i]["delta"], by[i]["delta_sd"]) if i in by else "-" for i in intermediates),
                "",
            ]
        )
        lines.append(
            ["up / down / mixed", "", *(_directions(by.get(i)) for i in intermediates), ""],
        )
    show(
        f"{first['target']}{'' if first['train_language'] in ('en', 'unknown') else ', trained in ' + first['train_language']}: "
        f"{first['metric']}, {first['model']}{where}",
        ["language", "direct %", *(f"after {i}" for i in intermediates), "n"],
        lines,
        "points against the direct baseline of the same source, whose seeds are not known. Nothing here is a significance test."
        if all(r["seed_known"] is False for r in group)
        else f"points against the direct baseline of the same seed: mean ± standard deviation over {_seeds(group)}. "
        "up, down: zero-shot languages in which every seed agrees. A spread over seeds is not a significance test.",
    )


def _seeds(group: Sequence[Row]) -> str:
    counts = sorted({r["seeds"] for r in group})
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _delta_cell(row: Row | None) -> str:
    if row is None:
        return ""
    return points(row["delta"], row["delta_sd"]) if row["delta"] is not None else row["status"]


def _directions(mean: Row | None) -> str:
    if mean is None:
        return ""
    return f"{mean['languages_up']} / {mean['languages_down']} / {mean['languages'] - mean['languages_up'] - mean['languages_down']}"


def coverage(root: Path, form: Form) -> None:
    """The grid and what is missing of it."""
    rows = board.coverage(root)
    if form != "text":
        emit(rows, form)
    elif not rows:
        _empty(root)
    else:
        show("coverage", list(rows[0]), [["?" if v is None else str(v) for v in r.values()] for r in rows])


def _shown(rows: Sequence[Row], metric: str | None, form: Form) -> list[Row]:
    """What people are shown unless they ask for a metric; programs get everything.

    Not the parts of F1; and of a target that has numbers by the scorer that counts for it, not those by others.
    """
    if metric is not None or form != "text":
        return list(rows)
    official = board.official_scorers()
    counted = {r["target"] for r in rows if r["scorer"] in official.get(r["target"], ())}
    whole = [r for r in rows if r["metric"] not in board.PARTS]
    return [r for r in whole if r["target"] not in counted or r["scorer"] in official[r["target"]]]


def _revision(group: Sequence[Row], rows: Sequence[Row]) -> str:
    """The revision of the data, where the store holds several of this target: their numbers are never in one table."""
    every = {r["dataset_revision"] for r in rows if r["target"] == group[0]["target"]}
    return f", data {group[0]['dataset_revision']}" if len(every) > 1 else ""


def _empty(root: Path) -> None:
    LOG.print(f"no results in {root}; `xbench run` makes some, `xbench ingest external-results` brings published ones")
