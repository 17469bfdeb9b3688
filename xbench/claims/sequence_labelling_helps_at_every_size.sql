-- claim: English intermediate training helps zero-shot sequence labelling (names, parts of speech), and as much in large models as in small ones.
-- source: the question of this project
-- models: xlm-roberta-base xlm-roberta-large
-- intermediates: none anli-plus mnli qqp squad2 squad1 hellaswag ccg cosmosqa csqa
-- targets: udpos panx
-- contrasts: * against none
-- evidence: any
-- seeds: 3
-- note: What any tagging run says may contradict it; it is supported only when all cells of both sizes support it. `as much` is read as: within one point between the largest and the smallest. Published averages disagree with each other in sign:
-- X-STILTs is above XLM-R on UD-POS and below it on PAN-X.
WITH helps AS (
    SELECT * FROM asked FULL JOIN (
        FROM comparison WHERE level = 'mean' AND status = 'tested' AND target IN (SELECT target FROM task_language WHERE family = 'tagging')
    ) USING (model_name, intermediate, against, target)
),
sizes AS (
    SELECT l.model_name || ' - ' || s.model_name AS models, intermediate, target
    FROM asked AS l JOIN asked AS s USING (intermediate, against, target)
    WHERE l.model_name = 'xlm-roberta-large' AND s.model_name = 'xlm-roberta-base'
),
same AS (
    SELECT * FROM sizes FULL JOIN (
        SELECT regexp_replace(model, '[^ ]*/', '', 'g') AS models, * FROM interaction
        WHERE level = 'interaction' AND status = 'tested' AND target IN (SELECT target FROM task_language WHERE family = 'tagging')
    ) USING (models, intermediate, target)
)
SELECT target || ' after ' || intermediate || ', ' || model_name || coalesce(under, '') || ': helps' AS evidence, delta AS value, low, high, df,
    0.0 AS above, NULL::DOUBLE AS below, true AS decides
FROM helps
UNION ALL
SELECT target || ' after ' || intermediate || ', ' || models || coalesce(under, '') || ': same', delta, low, high, df, -0.01, 0.01, true FROM same
UNION ALL
SELECT topic || ', ' || subject || ': ' || printf('%.1f', 100 * number) || ' (' || source || '), averages only', NULL, NULL, NULL, NULL, NULL, NULL, false
FROM statement WHERE topic IN ('PAN-X F1', 'UD-POS F1')
