-- warning: one column, several revisions of the data
-- do: compare within a revision; a number over another revision is another number (`xbench leaderboard` keeps them in tables of their own)
SELECT target, metric, scorer, split,
    printf('%d revisions: %s', count(DISTINCT dataset_revision),
        string_agg(DISTINCT left(dataset_revision, 24), ', ' ORDER BY left(dataset_revision, 24))) AS finding
FROM score
GROUP BY ALL
HAVING count(DISTINCT dataset_revision) > 1
