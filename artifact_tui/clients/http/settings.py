"""What the configuration may say about a REST registry, and what becomes of it.

[registries.zoo]
address = "https://zoo.example/api"
auth = "bearer"                   # none, x-authorization (the default with a token), bearer
token_env = "ZOO_TOKEN"           # or token_command, netrc = true, or login_name + password_env
concurrency = 4                   # only for a server that bears parallel deletions
bucket = "zoo-artifacts"          # its storage: what a deletion leaves behind is shown
pattern = "artifacts/{type}/{id}.zip" # or a folder for each: "artifacts/{id}/{name}"
grace_hours = 24                  # younger objects are no orphans: an upload may be running

Without settings, a token comes from the environment (`ARTIFACT_TUI_TOKEN`).
"""

from __future__ import annotations

import netrc
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.http.options import (
    TOKEN_VARIABLE,
    Address,
    Auth,
    Login,
    Options,
)
from artifact_tui.clients.storage.pattern import Pattern
from artifact_tui.clients.storage.settings import PATTERN, StorageSettings
from artifact_tui.clients.web.secret import Secret
from artifact_tui.clients.web.told import printed, variable
from artifact_tui.errors import UsageError
from artifact_tui.settings import convert, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_AT_ONCE = 64


class Known(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written; times end in their unit."""

    auth: str = ""
    token: str = ""
    token_env: str = ""
    token_command: str = ""
    netrc: bool = False
    login_name: str = ""
    login_admin: bool = True
    password: str = ""
    password_env: str = ""
    concurrency: int = 1
    batch: int = 0
    ca_file: str = ""
    connect_seconds: float = 0.0
    answer_seconds: float = 0.0
    request_seconds: float = 0.0
    item_seconds: float = 0.0
    create_seconds: float = 0.0
    patience_seconds: float = 0.0
    accepted_seconds: float = 0.0
    accept_empty: bool = False
    bucket: str = ""
    pattern: str = PATTERN
    endpoint: str = ""
    region: str = ""
    grace_hours: float = 24.0


def options_of(settings: Mapping[str, object], address: str) -> Options:
    """How to speak to the registry at an address; without settings, as the environment says.

    Raises:
        ConfigError: an unknown setting, or one that cannot be used.
        UsageError: the address is not one.
    """
    known = convert(settings, Known)
    login = _login(settings, known)
    token = Secret("") if login else _token(settings, known, Address.parse(address).host)
    auth = _auth(settings, known, token)
    if auth is Auth.NONE:
        token, login = Secret(""), None
    options = Options(auth=auth, token=token, token_place=_place(known), login=login)
    return _with_limits(settings, known, options)


def check_values(settings: Mapping[str, object]) -> None:
    """Refuse settings that are unknown or cannot be used; no secret is looked up.

    Raises:
        ConfigError: it says which setting, and what is wrong with it.
    """
    _with_limits(settings, convert(settings, Known), Options())


def storage_of(settings: Mapping[str, object]) -> StorageSettings | None:
    """The storage of a registry; None when no bucket is configured.

    Raises:
        ConfigError: an unknown setting, or one that cannot be used.
    """
    known = convert(settings, Known)
    if not known.bucket:
        for key in ("pattern", "endpoint", "region", "grace_hours"):
            if key in settings:
                fail(settings, key, f"“{key}” needs a bucket", 'Add bucket = "NAME".')
        return None
    try:
        Pattern(known.pattern)
    except UsageError as error:
        fail(settings, "pattern", str(error).rstrip("."), error.hint)
    if known.grace_hours < 0:
        fail(settings, "grace_hours", "“grace_hours” cannot be negative")
    return StorageSettings(
        known.bucket,
        known.pattern,
        known.endpoint,
        known.region,
        int(known.grace_hours * 3_600_000_000),
    )


def _auth(settings: Mapping[str, object], known: Known, token: Secret) -> Auth:
    """How credentials are shown."""
    if not known.auth:
        return Auth.TOKEN if token or known.login_name else Auth.NONE
    try:
        found = Auth(known.auth.lower())
    except ValueError:
        fail(
            settings, "auth", f"“{known.auth}” is no way to log in",
            f"One of: {', '.join(Auth)}.",
        )  # fmt: skip
    if found is not Auth.NONE and not token and not known.login_name:
        fail(
            settings, "auth", f"“{found}” needs a token, and there is none",
            f"Name its variable with token_env, or put the token in {TOKEN_VARIABLE}.",
        )  # fmt: skip
    return found


def _login(settings: Mapping[str, object], known: Known) -> Login | None:
    """A name and password, when they are configured."""
    if not known.login_name:
        for key in ("password", "password_env", "login_admin"):
            if key in settings:
                fail(settings, key, f"“{key}” needs a login_name")
        return None
    password = known.password or variable(settings, "password_env", known.password_env)
    if not password:
        fail(
            settings, "login_name", f"there is no password for “{known.login_name}”",
            "Name its variable with password_env.",
        )  # fmt: skip
    return Login(known.login_name, Secret(password), known.login_admin)


def _token(settings: Mapping[str, object], known: Known, host: str) -> Secret:
    """The token, from the one place that is configured, else from the environment."""
    places = [key for key in ("token", "token_env", "token_command", "netrc") if settings.get(key)]
    if len(places) > 1:
        fail(settings, places[1], f"the token has two places: {' and '.join(places[:2])}")
    if known.token:
        return Secret(known.token)
    if known.token_env:
        return Secret(variable(settings, "token_env", known.token_env))
    if known.token_command:
        return Secret(printed(settings, "token_command", known.token_command))
    if known.netrc:
        return Secret(_from_netrc(settings, host))
    return Secret(os.environ.get(TOKEN_VARIABLE, ""))


def _place(known: Known) -> str:
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
        fail(settings, "netrc", f"the netrc file {kind}")
    if found is None:
        fail(settings, "netrc", f"the netrc file has no machine {host}")
    return found[2]


def _with_limits(settings: Mapping[str, object], known: Known, options: Options) -> Options:
    """How fast, and how patient."""
    if not 1 <= known.concurrency <= MOST_AT_ONCE:
        fail(settings, "concurrency", f"“concurrency” is a number from 1 to {MOST_AT_ONCE}")
    times = {
        "connect_s": "connect_seconds",
        "answer_s": "answer_seconds",
        "whole_s": "request_seconds",
        "item_s": "item_seconds",
        "create_s": "create_seconds",
        "patience_s": "patience_seconds",
        "accepted_s": "accepted_seconds",
        "batch": "batch",
    }
    given = {}
    for name, key in times.items():
        if key in settings:
            given[name] = getattr(known, key)
            if not given[name] > 0:
                fail(settings, key, f"“{key}” must be more than 0")
    ca_file = Path(known.ca_file).expanduser() if known.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        fail(settings, "ca_file", f"the ca_file {ca_file} is not there")
    assert given.keys() <= {entry.name for entry in fields(Options)}  # noqa: S101 - spelled right
    return replace(
        options,
        concurrency=known.concurrency,
        ca_file=ca_file,
        accept_empty=known.accept_empty,
        storage=storage_of(settings),
        **given,
    )
