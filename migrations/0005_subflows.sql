-- Runs that other runs call. async_parent_execution_id: the one that called and does not wait; top_execution_id: where
-- it all began, none in that run itself.
ALTER TABLE executions ADD COLUMN async_parent_execution_id TEXT;
ALTER TABLE executions ADD COLUMN top_execution_id TEXT;
ALTER TABLE executions ADD COLUMN top_started_at BIGINT;
CREATE INDEX executions_parent ON executions (workspace_id, parent_execution_id)
    WHERE parent_execution_id IS NOT NULL;
CREATE INDEX executions_async_parent ON executions (workspace_id, async_parent_execution_id)
    WHERE async_parent_execution_id IS NOT NULL;

-- Before that a queued run is left alone; none: it waits for its turn only.
ALTER TABLE queued_runs ADD COLUMN begins_at BIGINT;

-- Runs that are to stop, because their callers no longer wait for them, and may not have yet. No reference to
-- executions, whose rows their owners lock.
CREATE TABLE unwanted_runs (
    execution_id TEXT PRIMARY KEY,
    requested_at BIGINT NOT NULL
);
CREATE INDEX unwanted_runs_requested ON unwanted_runs (requested_at);
