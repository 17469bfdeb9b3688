-- claim: Sentence retrieval (BUCC, Tatoeba) gains most from English intermediate training.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), abstract of version 2: large gains on BUCC and Tatoeba
-- models: xlm-roberta-large
-- intermediates: none squad1 mnli hellaswag
-- targets: xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba
-- contrasts: squad1 against none, mnli against none, hellaswag against none
-- seeds: 3
-- note: A gain depends on where it begins: XTREME prints 57.3 for XLM-R on Tatoeba, the paper's own stack had about 31.
WITH groups AS (
    SELECT intermediate, target, delta, low, high, df FROM comparison WHERE target LIKE 'xtreme: %' AND status = 'tested'
)
SELECT
    r.intermediate || ': retrieval gains more than ' || substr(o.target, 9) AS evidence,
    r.delta - o.delta AS value,
    -- the two rest on different test sets: their errors add up as squares
    r.delta - o.delta - sqrt((r.high - r.delta) ^ 2 + (o.delta - o.low) ^ 2) AS low,
    r.delta - o.delta + sqrt((r.high - r.delta) ^ 2 + (o.delta - o.low) ^ 2) AS high,
    least(r.df, o.df) AS df, 0.0 AS above, true AS decides
FROM groups AS r JOIN groups AS o ON o.intermediate = r.intermediate AND o.target <> r.target
WHERE r.target = 'xtreme: retrieval'
UNION ALL
SELECT coalesce(nullif(text, ''), topic || ', ' || subject) || ' (' || source || ' ' || source_version || ')', number, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic = 'largest gains' OR topic = 'Tatoeba accuracy'
