"""What the configuration may say about a W&B registry, and what becomes of it.

[registries.vision]
address = "wandb://acme/vision"
token_env = "ACME_KEY"            # or token_command; else as W&B's own SDK finds its key
registries = false                # of an entity: leave the registries of its organisation out
concurrency = 8                   # never more requests at once
batch = false                     # one deletion a request
bucket = "acme-wandb"             # of a self-hosted server: `registries test` looks at it
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.storage.settings import StorageSettings
from artifact_tui.clients.wandb.lookup import Found, find
from artifact_tui.clients.wandb.options import MOST_AT_ONCE, USUAL_AT_ONCE, Options
from artifact_tui.clients.web.secret import Secret
from artifact_tui.clients.web.told import printed, variable
from artifact_tui.settings import convert, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.web.origin import Origin

_TIMES = {
    "connect_seconds": "connect_s",
    "answer_seconds": "answer_s",
    "request_seconds": "whole_s",
}


class Known(msgspec.Struct, kw_only=True):
    """Every setting, as it may be written; times end in their unit."""

    token_env: str = ""
    token_command: str = ""
    admin: bool = False
    registries: bool = True
    concurrency: int = USUAL_AT_ONCE
    batch: bool = True
    ca_file: str = ""
    connect_seconds: float = 0.0
    answer_seconds: float = 0.0
    request_seconds: float = 0.0
    bucket: str = ""
    endpoint: str = ""
    region: str = ""


def options_of(settings: Mapping[str, object], origin: Origin) -> Options:
    """How to speak to a server; what is not set is found as W&B's SDK finds it.

    Raises:
        ConfigError: an unknown setting, or one that cannot be used.
        UsageError: there are no credentials.
    """
    known = convert(settings, Known)
    limits = _limits(settings, known)
    found = _named(settings, known) or find(origin)
    return replace(
        limits,
        key=found.key,
        key_place=found.place,
        token_file=found.token_file,
        notices=(*found.notices, *_open_line(origin)),
    )


def _open_line(origin: Origin) -> tuple[str, ...]:
    if origin.scheme == "https" or origin.loopback:
        return ()
    return ("The connection is not encrypted: others may read the API key along.",)


def _named(settings: Mapping[str, object], known: Known) -> Found | None:
    """The key from the place that is configured."""
    if known.token_env and known.token_command:
        fail(settings, "token_command", "the key has two places: token_env and token_command")
    if known.token_env:
        value = variable(settings, "token_env", known.token_env)
        return Found(known.token_env, Secret(value))
    if known.token_command:
        value = printed(settings, "token_command", known.token_command)
        return Found("what the token_command prints", Secret(value))
    return None


def _limits(settings: Mapping[str, object], known: Known) -> Options:
    """All but the credentials."""
    if not 1 <= known.concurrency <= MOST_AT_ONCE:
        fail(settings, "concurrency", f"“concurrency” is a number from 1 to {MOST_AT_ONCE}")
    times = {}
    for key, name in _TIMES.items():
        if key in settings:
            times[name] = getattr(known, key)
            if not times[name] > 0:
                fail(settings, key, f"“{key}” must be more than 0")
    ca_file = Path(known.ca_file).expanduser() if known.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        fail(settings, "ca_file", f"the ca_file {ca_file} is not there")
    return Options(
        admin=known.admin,
        registries=known.registries,
        concurrency=known.concurrency,
        batch=known.batch,
        ca_file=ca_file,
        storage=_storage(settings, known),
        **times,
    )


def _storage(settings: Mapping[str, object], known: Known) -> StorageSettings | None:
    if known.bucket:
        return StorageSettings(known.bucket, endpoint=known.endpoint, region=known.region)
    for key in ("endpoint", "region"):
        if key in settings:
            fail(settings, key, f"“{key}” needs a bucket", 'Add bucket = "NAME".')
    return None
