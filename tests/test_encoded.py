"""Encoded sets on disk: what comes back, and how much is kept."""

import os
import time
from pathlib import Path

import pytest

from xbench.recipe import Recipe
from xbench.task import load_task
from xbench.train import encoded, encoding, models
from xbench.train.encoding import encode


def test_encoded_sets_come_back_from_the_disk(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(encoded, "_WORTH", 1)
    model = models.resolve(str(tiny_model))
    tokenizer = models.load(model)[1]
    recipe = Recipe(max_length=64, retrieval_prefix="query: ")
    for name in ("mini-pos", "mini-qa", "mini-nli", "names"):
        task = load_task(name)
        language = "de" if name == "names" else "en"
        examples = task.examples(language, "train")
        first = encoded.encoded(model, tokenizer, recipe, task, language, "train", examples)
        assert first == encode(tokenizer, examples, 64, None, "query: " if name == "names" else "")
        monkeypatch.setattr(encoded, "encode", None)  # it is not called again
        assert encoded.encoded(model, tokenizer, recipe, task, language, "train", examples) == first
        monkeypatch.setattr(encoded, "encode", encode)
    assert len(list((tmp_path / "encoded").glob("*.arrow"))) == 4


def test_encoded_sets_are_kept_while_there_is_room(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those unused for longest go, and what killed processes left; a folder that cannot be written stops nothing."""
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(encoded, "_WORTH", 1)
    model, task, folder = models.resolve(str(tiny_model)), load_task("mini-nli"), tmp_path / "encoded"

    def made(length: int) -> Path:
        before = {p: p.stat().st_mtime for p in folder.iterdir()} if folder.exists() else {}
        assert encoded.encoded(model, models.tokenizer(model), Recipe(max_length=length), task, "en", "train", task.examples("en", "train"))
        (path,) = [p for p in folder.iterdir() if before.get(p) != p.stat().st_mtime]
        return path

    first, second = made(60), made(61)
    left = folder / ".x.arrow.0.tmp"
    left.write_bytes(bytes(1000))
    for path, seconds in ((first, 10), (second, 20), (left, 30)):
        os.utime(path, (time.time() - seconds, time.time() - seconds))
    assert made(61) == second
    monkeypatch.setattr(encoded, "_MOST", int(2.5 * second.stat().st_size))
    third = made(62)
    assert {*folder.iterdir()} == {second, third}
    monkeypatch.setattr(encoded, "_MOST", 1)
    last = made(63)
    assert {*folder.iterdir()} == {last}
    monkeypatch.setenv("XBENCH_CACHE", str(last))  # a file, in which there can be no folder
    examples = task.examples("en", "train")
    assert encoded.encoded(model, models.tokenizer(model), Recipe(max_length=64), task, "en", "train", examples)


def test_a_large_set_takes_little_memory(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal numbers, and pairs of them, are one object, made anew or from the disk; the tokenizer never has many texts at once."""
    monkeypatch.setenv("XBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(encoded, "_WORTH", 1)
    monkeypatch.setattr(encoded, "_ROWS", 7)
    model = models.resolve(str(tiny_model))
    tokenizer = models.load(model)[1]
    for name, field in (("mini-pos", "words"), ("mini-qa", "offsets"), ("mini-nli", "ids")):
        task = load_task(name)
        examples = task.examples("en", "train")
        made, read = (encoded.encoded(model, tokenizer, Recipe(max_length=64), task, "en", "train", examples) for _ in range(2))
        assert made == read
        for pieces in (made, read):
            values = [value for piece in pieces for value in getattr(piece, field)]
            assert len({id(v) for v in values}) == len(set(values)) < len(values) / 10

    class Counting:
        def __init__(self) -> None:
            self.most, self.truncation_side = 0, "right"

        def __call__(self, texts: list[str], *given: object, **more: object) -> object:
            self.most = max(self.most, len(texts))
            return tokenizer(texts, *given, **more)

    counting = Counting()
    monkeypatch.setattr(encoding, "_AT_ONCE", 5)
    assert encode(counting, examples, 64) == made  # type: ignore[arg-type]
    assert counting.most == 5
