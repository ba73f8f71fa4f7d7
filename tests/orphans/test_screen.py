"""The screen: compare, mark, review, delete, and look again."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from artifact_tui.config import load, resolve
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.tui.review.conftest import world
from tests.tui.review.snap import SIZES, ScreenText
from tests.tui.review.world import types_it
from tests.tui.support import WIDE, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from syrupy.assertion import SnapshotAssertion

    from tests.orphans.beside import Beside
    from tests.tui.review.world import World

__all__ = ["world"]


@asynccontextmanager
async def opened(size: tuple[int, int] = WIDE) -> AsyncIterator[User]:
    """The screen on the configured registry, once its list is there."""
    config = load()
    services = await open_services(resolve(config, "zoo"), config)
    app = ArtifactApp(config, services)
    try:
        async with at(app, size) as user:
            await user.sees("acme/net-1")
            yield user
    finally:
        await app.services.aclose()


async def test_marks_two_orphans_reviews_and_deletes_them(beside: Beside) -> None:
    beside.configure()
    beside.put_models(1, 2, 3, 71, 72)
    beside.put_models(73, size=5000)
    beside.put("artifacts/model/71.zip.bak", "artifactsx/model/99.zip")
    async with opened() as user:
        await user.presses("o")
        await user.sees("Orphans", "compared", "in s3://beside-", "object missing", "in use")
        await user.sees("3 orphans · 7 KB")
        await user.sees("no dataset has an object there")
        await user.presses("enter", "space", "space")
        await user.sees("2 objects marked · 6 KB")
        await user.presses("d")
        await user.sees("Review · 2 stored objects", "6 KB freed, gone for good")
        await user.sees("stored objects go too", "Type 2 to delete")
        await types_it(user, "2")
        await user.presses("enter")
        await user.sees("finished", "2 deleted")
        await user.presses("escape")
        await user.sees("1 orphan · 1 KB")
    assert beside.names() == {
        "artifacts/model/1.zip",
        "artifacts/model/2.zip",
        "artifacts/model/3.zip",
        "artifacts/model/72.zip",
        "artifacts/model/71.zip.bak",
        "artifactsx/model/99.zip",
    }


async def test_missing_objects_are_listed_with_what_they_belong_to(beside: Beside) -> None:
    beside.configure()
    beside.put_models(*range(1, 10))
    async with opened() as user:
        await user.presses("o")
        await user.sees("no object is without its artifact", "object missing")
        await user.presses("enter")
        await user.sees("acme/net-1:10", "its object is not in the storage", "model/10")
        await user.presses("space")
        await user.sees("Not possible here: there is no orphan.")


async def test_a_bucket_with_versions_offers_to_delete_for_good(versioned: Beside) -> None:
    versioned.configure()
    versioned.put_models(1, 71)
    versioned.put_models(71, size=2000)
    async with opened() as user:
        await user.presses("o")
        await user.sees("1 orphan", "a plain deletion frees nothing")
        await user.presses("asterisk", "d")
        await user.sees("hidden only: the bucket keeps versions", "[V] delete for good")
        await user.presses("V")
        await user.sees("3 KB in every stored version of them: gone for good")
        await user.sees("Type zoo to delete", "2 stored objects will be removed for good")
        await types_it(user, "zoo")
        await user.presses("enter")
        await user.sees("finished", "2 deleted")
    assert versioned.stored() == 1


async def test_young_objects_are_counted_and_left_alone(beside: Beside) -> None:
    beside.configure(grace_hours=2)
    beside.put_models(1, 71)
    async with opened() as user:
        await user.presses("o")
        await user.sees("left alone", "younger than 2 h: an upload may be running", "0 orphans")
        await user.presses("d")
        await user.sees("Not possible here: there is no orphan.")


async def test_read_only_compares_and_reviews_nothing(beside: Beside) -> None:
    beside.configure(read_only=True)
    beside.put_models(71)
    async with opened() as user:
        await user.presses("o")
        await user.sees("1 orphan")
        await user.presses("d")
        await user.sees("Not possible here: this session is read-only.")
    assert beside.names() == {"artifacts/model/71.zip"}


async def test_sorts_by_size_age_and_name(beside: Beside) -> None:
    beside.configure()
    beside.put_models(71, size=1000)
    beside.put_models(72, size=9000)
    async with opened() as user:
        await user.presses("o")
        await user.sees("2 orphans")
        await user.presses("s", "s")
        await user.sees("Orphans by name.")
        await user.presses("enter")
        await user.sees("1 KB · changed", "No artifact model/71 is in the registry")


async def test_a_storage_that_fails_says_so(beside: Beside) -> None:
    beside.bucket = "never-made"
    beside.configure()
    async with opened() as user:
        await user.presses("o")
        await user.sees("There is no bucket never-made.")
        await user.presses("d")
        await user.sees("Not possible here: the storage could not be compared")


async def test_without_a_bucket_the_key_says_why(beside: Beside) -> None:
    beside.without_bucket()
    async with opened() as user:
        await user.presses("o")
        await user.sees("Not possible here: no bucket is configured for it.")


async def test_a_local_registry_says_why(world: World) -> None:
    async with world.opened() as user:
        await user.presses("o")
        await user.sees("Not possible here: a local registry keeps its own bytes: gc frees them.")


def steady(screen: str) -> str:
    """The screen as it would be at another time of day."""
    dated = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d", "2026-11-22 22:00", screen)
    dated = re.sub(r"\b\d\d:\d\d UTC", "22:00 UTC", dated)
    quick = re.sub(r" +sync.*armed", "  synced  armed", dated)
    return re.sub(r"\b\d\d? s\b", lambda found: "1 s".rjust(len(found[0])), quick)


@SIZES
async def test_the_screen(
    beside: Beside, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    beside.use(f"shown-{size[0]}")
    beside.configure()
    beside.put_models(*range(1, 9), 71, 72)
    beside.put_models(73, size=250_000)
    async with opened(size) as user:
        await user.presses("o")
        await user.sees("3 orphans")
        await user.presses("enter", "space")
        await user.sees("1 object marked")
        assert steady(user.screen) + "\n" == snapshot(extension_class=ScreenText)


@SIZES
async def test_the_review_of_orphans(
    beside: Beside, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    beside.use(f"hidden-{size[0]}")
    beside.keep_versions()
    beside.configure()
    beside.put_models(1, 71, 72)
    async with opened(size) as user:
        await user.presses("o")
        await user.sees("2 orphans")
        await user.presses("asterisk", "d")
        await user.sees("hidden only", "tab to type here", " tab confirm")
        assert steady(user.screen) + "\n" == snapshot(extension_class=ScreenText)
