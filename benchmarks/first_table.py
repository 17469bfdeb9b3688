"""Seconds until a leaderboard of MTEB's results shows its first table, ours and mteb's own, from the same files in one run.

    python benchmarks/first_table.py STORE FOLDER --mteb PYTHON [--page leaderboard]

STORE holds what `xbench ingest external-results FOLDER/results` made of FOLDER, a copy of embeddings-benchmark/results. Ours is measured in
the browser's place, by websocket: the first page of a new server, which imports the pages and opens the store (the middle one of several
servers), and those of the readers who come next. mteb's is its leaderboard's steps up to the table, without the Gradio app around it: from
the result files (what a maintainer with new results waits for), and from the Parquet cache that it keeps of them. What both import counts
for a new server and from the files; the servers' own start does not. All files are read once before, so that neither waits for a disk.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, __file__.rpartition("/")[0])
from app_load import Session, peak_memory, serve

THEIRS = """
import json, logging, resource, sys, time
from pathlib import Path
begun = time.perf_counter()
import mteb
from mteb.cache import ResultCache
from mteb.results import BenchmarkResults
imports = time.perf_counter() - begun
logging.disable(logging.CRITICAL)
cache = ResultCache(cache_path=Path(sys.argv[1]))
kept = Path(sys.argv[2])
name = "MTEB(Multilingual, v2)"
shown = mteb.get_benchmark(name)
said = {"imports": imports}
begun = time.perf_counter()
found = cache.load_results(require_model_meta=False, include_remote=False, only_main_score=True)
table = found._to_results_df(shown.tasks)
summary = shown._create_summary_table(table)
said["files"] = time.perf_counter() - begun
said["rows"] = len(summary.df)
BenchmarkResults.save_leaderboard_cache({b.name: found._to_results_df(b.tasks) for b in mteb.get_benchmarks()}, kept)
said["cache"] = []
for _ in range(3):
    begun = time.perf_counter()
    shown._create_summary_table(BenchmarkResults.load_leaderboard_cache(kept)[name])
    said["cache"].append(time.perf_counter() - begun)
said["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""


def median(values: list[float]) -> float:
    """The middle one (beside this file lies one that is called statistics)."""
    return sorted(values)[len(values) // 2]


def ours(store: str, page: str) -> dict[str, float]:
    """Seconds of the first page of a new server, and of the next readers' first pages."""
    server, port = serve(store)
    try:
        first = asyncio.run(Session(port, 0).open())
        later = [asyncio.run(_visit(port, page, n)) for n in range(1, 6)]
        return {"first": first, "later": median(later), "mib": peak_memory(server.pid)}
    finally:
        server.kill()


async def _visit(port: int, page: str, number: int) -> float:
    session = Session(port, number)
    took = await session.open()
    return took if page == "leaderboard" else await session.ask(page, {})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("folder")
    parser.add_argument("--mteb", required=True)
    parser.add_argument("--page", default="leaderboard")
    parser.add_argument("--servers", type=int, default=5)
    given = parser.parse_args()
    for folder in (given.store, f"{given.folder}/results"):
        for file in filter(Path.is_file, Path(folder).rglob("*")):
            file.read_bytes()
    several = [ours(given.store, given.page) for _ in range(given.servers)]
    here = {name: median([one[name] for one in several]) for name in several[0]}
    firsts = ", ".join(f"{one['first']:.2f}" for one in several)
    print(
        f"ours: a new server's first table {here['first']:.2f} s ({firsts}), the next readers' {here['later']:.3f} s, {here['mib']:.0f} MiB"
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [given.mteb, "-c", THEIRS, given.folder, f"{folder}/kept.parquet"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    there = json.loads(run.stdout.splitlines()[-1])
    cached = median(there["cache"])
    files = there["imports"] + there["files"]
    print(
        f"mteb: from the files {files:.1f} s (imports {there['imports']:.1f}), from its cache {cached:.2f} s "
        f"({there['rows']} models), {there['mib']:.0f} MiB"
    )
    print(
        f"ours is {files / here['first']:.0f} times as fast for a new server and {files / here['later']:.0f} times for a "
        f"reader as mteb from the files, and {cached / here['first']:.1f} and {cached / here['later']:.0f} times as mteb from its cache"
    )


if __name__ == "__main__":
    main()
