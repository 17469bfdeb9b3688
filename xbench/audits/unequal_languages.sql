-- warning: averages over different sets of languages in one column
-- do: compare over the languages that all have (`xbench compare`), or complete the runs; the leaderboard puts partial averages last
WITH sets AS (
    SELECT target, metric, scorer, split, dataset_revision, model, intermediate, run_id, count(DISTINCT language) AS languages
    FROM score
    WHERE language <> 'mul'
    GROUP BY ALL
)
SELECT target, metric, scorer, split, dataset_revision,
    printf('averages over %s languages', string_agg(DISTINCT languages::VARCHAR, ', ' ORDER BY languages::VARCHAR)) AS finding
FROM sets
GROUP BY ALL
HAVING count(DISTINCT languages) > 1
