"""Requests to one W&B server: who sends them, what only reads, and how often they are sent.

An API key goes into a header; an identity token is exchanged for access tokens
(`POST {base}/oidc/token`), and again before they expire. Answers are cleaned of our secrets.

Which documents only read decides what passes in read-only mode, and what is sent again. What reads
is sent until it is answered. What writes is sent once: when an answer is lost, or makes no sense,
`LostError` says that nobody knows. A server that throttles is waited for without limit. Redirects
are never followed.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from base64 import b64encode
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from artifact_tui.clients.pacing import Pace
from artifact_tui.clients.servers import Secret, read_only_error
from artifact_tui.clients.transport import (
    FailedAnswerError,
    GarbageAnswerError,
    HttpAnswer,
    HttpCall,
    HttpTransport,
    LostError,
    TooLongError,
)
from artifact_tui.clients.wandb.wandb_replies import GraphCall, GraphReply, parse_reply
from artifact_tui.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx

    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_settings import WandbOptions

    Send = Callable[[HttpCall], Awaitable[HttpAnswer]]


JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_PATH = b"/oidc/token"
"""Where an identity token is exchanged: it changes no artifact."""

TOKEN_LIMIT = 100_000
"""Largest answer to the exchange of a token, in bytes."""

RENEWAL_MARGIN_S = 300.0
"""A token that lives less long is exchanged for a new one."""

USUAL_LIFE_S = 3600.0
"""How long a token lives when the server does not say."""

_LONGEST_TOKEN_FILE = 100_000


class _GrantedToken(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


class WandbCredentials:
    """An API key, or access tokens that the identity token in a file is exchanged for."""

    def __init__(
        self, options: WandbOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._place = options.key_place
        self._file = options.token_file
        self._header = Secret("")
        """What the header of a request says: `Basic KEY`, or `Bearer TOKEN`."""
        self._secrets = [options.key]
        """What must not be seen anywhere."""
        if options.key:
            if not _is_one_word(options.key.reveal()):
                raise UsageError(
                    f"The API key from {self._place or 'the options'} holds characters that no key"
                    " has.",
                    hint="Copy it again as W&B shows it: one word, without quotes.",
                )
            self._header = _basic(options.key)
            self._secrets.append(self._header)
        self._generation = 0
        """Grows with each access token."""
        self._until = -math.inf
        self._lock = asyncio.Lock()
        self._clock = clock

    async def ready(self, send: Send) -> int:
        """Make sure of credentials that last for a while; gives their generation.

        Raises:
            RegistryError: the identity token cannot be exchanged.
        """
        if self._file is not None:
            async with self._lock:
                if self._clock() >= self._until:
                    await self._exchange(self._file, send)
        return self._generation

    async def renewed(self, answer: HttpAnswer, used: int, send: Send) -> bool:
        """Whether an answer refused the header of a generation, and there is a newer one now.

        Raises:
            RegistryError: the identity token cannot be exchanged.
        """
        if self._file is None or answer.status != 401:  # noqa: PLR2004 - they have expired
            return False
        async with self._lock:
            if self._generation == used:
                await self._exchange(self._file, send)
            return True

    async def _exchange(self, path: Path, send: Send) -> None:
        """Get a new access token. The file is read again: whoever made it may renew it.

        Raises:
            RegistryError: the file or the server will not do.
        """
        assertion = _identity_token(path)
        last = self._header
        self._secrets = [last, assertion]
        answer = await send(_exchange_call(assertion))
        if not answer.good:
            raise RegistryError(
                f"W&B did not accept the identity token ({answer.status}).",
                hint=f"Check the token in {path}, and that W&B trusts who issued it.",
            )
        header, lives = _granted(answer.body)
        if not header:
            raise RegistryError(
                "W&B answered the identity token without an access token.",
                hint="Check the address: is it a W&B server?",
            )
        self._header = header
        self._secrets = [last, assertion, self._header]
        self._until = self._clock() + lives - min(RENEWAL_MARGIN_S, lives / 2)
        self._generation += 1

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""
        return [("Authorization", self._header.reveal())] if self._header else []

    def scrub(self, text: str) -> str:
        """A text without our secrets, in any form in which they left."""
        for secret in self._secrets:
            text = secret.scrub(text)
        return text

    def cleaned(self, answer: HttpAnswer) -> HttpAnswer:
        """An answer without our secrets, in case the server sent them back.

        What it sent is in no local of whoever raises an error about it.
        """
        text = answer.body.decode("utf-8", "replace")
        clean = self.scrub(text)
        return answer if clean == text else replace(answer, body=clean.encode())

    @property
    def advice(self) -> str:
        """What to do when they are refused."""
        if self._file is not None:
            return f"Check the identity token in {self._file} ({self._place})."
        if self._header:
            return f"The API key from {self._place or 'the options'} may be wrong or revoked."
        return "Log in with `wandb login`, or set WANDB_API_KEY."


# The frames of what follows have left when an error is raised: no traceback has their locals.


def _basic(key: Secret) -> Secret:
    """The header for an API key; W&B's user name is always `api`."""
    return Secret(f"Basic {b64encode(f'api:{key.reveal()}'.encode('ascii')).decode('ascii')}")


def _exchange_call(assertion: Secret) -> HttpCall:
    """The exchange of an identity token; it goes without our header."""
    form = {"grant_type": JWT_GRANT, "assertion": assertion.reveal()}
    return HttpCall(
        "POST",
        TOKEN_PATH,
        reads=True,
        content=urlencode(form).encode("ascii"),
        headers=(("Content-Type", "application/x-www-form-urlencoded"),),
        what="exchanging the identity token",
        signed=False,
        limit=TOKEN_LIMIT,
    )


def _granted(body: bytes) -> tuple[Secret, float]:
    """The header for the access token in an answer, or an empty one; and how long it lives."""
    try:
        found = msgspec.json.decode(body, type=_GrantedToken)
    except (msgspec.MsgspecError, RecursionError):
        return Secret(""), 0.0
    if not found.access_token or not _is_one_word(found.access_token):
        return Secret(""), 0.0
    lives = USUAL_LIFE_S if found.expires_in is None else found.expires_in
    lives = min(max(lives, 0.0), 10 * USUAL_LIFE_S) if math.isfinite(lives) else USUAL_LIFE_S
    return Secret(f"Bearer {found.access_token}"), lives


def _identity_token(path: Path) -> Secret:
    """The identity token in a file.

    Raises:
        RegistryError: it holds none, or cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            found = Secret(file.read(_LONGEST_TOKEN_FILE))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RegistryError(
            f"The identity token file {path} cannot be read: {why}.",
            hint="WANDB_IDENTITY_TOKEN_FILE names it.",
        ) from None
    if not found or not _is_one_word(found.reveal()):
        raise RegistryError(
            f"The identity token file {path} holds no token.",
            hint="It should hold one JWT and nothing else.",
        )
    return found


def _is_one_word(secret: str) -> bool:
    """Whether a header can carry it: printable ASCII without blanks."""
    return secret.isascii() and secret.isprintable() and " " not in secret


_GRAPHQL_TOKENS = re.compile(
    r'"""(?:\\"""|[^"]|"(?!""))*"""'  # a block of text
    r'|"(?:\\.|[^"\\\n\r])*"'  # a text
    r"|\#[^\n\r]*"  # a comment
    r"|[{}()\[\]]|[A-Za-z_]\w*|[^\s]",
    re.ASCII,
)
_OPEN, _CLOSE = frozenset("{(["), frozenset("})]")
_READING = frozenset({"query", "fragment", "{"})


@lru_cache(maxsize=256)
def is_reading_document(document: str) -> bool:
    """Whether every definition in a GraphQL document is a query or a fragment.

    What cannot be made out is taken for writing.
    """
    depth = 0
    begins = True
    found = False
    for word in _GRAPHQL_TOKENS.findall(document):
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


class _RequestBody(msgspec.Struct):
    query: str


_bodies = msgspec.json.Decoder(_RequestBody)


def is_reading_request(request: httpx.Request) -> bool:
    """Whether a request changes nothing: the guard of read-only mode asks this of each."""
    path = request.url.raw_path
    if request.method != "POST":
        return False
    if path == TOKEN_PATH:
        return True
    if path != b"/graphql":
        return False
    try:
        return is_reading_document(_bodies.decode(request.content).query)
    except (msgspec.MsgspecError, RecursionError):
        return False


_LONGEST_COMPLAINT = 100_000
"""Bytes of an answer that may be a throttle in GraphQL's words."""


class GraphTransport:
    """One connection to one server; calls may be made concurrently."""

    def __init__(self, address: WandbAddress, options: WandbOptions, *, read_only: bool) -> None:
        self.credentials = WandbCredentials(options)
        self.transport = HttpTransport(
            address.origin,
            options,
            self.credentials,
            Pace(options.concurrency, who="W&B"),
            name=address.origin.text,
            reads=is_reading_request if read_only else None,
            throttled=_throttled,
        )
        self._base = address.origin.text
        self._headers = (
            ("Content-Type", "application/json"),
            *((("Use-Admin-Privileges", "true"),) if options.admin else ()),
        )
        self._read_only = read_only

    async def ask(self, call: GraphCall) -> GraphReply:
        """The answer to a document, also when it tells of errors.

        Raises:
            ReadOnlyError: it writes, and this connection may not. Nothing was sent.
            LostError: it writes, was sent, and nobody knows whether it was carried out.
            TooLongError: it was throttled as often, or as long, as the call allows (`StaleError`).
                Nothing was done.
            RegistryError: no usable answer; what writes was not carried out.
        """
        if call.writes and self._read_only:
            raise read_only_error("This registry")
        if call.writes == is_reading_document(call.document):
            raise ValueError(f"a document for {call.what} says wrongly whether it writes")
        variables = {name: value for name, value in call.variables.items() if value is not None}
        request = HttpCall(
            "POST",
            b"/graphql",
            reads=not call.writes,
            content=msgspec.json.encode({"query": call.document, "variables": variables}),
            headers=self._headers,
            what=call.what,
            kind=call.document,
            throttles=call.throttles,
            until=call.until,
        )
        understood = partial(self._understood, call)
        if call.writes:
            return understood(await self.transport.send(request))
        try:
            return await self.transport.read(request, understood)
        except FailedAnswerError as error:
            reply = parse_reply(error.answer.status, error.answer.body, self.credentials.scrub)
            raise RegistryError(
                f"W&B failed while {call.what} ({error.answer.status}{_reply_words(reply)}).",
                hint="Try again later.",
            ) from None
        except LostError as error:
            raise RegistryError(
                f"There is no usable answer to {call.what}. {error}",
                hint="Nothing was changed. Try again later.",
            ) from None

    def _understood(self, call: GraphCall, answer: HttpAnswer) -> GraphReply:
        """The reply in an answer, without our secrets.

        Raises:
            TooLongError: it is a throttle, and the call was to be told. Nothing was done.
            LostError: what writes was answered in a way that tells nothing.
            FailedAnswerError, GarbageAnswerError: what reads should be sent again.
            RegistryError: sending it again would not help.
        """
        if call.throttles and _throttled(answer):
            raise TooLongError(f"W&B is too busy for {call.what}. Nothing was done.")
        status = answer.status
        failed = status >= 500  # noqa: PLR2004 - the server's own failures
        answer = self.credentials.cleaned(answer)
        reply = parse_reply(status, answer.body, self.credentials.scrub)
        if status in {401, 403} and _about_us(status, reply):
            raise RegistryError(
                f"W&B refused our credentials while {call.what} ({status}{_reply_words(reply)}).",
                hint=self.credentials.advice,
            )
        if reply is not None and (call.writes or not failed or not reply.empty):
            return reply
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            raise RegistryError(
                f"{self._base} sends us on to another place ({status}).",
                hint="Nothing was sent there. If the server has moved, use its new address.",
            )
        kind = "a web page" if answer.html else "something else than GraphQL"
        words = f"{self._base} answered {call.what} with {kind if answer.body else 'nothing'}"
        if not failed and not answer.good:
            raise RegistryError(
                f"{words} ({status}).",
                hint="Nothing was done. Check the address: is it the API of a W&B server?",
            )
        if call.writes:
            raise LostError(
                f"{words} ({status}).", hint="Whether it was carried out is not known yet."
            )
        if failed:
            raise FailedAnswerError(answer)
        raise GarbageAnswerError(
            f"{words}.", hint="Check the address: is it the API of a W&B server?"
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.transport.aclose()


def _throttled(answer: HttpAnswer) -> bool:
    """Whether it says: not carried out, come back later.

    Every answer tells of the quota, a refusal of one artifact too: that one says where, or why.
    """
    if answer.later:
        reply = parse_reply(answer.status, answer.body, str)
        if reply is None or answer.status in {429, 503}:
            return reply is None or reply.empty
        return reply.empty and not any(one.path or one.code for one in reply.errors)
    if len(answer.body) > _LONGEST_COMPLAINT or b'"error' not in answer.body:
        return False
    reply = parse_reply(answer.status, answer.body, str)
    return reply is not None and reply.busy


def _about_us(status: int, reply: GraphReply | None) -> bool:
    """Whether a 401 or 403 is about who we are, and not about one artifact."""
    if status == 401 or reply is None:  # noqa: PLR2004
        return True
    return reply.stranger or not any(error.path for error in reply.errors)


def _reply_words(reply: GraphReply | None) -> str:
    """The server's words, to follow a status."""
    return f": {reply.errors[0].message}" if reply is not None and reply.errors else ""
