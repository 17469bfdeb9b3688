-- One row an intermediate task and target: the seed-matched delta averaged over the zero-shot languages, then over seeds. None where it is
-- unknown what was trained on.
-- Of the languages that the task covers; of a task that xbench does not know, all. The seeds that take part have the same languages: the most
-- of them, of those that most seeds have.
WITH zero_shot AS (
    SELECT DISTINCT s.target, s.train_language, s.language
    FROM stored_score AS s
    LEFT JOIN task_language AS l ON (l.target, l.language) = (s.target, s.language)
    WHERE s.language <> 'mul' AND s.train_language NOT IN ('unknown', 'mul') AND NOT list_contains(string_split(s.train_language, '+'), s.language)
        AND (l.language IS NOT NULL OR s.target NOT IN (SELECT target FROM task_language))
),
by_seed AS (
    SELECT
        model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, seed,
        any_value(selection) AS selection,
        avg(value ORDER BY value) AS value,
        avg(direct_value ORDER BY direct_value) AS direct_value,
        avg(delta ORDER BY delta) AS delta,
        list(language ORDER BY language) AS languages
    FROM transfer_delta
    JOIN zero_shot USING (target, train_language, language)
    WHERE status = 'paired'
    GROUP BY ALL
),
widest AS (
    SELECT
        model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, languages,
        any_value(selection) AS selection,
        avg(value ORDER BY value) AS value,
        avg(direct_value ORDER BY direct_value) AS direct_value,
        avg(delta ORDER BY delta) AS delta,
        stddev_samp(delta ORDER BY delta) AS delta_sd,
        count(*) AS seeds
    FROM by_seed
    GROUP BY
        model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version, languages
    QUALIFY row_number() OVER (
        PARTITION BY model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
            recipe_id, stack, source, source_version
        ORDER BY len(languages) DESC, count(*) DESC, languages
    ) = 1
),
by_language AS (
    SELECT
        model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version,
        count(*) FILTER (WHERE s.seeds_up = s.seeds) AS languages_up,
        count(*) FILTER (WHERE s.seeds_down = s.seeds) AS languages_down
    FROM transfer_summary AS s
    JOIN widest AS w USING (
        model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
        recipe_id, stack, source, source_version
    )
    WHERE s.seeds > 0 AND list_contains(w.languages, s.language)
    GROUP BY ALL
),
expected AS (
    SELECT r.target, r.train_language, count(*) AS languages_expected
    FROM (SELECT DISTINCT target, train_language FROM run) AS r
    JOIN task_language AS l ON l.target = r.target AND NOT list_contains(string_split(r.train_language, '+'), l.language)
    GROUP BY ALL
)
SELECT
    w.model, w.model_revision, w.intermediate, w.intermediate_revision, w.target, w.train_language, w.split, w.metric, w.scorer, w.dataset_revision,
    w.recipe_id, w.selection, w.stack, w.source, w.source_version,
    w.value, w.direct_value, w.delta, w.delta_sd, w.seeds,
    len(w.languages) AS languages,
    e.languages_expected, b.languages_up, b.languages_down
FROM widest AS w
LEFT JOIN by_language AS b USING (
    model, model_revision, intermediate, intermediate_revision, target, train_language, split, metric, scorer, dataset_revision,
    recipe_id, stack, source, source_version
)
LEFT JOIN expected AS e USING (target, train_language)
