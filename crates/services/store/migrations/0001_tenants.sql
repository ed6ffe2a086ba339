-- The tenants and subscriptions that this server holds, and facts about the server itself.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenants (
    id BLOB PRIMARY KEY,
    display_name TEXT NOT NULL,
    default_domain TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE subscriptions (
    id BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    display_name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX subscriptions_of_tenant ON subscriptions (tenant_id, id);
