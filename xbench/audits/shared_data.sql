-- note: intermediate and target task share data
-- do: read the delta as more training on the same task, not as transfer between tasks
SELECT DISTINCT r.model, r.intermediate, r.target, s.what AS finding
FROM run AS r
-- `TASK@LANGUAGE` is the task trained in another language
JOIN shared_data AS s ON s.target = r.target AND s.intermediate = split_part(r.intermediate, '@', 1)
