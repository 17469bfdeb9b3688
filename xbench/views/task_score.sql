-- One row a system, target and scorer: the number that counts in averages over tasks.
-- For questions it is the mean of exact match and F1 (NULL unless both are there, over as many languages), for other tasks the task's
-- metric, each a mean over languages, or as its source printed it where that is all there is, or that alone is over every language (papers
-- give English and the average): of several, that over most languages, in both metrics; complete says that every language is there. gap is
-- what the zero-shot languages fall short of the training language.
-- zero_shot and gap are NULL unless every metric that counts has them.
WITH main AS (
    SELECT DISTINCT target, family, metric FROM task_language
),
counting AS (
    SELECT l.*, m.family, CASE m.family WHEN 'qa' THEN 2 ELSE 1 END AS metrics_wanted,
        count(*) OVER (
            PARTITION BY l.target, model, model_revision, intermediate, intermediate_revision, scorer, split, train_language,
                dataset_revision, recipe_id, stack, source, source_version, relationship, kind, target_revision, basis, language_set, languages
        ) AS metrics_there
    FROM leaderboard AS l
    JOIN main AS m ON l.target = m.target AND (l.metric = m.metric OR (m.family = 'qa' AND l.metric = 'exact_match'))
),
chosen AS (
    SELECT * FROM counting
    QUALIFY dense_rank() OVER (
        PARTITION BY target, model, model_revision, intermediate, intermediate_revision, metric, scorer, split, train_language,
            dataset_revision, recipe_id, stack, source, source_version, relationship, kind, target_revision
        ORDER BY metrics_there DESC, complete DESC, basis = 'languages' DESC, languages DESC NULLS LAST, language_set
    ) = 1
)
SELECT
    l.target, l.family, l.model, l.intermediate, any_value(l.recipe_label) AS recipe_label,
    CASE WHEN min(metrics_there) = any_value(metrics_wanted) THEN avg(l.value ORDER BY l.metric) END AS value,
    CASE WHEN min(metrics_there) = any_value(metrics_wanted) AND count(l.zero_shot) = any_value(metrics_wanted)
        THEN avg(l.zero_shot ORDER BY l.metric) END AS zero_shot,
    CASE WHEN min(metrics_there) = any_value(metrics_wanted) AND count(l.trained - l.zero_shot) = any_value(metrics_wanted)
        THEN avg(l.trained - l.zero_shot ORDER BY l.metric) END AS gap,
    min(l.languages) AS languages,
    any_value(l.languages_expected) AS languages_expected,
    bool_and(l.complete) AND min(metrics_there) = any_value(metrics_wanted) AS complete,
    min(l.seeds) AS seeds,
    string_agg(l.metric, ' + ' ORDER BY l.metric) AS metrics,
    l.scorer, l.split, l.train_language, l.model_revision, l.intermediate_revision, max(l.parameters) AS parameters, l.dataset_revision,
    l.recipe_id, l.stack, l.source, l.source_version, l.relationship, l.kind, l.target_revision
FROM chosen AS l
GROUP BY ALL
