"""Somebody looks around in a W&B project: links, what is kept, lineage that is told when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.config import Config
from tests.servers.wandb.traps import Fault
from tests.tui.browse.test_filter import in_a_bunch
from tests.tui.support import NARROW
from tests.tui.wandb.world import MODELS, REGISTRY, goes_to

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server
    from tests.tui.wandb.world import Project


async def test_links_are_told_apart_and_named_after_their_source(team: Project) -> None:
    async with team.opened() as user:
        await user.sees("6 collections · 22 versions", "▸ ↗ candidates", "▸ mnist")
        await goes_to(user, "candidates:v0")
        await user.sees("v0 ↗ mnist:v3 staging", "↗ shows mnist:v3", "the source stays")
        await user.sees("made from   see its source", "dependents  see its source")
        assert "↳" not in user.line("v0 ↗ mnist:v3")


async def test_a_version_names_the_collections_that_show_it(team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v2")
        await user.sees("v2 ↗1 production↗", "shown in    ↗ acme-org/wandb-registry")
        await user.sees("production in acme-org", "charged     4 MB by the registry")
        await user.sees("used by     1 run")


async def test_what_the_registry_keeps_is_said_before_anyone_tries(team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "job-train:v0")
        await user.sees("v0 ◇ kept", "◇ the registry keeps it:")
        await user.presses("d")
        await user.sees("the registry keeps it, whoever asks", "Nothing would be deleted")


async def test_what_was_left_out_of_a_sync_is_said_until_one_leaves_nothing_out(
    server: Server, team: Project
) -> None:
    server.change(drop_fields=("Organization.orgEntity",))
    async with team.opened(where="acme") as user:
        await user.sees("The registries of the organisation are not listed.", "1 notice")
        server.change(drop_fields=())
        await user.presses("r")
        await user.sees("synced just now", "7 collections · 23 versions")
        await user.sees_no("notice")


async def test_signs_without_unicode(team: Project) -> None:
    async with team.opened(config=Config(ascii=True)) as user:
        await goes_to(user, "candidates:v0")
        await user.sees("v @ candidates", "v0 @ mnist:v3 staging", "@ shows mnist:v3")
        await goes_to(user, "job-train:v0")
        await user.sees("= kept")
        assert user.screen.isascii()


async def test_inherited_and_own_times_to_live(server: Server, team: Project) -> None:
    server.add(series=[])
    async with team.opened() as user:
        await goes_to(user, "mnist:v1")
        await user.sees("30 d, expired 2026-10-19")
        await goes_to(user, "mnist:v0")
        await user.sees("none, it is kept, says")


async def test_lineage_is_asked_for_where_the_cursor_rests_and_nowhere_else(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to(user, "digits:v0")
        await user.sees("dependents  1 direct, 1 in all", "made from   nothing that is known")
        asked = len(server.log())
        await user.sees("↳1")
        in_a_bunch(user, "j", "k", "j", "k")  # the cursor rests nowhere, however slow we are
        await user.pilot.pause(0.8)
        assert len(server.log()) == asked  # it is known by now, and nothing else was asked


async def test_what_was_not_asked_is_not_called_none(server: Server, team: Project) -> None:
    server.change(faults=(Fault("hang_before", fields=("artifact", "artifacts", "nodes")),))
    async with team.opened() as user:
        await goes_to(user, "digits:v0")
        await user.sees("dependents  asking", "made from   asking", "↳?")
        server.change(faults=())


async def test_a_refused_question_is_said_and_not_repeated(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await user.sees("22 of 22")
        server.change(faults=(Fault("403", fields=("artifact",)),))
        await goes_to(user, "digits:v0")
        await user.sees("dependents  could not be asked")
        asked = len(server.log())
        in_a_bunch(user, "j", "k")
        await user.pilot.pause(0.8)
        assert len(server.log()) == asked


async def test_lineage_can_be_walked_and_asked_for_to_the_end(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to(user, "digits:v0")
        await user.presses("L")
        await user.sees("digits v0: 1 direct dependent")
        await user.presses("A")
        await user.sees("Everything below is known now.")
        await user.presses("j", "enter")
        await user.sees("mnist v0:", "made from  digits v0")
        assert server.done() == []


async def test_a_relative_of_another_project_is_named(server: Server, team: Project) -> None:
    far = "acme/other/serving"
    server.add(series=[{"path": far, "versions": [{"run": "deploy"}]}])
    server.add(uses=[{"run": "acme/other/deploy", "version": f"{MODELS}:v4"}])
    async with team.opened() as user:
        await goes_to(user, "mnist:v4")
        await user.presses("L")
        await user.sees("acme/other/serving", "elsewhere")
        await user.presses("j", "enter")
        await user.sees("is of a collection that is not listed here")


async def test_a_narrow_screen_asks_too(team: Project) -> None:
    async with team.opened(NARROW) as user:
        await goes_to(user, "mnist:v2")
        await user.sees("v2 ↗1 production↗", "↳1")
        await user.presses("enter")
        await user.sees("shown in    ↗ acme-org/wandb-registry-model/prod", "dependents  1 direct")


async def test_the_registry_of_the_organisation_is_browsed_with_its_entity(
    server: Server, team: Project
) -> None:
    async with team.opened(where="acme") as user:
        await user.sees("vision/mnist", "↗ wandb-re", "model/prod")
        await goes_to(user, "wandb-registry-model/prod:v0")
        await user.sees("v0 ↗ vision/mnist:v2", "production")
    assert REGISTRY in server.state()["collections"]


async def test_files_are_asked_for_and_listed(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await goes_to(user, "mnist:v2")
        await user.presses("f")
        await user.sees("1 file of mnist:v2", "31 MB  data.bin")
        await user.presses("escape")
        await user.sees_no("data.bin")
        await user.presses("h", "f")
        await user.sees("Files belong to a version")
        server.change(faults=(Fault("403", methods=("POST",)),))
        await user.presses("l", "f")
        await user.sees("W&B refused our credentials")


async def test_what_is_charged_leads_and_can_be_sorted_by(team: Project) -> None:
    async with team.opened() as user:
        await user.sees("charged of")
        await user.presses("s", "c")
        await user.sees("charged▾")
        assert " 47 MB" in user.line("▸ mnist")
