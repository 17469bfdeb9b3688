-- note: one task and metric, several scorers
-- do: compare within a scorer; where predictions are stored, `xbench rescore` measures all by one rule
SELECT target, metric, split, printf('%d scorers: %s', count(DISTINCT scorer), string_agg(DISTINCT scorer, ', ' ORDER BY scorer)) AS finding
FROM score
GROUP BY ALL
HAVING count(DISTINCT scorer) > 1
