"""A plan that came by mail: its content is a proposal, what was seen and typed here is consent."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.servers.wandb.process import Server as Wandb

REVIEWED = (
    "SELECT name, value FROM plan WHERE name <> 'hash' ORDER BY name",
    "SELECT * FROM item ORDER BY seq",
    "SELECT * FROM outside ORDER BY seq, key",
)


def forge(path: Path, *statements: str) -> None:
    """Edit a plan, and hash it again as its maker would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for sql in ("PRAGMA foreign_keys=OFF", "PRAGMA ignore_check_constraints=ON", *statements):
            conn.execute(sql)
        digest = hashlib.sha256()
        for sql in REVIEWED:
            for row in conn.execute(sql):
                digest.update(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        conn.execute("UPDATE plan SET value=? WHERE name='hash'", (digest.hexdigest(),))


@pytest.fixture
def plan(cli: Cli, registry: Local, tmp_path: Path) -> Path:
    """A plan that deletes `net:v0` and `net:v4`."""
    path = tmp_path / "p.plan"
    cli("plan", registry.address, "name:net", "-o", path)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Path) -> Path:
    """The same plan, in the hands of somebody who did not make it."""
    monkeypatch.setenv("ARTIFACT_TUI_STATE", str(tmp_path / "other"))
    return plan


def live(registry: Local) -> set[str]:
    return {name for name, state in registry.states().items() if state == "live"}


def test_counts_come_from_the_items_and_consents_from_the_options(
    cli: Cli, registry: Local, elsewhere: Path
) -> None:
    forge(elsewhere, "UPDATE item SET verdict='delete', reason='', detail=''")
    assert (
        "deletes 5 versions, not 2" in cli("apply", elsewhere, "--yes", "--expect", "2", code=1).err
    )
    assert "will be deleted: 5 versions" in cli("review", elsewhere).out
    assert len(live(registry)) == 6
    ran = cli("apply", elsewhere, "--yes", "--expect", "5", code=1)
    assert "it carries an alias" in ran.out
    assert "it carries a protected alias" in ran.out
    assert "live versions outside this plan were made from it" in ran.out
    assert live(registry) == {"net:v1", "net:v2", "net:v3", "tiny:v0"}


def test_a_plan_that_deletes_nothing_cannot_be_confirmed(cli: Cli, plan: Path) -> None:
    forge(plan, "UPDATE item SET verdict='blocked', reason='kept'")
    said = cli("apply", plan, "--yes", "--expect", "2", code=1).err
    assert "There is nothing to delete." in said
    assert "Review it to see why." in said
    assert "nothing to delete" in cli("review", plan).out


def test_another_version_than_the_one_shown_stays(
    cli: Cli, registry: Local, tmp_path: Path, plan: Path
) -> None:
    other = tmp_path / "other.plan"
    cli("plan", registry.address, "tiny", "--delete-aliases", "-o", other)
    with closing(sqlite3.connect(other)) as conn:
        key, facts = conn.execute("SELECT key, facts FROM item").fetchone()
    forge(plan, f"UPDATE item SET key='{key}', facts='{facts}' WHERE label='v0'")
    ran = cli("apply", plan, "--yes", "--expect", "2", code=1)
    assert "the registry does not call it what was shown" in ran.out
    assert "net:v0 (it is tiny:v0)" in ran.out
    assert "tiny:v0" in live(registry)


def test_a_confirmation_does_not_travel_in_the_file(
    cli: Cli, registry: Local, elsewhere: Path
) -> None:
    for status in ("confirmed", "applying", "paused", "interrupted"):
        forge(elsewhere, f"UPDATE journal SET status='{status}', confirmed_by='eve@lab'")
        ran = cli("resume", elsewhere, code=1)
        assert "says that eve@lab confirmed it, and you have not" in ran.err
        assert "artifact-tui apply" in ran.err
        ran = cli("apply", elsewhere, code=2)
        assert "this plan was not made here" in ran.out
        assert "will be deleted: 2 versions" in ran.out
        assert "no terminal to ask on" in ran.err
    assert len(live(registry)) == 6
    cli("apply", elsewhere, "--yes", "--expect", "2")
    assert len(live(registry)) == 4
    assert "this plan was not made here" in cli("review", elsewhere).out, (
        "to confirm is not to make"
    )


@pytest.mark.parametrize(
    ("table", "column"), [("journal", "why"), ("journal", "confirmed_by"), ("plan", "value")]
)
def test_nothing_is_null_that_a_plan_must_say(
    cli: Cli, registry: Local, plan: Path, table: str, column: str
) -> None:
    with closing(sqlite3.connect(plan, isolation_level=None)) as conn:
        (sql,) = conn.execute("SELECT sql FROM sqlite_schema WHERE name=?", (table,)).fetchone()
        kept = "PRAGMA writable_schema=ON", "UPDATE sqlite_schema SET sql=? WHERE name=?"
        conn.execute(kept[0])
        conn.execute(kept[1], (sql.replace("NOT NULL", "        "), table))
    with closing(sqlite3.connect(plan, isolation_level=None)) as conn:
        conn.execute(f"UPDATE {table} SET {column}=NULL")
        conn.execute(kept[0])
        conn.execute(kept[1], (sql, table))
    for command in (("review",), ("apply", "--yes", "--expect", "2"), ("report",)):
        ran = cli(*command, plan, code=1)
        assert f"is damaged: a value in {table} has another type" in ran.err
    assert len(live(registry)) == 6


def test_a_report_says_that_the_file_was_changed(cli: Cli, plan: Path) -> None:
    cli("apply", plan, "--yes", "--expect", "2")
    assert "changed" not in cli("report", plan).err
    with closing(sqlite3.connect(plan)) as conn:
        conn.execute("UPDATE item SET label='v9' WHERE label='v0'")
        conn.commit()
    ran = cli("report", plan)
    assert "the file was changed after its review: what it tells may not be so" in ran.err
    assert "2 deleted, verified gone" in ran.out


def test_what_it_wants_agreed_is_shown(cli: Cli, registry: Local, tmp_path: Path) -> None:
    path = tmp_path / "p.plan"
    cli("plan", registry.address, "name:net", "--delete-aliases", "-o", path)
    assert "not made here" not in cli("review", path).out
    forge(path, "UPDATE plan SET value=replace(value, '\"query\":\"', '\"query\":\"a ') "
          "WHERE name='head'")  # fmt: skip
    out = cli("review", path).out
    assert "this plan was not made here" in out
    assert "it wants you to agree: aliases go along" in out


def test_an_id_is_no_path(cli: Cli, registry: Local, plan: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    for name in (f"../../{victim.name}", str(victim), "", "x" * 5000, "\u202e", "A" * 32):
        forge(plan, f"UPDATE plan SET value=json_set(value, '$.id', '{name}') WHERE name='head'")
        for command in (
            ("review", plan), ("report", plan), ("resume", plan), ("tasks", "--cancel", plan),
            ("apply", plan, "--yes", "--expect", "2"), ("restore", "--plan", plan),
        ):  # fmt: skip
            ran = cli(*command, code=1)
            assert "is damaged: its id is none" in ran.err
    assert not os.path.lexists(victim)
    assert len(live(registry)) == 6


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE item SET level=-5", "UPDATE item SET seq=0 WHERE seq=1", "UPDATE item SET size=-1",
        "UPDATE item SET kind='x'", "UPDATE item SET verdict='x'", "UPDATE item SET reason='x'",
        "UPDATE item SET added=7", "UPDATE item SET facts='{'", "UPDATE item SET facts='[]'",
        "UPDATE item SET key=key || char(0)", "UPDATE item SET key='' WHERE seq=1",
        "UPDATE item SET label=hex(randomblob(9000))", "UPDATE item SET belongs=99 WHERE seq=1",
        "UPDATE item SET belongs=2 WHERE seq=1", "UPDATE item SET size=9223372036854775807",
        "UPDATE progress SET state='x'", "UPDATE progress SET attempts=-1",
        "UPDATE progress SET sent_us=9223372036854775807", "DELETE FROM progress WHERE seq=1",
        "DELETE FROM journal", "UPDATE journal SET status='x'", "UPDATE journal SET want='x'",
        "UPDATE plan SET value='{}' WHERE name='head'", "DELETE FROM plan WHERE name='summary'",
        "UPDATE plan SET value='[' || value || ']' WHERE name='summary'",
        "UPDATE plan SET value=json_set(value, '$.created_us', 1e300) WHERE name='head'",
        "UPDATE plan SET value=json_set(value, '$.created_us', -1) WHERE name='head'",
        "UPDATE plan SET value=json_set(value, '$.options.action', 'x') WHERE name='head'",
        "UPDATE plan SET value=json_set(value, '$.identity.address', char(0)) WHERE name='head'",
        "INSERT INTO run VALUES(1, -1, 'h', 1, 1, NULL, '')",
        "INSERT INTO run VALUES(1, 1, 'h', 9223372036854775807, 1, NULL, '')",
        "INSERT INTO plan VALUES('more', '')",
        "CREATE TRIGGER t AFTER UPDATE ON progress BEGIN DELETE FROM item; END",
        "CREATE VIEW v AS SELECT 1", "DROP TABLE outside", "DROP INDEX item_order",
    ],
)  # fmt: skip
def test_a_file_that_breaks_its_schema_is_refused_in_one_sentence(
    cli: Cli, registry: Local, plan: Path, sql: str
) -> None:
    if "outside" in sql:
        with closing(sqlite3.connect(plan)) as conn:
            conn.execute(sql)
    else:
        forge(plan, sql)
    ran = cli("apply", plan, "--yes", "--expect", "2", code=1)
    assert ran.err.startswith("error: The plan ")
    assert "unexpected" not in ran.err
    for command in ("review", "report", "tasks"):
        ran = cli(command, *(() if command == "tasks" else (plan,)), code=None)
        assert "unexpected" not in ran.err
    assert len(live(registry)) == 6


def test_bytes_that_were_flipped_never_delete_what_was_not_shown(
    cli: Cli, registry: Local, plan: Path, tmp_path: Path
) -> None:
    whole = plan.read_bytes()
    rng = random.Random(8)  # noqa: S311 - the same bytes each time
    for _ in range(40):
        hurt = bytearray(whole)
        for _ in range(rng.choice((1, 20))):
            hurt[rng.randrange(len(hurt))] ^= 1 << rng.randrange(8)
        path = tmp_path / "hurt.plan"
        path.write_bytes(hurt)
        for command in ("review", "report"):
            assert "unexpected" not in cli(command, path, code=None).err
    assert len(live(registry)) == 6


def test_what_is_no_plan_is_said_to_be_none(cli: Cli, registry: Local, tmp_path: Path) -> None:
    text, empty, folder, pipe = (tmp_path / name for name in ("text", "empty", "folder", "pipe"))
    text.write_text("a plan\n" * 1000)
    empty.touch()
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (text, empty, folder, pipe, "/dev/zero", registry.path / "registry.db"):
        for command in (
            ("review", path), ("report", path), ("resume", path), ("restore", "--plan", path),
            ("apply", path, "--yes", "--expect", "1"),
        ):  # fmt: skip
            assert f"error: {path} is not a plan." in cli(*command, code=1).err


def test_a_second_name_of_the_file_is_the_same_plan(
    cli: Cli, registry: Local, plan: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.plan"
    again.hardlink_to(plan)
    with closing(sqlite3.connect(registry.path / "registry.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        cli("apply", plan, "--yes", "--expect", "2", "--detach")
        for other in tmp_path.glob("*.lock"):
            other.unlink()
        ran = cli("apply", again, "--yes", "--expect", "2", code=1)
        assert "applied already (applying)" in ran.err
        conn.execute("ROLLBACK")
    assert cli("resume", plan, code=None).code in {0, 1}
    assert len(live(registry)) == 4


def test_credentials_go_where_this_person_said_and_nowhere_else(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.plan"
    server = fresh()
    server.seed([Entry("1", "acme/text", "dataset", url="https://example.org/text")])
    cli("plan", server.address, "acme/text", "--unknown-lineage", "-o", path)
    monkeypatch.setenv("ARTIFACT_TUI_STATE", str(tmp_path / "other"))
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "not-for-you-0123456789")
    server.clear()
    words = ("apply", path, "--yes", "--expect", "1")
    ran = cli(*words, code=1)
    assert f"Only the plan {path} names {server.address}" in ran.err
    assert f"--registry {server.address}" in ran.err
    assert server.sent("GET") == server.sent("DELETE") == server.sent("POST") == []
    other = cli(*words, "--registry", "http://127.0.0.1:9/api", code=2)
    assert "and not for http://127.0.0.1:9/api" in other.err
    assert f"Only the plan {path} names" in cli("restore", "--plan", path, code=1).err
    assert server.sent("GET") == server.sent("POST") == []
    cli(*words, "--registry", server.address)
    assert server.entries() == []


def test_what_is_shown_under_another_name_stays_at_every_kind(
    cli: Cli, vision: Wandb, tmp_path: Path
) -> None:
    """Versions, a link of the organisation's registry, and a whole collection."""
    team = vision.address("acme")
    for number, (words, forged, before) in enumerate((
        (("vision", "name:net version:v0"), "label='v9'", 7),
        ((team, "name:*Prod"), "collection='wandb-registry-model/Other'", 7),
        (("vision", "--collection", "mnist", "--whole-collections", "--break-links",
          "--orphan-dependents", "--unknown-lineage"), "collection='old-mnist'", 7),
    )):  # fmt: skip
        path = tmp_path / f"{number}.plan"
        cli("plan", *words, "--delete-aliases", "-o", path)
        forge(path, f"UPDATE item SET {forged}")
        ran = cli(
            "apply", path, "--registry", words[0], "--yes", "--expect", str(going(path)), code=1
        )
        assert "the registry does not call it what was shown" in ran.out
        assert len(vision.versions("COMMITTED")) == before
        assert not vision.done()
    path = tmp_path / "honest.plan"
    cli("plan", team, "name:*Prod", "--delete-aliases", "-o", path)
    assert "1 unlinked" in cli("apply", path, "--yes", "--expect", "1").out


def going(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        (count,) = conn.execute("SELECT count(*) FROM item WHERE verdict='delete'").fetchone()
        return int(count)


def test_a_wrong_value_in_any_column_is_said_in_one_sentence(cli: Cli, registry: Local) -> None:
    plan = config.plans_dir() / "p.plan"
    cli("plan", registry.address, "name:net", "-o", plan)
    with closing(sqlite3.connect(plan, isolation_level=None)) as conn:
        conn.execute("INSERT INTO run VALUES(1, 5, 'h', 1, 1, 1, 'x')")
        columns = [
            (table, row[1])
            for table in ("plan", "item", "progress", "journal", "run")
            for row in conn.execute(f"PRAGMA table_info({table})").fetchall()
        ]
    whole = plan.read_bytes()
    for table, column in columns:
        for value in ("x'00ff41'", "'zz'", "9223372036854775807"):
            plan.write_bytes(whole)
            with closing(sqlite3.connect(plan, isolation_level=None)) as conn:
                conn.execute("PRAGMA ignore_check_constraints=ON")
                with suppress(sqlite3.Error):
                    conn.execute(f"UPDATE {table} SET {column}={value}")
            for words in (("report", plan, "--items"), ("tasks", "--json"), ("review", plan)):
                ran = cli(*words, code=None)
                assert "unexpected" not in ran.err, (table, column, value, words)
    assert len(live(registry)) == 6
