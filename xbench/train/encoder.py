"""An encoder in two parts: lower layers that are frozen and computed once a text, upper layers that are trained."""

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xbench.errors import ModelError
from xbench.train.architectures import Around, Embedding, take_apart

Ids = tuple[int, ...]
# Padded subwords at once where nothing is trained: on a processor more is slower, since what lies between two layers leaves its cache.
_AT_ONCE = {"cpu": 1024, "accelerator": 32768}
_CACHE_SHARE = 0.25  # of the machine's memory, for the frozen part's outputs


class Trunk(nn.Module):
    """The trainable part: all layers above the frozen ones, and the embeddings too when nothing is frozen.

    Attributes:
        recompute: Gradient checkpointing while it trains.
        pooler: The layer over the first position, for heads that ask for it; None where the recipe has none.
    """

    def __init__(
        self,
        embeddings: Embedding | None,
        layers: nn.ModuleList,
        around: Around,
        final: nn.Module | None,
        first: int,
        pooler: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.layers = layers
        self.final = final
        self.pooler = pooler
        self.around = around
        self.first = first
        self.recompute = False
        self.rows: Tensor | None = None  # of a trimmed vocabulary (xbench.train.trimming): row of each id

    def forward(self, inputs: Tensor, mask: Tensor, depth: int | None = None, wanted: Tensor | None = None) -> Tensor:
        """Hidden states of shape (batch, length, hidden).

        Args:
            inputs: Outputs of the frozen part, float (batch, length, hidden); or token ids when there is none.
            mask: 1 for tokens and 0 for padding, (batch, length).
            depth: Stop after this many of the trunk's layers; None runs all, and what the model has after them.
            wanted: True where the states are used, (batch, length); what stands elsewhere may be anything. None: at all tokens.
        """
        hidden: Tensor = inputs
        if self.embeddings is not None:
            hidden = self.embeddings(inputs, mask, self.rows)
        recompute = self.recompute and self.training
        hidden = self.around(self.layers[:depth], hidden, mask, recompute=recompute, first=self.first, wanted=wanted)
        if depth is None and self.final is not None:
            hidden = self.final(hidden)
        return hidden


class SplitEncoder:
    """A pretrained encoder, cut above `frozen_layers`.

    Hidden states of the frozen part are kept for every distinct input, as float32 on the CPU (1.5 kB a subword at 384
    dimensions), so a text that many systems are trained or tested on goes through the frozen part once. What does not fit into
    `cache_bytes` is computed anew each time.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        frozen_layers: int | None,
        device: torch.device,
        token_budget: int | None = None,
        cache_bytes: int | None = None,
        separator: int | None = None,
        pooler: nn.Linear | None = None,
    ) -> None:
        parts = take_apart(model)
        if model.config.type_vocab_size > 1:
            parts.embeddings.separator = separator
        layers = parts.layers
        if frozen_layers is not None and frozen_layers > len(layers):
            raise ModelError(f"frozen_layers is {frozen_layers}, but the model has {len(layers)} layers")
        self.parameters = sum(p.numel() for p in model.parameters())
        self.layers = len(layers)
        self.hidden_size: int = model.config.hidden_size
        self.pad: int = model.config.pad_token_id or 0
        self.norm_eps: float = model.config.layer_norm_eps
        self.frozen = frozen_layers is not None
        self.frozen_layers = frozen_layers or 0
        self.device = device
        self.token_budget = token_budget or _AT_ONCE["cpu" if device.type == "cpu" else "accelerator"]
        self.precision: torch.dtype | None = None
        self._embeddings = parts.embeddings.to(device)
        self._below = layers[: self.frozen_layers].to(device)
        self._around = parts.around.to(device)
        # What all layers share (relative positions) is trained only when everything is.
        around = _Shared(parts.around) if self.frozen else parts.around
        self._trunk = Trunk(
            None if self.frozen else parts.embeddings, layers[self.frozen_layers :], around, parts.final, self.frozen_layers, pooler
        )
        self._cache: dict[Ids, Tensor] = {}
        self._room = memory() if cache_bytes is None else cache_bytes

    def trunk(self, state: Mapping[str, Tensor] | None = None) -> Trunk:
        """A fresh copy of the pretrained trunk, or one with the weights of `state`."""
        trunk = copy.deepcopy(self._trunk).to(self.device)
        if state is not None:
            trunk.load_state_dict(dict(state))
        return trunk

    def prepare(self, inputs: Sequence[Ids], tick: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Compute and keep the frozen part of all inputs that are new, of like length together; `tick(done, total)` reports."""
        if not self.frozen:
            return
        new = sorted({i for i in inputs if i not in self._cache}, key=lambda i: (len(i), i))
        size = 4 * self.hidden_size
        while new and sum(map(len, new)) * size > self._room:  # the longest are left out first: fewest texts are computed twice
            new = new[: -max(1, len(new) // 20)]
        done = 0
        for rows in batches([len(i) for i in new], self.token_budget):
            chunk = [new[r] for r in rows]
            ids, mask = self.pad_ids(chunk)
            hidden = self.below(ids, mask).float().cpu()
            for row, key in enumerate(chunk):
                self._cache[key] = hidden[row, : len(key)].clone()
                self._room -= len(key) * size
            done += len(chunk)
            tick(done, len(new))

    def batch(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """(trunk inputs, mask) of a padded batch; what `prepare` has kept is not computed again."""
        if not self.frozen:
            return self.pad_ids(inputs)
        found = [self._cache.get(i) for i in inputs]
        kept = [f for f in found if f is not None]
        if len(kept) < len(found):
            return self.fresh(inputs)
        return nn.utils.rnn.pad_sequence(kept, batch_first=True).to(self.device), torch.from_numpy(_there(inputs)).long().to(self.device)

    def fresh(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """As `batch`, but computed now and not kept: for inputs that are seen once (a mined corpus, a masked text)."""
        ids, mask = self.pad_ids(inputs)
        return self.below(ids, mask), mask

    def below(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Trunk inputs of padded token ids, (batch, length): through the frozen part, without gradient, where there is one."""
        if not self.frozen:
            return ids
        with torch.no_grad(), autocast(self.device, self.precision):
            hidden: Tensor = self._around(self._below, self._embeddings(ids, mask), mask)
            return hidden

    def words(self, trunk: Trunk) -> Tensor:
        """The input embeddings of `trunk`'s model, (vocabulary, embedding size): its own where they are trained."""
        return self._embeddings.words.weight.detach() if trunk.embeddings is None else trunk.embeddings.words.weight

    def pad_ids(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """(token ids, mask) of a padded batch, each (batch, length).

        Raises:
            ModelError: If one is longer than the model's positions reach.
        """
        ids, mask = self.padded(inputs)
        return ids.to(self.device), mask.to(self.device)

    def padded(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """As `pad_ids`, on the processor."""
        longest, most = max(map(len, inputs)), self._embeddings.positions
        if most is not None and longest > most:
            raise ModelError(f"an input has {longest} subwords, and the model takes {most} at most: lower max_length in the recipe")
        there = _there(inputs)
        ids = np.full(there.shape, self.pad)
        ids[there] = np.fromiter(chain.from_iterable(inputs), np.int64)
        return torch.from_numpy(ids), torch.from_numpy(there).long()


def _there(inputs: Sequence[Ids]) -> npt.NDArray[np.bool_]:
    """Where a padded batch has tokens, (batch, length)."""
    lengths = np.fromiter(map(len, inputs), np.int64)
    found: npt.NDArray[np.bool_] = np.arange(lengths.max()) < lengths[:, None]
    return found


class _Shared(Around):
    """Runs layers through parts that the frozen layers own: they are used and not trained, copied or saved with the trunk."""

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._owned = (around,)  # in a tuple, so that torch does not take it for a submodule

    def __deepcopy__(self, memo: dict[int, object]) -> "_Shared":
        return _Shared(self._owned[0])

    def forward(self, layers: nn.ModuleList, hidden: Tensor, mask: Tensor, **given: Any) -> Tensor:
        out: Tensor = self._owned[0](layers, hidden, mask, **given)
        return out


def autocast(device: torch.device, precision: torch.dtype | None) -> torch.autocast:
    """Mixed precision where one is asked for; a block that changes nothing otherwise."""
    return torch.autocast(device.type, precision or torch.bfloat16, enabled=precision is not None)


def accelerators() -> int:
    """How many there are that this process may use."""
    return torch.cuda.device_count()


def memory() -> int:
    """Bytes that the frozen part's outputs may fill on this machine, or of what a container or a job may use of it."""
    return int(min(psutil.virtual_memory().total, *allowed()) * _CACHE_SHARE)


def allowed(said: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """Bytes that this process may use, by Slurm and by each of Linux's control groups that it is in (man 7 cgroups), of both versions."""
    for name, times in (("SLURM_MEM_PER_NODE", "1"), ("SLURM_MEM_PER_CPU", os.environ.get("SLURM_CPUS_ON_NODE") or "1")):
        if (megabytes := int(os.environ.get(name) or "0")) > 0:  # 0 is the whole node
            yield megabytes * int(times) << 20
    for line in said.read_text(encoding="utf-8").splitlines() if said.is_file() else ():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base, file = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        inner = base / path.lstrip("/")  # of the host, where a container sees its own group as the root
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(base) and (folder / file).is_file():
                limit = (folder / file).read_text(encoding="utf-8").strip()
                if limit != "max":
                    yield int(limit)


def batches(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Rows 0..n-1 in order, in stretches of at most `token_budget` padded tokens; sort by length first to waste none."""
    rows: list[int] = []
    longest = 0
    for row, length in enumerate(lengths):
        longest = max(longest, length)
        if rows and longest * (len(rows) + 1) > token_budget:
            yield rows
            rows, longest = [], length
        rows.append(row)
    if rows:
        yield rows
