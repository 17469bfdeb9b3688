-- warning: runs with an intermediate task and no direct baseline to compare with
-- do: run the direct baseline of the same model, recipe and seeds, or ingest it from the same source; until then there is no delta
SELECT model, intermediate, target, source, min(status) AS status,
    printf('%d of %d cells have no delta: %s', count(*) FILTER (WHERE status <> 'paired'), count(*), max(status) FILTER (WHERE status <> 'paired'))
        AS finding
FROM transfer_delta
WHERE intermediate <> 'unknown' AND split = 'test'
GROUP BY model, intermediate, target, source
HAVING bool_or(status <> 'paired')
