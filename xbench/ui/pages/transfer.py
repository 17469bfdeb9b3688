"""What each intermediate task changed: by target, and by language of one target, against the direct baseline of the same seeds."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from xbench import comparing, contrasts, pairing
from xbench.hashes import developed_on
from xbench.languages import MANY, UNSAID, called, zero_shot
from xbench.tables import signed
from xbench.ui import common, maps
from xbench.ui.common import Source
from xbench.ui.deltas import PRINTED
from xbench.wording import p_value

TITLE, ORDER, SECTION = "Transfer map", 10, "Transfer"
# What a family of systems agrees in: all but the intermediate task.
BASE = tuple(f for f in pairing.SYSTEM if not f.startswith("intermediate"))
_KEY = (*pairing.COLUMN, "task", "intermediate_revision", "target_revision")  # of a delta over languages, beside BASE
_SUFFIXES = {comparing.MEAN: "", contrasts.NOT_ZERO_SHOT: contrasts.SELECTED}  # of a target, by what its numbers are
Columns = dict[str, dict[str, str]]  # {label: the fields of one column of numbers}
Verdicts = dict[tuple[str, str, str], dict[str, Any]]  # {(intermediate, its revision, language or mean): a row of xbench.compare}
Means = dict[tuple[str, ...], dict[str, Any]]  # {the values of _KEY: a row of the view transfer_mean}
_SAID = (
    "Points against the direct baseline of the same seeds; blue is better, orange worse. ▲ ▼ significant after correction (Holm); grey: "
    "tested and unresolved, which is not the same as no effect; pale and italic: not testable, for want of examples that every run has; "
    "∅: no direct baseline under the same conditions, or several of one seed; *: over some of the languages that are in any run."
)


def page(source: Source) -> None:
    """Draw the page."""
    common.header(source, TITLE, "Which intermediate task helps or hurts which target, and in which languages.")
    bases = _bases(source)
    if bases.empty:
        st.warning(
            "No run with an intermediate task has a direct baseline in this store, so there is no transfer to show. `xbench run` makes "
            "both, `xbench ingest external-results` brings results made elsewhere."
        )
        return
    labels = common.system_labels(bases.assign(intermediate="none")).tolist()
    row = bases.iloc[labels.index(common.pick("System", labels, "system"))]
    base = {f: str(row[f]) for f in BASE}
    deltas = _deltas(source, base)
    tested = _tested(source, base)
    columns: Columns = source.snapshot.kept(("columns of", *base.values()), lambda: _columns(deltas))
    if not columns:
        st.warning("The runs of this system have no test scores.")
        return
    main = _that_count(source, columns)
    _by_target(source, base, deltas, tested, main)
    _by_language(source, base, deltas, tested, columns, main)


def _bases(source: Source) -> pd.DataFrame:
    """Families of systems that hold a direct baseline and something to compare with it; the largest first."""
    fields = ", ".join(BASE)
    return common.rows(
        source,
        f"SELECT {fields}, any_value(recipe_label) AS recipe_label, count(*) AS systems FROM system GROUP BY {fields} "
        f"HAVING bool_or(intermediate = 'none') AND bool_or(intermediate <> 'none') ORDER BY systems DESC, {fields}",
    )


def _deltas(source: Source, base: dict[str, str]) -> pd.DataFrame:
    """Mean deltas over seeds, a row an intermediate task, column and language; `counts`: whether the language does in means."""
    fixed = " AND ".join(f"{f} = ?" for f in BASE)
    found = common.rows(
        source,
        "SELECT *, target NOT IN (SELECT target FROM task_language) OR (target, language) IN (SELECT target, language FROM task_language) "
        f"AS counts FROM transfer_summary WHERE split = 'test' AND {fixed} ORDER BY target, intermediate, language",
        list(base.values()),
    )
    # One system to xbench.compare, which pairs no runs whose steps were selected on different development data.
    alike = [found[f] for f in (*pairing.COLUMN, "intermediate", "intermediate_revision")]
    apart = found["target_revision"].groupby(alike).transform("nunique") > 1
    developed = found["target_revision"].map(partial(developed_on, base["kind"]))
    label = common.intermediates(found)
    label = label.where(~apart | (developed == ""), label + " · dev " + developed.map(common.brief))
    return found.assign(points=100 * found["delta"].astype(float), task=found["intermediate"], intermediate=label, apart=apart)


def _means(source: Source, base: dict[str, str]) -> Means:
    """The same over the languages without labels in training, as `xbench delta` prints them."""
    fixed = " AND ".join(f"{f} = ?" for f in BASE)
    found = common.rows(source, f"SELECT * FROM transfer_mean WHERE split = 'test' AND {fixed}", list(base.values()))
    found = found.rename(columns={"intermediate": "task"})
    return {tuple(r[f] for f in _KEY): {str(k): v for k, v in r.items()} for r in found.to_dict("records")}


def _tested(source: Source, base: dict[str, str]) -> pd.DataFrame | None:
    """Verdicts of the same; None while they are computed."""
    where: dict[str, Any] = dict(base)
    key = ("deltas", *base.values())
    rows: list[dict[str, Any]] | None = common.wait(source, "Which deltas are significant", key, partial(comparing.compare, **where))
    if rows is None:
        return None
    found: pd.DataFrame = source.snapshot.kept(key, lambda: pd.DataFrame(rows))
    return found


def _columns(deltas: pd.DataFrame) -> Columns:
    """All columns of numbers that these rows are of."""
    found = deltas[list(pairing.COLUMN)].drop_duplicates().reset_index(drop=True)
    if found.empty:
        return {}
    found["label"] = common.column_labels(found)
    return {str(r["label"]): {c: str(r[c]) for c in pairing.COLUMN} for r in found.to_dict("records")}


def _that_count(source: Source, columns: Columns) -> Columns:
    """Those whose numbers count for their target, which are tested without being asked for; of a target without any, all."""
    found = common.columns(source)
    counting = {tuple(map(str, row)) for row in found.loc[found["counts"], list(pairing.COLUMN)].itertuples(index=False)}
    main = {label: column for label, column in columns.items() if tuple(column.values()) in counting}
    counted = {column["target"] for column in main.values()}
    return {label: column for label, column in columns.items() if label in main or column["target"] not in counted}


def _of(data: pd.DataFrame, column: dict[str, str]) -> pd.DataFrame:
    for field, value in column.items():
        if data.empty:
            return data
        data = data[data[field] == value]
    return data


def _by_target(source: Source, base: dict[str, str], deltas: pd.DataFrame, tested: pd.DataFrame | None, columns: Columns) -> None:
    """Intermediate task by target: the mean over the languages without labels in training, or as it was printed."""
    data = source.snapshot.kept(
        ("by target", *base.values(), tested is None), lambda: _target_cells(deltas, _means(source, base), tested, columns)
    )
    st.subheader("By target")
    unsaid = base["train_language"] in UNSAID
    if data.empty or unsaid:
        st.info(f"There is no zero-shot mean: {contrasts.UNKNOWN if unsaid else 'only languages with labels in training were tested'}.")
    if data.empty:
        return
    order = list(dict.fromkeys(data["target"]))
    title = "zero-shot mean, if it says no other" if (data["mean"] != comparing.MEAN).any() else "mean over the zero-shot languages"
    drawn = source.snapshot.kept(
        ("map by target", *base.values(), tested is None),
        lambda: maps.heat(
            data, "target", f"target, {title}", order, _order(data), ["intermediate", "target", "mean", *_TOOLTIP, "languages"]
        ),
    )
    said = "; ".join(
        f"{t} after {i}: {label or 'no baseline'}" for t, i, label in zip(data["target"], data["intermediate"], data["label"], strict=True)
    )
    common.chart(drawn, f"Heat map of mean transfer deltas in points. {said}", key="map-target")
    st.caption(_SAID)
    common.download(
        data.drop(columns="label"), "transfer-by-target", f"Mean deltas in points. xbench snapshot {source.snapshot.id}.", drawn
    )


def _target_cells(deltas: pd.DataFrame, means: Means, tested: pd.DataFrame | None, columns: Columns) -> pd.DataFrame:
    """A row an intermediate task and mean; `target` says of one that is no zero-shot mean what it is."""
    held = zip(deltas["counts"], deltas["language"], deltas["train_language"], strict=True)
    unseen = deltas[[counts and zero_shot(code, train) for counts, code, train in held]]
    rows: list[dict[str, Any]] = []
    for name, column in columns.items():
        own, verdicts = _of(unseen, column), _verdicts(tested, column)
        printed = _of(deltas[deltas["language"] == MANY], column)
        alone = sum(c["target"] == column["target"] for c in columns.values()) == 1
        for intermediate in sorted({*own["intermediate"], *printed["intermediate"]}):
            part = own[own["intermediate"] == intermediate]
            names = [comparing.MEAN, contrasts.NOT_ZERO_SHOT]
            if part.empty:
                part = _widest(printed[printed["intermediate"] == intermediate])
                names = [called(MANY, str(part["language_set"].iloc[0]), several=True), MANY]
            row = _verdict(verdicts, part.iloc[0], names)
            found = _mean(part, means.get(tuple(part[list(_KEY)].iloc[0])), row)
            status = part["status"].min() if found["points"] is None else "paired"
            cell = _cell(intermediate, found["points"], status, row, pending=tested is None)
            partial = found["languages"] < found["any"]
            said = _SUFFIXES.get(found["mean"], ", as printed")
            rows.append({
                **cell, "target": (column["target"] if alone else name) + said, "mean": found["mean"], "seeds": found["seeds"],
                "label": cell["label"] + "*" * partial,
                "languages": f"{found['languages']} of {found['any']}" if partial else str(found["languages"] or ""),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _mean(part: pd.DataFrame, mean: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    """A mean over languages: as printed, or as it was tested, over those that every run has; else as the view has it.

    Args:
        part: The languages without labels in training, or the one printed mean.
        mean: The row of the view.
        row: That of the test.

    Returns:
        points, of what (mean), seeds, and over how many languages, of those that are in any run.
    """
    first = part.iloc[0]
    if first["language"] == MANY:
        over, paired = str(first["language_set"]), first["status"] == "paired"
        size = 0 if over == "unknown" else len(over.split())
        what = called(PRINTED, over, several=True)
        return {"points": first["points"] if paired else None, "mean": what, "seeds": int(first["seeds"]), "languages": size, "any": size}
    if row.get("status") == "tested":
        sizes = {"languages": int(row["languages"]), "any": int(row["languages_in_any"])}
        return {"points": 100 * row["delta"], "mean": row["language"], "seeds": int(row["seeds"]), **sizes}
    if mean is None:
        selected = (part["selection"] == "target-languages").any()
        what = contrasts.NOT_ZERO_SHOT if selected else comparing.MEAN
        return {"points": None, "mean": what, "seeds": None, "languages": 0, "any": 0}
    sizes = {"languages": int(mean["languages"]), "any": part["language"].nunique()}
    return {"points": 100 * mean["delta"], "mean": mean["mean"], "seeds": int(mean["seeds"]), **sizes}


def _widest(printed: pd.DataFrame) -> pd.DataFrame:
    """Of means as printed, the one over most languages; of which it is not known is less than any."""
    sizes = printed["language_set"].map(lambda over: 0 if over == "unknown" else len(over.split()))
    return printed.assign(size=sizes).sort_values(["size", "language_set"], ascending=[False, True]).head(1)


_TOOLTIP = ["points", "interval", "p", "verdict", "status", "seeds"]


def _cell(intermediate: str, points: float | None, status: str, row: dict[str, Any], *, pending: bool) -> dict[str, Any]:
    verdict = row.get("verdict")
    p = row.get("p_adjusted") if row.get("p_adjusted") is not None else row.get("p")
    known = row.get("low") is not None and pd.notna(row.get("low"))
    return {
        "intermediate": intermediate,
        "points": None if points is None else float(points),
        "interval": f"{signed(row['low'])} to {signed(row['high'])}" if known else "",
        "p": "" if p is None or pd.isna(p) else p_value(p),
        "verdict": str(verdict or ("being tested" if pending else "not testable")),
        "status": str(row.get("status", "")).removeprefix("not testable: ") if status == "paired" else status,
        "seeds": int(row["seeds"]) if row.get("seeds") is not None and pd.notna(row.get("seeds")) else None,
        "kind": maps.kind(status, verdict, pending=pending),
        "label": maps.label(points, verdict) if points is not None and status == "paired" else "",
    }


def _verdicts(tested: pd.DataFrame | None, column: dict[str, str]) -> Verdicts:
    if tested is None or tested.empty:
        return {}
    rows = _of(tested, column).to_dict("records")
    return {(r["intermediate"], r["intermediate_revision"], r["language"]): {str(k): v for k, v in r.items()} for r in rows}


def _verdict(verdicts: Verdicts, delta: Mapping[Any, Any], names: Sequence[str]) -> dict[str, Any]:
    """The row of the first of these names; where two systems cannot be paired at all, there is one row, which says why."""
    task, revision = delta["task"], delta["intermediate_revision"]
    for name in names:
        if (task, revision, name) in verdicts and not delta["apart"]:
            return verdicts[task, revision, name]
    whole = verdicts.get((task, revision, comparing.MEAN), {"languages": 1})
    return whole if pd.isna(whole["languages"]) else {}


def _order(data: pd.DataFrame) -> list[str]:
    """Intermediate tasks, what helps most on the average first."""
    return list(data.groupby("intermediate")["points"].mean().sort_values(ascending=False, na_position="last").index)


def _by_language(
    source: Source, base: dict[str, str], deltas: pd.DataFrame, tested: pd.DataFrame | None, columns: Columns, main: Columns
) -> None:
    """Intermediate task by language, for one target."""
    st.subheader("By language")
    name = common.pick("Target and metric", list(main | columns), "target")
    column = columns[name]
    if name not in main:
        tested = _tested(source, base | column)
    own = _of(deltas, column).reset_index(drop=True)
    several = own["language_set"].nunique() > 1  # then each is called by what it is over, as it is by xbench.compare
    over = [None if pd.isna(held) else str(held) for held in own["language_set"]]
    own = own.assign(called=[called(code, held, several=several) for code, held in zip(own["language"], over, strict=True)])
    shown = {code: f"{code} (trained)" for code in base["train_language"].split("+")}
    shown |= {name: name.replace(MANY, PRINTED, 1) for name in own.loc[own["language"] == MANY, "called"]}
    data = source.snapshot.kept(
        ("by language", *base.values(), *column.values(), tested is None),
        lambda: _language_cells(own, shown, _verdicts(tested, column), pending=tested is None),
    )
    order = sorted(set(data["language"]) - set(shown.values())) + [v for v in shown.values() if v in set(data["language"])]
    drawn = source.snapshot.kept(
        ("map by language", *base.values(), *column.values(), tested is None),
        lambda: maps.heat(data, "language", "language", order, _order(data), ["intermediate", "language", "direct", *_TOOLTIP, "examples"]),
    )
    cells = [f"{i} → {language}" for i, language in zip(data["intermediate"], data["language"], strict=True)]
    said = "; ".join(f"{cell}: {label or 'no baseline'}" for cell, label in zip(cells, data["label"], strict=True))
    common.chart(
        drawn, f"Heat map of transfer deltas in points for {name}. {said}", key="map-language", on_select=_clicked, selection_mode="cell"
    )
    st.caption("Click a cell, or choose it below, to see its seeds, interval and examples.")
    common.download(data.drop(columns="label"), "transfer-by-language", f"{name}. xbench snapshot {source.snapshot.id}.", drawn)
    cell = common.pick("Cell", ["", *cells], "cell", say=lambda c: c or "none chosen")
    if cell:
        at = cells.index(cell)
        _detail(source, base, column, own.iloc[at], {str(k): v for k, v in data.iloc[at].items()})


def _language_cells(own: pd.DataFrame, shown: dict[str, str], verdicts: Verdicts, *, pending: bool) -> pd.DataFrame:
    return pd.DataFrame([
        {
            # Of one printed mean alone the verdict is that of `mul`, whatever other pairs have.
            **_cell(r["intermediate"], r["points"], r["status"], _verdict(verdicts, r, [r["called"], r["language"]]), pending=pending),
            "language": shown.get(r["called"], r["called"]),
            "direct": 100 * r["direct_value"] if pd.notna(r["direct_value"]) else None,
            "seeds": int(r["seeds"]),
            "examples": None if pd.isna(r["n"]) else int(r["n"]),
        }
        for r in ({str(k): v for k, v in row.items()} for row in own.to_dict("records"))
    ])  # fmt: skip


def _clicked() -> None:
    """A click into the map chooses the cell; before the page is drawn again."""
    chosen = st.session_state["map-language"].selection.get("cell") or []
    if chosen:
        st.session_state["pick-cell"] = f"{chosen[0]['intermediate']} → {chosen[0]['language']}"


def _detail(source: Source, base: dict[str, str], column: dict[str, str], delta: "pd.Series[Any]", cell: dict[str, Any]) -> None:
    """Seeds, interval, p of one cell, and the way to its examples and runs."""
    st.markdown(f"**{common.plain(column['target'])} after {common.plain(cell['intermediate'])}, {common.plain(cell['language'])}**")
    said = cell["verdict"] if cell["status"] in ("", "tested") else f"{cell['verdict']}: {cell['status']}"
    if cell["interval"]:
        said = f"{signed(cell['points'] / 100)} points, 95 % interval {cell['interval']}, adjusted p {cell['p'] or 'unknown'}: {said}"
    st.text(said)
    task = str(delta["task"])
    where = {**base, **column, "intermediate": task, **{f: str(delta[f]) for f in ("intermediate_revision", "target_revision", "language")}}
    printed = None if pd.isna(delta["language_set"]) else str(delta["language_set"])
    where |= {"language_set": printed} if printed else {}
    fixed = " AND ".join(f"{f} = ?" for f in where)
    common.table(
        common.rows(
            source,
            f'SELECT seed, 100 * direct_value AS "direct %", 100 * value AS "after %", 100 * delta AS "delta", n AS examples, status, '
            f"run_id, direct_run_id FROM transfer_delta WHERE split = 'test' AND {fixed} ORDER BY seed",
            list(where.values()),
        ),
        percent=["direct %", "after %", "delta"],
    )
    left, right = st.columns(2)
    with left:
        common.link(
            "The examples that flipped",
            "compare",
            **common.compare_query(source, base, column, (task, str(delta["intermediate_revision"])), str(delta["language"]), printed),
        )
    with right:
        common.link(
            "Runs and recipes", "provenance", target=column["target"], model=base["model"], intermediate=task,
            language=str(delta["language"]),
        )  # fmt: skip
