"""Where an MLflow server is, what the configuration may say about it, and who we are there.

[registries.team]
address = "mlflow+https://mlflow.example"
token_env = "TEAM_TOKEN"          # or username with password_env; else as MLflow's client finds it
ca_file = "~/team-ca.pem"
artifact_root = "s3://team/mlflow" # or a folder: bytes are read and deleted there directly

Credentials are looked for where MLflow's own client looks: a user name and password in the
environment or in `~/.mlflow/credentials`, before a token in the environment. What the environment
says of logins and certificates is said of the server that `MLFLOW_TRACKING_URI` names, if it names
one. A workspace is a part of the address: a plan that was made in one is applied in no other.
"""

from __future__ import annotations

import base64
import configparser
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from artifact_tui.clients.disk import as_named
from artifact_tui.clients.mlflow.mlflow_local import homes_of, kept_at, store_at
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
REGISTRY_VARIABLE = "MLFLOW_REGISTRY_URI"
WORKSPACE_VARIABLE = "MLFLOW_WORKSPACE"
WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
WORKSPACES = "workspaces"
"""The part of an address before the name of a workspace."""
UNSUPPORTED = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4")
"""Ways to log in that MLflow's own client has, and we have not."""

_S3 = "s3://"

_FORM = (
    "Use an address such as mlflow+https://HOST, mlflow+http://HOST:PORT/PREFIX,"
    " or mlflow:PATH of a folder or a database."
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(?:\+\w+)?:")
_PLACELESS = frozenset({"databricks", "databricks-uc", "uc"})
"""What MLflow takes for a service, although it looks like the name of a folder."""
HERE = Origin("http", "localhost", 80)
"""How a server that is started for a store is called: it listens at no port."""


def path_in(uri: str) -> Path | None:
    """The path of a store on this machine that a tracking URI names; None: it names a server.

    It is whole; no link is followed, and no disk is touched.

    Raises:
        UsageError: it is of a sort that cannot be opened.
    """
    fit = _SCHEME.match(uri)
    scheme = fit[1].lower() if fit else ""
    if scheme in PORTS:
        return None
    rest = uri[fit.end() :] if fit else uri
    if scheme == "sqlite" and rest.startswith("///") and rest not in {"///", "///:memory:"}:
        return as_named(unquote(rest[3:].partition("?")[0]))
    if scheme == "file" and rest.strip("/") and rest.startswith("///") == rest.startswith("//"):
        return as_named(unquote(rest[2:] if rest.startswith("///") else rest))
    if scheme or not uri or uri in _PLACELESS:
        raise UsageError(
            f"“{bare(uri)}” is no MLflow server, and no folder or SQLite database of one.",
            hint="For another database start a server, with mlflow server --backend-store-uri,"
            " and use its address: mlflow+http://127.0.0.1:5000.",
        )
    return as_named(uri)


def tracking_uri(address: str) -> str:
    """The tracking URI that an address stands for; of `mlflow:` the one in the environment.

    Raises:
        UsageError: there is none.
    """
    given = address.strip()
    if given.lower() != "mlflow:":
        return given[len("mlflow:") :]  # or mlflow+
    if not (named := os.environ.get(URI_VARIABLE, "").strip()):
        raise UsageError(f"{URI_VARIABLE} is not set.", hint=_FORM)
    return named


@dataclass(frozen=True, slots=True)
class MlflowAddress:
    """Where a server is: `mlflow+http(s)://host[:port][/prefix][/workspaces/NAME]`, or a store."""

    origin: Origin
    prefix: str
    workspace: str = ""
    """The workspace on a server that has several; empty: its default."""
    store: Path | None = None
    """The database or folder on this machine for which a server is started."""

    @classmethod
    def parse(cls, text: str) -> MlflowAddress:
        """Read an address as a user types it; `mlflow:` is what the environment names.

        The path of a store is looked at: links are followed, and of a folder what is in it counts.

        Raises:
            UsageError: it is not one, or holds a password, query or fragment.
        """
        uri = tracking_uri(text)
        if (path := path_in(uri)) is not None:
            return cls(HERE, "", store=store_at(path))
        found = cls._of_server(text, uri)
        if text.strip().lower() == "mlflow:" and not found.workspace:
            return replace(found, workspace=_workspace(os.environ.get(WORKSPACE_VARIABLE, "")))
        return found

    @classmethod
    def _of_server(cls, text: str, uri: str) -> MlflowAddress:
        try:
            parts = urlsplit(uri)
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
        workspace = ""
        if segments[-2:-1] == [WORKSPACES]:
            workspace = _workspace(segments[-1])
            segments = segments[:-2]
        prefix = "".join(f"/{quote(one, safe='')}" for one in segments)
        return cls(Origin(scheme, host, port), prefix, workspace)

    @property
    def text(self) -> str:
        """The one way to write this address."""
        if self.store is not None:
            return f"mlflow:{self.store}"
        last = f"/{WORKSPACES}/{quote(self.workspace, safe='')}" if self.workspace else ""
        return f"mlflow+{self.origin.text}{self.prefix}{last}"

    @property
    def of_environment(self) -> bool:
        """Whether what the environment says of a server is said of this one."""
        named = os.environ.get(URI_VARIABLE, "")
        return not named or self.origin.has(urlsplit(named))

    @property
    def registers_elsewhere(self) -> bool:
        """Whether the environment names another place for registered models than this."""
        named = os.environ.get(REGISTRY_VARIABLE, "").strip()
        if not named or not self.of_environment:
            return False
        try:
            path = path_in(named)
        except UsageError:
            return True
        if path is not None:
            return store_at(path) != self.store
        return self.store is not None or not self.origin.has(urlsplit(named))


def named_place(environ: Mapping[str, str]) -> str:
    """The address of what an environment names; no disk is touched. Empty: it names nothing.

    Raises:
        UsageError: what it names cannot be opened.
    """
    if not (uri := environ.get(URI_VARIABLE, "").strip()):
        return ""
    if (path := path_in(uri)) is not None:
        return f"mlflow:{path}"
    found = MlflowAddress.parse(f"mlflow+{uri}")
    workspace = found.workspace or _workspace(environ.get(WORKSPACE_VARIABLE, ""))
    return replace(found, workspace=workspace).text


def _workspace(name: str) -> str:
    """A workspace by its name; the default one needs none."""
    return "" if name.strip() == "default" else name.strip()


class MlflowSettings(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written, and what it means; times end in their unit."""

    token_env: Annotated[str, "the variable that holds its token"] = ""
    token_command: Annotated[str, "a program that prints its token"] = ""
    username: Annotated[str, "who logs in"] = ""
    password_env: Annotated[str, "the variable that holds the password of username"] = ""
    concurrency: Annotated[int, "requests at once, at most: the pace adapts"] = 8
    ca_file: Annotated[str, "certificates of a private authority"] = ""
    client_cert: Annotated[str, "a certificate of ours, with its key in the same PEM file"] = ""
    insecure_tls: Annotated[bool, "take any certificate for the server's: others may listen"] = (
        False
    )
    program: Annotated[str, "of a PATH: the program mlflow that serves it"] = ""
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
    workspace: str = ""
    """Where in a server that has several workspaces; empty: in its default one."""


@dataclass(frozen=True, slots=True)
class BucketPrefix:
    """A place in a bucket."""

    bucket: StorageSettings
    prefix: str
    """What the names of objects there start with: it ends with a slash, or is empty."""

    @property
    def text(self) -> str:
        """As MLflow writes it."""
        return f"{_S3}{self.bucket.bucket}/{self.prefix}"


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
    insecure: str = ""
    """What says that any certificate is taken for the server's."""
    kept: Path | str = ""
    """Of a store: the folder, or the bucket, where its server keeps files."""
    program: Path | None = None
    """Of a store: the program mlflow, if it is not the usual one."""


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
    more: dict[str, Any] = {}
    for key in ("client_cert", "program"):
        if path := getattr(known, key):
            more[key] = from_home(path)
            if not more[key].is_file():
                refuse_setting(settings, key, f"the {key} {more[key]} is not there")
    return MlflowOptions(
        **connection_options(settings, known, _SECONDS),
        **more,
        artifact_root=_artifact_root(settings, known),
        insecure="insecure_tls" if known.insecure_tls else "",
    )


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
    """How to speak to a server; what is not configured is found as MLflow's client does.

    Over plain HTTP no connection is kept: MLflow's own server then delays every answer by 40 ms.

    Raises:
        ConfigError: a setting that is unknown or cannot be used.
    """
    limits = limits_of(settings)
    if address.store is not None:
        root = limits.artifact_root
        kept = root.text if isinstance(root, BucketPrefix) else root or kept_at(address.store)
        homes = homes_of(address.store)
        there = homes.is_dir() and any(homes.iterdir())
        return replace(limits, artifact_root=root or (homes if there else None), kept=kept)
    if address.of_environment:
        limits = _with_environment(limits)
    login = _configured(settings, read_settings(settings, MlflowSettings)) or _found(address)
    return replace(
        limits,
        login=replace(login, workspace=address.workspace),
        checks_server=not limits.insecure,
        keep_alive=address.origin.scheme == "https",
    )


def _with_environment(limits: MlflowOptions) -> MlflowOptions:
    """With the certificates of MLflow's variables, where none are configured."""
    named: dict[str, Any] = {
        key: from_home(path)
        for key, variable in (("ca_file", "SERVER_CERT"), ("client_cert", "CLIENT_CERT"))
        if getattr(limits, key) is None
        and (path := os.environ.get(f"MLFLOW_TRACKING_{variable}_PATH"))
    }
    limits = replace(limits, **named)
    variable = "MLFLOW_TRACKING_INSECURE_TLS"
    unchecked = os.environ.get(variable, "").strip().lower() in {"1", "true"}
    if unchecked and limits.ca_file is None:  # whom to trust was said, and MLflow refuses both
        return replace(limits, insecure=limits.insecure or variable)
    return limits


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
    if not address.of_environment:
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
        shown = login.username + login.workspace + login.password.reveal() + login.token.reveal()
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
        workspace = self._login.workspace
        where = [(WORKSPACE_HEADER, workspace)] if workspace else []
        if self._login.username:
            return [*where, ("Authorization", f"Basic {self._basic}")]
        if self._login.token:
            return [*where, ("Authorization", f"Bearer {self._login.token.reveal()}")]
        return where

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
        for name in UNSUPPORTED:
            if os.environ.get(name, "").strip().lower() not in {"", "0", "false"}:
                return f"{name} is set, and such a login is not supported here: a token is."
        if self._login.username or self._login.token:
            return f"They come from {self._login.place}."
        return (
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
