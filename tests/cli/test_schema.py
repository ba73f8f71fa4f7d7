"""A database that somebody changed: nothing of it is trusted, and it is told from a damaged one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.servers.wandb.process import Server

TRASH_ALL = (
    "CREATE TRIGGER more AFTER UPDATE OF state ON version BEGIN"
    " UPDATE version SET state = 'trash' WHERE state = 'live'; END"
)
HOSTILE = {
    "trigger more": TRASH_ALL,
    "view more": "CREATE VIEW more AS SELECT 1",
    "table more": "CREATE TABLE more(x)",
    "index more": "CREATE INDEX more ON version(label)",
    "trigger alias_removed": "DROP TRIGGER alias_removed;"
    " CREATE TRIGGER alias_removed AFTER DELETE ON alias BEGIN"
    " DELETE FROM alias_at WHERE name = old.name; END",
    "no trigger alias_moved": "DROP TRIGGER alias_moved",
    "no index blob_size": "DROP INDEX blob_size",
    "table version": "ALTER TABLE version ADD COLUMN more TEXT GENERATED ALWAYS AS (label)",
    "table trash": "ALTER TABLE trash RENAME TO old;"
    " CREATE TABLE trash(version_id INTEGER PRIMARY KEY, aliases TEXT NOT NULL"
    " CHECK(aliases <> '[]')) STRICT; DROP TABLE old",
    "table alias": "ALTER TABLE alias ADD COLUMN more TEXT",
    "table collection": "PRAGMA writable_schema = ON; UPDATE sqlite_schema"
    " SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'collection'",
}


def change(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(script)


def test_a_registry_that_somebody_changed_is_refused(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    plan, path = tmp_path / "p", registry.path / "registry.db"
    cli("plan", registry.address, "name:net", "-o", plan)
    ours, before = path.read_bytes(), registry.states()

    def refused(what: str, *words: str | Path) -> None:
        err = cli(*words, code=1).err
        assert f"is not as artifact-tui makes it: {what}" in err
        assert "fsck" not in err

    for what, script in (*HOSTILE.items(), ("trigger more", TRASH_ALL)):
        for old in registry.path.glob("registry.db*"):
            old.unlink()
        path.write_bytes(ours)
        change(path, script)
        refused(what, "ls", registry.address)
        refused(what, "tag", registry.address, "net:v0", "--add", "t", "--yes", "--expect", "1")
    refused("trigger more", "plan", registry.address, "*")
    refused("trigger more", "apply", plan, "--yes", "--expect", "2")
    refused("trigger more", "gc", registry.address)
    assert registry.states() == before


def test_what_sqlite_adds_by_itself_is_no_stranger(cli: Cli, registry: Local) -> None:
    change(registry.path / "registry.db", "ANALYZE")
    assert "5 versions" in cli("ls", registry.address).out
    cli("tag", registry.address, "net:v0", "--add", "t", "--yes", "--expect", "1")


@pytest.fixture
def catalog(cli: Cli, vision: Server) -> Path:
    """The catalog of the project `vision`, synced once."""
    cli("ls", "vision")
    (path,) = config.catalog_file("").parent.glob("*.db")
    return path


@pytest.mark.parametrize("what", ["trigger more", "table version"])
def test_a_catalog_that_somebody_changed_is_made_anew(cli: Cli, catalog: Path, what: str) -> None:
    change(catalog, HOSTILE[what])
    if what == "table version":
        err = cli("ls", "vision", "--cached", code=1).err
        assert "is not as artifact-tui makes it: table version" in err
    assert "7 versions" in cli("ls", "vision").out
    with closing(sqlite3.connect(catalog)) as conn:
        assert not conn.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = 'more' OR sql LIKE '%more%'"
        ).fetchall()
