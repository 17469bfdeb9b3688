-- One row a run that is taken out of the store, since when, and why. It stays in `every_run`, and is in no other view but `history`.
SELECT run_id, max(made) AS made, arg_max(because, (made, step)) AS because
FROM retraction
GROUP BY run_id
HAVING NOT arg_max(back, (made, step))
