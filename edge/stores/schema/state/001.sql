-- Everything that must never be guessed. Each row bears a checksum: a flipped bit in a key is damage, not a key.
CREATE TABLE items (
  space      TEXT NOT NULL,              -- keys, pairings, config, people, ...
  name       TEXT NOT NULL,
  value      BLOB,                       -- NULL: taken away; the row stays, so that no old image comes back
  generation INTEGER NOT NULL,           -- of two images of a row the newer counts
  crc        INTEGER NOT NULL,
  PRIMARY KEY (space, name)
);
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL,                 -- the first number that nobody has been given
  crc  INTEGER NOT NULL
);
-- One row: which write this file has seen last; the second copy bears the same number.
CREATE TABLE generation (
  one    INTEGER PRIMARY KEY CHECK (one = 1),
  number INTEGER NOT NULL
);
INSERT INTO generation VALUES (1, 0);
