"""Places for what writes and for what reads, and pauses that hold back both."""

from __future__ import annotations

import asyncio
import math

from artifact_tui.clients.pacing import LONGEST_HOLD, Pace


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_no_more_at_once_than_the_limit() -> None:
    pace = Pace(3, first=3, readers=6)
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        async with pace.turn():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work() for _ in range(50)))
    assert most == 3


async def test_where_deletions_go_one_by_one_reads_never_overlap_them() -> None:
    pace = Pace(1, first=1, readers=6)
    running: list[bool] = []
    most_reads = 0

    async def work(*, reads: bool) -> None:
        nonlocal most_reads
        async with pace.turn(reads=reads):
            running.append(reads)
            most_reads = max(most_reads, running.count(True))
            assert reads or running == [False]
            await asyncio.sleep(0)
            assert not reads or False not in running
            running.remove(reads)

    await asyncio.gather(*(work(reads=n % 3 > 0) for n in range(60)))
    assert 1 < most_reads <= 6


async def test_where_several_deletions_may_go_reads_do_not_wait_for_them() -> None:
    pace = Pace(2, first=2, readers=6)
    async with pace.turn(), pace.turn(), asyncio.timeout(10), pace.turn(reads=True):
        pass


async def test_a_complaint_halves_the_number_and_holds_everything_back() -> None:
    clock = Clock()
    pace = Pace(16, first=16, readers=6, clock=clock, sleep=clock.sleep)
    pace.complained(clock.now, {"retry-after": "5"})
    assert pace.limit == 8
    assert pace.wait == 5.0
    async with pace.turn(reads=True):
        assert clock.now == 105.0
    for _ in range(500):
        async with asyncio.TaskGroup() as group:
            for _ in range(pace.limit):
                group.create_task(good_answer(pace))
    assert pace.limit == 16


async def good_answer(pace: Pace) -> None:
    async with pace.turn() as began:
        await asyncio.sleep(0)
        pace.went_well("delete", began, {})


async def test_a_wait_beside_a_good_answer_is_kept() -> None:
    clock = Clock()
    pace = Pace(2, clock=clock, sleep=clock.sleep)
    pace.went_well("delete", clock.now, {"retry-after": "7"})
    assert pace.wait == 7
    assert pace.words() == "the registry asks to wait 7 s"
    pace.went_well("delete", clock.now, {"retry-after": "1e999"})
    assert pace.wait == 900


def test_without_a_word_from_the_server_pauses_double() -> None:
    clock = Clock()
    pace = Pace(4, longest_guess=3.0, clock=clock, sleep=clock.sleep)
    waits = []
    for _ in range(5):
        pace.complained(clock.now, {})
        waits.append(pace.wait)
        clock.now += pace.wait + 1
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert pace.limit == 1
    pace.went_well("delete", clock.now, {})
    pace.complained(clock.now, {})
    assert pace.wait == 0.5


def test_absurd_waits_are_bounded() -> None:
    clock = Clock()
    pace = Pace(1, longest_asked=math.inf, clock=clock, sleep=clock.sleep)
    pace.complained(clock.now, {"retry-after": "1e999"})
    assert pace.wait == LONGEST_HOLD


async def test_a_pause_that_grows_while_it_is_kept() -> None:
    clock = Clock()
    slept = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        slept.append(seconds)
        if len(slept) == 1:
            pace.complained(clock.now, {"retry-after": "5"})

    pace = Pace(clock=clock, sleep=sleep)
    async with pace.turn():
        assert slept == []
    pace.complained(clock.now, {"retry-after": "3"})
    pace.complained(clock.now, {"retry-after": "1"})
    assert pace.wait == 3
    async with pace.turn():
        assert slept == [3, 5]


async def test_serial_is_for_good() -> None:
    pace = Pace(16, first=16, readers=6)
    pace.serial()
    for _ in range(100):
        await good_answer(pace)
    assert pace.limit == 1
