-- One row a score of a run with an intermediate task, beside the direct baseline of the same seed under the same conditions.
-- delta is NULL where there is no such baseline, or more than one, and status says which: a missing baseline is never a delta of zero. All
-- that makes a run another one must agree, so of one seed there is one baseline, unless a source gives baselines several revisions of no
-- intermediate task. selection is `target-languages` where that of either run is.
WITH baseline AS (
    SELECT
        model, model_revision, target, target_revision, train_language, language, language_set, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, relationship, kind,
        list({'seed': seed, 'run_id': run_id, 'value': value, 'selection': selection}) AS runs
    FROM direct
    GROUP BY ALL
),
-- Scores of which the system has another of the same seed; only runs that are not alone are looked at, mostly none.
doubled AS (
    SELECT run_id, language, language_set, split, metric, scorer
    FROM result
    WHERE intermediate <> 'none' AND run_id IN (
        SELECT unnest(list(run_id)) FROM run
        GROUP BY model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, seed, recipe_id, stack,
            source, source_version, relationship, kind
        HAVING count(*) > 1
    )
    QUALIFY count(*) OVER (
        PARTITION BY model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, seed, recipe_id, stack,
            source, source_version, relationship, kind, language, language_set, split, metric, scorer, dataset_revision
    ) > 1
),
matched AS (
    SELECT
        t.*,
        d.run_id IS NOT NULL AS doubled,
        b.runs IS NOT NULL AS any_direct,
        list_filter(b.runs, lambda r: r.seed IS NOT DISTINCT FROM t.seed) AS same,
        CASE WHEN len(same) = 1 AND NOT doubled THEN same[1] END AS direct
    FROM result AS t
    LEFT JOIN baseline AS b
        ON t.language_set IS NOT DISTINCT FROM b.language_set
        AND (t.model, t.model_revision, t.target, t.train_language, t.language, t.split, t.metric, t.scorer, t.dataset_revision)
          = (b.model, b.model_revision, b.target, b.train_language, b.language, b.split, b.metric, b.scorer, b.dataset_revision)
        AND (t.recipe_id, t.stack, t.source, t.source_version) = (b.recipe_id, b.stack, b.source, b.source_version)
        AND (t.target_revision, t.relationship, t.kind) = (b.target_revision, b.relationship, b.kind)
    LEFT JOIN doubled AS d
        ON t.language_set IS NOT DISTINCT FROM d.language_set
        AND (t.run_id, t.language, t.split, t.metric, t.scorer) = (d.run_id, d.language, d.split, d.metric, d.scorer)
    WHERE t.intermediate <> 'none'
)
SELECT
    model,
    model_revision,
    parameters,
    intermediate,
    intermediate_revision,
    target,
    target_revision,
    train_language,
    language,
    language_set,
    comparability_key,
    seed,
    split,
    metric,
    scorer,
    dataset_revision,
    recipe_id,
    CASE direct.selection WHEN 'target-languages' THEN direct.selection ELSE selection END AS selection,
    stack,
    source,
    source_version,
    relationship,
    kind,
    run_id,
    direct.run_id AS direct_run_id,
    n,
    value,
    direct.value AS direct_value,
    value - direct.value AS delta,
    CASE
        WHEN doubled THEN 'more than one run of this seed'
        WHEN direct IS NOT NULL THEN 'paired'
        WHEN len(same) > 1 THEN 'more than one direct baseline of this seed'
        WHEN any_direct THEN 'direct baseline has other seeds'
        ELSE 'no direct baseline'
    END AS status
FROM matched
