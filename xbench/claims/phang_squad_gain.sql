-- claim: SQuAD as the intermediate task gains 8.2 points on average over the development sets of XTREME's tasks.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL); the figure as this project was given it, its table was not seen
-- models: xlm-roberta-large
-- intermediates: none squad1
-- targets: xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba
-- contrasts: squad1 against none
-- seeds: 3
-- note: Tested on the test sets, mean over all nine tasks as XTREME averages them: target languages have no development sets here, and
-- choosing on them would not be zero-shot. Version 1 of the paper says 8.4 points.
WITH mean AS (
    SELECT * FROM (SELECT DISTINCT model_name, intermediate, against FROM asked)
    LEFT JOIN (FROM comparison WHERE target = 'xtreme' AND status = 'tested') USING (model_name, intermediate, against)
)
SELECT 'mean of the nine tasks' || coalesce(under, '') || ': there is a gain' AS evidence, delta AS value, low, high, df, 0.0 AS above,
    NULL::DOUBLE AS size, true AS decides
FROM mean
UNION ALL
SELECT 'mean of the nine tasks' || coalesce(under, '') || ': it is 8.2 points', delta, low, high, df, NULL, 0.082, true FROM mean
UNION ALL
SELECT 'only ' || language || under, delta, low, high, df, NULL, NULL, false FROM comparison WHERE target = 'xtreme' AND status = 'some tasks'
UNION ALL
SELECT text || ' (' || source || ' ' || source_version || ')', number, NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic = 'average gain on development sets' AND subject = 'squad'
