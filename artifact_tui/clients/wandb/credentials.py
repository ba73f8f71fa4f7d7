"""Who we are to one server: the header that says so, and cutting our secrets out of texts."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb.identity import IdentityToken
from artifact_tui.clients.web.answers import Answer
from artifact_tui.clients.web.secret import Secret
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.clients.wandb.options import Options

    Post = Callable[[Secret], Awaitable[Answer]]
    """Sends a form to the server's token endpoint."""


class Credentials:
    """An API key, or access tokens that an identity token is exchanged for."""

    def __init__(self, options: Options) -> None:
        self._key = options.key
        self._place = options.key_place
        self._basic = Secret("")
        if self._key:
            self._basic = _basic(self._key, self._place)
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

    def cleaned(self, answer: Answer) -> Answer:
        """An answer without our secrets, in case the server sent them back."""
        if not any(secret.found(answer.body) for secret in self._secrets()):
            return answer
        text = self.scrub(answer.body.decode("utf-8", "replace"))
        return Answer(answer.status, answer.headers, text.encode())

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


def _basic(key: Secret, place: str) -> Secret:
    """The value of the header for an API key; W&B's user name is always `api`.

    Raises:
        UsageError: no key looks like this.
    """
    if not _sendable(key):
        raise UsageError(
            f"The API key from {place or 'the options'} holds characters that no key has.",
            hint="Copy it again as W&B shows it: one word, without quotes.",
        )
    return Secret(b64encode(f"api:{key.reveal()}".encode("ascii")).decode("ascii"))


def _sendable(key: Secret) -> bool:
    text = key.reveal()
    return text.isascii() and text.isprintable() and " " not in text
