"""One contrast as numbers: from the counts of paired runs to rows with effect, interval, p, power and what the evidence allows to say."""

import math
import zlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xbench.languages import UNSAID, both, zero_shot
from xbench.pairing import TO_DIRECT, Block, Paired, Panel
from xbench.stats import dominance, families, pooling, power, resampling
from xbench.stats.ratios import Estimate, Floats, Moments, Sums, differences, moments, unseen

Row = dict[str, Any]
MEAN = "zero-shot mean"
NOT_ZERO_SHOT = "mean, not zero-shot"  # over the same languages, where the step that counts was selected on target languages
SELECTED = ", not zero-shot"  # the same in the name of a mean over tasks
PRINTED = "printed mean"  # the level of a mean over languages as its source has it
UNKNOWN = "the training language is not known, so neither is which languages are zero-shot"
ALPHA = 0.05
RESAMPLES = 10_000
PAIR = np.array([[1.0, -1.0]])
# Every row has these, None where there is nothing to say.
NUMBERS = (
    "value", "against_value", "delta", "low", "high", "p", "p_adjusted", "family", "detectable", "power", "seeds_needed", "items_needed",
    "n", "clusters", "languages", "languages_in_any", "seeds", "df", "scope",
)  # fmt: skip
SPREAD = (
    "effects_up", "effects_down", "up", "down", "tau", "i2", "new_language_low", "new_language_high", "predict_low", "predict_high",
)  # fmt: skip
HIDDEN = ("se", "variance_items", "variance_seeds", "variance_runs", "item_df", "even", "p_up")  # what the numbers are made of
CONFIRMED = (
    "bootstrap_low", "bootstrap_high", "p_bootstrap", "p_randomisation", "p_mcnemar", "p_mcnemar_exact", "p_max_t", "all_low", "all_high",
    "violation", "violation_upper",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is compared: one language, or the mean over some.

    Attributes:
        level: language, mean, printed mean (of a source, over languages), or what kind of group (family, script).
        name: The language's code, or the group's name.
        languages: Those that count, each the same.
    """

    level: str
    name: str
    languages: tuple[str, ...]


class Measured:
    """The moments of all runs of a panel, computed once for each set of languages that is asked for."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._kept: dict[tuple[Any, ...], tuple[list[str], list[Moments]]] = {}

    def moments(self, blocks: Sequence[Block], quantities: Sequence[Quantity]) -> tuple[list[str], list[Moments]]:
        """The runs that are in all these blocks, and the moments of each quantity over them."""
        key = (tuple((b.language, b.runs) for b in blocks), tuple(quantities))
        if key not in self._kept:
            runs = [r for r in blocks[0].runs if all(r in b.runs for b in blocks)]
            shares = np.array([[float(b.language in q.languages) / len(q.languages) for b in blocks] for q in quantities])
            self._kept[key] = runs, moments(taken(blocks, runs), shares, self.panel.clusters)
        return self._kept[key]


def taken(blocks: Sequence[Block], runs: Sequence[str]) -> list[Sums]:
    """The counts of these runs, in this order."""
    return [b.of(runs) for b in blocks]


def alone(blocks: Sequence[Block], runs: Sequence[str]) -> list[Block]:
    """The blocks with these runs and no others."""
    return [replace(b, runs=tuple(runs), sums=s) for b, s in zip(blocks, taken(blocks, runs), strict=True)]


def too_few(languages: Sequence[str], counts: Sequence[Sums], counted: Container[str]) -> str:
    """In which of the languages that are counted a run has fewer than two clusters; `counts` are those of each of `languages`."""
    small = sorted({code for code, sums in zip(languages, counts, strict=True) if code in counted and sums.too_small.any()})
    return f"too little data: fewer than two clusters in {', '.join(small)}"


def _others_count(block: Block, runs: Sequence[str]) -> bool:
    """Whether there are clusters in which other runs have something to count and these have not."""
    below = block.sums.denominator
    if below.shape[1] == 1 or len(block.runs) == len(runs):
        return False
    mine = block.of(runs).denominator.any(axis=1)
    return bool((below[~mine] != 0).any())


def quantities(
    languages: Sequence[str],
    train_language: str,
    groups: Mapping[str, str] | None,
    level: str,
    mean: str,
    counts: Callable[[str], bool],
) -> list[Quantity]:
    """What is compared over these languages: each of them, or groups of those without labels in training, and the mean over these last.

    `train_language` is that of both systems (see `languages.both`); where it is not known, the mean is over none. `mean` is its name, as
    of `mean_of`; what does not count is in no group and no mean.
    """
    unseen = tuple(code for code in languages if zero_shot(code, train_language) and counts(code))
    found = []
    if level == "language":
        found = [Quantity("language", code, (code,)) for code in languages]
    elif groups is not None:
        names = sorted({groups.get(code, "unknown") for code in unseen})
        found = [Quantity(level, name, tuple(c for c in unseen if groups.get(c, "unknown") == name)) for name in names]
    return [*found, Quantity("mean", mean, unseen)] if unseen or train_language in UNSAID else found


def trained_in(row: Mapping[str, Any]) -> str:
    """The languages in which one of the two systems, or both, had labels."""
    return both(row["train_language"], row.get("against_train_language"))


def not_zero_shot(row: Mapping[str, Any]) -> bool:
    """Whether a mean is of steps that were selected on target languages, as its name says."""
    return row["language"] == NOT_ZERO_SHOT or (row["level"] == "tasks" and f"{SELECTED}:" in row["language"])


def mean_of(paired: Paired) -> str:
    """What the mean over the languages without labels in training is called."""
    return NOT_ZERO_SHOT if paired.selected else MEAN


def test(measured: Measured, blocks: Sequence[Block], asked: Sequence[Quantity], paired: Paired) -> list[Row]:
    """One row a quantity: the first arm less the second."""
    own = [r for arm in paired.runs for r in arm]
    if any(_others_count(b, own) for b in blocks):  # which language of a shared cluster is the smallest is a matter of these runs
        blocks = alone(blocks, own)
    try:
        runs, found = measured.moments(blocks, asked)
    except ValueError:
        if any(len(b.runs) > len(own) for b in blocks):  # it may be another system that has too little
            return test(measured, alone(blocks, own), asked, paired)
        if len(asked) == 1:
            return [untested(too_few([b.language for b in blocks], taken(blocks, own), asked[0].languages), asked[0])]
        # One language is too small: the others, and groups without it, are tested all the same.
        rows = [row for q in asked for row in test(measured, [b for b in blocks if b.language in q.languages], [q], paired)]
        _spread(rows, asked)
        return rows
    place = {run: i for i, run in enumerate(runs)}
    arms = [[place[r] for r in arm] for arm in paired.runs]
    examples = {b.language: b.count(own) for b in blocks}
    rows = []
    for quantity, m in zip(asked, found, strict=True):
        estimate = differences(m, arms, PAIR)
        values = [float(m.scores[arm].mean()) for arm in arms]
        row = numbers(estimate, min(map(len, arms)), int(estimate.clusters[0]))
        row |= {"value": rounded(values[0]), "against_value": rounded(values[1]), "n": sum(examples[c] for c in quantity.languages)}
        rows.append({"level": quantity.level, "language": quantity.name, **row, "languages": len(quantity.languages)})
    _spread(rows, asked)
    return rows


def numbers(estimate: Estimate, seeds: int, clusters: int) -> Row:
    """The columns that every tested difference has; `estimate` holds one."""
    low, high = estimate.interval()
    value, se, df, p = (float(x[0]) for x in (estimate.value, estimate.se, estimate.df, estimate.p))
    return {
        **dict.fromkeys((*NUMBERS, *SPREAD, *CONFIRMED)),
        "delta": rounded(value),
        "low": rounded(low[0]),
        "high": rounded(high[0]),
        "p": rounded(p),
        "clusters": clusters,
        "seeds": seeds,
        "df": rounded(df),
        "scope": "recipe" if seeds > 1 else "these runs",
        "verdict": "",
        "status": "tested",
        "se": rounded(se),
        "variance_items": rounded(estimate.items[0]),
        "variance_seeds": rounded(estimate.seeds[0]),
        "variance_runs": rounded(estimate.cells[0]),
        "item_df": rounded(estimate.item_df[0]),
        "even": rounded(estimate.even[0]),
        "p_up": rounded(float(estimate.p_up[0])),
    }


def adjust(rows: Sequence[Row]) -> None:
    """Adjust the p of a family of tested rows, by Holm."""
    for row, p in zip(rows, families.holm(np.array([r["p"] for r in rows], dtype=np.float64)), strict=True):
        row |= {"p_adjusted": rounded(p), "family": len(rows)}


def words(change: Mapping[str, str]) -> tuple[str, str]:
    """What a difference above and one below 0 is called, from systems that have these other values."""
    return ("helps", "hurts") if change == TO_DIRECT else ("higher", "lower")


def decide(
    rows: Sequence[Row], words: tuple[str, str], margin: float | None = None, shapes: Sequence[tuple[int, float]] | None = None
) -> None:
    """Say what follows from adjusted p, and what could have been found (see `need`).

    Args:
        rows: Tested and adjusted; a family.
        words: What a difference above and one below 0 is called.
        margin: A difference smaller than this does not matter: p_equivalent is that of the two tests for it, by Holm over the rows.
        shapes: Of each row how many means of runs are compared, and what a cluster can show at most.
    """
    shapes = shapes or [(2, 1.0)] * len(rows)
    equivalent: Sequence[float | None] = [None] * len(rows)
    if margin is not None:
        own = [power.equivalent(r["delta"], r["se"], r["df"], margin, r["even"], most) for r, (_, most) in zip(rows, shapes, strict=True)]
        equivalent = list(map(float, families.holm(np.array(own, dtype=np.float64))))
    for row, p, shape in zip(rows, equivalent, shapes, strict=True):
        row |= {"margin": margin, "p_equivalent": None if p is None else rounded(p)}
        resolved = row["p_adjusted"] <= ALPHA
        row["verdict"] = words[row["delta"] < 0] if resolved else "equivalent" if p is not None and p <= ALPHA else "unresolved"
        need(row, *shape)


def need(row: Row, arms: int = 2, most: float = 1.0) -> None:
    """Add what could have been found and, where that is unresolved, what would find a difference as large as the one seen.

    At the row's share of the level (Bonferroni): with Holm's adjustment a difference is found as often at least.

    Args:
        row: Tested and adjusted.
        arms: How many means of runs are compared.
        most: What a cluster can show at most; of a difference of differences 2.
    """
    level = ALPHA / (row["family"] or 1)
    delta, se, df = row["delta"], row["se"], row["df"]
    found = power.detectable(se, df, level) if se > 0 else power.detectable_by_count(row["even"], level, most=most)
    row["detectable"] = None if found is None or found > most else rounded(found)  # no difference is larger than the largest
    row["power"] = rounded(power.power(delta, se, df, level) if se > 0 else power.power_by_count(delta, row["even"], level, most))
    if row["verdict"] != "unresolved":
        return
    if se == 0:
        needed_alike = power.needed_by_count(delta, level, most)  # of clusters that weigh alike
        uneven = row["clusters"] / row["even"] if row["even"] else 1.0
        row |= {"seeds_needed": None, "items_needed": None if needed_alike is None else math.ceil(round(needed_alike * uneven, 9))}
        return
    variances = (row["variance_items"], row["variance_seeds"], row["variance_runs"])
    parts = power.Components(*variances, row["seeds"], arms, row["clusters"], row["item_df"])
    needed = parts.needed(delta, level)
    row |= {"seeds_needed": needed.seeds if row["seeds"] > 1 else None, "items_needed": needed.items}


def _spread(rows: Sequence[Row], asked: Sequence[Quantity]) -> None:
    """On the row of the mean: in how many languages there is an effect, and what the languages say of other languages."""
    at = next((i for i, q in enumerate(asked) if q.level == "mean"), None)
    if at is None:
        return
    mean, inside = rows[at], set(asked[at].languages)
    single = [r for r, q in zip(rows, asked, strict=True) if q.level == "language" and q.name in inside]
    if len(single) != len(inside) or len(single) < 2 or any(r["status"] != "tested" for r in (mean, *single)):
        return
    up = np.array([r["p_up"] for r in single])
    deltas, variances = np.array([r["delta"] for r in single]), np.array([r["se"] for r in single]) ** 2
    pooled = pooling.across(deltas, variances, mean["se"] ** 2, mean["df"])
    mean |= {
        "effects_up": families.effects(up, ALPHA / 2),
        "effects_down": families.effects(1 - up, ALPHA / 2),
        "up": int((deltas > 0).sum()),
        "down": int((deltas < 0).sum()),
        "tau": rounded(pooled.tau),
        "i2": rounded(pooled.i2),
        # Never narrower than for these languages, which is counted where nothing varies.
        "new_language_low": rounded(min(pooled.low, mean["low"])),
        "new_language_high": rounded(max(pooled.high, mean["high"])),
        "predict_low": rounded(min(pooled.predict_low, mean["low"])),
        "predict_high": rounded(max(pooled.predict_high, mean["high"])),
    }


def confirm(blocks: Sequence[Block], rows: Sequence[Row], asked: Sequence[Quantity], paired: Paired, resamples: int = RESAMPLES) -> None:
    """Add what resampling says of these runs on new items: computed another way than the rows, and over items alone.

    Bootstrap for every row; randomisation and, for right and wrong answers of single runs, McNemar's test for single languages; adjusted p
    and intervals by the largest t over the languages or groups, which hold jointly. With five runs an arm also almost stochastic order,
    which is about the runs: how far the first is from being better at every quantile, and the upper bound of that.
    """
    runs = [r for own in paired.runs for r in own]
    counts = [sums.counted() for sums in taken(blocks, runs)]
    rng = np.random.default_rng(zlib.crc32(" ".join(runs).encode()))  # the same runs give the same digits
    replicates = resampling.bootstrap(counts, resamples, rng)
    slack = resampling.resolution(replicates)
    first = len(paired.runs[0])
    drawn = replicates[:, :first].mean(axis=1, dtype=np.float64) - replicates[:, first:].mean(axis=1, dtype=np.float64)
    index = {b.language: i for i, b in enumerate(blocks)}
    by_quantity = np.stack([drawn[[index[c] for c in q.languages]].mean(axis=0) for q in asked])
    for row, quantity, own in zip(rows, asked, by_quantity, strict=True):
        law = resampling.Law(own, slack)
        low, high = law.interval()
        row |= {"bootstrap_low": rounded(low), "bootstrap_high": rounded(high), "p_bootstrap": rounded(law.shift_p(row["delta"]))}
        if min(map(len, paired.runs)) >= dominance.FEWEST_RUNS:
            scores = np.mean([counts[index[c]].scores for c in quantity.languages], axis=0)
            order = dominance.almost_stochastic_order(scores[:first], scores[first:], rng)
            row |= {"violation": rounded(order.violation), "violation_upper": rounded(order.upper)}
        if quantity.level == "language":
            _swapped(row, counts[index[quantity.name]], first, rng, resamples)
    single = [i for i, q in enumerate(asked) if q.level != "mean"]
    if single:
        _jointly([rows[i] for i in single], by_quantity[single], slack)


def _swapped(row: Row, counts: Sums, first: int, rng: np.random.Generator, resamples: int) -> None:
    one, two = counts.take(range(first)), counts.take(range(first, counts.systems))
    if one.systems == two.systems:
        row["p_randomisation"] = rounded(resampling.randomisation(one, two, resamples, rng))
    above = counts.numerator.astype(np.float64)
    below = np.broadcast_to(counts.denominator, above.shape)
    if counts.systems == 2 and (below == 1).all() and np.isin(above, (0, 1)).all():
        exact, mid = resampling.mcnemar(int((above[:, 0] > above[:, 1]).sum()), int((above[:, 1] > above[:, 0]).sum()))
        row |= {"p_mcnemar": rounded(mid), "p_mcnemar_exact": rounded(exact)}


def _jointly(rows: Sequence[Row], drawn: Floats, slack: float) -> None:
    """Standard errors are those of the replicates, so that what is compared is over items alone; ties are hits, as in resampling.Law."""
    se = drawn.std(axis=1, ddof=1)
    moving = (se > slack) & np.array([r["variance_items"] > 0 for r in rows])  # few clusters among many others may all be left out
    for row, moves in zip(rows, moving, strict=True):
        if not moves:  # no resample is another: what counting says, by Bonferroni
            share, delta = float(unseen(row["even"], 1 - ALPHA / len(rows))), row["delta"]
            low, high = delta - share * (delta + 1), delta + share * (1 - delta)
            row |= {"p_max_t": min(1.0, len(rows) * row["p"]), "all_low": rounded(low), "all_high": rounded(high)}
    if not moving.any():
        return
    deltas = np.array([r["delta"] for r in rows])
    t = (drawn[moving] - deltas[moving, None]) / se[moving, None]
    p, quantile = families.max_t(np.maximum(np.abs(deltas[moving]) - slack, 0) / se[moving], t.T)
    width = quantile(1 - ALPHA)
    for row, adjusted, error in zip([r for r, m in zip(rows, moving, strict=True) if m], p, se[moving], strict=True):
        row |= {
            "p_max_t": rounded(max(adjusted, 2.0 ** (1 - row["clusters"]))),  # no swap of clusters is rarer than this
            "all_low": rounded(row["delta"] - width * error),
            "all_high": rounded(row["delta"] + width * error),
        }


def support(row: Mapping[str, Any]) -> str:
    """Said of a mean that is over fewer languages than there are in any of the runs; else empty."""
    whole = row["languages_in_any"]
    return f"mean over {row['languages']} of {whole} languages" if whole and row["languages"] and row["languages"] < whole else ""


def untested(reason: str, quantity: Quantity | None = None) -> Row:
    """A row that says why there is no test."""
    what = quantity or Quantity("mean", MEAN, ())
    empty: Row = dict.fromkeys((*NUMBERS, *SPREAD, *CONFIRMED))
    return {
        "level": what.level, "language": what.name, **empty, "verdict": "not testable",
        "status": f"not testable: {reason}", **dict.fromkeys(HIDDEN),
    }  # fmt: skip


def rounded(value: Any) -> float:
    """Twelve significant digits: what is left of the order of additions is not shown."""
    return float(f"{float(value):.12g}")
