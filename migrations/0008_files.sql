-- Files that steps of runs have left. content: JSON; that of a text is the text itself, which may hold what no
-- database takes as a text. No reference to executions, whose rows their owners lock.
CREATE TABLE files (
    execution_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    path         TEXT NOT NULL,
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    content      TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (execution_id, id)
);
