"""What the headings of a printed table mean: columns of the long shape, languages, means and tasks, in one row or in several.

Papers often have two rows: tasks over languages, languages over metrics, groups of tasks over tasks; and a row of metrics below.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from xbench import share
from xbench.adapter import COLUMNS
from xbench.errors import DataError
from xbench.languages import MANY, known, named, normal
from xbench.task import CALLED, all_tasks

_MEANS = frozenset({"avg", "avg.", "average", "mean", "all"})
_MODELS = frozenset({"", "model", "models", "system", "method", "name"})
_IGNORED = frozenset({"rank", "#", "link", "paper", "date", "url", "reference", "ref", "code", "note", "notes"})
_SHORT = frozenset({"pos", "ner"})  # tasks, though ISO 639-3 has languages of these codes
_LANGUAGE = re.compile(r"{0}(/{0})?".format(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*"))
_METRICS = {
    "em": "exact_match", "exact match": "exact_match", "acc": "accuracy", "acc.": "accuracy", "accuracy": "accuracy", "f1": "f1",
    "f1-score": "f1", "f1 score": "f1", "precision": "precision", "recall": "recall",
}  # fmt: skip
# More of them, in the words of tables that have languages down; what else stands over a column there is a system.
_MEASURE = re.compile(
    r"((macro|micro|weighted|avg|average|mean|balanced|norm|normali[sz]ed|soft|strict|partial)[-_. ]*+){0,3}"
    r"(em|exact[-_ ]?match|acc(\.|uracy)?|f[-_]?1([-_ ]?(score|measure))?|f[- ]?(score|measure)|prec(\.|ision)?|rec(\.|all)?|mcc|auc|auroc"
    r"|roc[- ]auc|kappa|(sacre|sp)?bleu|chrf(\+{1,2}|2)?|ter|comet|meteor|rouge[- ]?([12]|l(sum)?)|bert[- ]?score|map|mrr|uas|las|pearson"
    r"|(ndcg|recall|precision|hits?|acc|p|r)@\d+|spearman|wer|cer|ppl|perplexity|loss)([-_ ](macro|micro|weighted))?"
)
_NO_METRIC = re.compile(r"scores?|values?|results?")
_COUNTED = re.compile(
    r"#.*|n|nr\.?|(no|num|number)[. ].*|count|support|hours|((train(ing)?|dev|validation|test|eval(uation)?|total)[-_ ]*)?"
    r"(size|samples?|examples?|instances?|items?|sentences?|sents?\.?|tokens?|words?|questions?|documents?|docs\.?|utterances?|pairs?)"
)
_ROWS = 4  # of headings, at most, up to the first that says what the scores are of, and after it
HOLES = frozenset({"", "-", "--", "---", "–", "—", "n/a", "na", "n.a.", "none"})
Kind = Literal["column", "language", "mean", "task", "ignored", "unknown"]


class Over(str):
    """A cell over several columns; as a text it says so, as it is not known of which of them it says something."""

    text: str
    columns: int

    def __new__(cls, text: str, columns: int) -> "Over":
        """Of what it holds and how many columns it is over."""
        over = super().__new__(cls, f"over {columns} columns: {text}")
        over.text, over.columns = text, columns
        return over


@dataclass(frozen=True, slots=True)
class Heading:
    """What a column of a table holds.

    Attributes:
        text: As it stands; of several rows, from above.
        kind: What it is.
        name: Of the column, the language as it is written, or the task.
        target: The task of a language or mean, where another row of headings says it.
        metric: What its cells are, or `f1 / exact_match`; empty where it does not say.
        beside: What other rows say that is none of these.
    """

    text: str
    kind: Kind
    name: str = ""
    target: str = ""
    metric: str = ""
    beside: tuple[str, ...] = ()

    @property
    def scored(self) -> bool:
        """Whether its cells are scores."""
        return self.kind in ("language", "mean", "task")


def understood(rows: Sequence[Sequence[str]]) -> list[Heading]:
    """The headings of one or more rows, which need not be of one length."""
    spread = [_spread(row) for row in rows]
    return [_heading([row[i] for row in spread if i < len(row)], i) for i in range(max(map(len, spread), default=0))]


def height(lines: Sequence[Sequence[str]]) -> int:
    """How many of the first lines of a table are its headings; 0 where none says what the scores are of.

    Those up to the first that has languages or tasks are, and further ones as long as they say no more than that, and metrics.
    """
    count, found = 0, list[Heading]()
    while not is_header(found):
        if count == min(_ROWS, len(lines)) or any(cell.strip()[:1].isdigit() for cell in _spread(lines[count])[1:]):
            return 0
        count += 1
        found = understood(lines[:count])
    for row in lines[count : count + _ROWS]:
        if not _continues(_spread(row), found):
            break
        count += 1
        found = understood(lines[:count])
    return count


def is_header(headings: Sequence[Heading]) -> bool:
    """Whether two headings or more are languages or tasks: `id` and `no` alone are common words for other things."""
    return sum(heading.kind in ("language", "task") for heading in headings) > 1


def of_rows(labels: Iterable[str]) -> bool:
    """Whether what rows are called are languages or tasks, so that it is they who hold the headings."""
    return sum(_kind(label, 1)[0] in ("language", "task") for label in labels) > 1


def measured(text: str) -> str | None:
    """The metric that a column beside languages is of; empty if it is one that it does not name; None if it is a system, or a count."""
    said = re.sub(r"\(%\)|\[%\]|[%↑↓]|\\(up|down)arrow", "", text).strip()
    if _NO_METRIC.fullmatch(said.lower()):
        return ""
    parts = [part.strip() for part in said.lower().split("/")]
    return said if all(map(_MEASURE.fullmatch, parts)) else None


def counted(text: str) -> bool:
    """Whether a column beside languages holds no scores: how many examples there are, a rank, or a mean over the other columns."""
    kind, _ = _kind(text, 1)
    return kind in ("mean", "ignored") or _COUNTED.fullmatch(re.sub(r"\([^()]*\)", "", text).strip().lower()) is not None


def metrics_of(said: str) -> list[str]:
    """The metrics of `F1 / EM`, `accuracy`, …; none of an empty text."""
    return [_METRICS.get(part.strip().lower(), part.strip()) for part in said.split("/") if part.strip()]


def hint(heading: str) -> str:
    """What to write in the place of a heading that may be a language in another spelling."""
    text = heading.strip()
    try:
        code = text.lower() if _LANGUAGE.fullmatch(text.lower()) and known(text.lower()) else normal(named(text))
    except (LookupError, DataError):
        return ""
    return f" (if it is the language, write {code!r})"


def _spread(cells: Sequence[str]) -> list[str]:
    """A row of headings with what is over several columns at each of them."""
    out = list(cells)
    for index, cell in enumerate(cells):
        if isinstance(cell, Over):
            out[index : index + cell.columns] = [cell.text] * cell.columns
    return out


def _continues(cells: Sequence[str], above: Sequence[Heading]) -> bool:
    """Whether a row says more of the headings above it: each cell below scores is known, and others stand where nothing was said."""
    if len(cells) != len(above):
        return False
    scored = [cell for cell, heading in zip(cells, above, strict=True) if heading.scored and cell.strip().lower() not in HOLES]
    others = [(cell, heading.text) for cell, heading in zip(cells[1:], above[1:], strict=True) if not heading.scored]
    return bool(scored) and all(map(_known, scored)) and all(not cell or not text or cell == text for cell, text in others)


def _known(text: str) -> bool:
    return _is_metric(text) or _kind(text, 1)[0] in ("language", "mean", "task")


def _is_metric(text: str) -> bool:
    parts = [part.strip() for part in text.lower().split("/")]
    return all(part in _METRICS for part in parts)


def _heading(rows: Sequence[str], index: int) -> Heading:
    texts = list(dict.fromkeys(text.strip() for text in rows if text.strip()))
    shown = " ".join(texts)
    if len(texts) < 2:
        return Heading(shown, *_kind(shown, index), metric=_in_heading(shown))
    if index == 0:
        kinds = [_kind(text, index) for text in texts]
        return Heading(shown, *next((kind for kind in kinds if kind[0] != "column"), kinds[0]))
    metric, rest = "", list[tuple[str, tuple[Kind, str]]]()
    for text in texts:
        if _is_metric(text):
            metric = text.lower()
        else:
            rest.append((text, _kind(text, index)))
            metric = _in_heading(text) or metric
    by = {kind: (text, name) for text, (kind, name) in rest}
    beside = tuple(text for text, (kind, _) in rest if kind == "unknown")
    kinds_there = [kind for _, (kind, _) in rest if kind != "unknown"]
    if len(kinds_there) != len(set(kinds_there)) or {"language", "mean"} <= by.keys():  # two languages, or a language and a mean
        return Heading(shown, "unknown")
    for kind in ("language", "mean", "task", "column", "ignored"):
        if kind in by:
            target = by["task"][1] if kind != "task" and "task" in by else ""
            return Heading(shown, kind, by[kind][1], target, metric, beside)
    return Heading(shown, "unknown")


@lru_cache(maxsize=4096)
def _kind(heading: str, index: int) -> tuple[Kind, str]:
    """What a heading is, and of what."""
    text = heading.strip()
    plain = text.lower()
    if plain in COLUMNS:
        return "column", plain
    if (plain in _MODELS and index == 0) or plain in ("model", "system"):
        return "column", "model"
    if plain in _MEANS:
        return "mean", MANY
    if plain in _IGNORED:
        return "ignored", ""
    base = re.sub(r"\([^()]*\)|\b(em|f1|acc\.?)\b|/", "", plain).strip()
    if base not in _SHORT and _LANGUAGE.fullmatch(text) and known(text):
        return "language", text
    if _tasks().get(base):
        return "task", _tasks()[base]
    if index and plain in _named():
        return "language", _named()[plain]
    return ("column", "model") if index == 0 else ("unknown", "")


def _in_heading(heading: str) -> str:
    """`XQuAD (EM / F1)` says what its cells hold."""
    return " / ".join(re.findall(r"\b(em|f1|acc\.?)\b", heading.lower()))


@lru_cache(maxsize=1)
def _named() -> dict[str, str]:
    """Codes of languages by their names in lower case, of data/languages.csv."""
    lines = csv.DictReader((share.folder("data") / "languages.csv").read_text(encoding="utf-8").splitlines())
    return {line["name"].lower(): line["language"] for line in lines}


@lru_cache(maxsize=1)
def _tasks() -> dict[str, str]:
    return {**{task.name: task.name for task in all_tasks() if task.suites}, **CALLED}
