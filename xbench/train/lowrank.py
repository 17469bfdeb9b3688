"""Parameter-efficient training: low-rank adapters by peft (Hu et al. 2022) on chosen layers, merged into the encoder when a stage ends."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from xbench.errors import ModelError
from xbench.recipe import Lora
from xbench.train.encoder import SplitEncoder, Trunk


@dataclass(frozen=True, slots=True)
class Adapted:
    """A trunk with adapters in it."""

    trunk: Trunk
    layers: tuple[Any, ...]  # peft's layers, each around a linear map of ours

    def merge(self) -> None:
        """Add the adapters to the weights and take peft's layers out again."""
        for layer in self.layers:
            layer.merge(safe_merge=True)
        for module in list(self.trunk.modules()):
            for child, inner in list(module.named_children()):
                if any(inner is layer for layer in self.layers):
                    setattr(module, child, inner.get_base_layer())  # type: ignore[operator]
        for p in self.trunk.parameters():
            p.requires_grad_(True)


def adapt(trunk: Trunk, wanted: Lora, encoder: SplitEncoder) -> Adapted:
    """Put adapters into `trunk`, which alone are trained from then on.

    Raises:
        ModelError: If peft is not installed, or the layers or modules do not exist.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer
    except ImportError as error:
        raise ModelError("a recipe with lora needs peft: pip install 'xbench[peft]'", [str(error)]) from error
    first, last = encoder.frozen_layers, encoder.layers - 1
    layers = list(range(first, last + 1)) if wanted.layers is None else list(wanted.layers)
    outside = [n for n in layers if not first <= n <= last]
    if outside:
        raise ModelError(f"lora.layers names {', '.join(map(str, outside))}; trained are layers {first} to {last}")
    names = [name for name, module in trunk.layers.named_modules() if isinstance(module, nn.Linear)]
    chosen = [
        f"layers.{name}"
        for name in names
        if int(name.split(".")[0]) + first in layers and any(("." + name).endswith("." + m) for m in wanted.modules)
    ]
    if not chosen:
        there = sorted({name.split(".", 1)[1] for name in names})
        raise ModelError(f"lora.modules names {', '.join(wanted.modules)}; a layer has {', '.join(there)}")
    config = LoraConfig(
        r=wanted.rank,
        lora_alpha=wanted.alpha,
        lora_dropout=wanted.dropout,
        target_modules=chosen,
        bias="none",
    )
    inject_adapter_in_model(config, trunk)
    return Adapted(trunk, tuple(m for m in trunk.modules() if isinstance(m, LoraLayer)))
