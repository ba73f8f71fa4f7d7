"""Deletions: one outcome each, nothing sent twice, an early end when going on is pointless."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import Deletion, Lineage, Result
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.unit.http.support import results

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener


def deletions(keys: list[str]) -> list[Deletion]:
    return [Deletion(key) for key in keys]


async def test_one_outcome_for_each_in_the_same_order(server: Server, opener: Opener) -> None:
    server.fill(6)
    asked = ["model/4", "nobody's", "model/99", "model/1", "model/4"]
    outcomes = await opener().delete(deletions(asked))
    assert [one.key for one in outcomes] == asked
    assert results(outcomes) == [
        Result.DONE, Result.ABSENT, Result.ABSENT, Result.DONE, Result.ABSENT,
    ]  # fmt: skip
    assert server.ids() == {"2", "3", "5", "6"}


async def test_serial_by_default(server: Server, opener: Opener) -> None:
    server.become(load_s=0.001)
    keys = server.fill(30)
    await opener().delete(deletions(keys))
    assert server.most_at_once() == 1
    assert server.ids() == set()
    assert len({line.connection for line in server.log()}) == 1


async def test_as_many_at_once_as_configured(server: Server, opener: Opener) -> None:
    server.become(safe=True, save_s=0.01)
    keys = server.fill(64)
    client = opener(options=RestOptions(concurrency=8))
    outcomes = await client.delete(deletions(keys))
    assert set(results(outcomes)) == {Result.DONE}
    assert server.most_at_once() == 8
    assert len({line.connection for line in server.log()}) == 8


async def test_the_rows_own_type_is_in_the_path(server: Server, opener: Opener) -> None:
    server.become(types="404")
    server.seed([Entry("1", "n", "dataset"), Entry("2", "n", "code")])
    outcomes = await opener().delete(deletions(["dataset/1", "code/2"]))
    assert results(outcomes) == [Result.DONE] * 2


@pytest.mark.parametrize("answer", ["status", "message", "empty", "204"])
async def test_every_success_is_done(server: Server, opener: Opener, answer: str) -> None:
    server.become(deleted=answer)
    keys = server.fill(2)
    assert results(await opener().delete(deletions(keys))) == [Result.DONE] * 2


@pytest.mark.parametrize(
    ("kind", "result", "carried_out"),
    [
        ("rst_before", Result.UNKNOWN, False),
        ("rst_after", Result.UNKNOWN, True),
        ("truncated", Result.UNKNOWN, True),
        ("html_before", Result.UNKNOWN, False),
        ("html_after", Result.UNKNOWN, True),
        ("wrong_id", Result.UNKNOWN, True),
        ("garbage", Result.UNKNOWN, True),
        ("deep", Result.UNKNOWN, True),
        ("huge_number", Result.DONE, True),
        ("empty_after", Result.DONE, True),
        ("500", Result.UNKNOWN, False),
        ("500_after", Result.UNKNOWN, True),
        ("502", Result.UNKNOWN, False),
        ("504_after", Result.UNKNOWN, True),
        ("404", Result.ABSENT, False),
        ("409", Result.REFUSED, False),
        ("412", Result.REFUSED, False),
        ("400", Result.REFUSED, False),
        ("301", Result.UNKNOWN, False),
        ("302", Result.UNKNOWN, False),
        ("303", Result.UNKNOWN, False),
        ("307", Result.UNKNOWN, False),
        ("308", Result.UNKNOWN, False),
    ],
)
async def test_every_fault_is_sent_once_and_told_as_it_is(
    server: Server, opener: Opener, kind: str, result: Result, *, carried_out: bool
) -> None:
    server.become(Fault(kind, first=1))
    keys = server.fill(3)
    (outcome,) = await opener().delete(deletions(keys[:1]))
    assert outcome.result is result
    assert len(server.sent("DELETE")) == 1
    assert ("1" not in server.ids()) is carried_out
    assert server.seen_elsewhere() == []


async def test_no_answer_in_time_is_unknown(server: Server, opener: Opener) -> None:
    for kind, left in (("hang_before", 3), ("hang_after", 2)):
        server.become(Fault(kind))
        keys = server.fill(3)
        (outcome,) = await opener(options=RestOptions(answer_s=0.2)).delete(deletions(keys[:1]))
        assert outcome.result is Result.UNKNOWN
        assert "in time" in outcome.message
        assert len(server.ids()) == left


async def test_an_answer_that_drips_for_ever_ends(server: Server, opener: Opener) -> None:
    server.become(Fault("drip"))
    keys = server.fill(3)
    (outcome,) = await opener(options=RestOptions(whole_s=0.4)).delete(deletions(keys[:1]))
    assert outcome.result is Result.UNKNOWN


async def test_after_a_500_the_next_deletion_has_a_new_connection(
    server: Server, opener: Opener
) -> None:
    server.become(Fault("500", first=1))
    keys = server.fill(5)
    outcomes = await opener().delete(deletions(keys))
    assert results(outcomes) == [Result.UNKNOWN] + [Result.DONE] * 4


async def test_three_failures_in_a_row_end_the_batch(server: Server, opener: Opener) -> None:
    server.become(Fault("rst_before"))
    keys = server.fill(20)
    outcomes = await opener().delete(deletions(keys))
    assert results(outcomes) == [Result.UNKNOWN] * 3 + [Result.FAILED] * 17
    assert outcomes[-1].message.startswith("not sent")
    assert len(server.sent("DELETE")) == 3


async def test_a_server_that_is_not_there_sends_nothing(server: Server, opener: Opener) -> None:
    client = opener("http://127.0.0.1:9/api")
    outcomes = await client.delete(deletions([f"model/{n}" for n in range(9)]))
    assert set(results(outcomes)) == {Result.FAILED}
    assert "could not be reached" in outcomes[0].message
    assert server.log() == []


async def test_refused_credentials_end_the_batch_at_once(server: Server, opener: Opener) -> None:
    for status in (401, 403):
        server.become(auth="x-authorization", auth_status=status)
        keys = server.fill(9)
        server.clear()
        outcomes = await opener().delete(deletions(keys))
        assert set(results(outcomes)) == {Result.FAILED}
        assert len(server.sent("DELETE")) == 1
        assert "credentials" in outcomes[5].message or "not allow" in outcomes[5].message


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_429_is_waited_out_and_everything_is_deleted(
    server: Server, opener: Opener, concurrency: int
) -> None:
    server.become(quota=5, safe=True, retry_after="0")
    keys = server.fill(60)
    client = opener(options=RestOptions(concurrency=concurrency))
    outcomes = await client.delete(deletions(keys))
    assert set(results(outcomes)) == {Result.DONE}
    assert server.ids() == set()
    carried = Counter(line.target for line in server.sent("DELETE") if line.carried_out)
    assert set(carried.values()) == {1}


async def test_a_server_that_bears_four_at_once_gets_no_more(
    server: Server, opener: Opener
) -> None:
    server.become(at_most=4, safe=True, save_s=0.01, retry_after="0.05")
    keys = server.fill(100)
    client = opener(options=RestOptions(concurrency=32))
    outcomes = await client.delete(deletions(keys))
    assert not [one for one in outcomes if one.result is not Result.DONE]
    refused = [line for line in server.sent("DELETE") if line.status == 429]
    assert len(refused) < 100


async def test_what_the_registry_lets_wait_too_long_is_not_sent(
    server: Server, opener: Opener
) -> None:
    """What was found true before a long wait may not be so any more."""
    server.become(quota=3, retry_after="0.2")
    keys = server.fill(6)
    until = time.monotonic() + 3600
    aged = [*(Deletion(key, until=until) for key in keys[:3]), Deletion(keys[3], until=0.0)]
    outcomes = await opener().delete([*aged, *deletions(keys[4:])])
    assert results(outcomes) == [Result.DONE] * 3 + [Result.WAITED] * 3
    assert server.ids() == {"4", "5", "6"}
    assert "/4" not in "".join(line.target for line in server.sent("DELETE"))


async def test_a_key_that_comes_again_is_sent_once(server: Server, opener: Opener) -> None:
    keys = server.fill(2)
    outcomes = await opener().delete(deletions([keys[0], keys[1], keys[0]]))
    assert results(outcomes) == [Result.DONE, Result.DONE, Result.ABSENT]
    assert len(server.sent("DELETE")) == 2


@pytest.mark.parametrize("retry_after", ["3600", "1e999", "Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_an_absurd_wait_is_not_waited_for_and_never_cut_short(
    server: Server, opener: Opener, retry_after: str
) -> None:
    server.become(quota=3, retry_after=retry_after)
    keys = server.fill(9)
    outcomes = await opener().delete(deletions(keys))
    assert results(outcomes) == [Result.DONE] * 2 + [Result.FAILED] * 7
    assert len(server.sent("DELETE")) == 3
    assert "wait" in outcomes[2].message


async def test_a_shared_id_is_not_deleted_where_the_type_is_ignored(
    server: Server, opener: Opener
) -> None:
    for types, result in (("ignored", Result.REFUSED), ("404", Result.DONE)):
        server.become(types=types)
        server.seed([Entry("1", "n"), Entry("1", "n", "dataset"), Entry("2", "n")])
        client = opener()
        await client.facts(["model/1"])
        (outcome,) = await client.delete([Deletion("model/1")])
        assert outcome.result is result
        assert len(server.entries()) == (3 if types == "ignored" else 2)
        if types == "404":
            assert await client.facts(["model/1"]) == {}


async def test_read_only_sends_nothing(server: Server, opener: Opener) -> None:
    keys = server.fill(3)
    client = opener(read_only=True)
    for attempt in (
        lambda: client.delete([Deletion(keys[0])]),
        lambda: client.create("model", "n", "u"),
        client.reset,
    ):
        with pytest.raises(ReadOnlyError):
            await attempt()
    assert server.log() == []


async def test_read_only_reads_everything(server: Server, opener: Opener) -> None:
    server.fill(3)
    client = opener(read_only=True)
    assert len(await client.facts(["model/1"])) == 1
    assert (await client.entry("model/1")).type == "model"
    assert await client.lineage(["model/1"]) == {"model/1": Lineage()}


async def test_what_there_is_not_is_said(server: Server, opener: Opener) -> None:
    client = opener()
    assert results(await client.restore(["model/1"])) == [Result.REFUSED]
    assert results(await client.purge(["model/1"])) == [Result.REFUSED]
    assert "trash" not in client.tells
    assert server.log() == []
