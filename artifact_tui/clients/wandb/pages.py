"""Pages of a project's collections, each with its first versions; smaller where that is too much.

How much a server gives in one answer is published nowhere. A document that fails for any reason
that may be its size is asked for again in smaller portions, which then stay so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import decode
from artifact_tui.clients.wandb.decode import Collection, Connection, Edge, Said
from artifact_tui.clients.wandb.documents import listing as documents
from artifact_tui.clients.wandb.loader import refused
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.clients.wandb.words import says_heavy
from artifact_tui.clients.web.answers import GarbageAnswerError, NotSentError
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.replies import GraphError, Reply
    from artifact_tui.clients.wandb.scope import Place

    Ask = Callable[[str | None, int], Awaitable[Connection[Collection]]]

PORTIONS = ((50, 20), (10, 10), (3, 5))
"""Collections on a page, and versions that come with each of them."""

NAMES = 200
"""Collections on a page that has no versions."""


class _Project(Said, frozen=True):
    project: decode.Collections | None = None


class Pages:
    """Reads the collections of projects."""

    def __init__(self, asking: Asking, notices: dict[str, str]) -> None:
        self._asking = asking
        self._notices = notices
        self._portion = 0

    def nested(self, place: Place) -> Ask:
        """How to read pages of collections with their first versions."""

        async def ask(after: str | None, count: int) -> Connection[Collection]:
            while True:
                portion = self._portion
                most, first = PORTIONS[portion]
                try:
                    return await self._page(
                        place, documents.COLLECTIONS, after, min(count, most), first
                    )
                except RegistryError as error:
                    if portion + 1 == len(PORTIONS) or not _may_be_size(error):
                        raise
                    self._portion = max(self._portion, portion + 1)

        return ask

    def names(self, place: Place) -> Ask:
        """How to read pages of collections alone."""

        async def ask(after: str | None, count: int) -> Connection[Collection]:
            return await self._page(place, documents.NAMES, after, count, None)

        return ask

    async def _page(
        self, place: Place, document: str, after: str | None, count: int, first: int | None
    ) -> Connection[Collection]:
        what = f"listing {place.entity}/{place.project}"
        variables = {"e": place.entity, "p": place.project, "a": after, "n": count, "k": first}
        reply = await self._asking.ask(Call(document, variables, writes=False, what=what))
        found = decode.read(reply.data, _Project | None, what)  # type: ignore[arg-type]
        project = found.project if found is not None else None
        page = project.artifact_collections if project is not None else None
        if page is None:
            return self._unseen(place, reply, what)
        return _without(page, reply.errors, refused(reply, what))

    def _unseen(self, place: Place, reply: Reply, what: str) -> Connection[Collection]:
        """There is no such project, or it is not for us."""
        where = f"{place.entity}/{place.project}"
        if reply.errors:
            error = refused(reply, what)
            large = any(says_heavy(one) for one in reply.errors)
            raise TooMuchError(str(error), hint=error.hint) if large else error
        if place.alone:
            raise UnseenError(
                f"W&B knows no project {where}, or does not show it to you.",
                hint="Check the address, and that the API key is of a member.",
            )
        self._notices[where] = f"The project {where} is not shown to you: it is left out."
        return Connection()


class UnseenError(RegistryError):
    """A project that is not there, or not for us."""


class TooMuchError(RegistryError):
    """The server says that a document asks for too much."""


def _may_be_size(error: RegistryError) -> bool:
    """Whether less might work: not where the server cannot be reached, or refused on purpose."""
    if isinstance(error, TooMuchError):
        return True
    on_purpose = (NotSentError, GarbageAnswerError, UnseenError, NotToldError)
    return not isinstance(error, on_purpose)


def _without(
    page: Connection[Collection], errors: Sequence[GraphError], refusal: RegistryError
) -> Connection[Collection]:
    """The page, without the versions of those collections that errors are about.

    Raises:
        RegistryError: an error about something else.
    """
    doubtful = set()
    for error in errors:
        place = error.path[3] if error.path[1:3] == ("artifactCollections", "edges") else None
        if not isinstance(place, int) or len(error.path) < 6:  # noqa: PLR2004 - below a collection
            raise refusal
        doubtful.add(place)
    if not doubtful:
        return page
    return Connection(
        page.total_count,
        page.page_info,
        [_bare(edge) if n in doubtful else edge for n, edge in enumerate(page.rows)],
    )


def _bare(edge: Edge[Collection] | None) -> Edge[Collection] | None:
    """A collection whose versions have to be asked for."""
    if edge is None or edge.node is None:
        return edge
    return Edge(msgspec.structs.replace(edge.node, artifacts=None), edge.version, edge.cursor)
