-- How people sign in. A user without a row here has no password, and cannot sign in with one. must_change: whoever set
-- it was not the user.
CREATE TABLE user_passwords (
    user_id     TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    hash        TEXT NOT NULL,
    changed_at  BIGINT NOT NULL,
    must_change BOOLEAN NOT NULL
);
-- Addresses are looked up without regard to case.
CREATE INDEX users_email_lower ON users (tenant_id, lower(email));

-- Sessions of browsers. token_hash: of the cookie's token, which is not stored. mfa_passed: a second factor was shown.
CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    token_hash   TEXT NOT NULL UNIQUE,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    mfa_passed   BOOLEAN NOT NULL,
    peer         TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Links with which a password is set once. code_hash: of the code in the link, which is not stored.
CREATE TABLE password_resets (
    code_hash  TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);

-- Authenticators. secret: sealed. confirmed_at: none as long as the user has not shown a code. last_step: of the last
-- code that was taken; an earlier one is not taken again.
CREATE TABLE user_totp (
    user_id      TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    secret       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step    BIGINT NOT NULL
);

-- Codes for whoever has lost their authenticator; a row goes when its code is used.
CREATE TABLE recovery_codes (
    code_hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);

-- Failed sign-ins. subject: a hash of an account's address or of a network's, so that addresses which are nobody's are
-- not kept in the clear.
CREATE TABLE sign_in_failures (
    subject       TEXT PRIMARY KEY,
    failures      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);
