"""Seconds until a leaderboard of MTEB's results shows its first table, ours and mteb's own, from the same files in one run.

    python benchmarks/first_table.py STORE FOLDER --mteb PYTHON [--page leaderboard]

STORE holds what `xbench ingest external-results FOLDER/results` made of FOLDER, a copy of embeddings-benchmark/results. Ours is measured in
the browser's place, by websocket: the first page of a new server, which imports the pages and opens the store, and those of the readers who
come next. mteb's is its leaderboard's steps up to the table, its imports and the Gradio app around it left out: from the result files (what
a maintainer with new results waits for), and from the Parquet cache that it keeps of them.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile

sys.path.insert(0, __file__.rpartition("/")[0])
from app_load import Session, peak_memory, serve

THEIRS = """
import json, logging, resource, sys, time
from pathlib import Path
import mteb
from mteb.cache import ResultCache
from mteb.results import BenchmarkResults
logging.disable(logging.CRITICAL)
cache = ResultCache(cache_path=Path(sys.argv[1]))
kept = Path(sys.argv[2])
name = "MTEB(Multilingual, v2)"
shown = mteb.get_benchmark(name)
said = {}
begun = time.perf_counter()
found = cache.load_results(require_model_meta=False, include_remote=False, only_main_score=True)
table = found._to_results_df(shown.tasks)
summary = shown._create_summary_table(table)
said["files"] = time.perf_counter() - begun
said["rows"] = len(summary.df)
BenchmarkResults.save_leaderboard_cache({b.name: found._to_results_df(b.tasks) for b in mteb.get_benchmarks()}, kept)
said["cache"] = []
for _ in range(5):
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
    given = parser.parse_args()
    here = ours(given.store, given.page)
    print(f"ours: a new server's first table {here['first']:.2f} s, the next readers' {here['later']:.3f} s, {here['mib']:.0f} MiB")
    with tempfile.TemporaryDirectory() as folder:
        command = [given.mteb, "-c", THEIRS, given.folder, f"{folder}/kept.parquet"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    there = json.loads(run.stdout.splitlines()[-1])
    cached = median(there["cache"])
    print(f"mteb: from the files {there['files']:.1f} s, from its cache {cached:.2f} s ({there['rows']} models), {there['mib']:.0f} MiB")
    print(
        f"ours is {there['files'] / here['first']:.0f} times as fast for a new server and {there['files'] / here['later']:.0f} times for a "
        f"reader as mteb from the files, and {cached / here['first']:.2f} and {cached / here['later']:.1f} times as mteb from its cache"
    )


if __name__ == "__main__":
    main()
