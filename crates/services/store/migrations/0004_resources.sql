-- The resource tree: resource groups, resources of every type, and long-running operations.
--
-- A `key` is an id in lower case. Ids order by whole path, so everything below a scope is one range of keys.
CREATE TABLE resource_groups (
    subscription_id BLOB NOT NULL REFERENCES subscriptions (id),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    location TEXT NOT NULL,
    managed_by TEXT,
    tags TEXT NOT NULL,
    system_data TEXT NOT NULL,
    PRIMARY KEY (subscription_id, key)
) WITHOUT ROWID;

CREATE TABLE resources (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    -- The full type in lower case: `microsoft.communication/emailservices/domains`.
    kind TEXT NOT NULL,
    subscription_id BLOB NOT NULL REFERENCES subscriptions (id),
    -- The resource group's name in lower case; empty for a resource directly in a subscription.
    group_key TEXT NOT NULL,
    -- The parent resource's key; empty for a top-level resource.
    parent_key TEXT NOT NULL,
    tracked INTEGER NOT NULL,
    location TEXT,
    tags TEXT NOT NULL,
    identity TEXT,
    properties TEXT NOT NULL,
    system_data TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX resources_of_parent ON resources (parent_key, kind, key);
CREATE INDEX resources_of_kind ON resources (subscription_id, kind, key);
CREATE INDEX resources_of_group ON resources (subscription_id, group_key, kind, key);
CREATE INDEX tracked_resources ON resources (key) WHERE tracked = 1;

CREATE TABLE operations (
    id BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    started_by BLOB NOT NULL,
    subscription_id BLOB NOT NULL,
    resource_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX operations_by_age ON operations (started_at);


-- Microsoft.Communication: what must be unique on the whole server, access keys, and links that are asked for
-- from their other end. The resources themselves are rows of `resources`; a `*_key` is an id in lower case.
CREATE TABLE communication_services (
    -- The name in lower case: it is part of the service's own address, so it is unique on the server.
    name_key TEXT PRIMARY KEY,
    service_key TEXT NOT NULL,
    service_id TEXT NOT NULL,
    tenant_id BLOB NOT NULL,
    primary_access_key BLOB NOT NULL,
    secondary_access_key BLOB NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX communication_services_by_key ON communication_services (service_key);

CREATE TABLE linked_domains (
    domain_key TEXT NOT NULL,
    service_key TEXT NOT NULL,
    PRIMARY KEY (domain_key, service_key)
) WITHOUT ROWID;

CREATE INDEX linked_domains_of_service ON linked_domains (service_key, domain_key);

CREATE TABLE smtp_usernames (
    -- The username in lower case: it alone selects the service and the application, so it is unique on the server.
    username_key TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    resource_key TEXT NOT NULL,
    service_id TEXT NOT NULL,
    tenant_id BLOB NOT NULL,
    application_id BLOB NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX smtp_usernames_by_resource ON smtp_usernames (resource_key);
