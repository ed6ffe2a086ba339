-- Who is in which group, management groups, deny assignments, locks, and the time that a role assignment holds.
-- All of it is in memory too, for decisions; these tables are read at start and for listings. A `*_key` is a
-- name or a scope in lower case: what is compared.

-- Direct members; groups are members of groups.
CREATE TABLE group_members (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    group_id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, group_id, member_id)
) WITHOUT ROWID;

CREATE INDEX group_members_of_member ON group_members (tenant_id, member_id, group_id);

CREATE TABLE management_groups (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    -- NULL for the root group, which has the tenant's id as its name.
    parent_key TEXT,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    PRIMARY KEY (tenant_id, name_key),
    FOREIGN KEY (tenant_id, parent_key) REFERENCES management_groups (tenant_id, name_key)
) WITHOUT ROWID;

CREATE INDEX management_groups_of_parent ON management_groups (tenant_id, parent_key, name_key);

-- The management group of each subscription.
CREATE TABLE subscription_placements (
    subscription_id BLOB PRIMARY KEY REFERENCES subscriptions (id),
    tenant_id BLOB NOT NULL,
    group_key TEXT NOT NULL,
    FOREIGN KEY (tenant_id, group_key) REFERENCES management_groups (tenant_id, name_key)
) WITHOUT ROWID;

CREATE INDEX subscription_placements_of_group
    ON subscription_placements (tenant_id, group_key, subscription_id);

-- Every tenant has its root group, and every subscription is in it until it is moved.
INSERT INTO management_groups (tenant_id, name_key, name, display_name, parent_key, created_at, updated_at)
SELECT id, text, text, 'Tenant Root Group', NULL, created_at, created_at FROM (
    SELECT id, created_at, lower(
        substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' ||
        substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS text
    FROM tenants) AS named;
INSERT INTO subscription_placements (subscription_id, tenant_id, group_key)
SELECT s.id, s.tenant_id, g.name_key FROM subscriptions AS s
JOIN management_groups AS g ON g.tenant_id = s.tenant_id AND g.parent_key IS NULL;

-- With a row id: permissions may be long.
CREATE TABLE deny_assignments (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    scope TEXT NOT NULL,
    scope_key TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT,
    -- JSON, as on the wire: blocks of permissions, and principals with their types.
    permissions TEXT NOT NULL,
    principals TEXT NOT NULL,
    excluded TEXT NOT NULL,
    not_for_children INTEGER NOT NULL,
    -- `enforced` or `audit`.
    effect TEXT NOT NULL,
    condition TEXT,
    condition_version TEXT,
    system_protected INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    PRIMARY KEY (tenant_id, id)
);

-- A name is unique at its scope. Serves "at a scope" and "below".
CREATE UNIQUE INDEX deny_assignments_at_scope ON deny_assignments (tenant_id, scope_key, name_key);

CREATE TABLE locks (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    scope_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    -- `CanNotDelete` or `ReadOnly`.
    level TEXT NOT NULL,
    notes TEXT,
    -- JSON, as on the wire.
    owners TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    PRIMARY KEY (tenant_id, scope_key, name_key)
) WITHOUT ROWID;

-- Serves "is it assigned" and "where, to whom".
DROP INDEX role_assignments_of_role;
CREATE INDEX role_assignments_of_role ON role_assignments (tenant_id, role_id, scope_key, principal_id);

-- From when and until when an assignment grants; NULL for always.
ALTER TABLE role_assignments ADD COLUMN starts_at INTEGER;
ALTER TABLE role_assignments ADD COLUMN ends_at INTEGER;
