"""Published claims against the evidence of a store: what they say, what the numbers say, and what would settle them.

A claim is one file in claims/: a header of `-- field: value` lines and a SELECT over the store's views and four more relations:

    asked        what the claim is about: every model, contrast and target of the header (model_name, intermediate, against, target)
    comparison   rows of comparing.compare (zero-shot mean and single languages) and over_tasks.over_tasks, for the header's contrasts;
                 status is `tested` only of recipes, of zero-shot means, and of all tasks and languages that a mean is to be over (else
                 `one seed`, `not zero-shot`, `some tasks`, `some languages`); all_low and all_high are limits that hold for all contrasts
                 of the header together (Bonferroni), so for the best of them too
    interaction  rows of scales.interactions for the header's models
    Rows of one contrast of which there are several, as under two recipes, have in `under` what tells them apart; it is empty else.
    statement    what publications say, as we read it (data/statements.csv)

Each row of the SELECT is one piece of evidence: `evidence` (text) and either `value`, `low`, `high` with the range that the claim asserts,
`above` and `below` (NULL: no limit), or the size that it asserts, `size`; or `agrees`, for what documents say. `df` are the degrees of
freedom of the interval (NULL: it is a normal one). `decides` false is context. All are fractions: 7.5 points are 0.075.

All pieces must support a claim. So one that says `every` has a row for each part of it (`asked LEFT JOIN comparison`), with no value where
there is no test: any part can contradict it, and only all of them support it. One that says `some`, or `the best`, has one row for all.
"""

import csv
import io
import json
import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import scipy
import yaml

from xbench import comparing, contrasts, over_tasks, pairing, plugins, scales, share, store
from xbench.contrasts import ALPHA, Row
from xbench.errors import StoreError, meant, suggested
from xbench.recipe import Compute
from xbench.stats import families
from xbench.tables import apart, grouped
from xbench.task import all_tasks, left_out, nearly, not_run, study_target

CLAIMS = Path(__file__).parent / "claims"
Cell = tuple[str, str, str, int]  # model, intermediate, target (where it is not trained in English, with the language), seeds there
Made = tuple[tuple[tuple[str, str], str], ...]  # ((model, target), JSON of keys of a study file)
Verdict = Literal["supported", "contradicted", "unresolved", "not testable"]
DIRECT = pairing.DIRECT
_FIELDS = ("claim", "source", "models", "intermediates", "targets", "contrasts", "seeds", "evidence", "note")
_LISTS = ("models", "intermediates", "targets", "contrasts")
# jiant's retrieval layer belongs to 24 layers; studies/phang2020.yaml says where that of 12 was read.
_LAYERS = {24: 14, 12: 8}
_OF_TWELVE = ("xlm-roberta-base", "bert-base-multilingual-cased", "mdeberta-v3-base", "multilingual-e5-small", "multilingual-e5-base")
_TEXT = (
    *pairing.COLUMN, *pairing.SYSTEM, "model_name", "against", "level", "language", "scope", "verdict", "status", "run_ids",
    "against_run_ids", "under",
)  # fmt: skip
# What the runs of a study agree in, whatever their intermediate task and target.
_CONDITIONS = ("model", "model_revision", "train_language", "recipe_id", "stack", "source", "source_version", "relationship", "kind")
_WEIGHED = ("value", "low", "high", "size", "above", "below", "df")
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERALS = re.compile(r"'(?:[^']|'')*'")
_NUMBERS = ("parameters", *contrasts.NUMBERS[:-1], *contrasts.SPREAD, "se")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim.

    Attributes:
        name: Its file's name.
        claim, source, note: What is said, by whom, and what to know about it.
        models, intermediates, targets, seeds: The cells that bear on it.
        contrasts: Pairs of intermediates (first, against); `*` is every one.
        everywhere: Whether other models and targets of the store bear on it too (`evidence: any`).
        select: The evidence.
    """

    name: str
    claim: str
    source: str
    models: tuple[str, ...]
    intermediates: tuple[str, ...]
    targets: tuple[str, ...]
    contrasts: tuple[tuple[str, str], ...]
    everywhere: bool
    seeds: int
    note: str
    select: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence and what follows from it alone; `p` of the test against what the claim says, NaN where there is none."""

    evidence: str
    value: float | None
    low: float | None
    high: float | None
    decides: bool
    verdict: Verdict
    p: float = math.nan


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with its verdict.

    Attributes:
        claim: Which.
        verdict: contradicted as soon as one piece of evidence contradicts it with all of them taken into account (Holm), supported when all
            support it, unresolved in between, also where one has no test; not testable when none has.
        evidence: All of it.
        missing: (model, intermediate, target@LANGUAGE, seeds there) of the cells that the store lacks, in part or whole: see missing_cells.
        made: How a study runs them: likewise.
    """

    claim: Claim
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    missing: tuple[Cell, ...]
    made: Made = ()


def load(name: str) -> Claim:
    """Read one claim.

    Raises:
        PluginError: If there is none of this name.
        StoreError: If its file cannot be read, or its header is not complete or not valid, with everything that is wrong.
    """
    file = _file(name)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file} cannot be read: {error}") from error
    found, at, problems = _header(file, lines)
    pairs = [p.strip().split(" against ") for p in found.get("contrasts", "").split(",") if p.strip()]
    select = "\n".join("" if line.startswith("--") else line for line in lines)  # DuckDB counts lines as the file has them
    problems += [] if _COMMENTS.sub("", select).strip("; \t\n") else [f"{file}: there is no SELECT below the header"]
    problems += _unasked(file, _LITERALS.sub("", _COMMENTS.sub("", select)), {*found, *at})
    seeds = found.get("seeds", "3")
    if not (seeds.isascii() and seeds.isdecimal() and int(seeds)):
        problems.append(f"{file}:{at['seeds']}: seeds is {seeds!r}, expected a whole number above 0")
    if found.get("evidence", "any") != "any":
        problems.append(f"{file}:{at['evidence']}: evidence is {found['evidence']!r}, expected any")
    words = {f: tuple(found.get(f, "").split()) for f in ("models", "intermediates", "targets")}
    # Others' tasks are legal: of what is one of ours but for the spelling there would never be a number.
    problems += [
        f"{file}:{at[field]}: {one!r} is no task{suggested(close)}"
        for field in ("intermediates", "targets")
        for one in words[field]
        if one != DIRECT and (close := nearly(one, (DIRECT,)))
    ]
    problems += [f"{file}:{at['contrasts']}: contrast {problem}" for p in pairs for problem in _not_asked(p, words["intermediates"])]
    if problems:
        raise StoreError(f"claim {name!r} cannot be used", problems)
    return Claim(
        name, found["claim"], found["source"], words["models"], words["intermediates"], words["targets"],
        tuple((p[0], p[1]) for p in pairs), found.get("evidence") == "any", int(seeds), found.get("note", ""), select,
    )  # fmt: skip


def _header(file: Path, lines: Sequence[str]) -> tuple[dict[str, str], dict[str, int], list[str]]:
    """The fields of the header, their lines, and what is wrong with it."""
    found: dict[str, str] = {}
    at: dict[str, int] = {}
    problems = []
    field = ""
    for number, line in enumerate(lines, 1):
        bare = re.match(r"--(\w+):", line)
        if bare and bare[1] in _FIELDS:
            problems.append(f"{file}:{number}: expected a blank after --, `-- {bare[1]}: …`")
        if not line.startswith("-- "):
            continue
        key, colon, value = line[3:].partition(": ")
        if colon and key in _FIELDS:
            field, found[key], at[key] = key, value.strip(), number
        elif colon and key.isidentifier() and (near := meant(key, _FIELDS)):
            problems.append(f"{file}:{number}: no header field is called {key!r}{near}")
        elif field:
            found[field] += " " + line[3:].strip()
            if field != "note":  # which is prose of many lines
                at.setdefault(key.partition(" ")[0], number)
    # A list without its colon would go on with the field before it.
    problems += [f"{file}:{at[f]}: expected a colon, `-- {f}: …`" for f in _LISTS if f in at.keys() - found.keys()]
    return found, at, problems + [f"{file}: header field {f!r} is missing" for f in _FIELDS[:2] if f not in found]


def _unasked(file: Path, select: str, said: Container[str]) -> list[str]:
    """That a SELECT reads what would be empty, as the header does not say what is to be compared."""
    needed = {"asked": ("models", "targets", "contrasts"), "comparison": ("contrasts",), "interaction": ("contrasts",)}
    lacking = {f: name for name, of in needed.items() if re.search(rf"\b{name}\b", select) for f in of if f not in said}
    return [f"{file}: header field {f!r} is missing; without it {name}, which the SELECT reads, is empty" for f, name in lacking.items()]


def _file(name: str) -> Path:
    return plugins.path(CLAIMS, name.replace("_", "-"), ".sql")


def _not_asked(pair: Sequence[str], intermediates: Sequence[str]) -> Iterator[str]:
    """What is wrong with a contrast: of a task that the header does not name there would never be a number."""
    said = repr(" against ".join(pair))
    if len(pair) != 2:
        yield f"{said} is not `A against B`"
    elif intermediates:
        known = (*intermediates, DIRECT)
        yield from (f"{said}: {one!r} is not among the intermediates{meant(one, known)}" for one in pair if one not in (*known, "*"))


def judge(root: pairing.Store, names: Sequence[str] | None = None) -> list[Judged]:
    """Judge claims on the evidence of a store.

    Raises:
        PluginError: If a claim does not exist.
        StoreError: If the store cannot be read, or the SELECT of a claim is not valid.
    """
    claims = plugins.every(load, names or plugins.names(CLAIMS, ".sql"))
    with store.reading(root) as con:
        between = _Between(con)
        return [_judged(con, claim, between) for claim in claims]


class _Between:
    """The differences between model sizes, which are looked for once however many claims are about them."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        sized = "SELECT intermediate, target FROM run GROUP BY ALL HAVING count(DISTINCT parameters) > 1 ORDER BY ALL"
        self.there = con.execute(sized).fetchall()
        self.found: dict[tuple[str, str], list[Row]] = {}

    def rows(self, intermediate: str, targets: Sequence[str]) -> Iterator[Row]:
        """Those of an intermediate task, `*` being any, on these targets, or on any."""
        for pair in self.there:
            if pair[0] != DIRECT and intermediate in ("*", pair[0]) and (not targets or pair[1] in targets):
                if pair not in self.found:
                    self.found[pair] = scales.interactions(self.con, intermediate=pair[0], target=pair[1])
                yield from self.found[pair]


def _judged(con: duckdb.DuckDBPyConnection, claim: Claim, between: _Between) -> Judged:
    models = models_called(con, () if claim.everywhere else claim.models)
    targets = () if claim.everywhere else claim.targets
    rows = [r for model in models for r in _compared(con, model, claim.contrasts, targets)]
    _relation(con, "comparison", rows, len(_pairs(claim)))
    _relation(con, "interaction", [r for first, other in claim.contrasts if other == DIRECT for r in between.rows(first, targets)])
    _asked(con, claim)
    _statements(con)
    cells = [(m, i, t) for m in claim.models for i in claim.intermediates for t in claim.targets if not left_out(i, t)]
    evidence = _evidence(con, claim)
    return Judged(claim, verdict(evidence), evidence, *missing_cells(con, cells, claim.seeds))


def models_called(con: duckdb.DuckDBPyConnection, wanted: Sequence[str]) -> list[str]:
    """The models of the store that go by these names, with or without the owner; all for none."""
    there = [row[0] for row in con.execute("SELECT DISTINCT model FROM run ORDER BY model").fetchall()]
    return [m for m in there if not wanted or m in wanted or m.rpartition("/")[2] in wanted]


def _compared(con: duckdb.DuckDBPyConnection, model: str, pairs: Sequence[tuple[str, str]], targets: Sequence[str]) -> list[Row]:
    """What there is of the contrasts in one model; means over tasks are made once for all with one baseline, which are a family."""
    there = {row[0] for row in con.execute("SELECT DISTINCT intermediate FROM run WHERE model = ?", [model]).fetchall()}
    found: list[Row] = []
    for other in dict.fromkeys(other for _, other in pairs):
        firsts = [first for first, second in pairs if second == other and {first, other} - {"*"} <= there]
        against = {"intermediate": other}
        means = over_tasks.over_tasks(con, {}, against, model=model) if firsts else []
        for first in firsts:
            rows = comparing.compare(con, {} if first == "*" else {"intermediate": first}, against, model=model)
            found += [r for r in rows if not targets or r["target"] in targets]
            found += [r for r in means if first in ("*", r["intermediate"])]
    return found


def less(row: Row) -> str:
    """`not zero-shot`, `some tasks` or `some languages` of a mean that is less than the zero-shot mean over all of them; else empty."""
    if contrasts.not_zero_shot(row):
        return "not zero-shot"
    tasks = re.match(r"(\d+) of (\d+) tasks\b", row["language"]) if row["level"] == "tasks" else None
    if tasks is not None and tasks[1] != tasks[2]:
        return "some tasks"
    return "some languages" if contrasts.support(row) or (tasks and re.search(r" \(\d+ of \d+ languages\)", row["language"])) else ""


def _status(row: Row) -> str:
    """Claims are about recipes, zero-shot transfer and all tasks and languages of a mean: what rests on less is no test here."""
    if row["status"] != "tested":
        return str(row["status"])
    return "one seed" if row["scope"] != "recipe" else less(row) or "tested"


def _relation(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row], together: int = 1) -> None:
    """Rows as a table, with limits that hold for so many contrasts together."""
    rows = [{**r, "status": _status(r), "under": under} for r, under in zip(rows, told_apart(rows), strict=True)]
    columns = {c: pa.array([None if r.get(c) is None else str(r[c]) for r in rows], pa.string()) for c in _TEXT if c != "model_name"}
    columns["model_name"] = pa.array([_short(str(r["model"])) for r in rows], pa.string())
    columns |= {c: pa.array([None if r.get(c) is None else float(r[c]) for r in rows], pa.float64()) for c in _NUMBERS}
    delta, se, df = (np.array([math.nan if r.get(c) is None else r[c] for r in rows], dtype=np.float64) for c in ("delta", "se", "df"))
    half = np.where(se > 0, scipy.stats.t.isf(ALPHA / 2 / max(together, 1), df) * se, math.nan)
    columns |= {c: pa.array(limit, from_pandas=True) for c, limit in (("all_low", delta - half), ("all_high", delta + half))}
    con.register("given", pa.table(columns))
    con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given")
    con.unregister("given")


def told_apart(rows: Sequence[Row]) -> list[str]:
    """Of each row what tells it from others about the same contrast, to be said after it; empty where there is no other."""
    beside = ("model", "intermediate", "against", "target", "level", "language")
    found = {}
    for own in grouped(rows, beside):
        named = apart(own, ("train_language",), pairing.CONDITIONS)
        for row in own:
            said = (f"{'trained in' if c == 'train_language' else c.replace('_', ' ')} {row[c]}" for c in named)
            found[id(row)] = "".join(f", {s}" for s in said)
    return [found[id(row)] for row in rows]


def _short(model: str) -> str:
    """The name of a model without its owner."""
    return model.rpartition("/")[2]


def _pairs(claim: Claim) -> list[tuple[str, str]]:
    """The contrasts of the header, `*` being every intermediate task that it names."""
    return [(i, other) for first, other in claim.contrasts for i in (claim.intermediates if first == "*" else (first,)) if i != other]


def _asked(con: duckdb.DuckDBPyConnection, claim: Claim) -> None:
    """What the header names, all with all, as a table; an intermediate task is not its own target."""
    rows = [
        (_short(m), *pair, t)
        for m in claim.models
        for pair in _pairs(claim)
        for t in claim.targets
        if not any(left_out(i, t) for i in pair)
    ]
    names = ("model_name", "intermediate", "against", "target")
    con.register("given", pa.table({c: pa.array([r[i] for r in rows], pa.string()) for i, c in enumerate(names)}))
    con.execute("CREATE OR REPLACE TABLE asked AS SELECT * FROM given")
    con.unregister("given")


def _statements(con: duckdb.DuckDBPyConnection) -> None:
    text = (share.folder("data") / "statements.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    table = {c: pa.array([r[c] for r in rows], pa.string()) for c in ("topic", "subject", "text", "source", "source_version")}
    table["number"] = pa.array([float(r["number"]) if r["number"] else None for r in rows], pa.float64())
    con.register("given", pa.table(table))
    con.execute("CREATE OR REPLACE TABLE statement AS SELECT * FROM given")
    con.unregister("given")


def _evidence(con: duckdb.DuckDBPyConnection, claim: Claim) -> tuple[Evidence, ...]:
    """The pieces that decide, those with a test first; then context."""
    try:
        found = con.execute(claim.select)
        names = [d[0] for d in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except duckdb.Error as error:
        raise StoreError(f"the SELECT of claim {claim.name!r} is not valid", [plugins.told_of_sql(error, _file(claim.name))]) from error
    if "evidence" not in names:
        said = f"{_file(claim.name)}: it has {', '.join(names)}"
        raise StoreError(f"the SELECT of claim {claim.name!r} has no column 'evidence'", [said])
    try:
        weighed = [weigh(row) for row in rows]
    except (TypeError, ValueError) as error:
        raise StoreError(f"the SELECT of claim {claim.name!r} gives a number that is none", [f"{_file(claim.name)}: {error}"]) from error
    return tuple(sorted(weighed, key=lambda e: (not e.decides, e.verdict == "not testable", e.evidence)))


def weigh(row: Mapping[str, Any]) -> Evidence:
    """What one row says: see the module.

    Raises:
        TypeError: If a column of numbers has something else.
    """
    row = {**row, **{column: _number(row, column) for column in _WEIGHED}}
    value, low, high, size = (row.get(c) for c in ("value", "low", "high", "size"))
    decides, p = bool(row.get("decides", True)), math.nan
    if row.get("agrees") is not None:
        verdict: Verdict = "supported" if row["agrees"] else "contradicted"
        p = math.nan if row["agrees"] else 0.0
    elif value is None or low is None or high is None:
        verdict = "not testable"
    elif size is not None:
        p = _p_outside(row, size, size)
        verdict = "contradicted" if not low <= size <= high else "unresolved" if low <= 0 <= high else "supported"
    else:
        above, below = (limit if row[c] is None else row[c] for c, limit in (("above", -math.inf), ("below", math.inf)))
        p = _p_outside(row, above, below)
        verdict = "contradicted" if high < above or low > below else "supported" if low > above and high < below else "unresolved"
    return Evidence(str(row["evidence"]), value, low, high, decides, verdict, p)


def _number(row: Mapping[str, Any], column: str) -> float | None:
    """A number of any of DuckDB's types: 0.1 in a SELECT is a DECIMAL."""
    value = row.get(column)
    if value is None or isinstance(value, Real | Decimal):
        return None if value is None else float(value)
    raise TypeError(f"{column} is {value!r}")


def _p_outside(row: Mapping[str, Any], above: float, below: float) -> float:
    """Two-sided p of the value if the truth is in the range where that fits it best; .05 or less where the interval is outside."""
    away = max(above - row["value"], row["value"] - below, 0.0)
    df = math.inf if row.get("df") is None else row["df"]
    half = row["high"] - row["value"] if row["value"] < above else row["value"] - row["low"]  # what lies between the value and the range
    se = half / scipy.stats.t.isf(0.025, df)
    return 1.0 if away == 0 else 0.0 if se == 0 else float(2 * scipy.stats.t.sf(away / se, df))


def verdict(evidence: Sequence[Evidence]) -> Verdict:
    """What all the evidence comes to. A claim of many parts, each of them true, is contradicted in 5 % of all cases at most."""
    deciding = [e for e in evidence if e.decides]
    found = {e.verdict for e in deciding}
    if (families.holm(np.array([e.p for e in deciding], dtype=np.float64)) <= ALPHA).any():
        return "contradicted"
    if not found or found == {"not testable"}:
        return "not testable"
    return "supported" if found == {"supported"} else "unresolved"


def missing_cells(
    con: duckdb.DuckDBPyConnection, cells: Sequence[tuple[str, str, str]], seeds: int, language: str | None = None
) -> tuple[tuple[Cell, ...], Made]:
    """The cells with fewer seeds than wanted, of which every example is stored, and how a study runs what they lack.

    Cells that no study can have are not among them.

    Runs are compared only under the same conditions and on the same data, so seeds are counted under one set of conditions for each model
    and on one revision of each target: those under which the least is missing. Only equal seeds pair, so it is the same seeds that are
    counted for all arms of a target: as many as are wanted, first those that most of the arms have.

    Args:
        con: From xbench.store.connect.
        cells: (model, intermediate, target).
        seeds: How many are wanted.
        language: In which a run must have been tested to count; any if not given.

    Returns:
        (model as the store calls it, intermediate, target as a study names it, seeds there) of each cell; and ((model, target), JSON of
        keys of a study file) of those of which these are known: how the runs of ours under these conditions were made, and the seeds to
        be completed where they are not the first ones.
    """
    rows = con.execute(
        f"SELECT {', '.join(_CONDITIONS)}, target, comparability_key, intermediate, intermediate_revision, "
        "list(DISTINCT seed) FILTER (seed IS NOT NULL AND coalesce(language = ?, true)) FROM result "
        "WHERE split = 'test' AND evidence = 'outcomes' GROUP BY ALL ORDER BY ALL",
        [language],
    ).fetchall()
    there: dict[tuple[str, ...], dict[str, dict[str, _Arms]]] = {}
    for *conditions, target, key, intermediate, _, found in rows:
        arms = there.setdefault(tuple(conditions), {}).setdefault(target, {}).setdefault(key, {})
        arms.setdefault(intermediate, []).append(set(found or ()))
    missing: list[Cell] = []
    made: dict[tuple[str, str], str] = {}
    for model in dict.fromkeys(m for m, _, _ in cells):
        wanted = [(i, t) for m, i, t in cells if m == model]
        own = [c for c in there if c[0] == model] or [c for c in there if _short(c[0]) == model]
        counted = {c: _counted(wanted, there[c], seeds) for c in own}
        nearest = max(own, key=lambda c: sum(n for n, _ in counted[c].values()), default=(model,))
        of = dict(zip(_CONDITIONS, nearest, strict=False))
        how = json.loads((made_with(con, **of) if own else "") or "{}")
        for (i, t), (there_are, chosen) in (counted[nearest] if own else _counted(wanted, {}, seeds)).items():
            if there_are < seeds and not not_run(i, t, of.get("train_language")):
                named = study_target(t, of.get("train_language", "en"))
                missing.append((nearest[0], i, named, there_are))
                if keys := how | ({"seeds": sorted(chosen)} if chosen - set(range(seeds)) else {}):
                    made[nearest[0], named] = json.dumps(keys)
    return tuple(missing), tuple(made.items())


_Arms = dict[str, list[set[int]]]  # the seeds of each intermediate task, by its revision, on one revision of a target


def _counted(
    wanted: Sequence[tuple[str, str]], held: Mapping[str, Mapping[str, _Arms]], seeds: int
) -> dict[tuple[str, str], tuple[int, set[int]]]:
    """Of each (intermediate, target) how many of the seeds are there that are counted for its target, and which these are."""
    found: dict[tuple[str, str], tuple[int, set[int]]] = {}
    for target in dict.fromkeys(t for _, t in wanted):
        options = []
        for arms in held.get(target, {}).values() or [{}]:
            direct = set[int]().union(*arms.get(DIRECT, []))
            own = {i: max(arms.get(i, [set()]), key=lambda o: (len(o & direct), len(o))) for i, t in wanted if t == target}
            every = {*range(seeds), *chain.from_iterable(own.values())}
            chosen = set(sorted(every, key=lambda s: (-sum(s in o for o in own.values()), s))[:seeds])
            counts = {i: len(o & chosen) for i, o in own.items()}
            options.append((sum(counts.values()), counts.get(DIRECT, 0), counts, chosen))
        # Of two that lack as much, that with the baseline: a study runs it anyway, should this machine have the other's data.
        *_, counts, chosen = max(options, key=lambda o: o[:2])
        found |= {(i, target): (n, chosen) for i, n in counts.items()}
    return {cell: found[cell] for cell in wanted}


def made_with(con: duckdb.DuckDBPyConnection, **where: str) -> str:
    """How the newest of our runs that meet conditions was made, as JSON of the keys of a study file; empty where there is none."""
    ((recipe, compute),) = con.execute(
        "SELECT arg_max(recipe, finished), arg_max(json_extract_string(study, '$.compute'), finished) FROM run WHERE kind = 'run' AND "
        + " AND ".join(f"{column} = ?" for column in where),
        list(where.values()),
    ).fetchall()
    if recipe is None:
        return ""
    usual = Compute().model_dump()
    said = {name: value for name, value in json.loads(compute or "{}").items() if value != usual.get(name)}
    return json.dumps({"recipe": json.loads(recipe), **({"compute": said} if said else {})})


def studies(about: str, missing: Sequence[Cell], seeds: int, made: Iterable[tuple[tuple[str, str], str]] = ()) -> list[str]:
    """Study files (YAML) for these cells, one for models and targets whose runs were made alike: `made` is as `missing_cells` gives it.

    Models without runs of ours get recipe `jiant`. A study is a full grid: cells that are there already are not run again under the same
    recipe.
    """
    how = dict(made)
    found = []
    for text in dict.fromkeys(how.get((model, target), "") for model, _, target, _ in missing):
        own = [cell for cell in missing if how.get((cell[0], cell[2]), "") == text]
        content: dict[str, Any] = {
            "about": about,
            "models": list(dict.fromkeys(m for m, _, _, _ in own)),
            "intermediates": sorted({i for _, i, _, _ in own} | {DIRECT}, key=lambda i: (i != DIRECT, i)),
            "targets": list(dict.fromkeys(t for _, _, t, _ in own)),
            "seeds": list(range(seeds)),
        }
        content |= {"recipe": _recipe(content["models"], content["targets"]), **json.loads(text or "{}")}
        found.append(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
    return found


def _recipe(models: Sequence[str], targets: Sequence[str]) -> dict[str, Any]:
    """jiant's, with a retrieval layer for each model where vectors are compared and a model is known to have twelve layers."""
    compared = {task.name for task in all_tasks() if not task.trains}
    layers = {model: _LAYERS[12 if _short(model) in _OF_TWELVE else 24] for model in models}
    own = any(target in compared for target in targets) and _LAYERS[12] in layers.values()
    return {"base": "jiant", **({"retrieval_layer": layers} if own else {})}
