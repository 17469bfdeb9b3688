-- One row a system, suite, rule and target: a task score that takes part in the averages of a suite (xtreme, xtreme-r).
-- rule is `official`, or a named departure from it (seqeval-1.2.2: POS as an unpinned seqeval scores it). Scores of external sources
-- whose scorer is unknown, or XTREME's own script, take part as they are. A system with several data revisions of one target has ambiguous = true there.
SELECT
    s.suite, s.rule, s.task_group,
    t.*,
    count(*) OVER (
        PARTITION BY s.suite, s.rule, t.target, t.model, t.model_revision, t.intermediate, t.intermediate_revision, t.split,
            t.train_language, t.recipe_id, t.stack, t.source, t.source_version, t.relationship, t.kind
    ) > 1 AS ambiguous
FROM task_score AS t
JOIN suite_task AS s ON s.target = t.target AND (t.scorer = s.scorer OR t.scorer IN ('unknown', 'xtreme evaluate.py'))
