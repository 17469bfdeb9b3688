-- One row a score in a language without training labels: how far it falls short of the training language in the same run; of several, their mean.
SELECT
    r.model, r.intermediate, r.target, r.train_language, r.language, r.seed, r.split, r.metric, r.scorer, r.dataset_revision,
    r.recipe_id, r.stack, r.source, r.run_id,
    r.n,
    r.value,
    s.value AS train_language_value,
    s.value - r.value AS gap
FROM result AS r
JOIN (
    SELECT run_id, split, metric, scorer, avg(value ORDER BY value) AS value
    FROM result
    WHERE language <> 'mul' AND list_contains(string_split(train_language, '+'), language)
    GROUP BY ALL
    HAVING count(*) = len(string_split(any_value(train_language), '+'))
) AS s USING (run_id, split, metric, scorer)
WHERE r.language <> 'mul' AND NOT list_contains(string_split(r.train_language, '+'), r.language)
