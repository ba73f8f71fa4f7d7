"""Whatever goes wrong, `facts` says what the server really holds, or that it cannot tell.

Each seed draws a server: its dialect, its storage's faults, faults on the wire of every kind. The
same client deletes some artifacts, with retries as applying a plan makes them, while faults rain;
then each claim is compared with the server's own end state and log.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from artifact_tui.clients.rest import connect
from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from tests.servers.rest.process import Server

BEFORE = ["rst_before", "html_before", "400", "401", "403", "404", "409", "429", "500", "502",
          "503", "504", "301", "302", "307"]  # fmt: skip
AFTER = ["rst_after", "html_after", "truncated", "wrong_id", "empty_after", "garbage", "deep",
         "huge_number", "500_after", "404_after", "502_after", "hang_after"]  # fmt: skip
READING = ["rst_before", "html_before", "429", "500", "502", "503", "504", "rst_after",
           "html_after", "truncated", "garbage", "deep", "wrong_id", "hang_after"]  # fmt: skip
ROUNDS = 6


def draw(rng: random.Random, seed: int) -> dict[str, Any]:
    """A server of the family."""
    return {
        "seed": seed,
        "page_size": rng.choice([5, 17, 1000]),
        "offset_header": rng.choice(["more", "always", "x-offset", "null"]),
        "offset_from": rng.choice(["query", "header"]),
        "route": rng.choice(["plural", "plural", "singular"]),
        "unknown": rng.choice(["405", "404", "gateway"]),
        "types": rng.choice(["ignored", "400", "404"]),
        "absent": rng.choice(["json", "html"]),
        "deleted": rng.choice(["status", "message", "empty", "204", "202"]),
        "health": rng.choice(["count", "count", "models", "nothing", "missing"]),
        "safe": rng.random() < 0.3,
        "save_s": rng.choice([0.0, 0.001]),
        "load_fault": rng.choice([0.0, 0.0, 0.02, 0.1]),
        "save_fault": rng.choice([0.0, 0.0, 0.1, 0.3]),
        "instances": rng.choice([1, 1, 1, 3]),
        "quota": rng.choice([0, 0, 7]),
    }


def rain(rng: random.Random) -> list[Fault]:
    """Faults in about one request of ten."""
    kinds = rng.sample(BEFORE + AFTER, 4)
    found = [Fault(kind, share=0.03) for kind in kinds]
    return found + [
        Fault(kind, share=0.02, methods=("GET", "POST")) for kind in rng.sample(READING, 3)
    ]


async def one_round(client: Any, keys: list[str]) -> set[str] | None:
    """Delete, and ask what is left; None when nobody knows."""
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert [one.key for one in outcomes] == keys
    assert all(one.message for one in outcomes if one.result is not Result.DONE)
    try:
        return set(await client.facts(keys))
    except RegistryError:
        return None


def truth(server: Server, keys: list[str]) -> set[str]:
    """Which of these are really there."""
    ids = server.ids()
    return {key for key in keys if unquote(key.partition("/")[2]) in ids}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
async def test_a_server_drawn_at_random(server: Server, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    traps = draw(rng, seed)
    kinds = ("model", "dataset", "code")
    entries = [Entry(str(n + 1), f"n{n % 9}", kinds[n % 3]) for n in range(60)]
    keys = [f"{one.type}/{one.id}" for one in entries]
    server.become(**traps)
    server.seed(entries)
    server.clear()
    patient = RestOptions(concurrency=rng.choice([1, 1, 4]), answer_s=0.5, accept_empty=False)
    client = connect(server.address, options=patient)
    told = unknown = 0
    try:
        await client.facts(keys)
        server.become(*rain(rng), **traps)
        doomed = rng.sample(keys, 30)
        for _ in range(ROUNDS):
            if not doomed:
                break
            left = await one_round(client, doomed)
            if left is None:
                unknown += 1
                continue
            told += 1
            assert left == truth(server, doomed), traps
            doomed = sorted(left)
        carried = Counter(line.target for line in server.sent("DELETE") if line.carried_out)
    finally:
        await client.aclose()
    assert told >= 1
    wanted = {key.partition("/")[2] for key in keys} - server.ids()
    assert {unquote(target.rsplit("/", 1)[1]) for target in carried} >= wanted
    assert len(server.ids()) >= 30
