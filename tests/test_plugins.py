"""Plug-ins: what a file of a folder is as a module."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xbench import plugins
from xbench.errors import PluginError


def test_threads_that_load_at_once_get_the_same_whole_module(tmp_path: Path) -> None:
    (tmp_path / "slow_one.py").write_text("import time\ntime.sleep(0.1)\nDONE = object()\n")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: plugins.load(tmp_path, "slow-one").DONE, range(8)))
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nraise ValueError('not yet')", ":2: ValueError: not yet"),
        ("Y = 1\nX = (", ":2: SyntaxError: '(' was never closed"),
        ("import xbench_is_not_this", ":1: ModuleNotFoundError: No module named 'xbench_is_not_this'"),
        ("def f(): return 1 / 0\nX = f()", ":1: ZeroDivisionError: division by zero"),
        ("x = 1\nY = 2", ": there is no X in it, expected X = int(...); it has x; it has Y"),
        ("X = 'one'", ": its X is of type str, expected X = int(...)"),
        ("\0", ": "),
    ],
)
def test_a_plug_in_that_is_broken_is_named_with_its_line_and_read_again(tmp_path: Path, text: str, said: str) -> None:
    """It was a traceback of ours in every command."""
    (tmp_path / "a.py").write_text(text)
    with pytest.raises(PluginError) as caught:
        plugins.part(tmp_path, "a", "X", int)
    assert f"{tmp_path / 'a.py'}{said}" in str(caught.value)
    (tmp_path / "b.py").write_text("X = 12345")
    assert plugins.part(tmp_path, "b", "X", int) == 12345
    if "Error" in said:
        (tmp_path / "a.py").write_text("X = 12345")
        assert plugins.part(tmp_path, "a", "X", int) == 12345
        return
    (tmp_path / "c.py").write_text("?")
    with pytest.raises(PluginError) as caught:
        plugins.every(lambda name: plugins.part(tmp_path, name, "X", int), plugins.names(tmp_path))
    assert [str(tmp_path / f"{name}.py") in problem for name, problem in zip("ac", caught.value.problems, strict=True)] == [True, True]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """The one with a dash silently replaced the other."""
    for name in ("a_b.py", "a-b.py", "c.py", "a_b.sql"):
        (tmp_path / name).write_text("")
    with pytest.raises(PluginError, match="have one name: a-b") as caught:
        plugins.names(tmp_path)
    assert list(caught.value.problems) == [str(tmp_path / "a-b.py"), str(tmp_path / "a_b.py")]
    assert plugins.names(tmp_path, ".sql") == ["a-b"]


def test_what_is_wrong_for_several_is_said_once() -> None:
    def broken(name: str) -> None:
        raise PluginError("cannot be used", ["task.py:1: wrong", f"{name}: wrong"])

    with pytest.raises(PluginError, match="2 of 2 cannot be used") as caught:
        plugins.every(broken, ["a", "b"])
    assert list(caught.value.problems) == ["task.py:1: wrong", "a: wrong", "b: wrong"]


def test_a_plug_in_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one_two.py").write_text("")
    (tmp_path / "_helper.py").write_text("")
    with pytest.raises(PluginError, match=r"'-helper'; there are: one-two$"):
        plugins.load(tmp_path, "-helper")
    with pytest.raises(PluginError, match=r"'one-tow'; there are: one-two; did you mean 'one-two'\?"):
        plugins.load(tmp_path, "one-tow")
