"""How long to wait, and how many at once."""

from __future__ import annotations

import asyncio
import math

from artifact_tui.clients.rest.rest_requests import RestPacer
from artifact_tui.clients.servers import LONGEST_HOLD


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_no_more_at_once_than_the_limit() -> None:
    pacer = RestPacer(3)
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        async with pacer.turn():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work() for _ in range(50)))
    assert most == 3


async def test_where_deletions_go_one_by_one_reads_never_overlap_them() -> None:
    pacer = RestPacer(1)
    running: list[bool] = []
    most_reads = 0

    async def work(*, reads: bool) -> None:
        nonlocal most_reads
        async with pacer.turn(reads=reads):
            running.append(reads)
            most_reads = max(most_reads, running.count(True))
            assert reads or running == [False]
            await asyncio.sleep(0)
            assert not reads or False not in running
            running.remove(reads)

    await asyncio.gather(*(work(reads=n % 3 > 0) for n in range(60)))
    assert most_reads > 1


async def test_a_complaint_halves_the_number_and_holds_everything_back() -> None:
    clock = Clock()
    pacer = RestPacer(16, clock=clock, sleep=clock.sleep)
    assert pacer.pushed_back(5.0) == 5.0
    assert pacer.limit == 8
    assert pacer.wait == 5.0
    async with pacer.turn():
        assert clock.now == 105.0
    for _ in range(500):
        pacer.went_well()
    assert pacer.limit == 16


def test_without_a_word_from_the_server_pauses_double() -> None:
    clock = Clock()
    pacer = RestPacer(4, clock=clock, sleep=clock.sleep)
    assert [pacer.pushed_back(None) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert pacer.limit == 1
    pacer.went_well()
    assert pacer.pushed_back(None) == 0.5


def test_absurd_waits_are_bounded() -> None:
    clock = Clock()
    pacer = RestPacer(1, clock=clock, sleep=clock.sleep)
    assert pacer.pushed_back(math.inf) == math.inf
    assert pacer.wait == LONGEST_HOLD


async def test_serial_is_for_good() -> None:
    pacer = RestPacer(16)
    pacer.serial()
    for _ in range(100):
        pacer.went_well()
    assert pacer.limit == 1
