"""A name is a name, whatever is in it: quotes, statements, placeholders and markup change no answer of a command or page but the name."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import some_slow
from tests.test_app import columns, draw
from tests.test_comparing import answers, put
from xbench import cli

# What would be taken for SQL, a bound value, a wildcard, a format, a path, HTML, Markdown, LaTeX or a formula, if it were not bound or escaped.
NAMES = {
    "model-a": "model-a'); DROP VIEW run; --",
    "model-b": 'model-b" OR 1=1 -- <img src=x onerror=alert(1)>',
    "task-a": "task-a' UNION SELECT NULL; $1 ? :x {0} %s %d",
    "before-a": "before-a\\'\" [x](http://y) **b** $\\write18{x}$ | `c`",
    "source-a": "source-a ../../etc/passwd * [a-z] \u202e \u200b",
    "version-a": "version-a, \"x\";'y'",
    "recipe-a": "recipe-a'||chr(39)||'",
    "metric-a": "metric-a'\"; ?",
    "scorer-a": "scorer-a';--",
    "language-a": "language-a' OR ''='",
    "stack-a": "stack-a\t=cmd|'/c calc'!A1",
}
COMMANDS = {
    "leaderboard": [],
    "leaderboard of a task": ["--target", "task-a"],
    "scores": ["--target", "task-a", "--metric", "metric-a"],
    "delta": ["--model", "model-a", "--target", "task-a"],
    "compare": [],
    "compare of a model": ["--model", "model-a", "--target", "task-a", "--source", "source-a", "--metric", "metric-a"],
    "compare after a task": ["--intermediate", "before-a", "--by", "task"],
    "compare A B": ["model=model-a", "model=model-b", "--target", "task-a"],
    "compare --all": ["--all", "--target", "task-a"],
    "compare --pairs": ["--all", "--pairs", "--target", "task-a"],
    "coverage": [],
    "averages": [],
    "claims": [],
    "plan": ["--resolve", "--model", "model-a"],
    "history": ["model=model-a", "target=task-a", "language=language-a"],
    "audit": [],
    "retract": ["source=source-a", "--because", "model-a", "--dry-run"],
    "verify": ["--deep"],
}
# What the address asks for; of `column` and `target` the label of the task's column.
PAGES = {
    "leaderboard": {"column": "task-a", "only_intermediate": "before-a", "only_source": "source-a", "only_stack": "stack-a"},
    "transfer": {"target": "task-a"},
    "compare": {"target": "task-a"},
    "languages": {"target": "task-a", "intermediate": "before-a"},
    "scale": {"target": "task-a", "intermediates": "before-a"},
    "averages": {},
    "claims": {},
    "coverage": {"model": "model-a"},
    "provenance": {"model": "model-a", "intermediate": "before-a", "target": "task-a", "language": "language-a"},
    "audit": {},
}


def build(root: Path, named: Callable[[str], str]) -> None:
    """Two models on a task that xbench does not know and on two that it knows; an arm that has no direct baseline."""
    under: dict[str, Any] = {
        "recipe_id": named("recipe-a"), "source": named("source-a"), "source_version": named("version-a"), "stack": named("stack-a"),
        "model_revision": named("version-a"),
    }  # fmt: skip
    own = under | {"target": named("task-a"), "metric": named("metric-a"), "scorer": named("scorer-a")}
    rates = {("model-a", "none"): 0.5, ("model-a", "before-a"): 0.7, ("model-b", "none"): 0.6, ("model-b", "before-a"): 0.6}
    for (model, before), rate in rates.items():
        for seed in range(2):
            right = {named(c): answers(7 * seed + i, rate, 60) for i, c in enumerate(("de", "hi", "language-a"))}
            put(root, named(before), seed, right, model=named(model), **own)
            put(root, named(before), seed, {c: right[c] for c in ("de", "hi")}, model=named(model), **under)
    put(root, named("before-a"), 5, {"de": answers(1, 0.5, 60)}, model=named("model-a"), **{**own, "recipe_id": named("version-a")})
    put(root, "none", 0, {"de": answers(1, 0.5, 60)}, "xnli", scorer="accuracy-1", model=named("model-a"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same content under plain names, and under those of NAMES."""
    folder = tmp_path_factory.mktemp("names")
    build(folder / "plain", str)
    build(folder / "named", lambda name: NAMES.get(name, name))
    return folder / "plain", folder / "named"


def plain(said: Any) -> Any:
    """What was said, with plain names and without ids, which are hashes of names."""
    if isinstance(said, str):
        for name, hostile in NAMES.items():
            said = said.replace(repr(hostile), repr(name)).replace(hostile, name)
        return re.sub(r"\b[0-9a-f]{12,64}\b", "ID", said)
    if isinstance(said, dict):
        return {plain(key): plain(value) for key, value in said.items()}
    if isinstance(said, list):
        return [plain(one) for one in said]
    return round(said, 9) if isinstance(said, float) else said


@pytest.mark.parametrize("page", some_slow([*PAGES], ["leaderboard", "transfer", "compare", "provenance"]))
def test_a_page_shows_the_same_whatever_the_names(page: str, stores: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for root, named in zip(stores, (str, lambda name: NAMES.get(name, name)), strict=True):
        asked = {key: named(value) for key, value in PAGES[page].items()}
        if page != "provenance":
            asked |= {key: columns(root, task)[0] for key, task in asked.items() if key in {"column", "target"}}
        app = draw(monkeypatch, root, page, **asked)
        assert not app.exception
        assert {key: app.query_params[key] for key in asked} == asked
        found.append([plain(json.loads(frame.value.to_json(orient="split", default_handler=str))) for frame in app.dataframe])
    assert found[0] == found[1]


def content(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_answers_the_same_whatever_the_names(what: str, stores: tuple[Path, Path]) -> None:
    found = []
    for root, named in zip(stores, (str, lambda name: NAMES.get(name, name)), strict=True):
        words = [f"{field}={named(value)}" if value else named(field) for field, _, value in (w.partition("=") for w in COMMANDS[what])]
        before = content(root)
        done = CliRunner().invoke(cli.app, [what.split(maxsplit=1)[0], *words, "--store", str(root), "--json"])
        assert done.exit_code in {0, 1}, done.output
        assert content(root) == before
        found.append((done.exit_code, sorted(json.dumps(row) for row in plain(json.loads(done.stdout)))))  # some are sorted by ids
    assert found[0] == found[1]
    assert found[0][1], "nothing was found"
