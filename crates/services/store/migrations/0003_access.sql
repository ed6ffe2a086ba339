-- Custom role definitions, role assignments, and the roles of the directory itself. Built-in roles are part of
-- the program. Decisions are made in memory; these tables are read at start and for listings.

-- With a row id: permissions may be long.
CREATE TABLE role_definitions (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    -- The name in lower case: names are unique in a tenant.
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON, as on the wire.
    permissions TEXT NOT NULL,
    -- JSON: an array of scopes.
    assignable_scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX role_definitions_by_name ON role_definitions (tenant_id, name_key);

CREATE TABLE role_assignments (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name BLOB NOT NULL,
    -- As written, and in lower case: what is compared.
    scope TEXT NOT NULL,
    scope_key TEXT NOT NULL,
    role_id BLOB NOT NULL,
    principal_id BLOB NOT NULL,
    principal_kind TEXT NOT NULL,
    description TEXT,
    condition TEXT,
    condition_version TEXT,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;

-- One assignment for each role, principal and scope, whatever it is called. Serves "at a scope" and "below".
CREATE UNIQUE INDEX role_assignments_at_scope
    ON role_assignments (tenant_id, scope_key, role_id, principal_id);
CREATE INDEX role_assignments_of_principal ON role_assignments (tenant_id, principal_id, scope_key);
CREATE INDEX role_assignments_of_role ON role_assignments (tenant_id, role_id);

CREATE TABLE directory_role_assignments (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    principal_id BLOB NOT NULL,
    -- The template id of the directory role, the same in all tenants.
    template_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, template_id)
) WITHOUT ROWID;

CREATE INDEX directory_role_assignments_of_role
    ON directory_role_assignments (tenant_id, template_id, principal_id);
