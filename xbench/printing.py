"""What each command prints, and the rows behind it."""

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from xbench import board, store
from xbench.languages import MANY, called, labelled
from xbench.tables import LOG, Form, Row, apart, emit, grouped, percent, points, show

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
    "source_version",
    "relationship",
    "kind",
    "target_revision",
)
# In which systems may differ that are the same in what is usually said of them.
_CONDITIONS = ("stack", "source_version", "model_revision", "recipe_id", "relationship", "kind", "target_revision")
_SIDE_BY_SIDE = 6  # so many systems are side by side, however few the languages
_COLUMN = ("target", "metric", "scorer", "dataset_revision")


def leaderboard(root: Path, target: str | None, metric: str | None, form: Form) -> None:
    """Mean over languages by system, a table a target."""
    rows = _shown(board.leaderboard(root, target=target, metric=metric), metric, form)
    if _emitted(rows, form, root, "leaderboard", target=target, metric=metric):
        return
    for group in grouped(rows, (*_COLUMN, "basis", "language_set")):
        first = group[0]
        named = apart(group, ("model", "train_language", "recipe_label"), (*_CONDITIONS, "parameters"), ("intermediate", "source"))
        sets = {r["language_set"] for r in rows if all(r[c] == first[c] for c in (*_COLUMN, "basis"))}
        over = f" over {first['language_set']}" if len(sets) > 1 else ""
        names = _intermediates(group)
        show(
            f"{first['target']}: {first['metric']} ({first['scorer']}), test{_revision(group, rows)}"
            + ("" if "model" in named else f", {first['model']}")
            + ("" if first["basis"] == "languages" else f", means{over} as their sources print them"),
            [
                *({"train_language": "trained in"}.get(n, n.removesuffix("_label").replace("_", " ")) for n in named),
                "intermediate",
                "all languages",
                "zero-shot",
                "languages",
                "seeds",
                "source",
            ],
            [
                [
                    *(str(r[c]) for c in named),
                    names[r["intermediate"], r["intermediate_revision"]],
                    percent(r["value"]) + (f" ±{percent(r['seed_sd'])}" if r["seed_sd"] is not None else ""),
                    percent(r["zero_shot"]),
                    f"{r['languages'] or '?'}/{r['languages_expected'] or '?'}",
                    str(r["seeds"] or "?"),
                    r["source"],
                ]
                for r in group
            ],
            left=1 + len(named),
        )
    sys.stdout.write("percent, mean over languages; ± standard deviation over seeds; zero-shot leaves the training language out\n")


def scores(root: Path, target: str | None, metric: str | None, form: Form) -> None:
    """Scores by language, a table a target and metric: languages down, systems across; of more systems than languages, the other way."""
    rows = _shown(board.scores(root, target=target, metric=metric), metric, form)
    if _emitted(rows, form, root, "language_score", target=target, metric=metric):
        return
    for group in grouped(rows, _COLUMN):
        usual = ("model", "train_language", "intermediate", "recipe_label", "source")
        parts = apart(group, usual, _CONDITIONS, ("language", "language_set", "intermediate_revision")) or ["model"]
        shown, names = _intermediates(group), _languages(group)
        parts += ["intermediate"] if len(shown) > 1 and "intermediate" not in parts else []
        labels = [tuple(shown[r[c], r["intermediate_revision"]] if c == "intermediate" else str(r[c]) for c in parts) for r in group]
        systems = sorted(set(labels))
        cells = {(names[r["language"], r["language_set"]], label): r for r, label in zip(group, labels, strict=True)}
        languages = sorted(names.values())
        first = group[0]
        title = f"{first['target']}: {first['metric']} ({first['scorer']}), test{_revision(group, rows)}, percent ± sd over seeds"
        if len(systems) <= max(len(languages), _SIDE_BY_SIDE):
            lines = [[language, *(_score_cell(cells.get((language, s))) for s in systems)] for language in languages]
            show(title, ["language", *(" / ".join(s) for s in systems)], lines)
        else:
            lines = [[*s, *(_score_cell(cells.get((language, s))) for language in languages)] for s in systems]
            show(title, [*(c.removesuffix("_label").replace("_", " ") for c in parts), *languages], lines, left=len(parts))


def _languages(rows: Sequence[Row]) -> dict[tuple[str, str | None], str]:
    """{(language, language_set): how it is called}: a printed mean by what it is over, where there are means over other languages, too."""
    found = {(r["language"], r["language_set"]) for r in rows}
    several = sum(language == MANY for language, _ in found) > 1
    return {(code, over): called(code, over, several=several) for code, over in found}


def _score_cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return percent(row["value"]) + (f" ±{percent(row['seed_sd'])}" if row["seed_sd"] is not None else "")


def deltas(root: Path, target: str | None, model: str | None, form: Form) -> None:
    """Difference from the direct baseline, a table a target: languages down, intermediate tasks across."""
    with store.reading(root) as con:
        rows = _shown(board.deltas(con, target=target, model=model), None, form)
        why = ""
        if not rows and board.scores(con, target=target, model=model):
            why = f"what is in {root} are direct baselines: there is no result after an intermediate task to hold against them"
        means = board.mean_deltas(con, target=target, model=model) if rows else []
        both = () if form == "text" else ("level", *board.columns(con, "transfer_summary"), *board.columns(con, "transfer_mean"))
    columns = list(dict.fromkeys(c for c in both if c != "mean"))
    if _emitted(_with_means(rows, means, columns) if columns else rows, form, root, columns, why, target=target, model=model):
        return
    groups = grouped(rows, _SAME_SYSTEM)
    for group in groups:
        first = group[0]
        others = [g[0] for g in groups if all(g[0][c] == first[c] for c in ("target", "metric", "model"))]
        named = apart(others, ("source",), (*_CONDITIONS, "scorer"), ("train_language", "dataset_revision"))
        where = _revision(group, rows) + "".join(f", {first[c]}" if c == "source" else f", {c.replace('_', ' ')} {first[c]}" for c in named)
        _show_deltas(group, [m for m in means if all(m[c] == first[c] for c in _SAME_SYSTEM)], where)


def _with_means(rows: Sequence[Row], means: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """For programs: rows of languages, then rows of their means, which are named in `language`."""
    every = [*({"level": "language", **r} for r in rows), *({"level": "mean", **m, "language": m["mean"]} for m in means)]
    return [{c: row.get(c) for c in columns} for row in every]


def _show_deltas(group: Sequence[Row], means: Sequence[Row], where: str) -> None:
    first = group[0]
    names, languages, train = _intermediates(group), _languages(group), first["train_language"]
    shown = {
        at: f"{at[0]} (trained)" if labelled(at[0], train) else text.replace(MANY, "mean as printed") for at, text in languages.items()
    }
    by: dict[str, dict[str, Row]] = {shown[at]: {} for at in sorted(languages, key=lambda x: (labelled(x[0], train), languages[x]))}
    for r in group:
        by[shown[r["language"], r["language_set"]]][names[r["intermediate"], r["intermediate_revision"]]] = r
    averages = {names[m["intermediate"], m["intermediate_revision"]]: m for m in means}
    mean = min((m["mean"] for m in means), default="")  # where one is not zero-shot, which sorts first, the line is not
    baselines = _baselines({**by, mean: averages}, sorted(names.values()))
    lines = []
    for language, own in by.items():
        parts = [[direct.get(language, "-"), *(_delta_cell(own.get(i)) for i in after)] for direct, after in baselines]
        lines.append([language, *chain.from_iterable(parts), str(max((r["n"] or 0 for r in own.values()), default=0) or "?")])
    if means:
        parts = [[direct.get(mean, "-"), *(_mean_cell(averages.get(i)) for i in after)] for direct, after in baselines]
        lines.append([mean, *chain.from_iterable(parts), ""])
        parts = [["", *(_directions(averages.get(i)) for i in after)] for _, after in baselines]
        lines.append(["up / down / mixed", *chain.from_iterable(parts), ""])
    show(
        f"{first['target']}{'' if train in ('en', 'unknown') else ', trained in ' + train}: {first['metric']}, {first['model']}{where}",
        ["language", *(c for _, after in baselines for c in ("direct %", *(f"after {i}" for i in after))), "n"],
        lines,
        "points against the direct baseline of the same source, whose seeds are not known. Nothing here is a significance test."
        if all(r["seed_known"] is False for r in group)
        else f"points against the direct baseline of the same seed{_spread(group)}. "
        + ("" if len(baselines) == 1 else "direct: over the seeds, or languages, of the columns that follow it. ")
        + "up, down: languages of the mean in which every seed of it agrees. A spread over seeds is not a significance test.",
    )


def _baselines(lines: Mapping[str, Mapping[str, Row]], intermediates: Sequence[str]) -> list[tuple[dict[str, str], list[str]]]:
    """What stands under direct, by line, and after which intermediate tasks: one for all, unless their pairs are of other seeds."""
    found: list[tuple[dict[str, str], list[str]]] = []
    for name in intermediates:
        own = {line: percent(rows[name]["direct_value"]) for line, rows in lines.items() if name in rows}
        own = {line: text for line, text in own.items() if text != "-"}
        for direct, after in found:
            if all(direct.get(line, text) == text for line, text in own.items()):
                direct.update(own)
                after.append(name)
                break
        else:
            found.append((own, [name]))
    return found


def _intermediates(group: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Intermediate tasks by name and revision as they are shown: with the revision where there are several of one."""
    found = {(r["intermediate"], r["intermediate_revision"]) for r in group}
    return {(i, rev): f"{i} ({rev})" if sum(i == other for other, _ in found) > 1 else i for i, rev in found}


def _spread(group: Sequence[Row]) -> str:
    """Over how many seeds the means are; empty where no difference is over more than one."""
    counts = sorted({r["seeds"] for r in group if r["seeds"]})
    over = " to ".join(map(str, dict.fromkeys((*counts[:1], *counts[-1:]))))
    return f": mean ± standard deviation over {over} seeds" if counts and counts[-1] > 1 else ""


def _delta_cell(row: Row | None) -> str:
    if row is None:
        return ""
    return points(row["delta"], row["delta_sd"]) if row["delta"] is not None else row["status"]


def _mean_cell(mean: Row | None) -> str:
    return "-" if mean is None else points(mean["delta"], mean["delta_sd"])


def _directions(mean: Row | None) -> str:
    if mean is None:
        return ""
    return f"{mean['languages_up']} / {mean['languages_down']} / {mean['languages'] - mean['languages_up'] - mean['languages_down']}"


def coverage(root: Path, form: Form) -> None:
    """The grid and what is missing of it."""
    rows = board.coverage(root)
    if not _emitted(rows, form, root, "coverage"):
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


def _emitted(rows: Sequence[Row], form: Form, root: Path, view: str | Sequence[str], why: str = "", **asked: str | None) -> bool:
    """Whether there is no table to draw: rows were written for programs, or there are none, and why is said on stderr.

    `view` is whose columns they have, or these.
    """
    if why:
        LOG.print(why)
    elif not rows:
        _empty(root, asked)
    if form != "text":
        emit(rows, form, () if rows else board.columns(root, view) if isinstance(view, str) else view)
    return not rows or form != "text"


def _empty(root: Path, asked: Mapping[str, str | None]) -> None:
    board.refuse_unheard(root, asked)
    if any(asked.values()):
        LOG.print(f"no results of {', '.join(a for a in asked.values() if a)} in {root}; `xbench coverage` says what is there")
        return
    LOG.print(f"no results in {root}; `xbench run` makes some, `xbench ingest external-results` brings published ones")
