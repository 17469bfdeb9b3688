"""Training state on disk: whole or not at all, safetensors only, so that a killed training goes on from its last step.

FOLDER/STAGE.safetensors            the encoder after a finished stage that others start from
FOLDER/STAGE.head.safetensors       the head on it, where systems are kept whole
FOLDER/STAGE.step.safetensors       weights, moments, random state and step of a training under way, or done and not yet evaluated
"""

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from xbench import places
from xbench.errors import XbenchError

EVERY = 60.0  # seconds between two states of a training
_SHARE = 20  # saving takes at most one part in this many of the time


def save(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any] | None = None) -> None:
    """Write tensors and what is said of them as one file, whole or not at all."""
    own = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with places.whole(path) as new:
        # Beside the file that it is given safetensors writes one with a name of its own first, which a killed process would leave for ever.
        folder = new.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        folder.mkdir()
        try:
            save_file(own, folder / path.name, metadata={"about": json.dumps(about or {})})
            (folder / path.name).replace(new)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def load(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save` wrote.

    Raises:
        XbenchError: If the file is damaged.
    """
    with places.local(path) as file:
        try:
            with safe_open(file, framework="pt") as opened:
                about: dict[str, Any] = json.loads((opened.metadata() or {}).get("about", "{}"))
            return load_file(file, device=device), about
        except (SafetensorError, ValueError) as error:
            raise XbenchError(f"{path} is damaged: remove it, and what it held is trained again", [str(error)]) from error


def found(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What `save` wrote; None where there is nothing, or was until another process took it away just now."""
    try:
        return load(path, device)
    except FileNotFoundError:
        return None


@dataclass(slots=True)
class Saver:
    """Keeps the state of one training.

    Attributes:
        path: Its file.
        every: Seconds between two states, longer where writing one takes long; 0: after every step.
    """

    path: Path
    every: float = EVERY
    _last: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def due(self) -> bool:
        """Whether it is time to save."""
        return not self.every or time.monotonic() - self._last >= max(self.every, _SHARE * self._took)

    def save(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Replace the state on disk."""
        start = time.monotonic()
        save(self.path, tensors, about)
        self._last = time.monotonic()
        self._took = self._last - start

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state on disk; None where there is none."""
        return found(self.path)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's generators, of the processor and of the device."""
    found = {"random.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["random.cuda"] = torch.cuda.get_rng_state(device)
    return found


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state["random.cpu"].cpu())
    if device.type == "cuda" and "random.cuda" in state:
        torch.cuda.set_rng_state(state["random.cuda"].cpu(), device)
