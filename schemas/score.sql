CREATE TABLE score (
    run_id            VARCHAR NOT NULL CHECK (regexp_full_match(run_id, '[0-9a-f]{24}')),
    model             VARCHAR NOT NULL CHECK (model <> ''),
    intermediate      VARCHAR NOT NULL CHECK (intermediate <> ''),
    target            VARCHAR NOT NULL CHECK (target <> ''),
    train_language    VARCHAR NOT NULL CHECK (train_language <> ''),
    language          VARCHAR NOT NULL CHECK (language <> ''),
    language_set      VARCHAR CHECK (language_set <> ''),
    seed              BIGINT CHECK (seed >= 0),
    split             VARCHAR NOT NULL CHECK (split IN ('dev', 'test')),
    metric            VARCHAR NOT NULL CHECK (metric <> ''),
    scorer            VARCHAR NOT NULL CHECK (scorer <> ''),
    dataset_revision  VARCHAR NOT NULL CHECK (dataset_revision <> ''),
    value             DOUBLE NOT NULL CHECK (isfinite(value) AND value BETWEEN -1 AND 1),
    n                 BIGINT CHECK (n > 0),
    stderr            DOUBLE CHECK (isfinite(stderr) AND stderr >= 0),
    stderr_kind       VARCHAR CHECK (stderr_kind <> ''),
    evidence          VARCHAR NOT NULL CHECK (evidence IN ('outcomes', 'aggregate')),
    carried_from      VARCHAR CHECK (regexp_full_match(carried_from, '[0-9a-f]{24}')),
    UNIQUE (run_id, language, split, metric, scorer, language_set),  -- the key; NULL is a value of it, which SQL's UNIQUE does not ask
    CHECK ((language = 'mul') = (language_set IS NOT NULL)),
    CHECK (language <> 'mul' OR evidence = 'aggregate'),
    CHECK (value >= 0 OR evidence = 'aggregate'),
    CHECK ((stderr IS NULL) = (stderr_kind IS NULL)),
    CHECK (evidence = 'aggregate' OR n IS NOT NULL)
);
COMMENT ON TABLE score IS 'One row a language and metric of a run, as a fraction.';
COMMENT ON COLUMN score.run_id IS 'The run this row belongs to';
COMMENT ON COLUMN score.model IS 'As in run';
COMMENT ON COLUMN score.intermediate IS 'As in run; none is the direct baseline';
COMMENT ON COLUMN score.target IS 'As in run';
COMMENT ON COLUMN score.train_language IS 'As in run';
COMMENT ON COLUMN score.language IS 'Language of the evaluated examples (ISO 639-1, or BCP 47 where a script or region matters); a/b for a pair; mul for a mean that a source printed';
COMMENT ON COLUMN score.language_set IS 'For mul: the languages that the mean is over, sorted, with spaces; unknown where the source does not say';
COMMENT ON COLUMN score.seed IS 'As in run';
COMMENT ON COLUMN score.split IS 'dev: used for choices, in the training language; test: reported';
COMMENT ON COLUMN score.metric IS 'As in outcome';
COMMENT ON COLUMN score.scorer IS 'As in outcome; unknown where a source does not say';
COMMENT ON COLUMN score.dataset_revision IS 'Revision or content hash of the target data, as in target_revision but for development data';
COMMENT ON COLUMN score.value IS 'Fraction between 0 and 1, of correlations from elsewhere (Matthews, Spearman) between -1 and 1 (percent only on screen); from our runs sum(numerator) / sum(denominator) over outcome';
COMMENT ON COLUMN score.n IS 'Number of examples';
COMMENT ON COLUMN score.stderr IS 'Standard error where a source gives one';
COMMENT ON COLUMN score.stderr_kind IS 'How the source computed its standard error';
COMMENT ON COLUMN score.evidence IS 'outcomes: every example is stored; aggregate: only this number is known';
COMMENT ON COLUMN score.carried_from IS 'Of ingested runs: the earlier version that gave this number, where the file of this version did not repeat it';
