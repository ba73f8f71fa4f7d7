"""Somebody sets times to live, aliases and tags in a W&B project, and sees the dates first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.wandb.scenes import Name, Series, Team, Version
from tests.servers.wandb.traps import Fault, Quota
from tests.tui.review.world import types_it
from tests.tui.wandb.world import MODELS, NOW, ago, goes_to

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server
    from tests.tui.support import User
    from tests.tui.wandb.world import Project


def ttl(server: Server, path: str) -> int:
    """Seconds, or what stands for inherited and off."""
    collection, _, label = path.rpartition(":")
    return int(server.state()["collections"][collection]["versions"][label]["ttl"])


async def confirms(user: User, typed: str) -> None:
    await types_it(user, typed)
    await user.sees("enter sends the change now")
    await user.presses("enter")


async def test_what_expires_when_and_another_time_to_live_with_its_dates(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await user.presses("slash", *"sweep", "enter")
        await user.sees("12 of 22")
        await user.presses("space", "T")
        await user.sees("Retention", "expired already", "within a month", "2026-11-28")
        await user.sees("a change is for 12 marked versions")
        await user.presses("s")
        await user.sees("Time to live of 12 versions")
        await user.types("25")
        await user.sees("is no span of time")
        await user.types("d")
        await user.sees("6 by 2026-11-24, 6 would be deleted at once (left as they are)")
        assert server.done() == []
        await user.presses("enter")
        await user.sees("time to live 25 d · 12 versions", "left as they are", "expire later")
        await user.sees("Type y to change")
        assert server.done() == []
        await confirms(user, "y")
        await user.sees("6 of 6 changed.", "left as they are")
        await user.presses("enter")
        await user.sees("✓ sweep:v6")
        assert ttl(server, "acme/vision/sweep:v6") == 25 * 86_400
        assert ttl(server, "acme/vision/sweep:v5") == -1
        assert server.expire(NOW) == {f"{MODELS}:v1"}, "it had expired before"
        await user.presses("escape", "escape")
        await user.sees("a change is for 12 marked versions", "8 versions with a time to live")


async def test_what_would_be_deleted_at_once_is_left_whoever_asks(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to(user, "digits:v0")
        server.add(names=[Name(at=f"{MODELS}:v0", alias="production")])
        for name in ("digits:v0", "mnist:v0"):
            await goes_to(user, name)
            await user.presses("T")
            await user.sees(f"a change is for {name}")
            await user.presses("s")
            await user.types("25d")
            await user.sees("1 would be deleted at once (left as it is)")
            await user.presses("enter")
            await user.sees("Nothing would be changed", "Delete with a plan: d in the list")
            await user.sees("left as they are", "it would be deleted at once")
            await user.presses("escape", "escape")
    assert server.done() == []


async def test_what_was_inherited_is_told_by_another_version(server: Server, team: Project) -> None:
    server.seed(
        teams=[Team(name="acme", ttl=30 * 86_400)],
        series=[
            Series(
                path=MODELS,
                versions=[
                    Version(created_us=ago(100), ttl=-2),
                    Version(created_us=ago(20), ttl=-2),
                    Version(created_us=ago(2)),
                ],
            )
        ],
    )
    async with team.opened() as user:
        await goes_to(user, "mnist:v0")
        await user.presses("h", "T")
        await user.sees("a change is for 3 versions")
        await user.presses("i")
        await user.sees("time to live inherit · 3 versions", "expire later", "left as they are")
        await confirms(user, "y")
        await user.sees("1 of 1 changed.")
    assert ttl(server, f"{MODELS}:v0") == -2


async def test_inherit_and_off_for_the_row(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v3")
        await user.presses("T")
        await user.sees("a change is for mnist:v3")
        await user.presses("o")
        await user.sees("time to live off · mnist:v3", "never expire", "Type y to change")
        await confirms(user, "y")
        await user.sees("1 of 1 changed.")
        assert ttl(server, f"{MODELS}:v3") == -2
        await user.presses("escape")
        await user.sees("Retention")
        await user.presses("i")
        await user.sees("time to live inherit · mnist:v3", "never expire", "Type y to change")
        await confirms(user, "y")
        await user.sees("1 of 1 changed.")
        assert ttl(server, f"{MODELS}:v3") == -1


async def test_what_nobody_tells_may_be_deleted_at_once(server: Server, team: Project) -> None:
    server.seed(series=[Series(path=MODELS, versions=[Version(created_us=ago(9), ttl=-2)])])
    async with team.opened() as user:
        await goes_to(user, "mnist:v0")
        await user.presses("T")
        await user.sees("a change is for mnist:v0")
        await user.presses("i")
        await user.sees("the registry may delete them at once", "Type 1 to change")
        await user.sees("it may expire at once")
        await confirms(user, "1")
        await user.sees("1 of 1 changed.")
        assert ttl(server, f"{MODELS}:v0") == -1


async def test_a_link_has_no_time_to_live_of_its_own(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "candidates:v0")
        await user.presses("T")
        await user.sees("a change is for candidates:v0")
        await user.presses("s")
        await user.types("30d")
        await user.sees("1 not possible")
        await user.presses("enter")
        await user.sees("Nothing would be changed", "not possible")
        await user.presses("enter")
        await user.sees("its source")
    assert server.done() == []


async def test_a_refusal_is_told_for_each_version(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "sweep:v1")
        await user.presses("T")
        await user.sees("a change is for sweep:v1")
        server.change(faults=(Fault("403", fields=("updateArtifact",)),))
        await user.presses("s")
        await user.types("90d")
        await user.sees("1 by 2027-")
        await user.presses("enter")
        await confirms(user, "y")
        await user.sees("0 of 1 changed", "✗ sweep:v1", "W&B refused our credentials")


async def test_a_time_to_live_that_only_admins_set_is_not_called_changed(
    server: Server, team: Project
) -> None:
    server.change(ttl_ignored=True)
    async with team.opened() as user:
        await goes_to(user, "sweep:v1")
        await user.presses("T")
        await user.sees("a change is for sweep:v1")
        await user.presses("s")
        await user.types("90d")
        await user.sees("1 by 2027-")
        await user.presses("enter")
        await confirms(user, "y")
        await user.sees("0 of 1 changed")


async def test_an_alias_moves_and_the_preview_says_from_where(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v0")
        await user.presses("a")
        await user.sees("Aliases and tags of mnist:v0", "now: no alias; tags: none")
        await user.types("latest, best")
        await user.sees("mnist:v0: +latest (moves from v4), +best")
        await user.presses("tab", "tab")
        await user.types("keep me")
        await user.sees("+tag keep me")
        await user.presses("enter")
        await user.sees("Type y to change")
        assert server.done() == []
        await confirms(user, "y")
        await user.sees("1 of 1 changed.")
        await user.presses("escape")
        await user.sees("v0 best latest")
    versions = server.state()["collections"][MODELS]["versions"]
    assert {"latest", "best"} <= set(versions["v0"]["aliases"])
    assert "latest" not in versions["v4"]["aliases"]


async def test_one_alias_is_not_put_on_two_versions_of_a_collection(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await user.presses("slash", *"sweep", "enter")
        await user.sees("12 of 22")
        await user.presses("space", "a")
        await user.sees("Aliases and tags of 12 versions")
        await user.types("best")
        await user.sees("An alias is on one version of a collection")
        await user.presses("ctrl+u", "tab", "tab")
        await user.types("old")
        await user.sees("12 versions would change")
        await user.presses("enter")
        await user.sees("Type 12 to change")
        await confirms(user, "12")
        await user.sees("12 of 12 changed.")
    versions = server.state()["collections"]["acme/vision/sweep"]["versions"]
    assert all(version["tags"] == ["old"] for version in versions.values())


async def test_an_alias_of_another_collection_is_changed_there(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v2")
        await user.presses("a")
        await user.sees("now: production@acme-org/wandb-registry-model/prod")
        await user.presses("tab")
        await user.types("production")
        await user.sees("1 not possible")
        await user.presses("enter")
        await user.sees("is held in acme-org/wandb-registry-model/prod")
    assert server.done() == []


async def test_a_throttled_change_says_what_it_waits_for(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "sweep:v3")
        await user.presses("h", "a")
        await user.sees("Aliases and tags of 12 versions")
        await user.presses("tab", "tab")
        await user.types("old")
        await user.sees("12 versions would change")
        await user.presses("enter")
        await user.sees("Type 12 to change")
        server.change(quota=Quota(most=6, window_s=3.0, counts="mutations"))
        await confirms(user, "12")
        await user.sees("Sending: 0 of 12 changed. W&B")
        await user.sees("12 of 12 changed.")


async def test_marks_say_what_the_registry_charges(team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v2")
        await user.presses("space")
        await user.sees("31 MB listed · 4 MB charged for them")
