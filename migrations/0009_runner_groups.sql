-- Groups of runners. The embedded one of each workspace has the workspace's id, and no token. token_hash: of the token
-- that registers runners, which is not stored; hint: its first characters, for people. token_version: up by one whenever
-- the token changes; a link that began under another one is cut.
CREATE TABLE runner_groups (
    id            TEXT PRIMARY KEY,
    tenant_id     TEXT NOT NULL REFERENCES tenants (id),
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    is_default    BOOLEAN NOT NULL,
    tags          TEXT NOT NULL,
    token_hash    TEXT UNIQUE,
    token_hint    TEXT NOT NULL,
    token_version BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    updated_at    BIGINT NOT NULL,
    updated_by    TEXT NOT NULL,
    UNIQUE (workspace_id, name)
);
INSERT INTO runner_groups (id, tenant_id, workspace_id, name, is_default, tags, token_hash, token_hint, token_version,
                           created_at, created_by, updated_at, updated_by)
SELECT id, tenant_id, id, 'embedded', TRUE, '[]', NULL, '', 0, created_at, created_by, updated_at, updated_by
FROM workspaces;

-- Processes that have registered with a group. last_seen lags behind. server_id: which server has the link.
CREATE TABLE runners (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    group_id     TEXT NOT NULL REFERENCES runner_groups (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    version      TEXT NOT NULL,
    labels       TEXT NOT NULL,
    capacity     BIGINT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('connected', 'disconnected')),
    ip_address   TEXT NOT NULL,
    server_id    TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    last_seen    BIGINT NOT NULL,
    stopped_at   BIGINT
);
CREATE INDEX runners_workspace ON runners (workspace_id, name, id);
CREATE INDEX runners_group ON runners (group_id, last_seen);

-- Which groups the newest document of each branch names.
CREATE TABLE workflow_runner_groups (
    workflow_id  TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL,
    branch       TEXT NOT NULL CHECK (branch IN ('draft', 'public')),
    group_name   TEXT NOT NULL,
    PRIMARY KEY (workflow_id, branch, group_name)
);
CREATE INDEX workflow_runner_groups_name ON workflow_runner_groups (workspace_id, group_name);

-- runner_group: the name of the group whose runners may use the connection; empty: any.
ALTER TABLE connections ADD COLUMN runner_group TEXT NOT NULL DEFAULT '';
