"""What is asynchronous about the client: threads, cancelling, closing."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.local import create
from artifact_tui.errors import BusyError
from artifact_tui.model import TTL_OFF, Alias, Deletion, Edit, NewVersion
from tests.support.listing import listed_rows
from tests.unit.local.support import leftovers

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.model import Version


NEW = NewVersion(name="m", type="model")


async def version_of(client: Client, key: str) -> Version:
    """One version, as it is listed now."""
    return next(one for _, one in await listed_rows(client) if one is not None and one.key == key)


async def test_a_day_in_the_life(tmp_path: Path, src: Path) -> None:
    client = create(tmp_path / "r", actor="mara")
    data = await client.add(src, NewVersion(name="data", type="dataset", tags=("raw",)))
    new = NewVersion(
        name="m", type="model", parents=(data,), protected=("production",),
        aliases=("best",), ttl_us=5, run="fancy-cat-7", note="first",
    )  # fmt: skip
    model = await client.add(src / "model.bin", new)
    await client.edit([Edit(data, add_aliases=("stable",), add_tags=("clean",))])
    await client.edit([Edit(data, protect_aliases=("stable",))])
    gone = Edit(
        data, unprotect_aliases=("stable",), remove_aliases=("stable",), remove_tags=("raw",)
    )
    await client.edit([gone])
    await client.edit([Edit(model, ttl_us=TTL_OFF)])
    now = await version_of(client, data)
    assert (now.aliases, now.tags) == ((Alias("latest"),), ("clean",))
    await client.export(data, tmp_path / "out")
    assert (tmp_path / "out" / "model.bin").read_bytes() == (src / "model.bin").read_bytes()
    await client.edit([Edit(model, unprotect_aliases=("production",))])
    await client.delete([Deletion(model, delete_aliases=True)])
    deleted = await version_of(client, model)
    assert (deleted.ttl_us, deleted.deleted_by) == (None, "mara")
    assert (await client.fsck(verify=True)).problems == ()
    await client.aclose()


async def test_many_calls_at_once(tmp_path: Path, src: Path) -> None:
    client = create(tmp_path / "r")
    added = await asyncio.gather(
        *(client.add(src, NewVersion(name=f"c{n % 3}", type="model")) for n in range(12))
    )
    assert len(set(added)) == 12
    lists = await asyncio.gather(*(listed_rows(client) for _ in range(20)))
    assert {len(rows) for rows in lists} == {12}
    await client.aclose()


async def test_the_event_loop_goes_on_while_bytes_are_read(tmp_path: Path, src: Path) -> None:
    client = create(tmp_path / "r")
    reading, go_on = threading.Event(), threading.Event()

    def progress(_done: int, _total: int) -> None:
        reading.set()
        assert go_on.wait(20)

    adding = asyncio.create_task(client.add(src, NEW, progress=progress))
    assert await asyncio.to_thread(reading.wait, 20)
    assert await listed_rows(client) == []
    go_on.set()
    assert (await version_of(client, await adding)).label == "v0"
    await client.aclose()


async def test_a_cancelled_add_stops_reading_and_adds_nothing(tmp_path: Path, src: Path) -> None:
    client = create(tmp_path / "r")
    reading, go_on = threading.Event(), threading.Event()

    def progress(_done: int, _total: int) -> None:
        reading.set()
        assert go_on.wait(20)

    adding = asyncio.create_task(client.add(src, NEW, progress=progress))
    assert await asyncio.to_thread(reading.wait, 20)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    go_on.set()
    await client.aclose()
    assert leftovers(client.store.layout) == []
    again = create(tmp_path / "r")
    assert await listed_rows(again) == []
    await again.aclose()


async def test_an_error_in_a_thread_arrives_as_it_was(tmp_path: Path, src: Path) -> None:
    client = create(tmp_path / "r")

    def progress(_done: int, _total: int) -> None:
        raise BusyError("no more")

    with pytest.raises(BusyError, match="no more"):
        await client.add(src, NEW, progress=progress)
    await client.aclose()
