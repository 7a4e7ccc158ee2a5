-- Runs of workflows that say how many may have one key at a time. Which of them are active is told by the state of
-- their rows in executions; a row of a run that has ended is forgotten at the next look at its key.
CREATE TABLE keyed_runs (
    execution_id TEXT PRIMARY KEY,
    workflow_id  TEXT NOT NULL,
    run_key      TEXT NOT NULL
);
CREATE INDEX keyed_runs_key ON keyed_runs (workflow_id, run_key, execution_id);
