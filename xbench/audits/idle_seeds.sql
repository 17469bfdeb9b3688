-- warning: seeds that change nothing
-- do: check that the seed reaches the training code; such runs are one run, and give no spread over seeds
WITH runs AS (
    SELECT run_id, model, model_revision, intermediate, target, train_language, recipe_id, stack, source, seed,
        list({'l': language, 'o': language_set, 's': split, 'm': metric, 'r': scorer, 'v': value} ORDER BY language, language_set, split, metric, scorer) AS numbers
    FROM result
    WHERE seed IS NOT NULL AND coalesce(trained_examples, 1) > 0
    GROUP BY ALL
)
SELECT a.model, a.intermediate, a.target, a.source,
    printf('seeds %s give the same %d numbers', array_to_string(list_sort(list(DISTINCT a.seed)), ', '), any_value(len(a.numbers))) AS finding
FROM runs AS a
GROUP BY a.model, a.model_revision, a.intermediate, a.target, a.train_language, a.recipe_id, a.stack, a.source, a.numbers
HAVING count(DISTINCT a.seed) > 1 AND any_value(len(a.numbers)) >= 3
