-- claim: English intermediate training helps zero-shot sequence labelling (names, parts of speech), and as much in large models as in small ones.
-- source: the question of this project
-- models: xlm-roberta-base xlm-roberta-large
-- intermediates: none anli-plus mnli qqp squad2 squad1 hellaswag ccg cosmosqa csqa
-- targets: udpos panx
-- contrasts: * against none
-- evidence: any
-- seeds: 3
-- note: `as much` is read as: within one point between the largest and the smallest. Published averages disagree with each other in sign:
-- X-STILTs is above XLM-R on UD-POS and below it on PAN-X.
SELECT target || ' after ' || intermediate || ', ' || model_name || ': helps' AS evidence, delta AS value, low, high, df,
    0.0 AS above, NULL::DOUBLE AS below, true AS decides
FROM comparison WHERE level = 'mean' AND status = 'tested' AND target IN (SELECT target FROM task_language WHERE family = 'tagging')
UNION ALL
SELECT target || ' after ' || intermediate || ', ' || model || ': same', delta, low, high, df, -0.01, 0.01, true
FROM interaction
WHERE level = 'interaction' AND status = 'tested' AND target IN (SELECT target FROM task_language WHERE family = 'tagging')
UNION ALL
SELECT topic || ', ' || subject || ' (' || source || '), averages only', number, NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic IN ('PAN-X F1', 'UD-POS F1')
