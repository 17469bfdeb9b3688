"""How the encoders of transformers are cut: embeddings below, layers above, and what runs around the layers in each architecture.

Plain (BERT, RoBERTa, XLM-R, CamemBERT): each layer takes the states and a mask. XLM-R XL: a norm after the last layer. RemBERT: a
projection after the embeddings. DeBERTa-v2 and -v3 (mDeBERTa): relative positions, whose embeddings all layers share.
"""

import copy
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from xbench.errors import ModelError
from xbench.train import unpadded

_POST_NORM = ("bert", "roberta", "xlm-roberta", "camembert", "rembert")  # model types whose layers are BERT's
_KNOWN = (*_POST_NORM, "xlm-roberta-xl", "deberta-v2")


class Around(nn.Module):
    """Sends states through plain layers, padding masked out."""

    def forward(
        self,
        layers: nn.ModuleList,
        hidden: Tensor,
        mask: Tensor,
        *,
        recompute: bool = False,
        first: int = 0,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """States after `layers`.

        Args:
            layers: In order.
            hidden: (batch, length, hidden).
            mask: 1 for tokens and 0 for padding, (batch, length).
            recompute: Gradient checkpointing: keep a layer's input only, and run it again in the backward pass.
            first: Number of the first of `layers` in the whole encoder.
            wanted: True where the states are used, (batch, length); what stands elsewhere may be anything. None: at all tokens.
        """
        additive = torch.zeros(mask.shape, dtype=hidden.dtype, device=hidden.device)
        additive = additive.masked_fill(mask == 0, torch.finfo(hidden.dtype).min)[:, None, None, :]
        for layer in layers:
            out = checkpoint(layer, hidden, additive, use_reentrant=False) if recompute else layer(hidden, additive)
            hidden = out[0] if isinstance(out, tuple) else out
        return hidden


class PostNorm(Around):
    """The same for layers as BERT has them: what needs no gradient runs without padding."""

    def forward(
        self,
        layers: nn.ModuleList,
        hidden: Tensor,
        mask: Tensor,
        *,
        recompute: bool = False,
        first: int = 0,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """As for plain layers. An accelerator computes padding faster than it starts an attention for each length."""
        if torch.is_grad_enabled() or mask.device.type != "cpu" or not layers:
            return super().forward(layers, hidden, mask, recompute=recompute, first=first, wanted=wanted)
        return unpadded.run(layers, hidden, mask, wanted)


class Relative(Around):
    """The same for DeBERTa: `shell` is its encoder without layers, which knows the relative positions."""

    def __init__(self, shell: Any) -> None:
        super().__init__()
        self.shell = shell

    def forward(
        self,
        layers: nn.ModuleList,
        hidden: Tensor,
        mask: Tensor,
        *,
        recompute: bool = False,
        first: int = 0,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """As for plain layers; `first` matters for the convolution after the very first layer that some of these models have."""
        below = hidden
        pairs, positions, embeddings = self.shell.get_attention_mask(mask), self.shell.get_rel_pos(hidden), self.shell.get_rel_embedding()
        for number, layer in enumerate(layers, first):
            given = {"relative_pos": positions, "rel_embeddings": embeddings}
            out = checkpoint(layer, hidden, pairs, use_reentrant=False, **given) if recompute else layer(hidden, pairs, **given)
            hidden = out[0]
            if number == 0 and self.shell.conv is not None:
                hidden = self.shell.conv(below, hidden, mask)
        return hidden


class Embedding(nn.Module):
    """Token ids and mask to the input of the first layer.

    Attributes:
        separator: Token after whose first place BERT's second text begins, which is of type 1; None where all tokens are of type 0.
    """

    def __init__(self, embeddings: nn.Module, *, masked: bool, projection: nn.Module | None) -> None:
        super().__init__()
        self.inner: Any = embeddings
        self.masked = masked
        self.projection = projection
        self.separator: int | None = None

    def forward(self, ids: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        """(batch, length) twice -> (batch, length, hidden); `rows`: where the table has each id, if not in its own row."""
        given = {"input_ids": ids if rows is None else rows[ids]}
        if self.masked:
            given["mask"] = mask
        if self.separator is not None:
            ends = (ids == self.separator).long()
            given["token_type_ids"] = (ends.cumsum(1) > ends).long() * mask
        hidden: Tensor = self.inner(**given)
        return hidden if self.projection is None else self.projection(hidden)

    @property
    def words(self) -> nn.Embedding:
        """The table of word embeddings."""
        table: nn.Embedding = self.inner.word_embeddings
        return table

    @property
    def positions(self) -> int | None:
        """The longest input in tokens; None where positions are relative only."""
        table: nn.Embedding | None = self.inner.position_embeddings
        # RoBERTa and its kin count from the row after the padding's.
        return None if table is None else table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)


class _Encoder(Protocol):
    layer: nn.ModuleList


@dataclass(frozen=True, slots=True)
class Parts:
    """An encoder taken apart; `final` runs after the last layer."""

    embeddings: Embedding
    layers: nn.ModuleList
    around: Around
    final: nn.Module | None


def take_apart(model: PreTrainedModel) -> Parts:
    """The parts of an encoder of transformers.

    Raises:
        ModelError: If it is of an architecture that is not known here.
    """
    encoder, embeddings = getattr(model, "encoder", None), getattr(model, "embeddings", None)
    layers = getattr(encoder, "layer", None)
    if not isinstance(layers, nn.ModuleList) or not isinstance(embeddings, nn.Module) or not hasattr(embeddings, "word_embeddings"):
        raise ModelError(f"{type(model).__name__} has no embeddings and encoder.layer as BERT has them; such models are not supported yet")
    kind = model.config.model_type
    # Others have the same parts and run them otherwise: a norm after the encoder, a projection, another mask.
    if kind not in _KNOWN or getattr(model.config, "is_decoder", False):
        what = f"{type(model).__name__} as a decoder" if kind in _KNOWN else f"{type(model).__name__} ({kind})"
        raise ModelError(f"{what} is not supported; encoders of these types are: {', '.join(_KNOWN)}")
    if kind == "deberta-v2":
        return Parts(Embedding(embeddings, masked=True, projection=None), layers, Relative(_without_layers(encoder)), None)
    if getattr(model.config, "position_embedding_type", None) not in (None, "absolute"):
        raise ModelError(f"{type(model).__name__} has relative positions of a kind that is not supported yet")
    projection = getattr(encoder, "embedding_hidden_mapping_in", None)
    around = PostNorm() if kind in _POST_NORM else Around()
    return Parts(Embedding(embeddings, masked=False, projection=projection), layers, around, getattr(encoder, "LayerNorm", None))


def _without_layers(encoder: Any) -> Any:
    layers = encoder.layer
    encoder.layer = nn.ModuleList()
    try:
        return copy.deepcopy(encoder)
    finally:
        encoder.layer = layers
