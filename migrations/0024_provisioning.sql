-- What the identity provider that made a user calls them.
ALTER TABLE users ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX users_tenant_id_external_id_key ON users (tenant_id, external_id);
