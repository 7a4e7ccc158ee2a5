-- The bodies of the journal's lines that are large, compressed (zlib); the line's own body is empty then. size_bytes: of the
-- body before. No reference to the journal: both are written and deleted together.
CREATE TABLE journal_bodies (
    execution_id TEXT NOT NULL,
    seq          BIGINT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    packed       BYTEA NOT NULL,
    PRIMARY KEY (execution_id, seq)
);
