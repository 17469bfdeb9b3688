-- error: a score that is no number
-- do: the file was not written by xbench: remove it; NaN sorts above every number, and would lead a board
SELECT model, intermediate, target, language, seed, split, metric, run_id, printf('value is %s', value::VARCHAR) AS finding
FROM every_score
WHERE value IS NULL OR NOT isfinite(value) OR value < CASE WHEN evidence = 'aggregate' THEN -1 ELSE 0 END OR value > 1
