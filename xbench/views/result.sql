-- One row a score, with the conditions of its run: everything that must agree before two scores are compared.
SELECT
    s.*,
    r.kind,
    r.model_revision,
    r.parameters,
    r.intermediate_revision,
    r.recipe_id,
    coalesce(json_extract_string(r.recipe, '$.text'), r.recipe_id) AS recipe_label,
    r.stack,
    r.source,
    r.source_version,
    r.relationship,
    r.trained_examples
FROM score AS s
JOIN run AS r USING (run_id)
