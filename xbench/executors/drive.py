"""The one scheduler behind every executor: hands out items whose needs are met, tries again what died, holds back what cannot be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from xbench.errors import XbenchError
from xbench.executors.graph import Item


class WorkerDiedError(XbenchError):
    """A worker ended without saying why: killed, out of memory, its machine gone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that was given up; `attempted` is False where what it needs failed."""

    item: Item
    error: str
    attempted: bool = True
    tries: int = 1


class Pool(Protocol):
    """Workers, wherever they are."""

    @property
    def size(self) -> int:
        """Items that may be under way at once."""

    def submit(self, item: Item) -> None:
        """Begin an item."""

    def wait(self) -> tuple[Item, Exception | None]:
        """The next item to end, and why it failed if it did."""

    def __enter__(self) -> "Pool": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def drive(
    work: Sequence[Item],
    pool: Pool,
    retries: int,
    begun: Callable[[Item], None],
    ended: Callable[[Item], None],
    given_up: Callable[[Failure], None],
) -> list[Failure]:
    """Do all items, in order as far as their needs allow.

    Args:
        work: Each after those it needs.
        pool: Workers.
        retries: How often an item is begun again whose worker died; an error of its own would be the same again.
        begun: Told when an item begins.
        ended: Told when it is done.
        given_up: Told when it failed for good.
    """
    waiting, under_way = list(work), 0
    open_, attempts = {i.item_id for i in work}, dict[str, int]()
    failures: dict[str, Failure] = {}

    def give_up(failure: Failure) -> None:
        failures[failure.item.item_id] = failure
        given_up(failure)
        while item := next((i for i in waiting if failure.item.item_id in i.needs), None):
            waiting.remove(item)
            give_up(Failure(item, f"needs {failure.item.label!r}, which failed", attempted=False))

    while waiting or under_way:
        ready = [i for i in waiting if not open_.intersection(i.needs)]
        while ready and under_way < pool.size:
            item = ready.pop(0)
            waiting.remove(item)
            attempts[item.item_id] = attempts.get(item.item_id, 0) + 1
            begun(item)
            pool.submit(item)
            under_way += 1
        item, error = pool.wait()
        under_way -= 1
        if error is None:
            open_.discard(item.item_id)
            ended(item)
        elif isinstance(error, WorkerDiedError) and attempts[item.item_id] <= retries:
            waiting.insert(0, item)
        else:
            said = str(error) if isinstance(error, XbenchError) else f"{type(error).__name__}: {error}"
            give_up(Failure(item, said, tries=attempts[item.item_id]))
    return list(failures.values())
