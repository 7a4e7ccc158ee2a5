-- seal: the number of the seal over the entry; none for the newest, of the last moments.
ALTER TABLE audit_log ADD COLUMN seal BIGINT;
CREATE INDEX audit_log_unsealed ON audit_log (tenant_id, id) WHERE seal IS NULL;
CREATE INDEX audit_log_sealed ON audit_log (tenant_id, seal, id) WHERE seal IS NOT NULL;

-- A chain: root is the hash over the entries, head that over the head before, the number, how many entries, and the root.
-- All in hex.
CREATE TABLE audit_seals (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    number    BIGINT NOT NULL,
    entries   BIGINT NOT NULL,
    root      TEXT NOT NULL,
    previous  TEXT NOT NULL,
    head      TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, number)
);
