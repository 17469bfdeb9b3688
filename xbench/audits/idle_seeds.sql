-- warning: seeds that change nothing
-- do: check that the seed reaches the training code; such runs are one run, and give no spread over seeds
WITH runs AS (
    SELECT run_id, model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, recipe_id, stack, source,
        source_version, relationship, kind, seed,
        list({'l': language, 'o': language_set, 's': split, 'm': metric, 'r': scorer, 'v': value} ORDER BY language, language_set, split, metric, scorer) AS numbers
    FROM result
    WHERE seed IS NOT NULL AND coalesce(trained_examples, 1) > 0
    GROUP BY ALL
)
SELECT a.model, a.intermediate, a.target, a.source,
    printf('seeds %s give the same %d numbers', array_to_string(list_sort(list(DISTINCT a.seed)), ', '), any_value(len(a.numbers))) AS finding
FROM runs AS a
GROUP BY a.model, a.model_revision, a.intermediate, a.intermediate_revision, a.target, a.target_revision, a.train_language, a.recipe_id, a.stack,
    a.source, a.source_version, a.relationship, a.kind, a.numbers
HAVING count(DISTINCT a.seed) > 1 AND any_value(len(a.numbers)) >= 3
