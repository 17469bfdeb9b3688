"""Tasks: every one is complete; the mini set is aligned, labelled, in its own scripts, without leaks."""

import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from xbench import corpus, plugins, share
from xbench import task as task_module
from xbench.errors import DataError, PluginError, XbenchError
from xbench.readers import IOB2, UPOS, read_conllu, read_jsonl
from xbench.recipe import Phase
from xbench.scorer import load_scorer
from xbench.study import data_revision
from xbench.task import KINDS, TASKS, Classified, Part, Plain, Question, Tagged, Task, Translation, all_tasks, load_task
from xbench.tasks import _mini

# gold-pos needs `xbench data fetch` (tests/test_fetch.py); tasks with a check need data from elsewhere (tests/test_corpus.py).
SHIPPED = [t.name for t in all_tasks() if t.name != "gold-pos" and t.check is None and t.family != "mixture"]
SCRIPTS = {"ar": "ARABIC", "hi": "DEVANAGARI", "zh": "CJK"}  # the others are written in Latin letters
MINI = share.folder("data") / "mini"


@pytest.mark.parametrize("name", plugins.names(TASKS))
def test_every_task_is_complete(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert all((task.licence, task.source, task.about))
    assert bool(task.labels or task.labels_of) == (task.family in ("tagging", "classification", "choice")) or task.labels == ("no-answer",)
    assert bool(task.scorers) == (task.family not in ("mixture", "mlm", "alignment"))
    assert (task.group is not None) == bool(task.suites)
    for scorer in (*task.scorers, *(s for _, s in task.rules)):
        load_scorer(scorer)
    for part in task.parts:
        assert load_task(part.task).family != "mixture"


def test_language_lists_are_xtremes() -> None:
    """google-research/xtreme evaluate.py, XTREME_TASK2LANGS and XTREME_R_TASK2LANGS, as tests/submission.py states them."""
    from tests import submission

    for name, languages in submission.LANGUAGES.items():
        assert set(load_task(name).languages) == set(languages), name
    added = {"udpos": "lt pl uk wo ro", "panx": "qu pl uk az lt pa gu ro", "tatoeba": "az lt pl uk ro", "xquad": "ro"}
    for name, more in added.items():
        assert set(load_task(f"xtreme-r-{name}").languages) == {*submission.LANGUAGES[name], *more.split()}
    assert {t.name for t in all_tasks() if "xtreme" in t.suites} == set(submission.LANGUAGES)
    assert len([t for t in all_tasks() if "xtreme-r" in t.suites]) == 8  # of ten: lareqa and mewslix are not scored here


@pytest.mark.parametrize("name", SHIPPED)
def test_every_task_has_examples_of_its_kind_in_every_language(name: str) -> None:
    task = load_task(name)
    sets = [*((code, "train") for code in task.training_languages if task.trains), *(task.predicted if task.tested else ())]
    for language, split in sets:
        assert all(isinstance(e, KINDS[task.family]) for e in task.examples(language, split))  # type: ignore[arg-type]
    assert task.revision() == task.revision()


def test_names_are_trained_on_items_that_are_not_tested() -> None:
    """The same items in every language, none in both splits, none written alike in both languages."""
    train, test = load_task("names"), load_task("name-retrieval")
    trained = {e.example_id for code in train.languages for e in train.examples(code, "train")}
    tested = {e.example_id for code in test.languages for e in test.examples(code, "test")}
    assert not trained & tested
    assert len(trained) > 150
    assert len(tested) > 100
    german = {e.example_id: e for e in test.examples("de", "test")} | {e.example_id: e for e in train.examples("de", "train")}
    assert isinstance(pair := german["territory-DE"], Translation)
    assert (pair.english, pair.foreign) == ("Germany", "Deutschland")
    assert "territory-FI" in german
    assert "territory-PA" not in german  # Panama in both


def test_intents_in_another_language_are_tested_on_other_templates() -> None:
    german, english = load_task("intents@de"), load_task("intents")
    assert german.train_language == "de"
    assert german.revision() != english.revision()
    train, test = german.examples("de", "train"), german.examples("de", "test")
    assert len(train) > 300
    assert not {getattr(e, "text", "") for e in train} & {getattr(e, "text", "") for e in test}
    assert german.examples("fr", "test") == english.examples("fr", "test")
    with pytest.raises(PluginError, match="not trained in 'sw'"):
        load_task("intents@sw")
    both = load_task("intents@de+es")
    assert len(both.examples("mul", "train")) == len(train) + len(load_task("intents@es").examples("es", "train"))
    assert {e.example_id[:3] for e in both.examples("mul", "train")} == {"de:", "es:"}
    assert not both.languages
    with pytest.raises(PluginError, match="names a language twice"):
        load_task("intents@de+de")


def sizes(name: str) -> dict[str, int]:
    task = load_task(name)
    found = {split: len(task.examples("en", split)) for split in ("train", "dev")}  # type: ignore[misc]
    return found | {code: len(task.examples(code, "test")) for code in task.languages}


@pytest.mark.parametrize("name", ["mini-pos", "mini-ner"])
def test_tagged_sizes(name: str) -> None:
    found = sizes(name)
    assert found.pop("train") >= 300
    assert found.pop("dev") >= 100
    assert len(found) >= 10
    assert set(found.values()) == {100}


@pytest.mark.parametrize("name", ["mini-nli", "mini-paraphrase", "mini-qa"])
def test_other_sizes(name: str) -> None:
    found = sizes(name)
    assert (found.pop("train"), found.pop("dev")) == (200, 50)
    assert set(found.values()) == {40}
    assert len(found) == len(_mini.LANGUAGES)


@pytest.mark.parametrize("path", sorted((MINI / "tagged").glob("*.conllu")), ids=lambda p: p.stem)
def test_tagged_files_follow_the_schemes(path: Path) -> None:
    for sentence in read_conllu(path):
        assert set(sentence.upos) <= set(UPOS)
        assert set(sentence.ner) <= set(IOB2)
        for before, tag in zip(("O", *sentence.ner), sentence.ner, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:], f"{sentence.sentence_id}: {tag} after {before}"
        assert all(t.strip() == t and t for t in sentence.tokens)


@pytest.mark.parametrize("path", sorted((MINI / "tagged").glob("*.conllu")), ids=lambda p: p.stem)
def test_the_text_is_its_tokens(path: Path) -> None:
    """`# text` is the surface tokens joined as SpaceAfter=No says: multiword ranges in place of their words."""
    block: list[str] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line:
            block.append(line)
            continue
        text = next((x.removeprefix("# text = ") for x in block if x.startswith("# text")), None)
        out, until = "", 0
        for cells in (x.split("\t") for x in block if not x.startswith("#")):
            first, _, last = cells[0].partition("-")
            if last:
                until = int(last)
            elif int(first) <= until:
                continue
            out += cells[1] + ("" if "SpaceAfter=No" in cells[9] else " ")
        assert text is None or out.strip() == text
        block = []


def entities(sentence: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for token, tag in zip(sentence.tokens, sentence.ner, strict=True):  # type: ignore[attr-defined]
        if tag.startswith("B-"):
            found.append((tag[2:], token))
        elif tag.startswith("I-"):
            found[-1] = (tag[2:], f"{found[-1][1]} {token}")
    return found


@pytest.mark.parametrize("language", [x for x in _mini.LANGUAGES if x != "en"])
def test_translations_are_aligned_with_english(language: str) -> None:
    english = read_conllu(_mini.file("tagged", "en", "test"))
    foreign = read_conllu(_mini.file("tagged", language, "test"))
    assert [s.sentence_id for s in foreign] == [s.sentence_id for s in english]
    for ours, theirs in zip(english, foreign, strict=True):
        assert ours.text != theirs.text
        assert Counter(k for k, _ in entities(ours)) == Counter(k for k, _ in entities(theirs)), theirs.sentence_id
    for kind, kept in (("nli", "label"), ("paraphrase", "label"), ("qa", "paragraph")):
        fields = {"nli": ("id", "premise", "hypothesis", "label"), "paraphrase": ("id", "sentence1", "sentence2", "label")}.get(
            kind, ("id", "paragraph", "context", "question", "answer")
        )
        a, b = (read_jsonl(_mini.file(kind, code, "test"), fields) for code in ("en", language))
        assert [(r["id"], r[kept]) for r in a] == [(r["id"], r[kept]) for r in b]
        assert all(x[fields[2]] != y[fields[2]] for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("language", [x for x in _mini.LANGUAGES if x != "en"])
def test_names_are_in_the_script_of_the_language(language: str) -> None:
    wanted = SCRIPTS.get(language, "LATIN")
    for sentence in read_conllu(_mini.file("tagged", language, "test")):
        for _, name in entities(sentence):
            scripts = {unicodedata.name(c).split()[0] for c in name if c.isalpha()}
            assert scripts == {wanted}, (sentence.sentence_id, name)


def test_no_text_is_in_two_splits() -> None:
    seen: dict[str, str] = {}
    for split in ("train", "dev", "test"):
        for sentence in read_conllu(_mini.file("tagged", "en", split)):  # type: ignore[arg-type]
            plain = " ".join(sentence.text.lower().split())
            assert plain not in seen, (sentence.sentence_id, seen[plain])
            seen[plain] = sentence.sentence_id
    for kind in ("nli", "paraphrase"):
        task = load_task(f"mini-{kind}")
        pairs = [
            (e.text.lower(), e.pair.lower()) for s in ("train", "dev", "test") for e in task.examples("en", s) if isinstance(e, Classified)
        ]  # type: ignore[arg-type]
        assert len(set(pairs)) == len(pairs)
        first = [{e.text for e in task.examples("en", s) if isinstance(e, Classified)} for s in ("train", "dev", "test")]  # type: ignore[arg-type]
        assert not first[0] & first[1]
        assert not (first[0] | first[1]) & first[2]
    contexts = [{e.context for e in load_task("mini-qa").examples("en", s) if isinstance(e, Question)} for s in ("train", "dev", "test")]  # type: ignore[arg-type]
    assert not contexts[0] & contexts[1]
    assert not (contexts[0] | contexts[1]) & contexts[2]


@pytest.mark.parametrize("language", _mini.LANGUAGES)
def test_answers_occur_once_and_paragraphs_are_the_clusters(language: str) -> None:
    examples = [e for e in load_task("mini-qa").examples(language, "test") if isinstance(e, Question)]
    assert all(e.context.count(e.answers[0]) == 1 for e in examples)
    assert len({e.cluster_id for e in examples}) == len({e.context for e in examples}) == 20


def test_labels_are_balanced() -> None:
    for name, share_of_largest in (("mini-nli", 0.4), ("mini-paraphrase", 0.55)):
        for split in ("train", "dev", "test"):
            counts = Counter(e.label for e in load_task(name).examples("en", split) if isinstance(e, Classified))  # type: ignore[arg-type]
            assert max(counts.values()) <= share_of_largest * sum(counts.values())


def test_intents() -> None:
    task = load_task("intents")
    train = [e for e in task.examples("en", "train") if isinstance(e, Classified)]
    assert len(task.languages) >= 13
    assert {e.label for e in train} == set(task.labels)  # the list in the file is what the package gives
    held_out = {e.text for s in ("dev", "test") for e in task.examples("en", s) if isinstance(e, Classified)}  # type: ignore[arg-type]
    assert not held_out & {e.text for e in train}
    again = load_task("intents").load("de", "test")
    assert again == load_task("intents").load("de", "test")
    for language in task.languages:
        assert len(task.examples(language, "test")) == 100


def test_masked_commands_are_none_that_intents_is_tested_on() -> None:
    """Up to 18 of a hundred test sentences were among them, in other languages than English."""
    text = load_task("commands-mlm")
    for language in ("de", "en", "zh"):
        seen = {e.text for e in text.examples(language, "train") if isinstance(e, Plain)}
        assert len(seen) > 300
        for trained in ("intents", "intents@de"):
            assert not seen & {e.text for e in load_task(trained).examples(language, "test") if isinstance(e, Classified)}


def test_a_split_that_a_language_does_not_have() -> None:
    for name in ("mini-pos", "mini-nli", "intents"):
        with pytest.raises(DataError, match="has no train split in 'de'"):
            load_task(name).examples("de", "train")


def test_bad_examples_are_all_named() -> None:
    good = load_task("mini-pos")
    bad = [Tagged("a", "a", ("x", "y"), ("NOUN",)), Tagged("a", "a", ("x",), ("NOUNS",))]
    with pytest.raises(DataError) as caught:
        replace(good, load=lambda language, split: bad).examples("en", "test")
    assert list(caught.value.problems) == [
        "example 1 (id 'a'): 2 tokens, 1 labels",
        "example 2 (id 'a'): id 'a' occurs twice",
        "example 2 (id 'a'), token 'x': label 'NOUNS' is not one of " + " ".join(UPOS),
    ]
    with pytest.raises(DataError, match="no examples"):
        replace(good, load=lambda language, split: []).examples("en", "test")


def test_unknown_task_lists_those_that_exist() -> None:
    with pytest.raises(PluginError, match="mini-ner"):
        load_task("xnlii")


FROM = "from dataclasses import replace\nfrom xbench.task import Part, Tagged, Unaligned\nfrom xbench.tasks.mini_pos import TASK\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("scorers=('acuracy',)", ":4: no scorer is called 'acuracy'; there are: accuracy, "),
        ("rules=(('other', 'span-f2'),)", ":4: no scorer is called 'span-f2'"),
        ("scorers=('accuracy')", ": scorers is 'accuracy', expected a tuple of texts"),
        ("family='taging'", "did you mean 'tagging'?"),
        ("parts=(Part('mini-poss'),)", ":4: no task is called 'mini-poss'; there are: mine"),
        ("load=lambda language, split: open('/no/such')", ":4: FileNotFoundError: "),
        ("revision=lambda: 1 / 0", ":4: ZeroDivisionError: division by zero"),
        ("load=lambda language, split: [{}]", "example 1: a dict, expected Tagged, as family tagging has it"),
        ("load=lambda language, split: [Tagged('a', 'a', ['x'], ['X'])]", "example 1: tokens is ['x'], expected a tuple of texts"),
        ("load=lambda language, split: [Tagged('a', 'a', ('x',), ['X'])]", "example 1: labels is ['X'], expected a tuple of texts"),
        ("load=lambda language, split: [Tagged('a', 'a', (1,), ('X',))]", "example 1: tokens is (1,), expected a tuple of texts"),
        ("load=lambda language, split: [Tagged(7, 'a', ('x',), ('X',))]", "example 1: example_id is 7, expected a text"),
        ("load=lambda language, split: [Tagged('a', None, ('x',), ('X',))]", "example 1: cluster_id is None, expected a text"),
        ("load=lambda language, split: [Tagged('', 'a', ('x',), ('X',))]", "example 1 (id ''): id and cluster cannot be empty"),
        ("family='classification'", "expected Classified, as family classification has it"),
        (
            "family='mining', load=lambda language, split: [Unaligned('a b', 'a', 'x', False, ())]",
            "example 1 (id 'a b'): an id with white space",
        ),
        ("labels=()", ": family tagging needs labels, and there are none"),
        ("labels=('O', 'B PER')", ":4: label 'B PER' has white space"),
        ("labels=('O', '')", ":4: a label is empty"),
        ("labels=('O', 'X', 'O')", ":4: labels names O more than once"),
        ("revision=lambda: ''", "the revision of task mine is '', expected a text that is not empty"),
        ("labels_of=lambda: open('/no/such')", ":4: FileNotFoundError: "),
        ("load=lambda language, split: None", "task mine, en test: load gave NoneType, expected a list of examples"),
        ("revision=lambda: 5", "the revision of task mine is 5, expected a text"),
        ("scorers=()", ": scorers is empty, and there are languages to score"),
        ("languages=('en', 'de', 'de')", ":4: languages names de more than once"),
        ("languages=('en', 'SW')", ":4: language 'SW' is written 'sw'"),
        ("languages=('en', 'deu')", ":4: language 'deu' is written 'de'"),
        ("train_language='english'", ":4: language 'english' is unknown; did you mean 'en'?"),
    ],
)
def test_what_is_wrong_in_a_task_file_is_named_with_its_line(
    change: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt scorer was found after the training, in a message that did not say where it stands."""
    (tmp_path / "mine.py").write_text(f"{FROM}TASK = replace(TASK, {change})\n")
    monkeypatch.setattr(task_module, "TASKS", tmp_path)

    def use() -> None:
        task = load_task("mine")
        data_revision(task, Phase())
        task.examples("en", "test")

    with pytest.raises(XbenchError) as caught:
        use()
    assert said in str(caught.value)
    assert "task mine, en test" in str(caught.value) or "mine" in said or str(tmp_path / "mine.py") in str(caught.value)


def test_equal_problems_are_one_and_the_file_is_named(tmp_path: Path) -> None:
    """Fifteen lines said of a tag that it is none, of sentences by their number from 0, and none in which file."""
    labels = ["X", "GPE", "GPE", "X", "LOC", "GPE"]
    bad = [Tagged(str(i), str(i), (f"t{i}",), (label,)) for i, label in enumerate(labels)]
    task = replace(load_task("mini-pos"), load=lambda language, split: bad, files=lambda language, split: [tmp_path / "x.tsv"])
    with pytest.raises(DataError) as caught:
        task.examples("en", "test")
    assert caught.value.headline == f"task mini-pos, en test, {tmp_path / 'x.tsv'}: 4 problem(s)"
    known = " ".join(UPOS)
    assert list(caught.value.problems) == [
        f"example 2 (id '1'), token 't1' and 2 more: label 'GPE' is not one of {known}",
        f"example 5 (id '4'), token 't4': label 'LOC' is not one of {known}",
    ]


@pytest.mark.parametrize("name", ["none", "a@b", "a+b"])
def test_a_task_cannot_go_by_a_name_that_means_something_else(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{name}.py").write_text("from xbench.tasks.mini_pos import TASK\n")
    monkeypatch.setattr(task_module, "TASKS", tmp_path)
    with pytest.raises(PluginError, match="is no name of a task"):
        task_module._of_file(name)


def test_every_language_is_in_the_language_table() -> None:
    """Whose codes are not looked up any more: they are in the one spelling."""
    import csv

    from xbench.languages import normal

    with (share.folder("data") / "languages.csv").open(encoding="utf-8", newline="") as handle:
        known = {row["language"] for row in csv.DictReader(handle)}
    used = {code for task in all_tasks() for code in task.languages}
    assert used <= known
    assert known == set(map(normal, known))


def test_conllu_errors_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    path.write_text("# text = a\n1\ta\t_\tNOUN\t_\t_\t_\t_\t_\t_\n2\tb\n\nx\tc\t_\tNOUN\t_\t_\t_\t_\t_\t_\n")
    with pytest.raises(DataError) as caught:
        read_conllu(path)
    assert [p.removeprefix(str(path)) for p in caught.value.problems] == [
        ":3: 2 tab-separated columns, expected 10", ":5: column ID is 'x', expected a number or a range",
    ]  # fmt: skip
    with pytest.raises(DataError, match="does not exist"):
        read_conllu(tmp_path / "none")


def test_conllu_skips_ranges_and_empty_nodes(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    path.write_text(
        "# sent_id = s\n1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_\n1\tzu\t_\tADP\t_\t_\t_\t_\t_\t_\n2\tdem\t_\tDET\t_\t_\t_\t_\t_\t_\n"
        "2.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n3\tBonn\t_\tPROPN\t_\t_\t_\t_\t_\tNER=B-LOC|SpaceAfter=No\n"
    )
    (found,) = read_conllu(path)
    assert (found.sentence_id, found.tokens, found.upos, found.ner) == (
        "s",
        ("zu", "dem", "Bonn"),
        ("ADP", "DET", "PROPN"),
        ("O", "O", "B-LOC"),
    )


def test_jsonl_errors_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "1", "label": "a"}\n{"id": "2"}\nnonsense\n{"id": 3, "label": "b"}\n')
    with pytest.raises(DataError) as caught:
        read_jsonl(path, ("id", "label"))
    assert [p.removeprefix(f"{path}:").split(":")[0] for p in caught.value.problems] == ["2", "3", "4"]


def test_task_is_a_frozen_literal() -> None:
    assert isinstance(load_task("mini-pos"), Task)
    with pytest.raises(AttributeError):
        load_task("mini-pos").metric = "f1"  # type: ignore[misc]


def test_the_first_ones_of_several_languages_are_of_all_of_them() -> None:
    """The first development examples, which some recipes select a step on, were all of the first language."""
    found = load_task("intents@de+es").examples("mul", "dev")
    assert [e.example_id.partition(":")[0] for e in found[:6]] == ["de", "es"] * 3
    assert len(found) == len({e.example_id for e in found})


def test_how_the_steps_of_a_mixture_are_drawn_makes_it_another_one() -> None:
    pos, nli = Part("mini-pos"), Part("mini-nli")
    kinds: list[Task] = [
        corpus.mixture(pos, nli, about="x"), corpus.mixture(pos, replace(nli, cap=10), about="x"),
        corpus.mixture(replace(pos, weight=2.0), nli, about="x"), corpus.mixture(pos, nli, sampling="uniform", about="x"),
        corpus.mixture(pos, nli, sampling="temperature", temperature=2.0, about="x"),
        corpus.mixture(pos, nli, sampling="temperature", temperature=3.0, about="x"),
    ]  # fmt: skip
    assert len({task.revision() for task in kinds}) == 6
    assert corpus.mixture(pos, nli, sampling="proportional", about="x").revision() == kinds[0].revision()


def test_what_is_learnt_in_another_way_has_another_revision() -> None:
    """Pairs that share a text are no negatives of each other since; of a target on the same data nothing has changed."""
    names, phase = load_task("names"), Phase()
    assert data_revision(names, phase) == f"{names.revision()} twins apart"
    assert data_revision(load_task("name-retrieval"), phase) == load_task("name-retrieval").revision() == names.revision()
    mixed, other = (corpus.mixture(Part(name), about="x") for name in ("names", "name-retrieval"))
    assert mixed.revision() != other.revision()
