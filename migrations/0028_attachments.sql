-- Files of records. A value of a field of type `attachment` is a JSON object that begins with the content's SHA-256, and is
-- indexed: which records refer to a content is a look-up. The check of the types can only be widened by making the table anew.
CREATE TABLE table_fields_before AS
    SELECT id, table_id, workspace_id, name, display_name, description, type, attributes, column_number, reference_table_id,
        created_at, created_by, updated_at, updated_by
    FROM table_fields;
DROP TABLE table_fields;
CREATE TABLE table_fields (
    id                 TEXT PRIMARY KEY,
    table_id           TEXT NOT NULL REFERENCES tables (id),
    workspace_id       TEXT NOT NULL,
    name               TEXT NOT NULL,
    display_name       TEXT NOT NULL,
    description        TEXT NOT NULL,
    type               TEXT NOT NULL CHECK (type IN ('text', 'long-text', 'number', 'duration', 'risk-level', 'checkbox',
        'single-select', 'multi-select', 'list', 'reference', 'status', 'user', 'date', 'button', 'sla', 'vendor',
        'vendors', 'attachment')),
    attributes         TEXT NOT NULL,
    column_number      BIGINT NOT NULL,
    reference_table_id TEXT REFERENCES tables (id),
    created_at         BIGINT NOT NULL,
    created_by         TEXT NOT NULL,
    updated_at         BIGINT NOT NULL,
    updated_by         TEXT NOT NULL,
    UNIQUE (table_id, name)
);
INSERT INTO table_fields (id, table_id, workspace_id, name, display_name, description, type, attributes, column_number,
        reference_table_id, created_at, created_by, updated_at, updated_by)
    SELECT id, table_id, workspace_id, name, display_name, description, type, attributes, column_number, reference_table_id,
        created_at, created_by, updated_at, updated_by
    FROM table_fields_before;
DROP TABLE table_fields_before;
CREATE INDEX table_fields_reference ON table_fields (reference_table_id);
CREATE INDEX table_fields_attachment ON table_fields (workspace_id) WHERE type = 'attachment';

-- Contents of files: one row for each content of a workspace, and one for each that is being removed. state: `pending` until a
-- record has referred to it, `deleting` from when nothing does; such a row never comes back, and its id, which is part of the
-- name under which the content lies, is never used again. touched_at: when somebody last wanted it; looked_at: when it was last
-- found to be referred to, 0 for soon. No reference to workspaces: a content outlives its workspace until it is removed.
CREATE TABLE blobs (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'stored', 'deleting')),
    touched_at   BIGINT NOT NULL,
    looked_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX blobs_live ON blobs (workspace_id, sha256) WHERE state <> 'deleting';
CREATE INDEX blobs_due ON blobs (looked_at) WHERE state <> 'deleting';
CREATE INDEX blobs_deleting ON blobs (id) WHERE state = 'deleting';
