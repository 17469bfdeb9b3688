-- claim: TyDiQA gains from every intermediate task, XNLI from none consistently.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL); as this project was given it
-- models: xlm-roberta-large
-- intermediates: none anli-plus mnli qqp squad2 squad1 hellaswag ccg cosmosqa csqa
-- targets: tydiqa xnli
-- contrasts: anli-plus against none, mnli against none, qqp against none, squad2 against none, squad1 against none, hellaswag against none, ccg against none, cosmosqa against none, csqa against none
-- seeds: 3
-- note: `does not gain` is read as: less than one point. MNLI before XNLI is left out: it trains on the same data twice.
SELECT target || ' after ' || intermediate || coalesce(under, '') AS evidence, delta AS value, low, high, df,
    CASE target WHEN 'tydiqa' THEN 0.0 END AS above, CASE target WHEN 'xnli' THEN 0.01 END AS below, true AS decides
FROM asked LEFT JOIN (FROM comparison WHERE level = 'mean' AND status = 'tested') USING (model_name, intermediate, against, target)
WHERE NOT (target = 'xnli' AND intermediate IN ('mnli', 'anli-plus'))
UNION ALL
SELECT topic || ', ' || subject || ': ' || printf('%.1f', 100 * number) || ' (' || source || ' ' || source_version || '), averages only', NULL, NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic IN ('XNLI accuracy', 'TyDiQA F1')
