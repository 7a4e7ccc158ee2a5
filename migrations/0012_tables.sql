-- Tables of workspaces. The records of a table lie in a table of their own, `records_` and the id without hyphens, whose
-- columns are named by number: nothing that a user wrote is ever an identifier. next_column: the number of the next
-- field's column; numbers are not given twice. settings, attributes: JSON objects.
CREATE TABLE tables (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    settings     TEXT NOT NULL,
    next_column  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE TABLE table_fields (
    id                 TEXT PRIMARY KEY,
    table_id           TEXT NOT NULL REFERENCES tables (id),
    workspace_id       TEXT NOT NULL,
    name               TEXT NOT NULL,
    display_name       TEXT NOT NULL,
    description        TEXT NOT NULL,
    type               TEXT NOT NULL CHECK (type IN ('text', 'long-text', 'number', 'duration', 'risk-level', 'checkbox',
        'single-select', 'multi-select', 'list', 'reference', 'status', 'user', 'date', 'button', 'sla', 'vendor',
        'vendors')),
    attributes         TEXT NOT NULL,
    column_number      BIGINT NOT NULL,
    reference_table_id TEXT REFERENCES tables (id),
    created_at         BIGINT NOT NULL,
    created_by         TEXT NOT NULL,
    updated_at         BIGINT NOT NULL,
    updated_by         TEXT NOT NULL,
    UNIQUE (table_id, name)
);
CREATE INDEX table_fields_reference ON table_fields (reference_table_id);
