"""Training a large vocabulary at the cost of the part that is used.

A word whose embedding is in no training text has gradient zero in every step, so AdamW does one thing to it: weight decay, by a factor
that the schedule fixes beforehand. While a stage trains, the trunk therefore holds only the rows that its texts use; afterwards they
go back into the table, and all other rows are multiplied by the product of those factors. The result is that of training the whole
table (Loshchilov and Hutter 2019, algorithm 2, with gradient and moments zero). Of multilingual-e5-small's 118 million parameters 96
million are word embeddings, of which a training set uses a few percent.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from xbench.train.encoder import Ids, Trunk


class Trimmed:
    """The word embeddings of `trunk`, cut to the rows of `inputs` until `restore`; a trunk without embeddings stays as it is."""

    def __init__(self, trunk: Trunk, inputs: Iterable[Ids]) -> None:
        self.trunk = trunk
        if trunk.embeddings is None:
            return
        table = trunk.embeddings.words
        self.whole = table.weight.detach()
        # Rows up to the padding stay first: RoBERTa-like embeddings tell padding by its row.
        used = set(range((table.padding_idx or 0) + 1))
        for ids in inputs:
            used.update(ids)
        self.used = torch.tensor(sorted(used), device=self.whole.device)
        rows = torch.full((len(self.whole),), -1, dtype=torch.long, device=self.whole.device)
        rows[self.used] = torch.arange(len(self.used), device=self.whole.device)
        table.weight = nn.Parameter(self.whole[self.used].clone())
        trunk.rows = rows

    def restore(self, decay: float) -> None:
        """Put the rows back; the others are multiplied by `decay`, the product of 1 - rate x weight decay over all steps."""
        if self.trunk.embeddings is None:
            return
        table = self.trunk.embeddings.words
        whole: Tensor = self.whole * decay
        whole[self.used] = table.weight.detach()
        table.weight = nn.Parameter(whole)
        self.trunk.rows = None
