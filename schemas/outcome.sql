CREATE TABLE outcome (
    run_id            VARCHAR NOT NULL CHECK (regexp_full_match(run_id, '[0-9a-f]{24}')),
    model             VARCHAR NOT NULL CHECK (model <> ''),
    intermediate      VARCHAR NOT NULL CHECK (intermediate <> ''),
    target            VARCHAR NOT NULL CHECK (target <> ''),
    train_language    VARCHAR NOT NULL CHECK (train_language <> ''),
    language          VARCHAR NOT NULL CHECK (language <> ''),
    seed              BIGINT CHECK (seed >= 0),
    split             VARCHAR NOT NULL CHECK (split IN ('dev', 'test')),
    example_id        VARCHAR NOT NULL CHECK (example_id <> ''),
    cluster_id        VARCHAR NOT NULL CHECK (cluster_id <> ''),
    metric            VARCHAR NOT NULL CHECK (metric <> ''),
    scorer            VARCHAR NOT NULL CHECK (scorer <> ''),
    numerator         DOUBLE NOT NULL CHECK (isfinite(numerator) AND numerator >= 0),
    denominator       DOUBLE NOT NULL CHECK (isfinite(denominator) AND denominator >= 0),
    PRIMARY KEY (run_id, language, split, example_id, metric, scorer),
    CHECK (numerator <= denominator)
);
COMMENT ON TABLE outcome IS 'One row an example and metric: its share in a score, which is sum(numerator) / sum(denominator).';
COMMENT ON COLUMN outcome.run_id IS 'The run this row belongs to';
COMMENT ON COLUMN outcome.model IS 'As in run';
COMMENT ON COLUMN outcome.intermediate IS 'As in run; none is the direct baseline';
COMMENT ON COLUMN outcome.target IS 'As in run';
COMMENT ON COLUMN outcome.train_language IS 'As in run';
COMMENT ON COLUMN outcome.language IS 'Language of the evaluated examples (ISO 639-1, or BCP 47 where a script or region matters)';
COMMENT ON COLUMN outcome.seed IS 'As in run';
COMMENT ON COLUMN outcome.split IS 'dev: used for choices, in the training language; test: reported';
COMMENT ON COLUMN outcome.example_id IS 'As in prediction';
COMMENT ON COLUMN outcome.cluster_id IS 'As in prediction';
COMMENT ON COLUMN outcome.metric IS 'What is measured: accuracy, f1, exact_match';
COMMENT ON COLUMN outcome.scorer IS 'Name and version of the rule that measured it';
COMMENT ON COLUMN outcome.numerator IS 'accuracy: correct items; span f1: 2 x true positives; answer f1: token F1';
COMMENT ON COLUMN outcome.denominator IS 'accuracy: items; span f1: predicted + gold spans; answer f1: 1';
