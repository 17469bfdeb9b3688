-- One row a system, suite, rule and target: a task score that takes part in the averages of a suite (xtreme, xtreme-r).
-- rule is `official`, or a named departure from it (seqeval-1.2.2: POS as an unpinned seqeval scores it). Scores of external sources
-- whose scorer is unknown, or XTREME's own script, take part as they are. Retrieval needs no training: where it is stored as trained in
-- none, it is of the system in whatever language that is trained for its other tasks, unless it has a row of its own there; its zero-shot
-- mean is NULL if it is over that language too. A system with several data revisions of one target has ambiguous = true there.
WITH counting AS (
    SELECT s.suite, s.rule, s.task_group, t.*
    FROM task_score AS t
    JOIN suite_task AS s ON s.target = t.target AND (t.scorer = s.scorer OR t.scorer IN ('unknown', 'xtreme evaluate.py'))
),
trained AS (
    SELECT suite, rule, model, model_revision, intermediate, intermediate_revision, split, recipe_id, stack, source, source_version,
        relationship, kind, train_language, list(target) AS targets
    FROM counting
    WHERE train_language <> 'none'
    GROUP BY ALL
),
placed AS (
    SELECT c.* REPLACE (
        coalesce(o.train_language, c.train_language) AS train_language,
        CASE WHEN NOT EXISTS (
            SELECT 1 FROM task_language AS l WHERE l.target = c.target AND l.language IN (SELECT unnest(string_split(o.train_language, '+')))
        ) THEN c.zero_shot END AS zero_shot
    )
    FROM counting AS c
    LEFT JOIN trained AS o
        ON c.family IN ('retrieval', 'mining') AND c.train_language = 'none' AND NOT list_contains(o.targets, c.target)
        AND (o.suite, o.rule, o.model, o.model_revision, o.intermediate, o.intermediate_revision, o.split)
          = (c.suite, c.rule, c.model, c.model_revision, c.intermediate, c.intermediate_revision, c.split)
        AND (o.recipe_id, o.stack, o.source, o.source_version) = (c.recipe_id, c.stack, c.source, c.source_version)
        AND (o.relationship, o.kind) = (c.relationship, c.kind)
)
SELECT
    *,
    count(*) OVER (
        PARTITION BY suite, rule, target, model, model_revision, intermediate, intermediate_revision, split, train_language, recipe_id,
            stack, source, source_version, relationship, kind
    ) > 1 AS ambiguous
FROM placed
