-- Roles that a tenant makes of permissions. scope: whether people have them in the tenant or in workspaces; permissions:
-- a JSON list of names. The name is what others refer to it by, and never changes.
CREATE TABLE custom_roles (
    id          TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    scope       TEXT NOT NULL CHECK (scope IN ('tenant', 'workspace')),
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT NOT NULL,
    UNIQUE (tenant_id, name)
);

-- The custom role instead of the one in the column beside it, which holds the weakest then.
ALTER TABLE users ADD COLUMN custom_role TEXT;
ALTER TABLE invites ADD COLUMN custom_role TEXT;
ALTER TABLE workspace_members ADD COLUMN custom_role TEXT;
ALTER TABLE workspace_groups ADD COLUMN custom_role TEXT;
