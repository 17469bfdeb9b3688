-- note: intermediate and target task share data
-- do: read the delta as more training on the same task, not as transfer between tasks
WITH trained AS (  -- `TASK@LANGUAGE` is the task trained in another language; of XTREME-R a task is XTREME's in more languages
    SELECT DISTINCT
        model, intermediate, target,
        base_task(intermediate) AS task,
        base_task(target) AS tested
    FROM run
),
parts AS (SELECT model, intermediate, target, tested, part FROM trained JOIN task_part USING (task))
SELECT model, t.intermediate, t.target, what AS finding FROM trained AS t JOIN shared_data AS s ON (s.intermediate, s.target) = (task, tested)
UNION
SELECT model, intermediate, target, 'the same task' FROM trained
WHERE task = tested AND task NOT IN (SELECT target FROM shared_data AS s WHERE s.intermediate = s.target)
UNION
SELECT model, t.intermediate, t.target, printf('its part %s: %s', part, what)
FROM parts AS t JOIN shared_data AS s ON (s.intermediate, s.target) = (part, tested)
UNION
SELECT model, intermediate, target, 'the mixture contains the task' FROM parts WHERE part = tested
