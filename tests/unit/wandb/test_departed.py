"""The quick look after a deletion says the same of what is gone, and looks twice at the rest."""

from __future__ import annotations

import pytest

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion, VersionState
from tests.servers.wandb.process import fresh, shared
from tests.servers.wandb.scenes import Link, Series, Version
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.opened import HOME, opened

SHELF = f"{HOME}/picked"


def keys_of(count: int, **traps: object) -> list[str]:
    server = fresh(**traps)
    found = server.fill(1, count)
    server.clear()
    return [wandb_model.SourceKey(found[f"{HOME}/model-0000:v{n}"]).key for n in range(count)]


@pytest.mark.parametrize("deleted", ["listed", "found", "gone"])
async def test_gone_and_there_are_told_apart(deleted: str) -> None:
    keys = keys_of(8, deleted=deleted)
    async with opened() as client, opened() as other:
        await client.delete([Deletion(key) for key in keys[:5]])
        quick, full = await client.facts(keys), await other.facts(keys)
        again = await client.facts(keys)
    assert quick.keys() == full.keys() == again.keys()
    assert list(quick) == [key for key in keys if key in quick]
    assert again == full, "asked again it is a full look"
    for key, facts in quick.items():
        assert (facts.state, facts.digest) == (full[key].state, full[key].digest)
        assert (facts.state is VersionState.TRASH) == (key in keys[:5])
        assert facts == full[key] or facts.state is VersionState.TRASH


async def test_the_quick_look_asks_little() -> None:
    keys = keys_of(40)
    async with opened() as client:
        await client.delete([Deletion(key) for key in keys])
        server = shared()
        server.clear()
        await client.facts(keys)
    (line,) = server.log()
    assert "aliases" not in line.document


async def test_what_is_still_there_is_looked_at_in_full() -> None:
    """Somebody brought it back, or the answer was a lie."""
    keys = keys_of(4)
    async with opened() as client, opened() as other:
        client._departed.note(keys[:2])
        assert await client.facts(keys) == await other.facts(keys)


async def test_links_are_always_looked_at_in_full() -> None:
    server = fresh()
    found = server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v0", aliases=["x"])],
    )
    link = wandb_model.LinkKey(found[SHELF], found[f"{HOME}/m:v0"]).key
    async with opened() as client:
        client._departed.note([link])
        assert [one.name for one in (await client.facts([link]))[link].aliases] == ["x"]
        await client.delete([Deletion(link)])
        assert await client.facts([link]) == {}


async def test_a_look_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artifact_tui.clients.transport.BACK_S", 0.0001)
    keys = keys_of(3)
    async with opened() as client:
        await client.delete([Deletion(key) for key in keys])
        shared().change(faults=[Fault(kind="500")])
        with pytest.raises(RegistryError):
            await client.facts(keys)
