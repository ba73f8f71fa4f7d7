"""The last door before the network: in read-only mode no writing request passes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from artifact_tui.errors import READ_ONLY_HINT, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable


class Guard(httpx.AsyncBaseTransport):
    """A transport that refuses everything but reading, whoever asks.

    What reads is for each protocol to say: `reads` is asked about every request.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, reads: Callable[[httpx.Request], bool]
    ) -> None:
        self._inner = inner
        self._reads = reads

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a reading request on.

        Raises:
            ReadOnlyError: it writes. Nothing was sent.
        """
        if not self._reads(request):
            raise ReadOnlyError(
                "This registry is open for reading only. Nothing was sent.",
                hint=READ_ONLY_HINT,
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
