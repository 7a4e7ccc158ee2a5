-- Runs of the past that are out of sight already, while their journals and files go in small batches. No reference to
-- executions: their rows are gone.
CREATE TABLE deleted_runs (
    execution_id TEXT PRIMARY KEY,
    deleted_at   BIGINT NOT NULL
);
