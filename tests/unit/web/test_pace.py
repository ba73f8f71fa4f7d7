"""How many at once, and how long to wait: against servers that count, queue, or slow down."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.clients.pacing import (
    FIRST_AT_ONCE,
    LONGEST_ASKED,
    MOST_KINDS,
    Latency,
    Pace,
    duration,
)
from tests.unit.web import virtual


@dataclass
class Shop:
    """A simulated server: a quota in fixed windows, a number of workers, a latency."""

    quota: int = 0
    window: float = 30.0
    latency: float = 0.02
    workers: int = 0
    headers: bool = True
    retry_after: bool = False
    at_most: int = 0
    window_from: float = 0.0
    spent: int = 0
    refused: int = 0
    running: int = 0
    most: int = 0
    _busy: list[float] = field(default_factory=list)

    async def serve(self) -> tuple[int, dict[str, str]]:
        """A status and headers, after a while."""
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.at_most and self.running > self.at_most:
                self.refused += 1
                await asyncio.sleep(self.latency)
                return 429, {}
            now = virtual.clock()
            if self.quota and now >= self.window_from + self.window:
                self.window_from, self.spent = now, 0
            allowed = not self.quota or self.spent < self.quota
            self.spent += allowed
            self.refused += not allowed
            headers = self.said(now, allowed=allowed)
            await asyncio.sleep(self.queue(now) if allowed else self.latency)
            return (200 if allowed else 429), headers
        finally:
            self.running -= 1

    def queue(self, now: float) -> float:
        """How long an answer takes when only so many are worked on at once."""
        if not self.workers:
            return self.latency
        self._busy = [end for end in self._busy if end > now]
        start = now if len(self._busy) < self.workers else sorted(self._busy)[-self.workers]
        self._busy.append(start + self.latency)
        return start + self.latency - now

    def said(self, now: float, *, allowed: bool) -> dict[str, str]:
        if not self.quota:
            return {}
        left = math.ceil(self.window_from + self.window - now)
        found = {} if allowed or not self.retry_after else {"retry-after": str(left)}
        if self.headers:
            rest = 0 if not allowed else (self.quota - self.spent) * 1000 // self.quota
            found |= {
                "ratelimit-limit": "1000",
                "ratelimit-remaining": str(rest),
                "ratelimit-reset": str(left),
            }
        return found


async def work(pace: Pace, shop: Shop, count: int) -> list[str]:
    """As `Graph` does it: each again until it is served. Gives what was told meanwhile."""
    jobs = deque(range(count))
    done: list[int] = []
    told: list[str] = []

    async def worker() -> None:
        while jobs:
            job = jobs.popleft()
            while True:
                async with pace.turn() as began:
                    status, headers = await shop.serve()
                    if status == 429:
                        pace.complained(began, headers)
                        told.append(pace.words())
                        continue
                    pace.went_well("a", began, headers)
                    told.append(pace.words())
                    break
            done.append(job)

    await asyncio.gather(*(worker() for _ in range(64)))
    assert sorted(done) == list(range(count))
    return told


def simulate(shop: Shop, count: int, most: int = 32) -> tuple[float, list[str]]:
    async def main() -> list[str]:
        pace = Pace(most, who="W&B", clock=virtual.clock)
        return await work(pace, shop, count)

    told, took = virtual.run(main())
    return took, told


@pytest.mark.parametrize("quota", [100, 170, 1000])
@pytest.mark.parametrize(
    ("headers", "retry_after"), [(True, False), (False, True), (True, True), (False, False)]
)
def test_a_quota_is_used_up_and_never_given_up_on(
    quota: int, *, headers: bool, retry_after: bool
) -> None:
    shop = Shop(quota=quota, headers=headers, retry_after=retry_after)
    took, _ = simulate(shop, 2_000)
    allowed = (math.ceil(2_000 / quota) - 1) * 30
    tell = headers or retry_after
    assert allowed <= took <= allowed * (1.03 if tell else 1.15) + 5
    if headers:
        assert shop.refused <= allowed / 30 + 1


def test_a_quota_that_others_use_too_is_kept() -> None:
    class Shared(Shop):
        async def serve(self) -> tuple[int, dict[str, str]]:
            self.spent += 1
            return await super().serve()

    took, _ = simulate(Shared(quota=200), 1_000)
    assert 270 <= took <= 300


@given(
    quota=st.integers(1, 60),
    window=st.floats(1, 60),
    latency=st.floats(0.001, 3),
    headers=st.booleans(),
    retry_after=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_quota_everything_is_served(
    *, quota: int, window: float, latency: float, headers: bool, retry_after: bool
) -> None:
    shop = Shop(quota, window, latency, headers=headers, retry_after=retry_after)
    took, _ = simulate(shop, 150)
    windows = math.ceil(150 / quota)
    patience = 1.0 if headers or retry_after else 5.0
    assert took <= windows * (window + patience + 6 * latency) + 150 * latency / 2 + 10


def test_few_at_first_and_soon_as_many_as_allowed() -> None:
    shop = Shop()
    took, told = simulate(shop, 1_000)
    assert told[0] == f"{FIRST_AT_ONCE + 1} at once, 20 ms"
    assert told[-1] == "32 at once, 20 ms"
    assert shop.most == 32
    assert took < 1_000 / 32 * 0.02 * 1.25


def test_never_more_at_once_than_configured() -> None:
    shop = Shop()
    simulate(shop, 300, most=3)
    assert shop.most == 3


def test_a_server_that_queues_is_not_flooded() -> None:
    shop = Shop(workers=4, latency=0.1)
    took, told = simulate(shop, 2_000)
    assert took < 2_000 * 0.1 / 4 * 1.1
    late = [int(words.split()[0]) for words in told[500:]]
    assert sum(late) / len(late) < 16


def test_a_server_with_one_worker_gets_few_at_once() -> None:
    _, told = simulate(Shop(workers=1, latency=0.2), 600)
    assert told[-1].startswith(("2 at once", "3 at once"))


def test_a_slow_kind_of_request_is_not_measured_by_a_quick_one() -> None:
    async def main() -> int:
        pace = Pace(who="W&B", clock=virtual.clock)
        jobs = deque(range(400))

        async def worker() -> None:
            while jobs:
                slow = jobs.popleft() % 2
                async with pace.turn() as began:
                    await asyncio.sleep(1.0 if slow else 0.02)
                    pace.went_well(slow, began, {})

        await asyncio.gather(*(worker() for _ in range(64)))
        return pace.limit

    assert virtual.run(main())[0] == 32


def test_no_more_kinds_are_remembered_than_make_sense() -> None:
    latency = Latency()
    for number in range(5_000):
        latency.took(number, 0.1)
    assert len(latency._kinds) <= MOST_KINDS


def test_a_limit_on_the_number_at_once_is_found() -> None:
    shop = Shop(at_most=8)
    took, _ = simulate(shop, 3_000)
    assert took < 3_000 / 8 * 0.02 * 3
    assert shop.refused < 150


def test_one_complaint_of_many_requests_counts_once() -> None:
    async def main() -> None:
        pace = Pace(who="W&B", clock=virtual.clock)
        pace.went_well("a", virtual.clock(), {})
        await asyncio.sleep(1)
        began = virtual.clock() - 0.5
        for _ in range(20):
            pace.complained(began, {})
        assert pace.limit == FIRST_AT_ONCE // 2
        assert pace.wait == 0.5
        assert pace.words() == f"{FIRST_AT_ONCE // 2} at once, 0 ms"
        for wait in (1, 2, 4, 5, 5):
            await asyncio.sleep(pace.wait + 0.01)
            pace.complained(virtual.clock(), {})
            assert pace.wait == pytest.approx(wait)

    virtual.run(main())


def test_what_is_told() -> None:
    async def main() -> None:
        pace = Pace(who="W&B", clock=virtual.clock)
        assert pace.words() == ""
        for n in range(3):
            await asyncio.sleep(0.02)
            pace.went_well("a", 0.02 * n, {})
        assert pace.words() == "4 at once, 20 ms"
        pace.complained(0.06, {"retry-after": "23"})
        assert pace.words() == "W&B asks to wait 23 s"
        await asyncio.sleep(20.6)
        assert pace.words() == "W&B asks to wait 2 s"
        await asyncio.sleep(3)
        for _ in range(3):
            pace.complained(virtual.clock(), {})
            await asyncio.sleep(0.001)
        assert pace.words() == "W&B is too busy: the next try is in 4 s"

    virtual.run(main())


def test_the_quota_is_told() -> None:
    _, told = simulate(Shop(quota=50), 200)
    assert any(words.startswith("W&B's quota is used up: it goes on in ") for words in told)
    assert told[-1].endswith("at once, 20 ms")


@pytest.mark.parametrize("asked", ["1e999", "nan", "99999999", "soon", "-5", ""])
def test_no_word_of_a_server_stops_it_for_ever(asked: str) -> None:
    async def main() -> None:
        pace = Pace(who="W&B", clock=virtual.clock)
        headers = {"retry-after": asked, "ratelimit-remaining": asked, "ratelimit-reset": asked}
        pace.went_well("a", 0.0, headers)
        pace.complained(0.0, headers)
        async with pace.turn():
            pass

    _, took = virtual.run(main())
    assert took <= LONGEST_ASKED * 2


def test_a_cancelled_wait_leaves_the_place_to_others() -> None:
    async def main() -> int:
        pace = Pace(2, clock=virtual.clock)
        served = 0

        async def job() -> None:
            nonlocal served
            async with pace.turn():
                await asyncio.sleep(1)
                served += 1

        tasks = [asyncio.create_task(job()) for _ in range(40)]
        await asyncio.sleep(0.5)
        for task in tasks[::2]:
            task.cancel()
        pace.complained(virtual.clock(), {"retry-after": "100"})
        await asyncio.sleep(30)
        for task in tasks[1::4]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert pace._writing.running == pace._sent == 0
        return served

    served, took = virtual.run(main())
    assert served == 11
    assert took < 130


def test_a_server_that_always_says_at_once_is_not_hammered() -> None:
    """`Retry-After: 0` with every refusal; in two minutes it was asked many thousand times."""

    async def main() -> int:
        pace = Pace(clock=virtual.clock)
        sent = 0
        while virtual.clock() < 120:
            async with pace.turn() as began:
                sent += 1
                await asyncio.sleep(0.01)
                pace.complained(began, {"retry-after": "0"})
        return sent

    sent, _ = virtual.run(main())
    assert 20 < sent < 60


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (23, "23 s"), (119, "119 s"), (900, "15 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("steps", range(6))
async def test_cancelled_in_the_moment_of_an_answer_it_waits_no_longer(steps: int) -> None:
    """Others are cancelled at the same time, and say that they have been answered."""
    pace = Pace(who="W&B")
    told = {"ratelimit-remaining": "0", "ratelimit-reset": "600"}
    pace.went_well("read", pace._clock(), told)

    async def waits() -> None:
        async with pace.turn():
            raise AssertionError("there is nothing left")

    task = asyncio.create_task(waits())
    while not pace.words().startswith("W&B's quota"):  # noqa: ASYNC110 - nothing tells that it waits
        await asyncio.sleep(0)
    pace._answered.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
