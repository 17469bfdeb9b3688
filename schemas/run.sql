CREATE TABLE run (
    run_id            VARCHAR NOT NULL CHECK (regexp_full_match(run_id, '[0-9a-f]{24}')),
    kind              VARCHAR NOT NULL CHECK (kind IN ('run', 'external')),
    model             VARCHAR NOT NULL CHECK (model <> ''),
    model_revision    VARCHAR NOT NULL CHECK (model_revision <> ''),
    parameters        BIGINT CHECK (parameters >= 0),
    intermediate      VARCHAR NOT NULL CHECK (intermediate <> ''),
    target            VARCHAR NOT NULL CHECK (target <> ''),
    train_language    VARCHAR NOT NULL CHECK (train_language <> ''),
    seed              BIGINT CHECK (seed >= 0),
    target_revision   VARCHAR NOT NULL CHECK (target_revision <> ''),
    intermediate_revision VARCHAR NOT NULL CHECK (intermediate_revision <> ''),
    recipe            VARCHAR NOT NULL CHECK (json_valid(recipe)),
    recipe_id         VARCHAR NOT NULL CHECK (recipe_id <> ''),
    selection         VARCHAR CHECK (selection IN ('last step', 'train-language', 'target-languages')),
    study             VARCHAR CHECK (json_valid(study)),
    stack             VARCHAR NOT NULL CHECK (stack <> ''),
    source            VARCHAR NOT NULL CHECK (source <> ''),
    source_version    VARCHAR NOT NULL CHECK (source_version <> ''),
    source_sha256     VARCHAR CHECK (regexp_full_match(source_sha256, '[0-9a-f]{64}')),
    relationship      VARCHAR NOT NULL CHECK (relationship IN ('first party', 'third party', 'collaborative', 'other')),
    identity          VARCHAR CHECK (regexp_full_match(identity, '[0-9a-f]{24}')),
    version           BIGINT CHECK (version > 0),
    trained_examples  BIGINT CHECK (trained_examples >= 0),
    packages          VARCHAR CHECK (json_valid(packages)),
    hardware          VARCHAR CHECK (hardware <> ''),
    started           TIMESTAMPTZ,
    finished          TIMESTAMPTZ,
    PRIMARY KEY (run_id),
    CHECK (kind = 'external' OR seed IS NOT NULL),
    CHECK (kind = 'external' OR (started IS NOT NULL AND finished IS NOT NULL AND started <= finished)),
    CHECK ((kind = 'external') = (identity IS NOT NULL)),
    CHECK ((kind = 'external') = (version IS NOT NULL)),
    CHECK (intermediate <> target)
);
COMMENT ON TABLE run IS 'One row a run: one system (model, intermediate, target, train_language, seed) under stated conditions. Written last: it marks the run complete.';
COMMENT ON COLUMN run.run_id IS 'First 24 hex digits of the SHA-256 of the key and its conditions; repeating a run gives the same id';
COMMENT ON COLUMN run.kind IS 'run: made here by xbench; external: ingested';
COMMENT ON COLUMN run.model IS 'Encoder, as named on the Hugging Face hub, in the source, or a local folder';
COMMENT ON COLUMN run.model_revision IS 'Commit, package version or content hash of the weights; unknown where a source does not say';
COMMENT ON COLUMN run.parameters IS 'Number of parameters of the encoder, embeddings included';
COMMENT ON COLUMN run.intermediate IS 'Intermediate task; none is the direct baseline';
COMMENT ON COLUMN run.target IS 'Target task';
COMMENT ON COLUMN run.train_language IS 'Language of the labels in training (BCP 47), several with a plus between them; none without training, unknown where a source does not say';
COMMENT ON COLUMN run.seed IS 'Random seed; NULL only where a source does not say';
COMMENT ON COLUMN run.target_revision IS 'Revision or content hash of the target data; where the step was selected on target languages and the data is in a folder, then dev and that of their development data';
COMMENT ON COLUMN run.intermediate_revision IS 'Revision or content hash of the intermediate data; none for the direct baseline';
COMMENT ON COLUMN run.recipe IS 'Hyper-parameters of all phases, canonical JSON';
COMMENT ON COLUMN run.recipe_id IS 'Hash of recipe; part of what makes two runs comparable';
COMMENT ON COLUMN run.selection IS 'Which step counts: the last one, or the best on development data of the training language, or of the target languages, which is not zero-shot; NULL where a source does not say';
COMMENT ON COLUMN run.study IS 'The study file that asked for it, JSON; NULL for ingested runs';
COMMENT ON COLUMN run.stack IS 'Training and evaluation code that made the numbers';
COMMENT ON COLUMN run.source IS 'Who says so: xbench itself, a paper, a repository';
COMMENT ON COLUMN run.source_version IS 'Version of the source: of xbench, of the paper, a commit';
COMMENT ON COLUMN run.source_sha256 IS 'SHA-256 of the ingested file; NULL for our own runs';
COMMENT ON COLUMN run.relationship IS 'first party: measured by who reports it; third party: quoted from another; or as the source puts it';
COMMENT ON COLUMN run.identity IS 'Of ingested runs: hash of all but the numbers; runs that share it are versions of one claim. NULL for our own';
COMMENT ON COLUMN run.version IS 'Of ingested runs: 1 for the first numbers of an identity, one more for each change; only the newest counts';
COMMENT ON COLUMN run.trained_examples IS 'Examples seen in gradient steps over all phases, at most: patience may end one earlier; 0 means that the seed changes nothing';
COMMENT ON COLUMN run.packages IS 'Versions of python, torch, transformers and xbench, JSON';
COMMENT ON COLUMN run.hardware IS 'Processor or accelerator, and threads';
COMMENT ON COLUMN run.started IS 'Start, with time zone';
COMMENT ON COLUMN run.finished IS 'End, with time zone';
