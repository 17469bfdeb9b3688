-- One row a score in a language without training labels: how far it falls short of the training language in the same run.
SELECT
    r.model, r.intermediate, r.target, r.train_language, r.language, r.seed, r.split, r.metric, r.scorer, r.dataset_revision,
    r.recipe_id, r.stack, r.source, r.run_id,
    r.n,
    r.value,
    s.value AS train_language_value,
    s.value - r.value AS gap
FROM result AS r
JOIN result AS s
    ON s.run_id = r.run_id AND s.language = r.train_language AND (s.split, s.metric, s.scorer) = (r.split, r.metric, r.scorer)
WHERE r.language NOT IN (r.train_language, 'mul')
