"""How to reach W&B and as whom: its hosts, the credentials, and what the configuration may say.

[registries.vision]
address = "wandb://acme/vision"
token_env = "ACME_KEY"            # or token_command; else as W&B's own SDK finds its key
registries = false                # of an entity: leave the registries of its organisation out
concurrency = 8                   # never more requests at once
batch = false                     # one deletion a request
bucket = "acme-wandb"             # of a self-hosted server: `registries test` looks at it

Hosts: `api.forge.coreweave.com` and `api.wandb.ai` are one backend; the web app of the first lives
at `forge.coreweave.com/wandb`, that of the second at `wandb.ai`. A dedicated cloud has its app and
its API on one host of `wandb.io`.

Settings files of the SDK, read as SDK 0.31 does it: `$WANDB_CONFIG_DIR/settings`, else
`~/.config/wandb/settings`; over it `settings` in the folder `.wandb` (when it is there) or `wandb`
of the working directory. At that point the SDK has not looked at `WANDB_DIR` yet, so that says
nothing here either.

Credentials are looked for in this order: what the configuration names; `WANDB_API_KEY` or
`WANDB_IDENTITY_TOKEN_FILE` (not both); the netrc file; `api_key` in the SDK's settings file, when
that file is about the same server; at last `ARTIFACT_TUI_TOKEN`. An error names the places, never
what stands there.
"""

from __future__ import annotations

import configparser
import netrc
import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec

from artifact_tui.clients.s3_layout import StorageSettings
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
from artifact_tui.config import from_home, read_settings, refuse_setting
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


DEFAULT_ORIGIN = Origin("https", "api.forge.coreweave.com", 443)
"""Where W&B is when nothing says otherwise, as for its SDK since 0.31."""

BACKENDS = {
    "api.forge.coreweave.com": "api.wandb.ai",
    "api.qa.forge.coreweave.com": "api.qa.wandb.ai",
}
"""Hosts of the new names, and the old name of the same backend."""

_FORGE_APPS = {
    "forge.coreweave.com": "api.forge.coreweave.com",
    "qa.forge.coreweave.com": "api.qa.forge.coreweave.com",
}
_FORGE_API = "/api/wandb"

_APPS = {
    "wandb.ai": "api.wandb.ai",
    "www.wandb.ai": "api.wandb.ai",
    "app.wandb.ai": "api.wandb.ai",
    "qa.wandb.ai": "api.qa.wandb.ai",
}
_DEDICATED = ".wandb.io"


def backend_host(host: str) -> str:
    """One name for every name of the same backend."""
    return BACKENDS.get(host, host)


def twin_hosts(host: str) -> tuple[str, ...]:
    """The other names of the backend that a host is."""
    one = backend_host(host)
    newer = (new for new, old in BACKENDS.items() if old == one)
    return tuple(name for name in (one, *newer) if name != host)


def is_official(host: str) -> bool:
    """Whether a host belongs to W&B: its cloud, its app, or a dedicated cloud."""
    return (
        host in _FORGE_APPS
        or host in BACKENDS
        or host == "wandb.ai"
        or host.endswith((".wandb.ai", _DEDICATED))
    )


def is_forge_app(host: str) -> bool:
    """Whether the pages of W&B's app on this host live below /wandb."""
    return host in _FORGE_APPS


def api_host(host: str) -> str:
    """The host of the API behind a host of the app; the API's own host stays as it is.

    Raises:
        UsageError: it is a host of W&B's, and not of its app.
    """
    found = _FORGE_APPS.get(host) or _APPS.get(host)
    if found is not None:
        return found
    if host in BACKENDS or host in BACKENDS.values() or host.endswith(_DEDICATED):
        return host
    raise UsageError(
        f"The host {host} is not that of W&B's app.",
        hint="Paste the address of a project's page, such as https://wandb.ai/ENTITY/PROJECT.",
    )


def url_parts(text: str, what: str) -> tuple[SplitResult, Origin]:
    """A URL taken apart, and the server that it names; its scheme is http or https.

    Raises:
        UsageError: it is no such URL, or holds a user name or password.
    """
    try:
        parts = urlsplit(text.strip())
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        origin = Origin(scheme, host, parts.port or PORTS.get(scheme, 0))
        secret = parts.username is not None or parts.password is not None
    except ValueError:
        raise UsageError(f"{what} cannot be read.", hint="Such as https://HOST.") from None
    if secret:
        raise UsageError(
            f"{what} holds a user name or password.",
            hint="Leave it out, and put the API key in WANDB_API_KEY.",
        )
    if scheme not in PORTS or not host:
        raise UsageError(f"{what} is not the address of a server.", hint="Such as https://HOST.")
    return parts, origin


def base_origin(text: str, what: str = "The base URL") -> Origin:
    """The server that a base URL (as in WANDB_BASE_URL) names; `what` begins a sentence.

    Raises:
        UsageError: W&B's own SDK would refuse it, or it has a path.
    """
    parts, origin = url_parts(text, what)
    path = parts.path.rstrip("/")
    if origin.host in _FORGE_APPS:
        api = _FORGE_APPS[origin.host]
        if (origin.scheme, origin.port, path) == ("https", 443, _FORGE_API):
            return Origin("https", api, 443)
        raise UsageError(
            f"{what} names W&B's web app, not its API.", hint=f"Use https://{api} instead."
        )
    if path or parts.query or parts.fragment:
        raise UsageError(
            f"{what} has more than a host.",
            hint=f"Only a server of its own can be used: {origin.text}.",
        )
    return checked_origin(origin, what)


def checked_origin(origin: Origin, what: str) -> Origin:
    """The server itself, unless it is a host of W&B's cloud that must not be asked like this.

    Raises:
        UsageError: not encrypted, or not the host of the API.
    """
    if origin.host in _FORGE_APPS or (
        origin.host.endswith("wandb.ai") and "api" not in origin.host.split(".")
    ):
        api = _FORGE_APPS.get(origin.host) or _APPS.get(origin.host, "api.wandb.ai")
        raise UsageError(
            f"{what} names {origin.host}, which is not W&B's API.", hint=f"Use {api} instead."
        )
    if origin.scheme != "https" and (origin.host.endswith("wandb.ai") or is_official(origin.host)):
        raise UsageError(
            f"{what} is not encrypted: the API key could be read on the way.",
            hint=f"Use https://{origin.host} instead.",
        )
    return origin


_SDK_SECTION = "default"
BASE_VARIABLE = "WANDB_BASE_URL"


@dataclass(frozen=True, slots=True, repr=False)
class SdkSetting:
    """One setting; it may be secret."""

    value: str
    path: Path


@dataclass(frozen=True, slots=True, repr=False)
class SdkSettings:
    """What both files say together."""

    values: dict[str, SdkSetting]
    looked: tuple[Path, ...]
    broken: tuple[Path, ...] = ()
    """Files that are there and cannot be read."""


def sdk_settings_paths() -> tuple[Path, Path]:
    """The file for everything, and the one of the working directory, which wins."""
    folder = os.environ.get("WANDB_CONFIG_DIR")
    own = from_home(folder or "~/.config/wandb")
    here = Path.cwd()
    return own / "settings", here / (
        ".wandb" if (here / ".wandb").exists() else "wandb"
    ) / "settings"


def read_sdk_settings() -> SdkSettings:
    """Read both files; one that is missing or broken counts as empty."""
    looked = sdk_settings_paths()
    values: dict[str, SdkSetting] = {}
    broken = []
    for path in looked:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, configparser.Error):
            broken.append(path)
            continue
        if parser.has_section(_SDK_SECTION):
            values |= {key: SdkSetting(value, path) for key, value in parser.items(_SDK_SECTION)}
    return SdkSettings(values, looked, tuple(broken))


def default_origin(settings: SdkSettings | None = None) -> Origin:
    """Where W&B is, in the SDK's order: environment, settings files, cloud.

    Raises:
        UsageError: what is said there cannot be used.
    """
    text = os.environ.get(BASE_VARIABLE, "")
    if text:
        return base_origin(text, BASE_VARIABLE)
    said = (settings or read_sdk_settings()).values.get("base_url")
    if said is not None and said.value:
        return base_origin(said.value, f"The base_url in {said.path}")
    return DEFAULT_ORIGIN


_MODE_OF_OTHERS = 0o077
_API_KEY = re.compile(r"(?:\w+-)?[\w-]{40,}")
"""An API key of W&B."""


@dataclass(frozen=True, slots=True)
class NetrcKey:
    """What was found, and if nothing: where, and why."""

    path: Path
    key: Secret
    why: str = ""
    """Why there is no key, in a few words."""
    notices: tuple[str, ...] = ()


def netrc_path() -> Path:
    """The file: `$NETRC`, else `~/.netrc`, else `~/_netrc`; it need not be there."""
    if named := os.environ.get("NETRC"):
        return from_home(named)
    usual, other = from_home("~/.netrc"), from_home("~/_netrc")
    if usual.exists():
        return usual
    return other if other.exists() or sys.platform == "win32" else usual


def find_netrc_key(origin: Origin) -> NetrcKey:
    """The key for a server, under the name it was asked for, or under another of its names."""
    path = netrc_path()
    none = Secret("")
    try:
        read = netrc.netrc(path)
    except FileNotFoundError:
        return NetrcKey(path, none, "not there")
    except netrc.NetrcParseError as error:  # its words may quote the key
        line = f" in line {error.lineno}" if error.lineno is not None else ""
        return NetrcKey(path, none, f"has a mistake{line}")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        return NetrcKey(path, none, f"cannot be read: {why}")
    for machine in _machines(origin):
        if found := read.authenticators(machine):
            if not found[2]:
                return NetrcKey(path, none, f"has no password for machine {machine}")
            return NetrcKey(path, Secret(found[2]), notices=open_file_notice(path))
    return NetrcKey(path, none, f"has no machine {origin.netloc}")


def is_signed_in(origin: Origin) -> bool:
    """Whether `wandb login` has left a key for a server, as it writes them."""
    try:
        found = netrc.netrc(netrc_path()).authenticators(origin.netloc)
    except (OSError, ValueError, netrc.NetrcParseError):
        return False
    return bool(found and found[0] == "user" and _API_KEY.fullmatch(found[2] or ""))


def _machines(origin: Origin) -> Iterator[str]:
    """The server's name, and the other names of its backend."""
    yield origin.netloc
    for twin in twin_hosts(origin.host):
        yield Origin(origin.scheme, twin, origin.port).netloc


def open_file_notice(path: Path) -> tuple[str, ...]:
    """What to say of a file with a secret that other users can reach."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ()
    if os.name != "posix" or not mode & _MODE_OF_OTHERS:
        return ()
    return (f"Other users can read {path}: make it yours alone with chmod 600.",)


KEY_VARIABLE = "WANDB_API_KEY"
FILE_VARIABLE = "WANDB_IDENTITY_TOKEN_FILE"


@dataclass(frozen=True, slots=True)
class WandbLogin:
    """Credentials, and where they come from."""

    place: str
    key: Secret
    token_file: Path | None = None
    notices: tuple[str, ...] = ()


def find_login(origin: Origin) -> WandbLogin:
    """The credentials that the environment holds for a server.

    Raises:
        UsageError: there are none, or two that contradict each other.
    """
    looked: list[str] = []
    found = (
        _login_of_environment()
        or _login_of_netrc(origin, looked)
        or _login_of_sdk_settings(origin, looked)
    )
    if found is None:
        found = _login_of_variable(TOKEN_VARIABLE)
    if found is None:
        looked = [KEY_VARIABLE, FILE_VARIABLE, *looked, TOKEN_VARIABLE]
        raise UsageError(
            f"There is no API key for {origin.netloc}.",
            hint=f"Log in with `wandb login`, or set {KEY_VARIABLE}. Looked at: "
            f"{', '.join(looked)}.",
        )
    return found


def _login_of_variable(name: str) -> WandbLogin | None:
    value = os.environ.get(name, "")
    return WandbLogin(name, Secret(value)) if value.strip() else None


def _login_of_environment() -> WandbLogin | None:
    key = _login_of_variable(KEY_VARIABLE)
    named = os.environ.get(FILE_VARIABLE, "")
    if key is not None and named:
        raise UsageError(
            f"Both {KEY_VARIABLE} and {FILE_VARIABLE} are set.",
            hint="W&B allows one of them: unset the other.",
        )
    if named:
        return WandbLogin(FILE_VARIABLE, Secret(""), from_home(named).absolute())
    return key


def _login_of_netrc(origin: Origin, looked: list[str]) -> WandbLogin | None:
    said = find_netrc_key(origin)
    if said.key:
        return WandbLogin(str(said.path), said.key, notices=said.notices)
    looked.append(f"{said.path} ({said.why})")
    return None


def _login_of_sdk_settings(origin: Origin, looked: list[str]) -> WandbLogin | None:
    """The key in W&B's settings file; it is for the server that the SDK would speak to."""
    files = read_sdk_settings()
    for path in files.looked:
        broken = " (cannot be read)" if path in files.broken else ""
        looked.append(f"{path}{broken}")
    said = files.values.get("api_key")
    if said is None or not said.value.strip():
        return None
    try:
        meant = default_origin(files)
    except UsageError as error:
        looked.append(f"the api_key in {said.path} is for no server ({str(error).rstrip('.')})")
        return None
    same = backend_host(meant.host) == backend_host(origin.host)
    if not same or (meant.scheme, meant.port) != (origin.scheme, origin.port):
        looked.append(f"the api_key in {said.path} is for {meant.netloc}")
        return None
    return WandbLogin(str(said.path), Secret(said.value), notices=open_file_notice(said.path))


USUAL_AT_ONCE = 32
"""Requests at once, at most, when nothing else is configured."""


class WandbSettings(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written, and what it means; times end in their unit."""

    token_env: Annotated[str, "the variable that holds the API key"] = ""
    token_command: Annotated[str, "a program that prints the API key"] = ""
    concurrency: Annotated[int, "requests at once, at most: the pace adapts"] = USUAL_AT_ONCE
    batch: Annotated[bool, "several deletions in one request, where the server bears it"] = True
    registries: Annotated[bool, "of an entity: the registries of its organisation too"] = True
    admin: Annotated[bool, "send Use-Admin-Privileges; never sent otherwise"] = False
    ca_file: Annotated[str, "certificates of a private authority"] = ""
    connect_seconds: Annotated[float, "how long to wait for a connection"] = 10.0
    answer_seconds: Annotated[float, "the longest silence of the server"] = 60.0
    request_seconds: Annotated[float, "the longest duration of one request"] = 120.0
    bucket: Annotated[str, "the bucket of a self-hosted server: `registries test` looks at it"] = ""
    endpoint: Annotated[str, "another S3 than Amazon's"] = ""
    region: Annotated[str, "the region of the bucket"] = ""


_USUAL = WandbSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class WandbOptions(ConnectionOptions):
    """How to speak to one server; times in seconds, sizes in bytes."""

    key: Secret = field(default_factory=lambda: Secret(""))
    """The API key; empty with `token_file`, or to ask as nobody."""
    key_place: str = ""
    """Where the key or the token file was named, for the sentence that asks for another."""
    token_file: Path | None = None
    """A file with an identity token (JWT), which is exchanged for access tokens."""
    notices: tuple[str, ...] = ()
    """What the user should know about the credentials, in whole sentences."""
    admin: bool = False
    """Send `Use-Admin-Privileges`."""
    registries: bool = True
    """With the address of an entity, list the registries of its organisation too."""
    concurrency: int = USUAL_AT_ONCE
    batch: bool = True
    """Several deletions in one document, where the server bears it."""
    connect_s: float = _USUAL.connect_seconds
    answer_s: float = _USUAL.answer_seconds
    whole_s: float = _USUAL.request_seconds
    answer_limit: int = 64_000_000
    storage: StorageSettings | None = None
    """The bucket of a self-hosted server, when it is configured: only looked at."""


_TIME_SETTINGS = {
    "connect_seconds": "connect_s",
    "answer_seconds": "answer_s",
    "request_seconds": "whole_s",
}


def options_of(settings: Mapping[str, object], origin: Origin) -> WandbOptions:
    """How to speak to a server; what is not set is found as W&B's SDK finds it.

    Raises:
        ConfigError: an unknown setting, or one that cannot be used.
        UsageError: there are no credentials.
    """
    known = read_settings(settings, WandbSettings)
    limits = _options_without_login(settings, known)
    found = _login_as_configured(settings, known) or find_login(origin)
    return replace(
        limits,
        key=found.key,
        key_place=found.place,
        token_file=found.token_file,
        notices=(*found.notices, *_unencrypted_notice(origin)),
    )


def _unencrypted_notice(origin: Origin) -> tuple[str, ...]:
    if origin.scheme == "https" or origin.loopback:
        return ()
    return ("The connection is not encrypted: others may read the API key along.",)


def _login_as_configured(settings: Mapping[str, object], known: WandbSettings) -> WandbLogin | None:
    """The key from the place that is configured."""
    if known.token_env and known.token_command:
        refuse_setting(
            settings, "token_command", "the key has two places: token_env and token_command"
        )
    if known.token_env:
        value = secret_from_variable(settings, "token_env", known.token_env)
        return WandbLogin(known.token_env, Secret(value))
    if known.token_command:
        value = secret_from_command(settings, "token_command", known.token_command)
        return WandbLogin("what the token_command prints", Secret(value))
    return None


def _options_without_login(settings: Mapping[str, object], known: WandbSettings) -> WandbOptions:
    """All but the credentials."""
    given = connection_options(settings, known, _TIME_SETTINGS)
    return WandbOptions(
        admin=known.admin,
        registries=known.registries,
        batch=known.batch,
        storage=_bucket_settings(settings, known),
        **given,
    )


def _bucket_settings(
    settings: Mapping[str, object], known: WandbSettings
) -> StorageSettings | None:
    if known.bucket:
        return StorageSettings(known.bucket, endpoint=known.endpoint, region=known.region)
    for key in ("endpoint", "region"):
        if key in settings:
            refuse_setting(settings, key, f"“{key}” needs a bucket", 'Add bucket = "NAME".')
    return None
