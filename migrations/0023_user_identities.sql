-- Which user a person is whom a provider of single sign-on knows. subject: what the provider calls them, for ever.
CREATE TABLE user_identities (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    UNIQUE (user_id, issuer)
);

-- issuer: the provider that vouched when the session began; '' is none, but a password.
ALTER TABLE sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
