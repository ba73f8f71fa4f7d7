"""The one place where request paths are built, from untrusted names and ids.

A part that could make a path mean something else (`..`, nothing, control characters, however often
it was percent-encoded before) is refused; everything else is percent-encoded whole. The finished
bytes are compared with what httpx is about to put on the request line.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx

from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from artifact_tui.clients.http.keys import Ref

LONGEST = 16_000
"""Bytes of one encoded part; servers stop reading request lines at 64 KB and answer nonsense."""

_DECODINGS = 4
_SEPARATOR = re.compile(r"[/\\]")


class AddressingError(UsageError):
    """A name or id that cannot be put into a request path without meaning something else."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request line: method and raw path with its query."""

    method: str
    raw_path: bytes
    reads: bool
    """It changes nothing in the registry, so it may be sent again and in read-only mode."""
    lists: bool = False
    """It is answered from the server's memory and does not make it load its storage again."""
    parts: int = 0
    """How many `/` the path has."""
    content: bytes | None = None
    """The body, in JSON."""
    offset: str = ""
    """The value of the headers that some servers read instead of the query."""
    one: bool = False
    """It asks about one artifact: its answer must not hold up the others."""
    whole_s: float | None = None
    """Longest duration with the whole answer, where it is not the usual one."""


def segment(text: str, what: str = "id") -> str:
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
    if len(encoded) > LONGEST:
        raise AddressingError(
            f"The {what} {text[:40]!r}… cannot be sent: it is {len(encoded):,} bytes long.",
            hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
        )
    return encoded


class Paths:
    """The calls of the family, below one prefix (`/api`, or empty)."""

    def __init__(self, prefix: str = "") -> None:
        parts = [part for part in prefix.split("/") if part]
        self._prefix = "".join(f"/{segment(unquote(part), 'path')}" for part in parts)

    def _call(
        self, method: str, path: str, *, reads: bool, lists: bool = False, query: str = ""
    ) -> Call:
        whole = self._prefix + path
        raw = whole.encode("ascii") + (f"?{query}".encode("ascii") if query else b"")
        return Call(method, raw, reads, lists, whole.count("/"))

    def health(self) -> Call:
        """GET /health."""
        return self._call("GET", "/health", reads=True)

    def listing(self, content: bytes = b"[]", offset: int | None = None) -> Call:
        """POST /artifacts: a page of the listing."""
        query = "" if offset is None else f"offset={offset:d}"
        call = self._call("POST", "/artifacts", reads=True, lists=True, query=query)
        return replace(call, content=content, offset="" if offset is None else str(offset))

    def get(self, ref: Ref, *, singular: bool = False) -> Call:
        """GET /artifacts/{type}/{id}."""
        return replace(self._call("GET", self._one(ref, singular=singular), reads=True), one=True)

    def delete(self, ref: Ref, *, singular: bool = False) -> Call:
        """DELETE /artifacts/{type}/{id}."""
        return self._call("DELETE", self._one(ref, singular=singular), reads=False)

    def by_name(self, name: str) -> Call:
        """GET /artifact/byName/{name}."""
        path = f"/artifact/byName/{segment(name, 'name')}"
        return self._call("GET", path, reads=True, lists=True)

    def by_regex(self, content: bytes = b"{}") -> Call:
        """POST /artifact/byRegEx."""
        call = self._call("POST", "/artifact/byRegEx", reads=True, lists=True)
        return replace(call, content=content)

    def lineage(self, ref: Ref) -> Call:
        """GET /artifact/model/{id}/lineage: the family has it for models."""
        path = f"/artifact/model/{segment(ref.id)}/lineage"
        return replace(self._call("GET", path, reads=True), one=True)

    def create(self, kind: str, content: bytes, whole_s: float) -> Call:
        """POST /artifact/{type}."""
        if kind.lower() == "byregex":
            raise AddressingError("An artifact's type cannot be byRegEx.")
        call = self._call("POST", f"/artifact/{segment(kind, 'type')}", reads=False)
        return replace(call, content=content, whole_s=whole_s)

    def reset(self) -> Call:
        """DELETE /reset: everything."""
        return self._call("DELETE", "/reset", reads=False)

    def authenticate(self, content: bytes = b"{}") -> Call:
        """PUT /authenticate: a token for a name and password; changes no artifact."""
        return replace(self._call("PUT", "/authenticate", reads=True), content=content)

    @staticmethod
    def _one(ref: Ref, *, singular: bool) -> str:
        place = "artifact" if singular else "artifacts"
        return f"/{place}/{segment(ref.type, 'type')}/{segment(ref.id)}"


def build(origin: httpx.URL, call: Call, headers: list[tuple[str, str]]) -> httpx.Request:
    """The request for a call, checked to be exactly that call.

    Raises:
        AddressingError: the library would have sent another path.
    """
    url = origin.copy_with(raw_path=call.raw_path)
    request = httpx.Request(call.method, url, headers=headers, content=call.content)
    sent = request.url.raw_path
    if sent != call.raw_path or sent.partition(b"?")[0].count(b"/") != call.parts:
        raise AddressingError("The request would have gone to another path. Nothing was sent.")
    if (request.url.scheme, request.url.host, request.url.port) != (
        origin.scheme,
        origin.host,
        origin.port,
    ):
        raise AddressingError("The request would have gone to another host. Nothing was sent.")
    return request
