"""Several deletions in one document: given up where a server will not have it, never repeated."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from graphql import build_schema, parse, validate

from artifact_tui.clients.wandb import wandb_deleting
from artifact_tui.model import Deletion, Result
from tests.servers.wandb.engine import SDL
from tests.servers.wandb.scenes import Series, Version
from tests.servers.wandb.traps import Fault, Quota
from tests.unit.wandb.standin import HOME, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from artifact_tui.clients.wandb.wandb_deleting import WandbDeleter
    from artifact_tui.model import Outcome

R = Result
DELETES = ("deleteArtifact",)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    found = Scene()
    yield found
    await found.aclose()


async def delete(
    scene: Scene, keys: Sequence[str], deleter: WandbDeleter | None = None, **consent: Any
) -> list[Outcome]:
    deleter = deleter or scene.deleter(batch=True)
    outcomes = await deleter.delete([Deletion(key, **consent) for key in keys])
    assert [one.key for one in outcomes] == list(keys)
    return outcomes


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    return [one.result for one in outcomes]


def check_once(scene: Scene) -> None:
    """Nothing was carried out twice, and nothing was sent again that had been carried out."""
    assert max(Counter(scene.server.done()).values(), default=0) <= 1
    sent: Counter[str] = Counter()
    for line in scene.server.log():
        if line.kind == "mutation":
            sent.update(str(value) for value in line.variables.values())
            errors = [text for text in line.errors if "could not find" in text]
            assert not errors, "what had been deleted was sent again"


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_documents_are_good_graphql(count: int, *, link: bool) -> None:
    made = build_schema(SDL.read_text())
    document = wandb_deleting.deletions_document(count, link=link)
    assert validate(made, parse(document)) == []


async def test_documents_are_full_from_the_first_on(scene: Scene) -> None:
    keys = scene.fill(63)
    assert results(await delete(scene, keys)) == [R.DONE] * 63
    assert sorted(scene.documents()) == [3, 20, 20, 20]
    assert scene.server.alive() == set()


async def test_off_by_setting(scene: Scene) -> None:
    keys = scene.fill(10)
    await delete(scene, keys, scene.deleter(batch=False))
    assert scene.documents() == [1] * 10


@pytest.mark.parametrize("most", [1, 5])
@pytest.mark.parametrize("shape", ["graphql", "text", "object", "strings"])
async def test_after_a_refusal_it_is_one_at_a_time(scene: Scene, most: int, shape: str) -> None:
    keys = scene.fill(20)
    scene.server.change(batch=most, error_shape=shape)
    deleter = scene.deleter(batch=True)
    assert results(await delete(scene, keys[:10], deleter)) == [R.UNKNOWN] * 10
    assert results(await delete(scene, keys, deleter)) == [R.DONE] * 20
    assert scene.documents() == [10, *[1] * 20]
    check_once(scene)


@pytest.mark.parametrize("errors", ["status", "ok"])
async def test_each_item_has_its_own_answer(scene: Scene, errors: str) -> None:
    versions = [Version(aliases=[f"best{n}"] if n % 3 == 0 else []) for n in range(30)]
    scene.seed(series=[Series(path=f"{HOME}/m", versions=versions)])
    scene.server.change(errors=errors)
    keys = [scene.key(f"{HOME}/m:v{n}") for n in range(30)]
    outcomes = await delete(scene, keys)
    assert results(outcomes) == [R.REFUSED if n % 3 == 0 else R.DONE for n in range(30)]
    assert all("best" in one.message for one in outcomes if one.result is R.REFUSED)
    assert scene.server.alive() == {f"{HOME}/m:v{n}" for n in range(0, 30, 3)}
    check_once(scene)


async def test_of_what_an_emptied_answer_leaves_out_nothing_is_known(scene: Scene) -> None:
    versions = [Version(aliases=["best"] if n == 12 else []) for n in range(20)]
    scene.seed(series=[Series(path=f"{HOME}/m", versions=versions)])
    scene.server.change(non_null=True)
    keys = [scene.key(f"{HOME}/m:v{n}") for n in range(20)]
    found = results(await delete(scene, keys))
    assert found == [R.REFUSED if n == 12 else R.UNKNOWN for n in range(20)]
    assert scene.documents() == [20]


@pytest.mark.parametrize("kind", ["half_rst", "half_500", "rst_after", "500_after", "garbage"])
async def test_a_lost_document_is_unknown_and_others_hold_half(scene: Scene, kind: str) -> None:
    keys = scene.fill(60)
    deleter = scene.deleter(batch=True)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES, first=1)])
    assert results(await delete(scene, keys[:20], deleter)) == [R.UNKNOWN] * 20
    assert results(await delete(scene, keys[20:], deleter)) == [R.DONE] * 40
    assert scene.documents() == [20, 10, 10, 10, 10]


async def test_what_a_quota_keeps_waiting_is_given_back(scene: Scene) -> None:
    """A document may cost more than the quota has; what is smaller then fits."""
    keys = scene.fill(20)
    scene.server.change(quota=Quota(most=12, window_s=0.1, counts="mutations", headers=False))
    deleter = scene.deleter(batch=True)
    assert results(await delete(scene, keys, deleter)) == [R.WAITED] * 20
    assert results(await delete(scene, keys, deleter)) == [R.DONE] * 20


@pytest.mark.parametrize("kind", ["413", "400"])
async def test_someone_between_who_finds_it_too_large(scene: Scene, kind: str) -> None:
    keys = scene.fill(20)
    deleter = scene.deleter(batch=True)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES, first=1)])
    assert set(results(await delete(scene, keys, deleter))) <= {R.UNKNOWN, R.FAILED}
    assert results(await delete(scene, keys, deleter)) == [R.DONE] * 20
    assert scene.documents()[1:] == [1] * 20
