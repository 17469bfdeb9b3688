-- One row a system, suite and rule: the mean over all its tasks, NULL unless each is there in every language.
-- task_mean is over tasks (XTREME's all_task), group_mean over the groups' means (another number, printed under the same name in
-- some papers); task_mean_zero_shot leaves the training language out of every task, and is NULL where a task has no such mean, as one
-- that its source printed, or of a step that was selected on target languages. available_mean is over what is there and not
-- ambiguous.
WITH expected AS (
    SELECT suite, rule, count(*) AS tasks_expected FROM suite_task GROUP BY ALL
),
tasks AS (
    SELECT
        suite, rule, model, model_revision, intermediate, intermediate_revision, split, train_language, recipe_id, stack, source, source_version,
        relationship, kind,
        any_value(recipe_label) AS recipe_label,
        max(parameters) AS parameters,
        avg(value ORDER BY target) AS task_mean,
        avg(zero_shot ORDER BY target) AS task_mean_zero_shot,
        avg(value ORDER BY target) FILTER (WHERE NOT ambiguous) AS available_mean,
        count(zero_shot) FILTER (WHERE complete AND NOT ambiguous) AS tasks_zero_shot,
        count(*) FILTER (WHERE complete AND NOT ambiguous) AS tasks,
        string_agg(DISTINCT target, ' ' ORDER BY target) AS targets
    FROM suite_task_score
    GROUP BY ALL
),
groups AS (
    SELECT
        suite, rule, model, model_revision, intermediate, intermediate_revision, split, train_language, recipe_id, stack, source, source_version,
        relationship, kind, avg(value ORDER BY task_group) AS group_mean
    FROM group_mean
    GROUP BY ALL
)
SELECT
    t.suite, t.rule, t.model, t.intermediate, t.recipe_label,
    CASE WHEN t.tasks = e.tasks_expected THEN t.task_mean END AS task_mean,
    CASE WHEN t.tasks = e.tasks_expected THEN g.group_mean END AS group_mean,
    CASE WHEN t.tasks_zero_shot = e.tasks_expected THEN t.task_mean_zero_shot END AS task_mean_zero_shot,
    t.available_mean,
    t.tasks, e.tasks_expected, t.tasks_zero_shot, t.targets,
    t.split, t.train_language, t.model_revision, t.intermediate_revision, t.parameters, t.recipe_id, t.stack, t.source,
    t.source_version, t.relationship, t.kind
FROM tasks AS t
JOIN expected AS e USING (suite, rule)
JOIN groups AS g
    ON (t.suite, t.rule, t.model, t.model_revision, t.intermediate, t.intermediate_revision, t.split, t.train_language)
     = (g.suite, g.rule, g.model, g.model_revision, g.intermediate, g.intermediate_revision, g.split, g.train_language)
    AND (t.recipe_id, t.stack, t.source, t.source_version) = (g.recipe_id, g.stack, g.source, g.source_version)
    AND (t.relationship, t.kind) = (g.relationship, g.kind)
