"""Where the credentials for a server are: the registry's settings, then as W&B's SDK looks.

In this order: what the settings name; `WANDB_API_KEY` or `WANDB_IDENTITY_TOKEN_FILE` (not both);
the netrc file; `api_key` in W&B's settings file, when that file is about the same server; at last
`ARTIFACT_TUI_TOKEN`. An error names the places, never what stands there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import hosts, netrc, sdkfiles
from artifact_tui.clients.web.secret import Secret
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from artifact_tui.clients.web.origin import Origin

KEY_VARIABLE = "WANDB_API_KEY"
FILE_VARIABLE = "WANDB_IDENTITY_TOKEN_FILE"
OWN_VARIABLE = "ARTIFACT_TUI_TOKEN"


@dataclass(frozen=True, slots=True)
class Found:
    """Credentials, and where they come from."""

    place: str
    key: Secret
    token_file: Path | None = None
    notices: tuple[str, ...] = ()


def find(origin: Origin) -> Found:
    """The credentials that the environment holds for a server.

    Raises:
        UsageError: there are none, or two that contradict each other.
    """
    looked: list[str] = []
    found = _environment() or _netrc(origin, looked) or _settings(origin, looked)
    if found is None:
        found = _variable(OWN_VARIABLE)
    if found is None:
        looked = [KEY_VARIABLE, FILE_VARIABLE, *looked, OWN_VARIABLE]
        raise UsageError(
            f"There is no API key for {origin.netloc}.",
            hint=f"Log in with `wandb login`, or set {KEY_VARIABLE}. Looked at: "
            f"{', '.join(looked)}.",
        )
    return found


def _variable(name: str) -> Found | None:
    value = os.environ.get(name, "")
    return Found(name, Secret(value)) if value.strip() else None


def _environment() -> Found | None:
    key = _variable(KEY_VARIABLE)
    named = os.environ.get(FILE_VARIABLE, "")
    if key is not None and named:
        raise UsageError(
            f"Both {KEY_VARIABLE} and {FILE_VARIABLE} are set.",
            hint="W&B allows one of them: unset the other.",
        )
    if named:
        return Found(FILE_VARIABLE, Secret(""), Path(named).expanduser().absolute())
    return key


def _netrc(origin: Origin, looked: list[str]) -> Found | None:
    said = netrc.look(origin)
    if said.key:
        return Found(str(said.path), said.key, notices=said.notices)
    looked.append(f"{said.path} ({said.why})")
    return None


def _settings(origin: Origin, looked: list[str]) -> Found | None:
    """The key in W&B's settings file; it is for the server that the SDK would speak to."""
    files = sdkfiles.read()
    for path in files.looked:
        broken = " (cannot be read)" if path in files.broken else ""
        looked.append(f"{path}{broken}")
    said = files.values.get("api_key")
    if said is None or not said.value.strip():
        return None
    try:
        meant = sdkfiles.default_origin(files)
    except UsageError as error:
        looked.append(f"the api_key in {said.path} is for no server ({str(error).rstrip('.')})")
        return None
    same = hosts.backend(meant.host) == hosts.backend(origin.host)
    if not same or (meant.scheme, meant.port) != (origin.scheme, origin.port):
        looked.append(f"the api_key in {said.path} is for {meant.netloc}")
        return None
    return Found(str(said.path), Secret(said.value), notices=netrc.open_to_others(said.path))
