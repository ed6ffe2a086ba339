-- Accepted messages: envelope, recipients and trace. The messages themselves are in the spool journal.
-- The rows of a message are written on the hot path: they refer to each other without declared foreign keys,
-- and `queue::verify` checks what those would.

-- Where messages come from, so that a message's row is small.
CREATE TABLE message_sources (
    id INTEGER PRIMARY KEY,
    service_key TEXT NOT NULL, -- the communication service's resource id in lower case
    service TEXT NOT NULL,     -- the same as written
    app_id BLOB NOT NULL,
    object_id BLOB NOT NULL,
    username TEXT NOT NULL,
    UNIQUE (service_key, app_id, object_id, username, service)
);

CREATE TABLE messages (
    id BLOB PRIMARY KEY,       -- UUID version 7: by time of acceptance
    source_id INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    reverse_path TEXT,         -- NULL for the null reverse-path
    internet_message_id TEXT NOT NULL,
    client TEXT NOT NULL,
    size INTEGER NOT NULL,
    segment INTEGER NOT NULL,  -- place in the spool
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    unfinished INTEGER NOT NULL, -- recipients without a final state
    finished_at INTEGER
) WITHOUT ROWID;

CREATE INDEX messages_of_source ON messages (source_id, id);

CREATE TABLE recipients (
    message_id BLOB NOT NULL,
    number INTEGER NOT NULL,   -- from 0, as the client gave them
    address TEXT NOT NULL,
    state INTEGER NOT NULL,    -- queue::RecipientState
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,   -- next attempt; while leased, when the lease expires
    lease_owner BLOB,
    reply TEXT,                -- what the last attempt ended with
    PRIMARY KEY (message_id, number)
) WITHOUT ROWID;

-- What is to be done next: queued (0) and leased (1).
CREATE INDEX recipients_due ON recipients (due_at, message_id) WHERE state < 2;
-- What needs an eye on it: all but delivered (10).
CREATE INDEX recipients_by_state ON recipients (state, message_id) WHERE state <> 10;

-- What happened to a message after it was accepted.
CREATE TABLE message_events (
    message_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,     -- queue::EventKind
    recipients TEXT,           -- JSON array of numbers; NULL for all
    detail TEXT NOT NULL,
    PRIMARY KEY (message_id, number)
) WITHOUT ROWID;

-- How far the rows above follow the spool journal.
CREATE TABLE spool_position (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    segment INTEGER NOT NULL,
    place INTEGER NOT NULL,
    chain INTEGER NOT NULL
);

INSERT INTO spool_position (only, segment, place, chain) VALUES (1, 0, 0, 0);
