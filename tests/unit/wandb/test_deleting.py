"""Deletions: what each answer means for its item, and that a link's source is never touched."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.model import Deletion, Result
from tests.servers.wandb.scenes import Link, Place, Series, Version
from tests.servers.wandb.traps import Fault, Quota
from tests.unit.wandb.standin import HOME, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

R = Result
SHELF = "acme-org/wandb-registry-model/best"
DELETES = ("deleteArtifact",)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    found = Scene()
    yield found
    await found.aclose()


async def delete(
    scene: Scene, keys: Sequence[str], *, batch: bool = False, **consent: Any
) -> list[Result]:
    deleter = scene.deleter(batch=batch)
    outcomes = await deleter.delete([Deletion(key, **consent) for key in keys])
    assert [one.key for one in outcomes] == list(keys)
    return [one.result for one in outcomes]


async def one(scene: Scene, key: str, **consent: Any) -> tuple[Result, str]:
    deleter = scene.deleter(batch=False)
    (outcome,) = await deleter.delete([Deletion(key, **consent)])
    return outcome.result, outcome.message


async def test_each_goes_and_nothing_else(scene: Scene) -> None:
    keys = scene.fill(30)
    assert await delete(scene, keys[5:25]) == [R.DONE] * 20
    left = {f"{HOME}/model-0000:v{n}" for n in (*range(5), *range(25, 30))}
    assert scene.server.alive() == left
    assert scene.documents() == [1] * 20


async def test_several_at_once(scene: Scene) -> None:
    keys = scene.fill(60)
    scene.server.change(latency_ms=30)
    await delete(scene, keys)
    assert scene.server.most_at_once() > 4


async def test_keys_of_nobody_are_absent_and_nothing_is_sent(scene: Scene) -> None:
    scene.fill(1)
    collection = scene.ids[f"{HOME}/model-0000"]
    keys = ["", "no key", "artifact:", wandb_model.SequenceKey(collection).key]
    keys.append(wandb_model.PortfolioKey(collection).key)
    assert await delete(scene, keys) == [R.ABSENT] * 5
    assert scene.server.log() == []
    assert len(scene.server.alive()) == 1


async def test_an_unknown_version_and_one_that_went_before_are_absent(scene: Scene) -> None:
    keys = scene.fill(2)
    await delete(scene, keys[:1])
    unknown = wandb_model.SourceKey("QXJ0aWZhY3Q6OTk5OTk5").key
    assert await delete(scene, [keys[0], unknown, keys[1]]) == [R.ABSENT, R.ABSENT, R.DONE]


async def test_one_that_comes_again_is_sent_once(scene: Scene) -> None:
    first, second = scene.fill(2)
    found = await delete(scene, [first, second, first, first])
    assert found == [R.DONE, R.DONE, R.ABSENT, R.ABSENT]
    assert scene.documents() == [1, 1]


# consent and refusals


async def test_an_alias_needs_consent_and_is_named(scene: Scene) -> None:
    scene.seed(series=[Series(path=f"{HOME}/m", versions=[Version(aliases=["best"]), Version()])])
    result, words = await one(scene, scene.key(f"{HOME}/m:v0"))
    assert result is R.REFUSED
    assert "best" in words
    assert len(scene.server.alive()) == 2
    assert await one(scene, scene.key(f"{HOME}/m:v0"), delete_aliases=True) == (R.DONE, "")
    assert scene.server.alive() == {f"{HOME}/m:v1"}


async def test_consent_is_sent_only_where_it_was_given(scene: Scene) -> None:
    keys = scene.fill(2)
    deleter = scene.deleter(batch=False)
    await deleter.delete([Deletion(keys[0]), Deletion(keys[1], delete_aliases=True)])
    sent = [str(line.variables) for line in scene.server.log()]
    assert sorted("'deleteAliases': True" in text for text in sent) == [False, True]


@pytest.mark.parametrize("errors", ["status", "ok"])
async def test_refusals_are_final_and_in_the_servers_words(scene: Scene, errors: str) -> None:
    scene.server.change(errors=errors)
    scene.seed(
        places=[Place(path="acme/shut", read_only=True)],
        series=[
            Series(path=f"{HOME}/history", type="wandb-history", versions=[Version()]),
            Series(path="acme/shut/m", versions=[Version()]),
        ],
    )
    history = await one(scene, scene.key(f"{HOME}/history:v0"), delete_aliases=True)
    assert history == (R.REFUSED, "W&B refused: cannot delete system managed artifact")
    shut = await one(scene, scene.key("acme/shut/m:v0"))
    assert shut == (R.REFUSED, "W&B refused: permission denied")
    assert len(scene.server.alive()) == 2


async def test_a_protected_alias_of_a_registry_forbids(scene: Scene) -> None:
    scene.seed(
        places=[Place(path="acme-org/wandb-registry-model", protected=["production"])],
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v0", aliases=["production"])],
    )
    for key in (scene.key(f"{HOME}/m:v0"), scene.link(f"{SHELF}:v0")):
        result, words = await one(scene, key, delete_aliases=True)
        assert result is R.REFUSED
        assert "production" in words
    assert scene.server.alive() == {f"{HOME}/m:v0"}


# links


@pytest.mark.parametrize("batch", [False, True])
async def test_a_link_is_unlinked_and_its_source_stays(scene: Scene, *, batch: bool) -> None:
    versions = [Version(aliases=[f"a{n}"]) for n in range(9)]
    paths = [f"{HOME}/m:v{n}" for n in range(9)]
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=versions)],
        links=[Link(portfolio=SHELF, version=path, aliases=["prod"]) for path in paths],
    )
    links = [scene.link(f"{SHELF}:v{n}") for n in range(8)]
    assert await delete(scene, links, batch=batch, delete_aliases=True) == [R.UNLINKED] * 8
    assert scene.server.alive() == set(paths)
    assert list(scene.server.state()["collections"][SHELF]["versions"]) == ["v8"]
    assert set(Counter(what.split()[0] for what in scene.server.done())) == {"unlinkArtifact"}


async def test_a_link_that_is_gone_is_absent(scene: Scene) -> None:
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v0")],
    )
    link = scene.link(f"{SHELF}:v0")
    assert await delete(scene, [link]) == [R.UNLINKED]
    assert await delete(scene, [link]) == [R.ABSENT]
    assert scene.server.alive() == {f"{HOME}/m:v0"}


async def test_links_go_before_their_sources_in_one_call(scene: Scene) -> None:
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version() for _ in range(4)])],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v{n}") for n in range(4)],
    )
    asked = [scene.key(f"{HOME}/m:v{n}") for n in range(4)]
    asked += [scene.link(f"{SHELF}:v{n}") for n in range(4)]
    assert await delete(scene, asked) == [R.DONE] * 4 + [R.UNLINKED] * 4
    kinds = [what.split()[0] for what in scene.server.done()]
    assert kinds == ["unlinkArtifact"] * 4 + ["deleteArtifact"] * 4


# answers that say little or nothing


@pytest.mark.parametrize(
    "kind", ["rst_before", "rst_after", "500_after", "500", "502", "truncated", "html_after"]
)
async def test_an_answer_that_tells_nothing_is_unknown_and_not_sent_again(
    scene: Scene, kind: str
) -> None:
    (key,) = scene.fill(1)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES)])
    assert await delete(scene, [key]) == [R.UNKNOWN]
    assert len(scene.server.log()) == 1


@pytest.mark.parametrize("kind", ["garbage", "deep", "empty_after", "null_data", "null_fields"])
async def test_garbage_is_unknown(scene: Scene, kind: str) -> None:
    (key,) = scene.fill(1)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES)])
    assert await delete(scene, [key]) == [R.UNKNOWN]
    assert len(scene.server.log()) == 1
    assert scene.server.alive() == set()


@pytest.mark.parametrize("shape", ["graphql", "text", "object", "strings"])
async def test_refused_credentials_delete_nothing(scene: Scene, shape: str) -> None:
    keys = scene.fill(40)
    scene.server.change(api_key="f" * 40, error_shape=shape)
    assert set(await delete(scene, keys)) == {R.FAILED}
    assert len(scene.server.alive()) == 40


@pytest.mark.parametrize("headers", [True, False])
async def test_a_throttle_is_waited_for(scene: Scene, *, headers: bool) -> None:
    keys = scene.fill(9)
    quota = Quota(most=5, window_s=0.5, headers=headers, retry_after=headers)
    scene.server.change(quota=quota)
    assert await delete(scene, keys) == [R.DONE] * 9
    assert Counter(scene.server.done()) == Counter(
        f"deleteArtifact {HOME}/model-0000:v{n}" for n in range(9)
    )


async def test_a_throttled_call_can_be_cancelled(scene: Scene) -> None:
    keys = scene.fill(12)
    scene.server.change(quota=Quota(most=5, window_s=600.0))
    deleter = scene.deleter(batch=False)
    call = asyncio.create_task(deleter.delete([Deletion(key) for key in keys]))
    async with asyncio.timeout(10):
        while not scene.transport.waits():  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert len(scene.server.alive()) == 7
