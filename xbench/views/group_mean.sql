-- One row a system, suite, rule and group of tasks: the mean over the tasks of the group, NULL unless each is there in every language.
-- zero_shot is NULL where a task has no zero-shot mean, as of one that its source printed. tasks/tasks_expected is the support;
-- available_mean is over what is there and not ambiguous, whatever that is.
WITH expected AS (
    SELECT suite, rule, task_group, count(*) AS tasks_expected FROM suite_task GROUP BY ALL
)
SELECT
    t.suite, t.rule, t.task_group, t.model, t.intermediate, any_value(t.recipe_label) AS recipe_label,
    CASE WHEN count(*) FILTER (WHERE t.complete AND NOT t.ambiguous) = any_value(e.tasks_expected)
        THEN avg(t.value ORDER BY t.target) END AS value,
    CASE WHEN count(t.zero_shot) FILTER (WHERE t.complete AND NOT t.ambiguous) = any_value(e.tasks_expected)
        THEN avg(t.zero_shot ORDER BY t.target) END AS zero_shot,
    avg(t.value ORDER BY t.target) FILTER (WHERE NOT t.ambiguous) AS available_mean,
    count(*) FILTER (WHERE t.complete AND NOT t.ambiguous) AS tasks,
    any_value(e.tasks_expected) AS tasks_expected,
    string_agg(DISTINCT t.target, ' ' ORDER BY t.target) AS targets,
    t.split, t.train_language, t.model_revision, t.intermediate_revision, max(t.parameters) AS parameters, t.recipe_id, t.stack, t.source,
    t.source_version, t.relationship, t.kind
FROM suite_task_score AS t
JOIN expected AS e USING (suite, rule, task_group)
GROUP BY ALL
