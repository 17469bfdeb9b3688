-- One row a cell of the grid model x intermediate x target, of those seen in the store: what is there and what is missing. A task is not its
-- own intermediate, in whatever language, nor a part of one that is trained in another language than the target (where a source does not
-- say in which that is, nothing is ruled out).
-- Languages and seeds (of the language that has the fewest) are those of one row of the leaderboard: the halves of two recipes, revisions or
-- metrics are no whole. Of several rows that with most languages counts, then that with most seeds. A mean that a source printed has no
-- languages: of it alone a cell is missing.
WITH systems AS (SELECT DISTINCT model, intermediate FROM run),
targets AS (SELECT DISTINCT model, target, train_language FROM run),
found AS (
    SELECT model, intermediate, target, max({'languages': languages, 'seeds': seeds}) AS most
    FROM leaderboard AS l
    ANTI JOIN task_part AS p
        ON (p.task, p.part) = (l.intermediate, l.target) AND p.train_language <> l.train_language AND l.train_language NOT IN ('unknown', 'mul')
    WHERE split = 'test' AND basis = 'languages'
    GROUP BY ALL
),
expected AS (
    SELECT target, count(*) AS languages_expected FROM task_language GROUP BY target
)
SELECT DISTINCT
    s.model,
    s.intermediate,
    t.target,
    coalesce(f.most.seeds, 0) AS seeds,
    coalesce(f.most.languages, 0) AS languages,
    e.languages_expected,
    CASE
        WHEN f.model IS NULL THEN 'missing'
        WHEN f.most.languages < e.languages_expected THEN 'partial'
        WHEN e.languages_expected IS NULL THEN 'unknown task'
        ELSE 'complete'
    END AS status
FROM systems AS s
JOIN targets AS t USING (model)
ANTI JOIN task_part AS p
    ON (p.task, p.part) = (s.intermediate, t.target) AND p.train_language <> t.train_language AND t.train_language NOT IN ('unknown', 'mul')
LEFT JOIN found AS f USING (model, intermediate, target)
LEFT JOIN expected AS e USING (target)
WHERE base_task(s.intermediate) <> base_task(t.target)
