-- What steps of runs have said while they ran: one row for each attempt that said something. lines: a JSON list of
-- [milliseconds, text], the last ones if there were more than are kept; dropped: how many were not. size_bytes: of lines.
CREATE TABLE step_logs (
    execution_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    path         TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    lines        TEXT NOT NULL,
    dropped      BIGINT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (execution_id, id)
);
