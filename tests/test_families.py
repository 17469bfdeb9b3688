"""Training of the families that the mini set does not have: multiple choice, unanswerable and long questions, mining, mixtures, MLM."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import normalizers

from xbench import task as tasks
from xbench.errors import DataError, PluginError, StudyError
from xbench.recipe import Phase, Recipe
from xbench.study import DIRECT, Study, load_study, plan
from xbench.task import Choice, Classified, Example, Part, Plain, Question, Split, Tagged, Task, Unaligned, load_task
from xbench.train import heads, loop, models, objectives, stages
from xbench.train.cells import Workbench, run_cell
from xbench.train.encoder import SplitEncoder
from xbench.train.encoding import encode

WORDS = "der Baum ist grün und das Haus hat eine Tür the river was cold that night we walked along it to the old mill".split()
PHASE = {"epochs": 4, "batch_size": 8, "learning_rate": 3e-3, "head_learning_rate": 2e-2}
RECIPE = Recipe.model_validate({"frozen_layers": 1, "max_length": 64, "target": PHASE, "intermediate": PHASE})
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def made(name: str, family: str, examples: dict[tuple[str, str], Sequence[Example]], **more: Any) -> Task:
    """A task in memory."""

    def load(language: str, split: Split) -> Sequence[Example]:
        return examples[language, split]

    languages = tuple(sorted({code for code, split in examples if split == "test"}))
    return Task(
        **{
            "family": family, "languages": languages, "metric": "accuracy", "scorers": ("accuracy",), "load": load, "licence": "x",
            "revision": lambda: f"revision of {name}", "source": "x", "about": "x", "name": name, **more,
        }
    )  # fmt: skip


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    """Tasks put in here are found by load_task beside the shipped ones."""
    here: dict[str, Task] = {}
    real = tasks.load_task

    def load(name: str) -> Task:
        base = name.partition("@")[0]
        return here[base] if base in here else real(name)

    for module in ("xbench.task", "xbench.study", "xbench.train.cells", "xbench.train.stages"):
        monkeypatch.setattr(f"{module}.load_task", load)
    return here


def bench(tiny_model: Path, folder: Path, recipe: Recipe = RECIPE) -> Workbench:
    torch.set_num_threads(1)
    return Workbench(models.resolve(str(tiny_model)), recipe, folder, frozenset(), lambda what, done, total: None)


def cells(tiny_model: Path, recipe: Recipe = RECIPE, **grid: Any) -> list[Any]:
    study = Study(about="t", models=[str(tiny_model)], seeds=[0], recipe=recipe, **grid)
    return list(plan(study, {str(tiny_model): "r"}).cells)


def rows(tables: dict[str, Any], table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables[table].to_pylist()
    return found


def choices(count: int, start: int) -> list[Example]:
    """The right choice is the one with the word `mill`."""
    out: list[Example] = []
    for i in range(start, start + count):
        right = i * 7 % 3
        options = tuple("mill " + WORDS[(i + k) % 9] if k == right else WORDS[(i + k) % 9] + " cold" for k in range(3))
        out.append(Choice(str(i), str(i), WORDS[i % 9], options, str(right)))
    return out


def test_choice_is_learnt_and_its_choices_stay_together(tiny_model: Path, tmp_path: Path, known: dict[str, Task]) -> None:
    known["pick"] = made(
        "pick",
        "choice",
        {("en", "train"): choices(60, 0), ("en", "dev"): choices(6, 60), ("en", "test"): choices(30, 70)},
        labels=("0", "1", "2"),
    )
    (cell,) = cells(tiny_model, intermediates=[DIRECT], targets=["pick"])
    tables = run_cell(bench(tiny_model, tmp_path), cell, "{}", NOW, lambda: NOW)
    (score,) = [r for r in rows(tables, "score") if r["split"] == "test"]
    assert score["value"] > 0.8
    assert {p["prediction"] for p in rows(tables, "prediction")} <= {"0", "1", "2"}
    assert rows(tables, "run")[0]["trained_examples"] == 4 * 60
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    pieces = encode(tokenizer, choices(5, 0), 64)
    assert [len(u) for u in objectives.units(known["pick"], pieces)] == [3] * 5
    scores = [torch.tensor(float(x)) for x in (0, 1, 0, 5, 1, 1, 0, 0, 2, 9, 1, 1, 0, 7, 1)]
    assert heads.decode(known["pick"], choices(5, 0), pieces, scores) == ["1", "0", "2", "0", "1"]


CONTEXT = " ".join(WORDS * 5)


def question(i: int, answer: str | None) -> Question:
    return Question(str(i), str(i), "cold river", CONTEXT, (answer,) if answer else (), CONTEXT.rindex(answer) if answer else -1)


def test_a_question_may_have_no_answer_only_where_the_task_says_so(tiny_model: Path) -> None:
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    examples = [Question("a", "a", "was", "the river was cold", (), -1)]
    (piece,) = encode(tokenizer, examples, 64)
    assert piece.span == (0, 0)
    inside = next(i for i, o in enumerate(piece.offsets) if o is not None)
    plain = made("q", "qa", {})
    for cls, span in ((3.0, 2.0), (1.0, 2.0)):
        scores = torch.full((2, len(piece.ids)), -5.0)
        scores[:, 0], scores[:, inside] = cls, span
        refusing = heads.decode(replace(plain, labels=(heads.NO_ANSWER,)), examples, [piece], [scores])
        assert (refusing == [""]) == (cls > span)
        assert heads.decode(plain, examples, [piece], [scores]) != [""]
    assert json.loads(heads.reference(examples[0])) == [""]


def test_half_an_answer_is_no_answer(tiny_model: Path) -> None:
    """A piece that an answer sticks out of is trained as one without it, as BERT's and transformers' scripts (run_qa.py) do."""
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    words = CONTEXT.split()
    whole = parts = 0
    for start in range(0, len(words), 3):
        answer, begin = " ".join(words[start : start + 6]), len(" ".join([*words[:start], ""]))
        for piece in encode(tokenizer, [Question("a", "a", "cold river", CONTEXT, (answer,), begin)], 40, 10):
            inside = [o for o in piece.offsets if o is not None]
            if inside[0][0] <= begin and begin + len(answer) <= inside[-1][1]:
                first, last = (piece.offsets[position] for position in piece.span)
                assert first
                assert last
                assert CONTEXT[first[0] : last[1]].strip() == answer
                whole += 1
            else:
                assert piece.span == (0, 0)
                parts += inside[0][0] < begin + len(answer) and begin < inside[-1][1]
    assert whole
    assert parts


@pytest.mark.parametrize("text", ["u řeky je káva bílá", "tänään sää on kylmä yö", "trời đẹp nhé bạn ạ", "한국어 책", "न\u093cमक ऩ"])
def test_an_answer_has_all_marks_of_its_last_letter(text: str, tiny_model: Path) -> None:
    """A tokenizer that composes letters says of one that it is where its first code point is: the marks were lost, or it was no answer."""
    tokenizer = models.tokenizer(models.resolve(str(tiny_model)))
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()  # type: ignore[attr-defined]
    for form in ("NFC", "NFD"):
        context = unicodedata.normalize(form, text)
        begin = 0
        for word in context.split():
            begin = context.index(word, begin)
            example = Question("a", "a", "cold river", context, (word,), begin)
            (piece,) = encode(tokenizer, [example], 128)
            assert piece.span != (0, 0)
            scores = torch.zeros((2, len(piece.ids)))
            scores[0, piece.span[0]] = scores[1, piece.span[1]] = 4.0
            assert [a.strip() for a in heads.decode(made("q", "qa", {}), [example], [piece], [scores])] == [word]


def test_an_answer_has_no_more_than_its_last_letter(tiny_model: Path) -> None:
    """Composed text stays as it was; so do marks that are subwords of their own, in scripts that need them and where nothing is composed."""
    tokenizer = models.tokenizer(models.resolve(str(tiny_model)))
    texts = ["ทำงาน น้ำ", "क़ि नमस्ते", "مُحَمَّد آب", "❤\ufe0f c\u200d x\u0301\u0301", unicodedata.normalize("NFD", "bílá yö")]
    given = [Question(str(i), str(i), "cold", text, (), -1) for i, text in enumerate(texts)]
    given += [e for code in load_task("mini-qa").languages for e in load_task("mini-qa").examples(code, "test") if isinstance(e, Question)]
    for normalizer, some in ((None, given), (normalizers.NFKC(), [e for e in given if unicodedata.is_normalized("NFC", e.context)])):
        tokenizer.backend_tokenizer.normalizer = normalizer  # type: ignore[attr-defined]
        assert len(some) > 100
        for piece in encode(tokenizer, some, 256):
            question, context = some[piece.example].question, some[piece.example].context
            told = tokenizer(question, context, truncation="only_second", max_length=256, return_offsets_mapping=True)["offset_mapping"]
            assert [o or (0, 0) for o in piece.offsets[piece.starts[0] : -1]] == [
                (a, b) if b > a else (0, 0) for a, b in told[piece.starts[0] : -1]
            ]


def test_a_stride_reaches_answers_that_a_cut_does_not(tiny_model: Path) -> None:
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    example = question(0, "mill")
    (cut,) = encode(tokenizer, [example], 40)
    assert cut.span == (0, 0)
    pieces = encode(tokenizer, [example], 40, 10)
    assert len(pieces) > 2
    assert {p.example for p in pieces} == {0}
    assert pieces[-1].span != (0, 0)
    scores = [torch.zeros((2, len(p.ids))) for p in pieces]
    scores[-1][0, pieces[-1].span[0]] = scores[-1][1, pieces[-1].span[1]] = 4.0
    assert [a.strip() for a in heads.decode(made("q", "qa", {}), [example], pieces, scores)] == ["mill"]
    covered = {o for p in pieces for o in p.offsets if o}
    assert max(stop for _, stop in covered) == len(CONTEXT)  # nothing of the context is lost
    assert (
        len(encode(tokenizer, [example], 40, 36)) > 2
    )  # what lies beyond the room goes on in the next piece, and nothing between them is lost
    long = replace(example, question="who is it " * 40)
    with pytest.raises(DataError, match=r"leaves -\d+ of 40 subwords for the context$"):
        encode(tokenizer, [long], 40)
    (piece,) = encode(tokenizer, [long], 200)
    asked = tokenizer(long.question, add_special_tokens=False)["input_ids"]
    assert len(asked) > 64
    assert piece.ids[1:66] == (*asked[:64], tokenizer.sep_token_id)  # of a question 64 subwords are read (run_squad.py, max_query_length)
    with pytest.raises(ValueError, match="below max_length"):
        Recipe(max_length=64, doc_stride=64)


def test_pieces_of_a_context_are_those_of_bert(tiny_model: Path) -> None:
    """Golden: the loops of google-research/bert run_squad.py, convert_examples_to_features and _check_is_max_context, for windows and starts."""
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    example = question(0, "mill")
    context = tokenizer(example.context, add_special_tokens=False)["input_ids"]
    alone = len(tokenizer([example.question], [""])["input_ids"][0])
    for length, stride in ((40, 10), (40, 7), (60, 25), (48, 48 - alone), (33, 1), (40, 39)):
        room, spans, begin = length - alone, [], 0
        while True:
            spans.append((begin, min(room, len(context) - begin)))
            if begin + spans[-1][1] == len(context):
                break
            begin += min(spans[-1][1], stride)
        pieces = encode(tokenizer, [example], length, stride)
        assert len(pieces) == len(spans) > 1
        for number, (piece, (begin, size)) in enumerate(zip(pieces, spans, strict=True)):
            first = len(piece.ids) - 1 - size
            assert list(piece.ids[first:-1]) == context[begin : begin + size]
            best = []
            for at in range(begin, begin + size):
                scores = [min(at - b, b + n - 1 - at) + 0.01 * n if b <= at < b + n else -1 for b, n in spans]
                best += [at - begin + first] if scores.index(max(scores)) == number else []
            assert piece.starts == ((best[0], best[-1]) if best else (1, 0))
            assert best == list(range(piece.starts[0], piece.starts[1] + 1))
    early, late = encode(tokenizer, [example], 40, 10)[:2]  # a start counts in one of them only
    scores = [torch.zeros((2, len(p.ids))) for p in (early, late)]
    scores[0][:, early.starts[1] + 1] = 9.0
    assert heads.decode(made("q", "qa", {}), [example], [early], scores[:1]) != [
        example.context[slice(*early.offsets[early.starts[1] + 1])]
    ]


def test_of_choices_the_end_is_kept(tiny_model: Path) -> None:
    """As in jiant (tasks/lib/templates/multiple_choice.py, truncate_end=False): the question stands behind its context."""
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    pieces = encode(tokenizer, [Choice("a", "a", f"{CONTEXT} who is it", ("the river", "the mill"), "0")], 40)
    prompt = tokenizer(f"{CONTEXT} who is it", add_special_tokens=False)["input_ids"]
    for piece, choice in zip(pieces, ("the river", "the mill"), strict=True):
        second = tokenizer(choice, add_special_tokens=False)["input_ids"]
        assert len(piece.ids) == 40
        assert list(piece.ids) == [0, *prompt[-(36 - len(second)) :], 2, 2, *second, 2]
    (text,) = encode(tokenizer, [Classified("a", "a", CONTEXT, "", "0")], 40)
    assert list(text.ids[1:-1]) == prompt[:38]


def test_a_word_is_tagged_at_its_first_subword_or_at_its_first_character() -> None:
    """`first` is tokenize(word)[0], as in jiant (tasks/lib/udpos.py) and XTREME (third_party/utils_tag.py), a lone mark or not."""
    import transformers as t
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers import models as kinds

    vocabulary = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), ("▁a", -1.0), ("b", -1.0), ("中", -1.0)]
    backend = Tokenizer(kinds.Unigram(vocabulary, unk_id=2))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    tokenizer = t.PreTrainedTokenizerFast(tokenizer_object=backend, cls_token="<s>", sep_token="</s>", unk_token="<unk>")
    words = ("ab", "中", "a")
    for tagging, places in (("first", (1, 3, 5)), ("character", (1, 4, 5))):
        (piece,) = encode(tokenizer, [Tagged("1", "1", words, ("X",) * 3)], 32, tagging=tagging)
        assert tokenizer.convert_ids_to_tokens(list(piece.ids)) == ["<s>", "▁a", "b", "▁", "中", "▁a", "</s>"]
        assert tuple(position for position, _ in piece.words) == places


@pytest.mark.parametrize("strides", [(None, 1, 7, 23), pytest.param((None, *range(1, 24)), marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_context_has_room_or_the_example_is_named(tiny_model: Path, strides: Sequence[int | None]) -> None:
    """At every length."""
    tokenizer = models.load(models.resolve(str(tiny_model)))[1]
    examples = [replace(question(row, "mill"), question="who is it?") for row in (0, 1)]
    alone = len(tokenizer("who is it?")["input_ids"]) + 2  # and the two marks between a pair and after it
    for stride in strides:
        for length in range(4, 40):
            if length > alone:
                assert {p.example for p in encode(tokenizer, examples, length, stride)} == {0, 1}
            else:
                with pytest.raises(DataError, match=f"leaves {length - alone} of {length} subwords"):
                    encode(tokenizer, examples, length, stride)


def corpus(seed: int) -> list[Example]:
    """Foreign sentences, of which the even ones have their translation: the same words in the same order."""
    texts = [" ".join(WORDS[(i * k + seed) % len(WORDS)] for k in range(1, 7)) for i in range(1, 13)]
    foreign = [Unaligned(f"d{i}", f"d{i}", t, english=False, gold=(f"e{i}",) if i % 2 == 0 else ()) for i, t in enumerate(texts)]
    english = [Unaligned(f"e{i}", f"e{i}", t, english=True, gold=(f"d{i}",)) for i, t in enumerate(texts) if i % 2 == 0]
    return [*foreign, *english]


def test_mining_finds_equal_sentences_at_the_threshold_of_the_development_set(
    tiny_model: Path, tmp_path: Path, known: dict[str, Task]
) -> None:
    known["mines"] = made("mines", "mining", {("de", "dev"): corpus(0), ("de", "test"): corpus(3)}, metric="f1", scorers=("mining-f1",))
    found = {}
    for pooling in ("mean", "cls"):
        recipe = RECIPE.model_copy(update={"retrieval_pooling": pooling, "retrieval_special_tokens": False})
        (cell,) = cells(tiny_model, recipe, intermediates=[DIRECT], targets=["mines"])
        tables = run_cell(bench(tiny_model, tmp_path, recipe), cell, "{}", NOW, lambda: NOW)
        found[cell.run_id] = {(r["split"], r["metric"]): r["value"] for r in rows(tables, "score")}
        said = {(p["split"], p["example_id"]): p for p in rows(tables, "prediction")}
        assert said["test", "d0"]["reference"] == "e0"
        assert all(p["reference"] or p["prediction"] for p in said.values())  # a sentence that is in no pair is no example
    assert len(found) == 2  # pooling is part of the key
    for values in found.values():
        assert values["test", "recall"] > 0.8
        assert values["dev", "f1"] > 0.6


def tagged(count: int, start: int = 0) -> list[Example]:
    out: list[Example] = []
    for i in range(start, start + count):
        words = tuple(WORDS[(i + k * 3) % len(WORDS)] for k in range(5))
        out.append(Tagged(str(i), str(i), words, tuple("A" if len(w) > 3 else "B" for w in words)))
    return out


def test_a_mixture_trains_every_part_and_is_an_intermediate(tiny_model: Path, tmp_path: Path, known: dict[str, Task]) -> None:
    known["pick"] = made("pick", "choice", {("en", "train"): choices(60, 0)}, labels=("0", "1", "2"))
    known["tags"] = made(
        "tags", "tagging", {("en", "train"): tagged(30), ("en", "dev"): tagged(5, 40), ("en", "test"): tagged(9, 50)}, labels=("A", "B"),
        scorers=("token-accuracy",),
    )  # fmt: skip
    known["both"] = made("both", "mixture", {}, parts=(Part("pick", cap=20), Part("tags", weight=2.0)), has_dev=False)
    before, after = cells(tiny_model, intermediates=[DIRECT, "both"], targets=["tags"])
    first = {name: table.to_pylist() for name, table in run_cell(bench(tiny_model, tmp_path), after, "{}", NOW, lambda: NOW).items()}
    again = {name: table.to_pylist() for name, table in run_cell(bench(tiny_model, tmp_path), after, "{}", NOW, lambda: NOW).items()}
    assert first == again  # the same seed, the same bits
    assert first["run"][0]["trained_examples"] == 4 * (20 + 30) + 4 * 30
    assert before.run_id != after.run_id
    phase = Phase.model_validate(PHASE)
    materials = stages.materials(bench(tiny_model, tmp_path), after.encoder.parent, phase)
    assert [m.size for m in materials] == [20, 30]
    assert stages.steps(materials, phase) == 4 * (math.ceil(20 / 8) + math.ceil(30 / 8))


def test_shares_of_a_mixture() -> None:
    parts = (Part("a", cap=20), Part("b", weight=2.0))
    assert stages.shares(parts, [20, 30], "proportional") == pytest.approx([20 / 80, 60 / 80])
    assert stages.shares(parts, [20, 30], "uniform") == pytest.approx([1 / 3, 2 / 3])
    # jiant, TemperatureMultiTaskSampler: n to the power 1/T, normalised
    assert stages.shares((Part("a"), Part("b")), [100, 400], "temperature", 2.0) == pytest.approx([10 / 30, 20 / 30])


def test_parts_are_drawn_as_their_shares_say(
    tiny_model: Path, tmp_path: Path, known: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    known["small"] = made("small", "tagging", {("en", "train"): tagged(10)}, labels=("A", "B"))
    known["large"] = made("large", "tagging", {("en", "train"): tagged(90)}, labels=("A", "B"))
    known["two"] = made("two", "mixture", {}, parts=(Part("small"), Part("large")))
    phase = {"epochs": 40, "batch_size": 10}
    recipe = RECIPE.model_copy(update={"intermediate": Phase.model_validate(phase)})
    (cell,) = cells(tiny_model, recipe, intermediates=["two"], targets=["mini-ner"])
    seen: Counter[str] = Counter()

    def count(self: objectives.Supervised, *rest: Any) -> Iterator[torch.Tensor]:
        seen[self.name] += 1
        yield torch.zeros((), requires_grad=True)

    monkeypatch.setattr(objectives.Supervised, "losses", count)
    own = bench(tiny_model, tmp_path, recipe)
    stages.train(own, cell.encoder.parent, own.trunk(None))
    assert sum(seen.values()) == 40 * (1 + 9)
    # binomial(400, 0.1): mean 40, standard deviation 6
    assert 40 - 4 * 6 < seen["small"] < 40 + 4 * 6


def test_masking_is_that_of_bert() -> None:
    """15 % chosen; 80 % of them masked, 10 % replaced, 10 % kept; never special tokens or padding (Devlin et al. 2019)."""
    words = objectives.Vocabulary(mask=4, size=1000, special=frozenset({0, 1, 2, 3, 4}))
    ids = torch.randint(5, 1000, (200, 100), generator=torch.Generator().manual_seed(0))
    ids[:, 0] = 0
    mask = torch.ones_like(ids)
    mask[:, 90:] = 0
    torch.manual_seed(1)
    changed, chosen = objectives.masked(ids, mask, words)
    assert not chosen[:, 0].any()
    assert not chosen[:, 90:].any()
    assert (changed[~chosen] == ids[~chosen]).all()
    n = int(chosen.sum())
    assert n / (200 * 89) == pytest.approx(0.15, abs=0.015)
    assert int((changed[chosen] == 4).sum()) / n == pytest.approx(0.8, abs=0.03)
    assert int((changed[chosen] == ids[chosen]).sum()) / n == pytest.approx(0.1, abs=0.03)
    torch.manual_seed(0)
    _, one = objectives.masked(torch.tensor([[0, 7, 2]]), torch.ones((1, 3), dtype=torch.long), words)
    assert one.tolist() == [[False, True, False]]  # a short text still gives something to predict


@pytest.mark.parametrize("frozen", [1, None])
def test_masked_words_are_learnt_beside_a_task(
    tiny_model: Path, tmp_path: Path, known: dict[str, Task], frozen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[Example] = [Plain(str(i), str(i), " ".join(WORDS[i % 6 : i % 6 + 6])) for i in range(60)]
    known["words"] = made(
        "words", "mlm", {("de", "test"): [], ("de", "train"): texts, ("en", "test"): [], ("en", "train"): texts[:5]}, has_dev=False
    )
    known["tags"] = made("tags", "tagging", {("en", "train"): tagged(30)}, labels=("A", "B"))
    known["beside"] = made("beside", "mixture", {}, parts=(Part("tags"), Part("words")), sampling="uniform")
    phase = Phase(epochs=8, batch_size=8, learning_rate=3e-3, head_learning_rate=1e-2)
    recipe = RECIPE.model_copy(update={"frozen_layers": frozen, "intermediate": phase})
    (cell,) = cells(tiny_model, recipe, intermediates=["beside"], targets=["mini-ner"])
    own = bench(tiny_model, tmp_path, recipe)
    stage = cell.encoder.parent
    assert [m.size for m in stages.materials(own, stage, phase)] == [30, 65]  # all languages of the text together
    losses: list[float] = []
    real = objectives.Masked.losses

    def watched(*given: Any) -> Iterator[torch.Tensor]:
        for loss in real(*given):
            losses.append(float(loss.detach()))
            yield loss

    monkeypatch.setattr(objectives.Masked, "losses", watched)
    assert stages.train(own, stage, own.trunk(None)).head is None
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])


def test_a_tokenizer_without_a_mask_is_named() -> None:
    with pytest.raises(DataError, match="mask token"):
        objectives.vocabulary(object(), 10)


def test_what_only_trains_cannot_be_a_target(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"about: x\nmodels: ['{tiny_model}']\nintermediates: [none, bucc2018]\ntargets: [mnli, all9, mlm]\nseeds: [0]\n")
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert list(caught.value.problems) == [
        "line 3, intermediates: bucc2018 has no training data",
        "line 4, targets: mnli has no test data; it serves as intermediate task only",
        "line 4, targets: all9 has no test data; it serves as intermediate task only",
        "line 4, targets: mlm has no test data; it serves as intermediate task only",
    ]


def test_a_task_trained_in_another_language_is_another_run_of_the_same_target(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """arXiv 2106.16171: the source language is a column, not a constant."""
    folder = tmp_path / "pawsx"
    folder.mkdir()
    for language in load_task("pawsx").languages:
        for split in ("train", "dev", "test"):
            (folder / f"{split}-{language}.tsv").write_text(f"{WORDS[0]} {language}\t{WORDS[1]}\t1\n{WORDS[2]}\t{WORDS[3]}\t0\n" * 6)
    monkeypatch.setenv("XBENCH_DATA_DIR", str(tmp_path))
    english, german = cells(tiny_model, intermediates=[DIRECT], targets=["pawsx", "pawsx@de"])
    assert (english.target, english.train_language, german.target, german.train_language) == ("pawsx", "en", "pawsx", "de")
    assert english.run_id != german.run_id
    assert english.target_revision != german.target_revision
    tables = run_cell(bench(tiny_model, tmp_path / "c"), german, "{}", NOW, lambda: NOW)
    assert {(r["language"], r["split"]) for r in rows(tables, "score")} == {
        ("de", "dev"),
        *((x, "test") for x in load_task("pawsx").languages),
    }
    assert {r["train_language"] for r in rows(tables, "score")} == {"de"}
    with pytest.raises(PluginError, match="has training data in en only, not in 'de'"):
        load_task("mini-pos@de")
    assert load_task("mini-pos@en") == load_task("mini-pos")


def test_a_recipe_is_that_of_one_model_in_its_ids() -> None:
    """`query: ` stood before the sentences of every model, and a layer for one more model was another recipe for all."""
    plain = Recipe()
    e5 = ("intfloat/multilingual-e5-small", "multilingual-e5-small/", "/models/E5", "intfloat/e5-base-v2")
    assert {plain.of(m).retrieval_prefix for m in e5} == {"query: "}
    assert {plain.of(m).retrieval_prefix for m in ("xlm-roberta-base", "org/safe5", "e5/xlm-r", "mdeberta-v3e50")} == {""}
    assert Recipe(retrieval_prefix="query: ").of("xlm-roberta-base").recipe_id == plain.of(e5[0]).recipe_id != plain.of("xlm-r").recipe_id
    one, more = Recipe(retrieval_layer={"large": 14}), Recipe(retrieval_layer={"large": 14, "base": 8})
    assert one.of("large").recipe_id == more.of("large").recipe_id == Recipe(retrieval_layer=14).of("large").recipe_id
    assert more.of("base").recipe_id == Recipe(retrieval_layer=8).of("base").recipe_id != more.of("large").recipe_id
    both = {"about": "x", "models": ["large", "base"], "intermediates": ["none"], "targets": ["mini-pos"], "seeds": [0]}
    revisions = {"large": "1", "base": "1"}
    found = plan(Study.model_validate({**both, "recipe": {"retrieval_layer": {"large": 14, "base": 8}}}), revisions).cells
    (alone,) = plan(Study.model_validate({**both, "models": ["large"], "recipe": {"retrieval_layer": 14}}), revisions).cells
    assert alone in found


def test_new_fields_of_the_recipe_leave_old_ids_alone() -> None:
    """The first ids are those of the version before the fields came; results that are stored under them stay valid."""
    e5 = "intfloat/multilingual-e5-small"
    assert Recipe().of(e5).recipe_id == "96f46ed90636"
    assert Recipe(frozen_layers=None).of(e5).recipe_id == "20e2fb35a569"
    assert Recipe.model_validate({"target": {"selection": {"every": 100}}}).of(e5).recipe_id == "52dc0e4cb5fa"
    assert "retrieval_pooling" not in Recipe().canonical
    for change in (
        {"retrieval_pooling": "cls"},
        {"retrieval_special_tokens": False},
        {"retrieval_duplicates": "expand"},
        {"doc_stride": 16},
    ):
        assert Recipe.model_validate(change).of(e5).recipe_id != "96f46ed90636"
        assert json.loads(Recipe.model_validate(change).canonical).items() >= change.items()


def test_values_of_single_tasks_are_read_as_those_of_phases_are() -> None:
    """Text for a number gave another id than the number, and a length that failed in training. The ids are those of the version before."""
    for special, known in (
        ({"xquad": {"epochs": 2, "batch_size": 16, "max_length": 384, "doc_stride": 128, "selection": None}}, "4484aa8c8c4b"),
        ({"panx": {"learning_rate": 2e-5, "selection": {"every": 5, "examples": None}}}, "b0bb691a96fd"),
        ({"panx": {"lora": {"rank": 2, "layers": [1, 2]}}}, "6c998c5f6e5b"),
        ({"x": {}}, "1be7004141a0"),
    ):
        recipe = Recipe.model_validate({"tasks": special}).of("intfloat/multilingual-e5-small")
        assert recipe.recipe_id == Recipe.model_validate_json(recipe.canonical).recipe_id == known
    said = {"learning_rate": "1e-5", "epochs": 2.0, "max_length": "384", "selection": {"every": "5"}, "lora": {"layers": ["1"]}}
    meant = {"learning_rate": 1e-5, "epochs": 2, "max_length": 384, "selection": {"every": 5}, "lora": {"layers": [1]}}
    found, same = (Recipe.model_validate({"tasks": {"panx": fields}}) for fields in (said, meant))
    assert found == same
    assert found.recipe_id == same.recipe_id
    assert found.lengths("panx") == (384, None)
    with pytest.raises(ValueError, match="doc_stride is 1000: it must be below max_length, which is 384"):
        Recipe.model_validate({"tasks": {"xquad": {"max_length": "384", "doc_stride": "1000"}}})


def test_inputs_seen_once_are_as_inputs_that_are_kept(tiny_model: Path) -> None:
    model, tokenizer = models.load(models.resolve(str(tiny_model)))
    encoder = SplitEncoder(model, 1, torch.device("cpu"))
    pieces = encode(tokenizer, [Plain("a", "a", "the river was cold"), Plain("b", "b", "mill")], 64)
    kept, once = (loop.embed(pieces, encoder, encoder.trunk().eval(), None, lambda n: None, keep=keep) for keep in (True, False))
    assert torch.allclose(kept, once, atol=1e-6)
    bare = loop.embed(pieces, encoder, encoder.trunk().eval(), None, lambda n: None, special_tokens=False)
    assert not torch.allclose(kept, bare, atol=1e-3)
