-- One row a system and target: the mean over languages of the mean over seeds, with its support.
-- languages/languages_expected is the support (expected is NULL for a task that xbench does not know); an average over
-- fewer languages is shown with it and has complete = false. zero_shot leaves the training language out, trained is that language alone. seeds is 0 where a source does not say.
WITH by_language AS (
    SELECT
        model, model_revision, parameters, intermediate, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, language,
        any_value(recipe_label) AS recipe_label,
        avg(value ORDER BY value) AS value,
        count(DISTINCT seed) AS seeds,
        min(n) AS n
    FROM result
    GROUP BY ALL
),
by_seed AS (
    SELECT
        model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, seed,
        avg(value ORDER BY value) AS value,
        count(*) AS languages
    FROM result
    GROUP BY ALL
),
spread AS (
    SELECT * EXCLUDE (seed, value, languages), stddev_samp(value ORDER BY value) AS seed_sd
    FROM (
        SELECT *, max(languages) OVER (
            PARTITION BY model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
                recipe_id, stack, source, source_version
        ) AS most
        FROM by_seed
    )
    WHERE languages = most
    GROUP BY ALL
),
expected AS (
    SELECT target, count(*) AS languages_expected FROM task_language GROUP BY target
)
SELECT
    b.target, b.model, b.intermediate, any_value(b.recipe_label) AS recipe_label,
    avg(b.value ORDER BY b.value) AS value,
    any_value(s.seed_sd) AS seed_sd,
    avg(b.value ORDER BY b.value) FILTER (WHERE b.language <> b.train_language) AS zero_shot,
    any_value(b.value) FILTER (WHERE b.language = b.train_language) AS trained,
    count(*) AS languages,
    any_value(e.languages_expected) AS languages_expected,
    coalesce(count(*) = any_value(e.languages_expected), false) AS complete,
    min(b.seeds) AS seeds,
    sum(b.n) AS n,
    b.metric, b.scorer, b.split, b.train_language, b.model_revision, b.parameters, b.dataset_revision,
    b.recipe_id, b.stack, b.source, b.source_version
FROM by_language AS b
LEFT JOIN spread AS s USING (
    model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
    recipe_id, stack, source, source_version
)
LEFT JOIN expected AS e USING (target)
GROUP BY ALL
