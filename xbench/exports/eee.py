"""Every Eval Ever 0.3.0: a record a run, in data/xbench/DEVELOPER/MODEL/UUID.json below the folder given.

The format has no field for language, seed, intermediate task, recipe and the like: they stand in score_details.details, keys
xbench_COLUMN, as texts (the format allows no other type there). The UUID follows from the run's id, so that exporting again writes the
same files.
"""

import json
import os
import re
import time
import uuid
from pathlib import Path
from typing import Any

from xbench.adapter import COLUMNS, RUN, SOURCE, least
from xbench.cells import KEY
from xbench.errors import DataError
from xbench.exporting import Row, Selection, write_whole

VERSION = "0.3.0"


def write(selection: Selection, output: Path | None) -> str:
    """Into the folder `output`.

    Raises:
        DataError: If there is none.
    """
    if output is None:
        raise DataError("eee is a folder of files; say where to with --output FOLDER")
    runs: dict[str, list[Row]] = {}
    for row in selection.told_apart((*RUN, *SOURCE, *KEY)):
        runs.setdefault(row["run_id"], []).append(row)
    now = os.environ.get("SOURCE_DATE_EPOCH") or str(int(time.time()))
    for run_id, rows in runs.items():
        developer, _, model = rows[0]["model"].rpartition("/")
        name = uuid.UUID(bytes=(run_id * 2).encode()[:16], version=4)
        path = output / "data" / "xbench" / _safe(developer or "unknown") / _safe(model) / f"{name}.json"
        write_whole(path, (json.dumps(_record(run_id, rows, now), ensure_ascii=False, indent=2) + "\n").encode("utf-8"))
    return f"{sum(map(len, runs.values()))} scores of {len(runs)} runs in {output}\n"


def _record(run_id: str, rows: list[Row], now: str) -> dict[str, Any]:
    first = rows[0]
    name, _, version = first["stack"].rpartition(" ")
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{first['target']}/{first['model'].replace('/', '_')}/{run_id}",
        "retrieved_timestamp": now,
        "source_metadata": {
            "source_name": first["source"],
            "source_type": "documentation" if first["n"] is None else "evaluation_run",
            "source_organization_name": first["source"],
            "evaluator_relationship": first["relationship"].replace(" ", "_"),
        },
        "eval_library": {"name": name or first["stack"], "version": version if name else "unknown"},
        "model_info": {
            "name": first["model"].rpartition("/")[2],
            "id": first["model"],
            **({"developer": first["model"].rpartition("/")[0]} if "/" in first["model"] else {}),
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": [_result(row) for row in rows],
    }


def _result(row: Row) -> dict[str, Any]:
    details = {
        f"xbench_{c}": str(row[c]) for c in (*COLUMNS, "run_id") if row[c] is not None and c not in ("value", "stderr", "stderr_kind")
    }
    score: dict[str, Any] = {"score": row["value"], "details": details}
    if row["stderr"] is not None:
        score["uncertainty"] = {"standard_error": {"value": row["stderr"], "method": row["stderr_kind"]}}
    return {
        "evaluation_result_id": "/".join(str(row[c]) for c in ("run_id", *KEY) if row[c] is not None),
        "evaluation_name": f"{row['target']} {row['language']}",
        "source_data": {"dataset_name": row["target"], "source_type": "other"},
        "metric_config": {
            "metric_id": row["metric"],
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": least(row["metric"]),
            "max_score": 1.0,
        },
        "score_details": score,
    }


def _safe(name: str) -> str:
    """A name of a folder: nothing in it leads elsewhere, and it is not too long for one."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).strip(".")[:255] or "unknown"
