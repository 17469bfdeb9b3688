-- One row a score, with the conditions of its run: everything that must agree before two scores are compared.
-- task_key stands for what was measured: task, metric, scorer, split, data revision, and the languages of a printed mean; a column of a
-- leaderboard has one. comparability_key adds how it was trained (language, recipe, stack); a delta is within one.
SELECT
    s.*,
    r.kind,
    r.version,
    r.model_revision,
    r.parameters,
    r.intermediate_revision,
    r.recipe_id,
    coalesce(json_extract_string(r.recipe, '$.text'), r.recipe_id) AS recipe_label,
    r.selection,
    r.stack,
    r.source,
    r.source_version,
    r.relationship,
    r.target_revision,
    r.trained_examples,
    md5(concat_ws(chr(31), s.target, s.metric, s.scorer, s.split, s.dataset_revision, coalesce(s.language_set, '')))[:12] AS task_key,
    md5(concat_ws(
        chr(31), s.target, s.metric, s.scorer, s.split, s.dataset_revision, coalesce(s.language_set, ''), s.train_language, r.recipe_id, r.stack
    ))[:12] AS comparability_key
FROM stored_score AS s
JOIN run AS r USING (run_id)
