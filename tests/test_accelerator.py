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
SOME = ["half precision"]


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


@pytest.mark.parametrize(
    ("ways", "variants", "benchmark"),
    [
        (SOME, ["frozen"], []),
        pytest.param([w for w in WAYS if w not in SOME], sorted(VARIANTS), ["benchmark"], marks=pytest.mark.slow),
    ],
    ids=["some", "others"],
)
def test_all_that_is_done_on_the_processor(
    tiny_model: Path, tmp_path: Path, ways: list[str], variants: list[str], benchmark: list[str]
) -> None:
    """It trains and predicts there, goes on from where it was interrupted, and is measured."""
    lines = elsewhere(tiny_model, tmp_path, *ways, *variants, *benchmark)
    trained = {line["way"]: line for line in lines if "way" in line}
    assert list(trained) == ways
    for way, line in trained.items():
        assert line["scores"] >= 10
        # Half precision is not the same there as here: it is CUDA's choice of operations.
        assert line["apart"] <= (0.02 if way == "half precision" else 0.002), way
    assert sorted(line["interrupted"] for line in lines if "interrupted" in line) == sorted(variants)
    measured = [[what.split(",")[0] for what in line["benchmark"]] for line in lines if "benchmark" in line]
    assert measured == [["training", "training", "inference"]] * len(benchmark)
