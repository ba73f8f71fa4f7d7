"""Facts: what is really there, whatever single answers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.unit.http.support import results

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener


async def test_the_first_look_is_a_listing_and_few_keys_later_are_single_gets(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=10)
    keys = server.fill(100)
    client = opener()
    assert set(await client.facts(keys)) == set(keys)
    server.clear()
    assert set(await client.facts(keys[:3])) == set(keys[:3])
    assert server.counts() == {"GET": 3}


async def test_a_get_and_a_listing_show_the_same_digest(server: Server, opener: Opener) -> None:
    for urls in (False, True):
        server.become(page_size=1, row_urls=urls)
        server.seed([Entry(str(n), f"n{n}", url=f"https://x/{n}") for n in range(5)])
        client = opener()
        listed = await client.facts([f"model/{n}" for n in range(5)])
        asked = await client.facts(["model/3"])
        assert asked["model/3"] == listed["model/3"]


async def test_another_source_address_is_another_digest_where_listings_have_it(
    server: Server, opener: Opener
) -> None:
    server.become(row_urls=True)
    server.seed([Entry("1", "n", url="https://a")])
    before = await opener().facts(["model/1"])
    server.seed([Entry("1", "n", url="https://b")])
    assert await opener().facts(["model/1"]) != before


async def test_what_is_gone_is_left_out_after_a_listing_agrees(
    server: Server, opener: Opener
) -> None:
    keys = server.fill(30)
    client = opener()
    await client.facts(keys)
    server.seed([entry for entry in server.entries() if entry.id != "7"])
    found = await client.facts(keys)
    assert set(keys) - set(found) == {"model/7"}


@pytest.mark.parametrize("known", [True, False])
async def test_an_outage_is_an_error_and_nothing_is_gone(
    server: Server, opener: Opener, *, known: bool
) -> None:
    keys = server.fill(30)
    client = opener()
    if known:
        await client.facts(keys)
        await client.delete([Deletion(key) for key in keys[:3]])
    server.change(outage=True)
    for asked in (keys, keys[:1]):
        with pytest.raises(RegistryError, match="lists nothing at all"):
            await client.facts(asked)
    server.change(outage=False)
    server.seed(server.entries())
    assert len(await client.facts(keys)) == (27 if known else 30)


async def test_an_outage_in_the_middle_of_deletions_is_told_from_success(
    server: Server, opener: Opener
) -> None:
    keys = server.fill(10)
    client = opener()
    await client.facts(keys)
    server.change(outage=True)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert set(results(outcomes)) == {Result.ABSENT}
    server.change(outage=False)
    server.seed(server.entries())
    assert set(await client.facts(keys)) == set(keys), "404 was a lie"


async def test_the_last_artifacts_may_go(server: Server, opener: Opener) -> None:
    keys = server.fill(5)
    client = opener()
    await client.facts(keys)
    await client.delete([Deletion(key) for key in keys])
    assert await client.facts(keys) == {}


async def test_an_empty_registry_is_believed_when_told_to(server: Server, opener: Opener) -> None:
    client = opener(options=RestOptions(accept_empty=True))
    assert await client.facts(["model/1"]) == {}
    with pytest.raises(RegistryError):
        await opener().facts(["model/1"])


async def test_stale_instances_do_not_bring_the_deleted_back(
    server: Server, opener: Opener
) -> None:
    server.become(instances=3)
    keys = server.fill(40)
    client = opener()
    await client.facts(keys)
    await client.delete([Deletion(key) for key in keys[:10]])
    assert set(await client.facts(keys)) == set(keys[10:])


async def test_false_200s_are_found_out(server: Server, opener: Opener) -> None:
    server.become(save_fault=0.3)
    keys = server.fill(60)
    client = opener()
    await client.facts(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert set(results(outcomes)) == {Result.DONE}
    there = {f"model/{one}" for one in server.ids()}
    assert 5 < len(there) < 40
    assert set(await client.facts(keys)) == there


async def test_survivors_of_parallel_deletions_are_found_and_the_rest_goes_serially(
    server: Server, opener: Opener
) -> None:
    server.become(load_s=0.001, save_s=0.002)
    keys = server.fill(80)
    client = opener(options=RestOptions(concurrency=16))
    await client.facts(keys)
    left = keys
    for _ in range(3):
        await client.delete([Deletion(key) for key in left])
        left = sorted(await client.facts(left))
        assert set(left) == {f"model/{one}" for one in server.ids()}
        if not left:
            break
        assert "not done" in client.notices[-1]
        server.clear()
    else:
        pytest.fail("survivors were not deleted")
    assert server.most_at_once() == 1


@pytest.mark.parametrize("types", ["ignored", "400", "404"])
async def test_an_id_listed_under_another_type_is_not_gone_unless_the_server_says_so(
    server: Server, opener: Opener, types: str
) -> None:
    server.become(types=types)
    server.seed([Entry("1", "n", "dataset"), Entry("2", "n")])
    before = await opener().facts(["dataset/1"])
    server.seed([Entry("1", "n", "model"), Entry("2", "n")])
    found = await opener().facts(["dataset/1"])
    if types == "404":
        assert found == {}
    else:
        assert found["dataset/1"].digest != before["dataset/1"].digest


@pytest.mark.parametrize("route", ["plural", "singular"])
@pytest.mark.parametrize("unknown", ["405", "404", "html", "gateway"])
@pytest.mark.parametrize("absent", ["json", "html"])
async def test_every_style_of_paths(
    server: Server, opener: Opener, route: str, unknown: str, absent: str
) -> None:
    server.become(route=route, unknown=unknown, absent=absent, page_size=3)
    keys = server.fill(12)
    client = opener()
    await client.facts(keys)
    assert set(await client.facts(keys[:2])) == set(keys[:2])
    outcomes = await client.delete([Deletion(key) for key in (*keys[:4], "model/none")])
    assert results(outcomes)[:4] == [Result.DONE] * 4
    if unknown != "html":
        assert outcomes[4].result is Result.ABSENT
    assert set(await client.facts(keys)) == set(keys[4:])
    assert len(server.ids()) == 8


async def test_an_answer_about_another_artifact_is_not_believed(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=5)
    keys = server.fill(30)
    client = opener()
    await client.facts(keys)
    server.become(Fault("wrong_id", methods=("GET",)), page_size=5)
    server.seed(server.entries())
    with pytest.raises(RegistryError):
        await client.facts(keys[:2])


async def test_a_count_that_means_nothing_is_not_waited_for(server: Server, opener: Opener) -> None:
    server.become(health="models", page_size=10)
    server.seed([Entry(str(n), "n", "code") for n in range(1, 31)] + [Entry("99", "m")])
    keys = [f"code/{n}" for n in range(1, 31)]
    client = opener()
    assert set(await client.facts(keys)) == set(keys)
    await client.delete([Deletion(keys[0])])
    assert set(await client.facts(keys)) == set(keys[1:])
