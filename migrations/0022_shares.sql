-- What a workspace lends to other workspaces, to users and to groups. entity and target say what and to whom; beside them
-- stand the same ids once more, each in the column of its table, so that a share ends with either.
CREATE TABLE shares (
    id                  TEXT PRIMARY KEY,
    tenant_id           TEXT NOT NULL REFERENCES tenants (id),
    workspace_id        TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    entity_type         TEXT NOT NULL CHECK (entity_type IN ('connection', 'runner_group', 'workflow', 'portal-app')),
    entity_id           TEXT NOT NULL,
    target_type         TEXT NOT NULL CHECK (target_type IN ('workspace', 'user', 'group')),
    target_id           TEXT NOT NULL,
    connection_id       TEXT REFERENCES connections (id) ON DELETE CASCADE,
    runner_group_id     TEXT REFERENCES runner_groups (id) ON DELETE CASCADE,
    workflow_id         TEXT REFERENCES workflows (id) ON DELETE CASCADE,
    app_id              TEXT REFERENCES apps (id) ON DELETE CASCADE,
    target_workspace_id TEXT REFERENCES workspaces (id) ON DELETE CASCADE,
    target_user_id      TEXT REFERENCES users (id) ON DELETE CASCADE,
    target_group_id     TEXT REFERENCES user_groups (id) ON DELETE CASCADE,
    created_at          BIGINT NOT NULL,
    created_by          TEXT NOT NULL,
    UNIQUE (entity_id, target_id)
);
CREATE INDEX shares_workspace ON shares (workspace_id);
CREATE INDEX shares_target ON shares (target_id, entity_type);
CREATE INDEX shares_connection ON shares (connection_id) WHERE connection_id IS NOT NULL;
CREATE INDEX shares_runner_group ON shares (runner_group_id) WHERE runner_group_id IS NOT NULL;
CREATE INDEX shares_workflow ON shares (workflow_id) WHERE workflow_id IS NOT NULL;
CREATE INDEX shares_app ON shares (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX shares_target_workspace ON shares (target_workspace_id) WHERE target_workspace_id IS NOT NULL;
CREATE INDEX shares_target_user ON shares (target_user_id) WHERE target_user_id IS NOT NULL;
CREATE INDEX shares_target_group ON shares (target_group_id) WHERE target_group_id IS NOT NULL;
