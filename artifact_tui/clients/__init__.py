"""Clients: one module or package a registry kind, found through entry points.

Those in the tree register in `pyproject.toml` the same way a third party would.
"""

from __future__ import annotations

import functools
import sys
import tomllib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast, get_origin, get_type_hints

from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import UsageError, bare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from artifact_tui.clients.base import Client, Kind

GROUP = "artifact_tui.clients"
"""The entry-point group; each entry loads to a `artifact_tui.clients.base.Kind`."""


def kind_of(address: str) -> Kind:
    """The kind that claims an address.

    A kind named like the beginning of the address (`local:`) is asked first. A kind that says
    `fallback = True` claims whatever looks like a web server, so it is asked last: an address on a
    host that another kind knows is that kind's.

    Raises:
        UsageError: no installed client does; the hint lists those that are installed.
    """
    found = _installed(tuple(sys.path))
    prefix = address.partition(":")[0]
    last: list[Kind] = []
    others: list[Kind] = []
    for entry in sorted(found, key=lambda entry: entry.name != prefix):
        kind = cast("Kind", entry.load())
        if kind.fallback:
            last.append(kind)
        elif kind.claims(address):
            return kind
        else:
            others.append(kind)
    for kind in last:
        if kind.claims(address):
            _refuse_mistaken(address, others)
            return kind
    names = ", ".join(entry.name for entry in found)
    raise UsageError(
        f"No client here can open “{bare(address)}”.",
        hint=f"Use an address such as local:PATH. Clients installed: {names}.",
    )


@functools.cache
def _installed(_folders: tuple[str, ...]) -> list[EntryPoint]:
    """The kinds in these folders, by name: found once, as all that is installed is read for it."""
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _refuse_mistaken(address: str, kinds: Sequence[Kind]) -> None:
    """Refuse an address that only looks like that of any web server.

    Raises:
        UsageError: one of these kinds knows what to type instead.
    """
    for kind in kinds:
        if hint := kind.advice(address):
            raise UsageError(f"The address “{address}” is a page for people.", hint=hint)


def claimed(address: str) -> Kind | None:
    """The kind that claims an address, or None."""
    try:
        return kind_of(address)
    except UsageError:
        return None


def every_kind() -> list[Kind]:
    """Every kind that is installed, by name."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return [cast("Kind", entry.load()) for entry in found]


def open_client(
    address: str,
    *,
    read_only: bool = False,
    actor: str = "",
    settings: Mapping[str, object] = NO_SETTINGS,
) -> Client:
    """Open the registry at an address with the client that claims it.

    `settings` is the rest of its table in the configuration.

    Raises:
        ConfigError: a setting that this client does not know, or cannot use.
        UsageError: no client claims the address.
        NotFoundError: there is no registry at this address.
        RegistryError: it is there but cannot be used.
    """
    return kind_of(address).open(address, read_only=read_only, actor=actor, settings=settings)


def check_settings(address: str, settings: Mapping[str, object]) -> None:
    """Whether the client of an address knows these settings. Nothing is opened or looked up.

    Raises:
        UsageError: no client claims the address.
        ConfigError: a setting that it does not know, or of another type.
    """
    kind_of(address).check(settings)


class SettingRow(NamedTuple):
    """One setting of a kind, for people."""

    name: str
    meaning: str
    usual: str
    """What it is unless it is set; empty for nothing."""
    default: object
    """The value that it has unless it is set; `None` where there is none."""

    def read(self, text: str) -> object:
        """The value that a text in a form stands for: a text is taken as it is typed."""
        return text if isinstance(self.default, str) else setting_value(text)


def setting_value(text: str) -> object:
    """A value as somebody types it: numbers, true and false are read as such, else a text."""
    try:
        found: object = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return found if isinstance(found, str | int | float | bool) else text


def setting_rows(kind: Kind) -> list[SettingRow]:
    """The settings of a kind that mean something."""
    import msgspec  # noqa: PLC0415 - a start without settings does without

    known = kind.settings()
    means = {
        name: hint.__metadata__[0]
        for name, hint in get_type_hints(known, include_extras=True).items()
        if get_origin(hint) is Annotated
    }
    usual = {
        one.name: None if one.default is msgspec.NODEFAULT else one.default
        for one in msgspec.structs.fields(known)
    }
    return [
        SettingRow(name, meaning, _written(usual[name]), usual[name])
        for name, meaning in means.items()
    ]


def _written(value: object) -> str:
    """A value as the configuration has it; nothing for an empty text, or none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
