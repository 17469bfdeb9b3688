-- One row a system, target and language (or `mul`, a mean that a source printed, with its language_set): the mean over seeds with its spread.
SELECT
    target, language, model, intermediate,
    any_value(recipe_label) AS recipe_label,
    avg(value ORDER BY value) AS value,
    stddev_samp(value ORDER BY value) AS seed_sd,
    count(DISTINCT seed) AS seeds,
    min(n) AS n,
    language_set, metric, scorer, split, train_language, model_revision, intermediate_revision, dataset_revision, recipe_id, stack, source,
    source_version, relationship, kind, target_revision
FROM result
GROUP BY ALL
