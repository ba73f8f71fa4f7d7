"""Aliases, tags and times to live: only what changes is sent, and each edit ends in the truth."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.wandb import wandb_editing
from artifact_tui.clients.wandb.wandb_editing import WandbEditor
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Deletion, Edit, Outcome, Result
from tests.servers.wandb.scenes import Link, Place, Series, Version
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.standin import HOME, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

R = Result
DAY = 86_400_000_000
SHELF = "acme-org/wandb-registry-model/best"
WRITES = ("addAliases", "deleteAliases", "updateArtifact")


class Desk(Scene):
    """A stand-in, and somebody who edits."""

    def __init__(self) -> None:
        super().__init__()
        self.editor = WandbEditor(self.graph)

    async def edit(self, path: str, **changes: Any) -> tuple[Result, str]:
        (outcome,) = await self.many(Edit(self.of(path), **changes))
        return outcome.result, outcome.message

    async def many(self, *edits: Edit) -> list[Outcome]:
        outcomes = await self.editor.edit(edits)
        assert [one.key for one in outcomes] == [one.key for one in edits]
        return outcomes

    def of(self, path: str) -> str:
        return self.link(path) if path.startswith(SHELF) else self.key(path)

    def shown(self, path: str) -> dict[str, Any]:
        where, _, label = path.partition(":")
        found: dict[str, Any] = self.server.state()["collections"][where]["versions"][label]
        return found

    def writes(self) -> list[tuple[str, dict[str, Any]]]:
        """Every writing request: its field, and its input."""
        return [
            (line.fields[0], dict(line.variables["i"]))  # type: ignore[call-overload]
            for line in self.server.log()
            if line.kind == "mutation"
        ]

    async def aclose(self) -> None:
        await self.graph.aclose()
        await super().aclose()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    versions = [
        Version(aliases=["best"], tags=["old"]),
        Version(aliases=["latest", "candidate"], tags=["new"], ttl=3600),
        Version(),
        Version(aliases=["plain"], tags=["old"], ttl=3600),
    ]
    found.seed(
        places=[Place(path="acme/shut", read_only=True)],
        series=[
            Series(path=f"{HOME}/m", versions=versions),
            Series(path=f"{HOME}/history", type="wandb-history", versions=[Version()]),
            Series(path=f"{HOME}/src", type="code", versions=[Version()]),
            Series(path="acme/shut/m", versions=[Version()]),
        ],
        links=[
            Link(portfolio=SHELF, version=f"{HOME}/m:v0", aliases=["staging"]),
            Link(portfolio=SHELF, version=f"{HOME}/m:v1"),
        ],
    )
    yield found
    await found.aclose()


M0, M1, M2, M3 = (f"{HOME}/m:v{n}" for n in range(4))


# aliases


async def test_aliases_are_added_removed_and_moved(desk: Desk) -> None:
    found = await desk.edit(M2, add_aliases=("best", "fresh"))
    assert found == (R.DONE, "best moved from v0")
    assert await desk.edit(M1, remove_aliases=("candidate",)) == (R.DONE, "")
    assert desk.shown(M0)["aliases"] == []
    assert desk.shown(M1)["aliases"] == ["latest"]
    assert desk.shown(M2)["aliases"] == ["best", "fresh"]


async def test_an_alias_of_a_link_belongs_to_the_link(desk: Desk) -> None:
    found = await desk.edit(f"{SHELF}:v1", add_aliases=("staging",))
    assert found == (R.DONE, "staging moved from v0")
    assert desk.shown(f"{SHELF}:v0")["aliases"] == []
    assert desk.shown(f"{SHELF}:v1")["aliases"] == ["staging"]
    assert desk.shown(M0)["aliases"] == ["best"]
    assert (await desk.edit(f"{SHELF}:v1", remove_aliases=("staging",)))[0] is R.DONE
    assert desk.shown(f"{SHELF}:v1")["aliases"] == []


async def test_what_is_so_already_is_not_sent(desk: Desk) -> None:
    same = await desk.edit(
        M3, add_aliases=("plain",), remove_aliases=("nobody",), add_tags=("old",),
        remove_tags=("never",), ttl_us=3600 * 1_000_000,
    )  # fmt: skip
    assert same == (R.DONE, "")
    assert desk.writes() == []


async def test_an_alias_goes_to_the_last_of_several_edits(desk: Desk) -> None:
    edits = [Edit(desk.of(path), add_aliases=("best",)) for path in (M1, M2, M0, M2)]
    assert [one.result for one in await desk.many(*edits)] == [R.DONE] * 4
    assert [desk.shown(path)["aliases"].count("best") for path in (M0, M1, M2)] == [0, 0, 1]


# tags and times to live


async def test_only_the_keys_that_change_are_sent(desk: Desk) -> None:
    await desk.edit(M3, add_tags=("old", "kept for now"), ttl_us=30 * DAY)
    ((field, sent),) = desk.writes()
    assert field == "updateArtifact"
    assert sent.keys() == {"artifactID", "tagsToAdd", "ttlDurationSeconds"}
    assert sent["tagsToAdd"] == [{"tagName": "kept for now"}]
    assert desk.shown(M3)["tags"] == ["kept for now", "old"]
    assert desk.shown(M3)["ttl"] == 30 * 86_400
    await desk.edit(M3, remove_tags=("old",))
    assert desk.shown(M3)["tags"] == ["kept for now"]
    assert desk.writes()[1][1].keys() == {"artifactID", "tagsToDelete"}


@pytest.mark.parametrize(
    ("ttl_us", "seconds"),
    [(DAY, 86_400), (1, 1), (1_500_000, 2), (TTL_OFF, -2), (TTL_INHERIT, -1)],
)
async def test_a_time_to_live_is_set_inherited_and_switched_off(
    desk: Desk, ttl_us: int, seconds: int
) -> None:
    assert await desk.edit(M3, ttl_us=ttl_us) == (R.DONE, "")
    assert desk.shown(M3)["ttl"] == seconds
    assert await desk.edit(M3, ttl_us=ttl_us) == (R.DONE, "")
    assert len(desk.writes()) == 1, "the second time it was so already"


async def test_a_server_that_leaves_it_as_it_was_is_found_out(desk: Desk) -> None:
    desk.server.change(ttl_ignored=True)
    for ttl_us in (DAY, TTL_OFF, TTL_INHERIT):
        result, words = await desk.edit(M3, ttl_us=ttl_us)
        assert result is R.REFUSED
        assert "left it as it was" in words
    assert desk.shown(M3)["ttl"] == 3600


# refusals


@pytest.mark.parametrize(
    ("path", "changes", "words"),
    [
        (f"{SHELF}:v0", {"ttl_us": DAY}, "a link has no time to live"),
        (f"{SHELF}:v0", {"add_tags": ("x",)}, "a link has no tags"),
        (f"{HOME}/history:v0", {"ttl_us": DAY}, "wandb-history"),
        (f"{HOME}/src:v0", {"ttl_us": DAY}, "code"),
        (M0, {"add_aliases": ("a/b",)}, "/"),
        (M0, {"add_aliases": ("a:b",)}, ":"),
        (M0, {"add_aliases": ("v7",)}, "name of a version"),
        (M0, {"remove_aliases": ("v0",)}, "name of a version"),
        (M0, {"add_aliases": ("x" * 129,)}, "128"),
        (M0, {"add_aliases": ("",)}, "at least one"),
        (M0, {"add_tags": ("a,b",)}, "letters"),
        (M0, {"add_tags": (" a",)}, "letters"),
        (M0, {"add_tags": tuple(f"t{n}" for n in range(21))}, "20"),
        (M0, {"add_tags": ("x",), "remove_tags": ("x",)}, "at once"),
        (M0, {"add_aliases": ("x",), "remove_aliases": ("x",)}, "at once"),
        (M0, {"ttl_us": 0}, "longer"),
        (M0, {"ttl_us": -7}, "longer"),
    ],
)
async def test_what_cannot_be_is_refused_before_it_is_sent(
    desk: Desk, path: str, changes: dict[str, Any], words: str
) -> None:
    before = desk.server.state()
    result, said = await desk.edit(path, **changes)
    assert (result, words in said) == (R.REFUSED, True), said
    assert desk.writes() == []
    assert desk.server.state() == before


def test_good_names_are_good() -> None:
    tags = ("a", "a-b_c", "two words", "1", "Ünï")
    edit = Edit("k", add_aliases=("x" * 128, "v1.2", "version 3", "v", "é"), add_tags=tags)
    assert wandb_editing.edit_fault(edit) == ""


async def test_the_server_refuses_in_its_own_words(desk: Desk) -> None:
    result, words = await desk.edit("acme/shut/m:v0", add_tags=("x",))
    assert result is R.REFUSED
    assert "permission denied" in words


async def test_what_is_gone_or_nobodys_is_absent(desk: Desk) -> None:
    key = desk.key(M2)
    deleter = desk.deleter(batch=False)
    await deleter.delete([Deletion(key)])
    outcomes = await desk.many(
        *(Edit(k, add_tags=("x",)) for k in (key, "nothing", "artifact:eA=="))
    )
    assert [one.result for one in outcomes] == [R.ABSENT] * 3


async def test_one_outcome_for_each_in_order(desk: Desk) -> None:
    edits = [
        Edit(desk.of(M0), add_tags=("a",)),
        Edit(desk.of(M1), add_aliases=("v1",)),
        Edit("nobody", ttl_us=DAY),
        Edit(desk.of(M2), add_aliases=("b",), ttl_us=DAY),
    ]
    found = [one.result for one in await desk.many(*edits)]
    assert found == [R.DONE, R.REFUSED, R.ABSENT, R.DONE]
    assert await desk.many() == []


# answers that get lost


@pytest.mark.parametrize("kind", ["rst_after", "500_after", "garbage", "truncated", "null_data"])
@pytest.mark.parametrize(
    "changes", [{"add_aliases": ("x",)}, {"remove_aliases": ("plain",)}, {"ttl_us": DAY}]
)
async def test_what_was_done_under_a_lost_answer_is_done(
    desk: Desk, kind: str, changes: dict[str, Any]
) -> None:
    desk.server.change(faults=[Fault(kind=kind, fields=WRITES)])
    assert (await desk.edit(M3, **changes))[0] is R.DONE
    assert len(desk.writes()) == 1


@pytest.mark.parametrize("kind", ["rst_before", "500"])
async def test_what_was_not_done_has_failed(desk: Desk, kind: str) -> None:
    desk.server.change(faults=[Fault(kind=kind, fields=WRITES)])
    before = desk.server.state()
    result, words = await desk.edit(M3, add_aliases=("x",))
    assert result is R.FAILED
    assert "not done" in words
    assert desk.server.state() == before
    assert len(desk.writes()) == 1


async def test_a_look_that_fails_leaves_it_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["artifact_tui.clients.transport"], "BACK_S", 0.0)
    desk.server.change(faults=[Fault(kind="rst_after", fields=WRITES)])
    real = desk.editor._read
    looks: list[str] = []

    async def read(key: str) -> Any:
        if looks:
            desk.server.change(faults=[Fault(kind="500")])
        looks.append(key)
        return await real(key)

    monkeypatch.setattr(desk.editor, "_read", read)
    assert (await desk.edit(M3, add_aliases=("x",)))[0] is R.UNKNOWN


async def test_a_half_done_edit_says_which_half(desk: Desk) -> None:
    desk.server.change(faults=[Fault(kind="400", fields=("updateArtifact",))])
    result, words = await desk.edit(M3, add_aliases=("x",), add_tags=("y",))
    assert result in {R.REFUSED, R.FAILED}
    assert words.startswith("done: adding aliases; then, changing tags or time to live: ")
    assert desk.shown(M3)["aliases"] == ["plain", "x"]
