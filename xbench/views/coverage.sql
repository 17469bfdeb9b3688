-- One row a cell of the grid model x intermediate x target, of those seen in the store: what is there and what is missing.
WITH systems AS (SELECT DISTINCT model, intermediate FROM run),
targets AS (SELECT DISTINCT model, target FROM run),
found AS (
    SELECT model, intermediate, target, count(DISTINCT seed) AS seeds, count(DISTINCT language) AS languages
    FROM result
    WHERE split = 'test' AND language <> 'mul'
    GROUP BY ALL
),
expected AS (
    SELECT target, count(*) AS languages_expected FROM task_language GROUP BY target
)
SELECT
    s.model,
    s.intermediate,
    t.target,
    coalesce(f.seeds, 0) AS seeds,
    coalesce(f.languages, 0) AS languages,
    e.languages_expected,
    CASE
        WHEN f.model IS NULL THEN 'missing'
        WHEN f.languages < e.languages_expected THEN 'partial'
        WHEN e.languages_expected IS NULL THEN 'unknown task'
        ELSE 'complete'
    END AS status
FROM systems AS s
JOIN targets AS t USING (model)
LEFT JOIN found AS f USING (model, intermediate, target)
LEFT JOIN expected AS e USING (target)
WHERE s.intermediate <> t.target
