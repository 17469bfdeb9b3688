"""EuroEval boards: LANGUAGE_nlu.csv and LANGUAGE_all.csv, two metrics with their spread in a cell.

Encoders are fine-tuned in the language they are tested in, other models are prompted. Boards over several languages hold ranks, not
scores, and are refused. Of a task whose metrics are not known here, --set metric='first / second' says them. EuroEval's JSON lines are
Every Eval Ever records, and read as such. The spread is 1.96 standard errors over ten fits (its methodology page).
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from xbench.adapter import Options, Row, read_text
from xbench.errors import DataError
from xbench.languages import named

SUFFIXES = (".csv",)
EXAMPLE = "leaderboards/danish_nlu.csv"
COMPANIONS = ("*_simplified.csv", "*_all.json", "*_nlu.json")
UNSAID = {"intermediate": "unknown", "source": "EuroEval", "scorer": "EuroEval"}
_METRICS = {  # by the task's name in the first header line (euroeval.com/tasks)
    "Sentiment classification": ("mcc", "macro_f1"),
    "Named entity recognition": ("micro_f1_no_misc", "micro_f1"),
    "Linguistic acceptability": ("mcc", "macro_f1"),
    "Reading comprehension": ("f1", "exact_match"),
    "Knowledge": ("mcc", "accuracy"),
    "Common sense reasoning": ("mcc", "accuracy"),
    "Simplification": ("meteor", "sari"),
}
# Of summarisation (all cells of a column are of one pair of metrics): until EuroEval 16.17.0, and from it on. Boards of before have no
# version from 16.14 on; what a column of versions in between holds is not known.
_SUMMARIES = ((0, 0), (16, 14), ("bertscore", "rouge_l")), ((16, 17), (1000, 0), ("chrf3pp", "chrf4pp"))
_CELL = re.compile(r"(-?[\d.]+) ± ([\d.]+) / (-?[\d.]+) ± ([\d.]+)@@-?[\d.]+")
_EMPTY = re.compile(r"-?@@-?[\d.]+|")
QUANTILE = 1.96
_ENCODER = "🔍"  # in column Type (src/frontend/md/leaderboards-README.md); a prompted model has another sign


def recognises(path: Path, head: bytes) -> bool:
    return b"Task Type</span>" in head


def read(path: Path, options: Options) -> Iterator[Row]:
    lines = list(csv.reader(io.StringIO(read_text(path), newline="")))
    if len(lines) < 2:
        raise DataError(f"{path}: expected two header lines")
    header = [_plain(cell) for cell in lines[1]]
    languages = {i: m.group(1) for i, cell in enumerate(lines[1]) if (m := re.search(r"/datasets/([\w-]+)#", cell))}
    if not languages:
        raise DataError(f"{path}: holds ranks by language, not scores of data sets")
    kinds, last = {}, ""
    for index, cell in enumerate(lines[0]):
        last = _plain(cell).strip("~") or last
        kinds[index] = last
    known = {index: _metrics(kinds[index], _newest(lines[2:], header, index), options) for index in languages}
    for line, given in enumerate(lines[2:], 3):
        cells = [*given, *[""] * (len(header) - len(given))]
        model, remarks = _model(_plain(cells[0]))
        tuned = "Type" in header and _ENCODER in cells[header.index("Type")]
        for index, name in languages.items():
            if _EMPTY.fullmatch(cells[index]):
                continue
            match = _CELL.fullmatch(cells[index])
            if match is None:
                raise DataError(
                    f"{path}:{line}: column {header[index]!r} is {cells[index][:40]!r}, expected 'score ± spread / score ± spread@@score'"
                )
            version = cells[header.index(f"{header[index]}_version")].split("@@")[0] if f"{header[index]}_version" in header else "unknown"
            code = named(name.replace("-", " "))
            for which, metric in enumerate(known[index]):
                yield {
                    "at": f"{line}, {header[index]}",
                    "model": model,
                    "target": f"euroeval/{header[index]}",
                    "language": code,
                    **({"intermediate": "none", "train_language": code} if tuned else {"train_language": "none"}),
                    "split": "dev" if "val" in remarks else "test",
                    "metric": metric,
                    "value": match.group(1 + 2 * which),
                    "stderr": float(match.group(2 + 2 * which)) / QUANTILE,
                    "stderr_kind": "EuroEval over ten fits",
                    "unit": "percent",
                    "recipe": ", ".join(remarks) or None,
                    "source_version": version or "unknown",
                    "stack": f"EuroEval {version}" if version else None,
                }


def _newest(lines: list[list[str]], header: list[str], index: int) -> tuple[int, int] | None:
    """The newest version of EuroEval in a column, `16.17.0.dev0` as (16, 17); None if no cell says one."""
    name = f"{header[index]}_version"
    place = header.index(name) if name in header else len(header)
    found = [re.match(r"<?(\d+)\.(\d+)", cells[place]) for cells in lines if place < len(cells) and not _EMPTY.fullmatch(cells[index])]
    return max((int(match[1]), int(match[2])) for match in found if match) if any(found) else None


def _metrics(task: str, newest: tuple[int, int] | None, options: Options) -> tuple[str | None, ...]:
    """The two metrics of a column; where they are not known, those of --set metric='a / b', or none, which is refused."""
    if task in _METRICS:
        return _METRICS[task]
    if task == "Summarization" and newest is not None:
        for first, end, metrics in _SUMMARIES:
            if first <= newest < end:
                return metrics
    said = [part.strip() for part in options.settings.get("metric", "").split("/")]
    return tuple(said) if len(said) == 2 else (None, None)


def _plain(cell: str) -> str:
    return re.sub(r"<[^>]*>", "", cell).strip()


def _model(cell: str) -> tuple[str, list[str]]:
    """`org/model (zero-shot, val)`: the name, and what is remarked on it."""
    match = re.fullmatch(r"(.+?)(?: \(([^()]*)\))?", cell)
    assert match is not None
    return match.group(1), [remark.strip() for remark in (match.group(2) or "").split(",") if remark.strip()]
