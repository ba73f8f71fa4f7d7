"""One request to W&B, sent once: a whole answer, or an error that says what is known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from artifact_tui.clients.wandb.credentials import Credentials
from artifact_tui.clients.wandb.guard import TOKEN_PATH, reads
from artifact_tui.clients.web.answers import Answer, LostError, NotSentError, whole
from artifact_tui.clients.web.lanes import Lanes

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.address import Address
    from artifact_tui.clients.wandb.options import Options
    from artifact_tui.clients.web.secret import Secret
    from artifact_tui.errors import RegistryError

TOKEN_LIMIT = 100_000
"""Largest answer to the exchange of a token, in bytes."""

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
)


class Wire:
    """All connections to one server. Redirects are never followed."""

    def __init__(self, address: Address, options: Options, *, read_only: bool) -> None:
        origin = httpx.URL(address.origin.text)
        self.credentials = Credentials(options)
        self.base = address.origin.text
        self._graphql = origin.copy_with(raw_path=b"/graphql")
        self._token = origin.copy_with(raw_path=TOKEN_PATH)
        self._options = options
        self._lanes = Lanes(
            address.origin, ca_file=options.ca_file, reads=reads if read_only else None
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

    async def ready(self) -> int:
        """Have credentials that are good for a while; gives their generation."""
        return await self.credentials.ready(self._exchange)

    async def renewed(self, generation: int) -> bool:
        """Whether there are newer credentials than those of a generation, after a refusal."""
        return await self.credentials.renewed(generation, self._exchange)

    async def graphql(self, body: bytes) -> Answer:
        """The answer to one document.

        Raises:
            NotSentError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        answer = await self._send(self._request(body), self._options.answer_limit)
        return self.credentials.cleaned(answer)

    async def _exchange(self, form: Secret) -> Answer:
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

    async def _send(self, request: httpx.Request, limit: int) -> Answer:
        request.extensions["timeout"] = self._timeout
        failure: RegistryError
        try:
            async with asyncio.timeout(self._options.whole_s), self._lanes.lane() as lane:
                answer = await whole(await lane.open().handle_async_request(request), limit)
                lane.healthy = answer.status < 500  # noqa: PLR2004 - the server's own failures
                return answer
        except _NOT_SENT as error:
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
        await self._lanes.aclose()
