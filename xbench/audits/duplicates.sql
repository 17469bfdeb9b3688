-- note: the same numbers under two names
-- do: if one quotes the other, keep both and say so (relationship: third party); if one is a copy, `xbench retract` it
WITH cells AS (
    SELECT run_id, model, intermediate, target, split, metric, source, source_version,
        list({'l': language, 'v': value} ORDER BY language) AS numbers, count(*) AS languages
    FROM result
    GROUP BY ALL
)
SELECT a.model, a.intermediate, a.target, a.metric, a.split, a.run_id,
    printf('%s (%s) and %s (%s) agree in all %d languages', a.model, a.source, b.model, b.source, a.languages) AS finding
FROM cells AS a
JOIN cells AS b ON a.target = b.target AND a.metric = b.metric AND a.split = b.split AND a.numbers = b.numbers AND a.run_id < b.run_id
WHERE a.languages >= 3 AND (a.source, a.source_version, a.model) <> (b.source, b.source_version, b.model)
