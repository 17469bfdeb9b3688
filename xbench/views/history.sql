-- One row a claim of a cell: what every source says, in every version; current are those that count, the others were replaced, or are
-- retracted, which says why. The file of a number that was carried is that of the run it comes from, as that of its own run lacks it; where
-- that run is not there, none is known.
SELECT
    s.model, s.intermediate, s.target, s.language, s.seed, s.split, s.metric, s.scorer, s.train_language, s.dataset_revision, s.value, s.n,
    s.language_set, r.source, r.source_version, r.version, r.run_id IN (SELECT run_id FROM run) AS current, r.relationship, r.kind,
    r.model_revision, coalesce(json_extract_string(r.recipe, '$.text'), r.recipe_id) AS recipe_label, r.stack,
    CASE WHEN s.carried_from IS NULL THEN r.source_sha256 ELSE o.source_sha256 END AS source_sha256, s.run_id, s.carried_from, r.identity,
    t.because AS retracted
FROM stored_score AS s
JOIN every_run AS r USING (run_id)
LEFT JOIN every_run AS o ON o.run_id = s.carried_from
LEFT JOIN retracted AS t ON t.run_id = s.run_id
