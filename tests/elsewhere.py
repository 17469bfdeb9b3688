"""A device that is not the processor, for machines that have none: does the path of an accelerator work, to the last tensor?

    python -m tests.elsewhere MODEL FOLDER [WAY…]

PyTorch lets a device be written in Python (torch.utils.backend_registration). A tensor of this one wraps one of the processor; an operation on
tensors of both fails as it would on a card, and under autocast what CUDA computes in half precision, or in single, is computed so. It trains and
predicts what tests/test_matrix.py does, on the processor and there, and prints how far the scores are apart. Speed and memory it cannot show.
"""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "elsewhere"
_COPIES = {"copy_", "_to_copy", "_foreach_copy_"}
_INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}  # on a card by indices of the processor, too
# aten/src/ATen/autocast_mode.h, AT_FORALL_LOWER_PRECISION_FP and AT_FORALL_FP32, as far as encoders meet them.
_HALF = ("linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "scaled_dot_product_attention")
_SINGLE = (
    "layer_norm",
    "native_layer_norm",
    "cross_entropy_loss",
    "nll_loss",
    "binary_cross_entropy_with_logits",
    "cosine_similarity",
    "exp",
    "log",
)
_libraries: list[torch.library.Library] = []  # what they say goes with them


class Elsewhere(Tensor):
    """A tensor on the device; `held` is what it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Elsewhere":
        made: Elsewhere = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Elsewhere({self.held!r})"

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(held: dict[str, Tensor], *_: Any) -> "Elsewhere":
        return Elsewhere(held["held"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        if name == "_fused_sdp_choice":
            return 0  # plain arithmetic: the fused kernels of the processor are not those of a card
        alike = () if name in _COPIES else (args[0], args[2:]) if name in _INDEXED else (args, kwargs)
        for given in tree_leaves(alike):
            if isinstance(given, Tensor) and not isinstance(given, Elsewhere) and given.ndim:
                raise RuntimeError(f"{name}: expected all tensors to be on the same device; one of shape {tuple(given.shape)} is not")
        back = "device" in kwargs and torch.device(kwargs["device"]).type == "cpu"
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        plain_args, plain = tree_map(lambda x: x.held if isinstance(x, Elsewhere) else x, (args, kwargs))
        out = func(*plain_args, **plain)
        if back or (name == "copy_" and not isinstance(args[0], Elsewhere)):
            return out
        return return_and_correct_aliasing(func, args, kwargs, tree_map(lambda x: Elsewhere(x) if isinstance(x, Tensor) else x, out))


class _Module(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def register() -> torch.device:
    """Make the device known to this process, for good."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    here, mixed, rest = (
        torch.library.Library(*x)
        for x in (("aten", "IMPL", "PrivateUse1"), ("aten", "IMPL", "AutocastPrivateUse1"), ("_", "IMPL", "AutocastPrivateUse1"))
    )
    _libraries.extend((here, mixed, rest))

    def made(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *given, **options: Elsewhere(function(*given, dtype=options.get("dtype")))

    def copied(source: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
        getattr(to, "held", to).copy_(getattr(source, "held", source))
        return to

    here.impl("empty.memory_format", made(torch.empty))
    here.impl("empty_strided", made(torch.empty_strided))
    for name in ("arange", "arange.start", "arange.start_step"):
        here.impl(name, made(torch.arange))
    here.impl("_copy_from", copied)  # by which torch.tensor(…, device=…) comes there

    def cast(operation: Any, dtype: torch.dtype) -> Callable[..., Any]:
        def called(*given: Any, **options: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
                return operation(
                    *tree_map(lambda x: x.to(dtype) if isinstance(x, Tensor) and x.is_floating_point() else x, given), **options
                )

        return called

    for names, dtype in ((_HALF, torch.bfloat16), (_SINGLE, torch.float32)):
        for name in names:
            mixed.impl(name, cast(getattr(torch.ops.aten, name).default, dtype))
    rest.fallback(torch.library.fallthrough_kernel)
    return torch.device(NAME, 0)


def main() -> None:
    from tests import test_engine
    from tests.test_matrix import RECIPE, RECIPES, results
    from xbench.train import cells, saving

    model, folder, *wanted = sys.argv[1:]
    usual, load = cells.Workbench.__init__, saving.load_file
    device = register()

    def there(self: cells.Workbench, *given: Any, **options: Any) -> None:
        usual(self, *given, **{**options, "device": device})

    def fetched(file: Path, device: str = "cpu") -> dict[str, Tensor]:  # safetensors knows the devices of PyTorch's own by name
        return {name: value.to(device) for name, value in load(file).items()}

    ways: dict[str, dict[str, Any]] = {way: {"recipe": {**RECIPE, **recipe}} for way, recipe in RECIPES.items()}
    ways["half precision"]["recipe"]["frozen_layers"] = None
    ways["aligned at a layer"]["intermediates"] = ["names"]
    ways["kinds of task"] = {"intermediates": ["intents-mlm", "names"], "targets": ["mini-qa", "mini-retrieval"]}
    ways["recomputed"] = {"compute": {"micro_tokens": 128, "gradient_checkpointing": True}}
    for way in [w for w in wanted or ways if w in ways]:
        found = []
        for place, begin, opened in (("processor", usual, load), (NAME, there, fetched)):
            cells.Workbench.__init__, saving.load_file = begin, opened  # type: ignore[method-assign,assignment]
            (Path(folder) / place / way).mkdir(parents=True)
            grid = {"intermediates": ["none", "mini-nli"], "targets": ["mini-pos"], **ways[way]}
            rows = results(Path(model), Path(folder) / place / way, **grid)
            found.append({(r["run_id"], r["language"], r["metric"]): r["value"] for r in rows})
        assert found[0].keys() == found[1].keys()
        apart = max(abs(found[1][key] - value) for key, value in found[0].items())
        sys.stdout.write(json.dumps({"way": way, "scores": len(found[0]), "apart": apart}) + "\n")
    cells.Workbench.__init__, saving.load_file = there, fetched  # type: ignore[method-assign,assignment]
    for variant in [v for v in wanted or test_engine.VARIANTS if v in test_engine.VARIANTS]:
        (Path(folder) / "interrupted" / variant).mkdir(parents=True)
        test_engine.test_an_interrupted_training_goes_on_from_its_last_step(Path(model), Path(folder) / "interrupted" / variant, variant)
        sys.stdout.write(json.dumps({"interrupted": variant}) + "\n")
    if not wanted or "benchmark" in wanted:
        benchmark = runpy.run_path(str(Path(__file__).parent.parent / "benchmarks" / "accelerator.py"))
        small = "--layers 1 --hidden 64 --vocabulary 200 --sentences 16 --batch 8 --micro-tokens 256".split()
        lines = list(benchmark["measured"](benchmark["options"](small), device))
        sys.stdout.write(json.dumps({"benchmark": [line.what for line in lines]}) + "\n")


if __name__ == "__main__":
    main()
