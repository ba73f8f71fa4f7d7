"""Listings in every paging style of the family, and in none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.rest.rest_listing import next_offset
from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.unit.http.support import all_keys, rest_of, versions

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener

DIALECTS: dict[str, dict[str, Any]] = {
    "reference": {"page_size": 10},
    "page of 5": {"page_size": 5},
    "everything at once": {"page_size": 10_000},
    "exact multiple": {"page_size": 47},
    "always": {"page_size": 10, "offset_header": "always"},
    "x-offset": {"page_size": 10, "offset_header": "x-offset"},
    "null at the end": {"page_size": 10, "offset_header": "null"},
    "no header": {"page_size": 10_000, "offset_header": "never"},
    "from a header": {"page_size": 10, "offset_from": "header", "offset_header": "always"},
    "wrapped": {"page_size": 10, "wrapped": True},
    "numbers": {"page_size": 10, "number_ids": True},
    "with addresses": {"page_size": 10, "row_urls": True},
    "too many": {"page_size": 10, "too_many": 20},
    "no health": {"page_size": 10, "health": "missing"},
    "counts models": {"page_size": 10, "health": "models"},
    "counts nothing": {"page_size": 10, "health": "nothing"},
    "with a token": {"page_size": 10, "auth": "none", "names": "substring"},
}


def mixed(count: int = 94) -> list[Entry]:
    kinds = ("model", "dataset", "code")
    return [Entry(str(n + 1), f"n{n % 7}", kinds[n % 3]) for n in range(count)]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_lists_everything_once(
    server: Server, opener: Opener, dialect: str
) -> None:
    server.become(**DIALECTS[dialect])
    server.seed(mixed())
    expected = {f"{entry.type}/{entry.id}" for entry in mixed()}
    client = opener()
    keys = await all_keys(client)
    assert len(keys) == len(expected)
    assert set(keys) == expected
    collections = [one async for part in client.listing() for one in part.collections]
    assert {(one.type, one.name) for one in collections} == {
        (entry.type, entry.name) for entry in mixed()
    }
    assert len(await opener().facts(sorted(expected))) == len(expected)


async def test_versions_are_the_ids_of_a_type_and_name_in_order_of_the_listing(
    server: Server, opener: Opener
) -> None:
    server.become(names="substring")
    ids = ["10", "9", "2", "b-uuid", "a-uuid", "100"]
    server.seed([Entry(one, "bert") for one in ids])
    server.seed([*server.entries(), Entry("5", "bert", "dataset"), Entry("6", "bert-base")])
    found = {one.key: one for one in await versions(opener())}
    berts = [one for one in found.values() if one.collection_key == "model/bert"]
    assert [one.label for one in sorted(berts, key=lambda one: one.ordinal or 0)] == ids
    assert len({one.ordinal for one in berts}) == len({one.digest for one in berts}) == len(ids)


async def test_the_first_rows_come_with_the_first_page(server: Server, opener: Opener) -> None:
    server.become(page_size=5)
    server.fill(40)
    parts = opener().listing()
    assert len((await anext(parts)).versions) == 5
    assert server.counts()["POST"] <= 2, "at most the next one is on its way"


async def test_deleting_between_pages_skips_nothing(server: Server, opener: Opener) -> None:
    server.become(page_size=10)
    keys = server.fill(60)
    client = opener()
    parts = client.listing()
    first = await anext(parts)
    await client.delete([Deletion(key) for key in keys[:8]])
    listed = {version.key for version in (*first.versions, *await rest_of(parts))}
    assert listed == set(keys)


async def test_rows_that_others_deletions_shifted_away_are_found_by_the_count(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=10)
    keys = server.fill(60)
    client = opener()
    parts = client.listing()
    first = await anext(parts)
    server.seed([entry for entry in server.entries() if int(entry.id) > 7])
    rest = await rest_of(parts)
    assert {version.key for version in (*first.versions, *rest)} == set(keys)


async def test_a_server_that_repeats_a_page_is_not_believed(server: Server, opener: Opener) -> None:
    server.become(page_size=10, offset_from="nowhere", offset_header="always")
    server.fill(40)
    with pytest.raises(RegistryError, match="repeats the same page"):
        await all_keys(opener())
    with pytest.raises(RegistryError, match="repeats the same page"):
        await opener().facts(["model/1"])


async def test_one_page_for_all_is_believed_when_the_count_agrees(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=100, offset_from="nowhere", offset_header="always")
    keys = server.fill(40)
    assert set(await opener().facts(keys)) == set(keys)


async def test_a_listing_without_end_is_an_error(server: Server, opener: Opener) -> None:
    server.become(page_size=5, endless=True)
    with pytest.raises(RegistryError, match="no end"):
        await all_keys(opener(options=RestOptions(page_limit=50)))
    assert len(server.log()) < 60


async def test_an_outage_between_pages_is_an_error_not_the_end(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=10)
    keys = server.fill(60)
    client = opener()
    parts = client.listing()
    listed = {version.key for version in (await anext(parts)).versions}
    server.become(page_size=10, outage=True)
    await opener().reader.health()
    with pytest.raises(RegistryError, match="lists nothing at all"):
        await rest_of(parts)
    assert listed != set(keys)
    server.become(page_size=10)
    assert set(await all_keys(client)) == set(keys)


@pytest.mark.parametrize("kind", ["garbage", "html_after", "deep", "huge_number", "empty_after"])
async def test_garbage_instead_of_a_listing_is_an_error_not_an_empty_registry(
    server: Server, opener: Opener, kind: str
) -> None:
    server.become(Fault(kind, methods=("POST",)))
    server.fill(5)
    with pytest.raises(RegistryError):
        await all_keys(opener())
    with pytest.raises(RegistryError):
        await opener().facts(["model/1"])


async def test_a_wrong_prefix_says_so(server: Server, opener: Opener) -> None:
    with pytest.raises(RegistryError) as caught:
        await all_keys(opener(server.origin))
    assert "/api" in caught.value.hint


async def test_entries_with_one_id_are_one_version_that_says_so(
    server: Server, opener: Opener
) -> None:
    server.become(page_size=2)
    twins = [Entry("1", "a"), Entry("2", "b"), Entry("1", "other"), Entry("3", "c")]
    server.seed(twins[:2])
    plain = (await opener().facts(["model/1"]))["model/1"].digest
    server.seed(twins)
    client = opener()
    last = {version.key: version for version in await versions(client)}["model/1"]
    assert "other" in last.note
    assert last.digest != plain
    facts = await client.facts(["model/1"])
    assert facts["model/1"].digest == last.digest


@pytest.mark.parametrize(
    ("headers", "last", "following"),
    [
        ({"offset": "1000"}, 0, 1000),
        ({"offset": '"1000"'}, 0, 1000),
        ({"x-offset": "1000"}, 0, 1000),
        ({"offset": "1000"}, 1000, None),
        ({"offset": "10"}, 1000, None),
        ({"offset": ""}, 0, None),
        ({"offset": "null"}, 0, None),
        ({"offset": "-5"}, 0, None),
        ({"offset": "1e3"}, 0, None),
        ({"offset": "٣"}, 0, None),
        ({}, 0, None),
    ],
)
def test_the_next_offset(headers: dict[str, str], last: int, following: int | None) -> None:
    assert next_offset(headers, last) == following
