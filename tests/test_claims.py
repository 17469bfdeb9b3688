"""Claims, sentences and the planner: verdicts on stores made by hand, and every shipped claim on an empty one."""

import datetime
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from scipy import stats
from typer.testing import CliRunner

from tests.conftest import Writer
from tests.test_comparing import answers, put
from xbench import checking, claiming, cli, comparing, contrasts, executors, pairing, planning, plugins, store, verdicts
from xbench.errors import StoreError, XbenchError
from xbench.recipe import Recipe
from xbench.study import Study, load_study, stack_version
from xbench.task import all_tasks, load_task, not_run
from xbench.version import __version__

SHIPPED = plugins.names(claiming.CLAIMS, ".sql")
NINE = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")


def made(root: Path, name: str, seed: int, right: dict[str, np.ndarray], target: str = "mini-pos", **change: Any) -> None:
    """A run of the xbench, recipe and data that there are now."""
    now = {
        "source_version": stack_version(),
        "recipe": Recipe().canonical,
        "recipe_id": Recipe().recipe_id,
        "target_revision": load_task(target).revision(),
        "intermediate_revision": "none" if name == "none" else load_task(name).revision(),
    }
    put(root, name, seed, right, target, **{**now, **change})


def recipe(root: Path, rates: dict[str, float], target: str = "mini-pos", spread: float = 0.0, items: int = 400, **change: Any) -> None:
    """Three seeds of each intermediate, German and Hindi."""
    for i, (name, rate) in enumerate(rates.items()):
        for seed in range(3):
            right = {c: answers(1_000 * i + 10 * seed + k, rate + spread * (seed - 1), items) for k, c in enumerate(("de", "hi"))}
            made(root, name, seed, right, target=target, **change)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_claim_can_be_judged_and_its_study_planned(name: str, tmp_path: Path) -> None:
    """On an empty store: claims about documents have a verdict, claims about effects are not testable and name the cells."""
    (found,) = claiming.judge(tmp_path, [name])
    assert found.claim.source
    if found.claim.targets:
        assert found.verdict == "not testable"
        assert {e.verdict for e in found.evidence if e.decides} == {"not testable"}
        cells = [(m, i, t) for m in found.claim.models for i in found.claim.intermediates for t in found.claim.targets if i != t]
        assert [(m, i, t) for m, i, t, _ in found.missing] == cells
        file = tmp_path / "study.yaml"
        file.write_text(claiming.studies(found.claim.claim, found.missing, found.claim.seeds)[0])
        study = load_study(file)  # every task exists, the recipe is valid
        assert set(study.targets) == set(found.claim.targets)
        assert study.intermediates[0] == "none"
    else:
        assert (found.verdict, found.missing) == ("supported", ())


def test_nine_claims_about_the_paper_and_the_question_ship() -> None:
    assert sum(n.startswith("phang-") for n in SHIPPED) >= 9
    assert any("sequence-labelling" in n for n in SHIPPED)
    assert set(claiming.load("phang-squad-gain").targets) == set(NINE)


def weighed(**row: object) -> str:
    return claiming.weigh({"evidence": "x", **row}).verdict


def test_what_a_piece_of_evidence_says() -> None:
    interval = {"value": 0.03, "low": 0.01, "high": 0.05}
    assert weighed(**interval, above=0.0) == "supported"
    assert weighed(**interval, above=0.02) == "unresolved"
    assert weighed(**interval, above=0.06) == "contradicted"
    assert weighed(**interval, below=0.0) == "contradicted"
    assert weighed(**interval, above=-0.1, below=0.1) == "supported"
    assert weighed(**interval, size=0.04) == "supported"
    assert weighed(**interval, size=0.06) == "contradicted"
    assert weighed(value=0.01, low=-0.01, high=0.03, size=0.02) == "unresolved"  # the size fits, but so does nothing at all
    assert weighed(value=None, low=None, high=None, above=0.0) == "not testable"
    assert (weighed(agrees=True), weighed(agrees=False)) == ("supported", "contradicted")


def test_verdict_over_all_evidence() -> None:
    def of(*pieces: claiming.Evidence) -> str:
        return claiming.verdict(pieces)

    yes, open_, no = (
        claiming.weigh({"evidence": "x", "value": v, "low": v - 0.02, "high": v + 0.02, "above": 0.0}) for v in (0.1, 0, -0.1)
    )
    none = claiming.weigh({"evidence": "x"})
    assert [p.verdict for p in (yes, open_, no, none)] == ["supported", "unresolved", "contradicted", "not testable"]
    assert of(yes, yes) == "supported"
    assert of(yes, no, open_) == of(no, none) == "contradicted"
    assert of(yes, open_) == of(yes, none) == "unresolved"
    assert of() == of(none) == "not testable"
    assert of(claiming.weigh({"evidence": "x", "agrees": False}), yes) == "contradicted"
    assert claiming.verdict([replace(no, decides=False)]) == "not testable"


def test_many_parts_are_not_contradicted_by_luck() -> None:
    """An interval of t with 4 degrees of freedom that is below 0 at .9 % (two-sided): Holm needs it below 5 % / parts."""
    se = 0.01
    value, half = -stats.t.isf(0.0045, 4) * se, stats.t.isf(0.025, 4) * se
    low = {"evidence": "x", "value": value, "low": value - half, "high": value + half, "df": 4}
    against = claiming.weigh({**low, "above": 0.0})
    assert (against.verdict, against.p) == ("contradicted", pytest.approx(0.009))
    assert claiming.weigh({**low, "size": 0.0}).p == claiming.weigh({**low, "above": 0.0, "below": 0.1}).p == against.p
    assert claiming.weigh({**low, "above": -0.1, "below": value - 0.01}).p == pytest.approx(2 * stats.t.sf(1, 4))
    open_ = claiming.weigh({"evidence": "x", "value": 0.0, "low": -half, "high": half, "df": 4, "above": 0.0})
    assert open_.p == 1
    assert claiming.verdict([against, *[open_] * 4]) == "contradicted"
    assert claiming.verdict([against, *[open_] * 5]) == "unresolved"
    assert claiming.verdict([against, *[replace(open_, decides=False)] * 9]) == "contradicted", "context is no test"


def test_p_is_of_the_side_of_the_interval_that_the_claim_is_on() -> None:
    """Normal limits 2.94 below and .96 above the value 3: 0 is two standard errors of 1.5 away on its side, 4.47 three of .49 on its own."""
    uneven = {"evidence": "x", "value": 3.0, "low": 3 - 1.959964 * 1.5, "high": 3 + 1.959964 * 0.49}
    assert claiming.weigh({**uneven, "below": 0.0}).p == pytest.approx(2 * stats.norm.sf(2), abs=1e-6)
    assert claiming.weigh({**uneven, "above": 4.47}).p == pytest.approx(2 * stats.norm.sf(3), abs=1e-6)


def test_the_question_of_the_project_is_judged_on_any_tagging_run(tmp_path: Path) -> None:
    recipe(tmp_path, {"none": 0.5, "intents": 0.7})
    recipe(tmp_path, {"none": 0.5, "intents": 0.3}, target="mini-retrieval", scorer="accuracy-1")  # no tagging: does not bear on it
    (found,) = claiming.judge(tmp_path, ["sequence_labelling_helps_at_every_size"])
    assert [e.verdict for e in found.evidence if e.evidence == "mini-pos after intents, m: helps"] == ["supported"]
    assert found.verdict == "unresolved", "one task in one model of one size is neither every size nor the tasks that it is about"
    recipe(tmp_path, {"none": 0.5, "intents": 0.3}, model="large", parameters=1_000)
    (found,) = claiming.judge(tmp_path, ["sequence_labelling_helps_at_every_size"])
    assert found.verdict == "contradicted"
    assert any(e.evidence == "mini-pos after intents, large - m: same" and e.verdict == "contradicted" for e in found.evidence)


def test_differences_between_sizes_are_those_of_the_targets_of_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, metric in (("mini-pos", "accuracy"), ("mini-ner", "f1")):
        for model, parameters in (("m", 10), ("large", 1_000)):
            for name in ("none", "intents"):
                put(tmp_path, name, 0, {"de": answers(0, 0.5)}, target, metric, model=model, parameters=parameters)
    asked: list[str] = []
    monkeypatch.setattr(claiming.scales, "interactions", lambda con, **of: asked.append(of["target"]) or [dict(of)])
    with store.connect(tmp_path) as con:
        between = claiming._Between(con)
        found = {targets: [r["target"] for r in between.rows("intents", targets)] for targets in ((), ("mini-pos",), ("xnli",))}
        assert [list(between.rows(name, ())) for name in ("none", "mnli")] == [[], []]
    assert found == {(): ["mini-ner", "mini-pos"], ("mini-pos",): ["mini-pos"], ("xnli",): []}
    assert asked == ["mini-ner", "mini-pos"], "each is looked for once"


def row(claim: claiming.Claim, pair: tuple[str, str], level: str, target: str, delta: float, **change: Any) -> dict[str, Any]:
    """A comparison that is sure to a tenth of a point: t with 50 degrees of freedom, 2.0086 at 97.5 %."""
    se, half = 0.001, 0.0020086
    tasks = {"xtreme": 9, "xtreme: qa": 3}.get(target, 2)
    return {
        **dict.fromkeys(pairing.SYSTEM, "x"), **dict.fromkeys(contrasts.NUMBERS), "model": f"owner/{claim.models[-1]}", "intermediate": pair[0], "against": pair[1],
        "level": level, "target": target, "language": f"{tasks} of {tasks} tasks: a b" if level == "tasks" else "zero-shot mean",
        "status": "tested", "scope": "recipe", "delta": delta, "se": se, "df": 50.0, "low": delta - half, "high": delta + half, **change,
    }  # fmt: skip


def held(con: duckdb.DuckDBPyConnection, claim: claiming.Claim, rows: list[dict[str, Any]]) -> str:
    """The verdict on rows in the place of those of a store; level `interaction` in relation `interaction`."""
    claiming._relation(con, "comparison", [r for r in rows if r["level"] != "interaction"], len(claim.contrasts))
    claiming._relation(con, "interaction", [r for r in rows if r["level"] == "interaction"])
    claiming._asked(con, claim)
    claiming._statements(con)
    return claiming.verdict(claiming._evidence(con, claim))


def agreeing(name: str) -> tuple[claiming.Claim, list[dict[str, Any]]]:
    """All that a claim is about, every number where it says."""
    claim = claiming.load(name)
    groups = ("classification", "qa", "retrieval", "tagging")
    average = {"squad": 0.082, "mnli": 0.075, "hellaswag": 0.07}.get(name.split("-")[1], 0.05)
    if name == "phang-tydiqa-gains-xnli-does-not":
        double = {("mnli", "xnli"), ("anli-plus", "xnli")}
        cells = [(p, t) for p in claim.contrasts for t in claim.targets if (p[0], t) not in double]
        return claim, [row(claim, p, "mean", t, 0.05 if t == "tydiqa" else 0.0) for p, t in cells]
    if name == "sequence-labelling-helps-at-every-size":
        pairs = [(i, "none") for i in claim.intermediates[1:]]
        cells = [(p, t) for p in pairs for t in claim.targets]
        helps = [row(claim, p, "mean", t, 0.02, model=m) for p, t in cells for m in claim.models]
        return claim, [*helps, *(row(claim, p, "interaction", t, 0.0, model="a/xlm-roberta-large - b/xlm-roberta-base") for p, t in cells)]
    if name == "phang-retrieval-gains-most":
        return claim, [row(claim, p, "tasks", f"xtreme: {g}", 0.1 if g == "retrieval" else 0.01) for p in claim.contrasts for g in groups]
    if name == "phang-multitask-best":
        return claim, [row(claim, p, "tasks", "xtreme", 0.087 if p[1] == "none" else 0.01) for p in claim.contrasts]
    if name == "phang-best-per-target":
        return claim, [row(claim, p, "mean", t, 0.054) for p in claim.contrasts for t in claim.targets] + [
            row(claim, claim.contrasts[4], "tasks", "xtreme", 0.05)
        ]
    return claim, [row(claim, p, "tasks", "xtreme", average) for p in claim.contrasts]


@pytest.mark.parametrize("name", [n for n in SHIPPED if claiming.load(n).targets])
def test_a_claim_is_supported_by_all_that_it_is_about_and_by_nothing_less(name: str, tmp_path: Path) -> None:
    claim, rows = agreeing(name)
    with store.connect(tmp_path) as con:
        assert held(con, claim, rows) == "supported"
        for i in {0, len(rows) // 2, len(rows) - 1}:
            lacking = [*rows[:i], *rows[i + 1 :]]
            assert held(con, claim, lacking) in ("unresolved", "not testable"), rows[i]
            for change in ({"scope": "these runs"}, {"status": "not testable: other seeds"}):
                assert held(con, claim, [*lacking, {**rows[i], **change}]) in ("unresolved", "not testable")
            if rows[i]["level"] == "tasks":
                part = {**rows[i], "language": f"1{rows[i]['language'][1:]}"}
                assert held(con, claim, [*lacking, part]) in ("unresolved", "not testable"), "a mean over some of its tasks is another"
        if name != "phang-best-per-target":  # of which one part decides nothing
            far = {**rows[0], "delta": -0.5, "low": -0.51, "high": -0.49}
            far = {**far, "delta": 0.5, "low": 0.49, "high": 0.51} if rows[0]["target"] in ("xnli", "xtreme: classification") else far
            others = [r for r in rows if r["intermediate"] == far["intermediate"] and r["level"] == "tasks" and r is not rows[0]][:3]
            assert held(con, claim, [far, *others]) == "contradicted"


def test_the_best_of_nine_is_not_taken_at_its_word() -> None:
    """Nine intermediate tasks on nine targets, three seeds that vary by a point, a part of it shared by the targets of a seed.

    Where none of them does anything the best ones gain a point all the same, and their mean seems sure: a gain must not be seen in more
    than 5 % of 300 such stores, nor 5.4 points refuted where they are true. One task that gains 15 points in retrieval and 6 in questions
    must be found.
    """
    claim, stores = claiming.load("phang-best-per-target"), 300
    gains = np.full((9, 9), 0.01)
    gains[:, 4] = [0.01, 0.01, 0, 0.01, 0.06, 0.06, 0.08, 0.15, 0.11]  # squad1
    assert gains.max(axis=1).mean() == pytest.approx(0.0556, abs=1e-3)

    def judged(truth: np.ndarray, shared: float) -> tuple[list[str], int]:
        """Verdicts, and how many stores show a gain."""
        rng = np.random.default_rng(1)
        runs = rng.normal(0, 0.01 * shared**0.5, (stores, 1, 10, 3)) + rng.normal(0, 0.01 * (1 - shared) ** 0.5, (stores, 9, 10, 3))
        runs[:, :, 1:] += truth[None, :, :, None]
        rows = []
        for targets, level, scores in ((claim.targets, "mean", runs), (("xtreme",), "tasks", runs.mean(axis=1, keepdims=True))):
            welch = stats.ttest_ind(scores[:, :, 1:], scores[:, :, :1], axis=3, equal_var=False)
            low, high = welch.confidence_interval()
            delta = scores[:, :, 1:].mean(axis=3) - scores[:, :, :1].mean(axis=3)
            for (s, t, i), value in np.ndenumerate(delta):
                number = {"delta": value, "se": value / welch.statistic[s, t, i], "df": welch.df[s, t, i]}
                ends = {"low": low[s, t, i], "high": high[s, t, i]}
                rows.append(row(claim, claim.contrasts[i], level, targets[t], **number, **ends, source_version=str(s)))
        with duckdb.connect() as con:
            claiming._relation(con, "comparison", rows, len(claim.contrasts))
            claiming._asked(con, claim)
            evidence = claiming._evidence(con, claim)
        assert len(evidence) == stores
        return [e.verdict for e in evidence], sum(e.low is not None and e.low > 0 for e in evidence)

    null, gain = judged(np.zeros((9, 9)), 0.3)
    assert gain <= 0.05 * stores
    assert null.count("supported") <= 0.05 * stores
    assert null.count("contradicted") >= 0.9 * stores, "5.4 points it is not"
    found, gain = judged(gains, 0.0)
    assert gain >= 0.9 * stores
    assert found.count("supported") >= 0.9 * stores
    same, _ = judged(np.full((9, 9), 0.054), 0.5)
    assert same.count("contradicted") <= 0.05 * stores


def test_a_mean_over_two_of_nine_tasks_says_nothing_about_the_nine(tmp_path: Path) -> None:
    """A sure gain on two tasks: evidence to be shown, that decides about these two and not about XTREME."""
    for target in ("pawsx", "xnli"):
        for i, (name, rate) in enumerate({"none": 0.3, "squad1": 0.7}.items()):
            for seed in range(3):
                right = {c: answers(100 * i + 10 * seed + k, rate, 12) for k, c in enumerate(load_task(target).languages)}
                put(tmp_path, name, seed, right, target=target, scorer="accuracy-1", model="xlm-roberta-large")
    (found,) = claiming.judge(tmp_path, ["phang-squad-gain"])
    assert found.verdict == "not testable"
    (part,) = [e for e in found.evidence if not e.decides and e.low]
    assert (part.evidence, round(part.value or 0, 1)) == ("only 2 of 9 tasks: pawsx xnli", 0.4)
    judged = checking.check(tmp_path, "squad1 > none on xtreme for xlm-roberta-large")
    assert judged.verdict == "not testable"
    (piece,) = judged.evidence
    assert "2 of 9 tasks" in piece.evidence
    assert piece.evidence.endswith("; without bucc2018 mlqa panx tatoeba tydiqa udpos xquad")
    assert (piece.value, piece.verdict) == (part.value, "not testable")
    assert {t for _, _, t, _ in judged.missing} == set(NINE) - {"pawsx", "xnli"}
    assert checking.check(tmp_path, "squad1 > none on xtreme:classification").verdict == "supported", "of which these are all"


def test_seeds_of_other_recipes_are_not_counted_together(tmp_path: Path) -> None:
    """One seed under each of three recipes is one seed; three of one arm under a recipe that the other arm lacks are none to compare."""
    cells = [("m", "none", "mini-pos"), ("m", "intents", "mini-pos")]

    def missing() -> list[tuple[str, int]]:
        with store.connect(tmp_path) as con:
            return [(i, n) for _, i, _, n in claiming.missing_cells(con, cells, 3)[0]]

    for seed, name in enumerate("ABC"):
        for arm in ("none", "intents"):
            put(tmp_path, arm, seed, {"de": answers(seed, 0.5, 20)}, recipe_id=name)
    assert missing() == [("none", 1), ("intents", 1)]
    for seed in range(3):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5, 20)}, recipe_id="D")
        put(tmp_path, "intents", seed, {"de": answers(seed, 0.5, 20)}, recipe_id="E")
    assert missing() in ([("intents", 0)], [("none", 0)])
    for seed in (1, 2):
        for arm in ("none", "intents"):
            put(tmp_path, arm, seed, {"de": answers(seed, 0.5, 20)}, recipe_id="A")
    assert missing() == []


def test_a_claim_about_recipes_is_not_testable_with_one_seed(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.9)})
    (found,) = claiming.judge(tmp_path, ["sequence_labelling_helps_at_every_size"])
    assert found.verdict == "not testable"
    judged = checking.check(tmp_path, "intents > none on mini-pos")
    assert judged.verdict == "not testable"
    assert "about the recipes one seed says nothing" in judged.evidence[0].evidence
    assert judged.evidence[0].value is not None
    assert judged.missing == (("m", "none", "mini-pos", 1), ("m", "intents", "mini-pos", 1))


def test_why_there_is_no_test_is_said_of_a_language_too(tmp_path: Path) -> None:
    put(tmp_path, "none", 1, {"de": answers(0, 0.5)})
    put(tmp_path, "intents", 0, {"de": answers(1, 0.9)})
    for sentence in ("intents > none on mini-pos", "intents > none on mini-pos in de"):
        (found,) = checking.check(tmp_path, sentence).evidence
        assert "the direct baseline has other seeds" in found.evidence


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("intents > none on mini-pos", "supported"),
        ("none < intents on mini-pos", "supported"),
        ("none > intents on mini-pos", "contradicted"),
        ("intents helps on mini-pos in de", "supported"),
        ("intents hurts on mini-pos for m", "contradicted"),
        ("intents > none on mini-pos by 20", "supported"),
        ("intents > none on mini-pos by 40", "contradicted"),
        ("mini-ner = none on mini-pos within 10", "supported"),
        ("mini-ner = none on mini-pos within 0.1", "unresolved"),
        ("mini-nli > none on mini-pos", "not testable"),
        ("intents > mini-ner on mini-pos", "supported"),
        ("intents > none on mini-pos for another", "not testable"),
    ],
)
def test_sentences(sentence: str, verdict: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.getbasetemp() / "sentences"
    if not root.exists():
        recipe(root, {"none": 0.5, "intents": 0.7, "mini-ner": 0.5})
    judged = checking.check(root, sentence)
    assert (judged.verdict, judged.claim.claim) == (verdict, sentence)


def test_what_equal_means_is_said_where_the_sentence_does_not(tmp_path: Path) -> None:
    recipe(tmp_path, {"none": 0.5, "mini-ner": 0.5})
    for sign in ("=", "equals"):
        said = checking.check(tmp_path, f"mini-ner {sign} none on mini-pos")
        assert said.claim.claim == f"mini-ner {sign} none on mini-pos within 1 point"
        assert said.verdict == checking.check(tmp_path, said.claim.claim).verdict


def test_points_are_said_anywhere() -> None:
    for text in (
        "squad1 > none on tydiqa by 2 points for m",
        "squad1 > none on tydiqa for m by 2 points",
        "squad1 > none on tydiqa for m by 2",
    ):
        said = checking.parse(text)
        assert (said.by, said.model, said.target) == (0.02, "m", "tydiqa")
    with pytest.raises(StoreError, match="'points' is not one of on"):
        checking.parse("squad1 > none on tydiqa points m")


def test_a_sentence_about_an_average(tmp_path: Path) -> None:
    for target, scorer in (("mini-pos", "token-accuracy-1"), ("mini-retrieval", "accuracy-1")):
        recipe(tmp_path, {"none": 0.5, "intents": 0.7}, target=target, scorer=scorer)
    judged = checking.check(tmp_path, "intents > none on tasks")
    assert judged.verdict == "supported"
    assert judged.evidence[0].evidence == "intents less none: tasks, 2 of 2 tasks, m, 3 seed(s)"
    nothing = checking.check(tmp_path, "squad1 > none on xtreme:qa for xlm-roberta-large")
    assert [t for _, i, t, _ in nothing.missing if i == "squad1"] == ["mlqa", "tydiqa", "xquad"]


def test_sentences_about_published_results_name_what_is_no_task_here(writer: Writer) -> None:
    for name, mean, german in (("none", 0.79, 0.80), ("x-stilts", 0.80, 0.83)):
        of = {"kind": "external", "source": "a paper", "scorer": "unknown"}
        writer.add(name, "xnli", None, {"mul": mean}, language_set="de fr", **of)
        writer.add(name, "pawsx", None, {"de": german}, **of)
    (mean,) = checking.check(writer.root, "x-stilts > none on xnli").evidence
    assert (mean.evidence.partition(":")[0], round(mean.value or 0, 9), mean.verdict) == ("x-stilts less none", 0.01, "not testable")
    assert "xnli, mean as printed, a paper, m" in mean.evidence
    judged = checking.check(writer.root, "x-stilts > none on pawsx in deu")
    assert [round(e.value or 0, 9) for e in judged.evidence] == [0.03], "a language in any spelling"
    assert judged.missing == (), "no study can run it"


@pytest.mark.parametrize(
    ("sentence", "problems"),
    [
        ("squad1", ["the form is"]),
        ("squad1 is none on tydiqa", ["the form is"]),
        (
            "squat1 > nune on tydia",
            ["'squat1' is no task; did you mean 'squad1'?", "'nune' is no task; did you mean 'none'?", "did you mean 'tydiqa'?"],
        ),
        ("squad1 > none", ["no target"]),
        ("squad1 > none on tydiqa by much", ["by 'much' is not a number of points from 0 to 100"]),
        ("squad1 > none on tydiqa by nan", ["by 'nan' is not a number of points from 0 to 100"]),
        ("squad1 > none on tydiqa by -20", ["by '-20' is not a number of points from 0 to 100"]),
        ("squad1 = none on tydiqa within -1", ["within '-1' is not a number of points from 0 to 100"]),
        ("squad1 = none on tydiqa within inf", ["within 'inf' is not a number of points from 0 to 100"]),
        ("squad1 = none on tydiqa by 3", ["'by' goes with < and >, not with '='"]),
        ("squad1 helps on tydiqa within 3", ["'within' goes with =, not with 'helps'"]),
        ("squad1 > none on xtreme in sw", ["in 'sw': 'xtreme' is a mean over tasks, each over its languages; name one task"]),
        ("squad1 > none on tasks in sw", ["in 'sw': 'tasks' is a mean over tasks"]),
        ("squad1 > none on tydiqa in German", ["language 'German' is unknown; did you mean 'de'?"]),
        ("squad1 > none on TyDiQA", ["'TyDiQA' is no target; did you mean 'tydiqa'?"]),
        ("squad1 > none on tydiqa near sw", ["'near' is not one of on, in, for, by, within"]),
        ("squad1 > none on tydiqa for", ["nothing follows 'for'"]),
    ],
)
def test_sentences_that_cannot_be_read_say_all_that_is_wrong(sentence: str, problems: list[str], tmp_path: Path) -> None:
    with pytest.raises(XbenchError) as caught:
        checking.check(tmp_path, sentence)
    for problem in problems:
        assert problem in str(caught.value)


def test_broken_claims_say_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "CLAIMS", tmp_path)
    (tmp_path / "headless.sql").write_text("-- contrasts: a versus b\nSELECT 1")
    with pytest.raises(XbenchError) as caught:
        claiming.load("headless")
    assert [p in str(caught.value) for p in ("'claim' is missing", "'source' is missing", "'a versus b' is not `A against B`")] == [
        True
    ] * 3
    for line, said in (
        ("seeds: three", "seeds is 'three', expected a whole number above 0"),
        ("seeds: 0", "seeds is '0', expected"),
        ("seed: 5", "no header field is called 'seed'; did you mean 'seeds'?"),
        ("targets: xnlii others-task", "'xnlii' is no task; did you mean 'xnli'?"),
        ("intermediates: none SQuAD1", "'SQuAD1' is no task; did you mean 'squad1'?"),
        ("evidence: none", "evidence is 'none', expected any"),
    ):
        (tmp_path / "headless.sql").write_text(f"-- claim: c\n-- source: s\n-- {line}\nSELECT 1 AS evidence")
        with pytest.raises(XbenchError) as caught:
            claiming.load("headless")
        assert f"{tmp_path / 'headless.sql'}:3: {said}" in str(caught.value)
    (tmp_path / "text.sql").write_text("-- claim: c\n-- source: s\nSELECT 'e' AS evidence, 'x' AS value, 0 AS low, 1 AS high, 0.5 AS size")
    with pytest.raises(XbenchError, match="the SELECT of claim 'text' gives a number that is none"):
        claiming.judge(tmp_path, ["text"])
    (tmp_path / "bytes.sql").write_bytes(b"\xff")
    with pytest.raises(XbenchError) as caught:
        claiming.judge(tmp_path)
    assert [name in p for name, p in zip(("bytes.sql", "headless.sql:3"), caught.value.problems, strict=True)] == [True, True]
    (tmp_path / "sql.sql").write_text("-- claim: c\n-- source: s\n-- contrasts: mnli against none\nSELECT nothing FROM comparison")
    with pytest.raises(XbenchError, match="the SELECT of claim 'sql' is not valid"):
        claiming.judge(tmp_path, ["sql"])
    (tmp_path / "column.sql").write_text("-- claim: c\n-- source: s\nSELECT 1 AS value")
    with pytest.raises(XbenchError, match="no column 'evidence'"):
        claiming.judge(tmp_path, ["column"])


def test_a_broken_claim_is_named_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "claims"
    folder.mkdir()
    monkeypatch.setattr(claiming, "CLAIMS", folder)
    file, head = folder / "my_own.sql", "-- claim: c\n-- source: s\n"

    def refused(text: str) -> tuple[str, ...]:
        file.write_text(head + text)
        with pytest.raises(StoreError) as caught:
            claiming.judge(tmp_path / "store", ["my-own"])
        return caught.value.problems

    for nothing in ("", "\n", "-- note: n\n", "  -- SELECT 1\n/* SELECT\n2 */ ;\n"):
        assert refused(nothing) == (f"{file}: there is no SELECT below the header",)
    asked = "-- models: m\n-- targets: xnli\n-- contrasts: mnli against none\n"
    (problem,) = refused(f"{asked}SELECT 'x' AS evidence,\n-- a word on it\n    nothing AS value FROM asked")
    assert problem.startswith(f'{file}:8: Binder Error: Referenced column "nothing" not found in FROM clause!')
    assert refused("SELECT 1 AS value, 2 AS low") == (f"{file}: it has value, low",)
    assert refused("SELECT 'x' AS evidence, 'much' AS value") == (f"{file}: value is 'much'",)
    given = "-- intermediates: none squad1 mnli\n-- contrasts: squad1 against none, mnlli against none, * against qqp\n"
    assert refused(f"{given}SELECT 1 AS evidence") == (
        f"{file}:4: contrast 'mnlli against none': 'mnlli' is not among the intermediates; did you mean 'mnli'?",
        f"{file}:4: contrast '* against qqp': 'qqp' is not among the intermediates",
    )
    file.write_text(f"{head}-- contrasts: theirs against none\nSELECT 'x' AS evidence")
    assert claiming.load("my-own").contrasts == (("theirs", "none"),)


def test_a_header_that_would_leave_nothing_to_judge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field without its blank or colon, or one that was forgotten, read as an honest `not testable`."""
    monkeypatch.setattr(claiming, "CLAIMS", tmp_path)
    file = tmp_path / "own.sql"

    def refused(header: str, select: str) -> tuple[str, ...]:
        file.write_text(f"-- claim: c\n-- source: s\n{header}SELECT 'x' AS evidence{select}")
        try:
            claiming.load("own")
        except StoreError as error:
            return tuple(error.problems)
        return ()

    whole = "-- models: m\n-- targets: xnli\n-- contrasts: mnli against none\n"
    assert refused(whole, ", delta AS value FROM asked JOIN comparison USING (target)") == ()
    assert refused("", ", 1 AS value -- not of comparison") == ()
    lacking = "without it asked, which the SELECT reads, is empty"
    assert refused("-- contrasts: mnli against none\n", " FROM asked") == (
        f"{file}: header field 'models' is missing; {lacking}",
        f"{file}: header field 'targets' is missing; {lacking}",
    )
    assert refused("", " FROM interaction") == (
        f"{file}: header field 'contrasts' is missing; without it interaction, which the SELECT reads, is empty",
    )
    assert refused(whole.replace("-- models:", "-- models"), " FROM asked") == (f"{file}:3: expected a colon, `-- models: …`",)
    assert f"{file}:3: expected a blank after --, `-- models: …`" in refused(whole.replace("-- models:", "--models:"), " FROM asked")
    assert refused(f"-- note: n\n-- models of all kinds\n{whole}", " FROM asked") == ()
    assert refused("-- note: what it says of its\n-- models is not checked\n", ", 'a comparison' AS b FROM statement") == ()


def test_the_planner_says_what_it_cannot_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the data of a task its revision is taken to be as it was, and nothing said so."""
    now = {"source_version": stack_version(), "recipe": Recipe().canonical, "recipe_id": Recipe().recipe_id}
    for i, name in enumerate(("none", "intents")):
        put(tmp_path, name, 0, {"de": answers(9 * i, 0.5)}, target="xnli", scorer="accuracy-1", **now)
    monkeypatch.setenv("XBENCH_DATA_DIR", str(tmp_path / "nothing"))
    (step,) = planning.resolve(tmp_path)
    said = "the data of xnli is not here (--data-dir), so whether new runs join is not known"
    assert step.seeds and step.why.endswith(said)


def test_decimals_are_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB takes 0.1 for a DECIMAL: it was refused as no number."""
    monkeypatch.setattr(claiming, "CLAIMS", tmp_path)
    text = "-- claim: c\n-- source: s\nSELECT 'x' AS evidence, 0.1 AS value, 0.05 AS low, 0.2 AS high, 4.0 AS df, "
    for limits, verdict in (("0.0 AS above", "supported"), ("0.0 AS below", "contradicted"), ("0.1 AS size, 1.0 AS above", "supported")):
        (tmp_path / "d.sql").write_text(f"{text}{limits}")
        ((found,),) = [j.evidence for j in claiming.judge(tmp_path / "store", ["d"])]
        assert (found.value, found.low, found.high, found.verdict) == (0.1, 0.05, 0.2, verdict)
        assert {type(n) for n in (found.value, found.low, found.high, found.p)} == {float}


def test_the_commands(tmp_path: Path) -> None:
    recipe(tmp_path, {"none": 0.5, "intents": 0.7})

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli.app, [*words, "--store", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    assert "The study starts from XLM-R Large." in run("claims")
    told = run("claims", "phang-squad-gain")
    assert "verdict: not testable" in told and "and 6 more" in told and "8.4 points" in told
    rows = json.loads(run("claims", "phang-squad-gain", "--json"))
    assert [r["kind"] for r in rows] == ["claim", *["evidence"] * 3, *["missing"] * 18]
    assert "and 42 more pieces that are not testable" in run("claims", "sequence-labelling-helps-at-every-size")
    assert "verdict: supported" in run("check", "intents > none on mini-pos")
    file = tmp_path / "study.yaml"
    run("check", "mini-ner > none on mini-pos for m", "--study", str(file))
    assert yaml.safe_load(file.read_text())["intermediates"] == ["none", "mini-ner"]
    assert CliRunner().invoke(cli.app, ["plan", "--store", str(tmp_path)]).exit_code != 0


def test_a_study_goes_into_a_new_folder_or_is_an_error_that_says_why(tmp_path: Path) -> None:
    root, file = tmp_path / "store", tmp_path / "a file"
    put(root, "none", 0, {"de": answers(0, 0.5)})
    put(root, "intents", 0, {"de": answers(1, 0.9)})
    file.touch()
    for words in (
        ("check", "mini-ner > none on mini-pos for m", "--study"),
        ("claims", "phang-squad-gain", "--study"),
        ("plan", "--resolve", "--studies"),
    ):
        done = CliRunner().invoke(cli.app, [*words, str(tmp_path / "new" / words[0] / "study.yaml"), "--store", str(root)])
        assert done.exit_code == 0, done.output
        done = CliRunner().invoke(cli.app, [*words, str(file / "study.yaml"), "--store", str(root)])
        assert isinstance(done.exception, XbenchError)
        assert str(done.exception).startswith(f"{file / 'study.yaml'}")
        assert "could not be written" in str(done.exception)
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"check", "claims", "plan"}


def planned(root: Path) -> dict[str, planning.Step]:
    return {s.row["intermediate"]: s for s in planning.resolve(root)}


def test_the_planner_asks_for_the_seeds_that_are_lacking(tmp_path: Path) -> None:
    """A difference that varies over seeds: as many seeds as the power formula says, of both arms, and none that is there."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    timed = {"started": start, "finished": start + datetime.timedelta(seconds=30)}
    recipe(tmp_path, {"none": 0.5, "intents": 0.56, "mini-ner": 0.9}, spread=0.03, items=2_000, **timed)
    steps = planned(tmp_path)
    assert set(steps) == {"intents"}  # the other is settled
    step = steps["intents"]
    assert step.why == "too few seeds"
    mean = next(r for r in comparing.compare(tmp_path, {"intermediate": "intents"}) if r["level"] == "mean")
    assert step.seeds > mean["seeds"]
    assert step.cells == [(i, s) for i in ("none", "intents") for s in range(3, step.seeds)]
    assert step.seconds == 30 * len(step.cells)
    (text,) = planning.studies(tmp_path, list(steps.values())).values()
    study = Study.model_validate(yaml.safe_load(text))
    assert (study.intermediates, study.seeds) == (["none", "intents"], list(range(3, step.seeds)))


def test_the_planner_pays_for_a_baseline_once(tmp_path: Path) -> None:
    for seed in range(2):
        for i, (name, rate) in enumerate({"none": 0.5, "intents": 0.58, "mini-ner": 0.42}.items()):
            made(tmp_path, name, seed, {"de": answers(100 * i + seed, rate + 0.03 * seed, 3_000)})
    steps = list(planned(tmp_path).values())
    assert len(steps) == 2
    first, second = steps
    assert {i for i, _ in first.cells} == {"none", first.row["intermediate"]}
    assert not set(first.cells) & set(second.cells)


def test_the_planner_says_what_no_seed_would_settle(tmp_path: Path) -> None:
    same = np.array([1.0, 0.0] * 100)
    for seed in range(3):
        made(tmp_path, "none", seed, {"de": same})
        other = same.copy()
        other[[seed, seed + 50]] = 1 - other[[seed, seed + 50]]
        made(tmp_path, "intents", seed, {"de": other})
    step = planned(tmp_path)["intents"]
    assert step.seeds == 0
    assert "is small against" in step.why


def test_the_planner_wants_a_first_look_where_there_is_one_seed_or_no_baseline(tmp_path: Path) -> None:
    made(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    made(tmp_path, "intents", 0, {"de": answers(1, 0.9)})
    made(tmp_path, "intents", 0, {"de": answers(1, 0.9)}, target="mini-ner", metric="f1", scorer="span-f1-seqeval-default-1")
    steps = {s.row["target"]: s for s in planning.resolve(tmp_path)}
    assert (steps["mini-pos"].why, steps["mini-pos"].cells) == ("one seed", [("none", 1), ("none", 2), ("intents", 1), ("intents", 2)])
    assert steps["mini-ner"].why == "no direct baseline"
    assert steps["mini-ner"].cells == [("none", 0), ("none", 1), ("none", 2), ("intents", 1), ("intents", 2)]
    done = CliRunner().invoke(cli.app, ["plan", "--resolve", "--store", str(tmp_path), "--studies", str(tmp_path / "studies")])
    assert done.exit_code == 0, done.output
    assert "no direct baseline" in done.stdout
    assert len(list((tmp_path / "studies").iterdir())) == 2
    refused = CliRunner().invoke(cli.app, ["plan", "--resolve", "--most-seeds", "2", "--store", str(tmp_path)])
    assert "at least 3 are needed" in str(refused.exception)


def test_the_planner_matches_seeds_that_the_baseline_lacks(tmp_path: Path) -> None:
    for name, seed in (("none", 0), ("none", 1), ("intents", 2)):
        made(tmp_path, name, seed, {"de": answers(seed, 0.5)})
    step = planned(tmp_path)["intents"]
    assert (step.why, step.seeds) == ("the direct baseline has other seeds", planning.FIRST_LOOK)
    assert step.cells == [("none", 2), ("intents", 0), ("intents", 1)]


def test_the_planner_knows_that_noise_of_single_runs_goes_with_more_of_them(tmp_path: Path) -> None:
    """Right ones drawn anew in each of 2,000 items and runs: 2 x .25 / 2,000 is the variance of one seed's difference, a S-th of it that of S.

    The three seeds that are there vary just so much: by 11.2 thousandths about their mean, sqrt(.25 / 2,000). A difference of .03 needs five
    seeds, by the noncentral t at .05 / 2 tests: four find it with power .77, five with .90.
    """
    found = [stats.nct.sf(stats.t.isf(0.025 / 2, 2 * n - 2), 2 * n - 2, 0.03 / np.sqrt(0.00025 / n)) for n in (4, 5)]
    assert found == pytest.approx([0.768, 0.903], abs=0.001)

    def run(name: str, seed: int, right: int) -> None:
        rng = np.random.default_rng([seed, right])
        made(tmp_path, name, seed, {code: rng.permutation(np.arange(1_000) < right).astype(float) for code in ("de", "hi")})

    for seed, more in enumerate((0, -11, 11)):
        run("none", seed, 500 + more)
        run("intents", seed, 540 + more)
    run("mini-ner", 0, 530)
    step = planned(tmp_path)["mini-ner"]
    assert step.row["delta"] == pytest.approx(0.03)
    assert (step.why, step.assumed, step.seeds) == ("one seed", True, 5)


def left(text: str, folder: Path, root: Path) -> list[tuple[str, int]]:
    """The cells that `xbench run` of a study file would run."""
    (folder / "proposed.yaml").write_text(text)
    todo, _ = executors.lay_out(load_study(folder / "proposed.yaml"))
    return sorted((c.intermediate, c.seed) for c in executors.missing(todo, root))


def test_what_the_planner_counts_is_what_its_study_runs(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this xbench the seeds that lack; after a change of model or version all of them, as the runs there are joined by none."""
    from xbench.train import models

    model, root = shutil.copytree(tiny_model, tmp_path / "model"), tmp_path / "store"
    phase = {"epochs": 1, "max_examples": 16}
    given = {
        "about": "test", "models": [str(model)], "intermediates": ["none", "intents"], "targets": ["mini-pos"], "seeds": [0],
        "recipe": {"frozen_layers": 1, "max_length": 64, "target": phase, "intermediate": phase}, "compute": {"micro_tokens": 4096},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(given))
    executors.run(*executors.lay_out(load_study(tmp_path / "study.yaml")), root, options=executors.Options(threads=1))

    def check(anew: str, seeds: list[int]) -> None:
        ((step,), texts) = planning.resolved(root)
        assert step.why == f"one seed{anew}"
        assert step.seconds is not None
        ((name, text),) = texts.items()
        assert name == "resolve-1-mini-pos.yaml"
        assert {**yaml.safe_load(text), "about": "", "recipe": {}} == {**given, "about": "", "recipe": {}, "seeds": seeds}
        assert left(text, tmp_path, root) == sorted(step.cells) == [(i, s) for i in ("intents", "none") for s in seeds]

    check("", [1, 2])
    monkeypatch.setattr("xbench.study.__version__", "9.1.0")
    old = ".".join(__version__.split(".")[:2])
    check(f"; new runs do not join these, which are of xbench {old} and not 9.1: both arms anew", [0, 1, 2])
    monkeypatch.undo()
    card = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**card, "note": "changed"}))
    was, now = models.revision_here(str(tiny_model)), models.revision_here(str(model))
    check(f"; new runs do not join these, which are of {model} at {was} and not {now}: both arms anew", [0, 1, 2])


def test_the_planner_leaves_out_what_was_made_anew(tmp_path: Path) -> None:
    """Of two revisions of data and two versions only what can be joined counts, as a baseline too."""
    for seed, change in enumerate(({"source_version": "0.1"}, {"target_revision": "old"}, {"model_revision": "2"})):
        made(tmp_path, "none", seed, {"de": answers(seed, 0.5)}, **change)
        made(tmp_path, "intents", seed, {"de": answers(9, 0.9)}, **change)
    (step,) = (s for s in planning.resolve(tmp_path) if s.row["model_revision"] == "2")
    assert (step.why, step.cells) == ("one seed", [(i, s) for i in ("none", "intents") for s in (0, 1)])
    steps = planning.resolve(tmp_path)
    assert sum(len(s.cells) for s in steps) == 4 + 6  # two of them would be made anew by the same runs
    made(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    made(tmp_path, "intents", 0, {"de": answers(9, 0.9)})
    assert {s.row["model_revision"]: s.cells for s in planning.resolve(tmp_path)} == {
        "1": [(i, s) for i in ("none", "intents") for s in (1, 2)], "2": [(i, s) for i in ("none", "intents") for s in (0, 1)],
    }  # fmt: skip


def test_the_planner_tells_what_is_to_be_rescored_or_cannot_be_run(tmp_path: Path) -> None:
    """New runs are scored by the scorers there are now; what xbench does not take any more it cannot repeat."""
    for target, change in {
        "mini-pos": {"scorer": "token-accuracy-0"},
        "mini-nli": {"recipe": '{"cooled": 3}', "recipe_id": "old", "scorer": "accuracy-1"},
    }.items():
        for name in ("none", "intents"):
            made(tmp_path, name, 0, {"de": answers(len(name), 0.5)}, target, **change)
    why = {s.row["target"]: s.why for s in planning.resolve(tmp_path)}
    assert why["mini-pos"] == "scored by token-accuracy-0, new runs by token-accuracy-1: xbench rescore comes first"
    assert why["mini-nli"].startswith("cannot be run: this xbench does not take the recipe (")
    made(tmp_path, "none", 1, {"de": answers(0, 0.5)})
    made(tmp_path, "intents", 1, {"de": answers(1, 0.5)})
    (step,) = (s for s in planning.resolve(tmp_path) if s.row["target"] == "mini-pos")
    assert step.why == "one seed; 2 run(s) are not scored by token-accuracy-1 yet: xbench rescore"
    assert step.cells == [(i, s) for i in ("none", "intents") for s in (2,)]


def test_a_task_in_another_language_is_not_asked_for_as_its_own_intermediate(tmp_path: Path) -> None:
    """Studies leave such cells out."""
    for name in ("none", "mini-ner"):
        put(tmp_path, name, 0, {"de": answers(len(name), 0.5)}, target="intents", scorer="accuracy-1", metric="accuracy")
    judged = checking.check(tmp_path, "intents@de > none on intents for m")
    assert {(i, t) for _, i, t, _ in judged.missing} == {("none", "intents")}
    made(tmp_path, "none", 0, {"de": answers(0, 0.5)}, target="intents", scorer="accuracy-1")
    made(tmp_path, "intents@de", 0, {"de": answers(1, 0.9)}, target="intents", scorer="accuracy-1")
    (step,) = (s for s in planning.resolve(tmp_path) if s.row["intermediate"] == "intents@de")
    assert (step.seeds, step.cells) == (0, [])
    assert step.why == "cannot be run: a task is not its own intermediate, in whatever language it is trained"


def test_a_mixture_is_not_asked_for_before_a_part_of_it_in_another_language(tmp_path: Path) -> None:
    for i, name in enumerate(("none", "mini-multi", "mini-pos")):
        made(tmp_path, name, 0, {"fr": answers(i, 0.5)}, target="intents", scorer="accuracy-1", train_language="de")
    for name, asked in (("mini-multi", {"none"}), ("mini-pos", {"none", "mini-pos"})):
        judged = checking.check(tmp_path, f"{name} > none on intents for m")
        assert {(i, t) for _, i, t, _ in judged.missing} == {(i, "intents@de") for i in asked}
    why = {s.row["intermediate"]: s.why for s in planning.resolve(tmp_path)}
    assert why["mini-multi"] == "cannot be run: intents, a part of mini-multi, is trained on what intents@de may be tested on"
    assert not why["mini-pos"].startswith("cannot")


def test_proposed_studies_together_run_just_the_cells_that_are_wanted(tmp_path: Path) -> None:
    """Two comparisons of one baseline that want other numbers of seeds are two grids: in one, seeds nobody asked for would be run."""
    for seed in range(3):
        for name, rate in {"none": 0.5, "intents": 0.57 + 0.03 * (seed - 1), "mini-ner": 0.44 + 0.035 * (seed - 1)}.items():
            made(tmp_path, name, seed, {"de": (np.arange(3_000) < 3_000 * rate).astype(float)})
    steps = planning.resolve(tmp_path)
    assert len({s.seeds for s in steps if s.cells}) == len(steps) == 2
    grids = [yaml.safe_load(text) for text in planning.studies(tmp_path, steps).values()]
    asked = {(i, s) for g in grids for i in g["intermediates"] for s in g["seeds"]}
    there = {(i, s) for i in ("none", "intents", "mini-ner") for s in range(3)}
    assert sorted(asked - there) == sorted(cell for s in steps for cell in s.cells)


def test_proposed_studies_have_the_recipe_of_the_runs_that_they_are_to_join(tmp_path: Path) -> None:
    own = {"recipe": '{"frozen_layers": 1, "max_length": 99}', "recipe_id": "own", "kind": "run", "model": "org/m"}
    for seed in (0, 1):
        put(tmp_path, "none", seed, {"de": answers(seed, 0.5)}, **own)
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, **{**own, "recipe_id": "other", "recipe": '{"max_length": 7}'})
    cells = [(m, i, "mini-pos") for m in ("m", "new") for i in ("none", "intents")]
    with store.connect(tmp_path) as con:
        missing, made = claiming.missing_cells(con, cells, 2)
    assert missing == (("org/m", "intents", "mini-pos", 0), ("new", "none", "mini-pos", 0), ("new", "intents", "mini-pos", 0))
    joins, fresh = map(yaml.safe_load, claiming.studies("x", missing, 2, made))
    assert (joins["models"], joins["recipe"]) == (["org/m"], {"frozen_layers": 1, "max_length": 99})
    assert (fresh["models"], fresh["recipe"]) == (["new"], {"base": "jiant"})


def test_proposed_studies_have_the_recipe_of_jiant(tmp_path: Path) -> None:
    """They had one of three epochs everywhere and no selection, and the retrieval layer of 24 layers for models of 12."""

    def proposed(*cells: tuple[str, str, str]) -> Study:
        (text,) = claiming.studies("x", [(*cell, 0) for cell in cells], 3)
        (tmp_path / "s.yaml").write_text(text)
        return load_study(tmp_path / "s.yaml")

    large, base = "xlm-roberta-large", "FacebookAI/xlm-roberta-base"
    (tmp_path / "jiant.yaml").write_text(
        f"about: x\nmodels: [{large}]\nintermediates: [none]\ntargets: [xquad]\nseeds: [0]\nrecipe: jiant\n"
    )
    jiant = load_study(tmp_path / "jiant.yaml").recipe
    assert proposed((large, "mnli", "tatoeba")).recipe == proposed((base, "mnli", "xquad")).recipe == jiant
    found = proposed((large, "mnli", "tatoeba"), (base, "mnli", "tatoeba"), ("some/other", "mnli", "xquad")).recipe
    assert found == jiant.model_copy(
        update={"retrieval_layer": {large: jiant.retrieval_layer, base: 8, "some/other": jiant.retrieval_layer}}
    )
    # Whatever may be asked for can be planned.
    for task in all_tasks():
        other = "mini-ner" if task.name == "mini-pos" else "mini-pos"
        if task.trains:
            assert proposed((large, task.name, other)).intermediates == ["none", task.name]
        if task.languages and task.family not in ("mixture", "mlm", "alignment"):
            assert proposed((large, "none", task.name)).targets == [task.name]


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("intents > none on mini-pos in fr", "'mini-pos' is tested in ar cs de "),
        ("intents > none on elsewhere in fr", "'elsewhere' is tested in de"),
        ("intentss > none on mini-pos", "'intentss' is no task; did you mean 'intents'?"),
    ],
)
def test_a_sentence_about_what_is_never_tested_is_refused(tmp_path: Path, sentence: str, said: str) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, target="elsewhere")
    with pytest.raises(StoreError) as error:
        checking.check(tmp_path, sentence)
    assert said in str(error.value)


def test_models_of_others_are_no_cells_that_a_sentence_lacks(tmp_path: Path) -> None:
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, model="ours")
    external = {"kind": "external", "identity": "0" * 24, "version": 1}
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)}, model="theirs", source="paper", **external)
    assert {model for model, *_ in checking.check(tmp_path, "intents > none on mini-pos").missing} == {"ours"}


def test_a_mean_over_some_languages_supports_nothing(tmp_path: Path) -> None:
    """Better in German, worse in four languages that one run lacks."""
    codes = ("de", "fi", "hi", "sw", "tr")
    for seed in range(3):
        put(tmp_path, "none", seed, {c: answers(seed, 0.5) for c in (codes if seed else ("de",))})
        put(tmp_path, "intents", seed, {c: answers(10 + seed, 0.8 if c == "de" else 0.2) for c in codes})
    judged = checking.check(tmp_path, "intents > none on mini-pos")
    assert judged.verdict == "not testable"
    assert judged.evidence[0].evidence.endswith("; mean over 1 of 5 languages")
    assert checking.check(tmp_path, "intents > none on mini-pos in de").verdict == "supported"
    (found,) = claiming.judge(tmp_path, ["sequence_labelling_helps_at_every_size"])
    assert all(e.value is None for e in found.evidence if e.decides)


def test_zero_shot_claims_are_not_judged_by_steps_selected_on_target_languages(tmp_path: Path) -> None:
    recipe(tmp_path, {"none": 0.8, "intents": 0.5}, selection="target-languages")
    (found,) = claiming.judge(tmp_path, ["sequence_labelling_helps_at_every_size"])
    assert found.verdict == "not testable"
    judged = checking.check(tmp_path, "intents > none on mini-pos")
    assert judged.verdict == "not testable"
    assert judged.evidence[0].evidence.endswith("; selected on target languages, which is not zero-shot")


def test_a_study_for_what_is_missing_trains_in_the_language_of_the_runs_it_completes(tmp_path: Path) -> None:
    for i, name in enumerate(("none", "mini-pos")):
        made(tmp_path, name, 0, {"hi": answers(i, 0.5)}, target="intents", train_language="de", scorer="accuracy-1")
    judged = checking.check(tmp_path, "mini-pos > none on intents")
    assert [(i, t, seeds) for _, i, t, seeds in judged.missing] == [("none", "intents@de", 1), ("mini-pos", "intents@de", 1)]
    study = yaml.safe_load(claiming.studies("x", judged.missing, 3, judged.made)[0])
    assert study["targets"] == ["intents@de"]


def test_a_model_of_another_owner_is_another_model(tmp_path: Path) -> None:
    for seed in range(3):
        for name in ("none", "intents"):
            made(tmp_path, name, seed, {"de": answers(seed, 0.5)}, model="org/m")
    other = checking.check(tmp_path, "intents > none on mini-pos for other/m")
    assert other.claim.note.startswith("no run in the store is of other/m")
    assert other.missing == (("other/m", "none", "mini-pos", 0), ("other/m", "intents", "mini-pos", 0))
    assert yaml.safe_load(claiming.studies("x", other.missing, 3, other.made)[0])["models"] == ["other/m"]
    for name in ("m", "org/m"):
        assert checking.check(tmp_path, f"intents > none on mini-pos for {name}").missing == ()


def test_a_language_is_asked_of_every_contrast(tmp_path: Path) -> None:
    """Models and recipes without a test in it were left out, and the others alone supported the sentence."""
    models = tmp_path / "models"
    for seed in range(3):
        for i, name in enumerate(("none", "intents")):
            right = {code: answers(20 * i + 3 * seed + k, 0.5 + 0.3 * i) for k, code in enumerate(("de", "hi"))}
            made(models, name, seed, right, model="big")
            made(models, name, seed, {"de": right["de"]}, model="small")
    judged = checking.check(models, "intents > none on mini-pos in hi")
    assert [(e.evidence, e.verdict) for e in judged.evidence] == [
        ("intents less none: mini-pos, hi, big, 3 seed(s)", "supported"),
        ("intents less none: mini-pos, hi, small, no seed(s): not testable: not tested in hi", "not testable"),
    ]
    assert judged.verdict == "unresolved"
    assert judged.missing == (("small", "none", "mini-pos", 0), ("small", "intents", "mini-pos", 0))
    assert checking.check(models, "intents > none on mini-pos in hi for big").verdict == "supported"
    recipes = tmp_path / "recipes"
    recipe(recipes, {"none": 0.5, "intents": 0.7})
    recipe(recipes, {"intents": 0.7}, recipe_id="B")
    for where in ("", " in de"):
        judged = checking.check(recipes, f"intents > none on mini-pos{where}")
        assert [e.verdict for e in judged.evidence] == ["supported", "not testable"]
        assert "no direct baseline under the same conditions" in judged.evidence[1].evidence
        assert judged.verdict == "unresolved"
    unknown = tmp_path / "unknown"
    for name in ("none", "intents"):
        made(unknown, name, 0, {"fr": answers(0, 0.5)}, train_language="unknown")
    (found,) = checking.check(unknown, "intents > none on mini-pos in de").evidence
    assert found.evidence.endswith(": not testable: not tested in de")


@pytest.mark.parametrize(
    ("direct", "after", "missing", "seeds"),
    [
        ((range(3), {"target_revision": "old"}), (range(3), {}), [("intents", 0)], [0, 1, 2]),
        ((range(3), {}), (range(3), {"target_revision": "old"}), [("intents", 0)], [0, 1, 2]),
        # Both would be selected on the data of this machine, and be of systems that are there: no run settles it.
        ((range(3), {"target_revision": "r dev a"}), (range(3), {"target_revision": "r dev b"}), [], None),
        ((range(3), {}), (range(3, 6), {}), [("intents", 0)], [0, 1, 2]),
        ((range(3, 6), {}), (range(0), {}), [("intents", 0)], [3, 4, 5]),
        ((range(7, 9), {}), (range(6, 9), {}), [("none", 2)], [6, 7, 8]),
        ((range(7, 9), {}), (range(7, 9), {}), [("none", 2), ("intents", 2)], [0, 7, 8]),
        ((range(1, 9), {}), (range(6, 9), {}), [], None),
    ],
)
def test_seeds_count_where_they_pair(
    direct: tuple[range, dict[str, str]],
    after: tuple[range, dict[str, str]],
    missing: list[tuple[str, int]],
    seeds: list[int] | None,
    tmp_path: Path,
) -> None:
    """Arms on other data or of other seeds were each complete, so that nothing was missing of what could not be tested."""
    for name, (own, change) in {"none": direct, "intents": after}.items():
        for seed in own:
            made(tmp_path, name, seed, {"de": answers(seed, 0.5)}, **change)
    judged = checking.check(tmp_path, "intents > none on mini-pos for m")
    assert [(i, n) for _, i, _, n in judged.missing] == missing
    assert (judged.verdict == "not testable") is (not set(direct[0]) & set(after[0]) or direct[1] != after[1])
    for text in claiming.studies("x", judged.missing, 3, judged.made):
        study = yaml.safe_load(text)
        # Both arms, whichever of the data is on this machine: what is there is not run again.
        assert (study["intermediates"], study["seeds"]) == (["none", "intents"], seeds)


def test_seeds_count_of_the_revision_of_an_intermediate_task_that_pairs(tmp_path: Path) -> None:
    for name, seeds, revision in (("none", range(3), "none"), ("intents", range(3), "1"), ("intents", range(3, 9), "2")):
        for seed in seeds:
            made(tmp_path, name, seed, {"de": answers(seed, 0.5)}, intermediate_revision=revision)
    assert checking.check(tmp_path, "intents > none on mini-pos for m").missing == ()
    alone = tmp_path / "alone"  # of two that pair with nothing, that of which more is there
    for seeds, revision in ((range(1), "1"), (range(3), "2"), (range(2), "3")):
        for seed in seeds:
            made(alone, "intents", seed, {"de": answers(seed, 0.5)}, intermediate_revision=revision)
    assert checking.check(alone, "intents > none on mini-pos for m").missing == (("m", "none", "mini-pos", 0),)


def test_seeds_of_a_study_are_those_that_its_targets_lack(tmp_path: Path) -> None:
    """They were those that any target lacks, on all of them: 20 runs here where 6 are missing."""
    own = {"mini-pos": range(3, 5), "mini-ner": range(7, 9), "mini-nli": range(2), "mini-qa": range(2)}
    for target, seeds in own.items():
        for seed in seeds:
            for name in ("none", "intents"):
                made(tmp_path, name, seed, {"de": answers(seed, 0.5)}, target)
    cells = [("m", name, target) for target in own for name in ("none", "intents")]
    with store.connect(tmp_path) as con:
        missing, how = claiming.missing_cells(con, cells, 3)
    grids = [yaml.safe_load(text) for text in claiming.studies("x", missing, 3, how)]
    assert [(g["targets"], g["seeds"]) for g in grids] == [
        (["mini-pos"], [0, 3, 4]),
        (["mini-ner"], [0, 7, 8]),
        (["mini-nli", "mini-qa"], [0, 1, 2]),
    ]
    assert all((g["intermediates"], g["recipe"]) == (["none", "intents"], json.loads(Recipe().canonical)) for g in grids)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (("none", "intents", "de"), ""),
        (("mini-pos", "mini-ner", None), ""),
        (("none", "mini-retrieval", "none"), ""),
        (("none", "mini-pos", "unknown"), ""),
        (("none", "intents", "fo"), "intents has no training data in fo"),
        (("none", "mini-pos", "de+hi"), "mini-pos has no training data in de+hi"),
        (("mini-retrieval", "mini-pos", None), "mini-retrieval has no training data"),
        (("none", "mnli", None), "mnli has no test data; it serves as intermediate task only"),
        (("none", "mnli-mlm", None), "mnli-mlm has no test data; it serves as intermediate task only"),
        (("theirs", "mini-pos", None), "no tasks entry is called 'theirs'"),
        (("intents", "intents", "de"), "a task is not its own intermediate, in whatever language it is trained"),
    ],
)
def test_what_no_study_can_have_is_not_proposed(cell: tuple[str, str, str | None], why: str, tmp_path: Path) -> None:
    assert not_run(*cell).removesuffix(f"; there are: {', '.join(t.name for t in all_tasks())}") == why
    with store.connect(tmp_path) as con:
        missing, _ = claiming.missing_cells(con, [("m", *cell[:2])], 3)
    assert bool(missing) is (not not_run(*cell[:2]))


def test_a_study_for_several_claims_has_the_seeds_that_any_of_them_lacks(tmp_path: Path) -> None:
    """That of whichever came last was run, so seeds that were there stayed alone."""

    def judged(made: tuple[tuple[tuple[str, str], str], ...]) -> claiming.Judged:
        claim = claiming.Claim("c", "c", "s", ("m",), ("none",), ("mini-pos",), (), False, 3, "", "")
        return claiming.Judged(claim, "not testable", (), (("m", "none", "mini-pos", 0),), made)

    recipe, of = {"recipe": {"max_length": 99}}, ("m", "mini-pos")
    one, other = judged(((of, json.dumps({**recipe, "seeds": [0, 5, 6]})),)), judged(((of, json.dumps(recipe)),))
    for number, both in enumerate(([one, other], [other, one], [judged(()), one])):
        verdicts._write_study(both, tmp_path / f"{number}.yaml")
        study = yaml.safe_load((tmp_path / f"{number}.yaml").read_text())
        assert (study["recipe"], study["seeds"]) == ({"max_length": 99}, [0, 1, 2, 5, 6])


def test_studies_for_several_models_are_several_files(tmp_path: Path) -> None:
    def judged(name: str, recipe: dict[str, int], *missing: claiming.Cell) -> claiming.Judged:
        claim = claiming.Claim(name, f"claim {name}", "s", (name,), ("none",), ("mini-pos",), (), False, 3, "", "")
        made = tuple(((model, target), json.dumps({"recipe": recipe})) for model, _, target, _ in missing)
        return claiming.Judged(claim, "not testable", (), missing, made)

    both = [judged("a", {"max_length": 9}, ("a", "none", "mini-pos", 0)), judged("b", {"max_length": 8}, ("b", "none", "mini-pos", 1))]
    verdicts._write_study([*both, judged("c", {})], tmp_path / "study.yaml")
    found = {path.name: yaml.safe_load(path.read_text()) for path in tmp_path.iterdir()}
    assert {name: (study["models"], study["recipe"]) for name, study in found.items()} == {
        "study.yaml": (["a"], {"max_length": 9}), "study-2.yaml": (["b"], {"max_length": 8}),
    }  # fmt: skip
    assert {study["about"] for study in found.values()} == {"Cells that would settle: claim a; claim b"}


def test_what_a_verdict_rests_on_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    claim = claiming.Claim("c", "A sentence.", "their paper", ("m",), (), (), (), False, 3, "to know", "")
    parts = [claiming.Evidence(f"part {i:02}", None, None, None, True, "not testable") for i in range(14)]
    tested = (
        claiming.Evidence("up", 0.05, 0.02, 0.08, True, "supported"), claiming.Evidence("down", -0.03, -0.06, -0.01, True, "contradicted"),
    )  # fmt: skip
    beside = claiming.Evidence("beside", 0.1, None, None, False, "supported")
    missing = tuple(("m", f"task-{i:02}", "mini-pos", 1) for i in range(14))
    judged = claiming.Judged(claim, "contradicted", (*tested, *parts, beside), missing)
    monkeypatch.setattr(claiming, "judge", lambda root, names: [judged])
    verdicts.claims(tmp_path, None, "text", None)
    line = next(line for line in capsys.readouterr().out.splitlines() if "A sentence." in line)
    assert line.split(None, 2)[2].split() == ["contradicted", *"1 contradicted, 14 not testable, 1 supported".split(), "14", "c"]
    verdicts.claims(tmp_path, ["c"], "text", None)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert {"up +5.0 [+2.0, +8.0] supported", "down -3.0 [-6.0, -1.0] contradicted", "beside +10.0 (context)"} <= {*lines}
    assert [line for line in lines if line.startswith("part")] == [f"part {i:02} not testable" for i in range(12)]
    assert "and 2 more pieces that are not testable (--json lists them)" in lines
    assert lines[lines.index("verdict: contradicted") + 1 :][:2] == ["source: their paper", "note: to know"]
    assert [line for line in lines if "of 3 seeds" in line] == [f"mini-pos after task-{i:02}, m: 1 of 3 seeds" for i in range(12)]
    assert "and 2 more (--json lists them)" in lines
    verdicts.claims(tmp_path, ["c"], "json", None)
    rows = json.loads(capsys.readouterr().out)
    assert [r["kind"] for r in rows] == ["claim", *["evidence"] * 17, *["missing"] * 14]
    cell = {c: rows[-1][c] for c in ("verdict", "model", "intermediate", "target", "seeds", "seeds_wanted", "value")}
    assert [*cell.values()] == ["contradicted", "m", "task-13", "mini-pos", 1, 3, None]


def test_what_to_run_next_is_printed_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """90 s, 90 min and 3 h; in all 5,490 s are 91.5 min and 16,290 s are 4.525 h. What no seed settles has no time."""

    def step(name: str, seconds: float | None, seeds: int, *, assumed: bool = False) -> planning.Step:
        row = dict.fromkeys((*verdicts._OPEN, "low", "high"), None) | {"target": "mini-pos", "intermediate": name, "model": "m", "seeds": 2}
        row |= {"train_language": "en", "recipe_id": "r", "delta": 0.02, "low": -0.01, "high": 0.05}
        return planning.Step(row, "too few seeds", seeds, [("none", 2), (name, 2)] if seeds else [], seconds, assumed)

    steps = [step("a", 90, 3), step("b", 5_400, 4, assumed=True), step("c", 10_800, 5), step("d", None, 0)]
    monkeypatch.setattr(planning, "resolve", lambda root, most_seeds, **where: steps)
    verdicts.resolve(tmp_path, "text", None, planning.FIRST_LOOK)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line.startswith("mini-pos")] == [
        f"mini-pos {said} too few seeds"
        for said in (
            "a +2.0 [-1.0, +5.0] 2 3 2 90 s 90 s", "b +2.0 [-1.0, +5.0] 2 4* 2 90 min 92 min", "c +2.0 [-1.0, +5.0] 2 5 2 3.0 h 4.5 h",
            "d +2.0 [-1.0, +5.0] 2",
        )
    ]  # fmt: skip
    verdicts.resolve(tmp_path, "json", None, 10)
    rows = json.loads(capsys.readouterr().out)
    assert [(r["seeds_wanted"], r["assumed"], r["new_runs"], r["seconds"], r["seconds_in_all"]) for r in rows] == [
        (3, False, 2, 90, 90), (4, True, 2, 5_400, 5_490), (5, False, 2, 10_800, 16_290), (None, False, None, None, None),
    ]  # fmt: skip
    assert rows[0]["cells"] == "none:2 a:2"
    monkeypatch.setattr(planning, "resolve", lambda root, most_seeds, **where: [])
    put(tmp_path, "none", 0, {"de": answers(0, 0.5)})
    with pytest.raises(StoreError, match="this is not known"):
        verdicts.resolve(tmp_path, "text", None, 10, model="nobody")


def test_a_study_for_a_sentence_has_all_that_it_compares(tmp_path: Path) -> None:
    """Here are the data that one of two systems was tested on: of both the lacking one alone would not be compared."""
    for seed in range(3):
        for name, change in {"none": {"target_revision": "old"}, "mini-ner": {"target_revision": "old"}, "intents": {}}.items():
            made(tmp_path, name, seed, {"de": answers(seed, 0.5)}, **change)
    judged = checking.check(tmp_path, "intents > mini-ner on mini-pos for m")
    assert [(i, n) for _, i, _, n in judged.missing] == [("intents", 0)]
    (text,) = claiming.studies("x", judged.missing, 3, judged.made)
    assert yaml.safe_load(text)["intermediates"] == ["none", "intents", "mini-ner"]
    assert yaml.safe_load(text)["recipe"] == json.loads(Recipe().canonical)


def selected(root: Path, seed: int, dev: str, **change: Any) -> None:
    """Both arms of a recipe that selects steps on target languages, of this development data."""
    chosen = Recipe.model_validate({"target": {"selection": {"on": "target-languages", "every": 10}}})
    own = {"recipe": chosen.canonical, "recipe_id": chosen.recipe_id, "selection": "target-languages"}
    for i, name in enumerate(("none", "intents")):
        revision = f"{load_task('mini-pos').revision()} dev {dev}"
        made(root, name, seed, {"de": answers(10 * i + seed, 0.5 + 0.3 * i)}, target_revision=revision, **own, **change)


def test_the_planner_proposes_no_runs_on_other_development_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be of the system that is there, whose steps were selected on other data: nothing of it would be compared any more."""
    monkeypatch.setattr(planning, "load_task", lambda name: replace(load_task(name), dev_revision=lambda: "b"))
    root = tmp_path / "same"
    selected(root, 0, "b")
    (step,) = planning.resolve(root)
    assert (step.why, step.cells) == ("one seed", [(i, s) for i in ("none", "intents") for s in (1, 2)])
    root = tmp_path / "other"
    selected(root, 0, "a")
    (step,) = planning.resolve(root)
    assert (step.seeds, step.cells) == (0, [])
    assert step.why == "cannot be run: its steps were selected on development data a, here is b, and runs of both are not compared"
    selected(root, 1, "b")
    assert {r["status"] for r in comparing.compare(root)} == {
        "not testable: their steps were selected on different development data (a, b)"
    }
    root = tmp_path / "version"
    selected(root, 0, "a", source_version="0.1")
    (step,) = planning.resolve(root)
    changed = f"which are of xbench 0.1 and not {stack_version()} and which were selected on other development data"
    assert step.why == f"one seed; new runs do not join these, {changed}: both arms anew"
    assert step.cells == [(i, s) for i in ("none", "intents") for s in (0, 1, 2)]


def test_the_planner_keeps_a_baseline_where_the_data_of_the_intermediate_task_changed(tmp_path: Path) -> None:
    for seed in range(2):
        made(tmp_path, "none", seed, {"de": answers(seed, 0.5)})
    made(tmp_path, "intents", 0, {"de": answers(9, 0.9)}, intermediate_revision="old")
    (step,) = planning.resolve(tmp_path)
    assert step.why == "one seed; new runs do not join those of intents, which are on other data of intents: that arm anew"
    assert step.cells == [("none", 2), *(("intents", s) for s in (0, 1, 2))]
