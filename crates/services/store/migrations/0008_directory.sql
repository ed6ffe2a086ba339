-- What the directory keeps beside its objects: who owns them, who has which app role, which delegated
-- permissions were granted, words for searches, what changed since when, and what was deleted but can come back.

ALTER TABLE directory_objects ADD COLUMN mail_key TEXT;
-- When it was deleted, in microseconds. A deleted object keeps its row and its credentials until it is purged;
-- its kind then begins with `deleted`, so that no index of the living shows it.
ALTER TABLE directory_objects ADD COLUMN deleted_at INTEGER;

CREATE INDEX directory_objects_by_kind_and_login ON directory_objects (tenant_id, kind, login_key, id)
    WHERE login_key IS NOT NULL;
CREATE INDEX directory_objects_by_mail ON directory_objects (tenant_id, kind, mail_key, id)
    WHERE mail_key IS NOT NULL;
CREATE INDEX directory_objects_by_creation ON directory_objects (tenant_id, kind, created_at, id);
CREATE INDEX deleted_directory_objects ON directory_objects (tenant_id, deleted_at, id)
    WHERE deleted_at IS NOT NULL;
DROP INDEX directory_objects_by_app;
CREATE UNIQUE INDEX directory_objects_by_app ON directory_objects (tenant_id, app_id, kind)
    WHERE app_id IS NOT NULL AND deleted_at IS NULL;

-- The words of display names, in lower case.
CREATE TABLE directory_words (
    tenant_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    word TEXT NOT NULL,
    object_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, kind, word, object_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX directory_words_of_object ON directory_words (tenant_id, object_id);

CREATE TABLE directory_owners (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    owner_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, object_id, owner_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, owner_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX directory_owners_by_owner ON directory_owners (tenant_id, owner_id, object_id);

CREATE TABLE app_role_assignments (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    principal_id BLOB NOT NULL,
    resource_id BLOB NOT NULL,
    -- The zero GUID stands for access without a role.
    app_role_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, principal_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, resource_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE UNIQUE INDEX app_role_assignments_of_principal
    ON app_role_assignments (tenant_id, principal_id, resource_id, app_role_id);
CREATE INDEX app_role_assignments_by_principal ON app_role_assignments (tenant_id, principal_id, id);
CREATE INDEX app_role_assignments_of_resource ON app_role_assignments (tenant_id, resource_id, id);

-- Delegated permissions that a client has on a resource: for every user, or for one.
CREATE TABLE permission_grants (
    tenant_id BLOB NOT NULL,
    id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    resource_id BLOB NOT NULL,
    -- NULL: for every user.
    principal_id BLOB,
    -- Separated by blanks.
    scope TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, resource_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, principal_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE UNIQUE INDEX permission_grants_of_client
    ON permission_grants (tenant_id, client_id, resource_id, coalesce(principal_id, x''));
CREATE INDEX permission_grants_of_resource ON permission_grants (tenant_id, resource_id, id);
CREATE INDEX permission_grants_of_principal ON permission_grants (tenant_id, principal_id, id)
    WHERE principal_id IS NOT NULL;

-- The last change of each object and of each membership, numbered: a delta query asks what came after a number.
CREATE TABLE directory_sequences (
    tenant_id BLOB PRIMARY KEY REFERENCES tenants (id),
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE directory_changes (
    tenant_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    object_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, object_id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX directory_changes_in_order ON directory_changes (tenant_id, kind, sequence);

CREATE TABLE membership_changes (
    tenant_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, member_id)
) WITHOUT ROWID;

CREATE INDEX membership_changes_in_order ON membership_changes (tenant_id, group_id, sequence);

-- The memberships that an object had when it was deleted.
CREATE TABLE deleted_memberships (
    tenant_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, object_id, group_id, member_id),
    FOREIGN KEY (tenant_id, object_id) REFERENCES directory_objects (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- What a tenant's administrators decided, as JSON.
CREATE TABLE directory_settings (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;
