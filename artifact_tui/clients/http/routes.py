"""Requests about one artifact: plural or singular paths, whichever this server has."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.paths import AddressingError
from artifact_tui.clients.web.answers import GarbageAnswerError, SilentError
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.paths import Call
    from artifact_tui.clients.http.wire import Wire
    from artifact_tui.clients.web.answers import Answer

_ROUTE = re.compile(
    r"endpoint|route|\burl\b|\bpath\b|page not|method not allowed|missing authentication token",
    re.IGNORECASE,
)
"""Words of a 404 (or of a gateway's 403) that are about the path, not about an artifact."""


_AUTH = ("token", "auth", "credential", "login", "expired")


def no_such_route(answer: Answer) -> bool:
    """Whether an answer says that the path as such does not exist."""
    if answer.later:
        return False
    if answer.status == 405:  # noqa: PLR2004 - the reference server's answer to unknown paths
        return True
    if answer.status == 404 and answer.html:  # noqa: PLR2004 - a framework's own page
        return True
    return answer.status in {403, 404} and bool(_ROUTE.search(decode.words(answer.body)))


def wants_credentials(answer: Answer) -> bool:
    """Whether an answer is about who we are, so that no other item would fare better."""
    if answer.later:
        return False
    if answer.status == 401:  # noqa: PLR2004
        return True
    said = decode.words(answer.body).lower()
    about_us = any(word in said for word in _AUTH)
    return answer.status == 403 and about_us and not no_such_route(answer)  # noqa: PLR2004


class DetailsUnknownError(NotToldError):
    """The server has the artifact, and cannot tell its details: its ingestion failed, say."""

    lasting = True


class Missing(Enum):
    """Why a GET brings no artifact."""

    ABSENT = "absent"
    """The server says that it does not exist."""
    UNASKABLE = "unaskable"
    """The server cannot be asked about this id, or not under this type."""


class Routes:
    """GET and DELETE of one artifact."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.singular = False
        """This server has `/artifact/{type}/{id}` instead of `/artifacts/{type}/{id}`."""

    async def get(self, ref: Ref) -> Row | Missing:
        """One artifact, or what the server says instead.

        Raises:
            DetailsUnknownError: it says something else than that it does not exist.
            NotToldError: it fails, or is silent, about this one.
            RegistryError: nothing can be asked.
        """
        try:
            return await self._asked(ref)
        except SilentError as error:
            raise NotToldError(str(error)) from None

    async def _asked(self, ref: Ref) -> Row | Missing:
        try:
            answer, row = await self._either(ref)
        except AddressingError:
            return Missing.UNASKABLE
        if row is not None:
            return self._checked(row, ref)
        if answer.status in {404, 410}:
            return Missing.ABSENT
        if answer.status in {400, 405, 422}:
            return Missing.UNASKABLE
        raise self._untold(answer)

    async def _either(self, ref: Ref) -> tuple[Answer, Row | None]:
        """The answer under the one path or the other, and the artifact in it."""
        here, there = (
            self._wire.paths.get(ref, singular=singular)
            for singular in (self.singular, not self.singular)
        )
        try:
            answer, row = await self._get(here, ref)
        except GarbageAnswerError:  # some servers answer unknown paths with their home page
            answer, row = await self._get(there, ref)
            if row is None:
                raise
            self.singular = not self.singular
        if no_such_route(answer):
            other, row = await self._get(there, ref)
            if row is not None:
                self.singular = not self.singular
            if not no_such_route(other) and not other.html:
                answer = other
        return answer, row

    def _untold(self, answer: Answer) -> RegistryError:
        """What an answer means that neither shows an artifact nor says that there is none."""
        refused = self._wire.refused(answer, "reading an artifact")
        if answer.later or wants_credentials(answer):
            return refused
        about_it = answer.status < 500  # noqa: PLR2004 - the server's own failures
        return (DetailsUnknownError if about_it else NotToldError)(str(refused), hint=refused.hint)

    async def _get(self, call: Call, ref: Ref) -> tuple[Answer, Row | None]:
        """The answer, and the artifact in it if it is a good one."""

        def parse(answer: Answer) -> Row:
            row = decode.artifact(answer.body, ref.type)
            if row.id.strip() != ref.id.strip():
                raise decode.GarbageError("it is about another artifact than it was asked about")
            return row

        return await self._wire.parsed(call, parse, "an artifact")

    @staticmethod
    def _checked(row: Row, ref: Ref) -> Row | Missing:
        """Some servers trim ids: then this id cannot be asked for, only its neighbour."""
        return row if row.id == ref.id else Missing.UNASKABLE

    async def delete(self, ref: Ref, *, spent: float = 0.0) -> Answer:
        """Send the deletion of one artifact, once; the other path only if there is no such route.

        Raises:
            AddressingError, NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        here, there = (
            self._wire.paths.delete(ref, singular=singular)
            for singular in (self.singular, not self.singular)
        )
        answer = await self._wire.once(here, spent=spent)
        if no_such_route(answer):
            other = await self._wire.once(there, spent=spent)
            if not no_such_route(other) and not other.html:
                self.singular = not self.singular
                return other
        return answer
