"""Several requests at once, of which none outlives the call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")


@overload
async def together(first: Awaitable[T1], second: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def together(*works: Awaitable[T]) -> tuple[T, ...]: ...
async def together(*works: Awaitable[T]) -> tuple[T, ...]:
    """All answers in order, or the first error; the others are stopped and waited for then.

    `asyncio.gather` lets them go on: they would still send requests, on connections that are
    being closed.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return tuple(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
