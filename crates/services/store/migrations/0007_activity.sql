-- The activity log: each write of the control plane, and each refusal. With a row id that only grows: rows are
-- written in the order of time and go in that order. A `*_key` is a name or an id in lower case: what is compared.
CREATE TABLE activity (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id BLOB NOT NULL,
    -- Empty for what is in no subscription.
    subscription_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    correlation_id BLOB NOT NULL,
    caller_key TEXT NOT NULL,
    operation_key TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    -- Empty where it is in no resource group.
    group_key TEXT NOT NULL,
    resource_key TEXT NOT NULL,
    -- `succeeded` or `failed`.
    status_key TEXT NOT NULL,
    -- Whether nothing was changed: of such rows only so many are kept.
    bounded INTEGER NOT NULL,
    -- Of refusals: who was refused which action where, as the decision saw it.
    refused_object_id BLOB,
    refused_client TEXT,
    refused_action TEXT,
    refused_scope TEXT,
    -- How often the same happened again, and when last.
    repeats INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- The event as it is shown, JSON.
    doc TEXT NOT NULL
);

CREATE INDEX activity_of_subscription ON activity (tenant_id, subscription_id, at, seq);
CREATE INDEX activity_of_group ON activity (tenant_id, subscription_id, group_key, at, seq);
CREATE INDEX activity_of_resource ON activity (tenant_id, subscription_id, resource_key, at, seq);
CREATE INDEX activity_of_caller ON activity (tenant_id, subscription_id, caller_key, at, seq);
CREATE INDEX activity_of_correlation ON activity (tenant_id, correlation_id, at, seq);
CREATE INDEX activity_that_is_bounded ON activity (seq) WHERE bounded = 1;
