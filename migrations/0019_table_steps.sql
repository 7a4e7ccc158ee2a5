-- What steps of runs have written to tables of their workspace: one row for each step that has done so, written in the
-- transaction of the write, so that a step that is begun again finds it and does not write twice. replacements: how often
-- somebody has replaced the step's inputs. output: what the step answers, as JSON.
CREATE TABLE table_steps (
    execution_id TEXT NOT NULL,
    path         TEXT NOT NULL,
    replacements BIGINT NOT NULL,
    output       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    CONSTRAINT table_steps_pkey PRIMARY KEY (execution_id, path, replacements)
);
