"""The configuration file, and which registry a name or an address means.

The file is TOML and checked strictly: a mistake names the file, the line and the nearest key.

    default_registry = "team"
    theme = "textual-dark"

    [registries.team]
    address = "local:/srv/registry"
    production = true               # read-only, unless read_only = false is stated

    [registries.vision]
    address = "wandb://api.wandb.ai/acme/vision"

    [registries.zoo]
    address = "https://zoo.example/api"
    token_env = "ZOO_TOKEN"         # this, and what else the client of the address knows

    [keys]
    review = "x"
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError, UsageError, bare, may_hold_secret
from artifact_tui.settings import NONE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PORTS = {"http": ":80", "https": ":443"}
"""What an address may leave out."""

LOCAL = "local:"
"""The beginning of an address of the embedded kind."""


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """One `[registries.NAME]` table."""

    address: str
    read_only: bool = False
    production: bool = False
    settings: Mapping[str, object] = field(default_factory=Settings, repr=False)
    """Everything else in the table; its client reads it when it is opened."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; without a file, everything has its default."""

    registries: Mapping[str, RegistryConfig] = field(default_factory=dict)
    default: str = ""
    """The registry used when none is named; empty when the file states none."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Binding id to keys, as written: the screen checks the ids against its bindings."""
    key_lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each binding id, for the error when there is no such binding."""
    theme: str = ""
    mouse: bool | None = None
    """None: decided by the screen (off over SSH)."""
    ascii: bool = False
    path: Path | None = None
    """The file that was read, or None."""


@dataclass(frozen=True, slots=True)
class Target:
    """The registry that a command is about."""

    name: str
    """What people call it: the configured name, or the folder's. Untrusted text."""
    address: str
    """What a client opens; `local:` paths are absolute."""
    read_only: bool = False
    production: bool = False
    settings: Mapping[str, object] = field(default_factory=Settings, repr=False)
    """What its client is told; may hold secrets."""
    locked: bool = False
    """The user asked for a session that only reads: in other registries too."""
    typed: str = field(default="", compare=False)
    """What to write in a command to mean it: as the user did, name or address."""


def load(path: Path | None = None) -> Config:
    """Read the configuration, by default from `places.config_file()`.

    Raises:
        ConfigError: the file has a mistake, or holds a secret that other users can read.
    """
    from artifact_tui.configfile import read  # noqa: PLC0415 - most starts find no file
    from artifact_tui.places import config_file  # noqa: PLC0415 - same

    try:
        found = path or config_file()
    except ArtifactTuiError:  # without a home there is no file either
        return Config()
    return read(found) if found.is_file() else Config()


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word most like this one, or an empty text."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=cutoff)), "")


def resolve(config: Config, text: str | None = None) -> Target:
    """Which registry a person means: a configured name, an address, or a folder.

    Without a text: the default registry, the only configured one, or the embedded one.
    A configured registry keeps its protection however it is named, also where a larger one is
    opened that holds it: a W&B entity with its projects, and with the registries of its
    organisation. What has no table of its own has the protection of what holds it.

    Raises:
        UsageError: there is no such registry, or it is not clear which one is meant.
    """
    if text is None:
        return _default(config)
    if text in config.registries:
        return _configured(config, text, text)
    address = _address(text)
    if address is None:
        near = nearest(text, config.registries)
        guess = f"Did you mean “{near}”? " if near else ""
        raise UsageError(
            f"There is no registry named “{bare(text) if may_hold_secret(text) else text}”.",
            hint=f"{guess}Name a registry of the configuration, or an address such as local:PATH.",
        )
    if may_hold_secret(text) and not text.startswith(LOCAL):
        address, text = _without_secret(text), bare(text)
    address = _canonical(address)
    for name, registry in config.registries.items():
        if same_registry(registry.address, address):
            return _configured(config, name, text)
    around = _near(config, address, None)
    return Target(
        name=_name(address),
        address=address,
        read_only=any(one.read_only for one in around),
        production=any(one.production for one in around),
        typed=text,
    )


def _default(config: Config) -> Target:
    if config.default:
        return _configured(config, config.default, config.default)
    if len(config.registries) > 1:
        names = ", ".join(config.registries)
        raise UsageError(
            "Several registries are configured, and none is the default.",
            hint=f"Name one of them: {names}; or set default_registry in {config.path}.",
        )
    for name in config.registries:
        return _configured(config, name, name)
    return Target(name="local", address=LOCAL, typed=LOCAL)


def _configured(config: Config, name: str, typed: str) -> Target:
    registry = config.registries[name]
    every = (registry, *_near(config, registry.address, registry))
    return Target(
        name=name,
        address=_address(registry.address) or registry.address,
        read_only=any(one.read_only for one in every),
        production=any(one.production for one in every),
        settings=registry.settings,
        typed=typed,
    )


def read_only_at(config: Config, address: str, known: RegistryConfig | None) -> bool:
    """Whether an address, and what is configured for it, may only be read, as `resolve` says."""
    near = _near(config, address, known)
    return any(one.read_only for one in (*near, *((known,) if known is not None else ())))


def same_registry(one: str, other: str) -> bool:
    """Whether two addresses mean the same registry."""
    return _place(_address(one) or one) == _place(_address(other) or other)


def _near(config: Config, address: str, known: RegistryConfig | None) -> list[RegistryConfig]:
    """The registries within an address; when nothing is `known` of it, those around it too."""
    others = [one for one in config.registries.values() if one is not known]
    if address.startswith(LOCAL) or not any(one.read_only or one.production for one in others):
        return []
    from artifact_tui.clients import nested  # noqa: PLC0415 - local registries do without

    kind = nested(address)
    if kind is None:
        return []
    here, settings = _place(address), NONE if known is None else known.settings
    found = []
    for one in others:
        there = _place(one.address)
        around = known is None and kind.within(here, there)
        if around or kind.within(there, here) or kind.may_show(here, there, settings):
            found.append(one)
    return found


def named(config: Config, address: str) -> str:
    """What to write in a command to mean a registry: its configured name, else the address."""
    found = (name for name, one in config.registries.items() if same_registry(one.address, address))
    return next(found, address)


def at_address(config: Config, address: str, name: str = "") -> RegistryConfig | None:
    """What is configured for an address; of several, the one with that name, else the first."""
    found = {
        known: registry
        for known, registry in config.registries.items()
        if same_registry(registry.address, address)
    }
    return found.get(name) or next(iter(found.values()), None)


def _address(text: str) -> str | None:
    """The full address, or None when the text is not one."""
    scheme, colon, rest = text.partition(":")
    if text.startswith(LOCAL):
        return LOCAL + _absolute(rest) if rest else LOCAL
    if colon and scheme and scheme.replace("+", "").replace("-", "").isalnum():
        return text
    if "/" in text or text.startswith((".", "~")) or (Path(text) / "FORMAT").is_file():
        return LOCAL + _absolute(text)
    return None


def _without_secret(text: str) -> str:
    """The place that a page of a web app is, without what was copied along with it.

    Raises:
        UsageError: there is more in the address than a place.
    """
    with suppress(UsageError):
        if not may_hold_secret(address := _canonical(text)):
            return address
    raise UsageError(
        "Only a place may stand in an address: no user name or password, no ? and no #"
        f" ({bare(text)}).",
        hint="Nothing was kept. A token belongs in a variable, which --token-env names.",
    )


def _canonical(address: str) -> str:
    """The one way to write an address: a page of a web app names a registry too.

    Raises:
        UsageError: its kind cannot read it.
    """
    if address.startswith(LOCAL):
        return address
    from artifact_tui.clients import canonical  # noqa: PLC0415 - local registries do without

    return canonical(address)


def _absolute(path: str) -> str:
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - Path.absolute keeps “..”


def _place(address: str) -> str:
    """What two addresses of one registry have in common: links are followed."""
    if address.startswith(LOCAL):
        return os.path.realpath(address.removeprefix(LOCAL))
    from artifact_tui.clients import place  # noqa: PLC0415 - local registries do without

    with suppress(UsageError):
        address = place(address)
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    host, slash, path = rest.partition("/")
    scheme, host = scheme.lower(), host.lower().removesuffix(_PORTS.get(scheme.lower(), "//"))
    return f"{scheme}://{host}{slash}{path}".rstrip("/")


def _name(address: str) -> str:
    """What to call a registry that is not configured."""
    if address == LOCAL:
        return "local"
    if address.startswith(LOCAL):
        return Path(address.removeprefix(LOCAL)).name or address
    from artifact_tui.clients import nested  # noqa: PLC0415 - local registries do without

    kind = nested(address)
    return address if kind is None else kind.short(address)
