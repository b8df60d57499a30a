-- One row for every entry. `body` is NULL once evicted; `digest` then still carries the chain.
CREATE TABLE entries (
  seq      INTEGER PRIMARY KEY,          -- local order, never identity
  lane     INTEGER NOT NULL,             -- 0 sos .. 4 telemetry
  kind     TEXT    NOT NULL,             -- event, receipt, receipts, attempt, timer, command, local, told
  event_id TEXT,                         -- event: its own id; receipt, attempt: the event it is about
  call_id  TEXT,                         -- the call that it belongs to, where that is known
  owed     INTEGER NOT NULL DEFAULT 0,   -- 1: an event that the platform has not settled yet
  body     BLOB,
  digest   BLOB    NOT NULL,             -- sha256(digest before | seq | body)
  crc      INTEGER NOT NULL              -- of all above but `owed`: a row is judged without its neighbours
);
CREATE UNIQUE INDEX entries_event ON entries (event_id) WHERE kind = 'event';
CREATE INDEX entries_owed  ON entries (lane, seq) WHERE owed = 1;
CREATE INDEX entries_calls ON entries (seq) WHERE lane <= 2 AND body IS NOT NULL;

-- Where the chain is known to be interrupted, and why: damage is said, never papered over.
CREATE TABLE breaks (
  seq     INTEGER PRIMARY KEY,           -- first row after the break
  missing INTEGER NOT NULL,              -- rows that are certainly gone before it
  reason  TEXT    NOT NULL,
  wall_ms INTEGER NOT NULL
);

-- anchor: seq (8 bytes) and digest of the last row that was dropped whole; opened: how often. `value` is bytes, so that a mark is read out of a damaged file as safely as a row.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL,
  crc   INTEGER NOT NULL
);
