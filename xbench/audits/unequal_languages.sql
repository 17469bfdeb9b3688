-- warning: averages over different sets of languages in one column
-- do: compare over the languages that all have (`xbench compare`), or complete the runs; the leaderboard puts partial averages last
-- Averages are over the languages that the task covers, or all of a task that is not known.
WITH sets AS (
    SELECT target, metric, scorer, split, dataset_revision, model, intermediate, run_id, list(DISTINCT language ORDER BY language) AS languages
    FROM score
    WHERE language <> 'mul' AND (
        (target, language) IN (SELECT target, language FROM task_language) OR target NOT IN (SELECT target FROM task_language)
    )
    GROUP BY ALL
)
SELECT target, metric, scorer, split, dataset_revision,
    printf(
        'averages over %s languages, %d different sets',
        array_to_string(list_sort(list(DISTINCT len(languages))), ', '), count(DISTINCT languages)
    ) AS finding
FROM sets
GROUP BY ALL
HAVING count(DISTINCT languages) > 1
