"""The examples on which two systems disagree: what both answered, and what is right."""

import html
from functools import lru_cache
from typing import Any, TypeAlias

import pandas as pd
import streamlit as st

from xbench import pairing
from xbench.errors import XbenchError
from xbench.task import Choice, Classified, Example, Question, Tagged, Translation, load_task
from xbench.ui import common, deltas

Series: TypeAlias = "pd.Series[Any]"  # a row of table `system`, named by its label
MOST = 200
_KINDS = {"all": "one <> two", "the first is better": "one > two", "the second is better": "one < two"}
_ONCE = {f"only the {side} is right": f"the {side} is better" for side in ("first", "second")}  # in older addresses
# The share that an example has of its own points, in both runs; one without any to win (no spans) is right when nothing was predicted.
# Of what is mined, a sentence that a run did not name, as there is nothing to find, is right too.
_SHARES = (
    "SELECT example_id, coalesce(max(share) FILTER (run_id = ?), unnamed) AS one, coalesce(max(share) FILTER (run_id = ?), unnamed) AS two "
    "FROM (SELECT run_id, example_id, CASE WHEN denominator = 0 THEN 1 ELSE numerator / denominator END AS share, "
    "(SELECT max(1) FROM task_language AS t WHERE t.target = o.target AND t.family = 'mining') AS unnamed FROM {outcome} AS o "
    "WHERE target = ? AND language = ? AND split = 'test' AND metric = ? AND scorer = ?) "
    "GROUP BY example_id, unnamed HAVING one IS NOT NULL AND two IS NOT NULL"
)
_ANSWERS = (
    "SELECT example_id, any_value(reference) AS reference, any_value(prediction) FILTER (run_id = ?) AS first, "
    "any_value(prediction) FILTER (run_id = ?) AS second FROM {prediction} WHERE target = ? AND language = ? AND split = 'test' "
    "GROUP BY example_id"
)


def system(systems: pd.DataFrame, label: str) -> Series:
    """The system of that label, which is the name of the row."""
    row = systems[systems["label"] == label].iloc[0]
    row.name = label
    return row


def draw(source: common.Source, column: deltas.Column, first: Series, second: Series) -> None:
    """Draw the section."""
    st.subheader("Where they disagree")
    key = ("common runs", column, int(first["system_id"]), int(second["system_id"]))
    both: pd.DataFrame = source.snapshot.kept(key, lambda: _both(source, column, first, second))
    if both.empty:
        st.info("This needs the answers of both to every example, in a language and seed that both have. Runs made by xbench keep them.")
        return
    left, middle, right = st.columns(3)
    with left:
        language = common.pick("Language", sorted(both["language"].unique()), "language")
    there = both[both["language"] == language]
    with middle:
        seed = common.pick("Seed", there["seed"].tolist(), "seed")
    runs = there[there["seed"] == seed].iloc[0]
    with right:
        if (once := st.query_params.get("flips")) in _ONCE:
            st.query_params["flips"] = _ONCE[once]
        kind = common.pick("Which", list(_KINDS), "flips")
    pair = [str(runs["run_id"]), str(runs["run_id_second"])]
    asked = [*pair, column.target, language, column.metric, column.scorer]
    _counts(source, asked)
    _examples(source, column, language, kind, asked, common.typed("Search in ids, references and answers", "search"))


def _both(source: common.Source, column: deltas.Column, first: Series, second: Series) -> pd.DataFrame:
    """language, seed and the runs of both where every example is stored; a seed that was run twice is left out: nothing says which."""
    fields = " AND ".join(f"{f} = ?" for f in pairing.SYSTEM)
    text = f"SELECT run_id FROM run WHERE target = ? AND {fields}"
    runs = [common.rows(source, text, [column.target, *(str(s[f]) for f in pairing.SYSTEM)])["run_id"].tolist() for s in (first, second)]
    found = common.rows(
        source,
        f"SELECT language, coalesce(seed::VARCHAR, '?') AS seed, run_id FROM {_of(source, 'score', [*runs[0], *runs[1]])} AS s "
        "WHERE target = ? AND metric = ? AND scorer = ? AND dataset_revision = ? AND split = 'test' AND evidence = 'outcomes' "
        "ORDER BY language, s.seed",
        [column.target, column.metric, column.scorer, column.dataset_revision],
    )
    own = [found[found["run_id"].isin(r)] for r in runs]
    one, two = (o[~o.duplicated(["language", "seed"], keep=False)] for o in own)
    return one.merge(two, on=["language", "seed"], suffixes=("", "_second"))


def _of(source: common.Source, table: str, runs: list[str]) -> str:
    """`Snapshot.of_runs`; an unreadable file is an error on the page."""
    try:
        return source.snapshot.of_runs(table, runs)
    except XbenchError as error:
        st.error(common.plain(error))
        st.stop()
        raise  # not reached


def _counts(source: common.Source, asked: list[str]) -> None:
    """How many examples there are of each kind; `asked` is two runs, target, language, metric, scorer."""
    shares = _SHARES.format(outcome=_of(source, "outcome", asked[:2]))
    found = common.rows(
        source,
        "SELECT count(*) FILTER (one > two) AS won, count(*) FILTER (one < two) AS lost, count(*) FILTER (one = two AND one = 1) AS right, "
        f"count(*) FILTER (one = two AND one < 1) AS wrong FROM ({shares})",
        asked,
    ).iloc[0]
    labels = {"won": "the first is better", "lost": "the second is better", "right": "both right", "wrong": "both wrong alike"}
    for place, (name, label) in zip(st.columns(4), labels.items(), strict=True):
        place.metric(label, int(found[name]))


def _examples(source: common.Source, column: deltas.Column, language: str, kind: str, asked: list[str], search: str) -> None:
    """The examples that flipped, as many as a page can bear."""
    values = [*asked, *asked[:4]]
    shares = _SHARES.format(outcome=_of(source, "outcome", asked[:2]))
    answers = _ANSWERS.format(prediction=_of(source, "prediction", asked[:2]))
    text = f"FROM ({shares}) AS s LEFT JOIN ({answers}) AS p USING (example_id) WHERE {_KINDS[kind]}"
    if search:
        text += " AND contains(lower(concat_ws(chr(10), example_id, reference, first, second)), lower(?))"
        values.append(search)

    def made() -> tuple[int, pd.DataFrame, str]:
        found = common.rows(
            source,
            f"SELECT example_id, reference, first, second, one > two AS won, count(*) OVER () AS total {text} "
            f"ORDER BY example_id LIMIT {MOST}",
            values,
        )
        total = int(found["total"].iloc[0]) if len(found) else 0
        known = found["example_id"].map(_inputs(column.target, column.dataset_revision, language))
        if known.notna().any():
            found.insert(1, "text", known)
        found = found.drop(columns="total")
        return total, found, as_html(found)

    total, found, drawn = source.snapshot.kept(("disagreements", kind, *values), made)
    if not total:
        st.info("No example is like that." if search or kind != "all" else "They are right and wrong on the same examples here.")
        return
    st.caption(f"{total:,} examples" + (f"; the first {MOST} are shown: search to see others" if total > MOST else ""))
    st.html(drawn)
    common.download(found, "disagreements", f"{column.label}, {language}: examples on which the systems disagree")


def as_html(found: pd.DataFrame) -> str:
    """The examples as a table in which every cell has the direction of its own text, so that Arabic is read from the right.

    Of answers that are as many labels as the reference, those that differ from it are underlined.
    """
    names = {"example_id": "id", "won": "better"}
    columns = [c for c in ("example_id", "text", "reference", "first", "second", "won") if c in found]
    cell = "border:1px solid rgba(128,128,128,.35);padding:.3rem .5rem;text-align:start;vertical-align:top;overflow-wrap:anywhere"
    head = "".join(f'<th style="{cell}">{html.escape(names.get(c, c))}</th>' for c in columns)
    short = f"{cell};white-space:nowrap"
    lines = []
    for row in found.to_dict("records"):
        said = {c: _escaped(row[c]) for c in columns if c != "won"}
        said |= {c: _marked(row[c], row["reference"]) for c in ("first", "second")}
        said["won"] = "first" if row["won"] else "second"
        styles = {c: short if c in ("example_id", "won") else cell for c in columns}
        lines.append("<tr>" + "".join(f'<td dir="auto" style="{styles[c]}">{said[c]}</td>' for c in columns) + "</tr>")
    body = f"<table style='border-collapse:collapse;width:100%;font-size:.9rem'><thead><tr>{head}</tr></thead>"
    style = "max-height:36rem;overflow:auto"
    opened = f"<div style='{style}' tabindex='0' role='region' aria-label='examples'>"
    return f"{opened}{body}<tbody>{''.join(lines)}</tbody></table></div>"


def _escaped(value: object) -> str:
    return "<i>no answer</i>" if not isinstance(value, str) else html.escape(value) or "<i>empty</i>"


def _marked(answer: object, reference: object) -> str:
    """An answer with its labels that are not those of the reference underlined, where they can be told one by one."""
    if not isinstance(answer, str) or not isinstance(reference, str):
        return _escaped(answer)
    words, right = answer.split(" "), reference.split(" ")
    if len(words) != len(right) or len(words) < 2:
        return _escaped(answer)
    return " ".join(html.escape(w) if w == r else f"<u><b>{html.escape(w)}</b></u>" for w, r in zip(words, right, strict=True))


@lru_cache(maxsize=64)
def _inputs(target: str, revision: str, language: str) -> dict[str, str]:
    """{example id: its text}, for tasks whose data ships with xbench at the revision that was tested; else nothing is known of it."""
    try:
        task = load_task(target)
        if task.check is not None or task.revision() != revision:  # other data is large, or may have to be fetched
            return {}
        return {e.example_id: _text(e) for e in task.examples(language, "test")}
    except (XbenchError, OSError):
        return {}


def _text(example: Example) -> str:
    """What a system is shown of an example."""
    if isinstance(example, Tagged):
        return " ".join(example.tokens)
    if isinstance(example, Classified):
        return "\n".join(filter(None, (example.text, example.pair)))
    if isinstance(example, Choice):
        return "\n".join((example.text, *example.choices))
    if isinstance(example, Question):
        return f"{example.question}\n{example.context}"
    if isinstance(example, Translation):
        return example.english
    return example.text
