-- deleted_at: nobody can enter the workspace any more; what is in it goes, piece by piece, and its row last.
ALTER TABLE workspaces ADD COLUMN deleted_at BIGINT;
CREATE INDEX workspaces_deleted ON workspaces (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE workspace_groups (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    group_id     TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    role         TEXT NOT NULL CHECK (role IN ('Viewer', 'Contributor', 'Owner')),
    PRIMARY KEY (workspace_id, group_id)
);
CREATE INDEX workspace_groups_group ON workspace_groups (group_id);
