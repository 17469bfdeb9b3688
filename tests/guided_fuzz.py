"""Coverage-guided fuzzing of everything that reads a file: adapters, data of tasks, studies, archives, a store.

    pip install atheris
    python -m tests.guided_fuzz [READER…] [--seconds 60] [--jobs 2] [--corpus FOLDER] [--until 30]

Each reader runs in a process of its own under libFuzzer, which keeps the inputs that reach new branches of xbench and changes those on. It
starts from the files that the tests stand on. Half of the changes to JSON are to its values, so that it stays JSON. What a reader may do
with an input is to give rows or raise an XbenchError that names the file; whatever else it does is a finding: its input and its traceback
are kept, once for each line of code, and it goes on. With a corpus folder the next run goes on from there. docs/fuzzing.md is the record:
each run adds its inputs and its minutes of the processor, which are not those of the clock on a machine that does other things too. With
`--until` it goes round, those with the least time first, until the record gives each reader that many minutes. It can be ended at any
moment: what runs then is not in the record, and its corpus stays.
"""

import argparse
import gc
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "fuzzing.md"
_PLUGGED = (ROOT / "ingest", ROOT / "xbench" / "tasks")
_RECORDING = threading.Lock()
OTHERS = ("archive", "conll", "recognition", "store", "store-notes", "study")
Target = tuple[Callable[[bytes], None], list[bytes]]
"""What is called with an input, and the inputs to begin with. The first byte says which of several files the rest is."""


def readers() -> list[str]:
    from tests.adapter_files import CASES
    from tests.test_corpus import OFFICIAL

    return [*sorted(CASES), *(f"task:{name}" for name in sorted(OFFICIAL)), *OTHERS]


def _adapter(name: str, folder: Path) -> Target:
    from tests.adapter_files import CASES, Case
    from tests.test_ingest_fuzz import SAID, documents
    from xbench import adapter
    from xbench.adapter import Options
    from xbench.gathering import tables

    case = CASES[name]
    files = {k: v if isinstance(v, bytes) else v.encode() for k, v in case.files.items()}
    names = sorted(files)
    options = Options(folder / case.references if case.references else None, settings={**SAID, **case.settings})
    Case({**files}, [], start=case.start).write(folder)

    def read(content: bytes) -> None:
        victim = folder / names[content[0] % len(names)]
        victim.write_bytes(content[1:])
        try:
            for path in documents(folder / case.start, name, options):
                refusals: list[Any] = []
                try:
                    made = tables(adapter.read(path, name, options), str(path), "0" * 64, refusals)
                except XbenchError as error:
                    if path.name not in str(error) and str(folder) not in str(error):
                        raise AssertionError("the error does not name the file") from error
                else:
                    scores = zip(made.scores["metric"], made.scores["value"], strict=True)
                    if not all(adapter.least(metric) <= value <= 1 for metric, value in scores):
                        raise AssertionError("a score that its metric cannot have")
        finally:
            victim.write_bytes(files[names[content[0] % len(names)]])

    from xbench.errors import XbenchError

    return read, [bytes([i]) + files[name] for i, name in enumerate(names)]


def _task(name: str, folder: Path) -> Target:
    from tests.test_corpus import OFFICIAL, OWN
    from xbench.errors import DataError
    from xbench.task import load_task

    os.environ["XBENCH_DATA_DIR"] = str(folder)
    task = load_task(name)
    cases = []
    for language, split, files, _ in OFFICIAL[name]:
        cases += [(language, split, files, victim) for victim in sorted(files)]
    language, split = cases[0][:2]
    own = f"{name}/{split}-{language}.jsonl"
    if own not in dict(cases[0][2]):
        cases.append((language, split, {own: json.dumps({"id": "0", "cluster": "c", **OWN[task.family](task)}) + "\n"}, own))

    def read(content: bytes) -> None:
        language, split, files, victim = cases[content[0] % len(cases)]
        shutil.rmtree(folder)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content[1:] if path == victim else text.encode())
        try:
            found = load_task(name).examples(language, split)
        except DataError as error:
            if str(folder) not in str(error) and name not in str(error):
                raise AssertionError("the error does not name the file") from error
        else:
            assert found

    return read, [bytes([i]) + files[victim].encode() for i, (_, _, files, victim) in enumerate(cases)]


def _study(folder: Path) -> Target:
    from xbench.errors import StudyError
    from xbench.study import load_study

    path = folder / "x.yaml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load_study(path)
        except StudyError as error:
            if path.name not in str(error) and "recipe" not in str(error):
                raise AssertionError("the error does not name the file") from error

    return read, [p.read_bytes() for p in sorted((ROOT / "studies").glob("*.yaml"))]


def _conll(folder: Path) -> Target:
    """No task of xbench is in columns: they are for those that others add."""
    from tests.test_corpus import CONLL
    from xbench.errors import DataError
    from xbench.formats import conll

    path, kinds = folder / "x.txt", [conll(**settings) for settings, _, _ in CONLL]

    def read(content: bytes) -> None:
        path.write_bytes(content[1:])
        try:
            found = kinds[content[0] % len(kinds)]([path], "en", "train")
        except DataError as error:
            if str(path) not in str(error):
                raise AssertionError("the error does not name the file") from error
        else:
            assert found
            assert all(len(e.tokens) == len(e.labels) > 0 and all(label.split() == [label] for label in e.labels) for e in found)

    return read, [bytes([i]) + text.encode() for i, (_, text, _) in enumerate(CONLL)]


def _archive(folder: Path) -> Target:
    import io
    import tarfile
    import zipfile

    from xbench.errors import DataError
    from xbench.unpacking import unpack

    endings = ("zip", "tar", "tar.gz", "tar.xz")

    def read(content: bytes) -> None:
        shutil.rmtree(folder)
        into = folder / "in" / "to"
        into.mkdir(parents=True)
        path = folder / f"x.{endings[content[0] % len(endings)]}"
        path.write_bytes(content[1:])
        try:
            unpack(path, into)
        except DataError as error:
            if path.name not in str(error):
                raise AssertionError("the error does not name the file") from error
        outside = [p for p in folder.rglob("*") if into not in p.parents and p not in (into, into.parent, path)]
        if outside:
            raise AssertionError(f"{outside} lie outside")
        if any(p.is_symlink() for p in into.rglob("*")):
            raise AssertionError("a link")

    starts = []
    for i, ending in enumerate(endings):
        held = io.BytesIO()
        if ending == "zip":
            with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr("a/b.json", "{}")
        else:
            kind: Any = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[ending]
            with tarfile.open(fileobj=held, mode=kind) as tar:
                member = tarfile.TarInfo("a/b.json")
                member.size = 2
                tar.addfile(member, io.BytesIO(b"{}"))
        starts.append(bytes([i]) + held.getvalue())
    return read, starts


def _recognition(folder: Path) -> Target:
    """Which adapter reads a file: all of them look at any file that somebody gives, or uploads."""
    from tests.adapter_files import CASES
    from xbench import adapter
    from xbench.adapter import Options

    given = [(Path(name).name, content) for case in CASES.values() for name, content in sorted(case.files.items())]

    def read(content: bytes) -> None:
        path = folder / given[content[0] % len(given)][0]
        path.write_bytes(content[1:])
        try:
            adapter.recognised(path, Options())  # whatever one of them stumbles over, it is an error that it is not the file's
        finally:
            path.unlink()

    assert len(given) <= 256
    starts = [content if isinstance(content, bytes) else content.encode() for _, content in given]
    return read, [bytes([i]) + start for i, start in enumerate(starts)]


def _store(folder: Path) -> Target:
    from tests.conftest import Writer
    from tests.test_verify import own
    from xbench import board, compacting, store
    from xbench.errors import StoreError

    root = folder / "store"
    own(root, 0)
    compacting.compact(root)
    writer = Writer(root)
    for intermediate in ("none", "intents"):
        writer.add(intermediate, "mini-ner", 0, {"de": 0.5, "hi": 0.25})
    own(root, 1)
    files = sorted(root.rglob("*.parquet"))
    whole = [p.read_bytes() for p in files]

    def read(content: bytes) -> None:
        victim = files[content[0] % len(files)]
        victim.write_bytes(content[1:])
        try:
            con = store.connect(root)
            try:
                for view in ("leaderboard", "transfer_delta", "outcome", "prediction"):
                    board.query(con, view)
            finally:
                con.close()
        except StoreError:
            pass
        finally:
            victim.write_bytes(whole[content[0] % len(files)])

    return read, [bytes([i]) + content for i, content in enumerate(whole)]


def _store_notes(folder: Path) -> Target:
    """store.json, what a compaction says, and a retraction."""
    from xbench import listing, retractions
    from xbench.errors import StoreError

    root = folder / "store"
    (root / listing.FOLDER).mkdir(parents=True)
    paths = [root / "store.json", root / listing.FOLDER / "000001.json"]
    step = retractions.add(root, ["a" * 24, "b" * 24], "a slip", back=False)
    paths.append(root / retractions.FOLDER / f"{step.name}.json")
    starts = [b'{"format": 1}\n', listing.describe(listing.Compaction(1, 1.5, {"run": ("a.parquet",)}, "names.parquet"))]
    starts.append(paths[-1].read_bytes())

    def read(content: bytes) -> None:
        for i, path in enumerate(paths):
            path.write_bytes(content[1:] if i == content[0] % 3 else starts[i])
        try:
            listing.check_format(root)
            listing.newest(root)
            retractions.steps(root)
        except StoreError as error:
            if str(root) not in str(error):
                raise AssertionError("the error does not name the file") from error

    return read, [bytes([i]) + start for i, start in enumerate(starts)]


def target(name: str, folder: Path) -> Target:
    folder.mkdir(exist_ok=True)
    if name.startswith("task:"):
        return _task(name.removeprefix("task:"), folder)
    if name in OTHERS:
        others = {
            "study": _study, "archive": _archive, "conll": _conll, "recognition": _recognition, "store": _store, "store-notes": _store_notes,
        }  # fmt: skip
        return others[name](folder)
    return _adapter(name, folder)


def fuzz(name: str, seconds: int, corpus: Path, findings: Path) -> None:
    """In a process of its own, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["xbench"]):
        from tests.test_ingest_fuzz import broken, mutated

        folder = Path(tempfile.mkdtemp(prefix="fuzz"))
        read, starts = target(name, folder)
        read(starts[0])  # plug-ins are loaded when they are first asked for, past the hook for imports
    plugged = [f for f in gc.get_objects() if isinstance(f, FunctionType) and Path(f.__code__.co_filename).parent in _PLUGGED]
    for function in plugged:
        atheris.instrument_func(function)
    corpus.mkdir(parents=True, exist_ok=True)
    for i, start in enumerate(starts):
        (corpus / f"start-{i:03d}").write_bytes(start)
    seen: set[str] = set()

    def one(data: bytes) -> None:
        try:
            read(data or b"\0")
        except Exception as error:  # noqa: BLE001 - all of them are findings
            ours = [
                f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}xbench{os.sep}" in f.filename or "ingest" in f.filename
            ]
            last = ours[-1] if ours else traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}-{last.lineno}-{type(error).__name__}"
            if where not in seen:
                seen.add(where)
                findings.mkdir(parents=True, exist_ok=True)
                (findings / where).write_bytes(data)
                (findings / f"{where}.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        way = rng.random()
        head = data[:0] if name == "study" else data[:1]
        content = data[len(head) :]
        if way < 0.5:
            try:
                made = json.dumps(mutated(json.loads(content), rng)).encode("utf-8", "surrogatepass")
                return (head + made)[:most] if len(made) < most else data
            except (ValueError, RecursionError):
                pass
        if way < 0.6:
            return (head + broken(content, "x", rng))[:most]
        return bytes(atheris.Mutate(data, most))

    most = max(4096, 2 * max(map(len, starts)))
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        "-timeout=60",
        "-rss_limit_mb=4096",
        f"-max_len={most}",
        f"-artifact_prefix={findings}-",
    ]
    atheris.Setup([*arguments, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


class Tally(NamedTuple):
    """What a reader was given, in all runs."""

    seconds: float  # of the processor
    inputs: int
    branches: int
    findings: str


def run(name: str, seconds: int, corpus: Path) -> Tally:
    """What one run gave to a reader."""
    safe = name.replace(":", "-")
    findings = corpus / f"{safe}-findings"
    shutil.rmtree(findings, ignore_errors=True)
    command = [sys.executable, "-m", "tests.guided_fuzz", "--one", name, "--seconds", str(seconds), "--corpus", str(corpus)]
    with tempfile.TemporaryDirectory(prefix="xbench-fuzz-") as scratch, tempfile.TemporaryFile("w+", errors="replace") as log:
        # libFuzzer ends the process itself: nothing in it tidies up.
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, cwd=ROOT, env={**os.environ, "TMPDIR": scratch})
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read()
    last = [m for line in said.splitlines() if (m := re.match(r"#(\d+)\s.*cov: (\d+) ", line))]
    found = sorted(p.stem for p in findings.glob("*.txt")) if findings.is_dir() else []
    if process.returncode or not last:
        found.append(f"the process ended with {process.returncode}: {said[-1500:]}")
    inputs, branches = (int(last[-1][1]), int(last[-1][2])) if last else (0, 0)
    sys.stdout.write(f"{name}: {inputs:,} inputs, {branches} branches, {', '.join(found) or 'no finding'}\n")
    sys.stdout.flush()
    return Tally(used.ru_utime + used.ru_stime, inputs, branches, ", ".join(f.splitlines()[0] for f in found) or "0")


def recorded() -> dict[str, Tally]:
    """What docs/fuzzing.md says of each reader."""
    if not PAGE.is_file():
        return {}
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    return {
        name: Tally(60 * float(minutes), int(inputs.replace(",", "")), int(branches), findings)
        for name, minutes, inputs, branches, findings in cells[2:]
    }


def record(name: str, new: Tally) -> None:
    """Add a run to docs/fuzzing.md."""
    with _RECORDING:
        known = recorded()
        old = known.get(name, Tally(0, 0, 0, "0"))
        known[name] = Tally(old.seconds + new.seconds, old.inputs + new.inputs, max(old.branches, new.branches), new.findings)
        rows = {reader: known[reader] for reader in readers() if reader in known}
        made = PAGE.with_suffix(".new")
        made.write_text("\n".join(page(rows)) + "\n", encoding="utf-8")
        made.replace(PAGE)


def page(rows: dict[str, Tally]) -> Iterator[str]:
    yield "# Fuzzing\n"
    yield (
        f"`python -m tests.guided_fuzz` has given {sum(r.inputs for r in rows.values()):,} inputs to {len(rows)} readers in "
        f"{sum(r.seconds for r in rows.values()) / 3600:.1f} hours of one processor. An input is changed from the files of the tests and kept "
        "if it reaches new branches (atheris, libFuzzer). What the last run found and is not mended is in the last column. Each run adds to "
        "this page.\n"
    )
    yield "| reader | minutes | inputs | branches reached | findings |\n|---|---|---|---|---|"
    for name, r in rows.items():
        yield f"| {name} | {r.seconds / 60:.1f} | {r.inputs:,} | {r.branches} | {r.findings} |"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("readers", nargs="*")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--until", type=float, default=0, metavar="MINUTES")
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir()) / "xbench-fuzz")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        safe = given.one.replace(":", "-")
        fuzz(given.one, given.seconds, given.corpus / safe, given.corpus / f"{safe}-findings")
    given.corpus.mkdir(parents=True, exist_ok=True)
    names = given.readers or readers()

    def missing(name: str) -> float:
        """Seconds of the processor that --until asks for and the record lacks."""
        had = recorded().get(name)
        return 60 * given.until - (had.seconds if had else 0.0)

    def one(name: str) -> bool:
        # A start takes some seconds: the last piece is not so short that it is nothing else, and not longer than is missing.
        seconds = min(given.seconds, max(30, math.ceil(missing(name)) + 5)) if given.until else given.seconds
        made = run(name, seconds, given.corpus)
        record(name, made)
        return made.findings == "0"

    def short(names: list[str]) -> list[str]:
        """Those that have had less than --until, least first."""
        left = {n: missing(n) for n in names}
        return sorted((n for n in names if left[n] > 0), key=lambda n: -left[n])

    well = True
    with ThreadPoolExecutor(given.jobs) as pool:
        left = short(names) if given.until else names
        while left:
            well = all([*pool.map(one, left)]) and well
            left = short(names)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
