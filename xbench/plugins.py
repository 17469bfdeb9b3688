"""The folder is the registry, the file name is the name: `mini_pos.py` is the plug-in `mini-pos`."""

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import RLock
from types import CodeType, ModuleType
from typing import TypeVar

from xbench.errors import PluginError, XbenchError, meant

T = TypeVar("T")
_LOADING = RLock()  # a plug-in may load another


def names(folder: Path, suffix: str = ".py") -> list[str]:
    """The sorted names of the plug-ins in `folder`; files that begin with an underscore are helpers.

    Raises:
        PluginError: If two files have one name.
    """
    files = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  # asked for each plug-in: as Paths it is most of opening a store
    found = sorted(name.removesuffix(suffix).replace("_", "-") for name in files if name.endswith(suffix) and not name.startswith("_"))
    if twice := {one for one, other in pairwise(found) if one == other}:
        same = sorted(str(folder / name) for name in files if name.removesuffix(suffix).replace("_", "-") in twice)
        raise PluginError(f"two files of {folder.name} have one name: {', '.join(sorted(twice))}", same)
    return found


def path(folder: Path, name: str, suffix: str = ".py") -> Path:
    """The file of plug-in `name`.

    Raises:
        PluginError: If there is none; the message lists those that exist.
    """
    if name not in (known := names(folder, suffix)):
        raise PluginError(f"no {folder.name} entry is called {name!r}; there are: {', '.join(known)}{meant(name, known)}")
    plain = folder / f"{name}{suffix}"
    return plain if plain.is_file() else folder / f"{name.replace('-', '_')}{suffix}"


def load(folder: Path, name: str) -> ModuleType:
    """Import plug-in `name`, once for each file.

    Raises:
        PluginError: If there is none; or it cannot be run, naming file and line.
    """
    return _load(folder.absolute(), name)


@cache  # to ask the folder each time is most of a question to a small store
def _load(folder: Path, name: str) -> ModuleType:
    file = path(folder, name).resolve()
    module_name = f"xbench_plugin_{folder.name}_{abs(hash(str(file)))}_{file.stem}"
    with _LOADING:  # else another thread is given what is half run
        if module_name in sys.modules:
            return sys.modules[module_name]
        spec = importlib.util.spec_from_file_location(module_name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module_name]
            if isinstance(error, XbenchError) or not isinstance(error, Exception):
                raise
            raise PluginError(f"{file} cannot be run", [told(error, file)]) from error
        return module


def part(folder: Path, name: str, what: str, kind: type[T]) -> T:
    """What plug-in `name` defines as `what`.

    Raises:
        PluginError: As load; or if it defines none, or something else.
    """
    module = load(folder, name)
    found = getattr(module, what, None)
    if not isinstance(found, kind):
        others = "".join(f"; it has {n}" for n, value in vars(module).items() if isinstance(value, kind))
        said = f"its {what} is of type {type(found).__name__}" if hasattr(module, what) else f"there is no {what} in it"
        raise PluginError(f"{module.__file__}: {said}, expected {what} = {kind.__name__}(...){others}")
    return found


def every(loading: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """`loading(name)` of each name.

    Raises:
        XbenchError: With the problems of all that cannot be loaded.
    """
    found: list[T] = []
    errors: list[XbenchError] = []
    for name in names:
        try:
            found.append(loading(name))
        except XbenchError as error:
            errors.append(error)
    if len(errors) > 1:
        problems = dict.fromkeys(p for e in errors for p in e.problems or (e.headline,))
        raise PluginError(f"{len(errors)} of {len(names)} cannot be used", list(problems))
    if errors:
        raise errors[0]
    return found


def line_of(error: BaseException, file: str | Path) -> int | None:
    """The last line of `file` that an error came through, or that is no Python; None if it came through none."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(file) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def place(module: ModuleType, part: str) -> str:
    """`FILE:LINE` of a function of a plug-in; its FILE alone where it is no function of this file."""
    code: CodeType | None = getattr(getattr(module, part, None), "__code__", None)
    return f"{module.__file__}:{code.co_firstlineno}" if code and code.co_filename == module.__file__ else str(module.__file__)


def failure(module: ModuleType, part: str, error: BaseException) -> str:
    """`FILE:LINE: what went wrong` in a function of a plug-in; the line of its `def` where it could not even be called."""
    file = Path(str(module.__file__))
    if line_of(error, file) is None and not isinstance(error, SyntaxError):
        return f"{place(module, part)}: {type(error).__name__}: {error}"
    return told(error, file)


def told_of_sql(error: Exception, file: Path) -> str:
    """`FILE:LINE: what DuckDB says` of a SELECT whose lines are those of its file."""
    said = " ".join(str(error).split())
    line = re.search(r"\bLINE (\d+):", said)
    return f"{file}{f':{line[1]}' if line else ''}: {said}"


def told(error: BaseException, file: Path) -> str:
    """`FILE:LINE: what went wrong`, by the last line of `file` that the error came through."""
    line = line_of(error, file)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{file}{'' if line is None else f':{line}'}: {type(error).__name__}: {said}"
