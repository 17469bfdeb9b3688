"""The folder is the registry, the file name is the name: `mini_pos.py` is the plug-in `mini-pos`."""

import importlib.util
import os
import sys
from pathlib import Path
from threading import RLock
from types import ModuleType

from xbench.errors import PluginError

_LOADING = RLock()  # a plug-in may load another


def names(folder: Path, suffix: str = ".py") -> list[str]:
    """The sorted names of the plug-ins in `folder`; files that begin with an underscore are helpers."""
    files = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  # asked for each plug-in: as Paths it is most of opening a store
    return sorted(name.removesuffix(suffix).replace("_", "-") for name in files if name.endswith(suffix) and not name.startswith("_"))


def path(folder: Path, name: str, suffix: str = ".py") -> Path:
    """The file of plug-in `name`.

    Raises:
        PluginError: If there is none; the message lists those that exist.
    """
    if name not in names(folder, suffix):
        raise PluginError(f"no {folder.name} entry is called {name!r}; there are: {', '.join(names(folder, suffix))}")
    plain = folder / f"{name}{suffix}"
    return plain if plain.is_file() else folder / f"{name.replace('-', '_')}{suffix}"


def load(folder: Path, name: str) -> ModuleType:
    """Import plug-in `name`, once for each file. An error inside the plug-in is not caught."""
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
        except BaseException:
            del sys.modules[module_name]
            raise
        return module
