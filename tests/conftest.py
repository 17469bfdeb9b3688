import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub: no test may reach for the network
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers of pytest share the processors
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xbench import places, store

RUN = {
    "kind": "run",
    "model": "m",
    "model_revision": "1",
    "parameters": 10,
    "train_language": "en",
    "target_revision": "r",
    "intermediate_revision": "none",
    "recipe": "{}",
    "recipe_id": "rec",
    "stack": "xbench",
    "source": "xbench",
    "source_version": "0.1",
    "relationship": "first party",
    "trained_examples": 5,
    "packages": "{}",
    "hardware": "cpu",
}

os.fsync = lambda descriptor: None  # no test cuts the power: waiting for the disk is a tenth of the time

# The files that take longest, longest first: with them in hand to begin with, two workers end at about the same time.
_LONG = (
    "executors", "browser", "compact", "faults", "training", "store", "matrix", "accelerator", "verify", "app", "places", "cli", "engine",
    "ingest",
)  # fmt: skip


def some_slow(cases: Sequence[Any], quick: Sequence[Any]) -> list[Any]:
    """Cases for parametrize: those that are not `quick` are marked slow."""
    assert set(quick) <= set(cases)
    marks = pytest.mark.slow
    return [c if c in quick else pytest.param(*c, marks=marks) if isinstance(c, tuple) else pytest.param(c, marks=marks) for c in cases]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str, Callable[[Path], object]], Path]:
    """Stores that many tests begin with, each built once; what is called makes a copy, as if it had just been written."""
    folder = tmp_path_factory.mktemp("templates")

    def copied(to: Path, name: str, build: Callable[[Path], object]) -> Path:
        if not (folder / name).exists():
            build(folder / name)
        return shutil.copytree(folder / name, to, copy_function=shutil.copyfile)

    return copied


def run_id(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Writer:
    """Puts runs into a store by hand: one call a run, its scores given as {language: value}."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, intermediate: str, target: str, seed: int | None, values: dict[str, float], **change: object) -> str:
        import datetime

        when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        score_change = {
            k: change.pop(k) for k in ("metric", "split", "n", "dataset_revision", "scorer", "evidence", "language_set") if k in change
        }
        run = {**RUN, "intermediate": intermediate, "target": target, "seed": seed, "started": when, "finished": when, **change}
        if run["kind"] == "external":
            run |= {"identity": run_id(f"{sorted((k, str(v)) for k, v in {**run, **score_change, **values}.items())}"), "version": 1}
        run["run_id"] = run_id(repr(sorted((k, str(v)) for k, v in {**run, **score_change}.items())))
        shared = {c: run[c] for c in ("run_id", "model", "intermediate", "target", "train_language", "seed")}
        rows = [
            {
                **shared, "language": language, "split": "test", "metric": "accuracy", "scorer": "accuracy-1",
                "dataset_revision": "r", "value": value, "n": 100, "evidence": "outcomes" if seed is not None else "aggregate", **score_change,
            }
            for language, value in values.items()
        ]  # fmt: skip
        store.write(self.root, "score", pa.Table.from_pylist(rows), run["run_id"])
        store.write(self.root, "run", pa.Table.from_pylist([run]), run["run_id"])
        return str(run["run_id"])


@pytest.fixture(autouse=True, scope="session")
def _own_comparisons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kept comparisons of the tests stay out of the user's cache."""
    from xbench import keeping

    folder = tmp_path_factory.mktemp("comparisons")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "folder", lambda: folder)
        yield


@dataclass(frozen=True)
class Fault:
    """What a test did to a store, and what came of it; `tests.faults` makes the table of docs/reliability.md of them."""

    fault: str
    where: str
    times: str
    lost: int
    half_seen: int
    said: str = ""


_FAULTS = pytest.StashKey[list[Fault]]()


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Notes what was tried, at the end of a test that found it to hold."""

    def note(fault: str, where: str, times: str, lost: int = 0, half_seen: int = 0, said: str = "") -> None:
        request.config.stash.setdefault(_FAULTS, []).append(Fault(fault, where, times, lost, half_seen, said))

    return note


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long files first. With XBENCH_FAULTS=FILE, only tests that note something."""
    place = {f"test_{name}": number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
    if os.environ.get("XBENCH_FAULTS"):
        chosen = [item for item in items if "fault" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With XBENCH_FAULTS=FILE, what the tests noted goes there, a line of JSON each."""
    if (path := os.environ.get("XBENCH_FAULTS")) and session.config.stash.get(_FAULTS, []):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(dataclasses.asdict(f)) + "\n" for f in session.config.stash[_FAULTS])


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "store")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 3 layers x 32 with random weights and a tokenizer trained on the mini data, as a local folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from xbench.task import load_task

    folder = tmp_path_factory.mktemp("tiny")
    task = load_task("mini-pos")
    texts = [" ".join(e.tokens) for language in task.languages for e in task.examples(language, "test")]
    backend = Tokenizer(models.BPE(unk_token="<unk>"))  # the trainer of Unigram gives other subwords each time
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=1200, special_tokens=special, show_progress=False))
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=backend.get_vocab_size(), hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=256, pad_token_id=1,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# In a process of its own: what happens to this one's threads, warnings and descriptors in other tests shall not end it. It ends with its input.
_SERVER = """
import sys
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an S3 bucket, empty for each file of tests, on a server of this machine."""
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    log = tmp_path_factory.mktemp("moto") / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        assert port, log.read_text()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # fsspec keeps a file system, and so the server of the file of tests before
        found: Any = places.place("s3://bucket/store")
        found.fs.mkdir("bucket")
        yield "s3://bucket"
        assert server.poll() is None, log.read_text()
        server.kill()
        s3fs.S3FileSystem.clear_instance_cache()
