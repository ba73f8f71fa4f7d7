"""What a connection to a REST registry may be told: where, who, how fast, how patient."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from artifact_tui.clients.web.origin import PORTS, Origin
from artifact_tui.clients.web.secret import Secret
from artifact_tui.errors import UsageError, bare

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.clients.storage.settings import StorageSettings

TOKEN_VARIABLE = "ARTIFACT_TUI_TOKEN"  # noqa: S105 - the variable's name


class Auth(StrEnum):
    """How a token is shown to the registry."""

    NONE = "none"
    TOKEN = "x-authorization"  # noqa: S105 - a header's name
    """`X-Authorization: TOKEN`, the family's own header."""
    BEARER = "bearer"
    """`Authorization: Bearer TOKEN`."""


@dataclass(frozen=True, slots=True)
class Login:
    """A name and password to get a token for, by `PUT /authenticate`."""

    name: str
    password: Secret
    admin: bool = True
    """What the family's request states about the user; servers decide for themselves."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry is: `scheme://host[:port][/prefix]`."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address as a user types it.

        Raises:
            UsageError: it is not one, or holds a password, query or fragment.
        """
        try:
            parts = urlsplit(text.strip())
            scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
            port = parts.port or PORTS.get(scheme, 0)
        except ValueError as error:
            raise UsageError(
                "The address of the registry cannot be read.",
                hint="Use an address such as https://HOST/api.",
            ) from error
        if parts.username is not None or parts.password is not None:
            raise UsageError(
                "The address of the registry holds a user name or password.",
                hint=f"Leave it out of the address, and put a token in {TOKEN_VARIABLE}.",
            )
        if scheme not in PORTS or not host or parts.query or parts.fragment:
            raise UsageError(
                f"“{bare(text)}” is not the address of a REST registry.",
                hint="Use an address such as https://HOST/api, without ? or #.",
            )
        return cls(scheme, host, port, parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.place.text

    @property
    def place(self) -> Origin:
        """The server that it is on."""
        return Origin(self.scheme, self.host, self.port)

    def same_origin(self, other: SplitResult) -> bool:
        """Whether an absolute URL is on this server: scheme, host and port."""
        try:
            port = other.port or PORTS.get(other.scheme.lower(), 0)
        except ValueError:
            return False
        found = (other.scheme.lower(), (other.hostname or "").lower(), port)
        return found == (self.scheme, self.host, self.port)

    @property
    def text(self) -> str:
        """The one way to write this address."""
        return self.origin + self.prefix

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return self.place.loopback


@dataclass(frozen=True, slots=True)
class Options:
    """How to speak to one registry; times in seconds, sizes in bytes."""

    auth: Auth = Auth.NONE
    token: Secret = field(default_factory=lambda: Secret(""))
    token_place: str = TOKEN_VARIABLE
    """Where the token comes from, for the sentence that asks for another."""
    login: Login | None = None
    """Used to fetch a token, and a new one when it has expired."""
    concurrency: int = 1
    """Requests at once. More than one only for servers known to keep parallel deletions."""
    batch: int = 100
    """Deletions a `delete` call takes: pause and cancel wait for the end of a call."""
    ca_file: Path | None = None
    """Certificates of a private authority, trusted beside the usual ones."""
    connect_s: float = 10.0
    answer_s: float = 30.0
    """Longest silence of the server."""
    whole_s: float = 90.0
    """Longest duration of one request with its whole answer."""
    item_s: float = 10.0
    """Longest duration of a question about one artifact; halved each time it is too long."""
    create_s: float = 180.0
    """Longest duration of a creation: servers fetch and rate the artifact before they answer."""
    patience_s: float = 900.0
    """Longest time to wait because the server asked for it (429, 503), in one call."""
    accepted_s: float = 120.0
    """How long to wait for a deletion that the server only accepted."""
    answer_limit: int = 4_000_000
    """Largest decoded answer about one artifact."""
    listing_limit: int = 48_000_000
    """Largest decoded page of a listing."""
    page_limit: int = 20_000
    row_limit: int = 5_000_000
    accept_empty: bool = False
    """Believe an empty listing even if nothing explains it: for a registry known to be empty."""
    storage: StorageSettings | None = None
    """Where its bytes are; None when that is not configured."""


def from_environment() -> Options:
    """The options of an address without configuration: a token from the environment, if any."""
    token = Secret(os.environ.get(TOKEN_VARIABLE, ""))
    return Options(auth=Auth.TOKEN if token else Auth.NONE, token=token)
