-- claim: Plain English intermediate training beats continued multilingual masked language modelling and machine-translated intermediate data.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), abstract of version 2: neither is consistently better
-- models: xlm-roberta-large
-- intermediates: none mnli mnli-mlm mnli-translated
-- targets: xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba
-- contrasts: mnli against mnli-mlm, mnli against mnli-translated
-- seeds: 3
-- note: Which mixing ratio and which translations the paper used is not known; the tasks say theirs.
SELECT 'mnli against ' || against || ', mean of the nine tasks' || coalesce(under, '') || ': better' AS evidence, delta AS value, low, high, df,
    0.0 AS above, true AS decides
FROM (SELECT DISTINCT model_name, intermediate, against FROM asked)
LEFT JOIN (FROM comparison WHERE target = 'xtreme' AND status = 'tested') USING (model_name, intermediate, against)
UNION ALL
SELECT 'mnli against ' || against || ', only ' || language || under, delta, low, high, df, NULL, false
FROM comparison WHERE target = 'xtreme' AND status = 'some tasks'
UNION ALL
SELECT text || ' (' || source || ' ' || source_version || ')', NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic IN ('masked language modelling', 'translated data')
