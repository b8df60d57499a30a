-- Version 2: texts. One row a hub that may text: its name in frames, a key each way, its number, its counters.
CREATE TABLE sms (
    home TEXT PRIMARY KEY, hub TEXT NOT NULL UNIQUE, up_key BLOB NOT NULL, down_key BLOB NOT NULL,
    number TEXT NOT NULL,                                -- where receipts go
    next_counter INTEGER NOT NULL DEFAULT 1,             -- of frames that go down
    top INTEGER NOT NULL DEFAULT 0, mask TEXT NOT NULL DEFAULT '0'  -- which counters came up (sms_frame.Window)
) WITHOUT ROWID;
