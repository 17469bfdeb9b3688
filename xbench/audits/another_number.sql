-- warning: a run that was made here, with another number from elsewhere
-- do: find out which of them is wrong (`xbench history` says where each is from); an edited copy is no measurement, and another laboratory is another source
SELECT e.model, e.intermediate, e.target, e.metric, e.split, e.source, e.run_id,
    printf('%s, seed %d: %.2f here, %.2f from elsewhere', e.language, e.seed, 100 * r.value, 100 * e.value) AS finding
FROM result AS e
JOIN result AS r
    ON (e.model, e.model_revision, e.intermediate, e.intermediate_revision, e.target, e.dataset_revision, e.train_language, e.seed)
     = (r.model, r.model_revision, r.intermediate, r.intermediate_revision, r.target, r.dataset_revision, r.train_language, r.seed)
    AND (e.recipe_id, e.stack, e.source, e.source_version, e.relationship) = (r.recipe_id, r.stack, r.source, r.source_version, r.relationship)
    AND (e.language, e.split, e.metric, e.scorer) = (r.language, r.split, r.metric, r.scorer)
WHERE e.kind = 'external' AND r.kind = 'run' AND e.language <> 'mul' AND e.value <> r.value
