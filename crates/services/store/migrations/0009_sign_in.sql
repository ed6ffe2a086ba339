-- Sign-in: browsers in which users are signed in, what came of it for clients, and the log of it. Cookies, codes
-- and tokens are kept as a SHA-256 only: each holds enough randomness for a fast hash.

-- A browser in which a user is signed in.
CREATE TABLE browser_sessions (
    -- The cookie's hash.
    handle BLOB PRIMARY KEY,
    id BLOB NOT NULL,
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    -- How the user signed in: words of RFC 8176, separated by spaces.
    methods TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX browser_sessions_of_user ON browser_sessions (tenant_id, user_id, signed_in_at);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);

-- A user's sign-in to a client. Whatever came of it, codes and tokens, ends with it.
CREATE TABLE sign_in_grants (
    id BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    methods TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- When the last thing that can come of it is over.
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    -- The refresh token that counts now: its hash, its number, what it is for. An older number is a second use.
    refresh_hash BLOB,
    refresh_number INTEGER NOT NULL,
    refresh_scope TEXT,
    -- Where the client acts on behalf of a user: the sign-in that it was shown a token of. It ends with that.
    parent_id BLOB REFERENCES sign_in_grants (id) ON DELETE CASCADE,
    -- When it, or one that ends with it, last gave a refresh token.
    used_at INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX sign_in_grants_of_user ON sign_in_grants (tenant_id, user_id, client_id, used_at);
-- A client acts on behalf of a sign-in by one of its own.
CREATE UNIQUE INDEX sign_in_grants_of_parent ON sign_in_grants (parent_id, client_id) WHERE parent_id IS NOT NULL;
CREATE INDEX sign_in_grants_by_end ON sign_in_grants (expires_at);

CREATE TABLE authorization_codes (
    handle BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES sign_in_grants (id) ON DELETE CASCADE,
    -- What the authorization request said, as JSON.
    request TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    redeemed_at INTEGER
) WITHOUT ROWID;

CREATE INDEX authorization_codes_of_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

-- Devices that wait for a user to enter their code elsewhere.
CREATE TABLE device_codes (
    handle BLOB PRIMARY KEY,
    -- What the user enters, without separators.
    user_code TEXT NOT NULL UNIQUE,
    -- NULL for `common`.
    tenant_id BLOB,
    client_id BLOB NOT NULL,
    -- What the device asked for, as JSON.
    request TEXT NOT NULL,
    -- Who asked, and the network that it counts for.
    address TEXT NOT NULL,
    network TEXT NOT NULL,
    -- `waiting`, `approved` or `declined`.
    state TEXT NOT NULL,
    grant_id BLOB REFERENCES sign_in_grants (id) ON DELETE CASCADE,
    -- Microseconds between two polls, and the last one.
    poll_interval INTEGER NOT NULL,
    polled_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX device_codes_of_network ON device_codes (network, expires_at);
CREATE INDEX device_codes_of_grant ON device_codes (grant_id);
CREATE INDEX device_codes_by_end ON device_codes (expires_at);

-- From when on a user's sign-ins count; older ones were revoked.
CREATE TABLE session_validity (
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    valid_from INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) WITHOUT ROWID;

-- The log of sign-ins (Microsoft Graph `auditLogs/signIns`).
CREATE TABLE sign_ins (
    tenant_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    id BLOB NOT NULL,
    -- `interactiveUser`, `nonInteractiveUser`, `servicePrincipal` or `managedIdentity`.
    kind TEXT NOT NULL,
    user_id BLOB,
    login TEXT,
    user_name TEXT,
    app_id BLOB,
    app_name TEXT,
    service_principal_id BLOB,
    resource_id BLOB,
    resource_name TEXT,
    address TEXT,
    client_app TEXT NOT NULL,
    correlation BLOB NOT NULL,
    -- The AADSTS code; 0 for a success.
    code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    methods TEXT NOT NULL,
    -- How many equal ones this row stands for.
    times INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, at, id)
) WITHOUT ROWID;

CREATE INDEX sign_ins_by_id ON sign_ins (tenant_id, id);
CREATE INDEX sign_ins_of_user ON sign_ins (tenant_id, user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX sign_ins_of_app ON sign_ins (tenant_id, app_id, at, id) WHERE app_id IS NOT NULL;
CREATE INDEX sign_ins_by_time ON sign_ins (at);
CREATE INDEX sign_ins_failed ON sign_ins (at) WHERE code <> 0;

-- From when on a key signs: it is published before.
ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
