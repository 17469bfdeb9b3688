-- warning: scores that look divided by a hundred once too often
-- do: if the file held fractions and was read as percent, ingest it again with --set unit=fraction, or with its own column unit put right
SELECT model, intermediate, target, seed, split, source, run_id,
    printf('no score of this run is above %.2f %%, in %d cells', 100 * max(value), count(*)) AS finding
FROM result
WHERE metric IN ('accuracy', 'f1', 'exact_match', 'precision', 'recall')
GROUP BY ALL
HAVING max(value) BETWEEN 1e-9 AND 0.01
