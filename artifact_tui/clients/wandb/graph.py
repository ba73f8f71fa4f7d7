"""Asking W&B: what reads until it is answered, what writes once.

A server that throttles is waited for without limit; what writes is sent again only when it was
certainly not carried out: refused for being too much (429, or 503 with a time to come back), or
never sent. When an answer is lost, or makes no sense, `LostError` says that nobody knows.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb.guard import reads_only
from artifact_tui.clients.wandb.pace import Pace
from artifact_tui.clients.wandb.replies import Call, Reply, StaleError, parse
from artifact_tui.clients.wandb.wire import Wire
from artifact_tui.clients.web.answers import (
    GarbageAnswerError,
    LostError,
    NotSentError,
    TooLongError,
    UnusableError,
)
from artifact_tui.errors import READ_ONLY_HINT, ReadOnlyError, RegistryError

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.address import Address
    from artifact_tui.clients.wandb.options import Options
    from artifact_tui.clients.web.answers import Answer

TRIES = 5
"""How often something is sent before its failure is reported; a throttle does not count."""

FEW_TRIES = 3
"""The same where it concerns the screen: no server there, or answers that make no sense."""

BACK_S = 0.1
"""Seconds before the second try; four times as many before each one after."""

_LONGEST_COMPLAINT = 100_000
"""Bytes of an answer that may be a throttle in GraphQL's words."""


class Graph:
    """One connection to one server; calls may be made concurrently."""

    def __init__(self, address: Address, options: Options, *, read_only: bool) -> None:
        self._wire = Wire(address, options, read_only=read_only)
        self._pace = Pace(options.concurrency)
        self._read_only = read_only
        self._address = address

    @property
    def read_only(self) -> bool:
        """Whether documents that write are refused before they are sent."""
        return self._read_only

    def pace(self) -> str:
        """What limits the speed now, in a few words; may be empty."""
        return self._pace.words()

    def silence(self) -> float:
        """Seconds since the last answer."""
        return self._pace.silence

    def waits(self) -> bool:
        """Whether nothing is on its way: every request only waits, as W&B asked."""
        return self._pace.waits

    @property
    def at_once(self) -> int:
        """How many calls may be under way now; more of them wait."""
        return self._pace.limit

    @property
    def advice(self) -> str:
        """What to do when our credentials are refused."""
        return self._wire.credentials.advice

    def scrub(self, text: str) -> str:
        """A text without our secrets."""
        return self._wire.credentials.scrub(text)

    async def ask(self, call: Call) -> Reply:
        """The answer to a document, also when it tells of errors.

        Raises:
            ReadOnlyError: it writes, and this connection may not. Nothing was sent.
            LostError: it writes, was sent, and nobody knows whether it was carried out.
            TooLongError: it was throttled as often, or as long, as the call allows (`StaleError`).
                Nothing was done.
            RegistryError: no usable answer; what writes was not carried out.
        """
        if call.writes and self._read_only:
            raise ReadOnlyError(
                "This registry is open for reading only. Nothing was sent.",
                hint=READ_ONLY_HINT,
            )
        if call.writes == reads_only(call.document):
            raise ValueError(f"a document for {call.what} says wrongly whether it writes")
        body = _encoded(call)
        for attempt in itertools.count(1):
            reply = await self._try(call, body, attempt)
            if reply is not None:
                return reply
            await asyncio.sleep(BACK_S * 4 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def _try(self, call: Call, body: bytes, attempt: int) -> Reply | None:
        """The reply to one more try; None when it deserves another."""
        try:
            answer, left = await self._answer(call, body)
        except NotSentError:
            if attempt >= (TRIES if call.writes else FEW_TRIES):
                raise
            return None
        except LostError as error:
            if call.writes:
                raise
            if isinstance(error, UnusableError) or attempt >= TRIES:
                raise RegistryError(
                    f"There is no usable answer to {call.what}. {error}",
                    hint="Nothing was changed. Try again later.",
                ) from None
            return None
        reply = self._understood(call, answer)
        if reply is None and attempt >= (FEW_TRIES if answer.good else TRIES):
            raise self._failed(call, answer)
        return None if reply is None else replace(reply, left=left)

    async def _answer(self, call: Call, body: bytes) -> tuple[Answer, float]:
        """An answer that is no throttle, with credentials that are as new as can be.

        And when its request left.
        """
        again = True
        throttles = 0
        while True:
            generation = await self._wire.ready()
            async with self._pace.turn() as began:
                if began > call.until:
                    raise StaleError(f"W&B let it wait too long: {call.what}. Nothing was done.")
                try:
                    answer = await self._wire.graphql(body)
                except LostError:
                    self._pace.trouble(began)
                    raise
                if _throttled(answer):
                    self._pace.complained(began, answer.headers)
                    throttles += 1
                    if throttles == call.throttles:
                        raise TooLongError(f"W&B is too busy for {call.what}. Nothing was done.")
                    continue
                if answer.status >= 500:  # noqa: PLR2004 - the server's own failures
                    self._pace.trouble(began)
                else:
                    kind = (call.document, len(answer.body).bit_length())
                    self._pace.went_well(kind, began, answer.headers)
            if answer.status == 401 and again and await self._wire.renewed(generation):  # noqa: PLR2004
                again = False
                continue
            return answer, began

    def _understood(self, call: Call, answer: Answer) -> Reply | None:
        """The reply in an answer; None when the same should be asked again.

        Raises:
            LostError: what writes was answered in a way that tells nothing.
            RegistryError: asking again would not help.
        """
        reply = parse(answer.status, answer.body, self.scrub)
        if answer.status in {401, 403} and _about_us(answer, reply):
            raise self._refused(call, answer, reply)
        failed = answer.status >= 500  # noqa: PLR2004 - the server's own failures
        if reply is not None and (call.writes or not failed or not reply.empty):
            return reply
        if not failed and not answer.good:
            raise self._strange(call, answer)
        if call.writes:
            raise LostError(
                f"{self._wire.base} answered {call.what} with {_kind(answer)} ({answer.status}).",
                hint="Whether it was carried out is not known yet.",
            )
        return None

    def _failed(self, call: Call, answer: Answer) -> RegistryError:
        """What is said of a reading request whose answers never made sense."""
        if answer.good:
            return GarbageAnswerError(
                f"{self._wire.base} answered {call.what} with {_kind(answer)}.",
                hint="Check the address: is it the API of a W&B server?",
            )
        reply = parse(answer.status, answer.body, self.scrub)
        return RegistryError(
            f"W&B failed while {call.what} ({answer.status}{_said(reply)}).",
            hint="Try again later.",
        )

    def _refused(self, call: Call, answer: Answer, reply: Reply | None) -> RegistryError:
        return RegistryError(
            f"W&B refused our credentials while {call.what} ({answer.status}{_said(reply)}).",
            hint=self.advice,
        )

    def _strange(self, call: Call, answer: Answer) -> RegistryError:
        """An answer that no W&B server gives, with a status that says: not done."""
        if 300 <= answer.status < 400:  # noqa: PLR2004 - redirects
            return RegistryError(
                f"{self._wire.base} sends us on to another place ({answer.status}).",
                hint="Nothing was sent there. If the server has moved, use its new address.",
            )
        return RegistryError(
            f"{self._wire.base} answered {call.what} with {_kind(answer)} ({answer.status}).",
            hint="Nothing was done. Check the address: is it the API of a W&B server?",
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()


def _encoded(call: Call) -> bytes:
    variables = {name: value for name, value in call.variables.items() if value is not None}
    return msgspec.json.encode({"query": call.document, "variables": variables})


def _throttled(answer: Answer) -> bool:
    """Whether it says: not carried out, come back later.

    Every answer tells of the quota, a refusal of one artifact too: that one says where, or why.
    """
    if answer.later:
        reply = parse(answer.status, answer.body, str)
        if reply is None or answer.status in {429, 503}:
            return reply is None or reply.empty
        return reply.empty and not any(one.path or one.code for one in reply.errors)
    if len(answer.body) > _LONGEST_COMPLAINT or b'"error' not in answer.body:
        return False
    reply = parse(answer.status, answer.body, str)
    return reply is not None and reply.busy


def _about_us(answer: Answer, reply: Reply | None) -> bool:
    """Whether a 401 or 403 is about who we are, and not about one artifact."""
    if answer.status == 401 or reply is None:  # noqa: PLR2004
        return True
    return reply.stranger or not any(error.path for error in reply.errors)


def _said(reply: Reply | None) -> str:
    """The server's words, to follow a status."""
    return f": {reply.errors[0].message}" if reply is not None and reply.errors else ""


def _kind(answer: Answer) -> str:
    if answer.html:
        return "a web page"
    return "something else than GraphQL" if answer.body else "nothing"
