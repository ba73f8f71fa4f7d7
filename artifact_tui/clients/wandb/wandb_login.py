"""W&B's servers, and who we are at one: hosts, the SDK's settings files, credentials.

Hosts: `api.forge.coreweave.com` and `api.wandb.ai` are one backend; the web app of the first lives
at `forge.coreweave.com/wandb`, that of the second at `wandb.ai`. A dedicated cloud has its app and
its API on one host of `wandb.io`.

Settings files of the SDK, read as SDK 0.31 does it: `$WANDB_CONFIG_DIR/settings`, else
`~/.config/wandb/settings`; over it `settings` in the folder `.wandb` (when it is there) or `wandb`
of the working directory. At that point the SDK has not looked at `WANDB_DIR` yet, so that says
nothing here either.

Credentials are looked for in this order, unless the configuration names them: `WANDB_API_KEY` or
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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from artifact_tui.clients.servers import PORTS, TOKEN_VARIABLE, Origin, Secret
from artifact_tui.config import from_home
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


DEFAULT_ORIGIN = Origin("https", "api.forge.coreweave.com", 443)
"""Where W&B is when nothing says otherwise, as for its SDK since 0.31."""

BACKENDS = {
    "api.forge.coreweave.com": "api.wandb.ai",
    "api.qa.forge.coreweave.com": "api.qa.wandb.ai",
}
"""Hosts of the new names, and the old name of the same backend."""

FORGE_APPS = {
    "forge.coreweave.com": "api.forge.coreweave.com",
    "qa.forge.coreweave.com": "api.qa.forge.coreweave.com",
}
"""Hosts of the app whose pages live below `/wandb`, and the host of their API."""

_FORGE_API = "/api/wandb"
_APPS = {
    "wandb.ai": "api.wandb.ai",
    "www.wandb.ai": "api.wandb.ai",
    "app.wandb.ai": "api.wandb.ai",
    "qa.wandb.ai": "api.qa.wandb.ai",
}
_DEDICATED = ".wandb.io"

BASE_VARIABLE = "WANDB_BASE_URL"
KEY_VARIABLE = "WANDB_API_KEY"
FILE_VARIABLE = "WANDB_IDENTITY_TOKEN_FILE"

_SDK_SECTION = "default"
_MODE_OF_OTHERS = 0o077
_API_KEY = re.compile(r"(?:\w+-)?[\w-]{40,}")


def is_official(host: str) -> bool:
    """Whether a host belongs to W&B: its cloud, its app, or a dedicated cloud."""
    return (
        host in FORGE_APPS
        or host in BACKENDS
        or host == "wandb.ai"
        or host.endswith((".wandb.ai", _DEDICATED))
    )


def api_host(host: str) -> str:
    """The host of the API behind a host of the app; the API's own host stays as it is.

    Raises:
        UsageError: it is a host of W&B's, and not of its app.
    """
    found = FORGE_APPS.get(host) or _APPS.get(host)
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


def checked_origin(origin: Origin, what: str) -> Origin:
    """The server itself, unless it is a host of W&B's cloud that must not be asked like this.

    Raises:
        UsageError: not encrypted, or not the host of the API.
    """
    if origin.host in FORGE_APPS or (
        origin.host.endswith("wandb.ai") and "api" not in origin.host.split(".")
    ):
        api = FORGE_APPS.get(origin.host) or _APPS.get(origin.host, "api.wandb.ai")
        raise UsageError(
            f"{what} names {origin.host}, which is not W&B's API.", hint=f"Use {api} instead."
        )
    if origin.scheme != "https" and (origin.host.endswith("wandb.ai") or is_official(origin.host)):
        raise UsageError(
            f"{what} is not encrypted: the API key could be read on the way.",
            hint=f"Use https://{origin.host} instead.",
        )
    return origin


def _base_origin(text: str, what: str) -> Origin:
    """The server that a base URL (as in WANDB_BASE_URL) names; `what` begins a sentence.

    Raises:
        UsageError: W&B's own SDK would refuse it, or it has a path.
    """
    parts, origin = url_parts(text, what)
    path = parts.path.rstrip("/")
    if origin.host in FORGE_APPS:
        api = FORGE_APPS[origin.host]
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


@dataclass(frozen=True, slots=True, repr=False)
class SdkSettings:
    """What the SDK's settings files say together; some of it may be secret."""

    values: dict[str, tuple[str, Path]]
    """The value of each setting, and the file that it stands in."""
    paths: tuple[Path, Path]
    """The file for everything, and the one of the working directory, which wins."""
    broken: tuple[Path, ...]
    """Files that are there and cannot be read."""


def read_sdk_settings() -> SdkSettings:
    """Read both files; one that is missing or broken counts as empty."""
    own = from_home(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb")
    here = Path.cwd()
    here = here / (".wandb" if (here / ".wandb").exists() else "wandb")
    looked = (own / "settings", here / "settings")
    values: dict[str, tuple[str, Path]] = {}
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
            values |= {key: (value, path) for key, value in parser.items(_SDK_SECTION)}
    return SdkSettings(values, looked, tuple(broken))


def default_origin(settings: SdkSettings | None = None) -> Origin:
    """Where W&B is, in the SDK's order: environment, settings files, cloud.

    Raises:
        UsageError: what is said there cannot be used.
    """
    if text := os.environ.get(BASE_VARIABLE, ""):
        return _base_origin(text, BASE_VARIABLE)
    value, path = (settings or read_sdk_settings()).values.get("base_url", ("", None))
    return _base_origin(value, f"The base_url in {path}") if value else DEFAULT_ORIGIN


def netrc_path() -> Path:
    """The file: `$NETRC`, else `~/.netrc`, else `~/_netrc`; it need not be there."""
    if named := os.environ.get("NETRC"):
        return from_home(named)
    usual, other = from_home("~/.netrc"), from_home("~/_netrc")
    if usual.exists():
        return usual
    return other if other.exists() or sys.platform == "win32" else usual


def is_signed_in(origin: Origin) -> bool:
    """Whether `wandb login` has left a key for a server, as it writes them."""
    try:
        found = netrc.netrc(netrc_path()).authenticators(origin.netloc)
    except (OSError, ValueError, netrc.NetrcParseError):
        return False
    return bool(found and found[0] == "user" and _API_KEY.fullmatch(found[2] or ""))


def signed_in_origins() -> list[Origin]:
    """The servers that this account has logged in to, the default one first; each backend once.

    A netrc file does not tell how to reach a server of somebody's own: only W&B's are taken.
    """
    found: list[Origin] = []
    with suppress(UsageError):
        usual = default_origin()
        if find_login(usual).place != TOKEN_VARIABLE:
            found.append(usual)
    try:
        hosts = netrc.netrc(netrc_path()).hosts
    except (OSError, ValueError, netrc.NetrcParseError):
        hosts = {}
    for host in hosts:
        origin = Origin("https", host, PORTS["https"])
        others = [BACKENDS.get(one.host, one.host) for one in found]
        known = BACKENDS.get(host, host) in others
        if is_official(host) and not known and is_signed_in(origin):
            found.append(origin)
    return found


@dataclass(frozen=True, slots=True)
class WandbLogin:
    """Credentials, and where they come from."""

    place: str
    key: Secret
    token_file: Path | None = None
    notices: Sequence[str] = ()


def find_login(origin: Origin) -> WandbLogin:
    """The credentials that the environment holds for a server.

    Raises:
        UsageError: there are none, or two that contradict each other.
    """
    key, token_file, last = (
        os.environ.get(name, "") for name in (KEY_VARIABLE, FILE_VARIABLE, TOKEN_VARIABLE)
    )
    if key.strip() and token_file:
        raise UsageError(
            f"Both {KEY_VARIABLE} and {FILE_VARIABLE} are set.",
            hint="W&B allows one of them: unset the other.",
        )
    if token_file:
        return WandbLogin(FILE_VARIABLE, Secret(""), from_home(token_file).absolute())
    if key.strip():
        return WandbLogin(KEY_VARIABLE, Secret(key))
    looked = [KEY_VARIABLE, FILE_VARIABLE]
    if found := _login_of_netrc(origin, looked) or _login_of_sdk_settings(origin, looked):
        return found
    if last.strip():
        return WandbLogin(TOKEN_VARIABLE, Secret(last))
    raise UsageError(
        f"There is no API key for {origin.netloc}.",
        hint=f"Log in with `wandb login`, or set {KEY_VARIABLE}. Looked at: "
        f"{', '.join([*looked, TOKEN_VARIABLE])}.",
    )


def _login_of_netrc(origin: Origin, looked: list[str]) -> WandbLogin | None:
    """The key for a server, under the name it was asked for, or under another of its names."""
    path = netrc_path()
    backend = BACKENDS.get(origin.host, origin.host)
    names = [backend, *(new for new, old in BACKENDS.items() if old == backend)]
    try:
        read = netrc.netrc(path)
    except FileNotFoundError:
        why = "not there"
    except netrc.NetrcParseError as error:  # its words may quote the key
        line = f" in line {error.lineno}" if error.lineno is not None else ""
        why = f"has a mistake{line}"
    except (OSError, ValueError) as error:
        why = f"cannot be read: {error.strerror if isinstance(error, OSError) else 'no text'}"
    else:
        why = f"has no machine {origin.netloc}"
        for host in dict.fromkeys((origin.host, *names)):
            machine = Origin(origin.scheme, host, origin.port).netloc
            if found := read.authenticators(machine):
                if found[2]:
                    return WandbLogin(str(path), Secret(found[2]), notices=_open_file(path))
                why = f"has no password for machine {machine}"
                break
    looked.append(f"{path} ({why})")
    return None


def _login_of_sdk_settings(origin: Origin, looked: list[str]) -> WandbLogin | None:
    """The key in W&B's settings file; it is for the server that the SDK would speak to."""
    files = read_sdk_settings()
    looked += [f"{p} (cannot be read)" if p in files.broken else str(p) for p in files.paths]
    key, place = files.values.get("api_key", ("", files.paths[0]))
    if not key.strip():
        return None
    try:
        meant = default_origin(files)
    except UsageError as error:
        looked.append(f"the api_key in {place} is for no server ({str(error).rstrip('.')})")
        return None
    backends = {BACKENDS.get(host, host) for host in (meant.host, origin.host)}
    if len(backends) > 1 or (meant.scheme, meant.port) != (origin.scheme, origin.port):
        looked.append(f"the api_key in {place} is for {meant.netloc}")
        return None
    return WandbLogin(str(place), Secret(key), notices=_open_file(place))


def _open_file(path: Path) -> tuple[str, ...]:
    """What to say of a file with a secret that other users can reach."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ()
    if os.name != "posix" or not mode & _MODE_OF_OTHERS:
        return ()
    return (f"Other users can read {path}: make it yours alone with chmod 600.",)
