-- claim: Sentence retrieval (BUCC, Tatoeba) gains most from English intermediate training.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), abstract of version 2: large gains on BUCC and Tatoeba
-- models: xlm-roberta-large
-- intermediates: none squad1 mnli hellaswag
-- targets: xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba
-- contrasts: squad1 against none, mnli against none, hellaswag against none
-- seeds: 3
-- note: A gain depends on where it begins: XTREME prints 57.3 for XLM-R on Tatoeba, the paper's own stack had about 31.
WITH groups AS (
    FROM comparison WHERE target LIKE 'xtreme: %' AND status = 'tested'
),
difference AS (
    SELECT
        r.model_name, r.intermediate, o.target AS other, r.under,
        r.delta - o.delta AS value,
        -- the two rest on different test sets: their errors add up as squares
        sqrt((r.high - r.delta) ^ 2 + (o.delta - o.low) ^ 2) AS half,
        least(r.df, o.df) AS df
    FROM groups AS r JOIN groups AS o USING (
        model_name, model_revision, intermediate, intermediate_revision, train_language, recipe_id, stack, source, source_version, relationship, kind
    )
    WHERE r.target = 'xtreme: retrieval' AND o.target <> r.target
)
SELECT
    intermediate || coalesce(under, '') || ': retrieval gains more than ' || substr(other, 9) AS evidence,
    value, value - half AS low, value + half AS high, df, 0.0 AS above, true AS decides
FROM (SELECT DISTINCT model_name, intermediate FROM asked)
CROSS JOIN (SELECT DISTINCT 'xtreme: ' || task_group AS other FROM suite_task WHERE suite = 'xtreme' AND task_group <> 'retrieval')
LEFT JOIN difference USING (model_name, intermediate, other)
UNION ALL
SELECT coalesce(nullif(text, ''), topic || ', ' || subject) || coalesce(': ' || printf('%.1f', 100 * number), '') || ' (' || source || ' '
    || source_version || ')', NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic = 'largest gains' OR topic = 'Tatoeba accuracy'
