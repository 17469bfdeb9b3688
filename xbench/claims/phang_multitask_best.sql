-- claim: Multi-task training on all nine intermediate tasks is best on average, with a gain of 8.7 points.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL); the figure as this project was given it, its table was not seen
-- models: xlm-roberta-large
-- intermediates: none all9 anli-plus mnli qqp squad2 squad1 hellaswag ccg cosmosqa csqa
-- targets: xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba
-- contrasts: all9 against none, all9 against anli-plus, all9 against mnli, all9 against qqp, all9 against squad2, all9 against squad1, all9 against hellaswag, all9 against ccg, all9 against cosmosqa, all9 against csqa
-- seeds: 3
-- note: Which sampling the paper used is not known; all9 samples in proportion to the sizes, capped.
WITH mean AS (
    SELECT * FROM (SELECT DISTINCT model_name, intermediate, against FROM asked)
    LEFT JOIN (FROM comparison WHERE target = 'xtreme' AND status = 'tested') USING (model_name, intermediate, against)
)
SELECT 'all nine against none, mean of the nine tasks' || coalesce(under, '') || ': 8.7 points' AS evidence, delta AS value, low, high, df,
    NULL::DOUBLE AS above, 0.087 AS size, true AS decides
FROM mean WHERE against = 'none'
UNION ALL
SELECT 'all nine against ' || against || ', mean of the nine tasks' || coalesce(under, '') || ': better', delta, low, high, df, 0.0, NULL, true
FROM mean WHERE against <> 'none'
UNION ALL
SELECT 'all nine against ' || against || ', only ' || language || under, delta, low, high, df, NULL, NULL, false
FROM comparison WHERE target = 'xtreme' AND status = 'some tasks'
UNION ALL
SELECT text || ' (' || source || ' ' || source_version || ')', number, NULL, NULL, NULL, NULL, NULL, false FROM statement WHERE topic = 'multi-task'
