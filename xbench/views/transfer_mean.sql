-- One row an intermediate task and target: the seed-matched delta averaged over the zero-shot languages, then over seeds. None where it is
-- unknown what was trained on.
-- Only seeds that cover the most languages take part, so that the average of every seed is over the same languages.
WITH zero_shot AS (
    SELECT DISTINCT target, train_language, language
    FROM stored_score
    WHERE language <> 'mul' AND train_language NOT IN ('unknown', 'mul') AND NOT list_contains(string_split(train_language, '+'), language)
),
by_seed AS (
    SELECT
        model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, seed,
        any_value(selection) AS selection,
        avg(value ORDER BY value) AS value,
        avg(direct_value ORDER BY direct_value) AS direct_value,
        avg(delta ORDER BY delta) AS delta,
        count(*) AS languages
    FROM transfer_delta
    JOIN zero_shot USING (target, train_language, language)
    WHERE status = 'paired'
    GROUP BY ALL
),
widest AS (
    SELECT *, max(languages) OVER (
        PARTITION BY model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
            recipe_id, stack, source, source_version
    ) AS most
    FROM by_seed
),
by_language AS (
    SELECT
        model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version,
        count(*) FILTER (WHERE seeds_up = seeds) AS languages_up,
        count(*) FILTER (WHERE seeds_down = seeds) AS languages_down
    FROM transfer_summary
    JOIN zero_shot USING (target, train_language, language)
    WHERE seeds > 0
    GROUP BY ALL
),
expected AS (
    SELECT r.target, r.train_language, count(*) AS languages_expected
    FROM (SELECT DISTINCT target, train_language FROM run) AS r
    JOIN task_language AS l ON l.target = r.target AND NOT list_contains(string_split(r.train_language, '+'), l.language)
    GROUP BY ALL
)
SELECT
    w.model, w.model_revision, w.intermediate, w.target, w.train_language, w.split, w.metric, w.scorer, w.dataset_revision,
    w.recipe_id, any_value(w.selection) AS selection, w.stack, w.source, w.source_version,
    avg(w.value ORDER BY w.value) AS value,
    avg(w.direct_value ORDER BY w.direct_value) AS direct_value,
    avg(w.delta ORDER BY w.delta) AS delta,
    stddev_samp(w.delta ORDER BY w.delta) AS delta_sd,
    count(*) AS seeds,
    any_value(w.languages) AS languages,
    any_value(e.languages_expected) AS languages_expected,
    any_value(b.languages_up) AS languages_up,
    any_value(b.languages_down) AS languages_down
FROM widest AS w
LEFT JOIN by_language AS b USING (
    model, model_revision, intermediate, target, train_language, split, metric, scorer, dataset_revision,
    recipe_id, stack, source, source_version
)
LEFT JOIN expected AS e USING (target, train_language)
WHERE w.languages = w.most
GROUP BY ALL
