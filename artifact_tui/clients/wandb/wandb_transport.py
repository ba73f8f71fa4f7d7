"""Requests to one W&B server: who sends them, what only reads, and how often they are sent.

An API key goes into a header; an identity token is exchanged for access tokens
(`POST {base}/oidc/token`), and again before they expire. Answers are cleaned of our secrets.

Which documents only read decides what passes in read-only mode, and what is sent again. What reads
is sent until it is answered; a server that throttles is waited for without limit. What writes is
sent again only when it was certainly not carried out: refused for being too much (429, or 503 with
a time to come back), or never sent. When an answer is lost, or makes no sense, `LostError` says
that nobody knows. Redirects are never followed.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import time
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import httpx
import msgspec

from artifact_tui.clients.servers import Secret, read_only_error
from artifact_tui.clients.transport import (
    NOT_SENT,
    GarbageAnswerError,
    HttpAnswer,
    LostError,
    NotSentError,
    ServerConnections,
    TooLongError,
    UnusableError,
    whole_answer,
)
from artifact_tui.clients.wandb.wandb_pacing import Pace
from artifact_tui.clients.wandb.wandb_replies import GraphCall, GraphReply, StaleError, parse_reply
from artifact_tui.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_settings import WandbOptions

    Post = Callable[[Secret], Awaitable[HttpAnswer]]
    """Sends a form to the server's token endpoint."""


JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
RENEWAL_MARGIN_S = 300.0
"""A token that lives less long is exchanged for a new one."""

USUAL_LIFE_S = 3600.0
"""How long a token lives when the server does not say."""

_LONGEST_TOKEN_FILE = 100_000


class _GrantedToken(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: float | None = None


class IdentityToken:
    """A file with an identity token, and the access token of the moment."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.generation = 0
        """Grows with each access token."""
        self.access = Secret("")
        self._last = Secret("")
        self._assertion = Secret("")
        self._until = -math.inf
        self._clock = clock

    @property
    def fresh(self) -> bool:
        """Whether the access token is good for a while."""
        return self._clock() < self._until

    async def exchange(self, post: Callable[[Secret], Awaitable[HttpAnswer]]) -> None:
        """Get a new access token. The file is read again: whoever made it may renew it.

        Raises:
            RegistryError: the file or the server will not do.
        """
        self._assertion = self._read()
        answer = await post(self._form())
        if not answer.good:
            raise RegistryError(
                f"W&B did not accept the identity token ({answer.status}).",
                hint=f"Check the token in {self.path}, and that W&B trusts who issued it.",
            )
        access, lives = _read_grant(answer)
        if not access:
            raise RegistryError(
                "W&B answered the identity token without an access token.",
                hint="Check the address: is it a W&B server?",
            )
        self._last, self.access = self.access, access
        self._until = self._clock() + lives - min(RENEWAL_MARGIN_S, lives / 2)
        self.generation += 1

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be seen anywhere."""
        return (self._assertion, self._last, self.access)

    def _form(self) -> Secret:
        return Secret(urlencode({"grant_type": JWT_GRANT, "assertion": self._assertion.reveal()}))

    def _read(self) -> Secret:
        try:
            with self.path.open(encoding="utf-8") as file:
                found = Secret(file.read(_LONGEST_TOKEN_FILE))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RegistryError(
                f"The identity token file {self.path} cannot be read: {why}.",
                hint="WANDB_IDENTITY_TOKEN_FILE names it.",
            ) from None
        if not found or not _is_one_word(found.reveal()):
            raise RegistryError(
                f"The identity token file {self.path} holds no token.",
                hint="It should hold one JWT and nothing else.",
            )
        return found


def _read_grant(answer: HttpAnswer) -> tuple[Secret, float]:
    """The access token in an answer, empty when there is none, and how many seconds it lives."""
    try:
        found = msgspec.json.decode(answer.body, type=_GrantedToken)
    except (msgspec.MsgspecError, RecursionError):
        return Secret(""), 0.0
    if not _is_one_word(found.access_token):
        return Secret(""), 0.0
    lives = found.expires_in if found.expires_in is not None else USUAL_LIFE_S
    lives = min(max(lives, 0.0), 10 * USUAL_LIFE_S) if math.isfinite(lives) else USUAL_LIFE_S
    return Secret(found.access_token), lives


def _is_one_word(secret: str) -> bool:
    """Whether a header can carry it: printable ASCII without blanks."""
    return secret.isascii() and secret.isprintable() and " " not in secret


class WandbCredentials:
    """An API key, or access tokens that an identity token is exchanged for."""

    def __init__(self, options: WandbOptions) -> None:
        self._key = options.key
        self._place = options.key_place
        self._basic = Secret("")
        if self._key:
            self._basic = _basic_value(self._key, self._place)
        self._token = IdentityToken(options.token_file) if options.token_file else None
        self._lock = asyncio.Lock()

    async def ready(self, post: Post) -> int:
        """Have a header that is good for a while; gives its generation.

        Raises:
            RegistryError: the identity token cannot be exchanged.
        """
        if self._token is None:
            return 0
        async with self._lock:
            if not self._token.fresh:
                await self._token.exchange(post)
            return self._token.generation

    async def renewed(self, generation: int, post: Post) -> bool:
        """Whether, after a refusal, there is a newer header than that of a generation.

        Raises:
            RegistryError: the identity token cannot be exchanged.
        """
        if self._token is None:
            return False
        async with self._lock:
            if self._token.generation == generation:
                await self._token.exchange(post)
            return True

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""
        if self._token is not None:
            return [("Authorization", f"Bearer {self._token.access.reveal()}")]
        return [("Authorization", f"Basic {self._basic.reveal()}")] if self._basic else []

    def scrub(self, text: str) -> str:
        """A text without our secrets, in any form in which they left."""
        for secret in self._secrets():
            text = secret.scrub(text)
        return text

    def cleaned(self, answer: HttpAnswer) -> HttpAnswer:
        """An answer without our secrets, in case the server sent them back."""
        if not any(secret.is_in(answer.body) for secret in self._secrets()):
            return answer
        text = self.scrub(answer.body.decode("utf-8", "replace"))
        return HttpAnswer(answer.status, answer.headers, text.encode())

    def _secrets(self) -> tuple[Secret, ...]:
        tokens = self._token.secrets if self._token is not None else ()
        return (self._key, self._basic, *tokens)

    @property
    def advice(self) -> str:
        """What to do when they are refused."""
        if self._token is not None:
            return f"Check the identity token in {self._token.path} ({self._place})."
        if self._key:
            return f"The API key from {self._place or 'the options'} may be wrong or revoked."
        return "Log in with `wandb login`, or set WANDB_API_KEY."


def _basic_value(key: Secret, place: str) -> Secret:
    """The value of the header for an API key; W&B's user name is always `api`.

    Raises:
        UsageError: no key looks like this.
    """
    if not _is_one_word(key.reveal()):
        raise UsageError(
            f"The API key from {place or 'the options'} holds characters that no key has.",
            hint="Copy it again as W&B shows it: one word, without quotes.",
        )
    return Secret(b64encode(f"api:{key.reveal()}".encode("ascii")).decode("ascii"))


TOKEN_PATH = b"/oidc/token"
"""Where an identity token is exchanged: it changes no artifact."""

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


TOKEN_LIMIT = 100_000
"""Largest answer to the exchange of a token, in bytes."""


class WandbConnections:
    """All connections to one server. Redirects are never followed."""

    def __init__(self, address: WandbAddress, options: WandbOptions, *, read_only: bool) -> None:
        origin = httpx.URL(address.origin.text)
        self.credentials = WandbCredentials(options)
        self.base = address.origin.text
        self._graphql = origin.copy_with(raw_path=b"/graphql")
        self._token = origin.copy_with(raw_path=TOKEN_PATH)
        self._options = options
        self._connections = ServerConnections(
            address.origin, ca_file=options.ca_file, reads=is_reading_request if read_only else None
        )
        self._timeout = {
            "connect": options.connect_s,
            "read": options.answer_s,
            "write": options.answer_s,
            "pool": options.connect_s,
        }
        self._plain = [
            ("Host", address.origin.netloc),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "artifact-tui"),
        ]
        self._admin = [("Use-Admin-Privileges", "true")] if options.admin else []

    async def graphql(self, body: bytes) -> HttpAnswer:
        """The answer to one document.

        Raises:
            NotSentError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        answer = await self._send(self._request(body), self._options.answer_limit)
        return self.credentials.cleaned(answer)

    async def exchange(self, form: Secret) -> HttpAnswer:
        """The answer to an exchange of tokens; our other credentials do not go with it."""
        return await self._send(self._exchanging(form), TOKEN_LIMIT)

    def _exchanging(self, form: Secret) -> httpx.Request:
        body = form.reveal().encode("ascii")
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        headers = [*self._plain, kind, ("Content-Length", str(len(body)))]
        return httpx.Request("POST", self._token, headers=headers, content=body)

    def _request(self, body: bytes) -> httpx.Request:
        headers = [
            *self._plain,
            *self._admin,
            *self.credentials.headers(),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        return httpx.Request("POST", self._graphql, headers=headers, content=body)

    async def _send(self, request: httpx.Request, limit: int) -> HttpAnswer:
        request.extensions["timeout"] = self._timeout
        failure: RegistryError
        try:
            async with (
                asyncio.timeout(self._options.whole_s),
                self._connections.connection() as connection,
            ):
                answer = await whole_answer(
                    await connection.open().handle_async_request(request), limit
                )
                connection.healthy = answer.status < 500  # noqa: PLR2004 - the server's own failures
                return answer
        except NOT_SENT as error:
            failure = self._unreachable(error)
        except (httpx.TransportError, TimeoutError) as error:
            failure = self._lost(error)
        raise failure  # out here it does not carry along what lies below, and that has our headers

    def _lost(self, error: Exception) -> LostError:
        late = isinstance(error, TimeoutError | httpx.TimeoutException)
        kind = "did not answer in time" if late else "broke the connection off"
        return LostError(
            f"{self.base} {kind}.", hint="Whether the request was carried out is not known yet."
        )

    def _unreachable(self, error: Exception) -> NotSentError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return NotSentError(
                f"The certificate of {self.base} is not trusted. Nothing was sent.",
                hint="If a private authority signed it, name that authority's file as ca_file.",
            )
        why = self.credentials.scrub(text) or type(error).__name__
        return NotSentError(
            f"{self.base} could not be reached: {why}.",
            hint="Nothing was sent. Check the address, and the network.",
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()


TRIES = 5
"""How often something is sent before its failure is reported; a throttle does not count."""

FEW_TRIES = 3
"""How often where no server is there, or its answers make no sense: somebody waits for it."""

BACK_S = 0.1
"""Seconds before the second try; four times as many before each one after."""

_LONGEST_COMPLAINT = 100_000
"""Bytes of an answer that may be a throttle in GraphQL's words."""


class GraphTransport:
    """One connection to one server; calls may be made concurrently."""

    def __init__(self, address: WandbAddress, options: WandbOptions, *, read_only: bool) -> None:
        self._connections = WandbConnections(address, options, read_only=read_only)
        self.credentials = self._connections.credentials
        self.pace = Pace(options.concurrency)
        """What limits the speed now."""
        self._read_only = read_only
        self._address = address

    @property
    def read_only(self) -> bool:
        """Whether documents that write are refused before they are sent."""
        return self._read_only

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
        body = msgspec.json.encode({"query": call.document, "variables": variables})
        for attempt in itertools.count(1):
            reply = await self._try(call, body, attempt)
            if reply is not None:
                return reply
            await asyncio.sleep(BACK_S * 4 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def _try(self, call: GraphCall, body: bytes, attempt: int) -> GraphReply | None:
        """The reply to one more try; None when it deserves another."""
        try:
            answer = await self._answer(call, body)
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
        return reply

    async def _answer(self, call: GraphCall, body: bytes) -> HttpAnswer:
        """An answer that is no throttle, with credentials that are as new as can be."""
        credentials = self.credentials
        again = True
        throttles = 0
        while True:
            generation = await credentials.ready(self._connections.exchange)
            async with self.pace.turn() as began:
                if began > call.until:
                    raise StaleError(f"W&B let it wait too long: {call.what}. Nothing was done.")
                try:
                    answer = await self._connections.graphql(body)
                except LostError:
                    self.pace.trouble(began)
                    raise
                if _throttled(answer):
                    self.pace.complained(began, answer.headers)
                    throttles += 1
                    if throttles == call.throttles:
                        raise TooLongError(f"W&B is too busy for {call.what}. Nothing was done.")
                    continue
                if answer.status >= 500:  # noqa: PLR2004 - the server's own failures
                    self.pace.trouble(began)
                else:
                    kind = (call.document, len(answer.body).bit_length())
                    self.pace.went_well(kind, began, answer.headers)
            if again and answer.status == 401:  # noqa: PLR2004 - the credentials have expired
                again = False
                if await credentials.renewed(generation, self._connections.exchange):
                    continue
            return answer

    def _understood(self, call: GraphCall, answer: HttpAnswer) -> GraphReply | None:
        """The reply in an answer; None when the document should be sent again.

        Raises:
            LostError: what writes was answered in a way that tells nothing.
            RegistryError: asking again would not help.
        """
        reply = parse_reply(answer.status, answer.body, self.credentials.scrub)
        if answer.status in {401, 403} and _about_us(answer, reply):
            raise self._refused(call, answer, reply)
        failed = answer.status >= 500  # noqa: PLR2004 - the server's own failures
        if reply is not None and (call.writes or not failed or not reply.empty):
            return reply
        if not failed and not answer.good:
            raise self._strange(call, answer)
        if call.writes:
            raise LostError(
                f"{self._connections.base} answered {call.what} "
                f"with {_answer_kind(answer)} ({answer.status}).",
                hint="Whether it was carried out is not known yet.",
            )
        return None

    def _failed(self, call: GraphCall, answer: HttpAnswer) -> RegistryError:
        """What is said of a reading request whose answers never made sense."""
        if answer.good:
            return GarbageAnswerError(
                f"{self._connections.base} answered {call.what} with {_answer_kind(answer)}.",
                hint="Check the address: is it the API of a W&B server?",
            )
        reply = parse_reply(answer.status, answer.body, self.credentials.scrub)
        return RegistryError(
            f"W&B failed while {call.what} ({answer.status}{_reply_words(reply)}).",
            hint="Try again later.",
        )

    def _refused(
        self, call: GraphCall, answer: HttpAnswer, reply: GraphReply | None
    ) -> RegistryError:
        return RegistryError(
            f"W&B refused our credentials while {call.what} "
            f"({answer.status}{_reply_words(reply)}).",
            hint=self.credentials.advice,
        )

    def _strange(self, call: GraphCall, answer: HttpAnswer) -> RegistryError:
        """An answer that no W&B server gives, with a status that says: not done."""
        if 300 <= answer.status < 400:  # noqa: PLR2004 - redirects
            return RegistryError(
                f"{self._connections.base} sends us on to another place ({answer.status}).",
                hint="Nothing was sent there. If the server has moved, use its new address.",
            )
        return RegistryError(
            f"{self._connections.base} answered {call.what} "
            f"with {_answer_kind(answer)} ({answer.status}).",
            hint="Nothing was done. Check the address: is it the API of a W&B server?",
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()


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


def _about_us(answer: HttpAnswer, reply: GraphReply | None) -> bool:
    """Whether a 401 or 403 is about who we are, and not about one artifact."""
    if answer.status == 401 or reply is None:  # noqa: PLR2004
        return True
    return reply.stranger or not any(error.path for error in reply.errors)


def _reply_words(reply: GraphReply | None) -> str:
    """The server's words, to follow a status."""
    return f": {reply.errors[0].message}" if reply is not None and reply.errors else ""


def _answer_kind(answer: HttpAnswer) -> str:
    if answer.html:
        return "a web page"
    return "something else than GraphQL" if answer.body else "nothing"
