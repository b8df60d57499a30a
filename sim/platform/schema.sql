-- The platform's store, version 1. Times are Unix milliseconds by the platform's clock unless they say otherwise.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('register_version', 0), ('oscore_epoch', 0);

-- The register: who is out there. Secrets of a hub stand here in plain: the file has mode 0600.
CREATE TABLE hubs (
    id TEXT PRIMARY KEY, area TEXT NOT NULL, address TEXT NOT NULL, created_ms INTEGER NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,                     -- SHA-256 of the bearer token
    heard_ms INTEGER NOT NULL DEFAULT 0,                 -- last event
    heartbeat TEXT NOT NULL DEFAULT '{}'                 -- data of the last heartbeat, JSON
) WITHOUT ROWID;
CREATE TABLE oscore (
    kid BLOB PRIMARY KEY, hub TEXT NOT NULL, name TEXT NOT NULL, server_id BLOB NOT NULL,
    master_secret BLOB NOT NULL, master_salt BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE elders (id TEXT PRIMARY KEY, name TEXT NOT NULL, address TEXT NOT NULL, phone TEXT NOT NULL,
                     notes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE devices (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, elder TEXT NOT NULL,
                      room TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hub_elders (hub TEXT, elder TEXT, PRIMARY KEY (hub, elder)) WITHOUT ROWID;
CREATE TABLE hub_devices (hub TEXT, device TEXT, PRIMARY KEY (hub, device)) WITHOUT ROWID;

-- What arrived. `number` is the platform's own order, one counter for events and downlink.
CREATE TABLE events (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, hub TEXT NOT NULL,
    call_id TEXT,                                        -- the case it belongs to; what the hub said stands in body
    kind TEXT NOT NULL,
    lane INTEGER NOT NULL, elder TEXT NOT NULL, device TEXT NOT NULL, room TEXT NOT NULL,
    received_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_number ON events (number);
CREATE TABLE cases (
    call_id TEXT PRIMARY KEY, elder TEXT NOT NULL, kind TEXT NOT NULL, lifecycle TEXT NOT NULL,
    handling TEXT NOT NULL, opened_ms INTEGER NOT NULL, alerted_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
    body BLOB NOT NULL                                   -- msgpack of folding.Case
) WITHOUT ROWID;
CREATE INDEX cases_alerted ON cases (lifecycle, alerted_ms);
CREATE INDEX cases_elder ON cases (elder, lifecycle);
-- Other names of cases: a second hub of the home, and one that forgot a call, names it after the first press it knows.
CREATE TABLE calls (call_id TEXT PRIMARY KEY, case_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE presses (
    id TEXT PRIMARY KEY, call_id TEXT NOT NULL, kind TEXT NOT NULL, device TEXT NOT NULL,
    received_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX presses_call ON presses (call_id);
CREATE TABLE faults (key TEXT PRIMARY KEY, hub TEXT NOT NULL, fault TEXT NOT NULL, since_ms INTEGER NOT NULL,
                     ended_ms INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX faults_standing ON faults (ended_ms, since_ms);

-- What goes down: receipts and commands, each in its wire bytes as one downlink item.
CREATE TABLE downlink (number INTEGER PRIMARY KEY, hub TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX downlink_hub ON downlink (hub, number);
CREATE TABLE configs (hub TEXT, side TEXT, author TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL,
                      at_ms INTEGER NOT NULL, PRIMARY KEY (hub, side)) WITHOUT ROWID;
