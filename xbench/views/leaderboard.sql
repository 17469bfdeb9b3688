-- One row a system and target: the mean over languages of the mean over seeds, with its support.
-- languages/languages_expected is the support (expected is NULL for a task that xbench does not know); an average over
-- fewer languages is shown with it and has complete = false. A mean that a source printed without its parts is a row of its own, basis
-- `printed mean`; languages is then what the source says it is over, NULL if it does not. zero_shot leaves the training language out, and is NULL where the
-- step that counts was selected on target languages; trained is that language alone. seeds is 0 where a source does not say.
WITH by_language AS (
    SELECT
        model, model_revision, parameters, intermediate, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, language, language_set,
        CASE WHEN language = 'mul' THEN 'printed mean' ELSE 'languages' END AS basis,
        any_value(recipe_label) AS recipe_label,
        any_value(selection) AS selection,
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
    WHERE language <> 'mul'
    GROUP BY ALL
),
spread AS (
    SELECT * EXCLUDE (seed, value, languages), 'languages' AS basis, stddev_samp(value ORDER BY value) AS seed_sd
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
    avg(b.value ORDER BY b.value) FILTER (
        WHERE b.language NOT IN (b.train_language, 'mul') AND b.selection IS DISTINCT FROM 'target-languages'
    ) AS zero_shot,
    any_value(b.value) FILTER (WHERE b.language = b.train_language) AS trained,
    CASE any_value(b.basis) WHEN 'languages' THEN count(*) ELSE len(string_split(nullif(any_value(b.language_set), 'unknown'), ' ')) END AS languages,
    any_value(e.languages_expected) AS languages_expected,
    coalesce(CASE any_value(b.basis) WHEN 'languages' THEN count(*) ELSE len(string_split(nullif(any_value(b.language_set), 'unknown'), ' ')) END
        = any_value(e.languages_expected), false) AS complete,
    min(b.seeds) AS seeds,
    sum(b.n) AS n,
    b.metric, b.scorer, b.split, b.train_language, b.model_revision, b.parameters, b.dataset_revision,
    b.recipe_id, any_value(b.selection) AS selection, b.stack, b.source, b.source_version, b.basis, b.language_set,
    md5(concat_ws(chr(31), b.target, b.metric, b.scorer, b.split, b.dataset_revision, coalesce(b.language_set, '')))[:12] AS task_key
FROM by_language AS b
LEFT JOIN spread AS s USING (
    model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
    recipe_id, stack, source, source_version, basis
)
LEFT JOIN expected AS e USING (target)
GROUP BY ALL
