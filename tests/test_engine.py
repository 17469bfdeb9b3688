"""The training engine against transformers' own models, hand computations, and itself interrupted."""

import copy
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import some_slow
from xbench import planning
from xbench.errors import XbenchError
from xbench.executors import lay_out
from xbench.recipe import Compute, Lora, Phase, Recipe, Selection
from xbench.study import Study, plan
from xbench.task import Choice, Classified, Example, Plain, Question, Tagged, Task, Translation, load_task
from xbench.train import architectures, heads, loop, models, objectives, saving, stages, trimming
from xbench.train.cells import Workbench
from xbench.train.encoder import SplitEncoder
from xbench.train.encoding import Piece, encode, encode_texts

CPU = torch.device("cpu")
TEXTS = ["The ferry leaves at seven.", "Short.", "A much longer sentence about a river that was cold last night, and about the old mill."]


def silent(_: int) -> None:
    pass


def random_model(kind: str) -> Any:
    """A random encoder of an architecture, in eval mode."""
    import transformers as t

    size = {
        "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "pad_token_id": 1,
        "max_position_embeddings": 130,
    }  # fmt: skip
    torch.manual_seed(0)
    made: dict[str, Callable[[], Any]] = {
        "bert": lambda: t.BertModel(t.BertConfig(**size), add_pooling_layer=False),
        "xlm-roberta": lambda: t.XLMRobertaModel(t.XLMRobertaConfig(**size), add_pooling_layer=False),
        "xlm-roberta-xl": lambda: t.XLMRobertaXLModel(t.XLMRobertaXLConfig(**size), add_pooling_layer=False),
        "rembert": lambda: t.RemBertModel(t.RemBertConfig(**size, input_embedding_size=16), add_pooling_layer=False),
        "mdeberta-v3": lambda: t.DebertaV2Model(
            t.DebertaV2Config(
                **size, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm", share_att_key=True,
                pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
            )
        ),
        "deberta-v2-xl": lambda: t.DebertaV2Model(
            t.DebertaV2Config(**size, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm", conv_kernel_size=3)
        ),
    }  # fmt: skip
    model = made[kind]().eval()
    for p in model.parameters():  # biases and norms that differ from their neutral start
        torch.nn.init.normal_(p, std=0.2)
    return model


def pieces_of(count: int, seed: int = 0) -> list[Piece]:
    rng = np.random.default_rng(seed)
    return [Piece(i, (0, *(int(x) for x in rng.integers(5, 290, int(rng.integers(1, 40)))), 2)) for i in range(count)]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "xlm-roberta-xl", "rembert", "mdeberta-v3", "deberta-v2-xl"])
def test_every_architecture_is_cut_without_a_change(kind: str) -> None:
    """Vectors of padded batches, at every layer and cut anywhere, are those of transformers' own forward pass of one text."""
    model = random_model(kind)
    pieces = pieces_of(5)
    with torch.no_grad():
        own = [model(input_ids=torch.tensor([p.ids]), attention_mask=torch.ones(1, len(p.ids)), output_hidden_states=True) for p in pieces]
    for frozen in (None, 0, 1, 3):
        encoder = SplitEncoder(copy.deepcopy(model), frozen, CPU)
        trunk = encoder.trunk().eval()
        vectors = loop.embed(pieces, encoder, trunk, None, silent)
        wanted = torch.stack([o.last_hidden_state[0].mean(0) for o in own])
        torch.testing.assert_close(vectors, wanted, atol=2e-5, rtol=1e-4)
        if frozen != 3:
            vectors = loop.embed(pieces, encoder, trunk, 2 - encoder.frozen_layers, silent)
            torch.testing.assert_close(vectors, torch.stack([o.hidden_states[2][0].mean(0) for o in own]), atol=2e-5, rtol=1e-4)
        assert set(encoder.trunk().state_dict()) == set(trunk.state_dict())


UNPADDED = ("bert", "xlm-roberta", "rembert")
BATCHES = {"one text": [7], "one length": [5, 5, 5], "mixed": [2, 3, 3, 9, 9, 21], "in no order": [9, 3, 9, 2]}


@pytest.mark.parametrize("lengths", list(BATCHES.values()), ids=list(BATCHES))
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "xlm-roberta-xl", "rembert", "mdeberta-v3"])
def test_states_that_are_wanted_are_those_of_transformers(kind: str, lengths: list[int]) -> None:
    """At any depth, cut anywhere; and layers as BERT's compute no padding, the last of them nothing but what is wanted."""
    model = random_model(kind)
    texts = [(0, *range(20 + row, 18 + row + length), 2) for row, length in enumerate(lengths)]
    with torch.no_grad():
        own = [model(torch.tensor([t]), attention_mask=torch.ones(1, len(t)), output_hidden_states=True).hidden_states for t in texts]
    seen: list[int] = []
    for frozen in (None, 1):
        encoder = SplitEncoder(copy.deepcopy(model), frozen, CPU)
        encoder.prepare(texts)
        trunk = encoder.trunk().eval()
        for layer in trunk.layers:
            layer.intermediate.register_forward_hook(lambda _module, given, _out: seen.append(given[0].shape[:-1].numel()))
        inputs, mask = encoder.batch(texts)
        for depth, chosen in itertools.product(range(1, len(trunk.layers) + 1), (mask == 1, heads.marked([(1, 0)] * len(texts), mask))):
            seen.clear()
            with torch.no_grad():
                hidden = trunk(inputs, mask, depth if depth < len(trunk.layers) else None, chosen)
            for row, states in enumerate(own):
                at = chosen[row].nonzero()[:, 0]
                torch.testing.assert_close(hidden[row, at], states[encoder.frozen_layers + depth][0, at], atol=2e-5, rtol=1e-4)
            computed = [sum(lengths)] * (depth - 1) + [int(chosen.sum())] if kind in UNPADDED else [mask.numel()] * depth
            assert seen == computed


def test_an_architecture_that_is_not_known_is_refused() -> None:
    import transformers as t

    from xbench.errors import ModelError

    with pytest.raises(ModelError, match=r"DistilBertModel has no embeddings and encoder\.layer"):
        SplitEncoder(t.DistilBertModel(t.DistilBertConfig(dim=32, n_layers=1, n_heads=2, hidden_dim=32, vocab_size=99)), None, CPU)
    size = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    # Both have all parts of BERT, and what they give is not what these parts give: a norm after the encoder, and no look ahead.
    other = t.RobertaPreLayerNormModel(t.RobertaPreLayerNormConfig(**size))
    with pytest.raises(ModelError, match=r"RobertaPreLayerNormModel \(roberta-prelayernorm\) is not supported"):
        SplitEncoder(other, None, CPU)
    with pytest.raises(ModelError, match="BertModel as a decoder is not supported"):
        SplitEncoder(t.BertModel(t.BertConfig(**size, is_decoder=True)), None, CPU)


def labelled_task(family: str, labels: tuple[str, ...]) -> Task:
    return Task(
        family=family, languages=("en",), labels=labels, metric="accuracy", scorers=("accuracy",), load=lambda language, split: [],
        revision=lambda: "r", licence="x", source="x", about="x", name=family,
    )  # type: ignore[arg-type]  # fmt: skip


EXAMPLES: dict[str, tuple[tuple[str, ...], list[Example]]] = {
    "tagging": (("A", "B", "C"), [Tagged(t, t, tuple(t.split()), tuple("ABC"[i % 3] for i in range(len(t.split())))) for t in TEXTS]),
    "classification": (("x", "y"), [Classified(t, t, t, "", "xy"[i % 2]) for i, t in enumerate(TEXTS)]),
    "choice": (("0", "1"), [Choice(t, t, t, ("seven", "a river"), str(i % 2)) for i, t in enumerate(TEXTS)]),
    "qa": ((), [Question(t, t, "when?", t, (t.split()[-1],), t.rindex(t.split()[-1])) for t in TEXTS]),
}


def supervised(family: str, tokenizer: Any, hidden: int, classifier: str = "mean") -> tuple[objectives.Supervised, Task]:
    labels, examples = EXAMPLES[family]
    task = labelled_task(family, labels)
    torch.manual_seed(1)
    head = heads.Head(task, hidden, 0.0, classifier)
    torch.nn.init.normal_(head.linear.bias)
    return objectives.Supervised(task, examples, encode(tokenizer, examples, 64), head), task


@pytest.mark.parametrize("precision", [None, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("classifier", ["mean", "first", "pooler"])
@pytest.mark.parametrize("family", list(EXAMPLES))
def test_a_head_names_all_positions_that_it_depends_on(
    tiny_model: Path, family: str, classifier: str, precision: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions from the positions that a head names, without padding, are those from all positions, padded."""
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    objective, task = supervised(family, tokenizer, model.config.hidden_size, classifier)
    assert isinstance(objective.head, heads.Head)
    torch.nn.init.normal_(objective.head.linear.weight)
    encoder = SplitEncoder(model, None, CPU, pooler=torch.nn.Linear(32, 32))
    encoder.precision = precision
    trained = loop.Trained(encoder.trunk().eval(), objective.head.eval())
    uses = objective.head.positions if family == "tagging" else None
    scores: list[list[torch.Tensor]] = []
    decode = heads.decode

    def kept(task: Task, examples: Sequence[Example], pieces: Sequence[Piece], given: Sequence[torch.Tensor]) -> list[str]:
        scores.append([g if uses is None else g[list(uses(piece))] for piece, g in zip(pieces, given, strict=True)])
        return decode(task, examples, pieces, given)

    monkeypatch.setattr(heads, "decode", kept)
    said = loop.predict(task, objective.examples, objective.pieces, encoder, trained, silent)
    monkeypatch.setattr(architectures.PostNorm, "forward", architectures.Around.forward)
    padded = loop.predict(task, objective.examples, objective.pieces, encoder, trained, silent)
    for one, other in zip(*scores, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5 if precision is None else 0.1, rtol=1e-4)
    assert precision is not None or said == padded


def test_losses_are_those_of_transformers(  # noqa: PLR0915 - one head after another
    tiny_model: Path,
) -> None:
    """Token classification, question answering, sequence classification and masked words: the loss of transformers' own heads."""
    import transformers as t

    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    encoder = SplitEncoder(copy.deepcopy(model), None, CPU)
    trunk = encoder.trunk().eval()

    def ours(objective: objectives.Objective) -> float:
        return sum(float(x.detach()) for x in objective.losses(range(len(objective.pieces)), encoder, trunk, None))

    def theirs(made: Any, layer: Any, head: heads.Head, objective: objectives.Objective, rows: Sequence[int] = (), **wanted: Any) -> float:
        made.load_state_dict({f"bert.{k}": v for k, v in model.state_dict().items()}, strict=False)
        layer.load_state_dict(head.linear.state_dict())
        ids, mask = encoder.pad_ids([objective.pieces[r].ids for r in rows] if rows else objective.inputs)
        with torch.no_grad():
            return float(made.eval()(input_ids=ids, attention_mask=mask, **wanted).loss)

    config = copy.deepcopy(model.config)
    config.num_labels = 3
    objective, task = supervised("tagging", tokenizer, 32)
    tags = t.BertForTokenClassification(config)
    wanted = heads.targets(task, objective.examples, objective.pieces, max(objective.lengths))
    assert ours(objective) == pytest.approx(theirs(tags, tags.classifier, objective.head, objective, labels=wanted), rel=1e-5)

    objective, task = supervised("qa", tokenizer, 32)
    config.num_labels = 2
    qa = t.BertForQuestionAnswering(config)
    spans = heads.targets(task, objective.examples, objective.pieces, 0)
    found = [  # one by one: transformers lets padding be an answer, we do not
        theirs(qa, qa.qa_outputs, objective.head, objective, [i], start_positions=spans[i : i + 1, 0], end_positions=spans[i : i + 1, 1])
        for i in range(len(spans))
    ]
    assert ours(objective) == pytest.approx(sum(found) / len(found), rel=1e-5)

    objective, task = supervised("classification", tokenizer, 32, "first")
    assert objective.head.dense is not None
    robust = t.XLMRobertaConfig(hidden_size=32, num_labels=2, hidden_dropout_prob=0.0)
    classifier = t.models.xlm_roberta.modeling_xlm_roberta.XLMRobertaClassificationHead(robust)
    classifier.dense.load_state_dict(objective.head.dense.state_dict())
    classifier.out_proj.load_state_dict(objective.head.linear.state_dict())
    with torch.no_grad():
        ids, mask = encoder.pad_ids(objective.inputs)
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        labels = heads.targets(task, objective.examples, objective.pieces, 0)
        loss = float(torch.nn.functional.cross_entropy(classifier(states), labels))
    assert ours(objective) == pytest.approx(loss, rel=1e-5)

    words = objectives.vocabulary(tokenizer, len(encoder.words(trunk)))
    on_top = heads.MaskedWords(32, words.size)
    torch.nn.init.normal_(on_top.bias, std=0.1)
    plain = [Plain(x, x, x) for x in TEXTS]
    masked = objectives.Masked("mlm", encode(tokenizer, plain, 64), words, on_top)
    torch.manual_seed(5)
    value = ours(masked)
    lm = t.BertForMaskedLM(model.config)
    lm.load_state_dict({f"bert.{k}": v for k, v in model.state_dict().items()}, strict=False)
    top = lm.cls.predictions
    top.transform.dense.load_state_dict(on_top.dense.state_dict())
    top.transform.LayerNorm.load_state_dict(on_top.norm.state_dict())
    top.transform.LayerNorm.eps = on_top.norm.eps
    top.decoder.weight.data = encoder.words(trunk).data
    top.decoder.bias.data = on_top.bias.data
    torch.manual_seed(5)
    ids, mask = encoder.pad_ids(masked.inputs)
    changed, chosen = objectives.masked(ids, mask, words)
    with torch.no_grad():
        value_theirs = float(lm.eval()(input_ids=changed, attention_mask=mask, labels=ids.masked_fill(~chosen, -100)).loss)
    assert value == pytest.approx(value_theirs, rel=1e-4)


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta"])
def test_masked_language_modelling_goes_on_with_the_models_own_head(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    """Golden: the loss of transformers' own model for it. A model that has none gets a new one, which learns at the rate of heads."""
    import shutil

    import transformers as t

    config = getattr(t, f"{kind}Config")(
        vocab_size=len(models.tokenizer(models.resolve(str(tiny_model)))), hidden_size=32, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=130, pad_token_id=0, layer_norm_eps=1e-3,
    )  # fmt: skip
    torch.manual_seed(7)
    lm = getattr(t, f"{kind}ForMaskedLM")(config).eval()
    for name, weight in lm.named_parameters():
        if "lm_head" in name or "predictions" in name:
            torch.nn.init.normal_(weight, std=0.3)
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    lm.save_pretrained(folder)

    def objective(model: Path | str) -> tuple[Workbench, Any]:
        bench = workbench(Path(model), tmp_path / "store", intermediate={"learning_rate": 1e-4, "head_learning_rate": 1e-2})
        task = load_task("intents-mlm")
        part = next(p for p in task.parts if load_task(p.task).family == "mlm")
        examples = [Plain(x, x, x) for x in TEXTS]
        material = stages.Material(part, load_task(part.task), examples, encode(bench.tokenizer, examples, 64))
        return bench, stages._objective(bench, material, bench.trunk(None), bench.recipe.intermediate)

    bench, own = objective(folder)
    trunk = bench.trunk(None)
    torch.manual_seed(5)
    with torch.no_grad():
        value = float(sum(own.losses(range(len(TEXTS)), bench.encoder(), trunk.eval(), None)))
    torch.manual_seed(5)
    ids, mask = bench.encoder().pad_ids(own.inputs)
    changed, chosen = objectives.masked(ids, mask, own.words)
    with torch.no_grad():
        theirs = float(lm(input_ids=changed, attention_mask=mask, labels=ids.masked_fill(~chosen, -100)).loss)
    assert value == pytest.approx(theirs, rel=1e-5)
    assert {g["lr"] for g in loop._optimizer(trunk, [own], bench.recipe.intermediate).param_groups} == {1e-4}
    for model in (str(tiny_model), f"random-init:{folder}"):
        bench, new = objective(model)
        assert not new.pretrained
        assert {g["lr"] for g in loop._optimizer(bench.trunk(None), [new], bench.recipe.intermediate).param_groups} == {1e-4, 1e-2}


def test_the_pooler_is_the_encoders_and_goes_on_with_it(tiny_model: Path, tmp_path: Path) -> None:
    """Golden: transformers' pooler_output under the head that jiant took over from RoBERTa (jiant/proj/main/modeling/heads.py)."""
    import transformers as t

    def bench(model: Path) -> Workbench:
        return workbench(model, tmp_path / "store", intermediate=SMALL, classifier="pooler")

    folder = tmp_path / "model"
    pretrained = t.BertModel(t.BertConfig.from_pretrained(tiny_model)).eval()
    torch.nn.init.normal_(pretrained.pooler.dense.bias)
    pretrained.save_pretrained(folder)
    t.AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    own = bench(folder)
    task = load_task("mini-nli")
    examples, pieces = own.data(task, "en", "dev")
    head, trunk = stages.head(own, task, own.recipe.intermediate).eval(), own.trunk(None)
    assert head.dense is not None
    config = t.XLMRobertaConfig(hidden_size=32, num_labels=len(task.labels), hidden_dropout_prob=0.0)
    theirs = t.models.xlm_roberta.modeling_xlm_roberta.XLMRobertaClassificationHead(config).eval()
    theirs.dense.load_state_dict(head.dense.state_dict())
    theirs.out_proj.load_state_dict(head.linear.state_dict())
    ids, mask = own.encoder().pad_ids([p.ids for p in pieces])
    with torch.no_grad():
        golden = theirs(pretrained(input_ids=ids, attention_mask=mask).pooler_output[:, None])
        torch.testing.assert_close(head(trunk(ids, mask), mask, trunk.pooler), golden, atol=1e-5, rtol=1e-4)
    said = loop.predict(task, examples, pieces, own.encoder(), loop.Trained(trunk, head), silent)
    assert said == [task.labels[int(row.argmax())] for row in golden]

    drawn = bench(tiny_model)  # without one in its files: the same for all
    before = drawn.trunk(None)
    assert before.pooler is not None
    assert torch.equal(before.pooler.weight, bench(tiny_model).trunk(None).pooler.weight)  # type: ignore[union-attr]
    stages.train(drawn, stage_of(drawn, "mini-nli"), trunk := drawn.trunk(None))
    assert trunk.pooler is not None
    assert not torch.equal(before.pooler.weight, trunk.pooler.weight)
    assert torch.equal(drawn.encoder().trunk(trunk.state_dict()).pooler.weight, trunk.pooler.weight)  # type: ignore[union-attr]


def test_the_pooler_of_files_with_a_head_is_found(tiny_model: Path, tmp_path: Path) -> None:
    """RemBERT's was not, and one drawn at random was trained: those runs have other ids, and no others."""
    import transformers as t

    size = {
        "vocab_size": 1200, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48,
        "input_embedding_size": 16, "pad_token_id": 1,
    }  # fmt: skip
    config = t.RemBertConfig(**size)
    more = {"bert": t.BertConfig, "xlm-roberta": t.XLMRobertaConfig, "camembert": t.CamembertConfig}
    made = {"rembert": t.RemBertModel(config), "rembert and head": t.RemBertForSequenceClassification(config)}
    for kind, configured in more.items():
        made[kind] = t.AutoModelForMaskedLM.from_config(configured(**size))
        made[kind].base_model.pooler = type(made["rembert"].pooler)(config)
    for name, model in made.items():
        folder = tmp_path / name
        model.save_pretrained(folder)
        t.AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
        found = models.resolve(str(folder))
        assert torch.equal(models.pooler(found, 32).weight, model.base_model.pooler.dense.weight)
        for classifier in ("mean", "first", "pooler"):
            new = " own pooler" if (name, classifier) == ("rembert and head", "pooler") else ""
            study = Study(
                about="t", models=[str(folder), f"random-init:{folder}"], intermediates=["none"], targets=["mini-nli"], seeds=[0],
                recipe=Recipe.model_validate({"frozen_layers": None, "classifier": classifier}),
            )  # fmt: skip
            todo, resolved = lay_out(study)
            assert [c.model_revision for c in todo.cells] == [f"{found.revision}{new}", resolved[f"random-init:{folder}"].revision]
            here = planning._Here({"r": study.recipe.canonical}, {})
            assert [here._model(c.model, "r") for c in todo.cells] == [c.model_revision for c in todo.cells]


def test_losses_by_hand() -> None:
    """Choices: softmax over the choices of an example. Alignment: softmax over the pairs of a batch that are not alike, both ways."""
    head = heads.Head(labelled_task("choice", ("0", "1")), 4, 0.0)
    scores = torch.tensor([1.0, 3.0, 0.5, 0.5])
    by_hand = -np.log(np.exp(3) / (np.exp(1) + np.exp(3))) - np.log(0.5)
    assert float(head.loss(scores, torch.tensor([1, 0]))) == pytest.approx(by_hand, rel=1e-6)
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    cosines = np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in right] for a in left]) / 0.1
    for others in ([[0, 1, 2]] * 3, [[0, 1], [0, 1, 2], [1, 2]]):  # in the second the first and the last are alike
        forward = -np.mean([np.log(np.exp(cosines[i, i]) / np.exp(cosines[i, others[i]]).sum()) for i in range(3)])
        backward = -np.mean([np.log(np.exp(cosines[i, i]) / np.exp(cosines[others[i], i]).sum()) for i in range(3)])
        alike = torch.tensor([[j not in others[i] or i == j for j in range(3)] for i in range(3)])
        found = objectives.contrastive(torch.tensor(left), torch.tensor(right), 0.1, alike)
        assert float(found) == pytest.approx((forward + backward) / 2, rel=1e-5)


def test_pairs_that_share_a_text_are_no_negatives_of_each_other() -> None:
    """One English word in two languages, two English words for one foreign word; by text alone, whatever the items are called."""
    texts = [("Chad", "Tschad"), ("Congo", "Kongo"), ("Chad", "Tchad"), ("the Congo", "Kongo")]
    pieces = [Piece(i, tuple(map(ord, text))) for i, pair in enumerate(texts) for text in pair]
    aligned = objectives.Alignment("a", pieces, Phase(), None)
    assert aligned.alike(range(8)).tolist() == [[i % 2 == j % 2 for j in range(4)] for i in range(4)]
    assert aligned.alike([2, 3, 0, 1, 6, 7]).tolist() == [[True, False, True], [False, True, False], [True, False, True]]


@pytest.mark.parametrize("family", list(EXAMPLES))
def test_a_batch_in_parts_is_the_same_batch(tiny_model: Path, family: str) -> None:
    """Micro-batches, and gradient checkpointing, give the gradient of the whole batch."""
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    encoder = SplitEncoder(model, None, CPU)
    objective, _ = supervised(family, tokenizer, 32)
    found = []
    for micro, recompute in ((None, False), (16, False), (None, True)):
        trunk = encoder.trunk().eval()
        if recompute:
            trunk.recompute = trunk.training = True  # the trunk only: no dropout below it
        parts = list(objective.losses(range(len(objective.pieces)), encoder, trunk, micro))
        assert len(parts) == 1 or micro
        sum(parts).backward()  # type: ignore[union-attr]
        found.append((sum(float(p.detach()) for p in parts), [p.grad for p in trunk.parameters() if p.grad is not None]))
    for loss, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        torch.testing.assert_close(gradients, found[0][1], atol=1e-6, rtol=1e-4)


PHASE = Phase(epochs=3, batch_size=4, learning_rate=3e-3, head_learning_rate=1e-2, weight_decay=0.1)


def test_a_trimmed_vocabulary_trains_as_a_whole_one(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights equal those of training every row, up to rounding; words that no text has are only decayed."""
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    task = load_task("mini-pos")
    examples = list(task.examples("en", "train"))[:24]
    states = []
    for trimmed in (True, False):
        if not trimmed:
            monkeypatch.setattr(loop, "_trim", lambda plan, trunk: None)
        encoder = SplitEncoder(copy.deepcopy(model), None, CPU)
        trunk = encoder.trunk()
        torch.manual_seed(0)
        objective = objectives.Supervised(task, examples, encode(tokenizer, examples, 64), heads.Head(task, 32, 0.1))
        seen = []
        step = loop._State.step
        monkeypatch.setattr(
            loop._State, "step", lambda self, losses, step=step, seen=seen: (seen.append(len(self.parameters[0])), step(self, losses))[1]
        )
        loop.fit(loop.Plan("trim", [objective], [1.0], PHASE, 18, 0), encoder, trunk, silent)
        monkeypatch.setattr(loop._State, "step", step)
        states.append((trunk.state_dict(), seen[0]))
    (ours, rows), (whole, every) = states
    assert rows < 0.5 * every
    for name, value in whole.items():
        torch.testing.assert_close(ours[name], value, atol=3e-6, rtol=3e-5, msg=name)
    used = {i for p in encode(tokenizer, examples, 64) for i in p.ids}
    unused = next(i for i in range(100, every) if i not in used)
    before = model.embeddings.word_embeddings.weight[unused]
    assert not torch.equal(ours["embeddings.inner.word_embeddings.weight"][unused], before)
    assert trunk.rows is None
    assert trimming.Trimmed  # the module says why this may be done


def workbench(tiny_model: Path, folder: Path, **recipe: Any) -> Workbench:
    torch.set_num_threads(1)
    made = Recipe.model_validate({"frozen_layers": None, "max_length": 64, **recipe})
    return Workbench(models.resolve(str(tiny_model)), made, folder, frozenset(), lambda what, done, total: None)


def stage_of(bench: Workbench, intermediate: str, seed: int = 0) -> Any:
    study = Study(
        about="t", models=[bench.model.name], intermediates=[intermediate], targets=["mini-ner"], seeds=[seed], recipe=bench.recipe
    )
    (cell,) = plan(study, {bench.model.name: "r"}).cells
    assert cell.encoder is not None
    return cell.encoder.parent


SMALL = {"epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "max_examples": 40}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "single": ("mini-pos", {}),
    "frozen": ("mini-pos", {"frozen_layers": 1}),
    "mixture": ("mini-multi", {}),
    "masked": ("intents-mlm", {"intermediate": {**SMALL, "max_examples": 24}}),
    "alignment": ("names", {}),
    "lora": ("mini-pos", {"intermediate": {**SMALL, "lora": {"rank": 2, "layers": [1, 2]}}}),
    "selection": ("mini-pos", {"intermediate": {**SMALL, "epochs": 4, "selection": {"every": 3, "examples": 30, "patience": 2}}}),
    "parts": ("mini-nli", {}),
}


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("variant", some_slow(list(VARIANTS), ["frozen", "mixture", "selection"]))
def test_an_interrupted_training_goes_on_from_its_last_step(tiny_model: Path, tmp_path: Path, variant: str) -> None:
    """Interrupted twice, at any step, and gone on in a fresh process's place: the same bits as without."""
    intermediate, recipe = VARIANTS[variant]
    recipe = {"intermediate": SMALL, **recipe}
    compute = Compute(micro_tokens=128) if variant == "parts" else Compute()

    def made(folder: Path) -> tuple[Workbench, Any]:
        bench = workbench(tiny_model, folder, **recipe)
        bench.every, bench.compute = 0.0, compute
        return bench, stage_of(bench, intermediate)

    bench, stage = made(tmp_path / "a")
    whole = stages.train(bench, stage, bench.trunk(None))
    for stop in (4, 2):
        bench, stage = made(tmp_path / "b")
        steps = 0

        def tick(count: int, stop: int = stop) -> None:
            nonlocal steps
            steps += 1
            if steps > stop:
                raise StoppedError

        with pytest.raises(StoppedError):
            stages.train(bench, stage, bench.trunk(None), tick)
    saved = saving.load(tmp_path / "b" / f"{stage.stage_id}.step.safetensors")[1]
    assert saved["step"] >= 4
    bench, stage = made(tmp_path / "b")
    done: list[int] = []
    again = stages.train(bench, stage, bench.trunk(None), done.append)
    assert done[0] == saved["step"]  # what was done is not done again
    for name, value in whole.trunk.state_dict().items():
        assert torch.equal(value, again.trunk.state_dict()[name]), name
    if whole.head is not None and again.head is not None:
        assert all(torch.equal(a, b) for a, b in zip(whole.head.parameters(), again.head.parameters(), strict=True))


def test_a_damaged_state_is_named_with_what_to_do(tiny_model: Path, tmp_path: Path) -> None:
    bench = workbench(tiny_model, tmp_path, intermediate=SMALL)
    stage = stage_of(bench, "mini-pos")
    path = bench.saver(stage).path
    saving.save(path, {"a": torch.zeros(3)})
    for damaged in (path.read_bytes()[:-4], b"", b"x" * 100):
        path.write_bytes(damaged)
        with pytest.raises(
            XbenchError, match=f"{stage.stage_id}.step.safetensors is damaged: remove it, and what it held is trained again"
        ):
            stages.train(bench, stage, bench.trunk(None))


def test_a_gradient_that_is_not_finite_in_the_last_step_ends_the_training(tiny_model: Path, tmp_path: Path) -> None:
    """Its loss is, and there is no further one that would not be: the weights were not, and predictions were made with them."""

    class Overflows(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, loss: torch.Tensor) -> torch.Tensor:
            return loss.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
            return gradients[0] * float("inf")

    bench = workbench(tiny_model, tmp_path, intermediate=SMALL)
    stage = stage_of(bench, "mini-pos")
    step, last = loop._State.step, 10  # 40 examples in batches of 8, twice

    def spoilt(self: Any, losses: Any) -> None:
        step(self, (Overflows.apply(loss) if self.done == last - 1 else loss for loss in losses))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._State, "step", spoilt)
        with pytest.raises(XbenchError, match=r"diverged: the norm of its gradient is (inf|nan) in step 10"):
            stages.train(bench, stage, bench.trunk(None))


def test_frozen_embeddings_get_no_gradient_from_masked_words(tiny_model: Path, tmp_path: Path) -> None:
    bench = workbench(tiny_model, tmp_path, frozen_layers=1, intermediate={**SMALL, "max_examples": 24})
    stages.train(bench, stage_of(bench, "intents-mlm"), bench.trunk(None))
    assert bench.encoder()._embeddings.words.weight.grad is None


def test_lora_changes_the_chosen_maps_by_a_low_rank(tiny_model: Path, tmp_path: Path) -> None:
    bench = workbench(
        tiny_model, tmp_path, intermediate={**SMALL, "lora": {"rank": 2, "layers": [2], "modules": ["query", "output.dense"]}}
    )
    before = bench.trunk(None).state_dict()
    after = stages.train(bench, stage_of(bench, "mini-pos"), bench.trunk(None)).trunk
    assert all(p.requires_grad for p in after.parameters())
    changed = {name for name, value in after.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"layers.2.{m}.weight" for m in ("attention.self.query", "attention.output.dense", "output.dense")}
    for name in changed:
        assert torch.linalg.matrix_rank((after.state_dict()[name] - before[name]).double(), rtol=1e-4) <= 2


@pytest.mark.parametrize(
    ("lora", "message"),
    [({"layers": [9]}, "lora.layers names 9; trained are layers 0 to 2"), ({"modules": ["gate"]}, "lora.modules names gate; a layer has")],
)
def test_lora_on_what_does_not_exist(tiny_model: Path, tmp_path: Path, lora: dict[str, Any], message: str) -> None:
    from xbench.errors import ModelError

    bench = workbench(tiny_model, tmp_path, intermediate={**SMALL, "lora": lora})
    with pytest.raises(ModelError, match=message):
        stages.train(bench, stage_of(bench, "mini-pos"), bench.trunk(None))


def test_selection_keeps_the_best_step_and_ends_early(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    encoder = SplitEncoder(model, None, CPU)
    objective, _ = supervised("tagging", tokenizer, 32)
    values = iter([0.2, 0.6, 0.6, 0.5, 0.9])
    seen: list[dict[str, torch.Tensor]] = []

    def judge(trunk: Any) -> float:
        assert not trunk.training
        seen.append({k: v.clone() for k, v in trunk.state_dict().items()})
        return next(values)

    phase = PHASE.model_copy(update={"selection": Selection(every=2, patience=2)})
    trunk = encoder.trunk()
    loop.fit(loop.Plan("select", [objective], [1.0], phase, 40, 0, judge=judge), encoder, trunk, silent)
    assert len(seen) == 4  # 0.2, 0.6, then twice no gain
    used = {i for p in objective.pieces for i in p.ids}
    last, best = trunk.state_dict(), seen[1]
    for name, value in best.items():
        if "word_embeddings" not in name:
            assert torch.equal(last[name], value), name
    decay = np.prod([1 - phase.learning_rate * phase.weight_decay * min((s + 1) / 4, (40 - s) / 36) for s in range(4)])
    unused = next(i for i in range(100, 900) if i not in used)
    torch.testing.assert_close(
        last["embeddings.inner.word_embeddings.weight"][unused], model.embeddings.word_embeddings.weight[unused] * float(decay)
    )


def test_selection_by_the_mean_of_two_metrics_on_the_first_examples(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As jiant has it for paraphrases and questions (jiant/tasks/evaluate/core.py). Golden: scikit-learn's accuracy and F1."""
    from sklearn.metrics import accuracy_score, f1_score

    rng = random.Random(3)
    rows = [{"id": str(i), "text": f"a {i}", "pair": "b", "label": rng.choice("001")} for i in range(50)]
    (tmp_path / "data" / "qqp").mkdir(parents=True)
    for split in ("train", "dev"):
        (tmp_path / "data" / "qqp" / f"{split}-en.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setenv("XBENCH_DATA_DIR", str(tmp_path / "data"))
    said = {row["id"]: rng.choice("001") for row in rows}
    monkeypatch.setattr(loop, "predict", lambda task, examples, *_: [said[e.example_id] for e in examples])
    for asked, kept, metrics in (
        ({"metric": "mean", "subset": "first"}, range(20), (accuracy_score, f1_score)),
        ({"metric": "mean"}, range(0, 50, 5), (accuracy_score, f1_score)),
        ({"subset": "first"}, range(20), (accuracy_score,)),
    ):
        wanted = {"every": 2, "examples": len(kept), **asked}
        bench = workbench(tiny_model, tmp_path / "store", intermediate={**SMALL, "selection": wanted})
        stage, trunk = stage_of(bench, "qqp"), bench.trunk(None)
        phase = bench.phase(stage)
        found = stages.materials(bench, stage, phase)
        judge, _ = stages._judge(bench, found, [stages._objective(bench, m, trunk, phase) for m in found], phase)
        gold, answers = [int(rows[i]["label"]) for i in kept], [int(said[str(i)]) for i in kept]
        assert judge is not None
        assert judge(trunk) == pytest.approx(sum(metric(gold, answers) for metric in metrics) / len(metrics), abs=1e-15)


def test_who_makes_batches_ahead_ends_with_whom_they_are_for() -> None:
    """Where an accelerator has no more memory, the thread that made the next batches held them, and the encoder, for ever."""
    import threading

    before = threading.active_count()
    made: list[int] = []

    def endless() -> Any:
        for number in itertools.count():
            made.append(number)
            yield number

    for number in loop.ahead(endless(), torch.device("cuda")):
        if number == 3:
            break
    for _ in range(100):
        if threading.active_count() == before:
            break
        time.sleep(0.05)
    assert threading.active_count() == before
    assert len(made) < 20
    assert list(loop.ahead(iter(range(50)), torch.device("cuda"))) == list(range(50))
    with pytest.raises(ZeroDivisionError):
        list(loop.ahead((1 // n for n in (1, 0)), torch.device("cuda")))


def test_what_the_frozen_part_gave_is_kept_within_bounds(tiny_model: Path) -> None:
    """Texts that do not fit are computed anew: the same vectors, and no more memory than allowed."""
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    pieces = encode_texts(tokenizer, [f"{text} {i}" for i in range(20) for text in TEXTS], 64)
    whole = SplitEncoder(model, 2, CPU)
    room = sum(len(p.ids) for p in pieces) * 32 * 4 // 3
    little = SplitEncoder(model, 2, CPU, cache_bytes=room)
    torch.testing.assert_close(
        loop.embed(pieces, little, little.trunk().eval(), None, silent), loop.embed(pieces, whole, whole.trunk().eval(), None, silent)
    )
    kept = sum(len(ids) for ids in little._cache) * 32 * 4
    assert 0.5 * room < kept <= room


def test_alignment_draws_translations_together(tiny_model: Path, tmp_path: Path) -> None:
    """On the pairs it trains on, a random encoder finds more translations afterwards."""
    bench = workbench(tiny_model, tmp_path, intermediate={**SMALL, "epochs": 12, "batch_size": 20, "alignment_layer": 2})
    stage = stage_of(bench, "names")
    trained = stages.train(bench, stage, bench.trunk(None))
    (material,) = stages.materials(bench, stage, bench.phase(stage))
    assert material.groups == 40
    assert all(isinstance(e, Translation) for e in material.examples)

    def found(trunk: Any) -> int:
        vectors = loop.embed(material.pieces, bench.encoder(), trunk.eval(), 2, silent).numpy()
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return int(((unit[::2] @ unit[1::2].T).argmax(1) == np.arange(40)).sum())

    assert found(trained.trunk) > found(bench.trunk(None)) + 10


def test_lora_is_data() -> None:
    assert Recipe.model_validate({"intermediate": {"lora": {}}}).phase("intermediate", "x").lora == Lora()


def test_retrieval_reads_texts_at_the_length_of_its_task(tiny_model: Path, tmp_path: Path) -> None:
    """`tasks: {NAME: {max_length}}` holds for retrieval and mining as for what is trained (tatoeba and bucc2018 in the shipped recipes)."""
    texts = ("The ferry to Crete leaves at seven in the morning, as it did last year.",)
    task = load_task("mini-retrieval")
    special = {"max_length": 64, "tasks": {task.name: {"max_length": 12}}}
    own, short, long = (workbench(tiny_model, tmp_path, **r).vectors(task, None, texts) for r in (special, {"max_length": 12}, {}))
    assert np.array_equal(own, short)
    assert not np.allclose(own, long)


def test_weights_that_the_files_lack_are_not_drawn_at_random(tiny_model: Path, tmp_path: Path) -> None:
    """transformers fills in what is missing and warns: the system would be another one. A pooling layer may be missing."""
    import shutil

    from safetensors.torch import load_file, save_file

    from xbench.errors import ModelError

    folder = shutil.copytree(tiny_model, tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.2.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 of the weights of a BertModel") as caught:
        models.load(models.resolve(str(folder)))
    assert caught.value.problems == ("encoder.layer.2.output.dense.weight",)


@pytest.mark.parametrize(("kind", "types"), [("Bert", True), ("RemBert", True), ("XLMRoberta", False)])
def test_the_texts_of_a_pair_are_told_apart_as_by_transformers(kind: str, types: bool, tmp_path: Path) -> None:
    """BERT's second text is of type 1, in a trimmed vocabulary and below frozen layers too; XLM-R has one type."""
    import transformers as t

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
    t.BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(tmp_path)
    size = {
        "vocab_size": 13, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "pad_token_id": 0,
        "bos_token_id": 2, "eos_token_id": 3, **({} if types else {"type_vocab_size": 1}),
    }  # fmt: skip
    torch.manual_seed(0)
    model = getattr(t, f"{kind}Model")(getattr(t, f"{kind}Config")(**size), add_pooling_layer=False).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    model.save_pretrained(tmp_path)
    pairs = [("a b", "c d e h"), ("a", "b"), ("f g", None)]
    inputs = [p.ids for p in encode(t.BertTokenizer.from_pretrained(tmp_path), [Classified(a, a, a, b or "", "x") for a, b in pairs], 16)]
    for frozen in (None, 1):
        bench = workbench(tmp_path, tmp_path, frozen_layers=frozen)
        trunk = bench.trunk(None)
        trimmed = trimming.Trimmed(trunk, inputs)
        with torch.no_grad():
            states = trunk(*bench.encoder().batch(inputs))
        trimmed.restore(1.0)
        for row, (a, b) in enumerate(pairs):
            given = dict(bench.tokenizer(a, b, return_tensors="pt"))
            assert bool(given["token_type_ids"].any()) is (b is not None)
            if not types:
                del given["token_type_ids"]
            with torch.no_grad():
                own = model(**given).last_hidden_state[0]
            torch.testing.assert_close(states[row, : len(own)], own, atol=2e-5, rtol=1e-4)


def test_the_last_layer_by_its_number_is_the_last_layer(tmp_path: Path, tiny_model: Path) -> None:
    """XLM-R XL has a norm after it, which transformers counts to it."""
    bench = workbench(tiny_model, tmp_path)
    model = random_model("xlm-roberta-xl")
    bench._encoder, bench._tokenizer = SplitEncoder(model, None, CPU), None
    pieces = pieces_of(3)
    vectors = loop.embed(pieces, bench.encoder(), bench.trunk(None), bench.depth(3), silent)
    with torch.no_grad():
        own = [model(torch.tensor([p.ids]), output_hidden_states=True).hidden_states[3][0].mean(0) for p in pieces]
    torch.testing.assert_close(vectors, torch.stack(own), atol=2e-5, rtol=1e-4)


def test_an_unknown_subword_is_no_word_boundary() -> None:
    """A tokenizer without the mark (BERT's) gives the unknown token for it: a word that begins with one is labelled there, too."""
    import transformers as t

    tokenizer = t.BertTokenizer(vocab={word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "-"])})
    (piece,) = encode(tokenizer, [Tagged("1", "1", ("☃-a", "a"), ("X", "Y"))], 16)
    assert tokenizer.convert_ids_to_tokens(list(piece.ids)) == ["[CLS]", "[UNK]", "-", "a", "a", "[SEP]"]
    assert piece.words == ((1, 0), (4, 1))


@pytest.mark.parametrize(
    ("kind", "most"), [("bert", 130), ("xlm-roberta", 128), ("xlm-roberta-xl", 128), ("rembert", 130), ("mdeberta-v3", None), ("deberta-v2-xl", 130)]
)  # fmt: skip
def test_an_input_beyond_the_positions_of_a_model_is_an_error_that_says_so(kind: str, most: int | None) -> None:
    """What transformers' own model takes is taken."""
    from xbench.errors import ModelError

    model = random_model(kind)
    encoder = SplitEncoder(model, None, CPU)
    trunk = encoder.trunk().eval()
    for length in (128, 129, 130, 131):
        ids = (0, *range(5, 3 + length), 2)
        if most is None or length <= most:
            with torch.no_grad():
                torch.testing.assert_close(
                    trunk(*encoder.batch([ids]))[0], model(torch.tensor([ids])).last_hidden_state[0], atol=2e-5, rtol=1e-4
                )
        else:
            with pytest.raises(ModelError, match=f"an input has {length} subwords, and the model takes {most} at most"):
                encoder.batch([ids])
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.tensor([ids]))


def test_a_model_without_its_tokenizer_is_refused(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers would make a tokenizer to which every word is unknown. In the cache it is a download that was interrupted: the hub is asked."""
    import shutil

    import huggingface_hub

    from xbench.errors import ModelError

    folder = shutil.copytree(tiny_model, tmp_path / "m", ignore=shutil.ignore_patterns("tokenizer*", "special*"))
    with pytest.raises(ModelError, match="has no vocabulary"):
        models.tokenizer(models.resolve(str(folder)))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, local_files_only, **_: str(folder if local_files_only else tiny_model)
    )
    assert models.resolve("some/model").folder == tiny_model


def test_words_of_byte_level_subwords_have_their_space(tmp_path: Path) -> None:
    """As `add_prefix_space=True` gives them, with which transformers' scripts tag with RoBERTa (run_ner.py)."""
    import transformers as t
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers import models as kinds

    backend = Tokenizer(kinds.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        ["see the ferry"] * 9,
        trainers.BpeTrainer(vocab_size=290, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    backend.save(str(tmp_path / "bpe.json"))
    stored = json.loads((tmp_path / "bpe.json").read_text())["model"]
    given = {"vocab": stored["vocab"], "merges": [tuple(m) for m in stored["merges"]]}
    plain, spaced = t.RobertaTokenizer(**given), t.RobertaTokenizer(**given, add_prefix_space=True)
    words = ("the", "ferry", "☃")
    wanted = spaced([list(words)], is_split_into_words=True)
    for tokenizer in (plain, spaced):
        (piece,) = encode(tokenizer, [Tagged("1", "1", words, ("X",) * 3)], 32)
        assert list(piece.ids) == wanted["input_ids"][0]
        firsts = [wanted.word_ids(0).index(word) for word in range(3)]
        assert spaced.convert_ids_to_tokens(piece.ids[firsts[2]]) == "Ġ"  # no part of the word: the byte after it is the first
        assert piece.words == ((firsts[0], 0), (firsts[1], 1), (firsts[2] + 1, 2))
