"""Layers that torch has compiled: what they learn, how often they are compiled, what is left of it."""

from itertools import product
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters

from tests.conftest import some_slow
from tests.test_engine import SMALL, VARIANTS, stage_of, workbench
from xbench.recipe import Compute
from xbench.train import stages

# Dynamo looks at the gradients of what flows into a graph; the warning is its own.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")

CASES = ("single", "masked", "alignment", "lora")


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own up to the code that it would write for this machine: the same operations in the same order, and no minutes of a C++ compiler."""
    usual = torch.compile
    monkeypatch.setattr(torch, "compile", lambda what, **given: usual(what, **{**given, "backend": "aot_eager"}))
    torch._dynamo.reset()
    counters.clear()


@pytest.mark.parametrize(("variant", "recompute"), some_slow([*product(CASES, (False, True))], [("single", True)]))
@pytest.mark.usefixtures("compiler")
def test_compiled_layers_learn_the_same(tiny_model: Path, tmp_path: Path, variant: str, recompute: bool) -> None:
    """Each layer is compiled by itself, so that one graph serves all layers, and the next training with other words."""
    intermediate, recipe = VARIANTS[variant]
    found = []
    for compiled in (False, True):
        bench = workbench(tiny_model, tmp_path, **{"intermediate": SMALL, **recipe})
        bench.compute = Compute(compile=compiled, gradient_checkpointing=recompute)
        found.append(stages.train(bench, stage_of(bench, intermediate), bench.trunk(None)).trunk)
    plain, made = found
    # All layers are of one kind; but with adapters in some, one has none, of one nothing below learns, and the others are alike.
    kinds = 3 if variant == "lora" else 1
    assert 1 <= counters["stats"]["unique_graphs"] <= kinds + 1  # a batch of one is apart
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(made.state_dict()[name], value, atol=1e-5, rtol=1e-4, msg=name)
    assert all(layer._compiled_call_impl is None for layer in made.layers)


@pytest.mark.usefixtures("compiler")
@pytest.mark.slow  # by default compiled layers are trained above
def test_what_is_compiled_serves_all_layers_and_trainings(tiny_model: Path, tmp_path: Path) -> None:
    """A graph of the whole encoder was made again for each training, whose words are others, eight times at most; then torch gave up."""
    for intermediate in ("mini-pos", "mini-nli", "mini-qa", "intents"):
        bench = workbench(tiny_model, tmp_path, intermediate={**SMALL, "max_examples": 16})
        bench.compute = Compute(compile=True)
        stages.train(bench, stage_of(bench, intermediate), bench.trunk(None))
    assert counters["stats"]["unique_graphs"] <= 2  # a batch of one is apart
