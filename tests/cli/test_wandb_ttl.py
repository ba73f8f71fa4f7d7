"""No time to live deletes at once at W&B, whatever was known, told, or changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from artifact_tui.cli import editing
from artifact_tui.edits.changes import ExpiryClock, expiry_clock
from artifact_tui.model import now_us
from tests.cli.conftest import on_terminal
from tests.servers.wandb.scenes import Name, Series, Team, Use, Version

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

MNIST = "acme/vision/mnist"
DAY = 86_400_000_000
YES = ("--yes", "--expect", "1")
DUE = "left as they are  1  they would be deleted at once: delete them with a plan\n"


def ago(days: float) -> int:
    return now_us() - round(days * DAY)


def mnist(vision: Server, *versions: Version, team: int = 0) -> None:
    """Only these, in a team with this time to live in days."""
    vision.seed(
        teams=[Team(name="acme", ttl=team * 86_400)],
        series=[Series(path=MNIST, versions=list(versions))],
    )
    vision.clear()


def left(cli: Cli, vision: Server, *words: str) -> str:
    """What is said of one version that is left as it is, whatever is typed; nothing expires."""
    shown = cli("ttl", "vision", *words, *YES, code=1).out
    (record,) = cli("ttl", "vision", *words, "--json", "--dry-run", code=1).records
    assert record["result"] == "left"
    assert not vision.done()
    assert vision.expire(now_us()) == set()
    return shown + str(record["message"])


def test_what_expires_at_once_is_left_as_it_is_and_the_way_is_named(
    cli: Cli, vision: Server
) -> None:
    versions = [Version(created_us=ago(days)) for days in (90, 60, 10)]
    mnist(vision, *versions)
    words = ("ttl", "vision", "--filter", "name:mnist", "30d")
    said = cli(*words, "--dry-run").out
    assert "time to live 30 d: 1 version of vision will change\n" in said
    assert "  left as they are  2  they would be deleted at once" in said
    assert "      mnist:v0, mnist:v1\n" in said
    these = "(name:mnist version:v0) | (name:mnist version:v1)"
    assert f"      artifact-tui plan vision '{these}'\n" in said
    cli(*words, "--yes", "--expect", "3", code=1)
    assert not vision.done()
    assert "1 of 1 changed.\n" in cli(*words, *YES).out
    found = vision.state()["collections"][MNIST]["versions"]
    assert [found[f"v{n}"]["ttl"] for n in range(3)] == [-1, -1, 30 * 86_400]
    assert vision.expire(now_us()) == set()


def test_whoever_looked_before_it_is_left(cli: Cli, vision: Server) -> None:
    """A run made `net:v1` of `mnist:v1`; nobody asked for that lineage yet."""
    assert DUE in left(cli, vision, "mnist:v1", "30d")
    cli("show", "vision", "mnist:v1")
    assert DUE in left(cli, vision, "mnist:v1", "30d")


def test_what_was_named_after_the_sync_is_left(cli: Cli, vision: Server) -> None:
    cli("ls", "vision")
    vision.add(names=[Name(at=f"{MNIST}:v0", alias="production")])
    assert DUE in left(cli, vision, "mnist:v0", "30d", "--cached")


def test_what_is_inherited_counts_where_another_version_tells_it(cli: Cli, vision: Server) -> None:
    old = Version(created_us=ago(100), ttl=-2, aliases=["production"])
    young = Version(created_us=ago(20), ttl=-2)
    mnist(vision, old, young, Version(created_us=ago(2)), team=30)
    assert DUE in left(cli, vision, "mnist:v0", "inherit")
    said = cli("ttl", "vision", "mnist:v1", "inherit", *YES).out
    assert "  1 expires on 20" in said
    assert vision.expire(now_us()) == set()


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"aliases": ["production"]}, "it carries an alias (production)"),
        ({"used_by": ["train"]}, "live versions were made from it"),
    ],
)
def test_where_nobody_tells_what_is_inherited_what_a_plan_would_ask_about_is_left(
    cli: Cli, vision: Server, facts: dict[str, Any], why: str
) -> None:
    mnist(vision, Version(created_us=ago(100), ttl=-2, **facts), team=30)
    vision.add(series=[Series(path="acme/vision/kid", versions=[Version(run="train", ttl=-2)])])
    assert why in left(cli, vision, "mnist:v0", "inherit")


def test_what_is_not_known_of_lineage_is_asked_for_unless_cached(cli: Cli, vision: Server) -> None:
    mnist(vision, Version(created_us=ago(100), ttl=-2, used_by=["looked-only"]))
    cli("ls", "vision")
    unknown = "what was made from it is not known"
    assert unknown in left(cli, vision, "mnist:v0", "inherit", "--cached")
    assert "1 version of vision will change" in cli("ttl", "vision", "mnist:v0", "inherit",
                                                    "--dry-run").out  # fmt: skip


def test_what_has_dependents_is_left_where_nobody_tells_what_is_inherited(
    cli: Cli, vision: Server
) -> None:
    mnist(vision, Version(created_us=ago(100), ttl=-2))
    vision.add(
        series=[Series(path="acme/vision/kid", versions=[Version(run="r9")])],
        uses=[Use(run="acme/vision/r9", version=f"{MNIST}:v0")],
    )
    cli("show", "vision", "mnist:v0")
    assert "live versions were made from it" in left(cli, vision, "mnist:v0", "inherit")


def test_what_may_be_deleted_at_once_is_said_to_be(cli: Cli, vision: Server) -> None:
    mnist(vision, Version(created_us=ago(100), ttl=-2))
    said = cli("ttl", "vision", "mnist:v0", "inherit", "--dry-run").out
    assert "  inherit  1  as their collection or team says, not known here" in said
    assert "the registry may delete them at once\n" in said


def test_inheriting_asks_for_the_count(cli: Cli, vision: Server) -> None:
    """What would be inherited is not known here, and deletes both at once."""
    mnist(vision, *[Version(created_us=ago(100), ttl=3650 * 86_400)] * 2, team=1)
    with on_terminal("ttl", "vision", "--filter", "name:mnist", "inherit") as shell:
        shell.expect_exact("2 may expire at once")
        shell.expect_exact("type 2 to change")
        shell.sendline("y")
        shell.expect_exact("Nothing was changed.")
        shell.expect(pexpect.EOF)
    assert vision.expire(now_us()) == set()
    with on_terminal("ttl", "vision", "--filter", "name:mnist", "inherit") as shell:
        shell.expect_exact("as it is): ")
        shell.sendline("2")
        shell.expect_exact("2 of 2 changed.")
        shell.expect(pexpect.EOF)
    assert len(vision.expire(now_us())) == 2


def test_what_expired_while_it_was_confirmed_is_not_sent(
    cli: Cli, vision: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist(vision, Version(created_us=ago(29)), Version(created_us=ago(1)))
    clocks = []

    def later(*args: object) -> ExpiryClock:
        """The second look at the clock is two days after the first."""
        clock = expiry_clock(*args)  # type: ignore[arg-type]
        clocks.append(clock)
        return ExpiryClock(clock.now_us + (2 * DAY if len(clocks) > 1 else 0), clock.restores)

    monkeypatch.setattr(editing, "expiry_clock", later)
    words = ("ttl", "vision", "--filter", "name:mnist", "30d", "--yes", "--expect", "2")
    ran = cli(*words, code=1)
    assert "1 of 2 changed, 1 not: see why.\n  refused  1  " in ran.out
    assert "mnist:v0: it would be deleted at once" in ran.out
    assert len(vision.done()) == 1
