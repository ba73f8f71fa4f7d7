"""Carrying out deletions: one after another, or so many at once, and never one of them twice.

Whether a deletion was done is for `facts()` to say; here each answer is turned into an outcome,
and the batch ends early when going on would only repeat a failure.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.http import keys
from artifact_tui.clients.http.listing import TYPES
from artifact_tui.clients.http.outcomes import outcome
from artifact_tui.clients.http.paths import AddressingError
from artifact_tui.clients.http.routes import Missing, wants_credentials
from artifact_tui.clients.web.answers import Answer, LostError, NotSentError
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.reader import Reader
    from artifact_tui.clients.http.routes import Routes
    from artifact_tui.clients.http.truth import Truth
    from artifact_tui.clients.http.wire import Wire
    from artifact_tui.model import Deletion

TROUBLE = 3
"""So many requests in a row without an answer end a batch."""

_SHARED = (
    "other artifacts share this id, and this registry may delete them together: {types}."
    " Nothing was sent"
)


class Deleter:
    """Deletions of one connection."""

    def __init__(self, wire: Wire, reader: Reader, routes: Routes, truth: Truth) -> None:
        self._wire = wire
        self._reader = reader
        self._routes = routes
        self._truth = truth

    async def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """One outcome for each deletion, in the same order."""
        batch = _Batch(deletions)
        at_once = self._wire.pacer.limit
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(deletions))):
                group.create_task(self._work(batch))
        for position in batch.repeats:
            batch.outcomes[position] = await self._one(batch, deletions[position])
        return [
            found or Outcome(deletion.key, Result.FAILED, f"not sent: {batch.stopped}")
            for deletion, found in zip(deletions, batch.outcomes, strict=True)
        ]

    async def _work(self, batch: _Batch) -> None:
        for position in batch.positions:
            if batch.stopped:
                return
            batch.outcomes[position] = await self._one(batch, batch.deletions[position])

    async def _one(self, batch: _Batch, deletion: Deletion) -> Outcome | None:
        """The outcome of one deletion; None when the batch ended before it was sent."""
        ref = keys.parse(deletion.key)
        if ref is None:
            return Outcome(deletion.key, Result.ABSENT, "no artifact has such a key")
        try:
            why = "" if batch.stopped else await self._shares(ref)
            if batch.stopped or why:
                return Outcome(deletion.key, Result.REFUSED, why) if why else None
            answer = await self._wire.patiently(partial(self._routes.delete, ref))
            return self._answered(batch, deletion.key, ref, answer)
        except AddressingError as error:
            found = Outcome(deletion.key, Result.REFUSED, str(error))
        except LostError as error:
            self._reader.sent.add(ref.id)
            batch.trouble(str(error))
            found = Outcome(deletion.key, Result.UNKNOWN, str(error))
        except RegistryError as error:
            batch.trouble(str(error), at_once=not isinstance(error, NotSentError))
            found = Outcome(deletion.key, Result.FAILED, str(error))
        return found

    def _answered(self, batch: _Batch, key: str, ref: Ref, answer: Answer) -> Outcome:
        found = outcome(key, ref.id, answer)
        if found.result not in {Result.REFUSED, Result.FAILED}:
            self._reader.sent.add(ref.id)
        if found.result is Result.DONE:
            self._truth.done.add(key)
        if wants_credentials(answer):
            batch.trouble("the registry refused our credentials", at_once=True)
            found = Outcome(key, Result.FAILED, found.message)
        elif answer.later:  # however long it was waited
            batch.trouble(found.message, at_once=True)
        elif answer.status >= 500:  # noqa: PLR2004 - the server's own failures
            batch.trouble(found.message)
        else:
            batch.troubles = 0
        return Outcome(key, found.result, self._wire.scrub(found.message))

    async def _shares(self, ref: Ref) -> str:
        """Why an id that several types have must not be deleted; empty when it may.

        The reference server ignores the type and deletes every entry with the id. A server that
        keeps types apart answers 404 for a type that has no such id.
        """
        types = self._reader.last.types_of(ref.id) if self._reader.last else set()
        if len(types) < 2:  # noqa: PLR2004 - shared by two
            return ""
        for other in TYPES:
            if other not in types:
                with suppress(NotToldError):
                    if await self._routes.get(keys.Ref(other, ref.id)) is Missing.ABSENT:
                        return ""
        return _SHARED.format(types=", ".join(sorted(types)))


class _Batch:
    """A `delete` call on its way."""

    def __init__(self, deletions: Sequence[Deletion]) -> None:
        self.deletions = deletions
        self.outcomes: list[Outcome | None] = [None] * len(deletions)
        first: dict[str, int] = {}
        for position, deletion in enumerate(deletions):
            first.setdefault(deletion.key, position)
        self.positions: Iterator[int] = iter(list(first.values()))
        self.repeats = [p for p, one in enumerate(deletions) if first[one.key] != p]
        self.stopped = ""
        """Why nothing more is sent."""
        self.troubles = 0

    def trouble(self, why: str, *, at_once: bool = False) -> None:
        """Another failure that may concern everything."""
        self.troubles += 1
        if at_once or self.troubles >= TROUBLE:
            self.stopped = why
