-- One row an intermediate task and target: the seed-matched delta averaged over the languages that had no labels in training, then over seeds.
-- None where it is unknown what was trained on. mean says what it is: `zero-shot mean`, or `mean, not zero-shot` where the step that counts
-- was selected on target languages in any run of either side.
-- Of the languages that the task covers; of a task that xbench does not know, all. The seeds that take part have the same languages: the most
-- of them, of those that most seeds have. languages_up are those that rise in every one of these seeds.
WITH unlabelled AS (
    SELECT DISTINCT s.target, s.train_language, s.language
    FROM stored_score AS s
    LEFT JOIN task_language AS l ON (l.target, l.language) = (s.target, s.language)
    WHERE s.language <> 'mul' AND s.train_language NOT IN ('unknown', 'mul') AND NOT list_contains(string_split(s.train_language, '+'), s.language)
        AND (l.language IS NOT NULL OR s.target NOT IN (SELECT target FROM task_language))
),
by_seed AS (
    SELECT
        model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, split, metric, scorer,
        dataset_revision, recipe_id, stack, source, source_version, relationship, kind, seed,
        coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection)) AS selection,
        avg(value ORDER BY value) AS value,
        avg(direct_value ORDER BY direct_value) AS direct_value,
        avg(delta ORDER BY delta) AS delta,
        list(language ORDER BY language) AS languages,
        list(delta ORDER BY language) AS deltas
    FROM transfer_delta
    JOIN unlabelled USING (target, train_language, language)
    WHERE status = 'paired'
    GROUP BY ALL
),
widest AS (
    SELECT
        model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, split, metric, scorer,
        dataset_revision, recipe_id, stack, source, source_version, relationship, kind, languages,
        coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection)) AS selection,
        avg(value ORDER BY value) AS value,
        avg(direct_value ORDER BY direct_value) AS direct_value,
        avg(delta ORDER BY delta) AS delta,
        stddev_samp(delta ORDER BY delta) AS delta_sd,
        count(*) AS seeds,
        list(deltas) AS seeds_deltas  -- a list of deltas for each seed, in the order of languages
    FROM by_seed
    GROUP BY
        model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, split, metric, scorer,
        dataset_revision, recipe_id, stack, source, source_version, relationship, kind, languages
    QUALIFY row_number() OVER (
        PARTITION BY model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, split, metric, scorer,
            dataset_revision, recipe_id, stack, source, source_version, relationship, kind
        ORDER BY len(languages) DESC, count(*) DESC, languages
    ) = 1
),
expected AS (
    SELECT r.target, r.train_language, count(*) AS languages_expected
    FROM (SELECT DISTINCT target, train_language FROM run) AS r
    JOIN task_language AS l ON l.target = r.target AND NOT list_contains(string_split(r.train_language, '+'), l.language)
    GROUP BY ALL
)
SELECT
    w.model, w.model_revision, w.intermediate, w.intermediate_revision, w.target, w.target_revision, w.train_language, w.split, w.metric, w.scorer,
    w.dataset_revision, w.recipe_id, w.selection, w.stack, w.source, w.source_version, w.relationship, w.kind,
    CASE w.selection WHEN 'target-languages' THEN 'mean, not zero-shot' ELSE 'zero-shot mean' END AS mean,
    w.value, w.direct_value, w.delta, w.delta_sd, w.seeds,
    len(w.languages) AS languages,
    e.languages_expected,
    len(list_filter(range(1, len(w.languages) + 1), lambda i: list_min(list_transform(w.seeds_deltas, lambda d: d[i])) > 0)) AS languages_up,
    len(list_filter(range(1, len(w.languages) + 1), lambda i: list_max(list_transform(w.seeds_deltas, lambda d: d[i])) < 0)) AS languages_down
FROM widest AS w
LEFT JOIN expected AS e USING (target, train_language)
