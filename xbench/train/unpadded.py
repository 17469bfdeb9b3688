"""Inference through the layers of BERT and its kin (attention, norm, feed-forward, norm) on the subwords that there are.

The subwords of a batch lie one after another, (subwords, hidden), without padding: all but attention treats each by itself. Attention
runs over each stretch of texts of one length, which needs no mask. After the last layer not every position may be wanted; the others
are then keys and values to it only.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn


def run(layers: nn.ModuleList, hidden: Tensor, mask: Tensor, wanted: Tensor | None = None) -> Tensor:
    """States after `layers`, (batch, length, hidden); 0 in padding and in what is not wanted.

    Args:
        layers: In order, each as transformers' BertLayer; one at least.
        hidden: (batch, length, hidden).
        mask: 1 for tokens and 0 for padding, which follows them, (batch, length).
        wanted: True where the states are used, (batch, length), at tokens only; None: at all of them.
    """
    there = mask.flatten().nonzero().squeeze(1)
    lengths = mask.sum(1).tolist()
    states = hidden.flatten(0, 1)[there]
    for layer in layers[:-1]:
        states = _layer(layer, states, lengths, None)
    used = None if wanted is None else wanted.flatten()[there].nonzero().squeeze(1)
    states = _layer(layers[-1], states, lengths, used)
    out = states.new_zeros((mask.numel(), states.shape[1]))
    out[there if used is None else there[used]] = states
    return out.view(*mask.shape, -1)


def _layer(layer: Any, states: Tensor, lengths: Sequence[int], used: Tensor | None) -> Tensor:
    """A layer's output at the rows `used` of (subwords, hidden), or at all."""
    attention = layer.attention.self
    keys, values = attention.key(states), attention.value(states)
    asking = states if used is None else states[used]
    queries = attention.query(asking)
    if used is not None:
        queries = torch.zeros_like(keys).index_copy_(0, used, queries)
    mixed = _attend(queries, keys, values, lengths, attention)
    after = layer.attention.output(mixed if used is None else mixed[used], asking)
    out: Tensor = layer.feed_forward_chunk(after)
    return out


def _attend(queries: Tensor, keys: Tensor, values: Tensor, lengths: Sequence[int], attention: Any) -> Tensor:
    """Scaled dot products within each text, (subwords, hidden)."""
    out = torch.empty_like(queries)
    dropout = attention.dropout.p if attention.training else 0.0
    for start, texts, length in _stretches(lengths):
        rows, shape = slice(start, start + texts * length), (texts, length, -1, attention.attention_head_size)
        query, key, value = (t[rows].view(shape).transpose(1, 2) for t in (queries, keys, values))
        found = nn.functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        out[rows].view(shape).copy_(found.transpose(1, 2))
    return out


def _stretches(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(first subword, texts, length of each) of neighbours of one length."""
    start = 0
    for length, group in groupby(lengths):
        texts = len(list(group))
        yield start, texts, length
        start += texts * length
