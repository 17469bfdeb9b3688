"""Workers on a Ray cluster: each item a task with its resources, on whatever node has them; store and checkpoints are on shared storage."""

import math
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from xbench.errors import StudyError
from xbench.executors.drive import WorkerDiedError
from xbench.executors.graph import Item
from xbench.executors.local import sendable
from xbench.executors.working import Job, work
from xbench.tables import LOG


class RayPool:
    """Tasks of Ray. A worker process is used again for the next item and keeps the model; nodes that are lost are Ray's to replace."""

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise StudyError("the executor ray needs Ray: pip install 'xbench[ray]'") from error
        self.ray = ray
        asked: dict[str, Any] = {"num_cpus": 1, **job.options.resources}
        try:
            # Retries are counted by the scheduler, which also knows what was stored meanwhile.
            self.task = ray.remote(max_retries=0, max_calls=0, **asked)(_task)
        except (ValueError, TypeError) as error:
            raise StudyError("Ray does not take these --resource", [str(error).splitlines()[0]]) from error
        self.ours = not ray.is_initialized()
        if self.ours:
            # An existing cluster is named by RAY_ADDRESS; otherwise one is started here with room for as many workers as asked for.
            workers = job.options.workers
            cpus = None if workers is None else max(1, math.ceil(workers * (asked["num_cpus"] or 0)))
            local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": cpus, "include_dashboard": False}
            ray.init(log_to_driver=False, configure_logging=False, **local)
        needs = {"CPU": asked["num_cpus"], "GPU": asked.get("num_gpus"), "memory": asked.get("memory"), **(asked.get("resources") or {})}
        there = sum(room(node["Resources"], needs) for node in ray.nodes() if node["Alive"])
        if not there:
            wanted = ", ".join(f"{name}={value}" for name, value in asked.items())
            if self.ours and not os.environ.get("RAY_ADDRESS"):
                ray.shutdown()
                raise StudyError(
                    f"there is no room here for a worker with {wanted}: give less (--resource) or name a cluster (RAY_ADDRESS)"
                )
            LOG.print(f"no node of the Ray cluster has room for a worker with {wanted}: nothing is run until one joins")
        self.job = ray.put(job)
        self.under_way: dict[Any, Item] = {}
        self.size = job.options.workers or max(1, there)

    def submit(self, item: Item) -> None:
        """Begin a task."""
        self.under_way[self.task.remote(self.job, item)] = item

    def wait(self) -> tuple[Item, Exception | None]:
        """Wait for the first task to end."""
        (done,), _ = self.ray.wait(list(self.under_way), num_returns=1)
        item = self.under_way.pop(done)
        try:
            error: Exception | None = self.ray.get(done)
        except self.ray.exceptions.RayError as gone:  # errors of ours are given back: the worker, its node or its memory is gone
            return item, WorkerDiedError(f"{type(gone).__name__}: {str(gone).splitlines()[0]}")
        return item, error

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self.under_way:
            self.ray.cancel(task, force=True)
        if self.ours:
            self.ray.shutdown()


def _task(job: Job, item: Item) -> Exception | None:
    import ray

    context = ray.get_runtime_context()
    (node,) = (n["Resources"] for n in ray.nodes() if n["NodeID"] == context.get_node_id())
    try:
        work(job.sharing(at_once(node, context.get_assigned_resources(), job.options.workers)), item)
    except Exception as error:  # noqa: BLE001 - given back, so that Ray does not take it for a failure of its own
        return sendable(error)
    return None


def room(node: Mapping[str, float], needs: Mapping[str, float | None]) -> int:
    """How many tasks with these needs a node has the resources for."""
    return min((int(node.get(name, 0) // amount) for name, amount in needs.items() if amount), default=int(node.get("CPU", 1)))


def at_once(node: Mapping[str, float], own: Mapping[str, float], workers: int | None) -> int:
    """How many tasks with a task's resources there may be on its node, of as many workers as there are: they share its memory."""
    most = room(node, {name: amount for name, amount in own.items() if name in node})
    return max(1, min(most, workers or most))
