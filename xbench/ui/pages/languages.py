"""Which languages gain from transfer: related ones, those of one script, those with much text, those near the training language?"""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from xbench import comparing, pairing
from xbench.hashes import developed_on
from xbench.tables import decimal
from xbench.ui import common, deltas
from xbench.ui.lazily import alt

TITLE = "Languages"
ORDER = 30
SECTION = "Transfer"
ALL = "all of them"
_DISTANCES = {
    "syntactic": "syntactic distance",
    "phonological": "phonological distance",
    "inventory": "distance of sound inventories",
    "featural": "distance over all typological features",
    "geographic": "geographic distance",
}
_FAMILY = deltas.CONDITIONS


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "What an intermediate task changes, by family, script, pretraining data and distance of the languages.")
    column = deltas.choose_column(source, transfer=True)
    if column is None:
        st.info(deltas.NO_TRANSFER)
        return
    systems = common.systems_of(source, column.column_id)
    chosen = _choose(*source.snapshot.kept(("models of", column.column_id), lambda: _models(systems)))
    data = deltas.compared(source, column, {f: str(chosen.iloc[0][f]) for f in _FAMILY} | _only(chosen), comparing.TO_DIRECT, "language")
    if data is not None:
        _differences(source, column, data if data.empty else data.assign(intermediate=common.intermediates(data)), chosen)
    _gap(source, column, systems, chosen)


def _models(systems: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], str | None]:
    """The systems after an intermediate task of each model under the same conditions, by a label; the first that has a baseline."""
    after = systems[systems["intermediate"] != pairing.DIRECT]
    # As if all were direct: the label is then of what they have in common.
    shared = after.drop_duplicates(list(_FAMILY)).assign(intermediate=pairing.DIRECT)
    shared = shared.assign(label=common.system_labels(shared))
    direct = systems.loc[systems["intermediate"] == pairing.DIRECT, list(_FAMILY)].drop_duplicates()
    paired = shared.merge(direct, on=list(_FAMILY))["label"].tolist()
    labels = dict(zip(shared[list(_FAMILY)].itertuples(index=False, name=None), shared["label"], strict=True))
    groups = {labels[key]: own for key, own in after.groupby(list(_FAMILY), sort=False)}
    return {label: groups[label] for label in shared["label"]}, paired[0] if paired else None


def _choose(models: dict[str, pd.DataFrame], usual: str | None) -> pd.DataFrame:
    """The systems of one model that the reader picks."""
    left, right = st.columns(2)
    with left:
        label = common.pick("Model", list(models), "model", usual)
    group = models[label]
    tasks = sorted(group["intermediate"].unique())
    with right:
        task = common.pick("Intermediate task", [*tasks, ALL] if len(tasks) > 1 else tasks, "intermediate")
    return group if task == ALL else group[group["intermediate"] == task]


def _only(chosen: pd.DataFrame) -> dict[str, str]:
    """The condition of one intermediate task; none for all of them."""
    return {"intermediate": str(chosen["intermediate"].iloc[0])} if chosen["intermediate"].nunique() == 1 else {}


def _differences(source: common.Source, column: deltas.Column, data: pd.DataFrame, chosen: pd.DataFrame) -> None:
    """By language in groups, the means of the groups, and against what is known of the languages."""
    train = str(chosen["train_language"].iloc[0])
    single = data
    if not data.empty:  # the training language is no transfer; a printed mean is no language
        single = data[(data["level"] != "mean") & ~data["language"].isin([*train.split("+"), deltas.PRINTED]) & data["delta"].notna()]
    if single.empty:
        why = "; ".join(dict.fromkeys(data["status"])) if not data.empty else "no numbers by language"
        st.warning(f"There is no difference by language to show. {common.plain(why)}")
        st.caption("Sources that print only means over languages end here; the page Compare shows those means.")
        return
    single = _described(source, single, train)
    by = common.switch("Grouped by", ["family", "script"], "group")
    _by_group(source, column, data, single, chosen, by)
    _against_sizes(source, single, train)


def _described(source: common.Source, data: pd.DataFrame, train: str) -> pd.DataFrame:
    """What is known of the languages: family, script, distances from the training language, text in CC-100. Empty where it is not known."""
    known = common.rows(
        source,
        f"SELECT l.*, {', '.join(f'd.{c}' for c in _DISTANCES)}, s.gib FROM language AS l LEFT JOIN language_distance AS d "
        "ON (d.language, d.other) = (l.language, ?) LEFT JOIN pretraining_size AS s ON s.language = l.language",
        [train],
    )
    # `family` of a compared row is how many tests it was adjusted over.
    found = data.drop(columns="family").merge(known, on="language", how="left")
    return found.assign(**{c: found[c].fillna("unknown") for c in ("family", "script")})


def _by_group(
    source: common.Source, column: deltas.Column, data: pd.DataFrame, single: pd.DataFrame, chosen: pd.DataFrame, by: str
) -> None:
    ordered = single.assign(place=single["language"] + " · " + single[by]).sort_values([by, "language"])
    order = ordered["place"].drop_duplicates().tolist()
    drawn = common.picture(source, ordered, _forest, order)
    common.chart(drawn, f"Difference by language, sorted by {by}: {deltas.in_words(ordered, 'place')}")
    st.caption(deltas.LEGEND)
    if not (data["status"] == "tested").all():
        why = sorted(set(data["status"]) - {"tested"})
        said = "; ".join(why) if len(why) < 3 else "status says of each row why"
        st.caption(f"Not everything is tested example by example: {common.plain(said)}.")
    columns = ["intermediate", "language", "family", "script", "delta", "low", "high", "p_adjusted", "verdict", *_DISTANCES, "gib"]
    if not (ordered["status"] == "tested").all():
        columns.append("status")
    table = ordered[columns].rename(columns={"gib": "CC-100 GiB", "p_adjusted": "adjusted p"})
    common.table(table, percent=("delta", "low", "high", "CC-100 GiB"), small=("adjusted p", *_DISTANCES))
    said = f"Differences to the direct baseline by language on {column.label}. Points, 95 % intervals."
    common.download(table, "languages", said, drawn, small=_DISTANCES)
    level: comparing.By = "script" if by == "script" else "family"
    first = {f: str(chosen.iloc[0][f]) for f in _FAMILY} | _only(chosen)
    groups = deltas.compared(source, column, first, comparing.TO_DIRECT, level)
    if groups is not None and (groups["level"] == by).any():
        st.subheader(f"Means by {by}")
        shown = groups[groups["level"] == by]
        means = deltas.numbers(shown, by, "after", "direct")
        means.insert(0, "intermediate", common.intermediates(shown))
        means.insert(2, "languages", shown["languages"].astype("Int64"))
        deltas.show(means)
        common.download(
            means, f"languages-{by}", f"Means over the languages of a {by} without labels on {column.label}. Points, 95 % intervals."
        )


def _against_sizes(source: common.Source, single: pd.DataFrame, train: str) -> None:
    """The difference against a distance from the training language, and against the text in pretraining."""
    st.subheader(f"Against distance from the training language ({common.plain(train)})")
    kind = common.pick("Distance", list(_DISTANCES), "distance", say=lambda d: _DISTANCES[d])
    x = alt.X(f"{kind}:Q", title=f"{_DISTANCES[kind]} from {train}", scale=alt.Scale(zero=False))
    _scatter(source, single, kind, x, _DISTANCES[kind])
    st.caption("Distances: URIEL+ (Khan et al. 2025), from 0, the same, to 1; languages without enough known features are left out.")
    st.subheader("Against pretraining data")
    x = alt.X("gib:Q", title="GiB of text in CC-100 (log)", scale=alt.Scale(type="log"))
    _scatter(source, single, "gib", x, "GiB in CC-100")
    st.caption(
        "CC-100 is the corpus of XLM-R (Conneau et al. 2020, table 6): for other encoders it stands for how much text of a language "
        "there is on the web. Languages that it does not have are left out: none is not zero."
    )


def _scatter(source: common.Source, single: pd.DataFrame, field: str, x: "alt.X", what: str) -> None:
    shown = single[single[field].notna()]
    left_out = sorted(set(single["language"]) - set(shown["language"]))
    if shown.empty:
        st.info("It is not known for any of these languages.")
        return
    one = shown["intermediate"].nunique() == 1
    drawn = common.picture(source, shown, _scattered, field, x, one)
    rho = {
        str(task): group["delta"].corr(group[field], method="spearman")
        for task, group in shown.groupby("intermediate")
        if group["delta"].nunique() > 1 and group[field].nunique() > 1
    }
    said = "; ".join(f"{task} {r:+.2f}" for task, r in rho.items())
    common.chart(drawn, f"Difference against {what}. Rank correlations: {said or 'none'}. {deltas.in_words(shown)}")
    if said:
        st.caption(
            f"Spearman's rank correlation over {shown['language'].nunique()} languages: {common.plain(said)}. It describes these "
            "languages; they are too few and too much alike for a test."
        )
    if left_out:
        st.caption(f"Not known for {common.plain(' '.join(left_out))}.")


def _forest(ordered: pd.DataFrame, order: list[str]) -> deltas.Drawn:
    return deltas.facets(deltas.forest(ordered, "points against the direct baseline", "place", order), ordered)


def _scattered(shown: pd.DataFrame, field: str, x: "alt.X", labels: bool) -> deltas.Drawn:
    return deltas.facets(deltas.scatter(shown, field, x, "points against the direct baseline", "language", labels=labels), shown)


def _gap(source: common.Source, column: deltas.Column, systems: pd.DataFrame, chosen: pd.DataFrame) -> None:
    """How far the languages fall short of the training language, directly and after each intermediate task."""
    train = str(chosen["train_language"].iloc[0])
    key = ("gap", column.column_id, tuple(chosen["system_id"]))
    st.subheader("Cross-lingual gap")
    table, said, drawn = source.snapshot.kept(key, lambda: _gaps(source, column, systems, chosen, train))
    if drawn is None:
        st.info(
            f"The gap needs the score in the training language ({common.plain(train)}) beside the others; this task or source has none."
        )
        return
    common.chart(drawn, f"Score in {train} less score in each language, in points: {said}")
    st.caption(
        f"Score in {common.plain(train)} less the score in each language, in points, means over seeds: smaller is better. Not tested."
    )
    common.table(table, percent=(f"{train} %", "language %", "gap"))
    common.download(table, "gap", f"Cross-lingual gap on {column.label}: points below {train}.", drawn)


def _gaps(
    source: common.Source, column: deltas.Column, systems: pd.DataFrame, chosen: pd.DataFrame, train: str
) -> tuple[pd.DataFrame, str, dict[str, Any] | None]:
    """The table, what it says in words, the chart; no chart where there is nothing. A gap is within a run, and then averaged."""
    same = (systems[list(_FAMILY)] == chosen.iloc[0][list(_FAMILY)]).all(axis=1)
    direct = systems[same & (systems["intermediate"] == pairing.DIRECT)]
    wanted = pd.concat([chosen, direct])
    asked = [int(i) for i in wanted["system_id"]] if column.language_set is None else []  # means as printed are of no language
    found = common.rows(
        source,
        "SELECT s.system_id, g.language, 100 * avg(g.train_language_value ORDER BY g.train_language_value) AS trained, "
        "100 * avg(g.value ORDER BY g.value) AS value, 100 * avg(g.gap ORDER BY g.gap) AS gap, count(DISTINCT g.seed)::INTEGER AS seeds, "
        "any_value(r.target_revision) AS target_revision FROM language_gap AS g JOIN run_system AS s USING (run_id) "
        "JOIN run AS r USING (run_id) WHERE g.split = 'test' "
        f"AND {' AND '.join(f'g.{f} = ?' for f in pairing.COLUMN)} AND list_contains(?, s.system_id) GROUP BY ALL",
        [*(getattr(column, f) for f in pairing.COLUMN), asked],
    )
    if found.empty:
        return found, "", None
    found = found.merge(wanted[["system_id", "intermediate", "intermediate_revision"]], on="system_id")
    system = (found["intermediate"] == pairing.DIRECT).map({True: "direct", False: "after"})
    developed = found["target_revision"].map(partial(developed_on, str(chosen["kind"].iloc[0])))
    label = common.intermediates(found)
    several = developed.groupby(label).transform("nunique") > 1
    label = label.mask(several, label + " · dev " + developed.map(common.brief))
    found = found.assign(system=system, intermediate=label, developed=developed).sort_values(["language", "intermediate"])
    after, before = (found[found["system"] == s] for s in ("after", "direct"))
    beside = after[["intermediate", "developed"]].drop_duplicates()  # of steps selected on the same data
    both = pd.concat([after, before.drop(columns="intermediate").merge(beside, on="developed")])
    said = "; ".join(f"{r['intermediate']}, {r['system']}: {r['language']} {decimal(r['gap'])}" for _, r in both.head(80).iterrows())
    table = pd.concat([after, before])[["intermediate", "language", "trained", "value", "gap", "seeds"]]
    table = table.rename(columns={"trained": f"{train} %", "value": "language %"})
    return table, said, _gap_chart(both).to_dict()


def _gap_chart(both: pd.DataFrame) -> deltas.Drawn:
    data = both[["language", "intermediate", "system", "gap"]]
    order = data.groupby("language")["gap"].mean().sort_values().index.tolist()
    kinds = ["direct", "after"]
    base = alt.Chart().encode(y=alt.Y("language:N", sort=order, title=None, scale=alt.Scale(padding=0.6)))
    lines = base.mark_line(color=common.GREY, strokeWidth=1.5).encode(x=alt.X("gap:Q", title="gap, points"), detail="language:N")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        x="gap:Q",
        color=alt.Color("system:N", scale=alt.Scale(domain=kinds, range=[common.GREY, common.BLUE]), title=None),
        shape=alt.Shape("system:N", scale=alt.Scale(domain=kinds, range=["circle", "triangle-up"]), title=None),
        tooltip=["language:N", "intermediate:N", "system:N", alt.Tooltip("gap:Q", format=".1f")],
    )
    drawn = alt.layer(lines, dots, data=data).properties(height=24 * data["language"].nunique() + 40)
    return deltas.facets(drawn, data)
