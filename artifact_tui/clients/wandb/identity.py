"""Access tokens for an identity token: `POST {base}/oidc/token`, and again before they expire."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import msgspec

from artifact_tui.clients.web.secret import Secret
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from artifact_tui.clients.web.answers import Answer

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MARGIN_S = 300.0
"""A token that lives less long is exchanged for a new one."""

USUAL_S = 3600.0
"""How long a token lives when the server does not say."""

_LONGEST_FILE = 100_000


class _Granted(msgspec.Struct):
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

    async def exchange(self, post: Callable[[Secret], Awaitable[Answer]]) -> None:
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
        access, lives = _granted(answer)
        if not access:
            raise RegistryError(
                "W&B answered the identity token without an access token.",
                hint="Check the address: is it a W&B server?",
            )
        self._last, self.access = self.access, access
        self._until = self._clock() + lives - min(MARGIN_S, lives / 2)
        self.generation += 1

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be seen anywhere."""
        return (self._assertion, self._last, self.access)

    def _form(self) -> Secret:
        return Secret(urlencode({"grant_type": GRANT, "assertion": self._assertion.reveal()}))

    def _read(self) -> Secret:
        try:
            with self.path.open(encoding="utf-8") as file:
                found = Secret(file.read(_LONGEST_FILE))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RegistryError(
                f"The identity token file {self.path} cannot be read: {why}.",
                hint="WANDB_IDENTITY_TOKEN_FILE names it.",
            ) from None
        if not found or not _usable(found.reveal()):
            raise RegistryError(
                f"The identity token file {self.path} holds no token.",
                hint="It should hold one JWT and nothing else.",
            )
        return found


def _granted(answer: Answer) -> tuple[Secret, float]:
    """The access token in an answer, empty when there is none, and how many seconds it lives."""
    try:
        found = msgspec.json.decode(answer.body, type=_Granted)
    except (msgspec.MsgspecError, RecursionError):
        return Secret(""), 0.0
    if not _usable(found.access_token):
        return Secret(""), 0.0
    lives = found.expires_in if found.expires_in is not None else USUAL_S
    lives = min(max(lives, 0.0), 10 * USUAL_S) if math.isfinite(lives) else USUAL_S
    return Secret(found.access_token), lives


def _usable(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token
