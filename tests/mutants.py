"""Mutation check: small faults put into views, scorers and statistics, each of which the tests must notice.

    python -m tests.mutants [--jobs 2]    all of them (half an hour on two cores), and docs/mutants.md
    python -m tests.mutants NAME…         some, and their rows there

A mutant is a copy of the package with one text replaced; it is killed if the tests named with it fail. The unchanged copy must pass them
first. One that survives is a hole in the tests.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutants.md"
VIEWS = "tests/test_views.py"
SCORERS = "tests/test_scorers.py tests/test_spans.py"
STATS = "tests/test_stats.py tests/test_multiplicity.py"
DRAWS = "tests/test_resampling.py"
COMPARE = "tests/test_comparing.py"
MEND = "tests/test_verify.py -k while_repair"
RETRACT = "tests/test_retract.py"


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file` below xbench/, the first `old` becomes `new`."""

    what: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = (
    Mutant("sign of the delta", "views/transfer_delta.sql", "value - direct.value AS", "direct.value - value AS", VIEWS),
    Mutant("delta joined over languages", "views/transfer_delta.sql", "t.train_language, t.language, t.split, t.metric, t.scorer, t.dataset_revision)\n          = (b.model, b.model_revision, b.target, b.train_language, b.language,", "t.train_language, t.split, t.metric, t.scorer, t.dataset_revision)\n          = (b.model, b.model_revision, b.target, b.train_language,", VIEWS),
    Mutant("delta joined over seeds", "views/transfer_delta.sql", "lambda r: r.seed IS NOT DISTINCT FROM t.seed", "lambda r: TRUE", VIEWS),
    Mutant("delta joined over recipes", "views/transfer_delta.sql", "(t.recipe_id, t.stack, t.source, t.source_version) = (b.recipe_id, b.stack,", "(t.stack, t.source, t.source_version) = (b.stack,", VIEWS),
    Mutant("delta joined over data revisions", "views/transfer_delta.sql", "t.split, t.metric, t.scorer, t.dataset_revision)\n          = (b.model, b.model_revision, b.target, b.train_language, b.language, b.split, b.metric, b.scorer, b.dataset_revision)", "t.split, t.metric, t.scorer)\n          = (b.model, b.model_revision, b.target, b.train_language, b.language, b.split, b.metric, b.scorer)", VIEWS),
    Mutant("delta joined over scorers", "views/transfer_delta.sql", "t.split, t.metric, t.scorer, t.dataset_revision)\n          = (b.model, b.model_revision, b.target, b.train_language, b.language, b.split, b.metric, b.scorer, b.dataset_revision)", "t.split, t.metric, t.dataset_revision)\n          = (b.model, b.model_revision, b.target, b.train_language, b.language, b.split, b.metric, b.dataset_revision)", VIEWS),
    Mutant("delta joined over language sets", "views/transfer_delta.sql", "t.language_set IS NOT DISTINCT FROM b.language_set", "TRUE", VIEWS),
    Mutant("a missing baseline is a delta of 0", "views/transfer_delta.sql", "value - direct.value AS delta", "coalesce(value - direct.value, 0) AS delta", VIEWS),
    Mutant("what is measured paired with what is quoted", "views/transfer_delta.sql", "(t.target_revision, t.relationship, t.kind) = (b.target_revision, b.relationship, b.kind)", "(t.target_revision, t.kind) = (b.target_revision, b.kind)", VIEWS),
    Mutant("delta joined over development data", "views/transfer_delta.sql", "(t.target_revision, t.relationship, t.kind) = (b.target_revision, b.relationship, b.kind)", "(t.relationship, t.kind) = (b.relationship, b.kind)", VIEWS),
    Mutant("the first of several baselines", "views/transfer_delta.sql", "len(same) = 1 AND", "len(same) > 0 AND", VIEWS),
    Mutant("a seed counts as often as it is there", "views/transfer_delta.sql", "d.run_id IS NOT NULL AS doubled", "false AS doubled", VIEWS),
    Mutant("all of a run that is not alone is doubled", "views/transfer_delta.sql", "    ) > 1\n", "    ) > 0\n", VIEWS),
    Mutant("selection of the baseline does not matter", "views/transfer_delta.sql", "CASE direct.selection WHEN 'target-languages' THEN direct.selection ELSE selection END", "selection", VIEWS),
    Mutant("every mean is zero-shot", "views/transfer_mean.sql", "CASE w.selection WHEN 'target-languages' THEN 'mean, not zero-shot' ELSE 'zero-shot mean' END", "'zero-shot mean'", VIEWS),
    Mutant("languages up in any seed", "views/transfer_mean.sql", "lambda i: list_min(", "lambda i: list_max(", VIEWS),
    Mutant("own and quoted averaged together", "views/leaderboard.sql", "source, source_version, relationship, kind, target_revision\n        )) AS system_key", "source, source_version, kind, target_revision\n        )) AS system_key", VIEWS),
    Mutant("own runs averaged with what came back", "views/leaderboard.sql", "source, source_version, relationship, kind, target_revision\n        )) AS system_key", "source, source_version, relationship, target_revision\n        )) AS system_key", VIEWS),
    Mutant("own runs subtracted from what came back", "views/transfer_delta.sql", "(t.target_revision, t.relationship, t.kind) = (b.target_revision, b.relationship, b.kind)", "(t.target_revision, t.relationship) = (b.target_revision, b.relationship)", VIEWS),
    Mutant("every compared mean is zero-shot", "contrasts.py", "return NOT_ZERO_SHOT if paired.selected else MEAN", "return MEAN", COMPARE),
    Mutant("one arm says how it was selected", "pairing.py", "selected = any(a.selected for a in arms)", "selected = arms[0].selected", COMPARE),
    Mutant("compared although selected on other development data", "pairing.py", "(a.developed for a in arms))) > 1:", "(a.developed for a in arms))) > 9:", COMPARE),
    Mutant("averages compared although test sets differ in size", "aggregated.py", "for n in sizes if n is not None)) > 1:", "for n in sizes if n is not None)) > 9:", COMPARE),
    Mutant("one run against several has a p", "aggregated.py", "elif len(one) != len(two):", "elif False:", COMPARE),
    Mutant("zero-shot group mean of what has one", "views/group_mean.sql", "CASE WHEN count(t.zero_shot) FILTER", "CASE WHEN count(*) FILTER", VIEWS),
    Mutant("zero-shot suite mean of what has one", "views/suite_mean.sql", "CASE WHEN t.tasks_zero_shot = e", "CASE WHEN t.tasks = e", VIEWS),
    Mutant("zero-shot mean of one metric of two", "views/task_score.sql", " AND count(l.zero_shot) = any_value(metrics_wanted)", "", VIEWS),
    Mutant("gap of one metric of two", "views/task_score.sql", " AND count(l.trained - l.zero_shot) = any_value(metrics_wanted)", "", VIEWS),
    Mutant("languages before metrics", "views/task_score.sql", "ORDER BY metrics_there DESC, complete DESC, basis = 'languages' DESC", "ORDER BY basis = 'languages' DESC, metrics_there DESC, complete DESC", VIEWS),
    Mutant("a claim rests on some languages", "claiming.py", "return \"some languages\" if contrasts.support(row)", "return \"some languages\" if False", "tests/test_claims.py"),
    Mutant("a zero-shot claim rests on selected steps", "claiming.py", "    if contrasts.not_zero_shot(row):\n", "    if False:\n", "tests/test_claims.py"),
    Mutant("seeds needed of the smaller arm alone", "stats/ratios.py", "    if len(set(counts)) > 1:", "    if False:", STATS),
    Mutant("zero-shot ranks want the training language", "placing.py", "if over == \"all\" or all(zero_shot(b.language, s.train_language) for s in stored)]", "]", "tests/test_placing.py"),
    Mutant("zero-shot ranks of what saw the targets", "placing.py", "if over == \"zero-shot\" and held.selected:", "if False:", COMPARE),
    Mutant("any run is a direct baseline", "views/direct.sql", "WHERE intermediate = 'none'", "", VIEWS),
    Mutant("transfer mean with the training language", "views/transfer_mean.sql", " AND NOT list_contains(string_split(s.train_language, '+'), s.language)", "", VIEWS),
    Mutant("transfer mean over unequal languages", "views/transfer_mean.sql", "list(language ORDER BY language) AS languages", "['x'] AS languages", VIEWS),
    Mutant("transfer mean over as many other languages", "views/transfer_mean.sql", "list(language ORDER BY language) AS languages", "list_resize([''], count(*), '') AS languages", VIEWS),
    Mutant("seeds up and down swapped", "views/transfer_summary.sql", "FILTER (WHERE delta > 0) AS seeds_up", "FILTER (WHERE delta < 0) AS seeds_up", VIEWS),
    Mutant("spread of deltas as of a population", "views/transfer_summary.sql", "stddev_samp(delta", "stddev_pop(delta", VIEWS),
    Mutant("zero-shot mean with the training language", "views/leaderboard.sql", " AND NOT labelled", "", VIEWS),
    Mutant("zero-shot although selected on targets", "views/leaderboard.sql", "CASE WHEN count(*) FILTER (WHERE selection = 'target-languages') = 0 THEN", "CASE WHEN true THEN", "tests/test_views.py tests/test_engine.py"),
    Mutant("an average is always complete", "views/leaderboard.sql", "coalesce(m.languages = len(e.languages), false)", "true", VIEWS),
    Mutant("the halves of two runs are a whole", "views/leaderboard.sql", "coalesce(s.languages = m.languages, true)", "true", VIEWS),
    Mutant("the halves of two runs are a whole in the app", "ui/pages/leaderboard.py", "any(counting[key] <= own for own in uneven[key])", "True", "tests/test_app.py -k halves"),
    Mutant("each run needs the languages that do not count", "ui/pages/leaderboard.py", "any(counting[key] <= own for own in uneven[key])", "False", "tests/test_app.py -k halves"),
    Mutant("some of the training languages", "views/leaderboard.sql", "CASE WHEN count(*) FILTER (WHERE labelled) = len(", "CASE WHEN count(*) FILTER (WHERE labelled) <= len(", VIEWS),
    Mutant("examples of what is known", "views/leaderboard.sql", "CASE WHEN count(n) = count(*) THEN sum(n) END AS n", "sum(n) AS n", VIEWS),
    Mutant("runs of a seed added up in the spread", "views/leaderboard.sql", "dataset_revision, run_id, seed\n", "dataset_revision, seed\n", VIEWS),
    Mutant("runs of a seed added up in the spread in the app", "ui/pages/leaderboard.py", "GROUP BY system_id, run_id, seed)", "GROUP BY system_id, seed)", "tests/test_app.py -k spread"),
    Mutant("parts ruled out where no language is said", "views/coverage.sql", "(p.task, p.part) = (l.intermediate, l.target) AND p.train_language <> l.train_language AND l.train_language NOT IN ('unknown', 'mul')", "(p.task, p.part) = (l.intermediate, l.target) AND p.train_language <> l.train_language", VIEWS),
    Mutant("rows that tie as they come", "board.py", "for o in [*order, *rest])", "for o in order)", VIEWS),
    Mutant("printed means complete by number", "views/leaderboard.sql", "list_sort(string_split(m.language_set, ' ')) = e.languages", "m.languages = len(e.languages)", VIEWS),
    Mutant("leaderboard over any language", "views/leaderboard.sql", "OR s.target NOT IN (SELECT target FROM expected)", "OR true", VIEWS),
    Mutant("transfer mean over any language", "views/transfer_mean.sql", "AND (l.language IS NOT NULL OR s.target NOT IN (SELECT target FROM task_language))", "", VIEWS),
    Mutant("spread over seeds of other languages", "views/leaderboard.sql", "sum(hash(language)) AS which", "0 AS which", VIEWS),
    Mutant("revisions of an intermediate together", "views/leaderboard.sql", "intermediate, intermediate_revision, train_language, recipe_id", "intermediate, train_language, recipe_id", VIEWS),
    Mutant("leaderboard adds up", "views/leaderboard.sql", "avg(value ORDER BY value) AS value,\n        CASE WHEN count(*)", "sum(value) AS value,\n        CASE WHEN count(*)", VIEWS),
    Mutant("printed means mixed with languages", "views/leaderboard.sql", "CASE WHEN language = 'mul' THEN 'printed mean' ELSE 'languages' END", "'languages'", "tests/test_views.py tests/test_ingest.py"),
    Mutant("sign of the language gap", "views/language_gap.sql", "s.value - r.value", "r.value - s.value", VIEWS),
    Mutant("gap across runs", "views/language_gap.sql", "USING (run_id, split", "USING (split", VIEWS),
    Mutant("group mean of what is there", "views/group_mean.sql", "CASE WHEN count(*) FILTER (WHERE t.complete AND NOT t.ambiguous) = any_value(e.tasks_expected)\n        THEN avg(t.value ORDER BY t.target) END AS value", "avg(t.value ORDER BY t.target) AS value", VIEWS),
    Mutant("suite mean of what is there", "views/suite_mean.sql", "CASE WHEN t.tasks = e.tasks_expected THEN t.task_mean END AS task_mean", "t.task_mean AS task_mean", VIEWS),
    Mutant("group mean for task mean", "views/suite_mean.sql", "THEN t.task_mean END AS task_mean,", "THEN g.group_mean END AS task_mean,", "tests/test_views.py tests/test_submission.py"),
    Mutant("question answering by F1 alone", "views/task_score.sql", "AND (l.metric = m.metric OR (m.family = 'qa' AND l.metric = 'exact_match'))", "AND l.metric = m.metric", "tests/test_views.py tests/test_submission.py"),
    Mutant("a printed mean of one metric before those of both", "views/task_score.sql", "metrics_there DESC, ", "", VIEWS),
    Mutant("a printed mean over fewer languages", "views/task_score.sql", "basis = 'languages' DESC, languages DESC NULLS LAST", "basis = 'languages' DESC, languages", VIEWS),
    Mutant("partial cells are complete", "views/coverage.sql", "WHEN f.most.languages < e.languages_expected THEN 'partial'", "", VIEWS),
    Mutant("halves make a whole", "views/coverage.sql", "max({'languages': languages, 'seeds': seeds}) AS most", "{'languages': sum(languages), 'seeds': max(seeds)} AS most", VIEWS),
    Mutant("F1 without its 2", "scorer.py", "2 * right, predicted + gold", "right, predicted + gold", SCORERS),
    Mutant("precision and recall swapped", "scorer.py", '"precision": (right, predicted), "recall": (right, gold)', '"precision": (right, gold), "recall": (right, predicted)', SCORERS),
    Mutant("numerator and denominator swapped", "scorer.py", "(2 * right, predicted + gold)", "(predicted + gold, 2 * right)", SCORERS),
    Mutant("predicted and gold spans swapped", "spans.py", "for mark in (hits, marks[1], marks[0])", "for mark in (hits, marks[0], marks[1])", SCORERS),
    Mutant("wrong tags counted", "scorers/token_accuracy.py", "right.astype(np.float64), total", "(total - right).astype(np.float64), total", SCORERS),
    Mutant("wrong labels counted", "scorers/accuracy.py", "pc.equal(", "pc.not_equal(", SCORERS),
    Mutant("articles count", "scorers/squad.py", r'_ARTICLES = re.compile(r"\b(a|an|the)\b")', '_ARTICLES = re.compile(r"$^")', SCORERS),
    Mutant("case counts", "scorers/squad.py", "s.lower().translate", "s.translate", SCORERS),
    Mutant("Chinese by words", "scorers/mlqa.py", 'if language == "zh" else plain', 'if language == "xx" else plain', SCORERS),
    Mutant("German articles count", "scorers/mlqa.py", "ein|eine|einen", "einx|eine|einen", SCORERS),
    Mutant("F1 of answers by the arithmetic mean", "answers.py", "2 * precision * recall / (precision + recall)", "(precision + recall) / 2", SCORERS),
    Mutant("mined pairs counted twice", "scorers/mining_f1.py", "(set(r.split()), set(p.split()))", "(set(r.split()), list(p.split()))", SCORERS),
    Mutant("mining recall over the predicted", "scorers/mining_f1.py", '"recall": (right, gold)', '"recall": (right, predicted)', SCORERS),
    Mutant("influence without the score", "stats/ratios.py", "sums.denominator[rows] * -scores", "sums.denominator[rows] * 0 * scores", STATS),
    Mutant("no factor for few clusters", "stats/ratios.py", "np.sqrt(count / (count - 1)) / below", "1 / below", STATS),
    Mutant("languages taken for independent", "stats/ratios.py", "shared = np.flatnonzero(seen > 1)", "shared = np.flatnonzero(seen > 99)", STATS),
    Mutant("clusters of a mean skipped", "stats/ratios.py", "alone.covariance + values.T @ values", "alone.covariance", STATS),
    Mutant("share of one language not squared", "stats/ratios.py", "share[q] ** 2 * (own", "share[q] * (own", STATS),
    Mutant("shares not squared", "stats/ratios.py", "share[q] ** 2 * own", "share[q] * own", STATS),
    Mutant("one-sided p", "stats/ratios.py", "2 * scipy.stats.t.sf(t, self.df)", "scipy.stats.t.sf(t, self.df)", STATS),
    Mutant("interval of the wrong level", "stats/ratios.py", "0.5 + level / 2", "level", STATS),
    Mutant("normal for t", "stats/ratios.py", "clusters - 1, variance, nothing", "1e9 * clusters, variance, nothing", STATS),
    Mutant("spread over seeds left out", "stats/ratios.py", "total = common + seeds", "total = common", STATS + " " + COMPARE),
    Mutant("items left out beside seeds", "stats/ratios.py", "total = common + seeds", "total = seeds", STATS + " " + COMPARE),
    Mutant("noise of runs counted twice", "stats/ratios.py", "np.maximum(items - cells, 0.0)", "items", STATS + " " + COMPARE),
    Mutant("pairs the other way round", "stats/ratios.py", "out[np.arange(len(first)), second] = 1.0, -1.0", "out[np.arange(len(first)), second] = -1.0, 1.0", STATS),
    Mutant("Holm without its maximum", "stats/families.py", "np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))\n\n\ndef benjamini_hochberg", "(ordered * np.arange(len(ordered), 0, -1)))\n\n\ndef benjamini_hochberg", STATS),
    Mutant("Holm as Bonferroni", "stats/families.py", "np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))\n\n\ndef benjamini_hochberg", "np.maximum.accumulate(ordered * len(ordered)))\n\n\ndef benjamini_hochberg", STATS),
    Mutant("BH by the wrong rank", "stats/families.py", "_up(ordered * len(ordered) / np.arange(1, len(ordered) + 1)))", "_up(ordered * len(ordered) / np.arange(len(ordered), 0, -1)))", STATS),
    Mutant("NaN counts as a test", "stats/families.py", "order = there[np.argsort(p[there]", "p = np.nan_to_num(p, nan=1.0)\n    there = np.arange(len(p))\n    order = there[np.argsort(p[there]", STATS),
    Mutant("partial conjunction off by one", "stats/families.py", "return np.minimum(np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)), 1.0)", "return np.minimum(np.maximum.accumulate(ordered * np.arange(len(ordered) - 1, -1, -1)), 1.0)", STATS),
    Mutant("bootstrap p that can be 0", "stats/resampling.py", "((1 + hits) / (1 + size)).reshape", "(hits / size).reshape", DRAWS),
    Mutant("bootstrap p one-sided", "stats/resampling.py", " + row.searchsorted(value - far, side=\"right\")", "", DRAWS),
    Mutant("parallel languages drawn apart", "stats/resampling.py", "            if np.array_equal(group[1], clusters):\n                languages = [*group[0], *languages]\n            elif np.intersect1d(group[1], clusters, assume_unique=True).size:", "            if False:", DRAWS),
    Mutant("percentiles one-sided", "stats/resampling.py", "((1 - level) / 2, (1 + level) / 2)", "(1 - level, level)", DRAWS),
    Mutant("randomisation p that can be 0", "stats/resampling.py", "    return (1 + hits) / (1 + resamples)", "    return hits / resamples", DRAWS),
    Mutant("ties are no hits", "stats/resampling.py", ">= observed - 1e-12", "> observed + 1e-12", DRAWS),
    Mutant("McNemar one-sided", "stats/resampling.py", "twice = 2 * float(", "twice = 1 * float(", DRAWS + " tests/test_stats.py"),
    Mutant("effects of languages without their spread", "stats/pooling.py", "mean_variance + tau2 / n", "mean_variance", "tests/test_multiplicity.py"),
    Mutant("ranks from the wrong side", "stats/ranking.py", "1 + better.sum(axis=1)", "1 + better.sum(axis=0)", "tests/test_placing.py tests/test_stats.py"),
    Mutant("power at the wrong level", "stats/power.py", "t.ppf(1 - alpha / 2, df), _spread", "t.ppf(1 - alpha, df), _spread", "tests/test_stats.py"),
    Mutant("equivalence by one side", "stats/power.py", "float(max(scipy", "float(min(scipy", "tests/test_stats.py"),
    Mutant("t where nothing varies", "stats/ratios.py", "np.where(self.se > 0, 2 * scipy.stats.t.sf(t, self.df), np.minimum(1.0, counted))", "2 * scipy.stats.t.sf(t, self.df)", STATS),
    Mutant("no width where nothing varies", "stats/ratios.py", "np.where(self.se > 0, half, share * far)", "half + 0 * (share + far)", STATS),
    Mutant("languages that the task lacks are in means", "pairing.py", "return not self.covered or language in self.covered", "return True", COMPARE),
    Mutant("what is mined needs the same sentences", "pairing.py", "family == \"mining\")", "False)", COMPARE),
    Mutant("copies of examples cancel out", "pairing.py", "sum(hash(example_id, cluster_id)) AS mark", "bit_xor(hash(example_id, cluster_id)) AS mark", COMPARE),
    Mutant("kept whatever examples are taken", "pairing.py", "h.stored, h.selected, h.parameters,", "h.selected, h.parameters,", COMPARE),
    Mutant("kept whatever the sizes are", "pairing.py", "h.stored, h.selected, h.parameters,", "h.stored, h.selected,", COMPARE),
    Mutant("a printed mean is as certain as its items", "aggregated.py", "elif what.level == PRINTED:", "elif False:", COMPARE),
    Mutant("questions of a paragraph are independent", "submission.py", "said.cluster_ids if task.by_paragraph else said.example_ids", "said.example_ids", "tests/test_submission.py"),
    Mutant("questions of a paragraph are paired one by one", "pairing.py", 'number, cluster_id, fsum(numerator)', 'number, example_id AS cluster_id, fsum(numerator)', COMPARE),
    Mutant("a second system that differs in one field of two", "pairing.py", 'if all(getattr(system, f) == v for f, v in change.items()):', 'if any(getattr(system, f) == v for f, v in change.items()):', COMPARE),
    Mutant("p of averages unadjusted", "aggregated.py", 'row |= {"p_adjusted": rounded(p), "family"', 'row |= {"family"', COMPARE),
    Mutant("noise that languages share is their spread", "stats/pooling.py", 'shared = max(0.0,', 'shared = min(0.0,', "tests/test_multiplicity.py"),
    Mutant("widths of quantiles divide", "stats/dominance.py", 'square = gap**2 * width', 'square = gap**2 / width', "tests/test_multiplicity.py"),
    Mutant("the bound of a violation is below it", "stats/dominance.py", 'upper = found + deviation', 'upper = found - deviation', "tests/test_multiplicity.py"),
    Mutant("six languages are too few", "stats/aggregates.py", 'if len(deltas) < FEWEST_LANGUAGES', 'if len(deltas) <= FEWEST_LANGUAGES', "tests/test_multiplicity.py"),
    Mutant("nothing to count is right", "scoring.py", '/ below if below > 0 else 0.0', '/ below if below > 0 else 1.0', SCORERS),
    Mutant("a task is complete in one of its metrics", "views/task_score.sql", 'bool_and(l.complete)', 'bool_or(l.complete)', VIEWS),
    Mutant("languages of the metric that has most", "views/task_score.sql", 'min(l.languages)', 'max(l.languages)', VIEWS),
    Mutant("a printed mean over more languages before a complete one", "views/task_score.sql", "complete DESC, basis = 'languages' DESC, languages DESC", "basis = 'languages' DESC, languages DESC", VIEWS),
    Mutant("English before a complete printed mean", "views/task_score.sql", "complete DESC, basis = 'languages' DESC, languages DESC", "basis = 'languages' DESC, complete DESC, languages DESC", VIEWS),
    Mutant("F1 over seven languages and exact match over one", "views/task_score.sql", "basis, language_set, languages\n", "basis, language_set\n", VIEWS),
    Mutant("an ambiguous task in the mean of a group", "views/group_mean.sql", "avg(t.value ORDER BY t.target) FILTER (WHERE NOT t.ambiguous)", "avg(t.value ORDER BY t.target)", VIEWS),
    Mutant("an ambiguous task in the mean of a suite", "views/suite_mean.sql", "avg(value ORDER BY target) FILTER (WHERE NOT ambiguous)", "avg(value ORDER BY target)", VIEWS),
    Mutant("development scores cover cells", "views/coverage.sql", "WHERE split = 'test' AND basis", 'WHERE basis', VIEWS),
    Mutant("transfer mean over most seeds", "views/transfer_mean.sql", 'ORDER BY len(languages) DESC, count(*) DESC, languages', 'ORDER BY count(*) DESC, len(languages) DESC, languages', VIEWS),
    Mutant("revisions of a model are ambiguous", "views/suite_task_score.sql", 'target, model, model_revision, intermediate,', 'target, model, intermediate,', VIEWS),
    Mutant("retrieval trained in none is of no system", "views/suite_task_score.sql", "AND c.train_language = 'none'", "AND c.train_language = 'no'", VIEWS),
    Mutant("whatever is trained in none is of every system", "views/suite_task_score.sql", "c.family IN ('retrieval', 'mining') AND ", "", VIEWS),
    Mutant("a gap over some training languages", "views/language_gap.sql", "    HAVING count(*) = len(string_split(any_value(train_language), '+'))\n", '', VIEWS),
    Mutant("seeds are known of every summary", "views/transfer_summary.sql", 'count(seed) > 0 AS seed_known', 'count(*) > 0 AS seed_known', VIEWS),
    Mutant("most examples of any seed", "views/transfer_summary.sql", "min(n) FILTER (WHERE status = 'paired') ELSE", "max(n) FILTER (WHERE status = 'paired') ELSE", VIEWS),
    Mutant("examples of runs without a baseline", "views/transfer_summary.sql", "THEN min(n) FILTER (WHERE status = 'paired') ELSE", "THEN min(n) ELSE", VIEWS),
    Mutant("a run without a baseline says how the delta was selected", "views/transfer_summary.sql", "FILTER (WHERE selection = 'target-languages' AND status = 'paired')", "FILTER (WHERE selection = 'target-languages')", VIEWS),
    Mutant("metrics on other examples averaged", "over_tasks.py", 'if len(marks) > 1:', 'if False:', "tests/test_placing.py"),
    Mutant("models of unknown size are the smallest", "scales.py", '(f for f in found if f[0].parameters)', '(f for f in found)', "tests/test_placing.py"),
    Mutant("daggers of the test split on development scores", "printed.py", 'if key["split"] != "test" or not asked', 'if not asked', "tests/test_export.py"),
    Mutant("daggers of another scorer", "printed.py", 'if rank["scorer"] != key["scorer"] or rank', 'if rank', "tests/test_export.py"),
    Mutant("the labels of the first system alone", "comparing.py", 'both(one.system.train_language, two.system.train_language)', 'one.system.train_language', "tests/test_surfaces.py"),
    Mutant("the labels of the first system alone, over tasks", "over_tasks.py", 'both(one.train_language, two.train_language)', 'one.train_language', "tests/test_surfaces.py"),
    Mutant("averages by language whatever is asked", "aggregated.py", 'found = every if by == "language" else', 'found = every if by else', "tests/test_surfaces.py"),
    Mutant("means over tasks without their margin", "over_tasks.py", 'contrasts.words(change), margin)', 'contrasts.words(change))', "tests/test_surfaces.py"),
    Mutant("halves to even", "tables.py", 'ROUND_HALF_UP)', "'ROUND_HALF_EVEN')", "tests/test_surfaces.py"),
    Mutant("evidence of several recipes alike", "claiming.py", 'named = apart(own, ("train_language",), pairing.CONDITIONS)', 'named = apart(own, ("train_language",), ())', "tests/test_surfaces.py"),
    Mutant("items needed as of arms of unequal size", "stats/ratios.py", 'items = np.where(over_seeds, common + cells, items)', 'items = np.where(over_seeds, items, items)', STATS),
    Mutant("six in nine languages are less than six", "stats/ratios.py", 'even = np.round((clusters / share).min(axis=0), 9)', 'even = (clusters / share).min(axis=0)', STATS),
    Mutant("no p where runs vary and items do not", "stats/ratios.py", 'return np.where(items > 0, df, every)', 'return df', STATS),
    Mutant("single precision for large counts", "stats/resampling.py", 'np.float32 if most < _EXACT_32 else np.float64', 'np.float32', DRAWS),
    Mutant("languages that a third one joins drawn apart", "stats/resampling.py", 'elif np.intersect1d(group', 'elif len(languages) == 1 and np.intersect1d(group', DRAWS),
    Mutant("files of a compaction that ends meanwhile set aside", "mending.py", 'compaction_of(path.name) <= newest(', 'compaction_of(path.name) < newest(', MEND),
    Mutant("outcomes of a rescoring that ends meanwhile set aside", "mending.py", 'for table in ("run", "score"))', 'for table in ("run",))', MEND),
    Mutant("scores of runs that count again set aside", "mending.py", 'plan.files = {file: why for file, why in plan.files.items() if Path(file)', 'plan.files = {file: why for file, why in plan.files.items() if True or Path(file)', "tests/test_compact.py -k count_again"),
    Mutant("sentences without a span claim those of other languages", "stats/ratios.py", "blocks = [b.counted() for b in blocks]", "blocks = [*blocks]", COMPARE),
    Mutant("spans that other systems find count", "contrasts.py", "if any(_others_count(b, own) for b in blocks):", "if False:", COMPARE),
    Mutant("a shared seed leaves the other runs out", "pairing.py", "shared = common and (same_seeds or not all(a.stored for a in arms))", "shared = common", COMPARE),
    Mutant("a system is known as its last run is", "pairing.py", 'old.stored and stored', 'stored', COMPARE),
    Mutant("sizes differ on a target that is not asked for", "claiming.py", '(not targets or pair[1] in targets)', 'True', "tests/test_claims.py -k sizes"),
    Mutant("retrieval beside its own row is moved", "views/suite_task_score.sql", " AND NOT list_contains(o.targets, c.target)", "", VIEWS),
    Mutant("the first step counts", "views/retracted.sql", "HAVING NOT arg_max(back", "HAVING NOT arg_min(back", RETRACT),
    Mutant("the first step counts for readers", "retractions.py", "for one in of for run", "for one in reversed(list(of)) for run", RETRACT),
    Mutant("no version counts again", "store.py", 'runs = f"SELECT * FROM ({runs}){others}"', "pass", RETRACT),
    Mutant("taken over stays", "store.py", "carried_from NOT IN (SELECT run_id FROM run_retracted)", "true", RETRACT),
    Mutant("own scores count for nothing", "store.py", "coalesce(carried_from IN (SELECT run_id FROM run_retracted), false) AS gone", "carried_from IN (SELECT run_id FROM run_retracted) AS gone", RETRACT),
    Mutant("predictions go with all scores alone", "store.py", "bool_and(gone) OR (bool_or(gone AND evidence = 'outcomes') AND NOT bool_or(NOT gone AND evidence = 'outcomes'))", "bool_and(gone)", RETRACT),
    Mutant("a snapshot knows no retraction", "store.py", "runs + sum(_part(step) for (step,) in steps)", "runs", RETRACT),
    Mutant("retractions of later in a snapshot", "store.py", "[step for step in steps if (step.made, step.name) <= (written, name)]", "list(steps)", RETRACT),
    Mutant("steps in the order of a clock", "retractions.py", "*(one.made + _APART for one in before[-1:])", "", RETRACT),
    Mutant("a retracted version is the newest", "versions.py", "WHERE k.run_id NOT IN (FROM retracted) GROUP BY identity", "GROUP BY identity", RETRACT),
    Mutant("taken over is compared with", "versions.py", "WHERE s.carried_from IS NULL OR s.carried_from NOT IN (FROM retracted);", ";", RETRACT),
    Mutant("retracted whatever the value", "versions.py", "language_set AND h.value = s.value\nGROUP", "language_set\nGROUP", RETRACT),
    Mutant("retracted where one cell is", "versions.py", "HAVING count(*) = n.cells;", ";", RETRACT),
    Mutant("predictions come back", "versions.py", "        ANTI JOIN lost_prediction AS l ON (l.run_id, l.language, l.split) = (k.old_run_id, k.language, k.split)", "", RETRACT),
    Mutant("an export is what it was made from", "versions.py", ' AND {" AND ".join(f"g.{c} IS NOT DISTINCT FROM s.{c}" for c in scoring.KEY[1:])}', "", RETRACT),
    Mutant("hidden scores are made again", "rescoring.py", "({store.source(con, listed, 'score', [run_id])})", "score", RETRACT),
    Mutant("languages of data revisions averaged", "views/language_score.sql", "language_set, metric, scorer, split, train_language, model_revision, intermediate_revision, dataset_revision,", "language_set, metric, scorer, split, train_language, model_revision, intermediate_revision, any_value(dataset_revision) AS dataset_revision,", f"{VIEWS} -k mean_over_seeds"),
    Mutant("scorers averaged by language", "views/language_score.sql", "language_set, metric, scorer,", "language_set, metric, any_value(scorer) AS scorer,", f"{VIEWS} -k mean_over_seeds"),
    Mutant("the largest test set of the seeds", "views/language_score.sql", "min(n) AS n", "max(n) AS n", f"{VIEWS} -k mean_over_seeds"),
    Mutant("scorers in one column", "views/result.sql", "s.target, s.metric, s.scorer, s.split, s.dataset_revision, coalesce(s.language_set, '')))[:12] AS task_key", "s.target, s.metric, s.split, s.dataset_revision, coalesce(s.language_set, '')))[:12] AS task_key", f"{VIEWS} -k keys"),
    Mutant("comparable whatever the recipe", "views/result.sql", "s.train_language, r.recipe_id, r.stack", "s.train_language, r.stack", f"{VIEWS} -k keys"),
    Mutant("every version in the results", "views/result.sql", "JOIN run AS r USING", "JOIN every_run AS r USING", f"{RETRACT} -k version_before"),
    Mutant("old versions are current", "views/history.sql", "r.run_id IN (SELECT run_id FROM run) AS current", "true AS current", "tests/test_ingest.py -k version"),
    Mutant("the file of a carried number", "views/history.sql", "CASE WHEN s.carried_from IS NULL THEN r.source_sha256 ELSE o.source_sha256 END", "r.source_sha256", "tests/test_ingest.py tests/test_app_pages.py -k carried"),
    Mutant("F1 of two labels without the two", "scorers/binary_f1.py", "2 * gold * said, gold + said", "gold * said, gold + said", SCORERS),
    Mutant("precision for F1 of two labels", "scorers/binary_f1.py", "2 * gold * said, gold + said", "gold * said, said", SCORERS),
    Mutant("POS by another seqeval", "scorers/pos_chunk_f1.py", "import SEQEVAL_0_0_12", "import SEQEVAL_DEFAULT as SEQEVAL_0_0_12", SCORERS),
    Mutant("strict spans are lenient", "scorers/span_f1_strict.py", "import IOB2_STRICT", "import SEQEVAL_DEFAULT as IOB2_STRICT", SCORERS),
    Mutant("nothing said where nothing is right is wrong", "scorers/squad2.py", "np.maximum(f1, exact[0])", "f1", SCORERS),
    Mutant("answers that are nothing are kept", "scorers/squad2.py", "if normal] or", "] or", SCORERS),
)  # fmt: skip


def passes(copy: Path, tests: str) -> tuple[bool, str]:
    """Whether the tests pass on a copy, and the first that does not."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests.split()]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(copy)})
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    failed = [line.split(" ")[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, (failed or [""])[0].split("::")[-1].split("[")[0]


def alive(copy: Path, mutant: Mutant) -> tuple[bool, str]:
    """Whether the tests pass with the fault in a copy, and the first that does not; the copy is left without it."""
    path = copy / "xbench" / mutant.file
    text = path.read_text(encoding="utf-8")
    if mutant.old not in text:
        raise SystemExit(f"{mutant.what}: {mutant.file} has no {mutant.old!r}")
    path.write_text(text.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    try:
        return passes(copy, mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")


def write(rows: list[str]) -> None:
    """The page, with what these rows say of theirs, and without those of faults that there are no more. One that was never tried says so."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    known = {line.split(" | ")[0].removeprefix("| "): line for line in [*lines, *rows] if line.startswith("| ")}
    whole = [known.get(m.what, f"| {m.what} | {m.file} | **not tried** |") for m in MUTANTS]
    killed = sum(not row.endswith("** |") for row in whole)
    head = f"# Mutants\n\n`python -m tests.mutants` puts {len(whole)} faults into the package, one at a time; {killed} are killed.\n"
    table = "\n".join(["| fault | in xbench/ | killed by |", "|---|---|---|", *whole])
    PAGE.write_text(f"{head}\n{table}\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="How many at once, each in a copy of its own.")
    given = parser.parse_args()
    chosen = [m for m in MUTANTS if m.what in given.names] or MUTANTS
    rows, survivors = [], 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        copies: Queue[Path] = Queue()
        left_out = shutil.ignore_patterns(".git", "__pycache__", "results", "*.parquet", ".venv")
        for number in range(given.jobs):
            copies.put(shutil.copytree(ROOT, Path(folder) / f"copy{number}", ignore=left_out))

        def asked(tests: str, fault: Mutant | None = None) -> tuple[bool, str]:
            copy = copies.get()
            try:
                return alive(copy, fault) if fault else passes(copy, tests)
            finally:
                copies.put(copy)

        groups = sorted({m.tests for m in chosen})
        for tests, (sound, first) in zip(groups, pool.map(asked, groups), strict=True):
            if not sound:
                raise SystemExit(f"{tests} fails without a mutant, at {first}")
        for mutant, (survives, by) in zip(chosen, pool.map(asked, [m.tests for m in chosen], chosen), strict=True):
            survivors += survives
            rows.append(f"| {mutant.what} | {mutant.file} | {'**survives**' if survives else by} |")
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    write(rows)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
