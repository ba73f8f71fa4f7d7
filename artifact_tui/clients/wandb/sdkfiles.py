"""What W&B's own SDK would read from its settings files.

As SDK 0.31 does it: `$WANDB_CONFIG_DIR/settings`, else `~/.config/wandb/settings`; over it
`settings` in the folder `.wandb` (when it is there) or `wandb` of the working directory. At that
point the SDK has not looked at `WANDB_DIR` yet, so that says nothing here either.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import hosts

if TYPE_CHECKING:
    from artifact_tui.clients.web.origin import Origin

_SECTION = "default"
BASE_VARIABLE = "WANDB_BASE_URL"


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """One setting; it may be secret."""

    value: str
    path: Path


@dataclass(frozen=True, slots=True, repr=False)
class SdkSettings:
    """What both files say together."""

    values: dict[str, Setting]
    looked: tuple[Path, ...]
    broken: tuple[Path, ...] = ()
    """Files that are there and cannot be read."""


def paths() -> tuple[Path, Path]:
    """The file for everything, and the one of the working directory, which wins."""
    folder = os.environ.get("WANDB_CONFIG_DIR")
    own = Path(folder).expanduser() if folder else Path("~/.config/wandb").expanduser()
    here = Path.cwd()
    return own / "settings", here / (
        ".wandb" if (here / ".wandb").exists() else "wandb"
    ) / "settings"


def read() -> SdkSettings:
    """Read both files; one that is missing or broken counts as empty."""
    looked = paths()
    values: dict[str, Setting] = {}
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
        if parser.has_section(_SECTION):
            values |= {key: Setting(value, path) for key, value in parser.items(_SECTION)}
    return SdkSettings(values, looked, tuple(broken))


def default_origin(settings: SdkSettings | None = None) -> Origin:
    """Where W&B is, in the SDK's order: environment, settings files, cloud.

    Raises:
        UsageError: what is said there cannot be used.
    """
    text = os.environ.get(BASE_VARIABLE, "")
    if text:
        return hosts.base_url(text, BASE_VARIABLE)
    said = (settings or read()).values.get("base_url")
    if said is not None and said.value:
        return hosts.base_url(said.value, f"The base_url in {said.path}")
    return hosts.DEFAULT
