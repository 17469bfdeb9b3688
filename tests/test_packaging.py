"""The wheel carries everything; the documentation names what exists."""

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from xbench import plugins, share
from xbench.scorer import SCORERS
from xbench.store import TABLES
from xbench.task import TASKS
from xbench.template import VIEWS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_code_and_shared_folders(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("schemas", "ingest", "data", "studies"):
        files = [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert files
        for path in files:
            assert f"xbench/_share/{path.relative_to(ROOT).as_posix()}" in held
    for path in (ROOT / "xbench").rglob("*"):
        if path.suffix in (".py", ".sql"):
            assert path.relative_to(ROOT).as_posix() in held
    assert "xbench/_share/app.py" in held
    assert not [n for n in held if n.split("/")[0] != "xbench" and ".dist-info/" not in n]  # no generic top-level name


def test_the_installed_wheel_finds_its_folders(wheel: Path, tmp_path: Path) -> None:
    """Unpacked away from the checkout, with the packages of this environment: schemas, tasks, published numbers all open."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import xbench, pathlib; from xbench import share, ingesting, board, study\n"
        "from xbench.task import load_task\n"
        "assert str(share.folder('schemas')).startswith(r'%s'), share.folder('schemas')\n"
        "ingesting.ingest([share.folder('data') / 'published'], pathlib.Path('s'))\n"
        "assert board.leaderboard(pathlib.Path('s')); assert load_task('mini-pos').examples('en', 'test')\n"
        "study.load_study(study.find_study('quickstart')); print('ok')\n"
    ) % (tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "ok", done.stderr


@pytest.mark.slow
def test_a_fresh_environment_with_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "v", with_pip=True)
    python = tmp_path / "v" / "bin" / "python"
    pins = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "-q", *pins, "torch==2.13.0"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *pins, str(wheel)], check=True)
    done = subprocess.run(
        [tmp_path / "v" / "bin" / "xbench", "ingest", "external-results"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"files read: {len(list((ROOT / 'data' / 'published').glob('*.csv')))} long" in done.stdout


def test_share_finds_the_checkout() -> None:
    assert share.folder("schemas") == ROOT / "schemas"


@pytest.mark.parametrize("view", plugins.names(VIEWS, ".sql"))
def test_every_view_is_documented(view: str) -> None:
    assert f"`{view.replace('-', '_')}`" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*TABLES, *plugins.names(TASKS), *plugins.names(share.folder("studies"), ".yaml")])
def test_every_table_task_and_study_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text


def test_every_module_has_its_place_in_the_house() -> None:
    said = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## The house")[2].partition("## Tables")[0]
    words = set(re.findall(r"\w+", said))
    for folder in (ROOT / "xbench", ROOT / "xbench" / "train", ROOT / "xbench" / "executors"):
        modules = {p.stem for p in folder.iterdir() if (p.suffix == ".py" or p.is_dir()) and not p.stem.startswith("_")}
        assert modules and not modules - words


@pytest.mark.parametrize("name", plugins.names(SCORERS))
def test_every_scorer_is_documented(name: str) -> None:
    assert f"| `{name}` | " in (ROOT / "docs" / "xtreme.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    from xbench import cli

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [c.name or c.callback.__name__ for c in cli.app.registered_commands if c.callback]
    commands += [f"{g.name} {c.name}" for g in cli.app.registered_groups if g.typer_instance for c in g.typer_instance.registered_commands]
    assert len(commands) >= 7
    for command in commands:
        assert f"xbench {command}" in readme, command


def test_every_name_of_the_public_door_exists_and_is_documented() -> None:
    import xbench

    assert xbench.__all__ == sorted(xbench.__all__)
    for name in xbench.__all__:
        assert name == "__version__" or getattr(xbench, name).__doc__


@pytest.mark.parametrize("study", plugins.names(share.folder("studies"), ".yaml"))
def test_every_shipped_study_loads(study: str) -> None:
    from xbench.study import find_study, load_study

    assert load_study(find_study(study)).about


def test_the_lock_holds_what_is_needed_at_the_versions_that_were_tested() -> None:
    """requirements.lock is made by the command in SECURITY.md; a dependency that is added without making it anew fails here."""

    def pinned(text: str) -> dict[str, str]:
        found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
        return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}

    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = pinned(text)
    tested = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert {n: v for n, v in locked.items() if n in tested} == {n: v for n, v in tested.items() if n in locked}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [r for name in ("peft", "s3", "slurm") for r in project["optional-dependencies"][name]]
    asked = {re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", r)[0]).lower() for r in [*project["dependencies"], *extras]}
    assert asked <= set(locked)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks), "every package has its hashes"


def test_no_group_is_repeated_possessively() -> None:
    """Python up to 3.11.4 matches `(?:…)*+` wrongly where something in the group can give way (python/cpython#106052)."""
    wrong = re.compile(r"\)(?:[*+?]|\{[\d,{}]+\})\+")
    assert wrong.search(r"\{((?:[^{}]|x)*+)\}")
    assert not wrong.search(r"[^{}]*+(?:\{[^{}]*+\})*")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("xbench", "ingest")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if wrong.search(line)
    ]
    assert not found
