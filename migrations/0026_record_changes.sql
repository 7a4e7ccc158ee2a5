-- What has become of records: a row for each change and each deletion, for 90 days. No key leads to tables: a table is dropped
-- at once, and its rows here go in batches. id: in the order of the changes of a record. execution_id: of the run whose step
-- wrote, empty if none did. fields: JSON, by the name of each field that changed its value before and after, [before, after].
CREATE TABLE record_changes (
    table_id     TEXT NOT NULL,
    id           TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    record_id    TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('updated', 'deleted')),
    at           BIGINT NOT NULL,
    by_whom      TEXT NOT NULL,
    execution_id TEXT,
    fields       TEXT NOT NULL,
    PRIMARY KEY (table_id, id)
);

CREATE INDEX record_changes_record ON record_changes (table_id, record_id, id);
