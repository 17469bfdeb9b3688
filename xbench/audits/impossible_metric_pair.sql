-- error: metrics that cannot both be true
-- do: find out how each was computed; `xbench retract` both until it is known which is right
WITH wide AS (
    SELECT
        run_id, any_value(model) AS model, any_value(intermediate) AS intermediate, any_value(target) AS target, language, split, scorer,
        any_value(seed) AS seed,
        max(value) FILTER (WHERE metric = 'exact_match') AS exact_match,
        max(value) FILTER (WHERE metric = 'f1') AS f1,
        max(value) FILTER (WHERE metric = 'precision') AS p,
        max(value) FILTER (WHERE metric = 'recall') AS r
    FROM score
    GROUP BY run_id, language, language_set, split, scorer
)
SELECT
    model, intermediate, target, language, seed, split, run_id,
    CASE
        WHEN exact_match > f1 + 0.0011 THEN printf('exact match %.2f is above F1 %.2f', 100 * exact_match, 100 * f1)
        WHEN f1 > (p + r) / 2 THEN printf('F1 %.2f is above the mean of precision %.2f and recall %.2f', 100 * f1, 100 * p, 100 * r)
        ELSE printf('F1 %.2f is below precision %.2f and recall %.2f', 100 * f1, 100 * p, 100 * r)
    END AS finding
FROM wide
WHERE exact_match > f1 + 0.0011  -- what rounding to a tenth of a point can make
    -- No F1 is above the mean of its precision and recall, nor a mean of such over classes; below both it can be where it is such a mean.
    OR f1 > (p + r) / 2 + 0.0011
    OR (
        f1 < least(p, r) - 0.0011 AND language <> 'mul'
        AND target IN (SELECT target FROM task_language WHERE family IN ('tagging', 'mining'))
    )
