-- One row an intermediate task, target and language: the mean over seeds of the seed-matched delta, with its spread.
-- seeds counts the seed-matched pairs, of which a seed has one; seeds_without_baseline the runs that have none and take no part in delta.
-- selection is `target-languages` where that of any run is, n that of the run with fewest examples: of the runs that delta is over, if any.
SELECT
    model, model_revision, intermediate, intermediate_revision, target, target_revision, train_language, language, language_set, split, metric, scorer,
    dataset_revision, recipe_id, stack, source, source_version, relationship, kind,
    CASE WHEN count(delta) > 0
        THEN coalesce(
            max(selection) FILTER (WHERE selection = 'target-languages' AND status = 'paired'), min(selection) FILTER (WHERE status = 'paired')
        )
        ELSE coalesce(max(selection) FILTER (WHERE selection = 'target-languages'), min(selection))
    END AS selection,
    avg(value ORDER BY value) FILTER (WHERE status = 'paired') AS value,
    avg(direct_value ORDER BY direct_value) AS direct_value,
    avg(delta ORDER BY delta) AS delta,
    stddev_samp(delta ORDER BY delta) AS delta_sd,
    min(delta) AS delta_min,
    max(delta) AS delta_max,
    count(delta) AS seeds,
    count(seed) > 0 AS seed_known,
    count(*) FILTER (WHERE delta > 0) AS seeds_up,
    count(*) FILTER (WHERE delta < 0) AS seeds_down,
    count(*) FILTER (WHERE status <> 'paired') AS seeds_without_baseline,
    CASE WHEN count(delta) > 0 THEN min(n) FILTER (WHERE status = 'paired') ELSE min(n) END AS n,
    CASE WHEN count(delta) > 0 THEN 'paired' ELSE min(status) END AS status
FROM transfer_delta
GROUP BY ALL
