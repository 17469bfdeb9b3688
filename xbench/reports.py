"""What the commands about tasks, data, submissions and suites print, and the rows behind it."""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.progress import track

from xbench import board, corpus, pairing, rescoring, store, submission
from xbench.errors import DataError, StoreError, meant
from xbench.listing import option
from xbench.recipe import Recipe
from xbench.study import data_revision
from xbench.tables import LOG, Form, Row, apart, emit, many, percent, show
from xbench.task import Held, Task, all_tasks, load_task

_SYSTEM = ("suite", "rule", *pairing.SYSTEM)
_SIDE_BY_SIDE = 3  # so many systems are columns, more are rows
_NOTES = 3  # notes of one language that are printed; --json has all


def tasks(names: Sequence[str] | None, form: Form) -> None:
    """The tasks that exist, or all that is known of some."""
    rows = [_task_row(t) for t in ([load_task(n) for n in names] if names else all_tasks())]
    if form != "text":
        emit(rows, form)
        return
    if names:
        for row in rows:
            show(str(row["task"]), ["", ""], [[k, str(v)] for k, v in row.items() if k != "task" and v not in ("", None)], left=2)
        return
    for group, chosen in _by_role(rows).items():
        show(
            group,
            ["task", "family", "metric", "languages", "train", "test", "about"],
            [
                [
                    str(r["task"]), str(r["family"]), str(r["metric"]), str(len(str(r["languages"]).split())),
                    str(r["train_size"] or "-"), str(r["test_sizes"] or "-"), str(r["about"]),
                ]
                for r in chosen
            ],
            left=3,
        )  # fmt: skip
    sys.stdout.write("languages, licence, source and sizes of one: xbench tasks NAME; what of the data is here: xbench data check\n")


def _by_role(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        name = (
            "targets of XTREME and XTREME-R"
            if row["suites"]
            else "intermediate only"
            if not row["languages"] or row["family"] == "mlm"
            else "shipped or fetched"
        )
        groups.setdefault(name, []).append(row)
    return groups


def _task_row(task: Task) -> dict[str, Any]:
    test = sorted({n for (_, split), n in task.published.items() if split == "test"})
    return {
        "task": task.name,
        "family": task.family,
        "metric": task.metric,
        "scorers": " ".join(task.scorers),
        "suites": " ".join(task.suites),
        "languages": " ".join(task.languages),
        "train_language": task.train_language,
        "train_size": task.published.get((task.train_language, "train")),
        "dev_size": task.published.get((task.train_language, "dev")),
        "test_sizes": "" if not test else str(test[0]) if len(test) == 1 else f"{test[0]} to {test[-1]}",
        "labels": len(task.labels) or None,
        "parts": " ".join(p.task for p in task.parts),
        "licence": task.licence,
        "source": task.source,
        "notes": "; ".join(task.notes),
        "about": task.about,
    }


def check(names: Sequence[str] | None, form: Form) -> None:
    """What of the data of each task is here, read, counted and checked as a run does it.

    Raises:
        DataError: After that, if some of it is broken; or missing, of a task that is named or of which other parts are here.
    """
    # The labels of some tasks are read off their data when they are loaded by name. A mixture has the data of its parts.
    given = [load_task(n) for n in names or [t.name for t in all_tasks() if t.check]]
    asked = {one.name: one for task in given for one in ([load_task(p.task) for p in task.parts] or [task])}
    chosen = list(asked.values())
    held = {t.name: corpus.held(t) for t in track(chosen, "reading", console=LOG, transient=True, disable=not LOG.is_terminal)}
    rows = [
        {"task": name, **dataclasses.asdict(h), "notes": "; ".join(h.notes), "traps": "; ".join(asked[name].notes)}
        for name, found in held.items()
        for h in found
    ]
    if form != "text":
        emit(rows, form, ("task", *(f.name for f in dataclasses.fields(Held)), "traps"))
    else:
        for task in chosen:
            _show_held(task, held[task.name], detailed=bool(names))
    problems: list[str] = []
    for task in chosen:
        if all(h.state != "missing" for h in held[task.name]):
            try:
                data_revision(task, Recipe().phase("target", task.name))
            except DataError as error:
                problems += [f"{task.name}: {one}" for one in error.problems or (error.headline,)]
    whole = {
        h.path for found in held.values() if all(h.state != "missing" for h in found) for h in found
    }  # files that another task has too
    for name, found in held.items():
        wanted = names or any(h.state != "missing" and h.path not in whole for h in found)
        wrong = [h for h in found if h.state == "broken" or (h.state == "missing" and wanted)]
        if asked[name].check and wrong == found and all(h.state == "missing" for h in found):
            problems.append(f"{name}: none of its {len(found)} parts is here; {'; '.join(found[0].notes)}")
        else:
            problems += [f"{name} {h.language} {h.split}{h.path and f' ({h.path})'} is {h.state}: {'; '.join(h.notes)}" for h in wrong]
    if problems:
        raise DataError("xbench run would refuse this data", problems)


def _show_held(task: Task, held: Sequence[Held], *, detailed: bool) -> None:
    there = [h for h in held if h.state != "missing"]
    if not there and not detailed:
        sys.stdout.write(f"{task.name}: nothing here ({len(held)} parts)\n")
        return
    show(
        f"{task.name}: {len(there)} of {len(held)} parts are here",
        ["language", "split", "state", "examples", "published", "bytes", "sha256", "file"],
        [
            [h.language, h.split, h.state, _number(h.examples), _number(h.expected), _number(h.size), h.sha256[:12], h.path]
            for h in (held if detailed else there)
        ],
        left=3,
    )
    for h in held:
        for note in h.notes[:_NOTES] if h.state in ("warning", "broken") or detailed else ():
            sys.stdout.write(f"  {h.language} {h.split}: {note}\n")
    for note in task.notes:
        sys.stdout.write(f"  trap: {note}\n")


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def score(references: Path, predictions: Path, root: Path, system: submission.System, suite: str, form: Form) -> None:
    """Score a submission and print what it comes to; raises at the end when a task could not be scored."""
    with LOG.status("scoring"):
        done = submission.score(references, predictions, root, system, suite)
    for result in done:
        for note in result.notes[:_NOTES]:
            LOG.print(f"{result.task}: {note}")
    with store.reading(root) as con:
        new = [run for d in done if d.run_id for run in board.query(con, "run", {"run_id": d.run_id})]
        rows = [r for run in new for r in board.leaderboard(con, **{c: run[c] for c in ("target", "target_revision", *pairing.SYSTEM)})]
    official = board.official_scorers()
    if form != "text":
        emit(rows, form, () if rows else board.columns(root, "leaderboard"))
    elif new:
        show(
            f"{system.model} after {system.intermediate}: mean over languages",
            ["task", "metric", "mean %", "zero-shot %", "languages", "n"],
            [
                [r["target"], r["metric"], percent(r["value"], 2), percent(r["zero_shot"], 2), _support(r), str(r["n"])]
                for r in rows
                if r["scorer"] in official[r["target"]] and r["metric"] not in board.PARTS
            ],
            f"by the scorer that counts for each task; language by language: xbench scores{option(root)}; all scorers: --json",
            left=2,
        )
        averages(root, suite, None, form, **{c: new[0][c] for c in pairing.SYSTEM})
    bad = submission.problems(done)
    if bad:
        raise DataError(f"{sum(bool(d.problems) for d in done)} of {len(done)} task(s) were not scored; the others are stored", bad)


def rescore(root: Path, target: str | None, form: Form) -> None:
    """Rescore a store and say what is new; raises at the end when a run could not be scored."""
    with LOG.status("rescoring") as status:
        done = rescoring.rescore(root, target, lambda n, of: status.update(f"rescoring: {n} of {of} runs"))
    if not (done.new or done.kept or done.problems or done.absent):
        board.refuse_unheard(root, {"target": target})
    if form != "text":
        columns = ("run_id", "target", "scorer")
        emit([dict(zip(columns, new, strict=True)) for new in done.new], form, columns)
    else:
        counts: dict[tuple[str, str], int] = {}
        for _, name, scorer in done.new:
            counts[name, scorer] = counts.get((name, scorer), 0) + 1
        if counts:
            show("new scores", ["target", "scorer", "runs"], [[t, s, str(n)] for (t, s), n in sorted(counts.items())], left=2)
        runs = len({run for run, _, _ in done.new})
        pairs = len(done.new) + done.kept + done.failed
        failed = f", {done.failed} failed" if done.failed else ""
        sys.stdout.write(f"{runs} run(s) scored anew; of {pairs} pairs of a run and a scorer {done.kept} were up to date{failed}\n")
    if done.absent:
        absent = ", ".join(f"{name} ({many(count, 'run')})" for name, count in sorted(done.absent.items()))
        sys.stderr.write(f"xbench: no task here: {absent}\n")
    if done.problems:
        raise DataError("not everything could be scored; what could is stored", done.problems)


def averages(root: Path, suite: str | None, rule: str | None, form: Form, **where: Any) -> None:
    """Means over the tasks of a suite and of its groups, a table a suite and rule."""
    with store.reading(root) as con:
        rows = board.averages(con, suite=suite, rule=rule, **where)
        groups = board.group_averages(con, suite=suite, rule=rule, **where) if rows else []
        columns = [] if form == "text" else board.columns(con, "suite_mean")
        every = [] if form == "text" else board.task_groups(con)
    held = {(*_system(g), g["task_group"]): g for g in groups}
    if not rows:
        suites = sorted({name for task in all_tasks() for name in task.suites})
        rules = ["official", *sorted({name for task in all_tasks() for name, _ in task.rules})]
        asked = (("suite", suite, suites), ("rule", rule, rules))
        if problems := [f"--{what} {name}: no {what}{meant(name, names)}" for what, name, names in asked if name and name not in names]:
            raise StoreError(f"suites are {', '.join(suites)}, rules {', '.join(rules)}", problems)
        known = ", ".join(suites)
        under = f" under rule {rule}" if rule else ""
        LOG.print(f"no task of {suite or 'a suite'}{under} in {root}; suites are {known}, `xbench tasks` lists their tasks")
    if form != "text":
        means = [{f"{name}_mean": held.get((*_system(r), name), {}).get("value") for name in every} for r in rows]
        emit([{**r, **m} for r, m in zip(rows, means, strict=True)], form, [*columns, *(f"{name}_mean" for name in every)])
    if not rows or form != "text":
        return
    for suite_name, rule_name in dict.fromkeys((r["suite"], r["rule"]) for r in rows):
        own = [r for r in rows if (r["suite"], r["rule"]) == (suite_name, rule_name)]
        names = list(dict.fromkeys(g["task_group"] for g in groups if (g["suite"], g["rule"]) == (suite_name, rule_name)))
        usual = ("model", "intermediate", "recipe_label", "stack", "source")
        said = apart(own, usual, ("train_language", "source_version", "model_revision", "recipe_id", "relationship", "kind")) or ["model"]
        lines = [
            [
                _average(r, "task_mean"),
                _average(r, "task_mean_zero_shot"),
                _average(r, "group_mean"),
                *(_group(held.get((*_system(r), n))) for n in names),
            ]
            for r in own
        ]
        labels = ["mean of tasks", "mean of tasks, zero-shot", "mean of groups", *names]
        title = f"{suite_name}, {rule_name} scorers"
        if len(own) <= _SIDE_BY_SIDE:
            show(
                title,
                ["", *(" / ".join(str(r[c]) for c in said) for r in own)],
                [[n, *c] for n, c in zip(labels, zip(*lines, strict=True), strict=True)],
            )
        else:
            show(title, [*said, *labels], [[*(str(r[c]) for c in said), *line] for r, line in zip(own, lines, strict=True)], left=len(said))
    sys.stdout.write(
        "percent; a mean is printed only when every task and language is there, otherwise how many tasks are complete; "
        "zero-shot leaves the training language out\n"
    )


def _average(row: Row, column: str) -> str:
    if row[column] is not None:
        return percent(row[column], 2)
    there = row["tasks_zero_shot" if column == "task_mean_zero_shot" else "tasks"]
    return "not of every task" if there == row["tasks_expected"] else f"{there}/{row['tasks_expected']} tasks"


def _system(row: Row) -> tuple[Any, ...]:
    return tuple(row[c] for c in _SYSTEM)


def _group(found: Row | None) -> str:
    if found is None:
        return "-"
    return percent(found["value"], 2) if found["value"] is not None else f"{found['tasks']}/{found['tasks_expected']} tasks"


def _support(row: Row) -> str:
    return f"{row['languages']}/{row['languages_expected'] or '?'}"


def fetch(names: Iterable[str] | None) -> None:
    """Fetch packages and say where they are."""
    from xbench import fetch as fetching

    with LOG.status("downloading"):
        done = fetching.fetch(names)
    show(
        "packages",
        ["package", "what", "state", "folder"],
        [[p.name, p.about, "fetched" if new else "was there", str(p.folder)] for p, new in done],
        left=4,
    )
