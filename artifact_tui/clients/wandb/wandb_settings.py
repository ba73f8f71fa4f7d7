"""What the configuration may say about a registry of W&B, and what becomes of it.

[registries.vision]
address = "wandb://acme/vision"
token_env = "ACME_KEY"            # or token_command; else as W&B's own SDK finds its key
registries = false                # of an entity: leave the registries of its organisation out
concurrency = 8                   # never more requests at once
batch = false                     # one deletion a request
bucket = "acme-wandb"             # of a self-hosted server: `registries test` looks at it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.clients.servers import (
    ConnectionOptions,
    Origin,
    Secret,
    connection_options,
    secret_from_command,
    secret_from_variable,
)
from artifact_tui.clients.wandb.wandb_login import WandbLogin, find_login
from artifact_tui.config import read_settings, refuse_setting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    limits = connection_options(settings, known, _TIME_SETTINGS)
    storage = None
    if known.bucket:
        storage = StorageSettings(known.bucket, endpoint=known.endpoint, region=known.region)
    for key in ("endpoint", "region"):
        if key in settings and storage is None:
            refuse_setting(settings, key, f"“{key}” needs a bucket", 'Add bucket = "NAME".')
    if known.token_env and known.token_command:
        refuse_setting(
            settings, "token_command", "the key has two places: token_env and token_command"
        )
    if known.token_env:
        value = secret_from_variable(settings, "token_env", known.token_env)
        login = WandbLogin(known.token_env, Secret(value))
    elif known.token_command:
        value = secret_from_command(settings, "token_command", known.token_command)
        login = WandbLogin("what the token_command prints", Secret(value))
    else:
        login = find_login(origin)
    notices = list(login.notices)
    if origin.scheme != "https" and not origin.loopback:
        notices.append("The connection is not encrypted: others may read the API key along.")
    return WandbOptions(
        key=login.key,
        key_place=login.place,
        token_file=login.token_file,
        notices=tuple(notices),
        admin=known.admin,
        registries=known.registries,
        batch=known.batch,
        storage=storage,
        **limits,
    )
