"""Hours in milliseconds: an event loop whose time passes only when everybody waits."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, it moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits, and nothing will ever happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """Its `time` is the virtual one."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What comes out of it, and how many virtual seconds it took."""
    loop = Loop()
    try:
        result = loop.run_until_complete(work)
        return result, loop.time()
    finally:
        loop.close()


def clock() -> float:
    """The virtual time of the running loop."""
    return asyncio.get_running_loop().time()
