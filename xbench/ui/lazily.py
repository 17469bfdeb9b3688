"""Altair, imported when a chart is first made with it: that takes longer than all of a page, and the first page of a server has none."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt
else:

    class _Later:
        """Stands for a module. Not importlib's LazyLoader: whoever looks through sys.modules, as inspect does, would load it."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, field: str) -> Any:
            return getattr(import_module(self._name), field)

    alt = _Later("altair")

__all__ = ["alt"]
