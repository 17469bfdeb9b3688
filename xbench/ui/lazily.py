"""Altair, imported when a chart is first made with it: that takes longer than all of a page, and the first page of a server has none."""

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt
else:

    def _later(name: str) -> Any:
        """A module that is loaded when something of it is asked for."""
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.find_spec(name)
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    alt = _later("altair")

__all__ = ["alt"]
