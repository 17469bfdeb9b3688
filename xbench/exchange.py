"""What the commands about results from elsewhere, and for elsewhere, print."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from xbench import adapter, auditing, board, compacting, exporting, ingesting, mending, plugins, retracting, rows, share, store, verifying
from xbench.adapter import Options
from xbench.board import Row
from xbench.errors import DataError
from xbench.listing import Listing, option
from xbench.tables import LOG, Form, apart, emit, many, percent, show
from xbench.verifying.problems import HARMLESS, KINDS, Problem, Verified
from xbench.versions import Change

_SHOWN = 20  # changes and refusals that are printed; the report has all
_REASONS = 8
_EXAMPLES = 40  # of a run that are printed
_RUN = ("run_id", "source", "source_version", "model", "intermediate", "target", "train_language", "seed", "version", "scores")
_PROBLEM = ("kind", "table", "file", "rows", "found", "expected", "do")


def ingest(
    paths: Sequence[Path] | None,
    root: Path,
    format_name: str | None,
    options: Options,
    template: str | None,
    report_file: Path | None,
    jobs: int,
    form: Form,
    *,
    dry_run: bool,
) -> bool:
    """Ingest, and say what came of it.

    Returns:
        Whether nothing was refused.
    """
    given = list(paths) if paths else [share.folder("data") / "published"]
    columns = (TextColumn("reading files"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=LOG, disable=not LOG.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        report = ingesting.ingest(
            given, root, format_name, options, template=template, dry_run=dry_run, jobs=jobs,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )  # fmt: skip
    read = sum(report.files.values())
    if report.refusals and report_file is None and (read or len(report.refusals) > _SHOWN) and not dry_run:
        report_file = root.parent / f"{root.name}-refused.csv"
    if report.refusals and report_file is not None:
        ingesting.write_refusals(report, report_file)
    if form != "text":
        emit([_summary(report, root, dry_run, report_file)], form)
    elif read:
        _tell(report, root, dry_run)
        if advice := Listing(root).advice:
            sys.stdout.write(f"{advice}\n")
    _complain(report, report_file)
    return not report.refusals


def _summary(report: ingesting.Report, root: Path, dry_run: bool, report_file: Path | None) -> dict[str, object]:
    return {
        "store": str(root), "dry_run": dry_run, "files": dict(report.files), "unknown_files": report.unknown, "runs": report.runs,
        **{status: report.cells[status] for status in ("new", "changed", "identical", "older", "retracted")},
        "targets": dict(report.targets), "refused": len(report.refusals), "reasons": dict(rows.by_reason(report.refusals)),
        "misspelt": report.misspelt(), "notes": report.notes, "report": str(report_file) if report.refusals and report_file else None,
        **{name: [asdict(change) for change in found] for name, found in (("changes", report.changes), ("replaced", report.older))},
    }  # fmt: skip


def _tell(report: ingesting.Report, root: Path, dry_run: bool) -> None:
    files = ", ".join(f"{count} {name}" for name, count in sorted(report.files.items())) or "none"
    left = f"; {report.unknown} that no adapter knows" if report.unknown else ""
    show(
        f"{'would be ' if dry_run else ''}ingested into {root}   (files read: {files}{left})",
        ["", "scores"],
        [
            ["new", str(report.cells["new"])],
            ["changed: a new version beside the old one", str(report.cells["changed"])],
            ["identical to what is there", str(report.cells["identical"])],
            ["of a version that another has replaced", str(report.cells["older"])],
            *([["of a run that is retracted", str(report.cells["retracted"])]] if report.cells["retracted"] else []),
            ["refused", str(len(report.refusals))],
        ],
    )
    if report.targets:
        most = report.targets.most_common(_SHOWN)
        show("scores by task", ["task", "scores"], [[name, str(count)] for name, count in most])
        if len(report.targets) > len(most):
            sys.stdout.write(f"and {len(report.targets) - len(most)} more tasks\n")
    _tell_changes("changed", ("was", "is"), report.changes)
    _tell_changes("of a version that another has replaced: nothing is written", ("counts", "given", "run that counts"), report.older)
    if report.older:
        sys.stdout.write("Where these are right, give them a source_version of their own: they then stand beside what counts\n")


def _tell_changes(title: str, headings: Sequence[str], found: Sequence[Change]) -> None:
    """The first few cells: what the store held, what is given, and if there is a heading for it, the run that held it."""
    if not found:
        return
    show(
        title,
        ["model", "intermediate", "target", "language", "metric", "source", *headings],
        [
            [
                c.model,
                c.intermediate,
                c.target,
                c.language,
                c.metric,
                c.source,
                *(percent(c.old, 2), percent(c.new, 2), c.run[:12])[: len(headings)],
            ]
            for c in found[:_SHOWN]
        ],
        left=6,
    )
    if len(found) > _SHOWN:
        sys.stdout.write(f"and {len(found) - _SHOWN} more; --json has all\n")


def _complain(report: ingesting.Report, report_file: Path | None) -> None:
    notes = [f"xbench: {said}" for said in (*report.doubts(), *report.notes[:_SHOWN])]
    if len(report.notes) > _SHOWN:
        notes.append(f"xbench: and {len(report.notes) - _SHOWN} more such notes; --json has all")
    sys.stderr.write("".join(f"{note}\n" for note in notes))
    if not report.refusals:
        return
    kept = "everything else is kept" if sum(report.cells.values()) else "nothing is stored"
    lines = [f"xbench: {len(report.refusals)} refused; {kept}" + (f". All of them: {report_file}" if report_file else "")]
    reasons = list(rows.by_reason(report.refusals))
    lines += [f"  {count:>6} x {reason}" for reason, count in reasons[:_REASONS] if count > 1]
    lines += [f"  - {refusal}" for refusal in report.refusals[:_SHOWN]]
    if len(report.refusals) > _SHOWN:
        lines.append(f"  and {len(report.refusals) - _SHOWN} more")
    sys.stderr.write("\n".join(lines) + "\n")


def adapters(folder: Path | None, form: Form) -> None:
    """The formats that can be ingested, and the columns of a row."""
    found = plugins.every(lambda name: (name, *adapter.summary(name, folder)), adapter.names(folder))
    if form != "text":
        emit([{"adapter": n, "reads": about, "example": example} for n, about, example in found], form)
        return
    show("formats", ["adapter", "reads", "example"], [list(row) for row in found], left=3)
    sys.stdout.write(
        "columns of a row (--set COLUMN=VALUE says what a file does not): " + ", ".join((*adapter.COLUMNS, *adapter.OTHER_SETTINGS)) + "\n"
        f"must be there: {', '.join(adapter.REQUIRED)}\n"
    )


def history(root: Path, cell: Sequence[str], form: Form) -> None:
    """All claims of the cells that meet the conditions.

    Raises:
        DataError: If a condition is no FIELD=VALUE, or no claim meets them.
    """
    said = _conditions(cell, "a cell", "model=xlm-roberta-large target=xnli language=de")
    where: dict[str, object] = {f: int(value) if f in ("seed", "version") and value.isdecimal() else value for f, value in said.items()}
    order = ("target", "model", "intermediate", "metric", "scorer", "split", "language", "seed", "source", "source_version", "version")
    with store.reading(root) as con:
        if "run_id" in where:
            where["run_id"] = board.whole_id(con, str(where["run_id"]))
        found = board.history(con, order, **where)
        if not found:
            raise DataError(f"no claim of {' '.join(cell)}", board.unheard_of(con, where))
    if form != "text":
        emit(found, form)
        return
    varying = [c for c in order[:8] if len({r[c] for r in found}) > 1]
    more = ("train_language", "recipe_label", "stack", "model_revision", "dataset_revision", "language_set")
    varying += apart(found, (), more, (*varying, "source", "source_version", "version"))
    names = [c.removesuffix("_label").replace("_", " ") for c in varying]
    same = ", ".join(f"{c} {found[0][c]}" for c in order[:8] if c not in varying and found[0][c] is not None)
    show(
        f"claims of {same}",
        [*names, "source", "source version", "version", "", "value", "n", "relationship", "run", "file sha256"],
        [
            [
                *(str(r[c]) if r[c] is not None else "-" for c in varying), r["source"], r["source_version"], str(r["version"] or "-"),
                "" if r["current"] else "retracted" if r["retracted"] else "replaced",
                percent(r["value"], 2), str(r["n"] or "?"), r["relationship"],
                r["run_id"][:12] + (f" from {r['carried_from'][:12]}" if r["carried_from"] else ""), (r["source_sha256"] or "-")[:12],
            ]
            for r in found
        ],
        left=len(varying) + 2,
    )  # fmt: skip
    for because in dict.fromkeys(r["retracted"] for r in found if r["retracted"]):
        sys.stdout.write(f"retracted: {because}\n")


def _conditions(words: Sequence[str], what: str, example: str) -> dict[str, str]:
    """Conditions as they are written on the command line.

    Raises:
        DataError: If one is no FIELD=VALUE, a field is said twice, or there is none.
    """
    pairs = [text.partition("=") for text in words]
    wrong = [text for text, (field, sign, value) in zip(words, pairs, strict=True) if not (field and sign and value)]
    if wrong or not words:
        raise DataError(f"{', '.join(wrong) or 'nothing'}: {what} is said as FIELD=VALUE, such as {example}")
    twice = sorted({field for field, _, _ in pairs if [f for f, _, _ in pairs].count(field) > 1})
    if twice:
        raise DataError(f"{', '.join(twice)}: said more than once; {what} has one value of each field")
    return {field: value for field, _, value in pairs}


def retract(root: Path, words: Sequence[str], because: str, form: Form, *, back: bool, dry_run: bool) -> None:
    """Take runs out of what counts or let them in again, and say which; without conditions say what is out.

    Raises:
        DataError: If a condition is no FIELD=VALUE.
    """
    if not words and not (because or back or dry_run):
        _retracted(root, form)
        return
    done = retracting.retract(root, _conditions(words, "a run", "run_id=1a2b3c or source=… model=…"), because, back=back, dry_run=dry_run)
    if form != "text":
        emit([{"step": done.step or None, **run} for run in done.runs], form, ("step", *_RUN))
        return
    state = "let in again" if back else "retracted"
    if done.already:
        are = "is" if done.already == 1 else "are"
        sys.stdout.write(f"{many(done.already, 'run')} {are} {'not retracted' if back else 'retracted already'}\n")
    if not done.runs:
        return
    _show_runs(f"{'would be ' if dry_run else ''}{state}", done.runs)
    if done.again:
        _show_runs("the version before counts again", done.again)
    if done.replaced:
        _show_runs("do not count any more: a version after them does", done.replaced)
    for reason, count in done.reasons.most_common():
        sys.stdout.write(f"{many(count, 'run')} retracted as: {reason}\n")
    if done.behind:
        sys.stdout.write(f"{many(done.behind, 'run')} of them in no view nevertheless: a later version stands, and has what it has\n")
    if done.carried:
        told = "come back with them" if back else "go with them; a file of what versions before said of these alone brings that in again"
        sys.stdout.write(f"{many(done.carried, 'score')} that later versions took over {told}\n")


def _retracted(root: Path, form: Form) -> None:
    found = retracting.listed(root)
    if form != "text":
        emit(found, form, ("made", "because", *_RUN))
        return
    if not found:
        sys.stdout.write(f"nothing in {root} is retracted\n")
    for (made, because), runs in groupby(found, lambda row: (row["made"], row["because"])):
        _show_runs(f"retracted {made:%Y-%m-%d %H:%M} UTC: {because}", list(runs))


def _show_runs(title: str, runs: Sequence[Row]) -> None:
    varying = apart(runs, (), ("train_language", "seed", "source_version"))
    show(
        f"{title} ({many(len(runs), 'run')}, {many(sum(r['scores'] for r in runs), 'score')})",
        ["source", "model", "intermediate", "target", *(c.replace("_", " ") for c in varying), "version", "scores", "run"],
        [
            [
                r["source"], r["model"], r["intermediate"], r["target"], *("-" if r[c] is None else str(r[c]) for c in varying),
                str(r["version"] or "-"), str(r["scores"]), r["run_id"][:12],
            ]
            for r in runs[:_EXAMPLES]
        ],
        f"and {len(runs) - _EXAMPLES:,} more (--json and --csv have all)" if len(runs) > _EXAMPLES else "",
        left=4 + len(varying),
    )  # fmt: skip


def predictions(root: Path, run: str, language: str | None, split: str | None, form: Form) -> None:
    """The examples of a run.

    Raises:
        DataError: If none is stored, or none of this language and split.
    """
    found = board.predictions(root, run, language, split)
    if not found:
        only = " ".join(value for value in (language, split) if value)
        raise DataError(
            f"no example{f' of {only}' if only else ''} is stored of run {run}; what is known of it: xbench history run_id={run}"
        )
    if form != "text":
        emit(found, form)
        return
    measured = dict.fromkeys((r["metric"], r["scorer"]) for r in found if r["metric"])
    rule = "; ".join(f"{metric} ({scorer})" for metric, scorer in measured)
    show(
        f"run {run}{f', {rule}' if rule else ''}",
        ["language", "split", "example", "reference", "prediction", "counts"],
        [
            [
                r["language"], r["split"], r["example_id"], _text(r["reference"]), _text(r["prediction"]),
                "-" if r["metric"] is None else f"{r['numerator']:g} of {r['denominator']:g}",
            ]
            for r in found[:_EXAMPLES]
        ],
        f"and {len(found) - _EXAMPLES:,} more (--json and --csv have all)" if len(found) > _EXAMPLES else "",
        left=5,
    )  # fmt: skip


def _text(value: str | None) -> str:
    return "-" if value is None else value


def audit(root: Path, only: str | None, form: Form) -> bool:
    """Print every finding.

    Returns:
        Whether there is no error among them.
    """
    found = auditing.audit(root, only)
    if form != "text":
        empty = dict.fromkeys(c for f in found for c in f.rows)
        always = ("severity", "check", "finding", "do")
        said = [dict(zip(always, (f.severity, f.check, f.text, f.advice), strict=True)) for f in found]
        emit([{**s, **empty, **f.rows} for s, f in zip(said, found, strict=True)], form, always)
        return not any(f.severity == "error" for f in found)
    for check in dict.fromkeys(f.check for f in found):
        mine = [f for f in found if f.check == check]
        columns = [c for c in mine[0].rows if c != "run_id"] + (["run_id"] if "run_id" in mine[0].rows else [])
        show(
            f"{mine[0].severity}: {mine[0].title} ({check})",
            [*columns, "finding"],
            [[*("-" if f.rows.get(c) is None else str(f.rows[c]) for c in columns), f.text] for f in mine[:_SHOWN]],
            note=(f"and {len(mine) - _SHOWN} more (--json has all). " if len(mine) > _SHOWN else "") + mine[0].advice,
            left=len(columns) + 1,
        )
    counts = Counter(f.severity for f in found)
    sys.stdout.write(", ".join(f"{counts[s]} {s}{'s' if counts[s] != 1 else ''}" for s in auditing.SEVERITIES) + f" in {root}\n")
    return counts["error"] == 0


def compact(root: Path, grace: float, *, dry_run: bool) -> None:
    """Compact a store and print what was done."""
    with LOG.status("looking at the files") as status:
        done = compacting.compact(root, grace=grace, dry_run=dry_run, tick=status.update)
    lines = []
    if done.deleted:
        lines.append(f"deleted {done.deleted:,} files that an earlier compaction replaced")
    if done.before == done.after:
        lines.append(f"nothing to compact: {done.before:,} files")
    elif dry_run:
        lines.append(f"would make {done.before:,} files into {done.after:,}: {done.rows:,} rows of {done.runs:,} runs")
    else:
        size = f"{done.bytes_before / 1e6:,.1f} MB into {done.bytes_after / 1e6:,.1f} MB"
        lines.append(f"made {done.before:,} files into {done.after:,}: {done.rows:,} rows of {done.runs:,} runs, {size}")
    if done.waiting:
        when = f"in {done.wait / 60:.0f} minutes or later" if done.wait >= 30 else "now"
        lines.append(
            f"{done.waiting:,} replaced files do not count any more and stay for those who still read them; to delete them, {when}:"
        )
        given = "" if grace == compacting.GRACE else f" --grace {grace / 60:g}"  # without it the hour would begin anew
        lines.append(f"    xbench compact{option(root)}{given}")
    lines += [f"left as it is: {said}" for said in done.left[:_SHOWN]]
    if len(done.left) > _SHOWN:
        lines.append(f"and {len(done.left) - _SHOWN:,} more")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def verify(root: Path, form: Form, *, mend: bool, deep: bool) -> bool:
    """Check a store, set aside what cannot be relied on if `mend`, and print every problem.

    Returns:
        Whether all that readers see is as it was written.
    """
    mended = None
    columns = (TextColumn("reading files"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=LOG, disable=not LOG.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)

        def tick(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        if mend:
            mended = mending.repair(root, deep=deep, tick=tick)
        found = mended.after if mended else verifying.verify(root, deep=deep, tick=tick)
    if form != "text":
        emit([_as_row(problem) for problem in found.problems], form, (*_PROBLEM, "harmless"))
        if mended:
            sys.stderr.write("".join(f"{moved.file} -> {moved.to}\n" for moved in mended.moved))
            sys.stderr.write("".join(f"next: {said}\n" for said in mended.do))
        sys.stderr.write(f"{_in_all(found, mend=mend)}\n")
        return found.whole
    if mended:
        _tell_mended(mended)
    for kind, about in KINDS.items():
        mine = [problem for problem in found.problems if problem.kind == kind]
        if not mine:
            continue
        show(
            f"{kind}: {about}",
            ["file", "rows", "found", "expected"],
            [[problem.file, problem.rows, problem.found, problem.expected] for problem in mine[:_SHOWN]],
            note=(f"and {len(mine) - _SHOWN} more (--json has all). " if len(mine) > _SHOWN else "")
            + "; or: ".join(dict.fromkeys(problem.do for problem in mine)),
            left=4,
        )
    sys.stdout.write(f"{_in_all(found, mend=mend)}\n")
    return found.whole


def _as_row(problem: Problem) -> dict[str, object]:
    return {**{c: getattr(problem, c) for c in _PROBLEM}, "harmless": problem.harmless}


def _in_all(found: Verified, *, mend: bool) -> str:
    """What was looked at, what is wrong with it, and what to do next."""
    counts = Counter(problem.kind for problem in found.problems)
    wrong = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    looked = f"{found.root}: {len(found.files)} files, {found.rows} rows, {found.scores} scores made again from their outcomes"
    if found.whole:
        return f"{looked}; whole{f' ({wrong}: harmless)' if wrong else ''}"
    total = sum(count for kind, count in counts.items() if kind not in HARMLESS)
    said = f"{looked}; {total} problem{'s' if total > 1 else ''}: {wrong}"
    if mend or not any("--repair" in problem.do for problem in found.problems if not problem.harmless):
        return said  # a repair would do nothing
    return f"{said}\nnext: xbench verify --repair sets aside in STORE/quarantine what cannot be relied on, and says how it comes back"


def _tell_mended(mended: mending.Mended) -> None:
    if mended.moved:
        show("set aside, nothing is deleted", ["file", "is now", "why"], [[m.file, m.to, m.why] for m in mended.moved], left=3)
        sys.stdout.write("".join(f"next: {said}\n" for said in mended.do))
    else:
        sys.stdout.write("nothing to set aside\n")
    for said in dict.fromkeys(mended.left):
        sys.stdout.write(f"left where it is: {said}\n")


def export(root: Path, format_name: str, output: Path | None, digits: int, **where: object) -> None:
    """Write rows of a store to stdout, a file or a folder."""
    sys.stdout.write(exporting.export(root, format_name, output, digits, **where))
