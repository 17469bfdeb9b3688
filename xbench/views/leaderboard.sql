-- One row a system and target: the mean over languages of the mean over seeds, with its support. What a source measured and what it quotes,
-- what was run here and what came from elsewhere, or runs that read other revisions of the data, are different systems.
-- It is over the languages that the task covers (all, of a task that xbench does not know; languages_expected is NULL then); an average over
-- fewer is shown with its support, languages/languages_expected, and has complete = false; so has one of which no run has every language.
-- A mean that a source printed without its parts is a row of its own, basis `printed mean`; languages is then what the source says it is
-- over, NULL if it does not.
-- zero_shot leaves the training languages out, and is NULL where the step that counts was selected on target languages in any of the runs,
-- or where it is unknown what was trained on; trained is those languages alone, NULL unless all are there. seeds is of the language that has
-- the fewest, 0 where a source does not say; n the examples of all languages, NULL where that is unknown of one.
--
-- The systems that have one run of a task have nothing to average over seeds; in a store of results from elsewhere they are nearly all.
--
-- The join with keyed leaves the rows of `score` of those that are stored; it is over target too, so that a condition on the task is one on
-- what is read of either.
WITH expected AS (
    SELECT target, list(language ORDER BY language) AS languages FROM task_language GROUP BY target
),
keyed AS (
    SELECT
        run_id, target, train_language, selection,
        md5_number(concat_ws(
            chr(31), model, model_revision, intermediate, intermediate_revision, train_language, recipe_id, stack,
            source, source_version, relationship, kind, target_revision
        )) AS system_key,
        count(*) OVER (PARTITION BY system_key, target) = 1 AS alone
    FROM run
),
systems AS (
    SELECT
        k.system_key, k.target,
        any_value(coalesce(json_extract_string(recipe, '$.text'), recipe_id)) AS recipe_label,
        any_value(model) AS model, any_value(model_revision) AS model_revision, max(parameters) AS parameters,
        any_value(intermediate) AS intermediate, any_value(intermediate_revision) AS intermediate_revision,
        any_value(r.train_language) AS train_language, any_value(recipe_id) AS recipe_id,
        any_value(stack) AS stack, any_value(source) AS source, any_value(source_version) AS source_version,
        any_value(relationship) AS relationship, any_value(kind) AS kind, any_value(target_revision) AS target_revision
    FROM run AS r
    JOIN keyed AS k ON r.run_id = k.run_id AND r.target = k.target
    GROUP BY k.system_key, k.target
),
covered AS NOT MATERIALIZED (
    SELECT
        s.run_id, k.system_key, k.alone, s.target, s.metric, s.scorer, s.split, s.dataset_revision, s.language, s.language_set, k.train_language,
        k.selection, s.seed, s.value, s.n
    FROM stored_score AS s
    JOIN keyed AS k ON s.run_id = k.run_id AND s.target = k.target
    WHERE s.language = 'mul' OR (s.target, s.language) IN (SELECT target, language FROM task_language)
        OR s.target NOT IN (SELECT target FROM expected)
),
by_language AS (
    SELECT
        system_key, target, metric, scorer, split, dataset_revision, language, language_set, train_language, selection, value,
        (seed IS NOT NULL)::BIGINT AS seeds, n
    FROM covered
    WHERE alone
    UNION ALL
    SELECT
        system_key, target, metric, scorer, split, dataset_revision, language, language_set, train_language,
        coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection)), avg(value ORDER BY value),
        list_unique(list(seed))::BIGINT, CASE WHEN count(n) = count(*) THEN min(n) END
    FROM covered
    WHERE NOT alone
    GROUP BY ALL
),
by_run AS (
    SELECT
        system_key, target, metric, scorer, split, dataset_revision, seed,
        avg(value ORDER BY value) AS value,
        count(*) AS languages, sum(hash(language)) AS which  -- equal for equal languages, and quicker than to list them
    FROM covered
    WHERE NOT alone AND language <> 'mul'
    GROUP BY system_key, target, metric, scorer, split, dataset_revision, run_id, seed
),
by_seed AS (
    SELECT system_key, target, metric, scorer, split, dataset_revision, languages, which, seed, avg(value ORDER BY value) AS value
    FROM by_run
    GROUP BY ALL
),
-- Over the seeds that have the same languages: the most of them, of those that most seeds have.
spread AS (
    SELECT system_key, target, metric, scorer, split, dataset_revision, languages, stddev_samp(value ORDER BY value) AS seed_sd
    FROM by_seed
    GROUP BY system_key, target, metric, scorer, split, dataset_revision, languages, which
    QUALIFY row_number() OVER (
        PARTITION BY system_key, target, metric, scorer, split, dataset_revision ORDER BY languages DESC, count(*) DESC, which
    ) = 1
),
means AS (
    SELECT
        system_key, target, metric, scorer, split, dataset_revision, language_set,
        CASE WHEN language = 'mul' THEN 'printed mean' ELSE 'languages' END AS basis,
        avg(value ORDER BY value) AS value,
        CASE WHEN count(*) FILTER (WHERE selection = 'target-languages') = 0 THEN avg(value ORDER BY value) FILTER (
            WHERE language <> 'mul' AND NOT labelled AND train_language NOT IN ('unknown', 'mul')
        ) END AS zero_shot,
        CASE WHEN count(*) FILTER (WHERE labelled) = len(string_split(any_value(train_language), '+'))
            THEN avg(value ORDER BY value) FILTER (WHERE labelled) END AS trained,
        CASE basis WHEN 'languages' THEN count(*) ELSE len(string_split(nullif(language_set, 'unknown'), ' ')) END AS languages,
        min(seeds) AS seeds,
        CASE WHEN count(n) = count(*) THEN sum(n) END AS n,
        coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection)) AS selection
    FROM (
        SELECT
            *,
            CASE
                WHEN language = 'mul' THEN false
                WHEN contains(train_language, '+') THEN list_contains(string_split(train_language, '+'), language)
                ELSE language = train_language
            END AS labelled
        FROM by_language
    )
    GROUP BY system_key, target, metric, scorer, split, dataset_revision, language_set, basis
)
SELECT
    m.target, y.model, y.intermediate, y.recipe_label,
    m.value,
    CASE m.basis WHEN 'languages' THEN s.seed_sd END AS seed_sd,
    m.zero_shot, m.trained, m.languages, len(e.languages) AS languages_expected,
    CASE m.basis
        WHEN 'languages' THEN coalesce(m.languages = len(e.languages), false) AND coalesce(s.languages = m.languages, true)
        ELSE coalesce(list_sort(string_split(m.language_set, ' ')) = e.languages, false)
    END AS complete,
    m.seeds, m.n,
    m.metric, m.scorer, m.split, y.train_language, y.model_revision, y.intermediate_revision, y.parameters, m.dataset_revision,
    y.recipe_id, m.selection, y.stack, y.source, y.source_version, y.relationship, y.kind, y.target_revision, m.basis, m.language_set,
    md5(concat_ws(chr(31), m.target, m.metric, m.scorer, m.split, m.dataset_revision, coalesce(m.language_set, '')))[:12] AS task_key
FROM means AS m
JOIN systems AS y USING (system_key, target)
LEFT JOIN spread AS s USING (system_key, target, metric, scorer, split, dataset_revision)
LEFT JOIN expected AS e USING (target)
