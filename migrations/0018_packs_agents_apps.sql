-- Folders of workflows. folded_name: the display name in lower case, by which names are kept apart. The pack of the same
-- id as its workspace takes whatever names no pack; it is made when it is first needed.
CREATE TABLE automation_packs (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    folded_name  TEXT NOT NULL,
    description  TEXT NOT NULL,
    tags         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL,
    UNIQUE (workspace_id, folded_name)
);
-- Until now a workflow could name any pack, and none existed.
INSERT INTO automation_packs (id, tenant_id, workspace_id, name, display_name, folded_name, description, tags, created_at,
                              created_by, updated_at, updated_by)
SELECT w.id, w.tenant_id, w.id, 'default', 'Default', 'default', '', '[]', w.created_at, w.created_by, w.created_at,
       w.created_by
FROM workspaces w
WHERE EXISTS (SELECT 1 FROM workflows f WHERE f.workspace_id = w.id);
UPDATE workflows SET pack_id = workspace_id;
CREATE INDEX workflows_pack ON workflows (workspace_id, pack_id);

-- Folders of agents, as those of workflows.
CREATE TABLE agent_packs (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    folded_name  TEXT NOT NULL,
    description  TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL,
    UNIQUE (workspace_id, folded_name)
);

-- folded_name: absent while the agent has no name. draft, published: the newest version of each branch as JSON; numbers
-- count them. row_version: up by one at each change.
CREATE TABLE agents (
    id                TEXT PRIMARY KEY,
    tenant_id         TEXT NOT NULL REFERENCES tenants (id),
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    pack_id           TEXT NOT NULL REFERENCES agent_packs (id),
    name              TEXT NOT NULL,
    folded_name       TEXT,
    title             TEXT NOT NULL,
    description       TEXT NOT NULL,
    draft             TEXT NOT NULL,
    draft_number      BIGINT NOT NULL,
    published         TEXT,
    published_number  BIGINT NOT NULL,
    row_version       BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    created_by        TEXT NOT NULL,
    updated_at        BIGINT NOT NULL,
    updated_by        TEXT NOT NULL,
    UNIQUE (workspace_id, folded_name)
);
CREATE INDEX agents_pack ON agents (pack_id);

CREATE TABLE agent_versions (
    agent_id     TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL,
    branch       TEXT NOT NULL CHECK (branch IN ('draft', 'public')),
    version      BIGINT NOT NULL,
    body         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    PRIMARY KEY (agent_id, branch, version)
);

-- Dashboards. categories: a JSON list of words. icon: the name of a collection of actions.
CREATE TABLE apps (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    icon         TEXT NOT NULL,
    categories   TEXT NOT NULL,
    is_portal    BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT NOT NULL,
    UNIQUE (workspace_id, display_name)
);

-- What an app shows. attributes, display_config: JSON objects as they were sent, with what the server fills in.
CREATE TABLE app_resources (
    id             TEXT PRIMARY KEY,
    app_id         TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    workspace_id   TEXT NOT NULL,
    type           TEXT NOT NULL CHECK (type IN ('table', 'table_data', 'filter', 'textbox', 'flow', 'html')),
    attributes     TEXT NOT NULL,
    display_config TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    created_by     TEXT NOT NULL,
    updated_at     BIGINT NOT NULL,
    updated_by     TEXT NOT NULL
);
CREATE INDEX app_resources_app ON app_resources (app_id, created_at, id);
