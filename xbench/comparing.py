"""Is a transfer delta real? Every intermediate task against its direct baseline, by language and over the zero-shot languages.

Runs are paired by seed and conditions as in the view transfer_delta; examples by id. With one seed the question that can be answered is
whether these two trained systems differ on new items; with two seeds or more, whether the recipes do, on new items and with new seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from xbench import board, store
from xbench.stats import families, power
from xbench.stats.ratios import Estimate, Sums, contrast, seeds_and_items

Row = dict[str, Any]
CONDITIONS = (
    "model", "model_revision", "intermediate", "target", "train_language", "metric", "scorer", "dataset_revision", "recipe_id", "stack",
    "source", "source_version",
)  # fmt: skip
MEAN = "zero-shot mean"
ALPHA = 0.05
_PAIR_TABLE = (
    "SELECT language, seed, run_id, direct_run_id FROM transfer_delta WHERE status = 'paired' AND split = 'test' AND "
    + " AND ".join(f"{c} = ?" for c in CONDITIONS)
    + " ORDER BY language, seed"
)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Sums of one contrast: clusters x (arm, seed, language), and how many examples each language has."""

    sums: Sums
    languages: list[str]
    seeds: list[int]
    examples: dict[str, int]


def compare(root: Path, **where: Any) -> list[Row]:
    """Every intermediate against its direct baseline: a row a language, and one for the mean over the zero-shot languages.

    Args:
        root: The store.
        where: {column of transfer_delta: value}; None is no condition. Without `metric`, the metric that counts for the target.

    Returns:
        Rows with value, direct_value, delta, low, high (95 %), p, p_holm (over the languages of the contrast), detectable (80 %
        power), n, clusters, seeds, scope (`recipe` or `these runs`), verdict (helps, hurts, unresolved) and status (`tested`, or
        why not). A language's verdict follows from p_holm, that of the mean from p.

    Raises:
        StoreError: If a file cannot be read, or a condition is not a column.
    """
    con = store.connect(root)
    try:
        found = board.query(con, "transfer_delta", {"split": "test", **where}, ("target", "model", "intermediate"))
        official = board.official_scorers()
        main = dict(con.execute("SELECT DISTINCT target, metric FROM task_language").fetchall())

        def counts(row: Row) -> bool:
            return bool(row["metric"] == main.get(row["target"]) and row["scorer"] in official.get(row["target"], ()))

        counted = {row["target"] for row in found if counts(row)}
        groups: dict[tuple[Any, ...], Row] = {}
        for row in found:
            if where.get("metric") is not None or row["target"] not in counted or counts(row):
                groups.setdefault(tuple(row[c] for c in CONDITIONS), row)
        return [row for first in groups.values() for row in _contrast(con, first)]
    finally:
        con.close()


def _contrast(con: duckdb.DuckDBPyConnection, first: Row) -> list[Row]:
    key = {c: first[c] for c in CONDITIONS}
    pairs = con.execute(_PAIR_TABLE, list(key.values())).fetchall()
    if not pairs:
        return [{**key, "language": MEAN, **_untested("no direct baseline of the same seed under the same conditions")}]
    counts, reason = _counts(con, key, pairs)
    if counts is None:
        return [{**key, "language": MEAN, **_untested(reason)}]
    languages = counts.languages
    zero_shot = [code for code in languages if code != key["train_language"]]
    shares = {code: np.array([float(c == code) for c in languages]) for code in languages}
    parts: dict[str, npt.NDArray[np.float64]] = dict(shares)
    if zero_shot:
        parts[MEAN] = np.array([float(c in zero_shot) / len(zero_shot) for c in languages])
    rows = [{**key, "language": name, **_tested(counts, share, name)} for name, share in parts.items()]
    by_language = [r for r in rows if r["language"] != MEAN and r["status"] == "tested"]
    for row, p in zip(by_language, families.holm(np.array([r["p"] for r in by_language])), strict=True):
        row["p_holm"] = float(p)
        row["verdict"] = _verdict(row["delta"], float(p))
    return rows


def _counts(
    con: duckdb.DuckDBPyConnection, key: Mapping[str, Any], pairs: Sequence[tuple[str, int, str, str]]
) -> tuple[_Counts | None, str]:
    """The sums of all runs of a contrast, when their examples are the same; otherwise why not."""
    seeds = sorted({seed for _, seed, _, _ in pairs if seed is not None})
    if not seeds:
        return None, "the source gives averages only: no examples are stored"
    runs = {(arm, seed): run for _, seed, run, direct in pairs for arm, run in ((0, run), (1, direct))}
    place = {run: (arm, seeds.index(seed)) for (arm, seed), run in runs.items() if seed is not None}
    outcomes = "FROM outcome WHERE list_contains(?, run_id) AND split = 'test' AND metric = ? AND scorer = ?"
    given = [list(place), key["metric"], key["scorer"]]
    sets = con.execute(
        f"SELECT language, run_id, count(*), bit_xor(hash(example_id)) {outcomes} GROUP BY ALL ORDER BY ALL", given
    ).fetchall()
    if not sets:
        return None, "the source gives averages only: no examples are stored"
    by_language: dict[str, dict[str, tuple[int, int]]] = {}
    for language, run, count, mark in sets:
        by_language.setdefault(language, {})[run] = (count, mark)
    unequal = [
        f"{language}: {', '.join(str(n) for n in sorted({c for c, _ in own.values()}))} examples, not the same ones"
        for language, own in by_language.items()
        if len(own) == len(place) and len(set(own.values())) > 1
    ]
    if unequal:
        return None, f"the runs were tested on different examples ({'; '.join(unequal[:3])})"
    languages = sorted(code for code, own in by_language.items() if len(own) == len(place))
    if not languages:
        return None, "no language is there in every run"
    table = con.execute(
        f"SELECT cluster_id, language, run_id, sum(numerator) AS above, sum(denominator) AS below {outcomes} "
        "AND list_contains(?, language) GROUP BY ALL ORDER BY ALL",
        [*given, languages],
    ).fetchnumpy()
    clusters, row = np.unique(np.asarray(table["cluster_id"], dtype=str), return_inverse=True)
    language = np.searchsorted(languages, np.asarray(table["language"], dtype=str))
    arms = np.array([place[run] for run in np.asarray(table["run_id"], dtype=str)])
    column = (arms[:, 0] * len(seeds) + arms[:, 1]) * len(languages) + language
    above, below = (np.zeros((len(clusters), 2 * len(seeds) * len(languages))) for _ in range(2))
    above[row, column], below[row, column] = table["above"], table["below"]
    return _Counts(Sums(above, below), languages, seeds, {c: next(iter(by_language[c].values()))[0] for c in languages}), ""


def _tested(counts: _Counts, share: npt.NDArray[np.float64], name: str) -> Row:
    """One difference: arm 0 is the intermediate, arm 1 the direct baseline."""
    seeds = len(counts.seeds)
    signs = np.array([1.0, -1.0])[:, None, None] / seeds
    weights = np.broadcast_to(signs * share, (2, seeds, len(share)))
    used = np.broadcast_to(share != 0, weights.shape).ravel()
    kept = Sums(counts.sums.numerator[:, used], counts.sums.denominator[:, used])
    inner = weights.reshape(-1)[used].reshape(2, seeds, -1)
    try:
        found: Estimate = seeds_and_items(kept, inner, matched=False) if seeds > 1 else contrast(kept, inner.reshape(1, -1))
    except ValueError as error:
        return _untested(f"too little data: {error}")
    scores = kept.scores.reshape(2, seeds, -1)
    means = (scores * share[share != 0]).sum(axis=2).mean(axis=1)
    low, high = found.interval()
    value, se, df, p = (float(x[0]) for x in (found.value, found.se, found.df, found.p))
    return {
        "value": float(means[0]),
        "direct_value": float(means[1]),
        "delta": value,
        "low": float(low[0]),
        "high": float(high[0]),
        "p": p,
        "p_holm": None,
        "detectable": power.detectable(se, df),
        "n": counts.examples.get(name, sum(n for c, n in counts.examples.items() if share[counts.languages.index(c)])),
        "clusters": int((kept.denominator > 0).any(axis=1).sum()),
        "seeds": seeds,
        "df": df,
        "scope": "recipe" if seeds > 1 else "these runs",
        "verdict": _verdict(value, p),
        "status": "tested",
    }


def _untested(reason: str) -> Row:
    numbers = ("value", "direct_value", "delta", "low", "high", "p", "p_holm", "detectable", "n", "clusters", "seeds", "df", "scope")
    return {**dict.fromkeys(numbers), "verdict": "not testable", "status": f"not testable: {reason}"}


def _verdict(delta: float, p: float) -> str:
    return "unresolved" if p > ALPHA else "helps" if delta > 0 else "hurts"


def sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the rows of one contrast come to, in plain words."""
    tested = [r for r in rows if r["language"] not in (MEAN, r["train_language"]) and r["status"] == "tested"]
    if not tested:
        return str(rows[0]["status"]) if rows else ""
    names = {v: [r["language"] for r in tested if r["verdict"] == v] for v in ("helps", "hurts", "unresolved")}
    said = [
        f"{verb} in {len(codes)} of {len(tested)} languages ({' '.join(codes)})"
        for verb, codes in names.items()
        if codes and verb != "unresolved"
    ]
    if names["unresolved"]:
        said.append(f"unresolved in {len(names['unresolved'])}" if said else f"unresolved in all {len(tested)} languages")
    if tested[0]["scope"] == "these runs":
        said.append("one seed: this says that the two trained systems differ, not that the recipes do")
    return "; ".join(said)
