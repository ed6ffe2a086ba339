-- Credentials beside client secrets and passwords. All but the used assertions go with the object that they are of.

-- Certificates of applications and of service principals: only the public part.
CREATE TABLE certificates (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    key_id BLOB NOT NULL,
    -- DER.
    certificate BLOB NOT NULL,
    display_name TEXT,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, key_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- A key id is of one object.
CREATE UNIQUE INDEX certificates_by_key ON certificates (tenant_id, key_id);

-- What ends soon is asked every day, over all tenants.
CREATE INDEX certificates_by_end ON certificates (end_at);
CREATE INDEX client_secrets_by_end ON client_secrets (end_at);

-- Outside tokens that an application, or a managed identity, is trusted to present.
CREATE TABLE federated_credentials (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    -- The name in lower case: unique for an object.
    name_key TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- A JSON list.
    audiences TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE UNIQUE INDEX federated_credentials_by_name ON federated_credentials (tenant_id, object_id, name_key);
CREATE UNIQUE INDEX federated_credentials_by_subject ON federated_credentials (tenant_id, object_id, issuer, subject);

-- Whether a user has to choose another password at the next sign-in.
ALTER TABLE user_passwords ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;

-- Secrets of one-time passwords, sealed with a key of the server. At most one that counts and one that is being
-- set up for each user.
CREATE TABLE one_time_passwords (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    -- 0 until the user has shown a code of it.
    confirmed INTEGER NOT NULL,
    secret BLOB NOT NULL,
    -- The last step whose code was accepted: no code is good twice.
    used_step INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, confirmed),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Passkeys (WebAuthn) of users: only the public part.
CREATE TABLE passkeys (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    credential_id BLOB NOT NULL,
    -- A COSE key.
    public_key BLOB NOT NULL,
    -- The authenticator's counter at its last use; 0 if it has none.
    counter INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, credential_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE UNIQUE INDEX passkeys_by_credential ON passkeys (tenant_id, credential_id);

-- Assertions of applications that were used, until they end: each is good once, also after a restart.
CREATE TABLE used_assertions (
    -- The client that it signed in, by its application or, where that is elsewhere, its service principal.
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    -- The key id of the certificate that signed it: the client may have chosen it.
    key_id BLOB NOT NULL,
    -- The SHA-256 of its own name (`jti`), or of the whole assertion if it has none.
    assertion BLOB NOT NULL,
    -- In seconds.
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, key_id, assertion)
) WITHOUT ROWID;

CREATE INDEX used_assertions_by_end ON used_assertions (expires_at);
