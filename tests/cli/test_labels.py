"""`alias`, `tag` and `ttl` on a local registry: looked at, asked for, done, and said."""

from __future__ import annotations

import shlex
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from artifact_tui import catalog, config
from artifact_tui.catalog import marks
from artifact_tui.model import Deletion
from tests.cli.conftest import on_terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Local
    from tests.support.sync_store import SyncStore

ONE = ("--yes", "--expect", "1")
DAY_US = 86_400_000_000


def day(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, tz=UTC).strftime("%Y-%m-%d")


def records(cli: Cli, registry: Local) -> list[dict[str, Any]]:
    return cli("ls", registry.address, "--versions", "--json").records


def aliases(cli: Cli, registry: Local) -> dict[str, list[str]]:
    found = records(cli, registry)
    return {f"{one['name']}:{one['version']}": one["alias"] for one in found}


def test_a_version_is_shown_as_it_is(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    shown = "net:v0\n  aliases none\n  tags    none\n  ttl     none\n"
    assert cli("alias", *name).out == cli("tag", *name).out == cli("ttl", *name).out == shown
    assert "aliases none" in cli("--read-only", "alias", *name).out
    assert cli("tag", *name, "--json").records[0]["tag"] == []


def test_an_alias_moves_and_says_from_where(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    asked = cli("alias", *name, "--add", "candidate", "--dry-run").out
    assert "+candidate: 1 version of reg will change\n" in asked
    assert "    1  net:v0  +candidate (moves from v2)\n" in asked
    assert aliases(cli, registry)["net:v2"] == ["candidate"]
    ran = cli("alias", *name, "--add", "candidate", *ONE)
    assert "1 of 1 changed.\n" in ran.out
    assert "  aliases candidate\n" in ran.out
    assert aliases(cli, registry)["net:v2"] == []
    again = cli("alias", *name, "--add", "candidate").out
    assert (
        "0 versions of reg will change\n  stay as they are  1  nothing is sent for them\n" in again
    )


def test_only_a_local_alias_is_protected(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    shown = cli("alias", *name, "--add", "b", "--protect", "b", *ONE).out
    assert "  aliases b (protected)\n" in shown
    ran = cli("alias", *name, "--remove", "b", *ONE, code=1)
    assert "0 of 1 changed, 1 not: see why.\n  refused  1  " in ran.out
    assert "is protected" in ran.out
    assert "  aliases none\n" in cli("alias", *name, "--unprotect", "b", "--remove", "b", *ONE).out
    many = (registry.address, "--filter", "net", "--protect", "b")
    assert "for one version" in cli("alias", *many, code=2).err


def test_one_alias_cannot_be_on_two_versions(cli: Cli, registry: Local) -> None:
    words = ("alias", registry.address, "--filter", "name:net", "--add", "x")
    assert "5 versions of net were chosen" in cli(*words, code=2).err
    assert all(found != ["x"] for found in aliases(cli, registry).values())
    cli("alias", registry.address, "--filter", "latest:1", "--add", "x", "--yes", "--expect", "2")
    assert [name for name, found in aliases(cli, registry).items() if "x" in found] == [
        "net:v4",
        "tiny:v0",
    ]


def test_tags_come_and_go(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    assert "  tags    x, y\n" in cli("tag", *name, "--add", "y", "--add", "x", *ONE).out
    assert "  tags    x\n" in cli("tag", *name, "--remove", "y", *ONE).out
    found = cli(
        "tag", registry.address, "--filter", "net", "--add", "x", "--yes", "--expect", "4", "--json"
    ).records
    assert [(one["version"], one["result"]) for one in found] == [
        ("v1", "done"), ("v2", "done"), ("v3", "done"), ("v4", "done"), ("v0", "same"),
    ]  # fmt: skip


def test_a_time_to_live_is_shown_as_dates(cli: Cli, registry: Local) -> None:
    (first, *_) = records(cli, registry)
    made = datetime.fromisoformat(first["created"]).timestamp() * 1e6
    name = (registry.address, "net:v0")
    ran = cli("ttl", *name, "30d", "--dry-run")
    assert f"  1 expires on {day(int(made) + 30 * DAY_US)}\n" in ran.out
    assert "  ttl     none\n" in cli("ttl", *name).out
    assert "  ttl     36 h\n" in cli("ttl", *name, "36h", *ONE).out
    assert "ttl 36 h → none" in cli("ttl", *name, "none", "--dry-run").out
    assert "  ttl     none\n" in cli("ttl", *name, "none", *ONE).out
    assert "inherit no time to live" in cli("ttl", *name, "inherit", code=2).err
    assert "“soon” is no time to live" in cli("ttl", *name, "soon", code=2).err
    assert "Name one version" in cli("ttl", "3d", code=2).err


def test_what_expires_at_once_is_counted_before_it_is_asked(cli: Cli, registry: Local) -> None:
    registry.add("old", created_us=1)
    registry.add("old", content=b"b", created_us=2)
    words = ("ttl", registry.address, "--filter", "name:old|name:tiny", "30d")
    ran = cli(*words, code=2)
    assert ": the filter ttl:expired plans their deletion\n      31 B in all\n" in ran.out
    assert "  1 expires on " in ran.out
    assert f"artifact-tui {shlex.join(words)} --yes --expect 3" in ran.err
    assert "--yes --expect 3" in ran.err
    cli(*words, "--yes", "--expect", "2", code=1)
    assert cli("gc", registry.address, "--dry-run", "--json").records[0]["expired"] == 0
    cli(*words, "--yes", "--expect", "3")
    assert cli("gc", registry.address, "--dry-run", "--json").records[0]["expired"] == 2


@pytest.mark.parametrize(
    ("typed", "code", "tags"), [("y", 0, ["x"]), ("", 1, []), ("yes", 1, []), ("\x03", 130, [])]
)
def test_a_change_is_asked_on_a_terminal(
    cli: Cli, registry: Local, typed: str, code: int, tags: list[str]
) -> None:
    with on_terminal("tag", registry.address, "tiny:v0", "--add", "x") as shell:
        shell.expect_exact("tiny:v0  +tag x")
        shell.expect_exact("type y to change (Enter alone leaves everything as it is): ")
        shell.send(typed if typed == "\x03" else f"{typed}\n")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == code
    assert cli("tag", registry.address, "tiny:v0", "--json").records[0]["tag"] == tags


@pytest.mark.parametrize("production", [False, True])
def test_more_harm_asks_for_more(cli: Cli, registry: Local, *, production: bool) -> None:
    registry.add("old", created_us=1)
    more = ["--production", "--writable"] if production else []
    cli("registries", "add", "mine", registry.address, *more)
    expected = "mine" if production else "1"
    with on_terminal("ttl", "mine", "old:v0", "30d") as shell:
        shell.expect_exact("it expires at once")
        shell.expect_exact(f"type {expected} to change")
        shell.sendline("y")
        shell.expect_exact("Nothing was changed.")
        shell.expect(pexpect.EOF)
    with on_terminal("ttl", "mine", "old:v0", "30d") as shell:
        shell.expect_exact("as it is): ")
        shell.sendline(expected)
        shell.expect_exact("1 of 1 changed.")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == 0


def test_marks_are_changed_and_what_is_in_the_trash_is_not(cli: Cli, registry: Local) -> None:
    keys = {f"{one['name']}:{one['version']}": one["key"] for one in records(cli, registry)}
    registry.change(lambda store: store.delete([Deletion(keys["net:v4"])]))
    registry.change(lambda store: mark(store, [keys["net:v1"], keys["net:v4"]]))
    ran = cli("ttl", registry.address, "--marked", "7d", "--yes", "--expect", "1", "--json")
    assert [(one["version"], one["result"], one["message"]) for one in ran.records] == [
        ("v1", "done", ""),
        ("v4", "left", "it is in the trash"),
    ]
    assert "  not possible  1  nothing is sent for them; each says why\n" in ran.err
    assert "\n      net:v4: it is in the trash\n" in ran.err


def mark(store: SyncStore, keys: list[str]) -> None:
    path = config.marks_file(store.uid)
    with closing(catalog.connect(store.layout.db, marks=path)) as conn:
        marks.mark_keys(conn, keys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("alias", "--filter", "*"), "Say what to change"),
        (("tag", "net:v0", "--filter", "*", "--add", "x"), "not both"),
        (("tag", "--filter", "*", "--marked", "--add", "x"), "Say which versions"),
        (("tag", "--filter", "", "--add", "x"), "Say which versions"),
        (("ttl", "--filter", "*"), "is no time to live"),
        (("ttl", "net:v0", "--filter", "*"), "is no time to live"),
        (("ttl", "net:v0", "30d", "--yes"), "--yes needs --expect COUNT"),
        (("ttl", "net:v0", "30d", "--expect", "1"), "Nothing was changed"),
    ],
)
def test_what_is_not_clear_is_asked_back(
    cli: Cli, registry: Local, words: tuple[str, ...], said: str
) -> None:
    command, *rest = words
    assert said in cli(command, registry.address, *rest, code=2).err


def test_nothing_found_is_nothing_changed(cli: Cli, registry: Local) -> None:
    words = (registry.address, "--filter", "name:nope", "--add", "x")
    assert "Nothing matches name:nope" in cli("tag", *words, code=1).err
    assert "Nothing is marked" in cli("ttl", registry.address, "--marked", "3d", code=1).err


def test_read_only_changes_nothing(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    for words in (
        ["alias", *name, "--add", "b"],
        ["tag", *name, "--add", "b"],
        ["ttl", *name, "3d"],
    ):
        assert "Nothing was changed" in cli("--read-only", *words, *ONE, code=1).err
        assert "1 version" in cli("--read-only", *words, "--dry-run").out
    assert "aliases none" in cli("--read-only", "alias", *name).out


@pytest.mark.parametrize(
    ("option", "alias", "row"),
    [("protect", "candidate", "net:v2"), ("unprotect", "prod", "net:v3")],
)
def test_a_change_of_protection_is_shown_before_it_is_asked(
    cli: Cli, registry: Local, option: str, alias: str, row: str
) -> None:
    words = ("alias", registry.address, row, f"--{option}", alias)
    said = cli(*words, "--dry-run").out
    assert f"{option} {alias}: 1 version of reg will change\n" in said
    assert f"    1  {row}  {option} {alias}\n" in said
    assert "stay as they are" not in said
    (record,) = cli(*words, "--dry-run", "--json").records
    assert (record["result"], record[option]) == ("planned", [alias])
    assert "1 of 1 changed.\n" in cli(*words, *ONE).out
    again = cli(*words).out
    assert (
        "0 versions of reg will change\n  stay as they are  1  nothing is sent for them\n" in again
    )


def test_protection_is_shown_beside_what_else_changes(cli: Cli, registry: Local) -> None:
    words = ("alias", registry.address, "net:v0", "--add", "b", "--protect", "b")
    said = cli(*words, "--dry-run").out
    assert "+b, protect b: 1 version of reg will change\n" in said
    assert "    1  net:v0  +b · protect b\n" in said
    (record,) = cli(*words, *ONE, "--json").records
    assert (record["result"], record["add_alias"], record["protect"]) == ("done", ["b"], ["b"])


def test_an_alias_that_is_not_there_cannot_be_protected(cli: Cli, registry: Local) -> None:
    words = ("alias", registry.address, "net:v0", "--protect", "candidate")
    assert "net:v0 has no alias candidate" in cli(*words, code=1).err
    assert "net:v0 has no alias b" in cli(*words[:3], "--unprotect", "b", code=1).err
