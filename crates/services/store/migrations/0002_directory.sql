-- Directory objects: applications, service principals, users. What the product looks objects up by is a column;
-- the rest of an object is its document, in the shape of Microsoft Graph.
CREATE TABLE directory_objects (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    -- The client id, of applications and service principals.
    app_id BLOB,
    -- The user principal name in lower case, of users.
    login_key TEXT,
    display_name TEXT NOT NULL,
    -- The display name in lower case.
    name_key TEXT NOT NULL,
    -- `accountEnabled`; always 1 for applications.
    enabled INTEGER NOT NULL,
    doc TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

CREATE INDEX directory_objects_by_kind ON directory_objects (tenant_id, kind, id);
CREATE INDEX directory_objects_by_name ON directory_objects (tenant_id, kind, name_key, id);
CREATE UNIQUE INDEX directory_objects_by_app ON directory_objects (tenant_id, app_id, kind)
    WHERE app_id IS NOT NULL;
CREATE UNIQUE INDEX directory_objects_by_login ON directory_objects (tenant_id, login_key)
    WHERE login_key IS NOT NULL;
-- A client id names one application on the whole server.
CREATE UNIQUE INDEX applications_by_app ON directory_objects (app_id) WHERE kind = 'application';

-- Client secrets of applications and of service principals; only a keyed hash of each.
CREATE TABLE client_secrets (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    key_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    display_name TEXT,
    hint TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id, key_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Passwords of users, as PHC strings.
CREATE TABLE user_passwords (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    hash TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, object_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The identifier URIs of applications, in lower case and without slashes at the end: unique in a tenant.
CREATE TABLE identifier_uris (
    tenant_id BLOB NOT NULL,
    uri_key TEXT NOT NULL,
    object_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, uri_key),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX identifier_uris_of_object ON identifier_uris (tenant_id, object_id);

-- The domains that a tenant proved to own, in lower case: each belongs to one tenant.
CREATE TABLE verified_domains (
    name TEXT PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    is_initial INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX verified_domains_of_tenant ON verified_domains (tenant_id, name);

-- Keys that sign tokens. They outlive restarts: clients keep tokens, and resources keep key sets, for hours.
CREATE TABLE signing_keys (
    -- The certificate's SHA-1 thumbprint in base64url: `kid` and `x5t`.
    kid TEXT PRIMARY KEY,
    -- PKCS #8.
    private_key BLOB NOT NULL,
    -- DER.
    certificate BLOB NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
