-- One row a score of a run with an intermediate task, beside the direct baseline of the same seed under the same conditions.
-- delta is NULL where there is no such baseline, and status says which: a missing baseline is never a delta of zero.
WITH any_direct AS (
    SELECT DISTINCT
        model, model_revision, target, train_language, language, language_set, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version
    FROM direct
)
SELECT
    t.model,
    t.model_revision,
    t.parameters,
    t.intermediate,
    t.intermediate_revision,
    t.target,
    t.train_language,
    t.language,
    t.language_set,
    t.comparability_key,
    t.seed,
    t.split,
    t.metric,
    t.scorer,
    t.dataset_revision,
    t.recipe_id,
    t.selection,
    t.stack,
    t.source,
    t.source_version,
    t.run_id,
    d.run_id AS direct_run_id,
    t.n,
    t.value,
    d.value AS direct_value,
    t.value - d.value AS delta,
    CASE
        WHEN d.run_id IS NOT NULL THEN 'paired'
        WHEN a.model IS NOT NULL THEN 'direct baseline has other seeds'
        ELSE 'no direct baseline'
    END AS status
FROM result AS t
LEFT JOIN direct AS d
    ON t.seed IS NOT DISTINCT FROM d.seed
    AND t.language_set IS NOT DISTINCT FROM d.language_set
    AND (t.model, t.model_revision, t.target, t.train_language, t.language, t.split, t.metric, t.scorer, t.dataset_revision)
      = (d.model, d.model_revision, d.target, d.train_language, d.language, d.split, d.metric, d.scorer, d.dataset_revision)
    AND (t.recipe_id, t.stack, t.source, t.source_version) = (d.recipe_id, d.stack, d.source, d.source_version)
LEFT JOIN any_direct AS a
    ON t.language_set IS NOT DISTINCT FROM a.language_set
    AND (t.model, t.model_revision, t.target, t.train_language, t.language, t.split, t.metric, t.scorer, t.dataset_revision)
      = (a.model, a.model_revision, a.target, a.train_language, a.language, a.split, a.metric, a.scorer, a.dataset_revision)
    AND (t.recipe_id, t.stack, t.source, t.source_version) = (a.recipe_id, a.stack, a.source, a.source_version)
WHERE t.intermediate <> 'none'
