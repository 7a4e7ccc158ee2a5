-- A run can have a name of its own, and knows the editor's session that it tests for. '' is none.
ALTER TABLE executions ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN updated_by TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN test_session_id TEXT NOT NULL DEFAULT '';
