"""Fields and arguments that only newer servers know: left out once a server does not know them.

In a document, `<Artifact.storageBytes|storageBytes>` is text that stays only while the server is
not known to lack that field, and `<Project.artifactCollections(filters)|…>` likewise for an
argument. They may be nested; the same mark may stand at several places.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifact_tui.clients.wandb.replies import Call, GraphError, Reply

_MARK = re.compile(r"<([\w.()]+)\|")
_FIELD = re.compile(
    r"""Cannot query field ["'`](\w+)["'`] on type ["'`](\w+)["'`]""", re.IGNORECASE
)
_ARGUMENT = re.compile(
    r"""Unknown argument ["'`](\w+)["'`] on field ["'`](?:(\w+)\.)?(\w+)["'`]"""
    r"""(?: of type ["'`](\w+)["'`])?""",
    re.IGNORECASE,
)


class Asking(Protocol):
    """What sends documents: the transport, or `Fields` around it."""

    async def ask(self, call: Call) -> Reply:
        """The answer to one document."""


class Fields:
    """The transport, with documents that fit the server.

    Beside `ask` it is what other rooms give their documents to; those without marks pass as they
    are.
    """

    def __init__(self, graph: Asking) -> None:
        self._graph = graph
        self.lacking: frozenset[str] = frozenset()
        """What the server does not know, such as `Artifact.storageBytes`."""

    async def ask(self, call: Call) -> Reply:
        """The answer to a document, without what the server does not know.

        A document that was refused because of that was not carried out: it is sent again.

        Raises:
            RegistryError: no answer.
        """
        while True:
            used = self.lacking
            reply = await self._graph.ask(replace(call, document=render(call.document, used)))
            unknown = lacked(call.document, reply.errors) - used
            if not unknown:
                return reply
            self.lacking |= unknown


@lru_cache(maxsize=1024)
def render(document: str, lacking: frozenset[str] = frozenset()) -> str:
    """The document for a server that lacks these."""
    kept: list[str] = []
    shown = [True]
    position = 0
    for found in re.finditer(r"<[\w.()]+\||>", document):
        if shown[-1]:
            kept.append(document[position : found.start()])
        position = found.end()
        if found[0] == ">":
            shown.pop()
        else:
            shown.append(shown[-1] and found[0][1:-1] not in lacking)
    kept.append(document[position:])
    return "".join(kept)


@lru_cache(maxsize=1024)
def marks(document: str) -> frozenset[str]:
    """The fields and arguments that a document can do without."""
    return frozenset(_MARK.findall(document))


def lacked(document: str, errors: Iterable[GraphError]) -> frozenset[str]:
    """Those marks of a document that a server says it does not know."""
    found: set[str] = set()
    for error in errors:
        for field, owner in _FIELD.findall(error.message):
            found |= _fitting(document, owner, field)
        for argument, before, field, after in _ARGUMENT.findall(error.message):
            found |= _fitting(document, before or after, f"{field}({argument})")
    return frozenset(found)


def _fitting(document: str, owner: str, member: str) -> set[str]:
    """The mark of a member; of all types when the server calls its type otherwise than we do."""
    known = marks(document)
    exact = f"{owner}.{member}"
    if exact in known:
        return {exact}
    return {mark for mark in known if mark.partition(".")[2] == member}
