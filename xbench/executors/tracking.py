"""What runs and what failed, as small JSON files in the store, so that any process on any machine can say.

STORE/study/STUDY_ID.json       a study that was begun: what it is, which cells it has, which checkpoints stay
STORE/running/ITEM_ID.json      who works on it, since when, how far; removed when it is done
STORE/failed/ITEM_ID.json       why it failed, how often; removed when it is done
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from xbench import places, retractions, store
from xbench.errors import XbenchError
from xbench.executors.graph import Item
from xbench.listing import inside
from xbench.study import Plan, Study, lineage

_BEAT = 2.0  # seconds between two signs of life
_FAR_BEAT = 15.0  # in an object store
_SILENT = 120.0  # seconds without one, after which an item on another machine counts as given up


class Tracker:
    """Says in the store what one worker does, and that it is there where that has nothing to report for long."""

    def __init__(self, root: Path, item: Item) -> None:
        self.path = root / "running" / f"{item.item_id}.json"
        self.failure = root / "failed" / f"{item.item_id}.json"
        self.about = {
            "item_id": item.item_id, "kind": item.kind, "label": item.label, "model": item.model,
            "host": socket.gethostname(), "pid": os.getpid(), "since": time.time(),
        }  # fmt: skip
        self._beat = _FAR_BEAT if places.is_remote(root) else _BEAT
        self._last = 0.0
        self._said: tuple[str, int, int] = ("", 0, 0)
        self._turn, self._ended = threading.Lock(), threading.Event()
        self.report(*self._said)
        threading.Thread(target=self._stay, daemon=True).start()

    def report(self, what: str, done: int, total: int) -> None:
        """A sign of life, written every few seconds at most."""
        self._said = (what, done, total)
        if time.time() - self._last >= self._beat:
            with self._turn:
                self._write()

    def done(self) -> None:
        """It is done."""
        self._end()
        places.remove(self.failure)

    def failed(self, error: str) -> None:
        """It failed."""
        failed(self.failure.parent.parent, self.about, error)
        self._end()

    def leave(self) -> None:
        """Say no more; what was said last stays, unless it is done or failed."""
        with self._turn:
            self._ended.set()

    def _write(self) -> None:
        what, done, total = self._said
        self._last = time.time()
        _write(self.path, {**self.about, "what": what, "done": done, "total": total, "beat": self._last})

    def _stay(self) -> None:
        """Repeat what was said last, from a thread that ends with the item or the process."""
        while not self._ended.wait(_SILENT / 4):
            with self._turn, contextlib.suppress(XbenchError, OSError):  # the worker's own next word will say what is wrong
                if not self._ended.is_set() and time.time() - self._last >= _SILENT / 4:
                    self._write()

    def _end(self) -> None:
        with self._turn:
            self._ended.set()
            places.remove(self.path)


def failed(root: Path, about: Mapping[str, Any], error: str, tries: int = 1) -> None:
    """Record a failure, after so many tries, and how many there were before."""
    path = root / "failed" / f"{about['item_id']}.json"
    before = _read(path)
    _write(path, {**about, "error": error, "attempts": (before or {}).get("attempts", 0) + tries, "at": time.time()})


def give_up(root: Path, item: Item, error: str, tries: int = 1) -> None:
    """Record that an item failed, after so many tries, unless its worker has, and that nobody works on it."""
    running = root / "running" / f"{item.item_id}.json"  # a worker that has said why takes it away
    if running.is_file() or not (root / "failed" / f"{item.item_id}.json").is_file():
        failed(root, {"item_id": item.item_id, "kind": item.kind, "label": item.label, "model": item.model}, error, tries)
    places.remove(running)


def begin(root: Path, name: str, plan: Plan, keep: str | None = None) -> str:
    """Record a study, its cells, and which checkpoints are to stay.

    Args:
        root: The store.
        name: Of the study.
        plan: The study.
        keep: As in Options; None for what was recorded before.

    Returns:
        Which stay; where nobody has said it, all.
    """
    study = plan.study
    cells = [
        {"run_id": c.run_id, "label": c.label, "model": c.model, "stages": [s.stage_id for s in lineage(c.encoder)]} for c in plan.cells
    ]
    path = root / "study" / f"{study.study_id}.json"
    before = _read(path) or {}
    keep = keep or str(before.get("keep", "all"))
    content = {"name": name, "study": study.model_dump(mode="json"), "cells": cells, "keep": keep}
    if before != content:
        _write(path, content)
    return keep


def status(root: Path, study: Study | None = None) -> list[dict[str, Any]]:
    """One row a cell of every study that was begun in the store (or of one), and a row a shared training that runs or failed.

    Returns:
        Rows with study, state (done, retracted, running, failed, stopped, missing), label, model, item_id, what, progress (share of the
        step under way, None where not known), seconds, attempts, error. `stopped` was running and its worker is gone.
    """
    whole, gone = store.complete_runs(root), retractions.out_of(root)
    running, failures = _all(root / "running"), _all(root / "failed")
    rows, seen = [], set()
    for study_id, content in _all(root / "study").items():
        if study is not None and study_id != study.study_id:
            continue
        for cell in content["cells"]:
            seen.add(cell["run_id"])
            row = _row(content["name"], {**cell, "item_id": cell["run_id"]}, whole, running, failures)
            rows.append(row | {"state": "retracted"} if row["state"] == "done" and cell["run_id"] in gone else row)
    if study is None:
        others = {i: a for i, a in {**failures, **running}.items() if i not in seen}
        rows += [_row("", about, whole, running, failures) for about in others.values()]
    return rows


def _row(name: str, about: Mapping[str, Any], whole: set[str], running: Mapping[str, Any], failures: Mapping[str, Any]) -> dict[str, Any]:
    at, failure = running.get(about["item_id"]), failures.get(about["item_id"])
    state = "missing"
    if about["item_id"] in whole:
        state, at, failure = "done", None, None
    elif at is not None:
        state = "running" if _alive(at) else "stopped"
    elif failure is not None:
        state = "failed"
    return {
        "study": name,
        "state": state,
        "label": about["label"],
        "model": about["model"],
        "what": at["what"] if at else "",
        "progress": at["done"] / at["total"] if at and at["total"] else None,
        "seconds": round(time.time() - at["since"]) if at and state == "running" else None,
        "attempts": failure["attempts"] if failure else 0,
        "error": failure["error"] if failure else "",
        "item_id": about["item_id"],
    }


def at_work(root: Path, plan: Plan) -> list[str]:
    """Who works on cells or stages of a plan at this moment, in words: not this process, which has not begun."""
    own = {c.run_id for c in plan.cells} | {s.stage_id for s in plan.stages}
    busy = [about for item, about in _all(root / "running").items() if item in own and _alive(about)]
    return sorted(f"{about['label']} (process {about['pid']} of {about['host']})" for about in busy)


@dataclass(slots=True)
class Wanted:
    """Which checkpoints of a store somebody still wants.

    Attributes:
        needed: Stages that missing cells of studies stand on.
        busy: Stages of studies that a living worker has an item of, of whatever runner.
        known: Whether that is all; not where a worker or a study is of an xbench that did not say.
    """

    needed: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    known: bool = True


def wanted(root: Path, plan: Plan, name: str) -> Wanted:
    """What the studies that were begun in a store want of its checkpoints.

    Nothing is wanted for earlier forms of this study, which have its name and `about`, unless someone works on them.
    """
    whole, found = store.complete_runs(root), Wanted()
    unknown = {item for item, about in _all(root / "running").items() if _alive(about)}
    working = frozenset(unknown)
    for study_id, content in _all(root / "study").items():
        of = {c["run_id"]: c.get("stages") for c in content["cells"]}
        stages = {s for own in of.values() for s in own or ()}
        unknown -= of.keys() | stages
        if working & (of.keys() | stages):
            found.busy |= stages
        elif study_id != plan.study.study_id and (content["name"], content["study"]["about"]) == (name, plan.study.about):
            continue
        lacking = [own for run, own in of.items() if run not in whole]
        found.needed |= {s for own in lacking for s in own or ()}
        found.known &= None not in lacking
    found.known &= not unknown
    return found


def _alive(about: Mapping[str, Any]) -> bool:
    heard = time.time() - float(about["beat"]) < _SILENT
    if about["host"] != socket.gethostname():
        return heard
    try:
        process = psutil.Process(int(about["pid"]))
        # Numbers of processes are given again: one that began after the item is another, unless the clock was set.
        same = heard or process.create_time() < float(about["since"]) + 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _all(folder: Path) -> dict[str, dict[str, Any]]:
    found = {name.removesuffix(".json"): _read(folder / name) for name in inside(folder) if name.endswith(".json")}
    return {name: content for name, content in found.items() if content is not None}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # removed meanwhile
        return None
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with places.whole(path) as new:
        new.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
