"""An encoder in two parts: lower layers that are frozen and computed once a text, upper layers that are trained."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xbench.errors import ModelError

Ids = tuple[int, ...]


class Trunk(nn.Module):
    """The trainable part: all layers above the frozen ones, and the embeddings too when nothing is frozen."""

    def __init__(self, embeddings: nn.Module | None, layers: nn.ModuleList) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.layers = layers

    def forward(self, inputs: Tensor, mask: Tensor, depth: int | None = None) -> Tensor:
        """Hidden states of shape (batch, length, hidden).

        Args:
            inputs: Outputs of the frozen part, float (batch, length, hidden); or token ids when there is none.
            mask: 1 for tokens and 0 for padding, (batch, length).
            depth: Stop after this many of the trunk's layers; None runs all.
        """
        hidden = inputs if self.embeddings is None else self.embeddings(input_ids=inputs)
        return run_layers(self.layers[:depth], hidden, mask)


def run_layers(layers: nn.ModuleList, hidden: Tensor, mask: Tensor) -> Tensor:
    """Send `hidden` through transformer layers with padding masked out."""
    additive = torch.zeros(mask.shape, dtype=hidden.dtype, device=hidden.device)
    additive = additive.masked_fill(mask == 0, torch.finfo(hidden.dtype).min)[:, None, None, :]
    for layer in layers:
        out = layer(hidden, additive)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


class SplitEncoder:
    """A pretrained encoder, cut above `frozen_layers`.

    Hidden states of the frozen part are kept for every distinct input, as float32 on the CPU (1.5 kB a subword at 384
    dimensions), so a text that many systems are trained or tested on goes through the frozen part once.
    """

    def __init__(self, model: PreTrainedModel, frozen_layers: int | None, device: torch.device, token_budget: int = 4096) -> None:
        layers = getattr(getattr(model, "encoder", None), "layer", None)
        embeddings = getattr(model, "embeddings", None)
        if not isinstance(layers, nn.ModuleList) or not isinstance(embeddings, nn.Module):
            raise ModelError(f"{type(model).__name__} has no BERT-like embeddings and encoder.layer; such models are not supported yet")
        if getattr(model.config, "position_embedding_type", None) not in (None, "absolute"):
            raise ModelError(f"{type(model).__name__} has relative positions, which are not supported yet")
        if frozen_layers is not None and frozen_layers > len(layers):
            raise ModelError(f"frozen_layers is {frozen_layers}, but the model has {len(layers)} layers")
        self.parameters = sum(p.numel() for p in model.parameters())
        self.layers = len(layers)
        self.hidden_size: int = model.config.hidden_size
        self.pad: int = model.config.pad_token_id or 0
        self.frozen = frozen_layers is not None
        self.frozen_layers = frozen_layers or 0
        self.device = device
        self.token_budget = token_budget
        self._embeddings = embeddings.to(device)
        self._below = layers[: self.frozen_layers].to(device)
        self._trunk = Trunk(None if self.frozen else embeddings, layers[self.frozen_layers :])
        self._cache: dict[Ids, Tensor] = {}

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
        done = 0
        with torch.no_grad():
            for rows in batches([len(i) for i in new], self.token_budget):
                chunk = [new[r] for r in rows]
                ids, mask = self.pad_ids(chunk)
                hidden = run_layers(self._below, self._embeddings(input_ids=ids), mask).cpu()
                for row, key in enumerate(chunk):
                    self._cache[key] = hidden[row, : len(key)].clone()
                done += len(chunk)
                tick(done, len(new))

    def batch(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """(trunk inputs, mask) of a padded batch; `prepare` must have seen the inputs."""
        if not self.frozen:
            return self.pad_ids(inputs)
        hidden = nn.utils.rnn.pad_sequence([self._cache[i] for i in inputs], batch_first=True)
        return hidden.to(self.device), self._mask(inputs)

    def fresh(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """As `batch`, but computed now and not kept: for inputs that are seen once (a mined corpus, a masked text)."""
        ids, mask = self.pad_ids(inputs)
        return self.below(ids, mask), mask

    def below(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Trunk inputs of padded token ids, (batch, length): through the frozen part, without gradient, where there is one."""
        if not self.frozen:
            return ids
        with torch.no_grad():
            return run_layers(self._below, self._embeddings(input_ids=ids), mask)

    def words(self, trunk: Trunk) -> Tensor:
        """The input embeddings of `trunk`'s model, (vocabulary, hidden): its own where they are trained."""
        embeddings: Any = self._embeddings if trunk.embeddings is None else trunk.embeddings
        weight: Tensor = embeddings.word_embeddings.weight
        return weight

    def pad_ids(self, inputs: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """(token ids, mask) of a padded batch, each (batch, length)."""
        ids = nn.utils.rnn.pad_sequence([torch.tensor(i) for i in inputs], batch_first=True, padding_value=self.pad)
        return ids.to(self.device), self._mask(inputs)

    def _mask(self, inputs: Sequence[Ids]) -> Tensor:
        lengths = torch.tensor([len(i) for i in inputs])
        return (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).long().to(self.device)


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
