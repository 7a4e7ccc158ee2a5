-- Exact versions of the Python packages that steps of a document require, resolved once: whatever runs the document uses
-- these. requirements: a JSON list of texts; requirements_hash: SHA-256 of it, in hex. lock_text: as the crate `sandbox`
-- writes it.
CREATE TABLE package_locks (
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    document_hash     TEXT NOT NULL,
    requirements_hash TEXT NOT NULL,
    requirements      TEXT NOT NULL,
    lock_text         TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, document_hash, requirements_hash)
);
