"""Several deletions in one document: probed first, given up for good, and never sent twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from graphql import build_schema, parse, validate

from artifact_tui.clients.wandb import wandb_deleting
from artifact_tui.clients.wandb.wandb_deleting import MOST_DELETIONS, DocumentSize
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
    names = {wandb_deleting.deletion_field(number, count, link=link) for number in range(count)}
    assert len(names) == count


async def test_the_first_documents_find_out_and_the_rest_is_full(scene: Scene) -> None:
    keys = scene.fill(63)
    assert results(await delete(scene, keys)) == [R.DONE] * 63
    assert scene.documents() == [1, 2, 20, 20, 20]
    assert scene.looks == 1, "the pair is looked at"
    assert scene.server.alive() == set()


async def test_what_was_found_out_is_kept_for_the_connection(scene: Scene) -> None:
    keys = scene.fill(49)
    deleter = scene.deleter(batch=True)
    for part in (keys[:1], keys[1:9], keys[9:]):
        assert set(results(await delete(scene, part, deleter))) == {R.DONE}
    assert scene.documents() == [1, 2, 6, 20, 20]


async def test_off_by_setting(scene: Scene) -> None:
    keys = scene.fill(10)
    await delete(scene, keys, scene.deleter(batch=False))
    assert scene.documents() == [1] * 10


@pytest.mark.parametrize("most", [1, 5])
@pytest.mark.parametrize("shape", ["graphql", "text", "object", "strings"])
async def test_a_server_that_will_not_have_it_gets_one_at_a_time(
    scene: Scene, most: int, shape: str
) -> None:
    keys = scene.fill(60)
    scene.server.change(batch=most, error_shape=shape)
    deleter = scene.deleter(batch=True)
    assert results(await delete(scene, keys, deleter)) == [R.DONE] * 60
    check_once(scene)
    large = [count for count in scene.documents() if count > most]
    assert 1 <= len(large) <= 4, "those that were on their way"
    scene.server.clear()
    more = [scene.key(f"{HOME}/model-0000:v0")]
    await delete(scene, [*more, *more], deleter)
    assert set(scene.documents()) == {1}


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


async def test_one_failure_that_empties_the_data_leaves_nothing_unsaid(scene: Scene) -> None:
    versions = [Version(aliases=["best"] if n == 12 else []) for n in range(40)]
    scene.seed(series=[Series(path=f"{HOME}/m", versions=versions)])
    scene.server.change(non_null=True)
    keys = [scene.key(f"{HOME}/m:v{n}") for n in range(40)]
    found = results(await delete(scene, keys))
    assert found == [R.REFUSED if n == 12 else R.DONE for n in range(40)]
    check_once(scene)


@pytest.mark.parametrize("kind", ["half_rst", "half_500", "rst_after", "500_after", "garbage"])
async def test_a_lost_document_is_unknown_and_not_sent_again(scene: Scene, kind: str) -> None:
    keys = scene.fill(60)
    deleter = scene.deleter(batch=True)
    await delete(scene, keys[:3], deleter)
    scene.server.clear()
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES, first=1)])
    found = Counter(results(await delete(scene, keys[3:], deleter)))
    assert found[R.UNKNOWN] == 20
    assert found[R.DONE] == 37
    sent = [str(v) for line in scene.server.log() for v in line.variables.values()]
    assert len(sent) == len(set(sent)) == 57
    assert max(scene.documents()[1:]) <= MOST_DELETIONS


@pytest.mark.parametrize("kind", ["half_rst", "500_after", "garbage"])
async def test_a_pair_that_is_lost_ends_it(scene: Scene, kind: str) -> None:
    keys = scene.fill(20)
    deleter = scene.deleter(batch=True)
    await delete(scene, keys[:1], deleter)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES, first=1)])
    found = results(await delete(scene, keys[1:], deleter))
    assert found == [R.UNKNOWN] * 2 + [R.DONE] * 17
    assert scene.documents() == [1, 2, *[1] * 17]


async def test_a_quota_too_small_for_a_document_gets_smaller_ones(scene: Scene) -> None:
    keys = scene.fill(26)
    scene.server.change(quota=Quota(most=12, window_s=0.1, counts="mutations", headers=False))
    assert results(await delete(scene, keys)) == [R.DONE] * 26
    check_once(scene)


@pytest.mark.parametrize("kind", ["413", "html_before", "400"])
async def test_someone_between_who_finds_it_too_large(scene: Scene, kind: str) -> None:
    keys = scene.fill(30)
    deleter = scene.deleter(batch=True)
    await delete(scene, keys[:3], deleter)
    scene.server.change(faults=[Fault(kind=kind, fields=DELETES, first=1)])
    found = Counter(results(await delete(scene, keys[3:], deleter)))
    assert set(found) <= {R.DONE, R.UNKNOWN}
    assert kind == "html_before" or found == {R.DONE: 27}
    check_once(scene)


def test_sizes_count_up_only_by_proof() -> None:
    state = DocumentSize(on=True)
    assert (state.size, state.probing) == (1, True)
    state.proved(1)
    assert (state.size, state.probing) == (2, True)
    state.proved(1)
    assert state.size == 2, "one alone proves nothing about two"
    state.proved(2)
    assert (state.size, state.probing) == (MOST_DELETIONS, False)
    state.lost(MOST_DELETIONS)
    assert state.size == MOST_DELETIONS // 2
    state.lost(MOST_DELETIONS)
    assert state.size == MOST_DELETIONS // 2, "documents of the same time are one misfortune"
    state.refuse()
    assert (state.size, state.probing) == (1, False)
    state.proved(2)
    assert state.size == 1
