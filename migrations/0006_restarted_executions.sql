-- The run that a run goes on from, and the path of the step that it begins with.
ALTER TABLE executions ADD COLUMN restarted_from_execution_id TEXT;
ALTER TABLE executions ADD COLUMN restarted_from_step TEXT NOT NULL DEFAULT '';
