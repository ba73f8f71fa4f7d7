"""Somebody deletes in a W&B project: without aliases, links, a whole collection, under a quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage import LineageCoverage
from tests.servers.wandb.scenes import Name, Series, Version
from tests.servers.wandb.traps import Fault, Quota
from tests.tui.review.world import types_it
from tests.tui.support import NARROW
from tests.tui.wandb.world import MODELS, REGISTRY, goes_to

if TYPE_CHECKING:
    import pytest

    from tests.servers.wandb.process import Server
    from tests.tui.support import User
    from tests.tui.wandb.world import Project

SHELF = "acme/vision/candidates"


async def applies(user: User, typed: str) -> None:
    """Type the confirmation, and apply the plan."""
    await types_it(user, typed)
    await user.sees("enter applies the plan now")
    await user.presses("enter")
    await user.sees("Tasks")


async def test_all_without_alias_leaves_what_is_named_anywhere(
    server: Server, team: Project
) -> None:
    async with team.opened(frozen=False) as user:
        await user.presses("slash", *"type:model alias:none link:no -sweep", "enter")
        await user.sees("3 of 22")
        await user.presses("plus")
        await user.sees("would mark 3 versions")
        await user.presses("enter")
        await user.sees("3 marked")
        await user.presses("d")
        await user.sees("Review · 3 versions in 2 collections", "other collections show them")
        await user.sees("no way back", "charged by the registry", "storage meter lags")
        await applies(user, "small")
        await user.sees("2 deleted", "left alone, needs consent")
        await user.presses("escape")
        await user.sees("1 marked")  # the others are in the trash, as the next sync tells
    alive = server.alive()
    assert {f"{MODELS}:{label}" for label in ("v1", "v2", "v3", "v4")} <= alive
    assert not {f"{MODELS}:v0", "acme/vision/small:v0"} & alive


async def test_links_are_unlinked_and_their_sources_stay(server: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "candidates:v1")
        await user.presses("h", "d")
        await user.sees("Review · 2 links", "needs your consent", "carry an alias: staging")
        await user.presses("a")
        await user.sees("2 links will be removed; their sources stay")
        await applies(user, "candidates")
        await user.sees("2 unlinked")
        await user.presses("enter")
        await user.sees("unlinked", "candidates:v0")
    assert server.state()["collections"][SHELF]["versions"] == {}
    assert {f"{MODELS}:v3", f"{MODELS}:v1"} <= server.alive()
    assert not any("deleteArtifact " in one for one in server.done())


async def test_a_collection_of_links_goes_whole_and_the_sources_stay(
    server: Server, team: Project
) -> None:
    async with team.opened(NARROW, frozen=False) as user:
        await goes_to(user, "candidates:v1")
        await user.presses("h", "d")
        await user.sees("Review · 2 links")
        await user.presses("a")
        await user.sees("cheaper")
        await user.presses("c")
        await user.sees("whole collections", "candidates (2 links")
        await applies(user, "candidates")
        await user.sees("finished")
    assert server.done() == [f"deleteArtifactPortfolio {SHELF}"]
    assert {f"{MODELS}:v3", f"{MODELS}:v1"} <= server.alive()


async def test_one_request_deletes_a_whole_collection(server: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "sweep:v3")
        await user.presses("h", "d")
        await user.sees("all 12 versions of sweep: one request deletes the collection too")
        await user.sees("11 requests fewer")
        await user.presses("c")
        await user.sees("one request each: sweep (12 versions)", "one by one")
        await user.presses("j", "enter")
        await user.sees("sweep  collection of model", "if nothing in it changed")
        await user.presses("escape", "p")
        await user.sees("delete collection sweep with all that is in it")
        await user.presses("escape")
        await applies(user, "sweep")
        await user.sees("finished", "delete 13 items")
        await user.presses("enter")
        await user.sees("Result · delete 13 items", "deleted, verified gone")
    assert server.done() == ["deleteArtifactSequence acme/vision/sweep"]
    assert not any(path.startswith("acme/vision/sweep") for path in server.alive())


async def test_a_link_made_since_the_review_is_not_broken(server: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "mnist:v0")
        await user.presses("d")
        await user.sees("will be deleted", "tab to type here")
        server.add(links=[{"portfolio": REGISTRY, "version": f"{MODELS}:v0"}])
        await applies(user, "y")
        await user.sees("1 refused", "another collection shows it since the review")
    assert f"{MODELS}:v0" in server.alive()


async def test_broken_links_need_consent_of_their_own(server: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "mnist:v1")
        await user.presses("d")
        await user.sees("the links would break: acme/vision/candidates", "include them")
        await user.presses("L")
        await user.sees("links that break", "keep them", "links in other collections break")
        await user.presses("L")
        await user.sees_no("links that break")
        await user.presses("L")
        await user.sees("Type 1 to delete")
        await applies(user, "1")
        await user.sees("1 deleted")
    assert f"{MODELS}:v1" not in server.alive()


async def test_a_protected_alias_is_refused_in_the_servers_words(
    server: Server, team: Project
) -> None:
    server.add(names=[Name(at=f"{REGISTRY}:v0", alias="production")])
    server.add(places=[{"path": "acme-org/wandb-registry-model", "protected": ["production"]}])
    async with team.opened(frozen=False) as user:
        await goes_to(user, "mnist:v2")
        await user.presses("d")
        await user.sees("live versions outside this plan were made from it")
        await user.sees("Nothing would be deleted as it stands")  # keys are heard from then on
        await user.presses("o")
        await user.sees("carry an alias: production")
        await user.presses("a")
        await user.sees("the links would break")
        await user.presses("L")
        await user.sees("lose a parent", "aliases that go", "links that break")
        await applies(user, "vision")
        await user.sees("1 refused", "protected")
    assert f"{MODELS}:v2" in server.alive()


async def test_the_lineage_of_the_whole_plan_is_asked_for_before_the_review(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await user.presses("space", "d")
        await user.sees("Review · 5 versions", "live versions outside this plan were made from it")
        assert "artifact" in server.counts() or "nodes" in server.counts()
        assert server.done() == []


async def test_a_review_without_an_answer_says_that_not_all_is_known(
    server: Server, team: Project
) -> None:
    async with team.opened() as user:
        await user.sees("22 of 22")
        server.change(faults=(Fault("403", fields=("artifact",)),))
        await user.presses("slash", *"digits", "enter")
        await user.sees("1 of 22")
        await user.presses("d")
        await user.sees("dependents are not fully known: the registry did not tell")
        await user.sees("not all that was made from these is known", "Nothing would be deleted")
        await user.presses("u")
        await user.sees("others may lose this parent without our knowing")


async def test_a_question_that_was_cut_short_says_so(
    team: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(*_: object, **__: object) -> LineageCoverage:
        return LineageCoverage(100_000, 100_000, capped=True)

    monkeypatch.setattr("artifact_tui.catalog.lineage.ask_lineage", prepare)
    async with team.opened() as user:
        await goes_to(user, "digits:v0")
        await user.presses("d")
        await user.sees("is known: there are more than the 100,000 versions")


async def test_what_w_and_b_made_or_an_upload_left_is_included_by_a_key(
    server: Server, team: Project
) -> None:
    server.add(
        series=[
            Series(path="acme/vision/table", type="run_table", versions=[Version(size=90_000_000)]),
            Series(path="acme/vision/table2", type="run_table",
                   versions=[Version(size=80_000_000, state="PENDING")]),
        ]
    )  # fmt: skip
    async with team.opened() as user:
        await user.sees("table2")
        await user.presses("slash", *"type:run_table", "enter")
        await user.sees("2 of 24")
        await user.presses("plus", "enter")
        await user.sees("2 marked")
        await user.presses("d")
        await user.sees("the registry made it by itself, and may refuse")
        await user.sees("its upload began over 7 days ago, and never ended")
        await user.sees("Nothing would be deleted")
        await user.presses("m")
        await user.sees("by your consent", "will be deleted            1")
        await user.presses("f")
        await user.sees("will be deleted            2")
        await user.presses("m")
        await user.sees("Nothing would be deleted")
    assert server.done() == []


async def test_a_throttled_task_says_what_it_waits_for(server: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "sweep:v3")
        await user.presses("h", "d")
        await user.sees("will be deleted", "tab to type here")
        server.change(quota=Quota(most=1, window_s=6.0, counts="mutations"), batch=1)
        await applies(user, "sweep")
        await user.sees("Pace: W&B")
        server.change(quota=None)
        await user.sees("12 deleted", "finished")
    assert not any(path.startswith("acme/vision/sweep") for path in server.alive())


async def test_the_header_says_what_holds_up_the_sync(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await user.sees("22 of 22")
        server.change(quota=Quota(most=1, window_s=6.0))
        server.ask("query{viewer{id}}")
        await user.presses("r")
        await user.sees("syncing · W&B")
        await user.sees("synced just now")


async def test_the_trash_shows_what_cannot_come_back(server: Server, team: Project) -> None:
    server.ask(
        "mutation($i:DeleteArtifactInput!){deleteArtifact(input:$i){artifact{id}}}",
        i={"artifactID": server.ids()[f"{MODELS}:v0"]},
    )
    async with team.opened() as user:
        await user.presses("u")
        await user.sees("mnist:v0", "What is deleted cannot be restored or purged from here.")
        await user.sees("W&B frees the bytes at its next garbage collection")
        await user.presses("r")
        await user.sees("this registry cannot restore")
        await user.presses("d")
        await user.sees("this registry cannot purge")
        await user.presses("c")
        await user.sees("Not possible here: W&B frees the bytes")


async def test_an_empty_trash_promises_nothing(team: Project) -> None:
    async with team.opened() as user:
        await user.presses("u")
        await user.sees("No deleted version is listed.", "cannot be restored")


async def test_a_session_that_only_reads_changes_nothing(server: Server, team: Project) -> None:
    async with team.opened(read_only=True) as user:
        await goes_to(user, "mnist:v0")
        await user.presses("d")
        await user.sees("this session is read-only")
        await user.presses("a")
        await user.sees("this session is read-only")
        await user.presses("T")
        await user.sees("a change is for mnist:v0")
        await user.presses("s")
        await user.sees("this session is read-only")
    assert server.done() == []
