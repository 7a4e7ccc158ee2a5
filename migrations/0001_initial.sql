-- The first schema, one text for SQLite and PostgreSQL. Ids are UUIDs as text, instants are milliseconds since
-- the epoch, JSON and enums are text, enums with a CHECK. Unique keys have no names of their own, so that both
-- engines can report them by PostgreSQL's default names.

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE workspaces (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL,
    UNIQUE (tenant_id, name)
);

CREATE TABLE users (
    id                   TEXT PRIMARY KEY,
    tenant_id            TEXT NOT NULL REFERENCES tenants (id),
    email                TEXT NOT NULL,
    name                 TEXT NOT NULL,
    tenant_role          TEXT NOT NULL CHECK (tenant_role IN ('Tenant Guest', 'Consumer', 'Builder', 'Admin')),
    status               TEXT NOT NULL CHECK (status IN ('Active', 'Inactive', 'Invited', 'Invitation Expired')),
    default_workspace_id TEXT REFERENCES workspaces (id) ON DELETE SET NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    UNIQUE (tenant_id, email)
);
CREATE INDEX users_default_workspace ON users (default_workspace_id) WHERE default_workspace_id IS NOT NULL;

CREATE TABLE workspace_members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role         TEXT NOT NULL CHECK (role IN ('Viewer', 'Contributor', 'Owner')),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX workspace_members_user ON workspace_members (user_id);

-- key_hash: of the key, which is not stored. hint: its first characters, for people.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    key_hash     TEXT NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at   BIGINT
);
CREATE INDEX api_keys_user ON api_keys (user_id);

-- The tenant's own types; the built-in ones ship with the program and are not rows.
CREATE TABLE connection_types (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    UNIQUE (tenant_id, name)
);

-- attributes: exactly the public JSON, secrets as masks. sealed: field -> sealed text. row_version: up by one at
-- each change; the ETag, and part of what the sealed texts are bound to.
CREATE TABLE connections (
    id                   TEXT PRIMARY KEY,
    tenant_id            TEXT NOT NULL REFERENCES tenants (id),
    workspace_id         TEXT NOT NULL REFERENCES workspaces (id),
    name                 TEXT NOT NULL,
    display_name         TEXT NOT NULL,
    full_name            TEXT NOT NULL,
    description          TEXT NOT NULL,
    connection_type_id   TEXT NOT NULL,
    type_name            TEXT NOT NULL,
    status               TEXT NOT NULL,
    external_id          TEXT NOT NULL,
    secret_manager       TEXT NOT NULL,
    creation_method      TEXT NOT NULL,
    creation_location    TEXT NOT NULL,
    created_with_o_auth  BOOLEAN NOT NULL,
    active               BOOLEAN NOT NULL,
    tags                 TEXT NOT NULL,
    attributes           TEXT NOT NULL,
    sealed               TEXT NOT NULL,
    data_key_version     BIGINT NOT NULL,
    row_version          BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    created_by           TEXT NOT NULL,
    updated_at           BIGINT NOT NULL,
    updated_by           TEXT NOT NULL,
    UNIQUE (tenant_id, name)
);
CREATE INDEX connections_workspace ON connections (workspace_id, name, id);
CREATE INDEX connections_type ON connections (tenant_id, connection_type_id);

-- wrapped: the data key under the master key that master_key_id names.
CREATE TABLE data_keys (
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,
    wrapped       TEXT NOT NULL,
    master_key_id TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, version)
);

-- Progress of `nictate keys rotate`: the connections of a workspace up to `done_to` carry `version`.
CREATE TABLE key_rotations (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    version      BIGINT NOT NULL,
    done_to      TEXT NOT NULL,
    resealed     BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT
);

CREATE TABLE workflows (
    id                TEXT PRIMARY KEY,
    tenant_id         TEXT NOT NULL REFERENCES tenants (id),
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    name              TEXT NOT NULL,
    description       TEXT NOT NULL,
    automation_type   TEXT NOT NULL,
    active            BOOLEAN NOT NULL,
    pack_id           TEXT,
    tags              TEXT NOT NULL,
    type              TEXT NOT NULL,
    version           TEXT NOT NULL,
    runner            TEXT NOT NULL,
    draft_version     BIGINT NOT NULL,
    published_version BIGINT,
    row_version       BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    created_by        TEXT NOT NULL,
    updated_at        BIGINT NOT NULL,
    updated_by        TEXT NOT NULL,
    UNIQUE (workspace_id, name)
);

-- Documents by the hash of their text: a run is pinned to one, whatever becomes of its workflow.
CREATE TABLE documents (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    hash         TEXT NOT NULL,
    text         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);

CREATE TABLE workflow_versions (
    workflow_id   TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    workspace_id  TEXT NOT NULL,
    branch        TEXT NOT NULL CHECK (branch IN ('draft', 'public')),
    version       BIGINT NOT NULL,
    hash          TEXT NOT NULL,
    branched_from BIGINT,
    source        TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    PRIMARY KEY (workflow_id, branch, version),
    FOREIGN KEY (workspace_id, hash) REFERENCES documents (workspace_id, hash)
);

-- Which connections the newest document of each branch names.
CREATE TABLE workflow_connections (
    workflow_id     TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    workspace_id    TEXT NOT NULL,
    branch          TEXT NOT NULL CHECK (branch IN ('draft', 'public')),
    connection_type TEXT NOT NULL,
    connection_name TEXT NOT NULL,
    PRIMARY KEY (workflow_id, branch, connection_type, connection_name)
);
CREATE INDEX workflow_connections_name ON workflow_connections (connection_name);

-- Written when a run starts and when it ends; in between the journal tells. No reference to workflows: runs
-- outlive them.
CREATE TABLE executions (
    id                  TEXT PRIMARY KEY,
    tenant_id           TEXT NOT NULL,
    workspace_id        TEXT NOT NULL,
    workflow_id         TEXT NOT NULL,
    workflow_name       TEXT NOT NULL,
    document_hash       TEXT NOT NULL,
    branch              TEXT NOT NULL CHECK (branch IN ('draft', 'public')),
    workflow_version    BIGINT NOT NULL,
    execution_number    BIGINT NOT NULL,
    trigger_type        TEXT NOT NULL,
    state               TEXT NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'paused', 'completed',
                                                       'failed', 'cancelled', 'timed_out')),
    inputs              TEXT NOT NULL,
    event               TEXT NOT NULL,
    outputs             TEXT,
    step_results        TEXT NOT NULL,
    error_code          TEXT,
    error_message       TEXT,
    cancel_reason       TEXT,
    execution_depth     BIGINT NOT NULL,
    parent_execution_id TEXT,
    created_at          BIGINT NOT NULL,
    created_by          TEXT NOT NULL,
    started_at          BIGINT,
    finished_at         BIGINT,
    net_runtime_ms      BIGINT NOT NULL,
    seed                TEXT NOT NULL,
    owner_server_id     TEXT,
    owner_epoch         BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
-- What has not started sorts as the oldest; the expression is the one that lists sort by.
CREATE INDEX executions_started ON executions (workspace_id, COALESCE(started_at, 0), id);
CREATE INDEX executions_created ON executions (workspace_id, created_at, id);
CREATE INDEX executions_workflow ON executions (workspace_id, workflow_id, COALESCE(started_at, 0), id);
CREATE INDEX executions_unfinished ON executions (owner_server_id, id)
    WHERE state IN ('queued', 'running', 'waiting', 'paused');

-- The last number that a run of the workflow got. Apart from workflows, whose rows should not churn.
CREATE TABLE execution_numbers (
    workflow_id TEXT PRIMARY KEY,
    last        BIGINT NOT NULL
);

-- What each run decided, in order. No reference to executions: an append holds a lock on that row already, and
-- a reference would take a second one.
CREATE TABLE journal (
    execution_id TEXT NOT NULL,
    seq          BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    body         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (execution_id, seq)
);

CREATE TABLE servers (
    id          TEXT PRIMARY KEY,
    started_at  BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    version     TEXT NOT NULL
);

CREATE TABLE audit_log (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    workspace_id TEXT,
    at           BIGINT NOT NULL,
    actor_type   TEXT NOT NULL CHECK (actor_type IN ('user', 'execution', 'system')),
    actor_id     TEXT NOT NULL,
    action       TEXT NOT NULL,
    entity_type  TEXT NOT NULL,
    entity_id    TEXT NOT NULL,
    host         TEXT,
    details      TEXT NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (tenant_id, at, id);
CREATE INDEX audit_log_entity ON audit_log (tenant_id, entity_type, entity_id, at);
