-- What starts workflows when records of tables change: the triggers of each workflow's published version, in the order of its
-- document. filter: a filter of `q` as JSON; empty if every record will do.
CREATE TABLE record_triggers (
    workflow_id  TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    place        BIGINT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    table_id     TEXT NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    on_created   BOOLEAN NOT NULL,
    on_updated   BOOLEAN NOT NULL,
    on_deleted   BOOLEAN NOT NULL,
    filter       TEXT NOT NULL,
    PRIMARY KEY (workflow_id, place)
);
CREATE INDEX record_triggers_table ON record_triggers (table_id);

-- Runs that are to be started because a record has changed: written with the change, removed by the commit that accepts the
-- run. place: the event's among those of one write. payload: what the run reads, as JSON. chain: the workflows that led to
-- the change. due_at: when the next try is; whoever puts it off has the event until then.
CREATE TABLE record_events (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    workflow_id  TEXT NOT NULL,
    table_id     TEXT NOT NULL,
    record_id    TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
    place        BIGINT NOT NULL,
    payload      TEXT NOT NULL,
    chain        TEXT NOT NULL,
    tries        BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX record_events_due ON record_events (due_at, place, id);
CREATE INDEX record_events_workspace ON record_events (workspace_id);

-- The workflows whose runs have led to a run by changing records, and by calling others; its own is not among them.
ALTER TABLE executions ADD COLUMN chain TEXT NOT NULL DEFAULT '';
