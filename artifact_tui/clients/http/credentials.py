"""Who we are to a registry: the headers that say so, and getting a token for a password."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.options import TOKEN_VARIABLE, Auth, Login
from artifact_tui.clients.web.secret import Secret
from artifact_tui.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from artifact_tui.clients.http.options import Options
    from artifact_tui.clients.http.paths import Call

_NOT_SUPPORTED = 501


class Credentials:
    """The token of one connection; fetched, and fetched again, when there is a login."""

    def __init__(self, options: Options) -> None:
        self._auth = options.auth
        self._token = options.token
        if self._token and not (
            self._token.reveal().isascii() and self._token.reveal().isprintable()
        ):
            raise UsageError(
                "The token of the registry holds characters that no header can carry.",
                hint=f"Put the token as the registry gave it in {options.token_place}.",
            )
        self._login = options.login
        self._place = options.token_place
        self.renewing = asyncio.Lock()
        """Held while a token is fetched, so that it is fetched once for all connections."""
        self.generation = 0
        """Grows with each token."""

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""
        if not self._token or self._auth is Auth.NONE:
            return []
        value = self._token.reveal()
        if self._auth is Auth.TOKEN:
            return [("X-Authorization", value)]
        return [("Authorization", value if " " in value else f"Bearer {value}")]

    @property
    def missing(self) -> bool:
        """Whether there is a login, and no token was fetched for it yet."""
        return self._login is not None and not self._token

    def use(self, login: Login) -> None:
        """Log in with these from now on."""
        self._login = login
        if self._auth is Auth.NONE:
            self._auth = Auth.TOKEN

    def renewable(self, call: Call, used: int) -> bool:
        """Whether a request refused with generation `used` of the token deserves another."""
        fetching = call.method == "PUT" and call.raw_path.endswith(b"/authenticate")
        return self._login is not None and not fetching and used <= self.generation

    def login_body(self) -> bytes:
        """The request for a token."""
        assert self._login is not None  # noqa: S101 - `renewable` said so
        return msgspec.json.encode(
            {
                "user": {"name": self._login.name, "is_admin": self._login.admin},
                "secret": {"password": self._login.password.reveal()},
            }
        )

    def take(self, status: int, body: bytes) -> None:
        """Keep the token of an answer to `login_body`.

        Raises:
            RegistryError: there is none.
        """
        if status == _NOT_SUPPORTED:
            raise RegistryError(
                "The registry has no login (501).",
                hint="Configure a token instead, or no authentication.",
            )
        try:
            if not 200 <= status < 300:  # noqa: PLR2004 - what success is
                said = self.scrub(decode.words(body))
                raise RegistryError(
                    f"The registry refused the login ({status}{': ' + said if said else ''}).",
                    hint="Check the user name and the password.",
                )
            self._token = Secret(decode.token(body))
        except decode.GarbageError as error:
            raise RegistryError(f"The login failed: {error}.") from None
        if self._auth is Auth.NONE:
            self._auth = Auth.TOKEN
        self.generation += 1

    def scrub(self, text: str) -> str:
        """A text without our secrets."""
        if self._login is not None:
            text = self._login.password.scrub(text)
        return self._token.scrub(text)

    @property
    def advice(self) -> str:
        """What to do when they are refused."""
        if self._login is not None:
            return "Check the user name and the password."
        if self._token:
            return f"The token may be wrong or expired. Put a new one in {self._place}."
        return f"This registry wants a token. Put it in {TOKEN_VARIABLE}."
