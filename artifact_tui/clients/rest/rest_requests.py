"""Requests to one REST registry: which path they go to, and what is asked again.

Paths are built here and nowhere else, from untrusted names and ids. A part that could make a path
mean something else (`..`, nothing, control characters, however often it was percent-encoded
before) is refused; everything else is percent-encoded whole.

Redirects are followed for GET only, and only on the same server. One artifact is asked for under
the plural or the singular path, whichever this server has.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote

from artifact_tui.clients.pacing import LONGEST_HOLD, Pace
from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_settings import RestCredentials
from artifact_tui.clients.transport import (
    AddressingError,
    FailedAnswerError,
    GarbageAnswerError,
    HttpAnswer,
    HttpCall,
    HttpTransport,
    SilentError,
)
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from artifact_tui.clients.artifact_keys import Ref
    from artifact_tui.clients.rest.rest_entries import RestEntry
    from artifact_tui.clients.rest.rest_settings import RestAddress, RestOptions


LONGEST_SEGMENT = 16_000
"""Bytes of one encoded part; servers stop reading request lines at 64 KB and answer nonsense."""

_DECODINGS = 4
_SEPARATOR = re.compile(r"[/\\]")
_JSON = ("Content-Type", "application/json")


def path_segment(text: str, what: str = "id") -> str:
    """One part of a path, percent-encoded.

    Raises:
        AddressingError: no encoding makes this part safe.
    """
    form = text
    for _ in range(_DECODINGS):
        if any(part in {"", ".", ".."} for part in _SEPARATOR.split(form)):
            raise AddressingError(
                f"The {what} {text!r} cannot be sent: as part of a path it means another place.",
                hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
            )
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in form):
            raise AddressingError(
                f"The {what} {text!r} cannot be sent: it holds control characters.",
                hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
            )
        decoded = unquote(form)
        if decoded == form:
            break
        form = decoded
    encoded = quote(text, safe="")
    if len(encoded) > LONGEST_SEGMENT:
        raise AddressingError(
            f"The {what} {text[:40]!r}… cannot be sent: it is {len(encoded):,} bytes long.",
            hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
        )
    return encoded


READ_TRIES = 4
"""How often a reading request is sent before its failure is reported."""

LATER_TRIES = 8
"""How often a writing request is sent to a server that says "later" each time."""


class RestPaths:
    """The calls of the family, below one prefix (`/api`, or empty)."""

    def __init__(self, prefix: str = "", *, listing_limit: int | None = None) -> None:
        """`listing_limit` is the largest decoded page of a listing, in bytes."""
        parts = [part for part in prefix.split("/") if part]
        self._prefix = "".join(f"/{path_segment(unquote(part), 'path')}" for part in parts)
        self._listing_limit = listing_limit

    def _path(self, path: str) -> bytes:
        return f"{self._prefix}{path}".encode("ascii")

    def _get(self, path: str, *, one: bool = True, whole_s: float | None = None) -> HttpCall:
        return HttpCall(
            "GET",
            self._path(path),
            reads=True,
            kind="one" if one else path,
            follows=True,
            one=one,
            whole_s=whole_s,
            tries=READ_TRIES,
            throttles=READ_TRIES,
        )

    def _query(
        self, path: str, content: bytes, *headers: tuple[str, str], query: str = ""
    ) -> HttpCall:
        """A POST that only reads, and may bring much."""
        return HttpCall(
            "POST",
            self._path(path) + query.encode("ascii"),
            reads=True,
            content=content,
            headers=(_JSON, *headers),
            kind=path,
            limit=self._listing_limit,
            tries=READ_TRIES,
            throttles=READ_TRIES,
        )

    def health(self, whole_s: float | None = None) -> HttpCall:
        """GET /health."""
        return self._get("/health", one=False, whole_s=whole_s)

    def listing(self, content: bytes = b"[]", offset: int | None = None) -> HttpCall:
        """POST /artifacts: a page of the listing; some servers read the offset from a header."""
        if offset is None:
            return self._query("/artifacts", content)
        places = ("offset", str(offset)), ("X-Offset", str(offset))
        return self._query("/artifacts", content, *places, query=f"?offset={offset:d}")

    def get(self, ref: Ref, *, singular: bool = False) -> HttpCall:
        """GET /artifacts/{type}/{id}."""
        return self._get(self._artifact_path(ref, singular=singular))

    def delete(self, ref: Ref, *, singular: bool = False, until: float = math.inf) -> HttpCall:
        """DELETE /artifacts/{type}/{id}, not to be sent after a moment of `time.monotonic`."""
        path = self._path(self._artifact_path(ref, singular=singular))
        return HttpCall(
            "DELETE", path, reads=False, kind="delete", throttles=LATER_TRIES, until=until
        )

    def by_regex(self, content: bytes = b"{}") -> HttpCall:
        """POST /artifact/byRegEx."""
        return self._query("/artifact/byRegEx", content)

    def lineage(self, ref: Ref) -> HttpCall:
        """GET /artifact/model/{id}/lineage: the family has it for models."""
        return self._get(f"/artifact/model/{path_segment(ref.id)}/lineage")

    def create(self, kind: str, content: bytes, whole_s: float) -> HttpCall:
        """POST /artifact/{type}."""
        if kind.lower() == "byregex":
            raise AddressingError("An artifact's type cannot be byRegEx.")
        return HttpCall(
            "POST",
            self._path(f"/artifact/{path_segment(kind, 'type')}"),
            reads=False,
            content=content,
            headers=(_JSON,),
            kind="create",
            whole_s=whole_s,
            throttles=LATER_TRIES,
        )

    def reset(self) -> HttpCall:
        """DELETE /reset: everything."""
        return HttpCall("DELETE", self._path("/reset"), reads=False, throttles=1)

    def authenticate(self, content: bytes = b"{}") -> HttpCall:
        """PUT /authenticate: a token for a name and password; changes no artifact."""
        path = self._path("/authenticate")
        return HttpCall("PUT", path, reads=True, content=content, headers=(_JSON,), signed=False)

    @staticmethod
    def _artifact_path(ref: Ref, *, singular: bool) -> str:
        place = "artifact" if singular else "artifacts"
        return f"/{place}/{path_segment(ref.type, 'type')}/{path_segment(ref.id)}"


def reading_only(paths: RestPaths) -> Callable[[httpx.Request], bool]:
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


_ROUTE = re.compile(
    r"endpoint|route|\burl\b|\bpath\b|page not|method not allowed|missing authentication token",
    re.IGNORECASE,
)
"""Words of a 404 (or of a gateway's 403) that are about the path, not about an artifact."""


_AUTH = ("token", "auth", "credential", "login", "expired")


def no_such_route(answer: HttpAnswer) -> bool:
    """Whether an answer says that the path as such does not exist."""
    if answer.later:
        return False
    if answer.status == 405:  # noqa: PLR2004 - the reference server's answer to unknown paths
        return True
    if answer.status == 404 and answer.html:  # noqa: PLR2004 - a framework's own page
        return True
    return answer.status in {403, 404} and bool(
        _ROUTE.search(rest_entries.error_words(answer.body))
    )


def wants_credentials(answer: HttpAnswer) -> bool:
    """Whether an answer is about who we are, so that no other item would fare better."""
    if answer.later:
        return False
    if answer.status == 401:  # noqa: PLR2004
        return True
    said = rest_entries.error_words(answer.body).lower()
    about_us = any(word in said for word in _AUTH)
    return answer.status == 403 and about_us and not no_such_route(answer)  # noqa: PLR2004


class DetailsUnknownError(NotToldError):
    """The server has the artifact, and cannot tell its details: its ingestion failed, say."""

    lasting = True


class UnaskableError(NotToldError):
    """The server cannot be asked about this id, or not under this type."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(f"The registry cannot be asked about {ref.key} by its id.")


READERS = 6
"""Reading requests at once: no server loses anything by those."""

LONGEST_GUESS = 32.0
"""Seconds between tries at most, while the server says 429 and not for how long."""

T = TypeVar("T")

_AGAIN = frozenset({500, 502, 503, 504})


class RestRequests:
    """All requests to one registry."""

    def __init__(
        self,
        address: RestAddress,
        options: RestOptions,
        *,
        read_only: bool,
    ) -> None:
        self.paths = RestPaths(address.prefix, listing_limit=options.listing_limit)
        self.transport = HttpTransport(
            address.place,
            options,
            RestCredentials(options, self.paths.authenticate),
            Pace(
                options.concurrency,
                first=options.concurrency,
                readers=READERS,
                longest_asked=LONGEST_HOLD,
                longest_guess=LONGEST_GUESS,
            ),
            name=f"The registry {address.text}",
            reads=reading_only(self.paths) if read_only else None,
        )
        self._singular = False
        """This server has `/artifact/{type}/{id}` instead of `/artifacts/{type}/{id}`."""

    async def parsed(
        self, call: HttpCall, parse: Callable[[HttpAnswer], T], what: str
    ) -> tuple[HttpAnswer, T | None]:
        """The answer to a reading request, with what `parse` makes of a successful one.

        `parse` raises `GarbageError` for what it cannot use; then the request is sent again. After
        several failures of the server their last one is the answer.

        Raises:
            GarbageAnswerError: garbage each time.
            RegistryError: no answer.
        """

        def judge(answer: HttpAnswer) -> tuple[HttpAnswer, T | None]:
            if answer.status in _AGAIN and not answer.later:
                raise FailedAnswerError(answer)
            try:
                return answer, parse(answer) if answer.good else None
            except rest_entries.GarbageError as error:
                page = "a web page" if answer.html else f"something else: {error}"
                raise GarbageAnswerError(
                    f"The registry should have answered with {what}, and answered with {page}.",
                    hint="Check the address (many registries of this kind live below /api)"
                    " and the credentials.",
                ) from None

        try:
            return await self.transport.read(call, judge)
        except FailedAnswerError as error:
            return error.answer, None

    async def get(self, ref: Ref) -> RestEntry | None:
        """One artifact; None when the server says that it does not exist.

        Some servers trim ids: an id that they change cannot be asked for, only its neighbour.

        Raises:
            UnaskableError: it cannot be asked about this one.
            DetailsUnknownError: it says something else about this one.
            NotToldError: it fails, or is silent, about this one.
            RegistryError: nothing can be asked.
        """
        try:
            answer, row = await self._under_either_path(ref)
        except AddressingError:
            raise UnaskableError(ref) from None
        except SilentError as error:
            raise NotToldError(str(error)) from None
        if row is not None and row.id == ref.id:
            return row
        if row is None and answer.status in {404, 410}:
            return None
        if row is not None or answer.status in {400, 405, 422}:
            raise UnaskableError(ref)
        refused = self.refused(answer, "reading an artifact")
        if answer.later or wants_credentials(answer):
            raise refused
        about_it = answer.status < 500  # noqa: PLR2004 - the server's own failures
        raise (DetailsUnknownError if about_it else NotToldError)(str(refused), hint=refused.hint)

    async def _under_either_path(self, ref: Ref) -> tuple[HttpAnswer, RestEntry | None]:
        """The answer under the one path or the other, and the artifact in a good one."""

        def parse(answer: HttpAnswer) -> RestEntry:
            row = rest_entries.decode_entry(answer.body, ref.type)
            if row.id.strip() != ref.id.strip():
                raise rest_entries.GarbageError(
                    "it is about another artifact than it was asked about"
                )
            return row

        here, there = (
            self.paths.get(ref, singular=singular)
            for singular in (self._singular, not self._singular)
        )
        try:
            answer, row = await self.parsed(here, parse, "an artifact")
        except GarbageAnswerError:  # some servers answer unknown paths with their home page
            answer, row = await self.parsed(there, parse, "an artifact")
            if row is None:
                raise
            self._singular = not self._singular
        if no_such_route(answer):
            other, row = await self.parsed(there, parse, "an artifact")
            if row is not None:
                self._singular = not self._singular
            if not no_such_route(other) and not other.html:
                answer = other
        return answer, row

    async def delete(self, ref: Ref, until: float) -> HttpAnswer:
        """Send the deletion of one artifact, once; the other path only if there is no such route.

        It is not sent after the moment `until`.

        Raises:
            AddressingError, NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        here, there = (
            self.paths.delete(ref, singular=singular, until=until)
            for singular in (self._singular, not self._singular)
        )
        answer = await self.transport.send(here)
        if no_such_route(answer):
            other = await self.transport.send(there)
            if not no_such_route(other) and not other.html:
                self._singular = not self._singular
                return other
        return answer

    def refused(self, answer: HttpAnswer, doing: str) -> RegistryError:
        """An unsuccessful answer to a reading request as an error for people."""
        said = self.transport.credentials.scrub(rest_entries.error_words(answer.body))
        said = f": {said}" if said else ""
        if answer.status in {401, 403}:
            return RegistryError(
                f"The registry refused our credentials while {doing} ({answer.status}{said}).",
                hint=self.transport.credentials.advice,
            )
        if answer.status in {404, 405}:
            hint = "Check the address: many registries of this kind live below /api."
        else:
            hint = "Try again later."
        return RegistryError(
            f"The registry failed while {doing} ({answer.status}{said}).", hint=hint
        )
