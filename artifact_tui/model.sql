-- The relational form of model.py: the tables that every screen reads.
-- A remote registry's catalog is a file with just these; the embedded registry's own database has
-- them beside its private ones (clients/local/local.sql), so that it needs no sync.
-- Rows of `version` keep their id for as long as they live; ids are never used again.

CREATE TABLE collection(
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  key         TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  type        TEXT NOT NULL,
  created_us  INTEGER,
  links       INTEGER NOT NULL DEFAULT 0 CHECK(links IN (0,1)), -- it holds only links
  seen        INTEGER NOT NULL DEFAULT 0          -- sync generation that last listed it
);
CREATE INDEX collection_name ON collection(name, type);

CREATE TABLE version(
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  key           TEXT NOT NULL UNIQUE,
  collection_id INTEGER NOT NULL REFERENCES collection(id) ON DELETE RESTRICT,
  ordinal       INTEGER NOT NULL,                 -- grows with time; below 0: no order is told
  label         TEXT NOT NULL,
  digest        TEXT NOT NULL,
  state         TEXT NOT NULL DEFAULT 'live' CHECK(state IN ('live','trash','pending')),
  size          INTEGER CHECK(size >= 0),
  file_count    INTEGER CHECK(file_count >= 0),
  created_us    INTEGER,
  used_us       INTEGER,
  run           TEXT NOT NULL DEFAULT '',
  note          TEXT NOT NULL DEFAULT '',
  ttl_us        INTEGER CHECK(ttl_us > 0),
  ttl_inherited INTEGER NOT NULL DEFAULT 0 CHECK(ttl_inherited IN (0,1)),
  expires_us    INTEGER GENERATED ALWAYS AS (created_us + ttl_us) VIRTUAL,
  deleted_us    INTEGER,
  deleted_by    TEXT NOT NULL DEFAULT '',
  source_key    TEXT,                             -- set on a link: the version it shows
  used_count    INTEGER CHECK(used_count >= 0),   -- runs that used it
  stored        INTEGER CHECK(stored >= 0),       -- bytes that the registry charges for it
  kept          TEXT NOT NULL DEFAULT '',         -- why the registry will never delete it
  generated     INTEGER NOT NULL DEFAULT 0 CHECK(generated IN (0,1)), -- made by the registry itself
  seen          INTEGER NOT NULL DEFAULT 0,
  UNIQUE(collection_id, ordinal)
);
CREATE INDEX version_state_collection ON version(collection_id, state, size, created_us);
CREATE INDEX version_size ON version(size DESC, id);
CREATE INDEX version_created ON version(created_us DESC, id);
CREATE INDEX version_trash ON version(deleted_us) WHERE state = 'trash';
CREATE INDEX version_expires ON version(expires_us) WHERE ttl_us IS NOT NULL;

CREATE TABLE alias(
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  scope         TEXT NOT NULL DEFAULT '',         -- '' or the other collection that holds it
  name          TEXT NOT NULL,
  protected     INTEGER NOT NULL DEFAULT 0 CHECK(protected IN (0,1)),
  PRIMARY KEY(version_id, scope, name)
) WITHOUT ROWID;
CREATE INDEX alias_name ON alias(name);

CREATE TABLE tag(
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  name          TEXT NOT NULL,
  PRIMARY KEY(version_id, name)
) WITHOUT ROWID;
CREATE INDEX tag_name ON tag(name);

CREATE TABLE link(                                -- other collections that show a version
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  key           TEXT NOT NULL,                    -- the link's own, where that collection is listed
  name          TEXT NOT NULL,                    -- that collection, in full
  PRIMARY KEY(version_id, key)
) WITHOUT ROWID;
CREATE INDEX link_name ON link(name);

CREATE TABLE edge(                                -- child was made from parent
  parent_id     INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  child_id      INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  PRIMARY KEY(parent_id, child_id),
  CHECK(parent_id <> child_id)
) WITHOUT ROWID;
CREATE INDEX edge_child ON edge(child_id, parent_id);

CREATE TABLE relative(                            -- lineage of versions that are not listed here
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  up            INTEGER NOT NULL CHECK(up IN (0,1)), -- 1: a parent of the version, 0: a dependent
  key           TEXT NOT NULL,
  name          TEXT NOT NULL,                    -- COLLECTION:LABEL, in full
  PRIMARY KEY(version_id, up, key)
) WITHOUT ROWID;
CREATE INDEX relative_key ON relative(key);

CREATE TABLE lineage_scan(                        -- versions whose own lineage was asked for
  version_id    INTEGER PRIMARY KEY REFERENCES version(id) ON DELETE RESTRICT,
  at_us         INTEGER NOT NULL
);

CREATE TABLE blob(                                -- empty where a registry does not tell its objects
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  digest        TEXT NOT NULL UNIQUE,
  size          INTEGER NOT NULL CHECK(size >= 0),
  refs          INTEGER NOT NULL DEFAULT 0 CHECK(refs >= 0),  -- = rows of `file` that name it
  state         INTEGER NOT NULL DEFAULT 0 CHECK(state IN (0,1,2)), -- present, condemned, missing
  unref_us      INTEGER,                          -- when refs last became 0
  held          INTEGER NOT NULL DEFAULT 0 CHECK(held IN (0,1)) -- not freed, whichever versions go
);
CREATE INDEX blob_unref ON blob(unref_us) WHERE refs = 0;
CREATE INDEX blob_held ON blob(id) WHERE held = 1;

CREATE TABLE file(
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  path          TEXT NOT NULL,
  blob_id       INTEGER NOT NULL REFERENCES blob(id) ON DELETE RESTRICT,
  mode          INTEGER NOT NULL DEFAULT 420,
  PRIMARY KEY(version_id, path)
) WITHOUT ROWID;
CREATE INDEX file_blob ON file(blob_id, version_id);

CREATE TABLE meta(                                -- uid, kind, synced_us, …
  name          TEXT PRIMARY KEY,
  value         TEXT NOT NULL
) WITHOUT ROWID;
