"""Any number to its run: all claims of a cell, and for a run its recipe, versions, source, file, and the score from its examples again."""

import json
from typing import Any

import pandas as pd
import streamlit as st

from xbench.languages import MANY
from xbench.ui import common

TITLE, ORDER, SECTION = "Provenance", 70, "Evidence"
_MOST = 500  # rows


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(
        source, TITLE, "Where a number comes from: its run, recipe, source and file, and everything else that is said of its cell."
    )
    where: dict[str, str] = {}
    places = [*st.columns(2), *st.columns(2)]
    for place, field in zip(places, ("target", "model", "intermediate", "language"), strict=True):
        with place:
            value = _step(source, field, where)
        if value is None:
            st.warning("The store has no score yet. `xbench run` makes some, `xbench ingest external-results` brings them.")
            return
        where[field] = value
    fixed = " AND ".join(f"{f} = ?" for f in where)
    over = 'language_set AS "mean over", ' if where["language"] == MANY else ""
    claims = common.rows(
        source,
        f'SELECT seed, {over}metric, 100 * value AS "score %", n AS examples, split, source, source_version, version, current, '
        f"retracted, relationship, kind, recipe_label AS recipe, scorer, dataset_revision, model_revision, stack, train_language, run_id, "
        f"carried_from, source_sha256 "
        f"FROM history WHERE {fixed} ORDER BY split DESC, metric, language_set DESC, source, seed, version DESC LIMIT {_MOST}",
        list(where.values()),
    )
    st.subheader("All that is said of this cell")
    common.table(claims, percent=["score %"])
    st.caption(
        "version counts the numbers that one source gave for the same; only the current one takes part in views, the others are kept, as "
        "is what was retracted."
    )
    common.download(claims, "history", f"All claims. xbench snapshot {source.snapshot.id}.")
    runs = list(dict.fromkeys(claims["run_id"]))
    said = {
        str(r["run_id"]): f"{r['run_id']} · seed {'unknown' if pd.isna(r['seed']) else int(r['seed'])} · {r['source']}"
        for r in claims.to_dict("records")
    }
    run = common.pick("Run", runs, "run", say=lambda r: said[r])
    _run(source, run)
    origins = claims.loc[claims["run_id"] == run, "carried_from"].dropna().unique()
    if len(origins):
        st.caption(f"Its file does not hold all that is said above: from run {', '.join(origins)} it has what it does not repeat.")
    _again(source, run, where["language"])


def _step(source: common.Source, field: str, where: dict[str, str]) -> str | None:
    """The next choice, among the values that go with those made."""
    column = {"target": "c.target", "language": "cell.language"}.get(field, f"s.{field}")
    conditions = [f"{ {'target': 'c.target'}.get(f, f's.{f}') } = ?" for f in where]
    # What is retracted is in no table but the stored ones.
    text = (
        f"SELECT DISTINCT {column} AS value FROM cell JOIN col AS c USING (column_id) JOIN system AS s USING (system_id) "
        f"WHERE {' AND '.join(conditions) or 'true'} "
        f"UNION SELECT {field} FROM stored_score SEMI JOIN retracted USING (run_id) "
        f"WHERE {' AND '.join(f'{f} = ?' for f in where) or 'true'} ORDER BY value"
    )
    found: list[str] = common.rows(source, text, 2 * list(where.values()))["value"].tolist()
    if not found:
        return None
    return common.pick_of_many(field.capitalize(), found, field, default="none" if field == "intermediate" else None)


def _run(source: common.Source, run: str) -> None:
    """All that is stored of a run."""
    st.subheader("The run")
    retracted = common.rows(source, "SELECT strftime(made, '%Y-%m-%d') AS since, because FROM retracted WHERE run_id = ?", [run])
    for since, because in retracted.itertuples(index=False):
        st.error(common.plain(f"Retracted since {since}, and in no view but this page: {because}"))
    (row,) = common.rows(
        source, "SELECT * REPLACE (started::VARCHAR AS started, finished::VARCHAR AS finished) FROM every_run WHERE run_id = ?", [run]
    ).to_dict("records")
    texts = {"recipe", "study", "packages"}
    plain = pd.DataFrame(
        [(str(k).replace("_", " "), str(v)) for k, v in row.items() if k not in texts and not _empty(v)], columns=["field", "value"]
    )
    common.table(plain, wide=["value"])
    for name in ("recipe", "packages", "study"):
        if not _empty(row[name]) and row[name] != "{}":
            with st.expander({"recipe": "Recipe", "packages": "Versions of packages", "study": "Study file"}[name]):
                st.code(json.dumps(json.loads(row[name]), indent=2, ensure_ascii=False), language="json")


def _empty(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value))


def _again(source: common.Source, run: str, language: str) -> None:
    """The scores of the run in this language, computed again from its examples."""
    st.subheader("The score from its examples")
    found = common.rows(
        source,
        "WITH again AS (SELECT split, metric, scorer, fsum(numerator) / fsum(denominator) AS value, count(*) AS examples "
        "FROM every_outcome WHERE run_id = ? AND language = ? GROUP BY ALL) "
        'SELECT s.split, s.metric, s.scorer, 100 * s.value AS "stored %", 100 * a.value AS "from examples %", a.examples, '
        "CASE WHEN a.value IS NULL THEN 'average only' WHEN abs(a.value - s.value) < 1e-12 THEN 'same' ELSE 'differs' END AS verdict "
        "FROM every_score AS s LEFT JOIN again AS a USING (split, metric, scorer) WHERE s.run_id = ? AND s.language = ? ORDER BY ALL",
        [run, language, run, language],
    )
    if (found["verdict"] == "average only").all():
        st.caption("No example of this run is stored: the number is as its source gives it.")
        return
    common.table(found, percent=("stored %", "from examples %"))
    if (found["verdict"] == "differs").any():
        st.error("A stored score is not what its examples give. `xbench audit` says more.")
    _examples(source, run, language)


def _examples(source: common.Source, run: str, language: str) -> None:
    """What the run predicted in this language."""
    found = common.rows(
        source,
        "SELECT split, example_id AS example, reference, prediction FROM every_prediction WHERE run_id = ? AND language = ? "
        f"ORDER BY split DESC, try_cast(example_id AS BIGINT), example_id LIMIT {_MOST}",
        [run, language],
    )
    if found.empty:
        st.caption("Of each example it is stored what it adds to the score, and not what was predicted.")
        return
    with st.expander(f"Predictions: the first {len(found)}" if len(found) == _MOST else "Predictions"):
        common.table(found, wide=["reference", "prediction"])
        st.caption(f"All, and what each adds to the score: `xbench predictions {run[:12]} --language {language}`")
