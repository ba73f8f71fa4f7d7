"""What the configuration may say about a REST registry, and what becomes of it.

[registries.zoo]
address = "https://zoo.example/api"
auth = "bearer"                   # none, x-authorization (the default with a token), bearer
token_env = "ZOO_TOKEN"           # or token_command, netrc = true, or login_name + password_env
concurrency = 4                   # only for a server that bears parallel deletions
bucket = "zoo-artifacts"          # its storage: what a deletion leaves behind is shown
pattern = "artifacts/{type}/{id}.zip" # or a folder for each: "artifacts/{id}/{name}"
grace_hours = 24                  # younger objects are no orphans: an upload may be running

Without settings, a token comes from the environment (`ARTIFACT_TUI_TOKEN`). The credentials of a
connection are its token, sent with each request, and fetched for a password where there is a login.
"""

from __future__ import annotations

import asyncio
import netrc
import os
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.s3_layout import PATTERN, StoragePattern, StorageSettings
from artifact_tui.clients.servers import (
    PORTS,
    TOKEN_VARIABLE,
    ConnectionOptions,
    Origin,
    Secret,
    connection_options,
    secret_from_command,
    secret_from_variable,
)
from artifact_tui.config import read_settings, refuse_setting
from artifact_tui.errors import RegistryError, UsageError, bare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from artifact_tui.clients.transport import HttpAnswer, HttpCall, Send


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
class RestAddress:
    """Where a registry is: `scheme://host[:port][/prefix]`."""

    place: Origin
    """The server that it is on."""
    prefix: str

    @classmethod
    def parse(cls, text: str) -> RestAddress:
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
        return cls(Origin(scheme, host, port), parts.path.rstrip("/"))

    @property
    def text(self) -> str:
        """The one way to write this address."""
        return self.place.text + self.prefix


class RestSettings(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written, and what it means; times end in their unit."""

    token_env: Annotated[str, "the variable that holds its token"] = ""
    token_command: Annotated[str, "a program that prints its token"] = ""
    token: Annotated[str, "the token itself, in a file that only you can read"] = ""
    auth: Annotated[str, "none, x-authorization (the default with a token), or bearer"] = ""
    netrc: Annotated[bool, "the token is the password that ~/.netrc has for its host"] = False
    login_name: Annotated[str, "get a token from /authenticate as this user"] = ""
    password_env: Annotated[str, "the variable that holds the password of login_name"] = ""
    password: Annotated[str, "the password itself, in a file that only you can read"] = ""
    login_admin: Annotated[bool, "log in as an administrator"] = True
    concurrency: Annotated[int, "requests at once; more only for a server that bears it"] = 1
    batch: Annotated[int, "deletions in one call"] = 100
    accept_empty: Annotated[bool, "believe an empty listing: it is known to be empty"] = False
    ca_file: Annotated[str, "certificates of a private authority"] = ""
    connect_seconds: Annotated[float, "how long to wait for a connection"] = 10.0
    answer_seconds: Annotated[float, "the longest silence of the server"] = 30.0
    request_seconds: Annotated[float, "the longest duration of one request"] = 90.0
    item_seconds: Annotated[float, "how long one artifact may hold up the others"] = 10.0
    create_seconds: Annotated[float, "the longest duration of a creation"] = 180.0
    patience_seconds: Annotated[float, "how long to wait when it asks for that"] = 900.0
    accepted_seconds: Annotated[float, "how long a deletion may take that it accepted"] = 120.0
    bucket: Annotated[str, "the S3 bucket with its bytes"] = ""
    pattern: Annotated[str, "where in the bucket they are"] = PATTERN
    endpoint: Annotated[str, "another S3 than Amazon's"] = ""
    region: Annotated[str, "the region of the bucket"] = ""
    grace_hours: Annotated[float, "younger objects are no orphans"] = 24.0


_USUAL = RestSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOptions(ConnectionOptions):
    """How to speak to one registry; times in seconds, sizes in bytes.

    More than one request at once is only for servers known to keep parallel deletions.
    """

    auth: Auth = Auth.NONE
    token: Secret = field(default_factory=lambda: Secret(""))
    token_place: str = TOKEN_VARIABLE
    """Where the token comes from, for the sentence that asks for another."""
    login: Login | None = None
    """Used to fetch a token, and a new one when it has expired."""
    batch: int = _USUAL.batch
    """Deletions a `delete` call takes: pause and cancel wait for the end of a call."""
    item_s: float = _USUAL.item_seconds
    create_s: float = _USUAL.create_seconds
    """Longest duration of a creation: servers fetch and rate the artifact before they answer."""
    patience_s: float = _USUAL.patience_seconds
    accepted_s: float = _USUAL.accepted_seconds
    """How long to wait for a deletion that the server only accepted."""
    listing_limit: int = 48_000_000
    """Largest decoded page of a listing."""
    page_limit: int = 20_000
    row_limit: int = 5_000_000
    accept_empty: bool = False
    """Believe an empty listing even if nothing explains it: for a registry known to be empty."""
    storage: StorageSettings | None = None
    """Where its bytes are; None when that is not configured."""


_NUMBERS = {
    "connect_seconds": "connect_s",
    "answer_seconds": "answer_s",
    "request_seconds": "whole_s",
    "item_seconds": "item_s",
    "create_seconds": "create_s",
    "patience_seconds": "patience_s",
    "accepted_seconds": "accepted_s",
    "batch": "batch",
}
"""Settings that are numbers, and the options that they are."""


def options_of(settings: Mapping[str, object], address: str) -> RestOptions:
    """How to speak to the registry at an address; without settings, as the environment says.

    Raises:
        ConfigError: an unknown setting, or one that cannot be used.
        UsageError: the address is not one.
    """
    options = check_values(settings)
    known = read_settings(settings, RestSettings)
    login = _login(settings, known)
    host = RestAddress.parse(address).place.host
    token = Secret("") if login else _token(settings, known, host)
    auth = _auth(settings, known, token)
    if auth is Auth.NONE:
        token, login = Secret(""), None
    return replace(options, auth=auth, token=token, token_place=_token_place(known), login=login)


def check_values(settings: Mapping[str, object]) -> RestOptions:
    """The options that the settings give, without credentials: no secret is looked up.

    Raises:
        ConfigError: a setting that is unknown or cannot be used; it says what is wrong with it.
    """
    known = read_settings(settings, RestSettings)
    given = connection_options(settings, known, _NUMBERS)
    return RestOptions(accept_empty=known.accept_empty, storage=_storage(settings, known), **given)


def _storage(settings: Mapping[str, object], known: RestSettings) -> StorageSettings | None:
    """The storage of a registry; None when no bucket is configured."""
    if not known.bucket:
        for key in ("pattern", "endpoint", "region", "grace_hours"):
            if key in settings:
                refuse_setting(settings, key, f"“{key}” needs a bucket", 'Add bucket = "NAME".')
        return None
    try:
        StoragePattern(known.pattern)
    except UsageError as error:
        refuse_setting(settings, "pattern", str(error).rstrip("."), error.hint)
    if known.grace_hours < 0:
        refuse_setting(settings, "grace_hours", "“grace_hours” cannot be negative")
    return StorageSettings(
        known.bucket,
        known.pattern,
        known.endpoint,
        known.region,
        int(known.grace_hours * 3_600_000_000),
    )


def _auth(settings: Mapping[str, object], known: RestSettings, token: Secret) -> Auth:
    """How credentials are shown."""
    if not known.auth:
        return Auth.TOKEN if token or known.login_name else Auth.NONE
    try:
        found = Auth(known.auth.lower())
    except ValueError:
        refuse_setting(
            settings, "auth", f"“{known.auth}” is no way to log in",
            f"One of: {', '.join(Auth)}.",
        )  # fmt: skip
    if found is not Auth.NONE and not token and not known.login_name:
        refuse_setting(
            settings, "auth", f"“{found}” needs a token, and there is none",
            f"Name its variable with token_env, or put the token in {TOKEN_VARIABLE}.",
        )  # fmt: skip
    return found


def _login(settings: Mapping[str, object], known: RestSettings) -> Login | None:
    """A name and password, when they are configured."""
    if not known.login_name:
        for key in ("password", "password_env", "login_admin"):
            if key in settings:
                refuse_setting(settings, key, f"“{key}” needs a login_name")
        return None
    password = known.password or secret_from_variable(settings, "password_env", known.password_env)
    if not password:
        refuse_setting(
            settings, "login_name", f"there is no password for “{known.login_name}”",
            "Name its variable with password_env.",
        )  # fmt: skip
    return Login(known.login_name, Secret(password), known.login_admin)


def _token(settings: Mapping[str, object], known: RestSettings, host: str) -> Secret:
    """The token, from the one place that is configured, else from the environment."""
    places = [key for key in ("token", "token_env", "token_command", "netrc") if settings.get(key)]
    if len(places) > 1:
        refuse_setting(settings, places[1], f"the token has two places: {' and '.join(places[:2])}")
    if known.token:
        return Secret(known.token)
    if known.token_env:
        return Secret(secret_from_variable(settings, "token_env", known.token_env))
    if known.token_command:
        return Secret(secret_from_command(settings, "token_command", known.token_command))
    if known.netrc:
        return Secret(_from_netrc(settings, host))
    return Secret(os.environ.get(TOKEN_VARIABLE, ""))


def _token_place(known: RestSettings) -> str:
    """Where a new token would have to be put, in words."""
    if known.token:
        return "the configuration"
    if known.token_command:
        return "what the token_command prints"
    return known.token_env or ("the netrc file" if known.netrc else TOKEN_VARIABLE)


def _from_netrc(settings: Mapping[str, object], host: str) -> str:
    """The password that ~/.netrc holds for a host."""
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError) as error:
        kind = "cannot be read" if isinstance(error, OSError) else "has a mistake"
        refuse_setting(settings, "netrc", f"the netrc file {kind}")
    if found is None:
        refuse_setting(settings, "netrc", f"the netrc file has no machine {host}")
    return found[2]


_NO_LOGIN = 501


class RestCredentials:
    """The token of one connection; fetched, and fetched again, when there is a login."""

    def __init__(self, options: RestOptions, login_call: Callable[[bytes], HttpCall]) -> None:
        """`login_call` makes the request for a token of its body."""
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
        self._login_call = login_call
        self._place = options.token_place
        self._renewing = asyncio.Lock()
        self._generation = 0

    async def ready(self, send: Send) -> int:
        """Have a token, where there is a login for it; gives its generation.

        Raises:
            RegistryError: the login brings none.
        """
        if self._login is not None and not self._token:
            await self._log_in(self._login, 0, send)
        return self._generation

    async def renewed(self, answer: HttpAnswer, used: int, send: Send) -> bool:
        """Whether an answer refused a generation of the token, and there is another one now.

        Raises:
            RegistryError: the login brings none.
        """
        if self._login is None or answer.status not in {401, 403} or answer.later:
            return False
        await self._log_in(self._login, used, send)
        return True

    async def _log_in(self, login: Login, used: int, send: Send) -> None:
        """Fetch a token, once for all who used the same generation."""
        async with self._renewing:
            if self._generation != used:
                return
            answer = await send(self._login_call(_login_body(login)))
            if answer.status == _NO_LOGIN:
                raise RegistryError(
                    "The registry has no login (501).",
                    hint="Configure a token instead, or no authentication.",
                )
            if not answer.good:
                words = self.scrub(rest_entries.error_words(answer.body))
                raise RegistryError(
                    f"The registry refused the login ({answer.status}{words and ': '}{words}).",
                    hint="Check the user name and the password.",
                )
            try:
                self._token = Secret(rest_entries.decode_token(answer.body))
            except rest_entries.GarbageError as error:
                raise RegistryError(f"The login failed: {error}.") from None
            if self._auth is Auth.NONE:
                self._auth = Auth.TOKEN
            self._generation += 1

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""
        if not self._token or self._auth is Auth.NONE:
            return []
        value = self._token.reveal()
        if self._auth is Auth.TOKEN:
            return [("X-Authorization", value)]
        return [("Authorization", value if " " in value else f"Bearer {value}")]

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


def _login_body(login: Login) -> bytes:
    """The body of a login; made here, so that no traceback of its failure has the password."""
    who = {"name": login.name, "is_admin": login.admin}
    return msgspec.json.encode({"user": who, "secret": {"password": login.password.reveal()}})
