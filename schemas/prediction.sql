CREATE TABLE prediction (
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
    reference         VARCHAR NOT NULL,
    prediction        VARCHAR,
    PRIMARY KEY (run_id, language, split, example_id)
);
COMMENT ON TABLE prediction IS 'One row an example: what the gold standard says and what the run predicted.';
COMMENT ON COLUMN prediction.run_id IS 'The run this row belongs to';
COMMENT ON COLUMN prediction.model IS 'As in run';
COMMENT ON COLUMN prediction.intermediate IS 'As in run; none is the direct baseline';
COMMENT ON COLUMN prediction.target IS 'As in run';
COMMENT ON COLUMN prediction.train_language IS 'As in run';
COMMENT ON COLUMN prediction.language IS 'Language of the evaluated examples (ISO 639-1, or BCP 47 where a script or region matters)';
COMMENT ON COLUMN prediction.seed IS 'As in run';
COMMENT ON COLUMN prediction.split IS 'dev: used for choices, in the training language; test: reported';
COMMENT ON COLUMN prediction.example_id IS 'Id of the example, unique within target, language and split';
COMMENT ON COLUMN prediction.cluster_id IS 'What to resample together; shared across languages where test items are translations of each other';
COMMENT ON COLUMN prediction.reference IS 'Gold answer: a label; labels joined by one space; a JSON list of accepted answers; the id of the right sentence';
COMMENT ON COLUMN prediction.prediction IS 'Predicted answer, written as the reference is (an answer text for questions); NULL: the system gave none, which scores 0';
