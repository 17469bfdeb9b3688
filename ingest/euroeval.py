"""EuroEval: its boards, LANGUAGE_nlu.csv and LANGUAGE_all.csv, and the JSON lines that it and ScandEval write.

Encoders are fine-tuned in the language they are tested in, other models are prompted. The spread is 1.96 standard errors over ten fits
(its methodology page). Boards have two metrics with their spreads in a cell; those over several languages hold ranks, not scores, and are
refused. Of a task whose metrics are not known here, --set metric='first / second' says them. Since 17 its JSON lines are Every Eval Ever
records, which `eee` reads.
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbench.adapter import Note, Options, Row, mapping, number, read_lines, read_text
from xbench.errors import DataError
from xbench.languages import MANY, named, shared

SUFFIXES = (".csv", ".jsonl")
EXAMPLE = "leaderboards/danish_nlu.csv, scandeval_benchmark_results.jsonl"
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
_CALLED = {"em": "exact_match"}
# How a line of ScandEval, or of EuroEval before 17, begins (BenchmarkResult in data_models.py).
_LINE = re.compile(rb'\s*\{\s*"dataset"\s*:(?=.*"model"\s*:)(?=.*"results"\s*:)', re.DOTALL)
_ENCODER = "🔍"  # in column Type (src/frontend/md/leaderboards-README.md); a prompted model has another sign


def recognises(path: Path, head: bytes) -> bool:
    return _LINE.match(head) is not None if path.suffix == ".jsonl" else b"Task Type</span>" in head


def read(path: Path, options: Options) -> Iterator[Row | Note]:
    yield from _board(path, options) if path.suffix == ".csv" else _records(path)


def _records(path: Path) -> Iterator[Row | Note]:
    """The scores of JSON lines: the totals, in percent. Those of the speed benchmark are no shares."""
    speeds = 0
    for line, content in read_lines(path):
        record = mapping(content, f"{path}:{line}")
        if "schema_version" in record:
            raise DataError(f"{path}:{line}: a record of Every Eval Ever, which --format eee reads")
        if record["dataset"] == "speed":
            speeds += 1
            continue
        model, remarks = of_model(str(record["model"]))
        generative = record.get("generative", bool({"few-shot", "zero-shot"} & {*remarks}))  # in the name alone, before ScandEval 12
        said = {"few_shot": "zero-shot" not in remarks if remarks else None, "validation_split": "val" in remarks, **record}
        codes = of_languages(record.get("dataset_languages") or record["languages"])
        version = str(record.get("euroeval_version") or record.get("scandeval_version") or "unknown")
        results = mapping(record["results"], f"{path}:{line}: results")
        raw = results.get("raw") or []
        fits = len(raw.get("test") or [] if isinstance(raw, dict) else raw) or "several"
        row = {
            **model,
            **codes,
            **of_training(generative, codes),
            **of_conditions(said, generative),
            "parameters": of_size(record),
            "target": f"euroeval/{str(record['dataset']).replace('-', '_')}",
            "unit": "percent",
            "source_version": version,
            "stack": f"EuroEval {version}" if version != "unknown" else None,
        }
        for name, value in mapping(results["total"], f"{path}:{line}: results.total").items():
            metric = name.removeprefix("test_")
            if metric == name or metric.endswith("_se"):
                continue
            score = {**row, "at": f"{line}.results.total.{name}", "metric": _CALLED.get(metric, metric), "value": value}
            spread = number(results["total"].get(f"{name}_se"))
            if spread is not None and math.isfinite(spread):
                score |= {"stderr": spread / QUANTILE, "stderr_kind": f"EuroEval over {fits} fits"}
            yield score
    if speeds:
        yield Note(f"{speeds} record{'s' * (speeds > 1)} of the speed benchmark hold tokens a second, no shares: left out")


def of_model(name: str) -> tuple[Row, list[str]]:
    """`org/model@step100 (zero-shot, val)`: model and revision, and what is remarked on it; `#high` after them is part of the name."""
    match = re.fullmatch(r"(.+?)(?:@([^@#]+?)(#.+?)?)?(?: \(([^()]*)\))?", name)
    assert match is not None
    model, at, how, remarks = match.groups()
    return (
        {"model": model + (how or ""), **({"model_revision": at} if at else {})},
        [remark.strip() for remark in (remarks or "").split(",") if remark.strip()],
    )


def of_size(said: dict[str, Any]) -> int | None:
    """How many parameters a model has; -1 and 0 are not known."""
    count = number(said.get("num_model_parameters"))
    return int(count) if count is not None and count > 0 else None


def of_languages(codes: list[str]) -> Row:
    """One language; one of which the others are forms (nb, nn and no); or several, which a score is over."""
    several = list(map(str, codes))
    if len(several) == 1:
        return {"language": several[0]}
    return {"language": one} if (one := shared(several)) else {"language": MANY, "language_set": several}


def of_training(generative: bool, languages: Row) -> Row:
    """What a model was trained on: encoders are fine-tuned on the data set, whose languages `languages` are, and others are prompted."""
    if generative:
        return {"train_language": "none"}
    return {"intermediate": "none", "train_language": "+".join(languages.get("language_set") or [languages["language"]])}


def of_conditions(said: dict[str, Any], generative: bool | None) -> Row:
    """The split and the recipe, in words or as truth values: whether examples were shown to a model that can see them, and the scoring.

    Choices are scored by their letters (`mcf`) unless their texts were asked for (`cf`, in later versions use_bits_per_character).
    """
    row: Row = {"split": "dev"} if _true(said.get("validation_split")) else {}
    recipe: dict[str, Any] = {key: said[key] for key in ("scoring_method", "cf_normalization") if said.get(key) not in (None, "mcf")}
    if said.get("few_shot") is not None and generative is not False:
        recipe["few_shot"] = _true(said["few_shot"])
    if _true(said.get("use_bits_per_character")):
        recipe["use_bits_per_character"] = True
    return {**row, "recipe": recipe} if recipe else row


def _true(said: Any) -> bool:
    return str(said).lower() == "true"


def _board(path: Path, options: Options) -> Iterator[Row]:
    lines = list(csv.reader(io.StringIO(read_text(path), newline="")))
    if len(lines) < 2:
        raise DataError(f"{path}: expected two header lines")
    header = [_plain(cell) for cell in lines[1]]
    languages = {i: m.group(1) for i, cell in enumerate(lines[1]) if (m := re.search(r"/datasets/([\w-]+)#", cell))}
    if not languages:
        several = any("Task Type" in cell for cell in lines[0])
        raise DataError(f"{path}: {'holds ranks by language, not scores of data sets' if several else 'no board of EuroEval'}")
    kinds, last = {}, ""
    for index, cell in enumerate(lines[0]):
        last = _plain(cell).strip("~") or last
        kinds[index] = last
    known = {index: _metrics(kinds[index], _newest(lines[2:], header, index), options) for index in languages}
    for line, given in enumerate(lines[2:], 3):
        cells = [*given, *[""] * (len(header) - len(given))]
        model, remarks = of_model(_plain(cells[0]))
        prompted = "Type" not in header or _ENCODER not in cells[header.index("Type")]
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
                    **model,
                    "target": f"euroeval/{header[index]}",
                    "language": code,
                    **of_training(prompted, {"language": code}),
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
