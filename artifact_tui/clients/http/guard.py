"""The last door before the network: in read-only mode no writing request passes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from artifact_tui.errors import ReadOnlyError

if TYPE_CHECKING:
    from artifact_tui.clients.http.paths import Paths


class Guard(httpx.AsyncBaseTransport):
    """A transport that refuses everything but reading, whoever asks.

    Besides GET, three requests of the family read though they are not GETs: the listing, the
    search by regular expression, and the login. They are recognised by their exact path.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, paths: Paths) -> None:
        self._inner = inner
        self._reading = {
            (call.method, call.raw_path)
            for call in (paths.listing(), paths.by_regex(), paths.authenticate())
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a reading request on.

        Raises:
            ReadOnlyError: it writes. Nothing was sent.
        """
        path = request.url.raw_path.partition(b"?")[0]
        if request.method != "GET" and (request.method, path) not in self._reading:
            raise ReadOnlyError(
                "This registry is open for reading only. Nothing was sent.",
                hint="Open it without --read-only to change it.",
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
