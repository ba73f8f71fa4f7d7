"""Which requests only read: all that pass in read-only mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from artifact_tui.clients.http.paths import Paths


def reading(paths: Paths) -> Callable[[httpx.Request], bool]:
    """Tells whether a request only reads.

    Besides GET, three requests of the family read though they are not GETs: the listing, the
    search by regular expression, and the login. They are recognised by their exact path.
    """
    known = {
        (call.method, call.raw_path)
        for call in (paths.listing(), paths.by_regex(), paths.authenticate())
    }

    def reads(request: httpx.Request) -> bool:
        path = request.url.raw_path.partition(b"?")[0]
        return request.method == "GET" or (request.method, path) in known

    return reads
