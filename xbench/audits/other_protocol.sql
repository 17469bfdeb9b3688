-- note: one data set under two protocols
-- do: nothing, as long as they stay apart: a prompted or a binary task is not the fine-tuned one, whatever its name
WITH named AS (
    SELECT DISTINCT target, metric, lower(regexp_replace(split_part(target, '/', -1), '(Retrieval|PairClassification|[^A-Za-z0-9])', '', 'g')) AS base
    FROM score
)
SELECT base AS dataset, printf('%s', string_agg(DISTINCT target || ' (' || metric || ')', ', ' ORDER BY target || ' (' || metric || ')')) AS finding
FROM named
GROUP BY base
HAVING count(DISTINCT regexp_replace(lower(target), '[^a-z0-9/]', '', 'g')) > 1  -- other-spelling has what differs in no more
