"""Systems by task: scores with their support, means under a stated rule, limits of ranks and tiers instead of a bare 1..N."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd
import streamlit as st

from xbench import pairing, placing
from xbench.ui import common
from xbench.ui.common import Source

TITLE, ORDER, SECTION = "Leaderboard", 0, "Results"
_RULES = {
    "strict": "A mean is given to systems with every column complete; others come after them, unless the tasks they lack are left out.",
    "common support": "Means are over the languages that every system shown has in a column; a language that one lacks counts for none.",
    "available": "Means are over whatever a system has. They are over different things and cannot be compared: support says how much.",
}
_MOST_COLUMNS, _FIRST_COLUMNS = 40, 9
_SIZES = {"up to 200 M": (0, 200e6), "200 to 400 M": (200e6, 400e6), "400 M to 1 B": (400e6, 1e9), "above 1 B": (1e9, 1e15)}
_TESTED = {False: "over the whole column", True: "of all systems that have every task chosen, tasks taken as independent,"}
_ABOUT = {"recipe": "", "these runs": " A system with a single seed makes them ranks of these runs, not of the recipes."}
_SAME = 1e-9  # what is left of the order of additions
_QUICKLY = 300  # systems times tasks that are ranked without being asked to


def page(source: Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "Which systems score how much, over which languages, and which differences in rank are real.")
    columns = common.columns(source, _split(source))
    if columns.empty:
        st.warning("The store has no scores of this split yet. `xbench coverage` lists what is missing, `xbench run` makes some.")
        return
    systems, columns, languages, evidence = _filters(source, columns)
    usual = _usual(source, columns)
    # By name: a link by number would show another task in a store that has grown.
    asked = common.picks("Tasks", columns["label"].tolist(), "column", usual)
    chosen = columns[columns["label"].isin((asked or usual)[:_MOST_COLUMNS])]
    if len(evidence) == 1:
        stored = _cells(source, chosen, systems, languages).groupby("system_id")["stored"].all()
        systems = systems[systems["system_id"].isin(stored.index[stored == (evidence[0] == "examples stored")])]
    if chosen.empty or systems.empty:
        st.warning("No system and task meets these filters. Take one away.")
        return
    if len(asked) > _MOST_COLUMNS:
        st.caption(f"The first {_MOST_COLUMNS} tasks are shown.")
    elif [*asked] == usual and len(usual) < min(_FIRST_COLUMNS, int(columns["counts"].sum())):
        st.caption("These tasks make the largest table in which every system has all of them; the others can be added above.")
    rule = common.switch("Means are", list(_RULES), "mean", "How tasks and languages that a system lacks are treated in means")
    ids = tuple(int(c) for c in chosen["column_id"])
    key = (ids, tuple(int(i) for i in systems["system_id"]), None if languages is None else tuple(languages), rule)

    def made() -> Board:
        return Board(chosen, systems, _cells(source, chosen, systems, languages), rule, _wanted(source, languages), _uneven(source))

    board: Board = source.snapshot.kept(("board", *key), made)
    if board.table.empty:
        st.warning(board.said or "No system has a score in these tasks under these filters.")
        return
    ranked = _ranks(source, chosen) if languages is None else None
    shown: pd.DataFrame = source.snapshot.kept(("drawn", *key, ranked is None), lambda: board.drawn(ranked, _spread(source, board)))
    common.table(shown, percent=[c for c in shown.columns if pd.api.types.is_float_dtype(shown[c])], key="board")
    st.caption(f"{_RULES[rule]} {board.said}")
    st.caption(
        "★ best, ☆ equal to it at the digit shown. A mean over languages counts each the same; 5/10 is a mean over five of ten languages. "
        + (
            "rank: from 1 + how many systems are significantly better to how many are not significantly worse, tested on the stored "
            f"examples {_TESTED[len(chosen) > 1]} whatever is shown; a tier begins with the first that is significantly worse than the "
            "best of the tier above. low, high: 95 % interval. All four are of the mean over the languages that more than half of the "
            "systems so tested have, and are blank beside another mean." + _ABOUT[str(ranked["scope"].iloc[0])]
            if ranked is not None
            else "Order alone is no rank: ranks, intervals and tiers are tested on stored examples, of one task or of systems that have "
            "all the tasks chosen."
        )
    )
    common.download(shown, "leaderboard", f"Percent, means {rule}. xbench snapshot {source.snapshot.id}.")
    _follow(source, board)


Uneven = Mapping[tuple[Any, ...], Sequence[Set[str]]]  # {(system, column): the languages of each run}, where they are not the same


class Board:
    """Systems by tasks, as they are drawn.

    Attributes:
        table: A row a system: mean, support, and for each task its value and support, best first.
        said: What the means are over, in words.
        languages: Those that count in any task.
        comparable: Whether the means of the systems that have one are over the same.
    """

    def __init__(
        self,
        columns: pd.DataFrame,
        systems: pd.DataFrame,
        cells: pd.DataFrame,
        rule: str,
        wanted: Mapping[str, int] | None = None,
        uneven: Uneven | None = None,
    ) -> None:
        """`wanted`: how many of the languages asked for each task covers; None where all are asked for."""
        self.columns, self.systems = columns, systems
        self.said = ""
        if rule == "common support":
            cells = self._common(cells)
        self.languages = sorted(cells["language"].unique())
        expected = dict(zip(columns["column_id"], columns["languages_expected"], strict=True))
        if wanted is not None or rule == "common support":
            expected = cells.groupby("column_id")["language"].nunique().to_dict()
        if wanted is not None and rule != "common support":  # what is there is all of a task that xbench does not know
            expected |= {c: wanted[t] for c, t in zip(columns["column_id"], columns["target"], strict=True) if t in wanted}
        grouped = cells.groupby(["system_id", "column_id"], sort=True)
        found = grouped.agg(value=("value", "mean"), languages=("language", "size"), seeds=("seeds", "min")).reset_index()
        found["expected"] = found["column_id"].map(expected)
        found["complete"] = found["languages"] >= found["expected"]
        if uneven:
            of = ["system_id", "column_id"]
            asked = found.index[found["complete"] & pd.MultiIndex.from_frame(found[of]).isin(list(uneven))]
            counting = cells.merge(found.loc[asked, of], on=of).groupby(of)["language"].agg(frozenset)
            keys = found.loc[asked, of].itertuples(index=False, name=None)
            found.loc[asked, "complete"] = [any(counting[key] <= own for own in uneven[key]) for key in keys]
        found["support"] = [f"{a}/{b}" for a, b in zip(found["languages"], found["expected"], strict=True)]
        for column in columns[columns["language_set"].notna()].to_dict("records"):
            own = found["column_id"] == column["column_id"]
            over = str(column["language_set"])
            found.loc[own, "complete"] = over != "unknown" if rule == "common support" else column["whole"]
            support = "?" if over == "unknown" else f"{len(over.split())}/{column['languages_expected']}"
            found.loc[own, "support"] = f"{support} as printed"
        self.found = found
        self.table = self._means(rule)

    def _common(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Only cells (column, language) that all systems have, and only columns that all have."""
        number = cells["system_id"].nunique()
        held = cells.groupby(["column_id", "language"])["system_id"].transform("nunique")
        kept = cells[held == number]
        self.said = (
            f"The {number} systems share {kept.groupby(['column_id', 'language']).ngroups} of "
            f"{cells.groupby(['column_id', 'language']).ngroups} cells (task and language), in {kept['column_id'].nunique()} of "
            f"{cells['column_id'].nunique()} tasks."
        )
        if kept.empty:
            self.said += " They share nothing: filter out systems with little support."
        return kept

    def _means(self, rule: str) -> pd.DataFrame:
        found = self.found
        number = len(self.columns)
        # With a strict rule an incomplete task is shown with its support, and leaves the system without a mean.
        per = found.groupby("system_id").agg(mean=("value", "mean"), tasks=("complete", "sum"), there=("complete", "size")).reset_index()
        per["available"] = per["mean"]
        if rule == "strict":
            per.loc[per["tasks"] < number, "mean"] = None
        # Else the means are over different things.
        self.comparable = rule == "strict" or bool(found["complete"].all() and (per["there"] == found["column_id"].nunique()).all())
        order = self.systems.merge(per, on="system_id")
        order["label"] = common.system_labels(order)
        by = ["mean", "tasks", "available", "label"]
        return order.sort_values(by, ascending=[False, False, False, True], na_position="last", kind="stable")

    def drawn(self, ranked: pd.DataFrame | None, spread: "pd.Series[float]") -> pd.DataFrame:
        """What is shown. `spread`: of one task, the standard deviation of its mean over seeds, by system."""
        order = self.table.set_index("system_id")
        shown: dict[str, Any] = {}
        several = len(self.columns) > 1
        if ranked is not None:
            mine = self._of_these_means(ranked)
            shown |= {"rank": mine["rank"], "tier": mine["tier"].astype("Int64")}
        shown["system"] = order["label"]
        best: dict[str, pd.Series[Any]] = {}
        if several:
            shown["mean %"] = 100 * order["mean"].astype(float)
            if ranked is not None:
                shown |= {"low": 100 * mine["low"].astype(float), "high": 100 * mine["high"].astype(float)}
            shown["tasks"] = [f"{int(a)}/{len(self.columns)}" for a in order["tasks"]]
            shown |= self._groups(order.index)
        for column, label in zip(self.columns["column_id"], self._short(), strict=True):
            own = self.found[self.found["column_id"] == column].set_index("system_id").reindex(order.index)
            shown[label] = 100 * own["value"].astype(float)
            best[label] = own["complete"].eq(True)
            if several:
                partial = own["support"].where(own["complete"].eq(False))
                if partial.notna().any():
                    shown[f"{label}: languages"] = own["support"]
            else:
                if ranked is not None:
                    shown |= {"low": 100 * mine["low"].astype(float), "high": 100 * mine["high"].astype(float)}
                shown |= {"± seeds": 100 * spread.reindex(order.index), "languages": own["support"], "seeds": own["seeds"]}
        for field in ("recipe_label", "stack", "source", "relationship", "train_language", "model_revision"):
            shown[field.removesuffix("_label").replace("_", " ")] = order[field]
        shown["parameters, M"] = order["parameters"].astype(float) / 1e6
        return _starred(pd.DataFrame(shown), best, "mean %" if several and self.comparable else "").reset_index(drop=True)

    def _of_these_means(self, ranked: pd.DataFrame) -> pd.DataFrame:
        """Ranks and intervals of the systems whose mean that is shown (of one task: its score) is the one that was ranked."""
        order = self.table["system_id"]
        shown = self.found.groupby("system_id").agg(value=("value", "mean"), languages=("languages", "sum")).reindex(order)
        if len(self.columns) > 1:
            shown["value"] = self.table.set_index("system_id")["mean"].astype(float)
        mine = ranked.set_index("system_id").reindex(order)
        return mine.where(((mine["value"] - shown["value"]).abs() < _SAME) & (mine["languages"] == shown["languages"]))

    def _groups(self, index: "pd.Index[Any]") -> dict[str, Any]:
        """The mean of each group of tasks of which more than one is shown, and only where all of them are complete."""
        merged = self.found.merge(self.columns[["column_id", "task_group"]], on="column_id")
        sizes = self.columns["task_group"].value_counts()
        found: dict[str, Any] = {}
        for group in [g for g in sorted(sizes.index) if sizes[g] > 1 and g != "other" and len(sizes) > 1]:
            own = merged[(merged["task_group"] == group) & merged["complete"]].groupby("system_id")["value"].agg(["mean", "size"])
            found[f"{group} %"] = (100 * own["mean"].where(own["size"] == sizes[group])).reindex(index)
        return found

    def _short(self) -> list[str]:
        """Names of tasks, with what tells columns of one task apart."""
        once = self.columns["target"].map(self.columns["target"].value_counts()) == 1
        found = []
        for target, label, own in zip(self.columns["target"], self.columns["label"], once, strict=True):
            others = [x.split(" · ") for x in self.columns.loc[self.columns["target"] == target, "label"]]
            shared = {part for part in others[0] if all(part in other for other in others)}
            found.append(target if own else " · ".join([target, *(p for p in label.split(" · ") if p not in shared)]))
        return found


def _starred(data: pd.DataFrame, complete: Mapping[str, "pd.Series[Any]"], mean: str) -> pd.DataFrame:
    """A column that says in which others a system is the best: only complete averages take part."""
    marks: list[list[str]] = [[] for _ in range(len(data))]
    for column in [*([mean] if mean else []), *complete]:
        values = data[column].where(complete[column].to_numpy()) if column in complete else data[column]
        top = values.max()
        if pd.isna(top) or values.notna().sum() < 2:
            continue
        for place, value in enumerate(values):
            if pd.notna(value) and round(value, 1) == round(top, 1):
                marks[place].append(("★ " if value == top else "☆ ") + column.removesuffix(" %"))
    out = data.copy()
    place = int(out.columns.get_loc("recipe"))  # type: ignore[arg-type]
    out.insert(place, "best in", [", ".join(m) for m in marks])
    return out


def _split(source: Source) -> str:
    found = common.rows(source, "SELECT split FROM col GROUP BY split ORDER BY split <> 'test', split")["split"].tolist()
    return common.pick("Split", found, "split") if len(found) > 1 else "test"


def _usual(source: Source, columns: pd.DataFrame) -> list[str]:
    """The tasks shown first: of those that count, two or more with the largest table of systems that have all of them, if there is one."""
    first = columns[columns["counts"]].head(_FIRST_COLUMNS)
    first = columns.head(_FIRST_COLUMNS) if first.empty else first
    ids = [int(c) for c in first["column_id"]]

    def made() -> list[int]:
        systems = source.snapshot.systems()
        found = Board(first, systems, _cells(source, first, systems, None), "strict", uneven=_uneven(source)).found
        held = Counter(found[found["complete"]].groupby("system_id")["column_id"].agg(frozenset))
        several = [some for size in range(2, len(ids) + 1) for some in combinations(ids, size)]
        tables = {some: sum(number for have, number in held.items() if have.issuperset(some)) for some in several}
        best = max(tables, key=lambda some: (tables[some] * len(some), tables[some]))
        return list(best) if tables[best] > 1 else ids

    kept: list[int] = source.snapshot.kept(("usual", *ids), made) if len(ids) > 1 else ids
    return columns.set_index("column_id").loc[kept, "label"].tolist()


def _filters(source: Source, columns: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str] | None, list[str]]:
    """Systems and columns that meet the filters, the languages that count (None: all), and the evidence asked for in the tasks shown."""
    systems = source.snapshot.systems().copy(deep=False)
    with st.expander("Filters", expanded=any(k.startswith("only_") for k in st.query_params)):
        left, middle, right = st.columns(3)
        with left:
            text = common.typed("Model contains", "only_model", placeholder="such as e5")
            sizes = common.picks("Model size", list(_SIZES), "only_size")
            intermediates = common.picks("Intermediate task", _several(systems["intermediate"]), "only_intermediate")
        with middle:
            families = common.picks("Kind of task", _several(columns["family"]), "only_family")
            there = "(SELECT DISTINCT language FROM cell WHERE language <> 'mul')"  # some of which data/languages.csv may not have
            reference = common.rows(
                source,
                f"SELECT language, coalesce(name, '') AS name, family, script FROM language FULL JOIN {there} USING (language) ORDER BY 1",
            )
            spoken = dict(zip(reference["language"], reference["name"], strict=True))
            codes = list(spoken) if columns["known"].any() else []
            languages = common.picks("Language", codes, "only_language", say=lambda c: f"{c} {spoken.get(c, '')}")
            scripts = common.picks("Script", _several(reference["script"]), "only_script")
            kinds = common.picks("Language family", _several(reference["family"]), "only_language_family")
        with right:
            sources = common.picks("Source", _several(systems["source"]), "only_source")
            stacks = common.picks("Stack", _several(systems["stack"]), "only_stack")
            evidence = common.picks("Evidence", ["examples stored", "averages only"], "only_evidence")
            relations = common.picks("Reported by", _several(systems["relationship"]), "only_relationship")
        st.caption("A filter on languages changes the means: they are over the chosen languages alone. Nothing chosen means all.")
    if text:
        systems = systems[systems["model"].str.contains(text, case=False, regex=False)]
    if sizes:
        known = systems["parameters"].astype(float)
        systems = systems[pd.concat([known.between(*_SIZES[s]) for s in sizes], axis=1).any(axis=1)]
    for field, wanted in (("intermediate", intermediates), ("source", sources), ("stack", stacks), ("relationship", relations)):
        if wanted:
            systems = systems[systems[field].isin(wanted)]
    if families:
        columns = columns[columns["family"].isin(families)]
    if not (languages or scripts or kinds):
        return systems, columns, None, evidence
    chosen = reference
    for field, wanted in (("language", languages), ("script", scripts), ("family", kinds)):
        if wanted:
            chosen = chosen[chosen[field].isin(wanted)]
    return systems, columns[columns["language_set"].isna()], chosen["language"].tolist(), evidence


def _several(values: "pd.Series[Any]") -> list[str]:
    """The values to choose from."""
    return sorted(str(v) for v in values.dropna().unique())


def _cells(source: Source, columns: pd.DataFrame, systems: pd.DataFrame, languages: list[str] | None) -> pd.DataFrame:
    text = (
        "SELECT system_id, column_id, language, value, seeds, n, stored FROM cell WHERE column_id IN (SELECT unnest(?::INTEGER[]))"
        # Of a task that xbench knows, the languages that it covers.
        " AND (language = 'mul' OR column_id IN (SELECT column_id FROM col WHERE NOT known) "
        "OR (column_id, language) IN (SELECT column_id, language FROM col JOIN task_language USING (target)))"
        + (" AND language IN (SELECT unnest(?::VARCHAR[]))" if languages is not None else "")
        + " ORDER BY column_id, system_id, language"
    )
    values: list[Any] = [[int(c) for c in columns["column_id"]]]
    found = common.rows(source, text, [*values, languages] if languages is not None else values)
    return found[found["system_id"].isin(systems["system_id"])]


def _uneven(source: Source) -> Uneven:
    found: dict[tuple[Any, ...], list[Set[str]]] = {}
    for system, column, languages in common.rows(source, "SELECT system_id, column_id, languages FROM uneven").itertuples(index=False):
        found.setdefault((system, column), []).append(frozenset(languages))
    return found


def _spread(source: Source, board: Board) -> "pd.Series[float]":
    """Of one task, the standard deviation over seeds of the mean that is shown, by system; over which seeds, view leaderboard says."""
    if len(board.columns) > 1:
        return pd.Series(dtype=float)
    column = board.columns.iloc[0]
    where = {f: str(column[f]) for f in (*pairing.COLUMN, "split")}
    printed = None if pd.isna(column["language_set"]) else str(column["language_set"])
    found = common.rows(
        source,
        "WITH by_run AS (SELECT system_id, seed, avg(value ORDER BY value) AS value, count(*) AS languages, sum(hash(language)) AS which "
        f"FROM stored_score JOIN run_system USING (run_id) WHERE NOT alone AND {' AND '.join(f'{f} = ?' for f in where)} "
        "AND language_set IS NOT DISTINCT FROM ? AND list_contains(?, language) GROUP BY system_id, run_id, seed), "
        "by_seed AS (SELECT system_id, languages, which, seed, avg(value ORDER BY value) AS value FROM by_run GROUP BY ALL) "
        "SELECT system_id, stddev_samp(value ORDER BY value) AS sd FROM by_seed GROUP BY system_id, languages, which QUALIFY "
        "row_number() OVER (PARTITION BY system_id ORDER BY languages DESC, count(*) DESC, which) = 1",
        [*where.values(), printed, board.languages],
    )
    return found.set_index("system_id")["sd"]


def _wanted(source: Source, languages: list[str] | None) -> dict[str, int] | None:
    """How many of some languages each task that xbench knows covers."""
    if languages is None:
        return None
    found = common.rows(
        source,
        "SELECT target, count(*) AS number FROM task_language WHERE language IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL",
        [languages],
    )
    return dict(zip(found["target"], found["number"], strict=True))


def _ranks(source: Source, chosen: pd.DataFrame) -> pd.DataFrame | None:
    """Rank limits, tier and interval of each system in the columns chosen; None where nothing is ranked, or not yet."""
    if (chosen["split"] != "test").any() or chosen["language_set"].notna().any() or chosen["target"].duplicated().any():
        return None
    ids = [int(c) for c in chosen["column_id"]]
    held = common.rows(
        source,
        "SELECT count(*) AS systems FROM (SELECT system_id FROM (SELECT system_id, column_id FROM cell WHERE list_contains(?, column_id) "
        "GROUP BY ALL HAVING bool_and(stored)) GROUP BY ALL HAVING count(*) = ?)",
        [ids, len(ids)],
    )
    systems = int(held["systems"].iloc[0])
    if systems < min(2, len(ids)):
        return None
    where: list[dict[str, Any]] = [{c: str(row[c]) for c in pairing.COLUMN} for row in chosen.to_dict("records")]
    if len(ids) > 1 and not common.tick(
        "Ranks of the mean, tested", "ranks", default=systems * len(ids) <= _QUICKLY, help_text="In a large store this takes minutes."
    ):
        return None
    compute = partial(placing.standings, **where[0]) if len(ids) == 1 else partial(placing.overall, columns=where)
    key = ("standings", *(v for w in where for v in w.values()))
    found: Sequence[dict[str, Any]] | None = common.wait(source, "Ranks and intervals", key, compute)
    ranked = pd.DataFrame([r for r in found or [] if r["status"] == "ranked"])
    if ranked.empty:
        return None
    ranked = ranked.merge(source.snapshot.systems()[["system_id", *pairing.SYSTEM]], on=list(pairing.SYSTEM))
    low, high = (ranked[c].astype(int).astype(str) for c in ("rank_low", "rank_high"))
    ranked["rank"] = low.where(low == high, low + "–" + high)
    return ranked


def _follow(source: Source, board: Board) -> None:
    """From a system and task on to where its numbers come from."""
    with st.expander("Where does a number come from?"):
        labels = dict(zip(board.table["system_id"].astype(int), board.table["label"], strict=True))
        left, right = st.columns(2)
        with left:
            system = st.selectbox("System", list(labels), format_func=lambda i: labels[i], key="follow-system")
        with right:
            tasks = dict(zip(board.columns["column_id"], board.columns["label"], strict=True))
            column = st.selectbox("Task", [int(i) for i in tasks], format_func=lambda i: tasks[i], key="follow-column")
        one = board.table[board.table["system_id"] == system].iloc[0]
        target = board.columns.set_index("column_id").loc[column, "target"]
        cells = common.rows(
            source,
            'SELECT language, 100 * value AS "score %", 100 * seed_sd AS "± seeds", seeds, n AS examples, '
            "CASE WHEN stored THEN 'examples stored' ELSE 'average only' END AS evidence FROM cell "
            "WHERE system_id = ? AND column_id = ? "
            "ORDER BY language",
            [int(system), int(column)],
        )
        if cells.empty:
            st.info("This system has no score in this task. Choose another of the two.")
            return
        common.table(cells, percent=["score %", "± seeds"])
        common.link(
            "Runs, recipes and all claims of it",
            "provenance",
            target=str(target),
            model=str(one["model"]),
            intermediate=str(one["intermediate"]),
        )
