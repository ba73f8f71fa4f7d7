"""A write whose very end fails: it is looked at, and what is said is what is there."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Cli, Local

ONE = ("--yes", "--expect", "1")


def commits_fail(monkeypatch: pytest.MonkeyPatch, *, at_the_end: bool) -> None:
    """Every commit of a change is reported as failed: before anything was done, or after all."""

    class Failing(sqlite3.Connection):
        seen = 0

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            wrote, self.seen = self.total_changes > self.seen, self.total_changes
            fails = sql == "COMMIT" and wrote
            if not fails or at_the_end:
                found = super().execute(sql, *args)
            if fails:
                raise sqlite3.OperationalError("disk I/O error")
            return found

    real: Any = sqlite3.connect

    def connect(database: object, **options: Any) -> object:
        if "registry.db" in str(database) and options["factory"] is sqlite3.Connection:
            options["factory"] = Failing
        return real(database, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)


def test_what_was_done_is_said_to_be_done(
    cli: Cli, registry: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits_fail(monkeypatch, at_the_end=True)
    source = tmp_path / "new"
    source.write_bytes(b"new")
    assert "added net:v5" in cli("add", source, "net", "--registry", registry.address).out
    cli("tag", registry.address, "net:v0", "--add", "seen", *ONE)
    cli("alias", registry.address, "net:v0", "--add", "best", *ONE)
    cli("ttl", registry.address, "net:v0", "30d", *ONE)
    (record,) = cli("ls", registry.address, "version:v0 name:net", "--versions", "--json").records
    assert (record["alias"], record["tag"]) == (["best"], ["seen"])
    assert record["ttl"] is not None
    assert "nothing is wrong" in cli("fsck", registry.address, "--verify").out


def test_what_was_not_done_is_said_not_to_be(
    cli: Cli, registry: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registry.states()
    source = tmp_path / "new"
    source.write_bytes(b"new")
    with monkeypatch.context() as patched:
        commits_fail(patched, at_the_end=False)
        for words in (
            ("add", source, "net", "--registry", registry.address),
            ("tag", registry.address, "net:v0", "--add", "seen", *ONE),
        ):
            assert cli(*words, code=1).err
    assert registry.states() == before
    assert "nothing is wrong" in cli("fsck", registry.address, "--verify").out
