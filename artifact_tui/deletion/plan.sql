-- A plan file. Everything above the line is what was reviewed: written once, covered by the hash.
-- Below it is the journal: what was asked of the plan, and what happened to each item.

CREATE TABLE plan(                                -- head, summary (JSON), hash
  name          TEXT PRIMARY KEY,
  value         TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE item(
  seq           INTEGER PRIMARY KEY,
  kind          TEXT NOT NULL,                    -- version, object in the storage, collection
  level         INTEGER NOT NULL CHECK(level >= 0),
  key           TEXT NOT NULL,
  collection    TEXT NOT NULL,
  label         TEXT NOT NULL,
  type          TEXT NOT NULL,
  size          INTEGER,
  facts         TEXT NOT NULL,                    -- model.Facts as JSON
  verdict       TEXT NOT NULL CHECK(verdict IN ('delete','consent','blocked')),
  reason        TEXT NOT NULL,
  detail        TEXT NOT NULL,
  added         INTEGER NOT NULL CHECK(added IN (0,1)), -- joined as a dependent
  belongs       INTEGER REFERENCES item(seq),     -- see items.Item.belongs
  UNIQUE(key, kind)
);
CREATE INDEX item_order ON item(verdict, level, seq);
CREATE INDEX item_belongs ON item(belongs, seq) WHERE belongs IS NOT NULL;

CREATE TABLE outside(                             -- live versions that stay, made from the item
  seq           INTEGER NOT NULL REFERENCES item(seq),
  key           TEXT NOT NULL,
  name          TEXT NOT NULL,
  PRIMARY KEY(seq, key)
) WITHOUT ROWID;
CREATE INDEX outside_key ON outside(key);

-- ---------------------------------------------------------------------------------------------

CREATE TABLE progress(
  seq           INTEGER PRIMARY KEY REFERENCES item(seq),
  state         TEXT NOT NULL DEFAULT 'planned' CHECK(state IN
    ('planned','sent','deleted','verified','gone','unlinked','refused','failed','not_tried')),
  attempts      INTEGER NOT NULL DEFAULT 0,
  reason        TEXT NOT NULL DEFAULT '',
  detail        TEXT NOT NULL DEFAULT '',
  error         TEXT NOT NULL DEFAULT '',
  retryable     INTEGER NOT NULL DEFAULT 0 CHECK(retryable IN (0,1)),
  sent_us       INTEGER,
  done_us       INTEGER
);
CREATE INDEX progress_state ON progress(state, seq);
CREATE INDEX progress_done ON progress(done_us) WHERE done_us IS NOT NULL;

CREATE TABLE journal(                             -- one row
  id            INTEGER PRIMARY KEY CHECK(id = 1),
  status        TEXT NOT NULL CHECK(status IN
    ('draft','confirmed','applying','paused','interrupted','finished','cancelled')),
  want          TEXT NOT NULL DEFAULT 'run' CHECK(want IN ('run','pause','cancel')),
  why           TEXT NOT NULL DEFAULT '',
  pace          TEXT NOT NULL DEFAULT '',         -- what limits the speed now
  confirmed_us  INTEGER,
  confirmed_by  TEXT NOT NULL DEFAULT ''
);

CREATE TABLE run(                                 -- one row for each process that applied it
  id            INTEGER PRIMARY KEY,
  pid           INTEGER NOT NULL,
  host          TEXT NOT NULL,
  started_us    INTEGER NOT NULL,
  heartbeat_us  INTEGER NOT NULL,
  ended_us      INTEGER,
  ended         TEXT NOT NULL DEFAULT ''
);

CREATE TABLE recipe(                              -- what is needed to make an entry again
  seq           INTEGER PRIMARY KEY REFERENCES item(seq),
  type          TEXT NOT NULL,
  name          TEXT NOT NULL,
  url           TEXT NOT NULL
);

CREATE TABLE remade(                              -- entries made again, and attempts at it
  seq           INTEGER PRIMARY KEY REFERENCES item(seq),
  state         TEXT NOT NULL CHECK(state IN ('sent','made','failed')),
  url           TEXT NOT NULL,
  key           TEXT NOT NULL DEFAULT '',         -- the new version
  error         TEXT NOT NULL DEFAULT '',
  at_us         INTEGER NOT NULL
);
