-- The embedded registry's private tables, beside those of model.sql in the same file.

PRAGMA application_id = 1095914068;               -- "ARTT": lets us recognise our own file
PRAGMA user_version = 4;                          -- the format; a newer one is never opened

CREATE UNIQUE INDEX collection_one_name ON collection(name);
CREATE INDEX blob_size ON blob(size);             -- "do we have bytes of this size?" before copying

CREATE TABLE next_ordinal(                        -- by name, so that a label is never used again,
  name          TEXT PRIMARY KEY,                 -- even after its collection was purged
  next          INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE trash(                               -- one row a version in the trash: what restore needs
  version_id    INTEGER PRIMARY KEY REFERENCES version(id) ON DELETE RESTRICT,
  aliases       TEXT NOT NULL                     -- JSON: [[name, protected], …]
);

CREATE TABLE alias_at(                            -- one version an alias in each collection
  collection_id INTEGER NOT NULL REFERENCES collection(id) ON DELETE RESTRICT,
  name          TEXT NOT NULL,
  version_id    INTEGER NOT NULL REFERENCES version(id) ON DELETE RESTRICT,
  PRIMARY KEY(collection_id, name)
) WITHOUT ROWID;
CREATE INDEX alias_at_version ON alias_at(version_id);

CREATE TRIGGER alias_added AFTER INSERT ON alias BEGIN
  INSERT INTO alias_at(collection_id, name, version_id)
  SELECT collection_id, new.name, new.version_id FROM version WHERE id = new.version_id;
END;
CREATE TRIGGER alias_removed AFTER DELETE ON alias BEGIN
  DELETE FROM alias_at WHERE version_id = old.version_id AND name = old.name;
END;
CREATE TRIGGER alias_moved BEFORE UPDATE OF version_id, scope, name ON alias BEGIN
  SELECT RAISE(ABORT, 'an alias moves by delete and insert');
END;
