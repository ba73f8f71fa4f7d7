"""Where an MLflow server is, what the configuration may say about it, and who we are there.

[registries.team]
address = "mlflow+https://mlflow.example"
token_env = "TEAM_TOKEN"          # or username with password_env; else as MLflow's client finds it
ca_file = "~/team-ca.pem"
artifact_root = "s3://team/mlflow" # or a folder: bytes are read and deleted there directly

Credentials are looked for where MLflow's own client looks: a user name and password in the
environment or in `~/.mlflow/credentials`, before a token in the environment.
"""

from __future__ import annotations

import base64
import configparser
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, unquote, urlsplit

import msgspec

from artifact_tui.clients.disk import as_named
from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.clients.servers import (
    PORTS,
    ConnectionOptions,
    Origin,
    Secret,
    connection_options,
    secret_from_command,
    secret_from_variable,
)
from artifact_tui.config import from_home, read_settings, refuse_setting
from artifact_tui.errors import UsageError, bare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from artifact_tui.clients.transport import HttpAnswer, Send

URI_VARIABLE = "MLFLOW_TRACKING_URI"

_S3 = "s3://"

_FORM = "Use an address such as mlflow+https://HOST, or mlflow+http://HOST:PORT/PREFIX."


@dataclass(frozen=True, slots=True)
class MlflowAddress:
    """Where a server is: `mlflow+http(s)://host[:port][/prefix]`."""

    origin: Origin
    prefix: str

    @classmethod
    def parse(cls, text: str) -> MlflowAddress:
        """Read an address as a user types it; `mlflow:` is the server that the environment names.

        Raises:
            UsageError: it is not one, or holds a password, query or fragment.
        """
        given = text.strip()
        if given.lower() == "mlflow:":
            given = os.environ.get(URI_VARIABLE, "")
            if not given:
                raise UsageError(f"{URI_VARIABLE} is not set.", hint=_FORM)
        else:
            given = given[len("mlflow+") :]
        try:
            parts = urlsplit(given)
            scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
            port = parts.port or PORTS.get(scheme, 0)
        except ValueError as error:
            raise UsageError(
                "The address of the MLflow server cannot be read.", hint=_FORM
            ) from error
        if parts.username is not None or parts.password is not None:
            raise UsageError(
                "The address of the MLflow server holds a user name or password.",
                hint="Leave it out, and put it into MLFLOW_TRACKING_USERNAME and _PASSWORD.",
            )
        segments = [unquote(one) for one in parts.path.split("/") if one]
        if (
            scheme not in PORTS
            or not host
            or parts.query
            or parts.fragment
            or {".", ".."} & set(segments)
        ):
            raise UsageError(f"“{bare(text)}” is not the address of an MLflow server.", hint=_FORM)
        return cls(
            Origin(scheme, host, port), "".join(f"/{quote(one, safe='')}" for one in segments)
        )

    @property
    def text(self) -> str:
        """The one way to write this address."""
        return f"mlflow+{self.origin.text}{self.prefix}"


class MlflowSettings(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written, and what it means; times end in their unit."""

    token_env: Annotated[str, "the variable that holds its token"] = ""
    token_command: Annotated[str, "a program that prints its token"] = ""
    username: Annotated[str, "who logs in"] = ""
    password_env: Annotated[str, "the variable that holds the password of username"] = ""
    concurrency: Annotated[int, "requests at once, at most: the pace adapts"] = 8
    ca_file: Annotated[str, "certificates of a private authority"] = ""
    connect_seconds: Annotated[float, "how long to wait for a connection"] = 10.0
    answer_seconds: Annotated[float, "the longest silence of the server"] = 120.0
    request_seconds: Annotated[float, "the longest duration of one request"] = 300.0
    artifact_root: Annotated[
        str, "where its artifacts are, to go there directly: s3://BUCKET/PREFIX or a folder"
    ] = ""
    endpoint: Annotated[str, "another S3 than Amazon's"] = ""
    region: Annotated[str, "the region of the bucket"] = ""


_USUAL = MlflowSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowLogin:
    """Who we are: a token, or a name with a password; or nobody."""

    token: Secret = field(default_factory=lambda: Secret(""))
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    place: str = ""
    """Where that comes from, for the sentence that asks for another."""


@dataclass(frozen=True, slots=True)
class BucketPrefix:
    """A place in a bucket."""

    bucket: StorageSettings
    prefix: str
    """What the names of objects there start with: it ends with a slash, or is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowOptions(ConnectionOptions):
    """How to speak to one server; times in seconds, sizes in bytes."""

    login: MlflowLogin = field(default_factory=MlflowLogin)
    connect_s: float = _USUAL.connect_seconds
    answer_s: float = _USUAL.answer_seconds
    whole_s: float = _USUAL.request_seconds
    answer_limit: int = 512_000_000
    """All versions come in one answer, at half a kilobyte each."""
    artifact_root: BucketPrefix | Path | None = None
    """Where bytes may be read and deleted directly; None: only through the server.

    A person says so, and never the server: one that lies could name any folder or bucket.
    """


_SECONDS = {
    "connect_seconds": "connect_s",
    "answer_seconds": "answer_s",
    "request_seconds": "whole_s",
}


def limits_of(settings: Mapping[str, object]) -> MlflowOptions:
    """The options that the settings give, without credentials: no secret is looked up.

    Raises:
        ConfigError: a setting that is unknown or cannot be used.
    """
    known = read_settings(settings, MlflowSettings)
    given = [key for key in ("token_env", "token_command", "username") if settings.get(key)]
    if len(given) > 1:
        refuse_setting(settings, given[1], f"there are two logins: {' and '.join(given[:2])}")
    if bool(known.username) != bool(known.password_env):
        key, other = (
            ("username", "password_env") if known.username else ("password_env", "username")
        )
        refuse_setting(settings, key, f"“{key}” needs {other}")
    more = connection_options(settings, known, _SECONDS)
    return MlflowOptions(artifact_root=_artifact_root(settings, known), **more)


def _artifact_root(
    settings: Mapping[str, object], known: MlflowSettings
) -> BucketPrefix | Path | None:
    """Where bytes may be reached directly; None where that is not configured."""
    place = known.artifact_root
    if not place.startswith(_S3):
        for key in ("endpoint", "region"):
            if key in settings:
                hint = 'Add artifact_root = "s3://BUCKET/PREFIX".'
                refuse_setting(settings, key, f"“{key}” needs an artifact_root in S3", hint)
        if place and not place.startswith(("/", "~")):
            hint = 'Use "s3://BUCKET/PREFIX", or the whole path of a folder.'
            refuse_setting(settings, "artifact_root", f"“{place}” is no such place", hint)
        return as_named(place) if place else None
    bucket, _, prefix = place.removeprefix(_S3).partition("/")
    parts = prefix.strip("/").split("/") if prefix.strip("/") else []
    if not bucket or {"", ".", ".."} & set(parts):
        hint = 'Use "s3://BUCKET/PREFIX".'
        refuse_setting(settings, "artifact_root", f"“{place}” is no place in a bucket", hint)
    endpoint = known.endpoint or os.environ.get("MLFLOW_S3_ENDPOINT_URL", "")
    storage = StorageSettings(bucket, endpoint=endpoint, region=known.region)
    return BucketPrefix(storage, "".join(f"{one}/" for one in parts))


def options_of(settings: Mapping[str, object], address: MlflowAddress) -> MlflowOptions:
    """How to speak to a server; a login that is not configured is found as MLflow's client does.

    Over plain HTTP no connection is kept: MLflow's own server then delays every answer by 40 ms.

    Raises:
        ConfigError: a setting that is unknown or cannot be used.
    """
    limits = limits_of(settings)
    if limits.ca_file is None and (named := os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")):
        limits = replace(limits, ca_file=from_home(named))
    login = _configured(settings, read_settings(settings, MlflowSettings)) or _found(address)
    return replace(limits, login=login, keep_alive=address.origin.scheme == "https")


def _configured(settings: Mapping[str, object], known: MlflowSettings) -> MlflowLogin | None:
    if known.username:
        password = secret_from_variable(settings, "password_env", known.password_env)
        return MlflowLogin(
            username=known.username, password=Secret(password), place=known.password_env
        )
    if known.token_env:
        token = secret_from_variable(settings, "token_env", known.token_env)
        return MlflowLogin(token=Secret(token), place=known.token_env)
    if known.token_command:
        token = secret_from_command(settings, "token_command", known.token_command)
        return MlflowLogin(token=Secret(token), place="what the token_command prints")
    return None


def _found(address: MlflowAddress) -> MlflowLogin:
    """The login in the environment or in MLflow's file; nobody's where that is another server's."""
    named = os.environ.get(URI_VARIABLE, "")
    if named and not address.origin.has(urlsplit(named)):
        return MlflowLogin()
    name, password = (os.environ.get(f"MLFLOW_TRACKING_{one}") for one in ("USERNAME", "PASSWORD"))
    place = "MLFLOW_TRACKING_USERNAME and _PASSWORD"
    file = from_home("~/.mlflow/credentials")
    if not (name and password):
        parser = configparser.ConfigParser(interpolation=None)
        with suppress(OSError, UnicodeError, configparser.Error):
            parser.read(file, encoding="utf-8")
        name = name or parser.get("mlflow", "mlflow_tracking_username", fallback="")
        password = password or parser.get("mlflow", "mlflow_tracking_password", fallback="")
        place = str(file)
    if name and password:
        return MlflowLogin(username=name, password=Secret(password), place=place)
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return MlflowLogin(token=Secret(token), place="MLFLOW_TRACKING_TOKEN")


class MlflowCredentials:
    """A login as headers: they are the same in every request."""

    def __init__(self, login: MlflowLogin) -> None:
        self._login = login
        shown = login.username + login.password.reveal() + login.token.reveal()
        if not shown.isprintable():
            raise UsageError(
                "The credentials of the MLflow server hold characters that no header can carry.",
                hint=f"Look at {login.place}.",
            )

    async def ready(self, send: Send) -> int:
        """They always are."""
        del send
        return 0

    async def renewed(self, answer: HttpAnswer, used: int, send: Send) -> bool:
        """There are no newer ones."""
        del answer, used, send
        return False

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""
        if self._login.username:
            return [("Authorization", f"Basic {self._basic}")]
        if self._login.token:
            return [("Authorization", f"Bearer {self._login.token.reveal()}")]
        return []

    @property
    def _basic(self) -> str:
        pair = f"{self._login.username}:{self._login.password.reveal()}"
        return base64.b64encode(pair.encode()).decode("ascii")

    def scrub(self, text: str) -> str:
        """A text without our secrets."""
        if self._login.username:
            text = text.replace(self._basic, "***")
        return self._login.token.scrub(self._login.password.scrub(text))

    @property
    def advice(self) -> str:
        """What to do when they are refused."""
        if self._login.username or self._login.token:
            return f"They come from {self._login.place}."
        return (
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
