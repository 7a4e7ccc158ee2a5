-- Lists of runs of one state, of a workflow or of the whole workspace, the newest first: without these a state that is
-- rare is looked for in the whole history. The plain column at the end lets PostgreSQL count by the index alone.
CREATE INDEX executions_workflow_state
    ON executions (workspace_id, workflow_id, state, COALESCE(started_at, 0), id, started_at);
CREATE INDEX executions_state ON executions (workspace_id, state, COALESCE(started_at, 0), id, started_at);
