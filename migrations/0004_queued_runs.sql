-- What the start of a run that waits for its turn needs beyond its row in executions. There as long as it waits.
CREATE TABLE queued_runs (
    execution_id TEXT PRIMARY KEY,
    metadata     TEXT NOT NULL,
    run_time_ms  BIGINT NOT NULL
);
