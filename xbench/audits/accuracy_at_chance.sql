-- warning: accuracy no better than guessing
-- do: check that the gold labels are real (XTREME's public test files carry placeholders) and that training did not diverge
SELECT
    s.model, s.intermediate, s.target, s.seed, s.split, s.run_id,
    printf(
        'accuracy is no more than two standard errors above 1/%d in %d of %d languages: %s', any_value(t.labels),
        count(*) FILTER (WHERE chance), count(*), string_agg(s.language, ' ' ORDER BY s.language) FILTER (WHERE chance)
    ) AS finding
FROM (
    SELECT s.*, s.value - 1.0 / t.labels <= 2 * sqrt((1.0 / t.labels) * (1 - 1.0 / t.labels) / s.n) AS chance
    FROM score AS s JOIN task_labels AS t USING (target)
    WHERE s.metric = 'accuracy' AND s.n >= 30 AND s.language <> 'mul' AND t.family IN ('classification', 'choice')
) AS s
JOIN task_labels AS t USING (target)
GROUP BY ALL
HAVING bool_or(chance)
