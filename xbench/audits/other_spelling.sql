-- warning: a task or metric of xbench in another spelling
-- do: `xbench retract` these runs, and ingest the file under the name that xbench has; until then it stands in a column of its own, and in no average over tasks
WITH known AS (SELECT DISTINCT target, regexp_replace(lower(target), '[^a-z0-9]', '', 'g') AS plain FROM task_language),
metrics(plain, metric) AS (
    VALUES ('acc', 'accuracy'), ('accuracy', 'accuracy'), ('f1', 'f1'), ('f1score', 'f1'), ('em', 'exact_match'), ('exactmatch', 'exact_match')
),
said AS (SELECT source, target, metric, count(*) AS scores FROM result GROUP BY ALL)
SELECT s.source, s.target, s.metric,
    concat_ws(
        ' and ',
        CASE WHEN k.target <> s.target THEN printf('%s is %s', s.target, k.target) END,
        CASE WHEN m.metric <> s.metric THEN printf('%s is %s', s.metric, m.metric) END
    ) || printf(' (%d scores)', scores) AS finding
FROM said AS s
JOIN known AS k ON k.plain = regexp_replace(lower(s.target), '[^a-z0-9]', '', 'g')
LEFT JOIN metrics AS m ON m.plain = regexp_replace(lower(s.metric), '[^a-z0-9]', '', 'g')
WHERE (s.target <> k.target AND s.target NOT IN (SELECT target FROM known)) OR m.metric <> s.metric
