-- The mail of an invitation that is still to be sent; gone with the invitation. sealed: the
-- text, under a key from the key file, since it holds the code; another one when the invitation is renewed. due_at: when the
-- next try is; whoever puts it off has the mail until then.
CREATE TABLE invite_mails (
    invite_id TEXT PRIMARY KEY REFERENCES invites (id) ON DELETE CASCADE,
    sealed    TEXT NOT NULL,
    tries     BIGINT NOT NULL,
    due_at    BIGINT NOT NULL
);

CREATE INDEX invite_mails_due ON invite_mails (due_at);
