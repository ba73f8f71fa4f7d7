"""Requests that are sent together end together."""

from __future__ import annotations

import asyncio

import pytest

from artifact_tui.clients.transport import together
from artifact_tui.errors import RegistryError


class Slow:
    """Something that would never end by itself."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = False

    async def __call__(self) -> str:
        try:
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True
        return "never"


async def answer(value: str) -> str:
    return value


async def test_answers_come_in_order() -> None:
    assert await together(*(answer(one) for one in "abc")) == ("a", "b", "c")
    assert await together() == ()


async def test_when_one_fails_the_others_have_ended() -> None:
    slow = Slow()

    async def fails() -> str:
        await slow.begun.wait()
        raise RegistryError("It broke.")

    with pytest.raises(RegistryError, match="It broke"):
        await together(slow(), fails())
    assert slow.ended


async def test_of_two_failures_the_first_is_told() -> None:
    async def fails(what: str) -> str:
        raise RegistryError(what)

    with pytest.raises(RegistryError, match="first"):
        await together(fails("first"), fails("second"))


async def test_given_up_none_goes_on() -> None:
    ones = [Slow(), Slow()]
    whole = asyncio.create_task(together(*(one() for one in ones)))
    for one in ones:
        await one.begun.wait()
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert all(one.ended for one in ones)
