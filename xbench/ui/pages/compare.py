"""Any two systems: in which languages is one better, how sure is that, and on which examples do they disagree?"""

import pandas as pd
import streamlit as st

from xbench import comparing, pairing
from xbench.ui import common, deltas, flips
from xbench.ui.flips import Series

TITLE = "Compare"
ORDER = 20
SECTION = "Transfer"


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "Two systems side by side: in which languages is the first better, how sure is that, on which examples?")
    column = deltas.choose_column(source, transfer=False)
    if column is None:
        st.info("It takes two systems with numbers for the same task. `xbench run` trains some; `xbench coverage` lists what is missing.")
        return
    systems = common.systems_of(source, column.column_id)
    first, second = _choose(systems, source.snapshot.kept(("baselines", column.column_id), lambda: _baselines(systems)))
    by = common.switch("By", ["language", "family", "script"], "by", "families and scripts are means over their languages without labels")
    _difference(source, column, first, second, by)
    flips.draw(source, column, first, second)


def _choose(systems: pd.DataFrame, direct: dict[str, str]) -> tuple[Series, Series]:
    """The two systems; the second follows the first for as long as it is its direct baseline."""
    labels = systems["label"].tolist()
    left, right = st.columns(2)
    with left:
        one = common.pick("First", labels, "a", next(iter(direct), labels[0]))
    others = [x for x in labels if x != one]
    usual = direct.get(one, others[0])
    state = "pick-b"
    if st.session_state.get(state) == st.session_state.get("compare-direct") and one in direct and state in st.session_state:
        st.session_state[state] = usual
    st.session_state["compare-direct"] = usual
    with right:
        two = common.pick("Against", others, "b", usual)
    return flips.system(systems, one), flips.system(systems, two)


def _baselines(systems: pd.DataFrame) -> dict[str, str]:
    """{a system with an intermediate task: its direct baseline}, by label."""
    fixed = list(deltas.CONDITIONS)
    is_direct = systems["intermediate"] == pairing.DIRECT
    found = systems[~is_direct].merge(systems.loc[is_direct, [*fixed, "label"]], on=fixed, suffixes=("", "_direct"))
    return dict(zip(found["label"], found["label_direct"], strict=True))


def _against(first: Series, second: Series) -> dict[str, str]:
    """What xbench.compare calls the second system: the fields in which it may differ, with its values."""
    differing = [f for f in pairing.SYSTEM if first[f] != second[f]]
    if second["intermediate"] == pairing.DIRECT and not set(differing) & set(deltas.CONDITIONS):
        return dict(comparing.TO_DIRECT)
    fixed = pairing.fixed_fields(differing)
    return {f: str(second[f]) for f in pairing.SYSTEM if f not in fixed}


def _difference(source: common.Source, column: deltas.Column, first: Series, second: Series, by: str) -> None:
    """Sentence, counts, forest and table."""
    against = _against(first, second)
    level: comparing.By = "family" if by == "family" else "script" if by == "script" else "language"
    data = deltas.compared(source, column, {f: str(first[f]) for f in pairing.SYSTEM}, against, level)
    if data is None:
        return
    direct = against == comparing.TO_DIRECT
    if data.empty or data["delta"].isna().all():
        why = str(data["status"].iloc[0]) if not data.empty else "not testable: they share no language"
        _untested(source, column, first, second, why)
        return
    tested = data["status"] == "tested"
    if not tested.any():
        reasons = list(dict.fromkeys(data["status"]))
        said = "; ".join(reasons) if len(reasons) < 3 else "only averages are known; status says of each row what they allow to say"
        st.warning(f"Not tested example by example. {common.plain(said)}.")
    st.markdown(f"{common.plain(first.name)} against {common.plain(second.name)}: **{common.plain(_sentence(data))}**")
    _counts(data, direct=direct)
    title = f"points against {'the direct baseline' if direct else second.name}"
    shown = deltas.marked(data)
    drawn = common.picture(source, shown, deltas.forest, title)
    common.chart(drawn, f"Difference by {by} in points, with intervals: {deltas.in_words(shown)}")
    names = ("after", "direct") if direct else ("first", "second")
    table = deltas.numbers(data, by, *names)
    if not tested.all():
        table["status"] = data["status"]
    deltas.show(table.assign(**{by: shown["language"]}))
    st.caption(deltas.LEGEND + ("" if tested.all() else " Rows that say so in status are differences of averages, not tested on examples."))
    said = f"{first.name} against {second.name} on {column.label}. Points, 95 % intervals."
    common.download(table, "compare", said, drawn)


def _sentence(data: pd.DataFrame) -> str:
    """What it comes to, in one sentence."""
    decided = (data["status"] == "tested") | data["verdict"].isin(["higher", "lower", "unresolved"])
    if decided.any():
        return comparing.sentence([{str(k): v for k, v in row.items()} for row in data.to_dict("records")])
    single = data[(data["level"] != "mean") & data["delta"].notna()]
    up, down = int((single["delta"] > 0).sum()), int((single["delta"] < 0).sum())
    if set(single["language"]) == {deltas.PRINTED}:
        return f"by the mean that the source printed, untested: the first is {'higher' if up else 'lower' if down else 'the same'}"
    return f"by the averages alone, untested: the first is higher in {up} and lower in {down} of {len(single)} languages"


def _counts(data: pd.DataFrame, *, direct: bool) -> None:
    """How many languages or groups there are of each verdict, the training language aside."""
    single = data[(data["level"] != "mean") & ~common.labelled(data)]
    said = {"helps": "helped", "hurts": "hurt"} if direct else {"higher": "higher", "lower": "lower"}
    if not direct or set(single["verdict"]) & {"higher", "lower"}:  # averages alone say which is higher, also of a baseline
        said = {"higher": "higher", "lower": "lower"}
    said |= {"unresolved": "unresolved", "not testable": "not testable"}
    for place, (verdict, label) in zip(st.columns(4), said.items(), strict=True):
        place.metric(label, int((single["verdict"] == verdict).sum()))


def _untested(source: common.Source, column: deltas.Column, first: Series, second: Series, why: str) -> None:
    """Why there is no test, and the plain difference of what averages there are."""
    st.warning(f"These two cannot be paired. {common.plain(why)}")
    found = common.rows(
        source,
        "SELECT a.language, 100 * b.value AS second, 100 * a.value AS first, 100 * (a.value - b.value) AS difference, a.seeds, "
        "b.seeds AS second_seeds FROM cell AS a JOIN cell AS b USING (column_id, language) WHERE a.column_id = ? AND a.system_id = ? "
        "AND b.system_id = ? ORDER BY a.language",
        [column.column_id, int(first["system_id"]), int(second["system_id"])],
    )
    if found.empty:
        st.info("They have no language in common, so there is no difference to show.")
        return
    table = found.rename(
        columns={"second": "second %", "first": "first %", "difference": "difference, untested", "second_seeds": "seeds of the second"}
    )
    common.table(table, percent=("second %", "first %", "difference, untested"))
    st.caption("untested: plain differences of averages. They say nothing about whether the systems, or the recipes, really differ.")
    common.download(table, "compare-untested", f"{first.name} less {second.name} on {column.label}: averages, untested.")
