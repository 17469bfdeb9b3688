"""The path of an accelerator, on a device that this machine does not have (tests/elsewhere.py)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.utils import backend_registration

from tests.test_engine import VARIANTS
from tests.test_matrix import RECIPES

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"), reason="this PyTorch lets no device be written in Python"
)
WAYS = [*RECIPES, "kinds of task", "recomputed"]
QUICK = ["half precision", "kinds of task"]


def elsewhere(model: Path, folder: Path, *ways: str) -> list[dict[str, Any]]:
    """In a process of its own, which knows the device for good."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.elsewhere", str(model), str(folder), *ways], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_tensor_of_the_processor_is_not_there() -> None:
    code = """
import torch
from tests import elsewhere
device = elsewhere.register()
there = torch.nn.Linear(3, 2).to(device)
assert there(torch.ones(4, 3).to(device)).cpu().shape == (4, 2)
there(torch.ones(4, 3))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RuntimeError: addmm: expected all tensors to be on the same device" in done.stderr


@pytest.mark.parametrize("ways", [QUICK, pytest.param([w for w in WAYS if w not in QUICK], marks=pytest.mark.slow)], ids=["some", "others"])
def test_it_trains_and_predicts_as_on_the_processor(tiny_model: Path, tmp_path: Path, ways: list[str]) -> None:
    """Half precision is not the same there as here: it is CUDA's choice of operations."""
    found = {line["way"]: line for line in elsewhere(tiny_model, tmp_path, *ways)}
    assert list(found) == ways
    for way, line in found.items():
        assert line["scores"] >= 10
        assert line["apart"] <= (0.02 if way == "half precision" else 0.002), way


@pytest.mark.parametrize("variants", [["mixture", "selection"], pytest.param(sorted(VARIANTS), marks=pytest.mark.slow)], ids=len)
def test_an_interrupted_training_goes_on_there(tiny_model: Path, tmp_path: Path, variants: list[str]) -> None:
    found = elsewhere(tiny_model, tmp_path, *variants)
    assert sorted(line["interrupted"] for line in found) == sorted(variants)


def test_the_benchmark_of_an_accelerator_runs_there(tiny_model: Path, tmp_path: Path) -> None:
    (found,) = elsewhere(tiny_model, tmp_path, "benchmark")
    assert [what.split(",")[0] for what in found["benchmark"]] == ["training", "training", "inference"]
