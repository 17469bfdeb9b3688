-- warning: a printed mean is not the mean of the printed languages
-- do: look at the source: means over other languages, other seeds, a misprint, or a mean from before a correction; do not expect restated tables to re-add
WITH parts AS (
    SELECT model, model_revision, intermediate, intermediate_revision, target, train_language, metric, scorer, split, dataset_revision,
        recipe_id, stack, source, source_version, relationship, kind, target_revision, seed, list({'l': language, 'v': value, 'n': n}) AS cells
    FROM result WHERE language <> 'mul' GROUP BY ALL
),
means AS (SELECT * FROM result WHERE language = 'mul' AND language_set <> 'unknown'),
together AS (
    SELECT m.model, m.intermediate, m.target, m.metric, m.split, m.source, m.run_id, m.value, m.language_set, m.carried_from,
        list_filter(p.cells, lambda c: list_contains(string_split(m.language_set, ' '), c.l)) AS cells
    FROM means AS m JOIN parts AS p
        ON (m.model, m.model_revision, m.intermediate, m.intermediate_revision, m.target, m.train_language, m.metric, m.scorer, m.split,
            m.dataset_revision)
          = (p.model, p.model_revision, p.intermediate, p.intermediate_revision, p.target, p.train_language, p.metric, p.scorer, p.split,
            p.dataset_revision)
        AND (m.recipe_id, m.stack, m.source, m.source_version, m.relationship, m.kind, m.target_revision)
          = (p.recipe_id, p.stack, p.source, p.source_version, p.relationship, p.kind, p.target_revision)
        AND m.seed IS NOT DISTINCT FROM p.seed
),
made AS (
    SELECT *, list_avg(list_transform(cells, lambda c: c.v)) AS plain,
        -- lm-eval's groups count every example once (weight_by_size)
        CASE WHEN len(list_filter(cells, lambda c: c.n IS NULL)) = 0
            THEN list_sum(list_transform(cells, lambda c: c.n * c.v)) / list_sum(list_transform(cells, lambda c: c.n)) END AS weighted
    FROM together WHERE len(cells) = len(string_split(language_set, ' '))
)
SELECT model, intermediate, target, metric, split, source, run_id,
    printf('printed %.1f, its %d languages make %.2f', 100 * value, len(cells), 100 * plain)
        || CASE WHEN carried_from IS NULL THEN '' ELSE ': printed before a correction, which has no mean' END AS finding
FROM made
WHERE abs(value - plain) > 0.00101 AND coalesce(abs(value - weighted) > 0.00101, true)
