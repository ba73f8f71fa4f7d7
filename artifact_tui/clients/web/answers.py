"""Answers, whole and within limits, and the ways in which there is none."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from artifact_tui.clients.web.waits import spent
from artifact_tui.errors import RegistryError, UncertainError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_NAME = 12
"""Characters of an encoding's name that are repeated."""

_TOO_MANY = 429

_FINAL = frozenset({401, 404, 405, 407, 410, 451})
"""Refusals that stay what they are, however long one waits."""


class NotSentError(RegistryError):
    """The registry could not be reached: the request did not leave."""


class LostError(UncertainError):
    """The request left, and no whole answer came back: it may have been carried out."""


class SilentError(LostError):
    """No answer came in the time that a question about one artifact may take."""


class UnusableError(LostError):
    """The answer is too large, or of an unknown encoding: asking again would not help."""


class TooLongError(RegistryError):
    """The registry asks to wait longer than this call may: the request did not leave."""


class GarbageAnswerError(RegistryError):
    """The answer to a reading request says success, and makes no sense, each time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names are lower case.

    Headers and body are not part of its `repr`: a server may send our secrets back.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what success is

    @property
    def html(self) -> bool:
        """Whether it is a page for people."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.body.lstrip()[:1] == b"<"

    @property
    def later(self) -> bool:
        """Whether it says: not carried out, come back later.

        Some servers throttle with 403 or another refusal: then they say for how long, or that the
        quota is spent.
        """
        if self.status == _TOO_MANY:
            return True
        refuses = 400 <= self.status < 500 and self.status not in _FINAL  # noqa: PLR2004 - same
        if not (refuses or self.status == 503):  # noqa: PLR2004 - busy
            return False
        return "retry-after" in self.headers or spent(self.headers)


async def whole(response: httpx.Response, limit: int) -> Answer:
    """The whole answer, decoded, as long as it stays below the limit.

    Raises:
        UnusableError: it is larger, or encoded in a way that was not asked for.
        LostError: it is damaged or cut off.
    """
    found = await _read(response, limit)
    if isinstance(found, Answer):
        return found
    raise found  # from here: what a server echoed is in no local of this error's traceback


async def _read(response: httpx.Response, limit: int) -> Answer | LostError:
    headers = {name.lower(): value for name, value in response.headers.items()}
    encoding = headers.get("content-encoding", "identity").strip().lower()
    unpacker = zlib.decompressobj(wbits=47) if encoding in {"gzip", "x-gzip", "deflate"} else None
    if unpacker is None and encoding not in {"", "identity"}:
        named = encoding if encoding.isalnum() and len(encoding) < LONGEST_NAME else "other"
        return UnusableError(f"The registry's answer is encoded in an unknown way ({named}).")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
    parts: list[bytes] = []
    size = 0
    async for chunk in stream:
        try:
            part = unpacker.decompress(chunk, limit - size + 1) if unpacker else chunk
        except zlib.error:
            return LostError("The registry's answer is damaged.")
        size += len(part)
        if size > limit:
            await stream.aclose()
            return UnusableError(f"The registry's answer is larger than {limit:,} bytes.")
        parts.append(part)
    await stream.aclose()
    if unpacker is not None and not unpacker.eof:
        return LostError("The registry's answer is cut off.")
    return Answer(response.status_code, headers, b"".join(parts))
