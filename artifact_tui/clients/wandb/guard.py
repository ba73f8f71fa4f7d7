"""Which documents only read: all that pass in read-only mode, and all that are sent again."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import httpx

TOKEN_PATH = b"/oidc/token"
"""Where an identity token is exchanged: it changes no artifact."""

_TOKENS = re.compile(
    r'"""(?:\\"""|[^"]|"(?!""))*"""'  # a block of text
    r'|"(?:\\.|[^"\\\n\r])*"'  # a text
    r"|\#[^\n\r]*"  # a comment
    r"|[{}()\[\]]|[A-Za-z_]\w*|[^\s]",
    re.ASCII,
)
_OPEN, _CLOSE = frozenset("{(["), frozenset("})]")
_READING = frozenset({"query", "fragment", "{"})


@lru_cache(maxsize=256)
def reads_only(document: str) -> bool:
    """Whether every definition in a GraphQL document is a query or a fragment.

    What cannot be made out is taken for writing.
    """
    depth = 0
    begins = True
    found = False
    for word in _TOKENS.findall(document):
        if word.startswith("#"):
            continue
        if depth == 0 and begins:
            if word not in _READING:
                return False
            found, begins = True, False
        if word in _OPEN:
            depth += 1
        elif word in _CLOSE:
            depth -= 1
            begins = depth == 0 and word == "}"
        if depth < 0:
            return False
    return found and depth == 0


class _Body(msgspec.Struct):
    query: str


_bodies = msgspec.json.Decoder(_Body)


def reads(request: httpx.Request) -> bool:
    """Whether a request changes nothing: the guard of read-only mode asks this of each."""
    path = request.url.raw_path
    if request.method != "POST":
        return False
    if path == TOKEN_PATH:
        return True
    if path != b"/graphql":
        return False
    try:
        return reads_only(_bodies.decode(request.content).query)
    except (msgspec.MsgspecError, RecursionError):
        return False
