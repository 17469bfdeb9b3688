-- One row a cell of the grid model x intermediate x target, of those seen in the store: what is there and what is missing.
-- Of a task's languages; of a task that xbench does not know, all count.
WITH systems AS (SELECT DISTINCT model, intermediate FROM run),
targets AS (SELECT DISTINCT model, target FROM run),
found AS (
    SELECT
        r.model, r.intermediate, r.target, count(DISTINCT r.seed) AS seeds,
        CASE WHEN r.target IN (SELECT target FROM task_language) THEN count(DISTINCT l.language) ELSE count(DISTINCT r.language) END AS languages
    FROM result AS r
    LEFT JOIN task_language AS l ON (l.target, l.language) = (r.target, r.language)
    WHERE r.split = 'test' AND r.language <> 'mul'
    GROUP BY r.model, r.intermediate, r.target
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
