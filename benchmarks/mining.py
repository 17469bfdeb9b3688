"""Nearest neighbours (Tatoeba) and bitext mining (BUCC2018) against XTREME's own script: seconds, ratio, peak memory and results.

    python benchmarks/mining.py --xtreme DIR [--rows 100000] [--dim 384]

DIR is a checkout of google-research/xtreme. Each of the four runs has a process of its own, one after the other. Seconds are wall clock
for the call alone, which in the reference's case reads and writes small text files; peak memory is that of the whole process.
"""

import argparse
import contextlib
import importlib.util
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

from xbench.mining import mine, nearest

STEP = 1000


def vectors(rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Seeded sentences and, in another order, their translations under noise from weak to overwhelming."""
    rng = np.random.default_rng(0)
    source = rng.standard_normal((rows, dim), dtype=np.float32)
    target = source[rng.permutation(rows)]
    for start in range(0, rows, STEP):
        part = target[start : start + STEP]
        part += rng.uniform(0.5, 5, (len(part), 1)).astype(np.float32) * rng.standard_normal(part.shape, dtype=np.float32)
    return source, target


def load(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("utils_retrieve", checkout / "third_party" / "utils_retrieve.py")
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `is not 'bwd'`
        spec.loader.exec_module(module)
    return module


def reference_mine(module: ModuleType, source: np.ndarray, target: np.ndarray, folder: Path) -> tuple[float, np.ndarray]:
    texts = folder / "texts"
    texts.write_text("".join(f"{row}\n" for row in range(len(source))), encoding="utf-8")
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        module.mine_bitext(source, target, str(texts), str(texts), str(folder / "found"))
    seconds = time.perf_counter() - started
    return seconds, np.loadtxt(folder / "found", ndmin=2)


def one(what: str, whose: str, checkout: Path, rows: int, dim: int, folder: Path) -> None:
    """One run: its result, seconds and peak memory go to a file."""
    module = load(checkout)
    source, target = vectors(rows, dim)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    if (what, whose) == ("mine", "reference"):
        seconds, result = reference_mine(module, source, target, folder)
    elif whose == "reference":
        result = module.similarity_search(source, target, dim, normalize=True)[:, 0]
        seconds = time.perf_counter() - started
    elif what == "mine":
        found = mine(source, target)
        seconds = time.perf_counter() - started
        result = np.stack((found.score, found.source, found.target), axis=1)
    else:
        result = nearest(target, source)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.savez(folder / f"{what}-{whose}.npz", result=result, seconds=seconds, before=before, peak=peak)


def compare(what: str, theirs: np.ndarray, ours: np.ndarray) -> str:
    if what == "search":
        return f"{(theirs == ours).mean():.6%} of {len(ours)} indices equal"
    left, right = ({(int(i), int(j)): s for s, i, j in found} for found in (theirs, ours))
    both = left.keys() & right.keys()
    apart = max((abs(left[pair] - right[pair]) for pair in both), default=0.0)
    same = "the same set" if left.keys() == right.keys() else f"{len(left.keys() ^ right.keys())} in one only"
    return f"{len(left)} and {len(right)} pairs, {same}; scores apart by {apart:.1e} at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xtreme", type=Path, required=True, metavar="DIR", help="checkout of google-research/xtreme")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "WHOSE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], given.one[1], given.xtreme, given.rows, given.dim, Path(given.one[2]))
        return
    print(f"{given.rows} x {given.rows} sentences, {given.dim} features, {os.cpu_count()} cores")
    for what, title in (("search", "Tatoeba, nearest neighbour"), ("mine", "BUCC2018, mining")):
        runs = {}
        with tempfile.TemporaryDirectory() as folder:
            for whose in ("reference", "ours"):
                subprocess.run([sys.executable, __file__, *sys.argv[1:], "--one", what, whose, folder], check=True)
                runs[whose] = dict(np.load(Path(folder) / f"{what}-{whose}.npz"))
        theirs, ours = runs["reference"], runs["ours"]
        print(f"{title}: {compare(what, theirs['result'], ours['result'])}")
        print(f"  seconds: ours {ours['seconds']:.1f}, reference {theirs['seconds']:.1f}, ratio {theirs['seconds'] / ours['seconds']:.2f}")
        memory = [f"{whose} {run['peak']:.0f} MiB ({run['before']:.0f} before the call)" for whose, run in runs.items()]
        print(f"  peak memory: {', '.join(memory)}", flush=True)


if __name__ == "__main__":
    main()
