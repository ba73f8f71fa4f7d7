"""Clients: one module or package a registry kind, found through entry points.

Those in the tree register in `pyproject.toml` the same way a third party would.
"""

from __future__ import annotations

import functools
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import UsageError, bare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from artifact_tui.clients.base import Client, Kind

GROUP = "artifact_tui.clients"
"""The entry-point group; each entry loads to a `artifact_tui.clients.base.Kind`."""


@runtime_checkable
class Spelled(Protocol):
    """A kind whose addresses can be written in several ways."""

    def canonical(self, address: str) -> str:
        """The one way to write it, the same in every environment."""

    def place(self, address: str) -> str:
        """The same text for every address of one registry: its `Identity.uid`."""


@runtime_checkable
class Advising(Protocol):
    """A kind that knows how addresses look that it could open, were they written otherwise."""

    def advice(self, address: str) -> str:
        """What to type instead; empty when it does not look like one of its own."""


@runtime_checkable
class Nested(Protocol):
    """A kind whose registries lie within others. Places are as `Spelled.place` writes them."""

    def short(self, address: str) -> str:
        """What to call the registry at an address that nobody gave a name."""

    def within(self, place: str, other: str) -> bool:
        """Whether a registry is a part of another one."""

    def may_show(self, place: str, other: str, settings: Mapping[str, object]) -> bool:
        """Whether opening a registry, with these settings, may list what another one holds.

        What is `within` it is not asked about. Nothing is sent: what cannot be told without asking
        may be so.
        """


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
        if getattr(kind, "fallback", False):
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
        if isinstance(kind, Advising) and (hint := kind.advice(address)):
            raise UsageError(f"The address “{address}” is a page for people.", hint=hint)


def canonical(address: str) -> str:
    """The one way to write an address, for kinds that know several (`Spelled`).

    Raises:
        UsageError: its kind cannot read it.
    """
    kind = _kind(address)
    return kind.canonical(address) if isinstance(kind, Spelled) else address


def place(address: str) -> str:
    """A text that all addresses of one registry share, for kinds that know several.

    Raises:
        UsageError: its kind cannot read it.
    """
    kind = _kind(address)
    return kind.place(address) if isinstance(kind, Spelled) else address


def nested(address: str) -> Nested | None:
    """The kind of an address, when its registries lie within others."""
    kind = _kind(address)
    return kind if isinstance(kind, Nested) else None


def _kind(address: str) -> Kind | None:
    """The kind that claims an address, or None."""
    try:
        return kind_of(address)
    except UsageError:
        return None


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
