"""One contrast in words: its title, an account of how its numbers were made, and LaTeX."""

from collections.abc import Mapping, Sequence
from typing import Any

from xbench import comparing, contrasts, pairing
from xbench.comparing import TO_DIRECT
from xbench.languages import labelled
from xbench.tables import apart, many, percent, points, signed
from xbench.task import covers

Row = Mapping[str, Any]
_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_NOTHING = 1e-12  # a difference that is but the rounding of sums
_TITLE = ("target", "train_language", "intermediate", "against", "metric", "model")
_UNDECIDED = ("unresolved", "equivalent", "not testable")


def title(rows: Sequence[Row], every: Sequence[Row] = ()) -> str:
    """What a contrast is about; of conditions, those without which another of `every` (a row each) would have the same title."""
    r = rows[0]
    same = [o for o in every if all(o[c] == r[c] for c in _TITLE)]
    named = apart(same, (), pairing.CONDITIONS)
    conditions = "".join(f", {c.replace('_', ' ')} {r[c]}" for c in named if c not in pairing.AGAINST)
    second = ", ".join(f"{c.removeprefix('against_').replace('_', ' ')} {r[c]}" for c in named if c in pairing.AGAINST)
    other = "" if r["against"] == TO_DIRECT["intermediate"] and not second else f" against {r['against']}"
    other += f" ({second})" if second else ""
    seeds = next((row["seeds"] for row in rows if row["seeds"]), None)
    where = trained(r)
    where += "," if where else ""
    return f"{r['target']}{where} after {r['intermediate']}{other}: {r['metric']}, {r['model']}{conditions}, seeds: {seeds or 'none'}"


def trained(r: Row) -> str:
    """Said of a target that was not trained in English."""
    return "" if r["train_language"] in ("en", "unknown") else f", trained in {r['train_language']}"


def needs(r: Row) -> str:
    """What would find a difference as large as the one seen; empty where there is nothing to find."""
    if r["status"] != "tested" or r["verdict"] != "unresolved" or not r["delta"] or abs(r["delta"]) < _NOTHING:
        return ""
    found = [f"{r['seeds_needed']} seeds"] if r["seeds_needed"] else []
    if r["items_needed"] and r["clusters"] and r["items_needed"] > r["clusters"]:
        found.append(f"{r['items_needed'] / r['clusters']:.1f}x items")
    return " or ".join(found) or ("seeds and items" if r["seeds"] > 1 else "")


def interval(r: Row) -> str:
    """The difference in points and its interval."""
    return points(r["delta"]) + ("" if r["low"] is None else f" {_range(r, 'low', 'high')}")


def p_value(value: float | None) -> str:
    """Three digits, no leading zero."""
    return "" if value is None else "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0") if value < 0.9995 else "1"


def _range(row: Row, low: str, high: str) -> str:
    return f"[{signed(row[low])}, {signed(row[high])}]"


def explanation(rows: Sequence[Row], adjust: str) -> list[str]:
    """What was done with one contrast, and why, in sentences."""
    tested = [row for row in rows if row["status"] == "tested"]
    if not tested:
        return [str(row["status"]) for row in rows]
    mean = next((row for row in tested if row["level"] == "mean"), None)
    single = [row for row in tested if row["level"] != "mean"]
    joint = single if adjust == "max-t" else []
    said = [*_material(rows[0], tested[0], mean), *_method(tested[0], mean, joint)]
    if single:
        said.append(f"p of {len(single)} tests ({single[0]['level']}) adjusted by {adjust}; a verdict needs .05 after adjustment.")
    if mean:
        said += _mean(mean)
    return said + [f"{row['language']}: {row['status']}." for row in rows if row["status"] != "tested"]


def _material(r: Row, one: Row, mean: Row | None) -> list[str]:
    """Runs and examples."""
    unmatched = "" if r["seed_list"] == r["against_seed_list"] else ", which are not the same seeds"
    over = f", {mean['clusters']} over the {many(mean['languages'], 'language')} of the mean" if mean else ""
    runs = f"Runs: seed(s) {r['seed_list']} of {r['intermediate']} (run ids {r['run_ids']}) against seed(s) {r['against_seed_list']} of"
    metric = f"Numerators and denominators of {r['metric']} ({r['scorer']}) are summed by cluster, the unit that the task declares"
    return [
        f"{runs} {r['against']} ({r['against_run_ids']}){unmatched}.",
        "Examples are matched by id: all runs were tested on the same data.",
        f"{metric}: {one['clusters']} in {one['language']}{over}.",
    ]


def _method(one: Row, mean: Row | None, joint: Sequence[Row]) -> list[str]:
    """How intervals were made, and what verdicts are about; `joint` are the rows whose intervals hold together (max-t)."""
    said = []
    if joint:
        what = ", ".join(str(r["language"]) for r in joint)
        said = [f"{what}: interval and p from the bootstrap over items, by the largest t of these; the runs stay as they are."]
        if one["seeds"] > 1:
            said.append("So their verdicts are about these trained systems on new items, not about the recipes.")
    shown = mean or (None if joint else one)
    of = f" of the {mean['language']}" if joint and mean else ""
    if shown:
        influence = "Every cluster has one influence on a difference; languages that share a cluster are taken together."
        said.append(f"Interval and p{of}: delta method. {influence}")
    if one["seeds"] == 1:
        return [*said, "One seed: the verdict is about these two trained systems on new items. A claim about the recipes is not testable."]
    if shown:
        variance = f"{one['seeds']} seeds: the variance is that between runs plus that over items of what the runs of an arm have in common"
        said += [
            f"{variance}; {shown['language']}: t with {shown['df']:.1f} degrees of freedom (Satterthwaite).",
            f"So the verdict{of} is about the recipes: new seeds and new items.",
        ]
    return said


def _mean(mean: Row) -> list[str]:
    said = [f"p of the mean adjusted over {mean['family']} contrast(s) with the same baseline (holm)."]
    if mean["effects_up"] is not None:
        sure = f"a gain in at least {mean['effects_up']} and a loss in at least {mean['effects_down']} of {mean['languages']} languages"
        spread = f"a standard deviation of {percent(mean['tau'])} points between languages (I2 {100 * mean['i2']:.0f} %)"
        new = f"the mean lies in {_range(mean, 'new_language_low', 'new_language_high')}"
        said += [
            f"At 95 % confidence there is {sure} (partial conjunction, 2.5 % each way).",
            f"The true effect has {spread}.",
            f"For languages like these (random effect) {new}, that in one new language in {_range(mean, 'predict_low', 'predict_high')}.",
        ]
    lacking = f" To find it: {needs(mean)}." if needs(mean) else ""
    if mean["detectable"] is None:
        return [*said, f"No true difference would have been found: {mean['clusters']} clusters are too few.{lacking}"]
    found = f"A true mean difference of {percent(mean['detectable'])} points would have been found, after adjustment, with 80 % power"
    return [*said, f"{found}, one as large as that seen with {100 * mean['power']:.0f} %.{lacking}"]


def latex(rows: Sequence[Row], snapshot: str, every: Sequence[Row] = (), adjust: str = "holm") -> str:
    """One contrast as a booktabs table, significant differences bold; the caption says what it is and names the store's snapshot."""
    r = rows[0]
    lines = [
        r"\begin{table}", r"\centering", r"\begin{tabular}{lrrrrr}", r"\toprule",
        rf"{r['level']} & baseline & $\Delta$ & 95\% interval & $p$, adjusted & detectable \\", r"\midrule",
    ]  # fmt: skip
    for row in rows:
        if row["level"] == "mean" and len(rows) > 1:
            lines.append(r"\midrule")
        if row["delta"] is None:
            lines.append(rf"{escape(named(row))} & \multicolumn{{5}}{{l}}{{{escape(row['status'])}}} \\")
            continue
        delta = f"${signed(row['delta'])}$"
        bold = delta if row["verdict"] in _UNDECIDED else rf"\textbf{{{delta}}}"
        limits = "" if row["low"] is None else f"${_range(row, 'low', 'high')}$"
        known = [percent(row["against_value"]), bold, limits, escape(p_value(row["p_adjusted"])), percent(row["detectable"])]
        lines.append(" & ".join([escape(named(row)), *known]) + r" \\")
    baseline = "the direct baseline" if r["against"] == TO_DIRECT["intermediate"] else r["against"]
    joint = "those of languages hold together, over items alone" if adjust == "max-t" else "each of its row alone"
    what = f"{title(rows, every)}. Points against {baseline}; intervals: {joint}; bold: significant at .05 after adjustment."
    untested = dict.fromkeys(row["status"] for row in rows if row["delta"] is not None and row["status"] != "tested")
    what += f" {'; '.join(untested)}." if untested else ""
    caption = f"{what} {comparing.sentence(rows)}. Store {snapshot}."
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\caption{{{escape(caption)}}}", r"\end{table}", ""])


def named(row: Row) -> str:
    """A language, and why it counts in no mean."""
    why = " (trained)" if labelled(row["language"], contrasts.trained_in(row)) else ""
    why = why or ("" if row["level"] != "language" or covers(row["target"], row["language"]) else " (in no mean)")
    return f"{row['language']}{why}"


def escape(text: object) -> str:
    """Text as LaTeX shows it."""
    return "".join(_ESCAPES.get(c, c) for c in str(text))
