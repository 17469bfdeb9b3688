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


def test_a_plug_in_that_fails_is_run_again(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("raise ValueError('not yet')")
    with pytest.raises(ValueError, match="not yet"):
        plugins.load(tmp_path, "a")
    (tmp_path / "a.py").write_text("X = 12345")
    assert plugins.load(tmp_path, "a").X == 12345


def test_a_plug_in_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one_two.py").write_text("")
    (tmp_path / "_helper.py").write_text("")
    with pytest.raises(PluginError, match="'-helper'; there are: one-two"):
        plugins.load(tmp_path, "-helper")
